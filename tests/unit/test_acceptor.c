// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The acceptor against OpenSSL's client.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SERVER	"certificate = @/server.pem\nkey = @/server.key\n"
#define PLAIN	"[profile default]\n" SERVER
#define MUTUAL	PLAIN "trust = @/ca.pem\nclient-certificate = require\n"
#define REQUEST	PLAIN "trust = @/ca.pem\nclient-certificate = request\n"

static const struct request acceptor = { .role = SOCKAUTH_ROLE_ACCEPTOR };

/* One worker, one client, and what went between them. */
struct test {
	struct contexts *table;
	struct leg *leg;
	SSL_CTX *ctx;
	SSL *client;
};

static void begin(struct test *t, const char *config, const char *cert)
{
	t->table = new_table(config, 8);
	t->leg = calloc(1, sizeof(*t->leg));
	t->ctx = new_client(cert);
	t->client = new_peer(t->ctx, false);
}

static void end(struct test *t)
{
	assert_int_equal(t->table->count, 0);
	SSL_free(t->client);
	SSL_CTX_free(t->ctx);
	free(t->leg);
	free_table(t->table);
}

static uint32_t run(struct test *t, const struct request *request)
{
	return authenticate(t->table, t->leg, 1, request, t->client);
}

static void expect_fail(struct test *t, enum sockauth_reason reason, int error,
			const char *text)
{
	assert_int_equal(status_of(t->leg), SOCKAUTH_STEP_FAIL);
	assert_string_equal(text_of(t->leg, SOCKAUTH_A_TEXT), text);
	assert_int_equal(number_of(t->leg, SOCKAUTH_A_REASON), reason);
	assert_int_equal(number_of(t->leg, SOCKAUTH_A_ERROR), error);
	assert_null(t->leg->tb[SOCKAUTH_A_TX]);
	assert_null(t->leg->tb[SOCKAUTH_A_BLOB]);
}

/* The alert that the peer is sent, in the clear. */
static void expect_alert(struct test *t, uint8_t alert)
{
	const struct nlattr *token = t->leg->tb[SOCKAUTH_A_TOKEN];
	const uint8_t *record;

	assert_non_null(token);
	record = mnl_attr_get_payload(token);
	assert_int_equal(mnl_attr_get_payload_len(token), 7);
	assert_int_equal(record[0], 21);
	assert_int_equal(record[5], 2);
	assert_int_equal(record[6], alert);
}

/* Both directions, with the keys that the module gets. */
static void exchange_data(struct test *t)
{
	uint32_t cipher = number_of(t->leg, SOCKAUTH_A_CIPHER);
	uint8_t buf[512], plain[512];
	struct keys tx, rx;
	size_t len;

	keys_of(t->leg, SOCKAUTH_A_TX, &tx);
	keys_of(t->leg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(SSL_write(t->client, "ping", 4), 4);
	len = BIO_read(SSL_get_wbio(t->client), buf, sizeof(buf));
	assert_int_equal(open_record(&rx, cipher, buf, len, plain), 4);
	assert_memory_equal(plain, "ping", 4);
	len = seal_record(&tx, cipher, "pong", 4, buf);
	peer_input(t->client, buf, len);
	assert_int_equal(SSL_read(t->client, plain, sizeof(plain)), 4);
	assert_memory_equal(plain, "pong", 4);
}

static void test_handshake(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_VERSION), 0x0304);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_MECH), SOCKAUTH_MECH_TLS);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS), 0);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_NONE);
	assert_null(t.leg->tb[SOCKAUTH_A_PEER_NAME]);
	assert_null(t.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_null(t.leg->tb[SOCKAUTH_A_PEER_CRED]);
	assert_null(t.leg->tb[SOCKAUTH_A_ALPN]);
	/* The module would keep it for as long as the connection lasts. */
	assert_null(t.leg->tb[SOCKAUTH_A_BLOB]);
	exchange_data(&t);
	end(&t);
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
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, cases[i].config, NULL);
		assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
		assert_int_equal(number_of(t.leg, SOCKAUTH_A_CIPHER),
				 cases[i].cipher);
		exchange_data(&t);
		end(&t);
	}
}

static void test_no_common_cipher(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN "ciphers = TLS_AES_256_GCM_SHA384\n", NULL);
	SSL_set_ciphersuites(t.client, "TLS_AES_128_GCM_SHA256");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_CIPHER, EPROTO,
		    "no cipher suite in common with the peer");
	expect_alert(&t, SSL_AD_HANDSHAKE_FAILURE);
	end(&t);
}

/* The client's first key share is of no use: two more legs. */
static void test_hello_retry(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN "groups = P-384\n", NULL);
	SSL_set1_groups_list(t.client, "X25519:P-384");
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	exchange_data(&t);
	end(&t);
}

/* Data right behind Finished is not ours: it stays for the keys. */
static void test_data_after_finished(void **state)
{
	uint8_t buf[8192], plain[64];
	size_t len, consumed;
	struct keys rx;
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	len = peer_output(t.client, buf, sizeof(buf));
	run_leg(t.table, t.leg, 7, 1, &acceptor, buf, len, false);
	assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_CONSUMED), len);
	peer_input(t.client,
		   mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_TOKEN]),
		   mnl_attr_get_payload_len(t.leg->tb[SOCKAUTH_A_TOKEN]));
	assert_int_equal(SSL_write(t.client, "at once", 7), 7);
	len = BIO_read(SSL_get_wbio(t.client), buf, sizeof(buf));
	run_leg(t.table, t.leg, 7, 2, &acceptor, buf, len, false);
	assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_DONE);
	consumed = number_of(t.leg, SOCKAUTH_A_CONSUMED);
	assert_int_equal(len - consumed, 5 + 7 + 1 + 16);
	keys_of(t.leg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(open_record(&rx,
				     number_of(t.leg, SOCKAUTH_A_CIPHER),
				     buf + consumed, len - consumed, plain),
			 7);
	assert_memory_equal(plain, "at once", 7);
	end(&t);
}

static void test_tickets(void **state)
{
	static const char *const configs[] = {
		PLAIN "tickets = 0\n", PLAIN "tickets = 1\n", PLAIN,
		PLAIN "tickets = 8\n",
	};
	static const uint64_t expected[] = { 0, 1, 2, 8 };
	struct keys tx;
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		begin(&t, configs[i], NULL);
		assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
		keys_of(t.leg, SOCKAUTH_A_TX, &tx);
		assert_int_equal(tx.seq, expected[i]);
		keys_of(t.leg, SOCKAUTH_A_RX, &tx);
		assert_int_equal(tx.seq, 0);
		exchange_data(&t);
		end(&t);
	}
}

static void test_certificate(void **state)
{
	const struct nlattr *expiry;
	struct test t;

	(void)state;
	begin(&t, MUTUAL, "good");
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME),
			    "good@example.test");
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_EMAIL);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_EXPIRES);
	expiry = t.leg->tb[SOCKAUTH_A_EXPIRY];
	assert_non_null(expiry);
	/* Certificate and CA are good for 30 days. */
	assert_in_range(mnl_attr_get_u64(expiry), time(NULL) + 28 * 86400,
			time(NULL) + 31 * 86400);
	assert_null(t.leg->tb[SOCKAUTH_A_PEER_CRED]);
	exchange_data(&t);
	end(&t);
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
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, MUTUAL, cases[i].cert);
		assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
		assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME),
				    cases[i].name);
		assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
				 cases[i].type);
		end(&t);
	}
}

/* The leaf, and what the client sent with it. */
static void test_kept_credentials(void **state)
{
	static const char *const subjects[] = { "good", "sockauth test CA" };
	struct request request = acceptor;
	const uint8_t *der, *start, *last;
	const struct nlattr *cred;
	char subject[64];
	X509 *cert;
	struct test t;
	size_t i, len;

	(void)state;
	request.flags = SOCKAUTH_REQ_KEEP_CRED;
	begin(&t, MUTUAL, "good");
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	cred = t.leg->tb[SOCKAUTH_A_PEER_CRED];
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
	end(&t);
}

static void test_no_certificate(void **state)
{
	struct test t;

	(void)state;
	begin(&t, MUTUAL, NULL);
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_NO_CRED, EACCES,
		    "the peer shows no certificate, but must");
	end(&t);

	begin(&t, REQUEST, NULL);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS), 0);
	end(&t);
}

/* The application wants more than the profile. */
static void test_application_wants_mutual(void **state)
{
	struct request request = acceptor;
	struct test t;

	(void)state;
	request.flags = SOCKAUTH_REQ_MUTUAL;
	begin(&t, REQUEST, NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_NO_CRED, EACCES,
		    "the peer shows no certificate, but must");
	end(&t);

	begin(&t, PLAIN "trust = @/ca.pem\nexpiry = report\n", "good");
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	assert_non_null(t.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_MUTUAL);
	end(&t);

	begin(&t, PLAIN, "good");
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_PROFILE, EINVAL,
		    "the application wants client certificates, but the profile default has no trust");
	expect_alert(&t, SSL_AD_HANDSHAKE_FAILURE);
	end(&t);
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
	struct test t;

	(void)state;
	yesterday(text + strlen(text), 32);
	begin(&t, REQUEST, "expired");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, text);
	end(&t);
}

static void test_untrusted_certificate(void **state)
{
	struct test t;

	(void)state;
	begin(&t, REQUEST, "stranger");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of good@example.test is not trusted: "
		    "unable to get local issuer certificate "
		    "(depth 0, issuer /CN=another CA)");
	end(&t);

	/* A server's certificate is no client's. */
	begin(&t, REQUEST, "server");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of localhost is not trusted: "
		    "unsuitable certificate purpose "
		    "(depth 0, issuer /CN=sockauth test CA)");
	end(&t);
}

static void test_revocation(void **state)
{
	struct test t;

	(void)state;
	begin(&t, MUTUAL "crl = @/banned-crl.pem\n", "banned");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_CRED_REVOKED, EACCES,
		    "certificate of banned@example.test is revoked");
	end(&t);

	begin(&t, MUTUAL "crl = @/banned-crl.pem\n", "good");
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	end(&t);

	begin(&t, MUTUAL "crl = @/old-crl.pem\n", "good");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of good@example.test is not trusted: "
		    "CRL has expired (depth 0, issuer /CN=sockauth test CA)");
	end(&t);
}

/* A chain is good for as long as its shortest part. */
static void test_intermediate(void **state)
{
	struct test t;

	(void)state;
	begin(&t, MUTUAL, "deep");
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_in_range(mnl_attr_get_u64(t.leg->tb[SOCKAUTH_A_EXPIRY]),
			time(NULL) + 4 * 86400, time(NULL) + 5 * 86400);
	end(&t);

	begin(&t, MUTUAL "verify-depth = 0\n", "deep");
	run(&t, &acceptor);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_REASON),
			 SOCKAUTH_REASON_BAD_CRED);
	end(&t);

	/* Each issuer needs its list, not only that of the leaf. */
	begin(&t, MUTUAL "crl = @/inter-crl.pem\n", "deep");
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of CN=inter is not trusted: "
		    "unable to get certificate CRL "
		    "(depth 1, issuer /CN=sockauth test CA)");
	end(&t);

	begin(&t, MUTUAL "crl = @/inter-crl.pem\ncrl = @/banned-crl.pem\n", "deep");
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	end(&t);
}

static void test_alpn(void **state)
{
	static const uint8_t offer[] = "\x08http/1.1\x02h2";
	struct request request = acceptor;
	struct test t;

	(void)state;
	/* The server's order counts. */
	begin(&t, PLAIN "alpn = h2, http/1.1\n", NULL);
	SSL_set_alpn_protos(t.client, offer, sizeof(offer) - 1);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_non_null(t.leg->tb[SOCKAUTH_A_ALPN]);
	assert_int_equal(mnl_attr_get_payload_len(t.leg->tb[SOCKAUTH_A_ALPN]),
			 2);
	assert_memory_equal(mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_ALPN]),
			    "h2", 2);
	end(&t);

	/* The application takes one of them only. */
	request.alpn = "\x08http/1.1\x03" "foo";
	begin(&t, PLAIN "alpn = h2, http/1.1\n", NULL);
	SSL_set_alpn_protos(t.client, offer, sizeof(offer) - 1);
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	assert_memory_equal(mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_ALPN]),
			    "http/1.1", 8);
	end(&t);

	/* The profile leaves it to the application. */
	begin(&t, PLAIN, NULL);
	SSL_set_alpn_protos(t.client, offer, sizeof(offer) - 1);
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	assert_memory_equal(mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_ALPN]),
			    "http/1.1", 8);
	end(&t);
}

static void test_wrong_alpn(void **state)
{
	static const uint8_t offer[] = "\x03" "foo";
	struct request request = acceptor;
	struct test t;

	(void)state;
	begin(&t, PLAIN "alpn = h2, http/1.1\n", NULL);
	SSL_set_alpn_protos(t.client, offer, sizeof(offer) - 1);
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_ALPN, EPROTO,
		    "the peer offers none of our application protocols");
	expect_alert(&t, SSL_AD_NO_APPLICATION_PROTOCOL);
	end(&t);

	request.alpn = "\x03" "foo";
	begin(&t, PLAIN "alpn = h2, http/1.1\n", NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_ALPN, EINVAL,
		    "the profile default allows none of the application's protocols");
	end(&t);

	/* A client that does not care is fine (RFC 7301 3.2). */
	begin(&t, PLAIN "alpn = h2\n", NULL);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_null(t.leg->tb[SOCKAUTH_A_ALPN]);
	end(&t);
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
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, config, NULL);
		if (cases[i].name)
			SSL_set_tlsext_host_name(t.client, cases[i].name);
		assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
		X509_NAME_get_text_by_NID(
			X509_get_subject_name(
				SSL_get0_peer_certificate(t.client)),
			NID_commonName, subject, sizeof(subject));
		assert_string_equal(subject, cases[i].subject);
		end(&t);
	}
}

static void test_old_client(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	SSL_set_max_proto_version(t.client, TLS1_2_VERSION);
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_VERSION, EPROTO,
		    "the peer offers TLS 1.2 at most, TLS 1.3 is needed");
	expect_alert(&t, SSL_AD_PROTOCOL_VERSION);
	end(&t);
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
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, PLAIN, NULL);
		run_leg(t.table, t.leg, 1, 1, &acceptor, cases[i].token,
			strlen(cases[i].token), true);
		expect_fail(&t, cases[i].reason, cases[i].error,
			    cases[i].text);
		expect_alert(&t, cases[i].alert);
		end(&t);
	}
}

static void test_bad_hello(void **state)
{
	/* A whole record of the right type, with nonsense in it. */
	static const uint8_t record[] = {
		22, 3, 1, 0, 8, 1, 0, 0, 4, 3, 3, 0, 0
	};
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	run_leg(t.table, t.leg, 1, 1, &acceptor, record, sizeof(record),
		false);
	expect_fail(&t, SOCKAUTH_REASON_MALFORMED, EPROTO,
		    "the handshake failed: length mismatch");
	expect_alert(&t, SSL_AD_DECODE_ERROR);
	end(&t);
}

/* One bit of the client's Finished. */
static void test_tampered_record(void **state)
{
	uint8_t buf[8192];
	struct test t;
	size_t len;

	(void)state;
	begin(&t, PLAIN, NULL);
	len = peer_output(t.client, buf, sizeof(buf));
	run_leg(t.table, t.leg, 1, 1, &acceptor, buf, len, false);
	peer_input(t.client,
		   mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_TOKEN]),
		   mnl_attr_get_payload_len(t.leg->tb[SOCKAUTH_A_TOKEN]));
	len = peer_output(t.client, buf, sizeof(buf));
	buf[len - 1] ^= 1;
	run_leg(t.table, t.leg, 1, 2, &acceptor, buf, len, false);
	expect_fail(&t, SOCKAUTH_REASON_RECORD, EPROTO,
		    "the handshake failed: decryption failed or bad record mac");
	end(&t);
}

static void test_client_refuses(void **state)
{
	X509_STORE *nobody = X509_STORE_new();
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	SSL_set1_verify_cert_store(t.client, nobody);
	X509_STORE_free(nobody);
	run(&t, &acceptor);
	expect_fail(&t, SOCKAUTH_REASON_PEER_REFUSED, EKEYREJECTED,
		    "the peer does not trust the issuer of our certificate "
		    "(alert 48, unknown CA)");
	end(&t);
}

static void test_profiles(void **state)
{
	static const char config[] = PLAIN "users = root, 12345\n"
		"[profile client]\ntrust = @/ca.pem\n";
	struct request request = acceptor;
	struct test t;

	(void)state;
	request.uid = 12345;
	begin(&t, config, NULL);
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	end(&t);

	request.uid = 12346;
	begin(&t, config, NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_PROFILE, EACCES,
		    "user 12346 may not use the profile default");
	expect_alert(&t, SSL_AD_HANDSHAKE_FAILURE);
	end(&t);

	request.profile = "web";
	begin(&t, config, NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_PROFILE, ENOENT,
		    "there is no profile web");
	end(&t);

	request.profile = "client";
	begin(&t, config, NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
		    "the profile client has no certificate");
	end(&t);
}

static void test_guests(void **state)
{
	static const char config[] = PLAIN "guests = yes\n";
	struct request request = acceptor;
	uint8_t buf[8192];
	struct test t;
	size_t len;
	int i;

	(void)state;
	request.netns = 5;
	begin(&t, PLAIN, NULL);
	run(&t, &request);
	expect_fail(&t, SOCKAUTH_REASON_PROFILE, EACCES,
		    "the profile default is not for other network namespaces");
	expect_alert(&t, SSL_AD_HANDSHAKE_FAILURE);
	end(&t);

	begin(&t, config, NULL);
	assert_int_equal(run(&t, &request), SOCKAUTH_STEP_DONE);
	end(&t);

	/* Half of the contexts are not for them. */
	begin(&t, config, NULL);
	len = peer_output(t.client, buf, sizeof(buf));
	for (i = 1; i <= 4; i++) {
		run_leg(t.table, t.leg, i, 1, &request, buf, len, false);
		assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_CONTINUE);
	}
	run_leg(t.table, t.leg, i, 1, &request, buf, len, false);
	expect_fail(&t, SOCKAUTH_REASON_LIMIT, ENOBUFS,
		    "the daemon has too many authentications in progress");
	run_leg(t.table, t.leg, i, 1, &acceptor, buf, len, false);
	assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_CONTINUE);
	for (; i; i--)
		context_forget(t.table, i);
	end(&t);
}

static void test_binding(void **state)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	uint8_t expected[SOCKAUTH_BINDING_LEN];
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	SSL_export_keying_material(t.client, expected, sizeof(expected), label,
				   strlen(label), (uint8_t *)"", 0, 1);
	assert_int_equal(mnl_attr_get_payload_len(
				 t.leg->tb[SOCKAUTH_A_BINDING]),
			 sizeof(expected));
	assert_memory_equal(mnl_attr_get_payload(
				    t.leg->tb[SOCKAUTH_A_BINDING]),
			    expected, sizeof(expected));
	end(&t);
}

static void test_lifetime(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN "lifetime = 10m\n", NULL);
	assert_int_equal(run(&t, &acceptor), SOCKAUTH_STEP_DONE);
	assert_in_range(mnl_attr_get_u64(t.leg->tb[SOCKAUTH_A_EXPIRY]),
			time(NULL) + 590, time(NULL) + 600);
	end(&t);
}

static void test_limits(void **state)
{
	uint8_t buf[8192];
	struct test t;
	size_t len;
	int i;

	(void)state;
	begin(&t, PLAIN, NULL);
	len = peer_output(t.client, buf, sizeof(buf));
	for (i = 1; i <= 8; i++) {
		run_leg(t.table, t.leg, i, 1, &acceptor, buf, len, false);
		assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_CONTINUE);
	}
	run_leg(t.table, t.leg, 9, 1, &acceptor, buf, len, false);
	expect_fail(&t, SOCKAUTH_REASON_LIMIT, ENOBUFS,
		    "the daemon has too many authentications in progress");
	/* Ids that share a bucket are told apart. */
	run_leg(t.table, t.leg, 64 + 1, 2, &acceptor, buf, len, false);
	expect_fail(&t, SOCKAUTH_REASON_INTERNAL, EIO,
		    "the daemon has no context for the connection");
	assert_int_equal(t.table->count, 8);
	for (i = 1; i <= 8; i++)
		context_forget(t.table, i);
	context_forget(t.table, 1);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_no_common_cipher),
		cmocka_unit_test(test_hello_retry),
		cmocka_unit_test(test_data_after_finished),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_kept_credentials),
		cmocka_unit_test(test_no_certificate),
		cmocka_unit_test(test_application_wants_mutual),
		cmocka_unit_test(test_expired_certificate),
		cmocka_unit_test(test_untrusted_certificate),
		cmocka_unit_test(test_revocation),
		cmocka_unit_test(test_intermediate),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_wrong_alpn),
		cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_old_client),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_tampered_record),
		cmocka_unit_test(test_client_refuses),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_guests),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("acceptor", tests, setup_openssl,
					   teardown_openssl);
}
