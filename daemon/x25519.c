// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * X25519 key pairs at the price of a derivation.
 *
 * OpenSSL makes the public key in portable C, by way of Ed25519, while for
 * derivations it has code for each processor, which is faster by a third to a
 * half.  A public key is by definition what the private key derives from the
 * base point (RFC 7748 6.1).  So here are the default provider's X25519 with
 * all its functions, and in the place of one of them, that which generates a
 * key, one that derives: the arithmetic stays OpenSSL's.
 *
 * All variables are set before the threads exist, and constant afterwards.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "tlsprov.h"
#include "x25519.h"

#define KEY_LEN		32
#define FUNCTIONS_MAX	48

OSSL_ALGORITHM x25519_keymgmt[2], x25519_keyexch[2];

/* Ours: the default provider's, but for a few. */
static OSSL_DISPATCH keymgmt_functions[FUNCTIONS_MAX];

/* The default provider's own. */
static struct {
	void *provctx;
	OSSL_FUNC_keymgmt_new_fn *key_new;
	OSSL_FUNC_keymgmt_free_fn *key_free;
	OSSL_FUNC_keymgmt_import_fn *key_import;
	OSSL_FUNC_keymgmt_gen_init_fn *gen_init;
	OSSL_FUNC_keymgmt_gen_set_params_fn *gen_set_params;
	OSSL_FUNC_keymgmt_gen_settable_params_fn *gen_settable_params;
	OSSL_FUNC_keymgmt_gen_fn *gen;
	OSSL_FUNC_keymgmt_gen_cleanup_fn *gen_cleanup;
	OSSL_FUNC_keyexch_newctx_fn *exch_new;
	OSSL_FUNC_keyexch_freectx_fn *exch_free;
	OSSL_FUNC_keyexch_init_fn *exch_init;
	OSSL_FUNC_keyexch_set_peer_fn *exch_set_peer;
	OSSL_FUNC_keyexch_derive_fn *exch_derive;
} base;

/* The base point's u-coordinate is 9: a public key like any other. */
static void *base_point;

/**
 * struct generation - a key is about to be generated
 * @base: the default provider's idea of it
 * @pair: a key pair is wanted, not only the group
 */
struct generation {
	void *base;
	bool pair;
};

static void *make_key(const uint8_t *private, const uint8_t *public)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)public, KEY_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
						  (void *)private, KEY_LEN),
		OSSL_PARAM_construct_end(),
	};
	int selection = OSSL_KEYMGMT_SELECT_KEYPAIR;
	void *key = base.key_new(base.provctx);

	if (!private) {
		params[1] = OSSL_PARAM_construct_end();
		selection = OSSL_KEYMGMT_SELECT_PUBLIC_KEY;
	}
	if (key && base.key_import(key, selection, params))
		return key;
	base.key_free(key);
	return NULL;
}

/* @public: set to what the key @private derives from the base point. */
static int make_public(const uint8_t *private, uint8_t *public)
{
	static const uint8_t unknown[KEY_LEN];
	void *ctx = base.exch_new(base.provctx);
	void *key = make_key(private, unknown);
	size_t len = KEY_LEN;
	int ok;

	ok = ctx && key && base.exch_init(ctx, key, NULL) &&
	     base.exch_set_peer(ctx, base_point) &&
	     base.exch_derive(ctx, public, &len, len) && len == KEY_LEN;
	/* Unlike a key, what derives has to be there to be freed. */
	if (ctx)
		base.exch_free(ctx);
	base.key_free(key);
	return ok;
}

static void *gen_pair(void)
{
	uint8_t private[KEY_LEN], public[KEY_LEN];
	void *key = NULL;

	if (RAND_priv_bytes(private, sizeof(private)) != 1)
		return NULL;
	/* As RFC 7748 5 decodes it. */
	private[0] &= 248;
	private[31] &= 127;
	private[31] |= 64;
	if (make_public(private, public))
		key = make_key(private, public);
	OPENSSL_cleanse(private, sizeof(private));
	return key;
}

static void gen_cleanup(void *arg)
{
	struct generation *g = arg;

	if (!g)
		return;
	base.gen_cleanup(g->base);
	OPENSSL_free(g);
}

static void *gen_init(void *provctx, int selection, const OSSL_PARAM params[])
{
	struct generation *g = OPENSSL_zalloc(sizeof(*g));

	if (!g)
		return NULL;
	g->pair = selection & OSSL_KEYMGMT_SELECT_KEYPAIR;
	g->base = base.gen_init(provctx, selection, params);
	if (g->base)
		return g;
	OPENSSL_free(g);
	return NULL;
}

static int gen_set_params(void *arg, const OSSL_PARAM params[])
{
	struct generation *g = arg;

	return base.gen_set_params(g->base, params);
}

static const OSSL_PARAM *gen_settable_params(void *arg, void *provctx)
{
	struct generation *g = arg;

	return base.gen_settable_params(g ? g->base : NULL, provctx);
}

static void *gen(void *arg, OSSL_CALLBACK *progress, void *progress_arg)
{
	struct generation *g = arg;

	if (g->pair)
		return gen_pair();
	return base.gen(g->base, progress, progress_arg);
}

/* OpenSSL's own way from a table's entry to a function of its type. */
#define TAKE(algorithm, id, name) \
	(base.name = (OSSL_FUNC_##id##_fn *)tlsprov_function( \
				algorithm, TAKE_ID_##id))
#define TAKE_ID_keymgmt_new		OSSL_FUNC_KEYMGMT_NEW
#define TAKE_ID_keymgmt_free		OSSL_FUNC_KEYMGMT_FREE
#define TAKE_ID_keymgmt_import		OSSL_FUNC_KEYMGMT_IMPORT
#define TAKE_ID_keymgmt_gen_init	OSSL_FUNC_KEYMGMT_GEN_INIT
#define TAKE_ID_keymgmt_gen_set_params	OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS
#define TAKE_ID_keymgmt_gen_settable_params \
					OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS
#define TAKE_ID_keymgmt_gen		OSSL_FUNC_KEYMGMT_GEN
#define TAKE_ID_keymgmt_gen_cleanup	OSSL_FUNC_KEYMGMT_GEN_CLEANUP
#define TAKE_ID_keyexch_newctx		OSSL_FUNC_KEYEXCH_NEWCTX
#define TAKE_ID_keyexch_freectx		OSSL_FUNC_KEYEXCH_FREECTX
#define TAKE_ID_keyexch_init		OSSL_FUNC_KEYEXCH_INIT
#define TAKE_ID_keyexch_set_peer	OSSL_FUNC_KEYEXCH_SET_PEER
#define TAKE_ID_keyexch_derive		OSSL_FUNC_KEYEXCH_DERIVE

static bool take_functions(const OSSL_ALGORITHM *keymgmt,
			   const OSSL_ALGORITHM *keyexch)
{
	return TAKE(keymgmt, keymgmt_new, key_new) &&
	       TAKE(keymgmt, keymgmt_free, key_free) &&
	       TAKE(keymgmt, keymgmt_import, key_import) &&
	       TAKE(keymgmt, keymgmt_gen_init, gen_init) &&
	       TAKE(keymgmt, keymgmt_gen_set_params, gen_set_params) &&
	       TAKE(keymgmt, keymgmt_gen_settable_params,
		    gen_settable_params) &&
	       TAKE(keymgmt, keymgmt_gen, gen) &&
	       TAKE(keymgmt, keymgmt_gen_cleanup, gen_cleanup) &&
	       TAKE(keyexch, keyexch_newctx, exch_new) &&
	       TAKE(keyexch, keyexch_freectx, exch_free) &&
	       TAKE(keyexch, keyexch_init, exch_init) &&
	       TAKE(keyexch, keyexch_set_peer, exch_set_peer) &&
	       TAKE(keyexch, keyexch_derive, exch_derive);
}

/* What takes a struct generation must know it; what can be missing, is. */
static void replace(OSSL_DISPATCH *d, size_t *count)
{
	switch (d->function_id) {
	case OSSL_FUNC_KEYMGMT_GEN_INIT:
		*d = (OSSL_DISPATCH)TLSPROV_FUNCTION(d->function_id, gen_init);
		break;
	case OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS:
		*d = (OSSL_DISPATCH)TLSPROV_FUNCTION(d->function_id,
						     gen_set_params);
		break;
	case OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS:
		*d = (OSSL_DISPATCH)TLSPROV_FUNCTION(d->function_id,
						     gen_settable_params);
		break;
	case OSSL_FUNC_KEYMGMT_GEN:
		*d = (OSSL_DISPATCH)TLSPROV_FUNCTION(d->function_id, gen);
		break;
	case OSSL_FUNC_KEYMGMT_GEN_CLEANUP:
		*d = (OSSL_DISPATCH)TLSPROV_FUNCTION(d->function_id,
						     gen_cleanup);
		break;
	case OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE:
#ifdef OSSL_FUNC_KEYMGMT_GEN_GET_PARAMS
	case OSSL_FUNC_KEYMGMT_GEN_GET_PARAMS:
	case OSSL_FUNC_KEYMGMT_GEN_GETTABLE_PARAMS:
#endif
		return;
	}
	++*count;
}

static bool replace_functions(const OSSL_ALGORITHM *keymgmt)
{
	const OSSL_DISPATCH *d;
	size_t count = 0;

	for (d = keymgmt->implementation; d->function_id; d++) {
		if (count == FUNCTIONS_MAX - 1)
			return false;
		keymgmt_functions[count] = *d;
		replace(&keymgmt_functions[count], &count);
	}
	memset(&keymgmt_functions[count], 0, sizeof(keymgmt_functions[count]));
	return true;
}

/**
 * x25519_init - take over the default provider's X25519
 * @provider: the default provider, loaded until x25519_exit()
 *
 * Return: 0 or -ENOTSUP.
 */
int x25519_init(OSSL_PROVIDER *provider)
{
	static const uint8_t nine[KEY_LEN] = { 9 };
	const OSSL_ALGORITHM *keymgmt, *keyexch;

	keymgmt = tlsprov_find(provider, OSSL_OP_KEYMGMT, "X25519");
	keyexch = tlsprov_find(provider, OSSL_OP_KEYEXCH, "X25519");
	base.provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
	if (!keymgmt || !keyexch || !take_functions(keymgmt, keyexch) ||
	    !replace_functions(keymgmt))
		return -ENOTSUP;
	base_point = make_key(NULL, nine);
	if (!base_point)
		return -ENOTSUP;
	x25519_keymgmt[0] = (OSSL_ALGORITHM) {
		keymgmt->algorithm_names, TLSPROV_OURS, keymgmt_functions, NULL,
	};
	x25519_keyexch[0] = (OSSL_ALGORITHM) {
		keyexch->algorithm_names, TLSPROV_OURS, keyexch->implementation,
		NULL,
	};
	return 0;
}

/**
 * x25519_exit - undo x25519_init(), also if it failed
 */
void x25519_exit(void)
{
	if (base_point)
		base.key_free(base_point);
	base_point = NULL;
}

/* Whom to tell of groups that are ours. */
struct listener {
	OSSL_CALLBACK *found;
	void *arg;
};

static int filter_group(const OSSL_PARAM params[], void *arg)
{
	const struct listener *l = arg;
	const OSSL_PARAM *p;
	const char *name;

	p = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
	if (!p || !OSSL_PARAM_get_utf8_string_ptr(p, &name) ||
	    strcmp(name, "X25519"))
		return 1;
	return l->found(params, l->arg);
}

/**
 * x25519_capabilities - of the default provider's groups of TLS, X25519
 * @provider: the default provider
 * @capability: which are asked for
 * @found: called for each
 * @arg: for @found
 *
 * Return: 1, or 0: failed.
 */
int x25519_capabilities(OSSL_PROVIDER *provider, const char *capability,
			OSSL_CALLBACK *found, void *arg)
{
	struct listener l = { found, arg };

	if (OPENSSL_strcasecmp(capability, "TLS-GROUP"))
		return 0;
	return OSSL_PROVIDER_get_capabilities(provider, capability,
					      filter_group, &l);
}
