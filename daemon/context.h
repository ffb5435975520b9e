/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_CONTEXT_H
#define SOCKAUTHD_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cert.h"
#include "profile.h"
#include "psk.h"
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
 * @netns: cookie of the socket's network namespace
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
 * @mech: how; NULL: not begun
 * @gid: initiator: group of the user who has the socket
 * @psk: external PSKs, Kerberos among them
 * @mapped_uid: local user that the peer is; UINT32_MAX: none
 * @asking: the broker has been asked and has not answered
 * @held: token of an event that waits for that; NULL: none
 * @held_len: of @held
 * @leg: number of that event
 */
struct context {
	struct context *next;
	uint64_t id;
	struct contexts *table;
	struct snapshot *snapshot;
	const struct profile *profile;
	enum sockauth_role role;
	uint64_t netns;
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
	const struct mech *mech;
	uint32_t gid;
	struct psk_state psk;
	uint32_t mapped_uid;
	bool asking;
	uint8_t *held;
	size_t held_len;
	uint32_t leg;
};

/**
 * struct contexts - all contexts of a worker, and what they share
 * @buckets: hash table by id
 * @bucket_count: a power of two
 * @count: contexts there are
 * @limit: how many there may be
 * @netns: cookie of our own network namespace; connections of others are guests
 * @snapshot: for new contexts; a reference
 * @tickets: keys of session tickets
 * @sessions: that initiators may resume; of all workers
 * @krb: libkrb5's context of the thread
 * @broker: where to ask for Kerberos tickets; -1: nowhere
 * @asking: answers that the broker owes us, also to contexts that are gone:
 *	as long as there are any, its socket is read
 */
struct contexts {
	struct context **buckets;
	size_t bucket_count;
	size_t count;
	size_t limit;
	uint64_t netns;
	struct snapshot *snapshot;
	struct ticket_keys tickets;
	struct sessions *sessions;
	krb5_context krb;
	int broker;
	size_t asking;
};

int contexts_init(struct contexts *table, size_t limit,
		  struct snapshot *snapshot);
void contexts_clear(struct contexts *table);
int context_new(struct contexts *table, uint64_t id, uint64_t netns,
		struct context **new);
bool context_is_guest(const struct context *ctx);
struct context *context_find(const struct contexts *table, uint64_t id);
int context_ask(struct context *ctx, struct broker_request *request);
int context_hold(struct context *ctx, uint32_t leg, const uint8_t *token,
		 size_t len);
struct context *context_asking(const struct contexts *table);
int64_t context_expiry(const struct context *ctx);
void context_forget(struct contexts *table, uint64_t id);

#endif /* SOCKAUTHD_CONTEXT_H */
