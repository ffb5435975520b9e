// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "identity": what a stranger, or somebody with a ticket, may send as
 * the identities of pre-shared keys: the callback of psk.c, and libkrb5 behind
 * it.  Most of a KRB_AP_REQ is encrypted, so that bytes that were changed on
 * the outside come to nothing soon; here they are changed below that too.
 *
 * Input: up to four identities, each a byte of flags, a length in two bytes,
 * and as many bytes, which are what the flags say.  The clock stands still.
 *
 * libkrb5 is Debian's: AddressSanitizer sees what it allocates, frees and copies,
 * but its own code is not instrumented, and does not guide the fuzzer.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "fixture.h"
#include "fuzz.h"
#include "krb.h"
#include "psk.h"

/* What the bytes are: the rest of the identity is good. */
enum part {
	PART_ALL,
	PART_TICKET,		/* DER of Ticket */
	PART_TICKET_PLAIN,	/* what is encrypted in it */
	PART_AUTHENTICATOR,	/* what is encrypted with the session key */
	PARTS,
};

#define FLAG_PART	0x03
#define FLAG_SHA384	0x04	/* of the suite */
#define FLAG_KEEP	0x08	/* the application wants authorization data */
#define FLAG_LIST	0x10	/* a profile with a list of clients */

#define PRESENT		1700000000
#define SERVICE		"demo/host.test@REALM.TEST"
#define CLIENT		"user@REALM.TEST"
#define KEY_LEN		32
#define USAGE_TICKET	2
#define USAGE_AUTH	11

#define IDENTITIES	4	/* of an input */
#define PART_MAX	2048

#define CONFIG	"[profile default]\nmechanisms = krb5, psk\nkeytab = %1$s\n" \
		"psk = nobody:00112233445566778899aabbccddeeff\n" \
		"[profile list]\nmechanisms = krb5\nkeytab = %1$s\n" \
		"service-principal = " SERVICE "\n" \
		"principals = *@REALM.TEST, host/*.a\\\\@b@*\n"

/* Of libkrb5, which has them for KDCs and tests, and not in its header. */
krb5_error_code encode_krb5_authenticator(const krb5_authenticator *rep,
					  krb5_data **der);
krb5_error_code encode_krb5_enc_tkt_part(const krb5_enc_tkt_part *rep,
					 krb5_data **der);

krb5_error_code krb5_set_debugging_time(krb5_context krb, krb5_timestamp now,
					krb5_int32 usec);

typedef int (*find_fn)(SSL *ssl, const unsigned char *identity, size_t len,
		       SSL_SESSION **session);

static uint8_t service_bytes[KEY_LEN] = { 1 };
static uint8_t agreed_bytes[KEY_LEN] = { 2 };
static uint8_t subkey_bytes[KEY_LEN] = { 3 };
static const krb5_keyblock service_key = {
	.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = KEY_LEN,
	.contents = service_bytes,
};
static krb5_keyblock agreed_key = {
	.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = KEY_LEN,
	.contents = agreed_bytes,
};
static krb5_keyblock subkey = {
	.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = KEY_LEN,
	.contents = subkey_bytes,
};

static find_fn find;
static struct contexts *table;
static struct context *ctx;
static bool sha384;

/* What is encrypted in the good parts. */
static krb5_data *ticket_plain, *authenticator;

/* Keys that remember what libkrb5 derives from them. */
static krb5_key ticket_key, auth_key;

/* What OpenSSL was told to call. */
void __wrap_SSL_CTX_set_psk_find_session_callback(SSL_CTX *ssl_ctx,
						  find_fn fn);
void __wrap_SSL_CTX_set_psk_find_session_callback(SSL_CTX *ssl_ctx,
						  find_fn fn)
{
	(void)ssl_ctx;
	find = fn;
}

/* There is no handshake that could have chosen one. */
const SSL_CIPHER *__wrap_SSL_get_pending_cipher(const SSL *ssl);
const SSL_CIPHER *__wrap_SSL_get_pending_cipher(const SSL *ssl)
{
	return SSL_CIPHER_find((SSL *)ssl, (void *)(sha384 ? "\x13\x02" :
							     "\x13\x01"));
}

time_t __wrap_time(time_t *t);
time_t __wrap_time(time_t *t)
{
	if (t)
		*t = PRESENT;
	return PRESENT;
}

/* A growing piece of DER. */
struct der {
	uint8_t data[4 * PART_MAX];
	size_t len;
};

static void append(struct der *der, const void *data, size_t len)
{
	fuzz_check(len <= sizeof(der->data) - der->len, "DER is short");
	if (len)
		memcpy(der->data + der->len, data, len);
	der->len += len;
}

/* Put what was appended since @start into an element. */
static void wrap(struct der *der, size_t start, uint8_t tag)
{
	size_t len = der->len - start;
	uint8_t header[] = { tag, 0x83, len >> 16, len >> 8, len };
	size_t header_len = sizeof(header);

	/* The shortest form, as krb_is_request() wants it. */
	if (len < 0x80) {
		header[1] = len;
		header_len = 2;
	} else if (len < 0x100) {
		header[1] = 0x81;
		header[2] = len;
		header_len = 3;
	} else if (len < 0x10000) {
		header[1] = 0x82;
		header[2] = len >> 8;
		header[3] = len;
		header_len = 4;
	}
	append(der, header, header_len);
	memmove(der->data + start + header_len, der->data + start, len);
	memcpy(der->data + start, header, header_len);
}

/* The good parts, encrypted. */
static struct der good_ticket, good_auth;

/* EncryptedData, or nothing that can be decrypted if there is no @key. */
static void append_encrypted(struct der *der, krb5_key key,
			     krb5_keyusage usage, const void *data, size_t len)
{
	static const uint8_t etype[] = { 0xa0, 3, 2, 1,
		ENCTYPE_AES256_CTS_HMAC_SHA1_96 };
	static uint8_t cipher[2 * PART_MAX];
	krb5_data plain = { .length = len, .data = (char *)data };
	krb5_enc_data enc = {
		.ciphertext = { .length = sizeof(cipher),
				.data = (char *)cipher },
	};
	size_t start = der->len, inner;

	memset(cipher, 0, len + 64);
	enc.ciphertext.length = len + 64;
	if (key)
		fuzz_check(!krb5_k_encrypt(table->krb, key, usage, NULL,
					   &plain, &enc), "libkrb5 encrypts");
	append(der, etype, sizeof(etype));
	inner = der->len;
	append(der, cipher, enc.ciphertext.length);
	wrap(der, inner, 0x04);
	wrap(der, inner, 0xa2);
	wrap(der, start, 0x30);
}

static void append_ticket(struct der *der, krb5_key key,
			  const void *plain, size_t len)
{
	static const uint8_t head[] = "\xa0\3\2\1\5\xa1\x0c\x1b\x0aREALM.TEST"
		"\xa2\x1c\x30\x1a\xa0\3\2\1\3\xa1\x13\x30\x11"
		"\x1b\4demo\x1b\x09host.test";
	size_t start = der->len, inner;

	append(der, head, sizeof(head) - 1);
	inner = der->len;
	append_encrypted(der, key, USAGE_TICKET, plain, len);
	wrap(der, inner, 0xa3);
	wrap(der, start, 0x30);
	wrap(der, start, 0x61);
}

/* A KRB_AP_REQ in which @bytes are @part. */
static void make_request(struct der *der, enum part part,
			 const struct input *bytes)
{
	static const uint8_t head[] = "\xa0\3\2\1\5\xa1\3\2\1\x0e"
		"\xa2\7\3\5\0\x20\0\0\0";
	size_t inner;

	der->len = 0;
	append(der, head, sizeof(head) - 1);
	inner = der->len;
	if (part == PART_TICKET)
		append(der, bytes->data, bytes->len);
	else if (part == PART_TICKET_PLAIN)
		append_ticket(der, ticket_key, bytes->data, bytes->len);
	else
		append(der, good_ticket.data, good_ticket.len);
	wrap(der, inner, 0xa3);
	inner = der->len;
	if (part == PART_AUTHENTICATOR)
		append_encrypted(der, auth_key, USAGE_AUTH, bytes->data,
				 bytes->len);
	else
		append(der, good_auth.data, good_auth.len);
	wrap(der, inner, 0xa4);
	wrap(der, 0, 0x30);
	wrap(der, 0, 0x6e);
}

static void check_session(const SSL_SESSION *session, enum part part)
{
	uint8_t key[64];
	size_t len = SSL_SESSION_get_master_key(session, key, sizeof(key));

	if (ctx->psk.mech == SOCKAUTH_MECH_PSK) {
		fuzz_check(ctx->psk.plain && len == 16, "the key is ours");
		return;
	}
	fuzz_check(ctx->psk.mech == SOCKAUTH_MECH_KRB5 && !ctx->psk.plain,
		   "the mechanism is what the key came from");
	/* Nobody can make a ticket, or an authenticator to somebody else's. */
	fuzz_check(part == PART_TICKET_PLAIN || part == PART_AUTHENTICATOR,
		   "who has no key is nobody");
	fuzz_check(len == (sha384 ? 48 : 32), "the key is as long as its hash");
	fuzz_check(*ctx->psk.krb.name && ctx->psk.krb.subkey &&
		   ctx->psk.krb.end > PRESENT, "a peer has name and time");
	fuzz_check(!!memchr(ctx->psk.krb.name, 0, sizeof(ctx->psk.krb.name)),
		   "a name ends");
	fuzz_check(ctx->req_flags & SOCKAUTH_REQ_KEEP_CRED ||
		   !ctx->psk.krb.authdata, "nothing is kept unasked");
}

static void check_result(int result, const SSL_SESSION *session,
			 enum part part)
{
	fuzz_check(result == 1, "the callback has memory");
	if (session)
		check_session(session, part);
	if (ctx->psk.alert)
		fuzz_check(!session && *ctx->verdict.text &&
			   ctx->verdict.reason != SOCKAUTH_REASON_NONE,
			   "a refusal says why");
}

/* Return: whether OpenSSL would ask for the next identity. */
static bool run_identity(struct input *in)
{
	static struct der der;
	uint8_t flags = input_number(in, 1);
	struct input bytes = input_take(in, input_number(in, 2) % PART_MAX);
	enum part part = flags & FLAG_PART;
	SSL_SESSION *session = NULL;
	int result;

	sha384 = flags & FLAG_SHA384;
	ctx->req_flags = flags & FLAG_KEEP ? SOCKAUTH_REQ_KEEP_CRED : 0;
	if (flags & FLAG_LIST)
		ctx->profile = snapshot_profile(table->snapshot, "list");
	if (part != PART_ALL) {
		make_request(&der, part, &bytes);
		bytes = (struct input) { der.data, der.len };
	}
	result = find(ctx->tls.ssl, bytes.data, bytes.len, &session);
	check_result(result, session, part);
	SSL_SESSION_free(session);
	return !session;
}

static void forget(void)
{
	psk_state_clear(ctx);
	memset(&ctx->psk, 0, sizeof(ctx->psk));
	memset(&ctx->verdict, 0, sizeof(ctx->verdict));
}

void fuzz_one(struct input *in)
{
	int count = 0;

	ctx->profile = snapshot_profile(table->snapshot, "default");
	while (in->len && count++ < IDENTITIES && run_identity(in))
		;
	forget();
}

static void write_keytab(const char *path)
{
	krb5_keytab_entry entry = { .vno = 1, .key = service_key };
	char name[300];
	krb5_keytab keytab = NULL;
	krb5_context krb = NULL;

	snprintf(name, sizeof(name), "WRFILE:%s", path);
	fuzz_check(!krb_context_new(&krb) &&
		   !krb5_kt_resolve(krb, name, &keytab) &&
		   !krb5_parse_name(krb, SERVICE, &entry.principal) &&
		   !krb5_kt_add_entry(krb, keytab, &entry),
		   "a keytab can be written");
	krb5_free_principal(krb, entry.principal);
	krb5_kt_close(krb, keytab);
	krb5_free_context(krb);
}

static void make_parts(void)
{
	/* AD-IF-RELEVANT with an element of type -1. */
	krb5_authdata nested = {
		.ad_type = KRB5_AUTHDATA_IF_RELEVANT, .length = 15,
		.contents = (krb5_octet *)"0\r0\x0b\xa0\3\2\1\xff\xa1\4\4\2\0",
	};
	krb5_authdata other = { .ad_type = -1, .length = 4,
				.contents = (krb5_octet *)"0000" };
	krb5_authdata *list[] = { &nested, &other, NULL };
	krb5_enc_tkt_part ticket = {
		.session = &agreed_key,
		.times = { .authtime = PRESENT - 60, .starttime = PRESENT - 60,
			   .endtime = PRESENT + 3600,
			   .renew_till = PRESENT + 3600 },
		.transited = { .tr_type = KRB5_DOMAIN_X500_COMPRESS },
		.authorization_data = list,
	};
	krb5_authenticator auth = {
		.subkey = &subkey, .ctime = PRESENT, .cusec = 1,
		.seq_number = 1, .authorization_data = list,
	};

	fuzz_check(!krb5_parse_name(table->krb, CLIENT, &ticket.client),
		   "the client has a name");
	auth.client = ticket.client;
	fuzz_check(!encode_krb5_enc_tkt_part(&ticket, &ticket_plain) &&
		   !encode_krb5_authenticator(&auth, &authenticator),
		   "libkrb5 encodes");
	krb5_free_principal(table->krb, ticket.client);
}

static struct seed seed_of(uint8_t flags, const void *data, size_t len)
{
	struct seed seed = { .len = 0 };

	seed_number(&seed, flags, 1);
	seed_number(&seed, len, 2);
	seed_bytes(&seed, data, len);
	return seed;
}

/* Unless what is good is accepted, nothing behind that is looked at. */
static void check_good(enum part part, const krb5_data *data)
{
	struct seed seed = seed_of(FLAG_LIST | part, data->data, data->length);
	struct input in = { seed.data, seed.len };

	ctx->profile = snapshot_profile(table->snapshot, "default");
	fuzz_check(!run_identity(&in) && ctx->psk.mech == SOCKAUTH_MECH_KRB5 &&
		   !strcmp(ctx->psk.krb.name, CLIENT),
		   "the good request is accepted");
	forget();
}

void fuzz_setup(void)
{
	char keytab[200], config[2000], *dir = realpath(PKI, NULL);

	fuzz_check(!setup_openssl(NULL), "OpenSSL begins");
	random_init();
	snprintf(keytab, sizeof(keytab), "%s/identity.%d.keytab", dir,
		 getpid());
	free(dir);
	write_keytab(keytab);
	snprintf(config, sizeof(config), CONFIG, keytab);
	table = new_table(config, 8);
	unlink(keytab);
	fuzz_check(!krb5_set_debugging_time(table->krb, PRESENT, 0),
		   "libkrb5's clock stands still");
	fuzz_check(!context_new(table, 1, 0, &ctx), "there is a context");
	ctx->profile = snapshot_profile(table->snapshot, "default");
	ctx->role = SOCKAUTH_ROLE_ACCEPTOR;
	ctx->mech = ctx->profile->mech;
	fuzz_check(!ctx->mech->begin(ctx) && find, "there is a callback");
	make_parts();
	fuzz_check(!krb5_k_create_key(table->krb, &service_key, &ticket_key) &&
		   !krb5_k_create_key(table->krb, &agreed_key, &auth_key),
		   "there are keys");
	append_ticket(&good_ticket, ticket_key, ticket_plain->data,
		      ticket_plain->length);
	append_encrypted(&good_auth, auth_key, USAGE_AUTH,
			 authenticator->data, authenticator->length);
	check_good(PART_TICKET_PLAIN, ticket_plain);
	check_good(PART_AUTHENTICATOR, authenticator);
}

static void add_seed(uint8_t flags, const void *data, size_t len)
{
	struct seed seed = seed_of(flags, data, len);

	fuzz_seed(seed.data, seed.len);
}

void fuzz_seeds(void)
{
	static struct der der;
	const struct input none = { NULL, 0 };
	uint8_t flags;

	/* With nothing that decrypts, so that it is always the same. */
	good_ticket.len = 0;
	append_ticket(&good_ticket, NULL, ticket_plain->data,
		      ticket_plain->length);
	good_auth.len = 0;
	append_encrypted(&good_auth, NULL, USAGE_AUTH, authenticator->data,
			 authenticator->length);
	make_request(&der, PART_ALL, &none);
	for (flags = 0; flags < 2 * FLAG_LIST; flags += PARTS) {
		add_seed(flags | PART_ALL, der.data, der.len);
		add_seed(flags | PART_TICKET, good_ticket.data,
			 good_ticket.len);
		add_seed(flags | PART_TICKET_PLAIN, ticket_plain->data,
			 ticket_plain->length);
		add_seed(flags | PART_AUTHENTICATOR, authenticator->data,
			 authenticator->length);
	}
	add_seed(PART_ALL, "nobody", 6);
}
