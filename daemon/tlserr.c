// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Why a TLS handshake failed, in words for an administrator.  Reads a session
 * and the error queue of OpenSSL, both of the calling thread.
 */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include "tls.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct cause {
	int code;	/* of OpenSSL, or of an alert */
	enum sockauth_reason reason;
	int error;
	const char *text;
};

/* What went wrong on our side of the wire. */
static const struct cause errors[] = {
	{ SSL_R_HTTP_REQUEST, SOCKAUTH_REASON_MALFORMED, EPROTO,
	  "the peer sends plain HTTP, not TLS" },
	{ SSL_R_HTTPS_PROXY_REQUEST, SOCKAUTH_REASON_MALFORMED, EPROTO,
	  "the peer takes us for an HTTP proxy" },
	{ SSL_R_WRONG_VERSION_NUMBER, SOCKAUTH_REASON_MALFORMED, EPROTO,
	  "what the peer sends is not TLS" },
	{ SSL_R_NO_APPLICATION_PROTOCOL, SOCKAUTH_REASON_ALPN, EPROTO,
	  "the peer offers none of our application protocols" },
	{ SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SOCKAUTH_REASON_NO_CRED,
	  EACCES, "the peer shows no certificate, but must" },
	{ SSL_R_NO_CERTIFICATE_SET, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
	  "the profile has no certificate" },
	{ SSL_R_NO_SHARED_CIPHER, SOCKAUTH_REASON_CIPHER, EPROTO,
	  "no cipher suite in common with the peer" },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, SOCKAUTH_REASON_CIPHER, EPROTO,
	  "no key exchange group in common with the peer" },
	{ SSL_R_NO_SHARED_GROUPS, SOCKAUTH_REASON_CIPHER, EPROTO,
	  "no key exchange group in common with the peer" },
	{ SSL_R_NO_SUITABLE_GROUPS, SOCKAUTH_REASON_CIPHER, EPROTO,
	  "no key exchange group in common with the peer" },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SOCKAUTH_REASON_CIPHER,
	  EPROTO, "no signature algorithm in common with the peer" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SOCKAUTH_REASON_CIPHER,
	  EPROTO, "no signature algorithm that suits our certificate in common with the peer" },
	{ SSL_R_BAD_SIGNATURE, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED,
	  "the peer's signature is wrong: it lacks the certificate's key" },
	{ SSL_R_BINDER_DOES_NOT_VERIFY, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED,
	  "the peer's proof of the pre-shared key is wrong" },
	{ SSL_R_DIGEST_CHECK_FAILED, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED,
	  "the peer's Finished is wrong: somebody changed the handshake" },
	{ SSL_R_EXCESSIVE_MESSAGE_SIZE, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
	  "a handshake message of the peer is too long" },
};

/* The alerts that we send (RFC 8446 6), where no error said more. */
static const struct cause sent[] = {
	{ SSL_AD_UNEXPECTED_MESSAGE, SOCKAUTH_REASON_MALFORMED, EPROTO, NULL },
	{ SSL_AD_DECODE_ERROR, SOCKAUTH_REASON_MALFORMED, EPROTO, NULL },
	{ SSL_AD_ILLEGAL_PARAMETER, SOCKAUTH_REASON_MALFORMED, EPROTO, NULL },
	{ SSL_AD_MISSING_EXTENSION, SOCKAUTH_REASON_MALFORMED, EPROTO, NULL },
	{ SSL_AD_UNSUPPORTED_EXTENSION, SOCKAUTH_REASON_MALFORMED, EPROTO,
	  NULL },
	{ SSL_AD_BAD_RECORD_MAC, SOCKAUTH_REASON_RECORD, EPROTO, NULL },
	{ SSL_AD_RECORD_OVERFLOW, SOCKAUTH_REASON_RECORD, EPROTO, NULL },
	{ SSL_AD_HANDSHAKE_FAILURE, SOCKAUTH_REASON_CIPHER, EPROTO, NULL },
	{ SSL_AD_DECRYPT_ERROR, SOCKAUTH_REASON_BAD_CRED, EKEYREJECTED,
	  NULL },
	{ SSL_AD_BAD_CERTIFICATE, SOCKAUTH_REASON_BAD_CRED, EACCES, NULL },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, SOCKAUTH_REASON_BAD_CRED, EACCES,
	  NULL },
};

/* The alerts that we get. */
static const struct cause got[] = {
	{ SSL_AD_CLOSE_NOTIFY, SOCKAUTH_REASON_PEER_CLOSED, ECONNRESET,
	  "the peer gave up during the handshake" },
	{ SSL_AD_PROTOCOL_VERSION, SOCKAUTH_REASON_VERSION, EPROTO,
	  "the peer does not speak TLS 1.3" },
	{ SSL_AD_NO_APPLICATION_PROTOCOL, SOCKAUTH_REASON_ALPN, EPROTO,
	  "the peer has none of our application protocols" },
	{ SSL_AD_INSUFFICIENT_SECURITY, SOCKAUTH_REASON_CIPHER, EPROTO,
	  "the peer wants stronger ciphers than ours" },
	{ SSL_AD_HANDSHAKE_FAILURE, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED,
	  "the peer found no parameters that both sides have" },
	{ SSL_AD_UNKNOWN_CA, SOCKAUTH_REASON_PEER_REFUSED, EKEYREJECTED,
	  "the peer does not trust the issuer of our certificate" },
	{ SSL_AD_CERTIFICATE_EXPIRED, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED, "the peer says that our certificate has expired" },
	{ SSL_AD_CERTIFICATE_REVOKED, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED, "the peer says that our certificate is revoked" },
	{ SSL_AD_BAD_CERTIFICATE, SOCKAUTH_REASON_PEER_REFUSED, EKEYREJECTED,
	  "the peer rejects our certificate" },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED, "the peer cannot use our kind of certificate" },
	{ SSL_AD_CERTIFICATE_UNKNOWN, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED, "the peer rejects our certificate" },
	{ SSL_AD_ACCESS_DENIED, SOCKAUTH_REASON_PEER_REFUSED, EKEYREJECTED,
	  "the peer denies us access" },
	{ SSL_AD_CERTIFICATE_REQUIRED, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY,
	  "the peer requires a certificate, but the profile has none" },
	{ SSL_AD_UNKNOWN_PSK_IDENTITY, SOCKAUTH_REASON_PEER_REFUSED,
	  EKEYREJECTED, "the peer does not accept our Kerberos ticket or key" },
	{ SSL_AD_UNRECOGNIZED_NAME, SOCKAUTH_REASON_NAME, EKEYREJECTED,
	  "the peer has no server of that name" },
};

static const struct cause *find(const struct cause *list, size_t count,
				int code)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].code == code)
			return &list[i];
	return NULL;
}

static void explain_alert(int alert, struct verdict *v)
{
	const struct cause *cause = find(got, COUNT(got), alert);

	verdict_set(v, cause ? cause->reason : SOCKAUTH_REASON_PEER_REFUSED,
		    cause ? cause->error : EKEYREJECTED, "%s (alert %d, %s)",
		    cause ? cause->text : "the peer refuses", alert,
		    SSL_alert_desc_string_long(alert));
}

static const char *version_name(uint16_t version)
{
	switch (version) {
	case SSL3_VERSION:
		return "SSL 3.0";
	case TLS1_VERSION:
		return "TLS 1.0";
	case TLS1_1_VERSION:
		return "TLS 1.1";
	case TLS1_2_VERSION:
		return "TLS 1.2";
	}
	return "an old version of TLS";
}

static void explain_version(const struct tls_session *s, struct verdict *v)
{
	if (SSL_is_server(s->ssl))
		verdict_set(v, SOCKAUTH_REASON_VERSION, EPROTO,
			    "the peer offers %s at most, TLS 1.3 is needed",
			    version_name(s->peer_version));
	else
		verdict_set(v, SOCKAUTH_REASON_VERSION, EPROTO,
			    "the peer does not speak TLS 1.3");
}

/**
 * tls_explain - find out why a step failed
 * @s: the session; the error queue is still as tls_step() left it
 * @v: set, unless a callback has done so, which knew more
 */
void tls_explain(const struct tls_session *s, struct verdict *v)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ?
		     ERR_GET_REASON(code) : 0;
	const struct cause *cause;
	const char *detail;

	if (s->got_alert >= 0) {
		explain_alert(s->got_alert, v);
		return;
	}
	if (reason == SSL_R_UNSUPPORTED_PROTOCOL ||
	    s->sent_alert == SSL_AD_PROTOCOL_VERSION) {
		explain_version(s, v);
		return;
	}
	cause = reason ? find(errors, COUNT(errors), reason) : NULL;
	if (cause) {
		verdict_set(v, cause->reason, cause->error, "%s", cause->text);
		return;
	}
	detail = code ? ERR_reason_error_string(code) : NULL;
	cause = find(sent, COUNT(sent), s->sent_alert);
	if (cause)
		verdict_set(v, cause->reason, cause->error,
			    "the handshake failed: %s",
			    detail ? detail :
			    SSL_alert_desc_string_long(s->sent_alert));
	else
		verdict_set(v, SOCKAUTH_REASON_INTERNAL, EIO,
			    "OpenSSL failed: %s",
			    detail ? detail : "no secrets were derived");
}

/**
 * tls_alert_token - refuse a peer before there is a handshake
 * @out: an alert record is appended
 * @alert: what it says
 */
void tls_alert_token(struct output *out, uint8_t alert)
{
	const uint8_t record[] = { 21, 3, 3, 0, 2, 2, alert };

	if (sizeof(out->data) - out->len < sizeof(record))
		return;
	memcpy(out->data + out->len, record, sizeof(record));
	out->len += sizeof(record);
}
