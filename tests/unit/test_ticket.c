// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys of session tickets: every worker has the same, and they change.
 */
#include <string.h>

#include <openssl/evp.h>

#include "fixture.h"
#include "ticket.h"

static void test_same_chain(void **state)
{
	struct ticket_keys a, b;
	struct ticket_seed seed;
	uint64_t epoch;

	(void)state;
	assert_int_equal(ticket_seed_init(&seed), 0);
	epoch = seed.epoch;
	assert_int_equal(ticket_keys_init(&a, &seed), 0);
	assert_int_equal(ticket_keys_init(&b, &seed), 0);
	/* One worker slept through a link. */
	assert_int_equal(ticket_keys_advance(&a, epoch + 1), 0);
	assert_int_equal(ticket_keys_advance(&a, epoch + 2), 0);
	assert_int_equal(ticket_keys_advance(&b, epoch + 2), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	/* There is no way back. */
	assert_int_equal(ticket_keys_advance(&b, epoch), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	ticket_keys_clear(&a);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

static void test_keys_change(void **state)
{
	struct ticket_keys keys, before;
	struct ticket_seed seed;

	(void)state;
	assert_int_equal(ticket_seed_init(&seed), 0);
	assert_int_equal(ticket_keys_init(&keys, &seed), 0);
	before = keys;
	assert_int_equal(ticket_keys_advance(&keys, seed.epoch + 1), 0);
	assert_memory_equal(&keys.previous, &before.current,
			    sizeof(keys.previous));
	assert_memory_not_equal(keys.current.name, before.current.name,
				TICKET_NAME_LEN);
	assert_memory_not_equal(keys.current.aes, before.current.aes,
				TICKET_KEY_LEN);
	assert_memory_not_equal(keys.current.hmac, before.current.hmac,
				TICKET_KEY_LEN);
	assert_memory_not_equal(keys.chain, before.chain, TICKET_SEED_LEN);
	/* Nothing of it is the seed, or something else of it. */
	assert_memory_not_equal(before.current.aes, before.current.hmac,
				TICKET_KEY_LEN);
	assert_memory_not_equal(before.current.aes, seed.secret,
				TICKET_KEY_LEN);
}

static void test_open(void **state)
{
	unsigned char name[TICKET_NAME_LEN], iv[16];
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
	struct ticket_keys keys;
	struct ticket_seed seed;

	(void)state;
	assert_int_equal(ticket_seed_init(&seed), 0);
	assert_int_equal(ticket_keys_init(&keys, &seed), 0);
	assert_int_equal(ticket_seal(&keys, name, iv, cipher, mac), 1);
	assert_int_equal(ticket_open(&keys, name, iv, cipher, mac), 2);
	ticket_keys_advance(&keys, keys.epoch + 1);
	assert_int_equal(ticket_open(&keys, name, iv, cipher, mac), 2);
	ticket_keys_advance(&keys, keys.epoch + 1);
	assert_int_equal(ticket_open(&keys, name, iv, cipher, mac), 0);
	EVP_MAC_CTX_free(mac);
	EVP_MAC_free(hmac);
	EVP_CIPHER_CTX_free(cipher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_chain),
		cmocka_unit_test(test_keys_change),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("ticket", tests, setup_openssl,
					   teardown_openssl);
}
