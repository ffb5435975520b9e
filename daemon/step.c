// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One leg of an authentication: an event of the module in, a reply out.  Knows
 * nothing of sockets, so that tests can call it.  Everything here belongs to
 * the thread of a worker.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "alpn.h"
#include "context.h"
#include "log.h"
#include "mech.h"
#include "psk.h"
#include "step.h"

static uint32_t get_u32(const struct nlattr *attr)
{
	return attr ? mnl_attr_get_u32(attr) : 0;
}

static uint16_t get_port(const struct nlattr *attr)
{
	const struct sockaddr_in *address;

	if (!attr || mnl_attr_get_payload_len(attr) < sizeof(*address))
		return 0;
	/* Where a struct sockaddr_in6 has it, too. */
	address = mnl_attr_get_payload(attr);
	return ntohs(address->sin_port);
}

/**
 * step_read - read an event
 * @tb: its attributes, sorted
 * @ev: set; points into the message
 *
 * Return: 0, or -EPROTO if something is missing or malformed; @ev then has id
 * and leg if they were there, else 0.
 */
int step_read(const struct nlattr *const *tb, struct event *ev)
{
	const struct nlattr *attr;

	*ev = (struct event) { .profile = "default" };
	if (!tb[SOCKAUTH_A_ID] || !tb[SOCKAUTH_A_LEG])
		return -EPROTO;
	ev->id = mnl_attr_get_u64(tb[SOCKAUTH_A_ID]);
	ev->leg = mnl_attr_get_u32(tb[SOCKAUTH_A_LEG]);
	ev->begins = tb[SOCKAUTH_A_ROLE];
	ev->role = get_u32(tb[SOCKAUTH_A_ROLE]);
	if (ev->role > SOCKAUTH_ROLE_ACCEPTOR)
		return -EPROTO;
	/* Nobody's user, if the module does not say: no list allows it. */
	ev->uid = tb[SOCKAUTH_A_UID] ?
		  mnl_attr_get_u32(tb[SOCKAUTH_A_UID]) : UINT32_MAX;
	ev->netns = tb[SOCKAUTH_A_NETNS] ?
		    mnl_attr_get_u64(tb[SOCKAUTH_A_NETNS]) : 0;
	ev->port = get_port(tb[SOCKAUTH_A_REMOTE]);
	ev->gid = tb[SOCKAUTH_A_GID] ?
		  mnl_attr_get_u32(tb[SOCKAUTH_A_GID]) : UINT32_MAX;
	ev->req_flags = get_u32(tb[SOCKAUTH_A_REQ_FLAGS]);
	ev->malformed = tb[SOCKAUTH_A_MALFORMED];
	attr = tb[SOCKAUTH_A_PROFILE];
	if (attr && *mnl_attr_get_str(attr))
		ev->profile = mnl_attr_get_str(attr);
	attr = tb[SOCKAUTH_A_TARGET];
	if (attr && *mnl_attr_get_str(attr))
		ev->target = mnl_attr_get_str(attr);
	attr = tb[SOCKAUTH_A_ALPN];
	if (attr) {
		ev->alpn = mnl_attr_get_payload(attr);
		ev->alpn_len = mnl_attr_get_payload_len(attr);
	}
	attr = tb[SOCKAUTH_A_TOKEN];
	if (attr) {
		ev->token = mnl_attr_get_payload(attr);
		ev->token_len = mnl_attr_get_payload_len(attr);
	}
	if (ev->alpn_len > SOCKAUTH_ALPN_MAX ||
	    !alpn_valid(ev->alpn, ev->alpn_len))
		return -EPROTO;
	return 0;
}

/* What was of an earlier event; buffers keep their bytes, but not secrets. */
static void reset(struct reply *reply)
{
	reply->status = SOCKAUTH_STEP_CONTINUE;
	reply->wait = false;
	reply->consumed = 0;
	reply->verdict.reason = SOCKAUTH_REASON_NONE;
	reply->out.len = 0;
	reply->out.overflow = false;
	reply->mech = SOCKAUTH_MECH_NONE;
	reply->sec_flags = 0;
	reply->peer.type = SOCKAUTH_NAME_NONE;
	reply->peer.name[0] = '\0';
	reply->expiry = 0;
	memset(&reply->blob, 0, sizeof(reply->blob));
	reply->alpn_len = 0;
	reply->cred_len = 0;
}

/**
 * step_wipe - wipe the secrets of a reply
 * @reply: that was sent
 */
void step_wipe(struct reply *reply)
{
	if (reply->status != SOCKAUTH_STEP_DONE)
		return;
	OPENSSL_cleanse(&reply->keys, sizeof(reply->keys));
	OPENSSL_cleanse(&reply->blob, sizeof(reply->blob));
}

/**
 * step_fail - make a reply that refuses
 * @reply: set
 * @reason: for the counters
 * @error: errno (positive) for the application
 * @text: for the administrator
 */
void step_fail(struct reply *reply, enum sockauth_reason reason, int error,
	       const char *text)
{
	reset(reply);
	reply->status = SOCKAUTH_STEP_FAIL;
	verdict_set(&reply->verdict, reason, error, "%s", text);
}

/* The profile's protocols, or those of them that the application wants. */
static int choose_alpn(struct context *ctx, const struct event *ev)
{
	const struct config_profile *config = ctx->profile->config;

	if (!ev->alpn_len) {
		memcpy(ctx->alpn, config->alpn, config->alpn_len);
		ctx->alpn_len = config->alpn_len;
		return 0;
	}
	if (!config->alpn_len) {
		memcpy(ctx->alpn, ev->alpn, ev->alpn_len);
		ctx->alpn_len = ev->alpn_len;
		return 0;
	}
	ctx->alpn_len = alpn_common(ev->alpn, ev->alpn_len, config->alpn,
				    config->alpn_len, ctx->alpn);
	if (ctx->alpn_len)
		return 0;
	verdict_set(&ctx->verdict, SOCKAUTH_REASON_ALPN, EINVAL,
		    "the profile %s allows none of the application's protocols",
		    config->name);
	return -EINVAL;
}

static void choose_target(struct context *ctx, const struct event *ev)
{
	const char *target = ev->target;
	size_t len;

	if (!target)
		target = ctx->profile->config->target;
	if (!target || ctx->role != SOCKAUTH_ROLE_INITIATOR)
		return;
	snprintf(ctx->target, sizeof(ctx->target), "%s", target);
	/* "host.example." is how resolvers say that a name is complete. */
	len = strlen(ctx->target);
	if (len > 1 && ctx->target[len - 1] == '.')
		ctx->target[len - 1] = '\0';
}

static int begin(struct context *ctx, const struct event *ev)
{
	const struct profile *profile;

	profile = snapshot_profile(ctx->snapshot, ev->profile);
	if (!profile) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_PROFILE, ENOENT,
			    "there is no profile %s", ev->profile);
		return -ENOENT;
	}
	if (context_is_guest(ctx) && !profile->config->guests) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_PROFILE, EACCES,
			    "the profile %s is not for other network namespaces",
			    ev->profile);
		return -EACCES;
	}
	if (!profile_allows(profile, ev->uid)) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_PROFILE, EACCES,
			    "user %u may not use the profile %s", ev->uid,
			    ev->profile);
		return -EACCES;
	}
	if (!profile->cred) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
			    "%s", profile->off);
		return -ENOKEY;
	}
	ctx->profile = profile;
	ctx->role = ev->role;
	ctx->uid = ev->uid;
	ctx->gid = ev->gid;
	ctx->port = ev->port;
	ctx->req_flags = ev->req_flags;
	choose_target(ctx, ev);
	if (choose_alpn(ctx, ev))
		return -EINVAL;
	ctx->mech = profile->mech;
	if (ctx->role == SOCKAUTH_ROLE_INITIATOR &&
	    psk_initiates(profile->psk, ctx->target))
		ctx->mech = &mech_psk;
	return ctx->mech->begin(ctx);
}

/* OpenSSL has seen to it that the peer did not make a name up. */
static void note_alpn(const struct context *ctx, struct reply *reply)
{
	const unsigned char *name;
	unsigned int len;

	SSL_get0_alpn_selected(ctx->tls.ssl, &name, &len);
	if (len)
		memcpy(reply->alpn, name, len);
	reply->alpn_len = len;
}

static int finish(struct context *ctx, struct reply *reply)
{
	int err;

	err = tls_keys(&ctx->tls, &reply->out, &reply->keys);
	if (!err)
		err = tls_binding(&ctx->tls, reply->binding);
	if (err) {
		OPENSSL_cleanse(&reply->keys, sizeof(reply->keys));
		OPENSSL_cleanse(&reply->blob, sizeof(reply->blob));
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_INTERNAL, -err,
			    "the keys could not be derived");
		return err;
	}
	note_alpn(ctx, reply);
	if (reply->expiry && ctx->profile->config->expiry == EXPIRY_ENFORCE)
		reply->sec_flags |= SOCKAUTH_SEC_EXPIRES;
	/* A record that has to come to us is a ticket: no acceptor gets one. */
	if (ctx->role == SOCKAUTH_ROLE_INITIATOR)
		tls_blob(&ctx->tls, &reply->blob);
	if (reply->mech == SOCKAUTH_MECH_NONE)
		reply->mech = ctx->mech->id;
	reply->mapped_uid = ctx->mapped_uid;
	reply->status = SOCKAUTH_STEP_DONE;
	return 0;
}

/* OpenSSL wants more, but what is there will never be a record. */
static void explain_malformed(struct context *ctx, const struct event *ev)
{
	const uint8_t *token = ev->token;

	if (ev->token_len >= SOCKAUTH_RECORD_HDR && token[1] == 3 &&
	    (token[3] << 8 | token[4]) > SOCKAUTH_RECORD_MAX -
					 SOCKAUTH_RECORD_HDR)
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_RECORD, EMSGSIZE,
			    "the peer sends a record of %d bytes, which is too long",
			    token[3] << 8 | token[4]);
	else
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_MALFORMED, EPROTO,
			    "what the peer sends is not TLS");
}

/* Return: 0, or -errno: it has failed, and the context says why. */
static int advance(struct context *ctx, const struct event *ev,
		   struct reply *reply)
{
	enum tls_result result;

	result = ctx->mech->step(ctx, ev, reply);
	if (reply->out.overflow) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
			    "our own certificates, or our Kerberos ticket, are too long for a token");
		return -EMSGSIZE;
	}
	if (ev->malformed)
		explain_malformed(ctx, ev);
	if (result == TLS_FAILED || ev->malformed)
		return -EPROTO;
	if (result == TLS_MORE)
		return 0;
	return finish(ctx, reply);
}

/* What a peer is told if OpenSSL has nothing to say, or was not asked. */
static uint8_t first_alert(uint32_t reason)
{
	switch (reason) {
	case SOCKAUTH_REASON_MALFORMED:
		return SSL_AD_UNEXPECTED_MESSAGE;
	case SOCKAUTH_REASON_RECORD:
		return SSL_AD_RECORD_OVERFLOW;
	case SOCKAUTH_REASON_INTERNAL:
	case SOCKAUTH_REASON_LIMIT:
		return SSL_AD_INTERNAL_ERROR;
	}
	return SSL_AD_HANDSHAKE_FAILURE;
}

/* Later on, an alert in the clear would be no alert to the peer. */
static void add_alert(const struct event *ev, struct reply *reply)
{
	if (ev->begins && ev->role == SOCKAUTH_ROLE_ACCEPTOR &&
	    !reply->out.len)
		tls_alert_token(&reply->out,
				first_alert(reply->verdict.reason));
}

static void refuse(const struct context *ctx, const struct event *ev,
		   struct reply *reply)
{
	reply->status = SOCKAUTH_STEP_FAIL;
	reply->verdict = ctx->verdict;
	if (reply->verdict.reason == SOCKAUTH_REASON_NONE)
		verdict_set(&reply->verdict, SOCKAUTH_REASON_INTERNAL, ENOMEM,
			    "out of memory");
	add_alert(ev, reply);
	log_debug("connection %llu: %s", (unsigned long long)ev->id,
		  reply->verdict.text);
}

/* There is not even a context. */
static void turn_away(const struct event *ev, struct reply *reply, int err)
{
	if (err == -ENOBUFS)
		step_fail(reply, SOCKAUTH_REASON_LIMIT, ENOBUFS,
			  "the daemon has too many authentications in progress");
	else
		step_fail(reply, SOCKAUTH_REASON_INTERNAL, ENOMEM,
			  "out of memory");
	add_alert(ev, reply);
}

static void end_leg(struct context *ctx, const struct event *ev,
		    struct reply *reply, int err)
{
	if (err)
		refuse(ctx, ev, reply);
	if (reply->status != SOCKAUTH_STEP_CONTINUE)
		context_forget(ctx->table, ev->id);
}

/**
 * step_run - go on with an authentication
 * @table: the worker's contexts
 * @ev: the event; the first of a connection begins a context
 * @reply: set
 *
 * After DONE and FAIL the context is gone.
 */
void step_run(struct contexts *table, const struct event *ev,
	      struct reply *reply)
{
	struct context *ctx = context_find(table, ev->id);
	int err = 0;

	reset(reply);
	if (!ctx && !ev->begins) {
		step_fail(reply, SOCKAUTH_REASON_INTERNAL, EIO,
			  "the daemon has no context for the connection");
		return;
	}
	if (!ctx) {
		err = context_new(table, ev->id, ev->netns, &ctx);
		if (err) {
			turn_away(ev, reply, err);
			return;
		}
		err = begin(ctx, ev);
	}
	if (!err && !ctx->asking)
		err = advance(ctx, ev, reply);
	/* An initiator asks before its first step, an acceptor in its last. */
	if (!err && ctx->asking) {
		err = context_hold(ctx, ev->leg, ev->token, ev->token_len);
		reply->wait = !err;
	}
	end_leg(ctx, ev, reply, err);
}

/**
 * step_resume - go on with an authentication that has asked the broker
 * @table: the worker's contexts
 * @answer: of the broker
 * @ev: set to the event that waited; its token is gone after the call
 * @reply: set
 *
 * Return: whether there is something to reply to.
 */
bool step_resume(struct contexts *table, const struct broker_answer *answer,
		 struct event *ev, struct reply *reply)
{
	struct context *ctx = context_find(table, answer->id);
	uint8_t *held;
	int err;

	if (table->asking)
		table->asking--;
	if (!ctx || !ctx->asking)
		return false;
	ctx->asking = false;
	err = psk_answered(ctx, answer);
	held = ctx->held;
	ctx->held = NULL;
	if (!held)
		return false;
	reset(reply);
	*ev = (struct event) {
		.id = ctx->id, .leg = ctx->leg, .role = ctx->role,
		.token = held, .token_len = ctx->held_len,
	};
	if (!err)
		err = advance(ctx, ev, reply);
	end_leg(ctx, ev, reply, err);
	free(held);
	return true;
}

static void put_key(struct nlmsghdr *nlh, uint16_t type,
		    const struct tls_key *key, size_t key_len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, SOCKAUTH_A_KEY, key_len, key->key);
	mnl_attr_put(nlh, SOCKAUTH_A_IV, sizeof(key->iv), key->iv);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_SEQ, key->seq);
	mnl_attr_nest_end(nlh, nest);
}

static void put_done(struct nlmsghdr *nlh, const struct reply *reply)
{
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, reply->keys.cipher);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, TLS1_3_VERSION);
	put_key(nlh, SOCKAUTH_A_TX, &reply->keys.tx, reply->keys.key_len);
	put_key(nlh, SOCKAUTH_A_RX, &reply->keys.rx, reply->keys.key_len);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, reply->mech);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS, reply->sec_flags);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE, reply->peer.type);
	if (reply->peer.type != SOCKAUTH_NAME_NONE)
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, reply->peer.name);
	if (reply->mapped_uid != UINT32_MAX)
		mnl_attr_put_u32(nlh, SOCKAUTH_A_MAPPED_UID,
				 reply->mapped_uid);
	if (reply->expiry)
		mnl_attr_put_u64(nlh, SOCKAUTH_A_EXPIRY, reply->expiry);
	if (reply->alpn_len)
		mnl_attr_put(nlh, SOCKAUTH_A_ALPN, reply->alpn_len,
			     reply->alpn);
	if (reply->cred_len)
		mnl_attr_put(nlh, SOCKAUTH_A_PEER_CRED, reply->cred_len,
			     reply->cred);
	mnl_attr_put(nlh, SOCKAUTH_A_BINDING, sizeof(reply->binding),
		     reply->binding);
	if (reply->blob.version)
		mnl_attr_put(nlh, SOCKAUTH_A_BLOB, sizeof(reply->blob),
			     &reply->blob);
}

/**
 * step_write - write a reply
 * @ev: what it answers
 * @reply: the reply
 * @nlh: attributes are appended; there is room for STEP_MESSAGE_MAX bytes
 */
void step_write(const struct event *ev, const struct reply *reply,
		struct nlmsghdr *nlh)
{
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, ev->id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, ev->leg);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATUS, reply->status);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, reply->consumed);
	if (reply->out.len)
		mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, reply->out.len,
			     reply->out.data);
	if (reply->status == SOCKAUTH_STEP_DONE)
		put_done(nlh, reply);
	if (reply->status == SOCKAUTH_STEP_FAIL) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON,
				 reply->verdict.reason);
		mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, reply->verdict.error);
		mnl_attr_put_strz(nlh, SOCKAUTH_A_TEXT, reply->verdict.text);
	}
}
