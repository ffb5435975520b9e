// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - user: how much of our work one user can keep waiting
 *
 * Owns struct sockauth_user, one for each user who has a marked socket, in a table
 * under sockauth_users_lock; and which connections of his have a slot or wait for
 * one, under sockauth_user.lock.  Both are
 * leaf spinlocks, taken in any context, also by whoever wakes a socket.
 *
 * An application can keep its socket locked for as long as it likes, and the work
 * of its connection waits for that.  The queue of such works has an end, so each
 * user has a number of slots in it: he can fill those, and nobody else waits.
 *
 * A user is whoever the initial user namespace knows him as.  In others that is
 * the one who made the outermost of them, but not himself outside of it: root's
 * containers are not root.
 */
#include <linux/cred.h>
#include <linux/hashtable.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "conn.h"
#include "sockauth.h"

/* Works of one user that may wait at a time; the queue has room for 512 at least. */
#define SOCKAUTH_USER_SLOTS	32

/**
 * struct sockauth_user - a user, and what is his
 * @node: in the table
 * @uid: as the initial user namespace knows it
 * @inside: of a user namespace that @uid made
 * @ref: requests; under sockauth_users_lock
 * @pending: connections being authenticated whose socket he has
 * @lock: protects @running and @waiting, and sockauth_conn.slot
 * @running: connections that have a slot
 * @waiting: those that wait for one, with a reference each, by ulink
 * @flushing: of his connections, those whose data hold.c is sending
 */
struct sockauth_user {
	struct hlist_node	node;
	kuid_t			uid;
	bool			inside;
	unsigned int		ref;
	atomic_t		pending;
	spinlock_t		lock;		/* see above */
	unsigned int		running;
	struct list_head	waiting;
	atomic_t		flushing;
};

static DEFINE_HASHTABLE(sockauth_users, 6);
static DEFINE_SPINLOCK(sockauth_users_lock);

static struct sockauth_user *sockauth_user_find(kuid_t uid, bool inside)
{
	struct sockauth_user *user;

	lockdep_assert_held(&sockauth_users_lock);
	hash_for_each_possible(sockauth_users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid) && user->inside == inside)
			return user;
	return NULL;
}

/**
 * sockauth_user_get() - the user of the calling process
 *
 * Context: process; sleeps.
 * Return: him, with a reference for the caller, or NULL: no memory.
 */
struct sockauth_user *sockauth_user_get(void)
{
	struct user_namespace *ns = current_user_ns();
	bool inside = ns != &init_user_ns;
	struct sockauth_user *user, *new;
	unsigned long flags;
	kuid_t uid = current_euid();

	while (ns != &init_user_ns) {
		uid = ns->owner;
		ns = ns->parent;
	}
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return NULL;
	new->uid = uid;
	new->inside = inside;
	spin_lock_init(&new->lock);
	INIT_LIST_HEAD(&new->waiting);

	spin_lock_irqsave(&sockauth_users_lock, flags);
	user = sockauth_user_find(uid, inside);
	if (!user) {
		swap(user, new);
		hash_add(sockauth_users, &user->node, __kuid_val(uid));
		sockauth_object_born(SOCKAUTH_OBJECT_USER);
	}
	user->ref++;
	spin_unlock_irqrestore(&sockauth_users_lock, flags);
	kfree(new);
	return user;
}

/**
 * sockauth_user_put() - drop a reference
 * @user: not to be used by the caller any more
 *
 * Context: any.
 */
void sockauth_user_put(struct sockauth_user *user)
{
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&sockauth_users_lock, flags);
	last = !--user->ref;
	if (last)
		hash_del(&user->node);
	spin_unlock_irqrestore(&sockauth_users_lock, flags);
	if (!last)
		return;
	WARN_ON_ONCE(user->running || atomic_read(&user->pending));
	sockauth_object_gone(SOCKAUTH_OBJECT_USER);
	kfree(user);
}

/**
 * sockauth_user_begin() - one more connection is being authenticated
 * @user: who has the socket
 * @max: how many the namespace allows
 *
 * One user can have half of them; root is not kept from the rest.
 *
 * Return: 0, or -EAGAIN: too many are his.
 */
int sockauth_user_begin(struct sockauth_user *user, u32 max)
{
	bool root = uid_eq(user->uid, GLOBAL_ROOT_UID) && !user->inside;

	if (atomic_inc_return(&user->pending) <= (int)max_t(u32, max / 2, 1) ||
	    root)
		return 0;
	atomic_dec(&user->pending);
	return -EAGAIN;
}

/**
 * sockauth_user_end() - it is open, or has ended
 * @user: whom sockauth_user_begin() was called for
 */
void sockauth_user_end(struct sockauth_user *user)
{
	atomic_dec(&user->pending);
}

/**
 * sockauth_user_flush() - may hold.c wait for one more socket of his
 * @user: the user
 *
 * Return: false: not now.  Else sockauth_user_flushed() is to be called.
 */
bool sockauth_user_flush(struct sockauth_user *user)
{
	if (atomic_inc_return(&user->flushing) <= SOCKAUTH_USER_SLOTS)
		return true;
	atomic_dec(&user->flushing);
	return false;
}

/**
 * sockauth_user_flushed() - undo sockauth_user_flush()
 * @user: the user
 */
void sockauth_user_flushed(struct sockauth_user *user)
{
	atomic_dec(&user->flushing);
}

static bool sockauth_user_take_slot(struct sockauth_user *user,
				    struct sockauth_conn *conn)
{
	lockdep_assert_held(&user->lock);
	if (conn->slot)
		return true;
	if (user->running >= SOCKAUTH_USER_SLOTS)
		return false;
	user->running++;
	WRITE_ONCE(conn->slot, true);
	return true;
}

/**
 * sockauth_user_reserve() - a slot for a connection that will be kicked at once
 * @conn: the connection
 *
 * Context: any; sockauth_net.lock may be held.
 * Return: false: it would have to wait.
 */
bool sockauth_user_reserve(struct sockauth_conn *conn)
{
	struct sockauth_user *user = conn->req->user;
	unsigned long flags;
	bool reserved;

	if (!sockauth_conn_is_app(conn))
		return true;
	spin_lock_irqsave(&user->lock, flags);
	reserved = sockauth_user_take_slot(user, conn);
	spin_unlock_irqrestore(&user->lock, flags);
	return reserved;
}

/**
 * sockauth_user_queue() - queue the work of a connection, when there is a slot
 * @conn: the connection, whose socket an application has; with a reference for
 *	the work
 *
 * Context: any, also softirq and under spinlocks.
 * Return: false: it is queued already, or has ended and would have to wait; the
 *	reference is still the caller's.
 */
bool sockauth_user_queue(struct sockauth_conn *conn)
{
	struct sockauth_user *user = conn->req->user;
	bool queued = true;
	unsigned long flags;

	spin_lock_irqsave(&user->lock, flags);
	if (sockauth_user_take_slot(user, conn))
		queued = queue_work(sockauth_app_wq, &conn->work);
	else if (list_empty(&conn->ulink) &&
		 READ_ONCE(conn->state) != SOCKAUTH_STATE_ENDED)
		list_add_tail(&conn->ulink, &user->waiting);
	else
		queued = false;
	spin_unlock_irqrestore(&user->lock, flags);
	return queued;
}

/**
 * sockauth_user_forget() - a connection has ended: it waits for nothing
 * @conn: the connection; the caller has a reference
 *
 * His other ones can keep all slots for as long as he likes, and whoever waits
 * has a reference.
 */
void sockauth_user_forget(struct sockauth_conn *conn)
{
	struct sockauth_user *user = conn->req->user;
	unsigned long flags;
	bool waited;

	spin_lock_irqsave(&user->lock, flags);
	waited = !list_empty(&conn->ulink);
	list_del_init(&conn->ulink);
	spin_unlock_irqrestore(&user->lock, flags);
	if (waited)
		sockauth_conn_put(conn);
}

/**
 * sockauth_user_next() - the work of a connection is done; whose turn is it
 * @conn: the connection; the caller has a reference
 *
 * Kicked meanwhile, it keeps its slot.
 */
void sockauth_user_next(struct sockauth_conn *conn)
{
	struct sockauth_user *user = conn->req->user;
	struct sockauth_conn *next, *put = NULL;
	unsigned long flags;

	/* If somebody gives it one now, its work will run again. */
	if (!READ_ONCE(conn->slot))
		return;

	spin_lock_irqsave(&user->lock, flags);
	if (conn->slot && !work_pending(&conn->work)) {
		WRITE_ONCE(conn->slot, false);
		user->running--;
		next = list_first_entry_or_null(&user->waiting,
						struct sockauth_conn, ulink);
		if (next) {
			list_del_init(&next->ulink);
			sockauth_user_take_slot(user, next);
			if (!queue_work(sockauth_app_wq, &next->work))
				put = next;
		}
	}
	spin_unlock_irqrestore(&user->lock, flags);
	/* As a child it was queued already. */
	if (put)
		sockauth_conn_put(put);
}
