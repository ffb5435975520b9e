// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line.  One table has all options, and --help is made of it.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "options.h"

#define VERSION	"0.1"

enum {
	OPT_CHECK_CONFIG = 256,
	OPT_FOREGROUND,
	OPT_HELP,
	OPT_VERSION,
};

static const struct {
	struct option option;
	const char *usage;
	const char *help;
} table[] = {
	{ { "config", required_argument, NULL, 'c' }, "-c, --config FILE",
	  "configuration (default " CONFIG_PATH ")" },
	{ { "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
	  "--check-config", "say what is wrong with the configuration, and end" },
	{ { "foreground", no_argument, NULL, OPT_FOREGROUND },
	  "--foreground", "stay in the foreground, which it does anyway" },
	{ { "verbose", no_argument, NULL, 'v' }, "-v, --verbose",
	  "log why each authentication failed" },
	{ { "help", no_argument, NULL, OPT_HELP }, "--help", "this text" },
	{ { "version", no_argument, NULL, OPT_VERSION }, "--version",
	  "the version" },
};

#define COUNT (sizeof(table) / sizeof(table[0]))

static void print_help(void)
{
	size_t i;

	printf("Usage: sockauthd [OPTION...]\n\n"
	       "Authenticates the connections of sockets that are marked for it.\n\n");
	for (i = 0; i < COUNT; i++)
		printf("  %-20s %s\n", table[i].usage, table[i].help);
	printf("\nExit codes: 0 ended by a signal, or the configuration is right;\n"
	       "1 failed; 2 usage, or the configuration is wrong;\n"
	       "3 the kernel module is not loaded.\n");
}

/**
 * options_parse - parse the command line
 * @argc: of main()
 * @argv: of main()
 * @options: set
 *
 * Return: -1 to go on, or an exit code: everything is said.
 */
int options_parse(int argc, char **argv, struct options *options)
{
	struct option longs[COUNT + 1] = { 0 };
	size_t i;
	int c;

	for (i = 0; i < COUNT; i++)
		longs[i] = table[i].option;
	*options = (struct options) { .config = CONFIG_PATH };
	while ((c = getopt_long(argc, argv, "c:v", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'v':
			options->verbose = true;
			break;
		case OPT_CHECK_CONFIG:
			options->check_config = true;
			break;
		case OPT_FOREGROUND:
			break;
		case OPT_HELP:
			print_help();
			return EXIT_OK;
		case OPT_VERSION:
			printf("sockauthd " VERSION "\n");
			return EXIT_OK;
		default:
			fprintf(stderr, "Try \"sockauthd --help\".\n");
			return EXIT_CONFIG;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "sockauthd: unexpected argument \"%s\"\n",
		argv[optind]);
	return EXIT_CONFIG;
}
