// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that RFC 8446 forbids, or allows and nobody sends: whatever a peer
 * does, a reader gets data, an end or an errno, and gets it at once. The peer is
 * raw, so it sends what the test likes.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)

/* As many records without data in a row as are allowed: record.c. */
#define SILENT_MAX	64

FIXTURE(rules)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
	char		in[LEN];
	int		pipe[2];
};

FIXTURE_VARIANT(rules)
{
	enum call_role	role;
};

FIXTURE_VARIANT_ADD(rules, client) {
	.role = CALL_CLIENT,
};

FIXTURE_VARIANT_ADD(rules, server) {
	.role = CALL_SERVER,
};

FIXTURE_SETUP(rules)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, peer_pair(variant->role, &self->fd, &self->peer,
			       &self->raw));
	call_text(self->text, LEN, 0, true);
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(rules)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

static int append_data(struct peer *p, const char *text)
{
	return peer_append(p, PEER_DATA, text, LEN, 0);
}

/* Data, and behind it what must not be there: EPROTO, for good. */
#define EXPECT_REFUSED(type, data, len, pad)				\
	do {								\
		ASSERT_EQ(0, append_data(self->peer, self->text));	\
		ASSERT_EQ(0, peer_append(self->peer, type, data, len,	\
					 pad));				\
		ASSERT_EQ(0, peer_flush(self->peer));			\
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));	\
		EXPECT_EQ(-EPROTO, call_expect_end(self->fd));		\
		EXPECT_EQ(-EPROTO, call_expect_end(self->fd));		\
	} while (0)

TEST_F(rules, empty_alert)
{
	EXPECT_REFUSED(PEER_ALERT, "", 0, 0);
}

TEST_F(rules, empty_handshake)
{
	EXPECT_REFUSED(PEER_HANDSHAKE, "", 0, 0);
}

TEST_F(rules, empty_padded)
{
	EXPECT_REFUSED(PEER_HANDSHAKE, "", 0, 100);
}

TEST_F(rules, empty_unknown)
{
	EXPECT_REFUSED(24, "", 0, 0);
}

TEST_F(rules, short_alert)
{
	EXPECT_REFUSED(PEER_ALERT, "\x01", 1, 0);
}

/* Two in one record are none. */
TEST_F(rules, long_alert)
{
	EXPECT_REFUSED(PEER_ALERT, PEER_USER_CANCELED PEER_CLOSE_NOTIFY, 4, 0);
}

/* A call that waits does not ask poll() first, nor does splice(). */
TEST_F(rules, empty_and_recv)
{
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, "", 0));
	EXPECT_EQ(-1, recv(self->fd, self->in, 1, 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(rules, empty_and_splice)
{
	ASSERT_EQ(0, peer_send(self->peer, PEER_HANDSHAKE, "", 0));
	EXPECT_EQ(-1, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
	EXPECT_EQ(EPROTO, errno);
}

TEST_F(rules, empty_and_fionread)
{
	int n = -1;

	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, "", 0));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(-EPROTO, call_expect_end(self->fd));
}

/* Empty data in front of a record of another type is neither data nor an end. */
static int append_empty_and_silent(struct peer *p)
{
	int err = peer_append(p, PEER_DATA, "", 0, 0);

	return err ? err : peer_append(p, PEER_ALERT, PEER_USER_CANCELED, 2, 0);
}

TEST_F(rules, empty_data_first)
{
	ASSERT_EQ(0, append_empty_and_silent(self->peer));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_FALSE(net_wait(self->fd, POLLIN, QUIET_MS));
	EXPECT_EQ(-1, recv(self->fd, self->in, LEN, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, append_empty_and_silent(self->peer));
	ASSERT_EQ(0, append_data(self->peer, self->text));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

TEST_F(rules, empty_data_first_and_recv)
{
	ASSERT_EQ(0, append_empty_and_silent(self->peer));
	ASSERT_EQ(0, append_data(self->peer, self->text));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, 0));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
}

TEST_F(rules, empty_data_first_and_peek)
{
	ASSERT_EQ(0, append_empty_and_silent(self->peer));
	ASSERT_EQ(0, append_data(self->peer, self->text));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_PEEK));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

TEST_F(rules, empty_data_first_and_splice)
{
	ASSERT_EQ(0, append_empty_and_silent(self->peer));
	ASSERT_EQ(0, append_data(self->peer, self->text));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(LEN, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
	EXPECT_EQ(0, call_expect(self->pipe[0], LEN, 0, true));
}

/* A clean end is not a cut one. */
TEST_F(rules, empty_data_before_end)
{
	ASSERT_EQ(0, append_data(self->peer, self->text));
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, "", 0, 0));
	ASSERT_EQ(0, peer_append(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2,
				 0));
	ASSERT_EQ(0, peer_flush(self->peer));
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, 0));
	EXPECT_EQ(0, recv(self->fd, self->in, LEN, 0));
	EXPECT_EQ(0, recv(self->fd, self->in, LEN, 0));
}

/* A ticket in pieces, cut at every place of its header and behind it. */
TEST_F(rules, ticket_in_pieces)
{
	const char *ticket = PEER_TICKET;
	size_t cut;

	if (variant->role != CALL_CLIENT)
		return;			/* servers refuse whole ones, too */
	for (cut = 1; cut < PEER_TICKET_LEN; cut += cut < 6 ? 1 : 5) {
		ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, ticket,
					 cut, 0));
		/* The rest, and a whole one behind it. */
		memcpy(self->in, ticket + cut, PEER_TICKET_LEN - cut);
		memcpy(self->in + PEER_TICKET_LEN - cut, ticket,
		       PEER_TICKET_LEN);
		ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, self->in,
					 2 * PEER_TICKET_LEN - cut, 0));
		ASSERT_EQ(0, append_data(self->peer, self->text));
		ASSERT_EQ(0, peer_flush(self->peer));
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true))
			TH_LOG("cut at %zu", cut);
	}
	/* What stands behind it is seen all the same. */
	ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, ticket, 7, 0));
	memcpy(self->in, ticket + 7, PEER_TICKET_LEN - 7);
	memcpy(self->in + PEER_TICKET_LEN - 7, PEER_KEY_UPDATE, 5);
	ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, self->in,
				 PEER_TICKET_LEN - 7 + 5, 0));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(-EKEYEXPIRED, call_expect_end(self->fd));
}

/* Nothing but records that say nothing: for a while only. */
TEST_F(rules, silent_flood)
{
	int i, round;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < SILENT_MAX; i++)
			ASSERT_EQ(0, peer_append(self->peer, PEER_ALERT,
						 PEER_USER_CANCELED, 2, 0));
		ASSERT_EQ(0, append_data(self->peer, self->text));
		ASSERT_EQ(0, peer_flush(self->peer));
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	}
	for (i = 0; i < SILENT_MAX + 1; i++)
		ASSERT_EQ(0, peer_append(self->peer, PEER_ALERT,
					 PEER_USER_CANCELED, 2, 0));
	ASSERT_EQ(0, peer_flush(self->peer));
	EXPECT_EQ(-EPROTO, call_expect_end(self->fd));
}

/* Asking how much there is leaves the error where it was. */
TEST_F(rules, reset_and_fionread)
{
	struct linger now = { .l_onoff = 1 };
	int n = -1, error = 0;
	socklen_t len = sizeof(error);

	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, "", 0));
	ASSERT_EQ(0, setsockopt(self->raw, SOL_SOCKET, SO_LINGER, &now,
				sizeof(now)));
	ASSERT_EQ(0, close(self->raw));
	self->raw = -1;
	ASSERT_TRUE(net_wait(self->fd, POLLHUP, PATIENCE_MS));
	ASSERT_EQ(0, ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(ECONNRESET, error);
}

SOCKAUTH_HARNESS_MAIN
