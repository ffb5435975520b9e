/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_KRB_H
#define SOCKAUTHD_KRB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <krb5.h>

#include "broker.h"
#include "mech.h"
#include "verdict.h"

/* Longest KRB_AP_REQ: with it, a ClientHello fits a reply to the module. */
#define KRB_REQUEST_MAX	60000

/**
 * struct krb_cred - what an acceptor needs of a profile; constant
 * @keytab: its keys
 * @service: whom tickets must be for; NULL: anybody in @keytab
 * @principals: patterns of clients; those of the configuration
 */
struct krb_cred {
	krb5_keytab keytab;
	krb5_principal service;
	const struct config_list *principals;
};

/**
 * struct krb_exchange - one KRB_AP_REQ and what came of it
 * @auth: libkrb5's; NULL: there is none
 * @subkey: where the PSK comes from
 * @request: initiator: KRB_AP_REQ
 * @name: of the peer
 * @end: of the ticket, seconds since 1970
 * @authdata: acceptor: DER of the ticket's AuthorizationData, if it is kept
 * @authdata_len: of @authdata
 */
struct krb_exchange {
	krb5_auth_context auth;
	krb5_keyblock *subkey;
	krb5_data request;
	char name[SOCKAUTH_PEER_NAME_MAX];
	int64_t end;
	uint8_t *authdata;
	size_t authdata_len;
};

int krb_context_new(krb5_context *krb);
int krb_cred_new(const struct loading *l, struct krb_cred **cred);
void krb_cred_free(struct krb_cred *cred);
bool krb_name_matches(const char *pattern, const char *name);

bool krb_is_request(const uint8_t *identity, size_t len);
int krb_accept(krb5_context krb, const struct krb_cred *cred,
	       const uint8_t *identity, size_t len, bool keep,
	       struct krb_exchange *x, struct verdict *v);
int krb_reply(krb5_context krb, struct krb_exchange *x, krb5_data *reply);
int krb_initiate(krb5_context krb, const struct broker_answer *answer,
		 bool mutual, struct krb_exchange *x, struct verdict *v);
int krb_check_reply(krb5_context krb, struct krb_exchange *x,
		    const uint8_t *reply, size_t len, struct verdict *v);
int krb_psk(krb5_context krb, const struct krb_exchange *x, bool sha384,
	    uint8_t *psk, size_t len);
void krb_exchange_clear(krb5_context krb, struct krb_exchange *x);

int krb_keytab_fill(krb5_context krb, krb5_keytab keytab, const uint8_t *data,
		    size_t len);
int krb_authdata_encode(krb5_authdata *const *list, uint8_t **der,
			size_t *len);

#endif /* SOCKAUTHD_KRB_H */
