/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_TLSPROV_H
#define SOCKAUTHD_TLSPROV_H

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

/* Properties of an SSL_CTX that uses our algorithms where we have some. */
#define TLSPROV_PROPERTIES	"?provider=sockauth"

/* The property of an algorithm that is ours. */
#define TLSPROV_OURS		"provider=sockauth"

/* OpenSSL's tables of functions of different types leave no other way. */
#define TLSPROV_FUNCTION(id, f)	{ (id), (void (*)(void))(f) }

const OSSL_ALGORITHM *tlsprov_find(OSSL_PROVIDER *provider, int operation,
				   const char *name);
void (*tlsprov_function(const OSSL_ALGORITHM *algorithm, int id))(void);
int tlsprov_init(void);
void tlsprov_exit(void);

#endif /* SOCKAUTHD_TLSPROV_H */
