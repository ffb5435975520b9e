// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - timer: how long an authentication may take, and then its result last
 *
 * Owns the timer of a connection, which has a reference of its own while it is
 * armed.  It only sets a bit and queues the connection's work.
 */
#include <linux/ktime.h>

#include "conn.h"
#include "sockauth.h"

static void sockauth_timer_expired(struct timer_list *timer)
{
	struct sockauth_conn *conn = timer_container_of(conn, timer, timer);

	set_bit(SOCKAUTH_EV_TIMER, &conn->events);
	sockauth_conn_kick(conn);
	sockauth_conn_put(conn);
}

/**
 * sockauth_timer_setup() - a timer that is not armed
 * @conn: a new connection
 */
void sockauth_timer_setup(struct sockauth_conn *conn)
{
	timer_setup(&conn->timer, sockauth_timer_expired, 0);
}

/**
 * sockauth_timer_arm() - have the timer go off
 * @conn: the connection; the caller has a reference
 * @when: in jiffies
 */
void sockauth_timer_arm(struct sockauth_conn *conn, unsigned long when)
{
	refcount_inc(&conn->ref);
	if (mod_timer(&conn->timer, when))
		sockauth_conn_put(conn);
}

/**
 * sockauth_timer_disarm() - stop the timer
 * @conn: the connection
 */
void sockauth_timer_disarm(struct sockauth_conn *conn)
{
	if (timer_delete(&conn->timer))
		sockauth_conn_put(conn);
}

/**
 * sockauth_timer_check_expiry() - end the connection if its lifetime is over
 * @conn: an authenticated connection, locked by the caller
 *
 * Else the timer is armed: for an hour at most, since the clock that the expiry
 * is measured by can be set.
 *
 * Context: process; sleeps.
 */
void sockauth_timer_check_expiry(struct sockauth_conn *conn)
{
	struct timespec64 now;
	s64 left;

	lockdep_assert_held(&conn->lock);
	if (!(conn->peer->flags & SOCKAUTH_SEC_EXPIRES) || !conn->peer->expiry)
		return;
	ktime_get_real_ts64(&now);
	left = conn->peer->expiry - now.tv_sec;
	if (left <= 0)
		sockauth_conn_end(conn, SOCKAUTH_REASON_EXPIRED, EKEYEXPIRED,
				  "the lifetime of the peer's credentials is over");
	else
		sockauth_timer_arm(conn, jiffies + HZ * min_t(s64, left, 3600) -
				  now.tv_nsec / (NSEC_PER_SEC / HZ));
}
