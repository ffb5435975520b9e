/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_DRBG_H
#define SOCKAUTHD_DRBG_H

#include <openssl/core_dispatch.h>
#include <openssl/provider.h>

extern OSSL_ALGORITHM drbg_algorithms[];

int drbg_init(OSSL_PROVIDER *base);

#endif /* SOCKAUTHD_DRBG_H */
