// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Socket options, time-outs, and calls that make no sense any more, on an
 * established socket: as on plain TCP, or the refusal that is written down in
 * Documentation/calls.rst.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call-net.h"
#include "call-thread.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)

FIXTURE(option)
{
	int	fd;
	int	peer;
	char	text[LEN];
};

CALL_VARIANTS(option);

FIXTURE_SETUP(option)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, call_pair(variant->marked, variant->role, &self->fd,
			       &self->peer));
	call_text(self->text, LEN, 0, variant->marked);
}

FIXTURE_TEARDOWN(option)
{
	close(self->fd);
	close(self->peer);
}

/* Both directions still work. */
#define EXPECT_ALIVE()							\
	do {								\
		EXPECT_EQ(0, call_write(self->fd, self->text, LEN));	\
		EXPECT_EQ(0, call_expect(self->peer, LEN, 0,		\
					 variant->marked));		\
		EXPECT_EQ(0, call_write(self->peer, self->text, LEN));	\
		EXPECT_EQ(0, call_expect(self->fd, LEN, 0,		\
					 variant->marked));		\
	} while (0)

static int get_int(int fd, int level, int optname)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, optname, &value, &len) ? -errno : value;
}

static int set_int(int fd, int level, int optname, int value)
{
	return setsockopt(fd, level, optname, &value, sizeof(value)) ?
	       -errno : 0;
}

TEST_F(option, so_error)
{
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ERROR));
	EXPECT_ALIVE();
}

TEST_F(option, tcp_nodelay)
{
	EXPECT_EQ(0, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_EQ(0, set_int(self->fd, IPPROTO_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(1, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_ALIVE();
	EXPECT_EQ(0, set_int(self->fd, IPPROTO_TCP, TCP_NODELAY, 0));
	EXPECT_EQ(0, get_int(self->fd, IPPROTO_TCP, TCP_NODELAY));
	EXPECT_ALIVE();
}

TEST_F(option, tcp_info)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	ASSERT_EQ(0, getsockopt(self->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_EQ(1, info.tcpi_state);		/* TCP_ESTABLISHED */
	EXPECT_GT(info.tcpi_snd_mss, 0);
}

TEST_F(option, names)
{
	struct sockaddr_in6 a, b;
	socklen_t a_len, b_len = sizeof(b);

	ASSERT_EQ(0, net_address(self->fd, &a, &a_len));
	ASSERT_EQ(0, getpeername(self->peer, (struct sockaddr *)&b, &b_len));
	ASSERT_EQ(a_len, b_len);
	EXPECT_EQ(0, memcmp(&a, &b, a_len));
	EXPECT_EQ(AF_INET, get_int(self->fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(SOCK_STREAM, get_int(self->fd, SOL_SOCKET, SO_TYPE));
	EXPECT_EQ(IPPROTO_TCP, get_int(self->fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, get_int(self->fd, SOL_SOCKET, SO_ACCEPTCONN));
}

TEST_F(option, rcvtimeo)
{
	struct timeval tv = { .tv_usec = QUIET_MS * 1000 };
	long start = net_now_ms();
	char c;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(-1, read(self->fd, &c, 1));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
	EXPECT_ALIVE();
}

TEST_F(option, sndtimeo)
{
	struct timeval tv = { .tv_usec = QUIET_MS * 1000 };
	size_t sent = 0, size = 1 << 16;
	char *text = malloc(size);
	long start;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	do {
		call_text(text, size, sent, variant->marked);
		start = net_now_ms();
		n = write(self->fd, text, size);
		if (n > 0)
			sent += n;
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, QUIET_MS - 20);
	EXPECT_EQ(0, call_expect(self->peer, sent, 0, variant->marked));
	EXPECT_FALSE(net_wait(self->peer, POLLIN, QUIET_MS));
	free(text);
}

/* The least that poll() and read() wait for: one byte, or refused. */
TEST_F(option, rcvlowat)
{
	if (variant->marked) {
		EXPECT_EQ(-EOPNOTSUPP, set_int(self->fd, SOL_SOCKET,
					       SO_RCVLOWAT, LEN));
		EXPECT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_RCVLOWAT, 1));
		EXPECT_EQ(1, get_int(self->fd, SOL_SOCKET, SO_RCVLOWAT));
		EXPECT_ALIVE();
		return;
	}
	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_RCVLOWAT, LEN));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN / 2));
	EXPECT_FALSE(net_wait(self->fd, POLLIN, QUIET_MS));
	ASSERT_EQ(0, call_write(self->peer, self->text + LEN / 2, LEN / 2));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, variant->marked));
}

/* Who waits in read() is woken by every record, however small. */
TEST_F(option, rcvlowat_read)
{
	struct call_thread t = { 0 };

	ASSERT_EQ(variant->marked ? -EOPNOTSUPP : 0,
		  set_int(self->fd, SOL_SOCKET, SO_RCVLOWAT, LEN));
	ASSERT_TRUE(call_thread_begin(&t, call_thread_read, self->fd,
				      SYS_read));
	ASSERT_EQ(0, call_write(self->peer, self->text, LEN / 2));
	usleep(QUIET_MS * 1000);
	ASSERT_EQ(0, call_write(self->peer, self->text + LEN / 2, LEN / 2));
	call_thread_end(&t);
	EXPECT_EQ(variant->marked ? LEN / 2 : LEN, t.ret);
	EXPECT_EQ(0, memcmp(t.buf, self->text, LEN / 2));
}

/* Refused, so that nothing gets past kTLS, nor the keys out of it. */
TEST_F(option, refused)
{
	struct tls12_crypto_info_aes_gcm_256 info = {
		.info.version = TLS_1_3_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_256,
	};
	struct tcp_zerocopy_receive zc = { 0 };
	socklen_t len;
	int i;

	if (!variant->marked) {
		EXPECT_EQ(0, set_int(self->fd, IPPROTO_TCP, TCP_REPAIR, 1));
		return;
	}
	for (i = TLS_TX; i <= TLS_RX; i++) {
		len = sizeof(info);
		EXPECT_EQ(-1, getsockopt(self->fd, SOL_TLS, i, &info, &len));
		EXPECT_EQ(EOPNOTSUPP, errno);
		EXPECT_EQ(-1, setsockopt(self->fd, SOL_TLS, i, &info,
					 sizeof(info)));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	EXPECT_EQ(-1, setsockopt(self->fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EOPNOTSUPP, set_int(self->fd, IPPROTO_TCP, TCP_REPAIR, 1));
	EXPECT_EQ(-EOPNOTSUPP, get_int(self->fd, IPPROTO_TCP, TCP_REPAIR));
	EXPECT_EQ(-EOPNOTSUPP, set_int(self->fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, 1));
	EXPECT_EQ(-EOPNOTSUPP, set_int(self->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT,
				       1));
	EXPECT_EQ(-EOPNOTSUPP, set_int(self->fd, SOL_IPV6, IPV6_ADDRFORM,
				       AF_INET));
	len = sizeof(zc);
	EXPECT_EQ(-1, getsockopt(self->fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc,
				 &len));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_ALIVE();
}

/* What is below is no secret. */
TEST_F(option, ulp_name)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	ASSERT_EQ(0, getsockopt(self->fd, IPPROTO_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ(variant->marked ? "tls" : "", name);
}

TEST_F(option, mmap)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 0);

	if (!variant->marked) {
		EXPECT_NE(MAP_FAILED, p);
		return;
	}
	EXPECT_EQ(MAP_FAILED, p);
	EXPECT_EQ(ENODEV, errno);
	EXPECT_ALIVE();
}

TEST_F(option, connect_again)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	ASSERT_EQ(0, getpeername(self->fd, (struct sockaddr *)&addr, &len));
	EXPECT_EQ(-1, connect(self->fd, (struct sockaddr *)&addr, len));
	EXPECT_EQ(EISCONN, errno);
	EXPECT_ALIVE();
}

/* TCP goes back to the beginning, with a RST; an authenticated one cannot. */
TEST_F(option, connect_unspec)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	if (!variant->marked) {
		EXPECT_EQ(0, connect(self->fd, &addr, sizeof(addr)));
		return;
	}
	EXPECT_EQ(-1, connect(self->fd, &addr, sizeof(addr)));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_ALIVE();
}

TEST_F(option, listen)
{
	EXPECT_EQ(-1, listen(self->fd, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_ALIVE();
}

TEST_F(option, accept)
{
	EXPECT_EQ(-1, accept(self->fd, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_ALIVE();
}

TEST_F(option, bind)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	EXPECT_EQ(-1, bind(self->fd, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_ALIVE();
}

TEST_F(option, urgent)
{
	EXPECT_EQ(0, sockatmark(self->fd));
	EXPECT_ALIVE();
}

/* A small receive buffer, and a small send buffer. */
TEST_F(option, small_buffers)
{
	size_t size = 100000;
	char *text = malloc(size);
	int status;
	pid_t pid;

	call_text(text, size, 0, variant->marked);
	ASSERT_EQ(0, set_int(self->fd, SOL_SOCKET, SO_SNDBUF, 4096));
	ASSERT_EQ(0, set_int(self->peer, SOL_SOCKET, SO_RCVBUF, 4096));
	pid = fork();
	if (!pid)
		_exit(call_write(self->fd, text, size));
	ASSERT_EQ(0, call_expect(self->peer, size, 0, variant->marked));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	free(text);
}

SOCKAUTH_HARNESS_MAIN
