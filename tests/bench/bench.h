/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What client and servers of the benchmark have agreed on: the first
 * BENCH_REQUEST bytes of a connection say what is to be done on it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#define BENCH_REQUEST	16
#define BENCH_SUITE	"TLS_AES_128_GCM_SHA256"
#define BENCH_GROUP	"X25519"
#define BENCH_PSK_NAME	"bench"
/* As in the profile "psk" of tests/bench/guest. */
#define BENCH_PSK	"\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b" \
			"\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b\x6b" \
			"\x6b\x6b\x6b\x6b\x6b\x6b"
#define BENCH_PSK_LEN	32
#define BENCH_SIZE_MAX	(1 << 20)

enum bench_op {
	BENCH_ANSWER,	/* as many bytes back, then wait for the end */
	BENCH_ECHO,	/* again and again: size bytes, and back again */
	BENCH_FILE,	/* for each byte, size bytes of a file */
	BENCH_HOLD,	/* answer, and keep the connection */
};

struct bench_request {
	uint32_t op;
	uint32_t size;
	uint8_t rest[BENCH_REQUEST - 8];
};

_Static_assert(sizeof(struct bench_request) == BENCH_REQUEST, "no holes");

#endif /* BENCH_H */
