// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random bytes in stock: nobody gets what somebody else has got, neither in
 * this process nor in a child.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "fixture.h"

#define PIECE	8

/* OpenSSL's generator asks who we are whenever it makes bytes. */
static int asked;

pid_t getpid(void)
{
	asked++;
	return syscall(SYS_getpid);
}

static void draw(void *out, size_t len)
{
	assert_int_equal(RAND_bytes(out, len), 1);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, PIECE);
}

static void expect_different(uint8_t *bytes, size_t len)
{
	size_t i;

	qsort(bytes, len / PIECE, PIECE, compare);
	for (i = PIECE; i < len; i += PIECE)
		assert_memory_not_equal(bytes + i - PIECE, bytes + i, PIECE);
}

static void test_ours(void **state)
{
	EVP_RAND_CTX *const both[] = {
		RAND_get0_public(NULL), RAND_get0_private(NULL),
	};
	const EVP_RAND *rand;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rand = EVP_RAND_CTX_get0_rand(both[i]);
		assert_string_equal(OSSL_PROVIDER_get0_name(
					EVP_RAND_get0_provider(rand)),
				    "sockauth");
		assert_int_equal(EVP_RAND_get_state(both[i]),
				 EVP_RAND_STATE_READY);
	}
}

/* Requests of all sizes, of both generators. */
static void test_once(void **state)
{
	static uint8_t bytes[80000];
	size_t pos = 0, len = 0;

	(void)state;
	while (pos < sizeof(bytes)) {
		len = len % 640 + PIECE;
		if (len > sizeof(bytes) - pos)
			len = sizeof(bytes) - pos;
		draw(bytes + pos, len);
		pos += len;
		len = len % 640 + PIECE;
		if (len > sizeof(bytes) - pos)
			len = sizeof(bytes) - pos;
		assert_int_equal(RAND_priv_bytes(bytes + pos, len), 1);
		pos += len;
	}
	expect_different(bytes, sizeof(bytes));
}

static void test_seldom(void **state)
{
	uint8_t byte[32];
	int i;

	(void)state;
	draw(byte, sizeof(byte));
	asked = 0;
	for (i = 0; i < 160; i++)
		draw(byte, sizeof(byte));
	assert_int_equal(asked, 10);
	/* What is too long for the stock is made each time. */
	asked = 0;
	for (i = 0; i < 10; i++) {
		uint8_t bytes[65];

		draw(bytes, sizeof(bytes));
	}
	assert_int_equal(asked, 10);
}

/* Fresh entropy counts from the next byte on. */
static void test_reseed(void **state)
{
	uint8_t byte;

	(void)state;
	draw(&byte, 1);
	assert_int_equal(EVP_RAND_reseed(RAND_get0_public(NULL), 0, NULL, 0,
					 NULL, 0), 1);
	asked = 0;
	draw(&byte, 1);
	assert_int_equal(asked, 1);
	/* And when it must be fresh, or something is mixed in. */
	assert_int_equal(EVP_RAND_generate(RAND_get0_public(NULL), &byte, 1, 0,
					   1, NULL, 0), 1);
	assert_true(asked > 1);
	asked = 0;
	assert_int_equal(EVP_RAND_generate(RAND_get0_public(NULL), &byte, 1, 0,
					   0, &byte, 1), 1);
	assert_int_equal(asked, 1);
}

static void test_child(void **state)
{
	uint8_t bytes[3 * 32];
	int fds[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	draw(bytes, 32);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		draw(bytes, 32);
		_exit(write(fds[1], bytes, 32) != 32);
	}
	draw(bytes + 32, 32);
	assert_int_equal(read(fds[0], bytes + 64, 32), 32);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_different(bytes, sizeof(bytes));
	close(fds[0]);
	close(fds[1]);
}

static void *draw_many(void *arg)
{
	uint8_t *bytes = arg;
	size_t i;

	for (i = 0; i < 100; i++)
		RAND_bytes(bytes + i * 32, 32);
	return NULL;
}

static void test_threads(void **state)
{
	static uint8_t bytes[4][3200];
	pthread_t threads[4];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, draw_many,
						bytes[i]), 0);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	expect_different((void *)bytes, sizeof(bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_seldom),
		cmocka_unit_test(test_reseed),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("drbg", tests, setup_openssl,
					   teardown_openssl);
}
