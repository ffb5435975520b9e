/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pairs of sockets for the tests of calls: authenticated by the real daemon, or
 * plain TCP, whose results are what the authenticated ones must give too.
 *
 * What is sent carries a marker that the capture of the group looks for: one
 * for sockets of sockauth, which must never be seen, and another one for plain
 * TCP, which must be.
 */
#ifndef CALL_NET_H
#define CALL_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Length of the markers; texts repeat them, numbered. */
#define CALL_BLOCK	32

enum call_role {
	CALL_CLIENT,
	CALL_SERVER,
};

/* The four kinds of sockets that a fixture is run with. */
#define CALL_VARIANTS(fixture)						\
	FIXTURE_VARIANT(fixture)					\
	{								\
		bool		marked;					\
		enum call_role	role;					\
	};								\
	FIXTURE_VARIANT_ADD(fixture, tcp_client) {			\
		.role = CALL_CLIENT,					\
	};								\
	FIXTURE_VARIANT_ADD(fixture, tcp_server) {			\
		.role = CALL_SERVER,					\
	};								\
	FIXTURE_VARIANT_ADD(fixture, client) {				\
		.marked = true,						\
		.role = CALL_CLIENT,					\
	};								\
	FIXTURE_VARIANT_ADD(fixture, server) {				\
		.marked = true,						\
		.role = CALL_SERVER,					\
	}

/* All return 0, a descriptor or -errno. */
int call_listener(bool marked);
int call_socket(bool marked);
int call_connect(int fd, int listener);
int call_pair(bool marked, enum call_role role, int *fd, int *peer);
int call_nonblock(int fd, bool on);

/* As call_pair(), authenticated in profiles that agree on SUITE only. */
int call_pair_profile(const char *server, const char *client, int *fd,
		      int *peer);

/* A connection that does not get on: TCP's own, or the authentication's. */
struct call_silent {
	int	listener;
	int	filler;
};

int call_silent(bool marked, struct call_silent *silent, int *fd);
void call_silent_close(struct call_silent *silent);

/* LEN bytes of text with a marker in every block, from the block at OFFSET. */
void call_text(char *buf, size_t len, size_t offset, bool marked);

/* Write all; read exactly, and compare with call_text(). */
int call_write(int fd, const char *buf, size_t len);
int call_expect(int fd, size_t len, size_t offset, bool marked);

/* The peer has ended in order: read() says 0. */
int call_expect_end(int fd);

#endif /* CALL_NET_H */
