// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Endings: listeners that close, workers that die, peers that go, time that
 * runs out. Each connection ends once, under its own reason.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

FIXTURE(lifecycle)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
};

FIXTURE_SETUP(lifecycle)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_tcp(AF_INET);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(lifecycle)
{
	if (self->listener >= 0)
		close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

static int start(int listener, uint32_t timeout_ms)
{
	int err = net_mark(listener, NULL, 0, timeout_ms);

	if (!err)
		err = net_bind(listener);
	return err ? err : net_listen(listener, 128);
}

/* The peer sees the end, by FIN or by RST. */
static bool ended(int fd)
{
	char c;
	int err = net_read(fd, &c, 1);

	return err == -ENODATA || err == -ECONNRESET;
}

/* The worker is told that it may forget. */
static bool told_to_forget(struct fakeworker *fw, uint64_t id)
{
	struct fw_event *event = malloc(sizeof(*event));
	bool told;

	told = event && !fw_next(fw, event, PATIENCE_MS) &&
	       event->cmd == SOCKAUTH_CMD_CLOSE && event->id == id &&
	       !fw_closed(fw);
	free(event);
	return told;
}

/* Some silent, one asked about, one between two legs, one ready. */
TEST_F(lifecycle, listener_closed)
{
	struct fw_event *asked, *between;
	struct fw_reply late = { .status = SOCKAUTH_STEP_DONE };
	int client[4], i, err;

	asked = malloc(sizeof(*asked));
	between = malloc(sizeof(*between));
	ASSERT_TRUE(asked && between);
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 0));
	client[0] = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	client[1] = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, between, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, between));
	/* Says nothing; it has been taken when the next one is asked about. */
	client[3] = net_connect_to(self->listener);
	ASSERT_GE(client[3], 0);
	client[2] = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, asked, PATIENCE_MS));

	ASSERT_EQ(0, close(self->listener));
	self->listener = -1;
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(ended(client[i])) {
			TH_LOG("client %d", i);
		}
		close(client[i]);
	}
	EXPECT_TRUE(told_to_forget(self->fw, between->id));
	late.id = asked->id;
	late.leg = asked->leg;
	late.consumed = asked->token_len;
	err = fw_reply(self->fw, &late);
	EXPECT_TRUE(err == -ESTALE || err == -ENOENT);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_CANCELLED, 4));
	free(asked);
	free(between);
}

TEST_F(lifecycle, time_out_silent)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 300));
	client = net_connect_to(self->listener);
	ASSERT_GE(client, 0);
	EXPECT_TRUE(ended(client));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_TIMEOUT, 1));
	/* Nobody was asked about a stranger who said nothing. */
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, 0));
	close(client);
}

/* Half of a record is nothing yet. */
TEST_F(lifecycle, time_out_half_a_record)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 300));
	client = net_connect_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, net_write(client, "\x16\x03\x01\x00\x05hell", 9));
	EXPECT_TRUE(ended(client));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_TIMEOUT, 1));
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, 0));
	close(client);
}

/*
 * A worker that was asked and says nothing cannot hold anybody for ever; what it
 * says in the end gives its only credit back, once.
 */
TEST_F(lifecycle, time_out_worker)
{
	struct fw_event *other = malloc(sizeof(*other));
	int client[2], i;

	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, fw_bind(self->fw, 1, NULL));
	ASSERT_EQ(0, start(self->listener, 300));
	client[0] = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_TRUE(ended(client[0]));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_TIMEOUT, 1));
	EXPECT_EQ(-ENOENT, fw_done(self->fw, self->event));
	EXPECT_EQ(-ENOENT, fw_done(self->fw, self->event));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, QUIET_MS));
	close(client[0]);

	close(self->listener);
	self->listener = net_tcp(AF_INET);
	ASSERT_EQ(0, start(self->listener, 60000));
	for (i = 0; i < 2; i++)
		client[i] = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, other, QUIET_MS));
	EXPECT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	for (i = 0; i < 2; i++)
		close(client[i]);
	free(other);
}

TEST_F(lifecycle, no_worker)
{
	int client;

	ASSERT_EQ(0, start(self->listener, 500));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	EXPECT_FALSE(net_wait(client, POLLIN, QUIET_MS));
	EXPECT_TRUE(ended(client));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_NO_WORKER, 1));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, 0));
	close(client);
}

/* Whoever waits for a worker is served by the first that comes. */
TEST_F(lifecycle, late_worker)
{
	int client;

	ASSERT_EQ(0, start(self->listener, PATIENCE_MS));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	EXPECT_FALSE(net_wait(self->listener, POLLIN, QUIET_MS));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	close(client);
}

/* Before a token was answered, another worker can begin anew. */
TEST_F(lifecycle, worker_dies_first_leg)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, PATIENCE_MS));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	fw_close(self->fw);
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_WORKER_DIED));
	close(client);
}

/*
 * A token that whoever reads it dies of must not go round for ever; whoever was
 * there twice by chance is served.
 */
TEST_F(lifecycle, workers_die)
{
	int client, i;

	ASSERT_EQ(0, start(self->listener, 0));
	client = fw_hello_to(self->listener);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		EXPECT_FALSE(net_wait(client, POLLIN, 0));
		fw_close(self->fw);
		ASSERT_EQ(0, fw_open(&self->fw));
	}
	EXPECT_TRUE(ended(client));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_WORKER_DIED, 1));
	close(client);

	client = fw_hello_to(self->listener);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		if (i == 2)
			break;
		fw_close(self->fw);
		ASSERT_EQ(0, fw_open(&self->fw));
	}
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	close(client);
}

/* Of what is still in its queue no worker has died. */
TEST_F(lifecycle, workers_die_unheard)
{
	int plain = net_listener(AF_INET), fd = net_marked_client(plain), i;
	struct nlmsghdr *nlh;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 5; i++) {
		ASSERT_TRUE(net_reaches(fd, SOCKAUTH_STATE_WAIT_WORKER));
		nlh = fw_begin(self->fw, SOCKAUTH_CMD_WORKER_BIND);
		mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 8);
		ASSERT_EQ(0, fw_send(self->fw, nlh));
		ASSERT_TRUE(net_reaches(fd, SOCKAUTH_STATE_ASKED));
		fw_close(self->fw);
		ASSERT_EQ(0, fw_open(&self->fw));
	}
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_reaches(fd, SOCKAUTH_STATE_OPEN));
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_WORKER_DIED));
	close(fd);
	close(plain);
}

/* A socket that could not connect has been guarded; its children are TCP's own. */
TEST_F(lifecycle, listens_after_all)
{
	int plain = net_listener(AF_INET6), fd = net_tcp(AF_INET6), client;
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_EQ(0, net_address(plain, &addr, &len));
	close(plain);
	ASSERT_EQ(0, net_mark(fd, NULL, 0, 0));
	ASSERT_EQ(-1, connect(fd, (struct sockaddr *)&addr, len));
	ASSERT_EQ(ECONNREFUSED, errno);
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, net_listen(fd, 128));
	client = fw_hello_to(fd);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	plain = fw_let_in(self->fw, self->event, fd);
	ASSERT_GE(plain, 0);
	EXPECT_EQ(1, write(plain, "x", 1));
	EXPECT_TRUE(net_wait(client, POLLIN, PATIENCE_MS));
	close(plain);
	close(client);
	close(fd);
}

/* Between legs its context is lost, and with it the connection. */
TEST_F(lifecycle, worker_dies_later_leg)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, PATIENCE_MS));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
	fw_close(self->fw);
	self->fw = NULL;
	EXPECT_TRUE(ended(client));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_WORKER_DIED, 1));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, QUIET_MS));
	close(client);
}

/* An established connection does not need anybody. */
TEST_F(lifecycle, worker_dies_established)
{
	int client, server;
	char buf[4];

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 0));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	fw_close(self->fw);
	self->fw = NULL;
	ASSERT_EQ(0, net_ktls(client, true));
	ASSERT_EQ(0, net_write(client, "abc", 3));
	EXPECT_EQ(0, net_read(server, buf, 3));
	close(server);
	close(client);
}

static void reset(int fd)
{
	struct linger off = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(fd);
}

TEST_F(lifecycle, peer_closed)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 0));
	client = net_connect_to(self->listener);
	ASSERT_GE(client, 0);
	close(client);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_PEER_CLOSED, 1));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, 0));
}

TEST_F(lifecycle, peer_reset)
{
	int client;

	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 0));
	/* Silent, then asked about, then between two legs. */
	client = net_connect_to(self->listener);
	reset(client);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_PEER_RESET, 1));

	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	reset(client);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_PEER_RESET, 2));
	EXPECT_NE(0, fw_done(self->fw, self->event));

	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
	reset(client);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_PEER_RESET, 3));
	EXPECT_TRUE(told_to_forget(self->fw, self->event->id));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, 0));
}

/* A peer that closes when the other threads of the test do. */
struct closing {
	pthread_barrier_t	*barrier;
	int			fd;
};

static void *close_together(void *arg)
{
	struct closing *closing = arg;

	pthread_barrier_wait(closing->barrier);
	close(closing->fd);
	return NULL;
}

/*
 * What keeps a connection for its peer's last words may find them said before
 * it has begun. Where it does, and it is used afterwards, KASAN tells.
 */
TEST_F_TIMEOUT(lifecycle, both_close_at_once, 300)
{
	enum { N = 200 };
	pthread_barrier_t barrier;
	struct closing closing = { .barrier = &barrier };
	pthread_t thread;
	int i, server;

	ASSERT_EQ(0, pthread_barrier_init(&barrier, NULL, 2));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, start(self->listener, 0));
	for (i = 0; i < N; i++) {
		closing.fd = fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, fw_done(self->fw, self->event));
		ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
		server = accept(self->listener, NULL, NULL);
		ASSERT_GE(server, 0);
		ASSERT_EQ(0, net_ktls(closing.fd, true));
		ASSERT_EQ(0, pthread_create(&thread, NULL, close_together,
					    &closing));
		pthread_barrier_wait(&barrier);
		close(server);
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
	pthread_barrier_destroy(&barrier);
}

SOCKAUTH_HARNESS_MAIN
