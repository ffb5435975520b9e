// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - credit: who may ask a worker, and who waits for that
 *
 * Owns the lists of struct sockauth_worker, what it counts, and of every exchange
 * the fields worker, wlink, queued, granted, asked and context; all that under
 * sockauth_net.lock (a spinlock, process context only).
 *
 * A worker bound with a window; an event takes one unit of it, its reply gives
 * that back.  What finds no credit waits: with its worker if that keeps a
 * context for it, else in the namespace of the workers, for any.  A connection
 * is on one list at a time:
 *
 *   snet->waiting[]	needs credit, of whomever
 *   worker->waiting[]	has a context there, needs credit of it
 *   worker->busy	was granted credit, is being asked, or has a context
 *   worker->closing	its exchange alone: the connection is gone, and the
 *			context is to be closed
 *
 * While a connection is on a list, the table of ids has a reference on it.  A
 * worker that does not answer holds credit, and nothing else: what it owes to a
 * connection that has ended is counted with the notices.
 *
 * Guests, connections of other namespaces, wait on lists of their own and go
 * last, and they get no more than half of a window: a flood of them is nothing
 * that a connection of the workers' own namespace would wait for.  The lock is
 * always that of the workers' namespace, sockauth_conn_host().
 */
#include "conn.h"
#include "sockauth.h"
#include "worker.h"

static void sockauth_credit_grant(struct sockauth_worker *worker,
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

/*
 * It cannot use credit now, for all that its user may keep waiting does wait.  It
 * will ask again when it is looked at.
 */
static void sockauth_credit_defer(struct sockauth_worker *worker,
				  struct sockauth_exchange *ex)
{
	lockdep_assert_held(&worker->snet->lock);
	ex->queued = false;
	if (ex->context)
		list_move_tail(&ex->wlink, &worker->busy);
	else
		list_del_init(&ex->wlink);
}

/* Take the exchange off its list; the caller drops what is returned. */
static struct sockauth_worker *
sockauth_credit_unlink(struct sockauth_exchange *ex)
{
	struct sockauth_worker *worker = ex->worker;

	lockdep_assert_held(&sockauth_conn_host(ex->conn)->lock);
	if (ex->context)
		worker->contexts--;
	ex->context = false;
	ex->queued = false;
	ex->worker = NULL;
	list_del_init(&ex->wlink);
	return worker;
}

/*
 * Contexts that are over outlive their connections, and are remembered as long as
 * their workers have no room.  Where there are too many of them, nothing begins
 * that would leave another one behind.
 */
static bool sockauth_credit_may_begin(const struct sockauth_net *snet)
{
	lockdep_assert_held(&snet->lock);
	return snet->closing < min(4 * READ_ONCE(snet->limits.pending_net),
				   SOCKAUTH_CLOSING_NET_MAX);
}

static void sockauth_credit_remember(struct sockauth_worker *worker,
				     struct sockauth_exchange *ex)
{
	lockdep_assert_held(&worker->snet->lock);
	list_move_tail(&ex->wlink, &worker->closing);
	worker->nclosing++;
	worker->snet->closing++;
}

/* Who gets the next credit: those that have begun go first; guests last. */
static struct sockauth_exchange *
sockauth_credit_next(struct sockauth_worker *worker)
{
	struct sockauth_exchange *ex = NULL;
	int guest;

	lockdep_assert_held(&worker->snet->lock);
	for (guest = false; !ex && guest <= true; guest++) {
		if (!sockauth_worker_has_room(worker, guest))
			break;
		ex = list_first_entry_or_null(&worker->waiting[guest],
					      struct sockauth_exchange, wlink) ?:
		     list_first_entry_or_null(&worker->snet->waiting[guest],
					      struct sockauth_exchange, wlink);
	}
	return ex;
}

/*
 * Take contexts that are over off the list, and credit for telling the worker:
 * when nobody else wants it, or when there are enough to fill an event.  Their
 * memory in the daemon is not to grow because others are waiting.
 */
static void sockauth_credit_batch(struct sockauth_worker *worker,
				  struct list_head *batch)
{
	u32 i;

	lockdep_assert_held(&worker->snet->lock);
	worker->outstanding++;
	worker->notices++;
	for (i = 0; i < SOCKAUTH_CLOSE_BATCH && worker->nclosing; i++) {
		list_move_tail(worker->closing.next, batch);
		worker->nclosing--;
		worker->snet->closing--;
	}
}

/* It could not be sent; unless a worker that guesses has answered it already. */
static void sockauth_credit_undo_notice(struct sockauth_worker *worker)
{
	lockdep_assert_held(&worker->snet->lock);
	if (!worker->notices)
		return;
	worker->outstanding--;
	worker->notices--;
}

/*
 * Send a batch.  False: it could not be sent, and waits for another occasion.  A
 * worker that has no room for it has made its buffer smaller than its window was
 * cut to: what is too much to remember for it, it keeps at its own cost.
 */
static bool sockauth_credit_close(struct sockauth_worker *worker,
				  struct list_head *batch)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex, *tmp;
	int err = sockauth_event_close(worker, batch);

	if (err) {
		spin_lock(&snet->lock);
		sockauth_credit_undo_notice(worker);
		list_for_each_entry_safe(ex, tmp, batch, wlink) {
			if (worker->dead)
				break;
			if (err == -EAGAIN &&
			    worker->nclosing >= SOCKAUTH_CLOSING_MAX)
				break;
			sockauth_credit_remember(worker, ex);
		}
		spin_unlock(&snet->lock);
	}
	list_for_each_entry_safe(ex, tmp, batch, wlink) {
		list_del_init(&ex->wlink);
		sockauth_exchange_free(ex);
	}
	return !err;
}

/**
 * sockauth_credit_pump() - hand free credit to who waits for it
 * @worker: the worker; the caller has a reference
 */
void sockauth_credit_pump(struct sockauth_worker *worker)
{
	struct sockauth_net *snet = worker->snet;
	struct sockauth_exchange *ex;
	bool close = true;
	LIST_HEAD(batch);

	do {
		spin_lock(&snet->lock);
		while (!worker->dead && sockauth_worker_has_room(worker, false)) {
			ex = sockauth_credit_next(worker);
			if (close && worker->nclosing >=
			    (ex ? SOCKAUTH_CLOSE_BATCH : 1)) {
				sockauth_credit_batch(worker, &batch);
				break;
			}
			if (!ex)
				break;
			if (sockauth_user_reserve(ex->conn))
				sockauth_credit_grant(worker, ex);
			else
				sockauth_credit_defer(worker, ex);
			sockauth_conn_kick(ex->conn);
		}
		spin_unlock(&snet->lock);
		/* Credit that a failure gave back is for those who wait. */
		if (list_empty(&batch))
			return;
		close = sockauth_credit_close(worker, &batch);
	} while (true);
}

/**
 * sockauth_credit_acquire() - may the next event of this connection be sent
 * @conn: the connection, locked by the caller
 *
 * Return: 0: yes, to conn->ex->worker; -EAGAIN: it waits for credit and will be
 *	kicked; -ENOBUFS: the workers do not hear what is over.
 */
int sockauth_credit_acquire(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_worker *worker;
	bool guest = conn->guest;
	int err = 0;

	lockdep_assert_held(&conn->lock);
	spin_lock(&snet->lock);
	if (ex->granted)
		goto out;
	err = -EAGAIN;
	if (ex->context) {
		worker = ex->worker;
		if (sockauth_worker_has_room(worker, guest) && !worker->dead &&
		    list_empty(&worker->waiting[guest])) {
			sockauth_credit_grant(worker, ex);
			err = 0;
		} else if (!worker->dead && !ex->queued) {
			/* Once: more bytes of the peer do not change its turn. */
			ex->queued = true;
			list_move_tail(&ex->wlink, &worker->waiting[guest]);
		}
		/* Of a dead worker we are about to hear. */
		goto out;
	}
	if (!list_empty(&ex->wlink))
		goto out;
	if (!sockauth_credit_may_begin(snet)) {
		err = -ENOBUFS;
		goto out;
	}
	worker = list_empty(&snet->waiting[guest]) ?
		 sockauth_worker_pick(snet, guest) : NULL;
	if (worker) {
		sockauth_credit_grant(worker, ex);
		err = 0;
	} else {
		list_add_tail(&ex->wlink, &snet->waiting[guest]);
	}
out:
	spin_unlock(&snet->lock);
	return err;
}

/**
 * sockauth_credit_return() - the granted credit cannot be used now
 * @conn: the connection, locked by the caller; it has to acquire it again
 */
void sockauth_credit_return(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_worker *worker;

	lockdep_assert_held(&conn->lock);
	spin_lock(&snet->lock);
	worker = ex->worker;
	refcount_inc(&worker->ref);
	ex->granted = false;
	worker->outstanding--;
	/* Of a dead worker we are about to hear, and then it is unlinked. */
	if (!ex->context && !worker->dead)
		sockauth_worker_put(sockauth_credit_unlink(ex));
	spin_unlock(&snet->lock);

	sockauth_credit_pump(worker);
	sockauth_worker_put(worker);
}

/**
 * sockauth_credit_sent() - the granted credit is being used for an event
 * @conn: the connection, locked by the caller
 *
 * From here on a reply can come, and let go of the worker.
 *
 * Return: the worker, with a reference for the caller.
 */
struct sockauth_worker *sockauth_credit_sent(struct sockauth_conn *conn)
{
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_worker *worker;

	spin_lock(&snet->lock);
	worker = conn->ex->worker;
	refcount_inc(&worker->ref);
	conn->ex->granted = false;
	conn->ex->asked = true;
	spin_unlock(&snet->lock);
	return worker;
}

/**
 * sockauth_credit_unsent() - the event could not be sent: no reply will come
 * @conn: the connection, locked by the caller, about to be ended
 *
 * Unless one has come: a worker can guess what it is about to be asked.
 */
void sockauth_credit_unsent(struct sockauth_conn *conn)
{
	struct sockauth_net *snet = sockauth_conn_host(conn);

	spin_lock(&snet->lock);
	conn->ex->granted = conn->ex->asked;
	conn->ex->asked = false;
	spin_unlock(&snet->lock);
}

/* Only whom we asked learns more than that it was not asked. */
static int sockauth_credit_owed(const struct sockauth_exchange *ex,
				const struct sock *nlsk, u32 leg)
{
	lockdep_assert_held(&sockauth_conn_host(ex->conn)->lock);
	if (!ex->asked || ex->worker->nlsk != nlsk || ex->worker->dead)
		return -ENOENT;
	return leg == ex->conn->leg ? 0 : -ESTALE;
}

/**
 * sockauth_credit_check() - does this worker owe this reply
 * @ex: of a connection that is not locked: under rcu_read_lock()
 * @nlsk: who says so
 * @leg: which event is answered
 *
 * Until somebody answers, the leg and what was offered with it stay as they are.
 *
 * Return: 0; -ENOENT: it was not asked; -ESTALE: not this.
 */
int sockauth_credit_check(const struct sockauth_exchange *ex,
			  const struct sock *nlsk, u32 leg)
{
	struct sockauth_net *snet = sockauth_conn_host(ex->conn);
	int err;

	spin_lock(&snet->lock);
	err = sockauth_credit_owed(ex, nlsk, leg);
	spin_unlock(&snet->lock);
	return err;
}

/**
 * sockauth_credit_answered() - a reply has come
 * @conn: the connection; need not be locked, the caller has a reference
 * @nlsk: who says so
 * @leg: which event is answered
 * @context: the worker keeps a context for the next leg, if there is one
 *
 * The credit goes to whoever waits for it.  Of several callers only one is told
 * that it was asked.
 *
 * Return: as sockauth_credit_check().
 */
int sockauth_credit_answered(struct sockauth_conn *conn,
			     const struct sock *nlsk, u32 leg, bool context)
{
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_exchange *ex;
	struct sockauth_worker *worker;
	int err;

	rcu_read_lock();
	spin_lock(&snet->lock);
	ex = READ_ONCE(conn->ex);
	err = ex ? sockauth_credit_owed(ex, nlsk, leg) : -ENOENT;
	if (err) {
		spin_unlock(&snet->lock);
		rcu_read_unlock();
		return err;
	}
	worker = ex->worker;
	ex->asked = false;
	worker->outstanding--;
	worker->answered++;
	refcount_inc(&worker->ref);
	if (!context) {
		sockauth_worker_put(sockauth_credit_unlink(ex));
	} else if (!ex->context) {
		ex->context = true;
		worker->contexts++;
	}
	spin_unlock(&snet->lock);
	rcu_read_unlock();

	sockauth_credit_pump(worker);
	sockauth_worker_put(worker);
	return 0;
}

/**
 * sockauth_credit_notice() - credit for an event that no connection waits for
 * @conn: whose event it is
 *
 * Return: the worker to send it to, with a reference; NULL: none has credit,
 *	and the event is not worth waiting for.
 */
struct sockauth_worker *sockauth_credit_notice(struct sockauth_conn *conn)
{
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_worker *worker;

	spin_lock(&snet->lock);
	worker = sockauth_worker_pick(snet, conn->guest);
	if (worker) {
		worker->outstanding++;
		worker->notices++;
		refcount_inc(&worker->ref);
	}
	spin_unlock(&snet->lock);
	return worker;
}

/**
 * sockauth_credit_unnotice() - the event could not be sent
 * @worker: from sockauth_credit_notice(); the reference stays the caller's
 */
void sockauth_credit_unnotice(struct sockauth_worker *worker)
{
	spin_lock(&worker->snet->lock);
	sockauth_credit_undo_notice(worker);
	spin_unlock(&worker->snet->lock);
	sockauth_credit_pump(worker);
}

/**
 * sockauth_credit_noticed() - an event that no connection waits for is answered
 * @snet: the namespace
 * @nlsk: who says so
 *
 * That is CLOSE and RECORD, and a STEP whose connection has ended meanwhile.
 *
 * Return: 0; -ENOENT: not a worker; -ESTALE: nothing was to be answered.
 */
int sockauth_credit_noticed(struct sockauth_net *snet, const struct sock *nlsk)
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
		sockauth_credit_pump(worker);
		sockauth_worker_put(worker);
	}
	return err;
}

/**
 * sockauth_credit_abandon() - the connection is ending
 * @conn: the connection, locked by the caller
 *
 * Its id is forgotten, it waits for nobody, and credit that was not used goes
 * back: before its socket is let go of, which an application can delay.
 *
 * Return: a worker that is to close its context, by sockauth_credit_forget(),
 *	with a reference for the caller; NULL: there is none, or it is told by the
 *	refusal of the reply that it owes.
 */
struct sockauth_worker *sockauth_credit_abandon(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = sockauth_conn_host(conn);
	struct sockauth_worker *worker;
	bool close;

	lockdep_assert_held(&conn->lock);
	sockauth_table_remove(conn);
	if (!ex)
		return NULL;
	spin_lock(&snet->lock);
	close = ex->context && !ex->asked && !ex->worker->dead;
	if (ex->granted)
		ex->worker->outstanding--;
	if (ex->asked)
		ex->worker->notices++;
	ex->granted = false;
	ex->asked = false;
	worker = sockauth_credit_unlink(ex);
	spin_unlock(&snet->lock);

	if (!worker)
		return NULL;
	sockauth_credit_pump(worker);
	if (close)
		return worker;
	sockauth_worker_put(worker);
	return NULL;
}

/**
 * sockauth_credit_forget() - have a worker close the context of an ended connection
 * @conn: the connection, locked by the caller; loses its exchange, unless the
 *	worker has died
 * @worker: from sockauth_credit_abandon(); the reference is dropped
 */
void sockauth_credit_forget(struct sockauth_conn *conn,
			    struct sockauth_worker *worker)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = worker->snet;

	lockdep_assert_held(&conn->lock);
	spin_lock(&snet->lock);
	if (!worker->dead) {
		WRITE_ONCE(conn->ex, NULL);
		ex->id = conn->id;
		sockauth_credit_remember(worker, ex);
	}
	spin_unlock(&snet->lock);
	sockauth_credit_pump(worker);
	sockauth_worker_put(worker);
}

/**
 * sockauth_credit_lost() - the connection's worker has died
 * @conn: the connection, locked by the caller
 *
 * Return: true if the worker kept a context for it.
 */
bool sockauth_credit_lost(struct sockauth_conn *conn)
{
	struct sockauth_exchange *ex = conn->ex;
	struct sockauth_net *snet = sockauth_conn_host(conn);
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
		worker = sockauth_credit_unlink(ex);
	}
	spin_unlock(&snet->lock);
	sockauth_worker_put(worker);
	return context;
}
