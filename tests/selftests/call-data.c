// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that move bytes on an established socket, with the same expectations on
 * plain TCP and on an authenticated socket, for both roles. The other end is a
 * socket of the same kind.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)
#define BULK	(1 << 20)

FIXTURE(data)
{
	int	fd;
	int	peer;
	char	text[LEN];
	char	in[LEN + CALL_BLOCK];
};

CALL_VARIANTS(data);

FIXTURE_SETUP(data)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(data)
{
	close(self->fd);
	close(self->peer);
}

/* The peer gets LEN bytes of text, and nothing else comes. */
#define EXPECT_SENT()							\
	do {								\
		EXPECT_EQ(0, call_expect(self->peer, LEN, 0,		\
					 variant->marked));		\
		EXPECT_FALSE(net_wait(self->peer, POLLIN, 0));		\
	} while (0)

/* What the test has received is LEN bytes of text. */
#define EXPECT_GOT()	EXPECT_EQ(0, memcmp(self->in, self->text, LEN))

#define PEER_WRITES()							\
	do {								\
		ASSERT_EQ(0, call_write(self->peer, self->text, LEN));	\
		ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));	\
	} while (0)

TEST_F(data, write)
{
	ASSERT_EQ(LEN, write(self->fd, self->text, LEN));
	EXPECT_SENT();
}

TEST_F(data, read)
{
	PEER_WRITES();
	ASSERT_EQ(LEN, read(self->fd, self->in, LEN));
	EXPECT_GOT();
}

/* A read that is shorter than what came leaves the rest. */
TEST_F(data, read_in_parts)
{
	int i;

	PEER_WRITES();
	for (i = 0; i < LEN; i++) {
		ASSERT_TRUE(net_wait(self->fd, POLLIN, 0));
		ASSERT_EQ(1, read(self->fd, self->in + i, 1));
	}
	EXPECT_GOT();
	EXPECT_FALSE(net_wait(self->fd, POLLIN, 0));
}

TEST_F(data, readv)
{
	struct iovec iov[3] = {
		{ self->in, 1 }, { self->in + 1, 40 }, { self->in + 41, LEN },
	};

	PEER_WRITES();
	ASSERT_EQ(LEN, readv(self->fd, iov, 3));
	EXPECT_GOT();
}

TEST_F(data, writev)
{
	struct iovec iov[3] = {
		{ self->text, 1 },
		{ self->text + 1, 40 },
		{ self->text + 41, LEN - 41 },
	};

	ASSERT_EQ(LEN, writev(self->fd, iov, 3));
	EXPECT_SENT();
}

TEST_F(data, send)
{
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

TEST_F(data, send_nothing)
{
	EXPECT_EQ(0, send(self->fd, self->text, 0, 0));
	EXPECT_EQ(0, write(self->fd, self->text, 0));
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

/* The address that sendto() names does not count on a connected socket. */
TEST_F(data, sendto)
{
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_EQ(0, net_address(self->peer, &addr, &len));
	ASSERT_EQ(LEN, sendto(self->fd, self->text, LEN, 0,
			      (struct sockaddr *)&addr, len));
	EXPECT_SENT();
}

/* Flags that TCP takes and does nothing with. */
TEST_F(data, send_flags)
{
	ASSERT_EQ(20, send(self->fd, self->text, 20, MSG_EOR));
	ASSERT_EQ(20, send(self->fd, self->text + 20, 20, MSG_CONFIRM));
	ASSERT_EQ(LEN - 40, send(self->fd, self->text + 40, LEN - 40,
				 MSG_DONTROUTE));
	EXPECT_SENT();
}

/* TCP throws bytes away without a buffer; kTLS wants one, and loses nothing. */
TEST_F(data, recv_trunc)
{
	PEER_WRITES();
	if (variant->marked) {
		EXPECT_EQ(-1, recv(self->fd, NULL, CALL_BLOCK, MSG_TRUNC));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(CALL_BLOCK, recv(self->fd, self->in, CALL_BLOCK,
					   MSG_TRUNC));
	} else {
		EXPECT_EQ(CALL_BLOCK, recv(self->fd, NULL, CALL_BLOCK,
					   MSG_TRUNC));
	}
	EXPECT_EQ(0, call_expect(self->fd, LEN - CALL_BLOCK, CALL_BLOCK,
				 variant->marked));
}

TEST_F(data, recv)
{
	PEER_WRITES();
	ASSERT_EQ(LEN, recv(self->fd, self->in, LEN, 0));
	EXPECT_GOT();
}

TEST_F(data, recv_dontwait)
{
	EXPECT_EQ(-1, recv(self->fd, self->in, LEN, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	PEER_WRITES();
	ASSERT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_DONTWAIT));
	EXPECT_GOT();
}

TEST_F(data, recv_peek)
{
	PEER_WRITES();
	ASSERT_EQ(8, recv(self->fd, self->in, 8, MSG_PEEK));
	ASSERT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_PEEK));
	EXPECT_GOT();
	memset(self->in, 0, LEN);
	ASSERT_EQ(LEN, recv(self->fd, self->in, LEN, 0));
	EXPECT_GOT();
	EXPECT_FALSE(net_wait(self->fd, POLLIN, 0));
}

/* MSG_WAITALL: across segments, and records. */
static void *write_halves(void *arg)
{
	int *fd_and_mark = arg;
	char text[LEN];

	call_text(text, LEN, 0, fd_and_mark[1]);
	call_write(fd_and_mark[0], text, LEN / 2);
	usleep(QUIET_MS * 1000);
	call_write(fd_and_mark[0], text + LEN / 2, LEN / 2);
	return NULL;
}

TEST_F(data, recv_waitall)
{
	int arg[2] = { self->peer, variant->marked };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_halves, arg));
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_WAITALL));
	EXPECT_GOT();
	pthread_join(thread, NULL);
}

TEST_F(data, recv_waitall_peek)
{
	int arg[2] = { self->peer, variant->marked };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, write_halves, arg));
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_WAITALL | MSG_PEEK));
	EXPECT_GOT();
	memset(self->in, 0, LEN);
	EXPECT_EQ(LEN, recv(self->fd, self->in, LEN, MSG_WAITALL));
	EXPECT_GOT();
	pthread_join(thread, NULL);
}

/* MSG_WAITALL ends early at the end of the stream. */
TEST_F(data, recv_waitall_end)
{
	PEER_WRITES();
	ASSERT_EQ(0, shutdown(self->peer, SHUT_WR));
	EXPECT_EQ(LEN, recv(self->fd, self->in, sizeof(self->in), MSG_WAITALL));
	EXPECT_GOT();
	EXPECT_EQ(0, call_expect_end(self->fd));
}

/* There is no urgent data: the other bytes are not it. */
TEST_F(data, recv_oob)
{
	EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(EINVAL, errno);
	PEER_WRITES();
	EXPECT_EQ(-1, recv(self->fd, self->in, 1, MSG_OOB | MSG_DONTWAIT));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(LEN, recv(self->fd, self->in, LEN, 0));
	EXPECT_GOT();
}

/* TLS has no urgent data: refused, and nothing is sent. */
TEST_F(data, send_oob)
{
	if (!variant->marked) {
		EXPECT_EQ(1, send(self->fd, self->text, 1, MSG_OOB));
		return;
	}
	EXPECT_EQ(-1, send(self->fd, self->text, LEN, MSG_OOB));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

/* The kernel must encrypt, so it must copy: refused, and nothing is sent. */
TEST_F(data, send_zerocopy)
{
	int one = 1;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_ZEROCOPY, &one,
				sizeof(one)));
	if (!variant->marked) {
		EXPECT_EQ(LEN, send(self->fd, self->text, LEN, MSG_ZEROCOPY));
		return;
	}
	EXPECT_EQ(-1, send(self->fd, self->text, LEN, MSG_ZEROCOPY));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

TEST_F(data, send_fastopen)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	ssize_t n;

	ASSERT_EQ(0, net_address(self->peer, &addr, &len));
	n = sendto(self->fd, self->text, LEN, MSG_FASTOPEN,
		   (struct sockaddr *)&addr, len);
	EXPECT_EQ(-1, n);
	EXPECT_EQ(variant->marked ? EOPNOTSUPP : EISCONN, errno);
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

/* TCP holds back for 200 ms what MSG_MORE announced, and not for ever. */
TEST_F(data, send_more)
{
	ASSERT_EQ(LEN / 2, send(self->fd, self->text, LEN / 2, MSG_MORE));
	ASSERT_EQ(LEN / 2, send(self->fd, self->text + LEN / 2, LEN / 2, 0));
	EXPECT_SENT();
}

TEST_F(data, send_more_alone)
{
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, MSG_MORE));
	EXPECT_SENT();
}

TEST_F(data, send_more_and_close)
{
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, MSG_MORE));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(data, send_more_and_shutdown)
{
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, MSG_MORE));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(data, cork)
{
	int on = 1, off = 0;

	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &on,
				sizeof(on)));
	ASSERT_EQ(LEN / 2, write(self->fd, self->text, LEN / 2));
	ASSERT_EQ(LEN / 2, write(self->fd, self->text + LEN / 2, LEN / 2));
	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &off,
				sizeof(off)));
	EXPECT_SENT();
}

/* Corked and forgotten: TCP sends it after 200 ms. */
TEST_F(data, cork_left)
{
	int on = 1;

	ASSERT_EQ(0, setsockopt(self->fd, IPPROTO_TCP, TCP_CORK, &on,
				sizeof(on)));
	ASSERT_EQ(LEN, write(self->fd, self->text, LEN));
	EXPECT_SENT();
}

TEST_F(data, sendmmsg)
{
	struct iovec iov[2] = {
		{ self->text, 10 }, { self->text + 10, LEN - 10 },
	};
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	ASSERT_EQ(2, sendmmsg(self->fd, msg, 2, 0));
	EXPECT_EQ(10, msg[0].msg_len);
	EXPECT_EQ(LEN - 10, msg[1].msg_len);
	EXPECT_SENT();
}

TEST_F(data, recvmmsg)
{
	struct iovec iov[2] = {
		{ self->in, 10 }, { self->in + 10, LEN - 10 },
	};
	struct mmsghdr msg[2] = {
		{ .msg_hdr = { .msg_iov = &iov[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = &iov[1], .msg_iovlen = 1 } },
	};

	PEER_WRITES();
	ASSERT_EQ(2, recvmmsg(self->fd, msg, 2, MSG_DONTWAIT, NULL));
	EXPECT_EQ(10, msg[0].msg_len);
	EXPECT_EQ(LEN - 10, msg[1].msg_len);
	EXPECT_GOT();
}

/* Room for ancillary data: nothing of TLS shows in it, nor in the flags. */
TEST_F(data, recvmsg)
{
	char control[256];
	struct sockaddr_in6 addr;
	struct iovec iov = { self->in, LEN };
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	PEER_WRITES();
	ASSERT_EQ(LEN, recvmsg(self->fd, &msg, 0));
	EXPECT_GOT();
	EXPECT_EQ(0, msg.msg_controllen);
	EXPECT_EQ(0, msg.msg_flags);
	EXPECT_EQ(0, msg.msg_namelen);
}

/* An application cannot send alerts, or handshake messages. */
TEST_F(data, sendmsg_record_type)
{
	int type;

	if (!variant->marked) {
		EXPECT_EQ(LEN, net_send_cmsg(self->fd, self->text, LEN, SOL_TLS,
					     TLS_SET_RECORD_TYPE, 21));
		return;
	}
	for (type = 20; type < 25; type++) {
		EXPECT_EQ(-1, net_send_cmsg(self->fd, self->text, LEN, SOL_TLS,
					    TLS_SET_RECORD_TYPE, type));
		EXPECT_EQ(EINVAL, errno);
	}
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

/* Ancillary data that TCP would ignore is ignored. */
TEST_F(data, sendmsg_ignored)
{
	ASSERT_EQ(LEN, net_send_cmsg(self->fd, self->text, LEN, IPPROTO_IP, IP_TTL, 1));
	EXPECT_SENT();
}

/* What would have an effect on TCP, and cannot here, is refused. */
TEST_F(data, sendmsg_timestamping)
{
	if (!variant->marked) {
		EXPECT_EQ(LEN, net_send_cmsg(self->fd, self->text, LEN, SOL_SOCKET,
					     SO_TIMESTAMPING, 1 << 1));
		return;
	}
	EXPECT_EQ(-1, net_send_cmsg(self->fd, self->text, LEN, SOL_SOCKET,
				    SO_TIMESTAMPING, 1 << 1));
	EXPECT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(LEN, send(self->fd, self->text, LEN, 0));
	EXPECT_SENT();
}

TEST_F(data, bad_pointers)
{
	void *bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);

	ASSERT_NE(MAP_FAILED, bad);
	EXPECT_EQ(-1, write(self->fd, bad, LEN));
	EXPECT_EQ(EFAULT, errno);
	PEER_WRITES();
	EXPECT_EQ(-1, read(self->fd, bad, LEN));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_EQ(LEN, read(self->fd, self->in, LEN));
	EXPECT_GOT();
	ASSERT_EQ(LEN, write(self->fd, self->text, LEN));
	EXPECT_SENT();
}

/* Non-blocking, until the buffers are full: what send() said is what comes. */
TEST_F(data, fill)
{
	size_t sent = 0, size = 1 << 16;
	char *text = malloc(size);
	ssize_t n;

	ASSERT_NE(NULL, text);
	for (;;) {
		call_text(text, size, sent, variant->marked);
		n = send(self->fd, text, size, MSG_DONTWAIT);
		if (n < 0)
			break;
		sent += n;
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_FALSE(net_wait(self->fd, POLLOUT, 0));
	EXPECT_GT(sent, size);
	EXPECT_EQ(0, call_expect(self->peer, sent, 0, variant->marked));
	EXPECT_FALSE(net_wait(self->peer, POLLIN, QUIET_MS));
	EXPECT_TRUE(net_wait(self->fd, POLLOUT, PATIENCE_MS));
	free(text);
}

struct bulk {
	int	fd;
	bool	marked;
	int	err;
};

static void *write_bulk(void *arg)
{
	struct bulk *b = arg;
	char *text = malloc(BULK);

	call_text(text, BULK, 0, b->marked);
	b->err = call_write(b->fd, text, BULK);
	free(text);
	return NULL;
}

/* Both directions at once, much more than the buffers hold. */
TEST_F(data, bulk)
{
	struct bulk to = { self->fd, variant->marked, -1 };
	struct bulk from = { self->peer, variant->marked, -1 };
	pthread_t a, b;

	ASSERT_EQ(0, pthread_create(&a, NULL, write_bulk, &to));
	ASSERT_EQ(0, pthread_create(&b, NULL, write_bulk, &from));
	EXPECT_EQ(0, call_expect(self->peer, BULK, 0, variant->marked));
	EXPECT_EQ(0, call_expect(self->fd, BULK, 0, variant->marked));
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	EXPECT_EQ(0, to.err);
	EXPECT_EQ(0, from.err);
}

SOCKAUTH_HARNESS_MAIN
