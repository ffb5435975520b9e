/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker of the security daemon, as SOCKAUTH_CMD_WORKER_GET tells it.
 */
#ifndef CLI_WORKER_H
#define CLI_WORKER_H

#include <stdint.h>

#include <jansson.h>
#include <libmnl/libmnl.h>

#include "table.h"

/**
 * struct worker - one worker
 * @portid: its netlink port
 * @age_ms: since it was bound
 * @window: events that may be unanswered
 * @outstanding: events that are
 * @contexts: authentications in progress
 * @answered: events answered so far
 */
struct worker {
	uint32_t portid;
	uint64_t age_ms;
	uint32_t window;
	uint32_t outstanding;
	uint32_t contexts;
	uint64_t answered;
};

#define WORKER_COLUMNS	6

extern const char *const worker_heads[WORKER_COLUMNS];

int worker_decode(const struct nlmsghdr *nlh, struct worker *worker);
int worker_row(const struct worker *worker, struct table *table);
json_t *worker_json(const struct worker *worker);

#endif /* CLI_WORKER_H */
