/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_CONFIG_H
#define SOCKAUTHD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/sockauth.h>

#define CONFIG_PATH	"/etc/sockauth/sockauthd.conf"

/* Longest explanation of what is wrong with a configuration. */
#define CONFIG_TEXT_MAX	1024

/* Suites that TLS 1.3, OpenSSL and kTLS have in common. */
#define CONFIG_CIPHERS	4

/* Most threads that ask the broker. */
#define CONFIG_WORKERS_MAX	256

enum client_cert {
	CLIENT_CERT_NONE,
	CLIENT_CERT_REQUEST,
	CLIENT_CERT_REQUIRE,
};

enum expiry {
	EXPIRY_ENFORCE,
	EXPIRY_REPORT,
};

/**
 * struct config_item - a value and where it stands
 * @value: the text
 * @line: in the file
 */
struct config_item {
	char *value;
	int line;
};

/**
 * struct config_list - values of a key that may have several
 * @items: in the order of the file
 * @count: how many
 */
struct config_list {
	struct config_item *items;
	size_t count;
};

/**
 * struct config_pair - a certificate and its key
 * @cert: file with the certificate and its chain
 * @key: file with the key; NULL: it is in @cert too
 * @line: of the certificate
 */
struct config_pair {
	char *cert;
	char *key;
	int line;
};

/* Longest key of a pre-shared key; 128 bits are the least. */
#define CONFIG_PSK_MAX	64
#define CONFIG_PSK_MIN	16

/**
 * struct config_psk - a pre-shared key
 * @identity: what the peer calls it
 * @key: the key
 * @key_len: of @key
 * @sha384: whether its hash is SHA-384; else SHA-256
 * @line: in the file
 */
struct config_psk {
	char *identity;
	uint8_t key[CONFIG_PSK_MAX];
	size_t key_len;
	bool sha384;
	int line;
};

/**
 * struct config_profile - a section [profile NAME]
 * @name: NAME
 * @line: of the section
 * @given: which keys were given, a bit for each
 * @mechs: a bit for each enum sockauth_mech
 * @pairs: certificates, the default one first
 * @pair_count: how many
 * @client_cert: what an acceptor asks of its peers
 * @trust: files and directories of trusted certificates, or "system"
 * @crl: files of revocation lists
 * @alpn: protocols, best first, as in SOCKAUTH_ALPN
 * @alpn_len: of @alpn
 * @ciphers: suites, best first
 * @cipher_count: how many; 0: all
 * @groups: key exchange groups, best first
 * @tickets: how many an acceptor gives to each peer
 * @lifetime: of an authentication in seconds; 0: as long as the certificate
 * @expiry: what happens to a connection whose time is over
 * @users: local users who may use the profile; none: everyone
 * @guests: whether applications of other network namespaces may use it
 * @target: whom an initiator expects that does not say it itself; or NULL
 * @depth: longest chain of intermediate certificates
 * @security: security level of OpenSSL
 * @keytab: file with an acceptor's keys; or NULL
 * @keytab_line: where it stands
 * @service: principal that tickets must be for; NULL: any of the keytab
 * @principals: patterns of clients that an acceptor takes; none: all
 * @mutual: whether an initiator asks for a KRB_AP_REP
 * @map_users: whether an acceptor looks up the local user of a principal
 * @ccache: credential cache of an initiator; NULL: the user's default
 * @client_keytab: keytab to get credentials with if @ccache has none; or NULL
 * @psks: pre-shared keys, that of initiators without a target first
 * @psk_count: how many
 */
struct config_profile {
	char *name;
	int line;
	uint32_t given;
	uint32_t mechs;
	struct config_pair *pairs;
	size_t pair_count;
	enum client_cert client_cert;
	struct config_list trust;
	struct config_list crl;
	uint8_t alpn[SOCKAUTH_ALPN_MAX];
	size_t alpn_len;
	uint16_t ciphers[CONFIG_CIPHERS];
	size_t cipher_count;
	struct config_list groups;
	unsigned int tickets;
	unsigned int lifetime;
	enum expiry expiry;
	struct config_list users;
	unsigned int guests;
	char *target;
	unsigned int depth;
	unsigned int security;
	char *keytab;
	int keytab_line;
	char *service;
	struct config_list principals;
	unsigned int mutual;
	unsigned int map_users;
	char *ccache;
	char *client_keytab;
	struct config_psk *psks;
	size_t psk_count;
};

/**
 * struct config - the whole file
 * @given: which keys of [daemon] were given, a bit for each
 * @user: whom to run as; NULL: "sockauth" if there is such a user
 * @workers: threads; 0: one for each CPU
 * @window: events that a worker may have unanswered
 * @contexts: authentications that a worker may have in progress
 * @sessions: how many sessions initiators may resume; 0: none
 * @profiles: the profiles
 * @profile_count: how many
 */
struct config {
	uint32_t given;
	char *user;
	unsigned int workers;
	unsigned int window;
	unsigned int contexts;
	unsigned int sessions;
	struct config_profile *profiles;
	size_t profile_count;
};

int config_parse(const char *name, const char *data, struct config **config,
		 char *text, size_t size);
void config_free(struct config *config);

#endif /* SOCKAUTHD_CONFIG_H */
