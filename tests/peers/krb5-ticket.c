// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Usage: krb5-ticket SERVICE@HOST BYTES
 *
 * A ticket with so many bytes of authorization data, which the KDC copies out
 * of the request, for the credential cache of the environment.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <krb5.h>

static krb5_context krb;

static void check(krb5_error_code code, const char *what)
{
	if (code)
		errx(1, "%s: %s", what, krb5_get_error_message(krb, code));
}

int main(int argc, char **argv)
{
	krb5_authdata ad = { .ad_type = -1 }, *list[] = { &ad, NULL };
	krb5_creds in = { .authdata = list }, *out;
	krb5_ccache ccache;
	char *host;

	if (argc != 3 || !(host = strchr(argv[1], '@')))
		errx(1, "Usage: krb5-ticket SERVICE@HOST BYTES");
	*host++ = '\0';
	ad.length = strtoul(argv[2], NULL, 10);
	ad.contents = calloc(1, ad.length + 1);
	check(krb5_init_context(&krb), "libkrb5");
	check(krb5_cc_default(krb, &ccache), "cache");
	check(krb5_cc_get_principal(krb, ccache, &in.client), "cache");
	check(krb5_sname_to_principal(krb, host, argv[1], KRB5_NT_SRV_HST,
				      &in.server), "service");
	check(krb5_get_credentials(krb, KRB5_GC_NO_STORE, ccache, &in, &out),
	      "ticket");
	/* Whoever asks for a ticket without such data shall find it. */
	out->authdata = NULL;
	check(krb5_cc_store_cred(krb, ccache, out), "cache");
	return 0;
}
