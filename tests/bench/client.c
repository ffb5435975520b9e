// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client of all variants, and what measures them: whatever the guest does
 * that is not this process is the server.  See usage().
 */
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "bench.h"
#include "krb.h"
#include "mark.h"
#include "meter.h"

static const char usage[] =
	"Usage: client [OPTION...] PORT\n"
	"\n"
	"Prints a line for each of three runs, with figures for one connection, or\n"
	"for one exchange of -o echo and -o file: instructions of the server and of\n"
	"the client, those in which the guest was idle, context switches.\n"
	"\n"
	"  -t          TLS\n"
	"  -r          come again with a session ticket\n"
	"  -k          with the pre-shared key\n"
	"  -K SERVICE  with a Kerberos ticket for this principal\n"
	"  -n COUNT    connections or exchanges of a run (default 50)\n"
	"  -w COUNT    before the first (default 10)\n"
	"  -o OP       answer (default), echo, file, hold; with hold the\n"
	"              connections stay until the end of standard input\n"
	"  -b BYTES    of an exchange (default 1)\n"
	"  -s COUNT    neighbours that connect and say nothing\n"
	"  -j COUNT    clients at the same time\n";

static struct {
	struct sockaddr_in addr;
	bool tls, resume, psk;
	const char *service;
	int count, warm_up, silent, parallel;
	struct bench_request request;
} opt = { .count = 50, .warm_up = 10, .parallel = 1, .request.size = 1 };

static SSL_CTX *ctx;
static SSL_SESSION *ticket;
static char buf[BENCH_SIZE_MAX];

struct conn {
	int fd;
	SSL *ssl;
};

static void fail(const char *what)
{
	ERR_print_errors_fp(stderr);
	err(1, "%s", what);
}

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1;
}

static int use_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id,
		   size_t *id_len, SSL_SESSION **session)
{
	SSL_SESSION *new = SSL_SESSION_new();
	unsigned char *identity = (void *)BENCH_PSK_NAME;
	uint8_t psk[BENCH_PSK_LEN] = BENCH_PSK;
	size_t len = strlen(BENCH_PSK_NAME);

	(void)md;
	if (opt.service && krb_identity(&identity, &len, psk))
		errx(1, "no KRB_AP_REQ");
	if (!new ||
	    !SSL_SESSION_set1_master_key(new, psk, sizeof(psk)) ||
	    !SSL_SESSION_set_cipher(new, SSL_CIPHER_find(ssl,
						(void *)"\x13\x01")) ||
	    !SSL_SESSION_set_protocol_version(new, TLS1_3_VERSION))
		return 0;
	*id = identity;
	*id_len = len;
	*session = new;
	return 1;
}

static void make_ctx(void)
{
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, BENCH_SUITE) ||
	    !SSL_CTX_set1_groups_list(ctx, BENCH_GROUP))
		fail("SSL_CTX");
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
				       SSL_SESS_CACHE_NO_INTERNAL);
	if (opt.resume)
		SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	if (opt.psk)
		SSL_CTX_set_psk_use_session_callback(ctx, use_psk);
}

static int tcp_connect(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (void *)&opt.addr, sizeof(opt.addr)))
		fail("connect");
	setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void write_all(struct conn *c, const void *data, size_t len)
{
	ssize_t n = c->ssl ? SSL_write(c->ssl, data, len) :
			     send(c->fd, data, len, MSG_NOSIGNAL);

	if (n < 0 || (size_t)n != len)
		fail("write");
}

static void read_all(struct conn *c, void *data, size_t len)
{
	ssize_t n;

	while (len) {
		n = c->ssl ? SSL_read(c->ssl, data, len) :
			     read(c->fd, data, len);
		if (n <= 0)
			fail("read");
		len -= n;
	}
}

static struct conn begin(void)
{
	struct conn c = { .fd = tcp_connect() };

	if (!opt.tls)
		return c;
	c.ssl = SSL_new(ctx);
	if (!c.ssl || !SSL_set_fd(c.ssl, c.fd))
		fail("SSL");
	if (ticket)
		SSL_set_session(c.ssl, ticket);
	if (SSL_connect(c.ssl) != 1)
		fail("SSL_connect");
	return c;
}

/* Both have said all that they had to say before the next one begins. */
static void end(struct conn *c)
{
	if (c->ssl)
		SSL_shutdown(c->ssl);
	shutdown(c->fd, SHUT_WR);
	if (c->ssl) {
		SSL_read(c->ssl, buf, sizeof(buf));
		SSL_free(c->ssl);
	} else {
		(void)!read(c->fd, buf, sizeof(buf));
	}
	close(c->fd);
}

static void one_connection(void)
{
	bool short_cut = opt.psk || ticket;
	struct conn c = begin();

	write_all(&c, &opt.request, sizeof(opt.request));
	read_all(&c, buf, sizeof(opt.request));
	if (c.ssl && short_cut != SSL_session_reused(c.ssl))
		errx(1, "the wrong kind of handshake");
	end(&c);
}

static void connections(int count)
{
	int i, j, status;

	if (opt.parallel == 1) {
		for (i = 0; i < count; i++)
			one_connection();
		return;
	}
	for (j = 0; j < opt.parallel; j++) {
		if (fork())
			continue;
		for (i = j; i < count; i += opt.parallel)
			one_connection();
		_exit(0);
	}
	for (j = 0; j < opt.parallel; j++)
		if (wait(&status) < 0 || status)
			errx(1, "a client failed");
}

static void exchanges(struct conn *c, int count)
{
	size_t size = opt.request.size;

	while (count--) {
		write_all(c, buf, opt.request.op == BENCH_ECHO ? size : 1);
		read_all(c, buf, size);
	}
}

static void report(const struct meter *from, const struct meter *to)
{
	double n = opt.count;
	uint64_t busy = to->busy - from->busy;
	uint64_t client = to->client - from->client;
	uint64_t elapsed = to->elapsed - from->elapsed;

	printf("{\"count\": %d, \"server\": %.1f, \"client\": %.1f, \"idle\": %.1f, \"switches\": %.2f}\n",
	       opt.count, (busy - client) / n, client / n,
	       elapsed > busy ? (elapsed - busy) / n : 0,
	       (to->switches - from->switches) / n);
	fflush(stdout);
}

static void measure(struct conn *c, int count, bool quiet)
{
	struct meter from, to;

	meter_read(&from);
	if (!quiet)
		mark(MARK_BEGIN);
	if (c)
		exchanges(c, count);
	else
		connections(count);
	if (!quiet)
		mark(MARK_END);
	meter_read(&to);
	if (!quiet)
		report(&from, &to);
}

/* Until whoever started us has looked at them. */
static void hold(void)
{
	struct conn c;
	int i;

	for (i = 0; i < opt.count; i++) {
		c = begin();
		write_all(&c, &opt.request, sizeof(opt.request));
		read_all(&c, buf, sizeof(opt.request));
	}
	puts("held");
	fflush(stdout);
	while (read(0, buf, sizeof(buf)) > 0)
		;
}

static uint32_t parse_op(const char *word)
{
	static const char *const words[] = { "answer", "echo", "file", "hold" };
	uint32_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			return i;
	errx(2, "no such operation: %s", word);
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "trkK:n:w:o:b:s:j:")) != -1) {
		switch (c) {
		case 't': opt.tls = true; break;
		case 'r': opt.resume = true; break;
		case 'k': opt.psk = true; break;
		case 'K': opt.psk = true; opt.service = optarg; break;
		case 'n': opt.count = atoi(optarg); break;
		case 'w': opt.warm_up = atoi(optarg); break;
		case 'o': opt.request.op = parse_op(optarg); break;
		case 'b': opt.request.size = atoi(optarg); break;
		case 's': opt.silent = atoi(optarg); break;
		case 'j': opt.parallel = atoi(optarg); break;
		default: fputs(usage, stderr); exit(2);
		}
	}
	if (optind != argc - 1 || opt.request.size > sizeof(buf)) {
		fputs(usage, stderr);
		exit(2);
	}
	opt.addr.sin_family = AF_INET;
	opt.addr.sin_port = htons(atoi(argv[optind]));
	opt.addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 65536, 65536 };
	struct conn c, *established = NULL;
	int i;

	parse(argc, argv);
	setrlimit(RLIMIT_NOFILE, &files);
	if (opt.tls)
		make_ctx();
	if (opt.service && krb_begin(opt.service))
		errx(1, "no ticket for %s", opt.service);
	for (i = 0; i < opt.silent; i++)
		tcp_connect();
	if (opt.request.op == BENCH_HOLD) {
		hold();
		return 0;
	}
	if (opt.request.op != BENCH_ANSWER) {
		c = begin();
		write_all(&c, &opt.request, sizeof(opt.request));
		established = &c;
	}
	measure(established, opt.warm_up, true);
	for (i = 0; i < 3; i++)
		measure(established, opt.count, false);
	return 0;
}
