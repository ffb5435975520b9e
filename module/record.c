// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - record: kTLS keys, and records that are not data
 *
 * Owns what kTLS is told, and what becomes of the records that it does not give
 * to an application.  stream.c calls sockauth_record_control() when the next
 * record may be one of those.  conn->lock serialises these looks; rx_end is set
 * under it and read without.
 */
#include <linux/crypto.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <net/tls.h>
/* Its own includes are not all that it needs. */
#include <linux/splice.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/* RFC 8446 5.1 and 6 */
#define SOCKAUTH_RECORD_ALERT		21
#define SOCKAUTH_RECORD_HANDSHAKE	22

#define SOCKAUTH_HANDSHAKE_TICKET	4
#define SOCKAUTH_HANDSHAKE_KEY_UPDATE	24

#define SOCKAUTH_ALERT_LEN		2
#define SOCKAUTH_ALERT_WARNING		1
#define SOCKAUTH_ALERT_CLOSE_NOTIFY	0
#define SOCKAUTH_ALERT_USER_CANCELED	90

/*
 * Records in a row that hold no data.  Each of them costs us more than the peer,
 * and a program that does not wait is held up as long as there is another one.
 */
#define SOCKAUTH_SILENT_MAX		64

/*
 * Records with session tickets of one connection that the daemon hears of: a
 * server may send them without end, and each one takes a worker's time.  Two or
 * four are usual, and each is good for one connection.
 */
#define SOCKAUTH_TICKETS_TOLD		8

/**
 * struct sockauth_cipher - a suite that kTLS can do
 * @suite: TLS cipher suite number
 * @type: kTLS's number
 * @key_len: bytes of key
 * @salt_len: how much of the 12 bytes of IV kTLS calls salt
 * @size: of kTLS's structure
 * @alg: what kTLS asks the crypto API for
 */
struct sockauth_cipher {
	u16	suite;
	u16	type;
	u8	key_len;
	u8	salt_len;
	u8	size;
	char	alg[28];
};

static const struct sockauth_cipher sockauth_ciphers[] = {
	{ 0x1301, TLS_CIPHER_AES_GCM_128, 16, 4,
	  sizeof(struct tls12_crypto_info_aes_gcm_128), "gcm(aes)" },
	{ 0x1302, TLS_CIPHER_AES_GCM_256, 32, 4,
	  sizeof(struct tls12_crypto_info_aes_gcm_256), "gcm(aes)" },
	{ 0x1303, TLS_CIPHER_CHACHA20_POLY1305, 32, 0,
	  sizeof(struct tls12_crypto_info_chacha20_poly1305),
	  "rfc7539(chacha20,poly1305)" },
	{ 0x1304, TLS_CIPHER_AES_CCM_128, 16, 4,
	  sizeof(struct tls12_crypto_info_aes_ccm_128), "ccm(aes)" },
};

static const struct sockauth_cipher *sockauth_record_cipher(u32 suite)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sockauth_ciphers); i++)
		if (sockauth_ciphers[i].suite == suite)
			return &sockauth_ciphers[i];
	return NULL;
}

/**
 * sockauth_record_ciphers() - what kTLS can do on this machine now
 * @suites: filled with cipher suite numbers
 * @max: room in @suites
 *
 * Context: process; sleeps, for the crypto API may load a module.
 * Return: how many there are.
 */
size_t sockauth_record_ciphers(u16 *suites, size_t max)
{
	size_t i, count = 0;

	for (i = 0; i < ARRAY_SIZE(sockauth_ciphers) && count < max; i++)
		if (crypto_has_alg(sockauth_ciphers[i].alg,
				   CRYPTO_ALG_TYPE_AEAD, CRYPTO_ALG_TYPE_MASK))
			suites[count++] = sockauth_ciphers[i].suite;
	return count;
}

/**
 * sockauth_record_key_valid() - is this a key of that cipher
 * @cipher: TLS cipher suite number
 * @key: the key
 *
 * Return: true if kTLS knows the cipher and the key has its length.
 */
bool sockauth_record_key_valid(u32 cipher, const struct sockauth_key *key)
{
	const struct sockauth_cipher *c = sockauth_record_cipher(cipher);

	return c && c->key_len == key->key_len;
}

/**
 * sockauth_record_prepare() - attach kTLS, without keys yet
 * @sk: a connected socket whose sk_socket has TCP's own operations
 *
 * kTLS attaches to an ESTABLISHED socket only, but takes keys later too: a
 * peer that sends its last token, data and FIN in one flight is not lost.
 *
 * Context: process; takes lock_sock(), sleeps.
 * Return: 0, -ENOTCONN if the peer has closed, -ENOENT without kTLS, -ENOMEM.
 */
int sockauth_record_prepare(struct sock *sk)
{
	char ulp[] = "tls";

	sockauth_ulp_vacate(sk);
	return sk->sk_prot->setsockopt(sk, SOL_TCP, TCP_ULP,
				       KERNEL_SOCKPTR(ulp), sizeof(ulp) - 1);
}

static int sockauth_record_set_key(struct sock *sk, int optname,
				   const struct sockauth_cipher *c,
				   const struct sockauth_key *key)
{
	/* All of kTLS's structures are: info, iv, key, salt, sequence. */
	union {
		struct tls_crypto_info info;
		u8 raw[sizeof(struct tls12_crypto_info_aes_gcm_256)];
	} ci = {};
	u8 *p = ci.raw + sizeof(ci.info);
	__be64 seq = cpu_to_be64(key->seq);
	int err;

	BUILD_BUG_ON(sizeof(struct tls12_crypto_info_chacha20_poly1305) >
		     sizeof(ci));
	ci.info.version = TLS_1_3_VERSION;
	ci.info.cipher_type = c->type;
	memcpy(p, key->iv + c->salt_len, sizeof(key->iv) - c->salt_len);
	p += sizeof(key->iv) - c->salt_len;
	memcpy(p, key->key, c->key_len);
	p += c->key_len;
	memcpy(p, key->iv, c->salt_len);
	p += c->salt_len;
	memcpy(p, &seq, sizeof(seq));

	err = sk->sk_prot->setsockopt(sk, SOL_TLS, optname,
				      KERNEL_SOCKPTR(&ci), c->size);
	memzero_explicit(&ci, sizeof(ci));
	return err;
}

/**
 * sockauth_record_install() - from here on the socket speaks records only
 * @sk: socket that sockauth_record_prepare() was called for
 * @reply: cipher and both keys
 *
 * Context: process; sleeps.
 * Return: 0 or what kTLS says; the socket is to be closed then.
 */
int sockauth_record_install(struct sock *sk, const struct sockauth_reply *reply)
{
	const struct sockauth_cipher *c;
	int err;

	c = sockauth_record_cipher(reply->peer->cipher);
	if (!c)
		return -EINVAL;
	err = sockauth_record_set_key(sk, TLS_TX, c, &reply->tx);
	if (!err)
		err = sockauth_record_set_key(sk, TLS_RX, c, &reply->rx);
	if (!err)
		sockauth_stream_listen(sk);
	return err;
}

/*
 * kTLS takes the error that waits for the application on the socket, and tells
 * us: it goes back.  The others are of kTLS's own making.
 */
static void sockauth_record_give_back(struct sock *sk, int err)
{
	switch (err) {
	case -EAGAIN:
	case -EINVAL:
	case -EIO:
	case -ENOMEM:
	case -EBADMSG:
		return;
	default:
		if (err < 0)
			WRITE_ONCE(sk->sk_err, -err);
	}
}

/*
 * Receive into kernel memory, with the record's type; 0: there is none.  An
 * empty record has a type, too.  Never blocks.
 */
static int sockauth_record_fetch(struct sockauth_sock *ss, struct socket *sock,
				 void *buf, size_t len, int flags, u8 *type)
{
	char control[CMSG_SPACE(sizeof(u8))] __aligned(8) = {};
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = {
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	int ret;

	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, len);
	ret = ss->base->recvmsg(sock, &msg, len, flags | MSG_DONTWAIT);
	*type = cmsg->cmsg_level == SOL_TLS &&
		cmsg->cmsg_type == TLS_GET_RECORD_TYPE ?
		*(u8 *)CMSG_DATA(cmsg) : 0;
	sockauth_record_give_back(ss->sk, ret);
	return ret > 0 && !*type ? -EIO : ret;
}

/*
 * Nothing that comes after this is read, by nobody: who waits in kTLS is woken
 * and finds the end.  @text is freed if there is one already.
 */
static void sockauth_record_end(struct sockauth_sock *ss, int end, char *text)
{
	struct sockauth_conn *conn = ss->conn;

	lockdep_assert_held(&conn->lock);
	WRITE_ONCE(conn->rx_end, end);
	sockauth_stream_stop(ss->sk);
	if (conn->text) {
		kfree(text);
		return;
	}
	/* As in sockauth_conn_set_text(): dumps read it without a lock. */
	smp_store_release(&conn->text, text);
}

/* The peer must not send what @format says. */
static __printf(2, 3)
void sockauth_record_refuse(struct sockauth_sock *ss, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = kvasprintf(GFP_KERNEL, format, args);
	va_end(args);
	sockauth_record_end(ss, -EPROTO, text);
}

/* RFC 8446 5.1: an alert has a record of its own. */
static int sockauth_record_alert(struct sockauth_sock *ss, struct socket *sock)
{
	u8 type, alert[SOCKAUTH_ALERT_LEN + 1];
	int ret;

	ret = sockauth_record_fetch(ss, sock, alert, sizeof(alert), 0, &type);
	if (ret < 0)
		return ret;
	if (ret != SOCKAUTH_ALERT_LEN)
		sockauth_record_refuse(ss, "the peer sent an alert of %d bytes",
				       ret);
	else if (alert[1] == SOCKAUTH_ALERT_CLOSE_NOTIFY)
		sockauth_record_end(ss, SOCKAUTH_RX_EOF, NULL);
	else if (alert[1] != SOCKAUTH_ALERT_USER_CANCELED)
		sockauth_record_end(ss, -ECONNRESET,
				    kasprintf(GFP_KERNEL,
					      "the peer sent alert %u",
					      alert[1]));
	return 0;
}

/*
 * Where in a handshake record the session tickets begin and end that are there
 * as a whole.  One that is cut into several records (RFC 8446 5.1 allows that,
 * also in the header: type and three bytes of length) is passed over: it is a
 * convenience, and not worth the memory that it would be put together in.
 *
 * Return: the type of a message that is no ticket, and ends the search; or -1.
 */
static int sockauth_record_tickets(struct sockauth_conn *conn, const u8 *buf,
				   int len, int *from, int *to)
{
	const u8 *hdr = conn->ticket_hdr;
	int off = 0, begin = -1, part;

	*from = 0;
	*to = 0;
	while (off < len) {
		if (!conn->ticket_have)
			begin = off;
		if (conn->ticket_have < sizeof(conn->ticket_hdr)) {
			conn->ticket_hdr[conn->ticket_have++] = buf[off++];
			if (*hdr != SOCKAUTH_HANDSHAKE_TICKET)
				return *hdr;
			if (conn->ticket_have < sizeof(conn->ticket_hdr))
				continue;
			conn->ticket_left = hdr[1] << 16 | hdr[2] << 8 | hdr[3];
		}
		part = min_t(int, conn->ticket_left, len - off);
		conn->ticket_left -= part;
		off += part;
		if (conn->ticket_left)
			break;
		conn->ticket_have = 0;
		if (begin < 0)
			continue;
		if (!*to)
			*from = begin;
		*to = off;
	}
	return -1;
}

/*
 * RFC 8446 4.6: what may come after the handshake.  Only NewSessionTicket is
 * no news for the data that follows; after a KeyUpdate, which may stand behind
 * it in one record, that cannot be read with the keys that we have, and it must
 * be said, not waited for.
 */
static void sockauth_record_messages(struct sockauth_sock *ss, const u8 *buf,
				     int len)
{
	struct sockauth_conn *conn = ss->conn;
	int other = *buf, from, to;

	if (conn->role == SOCKAUTH_ROLE_INITIATOR) {
		other = sockauth_record_tickets(conn, buf, len, &from, &to);
		if (to && conn->tickets < SOCKAUTH_TICKETS_TOLD) {
			conn->tickets++;
			sockauth_event_record(conn, buf + from, to - from);
		}
	}
	if (other == SOCKAUTH_HANDSHAKE_KEY_UPDATE) {
		sockauth_record_end(ss, -EKEYEXPIRED,
				    kstrdup("the peer wants new keys: not in this kernel",
					    GFP_KERNEL));
	} else if (other >= 0) {
		sockauth_record_refuse(ss, "the peer sent handshake message %d",
				       other);
	}
}

static int sockauth_record_handshake(struct sockauth_sock *ss,
				     struct socket *sock)
{
	u8 type, *buf;
	int ret;

	buf = kvmalloc(SOCKAUTH_RECORD_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	ret = sockauth_record_fetch(ss, sock, buf, SOCKAUTH_RECORD_MAX, 0,
				    &type);
	if (ret > 0)
		sockauth_record_messages(ss, buf, ret);
	/* Who has a ticket, and the secret that belongs to it, is the client. */
	kvfree_sensitive(buf, SOCKAUTH_RECORD_MAX);
	return min(ret, 0);
}

/* An empty record of data: splice() of nothing takes it, and no other one. */
static int sockauth_record_empty(struct sockauth_sock *ss, struct socket *sock)
{
	loff_t pos = 0;
	int ret;

	ret = ss->base->splice_read(sock, &pos, NULL, 0, SPLICE_F_NONBLOCK);
	sockauth_record_give_back(ss->sk, ret);
	return 0;
}

/* Take the record that is next, and is not data.  Return: 0 or an error. */
static int sockauth_record_take(struct sockauth_sock *ss, struct socket *sock,
				u8 type, bool empty)
{
	if (++ss->conn->silent > SOCKAUTH_SILENT_MAX) {
		sockauth_record_refuse(ss, "the peer sends no data, but records");
		return 0;
	}
	if (type == SOCKAUTH_RECORD_DATA)
		return sockauth_record_empty(ss, sock);
	/* RFC 8446 5.4: that is for data only. */
	if (empty) {
		sockauth_record_refuse(ss, "the peer sent an empty record of type %u",
				       type);
		return 0;
	}
	switch (type) {
	case SOCKAUTH_RECORD_ALERT:
		return sockauth_record_alert(ss, sock);
	case SOCKAUTH_RECORD_HANDSHAKE:
		return sockauth_record_handshake(ss, sock);
	default:
		sockauth_record_refuse(ss, "the peer sent a record of type %u",
				       type);
		return 0;
	}
}

/**
 * sockauth_record_control() - take the next record if there is no data in it
 * @ss: face of an established connection
 * @sock: its socket
 *
 * Several readers may be told of a control record at once; the first to get the
 * lock takes it, the others find data, or nothing.
 *
 * Context: process; sleeps, but does not wait for the peer.
 * Return: 1: a record was taken; 0: none, it is data or there is none; else an
 *	error for the application that passes.  rx_end is set if reading ended.
 */
int sockauth_record_control(struct sockauth_sock *ss, struct socket *sock)
{
	struct sockauth_conn *conn = ss->conn;
	u8 type, first;
	int ret;

	mutex_lock(&conn->lock);
	/* Who was here before us may have found the end. */
	if (conn->rx_end) {
		mutex_unlock(&conn->lock);
		return 0;
	}
	ret = sockauth_record_fetch(ss, sock, &first, 1, MSG_PEEK, &type);
	if (!type || (type == SOCKAUTH_RECORD_DATA && ret > 0))
		ret = ret == -EIO || ret == -ENOMEM ? ret : 0;
	else
		ret = sockauth_record_take(ss, sock, type, ret <= 0) ?: 1;
	mutex_unlock(&conn->lock);
	return ret;
}

/**
 * sockauth_record_close_notify() - tell the peer that no more will come
 * @ss: face of an established connection
 * @sock: its socket
 *
 * Called when no further data can be sent: at close() and shutdown().  So the
 * send buffer's limits are lifted for these few bytes: neither may the alert
 * be lost to a full buffer, nor may close() wait.  If another thread is in the
 * middle of sending, its data is cut off by what follows, and saying that the
 * stream is complete would be a lie.
 *
 * Context: process; takes no lock of ours, for kTLS may have to wait for its
 *	own, though not when a signal comes.
 */
void sockauth_record_close_notify(struct sockauth_sock *ss,
				  struct socket *sock)
{
	char control[CMSG_SPACE(sizeof(u8))] __aligned(8) = {};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	u8 alert[SOCKAUTH_ALERT_LEN] = {
		SOCKAUTH_ALERT_WARNING, SOCKAUTH_ALERT_CLOSE_NOTIFY
	};
	struct kvec vec = { .iov_base = alert, .iov_len = sizeof(alert) };
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct sock *sk = ss->sk;
	int room;

	if (!sockauth_stream_send_close(ss) || READ_ONCE(sk->sk_err) ||
	    !(BIT(inet_sk_state_load(sk)) & (TCPF_ESTABLISHED |
					     TCPF_CLOSE_WAIT)))
		return;

	/* For these few bytes, and before them for the rest of a record. */
	room = READ_ONCE(sk->sk_wmem_queued) +
	       SKB_TRUESIZE(SOCKAUTH_RECORD_MAX) + SKB_TRUESIZE(PAGE_SIZE);
	if (READ_ONCE(sk->sk_sndbuf) < room)
		WRITE_ONCE(sk->sk_sndbuf, room);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, UINT_MAX);

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(u8));
	*(u8 *)CMSG_DATA(cmsg) = SOCKAUTH_RECORD_ALERT;
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, sizeof(alert));
	ss->base->sendmsg(sock, &msg, sizeof(alert));
}
