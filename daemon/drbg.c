// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random bytes by the hundred.
 *
 * Each time that OpenSSL's generator is asked for some bytes, it makes a system
 * call, to see whether the process has been forked, and changes its key, which
 * is most of the work.  A handshake asks three to five times.  So here is the
 * default provider's CTR-DRBG with all its functions, but that ordinary small
 * requests are served from a stock that one larger request has filled.
 *
 * Why that is as good:
 *
 * - Every byte is the generator's, and is given away once.  What is given away
 *   is wiped, so that nobody who reads our memory later learns it.  What is in
 *   stock can be learnt, but so can be the generator's own state, which is in
 *   the same memory and says the same and more.
 * - Each generator has a stock of its own, and each thread has generators of
 *   its own, one for what is public and one for keys: OpenSSL's arrangement,
 *   which stays.
 * - A child has no stock: an atfork handler empties it, in place of the system
 *   call.  The threads that talk to strangers cannot fork (sandbox.c).
 * - Reseeding stays OpenSSL's, and empties the stock if it is asked for.  That
 *   which OpenSSL does by itself, after some minutes or many requests, comes
 *   with the next filling, so at most a stock later than without.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/crypto.h>

#include "drbg.h"
#include "tlsprov.h"

#define STOCK		512
#define REQUEST_MAX	64
#define FUNCTIONS_MAX	32

OSSL_ALGORITHM drbg_algorithms[2];

/* Ours: the default provider's, but for a few. */
static OSSL_DISPATCH drbg_functions[FUNCTIONS_MAX];

/* The default provider's own. */
static struct {
	OSSL_FUNC_rand_freectx_fn *freectx;
	OSSL_FUNC_rand_uninstantiate_fn *uninstantiate;
	OSSL_FUNC_rand_generate_fn *generate;
	OSSL_FUNC_rand_reseed_fn *reseed;
} base;

/**
 * struct stock - what a generator has made ahead
 * @drbg: the generator; NULL: none yet
 * @left: how many bytes at the beginning of @bytes are not given away yet
 * @bytes: random
 */
struct stock {
	void *drbg;
	size_t left;
	uint8_t bytes[STOCK];
};

/* Of the public and of the private generator. */
static __thread struct stock stocks[2];

static struct stock *stock_of(void *drbg)
{
	size_t i;

	for (i = 0; i < 2; i++)
		if (stocks[i].drbg == drbg)
			return &stocks[i];
	return NULL;
}

static void empty(struct stock *s)
{
	if (!s)
		return;
	OPENSSL_cleanse(s->bytes, sizeof(s->bytes));
	s->left = 0;
}

static void empty_all(void)
{
	empty(&stocks[0]);
	empty(&stocks[1]);
}

/* The generator's own one, or one that is nobody's yet. */
static struct stock *find_stock(void *drbg)
{
	struct stock *s = stock_of(drbg);

	if (s)
		return s;
	s = stock_of(NULL);
	if (s)
		s->drbg = drbg;
	return s;
}

static int take(struct stock *s, unsigned char *out, size_t len)
{
	if (s->left < len) {
		s->left = 0;
		if (!base.generate(s->drbg, s->bytes, sizeof(s->bytes), 0, 0,
				   NULL, 0))
			return 0;
		s->left = sizeof(s->bytes);
	}
	s->left -= len;
	memcpy(out, s->bytes + s->left, len);
	OPENSSL_cleanse(s->bytes + s->left, len);
	return 1;
}

static int generate(void *drbg, unsigned char *out, size_t len,
		    unsigned int strength, int fresh,
		    const unsigned char *more, size_t more_len)
{
	struct stock *s = NULL;

	if (len <= REQUEST_MAX && !strength && !fresh && !more_len)
		s = find_stock(drbg);
	if (s)
		return take(s, out, len);
	return base.generate(drbg, out, len, strength, fresh, more, more_len);
}

static int reseed(void *drbg, int fresh, const unsigned char *entropy,
		  size_t entropy_len, const unsigned char *more,
		  size_t more_len)
{
	empty(stock_of(drbg));
	return base.reseed(drbg, fresh, entropy, entropy_len, more, more_len);
}

static int uninstantiate(void *drbg)
{
	empty(stock_of(drbg));
	return base.uninstantiate(drbg);
}

/* Of a thread's generators, it is the thread that frees them. */
static void freectx(void *drbg)
{
	struct stock *s = drbg ? stock_of(drbg) : NULL;

	empty(s);
	if (s)
		s->drbg = NULL;
	base.freectx(drbg);
}

static bool take_functions(const OSSL_ALGORITHM *a)
{
	base.freectx = (OSSL_FUNC_rand_freectx_fn *)
		       tlsprov_function(a, OSSL_FUNC_RAND_FREECTX);
	base.uninstantiate = (OSSL_FUNC_rand_uninstantiate_fn *)
			     tlsprov_function(a, OSSL_FUNC_RAND_UNINSTANTIATE);
	base.generate = (OSSL_FUNC_rand_generate_fn *)
			tlsprov_function(a, OSSL_FUNC_RAND_GENERATE);
	base.reseed = (OSSL_FUNC_rand_reseed_fn *)
		      tlsprov_function(a, OSSL_FUNC_RAND_RESEED);
	return base.freectx && base.uninstantiate && base.generate &&
	       base.reseed;
}

/* What gives bytes away, and what makes those in stock invalid. */
static void replace(OSSL_DISPATCH *d)
{
	static const OSSL_DISPATCH ours[] = {
		TLSPROV_FUNCTION(OSSL_FUNC_RAND_FREECTX, freectx),
		TLSPROV_FUNCTION(OSSL_FUNC_RAND_UNINSTANTIATE, uninstantiate),
		TLSPROV_FUNCTION(OSSL_FUNC_RAND_GENERATE, generate),
		TLSPROV_FUNCTION(OSSL_FUNC_RAND_RESEED, reseed),
	};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (d->function_id == ours[i].function_id)
			*d = ours[i];
}

/**
 * drbg_init - take over the default provider's CTR-DRBG
 * @provider: the default provider, loaded until nobody wants random bytes
 *
 * Return: 0 or -ENOTSUP.
 */
int drbg_init(OSSL_PROVIDER *provider)
{
	const OSSL_ALGORITHM *a = tlsprov_find(provider, OSSL_OP_RAND,
					       "CTR-DRBG");
	size_t i;

	if (!a || !take_functions(a) || pthread_atfork(NULL, NULL, empty_all))
		return -ENOTSUP;
	for (i = 0; a->implementation[i].function_id; i++) {
		if (i == FUNCTIONS_MAX - 1)
			return -ENOTSUP;
		drbg_functions[i] = a->implementation[i];
		replace(&drbg_functions[i]);
	}
	memset(&drbg_functions[i], 0, sizeof(drbg_functions[i]));
	drbg_algorithms[0] = (OSSL_ALGORITHM) {
		a->algorithm_names, TLSPROV_OURS, drbg_functions, NULL,
	};
	return 0;
}
