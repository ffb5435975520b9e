// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - a connection: the state machine and its one ending
 *
 * Owns struct sockauth_conn.  conn->lock (a mutex) protects the connection and
 * serialises everything that is done to its TCP socket while no application
 * has it.  Whatever happens in softirq or in a timer only sets a bit and
 * queues conn->work.
 *
 * The moves, and when they are made:
 *
 *   from         to           when
 *   -----------  -----------  ------------------------------------------------
 *   CONNECTING   WAIT_WORKER  TCP is connected: the initiator's first leg
 *   WAIT_PEER    WAIT_WORKER  a whole record is in the receive queue
 *   WAIT_WORKER  ASKED        a worker has credit: the event is out
 *   ASKED        WAIT_PEER    reply CONTINUE
 *   ASKED        SENDING      reply whose token did not fit the send buffer, or
 *                             that was left for the work to take
 *   ASKED        READY        reply DONE, keys installed, accept() has to come
 *   ASKED        WAIT_WORKER  the worker died before it sent a token
 *   SENDING      WAIT_PEER    the token is out, CONTINUE
 *   SENDING      READY, OPEN  the token is out, DONE, keys installed; OPEN if an
 *                             application has the socket already
 *   READY        OPEN         accept()
 *   any          ENDED        sockauth_conn_end(), exactly once
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

#define TO(state)	BIT(SOCKAUTH_STATE_##state)

static const u16 sockauth_conn_moves[] = {
	[SOCKAUTH_STATE_CONNECTING]	= TO(WAIT_WORKER) | TO(ENDED),
	[SOCKAUTH_STATE_WAIT_PEER]	= TO(WAIT_WORKER) | TO(ENDED),
	[SOCKAUTH_STATE_WAIT_WORKER]	= TO(ASKED) | TO(ENDED),
	[SOCKAUTH_STATE_ASKED]		= TO(WAIT_PEER) | TO(SENDING) |
					  TO(READY) | TO(WAIT_WORKER) |
					  TO(ENDED),
	[SOCKAUTH_STATE_SENDING]	= TO(WAIT_PEER) | TO(READY) |
					  TO(OPEN) | TO(ENDED),
	[SOCKAUTH_STATE_READY]		= TO(OPEN) | TO(ENDED),
	[SOCKAUTH_STATE_OPEN]		= TO(ENDED),
	[SOCKAUTH_STATE_ENDED]		= 0,
};

static struct kmem_cache *sockauth_conn_cache;
static atomic64_t sockauth_conn_id = ATOMIC64_INIT(0);

/**
 * sockauth_conn_set_state() - the one place where the state changes
 * @conn: the connection, locked by the caller
 * @state: where to
 */
void sockauth_conn_set_state(struct sockauth_conn *conn,
			     enum sockauth_state state)
{
	lockdep_assert_held(&conn->lock);
	if (WARN_ON_ONCE(!(sockauth_conn_moves[conn->state] & BIT(state))))
		return;
	/* Whoever sees the state sees what led to it. */
	smp_store_release(&conn->state, state);
}

static void sockauth_conn_not_pending(struct sockauth_conn *conn)
{
	atomic_dec(&conn->snet->pending);
	if (!conn->listener)
		sockauth_user_end(conn->req->user);
}

/**
 * sockauth_conn_authenticated() - count it as established from here on
 * @conn: the connection, locked by the caller
 */
void sockauth_conn_authenticated(struct sockauth_conn *conn)
{
	struct sockauth_net *snet = conn->snet;

	lockdep_assert_held(&conn->lock);
	atomic64_inc(&snet->done);
	if (conn->peer->flags & SOCKAUTH_SEC_RESUMED)
		atomic64_inc(&snet->resumed);
	sockauth_conn_not_pending(conn);
	atomic_inc(&snet->open);
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
	struct sockauth_net *snet = conn->snet;

	if (!refcount_dec_and_test(&conn->ref))
		return;

	WARN_ON_ONCE(conn->sk && conn->state != SOCKAUTH_STATE_ENDED);
	if (conn->listener)
		sockauth_listener_put(conn->listener);
	sockauth_req_put(conn->req);
	if (conn->peer)
		kfree_sensitive(conn->peer);
	kfree(conn->text);
	sockauth_exchange_discard(conn);
	mutex_destroy(&conn->lock);
	sockauth_object_gone(SOCKAUTH_OBJECT_CONN);
	/* Somebody may just have found it by its id. */
	call_rcu(&conn->rcu, sockauth_conn_free_rcu);
	/* Last: who unloads us waits for this, and then for what is freed. */
	if (atomic_dec_and_test(&snet->alive))
		wake_up_var(&snet->alive);
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
	if (!(sockauth_conn_is_app(conn) ? sockauth_user_queue(conn) :
	      queue_work(sockauth_wq, &conn->work)))
		sockauth_conn_put(conn);
}

/**
 * sockauth_conn_set_text() - say what is wrong, once
 * @conn: the connection, locked by the caller
 * @text: one line, copied
 *
 * Dumps read it without a lock.
 *
 * Context: process; sleeps.
 */
void sockauth_conn_set_text(struct sockauth_conn *conn, const char *text)
{
	lockdep_assert_held(&conn->lock);
	if (conn->text)
		return;
	text = kstrndup(text, SOCKAUTH_TEXT_MAX - 1, GFP_KERNEL);
	/* Who sees the pointer must see the text; it is read through it. */
	smp_store_release(&conn->text, text);
}

/**
 * sockauth_conn_sock() - the TCP socket of a connection that is not locked
 * @conn: the connection; the caller has a reference
 *
 * Return: the socket, with a reference for the caller; NULL: it has none now.
 */
struct sock *sockauth_conn_sock(struct sockauth_conn *conn)
{
	struct sock *sk;

	rcu_read_lock();
	sk = READ_ONCE(conn->sk);
	if (sk && !refcount_inc_not_zero(&sk->sk_refcnt))
		sk = NULL;
	/* TCP's sockets can be another's by now: no grace period is between. */
	if (sk && READ_ONCE(conn->sk) != sk) {
		sock_put(sk);
		sk = NULL;
	}
	rcu_read_unlock();
	return sk;
}

/*
 * Takes over the reference on @req.  The connection is locked: nobody else knows
 * it, and trylock says so to lockdep, for the caller may have lock_sock().
 */
static struct sockauth_conn *sockauth_conn_alloc(struct sockauth_net *snet,
						 struct sockauth_req *req,
						 struct sock *sk)
{
	struct sockauth_conn *conn;

	/* An initiator's is its application's; a child's is nobody's. */
	conn = kmem_cache_zalloc(sockauth_conn_cache, GFP_KERNEL_ACCOUNT);
	if (!conn)
		return NULL;
	conn->ex = sockauth_exchange_alloc(conn);
	if (!conn->ex) {
		kmem_cache_free(sockauth_conn_cache, conn);
		return NULL;
	}
	sockauth_object_born(SOCKAUTH_OBJECT_CONN);
	refcount_set(&conn->ref, 1);
	conn->id = atomic64_inc_return(&sockauth_conn_id);
	conn->snet = snet;
	conn->req = req;
	conn->sk = sk;
	conn->born = jiffies;
	mutex_init(&conn->lock);
	WARN_ON_ONCE(!mutex_trylock(&conn->lock));
	atomic_inc(&snet->alive);
	INIT_WORK(&conn->work, sockauth_exchange_work);
	sockauth_timer_setup(conn);
	INIT_LIST_HEAD(&conn->link);
	INIT_LIST_HEAD(&conn->ulink);
	return conn;
}

/*
 * From here on it is counted, has a time-out, and can be found by its id, by
 * whoever wants to end it for one: the lock is kept until all is set up.
 */
static int sockauth_conn_publish(struct sockauth_conn *conn)
{
	struct sockauth_net *snet = conn->snet;
	u32 timeout = conn->req->timeout_ms ?:
		      READ_ONCE(snet->limits.timeout_ms);
	int err;

	lockdep_assert_held(&conn->lock);
	conn->guest = sockauth_net_guests(snet);
	err = sockauth_table_add(conn);
	if (err)
		return err;
	sockauth_timer_arm(conn, jiffies + msecs_to_jiffies(timeout));
	atomic_inc(&snet->pending);
	atomic64_inc(&snet->started);
	return 0;
}

/**
 * sockauth_conn_create() - begin with a child that TCP has accepted
 * @l: the listener it came from
 * @sk: the child, which nobody else has; ours on success
 *
 * The connection's timer runs and it reacts to what arrives, but nobody has
 * looked at what is there already: put it on a list, kick it, and unlock it.
 * Until then nothing can happen to it.
 *
 * Context: process; sleeps.
 * Return: the connection, locked, with one reference, for the list that the
 *	caller puts it on, or an ERR_PTR with -ENOMEM.
 */
struct sockauth_conn *sockauth_conn_create(struct sockauth_listener *l,
					   struct sock *sk)
{
	struct sockauth_req *req = sockauth_sock_req(l->ss);
	struct sockauth_conn *conn;
	int err;

	conn = sockauth_conn_alloc(l->snet, req, sk);
	if (!conn) {
		sockauth_req_put(req);
		return ERR_PTR(-ENOMEM);
	}
	conn->role = SOCKAUTH_ROLE_ACCEPTOR;
	conn->state = SOCKAUTH_STATE_WAIT_PEER;
	refcount_inc(&l->ref);
	conn->listener = l;
	conn->ex->base = l->base;
	add_wait_queue(&conn->ex->wq.wait, &conn->ex->entry);
	err = sockauth_conn_publish(conn);
	if (err) {
		conn->sk = NULL;
		mutex_unlock(&conn->lock);
		sockauth_conn_put(conn);
		return ERR_PTR(err);
	}
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(sk->sk_wq, &conn->ex->wq);
	write_unlock_bh(&sk->sk_callback_lock);
	return conn;
}

/**
 * sockauth_conn_begin() - begin with a socket that an application has
 * @ss: its face
 * @sock: the application's socket, about to connect or connected
 * @req: the request; its reference passes to the connection on success
 * @role: which side it is
 *
 * Context: process; sleeps.
 * Return: the connection with one reference, for the face, or an ERR_PTR with
 *	-ENOMEM, or -EAGAIN: applications, or this user's, have as many as the
 *	limit allows.
 */
struct sockauth_conn *sockauth_conn_begin(struct sockauth_sock *ss,
					  struct socket *sock,
					  struct sockauth_req *req,
					  enum sockauth_role role)
{
	struct sock *sk = ss->sk;
	struct sockauth_net *snet = sockauth_net_of(sock_net(sk));
	struct sockauth_conn *conn;
	int err;

	if (atomic_read(&snet->pending) - atomic_read(&snet->listed) >=
	    (int)sockauth_net_pending_max(snet) ||
	    sockauth_user_begin(req->user, sockauth_net_pending_max(snet)))
		return ERR_PTR(-EAGAIN);
	conn = sockauth_conn_alloc(snet, req, sk);
	if (!conn) {
		sockauth_user_end(req->user);
		return ERR_PTR(-ENOMEM);
	}
	conn->role = role;
	conn->state = role == SOCKAUTH_ROLE_INITIATOR ?
		      SOCKAUTH_STATE_CONNECTING : SOCKAUTH_STATE_WAIT_PEER;
	conn->ss = ss;
	/* Kept until we let go of them, whatever the application does. */
	ihold(SOCK_INODE(sock));
	sock_hold(sk);
	conn->ex->app = sock;
	conn->ex->base = ss->base;
	err = sockauth_conn_publish(conn);
	if (err) {
		refcount_inc(&req->ref);
		sockauth_user_end(req->user);
		sockauth_drop_app_ref(conn, sk);
		conn->sk = NULL;
	} else {
		add_wait_queue(&sock->wq.wait, &conn->ex->entry);
	}
	mutex_unlock(&conn->lock);
	if (err) {
		sockauth_conn_put(conn);
		return ERR_PTR(err);
	}
	return conn;
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
 * @error: positive errno for the application; what none can know becomes EPROTO
 * @text: one line for SOCKAUTH_ERROR, copied; may be NULL
 *
 * The first caller wins, later ones do nothing.  Afterwards the TCP socket is
 * closed (or, once established, the application's own business), the
 * connection is on no list, its id is not known any more, and the worker is told
 * to forget it.
 *
 * Context: process, conn->lock; sleeps.
 */
void sockauth_conn_end(struct sockauth_conn *conn, enum sockauth_reason reason,
		       int error, const char *text)
{
	struct sockauth_net *snet = conn->snet;
	bool open = conn->state == SOCKAUTH_STATE_OPEN;
	struct sockauth_worker *worker;

	lockdep_assert_held(&conn->lock);
	if (conn->state == SOCKAUTH_STATE_ENDED)
		return;

	conn->reason = reason;
	/* From kTLS it may be ENOTSUPP; from 512 on, some would be a BUG(). */
	conn->error = error > EHWPOISON ? EPROTO : error;
	if (text && *text)
		sockauth_conn_set_text(conn, text);
	if (open || conn->state == SOCKAUTH_STATE_READY)
		atomic_dec(&snet->open);
	else
		sockauth_conn_not_pending(conn);
	if (reason)
		atomic64_inc(&snet->failed[reason]);

	sockauth_conn_set_state(conn, SOCKAUTH_STATE_ENDED);
	sockauth_user_forget(conn);
	/* Who waits for that, and its work may not run any more. */
	clear_and_wake_up_bit(SOCKAUTH_EV_KILLED, &conn->events);
	sockauth_timer_disarm(conn);
	sockauth_event_notify(conn);
	worker = sockauth_credit_abandon(conn);
	sockauth_drop_socket(conn, sockauth_conn_aborts(reason), open);
	sockauth_exchange_drop_reply(conn);
	if (worker)
		sockauth_credit_forget(conn, worker);
	if (conn->listener)
		sockauth_listener_forget(conn->listener, conn);
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
	sock = conn->ex->sock;
	conn->ex->sock = NULL;
	lock_sock(sk);
	ss->sk = sk;
	ss->base = sock->ops;
	ss->conn = conn;
	ss->open = true;
	sock->sk = NULL;
	sock->ops = NULL;
	sock_rps_record_flow(sk);
	sock_graft(sk, newsock);
	newsock->state = SS_CONNECTED;
	sockauth_sock_show(ss, newsock, sockauth_ops_of(sk, ss->base));
	release_sock(sk);

	sockauth_conn_set_state(conn, SOCKAUTH_STATE_OPEN);
	sockauth_exchange_discard(conn);
	mutex_unlock(&conn->lock);
	sock_release(sock);
	return 0;
}

/**
 * sockauth_conn_open() - the socket that an application has is authenticated
 * @conn: the connection, locked by the caller, with its keys installed
 *
 * The face lets data through from here on, to the operations that kTLS gave
 * the private socket.
 *
 * Context: process; sleeps.
 */
void sockauth_conn_open(struct sockauth_conn *conn)
{
	struct sockauth_sock *ss = conn->ss;
	struct sock *sk = conn->sk;

	WRITE_ONCE(ss->base, conn->ex->sock->ops);
	sockauth_sock_show(ss, conn->ex->app, sockauth_ops_of(sk, ss->base));
	/* Whoever sees it open must see the operations too. */
	smp_store_release(&ss->open, true);
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_OPEN);
	/* kTLS took it from the private socket: no zero copy by io_uring. */
	clear_bit(SOCK_SUPPORT_ZC, &conn->ex->app->flags);
	sockauth_relay_socket_put(conn);
	remove_wait_queue(&conn->ex->app->wq.wait, &conn->ex->entry);
	sockauth_drop_app_ref(conn, sk);
	sockauth_exchange_discard(conn);
	/* TCP and kTLS have told of data already, when poll() could not show it. */
	wake_up_interruptible_poll(sk_sleep(sk), EPOLLIN | EPOLLRDNORM |
				   EPOLLOUT | EPOLLWRNORM);
	rcu_read_lock();
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	rcu_read_unlock();
}

/**
 * sockauth_conn_close() - the application closes the socket
 * @conn: the connection; the caller's reference is dropped
 *
 * Context: process; sleeps.
 */
void sockauth_conn_close(struct sockauth_conn *conn)
{
	mutex_lock(&conn->lock);
	sockauth_conn_end(conn, conn->state == SOCKAUTH_STATE_OPEN ?
			  SOCKAUTH_REASON_NONE : SOCKAUTH_REASON_CANCELLED,
			  ECONNABORTED, "the application closed its socket");
	mutex_unlock(&conn->lock);
	sockauth_conn_put(conn);
}

/**
 * sockauth_conn_kill() - end it in an administrator's name
 * @conn: the connection; the caller has a reference, but no lock
 * @deadline: in jiffies; until then what has been begun is waited for
 *
 * The connection's own work does it: an application that keeps its socket locked
 * keeps whoever waits for the lock, but must not keep an administrator, behind
 * whom generic netlink waits.
 *
 * Context: process; sleeps.
 * Return: false: it ended for another reason meanwhile.
 */
bool sockauth_conn_kill(struct sockauth_conn *conn, unsigned long deadline)
{
	long patience = max_t(long, deadline - jiffies, 0);

	set_bit(SOCKAUTH_EV_KILLED, &conn->events);
	/* Pairs with the release in sockauth_conn_end(): set too late, it is over. */
	smp_mb__after_atomic();
	sockauth_conn_kick(conn);
	if (READ_ONCE(conn->state) != SOCKAUTH_STATE_ENDED)
		wait_on_bit_timeout(&conn->events, SOCKAUTH_EV_KILLED,
				    TASK_KILLABLE, patience);
	/* Pairs with the release in sockauth_conn_set_state(). */
	return smp_load_acquire(&conn->state) != SOCKAUTH_STATE_ENDED ||
	       conn->reason == SOCKAUTH_REASON_KILLED;
}

/**
 * sockauth_conn_init() - set up at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init sockauth_conn_init(void)
{
	sockauth_conn_cache = KMEM_CACHE(sockauth_conn, SLAB_ACCOUNT);
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
