// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See fuzz.h.  `NAME --seeds DIR` writes the inputs to begin with; everything
 * else is libFuzzer's.  No lock: libFuzzer has one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is left of standard error, which libFuzzer takes from the target. */
static int report;
static const char *seed_dir;
static unsigned int seed_count;

/**
 * fuzz_check - what must hold whatever the input
 * @good: whether it does
 * @what: it is
 */
void fuzz_check(int good, const char *what)
{
	if (good)
		return;
	dprintf(report, "fuzz: this must hold: %s\n", what);
	abort();
}

/**
 * fuzz_seed - an input to begin with
 * @data: the input
 * @len: of @data
 */
void fuzz_seed(const void *data, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%03u", seed_dir, seed_count++);
	file = fopen(path, "w");
	fuzz_check(file && fwrite(data, 1, len, file) == len && !fclose(file),
		   "seeds can be written");
}

/**
 * input_number - take a number off the input
 * @in: the input
 * @size: bytes of the number, most significant first
 *
 * Return: the number; what is missing at the end of the input is zero.
 */
uint32_t input_number(struct input *in, size_t size)
{
	uint32_t number = 0;

	while (size--) {
		number <<= 8;
		if (in->len) {
			number |= *in->data++;
			in->len--;
		}
	}
	return number;
}

/**
 * input_take - take bytes off the input
 * @in: the input
 * @len: how many; fewer at its end
 *
 * Return: the bytes.
 */
struct input input_take(struct input *in, size_t len)
{
	struct input taken = { in->data, len < in->len ? len : in->len };

	in->data += taken.len;
	in->len -= taken.len;
	return taken;
}

/**
 * seed_bytes - append to a seed
 * @seed: the seed
 * @data: what
 * @len: of @data
 */
void seed_bytes(struct seed *seed, const void *data, size_t len)
{
	fuzz_check(len <= sizeof(seed->data) - seed->len, "seeds are short");
	memcpy(seed->data + seed->len, data, len);
	seed->len += len;
}

/**
 * seed_number - append a number to a seed
 * @seed: the seed
 * @number: what
 * @size: bytes of the number
 */
void seed_number(struct seed *seed, uint32_t number, size_t size)
{
	uint8_t bytes[4] = { 0 };
	size_t i;

	for (i = 0; i < size; i++)
		bytes[i] = number >> 8 * (size - 1 - i);
	seed_bytes(seed, bytes, size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	report = dup(STDERR_FILENO);
	fuzz_setup();
	if (*argc != 3 || strcmp((*argv)[1], "--seeds"))
		return 0;
	seed_dir = (*argv)[2];
	fuzz_seeds();
	exit(EXIT_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };

	fuzz_one(&in);
	return 0;
}
