// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kerberos and pre-shared keys against somebody on the wire: who has seen
 * everything, who knows the service's key later, who mixes identities.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "psk.h"
#include "realm.h"

/*
 * Who sends a ClientHello again gets an answer that he cannot use, and nobody
 * is asked who he is.
 */
static void test_replayed_hello(void **state)
{
	static uint8_t one[70000], two[70000];
	size_t one_len, two_len;
	uint32_t sleg = 1, cleg = 2;
	struct contexts *again;
	int broker[2];
	struct test *t;
	char byte;

	(void)state;
	test_begin(&t, INITIATOR, ACCEPTOR);
	issue(&good, t->answer);
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_CONTINUE);
	serve(t, t->hello, t->hello_len, &sleg, one, &one_len);
	feed(t->client, t->cleg, &cleg, NULL, one, one_len, two, &two_len);
	assert_int_equal(status_of(t->cleg), SOCKAUTH_STEP_DONE);
	again = new_table(ACCEPTOR "map-users = yes\n", 8);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, broker), 0);
	again->broker = broker[0];
	free_table(t->server);
	t->server = again;
	sleg = 1;
	assert_int_equal(serve(t, t->hello, t->hello_len, &sleg, one,
			       &one_len), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(serve(t, two, two_len, &sleg, one, &one_len),
			 SOCKAUTH_STEP_FAIL);
	assert_int_equal(recv(broker[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(t->server->asking, 0);
	close(broker[1]);
	test_end(t);
}

/* What a client of the test offers. */
static krb5_data offered;
static uint8_t offered_key[32];

static int offer(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		 size_t *len, SSL_SESSION **session)
{
	(void)md;
	*session = SSL_SESSION_new();
	SSL_SESSION_set1_master_key(*session, offered_key,
				    sizeof(offered_key));
	SSL_SESSION_set_cipher(*session,
			       SSL_CIPHER_find(ssl, (void *)"\x13\x01"));
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	*id = (unsigned char *)offered.data;
	*len = offered.length;
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
	test_begin(&t, INITIATOR, ACCEPTOR);
	offered = request_with(AP_OPTS_USE_SUBKEY, NULL);
	memset(offered_key, 1, sizeof(offered_key));
	SSL_CTX_set_psk_use_session_callback(ctx, offer);
	client = new_peer(ctx, false);
	assert_int_equal(authenticate(t->server, t->sleg, 1, &request, client),
			 SOCKAUTH_STEP_FAIL);
	assert_string_equal(text_of(t->sleg, SOCKAUTH_A_TEXT),
			    "the peer's proof of the pre-shared key is wrong");
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_ERROR), EKEYREJECTED);
	SSL_free(client);
	SSL_CTX_free(ctx);
	krb5_free_data_contents(krb, &offered);
	test_end(t);
}

/* As long as a session id, which OpenSSL makes a stateful ticket of. */
#define ADMIN	"an-administrator-with-much-power"

static SSL_SESSION *kept;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = session;
	return 1;
}

static void turn(SSL *from, SSL *to)
{
	static uint8_t data[70000];
	size_t len = peer_output(from, data, sizeof(data));

	if (len)
		peer_input(to, data, len);
}

/* A session for SHA-384 whose ticket has the bytes of ADMIN. */
static SSL_SESSION *forged_session(SSL_CTX *ctx)
{
	SSL_CTX *server_ctx = new_server("server");
	SSL *server, *client;
	uint8_t *der = NULL, *found;
	const unsigned char *ticket, *pos;
	SSL_SESSION *forged;
	size_t len;
	char byte;
	int n;

	SSL_CTX_set_ciphersuites(server_ctx, "TLS_AES_256_GCM_SHA384");
	SSL_CTX_set_options(server_ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	server = new_peer(server_ctx, true);
	client = new_peer(ctx, false);
	turn(client, server);
	turn(server, client);
	turn(client, server);
	turn(server, client);
	SSL_read(client, &byte, 1);
	assert_non_null(kept);
	SSL_SESSION_get0_ticket(kept, &ticket, &len);
	assert_int_equal(len, strlen(ADMIN));
	n = i2d_SSL_SESSION(kept, &der);
	found = memmem(der, n, ticket, len);
	assert_non_null(found);
	memcpy(found, ADMIN, len);
	pos = der;
	forged = d2i_SSL_SESSION(NULL, &pos, n);
	assert_non_null(forged);
	OPENSSL_free(der);
	SSL_SESSION_free(kept);
	kept = NULL;
	SSL_free(server);
	SSL_free(client);
	SSL_CTX_free(server_ctx);
	SSL_CTX_sess_set_new_cb(ctx, NULL);
	return forged;
}

/*
 * Who has a ticket names the identity of a key first that he does not have,
 * whose hash is not that of the suite: he is who the ticket says.
 */
static void test_two_identities(void **state)
{
	const struct request request = { .role = SOCKAUTH_ROLE_ACCEPTOR };
	SSL_CTX *ctx = new_client(NULL);
	struct krb_exchange x = { 0 };
	struct verdict v = { 0 };
	SSL_SESSION *session;
	struct test *t;
	SSL *client;

	(void)state;
	test_begin(&t, INITIATOR,
		   "[profile default]\nmechanisms = krb5, psk\n"
		   "keytab = @/test.keytab\n"
		   "psk = " ADMIN ":00112233445566778899aabbccddeeff:sha384\n");
	issue(&good, t->answer);
	assert_int_equal(krb_initiate(krb, t->answer, false, &x, &v), 0);
	assert_int_equal(krb_psk(krb, &x, false, offered_key,
				 sizeof(offered_key)), 0);
	offered = x.request;
	session = forged_session(ctx);
	SSL_CTX_set_psk_use_session_callback(ctx, offer);
	client = new_peer(ctx, false);
	assert_int_equal(SSL_set_session(client, session), 1);
	if (authenticate(t->server, t->sleg, 1, &request, client) !=
	    SOCKAUTH_STEP_DONE)
		fail_msg("%s", text_of(t->sleg, SOCKAUTH_A_TEXT));
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_MECH),
			 SOCKAUTH_MECH_KRB5);
	assert_int_equal(number_of(t->sleg, SOCKAUTH_A_NAME_TYPE),
			 SOCKAUTH_NAME_PRINCIPAL);
	assert_string_equal(text_of(t->sleg, SOCKAUTH_A_PEER_NAME), USER);
	SSL_free(client);
	SSL_SESSION_free(session);
	SSL_CTX_free(ctx);
	krb_exchange_clear(krb, &x);
	test_end(t);
}

/* The key schedule of RFC 8446 7.1, of whoever tries to read a recording. */
#define HASH_LEN	32

static void extract(const uint8_t salt[HASH_LEN], const uint8_t *secret,
		    size_t len, uint8_t out[HASH_LEN])
{
	unsigned int n;

	assert_non_null(HMAC(EVP_sha256(), salt, HASH_LEN, secret, len, out,
			     &n));
}

static void expand(const uint8_t secret[HASH_LEN], const char *label,
		   const uint8_t *context, size_t context_len, uint8_t *out,
		   size_t len)
{
	uint8_t info[128];
	OSSL_PARAM params[5];
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	size_t n = 3, label_len = strlen(label) + 6;

	info[0] = len >> 8;
	info[1] = len;
	info[2] = label_len;
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len - 6);
	n += label_len;
	info[n++] = context_len;
	if (context_len)
		memcpy(info + n, context, context_len);
	n += context_len;
	params[0] = OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, "SHA256", 0);
	params[1] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	params[2] = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)secret, HASH_LEN);
	params[3] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
						      info, n);
	params[4] = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_KDF_derive(ctx, out, len, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* Derive-Secret with the hash of @messages. */
static void derive(const uint8_t secret[HASH_LEN], const char *label,
		   const void *messages, size_t len, uint8_t out[HASH_LEN])
{
	uint8_t hash[HASH_LEN];

	EVP_Digest(messages, len, hash, NULL, EVP_sha256(), NULL);
	expand(secret, label, hash, sizeof(hash), out, HASH_LEN);
}

/* What a recording and the service's key say: the PSK's early secret. */
static void early_secret(const struct test *t, const uint8_t *identity,
			 size_t len, uint8_t early[HASH_LEN])
{
	static const uint8_t zero[HASH_LEN];
	const struct krb_cred *cred;
	struct krb_exchange x = { 0 };
	struct verdict v = { 0 };
	uint8_t psk[32];

	cred = snapshot_profile(t->server->snapshot, "default")->psk->krb;
	assert_int_equal(krb_accept(krb, cred, identity, len, false, &x, &v),
			 0);
	assert_int_equal(krb_psk(krb, &x, false, psk, sizeof(psk)), 0);
	extract(zero, psk, sizeof(psk), early);
	krb_exchange_clear(krb, &x);
}

/* The binder, at the end of a ClientHello, is right for the early secret. */
static void expect_binder(const uint8_t early[HASH_LEN], const uint8_t *hello,
			  size_t len)
{
	uint8_t key[HASH_LEN], finished[HASH_LEN], hash[HASH_LEN];
	uint8_t binder[HASH_LEN];
	unsigned int n;

	derive(early, "ext binder", "", 0, key);
	expand(key, "finished", NULL, 0, finished, sizeof(finished));
	/* Without the list of binders: two lengths, and the only one. */
	EVP_Digest(hello, len - HASH_LEN - 3, hash, NULL, EVP_sha256(), NULL);
	HMAC(EVP_sha256(), finished, HASH_LEN, hash, sizeof(hash), binder, &n);
	assert_memory_equal(binder, hello + len - HASH_LEN, HASH_LEN);
}

/* Content of @record under the server's handshake keys that @dhe leads to. */
static size_t try_to_read(const uint8_t early[HASH_LEN], const uint8_t *dhe,
			  size_t dhe_len, const uint8_t *hellos,
			  size_t hellos_len, const uint8_t *record, size_t len)
{
	static uint8_t plain[70000];
	uint8_t salt[HASH_LEN], secret[HASH_LEN], traffic[HASH_LEN], type;
	struct keys keys = { .key_len = 16 };

	derive(early, "derived", "", 0, salt);
	extract(salt, dhe, dhe_len, secret);
	derive(secret, "s hs traffic", hellos, hellos_len, traffic);
	expand(traffic, "key", NULL, 0, keys.key, keys.key_len);
	expand(traffic, "iv", NULL, 0, keys.iv, sizeof(keys.iv));
	return open_any_record(&keys, 0x1301, record, len, plain, &type);
}

/* The X25519 key in the extension key_share of a hello. */
static const uint8_t *share_of(const uint8_t *hello, size_t len)
{
	const uint8_t *share = memmem(hello, len, "\0\x1d\0\x20", 4);

	assert_non_null(share);
	assert_in_range(share + 4 + 32 - hello, 0, len);
	return share + 4;
}

static void agree(EVP_PKEY *key, const uint8_t *peer, uint8_t dhe[32])
{
	EVP_PKEY *other = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL,
						      peer, 32);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = 32;

	EVP_PKEY_derive_init(ctx);
	EVP_PKEY_derive_set_peer(ctx, other);
	assert_int_equal(EVP_PKEY_derive(ctx, dhe, &len), 1);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
}

/*
 * Who has recorded everything and gets the keytab later knows the PSK, which
 * the binder shows, and reads nothing; with the ephemeral key of one side,
 * which nobody has any more, he would.
 */
static void test_forward_secrecy(void **state)
{
	static uint8_t answer[70000], hellos[140000];
	static const uint8_t zero[32];
	const uint8_t *identity, *hello, *record;
	size_t answer_len, hello_len, len, server_len;
	uint8_t early[HASH_LEN], dhe[32];
	uint32_t sleg = 1;
	EVP_PKEY *ephemeral;
	struct test *t;

	(void)state;
	test_begin(&t, INITIATOR "groups = X25519\n", ACCEPTOR);
	issue(&good, t->answer);
	assert_int_equal(client_hello(t), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(serve(t, t->hello, t->hello_len, &sleg, answer,
			       &answer_len), SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(SSL_get_tmp_key(context_find(t->client, 1)->tls.ssl,
					 &ephemeral), 1);

	/* One record each; then change_cipher_spec, if any; then ours. */
	hello = t->hello + 5;
	hello_len = t->hello_len - 5;
	server_len = first_record(answer, answer_len) - 5;
	memcpy(hellos, hello, hello_len);
	memcpy(hellos + hello_len, answer + 5, server_len);
	record = answer + 5 + server_len;
	if (*record == 20)
		record += first_record(record, answer + answer_len - record);
	len = first_record(record, answer + answer_len - record);

	identity = memmem(hello, hello_len, "\x6e\x82", 2);
	assert_non_null(identity);
	early_secret(t, identity, 4 + (identity[2] << 8 | identity[3]), early);
	expect_binder(early, hello, hello_len);
	hello_len += server_len;
	assert_int_equal(try_to_read(early, zero, sizeof(zero), hellos,
				     hello_len, record, len), 0);
	assert_int_equal(try_to_read(early, NULL, 0, hellos, hello_len,
				     record, len), 0);
	assert_int_equal(try_to_read(early, share_of(hello, hello_len), 32,
				     hellos, hello_len, record, len), 0);
	assert_int_equal(try_to_read(early, share_of(answer, answer_len), 32,
				     hellos, hello_len, record, len), 0);
	agree(ephemeral, share_of(answer, answer_len), dhe);
	assert_int_not_equal(try_to_read(early, dhe, sizeof(dhe), hellos,
					 hello_len, record, len), 0);
	EVP_PKEY_free(ephemeral);
	test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replayed_hello),
		cmocka_unit_test(test_stolen_request),
		cmocka_unit_test(test_two_identities),
		cmocka_unit_test(test_forward_secrecy),
	};

	return cmocka_run_group_tests_name("krbwire", tests, setup_realm,
					   teardown_realm);
}
