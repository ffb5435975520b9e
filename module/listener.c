// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - listener: drains children, pending and ready queue, accept()
 *
 * Owns struct sockauth_listener.  listener->lock (a leaf, process context
 * only) protects its lists; each entry of a list has a reference on the
 * connection.  sk_data_ready stays TCP's: children clone it and can move to
 * another listener.  An entry on the socket's own wait queue tells us of new
 * children instead; it only queues the drain work.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

/*
 * Evictions to make room for one: what others are ending at this moment is
 * counted still, but on no list.
 */
#define SOCKAUTH_EVICTIONS_MAX	2

/* Children to take before others get their turn on the work queue. */
#define SOCKAUTH_DRAIN_BATCH	64

static bool sockauth_listener_listens(const struct sockauth_listener *l)
{
	return inet_sk_state_load(l->ss->sk) == TCP_LISTEN;
}

static int sockauth_listener_woken(wait_queue_entry_t *entry, unsigned int mode,
				   int sync, void *key)
{
	struct sockauth_listener *l;

	l = container_of(entry, struct sockauth_listener, entry);
	/*
	 * Our own wake-up of early pollers comes here as well, and that of
	 * tcp_abort(), which ends a listener behind its application's back.
	 */
	if (!reqsk_queue_empty(&inet_csk(l->ss->sk)->icsk_accept_queue) ||
	    !sockauth_listener_listens(l))
		queue_work(sockauth_wq, &l->drain);
	return 0;
}

/**
 * sockauth_listener_put() - drop a reference
 * @l: the listener
 */
void sockauth_listener_put(struct sockauth_listener *l)
{
	if (!refcount_dec_and_test(&l->ref))
		return;
	sockauth_object_gone(SOCKAUTH_OBJECT_LISTENER);
	kfree_rcu(l, rcu);
}

/* One more or one less on the pending list. */
static void sockauth_listener_count(struct sockauth_listener *l, int n)
{
	lockdep_assert_held(&l->lock);
	if (n < 0)
		atomic_add(n, &l->snet->listed);
	/* Who sees it shorter sees less in all: see sockauth_listener_largest(). */
	smp_store_release(&l->npending, l->npending + n);
	if (n > 0)
		atomic_add(n, &l->snet->listed);
}

/* Take the oldest pending connection off the list, with its reference. */
static struct sockauth_conn *
sockauth_listener_oldest(struct sockauth_listener *l)
{
	struct sockauth_conn *conn;

	spin_lock(&l->lock);
	conn = list_first_entry_or_null(&l->pending, struct sockauth_conn,
					link);
	if (conn) {
		list_del_init(&conn->link);
		sockauth_listener_count(l, -1);
	}
	spin_unlock(&l->lock);
	return conn;
}

/*
 * The listener that holds the most of a full namespace, @l itself if others
 * hold as much: a listener that strangers flood pays for it, not the others.
 */
static struct sockauth_listener *
sockauth_listener_largest(struct sockauth_listener *l)
{
	struct sockauth_listener *largest = l, *other;
	u32 most;

	spin_lock(&l->snet->lock);
	list_for_each_entry(other, &l->snet->listeners, link) {
		/* Pairs with the release in sockauth_listener_count(). */
		most = smp_load_acquire(&largest->npending);
		if (READ_ONCE(other->npending) > most)
			largest = other;
	}
	refcount_inc(&largest->ref);
	spin_unlock(&l->snet->lock);
	return largest;
}

static void sockauth_listener_evict(struct sockauth_listener *l)
{
	struct sockauth_conn *conn = sockauth_listener_oldest(l);

	if (!conn)
		return;
	set_bit(SOCKAUTH_EV_EVICTED, &conn->events);
	/* It may be accepted by now, and wait for its application. */
	if (mutex_trylock(&conn->lock)) {
		sockauth_exchange_evicted(conn);
		mutex_unlock(&conn->lock);
	} else {
		sockauth_conn_kick(conn);
	}
	sockauth_conn_put(conn);
}

static bool sockauth_listener_crowded(const struct sockauth_listener *l)
{
	return atomic_read(&l->snet->listed) >=
	       sockauth_net_pending_max(l->snet);
}

/* Room for one more: the oldest of the listener, or of the fullest, goes. */
static void sockauth_listener_make_room(struct sockauth_listener *l)
{
	struct sockauth_listener *largest;
	int tries;

	/* More than one may have to go, if the limit was lowered. */
	while (READ_ONCE(l->npending) >= READ_ONCE(l->snet->limits.pending))
		sockauth_listener_evict(l);
	for (tries = 0; tries < SOCKAUTH_EVICTIONS_MAX &&
	     sockauth_listener_crowded(l); tries++) {
		largest = sockauth_listener_largest(l);
		/* Ours may have been the largest, and not be it for this. */
		if (sockauth_listener_crowded(l))
			sockauth_listener_evict(largest);
		sockauth_listener_put(largest);
	}
}

/* Begin with a child; without memory for it, it is closed. */
static void sockauth_listener_take(struct sockauth_listener *l,
				   struct sock *child)
{
	struct sockauth_conn *conn;
	bool closed;

	sockauth_listener_make_room(l);
	conn = sockauth_conn_create(l, child);
	if (IS_ERR(conn)) {
		atomic64_inc(&l->snet->failed[SOCKAUTH_REASON_INTERNAL]);
		child->sk_prot->close(child, 0);
		return;
	}

	/* Locked, so that it can neither become ready nor end in between. */
	spin_lock(&l->lock);
	closed = l->closed;
	if (!closed) {
		list_add_tail(&conn->link, &l->pending);
		sockauth_listener_count(l, 1);
	}
	spin_unlock(&l->lock);
	if (closed)
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED,
				  ECONNABORTED, NULL);
	else
		sockauth_conn_kick(conn);
	mutex_unlock(&conn->lock);
	if (closed)
		sockauth_conn_put(conn);
}

static bool sockauth_listener_full(struct sockauth_listener *l)
{
	return READ_ONCE(l->nready) > READ_ONCE(l->ss->sk->sk_max_ack_backlog);
}

/*
 * TCP has stopped listening, and not for the application: `ss -K`.  Decided
 * under the lock, for listen() may be called again, see
 * sockauth_listener_start().  The socket stays where it is.
 */
static bool sockauth_listener_ended(struct sockauth_listener *l)
{
	bool ended;

	if (sockauth_listener_listens(l))
		return false;
	spin_lock(&l->lock);
	ended = !sockauth_listener_listens(l);
	if (ended)
		l->closed = true;
	spin_unlock(&l->lock);
	if (!ended)
		return false;
	spin_lock(&l->snet->lock);
	if (READ_ONCE(l->closed))
		list_del_init(&l->link);
	spin_unlock(&l->snet->lock);
	wake_up_interruptible_all(&l->wait);
	return true;
}

/*
 * An application that does not call accept() stops us here: TCP's own backlog
 * then says no to new connections, as it would without us.
 */
static void sockauth_listener_drain(struct work_struct *work)
{
	struct sockauth_listener *l;
	struct sock *child;
	int taken;

	l = container_of(work, struct sockauth_listener, drain);
	for (taken = 0; taken < SOCKAUTH_DRAIN_BATCH; taken++) {
		if (READ_ONCE(l->closed) || sockauth_listener_full(l))
			return;
		/*
		 * Its application can lock it at any time, and keep it so.  What
		 * is left is the moment until accept() has it.
		 */
		if (sockauth_listener_ended(l) ||
		    sock_owned_by_user_nocheck(l->ss->sk)) {
			queue_work(sockauth_slow_wq, &l->slow);
			return;
		}
		child = sockauth_compat_csk_accept(l->ss->sk);
		if (!child)
			return;
		sockauth_listener_take(l, child);
		cond_resched();
	}
	queue_work(sockauth_wq, &l->drain);
}

/* Take a connection off the ready list, with the list's reference. */
static void sockauth_listener_unready(struct sockauth_listener *l,
				      struct sockauth_conn *conn)
{
	/* Once it is closed there may be no socket to ask. */
	bool full = !l->closed && sockauth_listener_full(l);

	lockdep_assert_held(&l->lock);
	list_del_init(&conn->link);
	conn->ready = false;
	l->nready--;
	/*
	 * Where TCP's queue is full too, no further child will wake us.  The
	 * drain looks at the count without the lock: not before it has changed.
	 */
	if (full)
		queue_work(sockauth_wq, &l->drain);
}

static struct sockauth_conn *
sockauth_listener_pop(struct sockauth_listener *l)
{
	struct sockauth_conn *conn;

	spin_lock(&l->lock);
	conn = list_first_entry_or_null(&l->ready, struct sockauth_conn, link);
	if (conn)
		sockauth_listener_unready(l, conn);
	spin_unlock(&l->lock);
	return conn;
}

/* End all that nobody accepted. */
static void sockauth_listener_end_all(struct sockauth_listener *l)
{
	struct sockauth_conn *conn;

	while ((conn = sockauth_listener_oldest(l) ?:
		       sockauth_listener_pop(l))) {
		mutex_lock(&conn->lock);
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED, ECONNABORTED,
				  "the listening socket was closed");
		mutex_unlock(&conn->lock);
		sockauth_conn_put(conn);
	}
}

/*
 * Wait for the application where others do not.  The drain goes on after it, so
 * that there is one that takes children, and that it is known which queue has it.
 */
static void sockauth_listener_slow(struct work_struct *work)
{
	struct sockauth_listener *l;

	l = container_of(work, struct sockauth_listener, slow);
	if (READ_ONCE(l->closed)) {
		sockauth_listener_end_all(l);
		return;
	}
	sockauth_relay_wait(l->ss->sk);
	queue_work(sockauth_wq, &l->drain);
}

/**
 * sockauth_listener_create() - what a face needs to listen
 * @ss: the face
 *
 * From here on children are noticed, but none is taken before
 * sockauth_listener_start().
 *
 * Context: process; sleeps.
 * Return: the listener with one reference, or an ERR_PTR with -ENOMEM.
 */
struct sockauth_listener *sockauth_listener_create(struct sockauth_sock *ss)
{
	struct sockauth_listener *l;

	l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
	if (!l)
		return ERR_PTR(-ENOMEM);
	sockauth_object_born(SOCKAUTH_OBJECT_LISTENER);
	refcount_set(&l->ref, 1);
	l->ss = ss;
	l->base = ss->base;
	l->snet = sockauth_net_of(sock_net(ss->sk));
	l->closed = true;
	init_waitqueue_head(&l->wait);
	init_waitqueue_func_entry(&l->entry, sockauth_listener_woken);
	INIT_WORK(&l->drain, sockauth_listener_drain);
	INIT_WORK(&l->slow, sockauth_listener_slow);
	INIT_LIST_HEAD(&l->link);
	spin_lock_init(&l->lock);
	INIT_LIST_HEAD(&l->pending);
	INIT_LIST_HEAD(&l->ready);
	add_wait_queue(sk_sleep(ss->sk), &l->entry);
	return l;
}

/**
 * sockauth_listener_start() - take children from now on
 * @l: the listener, whose socket listens
 */
void sockauth_listener_start(struct sockauth_listener *l)
{
	spin_lock(&l->lock);
	l->closed = false;
	spin_unlock(&l->lock);

	spin_lock(&l->snet->lock);
	if (list_empty(&l->link))
		list_add_tail(&l->link, &l->snet->listeners);
	spin_unlock(&l->snet->lock);
	queue_work(sockauth_wq, &l->drain);
}

/**
 * sockauth_listener_stop() - take no more, and end all that nobody accepted
 * @l: the listener
 *
 * Context: process; sleeps until the drain work is over.
 */
void sockauth_listener_stop(struct sockauth_listener *l)
{
	spin_lock(&l->lock);
	l->closed = true;
	spin_unlock(&l->lock);
	/* One that ran may have queued the other; that finds it closed. */
	cancel_work_sync(&l->drain);
	cancel_work_sync(&l->slow);
	cancel_work_sync(&l->drain);

	spin_lock(&l->snet->lock);
	list_del_init(&l->link);
	spin_unlock(&l->snet->lock);
	sockauth_listener_end_all(l);
	/* Each of them: there is nothing that only one of them can have. */
	wake_up_interruptible_all(&l->wait);
}

/**
 * sockauth_listener_destroy() - the socket is being released
 * @l: the listener; the face's reference is dropped
 *
 * Context: process; sleeps.
 */
void sockauth_listener_destroy(struct sockauth_listener *l)
{
	remove_wait_queue(sk_sleep(l->ss->sk), &l->entry);
	sockauth_listener_stop(l);
	sockauth_listener_put(l);
}

/**
 * sockauth_listener_wake() - tell the application that something is ready
 * @l: the listener
 *
 * The socket's own wait queue has those that polled before it listened.
 */
void sockauth_listener_wake(struct sockauth_listener *l)
{
	struct socket_wq *wq;
	struct sock *sk;

	wake_up_interruptible_poll(&l->wait, EPOLLIN | EPOLLRDNORM);
	spin_lock(&l->lock);
	sk = l->closed ? NULL : l->ss->sk;
	if (sk)
		sock_hold(sk);
	spin_unlock(&l->lock);
	if (!sk)
		return;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (wq)
		wake_up_interruptible_poll(&wq->wait, EPOLLIN | EPOLLRDNORM);
	sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
	rcu_read_unlock();
	sock_put(sk);
}

/**
 * sockauth_listener_ready() - a connection is authenticated
 * @l: the listener it came from
 * @conn: the connection, locked by the caller
 *
 * Return: false if the listener is closed: end the connection.
 */
bool sockauth_listener_ready(struct sockauth_listener *l,
			     struct sockauth_conn *conn)
{
	bool ok;

	lockdep_assert_held(&conn->lock);
	spin_lock(&l->lock);
	ok = !l->closed;
	if (ok) {
		/* Somebody who means to evict it has the list's reference. */
		if (list_empty(&conn->link))
			refcount_inc(&conn->ref);
		else
			sockauth_listener_count(l, -1);
		list_move_tail(&conn->link, &l->ready);
		conn->ready = true;
		l->nready++;
	}
	spin_unlock(&l->lock);
	return ok;
}

/**
 * sockauth_listener_forget() - take an ended connection off the lists
 * @l: the listener it came from
 * @conn: the connection; the caller has a reference besides the list's
 */
void sockauth_listener_forget(struct sockauth_listener *l,
			      struct sockauth_conn *conn)
{
	bool listed;

	spin_lock(&l->lock);
	listed = !list_empty(&conn->link);
	if (listed && conn->ready) {
		sockauth_listener_unready(l, conn);
	} else if (listed) {
		list_del_init(&conn->link);
		sockauth_listener_count(l, -1);
	}
	spin_unlock(&l->lock);
	if (listed)
		sockauth_conn_put(conn);
}

/* As TCP's own accept() waits, but for what is ready. */
static int sockauth_listener_wait(struct sockauth_listener *l, long *timeo)
{
	DEFINE_WAIT(wait);
	int err = 0;

	for (;;) {
		prepare_to_wait_exclusive(&l->wait, &wait, TASK_INTERRUPTIBLE);
		if (READ_ONCE(l->nready))
			break;
		err = -EINVAL;
		if (!sockauth_listener_listens(l))
			break;
		err = sock_intr_errno(*timeo);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!*timeo)
			break;
		err = 0;
		*timeo = schedule_timeout(*timeo);
	}
	finish_wait(&l->wait, &wait);
	return err;
}

/* No memory for this caller now; the connection, if it still is, can wait. */
static void sockauth_listener_unpop(struct sockauth_listener *l,
				    struct sockauth_conn *conn)
{
	bool listed = false;

	mutex_lock(&conn->lock);
	spin_lock(&l->lock);
	if (!l->closed && conn->state == SOCKAUTH_STATE_READY) {
		list_add(&conn->link, &l->ready);
		conn->ready = true;
		l->nready++;
		listed = true;
	}
	spin_unlock(&l->lock);
	if (!listed)
		sockauth_conn_end(conn, SOCKAUTH_REASON_CANCELLED,
				  ECONNABORTED, NULL);
	mutex_unlock(&conn->lock);
	if (listed)
		sockauth_listener_wake(l);
	else
		sockauth_conn_put(conn);
}

/**
 * sockauth_listener_accept() - accept() of a marked socket
 * @l: its listener
 * @newsock: the application's new socket
 * @flags: file flags; O_NONBLOCK counts
 *
 * Context: process, the application's; sleeps.
 * Return: 0, or what accept() on a TCP socket returns.
 */
int sockauth_listener_accept(struct sockauth_listener *l,
			     struct socket *newsock, int flags)
{
	long timeo = sock_rcvtimeo(l->ss->sk, flags & O_NONBLOCK);
	struct sockauth_conn *conn;
	struct sockauth_sock *ss;
	struct sockauth_req *req;
	int err;

	for (;;) {
		/* As with TCP, whoever had come is gone with the listener. */
		if (!sockauth_listener_listens(l))
			return -EINVAL;
		conn = sockauth_listener_pop(l);
		if (!conn) {
			err = sockauth_listener_wait(l, &timeo);
			if (err)
				return err;
			continue;
		}

		req = conn->req;
		refcount_inc(&req->ref);
		ss = sockauth_sock_alloc(req);
		if (!ss) {
			sockauth_req_put(req);
			err = -ENOBUFS;
			break;
		}
		err = sockauth_conn_accept(conn, newsock, ss);
		if (!err) {
			spin_lock(&l->lock);
			l->accepted++;
			spin_unlock(&l->lock);
			return 0;
		}
		sockauth_sock_free(ss);
		sockauth_conn_put(conn);
	}

	sockauth_listener_unpop(l, conn);
	return err;
}

/**
 * sockauth_listener_poll() - poll() of a listening marked socket
 * @l: its listener
 * @file: the socket's file
 * @pt: as for every poll operation
 *
 * Return: EPOLLIN if accept() would not block.
 */
__poll_t sockauth_listener_poll(struct sockauth_listener *l, struct file *file,
				struct poll_table_struct *pt)
{
	poll_wait(file, &l->wait, pt);
	/* Pairs with the barrier of the wake-up, as in sock_poll_wait(). */
	smp_mb();
	return READ_ONCE(l->nready) ? EPOLLIN | EPOLLRDNORM : 0;
}
