// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a server sends to a client that may come again: NewSessionTicket
 * messages in, sessions for OpenSSL out.  Functions without state.
 *
 * OpenSSL reads tickets only on a connection that it has itself, and has no
 * function to put one into a session.  But it reads and writes sessions as
 * ASN.1, and what a client needs of that is a template here.
 */
#include <errno.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "newticket.h"
#include "tlskdf.h"

#define SESSION_ASN1_VERSION	1

/* What is left of a message, of a vector in it, or of the record. */
struct cursor {
	const uint8_t *data;
	size_t len;
};

static int read_bytes(struct cursor *c, size_t len, struct cursor *out)
{
	if (len > c->len)
		return -EPROTO;
	*out = (struct cursor) { c->data, len };
	c->data += len;
	c->len -= len;
	return 0;
}

static int read_number(struct cursor *c, size_t size, uint32_t *number)
{
	struct cursor bytes;
	size_t i;

	if (read_bytes(c, size, &bytes))
		return -EPROTO;
	*number = 0;
	for (i = 0; i < size; i++)
		*number = *number << 8 | bytes.data[i];
	return 0;
}

/* A vector, after its length in @size bytes. */
static int read_vector(struct cursor *c, size_t size, struct cursor *out)
{
	uint32_t len;

	if (read_number(c, size, &len))
		return -EPROTO;
	return read_bytes(c, len, out);
}

/* There is none that we use, but they must be extensions. */
static int skip_extensions(struct cursor *c)
{
	struct cursor list, content;
	uint32_t type;

	if (read_vector(c, 2, &list))
		return -EPROTO;
	while (list.len)
		if (read_number(&list, 2, &type) ||
		    read_vector(&list, 2, &content))
			return -EPROTO;
	return 0;
}

static int read_ticket(struct cursor *c, struct newticket *ticket)
{
	struct cursor body, nonce, blob;
	uint32_t type, lifetime, age_add;

	if (read_number(c, 1, &type) || type != SSL3_MT_NEWSESSION_TICKET ||
	    read_vector(c, 3, &body) ||
	    read_number(&body, 4, &lifetime) ||
	    read_number(&body, 4, &age_add) ||
	    read_vector(&body, 1, &nonce) ||
	    read_vector(&body, 2, &blob) || !blob.len ||
	    skip_extensions(&body) || body.len)
		return -EPROTO;
	if (lifetime > NEWTICKET_LIFETIME_MAX)
		lifetime = NEWTICKET_LIFETIME_MAX;
	*ticket = (struct newticket) {
		.lifetime = lifetime,
		.age_add = age_add,
		.nonce = nonce.data,
		.nonce_len = nonce.len,
		.ticket = blob.data,
		.ticket_len = blob.len,
	};
	return 0;
}

/**
 * newticket_next - read the next message of a record
 * @data: the rest of the record; set to what is behind the message
 * @len: of @data, likewise
 * @ticket: set
 *
 * Return: 0; -ENODATA: the record is over; -EPROTO: what is there is no
 * NewSessionTicket, and nothing of the record can be used any more.
 */
int newticket_next(const uint8_t **data, size_t *len, struct newticket *ticket)
{
	struct cursor c = { *data, *len };

	if (!c.len)
		return -ENODATA;
	if (read_ticket(&c, ticket))
		return -EPROTO;
	*data = c.data;
	*len = c.len;
	return 0;
}

/*
 * As OpenSSL's own, without what is optional and of no use here.  There is no
 * certificate of the peer: it was verified by who made the session.
 */
struct session_asn1 {
	uint32_t version;
	int32_t protocol;
	ASN1_OCTET_STRING *cipher;
	ASN1_OCTET_STRING *id;
	ASN1_OCTET_STRING *key;
	int64_t time;
	int64_t timeout;
	uint64_t lifetime;
	ASN1_OCTET_STRING *ticket;
	uint32_t age_add;
};

ASN1_SEQUENCE(session_asn1) = {
	ASN1_EMBED(struct session_asn1, version, UINT32),
	ASN1_EMBED(struct session_asn1, protocol, INT32),
	ASN1_SIMPLE(struct session_asn1, cipher, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct session_asn1, id, ASN1_OCTET_STRING),
	ASN1_SIMPLE(struct session_asn1, key, ASN1_OCTET_STRING),
	ASN1_EXP_OPT_EMBED(struct session_asn1, time, ZINT64, 1),
	ASN1_EXP_OPT_EMBED(struct session_asn1, timeout, ZINT64, 2),
	ASN1_EXP_OPT_EMBED(struct session_asn1, lifetime, ZUINT64, 9),
	ASN1_EXP(struct session_asn1, ticket, ASN1_OCTET_STRING, 10),
	ASN1_EXP_OPT_EMBED(struct session_asn1, age_add, ZUINT32, 14),
} static_ASN1_SEQUENCE_END_name(struct session_asn1, session_asn1)

static void session_free(struct session_asn1 *session)
{
	/* The template would free the key and not wipe it. */
	ASN1_STRING_clear_free(session->key);
	session->key = NULL;
	ASN1_item_free((ASN1_VALUE *)session, ASN1_ITEM_rptr(session_asn1));
}

static int fill(struct session_asn1 *session, const struct newticket *ticket,
		uint16_t cipher, const uint8_t *key, size_t key_len)
{
	uint8_t suite[2] = { cipher >> 8, cipher }, id[32];

	/* OpenSSL never sends it; it names a session that has no other name. */
	if (!EVP_Digest(ticket->ticket, ticket->ticket_len, id, NULL,
			EVP_sha256(), NULL) ||
	    !ASN1_OCTET_STRING_set(session->cipher, suite, sizeof(suite)) ||
	    !ASN1_OCTET_STRING_set(session->id, id, sizeof(id)) ||
	    !ASN1_OCTET_STRING_set(session->key, key, key_len) ||
	    !ASN1_OCTET_STRING_set(session->ticket, ticket->ticket,
				   ticket->ticket_len))
		return -ENOMEM;
	return 0;
}

static int encode(const struct newticket *ticket, uint16_t cipher,
		  const uint8_t *key, size_t key_len, int64_t now,
		  uint8_t **der, size_t *der_len)
{
	const ASN1_ITEM *item = ASN1_ITEM_rptr(session_asn1);
	struct session_asn1 *session = (void *)ASN1_item_new(item);
	uint8_t *out = NULL;
	int len = -1;

	if (!session)
		return -ENOMEM;
	session->version = SESSION_ASN1_VERSION;
	session->protocol = TLS1_3_VERSION;
	session->time = now;
	session->timeout = ticket->lifetime;
	session->lifetime = ticket->lifetime;
	session->age_add = ticket->age_add;
	if (!fill(session, ticket, cipher, key, key_len))
		len = ASN1_item_i2d((ASN1_VALUE *)session, &out, item);
	session_free(session);
	if (len < 0)
		return -ENOMEM;
	*der = out;
	*der_len = len;
	return 0;
}

/* Name of the hash function of a suite that kTLS has. */
static const char *digest_of(uint16_t cipher)
{
	return cipher == 0x1302 /* TLS_AES_256_GCM_SHA384 */ ? "SHA384" :
							       "SHA256";
}

/**
 * newticket_session - make a session that OpenSSL's client can resume
 * @ticket: from newticket_next()
 * @cipher: suite of the connection that it came on
 * @secret: resumption master secret of that connection
 * @secret_len: of @secret
 * @now: when it came, seconds since 1970
 * @der: set, for d2i_SSL_SESSION(); secret, the caller frees it with
 *	OPENSSL_clear_free()
 * @der_len: set
 *
 * Return: 0 or -ENOMEM.
 */
int newticket_session(const struct newticket *ticket, uint16_t cipher,
		      const uint8_t *secret, size_t secret_len, int64_t now,
		      uint8_t **der, size_t *der_len)
{
	uint8_t key[TLS_SECRET_MAX];
	int err;

	/* As long as the hash, which is as long as the secret. */
	err = tlskdf_expand_with(digest_of(cipher), secret, secret_len,
				 "resumption", ticket->nonce,
				 ticket->nonce_len, key, secret_len);
	if (!err)
		err = encode(ticket, cipher, key, secret_len, now, der,
			     der_len);
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}
