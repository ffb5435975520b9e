/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_HKDF_H
#define SOCKAUTHD_HKDF_H

#include <stddef.h>
#include <stdint.h>

#define HKDF_PREFIX	"tls13 "

/**
 * struct bytes - what to derive from, or with
 * @data: may be NULL if there is nothing
 * @len: of @data
 */
struct bytes {
	const void *data;
	size_t len;
};

struct hkdf;

int hkdf_init(void);
void hkdf_exit(void);
struct hkdf *hkdf_get(const char *digest);
size_t hkdf_len(const struct hkdf *hkdf);
int hkdf_expand_label(struct hkdf *hkdf, struct bytes secret,
		      struct bytes label, struct bytes context, uint8_t *out,
		      size_t len);
int hkdf_next(struct hkdf *hkdf, struct bytes last, struct bytes label,
	      struct bytes secret, uint8_t *out);
void hkdf_forget(void);

#endif /* SOCKAUTHD_HKDF_H */
