// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who reads the configuration and the files that it names.
 *
 * Keys are readable for root alone, and the daemon is not root for long.  Yet
 * it must read them again when it is told to.  Keeping the capability to read
 * every file in the process that talks to strangers would make a gift of it:
 * threads share their memory.  So, before it drops its privileges, the daemon
 * forks this loader, a process that can do one thing: when it gets a byte, it
 * reads the configuration, whose name it has known since the beginning, and
 * sends it with all files that it names.  A daemon in bad hands gets nothing
 * out of it that it would not have anyway.
 *
 * The loader talks to nobody else.  It has no system call filter, since
 * looking up users may take any NSS module; it keeps the capability to read,
 * and no other.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "config.h"
#include "loader.h"
#include "log.h"
#include "privs.h"

/* What is sent before name and content of each file. */
struct header {
	uint32_t name_len;
	uint32_t len;
	int32_t err;
};

#define SYSTEM_TRUST	"system"
#define USER_PREFIX	"user:"
#define NAME_MAX_LEN	4096

/* Seconds that it may take over the next piece of an answer. */
#define PATIENCE	60

/* The loader's only descriptor but for standard error. */
#define LOADER_FD	(STDERR_FILENO + 1)

/**
 * loader_path - where a value of "trust" or "crl" is
 * @value: as configured
 *
 * Return: a path, which lives as long as @value.
 */
const char *loader_path(const char *value)
{
	if (!strcmp(value, SYSTEM_TRUST))
		return X509_get_default_cert_dir();
	return value;
}

/* User names are looked up here too: that takes files and daemons. */
static int collect_user(struct files *files, const char *user)
{
	char name[256], number[16];
	const struct passwd *pw;
	char *end;
	unsigned long uid;

	errno = 0;
	uid = strtoul(user, &end, 10);
	if (*end || end == user || errno || uid >= UINT32_MAX) {
		pw = getpwnam(user);
		if (!pw)
			return 0;
		uid = pw->pw_uid;
	}
	snprintf(name, sizeof(name), USER_PREFIX "%s", user);
	snprintf(number, sizeof(number), "%lu", uid);
	return files_add(files, name, 0, number, strlen(number));
}

/**
 * loader_uid - the number of a configured user
 * @files: as loader_collect() made it
 * @user: name or number
 * @uid: set
 *
 * Return: 0, or -ENOENT if there is no such user.
 */
int loader_uid(const struct files *files, const char *user, uid_t *uid)
{
	const struct file *file;
	char name[256];

	snprintf(name, sizeof(name), USER_PREFIX "%s", user);
	file = files_find(files, name);
	if (!file)
		return -ENOENT;
	*uid = strtoul((char *)file->data, NULL, 10);
	return 0;
}

static int collect_list(struct files *files, const struct config_list *list,
			bool dirs)
{
	size_t i;
	int err = 0;

	for (i = 0; !err && i < list->count; i++)
		err = files_read(files, loader_path(list->items[i].value),
				 dirs);
	return err;
}

static int collect_profile(struct files *files,
			   const struct config_profile *profile)
{
	size_t i;
	int err;

	err = collect_list(files, &profile->trust, true);
	if (!err)
		err = collect_list(files, &profile->crl, false);
	for (i = 0; !err && i < profile->pair_count; i++) {
		err = files_read(files, profile->pairs[i].cert, false);
		if (!err && profile->pairs[i].key)
			err = files_read(files, profile->pairs[i].key,
					 false);
	}
	if (!err && profile->keytab)
		err = files_read(files, profile->keytab, false);
	for (i = 0; !err && i < profile->users.count; i++)
		err = collect_user(files, profile->users.items[i].value);
	return err;
}

/* Other keys are in files of their own. */
static void warn_of_psk(const char *path, const struct config *config)
{
	struct stat st;
	size_t i;

	for (i = 0; i < config->profile_count; i++)
		if (config->profiles[i].psk_count)
			break;
	if (i < config->profile_count && !stat(path, &st) &&
	    st.st_mode & S_IROTH)
		log_warning("%s has a psk, and everybody can read it", path);
}

/**
 * loader_collect - read a configuration and everything that it names
 * @files: an empty set
 * @path: of the configuration
 *
 * What cannot be read or understood is for the reader of @files to notice.
 *
 * Return: 0 or -ENOMEM.
 */
int loader_collect(struct files *files, const char *path)
{
	char text[CONFIG_TEXT_MAX];
	const struct file *file;
	struct config *config;
	size_t i;
	int err;

	err = files_read(files, path, false);
	if (err)
		return err;
	file = files_find(files, path);
	if (file->err || config_parse(path, (char *)file->data, &config, text,
				      sizeof(text)))
		return 0;
	warn_of_psk(path, config);
	for (i = 0; !err && i < config->profile_count; i++)
		err = collect_profile(files, &config->profiles[i]);
	config_free(config);
	return err;
}

static int send_all(int fd, const void *data, size_t len)
{
	ssize_t n;

	for (; len; data = (const char *)data + n, len -= n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
	}
	return 0;
}

static int recv_all(int fd, void *data, size_t len)
{
	ssize_t n;

	for (; len; data = (char *)data + n, len -= n) {
		n = recv(fd, data, len, 0);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		else if (!n)
			return -EPIPE;
	}
	return 0;
}

static int send_file(int fd, const struct file *file)
{
	struct header header = {
		.name_len = strlen(file->name),
		.len = file->len,
		.err = file->err,
	};
	int err;

	err = send_all(fd, &header, sizeof(header));
	if (!err)
		err = send_all(fd, file->name, header.name_len);
	if (!err)
		err = send_all(fd, file->data, header.len);
	return err;
}

/* A file without a name ends the answer; its error is that of the whole. */
static int answer(int fd, const char *path)
{
	struct files files = { 0 };
	struct header end = { 0 };
	size_t i;
	int err;

	end.err = loader_collect(&files, path);
	for (i = 0, err = 0; !err && i < files.count; i++)
		err = send_file(fd, &files.list[i]);
	files_clear(&files);
	if (!err)
		err = send_all(fd, &end, sizeof(end));
	return err;
}

static void serve(int fd, const char *path)
{
	char byte;

	while (!recv_all(fd, &byte, 1))
		if (answer(fd, path))
			break;
}

/**
 * loader_start - fork the loader
 * @path: of the configuration
 * @uid: whom it runs as; it can read all files nevertheless
 * @gid: likewise
 * @fd: set to where it answers; it ends when that is closed
 *
 * Before there are threads.
 *
 * Return: 0 or -errno.
 */
int loader_start(const char *path, uid_t uid, gid_t gid, int *fd)
{
	/* For a name service that hangs; the main thread waits meanwhile. */
	const struct timeval patience = { .tv_sec = PATIENCE };
	int pair[2], err;
	sigset_t all;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (pid) {
		close(pair[1]);
		*fd = pair[0];
		return setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
				  sizeof(patience)) ? -errno : 0;
	}
	/* Nothing that the daemon has open is the loader's business. */
	if (dup2(pair[1], LOADER_FD) < 0 ||
	    close_range(LOADER_FD + 1, UINT_MAX, 0) < 0)
		_exit(EXIT_FAILURE);
	/* ^C and systemctl reload are for the daemon; it will close us. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "sockauthd-load");
	if (!privs_drop(uid, gid, PRIVS_READ_FILES))
		serve(LOADER_FD, path);
	_exit(EXIT_SUCCESS);
}

static int fetch_file(int fd, const struct header *header,
		      struct files *files)
{
	char name[NAME_MAX_LEN + 1];
	uint8_t *data;
	int err;

	if (header->name_len > NAME_MAX_LEN || header->len > FILE_MAX)
		return -EPROTO;
	data = malloc(header->len + 1);
	if (!data)
		return -ENOMEM;
	err = recv_all(fd, name, header->name_len);
	name[header->name_len] = '\0';
	if (!err)
		err = recv_all(fd, data, header->len);
	if (!err)
		err = files_add(files, name, header->err, data, header->len);
	OPENSSL_cleanse(data, header->len);
	free(data);
	return err;
}

/**
 * loader_fetch - have the loader read everything again
 * @fd: from loader_start(); closed and set to -1 if the loader is gone or does
 *	not answer, since what may still come answers nothing
 * @files: an empty set; filled
 *
 * Return: 0 or -errno.
 */
int loader_fetch(int *fd, struct files *files)
{
	struct header header;
	int err;

	err = send_all(*fd, "", 1);
	while (!err) {
		err = recv_all(*fd, &header, sizeof(header));
		if (!err && !header.name_len)
			return header.err;
		if (!err)
			err = fetch_file(*fd, &header, files);
	}
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err;
}
