// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The value of the key "psk": IDENTITY:KEY or IDENTITY:KEY:HASH.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "confkey.h"

/* The bytes of @hex, or 0 if it is not that. */
static size_t read_hex(const char *hex, size_t len, uint8_t *out, size_t size)
{
	unsigned int byte;
	size_t i;

	if (len % 2 || len / 2 > size)
		return 0;
	for (i = 0; i < len; i += 2) {
		if (!isxdigit((unsigned char)hex[i]) ||
		    !isxdigit((unsigned char)hex[i + 1]))
			return 0;
		sscanf(hex + i, "%2x", &byte);
		out[i / 2] = byte;
	}
	return len / 2;
}

/**
 * config_parse_psk - parse a pre-shared key
 * @value: as configured; an identity may have colons
 * @psk: its key and hash are set; the caller wipes it, also after a failure
 * @identity_len: set to how much of @value is the identity
 *
 * Return: 0 or -EINVAL.
 */
int config_parse_psk(const char *value, struct config_psk *psk,
		     size_t *identity_len)
{
	size_t len = strlen(value);
	const char *colon = memrchr(value, ':', len);

	psk->sha384 = false;
	if (colon && (!strcmp(colon, ":sha256") || !strcmp(colon, ":sha384"))) {
		psk->sha384 = !strcmp(colon, ":sha384");
		len = colon - value;
		colon = memrchr(value, ':', len);
	}
	if (!colon || colon == value)
		return -EINVAL;
	*identity_len = colon - value;
	psk->key_len = read_hex(colon + 1, value + len - colon - 1, psk->key,
				sizeof(psk->key));
	return psk->key_len < CONFIG_PSK_MIN ? -EINVAL : 0;
}
