// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - worker: bound netlink ports, their choice, credit and death
 *
 * Owns struct sockauth_worker.  sockauth_net.lock (a leaf spinlock, process
 * context only) protects the workers, their lists, and the fields worker,
 * wlink, granted, asked and context of every exchange.
 *
 * Credit: a worker bound with a window; an event takes one unit, its reply
 * gives it back.  What finds no credit waits: with its worker if that keeps a
 * context for it, else in the namespace, for any.  A connection is on one list
 * at a time:
 *
 *   snet->waiting	needs credit, of whomever
 *   worker->waiting	has a context there, needs credit of it
 *   worker->busy	was granted credit, is being asked, or has a context
 *   worker->closing	over; its context is to be closed (with a reference)
 *
 * While a connection is on a list other than closing, the table of ids has a
 * reference on it.  A worker that is bound has a reference on this module: no
 * unloading under a running daemon.
 *
 * A worker is its netlink socket, not the number of its port: while a socket is
 * being released its port can be another's already, and neither events nor the
 * right to answer them may go with it.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "sockauth.h"

/* More than anybody has CPUs; a limit all the same. */
#define SOCKAUTH_WORKERS_MAX	1024

/*
 * What an event takes of the receive buffer at worst: the token, the rest of
 * the message, and the slab's rounding up to a power of two.
 */
#define SOCKAUTH_EVENT_TRUESIZE	(40 * 1024)

/**
 * sockauth_worker_put() - drop a reference
 * @worker: may be NULL
 */
void sockauth_worker_put(struct sockauth_worker *worker)
{
	if (!worker || !refcount_dec_and_test(&worker->ref))
		return;
	put_user_ns(worker->userns);
	sock_put(worker->nlsk);
	sockauth_object_gone(SOCKAUTH_OBJECT_WORKER);
	kfree(worker);
}

static struct sockauth_worker *
sockauth_worker_lookup(struct sockauth_net *snet, const struct sock *nlsk)
{
	struct sockauth_worker *worker;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(worker, &snet->workers, link)
		if (worker->nlsk == nlsk)
			return worker;
	return NULL;
}

/* The worker with the most room; among equals, whose turn it is. */
static struct sockauth_worker *sockauth_worker_pick(struct sockauth_net *snet)
{
	struct sockauth_worker *worker, *best = NULL;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(worker, &snet->workers, link)
		if (worker->outstanding < worker->window &&
		    (!best || worker->outstanding < best->outstanding))
			best = worker;
	if (best)
		list_move_tail(&best->link, &snet->workers);
	return best;
}

static void sockauth_worker_grant(struct sockauth_worker *worker,
				  struct sockauth_exchange *ex)
{
	lockdep_assert_held(&worker->snet->lock);
	worker->outstanding++;
	ex->granted = true;
	ex->queued = false;
	if (!ex->worker) {
		refcount_inc(&worker->ref);
		ex->worker = worker;
	}
	list_move_tail(&ex->wlink, &worker->busy);
}

/* Take the exchange off its list; the caller drops what is returned. */
static struct sockauth_worker *
sockauth_worker_unlink(struct sockauth_exchange *ex)
{
	struct sockauth_worker *worker = ex->worker;

	lockdep_assert_held(&ex->conn->snet->lock);
	if (ex->context)
		worker->contexts--;
	ex->context = false;
	ex->queued = false;
	ex->worker = NULL;
	list_del_init(&ex->wlink);
	return worker;
}

/* Who gets the next credit: those that have begun go first. */
static struct sockauth_exchange *
sockauth_worker_next(struct sockauth_worker *worker)
{
	struct sockauth_exchange *ex;

	lockdep_assert_held(&worker->snet->lock);
	ex = list_first_entry_or_null(&worker->waiting,
				      struct sockauth_exchange, wlink);
	return ex ?: list_first_entry_or_null(&worker->snet->waiting,
					      struct sockauth_exchange, wlink);
}

/*
 * Take contexts that are over off the list, and credit for telling the worker:
 * when nobody else wants it, or when there are enough to fill an event.  Their
 * memory in the daemon is not to grow because others are waiting.
 */
static void sockauth_worker_batch(struct sockauth_worker *worker,
				  struct list_head *batch)
{
	u32 i;

	lockdep_assert_held(&worker->snet->lock);
	worker->outstanding++;
	worker->notices++;
	for (i = 0; i < SOCKAUTH_CLOSE_BATCH && worker->nclosing; i++) {
		list_move_tail(worker->closing.next, batch);
		worker->nclosing--;
	}
}

/* Send a batch.  False: it could not be sent, and waits for another occasion. */
static bool sockauth_worker_close(struct sockauth_worker *worker,
				  struct list_head *batch)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex, *tmp;
	bool sent = !sockauth_event_close(worker, batch);

	if (!sent) {
		spin_lock(&snet->lock);
		worker->outstanding--;
		worker->notices--;
		list_for_each_entry_safe(ex, tmp, batch, wlink) {
			if (worker->dead)
				break;
			list_move(&ex->wlink, &worker->closing);
			worker->nclosing++;
		}
		spin_unlock(&snet->lock);
	}
	list_for_each_entry_safe(ex, tmp, batch, wlink) {
		list_del_init(&ex->wlink);
		sockauth_conn_put(ex->conn);
	}
	return sent;
}

/* Hand free credit to who waits for it. */
static void sockauth_worker_pump(struct sockauth_worker *worker)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex;
	bool close = true;
	LIST_HEAD(batch);

	do {
		spin_lock(&snet->lock);
		while (!worker->dead && worker->outstanding < worker->window) {
			ex = sockauth_worker_next(worker);
			if (close && worker->nclosing >=
			    (ex ? SOCKAUTH_CLOSE_BATCH : 1)) {
				sockauth_worker_batch(worker, &batch);
				break;
			}
			if (!ex)
				break;
			sockauth_worker_grant(worker, ex);
			sockauth_conn_kick(ex->conn);
		}
		spin_unlock(&snet->lock);
		/* Credit that a failure gave back is for those who wait. */
		if (list_empty(&batch))
			return;
		close = sockauth_worker_close(worker, &batch);
	} while (true);
}

/**
 * sockauth_worker_acquire() - may the next event of this connection be sent
 * @conn: the connection, locked by the caller
 *
 * Return: 0: yes, to conn->ex->worker; -EAGAIN: it waits for credit and will be
 *	kicked.
 */
int sockauth_worker_acquire(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = conn->snet;
	struct sockauth_worker *worker;
	int err = 0;

	lockdep_assert_held(&conn->lock);
	spin_lock(&snet->lock);
	if (ex->granted)
		goto out;
	err = -EAGAIN;
	if (ex->context) {
		worker = ex->worker;
		if (worker->outstanding < worker->window && !worker->dead &&
		    list_empty(&worker->waiting)) {
			sockauth_worker_grant(worker, ex);
			err = 0;
		} else if (!worker->dead && !ex->queued) {
			/* Once: more bytes of the peer do not change its turn. */
			ex->queued = true;
			list_move_tail(&ex->wlink, &worker->waiting);
		}
		/* Of a dead worker we are about to hear. */
		goto out;
	}
	if (!list_empty(&ex->wlink))
		goto out;
	worker = list_empty(&snet->waiting) ? sockauth_worker_pick(snet) : NULL;
	if (worker) {
		sockauth_worker_grant(worker, ex);
		err = 0;
	} else {
		list_add_tail(&ex->wlink, &snet->waiting);
	}
out:
	spin_unlock(&snet->lock);
	return err;
}

/**
 * sockauth_worker_sent() - the granted credit is being used for an event
 * @conn: the connection, locked by the caller
 */
void sockauth_worker_sent(struct sockauth_conn *conn)
{
	spin_lock(&conn->snet->lock);
	conn->ex->granted = false;
	conn->ex->asked = true;
	spin_unlock(&conn->snet->lock);
}

/**
 * sockauth_worker_unsent() - the event could not be sent: no reply will come
 * @conn: the connection, locked by the caller, about to be ended
 */
void sockauth_worker_unsent(struct sockauth_conn *conn)
{
	spin_lock(&conn->snet->lock);
	conn->ex->granted = true;
	conn->ex->asked = false;
	spin_unlock(&conn->snet->lock);
}

/**
 * sockauth_worker_asked() - does this worker owe a reply
 * @conn: the connection, locked by the caller
 * @nlsk: who says so
 *
 * Return: true if it does.
 */
bool sockauth_worker_asked(struct sockauth_conn *conn, const struct sock *nlsk)
{
	struct sockauth_exchange *ex = conn->ex;
	bool asked;

	lockdep_assert_held(&conn->lock);
	spin_lock(&conn->snet->lock);
	asked = ex->asked && ex->worker->nlsk == nlsk && !ex->worker->dead;
	spin_unlock(&conn->snet->lock);
	return asked;
}

/**
 * sockauth_worker_answered() - a reply has come
 * @conn: the connection, locked by the caller
 * @nlsk: who says so
 * @context: the worker keeps a context for the next leg
 *
 * The credit goes to whoever waits for it.
 *
 * Return: 0, or -ENOENT: it was not asked.
 */
int sockauth_worker_answered(struct sockauth_conn *conn,
			     const struct sock *nlsk, bool context)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = conn->snet;
	struct sockauth_worker *worker;

	lockdep_assert_held(&conn->lock);
	spin_lock(&snet->lock);
	worker = ex->worker;
	if (!ex->asked || worker->nlsk != nlsk || worker->dead) {
		spin_unlock(&snet->lock);
		return -ENOENT;
	}
	ex->asked = false;
	worker->outstanding--;
	worker->answered++;
	refcount_inc(&worker->ref);
	if (!context) {
		sockauth_worker_put(sockauth_worker_unlink(ex));
	} else if (!ex->context) {
		ex->context = true;
		worker->contexts++;
	}
	spin_unlock(&snet->lock);

	sockauth_worker_pump(worker);
	sockauth_worker_put(worker);
	return 0;
}

/**
 * sockauth_worker_notice() - credit for an event that no connection waits for
 * @snet: the namespace
 *
 * Return: the worker to send it to, with a reference; NULL: none has credit,
 *	and the event is not worth waiting for.
 */
struct sockauth_worker *sockauth_worker_notice(struct sockauth_net *snet)
{
	struct sockauth_worker *worker;

	spin_lock(&snet->lock);
	worker = sockauth_worker_pick(snet);
	if (worker) {
		worker->outstanding++;
		worker->notices++;
		refcount_inc(&worker->ref);
	}
	spin_unlock(&snet->lock);
	return worker;
}

/**
 * sockauth_worker_unnotice() - the event could not be sent
 * @worker: from sockauth_worker_notice(); the reference stays the caller's
 */
void sockauth_worker_unnotice(struct sockauth_worker *worker)
{
	spin_lock(&worker->snet->lock);
	worker->outstanding--;
	worker->notices--;
	spin_unlock(&worker->snet->lock);
	sockauth_worker_pump(worker);
}

/**
 * sockauth_worker_noticed() - a CLOSE or RECORD event is answered
 * @snet: the namespace
 * @nlsk: who says so
 *
 * Return: 0; -ENOENT: not a worker; -ESTALE: nothing was to be answered.
 */
int sockauth_worker_noticed(struct sockauth_net *snet, const struct sock *nlsk)
{
	struct sockauth_worker *worker;
	int err = 0;

	spin_lock(&snet->lock);
	worker = sockauth_worker_lookup(snet, nlsk);
	if (!worker) {
		err = -ENOENT;
	} else if (!worker->notices) {
		worker = NULL;
		err = -ESTALE;
	} else {
		worker->notices--;
		worker->outstanding--;
		worker->answered++;
		refcount_inc(&worker->ref);
	}
	spin_unlock(&snet->lock);
	if (worker) {
		sockauth_worker_pump(worker);
		sockauth_worker_put(worker);
	}
	return err;
}

/**
 * sockauth_worker_abandon() - the connection has ended
 * @conn: the connection, locked by the caller
 *
 * Credit that was not used goes back, a context is closed, and the id is
 * forgotten; all that only later if a reply is still owed.
 */
void sockauth_worker_abandon(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = conn->snet;
	struct sockauth_worker *worker;
	bool context;

	lockdep_assert_held(&conn->lock);
	if (!ex) {
		sockauth_conn_forget(conn);
		return;
	}
	spin_lock(&snet->lock);
	if (ex->asked) {
		spin_unlock(&snet->lock);
		return;
	}
	if (ex->granted)
		ex->worker->outstanding--;
	ex->granted = false;
	context = ex->context;
	worker = sockauth_worker_unlink(ex);
	if (context && !worker->dead) {
		refcount_inc(&conn->ref);
		list_add_tail(&ex->wlink, &worker->closing);
		worker->nclosing++;
	}
	spin_unlock(&snet->lock);

	sockauth_conn_forget(conn);
	if (worker) {
		sockauth_worker_pump(worker);
		sockauth_worker_put(worker);
	}
}

/**
 * sockauth_worker_lost() - the connection's worker has died
 * @conn: the connection, locked by the caller
 *
 * Return: true if the worker kept a context for it.
 */
bool sockauth_worker_lost(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = conn->snet;
	struct sockauth_worker *worker = NULL;
	bool context = false;

	lockdep_assert_held(&conn->lock);
	if (!ex)
		return false;
	spin_lock(&snet->lock);
	if (ex->worker && ex->worker->dead) {
		context = ex->context;
		ex->granted = false;
		ex->asked = false;
		worker = sockauth_worker_unlink(ex);
	}
	spin_unlock(&snet->lock);
	sockauth_worker_put(worker);
	return context;
}

/**
 * sockauth_worker_exists() - is any worker bound
 * @snet: the namespace
 *
 * Return: true if there is one.
 */
bool sockauth_worker_exists(struct sockauth_net *snet)
{
	bool exists;

	spin_lock(&snet->lock);
	exists = !list_empty(&snet->workers);
	spin_unlock(&snet->lock);
	return exists;
}

/**
 * sockauth_worker_bound() - is this socket a worker
 * @snet: the namespace
 * @nlsk: netlink socket
 *
 * Return: true if it is.
 */
bool sockauth_worker_bound(struct sockauth_net *snet, const struct sock *nlsk)
{
	bool bound;

	spin_lock(&snet->lock);
	bound = sockauth_worker_lookup(snet, nlsk);
	spin_unlock(&snet->lock);
	return bound;
}

/**
 * sockauth_worker_set_profiles() - what the daemon serves now
 * @snet: the namespace
 * @profiles: see struct sockauth_net; from kmalloc, ours from now on
 */
void sockauth_worker_set_profiles(struct sockauth_net *snet, char *profiles)
{
	spin_lock(&snet->lock);
	swap(snet->profiles, profiles);
	spin_unlock(&snet->lock);
	kfree(profiles);
}

/**
 * sockauth_worker_serves() - is there such a profile
 * @snet: the namespace
 * @profile: its name; empty: "default"
 *
 * Return: true if so, or if no daemon has ever said what it serves.
 */
bool sockauth_worker_serves(struct sockauth_net *snet, const char *profile)
{
	const char *p;
	bool found;

	if (!*profile)
		profile = "default";
	spin_lock(&snet->lock);
	p = snet->profiles;
	found = !p;
	while (!found && *p) {
		found = !strcmp(p, profile);
		p += strlen(p) + 1;
	}
	spin_unlock(&snet->lock);
	return found;
}

static struct sockauth_worker *
sockauth_worker_alloc(struct sockauth_net *snet, struct sock *nlsk, u32 portid)
{
	struct sockauth_worker *worker;

	worker = kzalloc(sizeof(*worker), GFP_KERNEL_ACCOUNT);
	if (!worker)
		return NULL;
	sockauth_object_born(SOCKAUTH_OBJECT_WORKER);
	refcount_set(&worker->ref, 1);
	worker->snet = snet;
	sock_hold(nlsk);
	worker->nlsk = nlsk;
	worker->userns = get_user_ns(sk_user_ns(nlsk));
	worker->portid = portid;
	worker->born = jiffies;
	INIT_LIST_HEAD(&worker->waiting);
	INIT_LIST_HEAD(&worker->busy);
	INIT_LIST_HEAD(&worker->closing);
	return worker;
}

/* Put a new worker on the list: from here on it can be picked. */
static int sockauth_worker_add(struct sockauth_worker *worker)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_worker *other;
	u32 count = 0;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(other, &snet->workers, link)
		count++;
	if (count >= SOCKAUTH_WORKERS_MAX)
		return -EUSERS;
	/* Generic netlink does not keep us loaded during a call. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	list_add(&worker->link, &snet->workers);
	return 0;
}

/**
 * sockauth_worker_bind() - become a worker, or change its window
 * @snet: the namespace
 * @nlsk: its netlink socket
 * @portid: its port
 * @window: events that it can have unanswered
 * @add: it is not one yet, and may become one
 *
 * The window is cut to what surely fits the socket's receive buffer.
 *
 * Return: the window granted; -ENOMEM; -EUSERS: too many; -ENODEV: we are being
 *	unloaded; -EPERM: not a worker (any more), and @add is not set.
 */
int sockauth_worker_bind(struct sockauth_net *snet, struct sock *nlsk,
			 u32 portid, u32 window, bool add)
{
	struct sockauth_worker *worker, *new = NULL;
	int err = 0;

	window = clamp_t(u32, READ_ONCE(nlsk->sk_rcvbuf) /
			 SOCKAUTH_EVENT_TRUESIZE, 1, window);
	if (add) {
		new = sockauth_worker_alloc(snet, nlsk, portid);
		if (!new)
			return -ENOMEM;
	}

	spin_lock(&snet->lock);
	worker = sockauth_worker_lookup(snet, nlsk);
	if (!worker) {
		err = new ? sockauth_worker_add(new) : -EPERM;
		if (!err)
			swap(worker, new);
	}
	if (worker) {
		worker->window = window;
		refcount_inc(&worker->ref);
	}
	spin_unlock(&snet->lock);
	sockauth_worker_put(new);
	if (err)
		return err;
	sockauth_worker_pump(worker);
	sockauth_worker_put(worker);
	return window;
}

static void sockauth_worker_die(struct sockauth_worker *worker)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex, *tmp;
	LIST_HEAD(closing);

	spin_lock(&snet->lock);
	list_splice_init(&worker->waiting, &worker->busy);
	list_for_each_entry(ex, &worker->busy, wlink) {
		set_bit(SOCKAUTH_EV_WORKER_DIED, &ex->conn->events);
		sockauth_conn_kick(ex->conn);
	}
	list_splice_init(&worker->closing, &closing);
	worker->nclosing = 0;
	spin_unlock(&snet->lock);

	list_for_each_entry_safe(ex, tmp, &closing, wlink) {
		list_del_init(&ex->wlink);
		sockauth_conn_put(ex->conn);
	}
	sockauth_worker_put(worker);
	module_put(THIS_MODULE);
}

/* The notifier names a port; its next owner may be a worker as well. */
static struct sockauth_worker *
sockauth_worker_released(struct sockauth_net *snet, u32 portid)
{
	struct sockauth_worker *worker;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(worker, &snet->workers, link)
		if (worker->portid == portid &&
		    sock_flag(worker->nlsk, SOCK_DEAD))
			return worker;
	return NULL;
}

static int sockauth_worker_notify(struct notifier_block *nb,
				  unsigned long event, void *data)
{
	struct netlink_notify *n = data;
	struct sockauth_worker *worker;
	struct sockauth_net *snet;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	snet = sockauth_net_of(n->net);
	spin_lock(&snet->lock);
	worker = sockauth_worker_released(snet, n->portid);
	if (worker) {
		worker->dead = true;
		list_del_init(&worker->link);
	}
	spin_unlock(&snet->lock);
	if (worker)
		sockauth_worker_die(worker);
	return NOTIFY_DONE;
}

static struct notifier_block sockauth_worker_notifier = {
	.notifier_call = sockauth_worker_notify,
};

/**
 * sockauth_worker_init() - set up at load
 *
 * Return: 0 or what the notifier chain says.
 */
int __init sockauth_worker_init(void)
{
	return netlink_register_notifier(&sockauth_worker_notifier);
}

/**
 * sockauth_worker_exit() - undo sockauth_worker_init(); no worker is left
 */
void sockauth_worker_exit(void)
{
	netlink_unregister_notifier(&sockauth_worker_notifier);
}
