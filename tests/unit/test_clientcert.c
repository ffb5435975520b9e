// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Certificates that clients show to an acceptor.
 */
#include <errno.h>
#include <string.h>

#include "visit.h"

static void test_certificate(void **state)
{
	const struct nlattr *expiry;
	struct visit v;

	(void)state;
	visit_begin(&v, MUTUAL, "good");
	visit_served(&v);
	assert_string_equal(text_of(v.leg, SOCKAUTH_A_PEER_NAME),
			    "good@example.test");
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_EMAIL);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_EXPIRES);
	expiry = v.leg->tb[SOCKAUTH_A_EXPIRY];
	assert_non_null(expiry);
	/* Certificate and CA are good for 30 days. */
	assert_in_range(mnl_attr_get_u64(expiry), time(NULL) + 28 * 86400,
			time(NULL) + 31 * 86400);
	assert_null(v.leg->tb[SOCKAUTH_A_PEER_CRED]);
	visit_exchange_data(&v);
	visit_end(&v);
}

static void test_names(void **state)
{
	static const struct {
		const char *cert, *name;
		uint32_t type;
	} cases[] = {
		{ "host", "host.test", SOCKAUTH_NAME_DNS },
		{ "plain", "CN=plain,O=Example", SOCKAUTH_NAME_SUBJECT },
		/* A name with a zero byte in it is nobody's. */
		{ "evil", "CN=evil", SOCKAUTH_NAME_SUBJECT },
	};
	struct visit v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		visit_begin(&v, MUTUAL, cases[i].cert);
		visit_served(&v);
		assert_string_equal(text_of(v.leg, SOCKAUTH_A_PEER_NAME),
				    cases[i].name);
		assert_int_equal(number_of(v.leg, SOCKAUTH_A_NAME_TYPE),
				 cases[i].type);
		visit_end(&v);
	}
}

/* The leaf, and what the client sent with it. */
static void test_kept_credentials(void **state)
{
	static const char *const subjects[] = { "good", "sockauth test CA" };
	const uint8_t *der, *start, *last;
	const struct nlattr *cred;
	char subject[64];
	X509 *cert;
	struct visit v;
	size_t i, len;

	(void)state;
	visit_begin(&v, MUTUAL, "good");
	v.request.flags = SOCKAUTH_REQ_KEEP_CRED;
	visit_served(&v);
	cred = v.leg->tb[SOCKAUTH_A_PEER_CRED];
	assert_non_null(cred);
	der = mnl_attr_get_payload(cred);
	last = der + mnl_attr_get_payload_len(cred);
	for (i = 0; i < 2; i++) {
		len = der[0] << 16 | der[1] << 8 | der[2];
		der += 3;
		start = der;
		cert = d2i_X509(NULL, &der, last - der);
		assert_non_null(cert);
		assert_int_equal(der - start, len);
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
					  NID_commonName, subject,
					  sizeof(subject));
		assert_string_equal(subject, subjects[i]);
		X509_free(cert);
	}
	assert_ptr_equal(der, last);
	visit_end(&v);
}

static void served(const char *config, const char *cert)
{
	struct visit v;

	visit_begin(&v, config, cert);
	visit_served(&v);
	visit_end(&v);
}

static void refused(const char *config, const char *cert,
		    enum sockauth_reason reason, int error, const char *text)
{
	struct visit v;

	visit_begin(&v, config, cert);
	visit_refused(&v, reason, error, text);
	visit_end(&v);
}

static void test_no_certificate(void **state)
{
	struct visit v;

	(void)state;
	refused(MUTUAL, NULL, SOCKAUTH_REASON_NO_CRED, EACCES,
		"the peer shows no certificate, but must");

	visit_begin(&v, REQUEST, NULL);
	visit_served(&v);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_SEC_FLAGS), 0);
	visit_end(&v);
}

static void yesterday(char *date, size_t size)
{
	time_t when = time(NULL) - 86400;
	struct tm tm;

	strftime(date, size, "%Y-%m-%d", gmtime_r(&when, &tm));
}

static void test_expired_certificate(void **state)
{
	char text[256] = "certificate of good@example.test has expired on ";

	(void)state;
	yesterday(text + strlen(text), 32);
	refused(REQUEST, "expired", SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED,
		text);
}

static void test_untrusted_certificate(void **state)
{
	(void)state;
	refused(REQUEST, "stranger", SOCKAUTH_REASON_BAD_CRED, EACCES,
		"certificate of good@example.test is not trusted: "
		"unable to get local issuer certificate "
		"(depth 0, issuer /CN=another CA)");
	/* A server's certificate is no client's. */
	refused(REQUEST, "server", SOCKAUTH_REASON_BAD_CRED, EACCES,
		"certificate of localhost is not trusted: "
		"unsuitable certificate purpose "
		"(depth 0, issuer /CN=sockauth test CA)");
}

static void test_revocation(void **state)
{
	(void)state;
	refused(MUTUAL "crl = @/banned-crl.pem\n", "banned",
		SOCKAUTH_REASON_CRED_REVOKED, EACCES,
		"certificate of banned@example.test is revoked");
	served(MUTUAL "crl = @/banned-crl.pem\n", "good");
	refused(MUTUAL "crl = @/old-crl.pem\n", "good",
		SOCKAUTH_REASON_BAD_CRED, EACCES,
		"certificate of good@example.test is not trusted: "
		"CRL has expired (depth 0, issuer /CN=sockauth test CA)");
}

/* A chain is good for as long as its shortest part. */
static void test_intermediate(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, MUTUAL, "deep");
	visit_served(&v);
	assert_in_range(mnl_attr_get_u64(v.leg->tb[SOCKAUTH_A_EXPIRY]),
			time(NULL) + 4 * 86400, time(NULL) + 5 * 86400);
	visit_end(&v);

	refused(MUTUAL "verify-depth = 0\n", "deep",
		SOCKAUTH_REASON_BAD_CRED, EACCES,
		"certificate of CN=inter is not trusted: "
		"certificate chain too long "
		"(depth 1, issuer /CN=sockauth test CA)");
	/* Each issuer needs its list, not only that of the leaf. */
	refused(MUTUAL "crl = @/inter-crl.pem\n", "deep",
		SOCKAUTH_REASON_BAD_CRED, EACCES,
		"certificate of CN=inter is not trusted: "
		"unable to get certificate CRL "
		"(depth 1, issuer /CN=sockauth test CA)");
	served(MUTUAL "crl = @/inter-crl.pem\ncrl = @/banned-crl.pem\n",
	       "deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kept_credentials),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_expired_certificate),
		cmocka_unit_test(test_untrusted_certificate),
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_intermediate),
	};

	return cmocka_run_group_tests_name("clientcert", tests, setup_openssl,
					   teardown_openssl);
}
