// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill - end connections.  Owns the table of what they can be named by.
 */
#include <errno.h>
#include <string.h>

#include "attr.h"
#include "cli.h"
#include "json.h"
#include "text.h"

/* Names are shorter than @size, which is 0 for a number. */
static const struct selector {
	const char *word;
	const char *value;
	const char *help;
	int attr;
	size_t size;
} selectors[] = {
	{ "id", "N", "the one with this id",
	  SOCKAUTH_A_ID, 0 },
	{ "peer", "NAME", "all whose peer proved to be exactly this",
	  SOCKAUTH_A_PEER_NAME, SOCKAUTH_PEER_NAME_MAX },
	{ "profile", "NAME", "all that use this profile",
	  SOCKAUTH_A_PROFILE, SOCKAUTH_PROFILE_MAX },
};

#define N_SELECTORS	(sizeof(selectors) / sizeof(selectors[0]))

static const struct selector *find_selector(const char *word)
{
	size_t i;

	for (i = 0; i < N_SELECTORS; i++)
		if (!strcmp(selectors[i].word, word))
			return &selectors[i];
	return NULL;
}

static int check_value(const struct selector *selector, const char *value,
		       uint64_t *id)
{
	if (!selector->size && text_to_number(value, id))
		return bad_usage(&kill_command, "%s is no id", value);
	if (selector->size && !*value)
		return bad_usage(&kill_command, "the name is empty");
	if (selector->size && strlen(value) >= selector->size)
		return bad_usage(&kill_command,
				 "the name is longer than %zu bytes",
				 selector->size - 1);
	return CLI_OK;
}

static int decode_count(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	uint32_t *count = arg;
	int err;

	err = sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_COUNT])
		return -EPROTO;
	*count = attr_u32(tb, SOCKAUTH_A_COUNT);
	return 0;
}

static int print_count(struct cli *cli, uint32_t count)
{
	if (cli->json)
		return json_print(json_pack("{s:I}", "killed",
					    (json_int_t)count), cli->out);
	if (count)
		fprintf(cli->out, "%u connection%s ended\n", count,
			count == 1 ? "" : "s");
	return 0;
}

static int kill_run(struct cli *cli, int argc, char **argv)
{
	const struct selector *selector;
	struct nlmsghdr *nlh;
	uint32_t count = 0;
	uint64_t id = 0;
	int ret;

	if (argc != 2)
		return bad_usage(&kill_command, "which connections?");
	selector = find_selector(argv[0]);
	if (!selector)
		return bad_usage(&kill_command,
				 "connections are not named by %s", argv[0]);
	ret = check_value(selector, argv[1], &id);
	if (!ret)
		ret = kernel_open(cli);
	if (ret)
		return ret;
	nlh = kernel_begin(cli, SOCKAUTH_CMD_CONN_KILL);
	if (selector->size)
		mnl_attr_put_strz(nlh, selector->attr, argv[1]);
	else
		mnl_attr_put_u64(nlh, selector->attr, id);
	ret = kernel_ask(cli, nlh, decode_count, &count);
	if (ret)
		return ret;
	if (print_count(cli, count))
		return no_memory();
	if (count)
		return CLI_OK;
	complain("no connection has %s %s (sockauth show lists them)",
		 argv[0], argv[1]);
	return CLI_REFUSED;
}

static void kill_details(FILE *out)
{
	size_t i;

	for (i = 0; i < N_SELECTORS; i++)
		fprintf(out, "  %-7s %-4s  %s\n", selectors[i].word,
			selectors[i].value, selectors[i].help);
}

const struct command kill_command = {
	.name = "kill",
	.args = "id N | peer NAME | profile NAME",
	.summary = "end connections",
	.details = kill_details,
	.run = kill_run,
};
