// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is wrong, and how it is right: everything that goes to standard error.
 * No state.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "cli.h"

/**
 * complain - say on standard error what is wrong
 * @fmt: a line without its end, as for printf
 */
void complain(const char *fmt, ...)
{
	va_list ap;

	fputs("sockauth: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/**
 * no_memory - say that there is none
 *
 * Return: CLI_REFUSED.
 */
int no_memory(void)
{
	complain("out of memory");
	return CLI_REFUSED;
}

/**
 * flush_output - bring the results to where they go
 * @cli: the run
 *
 * A full disk may be noticed only now.
 *
 * Return: true; or false: what could not be written was said, once.
 */
bool flush_output(struct cli *cli)
{
	if (cli->unwritten)
		return false;
	errno = 0;
	if (!fflush(cli->out) && !ferror(cli->out))
		return true;
	cli->unwritten = true;
	complain("cannot write the output%s%s", errno ? ": " : "",
		 errno ? strerror(errno) : "");
	return false;
}

/**
 * print_synopsis - print how a command is used, in one line
 * @out: where
 * @command: the command
 */
void print_synopsis(FILE *out, const struct command *command)
{
	fprintf(out, "usage: sockauth [-j] %s%s%s\n", command->name,
		*command->args ? " " : "", command->args);
}

/**
 * bad_usage - say what is wrong with the arguments, and how it is right
 * @command: the command that they were for
 * @fmt: what is wrong, as for printf
 *
 * Return: CLI_USAGE.
 */
int bad_usage(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "sockauth: %s: ", command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	print_synopsis(stderr, command);
	return CLI_USAGE;
}
