// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/limits.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../cli/limits.h"
#include "tests.h"

static void put_limits(struct message *message)
{
	message_begin(message, SOCKAUTH_CMD_LIMITS_GET);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_LIMIT_PENDING, 1024);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_LIMIT_PENDING_NET, 16384);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_LIMIT_TIMEOUT_MS, 30000);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_LIMIT_BYTES, 262144);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_LIMIT_GUESTS, 0);
}

void limits_shown(void **state)
{
	uint32_t values[N_LIMITS];
	struct printed printed;
	struct message message;
	char *text;

	(void)state;
	put_limits(&message);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_LIMIT_LEGS, 64);
	assert_int_equal(limits_decode(message.nlh, values), 0);
	printed_begin(&printed);
	assert_int_equal(limits_print(values, printed.out), 0);
	text = printed_end(&printed);
	assert_string_equal(text,
		"LIMIT        VALUE   OF WHAT\n"
		"pending      1024    connections being authenticated, per listening socket\n"
		"pending-net  16384   the same, per network namespace\n"
		"timeout-ms   30000   for an authentication whose application names no time\n"
		"bytes        262144  input per authentication\n"
		"legs         64      round trips to the daemon per authentication\n"
		"guests       0       as pending-net, of each namespace that uses the daemon of this one\n");
	free(text);
	assert_json(limits_json(values),
		    "{\"pending\":1024,\"pending-net\":16384,"
		    "\"timeout-ms\":30000,\"bytes\":262144,\"legs\":64,\"guests\":0}");
}

void limits_refuse_missing(void **state)
{
	uint32_t values[N_LIMITS] = { 7 };
	struct message message;

	(void)state;
	put_limits(&message);
	assert_int_equal(limits_decode(message.nlh, values), -EPROTO);
	assert_int_equal(values[0], 7);
}

void limits_by_exact_name(void **state)
{
	(void)state;
	assert_non_null(limit_find("pending-net"));
	assert_int_equal(limit_find("pending")->attr, SOCKAUTH_A_LIMIT_PENDING);
	assert_null(limit_find("pend"));
	assert_null(limit_find(""));
	assert_null(limit_find("legsx"));
}
