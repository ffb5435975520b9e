/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes that sockauth_genl_parse() has sorted, as values.
 */
#ifndef CLI_ATTR_H
#define CLI_ATTR_H

#include <stdint.h>
#include <sys/socket.h>

#include <sockauth/genl.h>

uint32_t attr_u32(const struct nlattr **tb, int type);
uint64_t attr_u64(const struct nlattr **tb, int type);
const char *attr_str(const struct nlattr **tb, int type);
int attr_address(const struct nlattr **tb, int type,
		 struct sockaddr_storage *address);

#endif /* CLI_ATTR_H */
