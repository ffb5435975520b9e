/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_PSK_H
#define SOCKAUTHD_PSK_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "krb.h"
#include "mech.h"

/* The extension kerberos_reply: Documentation/krb5-tls13.rst. */
#define PSK_EXT_KERBEROS_REPLY	65387

struct reply;

/**
 * struct psk_cred - external PSKs of a profile; constant
 * @config: its plain ones, and what an initiator does
 * @krb: of acceptors; NULL: there is no keytab
 * @initiator: SSL_CTX each with the suites of one hash, SHA-256 and SHA-384;
 *	NULL: no key needs it
 * @sha384: initiator with Kerberos: which one
 */
struct psk_cred {
	const struct config_profile *config;
	struct krb_cred *krb;
	SSL_CTX *initiator[2];
	bool sha384;
};

/**
 * struct psk_state - external PSKs in a handshake
 * @mech: of the last identity that was good; SOCKAUTH_MECH_NONE: none
 * @plain: SOCKAUTH_MECH_PSK: which one
 * @krb: SOCKAUTH_MECH_KRB5: KRB_AP_REQ and what belongs to it
 * @alert: how to refuse the peer; 0: not
 * @asked: acceptor: the peer wants a KRB_AP_REP; initiator: we do
 * @mapping: acceptor: the handshake is done, and the broker was asked who that is
 * @consumed: how much was used of the event that waits for it
 * @replied: initiator: KRB_AP_REP was good
 */
struct psk_state {
	enum sockauth_mech mech;
	const struct config_psk *plain;
	struct krb_exchange krb;
	int alert;
	bool asked;
	bool replied;
	bool mapping;
	size_t consumed;
};

int psk_init(void);
int psk_cred_new(const struct loading *l, struct psk_cred **cred);
void psk_cred_free(struct psk_cred *cred);
const struct config_psk *psk_find(const struct config_profile *config,
				  const uint8_t *identity, size_t len);
int psk_accept(SSL_CTX *acceptor);
int psk_initiate(SSL_CTX *initiator);
bool psk_initiates(const struct psk_cred *cred, const char *target);
bool psk_used(const struct context *ctx);
int psk_identify(struct context *ctx, struct reply *reply);
bool psk_map_user(struct context *ctx, size_t consumed);
void psk_state_clear(struct context *ctx);
int psk_answered(struct context *ctx, const struct broker_answer *answer);

extern const struct mech mech_psk;

#endif /* SOCKAUTHD_PSK_H */
