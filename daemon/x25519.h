/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_X25519_H
#define SOCKAUTHD_X25519_H

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

extern OSSL_ALGORITHM x25519_keymgmt[], x25519_keyexch[];

int x25519_init(OSSL_PROVIDER *base);
void x25519_exit(void);
int x25519_capabilities(OSSL_PROVIDER *base, const char *capability,
			OSSL_CALLBACK *found, void *arg);

#endif /* SOCKAUTHD_X25519_H */
