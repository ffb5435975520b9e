// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving privileges away, of the whole process, before it has threads.
 */
#include <cap-ng.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "privs.h"

#define DEFAULT_USER	"sockauth"

/**
 * privs_user - whom to run as
 * @user: configured; NULL: "sockauth", or who we are if there is no such user
 * @uid: set
 * @gid: set
 * @text: set to what is wrong, on failure
 * @size: of @text
 *
 * Return: 0 or -ENOENT.
 */
int privs_user(const char *user, uid_t *uid, gid_t *gid, char *text,
	       size_t size)
{
	const struct passwd *pw;

	pw = getpwnam(user ? user : DEFAULT_USER);
	if (!pw && user) {
		snprintf(text, size, "user: there is no user %s", user);
		return -ENOENT;
	}
	/* Only root can become somebody else without having been told to. */
	if (!user && geteuid())
		pw = NULL;
	*uid = pw ? pw->pw_uid : getuid();
	*gid = pw ? pw->pw_gid : getgid();
	return 0;
}

/**
 * privs_harden - keep secrets out of core dumps and away from debuggers
 *
 * Return: 0 or -errno.
 */
int privs_harden(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	return 0;
}

/**
 * privs_drop - become another user without capabilities
 * @uid: whom
 * @gid: likewise
 * @keep: what to keep all the same
 *
 * Return: 0 or -EPERM.
 */
int privs_drop(uid_t uid, gid_t gid, enum privs keep)
{
	capng_select_t set = CAPNG_SELECT_BOTH;
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	capng_get_caps_process();
	/* Without it the bounding set stays; no_new_privs makes that harmless. */
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		set = CAPNG_SELECT_CAPS;
	capng_clear(set);
	if (keep == PRIVS_READ_FILES)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			     CAP_DAC_READ_SEARCH);
	if (uid == getuid() && gid == getgid())
		err = capng_apply(set);
	else
		err = capng_change_id(uid, gid, CAPNG_DROP_SUPP_GRP |
				      (set == CAPNG_SELECT_BOTH ?
				       CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG));
	if (err)
		return -EPERM;
	/* A change of user makes a process dumpable again. */
	return privs_harden();
}
