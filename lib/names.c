// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Words for the numbers of <linux/sockauth.h>.  Constant tables, no state.
 */
#include <errno.h>
#include <string.h>

#include <linux/sockauth.h>
#include <sockauth/names.h>

#define NAMES(table) { .list = (table), \
		       .count = sizeof(table) / sizeof((table)[0]) }

static const struct sockauth_name states[] = {
	{ SOCKAUTH_STATE_MARKED, "marked" },
	{ SOCKAUTH_STATE_LISTENING, "listening" },
	{ SOCKAUTH_STATE_CONNECTING, "connecting" },
	{ SOCKAUTH_STATE_WAIT_PEER, "wait-peer" },
	{ SOCKAUTH_STATE_WAIT_WORKER, "wait-worker" },
	{ SOCKAUTH_STATE_ASKED, "asked" },
	{ SOCKAUTH_STATE_SENDING, "sending" },
	{ SOCKAUTH_STATE_READY, "ready" },
	{ SOCKAUTH_STATE_OPEN, "open" },
	{ SOCKAUTH_STATE_ENDED, "ended" },
};

static const struct sockauth_name reasons[] = {
	{ SOCKAUTH_REASON_NONE, "none" },
	{ SOCKAUTH_REASON_TIMEOUT, "timeout" },
	{ SOCKAUTH_REASON_EVICTED, "evicted" },
	{ SOCKAUTH_REASON_CANCELLED, "cancelled" },
	{ SOCKAUTH_REASON_KILLED, "killed" },
	{ SOCKAUTH_REASON_PEER_CLOSED, "peer-closed" },
	{ SOCKAUTH_REASON_PEER_RESET, "peer-reset" },
	{ SOCKAUTH_REASON_WORKER_DIED, "worker-died" },
	{ SOCKAUTH_REASON_NO_WORKER, "no-worker" },
	{ SOCKAUTH_REASON_BAD_REPLY, "bad-reply" },
	{ SOCKAUTH_REASON_LIMIT, "limit" },
	{ SOCKAUTH_REASON_INTERNAL, "internal" },
	{ SOCKAUTH_REASON_PROFILE, "profile" },
	{ SOCKAUTH_REASON_MALFORMED, "malformed" },
	{ SOCKAUTH_REASON_VERSION, "version" },
	{ SOCKAUTH_REASON_CIPHER, "cipher" },
	{ SOCKAUTH_REASON_ALPN, "alpn" },
	{ SOCKAUTH_REASON_RECORD, "record" },
	{ SOCKAUTH_REASON_NO_CRED, "no-cred" },
	{ SOCKAUTH_REASON_BAD_CRED, "bad-cred" },
	{ SOCKAUTH_REASON_CRED_EXPIRED, "cred-expired" },
	{ SOCKAUTH_REASON_CRED_REVOKED, "cred-revoked" },
	{ SOCKAUTH_REASON_NAME, "name" },
	{ SOCKAUTH_REASON_PEER_REFUSED, "peer-refused" },
	{ SOCKAUTH_REASON_NO_OWN_CRED, "no-own-cred" },
	{ SOCKAUTH_REASON_OTHER, "other" },
	{ SOCKAUTH_REASON_EXPIRED, "expired" },
	{ SOCKAUTH_REASON_TRUNCATED, "truncated" },
};
_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == __SOCKAUTH_REASON_MAX,
	       "every reason has a word");

static const struct sockauth_name mechs[] = {
	{ SOCKAUTH_MECH_NONE, "none" },
	{ SOCKAUTH_MECH_TLS, "tls" },
	{ SOCKAUTH_MECH_PSK, "psk" },
	{ SOCKAUTH_MECH_KRB5, "krb5" },
	{ SOCKAUTH_MECH_GSS, "gss" },
};

static const struct sockauth_name roles[] = {
	{ SOCKAUTH_ROLE_INITIATOR, "initiator" },
	{ SOCKAUTH_ROLE_ACCEPTOR, "acceptor" },
};

static const struct sockauth_name name_types[] = {
	{ SOCKAUTH_NAME_NONE, "none" },
	{ SOCKAUTH_NAME_DNS, "dns" },
	{ SOCKAUTH_NAME_EMAIL, "email" },
	{ SOCKAUTH_NAME_URI, "uri" },
	{ SOCKAUTH_NAME_IP, "ip" },
	{ SOCKAUTH_NAME_SUBJECT, "subject" },
	{ SOCKAUTH_NAME_PRINCIPAL, "principal" },
	{ SOCKAUTH_NAME_PSK, "psk" },
};

static const struct sockauth_name req_flags[] = {
	{ SOCKAUTH_REQ_MUTUAL, "mutual" },
	{ SOCKAUTH_REQ_KEEP_CRED, "keep-cred" },
	{ SOCKAUTH_REQ_TRUNCATION_OK, "truncation-ok" },
	{ SOCKAUTH_REQ_CLIENT, "client" },
	{ SOCKAUTH_REQ_SERVER, "server" },
};

static const struct sockauth_name sec_flags[] = {
	{ SOCKAUTH_SEC_SECURED, "secured" },
	{ SOCKAUTH_SEC_ENCRYPTED, "encrypted" },
	{ SOCKAUTH_SEC_MUTUAL, "mutual" },
	{ SOCKAUTH_SEC_RESUMED, "resumed" },
	{ SOCKAUTH_SEC_EXPIRES, "expires" },
};

/* The TLS 1.3 suites that kTLS has, as the IANA registry spells them. */
static const struct sockauth_name ciphers[] = {
	{ 0x1301, "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0x1304, "TLS_AES_128_CCM_SHA256" },
	{ 0x00c6, "TLS_SM4_GCM_SM3" },
	{ 0x00c7, "TLS_SM4_CCM_SM3" },
};

const struct sockauth_names sockauth_state_names = NAMES(states);
const struct sockauth_names sockauth_reason_names = NAMES(reasons);
const struct sockauth_names sockauth_mech_names = NAMES(mechs);
const struct sockauth_names sockauth_role_names = NAMES(roles);
const struct sockauth_names sockauth_name_type_names = NAMES(name_types);
const struct sockauth_names sockauth_req_flag_names = NAMES(req_flags);
const struct sockauth_names sockauth_sec_flag_names = NAMES(sec_flags);
const struct sockauth_names sockauth_cipher_names = NAMES(ciphers);

/**
 * sockauth_word - the word for a number
 * @names: one of the tables above
 * @value: the number
 *
 * Return: a constant string, or NULL if the number has no word here (a newer
 * kernel may know more of them).
 */
const char *sockauth_word(const struct sockauth_names *names, uint32_t value)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (names->list[i].value == value)
			return names->list[i].word;
	return NULL;
}

/**
 * sockauth_value - the number for a word
 * @names: one of the tables above
 * @word: the exact word
 * @value: set to the number
 *
 * Return: 0, or -ENOENT if there is no such word.
 */
int sockauth_value(const struct sockauth_names *names, const char *word,
		   uint32_t *value)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (strcmp(names->list[i].word, word))
			continue;
		*value = names->list[i].value;
		return 0;
	}
	return -ENOENT;
}
