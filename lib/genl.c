// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The generic netlink family "sockauth": one socket, the numbers that the
 * kernel gave to family and group, the sequence number of the next message.
 * No lock; any thread may send, see <sockauth/genl.h> for the rest.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <sockauth/genl.h>

/* A dump fills what the reader offers, up to 32 KiB; a reply may be larger. */
#define RX_SIZE		(96 * 1024)

/* The largest error number that the kernel has. */
#define ERRNO_MAX	4095

struct sockauth_genl {
	struct mnl_socket *nl;
	uint16_t family;
	uint32_t group;
	_Atomic uint32_t seq;	/* any thread may send */
	char *rx;
};

static int set_option(struct sockauth_genl *genl, int option)
{
	int on = 1;

	if (mnl_socket_setsockopt(genl->nl, option, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int open_socket(struct sockauth_genl *genl)
{
	int err;

	genl->nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!genl->nl)
		return -errno;
	if (mnl_socket_bind(genl->nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/*
	 * CAP_ACK keeps the kernel from echoing a refused message: a worker's
	 * reply has keys in it.
	 */
	err = set_option(genl, NETLINK_CAP_ACK);
	if (!err)
		err = set_option(genl, NETLINK_EXT_ACK);
	if (!err)
		err = set_option(genl, NETLINK_GET_STRICT_CHK);
	return err;
}

static void read_groups(struct sockauth_genl *genl, const struct nlattr *nest)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, nest) {
		const char *name = NULL;
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, group) {
			switch (mnl_attr_get_type(attr)) {
			case CTRL_ATTR_MCAST_GRP_NAME:
				if (!mnl_attr_validate(attr,
						       MNL_TYPE_NUL_STRING))
					name = mnl_attr_get_str(attr);
				break;
			case CTRL_ATTR_MCAST_GRP_ID:
				if (!mnl_attr_validate(attr, MNL_TYPE_U32))
					id = mnl_attr_get_u32(attr);
				break;
			}
		}
		if (name && !strcmp(name, SOCKAUTH_MCGRP_EVENTS))
			genl->group = id;
	}
}

static int family_cb(const struct nlmsghdr *nlh, void *arg)
{
	struct sockauth_genl *genl = arg;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) < 0)
				return -EPROTO;
			genl->family = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			read_groups(genl, attr);
			break;
		}
	}
	return 0;
}

static struct nlmsghdr *begin(struct sockauth_genl *genl, void *buf,
			      uint16_t type, uint8_t cmd, uint8_t version,
			      uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *hdr;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	/* 0 is what the kernel's own messages carry. */
	do {
		nlh->nlmsg_seq = atomic_fetch_add(&genl->seq, 1);
	} while (!nlh->nlmsg_seq);
	hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));
	hdr->cmd = cmd;
	hdr->version = version;
	return nlh;
}

static int resolve(struct sockauth_genl *genl)
{
	char buf[MNL_NLMSG_HDRLEN + GENL_HDRLEN + 64] = { 0 };
	struct nlmsghdr *nlh;
	int err;

	/* CTRL_CMD_GETFAMILY has been version 1 since the beginning. */
	nlh = begin(genl, buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, SOCKAUTH_GENL_NAME);
	err = sockauth_genl_transact(genl, nlh, family_cb, genl, NULL, 0);
	if (!err && !genl->family)
		err = -EPROTO;
	return err;
}

/**
 * sockauth_genl_open - open a socket of the family
 * @genl: set to the new object; the caller closes it
 *
 * Return: 0, -ENOENT if the kernel module is not loaded, or another -errno.
 */
int sockauth_genl_open(struct sockauth_genl **genl)
{
	struct sockauth_genl *new = calloc(1, sizeof(*new));
	int err;

	if (!new)
		return -ENOMEM;
	new->rx = malloc(RX_SIZE);
	err = new->rx ? open_socket(new) : -ENOMEM;
	if (!err)
		err = resolve(new);
	if (err) {
		sockauth_genl_close(new);
		return err;
	}
	*genl = new;
	return 0;
}

/**
 * sockauth_genl_close - close the socket and free the object
 * @genl: may be NULL
 */
void sockauth_genl_close(struct sockauth_genl *genl)
{
	if (!genl)
		return;
	if (genl->nl)
		mnl_socket_close(genl->nl);
	free(genl->rx);
	free(genl);
}

/**
 * sockauth_genl_fd - the file descriptor, for poll() and socket options
 * @genl: the socket, which keeps the descriptor
 *
 * Return: the descriptor.
 */
int sockauth_genl_fd(const struct sockauth_genl *genl)
{
	return mnl_socket_get_fd(genl->nl);
}

/**
 * sockauth_genl_portid - the netlink port, as dumps of workers show it
 * @genl: the socket
 *
 * Return: the port.
 */
uint32_t sockauth_genl_portid(const struct sockauth_genl *genl)
{
	return mnl_socket_get_portid(genl->nl);
}

/**
 * sockauth_genl_join - join the multicast group "events"
 * @genl: the socket
 *
 * Return: 0, -ENOENT if the kernel has no such group, -EPERM without
 * CAP_NET_ADMIN, or another -errno.
 */
int sockauth_genl_join(struct sockauth_genl *genl)
{
	int group = genl->group;

	if (!group)
		return -ENOENT;
	if (mnl_socket_setsockopt(genl->nl, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0)
		return -errno;
	return 0;
}

/**
 * sockauth_genl_begin - begin a message
 * @genl: the socket, which gives the message its sequence number
 * @buf: where; it stays the caller's
 * @cmd: enum sockauth_cmd
 * @flags: NLM_F_ACK, NLM_F_DUMP or 0; NLM_F_REQUEST is added
 *
 * Return: the message, at the beginning of @buf; attributes may be appended.
 */
struct nlmsghdr *sockauth_genl_begin(struct sockauth_genl *genl, void *buf,
				     uint8_t cmd, uint16_t flags)
{
	return begin(genl, buf, genl->family, cmd, SOCKAUTH_GENL_VERSION,
		     flags);
}

/**
 * sockauth_genl_send - send a message and do not wait for an answer
 * @genl: the socket
 * @nlh: the message
 *
 * Return: 0 or -errno.
 */
int sockauth_genl_send(struct sockauth_genl *genl, const struct nlmsghdr *nlh)
{
	ssize_t n;

	do {
		n = mnl_socket_sendto(genl->nl, nlh, nlh->nlmsg_len);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/**
 * sockauth_genl_wake - make another thread's sockauth_genl_recv() return
 * @genl: the socket
 *
 * The kernel acknowledges a message that means nothing.
 *
 * Return: 0 or -errno.
 */
int sockauth_genl_wake(struct sockauth_genl *genl)
{
	const struct nlmsghdr nlh = {
		.nlmsg_len = sizeof(nlh),
		.nlmsg_type = NLMSG_NOOP,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
	};

	return sockauth_genl_send(genl, &nlh);
}

/**
 * sockauth_genl_recv - wait for messages
 * @genl: the socket
 * @buf: filled with one or more messages
 * @size: of @buf
 *
 * Return: the number of bytes, or -errno: -EINTR a signal came, -ENOBUFS
 * messages were lost, -ENOSPC @buf is too short for this one, which is lost.
 */
ssize_t sockauth_genl_recv(struct sockauth_genl *genl, void *buf, size_t size)
{
	ssize_t n = mnl_socket_recvfrom(genl->nl, buf, size);

	return n < 0 ? -errno : n;
}

/* The text of the extended acknowledgement that begins at @offset. */
static void read_extack(const struct nlmsghdr *nlh, size_t offset,
			char *text, size_t size)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    mnl_nlmsg_get_payload_len(nlh) < offset)
		return;
	mnl_attr_for_each(attr, nlh, offset) {
		if (mnl_attr_get_type(attr) != NLMSGERR_ATTR_MSG ||
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			continue;
		snprintf(text, size, "%s", mnl_attr_get_str(attr));
	}
}

/**
 * sockauth_genl_error - read a message of type NLMSG_ERROR or NLMSG_DONE
 * @nlh: the message
 * @seq: set to the sequence number of the message it answers; may be NULL
 * @text: set to the kernel's explanation, or to "" if there is none; may be
 *	NULL
 * @text_size: of @text
 *
 * Return: 0 for an acknowledgement, else the -errno that the message has
 * (-EPROTO if it is malformed).
 */
int sockauth_genl_error(const struct nlmsghdr *nlh, uint32_t *seq,
			char *text, size_t text_size)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	size_t offset = sizeof(int);
	int err;

	if (len < sizeof(int))
		return -EPROTO;
	/* Both kinds begin with the error number. */
	memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	if (err > 0 || err < -ERRNO_MAX)
		return -EPROTO;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *body = mnl_nlmsg_get_payload(nlh);

		if (len < sizeof(*body))
			return -EPROTO;
		offset = sizeof(*body);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			offset += MNL_ALIGN(mnl_nlmsg_get_payload_len(
						    &body->msg));
	}
	if (seq)
		*seq = nlh->nlmsg_seq;
	if (text && text_size) {
		text[0] = '\0';
		read_extack(nlh, offset, text, text_size);
	}
	return err;
}

/**
 * sockauth_genl_ok - whether there is a whole message
 * @nlh: where it would be
 * @left: bytes that are left from there on
 *
 * mnl_nlmsg_ok() takes a length of 2 GiB for a negative one.
 *
 * Return: whether.
 */
bool sockauth_genl_ok(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left;
}

/* What one transaction has come to. */
struct answer {
	sockauth_genl_cb cb;
	void *arg;
	char *text;
	size_t text_size;
	int err;	/* of the callback, the first one */
	bool torn;	/* the dump raced with a change */
};

/* Return: 1 go on, 0 complete, or the -errno of the kernel. */
static int answer_message(struct answer *a, const struct nlmsghdr *nlh,
			  bool dump)
{
	int err;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->torn = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_OVERRUN:
		return -EOVERFLOW;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		err = sockauth_genl_error(nlh, NULL, a->text, a->text_size);
		/* A dump with an acknowledgement ends with its DONE. */
		if (!err && dump && nlh->nlmsg_type == NLMSG_ERROR)
			return 1;
		return err;
	}
	if (a->cb && !a->err)
		a->err = a->cb(nlh, a->arg);
	return 1;
}

/**
 * sockauth_genl_transact - send a message and wait for the whole answer
 * @genl: the socket
 * @nlh: the message; NLM_F_ACK is added unless it is a dump
 * @cb: called for each message of the answer; may be NULL
 * @arg: for @cb
 * @text: set to the kernel's explanation of an error, "" if there is none;
 *	may be NULL
 * @text_size: of @text
 *
 * Messages that do not belong to the answer are thrown away: use another
 * socket for events.
 *
 * Return: 0; the -errno of the kernel, of the socket or of @cb; or -EINTR if
 * a dump raced with a change and may be incomplete: begin it again.
 */
int sockauth_genl_transact(struct sockauth_genl *genl, struct nlmsghdr *nlh,
			   sockauth_genl_cb cb, void *arg,
			   char *text, size_t text_size)
{
	struct answer a = {
		.cb = cb, .arg = arg, .text = text, .text_size = text_size,
	};
	bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	const struct nlmsghdr *msg;
	uint32_t portid = sockauth_genl_portid(genl);
	int err, left;
	ssize_t n;

	if (text && text_size)
		text[0] = '\0';
	if (!dump)
		nlh->nlmsg_flags |= NLM_F_ACK;
	err = sockauth_genl_send(genl, nlh);
	if (err)
		return err;
	do {
		n = sockauth_genl_recv(genl, genl->rx, RX_SIZE);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return n;
		left = n;
		for (msg = (void *)genl->rx; sockauth_genl_ok(msg, left);
		     msg = mnl_nlmsg_next(msg, &left)) {
			if (msg->nlmsg_seq != nlh->nlmsg_seq ||
			    msg->nlmsg_pid != portid)
				continue;
			err = answer_message(&a, msg, dump);
			if (err < 0)
				return err;
			if (!err)
				goto complete;
		}
	} while (1);

complete:
	if (a.err)
		return a.err;
	return a.torn ? -EINTR : 0;
}

/**
 * sockauth_genl_cmd - the command of a message
 * @genl: the socket it came from
 * @nlh: the message
 *
 * Return: enum sockauth_cmd, or -EPROTO if the message is not of the family.
 */
int sockauth_genl_cmd(const struct sockauth_genl *genl,
		      const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *hdr = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != genl->family ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*hdr))
		return -EPROTO;
	return hdr->cmd;
}

/* What is not here is binary, and of any length. */
static const uint8_t attr_types[SOCKAUTH_A_MAX + 1] = {
	[SOCKAUTH_A_ID]			= MNL_TYPE_U64,
	[SOCKAUTH_A_LEG]		= MNL_TYPE_U32,
	[SOCKAUTH_A_STATUS]		= MNL_TYPE_U32,
	[SOCKAUTH_A_ROLE]		= MNL_TYPE_U32,
	[SOCKAUTH_A_CONSUMED]		= MNL_TYPE_U32,
	[SOCKAUTH_A_MALFORMED]		= MNL_TYPE_FLAG,
	[SOCKAUTH_A_ERROR]		= MNL_TYPE_U32,
	[SOCKAUTH_A_TEXT]		= MNL_TYPE_NUL_STRING,
	[SOCKAUTH_A_REASON]		= MNL_TYPE_U32,
	[SOCKAUTH_A_IFINDEX]		= MNL_TYPE_U32,
	[SOCKAUTH_A_NETNS]		= MNL_TYPE_U64,
	[SOCKAUTH_A_UID]		= MNL_TYPE_U32,
	[SOCKAUTH_A_GID]		= MNL_TYPE_U32,
	[SOCKAUTH_A_PROFILE]		= MNL_TYPE_NUL_STRING,
	[SOCKAUTH_A_TARGET]		= MNL_TYPE_NUL_STRING,
	[SOCKAUTH_A_REQ_FLAGS]		= MNL_TYPE_U32,
	[SOCKAUTH_A_WINDOW]		= MNL_TYPE_U32,
	[SOCKAUTH_A_PROFILES]		= MNL_TYPE_NESTED,
	[SOCKAUTH_A_CIPHER]		= MNL_TYPE_U32,
	[SOCKAUTH_A_VERSION]		= MNL_TYPE_U32,
	[SOCKAUTH_A_TX]			= MNL_TYPE_NESTED,
	[SOCKAUTH_A_RX]			= MNL_TYPE_NESTED,
	[SOCKAUTH_A_SEQ]		= MNL_TYPE_U64,
	[SOCKAUTH_A_PEER_NAME]		= MNL_TYPE_NUL_STRING,
	[SOCKAUTH_A_NAME_TYPE]		= MNL_TYPE_U32,
	[SOCKAUTH_A_EXPIRY]		= MNL_TYPE_U64,
	[SOCKAUTH_A_MAPPED_UID]		= MNL_TYPE_U32,
	[SOCKAUTH_A_SEC_FLAGS]		= MNL_TYPE_U32,
	[SOCKAUTH_A_MECH]		= MNL_TYPE_U32,
	[SOCKAUTH_A_STATE]		= MNL_TYPE_U32,
	[SOCKAUTH_A_AGE_MS]		= MNL_TYPE_U64,
	[SOCKAUTH_A_PORTID]		= MNL_TYPE_U32,
	[SOCKAUTH_A_OUTSTANDING]	= MNL_TYPE_U32,
	[SOCKAUTH_A_CONTEXTS]		= MNL_TYPE_U32,
	[SOCKAUTH_A_ANSWERED]		= MNL_TYPE_U64,
	[SOCKAUTH_A_PENDING]		= MNL_TYPE_U32,
	[SOCKAUTH_A_READY]		= MNL_TYPE_U32,
	[SOCKAUTH_A_BACKLOG]		= MNL_TYPE_U32,
	[SOCKAUTH_A_ACCEPTED]		= MNL_TYPE_U64,
	[SOCKAUTH_A_INODE]		= MNL_TYPE_U64,
	[SOCKAUTH_A_STARTED]		= MNL_TYPE_U64,
	[SOCKAUTH_A_DONE]		= MNL_TYPE_U64,
	[SOCKAUTH_A_RESUMED]		= MNL_TYPE_U64,
	[SOCKAUTH_A_OPEN]		= MNL_TYPE_U32,
	[SOCKAUTH_A_FAILED]		= MNL_TYPE_NESTED,
	[SOCKAUTH_A_LIMIT_PENDING]	= MNL_TYPE_U32,
	[SOCKAUTH_A_LIMIT_PENDING_NET]	= MNL_TYPE_U32,
	[SOCKAUTH_A_LIMIT_TIMEOUT_MS]	= MNL_TYPE_U32,
	[SOCKAUTH_A_LIMIT_BYTES]	= MNL_TYPE_U32,
	[SOCKAUTH_A_LIMIT_LEGS]		= MNL_TYPE_U32,
	[SOCKAUTH_A_COUNT]		= MNL_TYPE_U32,
	[SOCKAUTH_A_LIMIT_GUESTS]	= MNL_TYPE_U32,
};

static int parse_attr(const struct nlattr *attr, const struct nlattr **tb)
{
	uint16_t type = mnl_attr_get_type(attr);

	/* A newer kernel may say more than we know. */
	if (type > SOCKAUTH_A_MAX)
		return 0;
	if (attr_types[type] &&
	    mnl_attr_validate(attr, attr_types[type]) < 0)
		return -EPROTO;
	tb[type] = attr;
	return 0;
}

/**
 * sockauth_genl_parse - sort the attributes of a message
 * @nlh: the message, which the result points into
 * @tb: array of SOCKAUTH_A_MAX + 1; each entry is set to the attribute of that
 *	type, checked for its length, or to NULL.  Undefined on failure
 *
 * Return: 0, or -EPROTO if an attribute is malformed.
 */
int sockauth_genl_parse(const struct nlmsghdr *nlh, const struct nlattr **tb)
{
	const struct nlattr *attr;
	int err;

	memset(tb, 0, sizeof(*tb) * (SOCKAUTH_A_MAX + 1));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		err = parse_attr(attr, tb);
		if (err)
			return err;
	}
	return 0;
}

/**
 * sockauth_genl_parse_nest - sort the attributes of a nest
 * @nest: SOCKAUTH_A_TX or _RX; the others are lists, see
 *	mnl_attr_for_each_nested
 * @tb: as for sockauth_genl_parse()
 *
 * Return: 0, or -EPROTO if an attribute is malformed.
 */
int sockauth_genl_parse_nest(const struct nlattr *nest,
			     const struct nlattr **tb)
{
	const struct nlattr *attr;
	int err;

	memset(tb, 0, sizeof(*tb) * (SOCKAUTH_A_MAX + 1));
	mnl_attr_for_each_nested(attr, nest) {
		err = parse_attr(attr, tb);
		if (err)
			return err;
	}
	return 0;
}
