// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - stream: reading and writing an established connection
 *
 * Owns nothing.  Data never comes near slow paths here: kTLS is called as it
 * is, and only when it says that the next record is not data (EIO on receive,
 * EINVAL on splice) does record.c look at it.  What else is here makes a kTLS
 * socket answer as a TCP socket does where kTLS has an answer of its own.
 */
#include <linux/wait.h>
#include <linux/wait_bit.h>
#include <net/tcp.h>
#include <net/tls.h>
/* Its own includes are not all that it needs. */
#include <linux/splice.h>

#include "conn.h"
#include "sockauth.h"

/* Flags that mean nothing to TCP, or nothing here, and that kTLS refuses. */
#define SOCKAUTH_STREAM_SEND_IGNORED	(MSG_EOR | MSG_CONFIRM | MSG_DONTROUTE | \
					 MSG_PROBE | MSG_BATCH | MSG_WAITALL)

/* Of sockauth_sock.senders: the application has closed its side. */
#define SOCKAUTH_SEND_CLOSED	INT_MIN

/* How long shutdown() waits for other threads that send. */
#define SOCKAUTH_SEND_PATIENCE	(HZ / 5)

/* kTLS's own sk_data_ready: the same for every socket that there is. */
static void (*sockauth_stream_ktls_ready)(struct sock *sk);

/*
 * kTLS says that a record is there, but not that another one has come while
 * the first is unread: who waits for an edge (EPOLLET), and has not read
 * everything, would wait for ever.  TCP says so for every segment.
 */
static void sockauth_stream_data_ready(struct sock *sk)
{
	struct tls_sw_context_rx *rx = tls_sw_ctx_rx(tls_get_ctx(sk));
	bool unread = rx->strp.msg_ready;

	READ_ONCE(sockauth_stream_ktls_ready)(sk);
	if (unlikely(unread))
		rx->saved_data_ready(sk);
}

/**
 * sockauth_stream_listen() - hear of everything that arrives
 * @sk: a socket that kTLS has just got both keys for
 *
 * kTLS puts back what was there before both of us when the socket is closed, so
 * nothing of ours is left behind on a socket that outlives its application.
 */
void sockauth_stream_listen(struct sock *sk)
{
	write_lock_bh(&sk->sk_callback_lock);
	if (sockauth_stream_ktls_ready != sk->sk_data_ready)
		WRITE_ONCE(sockauth_stream_ktls_ready, sk->sk_data_ready);
	sk->sk_data_ready = sockauth_stream_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * sockauth_stream_stop() - nothing more will be read
 * @sk: the socket; what is there already can be read
 *
 * Wakes all who wait in kTLS.  RCV_SHUTDOWN would do that too, but makes TCP
 * answer the peer's last words (a ticket, its close_notify) with a RST, which
 * takes our own last data with it.
 *
 * Context: process; takes lock_sock().
 */
void sockauth_stream_stop(struct sock *sk)
{
	lock_sock(sk);
	sock_set_flag(sk, SOCK_DONE);
	sk->sk_state_change(sk);
	release_sock(sk);
}

/* Nothing more will come, and nothing is left. */
static bool sockauth_stream_at_end(struct sock *sk)
{
	return (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN ||
		sock_flag(sk, SOCK_DONE)) && !sk_is_readable(sk);
}

/* What a reader is told once reading has ended. */
static int sockauth_stream_ended(struct sockauth_conn *conn)
{
	int end = READ_ONCE(conn->rx_end);

	return end == SOCKAUTH_RX_EOF ? 0 : end;
}

/* kTLS says end of file: is it the peer's word, or was the stream cut? */
static int sockauth_stream_eof(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn = ss->conn;

	if (READ_ONCE(conn->rx_end))
		return sockauth_stream_ended(conn);
	if (READ_ONCE(conn->rd_shut) ||
	    conn->req->flags & SOCKAUTH_REQ_TRUNCATION_OK)
		return 0;

	mutex_lock(&conn->lock);
	if (!conn->truncated) {
		conn->truncated = true;
		atomic64_inc(&conn->snet->failed[SOCKAUTH_REASON_TRUNCATED]);
		sockauth_conn_set_text(conn, "the stream ended without close_notify");
	}
	mutex_unlock(&conn->lock);
	return -ECONNRESET;
}

/*
 * What came is no record, or not the peer's: kTLS says so once or for ever, as
 * it happens.  RFC 8446 5.2: the connection is over.
 */
static int sockauth_stream_damaged(struct sockauth_sock *ss)
{
	struct sockauth_conn *conn = ss->conn;

	mutex_lock(&conn->lock);
	sockauth_conn_end(conn, SOCKAUTH_REASON_RECORD, EBADMSG,
			  "a record was changed on its way, or is none");
	mutex_unlock(&conn->lock);
	return sockauth_stream_ended(conn);
}

/*
 * TCP says that the connection is lost.  What expires does so on both sides,
 * whose clocks agree: the peer's may have been the first.
 */
static int sockauth_stream_lost(struct sockauth_sock *ss, int err)
{
	struct sockauth_conn *conn = ss->conn;

	if (err != -ECONNRESET && err != -EPIPE)
		return err;

	mutex_lock(&conn->lock);
	if (conn->state == SOCKAUTH_STATE_OPEN)
		sockauth_timer_check_expiry(conn);
	mutex_unlock(&conn->lock);
	return READ_ONCE(conn->rx_end) == -EKEYEXPIRED ? -EKEYEXPIRED : err;
}

static int sockauth_stream_failed(struct sockauth_sock *ss, int err)
{
	switch (err) {
	case -EBADMSG:
	case -EMSGSIZE:
	case -EINVAL:
		return sockauth_stream_damaged(ss);
	default:
		return sockauth_stream_lost(ss, err);
	}
}

/* kTLS has given up on what comes, and only the first reader was told. */
static bool sockauth_stream_stopped(struct sock *sk)
{
	return unlikely(tls_sw_ctx_rx(tls_get_ctx(sk))->strp.stopped) &&
	       !sk_is_readable(sk);
}

/*
 * kTLS has found that what comes next is not data.  Return: 0: look again; else
 * an error for the application.
 */
static int sockauth_stream_skip(struct sockauth_sock *ss, struct socket *sock,
				bool nonblock)
{
	long timeo = sock_rcvtimeo(ss->sk, nonblock);
	int ret = sockauth_record_control(ss, sock);

	/* The peer may go on so for long, and then kTLS has nothing to wait for. */
	if (ret >= 0 && timeo && signal_pending(current))
		return sock_intr_errno(timeo);
	return min(ret, 0);
}

/*
 * Once, and again after each record that is not the application's business.
 * Inline, for every read() comes through here.
 * Return: as recvmsg(); 0: the end, for sockauth_stream_eof() to judge.
 */
static __always_inline int
sockauth_stream_read(struct sockauth_sock *ss, struct socket *sock,
		     struct msghdr *msg, size_t len, int flags)
{
	struct sockauth_conn *conn = ss->conn;
	int ret;

	do {
		if (unlikely(READ_ONCE(conn->rx_end)))
			return sockauth_stream_ended(conn);
		if (sockauth_stream_stopped(ss->sk))
			return sockauth_stream_damaged(ss);
		ret = ss->base->recvmsg(sock, msg, len, flags);
		msg->msg_flags &= ~(MSG_CTRUNC | MSG_EOR);
		if (likely(ret > 0)) {
			sockauth_record_data(conn);
			return ret;
		}
		if (!len)
			return ret;
		if (!ret && sockauth_stream_at_end(ss->sk))
			return 0;
		/* 0: behind an empty record of data there is another type. */
		if (ret && ret != -EIO)
			return sockauth_stream_failed(ss, ret);
		ret = sockauth_stream_skip(ss, sock, flags & MSG_DONTWAIT);
	} while (!ret);
	return ret;
}

/* All means all, also beyond a record that is not data. */
static int sockauth_stream_read_all(struct sockauth_sock *ss,
				    struct socket *sock, struct msghdr *msg,
				    size_t len, int flags, int copied)
{
	int ret = 1;

	while (ret > 0 && copied < len && sk_is_readable(ss->sk) &&
	       sockauth_record_control(ss, sock) == 1) {
		ret = sockauth_stream_read(ss, sock, msg, len - copied, flags);
		if (ret > 0)
			copied += ret;
	}
	return copied;
}

/**
 * sockauth_stream_recvmsg() - receive on an established connection
 * @sock: the application's socket
 * @msg: where to
 * @len: how much
 * @flags: MSG_*
 * @ss: its face; last, so that the arguments of the operation stay where they are
 *
 * kTLS would show the application record types in ancillary data and control
 * records as data.  It gets no room for ancillary data, and so says EIO before
 * a control record; what it marks because of that is taken back.
 *
 * Context: process; sleeps.
 * Return: as recvmsg() on a TCP socket.
 */
int sockauth_stream_recvmsg(struct socket *sock, struct msghdr *msg, size_t len,
			    int flags, struct sockauth_sock *ss)
{
	size_t controllen = msg->msg_controllen;
	int ret;

	msg->msg_controllen = 0;
	ret = sockauth_stream_read(ss, sock, msg, len, flags);
	if (unlikely((flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL) &&
	    ret > 0)
		ret = sockauth_stream_read_all(ss, sock, msg, len, flags, ret);
	msg->msg_controllen = controllen;
	if (unlikely(!ret) && len)
		ret = sockauth_stream_eof(ss);
	return ret;
}

/* Take what has come and is not data.  True: there was something. */
static bool sockauth_stream_clear(struct sockauth_sock *ss,
				  struct socket *sock)
{
	bool taken = false;

	while (sk_is_readable(ss->sk) && !READ_ONCE(ss->conn->rx_end) &&
	       sockauth_record_control(ss, sock) == 1)
		taken = true;
	return taken;
}

/**
 * sockauth_stream_unread() - how much can be read at once
 * @ss: face of an established connection
 * @sock: its socket
 * @max: where to stop counting
 *
 * How many bytes of data the records that are there hold is known only when
 * they are decrypted, so they are; kTLS keeps them.
 *
 * Context: process; does not wait.
 * Return: the number; never more than read() will give, and 0 only if it would
 *	give nothing.
 */
int sockauth_stream_unread(struct sockauth_sock *ss, struct socket *sock,
			   int max)
{
	struct msghdr msg = {};
	int ret;

	/* Without data kTLS would take the error that read() has to tell. */
	sockauth_stream_clear(ss, sock);
	if (!sk_is_readable(ss->sk))
		return 0;
	iov_iter_discard(&msg.msg_iter, ITER_DEST, max);
	ret = sockauth_stream_read(ss, sock, &msg, max,
				   MSG_PEEK | MSG_DONTWAIT);
	return max(ret, 0);
}

/**
 * sockauth_stream_poll() - poll an established connection
 * @ss: its face
 * @file: the socket's file
 * @sock: the application's socket
 * @pt: as for every poll operation
 *
 * A control record makes a socket readable for kTLS, and so does, in some
 * kernels, a part of a record.  Yet there is nothing to read for the
 * application: with the one a read() after poll() would wait, with the other a
 * program that does not wait would poll() again at once, and again.
 *
 * Context: process; sleeps.
 * Return: as poll() on a TCP socket.
 */
__poll_t sockauth_stream_poll(struct sockauth_sock *ss, struct file *file,
			      struct socket *sock, struct poll_table_struct *pt)
{
	const __poll_t in = EPOLLIN | EPOLLRDNORM;
	__poll_t mask = ss->base->poll(file, sock, pt);
	struct sockauth_conn *conn = ss->conn;
	struct sock *sk = ss->sk;

	if (sockauth_stream_clear(ss, sock))
		mask = ss->base->poll(file, sock, NULL);
	if (READ_ONCE(conn->rx_end) || READ_ONCE(conn->rd_shut) ||
	    sockauth_stream_stopped(sk)) {
		mask |= in | EPOLLRDHUP;
		if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
			mask |= EPOLLHUP;
	} else if (!(READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) &&
		   !(mask & EPOLLERR) && !sk_is_readable(sk)) {
		mask &= ~in;
	}
	return mask;
}

/**
 * sockauth_stream_splice_read() - splice from an established connection
 * @ss: its face
 * @sock: the application's socket
 * @ppos: not used by sockets
 * @pipe: where to
 * @len: how much
 * @flags: SPLICE_F_*
 *
 * SPLICE_F_NONBLOCK is about the pipe; whether a socket waits is its own
 * O_NONBLOCK's business, as for TCP, but kTLS asks the other one.
 *
 * Context: process; sleeps.
 * Return: as splice() on a TCP socket.
 */
ssize_t sockauth_stream_splice_read(struct sockauth_sock *ss,
				    struct socket *sock, loff_t *ppos,
				    struct pipe_inode_info *pipe, size_t len,
				    unsigned int flags)
{
	ssize_t ret;

	flags &= ~SPLICE_F_NONBLOCK;
	if (sock->file->f_flags & O_NONBLOCK)
		flags |= SPLICE_F_NONBLOCK;
	do {
		if (READ_ONCE(ss->conn->rx_end))
			return sockauth_stream_ended(ss->conn);
		if (sockauth_stream_stopped(ss->sk))
			return sockauth_stream_damaged(ss);
		ret = ss->base->splice_read(sock, ppos, pipe, len, flags);
		if (ret > 0)
			sockauth_record_data(ss->conn);
		if (ret > 0 || !len)
			return ret;
		if (!ret && sockauth_stream_at_end(ss->sk))
			return sockauth_stream_eof(ss);
		/* 0: it has taken an empty record. */
		if (ret && ret != -EINVAL)
			return sockauth_stream_failed(ss, ret);
		ret = sockauth_stream_skip(ss, sock,
					   flags & SPLICE_F_NONBLOCK);
	} while (!ret);
	return ret;
}

/*
 * A call that sends is counted as long as it does, unless the application has
 * closed its side already.
 */
static inline bool sockauth_stream_send_begin(struct sockauth_sock *ss)
{
	/* kTLS would seal the data first, and find out from TCP much later. */
	return likely(!(READ_ONCE(ss->sk->sk_shutdown) & SEND_SHUTDOWN)) &&
	       likely(atomic_inc_unless_negative(&ss->senders));
}

static inline void sockauth_stream_send_end(struct sockauth_sock *ss)
{
	if (unlikely(atomic_dec_return(&ss->senders) == SOCKAUTH_SEND_CLOSED))
		wake_up_var(&ss->senders);
}

/**
 * sockauth_stream_send_close() - no call sends after this
 * @ss: face of an established connection
 *
 * Those that are sending now get a moment to come to their end.  One that waits
 * for the peer does not, and is cut off by the shutdown that follows.
 *
 * Context: process; sleeps, but not for long.
 * Return: true, once: all that was sent is whole, so the end can be told.
 */
bool sockauth_stream_send_close(struct sockauth_sock *ss)
{
	if (atomic_fetch_or(SOCKAUTH_SEND_CLOSED, &ss->senders) < 0)
		return false;
	return wait_var_event_timeout(&ss->senders,
				      atomic_read(&ss->senders) ==
				      SOCKAUTH_SEND_CLOSED,
				      SOCKAUTH_SEND_PATIENCE);
}

/* RFC 8446 5.1: record types are ours, and TCP's ancillary data has no place. */
static int sockauth_stream_check_control(struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg) || cmsg->cmsg_level == SOL_TLS)
			return -EINVAL;
		if (cmsg->cmsg_level == SOL_SOCKET)
			return -EOPNOTSUPP;
	}
	msg->msg_controllen = 0;
	return 0;
}

/**
 * sockauth_stream_sendmsg() - send on an established connection
 * @sock: the application's socket
 * @msg: what
 * @len: how much
 * @ss: its face; last, see sockauth_stream_recvmsg()
 *
 * Ancillary data never reaches kTLS: with it an application could send records
 * of another type, and kTLS refuses all that it does not know.
 *
 * Context: process; sleeps.
 * Return: as sendmsg() on a TCP socket; -EINVAL: a record type was given;
 *	-EOPNOTSUPP: ancillary data that would have an effect on TCP.
 */
int sockauth_stream_sendmsg(struct socket *sock, struct msghdr *msg, size_t len,
			    struct sockauth_sock *ss)
{
	int ret;

	if (unlikely(!sockauth_stream_send_begin(ss))) {
		ret = sk_stream_error(ss->sk, msg->msg_flags, -EPIPE);
		return sockauth_stream_lost(ss, ret);
	}
	msg->msg_flags &= ~SOCKAUTH_STREAM_SEND_IGNORED;
	if (unlikely(msg->msg_flags & MSG_MORE) && !sockauth_hold_begin(ss))
		msg->msg_flags &= ~MSG_MORE;
	ret = unlikely(msg->msg_controllen) ?
	      sockauth_stream_check_control(msg) : 0;
	if (!ret)
		ret = ss->base->sendmsg(sock, msg, len);
	sockauth_stream_send_end(ss);
	return likely(ret >= 0) ? ret : sockauth_stream_lost(ss, ret);
}

#ifdef SOCKAUTH_HAVE_SENDPAGE
/**
 * sockauth_stream_sendpage() - send a page on an established connection
 * @sock: the application's socket
 * @page: what
 * @offset: where in @page it begins
 * @size: how much
 * @flags: MSG_*
 * @ss: its face; last, see sockauth_stream_recvmsg()
 *
 * Context: process; sleeps.
 * Return: as sendpage() on a TCP socket.
 */
ssize_t sockauth_stream_sendpage(struct socket *sock, struct page *page,
				 int offset, size_t size, int flags,
				 struct sockauth_sock *ss)
{
	ssize_t ret;

	if (unlikely(!sockauth_stream_send_begin(ss)))
		return sk_stream_error(ss->sk, flags, -EPIPE);
	if (flags & MSG_SENDPAGE_NOTLAST && !sockauth_hold_begin(ss))
		flags &= ~MSG_SENDPAGE_NOTLAST;
	ret = ss->base->sendpage(sock, page, offset, size, flags);
	sockauth_stream_send_end(ss);
	return ret;
}
#endif
