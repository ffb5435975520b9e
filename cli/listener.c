// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A listening socket: from the kernel's message to a row or JSON.  Owns
 * nothing.
 */
#include <errno.h>
#include <string.h>

#include <sockauth/names.h>

#include "attr.h"
#include "json.h"
#include "listener.h"
#include "text.h"

const char *const listener_heads[LISTENER_COLUMNS] = {
	"LOCAL", "PROFILE", "PENDING", "READY", "BACKLOG", "ACCEPTED", "UID",
	"INODE",
};

/**
 * listener_decode - read a message about a listening socket
 * @nlh: the message
 * @listener: set on success; points into @nlh
 *
 * Return: 0, or -EPROTO if the message is malformed or says too little.
 */
int listener_decode(const struct nlmsghdr *nlh, struct listener *listener)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct listener new = { 0 };
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_LOCAL])
		return -EPROTO;
	err = attr_address(tb, SOCKAUTH_A_LOCAL, &new.local);
	if (err)
		return err;
	new.profile = attr_str(tb, SOCKAUTH_A_PROFILE);
	if (!new.profile)
		new.profile = "default";
	new.req_flags = attr_u32(tb, SOCKAUTH_A_REQ_FLAGS);
	new.pending = attr_u32(tb, SOCKAUTH_A_PENDING);
	new.ready = attr_u32(tb, SOCKAUTH_A_READY);
	new.backlog = attr_u32(tb, SOCKAUTH_A_BACKLOG);
	new.accepted = attr_u64(tb, SOCKAUTH_A_ACCEPTED);
	new.uid = attr_u32(tb, SOCKAUTH_A_UID);
	new.inode = attr_u64(tb, SOCKAUTH_A_INODE);
	*listener = new;
	return 0;
}

/**
 * listener_row - add a listening socket to the table for people
 * @listener: the listening socket
 * @table: of LISTENER_COLUMNS columns
 *
 * Return: 0 or -ENOMEM.
 */
int listener_row(const struct listener *listener, struct table *table)
{
	char local[TEXT_SIZE], pending[TEXT_SIZE], ready[TEXT_SIZE];
	char backlog[TEXT_SIZE], accepted[TEXT_SIZE], uid[TEXT_SIZE];
	char inode[TEXT_SIZE];
	const char *const cells[LISTENER_COLUMNS] = {
		text_address(&listener->local, local),
		listener->profile,
		text_number(listener->pending, pending),
		text_number(listener->ready, ready),
		text_number(listener->backlog, backlog),
		text_number(listener->accepted, accepted),
		text_number(listener->uid, uid),
		text_number(listener->inode, inode),
	};

	return table_add(table, cells);
}

/**
 * listener_json - a listening socket for programs
 * @listener: the listening socket
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *listener_json(const struct listener *listener)
{
	json_t *object = json_object();
	int err;

	err = json_put(object, "local", json_address(&listener->local));
	err |= json_put(object, "profile",
			json_text(listener->profile,
				  strlen(listener->profile)));
	err |= json_put(object, "request",
			json_flags(&sockauth_req_flag_names,
				   listener->req_flags));
	err |= json_put(object, "pending", json_integer(listener->pending));
	err |= json_put(object, "ready", json_integer(listener->ready));
	err |= json_put(object, "backlog", json_integer(listener->backlog));
	err |= json_put(object, "accepted", json_integer(listener->accepted));
	err |= json_put(object, "uid", json_integer(listener->uid));
	err |= json_put(object, "inode", json_integer(listener->inode));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}
