/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limits of a network namespace, as SOCKAUTH_CMD_LIMITS_GET tells them
 * and SOCKAUTH_CMD_LIMITS_SET changes them.
 */
#ifndef CLI_LIMITS_H
#define CLI_LIMITS_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <libmnl/libmnl.h>

#include "cli.h"

/**
 * struct limit - what can be set
 * @name: the word for it
 * @attr: enum sockauth_attr
 * @min: smallest value that the kernel takes
 * @max: largest one
 * @help: what it limits
 */
struct limit {
	const char *name;
	int attr;
	uint32_t min;
	uint32_t max;
	const char *help;
};

#define N_LIMITS	6

extern const struct limit limits[N_LIMITS];

const struct limit *limit_find(const char *name);
int limits_decode(const struct nlmsghdr *nlh, uint32_t values[N_LIMITS]);
int limits_print(const uint32_t values[N_LIMITS], FILE *out);
json_t *limits_json(const uint32_t values[N_LIMITS]);
int limits_show(struct cli *cli);

#endif /* CLI_LIMITS_H */
