/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockauth - the one internal header, in sections by file
 *
 * Objects and who owns them:
 *
 *   sockauth_sock      the face of a marked socket: what we know of it.  Born in
 *                      setsockopt() or accept(), dies in ->release.
 *   sockauth_listener  what a marked socket needs to listen; referenced by its
 *                      face and by every connection it drained.
 *   sockauth_conn      one connection, from the first packet to the end;
 *                      referenced by the namespace's table of ids, by the
 *                      list that it is on, by its timer and work when armed,
 *                      and by the face of the socket that the application has.
 *   sockauth_exchange  the part of a connection that only a pending one needs;
 *                      owned by it, gone when it is open; at its end it may pass
 *                      to the worker that has a context to close.
 *   sockauth_worker    a bound netlink port; referenced by the namespace's
 *                      list and by the connections that it was asked about.
 *   sockauth_req       what the application asked for; shared, read-only.
 *
 * Lock order: conn->lock -> lock_sock(sk) -> sk_callback_lock.  The spinlocks
 * listener->lock and sockauth_net->lock are leaves and never nest.  No lock is
 * ever taken in softirq: the wait-queue callbacks only queue work.
 */
#ifndef _SOCKAUTH_H
#define _SOCKAUTH_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/sockptr.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tls.h>

#include "../uapi/linux/sockauth.h"
#include "compat/compat.h"

/* ---- main.c: life of the module, per-namespace state ---- */

/* Defaults and bounds of the limits, see Documentation/threat-model.rst. */
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
struct sockauth_net *sockauth_net_of(const struct net *net);
u32 sockauth_net_guests(const struct sockauth_net *snet);
u32 sockauth_net_pending_max(const struct sockauth_net *snet);

/* ---- sockopt.c: the socket options ---- */

/**
 * struct sockauth_req - what the application asked for; never changes
 * @ref: one for the face, one for each connection
 * @uid: who asked (effective user id)
 * @gid: likewise
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

struct sockauth_sock;

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
void sockauth_ulp_vacate(struct sock *sk);
bool sockauth_ulp_other(const struct sock *sk);

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
 * @slow: it is queued where it may wait for the application; its own
 * @link: on sockauth_net.listeners
 * @lock: protects all below
 * @pending: being authenticated, oldest first
 * @ready: authenticated, oldest first
 * @npending: length of @pending
 * @nready: length of @ready
 * @closed: takes no more
 * @accepted: given to the application so far
 */
struct sockauth_listener {
	refcount_t		ref;
	struct sockauth_sock	*ss;
	const struct proto_ops	*base;
	struct sockauth_net	*snet;
	wait_queue_head_t	wait;
	wait_queue_entry_t	entry;
	struct work_struct	drain;
	bool			slow;
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

/* ---- conn.c: a connection, its state machine, its one ending ---- */

/**
 * struct sockauth_peer - what is known once authentication is complete
 * @flags: enum sockauth_sec_flags
 * @mech: enum sockauth_mech
 * @version: protocol version on the wire
 * @cipher: TLS cipher suite
 * @uid: local user, or -1 in the initial user namespace
 * @name_type: enum sockauth_name_type
 * @start: seconds since 1970
 * @expiry: likewise, 0: never
 * @binding: tls-exporter; @has_binding says whether it is there
 * @alpn_len: length of @alpn
 * @cred_len: length of @cred
 * @blob_len: length of @blob
 * @name: in @data, empty: anonymous
 * @alpn: in @data
 * @cred: in @data
 * @blob: in @data; a secret
 * @data: the four
 */
struct sockauth_peer {
	u32		flags;
	u32		version;
	u32		cipher;
	kuid_t		uid;
	u8		mech;
	u8		name_type;
	u8		alpn_len;
	bool		has_binding;
	u16		blob_len;
	u32		cred_len;
	s64		start;
	s64		expiry;
	u8		binding[SOCKAUTH_BINDING_LEN];
	const char	*name;
	const u8	*alpn;
	const u8	*cred;
	u8		*blob;
	char		data[];
};

/**
 * struct sockauth_key - one direction of a session key
 * @key: as long as the cipher wants it
 * @iv: RFC 8446 5.3
 * @seq: number of the next record
 * @key_len: length of @key
 */
struct sockauth_key {
	u8	key[32];
	u8	iv[12];
	u64	seq;
	u8	key_len;
};

/**
 * struct sockauth_reply - what a worker answered; holds secrets
 * @status: enum sockauth_step_status
 * @consumed: bytes of the event's token to take from the receive queue
 * @reason: at FAIL
 * @error: at FAIL, positive errno
 * @text: at FAIL, or empty
 * @token_len: length of @token
 * @token_off: how much of it is sent
 * @token: for the peer; the message's own memory, or after a partial send a
 *	copy that @copied tells to free
 * @copied: see there
 * @tx: at DONE
 * @rx: at DONE
 * @peer: at DONE, moves to the connection
 */
struct sockauth_reply {
	u32			status;
	u32			consumed;
	u32			reason;
	u32			error;
	char			text[SOCKAUTH_TEXT_MAX];
	u32			token_len;
	u32			token_off;
	const u8		*token;
	bool			copied;
	struct sockauth_key	tx;
	struct sockauth_key	rx;
	struct sockauth_peer	*peer;
};

/* sockauth_conn.rx_end: close_notify was received */
#define SOCKAUTH_RX_EOF		1

/* Bits of sockauth_conn.events, set by anybody, handled by the work. */
enum {
	SOCKAUTH_EV_TIMER,		/* the timer went off */
	SOCKAUTH_EV_WORKER_DIED,	/* our worker is gone */
	SOCKAUTH_EV_REPLY_LOST,		/* no memory for our worker's reply */
	SOCKAUTH_EV_KILLED,		/* an administrator wants it to end */
};

/**
 * struct sockauth_exchange - what a connection needs until it is open
 * @conn: the connection; it owns this, until its end
 * @id: of the connection, once that has ended
 * @wq: of a child: wait queue of its socket until an application's takes over
 * @entry: on the socket's wait queue: its callback queues conn->work
 * @sock: private socket, from the first token until the connection is open:
 *	kTLS and tcp_sendmsg look at sk->sk_socket
 * @app: the application's socket, if it has one already; valid until the
 *	state is ENDED
 * @base: TCP's own operations, for @sock
 * @reply: while the state is SENDING
 * @offered: bytes of token in the last event
 * @bytes: of token consumed so far
 * @nonagle: the application's setting while ours holds
 * @worker: whom we asked, under sockauth_net.lock
 * @wlink: on one of the lists of credit.c, under sockauth_net.lock
 * @queued: waits for credit of @worker, under sockauth_net.lock
 * @granted: an event may be sent to @worker, under sockauth_net.lock
 * @asked: @worker owes a reply, under sockauth_net.lock
 * @context: @worker keeps a context for us, under sockauth_net.lock
 * @rcu: for the stack's look at @wq
 *
 * Under conn->lock where nothing else is said.
 */
struct sockauth_exchange {
	struct sockauth_conn		*conn;
	u64				id;
	struct socket_wq		wq;
	wait_queue_entry_t		entry;
	struct socket			*sock;
	struct socket			*app;
	const struct proto_ops		*base;
	struct sockauth_reply		*reply;
	u32				offered;
	u32				bytes;
	struct sockauth_worker		*worker;
	struct list_head		wlink;
	u8				nonagle;
	bool				queued;
	bool				granted;
	bool				asked;
	bool				context;
	struct rcu_head			rcu;
};

/**
 * struct sockauth_conn - one connection
 * @ref: see the top of this file
 * @leg: number of the last event
 * @id: never used again
 * @snet: its namespace
 * @lock: protects everything that has no other lock named here
 * @sk: the TCP socket; NULL once we have nothing to do with it any more
 * @ss: face of an initiator; valid until the state is ENDED
 * @ex: see there; NULL once the state is OPEN, and maybe once it is ENDED;
 *	replies look at it under RCU
 * @answer: a worker's reply that @work will take; exchanged without a lock
 * @work: drives the state machine
 * @timer: time-out of the authentication, later the end of the lifetime;
 *	holds a reference while armed
 * @events: SOCKAUTH_EV_* bits, atomic
 * @state: changed by sockauth_conn_set_state() alone; read locklessly
 * @role: enum sockauth_role
 * @reason: why it ended
 * @rx_end: how reading has ended: 0: not; SOCKAUTH_RX_EOF; a negative errno
 * @silent: records without data since the last data
 * @tickets: records with session tickets that a worker was told of
 * @ticket_have: how much of @ticket_hdr is there
 * @ticket_hdr: of a session ticket whose end has not come
 * @ticket_left: how much of it will come in further records
 * @error: errno, positive
 * @rd_shut: the application has shut down reading
 * @truncated: the stream ended without close_notify, and was counted
 * @announce: wake the application when @lock is released
 * @guest: the workers of the initial namespace serve it, see
 *	sockauth_conn_host(); never changes
 * @ready: which of the two lists @link is on, under @listener's lock
 * @born: jiffies
 * @req: what the application asked for
 * @peer: what came of it; set once
 * @text: why it failed; set once
 * @listener: where it came from, for an acceptor
 * @link: on one of @listener's lists, under its lock; the list has a
 *	reference
 * @rcu: for lookups by id
 *
 * Every established connection has one: what only a pending one needs is in
 * struct sockauth_exchange.
 */
struct sockauth_conn {
	refcount_t			ref;
	u32				leg;
	u64				id;
	struct sockauth_net		*snet;
	struct mutex			lock;		/* see above */
	struct sock			*sk;
	struct sockauth_sock		*ss;
	struct sockauth_exchange	*ex;
	struct sockauth_reply		*answer;
	struct work_struct		work;
	struct timer_list		timer;
	unsigned long			events;
	u8				state;
	u8				role;
	u8				reason;
	s16				rx_end;
	u8				silent;
	u8				tickets;
	u8				ticket_have;
	u8				ticket_hdr[4];
	u32				ticket_left;
	u16				error;
	bool				rd_shut;
	bool				truncated;
	bool				announce;
	bool				guest;
	bool				ready;
	unsigned long			born;
	struct sockauth_req		*req;
	struct sockauth_peer		*peer;
	const char			*text;
	struct sockauth_listener	*listener;
	struct list_head		link;
	struct rcu_head			rcu;
};

/* The namespace whose workers serve the connection. */
static inline struct sockauth_net *
sockauth_conn_host(const struct sockauth_conn *conn)
{
	return conn->guest ? sockauth_net_of(&init_net) : conn->snet;
}

struct sockauth_conn *sockauth_conn_create(struct sockauth_listener *l,
					   struct sock *sk);
struct sockauth_conn *sockauth_conn_begin(struct sockauth_sock *ss,
					  struct socket *sock,
					  struct sockauth_req *req,
					  enum sockauth_role role);
bool sockauth_conn_hold(struct sockauth_conn *conn);
void sockauth_conn_put(struct sockauth_conn *conn);
void sockauth_conn_kick(struct sockauth_conn *conn);
void sockauth_conn_set_state(struct sockauth_conn *conn,
			     enum sockauth_state state);
void sockauth_conn_authenticated(struct sockauth_conn *conn);
void sockauth_conn_end(struct sockauth_conn *conn, enum sockauth_reason reason,
		       int error, const char *text);
int sockauth_conn_accept(struct sockauth_conn *conn, struct socket *newsock,
			 struct sockauth_sock *ss);
void sockauth_conn_open(struct sockauth_conn *conn);
bool sockauth_conn_kill(struct sockauth_conn *conn, unsigned long deadline);
void sockauth_conn_set_text(struct sockauth_conn *conn, const char *text);
struct sock *sockauth_conn_sock(struct sockauth_conn *conn);
void sockauth_conn_close(struct sockauth_conn *conn);
int sockauth_conn_init(void);
void sockauth_conn_exit(void);

/* ---- table.c: connections by their ids ---- */

int sockauth_table_add(struct sockauth_conn *conn);
void sockauth_table_remove(struct sockauth_conn *conn);
struct sockauth_conn *sockauth_table_find(struct sockauth_net *snet, u64 id);
struct sockauth_conn *sockauth_table_next(struct sockauth_net *snet,
					  unsigned long *id);

/* ---- timer.c: how long it may take, and last ---- */

void sockauth_timer_setup(struct sockauth_conn *conn);
void sockauth_timer_arm(struct sockauth_conn *conn, unsigned long when);
void sockauth_timer_disarm(struct sockauth_conn *conn);
void sockauth_timer_check_expiry(struct sockauth_conn *conn);

/* ---- drop.c: letting go of a connection's TCP socket ---- */

void sockauth_drop_socket(struct sockauth_conn *conn, bool abort, bool open);
void sockauth_drop_app_ref(struct sockauth_conn *conn, struct sock *sk);

/* ---- exchange.c: one leg after the other ---- */

struct sockauth_exchange *sockauth_exchange_alloc(struct sockauth_conn *conn);
void sockauth_exchange_free(struct sockauth_exchange *ex);
void sockauth_exchange_discard(struct sockauth_conn *conn);
void sockauth_exchange_drop_reply(struct sockauth_conn *conn);
void sockauth_exchange_work(struct work_struct *work);
int sockauth_exchange_give_up(struct sockauth_conn *conn,
			      const struct sock *nlsk, u32 leg);
int sockauth_exchange_answer(struct sockauth_conn *conn,
			     const struct sock *nlsk, u32 leg,
			     struct sockauth_reply *reply);

/* ---- client.c: connect(), and calls before it is through ---- */

int sockauth_client_connect(struct sockauth_sock *ss, struct socket *sock,
			    struct sockauth_sockaddr *addr, int len, int flags);
int sockauth_client_upgrade(struct socket *sock);
void sockauth_client_keep_nagle(struct sockauth_sock *ss);
bool sockauth_client_cancel(struct sockauth_sock *ss);
int sockauth_client_ready(struct sockauth_sock *ss, long timeo);
__poll_t sockauth_client_poll(struct sockauth_sock *ss, struct file *file,
			      struct socket *sock, struct poll_table_struct *pt);

/* ---- relay.c: stream to tokens and back ---- */

/**
 * struct sockauth_token - what the receive queue holds for the next leg
 * @len: bytes of whole records, at most SOCKAUTH_TOKEN_MAX; 0: none yet
 * @malformed: no record begins like that; @len bytes are there all the same
 * @eof: nothing more will come
 */
struct sockauth_token {
	u32	len;
	bool	malformed;
	bool	eof;
};

void sockauth_relay_scan(struct sock *sk, struct sockauth_token *token);
int sockauth_relay_copy(struct sock *sk, void *to, u32 len);
int sockauth_relay_consume(struct sock *sk, u32 len);
void sockauth_relay_drain(struct sock *sk);
int sockauth_relay_send(struct sockauth_conn *conn,
			struct sockauth_reply *reply);
struct sockauth_reply *sockauth_relay_postpone(struct sockauth_reply *reply);
int sockauth_relay_socket(struct sockauth_conn *conn);
void sockauth_relay_socket_show(struct sockauth_conn *conn);
void sockauth_relay_socket_hide(struct sockauth_conn *conn);
void sockauth_relay_socket_put(struct sockauth_conn *conn);

/* ---- record.c: kTLS keys, records that are not data ---- */

/* RFC 8446 5.1: the type of a record of data */
#define SOCKAUTH_RECORD_DATA	23

int sockauth_record_prepare(struct sock *sk);
int sockauth_record_install(struct sock *sk,
			    const struct sockauth_reply *reply);
bool sockauth_record_key_valid(u32 cipher, const struct sockauth_key *key);
size_t sockauth_record_ciphers(u16 *suites, size_t max);
int sockauth_record_control(struct sockauth_sock *ss, struct socket *sock);

/* Data was read: records without any are counted anew. */
static inline void sockauth_record_data(struct sockauth_conn *conn)
{
	if (unlikely(READ_ONCE(conn->silent)))
		WRITE_ONCE(conn->silent, 0);
}

void sockauth_record_close_notify(struct sockauth_sock *ss,
				  struct socket *sock);

/* ---- stream.c: reading and writing an established connection ---- */

void sockauth_stream_listen(struct sock *sk);
void sockauth_stream_stop(struct sock *sk);
int sockauth_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			    int flags, struct sockauth_sock *ss);
int sockauth_stream_unread(struct sockauth_sock *ss, struct socket *sock,
			   int max);
__poll_t sockauth_stream_poll(struct sockauth_sock *ss, struct file *file,
			      struct socket *sock,
			      struct poll_table_struct *pt);
ssize_t sockauth_stream_splice_read(struct sockauth_sock *ss,
				    struct socket *sock, loff_t *ppos,
				    struct pipe_inode_info *pipe, size_t len,
				    unsigned int flags);
bool sockauth_stream_send_close(struct sockauth_sock *ss);
int sockauth_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len,
			    struct sockauth_sock *ss);
#ifdef SOCKAUTH_HAVE_SENDPAGE
ssize_t sockauth_stream_sendpage(struct socket *sock, struct page *page,
				 int offset, size_t size, int flags,
				 struct sockauth_sock *ss);
#endif

/* ---- hold.c: what MSG_MORE holds back ---- */

bool sockauth_hold_begin(struct sockauth_sock *ss);
void sockauth_hold_end(struct sockauth_sock *ss);

/* ---- close.c: shutdown() and close() of an established connection ---- */

int sockauth_close_shutdown(struct sockauth_sock *ss, struct socket *sock,
			    int how);
void sockauth_close_begin(struct sockauth_sock *ss, struct socket *sock);

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

void sockauth_credit_pump(struct sockauth_worker *worker);
int sockauth_credit_acquire(struct sockauth_conn *conn);
void sockauth_credit_sent(struct sockauth_conn *conn);
void sockauth_credit_unsent(struct sockauth_conn *conn);
int sockauth_credit_check(const struct sockauth_exchange *ex,
			  const struct sock *nlsk, u32 leg);
int sockauth_credit_answered(struct sockauth_conn *conn,
			     const struct sock *nlsk, u32 leg, bool context);
struct sockauth_worker *sockauth_credit_notice(struct sockauth_conn *conn);
void sockauth_credit_unnotice(struct sockauth_worker *worker);
int sockauth_credit_noticed(struct sockauth_net *snet,
			    const struct sock *nlsk);
void sockauth_credit_abandon(struct sockauth_conn *conn);
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

int sockauth_event_step(struct sockauth_conn *conn,
			const struct sockauth_token *token);
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

#endif /* _SOCKAUTH_H */
