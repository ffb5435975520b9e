// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values as programs read them.  No state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

/* The longest prefix of @s that is UTF-8; jansson knows what that is. */
static size_t utf8_prefix(const char *s, size_t len)
{
	size_t n, good = 0;
	json_t *one;

	while (good < len) {
		for (n = 1; n <= 4 && good + n <= len; n++) {
			one = json_stringn(s + good, n);
			if (one)
				break;
		}
		if (n > 4 || good + n > len)
			break;
		json_decref(one);
		good += n;
	}
	return good;
}

static json_t *replaced_text(const char *s, size_t len)
{
	static const char replacement[] = "\xef\xbf\xbd";
	char *text = malloc(3 * len), *p = text;
	json_t *value;
	size_t n;

	if (!text)
		return NULL;
	while (len) {
		n = utf8_prefix(s, len);
		p = mempcpy(p, s, n);
		s += n;
		len -= n;
		if (!len)
			break;
		p = mempcpy(p, replacement, sizeof(replacement) - 1);
		s++;
		len--;
	}
	value = json_stringn(text, p - text);
	free(text);
	return value;
}

/**
 * json_text - a string that a stranger may have chosen
 * @s: the text
 * @len: its length
 *
 * JSON is UTF-8: each byte that is not becomes U+FFFD.
 *
 * Return: a new value, or NULL: no memory.
 */
json_t *json_text(const char *s, size_t len)
{
	json_t *value = json_stringn(s, len);

	return value ? value : replaced_text(s, len);
}

/**
 * json_word - the word for a number
 * @names: a table of <sockauth/names.h>
 * @value: the number
 *
 * Return: a new string, which is the number if it has no word; or NULL: no
 * memory.
 */
json_t *json_word(const struct sockauth_names *names, uint32_t value)
{
	char buf[TEXT_SIZE];

	return json_string(text_word(names, value, buf));
}

/**
 * json_flags - the words for a set of flags
 * @names: a table of <sockauth/names.h> whose numbers are bits
 * @flags: the set
 *
 * Return: a new array of strings, or NULL: no memory.
 */
json_t *json_flags(const struct sockauth_names *names, uint32_t flags)
{
	json_t *array = json_array();
	uint32_t bit;
	int err = 0;

	for (bit = 1; bit; bit <<= 1)
		if (flags & bit)
			err |= json_array_append_new(array,
						     json_word(names, bit));
	if (err) {
		json_decref(array);
		return NULL;
	}
	return array;
}

/**
 * json_address - address and port
 * @address: IPv4 or IPv6
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *json_address(const struct sockaddr_storage *address)
{
	json_t *object = json_object();
	char buf[TEXT_SIZE];
	const char *host = text_host(address, buf);
	int err;

	err = json_put(object, "address", json_text(host, strlen(host)));
	err |= json_put(object, "port", json_integer(text_port(address)));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/**
 * json_put - add a member to an object
 * @object: the object
 * @key: name of the member
 * @value: taken over, also on failure
 *
 * Return: 0, or -ENOMEM, also if @object or @value could not be made.
 */
int json_put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) ? -ENOMEM : 0;
}

/**
 * json_print - print a value as one line
 * @value: an object or array, taken over; NULL: it could not be made
 * @out: where; the caller looks at ferror()
 *
 * Return: 0 or -ENOMEM, also if @value is NULL.
 */
int json_print(json_t *value, FILE *out)
{
	/* Only ASCII: what strangers chose must not reach a terminal raw. */
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
	const char *p = text, *del;

	json_decref(value);
	if (!text)
		return -ENOMEM;
	/* A control character too, of which neither JSON nor jansson thinks. */
	for (; (del = strchr(p, '\x7f')); p = del + 1)
		fprintf(out, "%.*s\\u007F", (int)(del - p), p);
	fprintf(out, "%s\n", p);
	free(text);
	return 0;
}
