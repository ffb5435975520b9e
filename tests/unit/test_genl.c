// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The library: the family, transactions, attributes, words.
 */
#include <errno.h>
#include <string.h>

#include <sockauth/names.h>

#include "kernel.h"

static void put_count(struct kernel_port *port, const struct nlmsghdr *request,
		      uint32_t count, uint16_t flags)
{
	char buf[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;

	nlh = kernel_begin(port, buf, SOCKAUTH_CMD_CONN_KILL,
			   request->nlmsg_seq, flags);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_COUNT, count);
	kernel_send(port, nlh);
}

/* Says 1, and in a dump 2 and 3 in one datagram; then what the test wants. */
static int end_error;
static const char *end_text;
static uint16_t part_flags;

static void answer(struct kernel_port *port, const struct nlmsghdr *nlh,
		   uint8_t cmd)
{
	struct nlmsghdr event = { .nlmsg_seq = nlh->nlmsg_seq + 5 };

	assert_int_equal(cmd, SOCKAUTH_CMD_CONN_KILL);
	/* An event, and an answer to somebody else, come in between. */
	put_count(port, &event, 99, 0);
	event.nlmsg_seq = 0;
	put_count(port, &event, 98, 0);
	put_count(port, nlh, 1, part_flags);
	if (nlh->nlmsg_flags & NLM_F_DUMP) {
		put_count(port, nlh, 2, NLM_F_MULTI);
		kernel_done(port, nlh, end_error, end_text);
	} else {
		assert_true(nlh->nlmsg_flags & NLM_F_ACK);
		kernel_error(port, nlh, end_error, end_text);
	}
}

static int sum(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	uint32_t *total = arg;

	assert_int_equal(sockauth_genl_parse(nlh, tb), 0);
	*total += mnl_attr_get_u32(tb[SOCKAUTH_A_COUNT]);
	return *total > 100 ? -ERANGE : 0;
}

static int transact(uint16_t flags, uint32_t *total, char *text, size_t size)
{
	char buf[256] __attribute__((aligned(8)));
	struct sockauth_genl *genl;
	struct nlmsghdr *nlh;
	int err;

	kernel_set(answer);
	assert_int_equal(sockauth_genl_open(&genl), 0);
	nlh = sockauth_genl_begin(genl, buf, SOCKAUTH_CMD_CONN_KILL, flags);
	err = sockauth_genl_transact(genl, nlh, sum, total, text, size);
	sockauth_genl_close(genl);
	return err;
}

static void test_no_module(void **state)
{
	struct sockauth_genl *genl = (void *)1;

	(void)state;
	kernel_set(NULL);
	assert_int_equal(sockauth_genl_open(&genl), -ENOENT);
	assert_ptr_equal(genl, (void *)1);
	sockauth_genl_close(NULL);
}

static void test_join(void **state)
{
	struct sockauth_genl *genl;

	(void)state;
	kernel_set(answer);
	assert_int_equal(sockauth_genl_open(&genl), 0);
	assert_int_equal(sockauth_genl_join(genl), 0);
	assert_int_not_equal(sockauth_genl_portid(genl), 0);
	sockauth_genl_close(genl);
}

static void test_transaction(void **state)
{
	uint32_t total = 0;
	char text[64] = "old";

	(void)state;
	end_error = 0;
	end_text = NULL;
	assert_int_equal(transact(0, &total, text, sizeof(text)), 0);
	assert_int_equal(total, 1);
	assert_string_equal(text, "");
}

static void test_refusal(void **state)
{
	uint32_t total = 0;
	char text[12];

	(void)state;
	end_error = -EPERM;
	end_text = "not for you, never";
	assert_int_equal(transact(0, &total, text, sizeof(text)), -EPERM);
	assert_string_equal(text, "not for you");
	assert_int_equal(transact(NLM_F_DUMP, &total, text, sizeof(text)),
			 -EPERM);
	assert_string_equal(text, "not for you");
}

static void test_dump(void **state)
{
	uint32_t total = 0;

	(void)state;
	end_error = 0;
	end_text = NULL;
	part_flags = NLM_F_MULTI;
	assert_int_equal(transact(NLM_F_DUMP, &total, NULL, 0), 0);
	assert_int_equal(total, 3);
	part_flags = NLM_F_MULTI | NLM_F_DUMP_INTR;
	assert_int_equal(transact(NLM_F_DUMP, &total, NULL, 0), -EINTR);
	part_flags = 0;
	/* The callback ends it; the rest is not shown to it. */
	total = 100;
	assert_int_equal(transact(NLM_F_DUMP, &total, NULL, 0), -ERANGE);
	assert_int_equal(total, 101);
}

static void test_error_message(void **state)
{
	char buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *body;
	char text[64];
	uint32_t seq;

	(void)state;
	/* Without NLM_F_CAPPED the whole request stands before the text. */
	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_ACK_TLVS;
	nlh->nlmsg_seq = 77;
	body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));
	body->error = -ESTALE;
	body->msg.nlmsg_len = sizeof(body->msg) + 6;
	mnl_nlmsg_put_extra_header(nlh, 8);
	mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, "too late");
	assert_int_equal(sockauth_genl_error(nlh, &seq, text, sizeof(text)),
			 -ESTALE);
	assert_int_equal(seq, 77);
	assert_string_equal(text, "too late");
	/* Somebody counts wrong. */
	body->msg.nlmsg_len = 0xffffff;
	assert_int_equal(sockauth_genl_error(nlh, &seq, text, sizeof(text)),
			 -ESTALE);
	assert_string_equal(text, "");
	/* What no kernel has for an error. */
	body->error = INT32_MIN;
	assert_int_equal(sockauth_genl_error(nlh, &seq, text, sizeof(text)),
			 -EPROTO);
	nlh->nlmsg_len = NLMSG_HDRLEN + 2;
	assert_int_equal(sockauth_genl_error(nlh, &seq, text, sizeof(text)),
			 -EPROTO);
}

static void test_parse(void **state)
{
	char buf[512] __attribute__((aligned(8)));
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct kernel_port *none = NULL;
	struct nlattr *nest;
	struct nlmsghdr *nlh;

	(void)state;
	nlh = kernel_begin(none, buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	mnl_attr_put(nlh, SOCKAUTH_A_MALFORMED, 0, NULL);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_MAX + 20, 5);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_TX);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_SEQ, 3);
	mnl_attr_nest_end(nlh, nest);
	assert_int_equal(sockauth_genl_parse(nlh, tb), 0);
	assert_non_null(tb[SOCKAUTH_A_MALFORMED]);
	assert_null(tb[SOCKAUTH_A_LEG]);
	assert_int_equal(mnl_attr_get_u64(tb[SOCKAUTH_A_ID]), 5);
	assert_int_equal(sockauth_genl_parse_nest(tb[SOCKAUTH_A_TX], tb), 0);
	assert_int_equal(mnl_attr_get_u64(tb[SOCKAUTH_A_SEQ]), 3);
	/* A number of the wrong size, a string without its end. */
	nlh = kernel_begin(none, buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ID, 5);
	assert_int_equal(sockauth_genl_parse(nlh, tb), -EPROTO);
	nlh = kernel_begin(none, buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put(nlh, SOCKAUTH_A_TARGET, 3, "abc");
	assert_int_equal(sockauth_genl_parse(nlh, tb), -EPROTO);
}

/* 2 GiB would be a negative length to who is not careful. */
static void test_message_length(void **state)
{
	static const uint32_t bad[] = {
		0, NLMSG_HDRLEN - 1, NLMSG_HDRLEN + 1, 0x7fffffff, 0x80000000,
		0xffffffff,
	};
	struct nlmsghdr nlh = { .nlmsg_len = sizeof(nlh) };
	size_t i;

	(void)state;
	assert_true(sockauth_genl_ok(&nlh, sizeof(nlh)));
	assert_false(sockauth_genl_ok(&nlh, sizeof(nlh) - 1));
	assert_false(sockauth_genl_ok(&nlh, -1));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		nlh.nlmsg_len = bad[i];
		assert_false(sockauth_genl_ok(&nlh, sizeof(nlh)));
	}
}

static void test_words(void **state)
{
	uint32_t value = 77;

	(void)state;
	assert_string_equal(sockauth_word(&sockauth_reason_names,
					  SOCKAUTH_REASON_NO_OWN_CRED),
			    "no-own-cred");
	assert_string_equal(sockauth_word(&sockauth_cipher_names, 0x1302),
			    "TLS_AES_256_GCM_SHA384");
	assert_null(sockauth_word(&sockauth_state_names, 1000));
	assert_int_equal(sockauth_value(&sockauth_role_names, "acceptor",
					&value), 0);
	assert_int_equal(value, SOCKAUTH_ROLE_ACCEPTOR);
	assert_int_equal(sockauth_value(&sockauth_role_names, "accept",
					&value), -ENOENT);
	assert_int_equal(value, SOCKAUTH_ROLE_ACCEPTOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_module),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_transaction),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_error_message),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_message_length),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("genl", tests, NULL, NULL);
}
