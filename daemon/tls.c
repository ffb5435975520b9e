// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TLS 1.3 handshakes over tokens: the key schedule of every mechanism.
 *
 * OpenSSL reads and writes through a BIO of ours: it reads the event's token,
 * record by record, so that it can never take a byte that belongs to the
 * application, and it writes into the buffer of the reply.  A session belongs
 * to one worker's thread.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tls.h"
#include "tlsprov.h"

#define RECORD_APPLICATION_DATA	23

static BIO_METHOD *method;
static int session_index;

/* What this thread wants to be wiped when OpenSSL frees it. */
static __thread const void *doomed;

static int token_read(BIO *bio, char *data, int len)
{
	struct tls_session *s = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!s->in_len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if ((size_t)len > s->in_len)
		len = s->in_len;
	memcpy(data, s->in, len);
	s->in += len;
	s->in_len -= len;
	return len;
}

static int token_write(BIO *bio, const char *data, int len)
{
	struct tls_session *s = BIO_get_data(bio);
	struct output *out = s->out;

	BIO_clear_retry_flags(bio);
	if (!out || (size_t)len > sizeof(out->data) - out->len) {
		if (out)
			out->overflow = true;
		return -1;
	}
	memcpy(out->data + out->len, data, len);
	out->len += len;
	return len;
}

static long token_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

static void free_memory(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p && p == doomed)
		OPENSSL_cleanse(p, malloc_usable_size(p));
	free(p);
}

/**
 * tls_init - prepare OpenSSL, before the threads exist
 *
 * Before anything else calls OpenSSL.
 *
 * Return: 0 or -errno.
 */
int tls_init(void)
{
	int err;

	if (!CRYPTO_set_mem_functions(NULL, NULL, free_memory))
		return -ENOTSUP;
	err = tlsprov_init();
	if (err)
		return err;
	/* By itself it would at the first SSL_CTX, and sort in the sandbox. */
	if (!OPENSSL_init_ssl(0, NULL))
		return -ENOMEM;
	session_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
			      "sockauth token");
	if (session_index < 0 || !method ||
	    !BIO_meth_set_read(method, token_read) ||
	    !BIO_meth_set_write(method, token_write) ||
	    !BIO_meth_set_ctrl(method, token_ctrl)) {
		tls_exit();
		return -ENOMEM;
	}
	return 0;
}

/**
 * tls_exit - undo tls_init()
 */
void tls_exit(void)
{
	BIO_meth_free(method);
	method = NULL;
	tlsprov_exit();
}

/**
 * tls_session_of - the session of an SSL object, for callbacks
 * @ssl: an object that tls_begin() made
 *
 * Return: the session.
 */
struct tls_session *tls_session_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, session_index);
}

static void note_alert(const SSL *ssl, int where, int value)
{
	struct tls_session *s = tls_session_of(ssl);

	if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT)
		s->sent_alert = value & 0xff;
	else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		s->got_alert = value & 0xff;
}

/* The highest version that a ClientHello offers, to explain a refusal. */
static int note_version(SSL *ssl, int *alert, void *arg)
{
	struct tls_session *s = tls_session_of(ssl);
	const unsigned char *ext;
	size_t len, i;

	(void)alert;
	(void)arg;
	s->peer_version = SSL_client_hello_get0_legacy_version(ssl);
	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions,
				       &ext, &len))
		return SSL_CLIENT_HELLO_SUCCESS;
	for (i = 1; i + 1 < len; i += 2) {
		uint16_t version = ext[i] << 8 | ext[i + 1];

		/* Both bytes alike, 0x0a to 0xfa: grease (RFC 8701). */
		if (ext[i] == 3 && version > s->peer_version)
			s->peer_version = version;
	}
	return SSL_CLIENT_HELLO_SUCCESS;
}

/**
 * tls_ctx_new - what all handshakes of a profile have in common
 * @role: which side we are
 *
 * Return: an SSL_CTX without credentials, which the caller frees, or NULL.
 */
SSL_CTX *tls_ctx_new(enum sockauth_role role)
{
	bool acceptor = role == SOCKAUTH_ROLE_ACCEPTOR;
	SSL_CTX *ctx;

	ctx = SSL_CTX_new_ex(NULL, TLSPROV_PROPERTIES,
			     acceptor ? TLS_server_method() :
					TLS_client_method());
	if (!ctx)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* An idle handshake keeps no 16 KiB buffers. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* Early data could be replayed; nobody has asked for that. */
	SSL_CTX_set_max_early_data(ctx, 0);
	/* What the module keeps of a peer bounds what we take from it. */
	SSL_CTX_set_max_cert_list(ctx, SOCKAUTH_PEER_CRED_MAX);
	SSL_CTX_set_info_callback(ctx, note_alert);
	if (acceptor)
		SSL_CTX_set_client_hello_cb(ctx, note_version, NULL);
	return ctx;
}

/**
 * tls_begin - begin a handshake
 * @s: initialized; tls_end() ends it, also after a failure here
 * @ctx: from tls_ctx_new()
 * @arg: for callbacks
 *
 * Return: 0 or -ENOMEM.
 */
int tls_begin(struct tls_session *s, SSL_CTX *ctx, void *arg)
{
	BIO *bio;

	memset(s, 0, sizeof(*s));
	s->arg = arg;
	s->sent_alert = -1;
	s->got_alert = -1;
	s->ssl = SSL_new(ctx);
	bio = BIO_new(method);
	if (!s->ssl || !bio || !SSL_set_ex_data(s->ssl, session_index, s)) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	SSL_set_bio(s->ssl, bio, bio);
	if (SSL_is_server(s->ssl))
		SSL_set_accept_state(s->ssl);
	else
		SSL_set_connect_state(s->ssl);
	return 0;
}

/**
 * tls_end - free a session and wipe its secrets
 * @s: a session that tls_begin() saw, or one that is all zero
 */
void tls_end(struct tls_session *s)
{
	/* The secrets of the application's traffic are in the object itself. */
	doomed = s->ssl;
	SSL_free(s->ssl);
	doomed = NULL;
	s->ssl = NULL;
	OPENSSL_cleanse(&s->secrets, sizeof(s->secrets));
}

static enum tls_result handshake(struct tls_session *s)
{
	int ret;

	ERR_clear_error();
	tlskdf_capture(&s->secrets);
	ret = SSL_do_handshake(s->ssl);
	tlskdf_capture(NULL);
	if (ret == 1)
		return TLS_DONE;
	if (SSL_get_error(s->ssl, ret) == SSL_ERROR_WANT_READ)
		return TLS_MORE;
	return TLS_FAILED;
}

/* Of the record at @token; all that is there, if it is not whole. */
static size_t record_len(const uint8_t *token, size_t len)
{
	size_t record;

	if (len < SOCKAUTH_RECORD_HDR)
		return len;
	record = SOCKAUTH_RECORD_HDR + (token[3] << 8 | token[4]);
	return record < len ? record : len;
}

static bool has_keys(const struct tls_traffic *t)
{
	return t->secret_len && t->key_len && t->iv_len == sizeof(t->iv);
}

/**
 * tls_step - go on with a handshake
 * @s: the session
 * @token: records of the peer; may be NULL if there are none
 * @len: of @token
 * @out: where our records are appended
 * @consumed: set to how much of @token was used; the rest belongs to whoever
 *	has the keys
 *
 * After TLS_FAILED OpenSSL's error queue has the cause, see tls_explain().
 *
 * Return: enum tls_result.
 */
enum tls_result tls_step(struct tls_session *s, const uint8_t *token,
			 size_t len, struct output *out, size_t *consumed)
{
	enum tls_result result;
	size_t pos = 0;

	/* Nothing can be added to NULL, not even nothing. */
	if (!len)
		token = (const uint8_t *)"";
	s->out = out;
	do {
		s->in = token + pos;
		s->in_len = record_len(s->in, len - pos);
		pos += s->in_len;
		result = handshake(s);
	} while (result == TLS_MORE && pos < len);
	*consumed = pos - s->in_len;
	s->in = NULL;
	s->in_len = 0;
	s->out = NULL;
	/* Whoever has no keys to give to the kernel is not done. */
	if (result == TLS_DONE && (!has_keys(&s->secrets.client) ||
				   !has_keys(&s->secrets.server)))
		return TLS_FAILED;
	return result;
}

/*
 * How many records were sealed with application keys: an acceptor's last step
 * writes session tickets and nothing else, an initiator's its Finished under
 * handshake keys.
 */
static uint64_t first_sequence(const struct tls_session *s,
			       const struct output *out)
{
	uint64_t count = 0;
	size_t pos;

	if (!SSL_is_server(s->ssl))
		return 0;
	for (pos = 0; pos < out->len;
	     pos += record_len(out->data + pos, out->len - pos))
		if (out->data[pos] == RECORD_APPLICATION_DATA)
			count++;
	return count;
}

/* Those that kTLS has; 0: another one. */
static size_t cipher_key_len(uint16_t cipher)
{
	switch (cipher) {
	case 0x1301: /* TLS_AES_128_GCM_SHA256 */
	case 0x1304: /* TLS_AES_128_CCM_SHA256 */
		return 16;
	case 0x1302: /* TLS_AES_256_GCM_SHA384 */
	case 0x1303: /* TLS_CHACHA20_POLY1305_SHA256 */
		return 32;
	}
	return 0;
}

static void fill(struct tls_key *key, const struct tls_traffic *t)
{
	memcpy(key->key, t->key, t->key_len);
	memcpy(key->iv, t->iv, sizeof(key->iv));
}

/**
 * tls_keys - the keys of a handshake that is done
 * @s: the session
 * @out: what its last step wrote, and nothing else
 * @keys: set; the caller wipes it, also after a failure
 *
 * Return: 0, or -EPROTO if kTLS does not have the suite.
 */
int tls_keys(const struct tls_session *s, const struct output *out,
	     struct tls_keys *keys)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
	const struct tls_traffic *client = &s->secrets.client;
	const struct tls_traffic *server = &s->secrets.server;
	bool acceptor = SSL_is_server(s->ssl);

	memset(keys, 0, sizeof(*keys));
	keys->cipher = SSL_CIPHER_get_protocol_id(cipher);
	keys->key_len = cipher_key_len(keys->cipher);
	if (!keys->key_len || client->key_len != keys->key_len ||
	    server->key_len != keys->key_len)
		return -EPROTO;
	fill(&keys->tx, acceptor ? server : client);
	fill(&keys->rx, acceptor ? client : server);
	keys->tx.seq = first_sequence(s, out);
	return 0;
}

/**
 * tls_binding - the channel binding tls-exporter (RFC 9266)
 * @s: a session that is done
 * @binding: set
 *
 * Return: 0 or -ENOMEM.
 */
int tls_binding(struct tls_session *s, uint8_t binding[SOCKAUTH_BINDING_LEN])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	int ok;

	tlskdf_capture(&s->secrets);
	ok = SSL_export_keying_material(s->ssl, binding, SOCKAUTH_BINDING_LEN,
					label, strlen(label), NULL, 0, 1);
	tlskdf_capture(NULL);
	return ok == 1 ? 0 : -ENOMEM;
}

/**
 * tls_blob - what the module keeps for us, to change keys later
 * @s: a session that is done
 * @blob: set, but for the origin; secret, the caller wipes it
 */
void tls_blob(const struct tls_session *s, struct tls_blob *blob)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(s->ssl);
	const struct tls_secrets *secrets = &s->secrets;
	bool acceptor = SSL_is_server(s->ssl);

	blob->version = TLS_BLOB_VERSION;
	blob->role = acceptor ? SOCKAUTH_ROLE_ACCEPTOR :
				SOCKAUTH_ROLE_INITIATOR;
	blob->cipher = SSL_CIPHER_get_protocol_id(cipher);
	blob->secret_len = secrets->client.secret_len;
	memcpy(blob->tx, acceptor ? secrets->server.secret :
				    secrets->client.secret, sizeof(blob->tx));
	memcpy(blob->rx, acceptor ? secrets->client.secret :
				    secrets->server.secret, sizeof(blob->rx));
}

/**
 * tls_blob_read - what the module kept for us
 * @data: from the module
 * @len: of @data
 * @blob: set; secret, the caller wipes it
 *
 * Return: 0, or -EPROTO: it is another version's.
 */
int tls_blob_read(const void *data, size_t len, struct tls_blob *blob)
{
	struct tls_blob new;
	int err = -EPROTO;

	if (len != sizeof(new))
		return -EPROTO;
	memcpy(&new, data, sizeof(new));
	if (new.version == TLS_BLOB_VERSION &&
	    new.origin.secret_len <= sizeof(new.origin.secret)) {
		*blob = new;
		err = 0;
	}
	OPENSSL_cleanse(&new, sizeof(new));
	return err;
}
