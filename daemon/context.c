// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The authentications in progress of one worker, found by the connection's
 * id.  Everything here belongs to that worker's thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "context.h"

/* The module counts ids up: their low bits are as good as any hash. */
static struct context **bucket(const struct contexts *table, uint64_t id)
{
	return &table->buckets[id & (table->bucket_count - 1)];
}

/**
 * contexts_init - make an empty table
 * @table: set
 * @limit: how many contexts there may be
 * @snapshot: for new ones; the table takes a reference of its own
 *
 * Return: 0 or -ENOMEM.
 */
int contexts_init(struct contexts *table, size_t limit,
		  struct snapshot *snapshot)
{
	size_t count = 64;

	while (count < limit && count < 4096)
		count *= 2;
	*table = (struct contexts) { .bucket_count = count, .limit = limit };
	table->buckets = calloc(count, sizeof(*table->buckets));
	if (!table->buckets)
		return -ENOMEM;
	table->snapshot = snapshot_get(snapshot);
	return 0;
}

static void context_free(struct context *ctx)
{
	if (ctx->profile)
		ctx->profile->mech->end(ctx);
	snapshot_put(ctx->snapshot);
	OPENSSL_cleanse(ctx, sizeof(*ctx));
	free(ctx);
}

/**
 * contexts_clear - free all contexts and what they share
 * @table: empty afterwards; may be all zero
 */
void contexts_clear(struct contexts *table)
{
	struct context *ctx;
	size_t i;

	for (i = 0; table->buckets && i < table->bucket_count; i++)
		while ((ctx = table->buckets[i])) {
			table->buckets[i] = ctx->next;
			context_free(ctx);
		}
	free(table->buckets);
	snapshot_put(table->snapshot);
	ticket_keys_clear(&table->tickets);
	*table = (struct contexts) { 0 };
}

/**
 * context_new - add a context
 * @table: where
 * @id: of the connection; there is no context for it yet
 *
 * Return: a context with the table's present snapshot and no profile yet,
 * which the table owns; or NULL if there is no memory or no room.
 */
struct context *context_new(struct contexts *table, uint64_t id)
{
	struct context **head = bucket(table, id);
	struct context *ctx;

	if (table->count >= table->limit)
		return NULL;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return NULL;
	ctx->id = id;
	ctx->table = table;
	ctx->snapshot = snapshot_get(table->snapshot);
	ctx->next = *head;
	*head = ctx;
	table->count++;
	return ctx;
}

/**
 * context_find - look up a context
 * @table: where
 * @id: of the connection
 *
 * Return: the context, or NULL.
 */
struct context *context_find(const struct contexts *table, uint64_t id)
{
	struct context *ctx;

	for (ctx = *bucket(table, id); ctx; ctx = ctx->next)
		if (ctx->id == id)
			return ctx;
	return NULL;
}

/**
 * context_forget - free a context and wipe it
 * @table: where
 * @id: of the connection; that there is no context for it is fine
 */
void context_forget(struct contexts *table, uint64_t id)
{
	struct context **p, *ctx;

	for (p = bucket(table, id); (ctx = *p); p = &ctx->next) {
		if (ctx->id != id)
			continue;
		*p = ctx->next;
		table->count--;
		context_free(ctx);
		return;
	}
}
