// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a certificate says: who its owner is, until when, and why it was not
 * accepted.  Functions without state.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "cert.h"

/*
 * A name that somebody compares has no zero byte ("bank.example\0.evil") and
 * nothing that a terminal or a log takes for a command.
 */
static int copy_name(const ASN1_STRING *string, char *name, size_t size)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);
	int i, len = ASN1_STRING_length(string);

	if (len < 1 || (size_t)len >= size)
		return -EINVAL;
	for (i = 0; i < len; i++)
		if (data[i] <= ' ' || data[i] > '~')
			return -EINVAL;
	memcpy(name, data, len);
	name[len] = '\0';
	return 0;
}

static int copy_address(const ASN1_OCTET_STRING *string, char *name,
			size_t size)
{
	int len = ASN1_STRING_length(string);
	int family = len == 4 ? AF_INET : AF_INET6;

	if (len != 4 && len != 16)
		return -EINVAL;
	if (!inet_ntop(family, ASN1_STRING_get0_data(string), name, size))
		return -EINVAL;
	return 0;
}

static int copy_general(const GENERAL_NAME *gen, char *name, size_t size)
{
	if (gen->type == GEN_IPADD)
		return copy_address(gen->d.iPAddress, name, size);
	return copy_name(gen->d.ia5, name, size);
}

static int copy_subject(const X509 *cert, char *name, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int err = -EINVAL;
	char *text;
	long len;

	if (!bio)
		return -ENOMEM;
	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
			       XN_FLAG_RFC2253) > 0) {
		len = BIO_get_mem_data(bio, &text);
		if (len > 0 && (size_t)len < size) {
			memcpy(name, text, len);
			name[len] = '\0';
			err = 0;
		}
	}
	BIO_free(bio);
	return err;
}

/* Most telling first: people, then hosts. */
static const struct {
	int general;
	uint32_t type;
} preference[] = {
	{ GEN_EMAIL, SOCKAUTH_NAME_EMAIL },
	{ GEN_DNS, SOCKAUTH_NAME_DNS },
	{ GEN_URI, SOCKAUTH_NAME_URI },
	{ GEN_IPADD, SOCKAUTH_NAME_IP },
};

static bool find_name(const GENERAL_NAMES *names, int general, char *name,
		      size_t size)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *gen = sk_GENERAL_NAME_value(names, i);

		if (gen->type == general && !copy_general(gen, name, size))
			return true;
	}
	return false;
}

/**
 * cert_peer - whom a certificate names
 * @cert: the certificate
 * @peer: set to the first rfc822Name, else dNSName, URI, iPAddress, else the
 *	subject
 *
 * Return: 0, or -EINVAL if it names nobody.
 */
int cert_peer(const X509 *cert, struct peer *peer)
{
	struct peer new = { .type = SOCKAUTH_NAME_NONE };
	GENERAL_NAMES *names;
	size_t i;

	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sizeof(preference) / sizeof(preference[0]); i++) {
		if (!find_name(names, preference[i].general, new.name,
			       sizeof(new.name)))
			continue;
		new.type = preference[i].type;
		break;
	}
	GENERAL_NAMES_free(names);
	if (new.type == SOCKAUTH_NAME_NONE) {
		if (copy_subject(cert, new.name, sizeof(new.name)))
			return -EINVAL;
		new.type = SOCKAUTH_NAME_SUBJECT;
	}
	*peer = new;
	return 0;
}

static int64_t seconds(const ASN1_TIME *when)
{
	struct tm tm;

	return ASN1_TIME_to_tm(when, &tm) ? timegm(&tm) : 0;
}

/**
 * cert_expiry - when the first certificate of a chain expires
 * @chain: the chain; may be NULL
 *
 * Return: seconds since 1970; 0 if there is no chain.
 */
int64_t cert_expiry(STACK_OF(X509) *chain)
{
	int64_t first = 0, when;
	int i;

	for (i = 0; i < sk_X509_num(chain); i++) {
		when = seconds(X509_get0_notAfter(sk_X509_value(chain, i)));
		if (!first || when < first)
			first = when;
	}
	return first;
}

static int add_der(X509 *cert, uint8_t *out, size_t size, size_t *len)
{
	int der = i2d_X509(cert, NULL);
	uint8_t *p = out + *len;

	if (der < 0)
		return -ENOMEM;
	if (der > 0xffffff || (size_t)der + 3 > size - *len)
		return -EMSGSIZE;
	*p++ = der >> 16;
	*p++ = der >> 8;
	*p++ = der;
	i2d_X509(cert, &p);
	*len += 3 + der;
	return 0;
}

/**
 * cert_list - the certificates that a peer has shown, for SOCKAUTH_PEER_CRED
 * @leaf: the peer's own
 * @chain: what came with it, with or without @leaf; may be NULL
 * @out: filled
 * @size: of @out
 * @len: set to how much of @out was filled
 *
 * Return: 0, -EMSGSIZE or -ENOMEM.
 */
int cert_list(X509 *leaf, STACK_OF(X509) *chain, uint8_t *out, size_t size,
	      size_t *len)
{
	size_t used = 0;
	int i, err;

	err = add_der(leaf, out, size, &used);
	for (i = 0; !err && i < sk_X509_num(chain); i++)
		/* A client's OpenSSL has the leaf in the chain. */
		if (i || X509_cmp(sk_X509_value(chain, i), leaf))
			err = add_der(sk_X509_value(chain, i), out, size,
				      &used);
	if (!err)
		*len = used;
	return err;
}

/* A short name for messages. */
static void describe(const X509 *cert, char *name, size_t size)
{
	struct peer peer;

	if (!cert || cert_peer(cert, &peer))
		snprintf(name, size, "nobody");
	else
		snprintf(name, size, "%.100s", peer.name);
}

static void print_date(const ASN1_TIME *when, char *date, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(when, &tm) ||
	    !strftime(date, size, "%Y-%m-%d", &tm))
		snprintf(date, size, "an unreadable date");
}

/* All host names, or all addresses, that a certificate is good for. */
static void list_names(const X509 *cert, char *list, size_t size)
{
	GENERAL_NAMES *names;
	size_t len = 0;
	char name[256];
	int i;

	snprintf(list, size, "no host name");
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && len < size; i++) {
		const GENERAL_NAME *gen = sk_GENERAL_NAME_value(names, i);

		if ((gen->type != GEN_DNS && gen->type != GEN_IPADD) ||
		    copy_general(gen, name, sizeof(name)))
			continue;
		len += snprintf(list + len, size - len, "%s%s",
				len ? ", " : "", name);
	}
	GENERAL_NAMES_free(names);
}

static void explain_date(const X509 *cert, int code, struct verdict *v)
{
	bool over = code == X509_V_ERR_CERT_HAS_EXPIRED;
	char name[128], date[32];

	describe(cert, name, sizeof(name));
	print_date(over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert),
		   date, sizeof(date));
	if (over)
		verdict_set(v, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED,
			    "certificate of %s has expired on %s", name, date);
	else
		verdict_set(v, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED,
			    "certificate of %s is not valid before %s", name,
			    date);
}

static void explain_trust(X509_STORE_CTX *store, const X509 *cert, int code,
			  struct verdict *v)
{
	char name[128], issuer[128];

	describe(cert, name, sizeof(name));
	X509_NAME_oneline(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	verdict_set(v, SOCKAUTH_REASON_BAD_CRED, EACCES,
		    "certificate of %s is not trusted: %s (depth %d, issuer %s)",
		    name, X509_verify_cert_error_string(code),
		    X509_STORE_CTX_get_error_depth(store), issuer);
}

/**
 * cert_explain - why the verification of a certificate failed
 * @store: as the verification callback gets it
 * @target: initiator: who was wanted; acceptor: NULL
 * @v: set
 */
void cert_explain(X509_STORE_CTX *store, const char *target, struct verdict *v)
{
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);
	int code = X509_STORE_CTX_get_error(store);
	char name[160];

	if (!cert)
		cert = X509_STORE_CTX_get0_cert(store);
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		explain_date(cert, code, v);
		break;
	case X509_V_ERR_CERT_REVOKED:
		describe(cert, name, sizeof(name));
		verdict_set(v, SOCKAUTH_REASON_CRED_REVOKED, EACCES,
			    "certificate of %s is revoked", name);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		list_names(cert, name, sizeof(name));
		verdict_set(v, SOCKAUTH_REASON_NAME, EACCES,
			    "name mismatch: wanted %.80s, certificate has %s",
			    target ? target : "nobody", name);
		break;
	case X509_V_ERR_OUT_OF_MEM:
		verdict_set(v, SOCKAUTH_REASON_INTERNAL, ENOMEM,
			    "no memory to check the certificate");
		break;
	default:
		explain_trust(store, cert, code, v);
	}
}
