/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_SESSION_H
#define SOCKAUTHD_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "tlskdf.h"

#define SESSION_KEY_LEN		32

/* Tickets that are kept for one key. */
#define SESSION_TICKETS_MAX	4

/* A longer ticket is not worth its memory, nor a longer ClientHello. */
#define SESSION_TICKET_LEN_MAX	8192

/**
 * struct session_proof - what a full handshake proved to an initiator
 * @since: when, seconds since 1970
 * @until: when the first certificate of the peer's chain expires; 0: never
 * @mutual: whether we proved who we are, too
 */
struct session_proof {
	int64_t since;
	int64_t until;
	uint32_t mutual;
};

/**
 * struct session_origin - what it takes to use tickets of a connection
 * @key: whom they are good for
 * @proof: what is inherited
 * @cipher: suite of the connection
 * @secret_len: of @secret; 0: no ticket of this connection can be used
 * @secret: resumption master secret
 */
struct session_origin {
	uint8_t key[SESSION_KEY_LEN];
	struct session_proof proof;
	uint16_t cipher;
	uint16_t secret_len;
	uint8_t secret[TLS_SECRET_MAX];
};

/**
 * struct session_scope - what two connections must have in common
 * @rules: digest of the profile's name and what it demands
 * @rules_len: of @rules
 * @netns: cookie of the socket's network namespace: names and addresses mean
 *	something else in another one
 * @uid: local user who has the socket
 * @target: whom the peer must prove to be
 * @port: of the peer; another port is another server, with other tickets
 * @alpn: protocols that are offered
 * @alpn_len: of @alpn
 * @identity: certificate that we show; or NULL
 */
struct session_scope {
	const uint8_t *rules;
	size_t rules_len;
	uint64_t netns;
	uint32_t uid;
	const char *target;
	uint16_t port;
	const uint8_t *alpn;
	size_t alpn_len;
	X509 *identity;
};

struct sessions;

int session_key(const struct session_scope *scope,
		uint8_t key[SESSION_KEY_LEN]);

int sessions_new(size_t limit, struct sessions **sessions);
void sessions_free(struct sessions *sessions);
size_t sessions_count(struct sessions *sessions);
int sessions_learn(struct sessions *sessions,
		   const struct session_origin *origin, const uint8_t *record,
		   size_t len, int64_t now);
SSL_SESSION *sessions_take(struct sessions *sessions,
			   const uint8_t key[SESSION_KEY_LEN], int64_t now,
			   struct session_proof *proof);

#endif /* SOCKAUTHD_SESSION_H */
