// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pre-shared keys of a profile, with both sides ours: which of them it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "realm.h"

#define KEYS	"psk = one:00112233445566778899aabbccddeeff\n" \
		"psk = two:ffeeddccbbaa99887766554433221100:sha384\n" \
		"psk = a@b:000102030405060708090a0b0c0d0e0f\n"
#define PSK	"[profile default]\nmechanisms = psk\n" KEYS
#define BOTH	"[profile default]\nmechanisms = krb5, psk\n" KEYS

/* The initiator's first event, for a target. */
static uint32_t hello(struct test *t, const char *target)
{
	t->request.target = target;
	run_leg(t->client, t->cleg, 1, 1, &t->request, NULL, 0, false);
	return status_of(t->cleg);
}

static void meet(const char *client, const char *target, const char *identity)
{
	const struct nlattr *token;
	struct test *t;

	test_begin(&t, client, PSK);
	if (hello(t, target) != SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", text_of(t->cleg, SOCKAUTH_A_TEXT));
	token = t->cleg->tb[SOCKAUTH_A_TOKEN];
	t->hello_len = mnl_attr_get_payload_len(token);
	memcpy(t->hello, mnl_attr_get_payload(token), t->hello_len);
	handshake_rest(t);
	assert_string_equal(text_of(t->cleg, SOCKAUTH_A_PEER_NAME), identity);
	assert_string_equal(text_of(t->sleg, SOCKAUTH_A_PEER_NAME), identity);
	test_end(t);
}

static void test_target(void **state)
{
	(void)state;
	meet(PSK, "one", "one");
	meet(PSK, "two", "two");
	meet(PSK, "a@b", "a@b");
	meet(PSK "target = two\n", NULL, "two");
	meet(PSK "target = two\n", "one", "one");
	/* What is no service is an identity. */
	meet(BOTH, "one", "one");
	meet(BOTH, "two", "two");
}

static void test_no_target(void **state)
{
	(void)state;
	meet(PSK, NULL, "one");
	meet(BOTH, NULL, "one");
}

/* The peer that the application wants, or none. */
static void test_other_target(void **state)
{
	static const char *const configs[] = { PSK, BOTH };
	struct test *t;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		test_begin(&t, configs[i], PSK);
		assert_int_equal(hello(t, "three"), SOCKAUTH_STEP_FAIL);
		assert_int_equal(number_of(t->cleg, SOCKAUTH_A_REASON),
				 SOCKAUTH_REASON_NAME);
		assert_int_equal(number_of(t->cleg, SOCKAUTH_A_ERROR), EINVAL);
		assert_string_equal(text_of(t->cleg, SOCKAUTH_A_TEXT),
				    "no psk of the profile has the identity three");
		test_end(t);
	}
}

static void test_no_suite(void **state)
{
	char *text = load_error(PSK "ciphers = TLS_AES_128_GCM_SHA256\n");

	(void)state;
	if (!strstr(text, ":4: [profile default] ciphers: none has the hash"))
		fail_msg("%s", text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_other_target),
		cmocka_unit_test(test_no_suite),
	};

	return cmocka_run_group_tests_name("psk", tests, setup_realm,
					   teardown_realm);
}
