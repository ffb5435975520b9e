// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One socket in several hands: dup(), fork(), SCM_RIGHTS, pidfd_getfd(),
 * close() under a blocked call, O_NONBLOCK switched meanwhile, two readers and
 * two writers. The same expectations on plain TCP and on an authenticated socket.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call-net.h"
#include "call-thread.h"
#include "net.h"
#include "process.h"

#define LEN	(2 * CALL_BLOCK)

FIXTURE(share)
{
	int	fd;
	int	peer;
	char	text[LEN];
};

CALL_VARIANTS(share);

FIXTURE_SETUP(share)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(share)
{
	close(self->fd);
	close(self->peer);
}

/* Both directions, through FD and its peer. 0, or a positive step. */
static int talk(int fd, int peer, bool marked)
{
	char text[LEN];

	call_text(text, LEN, 0, marked);
	if (call_write(fd, text, LEN))
		return 1;
	if (call_expect(peer, LEN, 0, marked))
		return 2;
	if (call_write(peer, text, LEN))
		return 3;
	return call_expect(fd, LEN, 0, marked) ? 4 : 0;
}

TEST_F(share, dup)
{
	int fd = dup(self->fd);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, talk(fd, self->peer, variant->marked));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, talk(fd, self->peer, variant->marked));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, call_expect_end(self->peer));
	self->fd = -1;
}

TEST_F(share, fork)
{
	pid_t pid = fork();

	if (!pid)
		_exit(talk(self->fd, self->peer, variant->marked));
	EXPECT_EQ(0, process_exit_code(pid));
	/* That the child is gone is no end. */
	EXPECT_EQ(0, talk(self->fd, self->peer, variant->marked));
}

static int send_fd(int over, int fd)
{
	char c = 'x';

	return net_send_cmsg(over, &c, 1, SOL_SOCKET, SCM_RIGHTS, fd) == 1 ?
	       0 : -errno;
}

static int receive_fd(int over)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(over, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

TEST_F(share, scm_rights)
{
	int over[2], fd;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	pid = fork();
	if (!pid) {
		/* The descriptor that fork() copied is not the one to test. */
		close(self->fd);
		fd = receive_fd(over[1]);
		_exit(fd < 0 ? 9 : talk(fd, self->peer, variant->marked));
	}
	ASSERT_EQ(0, send_fd(over[0], self->fd));
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, process_exit_code(pid));
	self->fd = -1;
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* On its way through a socket that is closed before anybody takes it. */
TEST_F(share, scm_rights_lost)
{
	int over[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	ASSERT_EQ(0, send_fd(over[0], self->fd));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_FALSE(net_wait(self->peer, POLLIN, QUIET_MS));
	close(over[0]);
	close(over[1]);
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(share, pidfd_getfd)
{
	int pidfd, fd;
	pid_t pid;

	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, close(self->fd));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_GE(pidfd, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, self->fd, 0);
	ASSERT_GE(fd, 0);
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, process_exit_code(pid));
	EXPECT_EQ(0, talk(fd, self->peer, variant->marked));
	ASSERT_EQ(0, close(fd));
	EXPECT_EQ(0, call_expect_end(self->peer));
	close(pidfd);
	self->fd = -1;
}

/* A process that dies closes its sockets in order. */
TEST_F(share, killed)
{
	pid_t pid = fork();

	if (!pid) {
		call_write(self->fd, self->text, LEN);
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	ASSERT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	kill(pid, SIGKILL);
	EXPECT_EQ(-SIGKILL, process_exit_code(pid));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* As on TCP: who is in the call stays in it, and gets what comes. */
TEST_F(share, close_under_read)
{
	struct call_thread b = { 0 };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_read, self->fd,
					      SYS_read));
	ASSERT_EQ(0, close(self->fd));
	self->fd = -1;
	EXPECT_FALSE(net_wait(self->peer, POLLIN, QUIET_MS));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	call_thread_end(&b);
	ASSERT_EQ(LEN, b.ret);
	EXPECT_EQ(0, memcmp(b.buf, self->text, LEN));
	EXPECT_EQ(0, call_expect_end(self->peer));
}

TEST_F(share, shutdown_under_read)
{
	struct call_thread b = { 0 };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_read, self->fd,
					      SYS_read));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RD));
	call_thread_end(&b);
	EXPECT_EQ(0, b.ret);
	EXPECT_EQ(0, call_write(self->fd, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
}

TEST_F(share, shutdown_under_write)
{
	struct call_thread b = { 0 };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_fill, self->fd,
					      SYS_write));
	ASSERT_EQ(0, shutdown(self->fd, SHUT_RDWR));
	call_thread_end(&b);
	EXPECT_TRUE(b.ret > 0 || (b.ret == -1 && b.error == EPIPE));
	EXPECT_EQ(-1, write(self->fd, self->text, LEN));
	EXPECT_EQ(EPIPE, errno);
}

/* The peer goes away under a writer. */
TEST_F(share, peer_dies_under_write)
{
	struct linger linger = { .l_onoff = 1 };
	struct call_thread b = { 0 };

	ASSERT_TRUE(call_thread_begin(&b, call_thread_fill, self->fd,
					      SYS_write));
	ASSERT_EQ(0, setsockopt(self->peer, SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	ASSERT_EQ(0, close(self->peer));
	self->peer = -1;
	call_thread_end(&b);
	EXPECT_TRUE(b.ret > 0 || (b.ret == -1 && b.error == ECONNRESET));
	EXPECT_EQ(-1, write(self->fd, self->text, LEN));
	EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET);
}

/* What sleeps already goes on; the next call sees the flag. */
TEST_F(share, nonblock_under_read)
{
	struct call_thread b = { 0 };
	char c;

	ASSERT_TRUE(call_thread_begin(&b, call_thread_read, self->fd,
					      SYS_read));
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	call_thread_end(&b);
	EXPECT_EQ(LEN, b.ret);
	EXPECT_EQ(-1, read(self->fd, &c, 1));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, call_nonblock(self->fd, false));
	ASSERT_TRUE(call_thread_begin(&b, call_thread_read, self->fd,
					      SYS_read));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	call_thread_end(&b);
	EXPECT_EQ(LEN, b.ret);
}

/* Two writers of fixed blocks, two readers: each block once, in whole. */
#define BLOCKS		400
#define WRITERS		2

struct party {
	int		fd;
	bool		marked;
	unsigned int	first;
	int		err;
	unsigned char	*seen;
};

static void *write_blocks(void *arg)
{
	struct party *p = arg;
	char block[CALL_BLOCK];
	unsigned int i;

	for (i = p->first; i < BLOCKS && !p->err; i += WRITERS) {
		call_text(block, CALL_BLOCK, (size_t)i * CALL_BLOCK, p->marked);
		if (write(p->fd, block, CALL_BLOCK) != CALL_BLOCK)
			p->err = -errno;
	}
	return NULL;
}

/* MSG_WAITALL takes whole blocks, whoever else reads. */
static void *read_blocks(void *arg)
{
	struct party *p = arg;
	char block[CALL_BLOCK + 1] = "", wanted[CALL_BLOCK];
	unsigned int i;
	ssize_t n;

	for (;;) {
		n = recv(p->fd, block, CALL_BLOCK, MSG_WAITALL);
		if (n <= 0)
			break;
		i = strtoul(block + 16, NULL, 16);
		call_text(wanted, CALL_BLOCK, (size_t)i * CALL_BLOCK,
			  p->marked);
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

TEST_F(share, two_readers_two_writers)
{
	unsigned char seen[BLOCKS] = { 0 };
	struct party w[WRITERS], r[2];
	pthread_t wt[WRITERS], rt[2];
	int i;

	for (i = 0; i < 2; i++) {
		w[i] = (struct party) { self->fd, variant->marked, i, 0, NULL };
		r[i] = (struct party) { self->peer, variant->marked, 0, 0,
					seen };
		ASSERT_EQ(0, pthread_create(&rt[i], NULL, read_blocks, &r[i]));
		ASSERT_EQ(0, pthread_create(&wt[i], NULL, write_blocks, &w[i]));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(wt[i], NULL);
		EXPECT_EQ(0, w[i].err);
	}
	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	for (i = 0; i < 2; i++) {
		pthread_join(rt[i], NULL);
		EXPECT_EQ(0, r[i].err);
	}
	for (i = 0; i < BLOCKS; i++)
		EXPECT_EQ(1, seen[i]);
}

SOCKAUTH_HARNESS_MAIN
