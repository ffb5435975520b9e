// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One call of each kind, see call-table.h. Nothing is kept here; each call gets
 * a socket of its own, since some change what they are called on.
 */
#include "call-table.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define LEN	GATE_TEXT_LEN

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

static long do_read(struct gate *g)
{
	return result(read(g->fd, g->text, LEN));
}

static long do_write(struct gate *g)
{
	return result(write(g->fd, g->text, LEN));
}

static long do_readv(struct gate *g)
{
	struct iovec iov[2] = { { g->text, 8 }, { g->text + 8, 8 } };

	return result(readv(g->fd, iov, 2));
}

static long do_writev(struct gate *g)
{
	struct iovec iov[2] = { { g->text, 32 }, { g->text + 32, 32 } };

	return result(writev(g->fd, iov, 2));
}

static long do_recv(struct gate *g)
{
	return result(recv(g->fd, g->text, LEN, 0));
}

static long do_recv_peek(struct gate *g)
{
	return result(recv(g->fd, g->text, LEN, MSG_PEEK));
}

static long do_recv_waitall(struct gate *g)
{
	return result(recv(g->fd, g->text, LEN, MSG_WAITALL));
}

static long do_recv_dontwait(struct gate *g)
{
	call_nonblock(g->fd, false);
	return result(recv(g->fd, g->text, LEN, MSG_DONTWAIT));
}

static long do_recv_oob(struct gate *g)
{
	return result(recv(g->fd, g->text, LEN, MSG_OOB));
}

static long do_recv_errqueue(struct gate *g)
{
	return result(recv(g->fd, g->text, LEN, MSG_ERRQUEUE));
}

static long do_recvmsg(struct gate *g)
{
	char control[256];
	struct iovec iov = { g->text, LEN };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	return result(recvmsg(g->fd, &msg, 0));
}

static long do_recvmmsg(struct gate *g)
{
	struct iovec iov = { g->text, LEN };
	struct mmsghdr msg = {
		.msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 },
	};

	return result(recvmmsg(g->fd, &msg, 1, 0, NULL));
}

static long do_send(struct gate *g)
{
	return result(send(g->fd, g->text, LEN, 0));
}

static long do_send_dontwait(struct gate *g)
{
	call_nonblock(g->fd, false);
	return result(send(g->fd, g->text, LEN, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static long do_send_more(struct gate *g)
{
	return result(send(g->fd, g->text, LEN, MSG_MORE));
}

static long do_send_oob(struct gate *g)
{
	return result(send(g->fd, g->text, LEN, MSG_OOB));
}

static long do_send_zerocopy(struct gate *g)
{
	int one = 1;

	if (setsockopt(g->fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	return result(send(g->fd, g->text, LEN, MSG_ZEROCOPY));
}

static long do_send_fastopen(struct gate *g)
{
	return result(sendto(g->fd, g->text, LEN, MSG_FASTOPEN,
			     (struct sockaddr *)&g->addr, g->addr_len));
}

static long do_sendto(struct gate *g)
{
	return result(sendto(g->fd, g->text, LEN, 0,
			     (struct sockaddr *)&g->addr, g->addr_len));
}

static long do_sendmsg_record_type(struct gate *g)
{
	return result(net_send_cmsg(g->fd, g->text, LEN, SOL_TLS,
				    TLS_SET_RECORD_TYPE, 22));
}

static long do_sendmmsg(struct gate *g)
{
	struct iovec iov = { g->text, LEN };
	struct mmsghdr msg = {
		.msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 },
	};

	return result(sendmmsg(g->fd, &msg, 1, 0));
}

static long do_sendfile(struct gate *g)
{
	int file = open("/proc/self/exe", O_RDONLY);
	long ret = result(sendfile(g->fd, file, NULL, 4096));

	close(file);
	return ret;
}

static long do_splice_from(struct gate *g)
{
	int p[2];
	long ret;

	if (pipe(p))
		return -errno;
	ret = result(splice(g->fd, NULL, p[1], NULL, LEN, 0));
	close(p[0]);
	close(p[1]);
	return ret;
}

static long do_splice_to(struct gate *g)
{
	int p[2];
	long ret;

	if (pipe(p) || write(p[1], g->text, LEN) != LEN)
		return -errno;
	ret = result(splice(p[0], NULL, g->fd, NULL, LEN, 0));
	close(p[0]);
	close(p[1]);
	return ret;
}

static long do_vmsplice_to(struct gate *g)
{
	struct iovec iov = { g->text, LEN };
	int p[2];
	long ret;

	if (pipe(p) || vmsplice(p[1], &iov, 1, 0) != LEN)
		return -errno;
	ret = result(splice(p[0], NULL, g->fd, NULL, LEN, 0));
	close(p[0]);
	close(p[1]);
	return ret;
}

static long do_poll(struct gate *g)
{
	struct pollfd pfd = {
		.fd = g->fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP,
	};

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

static long do_select(struct gate *g)
{
	struct timeval tv = { 0 };
	fd_set in, out, ex;

	FD_ZERO(&in);
	FD_SET(g->fd, &in);
	out = ex = in;
	return result(select(g->fd + 1, &in, &out, &ex, &tv));
}

static long do_epoll(struct gate *g)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	int ep = epoll_create1(0);
	long ret;

	if (epoll_ctl(ep, EPOLL_CTL_ADD, g->fd, &ev))
		return -errno;
	ev.events = 0;
	ret = result(epoll_wait(ep, &ev, 1, 0));
	close(ep);
	return ret < 0 ? ret : (long)ev.events;
}

static long do_ioctl(int fd, unsigned long request)
{
	int value = -1;

	return ioctl(fd, request, &value) ? -errno : value;
}

static long do_fionread(struct gate *g)
{
	return do_ioctl(g->fd, FIONREAD);
}

static long do_siocatmark(struct gate *g)
{
	return do_ioctl(g->fd, SIOCATMARK);
}

static long get_int(struct gate *g, int level, int optname)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(g->fd, level, optname, &value, &len))
		return -errno;
	return value;
}

static long set_int(struct gate *g, int level, int optname, int value)
{
	return result(setsockopt(g->fd, level, optname, &value, sizeof(value)));
}

static long do_so_error(struct gate *g)
{
	return get_int(g, SOL_SOCKET, SO_ERROR);
}

static long do_tcp_nodelay(struct gate *g)
{
	long ret = set_int(g, IPPROTO_TCP, TCP_NODELAY, 1);

	return ret ? ret : get_int(g, IPPROTO_TCP, TCP_NODELAY);
}

static long do_tcp_cork(struct gate *g)
{
	return set_int(g, IPPROTO_TCP, TCP_CORK, 1);
}

static long do_tcp_info(struct gate *g)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	return result(getsockopt(g->fd, IPPROTO_TCP, TCP_INFO, &info, &len));
}

static long do_set_ulp(struct gate *g)
{
	return result(setsockopt(g->fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
}

static long do_set_tls(struct gate *g)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_3_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};

	return result(setsockopt(g->fd, SOL_TLS, TLS_TX, &info, sizeof(info)));
}

static long do_get_tls(struct gate *g)
{
	struct tls12_crypto_info_aes_gcm_128 info;
	socklen_t len = sizeof(info);

	return result(getsockopt(g->fd, SOL_TLS, TLS_TX, &info, &len));
}

static long do_tcp_repair(struct gate *g)
{
	return set_int(g, IPPROTO_TCP, TCP_REPAIR, 1);
}

static long do_fastopen_connect(struct gate *g)
{
	return set_int(g, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
}

static long do_addrform(struct gate *g)
{
	return set_int(g, SOL_IPV6, IPV6_ADDRFORM, AF_INET);
}

static long do_zerocopy_receive(struct gate *g)
{
	struct tcp_zerocopy_receive zc = { 0 };
	socklen_t len = sizeof(zc);

	return result(getsockopt(g->fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &zc,
				 &len));
}

static long do_mmap(struct gate *g)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, g->fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, 4096);
	return 0;
}

static long do_shutdown_rd(struct gate *g)
{
	return result(shutdown(g->fd, SHUT_RD));
}

static long do_shutdown_wr(struct gate *g)
{
	return result(shutdown(g->fd, SHUT_WR));
}

static long do_shutdown_rdwr(struct gate *g)
{
	return result(shutdown(g->fd, SHUT_RDWR));
}

static long do_shutdown_wrong(struct gate *g)
{
	return result(shutdown(g->fd, 7));
}

static long do_accept(struct gate *g)
{
	return result(accept(g->fd, NULL, NULL));
}

static long do_getpeername(struct gate *g)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	return result(getpeername(g->fd, (struct sockaddr *)&addr, &len));
}

static long do_connect(struct gate *g)
{
	return result(connect(g->fd, (struct sockaddr *)&g->addr, g->addr_len));
}

static long do_connect_short(struct gate *g)
{
	return result(connect(g->fd, (struct sockaddr *)&g->addr, 1));
}

static long do_connect_family(struct gate *g)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_UNIX };

	return result(connect(g->fd, (struct sockaddr *)&addr, sizeof(addr)));
}

static long do_connect_unspec(struct gate *g)
{
	struct sockaddr addr = { .sa_family = AF_UNSPEC };

	return result(connect(g->fd, &addr, sizeof(addr)));
}

static long do_listen(struct gate *g)
{
	return result(listen(g->fd, 1));
}

static long do_dup(struct gate *g)
{
	int fd = dup(g->fd);
	struct gate other = *g;
	long ret;

	other.fd = fd;
	close(g->fd);
	ret = do_send(&other);
	g->fd = fd;
	return ret;
}

const struct gate_call gate_calls[] = {
#define CALL(name, unconnected, pending) \
	{ #name, do_##name, unconnected, pending }
	CALL(read, GATE_AS_TCP, GATE_AS_TCP),
	CALL(write, GATE_AS_TCP, GATE_AS_TCP),
	CALL(readv, GATE_AS_TCP, GATE_AS_TCP),
	CALL(writev, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv_peek, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv_waitall, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv_dontwait, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv_oob, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recv_errqueue, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recvmsg, GATE_AS_TCP, GATE_AS_TCP),
	CALL(recvmmsg, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send_dontwait, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send_more, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send_oob, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send_zerocopy, GATE_AS_TCP, GATE_AS_TCP),
	CALL(send_fastopen, -EPIPE, -EAGAIN),
	CALL(sendto, GATE_AS_TCP, GATE_AS_TCP),
	CALL(sendmsg_record_type, GATE_AS_TCP, GATE_AS_TCP),
	CALL(sendmmsg, GATE_AS_TCP, GATE_AS_TCP),
	CALL(sendfile, GATE_AS_TCP, GATE_AS_TCP),
	CALL(splice_from, GATE_AS_TCP, GATE_AS_TCP),
	CALL(splice_to, GATE_AS_TCP, GATE_AS_TCP),
	CALL(vmsplice_to, GATE_AS_TCP, GATE_AS_TCP),
	CALL(poll, GATE_AS_TCP, GATE_AS_TCP),
	CALL(select, GATE_AS_TCP, GATE_AS_TCP),
	CALL(epoll, GATE_AS_TCP, GATE_AS_TCP),
	CALL(fionread, GATE_AS_TCP, GATE_AS_TCP),
	CALL(siocatmark, GATE_AS_TCP, GATE_AS_TCP),
	CALL(so_error, GATE_AS_TCP, GATE_AS_TCP),
	CALL(tcp_nodelay, GATE_AS_TCP, GATE_AS_TCP),
	CALL(tcp_cork, GATE_AS_TCP, GATE_AS_TCP),
	CALL(tcp_info, GATE_AS_TCP, GATE_AS_TCP),
	CALL(set_ulp, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(set_tls, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(get_tls, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(tcp_repair, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(fastopen_connect, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(addrform, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(zerocopy_receive, -EOPNOTSUPP, -EOPNOTSUPP),
	CALL(mmap, -ENODEV, -ENODEV),
	CALL(shutdown_rd, GATE_AS_TCP, GATE_AS_TCP),
	CALL(shutdown_wr, GATE_AS_TCP, GATE_AS_TCP),
	CALL(shutdown_rdwr, GATE_AS_TCP, GATE_AS_TCP),
	CALL(shutdown_wrong, GATE_AS_TCP, GATE_AS_TCP),
	CALL(accept, GATE_AS_TCP, GATE_AS_TCP),
	CALL(getpeername, GATE_AS_TCP, 0),
	CALL(connect, GATE_AS_TCP, GATE_AS_TCP),
	CALL(connect_short, GATE_AS_TCP, GATE_AS_TCP),
	CALL(connect_family, GATE_AS_TCP, GATE_AS_TCP),
	CALL(connect_unspec, GATE_AS_TCP, -EOPNOTSUPP),
	CALL(listen, GATE_AS_TCP, GATE_AS_TCP),
	CALL(dup, GATE_AS_TCP, GATE_AS_TCP),
#undef CALL
};

const size_t gate_calls_count = sizeof(gate_calls) / sizeof(*gate_calls);
