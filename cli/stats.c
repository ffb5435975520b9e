// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats - the counters of a network namespace.  Owns nothing.
 */
#include <errno.h>
#include <string.h>

#include <sockauth/names.h>

#include "attr.h"
#include "cli.h"
#include "json.h"
#include "stats.h"
#include "table.h"
#include "text.h"

static int decode_failed(const struct nlattr *nest, struct stats *stats)
{
	const struct nlattr *attr;
	uint16_t reason;

	mnl_attr_for_each_nested(attr, nest) {
		reason = mnl_attr_get_type(attr);
		if (mnl_attr_validate(attr, MNL_TYPE_U64) < 0 ||
		    reason >= STATS_REASONS)
			return -EPROTO;
		stats->failed[reason] = mnl_attr_get_u64(attr);
		if (reason >= stats->reasons)
			stats->reasons = reason + 1;
	}
	return 0;
}

/**
 * stats_decode - read a message with counters
 * @nlh: the message
 * @stats: set on success
 *
 * Return: 0, or -EPROTO if the message is malformed or says too little.
 */
int stats_decode(const struct nlmsghdr *nlh, struct stats *stats)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct stats new = { 0 };
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_STARTED] || !tb[SOCKAUTH_A_FAILED])
		return -EPROTO;
	new.started = attr_u64(tb, SOCKAUTH_A_STARTED);
	new.done = attr_u64(tb, SOCKAUTH_A_DONE);
	new.resumed = attr_u64(tb, SOCKAUTH_A_RESUMED);
	new.pending = attr_u32(tb, SOCKAUTH_A_PENDING);
	new.open = attr_u32(tb, SOCKAUTH_A_OPEN);
	err = decode_failed(tb[SOCKAUTH_A_FAILED], &new);
	if (err)
		return err;
	*stats = new;
	return 0;
}

static int add_counter(struct table *table, const char *name, uint64_t value,
		       const char *help)
{
	char buf[TEXT_SIZE];
	const char *const cells[] = { name, text_number(value, buf), help };

	return table_add(table, cells);
}

static uint64_t failed_total(const struct stats *stats)
{
	uint64_t total = 0;
	uint32_t i;

	for (i = 0; i < stats->reasons; i++)
		total += stats->failed[i];
	return total;
}

/* Reasons that never occurred would only be noise for people. */
static int add_failed(struct table *table, const struct stats *stats)
{
	char word[TEXT_SIZE], name[TEXT_SIZE + 2];
	uint64_t total = failed_total(stats);
	uint32_t i;
	int err;

	err = add_counter(table, "failed", total, total ?
			  "connections that ended badly, by reason:" :
			  "connections that ended badly");
	for (i = 0; !err && i < stats->reasons; i++) {
		if (!stats->failed[i])
			continue;
		snprintf(name, sizeof(name), "  %s",
			 text_word(&sockauth_reason_names, i, word));
		err = add_counter(table, name, stats->failed[i], "");
	}
	return err;
}

/**
 * stats_print - print counters for people
 * @stats: the counters
 * @out: where; the caller looks at ferror()
 *
 * Return: 0 or -ENOMEM.
 */
int stats_print(const struct stats *stats, FILE *out)
{
	struct table *table = table_new(NULL, 3);
	int err;

	if (!table)
		return -ENOMEM;
	err = add_counter(table, "started", stats->started,
			  "authentications begun");
	err |= add_counter(table, "done", stats->done, "completed");
	err |= add_counter(table, "resumed", stats->resumed,
			   "of these, by resumption");
	err |= add_counter(table, "pending", stats->pending, "going on now");
	err |= add_counter(table, "open", stats->open,
			   "established connections now");
	err |= add_failed(table, stats);
	if (!err)
		table_print(table, out);
	table_free(table);
	return err;
}

static json_t *failed_json(const struct stats *stats)
{
	json_t *object = json_object();
	char word[TEXT_SIZE];
	uint32_t i;
	int err = 0;

	/* The reason 0 is that there is none. */
	for (i = 1; i < stats->reasons; i++)
		err |= json_put(object,
				text_word(&sockauth_reason_names, i, word),
				json_integer(stats->failed[i]));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/**
 * stats_json - counters for programs
 * @stats: the counters
 *
 * Return: a new object, or NULL: no memory.
 */
json_t *stats_json(const struct stats *stats)
{
	json_t *object = json_object();
	int err;

	err = json_put(object, "started", json_integer(stats->started));
	err |= json_put(object, "done", json_integer(stats->done));
	err |= json_put(object, "resumed", json_integer(stats->resumed));
	err |= json_put(object, "pending", json_integer(stats->pending));
	err |= json_put(object, "open", json_integer(stats->open));
	err |= json_put(object, "failed", failed_json(stats));
	if (err) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static int decode_answer(const struct nlmsghdr *nlh, void *arg)
{
	return stats_decode(nlh, arg);
}

static int stats_run(struct cli *cli, int argc, char **argv)
{
	struct stats stats = { 0 };
	int ret, err;

	if (argc)
		return bad_usage(&stats_command, "it takes no argument: %s",
				 argv[0]);
	ret = kernel_open(cli);
	if (ret)
		return ret;
	ret = kernel_ask(cli, kernel_begin(cli, SOCKAUTH_CMD_STATS_GET),
			 decode_answer, &stats);
	if (ret)
		return ret;
	if (cli->json)
		err = json_print(stats_json(&stats), cli->out);
	else
		err = stats_print(&stats, cli->out);
	return err ? no_memory() : CLI_OK;
}

const struct command stats_command = {
	.name = "stats",
	.args = "",
	.summary = "show the counters of this network namespace",
	.run = stats_run,
};
