// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - ulp: keeps others off a marked socket until kTLS gets it
 *
 * Owns icsk_ulp_ops of a marked socket, and sk_prot of one that is being
 * authenticated, until kTLS gets it; lock_sock() protects both.
 *
 * A thread that was inside setsockopt(TCP_ULP) when the option was set is past
 * our gate.  Were it to attach kTLS then, that would replace our operations, and
 * keep a copy of them for every other user of kTLS.  A place that is taken is
 * refused by TCP, and shown by ss(8).
 *
 * Likewise setsockopt(IPV6_ADDRFORM), which has looked at its argument before it
 * locks the socket, and can sleep there.  It would put the operations of IPv4 in
 * the place of ours, and nobody would tell us when the socket is closed.  It
 * refuses whatever has not got tcpv6_prot itself, so until then we show a copy.
 * It stays, should the socket come to listen: what is over for the application can
 * go on for us.  Children are made from it, and get TCP's own.
 */
#include <net/tcp.h>
#include <net/transp_v6.h>

#include "sockauth.h"

static struct proto sockauth_tcpv6_prot;

/*
 * A child is not marked: it has a connection of its own.  It can outlive us, and
 * so must not have anything of ours.
 */
static void sockauth_ulp_clone(const struct request_sock *req,
			       struct sock *newsk, const gfp_t priority)
{
	inet_csk(newsk)->icsk_ulp_ops = NULL;
	if (newsk->sk_prot != &sockauth_tcpv6_prot)
		return;
	newsk->sk_prot = &tcpv6_prot;
	newsk->sk_prot_creator = &tcpv6_prot;
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
 * sockauth_ulp_guard() - have the socket stay what it is: of IPv6, and ours
 * @sk: a marked socket, or one that is being marked, locked by the caller
 *
 * Return: 0, or -EISCONN: it listens.
 */
int sockauth_ulp_guard(struct sock *sk)
{
	sock_owned_by_me(sk);
	if (sk->sk_state == TCP_LISTEN)
		return -EISCONN;
	if (sk->sk_prot == &tcpv6_prot)
		WRITE_ONCE(sk->sk_prot, &sockauth_tcpv6_prot);
	return 0;
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
	if (sk->sk_prot == &sockauth_tcpv6_prot)
		WRITE_ONCE(sk->sk_prot, &tcpv6_prot);
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

/*
 * kTLS makes its operations from those of the first socket of a family that it
 * sees.  Let that be one that nobody can have done anything to; that there is no
 * IPv6, or no kTLS, is for others to find out.
 */
static void __init sockauth_ulp_prime(int family)
{
	struct socket *sock;
	char ulp[] = "tls";

	if (sock_create_kern(&init_net, family, SOCK_STREAM, IPPROTO_TCP,
			     &sock))
		return;
	/* Refused, since it is not connected; but that is looked at last. */
	sock->sk->sk_prot->setsockopt(sock->sk, SOL_TCP, TCP_ULP,
				      KERNEL_SOCKPTR(ulp), sizeof(ulp) - 1);
	sock_release(sock);
}

/**
 * sockauth_ulp_init() - set up at load, when kTLS is there
 */
void __init sockauth_ulp_init(void)
{
	sockauth_tcpv6_prot = tcpv6_prot;
	sockauth_ulp_prime(AF_INET);
	sockauth_ulp_prime(AF_INET6);
}
