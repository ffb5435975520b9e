// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - close: shutdown() and close() of an established connection
 *
 * Owns struct sockauth_parting: a connection whose application has gone, and
 * whose peer has not said yet that it is done.
 *
 * TCP answers whatever comes after close() with a RST, and the peer's TCP then
 * throws away what it has not acknowledged or sent.  On plain TCP that concerns
 * data that nobody reads.  Here the last words of TLS are data to TCP: a session
 * ticket for a client that only writes, the peer's close_notify for everybody.
 * A RST because of them would cut a stream off that was complete.  So the
 * socket is kept for a moment, without its application; what is not data is
 * taken from it, and data is answered as ever.  How many there may be is limited
 * per namespace; one more is closed at once.
 *
 * The connection has ended by then, as monitors see it; the face stays as it is
 * meanwhile.  Nobody else has it, so the work needs no lock.
 */
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "conn.h"
#include "sockauth.h"

#define SOCKAUTH_PARTING_TIME	(2 * HZ)
#define SOCKAUTH_PARTING_MAX	4096

/**
 * struct sockauth_parting - see above
 * @ss: the face
 * @sock: private socket in place of the application's
 * @entry: on its wait queue: queues @work
 * @work: looks at what has come
 * @deadline: in jiffies
 */
struct sockauth_parting {
	struct sockauth_sock	*ss;
	struct socket		*sock;
	wait_queue_entry_t	entry;
	struct delayed_work	work;
	unsigned long		deadline;
};

/* Say nothing more, and have TCP send a RST. */
static void sockauth_close_abort(struct sock *sk)
{
	lock_sock(sk);
	sock_set_flag(sk, SOCK_LINGER);
	sk->sk_lingertime = 0;
	release_sock(sk);
}

/* The peer has said that it is done, or cannot say anything any more. */
static bool sockauth_close_peer_done(struct sockauth_sock *ss)
{
	return READ_ONCE(ss->conn->rx_end) ||
	       READ_ONCE(ss->sk->sk_shutdown) & RCV_SHUTDOWN ||
	       READ_ONCE(ss->sk->sk_err) ||
	       inet_sk_state_load(ss->sk) == TCP_CLOSE;
}

static void sockauth_parting_end(struct sockauth_parting *parting)
{
	struct sockauth_sock *ss = parting->ss;

	/* Nobody queues the work after this, and it is not queued by then. */
	remove_wait_queue(&parting->sock->wq.wait, &parting->entry);
	cancel_delayed_work(&parting->work);

	atomic_dec(&ss->conn->snet->parting);
	sockauth_conn_put(ss->conn);
	sock_release(parting->sock);
	sockauth_sock_free(ss);
	kfree(parting);
	/* main.c waits for the work that this is the end of. */
	module_put(THIS_MODULE);
}

static void sockauth_parting_work(struct work_struct *work)
{
	struct sockauth_parting *parting;
	struct sockauth_sock *ss;
	long left;

	parting = container_of(to_delayed_work(work), struct sockauth_parting,
			       work);
	ss = parting->ss;
	left = (long)(parting->deadline - jiffies);
	if (sockauth_stream_unread(ss, parting->sock, 1)) {
		sockauth_close_abort(ss->sk);
	} else if (!sockauth_close_peer_done(ss) && left > 0) {
		queue_delayed_work(sockauth_wq, &parting->work, left);
		return;
	}
	sockauth_parting_end(parting);
}

static int sockauth_parting_wake(wait_queue_entry_t *entry, unsigned int mode,
				 int sync, void *key)
{
	struct sockauth_parting *parting;

	parting = container_of(entry, struct sockauth_parting, entry);
	mod_delayed_work(sockauth_wq, &parting->work, 0);
	return 0;
}

static struct sockauth_parting *sockauth_parting_alloc(struct sockauth_sock *ss)
{
	struct sockauth_parting *parting;

	parting = kzalloc(sizeof(*parting), GFP_KERNEL_ACCOUNT);
	if (!parting)
		return NULL;
	if (sock_create_lite(ss->sk->sk_family, SOCK_STREAM, IPPROTO_TCP,
			     &parting->sock)) {
		kfree(parting);
		return NULL;
	}
	parting->ss = ss;
	parting->deadline = jiffies + SOCKAUTH_PARTING_TIME;
	INIT_DELAYED_WORK(&parting->work, sockauth_parting_work);
	init_waitqueue_func_entry(&parting->entry, sockauth_parting_wake);
	return parting;
}

/*
 * The socket lives on without its application.  False: it does not, for there
 * are too many already, or no memory.
 */
static bool sockauth_parting_begin(struct sockauth_sock *ss,
				   struct socket *sock)
{
	struct sockauth_net *snet = ss->conn->snet;
	struct sockauth_parting *parting;
	struct wait_queue_head *wait;
	struct sock *sk = ss->sk;

	if (atomic_inc_return(&snet->parting) > SOCKAUTH_PARTING_MAX)
		goto fail;
	parting = sockauth_parting_alloc(ss);
	if (!parting)
		goto fail;
	/* For everybody else it is over. */
	refcount_inc(&ss->conn->ref);
	sockauth_conn_close(ss->conn);
	/* The face's reference on the operations below goes with them. */
	parting->sock->ops = ss->base;
	parting->sock->state = SS_CONNECTED;
	__module_get(THIS_MODULE);
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	sock_graft(sk, parting->sock);
	sock->sk = NULL;
	release_sock(sk);
	/*
	 * What has come before does not wake anybody any more, so the work looks.
	 * It may be the end of all this: under the lock no wake-up is earlier,
	 * and the work waits there.
	 */
	wait = &parting->sock->wq.wait;
	spin_lock_irq(&wait->lock);
	__add_wait_queue(wait, &parting->entry);
	queue_delayed_work(sockauth_wq, &parting->work, 0);
	spin_unlock_irq(&wait->lock);
	return true;
fail:
	atomic_dec(&snet->parting);
	return false;
}

/* Something that the application sent, or our FIN, is not acknowledged. */
static bool sockauth_close_sending(struct sock *sk)
{
	return BIT(inet_sk_state_load(sk)) &
	       (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK);
}

/* SO_LINGER: close() waits until the peer has everything, or time is over. */
static void sockauth_close_linger(struct sockauth_sock *ss,
				  struct socket *sock)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	struct sock *sk = ss->sk;
	long timeo = sk->sk_lingertime;

	if (!sock_flag(sk, SOCK_LINGER) || current->flags & PF_EXITING)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeo && sockauth_close_sending(sk) &&
	       !signal_pending(current) && !sockauth_stream_unread(ss, sock, 1))
		timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, timeo);
	remove_wait_queue(sk_sleep(sk), &wait);
}

/**
 * sockauth_close_begin() - the application closes the socket
 * @ss: face of an established connection
 * @sock: its socket; if it has no sock after the call, the face is not the
 *	caller's any more
 *
 * As on TCP, data that nobody has read is answered with a RST, and so is a
 * close() with SO_LINGER and 0 seconds; neither is an end by the book.
 *
 * Context: process; sleeps.
 */
void sockauth_close_begin(struct sockauth_sock *ss, struct socket *sock)
{
	struct sock *sk = ss->sk;

	sockauth_hold_end(ss);
	if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)
		return;
	if (sockauth_stream_unread(ss, sock, 1)) {
		sockauth_close_abort(sk);
		return;
	}
	sockauth_record_close_notify(ss, sock);
	if (sockauth_close_peer_done(ss))
		return;
	ss->base->shutdown(sock, SHUT_WR);
	sockauth_close_linger(ss, sock);
	sockauth_parting_begin(ss, sock);
}

/**
 * sockauth_close_shutdown() - shutdown() of an established connection
 * @ss: its face
 * @sock: its socket
 * @how: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * Context: process; sleeps.
 * Return: as shutdown() on a TCP socket.
 */
int sockauth_close_shutdown(struct sockauth_sock *ss, struct socket *sock,
			    int how)
{
	int ret = 0;

	if (inet_sk_state_load(ss->sk) == TCP_CLOSE)
		return -ENOTCONN;
	if (how != SHUT_RD) {
		sockauth_record_close_notify(ss, sock);
		ret = ss->base->shutdown(sock, SHUT_WR);
	}
	if (how != SHUT_WR) {
		WRITE_ONCE(ss->conn->rd_shut, true);
		sockauth_stream_stop(ss->sk);
	}
	return ret;
}
