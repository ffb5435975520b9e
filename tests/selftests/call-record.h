/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of single records begin with: the fixture "record", a socket of
 * sockauth whose peer is raw, so it sends what the test likes.
 *
 * Include it once, in the file of a test program, behind harness.h.
 */
#ifndef CALL_RECORD_H
#define CALL_RECORD_H

#include <signal.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"

#define LEN	(2 * CALL_BLOCK)
#define HALF	CALL_BLOCK

FIXTURE(record)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
	char		in[LEN + 1];
};

FIXTURE_VARIANT(record)
{
	enum call_role	role;
};

FIXTURE_VARIANT_ADD(record, client) {
	.role = CALL_CLIENT,
};

FIXTURE_VARIANT_ADD(record, server) {
	.role = CALL_SERVER,
};

FIXTURE_SETUP(record)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, peer_pair(variant->role, &self->fd, &self->peer,
			       &self->raw));
	call_text(self->text, LEN, 0, true);
}

FIXTURE_TEARDOWN(record)
{
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* In a thread: read LEN bytes of text, from a descriptor. */
static inline void *wait_and_read(void *arg)
{
	int fd = *(int *)arg;

	return (void *)(long)call_expect(fd, LEN, 0, true);
}

#endif /* CALL_RECORD_H */
