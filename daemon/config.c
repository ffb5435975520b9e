// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: text in, struct config out.  The first error ends the
 * parsing and names file, line, key and what would have been right.  No state
 * outside the caller's objects.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confkey.h"

static struct config_profile *find_profile(const struct config *config,
					   const char *name)
{
	size_t i;

	for (i = 0; i < config->profile_count; i++)
		if (!strcmp(config->profiles[i].name, name))
			return &config->profiles[i];
	return NULL;
}

static const char *profile_of(const char *section)
{
	static const char prefix[] = "profile ";

	if (strncmp(section, prefix, strlen(prefix)))
		return NULL;
	section += strlen(prefix);
	return section + strspn(section, " \t");
}

/* inih's name of the section is cut: to 49 bytes, where a profile's has 71. */
static int handle_value(void *arg, const char *section, const char *name,
			const char *value)
{
	struct config_parser *p = arg;
	struct config *config = p->config;

	(void)section;
	if (p->err)
		return 0;
	if (p->in_daemon)
		return !config_set_daemon(p, name, value);
	if (p->in_profile)
		return !config_set_profile(p,
				&config->profiles[config->profile_count - 1],
				name, value);
	return !config_fail(p, -EINVAL, "%s: no section above it", name);
}

static int add_profile(struct config_parser *p, const char *name)
{
	struct config *config = p->config;
	struct config_profile *list;
	size_t i;

	if (!*name || strlen(name) >= SOCKAUTH_PROFILE_MAX)
		return config_fail(p, -EINVAL,
				   "the name of a profile has 1 to %d characters",
				   SOCKAUTH_PROFILE_MAX - 1);
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("-_.", name[i]))
			return config_fail(p, -EINVAL, "the name of a profile has letters, digits, '-', '_' and '.'");
	if (find_profile(config, name))
		return config_fail(p, -EINVAL, "[profile %s] is here a second time",
				   name);
	list = reallocarray(config->profiles, config->profile_count + 1,
			    sizeof(*list));
	if (!list)
		return config_fail(p, -ENOMEM, "out of memory");
	config->profiles = list;
	list += config->profile_count;
	*list = (struct config_profile) {
		.line = p->line,
		.mechs = 1u << SOCKAUTH_MECH_TLS,
		.tickets = 2,
		.depth = 10,
		.security = 2,
		.mutual = 1,
	};
	list->name = config_copy(p, name, strlen(name));
	if (!list->name)
		return p->err;
	config->profile_count++;
	return 0;
}

/*
 * inih tells of a section only with its first key; but a profile may have
 * none, and a misspelt section must not go unnoticed.
 */
static int note_section(struct config_parser *p, char *line)
{
	char *end = strchr(line, ']');
	const char *profile, *rest;

	if (!end)
		return config_fail(p, -EINVAL, "a section ends with \"]\"");
	*end = '\0';
	rest = end + 1 + strspn(end + 1, " \t\r");
	if (*rest && !strchr("#;", *rest))
		return config_fail(p, -EINVAL,
				   "a key has a line of its own, not that of [%s]",
				   line + 1);
	profile = profile_of(line + 1);
	p->in_profile = profile;
	p->in_daemon = !profile;
	if (profile)
		return add_profile(p, profile);
	if (strcmp(line + 1, "daemon"))
		return config_fail(p, -EINVAL,
				   "[%s] is no section; [daemon] and [profile NAME] are",
				   line + 1);
	return 0;
}

/*
 * Like fgets(), but counts lines, and does not cut one that is too long. To inih
 * a line that begins with blanks would be more of the value above it, whatever
 * it says. In the end a key may still be in @buf, which is on a stack.
 */
static char *read_line(char *buf, int size, void *stream)
{
	struct config_parser *p = stream;
	char section[256];
	size_t len;

	if (p->err || !*p->next) {
		explicit_bzero(buf, size);
		return NULL;
	}
	p->line++;
	p->next += strspn(p->next, " \t");
	len = strcspn(p->next, "\n");
	if (len + 2 > (size_t)size) {
		config_fail(p, -EINVAL, "a line of more than %d bytes", size - 2);
		return NULL;
	}
	memcpy(buf, p->next, len);
	strcpy(buf + len, "\n");
	p->next += len;
	if (*p->next)
		p->next++;
	if (*buf == '[') {
		snprintf(section, sizeof(section), "%.*s", (int)len, buf);
		if (note_section(p, section))
			return NULL;
	}
	return buf;
}

/* What only the whole profile shows. */
static int check_profile(struct config_parser *p,
			 const struct config_profile *c)
{
	p->line = c->line;
	if (!(c->mechs & 1u << SOCKAUTH_MECH_TLS) &&
	    (c->pair_count || c->trust.count))
		return config_fail(p, -EINVAL,
				   "[profile %s] has certificates, but its mechanisms lack tls",
				   c->name);
	if (!(c->mechs & 1u << SOCKAUTH_MECH_KRB5) && c->keytab)
		return config_fail(p, -EINVAL,
				   "[profile %s] has a keytab, but its mechanisms lack krb5",
				   c->name);
	if (!(c->mechs & 1u << SOCKAUTH_MECH_PSK) != !c->psk_count)
		return config_fail(p, -EINVAL,
				   "[profile %s] has only one of the mechanism psk and a psk",
				   c->name);
	if (c->client_cert != CLIENT_CERT_NONE && !c->trust.count)
		return config_fail(p, -EINVAL,
				   "[profile %s] asks for client certificates, but has no trust",
				   c->name);
	return 0;
}

/**
 * config_parse - parse a configuration
 * @name: of the file, for messages
 * @data: its text
 * @config: set to the new object; the caller frees it
 * @text: set to what is wrong, on failure
 * @size: of @text
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int config_parse(const char *name, const char *data, struct config **config,
		 char *text, size_t size)
{
	struct config_parser p = {
		.name = name, .next = data, .text = text, .size = size,
	};
	size_t i;
	int ret;

	p.config = calloc(1, sizeof(*p.config));
	if (!p.config)
		return config_fail(&p, -ENOMEM, "out of memory");
	p.config->window = 64;
	p.config->contexts = 16384;
	p.config->sessions = 1024;
	ret = ini_parse_stream(read_line, &p, handle_value, &p);
	/* inih goes on after an error; ours stopped at its line. */
	if (ret && !p.err) {
		if (ret > 0)
			p.line = ret;
		config_fail(&p, -EINVAL, "neither [SECTION] nor KEY = VALUE");
	}
	for (i = 0; !p.err && i < p.config->profile_count; i++)
		check_profile(&p, &p.config->profiles[i]);
	if (p.err) {
		config_free(p.config);
		return p.err;
	}
	*config = p.config;
	return 0;
}

static void list_clear(struct config_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->items[i].value);
	free(list->items);
}

static void profile_clear(struct config_profile *profile)
{
	size_t i;

	for (i = 0; i < profile->pair_count; i++) {
		free(profile->pairs[i].cert);
		free(profile->pairs[i].key);
	}
	free(profile->pairs);
	list_clear(&profile->trust);
	list_clear(&profile->crl);
	list_clear(&profile->groups);
	list_clear(&profile->users);
	list_clear(&profile->principals);
	for (i = 0; i < profile->psk_count; i++) {
		explicit_bzero(profile->psks[i].key,
			       sizeof(profile->psks[i].key));
		free(profile->psks[i].identity);
	}
	free(profile->psks);
	free(profile->keytab);
	free(profile->service);
	free(profile->ccache);
	free(profile->client_keytab);
	free(profile->target);
	free(profile->name);
}

/**
 * config_free - free a configuration
 * @config: may be NULL
 */
void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->profile_count; i++)
		profile_clear(&config->profiles[i]);
	free(config->profiles);
	free(config->user);
	free(config);
}
