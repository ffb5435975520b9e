/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_PRIVS_H
#define SOCKAUTHD_PRIVS_H

#include <stddef.h>
#include <sys/types.h>

enum privs {
	PRIVS_NONE,
	PRIVS_READ_FILES,
};

int privs_user(const char *user, uid_t *uid, gid_t *gid, char *text,
	       size_t size);
int privs_harden(void);
int privs_drop(uid_t uid, gid_t gid, enum privs keep);

#endif /* SOCKAUTHD_PRIVS_H */
