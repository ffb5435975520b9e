// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - exchange: one leg after the other, until the keys are there
 *
 * Drives a connection from what arrives (sockauth_exchange_work) and from what
 * a worker answers (sockauth_exchange_progress), both under conn->lock.  Owns
 * struct sockauth_exchange; the moves are tabled in conn.c.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/* A token that kills whoever reads it; others were there by chance. */
#define SOCKAUTH_DEATHS_MAX	3

static int sockauth_exchange_wake(wait_queue_entry_t *entry, unsigned int mode,
				  int sync, void *key)
{
	struct sockauth_exchange *ex;

	ex = container_of(entry, struct sockauth_exchange, entry);
	sockauth_conn_kick(ex->conn);
	return 0;
}

/**
 * sockauth_exchange_alloc() - what a connection needs until it is open
 * @conn: the connection that will own it
 *
 * Context: process; sleeps.
 * Return: NULL: no memory.
 */
struct sockauth_exchange *sockauth_exchange_alloc(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex;

	ex = kzalloc(sizeof(*ex), GFP_KERNEL_ACCOUNT);
	if (!ex)
		return NULL;
	sockauth_object_born(SOCKAUTH_OBJECT_EXCHANGE);
	ex->conn = conn;
	init_waitqueue_head(&ex->wq.wait);
	init_waitqueue_func_entry(&ex->entry, sockauth_exchange_wake);
	INIT_LIST_HEAD(&ex->wlink);
	return ex;
}

static void sockauth_exchange_free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct sockauth_exchange, rcu));
}

/**
 * sockauth_exchange_free() - nobody needs it any more
 * @ex: may be NULL; on no list, and its connection does not know it
 */
void sockauth_exchange_free(struct sockauth_exchange *ex)
{
	if (!ex)
		return;
	sockauth_object_gone(SOCKAUTH_OBJECT_EXCHANGE);
	/*
	 * The stack may still be looking at ex->wq, and whoever replies at the
	 * rest.  kfree_rcu() takes seconds; what strangers held is to be given
	 * back when they are gone.
	 */
	call_rcu(&ex->rcu, sockauth_exchange_free_rcu);
}

/**
 * sockauth_exchange_discard() - the connection is open, or nobody knows it
 * @conn: the connection; may have none any more
 */
void sockauth_exchange_discard(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;

	WRITE_ONCE(conn->ex, NULL);
	sockauth_exchange_free(ex);
}

/**
 * sockauth_exchange_drop_reply() - what is left of a reply is not sent
 * @conn: an ended connection, locked by the caller
 */
void sockauth_exchange_drop_reply(struct sockauth_conn *conn)
{
	if (!conn->ex)
		return;
	sockauth_reply_free(conn->ex->reply);
	conn->ex->reply = NULL;
}

/* EPIPE is TCP's name for a RST after a FIN; connect() did not write. */
static void sockauth_exchange_reset(struct sockauth_conn *conn, int err)
{
	struct sock *sk = conn->sk;

	if (err == EPIPE)
		err = ECONNRESET;
	if (READ_ONCE(sk->sk_err))
		WRITE_ONCE(sk->sk_err, err);
	sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_RESET, err,
			  "the peer reset the connection during authentication");
}

/* What TCP itself says of the connection.  True: it is over. */
static bool sockauth_exchange_broken(struct sockauth_conn *conn)
{
	struct sock *sk = conn->sk;
	int err = READ_ONCE(sk->sk_err);

	if (!err && inet_sk_state_load(sk) != TCP_CLOSE)
		return false;
	sockauth_exchange_reset(conn, err ?: ECONNRESET);
	return true;
}

static bool sockauth_exchange_within(const struct sockauth_conn *conn,
				     const struct sockauth_limits *limits,
				     u32 more)
{
	return conn->ex->bytes + more <= READ_ONCE(limits->bytes) &&
	       conn->leg < READ_ONCE(limits->legs);
}

/* Of a guest the limits of both namespaces hold. */
static bool sockauth_exchange_over_limit(struct sockauth_conn *conn, u32 more)
{
	if (sockauth_exchange_within(conn, &conn->snet->limits, more) &&
	    sockauth_exchange_within(conn, &sockauth_conn_host(conn)->limits,
				     more))
		return false;
	sockauth_conn_end(conn, SOCKAUTH_REASON_LIMIT, EMSGSIZE,
			  "the peer's handshake is longer than the limits allow");
	return true;
}

static void sockauth_exchange_fail(struct sockauth_conn *conn, int err)
{
	net_warn_ratelimited("sockauth: cannot hand connection %llu to a worker: %pe\n",
			     conn->id, ERR_PTR(err));
	sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, ENOBUFS,
			  "the kernel could not hand the token to the daemon");
}

/* The private socket, before the first token is sent.  False: it ended there. */
static bool sockauth_exchange_prepare(struct sockauth_conn *conn)
{
	int err = sockauth_relay_socket(conn);

	if (err == -ENOTCONN)
		sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_CLOSED, ECONNRESET,
				  "the peer closed the connection after its first token");
	else if (err)
		sockauth_exchange_fail(conn, err);
	return !err;
}

/*
 * Ask the worker that has granted credit.  The event is complete before anybody
 * could answer it: a reply gives credit back and lets go of the worker, and does
 * not wait for us.
 *
 * Return: 0, also if the connection ended there; -EBUSY: the application has the
 * socket locked.
 */
static int sockauth_exchange_step(struct sockauth_conn *conn,
				  const struct sockauth_token *token)
{
	struct sockauth_worker *worker;
	struct sk_buff *skb;
	int err;

	skb = sockauth_event_step(conn, conn->leg + 1, token);
	if (PTR_ERR(skb) == -EBUSY)
		return -EBUSY;
	if (IS_ERR(skb)) {
		sockauth_exchange_fail(conn, PTR_ERR(skb));
		return 0;
	}
	WRITE_ONCE(conn->leg, conn->leg + 1);
	conn->ex->offered = token->len;
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_ASKED);
	worker = sockauth_credit_sent(conn);
	err = sockauth_event_send(worker, skb);
	sockauth_worker_put(worker);
	if (!err)
		return 0;
	/* A port that is gone will be reported dead; then somebody else. */
	if (err == -ECONNREFUSED) {
		set_bit(SOCKAUTH_EV_UNHEARD, &conn->events);
		return 0;
	}
	sockauth_credit_unsent(conn);
	sockauth_exchange_fail(conn, err);
	return 0;
}

/*
 * Hand on a token, once there is credit.  Whoever has the socket can keep it
 * locked for as long as it likes; the credit, for which others wait, is given
 * back before we wait for that.
 */
static void sockauth_exchange_offer(struct sockauth_conn *conn,
				    const struct sockauth_token *token)
{
	int err;

	while (!(err = sockauth_credit_acquire(conn))) {
		if (conn->ex->app && !conn->ex->sock) {
			sockauth_credit_return(conn);
			if (!sockauth_exchange_prepare(conn))
				return;
			continue;
		}
		if (!conn->ex->sock && !sockauth_exchange_prepare(conn))
			return;
		if (!sockauth_exchange_step(conn, token))
			return;
		sockauth_credit_return(conn);
		sockauth_relay_wait(conn->sk);
	}
	if (err == -ENOBUFS)
		sockauth_conn_end(conn, SOCKAUTH_REASON_LIMIT, ENOBUFS,
				  "the daemon has yet to hear of connections that are over");
}

/* Ask a worker if there is something to ask. */
static void sockauth_exchange_ask(struct sockauth_conn *conn)
{
	/* Anew, if the worker died before it answered the first time. */
	bool begin = conn->role == SOCKAUTH_ROLE_INITIATOR &&
		     !conn->ex->context;
	struct sockauth_token token = {};

	/* Fast open: the handshake of TCP itself is not over yet. */
	if (inet_sk_state_load(conn->sk) == TCP_SYN_RECV)
		return;

	if (!begin)
		sockauth_relay_scan(conn->sk, &token);
	if (!begin && !token.len) {
		if (token.eof)
			sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_CLOSED,
					  ECONNRESET,
					  "the peer closed the connection during authentication");
		return;
	}
	if (sockauth_exchange_over_limit(conn, token.len))
		return;
	if (conn->state != SOCKAUTH_STATE_WAIT_WORKER)
		sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_WORKER);
	sockauth_exchange_offer(conn, &token);
}

/* An initiator's TCP handshake: over, failed, or still to be waited for. */
static void sockauth_exchange_connecting(struct sockauth_conn *conn)
{
	int err = READ_ONCE(conn->sk->sk_err);

	switch (inet_sk_state_load(conn->sk)) {
	case TCP_SYN_SENT:
	case TCP_SYN_RECV:
		return;
	case TCP_CLOSE:
		/* Without an errno, connect() itself has yet to begin. */
		if (err)
			sockauth_conn_end(conn, SOCKAUTH_REASON_PEER_RESET, err,
					  "TCP could not connect");
		return;
	case TCP_LISTEN:
		/* By listen() in another thread; what connect() says is final. */
		return;
	default:
		sockauth_exchange_ask(conn);
	}
}

/* Reply DONE, and its token is out: the socket speaks records from here on. */
static void sockauth_exchange_done(struct sockauth_conn *conn,
				   struct sockauth_reply *reply)
{
	int err;

	sockauth_relay_socket_show(conn);
	err = sockauth_record_install(conn->sk, reply);
	sockauth_relay_socket_hide(conn);
	if (!err)
		swap(conn->peer, reply->peer);
	/* Made here, the operations are sure to be there when it opens. */
	if (!err && !sockauth_ops_of(conn->sk, conn->ex->sock->ops))
		err = -EOPNOTSUPP;
	if (err) {
		net_warn_ratelimited("sockauth: kTLS refuses the keys of connection %llu: %pe\n",
				     conn->id, ERR_PTR(err));
		sockauth_conn_end(conn, SOCKAUTH_REASON_BAD_REPLY, EPROTO,
				  "kTLS refused the session keys");
		return;
	}
	lock_sock(conn->sk);
	tcp_sk(conn->sk)->nonagle = conn->ex->nonagle;
	release_sock(conn->sk);

	conn->peer->start = ktime_get_real_seconds();
	conn->peer->flags |= SOCKAUTH_SEC_SECURED | SOCKAUTH_SEC_ENCRYPTED;
	sockauth_timer_disarm(conn);

	sockauth_conn_authenticated(conn);
	if (conn->ex->app) {
		sockauth_conn_open(conn);
		sockauth_event_notify(conn);
		sockauth_timer_check_expiry(conn);
		return;
	}
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_READY);
	sockauth_event_notify(conn);
	if (sockauth_listener_ready(conn->listener, conn)) {
		conn->announce = true;
		sockauth_timer_check_expiry(conn);
	} else {
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED, ECONNABORTED,
				  NULL);
	}
}

/* Take what the worker used off the receive queue.  False: it ended there. */
static bool sockauth_exchange_consume(struct sockauth_conn *conn,
				      struct sockauth_reply *reply)
{
	u32 consumed = reply->consumed;

	conn->ex->bytes += consumed;
	reply->consumed = 0;
	/* A RST empties the queue, which is not the queue's fault. */
	if (!sockauth_relay_consume(conn->sk, consumed))
		return true;
	if (!sockauth_exchange_broken(conn))
		sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, EPROTO,
				  "the receive queue changed under the daemon");
	return false;
}

/**
 * sockauth_exchange_progress() - go on with a reply
 * @conn: the connection, locked by the caller
 * @reply: what is left of its token is sent, and then done what it says; stays
 *	the caller's unless the connection has it then, but its peer may be taken
 *
 * Context: process; sleeps.
 */
void sockauth_exchange_progress(struct sockauth_conn *conn,
				struct sockauth_reply *reply)
{
	int err;

	if (!sockauth_exchange_consume(conn, reply))
		return;
	err = sockauth_relay_send(conn, reply);
	if (reply->status == SOCKAUTH_STEP_FAIL) {
		sockauth_conn_end(conn, reply->reason, reply->error,
				  reply->text);
		return;
	}
	if (err == -EAGAIN) {
		conn->ex->reply = sockauth_relay_postpone(reply);
		if (conn->ex->reply) {
			if (conn->state != SOCKAUTH_STATE_SENDING)
				sockauth_conn_set_state(conn,
							SOCKAUTH_STATE_SENDING);
			return;
		}
		sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, ENOMEM,
				  "no memory for the rest of a token");
		return;
	}
	if (err) {
		sockauth_exchange_reset(conn, -err);
		return;
	}
	if (reply->status == SOCKAUTH_STEP_DONE) {
		sockauth_exchange_done(conn, reply);
		return;
	}
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_PEER);
	/* The next record may be there already. */
	sockauth_exchange_ask(conn);
}

/**
 * sockauth_exchange_unlock() - unlock a connection that went on
 * @conn: the connection
 *
 * The application is woken only now: it takes conn->lock first thing in
 * accept(), and would go back to sleep on it.
 */
void sockauth_exchange_unlock(struct sockauth_conn *conn)
{
	bool announce = conn->announce;

	conn->announce = false;
	mutex_unlock(&conn->lock);
	if (announce)
		sockauth_listener_wake(conn->listener);
}

/*
 * The worker is gone: another one can begin anew, but none can go on.  Whom it
 * died of is not known; who was there too often is not shown to the next one.
 */
static void sockauth_exchange_worker_died(struct sockauth_conn *conn)
{
	bool heard = !test_and_clear_bit(SOCKAUTH_EV_UNHEARD, &conn->events);

	if (sockauth_credit_lost(conn)) {
		sockauth_conn_end(conn, SOCKAUTH_REASON_WORKER_DIED, ECONNABORTED,
				  "the daemon died during authentication");
		return;
	}
	if (conn->state != SOCKAUTH_STATE_ASKED)
		return;
	if (heard && ++conn->ex->deaths == SOCKAUTH_DEATHS_MAX) {
		sockauth_conn_end(conn, SOCKAUTH_REASON_WORKER_DIED, ECONNABORTED,
				  "each daemon that was asked died before it answered");
		return;
	}
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_WAIT_WORKER);
}

/* There is room in the send buffer again. */
static void sockauth_exchange_resume(struct sockauth_conn *conn)
{
	struct sockauth_reply *reply = conn->ex->reply;

	conn->ex->reply = NULL;
	sockauth_exchange_progress(conn, reply);
	if (!conn->ex || conn->ex->reply != reply)
		sockauth_reply_free(reply);
}

static void sockauth_exchange_timed_out(struct sockauth_conn *conn)
{
	switch (conn->state) {
	case SOCKAUTH_STATE_WAIT_WORKER:
		if (!sockauth_worker_exists(sockauth_conn_host(conn))) {
			sockauth_conn_end(conn, SOCKAUTH_REASON_NO_WORKER,
					  ETIMEDOUT, "no daemon is running: start sockauthd");
			return;
		}
		fallthrough;
	case SOCKAUTH_STATE_CONNECTING:
	case SOCKAUTH_STATE_WAIT_PEER:
	case SOCKAUTH_STATE_ASKED:
	case SOCKAUTH_STATE_SENDING:
		sockauth_conn_end(conn, SOCKAUTH_REASON_TIMEOUT, ETIMEDOUT,
				  "authentication took too long");
		return;
	case SOCKAUTH_STATE_READY:
	case SOCKAUTH_STATE_OPEN:
		sockauth_timer_check_expiry(conn);
		return;
	}
}

/**
 * sockauth_exchange_evicted() - its listener has wanted its place
 * @conn: the connection, locked by the caller
 *
 * It may have become ready in this moment: then it stays.
 *
 * Context: process, conn->lock; sleeps.
 */
void sockauth_exchange_evicted(struct sockauth_conn *conn)
{
	lockdep_assert_held(&conn->lock);
	if (test_and_clear_bit(SOCKAUTH_EV_EVICTED, &conn->events) &&
	    conn->state < SOCKAUTH_STATE_READY)
		sockauth_conn_end(conn, SOCKAUTH_REASON_EVICTED, ETIMEDOUT,
				  "too many connections were being authenticated");
}

/* An administrator may be waiting: he hears of it in the end itself. */
static void sockauth_exchange_killed(struct sockauth_conn *conn)
{
	sockauth_conn_end(conn, SOCKAUTH_REASON_KILLED, ECONNABORTED,
			  "an administrator ended the connection");
}

/**
 * sockauth_exchange_work() - look at a connection that was kicked
 * @work: of the connection; its reference is dropped
 *
 * Context: process; sleeps.
 */
void sockauth_exchange_work(struct work_struct *work)
{
	struct sockauth_conn *conn;

	conn = container_of(work, struct sockauth_conn, work);
	/* Queued when no application had it, who can now keep us waiting. */
	if (sockauth_conn_is_app(conn) && !READ_ONCE(conn->slot)) {
		sockauth_conn_kick(conn);
		sockauth_conn_put(conn);
		return;
	}
	mutex_lock(&conn->lock);
	if (test_and_clear_bit(SOCKAUTH_EV_WORKER_DIED, &conn->events))
		sockauth_exchange_worker_died(conn);
	if (test_and_clear_bit(SOCKAUTH_EV_TIMER, &conn->events))
		sockauth_exchange_timed_out(conn);
	if (test_bit(SOCKAUTH_EV_KILLED, &conn->events))
		sockauth_exchange_killed(conn);
	sockauth_exchange_evicted(conn);
	sockauth_answer_take(conn);

	switch (conn->state) {
	case SOCKAUTH_STATE_CONNECTING:
		sockauth_exchange_connecting(conn);
		break;
	case SOCKAUTH_STATE_WAIT_PEER:
	case SOCKAUTH_STATE_WAIT_WORKER:
		if (!sockauth_exchange_broken(conn))
			sockauth_exchange_ask(conn);
		break;
	case SOCKAUTH_STATE_ASKED:
		sockauth_exchange_broken(conn);
		break;
	case SOCKAUTH_STATE_SENDING:
		if (!sockauth_exchange_broken(conn))
			sockauth_exchange_resume(conn);
		break;
	}
	sockauth_exchange_unlock(conn);
	sockauth_user_next(conn);
	sockauth_conn_put(conn);
}

