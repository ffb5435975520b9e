// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that meet an authentication half-way, and what becomes of them when it
 * is through: a raw TLS peer decides when it goes on.
 */
#include "harness.h"

#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "call-thread.h"
#include "net.h"

#define LEN	CALL_THREAD_LEN

static int get_int(int fd, int level, int optname)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, optname, &value, &len) ? -errno : value;
}

/* A socket whose peer is raw and has not begun its part of the handshake. */
FIXTURE(meet)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
};

FIXTURE_VARIANT(meet)
{
	enum call_role	role;
};

/* connect() of a client, and SOCKAUTH_REQ_SERVER on a connected socket. */
FIXTURE_VARIANT_ADD(meet, client) {
	.role = CALL_CLIENT,
};

FIXTURE_VARIANT_ADD(meet, server) {
	.role = CALL_SERVER,
};

static int meet_client(int *fd, int *raw)
{
	int listener = net_listener(AF_INET), err;

	*fd = call_socket(true);
	err = call_nonblock(*fd, true);
	if (!err)
		err = call_connect(*fd, listener);
	if (err != -EINPROGRESS)
		return err;
	*raw = accept(listener, NULL, NULL);
	close(listener);
	return *raw < 0 ? -errno : 0;
}

static int meet_server(int *fd, int *raw)
{
	struct sockauth_request req = { .flags = SOCKAUTH_REQ_SERVER };
	int pair[2], err = net_pair(pair);

	if (err)
		return err;
	*raw = pair[0];
	*fd = pair[1];
	err = call_nonblock(*fd, true);
	if (!err && !setsockopt(*fd, IPPROTO_IP, SOCKAUTH_REQUEST, &req,
				sizeof(req)))
		err = -EISCONN;
	return err ? err : errno == EINPROGRESS ? 0 : -errno;
}

FIXTURE_SETUP(meet)
{
	signal(SIGPIPE, SIG_IGN);
	call_text(self->text, LEN, 0, true);
	if (variant->role == CALL_CLIENT) {
		ASSERT_EQ(0, meet_client(&self->fd, &self->raw));
	} else {
		ASSERT_EQ(0, meet_server(&self->fd, &self->raw));
	}
	ASSERT_EQ(0, peer_new(&self->peer, self->raw,
			      variant->role == CALL_CLIENT));
}

FIXTURE_TEARDOWN(meet)
{
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* The peer's last flight of the handshake, and data in the same segment. */
static int finish_with_data(struct peer *peer, bool server, const char *text)
{
	bool sent = false;
	int ret, err;

	do {
		ret = peer_step(peer);
		if (ret < 0)
			return ret;
		/* The server can speak after its first flight already. */
		if (!sent && (server ? peer_has_output(peer) : ret)) {
			err = peer_append(peer, PEER_DATA, text, LEN, 0);
			if (err)
				return err;
			sent = true;
		}
		err = peer_flush(peer);
		if (err)
			return err;
	} while (!ret);
	return 0;
}

/* Data that was there before the socket was open wakes who waits for it. */
TEST_F(meet, poll_with_early_data)
{
	struct call_thread b = { 0 };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_poll, self->fd,
					      SYS_poll));
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	call_thread_end(&b);
	EXPECT_EQ(1, b.ret);
	EXPECT_EQ(POLLIN, b.error);
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

TEST_F(meet, epoll_edge_with_early_data)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, PATIENCE_MS));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	close(ep);
}

/* Blocking calls that began before: they wait, and then do what was asked. */
TEST_F(meet, read)
{
	struct call_thread b = { 0 };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_recv, self->fd,
					      SYS_recvfrom));
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	call_thread_end(&b);
	ASSERT_EQ(LEN, b.ret);
	EXPECT_EQ(0, memcmp(b.buf, self->text, LEN));
}

TEST_F(meet, write)
{
	struct call_thread b = { .marked = true };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_write, self->fd,
					      SYS_write));
	ASSERT_EQ(0, peer_handshake(self->peer));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
	call_thread_end(&b);
	EXPECT_EQ(LEN, b.ret);
}

/*
 * Non-blocking when it began, blocking while it goes on; the one that upgrades
 * in place has a connection, whoever asks for one, as soon as it is through.
 */
TEST_F(meet, connect_made_blocking)
{
	struct call_thread b = { .listener = self->raw };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_connect, self->fd,
					      SYS_connect));
	ASSERT_EQ(0, peer_handshake(self->peer));
	call_thread_end(&b);
	EXPECT_EQ(0, b.ret);
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
}

/* Blocking when it began: that it is not any more comes too late. */
TEST_F(meet, read_made_nonblocking)
{
	struct call_thread b = { 0 };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_recv, self->fd,
					      SYS_recvfrom));
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	EXPECT_EQ(-1, recv(self->fd, self->text, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	call_thread_end(&b);
	EXPECT_EQ(LEN, b.ret);
}

/* What the application sets meanwhile is what it has afterwards. */
TEST_F(meet, nodelay)
{
	int one = 1;

	/* The first record of the handshake is there: it is under way. */
	if (variant->role == CALL_CLIENT) {
		ASSERT_TRUE(net_wait(self->raw, POLLIN, PATIENCE_MS));
	}
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one,
				sizeof(one)));
	ASSERT_EQ(0, peer_handshake(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	EXPECT_EQ(1, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
}

TEST_F(meet, cork)
{
	int one = 1;

	if (variant->role == CALL_CLIENT) {
		ASSERT_TRUE(net_wait(self->raw, POLLIN, PATIENCE_MS));
	}
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &one,
				sizeof(one)));
	ASSERT_EQ(0, peer_handshake(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	EXPECT_EQ(1, get_int(self->fd, IPPROTO_TCP, TCP_CORK));
	EXPECT_EQ(0, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
}

/* Nagle's delay is none of other options' business. */
TEST_F(meet, other_option)
{
	int idle = 100;

	if (variant->role == CALL_CLIENT) {
		ASSERT_TRUE(net_wait(self->raw, POLLIN, PATIENCE_MS));
	}
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
				sizeof(idle)));
	ASSERT_EQ(0, peer_handshake(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	EXPECT_EQ(idle, get_int(self->fd, IPPROTO_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(0, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
}

/* The handshake's bytes are not the application's, not even their number. */
TEST_F(meet, fionread)
{
	int n = -1;

	ASSERT_EQ(0, call_write(self->raw, "\x16\x03\x03\x01\x00" "begin", 10));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
}

/* Closed while it goes on: the peer sees the end, at once. */
TEST_F(meet, close)
{
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_NE(0, peer_handshake(self->peer));
}

/* A descriptor that was passed on before the socket was open. */
TEST_F(meet, dup)
{
	int fd = dup(self->fd);

	ASSERT_EQ(0, close(self->fd));
	self->fd = fd;
	ASSERT_EQ(0, peer_handshake(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
}

SOCKAUTH_HARNESS_MAIN
