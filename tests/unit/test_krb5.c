// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kerberos and pre-shared keys without a KDC: the test makes tickets with the
 * service's key, and is the broker.  Both sides of a handshake are ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "krb.h"
#include "psk.h"

#define SERVICE		"demo/host.test@REALM.TEST"
#define USER		"user@REALM.TEST"
#define KEYTAB		PKI "/test.keytab"
#define ACCEPTOR	"[profile default]\nmechanisms = krb5\n" \
			"keytab = @/test.keytab\n"
#define INITIATOR	"[profile default]\nmechanisms = krb5\n"

/* Of libkrb5, which has them for KDCs and not in its header. */
krb5_error_code krb5_encrypt_tkt_part(krb5_context krb,
				      const krb5_keyblock *key,
				      krb5_ticket *ticket);
krb5_error_code encode_krb5_ticket(const krb5_ticket *ticket,
				   krb5_data **der);

static krb5_context krb;
static krb5_keyblock service_key;

/* What a ticket of the tests may differ in. */
struct issue {
	const char *server;
	int kvno;
	int64_t life;
	krb5_enctype enctype;
	krb5_authdata **authdata;
	const krb5_keyblock *key;
};

static const struct issue good = { SERVICE, 1, 3600,
				   ENCTYPE_AES256_CTS_HMAC_SHA1_96, NULL,
				   &service_key };

static int setup(void **state)
{
	krb5_keytab_entry entry = { .vno = 1 };
	krb5_keytab keytab;

	if (setup_openssl(state) || krb_context_new(&krb) ||
	    krb5_c_make_random_key(krb, ENCTYPE_AES256_CTS_HMAC_SHA384_192,
				   &service_key))
		return -1;
	unlink(KEYTAB);
	if (krb5_kt_resolve(krb, "WRFILE:" KEYTAB, &keytab) ||
	    krb5_parse_name(krb, SERVICE, &entry.principal))
		return -1;
	entry.key = service_key;
	if (krb5_kt_add_entry(krb, keytab, &entry))
		return -1;
	krb5_free_principal(krb, entry.principal);
	krb5_kt_close(krb, keytab);
	return 0;
}

static int teardown(void **state)
{
	krb5_free_keyblock_contents(krb, &service_key);
	krb5_free_context(krb);
	return teardown_openssl(state);
}

/* The KDC's part, and the helper's. */
static void issue(const struct issue *how, struct broker_answer *answer)
{
	krb5_enc_tkt_part part = {
		.times = { .authtime = time(NULL) - 7200,
			   .starttime = time(NULL) - 7200,
			   .endtime = time(NULL) + how->life },
		.transited = { .tr_type = KRB5_DOMAIN_X500_COMPRESS },
		.authorization_data = how->authdata,
	};
	krb5_ticket ticket = { .enc_part2 = &part };
	krb5_keyblock session;
	krb5_data *der;

	assert_int_equal(krb5_parse_name(krb, how->server, &ticket.server), 0);
	assert_int_equal(krb5_parse_name(krb, USER, &part.client), 0);
	assert_int_equal(krb5_c_make_random_key(krb, how->enctype, &session),
			 0);
	part.session = &session;
	assert_int_equal(krb5_encrypt_tkt_part(krb, how->key, &ticket), 0);
	ticket.enc_part.kvno = how->kvno;
	assert_int_equal(encode_krb5_ticket(&ticket, &der), 0);
	memset(answer, 0, sizeof(*answer));
	answer->uid = UINT32_MAX;
	answer->enctype = session.enctype;
	answer->endtime = part.times.endtime;
	answer->key_len = session.length;
	memcpy(answer->key, session.contents, session.length);
	answer->ticket_len = der->length;
	memcpy(answer->ticket, der->data, der->length);
	strcpy(answer->client, USER);
	strcpy(answer->server, how->server);
	krb5_free_data(krb, der);
	krb5_free_data_contents(krb, &ticket.enc_part.ciphertext);
	krb5_free_keyblock_contents(krb, &session);
	krb5_free_principal(krb, ticket.server);
	krb5_free_principal(krb, part.client);
}

struct test {
	struct contexts *client, *server;
	int broker;	/* the broker's end */
	struct leg *cleg, *sleg;
	struct request request;	/* of the initiator */
	struct reply *reply;
	struct broker_answer *answer;
	uint8_t hello[70000];
	size_t hello_len;
};

static void begin(struct test **t, const char *initiator, const char *acceptor)
{
	struct test *new = calloc(1, sizeof(*new));
	int pair[2];

	new->client = new_table(initiator, 8);
	new->server = new_table(acceptor, 8);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	new->client->broker = pair[0];
	new->broker = pair[1];
	new->cleg = calloc(1, sizeof(*new->cleg));
	new->sleg = calloc(1, sizeof(*new->sleg));
	new->reply = calloc(1, sizeof(*new->reply));
	new->answer = calloc(1, sizeof(*new->answer));
	new->request = (struct request) {
		.role = SOCKAUTH_ROLE_INITIATOR, .uid = 1000,
		.target = "demo@host.test",
	};
	*t = new;
}

static void end(struct test *t)
{
	free_table(t->client);
	free_table(t->server);
	close(t->broker);
	free(t->cleg);
	free(t->sleg);
	free(t->reply);
	free(t->answer);
	free(t);
}

/* The initiator's first event is held; the broker's answer lets it go on. */
static uint32_t client_hello(struct test *t)
{
	struct broker_request request;
	struct event ev = { .id = 1, .leg = 1, .begins = true,
			    .role = SOCKAUTH_ROLE_INITIATOR, .uid = 1000,
			    .gid = 100, .profile = "default" };

	ev.target = t->request.target;
	ev.req_flags = t->request.flags;
	step_run(t->client, &ev, t->reply);
	assert_true(t->reply->wait);
	assert_int_equal(recv(t->broker, &request, sizeof(request), 0),
			 sizeof(request));
	assert_int_equal(request.uid, 1000);
	assert_int_equal(request.gid, 100);
	assert_string_equal(request.name, t->request.target);
	t->answer->id = request.id;
	assert_true(step_resume(t->client, t->answer, &ev, t->reply));
	assert_int_equal(ev.leg, 1);
	memcpy(t->hello, t->reply->out.data, t->reply->out.len);
	t->hello_len = t->reply->out.len;
	return t->reply->status;
}

/* Feed @data to one side, a record at a time; the legs are numbered. */
static void feed(struct contexts *table, struct leg *leg, uint32_t *number,
		 const struct request *request, const uint8_t *data,
		 size_t len, uint8_t *out, size_t *out_len)
{
	size_t pos = 0, n, m;

	*out_len = 0;
	while (pos < len) {
		n = first_record(data + pos, len - pos);
		run_leg(table, leg, 1, (*number)++, request, data + pos, n,
			false);
		pos += n;
		if (leg->tb[SOCKAUTH_A_TOKEN]) {
			m = mnl_attr_get_payload_len(leg->tb[SOCKAUTH_A_TOKEN]);
			memcpy(out + *out_len,
			       mnl_attr_get_payload(leg->tb[SOCKAUTH_A_TOKEN]),
			       m);
			*out_len += m;
		}
		if (status_of(leg) != SOCKAUTH_STEP_CONTINUE)
			break;
	}
}

static uint32_t serve(struct test *t, const uint8_t *data, size_t len,
		      uint32_t *number, uint8_t *out, size_t *out_len)
{
	struct request request = { .role = SOCKAUTH_ROLE_ACCEPTOR };

	request.flags = t->request.flags;
	feed(t->server, t->sleg, number, &request, data, len, out, out_len);
	return status_of(t->sleg);
}

/* All of it; both sides must be done. */
static void handshake(struct test *t)
{
	static uint8_t one[70000], two[70000];
	size_t one_len, two_len;
	uint32_t sleg = 1, cleg = 2;

	if (client_hello(t) != SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", t->reply->verdict.text);
	if (serve(t, t->hello, t->hello_len, &sleg, one, &one_len) !=
	    SOCKAUTH_STEP_CONTINUE)
		fail_msg("%s", text_of(t->sleg, SOCKAUTH_A_TEXT));
	feed(t->client, t->cleg, &cleg, NULL, one, one_len, two, &two_len);
	assert_int_equal(status_of(t->cleg), SOCKAUTH_STEP_DONE);
	assert_int_equal(serve(t, two, two_len, &sleg, one, &one_len),
			 SOCKAUTH_STEP_DONE);
	/* No tickets. */
	assert_int_equal(one_len, 0);
}

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
		begin(&t, config, ACCEPTOR);
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
		end(t);
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
	begin(&t, INITIATOR, ACCEPTOR);
	issue(&how, t->answer);
	handshake(t);
	end(t);
	/* Not what is kept: an application gets 32 KiB. */
	begin(&t, INITIATOR, ACCEPTOR);
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
	end(t);
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
	end(t);
}

static void test_refusals(void **state)
{
	struct issue how;
	krb5_keyblock key;
	struct test *t;

	(void)state;
	begin(&t, INITIATOR, ACCEPTOR);
	how = good;
	how.life = -60;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, 115, "expired");
	begin(&t, INITIATOR, ACCEPTOR);
	assert_int_equal(krb5_c_make_random_key(krb, service_key.enctype,
						&key), 0);
	how = good;
	how.server = "other/host.test@REALM.TEST";
	how.key = &key;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EKEYREJECTED, 115, "not accepted");
	begin(&t, INITIATOR, ACCEPTOR);
	how.server = SERVICE;
	how.kvno = 2;
	issue(&how, t->answer);
	refused(t, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED, 115,
		"not accepted");
	krb5_free_keyblock_contents(krb, &key);
	/* Its right key, but the profile wants another service. */
	begin(&t, INITIATOR, ACCEPTOR
	      "service-principal = other/host.test@REALM.TEST\n");
	issue(&good, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EKEYREJECTED, 115, "not accepted");
	begin(&t, INITIATOR, ACCEPTOR "principals = *@REALM.TEST\n"
	      "service-principal = " SERVICE "\n");
	issue(&good, t->answer);
	handshake(t);
	end(t);
	begin(&t, INITIATOR, ACCEPTOR "principals = admin/*@REALM.TEST\n");
	issue(&good, t->answer);
	refused(t, SOCKAUTH_REASON_NAME, EACCES, 49,
		USER " is none of the profile's principals");
	begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	t->answer->ticket[t->answer->ticket_len - 1] ^= 1;
	refused(t, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED, 115,
		"not accepted");
	begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	assert_int_equal(krb5_set_real_time(t->client->krb, time(NULL) - 600,
					    0), 0);
	refused(t, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED, 115, "skew");
}

static void test_no_credentials(void **state)
{
	struct test *t;

	(void)state;
	begin(&t, INITIATOR, ACCEPTOR);
	t->answer->verdict_reason = SOCKAUTH_REASON_NO_OWN_CRED;
	t->answer->error = ENOKEY;
	strcpy(t->answer->text, "run kinit");
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_FAIL);
	assert_int_equal(t->reply->verdict.error, ENOKEY);
	assert_string_equal(t->reply->verdict.text, "run kinit");
	assert_int_equal(t->client->count, 0);
	end(t);
}

/* Make a KRB_AP_REQ by hand. */
static krb5_data request_with(krb5_flags options)
{
	static struct broker_answer answer;
	krb5_auth_context auth = NULL;
	krb5_creds creds = { 0 };
	krb5_data out;

	issue(&good, &answer);
	assert_int_equal(krb5_parse_name(krb, USER, &creds.client), 0);
	assert_int_equal(krb5_parse_name(krb, SERVICE, &creds.server), 0);
	creds.keyblock.enctype = answer.enctype;
	creds.keyblock.length = answer.key_len;
	creds.keyblock.contents = answer.key;
	creds.ticket.data = (char *)answer.ticket;
	creds.ticket.length = answer.ticket_len;
	creds.times.endtime = answer.endtime;
	assert_int_equal(krb5_auth_con_init(krb, &auth), 0);
	krb5_auth_con_setflags(krb, auth, 0);
	assert_int_equal(krb5_mk_req_extended(krb, &auth, options, NULL,
					      &creds, &out), 0);
	krb5_auth_con_free(krb, auth);
	krb5_free_principal(krb, creds.client);
	krb5_free_principal(krb, creds.server);
	return out;
}

static void test_request(void **state)
{
	struct krb_exchange x = { 0 }, other = { 0 };
	const struct krb_cred *cred;
	struct verdict v = { 0 };
	krb5_data request, reply;
	struct test *t;

	(void)state;
	begin(&t, INITIATOR, ACCEPTOR);
	cred = snapshot_profile(t->server->snapshot, "default")->psk->krb;
	request = request_with(0);
	assert_true(krb_is_request((uint8_t *)request.data, request.length));
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v), -EPROTO);
	assert_string_equal(v.text,
			    "the KRB_AP_REQ of " USER " has no subkey");
	krb5_free_data_contents(krb, &request);

	/* The authenticator comes last. */
	request = request_with(AP_OPTS_USE_SUBKEY);
	request.data[request.length - 1] ^= 1;
	memset(&v, 0, sizeof(v));
	assert_int_equal(krb_accept(krb, cred, (uint8_t *)request.data,
				    request.length, false, &x, &v),
			 -EKEYREJECTED);
	krb5_free_data_contents(krb, &request);

	/* A KRB_AP_REP to somebody else. */
	request = request_with(AP_OPTS_USE_SUBKEY | AP_OPTS_MUTUAL_REQUIRED);
	memset(&v, 0, sizeof(v));
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
	end(t);
}

/* Who sends a ClientHello again gets an answer that he cannot use. */
static void test_replayed_hello(void **state)
{
	static uint8_t one[70000], two[70000];
	size_t one_len, two_len;
	uint32_t sleg = 1, cleg = 2;
	struct contexts *again;
	struct test *t;

	(void)state;
	begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_CONTINUE);
	serve(t, t->hello, t->hello_len, &sleg, one, &one_len);
	feed(t->client, t->cleg, &cleg, NULL, one, one_len, two, &two_len);
	assert_int_equal(status_of(t->cleg), SOCKAUTH_STEP_DONE);
	again = new_table(ACCEPTOR, 8);
	free_table(t->server);
	t->server = again;
	sleg = 1;
	assert_int_equal(serve(t, t->hello, t->hello_len, &sleg, one,
			       &one_len), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(serve(t, two, two_len, &sleg, one, &one_len),
			 SOCKAUTH_STEP_FAIL);
	end(t);
}

static krb5_data stolen;

static int offer_stolen(SSL *ssl, const EVP_MD *md, const unsigned char **id,
			size_t *len, SSL_SESSION **session)
{
	uint8_t key[32] = { 1 };

	(void)md;
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, key, sizeof(key));
	SSL_SESSION_set_cipher(*session,
			       SSL_CIPHER_find(ssl, (void *)"\x13\x01"));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (unsigned char *)stolen.data;
	*len = stolen.length;
	return 1;
}

/* A KRB_AP_REQ that somebody has seen is of no use without its subkey. */
static void test_stolen_request(void **state)
{
	const struct request request = { .role = SOCKAUTH_ROLE_ACCEPTOR };
	SSL_CTX *ctx = new_client(NULL);
	struct test *t;
	SSL *client;

	(void)state;
	begin(&t, INITIATOR, ACCEPTOR);
	stolen = request_with(AP_OPTS_USE_SUBKEY);
	SSL_CTX_set_psk_use_session_callback(ctx, offer_stolen);
	client = new_peer(ctx, false);
	assert_int_equal(authenticate(t->server, t->sleg, 1, &request, client),
			 SOCKAUTH_STEP_FAIL);
	assert_string_equal(text_of(t->sleg, SOCKAUTH_A_TEXT),
			    "the peer's proof of the pre-shared key is wrong");
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_ERROR), EKEYREJECTED);
	SSL_free(client);
	SSL_CTX_free(ctx);
	krb5_free_data_contents(krb, &stolen);
	end(t);
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
		cmocka_unit_test(test_no_credentials),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_replayed_hello),
		cmocka_unit_test(test_stolen_request),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_keytab),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests_name("krb5", tests, setup, teardown);
}
