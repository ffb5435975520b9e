// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker that answers nonsense: each answer is refused with an errno and with
 * words, and changes nothing, so that the right one still counts.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define SUITE	NET_CIPHER

FIXTURE(nonsense)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
	int			client;
};

/* A connection that the worker has been asked about. */
FIXTURE_SETUP(nonsense)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, fw_ask(&self->fw, &self->event, &self->listener,
			    &self->client));
}

FIXTURE_TEARDOWN(nonsense)
{
	close(self->client);
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

/* Which attributes of a correct answer are left out, as a mask. */
#define WITHOUT(attr)	(1ULL << (attr))

static struct nlmsghdr *answer(struct fakeworker *fw,
			       const struct fw_event *event, uint32_t status,
			       uint64_t without)
{
	struct nlmsghdr *nlh = fw_begin(fw, SOCKAUTH_CMD_STEP);

	if (!(without & WITHOUT(SOCKAUTH_A_ID)))
		mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, event->id);
	if (!(without & WITHOUT(SOCKAUTH_A_LEG)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, event->leg);
	if (!(without & WITHOUT(SOCKAUTH_A_STATUS)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_STATUS, status);
	if (!(without & WITHOUT(SOCKAUTH_A_CONSUMED)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, event->token_len);
	return nlh;
}

/* A nest with a key; a length of -1 leaves the attribute out. */
static void put_key(struct nlmsghdr *nlh, uint16_t type, int key, int iv,
		    int seq)
{
	static const uint8_t zero[64];
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	if (key >= 0)
		mnl_attr_put(nlh, SOCKAUTH_A_KEY, key, zero);
	if (iv >= 0)
		mnl_attr_put(nlh, SOCKAUTH_A_IV, iv, zero);
	if (seq >= 0)
		mnl_attr_put(nlh, SOCKAUTH_A_SEQ, seq, zero);
	mnl_attr_nest_end(nlh, nest);
}

static struct nlmsghdr *done(struct fakeworker *fw,
			     const struct fw_event *event, uint64_t without)
{
	struct nlmsghdr *nlh = answer(fw, event, SOCKAUTH_STEP_DONE, without);

	if (!(without & WITHOUT(SOCKAUTH_A_MECH)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	if (!(without & WITHOUT(SOCKAUTH_A_VERSION)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x0304);
	if (!(without & WITHOUT(SOCKAUTH_A_CIPHER)))
		mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, SUITE);
	if (!(without & WITHOUT(SOCKAUTH_A_TX)))
		put_key(nlh, SOCKAUTH_A_TX, 16, 12, 8);
	if (!(without & WITHOUT(SOCKAUTH_A_RX)))
		put_key(nlh, SOCKAUTH_A_RX, 16, 12, 8);
	return nlh;
}

/* The kernel says ERRNO_WANTED to NLH, and says why. */
#define EXPECT_REFUSED(errno_wanted, nlh) do {				\
	EXPECT_EQ(-(errno_wanted), fw_transact(self->fw, nlh)) {	\
		TH_LOG("said: %s", fw_text(self->fw));			\
	}								\
	EXPECT_NE(0, strlen(fw_text(self->fw))) {			\
		TH_LOG("refused without a word: line %d", __LINE__);	\
	}								\
} while (0)

/*
 * The same message without a fault is taken, and lets the client in: it was the
 * fault that was refused, and nothing else.
 */
static int still_served(struct fakeworker *fw, const struct fw_event *event,
			int listener)
{
	int err, fd;

	if (net_wait(listener, POLLIN, 0))
		return -EEXIST;
	err = fw_transact(fw, done(fw, event, 0));
	if (err)
		return err;
	if (!net_wait(listener, POLLIN, PATIENCE_MS))
		return -ETIMEDOUT;
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

#define EXPECT_STILL_SERVED()						\
	EXPECT_EQ(0, still_served(self->fw, self->event, self->listener))

TEST_F(nonsense, something_missing)
{
	static const uint16_t attrs[] = {
		SOCKAUTH_A_ID, SOCKAUTH_A_LEG, SOCKAUTH_A_STATUS,
		SOCKAUTH_A_CIPHER, SOCKAUTH_A_VERSION, SOCKAUTH_A_MECH,
		SOCKAUTH_A_TX, SOCKAUTH_A_RX,
	};
	size_t i;

	for (i = 0; i < sizeof(attrs) / sizeof(*attrs); i++) {
		EXPECT_REFUSED(EINVAL, done(self->fw, self->event,
					    WITHOUT(attrs[i])));
		EXPECT_NE(NULL, strstr(fw_text(self->fw), "is missing")) {
			TH_LOG("attribute %d: %s", attrs[i],
			       fw_text(self->fw));
		}
	}
	EXPECT_STILL_SERVED();
}

TEST_F(nonsense, ids_and_legs)
{
	struct fw_event other = *self->event;

	other.id = ~0ULL;
	EXPECT_REFUSED(ENOENT, done(self->fw, &other, 0));
	other.id = self->event->id | 1ULL << 63;
	EXPECT_REFUSED(ENOENT, done(self->fw, &other, 0));
	other = *self->event;
	other.leg = ~0U;
	EXPECT_REFUSED(ESTALE, done(self->fw, &other, 0));
	other.leg = self->event->leg - 1;
	EXPECT_REFUSED(ESTALE, done(self->fw, &other, 0));
	EXPECT_STILL_SERVED();
}

TEST_F(nonsense, done_twice)
{
	int err;

	EXPECT_STILL_SERVED();
	err = fw_transact(self->fw, done(self->fw, self->event, 0));
	EXPECT_TRUE(err == -ESTALE || err == -ENOENT);
	EXPECT_NE(0, strlen(fw_text(self->fw)));
}

TEST_F(nonsense, consumed)
{
	struct nlmsghdr *nlh;
	uint32_t i, wrong[] = {
		self->event->token_len + 1, SOCKAUTH_TOKEN_MAX,
	};

	for (i = 0; i < 2; i++) {
		nlh = done(self->fw, self->event,
			   WITHOUT(SOCKAUTH_A_CONSUMED));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, wrong[i]);
		EXPECT_REFUSED(EINVAL, nlh);
	}
	nlh = done(self->fw, self->event, WITHOUT(SOCKAUTH_A_CONSUMED));
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, ~0U);
	EXPECT_REFUSED(ERANGE, nlh);
	/* To go on, and to have used nothing, is to go on for ever. */
	EXPECT_REFUSED(EINVAL, answer(self->fw, self->event,
				      SOCKAUTH_STEP_CONTINUE,
				      WITHOUT(SOCKAUTH_A_CONSUMED)));
	EXPECT_STILL_SERVED();
}

TEST_F(nonsense, keys)
{
	static const struct {
		int key, iv, seq, err;
	} keys[] = {
		{ -1, 12, 8, EINVAL }, { 16, -1, 8, EINVAL },
		{ 16, 12, -1, EINVAL }, { 0, 12, 8, EINVAL },
		{ 15, 12, 8, EINVAL }, { 17, 12, 8, EINVAL },
		{ 32, 12, 8, EINVAL },
	}, sizes[] = {
		{ 33, 12, 8, ERANGE }, { 16, 0, 8, ERANGE },
		{ 16, 11, 8, ERANGE }, { 16, 13, 8, ERANGE },
		{ 16, 12, 4, EINVAL }, { 16, 12, 9, EINVAL },
		{ 16, 12, 0, EINVAL },
	};
	struct nlmsghdr *nlh;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		nlh = done(self->fw, self->event, WITHOUT(SOCKAUTH_A_RX));
		put_key(nlh, SOCKAUTH_A_RX, keys[i].key, keys[i].iv,
			keys[i].seq);
		EXPECT_REFUSED(keys[i].err, nlh);
	}
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		nlh = done(self->fw, self->event, WITHOUT(SOCKAUTH_A_TX));
		put_key(nlh, SOCKAUTH_A_TX, sizes[i].key, sizes[i].iv,
			sizes[i].seq);
		EXPECT_REFUSED(sizes[i].err, nlh);
	}
	EXPECT_STILL_SERVED();
}

TEST_F(nonsense, ciphers)
{
	static const uint32_t suites[] = { 0, 0x1300, 0x1305, 0xc02f, 0xffff };
	struct nlmsghdr *nlh;
	size_t i;

	for (i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
		nlh = done(self->fw, self->event, WITHOUT(SOCKAUTH_A_CIPHER));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, suites[i]);
		EXPECT_REFUSED(EINVAL, nlh);
	}
	nlh = done(self->fw, self->event, WITHOUT(SOCKAUTH_A_CIPHER));
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, 0x10000 | SUITE);
	EXPECT_REFUSED(ERANGE, nlh);
	EXPECT_STILL_SERVED();
}

/* Longer than the header allows. */
TEST_F(nonsense, too_long)
{
	static const struct {
		uint16_t attr;
		uint32_t len;
		int err;
	} longest[] = {
		{ SOCKAUTH_A_TOKEN, SOCKAUTH_OUTPUT_MAX, ERANGE },
		{ SOCKAUTH_A_BLOB, SOCKAUTH_BLOB_MAX, ERANGE },
		{ SOCKAUTH_A_PEER_CRED, SOCKAUTH_PEER_CRED_MAX, ERANGE },
		{ SOCKAUTH_A_ALPN, SOCKAUTH_ALPN_MAX, ERANGE },
		{ SOCKAUTH_A_BINDING, SOCKAUTH_BINDING_LEN, ERANGE },
		/* These have no zero where it has to be at the latest. */
		{ SOCKAUTH_A_PEER_NAME, SOCKAUTH_PEER_NAME_MAX, EINVAL },
		{ SOCKAUTH_A_TEXT, SOCKAUTH_TEXT_MAX, EINVAL },
	};
	char *zero = calloc(1, SOCKAUTH_OUTPUT_MAX + 1);
	struct nlmsghdr *nlh;
	size_t i;

	ASSERT_NE(NULL, zero);
	memset(zero, 'x', SOCKAUTH_OUTPUT_MAX);
	for (i = 0; i < sizeof(longest) / sizeof(*longest); i++) {
		nlh = done(self->fw, self->event, 0);
		mnl_attr_put(nlh, longest[i].attr, longest[i].len + 1, zero);
		EXPECT_REFUSED(longest[i].err, nlh);
	}
	free(zero);
	EXPECT_STILL_SERVED();
}

/* Values that are out of range, or not a worker's to say. */
TEST_F(nonsense, values)
{
	static const struct {
		uint16_t attr;
		uint32_t value;
		int err;
	} values[] = {
		/* From 512 on the kernel talks to itself; 529 is EIOCBQUEUED. */
		{ SOCKAUTH_A_ERROR, 0, ERANGE },
		{ SOCKAUTH_A_ERROR, EHWPOISON + 1, ERANGE },
		{ SOCKAUTH_A_ERROR, 512, ERANGE },
		{ SOCKAUTH_A_ERROR, 529, ERANGE },
		{ SOCKAUTH_A_ERROR, 4095, ERANGE },
		{ SOCKAUTH_A_ERROR, 4096, ERANGE },
		{ SOCKAUTH_A_REASON, 0, ERANGE },
		{ SOCKAUTH_A_REASON, __SOCKAUTH_REASON_MAX, ERANGE },
		{ SOCKAUTH_A_NAME_TYPE, SOCKAUTH_NAME_PSK + 1, ERANGE },
		{ SOCKAUTH_A_SEC_FLAGS, SOCKAUTH_SEC_SECURED, EINVAL },
		{ SOCKAUTH_A_SEC_FLAGS, SOCKAUTH_SEC_ENCRYPTED, EINVAL },
		{ SOCKAUTH_A_SEC_FLAGS, 1 << 31, EINVAL },
		{ SOCKAUTH_A_WINDOW, 8, EINVAL },
		{ SOCKAUTH_A_MAX + 1, 0, EINVAL },
	};
	struct nlmsghdr *nlh;
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(*values); i++) {
		nlh = done(self->fw, self->event, 0);
		mnl_attr_put_u32(nlh, values[i].attr, values[i].value);
		EXPECT_REFUSED(values[i].err, nlh);
	}
	EXPECT_REFUSED(ERANGE, answer(self->fw, self->event,
				      SOCKAUTH_STEP_FAIL + 1, 0));
	EXPECT_STILL_SERVED();
}

/* Credit that nobody took cannot be given back. */
TEST_F(nonsense, notices)
{
	struct fakeworker *other;

	EXPECT_REFUSED(ESTALE, fw_begin(self->fw, SOCKAUTH_CMD_CLOSE));
	EXPECT_REFUSED(ESTALE, fw_begin(self->fw, SOCKAUTH_CMD_RECORD));
	ASSERT_EQ(0, fw_open(&other));
	EXPECT_EQ(-ENOENT, fw_closed(other));
	EXPECT_NE(0, strlen(fw_text(other)));
	fw_close(other);
	EXPECT_STILL_SERVED();
}

TEST_F(nonsense, binding)
{
	struct nlmsghdr *nlh;
	struct nlattr *nest;

	EXPECT_REFUSED(EINVAL, fw_begin(self->fw, SOCKAUTH_CMD_WORKER_BIND));
	nlh = fw_begin(self->fw, SOCKAUTH_CMD_WORKER_BIND);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, ~0U);
	EXPECT_REFUSED(ERANGE, nlh);
	nlh = fw_begin(self->fw, SOCKAUTH_CMD_WORKER_BIND);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 8);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_PROFILES);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "");
	mnl_attr_nest_end(nlh, nest);
	EXPECT_REFUSED(EINVAL, nlh);
	/* What was bound still is. */
	EXPECT_STILL_SERVED();
}

/*
 * Names end at their first zero, whatever comes after it: each counts for what
 * stands before, and none is written where another one is.
 */
TEST_F(nonsense, names_with_zeros)
{
	struct nlmsghdr *nlh = fw_begin(self->fw, SOCKAUTH_CMD_WORKER_BIND);
	struct nlattr *nest;
	int i, fd;

	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 8);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_PROFILES);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "first");
	for (i = 0; i < 32; i++)
		mnl_attr_put(nlh, SOCKAUTH_A_PROFILE, 11, "mid\0hidden");
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "last");
	mnl_attr_nest_end(nlh, nest);
	ASSERT_EQ(0, fw_transact(self->fw, nlh));

	fd = net_tcp(AF_INET);
	EXPECT_EQ(0, net_mark(fd, "first", 0, 0));
	EXPECT_EQ(0, net_mark(fd, "mid", 0, 0));
	EXPECT_EQ(0, net_mark(fd, "last", 0, 0));
	EXPECT_EQ(-ENOENT, net_mark(fd, "hidden", 0, 0));
	close(fd);
}

/*
 * All that and a right answer in the end, a hundred times: no refusal costs
 * credit, of which there is little.
 */
TEST_F(nonsense, again_and_again)
{
	struct fw_event other;
	int i;

	EXPECT_STILL_SERVED();
	for (i = 0; i < 100; i++) {
		close(self->client);
		self->client = net_connect_to(self->listener);
		ASSERT_GE(self->client, 0);
		ASSERT_EQ(0, fw_hello(self->client));
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		ASSERT_EQ(SOCKAUTH_CMD_STEP, self->event->cmd);
		other = *self->event;
		other.leg++;
		EXPECT_REFUSED(ESTALE, done(self->fw, &other, 0));
		EXPECT_REFUSED(EINVAL, done(self->fw, self->event,
					    WITHOUT(SOCKAUTH_A_TX)));
		ASSERT_EQ(0, still_served(self->fw, self->event,
					  self->listener));
	}
}

SOCKAUTH_HARNESS_MAIN
