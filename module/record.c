// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - record: kTLS keys, the receive wrapper, control records
 *
 * Owns the conversation with kTLS.  Data records never come near this file's
 * slow paths: kTLS is called as it is, and only when it says that the next
 * record is not data (EIO on receive, EINVAL on splice) do we look at it.
 * conn->lock serialises those looks; rx_end is set under it and read without.
 */
#include <linux/crypto.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "sockauth.h"

/* RFC 8446 5.1 and 6 */
#define SOCKAUTH_RECORD_ALERT		21
#define SOCKAUTH_RECORD_HANDSHAKE	22
#define SOCKAUTH_RECORD_DATA		23

#define SOCKAUTH_HANDSHAKE_TICKET	4

#define SOCKAUTH_ALERT_WARNING		1
#define SOCKAUTH_ALERT_CLOSE_NOTIFY	0
#define SOCKAUTH_ALERT_USER_CANCELED	90

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
 * Return: 0, -ENOTCONN if the peer has closed, -ENOENT without kTLS.
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
	if (err)
		return err;
	return sockauth_record_set_key(sk, TLS_RX, c, &reply->rx);
}

/* Receive into kernel memory, with the record's type.  Never blocks. */
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
	if (ret <= 0)
		return ret;
	if (cmsg->cmsg_level != SOL_TLS ||
	    cmsg->cmsg_type != TLS_GET_RECORD_TYPE)
		return -EIO;
	*type = *(u8 *)CMSG_DATA(cmsg);
	return ret;
}

/* Nothing that comes after this is read.  @text is freed if there is one. */
static void sockauth_record_end(struct sockauth_conn *conn, int end, char *text)
{
	lockdep_assert_held(&conn->lock);
	WRITE_ONCE(conn->rx_end, end);
	if (conn->text)
		kfree(text);
	else
		conn->text = text;
}

static int sockauth_record_alert(struct sockauth_sock *ss, struct socket *sock)
{
	u8 type, alert[2] = {};
	int ret;

	ret = sockauth_record_fetch(ss, sock, alert, sizeof(alert), 0, &type);
	if (ret < 0)
		return ret;
	if (alert[1] == SOCKAUTH_ALERT_USER_CANCELED)
		return 0;
	if (ret == sizeof(alert) && alert[1] == SOCKAUTH_ALERT_CLOSE_NOTIFY)
		sockauth_record_end(ss->conn, SOCKAUTH_RX_EOF, NULL);
	else
		sockauth_record_end(ss->conn, -ECONNRESET,
				    kasprintf(GFP_KERNEL,
					      "the peer sent alert %u",
					      alert[1]));
	return 0;
}

/*
 * RFC 8446 4.6: what may come after the handshake.  Only NewSessionTicket is
 * no news for the data that follows; after a KeyUpdate it cannot be read with
 * the keys that we have, and that must be said, not waited for.
 */
static int sockauth_record_handshake(struct sockauth_sock *ss,
				     struct socket *sock, u8 first)
{
	struct sockauth_conn *conn = ss->conn;
	u8 type, *buf;
	int ret;

	if (first != SOCKAUTH_HANDSHAKE_TICKET ||
	    conn->role != SOCKAUTH_ROLE_INITIATOR) {
		sockauth_record_end(conn, -EKEYEXPIRED,
				    kstrdup("the peer wants new keys: not in this kernel",
					    GFP_KERNEL));
		return 0;
	}
	buf = kvmalloc(SOCKAUTH_RECORD_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOBUFS;
	ret = sockauth_record_fetch(ss, sock, buf, SOCKAUTH_RECORD_MAX, 0,
				    &type);
	if (ret > 0)
		sockauth_event_record(conn, buf, ret);
	kvfree(buf);
	return ret < 0 ? ret : 0;
}

/*
 * The next record may not be data.  Several readers may be told so at once; the
 * first to get the lock takes the record, the others find data, or nothing.
 *
 * Return: 1: a record was taken; 0: none, it is data or there is none; else an
 *	error for the application that passes.  rx_end is set if reading ended.
 */
static int sockauth_record_control(struct sockauth_sock *ss,
				   struct socket *sock)
{
	struct sockauth_conn *conn = ss->conn;
	u8 type = SOCKAUTH_RECORD_DATA, first;
	int ret;

	mutex_lock(&conn->lock);
	ret = sockauth_record_fetch(ss, sock, &first, 1, MSG_PEEK, &type);
	if (ret <= 0 || type == SOCKAUTH_RECORD_DATA) {
		mutex_unlock(&conn->lock);
		return ret == -EIO || ret == -ENOMEM ? ret : 0;
	}
	ret = 0;
	if (type == SOCKAUTH_RECORD_ALERT)
		ret = sockauth_record_alert(ss, sock);
	else if (type == SOCKAUTH_RECORD_HANDSHAKE)
		ret = sockauth_record_handshake(ss, sock, first);
	else
		sockauth_record_end(conn, -EPROTO,
				    kasprintf(GFP_KERNEL, "the peer sent a record of type %u",
					      type));
	mutex_unlock(&conn->lock);
	return ret ?: 1;
}

/* What recvmsg() says once reading has ended. */
static int sockauth_record_ended(struct sockauth_conn *conn)
{
	int end = READ_ONCE(conn->rx_end);

	return end == SOCKAUTH_RX_EOF ? 0 : end;
}

/* kTLS says end of file: is it the peer's word, or was the stream cut? */
static int sockauth_record_eof(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn = ss->conn;

	if (READ_ONCE(conn->rx_end) || READ_ONCE(conn->rd_shut) ||
	    conn->req->flags & SOCKAUTH_REQ_TRUNCATION_OK)
		return 0;

	mutex_lock(&conn->lock);
	if (!conn->truncated) {
		conn->truncated = true;
		atomic64_inc(&conn->snet->failed[SOCKAUTH_REASON_TRUNCATED]);
		if (!conn->text)
			conn->text = kstrdup("the stream ended without close_notify",
					     GFP_KERNEL);
	}
	mutex_unlock(&conn->lock);
	return -ECONNRESET;
}

/*
 * TCP says that the connection is lost.  What expires does so on both sides,
 * whose clocks agree: the peer's may have been the first.
 */
static int sockauth_record_lost(struct sockauth_conn *conn, int err)
{
	if (err != -ECONNRESET && err != -EPIPE)
		return err;

	mutex_lock(&conn->lock);
	if (conn->state == SOCKAUTH_STATE_OPEN)
		sockauth_conn_check_expiry(conn);
	mutex_unlock(&conn->lock);
	return READ_ONCE(conn->rx_end) == -EKEYEXPIRED ? -EKEYEXPIRED : err;
}

/**
 * sockauth_record_recvmsg() - receive on an established connection
 * @ss: its face
 * @sock: the application's socket
 * @msg: where to
 * @len: how much
 * @flags: MSG_*
 *
 * kTLS would show the application record types in ancillary data and control
 * records as data.  It gets no room for ancillary data, and so says EIO before
 * a control record; what it marks because of that is taken back.
 *
 * Return: as recvmsg() on a TCP socket.
 */
int sockauth_record_recvmsg(struct sockauth_sock *ss, struct socket *sock,
			    struct msghdr *msg, size_t len, int flags)
{
	size_t controllen = msg->msg_controllen;
	int ret;

	if (unlikely(flags & MSG_ERRQUEUE))
		return ss->base->recvmsg(sock, msg, len, flags);

	msg->msg_controllen = 0;
	for (;;) {
		if (unlikely(READ_ONCE(ss->conn->rx_end))) {
			ret = sockauth_record_ended(ss->conn);
			break;
		}
		ret = ss->base->recvmsg(sock, msg, len, flags);
		msg->msg_flags &= ~(MSG_CTRUNC | MSG_EOR);
		if (likely(ret > 0))
			break;
		if (!ret) {
			ret = len ? sockauth_record_eof(ss) : 0;
			break;
		}
		if (ret != -EIO) {
			ret = sockauth_record_lost(ss->conn, ret);
			break;
		}
		ret = sockauth_record_control(ss, sock);
		if (ret < 0)
			break;
	}
	msg->msg_controllen = controllen;
	return ret;
}

/**
 * sockauth_record_poll() - poll an established connection
 * @ss: its face
 * @file: the socket's file
 * @sock: the application's socket
 * @pt: as for every poll operation
 *
 * Session tickets make the socket of a client readable for kTLS, yet there is
 * nothing to read for the application, and a blocking read() after poll() would
 * wait: so they are taken here.
 *
 * Return: as poll() on a TCP socket.
 */
__poll_t sockauth_record_poll(struct sockauth_sock *ss, struct file *file,
			      struct socket *sock, struct poll_table_struct *pt)
{
	__poll_t mask = ss->base->poll(file, sock, pt);
	struct sockauth_conn *conn = ss->conn;

	while (mask & EPOLLIN && conn->role == SOCKAUTH_ROLE_INITIATOR &&
	       !READ_ONCE(conn->rx_end) &&
	       sockauth_record_control(ss, sock) == 1)
		mask = ss->base->poll(file, sock, NULL);
	if (READ_ONCE(conn->rx_end))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	return mask;
}

/**
 * sockauth_record_splice_read() - splice from an established connection
 * @ss: its face
 * @sock: the application's socket
 * @ppos: not used by sockets
 * @pipe: where to
 * @len: how much
 * @flags: SPLICE_F_*
 *
 * Return: as splice() on a TCP socket.
 */
ssize_t sockauth_record_splice_read(struct sockauth_sock *ss,
				    struct socket *sock, loff_t *ppos,
				    struct pipe_inode_info *pipe, size_t len,
				    unsigned int flags)
{
	ssize_t ret;

	do {
		if (READ_ONCE(ss->conn->rx_end))
			return sockauth_record_ended(ss->conn);
		ret = ss->base->splice_read(sock, ppos, pipe, len, flags);
		if (!ret && len)
			return sockauth_record_eof(ss);
		if (ret < 0 && ret != -EINVAL)
			return sockauth_record_lost(ss->conn, ret);
		if (ret != -EINVAL)
			return ret;
		ret = sockauth_record_control(ss, sock);
	} while (ret >= 0);
	return ret;
}

/**
 * sockauth_record_sendmsg() - send on an established connection
 * @ss: its face
 * @sock: the application's socket
 * @msg: what
 * @len: how much
 *
 * Ancillary data never reaches kTLS: with it an application could send records
 * of another type, and kTLS refuses all that it does not know.
 *
 * Return: as sendmsg() on a TCP socket; -EINVAL: a record type was given;
 *	-EOPNOTSUPP: ancillary data that would have an effect on TCP.
 */
int sockauth_record_sendmsg(struct sockauth_sock *ss, struct socket *sock,
			    struct msghdr *msg, size_t len)
{
	struct cmsghdr *cmsg;
	int ret;

	/* kTLS would seal the data first, and find out from TCP much later. */
	if (unlikely(READ_ONCE(ss->sk->sk_shutdown) & SEND_SHUTDOWN)) {
		ret = sk_stream_error(ss->sk, msg->msg_flags, -EPIPE);
		return sockauth_record_lost(ss->conn, ret);
	}
	if (likely(!msg->msg_controllen)) {
		ret = ss->base->sendmsg(sock, msg, len);
		return likely(ret >= 0) ? ret :
					  sockauth_record_lost(ss->conn, ret);
	}
	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg) || cmsg->cmsg_level == SOL_TLS)
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_SOCKET)
			return -EOPNOTSUPP;
	}
	msg->msg_controllen = 0;
	return ss->base->sendmsg(sock, msg, len);
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
 */
void sockauth_record_close_notify(struct sockauth_sock *ss,
				  struct socket *sock)
{
	char control[CMSG_SPACE(sizeof(u8))] __aligned(8) = {};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	u8 alert[2] = { SOCKAUTH_ALERT_WARNING, SOCKAUTH_ALERT_CLOSE_NOTIFY };
	struct kvec vec = { .iov_base = alert, .iov_len = sizeof(alert) };
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct sockauth_conn *conn = ss->conn;
	struct sock *sk = ss->sk;
	bool send;
	int room;

	mutex_lock(&conn->lock);
	send = !conn->tx_closed && !READ_ONCE(sk->sk_err) &&
	       !mutex_is_locked(&tls_get_ctx(sk)->tx_lock) &&
	       BIT(inet_sk_state_load(sk)) & (TCPF_ESTABLISHED |
					      TCPF_CLOSE_WAIT);
	conn->tx_closed |= send;
	mutex_unlock(&conn->lock);
	if (!send)
		return;

	room = READ_ONCE(sk->sk_wmem_queued) + SKB_TRUESIZE(PAGE_SIZE);
	if (READ_ONCE(sk->sk_sndbuf) < room)
		WRITE_ONCE(sk->sk_sndbuf, room);
	WRITE_ONCE(tcp_sk(sk)->notsent_lowat, UINT_MAX);

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(u8));
	*(u8 *)CMSG_DATA(cmsg) = SOCKAUTH_RECORD_ALERT;
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &vec, 1, sizeof(alert));
	/*
	 * Unlocked: if another thread begins to send in this moment we wait
	 * for it, and it for its peer.  Whoever looks at the connection, to
	 * show or to kill it, must not.
	 */
	ss->base->sendmsg(sock, &msg, sizeof(alert));
}
