/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_LOADER_H
#define SOCKAUTHD_LOADER_H

#include <sys/types.h>

#include "files.h"

int loader_collect(struct files *files, const char *path);
const char *loader_path(const char *value);
int loader_uid(const struct files *files, const char *user, uid_t *uid);

int loader_start(const char *path, uid_t uid, gid_t gid, int *fd);
int loader_fetch(int *fd, struct files *files);

#endif /* SOCKAUTHD_LOADER_H */
