/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker's inside without netlink, and an OpenSSL peer without a network:
 * what the tests of authentications have in common.
 */
#ifndef UNIT_FIXTURE_H
#define UNIT_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <openssl/ssl.h>

#include <sockauth/genl.h>

#include "context.h"
#include "step.h"

/* The directory that tests/unit/pki has filled. */
#define PKI UNIT_DIR "/pki"

/**
 * struct request - what an application asked for, as events carry it
 */
struct request {
	enum sockauth_role role;
	uint32_t uid;
	uint64_t netns;		/* 0: ours */
	uint16_t port;		/* of the peer */
	uint32_t flags;
	const char *profile;
	const char *target;
	const char *alpn;	/* with length bytes */
};

/**
 * struct leg - one event and its reply
 * @tb: attributes of the reply
 */
struct leg {
	char event[64 * 1024] __attribute__((aligned(8)));
	char reply[STEP_MESSAGE_MAX] __attribute__((aligned(8)));
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
};

/**
 * struct keys - of one direction, as the reply has them
 */
struct keys {
	uint8_t key[32], iv[12];
	size_t key_len;
	uint64_t seq;
};

int setup_openssl(void **state);
int teardown_openssl(void **state);

struct snapshot *load_config(const char *text);
char *load_error(const char *text);
struct contexts *new_table(const char *config, size_t limit);
void free_table(struct contexts *table);

void run_leg(struct contexts *table, struct leg *leg, uint64_t id,
	     uint32_t number, const struct request *request,
	     const void *token, size_t len, bool malformed);
uint32_t status_of(const struct leg *leg);
uint32_t number_of(const struct leg *leg, int attr);
const char *text_of(const struct leg *leg, int attr);
void keys_of(const struct leg *leg, int attr, struct keys *keys);
void expect_fail(const struct leg *leg, enum sockauth_reason reason, int error,
		 const char *text);

SSL *new_peer(SSL_CTX *ctx, bool server);
SSL_CTX *new_client(const char *cert);
SSL_CTX *new_server(const char *cert);
size_t peer_output(SSL *peer, uint8_t *buf, size_t size);
void peer_input(SSL *peer, const void *data, size_t len);
void peer_token(SSL *peer, const struct leg *leg);

uint32_t authenticate(struct contexts *table, struct leg *leg, uint64_t id,
		      const struct request *request, SSL *peer);
size_t first_record(const uint8_t *data, size_t len);
size_t open_any_record(const struct keys *keys, uint32_t cipher,
		       const uint8_t *record, size_t len, uint8_t *plain,
		       uint8_t *type);
size_t open_record(const struct keys *keys, uint32_t cipher,
		   const uint8_t *record, size_t len, uint8_t *plain);

/* What the last leg has left of its LEN bytes is a record that says TEXT. */
void expect_left(const struct leg *leg, const uint8_t *data, size_t len,
		 const char *text);
size_t seal_any_record(const struct keys *keys, uint32_t cipher, uint8_t type,
		       const void *plain, size_t len, uint8_t *record);
size_t seal_record(const struct keys *keys, uint32_t cipher,
		   const void *plain, size_t len, uint8_t *record);

#endif /* UNIT_FIXTURE_H */
