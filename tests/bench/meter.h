/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdint.h>

/**
 * struct meter - what the guest has done so far
 * @elapsed: nanoseconds of the guest's clock, which are instructions
 * @busy: of these, in tasks of whatever kind; the rest was idle
 * @client: of these, in this process and in children that have ended
 * @switches: context switches
 */
struct meter {
	uint64_t elapsed;
	uint64_t busy;
	uint64_t client;
	uint64_t switches;
};

void meter_read(struct meter *m);

#endif /* BENCH_METER_H */
