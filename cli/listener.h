/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listening socket, as SOCKAUTH_CMD_LISTENER_GET tells it.
 */
#ifndef CLI_LISTENER_H
#define CLI_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

#include <jansson.h>
#include <libmnl/libmnl.h>

#include "table.h"

/**
 * struct listener - one listening socket; strings point into the message
 * @local: its address
 * @profile: never NULL
 * @req_flags: enum sockauth_req_flags
 * @pending: connections being authenticated
 * @ready: authenticated ones that wait for accept()
 * @backlog: how many of those there may be
 * @accepted: given to the application so far
 * @uid: who set SOCKAUTH_REQUEST
 * @inode: of the socket
 */
struct listener {
	struct sockaddr_storage local;
	const char *profile;
	uint32_t req_flags;
	uint32_t pending;
	uint32_t ready;
	uint32_t backlog;
	uint64_t accepted;
	uint32_t uid;
	uint64_t inode;
};

#define LISTENER_COLUMNS	8

extern const char *const listener_heads[LISTENER_COLUMNS];

int listener_decode(const struct nlmsghdr *nlh, struct listener *listener);
int listener_row(const struct listener *listener, struct table *table);
json_t *listener_json(const struct listener *listener);

#endif /* CLI_LISTENER_H */
