// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limits of a network namespace.  Owns the table of them, which `show
 * limits`, `set` and its help are made from; tests/spec compares it with the
 * module's policy.
 */
#include <errno.h>
#include <string.h>

#include "attr.h"
#include "json.h"
#include "limits.h"
#include "table.h"
#include "text.h"

const struct limit limits[N_LIMITS] = {
	{ "pending", SOCKAUTH_A_LIMIT_PENDING, 1, 1048576,
	  "connections being authenticated, per listening socket" },
	{ "pending-net", SOCKAUTH_A_LIMIT_PENDING_NET, 1, 1048576,
	  "the same, per network namespace" },
	{ "timeout-ms", SOCKAUTH_A_LIMIT_TIMEOUT_MS, 1, SOCKAUTH_TIMEOUT_MAX,
	  "for an authentication whose application names no time" },
	{ "bytes", SOCKAUTH_A_LIMIT_BYTES, SOCKAUTH_TOKEN_MAX, 16777216,
	  "input per authentication" },
	{ "legs", SOCKAUTH_A_LIMIT_LEGS, 2, 4096,
	  "round trips to the daemon per authentication" },
	{ "guests", SOCKAUTH_A_LIMIT_GUESTS, 0, 1048576,
	  "as pending-net, of each namespace that uses the daemon of this one" },
};

/**
 * limit_find - the limit of a name
 * @name: the exact word
 *
 * Return: the limit or NULL.
 */
const struct limit *limit_find(const char *name)
{
	size_t i;

	for (i = 0; i < N_LIMITS; i++)
		if (!strcmp(limits[i].name, name))
			return &limits[i];
	return NULL;
}

/**
 * limits_decode - read a message with limits
 * @nlh: the message
 * @values: set on success, in the order of the table
 *
 * Return: 0, or -EPROTO if the message is malformed or says too little.
 */
int limits_decode(const struct nlmsghdr *nlh, uint32_t values[N_LIMITS])
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	size_t i;
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	for (i = 0; i < N_LIMITS; i++)
		if (!tb[limits[i].attr])
			return -EPROTO;
	for (i = 0; i < N_LIMITS; i++)
		values[i] = attr_u32(tb, limits[i].attr);
	return 0;
}

/**
 * limits_print - print limits for people
 * @values: in the order of the table
 * @out: where; the caller looks at ferror()
 *
 * Return: 0 or -ENOMEM.
 */
int limits_print(const uint32_t values[N_LIMITS], FILE *out)
{
	static const char *const heads[3] = { "LIMIT", "VALUE", "OF WHAT" };
	struct table *table = table_new(heads, 3);
	const char *cells[3];
	char value[TEXT_SIZE];
	int err = 0;
	size_t i;

	if (!table)
		return -ENOMEM;
	for (i = 0; !err && i < N_LIMITS; i++) {
		cells[0] = limits[i].name;
		cells[1] = text_number(values[i], value);
		cells[2] = limits[i].help;
		err = table_add(table, cells);
	}
	if (!err)
		table_print(table, out);
	table_free(table);
	return err;
}

/**
 * limits_json - limits for programs
 * @values: in the order of the table
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *limits_json(const uint32_t values[N_LIMITS])
{
	json_t *object = json_object();
	int err = 0;
	size_t i;

	for (i = 0; i < N_LIMITS; i++)
		err |= json_put(object, limits[i].name,
				json_integer(values[i]));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int decode_answer(const struct nlmsghdr *nlh, void *arg)
{
	return limits_decode(nlh, arg);
}

/**
 * limits_show - ask for the limits and print them
 * @cli: with an open socket
 *
 * Return: enum cli_exit.
 */
int limits_show(struct cli *cli)
{
	uint32_t values[N_LIMITS] = { 0 };
	int ret, err;

	ret = kernel_ask(cli, kernel_begin(cli, SOCKAUTH_CMD_LIMITS_GET),
			 decode_answer, values);
	if (ret)
		return ret;
	if (cli->json)
		err = json_print(json_pack("{s:o}", "limits",
					   limits_json(values)), cli->out);
	else
		err = limits_print(values, cli->out);
	return err ? no_memory() : CLI_OK;
}
