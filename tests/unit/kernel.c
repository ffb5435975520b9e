// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See kernel.h.  The linker puts these functions in the place of libmnl's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "kernel.h"

struct kernel_port {
	int fd;			/* of the process */
	int far;		/* of the kernel */
	uint32_t portid;
	atomic_bool overrun;
};

static kernel_fn module;
static struct kernel_port *ports[16];

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

void kernel_set(kernel_fn fn)
{
	module = fn;
}

struct kernel_port *kernel_port(const struct sockauth_genl *genl)
{
	size_t i;

	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (ports[i] && ports[i]->fd == sockauth_genl_fd(genl))
			return ports[i];
	fail_msg("no such port");
	return NULL;
}

/* The next receive fails, as it does after an overrun. */
void kernel_lose_messages(struct kernel_port *port)
{
	atomic_store(&port->overrun, true);
}

struct nlmsghdr *kernel_begin(struct kernel_port *port, void *buf, uint8_t cmd,
			      uint32_t seq, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *hdr;

	nlh->nlmsg_type = KERNEL_FAMILY;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = seq ? port->portid : 0;
	hdr = mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));
	hdr->cmd = cmd;
	return nlh;
}

void kernel_send(struct kernel_port *port, const struct nlmsghdr *nlh)
{
	ssize_t n = send(port->far, nlh, nlh->nlmsg_len, 0);

	assert_int_equal(n, nlh->nlmsg_len);
}

/* With NETLINK_CAP_ACK: the header of the request, not its payload. */
void kernel_error(struct kernel_port *port, const struct nlmsghdr *request,
		  int err, const char *text)
{
	char buf[512] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *body;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_flags = NLM_F_CAPPED;
	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_pid = port->portid;
	body = mnl_nlmsg_put_extra_header(nlh, sizeof(*body));
	body->error = err;
	body->msg = *request;
	if (text) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	}
	kernel_send(port, nlh);
}

void kernel_done(struct kernel_port *port, const struct nlmsghdr *request,
		 int err, const char *text)
{
	char buf[512] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_pid = port->portid;
	*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof(int)) = err;
	if (text) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	}
	kernel_send(port, nlh);
}

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags)
{
	struct kernel_port *port = calloc(1, sizeof(*port));
	size_t i;
	int pair[2];

	assert_int_equal(bus, NETLINK_GENERIC);
	assert_int_equal(flags, SOCK_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	port->fd = pair[0];
	port->far = pair[1];
	for (i = 0; ports[i]; i++)
		;
	ports[i] = port;
	port->portid = 1000 + i;
	return (void *)port;
}

int __wrap_mnl_socket_bind(struct mnl_socket *nl, unsigned int groups,
			   pid_t pid)
{
	(void)nl;
	assert_int_equal(groups, 0);
	assert_int_equal(pid, MNL_SOCKET_AUTOPID);
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *nl)
{
	struct kernel_port *port = (void *)nl;
	size_t i;

	for (i = 0; ports[i] != port; i++)
		;
	ports[i] = NULL;
	close(port->fd);
	close(port->far);
	free(port);
	return 0;
}

int __wrap_mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return ((const struct kernel_port *)nl)->fd;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return ((const struct kernel_port *)nl)->portid;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *nl, int type,
				 void *buf, socklen_t len)
{
	(void)nl;
	assert_int_equal(len, sizeof(int));
	if (type == NETLINK_ADD_MEMBERSHIP)
		assert_int_equal(*(int *)buf, KERNEL_GROUP);
	return 0;
}

static void answer_family(struct kernel_port *port, const struct nlmsghdr *nlh)
{
	char buf[512] __attribute__((aligned(8))) = { 0 };
	struct nlattr *groups, *group;
	struct nlmsghdr *reply;

	if (!module) {
		kernel_error(port, nlh, -ENOENT, NULL);
		return;
	}
	reply = kernel_begin(port, buf, CTRL_CMD_NEWFAMILY, nlh->nlmsg_seq, 0);
	reply->nlmsg_type = GENL_ID_CTRL;
	mnl_attr_put_u16(reply, CTRL_ATTR_FAMILY_ID, KERNEL_FAMILY);
	groups = mnl_attr_nest_start(reply, CTRL_ATTR_MCAST_GROUPS);
	/* The family has more than one group. */
	group = mnl_attr_nest_start(reply, 1);
	mnl_attr_put_u32(reply, CTRL_ATTR_MCAST_GRP_ID, KERNEL_GROUP);
	mnl_attr_put_strz(reply, CTRL_ATTR_MCAST_GRP_NAME,
			  SOCKAUTH_MCGRP_EVENTS);
	mnl_attr_nest_end(reply, group);
	group = mnl_attr_nest_start(reply, 2);
	mnl_attr_put_strz(reply, CTRL_ATTR_MCAST_GRP_NAME, "others");
	mnl_attr_put_u32(reply, CTRL_ATTR_MCAST_GRP_ID, KERNEL_GROUP + 1);
	mnl_attr_nest_end(reply, group);
	mnl_attr_nest_end(reply, groups);
	kernel_send(port, reply);
	kernel_error(port, nlh, 0, NULL);
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *nl, const void *buf,
				 size_t len)
{
	struct kernel_port *port = (void *)nl;
	const struct nlmsghdr *nlh = buf;
	const struct genlmsghdr *hdr = mnl_nlmsg_get_payload(nlh);

	assert_int_equal(nlh->nlmsg_len, len);
	assert_true(nlh->nlmsg_flags & NLM_F_REQUEST);
	if (nlh->nlmsg_type == NLMSG_NOOP) {
		kernel_error(port, nlh, 0, NULL);
	} else if (nlh->nlmsg_type == GENL_ID_CTRL) {
		answer_family(port, nlh);
	} else {
		assert_int_equal(nlh->nlmsg_type, KERNEL_FAMILY);
		assert_int_equal(hdr->version, SOCKAUTH_GENL_VERSION);
		module(port, nlh, hdr->cmd);
	}
	return len;
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf,
				   size_t len)
{
	struct kernel_port *port = (void *)nl;

	if (atomic_exchange(&port->overrun, false)) {
		errno = ENOBUFS;
		return -1;
	}
	return recv(port->fd, buf, len, 0);
}
