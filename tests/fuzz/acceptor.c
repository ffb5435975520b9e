// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "acceptor": the mechanism "tls" as a server, and what clients may say
 * to it.  See handshake.c.
 */
#include "handshake.h"

#define PLAIN	"[profile default]\n" \
		"certificate = @/server.pem\nkey = @/server.key\n"

static const struct scenario scenarios[] = {
	{ .config = PLAIN, .request.role = SOCKAUTH_ROLE_ACCEPTOR },
	{ .config = PLAIN "trust = @/ca.pem\nclient-certificate = require\n",
	  .request = { .role = SOCKAUTH_ROLE_ACCEPTOR,
		       .flags = SOCKAUTH_REQ_KEEP_CRED },
	  .cert = "good" },
	/* With a HelloRetryRequest. */
	{ .config = PLAIN "groups = X25519\nalpn = h2\n",
	  .request.role = SOCKAUTH_ROLE_ACCEPTOR,
	  .groups = "P-384:X25519" },
	{ .config = PLAIN, .request.role = SOCKAUTH_ROLE_ACCEPTOR,
	  .resume = true },
};

void fuzz_setup(void)
{
	handshake_setup(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}

void fuzz_one(struct input *in)
{
	handshake_run(in);
}

void fuzz_seeds(void)
{
	handshake_seeds();
}
