// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - netlink: the family, its commands and what they may contain
 *
 * The handlers are in reply.c (what workers say) and admin.c (what
 * administrators ask); events are in event.c.  Owns no state and takes no lock.
 * Policies stand one attribute per line: tests/spec compares them with the uapi
 * header and with Documentation/netlink/specs/sockauth.yaml.
 */
#include "sockauth.h"
#include "worker.h"

/* The others are the kernel's to say. */
#define SOCKAUTH_SEC_FLAGS_WORKER	(SOCKAUTH_SEC_MUTUAL | \
					 SOCKAUTH_SEC_RESUMED | \
					 SOCKAUTH_SEC_EXPIRES)
#define SOCKAUTH_WINDOW_MAX	4096
#define SOCKAUTH_PENDING_MAX	1048576
#define SOCKAUTH_BYTES_MIN	SOCKAUTH_TOKEN_MAX
#define SOCKAUTH_BYTES_MAX	(16 * 1024 * 1024)

static struct netlink_range_validation sockauth_range_window = {
	.max = SOCKAUTH_WINDOW_MAX,
};

static struct netlink_range_validation sockauth_range_pending = {
	.min = 1, .max = SOCKAUTH_PENDING_MAX,
};

static struct netlink_range_validation sockauth_range_guests = {
	.min = 0, .max = SOCKAUTH_PENDING_MAX,
};

static struct netlink_range_validation sockauth_range_timeout = {
	.min = 1, .max = SOCKAUTH_TIMEOUT_MAX,
};

static struct netlink_range_validation sockauth_range_bytes = {
	.min = SOCKAUTH_BYTES_MIN, .max = SOCKAUTH_BYTES_MAX,
};

static struct netlink_range_validation sockauth_range_reason = {
	.min = SOCKAUTH_REASON_NONE + 1, .max = __SOCKAUTH_REASON_MAX - 1,
};

/* NLA_POLICY_MAX() takes signed 16 bits. */
static struct netlink_range_validation sockauth_range_u16 = {
	.min = 0, .max = 0xffff,
};

/*
 * Up to the last one that applications know: the socket layer returns it to them
 * as it is, and takes what is above, EIOCBQUEUED for one, for its own.
 */
static struct netlink_range_validation sockauth_range_error = {
	.min = 1, .max = EHWPOISON,
};

const struct nla_policy sockauth_key_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_KEY] = { .type = NLA_BINARY, .len = 32 },
	[SOCKAUTH_A_IV] = NLA_POLICY_EXACT_LEN(12),
	[SOCKAUTH_A_SEQ] = { .type = NLA_U64 },
};

static const struct nla_policy sockauth_none_policy[SOCKAUTH_A_MAX + 1] = {
};

static const struct nla_policy sockauth_bind_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_WINDOW] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_window),
	[SOCKAUTH_A_PROFILES] = { .type = NLA_NESTED },
};

const struct nla_policy sockauth_profile_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_PROFILE] = { .type = NLA_NUL_STRING, .len = SOCKAUTH_PROFILE_MAX - 1 },
};

static const struct nla_policy sockauth_step_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_ID] = { .type = NLA_U64 },
	[SOCKAUTH_A_LEG] = { .type = NLA_U32 },
	[SOCKAUTH_A_STATUS] = NLA_POLICY_MAX(NLA_U32, SOCKAUTH_STEP_FAIL),
	[SOCKAUTH_A_TOKEN] = { .type = NLA_BINARY, .len = SOCKAUTH_OUTPUT_MAX },
	[SOCKAUTH_A_CONSUMED] = NLA_POLICY_MAX(NLA_U32, SOCKAUTH_TOKEN_MAX),
	[SOCKAUTH_A_ERROR] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_error),
	[SOCKAUTH_A_TEXT] = { .type = NLA_NUL_STRING, .len = SOCKAUTH_TEXT_MAX - 1 },
	[SOCKAUTH_A_REASON] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_reason),
	[SOCKAUTH_A_ALPN] = { .type = NLA_BINARY, .len = SOCKAUTH_ALPN_MAX },
	[SOCKAUTH_A_CIPHER] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_u16),
	[SOCKAUTH_A_VERSION] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_u16),
	[SOCKAUTH_A_TX] = NLA_POLICY_NESTED(sockauth_key_policy),
	[SOCKAUTH_A_RX] = NLA_POLICY_NESTED(sockauth_key_policy),
	[SOCKAUTH_A_PEER_NAME] = { .type = NLA_NUL_STRING, .len = SOCKAUTH_PEER_NAME_MAX - 1 },
	[SOCKAUTH_A_NAME_TYPE] = NLA_POLICY_MAX(NLA_U32, SOCKAUTH_NAME_PSK),
	[SOCKAUTH_A_PEER_CRED] = { .type = NLA_BINARY, .len = SOCKAUTH_PEER_CRED_MAX },
	[SOCKAUTH_A_EXPIRY] = { .type = NLA_U64 },
	[SOCKAUTH_A_MAPPED_UID] = { .type = NLA_U32 },
	[SOCKAUTH_A_SEC_FLAGS] = NLA_POLICY_MASK(NLA_U32, SOCKAUTH_SEC_FLAGS_WORKER),
	[SOCKAUTH_A_MECH] = NLA_POLICY_MAX(NLA_U32, SOCKAUTH_MECH_GSS),
	[SOCKAUTH_A_BINDING] = NLA_POLICY_EXACT_LEN(SOCKAUTH_BINDING_LEN),
	[SOCKAUTH_A_BLOB] = { .type = NLA_BINARY, .len = SOCKAUTH_BLOB_MAX },
};

static const struct nla_policy sockauth_limits_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_LIMIT_PENDING] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_pending),
	[SOCKAUTH_A_LIMIT_PENDING_NET] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_pending),
	[SOCKAUTH_A_LIMIT_TIMEOUT_MS] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_timeout),
	[SOCKAUTH_A_LIMIT_BYTES] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_bytes),
	[SOCKAUTH_A_LIMIT_LEGS] = NLA_POLICY_RANGE(NLA_U32, 2, 4096),
	[SOCKAUTH_A_LIMIT_GUESTS] = NLA_POLICY_FULL_RANGE(NLA_U32, &sockauth_range_guests),
};

static const struct nla_policy sockauth_kill_policy[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_ID] = { .type = NLA_U64 },
	[SOCKAUTH_A_PEER_NAME] = { .type = NLA_NUL_STRING, .len = SOCKAUTH_PEER_NAME_MAX - 1 },
	[SOCKAUTH_A_PROFILE] = { .type = NLA_NUL_STRING, .len = SOCKAUTH_PROFILE_MAX - 1 },
};

static const struct genl_ops sockauth_ops[] = {
	{
		.cmd		= SOCKAUTH_CMD_WORKER_BIND,
		.doit		= sockauth_reply_bind,
		.policy		= sockauth_bind_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_STEP,
		.doit		= sockauth_reply_step,
		.policy		= sockauth_step_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_CLOSE,
		.doit		= sockauth_reply_notice,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_RECORD,
		.doit		= sockauth_reply_notice,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_CONN_GET,
		.flags		= GENL_UNS_ADMIN_PERM,
		.dumpit		= sockauth_admin_conns,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_LISTENER_GET,
		.flags		= GENL_UNS_ADMIN_PERM,
		.dumpit		= sockauth_admin_listeners,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_WORKER_GET,
		.flags		= GENL_UNS_ADMIN_PERM,
		.dumpit		= sockauth_admin_workers,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_STATS_GET,
		.doit		= sockauth_admin_stats,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_LIMITS_GET,
		.doit		= sockauth_admin_limits_get,
		.policy		= sockauth_none_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_LIMITS_SET,
		.flags		= GENL_UNS_ADMIN_PERM,
		.doit		= sockauth_admin_limits_set,
		.policy		= sockauth_limits_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
	{
		.cmd		= SOCKAUTH_CMD_CONN_KILL,
		.flags		= GENL_UNS_ADMIN_PERM,
		.doit		= sockauth_admin_kill,
		.policy		= sockauth_kill_policy,
		.maxattr	= SOCKAUTH_A_MAX,
	},
};

static const struct genl_multicast_group sockauth_groups[] = {
	{ .name = SOCKAUTH_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family sockauth_family __ro_after_init = {
	.name		= SOCKAUTH_GENL_NAME,
	.version	= SOCKAUTH_GENL_VERSION,
	.maxattr	= SOCKAUTH_A_MAX,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= sockauth_ops,
	.n_ops		= ARRAY_SIZE(sockauth_ops),
	.resv_start_op	= SOCKAUTH_CMD_WORKER_BIND,
	.mcgrps		= sockauth_groups,
	.n_mcgrps	= ARRAY_SIZE(sockauth_groups),
};

/**
 * sockauth_netlink_init() - from here on daemons and tools can talk to us
 *
 * Return: 0 or what generic netlink says.
 */
int __init sockauth_netlink_init(void)
{
	return genl_register_family(&sockauth_family);
}

/**
 * sockauth_netlink_exit() - undo sockauth_netlink_init()
 */
void sockauth_netlink_exit(void)
{
	genl_unregister_family(&sockauth_family);
}
