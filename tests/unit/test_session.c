// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions that initiators resume: who may use one, how often and how long.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "session.h"

#define TRUST	"[profile default]\ntrust = @/ca.pem\nexpiry = report\n"
#define OURSELF	TRUST "certificate = @/good.pem\nkey = @/good.key\n"

#define DAY	86400
#define WEEK	(7 * DAY)

/* A NewSessionTicket without its ticket: no nonce, no extensions. */
#define EMPTY_LEN	(4 + 13)

/* One that lives so long, with a ticket of zeros; returns its length. */
static size_t make_record(uint8_t *record, uint32_t lifetime, size_t ticket_len)
{
	size_t len = EMPTY_LEN + ticket_len;
	int i;

	memset(record, 0, len);
	record[0] = 4;
	record[2] = (len - 4) >> 8;
	record[3] = len - 4;
	for (i = 0; i < 4; i++)
		record[4 + i] = lifetime >> 8 * (3 - i);
	record[13] = ticket_len >> 8;
	record[14] = ticket_len;
	return len;
}

static struct session_origin origin(uint8_t key, int64_t since)
{
	struct session_origin o = {
		.proof = { .since = since, .mutual = 1 },
		.cipher = 0x1301,
		.secret_len = 32,
	};

	memset(o.key, key, sizeof(o.key));
	return o;
}

static void learn(struct sessions *sessions, const struct session_origin *o,
		  uint32_t lifetime, int64_t now)
{
	uint8_t record[EMPTY_LEN + 3];
	size_t len = make_record(record, lifetime, 3);

	assert_int_equal(sessions_learn(sessions, o, record, len, now), 0);
}

/* Is there one?  It is used up, then. */
static bool take(struct sessions *sessions, const struct session_origin *o,
		 int64_t now)
{
	struct session_proof proof = { 0 };
	SSL_SESSION *session;

	session = sessions_take(sessions, o->key, now, &proof);
	if (!session)
		return false;
	assert_int_equal(proof.since, o->proof.since);
	assert_int_equal(proof.until, o->proof.until);
	assert_int_equal(proof.mutual, 1);
	SSL_SESSION_free(session);
	return true;
}

static void test_bounds(void **state)
{
	struct session_origin o[20];
	struct sessions *sessions;
	size_t i;

	(void)state;
	assert_int_equal(sessions_new(16, &sessions), 0);
	for (i = 0; i < 20; i++) {
		o[i] = origin(i, 1000);
		learn(sessions, &o[i], 7200, 1000);
	}
	assert_int_equal(sessions_count(sessions), 16);
	/* The first four had to go. */
	for (i = 0; i < 20; i++)
		assert_int_equal(take(sessions, &o[i], 1000), i >= 4);
	assert_int_equal(sessions_count(sessions), 0);
	/* One key does not push all others out. */
	learn(sessions, &o[0], 7200, 1000);
	for (i = 0; i < 100; i++)
		learn(sessions, &o[1], 7200, 1000);
	assert_int_equal(sessions_count(sessions), 1 + SESSION_TICKETS_MAX);
	sessions_free(sessions);

	assert_int_equal(sessions_new(0, &sessions), 0);
	learn(sessions, &o[0], 7200, 1000);
	assert_int_equal(sessions_count(sessions), 0);
	sessions_free(sessions);
}

static void test_single_use(void **state)
{
	const struct session_origin o = origin(1, 1000);
	struct sessions *sessions;

	(void)state;
	assert_int_equal(sessions_new(16, &sessions), 0);
	learn(sessions, &o, 7200, 1000);
	learn(sessions, &o, 7200, 1000);
	assert_true(take(sessions, &o, 1000));
	assert_true(take(sessions, &o, 1000));
	assert_false(take(sessions, &o, 1000));
	sessions_free(sessions);
}

static void test_times(void **state)
{
	struct session_origin o = origin(1, 1000), other = origin(2, 1000);
	struct sessions *sessions;

	(void)state;
	assert_int_equal(sessions_new(16, &sessions), 0);
	/* The lifetime of the ticket. */
	learn(sessions, &o, 7200, 1000);
	assert_false(take(sessions, &o, 8200));
	assert_int_equal(sessions_count(sessions), 0);
	learn(sessions, &o, 7200, 1000);
	assert_true(take(sessions, &o, 8199));
	/* None at all. */
	learn(sessions, &o, 0, 1000);
	assert_int_equal(sessions_count(sessions), 0);
	/* At most a week, also of the proof. */
	learn(sessions, &o, UINT32_MAX, 1000);
	assert_false(take(sessions, &o, 1000 + WEEK));
	learn(sessions, &o, WEEK, 1000 + 6 * DAY);
	assert_false(take(sessions, &o, 1000 + WEEK));
	learn(sessions, &o, WEEK, 1000 + WEEK);
	assert_int_equal(sessions_count(sessions), 0);
	/* The certificate. */
	o.proof.until = 2000;
	learn(sessions, &o, 7200, 1000);
	assert_true(take(sessions, &o, 1999));
	learn(sessions, &o, 7200, 1000);
	assert_false(take(sessions, &o, 2000));
	learn(sessions, &o, 7200, 2000);
	assert_int_equal(sessions_count(sessions), 0);
	/* What is of no use goes when something new comes. */
	learn(sessions, &o, 7200, 1000);
	learn(sessions, &other, 7200, 3000);
	assert_int_equal(sessions_count(sessions), 1);
	sessions_free(sessions);
}

static void test_long_ticket(void **state)
{
	const struct session_origin o = origin(1, 1000);
	size_t len, i;
	struct sessions *sessions;
	uint8_t record[16384];

	(void)state;
	assert_int_equal(sessions_new(16, &sessions), 0);
	for (i = 0; i < 2; i++) {
		len = make_record(record, 256, SESSION_TICKET_LEN_MAX + i);
		assert_int_equal(sessions_learn(sessions, &o, record, len,
						1000), 0);
	}
	assert_int_equal(sessions_count(sessions), 1);
	assert_true(take(sessions, &o, 1000));
	sessions_free(sessions);
}

/* What stands before the rubbish is good. */
static void test_half_a_record(void **state)
{
	const struct session_origin o = origin(1, 1000);
	uint8_t record[2 * (EMPTY_LEN + 3)];
	struct sessions *sessions;
	size_t len;

	(void)state;
	assert_int_equal(sessions_new(16, &sessions), 0);
	len = make_record(record, 7200, 3);
	len += make_record(record + len, 7200, 3);
	assert_int_equal(sessions_learn(sessions, &o, record, len - 1, 1000),
			 -EPROTO);
	assert_int_equal(sessions_count(sessions), 1);
	sessions_free(sessions);
}

/* An initiator, a server, and a kernel that hands the tickets on. */
struct test {
	struct contexts *table;
	struct leg *leg;
	SSL_CTX *ctx;
	struct request request;
};

static void begin(struct test *t, const char *config)
{
	t->table = new_table(config, 8);
	t->leg = calloc(1, sizeof(*t->leg));
	t->ctx = new_server("server");
	SSL_CTX_set_session_id_context(t->ctx, (const uint8_t *)"s", 1);
	t->request = (struct request) {
		.role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		.uid = 1000, .port = 443,
	};
}

static void end(struct test *t)
{
	SSL_CTX_free(t->ctx);
	free(t->leg);
	free_table(t->table);
}

static void reload(struct test *t, const char *config)
{
	snapshot_put(t->table->snapshot);
	t->table->snapshot = load_config(config);
}

/* All that the server has said after the handshake, as RECORD has it. */
static void read_tickets(struct test *t, SSL *server, int64_t now)
{
	uint32_t cipher = number_of(t->leg, SOCKAUTH_A_CIPHER);
	const struct nlattr *attr = t->leg->tb[SOCKAUTH_A_BLOB];
	uint8_t buf[16384], plain[16384], type;
	struct tls_blob blob;
	struct keys rx;
	size_t pos, n;
	int len;

	assert_non_null(attr);
	assert_int_equal(tls_blob_read(mnl_attr_get_payload(attr),
				       mnl_attr_get_payload_len(attr), &blob),
			 0);
	keys_of(t->leg, SOCKAUTH_A_RX, &rx);
	len = BIO_read(SSL_get_wbio(server), buf, sizeof(buf));
	for (pos = 0; (int)pos < len; pos += n, rx.seq++) {
		n = first_record(buf + pos, len - pos);
		n = open_any_record(&rx, cipher, buf + pos, n, plain, &type);
		assert_int_equal(type, 22);
		assert_int_equal(sessions_learn(t->table->sessions,
						&blob.origin, plain, n, now),
				 0);
		n = first_record(buf + pos, len - pos);
	}
}

/* Connect, and keep the tickets as if they came then. */
static uint32_t connect_at(struct test *t, int64_t now)
{
	SSL *server = new_peer(t->ctx, true);
	uint32_t flags;

	assert_int_equal(authenticate(t->table, t->leg, 1, &t->request,
				      server), SOCKAUTH_STEP_DONE);
	flags = number_of(t->leg, SOCKAUTH_A_SEC_FLAGS);
	assert_int_equal(!!(flags & SOCKAUTH_SEC_RESUMED),
			 SSL_session_reused(server));
	read_tickets(t, server, now);
	SSL_free(server);
	return flags;
}

static uint32_t connect_now(struct test *t)
{
	return connect_at(t, time(NULL));
}

static uint64_t expiry_of(const struct test *t)
{
	return mnl_attr_get_u64(t->leg->tb[SOCKAUTH_A_EXPIRY]);
}

static void resume_with(const char *suite)
{
	uint64_t expiry;
	struct test t;
	int i;

	begin(&t, TRUST);
	SSL_CTX_set_ciphersuites(t.ctx, suite);
	assert_int_equal(connect_now(&t), 0);
	assert_int_equal(sessions_count(t.table->sessions), 2);
	expiry = expiry_of(&t);
	/* Each time the server gives a new ticket for the old one. */
	for (i = 0; i < 6; i++) {
		assert_int_equal(connect_now(&t), SOCKAUTH_SEC_RESUMED);
		assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME),
				    "localhost");
		assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
				 SOCKAUTH_NAME_DNS);
		assert_int_equal(expiry_of(&t), expiry);
	}
	end(&t);
}

static void test_resumption(void **state)
{
	(void)state;
	resume_with("TLS_AES_128_GCM_SHA256");
	resume_with("TLS_AES_256_GCM_SHA384");
	resume_with("TLS_CHACHA20_POLY1305_SHA256");
}

/* The keys of a resumed connection work. */
static void test_data(void **state)
{
	uint8_t buf[256], plain[16];
	SSL *server;
	struct keys tx;
	struct test t;
	size_t len;

	(void)state;
	begin(&t, TRUST);
	connect_now(&t);
	server = new_peer(t.ctx, true);
	assert_int_equal(authenticate(t.table, t.leg, 1, &t.request, server),
			 SOCKAUTH_STEP_DONE);
	assert_true(SSL_session_reused(server));
	keys_of(t.leg, SOCKAUTH_A_TX, &tx);
	len = seal_record(&tx, number_of(t.leg, SOCKAUTH_A_CIPHER), "ping", 4,
			  buf);
	peer_input(server, buf, len);
	assert_int_equal(SSL_read(server, plain, sizeof(plain)), 4);
	assert_memory_equal(plain, "ping", 4);
	SSL_free(server);
	end(&t);
}

/* The server does not know the ticket. */
static void test_declined(void **state)
{
	SSL *server;
	struct test t;

	(void)state;
	begin(&t, TRUST);
	connect_now(&t);
	SSL_CTX_free(t.ctx);
	t.ctx = new_server("server");
	assert_int_equal(connect_now(&t), 0);
	assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME), "localhost");
	assert_int_equal(connect_now(&t), SOCKAUTH_SEC_RESUMED);
	end(&t);

	/* And it is somebody else. */
	begin(&t, TRUST);
	connect_now(&t);
	SSL_CTX_free(t.ctx);
	t.ctx = new_server("a");
	server = new_peer(t.ctx, true);
	assert_int_equal(authenticate(t.table, t.leg, 1, &t.request, server),
			 SOCKAUTH_STEP_FAIL);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_REASON),
			 SOCKAUTH_REASON_NAME);
	SSL_free(server);
	end(&t);
}

static void test_mutual(void **state)
{
	struct test t;

	(void)state;
	begin(&t, OURSELF);
	SSL_CTX_set_verify(t.ctx, SSL_VERIFY_PEER |
			   SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	assert_int_equal(connect_now(&t), SOCKAUTH_SEC_MUTUAL);
	assert_int_equal(connect_now(&t),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	assert_int_equal(connect_now(&t),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	end(&t);
}

/* Whoever is not the same in all of this proves everything himself. */
static void test_scope(void **state)
{
	static const struct request others[] = {
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1001, .port = 443 },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "127.0.0.1",
		  .uid = 1000, .port = 443 },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1000, .port = 444 },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1000, .port = 443, .alpn = "\x02h2" },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1000, .port = 443, .profile = "other" },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1000, .port = 443, .netns = 5 },
		{ .role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
		  .uid = 1000, .port = 443, .flags = SOCKAUTH_REQ_KEEP_CRED },
	};
	struct request same;
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin(&t, TRUST "guests = yes\n"
		      "[profile other]\ntrust = @/ca.pem\n"
		      "expiry = report\n");
		same = t.request;
		assert_int_equal(connect_now(&t), 0);
		t.request = others[i];
		assert_int_equal(connect_now(&t), 0);
		t.request = same;
		assert_int_equal(connect_now(&t), SOCKAUTH_SEC_RESUMED);
		end(&t);
	}
}

/* A reload keeps what was proved under the same rules. */
static void test_reload(void **state)
{
	static const char *const others[] = {
		"[profile default]\ntrust = @/ca.pem\ntrust = @/other-ca.pem\n"
		"expiry = report\n",
		TRUST "verify-depth = 3\n",
		TRUST "min-security = 1\n",
		OURSELF,
	};
	struct test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		begin(&t, TRUST);
		assert_int_equal(connect_now(&t), 0);
		reload(&t, TRUST "tickets = 1\n");
		assert_int_equal(connect_now(&t), SOCKAUTH_SEC_RESUMED);
		reload(&t, others[i]);
		assert_int_equal(connect_now(&t), 0);
		end(&t);
	}
}

/* The time of a proof is over, for the administrator or for everybody. */
static void test_old_proof(void **state)
{
	uint64_t expiry;
	struct test t;
	time_t begun;

	(void)state;
	begin(&t, TRUST "lifetime = 1h\n");
	begun = time(NULL);
	assert_int_equal(connect_now(&t), 0);
	expiry = expiry_of(&t);
	assert_in_range(expiry, begun + 3600, time(NULL) + 3600);
	while (time(NULL) <= (time_t)expiry - 3600)
		;
	assert_int_equal(connect_now(&t), SOCKAUTH_SEC_RESUMED);
	assert_int_equal(expiry_of(&t), expiry);
	reload(&t, TRUST "lifetime = 1s\n");
	assert_int_equal(connect_now(&t), 0);
	end(&t);

	begin(&t, TRUST);
	assert_int_equal(connect_at(&t, time(NULL) - WEEK), 0);
	assert_int_equal(connect_now(&t), 0);
	end(&t);
}

/* Of an acceptor, or of a daemon of another version. */
static void test_blob(void **state)
{
	struct tls_blob blob = { .version = TLS_BLOB_VERSION }, read;

	(void)state;
	assert_int_equal(tls_blob_read(&blob, sizeof(blob), &read), 0);
	assert_int_equal(tls_blob_read(&blob, sizeof(blob) - 1, &read),
			 -EPROTO);
	blob.version--;
	assert_int_equal(tls_blob_read(&blob, sizeof(blob), &read), -EPROTO);
	blob.version++;
	blob.origin.secret_len = sizeof(blob.origin.secret) + 1;
	assert_int_equal(tls_blob_read(&blob, sizeof(blob), &read), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_single_use),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_long_ticket),
		cmocka_unit_test(test_half_a_record),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_declined),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_old_proof),
		cmocka_unit_test(test_blob),
	};

	return cmocka_run_group_tests_name("session", tests, setup_openssl,
					   teardown_openssl);
}
