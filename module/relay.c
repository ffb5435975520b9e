// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - relay: from the stream to tokens and back
 *
 * Owns nothing: works on the TCP socket of a connection under conn->lock, and
 * takes lock_sock() itself.  A token is one or more whole records as TLS frames
 * them (RFC 8446 5.1: type, version, length); every mechanism uses that frame,
 * so the module needs to know no more of any of them.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

/* Least receive buffer in which the longest record surely fits. */
#define SOCKAUTH_RCVBUF_MIN	(4 * SOCKAUTH_RECORD_MAX)

/*
 * Record types: change_cipher_spec 20 to heartbeat 24.  Anything else, or
 * another major version than 3, is not the beginning of a record: waiting for
 * as many bytes as its "length" says would be waiting for nothing.
 */
static bool sockauth_relay_header_ok(const u8 *hdr, u32 *len)
{
	*len = SOCKAUTH_RECORD_HDR + (hdr[3] << 8 | hdr[4]);
	return hdr[0] >= 20 && hdr[0] <= 24 && hdr[1] == 3 &&
	       *len <= SOCKAUTH_RECORD_MAX;
}

/*
 * Copy @len bytes at @off of what is unread.  Walks the queue by hand:
 * tcp_recv_skb() frees what lies before the offset that it is asked for.
 */
static int sockauth_relay_peek(struct sock *sk, u32 off, void *to, u32 len)
{
	u32 seq = tcp_sk(sk)->copied_seq + off;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		u32 skip = seq - TCP_SKB_CB(skb)->seq;
		u32 part;

		if (skip >= skb->len)
			continue;
		part = min(len, skb->len - skip);
		if (skb_copy_bits(skb, skip, to, part))
			return -EFAULT;
		to += part;
		seq += part;
		len -= part;
		if (!len)
			return 0;
	}
	return -ENODATA;
}

static u32 sockauth_relay_unread(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_receive_queue);
	u32 end;

	if (!skb)
		return 0;
	end = TCP_SKB_CB(skb)->seq + skb->len;
	return after(end, tcp_sk(sk)->copied_seq) ?
	       end - tcp_sk(sk)->copied_seq : 0;
}

/**
 * sockauth_relay_scan() - what is there for the next leg
 * @sk: the socket
 * @token: filled in
 *
 * Context: process; takes lock_sock().
 */
void sockauth_relay_scan(struct sock *sk, struct sockauth_token *token)
{
	u32 unread, len, off = 0;
	u8 hdr[SOCKAUTH_RECORD_HDR];

	*token = (struct sockauth_token) {};
	lock_sock(sk);
	/* An application's small SO_RCVBUF must not keep a record from us. */
	if (sk->sk_rcvbuf < SOCKAUTH_RCVBUF_MIN)
		WRITE_ONCE(sk->sk_rcvbuf, SOCKAUTH_RCVBUF_MIN);

	token->eof = sk->sk_shutdown & RCV_SHUTDOWN;
	unread = sockauth_relay_unread(sk);
	while (unread - off >= SOCKAUTH_RECORD_HDR) {
		if (sockauth_relay_peek(sk, off, hdr, sizeof(hdr)))
			break;
		if (!sockauth_relay_header_ok(hdr, &len)) {
			/* Whole records first; the bad one in the next leg. */
			if (!off) {
				token->malformed = true;
				token->len = min_t(u32, unread,
						   SOCKAUTH_TOKEN_MAX);
			}
			break;
		}
		if (len > unread - off || off + len > SOCKAUTH_TOKEN_MAX)
			break;
		off += len;
		token->len = off;
	}
	release_sock(sk);
}

/* lock_sock(), if nobody has it. */
static bool sockauth_relay_trylock(struct sock *sk)
{
	bool owned;

	spin_lock_bh(&sk->sk_lock.slock);
	owned = sock_owned_by_user_nocheck(sk);
	if (!owned)
		sk->sk_lock.owned = 1;
	spin_unlock_bh(&sk->sk_lock.slock);
	if (!owned)
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	return !owned;
}

/**
 * sockauth_relay_copy() - copy a token without taking it off the queue
 * @sk: the socket
 * @to: room for @len bytes
 * @len: as sockauth_relay_scan() said
 *
 * Context: process; does not wait for lock_sock().
 * Return: 0; -EBUSY: somebody has the socket locked; -EMSGSIZE: the bytes are
 *	not there any more.
 */
int sockauth_relay_copy(struct sock *sk, void *to, u32 len)
{
	int err;

	if (!sockauth_relay_trylock(sk))
		return -EBUSY;
	err = sockauth_relay_peek(sk, 0, to, len) ? -EMSGSIZE : 0;
	release_sock(sk);
	return err;
}

/**
 * sockauth_relay_wait() - wait until nobody has the socket locked
 * @sk: the socket
 *
 * Context: process; takes lock_sock().
 */
void sockauth_relay_wait(struct sock *sk)
{
	lock_sock(sk);
	release_sock(sk);
}

static int sockauth_relay_skip(read_descriptor_t *desc, struct sk_buff *skb,
			       unsigned int offset, size_t len)
{
	size_t part = min(len, desc->count);

	desc->count -= part;
	return part;
}

/**
 * sockauth_relay_consume() - take a token off the receive queue
 * @sk: the socket
 * @len: how much
 *
 * Context: process; takes lock_sock().
 * Return: 0, or -EPROTO: TCP did not let go of so many bytes (urgent data).
 */
int sockauth_relay_consume(struct sock *sk, u32 len)
{
	read_descriptor_t desc = { .count = len };

	if (!len)
		return 0;
	lock_sock(sk);
	tcp_read_sock(sk, &desc, sockauth_relay_skip);
	release_sock(sk);
	return desc.count ? -EPROTO : 0;
}

/**
 * sockauth_relay_drain() - throw away all that is unread
 * @sk: the socket, about to be closed
 *
 * Context: process; sleeps.
 */
void sockauth_relay_drain(struct sock *sk)
{
	read_descriptor_t desc = { .count = INT_MAX };

	lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE)
		tcp_read_sock(sk, &desc, sockauth_relay_skip);
	release_sock(sk);
}

/**
 * sockauth_relay_send() - send what is left of a reply's token
 * @conn: the connection, with its lock held
 * @reply: token_off goes forward
 *
 * Never blocks: whoever waits here would hold up the worker.
 *
 * The last token of an acceptor (session tickets) is sent with MSG_MORE, and
 * so rides in the segment of the application's first answer: alone it would be
 * a small segment that Nagle's algorithm makes that answer wait for.
 *
 * Return: 0: all of it is out; -EAGAIN: the send buffer is full; else the
 *	error of the connection.
 */
int sockauth_relay_send(struct sockauth_conn *conn,
			struct sockauth_reply *reply)
{
	bool more = reply->status == SOCKAUTH_STEP_DONE &&
		    conn->role == SOCKAUTH_ROLE_ACCEPTOR;

	lockdep_assert_held(&conn->lock);
	while (reply->token_off < reply->token_len) {
		struct msghdr msg = {
			.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
				     (more ? MSG_MORE : 0),
		};
		struct kvec vec = {
			.iov_base = (void *)reply->token + reply->token_off,
			.iov_len = reply->token_len - reply->token_off,
		};
		int ret;

		ret = kernel_sendmsg(conn->ex->sock, &msg, &vec, 1, vec.iov_len);
		if (ret < 0)
			return ret;
		reply->token_off += ret;
	}
	return 0;
}

/**
 * sockauth_relay_postpone() - keep a reply whose token is not all out
 * @reply: the reply; if it is not from the heap yet, its memory stays the
 *	caller's, but what it points to moves to the copy
 *
 * Context: process; sleeps.
 * Return: a reply that outlives the message it came in, or NULL: no memory.
 */
struct sockauth_reply *sockauth_relay_postpone(struct sockauth_reply *reply)
{
	u32 rest = reply->token_len - reply->token_off;
	struct sockauth_reply *copy;

	if (reply->copied)
		return reply;
	/* The worker, whose call this is, pays for it. */
	copy = kmemdup(reply, sizeof(*reply), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	copy->token = kmemdup(reply->token + reply->token_off, rest,
			      GFP_KERNEL_ACCOUNT);
	if (!copy->token) {
		kfree_sensitive(copy);
		return NULL;
	}
	copy->token_len = rest;
	copy->token_off = 0;
	copy->copied = true;
	reply->peer = NULL;
	return copy;
}

static void sockauth_relay_set_socket(struct sock *sk, struct socket *sock)
{
	write_lock_bh(&sk->sk_callback_lock);
	sk_set_socket(sk, sock);
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * sockauth_relay_socket_show() - let kTLS see the private socket
 * @conn: the connection, lock held
 *
 * kTLS keeps a copy of the first operations that it ever sees, and writes to
 * those that it does see: the application's socket must not be where it looks.
 * A child shows its private socket all the time, for it has no other.
 */
void sockauth_relay_socket_show(struct sockauth_conn *conn)
{
	if (conn->ex->app)
		sockauth_relay_set_socket(conn->sk, conn->ex->sock);
}

/**
 * sockauth_relay_socket_hide() - undo sockauth_relay_socket_show()
 * @conn: the connection, lock held
 */
void sockauth_relay_socket_hide(struct sockauth_conn *conn)
{
	if (conn->ex->app)
		sockauth_relay_set_socket(conn->sk, conn->ex->app);
}

/**
 * sockauth_relay_socket() - make the TCP socket ready to speak
 * @conn: the connection, lock held
 *
 * kTLS and tcp_sendmsg() look at sk->sk_socket, so there is a private one with
 * TCP's own operations.  For a child this happens only when a whole token has
 * arrived: a silent peer costs no socket.
 *
 * Our small segments are answers that the peer waits for: no Nagle, until the
 * handshake is over.
 *
 * Context: process; sleeps.
 * Return: 0; -ENOTCONN: the peer has closed already; -ENOMEM, or what else
 *	kTLS says.
 */
int sockauth_relay_socket(struct sockauth_conn *conn)
{
	struct sock *sk = conn->sk;
	struct socket *sock;
	int err;

	lockdep_assert_held(&conn->lock);
	err = sock_create_lite(sk->sk_family, SOCK_STREAM, IPPROTO_TCP, &sock);
	if (err)
		return err;
	__module_get(conn->ex->base->owner);
	sock->ops = conn->ex->base;
	sock->state = SS_CONNECTED;
	sock->sk = sk;
	conn->ex->sock = sock;
	if (!conn->ex->app)
		sockauth_relay_set_socket(sk, sock);

	conn->ex->nonagle = tcp_sk(sk)->nonagle;
	tcp_sock_set_nodelay(sk);
	sockauth_relay_socket_show(conn);
	err = sockauth_record_prepare(sk);
	sockauth_relay_socket_hide(conn);
	return err;
}

/**
 * sockauth_relay_socket_put() - free the private socket, not what it stood for
 * @conn: the connection, whose TCP socket has another one by now
 *
 * Context: process; sleeps.
 */
void sockauth_relay_socket_put(struct sockauth_conn *conn)
{
	struct socket *sock = conn->ex->sock;

	if (!sock)
		return;
	conn->ex->sock = NULL;
	/* Whoever saw it in softirq is done with it after this. */
	sockauth_relay_wait(conn->sk);
	module_put(sock->ops->owner);
	sock->sk = NULL;
	sock->ops = NULL;
	sock_release(sock);
}
