// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket options: what is refused, and with which errno; what they tell
 * before anybody has authenticated. See uapi/linux/sockauth.h.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"
#include "process.h"

#define NOBODY	65534

FIXTURE(sockopt)
{
	struct sockauth_request	req;
	int			fd;
};

FIXTURE_SETUP(sockopt)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, net_enter_namespace());
	self->fd = net_tcp(AF_INET);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(sockopt)
{
	close(self->fd);
}

/* setsockopt(2) that returns 0 or the errno. */
static int set(int fd, int option, const void *val, socklen_t len)
{
	return setsockopt(fd, IPPROTO_IP, option, val, len) ? errno : 0;
}

static int get(int fd, int option, void *val, socklen_t *len)
{
	return getsockopt(fd, IPPROTO_IP, option, val, len) ? errno : 0;
}

TEST_F(sockopt, request_accepted)
{
	struct sockauth_request back;
	socklen_t len = sizeof(back);

	self->req.flags = SOCKAUTH_REQ_MUTUAL | SOCKAUTH_REQ_KEEP_CRED |
			  SOCKAUTH_REQ_TRUNCATION_OK;
	self->req.timeout_ms = SOCKAUTH_TIMEOUT_MAX;
	strcpy(self->req.profile, "some");
	strcpy(self->req.target, "host.test");
	ASSERT_EQ(0, set(self->fd, SOCKAUTH_REQUEST, &self->req,
			 sizeof(self->req)));
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_REQUEST, &back, &len));
	EXPECT_EQ(sizeof(back), len);
	EXPECT_EQ(0, memcmp(&self->req, &back, sizeof(back)));
}

TEST_F(sockopt, request_replaced)
{
	struct sockauth_request back;
	socklen_t len = sizeof(back);

	ASSERT_EQ(0, net_mark(self->fd, "one", 0, 1000));
	ASSERT_EQ(0, net_mark(self->fd, "two", 0, 2000));
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_REQUEST, &back, &len));
	EXPECT_STREQ("two", back.profile);
	EXPECT_EQ(2000, back.timeout_ms);
}

TEST_F(sockopt, request_too_short)
{
	socklen_t len;

	for (len = 0; len < SOCKAUTH_REQUEST_SIZE_VER0; len++)
		ASSERT_EQ(EINVAL, set(self->fd, SOCKAUTH_REQUEST, &self->req,
				      len)) {
			TH_LOG("with length %u", len);
		}
}

TEST_F(sockopt, request_tail)
{
	struct {
		struct sockauth_request	req;
		char			tail[72];
	} longer = { 0 };

	ASSERT_EQ(0, set(self->fd, SOCKAUTH_REQUEST, &longer, sizeof(longer)));
	longer.tail[sizeof(longer.tail) - 1] = 1;
	ASSERT_EQ(E2BIG, set(self->fd, SOCKAUTH_REQUEST, &longer,
			     sizeof(longer)));
}

TEST_F(sockopt, request_unterminated)
{
	memset(self->req.profile, 'x', sizeof(self->req.profile));
	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_REQUEST, &self->req,
			      sizeof(self->req)));
	memset(self->req.profile, 0, sizeof(self->req.profile));
	memset(self->req.target, 'x', sizeof(self->req.target));
	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_REQUEST, &self->req,
			      sizeof(self->req)));
}

TEST_F(sockopt, request_timeout_too_long)
{
	self->req.timeout_ms = SOCKAUTH_TIMEOUT_MAX + 1;
	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_REQUEST, &self->req,
			      sizeof(self->req)));
}

TEST_F(sockopt, request_unknown_flag)
{
	const uint32_t known = SOCKAUTH_REQ_MUTUAL | SOCKAUTH_REQ_KEEP_CRED |
			       SOCKAUTH_REQ_TRUNCATION_OK |
			       SOCKAUTH_REQ_CLIENT | SOCKAUTH_REQ_SERVER;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		self->req.flags = 1U << bit;
		if (known & self->req.flags)
			continue;
		ASSERT_EQ(EOPNOTSUPP, set(self->fd, SOCKAUTH_REQUEST,
					  &self->req, sizeof(self->req))) {
			TH_LOG("with bit %d", bit);
		}
	}
}

TEST_F(sockopt, request_side)
{
	int pair[2];

	EXPECT_EQ(-ENOTCONN, net_mark(self->fd, NULL, SOCKAUTH_REQ_CLIENT, 0));
	EXPECT_EQ(-ENOTCONN, net_mark(self->fd, NULL, SOCKAUTH_REQ_SERVER, 0));
	ASSERT_EQ(0, net_pair(pair));
	EXPECT_EQ(-EINVAL, net_mark(pair[0], NULL, SOCKAUTH_REQ_CLIENT |
				    SOCKAUTH_REQ_SERVER, 0));
	close(pair[0]);
	close(pair[1]);
}

/* Both where nothing is mapped and where only half of it is. */
TEST_F(sockopt, request_unreadable)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, munmap(map + page, page));
	EXPECT_EQ(EFAULT, set(self->fd, SOCKAUTH_REQUEST, map + page,
			      sizeof(self->req)));
	EXPECT_EQ(EFAULT, set(self->fd, SOCKAUTH_REQUEST, map + page - 100,
			      sizeof(self->req)));
	EXPECT_EQ(EFAULT, set(self->fd, SOCKAUTH_REQUEST, NULL,
			      sizeof(self->req)));
}

TEST_F(sockopt, request_not_tcp)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	int mptcp = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	ASSERT_GE(udp, 0);
	EXPECT_EQ(EOPNOTSUPP, set(udp, SOCKAUTH_REQUEST, &self->req,
				  sizeof(self->req)));
	close(udp);
	if (mptcp < 0)
		return;
	/* MPTCP does not even ask the hooks. */
	EXPECT_EQ(ENOPROTOOPT, set(mptcp, SOCKAUTH_REQUEST, &self->req,
				   sizeof(self->req)));
	close(mptcp);
}

/* A socket can be disconnected and keep its upper layer protocol. */
TEST_F(sockopt, request_with_ulp)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int pair[2];

	ASSERT_EQ(0, net_pair(pair));
	ASSERT_EQ(0, net_ktls(pair[0], true));
	ASSERT_NE(0, set(pair[0], SOCKAUTH_REQUEST, &self->req,
			 sizeof(self->req)));
	if (connect(pair[0], &unspec, sizeof(unspec)) == 0)
		EXPECT_EQ(EOPNOTSUPP, set(pair[0], SOCKAUTH_REQUEST,
					  &self->req, sizeof(self->req)));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(sockopt, request_unknown_profile)
{
	struct fakeworker *fw;

	/* Nobody knows better yet. */
	ASSERT_EQ(0, net_mark(self->fd, "nonesuch", 0, 0));
	ASSERT_EQ(0, fw_open(&fw));
	ASSERT_EQ(0, fw_bind(fw, 1, "other"));
	EXPECT_EQ(-ENOENT, net_mark(self->fd, "nonesuch", 0, 0));
	EXPECT_EQ(-ENOENT, net_mark(self->fd, "othe", 0, 0));
	EXPECT_EQ(-ENOENT, net_mark(self->fd, "others", 0, 0));
	EXPECT_EQ(0, net_mark(self->fd, "other", 0, 0));
	EXPECT_EQ(0, net_mark(self->fd, "default", 0, 0));
	EXPECT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	fw_close(fw);
}

TEST_F(sockopt, request_connected)
{
	int pair[2];

	ASSERT_EQ(0, net_pair(pair));
	EXPECT_EQ(-EISCONN, net_mark(pair[0], NULL, 0, 0));
	EXPECT_EQ(-EISCONN, net_mark(pair[1], NULL, 0, 0));
	close(pair[0]);
	close(pair[1]);
}

/* Connections beyond a full backlog stay in SYN_SENT. */
TEST_F(sockopt, request_connecting)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	int i, fd[4];

	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, net_listen(self->fd, 0));
	ASSERT_EQ(0, net_address(self->fd, &addr, &len));
	for (i = 0; i < 4; i++) {
		fd[i] = net_tcp(AF_INET);
		ASSERT_EQ(0, fcntl(fd[i], F_SETFL, O_NONBLOCK));
		ASSERT_EQ(-1, connect(fd[i], (struct sockaddr *)&addr, len));
		ASSERT_EQ(EINPROGRESS, errno);
	}
	EXPECT_FALSE(net_wait(fd[3], POLLOUT, QUIET_MS));
	EXPECT_EQ(-EISCONN, net_mark(fd[3], NULL, 0, 0));
	for (i = 0; i < 4; i++)
		close(fd[i]);
}

static void *accept_one(void *fd)
{
	return (void *)(long)accept(*(int *)fd, NULL, NULL);
}

struct waiter {
	pthread_t	thread;
	int		fd;
	pid_t		tid;
};

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	return accept_one(&w->fd);
}

TEST_F(sockopt, request_busy_waiter)
{
	struct waiter w = { .fd = self->fd };
	void *result;
	pid_t tid;
	int client;

	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, net_listen(self->fd, 8));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, waiter_main, &w));
	while (!(tid = __atomic_load_n(&w.tid, __ATOMIC_ACQUIRE)))
		usleep(1000);
	ASSERT_TRUE(process_sleeps(tid, SYS_accept));
	EXPECT_EQ(-EBUSY, net_mark(self->fd, NULL, 0, 0));

	/* The listener is as it was: the waiter gets a plain connection. */
	client = net_connect_to(self->fd);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, pthread_join(w.thread, &result));
	EXPECT_GE((long)result, 0);
	EXPECT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	close((long)result);
	close(client);
}

TEST_F(sockopt, request_busy_queue)
{
	int client, child;

	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, net_listen(self->fd, 8));
	client = net_connect_to(self->fd);
	ASSERT_GE(client, 0);
	ASSERT_TRUE(net_wait(self->fd, POLLIN, PATIENCE_MS));
	EXPECT_EQ(-EBUSY, net_mark(self->fd, NULL, 0, 0));
	child = accept(self->fd, NULL, NULL);
	ASSERT_GE(child, 0);
	EXPECT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	close(child);
	close(client);
}

TEST_F(sockopt, ipv6_both_levels)
{
	struct sockauth_status st;
	socklen_t len = sizeof(st);
	int fd = net_tcp(AF_INET6);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, setsockopt(fd, IPPROTO_IPV6, SOCKAUTH_REQUEST, &self->req,
				sizeof(self->req)));
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_IPV6, SOCKAUTH_STATUS, &st, &len));
	EXPECT_EQ(0, getsockopt(fd, IPPROTO_IP, SOCKAUTH_STATUS, &st, &len));
	EXPECT_EQ(0, setsockopt(fd, IPPROTO_IP, SOCKAUTH_REQUEST, &self->req,
				sizeof(self->req)));
	close(fd);
	EXPECT_EQ(-1, setsockopt(self->fd, IPPROTO_IPV6, SOCKAUTH_REQUEST,
				 &self->req, sizeof(self->req)));
}

TEST_F(sockopt, status_states)
{
	struct sockauth_status st;

	EXPECT_EQ(-ENOENT, net_status(self->fd, &st));
	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	ASSERT_EQ(0, net_status(self->fd, &st));
	EXPECT_EQ(SOCKAUTH_STATE_MARKED, st.state);
	EXPECT_EQ(0, st.flags);
	EXPECT_EQ(0, st.id);
	EXPECT_EQ((__u32)-1, st.uid);
	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, net_listen(self->fd, 8));
	ASSERT_EQ(0, net_status(self->fd, &st));
	EXPECT_EQ(SOCKAUTH_STATE_LISTENING, st.state);
}

/* At most as much as fits is written, and the length says so. */
TEST_F(sockopt, status_lengths)
{
	unsigned char buf[sizeof(struct sockauth_status) + 64];
	socklen_t len = 8;

	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	memset(buf, 0xee, sizeof(buf));
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_STATUS, buf, &len));
	EXPECT_EQ(8, len);
	EXPECT_EQ(0xee, buf[8]);

	len = sizeof(buf);
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_STATUS, buf, &len));
	EXPECT_EQ(sizeof(struct sockauth_status), len);
	EXPECT_EQ(0xee, buf[len]);

	len = sizeof(buf);
	EXPECT_EQ(EFAULT, get(self->fd, SOCKAUTH_STATUS, NULL, &len));
}

TEST_F(sockopt, nothing_known_yet)
{
	struct sockauth_peer_name name;
	char buf[SOCKAUTH_TEXT_MAX];
	socklen_t len = sizeof(name);

	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	EXPECT_EQ(ENOTCONN, get(self->fd, SOCKAUTH_PEER_NAME, &name, &len));
	len = sizeof(buf);
	EXPECT_EQ(ENODATA, get(self->fd, SOCKAUTH_ERROR, buf, &len));
	len = sizeof(buf);
	EXPECT_NE(0, get(self->fd, SOCKAUTH_PEER_CRED, buf, &len));
	len = sizeof(buf);
	EXPECT_NE(0, get(self->fd, SOCKAUTH_BINDING, buf, &len));
}

TEST_F(sockopt, alpn)
{
	static const char good[] = "\x02h2\x08http/1.1";
	static const char empty_name[] = "\x02h2\x00\x01x";
	static const char cut[] = "\x02h2\x08http";
	char back[SOCKAUTH_ALPN_MAX], big[SOCKAUTH_ALPN_MAX + 1];
	socklen_t len = sizeof(back);

	/* Only on a marked socket. */
	EXPECT_NE(0, set(self->fd, SOCKAUTH_ALPN, good, sizeof(good) - 1));
	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	ASSERT_EQ(0, set(self->fd, SOCKAUTH_ALPN, good, sizeof(good) - 1));
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_ALPN, back, &len));
	ASSERT_EQ(sizeof(good) - 1, len);
	EXPECT_EQ(0, memcmp(good, back, len));

	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_ALPN, empty_name,
			      sizeof(empty_name) - 1));
	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_ALPN, cut, sizeof(cut) - 1));
	memset(big, 'x', sizeof(big));
	big[0] = (char)(sizeof(big) - 1);
	EXPECT_EQ(EINVAL, set(self->fd, SOCKAUTH_ALPN, big, sizeof(big)));
	/* What was set stands. */
	len = sizeof(back);
	ASSERT_EQ(0, get(self->fd, SOCKAUTH_ALPN, back, &len));
	EXPECT_EQ(sizeof(good) - 1, len);
}

/* An option of the range that does not exist is nobody's. */
TEST_F(sockopt, unknown_option)
{
	char buf[16] = "";
	socklen_t len = sizeof(buf);

	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	EXPECT_EQ(ENOPROTOOPT, set(self->fd, SOCKAUTH_ERROR + 1, buf, len));
	EXPECT_EQ(ENOPROTOOPT, get(self->fd, SOCKAUTH_ERROR + 1, buf, &len));
	EXPECT_NE(0, set(self->fd, SOCKAUTH_STATUS, buf, sizeof(buf)));
	EXPECT_NE(0, set(self->fd, SOCKAUTH_PEER_NAME, buf, sizeof(buf)));
}

TEST_F(sockopt, unprivileged)
{
	struct sockauth_status st;

	ASSERT_EQ(0, setgid(NOBODY));
	ASSERT_EQ(0, setuid(NOBODY));
	ASSERT_EQ(0, net_mark(self->fd, NULL, 0, 0));
	ASSERT_EQ(0, net_bind(self->fd));
	ASSERT_EQ(0, net_listen(self->fd, 8));
	ASSERT_EQ(0, net_status(self->fd, &st));
	EXPECT_EQ(SOCKAUTH_STATE_LISTENING, st.state);
}

SOCKAUTH_HARNESS_MAIN
