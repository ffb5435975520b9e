// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The secrets and keys that a TLS 1.3 handshake leaves.
 *
 * OpenSSL gives them away only as hexadecimal text, to a keylog callback,
 * which costs a tenth of a handshake.  But it derives them with the algorithm
 * "TLS13-KDF" of some provider, and a program may have a provider of its own.
 * The one here (see tlsprov.c) derives as RFC 8446 says (hkdf.c), and copies
 * some of the results.  What it does not know, the default provider does.
 *
 * The pointer to the default's algorithm is set before the threads exist and
 * constant afterwards; where to copy to is private to each thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "hkdf.h"
#include "tlskdf.h"
#include "tlsprov.h"

/**
 * struct kdf - a context of our algorithm
 * @base: the default provider's; NULL until it is wanted
 */
struct kdf {
	EVP_KDF_CTX *base;
};

/**
 * struct wish - what libssl wants to have derived
 * @mode: of OpenSSL's
 * @hkdf: this thread's contexts for the hash function
 * @key: to expand, or to extract from
 * @salt: of the latter
 * @label: without the prefix
 * @data: to mix in
 */
struct wish {
	int mode;
	struct hkdf *hkdf;
	struct bytes key;
	struct bytes salt;
	struct bytes label;
	struct bytes data;
};

static EVP_KDF *base_kdf;
static __thread struct tls_secrets *capture;

static void *kdf_new(void *provctx)
{
	(void)provctx;
	return OPENSSL_zalloc(sizeof(struct kdf));
}

static void kdf_free(void *arg)
{
	struct kdf *kdf = arg;

	if (!kdf)
		return;
	EVP_KDF_CTX_free(kdf->base);
	OPENSSL_free(kdf);
}

static void kdf_reset(void *arg)
{
	struct kdf *kdf = arg;

	EVP_KDF_CTX_free(kdf->base);
	kdf->base = NULL;
}

static EVP_KDF_CTX *base_of(struct kdf *kdf)
{
	if (!kdf->base)
		kdf->base = EVP_KDF_CTX_new(base_kdf);
	return kdf->base;
}

static int kdf_set(void *kdf, const OSSL_PARAM params[])
{
	EVP_KDF_CTX *base = base_of(kdf);

	return base && EVP_KDF_CTX_set_params(base, params);
}

static const OSSL_PARAM *kdf_settable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return EVP_KDF_settable_ctx_params(base_kdf);
}

static int kdf_get(void *kdf, OSSL_PARAM params[])
{
	EVP_KDF_CTX *base = base_of(kdf);

	return base && EVP_KDF_CTX_get_params(base, params);
}

static const OSSL_PARAM *kdf_gettable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return EVP_KDF_gettable_ctx_params(base_kdf);
}

static struct bytes bytes_of(const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

	if (!p || p->data_type != OSSL_PARAM_OCTET_STRING)
		return (struct bytes){ NULL, 0 };
	return (struct bytes){ p->data, p->data_size };
}

static bool is(struct bytes bytes, const char *word)
{
	return bytes.len == strlen(word) &&
	       !memcmp(bytes.data, word, bytes.len);
}

/* libssl gives a new context all parameters at once: whether these are they. */
static bool read_wish(const OSSL_PARAM params[], struct wish *wish)
{
	const OSSL_PARAM *mode, *digest;

	mode = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
	digest = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
	if (!mode || !OSSL_PARAM_get_int(mode, &wish->mode) || !digest ||
	    digest->data_type != OSSL_PARAM_UTF8_STRING ||
	    !is(bytes_of(params, OSSL_KDF_PARAM_PREFIX), HKDF_PREFIX))
		return false;
	wish->hkdf = hkdf_get(digest->data);
	wish->key = bytes_of(params, OSSL_KDF_PARAM_KEY);
	wish->salt = bytes_of(params, OSSL_KDF_PARAM_SALT);
	wish->label = bytes_of(params, OSSL_KDF_PARAM_LABEL);
	wish->data = bytes_of(params, OSSL_KDF_PARAM_DATA);
	return wish->hkdf && wish->label.data;
}

static int grant(const struct wish *w, uint8_t *out, size_t len)
{
	if (w->mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && w->key.data)
		return hkdf_expand_label(w->hkdf, w->key, w->label, w->data,
					 out, len);
	if (w->mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY &&
	    len == hkdf_len(w->hkdf))
		return hkdf_next(w->hkdf, w->salt, w->label, w->key, out);
	return -EINVAL;
}

static void keep(uint8_t *to, size_t size, size_t *to_len, const uint8_t *out,
		 size_t len)
{
	if (len > size)
		return;
	memcpy(to, out, len);
	*to_len = len;
}

static void keep_secret(struct tls_traffic *t, const uint8_t *out, size_t len)
{
	keep(t->secret, sizeof(t->secret), &t->secret_len, out, len);
}

/* The traffic whose keys are derived from a secret, or NULL. */
static struct tls_traffic *traffic_of(struct tls_secrets *s,
				      struct bytes secret)
{
	struct tls_traffic *const both[] = { &s->client, &s->server };
	size_t i;

	for (i = 0; i < 2; i++)
		if (secret.data && secret.len == both[i]->secret_len &&
		    !CRYPTO_memcmp(secret.data, both[i]->secret, secret.len))
			return both[i];
	return NULL;
}

static void note(struct tls_secrets *s, const struct wish *w,
		 const uint8_t *out, size_t len)
{
	struct tls_traffic *t = traffic_of(s, w->key);

	if (is(w->label, "c ap traffic"))
		keep_secret(&s->client, out, len);
	else if (is(w->label, "s ap traffic"))
		keep_secret(&s->server, out, len);
	else if (is(w->label, "res master"))
		keep(s->resumption, sizeof(s->resumption), &s->resumption_len,
		     out, len);
	else if (t && is(w->label, "key"))
		keep(t->key, sizeof(t->key), &t->key_len, out, len);
	else if (t && is(w->label, "iv"))
		keep(t->iv, sizeof(t->iv), &t->iv_len, out, len);
}

static int kdf_derive(void *arg, unsigned char *out, size_t len,
		      const OSSL_PARAM params[])
{
	struct kdf *kdf = arg;
	EVP_KDF_CTX *base;
	struct wish wish;

	if (!kdf->base && read_wish(params, &wish) && !grant(&wish, out, len)) {
		if (capture)
			note(capture, &wish, out, len);
		else
			hkdf_forget();
		return 1;
	}
	base = base_of(kdf);
	return base && EVP_KDF_derive(base, out, len, params) > 0;
}

static const OSSL_DISPATCH kdf_functions[] = {
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_NEWCTX, kdf_new),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_FREECTX, kdf_free),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_RESET, kdf_reset),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_DERIVE, kdf_derive),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_SET_CTX_PARAMS, kdf_set),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, kdf_settable),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_GET_CTX_PARAMS, kdf_get),
	TLSPROV_FUNCTION(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS, kdf_gettable),
	{ 0, NULL },
};

const OSSL_ALGORITHM tlskdf_algorithms[] = {
	{ OSSL_KDF_NAME_TLS1_3_KDF, TLSPROV_OURS, kdf_functions, NULL },
	{ NULL, NULL, NULL, NULL },
};

/**
 * tlskdf_init - find the default provider's algorithm
 *
 * Return: 0 or -ENOTSUP.
 */
int tlskdf_init(void)
{
	int err = hkdf_init();

	base_kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF,
				 "provider=default");
	return base_kdf ? err : -ENOTSUP;
}

/**
 * tlskdf_exit - undo tlskdf_init(), also if it failed
 */
void tlskdf_exit(void)
{
	EVP_KDF_free(base_kdf);
	base_kdf = NULL;
	hkdf_exit();
}

/**
 * tlskdf_capture - say whose secrets this thread derives from now on
 * @secrets: of the handshake that is about to go on; NULL: nobody's
 */
void tlskdf_capture(struct tls_secrets *secrets)
{
	capture = secrets;
	if (!secrets)
		hkdf_forget();
}

/**
 * tlskdf_expand_with - HKDF-Expand-Label (RFC 8446 7.1)
 * @digest: name of the hash function
 * @secret: what to derive from
 * @secret_len: of @secret
 * @label: without "tls13 "
 * @context: what to mix in
 * @context_len: of @context; may be 0
 * @out: filled
 * @len: of @out, at most that of a hash
 *
 * Return: 0 or -errno.
 */
int tlskdf_expand_with(const char *digest, const uint8_t *secret,
		       size_t secret_len, const char *label,
		       const uint8_t *context, size_t context_len,
		       uint8_t *out, size_t len)
{
	struct hkdf *hkdf = hkdf_get(digest);
	int err = -ENOMEM;

	if (hkdf)
		err = hkdf_expand_label(hkdf,
					(struct bytes){ secret, secret_len },
					(struct bytes){ label, strlen(label) },
					(struct bytes){ context, context_len },
					out, len);
	hkdf_forget();
	return err;
}

/**
 * tlskdf_expand - tlskdf_expand_with() an empty context
 * @digest: name of the hash function
 * @secret: what to derive from
 * @secret_len: of @secret
 * @label: without "tls13 "
 * @out: filled
 * @len: of @out, at most that of a hash
 *
 * Return: 0 or -errno.
 */
int tlskdf_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		  const char *label, uint8_t *out, size_t len)
{
	return tlskdf_expand_with(digest, secret, secret_len, label, NULL, 0,
				  out, len);
}
