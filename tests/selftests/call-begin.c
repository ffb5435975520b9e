// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect(), and calls that meet it half-way: from other threads, with time-outs
 * and signals, and what happens when the authentication that they waited for is
 * through. "begin" has the same expectations on plain TCP; in "meet" a raw TLS
 * peer decides when the authentication goes on.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)

static int get_int(int fd, int level, int optname)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, optname, &value, &len) ? -errno : value;
}

FIXTURE(begin)
{
	int	listener;
	int	fd;
	char	text[LEN];
};

FIXTURE_VARIANT(begin)
{
	bool	marked;
};

FIXTURE_VARIANT_ADD(begin, tcp) {
	.marked = false,
};

FIXTURE_VARIANT_ADD(begin, marked) {
	.marked = true,
};

FIXTURE_SETUP(begin)
{
	self->listener = call_listener(variant->marked);
	ASSERT_GE(self->listener, 0);
	self->fd = call_socket(variant->marked);
	ASSERT_GE(self->fd, 0);
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(begin)
{
	close(self->fd);
	close(self->listener);
}

/* Our socket and the listener's next one are the ends of one connection. */
#define EXPECT_CONNECTED()						\
	do {								\
		int s = accept(self->listener, NULL, NULL);		\
									\
		ASSERT_GE(s, 0);					\
		EXPECT_EQ(0, call_write(self->fd, self->text, LEN));	\
		EXPECT_EQ(0, call_expect(s, LEN, 0, variant->marked));	\
		EXPECT_EQ(0, call_write(s, self->text, LEN));		\
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0,		\
					 variant->marked));		\
		close(s);						\
	} while (0)

TEST_F(begin, connect)
{
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_EQ(-EISCONN, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
}

/* The first connect() after EINPROGRESS says 0, later ones EISCONN. */
TEST_F(begin, connect_nonblocking)
{
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	ASSERT_EQ(-EINPROGRESS, call_connect(self->fd, self->listener));
	ASSERT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_EQ(-EISCONN, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
}

TEST_F(begin, connect_epoll_edge)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_EQ(0, call_nonblock(self->fd, true));
	ASSERT_EQ(-EINPROGRESS, call_connect(self->fd, self->listener));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, PATIENCE_MS));
	EXPECT_EQ(EPOLLOUT, ev.events);
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_CONNECTED();
	close(ep);
}

/* Nobody listens there; the next attempt, elsewhere, may succeed. */
TEST_F(begin, connect_again_after_refusal)
{
	int closed = net_listener(AF_INET);
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_EQ(0, net_address(closed, &addr, &len));
	close(closed);
	EXPECT_EQ(-1, connect(self->fd, (struct sockaddr *)&addr, len));
	EXPECT_EQ(ECONNREFUSED, errno);
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
}

TEST_F(begin, connect_refused_nonblocking)
{
	int closed = net_listener(AF_INET);
	struct sockaddr_in6 addr;
	struct pollfd pfd = { .fd = self->fd, .events = POLLIN | POLLOUT };
	socklen_t len;

	ASSERT_EQ(0, net_address(closed, &addr, &len));
	close(closed);
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	EXPECT_EQ(-1, connect(self->fd, (struct sockaddr *)&addr, len));
	EXPECT_EQ(EINPROGRESS, errno);
	ASSERT_EQ(1, poll(&pfd, 1, PATIENCE_MS));
	EXPECT_EQ(POLLERR | POLLHUP, pfd.revents & (POLLERR | POLLHUP));
	EXPECT_EQ(ECONNREFUSED, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
}

/* A mistake in the address: nothing has begun. */
TEST_F(begin, connect_wrong_family)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_UNIX };

	EXPECT_EQ(-1, connect(self->fd, (struct sockaddr *)&addr,
			      sizeof(addr)));
	EXPECT_EQ(EAFNOSUPPORT, errno);
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
}

/* connect() on a listening socket is refused, and does it no harm. */
TEST_F(begin, connect_listening)
{
	int other = call_listener(variant->marked);

	ASSERT_GE(other, 0);
	EXPECT_EQ(-EISCONN, call_connect(self->listener, other));
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
	close(self->fd);
	self->fd = call_socket(variant->marked);
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
	close(other);
}

TEST_F(begin, unspec_before)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	EXPECT_EQ(0, connect(self->fd, &addr, sizeof(addr)));
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_CONNECTED();
}

/* Bound, with options, before connect(). */
TEST_F(begin, options_before)
{
	int one = 1;

	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &one,
				sizeof(one)));
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &one,
				sizeof(one)));
	ASSERT_EQ(0, call_connect(self->fd, self->listener));
	EXPECT_EQ(1, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(1, get_int(self->fd, IPPROTO_TCP, TCP_CORK));
	EXPECT_CONNECTED();
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* What a time-out or a signal does to a blocking connect(). */
FIXTURE(stuck)
{
	struct call_silent	silent;
	int			fd;
};

FIXTURE_VARIANT(stuck)
{
	bool	marked;
};

FIXTURE_VARIANT_ADD(stuck, tcp) {
	.marked = false,
};

FIXTURE_VARIANT_ADD(stuck, marked) {
	.marked = true,
};

FIXTURE_SETUP(stuck)
{
	struct sigaction act = { .sa_handler = on_alarm };

	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_silent(variant->marked, &self->silent, &self->fd));
	close(self->fd);
	self->fd = call_socket(variant->marked);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(stuck)
{
	close(self->fd);
	call_silent_close(&self->silent);
}

TEST_F(stuck, send_time_out)
{
	struct timeval tv = { .tv_usec = QUIET_MS * 1000 };
	long start = call_now_ms();

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(-EINPROGRESS, call_connect(self->fd, self->silent.listener));
	EXPECT_GE(call_now_ms() - start, QUIET_MS - 20);
	EXPECT_EQ(-EALREADY, call_connect(self->fd, self->silent.listener));
}

TEST_F(stuck, signal)
{
	struct itimerval tick = { .it_value.tv_usec = QUIET_MS * 1000 };

	ASSERT_EQ(0, setitimer(ITIMER_REAL, &tick, NULL));
	EXPECT_EQ(-EINTR, call_connect(self->fd, self->silent.listener));
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	EXPECT_EQ(-EALREADY, call_connect(self->fd, self->silent.listener));
}

/* Blocking calls wait as long as their own time-out lets them. */
TEST_F(stuck, time_outs)
{
	struct timeval tv = { .tv_usec = QUIET_MS * 1000 };
	char text[LEN];
	long start;
	int p[2];

	call_text(text, LEN, 0, variant->marked);
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	ASSERT_EQ(-EINPROGRESS, call_connect(self->fd, self->silent.listener));
	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	start = call_now_ms();
	EXPECT_EQ(-1, read(self->fd, text, LEN));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(call_now_ms() - start, QUIET_MS - 20);
	start = call_now_ms();
	EXPECT_EQ(-1, write(self->fd, text, LEN));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(call_now_ms() - start, QUIET_MS - 20);
	ASSERT_EQ(0, pipe(p));
	start = call_now_ms();
	EXPECT_EQ(-1, splice(self->fd, NULL, p[1], NULL, LEN, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(call_now_ms() - start, QUIET_MS - 20);
	/* Nothing was sent, and the error queue never waits. */
	alarm(2);
	EXPECT_EQ(-1, recv(self->fd, text, LEN, MSG_ERRQUEUE));
	EXPECT_EQ(EAGAIN, errno);
	alarm(0);
}

/* A call in another thread, and what came of it. */
struct blocked {
	int		fd;
	int		listener;
	int		tid;
	long		ret;
	int		error;
	char		buf[LEN];
	pthread_t	thread;
};

static void *blocked_connect(void *arg)
{
	struct blocked *b = arg;

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->ret = call_connect(b->fd, b->listener);
	return NULL;
}

static void *blocked_read(void *arg)
{
	struct blocked *b = arg;

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->ret = recv(b->fd, b->buf, LEN, MSG_WAITALL);
	b->error = errno;
	return NULL;
}

static void *blocked_write(void *arg)
{
	struct blocked *b = arg;

	call_text(b->buf, LEN, 0, true);
	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->ret = write(b->fd, b->buf, LEN);
	b->error = errno;
	return NULL;
}

static void *blocked_poll(void *arg)
{
	struct blocked *b = arg;
	struct pollfd pfd = { .fd = b->fd, .events = POLLIN };

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_RELEASE);
	b->ret = poll(&pfd, 1, PATIENCE_MS);
	b->error = pfd.revents;
	return NULL;
}

/* Start it, and wait until it sleeps in the system call NR. */
static bool block(struct blocked *b, void *(*fn)(void *), int fd, long nr)
{
	b->fd = fd;
	b->tid = 0;
	if (pthread_create(&b->thread, NULL, fn, b))
		return false;
	while (!__atomic_load_n(&b->tid, __ATOMIC_ACQUIRE))
		usleep(100);
	return call_sleeps(b->tid, nr);
}

TEST_F(stuck, shutdown_under_connect)
{
	struct blocked b = { .listener = self->silent.listener };

	ASSERT_TRUE(block(&b, blocked_connect, self->fd, SYS_connect));
	EXPECT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	pthread_join(b.thread, NULL);
	EXPECT_LT(b.ret, 0);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
}

/* As on TCP: connect() goes on, on a descriptor that nobody else has. */
TEST_F(stuck, close_under_connect)
{
	struct timeval tv = { .tv_usec = 2 * QUIET_MS * 1000 };
	struct blocked b = { .listener = self->silent.listener };

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_TRUE(block(&b, blocked_connect, self->fd, SYS_connect));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	pthread_join(b.thread, NULL);
	EXPECT_EQ(-EINPROGRESS, b.ret);
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
	struct blocked b = { 0 };

	ASSERT_TRUE(block(&b, blocked_poll, self->fd, SYS_poll));
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	pthread_join(b.thread, NULL);
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
	struct blocked b = { 0 };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(block(&b, blocked_read, self->fd, SYS_recvfrom));
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	pthread_join(b.thread, NULL);
	ASSERT_EQ(LEN, b.ret);
	EXPECT_EQ(0, memcmp(b.buf, self->text, LEN));
}

TEST_F(meet, write)
{
	struct blocked b = { 0 };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(block(&b, blocked_write, self->fd, SYS_write));
	ASSERT_EQ(0, peer_handshake(self->peer));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
	pthread_join(b.thread, NULL);
	EXPECT_EQ(LEN, b.ret);
}

/* Non-blocking when it began, blocking while it goes on. */
TEST_F(meet, connect_made_blocking)
{
	struct blocked b = { .listener = self->raw };

	if (variant->role == CALL_SERVER)
		SKIP(return, "nobody calls connect()");
	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(block(&b, blocked_connect, self->fd, SYS_connect));
	ASSERT_EQ(0, peer_handshake(self->peer));
	pthread_join(b.thread, NULL);
	EXPECT_EQ(0, b.ret);
	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, peer_expect(self->peer, LEN, 0));
}

/* Blocking when it began: that it is not any more comes too late. */
TEST_F(meet, read_made_nonblocking)
{
	struct blocked b = { 0 };

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(block(&b, blocked_read, self->fd, SYS_recvfrom));
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	EXPECT_EQ(-1, recv(self->fd, self->text, 1, 0));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, finish_with_data(self->peer,
				      variant->role == CALL_CLIENT,
				      self->text));
	pthread_join(b.thread, NULL);
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
