// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "ticket": what a server may send to an initiator after the handshake,
 * and what the module kept for us: NewSessionTicket messages, the cache of
 * sessions, and OpenSSL's use of what comes out of it.
 *
 * Input: a byte of flags, then the messages or the blob.
 */
#include <string.h>

#include "fixture.h"
#include "fuzz.h"
#include "newticket.h"

#define FLAG_BLOB	0x80	/* the rest is a blob */
#define FLAG_SHA384	0x01

/* Any moment. */
#define NOW		1000000000

static SSL_CTX *initiator;

static void read_blob(struct input *in)
{
	struct tls_blob blob;

	if (tls_blob_read(in->data, in->len, &blob))
		return;
	fuzz_check(blob.version == TLS_BLOB_VERSION &&
		   blob.origin.secret_len <= sizeof(blob.origin.secret),
		   "a blob that is taken is ours");
}

/* An initiator makes a ClientHello of it, if it can. */
static void offer(SSL_SESSION *session)
{
	static struct output out;
	struct tls_session s = { 0 };
	size_t consumed;

	out.len = 0;
	fuzz_check(!tls_begin(&s, initiator, NULL), "there is memory");
	if (SSL_set_session(s.ssl, session))
		fuzz_check(tls_step(&s, NULL, 0, &out, &consumed) !=
			   TLS_DONE, "a ClientHello is not the end");
	tls_end(&s);
}

static void use(struct sessions *sessions, const struct session_origin *origin)
{
	struct session_proof proof;
	SSL_SESSION *session;
	size_t count = sessions_count(sessions);

	fuzz_check(count <= SESSION_TICKETS_MAX, "a peer has its limit");
	session = sessions_take(sessions, origin->key, NOW + 1, &proof);
	if (!session)
		return;
	fuzz_check(sessions_count(sessions) < count, "a ticket is used once");
	fuzz_check(proof.since == origin->proof.since, "a proof stays");
	random_reset();
	offer(session);
	SSL_SESSION_free(session);
}

void fuzz_one(struct input *in)
{
	uint8_t how = input_number(in, 1);
	struct session_origin origin = {
		.key = "whom it is good for", .proof.since = NOW,
		.cipher = how & FLAG_SHA384 ? 0x1302 : 0x1301,
		.secret_len = how & FLAG_SHA384 ? 48 : 32,
	};
	struct sessions *sessions;

	if (how & FLAG_BLOB) {
		read_blob(in);
		return;
	}
	fuzz_check(!sessions_new(8, &sessions), "there is memory");
	sessions_learn(sessions, &origin, in->data, in->len, NOW);
	use(sessions, &origin);
	sessions_free(sessions);
}

void fuzz_setup(void)
{
	fuzz_check(!setup_openssl(NULL), "OpenSSL begins");
	random_init();
	initiator = tls_ctx_new(SOCKAUTH_ROLE_INITIATOR);
	fuzz_check(initiator != NULL, "there is memory");
}

void fuzz_seeds(void)
{
	/* Lifetime 2 h, nonce 00 01, ticket "abc", early_data 255. */
	static const uint8_t ticket[] = {
		4, 0, 0, 0x1a, 0, 0, 0x1c, 0x20, 1, 2, 3, 4, 2, 0, 1,
		0, 3, 'a', 'b', 'c', 0, 8, 0, 42, 0, 4, 0, 0, 0, 0xff,
	};
	struct tls_blob blob = {
		.version = TLS_BLOB_VERSION, .origin.secret_len = 32,
	};
	struct seed seed = { .len = 0 };
	int i;

	seed_number(&seed, 0, 1);
	for (i = 0; i < 6; i++) {
		seed_bytes(&seed, ticket, sizeof(ticket));
		fuzz_seed(seed.data, seed.len);
	}
	seed.data[0] = FLAG_SHA384;
	fuzz_seed(seed.data, seed.len);
	seed.data[0] = FLAG_BLOB;
	seed.len = 1;
	seed_bytes(&seed, &blob, sizeof(blob));
	fuzz_seed(seed.data, seed.len);
}
