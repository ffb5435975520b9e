/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockauth - workers and the netlink family, in sections by file; see sockauth.h
 * for the locks
 *
 * Objects and who owns them:
 *
 *   sockauth_worker    a bound netlink port; referenced by the namespace's
 *                      list and by the connections that it was asked about.
 */
#ifndef _SOCKAUTH_WORKER_H
#define _SOCKAUTH_WORKER_H

#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "../uapi/linux/sockauth.h"
#include "sockauth.h"

struct sockauth_exchange;
struct sockauth_reply;
struct sockauth_token;

/* ---- worker.c: bound netlink ports: choice, birth and death ---- */

/**
 * struct sockauth_worker - a bound netlink port
 * @ref: one for the list, one for each connection whose worker it is
 * @snet: its namespace
 * @nlsk: its netlink socket, referenced: who it is
 * @userns: of the process that bound, to translate user ids
 * @portid: the socket's port, for people
 * @born: jiffies
 * @link: on sockauth_net.workers
 *
 * All below is protected by sockauth_net.lock:
 *
 * @window: events that may be unanswered
 * @outstanding: events that are
 * @notices: of these, those that no connection waits for: CLOSE, RECORD, and
 *	STEP events of connections that have ended
 * @contexts: connections whose context it keeps
 * @answered: events answered so far
 * @dead: its port is gone
 * @nclosing: length of @closing
 * @waiting: connections with a context here that need credit, oldest first;
 *	guests apart
 * @busy: connections that it was asked about or keeps a context of
 * @closing: exchanges of connections that are over, to be told in the next
 *	CLOSE; owned by the list
 */
struct sockauth_worker {
	refcount_t		ref;
	struct sockauth_net	*snet;
	struct sock		*nlsk;
	struct user_namespace	*userns;
	u32			portid;
	unsigned long		born;
	struct list_head	link;
	u32			window;
	u32			outstanding;
	u32			notices;
	u32			contexts;
	u64			answered;
	u32			nclosing;
	bool			dead;
	struct list_head	waiting[2];
	struct list_head	busy;
	struct list_head	closing;
};

void sockauth_worker_put(struct sockauth_worker *worker);
struct sockauth_worker *sockauth_worker_lookup(struct sockauth_net *snet,
					       const struct sock *nlsk);
bool sockauth_worker_has_room(const struct sockauth_worker *worker, bool guest);
struct sockauth_worker *sockauth_worker_pick(struct sockauth_net *snet,
					     bool guest);
bool sockauth_worker_exists(struct sockauth_net *snet);
bool sockauth_worker_bound(struct sockauth_net *snet, const struct sock *nlsk);
void sockauth_worker_set_profiles(struct sockauth_net *snet, char *profiles);
bool sockauth_worker_serves(struct sockauth_net *snet, const char *profile);
int sockauth_worker_bind(struct sockauth_net *snet, struct sock *nlsk,
			 u32 portid, u32 window, bool add);
int sockauth_worker_init(void);
void sockauth_worker_exit(void);

/* ---- credit.c: who may ask a worker, and who waits for that ---- */

/* Contexts that one CLOSE event can name. */
#define SOCKAUTH_CLOSE_BATCH	64

/*
 * Contexts that are remembered for a worker whose receive buffer has no room for
 * CLOSE: they outlive their connections, so that no other limit counts them.
 */
#define SOCKAUTH_CLOSING_MAX	1024

/* And for all workers of a namespace, whatever they do not answer. */
#define SOCKAUTH_CLOSING_NET_MAX	65536u

void sockauth_credit_pump(struct sockauth_worker *worker);
int sockauth_credit_acquire(struct sockauth_conn *conn);
void sockauth_credit_return(struct sockauth_conn *conn);
struct sockauth_worker *sockauth_credit_sent(struct sockauth_conn *conn);
void sockauth_credit_unsent(struct sockauth_conn *conn);
int sockauth_credit_check(const struct sockauth_exchange *ex,
			  const struct sock *nlsk, u32 leg);
int sockauth_credit_answered(struct sockauth_conn *conn,
			     const struct sock *nlsk, u32 leg, bool context);
struct sockauth_worker *sockauth_credit_notice(struct sockauth_conn *conn);
void sockauth_credit_unnotice(struct sockauth_worker *worker);
int sockauth_credit_noticed(struct sockauth_net *snet,
			    const struct sock *nlsk);
struct sockauth_worker *sockauth_credit_abandon(struct sockauth_conn *conn);
void sockauth_credit_forget(struct sockauth_conn *conn,
			    struct sockauth_worker *worker);
bool sockauth_credit_lost(struct sockauth_conn *conn);

/* ---- netlink.c: the family ---- */

extern struct genl_family sockauth_family;
extern const struct nla_policy sockauth_key_policy[SOCKAUTH_A_MAX + 1];
extern const struct nla_policy sockauth_profile_policy[SOCKAUTH_A_MAX + 1];

int sockauth_netlink_init(void);
void sockauth_netlink_exit(void);

/* ---- reply.c: what workers say ---- */

int sockauth_reply_bind(struct sk_buff *skb, struct genl_info *info);
int sockauth_reply_step(struct sk_buff *skb, struct genl_info *info);
int sockauth_reply_notice(struct sk_buff *skb, struct genl_info *info);
void sockauth_reply_free(struct sockauth_reply *reply);

/* ---- event.c: what workers and monitors are told ---- */

int sockauth_event_send(struct sockauth_worker *worker, struct sk_buff *skb);
struct sk_buff *sockauth_event_step(struct sockauth_conn *conn, u32 leg,
				    const struct sockauth_token *token);
u64 sockauth_event_step_id(const struct sk_buff *skb);
int sockauth_event_close(struct sockauth_worker *worker,
			 struct list_head *exchanges);
void sockauth_event_record(struct sockauth_conn *conn, const void *record,
			   size_t len);
int sockauth_event_put_conn(struct sk_buff *skb, struct sockauth_conn *conn);
int sockauth_event_put_address(struct sk_buff *skb, int attr, struct sock *sk,
			       bool remote);
void sockauth_event_notify(struct sockauth_conn *conn);

/* ---- admin.c: what administrators ask ---- */

int sockauth_admin_conns(struct sk_buff *skb, struct netlink_callback *cb);
int sockauth_admin_listeners(struct sk_buff *skb, struct netlink_callback *cb);
int sockauth_admin_workers(struct sk_buff *skb, struct netlink_callback *cb);
int sockauth_admin_stats(struct sk_buff *skb, struct genl_info *info);
int sockauth_admin_limits_get(struct sk_buff *skb, struct genl_info *info);
int sockauth_admin_limits_set(struct sk_buff *skb, struct genl_info *info);
int sockauth_admin_kill(struct sk_buff *skb, struct genl_info *info);

#endif /* _SOCKAUTH_WORKER_H */
