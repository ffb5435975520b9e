// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_uring, through the bare system calls: accept, connect, send, recv, splice
 * and poll, before the other side has done its part and after; on plain TCP and
 * on authenticated sockets alike.
 */
#include "harness.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)
#define ENTRIES	8

/* One thread submits and waits. */
struct ring {
	int			fd;
	_Atomic unsigned int	*sq_tail;
	unsigned int		sq_mask;
	unsigned int		*sq_array;
	struct io_uring_sqe	*sqes;
	_Atomic unsigned int	*cq_head;
	_Atomic unsigned int	*cq_tail;
	unsigned int		cq_mask;
	struct io_uring_cqe	*cqes;
};

static int ring_open(struct ring *ring)
{
	struct io_uring_params p = { 0 };
	size_t sq_len, cq_len;
	char *sq, *cq;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (ring->fd < 0)
		return -errno;
	sq_len = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	cq_len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	sq = mmap(NULL, sq_len, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_len, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		  IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED ||
	    ring->sqes == MAP_FAILED)
		return -errno;
	ring->sq_tail = (void *)(sq + p.sq_off.tail);
	ring->sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	ring->sq_array = (void *)(sq + p.sq_off.array);
	ring->cq_head = (void *)(cq + p.cq_off.head);
	ring->cq_tail = (void *)(cq + p.cq_off.tail);
	ring->cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	ring->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Submit one request; what is in it besides @sqe is told by ring_wait(). */
static int ring_submit(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int tail = atomic_load(ring->sq_tail);
	unsigned int slot = tail & ring->sq_mask;

	ring->sqes[slot] = *sqe;
	ring->sq_array[slot] = slot;
	atomic_store(ring->sq_tail, tail + 1);
	return syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0) == 1 ?
	       0 : -errno;
}

/* True if a result is there within the time. */
static bool ring_has(struct ring *ring, int timeout_ms)
{
	return net_wait(ring->fd, POLLIN, timeout_ms);
}

/* The next result, whose request had this number. */
static int ring_wait(struct ring *ring, uint64_t *user)
{
	unsigned int head = atomic_load(ring->cq_head);
	struct io_uring_cqe *cqe = &ring->cqes[head & ring->cq_mask];
	int res;

	if (!ring_has(ring, PATIENCE_MS))
		return -ETIME;
	if (head == atomic_load(ring->cq_tail))
		return -ENODATA;
	res = cqe->res;
	*user = cqe->user_data;
	atomic_store(ring->cq_head, head + 1);
	return res;
}

FIXTURE(uring)
{
	struct ring	ring;
	uint64_t	user;
	char		text[LEN];
	char		in[LEN];
};

CALL_VARIANTS(uring);

FIXTURE_SETUP(uring)
{
	ASSERT_EQ(0, ring_open(&self->ring));
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(uring)
{
	close(self->ring.fd);
}

static struct io_uring_sqe request(int op, int fd, void *buf, size_t len)
{
	return (struct io_uring_sqe) {
		.opcode = op,
		.fd = fd,
		.addr = (uintptr_t)buf,
		.len = len,
		.user_data = op,
	};
}

TEST_F(uring, send)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	sqe = request(IORING_OP_SEND, fd, self->text, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	EXPECT_EQ(0, call_expect(peer, LEN, 0, variant->marked));
}

TEST_F(uring, write)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	sqe = request(IORING_OP_WRITE, fd, self->text, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	EXPECT_EQ(0, call_expect(peer, LEN, 0, variant->marked));
}

TEST_F(uring, recv)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	ASSERT_EQ(0, call_write(peer, self->text, LEN));
	sqe = request(IORING_OP_RECV, fd, self->in, LEN);
	sqe.msg_flags = MSG_WAITALL;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
}

/* Submitted before there is data. */
TEST_F(uring, recv_waits)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	sqe = request(IORING_OP_RECV, fd, self->in, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_FALSE(ring_has(&self->ring, QUIET_MS));
	ASSERT_EQ(0, call_write(peer, self->text, LEN));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	ASSERT_EQ(0, shutdown(peer, SHUT_WR));
	EXPECT_EQ(0, ring_wait(&self->ring, &self->user));
}

/* Neither with the flag of TCP, nor without copying. */
TEST_F(uring, send_zerocopy)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	sqe = request(IORING_OP_SEND_ZC, fd, self->text, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	if (!variant->marked) {
		EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
		return;
	}
	EXPECT_EQ(-EOPNOTSUPP, ring_wait(&self->ring, &self->user));
	ASSERT_EQ(0, call_write(fd, self->text, LEN));
	EXPECT_EQ(0, call_expect(peer, LEN, 0, variant->marked));
}

TEST_F(uring, poll)
{
	struct io_uring_sqe sqe;
	int fd, peer;

	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	/* It believes the wake-up, and session tickets wake: see calls.rst. */
	ASSERT_EQ(0, call_write(peer, self->text, LEN));
	ASSERT_EQ(0, call_expect(fd, LEN, 0, variant->marked));
	sqe = request(IORING_OP_POLL_ADD, fd, NULL, 0);
	sqe.poll32_events = POLLIN;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_FALSE(ring_has(&self->ring, QUIET_MS));
	ASSERT_EQ(0, call_write(peer, self->text, LEN));
	EXPECT_EQ(POLLIN, ring_wait(&self->ring, &self->user));
}

TEST_F(uring, splice)
{
	struct io_uring_sqe sqe;
	int fd, peer, p[2];

	ASSERT_EQ(0, pipe(p));
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &fd, &peer));
	ASSERT_EQ(LEN, write(p[1], self->text, LEN));
	sqe = request(IORING_OP_SPLICE, fd, NULL, LEN);
	sqe.splice_fd_in = p[0];
	sqe.off = sqe.splice_off_in = -1;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	EXPECT_EQ(0, call_expect(peer, LEN, 0, variant->marked));
	ASSERT_EQ(0, call_write(peer, self->text, LEN));
	sqe = request(IORING_OP_SPLICE, p[1], NULL, LEN);
	sqe.splice_fd_in = fd;
	sqe.off = sqe.splice_off_in = -1;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(LEN, ring_wait(&self->ring, &self->user));
	ASSERT_EQ(LEN, read(p[0], self->in, LEN));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
}

/* accept() waits in the ring while connect() goes on in it, then both end. */
TEST_F(uring, connect_and_accept)
{
	int listener = call_listener(variant->marked), i, res, server = -1;
	int client = call_socket(variant->marked);
	struct sockaddr_in6 addr;
	struct io_uring_sqe sqe;
	socklen_t len;

	ASSERT_GE(listener, 0);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, net_address(listener, &addr, &len));
	sqe = request(IORING_OP_ACCEPT, listener, NULL, 0);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_FALSE(ring_has(&self->ring, QUIET_MS));
	sqe = request(IORING_OP_CONNECT, client, &addr, 0);
	sqe.off = len;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	for (i = 0; i < 2; i++) {
		res = ring_wait(&self->ring, &self->user);
		ASSERT_GE(res, 0);
		if (self->user == IORING_OP_ACCEPT)
			server = res;
		else
			EXPECT_EQ(0, res);
	}
	ASSERT_GE(server, 0);
	ASSERT_EQ(0, call_write(client, self->text, LEN));
	EXPECT_EQ(0, call_expect(server, LEN, 0, variant->marked));
	ASSERT_EQ(0, call_write(server, self->text, LEN));
	EXPECT_EQ(0, call_expect(client, LEN, 0, variant->marked));
}

TEST_F(uring, connect_fails)
{
	int listener = call_listener(false);
	int client = call_socket(variant->marked);
	struct sockaddr_in6 addr;
	struct io_uring_sqe sqe;
	socklen_t len;

	ASSERT_GE(client, 0);
	ASSERT_EQ(0, net_address(listener, &addr, &len));
	close(listener);
	sqe = request(IORING_OP_CONNECT, client, &addr, 0);
	sqe.off = len;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_EQ(-ECONNREFUSED, ring_wait(&self->ring, &self->user));
}

/* Requests that wait for a connection that does not get on. */
TEST_F(uring, pending)
{
	struct call_silent silent;
	struct io_uring_sqe sqe;
	int fd = -1;

	ASSERT_EQ(0, call_silent(variant->marked, &silent, &fd));
	ASSERT_EQ(0, call_nonblock(fd, false));
	sqe = request(IORING_OP_RECV, fd, self->in, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	sqe = request(IORING_OP_SEND, fd, self->text, LEN);
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	sqe = request(IORING_OP_POLL_ADD, fd, NULL, 0);
	sqe.poll32_events = POLLIN | POLLOUT;
	ASSERT_EQ(0, ring_submit(&self->ring, &sqe));
	EXPECT_FALSE(ring_has(&self->ring, QUIET_MS));
	close(fd);
	call_silent_close(&silent);
}

SOCKAUTH_HARNESS_MAIN
