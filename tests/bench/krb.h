/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_KRB_H
#define BENCH_KRB_H

#include <stddef.h>
#include <stdint.h>

int krb_begin(const char *service);
int krb_identity(unsigned char **identity, size_t *len, uint8_t psk[32]);

#endif /* BENCH_KRB_H */
