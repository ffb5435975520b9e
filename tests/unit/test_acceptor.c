// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an acceptor and a client agree on, as the profile and the application
 * that listens want it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "visit.h"

/* How often there is memory yet; negative: always. */
static int left = -1;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (!left)
		return NULL;
	if (left > 0)
		left--;
	return __real_calloc(count, size);
}

static void test_handshake(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	visit_served(&v);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_VERSION), 0x0304);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_MECH), SOCKAUTH_MECH_TLS);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_SEC_FLAGS), 0);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_NONE);
	assert_null(v.leg->tb[SOCKAUTH_A_PEER_NAME]);
	assert_null(v.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_null(v.leg->tb[SOCKAUTH_A_PEER_CRED]);
	assert_null(v.leg->tb[SOCKAUTH_A_ALPN]);
	/* The module would keep it for as long as the connection lasts. */
	assert_null(v.leg->tb[SOCKAUTH_A_BLOB]);
	visit_exchange_data(&v);
	visit_end(&v);
}

static void test_ciphers(void **state)
{
	static const struct {
		const char *config;
		uint32_t cipher;
	} cases[] = {
		{ PLAIN "ciphers = TLS_AES_128_GCM_SHA256\n", 0x1301 },
		{ PLAIN "ciphers = TLS_AES_256_GCM_SHA384\n", 0x1302 },
		{ PLAIN "ciphers = TLS_CHACHA20_POLY1305_SHA256\n", 0x1303 },
		{ PLAIN "ciphers = TLS_CHACHA20_POLY1305_SHA256, TLS_AES_128_GCM_SHA256\n",
		  0x1303 },
	};
	struct visit v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		visit_begin(&v, cases[i].config, NULL);
		visit_served(&v);
		assert_int_equal(number_of(v.leg, SOCKAUTH_A_CIPHER),
				 cases[i].cipher);
		visit_exchange_data(&v);
		visit_end(&v);
	}
}

static void test_no_common_cipher(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN "ciphers = TLS_AES_256_GCM_SHA384\n", NULL);
	SSL_set_ciphersuites(v.client, "TLS_AES_128_GCM_SHA256");
	visit_refused(&v, SOCKAUTH_REASON_CIPHER, EPROTO,
		      "no cipher suite in common with the peer");
	visit_alerted(&v, SSL_AD_HANDSHAKE_FAILURE);
	visit_end(&v);
}

static void test_old_client(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	SSL_set_max_proto_version(v.client, TLS1_2_VERSION);
	visit_refused(&v, SOCKAUTH_REASON_VERSION, EPROTO,
		      "the peer offers TLS 1.2 at most, TLS 1.3 is needed");
	visit_alerted(&v, SSL_AD_PROTOCOL_VERSION);
	visit_end(&v);
}

/* What comes of the client's offer and of what the application takes. */
static void agree(const char *config, const char *offer, const char *wanted,
		  const char *alpn)
{
	const struct nlattr *attr;
	struct visit v;

	visit_begin(&v, config, NULL);
	v.request.alpn = wanted;
	SSL_set_alpn_protos(v.client, (const uint8_t *)offer, strlen(offer));
	visit_served(&v);
	attr = v.leg->tb[SOCKAUTH_A_ALPN];
	assert_non_null(attr);
	assert_int_equal(mnl_attr_get_payload_len(attr), strlen(alpn));
	assert_memory_equal(mnl_attr_get_payload(attr), alpn, strlen(alpn));
	visit_end(&v);
}

static void test_alpn(void **state)
{
	static const char offer[] = "\x08http/1.1\x02h2";
	static const char wanted[] = "\x08http/1.1\x03" "foo";

	(void)state;
	/* The server's order counts. */
	agree(PLAIN "alpn = h2, http/1.1\n", offer, NULL, "h2");
	/* The application takes one of them only. */
	agree(PLAIN "alpn = h2, http/1.1\n", offer, wanted, "http/1.1");
	/* The profile leaves it to the application. */
	agree(PLAIN, offer, wanted, "http/1.1");
}

static void test_wrong_alpn(void **state)
{
	static const uint8_t offer[] = "\x03" "foo";
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN "alpn = h2, http/1.1\n", NULL);
	SSL_set_alpn_protos(v.client, offer, sizeof(offer) - 1);
	visit_refused(&v, SOCKAUTH_REASON_ALPN, EPROTO,
		      "the peer offers none of our application protocols");
	visit_alerted(&v, SSL_AD_NO_APPLICATION_PROTOCOL);
	visit_end(&v);

	visit_begin(&v, PLAIN "alpn = h2, http/1.1\n", NULL);
	v.request.alpn = "\x03" "foo";
	visit_refused(&v, SOCKAUTH_REASON_ALPN, EINVAL,
		      "the profile default allows none of the application's protocols");
	visit_end(&v);

	/* A client that does not care is fine (RFC 7301 3.2). */
	visit_begin(&v, PLAIN "alpn = h2\n", NULL);
	visit_served(&v);
	assert_null(v.leg->tb[SOCKAUTH_A_ALPN]);
	visit_end(&v);
}

static void test_server_name(void **state)
{
	static const char config[] = PLAIN
		"certificate = @/both.pem\n"
		"certificate = @/b.pem\nkey = @/b.key\n"
		"certificate = @/wild.pem\nkey = @/wild.key\n";
	static const struct {
		const char *name, *subject;
	} cases[] = {
		{ "a.test", "a.test" }, { "B.test", "b.test" },
		{ "x.wild.test", "wild" }, { "wild.test", "localhost" },
		{ "x.y.wild.test", "localhost" }, { NULL, "localhost" },
	};
	char subject[64];
	struct visit v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		visit_begin(&v, config, NULL);
		if (cases[i].name)
			SSL_set_tlsext_host_name(v.client, cases[i].name);
		visit_served(&v);
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(
				SSL_get0_peer_certificate(v.client)),
			NID_commonName, subject, sizeof(subject));
		assert_string_equal(subject, cases[i].subject);
		visit_end(&v);
	}
}

static void test_tickets(void **state)
{
	static const char *const configs[] = {
		PLAIN "tickets = 0\n", PLAIN "tickets = 1\n", PLAIN,
		PLAIN "tickets = 8\n",
	};
	static const uint64_t expected[] = { 0, 1, 2, 8 };
	struct keys tx;
	struct visit v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		visit_begin(&v, configs[i], NULL);
		visit_served(&v);
		keys_of(v.leg, SOCKAUTH_A_TX, &tx);
		assert_int_equal(tx.seq, expected[i]);
		keys_of(v.leg, SOCKAUTH_A_RX, &tx);
		assert_int_equal(tx.seq, 0);
		visit_exchange_data(&v);
		visit_end(&v);
	}
}

static void test_lifetime(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN "lifetime = 10m\n", NULL);
	visit_served(&v);
	assert_in_range(mnl_attr_get_u64(v.leg->tb[SOCKAUTH_A_EXPIRY]),
			time(NULL) + 590, time(NULL) + 600);
	visit_end(&v);
}

static void test_binding(void **state)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	uint8_t expected[SOCKAUTH_BINDING_LEN];
	struct visit v;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	visit_served(&v);
	SSL_export_keying_material(v.client, expected, sizeof(expected), label,
				   strlen(label), (uint8_t *)"", 0, 1);
	assert_int_equal(mnl_attr_get_payload_len(
				 v.leg->tb[SOCKAUTH_A_BINDING]),
			 sizeof(expected));
	assert_memory_equal(mnl_attr_get_payload(
				    v.leg->tb[SOCKAUTH_A_BINDING]),
			    expected, sizeof(expected));
	visit_end(&v);
}

/* The application wants more than the profile. */
static void test_application_wants_mutual(void **state)
{
	struct visit v;

	(void)state;
	visit_begin(&v, REQUEST, NULL);
	v.request.flags = SOCKAUTH_REQ_MUTUAL;
	visit_refused(&v, SOCKAUTH_REASON_NO_CRED, EACCES,
		      "the peer shows no certificate, but must");
	visit_end(&v);

	visit_begin(&v, PLAIN "trust = @/ca.pem\nexpiry = report\n", "good");
	v.request.flags = SOCKAUTH_REQ_MUTUAL;
	visit_served(&v);
	assert_non_null(v.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_int_equal(number_of(v.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_MUTUAL);
	visit_end(&v);

	visit_begin(&v, PLAIN, "good");
	v.request.flags = SOCKAUTH_REQ_MUTUAL;
	visit_refused(&v, SOCKAUTH_REASON_PROFILE, EINVAL,
		      "the application wants client certificates, but the profile default has no trust");
	visit_alerted(&v, SSL_AD_HANDSHAKE_FAILURE);
	visit_end(&v);
}

static void test_profiles(void **state)
{
	static const char config[] = PLAIN "users = root, 12345\n"
		"[profile client]\ntrust = @/ca.pem\n";
	struct visit v;

	(void)state;
	visit_begin(&v, config, NULL);
	v.request.uid = 12345;
	visit_served(&v);
	visit_end(&v);

	visit_begin(&v, config, NULL);
	v.request.uid = 12346;
	visit_refused(&v, SOCKAUTH_REASON_PROFILE, EACCES,
		      "user 12346 may not use the profile default");
	visit_alerted(&v, SSL_AD_HANDSHAKE_FAILURE);
	visit_end(&v);

	visit_begin(&v, config, NULL);
	v.request.uid = 12346;
	v.request.profile = "web";
	visit_refused(&v, SOCKAUTH_REASON_PROFILE, ENOENT,
		      "there is no profile web");
	visit_end(&v);

	visit_begin(&v, config, NULL);
	v.request.uid = 12346;
	v.request.profile = "client";
	visit_refused(&v, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
		      "the profile client has no certificate");
	visit_end(&v);
}

/* As many hellos as there is room for, and one more. */
static void fill(struct visit *v, uint64_t room, const uint8_t *hello,
		 size_t len)
{
	uint64_t id;

	for (id = 1; id <= room; id++) {
		run_leg(v->table, v->leg, id, 1, &v->request, hello, len,
			false);
		assert_int_equal(status_of(v->leg), SOCKAUTH_STEP_CONTINUE);
	}
	run_leg(v->table, v->leg, id, 1, &v->request, hello, len, false);
	expect_fail(v->leg, SOCKAUTH_REASON_LIMIT, ENOBUFS,
		    "the daemon has too many authentications in progress");
	visit_alerted(v, SSL_AD_INTERNAL_ERROR);
}

static void test_guests(void **state)
{
	static const char config[] = PLAIN "guests = yes\n";
	uint8_t hello[8192];
	struct visit v;
	uint64_t id;
	size_t len;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	v.request.netns = 5;
	visit_refused(&v, SOCKAUTH_REASON_PROFILE, EACCES,
		      "the profile default is not for other network namespaces");
	visit_alerted(&v, SSL_AD_HANDSHAKE_FAILURE);
	visit_end(&v);

	visit_begin(&v, config, NULL);
	v.request.netns = 5;
	visit_served(&v);
	visit_end(&v);

	/* Half of the contexts are not for them. */
	visit_begin(&v, config, NULL);
	v.request.netns = 5;
	len = peer_output(v.client, hello, sizeof(hello));
	fill(&v, 4, hello, len);
	v.request.netns = 0;
	run_leg(v.table, v.leg, 5, 1, &v.request, hello, len, false);
	assert_int_equal(status_of(v.leg), SOCKAUTH_STEP_CONTINUE);
	for (id = 1; id <= 5; id++)
		context_forget(v.table, id);
	visit_end(&v);
}

static void test_limits(void **state)
{
	uint8_t hello[8192];
	struct visit v;
	uint64_t id;
	size_t len;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	len = peer_output(v.client, hello, sizeof(hello));
	fill(&v, 8, hello, len);
	/* Ids that share a bucket are told apart. */
	run_leg(v.table, v.leg, 64 + 1, 2, &v.request, hello, len, false);
	expect_fail(v.leg, SOCKAUTH_REASON_INTERNAL, EIO,
		    "the daemon has no context for the connection");
	assert_int_equal(v.table->count, 8);
	for (id = 1; id <= 8; id++)
		context_forget(v.table, id);
	context_forget(v.table, 1);
	visit_end(&v);
}

static void test_no_memory(void **state)
{
	uint8_t hello[8192];
	struct visit v;
	size_t len;
	int count;

	(void)state;
	visit_begin(&v, PLAIN, NULL);
	len = peer_output(v.client, hello, sizeof(hello));
	for (count = 0;; count++) {
		left = count;
		run_leg(v.table, v.leg, 1, 1, &v.request, hello, len, false);
		left = -1;
		if (status_of(v.leg) == SOCKAUTH_STEP_CONTINUE)
			break;
		expect_fail(v.leg, SOCKAUTH_REASON_INTERNAL, ENOMEM,
			    "out of memory");
		visit_alerted(&v, SSL_AD_INTERNAL_ERROR);
		assert_int_equal(v.table->count, 0);
	}
	assert_in_range(count, 1, 10);
	context_forget(v.table, 1);
	visit_end(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_no_common_cipher),
		cmocka_unit_test(test_old_client),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_wrong_alpn),
		cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_application_wants_mutual),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("acceptor", tests, setup_openssl,
					   teardown_openssl);
}
