/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters of a network namespace, as SOCKAUTH_CMD_STATS_GET tells them.
 */
#ifndef CLI_STATS_H
#define CLI_STATS_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>
#include <libmnl/libmnl.h>

/* More reasons than any kernel has. */
#define STATS_REASONS	256

/**
 * struct stats - counters
 * @started: authentications begun
 * @done: completed
 * @resumed: of these, by resumption
 * @pending: going on now
 * @open: established connections now
 * @failed: connections that ended badly, by enum sockauth_reason
 * @reasons: how many of these the kernel counts, with reason 0
 */
struct stats {
	uint64_t started;
	uint64_t done;
	uint64_t resumed;
	uint32_t pending;
	uint32_t open;
	uint64_t failed[STATS_REASONS];
	uint32_t reasons;
};

int stats_decode(const struct nlmsghdr *nlh, struct stats *stats);
int stats_print(const struct stats *stats, FILE *out);
json_t *stats_json(const struct stats *stats);

#endif /* CLI_STATS_H */
