// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - drop: letting go of a connection's TCP socket
 *
 * Owns nothing; called under conn->lock, when a connection ends.  Whether the
 * peer can still read our last words depends on how TCP closes: a RST of ours
 * can overtake them, and what is unread turns a FIN into one.
 */
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

/**
 * sockauth_drop_app_ref() - drop what sockauth_conn_begin() took
 * @conn: a connection that an application has the socket of
 * @sk: the TCP socket
 */
void sockauth_drop_app_ref(struct sockauth_conn *conn, struct sock *sk)
{
	struct socket *app = conn->ex->app;

	conn->ex->app = NULL;
	sock_put(sk);
	iput(SOCK_INODE(app));
}

/* Let go of a TCP socket that no application has. */
static void sockauth_drop_child(struct sockauth_conn *conn, bool abort)
{
	struct socket *sock = conn->ex->sock;
	struct sock *sk = conn->sk;

	conn->ex->sock = NULL;
	/*
	 * Unread input would turn our FIN into a RST, and a RST can overtake
	 * the alert that says why.
	 */
	if (!abort)
		sockauth_relay_drain(sk);

	/* A child inherits SO_LINGER; no worker shall wait for a stranger. */
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	if (abort) {
		sock_set_flag(sk, SOCK_LINGER);
		sk->sk_lingertime = 0;
	}
	release_sock(sk);

	/* Dumps look at it without a lock: see sockauth_conn_sock(). */
	WRITE_ONCE(conn->sk, NULL);
	if (sock)
		sock_release(sock);
	else
		sk->sk_prot->close(sk, 0);
}

/*
 * The application keeps its socket, on which nothing can be sent or received
 * any more, and learns the errno from connect(), or from SO_ERROR.
 */
static void sockauth_drop_app(struct sockauth_conn *conn, bool abort)
{
	struct sock *sk = conn->sk;

	remove_wait_queue(&conn->ex->app->wq.wait, &conn->ex->entry);
	sockauth_relay_socket_put(conn);
	if (inet_sk_state_load(sk) == TCP_CLOSE) {
		/* TCP has said why, if not always in these words. */
		if (READ_ONCE(sk->sk_err))
			WRITE_ONCE(sk->sk_err, conn->error);
	} else if (abort || inet_sk_state_load(sk) == TCP_SYN_SENT) {
		tcp_abort(sk, conn->error);
	} else {
		/* As for a child: unread, it makes close() send a RST. */
		sockauth_relay_drain(sk);
		lock_sock(sk);
		if (sk->sk_state != TCP_CLOSE) {
			sk->sk_shutdown |= SHUTDOWN_MASK;
			sk->sk_prot->shutdown(sk, SHUTDOWN_MASK);
			WRITE_ONCE(sk->sk_err, conn->error);
		}
		release_sock(sk);
	}
	sk_error_report(sk);
}

/**
 * sockauth_drop_socket() - let go of the TCP socket as it befits the ending
 * @conn: a connection that is being ended, locked by the caller
 * @abort: the peer learns of it by a RST
 * @open: it was established, and is the application's
 *
 * Context: process; sleeps.
 */
void sockauth_drop_socket(struct sockauth_conn *conn, bool abort, bool open)
{
	struct sock *sk = conn->sk;

	lockdep_assert_held(&conn->lock);
	/* With keys installed the receive queue is kTLS's, not to be drained. */
	abort |= !!conn->peer;
	if (open) {
		/* It is the application's to close; it learns of a RST. */
		if (conn->reason) {
			WRITE_ONCE(conn->rx_end, -(s16)conn->error);
			tcp_abort(sk, conn->error);
		}
	} else if (conn->ex->app) {
		sockauth_drop_app(conn, abort);
		WRITE_ONCE(conn->sk, NULL);
		sockauth_drop_app_ref(conn, sk);
	} else {
		sockauth_drop_child(conn, abort);
	}
	WRITE_ONCE(conn->sk, NULL);
}
