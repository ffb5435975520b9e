// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that began before the socket was marked, and go on after that. A page
 * that is not there yet (userfaultfd) holds them where they read their argument.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "net.h"

FIXTURE(late)
{
	struct fault	fault;
	int		pair[2];
};

FIXTURE_SETUP(late)
{
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, net_pair(self->pair));
	ASSERT_EQ(0, fault_open(&self->fault));
}

FIXTURE_TEARDOWN(late)
{
	fault_close(&self->fault);
	close(self->pair[0]);
	close(self->pair[1]);
}

/* Mark it as a server's; nobody answers, and the call does not wait. */
static int late_mark(FIXTURE_DATA(late) *self)
{
	if (fcntl(self->pair[0], F_SETFL, O_NONBLOCK))
		return errno;
	if (!net_mark(self->pair[0], NULL, SOCKAUTH_REQ_SERVER, 60000))
		return 0;
	return errno;
}

/* Another kTLS must not take our place: not a byte would be gated then. */
TEST_F(late, tls)
{
	struct sockauth_status st;

	ASSERT_TRUE(fault_begin(&self->fault, self->pair[0], SOL_TCP, TCP_ULP, 3));
	ASSERT_EQ(EINPROGRESS, late_mark(self));
	EXPECT_EQ(EEXIST, fault_end(&self->fault, "tls"));
	EXPECT_EQ(0, net_status(self->pair[0], &st));
	EXPECT_EQ(SOCKAUTH_STATE_WAIT_PEER, st.state);
	EXPECT_EQ(-1, send(self->pair[0], "clear", 5, MSG_NOSIGNAL));
	EXPECT_EQ(EAGAIN, errno);
}

/* Whose request comes second changes the first one's. */
TEST_F(late, request)
{
	struct sockauth_request req = { .timeout_ms = 2000 };
	int fd = net_tcp(AF_INET);
	socklen_t len = sizeof(req);

	ASSERT_GE(fd, 0);
	ASSERT_TRUE(fault_begin(&self->fault, fd, SOL_IP, SOCKAUTH_REQUEST,
				sizeof(req)));
	ASSERT_EQ(0, net_mark(fd, NULL, 0, 1000));
	EXPECT_EQ(0, fault_end(&self->fault, &req));
	req.timeout_ms = 0;
	ASSERT_EQ(0, getsockopt(fd, SOL_IP, SOCKAUTH_REQUEST, &req, &len));
	EXPECT_EQ(2000, req.timeout_ms);
	close(fd);
}

/* What the place is taken by is what ss(8) and TCP_ULP tell. */
TEST_F(late, name)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	ASSERT_EQ(EINPROGRESS, late_mark(self));
	ASSERT_EQ(0, getsockopt(self->pair[0], SOL_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("sockauth", name);
	EXPECT_EQ(sizeof(name), len);
	/* As much as there is room for, with TCP's own idea of its length. */
	len = 4;
	ASSERT_EQ(0, getsockopt(self->pair[0], SOL_TCP, TCP_ULP, name, &len));
	EXPECT_EQ(4, len);
	len = 256;
	ASSERT_EQ(0, getsockopt(self->pair[0], SOL_TCP, TCP_ULP, name, &len));
	EXPECT_EQ(sizeof(name), len);
	len = sizeof(name);
	EXPECT_EQ(-1, getsockopt(self->pair[0], SOL_TCP, TCP_ULP, NULL, &len));
	EXPECT_EQ(EFAULT, errno);
}

SOCKAUTH_HARNESS_MAIN
