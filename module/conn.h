/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockauth - connections, in sections by file; see sockauth.h for the locks
 *
 * Objects and who owns them:
 *
 *   sockauth_conn      one connection, from the first packet to the end;
 *                      referenced by the namespace's table of ids, by the
 *                      list that it is on, by its timer and work when armed,
 *                      and by the face of the socket that the application has.
 *   sockauth_exchange  the part of a connection that only a pending one needs;
 *                      owned by it, gone when it is open; at its end it may pass
 *                      to the worker that has a context to close.
 */
#ifndef _SOCKAUTH_CONN_H
#define _SOCKAUTH_CONN_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/refcount.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "../uapi/linux/sockauth.h"
#include "compat/compat.h"
#include "sockauth.h"

struct sockauth_worker;

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
	SOCKAUTH_EV_UNHEARD,		/* and has not received what it was asked */
	SOCKAUTH_EV_REPLY_LOST,		/* no memory for our worker's reply */
	SOCKAUTH_EV_KILLED,		/* an administrator wants it to end */
	SOCKAUTH_EV_EVICTED,		/* its listener wants its place */
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
 * @deaths: how many workers have died that had received the event, and before
 *	they answered
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
	u8				deaths;
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
 * @slot: @work has a slot of its user, under sockauth_user.lock
 * @ulink: waits for one, under sockauth_user.lock
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
	bool				slot;
	unsigned long			born;
	struct sockauth_req		*req;
	struct sockauth_peer		*peer;
	const char			*text;
	struct sockauth_listener	*listener;
	struct list_head		link;
	struct list_head		ulink;
	struct rcu_head			rcu;
};

/* The namespace whose workers serve the connection. */
static inline struct sockauth_net *
sockauth_conn_host(const struct sockauth_conn *conn)
{
	return conn->guest ? sockauth_net_of(&init_net) : conn->snet;
}

/* Does an application have the socket, so that work on it may have to wait? */
static inline bool sockauth_conn_is_app(const struct sockauth_conn *conn)
{
	return !conn->listener ||
	       READ_ONCE(conn->state) == SOCKAUTH_STATE_OPEN;
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
void sockauth_table_set_event(struct sockauth_net *snet, u64 id, int event);
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
void sockauth_exchange_progress(struct sockauth_conn *conn,
				struct sockauth_reply *reply);
void sockauth_exchange_unlock(struct sockauth_conn *conn);
void sockauth_exchange_work(struct work_struct *work);
void sockauth_exchange_evicted(struct sockauth_conn *conn);

/* ---- answer.c: from the worker to the connection ---- */

int sockauth_answer_give_up(struct sockauth_conn *conn,
			    const struct sock *nlsk, u32 leg);
int sockauth_answer_put(struct sockauth_conn *conn, const struct sock *nlsk,
			u32 leg, struct sockauth_reply *reply);
void sockauth_answer_take(struct sockauth_conn *conn);

/* ---- user.c: how much of our work one user can keep waiting ---- */

struct sockauth_user *sockauth_user_get(void);
void sockauth_user_put(struct sockauth_user *user);
int sockauth_user_begin(struct sockauth_user *user, u32 max);
void sockauth_user_end(struct sockauth_user *user);
bool sockauth_user_flush(struct sockauth_user *user);
void sockauth_user_flushed(struct sockauth_user *user);
bool sockauth_user_reserve(struct sockauth_conn *conn);
bool sockauth_user_queue(struct sockauth_conn *conn);
void sockauth_user_forget(struct sockauth_conn *conn);
void sockauth_user_next(struct sockauth_conn *conn);

/* ---- client.c: connect(), and calls before it is through ---- */

int sockauth_client_connect(struct sockauth_sock *ss, struct socket *sock,
			    struct sockauth_sockaddr *addr, int len, int flags);
int sockauth_client_upgrade(struct socket *sock);
void sockauth_client_keep_nagle(struct sockauth_sock *ss, int optname);
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
void sockauth_relay_wait(struct sock *sk);
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

#endif /* _SOCKAUTH_CONN_H */
