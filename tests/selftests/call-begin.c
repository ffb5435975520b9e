// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connect(): its results, and calls from other threads, time-outs and signals
 * while it waits; with the same expectations on plain TCP and on a marked
 * socket.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "call-net.h"
#include "call-thread.h"
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
	long start = net_now_ms();

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(-EINPROGRESS, call_connect(self->fd, self->silent.listener));
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
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
	start = net_now_ms();
	EXPECT_EQ(-1, read(self->fd, text, LEN));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
	start = net_now_ms();
	EXPECT_EQ(-1, write(self->fd, text, LEN));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
	ASSERT_EQ(0, pipe(p));
	start = net_now_ms();
	EXPECT_EQ(-1, splice(self->fd, NULL, p[1], NULL, LEN, 0));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
	/* Nothing was sent, and the error queue never waits. */
	alarm(2);
	EXPECT_EQ(-1, recv(self->fd, text, LEN, MSG_ERRQUEUE));
	EXPECT_EQ(EAGAIN, errno);
	alarm(0);
}

TEST_F(stuck, shutdown_under_connect)
{
	struct call_thread b = { .listener = self->silent.listener };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_connect, self->fd,
					      SYS_connect));
	EXPECT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	call_thread_end(&b);
	EXPECT_LT(b.ret, 0);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
}

/* As on TCP: connect() goes on, on a descriptor that nobody else has. */
TEST_F(stuck, close_under_connect)
{
	struct timeval tv = { .tv_usec = 2 * QUIET_MS * 1000 };
	struct call_thread b = { .listener = self->silent.listener };

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_connect, self->fd,
					      SYS_connect));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	call_thread_end(&b);
	EXPECT_EQ(-EINPROGRESS, b.ret);
}

SOCKAUTH_HARNESS_MAIN
