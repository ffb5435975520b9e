/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_CERT_H
#define SOCKAUTHD_CERT_H

#include <stdint.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "verdict.h"

/**
 * struct peer - who the other side proved to be
 * @type: enum sockauth_name_type
 * @name: the name; empty if @type is SOCKAUTH_NAME_NONE
 */
struct peer {
	uint32_t type;
	char name[SOCKAUTH_PEER_NAME_MAX];
};

int cert_peer(const X509 *cert, struct peer *peer);
int64_t cert_expiry(STACK_OF(X509) *chain);
int cert_list(X509 *leaf, STACK_OF(X509) *chain, uint8_t *out, size_t size,
	      size_t *len);
void cert_explain(X509_STORE_CTX *store, const char *target,
		  struct verdict *v);

#endif /* SOCKAUTHD_CERT_H */
