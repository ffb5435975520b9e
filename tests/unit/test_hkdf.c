// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key derivation of TLS 1.3 against the trace of RFC 8448, and against
 * OpenSSL's own.
 */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "fixture.h"
#include "hkdf.h"
#include "tlskdf.h"
#include "tlsprov.h"

static const struct bytes nothing;

static struct bytes word(const char *label)
{
	return (struct bytes){ label, strlen(label) };
}

static struct bytes hex(const char *text)
{
	static uint8_t buf[4][48];
	static int next;
	struct bytes bytes = { buf[next], 0 };

	assert_int_equal(OPENSSL_hexstr2buf_ex(buf[next], sizeof(buf[0]),
					       &bytes.len, text, '\0'), 1);
	next = (next + 1) % 4;
	return bytes;
}

static void expect(const uint8_t *got, struct bytes wanted)
{
	assert_memory_equal(got, wanted.data, wanted.len);
}

/* The next secret is what the trace says it is. */
static void expect_next(struct hkdf *hkdf, struct bytes secret,
			struct bytes key, uint8_t *out, const char *wanted)
{
	assert_int_equal(hkdf_next(hkdf, secret, word("derived"), key, out), 0);
	expect(out, hex(wanted));
}

/* Likewise what is derived from a secret. */
static void expect_label(struct hkdf *hkdf, const uint8_t *secret,
			 const char *label, struct bytes context, uint8_t *out,
			 const char *text)
{
	struct bytes wanted = hex(text);

	assert_int_equal(hkdf_expand_label(hkdf, (struct bytes){ secret, 32 },
					   word(label), context, out,
					   wanted.len), 0);
	expect(out, wanted);
}

/* RFC 8448 3: from the early secret to the server's key. */
static void test_trace(void **state)
{
	struct hkdf *hkdf = hkdf_get("SHA256");
	uint8_t early[32], secret[32], traffic[32], key[16], iv[12];

	(void)state;
	assert_non_null(hkdf);
	assert_int_equal(hkdf_len(hkdf), 32);
	expect_next(hkdf, nothing, nothing, early,
		    "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
	expect_next(hkdf, (struct bytes){ early, 32 },
		    hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
		    secret,
		    "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
	expect_label(hkdf, secret, "s hs traffic",
		     hex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"),
		     traffic,
		     "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
	expect_label(hkdf, traffic, "key", nothing, key,
		     "3fce516009c21727d0f2e4e86ee403bc");
	expect_label(hkdf, traffic, "iv", nothing, iv,
		     "5d313eb2671276ee13000b30");
	hkdf_forget();
}

/* A label and a context of zeros that are so long, and what is wanted of them. */
static int expand_long(struct hkdf *hkdf, size_t label, size_t context,
		       size_t len)
{
	static const uint8_t zeros[256];
	uint8_t out[33];

	return hkdf_expand_label(hkdf, word("a secret"),
				 (struct bytes){ zeros, label },
				 (struct bytes){ zeros, context }, out, len);
}

static void test_limits(void **state)
{
	struct hkdf *hkdf = hkdf_get("SHA256");
	uint8_t out[32];

	(void)state;
	assert_int_equal(expand_long(hkdf, 3, 0, 33), -EINVAL);
	assert_int_equal(expand_long(hkdf, 3, 256, 32), -EINVAL);
	assert_int_equal(expand_long(hkdf, 250, 0, 32), -EINVAL);
	assert_int_equal(expand_long(hkdf, 249, 0, 32), 0);
	/* Not with whatever key there was before. */
	assert_int_not_equal(hkdf_expand_label(hkdf, nothing, word("key"),
					       nothing, out, 32), 0);
	hkdf_forget();
	assert_null(hkdf_get("no such hash"));
}

/* What libssl asks a provider for; NULL: without it. */
struct question {
	int mode;
	const char *digest, *label;
	const uint8_t *key, *salt, *data;
	size_t len;
};

static int ask(const struct question *q, const char *properties, uint8_t *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF,
				     properties);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	size_t size = !strcmp(q->digest, "SHA384") ? 48 : 32;
	OSSL_PARAM params[8], *p = params;
	int mode = q->mode, ok;

	assert_string_equal(OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf)),
			    strchr(properties, '=') + 1);
	*p++ = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
	*p++ = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						(char *)q->digest, 0);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX,
						 (char *)"tls13 ", 6);
	*p++ = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL,
						 (char *)q->label,
						 strlen(q->label));
	if (q->key)
		*p++ = OSSL_PARAM_construct_octet_string(
				OSSL_KDF_PARAM_KEY, (void *)q->key, size);
	if (q->salt)
		*p++ = OSSL_PARAM_construct_octet_string(
				OSSL_KDF_PARAM_SALT, (void *)q->salt, size);
	if (q->data)
		*p++ = OSSL_PARAM_construct_octet_string(
				OSSL_KDF_PARAM_DATA, (void *)q->data, size);
	*p = OSSL_PARAM_construct_end();
	memset(out, 0, 128);
	ok = EVP_KDF_derive(ctx, out, q->len, params);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static void same(const struct question *q)
{
	uint8_t theirs[128], ours[128];

	assert_int_equal(ask(q, "provider=default", theirs), 1);
	assert_int_equal(ask(q, "provider=sockauth", ours), 1);
	assert_memory_equal(ours, theirs, sizeof(ours));
}

/* All that libssl asks for, each way twice: a key can be there already. */
static void test_same(void **state)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA2-256" };
	static const char *const labels[] = { "derived", "key", "iv", "" };
	static const size_t sizes[] = { 32, 12, 16, 1, 100 };
	uint8_t random[4][48];
	struct question q;
	int i;

	(void)state;
	for (i = 0; i < 600; i++) {
		if (i % 3 == 0)
			assert_int_equal(RAND_bytes((void *)random,
						    sizeof(random)), 1);
		q = (struct question){
			.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY,
			.digest = digests[i % 3], .label = labels[i % 4],
			.key = random[i % 2], .len = sizes[i % 5],
			.data = i % 7 < 3 ? NULL : random[2],
		};
		same(&q);
		same(&q);
		q = (struct question){
			.mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
			.digest = digests[i % 3], .label = "derived",
			.key = i % 5 ? random[0] : NULL,
			.salt = i % 7 ? random[1] : NULL,
			.len = i % 3 == 1 ? 48 : 32,
		};
		same(&q);
	}
}

/* What our provider derives with SHA-256. */
static void derive(const uint8_t *key, const char *label, size_t len,
		   uint8_t *out)
{
	const struct question q = {
		.mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY, .digest = "SHA256",
		.label = label, .key = key, .len = len,
	};

	assert_int_equal(ask(&q, "provider=sockauth", out), 1);
}

/* Only what is derived from the traffic secrets is the traffic's. */
static void test_capture(void **state)
{
	struct tls_secrets secrets = { .resumption_len = 0 };
	uint8_t key[48] = { 1 }, master[128], out[128];

	(void)state;
	tlskdf_capture(&secrets);
	derive(key, "s ap traffic", 32, master);
	assert_int_equal(secrets.server.secret_len, 32);
	assert_memory_equal(secrets.server.secret, master, 32);
	derive(key, "key", 16, out);
	assert_int_equal(secrets.server.key_len, 0);
	derive(master, "key", 16, out);
	assert_int_equal(secrets.server.key_len, 16);
	assert_memory_equal(secrets.server.key, out, 16);
	derive(master, "iv", 12, out);
	assert_int_equal(secrets.server.iv_len, 12);
	assert_memory_equal(secrets.server.iv, out, 12);
	assert_int_equal(secrets.client.secret_len, 0);
	assert_int_equal(secrets.client.key_len, 0);
	assert_int_equal(secrets.resumption_len, 0);
	tlskdf_capture(NULL);
	memset(&secrets, 0, sizeof(secrets));
	derive(key, "c ap traffic", 32, out);
	assert_int_equal(secrets.client.secret_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trace),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_capture),
	};

	return cmocka_run_group_tests_name("hkdf", tests, setup_openssl,
					   teardown_openssl);
}
