/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_MECH_H
#define SOCKAUTHD_MECH_H

#include <stddef.h>
#include <stdint.h>

#include <linux/sockauth.h>

#include "config.h"
#include "files.h"
#include "tls.h"

struct context;
struct event;
struct reply;

/**
 * struct ciphers - suites that the kernel can do
 * @list: their numbers
 * @count: how many; 0: not known (yet), which excludes none
 */
struct ciphers {
	uint16_t list[16];
	size_t count;
};

/**
 * struct loading - what a mechanism's credentials are made of
 * @path: of the configuration, for messages
 * @profile: what it says
 * @files: everything that it names
 * @ciphers: of the kernel
 * @text: set to what is wrong, on failure
 * @size: of @text
 */
struct loading {
	const char *path;
	const struct config_profile *profile;
	const struct files *files;
	const struct ciphers *ciphers;
	char *text;
	size_t size;
};

int loading_fail(const struct loading *l, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * struct mech - a way to authenticate
 * @name: in the configuration
 * @id: in messages
 * @load: make the credentials of a profile; constant afterwards, and used by
 *	all threads.  0, or -errno and a text
 * @unload: free them
 * @begin: begin an authentication; 0, or -errno and a verdict
 * @step: go on; fills the reply's token, and at the end who the peer is.
 *	After TLS_FAILED there is a verdict
 * @end: free what @begin and @step made; also after they have failed
 */
struct mech {
	const char *name;
	enum sockauth_mech id;
	int (*load)(const struct loading *l, void **cred);
	void (*unload)(void *cred);
	int (*begin)(struct context *ctx);
	enum tls_result (*step)(struct context *ctx, const struct event *ev,
				struct reply *reply);
	void (*end)(struct context *ctx);
};

extern const struct mech mech_tls;

#endif /* SOCKAUTHD_MECH_H */
