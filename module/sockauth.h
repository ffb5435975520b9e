/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockauth - what all of the module needs, in sections by file; connections are
 * in conn.h, workers in worker.h
 *
 * Objects and who owns them:
 *
 *   sockauth_sock      the face of a marked socket: what we know of it.  Born in
 *                      setsockopt() or accept(), dies in ->release.
 *   sockauth_listener  what a marked socket needs to listen; referenced by its
 *                      face and by every connection it drained.
 *   sockauth_req       what the application asked for; shared, read-only.
 *   sockauth_user      whose work our work is; referenced by requests.
 *
 * The locks and their order are in Documentation/locking.rst.
 */
#ifndef _SOCKAUTH_H
#define _SOCKAUTH_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/refcount.h>
#include <linux/sockptr.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../uapi/linux/sockauth.h"
#include "compat/compat.h"

struct sockauth_conn;
struct sockauth_hold;
struct sockauth_listener;
struct sockauth_sock;
struct sockauth_user;

/* ---- main.c: life of the module, per-namespace state ---- */

/* Defaults of the limits; their bounds are in netlink.c. */
#define SOCKAUTH_PENDING_DEFAULT	1024
#define SOCKAUTH_PENDING_NET_DEFAULT	16384
#define SOCKAUTH_TIMEOUT_DEFAULT	30000
#define SOCKAUTH_BYTES_DEFAULT		(256 * 1024)
#define SOCKAUTH_LEGS_DEFAULT		64

/**
 * struct sockauth_limits - what strangers may hold, per namespace
 * @pending: connections being authenticated, per listener
 * @pending_net: the same for all listeners of the namespace, and again for all
 *	sockets that applications have
 * @timeout_ms: for an authentication whose request names none
 * @bytes: of input per authentication
 * @legs: events per authentication
 * @guests: as @pending_net, for each namespace whose connections are guests of
 *	this one's workers; 0: none are.  Of the initial namespace alone
 *
 * Read without a lock, written by SOCKAUTH_CMD_LIMITS_SET.
 */
struct sockauth_limits {
	u32	pending;
	u32	pending_net;
	u32	timeout_ms;
	u32	bytes;
	u32	legs;
	u32	guests;
};

/**
 * struct sockauth_net - state of one network namespace
 * @net: the namespace
 * @conns: connections by id, guests too; lookups under RCU
 * @lock: protects @workers, @waiting, @listeners, @profiles, and all that
 *	worker.c and credit.c say it does
 * @workers: bound workers
 * @served: a worker was bound here once: never again is a connection of this
 *	namespace a guest of others
 * @waiting: connections that any worker may take, oldest first; guests apart
 * @closing: contexts that are over, and whose workers have not been told
 * @listeners: listening sockets, for dumps and eviction
 * @profiles: what the daemon serves, names with their zeros one after the
 *	other, an empty one last; NULL: nobody has said
 * @limits: see there
 * @pending: connections being authenticated
 * @listed: of these, those that a listener drained: what strangers hold.  The
 *	others have a descriptor of an application, whose own limits bound them
 * @open: established connections
 * @alive: connections that are not freed yet
 * @parting: closed by the application, but not by the peer yet
 * @started: authentications begun
 * @done: authentications completed
 * @resumed: of these, by resumption
 * @failed: connections that ended badly, by enum sockauth_reason
 */
struct sockauth_net {
	struct net		*net;
	struct xarray		conns;
	spinlock_t		lock;		/* see above */
	struct list_head	workers;
	bool			served;
	struct list_head	waiting[2];
	u32			closing;
	struct list_head	listeners;
	char			*profiles;
	struct sockauth_limits	limits;
	atomic_t		pending;
	atomic_t		listed;
	atomic_t		open;
	atomic_t		alive;
	atomic_t		parting;
	atomic64_t		started;
	atomic64_t		done;
	atomic64_t		resumed;
	atomic64_t		failed[__SOCKAUTH_REASON_MAX];
};

/* Objects that are counted: none may be left when the module is unloaded. */
enum sockauth_object {
	SOCKAUTH_OBJECT_SOCK,
	SOCKAUTH_OBJECT_CONN,
	SOCKAUTH_OBJECT_EXCHANGE,
	SOCKAUTH_OBJECT_LISTENER,
	SOCKAUTH_OBJECT_WORKER,
	SOCKAUTH_OBJECT_REQ,
	SOCKAUTH_OBJECT_USER,
	__SOCKAUTH_OBJECT_MAX,
};

extern atomic_t sockauth_objects[__SOCKAUTH_OBJECT_MAX];

static inline void sockauth_object_born(enum sockauth_object type)
{
	atomic_inc(&sockauth_objects[type]);
}

static inline void sockauth_object_gone(enum sockauth_object type)
{
	atomic_dec(&sockauth_objects[type]);
}

extern struct workqueue_struct *sockauth_wq, *sockauth_app_wq;
extern struct workqueue_struct *sockauth_hold_wq, *sockauth_slow_wq;
struct sockauth_net *sockauth_net_of(const struct net *net);
u32 sockauth_net_guests(const struct sockauth_net *snet);
u32 sockauth_net_pending_max(const struct sockauth_net *snet);

/* ---- sockopt.c: the socket options ---- */

/**
 * struct sockauth_req - what the application asked for; never changes
 * @ref: one for the face, one for each connection
 * @uid: who asked (effective user id)
 * @gid: likewise
 * @user: whose work it makes; a reference
 * @flags: enum sockauth_req_flags
 * @timeout_ms: 0: the namespace's default
 * @alpn_len: length of @alpn
 * @profile: in @data, empty: default
 * @target: in @data, may be empty
 * @alpn: in @data
 * @rcu: delays freeing
 * @data: the three
 */
struct sockauth_req {
	refcount_t	ref;
	kuid_t		uid;
	kgid_t		gid;
	struct sockauth_user *user;
	u32		flags;
	u32		timeout_ms;
	u8		alpn_len;
	const char	*profile;
	const char	*target;
	const u8	*alpn;
	struct rcu_head	rcu;
	char		data[];
};

/* A side is named for a socket that is connected already. */
#define SOCKAUTH_REQ_SIDE	(SOCKAUTH_REQ_CLIENT | SOCKAUTH_REQ_SERVER)

void sockauth_req_put(struct sockauth_req *req);
bool sockauth_sockopt_ours(int level, int optname);
int sockauth_sockopt_set(struct sockauth_sock *ss, int optname,
			 sockptr_t optval, unsigned int optlen);
int sockauth_sockopt_get(struct sockauth_sock *ss, int optname,
			 char __user *optval, int *optlen);
int sockauth_sockopt_init(void);
void sockauth_sockopt_exit(void);

/* ---- socket.c: the face of a marked socket, gates for every call ---- */

/**
 * struct sockauth_sock - the face of a marked socket
 * @base: the operations below ours: TCP's, later those of kTLS
 * @sk: the socket
 * @lock: serialises changes of @req and of @listener's life
 * @req: the request; replaced under @lock, read under RCU
 * @listener: set once it has listened
 * @conn: set once it is connected or connecting; replaced under @lock if it
 *	ended before the first token, and never once @open is set
 * @open: @conn is authenticated: data may pass, through @base
 * @senders: calls that are sending; the highest bit says that no more may begin,
 *	for the application has closed its side
 * @hold: what sends the rest of MSG_MORE; made by the first send of that kind
 *
 * The socket's inode points here, see sockauth_sock_of().
 */
struct sockauth_sock {
	const struct proto_ops		*base;
	struct sock			*sk;
	struct mutex			lock;		/* see above */
	struct sockauth_req __rcu	*req;
	struct sockauth_listener	*listener;
	struct sockauth_conn		*conn;
	bool				open;
	atomic_t			senders;
	struct sockauth_hold		*hold;
};

struct sockauth_sock *sockauth_sock_of(const struct socket *sock);
struct sockauth_sock *sockauth_sock_alloc(struct sockauth_req *req);
void sockauth_sock_override(struct proto_ops *ops);
void sockauth_sock_show(struct sockauth_sock *ss, struct socket *sock,
			const struct proto_ops *ops);
void sockauth_sock_free(struct sockauth_sock *ss);
struct sockauth_req *sockauth_sock_req(struct sockauth_sock *ss);
struct sockauth_req *sockauth_sock_replace_req(struct sockauth_sock *ss,
					       struct sockauth_req *req);
struct sockauth_conn *sockauth_sock_conn(struct sockauth_sock *ss);
int sockauth_sock_init(void);
void sockauth_sock_exit(void);

/* ---- mark.c: may this socket be marked ---- */

int sockauth_mark_socket(struct sock *sk, struct sockauth_req *req,
			 struct socket **sock);

/* ---- ops.c: the operations that marked sockets show ---- */

const struct proto_ops *sockauth_ops_of(const struct sock *sk,
					const struct proto_ops *base);
void sockauth_ops_exit(void);

/* ---- ulp.c: keeps other upper layer protocols off ---- */

void sockauth_ulp_occupy(struct sock *sk);
int sockauth_ulp_guard(struct sock *sk);
void sockauth_ulp_vacate(struct sock *sk);
bool sockauth_ulp_other(const struct sock *sk);
void sockauth_ulp_init(void);

/* ---- listener.c: drains children, pending and ready queue, accept ---- */

/**
 * struct sockauth_listener - what a marked socket needs to listen
 * @ref: one for the face, one for each connection that came from here
 * @ss: the face; valid until @closed
 * @base: TCP's own operations, for the private sockets of children
 * @snet: its namespace
 * @wait: accept() and poll() sleep here, so that a TCP child that nobody
 *	authenticated yet wakes no application
 * @entry: on the socket's own wait queue: its callback queues @drain
 * @drain: takes children out of TCP's accept queue
 * @slow: waits for the application, which has locked the socket, for @drain
 * @link: on sockauth_net.listeners
 * @lock: protects all below
 * @pending: being authenticated, oldest first
 * @ready: authenticated, oldest first
 * @npending: length of @pending
 * @nready: length of @ready
 * @closed: takes no more
 * @accepted: given to the application so far
 * @rcu: for the last look of a wait queue's callback
 */
struct sockauth_listener {
	refcount_t		ref;
	struct sockauth_sock	*ss;
	const struct proto_ops	*base;
	struct sockauth_net	*snet;
	wait_queue_head_t	wait;
	wait_queue_entry_t	entry;
	struct work_struct	drain;
	struct work_struct	slow;
	struct list_head	link;
	spinlock_t		lock;		/* see above */
	struct list_head	pending;
	struct list_head	ready;
	u32			npending;
	u32			nready;
	bool			closed;
	u64			accepted;
	struct rcu_head		rcu;
};

struct sockauth_listener *sockauth_listener_create(struct sockauth_sock *ss);
void sockauth_listener_start(struct sockauth_listener *l);
void sockauth_listener_stop(struct sockauth_listener *l);
void sockauth_listener_destroy(struct sockauth_listener *l);
void sockauth_listener_put(struct sockauth_listener *l);
int sockauth_listener_accept(struct sockauth_listener *l,
			     struct socket *newsock, int flags);
__poll_t sockauth_listener_poll(struct sockauth_listener *l, struct file *file,
				struct poll_table_struct *pt);
void sockauth_listener_wake(struct sockauth_listener *l);
bool sockauth_listener_ready(struct sockauth_listener *l,
			     struct sockauth_conn *conn);
void sockauth_listener_forget(struct sockauth_listener *l,
			      struct sockauth_conn *conn);

#endif /* _SOCKAUTH_H */
