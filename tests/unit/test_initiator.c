// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The initiator against OpenSSL's server.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define TRUST	"[profile default]\ntrust = @/ca.pem\n"
#define OURSELF	TRUST "certificate = @/good.pem\nkey = @/good.key\n"

struct test {
	struct contexts *table;
	struct leg *leg;
	SSL_CTX *ctx;
	SSL *server;
	struct request request;
};

static void begin(struct test *t, const char *config, const char *cert,
		  const char *target)
{
	t->table = new_table(config, 8);
	t->leg = calloc(1, sizeof(*t->leg));
	t->ctx = new_server(cert);
	t->server = new_peer(t->ctx, true);
	t->request = (struct request) {
		.role = SOCKAUTH_ROLE_INITIATOR, .target = target,
	};
}

static void end(struct test *t)
{
	assert_int_equal(t->table->count, 0);
	SSL_free(t->server);
	SSL_CTX_free(t->ctx);
	free(t->leg);
	free_table(t->table);
}

static uint32_t run(struct test *t)
{
	return authenticate(t->table, t->leg, 1, &t->request, t->server);
}

static void exchange_data(struct test *t)
{
	uint32_t cipher = number_of(t->leg, SOCKAUTH_A_CIPHER);
	uint8_t buf[8192], plain[512];
	struct keys tx, rx;
	size_t len, pos;

	keys_of(t->leg, SOCKAUTH_A_TX, &tx);
	keys_of(t->leg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(tx.seq, 0);
	assert_int_equal(rx.seq, 0);
	len = seal_record(&tx, cipher, "ping", 4, buf);
	peer_input(t->server, buf, len);
	assert_int_equal(SSL_read(t->server, plain, sizeof(plain)), 4);
	assert_memory_equal(plain, "ping", 4);
	/* The server's tickets are records too, and come first. */
	assert_int_equal(SSL_write(t->server, "pong", 4), 4);
	len = BIO_read(SSL_get_wbio(t->server), buf, sizeof(buf));
	for (pos = 0; pos + first_record(buf + pos, len - pos) < len;
	     pos += first_record(buf + pos, len - pos))
		rx.seq++;
	assert_int_equal(open_record(&rx, cipher, buf + pos, len - pos, plain),
			 4);
	assert_memory_equal(plain, "pong", 4);
}

static void test_handshake(void **state)
{
	struct test t;

	(void)state;
	begin(&t, TRUST, "server", "localhost");
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME), "localhost");
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_DNS);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_EXPIRES);
	assert_non_null(t.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_string_equal(SSL_get_servername(t.server,
					       TLSEXT_NAMETYPE_host_name),
			    "localhost");
	exchange_data(&t);
	end(&t);
}

/* What the server says after its Finished waits for the keys. */
static void test_server_first(void **state)
{
	uint8_t buf[8192], plain[64];
	struct test t;
	size_t len;

	(void)state;
	begin(&t, TRUST, "server", "localhost");
	SSL_set_num_tickets(t.server, 0);
	run_leg(t.table, t.leg, 3, 1, &t.request, NULL, 0, false);
	assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_CONTINUE);
	peer_token(t.server, t.leg);
	/* A server may send before it has heard of our Finished. */
	assert_int_equal(SSL_read_early_data(t.server, plain, sizeof(plain),
					     &len),
			 SSL_READ_EARLY_DATA_FINISH);
	assert_int_equal(SSL_write_early_data(t.server, "hello", 5, &len), 1);
	len = BIO_read(SSL_get_wbio(t.server), buf, sizeof(buf));
	run_leg(t.table, t.leg, 3, 2, &t.request, buf, len, false);
	assert_int_equal(status_of(t.leg), SOCKAUTH_STEP_DONE);
	expect_left(t.leg, buf, len, "hello");
	end(&t);
}

static void test_address(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(&t, TRUST, "server", addresses[i]);
		assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
		assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
				 SOCKAUTH_NAME_IP);
		/* An address is no server name (RFC 6066 3). */
		assert_null(SSL_get_servername(t.server,
					       TLSEXT_NAMETYPE_host_name));
		end(&t);
	}
	begin(&t, TRUST, "server", "127.0.0.2");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_NAME, EACCES,
		    "name mismatch: wanted 127.0.0.2, certificate has "
		    "localhost, 127.0.0.1, ::1");
	end(&t);
	/* To OpenSSL: whatever ends so. */
	begin(&t, TRUST, "wild", ".wild.test");
	run_leg(t.table, t.leg, 1, 1, &t.request, NULL, 0, false);
	expect_fail(t.leg, SOCKAUTH_REASON_NAME, EINVAL,
		    ".wild.test is neither a host name nor an address");
	end(&t);
	/* And it would take this for the address. */
	begin(&t, TRUST, "server", "127.0.0.1 x");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_NAME, EACCES,
		    "name mismatch: wanted 127.0.0.1 x, certificate has "
		    "localhost, 127.0.0.1, ::1");
	end(&t);
}

static void test_names(void **state)
{
	static const struct {
		const char *cert, *target, *text;
	} cases[] = {
		{ "server", "LOCALHOST", NULL },
		{ "server", "localhost.", NULL },
		{ "wild", "x.wild.test", NULL },
		{ "a", "b.test",
		  "name mismatch: wanted b.test, certificate has a.test" },
		{ "wild", "x.y.wild.test",
		  "name mismatch: wanted x.y.wild.test, certificate has *.wild.test" },
		{ "wild", "wild.test",
		  "name mismatch: wanted wild.test, certificate has *.wild.test" },
		/* The common name is not a host name. */
		{ "wild", "wild",
		  "name mismatch: wanted wild, certificate has *.wild.test" },
	};
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&t, TRUST, cases[i].cert, cases[i].target);
		run(&t);
		if (cases[i].text)
			expect_fail(t.leg, SOCKAUTH_REASON_NAME, EACCES,
				    cases[i].text);
		else
			assert_int_equal(status_of(t.leg),
					 SOCKAUTH_STEP_DONE);
		end(&t);
	}
}

static void test_no_target(void **state)
{
	struct test t;

	(void)state;
	begin(&t, TRUST, "server", NULL);
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_NAME, EINVAL,
		    "no target: neither the application nor the profile default says whom the peer must prove to be");
	assert_null(t.leg->tb[SOCKAUTH_A_TOKEN]);
	end(&t);

	begin(&t, TRUST "target = localhost\n", "server", NULL);
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME), "localhost");
	end(&t);
}

static void test_expired(void **state)
{
	char text[256] = "certificate of localhost has expired on ";
	time_t when = time(NULL) - 86400;
	struct test t;
	struct tm tm;

	(void)state;
	strftime(text + strlen(text), 32, "%Y-%m-%d", gmtime_r(&when, &tm));
	begin(&t, TRUST, "old-server", "localhost");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, text);
	end(&t);
}

static void test_untrusted(void **state)
{
	struct test t;

	(void)state;
	begin(&t, "[profile default]\ntrust = @/other-ca.pem\n", "server",
	      "localhost");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of CN=sockauth test CA is not trusted: "
		    "self-signed certificate in certificate chain "
		    "(depth 1, issuer /CN=sockauth test CA)");
	/* An encrypted alert, which only the server can read. */
	assert_non_null(t.leg->tb[SOCKAUTH_A_TOKEN]);
	end(&t);

	begin(&t, "[profile default]\ncertificate = @/server.pem\n"
	      "key = @/server.key\n", "server", "localhost");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_PROFILE, EINVAL,
		    "the profile default has no trust");
	end(&t);
}

/* A pinned certificate is an anchor by itself. */
static void test_pinned(void **state)
{
	struct test t;

	(void)state;
	begin(&t, "[profile default]\ntrust = @/server.pem\n", "server",
	      "localhost");
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	end(&t);
}

static void test_mutual(void **state)
{
	struct test t;

	(void)state;
	begin(&t, OURSELF, "server", "localhost");
	SSL_set_verify(t.server, SSL_VERIFY_PEER |
		       SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_EXPIRES);
	assert_non_null(SSL_get0_peer_certificate(t.server));
	exchange_data(&t);
	end(&t);

	/* Nobody asked us. */
	begin(&t, OURSELF, "server", "localhost");
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_EXPIRES);
	end(&t);

	/* We were asked, and have only a server's certificate. */
	begin(&t, TRUST "certificate = @/server.pem\nkey = @/server.key\n",
	      "server", "localhost");
	SSL_set_verify(t.server, SSL_VERIFY_PEER, NULL);
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_SEC_FLAGS),
			 SOCKAUTH_SEC_EXPIRES);
	assert_null(SSL_get0_peer_certificate(t.server));
	end(&t);
}

static int choose(SSL *ssl, const unsigned char **out, unsigned char *len,
		  const unsigned char *offer, unsigned int offer_len, void *arg)
{
	(void)ssl;
	(void)offer;
	(void)offer_len;
	*out = arg;
	*len = strlen(arg);
	return SSL_TLSEXT_ERR_OK;
}

static void test_alpn(void **state)
{
	struct test t;

	(void)state;
	begin(&t, TRUST "alpn = h2, http/1.1\n", "server", "localhost");
	t.request.alpn = "\x03" "foo\x02h2";
	SSL_CTX_set_alpn_select_cb(t.ctx, choose, "h2");
	assert_int_equal(run(&t), SOCKAUTH_STEP_DONE);
	assert_int_equal(mnl_attr_get_payload_len(t.leg->tb[SOCKAUTH_A_ALPN]),
			 2);
	assert_memory_equal(mnl_attr_get_payload(t.leg->tb[SOCKAUTH_A_ALPN]),
			    "h2", 2);
	end(&t);

	/* The server makes one up. */
	begin(&t, TRUST "alpn = h2, http/1.1\n", "server", "localhost");
	t.request.alpn = "\x02h2";
	SSL_CTX_set_alpn_select_cb(t.ctx, choose, "http/1.1");
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_MALFORMED, EPROTO,
		    "the handshake failed: bad extension");
	end(&t);
}

static void test_old_server(void **state)
{
	struct test t;

	(void)state;
	begin(&t, TRUST, "server", "localhost");
	SSL_set_max_proto_version(t.server, TLS1_2_VERSION);
	run(&t);
	expect_fail(t.leg, SOCKAUTH_REASON_VERSION, EPROTO,
		    "the peer does not speak TLS 1.3 (alert 70, protocol version)");
	end(&t);
}

static void test_garbage(void **state)
{
	struct test t;

	(void)state;
	begin(&t, TRUST, "server", "localhost");
	run_leg(t.table, t.leg, 1, 1, &t.request, NULL, 0, false);
	run_leg(t.table, t.leg, 1, 2, &t.request, "220 ready\r\n", 11, true);
	expect_fail(t.leg, SOCKAUTH_REASON_MALFORMED, EPROTO,
		    "what the peer sends is not TLS");
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_server_first),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_old_server),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests_name("initiator", tests, setup_openssl,
					   teardown_openssl);
}
