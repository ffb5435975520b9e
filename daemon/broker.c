// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who gets Kerberos tickets for the workers.
 *
 * That takes the credential cache of the user who has the socket, plugins,
 * files and perhaps a KDC that does not answer: nothing for a worker, who may
 * open no file and may not wait.  So the daemon forks this broker first of all,
 * before there is a key in its memory.  The broker forks a helper for each
 * request; the helper becomes that user, for good and before it looks at
 * anything, and answers the worker directly.  So it can read what that user can
 * read, and nothing else.  A helper that takes too long or dies is the
 * broker's to report.
 *
 * The broker keeps two capabilities, to change user and groups; it runs no code
 * of libkrb5 itself, and reads nothing but requests of the daemon, all of one
 * length.  A daemon in bad hands could have service tickets made for its users,
 * but read no cache: what helpers send is one ticket for one service.
 */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "privs.h"

#define HELPERS_MAX	128
#define CLIENTS_MAX	257	/* workers, and the daemon itself */
#define PATIENCE	25	/* seconds that a helper may take */
#define NOBODY		65534

struct helper {
	pid_t pid;
	int fd;
	uint64_t id;
};

/**
 * struct broker - the broker's own process
 * @pfds: signals, the daemon, and a socket for each worker
 * @count: of @pfds
 * @helpers: that are at work
 * @helper_count: how many
 */
struct broker {
	struct pollfd pfds[CLIENTS_MAX + 1];
	size_t count;
	struct helper helpers[HELPERS_MAX];
	size_t helper_count;
};

enum { SIGNALS, DAEMON, WORKERS };

static void send_answer(int fd, const struct broker_answer *answer)
{
	size_t len = offsetof(struct broker_answer, ticket) +
		     answer->ticket_len;

	/* Who has gone does not miss it. */
	while (send(fd, answer, len, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

static void send_failure(int fd, uint64_t id, enum sockauth_reason reason,
			 int error, const char *text)
{
	static struct broker_answer answer;

	memset(&answer, 0, sizeof(answer));
	answer.id = id;
	answer.verdict_reason = reason;
	answer.error = error;
	answer.uid = UINT32_MAX;
	snprintf(answer.text, sizeof(answer.text), "%s", text);
	send_answer(fd, &answer);
}

/* No way back from here: all three ids, no groups but one, no capability. */
static int become(uid_t uid, gid_t gid)
{
	if (!geteuid()) {
		if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			return -EPERM;
	} else if (uid != getuid()) {
		return -EPERM;
	}
	/* The library remembers whose capabilities it has looked at. */
	capng_setpid(getpid());
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return -EPERM;
	return privs_harden();
}

static void help(int fd, const struct broker_request *request)
{
	static struct broker_answer answer;
	bool map = request->op == BROKER_MAP;
	uid_t uid = map ? NOBODY : request->uid;
	gid_t gid = map ? NOBODY : request->gid;
	sigset_t none;

	/* Nobody can be somebody else where there is no root. */
	if (map && geteuid()) {
		uid = getuid();
		gid = getgid();
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(PATIENCE);
	prctl(PR_SET_NAME, "sockauthd-help");
	answer.id = request->id;
	answer.uid = UINT32_MAX;
	if (become(uid, gid)) {
		send_failure(fd, request->id, SOCKAUTH_REASON_NO_OWN_CRED,
			     EPERM, "the broker cannot become that user");
		_exit(EXIT_SUCCESS);
	}
	/* What the daemon's environment says is not that user's. */
	unsetenv("KRB5CCNAME");
	unsetenv("KRB5_KTNAME");
	unsetenv("KRB5_CLIENT_KTNAME");
	unsetenv("KRB5_TRACE");
	unsetenv("HOME");
	broker_help(request, &answer);
	send_answer(fd, &answer);
	explicit_bzero(&answer, sizeof(answer));
	_exit(EXIT_SUCCESS);
}

static void fork_helper(struct broker *b, int fd,
			const struct broker_request *request)
{
	pid_t pid = fork();

	if (!pid)
		help(fd, request);
	if (pid < 0) {
		send_failure(fd, request->id, SOCKAUTH_REASON_INTERNAL, EAGAIN,
			     "the broker cannot start a helper");
		return;
	}
	b->helpers[b->helper_count++] = (struct helper) {
		.pid = pid, .fd = fd, .id = request->id,
	};
}

static void reap(struct broker *b)
{
	int status;
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < b->helper_count; i++)
			if (b->helpers[i].pid == pid)
				break;
		if (i == b->helper_count)
			continue;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			send_failure(b->helpers[i].fd, b->helpers[i].id,
				     SOCKAUTH_REASON_TIMEOUT, ETIMEDOUT,
				     "no answer of a KDC in time");
		else if (!WIFEXITED(status) || WEXITSTATUS(status))
			send_failure(b->helpers[i].fd, b->helpers[i].id,
				     SOCKAUTH_REASON_INTERNAL, EIO,
				     "the helper that asks for Kerberos tickets failed");
		b->helpers[i] = b->helpers[--b->helper_count];
	}
}

/* Return: whether the worker is still there. */
static bool serve_worker(struct broker *b, int fd)
{
	struct broker_request request;
	ssize_t n;

	n = recv(fd, &request, sizeof(request), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != sizeof(request))
		return false;
	request.name[sizeof(request.name) - 1] = '\0';
	request.ccache[sizeof(request.ccache) - 1] = '\0';
	request.keytab[sizeof(request.keytab) - 1] = '\0';
	fork_helper(b, fd, &request);
	return true;
}

static void add_client(struct broker *b, int fd)
{
	b->pfds[b->count++] = (struct pollfd) { .fd = fd, .events = POLLIN };
}

/* The daemon sends the other end of a worker's socket. */
static bool serve_daemon(struct broker *b)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(b->pfds[DAEMON].fd, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return false;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	if (b->count == CLIENTS_MAX + 1)
		close(fd);
	else
		add_client(b, fd);
	return true;
}

static void serve(struct broker *b)
{
	struct signalfd_siginfo info;
	size_t i;

	while (1) {
		/* With all helpers at work, requests wait in their sockets. */
		for (i = WORKERS; i < b->count; i++)
			b->pfds[i].events =
				b->helper_count < HELPERS_MAX ? POLLIN : 0;
		if (poll(b->pfds, b->count, -1) < 0)
			continue;
		if (b->pfds[SIGNALS].revents &&
		    read(b->pfds[SIGNALS].fd, &info, sizeof(info)) > 0)
			reap(b);
		for (i = WORKERS; i < b->count; i++)
			if (b->helper_count < HELPERS_MAX &&
			    b->pfds[i].revents &&
			    !serve_worker(b, b->pfds[i].fd))
				b->pfds[i].fd = -1;
		if (b->pfds[DAEMON].revents && !serve_daemon(b))
			return;
	}
}

/* Stays root by name, so that it can become anybody, and no more. */
static int keep_setuid(void)
{
	capng_select_t set = CAPNG_SELECT_BOTH;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	capng_get_caps_process();
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		set = CAPNG_SELECT_CAPS;
	capng_clear(set);
	if (!geteuid())
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			      CAP_SETUID, CAP_SETGID, -1);
	return capng_apply(set) ? -EPERM : privs_harden();
}

static void run(int fd)
{
	static struct broker b;
	sigset_t child, all;

	/* ^C and systemctl reload are for the daemon; it will close us. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	prctl(PR_SET_NAME, "sockauthd-brok");
	add_client(&b, signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
	add_client(&b, fd);
	if (b.pfds[SIGNALS].fd >= 0 && !keep_setuid())
		serve(&b);
}

/**
 * broker_start - fork the broker
 * @fd: set, for broker_connect(); it ends when that is closed
 *
 * Before there are threads, and secrets.
 *
 * Return: 0 or -errno.
 */
int broker_start(int *fd)
{
	int pair[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		err = -errno;
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (!pid) {
		close(pair[0]);
		run(pair[1]);
		_exit(EXIT_SUCCESS);
	}
	close(pair[1]);
	*fd = pair[0];
	return 0;
}

/**
 * broker_connect - get a socket to the broker for a worker
 * @broker: of broker_start()
 * @fd: set; the caller closes it
 *
 * Return: 0 or -errno.
 */
int broker_connect(int broker, int *fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int pair[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &pair[1], sizeof(int));
	if (sendmsg(broker, &msg, MSG_NOSIGNAL) < 0)
		err = -errno;
	close(pair[1]);
	if (err)
		close(pair[0]);
	else
		*fd = pair[0];
	return err;
}

/**
 * broker_ask - send a request
 * @fd: of broker_connect()
 * @request: what is wanted
 *
 * Return: 0, or -errno: nobody will answer.
 */
int broker_ask(int fd, const struct broker_request *request)
{
	if (send(fd, request, sizeof(*request),
		 MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	return 0;
}

/**
 * broker_receive - get an answer
 * @fd: of broker_connect()
 * @answer: filled; holds a key, the caller wipes it
 *
 * Return: 0, -EAGAIN: there is none, or another -errno: the broker is gone.
 */
int broker_receive(int fd, struct broker_answer *answer)
{
	ssize_t n = recv(fd, answer, sizeof(*answer), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	if ((size_t)n < offsetof(struct broker_answer, ticket) ||
	    (size_t)n != offsetof(struct broker_answer, ticket) +
			 answer->ticket_len ||
	    answer->key_len > sizeof(answer->key))
		return -EPIPE;
	answer->text[sizeof(answer->text) - 1] = '\0';
	answer->client[sizeof(answer->client) - 1] = '\0';
	answer->server[sizeof(answer->server) - 1] = '\0';
	return 0;
}
