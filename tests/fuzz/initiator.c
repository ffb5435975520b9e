// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "initiator": the mechanism "tls" as a client, and what servers may say
 * to it.  See handshake.c.
 */
#include "handshake.h"

#define TRUST	"[profile default]\ntrust = @/ca.pem\n"
#define REQUEST	.role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost"

static const struct scenario scenarios[] = {
	{ .config = TRUST, .request = { REQUEST }, .cert = "server" },
	{ .config = TRUST "certificate = @/good.pem\nkey = @/good.key\n",
	  .request = { REQUEST, .flags = SOCKAUTH_REQ_KEEP_CRED,
		       .alpn = "\2h2" },
	  .cert = "server", .ask = true },
	/* With a HelloRetryRequest. */
	{ .config = TRUST, .request = { REQUEST }, .cert = "server",
	  .groups = "P-256" },
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
