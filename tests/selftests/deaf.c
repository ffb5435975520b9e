// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Those whom the kernel cannot tell something: workers, administrators and
 * monitors that do not read, so that sending fails. It costs them what they were
 * to be told, and nobody else anything.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

/* Contexts that a worker does not hear the end of; the kernel remembers some. */
#define UNHEARD		1200
#define REMEMBERED	1024

/* Clients, and the tickets that a worker is told of for each: not its window. */
#define CLIENTS		2
#define TICKETS		8

/* Workers, each with as many contexts, and how long one waits for nothing. */
#define DEAF_WORKERS	12
#define PER_WORKER	8
#define DEAF_MS		2000

/* Fills a receive buffer of the usual size. */
#define REQUESTS	1000

#define RECORD_HANDSHAKE	22

FIXTURE(deaf)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
	int			client;
};

/* A connection that the worker has been asked about. */
FIXTURE_SETUP(deaf)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, fw_ask(&self->fw, &self->event, &self->listener,
			    &self->client));
}

FIXTURE_TEARDOWN(deaf)
{
	close(self->client);
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

#define EXPECT_STILL_SERVED()						\
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener))

/* Netlink says once that something did not fit. */
static int next_fitting(struct fakeworker *fw, struct fw_event *event, int ms)
{
	int err = fw_next(fw, event, ms);

	return err == -ENOBUFS ? fw_next(fw, event, ms) : err;
}

/*
 * A worker that takes the room away which its events were granted by. What the
 * kernel cannot tell it ends; what it was told of does not.
 */
TEST_F(deaf, to_steps)
{
	struct fw_event *other = malloc(sizeof(*other));
	int client[2], i, err;
	char c;

	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, fw_room(self->fw, 1));
	for (i = 0; i < 2; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		/* The first event fills the buffer, which nobody reads. */
		usleep(QUIET_MS * 1000);
	}
	err = net_read(client[1], &c, 1);
	EXPECT_TRUE(err == -ENODATA || err == -ECONNRESET);
	EXPECT_EQ(1, fw_failed(SOCKAUTH_REASON_INTERNAL));
	/* There is no room for the kernel's verdict either, before this. */
	ASSERT_EQ(0, next_fitting(self->fw, other, PATIENCE_MS));
	EXPECT_STILL_SERVED();
	EXPECT_EQ(0, fw_still_served(self->fw, other, self->listener));
	/* The credit of the event that could not be sent came back. */
	for (i = 0; i < 20; i++) {
		close(client[0]);
		client[0] = fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next(self->fw, other, PATIENCE_MS));
		ASSERT_EQ(0, fw_still_served(self->fw, other, self->listener));
	}
	close(client[0]);
	close(client[1]);
	free(other);
}

/* N connections to LISTENER of which FW keeps a context each. */
static int open_contexts(struct fakeworker *fw, struct fw_event *event,
			 int listener, int *clients, int n)
{
	int i, err = 0;

	for (i = 0; !err && i < n; i++) {
		clients[i] = fw_hello_to(listener);
		err = clients[i] < 0 ? clients[i] :
		      fw_next(fw, event, PATIENCE_MS);
		if (!err)
			err = fw_continue(fw, event);
	}
	return err;
}

/* What FW is told to forget, all of it, answered. */
static unsigned int forget(struct fakeworker *fw, struct fw_event *event)
{
	unsigned int ids = 0;

	while (!next_fitting(fw, event, QUIET_MS) &&
	       event->cmd == SOCKAUTH_CMD_CLOSE) {
		ids += event->ids;
		fw_closed(fw);
	}
	return ids;
}

/*
 * The same while contexts end: the kernel remembers so many of them, of which the
 * worker hears once it listens, and no more.
 */
TEST_F_TIMEOUT(deaf, to_closes, 900)
{
	int listener = net_marked_listener(600000, UNHEARD), client;
	const struct rlimit files = { UNHEARD + 100, UNHEARD + 100 };
	struct fw_event *event = malloc(sizeof(*event));
	static int clients[UNHEARD];
	unsigned int told;
	int i;

	ASSERT_NE(NULL, event);
	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING, 2 * UNHEARD));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET,
			      2 * UNHEARD));
	ASSERT_EQ(0, open_contexts(self->fw, event, listener, clients, UNHEARD));
	/* The first CLOSE fills the buffer. */
	ASSERT_EQ(0, fw_room(self->fw, 1));
	for (i = 0; i < UNHEARD; i++)
		close(clients[i]);
	ASSERT_TRUE(fw_counted(SOCKAUTH_REASON_PEER_CLOSED, UNHEARD));
	ASSERT_EQ(0, fw_room(self->fw, 1 << 17));
	told = forget(self->fw, event);
	EXPECT_LE(REMEMBERED, told);
	EXPECT_GT(UNHEARD, told);
	client = fw_hello_to(listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next_step(self->fw, event, PATIENCE_MS));
	EXPECT_EQ(0, fw_still_served(self->fw, event, listener));
	close(client);
	close(listener);
	free(event);
}

/* N more connections, one after the other. */
static int serve(struct fakeworker *fw, struct fw_event *event, int listener,
		 int n)
{
	int client, err = 0;

	while (!err && n--) {
		client = fw_hello_to(listener);
		if (client < 0)
			return client;
		err = fw_next_step(fw, event, PATIENCE_MS);
		if (!err)
			err = fw_still_served(fw, event, listener);
		close(client);
	}
	return err;
}

/* A client that is open, and its PEER, which can give it tickets. */
static int open_client(struct fakeworker *fw, struct fw_event *event,
		       int plain, int *peer)
{
	struct fw_reply reply = {
		.status = SOCKAUTH_STEP_DONE,
		.blob = "secret",
	};
	int fd = net_marked_client(plain), err;

	if (fd < 0)
		return fd;
	err = fw_next_step(fw, event, PATIENCE_MS);
	reply.id = event->id;
	reply.leg = event->leg;
	if (!err)
		err = fw_reply(fw, &reply);
	if (!err && !net_wait(fd, POLLOUT, PATIENCE_MS))
		err = -ETIMEDOUT;
	*peer = accept(plain, NULL, NULL);
	if (!err)
		err = *peer < 0 ? -errno : net_ktls(*peer, true);
	return err ? err : fd;
}

/* N tickets of PEER's, and data behind them, which alone the client sees. */
static int give_tickets(int peer, int client, int n)
{
	static const uint8_t ticket[] = { 4, 0, 0, 0 };
	int err = 0;
	char c;

	while (!err && n--)
		err = net_write_record(peer, RECORD_HANDSHAKE, ticket,
				       sizeof(ticket));
	if (!err)
		err = net_write(peer, "x", 1);
	return err ? err : net_read(client, &c, 1);
}

/* A ticket that cannot be told of is forgotten; its connection is not. */
TEST_F(deaf, to_tickets)
{
	int plain = net_listener(AF_INET), client[CLIENTS], peer[CLIENTS], i;

	EXPECT_STILL_SERVED();
	for (i = 0; i < CLIENTS; i++) {
		client[i] = open_client(self->fw, self->event, plain, &peer[i]);
		ASSERT_GE(client[i], 0);
	}
	/* With room, it hears of them. */
	ASSERT_EQ(0, give_tickets(peer[0], client[0], 1));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(SOCKAUTH_CMD_RECORD, self->event->cmd);
	ASSERT_EQ(0, fw_command(self->fw, SOCKAUTH_CMD_RECORD, false));
	/* The first one, which nobody reads, takes all of this. */
	ASSERT_EQ(0, fw_room(self->fw, 1));
	for (i = 0; i < CLIENTS; i++)
		EXPECT_EQ(0, give_tickets(peer[i], client[i], TICKETS - 1));
	ASSERT_EQ(0, next_fitting(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(SOCKAUTH_CMD_RECORD, self->event->cmd);
	EXPECT_EQ(-ETIMEDOUT, next_fitting(self->fw, self->event, QUIET_MS));
	/* The credit of those that were not sent came back. */
	ASSERT_EQ(0, fw_command(self->fw, SOCKAUTH_CMD_RECORD, false));
	EXPECT_EQ(-ESTALE, fw_command(self->fw, SOCKAUTH_CMD_RECORD, false));
	ASSERT_EQ(0, fw_room(self->fw, 1 << 17));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener, 20));
	for (i = 0; i < CLIENTS; i++) {
		EXPECT_EQ(0, give_tickets(peer[i], client[i], 0));
		close(client[i]);
		close(peer[i]);
	}
	close(plain);
}

/*
 * Workers that are asked a question which they do not answer, and so have no room
 * for the word that all else is over: there is an end to what is remembered for
 * them, however many of them there are.
 */
TEST_F(deaf, to_many_closes)
{
	struct fakeworker *deaf[DEAF_WORKERS];
	int clients[PER_WORKER + 1], n, i;

	EXPECT_STILL_SERVED();
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, 16));
	fw_close(self->fw);
	for (n = 0; n < DEAF_WORKERS; n++) {
		ASSERT_EQ(0, fw_open(&deaf[n]));
		ASSERT_EQ(0, fw_bind(deaf[n], 1, NULL));
		clients[0] = fw_hello_to(self->listener);
		if (fw_next(deaf[n], self->event, DEAF_MS))
			break;
		ASSERT_EQ(0, fw_continue(deaf[n], self->event));
		ASSERT_EQ(0, open_contexts(deaf[n], self->event, self->listener,
					   clients + 1, PER_WORKER - 1));
		clients[PER_WORKER] = fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next(deaf[n], self->event, PATIENCE_MS));
		for (i = 0; i <= PER_WORKER; i++)
			close(clients[i]);
	}
	/* Four times as many as may be pending. */
	EXPECT_LE(64 / PER_WORKER, n);
	ASSERT_GT(DEAF_WORKERS, n);
	EXPECT_EQ(1, fw_failed(SOCKAUTH_REASON_LIMIT));
	close(clients[0]);
	self->fw = deaf[n];
	while (n--)
		fw_close(deaf[n]);
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener, 20));
}

/* Ask until there is no room for answers, nor for verdicts. */
static int ask_in_vain(struct fakeworker *fw)
{
	static const uint8_t cmds[] = {
		SOCKAUTH_CMD_STATS_GET, SOCKAUTH_CMD_LIMITS_GET,
		SOCKAUTH_CMD_CONN_KILL,
	};
	struct nlmsghdr *nlh;
	int i, err = 0;

	for (i = 0; !err && i < REQUESTS; i++) {
		nlh = fw_begin(fw, cmds[i % sizeof(cmds)]);
		if (cmds[i % sizeof(cmds)] == SOCKAUTH_CMD_CONN_KILL)
			mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, ~0ULL);
		err = fw_send(fw, nlh);
	}
	return err;
}

/* Netlink has said that something did not fit; read what did. */
static int catch_up(struct fakeworker *fw, struct fw_event *event)
{
	bool lost = false;
	int err;

	do {
		err = fw_next(fw, event, QUIET_MS);
		lost |= err == -ENOBUFS;
	} while (!err || err == -ENOBUFS);
	return err != -ETIMEDOUT ? err : lost ? 0 : -EPROTO;
}

TEST_F(deaf, to_answers)
{
	struct fw_event *event = malloc(sizeof(*event));
	struct fakeworker *admin;
	struct nlmsghdr *nlh;

	ASSERT_NE(NULL, event);
	ASSERT_EQ(0, fw_open(&admin));
	ASSERT_EQ(0, ask_in_vain(admin));
	EXPECT_STILL_SERVED();
	ASSERT_EQ(0, catch_up(admin, event));
	EXPECT_EQ(0, fw_command(admin, SOCKAUTH_CMD_STATS_GET, false));
	/* A table that it has no time for. */
	nlh = fw_begin(admin, SOCKAUTH_CMD_CONN_GET);
	nlh->nlmsg_flags |= NLM_F_DUMP;
	EXPECT_EQ(0, fw_send(admin, nlh));
	fw_close(admin);
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener, 1));
	free(event);
}

/* It is bound all the same, and may ask again what was granted. */
TEST_F(deaf, to_the_grant)
{
	struct fakeworker *late;
	struct nlmsghdr *nlh;

	ASSERT_EQ(0, fw_open(&late));
	ASSERT_EQ(0, ask_in_vain(late));
	nlh = fw_begin(late, SOCKAUTH_CMD_WORKER_BIND);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 8);
	ASSERT_EQ(0, fw_send(late, nlh));
	ASSERT_EQ(0, catch_up(late, self->event));
	fw_close(self->fw);
	self->fw = late;
	ASSERT_EQ(0, fw_next_step(late, self->event, PATIENCE_MS));
	EXPECT_EQ(0, fw_bind(late, 8, NULL));
	EXPECT_STILL_SERVED();
}

TEST_F(deaf, to_news)
{
	struct fw_event *event = malloc(sizeof(*event));
	struct fakeworker *monitor;

	ASSERT_NE(NULL, event);
	EXPECT_STILL_SERVED();
	ASSERT_EQ(0, fw_open(&monitor));
	ASSERT_EQ(0, fw_join(monitor));
	ASSERT_EQ(0, fw_room(monitor, 1));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener, 20));
	EXPECT_EQ(0, catch_up(monitor, event));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener, 1));
	ASSERT_EQ(0, fw_next(monitor, event, PATIENCE_MS));
	EXPECT_EQ(SOCKAUTH_CMD_CONN_EVENT, event->cmd);
	fw_close(monitor);
	free(event);
}

SOCKAUTH_HARNESS_MAIN
