/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockauth - every difference between kernel versions, and nowhere else
 *
 * The module is written against Linux 6.1; what later kernels changed is given
 * the older name, or one name of ours, here.
 */
#ifndef _SOCKAUTH_COMPAT_H
#define _SOCKAUTH_COMPAT_H

#include <linux/net.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <net/inet_connection_sock.h>
#include <net/inet_common.h>

/* 6.9 moved receive flow steering out of net/sock.h. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <net/rps.h>
#endif

/*
 * 6.10 put the arguments of ->accept() into a structure.  ACCEPT_ARGS declares
 * them in our own operation, accept_flags() reads the file flags from them.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define SOCKAUTH_ACCEPT_ARGS	struct proto_accept_arg *arg
#define sockauth_accept_flags()	((arg)->flags)
#else
#define SOCKAUTH_ACCEPT_ARGS	int flags, bool kern
#define sockauth_accept_flags()	(flags)
#endif

/* 6.19 tells addresses of any length from those of struct sockaddr's. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define sockauth_sockaddr	sockaddr_unsized
#else
#define sockauth_sockaddr	sockaddr
#endif

/* 7.0 no longer exports inet_csk_accept(), which is what this calls. */
static inline struct sock *sockauth_compat_csk_accept(struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	struct proto_accept_arg arg = { .flags = O_NONBLOCK, .kern = true };

	return READ_ONCE(sk->sk_prot)->accept(sk, &arg);
#else
	int err;

	return READ_ONCE(sk->sk_prot)->accept(sk, O_NONBLOCK, &err, true);
#endif
}

/* 6.17 wants to be told that work runs where it was queued, as it always did. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define SOCKAUTH_WQ_PERCPU	WQ_PERCPU
#else
#define SOCKAUTH_WQ_PERCPU	0
#endif

/* 6.5 replaced ->sendpage() by MSG_SPLICE_PAGES. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define SOCKAUTH_HAVE_SENDPAGE
#endif

/* 6.16 renamed from_timer(). */
#ifndef timer_container_of
#define timer_container_of(var, timer, field) from_timer(var, timer, field)
#endif

#endif /* _SOCKAUTH_COMPAT_H */
