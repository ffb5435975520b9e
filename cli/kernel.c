// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The conversation with the kernel module: questions, answers, and what to
 * tell the administrator when there is none.  Owns the netlink socket in
 * struct cli, which main() closes.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

/* A dump that races with a change is begun again; a busy server is patient. */
#define DUMP_ATTEMPTS	10

/**
 * kernel_refused - say why the kernel did not do it
 * @err: negative errno
 * @text: its explanation, or ""
 *
 * Return: enum cli_exit.
 */
int kernel_refused(int err, const char *text)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		complain("this needs CAP_NET_ADMIN: run as root");
		return CLI_NO_RIGHTS;
	case -EOPNOTSUPP:
		complain("the loaded module does not know this command: load the one of this version");
		return CLI_REFUSED;
	case -EPROTO:
		complain("the answer of the kernel makes no sense: module and program are of different versions");
		return CLI_REFUSED;
	case -ENOMEM:
		return no_memory();
	}
	complain("the kernel refused: %s%s%s", text, *text ? ": " : "",
		 strerror(-err));
	return CLI_REFUSED;
}

/**
 * kernel_open - open the netlink family
 * @cli: gets the socket
 *
 * Return: enum cli_exit; the reason was said.
 */
int kernel_open(struct cli *cli)
{
	int err = sockauth_genl_open(&cli->genl);

	if (!err)
		return CLI_OK;
	if (err == -ENOENT) {
		complain("kernel module sockauth is not loaded: modprobe sockauth");
		return CLI_NO_MODULE;
	}
	return kernel_refused(err, "");
}

/**
 * kernel_begin - begin a request
 * @cli: with an open socket
 * @cmd: enum sockauth_cmd
 *
 * Return: the message, which lives until the next one is begun.
 */
struct nlmsghdr *kernel_begin(struct cli *cli, uint8_t cmd)
{
	return sockauth_genl_begin(cli->genl, cli->request, cmd, NLM_F_ACK);
}

/**
 * kernel_ask - send a request and read the answer
 * @cli: with an open socket
 * @nlh: the request
 * @cb: called for the answer; may be NULL
 * @arg: for @cb
 *
 * Return: enum cli_exit; what went wrong was said.
 */
int kernel_ask(struct cli *cli, struct nlmsghdr *nlh, sockauth_genl_cb cb,
	       void *arg)
{
	char text[256];
	int err;

	err = sockauth_genl_transact(cli->genl, nlh, cb, arg, text,
				     sizeof(text));
	return err ? kernel_refused(err, text) : CLI_OK;
}

/**
 * kernel_dump - ask for a list
 * @cli: with an open socket
 * @cmd: enum sockauth_cmd
 * @cb: called for each entry
 * @again: called when all that @cb was told is void and the list begins anew
 * @arg: for both
 *
 * Return: enum cli_exit; what went wrong was said.
 */
int kernel_dump(struct cli *cli, uint8_t cmd, sockauth_genl_cb cb,
		void (*again)(void *arg), void *arg)
{
	char text[256];
	struct nlmsghdr *nlh;
	int err, attempt;

	for (attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
		nlh = sockauth_genl_begin(cli->genl, cli->request, cmd,
					  NLM_F_DUMP);
		err = sockauth_genl_transact(cli->genl, nlh, cb, arg, text,
					     sizeof(text));
		if (err != -EINTR)
			return err ? kernel_refused(err, text) : CLI_OK;
		again(arg);
	}
	complain("the list changed all the time while it was read: try again");
	return CLI_REFUSED;
}
