// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - the face of a marked socket: its operations, gates for every call
 *
 * Owns struct sockauth_sock.  It hangs on i_private of the socket's inode, which
 * sockets make no use of: sk_user_data belongs to sockmap, the upper layer
 * protocol slot to kTLS.  Every call that could move a byte asks here first
 * whether the socket is authenticated; there is no way around, because the
 * socket layer knows no other operations for it.
 *
 * ss->lock protects ss->req (read under RCU), ss->listener and, until ss->open
 * is set, ss->conn.  The face holds a reference on this module (as owner of the
 * operations, which the socket layer counts) and on the module of the
 * operations below.
 */
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/splice.h>
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

static struct kmem_cache *sockauth_sock_cache;

static int sockauth_sock_release(struct socket *sock);

/* The face of a socket one of whose operations, ours, has been called. */
static struct sockauth_sock *sockauth_sock_face(struct socket *sock)
{
	/* As sockauth_sock_of(): who saw the operations must see the face. */
	smp_rmb();
	return SOCK_INODE(sock)->i_private;
}

/**
 * sockauth_sock_of() - the face of a socket
 * @sock: any socket
 *
 * Return: NULL if the socket is not marked, or is a new one that accept() on a
 *	marked socket has not come to yet.
 */
struct sockauth_sock *sockauth_sock_of(const struct socket *sock)
{
	/* Pairs with the release in sockauth_sock_show(). */
	const struct proto_ops *ops = smp_load_acquire(&sock->ops);

	if (!ops || ops->release != sockauth_sock_release)
		return NULL;
	return SOCK_INODE((struct socket *)sock)->i_private;
}

/**
 * sockauth_sock_show() - have a socket show its face
 * @ss: the face
 * @sock: the socket
 * @ops: from sockauth_ops_of()
 */
void sockauth_sock_show(struct sockauth_sock *ss, struct socket *sock,
			const struct proto_ops *ops)
{
	SOCK_INODE(sock)->i_private = ss;
	/* Whoever sees our operations must see the face. */
	smp_store_release(&sock->ops, ops);
}

/**
 * sockauth_sock_req() - the request that is in force
 * @ss: the face
 *
 * Return: the request, with a reference for the caller.
 */
struct sockauth_req *sockauth_sock_req(struct sockauth_sock *ss)
{
	struct sockauth_req *req;

	rcu_read_lock();
	do {
		req = rcu_dereference(ss->req);
	} while (!refcount_inc_not_zero(&req->ref));
	rcu_read_unlock();
	return req;
}

/**
 * sockauth_sock_replace_req() - a new request for what begins from now on
 * @ss: the face
 * @req: the request; the caller's reference passes to the face
 *
 * Context: process; sleeps.
 * Return: the old request, with the face's reference.
 */
struct sockauth_req *sockauth_sock_replace_req(struct sockauth_sock *ss,
					       struct sockauth_req *req)
{
	mutex_lock(&ss->lock);
	req = rcu_replace_pointer(ss->req, req, lockdep_is_held(&ss->lock));
	mutex_unlock(&ss->lock);
	return req;
}

/**
 * sockauth_sock_conn() - the connection of a socket
 * @ss: the face
 *
 * Context: process; sleeps.
 * Return: the connection, with a reference for the caller, or NULL.
 */
struct sockauth_conn *sockauth_sock_conn(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn;

	mutex_lock(&ss->lock);
	conn = ss->conn;
	if (conn)
		refcount_inc(&conn->ref);
	mutex_unlock(&ss->lock);
	return conn;
}

static bool sockauth_sock_is_open(const struct sockauth_sock *ss)
{
	/* Pairs with the release in sockauth_conn_open(). */
	return smp_load_acquire(&ss->open);
}

static int sockauth_sock_release(struct socket *sock)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	const struct proto_ops *base;
	int ret;

	/* An accept() that failed: the new socket has the listener's ops. */
	if (!ss)
		return 0;
	base = ss->base;
	/* TCP may look at it long after we are gone. */
	sockauth_ulp_vacate(ss->sk);
	if (ss->listener)
		sockauth_listener_destroy(ss->listener);
	if (ss->open)
		sockauth_close_begin(ss, sock);
	if (!sock->sk)
		return 0;
	if (ss->conn)
		sockauth_conn_close(ss->conn);
	ret = base->release(sock);
	module_put(base->owner);
	sockauth_sock_free(ss);
	return ret;
}

/* TCP has stopped listening, and forgotten who was not accepted. */
static void sockauth_sock_check_listening(struct sockauth_sock *ss)
{
	struct sockauth_listener *l = READ_ONCE(ss->listener);

	if (l && inet_sk_state_load(ss->sk) != TCP_LISTEN)
		sockauth_listener_stop(l);
}

/* kTLS cannot be taken off again, nor an authentication half done. */
static int sockauth_sock_disconnect(struct sockauth_sock *ss,
				    struct socket *sock,
				    struct sockauth_sockaddr *addr, int len,
				    int flags)
{
	int ret;

	if (READ_ONCE(ss->conn))
		return -EOPNOTSUPP;
	ret = ss->base->connect(sock, addr, len, flags);
	sockauth_sock_check_listening(ss);
	return ret;
}

static int sockauth_sock_connect(struct socket *sock,
				 struct sockauth_sockaddr *addr, int len,
				 int flags)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);

	if (len < (int)sizeof(addr->sa_family))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC)
		return sockauth_sock_disconnect(ss, sock, addr, len, flags);
	if (inet_sk_state_load(ss->sk) == TCP_LISTEN)
		return -EISCONN;
	return sockauth_client_connect(ss, sock, addr, len, flags);
}

static int sockauth_sock_accept(struct socket *sock, struct socket *newsock,
				SOCKAUTH_ACCEPT_ARGS)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	struct sockauth_listener *l = READ_ONCE(ss->listener);

	if (!l)
		return -EINVAL;
	/*
	 * The socket layer took @newsock's operations, and a reference on
	 * their owner, from @sock, which another thread has marked since.
	 */
	if (newsock->ops->owner != THIS_MODULE) {
		__module_get(THIS_MODULE);
		module_put(newsock->ops->owner);
		newsock->ops = READ_ONCE(sock->ops);
	}
	return sockauth_listener_accept(l, newsock, sockauth_accept_flags());
}

static __poll_t sockauth_sock_poll(struct file *file, struct socket *sock,
				   struct poll_table_struct *pt)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	struct sockauth_listener *l = READ_ONCE(ss->listener);

	if (l && inet_sk_state_load(ss->sk) == TCP_LISTEN)
		return sockauth_listener_poll(l, file, pt);
	if (!sockauth_sock_is_open(ss))
		return sockauth_client_poll(ss, file, sock, pt);
	return sockauth_stream_poll(ss, file, sock, pt);
}

static int sockauth_sock_listen(struct socket *sock, int backlog)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	struct sockauth_listener *l;
	int ret = 0;

	if (sockauth_sock_is_open(ss))
		return ss->base->listen(sock, backlog);

	mutex_lock(&ss->lock);
	if (!ss->listener) {
		l = sockauth_listener_create(ss);
		if (IS_ERR(l))
			ret = PTR_ERR(l);
		else
			WRITE_ONCE(ss->listener, l);
	}
	if (!ret)
		ret = ss->base->listen(sock, backlog);
	if (!ret)
		sockauth_listener_start(ss->listener);
	mutex_unlock(&ss->lock);
	return ret;
}

static int sockauth_sock_shutdown(struct socket *sock, int how)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	int ret;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (!sockauth_sock_is_open(ss) && sockauth_client_cancel(ss))
		return 0;
	if (sockauth_sock_is_open(ss))
		return sockauth_close_shutdown(ss, sock, how);
	ret = ss->base->shutdown(sock, how);
	sockauth_sock_check_listening(ss);
	return ret;
}

/* Neither the handshake's bytes nor those of records are the application's. */
static int sockauth_sock_ioctl(struct socket *sock, unsigned int cmd,
			       unsigned long arg)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	int unread = 0;

	if (cmd != SIOCINQ || !READ_ONCE(ss->conn))
		return ss->base->ioctl(sock, cmd, arg);
	if (sockauth_sock_is_open(ss))
		unread = sockauth_stream_unread(ss, sock,
						READ_ONCE(ss->sk->sk_rcvbuf));
	return put_user(unread, (int __user *)arg);
}

/*
 * TCP counts what it has received, which is not what the application gets, and
 * says nothing to kTLS below the mark: a whole record could lie there unseen.
 */
static int sockauth_sock_set_rcvlowat(struct sock *sk, int val)
{
	return val > 1 ? -EOPNOTSUPP : 0;
}

/* Options that would replace our operations, or move bytes past kTLS. */
static bool sockauth_sock_option_gated(int level, int optname)
{
	switch (level) {
	case SOL_TLS:
		return true;
	case SOL_TCP:
		return optname == TCP_ULP || optname == TCP_REPAIR ||
		       optname == TCP_REPAIR_QUEUE ||
		       optname == TCP_FASTOPEN_CONNECT ||
		       optname == TCP_ZEROCOPY_RECEIVE;
	case SOL_IPV6:
		return optname == IPV6_ADDRFORM;
	default:
		return false;
	}
}

static int sockauth_sock_setsockopt(struct socket *sock, int level,
				    int optname, sockptr_t optval,
				    unsigned int optlen)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	int ret;

	if (sockauth_sockopt_ours(level, optname))
		return sockauth_sockopt_set(ss, optname, optval, optlen);
	if (sockauth_sock_option_gated(level, optname))
		return -EOPNOTSUPP;
	ret = ss->base->setsockopt(sock, level, optname, optval, optlen);
	if (!ret && level == SOL_TCP &&
	    (optname == TCP_NODELAY || optname == TCP_CORK) &&
	    !sockauth_sock_is_open(ss))
		sockauth_client_keep_nagle(ss, optname);
	return ret;
}

/*
 * TCP looks twice at what has the place, and may sleep in between, while we leave
 * it to kTLS: by the second look it can be nobody's.
 */
static int sockauth_sock_get_ulp(struct sock *sk, char __user *optval,
				 int __user *optlen)
{
	char name[TCP_ULP_NAME_MAX];
	bool there;
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	lock_sock(sk);
	there = inet_csk(sk)->icsk_ulp_ops;
	if (there)
		memcpy(name, inet_csk(sk)->icsk_ulp_ops->name, sizeof(name));
	release_sock(sk);
	len = there ? min_t(unsigned int, len, sizeof(name)) : 0;
	if (put_user(len, optlen) || copy_to_user(optval, name, len))
		return -EFAULT;
	return 0;
}

static int sockauth_sock_getsockopt(struct socket *sock, int level,
				    int optname, char __user *optval,
				    int __user *optlen)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	int len, ret;

	if (sockauth_sockopt_ours(level, optname)) {
		if (get_user(len, optlen))
			return -EFAULT;
		ret = sockauth_sockopt_get(ss, optname, optval, &len);
		if (ret && ret != -EMSGSIZE)
			return ret;
		return put_user(len, optlen) ? -EFAULT : ret;
	}
	/* This only tells the name; SOL_TLS would tell the keys. */
	if (level == SOL_TCP && optname == TCP_ULP)
		return sockauth_sock_get_ulp(ss->sk, optval, optlen);
	if (sockauth_sock_option_gated(level, optname))
		return -EOPNOTSUPP;
	return ss->base->getsockopt(sock, level, optname, optval, optlen);
}

/*
 * Until it is open, data waits.  Apart from the operations, so that these have
 * nothing to save and restore for what happens once.
 */
static noinline int
sockauth_sock_sendmsg_slow(struct socket *sock, struct msghdr *msg, size_t len,
			   struct sockauth_sock *ss)
{
	int ret = sockauth_client_ready(ss, sock_sndtimeo(ss->sk,
							  msg->msg_flags &
							  MSG_DONTWAIT));

	if (!ret)
		return sockauth_stream_sendmsg(sock, msg, len, ss);
	return sk_stream_error(ss->sk, msg->msg_flags,
			       ret == -ENOTCONN ? -EPIPE : ret);
}

static int sockauth_sock_sendmsg(struct socket *sock, struct msghdr *msg,
				 size_t len)
{
	struct sockauth_sock *ss = sockauth_sock_face(sock);

	if (likely(sockauth_sock_is_open(ss)))
		return sockauth_stream_sendmsg(sock, msg, len, ss);
	return sockauth_sock_sendmsg_slow(sock, msg, len, ss);
}

static noinline int
sockauth_sock_recvmsg_slow(struct socket *sock, struct msghdr *msg, size_t len,
			   int flags, struct sockauth_sock *ss)
{
	int ret;

	/* TLS has no urgent data. */
	if (flags & MSG_OOB)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return ss->base->recvmsg(sock, msg, len, flags);
	ret = sockauth_client_ready(ss, sock_rcvtimeo(ss->sk, flags &
						      MSG_DONTWAIT));
	return ret ?: sockauth_stream_recvmsg(sock, msg, len, flags, ss);
}

static int sockauth_sock_recvmsg(struct socket *sock, struct msghdr *msg,
				 size_t len, int flags)
{
	struct sockauth_sock *ss = sockauth_sock_face(sock);

	if (likely(sockauth_sock_is_open(ss)) &&
	    likely(!(flags & (MSG_OOB | MSG_ERRQUEUE))))
		return sockauth_stream_recvmsg(sock, msg, len, flags, ss);
	return sockauth_sock_recvmsg_slow(sock, msg, len, flags, ss);
}

#ifdef SOCKAUTH_HAVE_SENDPAGE
static noinline ssize_t
sockauth_sock_sendpage_slow(struct socket *sock, struct page *page, int offset,
			    size_t size, int flags, struct sockauth_sock *ss)
{
	int ret = sockauth_client_ready(ss, sock_sndtimeo(ss->sk, flags &
							  MSG_DONTWAIT));

	if (!ret)
		return sockauth_stream_sendpage(sock, page, offset, size, flags,
						ss);
	return sk_stream_error(ss->sk, flags, ret == -ENOTCONN ? -EPIPE : ret);
}

static ssize_t sockauth_sock_sendpage(struct socket *sock, struct page *page,
				      int offset, size_t size, int flags)
{
	struct sockauth_sock *ss = sockauth_sock_face(sock);

	if (likely(sockauth_sock_is_open(ss)))
		return sockauth_stream_sendpage(sock, page, offset, size, flags,
						ss);
	return sockauth_sock_sendpage_slow(sock, page, offset, size, flags, ss);
}
#endif

static ssize_t sockauth_sock_splice_read(struct socket *sock, loff_t *ppos,
					 struct pipe_inode_info *pipe,
					 size_t len, unsigned int flags)
{
	struct sockauth_sock *ss = sockauth_sock_of(sock);
	long timeo = sock_rcvtimeo(ss->sk, sock->file->f_flags & O_NONBLOCK);
	int ret;

	if (unlikely(!sockauth_sock_is_open(ss))) {
		ret = sockauth_client_ready(ss, timeo);
		if (ret)
			return ret;
	}
	return sockauth_stream_splice_read(ss, sock, ppos, pipe, len, flags);
}

static int sockauth_sock_no_mmap(struct file *file, struct socket *sock,
				 struct vm_area_struct *vma)
{
	return -ENODEV;
}

/**
 * sockauth_sock_override() - make operations ours
 * @ops: a copy of those below
 *
 * What is not named here, nor in ops.c, is as it is below.
 */
void sockauth_sock_override(struct proto_ops *ops)
{
	ops->owner = THIS_MODULE;
	ops->release = sockauth_sock_release;
	ops->connect = sockauth_sock_connect;
	ops->accept = sockauth_sock_accept;
	ops->poll = sockauth_sock_poll;
	ops->listen = sockauth_sock_listen;
	ops->shutdown = sockauth_sock_shutdown;
	ops->ioctl = sockauth_sock_ioctl;
	ops->set_rcvlowat = sockauth_sock_set_rcvlowat;
	ops->setsockopt = sockauth_sock_setsockopt;
	ops->getsockopt = sockauth_sock_getsockopt;
	ops->sendmsg = sockauth_sock_sendmsg;
	ops->recvmsg = sockauth_sock_recvmsg;
	ops->splice_read = sockauth_sock_splice_read;
	ops->mmap = sockauth_sock_no_mmap;
#ifdef SOCKAUTH_HAVE_SENDPAGE
	ops->sendpage = sockauth_sock_sendpage;
#endif
}

/**
 * sockauth_sock_alloc() - a face that no socket shows yet
 * @req: the request; the caller's reference passes to the face
 *
 * Context: process; sleeps.
 * Return: the face, or NULL: no memory, and @req is still the caller's.
 */
struct sockauth_sock *sockauth_sock_alloc(struct sockauth_req *req)
{
	struct sockauth_sock *ss;

	ss = kmem_cache_zalloc(sockauth_sock_cache, GFP_KERNEL);
	if (!ss)
		return NULL;
	sockauth_object_born(SOCKAUTH_OBJECT_SOCK);
	mutex_init(&ss->lock);
	RCU_INIT_POINTER(ss->req, req);
	return ss;
}

/**
 * sockauth_sock_free() - free a face that no socket shows any more
 * @ss: the face
 */
void sockauth_sock_free(struct sockauth_sock *ss)
{
	sockauth_req_put(rcu_dereference_protected(ss->req, 1));
	mutex_destroy(&ss->lock);
	sockauth_object_gone(SOCKAUTH_OBJECT_SOCK);
	kmem_cache_free(sockauth_sock_cache, ss);
}

/**
 * sockauth_sock_init() - set up at load
 *
 * Return: 0 or -ENOMEM.
 */
int __init sockauth_sock_init(void)
{
	sockauth_sock_cache = KMEM_CACHE(sockauth_sock, SLAB_ACCOUNT);
	return sockauth_sock_cache ? 0 : -ENOMEM;
}

/**
 * sockauth_sock_exit() - undo sockauth_sock_init(); no face is left
 */
void sockauth_sock_exit(void)
{
	kmem_cache_destroy(sockauth_sock_cache);
}
