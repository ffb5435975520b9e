// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys of the configuration: two tables have all of them with what they
 * allow.  No state outside the parser's objects.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sockauth/names.h>

#include "confkey.h"
#include "krb.h"

#define SEPARATORS	", \t"

struct config_key {
	const char *name;
	int (*set)(struct config_parser *p, void *object,
		   const struct config_key *key, const char *value);
	size_t offset;		/* of the member that it sets */
	unsigned int min, max;	/* of a number */
	bool list;		/* may be given again, to add to it */
	const char *const *words;	/* for the numbers from 0 on */
	const char *allowed;
};

/**
 * config_fail - say what is wrong
 * @p: notes the first error, with its line
 * @err: -errno
 * @fmt: the rest of the message
 *
 * Return: the first error.
 */
int config_fail(struct config_parser *p, int err, const char *fmt, ...)
{
	va_list args;
	int n;

	if (p->err)
		return p->err;
	p->err = err;
	n = snprintf(p->text, p->size, "%s:%d: ", p->name, p->line);
	if (n < 0 || (size_t)n >= p->size)
		return err;
	va_start(args, fmt);
	vsnprintf(p->text + n, p->size - n, fmt, args);
	va_end(args);
	return err;
}

static int bad_value(struct config_parser *p, const struct config_key *key,
		     const char *value)
{
	return config_fail(p, -EINVAL, "%s: \"%s\" is not allowed here, but %s",
			   key->name, value, key->allowed);
}

/**
 * config_copy - copy a value
 * @p: notes if there is no memory
 * @value: text
 * @len: how much of it
 *
 * Return: the copy, which the caller frees, or NULL.
 */
char *config_copy(struct config_parser *p, const char *value, size_t len)
{
	char *new = strndup(value, len);

	if (!new)
		config_fail(p, -ENOMEM, "out of memory");
	return new;
}

static int set_string(struct config_parser *p, void *object,
		      const struct config_key *key, const char *value)
{
	char **member = (char **)((char *)object + key->offset);

	if (!*value)
		return bad_value(p, key, value);
	*member = config_copy(p, value, strlen(value));
	return p->err;
}

static int set_number(struct config_parser *p, void *object,
		      const struct config_key *key, const char *value)
{
	unsigned int *member = (void *)((char *)object + key->offset);
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno ||
	    number < key->min || number > key->max)
		return bad_value(p, key, value);
	*member = number;
	return 0;
}

static int set_duration(struct config_parser *p, void *object,
			const struct config_key *key, const char *value)
{
	static const struct {
		const char *unit;
		unsigned int seconds;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 },
		{ "d", 86400 },
	};
	unsigned int *member = (void *)((char *)object + key->offset);
	unsigned long number;
	char *end;
	size_t i;

	errno = 0;
	number = strtoul(value, &end, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit))
			break;
	if (!isdigit((unsigned char)*value) || errno ||
	    i == sizeof(units) / sizeof(units[0]) ||
	    number > key->max / units[i].seconds ||
	    number * units[i].seconds < key->min)
		return bad_value(p, key, value);
	*member = number * units[i].seconds;
	return 0;
}

static int add_item(struct config_parser *p, struct config_list *list,
		    const char *value, size_t len)
{
	struct config_item *items;

	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return config_fail(p, -ENOMEM, "out of memory");
	list->items = items;
	items[list->count].value = config_copy(p, value, len);
	if (!items[list->count].value)
		return p->err;
	items[list->count++].line = p->line;
	return 0;
}

/* A list that names nobody must not be one that allows everybody. */
static bool nothing(const char *value)
{
	return !value[strspn(value, SEPARATORS)];
}

/* A list of words; file names may have blanks and stand one to a line. */
static int set_list(struct config_parser *p, void *object,
		    const struct config_key *key, const char *value)
{
	struct config_list *list = (void *)((char *)object + key->offset);
	size_t len;

	if (nothing(value))
		return bad_value(p, key, value);
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		if (add_item(p, list, value, len))
			return p->err;
		value += len;
	}
	return 0;
}

static int set_path(struct config_parser *p, void *object,
		    const struct config_key *key, const char *value)
{
	struct config_list *list = (void *)((char *)object + key->offset);

	if (*value != '/' &&
	    !(list == &((struct config_profile *)object)->trust &&
	      !strcmp(value, "system")))
		return bad_value(p, key, value);
	return add_item(p, list, value, strlen(value));
}

static int set_certificate(struct config_parser *p, void *object,
			   const struct config_key *key, const char *value)
{
	struct config_profile *profile = object;
	struct config_pair *pairs;

	if (*value != '/')
		return bad_value(p, key, value);
	pairs = reallocarray(profile->pairs, profile->pair_count + 1,
			     sizeof(*pairs));
	if (!pairs)
		return config_fail(p, -ENOMEM, "out of memory");
	profile->pairs = pairs;
	pairs += profile->pair_count;
	pairs->cert = config_copy(p, value, strlen(value));
	if (!pairs->cert)
		return p->err;
	pairs->key = NULL;
	pairs->line = p->line;
	profile->pair_count++;
	return 0;
}

static int set_key(struct config_parser *p, void *object,
		   const struct config_key *key, const char *value)
{
	struct config_profile *profile = object;
	struct config_pair *pair;

	if (*value != '/')
		return bad_value(p, key, value);
	if (!profile->pair_count)
		return config_fail(p, -EINVAL, "key: no certificate stands above it");
	pair = &profile->pairs[profile->pair_count - 1];
	if (pair->key)
		return config_fail(p, -EINVAL,
				   "key: the certificate of line %d has one already",
				   pair->line);
	pair->key = config_copy(p, value, strlen(value));
	return p->err;
}

static int set_mechanisms(struct config_parser *p, void *object,
			  const struct config_key *key, const char *value)
{
	static const struct {
		const char *name;
		enum sockauth_mech mech;
	} mechs[] = {
		{ "tls", SOCKAUTH_MECH_TLS },
		{ "krb5", SOCKAUTH_MECH_KRB5 },
		{ "psk", SOCKAUTH_MECH_PSK },
	};
	struct config_profile *profile = object;
	size_t i, len, count = sizeof(mechs) / sizeof(mechs[0]);

	profile->mechs = 0;
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		for (i = 0; i < count; i++)
			if (strlen(mechs[i].name) == len &&
			    !strncmp(value, mechs[i].name, len))
				break;
		if (i == count)
			break;
		profile->mechs |= 1u << mechs[i].mech;
		value += len;
	}
	if (*value || !profile->mechs)
		return bad_value(p, key, value);
	return 0;
}

static int set_keytab(struct config_parser *p, void *object,
		      const struct config_key *key, const char *value)
{
	struct config_profile *profile = object;

	if (*value != '/')
		return bad_value(p, key, value);
	profile->keytab_line = p->line;
	return set_string(p, object, key, value);
}

/* realloc() would leave copies of keys behind. */
static int add_psk(struct config_parser *p, struct config_profile *profile,
		   const struct config_psk *psk, char *identity)
{
	size_t count = profile->psk_count;
	struct config_psk *psks;

	if (!identity)
		return p->err;
	psks = calloc(count + 1, sizeof(*psks));
	if (!psks) {
		free(identity);
		return config_fail(p, -ENOMEM, "out of memory");
	}
	if (count) {
		memcpy(psks, profile->psks, count * sizeof(*psks));
		explicit_bzero(profile->psks, count * sizeof(*psks));
	}
	free(profile->psks);
	psks[count] = *psk;
	psks[count].identity = identity;
	profile->psks = psks;
	profile->psk_count++;
	return 0;
}

/* What is wrong is not repeated: it may be most of a key. */
static int set_psk(struct config_parser *p, void *object,
		   const struct config_key *key, const char *value)
{
	struct config_psk psk = { .line = p->line };
	size_t len;

	if (config_parse_psk(value, &psk, &len))
		config_fail(p, -EINVAL, "psk: this is not %s", key->allowed);
	else if (krb_is_request((const uint8_t *)value, len))
		config_fail(p, -EINVAL, "psk: the identity looks like a Kerberos request");
	else
		add_psk(p, object, &psk, config_copy(p, value, len));
	explicit_bzero(&psk, sizeof(psk));
	return p->err;
}

static int set_word(struct config_parser *p, void *object,
		    const struct config_key *key, const char *value)
{
	unsigned int *member = (void *)((char *)object + key->offset);
	unsigned int i;

	for (i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], value))
			continue;
		*member = i;
		return 0;
	}
	return bad_value(p, key, value);
}

static int set_alpn(struct config_parser *p, void *object,
		    const struct config_key *key, const char *value)
{
	struct config_profile *profile = object;
	size_t len;

	if (nothing(value))
		return bad_value(p, key, value);
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		if (len + 1 > sizeof(profile->alpn) - profile->alpn_len)
			return bad_value(p, key, value);
		profile->alpn[profile->alpn_len++] = len;
		memcpy(profile->alpn + profile->alpn_len, value, len);
		profile->alpn_len += len;
		value += len;
	}
	return 0;
}

static int set_ciphers(struct config_parser *p, void *object,
		       const struct config_key *key, const char *value)
{
	struct config_profile *profile = object;
	char word[64];
	uint32_t suite;
	size_t i, len;

	if (nothing(value))
		return bad_value(p, key, value);
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		snprintf(word, sizeof(word), "%.*s", (int)len, value);
		/* Of those with a name, OpenSSL lacks the SM4 ones. */
		if (sockauth_value(&sockauth_cipher_names, word, &suite) ||
		    suite >> 8 != 0x13)
			return bad_value(p, key, word);
		for (i = 0; i < profile->cipher_count; i++)
			if (profile->ciphers[i] == suite)
				return config_fail(p, -EINVAL, "ciphers: %s twice",
						   word);
		profile->ciphers[profile->cipher_count++] = suite;
		value += len;
	}
	return 0;
}

static const char *const client_cert_words[] = {
	[CLIENT_CERT_NONE] = "none",
	[CLIENT_CERT_REQUEST] = "request",
	[CLIENT_CERT_REQUIRE] = "require",
	NULL
};

static const char *const expiry_words[] = {
	[EXPIRY_ENFORCE] = "enforce",
	[EXPIRY_REPORT] = "report",
	NULL
};

static const char *const no_yes[] = { "no", "yes", NULL };

/* Words are kept where numbers are. */
_Static_assert(sizeof(enum client_cert) == sizeof(unsigned int) &&
	       sizeof(enum expiry) == sizeof(unsigned int), "set_word()");

#define IN_DAEMON(member)	.offset = offsetof(struct config, member)
#define IN_PROFILE(member)	.offset = offsetof(struct config_profile, member)

static const struct config_key daemon_keys[] = {
	{ .name = "user", .set = set_string, IN_DAEMON(user),
	  .allowed = "the name of a user" },
	{ .name = "workers", .set = set_number, IN_DAEMON(workers),
	  .min = 0, .max = CONFIG_WORKERS_MAX,
	  .allowed = "a number of threads from 1 to 256, or 0 for one per CPU" },
	{ .name = "window", .set = set_number, IN_DAEMON(window),
	  .min = 1, .max = 1024, .allowed = "a number from 1 to 1024" },
	{ .name = "contexts", .set = set_number, IN_DAEMON(contexts),
	  .min = 1, .max = 1 << 20, .allowed = "a number from 1 to 1048576" },
	{ .name = "sessions", .set = set_number, IN_DAEMON(sessions),
	  .min = 0, .max = 1 << 20, .allowed = "a number from 0 to 1048576" },
};

static const struct config_key profile_keys[] = {
	{ .name = "mechanisms", .set = set_mechanisms,
	  .allowed = "tls, krb5 or psk" },
	{ .name = "certificate", .set = set_certificate, .list = true,
	  .allowed = "the absolute path of a file" },
	{ .name = "key", .set = set_key, .list = true,
	  .allowed = "the absolute path of a file" },
	{ .name = "client-certificate", .set = set_word,
	  IN_PROFILE(client_cert), .words = client_cert_words,
	  .allowed = "none, request or require" },
	{ .name = "trust", .set = set_path, IN_PROFILE(trust), .list = true,
	  .allowed = "the absolute path of a file or directory, or system" },
	{ .name = "crl", .set = set_path, IN_PROFILE(crl), .list = true,
	  .allowed = "the absolute path of a file" },
	{ .name = "alpn", .set = set_alpn, .list = true,
	  .allowed = "protocol names such as h2, 255 bytes together" },
	{ .name = "ciphers", .set = set_ciphers, .list = true,
	  .allowed = "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, "
		     "TLS_CHACHA20_POLY1305_SHA256 or TLS_AES_128_CCM_SHA256" },
	{ .name = "groups", .set = set_list, IN_PROFILE(groups), .list = true,
	  .allowed = "group names such as X25519, P-256" },
	{ .name = "tickets", .set = set_number, IN_PROFILE(tickets),
	  .min = 0, .max = 8, .allowed = "a number from 0 to 8" },
	{ .name = "lifetime", .set = set_duration, IN_PROFILE(lifetime),
	  .min = 1, .max = 366 * 86400,
	  .allowed = "a time such as 90s, 30m, 12h or 7d, at most 366d" },
	{ .name = "expiry", .set = set_word, IN_PROFILE(expiry),
	  .words = expiry_words, .allowed = "enforce or report" },
	{ .name = "users", .set = set_list, IN_PROFILE(users), .list = true,
	  .allowed = "names or numbers of users" },
	{ .name = "guests", .set = set_word, IN_PROFILE(guests),
	  .words = no_yes, .allowed = "no or yes" },
	{ .name = "target", .set = set_string, IN_PROFILE(target),
	  .allowed = "a host name, an IP address or a principal" },
	{ .name = "verify-depth", .set = set_number, IN_PROFILE(depth),
	  .min = 0, .max = 100, .allowed = "a number from 0 to 100" },
	{ .name = "min-security", .set = set_number, IN_PROFILE(security),
	  .min = 1, .max = 5,
	  .allowed = "a security level of OpenSSL from 1 to 5" },
	{ .name = "keytab", .set = set_keytab, IN_PROFILE(keytab),
	  .allowed = "the absolute path of a file" },
	{ .name = "service-principal", .set = set_string, IN_PROFILE(service),
	  .allowed = "a principal with its realm" },
	{ .name = "principals", .set = set_list, IN_PROFILE(principals),
	  .list = true, .allowed = "patterns such as *@EXAMPLE.ORG" },
	{ .name = "mutual", .set = set_word, IN_PROFILE(mutual),
	  .words = no_yes, .allowed = "no or yes" },
	{ .name = "map-users", .set = set_word, IN_PROFILE(map_users),
	  .words = no_yes, .allowed = "no or yes" },
	{ .name = "ccache", .set = set_string, IN_PROFILE(ccache),
	  .allowed = "a credential cache such as FILE:/tmp/krb5cc_%{uid}" },
	{ .name = "client-keytab", .set = set_string,
	  IN_PROFILE(client_keytab),
	  .allowed = "a keytab such as FILE:/etc/krb5/%{uid}.keytab" },
	{ .name = "psk", .set = set_psk, .list = true,
	  .allowed = "IDENTITY:KEY or IDENTITY:KEY:HASH, the key in hexadecimal, 128 to 512 bits, the hash sha256 or sha384" },
};

static int set_value(struct config_parser *p, void *object, uint32_t *given,
		     const struct config_key *keys, size_t count,
		     const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < count && strcmp(keys[i].name, name); i++)
		;
	if (i == count && object == p->config)
		return config_fail(p, -EINVAL, "[daemon] has no key \"%s\"",
				   name);
	if (i == count)
		return config_fail(p, -EINVAL,
				   "[profile NAME] has no key \"%s\"", name);
	if ((*given & 1u << i) && !keys[i].list)
		return config_fail(p, -EINVAL, "%s: given a second time",
				   name);
	*given |= 1u << i;
	return keys[i].set(p, object, &keys[i], value);
}

/**
 * config_set_daemon - a line of [daemon]
 * @p: the parser
 * @name: of the key
 * @value: its value
 *
 * Return: 0 or -errno.
 */
int config_set_daemon(struct config_parser *p, const char *name,
		      const char *value)
{
	return set_value(p, p->config, &p->config->given, daemon_keys,
			 sizeof(daemon_keys) / sizeof(daemon_keys[0]),
			 name, value);
}

/**
 * config_set_profile - a line of [profile NAME]
 * @p: the parser
 * @profile: the profile
 * @name: of the key
 * @value: its value
 *
 * Return: 0 or -errno.
 */
int config_set_profile(struct config_parser *p, struct config_profile *profile,
		       const char *name, const char *value)
{
	return set_value(p, profile, &profile->given, profile_keys,
			 sizeof(profile_keys) / sizeof(profile_keys[0]),
			 name, value);
}
