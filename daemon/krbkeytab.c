// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keytab files, version 5.2, from memory into a keytab of libkrb5's: libkrb5
 * reads them by itself only from files, and who uses the keys can open none.
 *
 * A file is 05 02 and entries, all numbers big-endian: length (negative: a
 * hole), number of components, realm, components, name type, time, version of
 * the key (8 bits), encryption type, key, and perhaps the version in 32 bits;
 * realm, components and key after their length in 16 bits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "krb.h"

#define COMPONENTS_MAX	16

struct cursor {
	const uint8_t *data;
	size_t left;
	int err;
};

static const uint8_t *take(struct cursor *c, size_t len)
{
	const uint8_t *data = c->data;

	if (c->err || len > c->left) {
		c->err = -EINVAL;
		return NULL;
	}
	c->data += len;
	c->left -= len;
	return data;
}

static uint32_t take_number(struct cursor *c, size_t len)
{
	const uint8_t *data = take(c, len);
	uint32_t number = 0;

	while (data && len--)
		number = number << 8 | *data++;
	return number;
}

static krb5_data take_data(struct cursor *c)
{
	size_t len = take_number(c, 2);
	krb5_data taken = { .length = len, .data = (char *)take(c, len) };

	return taken;
}

/* Everything points into the file; libkrb5 copies. */
static int add_entry(krb5_context krb, krb5_keytab keytab, struct cursor *c)
{
	krb5_data components[COMPONENTS_MAX] = { 0 }, key;
	krb5_principal_data name = { .magic = KV5M_PRINCIPAL };
	krb5_keytab_entry entry = { .principal = &name };
	uint32_t i, count = take_number(c, 2);

	if (count > COMPONENTS_MAX)
		return -EINVAL;
	name.realm = take_data(c);
	for (i = 0; i < count; i++)
		components[i] = take_data(c);
	name.data = components;
	name.length = count;
	name.type = take_number(c, 4);
	entry.timestamp = take_number(c, 4);
	entry.vno = take_number(c, 1);
	entry.key.enctype = (int16_t)take_number(c, 2);
	key = take_data(c);
	if (c->err)
		return c->err;
	entry.key.length = key.length;
	entry.key.contents = (uint8_t *)key.data;
	if (c->left >= 4) {
		uint32_t vno = take_number(c, 4);

		entry.vno = vno ? vno : entry.vno;
	}
	return krb5_kt_add_entry(krb, keytab, &entry) ? -ENOMEM : 0;
}

/**
 * krb_keytab_fill - add the entries of a keytab file to a keytab
 * @krb: a context of this thread
 * @keytab: of a kind that can be written
 * @data: content of the file
 * @len: of @data
 *
 * Return: how many, -EINVAL: it is no keytab, or -ENOMEM.
 */
int krb_keytab_fill(krb5_context krb, krb5_keytab keytab, const uint8_t *data,
		    size_t len)
{
	struct cursor file = { .data = data, .left = len };
	int count = 0, err;

	if (take_number(&file, 2) != 0x0502)
		return -EINVAL;
	while (file.left) {
		int32_t size = take_number(&file, 4);
		struct cursor entry = { .left = size < 0 ? -(int64_t)size :
							    size };

		entry.data = take(&file, entry.left);
		if (file.err)
			return file.err;
		/* A removed entry leaves a hole, zero the unused rest. */
		if (!size)
			break;
		if (size < 0)
			continue;
		err = add_entry(krb, keytab, &entry);
		if (err)
			return err;
		count++;
	}
	return count;
}
