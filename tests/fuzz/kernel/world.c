// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random numbers, and the report of a fuzzer. Owns the processes that it
 * starts.
 */
#include "world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORLDS_MAX	8

/* Sebastiano Vigna's splitmix64: any state is a good one. */
uint64_t fuzz_next(struct fuzz_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

struct fuzz_random fuzz_random(uint64_t seed, unsigned int stream)
{
	struct fuzz_random random = { .state = seed };

	random.state = fuzz_next(&random) + stream;
	random.state = fuzz_next(&random);
	return random;
}

uint32_t fuzz_below(struct fuzz_random *random, uint32_t n)
{
	return fuzz_next(random) % n;
}

bool fuzz_chance(struct fuzz_random *random, unsigned int percent)
{
	return fuzz_below(random, 100) < percent;
}

uint64_t fuzz_number(struct fuzz_random *random)
{
	uint64_t n = 1ULL << fuzz_below(random, 64);

	switch (fuzz_below(random, 5)) {
	case 0:
		return fuzz_below(random, 32);
	case 1:
		return n;
	case 2:
		return n - 1;
	case 3:
		return -(uint64_t)fuzz_below(random, 32);
	default:
		return fuzz_next(random);
	}
}

void fuzz_bytes(struct fuzz_random *random, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len--)
		*p++ = fuzz_next(random);
}

int64_t fuzz_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

bool fuzz_enough(const struct fuzz_plan *plan, int64_t start, uint64_t done)
{
	if (plan->seconds)
		return fuzz_now() - start >= plan->seconds;
	return done >= plan->count;
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* In the process of a world: its count goes to the parent. */
static void run_world(fuzz_world world, const struct fuzz_plan *plan,
		      unsigned int number, int to)
{
	int64_t done = world(plan, number);

	if (write(to, &done, sizeof(done)) != sizeof(done))
		_exit(2);
	fflush(NULL);
	_exit(done < 0);
}

/* Collect the worlds; returns how many operations they did, or -1. */
static int64_t collect(unsigned int worlds, const pid_t *pids, const int *from)
{
	int64_t sum = 0, done;
	bool failed = false;
	unsigned int i;
	int status;

	for (i = 0; i < worlds; i++) {
		if (read(from[i], &done, sizeof(done)) != sizeof(done))
			done = -EPIPE;
		waitpid(pids[i], &status, 0);
		if (done < 0 || status) {
			printf("# world %u: %s, exit status %#x\n", i,
			       done < 0 ? strerror(-done) : "ended", status);
			failed = true;
		}
		sum += done;
	}
	return failed ? -1 : sum;
}

static int64_t run(const struct fuzz_plan *plan, fuzz_world world,
		   unsigned int worlds)
{
	int from[WORLDS_MAX], ends[2];
	pid_t pids[WORLDS_MAX];
	unsigned int i;

	for (i = 0; i < worlds; i++) {
		if (pipe(ends))
			return -1;
		fflush(NULL);
		pids[i] = fork();
		if (pids[i] < 0)
			return -1;
		if (!pids[i])
			run_world(world, plan, i, ends[1]);
		close(ends[1]);
		from[i] = ends[0];
	}
	return collect(worlds, pids, from);
}

int fuzz_main(int argc, char **argv, const char *name, fuzz_world world,
	      unsigned int worlds, uint64_t count)
{
	struct fuzz_plan plan = {
		.seed = env_number("FUZZ_SEED", 1),
		.seconds = env_number("FUZZ_SECONDS", 0),
		.count = count / worlds,
	};
	int64_t done;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		printf("fuzz.%s\n", name);
		return 0;
	}
	printf("TAP version 13\n1..1\n");
	done = run(&plan, world, worlds);
	if (done >= 0)
		printf("# %" PRId64 " operations, seed %" PRIu64 "\n", done,
		       plan.seed);
	printf("%sok 1 fuzz.%s\n", done > 0 ? "" : "not ", name);
	return done <= 0;
}
