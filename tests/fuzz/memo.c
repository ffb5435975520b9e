// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What OpenSSL would work out again for every input, although it is the same:
 * the certificates that were recorded, the signatures under them, our key pair
 * and what it agrees on with the peer's.  libssl finds these functions before
 * libcrypto's.  What is not exactly as it was goes to libcrypto's; the
 * first that come are remembered, and those are the recordings and seeds.
 *
 * A key that is remembered is never freed: nobody else has its address.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "fuzz.h"

#define MEMO_MAX	16
#define KEY_LEN		32	/* of X25519, all three */

/**
 * struct memo - arguments of a function, and what came of them
 * @bytes: all arguments that are bytes, one behind the other
 * @len: of @bytes
 * @key: another argument, or NULL
 * @result: a certificate, a session, a key pair, or a secret
 * @random: where our stream of random bytes was afterwards
 */
struct memo {
	void *bytes;
	size_t len;
	const EVP_PKEY *key;
	void *result;
	uint64_t random;
};

/**
 * struct memos - of one function
 */
struct memos {
	struct memo list[MEMO_MAX];
	size_t count;
};

static struct memos certs, sessions, signatures, pairs, secrets;

#define REAL(name) ({							\
	static __typeof__(&name) real;					\
									\
	if (!real)							\
		real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);	\
	real;								\
})

/*
 * The clock stands still: else what is done again is not the same, and tickets
 * expire in a long run.
 */
time_t time(time_t *t)
{
	static struct timespec start;

	if (!start.tv_sec)
		clock_gettime(CLOCK_REALTIME, &start);
	if (t)
		*t = start.tv_sec;
	return start.tv_sec;
}

static struct memo *find(struct memos *memos, const void *bytes, size_t len,
			 const EVP_PKEY *key)
{
	struct memo *memo;

	for (memo = memos->list; memo < memos->list + memos->count; memo++)
		if (memo->len == len && memo->key == key &&
		    !memcmp(memo->bytes, bytes, len))
			return memo;
	return NULL;
}

static bool room(const struct memos *memos)
{
	return memos->count < MEMO_MAX;
}

/* There is room; @result is taken over, and so is a reference to @key. */
static struct memo *add(struct memos *memos, const void *bytes, size_t len,
			const EVP_PKEY *key, void *result)
{
	struct memo *memo = &memos->list[memos->count++];

	memo->bytes = malloc(len);
	fuzz_check(memo->bytes != NULL, "there is memory");
	memcpy(memo->bytes, bytes, len);
	memo->len = len;
	memo->key = key;
	memo->result = result;
	return memo;
}

X509 *d2i_X509(X509 **cert, const unsigned char **in, long len)
{
	const unsigned char *start = *in;
	struct memo *memo = find(&certs, start, len, NULL);
	X509 *new;

	if (memo && cert && X509_up_ref(memo->result)) {
		X509_free(*cert);
		*cert = memo->result;
		*in += len;
		return *cert;
	}
	new = REAL(d2i_X509)(cert, in, len);
	if (new && *in == start + len && room(&certs) && X509_up_ref(new))
		add(&certs, start, len, NULL, new);
	return new;
}

/* Of a ticket.  OpenSSL changes a session, so each gets one of its own. */
SSL_SESSION *d2i_SSL_SESSION(SSL_SESSION **session, const unsigned char **in,
			     long len)
{
	const unsigned char *start = *in;
	struct memo *memo = find(&sessions, start, len, NULL);
	SSL_SESSION *new, *copy;

	if (memo && !session) {
		*in += len;
		return SSL_SESSION_dup(memo->result);
	}
	new = REAL(d2i_SSL_SESSION)(session, in, len);
	if (new && *in == start + len && room(&sessions)) {
		copy = SSL_SESSION_dup(new);
		fuzz_check(copy != NULL, "there is memory");
		add(&sessions, start, len, NULL, copy);
	}
	return new;
}

/* What is good stays good: with this key and digest. */
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
		     const unsigned char *text, size_t text_len)
{
	EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(EVP_MD_CTX_get_pkey_ctx(ctx));
	int digest = EVP_MD_get_type(EVP_MD_CTX_get0_md(ctx)), good;
	size_t len = sizeof(digest) + sig_len + text_len;
	uint8_t bytes[1024], *p = bytes;

	if (len > sizeof(bytes))
		return REAL(EVP_DigestVerify)(ctx, sig, sig_len, text,
					      text_len);
	p = mempcpy(p, &digest, sizeof(digest));
	p = mempcpy(p, sig, sig_len);
	memcpy(p, text, text_len);
	if (find(&signatures, bytes, len, key))
		return 1;
	good = REAL(EVP_DigestVerify)(ctx, sig, sig_len, text, text_len);
	if (good == 1 && room(&signatures) && EVP_PKEY_up_ref(key))
		add(&signatures, bytes, len, key, NULL);
	return good;
}

/* The same random bytes make the same key pair. */
int EVP_PKEY_keygen(EVP_PKEY_CTX *ctx, EVP_PKEY **pair)
{
	uint64_t random = random_tell();
	struct memo *memo;
	int good;

	if (!EVP_PKEY_CTX_is_a(ctx, "X25519"))
		return REAL(EVP_PKEY_keygen)(ctx, pair);
	memo = find(&pairs, &random, sizeof(random), NULL);
	if (memo) {
		*pair = memo->result;
		random_seek(memo->random);
		return EVP_PKEY_up_ref(*pair);
	}
	good = REAL(EVP_PKEY_keygen)(ctx, pair);
	if (good == 1 && room(&pairs) && EVP_PKEY_up_ref(*pair))
		add(&pairs, &random, sizeof(random), NULL, *pair)->random =
			random_tell();
	return good;
}

/* OpenSSL asks for the length first, without @secret. */
int EVP_PKEY_derive(EVP_PKEY_CTX *ctx, unsigned char *secret, size_t *len)
{
	EVP_PKEY *key = EVP_PKEY_CTX_get0_pkey(ctx);
	EVP_PKEY *peer = EVP_PKEY_CTX_get0_peerkey(ctx);
	uint8_t public[KEY_LEN];
	size_t public_len = sizeof(public);
	struct memo *memo;
	int good;

	if (!secret || !peer || !EVP_PKEY_is_a(key, "X25519") ||
	    !EVP_PKEY_get_raw_public_key(peer, public, &public_len))
		return REAL(EVP_PKEY_derive)(ctx, secret, len);
	memo = find(&secrets, public, public_len, key);
	if (memo) {
		memcpy(secret, memo->result, KEY_LEN);
		*len = KEY_LEN;
		return 1;
	}
	good = REAL(EVP_PKEY_derive)(ctx, secret, len);
	if (good == 1 && room(&secrets) && EVP_PKEY_up_ref(key))
		add(&secrets, public, public_len, key,
		    memcpy(malloc(KEY_LEN), secret, KEY_LEN));
	return good;
}
