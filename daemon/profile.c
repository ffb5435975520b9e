// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Snapshots: a configuration with all credentials loaded.  A snapshot never
 * changes; a reload makes another one.  Whoever uses it has a reference, so
 * that what has begun under one configuration ends under it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "log.h"
#include "profile.h"
#include "psk.h"

/**
 * loading_fail - say what is wrong with a configuration
 * @l: what is being loaded
 * @line: of the configuration
 * @fmt: the rest of the message
 *
 * Return: -EINVAL.
 */
int loading_fail(const struct loading *l, int line, const char *fmt, ...)
{
	va_list args;
	int n;

	n = snprintf(l->text, l->size, "%s:%d: [profile %s] ", l->path, line,
		     l->profile->name);
	if (n < 0 || (size_t)n >= l->size)
		return -EINVAL;
	va_start(args, fmt);
	vsnprintf(l->text + n, l->size - n, fmt, args);
	va_end(args);
	return -EINVAL;
}

static int load_users(const struct loading *l, struct profile *profile)
{
	const struct config_list *users = &l->profile->users;
	size_t i;

	if (!users->count)
		return 0;
	profile->users = calloc(users->count, sizeof(*profile->users));
	if (!profile->users)
		return -ENOMEM;
	for (i = 0; i < users->count; i++)
		if (loader_uid(l->files, users->items[i].value,
			       &profile->users[i]))
			return loading_fail(l, users->items[i].line,
					    "users: there is no user %s",
					    users->items[i].value);
	profile->user_count = users->count;
	return 0;
}

static int load_profile(const struct loading *l, struct profile *profile,
			bool strict)
{
	int err;

	profile->config = l->profile;
	profile->mech = &mech_tls;
	err = load_users(l, profile);
	if (!err)
		err = psk_cred_new(l, &profile->psk);
	if (!err)
		err = profile->mech->load(l, &profile->cred);
	if (!err)
		return 0;
	if (strict)
		return err;
	/* One broken profile must not take the others along. */
	snprintf(profile->off, sizeof(profile->off), "%s", l->text);
	log_error("%s; the profile is off", l->text);
	return 0;
}

static void snapshot_free(struct snapshot *snapshot)
{
	size_t i, count = snapshot->config ? snapshot->config->profile_count : 0;

	for (i = 0; snapshot->profiles && i < count; i++) {
		struct profile *profile = &snapshot->profiles[i];

		if (profile->cred)
			profile->mech->unload(profile->cred);
		psk_cred_free(profile->psk);
		free(profile->users);
	}
	free(snapshot->profiles);
	config_free(snapshot->config);
	free(snapshot);
}

static int load(struct snapshot *new, const char *path,
		const struct files *files, const struct ciphers *ciphers,
		bool strict, char *text, size_t size)
{
	struct loading l = {
		.path = path, .files = files, .ciphers = ciphers,
		.text = text, .size = size,
	};
	const struct file *file = files_find(files, path);
	struct config *config;
	size_t i;
	int err;

	if (!file || file->err) {
		err = file ? file->err : -ENOENT;
		snprintf(text, size, "%s: %s", path, strerror(-err));
		return err;
	}
	err = config_parse(path, (char *)file->data, &new->config, text, size);
	if (err)
		return err;
	config = new->config;
	new->profiles = calloc(config->profile_count + 1,
			       sizeof(*new->profiles));
	if (!new->profiles)
		return -ENOMEM;
	for (i = 0; i < config->profile_count; i++) {
		l.profile = &config->profiles[i];
		err = load_profile(&l, &new->profiles[i], strict);
		if (err)
			return err;
	}
	return 0;
}

/**
 * snapshot_new - load a configuration
 * @path: of the file
 * @files: its content, and everything that it names
 * @ciphers: of the kernel
 * @strict: credentials that cannot be loaded are an error; else they switch
 *	their profile off, which is logged
 * @snapshot: set, with one reference
 * @text: set to what is wrong, on failure
 * @size: of @text
 *
 * Return: 0 or -errno.
 */
int snapshot_new(const char *path, const struct files *files,
		 const struct ciphers *ciphers, bool strict,
		 struct snapshot **snapshot, char *text, size_t size)
{
	struct snapshot *new = calloc(1, sizeof(*new));
	int err;

	snprintf(text, size, "%s", strerror(ENOMEM));
	if (!new)
		return -ENOMEM;
	atomic_init(&new->refs, 1);
	err = load(new, path, files, ciphers, strict, text, size);
	if (err) {
		snapshot_free(new);
		return err;
	}
	*snapshot = new;
	return 0;
}

/**
 * snapshot_get - take a reference
 * @snapshot: the caller has one already
 *
 * Return: @snapshot.
 */
struct snapshot *snapshot_get(struct snapshot *snapshot)
{
	atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
	return snapshot;
}

/**
 * snapshot_put - give a reference back
 * @snapshot: may be NULL
 */
void snapshot_put(struct snapshot *snapshot)
{
	if (snapshot && atomic_fetch_sub(&snapshot->refs, 1) == 1)
		snapshot_free(snapshot);
}

/**
 * snapshot_profile - look up a profile
 * @snapshot: where
 * @name: its name
 *
 * Return: the profile, which lives as long as @snapshot, or NULL.
 */
const struct profile *snapshot_profile(const struct snapshot *snapshot,
				       const char *name)
{
	size_t i;

	for (i = 0; i < snapshot->config->profile_count; i++)
		if (!strcmp(snapshot->profiles[i].config->name, name))
			return &snapshot->profiles[i];
	return NULL;
}

/**
 * profile_allows - whether a local user may use a profile
 * @profile: the profile
 * @uid: the user
 *
 * Return: whether.
 */
bool profile_allows(const struct profile *profile, uid_t uid)
{
	size_t i;

	for (i = 0; i < profile->user_count; i++)
		if (profile->users[i] == uid)
			return true;
	return !profile->user_count;
}
