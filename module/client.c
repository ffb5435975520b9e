// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - client: connect(), and every call before it is through
 *
 * TCP connects as ever; the connection's work takes over as soon as it has,
 * whoever waits: a blocking connect() sleeps through what TCP tells the socket,
 * poll() shows nothing before the end.  ss->lock protects ss->conn here.
 */
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

/* It has ended: wait until the ending is through with the socket. */
static void sockauth_client_settle(struct sockauth_conn *conn)
{
	mutex_lock(&conn->lock);
	mutex_unlock(&conn->lock);
}

/* How it ended, told once through SO_ERROR as TCP does. */
static int sockauth_client_error(struct sockauth_conn *conn, struct sock *sk)
{
	int err;

	sockauth_client_settle(conn);
	err = sock_error(sk);
	return -(int)conn->error ?: err ?: -ECONNABORTED;
}

/**
 * struct sockauth_client_waiter - a call that sleeps until the end of it all
 * @entry: on the socket's wait queue
 * @conn: what it waits for
 */
struct sockauth_client_waiter {
	wait_queue_entry_t	entry;
	struct sockauth_conn	*conn;
};

/* TCP wakes the socket for each leg; the caller sleeps until the last. */
static int sockauth_client_woken(wait_queue_entry_t *entry, unsigned int mode,
				 int sync, void *key)
{
	struct sockauth_client_waiter *waiter;

	waiter = container_of(entry, struct sockauth_client_waiter, entry);
	if (READ_ONCE(waiter->conn->state) < SOCKAUTH_STATE_OPEN)
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

/*
 * Wait until the connection is open or has ended.  Return: 0: open; -EAGAIN:
 * @timeo is over; -EINTR or -ERESTARTSYS; else how it ended.
 */
static int sockauth_client_wait(struct sockauth_conn *conn, struct sock *sk,
				long timeo)
{
	struct sockauth_client_waiter waiter = { .conn = conn };
	int err;
	u8 state;

	init_wait(&waiter.entry);
	waiter.entry.func = sockauth_client_woken;
	for (;;) {
		prepare_to_wait(sk_sleep(sk), &waiter.entry,
				TASK_INTERRUPTIBLE);
		err = 0;
		/* Pairs with the release in sockauth_conn_set_state(). */
		state = smp_load_acquire(&conn->state);
		if (state == SOCKAUTH_STATE_OPEN)
			break;
		if (state == SOCKAUTH_STATE_ENDED)
			break;
		err = -EAGAIN;
		if (!timeo)
			break;
		err = sock_intr_errno(timeo);
		if (signal_pending(current))
			break;
		timeo = schedule_timeout(timeo);
	}
	finish_wait(sk_sleep(sk), &waiter.entry);
	if (state == SOCKAUTH_STATE_ENDED)
		err = sockauth_client_error(conn, sk);
	return err;
}

/* A connection to go on with, or a new one.  Called with ss->lock. */
static struct sockauth_conn *sockauth_client_begin(struct sockauth_sock *ss,
						   struct socket *sock,
						   bool *begun)
{
	struct sockauth_conn *conn = ss->conn;
	struct sockauth_req *req;
	int err;

	lockdep_assert_held(&ss->lock);
	if (conn && READ_ONCE(conn->state) != SOCKAUTH_STATE_ENDED)
		return conn;
	/* Once kTLS is attached, this socket cannot be used again. */
	if (conn && sockauth_ulp_other(ss->sk))
		return ERR_PTR(-ECONNABORTED);

	lock_sock(ss->sk);
	err = sockauth_ulp_guard(ss->sk);
	release_sock(ss->sk);
	if (err)
		return ERR_PTR(err);
	req = sockauth_sock_req(ss);
	conn = sockauth_conn_begin(ss, sock, req, SOCKAUTH_ROLE_INITIATOR);
	if (IS_ERR(conn)) {
		sockauth_req_put(req);
		return conn;
	}
	if (ss->conn)
		sockauth_conn_put(ss->conn);
	ss->conn = conn;
	*begun = true;
	return conn;
}

/* TCP said no: nothing was authenticated, and connect() can be tried again. */
static void sockauth_client_refused(struct sockauth_conn *conn, int err)
{
	mutex_lock(&conn->lock);
	sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_RESET, -err,
			  "TCP could not connect");
	mutex_unlock(&conn->lock);
}

/**
 * sockauth_client_connect() - connect() of a marked socket
 * @ss: its face
 * @sock: the application's socket
 * @addr: where to
 * @len: length of @addr
 * @flags: file flags; O_NONBLOCK counts
 *
 * Context: process, the application's; sleeps.
 * Return: 0: authenticated; -EINPROGRESS, -EALREADY, -EISCONN as TCP; else why
 *	it failed, as sockauth(7) documents.
 */
int sockauth_client_connect(struct sockauth_sock *ss, struct socket *sock,
			    struct sockauth_sockaddr *addr, int len, int flags)
{
	long timeo = sock_sndtimeo(ss->sk, flags & O_NONBLOCK);
	unsigned long start = jiffies;
	struct sockauth_conn *conn;
	bool begun = false;
	int err;

	mutex_lock(&ss->lock);
	conn = sockauth_client_begin(ss, sock, &begun);
	if (!IS_ERR(conn))
		refcount_inc(&conn->ref);
	mutex_unlock(&ss->lock);
	if (IS_ERR(conn))
		return PTR_ERR(conn);

	if (begun || READ_ONCE(conn->state) == SOCKAUTH_STATE_CONNECTING ||
	    READ_ONCE(conn->state) == SOCKAUTH_STATE_OPEN) {
		err = ss->base->connect(sock, addr, len, flags);
		if (err && err != -EINPROGRESS && err != -EALREADY &&
		    err != sock_intr_errno(timeo) && (begun || err != -EISCONN))
			sockauth_client_refused(conn, err);
		if (err)
			goto out;
		/* TCP woke us; its wake-up may not have reached the work. */
		sockauth_conn_kick(conn);
	}
	if (timeo != MAX_SCHEDULE_TIMEOUT)
		timeo = max_t(long, 0, timeo - (long)(jiffies - start));
	err = sockauth_client_wait(conn, ss->sk, timeo);
	if (err == -EAGAIN)
		err = begun ? -EINPROGRESS : -EALREADY;
out:
	sockauth_conn_put(conn);
	return err;
}

/**
 * sockauth_client_upgrade() - go on where sockauth_mark_socket() has begun
 * @sock: a socket that was connected when it was marked
 *
 * Context: process, the application's; sleeps unless the socket is O_NONBLOCK.
 * Return: as sockauth_client_connect(); -EINTR also where connect() is begun
 *	anew, for the same setsockopt() would find a socket that is marked.
 */
int sockauth_client_upgrade(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	bool nonblock = sock->file && sock->file->f_flags & O_NONBLOCK;
	int err;

	/* What has arrived before does not wake anybody any more. */
	sockauth_conn_kick(conn);
	err = sockauth_client_wait(conn, sk, sock_sndtimeo(sk, nonblock));
	sockauth_conn_put(conn);
	if (err == -ERESTARTSYS)
		return -EINTR;
	return err == -EAGAIN ? -EINPROGRESS : err;
}

/**
 * sockauth_client_cancel() - shutdown() before the connection is open
 * @ss: face
 *
 * Context: process; sleeps.
 * Return: false: there was no authentication to be cancelled.
 */
bool sockauth_client_cancel(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	bool pending;

	if (!conn)
		return false;
	mutex_lock(&conn->lock);
	pending = conn->state != SOCKAUTH_STATE_OPEN &&
		  conn->state != SOCKAUTH_STATE_ENDED;
	if (pending)
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED, ECONNABORTED,
				  "the application shut the socket down");
	mutex_unlock(&conn->lock);
	sockauth_conn_put(conn);
	return pending;
}

/**
 * sockauth_client_keep_nagle() - the application has said how to delay
 * @ss: face of a socket that is not open
 * @optname: TCP_NODELAY or TCP_CORK: of the other one, what the socket shows is
 *	ours
 *
 * Our own setting holds during the exchange; the application's comes after it.
 *
 * Context: process; sleeps.
 */
void sockauth_client_keep_nagle(struct sockauth_sock *ss, int optname)
{
	u8 bit = optname == TCP_CORK ? TCP_NAGLE_CORK : TCP_NAGLE_OFF;
	struct sockauth_conn *conn = sockauth_sock_conn(ss);

	if (!conn)
		return;
	mutex_lock(&conn->lock);
	if (conn->ex)
		conn->ex->nonagle = (conn->ex->nonagle & ~bit) |
				    (tcp_sk(ss->sk)->nonagle & bit);
	mutex_unlock(&conn->lock);
	sockauth_conn_put(conn);
}

/**
 * sockauth_client_ready() - a call that moves data, before the socket is open
 * @ss: face
 * @timeo: how long the call may wait, in jiffies
 *
 * As on a TCP socket that is still connecting, such a call waits.
 *
 * Context: process, the application's; sleeps.
 * Return: 0: open now; -ENOTCONN: nobody has called connect(); -EAGAIN; -EINTR
 *	or -ERESTARTSYS: a signal; else how the connection ended.
 */
int sockauth_client_ready(struct sockauth_sock *ss, long timeo)
{
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	int err;

	if (!conn)
		return -ENOTCONN;
	err = sockauth_client_wait(conn, ss->sk, timeo);
	sockauth_conn_put(conn);
	return err;
}

/**
 * sockauth_client_poll() - poll() before the socket is open
 * @ss: face
 * @file: the socket's file
 * @sock: the socket
 * @pt: as for every poll operation
 *
 * Context: process; sleeps.
 * Return: nothing while authentication goes on, whatever TCP could do.
 */
__poll_t sockauth_client_poll(struct sockauth_sock *ss, struct file *file,
			      struct socket *sock, struct poll_table_struct *pt)
{
	__poll_t mask = ss->base->poll(file, sock, pt);
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	u8 state;

	if (!conn)
		return mask;
	/* Pairs with the release in sockauth_conn_set_state(). */
	state = smp_load_acquire(&conn->state);
	if (state == SOCKAUTH_STATE_ENDED)
		sockauth_client_settle(conn);
	sockauth_conn_put(conn);
	if (state == SOCKAUTH_STATE_ENDED)
		return ss->base->poll(file, sock, NULL) | EPOLLIN |
		       EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	if (state == SOCKAUTH_STATE_OPEN)
		return ss->base->poll(file, sock, NULL);
	/*
	 * Before TCP has begun this is as without us.  When it failed, the
	 * connection is about to end, and that says why.
	 */
	if (state == SOCKAUTH_STATE_CONNECTING && !READ_ONCE(ss->sk->sk_err) &&
	    inet_sk_state_load(ss->sk) == TCP_CLOSE)
		return mask;
	return 0;
}
