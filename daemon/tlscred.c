// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Certificates, keys, trusted certificates and revocation lists of a profile,
 * and the two SSL_CTXs that are made of them.  Constant once loaded; part of a
 * snapshot.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sockauth/names.h>

#include "log.h"
#include "loader.h"
#include "ticket.h"
#include "tlscred.h"

/* A longer list of acceptable issuers would not help any client. */
#define CA_NAMES_MAX	64

static const uint16_t default_ciphers[] = { 0x1301, 0x1302, 0x1303 };

static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "unknown error";
}

static int no_memory(const struct loading *l)
{
	snprintf(l->text, l->size, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

/* The content of a file, or a message about it. */
static const struct file *need_file(const struct loading *l, int line,
				    const char *key, const char *name)
{
	const struct file *file = files_find(l->files, name);

	if (file && !file->err)
		return file;
	loading_fail(l, line, "%s: %s: %s", key, name,
		     strerror(file ? -file->err : ENOENT));
	return NULL;
}

/* Nobody is there to type a password. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return 0;
}

static int load_cert(const struct loading *l, const struct config_pair *pair,
		     struct tls_identity *id)
{
	const struct file *file;
	X509 *cert;
	BIO *bio;

	file = need_file(l, pair->line, "certificate", pair->cert);
	if (!file)
		return -EINVAL;
	bio = BIO_new_mem_buf(file->data, file->len);
	id->chain = sk_X509_new_null();
	if (!bio || !id->chain) {
		BIO_free(bio);
		return no_memory(l);
	}
	ERR_clear_error();
	id->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	while (id->cert && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (!sk_X509_push(id->chain, cert))
			X509_free(cert);
	BIO_free(bio);
	if (!id->cert)
		return loading_fail(l, pair->line,
				    "certificate: %s has no certificate in PEM form (%s)",
				    pair->cert, reason());
	if (X509_cmp_current_time(X509_get0_notAfter(id->cert)) < 0)
		log_warning("%s:%d: the certificate %s has expired", l->path,
			    pair->line, pair->cert);
	return 0;
}

static int load_key(const struct loading *l, const struct config_pair *pair,
		    struct tls_identity *id)
{
	const char *name = pair->key ? pair->key : pair->cert;
	const struct file *file;
	BIO *bio;

	file = need_file(l, pair->line, "key", name);
	if (!file)
		return -EINVAL;
	bio = BIO_new_mem_buf(file->data, file->len);
	if (!bio)
		return no_memory(l);
	ERR_clear_error();
	id->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (!id->key)
		return loading_fail(l, pair->line,
				    "key: %s has no unencrypted key in PEM form (%s)",
				    name, reason());
	if (!X509_check_private_key(id->cert, id->key))
		return loading_fail(l, pair->line,
				    "key: %s is not the key of %s", name,
				    pair->cert);
	return 0;
}

static int add_name(struct tls_cred *cred, size_t identity, const char *name)
{
	struct tls_name *names;

	names = reallocarray(cred->names, cred->name_count + 1,
			     sizeof(*names));
	if (!names)
		return -ENOMEM;
	cred->names = names;
	names += cred->name_count;
	names->name = strdup(name);
	names->identity = identity;
	if (!names->name)
		return -ENOMEM;
	cred->name_count++;
	return 0;
}

static int index_names(struct tls_cred *cred, size_t identity)
{
	GENERAL_NAMES *list;
	int i, err = 0;

	list = X509_get_ext_d2i(cred->identities[identity].cert,
				NID_subject_alt_name, NULL, NULL);
	for (i = 0; !err && i < sk_GENERAL_NAME_num(list); i++) {
		const GENERAL_NAME *gen = sk_GENERAL_NAME_value(list, i);

		if (gen->type == GEN_DNS)
			err = add_name(cred, identity,
				       (char *)ASN1_STRING_get0_data(
						gen->d.dNSName));
	}
	GENERAL_NAMES_free(list);
	return err;
}

/* A server's certificate in the hands of a client would only be refused. */
static int assign(struct tls_cred *cred, size_t identity)
{
	const struct tls_identity *id = &cred->identities[identity];

	if (!cred->client &&
	    X509_check_purpose(id->cert, X509_PURPOSE_SSL_CLIENT, 0) == 1)
		cred->client = id;
	if (X509_check_purpose(id->cert, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return 0;
	if (!cred->server)
		cred->server = id;
	return index_names(cred, identity);
}

static int load_identities(const struct loading *l, struct tls_cred *cred)
{
	size_t i, count = l->profile->pair_count;
	int err = 0;

	cred->identities = calloc(count + 1, sizeof(*cred->identities));
	if (!cred->identities)
		return no_memory(l);
	for (i = 0; !err && i < count; i++) {
		const struct config_pair *pair = &l->profile->pairs[i];
		struct tls_identity *id = &cred->identities[i];

		cred->identity_count++;
		err = load_cert(l, pair, id);
		if (!err)
			err = load_key(l, pair, id);
		if (!err && assign(cred, i))
			err = no_memory(l);
	}
	return err;
}

/* All certificates, or all revocation lists, of a file into the store. */
static int fill_store(const struct file *file, X509_STORE *store, bool crls)
{
	STACK_OF(X509_INFO) *list;
	int i, count = 0;
	BIO *bio = BIO_new_mem_buf(file->data, file->len);

	if (!bio)
		return -ENOMEM;
	ERR_clear_error();
	list = PEM_X509_INFO_read_bio(bio, NULL, no_password, NULL);
	BIO_free(bio);
	for (i = 0; i < sk_X509_INFO_num(list); i++) {
		const X509_INFO *info = sk_X509_INFO_value(list, i);

		if (crls ? info->crl && X509_STORE_add_crl(store, info->crl) :
			   info->x509 && X509_STORE_add_cert(store, info->x509))
			count++;
	}
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	return count;
}

static int fill_list(const struct loading *l, const struct config_list *list,
		     X509_STORE *store, bool crls)
{
	const char *key = crls ? "crl" : "trust";
	const char *name;
	const struct file *file;
	size_t i;
	int n;

	for (i = 0; i < list->count; i++) {
		name = loader_path(list->items[i].value);
		file = need_file(l, list->items[i].line, key, name);
		if (!file)
			return -EINVAL;
		n = fill_store(file, store, crls);
		if (n < 0)
			return no_memory(l);
		if (!n)
			return loading_fail(l, list->items[i].line,
					    "%s: %s has no %s in PEM form (%s)",
					    key, name,
					    crls ? "revocation list" :
					    "certificate", reason());
	}
	return 0;
}

static X509_STORE *load_store(const struct loading *l)
{
	X509_STORE *store = X509_STORE_new();

	if (!store) {
		no_memory(l);
		return NULL;
	}
	/*
	 * What the administrator trusts is trusted, also if it is not a root.
	 * With revocation lists, there must be one for each issuer: a missing
	 * one must not pass for "not revoked".
	 */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	if (l->profile->crl.count)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK |
				     X509_V_FLAG_CRL_CHECK_ALL);
	if (fill_list(l, &l->profile->trust, store, false) ||
	    fill_list(l, &l->profile->crl, store, true)) {
		X509_STORE_free(store);
		return NULL;
	}
	return store;
}

static bool kernel_has(const struct ciphers *ciphers, uint16_t suite)
{
	size_t i;

	for (i = 0; i < ciphers->count; i++)
		if (ciphers->list[i] == suite)
			return true;
	return !ciphers->count;
}

static int set_ciphers(const struct loading *l, SSL_CTX *ctx)
{
	const struct config_profile *profile = l->profile;
	const uint16_t *suites = default_ciphers;
	size_t i, count = sizeof(default_ciphers) / sizeof(default_ciphers[0]);
	char list[256] = "";

	if (profile->cipher_count) {
		suites = profile->ciphers;
		count = profile->cipher_count;
	}
	for (i = 0; i < count; i++) {
		if (!kernel_has(l->ciphers, suites[i]))
			continue;
		if (*list)
			strcat(list, ":");
		strcat(list, sockauth_word(&sockauth_cipher_names, suites[i]));
	}
	if (!*list || !SSL_CTX_set_ciphersuites(ctx, list))
		return loading_fail(l, profile->line,
				    "ciphers: the kernel can do none of them");
	return 0;
}

static int set_groups(const struct loading *l, SSL_CTX *ctx)
{
	const struct config_list *groups = &l->profile->groups;
	size_t i, len = 1;
	char *list;
	int ok;

	if (!groups->count)
		return 0;
	for (i = 0; i < groups->count; i++)
		len += strlen(groups->items[i].value) + 1;
	list = calloc(1, len);
	if (!list)
		return no_memory(l);
	for (i = 0; i < groups->count; i++) {
		if (i)
			strcat(list, ":");
		strcat(list, groups->items[i].value);
	}
	ok = SSL_CTX_set1_groups_list(ctx, list);
	free(list);
	if (!ok)
		return loading_fail(l, groups->items[0].line,
				    "groups: OpenSSL does not know all of them");
	return 0;
}

/**
 * tls_cred_limit - have an SSL_CTX use only what profile and kernel allow
 * @l: the profile
 * @ctx: its suites and groups are set
 *
 * Return: 0, or -errno and a text.
 */
int tls_cred_limit(const struct loading *l, SSL_CTX *ctx)
{
	int err = set_ciphers(l, ctx);

	return err ? err : set_groups(l, ctx);
}

static int set_identity(const struct loading *l, SSL_CTX *ctx,
			const struct tls_identity *id)
{
	if (!id)
		return 0;
	ERR_clear_error();
	if (SSL_CTX_use_cert_and_key(ctx, id->cert, id->key, id->chain, 1))
		return 0;
	return loading_fail(l, l->profile->line,
			    "a certificate cannot be used: %s", reason());
}

static SSL_CTX *make_ctx(const struct loading *l, enum sockauth_role role,
			 const struct tls_identity *id, X509_STORE *store)
{
	SSL_CTX *ctx = tls_ctx_new(role);

	if (!ctx) {
		no_memory(l);
		return NULL;
	}
	/* What goes to the peer stands in the certificate's file. */
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set1_cert_store(ctx, store);
	SSL_CTX_set_verify_depth(ctx, l->profile->depth);
	SSL_CTX_set_security_level(ctx, l->profile->security);
	if (tls_cred_limit(l, ctx) ||
	    set_identity(l, ctx, id)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

/*
 * Tickets are good only for what they were made under: another profile, other
 * trusted certificates or a newer revocation list want a full handshake.
 */
static int digest_rules(const struct loading *l, struct tls_cred *cred)
{
	const struct config_profile *profile = l->profile;
	const struct config_list *lists[] = { &profile->trust, &profile->crl };
	unsigned int rules[] = {
		profile->client_cert, profile->depth, profile->security,
	};
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	const struct file *file;
	size_t i, j;
	int ok;

	ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
	     EVP_DigestUpdate(md, profile->name, strlen(profile->name) + 1) &&
	     EVP_DigestUpdate(md, rules, sizeof(rules));
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		/* A file may be of use in both. */
		ok = ok && EVP_DigestUpdate(md, &lists[i]->count,
					    sizeof(lists[i]->count));
		for (j = 0; ok && j < lists[i]->count; j++) {
			file = files_find(l->files, loader_path(
						lists[i]->items[j].value));
			ok = EVP_DigestUpdate(md, &file->len,
					      sizeof(file->len)) &&
			     EVP_DigestUpdate(md, file->data, file->len);
		}
	}
	ok = ok && EVP_DigestFinal_ex(md, cred->rules, NULL);
	EVP_MD_CTX_free(md);
	return ok ? 0 : no_memory(l);
}

/* Helps a client that has several certificates to choose. */
static void set_ca_names(const struct loading *l, SSL_CTX *ctx,
			 X509_STORE *store)
{
	STACK_OF(X509) *certs;
	int i;

	if (l->profile->client_cert == CLIENT_CERT_NONE)
		return;
	certs = X509_STORE_get1_all_certs(store);
	for (i = 0; sk_X509_num(certs) <= CA_NAMES_MAX &&
	     i < sk_X509_num(certs); i++)
		SSL_CTX_add_client_CA(ctx, sk_X509_value(certs, i));
	sk_X509_pop_free(certs, X509_free);
}

static int make_acceptor(const struct loading *l, struct tls_cred *cred,
			 X509_STORE *store)
{
	cred->acceptor = make_ctx(l, SOCKAUTH_ROLE_ACCEPTOR, cred->server,
				  store);
	if (!cred->acceptor)
		return -EINVAL;
	set_ca_names(l, cred->acceptor, store);
	SSL_CTX_set_num_tickets(cred->acceptor, l->profile->tickets);
	if (!l->profile->tickets)
		SSL_CTX_set_options(cred->acceptor, SSL_OP_NO_TICKET);
	SSL_CTX_set_timeout(cred->acceptor, TICKET_LIFETIME);
	if (!SSL_CTX_set_session_id_context(cred->acceptor, cred->rules,
					    sizeof(cred->rules)))
		return no_memory(l);
	return 0;
}

/**
 * tls_cred_new - load the credentials of a profile
 * @l: what they are made of
 * @cred: set; the caller frees it
 *
 * Return: 0, or -errno and a text.
 */
int tls_cred_new(const struct loading *l, struct tls_cred **cred)
{
	struct tls_cred *new = calloc(1, sizeof(*new));
	X509_STORE *store = NULL;
	int err;

	if (!new)
		return no_memory(l);
	new->trust = l->profile->trust.count > 0;
	err = load_identities(l, new);
	if (!err) {
		store = load_store(l);
		err = store ? 0 : -EINVAL;
	}
	if (!err)
		err = digest_rules(l, new);
	if (!err && (new->server || l->profile->keytab ||
		     l->profile->psk_count))
		err = make_acceptor(l, new, store);
	if (!err && new->trust) {
		new->initiator = make_ctx(l, SOCKAUTH_ROLE_INITIATOR,
					  new->client, store);
		err = new->initiator ? 0 : -EINVAL;
	}
	if (!err && !new->acceptor && !new->initiator &&
	    l->profile->mechs & 1u << SOCKAUTH_MECH_TLS)
		err = loading_fail(l, l->profile->line,
				   "neither a server's certificate nor trust");
	X509_STORE_free(store);
	if (err) {
		tls_cred_free(new);
		return err;
	}
	*cred = new;
	return 0;
}

/**
 * tls_cred_free - free credentials
 * @cred: may be NULL
 */
void tls_cred_free(struct tls_cred *cred)
{
	size_t i;

	if (!cred)
		return;
	SSL_CTX_free(cred->acceptor);
	SSL_CTX_free(cred->initiator);
	for (i = 0; i < cred->identity_count; i++) {
		X509_free(cred->identities[i].cert);
		EVP_PKEY_free(cred->identities[i].key);
		sk_X509_pop_free(cred->identities[i].chain, X509_free);
	}
	free(cred->identities);
	for (i = 0; i < cred->name_count; i++)
		free(cred->names[i].name);
	free(cred->names);
	free(cred);
}

/**
 * tls_cred_find - the identity for a host name
 * @cred: where
 * @host: what the client asks for
 *
 * Return: the first identity with exactly that name, else the first with a
 * wildcard for its first label, else NULL.
 */
const struct tls_identity *tls_cred_find(const struct tls_cred *cred,
					 const char *host)
{
	const struct tls_identity *found = NULL;
	const char *rest = strchr(host, '.');
	size_t i;

	for (i = 0; i < cred->name_count; i++) {
		const struct tls_name *name = &cred->names[i];

		if (!strcasecmp(name->name, host))
			return &cred->identities[name->identity];
		if (!found && rest && !strncmp(name->name, "*.", 2) &&
		    !strcasecmp(name->name + 1, rest))
			found = &cred->identities[name->identity];
	}
	return found;
}
