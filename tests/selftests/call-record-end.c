// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that end the stream: KeyUpdate, alerts, and what should not be there.
 * The application reads what came before, and then learns of the end, as all who
 * wait do.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "call-record.h"
#include "net.h"

/* The end concerns all who wait, not only the one who took the record. */
static void *read_to_end(void *arg)
{
	char c;

	return (void *)(read(*(int *)arg, &c, 1) < 0 ? (long)errno : 0L);
}

#define EXPECT_ALL_TOLD(error, type, data, len)				\
	do {								\
		pthread_t t[2];						\
		void *ret;						\
		int k;							\
									\
		for (k = 0; k < 2; k++)					\
			ASSERT_EQ(0, pthread_create(&t[k], NULL,	\
						    read_to_end,	\
						    &self->fd));	\
		usleep(QUIET_MS * 1000);				\
		ASSERT_EQ(0, peer_send(self->peer, type, data, len));	\
		for (k = 0; k < 2; k++) {				\
			pthread_join(t[k], &ret);			\
			EXPECT_EQ(error, (long)ret);			\
		}							\
	} while (0)

TEST_F(record, all_told_close_notify)
{
	EXPECT_ALL_TOLD(0, PEER_ALERT, PEER_CLOSE_NOTIFY, 2);
}

TEST_F(record, all_told_key_update)
{
	EXPECT_ALL_TOLD(EKEYEXPIRED, PEER_HANDSHAKE, PEER_KEY_UPDATE, 5);
}

TEST_F(record, all_told_alert)
{
	EXPECT_ALL_TOLD(ECONNRESET, PEER_ALERT, PEER_INTERNAL_ERROR, 2);
}

/* The endings: what was sent before counts, and then comes the errno. */
#define EXPECT_ENDING(error)						\
	do {								\
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));	\
		EXPECT_EQ(error, call_expect_end(self->fd));		\
		EXPECT_EQ(error, call_expect_end(self->fd));		\
		EXPECT_TRUE(net_wait(self->fd, POLLIN, 0));		\
	} while (0)

TEST_F(record, key_update)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, PEER_KEY_UPDATE,
				 5, 0));
	ASSERT_EQ(0, peer_update_keys(self->peer));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_ENDING(-EKEYEXPIRED);
}

/* A reader that waits learns of it. */
TEST_F(record, key_update_while_reading)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_read, &self->fd));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, peer_send(self->peer, PEER_HANDSHAKE,
			       PEER_KEY_UPDATE_BOTH, 5));
	pthread_join(thread, &ret);
	EXPECT_EQ(-EKEYEXPIRED, (long)ret);
}

/* In one record with a ticket, which RFC 8446 5.1 allows, to a client. */
TEST_F(record, key_update_behind_ticket)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE,
				 PEER_TICKET PEER_KEY_UPDATE,
				 PEER_TICKET_LEN + 5, 0));
	ASSERT_EQ(0, peer_update_keys(self->peer));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_ENDING(variant->role == CALL_CLIENT ? -EKEYEXPIRED : -EPROTO);
}

TEST_F(record, key_update_and_splice)
{
	int p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_append(self->peer, PEER_HANDSHAKE, PEER_KEY_UPDATE,
				 5, 0));
	ASSERT_EQ(0, peer_update_keys(self->peer));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	EXPECT_EQ(LEN, splice(self->fd, NULL, p[1], NULL, 65536, 0));
	EXPECT_EQ(0, call_expect(p[0], LEN, 0, true));
	EXPECT_EQ(-1, splice(self->fd, NULL, p[1], NULL, 65536, 0));
	EXPECT_EQ(EKEYEXPIRED, errno);
}

TEST_F(record, close_notify)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	EXPECT_ENDING(0);
}

TEST_F(record, fatal_alert)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_INTERNAL_ERROR,
			       2));
	EXPECT_ENDING(-ECONNRESET);
}

/* user_canceled comes before close_notify (RFC 8446 6.1). */
TEST_F(record, cancelled)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_append(self->peer, PEER_ALERT, PEER_USER_CANCELED,
				 2, 0));
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	EXPECT_ENDING(0);
}

/* A type that TLS 1.3 does not have under encryption. */
TEST_F(record, unknown_type)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_send(self->peer, 24, "?", 1));
	EXPECT_ENDING(-EPROTO);
}

/* Handshake messages that no client, or no server, may get. */
TEST_F(record, wrong_handshake)
{
	const char *data = variant->role == CALL_CLIENT ?
			   "\x01\x00\x00\x00" : PEER_TICKET;
	char c;

	ASSERT_EQ(0, peer_send(self->peer, PEER_HANDSHAKE, data, 4));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	EXPECT_EQ(-1, read(self->fd, &c, 1));
	EXPECT_EQ(EPROTO, errno);
}

/* Changed on its way: EBADMSG, and for good. */
TEST_F(record, tampered)
{
	char record[64] = "\x17\x03\x03\x00\x20";

	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	ASSERT_EQ(0, call_write(self->raw, record, 5 + 32));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	EXPECT_EQ(-EBADMSG, call_expect_end(self->fd));
	/* The next record would be good again; the stream is not. */
	peer_send(self->peer, PEER_DATA, self->text, LEN);
	EXPECT_EQ(-EBADMSG, call_expect_end(self->fd));
}

/* No record at all: the connection is over, for us and for the peer. */
TEST_F(record, clear_text)
{
	char c;

	ASSERT_EQ(0, call_write(self->raw, "GET / HTTP/1.0\r\n\r\n", 18));
	EXPECT_EQ(-EBADMSG, call_expect_end(self->fd));
	EXPECT_EQ(-EBADMSG, call_expect_end(self->fd));
	ASSERT_TRUE(net_wait(self->raw, POLLIN, PATIENCE_MS));
	EXPECT_EQ(-1, recv(self->raw, &c, 1, 0));
	EXPECT_EQ(ECONNRESET, errno);
}

/* The same, after the application has asked what is wrong. */
TEST_F(record, clear_text_and_so_error)
{
	int error = 0;
	socklen_t len = sizeof(error);

	ASSERT_EQ(0, call_write(self->raw, "GET / HTTP/1.0\r\n\r\n", 18));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(-EBADMSG, call_expect_end(self->fd));
}

/* All who wait, not only the one whom kTLS tells. */
TEST_F(record, clear_text_to_two)
{
	pthread_t t[2];
	void *ret;
	int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, read_to_end,
					    &self->fd));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->raw, "GET / HTTP/1.0\r\n\r\n", 18));
	for (i = 0; i < 2; i++) {
		pthread_join(t[i], &ret);
		EXPECT_EQ(EBADMSG, (long)ret);
	}
}

/*
 * A part of a record can be read by nobody: who polls and does not block would
 * try for ever.
 */
TEST_F(record, half_a_record)
{
	ASSERT_EQ(0, call_write(self->raw, "\x17\x03\x03\x01\x00" "begin", 10));
	EXPECT_FALSE(net_wait(self->fd, POLLIN, QUIET_MS));
	EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	EXPECT_EQ(-ECONNRESET, call_expect_end(self->fd));
}

SOCKAUTH_HARNESS_MAIN
