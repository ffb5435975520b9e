// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What OpenSSL takes for random, so that a handshake can be had twice: two
 * streams, one for us and one for our peer, because what a peer takes must not
 * change what we get.  One thread.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/rand.h>

#include "fuzz.h"

static uint64_t state[RANDOM_STREAMS];
static enum random_stream current;

/* The generator splitmix64. */
static uint8_t next_byte(void)
{
	uint64_t z = state[current] += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static int bytes(unsigned char *buf, int len)
{
	int i;

	for (i = 0; i < len; i++)
		buf[i] = next_byte();
	return 1;
}

static int status(void)
{
	return 1;
}

/**
 * random_init - take the place of OpenSSL's generator
 */
void random_init(void)
{
	static const RAND_METHOD method = {
		.bytes = bytes, .pseudorand = bytes, .status = status,
	};

	fuzz_check(RAND_set_rand_method(&method), "OpenSSL takes our generator");
	random_reset();
}

/**
 * random_reset - begin both streams again
 */
void random_reset(void)
{
	state[RANDOM_OURS] = 1;
	state[RANDOM_PEER] = 2;
	current = RANDOM_OURS;
}

/**
 * random_switch - say whose turn it is
 * @stream: who takes random bytes from now on
 */
void random_switch(enum random_stream stream)
{
	current = stream;
}

/**
 * random_tell - where the stream is
 *
 * Return: a position, for random_seek().
 */
uint64_t random_tell(void)
{
	return state[current];
}

/**
 * random_seek - go on from somewhere else
 * @position: of random_tell()
 */
void random_seek(uint64_t position)
{
	state[current] = position;
}
