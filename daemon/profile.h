/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_PROFILE_H
#define SOCKAUTHD_PROFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "files.h"
#include "mech.h"

/**
 * struct profile - a section of the configuration, ready to use
 * @config: what it says
 * @mech: how to authenticate
 * @cred: the mechanism's; NULL: it is off
 * @psk: external PSKs, Kerberos among them; NULL: it has none
 * @off: why it is off
 * @users: who may use it
 * @user_count: how many; 0: everyone
 */
struct profile {
	const struct config_profile *config;
	const struct mech *mech;
	void *cred;
	struct psk_cred *psk;
	char off[CONFIG_TEXT_MAX];
	uid_t *users;
	size_t user_count;
};

/**
 * struct snapshot - a configuration with its credentials; constant
 * @refs: each worker has one, each context one, and the main thread
 * @config: what the file says
 * @profiles: in the same order
 */
struct snapshot {
	atomic_uint refs;
	struct config *config;
	struct profile *profiles;
};

int snapshot_new(const char *path, const struct files *files,
		 const struct ciphers *ciphers, bool strict,
		 struct snapshot **snapshot, char *text, size_t size);
struct snapshot *snapshot_get(struct snapshot *snapshot);
void snapshot_put(struct snapshot *snapshot);
const struct profile *snapshot_profile(const struct snapshot *snapshot,
				       const char *name);
bool profile_allows(const struct profile *profile, uid_t uid);

#endif /* SOCKAUTHD_PROFILE_H */
