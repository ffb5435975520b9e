// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Strangers at a real listener: TLS clients whose handshakes are changed, at
 * the byte and at the record level, cut into segments anywhere, and ended by
 * FIN or RST anywhere; many at a time, with honest ones among them.
 *
 *	STRANGERS_COUNT		how many clients come (400)
 *	STRANGERS_SEED		what they do (1)
 *
 * What must hold: accept() gives nobody whose handshake was changed; who is
 * honest is accepted and loses no byte; nobody's bytes are read that were not
 * sealed; in the end everything is as before.
 *
 * The daemon is the real one, with its profile "default".
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "capture.h"
#include "fakeworker.h"
#include "net.h"
#include "harness.h"

#define WINDOW		16	/* clients at a time */
#define BUFFER		(64 * 1024)
#define MARKER		CAPTURE_MARKER "of-an-honest-client"
#define TIMEOUT_MS	60000

/* How far the client's side of a connection is. */
enum stage {
	STAGE_HELLO,
	STAGE_FINISHED,
	STAGE_DATA,
	STAGE_OVER,
};

/* What is known of a connection by its client's port. */
enum fate {
	FATE_UNKNOWN,
	FATE_CHANGED,		/* must not be accepted */
	FATE_TORN,		/* may be accepted: intact, with an early end */
	FATE_HONEST,		/* must be accepted, with all that it says */
};

struct stranger {
	int fd;
	uint16_t port;
	SSL *ssl;		/* NULL: only a ClientHello */
	enum stage stage;
	enum stage change_at;	/* STAGE_OVER: never */
	bool may_tear;
	unsigned int idle;	/* turns without progress */
	unsigned int patience;
	uint8_t out[BUFFER];
	size_t len, pos;
};

struct accepted {
	int fd;
	uint16_t port;
	size_t read;
};

static struct stranger strangers[WINDOW];
static struct accepted accepted[4 * WINDOW];
static uint8_t fates[65536];
static bool heard[65536];		/* all that the client of this port said */
static uint64_t state;
static SSL_CTX *ctx;
static uint8_t hello[4096];
static size_t hello_len;
static struct {
	unsigned int begun, changed, torn, honest, refused, accepted, served;
	unsigned int unheard;		/* honest ones whose port is used again */
} count;

/* The generator splitmix64; a number below LIMIT. */
static uint32_t random_below(uint32_t limit)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return (z >> 16) % limit;
}

static size_t record_len(const uint8_t *data, size_t len)
{
	size_t record;

	if (len < 5)
		return len;
	record = 5 + (data[3] << 8 | data[4]);
	return record < len ? record : len;
}

/* One bit or more of one byte, but not what nobody looks at. */
static void change_byte(struct stranger *s)
{
	size_t at;

	do {
		at = random_below(s->len);
	} while (at == 2);	/* the version in the record's header */
	s->out[at] ^= 1 + random_below(255);
}

static void insert(struct stranger *s, size_t at, const void *data, size_t len)
{
	if (s->len + len > sizeof(s->out))
		return;
	memmove(s->out + at + len, s->out + at, s->len - at);
	memcpy(s->out + at, data, len);
	s->len += len;
}

static void insert_noise(struct stranger *s)
{
	/* A record of no type that TLS 1.3 ignores, or no record at all. */
	uint8_t noise[64] = { 21 + random_below(4), 3, 3, 0, 40 };
	size_t i, begin = random_below(2) ? 5 : 0;

	for (i = begin; i < sizeof(noise); i++)
		noise[i] = random_below(256);
	if (noise[0] == 20)
		noise[0] = 25;
	insert(s, begin ? 0 : random_below(s->len), noise,
	       begin ? 45 : 1 + random_below(sizeof(noise)));
}

static void change_record(struct stranger *s)
{
	size_t first = record_len(s->out, s->len);

	switch (random_below(6)) {
	case 0:
		s->len = random_below(s->len);
		break;
	case 1:
		/* The length, by a little or to anything. */
		s->out[3 + random_below(2)] ^= 1 << random_below(8);
		break;
	case 2:
		s->out[0] = random_below(2) ? 24 : 28 + random_below(200);
		break;
	case 3:
		/* The first bytes of the content. */
		s->out[5 + random_below(first > 60 ? 40 : 4)] ^=
			1 << random_below(8);
		break;
	case 4:
		memmove(s->out, s->out + first, s->len - first);
		s->len -= first;
		break;
	default:
		insert_noise(s);
		break;
	}
}

/* What is put behind a good Finished is no part of the handshake any more. */
static void change(struct stranger *s)
{
	unsigned int n = 1 + random_below(3);

	if (random_below(2)) {
		while (n--)
			change_byte(s);
	} else if (s->stage == STAGE_HELLO && !random_below(4)) {
		insert(s, s->len, s->out, s->len);
	} else {
		change_record(s);
	}
	fates[s->port] = FATE_CHANGED;
}

/* Two changes of one byte may undo each other. */
static void change_until_changed(struct stranger *s)
{
	static uint8_t before[BUFFER];
	size_t len = s->len;

	memcpy(before, s->out, len);
	do {
		change(s);
	} while (s->len == len && !memcmp(before, s->out, len));
}

static void queue(struct stranger *s)
{
	int n = BIO_read(SSL_get_wbio(s->ssl), s->out + s->len,
			 sizeof(s->out) - s->len);

	if (n > 0)
		s->len += n;
}

static void make_hello(void)
{
	SSL *ssl = SSL_new(ctx);
	int n;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_connect(ssl);
	n = BIO_read(SSL_get_wbio(ssl), hello, sizeof(hello));
	hello_len = n > 0 ? n : 0;
	SSL_free(ssl);
}

static void make_ssl(struct stranger *s)
{
	s->ssl = SSL_new(ctx);
	SSL_set_bio(s->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_connect(s->ssl);
	queue(s);
}

/* Most change their ClientHello, because that costs nobody much. */
static enum stage choose_stage(void)
{
	uint32_t n = random_below(32);

	if (n < 24)
		return STAGE_HELLO;
	if (n < 28)
		return STAGE_FINISHED;
	if (n < 29)
		return STAGE_DATA;
	return STAGE_OVER;
}

static int begin(struct stranger *s, int listener)
{
	struct sockaddr_in6 addr;
	socklen_t len;

	memset(s, 0, offsetof(struct stranger, out));
	s->len = s->pos = 0;
	s->fd = net_connect_to(listener);
	if (s->fd < 0)
		return s->fd;
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	net_address(s->fd, &addr, &len);
	s->port = ntohs(addr.sin6_port);
	s->change_at = choose_stage();
	s->may_tear = random_below(4) == 0;
	s->patience = 20 + random_below(200);
	count.unheard += fates[s->port] == FATE_HONEST && !heard[s->port];
	fates[s->port] = FATE_UNKNOWN;
	heard[s->port] = false;
	count.begun++;
	if (s->change_at == STAGE_HELLO) {
		memcpy(s->out, hello, hello_len);
		s->len = hello_len;
		change_until_changed(s);
		return 0;
	}
	make_ssl(s);
	return 0;
}

static void end(struct stranger *s, enum fate fate, bool reset)
{
	const struct linger linger = { .l_onoff = 1 };

	if (fates[s->port] == FATE_UNKNOWN)
		fates[s->port] = fate;
	count.changed += fates[s->port] == FATE_CHANGED;
	count.torn += fates[s->port] == FATE_TORN;
	count.honest += fates[s->port] == FATE_HONEST;
	if (reset)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger,
			   sizeof(linger));
	close(s->fd);
	s->fd = -1;
	SSL_free(s->ssl);
	s->ssl = NULL;
}

/* What comes next, once everything is sent and the peer has answered. */
static void advance(struct stranger *s)
{
	s->len = s->pos = 0;
	if (s->stage == STAGE_HELLO && SSL_connect(s->ssl) == 1) {
		s->stage = STAGE_FINISHED;
	} else if (s->stage == STAGE_FINISHED) {
		s->stage = STAGE_DATA;
		SSL_write(s->ssl, MARKER, strlen(MARKER));
	} else if (s->stage == STAGE_DATA) {
		s->stage = STAGE_OVER;
		SSL_shutdown(s->ssl);
	}
	queue(s);
	if (!s->len || s->stage != s->change_at || s->stage == STAGE_OVER)
		return;
	change_until_changed(s);
	/* This comes after the handshake, which is intact. */
	if (s->stage == STAGE_DATA)
		fates[s->port] = FATE_TORN;
}

/* Return: whether something happened. */
static bool send_some(struct stranger *s)
{
	size_t left = s->len - s->pos, n = left;
	ssize_t sent;

	if (random_below(4))
		n = 1 + random_below(left);
	sent = send(s->fd, s->out + s->pos, n, MSG_NOSIGNAL);
	if (sent < 0) {
		if (errno != EAGAIN)
			end(s, FATE_TORN, false);
		return errno != EAGAIN;
	}
	s->pos += sent;
	return true;
}

/* Who waits for nothing any more goes in order. */
static bool receive_some(struct stranger *s)
{
	uint8_t buf[4096];
	ssize_t n = recv(s->fd, buf, sizeof(buf), 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		count.refused += s->change_at == STAGE_OVER && !s->may_tear &&
				 s->stage != STAGE_OVER;
		end(s, s->stage == STAGE_OVER && !s->may_tear ? FATE_HONEST :
								FATE_TORN,
		    false);
		return true;
	}
	if (s->ssl)
		BIO_write(SSL_get_rbio(s->ssl), buf, n);
	return true;
}

static bool turn(struct stranger *s)
{
	bool happened;

	if (s->may_tear && !random_below(24)) {
		if (random_below(2)) {
			end(s, FATE_TORN, true);
			return true;
		}
		shutdown(s->fd, SHUT_WR);
	}
	if (s->pos < s->len)
		return send_some(s);
	happened = receive_some(s);
	if (s->fd < 0)
		return true;
	/* Not before the peer has spoken: its ServerHello, later nothing. */
	if (s->ssl && s->stage != STAGE_OVER &&
	    (happened || s->stage != STAGE_HELLO)) {
		advance(s);
		return true;
	}
	if (happened) {
		s->idle = 0;
	} else if (++s->idle > s->patience && (!s->ssl || s->may_tear ||
					       fates[s->port])) {
		end(s, FATE_TORN, random_below(2));
		return true;
	}
	return happened;
}

/* Return: -1, after it was said what should not have happened. */
static int broken(const char *what, uint16_t port)
{
	fprintf(stderr, "# client %u, fate %d: %s\n", port, fates[port],
		what);
	return -1;
}

/* Return: 0, or -1: somebody is here who must not be. */
static int accept_all(int listener)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	size_t i;
	int fd;

	while ((fd = accept4(listener, (void *)&addr, &len, SOCK_NONBLOCK)) >= 0) {
		count.accepted++;
		if (fates[ntohs(addr.sin_port)] == FATE_CHANGED)
			return broken("accepted, though it was changed",
				      ntohs(addr.sin_port));
		for (i = 0; accepted[i].fd; i++)
			if (i + 1 == sizeof(accepted) / sizeof(*accepted))
				return broken("one too many", 0);
		accepted[i] = (struct accepted) {
			.fd = fd, .port = ntohs(addr.sin_port),
		};
	}
	return 0;
}

/* Return: 0 go on, 1 this one is over, -1 it read what nobody has sealed. */
static int read_some(struct accepted *a)
{
	char buf[256];
	ssize_t n = recv(a->fd, buf, sizeof(buf), 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n > 0) {
		if (a->read + n > strlen(MARKER) ||
		    memcmp(buf, MARKER + a->read, n))
			return broken("read what nobody has sealed", a->port);
		a->read += n;
		return 0;
	}
	heard[a->port] = !n && a->read == strlen(MARKER);
	if (heard[a->port])
		count.served++;
	else if (fates[a->port] == FATE_HONEST)
		return broken(n ? strerror(errno) : "cut short", a->port);
	return 1;
}

static int read_all(bool *happened)
{
	size_t i;
	int ret;

	for (i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		if (!accepted[i].fd)
			continue;
		ret = read_some(&accepted[i]);
		if (ret < 0)
			return -1;
		if (!ret)
			continue;
		*happened = true;
		close(accepted[i].fd);
		accepted[i].fd = 0;
	}
	return 0;
}

/* How many were honest, and have not been heard to the end. */
static unsigned int unheard(void)
{
	unsigned int n = count.unheard;
	size_t port;

	for (port = 0; port < sizeof(fates); port++)
		n += fates[port] == FATE_HONEST && !heard[port];
	return n;
}

/* Wait until the sum of ATTR over the answer to CMD is 0 again. */
static bool comes_to_nothing(uint8_t cmd, uint16_t attr)
{
	int64_t begin = net_now_ms();

	while (fw_number(cmd, attr) && net_now_ms() - begin < PATIENCE_MS)
		usleep(10000);
	return !fw_number(cmd, attr);
}

/* Nothing to do for anybody: wait until there is, or a moment. */
static void wait_for_all(int listener)
{
	struct pollfd pfds[WINDOW + 1];
	nfds_t n = 0;
	size_t i;

	pfds[n++] = (struct pollfd) { .fd = listener, .events = POLLIN };
	for (i = 0; i < WINDOW; i++)
		if (strangers[i].fd >= 0)
			pfds[n++] = (struct pollfd) {
				.fd = strangers[i].fd, .events = POLLIN,
			};
	poll(pfds, n, 5);
}

static unsigned int number_of(const char *name, unsigned int otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

/* All turns of all strangers. Return: 0, or -1: what must hold did not. */
static int run(int listener, unsigned int total)
{
	bool happened;
	size_t i, busy;

	do {
		happened = false;
		busy = 0;
		for (i = 0; i < WINDOW; i++) {
			struct stranger *s = &strangers[i];

			if (s->fd < 0 && count.begun < total &&
			    begin(s, listener))
				return broken(strerror(-s->fd), s->port);
			if (s->fd < 0)
				continue;
			busy++;
			if (random_below(2))
				happened |= turn(s);
		}
		if (accept_all(listener) || read_all(&happened))
			return -1;
		if (!happened)
			wait_for_all(listener);
	} while (busy);
	return 0;
}

FIXTURE(strangers) {
	int listener;
};

FIXTURE_SETUP(strangers)
{
	size_t i;

	for (i = 0; i < WINDOW; i++)
		strangers[i].fd = -1;
	ctx = SSL_CTX_new(TLS_client_method());
	ASSERT_NE(NULL, ctx);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	/* Whether ChangeCipherSpec is there makes no difference to anybody. */
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	make_hello();
	self->listener = net_tcp(AF_INET);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, TIMEOUT_MS));
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 256));
	ASSERT_EQ(0, fcntl(self->listener, F_SETFL, O_NONBLOCK));
}

FIXTURE_TEARDOWN(strangers)
{
	close(self->listener);
	SSL_CTX_free(ctx);
}

/* The long run takes hours in an emulated guest. */
TEST_F_TIMEOUT(strangers, clients, 36000)
{
	unsigned int total = number_of("STRANGERS_COUNT", 400);
	int64_t begin;
	bool happened;

	state = number_of("STRANGERS_SEED", 1);
	ASSERT_EQ(0, run(self->listener, total));
	/* The last ones are on their way. */
	begin = net_now_ms();
	while (unheard() && net_now_ms() - begin < PATIENCE_MS) {
		ASSERT_EQ(0, accept_all(self->listener));
		ASSERT_EQ(0, read_all(&happened));
		wait_for_all(self->listener);
	}
	TH_LOG("%u clients: %u changed, %u torn, %u honest; %u accepted, %u served",
	       count.begun, count.changed, count.torn, count.honest,
	       count.accepted, count.served);
	EXPECT_EQ(total, count.begun);
	EXPECT_EQ(0, count.refused);
	EXPECT_LT(0, count.changed);
	EXPECT_LT(0, count.torn);
	EXPECT_LT(0, count.honest);
	EXPECT_EQ(0, unheard());
	EXPECT_TRUE(comes_to_nothing(SOCKAUTH_CMD_STATS_GET,
				     SOCKAUTH_A_PENDING));
	EXPECT_TRUE(comes_to_nothing(SOCKAUTH_CMD_WORKER_GET,
				     SOCKAUTH_A_CONTEXTS));
}

SOCKAUTH_HARNESS_MAIN
