/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client of OpenSSL's at an acceptor of ours: what the tests of acceptors
 * have in common.
 */
#ifndef UNIT_VISIT_H
#define UNIT_VISIT_H

#include "fixture.h"

#define SERVER	"certificate = @/server.pem\nkey = @/server.key\n"
#define PLAIN	"[profile default]\n" SERVER
#define MUTUAL	PLAIN "trust = @/ca.pem\nclient-certificate = require\n"
#define REQUEST	PLAIN "trust = @/ca.pem\nclient-certificate = request\n"

/**
 * struct visit - one worker, one client, and what went between them
 * @table: contexts of the worker
 * @leg: last event and reply
 * @ctx: of the client
 * @client: the client
 * @request: of the application that listens
 */
struct visit {
	struct contexts *table;
	struct leg *leg;
	SSL_CTX *ctx;
	SSL *client;
	struct request request;
};

void visit_begin(struct visit *v, const char *config, const char *cert);
void visit_end(struct visit *v);
void visit_served(struct visit *v);
void visit_refused(struct visit *v, enum sockauth_reason reason, int error,
		   const char *text);
void visit_alerted(const struct visit *v, uint8_t alert);
void visit_exchange_data(struct visit *v);

#endif /* UNIT_VISIT_H */
