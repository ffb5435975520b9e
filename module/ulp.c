// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - ulp: keeps other upper layer protocols off a marked socket
 *
 * Owns icsk_ulp_ops of a marked socket until kTLS gets it; lock_sock() protects
 * it.  A thread that was inside setsockopt(TCP_ULP) when the option was set is
 * past our gate.  Were it to attach kTLS then, that would replace our
 * operations, and keep a copy of them for every other user of kTLS.  A place
 * that is taken is refused by TCP, and shown by ss(8).
 */
#include <net/tcp.h>

#include "sockauth.h"

/* A child is not marked: it has a connection of its own. */
static void sockauth_ulp_clone(const struct request_sock *req,
			       struct sock *newsk, const gfp_t priority)
{
	inet_csk(newsk)->icsk_ulp_ops = NULL;
}

/* Never registered: nobody can ask for it.  The face keeps us loaded. */
static const struct tcp_ulp_ops sockauth_ulp = {
	.name	= "sockauth",
	.clone	= sockauth_ulp_clone,
};

/**
 * sockauth_ulp_occupy() - take the place
 * @sk: a socket that is being marked, locked by the caller, without a protocol
 */
void sockauth_ulp_occupy(struct sock *sk)
{
	sock_owned_by_me(sk);
	inet_csk(sk)->icsk_ulp_ops = &sockauth_ulp;
}

/**
 * sockauth_ulp_vacate() - leave the place to kTLS, or to nobody
 * @sk: the socket
 *
 * Context: process; takes lock_sock().
 */
void sockauth_ulp_vacate(struct sock *sk)
{
	lock_sock(sk);
	if (inet_csk(sk)->icsk_ulp_ops == &sockauth_ulp)
		inet_csk(sk)->icsk_ulp_ops = NULL;
	release_sock(sk);
}

/**
 * sockauth_ulp_other() - has kTLS been attached
 * @sk: a marked socket
 *
 * Return: true if the place is not ours.
 */
bool sockauth_ulp_other(const struct sock *sk)
{
	return READ_ONCE(inet_csk(sk)->icsk_ulp_ops) != &sockauth_ulp;
}
