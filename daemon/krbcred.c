// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kerberos credentials of an acceptor: the keys of its service, and which
 * clients it takes.  Constant once they are loaded; the keytab has a lock of
 * its own in libkrb5.  A libkrb5 context belongs to one thread.
 */
#include <errno.h>
#include <profile.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "krb.h"

/* What is strong enough for ticket, session key and subkey. */
static krb5_enctype enctypes[] = {
	ENCTYPE_AES256_CTS_HMAC_SHA384_192, ENCTYPE_AES128_CTS_HMAC_SHA256_128,
	ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_AES128_CTS_HMAC_SHA1_96,
	ENCTYPE_CAMELLIA256_CTS_CMAC, ENCTYPE_CAMELLIA128_CTS_CMAC,
	ENCTYPE_NULL
};

/**
 * krb_context_new - libkrb5 for those who cannot open files
 * @krb: set; krb5_free_context() frees it
 *
 * Nothing of krb5.conf counts here.
 *
 * Return: 0 or -ENOMEM.
 */
int krb_context_new(krb5_context *krb)
{
	profile_t nothing;
	krb5_context new;
	int err;

	if (profile_init(NULL, &nothing))
		return -ENOMEM;
	err = krb5_init_context_profile(nothing, KRB5_INIT_CONTEXT_SECURE,
					&new);
	profile_release(nothing);
	if (err)
		return -ENOMEM;
	if (krb5_set_default_tgs_enctypes(new, enctypes)) {
		krb5_free_context(new);
		return -ENOMEM;
	}
	*krb = new;
	return 0;
}

/* Keytabs in memory are found by their name, by the whole process. */
static int open_keytab(krb5_context krb, krb5_keytab *keytab)
{
	static atomic_ulong number;
	char name[64];

	snprintf(name, sizeof(name), "MEMORY:sockauth-%lu",
		 atomic_fetch_add(&number, 1));
	return krb5_kt_resolve(krb, name, keytab) ? -ENOMEM : 0;
}

static int load_keytab(const struct loading *l, krb5_context krb,
		       struct krb_cred *cred)
{
	const char *name = l->profile->keytab;
	const struct file *file = files_find(l->files, name);
	int n;

	if (!file || file->err)
		return loading_fail(l, l->profile->keytab_line,
				    "keytab: %s: %s", name,
				    strerror(file ? -file->err : ENOENT));
	if (open_keytab(krb, &cred->keytab))
		return -ENOMEM;
	n = krb_keytab_fill(krb, cred->keytab, file->data, file->len);
	if (n == -ENOMEM)
		return n;
	if (n <= 0)
		return loading_fail(l, l->profile->keytab_line,
				    "keytab: %s is not a keytab with keys",
				    name);
	return 0;
}

static int load_service(const struct loading *l, krb5_context krb,
			struct krb_cred *cred)
{
	const char *name = l->profile->service;

	if (!name)
		return 0;
	if (krb5_parse_name_flags(krb, name,
				  KRB5_PRINCIPAL_PARSE_REQUIRE_REALM,
				  &cred->service))
		return loading_fail(l, l->profile->keytab_line,
				    "service-principal: %s is not a principal with its realm",
				    name);
	return 0;
}

/**
 * krb_cred_new - load what an acceptor needs
 * @l: what it is made of; the profile has a keytab
 * @cred: set; the caller frees it
 *
 * Return: 0, or -errno and a text.
 */
int krb_cred_new(const struct loading *l, struct krb_cred **cred)
{
	struct krb_cred *new = calloc(1, sizeof(*new));
	krb5_context krb = NULL;
	int err;

	err = new ? krb_context_new(&krb) : -ENOMEM;
	if (!err)
		err = load_keytab(l, krb, new);
	if (!err)
		err = load_service(l, krb, new);
	if (err == -ENOMEM)
		snprintf(l->text, l->size, "%s", strerror(ENOMEM));
	krb5_free_context(krb);
	if (err) {
		krb_cred_free(new);
		return err;
	}
	new->principals = &l->profile->principals;
	*cred = new;
	return 0;
}

/**
 * krb_cred_free - free what krb_cred_new() made
 * @cred: may be NULL
 */
void krb_cred_free(struct krb_cred *cred)
{
	krb5_context krb;

	if (!cred)
		return;
	/* Without a context there is no way to free them: a leak, no harm. */
	if (!krb_context_new(&krb)) {
		if (cred->keytab)
			krb5_kt_close(krb, cred->keytab);
		krb5_free_principal(krb, cred->service);
		krb5_free_context(krb);
	}
	free(cred);
}

/* A backslash and what follows it are one character of the name. */
static size_t char_len(const char *s)
{
	return *s == '\\' && s[1] ? 2 : 1;
}

/**
 * krb_name_matches - whether a principal is meant by a pattern
 * @pattern: as configured: "*" stands for any characters of one component or
 *	of the realm, also for none
 * @name: with its realm, as krb5_unparse_name() writes it
 *
 * Return: whether.
 */
bool krb_name_matches(const char *pattern, const char *name)
{
	size_t len;

	for (; *pattern && *pattern != '*'; pattern += len, name += len) {
		len = char_len(pattern);
		if (strncmp(pattern, name, len))
			return false;
	}
	if (!*pattern)
		return !*name;
	while (!krb_name_matches(pattern + 1, name)) {
		if (!*name || *name == '/' || *name == '@')
			return false;
		name += char_len(name);
	}
	return true;
}
