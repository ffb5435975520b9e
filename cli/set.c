// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * set - change limits: all that are given, or none.  Owns nothing; the table
 * of limits is in limits.c.
 */
#include <inttypes.h>
#include <stddef.h>

#include "cli.h"
#include "limits.h"
#include "text.h"

/* What the command line asks for, in the order of the table. */
struct wish {
	bool given[N_LIMITS];
	uint32_t values[N_LIMITS];
};

static int read_pair(struct wish *wish, const char *name, const char *value)
{
	const struct limit *limit = limit_find(name);
	uint64_t number;
	ptrdiff_t i;

	if (!limit)
		return bad_usage(&set_command,
				 "there is no limit named %s (sockauth set --help lists them)",
				 name);
	i = limit - limits;
	if (wish->given[i])
		return bad_usage(&set_command, "%s is given twice", name);
	if (text_to_number(value, &number) || number < limit->min ||
	    number > limit->max)
		return bad_usage(&set_command,
				 "%s must be a number from %" PRIu32
				 " to %" PRIu32 ", not %s",
				 name, limit->min, limit->max, value);
	wish->given[i] = true;
	wish->values[i] = number;
	return CLI_OK;
}

static int send_wish(struct cli *cli, const struct wish *wish)
{
	struct nlmsghdr *nlh;
	size_t i;

	nlh = kernel_begin(cli, SOCKAUTH_CMD_LIMITS_SET);
	for (i = 0; i < N_LIMITS; i++)
		if (wish->given[i])
			mnl_attr_put_u32(nlh, limits[i].attr, wish->values[i]);
	return kernel_ask(cli, nlh, NULL, NULL);
}

static int set_run(struct cli *cli, int argc, char **argv)
{
	struct wish wish = { 0 };
	int ret, i;

	if (!argc || argc % 2)
		return bad_usage(&set_command, "names and values go in pairs");
	for (i = 0; i < argc; i += 2) {
		ret = read_pair(&wish, argv[i], argv[i + 1]);
		if (ret)
			return ret;
	}
	ret = kernel_open(cli);
	if (!ret)
		ret = send_wish(cli, &wish);
	/* A program gets what holds now; a person asked for it just now. */
	if (ret || !cli->json)
		return ret;
	return limits_show(cli);
}

static void set_details(FILE *out)
{
	size_t i;

	for (i = 0; i < N_LIMITS; i++)
		fprintf(out, "  %-11s  %s (%" PRIu32 " to %" PRIu32 ")\n",
			limits[i].name, limits[i].help, limits[i].min,
			limits[i].max);
}

const struct command set_command = {
	.name = "set",
	.args = "LIMIT VALUE [LIMIT VALUE]...",
	.summary = "change limits of this network namespace",
	.details = set_details,
	.run = set_run,
};
