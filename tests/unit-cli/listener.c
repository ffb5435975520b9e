// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/listener.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../cli/listener.h"
#include "tests.h"

void listener_shown(void **state)
{
	struct table *table = table_new(listener_heads, LISTENER_COLUMNS);
	struct listener listener;
	struct printed printed;
	struct message message;
	char *text;

	(void)state;
	assert_non_null(table);
	message_begin(&message, SOCKAUTH_CMD_LISTENER_GET);
	message_ipv6(&message, SOCKAUTH_A_LOCAL, "::", 8443, 0);
	mnl_attr_put_strz(message.nlh, SOCKAUTH_A_PROFILE, "web");
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_REQ_FLAGS,
			 SOCKAUTH_REQ_MUTUAL | 1u << 31);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_PENDING, 1);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_READY, 2);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_BACKLOG, 128);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_ACCEPTED, 5000000000);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_UID, 33);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_INODE, 4711);
	assert_int_equal(listener_decode(message.nlh, &listener), 0);
	assert_int_equal(listener_row(&listener, table), 0);
	printed_begin(&printed);
	table_print(table, printed.out);
	table_free(table);
	text = printed_end(&printed);
	assert_string_equal(text,
		"LOCAL      PROFILE  PENDING  READY  BACKLOG  ACCEPTED    UID  INODE\n"
		"[::]:8443  web      1        2      128      5000000000  33   4711\n");
	free(text);
	assert_json(listener_json(&listener),
		    "{\"local\":{\"address\":\"::\",\"port\":8443},"
		    "\"profile\":\"web\","
		    "\"request\":[\"mutual\",\"2147483648\"],"
		    "\"pending\":1,\"ready\":2,\"backlog\":128,"
		    "\"accepted\":5000000000,\"uid\":33,\"inode\":4711}");
}

void listener_refuses_malformed(void **state)
{
	struct listener listener;
	struct message message;

	(void)state;
	message_begin(&message, SOCKAUTH_CMD_LISTENER_GET);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_PENDING, 1);
	assert_int_equal(listener_decode(message.nlh, &listener), -EPROTO);
}
