// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The little ASN.1 that libkrb5 does not do for its callers: to tell a
 * KRB_AP_REQ by its outside, and to write AuthorizationData (RFC 4120 5.2.6).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "krb.h"

#define TAG_AP_REQ	0x6e	/* [APPLICATION 14] */
#define TAG_SEQUENCE	0x30
#define TAG_INTEGER	0x02
#define TAG_OCTETS	0x04
#define TAG_CONTEXT(n)	(0xa0 | (n))

/**
 * krb_is_request - whether a PSK's identity has the form of a KRB_AP_REQ
 * @identity: of a stranger
 * @len: of @identity
 *
 * Return: whether tag and length are right, the latter in its shortest form.
 */
bool krb_is_request(const uint8_t *identity, size_t len)
{
	size_t i, count, value = 0;

	if (len < 2 || identity[0] != TAG_AP_REQ)
		return false;
	if (identity[1] < 0x80)
		return identity[1] == len - 2;
	count = identity[1] & 0x7f;
	if (!count || count > 3 || len < 2 + count || !identity[2])
		return false;
	for (i = 0; i < count; i++)
		value = value << 8 | identity[2 + i];
	return value >= 0x80 && value == len - 2 - count;
}

/* Written backwards, so that lengths are known when they are needed. */
struct writer {
	uint8_t *start;
	uint8_t *pos;
};

static void put(struct writer *w, const void *data, size_t len)
{
	w->pos -= len;
	if (len)
		memcpy(w->pos, data, len);
}

static void put_byte(struct writer *w, uint8_t byte)
{
	put(w, &byte, 1);
}

/* Tag and length of what was written since @end was the position. */
static void put_header(struct writer *w, uint8_t tag, const uint8_t *end)
{
	size_t len = end - w->pos, rest = len;
	uint8_t count = 0;

	for (; len >= 0x80 && rest; rest >>= 8, count++)
		put_byte(w, rest);
	put_byte(w, count ? 0x80 | count : len);
	put_byte(w, tag);
}

static void put_integer(struct writer *w, int32_t value)
{
	const uint8_t *end = w->pos;

	do {
		put_byte(w, value);
		value = value < 0 ? ~(~value >> 8) : value >> 8;
	} while ((value != 0 && value != -1) ||
		 (value < 0) != !!(*w->pos & 0x80));
	put_header(w, TAG_INTEGER, end);
}

static void put_element(struct writer *w, const krb5_authdata *ad)
{
	const uint8_t *end = w->pos, *inner;

	put(w, ad->contents, ad->length);
	put_header(w, TAG_OCTETS, end);
	put_header(w, TAG_CONTEXT(1), end);
	inner = w->pos;
	put_integer(w, ad->ad_type);
	put_header(w, TAG_CONTEXT(0), inner);
	put_header(w, TAG_SEQUENCE, end);
}

/**
 * krb_authdata_encode - AuthorizationData in DER
 * @list: its elements, NULL at the end; may be NULL
 * @der: set; the caller frees it
 * @len: set
 *
 * Return: 0, -EMSGSIZE: more than an application gets, or -ENOMEM.
 */
int krb_authdata_encode(krb5_authdata *const *list, uint8_t **der,
			size_t *len)
{
	/* Headers and type of an element take 26 bytes at most. */
	size_t i, count = 0, size = 8;
	struct writer w;
	uint8_t *end;

	for (; list && list[count]; count++)
		size += list[count]->length + 32;
	if (size > SOCKAUTH_PEER_CRED_MAX)
		return -EMSGSIZE;
	w.start = malloc(size);
	if (!w.start)
		return -ENOMEM;
	end = w.start + size;
	w.pos = end;
	for (i = count; i--;)
		put_element(&w, list[i]);
	put_header(&w, TAG_SEQUENCE, end);
	*len = end - w.pos;
	memmove(w.start, w.pos, *len);
	*der = w.start;
	return 0;
}
