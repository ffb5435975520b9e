// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a handshake leaves in our memory: no secret of the traffic.  Its peer in
 * this process has them still, in its SSL object, which shows that they can be
 * found.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "fixture.h"
#include "hkdf.h"

#define SECRET_LEN	32
/* No memory of ours: a sanitizer's notes. */
#define MAPPING_MAX	(1ul << 28)

/* Not as they are, else they would be found here. */
#define VEIL		0x55

static struct {
	uint8_t veiled[SECRET_LEN];
	bool traffic;
} secrets[8];
static size_t secret_count;

static void note_secret(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ') + 1;
	unsigned int byte;
	size_t i;

	(void)ssl;
	assert_true(secret_count < 8);
	for (i = 0; i < SECRET_LEN; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		secrets[secret_count].veiled[i] = byte ^ VEIL;
	}
	secrets[secret_count++].traffic = strstr(line, "_TRAFFIC_SECRET_0") ||
					  strstr(line, "EXPORTER_SECRET");
}

static bool is_here(const uint8_t *p, const uint8_t *veiled)
{
	size_t i;

	for (i = 0; i < SECRET_LEN && (p[i] ^ VEIL) == veiled[i]; i++)
		;
	return i == SECRET_LEN;
}

/* How often it is in what we can write to, but for @except. */
static int copies(const uint8_t *veiled, const void *except)
{
	const uint8_t *not_from = except;
	const uint8_t *not_to = not_from + malloc_usable_size((void *)except);
	FILE *maps = fopen("/proc/self/maps", "r");
	const uint8_t *from, *to, *p;
	char line[512], mode[8];
	int count = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%p-%p %7s", (void **)&from, (void **)&to,
			   mode) != 3 || strncmp(mode, "rw", 2) ||
		    (size_t)(to - from) > MAPPING_MAX)
			continue;
		for (p = from; p + SECRET_LEN <= to; p++)
			if (is_here(p, veiled) && (p < not_from || p >= not_to))
				count++;
	}
	fclose(maps);
	return count;
}

static void expect_gone(const SSL *peer)
{
	size_t i, traffic = 0;

	for (i = 0; i < secret_count; i++) {
		assert_int_equal(copies(secrets[i].veiled, peer), 0);
		if (!secrets[i].traffic)
			continue;
		assert_true(copies(secrets[i].veiled, NULL) > 0);
		traffic++;
	}
	assert_int_equal(traffic, 3);
	secret_count = 0;
}

static void expect_wiped(const char *config, const struct request *request,
			 SSL_CTX *ctx)
{
	bool server = request->role == SOCKAUTH_ROLE_INITIATOR;
	struct contexts *table = new_table(config, 8);
	struct leg *leg = calloc(1, sizeof(*leg));
	SSL *peer;

	SSL_CTX_set_keylog_callback(ctx, note_secret);
	/* With tickets, the peer would derive more. */
	SSL_CTX_set_num_tickets(ctx, 0);
	peer = new_peer(ctx, server);
	assert_int_equal(authenticate(table, leg, 1, request, peer),
			 SOCKAUTH_STEP_DONE);
	/* The reply has an initiator's secrets, for the module to keep. */
	OPENSSL_cleanse(leg, sizeof(*leg));
	expect_gone(peer);
	SSL_free(peer);
	SSL_CTX_free(ctx);
	free(leg);
	free_table(table);
}

static void test_acceptor(void **state)
{
	static const struct request request = {
		.role = SOCKAUTH_ROLE_ACCEPTOR,
	};

	(void)state;
	expect_wiped("[profile default]\ncertificate = @/server.pem\n"
		     "key = @/server.key\nciphers = TLS_AES_128_GCM_SHA256\n",
		     &request, new_client(NULL));
}

static void test_initiator(void **state)
{
	static const struct request request = {
		.role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
	};

	(void)state;
	expect_wiped("[profile default]\ntrust = @/ca.pem\n"
		     "ciphers = TLS_AES_128_GCM_SHA256\n",
		     &request, new_server("server"));
}

static void test_derivation(void **state)
{
	struct hkdf *hkdf = hkdf_get("SHA256");
	uint8_t secret[SECRET_LEN], veiled[SECRET_LEN], out[16];
	size_t i;

	(void)state;
	assert_int_equal(RAND_bytes(secret, sizeof(secret)), 1);
	for (i = 0; i < SECRET_LEN; i++)
		veiled[i] = secret[i] ^ VEIL;
	assert_int_equal(hkdf_expand_label(hkdf,
					   (struct bytes){ secret, SECRET_LEN },
					   (struct bytes){ "key", 3 },
					   (struct bytes){ "", 0 }, out,
					   sizeof(out)), 0);
	OPENSSL_cleanse(secret, sizeof(secret));
	assert_true(copies(veiled, NULL) > 0);
	hkdf_forget();
	assert_int_equal(copies(veiled, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acceptor),
		cmocka_unit_test(test_initiator),
		cmocka_unit_test(test_derivation),
	};

	return cmocka_run_group_tests_name("wiping", tests, setup_openssl,
					   teardown_openssl);
}
