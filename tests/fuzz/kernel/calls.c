// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System calls on marked sockets: every one that reaches proto_ops, and the
 * socket options, from several threads on the same sockets in random order.
 *
 * A world is a process that begins a new round, in a child with a network
 * namespace of its own, again and again. In a round callers share a table of
 * marked sockets, which they listen on, connect, use, replace and close under
 * each other's feet; strangers connect over plain TCP; a worker lets peers in or
 * not, and dies. A round ends with the death of its process: all that is open,
 * and the namespace, goes at once.
 *
 * All that is sent to a marked socket is a marker. Nobody may ever read it in
 * the clear: the strangers look, and so does a capture of the loopback
 * interface, which must have seen the strangers' own marker. What a descriptor
 * of the table is changes at any time, so nothing else is asked of results.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../selftests/fakeworker.h"
#include "../../selftests/net.h"
#include "wire.h"
#include "world.h"

#define OPERATIONS	20000
#define WORLDS		1
#define ROUND		4000		/* calls */
#define STALL_MS	120000		/* no call has begun: one hangs */
#define CALLERS		8		/* most of them sleep in a call */
#define STRANGERS	4
#define SLOTS		24
#define WAIT_US		20000		/* that any call may block */

/* What the threads of a round share; only counters and descriptors. */
struct round {
	const struct fuzz_plan	*plan;
	unsigned int		number;
	int			slots[SLOTS];
	int			listeners[2];	/* not in the table, for strangers */
	int			file;		/* has the marker */
	struct wire		wire;
	uint64_t		calls;
	uint64_t		opened;		/* seen by callers */
	uint64_t		controls;	/* seen by the capture */
	bool			broken;		/* a marker in the clear */
	bool			over;		/* all calls have been made */
};

struct caller {
	struct round		*round;
	struct fuzz_random	random;
	int			pipe[2];
};

static void take_time(int fd)
{
	struct timeval tv = { .tv_usec = WAIT_US };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* A marked socket, so that the table never has another one. */
static int new_socket(struct fuzz_random *r)
{
	int fd = socket(fuzz_chance(r, 70) ? AF_INET : AF_INET6,
			SOCK_STREAM | (fuzz_chance(r, 40) ? SOCK_NONBLOCK : 0),
			0);

	if (fd < 0)
		return fd;
	take_time(fd);
	/* Mostly out of reach of the time-out, sometimes right in it. */
	if (!net_mark(fd, NULL, fuzz_below(r, 8), fuzz_chance(r, 20) ?
		      1 + fuzz_below(r, 5) : 500))
		return fd;
	close(fd);
	return -1;
}

static void call_replace(struct caller *c, int *slot)
{
	int fd = new_socket(&c->random);

	if (fd < 0)
		return;
	/*
	 * dup2() closes what the number stood for.  A close() of its own would
	 * leave the number to a stranger's socket for a moment.
	 */
	dup2(fd, *slot);
	close(fd);
}

static void call_dup(struct caller *c, int *slot)
{
	dup2(c->round->slots[fuzz_below(&c->random, SLOTS)], *slot);
}

static void call_option(struct caller *c, int *slot)
{
	static const struct {
		int level, name;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE }, { SOL_SOCKET, SO_RCVBUF },
		{ SOL_SOCKET, SO_SNDBUF }, { SOL_SOCKET, SO_REUSEADDR },
		{ SOL_SOCKET, SO_LINGER }, { SOL_SOCKET, SO_RCVLOWAT },
		{ SOL_TCP, TCP_NODELAY }, { SOL_TCP, TCP_CORK },
		{ SOL_TCP, TCP_ULP }, { SOL_TCP, TCP_REPAIR },
		{ SOL_TCP, TCP_FASTOPEN }, { SOL_TCP, TCP_FASTOPEN_CONNECT },
		{ SOL_TCP, TCP_DEFER_ACCEPT }, { SOL_TCP, TCP_INFO },
		{ SOL_TCP, TCP_ZEROCOPY_RECEIVE }, { SOL_TCP, TCP_INQ },
		{ SOL_TCP, TCP_NOTSENT_LOWAT }, { SOL_TCP, TCP_USER_TIMEOUT },
		{ SOL_TLS, TLS_TX }, { SOL_TLS, TLS_RX },
		{ IPPROTO_IP, SOCKAUTH_REQUEST }, { IPPROTO_IP, SOCKAUTH_STATUS },
		{ IPPROTO_IP, SOCKAUTH_PEER_NAME }, { IPPROTO_IP, SOCKAUTH_ALPN },
		{ IPPROTO_IP, SOCKAUTH_PEER_CRED }, { IPPROTO_IP, SOCKAUTH_ERROR },
		{ IPPROTO_IP, SOCKAUTH_BINDING }, { IPPROTO_IP, 21319 },
		{ IPPROTO_IPV6, SOCKAUTH_REQUEST },
	};
	struct fuzz_random *r = &c->random;
	unsigned int i = fuzz_below(r, sizeof(options) / sizeof(*options));
	char buf[2048];
	socklen_t len = fuzz_chance(r, 80) ? 4 : fuzz_below(r, sizeof(buf));

	if (options[i].name >= SOCKAUTH_REQUEST && fuzz_chance(r, 50))
		len = sizeof(struct sockauth_request);
	memset(buf, 0, sizeof(buf));
	if (fuzz_chance(r, 50))
		fuzz_bytes(r, buf, fuzz_below(r, 16));
	if (fuzz_chance(r, 50)) {
		setsockopt(*slot, options[i].level, options[i].name, buf, len);
		take_time(*slot);
	} else {
		getsockopt(*slot, options[i].level, options[i].name, buf, &len);
	}
}

static void call_listen(struct caller *c, int *slot)
{
	net_bind(*slot);
	listen(*slot, fuzz_below(&c->random, 8));
}

static void call_connect(struct caller *c, int *slot)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct fuzz_random *r = &c->random;
	struct sockaddr_in6 addr;
	socklen_t len;
	int to;

	if (fuzz_chance(r, 10)) {
		connect(*slot, &none, sizeof(none));
		return;
	}
	to = fuzz_chance(r, 60) ? c->round->listeners[fuzz_below(r, 2)] :
	     c->round->slots[fuzz_below(r, SLOTS)];
	if (!net_address(to, &addr, &len))
		connect(*slot, (struct sockaddr *)&addr, len);
}

/* From the table, or what the strangers have connected to. */
static void call_accept(struct caller *c, int *slot)
{
	struct fuzz_random *r = &c->random;
	int from = fuzz_chance(r, 70) ? c->round->listeners[fuzz_below(r, 2)] :
		   *slot;
	int fd = accept4(from, NULL, NULL,
			 fuzz_chance(r, 50) ? SOCK_NONBLOCK : 0);

	if (fd < 0)
		return;
	__atomic_add_fetch(&c->round->opened, 1, __ATOMIC_RELAXED);
	dup2(fd, c->round->slots[fuzz_below(r, SLOTS)]);
	close(fd);
}

static void call_send(struct caller *c, int *slot)
{
	static const int flags[] = {
		0, MSG_DONTWAIT, MSG_MORE, MSG_OOB, MSG_FASTOPEN, MSG_ZEROCOPY,
		MSG_EOR, MSG_DONTROUTE,
	};
	struct fuzz_random *r = &c->random;
	char control[64] = { 0 }, text[4096];
	struct iovec iov = { .iov_base = text };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg = (struct cmsghdr *)control;
	struct sockaddr_in6 addr;
	int flag = MSG_NOSIGNAL | flags[fuzz_below(r, 8)];
	size_t i;

	for (i = 0; i < sizeof(text); i += sizeof(MARKER) - 1)
		memcpy(text + i, MARKER, sizeof(MARKER) - 1);
	iov.iov_len = fuzz_chance(r, 80) ? 64 : fuzz_below(r, sizeof(text));
	if (fuzz_chance(r, 20)) {
		msg.msg_control = control;
		msg.msg_controllen = fuzz_below(r, sizeof(control));
		cmsg->cmsg_len = CMSG_LEN(fuzz_below(r, 8));
		cmsg->cmsg_level = fuzz_chance(r, 50) ? SOL_TLS : SOL_SOCKET;
		cmsg->cmsg_type = 1 + fuzz_below(r, 3);
	}
	if (flag & MSG_FASTOPEN &&
	    !net_address(c->round->listeners[0], &addr, &msg.msg_namelen))
		msg.msg_name = &addr;
	if (fuzz_chance(r, 50))
		sendmsg(*slot, &msg, flag);
	else
		send(*slot, text, iov.iov_len, flag);
}

static void call_receive(struct caller *c, int *slot)
{
	static const int flags[] = {
		0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE,
		MSG_TRUNC,
	};
	struct fuzz_random *r = &c->random;
	char control[64], text[4096];
	struct iovec iov = {
		.iov_base = text, .iov_len = fuzz_below(r, sizeof(text)),
	};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = fuzz_below(r, sizeof(control)),
	};

	recvmsg(*slot, &msg, flags[fuzz_below(r, 7)]);
}

/* splice() both ways, sendfile(), readv(): what does not say recv or send. */
static void call_splice(struct caller *c, int *slot)
{
	struct fuzz_random *r = &c->random;
	char text[256];
	off_t off = 0;

	switch (fuzz_below(r, 4)) {
	case 0:
		splice(*slot, NULL, c->pipe[1], NULL, 4096, fuzz_below(r, 8));
		while (read(c->pipe[0], text, sizeof(text)) > 0)
			;
		return;
	case 1:
		off = fuzz_below(r, 4096);
		splice(c->round->file, &off, c->pipe[1], NULL, 2048, 0);
		splice(c->pipe[0], NULL, *slot, NULL, 2048, fuzz_below(r, 8));
		while (read(c->pipe[0], text, sizeof(text)) > 0)
			;
		return;
	case 2:
		sendfile(*slot, c->round->file, &off, fuzz_below(r, 8192));
		return;
	default:
		if (read(*slot, text, sizeof(text)) < 0)
			return;
	}
}

static void call_poll(struct caller *c, int *slot)
{
	struct pollfd pfd[SLOTS];
	int i, n = 1 + fuzz_below(&c->random, SLOTS);

	for (i = 0; i < n; i++)
		pfd[i] = (struct pollfd) {
			.fd = i ? c->round->slots[i] : *slot,
			.events = fuzz_next(&c->random),
		};
	poll(pfd, n, fuzz_below(&c->random, 3));
}

/* What tells, and changes nothing. */
static void call_ask(struct caller *c, int *slot)
{
	struct sockauth_status status;
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);
	int n;

	switch (fuzz_below(&c->random, 5)) {
	case 0:
		getpeername(*slot, (struct sockaddr *)&addr, &len);
		break;
	case 1:
		net_address(*slot, &addr, &len);
		break;
	case 2:
		ioctl(*slot, fuzz_chance(&c->random, 50) ? FIONREAD : TIOCOUTQ,
		      &n);
		break;
	case 3:
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, *slot, 0) !=
		    MAP_FAILED)
			abort();
		break;
	default:
		net_status(*slot, &status);
	}
}

static void call_end(struct caller *c, int *slot)
{
	struct fuzz_random *r = &c->random;
	struct linger off = { .l_onoff = 1 };

	if (fuzz_chance(r, 20))
		setsockopt(*slot, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	if (fuzz_chance(r, 50))
		shutdown(*slot, fuzz_below(r, 4));
	else
		call_replace(c, slot);
}

static void *run_caller(void *arg)
{
	static void (*const calls[])(struct caller *, int *) = {
		call_replace, call_dup, call_option, call_listen, call_connect,
		call_connect, call_accept, call_accept, call_send, call_send,
		call_receive, call_receive, call_splice, call_splice, call_poll,
		call_ask, call_end,
	};
	struct caller *c = arg;
	struct round *round = c->round;
	int *slot;

	while (__atomic_fetch_add(&round->calls, 1, __ATOMIC_RELAXED) < ROUND) {
		slot = &round->slots[fuzz_below(&c->random, SLOTS)];
		calls[fuzz_below(&c->random,
				 sizeof(calls) / sizeof(*calls))](c, slot);
	}
	return NULL;
}

/* Plain TCP to a marked socket: half a handshake, a whole one, nonsense. */
static void *run_stranger(void *arg)
{
	struct caller *c = arg;
	struct fuzz_random *r = &c->random;
	char buf[4096];
	int fd, legs;
	ssize_t n;

	for (;;) {
		fd = net_connect_to(c->round->listeners[fuzz_below(r, 2)]);
		if (fd < 0) {
			usleep(1000);
			continue;
		}
		take_time(fd);
		if (fuzz_chance(r, 10))
			net_write(fd, CONTROL, sizeof(CONTROL) - 1);
		for (legs = fuzz_below(r, 4); legs; legs--) {
			fw_hello(fd);
			n = recv(fd, buf, sizeof(buf), 0);
			if (n > 0)
				wire_look(&c->round->wire, buf, n);
		}
		if (fuzz_chance(r, 60) && !net_ktls(fd, true))
			net_write(fd, buf, fuzz_below(r, sizeof(buf)));
		else if (fuzz_chance(r, 50))
			shutdown(fd, SHUT_WR);
		recv(fd, buf, sizeof(buf), 0);
		close(fd);
	}
	return NULL;
}

/* Lets in most of those who ask, and dies now and then. */
static void *run_worker(void *arg)
{
	struct caller *c = arg;
	struct fuzz_random *r = &c->random;
	struct fw_event *event = malloc(sizeof(*event));
	struct fakeworker *fw = NULL;
	struct fw_reply reply;

	for (;;) {
		if (!fw && (fw_open(&fw) || fw_bind(fw, 16, NULL)))
			abort();
		if (fw_next(fw, event, 100))
			continue;
		if (fuzz_chance(r, 3)) {
			fw_close(fw);
			fw = NULL;
			continue;
		}
		if (event->cmd != SOCKAUTH_CMD_STEP) {
			fw_command(fw, event->cmd, false);
			continue;
		}
		reply = (struct fw_reply) {
			.id = event->id,
			.leg = event->leg,
			.consumed = event->token_len,
			.status = fuzz_chance(r, 70) ? SOCKAUTH_STEP_DONE :
				  fuzz_below(r, 3),
			.token = "\x16\x03\x03\x00\x03tok",
			.reason = SOCKAUTH_REASON_OTHER,
			.error = EACCES,
		};
		if (fuzz_chance(r, 30))
			reply.token = NULL;
		fw_reply(fw, &reply);
	}
	return NULL;
}

static int round_open(struct round *round, struct fuzz_random *r)
{
	unsigned int i;
	char text[8192];
	int err;

	err = net_enter_namespace();
	if (err)
		return err;
	round->file = memfd_create("marker", 0);
	for (i = 0; i < sizeof(text); i += sizeof(MARKER) - 1)
		memcpy(text + i, MARKER, sizeof(MARKER) - 1);
	if (write(round->file, text, sizeof(text)) != sizeof(text))
		return -EIO;
	for (i = 0; i < 2; i++) {
		round->listeners[i] = new_socket(r);
		err = net_bind(round->listeners[i]);
		if (!err)
			err = net_listen(round->listeners[i], 4 + 8 * i);
		if (err)
			return err;
	}
	for (i = 0; i < SLOTS; i++) {
		round->slots[i] = new_socket(r);
		if (round->slots[i] < 0)
			return -errno;
	}
	return 0;
}

static void round_failed(const char *what, int err)
{
	printf("# the round %s: %s\n", what, strerror(-err));
	fflush(stdout);
	_exit(1);
}

/* Do the callers and strangers of the round; exits. */
static void run_round(struct round *round, unsigned int stream)
{
	static struct caller callers[CALLERS + STRANGERS + 1];
	struct fuzz_random r = fuzz_random(round->plan->seed, stream);
	pthread_t threads[CALLERS], other;
	unsigned int i;
	int err;

	signal(SIGPIPE, SIG_IGN);
	err = round_open(round, &r);
	if (!err)
		err = wire_begin(&round->wire);
	if (err)
		round_failed("could not begin", err);
	for (i = 0; i < CALLERS + STRANGERS + 1; i++) {
		callers[i].round = round;
		callers[i].random = fuzz_random(fuzz_next(&r), i);
		if (pipe2(callers[i].pipe, O_NONBLOCK))
			_exit(1);
	}
	pthread_create(&other, NULL, run_worker, &callers[CALLERS + STRANGERS]);
	for (i = CALLERS; i < CALLERS + STRANGERS; i++)
		pthread_create(&other, NULL, run_stranger, &callers[i]);
	for (i = 0; i < CALLERS; i++)
		pthread_create(&threads[i], NULL, run_caller, &callers[i]);
	for (i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	err = wire_check(&round->wire);
	if (err)
		round_failed("was not captured", err);
	round->over = true;
	/* Whatever is under way: cut it here. */
	kill(getpid(), SIGKILL);
}

/* Returns 0 if the round came to its own end: others may kill it, too. */
static int judge(struct round *round, int status)
{
	if (round->broken)
		printf("# a marker was seen in the clear\n");
	if (!round->over || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		printf("# the round ended with status %#x after %llu calls\n",
		       status, (unsigned long long)round->calls);
	else if (!round->broken)
		return 0;
	return -EPROTO;
}

/*
 * Its status, when it has ended; a round that stands still is aborted.  However
 * slow a kernel is: that calls go on is all that is asked of it.
 */
static int await(const struct round *round, pid_t pid, int *status)
{
	struct pollfd pfd = { .events = POLLIN };
	uint64_t calls;
	int n;

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0)
		return -errno;
	do {
		calls = __atomic_load_n(&round->calls, __ATOMIC_RELAXED);
		n = poll(&pfd, 1, STALL_MS);
	} while (!n && calls != __atomic_load_n(&round->calls, __ATOMIC_RELAXED));
	if (!n)
		kill(pid, SIGABRT);
	close(pfd.fd);
	return waitpid(pid, status, 0) == pid ? 0 : -errno;
}

static int64_t world(const struct fuzz_plan *plan, unsigned int number)
{
	struct round *round = mmap(NULL, sizeof(*round), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t calls = 0, opened = 0, controls = 0;
	int64_t start = fuzz_now();
	unsigned int rounds;
	int err = 0, status;
	pid_t pid;

	if (round == MAP_FAILED)
		return -ENOMEM;
	for (rounds = 0; !err && !fuzz_enough(plan, start, calls); rounds++) {
		memset(round, 0, sizeof(*round));
		round->plan = plan;
		round->number = number;
		round->wire.broken = &round->broken;
		round->wire.controls = &round->controls;
		fflush(stdout);
		pid = fork();
		if (!pid)
			run_round(round, number << 24 | rounds);
		err = await(round, pid, &status);
		if (err)
			return err;
		err = judge(round, status);
		calls += round->calls < ROUND ? round->calls : ROUND;
		opened += round->opened;
		controls += round->controls;
	}
	printf("# world %u: %u rounds, %llu calls, %llu connections, %llu control texts in the clear\n",
	       number, rounds, (unsigned long long)calls,
	       (unsigned long long)opened, (unsigned long long)controls);
	if (!err && (!opened || !controls))
		err = -ENODATA;
	return err ? err : (int64_t)calls;
}

int main(int argc, char **argv)
{
	return fuzz_main(argc, argv, "calls", world, WORLDS, OPERATIONS);
}
