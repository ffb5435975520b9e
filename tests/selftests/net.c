// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets for the tests: a network namespace of one's own, loopback
 * connections, kTLS with keys that everybody knows.
 *
 * Nothing is kept here; the caller owns every descriptor.
 */
#include "capture.h"
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tls.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int net_enter_namespace(void)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd, err = 0;

	if (unshare(CLONE_NEWNET))
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ifr.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		err = -errno;
	close(fd);
	return err ? err : capture_namespace();
}

int net_tcp(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* To a free port of the loopback address. */
int net_bind(int fd)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(int);
	int family, err;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len))
		return -errno;
	if (family == AF_INET6)
		err = bind(fd, (struct sockaddr *)&v6, sizeof(v6));
	else
		err = bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	return err ? -errno : 0;
}

int net_listen(int fd, int backlog)
{
	return listen(fd, backlog) ? -errno : 0;
}

/* An unmarked listener on the loopback address of FAMILY. */
int net_listener(int family)
{
	int fd = net_tcp(family), err;

	if (fd < 0)
		return fd;
	err = net_bind(fd);
	if (!err)
		err = net_listen(fd, 128);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A marked one, of the profile "default"; timeout_ms 0: the namespace's. */
int net_marked_listener(uint32_t timeout_ms, int backlog)
{
	int fd = net_tcp(AF_INET), err;

	if (fd < 0)
		return fd;
	err = net_mark(fd, NULL, 0, timeout_ms);
	if (!err)
		err = net_bind(fd);
	if (!err)
		err = net_listen(fd, backlog);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int net_address(int fd, struct sockaddr_in6 *addr, socklen_t *len)
{
	*len = sizeof(*addr);
	return getsockname(fd, (struct sockaddr *)addr, len) ? -errno : 0;
}

/* A blocking connection to where LISTENER listens, without Nagle's delay. */
int net_connect_to(int listener)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	int fd, one = 1, err;

	err = net_address(listener, &addr, &len);
	if (err)
		return err;
	fd = net_tcp(addr.sin6_family);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&addr, len) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* A plain loopback connection: pair[0] connected, pair[1] accepted. */
int net_pair(int pair[2])
{
	int listener = net_listener(AF_INET), client, server;

	if (listener < 0)
		return listener;
	client = net_connect_to(listener);
	if (client < 0) {
		close(listener);
		return client;
	}
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (server < 0) {
		close(client);
		return -errno;
	}
	pair[0] = client;
	pair[1] = server;
	return 0;
}

/* Marked, and on its way to LISTENER without waiting for it. */
int net_marked_client(int listener)
{
	int fd = net_tcp(AF_INET), err;
	struct sockaddr_in6 addr;
	socklen_t len;

	if (fd < 0)
		return fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	err = net_mark(fd, NULL, 0, 60000);
	if (!err)
		err = net_address(listener, &addr, &len);
	if (!err && connect(fd, (struct sockaddr *)&addr, len) &&
	    errno != EINPROGRESS)
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int net_destroy(int fd)
{
	struct {
		struct nlmsghdr		nlh;
		struct inet_diag_req_v2	req;
	} msg = {
		.nlh = {
			.nlmsg_len = sizeof(msg),
			.nlmsg_type = SOCK_DESTROY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.req = {
			.sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = 1 << TCP_LISTEN,
			.id.idiag_cookie = {
				INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE,
			},
		},
	};
	struct {
		struct nlmsghdr	nlh;
		struct nlmsgerr	verdict;
		char		rest[256];
	} ack;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	int diag, err = -EPROTO;

	/* Built in, or no module at all: that is seen below. */
	if (system("modprobe -q tcp_diag") < 0)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return -errno;
	msg.req.id.idiag_sport = addr.sin_port;
	msg.req.id.idiag_src[0] = addr.sin_addr.s_addr;
	diag = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	if (diag < 0)
		return -errno;
	if (send(diag, &msg, sizeof(msg), 0) != sizeof(msg) ||
	    recv(diag, &ack, sizeof(ack), 0) < 0)
		err = -errno;
	else if (ack.nlh.nlmsg_type == NLMSG_ERROR)
		err = ack.verdict.error;
	close(diag);
	return err;
}

int64_t net_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int net_epoll(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC), err;

	if (ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		return ep;
	err = -errno;
	close(ep);
	return err;
}

bool net_wait(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, timeout_ms) == 1;
}

int net_mark(int fd, const char *profile, uint32_t flags, uint32_t timeout_ms)
{
	struct sockauth_request req = {
		.flags = flags,
		.timeout_ms = timeout_ms,
	};

	if (profile)
		strncpy(req.profile, profile, sizeof(req.profile) - 1);
	if (setsockopt(fd, IPPROTO_IP, SOCKAUTH_REQUEST, &req, sizeof(req)))
		return -errno;
	return 0;
}

int net_status(int fd, struct sockauth_status *st)
{
	socklen_t len = sizeof(*st);

	if (getsockopt(fd, IPPROTO_IP, SOCKAUTH_STATUS, st, &len))
		return -errno;
	return len == sizeof(*st) ? 0 : -EMSGSIZE;
}

bool net_reaches(int fd, uint32_t state)
{
	struct sockauth_status status;
	int tries;

	for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
		if (!net_status(fd, &status) && status.state == state)
			return true;
		usleep(10000);
	}
	return false;
}

void net_key(enum net_keys which, uint8_t key[NET_KEY_LEN],
	     uint8_t iv[NET_IV_LEN])
{
	memset(key, which, NET_KEY_LEN);
	memset(iv, which + 1, NET_IV_LEN);
}

static int net_ktls_one(int fd, int direction, enum net_keys which)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_3_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};
	uint8_t iv[NET_IV_LEN];

	net_key(which, info.key, iv);
	memcpy(info.salt, iv, sizeof(info.salt));
	memcpy(info.iv, iv + sizeof(info.salt), sizeof(info.iv));
	if (setsockopt(fd, SOL_TLS, direction, &info, sizeof(info)))
		return -errno;
	return 0;
}

int net_ktls(int fd, bool client)
{
	enum net_keys tx = client ? NET_KEYS_TO_SERVER : NET_KEYS_TO_CLIENT;
	enum net_keys rx = client ? NET_KEYS_TO_CLIENT : NET_KEYS_TO_SERVER;
	int err;

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return -errno;
	err = net_ktls_one(fd, TLS_TX, tx);
	return err ? err : net_ktls_one(fd, TLS_RX, rx);
}

int net_write(int fd, const void *data, size_t len)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

ssize_t net_send_cmsg(int fd, const void *data, size_t len, int level, int type,
		      int value)
{
	char control[CMSG_SPACE(sizeof(value))] = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = level;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(cmsg), &value, sizeof(value));
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

int net_write_record(int fd, uint8_t type, const void *data, size_t len)
{
	ssize_t n = net_send_cmsg(fd, data, len, SOL_TLS, TLS_SET_RECORD_TYPE,
				  type);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EMSGSIZE;
}

int net_read(int fd, void *data, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		if (!net_wait(fd, POLLIN, PATIENCE_MS))
			return -ETIMEDOUT;
		n = read(fd, (char *)data + have, len - have);
		if (n < 0)
			return -errno;
		if (!n)
			return -ENODATA;
		have += n;
	}
	return 0;
}

int net_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

bool net_interface_gone(const char *name)
{
	char command[64];
	int tries;

	snprintf(command, sizeof(command), "ip link show %s >/dev/null 2>&1",
		 name);
	for (tries = 0; tries < 3 * PATIENCE_MS / 100; tries++) {
		if (system(command))
			return true;
		usleep(100000);
	}
	return false;
}
