// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - worker: bound netlink ports, their choice, birth and death
 *
 * Owns struct sockauth_worker and the profiles that a daemon has announced,
 * under sockauth_net.lock (a spinlock, process context only).  What a
 * worker may be asked is credit.c's.
 *
 * A worker is its netlink socket, not the number of its port: while a socket is
 * being released its port can be another's already, and neither events nor the
 * right to answer them may go with it.  While it is bound it has a reference on
 * this module: no unloading under a running daemon.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

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
 *
 * Of a dead one nobody reads its socket any more, and with the last reference
 * nobody sends to it: records that are left there are to be wiped by us, while we
 * are still loaded.  Netlink would free them later.
 */
void sockauth_worker_put(struct sockauth_worker *worker)
{
	if (!worker || !refcount_dec_and_test(&worker->ref))
		return;
	if (worker->dead)
		skb_queue_purge(&worker->nlsk->sk_receive_queue);
	put_user_ns(worker->userns);
	sock_put(worker->nlsk);
	sockauth_object_gone(SOCKAUTH_OBJECT_WORKER);
	kfree(worker);
}

/**
 * sockauth_worker_lookup() - the worker of a netlink socket
 * @snet: the namespace
 * @nlsk: its netlink socket
 *
 * Context: sockauth_net.lock.
 * Return: the worker, whose reference is the list's; NULL: not bound.
 */
struct sockauth_worker *sockauth_worker_lookup(struct sockauth_net *snet,
					       const struct sock *nlsk)
{
	struct sockauth_worker *worker;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(worker, &snet->workers, link)
		if (worker->nlsk == nlsk)
			return worker;
	return NULL;
}

/**
 * sockauth_worker_has_room() - may one more event be unanswered
 * @worker: the worker
 * @guest: of a guest: these leave half of a window free, so that it is never for
 *	them that a connection of the namespace itself waits
 *
 * Context: sockauth_net.lock.
 * Return: true if so.
 */
bool sockauth_worker_has_room(const struct sockauth_worker *worker, bool guest)
{
	lockdep_assert_held(&worker->snet->lock);
	return worker->outstanding < (guest ? worker->window / 2 : worker->window);
}

/**
 * sockauth_worker_pick() - the worker with the most room
 * @snet: the namespace
 * @guest: for a guest's event
 *
 * Among equals, whose turn it is.
 *
 * Context: sockauth_net.lock.
 * Return: the worker, whose reference is the list's; NULL: none has credit.
 */
struct sockauth_worker *sockauth_worker_pick(struct sockauth_net *snet,
					     bool guest)
{
	struct sockauth_worker *worker, *best = NULL;

	lockdep_assert_held(&snet->lock);
	list_for_each_entry(worker, &snet->workers, link)
		if (sockauth_worker_has_room(worker, guest) &&
		    (!best || worker->outstanding < best->outstanding))
			best = worker;
	if (best)
		list_move_tail(&best->link, &snet->workers);
	return best;
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
 * Of a namespace whose connections are guests: at their host.
 *
 * Return: true if so, or if no daemon has ever said what it serves.
 */
bool sockauth_worker_serves(struct sockauth_net *snet, const char *profile)
{
	const char *p;
	bool found;

	if (sockauth_net_guests(snet))
		snet = sockauth_net_of(&init_net);
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
	INIT_LIST_HEAD(&worker->waiting[false]);
	INIT_LIST_HEAD(&worker->waiting[true]);
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
	WRITE_ONCE(snet->served, true);
	return 0;
}

/**
 * sockauth_worker_bind() - become a worker, or change its window
 * @snet: the namespace
 * @nlsk: its netlink socket
 * @portid: its port
 * @window: events that it can have unanswered; 0: it is not asked yet
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

	window = min_t(u32, window, max(1, READ_ONCE(nlsk->sk_rcvbuf) /
					   SOCKAUTH_EVENT_TRUESIZE));
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
	sockauth_credit_pump(worker);
	sockauth_worker_put(worker);
	return window;
}

/*
 * What is left in its queue it has not died of.  A daemon has many workers, which
 * die one after the other, and each is asked until its turn comes.
 */
static void sockauth_worker_find_unheard(struct sockauth_worker *worker)
{
	struct sk_buff_head *queue = &worker->nlsk->sk_receive_queue;
	unsigned long flags;
	struct sk_buff *skb;
	u64 id;

	spin_lock_irqsave(&queue->lock, flags);
	skb_queue_walk(queue, skb) {
		id = sockauth_event_step_id(skb);
		if (id)
			sockauth_table_set_event(worker->snet, id,
						 SOCKAUTH_EV_UNHEARD);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
}

static void sockauth_worker_die(struct sockauth_worker *worker)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex, *tmp;
	LIST_HEAD(closing);

	sockauth_worker_find_unheard(worker);
	spin_lock(&snet->lock);
	list_splice_init(&worker->waiting[false], &worker->busy);
	list_splice_init(&worker->waiting[true], &worker->busy);
	list_for_each_entry(ex, &worker->busy, wlink) {
		set_bit(SOCKAUTH_EV_WORKER_DIED, &ex->conn->events);
		sockauth_conn_kick(ex->conn);
	}
	list_splice_init(&worker->closing, &closing);
	snet->closing -= worker->nclosing;
	worker->nclosing = 0;
	spin_unlock(&snet->lock);

	list_for_each_entry_safe(ex, tmp, &closing, wlink) {
		list_del_init(&ex->wlink);
		sockauth_exchange_free(ex);
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
