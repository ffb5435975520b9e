// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client's side of Documentation/krb5-tls13.rst: a KRB_AP_REQ and the
 * pre-shared key that comes out of it.
 */
#include <stdlib.h>
#include <string.h>

#include <krb5.h>

#include "krb.h"

static const char label[] = "sockauth krb5-tls13 sha256";

static krb5_context ctx;
static krb5_creds *creds;

/* Get a ticket, with what kinit has left.  Return: 0 or -1. */
int krb_begin(const char *service)
{
	krb5_creds wanted = { 0 };
	krb5_ccache cache;

	if (krb5_init_context(&ctx) || krb5_cc_default(ctx, &cache) ||
	    krb5_cc_get_principal(ctx, cache, &wanted.client) ||
	    krb5_parse_name(ctx, service, &wanted.server) ||
	    krb5_get_credentials(ctx, 0, cache, &wanted, &creds))
		return -1;
	return 0;
}

static int derive(krb5_auth_context auth, uint8_t psk[32])
{
	krb5_data in = { .length = strlen(label), .data = (char *)label };
	krb5_data out = { .length = 32, .data = (char *)psk };
	krb5_keyblock *subkey;
	int err;

	if (krb5_auth_con_getsendsubkey(ctx, auth, &subkey))
		return -1;
	err = krb5_c_prfplus(ctx, subkey, &in, &out);
	krb5_free_keyblock(ctx, subkey);
	return err ? -1 : 0;
}

/* @identity: good until the next call.  Return: 0 or -1. */
int krb_identity(unsigned char **identity, size_t *len, uint8_t psk[32])
{
	static krb5_data request;
	krb5_auth_context auth = NULL;
	int err;

	krb5_free_data_contents(ctx, &request);
	if (krb5_mk_req_extended(ctx, &auth, AP_OPTS_USE_SUBKEY, NULL, creds,
				 &request))
		return -1;
	err = derive(auth, psk);
	krb5_auth_con_free(ctx, auth);
	*identity = (unsigned char *)request.data;
	*len = request.length;
	return err;
}
