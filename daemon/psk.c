// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * External PSKs of TLS 1.3: keys of the profile, and Kerberos, whose
 * KRB_AP_REQ is the identity of a PSK that both sides derive from it
 * (Documentation/krb5-tls13.rst).  OpenSSL's callbacks for both sides.
 * Credentials are constant; a context belongs to its worker's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "context.h"
#include "psk.h"
#include "step.h"

#define SUITE_SHA256	"\x13\x01"
#define SUITE_SHA384	"\x13\x02"

static int session_index;

static struct context *context_of(const SSL *ssl)
{
	return tls_session_of(ssl)->arg;
}

/**
 * psk_init - prepare OpenSSL, before the threads exist
 *
 * Return: 0 or -ENOMEM.
 */
int psk_init(void)
{
	session_index = SSL_SESSION_get_ex_new_index(0, NULL, NULL, NULL,
						     NULL);
	return session_index < 0 ? -ENOMEM : 0;
}

static bool is_sha384(const SSL_CIPHER *cipher)
{
	return EVP_MD_is_a(SSL_CIPHER_get_handshake_digest(cipher), "SHA384");
}

/* A PSK is a session to OpenSSL; what is ours in it says that it is no ticket. */
static SSL_SESSION *make_session(struct context *ctx, const uint8_t *key,
				 size_t len, const SSL_CIPHER *cipher)
{
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && SSL_SESSION_set1_master_key(session, key, len) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) &&
	    SSL_SESSION_set_ex_data(session, session_index, &ctx->psk))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static SSL_SESSION *plain_session(struct context *ctx,
				  const struct config_psk *psk)
{
	const unsigned char *suite = (void *)(psk->sha384 ? SUITE_SHA384 :
							    SUITE_SHA256);

	ctx->psk.mech = SOCKAUTH_MECH_PSK;
	ctx->psk.plain = psk;
	return make_session(ctx, psk->key, psk->key_len,
			    SSL_CIPHER_find(ctx->tls.ssl, suite));
}

static SSL_SESSION *krb_session(struct context *ctx, const SSL_CIPHER *cipher)
{
	bool sha384 = is_sha384(cipher);
	size_t len = sha384 ? 48 : 32;
	SSL_SESSION *session = NULL;
	uint8_t key[48];

	ctx->psk.mech = SOCKAUTH_MECH_KRB5;
	if (!krb_psk(ctx->table->krb, &ctx->psk.krb, sha384, key, len))
		session = make_session(ctx, key, len, cipher);
	OPENSSL_cleanse(key, sizeof(key));
	return session;
}

/**
 * psk_find - look up a pre-shared key of a profile
 * @config: the profile
 * @identity: of the key
 * @len: of @identity
 *
 * Return: the key, or NULL.
 */
const struct config_psk *psk_find(const struct config_profile *config,
				  const uint8_t *identity, size_t len)
{
	size_t i;

	for (i = 0; i < config->psk_count; i++)
		if (strlen(config->psks[i].identity) == len &&
		    !memcmp(config->psks[i].identity, identity, len))
			return &config->psks[i];
	return NULL;
}

static int accept_krb(struct context *ctx, const unsigned char *identity,
		      size_t len, SSL_SESSION **session)
{
	const struct krb_cred *cred = ctx->profile->psk->krb;
	int err;

	err = krb_accept(ctx->table->krb, cred, identity, len,
			 ctx->req_flags & SOCKAUTH_REQ_KEEP_CRED,
			 &ctx->psk.krb, &ctx->verdict);
	if (!err) {
		*session = krb_session(ctx, SSL_get_pending_cipher(ctx->tls.ssl));
		return *session != NULL;
	}
	/* It stays the first that has come; others are not even looked at. */
	ctx->psk.alert = err == -EACCES ? SSL_AD_ACCESS_DENIED :
					  SSL_AD_UNKNOWN_PSK_IDENTITY;
	return 1;
}

/*
 * Called for each identity of a ClientHello, also of a second one after a
 * HelloRetryRequest: what an earlier one was good for does not count.  OpenSSL
 * passes over a PSK whose hash is not the suite's.
 */
static int find_session(SSL *ssl, const unsigned char *identity, size_t len,
			SSL_SESSION **session)
{
	struct context *ctx = context_of(ssl);
	const struct psk_cred *cred = ctx->profile->psk;
	const struct config_psk *plain;

	*session = NULL;
	ctx->psk.mech = SOCKAUTH_MECH_NONE;
	ctx->psk.plain = NULL;
	ctx->psk.asked = false;
	if (ctx->psk.alert)
		return 1;
	plain = psk_find(cred->config, identity, len);
	if (plain) {
		*session = plain_session(ctx, plain);
		return *session != NULL;
	}
	if (cred->krb && krb_is_request(identity, len))
		return accept_krb(ctx, identity, len, session);
	return 1;
}

/* Comes once PSKs are decided on, whether there is a server name or not. */
static int refuse(SSL *ssl, int *alert, void *arg)
{
	struct context *ctx = context_of(ssl);

	(void)arg;
	if (ctx->psk.alert) {
		*alert = ctx->psk.alert;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (psk_used(ctx)) {
		/* Tickets would outlive what they were made from. */
		SSL_set_num_tickets(ssl, 0);
		return SSL_TLSEXT_ERR_OK;
	}
	if (ctx->profile->config->mechs & 1u << SOCKAUTH_MECH_TLS)
		return SSL_TLSEXT_ERR_OK;
	verdict_set(&ctx->verdict, SOCKAUTH_REASON_NO_CRED, EACCES,
		    "the peer offers %s, but must",
		    ctx->profile->config->mechs & 1u << SOCKAUTH_MECH_KRB5 ?
		    "no Kerberos ticket" : "no pre-shared key that we have");
	*alert = SSL_AD_HANDSHAKE_FAILURE;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The ClientHello asks, EncryptedExtensions answer. */
static int add_reply(SSL *ssl, unsigned int type, unsigned int where,
		     const unsigned char **out, size_t *len, X509 *cert,
		     size_t chain, int *alert, void *arg)
{
	struct context *ctx = context_of(ssl);
	krb5_data reply;

	(void)type;
	(void)cert;
	(void)chain;
	(void)arg;
	*out = NULL;
	*len = 0;
	if (where == SSL_EXT_CLIENT_HELLO)
		return ctx->psk.asked;
	if (!ctx->psk.asked || !psk_used(ctx) ||
	    ctx->psk.mech != SOCKAUTH_MECH_KRB5)
		return 0;
	*alert = SSL_AD_INTERNAL_ERROR;
	if (krb_reply(ctx->table->krb, &ctx->psk.krb, &reply))
		return -1;
	*out = (unsigned char *)reply.data;
	*len = reply.length;
	return 1;
}

static void free_reply(SSL *ssl, unsigned int type, unsigned int where,
		       const unsigned char *out, void *arg)
{
	krb5_data reply = { .data = (char *)out };

	(void)type;
	(void)where;
	(void)arg;
	krb5_free_data_contents(context_of(ssl)->table->krb, &reply);
}

static int parse_reply(SSL *ssl, unsigned int type, unsigned int where,
		       const unsigned char *in, size_t len, X509 *cert,
		       size_t chain, int *alert, void *arg)
{
	struct context *ctx = context_of(ssl);

	(void)type;
	(void)cert;
	(void)chain;
	(void)arg;
	if (where == SSL_EXT_CLIENT_HELLO) {
		ctx->psk.asked = true;
		*alert = SSL_AD_DECODE_ERROR;
		return !len;
	}
	*alert = SSL_AD_ILLEGAL_PARAMETER;
	if (ctx->psk.mech != SOCKAUTH_MECH_KRB5 ||
	    krb_check_reply(ctx->table->krb, &ctx->psk.krb, in, len,
			    &ctx->verdict))
		return 0;
	ctx->psk.replied = true;
	return 1;
}

static int add_extension(SSL_CTX *ctx)
{
	return SSL_CTX_add_custom_ext(ctx, PSK_EXT_KERBEROS_REPLY,
				      SSL_EXT_CLIENT_HELLO |
				      SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS,
				      add_reply, free_reply, NULL, parse_reply,
				      NULL) ? 0 : -ENOMEM;
}

/**
 * psk_accept - have an acceptor take external PSKs
 * @acceptor: whose contexts have a profile with them
 *
 * Return: 0 or -ENOMEM.
 */
int psk_accept(SSL_CTX *acceptor)
{
	SSL_CTX_set_psk_find_session_callback(acceptor, find_session);
	SSL_CTX_set_tlsext_servername_callback(acceptor, refuse);
	return add_extension(acceptor);
}

/* OpenSSL asks again after a HelloRetryRequest: the same answer. */
static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		       size_t *len, SSL_SESSION **session)
{
	struct context *ctx = context_of(ssl);
	const unsigned char *suite;

	(void)md;
	if (ctx->psk.plain) {
		*id = (unsigned char *)ctx->psk.plain->identity;
		*len = strlen(ctx->psk.plain->identity);
		*session = plain_session(ctx, ctx->psk.plain);
		return *session != NULL;
	}
	suite = (void *)(ctx->profile->psk->sha384 ? SUITE_SHA384 :
						     SUITE_SHA256);
	*id = (unsigned char *)ctx->psk.krb.request.data;
	*len = ctx->psk.krb.request.length;
	*session = krb_session(ctx, SSL_CIPHER_find(ssl, suite));
	return *session != NULL;
}

/* A certificate is not what was agreed on, however good it is. */
static int refuse_certificate(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store,
				SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)arg;
	verdict_set(&context_of(ssl)->verdict, SOCKAUTH_REASON_NO_CRED,
		    EKEYREJECTED,
		    "the peer shows a certificate, but does not take our %s",
		    context_of(ssl)->psk.plain ? "key" : "Kerberos ticket");
	/* The alert unknown_ca. */
	X509_STORE_CTX_set_error(store,
				 X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
	return 0;
}

/**
 * psk_initiate - have an initiator offer an external PSK, and nothing else
 * @initiator: for contexts with a profile that has them
 *
 * Return: 0 or -ENOMEM.
 */
int psk_initiate(SSL_CTX *initiator)
{
	SSL_CTX_set_psk_use_session_callback(initiator, use_session);
	SSL_CTX_set_verify(initiator, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(initiator, refuse_certificate, NULL);
	return add_extension(initiator);
}

/**
 * psk_used - whether an external PSK is what authenticates a handshake
 * @ctx: whose
 *
 * Return: whether.
 */
bool psk_used(const struct context *ctx)
{
	const SSL_SESSION *session = SSL_get_session(ctx->tls.ssl);

	return session && SSL_session_reused(ctx->tls.ssl) &&
	       ctx->psk.mech != SOCKAUTH_MECH_NONE &&
	       SSL_SESSION_get_ex_data(session, session_index) == &ctx->psk;
}

/**
 * psk_identify - who the peer is, once a handshake with a PSK is done
 * @ctx: psk_used()
 * @reply: its peer, expiry and credentials are set
 *
 * Return: 0, or -EKEYREJECTED and a verdict.
 */
int psk_identify(struct context *ctx, struct reply *reply)
{
	const struct krb_exchange *x = &ctx->psk.krb;

	reply->mech = ctx->psk.mech;
	ctx->since = time(NULL);
	if (ctx->psk.mech == SOCKAUTH_MECH_KRB5)
		ctx->until = x->end;
	reply->expiry = context_expiry(ctx);
	/* Who lacks the key has not come this far, on neither side. */
	reply->sec_flags |= SOCKAUTH_SEC_MUTUAL;
	if (ctx->psk.mech == SOCKAUTH_MECH_PSK) {
		reply->peer.type = SOCKAUTH_NAME_PSK;
		snprintf(reply->peer.name, sizeof(reply->peer.name), "%s",
			 ctx->psk.plain->identity);
		return 0;
	}
	if (ctx->role == SOCKAUTH_ROLE_INITIATOR && ctx->psk.asked &&
	    !ctx->psk.replied) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NO_CRED,
			    EKEYREJECTED,
			    "the service has not sent the KRB_AP_REP that we asked for");
		return -EKEYREJECTED;
	}
	reply->peer.type = SOCKAUTH_NAME_PRINCIPAL;
	strcpy(reply->peer.name, x->name);
	if (x->authdata_len) {
		memcpy(reply->cred, x->authdata, x->authdata_len);
		reply->cred_len = x->authdata_len;
	}
	return 0;
}

/**
 * psk_map_user - ask the broker which local user the peer is
 * @ctx: acceptor whose handshake with a PSK is done
 * @consumed: how much of the event's token was used
 *
 * Not before the peer's Finished: who replays a ClientHello has a good binder,
 * and a helper costs more than anything else in a handshake.  If nobody can be
 * asked, there is no such user.
 *
 * Return: whether there is an answer to wait for.
 */
bool psk_map_user(struct context *ctx, size_t consumed)
{
	struct broker_request request = { .id = ctx->id, .op = BROKER_MAP };

	if (ctx->psk.mech != SOCKAUTH_MECH_KRB5 ||
	    !ctx->profile->config->map_users)
		return false;
	strcpy(request.name, ctx->psk.krb.name);
	if (context_ask(ctx, &request)) {
		ctx->verdict.reason = SOCKAUTH_REASON_NONE;
		return false;
	}
	ctx->psk.mapping = true;
	ctx->psk.consumed = consumed;
	return true;
}

/**
 * psk_state_clear - free what a handshake has of PSKs
 * @ctx: whose
 */
void psk_state_clear(struct context *ctx)
{
	krb_exchange_clear(ctx->table->krb, &ctx->psk.krb);
}
