// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mechanism "tls": X.509 certificates on either side or both, and session
 * tickets, those that we give and those that we get.  Credentials are constant;
 * a context belongs to its worker's thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "alpn.h"
#include "context.h"
#include "mech.h"
#include "psk.h"
#include "step.h"
#include "tlscred.h"

/**
 * struct ticket_data - what a ticket remembers for us
 * @since: when the client authenticated itself
 * @until: when the first certificate of its chain expires; 0: it showed none
 */
struct ticket_data {
	int64_t since;
	int64_t until;
};

static struct context *context_of(const SSL *ssl)
{
	return tls_session_of(ssl)->arg;
}

static int verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store,
				SSL_get_ex_data_X509_STORE_CTX_idx());
	struct context *ctx = context_of(ssl);

	if (!ok)
		cert_explain(store, *ctx->target ? ctx->target : NULL,
			     &ctx->verdict);
	return ok;
}

static int select_alpn(SSL *ssl, const unsigned char **out,
		       unsigned char *out_len, const unsigned char *offer,
		       unsigned int offer_len, void *arg)
{
	const struct context *ctx = context_of(ssl);
	size_t pos;

	(void)arg;
	if (!ctx->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	for (pos = 0; pos < ctx->alpn_len; pos += 1 + ctx->alpn[pos]) {
		if (!alpn_has(offer, offer_len, ctx->alpn + pos))
			continue;
		*out = ctx->alpn + pos + 1;
		*out_len = ctx->alpn[pos];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int select_cert(SSL *ssl, void *arg)
{
	const struct tls_cred *cred = arg;
	const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct tls_identity *id = host ? tls_cred_find(cred, host) : NULL;

	if (!id || id == cred->server)
		return 1;
	/* The default one may have another kind of key: out with it. */
	SSL_certs_clear(ssl);
	return SSL_use_cert_and_key(ssl, id->cert, id->key, id->chain, 1);
}

static int ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv,
		      EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct ticket_keys *keys = &context_of(ssl)->table->tickets;

	if (seal)
		return ticket_seal(keys, name, iv, cipher, mac);
	return ticket_open(keys, name, iv, cipher, mac);
}

/* Resumption proves what the ticket says, a full handshake its own chain. */
static void note_times(struct context *ctx, const SSL *ssl)
{
	if (SSL_session_reused(ssl))
		return;
	ctx->since = time(NULL);
	ctx->until = cert_expiry(SSL_get0_verified_chain(ssl));
}

static int make_ticket(SSL *ssl, void *arg)
{
	struct context *ctx = context_of(ssl);
	struct ticket_data data;

	(void)arg;
	note_times(ctx, ssl);
	data.since = ctx->since;
	data.until = ctx->until;
	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &data,
					       sizeof(data));
}

/* Whether a ticket proves as much as a full handshake would have to. */
static bool good_ticket(struct context *ctx, const SSL *ssl,
			SSL_SESSION *session)
{
	const struct ticket_data *data;
	X509 *cert = SSL_SESSION_get0_peer(session);
	void *raw;
	size_t len;
	int64_t end;

	if (!SSL_SESSION_get0_ticket_appdata(session, &raw, &len) ||
	    len != sizeof(*data))
		return false;
	/* An anonymous client is not somebody because it comes again. */
	if (!cert && SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT)
		return false;
	/* The ticket has the client's certificate, not the whole chain. */
	if (cert && ctx->req_flags & SOCKAUTH_REQ_KEEP_CRED)
		return false;
	data = raw;
	ctx->since = data->since;
	ctx->until = data->until;
	end = context_expiry(ctx);
	return !end || end > time(NULL);
}

static SSL_TICKET_RETURN use_ticket(SSL *ssl, SSL_SESSION *session,
				    const unsigned char *name, size_t name_len,
				    SSL_TICKET_STATUS status, void *arg)
{
	(void)name;
	(void)name_len;
	(void)arg;
	if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	if (!good_ticket(context_of(ssl), ssl, session))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return SSL_TICKET_RETURN_USE_RENEW;
}

static int verify_mode(enum client_cert client_cert)
{
	switch (client_cert) {
	case CLIENT_CERT_NONE:
		break;
	case CLIENT_CERT_REQUEST:
		return SSL_VERIFY_PEER;
	case CLIENT_CERT_REQUIRE:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	}
	return SSL_VERIFY_NONE;
}

static int load(const struct loading *l, void **result)
{
	struct tls_cred *cred;
	int err = tls_cred_new(l, &cred);

	if (err)
		return err;
	if (cred->acceptor) {
		SSL_CTX *ctx = cred->acceptor;

		SSL_CTX_set_verify(ctx, verify_mode(l->profile->client_cert),
				   verify);
		SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
		SSL_CTX_set_cert_cb(ctx, select_cert, cred);
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key);
		SSL_CTX_set_session_ticket_cb(ctx, make_ticket, use_ticket,
					      NULL);
		if (l->profile->keytab || l->profile->psk_count)
			err = psk_accept(ctx);
	}
	if (err) {
		tls_cred_free(cred);
		return err;
	}
	if (cred->initiator)
		SSL_CTX_set_verify(cred->initiator, SSL_VERIFY_PEER, verify);
	*result = cred;
	return 0;
}

static void unload(void *cred)
{
	tls_cred_free(cred);
}

static int begin_acceptor(struct context *ctx, const struct tls_cred *cred)
{
	const char *profile = ctx->profile->config->name;

	if (!cred->acceptor) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
			    "the profile %s has no %s", profile,
			    ctx->profile->psk ? "keytab" : "certificate");
		return -ENOKEY;
	}
	if (ctx->req_flags & SOCKAUTH_REQ_MUTUAL && !cred->trust &&
	    !ctx->profile->psk) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_PROFILE, EINVAL,
			    "the application wants client certificates, but the profile %s has no trust",
			    profile);
		return -EINVAL;
	}
	if (tls_begin(&ctx->tls, cred->acceptor, ctx))
		return -ENOMEM;
	if (ctx->req_flags & SOCKAUTH_REQ_MUTUAL)
		SSL_set_verify(ctx->tls.ssl,
			       verify_mode(CLIENT_CERT_REQUIRE), verify);
	return 0;
}

static bool is_address(const char *target)
{
	unsigned char address[16];

	return inet_pton(AF_INET, target, address) == 1 ||
	       inet_pton(AF_INET6, target, address) == 1;
}

/* Whom the peer's certificate must name, and whom we ask for. */
static int expect(SSL *ssl, const char *target)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (is_address(target))
		return X509_VERIFY_PARAM_set1_ip_asc(param, target) ? 0 :
								      -EINVAL;
	/* To OpenSSL that is whatever ends so. */
	if (*target == '.')
		return -EINVAL;
	X509_VERIFY_PARAM_set_hostflags(param,
					X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (!X509_VERIFY_PARAM_set1_host(param, target, 0) ||
	    !SSL_set_tlsext_host_name(ssl, target))
		return -EINVAL;
	return 0;
}

/*
 * Offer the session of an earlier connection, to spare the proof.  Whatever
 * fails here, there is a full handshake.
 */
static void resume(struct context *ctx, const struct tls_cred *cred)
{
	const struct session_scope scope = {
		.rules = cred->rules,
		.rules_len = sizeof(cred->rules),
		.netns = ctx->netns,
		.uid = ctx->uid,
		.target = ctx->target,
		.port = ctx->port,
		.alpn = ctx->alpn,
		.alpn_len = ctx->alpn_len,
		.identity = cred->client ? cred->client->cert : NULL,
	};
	struct session_proof proof;
	SSL_SESSION *session;
	int64_t end;

	if (session_key(&scope, ctx->session_key))
		return;
	ctx->resumable = true;
	/* A session has nothing to keep. */
	if (ctx->req_flags & SOCKAUTH_REQ_KEEP_CRED)
		return;
	session = sessions_take(ctx->table->sessions, ctx->session_key,
				time(NULL), &proof);
	if (!session)
		return;
	ctx->since = proof.since;
	ctx->until = proof.until;
	ctx->mutual = proof.mutual;
	end = context_expiry(ctx);
	if (!end || end > time(NULL))
		SSL_set_session(ctx->tls.ssl, session);
	SSL_SESSION_free(session);
}

static int begin_initiator(struct context *ctx, const struct tls_cred *cred)
{
	if (!cred->initiator) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_PROFILE, EINVAL,
			    "the profile %s has no trust",
			    ctx->profile->config->name);
		return -EINVAL;
	}
	if (!*ctx->target) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NAME, EINVAL,
			    "no target: neither the application nor the profile %s says whom the peer must prove to be",
			    ctx->profile->config->name);
		return -EINVAL;
	}
	if (tls_begin(&ctx->tls, cred->initiator, ctx))
		return -ENOMEM;
	if (expect(ctx->tls.ssl, ctx->target)) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_NAME, EINVAL,
			    "%.100s is neither a host name nor an address",
			    ctx->target);
		return -EINVAL;
	}
	if (ctx->alpn_len && SSL_set_alpn_protos(ctx->tls.ssl, ctx->alpn,
						 ctx->alpn_len))
		return -ENOMEM;
	resume(ctx, cred);
	return 0;
}

static int begin(struct context *ctx)
{
	const struct tls_cred *cred = ctx->profile->cred;

	if (ctx->role == SOCKAUTH_ROLE_ACCEPTOR)
		return begin_acceptor(ctx, cred);
	return begin_initiator(ctx, cred);
}

static int keep_cred(struct context *ctx, X509 *leaf, struct reply *reply)
{
	int err;

	if (!(ctx->req_flags & SOCKAUTH_REQ_KEEP_CRED))
		return 0;
	err = cert_list(leaf, SSL_get_peer_cert_chain(ctx->tls.ssl),
			reply->cred, sizeof(reply->cred), &reply->cred_len);
	if (err)
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_LIMIT, -err,
			    "the peer's certificates cannot be kept: %s",
			    strerror(-err));
	return err;
}

/* An initiator knows whom it wanted, and that the certificate proves it. */
static void name_target(const struct context *ctx, struct peer *peer)
{
	peer->type = is_address(ctx->target) ? SOCKAUTH_NAME_IP :
					       SOCKAUTH_NAME_DNS;
	strcpy(peer->name, ctx->target);
}

/* Whoever resumes a session has the keys of who was verified for it. */
static int identify_server(struct context *ctx, struct reply *reply)
{
	SSL *ssl = ctx->tls.ssl;
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	int nid;

	if (!SSL_session_reused(ssl)) {
		if (!leaf || SSL_get_verify_result(ssl) != X509_V_OK)
			return -EACCES;
		/* Whether the peer has asked us, and got an answer. */
		ctx->mutual = SSL_get_signature_nid(ssl, &nid);
	}
	name_target(ctx, &reply->peer);
	if (ctx->mutual)
		reply->sec_flags |= SOCKAUTH_SEC_MUTUAL;
	return leaf ? keep_cred(ctx, leaf, reply) : 0;
}

static int identify_client(struct context *ctx, struct reply *reply)
{
	X509 *leaf = SSL_get0_peer_certificate(ctx->tls.ssl);

	if (!leaf)
		return 0;
	if (SSL_get_verify_result(ctx->tls.ssl) != X509_V_OK)
		return -EACCES;
	if (cert_peer(leaf, &reply->peer)) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_BAD_CRED, EACCES,
			    "the peer's certificate names nobody");
		return -EACCES;
	}
	reply->sec_flags |= SOCKAUTH_SEC_MUTUAL;
	return keep_cred(ctx, leaf, reply);
}

static int identify(struct context *ctx, struct reply *reply)
{
	if (ctx->role == SOCKAUTH_ROLE_INITIATOR)
		return identify_server(ctx, reply);
	return identify_client(ctx, reply);
}

/* What it takes to use the tickets that the server may send. */
static void note_origin(const struct context *ctx,
			struct session_origin *origin)
{
	const struct tls_secrets *secrets = &ctx->tls.secrets;

	memcpy(origin->key, ctx->session_key, sizeof(origin->key));
	origin->proof.since = ctx->since;
	origin->proof.until = ctx->until;
	origin->proof.mutual = ctx->mutual;
	origin->cipher = SSL_CIPHER_get_protocol_id(
				SSL_get_current_cipher(ctx->tls.ssl));
	origin->secret_len = secrets->resumption_len;
	memcpy(origin->secret, secrets->resumption, sizeof(origin->secret));
}

/* A peer that is looked up is done when the broker has answered. */
static enum tls_result finish_psk(struct context *ctx, struct reply *reply)
{
	if (ctx->psk.mapping)
		reply->consumed = ctx->psk.consumed;
	else if (psk_map_user(ctx, reply->consumed))
		return TLS_MORE;
	return psk_identify(ctx, reply) ? TLS_FAILED : TLS_DONE;
}

static enum tls_result step(struct context *ctx, const struct event *ev,
			    struct reply *reply)
{
	enum tls_result result;

	if (ctx->psk.mapping)
		return finish_psk(ctx, reply);
	result = tls_step(&ctx->tls, ev->token, ev->token_len, &reply->out,
			  &reply->consumed);
	if (result == TLS_FAILED)
		tls_explain(&ctx->tls, &ctx->verdict);
	if (result != TLS_DONE)
		return result;
	if (psk_used(ctx))
		return finish_psk(ctx, reply);
	if (identify(ctx, reply)) {
		verdict_set(&ctx->verdict, SOCKAUTH_REASON_INTERNAL, EACCES,
			    "the peer's certificate was not verified");
		return TLS_FAILED;
	}
	note_times(ctx, ctx->tls.ssl);
	reply->expiry = context_expiry(ctx);
	if (SSL_session_reused(ctx->tls.ssl))
		reply->sec_flags |= SOCKAUTH_SEC_RESUMED;
	if (ctx->resumable)
		note_origin(ctx, &reply->blob.origin);
	return TLS_DONE;
}

static void end(struct context *ctx)
{
	tls_end(&ctx->tls);
}

const struct mech mech_tls = {
	.name = "tls",
	.id = SOCKAUTH_MECH_TLS,
	.load = load,
	.unload = unload,
	.begin = begin,
	.step = step,
	.end = end,
};
