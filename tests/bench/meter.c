// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counters of the kernel that are exact, and not sampled by a clock tick.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "meter.h"

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static uint64_t of_timeval(const struct timeval *tv)
{
	return tv->tv_sec * UINT64_C(1000000000) +
	       tv->tv_usec * UINT64_C(1000);
}

/* The sum over all CPUs of the seventh figure, the time that tasks have run. */
static uint64_t read_busy(void)
{
	FILE *f = fopen("/proc/schedstat", "re");
	uint64_t sum = 0, ns;
	char line[4096];

	if (!f)
		err(1, "/proc/schedstat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %" SCNu64,
			   &ns) == 1)
			sum += ns;
	fclose(f);
	return sum;
}

static uint64_t read_switches(void)
{
	FILE *f = fopen("/proc/stat", "re");
	uint64_t count = 0;
	char line[4096];

	if (!f)
		err(1, "/proc/stat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "ctxt %" SCNu64, &count) == 1)
			break;
	fclose(f);
	return count;
}

/**
 * meter_read - look at the counters
 * @m: set
 *
 * A task's time is added to the CPU's when it leaves the CPU, hence the sleep.
 */
void meter_read(struct meter *m)
{
	const struct timespec moment = { .tv_nsec = 1000 };
	struct rusage children;

	nanosleep(&moment, NULL);
	getrusage(RUSAGE_CHILDREN, &children);
	m->client = read_clock(CLOCK_PROCESS_CPUTIME_ID) +
		    of_timeval(&children.ru_utime) +
		    of_timeval(&children.ru_stime);
	m->busy = read_busy();
	m->elapsed = read_clock(CLOCK_MONOTONIC_RAW);
	m->switches = read_switches();
}
