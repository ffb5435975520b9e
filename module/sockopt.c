// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - the socket options: what an application says and is told
 *
 * Owns struct sockauth_req, which never changes once it is made: a new request
 * replaces the old one in the face (under ss->lock), and connections keep the
 * one that they began with.
 */
#include <linux/netfilter.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

#define SOCKAUTH_OPT_MIN	SOCKAUTH_REQUEST
#define SOCKAUTH_OPT_MAX	(SOCKAUTH_ERROR + 1)

#define SOCKAUTH_REQ_FLAGS_ALL	(SOCKAUTH_REQ_MUTUAL | \
				 SOCKAUTH_REQ_KEEP_CRED | \
				 SOCKAUTH_REQ_TRUNCATION_OK | \
				 SOCKAUTH_REQ_SIDE)

/* Longer structures than ours are taken up to a page, as in openat2(2). */
#define SOCKAUTH_REQUEST_LEN_MAX	PAGE_SIZE

/**
 * sockauth_req_put() - drop a reference
 * @req: may be NULL
 */
void sockauth_req_put(struct sockauth_req *req)
{
	if (!req || !refcount_dec_and_test(&req->ref))
		return;
	sockauth_object_gone(SOCKAUTH_OBJECT_REQ);
	sockauth_user_put(req->user);
	kfree_rcu(req, rcu);
}

static struct sockauth_req *sockauth_req_make(const struct sockauth_request *r,
					      const u8 *alpn, u8 alpn_len)
{
	size_t profile = strlen(r->profile) + 1, target = strlen(r->target) + 1;
	struct sockauth_req *req;
	char *p;

	req = kzalloc(struct_size(req, data, profile + target + alpn_len),
		      GFP_KERNEL_ACCOUNT);
	if (!req)
		return NULL;
	req->user = sockauth_user_get();
	if (!req->user) {
		kfree(req);
		return NULL;
	}
	sockauth_object_born(SOCKAUTH_OBJECT_REQ);
	refcount_set(&req->ref, 1);
	req->uid = current_euid();
	req->gid = current_egid();
	req->flags = r->flags;
	req->timeout_ms = r->timeout_ms;
	p = req->data;
	req->profile = memcpy(p, r->profile, profile);
	p += profile;
	req->target = memcpy(p, r->target, target);
	p += target;
	req->alpn = memcpy(p, alpn, alpn_len);
	req->alpn_len = alpn_len;
	return req;
}

static void sockauth_req_tell(const struct sockauth_req *req,
			      struct sockauth_request *r)
{
	*r = (struct sockauth_request) {
		.flags = req->flags,
		.timeout_ms = req->timeout_ms,
	};
	strscpy(r->profile, req->profile, sizeof(r->profile));
	strscpy(r->target, req->target, sizeof(r->target));
}

static int sockauth_sockopt_read_request(struct sockauth_request *r,
					 sockptr_t optval, unsigned int optlen)
{
	int ret;

	if (optlen < SOCKAUTH_REQUEST_SIZE_VER0 ||
	    optlen > SOCKAUTH_REQUEST_LEN_MAX)
		return -EINVAL;
	BUILD_BUG_ON(sizeof(*r) != SOCKAUTH_REQUEST_SIZE_VER0);
	if (copy_from_sockptr(r, optval, sizeof(*r)))
		return -EFAULT;
	if (optlen > sizeof(*r)) {
		ret = check_zeroed_sockptr(optval, sizeof(*r),
					   optlen - sizeof(*r));
		if (ret <= 0)
			return ret ?: -E2BIG;
	}

	if (r->flags & ~SOCKAUTH_REQ_FLAGS_ALL)
		return -EOPNOTSUPP;
	if ((r->flags & SOCKAUTH_REQ_SIDE) == SOCKAUTH_REQ_SIDE ||
	    r->timeout_ms > SOCKAUTH_TIMEOUT_MAX ||
	    strnlen(r->profile, sizeof(r->profile)) == sizeof(r->profile) ||
	    strnlen(r->target, sizeof(r->target)) == sizeof(r->target))
		return -EINVAL;
	return 0;
}

/* A connection that has begun keeps the request that it began with. */
static bool sockauth_sockopt_connected(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	bool connected;

	if (!conn)
		return false;
	connected = READ_ONCE(conn->state) != SOCKAUTH_STATE_ENDED || ss->open;
	sockauth_conn_put(conn);
	return connected;
}

/* @ss is NULL for a socket that is not marked yet. */
static int sockauth_sockopt_set_request(struct sock *sk,
					struct sockauth_sock *ss,
					sockptr_t optval, unsigned int optlen)
{
	struct sockauth_request r;
	struct sockauth_req *req;
	struct socket *sock;
	int err;

	err = sockauth_sockopt_read_request(&r, optval, optlen);
	if (err)
		return err;
	if (!sockauth_worker_serves(sockauth_net_of(sock_net(sk)), r.profile))
		return -ENOENT;
	if (ss && sockauth_sockopt_connected(ss))
		return -EISCONN;
	req = sockauth_req_make(&r, NULL, 0);
	if (!req)
		return -ENOMEM;

	if (!ss) {
		err = sockauth_mark_socket(sk, req, &sock);
		if (!err)
			return r.flags & SOCKAUTH_REQ_SIDE ?
			       sockauth_client_upgrade(sock) : 0;
		if (err != -EALREADY)
			goto out;
		/* Another thread was faster: this is a change of its request. */
		ss = sockauth_sock_of(sock);
		err = -EISCONN;
		if (sockauth_sockopt_connected(ss))
			goto out;
	}
	err = -ENOTCONN;
	if (r.flags & SOCKAUTH_REQ_SIDE)
		goto out;
	req = sockauth_sock_replace_req(ss, req);
	err = 0;
out:
	sockauth_req_put(req);
	return err;
}

/* RFC 7301 3.1: names of 1 to 255 bytes, each after its length. */
static bool sockauth_sockopt_alpn_valid(const u8 *alpn, unsigned int len)
{
	unsigned int i = 0;

	while (i < len) {
		if (!alpn[i])
			return false;
		i += 1 + alpn[i];
	}
	return i == len;
}

static int sockauth_sockopt_set_alpn(struct sockauth_sock *ss,
				     sockptr_t optval, unsigned int optlen)
{
	u8 alpn[SOCKAUTH_ALPN_MAX];
	struct sockauth_req *req, *old;
	struct sockauth_request r;

	if (sockauth_sockopt_connected(ss))
		return -EISCONN;
	if (optlen > sizeof(alpn))
		return -EINVAL;
	if (copy_from_sockptr(alpn, optval, optlen))
		return -EFAULT;
	if (!sockauth_sockopt_alpn_valid(alpn, optlen))
		return -EINVAL;

	old = sockauth_sock_req(ss);
	sockauth_req_tell(old, &r);
	req = sockauth_req_make(&r, alpn, optlen);
	if (req) {
		/* Who asked is who made the request, whoever adds to it. */
		req->uid = old->uid;
		req->gid = old->gid;
		sockauth_req_put(sockauth_sock_replace_req(ss, req));
	}
	sockauth_req_put(old);
	return req ? 0 : -ENOMEM;
}

/**
 * sockauth_sockopt_ours() - is it one of our options
 * @level: of setsockopt(2)
 * @optname: of setsockopt(2)
 *
 * Return: true if sockauth_sockopt_set() or _get() is to be called for it.
 */
bool sockauth_sockopt_ours(int level, int optname)
{
	return (level == SOL_IP || level == SOL_IPV6) &&
	       optname >= SOCKAUTH_OPT_MIN && optname < SOCKAUTH_OPT_MAX;
}

/**
 * sockauth_sockopt_set() - setsockopt() on a marked socket
 * @ss: its face
 * @optname: the option
 * @optval: from the application
 * @optlen: its length
 *
 * Context: process; sleeps.
 * Return: 0, or an errno as sockauth(7) documents it.
 */
int sockauth_sockopt_set(struct sockauth_sock *ss, int optname,
			 sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case SOCKAUTH_REQUEST:
		return sockauth_sockopt_set_request(ss->sk, ss, optval, optlen);
	case SOCKAUTH_ALPN:
		return sockauth_sockopt_set_alpn(ss, optval, optlen);
	default:
		return -ENOPROTOOPT;
	}
}

/* Structures: as much as the application has room for. */
static int sockauth_sockopt_give(char __user *optval, int *len,
				 const void *from, size_t size)
{
	size_t part = min_t(size_t, *len, size);

	if (*len < 0)
		return -EINVAL;
	if (copy_to_user(optval, from, part))
		return -EFAULT;
	*len = part;
	return 0;
}

/* Bytes that make no sense in part. */
static int sockauth_sockopt_give_whole(char __user *optval, int *len,
				       const void *from, size_t size)
{
	if (*len < 0)
		return -EINVAL;
	if (*len < size) {
		*len = size;
		return -EMSGSIZE;
	}
	return sockauth_sockopt_give(optval, len, from, size);
}

static int sockauth_sockopt_get_status(struct sockauth_sock *ss,
				       struct sockauth_conn *conn,
				       char __user *optval, int *len)
{
	struct sockauth_status st = { .uid = (u32)-1 };
	struct sockauth_listener *l = READ_ONCE(ss->listener);
	struct sockauth_peer *peer;

	BUILD_BUG_ON(sizeof(st) != SOCKAUTH_STATUS_SIZE_VER0);
	if (!conn) {
		st.state = l && !READ_ONCE(l->closed) ?
			   SOCKAUTH_STATE_LISTENING : SOCKAUTH_STATE_MARKED;
		return sockauth_sockopt_give(optval, len, &st, sizeof(st));
	}

	mutex_lock(&conn->lock);
	st.state = conn->state;
	st.error = conn->error;
	st.id = conn->id;
	peer = conn->peer;
	if (peer) {
		st.flags = peer->flags;
		st.mechanism = peer->mech;
		st.version = peer->version;
		st.cipher = peer->cipher;
		st.start = peer->start;
		st.expiry = peer->expiry;
		st.uid = from_kuid(current_user_ns(), peer->uid);
		st.name_type = peer->name_type;
	}
	mutex_unlock(&conn->lock);
	return sockauth_sockopt_give(optval, len, &st, sizeof(st));
}

static int sockauth_sockopt_get_name(struct sockauth_peer *peer,
				     char __user *optval, int *len)
{
	size_t size = offsetof(struct sockauth_peer_name, name) +
		      strlen(peer->name) + 1;
	struct sockauth_peer_name *name;
	int err;

	if (!*peer->name)
		return -ENODATA;
	name = kzalloc(sizeof(*name), GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	name->type = peer->name_type;
	strscpy(name->name, peer->name, sizeof(name->name));
	err = sockauth_sockopt_give_whole(optval, len, name, size);
	kfree(name);
	return err;
}

/* What came of an authentication. */
static int sockauth_sockopt_get_peer(struct sockauth_conn *conn, int optname,
				     char __user *optval, int *len)
{
	struct sockauth_peer *peer = NULL;

	/* Once it is set it does not change, and lives as long as conn. */
	if (conn) {
		mutex_lock(&conn->lock);
		peer = conn->peer;
		mutex_unlock(&conn->lock);
	}
	if (!peer)
		return -ENOTCONN;
	switch (optname) {
	case SOCKAUTH_PEER_NAME:
		return sockauth_sockopt_get_name(peer, optval, len);
	case SOCKAUTH_PEER_CRED:
		if (!peer->cred_len)
			return -ENODATA;
		return sockauth_sockopt_give_whole(optval, len, peer->cred,
						   peer->cred_len);
	case SOCKAUTH_BINDING:
		if (!peer->has_binding)
			return -ENODATA;
		return sockauth_sockopt_give_whole(optval, len, peer->binding,
						   sizeof(peer->binding));
	default:
		return sockauth_sockopt_give_whole(optval, len, peer->alpn,
						   peer->alpn_len);
	}
}

static int sockauth_sockopt_get_error(struct sockauth_conn *conn,
				      char __user *optval, int *len)
{
	char text[SOCKAUTH_TEXT_MAX];
	bool there = false;

	if (conn) {
		mutex_lock(&conn->lock);
		there = conn->text;
		if (there)
			strscpy(text, conn->text, sizeof(text));
		mutex_unlock(&conn->lock);
	}
	if (!there)
		return -ENODATA;
	return sockauth_sockopt_give(optval, len, text, strlen(text) + 1);
}

/* What was asked for. */
static int sockauth_sockopt_get_req(struct sockauth_sock *ss, int optname,
				    char __user *optval, int *len)
{
	struct sockauth_req *req = sockauth_sock_req(ss);
	struct sockauth_request r;
	int err;

	if (optname == SOCKAUTH_REQUEST) {
		sockauth_req_tell(req, &r);
		err = sockauth_sockopt_give(optval, len, &r, sizeof(r));
	} else {
		err = sockauth_sockopt_give_whole(optval, len, req->alpn,
						  req->alpn_len);
	}
	sockauth_req_put(req);
	return err;
}

/**
 * sockauth_sockopt_get() - getsockopt() on a marked socket
 * @ss: its face
 * @optname: the option
 * @optval: to the application
 * @len: its length; becomes what was written, or at -EMSGSIZE what is needed
 *
 * Context: process; sleeps.
 * Return: 0, or an errno as sockauth(7) documents it.
 */
int sockauth_sockopt_get(struct sockauth_sock *ss, int optname,
			 char __user *optval, int *len)
{
	struct sockauth_conn *conn = sockauth_sock_conn(ss);
	int err;

	if (optname == SOCKAUTH_STATUS)
		err = sockauth_sockopt_get_status(ss, conn, optval, len);
	else if (optname == SOCKAUTH_ERROR)
		err = sockauth_sockopt_get_error(conn, optval, len);
	else if (optname == SOCKAUTH_REQUEST ||
		 (optname == SOCKAUTH_ALPN && !conn))
		err = sockauth_sockopt_get_req(ss, optname, optval, len);
	else
		err = sockauth_sockopt_get_peer(conn, optname, optval, len);
	if (conn)
		sockauth_conn_put(conn);
	return err;
}

/* setsockopt() on any other socket comes here from the IP layer. */
static int sockauth_sockopt_nf_set(struct sock *sk, int optname,
				   sockptr_t optval, unsigned int optlen)
{
	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP ||
	    !sk->sk_socket)
		return -EOPNOTSUPP;
	if (optname != SOCKAUTH_REQUEST)
		return optname == SOCKAUTH_ALPN ? -ENOENT : -ENOPROTOOPT;
	return sockauth_sockopt_set_request(sk, NULL, optval, optlen);
}

static int sockauth_sockopt_nf_get(struct sock *sk, int optname,
				   void __user *optval, int *len)
{
	return -ENOENT;
}

static struct nf_sockopt_ops sockauth_sockopt_ip = {
	.pf		= PF_INET,
	.set_optmin	= SOCKAUTH_OPT_MIN,
	.set_optmax	= SOCKAUTH_OPT_MAX,
	.set		= sockauth_sockopt_nf_set,
	.get_optmin	= SOCKAUTH_OPT_MIN,
	.get_optmax	= SOCKAUTH_OPT_MAX,
	.get		= sockauth_sockopt_nf_get,
	.owner		= THIS_MODULE,
};

static struct nf_sockopt_ops sockauth_sockopt_ipv6 = {
	.pf		= PF_INET6,
	.set_optmin	= SOCKAUTH_OPT_MIN,
	.set_optmax	= SOCKAUTH_OPT_MAX,
	.set		= sockauth_sockopt_nf_set,
	.get_optmin	= SOCKAUTH_OPT_MIN,
	.get_optmax	= SOCKAUTH_OPT_MAX,
	.get		= sockauth_sockopt_nf_get,
	.owner		= THIS_MODULE,
};

/**
 * sockauth_sockopt_init() - from here on applications can mark sockets
 *
 * Return: 0, or -EBUSY: another module has these option numbers.
 */
int __init sockauth_sockopt_init(void)
{
	int err;

	err = nf_register_sockopt(&sockauth_sockopt_ip);
	if (err)
		return err;
	err = nf_register_sockopt(&sockauth_sockopt_ipv6);
	if (err)
		nf_unregister_sockopt(&sockauth_sockopt_ip);
	return err;
}

/**
 * sockauth_sockopt_exit() - undo sockauth_sockopt_init()
 */
void sockauth_sockopt_exit(void)
{
	nf_unregister_sockopt(&sockauth_sockopt_ipv6);
	nf_unregister_sockopt(&sockauth_sockopt_ip);
}
