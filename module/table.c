// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - table: connections by their ids, in each namespace
 *
 * Owns sockauth_net.conns, an xarray with a lock of its own.  A connection is in
 * the table of its namespace, which has a reference on it, and a guest in that
 * of its host as well, without another one: it leaves both at its end.  Lookups
 * are under RCU and take a reference if there still is one.
 */
#include "conn.h"
#include "sockauth.h"

/**
 * sockauth_table_find() - the connection of an id
 * @snet: namespace to look in
 * @id: as given to a worker or shown to an administrator
 *
 * Return: the connection with a reference for the caller, or NULL.
 */
struct sockauth_conn *sockauth_table_find(struct sockauth_net *snet, u64 id)
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
 * sockauth_table_set_event() - set a bit of a connection, if it is still there
 * @snet: namespace to look in
 * @id: of the connection
 * @event: SOCKAUTH_EV_*, for its work to find when that is next kicked
 *
 * Context: any, also with interrupts off: no reference is taken or dropped.
 */
void sockauth_table_set_event(struct sockauth_net *snet, u64 id, int event)
{
	struct sockauth_conn *conn;

	rcu_read_lock();
	conn = xa_load(&snet->conns, id);
	if (conn)
		set_bit(event, &conn->events);
	rcu_read_unlock();
}

/**
 * sockauth_table_next() - walk over the connections in the order of their ids
 * @snet: namespace to look in
 * @id: where to begin; becomes the id of what is returned
 *
 * Return: the connection with a reference for the caller, or NULL.
 */
struct sockauth_conn *sockauth_table_next(struct sockauth_net *snet,
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
 * sockauth_table_add() - have a connection found by its id
 * @conn: the connection; the table takes a reference
 *
 * Context: process; sleeps.
 * Return: 0 or -ENOMEM.
 */
int sockauth_table_add(struct sockauth_conn *conn)
{
	struct xarray *host = &sockauth_conn_host(conn)->conns;
	int err = 0;

	if (conn->guest)
		err = xa_reserve(host, conn->id, GFP_KERNEL);
	if (err)
		return err;
	refcount_inc(&conn->ref);
	err = xa_insert(&conn->snet->conns, conn->id, conn, GFP_KERNEL);
	if (err) {
		refcount_dec(&conn->ref);
		if (conn->guest)
			xa_release(host, conn->id);
		return err;
	}
	/* It cannot fail where a place is reserved. */
	if (conn->guest)
		xa_store(host, conn->id, conn, GFP_KERNEL);
	return 0;
}

/**
 * sockauth_table_remove() - take an ended connection out of the tables of ids
 * @conn: the connection; the caller has a reference
 *
 * Nothing happens if it is not there any more.
 */
void sockauth_table_remove(struct sockauth_conn *conn)
{
	if (conn->guest)
		xa_erase(&sockauth_conn_host(conn)->conns, conn->id);
	if (xa_erase(&conn->snet->conns, conn->id))
		sockauth_conn_put(conn);
}
