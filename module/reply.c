// SPDX-License-Identifier: GPL-2.0-only
/*
 * sockauth - reply: what workers say
 *
 * Parses WORKER_BIND, STEP, CLOSE and RECORD into what worker.c, exchange.c and
 * credit.c work with, and refuses what makes no sense, with words.  Owns nothing;
 * keys stay on the heap, in a structure that is wiped, and are wiped out of the
 * message.
 *
 * Who sent a message is told by its socket.  A port is only a number: it is free
 * for others before a dying socket is reported dead.
 */
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "conn.h"
#include "sockauth.h"
#include "worker.h"

#define SOCKAUTH_PROFILES_MAX	1024

/* A statement expression, because extack takes string constants only. */
#define sockauth_reply_missing(info, what) ({				\
	NL_SET_ERR_MSG((info)->extack, "attribute " what " is missing"); \
	-EINVAL;							\
})

/* Without its zero: bytes after that are not part of the string. */
static size_t sockauth_reply_strlen(const struct nlattr *attr)
{
	return attr ? strnlen(nla_data(attr), nla_len(attr)) : 0;
}

/* The names, one after the other, as struct sockauth_net keeps them. */
static int sockauth_reply_profiles(struct nlattr *nest,
				   struct genl_info *info, char **profiles)
{
	u32 count = 0, size = 1;
	struct nlattr *attr;
	int err, rem;
	char *p;

	err = nla_validate_nested(nest, SOCKAUTH_A_MAX, sockauth_profile_policy,
				  info->extack);
	if (err)
		return err;
	nla_for_each_nested(attr, nest, rem) {
		size += sockauth_reply_strlen(attr) + 1;
		if (!sockauth_reply_strlen(attr) || ++count > SOCKAUTH_PROFILES_MAX) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "an empty profile name, or too many profiles");
			return -EINVAL;
		}
	}
	p = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	*profiles = p;
	nla_for_each_nested(attr, nest, rem) {
		memcpy(p, nla_data(attr), sockauth_reply_strlen(attr));
		p += sockauth_reply_strlen(attr) + 1;
	}
	return 0;
}

static int sockauth_reply_granted(struct genl_info *info, u32 window)
{
	u16 suites[16];
	struct sk_buff *skb;
	size_t count;
	void *hdr;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put_reply(skb, info, &sockauth_family, 0,
				SOCKAUTH_CMD_WORKER_BIND);
	count = sockauth_record_ciphers(suites, ARRAY_SIZE(suites));
	if (!hdr || nla_put_u32(skb, SOCKAUTH_A_WINDOW, window) ||
	    nla_put(skb, SOCKAUTH_A_CIPHERS, count * sizeof(*suites), suites)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

/**
 * sockauth_reply_bind() - SOCKAUTH_CMD_WORKER_BIND
 * @skb: the message
 * @info: parsed
 *
 * A port that is bound may say more without the privilege that it has dropped
 * since: that is how a daemon announces its profiles after a reload.
 *
 * Return: 0 or an errno; extack says what is wrong.
 */
int sockauth_reply_bind(struct sk_buff *skb, struct genl_info *info)
{
	struct sockauth_net *snet = sockauth_net_of(genl_info_net(info));
	struct nlattr **attrs = info->attrs;
	struct sock *nlsk = NETLINK_CB(skb).sk;
	char *profiles = NULL;
	bool add;
	int ret;

	if (!attrs[SOCKAUTH_A_WINDOW])
		return sockauth_reply_missing(info, "WINDOW");
	add = !sockauth_worker_bound(snet, nlsk);
	if (add &&
	    !netlink_ns_capable(skb, snet->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG(info->extack, "becoming a worker takes CAP_NET_ADMIN");
		return -EPERM;
	}
	if (attrs[SOCKAUTH_A_PROFILES]) {
		ret = sockauth_reply_profiles(attrs[SOCKAUTH_A_PROFILES],
					      info, &profiles);
		if (ret)
			return ret;
	}
	ret = sockauth_worker_bind(snet, nlsk, info->snd_portid,
				   nla_get_u32(attrs[SOCKAUTH_A_WINDOW]), add);
	if (ret < 0) {
		kfree(profiles);
		return ret;
	}
	if (profiles)
		sockauth_worker_set_profiles(snet, profiles);
	return sockauth_reply_granted(info, ret);
}

static int sockauth_reply_key(struct nlattr *nest, u32 cipher,
			      struct sockauth_key *key,
			      struct genl_info *info)
{
	struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	int err;

	err = nla_parse_nested(tb, SOCKAUTH_A_MAX, nest, sockauth_key_policy,
			       info->extack);
	if (err)
		return err;
	if (!tb[SOCKAUTH_A_KEY])
		return sockauth_reply_missing(info, "KEY");
	if (!tb[SOCKAUTH_A_IV])
		return sockauth_reply_missing(info, "IV");
	if (!tb[SOCKAUTH_A_SEQ])
		return sockauth_reply_missing(info, "SEQ");
	key->key_len = nla_len(tb[SOCKAUTH_A_KEY]);
	nla_memcpy(key->key, tb[SOCKAUTH_A_KEY], sizeof(key->key));
	nla_memcpy(key->iv, tb[SOCKAUTH_A_IV], sizeof(key->iv));
	key->seq = nla_get_u64(tb[SOCKAUTH_A_SEQ]);
	if (!sockauth_record_key_valid(cipher, key)) {
		NL_SET_ERR_MSG_ATTR(info->extack, tb[SOCKAUTH_A_KEY],
				    "kTLS does not have this cipher, or the key's length is not the cipher's");
		return -EINVAL;
	}
	return 0;
}

static u32 sockauth_reply_u32(const struct nlattr *attr, u32 otherwise)
{
	return attr ? nla_get_u32(attr) : otherwise;
}

static size_t sockauth_reply_len(const struct nlattr *attr)
{
	return attr ? nla_len(attr) : 0;
}

/* Copy a binary attribute to @p; outputs where it is and its length. */
static void *sockauth_reply_data(void *p, const struct nlattr *attr)
{
	size_t len = sockauth_reply_len(attr);

	if (len)
		memcpy(p, nla_data(attr), len);
	return p + len;
}

static struct sockauth_peer *sockauth_reply_peer(struct nlattr **attrs,
						 struct user_namespace *userns)
{
	size_t alpn = sockauth_reply_len(attrs[SOCKAUTH_A_ALPN]);
	size_t cred = sockauth_reply_len(attrs[SOCKAUTH_A_PEER_CRED]);
	size_t blob = sockauth_reply_len(attrs[SOCKAUTH_A_BLOB]);
	size_t name = sockauth_reply_strlen(attrs[SOCKAUTH_A_PEER_NAME]);
	struct sockauth_peer *peer;
	void *p;

	peer = kzalloc(struct_size(peer, data, name + 1 + alpn + cred + blob),
		       GFP_KERNEL_ACCOUNT);
	if (!peer)
		return NULL;
	peer->flags = sockauth_reply_u32(attrs[SOCKAUTH_A_SEC_FLAGS], 0);
	peer->version = sockauth_reply_u32(attrs[SOCKAUTH_A_VERSION], 0);
	peer->cipher = sockauth_reply_u32(attrs[SOCKAUTH_A_CIPHER], 0);
	peer->mech = sockauth_reply_u32(attrs[SOCKAUTH_A_MECH], 0);
	peer->name_type = sockauth_reply_u32(attrs[SOCKAUTH_A_NAME_TYPE], 0);
	peer->uid = INVALID_UID;
	if (attrs[SOCKAUTH_A_MAPPED_UID])
		peer->uid = make_kuid(userns, nla_get_u32(attrs[SOCKAUTH_A_MAPPED_UID]));
	if (attrs[SOCKAUTH_A_EXPIRY])
		peer->expiry = nla_get_u64(attrs[SOCKAUTH_A_EXPIRY]);
	if (attrs[SOCKAUTH_A_BINDING]) {
		peer->has_binding = true;
		nla_memcpy(peer->binding, attrs[SOCKAUTH_A_BINDING],
			   sizeof(peer->binding));
	}
	p = peer->data;
	peer->name = p;
	if (name)
		memcpy(p, nla_data(attrs[SOCKAUTH_A_PEER_NAME]), name);
	p += name + 1;
	peer->alpn = p;
	peer->alpn_len = alpn;
	p = sockauth_reply_data(p, attrs[SOCKAUTH_A_ALPN]);
	peer->cred = p;
	peer->cred_len = cred;
	p = sockauth_reply_data(p, attrs[SOCKAUTH_A_PEER_CRED]);
	peer->blob = p;
	peer->blob_len = blob;
	sockauth_reply_data(p, attrs[SOCKAUTH_A_BLOB]);
	return peer;
}

/* What only DONE has. */
static int sockauth_reply_parse_done(struct sockauth_reply *reply,
				     struct genl_info *info,
				     struct user_namespace *userns)
{
	struct nlattr **attrs = info->attrs;
	u32 cipher;
	int err;

	if (!attrs[SOCKAUTH_A_CIPHER])
		return sockauth_reply_missing(info, "CIPHER");
	if (!attrs[SOCKAUTH_A_VERSION])
		return sockauth_reply_missing(info, "VERSION");
	if (!attrs[SOCKAUTH_A_MECH])
		return sockauth_reply_missing(info, "MECH");
	if (!attrs[SOCKAUTH_A_TX])
		return sockauth_reply_missing(info, "TX");
	if (!attrs[SOCKAUTH_A_RX])
		return sockauth_reply_missing(info, "RX");
	cipher = nla_get_u32(attrs[SOCKAUTH_A_CIPHER]);
	err = sockauth_reply_key(attrs[SOCKAUTH_A_TX], cipher, &reply->tx,
				 info);
	if (err)
		return err;
	err = sockauth_reply_key(attrs[SOCKAUTH_A_RX], cipher, &reply->rx,
				 info);
	if (err)
		return err;
	reply->peer = sockauth_reply_peer(attrs, userns);
	return reply->peer ? 0 : -ENOMEM;
}

static int sockauth_reply_parse(struct sockauth_reply *reply,
				struct genl_info *info,
				struct user_namespace *userns)
{
	struct nlattr **attrs = info->attrs;

	reply->status = nla_get_u32(attrs[SOCKAUTH_A_STATUS]);
	reply->consumed = sockauth_reply_u32(attrs[SOCKAUTH_A_CONSUMED], 0);
	if (attrs[SOCKAUTH_A_TOKEN]) {
		reply->token = nla_data(attrs[SOCKAUTH_A_TOKEN]);
		reply->token_len = nla_len(attrs[SOCKAUTH_A_TOKEN]);
	}
	if (reply->status == SOCKAUTH_STEP_DONE)
		return sockauth_reply_parse_done(reply, info, userns);
	if (reply->status == SOCKAUTH_STEP_FAIL) {
		reply->reason = sockauth_reply_u32(attrs[SOCKAUTH_A_REASON],
						   SOCKAUTH_REASON_OTHER);
		reply->error = sockauth_reply_u32(attrs[SOCKAUTH_A_ERROR],
						  EACCES);
		if (attrs[SOCKAUTH_A_TEXT])
			nla_strscpy(reply->text, attrs[SOCKAUTH_A_TEXT],
				    sizeof(reply->text));
	}
	return 0;
}

/**
 * sockauth_reply_free() - wipe and free a reply from the heap
 * @reply: may be NULL
 */
void sockauth_reply_free(struct sockauth_reply *reply)
{
	if (!reply)
		return;
	if (reply->copied)
		kfree(reply->token);
	if (reply->peer)
		kfree_sensitive(reply->peer);
	kfree_sensitive(reply);
}

/* A connection whose reply we have no memory for waits for nothing any more. */
static int sockauth_reply_to(struct sockauth_conn *conn,
			     const struct sock *nlsk, struct genl_info *info)
{
	u32 leg = nla_get_u32(info->attrs[SOCKAUTH_A_LEG]);
	struct sockauth_reply *reply;
	int err = -ENOMEM;

	reply = kzalloc(sizeof(*reply), GFP_KERNEL);
	if (reply)
		err = sockauth_reply_parse(reply, info, sk_user_ns(nlsk));
	if (err == -ENOMEM)
		err = sockauth_answer_give_up(conn, nlsk, leg) ?: -ENOMEM;
	if (err)
		goto out;
	err = sockauth_answer_put(conn, nlsk, leg, reply);
	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[SOCKAUTH_A_CONSUMED],
				    "consumed is more than was offered, or nothing");
out:
	sockauth_reply_free(reply);
	return err;
}

/* The message is freed by netlink, which does not know what was in it. */
static void sockauth_reply_wipe(struct nlattr *attr)
{
	if (attr)
		memzero_explicit(nla_data(attr), nla_len(attr));
}

/* Is there what each reply has to have. */
static int sockauth_reply_complete(struct genl_info *info)
{
	if (!info->attrs[SOCKAUTH_A_ID])
		return sockauth_reply_missing(info, "ID");
	if (!info->attrs[SOCKAUTH_A_LEG])
		return sockauth_reply_missing(info, "LEG");
	if (!info->attrs[SOCKAUTH_A_STATUS])
		return sockauth_reply_missing(info, "STATUS");
	return 0;
}

/**
 * sockauth_reply_step() - SOCKAUTH_CMD_STEP from a worker
 * @skb: the message
 * @info: parsed
 *
 * No capability is asked for: only the port that the event was sent to can
 * answer it, and to be sent one it had to bind.
 *
 * Return: 0 or an errno; extack says what is wrong.
 */
int sockauth_reply_step(struct sk_buff *skb, struct genl_info *info)
{
	struct sockauth_net *snet = sockauth_net_of(genl_info_net(info));
	struct sock *nlsk = NETLINK_CB(skb).sk;
	struct nlattr **attrs = info->attrs;
	struct sockauth_conn *conn;
	int err = -ENOENT;

	if (!sockauth_worker_bound(snet, nlsk)) {
		NL_SET_ERR_MSG(info->extack, "this port is not a worker");
		goto wipe;
	}
	err = sockauth_reply_complete(info);
	if (err)
		goto wipe;
	err = -ENOENT;
	conn = sockauth_table_find(snet, nla_get_u64(attrs[SOCKAUTH_A_ID]));
	if (conn) {
		err = sockauth_reply_to(conn, nlsk, info);
		sockauth_conn_put(conn);
	}
	if (err == -ENOENT) {
		NL_SET_ERR_MSG(info->extack, "this port was not asked about such a connection");
		/* It may have been, when the connection still was. */
		sockauth_credit_noticed(snet, nlsk);
	} else if (err == -ESTALE) {
		NL_SET_ERR_MSG(info->extack, "this is not the connection's last leg");
	}
wipe:
	sockauth_reply_wipe(attrs[SOCKAUTH_A_TX]);
	sockauth_reply_wipe(attrs[SOCKAUTH_A_RX]);
	sockauth_reply_wipe(attrs[SOCKAUTH_A_BLOB]);
	return err;
}

/**
 * sockauth_reply_notice() - SOCKAUTH_CMD_CLOSE or _RECORD from a worker
 * @skb: the message
 * @info: parsed
 *
 * There is nothing in it: it gives the credit back.
 *
 * Return: 0 or an errno; extack says what is wrong.
 */
int sockauth_reply_notice(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	err = sockauth_credit_noticed(sockauth_net_of(genl_info_net(info)),
				      NETLINK_CB(skb).sk);
	if (err == -ENOENT)
		NL_SET_ERR_MSG(info->extack, "this port is not a worker");
	else if (err)
		NL_SET_ERR_MSG(info->extack, "no CLOSE or RECORD event is unanswered");
	return err;
}
