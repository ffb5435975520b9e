/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_FILES_H
#define SOCKAUTHD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct file - what was read under one name
 * @name: the path
 * @err: -errno: why there is no content; 0: there is
 * @data: the content, with a zero byte after it
 * @len: of the content
 */
struct file {
	char *name;
	int err;
	uint8_t *data;
	size_t len;
};

/**
 * struct files - a set of files, all read at the same time
 * @list: the files
 * @count: how many
 */
struct files {
	struct file *list;
	size_t count;
};

/* Larger files are refused: a mistake, or somebody's attempt. */
#define FILE_MAX	(16u << 20)

int files_add(struct files *files, const char *name, int err,
	      const void *data, size_t len);
int files_read(struct files *files, const char *path, bool dir);
const struct file *files_find(const struct files *files, const char *name);
void files_clear(struct files *files);

#endif /* SOCKAUTHD_FILES_H */
