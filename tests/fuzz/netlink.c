// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See netlink.h.  The linker puts these functions in the place of libmnl's.
 * One socket at a time, one thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "fuzz.h"
#include "netlink.h"

#define QUEUE_MAX	64

struct datagram {
	void *data;
	size_t len;
};

static struct datagram queue[QUEUE_MAX];
static size_t head, tail;
static netlink_sent on_sent;
static bool sees_all;

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);
int __wrap_mnl_socket_bind(struct mnl_socket *nl, unsigned int groups,
			   pid_t pid);
int __wrap_mnl_socket_close(struct mnl_socket *nl);
int __wrap_mnl_socket_get_fd(const struct mnl_socket *nl);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *nl);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *nl, int type,
				 void *buf, socklen_t len);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf,
				 size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf,
				   size_t len);

/* Drop what is queued, and say who hears of what is sent. */
void netlink_reset(netlink_sent sent, bool all)
{
	while (head < tail)
		free(queue[head++].data);
	head = 0;
	tail = 0;
	on_sent = sent;
	sees_all = all;
}

/* What is too much is lost, as it is in life. */
void netlink_queue(const void *data, size_t len)
{
	struct datagram *new = &queue[tail];

	if (tail == QUEUE_MAX)
		return;
	/* As long as the datagram: a byte beyond it is an error. */
	new->data = malloc(len ? len : 1);
	fuzz_check(new->data != NULL, "there is memory");
	memcpy(new->data, data, len);
	new->len = len;
	tail++;
}

struct nlmsghdr *netlink_begin(void *buf, uint16_t type, uint8_t cmd,
			       uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *hdr;

	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = seq ? NETLINK_PORTID : 0;
	hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));
	hdr->cmd = cmd;
	return nlh;
}

void netlink_queue_error(uint32_t seq, int err)
{
	char buf[64] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *body;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = NETLINK_PORTID;
	body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));
	body->error = err;
	netlink_queue(nlh, nlh->nlmsg_len);
}

/* What the kernel says of the family. */
void netlink_queue_family(uint32_t seq)
{
	char buf[256] __attribute__((aligned(8))) = { 0 };
	struct nlattr *groups, *group;
	struct nlmsghdr *nlh;

	nlh = netlink_begin(buf, GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, seq);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, NETLINK_FAMILY);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, 7);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME,
			  SOCKAUTH_MCGRP_EVENTS);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	netlink_queue(nlh, nlh->nlmsg_len);
	netlink_queue_error(seq, 0);
}

/* Is there something to receive? */
bool netlink_waiting(void)
{
	return head < tail;
}

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags)
{
	static int only;

	(void)bus;
	(void)flags;
	return (void *)&only;
}

int __wrap_mnl_socket_bind(struct mnl_socket *nl, unsigned int groups,
			   pid_t pid)
{
	(void)nl;
	(void)groups;
	(void)pid;
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *nl)
{
	(void)nl;
	return 0;
}

int __wrap_mnl_socket_get_fd(const struct mnl_socket *nl)
{
	(void)nl;
	return -1;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *nl)
{
	(void)nl;
	return NETLINK_PORTID;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *nl, int type,
				 void *buf, socklen_t len)
{
	(void)nl;
	(void)type;
	(void)buf;
	(void)len;
	return 0;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf,
				 size_t len)
{
	const struct nlmsghdr *nlh = buf;

	(void)nl;
	fuzz_check(nlh->nlmsg_len == len, "a message is as long as it says");
	fuzz_check(nlh->nlmsg_flags & NLM_F_REQUEST, "what is sent is a request");
	if (nlh->nlmsg_type == GENL_ID_CTRL && !sees_all)
		netlink_queue_family(nlh->nlmsg_seq);
	else if (on_sent)
		on_sent(nlh);
	return len;
}

/* Once nothing is left, the socket is broken. */
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf,
				   size_t len)
{
	struct datagram *first = &queue[head];
	ssize_t n = -1;

	(void)nl;
	if (head == tail) {
		errno = ENOTCONN;
		return -1;
	}
	if (++head == tail)
		head = tail = 0;
	if (first->len <= len) {
		memcpy(buf, first->data, first->len);
		n = first->len;
	} else {
		errno = ENOSPC;
	}
	free(first->data);
	return n;
}
