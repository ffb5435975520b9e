// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/worker.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../cli/worker.h"
#include "tests.h"

void worker_shown(void **state)
{
	struct table *table = table_new(worker_heads, WORKER_COLUMNS);
	struct printed printed;
	struct message message;
	struct worker worker;
	char *text;

	(void)state;
	assert_non_null(table);
	message_begin(&message, SOCKAUTH_CMD_WORKER_GET);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_PORTID, 4242);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_AGE_MS, 60000);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_WINDOW, 16);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_OUTSTANDING, 3);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_CONTEXTS, 7);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_ANSWERED, 12);
	assert_int_equal(worker_decode(message.nlh, &worker), 0);
	assert_int_equal(worker_row(&worker, table), 0);
	printed_begin(&printed);
	table_print(table, printed.out);
	table_free(table);
	text = printed_end(&printed);
	assert_string_equal(text,
		"PORTID  AGE    WINDOW  OUTSTANDING  CONTEXTS  ANSWERED\n"
		"4242    1m00s  16      3            7         12\n");
	free(text);
	assert_json(worker_json(&worker),
		    "{\"portid\":4242,\"age_ms\":60000,\"window\":16,"
		    "\"outstanding\":3,\"contexts\":7,\"answered\":12}");
}

void worker_refuses_malformed(void **state)
{
	struct message message;
	struct worker worker;

	(void)state;
	message_begin(&message, SOCKAUTH_CMD_WORKER_GET);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_WINDOW, 16);
	assert_int_equal(worker_decode(message.nlh, &worker), -EPROTO);
}
