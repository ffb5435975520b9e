// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that are not data, between any two that are: session tickets, alerts
 * that end nothing, empty and padded records. The application reads data,
 * nothing lost and nothing doubled, whichever call it reads with.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "call-record.h"
#include "net.h"

/* A record that means nothing to the application, as the role may get one. */
struct silent_record {
	enum peer_record	type;
	const char		*data;
	size_t			len;
	size_t			pad;
	bool			client_only;
};

static const struct silent_record silent_records[] = {
	{ PEER_HANDSHAKE, PEER_TICKET, PEER_TICKET_LEN, 0, true },
	{ PEER_ALERT, PEER_USER_CANCELED, 2, 0, false },
	{ PEER_DATA, "", 0, 0, false },
	{ PEER_DATA, "", 0, 100, false },
};

#define SILENT_RECORDS	4

/* Which of them the test is about; NULL: not for this role. */
static const struct silent_record *silent_of(enum call_role role, int i)
{
	const struct silent_record *r = &silent_records[i];

	return r->client_only && role != CALL_CLIENT ? NULL : r;
}

static int append_silent(struct peer *p, const struct silent_record *r)
{
	return peer_append(p, r->type, r->data, r->len, r->pad);
}

/* Data, the record, data: in one segment. */
static int sandwich(struct peer *p, const struct silent_record *r,
		    const char *text)
{
	int err = peer_append(p, PEER_DATA, text, HALF, 0);

	if (!err)
		err = append_silent(p, r);
	if (!err)
		err = peer_append(p, PEER_DATA, text + HALF, LEN - HALF, 0);
	return err ? err : peer_flush(p);
}

#define FOR_EACH_SILENT(r, i)						\
	for (i = 0; i < SILENT_RECORDS; i++)				\
		if ((r = silent_of(variant->role, i)))

TEST_F(record, read)
{
	const struct silent_record *r;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true))
			TH_LOG("record %d", i);
		EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
	}
}

TEST_F(record, peek)
{
	const struct silent_record *r;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
		ASSERT_EQ(HALF, recv(self->fd, self->in, HALF, MSG_PEEK));
		ASSERT_EQ(HALF, recv(self->fd, self->in, HALF, MSG_WAITALL));
		ASSERT_EQ(HALF, recv(self->fd, self->in + HALF, HALF,
				     MSG_PEEK));
		ASSERT_EQ(HALF, recv(self->fd, self->in + HALF, HALF,
				     MSG_WAITALL));
		EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
	}
}

/* MSG_WAITALL means all, whatever comes in between. */
TEST_F(record, waitall)
{
	const struct silent_record *r;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_WAITALL))
			TH_LOG("record %d", i);
		EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
		while (recv(self->fd, self->in, LEN, MSG_DONTWAIT) > 0)
			;
	}
}

/* A reader that waits already is not told of what is none of its business. */
TEST_F(record, reader_waits)
{
	const struct silent_record *r;
	pthread_t thread;
	void *ret;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_and_read,
					    &self->fd));
		ASSERT_EQ(0, append_silent(self->peer, r));
		ASSERT_EQ(0, peer_flush(self->peer));
		usleep(QUIET_MS * 1000 / 2);
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		pthread_join(thread, &ret);
		EXPECT_EQ(NULL, ret)
			TH_LOG("record %d", i);
	}
}

/* Alone, it makes nothing readable: who polls and then reads must not wait. */
TEST_F(record, poll)
{
	const struct silent_record *r;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, append_silent(self->peer, r));
		ASSERT_EQ(0, peer_flush(self->peer));
		EXPECT_FALSE(net_wait(self->fd, POLLIN, QUIET_MS))
			TH_LOG("record %d", i);
		EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
	}
}

TEST_F(record, epoll_edge)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0), i;
	const struct silent_record *r;

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, append_silent(self->peer, r));
		ASSERT_EQ(0, peer_flush(self->peer));
		epoll_wait(ep, &ev, 1, QUIET_MS);
		/* An edge for nothing is allowed; a lost one is not. */
		EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_DONTWAIT));
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		EXPECT_EQ(1, epoll_wait(ep, &ev, 1, PATIENCE_MS))
			TH_LOG("record %d", i);
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	}
	close(ep);
}

/* In a thread: splice everything to a pipe, until the end. */
struct splicer {
	int		fd;
	int		pipe;
	ssize_t		last;
};

static void *splice_all(void *arg)
{
	struct splicer *s = arg;

	do {
		s->last = splice(s->fd, NULL, s->pipe, NULL, 65536, 0);
		if (s->last < 0)
			s->last = -errno;
	} while (s->last > 0);
	close(s->pipe);
	return NULL;
}

TEST_F(record, splice)
{
	const struct silent_record *r;
	struct splicer s;
	pthread_t thread;
	int p[2], i, n = 0, k;

	ASSERT_EQ(0, pipe(p));
	s = (struct splicer) { self->fd, p[1], 0 };
	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		n++;
	}
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	ASSERT_EQ(0, pthread_create(&thread, NULL, splice_all, &s));
	for (k = 0; k < n; k++)
		EXPECT_EQ(0, call_expect(p[0], LEN, 0, true))
			TH_LOG("record %d", k);
	EXPECT_EQ(0, call_expect_end(p[0]));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.last);
}

/* Many, one after each block of data, while splice() runs. */
#define SPLICED	100

TEST_F(record, splice_running)
{
	const struct silent_record *r;
	char block[CALL_BLOCK];
	struct splicer s;
	pthread_t thread;
	int p[2], i;

	ASSERT_EQ(0, pipe(p));
	s = (struct splicer) { self->fd, p[1], 0 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, splice_all, &s));
	for (i = 0; i < SPLICED; i++) {
		call_text(block, CALL_BLOCK, (size_t)i * CALL_BLOCK, true);
		ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, block,
					 CALL_BLOCK, i % 3));
		r = silent_of(variant->role, i % SILENT_RECORDS);
		if (r)
			ASSERT_EQ(0, append_silent(self->peer, r));
		/* One segment for each, or for some. */
		if (i % 5)
			ASSERT_EQ(0, peer_flush(self->peer));
	}
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	EXPECT_EQ(0, call_expect(p[0], SPLICED * CALL_BLOCK, 0, true));
	EXPECT_EQ(0, call_expect_end(p[0]));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, s.last);
}

/* One kind of record alone, before a splice() that finds nothing else. */
TEST_F(record, splice_nonblocking)
{
	const struct silent_record *r;
	int p[2], i;

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, append_silent(self->peer, r));
		ASSERT_EQ(0, peer_flush(self->peer));
		usleep(QUIET_MS * 1000 / 2);
		EXPECT_EQ(-1, splice(self->fd, NULL, p[1], NULL, LEN, 0))
			TH_LOG("record %d", i);
		EXPECT_EQ(EAGAIN, errno)
			TH_LOG("record %d", i);
	}
}

/* Many, while two threads read: each block once. */
#define BLOCKS	200

struct party {
	int		fd;
	unsigned char	*seen;
	int		err;
};

static void *read_blocks(void *arg)
{
	struct party *p = arg;
	char block[CALL_BLOCK + 1] = "", wanted[CALL_BLOCK];
	unsigned int i;
	ssize_t n;

	/* Each block is a record of its own, so one read() gets one. */
	while ((n = read(p->fd, block, CALL_BLOCK)) > 0) {
		i = strtoul(block + 16, NULL, 16);
		call_text(wanted, CALL_BLOCK, (size_t)i * CALL_BLOCK, true);
		if (n != CALL_BLOCK || i >= BLOCKS ||
		    memcmp(block, wanted, CALL_BLOCK))
			p->err = -EBADMSG;
		else
			__atomic_add_fetch(&p->seen[i], 1, __ATOMIC_RELAXED);
	}
	if (n < 0)
		p->err = -errno;
	return NULL;
}

TEST_F(record, two_readers)
{
	unsigned char seen[BLOCKS] = { 0 };
	const struct silent_record *r;
	struct party party[2];
	pthread_t thread[2];
	char block[CALL_BLOCK];
	int i;

	for (i = 0; i < 2; i++) {
		party[i] = (struct party) { self->fd, seen, 0 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, read_blocks,
					    &party[i]));
	}
	for (i = 0; i < BLOCKS; i++) {
		r = silent_of(variant->role, i % SILENT_RECORDS);
		if (r)
			ASSERT_EQ(0, append_silent(self->peer, r));
		call_text(block, CALL_BLOCK, (size_t)i * CALL_BLOCK, true);
		ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, block,
				       CALL_BLOCK));
	}
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	ASSERT_EQ(0, shutdown(self->raw, SHUT_WR));
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, party[i].err);
	}
	for (i = 0; i < BLOCKS; i++)
		EXPECT_EQ(1, seen[i]);
}

/* All sizes that matter, padded or not. */
TEST_F(record, sizes)
{
	static const struct { size_t len, pad; } sizes[] = {
		{ 1, 0 }, { 1, 1 }, { 1, 16383 }, { 16383, 0 }, { 16383, 1 },
		{ 16384, 0 }, { 8192, 8192 }, { 2, 0 },
	};
	static char text[16384];
	size_t i;

	call_text(text, sizeof(text), 0, true);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		ASSERT_EQ(0, peer_append(self->peer, PEER_DATA, text,
					 sizes[i].len, sizes[i].pad));
	ASSERT_EQ(0, peer_flush(self->peer));
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		EXPECT_EQ(0, call_expect(self->fd, sizes[i].len, 0, true))
			TH_LOG("size %zu", i);
}

static int queued(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -errno : n;
}

/* What FIONREAD promises can be read; it is 0 only if there is nothing. */
TEST_F(record, fionread)
{
	const struct silent_record *r;
	int i;

	FOR_EACH_SILENT(r, i) {
		ASSERT_EQ(0, sandwich(self->peer, r, self->text));
		ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
		EXPECT_LE(HALF, queued(self->fd));
		EXPECT_EQ(HALF, recv(self->fd, self->in, HALF, MSG_DONTWAIT));
		EXPECT_EQ(LEN - HALF, queued(self->fd))
			TH_LOG("record %d", i);
		EXPECT_EQ(LEN - HALF, recv(self->fd, self->in, LEN,
					   MSG_DONTWAIT));
		EXPECT_EQ(0, queued(self->fd));
	}
	ASSERT_EQ(0, peer_send(self->peer, PEER_ALERT, PEER_CLOSE_NOTIFY, 2));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	EXPECT_EQ(0, queued(self->fd));
	EXPECT_EQ(0, call_expect_end(self->fd));
}

SOCKAUTH_HARNESS_MAIN
