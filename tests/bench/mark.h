/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the client begins and ends to measure: instructions that do nothing,
 * "nopl NUMBER(%rax)", which tests/bench/plugin.c knows.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_BEGIN	0x01
#define MARK_END	0x02

#define MARK_BYTES(which)	0x0f, 0x1f, 0x80, which, 0xbe, 0xac, 0x50
#define MARK_TEXT(...)		MARK_TEXT_(__VA_ARGS__)
#define MARK_TEXT_(...)		#__VA_ARGS__

#define mark(which) \
	__asm__ volatile(".byte " MARK_TEXT(MARK_BYTES(which)) : : : "memory")

#endif /* BENCH_MARK_H */
