// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One KRB_AP_REQ, and the KRB_AP_REP to it: Documentation/krb5-tls13.rst.
 * Everything here belongs to the thread of a worker, and opens no file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "krb.h"

#define LABEL	"sockauth krb5-tls13 "

static const struct cause {
	krb5_error_code code;
	enum sockauth_reason reason;
	int error;
} causes[] = {
	{ KRB5KRB_AP_ERR_TKT_EXPIRED, SOCKAUTH_REASON_CRED_EXPIRED,
	  EKEYEXPIRED },
	{ KRB5KRB_AP_ERR_TKT_NYV, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED },
	{ KRB5KRB_AP_ERR_SKEW, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED },
	{ KRB5KRB_AP_ERR_NOT_US, SOCKAUTH_REASON_NAME, EKEYREJECTED },
	{ KRB5KRB_AP_WRONG_PRINC, SOCKAUTH_REASON_NAME, EKEYREJECTED },
	{ KRB5KRB_AP_ERR_NOKEY, SOCKAUTH_REASON_NAME, EKEYREJECTED },
	{ KRB5_KT_NOTFOUND, SOCKAUTH_REASON_NAME, EKEYREJECTED },
	{ KRB5KRB_AP_ERR_BADKEYVER, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED },
	{ KRB5_KT_KVNONOTFOUND, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED },
	{ KRB5_MUTUAL_FAILED, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED },
	{ ENOMEM, SOCKAUTH_REASON_INTERNAL, ENOMEM },
};

static int explain(krb5_context krb, krb5_error_code code, const char *what,
		   struct verdict *v)
{
	const char *text = krb5_get_error_message(krb, code);
	enum sockauth_reason reason = SOCKAUTH_REASON_BAD_CRED;
	int error = EKEYREJECTED;
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (causes[i].code == code) {
			reason = causes[i].reason;
			error = causes[i].error;
		}
	verdict_set(v, reason, error, "%s: %s", what, text);
	krb5_free_error_message(krb, text);
	return -error;
}

static int begin(krb5_context krb, struct krb_exchange *x)
{
	krb_exchange_clear(krb, x);
	if (krb5_auth_con_init(krb, &x->auth))
		return -ENOMEM;
	/* No replay cache: the binder proves the subkey of this connection. */
	if (krb5_auth_con_setflags(krb, x->auth, 0))
		return -ENOMEM;
	return 0;
}

static int note_name(krb5_context krb, krb5_const_principal principal,
		     struct krb_exchange *x)
{
	char *name;
	int err = 0;

	if (krb5_unparse_name(krb, principal, &name))
		return -ENOMEM;
	if (strlen(name) < sizeof(x->name))
		strcpy(x->name, name);
	else
		err = -EMSGSIZE;
	krb5_free_unparsed_name(krb, name);
	return err;
}

static bool allowed(const struct krb_cred *cred, const char *name)
{
	size_t i;

	for (i = 0; i < cred->principals->count; i++)
		if (krb_name_matches(cred->principals->items[i].value, name))
			return true;
	return !cred->principals->count;
}

/* A client makes it; libkrb5 looks at its type, but not at its length. */
static int check_subkey(krb5_context krb, struct krb_exchange *x,
			struct verdict *v)
{
	size_t bytes, len;

	if (krb5_auth_con_getrecvsubkey(krb, x->auth, &x->subkey) ||
	    !x->subkey) {
		verdict_set(v, SOCKAUTH_REASON_BAD_CRED, EPROTO,
			    "the KRB_AP_REQ of %.100s has no subkey", x->name);
		return -EPROTO;
	}
	if (krb5_c_keylengths(krb, x->subkey->enctype, &bytes, &len) ||
	    x->subkey->length != len) {
		verdict_set(v, SOCKAUTH_REASON_BAD_CRED, EPROTO,
			    "the KRB_AP_REQ of %.100s has a subkey of the wrong length",
			    x->name);
		return -EPROTO;
	}
	return 0;
}

/* Whoever is named so has proved no identity (RFC 8062). */
static bool anonymous(krb5_context krb, const krb5_enc_tkt_part *ticket)
{
	return ticket->flags & TKT_FLG_ANONYMOUS ||
	       krb5_principal_compare_any_realm(krb, ticket->client,
						krb5_anonymous_principal());
}

/* What libkrb5 does not look at. */
static int check(krb5_context krb, const struct krb_cred *cred,
		 const krb5_enc_tkt_part *ticket, struct krb_exchange *x,
		 struct verdict *v)
{
	int err = note_name(krb, ticket->client, x);

	if (err) {
		verdict_set(v, err == -ENOMEM ? SOCKAUTH_REASON_INTERNAL :
						SOCKAUTH_REASON_NAME, -err,
			    "the principal's name is too long");
		return err;
	}
	x->end = (uint32_t)ticket->times.endtime;
	if (x->end <= time(NULL)) {
		verdict_set(v, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED,
			    "the Kerberos ticket of %.100s has expired",
			    x->name);
		return -EKEYEXPIRED;
	}
	err = check_subkey(krb, x, v);
	if (err)
		return err;
	if (anonymous(krb, ticket)) {
		verdict_set(v, SOCKAUTH_REASON_NO_CRED, EACCES,
			    "%.150s is anonymous", x->name);
		return -EACCES;
	}
	if (!allowed(cred, x->name)) {
		verdict_set(v, SOCKAUTH_REASON_NAME, EACCES,
			    "%.150s is none of the profile's principals",
			    x->name);
		return -EACCES;
	}
	return 0;
}

static int keep_authdata(const krb5_enc_tkt_part *ticket,
			 struct krb_exchange *x, struct verdict *v)
{
	int err = krb_authdata_encode(ticket->authorization_data,
				      &x->authdata, &x->authdata_len);

	if (err)
		verdict_set(v, SOCKAUTH_REASON_LIMIT, -err,
			    "the authorization data of %.100s is too long to be kept",
			    x->name);
	return err;
}

/**
 * krb_accept - take a KRB_AP_REQ
 * @krb: the thread's
 * @cred: of the profile
 * @identity: the KRB_AP_REQ, of a stranger
 * @len: of @identity
 * @keep: whether the application wants the authorization data
 * @x: set; what was there is cleared
 * @v: set on failure
 *
 * Nothing is proved by it before the binder.
 *
 * Return: 0, -EACCES: the ticket is good, but not on the list, or another
 * -errno.
 */
int krb_accept(krb5_context krb, const struct krb_cred *cred,
	       const uint8_t *identity, size_t len, bool keep,
	       struct krb_exchange *x, struct verdict *v)
{
	krb5_data request = { .length = len, .data = (char *)identity };
	krb5_ticket *ticket = NULL;
	krb5_error_code code;
	int err = begin(krb, x);

	if (err)
		return err;
	if (len > KRB_REQUEST_MAX) {
		verdict_set(v, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
			    "the KRB_AP_REQ has %zu bytes, which is too long",
			    len);
		return -EMSGSIZE;
	}
	code = krb5_rd_req(krb, &x->auth, &request, cred->service,
			   cred->keytab, NULL, &ticket);
	if (code)
		return explain(krb, code, "the peer's Kerberos ticket is not accepted",
			       v);
	err = check(krb, cred, ticket->enc_part2, x, v);
	if (!err && keep)
		err = keep_authdata(ticket->enc_part2, x, v);
	krb5_free_ticket(krb, ticket);
	return err;
}

/**
 * krb_reply - make the KRB_AP_REP
 * @krb: the thread's
 * @x: that krb_accept() made
 * @reply: set; krb5_free_data_contents() frees it
 *
 * Return: 0 or -ENOMEM.
 */
int krb_reply(krb5_context krb, struct krb_exchange *x, krb5_data *reply)
{
	return krb5_mk_rep(krb, x->auth, reply) ? -ENOMEM : 0;
}

static krb5_error_code fill_creds(krb5_context krb,
				  const struct broker_answer *answer,
				  krb5_creds *creds)
{
	krb5_error_code code;

	code = krb5_parse_name(krb, answer->client, &creds->client);
	if (!code)
		code = krb5_parse_name(krb, answer->server, &creds->server);
	creds->keyblock.enctype = answer->enctype;
	creds->keyblock.length = answer->key_len;
	creds->keyblock.contents = (uint8_t *)answer->key;
	creds->ticket.length = answer->ticket_len;
	creds->ticket.data = (char *)answer->ticket;
	creds->times.endtime = answer->endtime;
	return code;
}

static krb5_error_code make_request(krb5_context krb, krb5_creds *creds,
				    bool mutual, struct krb_exchange *x)
{
	krb5_flags options = AP_OPTS_USE_SUBKEY;
	krb5_error_code code;

	if (mutual)
		options |= AP_OPTS_MUTUAL_REQUIRED;
	code = krb5_mk_req_extended(krb, &x->auth, options, NULL, creds,
				    &x->request);
	if (!code)
		code = krb5_auth_con_getsendsubkey(krb, x->auth, &x->subkey);
	if (!code && !x->subkey)
		code = KRB5_NO_TKT_SUPPLIED;
	return code;
}

/**
 * krb_initiate - make a KRB_AP_REQ
 * @krb: the thread's
 * @answer: of the broker, with a ticket
 * @mutual: whether to ask for a KRB_AP_REP
 * @x: set; what was there is cleared
 * @v: set on failure
 *
 * Return: 0 or -errno.
 */
int krb_initiate(krb5_context krb, const struct broker_answer *answer,
		 bool mutual, struct krb_exchange *x, struct verdict *v)
{
	krb5_creds creds = { 0 };
	krb5_error_code code;
	int err = begin(krb, x);

	if (err)
		return err;
	code = fill_creds(krb, answer, &creds);
	if (!code)
		code = make_request(krb, &creds, mutual, x);
	krb5_free_principal(krb, creds.client);
	krb5_free_principal(krb, creds.server);
	if (code)
		return explain(krb, code, "no KRB_AP_REQ can be made", v);
	if (x->request.length > KRB_REQUEST_MAX) {
		verdict_set(v, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
			    "the Kerberos ticket for %.100s is too long",
			    answer->server);
		return -EMSGSIZE;
	}
	x->end = answer->endtime;
	strcpy(x->name, answer->server);
	return 0;
}

/**
 * krb_check_reply - check the KRB_AP_REP
 * @krb: the thread's
 * @x: that krb_initiate() made
 * @reply: of the peer
 * @len: of @reply
 * @v: set on failure
 *
 * Return: 0 or -errno.
 */
int krb_check_reply(krb5_context krb, struct krb_exchange *x,
		    const uint8_t *reply, size_t len, struct verdict *v)
{
	krb5_data token = { .length = len, .data = (char *)reply };
	krb5_ap_rep_enc_part *part;
	krb5_error_code code;

	code = krb5_rd_rep(krb, x->auth, &token, &part);
	if (code)
		return explain(krb, code, "the service's KRB_AP_REP is wrong",
			       v);
	krb5_free_ap_rep_enc_part(krb, part);
	return 0;
}

/**
 * krb_psk - derive the pre-shared key
 * @krb: the thread's
 * @x: with a subkey
 * @sha384: which hash it is for; else SHA-256
 * @psk: filled; the caller wipes it
 * @len: of @psk
 *
 * Return: 0 or -ENOMEM.
 */
int krb_psk(krb5_context krb, const struct krb_exchange *x, bool sha384,
	    uint8_t *psk, size_t len)
{
	krb5_data in, out = { .length = len, .data = (char *)psk };

	in.data = sha384 ? LABEL "sha384" : LABEL "sha256";
	in.length = strlen(in.data);
	return krb5_c_prfplus(krb, x->subkey, &in, &out) ? -ENOMEM : 0;
}

/**
 * krb_exchange_clear - free an exchange and wipe it
 * @krb: the thread's; NULL: there never was one
 * @x: all zero afterwards
 */
void krb_exchange_clear(krb5_context krb, struct krb_exchange *x)
{
	if (krb) {
		krb5_free_keyblock(krb, x->subkey);
		krb5_auth_con_free(krb, x->auth);
		krb5_free_data_contents(krb, &x->request);
	}
	free(x->authdata);
	memset(x, 0, sizeof(*x));
}
