/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_ALPN_H
#define SOCKAUTHD_ALPN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool alpn_valid(const uint8_t *list, size_t len);
bool alpn_has(const uint8_t *list, size_t len, const uint8_t *name);
size_t alpn_common(const uint8_t *list, size_t len, const uint8_t *other,
		   size_t other_len, uint8_t *out);

#endif /* SOCKAUTHD_ALPN_H */
