// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a helper of the broker does, in a process of its own that is the user
 * already: libkrb5 with all of the site's configuration, plugins, credential
 * caches and network.  It may block, and it may crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <krb5.h>

#include "broker.h"

#define UID_TOKEN	"%{uid}"

static void refuse(struct broker_answer *answer, enum sockauth_reason reason,
		   int error)
{
	answer->verdict_reason = reason;
	answer->error = error;
}

static void explain(struct broker_answer *answer, krb5_context krb,
		    krb5_error_code code, const char *what)
{
	const char *text = krb5_get_error_message(krb, code);

	refuse(answer, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY);
	switch (code) {
	case KRB5KRB_AP_ERR_TKT_EXPIRED:
		refuse(answer, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED);
		break;
	case KRB5KRB_AP_ERR_SKEW:
		refuse(answer, SOCKAUTH_REASON_CRED_EXPIRED, EKEYEXPIRED);
		break;
	case EMSGSIZE:
		refuse(answer, SOCKAUTH_REASON_LIMIT, EMSGSIZE);
		break;
	case KRB5_KDC_UNREACH:
	case KRB5_REALM_CANT_RESOLVE:
		refuse(answer, SOCKAUTH_REASON_OTHER, EHOSTUNREACH);
		break;
	case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
	case KRB5_PARSE_MALFORMED:
	case KRB5_ERR_HOST_REALM_UNKNOWN:
		refuse(answer, SOCKAUTH_REASON_NAME, EINVAL);
		break;
	}
	snprintf(answer->text, sizeof(answer->text), "%s: %s", what, text);
	krb5_free_error_message(krb, text);
}

/* "%{uid}" is all that is expanded here; libkrb5 does so only in its own. */
static void expand(const char *value, char *out, size_t size)
{
	const char *token = strstr(value, UID_TOKEN);

	if (token)
		snprintf(out, size, "%.*s%u%s", (int)(token - value), value,
			 (unsigned int)getuid(), token + strlen(UID_TOKEN));
	else
		snprintf(out, size, "%s", value);
}

/*
 * "service@host"; with a "/" it is a principal already.  As a host's name,
 * libkrb5 would ask DNS for another one: at once, or for a name that the KDC
 * does not know (dns_canonicalize_hostname).  Then whoever answers says which
 * service it is that has to prove itself.  A KDC refers clients to other realms
 * for an instance of a service, too.
 */
static krb5_error_code parse_target(krb5_context krb, const char *target,
				    krb5_principal *server)
{
	const char *at = strchr(target, '@');
	krb5_error_code code;
	char *service;

	if (strchr(target, '/') || !at)
		return krb5_parse_name(krb, target, server);
	service = strndup(target, at - target);
	if (!service)
		return ENOMEM;
	code = krb5_sname_to_principal(krb, at + 1, service,
				       KRB5_NT_UNKNOWN, server);
	free(service);
	if (!code)
		(*server)->type = KRB5_NT_SRV_INST;
	return code;
}

static krb5_error_code open_ours(const char *path, int *fd)
{
	struct stat st;

	/* What is no file must not keep us waiting. */
	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOENT ? KRB5_FCC_NOFILE : KRB5_FCC_PERM;
	if (!fstat(*fd, &st) && S_ISREG(st.st_mode) &&
	    (st.st_uid == getuid() || !st.st_uid))
		return 0;
	close(*fd);
	return KRB5_FCC_PERM;
}

/*
 * libkrb5 takes whatever it can read.  In /tmp that could be what another user
 * has put there, so that this one acts under his name, and he could do so right
 * after we have looked.  So libkrb5 gets the file that we have looked at, which
 * stays open until the process ends, and nothing where there was none.
 */
static krb5_error_code keep_ours(krb5_context krb, krb5_ccache *ccache)
{
	const char *type = krb5_cc_get_type(krb, *ccache);
	const char *name = krb5_cc_get_name(krb, *ccache);
	krb5_error_code code;
	char kept[64];
	int fd;

	if (strcmp(type, "FILE") && strcmp(type, "DIR"))
		return 0;
	/* A member of a collection is named ":PATH". */
	code = open_ours(name + (*name == ':'), &fd);
	if (code)
		return code;
	krb5_cc_close(krb, *ccache);
	/* One's own descriptors are there also if one cannot be dumped. */
	snprintf(kept, sizeof(kept), "FILE:/proc/self/fd/%d", fd);
	return krb5_cc_resolve(krb, kept, ccache);
}

/* The user's cache, and who he is in it. */
static krb5_error_code open_ccache(krb5_context krb, const char *name,
				   krb5_ccache *ccache, krb5_principal *client)
{
	krb5_error_code code;
	char expanded[512];

	expand(name, expanded, sizeof(expanded));
	code = *name ? krb5_cc_resolve(krb, expanded, ccache) :
		       krb5_cc_default(krb, ccache);
	if (!code)
		code = keep_ours(krb, ccache);
	if (!code)
		code = krb5_cc_get_principal(krb, *ccache, client);
	return code;
}

/* The first principal of the keytab. */
static krb5_error_code keytab_principal(krb5_context krb, krb5_keytab keytab,
					krb5_principal *principal)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_error_code code = krb5_kt_start_seq_get(krb, keytab, &cursor);

	if (code)
		return code;
	code = krb5_kt_next_entry(krb, keytab, &entry, &cursor);
	krb5_kt_end_seq_get(krb, keytab, &cursor);
	if (code)
		return code;
	code = krb5_copy_principal(krb, entry.principal, principal);
	krb5_free_keytab_entry_contents(krb, &entry);
	return code;
}

static krb5_error_code fill_ccache(krb5_context krb, krb5_keytab keytab,
				   krb5_ccache ccache, krb5_principal client)
{
	krb5_creds creds = { 0 };
	krb5_error_code code;

	code = krb5_get_init_creds_keytab(krb, &creds, client, keytab, 0, NULL,
					  NULL);
	if (code)
		return code;
	code = krb5_cc_initialize(krb, ccache, client);
	if (!code)
		code = krb5_cc_store_cred(krb, ccache, &creds);
	krb5_free_cred_contents(krb, &creds);
	return code;
}

/* Credentials from a keytab, for this one time. */
static krb5_error_code use_keytab(krb5_context krb, const char *name,
				  krb5_ccache *ccache, krb5_principal *client)
{
	krb5_keytab keytab;
	krb5_error_code code;
	char expanded[512];

	expand(name, expanded, sizeof(expanded));
	code = krb5_kt_resolve(krb, expanded, &keytab);
	if (code)
		return code;
	code = keytab_principal(krb, keytab, client);
	if (!code)
		code = krb5_cc_new_unique(krb, "MEMORY", NULL, ccache);
	if (!code)
		code = fill_ccache(krb, keytab, *ccache, *client);
	krb5_kt_close(krb, keytab);
	return code;
}

static krb5_error_code copy_out(krb5_context krb, const krb5_creds *creds,
				struct broker_answer *answer)
{
	krb5_error_code code;
	char *client = NULL, *server = NULL;

	code = krb5_unparse_name(krb, creds->client, &client);
	if (!code)
		code = krb5_unparse_name(krb, creds->server, &server);
	if (!code && (creds->keyblock.length > sizeof(answer->key) ||
		      creds->ticket.length > sizeof(answer->ticket) ||
		      strlen(client) >= sizeof(answer->client) ||
		      strlen(server) >= sizeof(answer->server)))
		code = EMSGSIZE;
	if (!code) {
		strcpy(answer->client, client);
		strcpy(answer->server, server);
		answer->enctype = creds->keyblock.enctype;
		answer->key_len = creds->keyblock.length;
		memcpy(answer->key, creds->keyblock.contents,
		       answer->key_len);
		answer->endtime = creds->times.endtime;
		answer->ticket_len = creds->ticket.length;
		memcpy(answer->ticket, creds->ticket.data,
		       answer->ticket_len);
	}
	krb5_free_unparsed_name(krb, client);
	krb5_free_unparsed_name(krb, server);
	return code;
}

static krb5_error_code get_ticket(krb5_context krb, krb5_ccache ccache,
				  krb5_principal client,
				  krb5_principal server,
				  struct broker_answer *answer)
{
	krb5_creds in = { .client = client, .server = server }, *out;
	krb5_error_code code = krb5_get_credentials(krb, 0, ccache, &in, &out);

	if (code)
		return code;
	/* A KDC overlooks some minutes, the acceptor none. */
	if ((uint32_t)out->times.endtime <= time(NULL))
		code = KRB5KRB_AP_ERR_TKT_EXPIRED;
	else
		code = copy_out(krb, out, answer);
	krb5_free_creds(krb, out);
	return code;
}

/* Who has no credentials, or none that are good any more, may have a keytab. */
static krb5_error_code fetch_as(krb5_context krb,
				const struct broker_request *request,
				krb5_principal server,
				struct broker_answer *answer)
{
	krb5_principal client = NULL;
	krb5_ccache ccache = NULL;
	krb5_error_code code;

	code = open_ccache(krb, request->ccache, &ccache, &client);
	if (!code) {
		code = get_ticket(krb, ccache, client, server, answer);
		if (code != KRB5KRB_AP_ERR_TKT_EXPIRED)
			return code;
	}
	if (!*request->keytab)
		return code;
	code = use_keytab(krb, request->keytab, &ccache, &client);
	if (!code)
		code = get_ticket(krb, ccache, client, server, answer);
	return code;
}

static void fetch(krb5_context krb, const struct broker_request *request,
		  struct broker_answer *answer)
{
	krb5_principal server = NULL;
	krb5_error_code code;
	char what[300];

	snprintf(what, sizeof(what), "no Kerberos ticket for %.100s",
		 request->name);
	code = parse_target(krb, request->name, &server);
	if (code) {
		explain(answer, krb, code, what);
		refuse(answer, SOCKAUTH_REASON_NAME, EINVAL);
		return;
	}
	code = fetch_as(krb, request, server, answer);
	krb5_free_principal(krb, server);
	if (code == KRB5_CC_NOTFOUND || code == KRB5_FCC_NOFILE) {
		refuse(answer, SOCKAUTH_REASON_NO_OWN_CRED, ENOKEY);
		snprintf(answer->text, sizeof(answer->text),
			 "no Kerberos credentials for uid %u: run kinit",
			 request->uid);
	} else if (code) {
		explain(answer, krb, code, what);
	}
}

static void map(krb5_context krb, const struct broker_request *request,
		struct broker_answer *answer)
{
	const struct passwd *pw;
	krb5_principal principal;
	char user[256];

	if (krb5_parse_name(krb, request->name, &principal))
		return;
	if (!krb5_aname_to_localname(krb, principal, sizeof(user), user)) {
		pw = getpwnam(user);
		if (pw)
			answer->uid = pw->pw_uid;
	}
	krb5_free_principal(krb, principal);
}

/**
 * broker_help - do what a worker has asked for
 * @request: what
 * @answer: filled; all zero before
 *
 * The process ends soon after: what libkrb5 has opened is closed then.
 */
void broker_help(const struct broker_request *request,
		 struct broker_answer *answer)
{
	krb5_context krb;
	krb5_error_code code;

	answer->uid = UINT32_MAX;
	code = krb5_init_context(&krb);
	if (code) {
		explain(answer, NULL, code, "Kerberos is not configured");
		return;
	}
	if (request->op == BROKER_MAP)
		map(krb, request, answer);
	else
		fetch(krb, request, answer);
	krb5_free_context(krb);
}
