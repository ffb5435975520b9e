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
#include "process.h"

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
		ASSERT_TRUE(process_sleeps(w[i].tid, 232));	/* epoll_wait */
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

FIXTURE(closing)
{
	int		fd;
	int		raw;
	struct peer	*peer;
};

FIXTURE_SETUP(closing)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, peer_pair(CALL_CLIENT, &self->fd, &self->peer,
			       &self->raw));
}

FIXTURE_TEARDOWN(closing)
{
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* Sends until it is told that it must not, and counts what was sent. */
struct sender {
	pthread_t	thread;
	int		fd;
	size_t		sent;
	int		error;
};

static void *send_on(void *arg)
{
	struct sender *s = arg;
	char text[LEN];
	ssize_t n;

	call_text(text, LEN, 0, true);
	do {
		n = send(s->fd, text, LEN, MSG_DONTWAIT);
		if (n > 0)
			s->sent += n;
	} while (n > 0 || errno == EAGAIN);
	s->error = errno;
	return NULL;
}

/* Bytes of data up to close_notify, or -errno; nothing may follow. */
static long count_to_end(struct peer *p)
{
	enum peer_record type;
	char in[16384];
	long sum = 0;
	int n;

	while ((n = peer_recv(p, &type, in, sizeof(in))) >= 0) {
		if (type != PEER_DATA)
			break;
		sum += n;
	}
	if (n < 0)
		return n;
	if (type != PEER_ALERT || n != 2 || memcmp(in, PEER_CLOSE_NOTIFY, 2))
		return -EBADMSG;
	n = peer_recv(p, &type, in, sizeof(in));
	return n == -ENODATA ? sum : -EBUSY;
}

/*
 * Threads that send while another one shuts down: what send() took arrives, and
 * then the peer hears that this was all.
 */
TEST_F(closing, shutdown_and_send)
{
	enum { THREADS = 2 };
	struct sender s[THREADS];
	long sent = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		s[i] = (struct sender) { .fd = self->fd };
		ASSERT_EQ(0, pthread_create(&s[i].thread, NULL, send_on,
					    &s[i]));
	}
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	for (i = 0; i < THREADS; i++) {
		pthread_join(s[i].thread, NULL);
		EXPECT_EQ(EPIPE, s[i].error);
		sent += s[i].sent;
	}
	EXPECT_EQ(sent, count_to_end(self->peer));
}

static void *fill(void *arg)
{
	static char text[16 << 20];
	struct sender *s = arg;
	ssize_t n = send(s->fd, text, sizeof(text), 0);

	s->sent = n > 0 ? n : 0;
	s->error = n < 0 ? errno : 0;
	return NULL;
}

/* The peer does not read: who shuts down waits for nobody, and tells no lie. */
TEST_F(closing, shutdown_and_full)
{
	struct sender s = { .fd = self->fd };
	enum peer_record type;
	char in[16384];
	long start, sum = 0;
	int n;

	ASSERT_EQ(0, pthread_create(&s.thread, NULL, fill, &s));
	while (net_wait(self->fd, POLLOUT, 0))
		usleep(10000);
	usleep(QUIET_MS * 1000);
	start = net_now_ms();
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_LE(net_now_ms() - start, PATIENCE_MS / 4);
	pthread_join(s.thread, NULL);
	EXPECT_LT(s.sent, 16 << 20);
	while ((n = peer_recv(self->peer, &type, in, sizeof(in))) > 0) {
		EXPECT_EQ(PEER_DATA, type);
		sum += n;
	}
	EXPECT_GT(0, n);
	EXPECT_GT(sum, 0);
}

SOCKAUTH_HARNESS_MAIN
