// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes as values.  The lengths of numbers and the ends of strings were
 * checked by sockauth_genl_parse(); addresses are checked here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "attr.h"

/**
 * attr_u32 - a number
 * @tb: sorted attributes
 * @type: which one
 *
 * Return: its value, 0 if it is not there.
 */
uint32_t attr_u32(const struct nlattr **tb, int type)
{
	return tb[type] ? mnl_attr_get_u32(tb[type]) : 0;
}

/**
 * attr_u64 - a large number
 * @tb: sorted attributes
 * @type: which one
 *
 * Return: its value, 0 if it is not there.
 */
uint64_t attr_u64(const struct nlattr **tb, int type)
{
	return tb[type] ? mnl_attr_get_u64(tb[type]) : 0;
}

/**
 * attr_str - a string
 * @tb: sorted attributes
 * @type: which one
 *
 * Return: the string, in the message; NULL if it is not there.
 */
const char *attr_str(const struct nlattr **tb, int type)
{
	return tb[type] ? mnl_attr_get_str(tb[type]) : NULL;
}

/**
 * attr_address - a socket address
 * @tb: sorted attributes
 * @type: which one
 * @address: set; AF_UNSPEC if it is not there
 *
 * Return: 0, or -EPROTO if it is no IPv4 or IPv6 address.
 */
int attr_address(const struct nlattr **tb, int type,
		 struct sockaddr_storage *address)
{
	struct sockaddr_storage new = { .ss_family = AF_UNSPEC };
	size_t len;

	if (tb[type]) {
		len = mnl_attr_get_payload_len(tb[type]);
		if (len > sizeof(new))
			return -EPROTO;
		memcpy(&new, mnl_attr_get_payload(tb[type]), len);
		if (!(new.ss_family == AF_INET &&
		      len == sizeof(struct sockaddr_in)) &&
		    !(new.ss_family == AF_INET6 &&
		      len == sizeof(struct sockaddr_in6)))
			return -EPROTO;
	}
	*address = new;
	return 0;
}
