// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kerberos: handshakes, refusals, and the parsers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "psk.h"
#include "realm.h"

static void expect_same_keys(const struct test *t)
{
	struct keys tx, rx;

	keys_of(t->cleg, SOCKAUTH_A_TX, &tx);
	keys_of(t->sleg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(tx.key_len, rx.key_len);
	assert_memory_equal(tx.key, rx.key, tx.key_len);
	assert_memory_equal(tx.iv, rx.iv, sizeof(tx.iv));
	assert_memory_equal(
		mnl_attr_get_payload(t->cleg->tb[SOCKAUTH_A_BINDING]),
		mnl_attr_get_payload(t->sleg->tb[SOCKAUTH_A_BINDING]), 32);
}

static void test_handshake(void **state)
{
	static const krb5_enctype types[] = {
		ENCTYPE_AES128_CTS_HMAC_SHA1_96,
		ENCTYPE_AES256_CTS_HMAC_SHA1_96,
		ENCTYPE_AES128_CTS_HMAC_SHA256_128,
		ENCTYPE_AES256_CTS_HMAC_SHA384_192,
	};
	static const char *const ciphers[] = {
		"", "ciphers = TLS_AES_256_GCM_SHA384\n", "mutual = no\n",
	};
	struct issue how = good;
	char config[256];
	struct test *t;
	size_t i;

	(void)state;
	for (i = 0; i < 12; i++) {
		snprintf(config, sizeof(config), INITIATOR "%s", ciphers[i % 3]);
		test_begin(&t, config, ACCEPTOR);
		how.enctype = types[i % 4];
		issue(&how, t->answer);
		handshake(t);
		expect_same_keys(t);
		assert_string_equal(text_of(t->sleg, SOCKAUTH_A_PEER_NAME),
				    USER);
		assert_string_equal(text_of(t->cleg, SOCKAUTH_A_PEER_NAME),
				    SERVICE);
		assert_int_equal(number_of(t->sleg, SOCKAUTH_A_NAME_TYPE),
				 SOCKAUTH_NAME_PRINCIPAL);
		assert_int_equal(number_of(t->sleg, SOCKAUTH_A_MECH),
				 SOCKAUTH_MECH_KRB5);
		assert_int_equal(number_of(t->cleg, SOCKAUTH_A_MECH),
				 SOCKAUTH_MECH_KRB5);
		assert_int_equal(number_of(t->sleg, SOCKAUTH_A_SEC_FLAGS),
				 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_EXPIRES);
		assert_int_equal(mnl_attr_get_u64(
					 t->sleg->tb[SOCKAUTH_A_EXPIRY]),
				 t->answer->endtime);
		assert_int_equal(mnl_attr_get_u64(
					 t->cleg->tb[SOCKAUTH_A_EXPIRY]),
				 t->answer->endtime);
		assert_int_equal(t->client->asking, 0);
		test_end(t);
	}
}

/* Authorization data of 50,000 bytes makes four records of a ClientHello. */
static void test_large(void **state)
{
	static uint8_t data[50000];
	krb5_authdata ad = { .ad_type = -1, .length = sizeof(data),
			     .contents = data };
	krb5_authdata *list[] = { &ad, NULL };
	struct issue how = good;
	struct test *t;

	(void)state;
	how.authdata = list;
	test_begin(&t, INITIATOR, ACCEPTOR);
	issue(&how, t->answer);
	handshake(t);
	test_end(t);
	/* Not what is kept: an application gets 32 KiB. */
	test_begin(&t, INITIATOR, ACCEPTOR);
	t->request.flags = SOCKAUTH_REQ_KEEP_CRED;
	ad.length = 2;
	issue(&how, t->answer);
	handshake(t);
	assert_int_equal(mnl_attr_get_payload_len(
				 t->sleg->tb[SOCKAUTH_A_PEER_CRED]), 15);
	assert_memory_equal(mnl_attr_get_payload(
				    t->sleg->tb[SOCKAUTH_A_PEER_CRED]),
			    "\x30\x0d\x30\x0b\xa0\x03\x02\x01\xff"
			    "\xa1\x04\x04\x02\0\0", 15);
	test_end(t);
}

/* What a server says to a ClientHello with the answer's ticket. */
static void refused(struct test *t, enum sockauth_reason reason, int error,
		    uint8_t alert, const char *text)
{
	static uint8_t out[70000];
	uint32_t number = 1;
	size_t len;

	if (client_hello(t) != SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", t->reply->verdict.text);
	assert_int_equal(serve(t, t->hello, t->hello_len, &number, out, &len),
			 SOCKAUTH_STEP_FAIL);
	if (!strstr(text_of(t->sleg, SOCKAUTH_A_TEXT), text))
		fail_msg("%s", text_of(t->sleg, SOCKAUTH_A_TEXT));
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_REASON), reason);
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_ERROR), error);
	assert_int_equal(len, 7);
	assert_int_equal(out[0], 21);
	assert_int_equal(out[6], alert);
	test_end(t);
}

static void test_refusals(void **state)
{
	static krb5_enctype weak[] = { ENCTYPE_ARCFOUR_HMAC, ENCTYPE_NULL };
	struct issue how;
	krb5_keyblock key;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	how = good;
	how.life = -60;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, 115, "expired");
	test_begin(&t, INITIATOR, ACCEPTOR);
	assert_int_equal(krb5_c_make_random_key(krb, service_key.enctype,
						&key), 0);
	how = good;
	how.server = "other/host.test@REALM.TEST";
	how.key = &key;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EKEYREJECTED, 115, "not accepted");
	test_begin(&t, INITIATOR, ACCEPTOR);
	how.server = SERVICE;
	how.kvno = 2;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED, 115,
		"not accepted");
	krb5_free_keyblock_contents(krb, &key);
	test_begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	t->answer->ticket[t->answer->ticket_len - 1] ^= 1;
	refused(t, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED, 115,
		"not accepted");
	/* Somebody's own cryptography may be as weak as he likes, not ours. */
	test_begin(&t, INITIATOR, ACCEPTOR);
	how = good;
	how.enctype = ENCTYPE_ARCFOUR_HMAC;
	issue(&how, t->answer);
	assert_int_equal(krb5_set_default_tgs_enctypes(t->client->krb, weak),
			 0);
	refused(t, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED, 115,
		"not accepted");
	test_begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	assert_int_equal(krb5_set_real_time(t->client->krb, time(NULL) - 600,
					    0), 0);
	refused(t, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, 115, "skew");
}

/* Tickets of anonymous PKINIT, by their name and by their flag. */
static void test_anonymous(void **state)
{
	struct issue how = good;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	how.client = "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS";
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_NO_CRED, EACCES, 49, "is anonymous");
	test_begin(&t, INITIATOR, ACCEPTOR "principals = *@REALM.TEST\n");
	how.client = USER;
	how.flags = TKT_FLG_ANONYMOUS;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_NO_CRED, EACCES, 49, "is anonymous");
}

static void test_profile_refuses(void **state)
{
	struct test *t;

	(void)state;
	/* Its right key, but the profile wants another service. */
	test_begin(&t, INITIATOR, ACCEPTOR
	      "service-principal = other/host.test@REALM.TEST\n");
	issue(&good, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EKEYREJECTED, 115, "not accepted");
	test_begin(&t, INITIATOR, ACCEPTOR "principals = *@REALM.TEST\n"
	      "service-principal = " SERVICE "\n");
	issue(&good, t->answer);
	handshake(t);
	test_end(t);
	test_begin(&t, INITIATOR, ACCEPTOR "principals = admin/*@REALM.TEST\n");
	issue(&good, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EACCES, 49,
		USER " is none of the profile's principals");
}

static void test_no_credentials(void **state)
{
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	t->answer->verdict_reason = SOCKAUTH_REASON_NO_OWN_CRED;
	t->answer->error = ENOKEY;
	strcpy(t->answer->text, "run kinit");
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_FAIL);
	assert_int_equal(t->reply->verdict.error, ENOKEY);
	assert_string_equal(t->reply->verdict.text, "run kinit");
	assert_int_equal(t->client->count, 0);
	test_end(t);
}

/* The initiator's first event. */
static uint32_t ask(struct test *t)
{
	const struct event ev = { .id = 1, .leg = 1, .begins = true,
				  .role = SOCKAUTH_ROLE_INITIATOR,
				  .profile = "default",
				  .target = "demo@host.test" };

	step_run(t->client, &ev, t->reply);
	return t->reply->status;
}

/* Whoever closes too early is not forgotten: the broker's answer comes. */
static void test_closed_while_asking(void **state)
{
	struct event ev;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	ask(t);
	assert_true(t->reply->wait);
	assert_int_equal(t->client->asking, 1);
	context_forget(t->client, 1);
	assert_int_equal(t->client->asking, 1);
	issue(&good, t->answer);
	t->answer->id = 1;
	assert_false(step_resume(t->client, t->answer, &ev, t->reply));
	assert_int_equal(t->client->asking, 0);
	test_end(t);
}

/* It has more to do than its socket can hold; that is not its end. */
static void test_busy_broker(void **state)
{
	static const struct broker_request request;
	struct test *t;
	int err;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	while (!(err = broker_ask(t->client->broker, &request)))
		;
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(ask(t), SOCKAUTH_STEP_FAIL);
	assert_int_equal(t->reply->verdict.reason, SOCKAUTH_REASON_LIMIT);
	assert_int_equal(t->reply->verdict.error, EAGAIN);
	assert_string_equal(t->reply->verdict.text,
			    "too many connections wait for Kerberos tickets");
	close(t->broker);
	t->broker = -1;
	assert_int_equal(ask(t), SOCKAUTH_STEP_FAIL);
	assert_int_equal(t->reply->verdict.reason, SOCKAUTH_REASON_INTERNAL);
	assert_int_equal(t->reply->verdict.error, EIO);
	assert_int_equal(t->client->asking, 0);
	test_end(t);
}

/* An acceptor with its last event: what the broker is asked, and the end. */
static void finish(struct test *t, uint32_t *number)
{
	static uint8_t one[70000], two[70000];
	size_t one_len, two_len, asking = t->server->asking;
	uint32_t cleg = 2;

	*number = 1;
	issue(&good, t->answer);
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(serve(t, t->hello, t->hello_len, number, one,
			       &one_len), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(t->server->asking, asking);
	feed(t->client, t->cleg, &cleg, NULL, one, one_len, two, &two_len);
	assert_int_equal(status_of(t->cleg), SOCKAUTH_STEP_DONE);
	serve(t, two, two_len, number, one, &one_len);
	assert_int_equal(one_len, 0);
}

static void test_map_users(void **state)
{
	struct broker_request request;
	struct keys tx;
	struct event ev;
	struct test *t;
	uint32_t number;
	int broker[2];

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR "map-users = yes\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, broker), 0);
	t->server->broker = broker[0];
	finish(t, &number);
	assert_int_equal(recv(broker[1], &request, sizeof(request), 0),
			 sizeof(request));
	assert_int_equal(request.op, BROKER_MAP);
	assert_string_equal(request.name, USER);
	memset(t->answer, 0, sizeof(*t->answer));
	t->answer->id = request.id;
	t->answer->uid = 4711;
	assert_true(step_resume(t->server, t->answer, &ev, t->reply));
	assert_int_equal(ev.leg, number - 1);
	assert_int_equal(t->reply->status, SOCKAUTH_STEP_DONE);
	assert_int_equal(t->reply->mapped_uid, 4711);
	assert_string_equal(t->reply->peer.name, USER);
	/* A Finished of SHA-256 and what makes a record of it. */
	assert_int_equal(t->reply->consumed, 5 + 4 + 32 + 1 + 16);
	keys_of(t->cleg, SOCKAUTH_A_TX, &tx);
	assert_memory_equal(t->reply->keys.rx.key, tx.key, tx.key_len);
	assert_int_equal(t->server->count, 0);
	close(broker[1]);
	test_end(t);
}

/* Where half of the window waits, the others are let in as nobody. */
static void test_map_limit(void **state)
{
	struct test *t;
	uint32_t number;
	int broker[2];
	char byte;

	(void)state;
	test_begin(&t, INITIATOR, "[daemon]\nwindow = 8\n" ACCEPTOR
		   "map-users = yes\n");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, broker), 0);
	t->server->broker = broker[0];
	t->server->asking = 4;
	finish(t, &number);
	assert_int_equal(status_of(t->sleg), SOCKAUTH_STEP_DONE);
	assert_null(t->sleg->tb[SOCKAUTH_A_MAPPED_UID]);
	assert_int_equal(recv(broker[1], &byte, 1, MSG_DONTWAIT), -1);
	close(broker[1]);
	test_end(t);
}

static void test_request(void **state)
{
	static const uint8_t long_one[KRB_REQUEST_MAX + 1];
	static uint8_t bytes[32];
	const krb5_keyblock wrong = {
		.enctype = ENCTYPE_AES128_CTS_HMAC_SHA1_96,
		.length = sizeof(bytes), .contents = bytes,
	};
	const struct krb_cred *cred;
	struct krb_exchange x = { 0 };
	struct verdict v = { 0 };
	krb5_data request;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	cred = snapshot_profile(t->server->snapshot, "default")->psk->krb;
	request = request_with(0, NULL);
	assert_true(krb_is_request((uint8_t *)request.data, request.length));
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v), -EPROTO);
	assert_string_equal(v.text,
			    "the KRB_AP_REQ of " USER " has no subkey");
	krb5_free_data_contents(krb, &request);

	/* One that is longer than its type wants. */
	request = request_with(AP_OPTS_USE_SUBKEY, &wrong);
	memset(&v, 0, sizeof(v));
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v), -EPROTO);
	assert_string_equal(v.text, "the KRB_AP_REQ of " USER
			    " has a subkey of the wrong length");
	krb5_free_data_contents(krb, &request);

	/* Longer than ours could be. */
	memset(&v, 0, sizeof(v));
	assert_int_equal(krb_accept(krb, cred, long_one, sizeof(long_one),
				    false, &x, &v), -EMSGSIZE);
	assert_int_equal(v.reason, SOCKAUTH_REASON_LIMIT);

	/* The authenticator comes last. */
	request = request_with(AP_OPTS_USE_SUBKEY, NULL);
	request.data[request.length - 1] ^= 1;
	memset(&v, 0, sizeof(v));
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v),
			 -EKEYREJECTED);
	krb5_free_data_contents(krb, &request);
	krb_exchange_clear(krb, &x);
	test_end(t);
}

static void test_reply_to_another(void **state)
{
	struct krb_exchange x = { 0 }, other = { 0 };
	const struct krb_cred *cred;
	struct verdict v = { 0 };
	krb5_data request, reply;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	cred = snapshot_profile(t->server->snapshot, "default")->psk->krb;
	request = request_with(AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED,
			       NULL);
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v), 0);
	assert_int_equal(krb_reply(krb, &x, &reply), 0);
	issue(&good, t->answer);
	assert_int_equal(krb_initiate(krb, t->answer, true, &other, &v), 0);
	assert_int_not_equal(krb_check_reply(krb, &other,
					     (uint8_t *)reply.data,
					     reply.length, &v), 0);
	krb5_free_data_contents(krb, &reply);
	krb5_free_data_contents(krb, &request);
	krb_exchange_clear(krb, &x);
	krb_exchange_clear(krb, &other);
	test_end(t);
}

static void test_names(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} cases[] = {
		{ "user@R", "user@R", true },
		{ "user@R", "user@R2", false },
		{ "*@R", "user@R", true },
		{ "*@R", "user/admin@R", false },
		{ "*/admin@R", "user/admin@R", true },
		{ "*@R", "user@S@R", false },
		{ "*@R", "user\\@S@R", true },
		{ "*@R", "a\\/b@R", true },
		{ "user@*", "user@R", true },
		{ "user@*", "user2@R", false },
		{ "*@*", "user@R", true },
		{ "h*t/*.x@R", "host/a.x@R", true },
		{ "h*t/*.x@R", "host/a.y@R", false },
		{ "", "user@R", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (krb_name_matches(cases[i].pattern, cases[i].name) !=
		    cases[i].matches)
			fail_msg("%s %s", cases[i].pattern, cases[i].name);
}

static void test_identities(void **state)
{
	static uint8_t large[300] = { 0x6e, 0x82, 1, 300 - 256 - 4 };

	(void)state;
	assert_true(krb_is_request((uint8_t *)"\x6e\x01x", 3));
	assert_true(krb_is_request(large, sizeof(large)));
	assert_false(krb_is_request(large, sizeof(large) - 1));
	assert_false(krb_is_request((uint8_t *)"nobody", 6));
	assert_false(krb_is_request((uint8_t *)"\x6e", 1));
	assert_false(krb_is_request((uint8_t *)"\x6e\x80", 2));
	assert_false(krb_is_request((uint8_t *)"\x6e\x81\x01x", 4));
	assert_false(krb_is_request((uint8_t *)"\x6e\x84\0\0\0\0", 6));
	assert_false(krb_is_request((uint8_t *)"", 0));
}

static void test_keytab(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		int result;
	} cases[] = {
		{ "", 0, -EINVAL },
		{ "\5\1", 2, -EINVAL },
		{ "\5\2", 2, 0 },
		{ "\5\2\0\0\0\0", 6, 0 },
		{ "\5\2\0\0\0\1", 6, -EINVAL },
		{ "\5\2\0\0\0\1x", 7, -EINVAL },
		{ "\5\2\xff\xff\xff\xffx", 7, 0 },
		{ "\5\2\x80\0\0\0x", 7, -EINVAL },
		{ "\5\2\0\0\0\2\xff\xff", 8, -EINVAL },
		{ "\5\2\0\0\0\4\0\1\xff\xff", 10, -EINVAL },
	};
	krb5_keytab keytab;
	size_t i;

	(void)state;
	assert_int_equal(krb5_kt_resolve(krb, "MEMORY:test", &keytab), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (krb_keytab_fill(krb, keytab, (uint8_t *)cases[i].data,
				    cases[i].len) != cases[i].result)
			fail_msg("number %zu", i);
	krb5_kt_close(krb, keytab);
}

static void test_config(void **state)
{
	static const struct {
		const char *config, *text;
	} cases[] = {
		{ "[profile a]\nmechanisms = krb5\nkeytab = /nonesuch\n",
		  "keytab: /nonesuch: No such file or directory" },
		{ "[profile a]\nmechanisms = krb5\nkeytab = @/ca.pem\n",
		  "is not a keytab with keys" },
		{ "[profile a]\nmechanisms = krb5\nkeytab = @/test.keytab\n"
		  "service-principal = demo/host\n",
		  "is not a principal with its realm" },
		{ "[profile a]\nmechanisms = psk\npsk = me:0011\n",
		  "psk: this is not IDENTITY:KEY" },
		{ "[profile a]\nmechanisms = psk\n",
		  "only one of the mechanism psk and a psk" },
		{ "[profile a]\nmechanisms = krb5\ncertificate = /x\n",
		  "its mechanisms lack tls" },
		{ "[profile a]\nkeytab = /x\n", "its mechanisms lack krb5" },
	};
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = load_error(cases[i].config);
		if (!strstr(text, cases[i].text))
			fail_msg("%s", text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_profile_refuses),
		cmocka_unit_test(test_no_credentials),
		cmocka_unit_test(test_closed_while_asking),
		cmocka_unit_test(test_busy_broker),
		cmocka_unit_test(test_map_users),
		cmocka_unit_test(test_map_limit),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_reply_to_another),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_keytab),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests_name("krb5", tests, setup_realm,
					   teardown_realm);
}
