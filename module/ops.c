// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - the operations that marked sockets show, shared by all of them
 *
 * Owns one copy of struct proto_ops for each table of operations below: TCP's
 * for IPv4 and for IPv6, and those that kTLS made of them.  A copy per socket
 * would be a quarter of a kilobyte for each connection.  An entry is made when
 * it is first wanted and stays until the module goes; whoever the table below
 * belongs to stays as long.  What programs call is socket.c's; what only other
 * parts of the kernel would call is refused here.  sockauth_ops_lock serialises the making; lookups
 * take no lock.
 */
#include <linux/module.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include <net/tls.h>

#include "sockauth.h"

/* TCP as it is, and kTLS with and without a device that helps, per family. */
#define SOCKAUTH_OPS_MAX	16

/**
 * struct sockauth_ops - one table of operations, and ours instead
 * @base: the table below; NULL: the entry is free, as all after it
 * @owner: whose code @base calls; referenced
 * @ops: ours
 */
struct sockauth_ops {
	const struct proto_ops	*base;
	struct module		*owner;
	struct proto_ops	ops;
};

static struct sockauth_ops sockauth_ops[SOCKAUTH_OPS_MAX];
static DEFINE_MUTEX(sockauth_ops_lock);

/* The entry of @base, or the first free one, or NULL. */
static struct sockauth_ops *sockauth_ops_find(const struct proto_ops *base)
{
	const struct proto_ops *there;
	int i;

	for (i = 0; i < SOCKAUTH_OPS_MAX; i++) {
		/* Pairs with the release in sockauth_ops_make(). */
		there = smp_load_acquire(&sockauth_ops[i].base);
		if (!there || there == base)
			return &sockauth_ops[i];
	}
	return NULL;
}

/*
 * kTLS fills its parser through here (up to Linux 6.5), and says so by naming
 * it.  Anybody else in the kernel (KCM, a stream parser) would be given records,
 * or a handshake, and take from under kTLS what it is looking at.
 */
static int sockauth_ops_read_sock(struct sock *sk, read_descriptor_t *desc,
				  sk_read_actor_t actor)
{
	struct tls_context *ctx = tls_get_ctx(sk);
	struct tls_sw_context_rx *rx = ctx ? tls_sw_ctx_rx(ctx) : NULL;

	if (!rx || desc->arg.data != &rx->strp)
		return -EOPNOTSUPP;
	return tcp_read_sock(sk, desc, actor);
}

static int sockauth_ops_no_read_skb(struct sock *sk, skb_read_actor_t actor)
{
	return -EOPNOTSUPP;
}

static int sockauth_ops_no_sendmsg(struct sock *sk, struct msghdr *msg,
				   size_t len)
{
	return -EOPNOTSUPP;
}

#ifdef SOCKAUTH_HAVE_SENDPAGE
static int sockauth_ops_no_sendpage(struct sock *sk, struct page *page,
				    int offset, size_t size, int flags)
{
	return -EOPNOTSUPP;
}
#endif

/* Users inside the kernel would read and send past kTLS. */
static void sockauth_ops_refuse(struct proto_ops *ops)
{
	ops->read_sock = sockauth_ops_read_sock;
	ops->read_skb = sockauth_ops_no_read_skb;
	ops->sendmsg_locked = sockauth_ops_no_sendmsg;
#ifdef SOCKAUTH_HAVE_SENDPAGE
	ops->sendpage_locked = sockauth_ops_no_sendpage;
#endif
}

static struct sockauth_ops *sockauth_ops_make(const struct proto_ops *base,
					      struct module *owner)
{
	struct sockauth_ops *entry;

	mutex_lock(&sockauth_ops_lock);
	entry = sockauth_ops_find(base);
	if (entry && !entry->base) {
		__module_get(owner);
		entry->owner = owner;
		entry->ops = *base;
		sockauth_sock_override(&entry->ops);
		sockauth_ops_refuse(&entry->ops);
		/* Pairs with the acquire in sockauth_ops_find(). */
		smp_store_release(&entry->base, base);
	}
	mutex_unlock(&sockauth_ops_lock);
	return entry;
}

/**
 * sockauth_ops_of() - our operations instead of others
 * @sk: a socket whose operations are @base, so that their owner is there
 * @base: TCP's own, or those of kTLS
 *
 * Context: process; may sleep, also under lock_sock().
 * Return: the operations, or NULL: there are more kinds than we know.
 */
const struct proto_ops *sockauth_ops_of(const struct sock *sk,
					const struct proto_ops *base)
{
	const struct inet_connection_sock *icsk = inet_csk(sk);
	struct sockauth_ops *entry = sockauth_ops_find(base);

	/* kTLS leaves the owner of its copies as it was in TCP's. */
	if (!entry || !entry->base)
		entry = sockauth_ops_make(base, icsk->icsk_ulp_ops ?
					  icsk->icsk_ulp_ops->owner :
					  base->owner);
	return entry ? &entry->ops : NULL;
}

/**
 * sockauth_ops_exit() - let go of the tables below; no socket is marked
 */
void sockauth_ops_exit(void)
{
	int i;

	for (i = 0; i < SOCKAUTH_OPS_MAX && sockauth_ops[i].base; i++)
		module_put(sockauth_ops[i].owner);
}
