/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers of the kernel share: processes, random numbers out of a seed, how long
 * to go on, and the report.
 *
 *	FUZZ_SEED	number that all choices come from (default 1)
 *	FUZZ_SECONDS	how long (default: until the fuzzer's own count)
 *
 * What the scheduler does is not in the seed: the same seed makes the same
 * choices, and meets the same kernel at about the same moments.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread owns it. */
struct fuzz_random {
	uint64_t	state;
};

/* The stream of random numbers number STREAM of the seed. */
struct fuzz_random fuzz_random(uint64_t seed, unsigned int stream);

uint64_t fuzz_next(struct fuzz_random *random);

/* From 0 to N - 1; N is not 0. */
uint32_t fuzz_below(struct fuzz_random *random, uint32_t n);
bool fuzz_chance(struct fuzz_random *random, unsigned int percent);

/* A number that programs get wrong: next to a power of two, 0, -1... */
uint64_t fuzz_number(struct fuzz_random *random);
void fuzz_bytes(struct fuzz_random *random, void *buf, size_t len);

/**
 * struct fuzz_plan - how much to do
 * @seed: see above
 * @count: operations after which to end, if @seconds is 0
 * @seconds: else how long
 */
struct fuzz_plan {
	uint64_t	seed;
	uint64_t	count;
	unsigned int	seconds;
};

/*
 * A process of its own for each of WORLDS: WORLD is called in it with the
 * number of the world and returns how many operations it did, or -errno, after
 * it has said why. A process that dies has failed too.
 */
typedef int64_t (*fuzz_world)(const struct fuzz_plan *plan, unsigned int number);

/* The whole of main(): runs the WORLDS and reports in KTAP, as test NAME. */
int fuzz_main(int argc, char **argv, const char *name, fuzz_world world,
	      unsigned int worlds, uint64_t count);

/* Has a world that began at START, in seconds, and did DONE, done enough? */
bool fuzz_enough(const struct fuzz_plan *plan, int64_t start, uint64_t done);
int64_t fuzz_now(void);

#endif /* WORLD_H */
