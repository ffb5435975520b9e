// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - authentication and encryption as a property of a TCP socket
 *
 * Load and unload, and the state of each network namespace.  A namespace's
 * state outlives all of its objects: sockets and netlink ports keep their
 * namespace alive.  The headers say who owns what.
 */
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/netns/generic.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

/*
 * The first is for connections that nobody has yet: their sockets are locked by
 * us alone, and briefly.  The others are for sockets that an application has, and
 * can keep locked, so that works on them wait: the second for connections, see
 * user.c; the third for what was held back of their data, see hold.c; the last
 * for listeners.
 */
struct workqueue_struct *sockauth_wq, *sockauth_app_wq, *sockauth_hold_wq;
struct workqueue_struct *sockauth_slow_wq;
atomic_t sockauth_objects[__SOCKAUTH_OBJECT_MAX];
static unsigned int sockauth_net_id;

/**
 * sockauth_net_of() - our state of a namespace
 * @net: the namespace
 *
 * Return: never NULL.
 */
struct sockauth_net *sockauth_net_of(const struct net *net)
{
	return net_generic(net, sockauth_net_id);
}

/**
 * sockauth_net_guests() - are connections of this namespace guests
 * @snet: the namespace
 *
 * They are, of the workers of the initial namespace, if those take guests and
 * there never was a worker here: whoever had one of his own waits for that
 * again, and is not served by somebody else's rules.
 *
 * Return: how many there may be at a time; 0: they are not.
 */
u32 sockauth_net_guests(const struct sockauth_net *snet)
{
	if (snet->net == &init_net || READ_ONCE(snet->served))
		return 0;
	return READ_ONCE(sockauth_net_of(&init_net)->limits.guests);
}

/**
 * sockauth_net_pending_max() - what strangers, or applications, may hold
 * @snet: the namespace
 *
 * Return: the limit of pending connections; of guests both limits hold.
 */
u32 sockauth_net_pending_max(const struct sockauth_net *snet)
{
	u32 max = READ_ONCE(snet->limits.pending_net);
	u32 guests = sockauth_net_guests(snet);

	return guests ? min(guests, max) : max;
}

static int __net_init sockauth_net_init(struct net *net)
{
	struct sockauth_net *snet = sockauth_net_of(net);

	snet->net = net;
	xa_init(&snet->conns);
	spin_lock_init(&snet->lock);
	INIT_LIST_HEAD(&snet->workers);
	INIT_LIST_HEAD(&snet->waiting[false]);
	INIT_LIST_HEAD(&snet->waiting[true]);
	INIT_LIST_HEAD(&snet->listeners);
	snet->limits = (struct sockauth_limits) {
		.pending = SOCKAUTH_PENDING_DEFAULT,
		.pending_net = SOCKAUTH_PENDING_NET_DEFAULT,
		.timeout_ms = SOCKAUTH_TIMEOUT_DEFAULT,
		.bytes = SOCKAUTH_BYTES_DEFAULT,
		.legs = SOCKAUTH_LEGS_DEFAULT,
	};
	return 0;
}

static void __net_exit sockauth_net_exit(struct net *net)
{
	struct sockauth_net *snet = sockauth_net_of(net);

	/*
	 * Work of a connection that ended a moment ago may still run; but we do
	 * not wait for those of other namespaces.
	 */
	wait_var_event(&snet->alive, !atomic_read(&snet->alive));
	WARN_ON_ONCE(!xa_empty(&snet->conns));
	WARN_ON_ONCE(!list_empty(&snet->workers));
	WARN_ON_ONCE(!list_empty(&snet->listeners));
	kfree(snet->profiles);
	xa_destroy(&snet->conns);
}

static struct pernet_operations sockauth_net_ops = {
	.init	= sockauth_net_init,
	.exit	= sockauth_net_exit,
	.id	= &sockauth_net_id,
	.size	= sizeof(struct sockauth_net),
};

static void sockauth_wq_exit(void)
{
	struct workqueue_struct *all[] = {
		sockauth_slow_wq, sockauth_hold_wq, sockauth_app_wq, sockauth_wq
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i])
			destroy_workqueue(all[i]);
}

static int __init sockauth_wq_init(void)
{
	sockauth_wq = alloc_workqueue("sockauth", SOCKAUTH_WQ_PERCPU, 0);
	sockauth_app_wq = alloc_workqueue("sockauth-app", WQ_UNBOUND,
					  WQ_MAX_ACTIVE);
	sockauth_hold_wq = alloc_workqueue("sockauth-hold", WQ_UNBOUND,
					   WQ_MAX_ACTIVE);
	sockauth_slow_wq = alloc_workqueue("sockauth-slow", WQ_UNBOUND,
					   WQ_MAX_ACTIVE);
	if (sockauth_wq && sockauth_app_wq && sockauth_hold_wq &&
	    sockauth_slow_wq)
		return 0;
	sockauth_wq_exit();
	return -ENOMEM;
}

static int __init sockauth_init(void)
{
	int err;

	/* kTLS has no symbol of its own that would pull it in. */
	request_module("tcp-ulp-tls");
	sockauth_ulp_init();

	err = sockauth_wq_init();
	if (err)
		return err;
	err = sockauth_conn_init();
	if (err)
		goto err_wq;
	err = sockauth_sock_init();
	if (err)
		goto err_conn;
	err = register_pernet_subsys(&sockauth_net_ops);
	if (err)
		goto err_sock;
	err = sockauth_worker_init();
	if (err)
		goto err_net;
	err = sockauth_netlink_init();
	if (err)
		goto err_worker;
	err = sockauth_sockopt_init();
	if (err)
		goto err_netlink;
	return 0;

err_netlink:
	sockauth_netlink_exit();
err_worker:
	sockauth_worker_exit();
err_net:
	unregister_pernet_subsys(&sockauth_net_ops);
err_sock:
	sockauth_sock_exit();
err_conn:
	sockauth_conn_exit();
err_wq:
	sockauth_wq_exit();
	return err;
}

/* A reference that was lost somewhere is a bug to be heard of. */
static void sockauth_objects_check(void)
{
	int i;

	for (i = 0; i < __SOCKAUTH_OBJECT_MAX; i++)
		WARN(atomic_read(&sockauth_objects[i]),
		     "sockauth: %d objects of type %d are left\n",
		     atomic_read(&sockauth_objects[i]), i);
}

static void __exit sockauth_exit(void)
{
	sockauth_sockopt_exit();
	sockauth_netlink_exit();
	sockauth_worker_exit();
	unregister_pernet_subsys(&sockauth_net_ops);
	sockauth_ops_exit();
	sockauth_sock_exit();
	sockauth_conn_exit();
	sockauth_wq_exit();
	/* What the last works have left to be freed is freed by our code. */
	rcu_barrier();
	sockauth_objects_check();
}

module_init(sockauth_init);
module_exit(sockauth_exit);

MODULE_DESCRIPTION("Authentication and encryption as a property of a TCP socket");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_SOFTDEP("pre: tls gcm");
MODULE_ALIAS_GENL_FAMILY(SOCKAUTH_GENL_NAME);
