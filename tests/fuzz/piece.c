// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See piece.h.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/sockauth.h>

#include "piece.h"

/* Most are short. */
static void copy_piece(struct piece *to, const struct piece *from)
{
	memcpy(to, from, offsetof(struct piece, data) + from->len);
}

/**
 * pieces_init - memory for all of them
 * @p: set
 */
void pieces_init(struct pieces *p)
{
	size_t i;

	for (i = 0; i < PIECES_MAX; i++) {
		p->at[i] = calloc(1, sizeof(*p->at[i]));
		fuzz_check(p->at[i] != NULL, "there is memory");
	}
	p->count = 0;
}

/**
 * pieces_take - as they were recorded
 * @p: filled
 * @list: those of the recording
 * @count: how many
 */
void pieces_take(struct pieces *p, const struct piece *list, size_t count)
{
	size_t i;

	p->count = count;
	for (i = 0; i < count; i++)
		copy_piece(p->at[i], &list[i]);
}

/* A copy of the piece @i before it. */
static void double_piece(struct pieces *p, size_t i)
{
	struct piece *new = p->at[p->count];

	memmove(&p->at[i + 1], &p->at[i],
		(p->count - i) * sizeof(*p->at));
	p->at[i] = new;
	copy_piece(new, p->at[i + 1]);
	p->count++;
}

static void drop_piece(struct pieces *p, size_t i)
{
	struct piece *piece = p->at[i];

	memmove(&p->at[i], &p->at[i + 1],
		(--p->count - i) * sizeof(*p->at));
	p->at[p->count] = piece;
}

static void swap_pieces(struct pieces *p, size_t i)
{
	struct piece *first = p->at[i];

	if (i + 1 == p->count)
		return;
	p->at[i] = p->at[i + 1];
	p->at[i + 1] = first;
}

static void split_piece(struct pieces *p, size_t i, size_t offset)
{
	struct piece *rest;

	double_piece(p, i);
	p->at[i]->len = offset;
	rest = p->at[i + 1];
	rest->len -= offset;
	memmove(rest->data, rest->data + offset, rest->len);
}

static void insert_bytes(struct piece *piece, size_t offset,
			 struct input bytes)
{
	/* The longest record that kTLS and OpenSSL know. */
	if (piece->len + bytes.len > SOCKAUTH_RECORD_MAX -
				     SOCKAUTH_RECORD_HDR - 17)
		return;
	memmove(piece->data + offset + bytes.len, piece->data + offset,
		piece->len - offset);
	memcpy(piece->data + offset, bytes.data, bytes.len);
	piece->len += bytes.len;
}

static void change_content(struct piece *piece, enum change change,
			   size_t offset, uint8_t value, struct input *in)
{
	switch (change) {
	case CHANGE_XOR:
		if (offset < piece->len)
			piece->data[offset] ^= value;
		break;
	case CHANGE_SET:
		if (offset < piece->len)
			piece->data[offset] = value;
		break;
	case CHANGE_CUT:
		piece->len = offset;
		break;
	case CHANGE_REPLACE:
		piece->len = 0;
		insert_bytes(piece, 0, input_take(in, value));
		break;
	default:
		insert_bytes(piece, offset, input_take(in, value));
		break;
	}
}

static void change_piece(struct piece *piece, enum change change,
			 size_t offset, uint8_t value)
{
	switch (change) {
	case CHANGE_TYPE:
		piece->type = value;
		break;
	case CHANGE_SEAL:
		piece->sealed = !piece->sealed;
		break;
	case CHANGE_LENGTH:
		piece->extra = value;
		break;
	case CHANGE_WIRE:
		piece->wire = value;
		piece->wire_offset = offset;
		break;
	case CHANGE_GLUE:
		piece->glued = true;
		break;
	default:
		piece->malformed = true;
		break;
	}
}

/**
 * pieces_change - one change
 * @p: the pieces
 * @in: says which; see handshake.c
 */
void pieces_change(struct pieces *p, struct input *in)
{
	enum change change = input_number(in, 1) % CHANGES;
	size_t i = input_number(in, 1) % p->count;
	size_t offset = input_number(in, 2) % (p->at[i]->len + 1);
	uint8_t value = input_number(in, 1);

	switch (change) {
	case CHANGE_DOUBLE:
		if (p->count < PIECES_MAX)
			double_piece(p, i);
		break;
	case CHANGE_DROP:
		if (p->count > 1)
			drop_piece(p, i);
		break;
	case CHANGE_SWAP:
		swap_pieces(p, i);
		break;
	case CHANGE_SPLIT:
		if (p->count < PIECES_MAX)
			split_piece(p, i, offset);
		break;
	case CHANGE_XOR:
	case CHANGE_SET:
	case CHANGE_CUT:
	case CHANGE_INSERT:
	case CHANGE_REPLACE:
		change_content(p->at[i], change, offset, value, in);
		break;
	default:
		change_piece(p->at[i], change, offset, value);
		break;
	}
}
