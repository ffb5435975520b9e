/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TLSKDF_H
#define SOCKAUTHD_TLSKDF_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/core.h>

/* Those of SHA-384 are the longest. */
#define TLS_SECRET_MAX	48

/**
 * struct tls_secrets - what a handshake leaves for later
 * @client: what the client sends with
 * @server: what the server sends with
 * @resumption: what the keys of session tickets are derived from
 * @client_len: of @client; 0: not derived yet
 * @server_len: of @server; 0: not derived yet
 * @resumption_len: of @resumption; 0: not derived yet
 */
struct tls_secrets {
	uint8_t client[TLS_SECRET_MAX];
	uint8_t server[TLS_SECRET_MAX];
	uint8_t resumption[TLS_SECRET_MAX];
	size_t client_len;
	size_t server_len;
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
