// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Documentation/krb5-tls13.rst a second time: OpenSSL and libkrb5, and nothing
 * of the daemon.  One connection; what comes is printed.  A FAULT does one
 * thing wrong.  Single thread.
 *
 * krb5-peer connect ADDRESS PORT SERVICE@HOST [FAULT]
 *	with the credentials of the environment; says "hello"
 *	plain: asks for no KRB_AP_REP; no-subkey; skew: of the clock; stolen: the
 *	PSK is not that of the KRB_AP_REQ; tampered: its last byte is changed
 * krb5-peer listen PORT [FAULT]
 *	with the keytab of the environment; says who the peer is, then "hello"
 *	no-reply: no KRB_AP_REP; wrong-reply: its last byte is changed
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <krb5.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define LABEL		"sockauth krb5-tls13 sha256"
#define EXTENSION	65387
#define PSK_LEN		32
#define SKEW		600

static krb5_context krb;
static krb5_auth_context auth;
static krb5_data request;
static bool asked, replied;
static const char *fault = "";

static bool faulty(const char *name)
{
	return !strcmp(fault, name);
}

static void check(krb5_error_code code, const char *what)
{
	if (code)
		errx(2, "%s: %s", what, krb5_get_error_message(krb, code));
}

static SSL_SESSION *make_session(SSL *ssl, const krb5_keyblock *subkey)
{
	krb5_data label = { .length = strlen(LABEL), .data = LABEL };
	uint8_t psk[PSK_LEN] = { 0 };
	krb5_data out = { .length = PSK_LEN, .data = (char *)psk };
	SSL_SESSION *session = SSL_SESSION_new();

	if (subkey)
		check(krb5_c_prfplus(krb, subkey, &label, &out), "prf+");
	if (faulty("stolen"))
		psk[0] ^= 1;
	SSL_SESSION_set1_master_key(session, psk, PSK_LEN);
	SSL_SESSION_set_cipher(session,
			       SSL_CIPHER_find(ssl, (void *)"\x13\x01"));
	SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
	return session;
}

static void make_request(const char *target)
{
	krb5_flags options = AP_OPTS_USE_SUBKEY;
	krb5_creds in = { 0 }, *creds;
	krb5_ccache ccache;
	char *service = strdup(target), *at = strchr(service, '@');

	if (!at)
		errx(2, "%s is not SERVICE@HOST", target);
	*at = '\0';
	asked = !faulty("plain");
	if (faulty("no-subkey"))
		options = 0;
	if (asked)
		options |= AP_OPTS_MUTUAL_REQUIRED;
	check(krb5_cc_default(krb, &ccache), "cache");
	check(krb5_cc_get_principal(krb, ccache, &in.client), "cache");
	check(krb5_sname_to_principal(krb, at + 1, service, KRB5_NT_SRV_HST,
				      &in.server), "service");
	check(krb5_get_credentials(krb, 0, ccache, &in, &creds), "ticket");
	if (faulty("skew"))
		check(krb5_set_real_time(krb, time(NULL) + SKEW, 0), "clock");
	check(krb5_auth_con_init(krb, &auth), "context");
	krb5_auth_con_setflags(krb, auth, 0);
	check(krb5_mk_req_extended(krb, &auth, options, NULL, creds, &request),
	      "KRB_AP_REQ");
	if (faulty("tampered"))
		request.data[request.length - 1] ^= 1;
	free(service);
}

static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		       size_t *len, SSL_SESSION **session)
{
	krb5_keyblock *subkey = NULL;

	(void)md;
	check(krb5_auth_con_getsendsubkey(krb, auth, &subkey), "subkey");
	*session = make_session(ssl, subkey);
	*id = (unsigned char *)request.data;
	*len = request.length;
	return 1;
}

static int find_session(SSL *ssl, const unsigned char *id, size_t len,
			SSL_SESSION **session)
{
	krb5_data in = { .length = len, .data = (char *)id };
	krb5_keyblock *subkey = NULL;
	krb5_ticket *ticket;
	char *name;

	*session = NULL;
	check(krb5_auth_con_init(krb, &auth), "context");
	krb5_auth_con_setflags(krb, auth, 0);
	check(krb5_rd_req(krb, &auth, &in, NULL, NULL, NULL, &ticket),
	      "KRB_AP_REQ");
	check(krb5_auth_con_getrecvsubkey(krb, auth, &subkey), "subkey");
	if (!subkey)
		errx(2, "no subkey");
	check(krb5_unparse_name(krb, ticket->enc_part2->client, &name),
	      "client");
	printf("peer %s\n", name);
	*session = make_session(ssl, subkey);
	return 1;
}

static int add(SSL *ssl, unsigned int type, unsigned int where,
	       const unsigned char **out, size_t *len, X509 *cert,
	       size_t chain, int *alert, void *arg)
{
	krb5_data reply;

	(void)ssl;
	(void)type;
	(void)cert;
	(void)chain;
	(void)alert;
	(void)arg;
	*out = NULL;
	*len = 0;
	if (where == SSL_EXT_CLIENT_HELLO)
		return asked;
	if (!asked || faulty("no-reply"))
		return 0;
	check(krb5_mk_rep(krb, auth, &reply), "KRB_AP_REP");
	if (faulty("wrong-reply"))
		reply.data[reply.length - 1] ^= 1;
	*out = (unsigned char *)reply.data;
	*len = reply.length;
	return 1;
}

static int parse(SSL *ssl, unsigned int type, unsigned int where,
		 const unsigned char *in, size_t len, X509 *cert,
		 size_t chain, int *alert, void *arg)
{
	krb5_data reply = { .length = len, .data = (char *)in };
	krb5_ap_rep_enc_part *part;

	(void)ssl;
	(void)type;
	(void)cert;
	(void)chain;
	(void)alert;
	(void)arg;
	if (where == SSL_EXT_CLIENT_HELLO) {
		asked = true;
		return !len;
	}
	check(krb5_rd_rep(krb, auth, &reply, &part), "KRB_AP_REP");
	replied = true;
	return 1;
}

static SSL *new_tls(bool server, int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() :
					    TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_psk_use_session_callback(ctx, use_session);
	SSL_CTX_set_psk_find_session_callback(ctx, find_session);
	SSL_CTX_add_custom_ext(ctx, EXTENSION, SSL_EXT_CLIENT_HELLO |
			       SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS, add, NULL,
			       NULL, parse, NULL);
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static void fail(SSL *ssl, const char *what)
{
	ERR_print_errors_fp(stderr);
	SSL_free(ssl);
	errx(1, "%s", what);
}

static void talk(SSL *ssl)
{
	char data[1000];
	int n;

	if (SSL_do_handshake(ssl) != 1)
		fail(ssl, "the handshake failed");
	if (!SSL_session_reused(ssl))
		fail(ssl, "the PSK was not selected");
	if (!SSL_is_server(ssl) && asked != replied)
		fail(ssl, "no KRB_AP_REP");
	SSL_write(ssl, "hello\n", 6);
	while ((n = SSL_read(ssl, data, sizeof(data))) > 0)
		fwrite(data, 1, n, stdout);
	if (SSL_get_error(ssl, n) != SSL_ERROR_ZERO_RETURN)
		fail(ssl, "the peer did not say that it closes");
	SSL_shutdown(ssl);
}

static int open_client(const char *address, const char *port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(atoi(port)),
		.sin_addr.s_addr = inet_addr(address),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		err(2, "connect");
	return fd;
}

static int open_server(const char *port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1))
		err(2, "listen");
	return accept(fd, NULL, NULL);
}

int main(int argc, char **argv)
{
	bool server = argc > 2 && !strcmp(argv[1], "listen");
	SSL *ssl;

	if (!server && (argc < 5 || strcmp(argv[1], "connect")))
		errx(2, "see the beginning of krb5-peer.c");
	if (argc > (server ? 3 : 5))
		fault = argv[argc - 1];
	setlinebuf(stdout);
	check(krb5_init_context(&krb), "libkrb5");
	if (!server)
		make_request(argv[4]);
	ssl = new_tls(server, server ? open_server(argv[2]) :
				       open_client(argv[2], argv[3]));
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	talk(ssl);
	return 0;
}
