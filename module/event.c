// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - event: what workers and monitors are told
 *
 * Fills messages; owns nothing.  Workers are told within their credit; the
 * multicast group is for monitors alone, which may lose messages.
 */
#include <linux/cred.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/* All of a STEP event but the token and the names. */
#define SOCKAUTH_EVENT_FIXED	512

/* A RECORD event has session secrets in it. */
static void sockauth_event_wipe(struct sk_buff *skb)
{
	memzero_explicit(skb->head, skb_end_offset(skb));
	if (skb->sk)
		sock_rfree(skb);
}

/**
 * sockauth_event_send() - send a worker an event
 * @worker: the worker; the caller has a reference
 * @skb: the message; gone in any case
 *
 * To this very socket: genlmsg_unicast() would send to whoever has its port now,
 * and shows the message to taps.
 *
 * Return: 0; -ECONNREFUSED: the worker is gone; -EAGAIN: its receive buffer is
 *	full, which the window should have prevented.
 */
int sockauth_event_send(struct sockauth_worker *worker, struct sk_buff *skb)
{
	struct sock *nlsk = worker->nlsk;
	int err = 0;

	if (sock_flag(nlsk, SOCK_DEAD))
		err = -ECONNREFUSED;
	else if (atomic_read(&nlsk->sk_rmem_alloc) + skb->truesize >
		 READ_ONCE(nlsk->sk_rcvbuf))
		err = -EAGAIN;
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	skb->sk = nlsk;
	if (!skb->destructor)
		skb->destructor = sock_rfree;
	atomic_add(skb->truesize, &nlsk->sk_rmem_alloc);
	skb_queue_tail(&nlsk->sk_receive_queue, skb);
	nlsk->sk_data_ready(nlsk);
	return 0;
}

/**
 * sockauth_event_put_address() - one end of a connection, as a sockaddr
 * @skb: message
 * @attr: SOCKAUTH_A_LOCAL or SOCKAUTH_A_REMOTE
 * @sk: the socket
 * @remote: which end
 *
 * Return: 0 or -EMSGSIZE.
 */
int sockauth_event_put_address(struct sk_buff *skb, int attr, struct sock *sk,
			       bool remote)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be16 port = remote ? inet->inet_dport : inet->inet_sport;

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		struct sockaddr_in6 sin6 = {
			.sin6_family = AF_INET6,
			.sin6_port = port,
			.sin6_addr = remote ? sk->sk_v6_daddr :
				     sk->sk_v6_rcv_saddr,
		};

		sin6.sin6_scope_id = ipv6_iface_scope_id(&sin6.sin6_addr,
							 sk->sk_bound_dev_if);
		return nla_put(skb, attr, sizeof(sin6), &sin6);
	}
#endif
	{
		struct sockaddr_in sin = {
			.sin_family = AF_INET,
			.sin_port = port,
			.sin_addr.s_addr = remote ? inet->inet_daddr :
					   inet->inet_rcv_saddr,
		};

		return nla_put(skb, attr, sizeof(sin), &sin);
	}
}

static int sockauth_event_put_request(struct sk_buff *skb,
				      const struct sockauth_req *req,
				      struct user_namespace *userns)
{
	/* A user who is unknown there is not the user "nobody". */
	if (nla_put_u32(skb, SOCKAUTH_A_UID, from_kuid(userns, req->uid)) ||
	    nla_put_u32(skb, SOCKAUTH_A_GID, from_kgid(userns, req->gid)) ||
	    nla_put_u32(skb, SOCKAUTH_A_REQ_FLAGS, req->flags))
		return -EMSGSIZE;
	if (*req->profile &&
	    nla_put_string(skb, SOCKAUTH_A_PROFILE, req->profile))
		return -EMSGSIZE;
	if (*req->target && nla_put_string(skb, SOCKAUTH_A_TARGET, req->target))
		return -EMSGSIZE;
	if (req->alpn_len &&
	    nla_put(skb, SOCKAUTH_A_ALPN, req->alpn_len, req->alpn))
		return -EMSGSIZE;
	return 0;
}

/* What a worker needs to begin a context; later legs do without. */
static int sockauth_event_put_begin(struct sk_buff *skb,
				    struct sockauth_conn *conn)
{
	struct sock *sk = conn->sk;

	if (nla_put_u32(skb, SOCKAUTH_A_ROLE, conn->role) ||
	    sockauth_event_put_address(skb, SOCKAUTH_A_LOCAL, sk, false) ||
	    sockauth_event_put_address(skb, SOCKAUTH_A_REMOTE, sk, true) ||
	    nla_put_u32(skb, SOCKAUTH_A_IFINDEX, sk->sk_bound_dev_if) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_NETNS, sock_net(sk)->net_cookie,
			      SOCKAUTH_A_PAD))
		return -EMSGSIZE;
	return sockauth_event_put_request(skb, conn->req,
					  conn->ex->worker->userns);
}

static int sockauth_event_put_token(struct sk_buff *skb,
				    struct sockauth_conn *conn,
				    const struct sockauth_token *token)
{
	struct nlattr *attr;

	if (!token->len)
		return 0;
	if (token->malformed && nla_put_flag(skb, SOCKAUTH_A_MALFORMED))
		return -EMSGSIZE;
	attr = nla_reserve(skb, SOCKAUTH_A_TOKEN, token->len);
	if (!attr)
		return -EMSGSIZE;
	return sockauth_relay_copy(conn->sk, nla_data(attr), token->len);
}

/**
 * sockauth_event_step() - a token for the connection's worker
 * @conn: the connection, locked by the caller, with credit granted by its worker
 * @leg: number of the event
 * @token: what sockauth_relay_scan() found
 *
 * Context: process; sleeps.
 * Return: the message, for sockauth_event_send(), or an ERR_PTR: -ENOMEM;
 *	-EBUSY: the application has the socket locked; -EMSGSIZE: the token is not
 *	there any more.
 */
struct sk_buff *sockauth_event_step(struct sockauth_conn *conn, u32 leg,
				    const struct sockauth_token *token)
{
	const struct sockauth_req *req = conn->req;
	size_t size = SOCKAUTH_EVENT_FIXED + strlen(req->profile) +
		      strlen(req->target) + req->alpn_len + token->len;
	struct sk_buff *skb;
	int err = -EMSGSIZE;
	void *hdr;

	lockdep_assert_held(&conn->lock);
	skb = genlmsg_new(size, GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOMEM);
	hdr = genlmsg_put(skb, 0, 0, &sockauth_family, 0, SOCKAUTH_CMD_STEP);
	if (!hdr ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_ID, conn->id, SOCKAUTH_A_PAD) ||
	    nla_put_u32(skb, SOCKAUTH_A_LEG, leg) ||
	    (!conn->ex->context && sockauth_event_put_begin(skb, conn)))
		goto fail;
	err = sockauth_event_put_token(skb, conn, token);
	if (err)
		goto fail;
	genlmsg_end(skb, hdr);
	return skb;

fail:
	nlmsg_free(skb);
	return ERR_PTR(err);
}

/**
 * sockauth_event_step_id() - whom a message of ours asks about
 * @skb: of a worker's receive queue
 *
 * Return: the connection's id; 0: it is no STEP.
 */
u64 sockauth_event_step_id(const struct sk_buff *skb)
{
	const struct nlmsghdr *nlh = nlmsg_hdr(skb);
	const struct genlmsghdr *genl = nlmsg_data(nlh);
	const struct nlattr *id;

	if (nlh->nlmsg_type != sockauth_family.id ||
	    genl->cmd != SOCKAUTH_CMD_STEP)
		return 0;
	id = nlmsg_find_attr(nlh, GENL_HDRLEN, SOCKAUTH_A_ID);
	return id ? nla_get_u64(id) : 0;
}

/**
 * sockauth_event_close() - tell a worker which contexts to forget
 * @worker: the worker; credit for the event is taken
 * @exchanges: at most SOCKAUTH_CLOSE_BATCH, by wlink
 *
 * Context: process; sleeps.
 * Return: 0, -ENOMEM, -EMSGSIZE, or as sockauth_event_send().
 */
int sockauth_event_close(struct sockauth_worker *worker,
			 struct list_head *exchanges)
{
	struct sockauth_exchange *ex;
	struct sk_buff *skb;
	void *hdr;

	skb = genlmsg_new(SOCKAUTH_CLOSE_BATCH *
			  (nla_total_size_64bit(sizeof(u64))), GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put(skb, 0, 0, &sockauth_family, 0, SOCKAUTH_CMD_CLOSE);
	if (!hdr)
		goto too_long;
	list_for_each_entry(ex, exchanges, wlink)
		if (nla_put_u64_64bit(skb, SOCKAUTH_A_ID, ex->id,
				      SOCKAUTH_A_PAD))
			goto too_long;
	genlmsg_end(skb, hdr);
	return sockauth_event_send(worker, skb);

too_long:
	nlmsg_free(skb);
	return -EMSGSIZE;
}

static int sockauth_event_put_record(struct sk_buff *skb,
				     struct sockauth_conn *conn,
				     struct user_namespace *userns,
				     const void *record, size_t len)
{
	const struct sockauth_peer *peer = conn->peer;

	if (nla_put_u64_64bit(skb, SOCKAUTH_A_ID, conn->id, SOCKAUTH_A_PAD) ||
	    nla_put_u32(skb, SOCKAUTH_A_ROLE, conn->role) ||
	    sockauth_event_put_request(skb, conn->req, userns) ||
	    nla_put(skb, SOCKAUTH_A_BLOB, peer->blob_len, peer->blob) ||
	    nla_put(skb, SOCKAUTH_A_TOKEN, len, record))
		return -EMSGSIZE;
	return 0;
}

/**
 * sockauth_event_record() - show a worker a record from after the handshake
 * @conn: an open connection, locked by the caller
 * @record: what is in the record, in the clear
 * @len: of @record
 *
 * Session tickets are a convenience: without memory, or with no worker that has
 * credit at this moment, they are dropped.
 *
 * Context: process; sleeps.
 */
void sockauth_event_record(struct sockauth_conn *conn, const void *record,
			   size_t len)
{
	const struct sockauth_req *req = conn->req;
	struct sockauth_worker *worker;
	struct sk_buff *skb;
	void *hdr;

	lockdep_assert_held(&conn->lock);
	if (!conn->peer->blob_len || len > SOCKAUTH_TOKEN_MAX)
		return;
	worker = sockauth_credit_notice(conn);
	if (!worker)
		return;
	skb = genlmsg_new(SOCKAUTH_EVENT_FIXED + strlen(req->profile) +
			  strlen(req->target) + req->alpn_len +
			  conn->peer->blob_len + len, GFP_KERNEL);
	if (!skb)
		goto unsent;
	skb->destructor = sockauth_event_wipe;
	hdr = genlmsg_put(skb, 0, 0, &sockauth_family, 0, SOCKAUTH_CMD_RECORD);
	if (!hdr || sockauth_event_put_record(skb, conn, worker->userns, record,
					      len)) {
		nlmsg_free(skb);
		goto unsent;
	}
	genlmsg_end(skb, hdr);
	if (!sockauth_event_send(worker, skb)) {
		sockauth_worker_put(worker);
		return;
	}
unsent:
	sockauth_credit_unnotice(worker);
	sockauth_worker_put(worker);
}

static int sockauth_event_put_peer(struct sk_buff *skb,
				   const struct sockauth_peer *peer)
{
	if (nla_put_u32(skb, SOCKAUTH_A_MECH, peer->mech) ||
	    nla_put_u32(skb, SOCKAUTH_A_SEC_FLAGS, peer->flags) ||
	    nla_put_u32(skb, SOCKAUTH_A_VERSION, peer->version) ||
	    nla_put_u32(skb, SOCKAUTH_A_CIPHER, peer->cipher))
		return -EMSGSIZE;
	if (*peer->name &&
	    (nla_put_string(skb, SOCKAUTH_A_PEER_NAME, peer->name) ||
	     nla_put_u32(skb, SOCKAUTH_A_NAME_TYPE, peer->name_type)))
		return -EMSGSIZE;
	if (peer->alpn_len &&
	    nla_put(skb, SOCKAUTH_A_ALPN, peer->alpn_len, peer->alpn))
		return -EMSGSIZE;
	if (peer->expiry &&
	    nla_put_u64_64bit(skb, SOCKAUTH_A_EXPIRY, peer->expiry,
			      SOCKAUTH_A_PAD))
		return -EMSGSIZE;
	return 0;
}

static int sockauth_event_put_addresses(struct sk_buff *skb,
					struct sockauth_conn *conn)
{
	struct sock *sk = sockauth_conn_sock(conn);
	int err;

	if (!sk)
		return 0;
	err = sockauth_event_put_address(skb, SOCKAUTH_A_LOCAL, sk, false) ?:
	      sockauth_event_put_address(skb, SOCKAUTH_A_REMOTE, sk, true);
	sock_put(sk);
	return err;
}

/**
 * sockauth_event_put_conn() - what an administrator may know of a connection
 * @skb: message
 * @conn: the connection; the caller has a reference
 *
 * Never a key, a token or a blob.  It need not be locked, which an application
 * could delay: what the state says is there stays as it is.
 *
 * Return: 0 or -EMSGSIZE.
 */
int sockauth_event_put_conn(struct sk_buff *skb, struct sockauth_conn *conn)
{
	/* Pairs with the release in sockauth_conn_set_state(). */
	u8 state = smp_load_acquire(&conn->state);
	u64 age = jiffies_to_msecs(jiffies - conn->born);
	const char *text = READ_ONCE(conn->text);

	if (nla_put_u64_64bit(skb, SOCKAUTH_A_ID, conn->id, SOCKAUTH_A_PAD) ||
	    nla_put_u32(skb, SOCKAUTH_A_STATE, state) ||
	    nla_put_u32(skb, SOCKAUTH_A_ROLE, conn->role) ||
	    nla_put_u32(skb, SOCKAUTH_A_LEG, READ_ONCE(conn->leg)) ||
	    nla_put_u64_64bit(skb, SOCKAUTH_A_AGE_MS, age, SOCKAUTH_A_PAD))
		return -EMSGSIZE;
	if (sockauth_event_put_addresses(skb, conn))
		return -EMSGSIZE;
	if (*conn->req->profile &&
	    nla_put_string(skb, SOCKAUTH_A_PROFILE, conn->req->profile))
		return -EMSGSIZE;
	if (*conn->req->target &&
	    nla_put_string(skb, SOCKAUTH_A_TARGET, conn->req->target))
		return -EMSGSIZE;
	if (state >= SOCKAUTH_STATE_READY && conn->peer &&
	    sockauth_event_put_peer(skb, conn->peer))
		return -EMSGSIZE;
	if (state == SOCKAUTH_STATE_ENDED && conn->reason &&
	    (nla_put_u32(skb, SOCKAUTH_A_REASON, conn->reason) ||
	     nla_put_u32(skb, SOCKAUTH_A_ERROR, conn->error)))
		return -EMSGSIZE;
	if (text && nla_put_string(skb, SOCKAUTH_A_TEXT, text))
		return -EMSGSIZE;
	return 0;
}

/**
 * sockauth_event_notify() - tell monitors that a connection opened or ended
 * @conn: the connection, locked by the caller
 *
 * Context: process; sleeps.
 */
void sockauth_event_notify(struct sockauth_conn *conn)
{
	struct net *net = conn->snet->net;
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&sockauth_family, net, 0))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &sockauth_family, 0,
			  SOCKAUTH_CMD_CONN_EVENT);
	if (!hdr || sockauth_event_put_conn(skb, conn)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&sockauth_family, net, skb, 0, 0, GFP_KERNEL);
}
