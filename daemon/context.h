/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_CONTEXT_H
#define SOCKAUTHD_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cert.h"
#include "profile.h"
#include "session.h"
#include "ticket.h"
#include "tls.h"
#include "verdict.h"

/**
 * struct context - an authentication in progress
 * @next: in its bucket
 * @id: of the connection
 * @table: where it is
 * @snapshot: what it began with; a reference
 * @profile: in @snapshot
 * @role: which side we are
 * @uid: local user who has the socket
 * @port: of the peer
 * @req_flags: enum sockauth_req_flags
 * @target: initiator: whom the peer must prove to be
 * @alpn: protocols that both the profile and the application allow
 * @alpn_len: of @alpn
 * @verdict: why it failed
 * @tls: the handshake
 * @since: when the peer authenticated itself, seconds since 1970; resumption
 *	does not change it
 * @until: end of what the peer proved it with; 0: none
 * @mutual: initiator: whether we have shown a certificate, then
 * @resumable: initiator: whether there is a @session_key
 * @session_key: of sessions that are as good as a full handshake
 */
struct context {
	struct context *next;
	uint64_t id;
	struct contexts *table;
	struct snapshot *snapshot;
	const struct profile *profile;
	enum sockauth_role role;
	uint32_t uid;
	uint16_t port;
	uint32_t req_flags;
	char target[SOCKAUTH_TARGET_MAX];
	uint8_t alpn[SOCKAUTH_ALPN_MAX];
	size_t alpn_len;
	struct verdict verdict;
	struct tls_session tls;
	int64_t since;
	int64_t until;
	bool mutual;
	bool resumable;
	uint8_t session_key[SESSION_KEY_LEN];
};

/**
 * struct contexts - all contexts of a worker, and what they share
 * @buckets: hash table by id
 * @bucket_count: a power of two
 * @count: contexts there are
 * @limit: how many there may be
 * @snapshot: for new contexts; a reference
 * @tickets: keys of session tickets
 * @sessions: that initiators may resume; of all workers
 */
struct contexts {
	struct context **buckets;
	size_t bucket_count;
	size_t count;
	size_t limit;
	struct snapshot *snapshot;
	struct ticket_keys tickets;
	struct sessions *sessions;
};

int contexts_init(struct contexts *table, size_t limit,
		  struct snapshot *snapshot);
void contexts_clear(struct contexts *table);
struct context *context_new(struct contexts *table, uint64_t id);
struct context *context_find(const struct contexts *table, uint64_t id);
void context_forget(struct contexts *table, uint64_t id);

#endif /* SOCKAUTHD_CONTEXT_H */
