/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TLSCRED_H
#define SOCKAUTHD_TLSCRED_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "mech.h"

/**
 * struct tls_identity - a certificate that we can show
 * @cert: the certificate
 * @key: its key
 * @chain: what goes with it to the peer
 */
struct tls_identity {
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) *chain;
};

/**
 * struct tls_name - a host name that an identity is good for
 * @name: exact, or with "*" for its first label
 * @identity: index
 */
struct tls_name {
	char *name;
	size_t identity;
};

/**
 * struct tls_cred - credentials of a profile
 * @acceptor: for acceptors; NULL: there is no certificate
 * @initiator: for initiators; NULL: there is nobody to trust
 * @trust: whether there is somebody to trust
 * @rules: digest of the profile's name and of what peers are verified by
 * @identities: in the order of the configuration
 * @identity_count: how many
 * @server: the first that may be a server's, for clients that name no other
 * @client: the first that may be a client's; both may be NULL
 * @names: of all identities
 * @name_count: how many
 */
struct tls_cred {
	SSL_CTX *acceptor;
	SSL_CTX *initiator;
	bool trust;
	uint8_t rules[SHA256_DIGEST_LENGTH];
	struct tls_identity *identities;
	size_t identity_count;
	const struct tls_identity *server;
	const struct tls_identity *client;
	struct tls_name *names;
	size_t name_count;
};

int tls_cred_limit(const struct loading *l, SSL_CTX *ctx);
int tls_cred_new(const struct loading *l, struct tls_cred **cred);
void tls_cred_free(struct tls_cred *cred);
const struct tls_identity *tls_cred_find(const struct tls_cred *cred,
					 const char *host);

#endif /* SOCKAUTHD_TLSCRED_H */
