// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Key pairs of our provider against those that OpenSSL makes itself.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "fixture.h"
#include "tlsprov.h"

/* How many allocations succeed before one does not; -1: all. */
static int left = -1;

static void *allocate(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (left >= 0 && left-- == 0)
		return NULL;
	return malloc(size);
}

static void *reallocate(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, size);
}

static void release(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static EVP_PKEY *generate(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519",
						       TLSPROV_PROPERTIES);
	EVP_PKEY *key = NULL;

	assert_non_null(ctx);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	assert_string_equal(OSSL_PROVIDER_get0_name(
				EVP_PKEY_get0_provider(key)), "sockauth");
	return key;
}

static void raw(EVP_PKEY *key, uint8_t private[32], uint8_t public[32])
{
	size_t len = 32;

	assert_int_equal(EVP_PKEY_get_raw_private_key(key, private, &len), 1);
	assert_int_equal(len, 32);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, public, &len), 1);
	assert_int_equal(len, 32);
}

/* What OpenSSL itself makes of the private key is the same key pair. */
static void test_pair(void **state)
{
	uint8_t private[32], public[32], same[32], theirs[32], last[32] = { 0 };
	EVP_PKEY *key, *theirs_key;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		key = generate();
		raw(key, private, public);
		EVP_PKEY_free(key);
		theirs_key = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519",
						"provider=default", private,
						sizeof(private));
		assert_non_null(theirs_key);
		raw(theirs_key, same, theirs);
		EVP_PKEY_free(theirs_key);
		assert_memory_equal(private, same, sizeof(private));
		assert_memory_equal(public, theirs, sizeof(public));
		assert_memory_not_equal(private, last, sizeof(private));
		memcpy(last, private, sizeof(last));
	}
}

/* A group without a key, as libssl makes one for the peer's share. */
static void test_group(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519",
						       TLSPROV_PROPERTIES);
	EVP_PKEY *key = NULL;
	uint8_t buf[32];
	size_t len = sizeof(buf);

	(void)state;
	assert_int_equal(EVP_PKEY_paramgen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_paramgen(ctx, &key), 1);
	assert_int_equal(EVP_PKEY_get_raw_private_key(key, buf, &len), 0);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

/* Wherever memory runs out, there is no key, and nothing else happens. */
static void test_no_memory(void **state)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "X25519",
						       TLSPROV_PROPERTIES);
	EVP_PKEY *key = NULL;
	int count, result = 0;

	(void)state;
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	for (count = 0; result != 1; count++) {
		left = count;
		result = EVP_PKEY_keygen(ctx, &key);
		left = -1;
		assert_int_equal(!!key, result == 1);
		ERR_clear_error();
	}
	/* Key pair, its parts, what derives. */
	assert_in_range(count, 5, 100);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_no_memory),
	};

	/* Before OpenSSL has any memory. */
	if (!CRYPTO_set_mem_functions(allocate, reallocate, release))
		return 1;
	return cmocka_run_group_tests_name("x25519", tests, setup_openssl,
					   teardown_openssl);
}
