/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handshakes that were recorded once with an OpenSSL peer, and are given again
 * to the daemon with changes: in the records, and below their encryption.
 */
#ifndef FUZZ_HANDSHAKE_H
#define FUZZ_HANDSHAKE_H

#include "fixture.h"
#include "fuzz.h"

/**
 * struct scenario - a handshake to record
 * @config: of the daemon
 * @request: of the application
 * @cert: of the peer; NULL: none
 * @groups: of the peer; NULL: OpenSSL's
 * @ask: the peer, a server, wants a certificate of ours
 * @resume: the peer, a client, comes again with a ticket
 */
struct scenario {
	const char *config;
	struct request request;
	const char *cert;
	const char *groups;
	bool ask;
	bool resume;
};

void handshake_setup(const struct scenario *list, size_t count);
void handshake_run(struct input *in);
void handshake_seeds(void);

#endif /* FUZZ_HANDSHAKE_H */
