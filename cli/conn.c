// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection: from the kernel's message to a row, a line or JSON.  Owns
 * nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sockauth/names.h>

#include "attr.h"
#include "conn.h"
#include "json.h"
#include "text.h"

const char *const conn_heads[CONN_COLUMNS] = {
	"ID", "STATE", "AGE", "ROLE", "NETNS", "LOCAL", "REMOTE", "PROFILE",
	"MECH", "TYPE", "PEER",
};

static void decode_peer(const struct nlattr **tb, struct conn *conn)
{
	conn->has_peer = tb[SOCKAUTH_A_MECH];
	conn->mech = attr_u32(tb, SOCKAUTH_A_MECH);
	conn->sec_flags = attr_u32(tb, SOCKAUTH_A_SEC_FLAGS);
	conn->version = attr_u32(tb, SOCKAUTH_A_VERSION);
	conn->cipher = attr_u32(tb, SOCKAUTH_A_CIPHER);
	conn->peer_name = attr_str(tb, SOCKAUTH_A_PEER_NAME);
	conn->name_type = attr_u32(tb, SOCKAUTH_A_NAME_TYPE);
	if (tb[SOCKAUTH_A_ALPN]) {
		conn->alpn = mnl_attr_get_payload(tb[SOCKAUTH_A_ALPN]);
		conn->alpn_len = mnl_attr_get_payload_len(tb[SOCKAUTH_A_ALPN]);
	}
	conn->expiry = attr_u64(tb, SOCKAUTH_A_EXPIRY);
}

/**
 * conn_decode - read a message about a connection
 * @nlh: the message
 * @conn: set on success; points into @nlh
 *
 * Return: 0, or -EPROTO if the message is malformed or says too little.
 */
int conn_decode(const struct nlmsghdr *nlh, struct conn *conn)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct conn new = { 0 };
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_ID] || !tb[SOCKAUTH_A_STATE])
		return -EPROTO;
	err = attr_address(tb, SOCKAUTH_A_LOCAL, &new.local);
	if (!err)
		err = attr_address(tb, SOCKAUTH_A_REMOTE, &new.remote);
	if (err)
		return err;
	new.id = attr_u64(tb, SOCKAUTH_A_ID);
	new.state = attr_u32(tb, SOCKAUTH_A_STATE);
	new.role = attr_u32(tb, SOCKAUTH_A_ROLE);
	new.leg = attr_u32(tb, SOCKAUTH_A_LEG);
	new.age_ms = attr_u64(tb, SOCKAUTH_A_AGE_MS);
	new.netns = attr_u64(tb, SOCKAUTH_A_NETNS);
	new.profile = attr_str(tb, SOCKAUTH_A_PROFILE);
	if (!new.profile)
		new.profile = "default";
	new.target = attr_str(tb, SOCKAUTH_A_TARGET);
	new.reason = attr_u32(tb, SOCKAUTH_A_REASON);
	new.error = attr_u32(tb, SOCKAUTH_A_ERROR);
	new.text = attr_str(tb, SOCKAUTH_A_TEXT);
	decode_peer(tb, &new);
	*conn = new;
	return 0;
}

/**
 * conn_row - add a connection to the table for people
 * @conn: the connection
 * @table: of CONN_COLUMNS columns
 *
 * A peer that is not known yet is "-"; one that has proven no name is of type
 * "none".
 *
 * Return: 0 or -ENOMEM.
 */
int conn_row(const struct conn *conn, struct table *table)
{
	char id[TEXT_SIZE], state[TEXT_SIZE], age[TEXT_SIZE], role[TEXT_SIZE];
	char local[TEXT_SIZE], remote[TEXT_SIZE], mech[TEXT_SIZE];
	char netns[TEXT_SIZE], type[TEXT_SIZE];
	const char *const cells[CONN_COLUMNS] = {
		text_number(conn->id, id),
		text_word(&sockauth_state_names, conn->state, state),
		text_age(conn->age_ms, age),
		text_word(&sockauth_role_names, conn->role, role),
		conn->netns ? text_number(conn->netns, netns) : "-",
		text_address(&conn->local, local),
		text_address(&conn->remote, remote),
		conn->profile,
		!conn->has_peer ? "-" :
			text_word(&sockauth_mech_names, conn->mech, mech),
		!conn->has_peer ? "-" :
			text_word(&sockauth_name_type_names, conn->name_type,
				  type),
		conn->peer_name ? conn->peer_name : "-",
	};

	return table_add(table, cells);
}

static json_t *json_errno(uint32_t error)
{
	const char *name = strerrorname_np(error);
	char buf[TEXT_SIZE];

	return json_string(name ? name : text_number(error, buf));
}

static json_t *json_version(uint32_t version)
{
	char buf[TEXT_SIZE];

	return json_string(version == 0x0304 ? "TLSv1.3" :
					       text_hex(version, buf));
}

static const char *cipher_word(uint32_t cipher, char buf[TEXT_SIZE])
{
	const char *word = sockauth_word(&sockauth_cipher_names, cipher);

	return word ? word : text_hex(cipher, buf);
}

static int put_peer(json_t *object, const struct conn *conn)
{
	char buf[TEXT_SIZE];
	int err;

	err = json_put(object, "mechanism",
		       json_word(&sockauth_mech_names, conn->mech));
	err |= json_put(object, "security",
			json_flags(&sockauth_sec_flag_names, conn->sec_flags));
	err |= json_put(object, "version", json_version(conn->version));
	err |= json_put(object, "cipher",
			json_string(cipher_word(conn->cipher, buf)));
	err |= json_put(object, "peer_type",
			json_word(&sockauth_name_type_names, conn->name_type));
	if (conn->peer_name)
		err |= json_put(object, "peer",
				json_text(conn->peer_name,
					  strlen(conn->peer_name)));
	if (conn->alpn)
		err |= json_put(object, "alpn",
				json_text(conn->alpn, conn->alpn_len));
	if (conn->expiry)
		err |= json_put(object, "expiry", json_integer(conn->expiry));
	return err;
}

static int put_failure(json_t *object, const struct conn *conn)
{
	int err = 0;

	if (conn->reason)
		err = json_put(object, "reason",
			       json_word(&sockauth_reason_names, conn->reason));
	if (conn->error)
		err |= json_put(object, "error", json_errno(conn->error));
	if (conn->text)
		err |= json_put(object, "text",
				json_text(conn->text, strlen(conn->text)));
	return err;
}

/**
 * conn_json - a connection for programs
 * @conn: the connection
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *conn_json(const struct conn *conn)
{
	json_t *object = json_object();
	int err;

	err = json_put(object, "id", json_integer(conn->id));
	err |= json_put(object, "state",
			json_word(&sockauth_state_names, conn->state));
	err |= json_put(object, "age_ms", json_integer(conn->age_ms));
	err |= json_put(object, "role",
			json_word(&sockauth_role_names, conn->role));
	err |= json_put(object, "legs", json_integer(conn->leg));
	if (conn->netns)
		err |= json_put(object, "netns", json_integer(conn->netns));
	if (conn->local.ss_family != AF_UNSPEC)
		err |= json_put(object, "local", json_address(&conn->local));
	if (conn->remote.ss_family != AF_UNSPEC)
		err |= json_put(object, "remote", json_address(&conn->remote));
	err |= json_put(object, "profile",
			json_text(conn->profile, strlen(conn->profile)));
	if (conn->target)
		err |= json_put(object, "target",
				json_text(conn->target, strlen(conn->target)));
	if (conn->has_peer)
		err |= put_peer(object, conn);
	err |= put_failure(object, conn);
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* What a notification is about. */
static const char *event_word(const struct conn *conn)
{
	if (conn->state != SOCKAUTH_STATE_ENDED)
		return "opened";
	return conn->sec_flags & SOCKAUTH_SEC_SECURED ? "ended" : "failed";
}

/* key="value", for a value that a stranger may have chosen. */
static int print_quoted(FILE *out, const char *key, const char *value)
{
	char *text = text_escape(value, "\"");

	if (!text)
		return -ENOMEM;
	fprintf(out, " %s=\"%s\"", key, text);
	free(text);
	return 0;
}

static int print_peer(const struct conn *conn, FILE *out)
{
	char mech[TEXT_SIZE], cipher[TEXT_SIZE], type[TEXT_SIZE];

	fprintf(out, " mech=%s cipher=%s type=%s",
		text_word(&sockauth_mech_names, conn->mech, mech),
		cipher_word(conn->cipher, cipher),
		text_word(&sockauth_name_type_names, conn->name_type, type));
	if (!conn->peer_name)
		return 0;
	return print_quoted(out, "peer", conn->peer_name);
}

static int print_failure(const struct conn *conn, FILE *out)
{
	char reason[TEXT_SIZE], error[TEXT_SIZE];
	const char *name = strerrorname_np(conn->error);

	if (conn->reason)
		fprintf(out, " reason=%s",
			text_word(&sockauth_reason_names, conn->reason,
				  reason));
	if (conn->error)
		fprintf(out, " error=%s",
			name ? name : text_number(conn->error, error));
	if (!conn->text)
		return 0;
	return print_quoted(out, "text", conn->text);
}

/**
 * conn_event_line - a notification as one line for people
 * @conn: the connection
 * @now: when it came
 * @out: where; the caller looks at ferror()
 *
 * Return: 0 or -ENOMEM.
 */
int conn_event_line(const struct conn *conn, const struct timespec *now,
		    FILE *out)
{
	char time[TEXT_SIZE], id[TEXT_SIZE], role[TEXT_SIZE], age[TEXT_SIZE];
	char local[TEXT_SIZE], remote[TEXT_SIZE];
	int err = 0;

	fprintf(out, "%s %s id=%s role=%s local=%s remote=%s age=%s",
		text_time(now, time), event_word(conn),
		text_number(conn->id, id),
		text_word(&sockauth_role_names, conn->role, role),
		text_address(&conn->local, local),
		text_address(&conn->remote, remote),
		text_age(conn->age_ms, age));
	err |= print_quoted(out, "profile", conn->profile);
	if (conn->target)
		err |= print_quoted(out, "target", conn->target);
	if (conn->has_peer)
		err |= print_peer(conn, out);
	err |= print_failure(conn, out);
	fputc('\n', out);
	return err;
}

/**
 * conn_event_json - a notification for programs
 * @conn: the connection
 * @now: when it came
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *conn_event_json(const struct conn *conn, const struct timespec *now)
{
	json_t *object = json_object();
	char time[TEXT_SIZE];
	int err;

	err = json_put(object, "time", json_string(text_time(now, time)));
	err |= json_put(object, "event", json_string(event_word(conn)));
	err |= json_put(object, "connection", conn_json(conn));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}
