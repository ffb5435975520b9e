/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands have in common: the command table's entries, the exit
 * codes, and the conversation with the kernel module (kernel.c).
 *
 * The program has one thread; nothing here needs a lock.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sockauth/genl.h>

/**
 * enum cli_exit - exit codes, as sockauth(8) promises them
 * @CLI_OK: done
 * @CLI_REFUSED: the kernel said no, nothing matched, or the output could not
 *	be written
 * @CLI_USAGE: the command line is wrong
 * @CLI_NO_MODULE: the kernel module is not loaded
 * @CLI_NO_RIGHTS: CAP_NET_ADMIN is missing
 */
enum cli_exit {
	CLI_OK,
	CLI_REFUSED,
	CLI_USAGE,
	CLI_NO_MODULE,
	CLI_NO_RIGHTS,
};

/**
 * struct cli - one run of the program
 * @genl: socket of the family, once kernel_open() was called
 * @json: -j was given
 * @out: where results go
 * @unwritten: some of them could not be written, which was said
 * @request: the message that kernel_begin() has begun; larger than any
 */
struct cli {
	struct sockauth_genl *genl;
	bool json;
	FILE *out;
	bool unwritten;
	char request[4096] __attribute__((aligned(MNL_ALIGNTO)));
};

/**
 * struct command - what one word on the command line does
 * @name: the word
 * @args: its arguments, as the usage shows them
 * @summary: one line of help
 * @details: prints more help, from the tables that the command itself uses;
 *	may be NULL
 * @run: does it with the arguments behind the word; returns enum cli_exit
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	void (*details)(FILE *out);
	int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command show_command;
extern const struct command stats_command;
extern const struct command monitor_command;
extern const struct command kill_command;
extern const struct command set_command;

void print_synopsis(FILE *out, const struct command *command);
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int bad_usage(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int no_memory(void);
bool flush_output(struct cli *cli);

int kernel_open(struct cli *cli);
struct nlmsghdr *kernel_begin(struct cli *cli, uint8_t cmd);
int kernel_ask(struct cli *cli, struct nlmsghdr *nlh, sockauth_genl_cb cb,
	       void *arg);
int kernel_dump(struct cli *cli, uint8_t cmd, sockauth_genl_cb cb,
		void (*again)(void *arg), void *arg);
int kernel_refused(int err, const char *text);

#endif /* CLI_CLI_H */
