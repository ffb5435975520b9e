/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection, as SOCKAUTH_CMD_CONN_GET and SOCKAUTH_CMD_CONN_EVENT tell it.
 */
#ifndef CLI_CONN_H
#define CLI_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include <jansson.h>
#include <libmnl/libmnl.h>

#include "table.h"

/**
 * struct conn - one connection; strings point into the message
 * @id: never used again
 * @state: enum sockauth_state
 * @role: enum sockauth_role
 * @leg: how many events workers were sent for it
 * @age_ms: since it began
 * @netns: cookie of the network namespace, of a guest; 0: it is none
 * @local: AF_UNSPEC: not known any more
 * @remote: likewise
 * @profile: never NULL
 * @target: NULL: none
 * @has_peer: authentication came to an end; what follows is known
 * @mech: enum sockauth_mech
 * @sec_flags: enum sockauth_sec_flags
 * @version: of the protocol
 * @cipher: TLS cipher suite
 * @peer_name: NULL: anonymous
 * @name_type: enum sockauth_name_type
 * @alpn: not terminated; NULL: none
 * @alpn_len: length of @alpn
 * @expiry: seconds since 1970; 0: never
 * @reason: enum sockauth_reason
 * @error: errno, positive; 0: none
 * @text: why it failed; NULL: nothing to say
 */
struct conn {
	uint64_t id;
	uint32_t state;
	uint32_t role;
	uint32_t leg;
	uint64_t age_ms;
	uint64_t netns;
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	const char *profile;
	const char *target;
	bool has_peer;
	uint32_t mech;
	uint32_t sec_flags;
	uint32_t version;
	uint32_t cipher;
	const char *peer_name;
	uint32_t name_type;
	const char *alpn;
	size_t alpn_len;
	uint64_t expiry;
	uint32_t reason;
	uint32_t error;
	const char *text;
};

#define CONN_COLUMNS	11

extern const char *const conn_heads[CONN_COLUMNS];

int conn_decode(const struct nlmsghdr *nlh, struct conn *conn);
int conn_row(const struct conn *conn, struct table *table);
json_t *conn_json(const struct conn *conn);
int conn_event_line(const struct conn *conn, const struct timespec *now,
		    FILE *out);
json_t *conn_event_json(const struct conn *conn, const struct timespec *now);

#endif /* CLI_CONN_H */
