// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See fixture.h.  Events and replies go through the real messages, so that
 * what is tested is what the module sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/stat.h>

#include <linux/genetlink.h>
#include <openssl/evp.h>

#include "fixture.h"
#include "loader.h"
#include "psk.h"
#include "ticket.h"

#define CONFIG_NAME UNIT_DIR "/test.conf"

int setup_openssl(void **state)
{
	(void)state;
	return tls_init() || psk_init() || ticket_init();
}

int teardown_openssl(void **state)
{
	(void)state;
	ticket_exit();
	tls_exit();
	return 0;
}

static int try_config(const char *text, struct snapshot **snapshot,
		      char *error, size_t size)
{
	const struct ciphers any = { .count = 0 };
	struct files files = { 0 };
	char path[256], *absolute, *full;
	FILE *file;
	int err;

	/* "@" at the beginning of a value stands for the directory of the certificates. */
	absolute = realpath(PKI, NULL);
	assert_non_null(absolute);
	full = calloc(1, strlen(text) * 64 + 1);
	for (; *text; text++)
		if (text[0] == '@' && text[-1] == ' ')
			strcat(full, absolute);
		else
			strncat(full, text, 1);
	snprintf(path, sizeof(path), "%s.%d", CONFIG_NAME, getpid());
	file = fopen(path, "w");
	assert_non_null(file);
	/* It may have a psk. */
	fchmod(fileno(file), 0600);
	fputs(full, file);
	fclose(file);
	assert_int_equal(loader_collect(&files, path), 0);
	unlink(path);
	err = snapshot_new(path, &files, &any, true, snapshot, error, size);
	files_clear(&files);
	free(full);
	free(absolute);
	return err;
}

struct snapshot *load_config(const char *text)
{
	struct snapshot *snapshot = NULL;
	char error[CONFIG_TEXT_MAX] = "";

	if (try_config(text, &snapshot, error, sizeof(error)))
		fail_msg("%s", error);
	return snapshot;
}

char *load_error(const char *text)
{
	struct snapshot *snapshot = NULL;
	char error[CONFIG_TEXT_MAX] = "";

	if (!try_config(text, &snapshot, error, sizeof(error)))
		fail_msg("nothing is wrong with %s", text);
	return strdup(error);
}

struct contexts *new_table(const char *config, size_t limit)
{
	struct contexts *table = calloc(1, sizeof(*table));
	struct snapshot *snapshot = load_config(config);
	struct ticket_seed seed;

	assert_int_equal(contexts_init(table, limit, snapshot), 0);
	assert_int_equal(ticket_seed_init(&seed), 0);
	assert_int_equal(ticket_keys_init(&table->tickets, &seed), 0);
	assert_int_equal(sessions_new(8, &table->sessions), 0);
	snapshot_put(snapshot);
	return table;
}

void free_table(struct contexts *table)
{
	struct sessions *sessions = table->sessions;

	contexts_clear(table);
	sessions_free(sessions);
	free(table);
}

static struct nlmsghdr *begin(void *buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *hdr;

	hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));
	hdr->cmd = SOCKAUTH_CMD_STEP;
	return nlh;
}

static void put_request(struct nlmsghdr *nlh, const struct request *r)
{
	const struct sockaddr_in6 remote = {
		.sin6_family = AF_INET6, .sin6_port = htons(r->port),
	};

	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, r->role);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_NETNS, r->netns);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_UID, r->uid);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_REQ_FLAGS, r->flags);
	if (r->profile)
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, r->profile);
	if (r->target)
		mnl_attr_put_strz(nlh, SOCKAUTH_A_TARGET, r->target);
	if (r->alpn)
		mnl_attr_put(nlh, SOCKAUTH_A_ALPN, strlen(r->alpn), r->alpn);
	mnl_attr_put(nlh, SOCKAUTH_A_REMOTE, sizeof(remote), &remote);
}

/* One event, as the module makes it: only the first has the request. */
void run_leg(struct contexts *table, struct leg *leg, uint64_t id,
	     uint32_t number, const struct request *request,
	     const void *token, size_t len, bool malformed)
{
	static struct reply reply;
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct nlmsghdr *nlh = begin(leg->event);
	struct event ev;

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, number);
	if (number == 1)
		put_request(nlh, request);
	if (len)
		mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, len, token);
	if (malformed)
		mnl_attr_put(nlh, SOCKAUTH_A_MALFORMED, 0, NULL);
	assert_int_equal(sockauth_genl_parse(nlh, tb), 0);
	assert_int_equal(step_read(tb, &ev), 0);
	step_run(table, &ev, &reply);
	nlh = begin(leg->reply);
	step_write(&ev, &reply, nlh);
	step_wipe(&reply);
	assert_int_equal(sockauth_genl_parse(nlh, leg->tb), 0);
	assert_int_equal(mnl_attr_get_u64(leg->tb[SOCKAUTH_A_ID]), id);
	assert_int_equal(number_of(leg, SOCKAUTH_A_LEG), number);
}

uint32_t number_of(const struct leg *leg, int attr)
{
	return leg->tb[attr] ? mnl_attr_get_u32(leg->tb[attr]) : UINT32_MAX;
}

uint32_t status_of(const struct leg *leg)
{
	return number_of(leg, SOCKAUTH_A_STATUS);
}

const char *text_of(const struct leg *leg, int attr)
{
	return leg->tb[attr] ? mnl_attr_get_str(leg->tb[attr]) : "";
}

void keys_of(const struct leg *leg, int attr, struct keys *keys)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];

	assert_non_null(leg->tb[attr]);
	assert_int_equal(sockauth_genl_parse_nest(leg->tb[attr], tb), 0);
	keys->key_len = mnl_attr_get_payload_len(tb[SOCKAUTH_A_KEY]);
	assert_in_range(keys->key_len, 16, sizeof(keys->key));
	memcpy(keys->key, mnl_attr_get_payload(tb[SOCKAUTH_A_KEY]),
	       keys->key_len);
	assert_int_equal(mnl_attr_get_payload_len(tb[SOCKAUTH_A_IV]),
			 sizeof(keys->iv));
	memcpy(keys->iv, mnl_attr_get_payload(tb[SOCKAUTH_A_IV]),
	       sizeof(keys->iv));
	keys->seq = mnl_attr_get_u64(tb[SOCKAUTH_A_SEQ]);
}

/* The reply says no, and gives nothing away. */
void expect_fail(const struct leg *leg, enum sockauth_reason reason, int error,
		 const char *text)
{
	assert_int_equal(status_of(leg), SOCKAUTH_STEP_FAIL);
	assert_string_equal(text_of(leg, SOCKAUTH_A_TEXT), text);
	assert_int_equal(number_of(leg, SOCKAUTH_A_REASON), reason);
	assert_int_equal(number_of(leg, SOCKAUTH_A_ERROR), error);
	assert_null(leg->tb[SOCKAUTH_A_TX]);
	assert_null(leg->tb[SOCKAUTH_A_BLOB]);
}

static SSL_CTX *new_ctx(const SSL_METHOD *method, const char *cert)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	char path[256];

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_load_verify_file(ctx, PKI "/ca.pem"), 1);
	if (!cert)
		return ctx;
	snprintf(path, sizeof(path), PKI "/%s.pem", cert);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, path), 1);
	snprintf(path, sizeof(path), PKI "/%s.key", cert);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, path,
						     SSL_FILETYPE_PEM), 1);
	return ctx;
}

SSL_CTX *new_client(const char *cert)
{
	SSL_CTX *ctx = new_ctx(TLS_client_method(), cert);

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

SSL_CTX *new_server(const char *cert)
{
	return new_ctx(TLS_server_method(), cert);
}

SSL *new_peer(SSL_CTX *ctx, bool server)
{
	SSL *ssl = SSL_new(ctx);

	assert_non_null(ssl);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	return ssl;
}

/* What the peer has to say now. */
size_t peer_output(SSL *peer, uint8_t *buf, size_t size)
{
	int n;

	SSL_do_handshake(peer);
	n = BIO_read(SSL_get_wbio(peer), buf, size);
	return n > 0 ? n : 0;
}

void peer_input(SSL *peer, const void *data, size_t len)
{
	assert_int_equal(BIO_write(SSL_get_rbio(peer), data, len), len);
}

/* What the reply has for the peer. */
void peer_token(SSL *peer, const struct leg *leg)
{
	const struct nlattr *token = leg->tb[SOCKAUTH_A_TOKEN];

	assert_non_null(token);
	peer_input(peer, mnl_attr_get_payload(token),
		   mnl_attr_get_payload_len(token));
}

size_t first_record(const uint8_t *data, size_t len)
{
	size_t record;

	if (len < 5)
		return len;
	record = 5 + (data[3] << 8 | data[4]);
	return record < len ? record : len;
}

/* All legs, one record each; returns the last status. */
uint32_t authenticate(struct contexts *table, struct leg *leg, uint64_t id,
		      const struct request *request, SSL *peer)
{
	static uint8_t buf[64 * 1024];
	size_t len = 0, pos = 0, n;
	uint32_t number = 1;

	if (request->role == SOCKAUTH_ROLE_ACCEPTOR)
		len = peer_output(peer, buf, sizeof(buf));
	while (1) {
		n = first_record(buf + pos, len - pos);
		run_leg(table, leg, id, number++, request, buf + pos, n, false);
		pos += n;
		if (leg->tb[SOCKAUTH_A_TOKEN])
			peer_token(peer, leg);
		if (status_of(leg) != SOCKAUTH_STEP_CONTINUE)
			break;
		if (pos == len) {
			len = peer_output(peer, buf, sizeof(buf));
			pos = 0;
		}
		/* Both sides wait for each other. */
		if (!len || number > 64)
			break;
	}
	SSL_do_handshake(peer);
	return status_of(leg);
}

static const EVP_CIPHER *cipher_of(uint32_t cipher)
{
	switch (cipher) {
	case 0x1301:
		return EVP_aes_128_gcm();
	case 0x1302:
		return EVP_aes_256_gcm();
	case 0x1303:
		return EVP_chacha20_poly1305();
	}
	fail_msg("unexpected cipher %x", cipher);
	return NULL;
}

static void nonce_of(const struct keys *keys, uint8_t nonce[12])
{
	int i;

	memcpy(nonce, keys->iv, 12);
	for (i = 0; i < 8; i++)
		nonce[11 - i] ^= keys->seq >> 8 * i;
}

/* RFC 8446 5.2, as kTLS does it; returns the length of the content. */
size_t open_any_record(const struct keys *keys, uint32_t cipher,
		       const uint8_t *record, size_t len, uint8_t *plain,
		       uint8_t *type)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t body = len - 5 - 16;
	uint8_t nonce[12];
	int n;

	nonce_of(keys, nonce);
	EVP_DecryptInit_ex(ctx, cipher_of(cipher), NULL, keys->key, nonce);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16,
			    (void *)(record + 5 + body));
	EVP_DecryptUpdate(ctx, NULL, &n, record, 5);
	EVP_DecryptUpdate(ctx, plain, &n, record + 5, body);
	n = EVP_DecryptFinal_ex(ctx, plain + n, &n);
	EVP_CIPHER_CTX_free(ctx);
	if (n != 1)
		return 0;
	*type = plain[body - 1];
	return body - 1;
}

size_t open_record(const struct keys *keys, uint32_t cipher,
		   const uint8_t *record, size_t len, uint8_t *plain)
{
	uint8_t type;

	len = open_any_record(keys, cipher, record, len, plain, &type);
	/* Application data. */
	if (len)
		assert_int_equal(type, 23);
	return len;
}

void expect_left(const struct leg *leg, const uint8_t *data, size_t len,
		 const char *text)
{
	uint32_t consumed = number_of(leg, SOCKAUTH_A_CONSUMED);
	uint8_t plain[64];
	struct keys rx;

	/* Header, text, type, tag: RFC 8446 5.2. */
	assert_int_equal(len - consumed, 5 + strlen(text) + 1 + 16);
	keys_of(leg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(open_record(&rx, number_of(leg, SOCKAUTH_A_CIPHER),
				     data + consumed, len - consumed, plain),
			 strlen(text));
	assert_memory_equal(plain, text, strlen(text));
}

size_t seal_any_record(const struct keys *keys, uint32_t cipher, uint8_t type,
		       const void *plain, size_t len, uint8_t *record)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t body = len + 1 + 16;
	uint8_t nonce[12];
	int n, m;

	record[0] = 23;
	record[1] = 3;
	record[2] = 3;
	record[3] = body >> 8;
	record[4] = body;
	nonce_of(keys, nonce);
	EVP_EncryptInit_ex(ctx, cipher_of(cipher), NULL, keys->key, nonce);
	EVP_EncryptUpdate(ctx, NULL, &n, record, 5);
	EVP_EncryptUpdate(ctx, record + 5, &n, plain, len);
	EVP_EncryptUpdate(ctx, record + 5 + n, &m, &type, 1);
	EVP_EncryptFinal_ex(ctx, record + 5 + n + m, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16,
			    record + 5 + len + 1);
	EVP_CIPHER_CTX_free(ctx);
	return 5 + body;
}

size_t seal_record(const struct keys *keys, uint32_t cipher,
		   const void *plain, size_t len, uint8_t *record)
{
	/* Application data. */
	return seal_any_record(keys, cipher, 23, plain, len, record);
}
