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
 * constant afterwards; where to copy to is private to each thread.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "tlskdf.h"
#include "tlsprov.h"

static EVP_KDF *base_kdf;
static __thread struct tls_secrets *capture;

static void *kdf_new(void *provctx)
{
	(void)provctx;
	return EVP_KDF_CTX_new(base_kdf);
}

static void kdf_free(void *ctx)
{
	EVP_KDF_CTX_free(ctx);
}

static void kdf_reset(void *ctx)
{
	EVP_KDF_CTX_reset(ctx);
}

static int kdf_set(void *ctx, const OSSL_PARAM params[])
{
	return EVP_KDF_CTX_set_params(ctx, params);
}

static const OSSL_PARAM *kdf_settable(void *ctx, void *provctx)
{
	(void)ctx;
	(void)provctx;
	return EVP_KDF_settable_ctx_params(base_kdf);
}

static int kdf_get(void *ctx, OSSL_PARAM params[])
{
	return EVP_KDF_CTX_get_params(ctx, params);
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

static int kdf_derive(void *ctx, unsigned char *out, size_t len,
		      const OSSL_PARAM params[])
{
	const OSSL_PARAM *label;

	if (EVP_KDF_derive(ctx, out, len, params) <= 0)
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
	return base_kdf ? 0 : -ENOTSUP;
}

/**
 * tlskdf_exit - undo tlskdf_init(), also if it failed
 */
void tlskdf_exit(void)
{
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
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(base_kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)digest, 0),
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
	int ok = ctx && EVP_KDF_derive(ctx, out, len, params) > 0;

	EVP_KDF_CTX_free(ctx);
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
	static const uint8_t none[1];

	return tlskdf_expand_with(digest, secret, secret_len, label, none, 0,
				  out, len);
}
