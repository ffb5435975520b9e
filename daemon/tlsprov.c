// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A provider of OpenSSL inside this program, for the SSL_CTXs that ask for it
 * by their properties, and for random bytes: algorithms that hand on to OpenSSL's
 * default provider, and do one thing of their own (tlskdf.c, x25519.c, drbg.c).
 *
 * Everything here is set before the threads exist, and constant afterwards.
 */
#include <errno.h>
#include <string.h>

#include <openssl/rand.h>

#include "drbg.h"
#include "tlskdf.h"
#include "tlsprov.h"
#include "x25519.h"

static OSSL_PROVIDER *base, *ours;

/**
 * tlsprov_find - find an algorithm of a provider
 * @provider: whose
 * @operation: OSSL_OP_*
 * @name: the first of its names
 *
 * Return: the algorithm, or NULL.
 */
const OSSL_ALGORITHM *tlsprov_find(OSSL_PROVIDER *provider, int operation,
				   const char *name)
{
	const OSSL_ALGORITHM *a;
	size_t len = strlen(name);
	int no_cache;

	a = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);
	for (; a && a->algorithm_names; a++)
		/* "NAME:NAME:OID" */
		if (!strncmp(a->algorithm_names, name, len) &&
		    (!a->algorithm_names[len] || a->algorithm_names[len] == ':'))
			return a;
	return NULL;
}

/**
 * tlsprov_function - find a function of an algorithm
 * @algorithm: whose
 * @id: OSSL_FUNC_*
 *
 * Return: the function, or NULL.
 */
void (*tlsprov_function(const OSSL_ALGORITHM *algorithm, int id))(void)
{
	const OSSL_DISPATCH *d = algorithm->implementation;

	for (; d->function_id; d++)
		if (d->function_id == id)
			return d->function;
	return NULL;
}

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KDF:
		return tlskdf_algorithms;
	case OSSL_OP_KEYMGMT:
		return x25519_keymgmt;
	case OSSL_OP_KEYEXCH:
		return x25519_keyexch;
	case OSSL_OP_RAND:
		return drbg_algorithms;
	}
	return NULL;
}

/* libssl offers a group only if who has the group has its keys, too. */
static int get_capabilities(void *provctx, const char *capability,
			    OSSL_CALLBACK *found, void *arg)
{
	(void)provctx;
	return x25519_capabilities(base, capability, found, arg);
}

static const OSSL_DISPATCH functions[] = {
	TLSPROV_FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	TLSPROV_FUNCTION(OSSL_FUNC_PROVIDER_GET_CAPABILITIES,
			 get_capabilities),
	{ 0, NULL },
};

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
		const OSSL_DISPATCH **out, void **provctx)
{
	(void)handle;
	(void)in;
	*out = functions;
	/* The functions that are the default provider's want theirs. */
	*provctx = OSSL_PROVIDER_get0_provider_ctx(base);
	return *provctx != NULL;
}

/**
 * tlsprov_init - load the provider
 *
 * Before the threads exist, and before the first SSL_CTX and random byte.
 *
 * Return: 0 or -ENOTSUP.
 */
int tlsprov_init(void)
{
	base = OSSL_PROVIDER_load(NULL, "default");
	if (!base)
		goto fail;
	if (tlskdf_init() || x25519_init(base) || drbg_init(base) ||
	    !OSSL_PROVIDER_add_builtin(NULL, "sockauth", init))
		goto fail;
	ours = OSSL_PROVIDER_load(NULL, "sockauth");
	if (ours && RAND_set_DRBG_type(NULL, "CTR-DRBG", TLSPROV_PROPERTIES,
				       NULL, NULL))
		return 0;
fail:
	tlsprov_exit();
	return -ENOTSUP;
}

/**
 * tlsprov_exit - unload the provider, after the last SSL_CTX
 */
void tlsprov_exit(void)
{
	if (ours)
		OSSL_PROVIDER_unload(ours);
	x25519_exit();
	tlskdf_exit();
	if (base)
		OSSL_PROVIDER_unload(base);
	ours = NULL;
	base = NULL;
}
