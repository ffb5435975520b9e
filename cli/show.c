// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * show - lists of what there is.  Owns the table of topics and a list while it
 * is being read.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "conn.h"
#include "json.h"
#include "limits.h"
#include "listener.h"
#include "table.h"
#include "worker.h"

/*
 * One kind of thing: how to ask for it, and what to do with each message.
 * Limits are no list; they have no heads.
 */
struct topic {
	const char *name;
	const char *help;
	uint8_t cmd;
	const char *const *heads;
	size_t columns;
	int (*row)(const struct nlmsghdr *nlh, struct table *table);
	json_t *(*json)(const struct nlmsghdr *nlh, int *err);
};

/* For each noun, decoding and then the row or the object. */
#define DEFINE_ROW(noun)						\
static int noun##_message_row(const struct nlmsghdr *nlh,		\
			      struct table *table)			\
{									\
	struct noun decoded;						\
	int err = noun##_decode(nlh, &decoded);				\
									\
	return err ? err : noun##_row(&decoded, table);			\
}

#define DEFINE_JSON(noun)						\
static json_t *noun##_message_json(const struct nlmsghdr *nlh, int *err) \
{									\
	struct noun decoded;						\
	json_t *object;							\
									\
	*err = noun##_decode(nlh, &decoded);				\
	if (*err)							\
		return NULL;						\
	object = noun##_json(&decoded);					\
	*err = object ? 0 : -ENOMEM;					\
	return object;							\
}

DEFINE_ROW(conn)
DEFINE_JSON(conn)
DEFINE_ROW(listener)
DEFINE_JSON(listener)
DEFINE_ROW(worker)
DEFINE_JSON(worker)

/* The first one is the default. */
static const struct topic topics[] = {
	{ "connections", "connections: authenticated, or about to be",
	  SOCKAUTH_CMD_CONN_GET, conn_heads, CONN_COLUMNS,
	  conn_message_row, conn_message_json },
	{ "listeners", "listening sockets that give authenticated connections",
	  SOCKAUTH_CMD_LISTENER_GET, listener_heads, LISTENER_COLUMNS,
	  listener_message_row, listener_message_json },
	{ "workers", "threads of the security daemon",
	  SOCKAUTH_CMD_WORKER_GET, worker_heads, WORKER_COLUMNS,
	  worker_message_row, worker_message_json },
	{ .name = "limits", .help = "what `sockauth set` can change" },
};

#define N_TOPICS	(sizeof(topics) / sizeof(topics[0]))

/* A list while it is being read: one of table and array. */
struct listing {
	const struct topic *topic;
	struct table *table;
	json_t *array;
};

static int listing_message(const struct nlmsghdr *nlh, void *arg)
{
	struct listing *listing = arg;
	json_t *object;
	int err;

	if (listing->table)
		return listing->topic->row(nlh, listing->table);
	object = listing->topic->json(nlh, &err);
	if (err)
		return err;
	return json_array_append_new(listing->array, object) ? -ENOMEM : 0;
}

static void listing_clear(void *arg)
{
	struct listing *listing = arg;

	if (listing->table)
		table_clear(listing->table);
	else
		json_array_clear(listing->array);
}

static int listing_print(struct listing *listing, FILE *out)
{
	if (!listing->table)
		return json_print(json_pack("{s:O}", listing->topic->name,
					    listing->array), out);
	table_print(listing->table, out);
	return 0;
}

static int show_list(struct cli *cli, const struct topic *topic)
{
	struct listing listing = { .topic = topic };
	int ret;

	if (cli->json)
		listing.array = json_array();
	else
		listing.table = table_new(topic->heads, topic->columns);
	if (!listing.array && !listing.table)
		return no_memory();
	ret = kernel_dump(cli, topic->cmd, listing_message, listing_clear,
			  &listing);
	if (!ret && listing_print(&listing, cli->out))
		ret = no_memory();
	table_free(listing.table);
	json_decref(listing.array);
	return ret;
}

static void show_details(FILE *out)
{
	size_t i;

	for (i = 0; i < N_TOPICS; i++)
		fprintf(out, "  %-12s  %s%s\n", topics[i].name, topics[i].help,
			i ? "" : " (default)");
}

static int show_run(struct cli *cli, int argc, char **argv)
{
	const char *name = argc ? argv[0] : topics[0].name;
	size_t i;
	int ret;

	if (argc > 1)
		return bad_usage(&show_command, "one argument is too many: %s",
				 argv[1]);
	for (i = 0; i < N_TOPICS; i++)
		if (!strcmp(topics[i].name, name))
			break;
	if (i == N_TOPICS)
		return bad_usage(&show_command, "there is nothing named %s",
				 name);
	ret = kernel_open(cli);
	if (ret)
		return ret;
	return topics[i].heads ? show_list(cli, &topics[i]) : limits_show(cli);
}

const struct command show_command = {
	.name = "show",
	.args = "[connections | listeners | workers | limits]",
	.summary = "list what there is in this network namespace",
	.details = show_details,
	.run = show_run,
};
