// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The authentications in progress of one worker, found by the connection's
 * id.  Everything here belongs to that worker's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	*table = (struct contexts) {
		.bucket_count = count, .limit = limit, .broker = -1,
	};
	if (krb_context_new(&table->krb))
		return -ENOMEM;
	table->buckets = calloc(count, sizeof(*table->buckets));
	if (!table->buckets)
		return -ENOMEM;
	table->snapshot = snapshot_get(snapshot);
	return 0;
}

static void context_free(struct context *ctx)
{
	if (ctx->mech)
		ctx->mech->end(ctx);
	psk_state_clear(ctx);
	free(ctx->held);
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
	if (table->buckets && table->broker >= 0)
		close(table->broker);
	free(table->buckets);
	krb5_free_context(table->krb);
	snapshot_put(table->snapshot);
	ticket_keys_clear(&table->tickets);
	*table = (struct contexts) { 0 };
}

/**
 * context_new - add a context
 * @table: where
 * @id: of the connection; there is no context for it yet
 * @netns: cookie of its network namespace; half of the room is for our own
 * @new: set: a context with the table's present snapshot and no profile yet,
 *	which the table owns
 *
 * Return: 0, -ENOBUFS: there is no room, or -ENOMEM.
 */
int context_new(struct contexts *table, uint64_t id, uint64_t netns,
		struct context **new)
{
	size_t limit = netns == table->netns ? table->limit : table->limit / 2;
	struct context **head = bucket(table, id);
	struct context *ctx;

	if (table->count >= limit)
		return -ENOBUFS;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	ctx->id = id;
	ctx->netns = netns;
	ctx->mapped_uid = UINT32_MAX;
	ctx->table = table;
	ctx->snapshot = snapshot_get(table->snapshot);
	ctx->next = *head;
	*head = ctx;
	table->count++;
	*new = ctx;
	return 0;
}

/**
 * context_is_guest - whether the socket is of another network namespace
 * @ctx: the context
 *
 * Return: whether.
 */
bool context_is_guest(const struct context *ctx)
{
	return ctx->netns != ctx->table->netns;
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
 * context_ask - ask the broker; events of the connection wait for the answer
 * @ctx: for whom
 * @request: what; who asks is filled in
 *
 * Return: 0, or -errno and a verdict.
 */
int context_ask(struct context *ctx, struct broker_request *request)
{
	struct contexts *table = ctx->table;
	size_t window = table->snapshot->config->window;
	size_t left = request->op == BROKER_MAP ? window / 2 : window / 8;
	int err = -EAGAIN;

	request->guest = context_is_guest(ctx);
	/*
	 * Each may hold an event of the window; some are left for others, and
	 * more by what strangers can have asked.  The broker's socket has a
	 * limit of its own.
	 */
	if (table->asking < window - left)
		err = table->broker < 0 ? -EIO :
					  broker_ask(table->broker, request);
	if (err == -EAGAIN) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_LIMIT, EAGAIN,
			    "too many connections wait for Kerberos tickets");
		return -EAGAIN;
	}
	if (err) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_INTERNAL, EIO,
			    "the broker of Kerberos tickets is gone");
		return -EIO;
	}
	ctx->asking = true;
	table->asking++;
	return 0;
}

/**
 * context_hold - keep an event until the broker has answered
 * @ctx: of the connection
 * @leg: number of the event
 * @token: of the event
 * @len: of @token
 *
 * Return: 0 or -ENOMEM.
 */
int context_hold(struct context *ctx, uint32_t leg, const uint8_t *token,
		 size_t len)
{
	ctx->held = malloc(len + 1);
	if (!ctx->held)
		return -ENOMEM;
	if (len)
		memcpy(ctx->held, token, len);
	ctx->held_len = len;
	ctx->leg = leg;
	return 0;
}

/**
 * context_asking - find a context that waits for the broker
 * @table: where
 *
 * Return: any of them, or NULL.
 */
struct context *context_asking(const struct contexts *table)
{
	struct context *ctx;
	size_t i;

	for (i = 0; table->asking && i < table->bucket_count; i++)
		for (ctx = table->buckets[i]; ctx; ctx = ctx->next)
			if (ctx->asking)
				return ctx;
	return NULL;
}

/**
 * context_expiry - when what the peer has proved is over
 * @ctx: done
 *
 * Return: seconds since 1970; 0: never.
 */
int64_t context_expiry(const struct context *ctx)
{
	int64_t end = ctx->profile->config->lifetime;

	if (end)
		end += ctx->since;
	if (ctx->until && (!end || ctx->until < end))
		end = ctx->until;
	return end;
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
