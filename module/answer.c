// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - answer: from the worker that was asked to the connection
 *
 * Owns sockauth_conn.answer, where a worker leaves its reply for the connection's
 * own work.  Whether a reply is owed is credit.c's to say, under
 * sockauth_net.lock; what it does to the connection is exchange.c's, under
 * conn->lock.
 */
#include <linux/slab.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/* Is this the answer that is owed, and can it be?  Nothing changes by that. */
static int sockauth_answer_check(struct sockauth_conn *conn,
				 const struct sock *nlsk, u32 leg,
				 const struct sockauth_reply *reply)
{
	bool more = reply->status == SOCKAUTH_STEP_CONTINUE;
	struct sockauth_exchange *ex;
	int err = -ENOENT;

	rcu_read_lock();
	ex = READ_ONCE(conn->ex);
	if (ex)
		err = sockauth_credit_check(ex, nlsk, leg);
	if (!err && (reply->consumed > ex->offered ||
		     (more && ex->offered && !reply->consumed)))
		err = -EINVAL;
	rcu_read_unlock();
	return err;
}

/*
 * Leave the answer to the connection's own work; NULL: it is lost, for want of
 * memory.
 */
static int sockauth_answer_post(struct sockauth_conn *conn,
				struct sockauth_reply *answer)
{
	if (answer)
		/* Pairs with the xchg() in sockauth_answer_take(). */
		smp_store_release(&conn->answer, answer);
	else
		set_bit(SOCKAUTH_EV_REPLY_LOST, &conn->events);
	sockauth_conn_kick(conn);
	return answer ? 0 : -ENOMEM;
}

/**
 * sockauth_answer_give_up() - a reply has come that cannot be kept
 * @conn: the connection; the caller has a reference
 * @nlsk: netlink socket of whoever sent it
 * @leg: which event is answered
 *
 * Context: process; sleeps.
 * Return: 0: the connection will end; -ENOENT, -ESTALE as
 *	sockauth_answer_put().
 */
int sockauth_answer_give_up(struct sockauth_conn *conn,
			    const struct sock *nlsk, u32 leg)
{
	int err = sockauth_credit_answered(conn, nlsk, leg, false);

	if (!err)
		sockauth_answer_post(conn, NULL);
	return err;
}

/*
 * Whoever has the socket can keep it locked for as long as it likes, with an
 * argument that is read under the lock from a page that does not come, and our
 * own work with it, under conn->lock.  So no worker, which others wait for, goes
 * near either: it leaves its reply.
 */
static int sockauth_answer_app(struct sockauth_conn *conn,
			       const struct sock *nlsk, u32 leg,
			       struct sockauth_reply *reply)
{
	bool more = reply->status == SOCKAUTH_STEP_CONTINUE;
	struct sockauth_reply *copy = sockauth_relay_postpone(reply);
	int err;

	err = sockauth_credit_answered(conn, nlsk, leg, copy && more);
	if (err) {
		sockauth_reply_free(copy);
		return err;
	}
	return sockauth_answer_post(conn, copy);
}

/*
 * A socket that nobody has: at once, which spares a switch to our own work.  Only
 * who has the claim may lock the connection: of two that send the same answer
 * one could otherwise find it in an application's hands.
 */
static int sockauth_answer_child(struct sockauth_conn *conn,
				 const struct sock *nlsk, u32 leg,
				 struct sockauth_reply *reply)
{
	bool more = reply->status == SOCKAUTH_STEP_CONTINUE;
	int err = sockauth_credit_answered(conn, nlsk, leg, more);

	if (err)
		return err;
	mutex_lock(&conn->lock);
	/* It may have ended since. */
	if (conn->state == SOCKAUTH_STATE_ASKED)
		sockauth_exchange_progress(conn, reply);
	sockauth_exchange_unlock(conn);
	return 0;
}

/**
 * sockauth_answer_put() - a worker's reply to the last event
 * @conn: the connection; the caller has a reference
 * @nlsk: netlink socket of whoever says so
 * @leg: which event is answered
 * @reply: the reply; stays the caller's, but its peer may be taken
 *
 * Return: 0; -ENOENT: nobody asked this worker, or the connection has ended;
 *	-ESTALE: another leg; -EINVAL: the reply consumes more than was offered,
 *	or nothing; with these nothing has changed.  -ENOMEM: it could not be
 *	kept, and the connection ends.
 * Context: process; sleeps, but never for an application.
 */
int sockauth_answer_put(struct sockauth_conn *conn, const struct sock *nlsk,
			u32 leg, struct sockauth_reply *reply)
{
	int err = sockauth_answer_check(conn, nlsk, leg, reply);

	if (err)
		return err;
	return conn->listener ?
	       sockauth_answer_child(conn, nlsk, leg, reply) :
	       sockauth_answer_app(conn, nlsk, leg, reply);
}

/**
 * sockauth_answer_take() - what a worker has left, if it has
 * @conn: the connection, locked by the caller; goes on with it, or ends
 *
 * Context: process; sleeps.
 */
void sockauth_answer_take(struct sockauth_conn *conn)
{
	struct sockauth_reply *answer;

	if (test_and_clear_bit(SOCKAUTH_EV_REPLY_LOST, &conn->events))
		sockauth_conn_end(conn, SOCKAUTH_REASON_INTERNAL, ENOMEM,
				  "no memory for the daemon's reply");
	answer = xchg(&conn->answer, NULL);
	if (!answer)
		return;
	if (conn->state == SOCKAUTH_STATE_ENDED) {
		sockauth_reply_free(answer);
		return;
	}
	conn->ex->reply = answer;
	sockauth_conn_set_state(conn, SOCKAUTH_STATE_SENDING);
}
