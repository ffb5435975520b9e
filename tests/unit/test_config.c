// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration: what is taken, and what is said about the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "config.h"

static const struct {
	const char *config, *text;
} wrong[] = {
	{ "[deamon]\n",
	  "f:1: [deamon] is no section; [daemon] and [profile NAME] are" },
	{ "\n[daemon]\nworker = 2\n", "f:3: [daemon] has no key \"worker\"" },
	{ "[daemon]\nworkers = 257\n",
	  "f:2: workers: \"257\" is not allowed here, but a number of threads from 1 to 256, or 0 for one per CPU" },
	{ "[daemon]\nworkers = 2x\n",
	  "f:2: workers: \"2x\" is not allowed here, but a number of threads from 1 to 256, or 0 for one per CPU" },
	{ "[daemon]\nwindow = -1\n",
	  "f:2: window: \"-1\" is not allowed here, but a number from 1 to 1024" },
	{ "[daemon]\nwindow = 1\nwindow = 2\n",
	  "f:3: window: given a second time" },
	{ "workers = 2\n", "f:1: workers: no section above it" },
	{ "[daemon]\nworkers\n",
	  "f:2: neither [SECTION] nor KEY = VALUE" },
	{ "[daemon\nworkers = 2\n", "f:1: a section ends with \"]\"" },
	{ "[daemon] workers = 2\n",
	  "f:1: a key has a line of its own, not that of [daemon]" },
	{ "[profile a]\nalpn = h2\n  guest = no\n",
	  "f:3: [profile NAME] has no key \"guest\"" },
	{ "[profile a]\nalpn = h2\n\thttp/1.1\n",
	  "f:3: neither [SECTION] nor KEY = VALUE" },
	{ "[profile ]\n", "f:1: the name of a profile has 1 to 63 characters" },
	{ "[profile a b]\n",
	  "f:1: the name of a profile has letters, digits, '-', '_' and '.'" },
	{ "[profile a]\n[profile b]\n[profile a]\n",
	  "f:3: [profile a] is here a second time" },
	{ "[profile a]\nkey = /k\n",
	  "f:2: key: no certificate stands above it" },
	{ "[profile a]\ncertificate = /c\nkey = /k\nkey = /l\n",
	  "f:4: key: the certificate of line 2 has one already" },
	{ "[profile a]\ncertificate = c.pem\n",
	  "f:2: certificate: \"c.pem\" is not allowed here, but the absolute path of a file" },
	{ "[profile a]\nclient-certificate = maybe\n",
	  "f:2: client-certificate: \"maybe\" is not allowed here, but none, request or require" },
	{ "[profile a]\ncertificate = /c\n\n[profile b]\nclient-certificate = require\n",
	  "f:4: [profile b] asks for client certificates, but has no trust" },
	{ "[profile a]\nmechanisms = tls, krb6\n",
	  "f:2: mechanisms: \"krb6\" is not allowed here, but tls, krb5 or psk" },
	{ "[profile a]\nusers = , ,\n",
	  "f:2: users: \", ,\" is not allowed here, but names or numbers of users" },
	{ "[profile a]\nalpn = ,\n",
	  "f:2: alpn: \",\" is not allowed here, but protocol names such as h2, 255 bytes together" },
	{ "[profile a]\npsk = n!+++++++++++++++++++++++++++++++++:00112233445566778899aabbccddeeff\n",
	  "f:2: psk: the identity looks like a Kerberos request" },
	{ "[profile a]\ncrl = system\n",
	  "f:2: crl: \"system\" is not allowed here, but the absolute path of a file" },
	{ "[profile a]\nciphers = TLS_AES_128_CCM_8_SHA256\n",
	  "f:2: ciphers: \"TLS_AES_128_CCM_8_SHA256\" is not allowed here, but TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256 or TLS_AES_128_CCM_SHA256" },
	{ "[profile a]\nciphers = TLS_AES_128_GCM_SHA256 TLS_AES_128_GCM_SHA256\n",
	  "f:2: ciphers: TLS_AES_128_GCM_SHA256 twice" },
	{ "[profile a]\ntickets = 9\n",
	  "f:2: tickets: \"9\" is not allowed here, but a number from 0 to 8" },
	{ "[profile a]\nlifetime = 3w\n",
	  "f:2: lifetime: \"3w\" is not allowed here, but a time such as 90s, 30m, 12h or 7d, at most 366d" },
	{ "[profile a]\nlifetime = 367d\n",
	  "f:2: lifetime: \"367d\" is not allowed here, but a time such as 90s, 30m, 12h or 7d, at most 366d" },
	{ "[profile a]\nlifetime = 0\n",
	  "f:2: lifetime: \"0\" is not allowed here, but a time such as 90s, 30m, 12h or 7d, at most 366d" },
	{ "[profile a]\nexpiry = never\n",
	  "f:2: expiry: \"never\" is not allowed here, but enforce or report" },
	{ "[profile a]\nusers =\n",
	  "f:2: users: \"\" is not allowed here, but names or numbers of users" },
	{ "[profile a]\nmin-security = 6\n",
	  "f:2: min-security: \"6\" is not allowed here, but a security level of OpenSSL from 1 to 5" },
};

static void test_errors(void **state)
{
	struct config *config = (void *)1;
	char text[CONFIG_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(config_parse("f", wrong[i].config, &config,
					      text, sizeof(text)), -EINVAL);
		assert_string_equal(text, wrong[i].text);
		assert_ptr_equal(config, (void *)1);
	}
}

static void test_long_line(void **state)
{
	char line[512] = "[profile a]\ntarget = ", text[CONFIG_TEXT_MAX];
	struct config *config;

	(void)state;
	memset(line + strlen(line), 'x', 300);
	assert_int_equal(config_parse("f", line, &config, text, sizeof(text)),
			 -EINVAL);
	assert_string_equal(text, "f:2: a line of more than 198 bytes");
}

/* What belongs to a profile is not told by a part of its name. */
static void test_long_names(void **state)
{
	static const char file[] =
		"[profile aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n"
		"  trust = /strict.pem\n"
		"[profile aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-12345678901234567-lax]\n"
		"\ttrust = /lax.pem\n";
	char text[CONFIG_TEXT_MAX];
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("f", file, &config, text, sizeof(text)),
			 0);
	assert_int_equal(config->profile_count, 2);
	assert_int_equal(config->profiles[0].trust.count, 1);
	assert_string_equal(config->profiles[0].trust.items[0].value,
			    "/strict.pem");
	assert_int_equal(strlen(config->profiles[1].name), 63);
	assert_int_equal(config->profiles[1].trust.count, 1);
	assert_string_equal(config->profiles[1].trust.items[0].value,
			    "/lax.pem");
	config_free(config);
}

static void test_long_alpn(void **state)
{
	char text[CONFIG_TEXT_MAX], file[1024] = "[profile a]\n";
	struct config *config;
	int i;

	(void)state;
	/* 15 names of 16 bytes and their lengths: 255. */
	for (i = 0; i < 15; i++)
		strcat(file, "alpn = 0123456789abcdef\n");
	assert_int_equal(config_parse("f", file, &config, text, sizeof(text)),
			 0);
	assert_int_equal(config->profiles[0].alpn_len, 255);
	config_free(config);
	strcat(file, "alpn = x\n");
	assert_int_equal(config_parse("f", file, &config, text, sizeof(text)),
			 -EINVAL);
	assert_non_null(strstr(text, "f:17: alpn: \"x\" is not allowed here"));
}

static void test_defaults(void **state)
{
	char text[CONFIG_TEXT_MAX];
	const struct config_profile *p;
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("f", "", &config, text, sizeof(text)),
			 0);
	assert_int_equal(config->profile_count, 0);
	assert_int_equal(config->window, 64);
	assert_int_equal(config->workers, 0);
	assert_int_equal(config->contexts, 16384);
	assert_int_equal(config->sessions, 1024);
	assert_null(config->user);
	config_free(config);
	assert_int_equal(config_parse("f", "[profile x-1]\n", &config, text,
				      sizeof(text)), 0);
	assert_int_equal(config->profile_count, 1);
	p = &config->profiles[0];
	assert_string_equal(p->name, "x-1");
	assert_int_equal(p->tickets, 2);
	assert_int_equal(p->lifetime, 0);
	assert_int_equal(p->security, 2);
	assert_int_equal(p->mechs, 1 << SOCKAUTH_MECH_TLS);
	assert_int_equal(p->client_cert, CLIENT_CERT_NONE);
	config_free(config);
}

/* Nothing of it is a default. */
static const char every_value[] =
	"; a comment\n"
	"[daemon]\n"
	"user = nobody\n"
	"workers = 3\n"
	"[profile web]\n"
	"certificate = /a.pem\n"
	"key = /a.key\n"
	"certificate = /b c.pem\n"
	"client-certificate = request\n"
	"trust = system\n"
	"trust = /ca.pem\n"
	"crl = /crl.pem\n"
	"alpn = h2, http/1.1\n"
	"ciphers = TLS_CHACHA20_POLY1305_SHA256,TLS_AES_128_GCM_SHA256\n"
	"groups = X25519 P-256\n"
	"lifetime = 2h\n"
	"users = root, www-data\n"
	"users = 1000\n"
	"guests = yes\n"
	"target = db1.example\n"
	"tickets = 0\n"
	"verify-depth = 1\n"
	"min-security = 3";

static void test_values(void **state)
{
	char text[CONFIG_TEXT_MAX];
	const struct config_profile *p;
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("f", every_value, &config, text,
				      sizeof(text)), 0);
	assert_string_equal(config->user, "nobody");
	assert_int_equal(config->workers, 3);
	p = &config->profiles[0];
	assert_int_equal(p->pair_count, 2);
	assert_string_equal(p->pairs[0].cert, "/a.pem");
	assert_string_equal(p->pairs[0].key, "/a.key");
	assert_int_equal(p->pairs[0].line, 6);
	assert_string_equal(p->pairs[1].cert, "/b c.pem");
	assert_null(p->pairs[1].key);
	assert_int_equal(p->client_cert, CLIENT_CERT_REQUEST);
	assert_int_equal(p->trust.count, 2);
	assert_string_equal(p->trust.items[0].value, "system");
	assert_int_equal(p->trust.items[1].line, 11);
	assert_string_equal(p->crl.items[0].value, "/crl.pem");
	assert_int_equal(p->alpn_len, 12);
	assert_memory_equal(p->alpn, "\x02h2\x08http/1.1", 12);
	assert_int_equal(p->cipher_count, 2);
	assert_int_equal(p->ciphers[0], 0x1303);
	assert_int_equal(p->groups.count, 2);
	assert_int_equal(p->lifetime, 7200);
	assert_int_equal(p->users.count, 3);
	assert_string_equal(p->users.items[1].value, "www-data");
	assert_int_equal(p->guests, 1);
	assert_string_equal(p->target, "db1.example");
	assert_int_equal(p->tickets, 0);
	assert_int_equal(p->depth, 1);
	assert_int_equal(p->security, 3);
	config_free(config);
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_alpn),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
