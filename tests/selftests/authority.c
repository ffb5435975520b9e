// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may speak for the security package: only the port that was asked, with
 * the id and the leg that it was asked with; and who may ask for what.
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
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define NOBODY	65534

/* Connections on which a worker tries to answer too early. */
#define EARLY	100

FIXTURE(authority)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
	int			client;
};

/* A connection that the worker has been asked about. */
FIXTURE_SETUP(authority)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, fw_ask(&self->fw, &self->event, &self->listener,
			    &self->client));
}

FIXTURE_TEARDOWN(authority)
{
	close(self->client);
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

static struct fw_reply done(const struct fw_event *event)
{
	return (struct fw_reply) {
		.id = event->id,
		.leg = event->leg,
		.status = SOCKAUTH_STEP_DONE,
		.consumed = event->token_len,
	};
}

TEST_F(authority, event)
{
	static const char hello[] = "\x16\x03\x01\x00\x05hello";

	EXPECT_EQ(1, self->event->leg);
	EXPECT_NE(0, self->event->id);
	EXPECT_FALSE(self->event->malformed);
	ASSERT_EQ(sizeof(hello) - 1, self->event->token_len);
	EXPECT_EQ(0, memcmp(hello, self->event->token, sizeof(hello) - 1));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

/* Who sets ALPN has not asked for anything: the daemon acts for who has. */
TEST_F(authority, who_asked)
{
	int listener = net_tcp(AF_INET), client;

	ASSERT_GE(listener, 0);
	ASSERT_EQ(0, setegid(NOBODY));
	ASSERT_EQ(0, seteuid(NOBODY));
	ASSERT_EQ(0, net_mark(listener, NULL, 0, 0));
	ASSERT_EQ(0, seteuid(0));
	ASSERT_EQ(0, setegid(0));
	ASSERT_EQ(0, setsockopt(listener, IPPROTO_IP, SOCKAUTH_ALPN, "\x02h2",
				3));
	ASSERT_EQ(0, net_bind(listener));
	ASSERT_EQ(0, net_listen(listener, 8));
	client = fw_hello_to(listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(NOBODY, self->event->uid);
	close(client);
	close(listener);
}

TEST_F(authority, other_port)
{
	struct fw_reply reply = done(self->event);
	struct fakeworker *other;

	/* Privileged, but no worker. */
	ASSERT_EQ(0, fw_open(&other));
	EXPECT_NE(0, fw_reply(other, &reply));
	/* A worker, but not the one that was asked. */
	ASSERT_EQ(0, fw_bind(other, 8, NULL));
	EXPECT_EQ(-ENOENT, fw_reply(other, &reply));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
	fw_close(other);
}

TEST_F(authority, wrong_leg)
{
	struct fw_reply reply = done(self->event);

	reply.leg++;
	EXPECT_EQ(-ESTALE, fw_reply(self->fw, &reply));
	reply.leg = 0;
	EXPECT_NE(0, fw_reply(self->fw, &reply));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

TEST_F(authority, wrong_id)
{
	struct fw_reply reply = done(self->event);

	reply.id++;
	EXPECT_EQ(-ENOENT, fw_reply(self->fw, &reply));
	reply.id = 0;
	EXPECT_NE(0, fw_reply(self->fw, &reply));
	reply.id = self->event->id | 1ULL << 32;
	EXPECT_EQ(-ENOENT, fw_reply(self->fw, &reply));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

TEST_F(authority, answered_twice)
{
	struct fw_reply reply = done(self->event);
	int err;

	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
	err = fw_reply(self->fw, &reply);
	EXPECT_TRUE(err == -ESTALE || err == -ENOENT) {
		TH_LOG("the second answer got %d", err);
	}
}

/* What sends the same answer again and again, until it is told to stop. */
struct oracle {
	struct fakeworker	*fw;
	char			answer[256];
	bool			stop;
};

static void *guess(void *arg)
{
	struct oracle *o = arg;

	while (!__atomic_load_n(&o->stop, __ATOMIC_RELAXED))
		fw_send(o->fw, (struct nlmsghdr *)o->answer);
	return NULL;
}

/* The refusal of the leg behind that of EVENT. */
static void refuse_next(struct oracle *o, const struct fw_event *event)
{
	struct nlmsghdr *nlh = fw_begin(o->fw, SOCKAUTH_CMD_STEP);

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, event->id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, event->leg + 1);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATUS, SOCKAUTH_STEP_FAIL);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, 0);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON, SOCKAUTH_REASON_OTHER);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, EACCES);
	memcpy(o->answer, nlh, nlh->nlmsg_len);
}

/* A worker that answers while, or before, it is asked. */
TEST_F(authority, answered_early)
{
	int plain = net_listener(AF_INET), client, peer, err, i;
	struct oracle oracle = { .fw = self->fw };
	pthread_t thread;

	ASSERT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
	for (i = 0; i < EARLY; i++) {
		client = net_marked_client(plain);
		ASSERT_GE(client, 0);
		peer = accept(plain, NULL, NULL);
		ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, fw_continue(self->fw, self->event));
		refuse_next(&oracle, self->event);
		oracle.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, guess, &oracle));
		ASSERT_EQ(0, fw_hello(peer));
		EXPECT_TRUE(net_wait(client, POLLIN, PATIENCE_MS));
		__atomic_store_n(&oracle.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		close(client);
		close(peer);
		/* It does not fit, all that was said to that. */
		do {
			err = fw_next(self->fw, self->event, 0);
			if (!err && self->event->cmd == SOCKAUTH_CMD_CLOSE)
				fw_closed(self->fw);
		} while (!err || err == -ENOBUFS);
		ASSERT_EQ(-ETIMEDOUT, err);
	}
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
	close(client);
	close(plain);
}

/* The next leg has the next number, and the same id. */
TEST_F(authority, legs)
{
	struct fw_reply reply = done(self->event);
	uint64_t id = self->event->id;
	char buf[5];

	reply.status = SOCKAUTH_STEP_CONTINUE;
	reply.token = "more!";
	ASSERT_EQ(0, fw_reply(self->fw, &reply));
	ASSERT_EQ(0, net_read(self->client, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp("more!", buf, sizeof(buf)));
	/* Nothing is asked before the peer has said something. */
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));
	ASSERT_EQ(0, fw_hello(self->client));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(id, self->event->id);
	EXPECT_EQ(2, self->event->leg);
	EXPECT_EQ(-ESTALE, fw_reply(self->fw, &reply));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

TEST_F(authority, consumes_too_much)
{
	struct fw_reply reply = done(self->event);

	reply.consumed++;
	EXPECT_EQ(-EINVAL, fw_reply(self->fw, &reply));
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

static void drop_privileges(struct __test_metadata *_metadata)
{
	ASSERT_EQ(0, setgid(NOBODY));
	ASSERT_EQ(0, setuid(NOBODY));
}

TEST_F(authority, unprivileged_bind)
{
	struct fakeworker *other;

	ASSERT_EQ(0, fw_open(&other));
	drop_privileges(_metadata);
	EXPECT_EQ(-EPERM, fw_bind(other, 8, NULL));
	fw_close(other);
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

/* From a socket that was opened as root, and from one that was not. */
TEST_F(authority, unprivileged_step)
{
	struct fw_reply reply = done(self->event);
	struct fakeworker *before, *after;

	ASSERT_EQ(0, fw_open(&before));
	drop_privileges(_metadata);
	ASSERT_EQ(0, fw_open(&after));
	EXPECT_EQ(-ENOENT, fw_reply(before, &reply));
	EXPECT_EQ(-ENOENT, fw_reply(after, &reply));
	fw_close(before);
	fw_close(after);
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

/* The bound port is the authority: a worker drops its privileges. */
TEST_F(authority, unprivileged_worker)
{
	drop_privileges(_metadata);
	EXPECT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
}

TEST_F(authority, unprivileged_administration)
{
	static const uint8_t dumps[] = {
		SOCKAUTH_CMD_CONN_GET, SOCKAUTH_CMD_LISTENER_GET,
		SOCKAUTH_CMD_WORKER_GET,
	};
	struct fakeworker *other;
	size_t i;

	ASSERT_EQ(0, fw_open(&other));
	for (i = 0; i < sizeof(dumps); i++)
		EXPECT_EQ(0, fw_command(other, dumps[i], true));
	fw_close(other);

	drop_privileges(_metadata);
	ASSERT_EQ(0, fw_open(&other));
	for (i = 0; i < sizeof(dumps); i++)
		EXPECT_EQ(-EPERM, fw_command(other, dumps[i], true));
	EXPECT_EQ(-EPERM, fw_command(other, SOCKAUTH_CMD_LIMITS_SET, false));
	EXPECT_EQ(-EPERM, fw_command(other, SOCKAUTH_CMD_CONN_KILL, false));
	/* Counters are for everybody. */
	EXPECT_EQ(0, fw_command(other, SOCKAUTH_CMD_STATS_GET, false));
	fw_close(other);
}

/* What a worker refuses never reaches the application; the peer is told. */
TEST_F(authority, fail)
{
	struct fw_reply reply = done(self->event);
	char buf[8];

	reply.status = SOCKAUTH_STEP_FAIL;
	reply.token = "no";
	reply.reason = SOCKAUTH_REASON_BAD_CRED;
	reply.error = EACCES;
	reply.text = "the test says no";
	ASSERT_EQ(0, fw_reply(self->fw, &reply));
	EXPECT_EQ(0, net_read(self->client, buf, 2));
	EXPECT_EQ(0, memcmp("no", buf, 2));
	EXPECT_EQ(-ENODATA, net_read(self->client, buf, 1));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, QUIET_MS));
	EXPECT_EQ(1, fw_failed(SOCKAUTH_REASON_BAD_CRED));
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_OTHER));
}

/* A worker never has more events than its window, and loses none. */
TEST_F(authority, window)
{
	enum { N = 5 };
	struct fakeworker *narrow;
	int client[N], i;

	ASSERT_EQ(0, fw_still_served(self->fw, self->event, self->listener));
	fw_close(self->fw);
	ASSERT_EQ(0, fw_open(&narrow));
	self->fw = narrow;
	ASSERT_EQ(0, fw_bind(narrow, 1, NULL));
	for (i = 0; i < N; i++) {
		client[i] = net_connect_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_hello(client[i]));
	}
	for (i = 0; i < N; i++) {
		ASSERT_EQ(0, fw_next(narrow, self->event, PATIENCE_MS));
		EXPECT_EQ(-ETIMEDOUT, fw_next(narrow, self->event, QUIET_MS));
		ASSERT_EQ(0, fw_still_served(narrow, self->event,
					  self->listener));
		close(client[i]);
	}
}

/* Whoever is bound without a window is asked nothing until it has one. */
TEST_F(authority, no_window)
{
	int client;

	fw_close(self->fw);
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 0, NULL));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, QUIET_MS));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	close(client);
}

SOCKAUTH_HARNESS_MAIN
