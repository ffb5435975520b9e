/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_STEP_H
#define SOCKAUTHD_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "cert.h"
#include "context.h"
#include "tls.h"
#include "verdict.h"

/* Longest message that step_write() makes, with room for headers. */
#define STEP_MESSAGE_MAX	(128 * 1024)

/**
 * struct event - a STEP event
 * @id: of the connection
 * @leg: number of the event
 * @begins: the first event of a connection, with everything below; the others
 *	have nothing but the token
 * @role: which side we are
 * @netns: cookie of the network namespace of the socket; 0: not known
 * @uid: local user who has the socket
 * @gid: likewise, the group
 * @port: of the peer; 0: not known
 * @req_flags: enum sockauth_req_flags
 * @profile: name; never NULL
 * @target: whom the application wants; or NULL
 * @alpn: protocols of the application
 * @alpn_len: of @alpn
 * @token: from the peer
 * @token_len: of @token
 * @malformed: @token is not a record
 *
 * Points into the message that it was read from.
 */
struct event {
	uint64_t id;
	uint32_t leg;
	bool begins;
	uint32_t role;
	uint64_t netns;
	uint32_t uid;
	uint32_t gid;
	uint16_t port;
	uint32_t req_flags;
	const char *profile;
	const char *target;
	const uint8_t *alpn;
	size_t alpn_len;
	const uint8_t *token;
	size_t token_len;
	bool malformed;
};

/**
 * struct reply - the answer to an event; one for each thread, used again
 * @status: enum sockauth_step_status
 * @wait: nothing is to be sent yet: the broker is asked
 * @consumed: how much of the token was used
 * @verdict: FAIL: why
 * @out: token for the peer
 * @mech: DONE: enum sockauth_mech
 * @sec_flags: DONE: enum sockauth_sec_flags
 * @keys: DONE: for kTLS
 * @blob: DONE: for later
 * @binding: DONE: channel binding
 * @peer: DONE: who it is
 * @mapped_uid: DONE: local user that the peer is; UINT32_MAX: none
 * @expiry: DONE: until when; 0: for ever
 * @alpn: DONE: protocol agreed
 * @alpn_len: of @alpn; 0: none
 * @cred: DONE: what the peer proved it with
 * @cred_len: of @cred; 0: not wanted
 */
struct reply {
	uint32_t status;
	bool wait;
	size_t consumed;
	struct verdict verdict;
	struct output out;
	uint32_t mech;
	uint32_t sec_flags;
	struct tls_keys keys;
	struct tls_blob blob;
	uint8_t binding[SOCKAUTH_BINDING_LEN];
	struct peer peer;
	uint32_t mapped_uid;
	int64_t expiry;
	uint8_t alpn[SOCKAUTH_ALPN_MAX];
	size_t alpn_len;
	uint8_t cred[SOCKAUTH_PEER_CRED_MAX];
	size_t cred_len;
};

int step_read(const struct nlattr *const *tb, struct event *ev);
void step_run(struct contexts *table, const struct event *ev,
	      struct reply *reply);
bool step_resume(struct contexts *table, const struct broker_answer *answer,
		 struct event *ev, struct reply *reply);
void step_fail(struct reply *reply, enum sockauth_reason reason, int error,
	       const char *text);
void step_write(const struct event *ev, const struct reply *reply,
		struct nlmsghdr *nlh);
void step_wipe(struct reply *reply);

#endif /* SOCKAUTHD_STEP_H */
