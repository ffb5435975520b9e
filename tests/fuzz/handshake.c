// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See handshake.h.  Both sides take their randomness from random.c, so that
 * ours answers a recording as it answered the peer: what is not changed is
 * valid, up to the end.
 *
 * Input: a byte with the number of the scenario, then any number of changes,
 * each a byte of enum change, one with the record, two with an offset, one with
 * a value, and for some of them as many bytes as the value says.
 *
 * What must hold: whoever gets DONE has sent the recorded handshake messages,
 * byte for byte; a leg consumes no more than there is; a refusal says why.
 */
#include <stdlib.h>
#include <string.h>

#include "handshake.h"
#include "piece.h"

#define RECORDINGS_MAX	8
/* Of a recording; the changes make more. */
#define RECORDED_MAX	(PIECES_MAX / 2)
#define TOKEN_MAX	(40 * 1024)

#define TYPE_HANDSHAKE	22
#define TYPE_DATA	23

struct recording {
	const struct scenario *scenario;
	struct contexts *table;
	struct piece *pieces;
	size_t count;
	struct keys keys;
	uint32_t cipher;
	uint8_t *messages;	/* all of the peer's handshake messages */
	size_t messages_len;
};

static struct recording recordings[RECORDINGS_MAX];
static size_t recording_count;

/* The peer's handshake secret, as its key log has it. */
static uint8_t secret[64];
static size_t secret_len;

static struct leg leg;

/* A recording's, while they are changed. */
static struct pieces now;

static void note_secret(const SSL *ssl, const char *line)
{
	const char *label = SSL_is_server(ssl) ? "SERVER_HANDSHAKE" :
						 "CLIENT_HANDSHAKE";
	const char *hex = strrchr(line, ' ') + 1;
	unsigned int byte;

	if (strncmp(line, label, strlen(label)))
		return;
	for (secret_len = 0; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		secret[secret_len++] = byte;
}

static SSL_CTX *make_peer(const struct scenario *scenario)
{
	bool server = scenario->request.role == SOCKAUTH_ROLE_INITIATOR;
	SSL_CTX *ctx = server ? new_server(scenario->cert) :
				new_client(scenario->cert);

	SSL_CTX_set_keylog_callback(ctx, note_secret);
	if (scenario->groups)
		fuzz_check(SSL_CTX_set1_groups_list(ctx, scenario->groups),
			   "groups are known");
	if (scenario->ask)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

/* One record of the peer, as it is on the wire. */
static void keep(struct recording *r, const uint8_t *record, size_t len)
{
	struct piece *piece = &r->pieces[r->count++];

	fuzz_check(r->count <= RECORDED_MAX && len <= sizeof(piece->data),
		   "a recording is short");
	piece->len = len;
	memcpy(piece->data, record, len);
}

static void run(struct recording *r, uint32_t number, const void *token,
		size_t len, bool malformed)
{
	random_switch(RANDOM_OURS);
	run_leg(r->table, &leg, 1, number, &r->scenario->request, token, len,
		malformed);
	random_switch(RANDOM_PEER);
}

static void answer(SSL *peer)
{
	const struct nlattr *token = leg.tb[SOCKAUTH_A_TOKEN];

	if (token)
		peer_input(peer, mnl_attr_get_payload(token),
			   mnl_attr_get_payload_len(token));
}

/* All legs, one record each, up to DONE. */
static void converse(struct recording *r, SSL *peer)
{
	static uint8_t buf[64 * 1024];
	size_t len = 0, pos = 0, n;
	uint32_t number = 1;

	r->count = 0;
	random_reset();
	random_switch(RANDOM_PEER);
	if (r->scenario->request.role == SOCKAUTH_ROLE_ACCEPTOR)
		len = peer_output(peer, buf, sizeof(buf));
	do {
		n = first_record(buf + pos, len - pos);
		if (n)
			keep(r, buf + pos, n);
		run(r, number++, buf + pos, n, false);
		pos += n;
		answer(peer);
		if (pos == len) {
			len = peer_output(peer, buf, sizeof(buf));
			pos = 0;
		}
	} while (status_of(&leg) == SOCKAUTH_STEP_CONTINUE && len);
	if (status_of(&leg) != SOCKAUTH_STEP_DONE)
		fail_msg("recording: %s", text_of(&leg, SOCKAUTH_A_TEXT));
}

static void derive_keys(struct recording *r, const SSL *peer)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(peer);
	const EVP_MD *md = SSL_CIPHER_get_handshake_digest(cipher);
	const char *digest = EVP_MD_get0_name(md);

	r->cipher = SSL_CIPHER_get_protocol_id(cipher);
	r->keys.key_len = r->cipher == 0x1301 ? 16 : 32;
	fuzz_check(!tlskdf_expand(digest, secret, secret_len, "key",
				  r->keys.key, r->keys.key_len) &&
		   !tlskdf_expand(digest, secret, secret_len, "iv",
				  r->keys.iv, sizeof(r->keys.iv)),
		   "keys can be derived");
}

/* From the wire to the content. */
static void open_piece(struct recording *r, struct piece *piece)
{
	static uint8_t plain[PIECE_MAX];

	piece->version = piece->data[1] << 8 | piece->data[2];
	piece->sealed = piece->data[0] == TYPE_DATA;
	if (piece->sealed) {
		piece->len = open_any_record(&r->keys, r->cipher, piece->data,
					     piece->len, plain, &piece->type);
		fuzz_check(piece->len > 0, "a record can be opened");
		memcpy(piece->data, plain, piece->len);
		r->keys.seq++;
	} else {
		piece->type = piece->data[0];
		piece->len -= SOCKAUTH_RECORD_HDR;
		memmove(piece->data, piece->data + SOCKAUTH_RECORD_HDR,
			piece->len);
	}
	if (piece->type != TYPE_HANDSHAKE)
		return;
	memcpy(r->messages + r->messages_len, piece->data, piece->len);
	r->messages_len += piece->len;
}

/* The tickets that we gave, and the connection that comes of them. */
static void come_again(struct recording *r, SSL_CTX *ctx, SSL **peer)
{
	SSL_SESSION *session;
	char byte;

	SSL_read(*peer, &byte, 1);
	session = SSL_get1_session(*peer);
	fuzz_check(SSL_SESSION_is_resumable(session), "there is a ticket");
	/* Else OpenSSL takes the session for one that was torn off. */
	SSL_set_shutdown(*peer, SSL_SENT_SHUTDOWN);
	SSL_free(*peer);
	*peer = new_peer(ctx, false);
	fuzz_check(SSL_set_session(*peer, session), "OpenSSL takes it");
	SSL_SESSION_free(session);
	converse(r, *peer);
	fuzz_check(SSL_session_reused(*peer), "it is resumed");
}

static void record(struct recording *r, const struct scenario *scenario)
{
	SSL_CTX *ctx = make_peer(scenario);
	SSL *peer;
	size_t i;

	r->scenario = scenario;
	r->table = new_table(scenario->config, 4);
	r->pieces = calloc(RECORDED_MAX, sizeof(*r->pieces));
	r->messages = malloc(PIECES_MAX * PIECE_MAX);
	fuzz_check(r->pieces && r->messages, "there is memory");
	peer = new_peer(ctx, scenario->request.role ==
			     SOCKAUTH_ROLE_INITIATOR);
	converse(r, peer);
	if (scenario->resume)
		come_again(r, ctx, &peer);
	derive_keys(r, peer);
	for (i = 0; i < r->count; i++)
		open_piece(r, &r->pieces[i]);
	SSL_free(peer);
	SSL_CTX_free(ctx);
}

static void put_header(uint8_t *wire, uint8_t type, uint16_t version,
		       size_t len)
{
	wire[0] = type;
	wire[1] = version >> 8;
	wire[2] = version;
	wire[3] = len >> 8;
	wire[4] = len;
}

/* From the content to the wire; what is sealed cannot be changed unnoticed. */
static size_t close_piece(struct recording *r, const struct piece *piece,
			  uint8_t *wire)
{
	size_t len;

	if (piece->sealed) {
		len = seal_any_record(&r->keys, r->cipher, piece->type,
				      piece->data, piece->len, wire);
		r->keys.seq++;
		wire[piece->wire_offset % len] ^= piece->wire;
	} else {
		put_header(wire, piece->type, piece->version, piece->len);
		wire[1 + piece->wire_offset % 2] ^= piece->wire;
		memcpy(wire + SOCKAUTH_RECORD_HDR, piece->data, piece->len);
		len = SOCKAUTH_RECORD_HDR + piece->len;
	}
	if (piece->extra) {
		size_t field = (wire[3] << 8 | wire[4]) + piece->extra;

		wire[3] = field >> 8;
		wire[4] = field;
	}
	return len;
}

/* OpenSSL's client ignores it, in TLS 1.3 too; it is in no hash. */
static bool is_hello_request(const struct recording *r, const uint8_t *message)
{
	return r->scenario->request.role == SOCKAUTH_ROLE_INITIATOR &&
	       !memcmp(message, "\0\0\0\0", 4);
}

/* What the peer has said so far begins with what was recorded. */
static bool is_recorded(const struct recording *r, size_t count)
{
	static uint8_t said[PIECES_MAX * PIECE_MAX];
	size_t len = 0, pos = 0, i, n;

	for (i = 0; i < count; i++) {
		if (now.at[i]->type != TYPE_HANDSHAKE)
			continue;
		if (now.at[i]->sealed && now.at[i]->wire)
			break;
		memcpy(said + len, now.at[i]->data, now.at[i]->len);
		len += now.at[i]->len;
	}
	for (i = 0; i + 4 <= len && pos < r->messages_len; i += n) {
		n = 4 + (said[i + 1] << 16 | said[i + 2] << 8 | said[i + 3]);
		if (is_hello_request(r, said + i))
			continue;
		if (n > len - i || n > r->messages_len - pos ||
		    memcmp(said + i, r->messages + pos, n))
			return false;
		pos += n;
	}
	return pos == r->messages_len;
}

/* Return: whether the handshake goes on. */
static bool check_leg(const struct recording *r, size_t token_len,
		      size_t count)
{
	fuzz_check(number_of(&leg, SOCKAUTH_A_CONSUMED) <= token_len,
		   "a leg consumes no more than there is");
	switch (status_of(&leg)) {
	case SOCKAUTH_STEP_CONTINUE:
		return true;
	case SOCKAUTH_STEP_DONE:
		fuzz_check(is_recorded(r, count),
			   "who is done has said what was recorded");
		return false;
	default:
		fuzz_check(number_of(&leg, SOCKAUTH_A_REASON) !=
			   SOCKAUTH_REASON_NONE &&
			   number_of(&leg, SOCKAUTH_A_ERROR) &&
			   *text_of(&leg, SOCKAUTH_A_TEXT),
			   "a refusal says why");
		return false;
	}
}

static void replay(struct recording *r)
{
	static uint8_t token[TOKEN_MAX];
	size_t len = 0, i;
	uint32_t number = 1;
	bool more = true;

	random_reset();
	r->keys.seq = 0;
	if (r->scenario->request.role == SOCKAUTH_ROLE_INITIATOR) {
		run(r, number++, NULL, 0, false);
		more = check_leg(r, 0, 0);
	}
	for (i = 0; more && i < now.count; i++) {
		len += close_piece(r, now.at[i], token + len);
		if (now.at[i]->glued && i + 1 < now.count &&
		    len + PIECE_MAX + 64 < sizeof(token))
			continue;
		run(r, number++, token, len, now.at[i]->malformed);
		more = check_leg(r, len, i + 1);
		len = 0;
	}
	context_forget(r->table, 1);
	fuzz_check(!r->table->count, "a context that is over is gone");
}

/**
 * handshake_run - give a recording again, with changes
 * @in: which one, and the changes
 */
void handshake_run(struct input *in)
{
	struct recording *r;
	int limit = 32;

	r = &recordings[input_number(in, 1) % recording_count];
	pieces_take(&now, r->pieces, r->count);
	while (in->len && limit--)
		pieces_change(&now, in);
	replay(r);
}

/**
 * handshake_setup - record
 * @list: scenarios
 * @count: how many
 */
void handshake_setup(const struct scenario *list, size_t count)
{
	fuzz_check(!setup_openssl(NULL), "OpenSSL begins");
	random_init();
	pieces_init(&now);
	for (; recording_count < count; recording_count++) {
		struct recording *r = &recordings[recording_count];

		record(r, &list[recording_count]);
		pieces_take(&now, r->pieces, r->count);
		replay(r);
		fuzz_check(status_of(&leg) == SOCKAUTH_STEP_DONE,
			   "what is not changed is valid");
	}
}

/**
 * handshake_seeds - each recording as it is, and with each change
 */
void handshake_seeds(void)
{
	struct seed seed;
	size_t i, j, k;

	for (i = 0; i < recording_count; i++) {
		seed.len = 0;
		seed_number(&seed, i, 1);
		fuzz_seed(seed.data, seed.len);
		for (j = 0; j < CHANGES; j++)
			for (k = 0; k < recordings[i].count; k++) {
				seed.len = 1;
				seed_number(&seed, j, 1);
				seed_number(&seed, k, 1);
				seed_number(&seed, 9, 2);
				seed_number(&seed, 1, 1);
				fuzz_seed(seed.data, seed.len);
			}
	}
}
