// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Users inside the kernel: a socket can be handed to them, and they read and
 * write past the calls that programs make. What they get must not be records,
 * and what they take must not be missing.
 */
#include "harness.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/kcm.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call-net.h"
#include "call-peer.h"
#include "net.h"

#define LEN	(2 * CALL_BLOCK)

FIXTURE(kernel)
{
	int		fd;
	int		raw;
	struct peer	*peer;
	char		text[LEN];
	int		kcm;
};

FIXTURE_VARIANT(kernel)
{
	enum call_role	role;
};

FIXTURE_VARIANT_ADD(kernel, client) {
	.role = CALL_CLIENT,
};

FIXTURE_VARIANT_ADD(kernel, server) {
	.role = CALL_SERVER,
};

FIXTURE_SETUP(kernel)
{
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, peer_pair(variant->role, &self->fd, &self->peer,
			       &self->raw));
	call_text(self->text, LEN, 0, true);
	ASSERT_EQ(0, system("modprobe kcm"));
	self->kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);
	ASSERT_GE(self->kcm, 0);
}

FIXTURE_TEARDOWN(kernel)
{
	close(self->kcm);
	close(self->fd);
	close(self->raw);
	peer_free(self->peer);
}

/* A program that takes whatever is there for one message. */
static int everything(void)
{
	struct bpf_insn prog[] = {
		/* r0 = skb->len */
		{ .code = BPF_LDX | BPF_W | BPF_MEM, .dst_reg = BPF_REG_0,
		  .src_reg = BPF_REG_1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = sizeof(prog) / sizeof(*prog),
		.insns = (uintptr_t)prog,
		.license = (uintptr_t)"GPL",
	};

	return syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

/* What comes to a plain socket does come out of KCM: else silence says nothing. */
static int through_kcm(int kcm, int bpf_fd)
{
	struct kcm_attach attach = { .bpf_fd = bpf_fd };
	struct kcm_unattach detach;
	char text[LEN], in[LEN];
	int pair[2], err;

	call_text(text, LEN, 0, false);
	err = net_pair(pair);
	if (err)
		return err;
	attach.fd = pair[1];
	detach.fd = pair[1];
	if (ioctl(kcm, SIOCKCMATTACH, &attach))
		err = -errno;
	if (!err)
		err = net_write(pair[0], text, LEN);
	if (!err && !net_wait(kcm, POLLIN, PATIENCE_MS))
		err = -ETIMEDOUT;
	if (!err && (recv(kcm, in, LEN, MSG_DONTWAIT) != LEN ||
		     memcmp(in, text, LEN)))
		err = -EBADMSG;
	if (!err && ioctl(kcm, SIOCKCMUNATTACH, &detach))
		err = -errno;
	close(pair[0]);
	close(pair[1]);
	return err;
}

/* KCM reads the sockets that it is given, and cuts messages out of them. */
TEST_F(kernel, kcm)
{
	struct kcm_attach attach = { .fd = self->fd, .bpf_fd = everything() };
	struct kcm_unattach detach = { .fd = self->fd };
	char in[1024];

	ASSERT_GE(attach.bpf_fd, 0);
	ASSERT_EQ(0, through_kcm(self->kcm, attach.bpf_fd));
	ASSERT_EQ(0, ioctl(self->kcm, SIOCKCMATTACH, &attach));
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_FALSE(net_wait(self->kcm, POLLIN, QUIET_MS));
	EXPECT_EQ(-1, recv(self->kcm, in, sizeof(in), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, ioctl(self->kcm, SIOCKCMUNATTACH, &detach));
	close(attach.bpf_fd);

	/* KCM has kept the news of data to itself, but nothing of the data. */
	ASSERT_EQ(0, peer_send(self->peer, PEER_DATA, self->text, LEN));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
	EXPECT_EQ(0, call_expect(self->fd, LEN, 0, true));
}

SOCKAUTH_HARNESS_MAIN
