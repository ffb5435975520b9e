// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - a connection: the state machine, its one ending, its timer
 *
 * Owns struct sockauth_conn.  conn->lock (a mutex) protects the connection and
 * serialises everything that is done to its TCP socket while no application
 * has it.  Whatever happens in softirq or in a timer only sets a bit and
 * queues conn->work.
 *
 * The moves, and who makes them:
 *
 *   from         to           when
 *   -----------  -----------  ------------------------------------------------
 *   WAIT_PEER    WAIT_WORKER  a whole record is in the receive queue
 *   WAIT_WORKER  ASKED        a worker has credit: the event is out
 *   ASKED        WAIT_PEER    reply CONTINUE
 *   ASKED        SENDING      reply whose token did not fit the send buffer
 *   ASKED        READY        reply DONE, keys installed
 *   ASKED        WAIT_WORKER  the worker died before it sent a token
 *   SENDING      WAIT_PEER    the token is out, CONTINUE
 *   SENDING      READY        the token is out, DONE, keys installed
 *   READY        OPEN         accept()
 *   any          ENDED        sockauth_conn_end(), exactly once
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "sockauth.h"

#define TO(state)	BIT(SOCKAUTH_STATE_##state)

static const u16 sockauth_conn_moves[] = {
	[SOCKAUTH_STATE_WAIT_PEER]	= TO(WAIT_WORKER) | TO(ENDED),
	[SOCKAUTH_STATE_WAIT_WORKER]	= TO(ASKED) | TO(ENDED),
	[SOCKAUTH_STATE_ASKED]		= TO(WAIT_PEER) | TO(SENDING) |
					  TO(READY) | TO(WAIT_WORKER) |
					  TO(ENDED),
	[SOCKAUTH_STATE_SENDING]	= TO(WAIT_PEER) | TO(READY) |
					  TO(ENDED),
	[SOCKAUTH_STATE_READY]		= TO(OPEN) | TO(ENDED),
	[SOCKAUTH_STATE_OPEN]		= TO(ENDED),
	[SOCKAUTH_STATE_ENDED]		= 0,
};

static struct kmem_cache *sockauth_conn_cache;
static atomic64_t sockauth_conn_id = ATOMIC64_INIT(0);

static void sockauth_conn_set_state(struct sockauth_conn *conn,
				    enum sockauth_state state)
{
	lockdep_assert_held(&conn->lock);
	if (WARN_ON_ONCE(!(sockauth_conn_moves[conn->state] & BIT(state))))
		return;
	WRITE_ONCE(conn->state, state);
}

static void sockauth_conn_free_rcu(struct rcu_head *head)
{
	struct sockauth_conn *conn;

	conn = container_of(head, struct sockauth_conn, rcu);
	kmem_cache_free(sockauth_conn_cache, conn);
}

/**
 * sockauth_conn_hold() - take a reference if there still is one
 * @conn: may be on its way out, but under RCU or a list's lock
 *
 * Return: false if the connection is being freed.
 */
bool sockauth_conn_hold(struct sockauth_conn *conn)
{
	return refcount_inc_not_zero(&conn->ref);
}

/**
 * sockauth_conn_put() - drop a reference
 * @conn: not to be used by the caller any more
 *
 * Context: any; the last reference is never dropped under conn->lock.
 */
void sockauth_conn_put(struct sockauth_conn *conn)
{
	if (!refcount_dec_and_test(&conn->ref))
		return;

	WARN_ON_ONCE(conn->sk && conn->state != SOCKAUTH_STATE_ENDED);
	if (conn->listener)
		sockauth_listener_put(conn->listener);
	sockauth_req_put(conn->req);
	if (conn->peer)
		kfree_sensitive(conn->peer);
	kfree(conn->text);
	mutex_destroy(&conn->lock);
	/* The stack may still be looking at conn->wq. */
	call_rcu(&conn->rcu, sockauth_conn_free_rcu);
}

/**
 * sockauth_conn_kick() - have the state machine look at the connection
 * @conn: the connection
 *
 * Context: any, also softirq and under spinlocks.
 */
void sockauth_conn_kick(struct sockauth_conn *conn)
{
	if (!sockauth_conn_hold(conn))
		return;
	if (!queue_work(sockauth_wq, &conn->work))
		sockauth_conn_put(conn);
}

static int sockauth_conn_wake(wait_queue_entry_t *entry, unsigned int mode,
			      int sync, void *key)
{
	sockauth_conn_kick(container_of(entry, struct sockauth_conn, entry));
	return 0;
}

static void sockauth_conn_timer(struct timer_list *timer)
{
	struct sockauth_conn *conn = timer_container_of(conn, timer, timer);

	set_bit(SOCKAUTH_EV_TIMER, &conn->events);
	sockauth_conn_kick(conn);
	sockauth_conn_put(conn);
}

/* The timer has a reference of its own while it is armed. */
static void sockauth_conn_arm(struct sockauth_conn *conn, unsigned long when)
{
	refcount_inc(&conn->ref);
	if (mod_timer(&conn->timer, when))
		sockauth_conn_put(conn);
}

static void sockauth_conn_disarm(struct sockauth_conn *conn)
{
	if (timer_delete(&conn->timer))
		sockauth_conn_put(conn);
}

/**
 * sockauth_conn_find() - the connection of an id
 * @snet: namespace to look in
 * @id: as given to a worker or shown to an administrator
 *
 * Return: the connection with a reference for the caller, or NULL.
 */
struct sockauth_conn *sockauth_conn_find(struct sockauth_net *snet, u64 id)
{
	struct sockauth_conn *conn;

	rcu_read_lock();
	conn = xa_load(&snet->conns, id);
	if (conn && !sockauth_conn_hold(conn))
		conn = NULL;
	rcu_read_unlock();
	return conn;
}

/**
 * sockauth_conn_next() - walk over the connections in the order of their ids
 * @snet: namespace to look in
 * @id: where to begin; becomes the id of what is returned
 *
 * Return: the connection with a reference for the caller, or NULL.
 */
struct sockauth_conn *sockauth_conn_next(struct sockauth_net *snet,
					 unsigned long *id)
{
	struct sockauth_conn *conn;

	rcu_read_lock();
	conn = xa_find(&snet->conns, id, ULONG_MAX, XA_PRESENT);
	while (conn && !sockauth_conn_hold(conn))
		conn = xa_find_after(&snet->conns, id, ULONG_MAX, XA_PRESENT);
	rcu_read_unlock();
	return conn;
}

/**
 * sockauth_conn_forget() - take an ended connection out of the table of ids
 * @conn: the connection; the caller has a reference
 *
 * Nothing happens if it is not in the table any more.
 */
void sockauth_conn_forget(struct sockauth_conn *conn)
{
	if (xa_erase(&conn->snet->conns, conn->id))
		sockauth_conn_put(conn);
}

static void sockauth_conn_work(struct work_struct *work);

/**
 * sockauth_conn_create() - begin with a child that TCP has accepted
 * @l: the listener it came from
 * @sk: the child, which nobody else has; ours on success
 *
 * The connection's timer runs and it reacts to what arrives, but nobody has
 * looked at what is there already: put it on a list, then kick it.
 *
 * Context: process; sleeps.
 * Return: the connection with one reference, for the list that the caller
 *	puts it on, or an ERR_PTR with -ENOMEM.
 */
struct sockauth_conn *sockauth_conn_create(struct sockauth_listener *l,
					   struct sock *sk)
{
	struct sockauth_conn *conn;
	u32 timeout;
	int err;

	conn = kmem_cache_zalloc(sockauth_conn_cache, GFP_KERNEL);
	if (!conn)
		return ERR_PTR(-ENOMEM);

	refcount_set(&conn->ref, 2);	/* the caller's list, and the table */
	conn->id = atomic64_inc_return(&sockauth_conn_id);
	conn->snet = l->snet;
	mutex_init(&conn->lock);
	conn->state = SOCKAUTH_STATE_WAIT_PEER;
	conn->role = SOCKAUTH_ROLE_ACCEPTOR;
	init_waitqueue_head(&conn->wq.wait);
	init_waitqueue_func_entry(&conn->entry, sockauth_conn_wake);
	add_wait_queue(&conn->wq.wait, &conn->entry);
	INIT_WORK(&conn->work, sockauth_conn_work);
	timer_setup(&conn->timer, sockauth_conn_timer, 0);
	INIT_LIST_HEAD(&conn->link);
	INIT_LIST_HEAD(&conn->wlink);

	err = xa_insert(&conn->snet->conns, conn->id, conn, GFP_KERNEL);
	if (err) {
		kmem_cache_free(sockauth_conn_cache, conn);
		return ERR_PTR(err);
	}

	refcount_inc(&l->ref);
	conn->listener = l;
	conn->req = sockauth_sock_req(l->ss);
	timeout = conn->req->timeout_ms ?:
		  READ_ONCE(conn->snet->limits.timeout_ms);
	conn->born = jiffies;
	conn->deadline = jiffies + msecs_to_jiffies(timeout);
	sockauth_conn_arm(conn, conn->deadline);

	conn->sk = sk;
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(sk->sk_wq, &conn->wq);
	write_unlock_bh(&sk->sk_callback_lock);
	atomic_inc(&conn->snet->pending);
	atomic64_inc(&conn->snet->started);
	return conn;
}

/* Let go of the TCP socket that no application has. */
static void sockauth_conn_drop(struct sockauth_conn *conn, bool abort)
{
	struct socket *sock = conn->sock;
	struct sock *sk = conn->sk;

	lockdep_assert_held(&conn->lock);
	if (!sk)
		return;
	conn->sk = NULL;
	conn->sock = NULL;

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

	if (sock)
		sock_release(sock);
	else
		sk->sk_prot->close(sk, 0);
}

/*
 * An established connection is the application's to close.  If the end is not
 * of its making, it learns of it as of a RST, with our errno.
 */
static void sockauth_conn_leave(struct sockauth_conn *conn,
				enum sockauth_reason reason, int error)
{
	if (reason)
		tcp_abort(conn->sk, error);
	conn->sk = NULL;
}

/* Those that the peer learns of by a RST: there is nothing to say to it. */
static bool sockauth_conn_aborts(enum sockauth_reason reason)
{
	switch (reason) {
	case SOCKAUTH_REASON_EVICTED:
	case SOCKAUTH_REASON_CANCELLED:
	case SOCKAUTH_REASON_KILLED:
	case SOCKAUTH_REASON_PEER_RESET:
		return true;
	default:
		return false;
	}
}

/**
 * sockauth_conn_end() - the one ending
 * @conn: the connection; the caller has a reference and conn->lock
 * @reason: why; SOCKAUTH_REASON_NONE: an established one was closed in order
 * @error: positive errno for the application
 * @text: one line for SOCKAUTH_ERROR, copied; may be NULL
 *
 * The first caller wins, later ones do nothing.  Afterwards the TCP socket is
 * closed (or, once established, the application's own business), the
 * connection is on no list, and the worker is told to forget it; only if the
 * worker still owes a reply the id stays known until that comes.
 *
 * Context: process, conn->lock; sleeps.
 */
void sockauth_conn_end(struct sockauth_conn *conn, enum sockauth_reason reason,
		       int error, const char *text)
{
	struct sockauth_net *snet = conn->snet;
	bool open = conn->state == SOCKAUTH_STATE_OPEN;

	lockdep_assert_held(&conn->lock);
	if (conn->state == SOCKAUTH_STATE_ENDED)
		return;

	conn->reason = reason;
	conn->error = error;
	if (text && *text && !conn->text)
		conn->text = kstrndup(text, SOCKAUTH_TEXT_MAX - 1, GFP_KERNEL);
	if (open || conn->state == SOCKAUTH_STATE_READY)
		atomic_dec(&snet->open);
	else
		atomic_dec(&snet->pending);
	if (reason)
		atomic64_inc(&snet->failed[reason]);

	sockauth_conn_set_state(conn, SOCKAUTH_STATE_ENDED);
	sockauth_conn_disarm(conn);
	sockauth_event_notify(conn);
	if (open)
		sockauth_conn_leave(conn, reason, error);
	else
		sockauth_conn_drop(conn, sockauth_conn_aborts(reason));
	sockauth_conn_reply_free(conn->reply);
	conn->reply = NULL;
	sockauth_worker_abandon(conn);
	if (conn->listener)
		sockauth_listener_forget(conn->listener, conn);
}

/* What TCP itself says of the connection.  True: it is over. */
static bool sockauth_conn_broken(struct sockauth_conn *conn)
{
	struct sock *sk = conn->sk;
	int err = READ_ONCE(sk->sk_err);

	if (!err && inet_sk_state_load(sk) != TCP_CLOSE)
		return false;
	sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_RESET, err ?: ECONNRESET,
			  "the peer reset the connection during authentication");
	return true;
}

static bool sockauth_conn_over_limit(struct sockauth_conn *conn, u32 more)
{
	const struct sockauth_limits *limits = &conn->snet->limits;

	if (conn->bytes + more <= READ_ONCE(limits->bytes) &&
	    conn->leg < READ_ONCE(limits->legs))
		return false;
	sockauth_conn_end(conn, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
			  "the peer's handshake is longer than the limits allow");
	return true;
}

/* A token is there and a worker has credit for it. */
static void sockauth_conn_step(struct sockauth_conn *conn,
			       const struct sockauth_token *token)
{
	int err = 0;

	if (!conn->sock)
		err = sockauth_relay_socket(conn);
	if (err == -ENOTCONN) {
		sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_CLOSED, ECONNRESET,
				  "the peer closed the connection after its first token");
		return;
	}
	if (err)
		goto fail;

	conn->leg++;
	conn->offered = token->len;
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_ASKED);
	sockauth_worker_sent(conn);
	err = sockauth_event_step(conn, token);
	/* A port that is gone will be reported dead; then somebody else. */
	if (!err || err == -ECONNREFUSED)
		return;
	sockauth_worker_unsent(conn);
fail:
	net_warn_ratelimited("sockauth: cannot hand connection %llu to a worker: %pe\n",
			     conn->id, ERR_PTR(err));
	sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, ENOBUFS,
			  "the kernel could not hand the token to the daemon");
}

/* Ask a worker if there is something to ask. */
static void sockauth_conn_ask(struct sockauth_conn *conn)
{
	struct sockauth_token token;

	/* Fast open: the handshake of TCP itself is not over yet. */
	if (inet_sk_state_load(conn->sk) == TCP_SYN_RECV)
		return;

	sockauth_relay_scan(conn->sk, &token);
	if (!token.len) {
		if (token.eof)
			sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_CLOSED,
					  ECONNRESET,
					  "the peer closed the connection during authentication");
		return;
	}
	if (sockauth_conn_over_limit(conn, token.len))
		return;
	if (conn->state == SOCKAUTH_STATE_WAIT_PEER)
		sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_WORKER);
	if (!sockauth_worker_acquire(conn))
		sockauth_conn_step(conn, &token);
}

/* Reply DONE, and its token is out: the socket speaks records from here on. */
static void sockauth_conn_done(struct sockauth_conn *conn,
			       struct sockauth_reply *reply)
{
	struct sockauth_net *snet = conn->snet;
	int err;

	err = sockauth_record_install(conn->sk, reply);
	if (err) {
		sockauth_conn_end(conn, SOCKAUTH_REASON_BAD_REPLY, EPROTO,
				  "kTLS refused the session keys");
		return;
	}
	lock_sock(conn->sk);
	tcp_sk(conn->sk)->nonagle = conn->nonagle;
	release_sock(conn->sk);

	conn->peer = reply->peer;
	reply->peer = NULL;
	conn->peer->start = ktime_get_real_seconds();
	conn->peer->flags |= SOCKAUTH_SEC_SECURED | SOCKAUTH_SEC_ENCRYPTED;
	sockauth_conn_disarm(conn);

	atomic64_inc(&snet->done);
	if (conn->peer->flags & SOCKAUTH_SEC_RESUMED)
		atomic64_inc(&snet->resumed);
	atomic_dec(&snet->pending);
	atomic_inc(&snet->open);
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_READY);
	sockauth_event_notify(conn);
	if (sockauth_listener_ready(conn->listener, conn))
		conn->announce = true;
	else
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED, ECONNABORTED,
				  NULL);
}

/* Go on with a reply: send what is left of its token, then do what it says. */
static void sockauth_conn_progress(struct sockauth_conn *conn,
				   struct sockauth_reply *reply)
{
	int err = sockauth_relay_send(conn, reply);

	if (reply->status == SOCKAUTH_STEP_FAIL) {
		sockauth_conn_end(conn, reply->reason, reply->error,
				  reply->text);
		return;
	}
	if (err == -EAGAIN) {
		conn->reply = sockauth_relay_postpone(reply);
		if (conn->reply) {
			if (conn->state != SOCKAUTH_STATE_SENDING)
				sockauth_conn_set_state(conn,
							SOCKAUTH_STATE_SENDING);
			return;
		}
		err = -ENOMEM;
	}
	if (err) {
		sockauth_conn_end(conn, err == -ENOMEM ?
				  SOCKAUTH_REASON_INTERNAL :
				  SOCKAUTH_REASON_PEER_RESET, -err,
				  "the token could not be sent to the peer");
		return;
	}
	if (reply->status == SOCKAUTH_STEP_DONE) {
		sockauth_conn_done(conn, reply);
		return;
	}
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_PEER);
	/* The next record may be there already. */
	sockauth_conn_ask(conn);
}

/*
 * The application is woken only now: it takes conn->lock first thing in
 * accept(), and would go back to sleep on it.
 */
static void sockauth_conn_unlock(struct sockauth_conn *conn)
{
	bool announce = conn->announce;

	conn->announce = false;
	mutex_unlock(&conn->lock);
	if (announce)
		sockauth_listener_wake(conn->listener);
}

/**
 * sockauth_conn_answer() - a worker's reply to the last event
 * @conn: the connection; the caller has a reference
 * @portid: netlink port of whoever says so
 * @leg: which event is answered
 * @reply: the reply; stays the caller's, but its peer may be taken
 *
 * Return: 0; -ENOENT: nobody asked this port; -ESTALE: over, or another leg;
 *	-EINVAL: the reply consumes more than was offered, or nothing.  With an
 *	error nothing has changed, except that an ended connection is
 *	forgotten.
 * Context: process; sleeps.
 */
int sockauth_conn_answer(struct sockauth_conn *conn, u32 portid, u32 leg,
			 struct sockauth_reply *reply)
{
	bool more = reply->status == SOCKAUTH_STEP_CONTINUE;
	int err;

	mutex_lock(&conn->lock);
	err = -ESTALE;
	if (leg != conn->leg)
		goto out;
	err = -EINVAL;
	if (reply->consumed > conn->offered ||
	    (more && conn->offered && !reply->consumed))
		goto out;
	err = sockauth_worker_answered(conn, portid,
				       more && conn->state !=
				       SOCKAUTH_STATE_ENDED);
	if (err)
		goto out;
	if (conn->state == SOCKAUTH_STATE_ENDED) {
		sockauth_conn_forget(conn);
		err = -ESTALE;
		goto out;
	}

	conn->bytes += reply->consumed;
	err = sockauth_relay_consume(conn->sk, reply->consumed);
	if (err)
		sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, EPROTO,
				  "the receive queue changed under the daemon");
	else
		sockauth_conn_progress(conn, reply);
	err = 0;
out:
	sockauth_conn_unlock(conn);
	return err;
}

/* The worker is gone: another one can begin anew, but none can go on. */
static void sockauth_conn_worker_died(struct sockauth_conn *conn)
{
	bool context = sockauth_worker_lost(conn);

	if (conn->state == SOCKAUTH_STATE_ENDED) {
		sockauth_conn_forget(conn);
		return;
	}
	if (context) {
		sockauth_conn_end(conn, SOCKAUTH_REASON_WORKER_DIED, ECONNABORTED,
				  "the daemon died during authentication");
		return;
	}
	if (conn->state == SOCKAUTH_STATE_ASKED)
		sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_WORKER);
}

/* There is room in the send buffer again. */
static void sockauth_conn_resume(struct sockauth_conn *conn)
{
	struct sockauth_reply *reply = conn->reply;

	conn->reply = NULL;
	sockauth_conn_progress(conn, reply);
	if (conn->reply != reply)
		sockauth_conn_reply_free(reply);
}

static void sockauth_conn_timed_out(struct sockauth_conn *conn)
{
	switch (conn->state) {
	case SOCKAUTH_STATE_WAIT_WORKER:
		if (!sockauth_worker_exists(conn->snet)) {
			sockauth_conn_end(conn, SOCKAUTH_REASON_NO_WORKER,
					  ETIMEDOUT, "no daemon is running: start sockauthd");
			return;
		}
		fallthrough;
	case SOCKAUTH_STATE_WAIT_PEER:
	case SOCKAUTH_STATE_ASKED:
	case SOCKAUTH_STATE_SENDING:
		sockauth_conn_end(conn, SOCKAUTH_REASON_TIMEOUT, ETIMEDOUT,
				  "authentication took too long");
		return;
	}
}

static void sockauth_conn_work(struct work_struct *work)
{
	struct sockauth_conn *conn;

	conn = container_of(work, struct sockauth_conn, work);
	mutex_lock(&conn->lock);
	if (test_and_clear_bit(SOCKAUTH_EV_WORKER_DIED, &conn->events))
		sockauth_conn_worker_died(conn);
	if (test_and_clear_bit(SOCKAUTH_EV_TIMER, &conn->events))
		sockauth_conn_timed_out(conn);

	switch (conn->state) {
	case SOCKAUTH_STATE_WAIT_PEER:
	case SOCKAUTH_STATE_WAIT_WORKER:
		if (!sockauth_conn_broken(conn))
			sockauth_conn_ask(conn);
		break;
	case SOCKAUTH_STATE_ASKED:
		sockauth_conn_broken(conn);
		break;
	case SOCKAUTH_STATE_SENDING:
		if (!sockauth_conn_broken(conn))
			sockauth_conn_resume(conn);
		break;
	}
	sockauth_conn_unlock(conn);
	sockauth_conn_put(conn);
}

/**
 * sockauth_conn_accept() - give a ready connection to the application
 * @conn: the connection, taken from the ready list with its reference, which
 *	moves to @ss on success
 * @newsock: the application's new socket
 * @ss: its face, without operations yet
 *
 * Context: process, the application's; sleeps.
 * Return: 0, or -ECONNABORTED: it ended while it waited.
 */
int sockauth_conn_accept(struct sockauth_conn *conn, struct socket *newsock,
			 struct sockauth_sock *ss)
{
	struct socket *sock;
	struct sock *sk;

	mutex_lock(&conn->lock);
	if (conn->state != SOCKAUTH_STATE_READY) {
		mutex_unlock(&conn->lock);
		return -ECONNABORTED;
	}

	sk = conn->sk;
	sock = conn->sock;
	conn->sock = NULL;
	lock_sock(sk);
	sockauth_sock_dress(ss, sk, sock->ops);
	ss->conn = conn;
	sock->sk = NULL;
	sock->ops = NULL;
	sock_rps_record_flow(sk);
	sock_graft(sk, newsock);
	newsock->state = SS_CONNECTED;
	newsock->ops = &ss->ops;
	release_sock(sk);

	sockauth_conn_set_state(conn, SOCKAUTH_STATE_OPEN);
	mutex_unlock(&conn->lock);
	sock_release(sock);
	return 0;
}

/**
 * sockauth_conn_close() - the application closes an established connection
 * @conn: the connection; the caller's reference is dropped
 */
void sockauth_conn_close(struct sockauth_conn *conn)
{
	mutex_lock(&conn->lock);
	sockauth_conn_end(conn, SOCKAUTH_REASON_NONE, 0, NULL);
	mutex_unlock(&conn->lock);
	sockauth_conn_put(conn);
}

/**
 * sockauth_conn_reply_free() - wipe and free a reply from the heap
 * @reply: may be NULL
 */
void sockauth_conn_reply_free(struct sockauth_reply *reply)
{
	if (!reply)
		return;
	if (reply->copied)
		kfree(reply->token);
	if (reply->peer)
		kfree_sensitive(reply->peer);
	kfree_sensitive(reply);
}

/**
 * sockauth_conn_init() - set up at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init sockauth_conn_init(void)
{
	sockauth_conn_cache = KMEM_CACHE(sockauth_conn, 0);
	return sockauth_conn_cache ? 0 : -ENOMEM;
}

/**
 * sockauth_conn_exit() - undo sockauth_conn_init(); no connection is left
 */
void sockauth_conn_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(sockauth_conn_cache);
}
