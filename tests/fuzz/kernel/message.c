// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See message.h. Most of what is made is what a worker or an administrator
 * would say, so that the module looks at it more than once.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>

#include "message.h"

#define CMDS	(SOCKAUTH_CMD_MAX + 2)

/* An attribute of TYPE with some value; lengths are mostly right. */
static void put_some(struct fuzz_random *r, struct nlmsghdr *nlh, uint16_t type)
{
	char bytes[512];
	size_t len;

	switch (fuzz_below(r, 6)) {
	case 0:
		mnl_attr_put_u32(nlh, type, fuzz_number(r));
		break;
	case 1:
		mnl_attr_put_u64(nlh, type, fuzz_number(r));
		break;
	case 2:
		len = fuzz_below(r, sizeof(bytes) - 1);
		memset(bytes, 'a' + fuzz_below(r, 26), len);
		bytes[len] = 0;
		mnl_attr_put_strz(nlh, type, bytes);
		break;
	case 3:
		mnl_attr_put(nlh, type, 0, NULL);
		break;
	default:
		len = fuzz_below(r, sizeof(bytes));
		fuzz_bytes(r, bytes, len);
		mnl_attr_put(nlh, type, len, bytes);
	}
}

static void put_key(struct fuzz_random *r, struct nlmsghdr *nlh, uint16_t type,
		    size_t key_len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);
	uint8_t bytes[64] = { 0 };

	if (!fuzz_chance(r, 3))
		mnl_attr_put(nlh, SOCKAUTH_A_KEY, fuzz_chance(r, 95) ? key_len :
			     fuzz_below(r, sizeof(bytes)), bytes);
	if (!fuzz_chance(r, 3))
		mnl_attr_put(nlh, SOCKAUTH_A_IV,
			     fuzz_chance(r, 95) ? 12 : fuzz_below(r, 64),
			     bytes);
	if (!fuzz_chance(r, 3))
		mnl_attr_put_u64(nlh, SOCKAUTH_A_SEQ,
				 fuzz_chance(r, 80) ? 0 : fuzz_number(r));
	if (fuzz_chance(r, 3))
		put_some(r, nlh, fuzz_below(r, SOCKAUTH_A_MAX + 2));
	/* Left open, the nest has no length. */
	if (!fuzz_chance(r, 3))
		mnl_attr_nest_end(nlh, nest);
}

static void put_done(struct fuzz_random *r, struct nlmsghdr *nlh)
{
	static const struct {
		uint16_t	suite;
		uint8_t		key_len;
	} suites[] = {
		{ 0x1301, 16 }, { 0x1302, 32 }, { 0x1303, 32 }, { 0x1304, 16 },
		{ 0x1305, 16 }, { 0xffff, 0 },
	};
	unsigned int i = fuzz_below(r, fuzz_chance(r, 90) ? 4 : 6);

	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x0304);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, suites[i].suite);
	put_key(r, nlh, SOCKAUTH_A_TX, suites[i].key_len);
	put_key(r, nlh, SOCKAUTH_A_RX, suites[i].key_len);
	if (fuzz_chance(r, 50)) {
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, "somebody");
		mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE,
				 fuzz_below(r, fuzz_chance(r, 90) ? 8 : 10));
	}
	if (fuzz_chance(r, 20)) {
		mnl_attr_put_u64(nlh, SOCKAUTH_A_EXPIRY, fuzz_number(r));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS, fuzz_below(r, 32));
	}
}

/* From 512 on are those that the kernel takes for its own. */
static uint32_t some_errno(struct fuzz_random *r)
{
	if (fuzz_chance(r, 60))
		return EACCES;
	return fuzz_chance(r, 75) ? 500 + fuzz_below(r, 41) : fuzz_number(r);
}

/* An answer to something that was asked, or nearly. */
static void put_step(struct fuzz_random *r, struct nlmsghdr *nlh,
		     const struct event *event)
{
	static const char token[SOCKAUTH_OUTPUT_MAX + 500];
	uint32_t status = fuzz_below(r, fuzz_chance(r, 95) ? 3 : 5);
	uint32_t len = event->len, leg = event->leg;
	uint64_t id = event->id;

	if (fuzz_chance(r, 5))
		id += fuzz_number(r);
	if (fuzz_chance(r, 5))
		leg += fuzz_number(r);
	if (fuzz_chance(r, 10))
		len += fuzz_number(r);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, leg);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATUS, status);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, len);
	if (fuzz_chance(r, 30))
		mnl_attr_put(nlh, SOCKAUTH_A_TOKEN,
			     fuzz_chance(r, 90) ? fuzz_below(r, 300) :
			     fuzz_below(r, SOCKAUTH_OUTPUT_MAX + 500),
			     token);
	if (status == SOCKAUTH_STEP_DONE || fuzz_chance(r, 5))
		put_done(r, nlh);
	if (status == SOCKAUTH_STEP_FAIL) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON, fuzz_below(r, 30));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, some_errno(r));
		mnl_attr_put_strz(nlh, SOCKAUTH_A_TEXT, "no");
	}
	if (fuzz_chance(r, 5))
		put_some(r, nlh, fuzz_below(r, SOCKAUTH_A_MAX + 2));
}

static void put_bind(struct fuzz_random *r, struct nlmsghdr *nlh)
{
	struct nlattr *nest;
	unsigned int i;

	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, fuzz_chance(r, 80) ?
			 1 + fuzz_below(r, 64) : fuzz_number(r));
	if (fuzz_chance(r, 30)) {
		nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_PROFILES);
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "default");
		for (i = fuzz_below(r, 4); i; i--)
			put_some(r, nlh, fuzz_chance(r, 90) ?
				 SOCKAUTH_A_PROFILE : fuzz_below(r, 70));
		mnl_attr_nest_end(nlh, nest);
	}
}

static void put_admin(struct fuzz_random *r, struct nlmsghdr *nlh,
		      const struct event *event, uint8_t cmd)
{
	if (cmd == SOCKAUTH_CMD_CONN_KILL && fuzz_chance(r, 70)) {
		mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, event->id);
	} else if (cmd == SOCKAUTH_CMD_CONN_KILL && fuzz_chance(r, 50)) {
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, "somebody");
	} else if (cmd == SOCKAUTH_CMD_LIMITS_SET) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING,
				 4 + fuzz_below(r, PEERS));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING_NET,
				 4 + fuzz_below(r, PEERS));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_LEGS,
				 2 + fuzz_below(r, 20));
		mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_BYTES,
				 fuzz_number(r));
	} else if (fuzz_chance(r, 10)) {
		put_some(r, nlh, fuzz_below(r, SOCKAUTH_A_MAX + 2));
	}
}

struct nlmsghdr *message_compose(struct fuzz_random *r,
				 struct sockauth_genl *genl, bool bound,
				 const struct event *event, char *buf)
{
	uint8_t cmd = fuzz_below(r, CMDS);
	uint16_t flags = NLM_F_ACK;
	struct nlmsghdr *nlh;
	unsigned int i;

	if (fuzz_chance(r, event->open ? 80 : 20))
		cmd = event->cmd;
	else if (!bound && fuzz_chance(r, 20))
		cmd = SOCKAUTH_CMD_WORKER_BIND;
	if (cmd >= SOCKAUTH_CMD_CONN_GET && cmd <= SOCKAUTH_CMD_WORKER_GET &&
	    fuzz_chance(r, 80))
		flags |= NLM_F_DUMP;
	if (fuzz_chance(r, 2))
		flags |= fuzz_next(r);
	nlh = sockauth_genl_begin(genl, buf, cmd, flags);
	if (cmd == SOCKAUTH_CMD_STEP)
		put_step(r, nlh, event);
	else if (cmd == SOCKAUTH_CMD_WORKER_BIND)
		put_bind(r, nlh);
	else if (fuzz_chance(r, 90))
		put_admin(r, nlh, event, cmd);
	else
		for (i = fuzz_below(r, 12); i; i--)
			put_some(r, nlh, fuzz_below(r, SOCKAUTH_A_MAX + 2));
	return nlh;
}

void message_damage(struct fuzz_random *r, struct nlmsghdr *nlh)
{
	uint32_t len = nlh->nlmsg_len - sizeof(*nlh), i;
	uint8_t *p = mnl_nlmsg_get_payload(nlh);

	switch (fuzz_below(r, 3)) {
	case 0:
		for (i = 1 + fuzz_below(r, 4); i; i--)
			p[fuzz_below(r, len)] ^= 1 << fuzz_below(r, 8);
		break;
	case 1:
		p[fuzz_below(r, len)] = fuzz_number(r);
		break;
	default:
		nlh->nlmsg_len = sizeof(*nlh) + fuzz_below(r, len + 1);
	}
}
