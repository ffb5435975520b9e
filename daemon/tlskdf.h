/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TLSKDF_H
#define SOCKAUTHD_TLSKDF_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/core.h>

/* Those of SHA-384 are the longest. */
#define TLS_SECRET_MAX	48

#define TLS_KEY_MAX	32
#define TLS_IV_LEN	12

/**
 * struct tls_traffic - application data of one direction
 * @secret: application traffic secret
 * @key: what it is sealed with
 * @iv: the static nonce
 * @secret_len: of @secret; 0: not derived yet
 * @key_len: of @key; 0: not derived yet
 * @iv_len: of @iv; 0: not derived yet
 */
struct tls_traffic {
	uint8_t secret[TLS_SECRET_MAX];
	uint8_t key[TLS_KEY_MAX];
	uint8_t iv[TLS_IV_LEN];
	size_t secret_len;
	size_t key_len;
	size_t iv_len;
};

/**
 * struct tls_secrets - what a handshake leaves for later
 * @client: what the client sends with
 * @server: what the server sends with
 * @resumption: what the keys of session tickets are derived from
 * @resumption_len: of @resumption; 0: not derived yet
 */
struct tls_secrets {
	struct tls_traffic client;
	struct tls_traffic server;
	uint8_t resumption[TLS_SECRET_MAX];
	size_t resumption_len;
};

extern const OSSL_ALGORITHM tlskdf_algorithms[];

int tlskdf_init(void);
void tlskdf_exit(void);
void tlskdf_capture(struct tls_secrets *secrets);
int tlskdf_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		  const char *label, uint8_t *out, size_t len);
int tlskdf_expand_with(const char *digest, const uint8_t *secret,
		       size_t secret_len, const char *label,
		       const uint8_t *context, size_t context_len,
		       uint8_t *out, size_t len);

#endif /* SOCKAUTHD_TLSKDF_H */
