/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_CONFKEY_H
#define SOCKAUTHD_CONFKEY_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

/**
 * struct config_parser - how far a configuration is parsed
 * @config: what it says
 * @name: of the file
 * @next: line to read
 * @in_daemon: the section is [daemon]
 * @in_profile: it is that of the last profile
 * @line: number of the one before
 * @err: the first error
 * @text: set to what is wrong
 * @size: of @text
 */
struct config_parser {
	struct config *config;
	const char *name;
	const char *next;
	bool in_daemon;
	bool in_profile;
	int line;
	int err;
	char *text;
	size_t size;
};

int config_fail(struct config_parser *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
char *config_copy(struct config_parser *p, const char *value, size_t len);
int config_parse_psk(const char *value, struct config_psk *psk,
		     size_t *identity_len);
int config_set_daemon(struct config_parser *p, const char *name,
		      const char *value);
int config_set_profile(struct config_parser *p, struct config_profile *profile,
		       const char *name, const char *value);

#endif /* SOCKAUTHD_CONFKEY_H */
