// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file: text in, struct config out.  Two tables have all
 * keys with what they allow; the first error ends the parsing and names file,
 * line, key and what would have been right.  No state outside the caller's
 * objects.
 */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sockauth/names.h>

#include "config.h"

#define SEPARATORS	", \t"

struct parser {
	struct config *config;
	const char *name;	/* of the file */
	const char *next;	/* line to read */
	int line;
	int err;
	char *text;
	size_t size;
};

struct key {
	const char *name;
	int (*set)(struct parser *p, void *object, const struct key *key,
		   const char *value);
	size_t offset;		/* of the member that it sets */
	unsigned int min, max;	/* of a number */
	bool list;		/* may be given again, to add to it */
	const char *const *words;	/* for the numbers from 0 on */
	const char *allowed;
};

static int fail(struct parser *p, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The first error is the one that is reported. */
static int fail(struct parser *p, int err, const char *fmt, ...)
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

static int bad_value(struct parser *p, const struct key *key,
		     const char *value)
{
	return fail(p, -EINVAL, "%s: \"%s\" is not allowed here, but %s",
		    key->name, value, key->allowed);
}

static char *copy(struct parser *p, const char *value, size_t len)
{
	char *new = strndup(value, len);

	if (!new)
		fail(p, -ENOMEM, "out of memory");
	return new;
}

static int set_string(struct parser *p, void *object, const struct key *key,
		      const char *value)
{
	char **member = (char **)((char *)object + key->offset);

	if (!*value)
		return bad_value(p, key, value);
	*member = copy(p, value, strlen(value));
	return p->err;
}

static int set_number(struct parser *p, void *object, const struct key *key,
		      const char *value)
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

static int set_duration(struct parser *p, void *object, const struct key *key,
			const char *value)
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

static int add_item(struct parser *p, struct config_list *list,
		    const char *value, size_t len)
{
	struct config_item *items;

	items = reallocarray(list->items, list->count + 1, sizeof(*items));
	if (!items)
		return fail(p, -ENOMEM, "out of memory");
	list->items = items;
	items[list->count].value = copy(p, value, len);
	if (!items[list->count].value)
		return p->err;
	items[list->count++].line = p->line;
	return 0;
}

/* A list of words; file names may have blanks and stand one to a line. */
static int set_list(struct parser *p, void *object, const struct key *key,
		    const char *value)
{
	struct config_list *list = (void *)((char *)object + key->offset);
	size_t len;

	if (!*value)
		return bad_value(p, key, value);
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		if (add_item(p, list, value, len))
			return p->err;
		value += len;
	}
	return 0;
}

static int set_path(struct parser *p, void *object, const struct key *key,
		    const char *value)
{
	struct config_list *list = (void *)((char *)object + key->offset);

	if (*value != '/' &&
	    !(list == &((struct config_profile *)object)->trust &&
	      !strcmp(value, "system")))
		return bad_value(p, key, value);
	return add_item(p, list, value, strlen(value));
}

static int set_certificate(struct parser *p, void *object,
			   const struct key *key, const char *value)
{
	struct config_profile *profile = object;
	struct config_pair *pairs;

	if (*value != '/')
		return bad_value(p, key, value);
	pairs = reallocarray(profile->pairs, profile->pair_count + 1,
			     sizeof(*pairs));
	if (!pairs)
		return fail(p, -ENOMEM, "out of memory");
	profile->pairs = pairs;
	pairs += profile->pair_count;
	pairs->cert = copy(p, value, strlen(value));
	if (!pairs->cert)
		return p->err;
	pairs->key = NULL;
	pairs->line = p->line;
	profile->pair_count++;
	return 0;
}

static int set_key(struct parser *p, void *object, const struct key *key,
		   const char *value)
{
	struct config_profile *profile = object;
	struct config_pair *pair;

	if (*value != '/')
		return bad_value(p, key, value);
	if (!profile->pair_count)
		return fail(p, -EINVAL, "key: no certificate stands above it");
	pair = &profile->pairs[profile->pair_count - 1];
	if (pair->key)
		return fail(p, -EINVAL,
			    "key: the certificate of line %d has one already",
			    pair->line);
	pair->key = copy(p, value, strlen(value));
	return p->err;
}

static int set_mechanisms(struct parser *p, void *object,
			  const struct key *key, const char *value)
{
	struct config_profile *profile = object;
	size_t len;

	profile->mechs = 0;
	while (*(value += strspn(value, SEPARATORS))) {
		len = strcspn(value, SEPARATORS);
		if (len != 3 || strncmp(value, "tls", len))
			break;
		profile->mechs |= 1u << SOCKAUTH_MECH_TLS;
		value += len;
	}
	if (*value || !profile->mechs)
		return bad_value(p, key, value);
	return 0;
}

static int set_word(struct parser *p, void *object, const struct key *key,
		    const char *value)
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

static int set_alpn(struct parser *p, void *object, const struct key *key,
		    const char *value)
{
	struct config_profile *profile = object;
	size_t len;

	if (!*value)
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

static int set_ciphers(struct parser *p, void *object, const struct key *key,
		       const char *value)
{
	struct config_profile *profile = object;
	char word[64];
	uint32_t suite;
	size_t i, len;

	if (!*value)
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
				return fail(p, -EINVAL, "ciphers: %s twice",
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

/* Words are kept where numbers are. */
_Static_assert(sizeof(enum client_cert) == sizeof(unsigned int) &&
	       sizeof(enum expiry) == sizeof(unsigned int), "set_word()");

#define IN_DAEMON(member)	.offset = offsetof(struct config, member)
#define IN_PROFILE(member)	.offset = offsetof(struct config_profile, member)

static const struct key daemon_keys[] = {
	{ .name = "user", .set = set_string, IN_DAEMON(user),
	  .allowed = "the name of a user" },
	{ .name = "workers", .set = set_number, IN_DAEMON(workers),
	  .min = 0, .max = 256,
	  .allowed = "a number of threads from 1 to 256, or 0 for one per CPU" },
	{ .name = "window", .set = set_number, IN_DAEMON(window),
	  .min = 1, .max = 1024, .allowed = "a number from 1 to 1024" },
	{ .name = "contexts", .set = set_number, IN_DAEMON(contexts),
	  .min = 1, .max = 1 << 20, .allowed = "a number from 1 to 1048576" },
	{ .name = "sessions", .set = set_number, IN_DAEMON(sessions),
	  .min = 0, .max = 1 << 20, .allowed = "a number from 0 to 1048576" },
};

static const struct key profile_keys[] = {
	{ .name = "mechanisms", .set = set_mechanisms, .allowed = "tls" },
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
	{ .name = "target", .set = set_string, IN_PROFILE(target),
	  .allowed = "a host name or an IP address" },
	{ .name = "verify-depth", .set = set_number, IN_PROFILE(depth),
	  .min = 0, .max = 100, .allowed = "a number from 0 to 100" },
	{ .name = "min-security", .set = set_number, IN_PROFILE(security),
	  .min = 1, .max = 5,
	  .allowed = "a security level of OpenSSL from 1 to 5" },
};

/* Return: 1 done, 0 failed, as inih wants it. */
static int set_value(struct parser *p, void *object, uint32_t *given,
		     const struct key *keys, size_t count, const char *section,
		     const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < count && strcmp(keys[i].name, name); i++)
		;
	if (i == count)
		return !fail(p, -EINVAL, "[%s] has no key \"%s\"", section,
			     name);
	if ((*given & 1u << i) && !keys[i].list)
		return !fail(p, -EINVAL, "%s: given a second time", name);
	*given |= 1u << i;
	return !keys[i].set(p, object, &keys[i], value);
}

static struct config_profile *find_profile(const struct config *config,
					   const char *name)
{
	size_t i;

	for (i = 0; i < config->profile_count; i++)
		if (!strcmp(config->profiles[i].name, name))
			return &config->profiles[i];
	return NULL;
}

static const char *profile_of(const char *section)
{
	static const char prefix[] = "profile ";

	if (strncmp(section, prefix, strlen(prefix)))
		return NULL;
	section += strlen(prefix);
	return section + strspn(section, " \t");
}

static int handle_value(void *arg, const char *section, const char *name,
			const char *value)
{
	struct parser *p = arg;
	struct config_profile *profile;

	if (p->err)
		return 0;
	if (!strcmp(section, "daemon"))
		return set_value(p, p->config, &p->config->given, daemon_keys,
				 sizeof(daemon_keys) / sizeof(daemon_keys[0]),
				 section, name, value);
	if (!profile_of(section))
		return !fail(p, -EINVAL, "%s: no section above it", name);
	profile = find_profile(p->config, profile_of(section));
	if (!profile)
		return !fail(p, -EINVAL, "%s: no section above it", name);
	return set_value(p, profile, &profile->given, profile_keys,
			 sizeof(profile_keys) / sizeof(profile_keys[0]),
			 section, name, value);
}

static int add_profile(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct config_profile *list;
	size_t i;

	if (!*name || strlen(name) >= SOCKAUTH_PROFILE_MAX)
		return fail(p, -EINVAL,
			    "the name of a profile has 1 to %d characters",
			    SOCKAUTH_PROFILE_MAX - 1);
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    !strchr("-_.", name[i]))
			return fail(p, -EINVAL, "the name of a profile has letters, digits, '-', '_' and '.'");
	if (find_profile(config, name))
		return fail(p, -EINVAL, "[profile %s] is here a second time",
			    name);
	list = reallocarray(config->profiles, config->profile_count + 1,
			    sizeof(*list));
	if (!list)
		return fail(p, -ENOMEM, "out of memory");
	config->profiles = list;
	list += config->profile_count;
	*list = (struct config_profile) {
		.line = p->line,
		.mechs = 1u << SOCKAUTH_MECH_TLS,
		.tickets = 2,
		.depth = 10,
		.security = 2,
	};
	list->name = copy(p, name, strlen(name));
	if (!list->name)
		return p->err;
	config->profile_count++;
	return 0;
}

/*
 * inih tells of a section only with its first key; but a profile may have
 * none, and a misspelt section must not go unnoticed.
 */
static int note_section(struct parser *p, char *line)
{
	char *end = strchr(line, ']');
	const char *profile;

	if (!end)
		return fail(p, -EINVAL, "a section ends with \"]\"");
	*end = '\0';
	profile = profile_of(line + 1);
	if (profile)
		return add_profile(p, profile);
	if (strcmp(line + 1, "daemon"))
		return fail(p, -EINVAL,
			    "[%s] is no section; [daemon] and [profile NAME] are",
			    line + 1);
	return 0;
}

/* Like fgets(), but counts lines, and does not cut one that is too long. */
static char *read_line(char *buf, int size, void *stream)
{
	struct parser *p = stream;
	size_t len = strcspn(p->next, "\n");
	char section[256];

	if (p->err || !*p->next)
		return NULL;
	p->line++;
	if (len + 2 > (size_t)size) {
		fail(p, -EINVAL, "a line of more than %d bytes", size - 2);
		return NULL;
	}
	memcpy(buf, p->next, len);
	strcpy(buf + len, "\n");
	p->next += len;
	if (*p->next)
		p->next++;
	if (*buf == '[') {
		snprintf(section, sizeof(section), "%.*s", (int)len, buf);
		if (note_section(p, section))
			return NULL;
	}
	return buf;
}

/* What only the whole profile shows. */
static int check_profile(struct parser *p, const struct config_profile *c)
{
	p->line = c->line;
	if (c->client_cert != CLIENT_CERT_NONE && !c->trust.count)
		return fail(p, -EINVAL,
			    "[profile %s] asks for client certificates, but has no trust",
			    c->name);
	return 0;
}

/**
 * config_parse - parse a configuration
 * @name: of the file, for messages
 * @data: its text
 * @config: set to the new object; the caller frees it
 * @text: set to what is wrong, on failure
 * @size: of @text
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int config_parse(const char *name, const char *data, struct config **config,
		 char *text, size_t size)
{
	struct parser p = {
		.name = name, .next = data, .text = text, .size = size,
	};
	size_t i;
	int ret;

	p.config = calloc(1, sizeof(*p.config));
	if (!p.config)
		return fail(&p, -ENOMEM, "out of memory");
	p.config->window = 64;
	p.config->contexts = 16384;
	p.config->sessions = 1024;
	ret = ini_parse_stream(read_line, &p, handle_value, &p);
	/* inih goes on after an error; ours stopped at its line. */
	if (ret && !p.err) {
		if (ret > 0)
			p.line = ret;
		fail(&p, -EINVAL, "neither [SECTION] nor KEY = VALUE");
	}
	for (i = 0; !p.err && i < p.config->profile_count; i++)
		check_profile(&p, &p.config->profiles[i]);
	if (p.err) {
		config_free(p.config);
		return p.err;
	}
	*config = p.config;
	return 0;
}

static void list_clear(struct config_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->items[i].value);
	free(list->items);
}

static void profile_clear(struct config_profile *profile)
{
	size_t i;

	for (i = 0; i < profile->pair_count; i++) {
		free(profile->pairs[i].cert);
		free(profile->pairs[i].key);
	}
	free(profile->pairs);
	list_clear(&profile->trust);
	list_clear(&profile->crl);
	list_clear(&profile->groups);
	list_clear(&profile->users);
	free(profile->target);
	free(profile->name);
}

/**
 * config_free - free a configuration
 * @config: may be NULL
 */
void config_free(struct config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < config->profile_count; i++)
		profile_clear(&config->profiles[i]);
	free(config->profiles);
	free(config->user);
	free(config);
}
