// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Session tickets: who may come again without proving everything again.
 */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SERVER	"certificate = @/server.pem\nkey = @/server.key\n"
#define PLAIN	"[profile default]\n" SERVER
#define TRUST	"trust = @/ca.pem\n"
#define REQUEST	PLAIN TRUST "client-certificate = request\nexpiry = report\n"

static const struct request acceptor = { .role = SOCKAUTH_ROLE_ACCEPTOR };

/* The newest ticket that the client was given. */
static SSL_SESSION *ticket;

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1;
}

struct test {
	struct contexts *table;
	struct leg *leg;
	SSL_CTX *ctx;
};

static void begin(struct test *t, const char *config, const char *cert)
{
	ticket = NULL;
	t->table = new_table(config, 8);
	t->leg = calloc(1, sizeof(*t->leg));
	t->ctx = new_client(cert);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(t->ctx, keep_ticket);
}

static void end(struct test *t)
{
	SSL_SESSION_free(ticket);
	SSL_CTX_free(t->ctx);
	free(t->leg);
	free_table(t->table);
}

/* Another configuration for the same worker, as a reload brings it. */
static void reload(struct test *t, const char *config)
{
	snapshot_put(t->table->snapshot);
	t->table->snapshot = load_config(config);
}

/* Come, with the ticket if there is one, and read what tickets come back. */
static uint32_t come(struct test *t, const struct request *request)
{
	SSL *client = new_peer(t->ctx, false);
	uint32_t flags;
	char byte;

	if (ticket)
		SSL_set_session(client, ticket);
	assert_int_equal(authenticate(t->table, t->leg, 1, request, client),
			 SOCKAUTH_STEP_DONE);
	SSL_read(client, &byte, 1);
	flags = number_of(t->leg, SOCKAUTH_A_SEC_FLAGS);
	assert_int_equal(!!(flags & SOCKAUTH_SEC_RESUMED),
			 SSL_session_reused(client));
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN);
	SSL_free(client);
	return flags;
}

static void test_anonymous(void **state)
{
	struct keys tx;
	struct test t;

	(void)state;
	begin(&t, PLAIN, NULL);
	assert_int_equal(come(&t, &acceptor), 0);
	assert_non_null(ticket);
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_RESUMED);
	/* The ticket was used, so there is a new one: one record. */
	keys_of(t.leg, SOCKAUTH_A_TX, &tx);
	assert_int_equal(tx.seq, 1);
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_RESUMED);
	end(&t);
}

static void test_none(void **state)
{
	struct test t;

	(void)state;
	begin(&t, PLAIN "tickets = 0\n", NULL);
	assert_int_equal(come(&t, &acceptor), 0);
	assert_null(ticket);
	end(&t);
}

static void test_authenticated(void **state)
{
	uint64_t expiry;
	struct test t;

	(void)state;
	begin(&t, REQUEST, "good");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	expiry = mnl_attr_get_u64(t.leg->tb[SOCKAUTH_A_EXPIRY]);
	assert_int_equal(come(&t, &acceptor),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	assert_string_equal(text_of(t.leg, SOCKAUTH_A_PEER_NAME),
			    "good@example.test");
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_EMAIL);
	assert_int_equal(mnl_attr_get_u64(t.leg->tb[SOCKAUTH_A_EXPIRY]),
			 expiry);
	end(&t);
}

/* Another worker made the ticket: the seed is the same. */
static void test_other_worker(void **state)
{
	struct contexts *other = new_table(REQUEST, 8);
	struct test t;

	(void)state;
	begin(&t, REQUEST, "good");
	other->tickets = t.table->tickets;
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	sessions_free(t.table->sessions);
	contexts_clear(t.table);
	*t.table = *other;
	assert_int_equal(come(&t, &acceptor),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	/* One with another seed cannot open it. */
	assert_int_equal(ticket_keys_init(&t.table->tickets,
					  &(struct ticket_seed){ 0 }), 0);
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	free(other);
	end(&t);
}

/* Nobody becomes somebody by coming again. */
static void test_anonymous_ticket_is_no_proof(void **state)
{
	struct request request = acceptor;
	SSL *client;
	struct test t;

	(void)state;
	begin(&t, REQUEST, NULL);
	assert_int_equal(come(&t, &acceptor), 0);
	request.flags = SOCKAUTH_REQ_MUTUAL;
	client = new_peer(t.ctx, false);
	SSL_set_session(client, ticket);
	assert_int_equal(authenticate(t.table, t.leg, 1, &request, client),
			 SOCKAUTH_STEP_FAIL);
	assert_int_equal(number_of(t.leg, SOCKAUTH_A_REASON),
			 SOCKAUTH_REASON_NO_CRED);
	SSL_free(client);
	end(&t);
}

static void test_kept_credentials_want_the_chain(void **state)
{
	struct request request = acceptor;
	struct test t;

	(void)state;
	request.flags = SOCKAUTH_REQ_KEEP_CRED;
	begin(&t, REQUEST, "good");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	assert_int_equal(come(&t, &request), SOCKAUTH_SEC_MUTUAL);
	assert_non_null(t.leg->tb[SOCKAUTH_A_PEER_CRED]);
	end(&t);
}

static void test_other_profile(void **state)
{
	struct request request = acceptor;
	struct test t;

	(void)state;
	request.profile = "other";
	begin(&t, PLAIN "[profile other]\n" SERVER, NULL);
	assert_int_equal(come(&t, &acceptor), 0);
	assert_int_equal(come(&t, &request), 0);
	assert_int_equal(come(&t, &request), SOCKAUTH_SEC_RESUMED);
	end(&t);
}

/* A reload keeps tickets; but what they were made under must be the same. */
static void test_reload(void **state)
{
	struct test t;

	(void)state;
	begin(&t, REQUEST, "good");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	reload(&t, REQUEST "alpn = h2\n");
	assert_int_equal(come(&t, &acceptor),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	reload(&t, REQUEST "crl = @/banned-crl.pem\n");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	reload(&t, REQUEST "trust = @/other-ca.pem\n");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	reload(&t, PLAIN TRUST "client-certificate = require\nexpiry = report\n");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	end(&t);
}

static uint64_t expiry_of(const struct test *t)
{
	return mnl_attr_get_u64(t->leg->tb[SOCKAUTH_A_EXPIRY]);
}

/* A lifetime counts from the proof, and resumption is none. */
static void test_lifetime(void **state)
{
	uint64_t expiry;
	time_t begun;
	struct test t;

	(void)state;
	begin(&t, REQUEST "lifetime = 1h\n", "good");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	expiry = expiry_of(&t);
	begun = time(NULL);
	while (time(NULL) == begun)
		;
	assert_int_equal(come(&t, &acceptor),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	assert_int_equal(expiry_of(&t), expiry);
	assert_int_equal(come(&t, &acceptor),
			 SOCKAUTH_SEC_MUTUAL | SOCKAUTH_SEC_RESUMED);
	assert_int_equal(expiry_of(&t), expiry);
	/* It is over: now the client must prove itself. */
	reload(&t, REQUEST "lifetime = 1s\n");
	assert_int_equal(come(&t, &acceptor), SOCKAUTH_SEC_MUTUAL);
	assert_in_range(expiry_of(&t), begun + 2, time(NULL) + 1);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_authenticated),
		cmocka_unit_test(test_other_worker),
		cmocka_unit_test(test_anonymous_ticket_is_no_proof),
		cmocka_unit_test(test_kept_credentials_want_the_chain),
		cmocka_unit_test(test_other_profile),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_lifetime),
	};

	return cmocka_run_group_tests_name("resumption", tests, setup_openssl,
					   teardown_openssl);
}
