// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Values as people read them.  No state.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

/*
 * What turns the direction of writing or ends a line counts as printable in
 * the C library, and would let a peer's name rearrange the line it stands in.
 */
static bool printable(wchar_t c)
{
	if (c == 0x061c || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return false;
	return iswprint(c);
}

/**
 * text_escape - make text harmless to a terminal
 * @s: anything
 * @also: ASCII characters that get a backslash, beside the backslash itself
 *
 * Bytes that are no printable characters in the user's locale become \xNN, a
 * backslash becomes two.
 *
 * Return: new text that the caller frees, or NULL: no memory.
 */
char *text_escape(const char *s, const char *also)
{
	size_t left = strlen(s), n, i;
	mbstate_t state = { 0 };
	char *text = malloc(4 * left + 1), *p = text;
	wchar_t c;

	if (!text)
		return NULL;
	for (; left; s += n, left -= n) {
		n = mbrtowc(&c, s, left, &state);
		if (n == (size_t)-1 || n == (size_t)-2) {
			/* Not a character: one byte of rubbish. */
			memset(&state, 0, sizeof(state));
			n = 1;
			c = 0;
		}
		if (!printable(c)) {
			for (i = 0; i < n; i++)
				p += sprintf(p, "\\x%02x", (unsigned char)s[i]);
			continue;
		}
		if (*s == '\\' || (n == 1 && strchr(also, *s)))
			*p++ = '\\';
		p = mempcpy(p, s, n);
	}
	*p = '\0';
	return text;
}

/**
 * text_width - columns that a text takes on a terminal
 * @s: text without control characters
 *
 * Return: how many.
 */
size_t text_width(const char *s)
{
	mbstate_t state = { 0 };
	size_t width = 0, n;
	wchar_t c;
	int w;

	while ((n = mbrtowc(&c, s, MB_CUR_MAX, &state)) != 0) {
		if (n == (size_t)-1 || n == (size_t)-2)
			return width + strlen(s);
		w = wcwidth(c);
		width += w > 0 ? w : 0;
		s += n;
	}
	return width;
}

/**
 * text_word - the word for a number
 * @names: a table of <sockauth/names.h>
 * @value: the number
 * @buf: for a number that has no word, which only a newer kernel sends
 *
 * Return: the word, or the number.
 */
const char *text_word(const struct sockauth_names *names, uint32_t value,
		      char buf[TEXT_SIZE])
{
	const char *word = sockauth_word(names, value);

	return word ? word : text_number(value, buf);
}

/**
 * text_hex - a number in the form of a registry, such as 0x1301
 * @value: the number
 * @buf: for it
 *
 * Return: @buf.
 */
const char *text_hex(uint32_t value, char buf[TEXT_SIZE])
{
	snprintf(buf, TEXT_SIZE, "0x%04" PRIx32, value);
	return buf;
}

/**
 * text_number - a number
 * @value: the number
 * @buf: for it
 *
 * Return: @buf.
 */
const char *text_number(uint64_t value, char buf[TEXT_SIZE])
{
	snprintf(buf, TEXT_SIZE, "%" PRIu64, value);
	return buf;
}

/**
 * text_to_number - read a number from the command line
 * @s: decimal digits and nothing else
 * @value: set on success
 *
 * Return: 0, -EINVAL: no number, or -ERANGE: too large.
 */
int text_to_number(const char *s, uint64_t *value)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t number;

	if (!digits || s[digits])
		return -EINVAL;
	errno = 0;
	number = strtoull(s, NULL, 10);
	if (errno)
		return -errno;
	*value = number;
	return 0;
}

/**
 * text_age - a duration in its two largest units
 * @ms: milliseconds
 * @buf: for it
 *
 * Return: @buf.
 */
const char *text_age(uint64_t ms, char buf[TEXT_SIZE])
{
	uint64_t s = ms / 1000, min = s / 60, hours = min / 60;

	if (!s)
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "ms", ms);
	else if (!min)
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "s", s);
	else if (!hours)
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", min,
			 s % 60);
	else if (hours < 24)
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "h%02" PRIu64 "m", hours,
			 min % 60);
	else
		snprintf(buf, TEXT_SIZE, "%" PRIu64 "d%02" PRIu64 "h",
			 hours / 24, hours % 24);
	return buf;
}

/**
 * text_time - a moment, as RFC 3339 has it, in UTC
 * @ts: since 1970
 * @buf: for it
 *
 * Return: @buf.
 */
const char *text_time(const struct timespec *ts, char buf[TEXT_SIZE])
{
	struct tm tm;
	size_t n;

	if (!gmtime_r(&ts->tv_sec, &tm))
		return "?";
	n = strftime(buf, TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TEXT_SIZE - n, ".%03ldZ", ts->tv_nsec / 1000000);
	return buf;
}

/* The interface of a link-local address: its name, or at least its number. */
static void append_scope(const struct sockaddr_in6 *sin6, char buf[TEXT_SIZE])
{
	char name[IF_NAMESIZE];
	size_t n = strlen(buf);

	if (!sin6->sin6_scope_id)
		return;
	if (if_indextoname(sin6->sin6_scope_id, name))
		snprintf(buf + n, TEXT_SIZE - n, "%%%s", name);
	else
		snprintf(buf + n, TEXT_SIZE - n, "%%%" PRIu32,
			 sin6->sin6_scope_id);
}

/**
 * text_host - the address without its port
 * @address: IPv4 or IPv6
 * @buf: for it
 *
 * Return: @buf.
 */
const char *text_host(const struct sockaddr_storage *address,
		      char buf[TEXT_SIZE])
{
	const struct sockaddr_in6 *sin6 = (const void *)address;
	const struct sockaddr_in *sin = (const void *)address;

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &sin->sin_addr, buf, TEXT_SIZE);
	} else {
		inet_ntop(AF_INET6, &sin6->sin6_addr, buf, TEXT_SIZE);
		append_scope(sin6, buf);
	}
	return buf;
}

/**
 * text_port - the port of an address
 * @address: IPv4 or IPv6
 *
 * Return: the port, in the order of the host.
 */
unsigned int text_port(const struct sockaddr_storage *address)
{
	const struct sockaddr_in6 *sin6 = (const void *)address;
	const struct sockaddr_in *sin = (const void *)address;

	return ntohs(address->ss_family == AF_INET ? sin->sin_port :
						     sin6->sin6_port);
}

/**
 * text_address - address and port, as ss(8) writes them
 * @address: AF_UNSPEC if there is none
 * @buf: for it
 *
 * Return: @buf or "-".
 */
const char *text_address(const struct sockaddr_storage *address,
			 char buf[TEXT_SIZE])
{
	char host[TEXT_SIZE], *scope;

	if (address->ss_family == AF_UNSPEC)
		return "-";
	text_host(address, host);
	if (address->ss_family == AF_INET) {
		snprintf(buf, TEXT_SIZE, "%.100s:%u", host,
			 text_port(address));
		return buf;
	}
	scope = strchrnul(host, '%');
	snprintf(buf, TEXT_SIZE, "[%.*s]%.40s:%u", (int)(scope - host), host,
		 scope, text_port(address));
	return buf;
}
