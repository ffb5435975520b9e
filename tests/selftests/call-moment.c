// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moments: what happens while something else does, on a socket that is about to
 * open, or to close. The peer is raw, so it sees and says what the test likes.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)
#define CPUS	2

FIXTURE(opening)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
};

/* A client in the middle of its handshake: the peer has the ClientHello. */
FIXTURE_SETUP(opening)
{
	int listener = call_listener(false);

	signal(SIGPIPE, SIG_IGN);
	call_text(self->text, LEN, 0, true);
	ASSERT_GE(listener, 0);
	self->fd = call_socket(true);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	ASSERT_EQ(-EINPROGRESS, call_connect(self->fd, listener));
	self->raw = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(self->raw, 0);
	close(listener);
	ASSERT_EQ(0, peer_new(&self->peer, self->raw, true));
	ASSERT_EQ(0, peer_step(self->peer));
}

FIXTURE_TEARDOWN(opening)
{
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* Waits for data on one processor, before anybody else there. */
struct waiter {
	pthread_t	thread;
	int		fd;
	int		cpu;
	int		tid;
	int		got;
};

static void *wait_for_data(void *arg)
{
	struct sched_param urgent = { .sched_priority = 1 };
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct waiter *w = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    sched_setscheduler(0, SCHED_FIFO, &urgent) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, w->fd, &ev))
		w->got = -errno;
	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	if (!w->got)
		w->got = epoll_wait(ep, &ev, 1, PATIENCE_MS);
	close(ep);
	return NULL;
}

/*
 * The first data comes with the last token. Who waits for nothing but data has
 * looked when it came and was told that there is none, and must be told again.
 */
TEST_F(opening, data_before)
{
	struct waiter w[CPUS];
	int i;

	for (i = 0; i < CPUS; i++) {
		w[i] = (struct waiter) { .fd = self->fd, .cpu = i };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, wait_for_data,
					    &w[i]));
		while (!__atomic_load_n(&w[i].tid, __ATOMIC_ACQUIRE))
			usleep(100);
		ASSERT_TRUE(call_sleeps(w[i].tid, 232));	/* epoll_wait */
	}
	ASSERT_EQ(0, peer_step(self->peer));
	ASSERT_TRUE(peer_has_output(self->peer));
	ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, self->text, LEN, 0));
	ASSERT_EQ(0, peer_flush(self->peer));
	for (i = 0; i < CPUS; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(1, w[i].got)
			TH_LOG("processor %d", i);
	}
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

/* There are no errors to be had yet, and nothing to wait for: as on TCP. */
TEST_F(opening, error_queue)
{
	char c;

	ASSERT_EQ(0, call_nonblock(self->fd, false));
	EXPECT_EQ(-1, recv(self->fd, &c, 1, MSG_ERRQUEUE));
	EXPECT_EQ(EAGAIN, errno);
}

SOCKAUTH_HARNESS_MAIN
