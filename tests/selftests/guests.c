// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guests: connections of a network namespace without workers that those of the
 * initial one serve, if its administrator lets them; and what they cannot do to
 * the host.
 *
 *   initial namespace                     a container's, new for each test
 *   -----------------                     --------------------------------
 *   self->fw, a worker; limit "guests"    self->listener, no worker
 *
 * Runs in the initial namespace, where nobody else is a worker: see
 * tests/selftests/no-daemon-guests.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define NOBODY	65534
#define WINDOW	4

FIXTURE(guests)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			host;		/* namespaces */
	int			container;
	int			listener;	/* in the container */
};

/* This thread's network namespace, as setns(2) takes it. */
static int namespace_now(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int enter(int namespace)
{
	return setns(namespace, CLONE_NEWNET) ? -errno : 0;
}

static int listener_of(const char *profile, uint32_t timeout_ms)
{
	int fd = net_tcp(AF_INET), err;

	if (fd < 0)
		return fd;
	err = net_mark(fd, profile, 0, timeout_ms);
	if (!err)
		err = net_bind(fd);
	if (!err)
		err = net_listen(fd, 64);
	if (!err)
		return fd;
	close(fd);
	return err;
}

FIXTURE_SETUP(guests)
{
	memset(self, 0, sizeof(*self));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->host = namespace_now();
	ASSERT_GE(self->host, 0);
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, WINDOW, "spare"));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_GUESTS, 64));
	ASSERT_EQ(0, net_enter_namespace());
	self->container = namespace_now();
	ASSERT_GE(self->container, 0);
	self->listener = listener_of(NULL, 60000);
	ASSERT_GE(self->listener, 0);
	ASSERT_EQ(0, enter(self->host));
}

FIXTURE_TEARDOWN(guests)
{
	struct fakeworker *fw;

	close(self->listener);
	close(self->container);
	fw_close(self->fw);
	free(self->event);
	/* The test may have closed the worker, or be elsewhere. */
	EXPECT_EQ(0, enter(self->host));
	EXPECT_EQ(0, fw_open(&fw));
	EXPECT_EQ(0, fw_limit(fw, SOCKAUTH_A_LIMIT_GUESTS, 0));
	fw_close(fw);
	close(self->host);
}

/* A client of LISTENER, which is in NAMESPACE, that has sent its record. */
static int hello_to(int namespace, int host, int listener)
{
	int fd, err = enter(namespace);

	if (err)
		return err;
	fd = net_connect_to(listener);
	err = enter(host);
	if (fd >= 0 && !err)
		err = fw_hello(fd);
	return err ? err : fd;
}

static int guest_hello(const FIXTURE_DATA(guests) *self)
{
	return hello_to(self->container, self->host, self->listener);
}

/* Begin to connect to LISTENER; the other side is no marked socket. */
static int begin_client(int listener)
{
	int fd = net_tcp(AF_INET);
	struct sockaddr_in6 addr;
	socklen_t len;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (net_mark(fd, NULL, 0, 60000) || net_address(listener, &addr, &len))
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, len) && errno != EINPROGRESS)
		return -errno;
	return fd;
}

/* CLIENT is let in, and what it sends arrives. */
static int served(struct fakeworker *fw, struct fw_event *event, int listener,
		  int client)
{
	int server, err;
	char c = 0;

	if (client < 0)
		return client;
	err = fw_next_step(fw, event, PATIENCE_MS);
	if (!err)
		err = fw_done(fw, event);
	if (!err && !net_wait(listener, POLLIN, PATIENCE_MS))
		err = -ETIMEDOUT;
	if (err)
		return err;
	server = accept(listener, NULL, NULL);
	if (server < 0)
		return -errno;
	err = net_ktls(client, true);
	if (!err)
		err = net_write(client, "x", 1);
	if (!err)
		err = net_read(server, &c, 1);
	close(server);
	close(client);
	return err ? err : c == 'x' ? 0 : -EBADMSG;
}

/* Wait until N connections of the container have ended for REASON. */
static bool counted(const FIXTURE_DATA(guests) *self,
		    enum sockauth_reason reason, int64_t n)
{
	int64_t failed = -1;
	int tries;

	for (tries = 0; failed < n && tries < PATIENCE_MS / 10; tries++) {
		if (tries)
			usleep(10000);
		if (enter(self->container))
			return false;
		failed = fw_failed(reason);
		if (enter(self->host))
			return false;
	}
	return failed == n;
}

/* No namespace has guests before its administrator says so. */
TEST_F(guests, default)
{
	struct fakeworker *fw;
	int listener, client;

	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_GUESTS, 0));
	ASSERT_EQ(0, enter(self->container));
	listener = listener_of(NULL, 300);
	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, enter(self->host));
	client = hello_to(self->container, self->host, listener);
	ASSERT_GE(client, 0);
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_NO_WORKER, 1));
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, 0));

	/* Only the host's administrator does. */
	ASSERT_EQ(0, enter(self->container));
	ASSERT_EQ(0, fw_open(&fw));
	EXPECT_EQ(-EINVAL, fw_limit(fw, SOCKAUTH_A_LIMIT_GUESTS, 1));
	fw_close(fw);
	close(client);
	close(listener);
}

/* Both sides, and the event says where it comes from. */
TEST_F(guests, served)
{
	int client = guest_hello(self), plain;
	uint64_t cookie;

	EXPECT_EQ(0, served(self->fw, self->event, self->listener, client));
	cookie = self->event->netns;
	EXPECT_NE(0, cookie);
	EXPECT_EQ(0, self->event->uid);

	ASSERT_EQ(0, enter(self->container));
	plain = net_listener(AF_INET);
	ASSERT_GE(plain, 0);
	ASSERT_EQ(0, seteuid(NOBODY));
	client = begin_client(plain);
	ASSERT_EQ(0, seteuid(0));
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, enter(self->host));
	ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(cookie, self->event->netns);
	EXPECT_EQ(NOBODY, self->event->uid);
	EXPECT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(client, POLLOUT, PATIENCE_MS));
	close(client);
	close(plain);

	/* The host's own look different. */
	plain = listener_of(NULL, 60000);
	client = hello_to(self->host, self->host, plain);
	EXPECT_EQ(0, served(self->fw, self->event, plain, client));
	EXPECT_NE(cookie, self->event->netns);
	close(plain);
}

/* setsockopt() knows whose profiles count. */
TEST_F(guests, profiles)
{
	int fd = net_tcp(AF_INET);

	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(0, enter(self->container));
	fd = net_tcp(AF_INET);
	EXPECT_EQ(-ENOENT, net_mark(fd, "other", 0, 0));
	EXPECT_EQ(0, net_mark(fd, "spare", 0, 0));
	close(fd);
	fd = net_tcp(AF_INET);
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_GUESTS, 0));
	EXPECT_EQ(0, net_mark(fd, "other", 0, 0));
	close(fd);
}

/*
 * A daemon of the container takes over, and when it is gone nobody takes its
 * place: the host's would let in others than its administrator wants.
 */
TEST_F(guests, own_worker)
{
	struct fakeworker *own;
	int begun = guest_hello(self), client, listener;

	ASSERT_GE(begun, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, enter(self->container));
	ASSERT_EQ(0, fw_open(&own));
	ASSERT_EQ(0, fw_bind(own, WINDOW, NULL));
	/* It can neither answer what the host's was asked... */
	EXPECT_EQ(-ENOENT, fw_done(own, self->event));
	EXPECT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	close(accept(self->listener, NULL, NULL));
	/* ...nor is the host's asked what is its business. */
	client = hello_to(self->container, self->container, self->listener);
	EXPECT_EQ(0, served(own, self->event, self->listener, client));
	EXPECT_EQ(-ETIMEDOUT, fw_next_step(self->fw, self->event, 0));

	fw_close(own);
	listener = listener_of(NULL, 300);
	ASSERT_GE(listener, 0);
	client = hello_to(self->container, self->container, listener);
	ASSERT_GE(client, 0);
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_NO_WORKER, 1));
	EXPECT_EQ(-ETIMEDOUT, fw_next_step(self->fw, self->event, 0));
	close(listener);
	close(client);
	close(begun);
}

/*
 * A flood of guests, none of which is answered, and then a connection of the
 * host: it is asked about at once. With the whole window unanswered it is the
 * host's turn first, whoever waited longer.
 */
TEST_F(guests, host_first)
{
	enum { FLOOD = 20, OWN = 3 };
	int flood[FLOOD], client[OWN], plain = listener_of(NULL, 60000), i;
	uint64_t guest = 0;

	ASSERT_GE(plain, 0);
	for (i = 0; i < FLOOD; i++) {
		flood[i] = guest_hello(self);
		ASSERT_GE(flood[i], 0);
	}
	for (i = 0; i < WINDOW / 2; i++)
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	guest = self->event->netns;
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));

	for (i = 0; i < OWN; i++) {
		client[i] = hello_to(self->host, self->host, plain);
		ASSERT_GE(client[i], 0);
	}
	for (i = 0; i < WINDOW / 2; i++) {
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		EXPECT_NE(guest, self->event->netns);
	}
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));

	/* One is answered: the third of the host's own is next, */
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_NE(guest, self->event->netns);
	/* and guests only when half of the window is free again. */
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));
	for (i = 0; i < FLOOD; i++)
		close(flood[i]);
	for (i = 0; i < OWN; i++)
		close(client[i]);
	close(plain);
}

/* The same where the flood has begun already, and goes on with next legs. */
TEST_F(guests, host_first_between_legs)
{
	enum { FLOOD = 12 };
	int flood[FLOOD], client, plain = listener_of(NULL, 60000), i;

	ASSERT_GE(plain, 0);
	for (i = 0; i < FLOOD; i++) {
		flood[i] = guest_hello(self);
		ASSERT_GE(flood[i], 0);
		ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, fw_continue(self->fw, self->event));
	}
	for (i = 0; i < FLOOD; i++)
		ASSERT_EQ(0, fw_hello(flood[i]));
	for (i = 0; i < WINDOW / 2; i++) {
		ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
		EXPECT_EQ(2, self->event->leg);
	}
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));
	client = hello_to(self->host, self->host, plain);
	EXPECT_EQ(0, served(self->fw, self->event, plain, client));
	EXPECT_NE(0, self->event->netns);
	for (i = 0; i < FLOOD; i++)
		close(flood[i]);
	close(plain);
}

/* The container's own limits are its administrator's, these are the host's. */
TEST_F(guests, limits)
{
	enum { LIMIT = 3, MORE = 2 };
	int client[LIMIT + MORE], plain, i;

	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_GUESTS, LIMIT));
	for (i = 0; i < LIMIT + MORE; i++) {
		client[i] = guest_hello(self);
		ASSERT_GE(client[i], 0);
	}
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_EVICTED, MORE));
	for (i = 0; i < LIMIT + MORE; i++)
		close(client[i]);

	/* Applications evict nobody. */
	ASSERT_EQ(0, enter(self->container));
	plain = net_listener(AF_INET);
	for (i = 0; i < LIMIT; i++) {
		client[i] = begin_client(plain);
		EXPECT_GE(client[i], 0);
	}
	EXPECT_EQ(-EAGAIN, begin_client(plain));
	for (i = 0; i < LIMIT; i++)
		close(client[i]);
	close(plain);
}

TEST_F(guests, legs)
{
	int client = guest_hello(self), err;

	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_LEGS, 2));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
	ASSERT_EQ(0, fw_hello(client));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
	ASSERT_EQ(0, fw_hello(client));
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_LIMIT, 1));
	err = fw_limit(self->fw, SOCKAUTH_A_LIMIT_LEGS, 64);
	EXPECT_EQ(0, err);
	close(client);
}

/* Whom the host serves its administrator can end; in the container, too. */
TEST_F(guests, killed)
{
	int client = guest_hello(self);
	struct nlmsghdr *nlh;

	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	nlh = fw_begin(self->fw, SOCKAUTH_CMD_CONN_KILL);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, self->event->id);
	EXPECT_EQ(0, fw_transact(self->fw, nlh));
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_KILLED, 1));
	EXPECT_EQ(-ENOENT, fw_done(self->fw, self->event));
	close(client);
	client = guest_hello(self);
	EXPECT_EQ(0, served(self->fw, self->event, self->listener, client));
}

/* As for its own: who has not been answered yet gets another worker. */
TEST_F(guests, worker_dies)
{
	int client[2], i;

	for (i = 0; i < 2; i++) {
		client[i] = guest_hello(self);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		if (!i)
			ASSERT_EQ(0, fw_continue(self->fw, self->event));
	}
	fw_close(self->fw);
	EXPECT_TRUE(counted(self, SOCKAUTH_REASON_WORKER_DIED, 1));
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, WINDOW, NULL));
	EXPECT_EQ(0, served(self->fw, self->event, self->listener, client[1]));
	close(client[0]);
}

/*
 * In a process of its own, in a container: more guests than the host's worker
 * may be asked about, which it does not answer. Never returns.
 */
static void fill(int in, int out)
{
	int listener, i;
	char c;

	if (net_enter_namespace() || write(out, "!", 1) != 1 ||
	    read(in, &c, 1) != 1)
		_exit(1);
	listener = listener_of(NULL, 60000);
	for (i = 0; i < 2 * WINDOW; i++) {
		int fd = net_connect_to(listener);

		if (fd < 0 || fw_hello(fd))
			_exit(2);
	}
	for (;;)
		pause();
}

/*
 * The container goes while the worker owes answers and has a context of it, has
 * no credit to be told that, and says nothing. A veth whose other end was there
 * tells that the namespace is really gone.
 */
TEST_F_TIMEOUT(guests, namespace_gone, 180)
{
	int own = listener_of(NULL, 60000), client[WINDOW / 2], i;
	struct fw_event *owed = calloc(WINDOW, sizeof(*owed));
	char command[128], c;
	int up[2], down[2];
	pid_t pid;

	ASSERT_GE(own, 0);
	ASSERT_NE(NULL, owed);
	ASSERT_EQ(0, system("modprobe veth"));
	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	pid = fork();
	if (!pid)
		fill(down[0], up[1]);
	ASSERT_EQ(1, read(up[0], &c, 1));
	snprintf(command, sizeof(command),
		 "ip link add outer type veth peer name inner netns %d", pid);
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(1, write(down[1], "!", 1));

	/* A context, and a window full of the container's events and our own. */
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
	for (i = 0; i < WINDOW; i++) {
		if (i >= WINDOW / 2)
			client[i - WINDOW / 2] = hello_to(self->host,
							  self->host, own);
		ASSERT_EQ(0, fw_next(self->fw, &owed[i], PATIENCE_MS));
	}
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(net_interface_gone("outer"));

	/* Late answers give the credit back. */
	for (i = 0; i < WINDOW; i++)
		EXPECT_EQ(i < WINDOW / 2 ? -ENOENT : 0,
			  fw_done(self->fw, &owed[i]));
	for (i = 0; i < WINDOW / 2; i++)
		close(client[i]);
	close(own);
	client[0] = guest_hello(self);
	EXPECT_EQ(0, served(self->fw, self->event, self->listener, client[0]));
	free(owed);
}

SOCKAUTH_HARNESS_MAIN
