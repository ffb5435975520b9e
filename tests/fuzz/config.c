// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "config": the parser of sockauthd.conf.  Input: the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fuzz.h"

void fuzz_setup(void)
{
}

void fuzz_one(struct input *in)
{
	char *data = strndup((const char *)in->data, in->len);
	struct config *config = NULL;
	char text[CONFIG_TEXT_MAX] = "";

	fuzz_check(data != NULL, "there is memory");
	if (config_parse("fuzz.conf", data, &config, text, sizeof(text)))
		fuzz_check(!config && !strncmp(text, "fuzz.conf:", 10) &&
			   strlen(text) < sizeof(text) - 1,
			   "an error says where it is");
	else
		fuzz_check(config != NULL, "what is right has a result");
	config_free(config);
	free(data);
}

static void seed_file(const char *path)
{
	static char text[32 * 1024];
	FILE *file = fopen(path, "r");

	fuzz_check(file != NULL, "the example is there");
	fuzz_seed(text, fread(text, 1, sizeof(text), file));
	fclose(file);
}

void fuzz_seeds(void)
{
	static const char every_key[] =
		"[daemon]\nuser = nobody\nworkers = 2\nwindow = 8\n"
		"contexts = 100\nsessions = 0\n"
		"[profile default]\nmechanisms = tls, krb5, psk\n"
		"certificate = /a\nkey = /b\ncertificate = /c\n"
		"client-certificate = request\ntrust = system\ntrust = /d\n"
		"crl = /e\nalpn = h2, http/1.1\n"
		"ciphers = TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256\n"
		"groups = X25519, P-256\ntickets = 3\nlifetime = 10h\n"
		"expiry = report\nusers = root, 12345\ntarget = host.test\n"
		"verify-depth = 3\nmin-security = 1\nkeytab = /f\nservice-principal = a/b@C\n"
		"principals = *@C\nmutual = no\nmap-users = yes\n"
		"ccache = FILE:/g\nclient-keytab = /h\n"
		"psk = me:000102030405060708090a0b0c0d0e0f\n";

	fuzz_seed(every_key, strlen(every_key));
	seed_file("examples/sockauthd.conf");
}
