// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An application that keeps its socket locked, in a call whose argument does not
 * come: nobody but itself waits for that, neither the worker, who has others to
 * serve, nor an administrator, behind whom all of generic netlink waits.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakeworker.h"
#include "fault.h"
#include "net.h"

#define NOBODY	65534

/* Sockets of one user, more than the queue of such works has room for. */
#define MANY	520

/* An option of IPv4 that does nothing, four times. */
static const uint8_t nops[4] = { 1, 1, 1, 1 };

FIXTURE(held)
{
	struct fakeworker	*fw;
	struct fakeworker	*admin;
	struct fw_event		*event;
	struct fault		fault;
	int			pair[2];
};

FIXTURE_SETUP(held)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_open(&self->admin));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	ASSERT_EQ(0, net_pair(self->pair));
	ASSERT_EQ(0, fault_open(&self->fault));
}

FIXTURE_TEARDOWN(held)
{
	fault_close(&self->fault);
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->event);
	fw_close(self->admin);
	fw_close(self->fw);
}

static int begin(FIXTURE_DATA(held) *self, uint32_t timeout_ms)
{
	if (fcntl(self->pair[0], F_SETFL, O_NONBLOCK))
		return -errno;
	if (!net_mark(self->pair[0], NULL, SOCKAUTH_REQ_CLIENT, timeout_ms) ||
	    errno != EINPROGRESS)
		return -EPROTO;
	return 0;
}

/* A client whose worker has been asked. */
static int ask(FIXTURE_DATA(held) *self, uint32_t timeout_ms)
{
	int err = begin(self, timeout_ms);

	return err ? err : fw_next(self->fw, self->event, PATIENCE_MS);
}

static bool hold(FIXTURE_DATA(held) *self)
{
	return fault_begin(&self->fault, self->pair[0], SOL_IP, IP_OPTIONS,
			   sizeof(nops));
}

/* It is let go; then it ends with ERROR. */
static bool ends(FIXTURE_DATA(held) *self, int error)
{
	struct sockauth_status st;

	return fault_end(&self->fault, nops) >= 0 &&
	       net_wait(self->pair[0], POLLIN, PATIENCE_MS) &&
	       !net_status(self->pair[0], &st) && (int)st.error == error &&
	       st.state == SOCKAUTH_STATE_ENDED;
}

static int kill_it(FIXTURE_DATA(held) *self)
{
	struct nlmsghdr *nlh = fw_begin(self->admin, SOCKAUTH_CMD_CONN_KILL);

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, self->event->id);
	return fw_transact(self->admin, nlh);
}

/* The time-out is counted first; then it waits for the socket. */
#define TIMED_OUT()	fw_counted(SOCKAUTH_REASON_TIMEOUT, 1)

TEST_F(held, reply)
{
	struct sockauth_status st;

	ASSERT_EQ(0, ask(self, 60000));
	ASSERT_TRUE(hold(self));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_FALSE(net_wait(self->pair[0], POLLOUT, QUIET_MS));
	ASSERT_EQ(0, fault_end(&self->fault, nops));
	ASSERT_TRUE(net_wait(self->pair[0], POLLOUT, PATIENCE_MS));
	EXPECT_EQ(0, net_status(self->pair[0], &st));
	EXPECT_EQ(SOCKAUTH_STATE_OPEN, st.state);
}

TEST_F(held, reply_after_time_out)
{
	ASSERT_EQ(0, ask(self, 500));
	ASSERT_TRUE(hold(self));
	ASSERT_TRUE(TIMED_OUT());
	EXPECT_EQ(-ENOENT, fw_done(self->fw, self->event));
	EXPECT_TRUE(ends(self, ETIMEDOUT));
}

TEST_F(held, show)
{
	ASSERT_EQ(0, ask(self, 500));
	ASSERT_TRUE(hold(self));
	ASSERT_TRUE(TIMED_OUT());
	EXPECT_EQ(0, fw_command(self->admin, SOCKAUTH_CMD_CONN_GET, true));
	EXPECT_TRUE(ends(self, ETIMEDOUT));
}

/* Credit is for those who can use it, not for who is first and cannot. */
TEST_F(held, credit)
{
	int listener = net_marked_listener(60000, 8), client[2], i;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, fw_bind(self->fw, 1, NULL));
	client[0] = fw_hello_to(listener);
	ASSERT_GE(client[0], 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, begin(self, 60000));
	ASSERT_TRUE(net_reaches(self->pair[0],
				SOCKAUTH_STATE_WAIT_WORKER));
	ASSERT_TRUE(hold(self));
	client[1] = fw_hello_to(listener);
	ASSERT_GE(client[1], 0);
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, listener));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, listener));
	/* Let go, it is its turn. */
	ASSERT_EQ(0, fault_end(&self->fault, nops));
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->pair[0], POLLOUT, PATIENCE_MS));
	for (i = 0; i < 2; i++)
		close(client[i]);
	close(listener);
}

/*
 * This one takes its argument before it locks the socket, and then would have it
 * be another one: with operations of IPv4, and none of ours.
 */
TEST_F(held, addrform)
{
	int fd = net_tcp(AF_INET6), plain = net_listener(AF_INET), peer, port;
	struct sockaddr_in6 addr;
	struct sockauth_status st;
	socklen_t len;
	const int inet = AF_INET;

	/* With nobody to ask, kTLS is not attached yet. */
	fw_close(self->fw);
	ASSERT_EQ(0, fw_open(&self->fw));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ASSERT_EQ(0, net_address(plain, &addr, &len));
	port = ((struct sockaddr_in *)&addr)->sin_port;
	addr = (struct sockaddr_in6) {
		.sin6_family = AF_INET6, .sin6_port = port,
	};
	ASSERT_EQ(1, inet_pton(AF_INET6, "::ffff:127.0.0.1", &addr.sin6_addr));
	ASSERT_TRUE(fault_begin(&self->fault, fd, SOL_IPV6, IPV6_ADDRFORM,
				sizeof(inet)));
	ASSERT_EQ(0, net_mark(fd, NULL, 0, 60000));
	ASSERT_EQ(-1, connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	ASSERT_EQ(EINPROGRESS, errno);
	peer = accept(plain, NULL, NULL);
	ASSERT_GE(peer, 0);
	/* What TCP refuses changes nothing. */
	EXPECT_EQ(-1, listen(fd, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(EBUSY, fault_end(&self->fault, &inet));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	ASSERT_TRUE(net_wait(fd, POLLOUT, PATIENCE_MS));
	EXPECT_EQ(0, net_status(fd, &st));
	EXPECT_EQ(SOCKAUTH_STATE_OPEN, st.state);
	close(fd);
	close(peer);
	close(plain);
}

/* This thread alone: seteuid() waits for all others, which are waiting. */
static int become(uid_t uid)
{
	return syscall(SYS_setresuid, -1, uid, -1);
}

/* Sockets of one user, connected to PLAIN and then locked. */
static int hold_many(struct fault *faults, int *fds, int plain)
{
	int i;

	for (i = 0; i < MANY; i++) {
		fds[i] = net_marked_client(plain);
		if (fds[i] < 0)
			return fds[i];
		close(accept(plain, NULL, NULL));
		if (!fault_begin(&faults[i], fds[i], SOL_IP, IP_OPTIONS,
				 sizeof(nops)))
			return -EIO;
	}
	return 0;
}

/*
 * More of them than there is room for in the queue, and for all of them something
 * has to be done: another user does not notice.
 */
TEST_F_TIMEOUT(held, others, 300)
{
	static struct fault faults[MANY];
	const struct rlimit files = { 3 * MANY, 3 * MANY };
	int plain = net_listener(AF_INET), fds[MANY], i;
	struct nlmsghdr *nlh;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	fw_close(self->fw);
	ASSERT_EQ(0, fw_open(&self->fw));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, fault_open(&faults[i]));
	ASSERT_EQ(0, become(NOBODY));
	ASSERT_EQ(0, hold_many(faults, fds, plain));
	ASSERT_EQ(0, become(0));
	nlh = fw_begin(self->admin, SOCKAUTH_CMD_CONN_KILL);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "default");
	EXPECT_EQ(0, fw_transact(self->admin, nlh));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	EXPECT_EQ(0, ask(self, 60000));
	EXPECT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->pair[0], POLLOUT, PATIENCE_MS));
	for (i = 0; i < MANY; i++) {
		EXPECT_GE(fault_end(&faults[i], nops), 0);
		fault_close(&faults[i]);
		close(fds[i]);
	}
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_KILLED, MANY));
	close(plain);
}

TEST_F(held, kill)
{
	ASSERT_EQ(0, ask(self, 60000));
	ASSERT_TRUE(hold(self));
	EXPECT_EQ(0, kill_it(self));
	EXPECT_TRUE(ends(self, ECONNABORTED));
	EXPECT_EQ(1, fw_failed(SOCKAUTH_REASON_KILLED));
}

TEST_F(held, kill_established)
{
	ASSERT_EQ(0, ask(self, 60000));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_TRUE(net_wait(self->pair[0], POLLOUT, PATIENCE_MS));
	ASSERT_TRUE(hold(self));
	EXPECT_EQ(0, kill_it(self));
	EXPECT_TRUE(ends(self, ECONNABORTED));
}

/* Children of a listener wait for its application, those of others do not. */
TEST_F(held, listener)
{
	int listener = net_marked_listener(0, 128);
	int other = net_marked_listener(0, 128), clients[3], i;
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_GE(listener, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, net_address(listener, &addr, &len));
	ASSERT_TRUE(fault_begin(&self->fault, listener, SOL_IP, IP_OPTIONS,
				sizeof(nops)));
	for (i = 0; i < 2; i++) {
		clients[i] = net_tcp(addr.sin6_family);
		ASSERT_EQ(0, connect(clients[i], (struct sockaddr *)&addr, len));
		ASSERT_EQ(0, fw_hello(clients[i]));
	}
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));
	clients[2] = fw_hello_to(other);
	ASSERT_GE(clients[2], 0);
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_wait(other, POLLIN, PATIENCE_MS));

	ASSERT_EQ(0, fault_end(&self->fault, nops));
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_wait(listener, POLLIN, PATIENCE_MS));
	for (i = 0; i < 3; i++)
		close(clients[i]);
	close(other);
	close(listener);
}

SOCKAUTH_HARNESS_MAIN
