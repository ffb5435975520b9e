// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NewSessionTicket: what servers may send, and what we make of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "newticket.h"

/* Lifetime 2 h, age 0x01020304, nonce 00 01, ticket "abc", early data 0. */
static const uint8_t one[] = {
	4, 0, 0, 0x1b,
	0, 0, 0x1c, 0x20,
	1, 2, 3, 4,
	2, 0, 1,
	0, 3, 'a', 'b', 'c',
	0, 9, 0, 42, 0, 4, 0, 0, 0, 0, 0xff,
};

/* Without the byte that is too much for the extensions. */
static void good_ticket(uint8_t record[sizeof(one)])
{
	memcpy(record, one, sizeof(one));
	record[21] = 8;
	record[3] = sizeof(one) - 1 - 4;
}

#define ONE_LEN	(sizeof(one) - 1)

static void test_parse(void **state)
{
	uint8_t record[2 * sizeof(one)];
	const uint8_t *data = record;
	size_t len = 2 * ONE_LEN;
	struct newticket ticket;
	int i;

	(void)state;
	good_ticket(record);
	memmove(record + ONE_LEN, record, ONE_LEN);
	/* The second lives for eight days, if one believes it. */
	memcpy(record + ONE_LEN + 4, "\x00\x0a\x8c\x00", 4);
	for (i = 0; i < 2; i++) {
		assert_int_equal(newticket_next(&data, &len, &ticket), 0);
		assert_int_equal(ticket.lifetime, i ? 7 * 86400 : 7200);
		assert_int_equal(ticket.age_add, 0x01020304);
		assert_int_equal(ticket.nonce_len, 2);
		assert_memory_equal(ticket.nonce, "\0\1", 2);
		assert_int_equal(ticket.ticket_len, 3);
		assert_memory_equal(ticket.ticket, "abc", 3);
	}
	assert_int_equal(newticket_next(&data, &len, &ticket), -ENODATA);
}

static int parse(const uint8_t *data, size_t len)
{
	/* Where a sanitizer sees one byte too many being read. */
	uint8_t *copy = malloc(len ? len : 1);
	const uint8_t *pos = copy;
	struct newticket ticket;
	int err;

	memcpy(copy, data, len);
	err = newticket_next(&pos, &len, &ticket);
	free(copy);
	return err;
}

static void test_parse_hostile(void **state)
{
	/* Offsets of all that is a length or a type, and what is wrong. */
	static const struct {
		size_t offset;
		uint8_t value;
	} wrong[] = {
		{ 0, 24 }, { 0, 1 }, { 1, 1 }, { 3, 0 }, { 3, 0x19 },
		{ 3, 0x1b }, { 12, 0 }, { 12, 1 }, { 12, 3 }, { 12, 255 },
		{ 16, 0 }, { 16, 2 }, { 16, 4 }, { 15, 255 }, { 21, 0 },
		{ 21, 7 }, { 21, 9 }, { 20, 1 }, { 25, 3 }, { 25, 5 },
		{ 24, 1 },
	};
	uint8_t record[sizeof(one)];
	size_t i, len;

	(void)state;
	good_ticket(record);
	assert_int_equal(parse(record, ONE_LEN), 0);
	for (len = 1; len < ONE_LEN; len++)
		assert_int_equal(parse(record, len), -EPROTO);
	assert_int_equal(parse(one, sizeof(one)), -EPROTO);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		good_ticket(record);
		record[wrong[i].offset] = wrong[i].value;
		assert_int_equal(parse(record, ONE_LEN), -EPROTO);
	}
	/* No ticket at all. */
	assert_int_equal(parse((const uint8_t *)"\4\0\0\x0d\0\0\0\1\0\0\0\0"
			       "\0\0\0\0\0", 17), -EPROTO);
}

/* Whatever one byte becomes, nothing bad happens. */
static void test_parse_mutations(void **state)
{
	uint8_t record[sizeof(one)];
	size_t i;
	int value;

	(void)state;
	for (i = 0; i < ONE_LEN; i++)
		for (value = 0; value < 256; value++) {
			good_ticket(record);
			record[i] = value;
			parse(record, ONE_LEN);
		}
}

/* The PSK of RFC 8448 3, whose ticket has the nonce 00 00. */
static void test_psk(void **state)
{
	static const uint8_t secret[] = {
		0x7d, 0xf2, 0x35, 0xf2, 0x03, 0x1d, 0x2a, 0x05,
		0x12, 0x87, 0xd0, 0x2b, 0x02, 0x41, 0xb0, 0xbf,
		0xda, 0xf8, 0x6c, 0xc8, 0x56, 0x23, 0x1f, 0x2d,
		0x5a, 0xba, 0x46, 0xc4, 0x34, 0xec, 0x19, 0x6c,
	}, psk[] = {
		0x4e, 0xcd, 0x0e, 0xb6, 0xec, 0x3b, 0x4d, 0x87,
		0xf5, 0xd6, 0x02, 0x8f, 0x92, 0x2c, 0xa4, 0xc5,
		0x85, 0x1a, 0x27, 0x7f, 0xd4, 0x13, 0x11, 0xc9,
		0xe6, 0x2d, 0x2c, 0x94, 0x92, 0xe1, 0xc4, 0xf3,
	};
	const struct newticket ticket = {
		.lifetime = 30, .age_add = 0xfad6aac5,
		.nonce = (const uint8_t *)"\0", .nonce_len = 2,
		.ticket = (const uint8_t *)"ticket", .ticket_len = 6,
	};
	uint8_t *der, key[SSL_MAX_MASTER_KEY_LENGTH];
	const uint8_t *pos, *found;
	SSL_SESSION *session;
	size_t len, found_len;

	(void)state;
	assert_int_equal(newticket_session(&ticket, 0x1301, secret,
					   sizeof(secret), 1000, &der, &len),
			 0);
	pos = der;
	session = d2i_SSL_SESSION(NULL, &pos, len);
	assert_non_null(session);
	assert_int_equal(SSL_SESSION_get_master_key(session, key, sizeof(key)),
			 sizeof(psk));
	assert_memory_equal(key, psk, sizeof(psk));
	assert_int_equal(SSL_SESSION_get_protocol_version(session),
			 TLS1_3_VERSION);
	assert_int_equal(SSL_CIPHER_get_protocol_id(
				SSL_SESSION_get0_cipher(session)), 0x1301);
	assert_int_equal(SSL_SESSION_get_time(session), 1000);
	assert_int_equal(SSL_SESSION_get_timeout(session), 30);
	assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), 30);
	SSL_SESSION_get0_ticket(session, &found, &found_len);
	assert_int_equal(found_len, 6);
	assert_memory_equal(found, "ticket", 6);
	/* There is no function to ask for it. */
	assert_non_null(memmem(der, len, "\xae\x07\x02\x05\x00\xfa\xd6\xaa\xc5",
			       9));
	SSL_SESSION_free(session);
	OPENSSL_clear_free(der, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_hostile),
		cmocka_unit_test(test_parse_mutations),
		cmocka_unit_test(test_psk),
	};

	return cmocka_run_group_tests_name("newticket", tests, setup_openssl,
					   teardown_openssl);
}
