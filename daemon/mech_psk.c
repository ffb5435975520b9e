// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mechanisms "krb5" and "psk": credentials, and the initiator.  Acceptors
 * begin with the mechanism "tls", since only a ClientHello says what it is;
 * psk.c has the callbacks for both sides.  Credentials are constant; a context
 * belongs to its worker's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "psk.h"
#include "step.h"
#include "tlscred.h"

static bool has_mech(const struct config_profile *config,
		     enum sockauth_mech mech)
{
	return config->mechs & 1u << mech;
}

/* Those suites of @ctx that have the one hash of our PSK. */
static int keep_hash(SSL_CTX *ctx, bool sha384)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
	char list[256] = "";
	int i;

	for (i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(ciphers, i);
		const EVP_MD *md = SSL_CIPHER_get_handshake_digest(c);

		if (SSL_CIPHER_get_protocol_id(c) >> 8 != 0x13 ||
		    EVP_MD_is_a(md, "SHA384") != sha384)
			continue;
		if (*list)
			strcat(list, ":");
		strcat(list, SSL_CIPHER_get_name(c));
	}
	return *list && SSL_CTX_set_ciphersuites(ctx, list) ? 0 : -EINVAL;
}

/* That of the best suite, which is the first. */
static bool best_is_sha384(SSL_CTX *ctx)
{
	STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
	const SSL_CIPHER *c = sk_SSL_CIPHER_value(ciphers, 0);

	return EVP_MD_is_a(SSL_CIPHER_get_handshake_digest(c), "SHA384");
}

/*
 * For a PSK, if there is none for its hash yet; NULL: for Kerberos, whose hash
 * is ours to choose.
 */
static int make_initiator(const struct loading *l, struct psk_cred *cred,
			  const struct config_psk *psk)
{
	SSL_CTX *ctx;
	bool sha384;
	int err;

	if (psk && cred->initiator[psk->sha384])
		return 0;
	ctx = tls_ctx_new(SOCKAUTH_ROLE_INITIATOR);
	if (!ctx)
		return -ENOMEM;
	SSL_CTX_set_security_level(ctx, l->profile->security);
	err = tls_cred_limit(l, ctx);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	sha384 = psk ? psk->sha384 : best_is_sha384(ctx);
	cred->initiator[sha384] = ctx;
	if (!psk)
		cred->sha384 = sha384;
	if (keep_hash(ctx, sha384))
		return loading_fail(l, psk ? psk->line : l->profile->line,
				    "ciphers: none has the hash of the psk");
	return psk_initiate(ctx);
}

static int make_initiators(const struct loading *l, struct psk_cred *cred)
{
	size_t i;
	int err = 0;

	if (has_mech(l->profile, SOCKAUTH_MECH_KRB5))
		err = make_initiator(l, cred, NULL);
	for (i = 0; !err && i < l->profile->psk_count; i++)
		err = make_initiator(l, cred, &l->profile->psks[i]);
	return err;
}

/**
 * psk_cred_new - load the external PSKs of a profile
 * @l: what they are made of
 * @cred: set to them, which the caller frees; NULL: the profile has none
 *
 * Return: 0, or -errno and a text.
 */
int psk_cred_new(const struct loading *l, struct psk_cred **cred)
{
	struct psk_cred *new;
	int err = 0;

	*cred = NULL;
	if (!has_mech(l->profile, SOCKAUTH_MECH_KRB5) &&
	    !has_mech(l->profile, SOCKAUTH_MECH_PSK))
		return 0;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->config = l->profile;
	if (l->profile->keytab)
		err = krb_cred_new(l, &new->krb);
	if (!err)
		err = make_initiators(l, new);
	if (err) {
		psk_cred_free(new);
		return err;
	}
	*cred = new;
	return 0;
}

/**
 * psk_cred_free - free credentials
 * @cred: may be NULL
 */
void psk_cred_free(struct psk_cred *cred)
{
	if (!cred)
		return;
	krb_cred_free(cred->krb);
	SSL_CTX_free(cred->initiator[false]);
	SSL_CTX_free(cred->initiator[true]);
	free(cred);
}

/**
 * psk_initiates - whether an initiator begins with an external PSK
 * @cred: of its profile; may be NULL
 * @target: whom the peer must prove to be; may be empty
 *
 * A principal has "@" or "/", which a host name or an address has not.
 *
 * Return: whether.
 */
bool psk_initiates(const struct psk_cred *cred, const char *target)
{
	if (!cred)
		return false;
	if (has_mech(cred->config, SOCKAUTH_MECH_KRB5) && strpbrk(target, "@/"))
		return true;
	return !has_mech(cred->config, SOCKAUTH_MECH_TLS);
}

static int ask_for_ticket(struct context *ctx)
{
	const struct config_profile *config = ctx->profile->config;
	struct broker_request request = {
		.id = ctx->id, .op = BROKER_TICKET,
		.uid = ctx->uid, .gid = ctx->gid,
	};

	snprintf(request.name, sizeof(request.name), "%s", ctx->target);
	if (config->ccache)
		snprintf(request.ccache, sizeof(request.ccache), "%s",
			 config->ccache);
	if (config->client_keytab)
		snprintf(request.keytab, sizeof(request.keytab), "%s",
			 config->client_keytab);
	return context_ask(ctx, &request);
}

/* The key that the target is the identity of; without a target the first. */
static int begin_plain(struct context *ctx)
{
	const struct config_profile *config = ctx->profile->config;
	const struct config_psk *psk = config->psks;

	if (!config->psk_count) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NAME, EINVAL,
			    "%.100s is not a principal such as service@host",
			    *ctx->target ? ctx->target : "no target");
		return -EINVAL;
	}
	if (*ctx->target)
		psk = psk_find(config, (const uint8_t *)ctx->target,
			       strlen(ctx->target));
	if (!psk) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NAME, EINVAL,
			    "no psk of the profile has the identity %.100s",
			    ctx->target);
		return -EINVAL;
	}
	ctx->psk.plain = psk;
	return 0;
}

static int begin(struct context *ctx)
{
	const struct psk_cred *cred = ctx->profile->psk;
	bool sha384 = cred->sha384;
	int err;

	if (strpbrk(ctx->target, "@/") &&
	    has_mech(cred->config, SOCKAUTH_MECH_KRB5)) {
		ctx->psk.asked = cred->config->mutual ||
				 ctx->req_flags & SOCKAUTH_REQ_MUTUAL;
		err = ask_for_ticket(ctx);
	} else {
		err = begin_plain(ctx);
		if (!err)
			sha384 = ctx->psk.plain->sha384;
	}
	if (err)
		return err;
	if (tls_begin(&ctx->tls, cred->initiator[sha384], ctx))
		return -ENOMEM;
	if (ctx->alpn_len && SSL_set_alpn_protos(ctx->tls.ssl, ctx->alpn,
						 ctx->alpn_len))
		return -ENOMEM;
	return 0;
}

/**
 * psk_answered - go on with what the broker has answered
 * @ctx: that has asked
 * @answer: of the broker
 *
 * Return: 0, or -errno and a verdict.
 */
int psk_answered(struct context *ctx, const struct broker_answer *answer)
{
	if (ctx->role == SOCKAUTH_ROLE_ACCEPTOR) {
		ctx->mapped_uid = answer->uid;
		return 0;
	}
	if (answer->verdict_reason != SOCKAUTH_REASON_NONE) {
		verdict_set(&ctx->verdict, answer->verdict_reason,
			    answer->error, "%s", answer->text);
		return -EKEYREJECTED;
	}
	ctx->psk.mech = SOCKAUTH_MECH_KRB5;
	return krb_initiate(ctx->table->krb, answer, ctx->psk.asked,
			    &ctx->psk.krb, &ctx->verdict);
}

static enum tls_result step(struct context *ctx, const struct event *ev,
			    struct reply *reply)
{
	enum tls_result result;

	result = tls_step(&ctx->tls, ev->token, ev->token_len, &reply->out,
			  &reply->consumed);
	if (result == TLS_FAILED)
		tls_explain(&ctx->tls, &ctx->verdict);
	if (result != TLS_DONE)
		return result;
	if (psk_used(ctx) && !psk_identify(ctx, reply))
		return TLS_DONE;
	/* Our Finished must not reach a peer that we refuse. */
	reply->out.len = 0;
	verdict_set(&ctx->verdict, SOCKAUTH_REASON_NO_CRED, EKEYREJECTED,
		    "the peer does not prove our key");
	return TLS_FAILED;
}

static void end(struct context *ctx)
{
	tls_end(&ctx->tls);
}

const struct mech mech_psk = {
	.name = "psk",
	.id = SOCKAUTH_MECH_PSK,
	.begin = begin,
	.step = step,
	.end = end,
};
