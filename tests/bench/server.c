// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Usage: server VARIANT PORT DIR
 *
 * A server in one of several variants that differ in who does the TLS, and in
 * nothing else: blocking calls, one connection after the other.  DIR has
 * server.pem and server.key.  Prints "ready" when it listens.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sockauth/sockauth.h>

#include "bench.h"
#include "channel.h"

enum proof { PROOF_CERT, PROOF_TICKET, PROOF_PSK };

struct variant {
	const char *name;
	enum engine engine;
	enum proof proof;
	const char *profile;
};

static const struct variant variants[] = {
	{ "plain", ENGINE_NONE, PROOF_CERT, NULL },
	{ "openssl", ENGINE_OPENSSL, PROOF_CERT, NULL },
	{ "openssl-ktls", ENGINE_OPENSSL_KTLS, PROOF_CERT, NULL },
	{ "hand", ENGINE_HAND, PROOF_CERT, NULL },
	{ "sockauth", ENGINE_SOCKAUTH, PROOF_CERT, "full" },
	{ "openssl-ktls-resumed", ENGINE_OPENSSL_KTLS, PROOF_TICKET, NULL },
	{ "hand-resumed", ENGINE_HAND, PROOF_TICKET, NULL },
	{ "sockauth-resumed", ENGINE_SOCKAUTH, PROOF_TICKET, "resumed" },
	{ "openssl-ktls-psk", ENGINE_OPENSSL_KTLS, PROOF_PSK, NULL },
	{ "hand-psk", ENGINE_HAND, PROOF_PSK, NULL },
	{ "sockauth-psk", ENGINE_SOCKAUTH, PROOF_PSK, "psk" },
	{ "sockauth-krb5", ENGINE_SOCKAUTH, PROOF_PSK, "krb5" },
};

static const struct variant *variant;
static SSL_CTX *ctx;
static int file;
static char buf[BENCH_SIZE_MAX];

static int find_psk(SSL *ssl, const unsigned char *identity, size_t len,
		    SSL_SESSION **session)
{
	SSL_SESSION *new;

	*session = NULL;
	if (len != strlen(BENCH_PSK_NAME) ||
	    memcmp(identity, BENCH_PSK_NAME, len))
		return 1;
	new = SSL_SESSION_new();
	if (!new ||
	    !SSL_SESSION_set1_master_key(new, (void *)BENCH_PSK,
					 BENCH_PSK_LEN) ||
	    !SSL_SESSION_set_cipher(new, SSL_CIPHER_find(ssl,
						(void *)"\x13\x01")) ||
	    !SSL_SESSION_set_protocol_version(new, TLS1_3_VERSION))
		return 0;
	*session = new;
	return 1;
}

static void make_ctx(const char *dir)
{
	char cert[4096], key[4096];

	snprintf(cert, sizeof(cert), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, BENCH_SUITE) ||
	    !SSL_CTX_set1_groups_list(ctx, BENCH_GROUP) ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		errx(1, "cannot use %s and %s", cert, key);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, (void *)"bench", 5);
	SSL_CTX_set_num_tickets(ctx, variant->proof == PROOF_TICKET);
	if (variant->proof != PROOF_TICKET)
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	if (variant->engine == ENGINE_OPENSSL_KTLS)
		SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
	if (variant->proof == PROOF_PSK)
		SSL_CTX_set_psk_find_session_callback(ctx, find_psk);
	if (variant->engine == ENGINE_HAND && ktls_secrets_init(ctx))
		errx(1, "OpenSSL has no TLS13-KDF");
}

static int listen_on(int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	if (variant->engine == ENGINE_SOCKAUTH &&
	    sockauth_request(fd, variant->profile, NULL, 0))
		err(1, "SOCKAUTH_REQUEST");
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 32768))
		err(1, "port %d", port);
	return fd;
}

/* Return: 0, or -1: a stranger, which the connection did not survive. */
static int authenticate(struct channel *ch)
{
	unsigned int tickets = variant->proof == PROOF_TICKET;

	if (!ctx)
		return 0;
	ch->ssl = SSL_new(ctx);
	if (!ch->ssl || !SSL_set_fd(ch->ssl, ch->fd))
		errx(1, "no memory");
	if (SSL_accept(ch->ssl) != 1)
		return -1;
	/* It is an option that OpenSSL need not take; 3.0 does not receive so. */
	if (variant->engine == ENGINE_OPENSSL_KTLS &&
	    !BIO_get_ktls_send(SSL_get_wbio(ch->ssl)))
		errx(1, "OpenSSL has sent no keys to the kernel");
	if (variant->engine != ENGINE_HAND)
		return 0;
	if (ktls_by_hand(ch->ssl, ch->fd, tickets))
		err(1, "kTLS by hand");
	SSL_free(ch->ssl);
	ch->ssl = NULL;
	ch->alert = true;
	return 0;
}

static int read_all(struct channel *ch, char *to, size_t len)
{
	ssize_t n;

	while (len) {
		n = channel_read(ch, to, len);
		if (n <= 0)
			return -1;
		to += n;
		len -= n;
	}
	return 0;
}

/* Return: whether the connection is to be kept. */
static bool serve(struct channel *ch)
{
	struct bench_request req;

	if (authenticate(ch) || read_all(ch, (char *)&req, sizeof(req)) ||
	    req.size > sizeof(buf))
		return false;
	switch (req.op) {
	case BENCH_ANSWER:
	case BENCH_HOLD:
		if (channel_write(ch, &req, sizeof(req)) ||
		    req.op == BENCH_HOLD)
			return req.op == BENCH_HOLD;
		channel_read(ch, buf, sizeof(buf));
		break;
	case BENCH_ECHO:
		while (!read_all(ch, buf, req.size) &&
		       !channel_write(ch, buf, req.size))
			;
		break;
	case BENCH_FILE:
		while (channel_read(ch, buf, 1) == 1 &&
		       !channel_file(ch, file, req.size))
			;
		break;
	}
	return false;
}

static void make_file(void)
{
	file = memfd_create("bench", 0);
	if (file < 0 || write(file, buf, sizeof(buf)) != sizeof(buf))
		err(1, "a file to send");
}

int main(int argc, char **argv)
{
	struct channel ch;
	int listener;
	size_t i;

	for (i = 0; argc == 4 && i < sizeof(variants) / sizeof(variants[0]);
	     i++)
		if (!strcmp(variants[i].name, argv[1]))
			variant = &variants[i];
	if (!variant) {
		fputs("Usage: server VARIANT PORT DIR\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (variant->engine != ENGINE_NONE && variant->engine != ENGINE_SOCKAUTH)
		make_ctx(argv[3]);
	make_file();
	listener = listen_on(atoi(argv[2]));
	puts("ready");
	fflush(stdout);
	for (;;) {
		ch = (struct channel) { .fd = accept(listener, NULL, NULL) };
		if (ch.fd < 0)
			err(1, "accept");
		if (!serve(&ch))
			channel_close(&ch);
	}
}
