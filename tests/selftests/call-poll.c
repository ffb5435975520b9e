// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for an established socket: poll(), select(), epoll in its three
 * kinds, signals, and the counters of what is queued; the same expectations on
 * plain TCP and on an authenticated socket.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)

FIXTURE(poll)
{
	int	fd;
	int	peer;
	char	text[LEN];
	char	in[LEN];
};

CALL_VARIANTS(poll);

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->fd);
	close(self->peer);
}

static int events_of(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
	};

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

#define PEER_WRITES(len)						\
	do {								\
		ASSERT_EQ(0, call_write(self->peer, self->text, len));	\
		ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));	\
	} while (0)

TEST_F(poll, poll)
{
	EXPECT_EQ(POLLOUT, events_of(self->fd));
	PEER_WRITES(LEN);
	EXPECT_EQ(POLLIN | POLLOUT, events_of(self->fd));
	ASSERT_EQ(1, read(self->fd, self->in, 1));
	EXPECT_EQ(POLLIN | POLLOUT, events_of(self->fd));
	ASSERT_EQ(LEN - 1, read(self->fd, self->in, LEN));
	EXPECT_EQ(POLLOUT, events_of(self->fd));
}

/* The peer has said that it is done, in its own way: RDHUP, and IN for 0. */
TEST_F(poll, half_closed_by_peer)
{
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	ASSERT_TRUE(net_wait(self->fd, POLLRDHUP, PATIENCE_MS));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events_of(self->fd));
	EXPECT_EQ(0, read(self->fd, self->in, LEN));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, events_of(self->fd));
	EXPECT_EQ(0, read(self->fd, self->in, LEN));
}

TEST_F(poll, half_closed_by_us)
{
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(POLLOUT, events_of(self->fd));
	PEER_WRITES(LEN);
	EXPECT_EQ(POLLIN | POLLOUT, events_of(self->fd));
}

TEST_F(poll, closed_by_both)
{
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	ASSERT_EQ(0, call_expect_end(self->peer));
	ASSERT_EQ(0, close(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, call_expect_end(self->fd));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP, events_of(self->fd));
}

static int select_of(int fd)
{
	struct timeval tv = { 0 };
	fd_set in, out, ex;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = ex = in;
	if (select(fd + 1, &in, &out, &ex, &tv) < 0)
		return -errno;
	return FD_ISSET(fd, &in) | FD_ISSET(fd, &out) << 1 |
	       FD_ISSET(fd, &ex) << 2;
}

TEST_F(poll, select)
{
	EXPECT_EQ(2, select_of(self->fd));
	PEER_WRITES(LEN);
	EXPECT_EQ(3, select_of(self->fd));
	ASSERT_EQ(LEN, read(self->fd, self->in, LEN));
	EXPECT_EQ(2, select_of(self->fd));
}

/* A thread that waits already is woken. */
static void *wait_in(void *arg)
{
	return (void *)(long)net_wait(*(int *)arg, POLLIN, PATIENCE_MS);
}

TEST_F(poll, woken)
{
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_in, &self->fd));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_NE(NULL, ret);
}

static int epoll_events(int ep, int timeout_ms)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, timeout_ms) == 1 ? (int)ev.events : 0;
}

TEST_F(poll, epoll_level)
{
	int ep = net_epoll(self->fd, EPOLLIN | EPOLLRDHUP);

	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, epoll_events(ep, 0));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	EXPECT_EQ(EPOLLIN, epoll_events(ep, PATIENCE_MS));
	ASSERT_EQ(8, read(self->fd, self->in, 8));
	EXPECT_EQ(EPOLLIN, epoll_events(ep, 0));
	ASSERT_EQ(LEN - 8, read(self->fd, self->in, LEN));
	EXPECT_EQ(0, epoll_events(ep, 0));
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_NE(0, EPOLLIN & epoll_events(ep, PATIENCE_MS));
	EXPECT_EQ(0, call_expect_end(self->fd));
	close(ep);
}

TEST_F(poll, epoll_edge)
{
	int ep = net_epoll(self->fd, EPOLLIN | EPOLLET), i;

	ASSERT_GE(ep, 0);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
		EXPECT_EQ(EPOLLIN, epoll_events(ep, PATIENCE_MS));
		ASSERT_EQ(LEN, read(self->fd, self->in, LEN));
		EXPECT_EQ(-1, recv(self->fd, self->in, LEN, MSG_DONTWAIT));
		EXPECT_EQ(0, epoll_events(ep, 0));
	}
	close(ep);
}

/* Edges come for new data also while older data waits. */
TEST_F(poll, epoll_edge_unread)
{
	int ep = net_epoll(self->fd, EPOLLIN | EPOLLET), i;

	ASSERT_GE(ep, 0);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
		EXPECT_EQ(EPOLLIN, epoll_events(ep, PATIENCE_MS));
	}
	close(ep);
}

TEST_F(poll, epoll_edge_partly_read)
{
	int ep = net_epoll(self->fd, EPOLLIN | EPOLLET), i;

	ASSERT_GE(ep, 0);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
		EXPECT_EQ(EPOLLIN, epoll_events(ep, PATIENCE_MS));
		ASSERT_EQ(8, read(self->fd, self->in, 8));
	}
	close(ep);
}

TEST_F(poll, epoll_oneshot)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };
	int ep = net_epoll(self->fd, EPOLLIN | EPOLLONESHOT);

	ASSERT_GE(ep, 0);
	PEER_WRITES(LEN);
	EXPECT_EQ(EPOLLIN, epoll_events(ep, PATIENCE_MS));
	EXPECT_EQ(0, epoll_events(ep, 0));
	PEER_WRITES(LEN);
	EXPECT_EQ(0, epoll_events(ep, 0));
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, self->fd, &ev));
	EXPECT_EQ(EPOLLIN, epoll_events(ep, 0));
	close(ep);
}

/* EPOLLOUT as an edge, once there is room again. */
TEST_F(poll, epoll_out)
{
	int ep = net_epoll(self->fd, EPOLLOUT | EPOLLET);
	char buf[4096];
	ssize_t n;

	ASSERT_GE(ep, 0);
	EXPECT_EQ(EPOLLOUT, epoll_events(ep, 0));
	call_text(buf, sizeof(buf), 0, variant->marked);
	do {
		n = send(self->fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (n > 0);
	epoll_events(ep, 0);
	do {
		n = recv(self->peer, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && !net_wait(self->peer, POLLIN, QUIET_MS))
			break;
	} while (n);
	EXPECT_EQ(EPOLLOUT, epoll_events(ep, PATIENCE_MS));
	close(ep);
}

static volatile sig_atomic_t signalled;

static void on_io(int sig)
{
	(void)sig;
	signalled = 1;
}

TEST_F(poll, signal)
{
	struct sigaction act = { .sa_handler = on_io };
	long end = net_now_ms() + PATIENCE_MS;

	ASSERT_EQ(0, sigaction(SIGIO, &act, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	while (!signalled && net_now_ms() < end)
		usleep(1000);
	EXPECT_EQ(1, signalled);
}

static int queued(int fd, unsigned long request)
{
	int n = -1;

	return ioctl(fd, request, &n) ? -errno : n;
}

static int await_queued(int fd, int wanted)
{
	long end = net_now_ms() + PATIENCE_MS;

	while (queued(fd, FIONREAD) != wanted)
		if (net_now_ms() > end)
			return -ETIMEDOUT;
		else
			usleep(1000);
	return 0;
}

/*
 * How much read() can give: programs take 0 for the end of the file, and read
 * as much as was promised.
 */
TEST_F(poll, fionread)
{
	EXPECT_EQ(0, queued(self->fd, FIONREAD));
	PEER_WRITES(LEN);
	EXPECT_EQ(LEN, queued(self->fd, FIONREAD));
	ASSERT_EQ(8, read(self->fd, self->in, 8));
	EXPECT_EQ(LEN - 8, queued(self->fd, FIONREAD));
	ASSERT_EQ(LEN - 8, read(self->fd, self->in, LEN));
	EXPECT_EQ(0, queued(self->fd, FIONREAD));
}

/* Also over many records, asked between reads that do not end with one. */
TEST_F(poll, fionread_exact)
{
	int i, left = 5 * LEN;

	for (i = 0; i < 5; i++)
		ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_EQ(0, await_queued(self->fd, left));
	while (left) {
		int part = left < 50 ? left : 50;

		ASSERT_EQ(part, recv(self->fd, self->in, part, MSG_DONTWAIT));
		left -= part;
		EXPECT_EQ(left, queued(self->fd, FIONREAD));
	}
}

/* What the peer has not acknowledged; nothing, in the end. */
TEST_F(poll, outq)
{
	long end = net_now_ms() + PATIENCE_MS;

	ASSERT_EQ(0, call_write(self->fd, self->text, LEN));
	ASSERT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	while (queued(self->fd, SIOCOUTQ) && net_now_ms() < end)
		usleep(1000);
	EXPECT_EQ(0, queued(self->fd, SIOCOUTQ));
	EXPECT_EQ(0, queued(self->fd, SIOCOUTQNSD));
}

SOCKAUTH_HARNESS_MAIN
