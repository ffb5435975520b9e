/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of a handshake, and what a network or a peer may do to them.
 */
#ifndef FUZZ_PIECE_H
#define FUZZ_PIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"

#define PIECES_MAX	16
#define PIECE_MAX	(17 * 1024)

enum change {
	CHANGE_XOR,	/* a byte of the content */
	CHANGE_SET,
	CHANGE_CUT,	/* the content at the offset */
	CHANGE_INSERT,	/* bytes of the input */
	CHANGE_REPLACE,	/* the content, by bytes of the input */
	CHANGE_DOUBLE,	/* the record */
	CHANGE_DROP,
	CHANGE_SWAP,	/* with the next one */
	CHANGE_SPLIT,	/* into two records */
	CHANGE_TYPE,
	CHANGE_SEAL,	/* what was not, and the other way round */
	CHANGE_LENGTH,	/* in the header */
	CHANGE_WIRE,	/* a byte of what is encrypted, or of the version */
	CHANGE_GLUE,	/* one token with the next record */
	CHANGE_MALFORMED,	/* the module says that it is no record */
	CHANGES,
};

/**
 * struct piece - a record
 * @type: of the content
 * @version: in the header
 * @sealed: with the peer's handshake keys
 * @glued: comes together with the next one
 * @malformed: the module says so
 * @extra: what the header's length has too much
 * @wire: changes the byte at @wire_offset, behind the encryption
 * @len: of @data
 */
struct piece {
	uint8_t type;
	uint16_t version;
	bool sealed;
	bool glued;
	bool malformed;
	int8_t extra;
	uint8_t wire;
	uint16_t wire_offset;
	size_t len;
	uint8_t data[PIECE_MAX];
};

/**
 * struct pieces - those of a handshake
 * @at: in their order, and behind them those that are not used
 * @count: how many are used
 */
struct pieces {
	struct piece *at[PIECES_MAX];
	size_t count;
};

void pieces_init(struct pieces *p);
void pieces_take(struct pieces *p, const struct piece *list, size_t count);
void pieces_change(struct pieces *p, struct input *in);

#endif /* FUZZ_PIECE_H */
