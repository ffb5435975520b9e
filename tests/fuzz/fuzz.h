/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzzers of user space have in common.  A target is one file, which
 * defines the three functions below; fuzz.c joins it to libFuzzer.
 *
 * A target does the same each time that it gets the same input: a number is
 * enough to repeat a run.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct input - what is left of the fuzzer's bytes
 * @data: the bytes
 * @len: how many
 */
struct input {
	const uint8_t *data;
	size_t len;
};

/* Each target has these: before all; one input; inputs to begin with. */
void fuzz_setup(void);
void fuzz_one(struct input *in);
void fuzz_seeds(void);

void fuzz_seed(const void *data, size_t len);
void fuzz_check(int good, const char *what);

uint32_t input_number(struct input *in, size_t size);
struct input input_take(struct input *in, size_t len);

/* Bytes of a seed, written in the way in which an input is read. */
struct seed {
	uint8_t data[64 * 1024];
	size_t len;
};

void seed_number(struct seed *seed, uint32_t number, size_t size);
void seed_bytes(struct seed *seed, const void *data, size_t len);

/* random.c: what OpenSSL takes for random, one stream for each side. */
enum random_stream {
	RANDOM_OURS,
	RANDOM_PEER,
	RANDOM_STREAMS,
};

void random_init(void);
void random_reset(void);
void random_switch(enum random_stream stream);
uint64_t random_tell(void);
void random_seek(uint64_t position);

#endif /* FUZZ_H */
