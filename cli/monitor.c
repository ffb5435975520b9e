// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * monitor - one line for each connection that opens, fails or ends.  Owns
 * nothing but the loop.
 */
#include <errno.h>
#include <time.h>

#include "cli.h"
#include "conn.h"
#include "json.h"
#include "text.h"

/* Larger than any notification: names and text have limits. */
#define RX_SIZE		(32 * 1024)

/* The kernel sent faster than we read: say so where the events go. */
static int print_lost(struct cli *cli, const struct timespec *now)
{
	char time[TEXT_SIZE];

	text_time(now, time);
	if (cli->json)
		return json_print(json_pack("{s:s, s:s}", "time", time,
					    "event", "lost"), cli->out);
	fprintf(cli->out, "%s lost\n", time);
	return 0;
}

static int print_event(struct cli *cli, const struct nlmsghdr *nlh,
		       const struct timespec *now)
{
	struct conn conn;
	int err;

	if (sockauth_genl_cmd(cli->genl, nlh) != SOCKAUTH_CMD_CONN_EVENT)
		return 0;
	err = conn_decode(nlh, &conn);
	if (err)
		return err;
	if (cli->json)
		return json_print(conn_event_json(&conn, now), cli->out);
	return conn_event_line(&conn, now, cli->out);
}

static int print_events(struct cli *cli, const char *buf, int left,
			const struct timespec *now)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	int err = 0;

	for (; !err && sockauth_genl_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		err = print_event(cli, nlh, now);
	return err;
}

static int monitor_loop(struct cli *cli)
{
	char buf[RX_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
	struct timespec now;
	ssize_t n;
	int err;

	for (;;) {
		n = sockauth_genl_recv(cli->genl, buf, sizeof(buf));
		clock_gettime(CLOCK_REALTIME, &now);
		if (n == -EINTR)
			continue;
		if (n == -ENOBUFS)
			err = print_lost(cli, &now);
		else if (n < 0)
			err = n;
		else
			err = print_events(cli, buf, n, &now);
		if (err)
			return kernel_refused(err, "");
		/* Whoever reads a pipe wants to know now. */
		if (!flush_output(cli))
			return CLI_REFUSED;
	}
}

static int monitor_run(struct cli *cli, int argc, char **argv)
{
	int ret, err;

	if (argc)
		return bad_usage(&monitor_command, "it takes no argument: %s",
				 argv[0]);
	ret = kernel_open(cli);
	if (ret)
		return ret;
	err = sockauth_genl_join(cli->genl);
	if (err)
		return kernel_refused(err, "");
	return monitor_loop(cli);
}

const struct command monitor_command = {
	.name = "monitor",
	.args = "",
	.summary = "print connections as they open, fail and end, until interrupted",
	.run = monitor_run,
};
