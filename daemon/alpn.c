// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lists of application protocols (RFC 7301 3.1 without the outer length): each
 * name after its length in one byte, best first.  Functions without state.
 */
#include <string.h>

#include "alpn.h"

/**
 * alpn_valid - whether bytes are a list
 * @list: the bytes
 * @len: how many
 *
 * Return: whether all names are there and none is empty.
 */
bool alpn_valid(const uint8_t *list, size_t len)
{
	size_t pos;

	for (pos = 0; pos < len; pos += 1 + list[pos])
		if (!list[pos] || list[pos] >= len - pos)
			return false;
	return true;
}

/**
 * alpn_has - whether a list has a name
 * @list: valid
 * @len: of @list
 * @name: with its length before it
 *
 * Return: whether it has.
 */
bool alpn_has(const uint8_t *list, size_t len, const uint8_t *name)
{
	size_t pos;

	for (pos = 0; pos < len; pos += 1 + list[pos])
		if (list[pos] == name[0] &&
		    !memcmp(list + pos + 1, name + 1, name[0]))
			return true;
	return false;
}

/**
 * alpn_common - the names that two lists have in common
 * @list: valid; its order counts
 * @len: of @list
 * @other: valid
 * @other_len: of @other
 * @out: set; @len bytes are enough
 *
 * Return: the length of @out.
 */
size_t alpn_common(const uint8_t *list, size_t len, const uint8_t *other,
		   size_t other_len, uint8_t *out)
{
	size_t pos, used = 0;

	for (pos = 0; pos < len; pos += 1 + list[pos]) {
		if (!alpn_has(other, other_len, list + pos))
			continue;
		memcpy(out + used, list + pos, 1 + list[pos]);
		used += 1 + list[pos];
	}
	return used;
}
