/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TLS_H
#define SOCKAUTHD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <linux/sockauth.h>

#include "session.h"
#include "tlskdf.h"
#include "verdict.h"

/**
 * struct output - token for the peer, in a buffer that its thread reuses
 * @data: the token
 * @len: of the token
 * @overflow: it would have been longer than a reply may be
 */
struct output {
	uint8_t data[SOCKAUTH_OUTPUT_MAX];
	size_t len;
	bool overflow;
};

/**
 * struct tls_key - what kTLS needs to know about one direction
 * @key: the key
 * @iv: the static nonce
 * @seq: number of the next record
 */
struct tls_key {
	uint8_t key[TLS_KEY_MAX];
	uint8_t iv[TLS_IV_LEN];
	uint64_t seq;
};

/**
 * struct tls_keys - the outcome of a handshake
 * @cipher: number of the suite
 * @key_len: of both keys
 * @tx: to seal what we send
 * @rx: to open what we receive
 */
struct tls_keys {
	uint16_t cipher;
	size_t key_len;
	struct tls_key tx;
	struct tls_key rx;
};

#define TLS_BLOB_VERSION	2

/**
 * struct tls_blob - what the module keeps for us (SOCKAUTH_A_BLOB)
 * @version: TLS_BLOB_VERSION; another version's blob is not ours to read
 * @role: enum sockauth_role
 * @cipher: number of the suite
 * @secret_len: of both secrets
 * @tx: application traffic secret of what we send
 * @rx: likewise of what we receive
 * @origin: of the tickets that come; the mechanism's
 *
 * It never leaves this machine; but a daemon of another version may get it.
 */
struct tls_blob {
	uint8_t version;
	uint8_t role;
	uint16_t cipher;
	uint32_t secret_len;
	uint8_t tx[TLS_SECRET_MAX];
	uint8_t rx[TLS_SECRET_MAX];
	struct session_origin origin;
};

_Static_assert(sizeof(struct tls_blob) <= SOCKAUTH_BLOB_MAX,
	       "the module keeps no more");

/**
 * struct tls_session - a handshake in progress
 * @ssl: OpenSSL's object
 * @arg: whose it is; for callbacks
 * @secrets: as far as they are derived
 * @in: rest of the record that OpenSSL may read now
 * @in_len: of @in
 * @out: where OpenSSL's output goes
 * @sent_alert: what we told the peer; -1: nothing
 * @got_alert: what the peer told us; -1: nothing
 * @peer_version: highest version that the client offers; 0: not known
 */
struct tls_session {
	SSL *ssl;
	void *arg;
	struct tls_secrets secrets;
	const uint8_t *in;
	size_t in_len;
	struct output *out;
	int sent_alert;
	int got_alert;
	uint16_t peer_version;
};

enum tls_result {
	TLS_MORE,
	TLS_DONE,
	TLS_FAILED,
};

int tls_init(void);
void tls_exit(void);
SSL_CTX *tls_ctx_new(enum sockauth_role role);
int tls_begin(struct tls_session *s, SSL_CTX *ctx, void *arg);
void tls_end(struct tls_session *s);
struct tls_session *tls_session_of(const SSL *ssl);
enum tls_result tls_step(struct tls_session *s, const uint8_t *token,
			 size_t len, struct output *out, size_t *consumed);
int tls_keys(const struct tls_session *s, const struct output *out,
	     struct tls_keys *keys);
int tls_binding(struct tls_session *s, uint8_t binding[SOCKAUTH_BINDING_LEN]);
void tls_blob(const struct tls_session *s, struct tls_blob *blob);
int tls_blob_read(const void *data, size_t len, struct tls_blob *blob);

void tls_explain(const struct tls_session *s, struct verdict *v);
void tls_alert_token(struct output *out, uint8_t alert);

#endif /* SOCKAUTHD_TLS_H */
