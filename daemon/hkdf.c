// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key derivation of TLS 1.3 (RFC 8446 7.1) on OpenSSL's HMAC.
 *
 * A handshake derives some twenty times, and OpenSSL's own derivation spends
 * most of its time on what comes before and after the hash: contexts are made
 * and freed, algorithms looked up by their names, parameters copied.  HMAC's
 * contexts are made once here, for each thread and hash function, and each
 * derivation gives them another key, if it is another one: libssl derives up
 * to three times in a row from the same secret.
 *
 * So the last secret stays in them until hkdf_forget(), which is up to whoever
 * derives: a handshake wants it once, not twenty times.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "hkdf.h"

/* SHA-256 and SHA-384, each by two names */
#define DIGESTS		4

/* struct HkdfLabel, and the counter of HKDF-Expand */
#define INFO_MAX	(2 + 1 + 255 + 1 + 255 + 1)

/**
 * struct hkdf - contexts of a thread for one hash function
 * @digest: its name
 * @len: of a hash
 * @empty: hash of nothing
 * @mac: the default provider's HMAC
 * @dirty: a secret is in @mac
 * @key: that @mac has
 * @key_len: of @key; 0: that is not known
 */
struct hkdf {
	char digest[16];
	size_t len;
	uint8_t empty[EVP_MAX_MD_SIZE];
	EVP_MAC_CTX *mac;
	bool dirty;
	uint8_t key[EVP_MAX_MD_SIZE];
	size_t key_len;
};

static const uint8_t zeros[EVP_MAX_MD_SIZE];
static EVP_MAC *hmac;
static pthread_key_t ready_key;
static bool ready_key_made;

static void ready_free(void *arg)
{
	struct hkdf *ready = arg;
	size_t i;

	for (i = 0; ready && i < DIGESTS; i++)
		EVP_MAC_CTX_free(ready[i].mac);
	OPENSSL_clear_free(ready, DIGESTS * sizeof(*ready));
}

/**
 * hkdf_init - find HMAC, before the threads exist
 *
 * Return: 0 or -ENOTSUP.
 */
int hkdf_init(void)
{
	hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, "provider=default");
	ready_key_made = !pthread_key_create(&ready_key, ready_free);
	return hmac && ready_key_made ? 0 : -ENOTSUP;
}

/**
 * hkdf_exit - undo hkdf_init(), also if it failed
 */
void hkdf_exit(void)
{
	/* Those of other threads went with them. */
	if (ready_key_made) {
		ready_free(pthread_getspecific(ready_key));
		pthread_key_delete(ready_key);
	}
	ready_key_made = false;
	EVP_MAC_free(hmac);
	hmac = NULL;
}

static int fill(struct hkdf *hkdf, const char *digest)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);

	if (!mac || !EVP_MAC_CTX_set_params(mac, params) ||
	    !EVP_Q_digest(NULL, digest, NULL, "", 0, hkdf->empty,
			  &hkdf->len)) {
		EVP_MAC_CTX_free(mac);
		return -ENOMEM;
	}
	strcpy(hkdf->digest, digest);
	hkdf->mac = mac;
	return 0;
}

/**
 * hkdf_get - find this thread's contexts for a hash function
 * @digest: name of the hash function
 *
 * Return: contexts that are the thread's, or NULL.
 */
struct hkdf *hkdf_get(const char *digest)
{
	struct hkdf *ready = pthread_getspecific(ready_key);
	size_t i;

	if (!ready) {
		ready = OPENSSL_zalloc(DIGESTS * sizeof(*ready));
		if (!ready || pthread_setspecific(ready_key, ready)) {
			OPENSSL_free(ready);
			return NULL;
		}
	}
	for (i = 0; i < DIGESTS && ready[i].mac; i++)
		if (!strcmp(ready[i].digest, digest))
			return &ready[i];
	if (i == DIGESTS || strlen(digest) >= sizeof(ready[i].digest) ||
	    fill(&ready[i], digest))
		return NULL;
	return &ready[i];
}

/**
 * hkdf_len - length of what a hash function makes
 * @hkdf: from hkdf_get()
 *
 * Return: the length.
 */
size_t hkdf_len(const struct hkdf *hkdf)
{
	return hkdf->len;
}

static int set_key(struct hkdf *hkdf, struct bytes key)
{
	if (!key.len || key.len > sizeof(hkdf->key))
		return 0;
	/* HMAC begins again with the key that it has. */
	if (key.len == hkdf->key_len &&
	    !CRYPTO_memcmp(key.data, hkdf->key, key.len))
		return EVP_MAC_init(hkdf->mac, NULL, 0, NULL);
	hkdf->dirty = true;
	hkdf->key_len = 0;
	if (!EVP_MAC_init(hkdf->mac, key.data, key.len, NULL))
		return 0;
	memcpy(hkdf->key, key.data, key.len);
	hkdf->key_len = key.len;
	return 1;
}

static int mac(struct hkdf *hkdf, struct bytes key, struct bytes data,
	       uint8_t *out)
{
	size_t len;

	return set_key(hkdf, key) &&
	       EVP_MAC_update(hkdf->mac, data.data, data.len) &&
	       EVP_MAC_final(hkdf->mac, out, &len, hkdf->len) ? 0 : -ENOMEM;
}

/* HKDF-Extract; nothing is as many zeros as a hash has bytes. */
static int extract(struct hkdf *hkdf, struct bytes salt, struct bytes secret,
		   uint8_t *out)
{
	const struct bytes none = { zeros, hkdf->len };

	return mac(hkdf, salt.data ? salt : none, secret.data ? secret : none,
		   out);
}

/* Return: how many bytes were put. */
static size_t put_vector(uint8_t *out, struct bytes prefix, struct bytes rest)
{
	out[0] = prefix.len + rest.len;
	memcpy(out + 1, prefix.data, prefix.len);
	if (rest.len)
		memcpy(out + 1 + prefix.len, rest.data, rest.len);
	return 1 + prefix.len + rest.len;
}

/**
 * hkdf_expand_label - HKDF-Expand-Label
 * @hkdf: from hkdf_get()
 * @secret: what to derive from
 * @label: without the prefix that all of TLS 1.3 have
 * @context: what to mix in
 * @out: filled
 * @len: of @out; TLS 1.3 never needs more than a hash
 *
 * Return: 0, -EINVAL: something is too long, or -ENOMEM.
 */
int hkdf_expand_label(struct hkdf *hkdf, struct bytes secret,
		      struct bytes label, struct bytes context, uint8_t *out,
		      size_t len)
{
	const struct bytes prefix = { HKDF_PREFIX, strlen(HKDF_PREFIX) };
	const struct bytes nothing = { "", 0 };
	uint8_t info[INFO_MAX], hash[EVP_MAX_MD_SIZE];
	size_t pos = 2;
	int err;

	if (prefix.len + label.len > 255 || context.len > 255 ||
	    len > hkdf->len)
		return -EINVAL;
	info[0] = len >> 8;
	info[1] = len;
	pos += put_vector(info + pos, prefix, label);
	pos += put_vector(info + pos, nothing, context);
	/* The first block of HKDF-Expand, which is the last one here. */
	info[pos++] = 1;
	err = mac(hkdf, secret, (struct bytes){ info, pos }, hash);
	if (!err)
		memcpy(out, hash, len);
	OPENSSL_cleanse(hash, sizeof(hash));
	return err;
}

/**
 * hkdf_next - go one secret further in the key schedule
 * @hkdf: from hkdf_get()
 * @last: the secret before; nothing for the first one
 * @label: with which something is derived from @last
 * @secret: to put in; may be nothing
 * @out: filled, hkdf_len() bytes
 *
 * Return: 0, -EINVAL: something is too long, or -ENOMEM.
 */
int hkdf_next(struct hkdf *hkdf, struct bytes last, struct bytes label,
	      struct bytes secret, uint8_t *out)
{
	const struct bytes empty = { hkdf->empty, hkdf->len };
	uint8_t derived[EVP_MAX_MD_SIZE];
	struct bytes salt = { NULL, 0 };
	int err = 0;

	if (last.data) {
		err = hkdf_expand_label(hkdf, last, label, empty, derived,
					hkdf->len);
		salt = (struct bytes){ derived, hkdf->len };
	}
	if (!err)
		err = extract(hkdf, salt, secret, out);
	OPENSSL_cleanse(derived, sizeof(derived));
	return err;
}

/**
 * hkdf_forget - wipe the last secrets that this thread has derived from
 */
void hkdf_forget(void)
{
	struct hkdf *ready = pthread_getspecific(ready_key);
	size_t i;

	for (i = 0; ready && i < DIGESTS && ready[i].mac; i++) {
		if (!ready[i].dirty)
			continue;
		OPENSSL_cleanse(ready[i].key, sizeof(ready[i].key));
		ready[i].key_len = 0;
		/* It keeps its key, and what it has hashed of it: another. */
		ready[i].dirty = !EVP_MAC_init(ready[i].mac, zeros,
					       ready[i].len, NULL);
	}
}
