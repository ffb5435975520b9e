/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_OPTIONS_H
#define SOCKAUTHD_OPTIONS_H

#include <stdbool.h>

/* Exit codes; the manual page has them. */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_CONFIG = 2,	/* usage, or the configuration is wrong */
	EXIT_NO_MODULE = 3,
};

/**
 * struct options - the command line
 * @config: path of the configuration
 * @check_config: check it and end
 * @verbose: debugging messages
 */
struct options {
	const char *config;
	bool check_config;
	bool verbose;
};

int options_parse(int argc, char **argv, struct options *options);

#endif /* SOCKAUTHD_OPTIONS_H */
