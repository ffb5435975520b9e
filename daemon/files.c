// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of files in memory.  Configuration, keys and certificates are read
 * at one time by whoever may read them, and used by somebody who may not.
 * Not shared between threads.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "files.h"

/* A growing piece of memory that may hold a key. */
struct content {
	uint8_t *data;
	size_t len;
};

static void content_clear(struct content *c)
{
	if (c->data)
		OPENSSL_cleanse(c->data, c->len);
	free(c->data);
	c->data = NULL;
	c->len = 0;
}

/* Room for @more bytes; realloc() would leave a copy of a key behind. */
static int content_grow(struct content *c, size_t more)
{
	uint8_t *data;

	if (more > FILE_MAX - c->len)
		return -EFBIG;
	data = malloc(c->len + more + 1);
	if (!data)
		return -ENOMEM;
	if (c->len)
		memcpy(data, c->data, c->len);
	if (c->data)
		OPENSSL_cleanse(c->data, c->len);
	free(c->data);
	c->data = data;
	return 0;
}

static int read_fd(int fd, struct content *c)
{
	struct stat st;
	ssize_t n;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	err = content_grow(c, st.st_size);
	if (err)
		return err;
	for (off_t left = st.st_size; left; left -= n) {
		n = read(fd, c->data + c->len, left);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		c->len += n;
	}
	return 0;
}

static int read_at(int dir, const char *name, struct content *c)
{
	/* O_NONBLOCK: a FIFO in the wrong place must not stop a reload. */
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY |
			O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = read_fd(fd, c);
	close(fd);
	return err;
}

static int is_pem(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && (!strcmp(dot, ".pem") || !strcmp(dot, ".crt"));
}

/* All of a directory's *.pem and *.crt, one after the other. */
static int read_dir(const char *path, struct content *c)
{
	struct dirent **entries;
	int i, n, dir, err = 0;

	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	n = scandirat(dir, ".", &entries, is_pem, alphasort);
	if (n < 0)
		err = -errno;
	for (i = 0; i < n; i++) {
		if (!err)
			err = read_at(dir, entries[i]->d_name, c);
		/* The last line of a file may lack its newline. */
		if (!err)
			err = content_grow(c, 1);
		if (!err)
			c->data[c->len++] = '\n';
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	close(dir);
	return err;
}

static int append(struct files *files, struct file *file)
{
	struct file *list;

	list = reallocarray(files->list, files->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	files->list = list;
	list[files->count++] = *file;
	return 0;
}

/**
 * files_add - add content that is in memory already
 * @files: the set
 * @name: copied
 * @err: -errno instead of content, or 0
 * @data: copied; may be NULL if @len is 0
 * @len: of @data
 *
 * Return: 0 or -ENOMEM.
 */
int files_add(struct files *files, const char *name, int err,
	      const void *data, size_t len)
{
	struct file file = { .name = strdup(name), .err = err, .len = len };

	file.data = malloc(len + 1);
	if (!file.name || !file.data)
		goto fail;
	if (len)
		memcpy(file.data, data, len);
	file.data[len] = '\0';
	if (!append(files, &file))
		return 0;
	OPENSSL_cleanse(file.data, len);
fail:
	free(file.name);
	free(file.data);
	return -ENOMEM;
}

/**
 * files_read - add a file
 * @files: the set; a path that it has is not read again
 * @path: of the file
 * @dir: it may be a directory too: then all its certificates are read
 *
 * That a file cannot be read is noted in the set, for whoever needs it.
 *
 * Return: 0 or -ENOMEM.
 */
int files_read(struct files *files, const char *path, bool dir)
{
	struct content c = { 0 };
	struct stat st;
	int err;

	if (files_find(files, path))
		return 0;
	if (stat(path, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = dir ? read_dir(path, &c) : -EISDIR;
	else
		err = read_at(AT_FDCWD, path, &c);
	if (err)
		content_clear(&c);
	err = files_add(files, path, err, c.data, c.len);
	content_clear(&c);
	return err;
}

/**
 * files_find - look up a file
 * @files: the set
 * @name: as it was added
 *
 * Return: the file, which stays the set's, or NULL.
 */
const struct file *files_find(const struct files *files, const char *name)
{
	size_t i;

	for (i = 0; i < files->count; i++)
		if (!strcmp(files->list[i].name, name))
			return &files->list[i];
	return NULL;
}

/**
 * files_clear - wipe and free the content of a set
 * @files: empty afterwards
 */
void files_clear(struct files *files)
{
	size_t i;

	for (i = 0; i < files->count; i++) {
		OPENSSL_cleanse(files->list[i].data, files->list[i].len);
		free(files->list[i].data);
		free(files->list[i].name);
	}
	free(files->list);
	files->list = NULL;
	files->count = 0;
}
