/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call of each kind on one socket, and what it must say on a marked socket
 * before and during authentication.
 */
#ifndef CALL_TABLE_H
#define CALL_TABLE_H

#include <netinet/in.h>
#include <stddef.h>

#define GATE_TEXT_LEN	64

/* What a call works on; the caller owns the descriptor. */
struct gate {
	int			fd;
	char			text[GATE_TEXT_LEN];
	struct sockaddr_in6	addr;
	socklen_t		addr_len;
};

/* The result must be that of TCP. */
#define GATE_AS_TCP	1

/**
 * struct gate_call - one line of the table
 * @name: of the call
 * @call: makes it; returns what the call returns, or -errno
 * @unconnected: the result on a marked socket that is not connected
 * @pending: the result while it is being authenticated
 */
struct gate_call {
	const char	*name;
	long		(*call)(struct gate *g);
	long		unconnected;
	long		pending;
};

extern const struct gate_call gate_calls[];
extern const size_t gate_calls_count;

#endif /* CALL_TABLE_H */
