// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/stats.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/stats.h"
#include "tests.h"

static void put_counters(struct message *message)
{
	message_begin(message, SOCKAUTH_CMD_STATS_GET);
	mnl_attr_put_u64(message->nlh, SOCKAUTH_A_STARTED, 100);
	mnl_attr_put_u64(message->nlh, SOCKAUTH_A_DONE, 90);
	mnl_attr_put_u64(message->nlh, SOCKAUTH_A_RESUMED, 30);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_PENDING, 3);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_OPEN, 80);
}

static char *print(const struct stats *stats)
{
	struct printed printed;

	printed_begin(&printed);
	assert_int_equal(stats_print(stats, printed.out), 0);
	return printed_end(&printed);
}

void stats_shown(void **state)
{
	struct message message;
	struct stats stats;
	struct nlattr *nest;
	char *text;

	(void)state;
	put_counters(&message);
	nest = mnl_attr_nest_start(message.nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_REASON_TIMEOUT, 5);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_REASON_EVICTED, 0);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_REASON_CANCELLED, 2);
	mnl_attr_nest_end(message.nlh, nest);
	assert_int_equal(stats_decode(message.nlh, &stats), 0);
	text = print(&stats);
	assert_string_equal(text,
		"started      100  authentications begun\n"
		"done         90   completed\n"
		"resumed      30   of these, by resumption\n"
		"pending      3    going on now\n"
		"open         80   established connections now\n"
		"failed       7    connections that ended badly, by reason:\n"
		"  timeout    5\n"
		"  cancelled  2\n");
	free(text);
	assert_json(stats_json(&stats),
		    "{\"started\":100,\"done\":90,\"resumed\":30,"
		    "\"pending\":3,\"open\":80,\"failed\":{\"timeout\":5,"
		    "\"evicted\":0,\"cancelled\":2}}");
}

void stats_without_failures(void **state)
{
	struct message message;
	struct stats stats;
	struct nlattr *nest;
	char *text;

	(void)state;
	put_counters(&message);
	nest = mnl_attr_nest_start(message.nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_REASON_TIMEOUT, 0);
	mnl_attr_nest_end(message.nlh, nest);
	assert_int_equal(stats_decode(message.nlh, &stats), 0);
	text = print(&stats);
	assert_non_null(strstr(text, "failed   0    connections that ended badly\n"));
	assert_null(strstr(text, "timeout"));
	free(text);
}

void stats_of_a_newer_kernel(void **state)
{
	struct message message;
	struct stats stats;
	struct nlattr *nest;
	char *text;

	(void)state;
	put_counters(&message);
	nest = mnl_attr_nest_start(message.nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(message.nlh, 99, 4);
	mnl_attr_nest_end(message.nlh, nest);
	assert_int_equal(stats_decode(message.nlh, &stats), 0);
	text = print(&stats);
	assert_non_null(strstr(text, "\n  99     4\n"));
	free(text);
}

void stats_refuse_malformed(void **state)
{
	struct stats stats = { .done = 7 };
	struct message message;
	struct nlattr *nest;

	(void)state;
	put_counters(&message);
	assert_int_equal(stats_decode(message.nlh, &stats), -EPROTO);

	nest = mnl_attr_nest_start(message.nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_REASON_TIMEOUT, 4);
	mnl_attr_nest_end(message.nlh, nest);
	assert_int_equal(stats_decode(message.nlh, &stats), -EPROTO);

	put_counters(&message);
	nest = mnl_attr_nest_start(message.nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(message.nlh, STATS_REASONS, 4);
	mnl_attr_nest_end(message.nlh, nest);
	assert_int_equal(stats_decode(message.nlh, &stats), -EPROTO);
	assert_int_equal(stats.done, 7);
}
