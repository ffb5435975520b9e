// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/conn.c: a connection in each of its conditions, as a row, as an
 * event and as JSON.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/conn.h"
#include "tests.h"

static const struct timespec noon = { 1763726400, 250000000 };

static void put_begin(struct message *message, uint32_t state, uint32_t role,
		      uint64_t age_ms)
{
	struct nlmsghdr *nlh;

	message_begin(message, SOCKAUTH_CMD_CONN_GET);
	nlh = message->nlh;
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 17);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATE, state);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, role);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, 2);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_AGE_MS, age_ms);
	message_ipv4(message, SOCKAUTH_A_LOCAL, "192.0.2.1", 443);
	message_ipv4(message, SOCKAUTH_A_REMOTE, "198.51.100.7", 50312);
}

static void put_peer(struct message *message, const char *name)
{
	struct nlmsghdr *nlh = message->nlh;

	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS,
			 SOCKAUTH_SEC_SECURED | SOCKAUTH_SEC_ENCRYPTED);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x0304);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, 0x1301);
	if (!name)
		return;
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, name);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE, SOCKAUTH_NAME_DNS);
}

static void put_failure(struct message *message, uint32_t reason,
			uint32_t error, const char *text)
{
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_REASON, reason);
	mnl_attr_put_u32(message->nlh, SOCKAUTH_A_ERROR, error);
	mnl_attr_put_strz(message->nlh, SOCKAUTH_A_TEXT, text);
}

static void decode(const struct message *message, struct conn *conn)
{
	assert_int_equal(conn_decode(message->nlh, conn), 0);
}

static void assert_row(const struct message *message, const char *expect)
{
	struct table *table = table_new(NULL, CONN_COLUMNS);
	struct printed printed;
	struct conn conn;
	char *text;

	assert_non_null(table);
	decode(message, &conn);
	assert_int_equal(conn_row(&conn, table), 0);
	printed_begin(&printed);
	table_print(table, printed.out);
	table_free(table);
	text = printed_end(&printed);
	assert_string_equal(text, expect);
	free(text);
}

static void assert_line(const struct message *message, const char *expect)
{
	struct printed printed;
	struct conn conn;
	char *text;

	decode(message, &conn);
	printed_begin(&printed);
	assert_int_equal(conn_event_line(&conn, &noon, printed.out), 0);
	text = printed_end(&printed);
	assert_string_equal(text, expect);
	free(text);
}

void conn_pending(void **state)
{
	struct message message;
	struct conn conn;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_WAIT_PEER, SOCKAUTH_ROLE_INITIATOR,
		  1500);
	mnl_attr_put_strz(message.nlh, SOCKAUTH_A_PROFILE, "web");
	mnl_attr_put_strz(message.nlh, SOCKAUTH_A_TARGET, "host.example");
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_NETNS, 4711);
	assert_row(&message, "17  wait-peer  1s  initiator  4711  192.0.2.1:443  "
		   "198.51.100.7:50312  web  -  -  -\n");
	decode(&message, &conn);
	assert_json(conn_json(&conn),
		    "{\"id\":17,\"state\":\"wait-peer\",\"age_ms\":1500,"
		    "\"role\":\"initiator\",\"legs\":2,\"netns\":4711,"
		    "\"local\":{\"address\":\"192.0.2.1\",\"port\":443},"
		    "\"remote\":{\"address\":\"198.51.100.7\",\"port\":50312},"
		    "\"profile\":\"web\",\"target\":\"host.example\"}");
}

void conn_open(void **state)
{
	struct message message;
	struct conn conn;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_OPEN, SOCKAUTH_ROLE_ACCEPTOR,
		  125000);
	put_peer(&message, "client.example");
	mnl_attr_put(message.nlh, SOCKAUTH_A_ALPN, 2, "h2");
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_EXPIRY, 1800000000);
	assert_row(&message, "17  open  2m05s  acceptor  -  192.0.2.1:443  "
		   "198.51.100.7:50312  default  tls  dns  client.example\n");
	decode(&message, &conn);
	assert_json(conn_json(&conn),
		    "{\"id\":17,\"state\":\"open\",\"age_ms\":125000,"
		    "\"role\":\"acceptor\",\"legs\":2,"
		    "\"local\":{\"address\":\"192.0.2.1\",\"port\":443},"
		    "\"remote\":{\"address\":\"198.51.100.7\",\"port\":50312},"
		    "\"profile\":\"default\",\"mechanism\":\"tls\","
		    "\"security\":[\"secured\",\"encrypted\"],"
		    "\"version\":\"TLSv1.3\","
		    "\"cipher\":\"TLS_AES_128_GCM_SHA256\","
		    "\"peer_type\":\"dns\",\"peer\":\"client.example\","
		    "\"alpn\":\"h2\",\"expiry\":1800000000}");
}

void conn_anonymous_is_not_unknown(void **state)
{
	struct message message;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_OPEN, SOCKAUTH_ROLE_ACCEPTOR, 0);
	put_peer(&message, NULL);
	assert_row(&message, "17  open  0ms  acceptor  -  192.0.2.1:443  "
		   "198.51.100.7:50312  default  tls  none  -\n");
}

void conn_name_cannot_forge_a_row(void **state)
{
	struct message message;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_OPEN, SOCKAUTH_ROLE_ACCEPTOR, 0);
	put_peer(&message, "a\n18 open \033[A");
	assert_row(&message, "17  open  0ms  acceptor  -  192.0.2.1:443  "
		   "198.51.100.7:50312  default  tls  dns  "
		   "a\\x0a18 open \\x1b[A\n");
}

void conn_refuses_malformed(void **state)
{
	const struct sockaddr_in short_ipv6 = { .sin_family = AF_INET6 };
	struct conn conn = { .id = 99 };
	struct message message;

	(void)state;
	message_begin(&message, SOCKAUTH_CMD_CONN_GET);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_STATE, SOCKAUTH_STATE_OPEN);
	assert_int_equal(conn_decode(message.nlh, &conn), -EPROTO);

	message_begin(&message, SOCKAUTH_CMD_CONN_GET);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_ID, 1);
	assert_int_equal(conn_decode(message.nlh, &conn), -EPROTO);

	put_begin(&message, SOCKAUTH_STATE_OPEN, SOCKAUTH_ROLE_ACCEPTOR, 0);
	mnl_attr_put(message.nlh, SOCKAUTH_A_REMOTE, sizeof(short_ipv6),
		     &short_ipv6);
	assert_int_equal(conn_decode(message.nlh, &conn), -EPROTO);

	put_begin(&message, SOCKAUTH_STATE_OPEN, SOCKAUTH_ROLE_ACCEPTOR, 0);
	mnl_attr_put(message.nlh, SOCKAUTH_A_PEER_NAME, 3, "abc");
	assert_int_equal(conn_decode(message.nlh, &conn), -EPROTO);
	assert_int_equal(conn.id, 99);
}

void conn_event_opened(void **state)
{
	struct message message;
	struct conn conn;
	json_t *object;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_READY, SOCKAUTH_ROLE_ACCEPTOR, 12);
	put_peer(&message, "client.example");
	assert_line(&message, "2025-11-21T12:00:00.250Z opened id=17 "
		    "role=acceptor local=192.0.2.1:443 "
		    "remote=198.51.100.7:50312 age=12ms profile=\"default\" "
		    "mech=tls cipher=TLS_AES_128_GCM_SHA256 type=dns "
		    "peer=\"client.example\"\n");
	decode(&message, &conn);
	object = conn_event_json(&conn, &noon);
	assert_non_null(object);
	assert_json(json_incref(json_object_get(object, "event")),
		    "\"opened\"");
	assert_json(json_incref(json_object_get(object, "time")),
		    "\"2025-11-21T12:00:00.250Z\"");
	assert_json(json_incref(json_object_get(json_object_get(
		    object, "connection"), "peer")), "\"client.example\"");
	json_decref(object);
}

void conn_event_failed(void **state)
{
	struct message message;
	struct conn conn;

	(void)state;
	message_begin(&message, SOCKAUTH_CMD_CONN_EVENT);
	mnl_attr_put_u64(message.nlh, SOCKAUTH_A_ID, 18);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_STATE, SOCKAUTH_STATE_ENDED);
	mnl_attr_put_u32(message.nlh, SOCKAUTH_A_ROLE, SOCKAUTH_ROLE_ACCEPTOR);
	put_failure(&message, SOCKAUTH_REASON_NO_CRED, EACCES,
		    "no certificate");
	assert_line(&message, "2025-11-21T12:00:00.250Z failed id=18 "
		    "role=acceptor local=- remote=- age=0ms "
		    "profile=\"default\" reason=no-cred error=EACCES "
		    "text=\"no certificate\"\n");
	decode(&message, &conn);
	assert_json(conn_event_json(&conn, &noon),
		    "{\"time\":\"2025-11-21T12:00:00.250Z\","
		    "\"event\":\"failed\",\"connection\":{\"id\":18,"
		    "\"state\":\"ended\",\"age_ms\":0,\"role\":\"acceptor\","
		    "\"legs\":0,\"profile\":\"default\","
		    "\"reason\":\"no-cred\",\"error\":\"EACCES\","
		    "\"text\":\"no certificate\"}}");
}

void conn_event_ended(void **state)
{
	struct message message;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_ENDED, SOCKAUTH_ROLE_ACCEPTOR,
		  28800000);
	put_peer(&message, NULL);
	assert_line(&message, "2025-11-21T12:00:00.250Z ended id=17 "
		    "role=acceptor local=192.0.2.1:443 "
		    "remote=198.51.100.7:50312 age=8h00m profile=\"default\" "
		    "mech=tls cipher=TLS_AES_128_GCM_SHA256 type=none\n");
}

void conn_event_name_cannot_forge_a_line(void **state)
{
	struct message message;

	(void)state;
	put_begin(&message, SOCKAUTH_STATE_ENDED, SOCKAUTH_ROLE_ACCEPTOR, 0);
	mnl_attr_put_strz(message.nlh, SOCKAUTH_A_TARGET,
			  "x\" peer=\"root\nopened");
	assert_line(&message, "2025-11-21T12:00:00.250Z failed id=17 "
		    "role=acceptor local=192.0.2.1:443 "
		    "remote=198.51.100.7:50312 age=0ms profile=\"default\" "
		    "target=\"x\\\" peer=\\\"root\\x0aopened\"\n");
}
