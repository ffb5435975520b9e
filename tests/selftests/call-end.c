// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ends of an established connection: shutdown() each way, both orders of
 * closing, SO_LINGER, RST, and a stream that somebody cut. The fixture "end"
 * has the same expectations on plain TCP and on an authenticated socket; "cut"
 * has a raw TLS peer that breaks the rules.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)
#define BIG	(100 * 1000)

FIXTURE(end)
{
	int	fd;
	int	peer;
	char	text[BIG];
	char	in[LEN];
};

CALL_VARIANTS(end);

FIXTURE_SETUP(end)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	call_text(self->text, BIG, 0, variant->marked);
}

FIXTURE_TEARDOWN(end)
{
	close(self->fd);
	close(self->peer);
}

TEST_F(end, close)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
	EXPECT_EQ(0, call_expect_end(self->peer));
	self->fd = -1;
}

TEST_F(end, peer_closes)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_EQ(0, close(self->peer));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->fd));
	EXPECT_EQ(0, call_expect_end(self->fd));
	self->peer = -1;
}

/*
 * Who writes and closes without ever reading, as loggers do: the peer, which
 * reads when it likes, gets everything and the end. With an authenticated
 * client there are session tickets that nobody has read.
 */
TEST_F(end, close_unread)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, BIG));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	usleep(2 * QUIET_MS * 1000);
	EXPECT_EQ(0, call_expect(self->peer, BIG, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* The same, where the tickets have had the time to arrive. */
TEST_F(end, close_unread_late)
{
	usleep(2 * QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->fd, self->text, BIG));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, call_expect(self->peer, BIG, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(end, shutdown_write)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
	EXPECT_EQ(-1, write(self->fd, self->text, LEN));
	EXPECT_EQ(EPIPE, errno);
	/* The other direction lives on, for as long as it likes. */
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, variant->marked));
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_EQ(0, call_expect_end(self->fd));
}

TEST_F(end, peer_shuts_down_write)
{
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_EQ(0, call_expect_end(self->fd));
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(end, shutdown_twice)
{
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(0, call_expect_end(self->peer));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(end, shutdown_read)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	/* As on TCP: what is there can be read, then comes the end. */
	EXPECT_EQ(LEN, read(self->fd, self->in, LEN));
	EXPECT_EQ(0, read(self->fd, self->in, LEN));
	EXPECT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
}

TEST_F(end, shutdown_both)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	EXPECT_EQ(0, read(self->fd, self->in, LEN));
	EXPECT_EQ(-1, write(self->fd, self->text, LEN));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

static volatile sig_atomic_t pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

TEST_F(end, sigpipe)
{
	struct sigaction act = { .sa_handler = on_pipe };

	ASSERT_EQ(0, sigaction(SIGPIPE, &act, NULL));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(-1, send(self->fd, self->text, LEN, MSG_NOSIGNAL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, pipes);
	EXPECT_EQ(-1, send(self->fd, self->text, LEN, 0));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, pipes);
}

static int set_linger(int fd, int seconds)
{
	struct linger linger = { .l_onoff = 1, .l_linger = seconds };

	return setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* A RST, and no word of an end. */
TEST_F(end, linger_zero)
{
	ASSERT_EQ(0, set_linger(self->fd, 0));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_TRUE(net_wait(self->peer, POLLIN, PATIENCE_MS));
	EXPECT_EQ(-1, read(self->peer, self->in, LEN));
	EXPECT_EQ(ECONNRESET, errno);
}

/* close() waits until the peer has everything. */
TEST_F(end, linger)
{
	ASSERT_EQ(0, set_linger(self->fd, 10));
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* The peer does not read: close() gives up when its time is over. */
TEST_F(end, linger_over)
{
	long start;
	ssize_t n;

	do {
		n = send(self->fd, self->text, BIG, MSG_DONTWAIT);
	} while (n > 0);
	ASSERT_EQ(0, set_linger(self->fd, 1));
	start = net_now_ms();
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_GE(net_now_ms() - start, 900);
	EXPECT_LE(net_now_ms() - start, 5000);
}

/* Full buffers: what was sent arrives, and then the end. */
TEST_F(end, close_full)
{
	size_t sent = 0;
	ssize_t n;

	for (;;) {
		call_text(self->text, BIG, sent, variant->marked);
		n = send(self->fd, self->text, BIG, MSG_DONTWAIT);
		if (n <= 0)
			break;
		sent += n;
	}
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, call_expect(self->peer, sent, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* Data that nobody has read: TCP answers close() with a RST. */
TEST_F(end, close_with_data_unread)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_TRUE(net_wait(self->peer, POLLHUP, PATIENCE_MS));
	EXPECT_EQ(-1, send(self->peer, self->text, LEN, 0));
}

/* A socket of sockauth, and a peer on the other end that is ours. */
FIXTURE(cut)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
	char		in[LEN];
};

FIXTURE_VARIANT(cut)
{
	enum call_role	role;
};

FIXTURE_VARIANT_ADD(cut, client) {
	.role = CALL_CLIENT,
};

FIXTURE_VARIANT_ADD(cut, server) {
	.role = CALL_SERVER,
};

FIXTURE_SETUP(cut)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, peer_pair(variant->role, &self->fd, &self->peer,
			       &self->raw));
	call_text(self->text, LEN, 0, true);
}

FIXTURE_TEARDOWN(cut)
{
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* FIN without close_notify: what came counts, the end does not. */
TEST_F(cut, truncated)
{
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	EXPECT_EQ(-ECONNRESET, call_expect_end(self->fd));
	EXPECT_EQ(-ECONNRESET, call_expect_end(self->fd));
}

TEST_F(cut, truncated_in_a_record)
{
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	ASSERT_EQ(0, call_write(self->raw, "\x17\x03\x03\x01\x00" "begin", 10));
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	EXPECT_EQ(-ECONNRESET, call_expect_end(self->fd));
}

TEST_F(cut, reset)
{
	ASSERT_EQ(0, set_linger(self->raw, 0));
	ASSERT_EQ(0, close(self->raw));
	self->raw = -1;
	EXPECT_EQ(-ECONNRESET, call_expect_end(self->fd));
}

/* poll() leaves the error where SO_ERROR and read() find it. */
TEST_F(cut, reset_and_so_error)
{
	socklen_t len = sizeof(int);
	int error = -1;

	ASSERT_EQ(0, set_linger(self->raw, 0));
	ASSERT_EQ(0, close(self->raw));
	self->raw = -1;
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_TRUE(net_wait(self->fd, POLLERR, 0));
	ASSERT_EQ(0, getsockopt(self->fd, SOL_SOCKET, SO_ERROR, &error, &len));
	EXPECT_EQ(ECONNRESET, error);
}

/* A complete end, by the book: close_notify, FIN. */
TEST_F(cut, closed)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	EXPECT_EQ(0, call_expect_end(self->fd));
	/* Half-closed: RFC 8446 6.1 lets us go on writing. */
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, peer_expect_end(self->peer));
	EXPECT_EQ(-ENODATA, peer_expect_end(self->peer));
}

/* close_notify alone is the end; the FIN may come when it likes. */
TEST_F(cut, closed_without_fin)
{
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	EXPECT_EQ(0, call_expect_end(self->fd));
	EXPECT_EQ(0, call_expect_end(self->fd));
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
}

/* Data after close_notify is not read (RFC 8446 6.1). */
TEST_F(cut, data_after_close_notify)
{
	ASSERT_EQ(0, peer_append(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2,
				 0));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_EQ(0, call_expect_end(self->fd));
	EXPECT_EQ(0, call_expect_end(self->fd));
}

/* Our end, on the wire: close() and shutdown() say close_notify, then FIN. */
TEST_F(cut, we_close)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
	EXPECT_EQ(0, peer_expect_end(self->peer));
	EXPECT_EQ(-ENODATA, peer_expect_end(self->peer));
}

TEST_F(cut, we_shut_down)
{
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(0, peer_expect_end(self->peer));
	EXPECT_EQ(-ENODATA, peer_expect_end(self->peer));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

/* SO_LINGER with 0 seconds: no close_notify, for the stream is not complete. */
TEST_F(cut, we_reset)
{
	enum peer_record type;

	ASSERT_EQ(0, set_linger(self->fd, 0));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(-ECONNRESET, peer_recv(self->peer, &type, self->in, LEN));
}

/*
 * What TLS says after close() is data to TCP, and answered with a RST our own
 * last data would be lost: the peer's end, and a client's tickets.
 */
static int last_words(struct peer *peer, enum call_role role)
{
	int err = 0;

	if (role == CALL_CLIENT)
		err = peer_send(peer, PEER_HANDSHAKE, PEER_TICKET,
				PEER_TICKET_LEN);
	return err ? err : peer_send(peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2);
}

#define EXPECT_COMPLETE()						\
	do {								\
		usleep(QUIET_MS * 1000);				\
		EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));		\
		EXPECT_EQ(0, peer_expect_end(self->peer));		\
		EXPECT_EQ(-ENODATA, peer_expect_end(self->peer));	\
	} while (0)

TEST_F(cut, last_words_after_close)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_EQ(0, last_words(self->peer, variant->role));
	EXPECT_COMPLETE();
}

/* They are there, and the application does not care. */
TEST_F(cut, last_words_before_close)
{
	ASSERT_EQ(0, last_words(self->peer, variant->role));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_COMPLETE();
}

TEST_F(cut, last_words_after_shutdown)
{
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	ASSERT_EQ(0, last_words(self->peer, variant->role));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_COMPLETE();
}

TEST_F(cut, last_words_while_lingering)
{
	ASSERT_EQ(0, set_linger(self->fd, 10));
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_EQ(0, last_words(self->peer, variant->role));
	EXPECT_COMPLETE();
}

/* Data is another matter: nobody reads it, and the peer is told so. */
TEST_F(cut, data_after_close)
{
	enum peer_record type;
	long end = net_now_ms() + PATIENCE_MS;
	int err;

	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	do {
		err = peer_send(self->peer, PEER_DATA, self->text, LEN);
		usleep(1000);
	} while (!err && net_now_ms() < end);
	EXPECT_NE(0, err);
	EXPECT_NE(LEN, peer_recv(self->peer, &type, self->in, LEN));
}

/* And so is a peer that says nothing: it is not waited for long. */
TEST_F(cut, silence_after_close)
{
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_EQ(0, peer_expect_end(self->peer));
	EXPECT_FALSE(net_wait(self->raw, POLLERR, 3000));
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	EXPECT_TRUE(net_wait(self->raw, POLLERR, PATIENCE_MS));
}

/* Shut down without reading the peer's answer: nothing hangs. */
TEST_F(cut, peer_never_closes)
{
	long start = net_now_ms();

	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_LE(net_now_ms() - start, 5000);
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
	EXPECT_EQ(0, peer_expect_end(self->peer));
}

SOCKAUTH_HARNESS_MAIN
