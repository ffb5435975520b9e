// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sockauth - show and change what the kernel module sockauth is doing
 *
 * Owns the table of commands, from which dispatch and every usage text are
 * made, and the process: locale, standard output, exit code.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define VERSION	"0.1"

static const struct command *const commands[] = {
	&show_command, &stats_command, &monitor_command, &kill_command,
	&set_command,
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	size_t i;

	fputs("usage: sockauth [-j] COMMAND [ARGUMENT]...\n"
	      "       sockauth --help | --version\n"
	      "       sockauth COMMAND --help\n\n"
	      "  -j  answer in JSON\n\n", out);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %s%s%s\n      %s\n", commands[i]->name,
			*commands[i]->args ? " " : "", commands[i]->args,
			commands[i]->summary);
}

static void print_help(FILE *out, const struct command *command)
{
	print_synopsis(out, command);
	fprintf(out, "%s\n", command->summary);
	if (!command->details)
		return;
	fputc('\n', out);
	command->details(out);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	const struct command *command;

	if (argc && !strcmp(argv[0], "-j")) {
		cli->json = true;
		argc--;
		argv++;
	}
	if (!argc) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[0], "--help") && argc == 1) {
		print_usage(cli->out);
		return CLI_OK;
	}
	if (!strcmp(argv[0], "--version") && argc == 1) {
		fputs("sockauth " VERSION "\n", cli->out);
		return CLI_OK;
	}
	command = find_command(argv[0]);
	if (!command) {
		complain("no such %s: %s (sockauth --help lists them)",
			 argv[0][0] == '-' ? "option" : "command", argv[0]);
		return CLI_USAGE;
	}
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		print_help(cli->out, command);
		return CLI_OK;
	}
	return command->run(cli, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	struct cli cli = { .out = stdout };
	int ret;

	setlocale(LC_CTYPE, "");
	ret = dispatch(&cli, argc - 1, argv + 1);
	sockauth_genl_close(cli.genl);
	if (!flush_output(&cli) && ret == CLI_OK)
		return CLI_REFUSED;
	return ret;
}
