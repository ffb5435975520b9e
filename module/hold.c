// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - hold: what MSG_MORE holds back, and when it goes
 *
 * Owns struct sockauth_hold, one per face that has ever sent with MSG_MORE.
 * The record of such data stays open in kTLS for what comes next.  If nothing
 * comes TCP sends after 200 ms what it held back, but kTLS never would, and a
 * program that forgot to say that it was through would wait for its answer for
 * ever.  The pointer in the face is set once, and freed when no call on the
 * socket is possible any more: no lock.
 */
#include <linux/slab.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "conn.h"
#include "sockauth.h"

#define SOCKAUTH_HOLD_TIME	(HZ / 5)

/**
 * struct sockauth_hold - sends what is left
 * @work: that does so
 * @ss: the face it belongs to
 */
struct sockauth_hold {
	struct delayed_work	work;
	struct sockauth_sock	*ss;
};

/*
 * A record of type data, without data: kTLS seals what it has before it looks
 * for more.  If the send buffer is full it sends the record when it is not.
 */
static void sockauth_hold_send(struct sockauth_sock *ss)
{
	char control[CMSG_SPACE(sizeof(u8))] __aligned(8) = {};
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct kvec none = {};

	cmsg->cmsg_level = SOL_TLS;
	cmsg->cmsg_type = TLS_SET_RECORD_TYPE;
	cmsg->cmsg_len = CMSG_LEN(sizeof(u8));
	*(u8 *)CMSG_DATA(cmsg) = SOCKAUTH_RECORD_DATA;
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, &none, 1, 0);
	ss->base->sendmsg(ss->sk->sk_socket, &msg, 0);
}

static void sockauth_hold_work(struct work_struct *work)
{
	struct sockauth_hold *hold;

	struct sockauth_user *user;

	hold = container_of(to_delayed_work(work), struct sockauth_hold, work);
	user = hold->ss->conn->req->user;
	/* Somebody is sending, and may be waiting for room: do not wait too. */
	if (mutex_is_locked(&tls_get_ctx(hold->ss->sk)->tx_lock) ||
	    !sockauth_user_flush(user)) {
		queue_delayed_work(sockauth_hold_wq, &hold->work,
				   SOCKAUTH_HOLD_TIME);
		return;
	}
	sockauth_hold_send(hold->ss);
	sockauth_user_flushed(user);
}

/**
 * sockauth_hold_begin() - data is about to be held back
 * @ss: face of an established connection
 *
 * Context: process; sleeps.
 * Return: false: no memory, it must not be held back.
 */
bool sockauth_hold_begin(struct sockauth_sock *ss)
{
	struct sockauth_hold *hold = READ_ONCE(ss->hold);

	if (!hold) {
		hold = kzalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
		if (!hold)
			return false;
		hold->ss = ss;
		INIT_DELAYED_WORK(&hold->work, sockauth_hold_work);
		/* Another thread may have been quicker. */
		if (cmpxchg(&ss->hold, NULL, hold)) {
			kfree(hold);
			hold = READ_ONCE(ss->hold);
		}
	}
	/* Asked for each page that is sent, but only the first one in a while. */
	if (delayed_work_pending(&hold->work))
		return true;
	queue_delayed_work(sockauth_hold_wq, &hold->work, SOCKAUTH_HOLD_TIME);
	return true;
}

/**
 * sockauth_hold_end() - the socket is being closed
 * @ss: its face
 *
 * Context: process; sleeps.
 */
void sockauth_hold_end(struct sockauth_sock *ss)
{
	if (!ss->hold)
		return;
	cancel_delayed_work_sync(&ss->hold->work);
	kfree(ss->hold);
	ss->hold = NULL;
}
