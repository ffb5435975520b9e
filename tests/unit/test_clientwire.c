// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a client may send to an acceptor, and what it may not.
 */
#include <errno.h>
#include <string.h>

#include "visit.h"

/* The client's first key share is of no use: two more legs. */
static void test_hello_retry(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN "groups = P-384\n", NULL);
	SSL_set1_groups_list(v.client, "X25519:P-384");
	visit_served(&v);
	visit_exchange_data(&v);
	visit_end(&v);
}

/* The client's hello, and our answer: its Finished is what it sends next. */
static void half_way(struct visit *v)
{
	uint8_t hello[8192];
	size_t len = peer_output(v->client, hello, sizeof(hello));

	run_leg(v->table, v->leg, 7, 1, &v->request, hello, len, false);
	assert_int_equal(status_of(v->leg), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(number_of(v->leg, SOCKAUTH_A_CONSUMED), len);
	peer_token(v->client, v->leg);
}

/* Data right behind Finished is not ours: it stays for the keys. */
static void test_data_after_finished(void **state)
{
	uint8_t buf[8192];
	struct visit v;
	size_t len;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	half_way(&v);
	assert_int_equal(SSL_write(v.client, "at once", 7), 7);
	len = BIO_read(SSL_get_wbio(v.client), buf, sizeof(buf));
	run_leg(v.table, v.leg, 7, 2, &v.request, buf, len, false);
	assert_int_equal(status_of(v.leg), SOCKAUTH_STEP_DONE);
	expect_left(v.leg, buf, len, "at once");
	visit_end(&v);
}

static void test_garbage(void **state)
{
	static const struct {
		const char *token, *text;
		enum sockauth_reason reason;
		int error;
		uint8_t alert;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n", "the peer sends plain HTTP, not TLS",
		  SOCKAUTH_REASON_MALFORMED, EPROTO,
		  SSL_AD_UNEXPECTED_MESSAGE },
		{ "SSH-2.0-OpenSSH", "what the peer sends is not TLS",
		  SOCKAUTH_REASON_MALFORMED, EPROTO,
		  SSL_AD_UNEXPECTED_MESSAGE },
		{ "x", "what the peer sends is not TLS",
		  SOCKAUTH_REASON_MALFORMED, EPROTO,
		  SSL_AD_UNEXPECTED_MESSAGE },
		{ "\x16\x03\x01\x41\x01",
		  "the peer sends a record of 16641 bytes, which is too long",
		  SOCKAUTH_REASON_RECORD, EMSGSIZE, SSL_AD_RECORD_OVERFLOW },
	};
	struct visit v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		visit_begin(&v, PLAIN, NULL);
		run_leg(v.table, v.leg, 1, 1, &v.request, cases[i].token,
			strlen(cases[i].token), true);
		expect_fail(v.leg, cases[i].reason, cases[i].error,
			    cases[i].text);
		visit_alerted(&v, cases[i].alert);
		visit_end(&v);
	}
}

static void test_bad_hello(void **state)
{
	/* A whole record of the right type, with nonsense in it. */
	static const uint8_t record[] = {
		22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0
	};
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	run_leg(v.table, v.leg, 1, 1, &v.request, record, sizeof(record),
		false);
	expect_fail(v.leg, SOCKAUTH_REASON_MALFORMED, EPROTO,
		    "the handshake failed: length mismatch");
	visit_alerted(&v, SSL_AD_DECODE_ERROR);
	visit_end(&v);
}

/* One bit of the client's Finished. */
static void test_tampered_record(void **state)
{
	uint8_t buf[8192];
	struct visit v;
	size_t len;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	half_way(&v);
	len = peer_output(v.client, buf, sizeof(buf));
	buf[len - 1] ^= 1;
	run_leg(v.table, v.leg, 7, 2, &v.request, buf, len, false);
	expect_fail(v.leg, SOCKAUTH_REASON_RECORD, EPROTO,
		    "the handshake failed: decryption failed or bad record mac");
	visit_end(&v);
}

static void test_client_refuses(void **state)
{
	X509_STORE *nobody = X509_STORE_new();
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	SSL_set1_verify_cert_store(v.client, nobody);
	X509_STORE_free(nobody);
	visit_refused(&v, SOCKAUTH_REASON_PEER_REFUSED, EKEYREJECTED,
		      "the peer does not trust the issuer of our certificate "
		      "(alert 48, unknown CA)");
	visit_end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_retry),
		cmocka_unit_test(test_data_after_finished),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_tampered_record),
		cmocka_unit_test(test_client_refuses),
	};

	return cmocka_run_group_tests_name("clientwire", tests, setup_openssl,
					   teardown_openssl);
}
