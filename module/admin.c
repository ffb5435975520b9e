// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - admin: what administrators ask and change
 *
 * Dumps, counters, limits and kill.  Owns nothing.  A dump never holds a lock
 * from one message to the next: connections are walked by their ids, workers by
 * their ports, listeners by their place in the list, so that one that comes or
 * goes in between may be missed, but nothing is shown twice in one message.
 */
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/* How long a kill waits for applications that keep their sockets locked. */
#define SOCKAUTH_KILL_PATIENCE	HZ

static void *sockauth_admin_begin(struct sk_buff *skb,
				  struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &sockauth_family, NLM_F_MULTI, cmd);
}

static int sockauth_admin_put_conn(struct sk_buff *skb,
				   struct netlink_callback *cb,
				   struct sockauth_conn *conn)
{
	void *hdr;
	int err = 0;

	hdr = sockauth_admin_begin(skb, cb, SOCKAUTH_CMD_CONN_GET);
	if (!hdr)
		return -EMSGSIZE;
	/* Only whom we ask for can tell a guest from his own. */
	if (conn->snet->net != sock_net(skb->sk))
		err = nla_put_u64_64bit(skb, SOCKAUTH_A_NETNS,
					conn->snet->net->net_cookie,
					SOCKAUTH_A_PAD);
	if (!err)
		err = sockauth_event_put_conn(skb, conn);
	if (err)
		genlmsg_cancel(skb, hdr);
	else
		genlmsg_end(skb, hdr);
	return err;
}

/**
 * sockauth_admin_conns() - dump of SOCKAUTH_CMD_CONN_GET
 * @skb: message to fill
 * @cb: args[0] is the id to go on with
 *
 * Return: as for every dump.
 */
int sockauth_admin_conns(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sockauth_net *snet = sockauth_net_of(sock_net(skb->sk));
	unsigned long id = cb->args[0];
	struct sockauth_conn *conn;
	int err = 0;

	while ((conn = sockauth_table_next(snet, &id))) {
		err = sockauth_admin_put_conn(skb, cb, conn);
		sockauth_conn_put(conn);
		if (err)
			break;
		id++;
	}
	cb->args[0] = id;
	return skb->len ?: err;
}

static int sockauth_admin_put_listener(struct sk_buff *skb,
				       struct netlink_callback *cb,
				       struct sockauth_listener *l)
{
	struct user_namespace *userns = sk_user_ns(NETLINK_CB(cb->skb).sk);
	struct sock *sk = l->ss->sk;
	struct sockauth_req *req;
	void *hdr;
	int err;

	hdr = sockauth_admin_begin(skb, cb, SOCKAUTH_CMD_LISTENER_GET);
	if (!hdr)
		return -EMSGSIZE;
	rcu_read_lock();
	req = rcu_dereference(l->ss->req);
	err = sockauth_event_put_address(skb, SOCKAUTH_A_LOCAL, sk, false) ||
	      nla_put_u64_64bit(skb, SOCKAUTH_A_INODE, sock_i_ino(sk),
				SOCKAUTH_A_PAD) ||
	      nla_put_u32(skb, SOCKAUTH_A_PENDING, READ_ONCE(l->npending)) ||
	      nla_put_u32(skb, SOCKAUTH_A_READY, READ_ONCE(l->nready)) ||
	      nla_put_u32(skb, SOCKAUTH_A_BACKLOG, sk->sk_max_ack_backlog) ||
	      nla_put_u64_64bit(skb, SOCKAUTH_A_ACCEPTED, l->accepted,
				SOCKAUTH_A_PAD) ||
	      nla_put_u32(skb, SOCKAUTH_A_UID,
			  from_kuid_munged(userns, req->uid)) ||
	      nla_put_u32(skb, SOCKAUTH_A_REQ_FLAGS, req->flags) ||
	      (*req->profile &&
	       nla_put_string(skb, SOCKAUTH_A_PROFILE, req->profile));
	rcu_read_unlock();
	if (err) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * sockauth_admin_listeners() - dump of SOCKAUTH_CMD_LISTENER_GET
 * @skb: message to fill
 * @cb: args[0] is how many were shown
 *
 * Under the namespace's lock, which a listener takes to leave the list before
 * its face goes away.
 *
 * Return: as for every dump.
 */
int sockauth_admin_listeners(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sockauth_net *snet = sockauth_net_of(sock_net(skb->sk));
	struct sockauth_listener *l;
	long n = 0;
	int err = 0;

	spin_lock(&snet->lock);
	list_for_each_entry(l, &snet->listeners, link) {
		if (n++ < cb->args[0])
			continue;
		err = sockauth_admin_put_listener(skb, cb, l);
		if (err)
			break;
		cb->args[0] = n;
	}
	spin_unlock(&snet->lock);
	return skb->len ?: err;
}

static int sockauth_admin_put_worker(struct sk_buff *skb,
				     struct netlink_callback *cb,
				     struct sockauth_worker *w)
{
	u64 age = jiffies_to_msecs(jiffies - w->born);
	void *hdr;

	hdr = sockauth_admin_begin(skb, cb, SOCKAUTH_CMD_WORKER_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, SOCKAUTH_A_PORTID, w->portid) ||
	    nla_put_u32(skb, SOCKAUTH_A_WINDOW, w->window) ||
	    nla_put_u32(skb, SOCKAUTH_A_OUTSTANDING, w->outstanding) ||
	    nla_put_u32(skb, SOCKAUTH_A_CONTEXTS, w->contexts) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_ANSWERED, w->answered,
			      SOCKAUTH_A_PAD) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_AGE_MS, age, SOCKAUTH_A_PAD)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * sockauth_admin_workers() - dump of SOCKAUTH_CMD_WORKER_GET
 * @skb: message to fill
 * @cb: args[0] is the port to go on after
 *
 * The list turns with every choice of a worker, so the order is that of the
 * ports: each round shows the smallest one that was not shown yet.
 *
 * Return: as for every dump.
 */
int sockauth_admin_workers(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sockauth_net *snet = sockauth_net_of(sock_net(skb->sk));
	struct sockauth_worker *w, *next;
	int err = 0;

	spin_lock(&snet->lock);
	do {
		next = NULL;
		list_for_each_entry(w, &snet->workers, link)
			if (w->portid > cb->args[0] &&
			    (!next || w->portid < next->portid))
				next = w;
		if (!next)
			break;
		err = sockauth_admin_put_worker(skb, cb, next);
		if (!err)
			cb->args[0] = next->portid;
	} while (!err);
	spin_unlock(&snet->lock);
	return skb->len ?: err;
}

/* Fill with @fill and send an answer to a request without a dump. */
static int sockauth_admin_answer(struct genl_info *info,
				 int (*fill)(struct sk_buff *skb,
					     struct sockauth_net *snet))
{
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &sockauth_family, 0,
				info->genlhdr->cmd);
	if (!hdr || fill(skb, sockauth_net_of(genl_info_net(info)))) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static int sockauth_admin_fill_stats(struct sk_buff *skb,
				     struct sockauth_net *snet)
{
	struct nlattr *nest;
	int i;

	if (nla_put_u64_64bit(skb, SOCKAUTH_A_STARTED,
			      atomic64_read(&snet->started), SOCKAUTH_A_PAD) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_DONE, atomic64_read(&snet->done),
			      SOCKAUTH_A_PAD) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_RESUMED,
			      atomic64_read(&snet->resumed), SOCKAUTH_A_PAD) ||
	    nla_put_u32(skb, SOCKAUTH_A_PENDING, atomic_read(&snet->pending)) ||
	    nla_put_u32(skb, SOCKAUTH_A_OPEN, atomic_read(&snet->open)))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, SOCKAUTH_A_FAILED);
	if (!nest)
		return -EMSGSIZE;
	/* No padding attribute in here: its number would be a reason. */
	for (i = 1; i < __SOCKAUTH_REASON_MAX; i++) {
		u64 count = atomic64_read(&snet->failed[i]);

		if (nla_put(skb, i, sizeof(count), &count))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * sockauth_admin_stats() - SOCKAUTH_CMD_STATS_GET
 * @skb: the request
 * @info: parsed
 *
 * Return: 0 or an errno.
 */
int sockauth_admin_stats(struct sk_buff *skb, struct genl_info *info)
{
	return sockauth_admin_answer(info, sockauth_admin_fill_stats);
}

static int sockauth_admin_fill_limits(struct sk_buff *skb,
				      struct sockauth_net *snet)
{
	const struct sockauth_limits *lim = &snet->limits;

	return nla_put_u32(skb, SOCKAUTH_A_LIMIT_PENDING,
			   READ_ONCE(lim->pending)) ?:
	       nla_put_u32(skb, SOCKAUTH_A_LIMIT_PENDING_NET,
			   READ_ONCE(lim->pending_net)) ?:
	       nla_put_u32(skb, SOCKAUTH_A_LIMIT_TIMEOUT_MS,
			   READ_ONCE(lim->timeout_ms)) ?:
	       nla_put_u32(skb, SOCKAUTH_A_LIMIT_BYTES,
			   READ_ONCE(lim->bytes)) ?:
	       nla_put_u32(skb, SOCKAUTH_A_LIMIT_LEGS, READ_ONCE(lim->legs)) ?:
	       nla_put_u32(skb, SOCKAUTH_A_LIMIT_GUESTS,
			   READ_ONCE(lim->guests));
}

/**
 * sockauth_admin_limits_get() - SOCKAUTH_CMD_LIMITS_GET
 * @skb: the request
 * @info: parsed
 *
 * Return: 0 or an errno.
 */
int sockauth_admin_limits_get(struct sk_buff *skb, struct genl_info *info)
{
	return sockauth_admin_answer(info, sockauth_admin_fill_limits);
}

static void sockauth_admin_set(u32 *limit, const struct nlattr *attr)
{
	if (attr)
		WRITE_ONCE(*limit, nla_get_u32(attr));
}

/**
 * sockauth_admin_limits_set() - SOCKAUTH_CMD_LIMITS_SET
 * @skb: the request
 * @info: parsed; the policy has checked the ranges
 *
 * Return: 0, or -EINVAL: guests of another namespace than the initial one.
 */
int sockauth_admin_limits_set(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	struct sockauth_limits *lim = &sockauth_net_of(net)->limits;
	struct nlattr **attrs = info->attrs;

	if (attrs[SOCKAUTH_A_LIMIT_GUESTS] && net != &init_net) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[SOCKAUTH_A_LIMIT_GUESTS],
				    "only the initial network namespace has guests");
		return -EINVAL;
	}
	sockauth_admin_set(&lim->pending, attrs[SOCKAUTH_A_LIMIT_PENDING]);
	sockauth_admin_set(&lim->pending_net,
			   attrs[SOCKAUTH_A_LIMIT_PENDING_NET]);
	sockauth_admin_set(&lim->timeout_ms,
			   attrs[SOCKAUTH_A_LIMIT_TIMEOUT_MS]);
	sockauth_admin_set(&lim->bytes, attrs[SOCKAUTH_A_LIMIT_BYTES]);
	sockauth_admin_set(&lim->legs, attrs[SOCKAUTH_A_LIMIT_LEGS]);
	sockauth_admin_set(&lim->guests, attrs[SOCKAUTH_A_LIMIT_GUESTS]);
	return 0;
}

/* Without the lock, which an application can delay. */
static bool sockauth_admin_match(struct sockauth_conn *conn,
				 struct nlattr **attrs)
{
	/* Pairs with the release in sockauth_conn_set_state(). */
	u8 state = smp_load_acquire(&conn->state);
	const char *profile = *conn->req->profile ? conn->req->profile :
			      "default";
	const char *name = "";

	if (state == SOCKAUTH_STATE_ENDED)
		return false;
	if (state == SOCKAUTH_STATE_READY || state == SOCKAUTH_STATE_OPEN)
		name = conn->peer->name;
	if (attrs[SOCKAUTH_A_ID] &&
	    conn->id != nla_get_u64(attrs[SOCKAUTH_A_ID]))
		return false;
	if (attrs[SOCKAUTH_A_PEER_NAME] &&
	    nla_strcmp(attrs[SOCKAUTH_A_PEER_NAME], name))
		return false;
	return !attrs[SOCKAUTH_A_PROFILE] ||
	       !nla_strcmp(attrs[SOCKAUTH_A_PROFILE], profile);
}

static int sockauth_admin_killed(struct genl_info *info, u32 count)
{
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &sockauth_family, 0,
				SOCKAUTH_CMD_CONN_KILL);
	if (!hdr || nla_put_u32(skb, SOCKAUTH_A_COUNT, count)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/**
 * sockauth_admin_kill() - SOCKAUTH_CMD_CONN_KILL
 * @skb: the request
 * @info: parsed; a connection must match everything that is given
 *
 * Those whose application keeps its socket locked end when it lets go.
 *
 * Return: 0 or an errno; extack says what is wrong.
 */
int sockauth_admin_kill(struct sk_buff *skb, struct genl_info *info)
{
	struct sockauth_net *snet = sockauth_net_of(genl_info_net(info));
	struct nlattr **attrs = info->attrs;
	unsigned long deadline = jiffies + SOCKAUTH_KILL_PATIENCE;
	struct sockauth_conn *conn;
	unsigned long id;
	u32 count = 0;

	if (!attrs[SOCKAUTH_A_ID] && !attrs[SOCKAUTH_A_PEER_NAME] &&
	    !attrs[SOCKAUTH_A_PROFILE]) {
		NL_SET_ERR_MSG(info->extack, "which one? ID, PEER_NAME or PROFILE is needed");
		return -EINVAL;
	}
	for (id = 0; (conn = sockauth_table_next(snet, &id)); id++) {
		if (sockauth_admin_match(conn, attrs))
			count += sockauth_conn_kill(conn, deadline);
		sockauth_conn_put(conn);
	}
	return sockauth_admin_killed(info, count);
}
