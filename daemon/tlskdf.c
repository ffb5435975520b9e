// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The secrets that a TLS 1.3 handshake leaves.
 *
 * OpenSSL gives them away only as hexadecimal text, to a keylog callback,
 * which costs a tenth of a handshake.  But it derives them with the algorithm
 * "TLS13-KDF" of some provider, and a program may have a provider of its own.
 * The one here (see tlsprov.c) has the default provider do the work, and copies
 * three of the results.
 *
 * The pointer to the default's algorithm is set before the threads exist and
 * constant afterwards; where to copy to, and contexts that are used again, are
 * private to each thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "tlskdf.h"
#include "tlsprov.h"

/* SHA-256 and SHA-384, each by two names */
#define DIGESTS	4

/**
 * struct ready - contexts of a thread for HKDF-Expand-Label, one for each hash
 * @digest: name of the hash function, which stays in @ctx: finding it costs as
 *	much as using it
 * @ctx: the default provider's; the last secret is in it until forget()
 */
struct ready {
	char digest[16];
	EVP_KDF_CTX *ctx;
};

/**
 * struct kdf - a context of our algorithm
 * @base: the default provider's; NULL until it is wanted
 */
struct kdf {
	EVP_KDF_CTX *base;
};

static const uint8_t nothing[1];
static EVP_KDF *base_kdf;
static pthread_key_t ready_key;
static bool ready_key_made;
static __thread struct tls_secrets *capture;

static void ready_free(void *arg)
{
	struct ready *ready = arg;
	size_t i;

	for (i = 0; ready && i < DIGESTS; i++)
		EVP_KDF_CTX_free(ready[i].ctx);
	free(ready);
}

static EVP_KDF_CTX *new_ready(const char *digest)
{
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(base_kdf);

	if (ctx && EVP_KDF_CTX_set_params(ctx, params) > 0)
		return ctx;
	EVP_KDF_CTX_free(ctx);
	return NULL;
}

/* This thread's context for a hash function, or NULL. */
static EVP_KDF_CTX *find_ready(const char *digest)
{
	struct ready *ready = pthread_getspecific(ready_key);
	size_t i;

	if (!ready) {
		ready = calloc(DIGESTS, sizeof(*ready));
		if (!ready || pthread_setspecific(ready_key, ready)) {
			free(ready);
			return NULL;
		}
	}
	for (i = 0; i < DIGESTS && ready[i].ctx; i++)
		if (!strcmp(ready[i].digest, digest))
			return ready[i].ctx;
	if (i == DIGESTS || strlen(digest) >= sizeof(ready[i].digest))
		return NULL;
	strcpy(ready[i].digest, digest);
	ready[i].ctx = new_ready(digest);
	return ready[i].ctx;
}

/* Wipe the last secret that this thread has used. */
static void forget(void)
{
	const OSSL_PARAM key[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)nothing,
						  sizeof(nothing)),
		OSSL_PARAM_construct_end(),
	};
	struct ready *ready = pthread_getspecific(ready_key);
	size_t i;

	for (i = 0; ready && i < DIGESTS && ready[i].ctx; i++)
		EVP_KDF_CTX_set_params(ready[i].ctx, key);
}

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

static void keep(uint8_t *secret, size_t *secret_len, const uint8_t *out,
		 size_t len)
{
	if (len > TLS_SECRET_MAX)
		return;
	memcpy(secret, out, len);
	*secret_len = len;
}

static int is_label(const OSSL_PARAM *param, const char *label)
{
	return param->data_size == strlen(label) &&
	       !memcmp(param->data, label, param->data_size);
}

/*
 * libssl gives a new context all parameters at once.  If they ask for
 * HKDF-Expand-Label, @some is set to those that are not in a context that is
 * ready.
 */
static EVP_KDF_CTX *is_ready(const OSSL_PARAM params[], OSSL_PARAM some[5])
{
	static const char *const names[] = {
		OSSL_KDF_PARAM_KEY, OSSL_KDF_PARAM_PREFIX, OSSL_KDF_PARAM_LABEL,
	};
	const OSSL_PARAM *p;
	size_t i;
	int mode;

	p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);
	if (!p || !OSSL_PARAM_get_int(p, &mode) ||
	    mode != EVP_KDF_HKDF_MODE_EXPAND_ONLY)
		return NULL;
	for (i = 0; i < 3; i++) {
		p = OSSL_PARAM_locate_const(params, names[i]);
		if (!p)
			return NULL;
		some[i] = *p;
	}
	/* That of an earlier use is in the context still. */
	p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DATA);
	some[i++] = p ? *p : OSSL_PARAM_construct_octet_string(
					OSSL_KDF_PARAM_DATA, (void *)nothing, 0);
	some[i] = OSSL_PARAM_construct_end();
	p = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
	return p && p->data_type == OSSL_PARAM_UTF8_STRING ?
	       find_ready(p->data) : NULL;
}

static int derive(struct kdf *kdf, unsigned char *out, size_t len,
		  const OSSL_PARAM params[])
{
	EVP_KDF_CTX *ctx = NULL;
	OSSL_PARAM some[5];

	if (capture && !kdf->base)
		ctx = is_ready(params, some);
	if (ctx)
		return EVP_KDF_derive(ctx, out, len, some) > 0;
	ctx = base_of(kdf);
	return ctx && EVP_KDF_derive(ctx, out, len, params) > 0;
}

static int kdf_derive(void *kdf, unsigned char *out, size_t len,
		      const OSSL_PARAM params[])
{
	const OSSL_PARAM *label;

	if (!derive(kdf, out, len, params))
		return 0;
	if (!capture)
		return 1;
	label = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_LABEL);
	if (!label || !label->data)
		return 1;
	if (is_label(label, "c ap traffic"))
		keep(capture->client, &capture->client_len, out, len);
	else if (is_label(label, "s ap traffic"))
		keep(capture->server, &capture->server_len, out, len);
	else if (is_label(label, "res master"))
		keep(capture->resumption, &capture->resumption_len, out, len);
	return 1;
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
	base_kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF,
				 "provider=default");
	ready_key_made = !pthread_key_create(&ready_key, ready_free);
	return base_kdf && ready_key_made ? 0 : -ENOTSUP;
}

/**
 * tlskdf_exit - undo tlskdf_init(), also if it failed
 */
void tlskdf_exit(void)
{
	/* Those of other threads went with them. */
	if (ready_key_made) {
		ready_free(pthread_getspecific(ready_key));
		pthread_key_delete(ready_key);
	}
	ready_key_made = false;
	EVP_KDF_free(base_kdf);
	base_kdf = NULL;
}

/**
 * tlskdf_capture - say whose secrets this thread derives from now on
 * @secrets: of the handshake that is about to go on; NULL: nobody's
 */
void tlskdf_capture(struct tls_secrets *secrets)
{
	capture = secrets;
	if (!secrets)
		forget();
}

/**
 * tlskdf_expand_with - HKDF-Expand-Label (RFC 8446 7.1)
 * @digest: name of the hash function
 * @secret: what to derive from
 * @secret_len: of @secret
 * @label: without "tls13 "
 * @context: what to mix in; not NULL
 * @context_len: of @context; may be 0
 * @out: filled
 * @len: of @out
 *
 * Return: 0 or -ENOMEM.
 */
int tlskdf_expand_with(const char *digest, const uint8_t *secret,
		       size_t secret_len, const char *label,
		       const uint8_t *context, size_t context_len,
		       uint8_t *out, size_t len)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
						  (void *)secret, secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX,
						  (void *)"tls13 ", 6),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL,
						  (void *)label,
						  strlen(label)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_DATA,
						  (void *)context,
						  context_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx = find_ready(digest);
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	forget();
	return ok ? 0 : -ENOMEM;
}

/**
 * tlskdf_expand - tlskdf_expand_with() an empty context
 * @digest: name of the hash function
 * @secret: what to derive from
 * @secret_len: of @secret
 * @label: without "tls13 "
 * @out: filled
 * @len: of @out
 *
 * Return: 0 or -ENOMEM.
 */
int tlskdf_expand(const char *digest, const uint8_t *secret, size_t secret_len,
		  const char *label, uint8_t *out, size_t len)
{
	return tlskdf_expand_with(digest, secret, secret_len, label, nothing, 0,
				  out, len);
}
