// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sendfile(), splice(), vmsplice() and tee() on an established socket, with
 * the same expectations on plain TCP and on an authenticated one.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)
#define BIG	(300 * 1000)

FIXTURE(file)
{
	int	fd;
	int	peer;
	int	file;
	int	pipe[2];
	char	*text;
	char	*in;
};

CALL_VARIANTS(file);

FIXTURE_SETUP(file)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	self->text = malloc(BIG);
	self->in = malloc(BIG);
	ASSERT_TRUE(self->text && self->in);
	call_text(self->text, BIG, 0, variant->marked);
	self->file = memfd_create("text", MFD_CLOEXEC);
	ASSERT_EQ(BIG, write(self->file, self->text, BIG));
	ASSERT_EQ(0, pipe2(self->pipe, O_CLOEXEC));
}

FIXTURE_TEARDOWN(file)
{
	close(self->fd);
	close(self->peer);
	close(self->file);
	close(self->pipe[0]);
	close(self->pipe[1]);
	free(self->text);
	free(self->in);
}

/* In another thread: send all of the file, and say that this was all. */
struct sender {
	int	fd;
	int	file;
	bool	end;
	off_t	offset;
	ssize_t	ret;
};

static void *send_file(void *arg)
{
	struct sender *s = arg;
	ssize_t n;

	s->ret = 0;
	while (s->ret < BIG) {
		n = sendfile(s->fd, s->file, &s->offset, BIG - s->ret);
		if (n <= 0)
			break;
		s->ret += n;
	}
	if (s->end)
		shutdown(s->fd, SHUT_WR);
	return NULL;
}

TEST_F(file, sendfile)
{
	struct sender s = { .fd = self->fd, .file = self->file };
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, send_file, &s));
	EXPECT_EQ(0, call_expect(self->peer, BIG, 0, variant->marked));
	pthread_join(thread, NULL);
	EXPECT_EQ(BIG, s.ret);
	EXPECT_EQ(BIG, s.offset);
}

TEST_F(file, sendfile_part)
{
	off_t offset = CALL_BLOCK;

	ASSERT_EQ(LEN, sendfile(self->fd, self->file, &offset, LEN));
	EXPECT_EQ(CALL_BLOCK + LEN, offset);
	EXPECT_EQ(0, call_expect(self->peer, LEN, CALL_BLOCK, variant->marked));
}

/* Asked for more than there is: what is there must go out all the same. */
TEST_F(file, sendfile_beyond_end)
{
	off_t offset = BIG - LEN;

	ASSERT_EQ(LEN, sendfile(self->fd, self->file, &offset, BIG));
	EXPECT_EQ(0, call_expect(self->peer, LEN, BIG - LEN, variant->marked));
}

TEST_F(file, sendfile_after_shutdown)
{
	off_t offset = 0;

	ASSERT_EQ(0, shutdown(self->fd, SHUT_WR));
	EXPECT_EQ(-1, sendfile(self->fd, self->file, &offset, LEN));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(0, call_expect_end(self->peer));
}

/* A non-blocking socket whose buffers are full. */
TEST_F(file, sendfile_fill)
{
	off_t offset = 0;
	size_t sent = 0;
	ssize_t n;

	ASSERT_EQ(0, call_nonblock(self->fd, true));
	for (;;) {
		n = sendfile(self->fd, self->file, &offset, BIG - offset);
		if (n < 0)
			break;
		sent += n;
		if (offset == BIG)
			offset = 0;
	}
	EXPECT_EQ(EAGAIN, errno);
	while (sent) {
		size_t part = sent < BIG ? sent : BIG;

		ASSERT_EQ(0, call_expect(self->peer, part, 0, variant->marked));
		sent -= part;
	}
	EXPECT_FALSE(net_wait(self->peer, POLLIN, QUIET_MS));
}

TEST_F(file, splice_out)
{
	ASSERT_EQ(LEN, write(self->pipe[1], self->text, LEN));
	ASSERT_EQ(LEN, splice(self->pipe[0], NULL, self->fd, NULL, LEN, 0));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
}

/* SPLICE_F_MORE is MSG_MORE; what follows lets it go. */
TEST_F(file, splice_out_more)
{
	ASSERT_EQ(LEN, write(self->pipe[1], self->text, LEN));
	ASSERT_EQ(8, splice(self->pipe[0], NULL, self->fd, NULL, 8,
			    SPLICE_F_MORE));
	ASSERT_EQ(LEN - 8, splice(self->pipe[0], NULL, self->fd, NULL, LEN, 0));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
}

TEST_F(file, vmsplice)
{
	struct iovec iov = { self->text, LEN };

	ASSERT_EQ(LEN, vmsplice(self->pipe[1], &iov, 1, 0));
	ASSERT_EQ(LEN, splice(self->pipe[0], NULL, self->fd, NULL, LEN,
			      SPLICE_F_MOVE));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
}

TEST_F(file, tee)
{
	int other[2];

	ASSERT_EQ(0, pipe(other));
	ASSERT_EQ(LEN, write(self->pipe[1], self->text, LEN));
	ASSERT_EQ(LEN, tee(self->pipe[0], other[1], LEN, 0));
	ASSERT_EQ(LEN, splice(other[0], NULL, self->fd, NULL, LEN, 0));
	ASSERT_EQ(LEN, splice(self->pipe[0], NULL, self->fd, NULL, LEN, 0));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	EXPECT_EQ(0, call_expect(self->peer, LEN, 0, variant->marked));
	close(other[0]);
	close(other[1]);
}

TEST_F(file, splice_in)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(LEN, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
	ASSERT_EQ(LEN, read(self->pipe[0], self->in, LEN));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
}

/* Less than what is there: the rest stays, for splice() and for read(). */
TEST_F(file, splice_in_parts)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(5, splice(self->fd, NULL, self->pipe[1], NULL, 5, 0));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, 0));
	ASSERT_EQ(5, recv(self->fd, self->in, 5, MSG_PEEK));
	ASSERT_EQ(5, splice(self->fd, NULL, self->pipe[1], NULL, 5, 0));
	ASSERT_EQ(10, read(self->pipe[0], self->in, LEN));
	ASSERT_EQ(LEN - 10, read(self->fd, self->in + 10, LEN));
	EXPECT_EQ(0, memcmp(self->in, self->text, LEN));
}

TEST_F(file, splice_in_end)
{
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN));
	ASSERT_EQ(0, close(self->peer));
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	ASSERT_EQ(LEN, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
	EXPECT_EQ(0, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Make every call that would wait come back with EINTR after a while. */
static void interrupt_later(void)
{
	struct sigaction act = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &act, NULL);
	alarm(2);
}

/* The socket's own O_NONBLOCK counts. */
TEST_F(file, splice_in_nonblocking)
{
	ASSERT_EQ(0, call_nonblock(self->fd, true));
	interrupt_later();
	EXPECT_EQ(-1, splice(self->fd, NULL, self->pipe[1], NULL, LEN, 0));
	EXPECT_EQ(EAGAIN, errno);
	alarm(2);
	EXPECT_EQ(-1, splice(self->fd, NULL, self->pipe[1], NULL, LEN,
			     SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	alarm(0);
}

/* SPLICE_F_NONBLOCK is about the pipe: a blocking socket waits. */
TEST_F(file, splice_in_flag)
{
	struct timeval tv = { .tv_usec = QUIET_MS * 1000 };
	long start = net_now_ms();

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(-1, splice(self->fd, NULL, self->pipe[1], NULL, LEN,
			     SPLICE_F_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
}

struct reader {
	int	fd;
	int	pipe;
	ssize_t	ret;
};

static void *splice_all(void *arg)
{
	struct reader *r = arg;
	ssize_t n;

	r->ret = 0;
	do {
		n = splice(r->fd, NULL, r->pipe, NULL, 1 << 20, 0);
		r->ret = n < 0 ? -errno : r->ret + n;
	} while (n > 0);
	close(r->pipe);
	return NULL;
}

/*
 * Up to the end of the stream. A splice() that waits for the socket has the
 * pipe locked, and who reads the pipe waits for it: so the sender ends it.
 */
TEST_F(file, splice_in_bulk)
{
	struct sender s = { .fd = self->peer, .file = self->file, .end = true };
	struct reader r = { self->fd, dup(self->pipe[1]), 0 };
	pthread_t sender, reader;

	close(self->pipe[1]);
	self->pipe[1] = -1;
	ASSERT_EQ(0, pthread_create(&sender, NULL, send_file, &s));
	ASSERT_EQ(0, pthread_create(&reader, NULL, splice_all, &r));
	EXPECT_EQ(0, call_expect(self->pipe[0], BIG, 0, variant->marked));
	EXPECT_EQ(0, call_expect_end(self->pipe[0]));
	pthread_join(sender, NULL);
	pthread_join(reader, NULL);
	EXPECT_EQ(BIG, s.ret);
	EXPECT_EQ(BIG, r.ret);
}

SOCKAUTH_HARNESS_MAIN
