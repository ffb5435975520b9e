// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - mark: may this socket be marked, and its first moments if so
 *
 * Owns nothing.  All is decided and done under lock_sock(): TCP cannot change
 * the socket's state meanwhile, nor another thread mark it.  What it is that the
 * socket gets is socket.c's.
 */
#include <linux/skmsg.h>
#include <net/inet_common.h>
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "conn.h"
#include "sockauth.h"

/*
 * Only TCP as the kernel made it: kTLS would keep, and we would put back, the
 * operations of whoever was here before us.
 */
static int sockauth_mark_pristine(struct sock *sk)
{
	const struct proto_ops *ops = sk->sk_socket->ops;
	bool psock;

	if (sk->sk_family == AF_INET ? sk->sk_prot != &tcp_prot ||
	    ops != &inet_stream_ops : sk->sk_prot != &tcpv6_prot ||
	    ops->accept != inet_accept || ops->poll != tcp_poll)
		return -EOPNOTSUPP;
	if (inet_csk_has_ulp(sk) || tcp_sk(sk)->fastopen_connect ||
	    sk->sk_rcvlowat > 1)
		return -EOPNOTSUPP;
	rcu_read_lock();
	psock = sk_psock(sk);
	rcu_read_unlock();
	return psock ? -EOPNOTSUPP : 0;
}

/*
 * A thread that sleeps in TCP's own accept() would be given a child that
 * nobody authenticated.  It waits exclusively, which poll() does not.
 */
static bool sockauth_mark_has_acceptor(struct sock *sk)
{
	wait_queue_head_t *wq = sk_sleep(sk);
	wait_queue_entry_t *entry;
	bool found = false;

	spin_lock_bh(&wq->lock);
	list_for_each_entry(entry, &wq->head, entry)
		found |= entry->flags & WQ_FLAG_EXCLUSIVE;
	spin_unlock_bh(&wq->lock);
	return found;
}

/*
 * May a socket in this state be marked?  As a client we have said nothing yet:
 * what the peer has sent was sent before it could know of the handshake, and
 * would be taken for a part of it (CVE-2021-38370 and its kind).
 */
static int sockauth_mark_check_state(struct sock *sk, u32 flags)
{
	if (flags & SOCKAUTH_REQ_SIDE) {
		if (sk->sk_state != TCP_ESTABLISHED)
			return -ENOTCONN;
		return flags & SOCKAUTH_REQ_CLIENT &&
		       !skb_queue_empty(&sk->sk_receive_queue) ? -EBUSY : 0;
	}
	if (sk->sk_state != TCP_CLOSE && sk->sk_state != TCP_LISTEN)
		return -EISCONN;
	if (sk->sk_state == TCP_LISTEN &&
	    (!reqsk_queue_empty(&inet_csk(sk)->icsk_accept_queue) ||
	     sockauth_mark_has_acceptor(sk)))
		return -EBUSY;
	return 0;
}

/* What the state of the socket needs besides a face. */
static int sockauth_mark_begin(struct sock *sk, struct sockauth_sock *ss,
			       struct sockauth_req *req)
{
	struct sockauth_listener *l;
	struct sockauth_conn *conn;

	if (sk->sk_state == TCP_LISTEN) {
		l = sockauth_listener_create(ss);
		if (IS_ERR(l))
			return PTR_ERR(l);
		ss->listener = l;
	}
	if (req->flags & SOCKAUTH_REQ_SIDE) {
		refcount_inc(&req->ref);
		conn = sockauth_conn_begin(ss, sk->sk_socket, req,
					   req->flags & SOCKAUTH_REQ_CLIENT ?
					   SOCKAUTH_ROLE_INITIATOR :
					   SOCKAUTH_ROLE_ACCEPTOR);
		if (IS_ERR(conn)) {
			sockauth_req_put(req);
			return PTR_ERR(conn);
		}
		ss->conn = conn;
	}
	return 0;
}

static int sockauth_mark_locked(struct sock *sk, struct sockauth_sock *ss,
				struct sockauth_req *req)
{
	struct socket *sock = sk->sk_socket;
	const struct proto_ops *ops;
	int err;

	/*
	 * A socket of the kernel's own (SMC passes options on to one) has users
	 * that know nothing of us; one of ours is another connection's.
	 */
	if (!sock || !sock->file)
		return -EOPNOTSUPP;
	err = sockauth_mark_pristine(sk);
	if (err)
		return err;
	err = sockauth_mark_check_state(sk, req->flags);
	if (err)
		return err;
	ops = sockauth_ops_of(sk, sock->ops);
	if (!ops)
		return -EOPNOTSUPP;
	ss->sk = sk;
	ss->base = sock->ops;
	err = sockauth_mark_begin(sk, ss, req);
	if (err)
		return err;
	/*
	 * The reference on the old owner that the socket layer would drop at
	 * release stays for ss->base; the one on us is new.
	 */
	__module_get(THIS_MODULE);
	sockauth_ulp_occupy(sk);
	if (ss->conn)
		sockauth_ulp_guard(sk);
	sockauth_sock_show(ss, sock, ops);
	return 0;
}

/**
 * sockauth_mark_socket() - mark a socket
 * @sk: a TCP socket of an application
 * @req: the request; the caller's reference passes to the face on success
 * @sock: set to the application's socket: for a moment @sk can show another
 *
 * Context: process; takes lock_sock(), sleeps.
 * Return: 0; -EISCONN, -ENOTCONN, -EBUSY, -EOPNOTSUPP as SOCKAUTH_REQUEST
 *	documents them; -EAGAIN: too many are being authenticated; -EALREADY:
 *	another thread has just marked it; -ENOMEM.
 */
int sockauth_mark_socket(struct sock *sk, struct sockauth_req *req,
			 struct socket **sock)
{
	struct sockauth_sock *ss;
	int err;

	ss = sockauth_sock_alloc(req);
	if (!ss)
		return -ENOMEM;

	lock_sock(sk);
	*sock = sk->sk_socket;
	if (*sock && sockauth_sock_of(*sock))
		err = -EALREADY;
	else
		err = sockauth_mark_locked(sk, ss, req);
	release_sock(sk);
	if (err) {
		RCU_INIT_POINTER(ss->req, NULL);
		sockauth_sock_free(ss);
		return err;
	}
	if (ss->listener)
		sockauth_listener_start(ss->listener);
	return 0;
}
