// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who gets Kerberos tickets for the workers.
 *
 * That takes the credential cache of the user who has the socket, plugins,
 * files and perhaps a KDC that does not answer: nothing for a worker, who may
 * open no file and may not wait.  So the daemon forks this broker first of all,
 * before there is a key in its memory.  The broker forks a helper for each
 * request; the helper becomes that user, for good and before it looks at
 * anything.  So it can read what that user can read, and nothing else.
 *
 * To the user a helper is a process of his own: he may stop or kill it, and
 * what he has put into a credential cache may take it over.  So a helper has
 * one descriptor, on which it can send the broker one answer; the broker knows
 * which request that is for, ends a helper that takes too long, and lets no
 * user have more than some of them.
 *
 * The broker keeps three capabilities, to change user and groups and to kill;
 * it runs no code of libkrb5 itself, and looks into nothing but requests of the
 * daemon, all of one length.  A daemon in bad hands could have service tickets
 * made for its users, but read no cache: what helpers send is one ticket for
 * one service.
 */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "config.h"
#include "privs.h"

#define HELPERS_MAX	128
#define HELPERS_USER	32	/* of them for one user */
#define HELPERS_GUESTS	64	/* of them for guests, who can be many users */
#define HELPERS_MAP	64	/* of them to look up who has come */
#define CLIENTS_MAX	(CONFIG_WORKERS_MAX + 1)	/* and the daemon */
#define PATIENCE	25	/* seconds that a helper may take */
#define NOBODY		65534

/* A helper's only descriptor but for the standard ones. */
#define HELPER_FD	(STDERR_FILENO + 1)

/**
 * struct helper - a process at work
 * @pid: not reaped yet, so it is nobody else's
 * @client: the worker's socket
 * @answer: where the helper's answer comes
 * @id: of the connection
 * @uid: whom it is for, if it fetches a ticket; else (uid_t)-1
 * @guest: whether the connection is of another network namespace
 * @deadline: when it is killed, CLOCK_MONOTONIC
 * @late: it was
 */
struct helper {
	pid_t pid;
	int client;
	int answer;
	uint64_t id;
	uid_t uid;
	bool guest;
	time_t deadline;
	bool late;
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

/*
 * No way back from here: all three ids, no groups but one, no capability, and
 * of keyrings the user's own, not the session's that the daemon was started in.
 */
static int become(uid_t uid, gid_t gid)
{
	/* To setresuid() it means "no change". */
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return -EPERM;
	if (!geteuid()) {
		if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			return -EPERM;
	} else if (uid != getuid()) {
		return -EPERM;
	}
	/* Where there are no keyrings, there is none to get rid of. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 &&
	    errno != ENOSYS)
		return -EPERM;
	syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING,
		KEY_SPEC_SESSION_KEYRING);
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

	if (dup2(fd, HELPER_FD) < 0 ||
	    close_range(HELPER_FD + 1, UINT_MAX, 0) < 0)
		_exit(EXIT_FAILURE);
	/* Nobody can be somebody else where there is no root. */
	if (map && geteuid()) {
		uid = getuid();
		gid = getgid();
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, "sockauthd-help");
	if (become(uid, gid)) {
		send_failure(HELPER_FD, 0, SOCKAUTH_REASON_NO_OWN_CRED, EPERM,
			     "the broker cannot become that user");
		_exit(EXIT_SUCCESS);
	}
	/* What the daemon's environment says is not that user's. */
	unsetenv("KRB5CCNAME");
	unsetenv("KRB5_KTNAME");
	unsetenv("KRB5_CLIENT_KTNAME");
	unsetenv("KRB5_TRACE");
	unsetenv("HOME");
	broker_help(request, &answer);
	send_answer(HELPER_FD, &answer);
	explicit_bzero(&answer, sizeof(answer));
	_exit(EXIT_SUCCESS);
}

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int fork_helper(struct broker *b, int client,
		       const struct broker_request *request)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (!pid)
		help(pair[1], request);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	b->helpers[b->helper_count++] = (struct helper) {
		.pid = pid, .client = client, .answer = pair[0],
		.id = request->id, .deadline = now() + PATIENCE,
		.uid = request->op == BROKER_MAP ? (uid_t)-1 : request->uid,
		.guest = request->guest,
	};
	return 0;
}

/* How many helpers fetch tickets for a user. */
static size_t helpers_of(const struct broker *b, uid_t uid)
{
	size_t i, count = 0;

	for (i = 0; i < b->helper_count; i++)
		count += b->helpers[i].uid == uid;
	return count;
}

static size_t helpers_of_guests(const struct broker *b)
{
	size_t i, count = 0;

	for (i = 0; i < b->helper_count; i++)
		count += b->helpers[i].guest;
	return count;
}

/* Helpers that look up users have none themselves. */
static bool too_many_lookups(const struct broker *b,
			     const struct broker_request *request)
{
	return request->op == BROKER_MAP &&
	       helpers_of(b, (uid_t)-1) >= HELPERS_MAP;
}

static void start_helper(struct broker *b, int client,
			 const struct broker_request *request)
{
	/* A KDC that is silent must not keep the tickets of others. */
	if (request->op != BROKER_MAP &&
	    helpers_of(b, request->uid) >= HELPERS_USER)
		send_failure(client, request->id, SOCKAUTH_REASON_LIMIT,
			     EAGAIN, "too many connections of this user wait for Kerberos tickets");
	else if (request->guest && helpers_of_guests(b) >= HELPERS_GUESTS)
		send_failure(client, request->id, SOCKAUTH_REASON_LIMIT,
			     EAGAIN, "too many connections of other network namespaces wait for Kerberos tickets");
	else if (too_many_lookups(b, request))
		send_failure(client, request->id, SOCKAUTH_REASON_LIMIT,
			     EAGAIN, "too many principals are looked up");
	else if (fork_helper(b, client, request))
		send_failure(client, request->id, SOCKAUTH_REASON_INTERNAL,
			     EAGAIN, "the broker cannot start a helper");
}

/* What it has sent, or else how it has ended, is for the worker. */
static void finish_helper(const struct helper *helper)
{
	static struct broker_answer answer;

	if (!broker_receive(helper->answer, &answer)) {
		answer.id = helper->id;
		send_answer(helper->client, &answer);
	} else if (helper->late) {
		send_failure(helper->client, helper->id,
			     SOCKAUTH_REASON_TIMEOUT, ETIMEDOUT,
			     "no answer of a KDC in time");
	} else {
		send_failure(helper->client, helper->id,
			     SOCKAUTH_REASON_INTERNAL, EIO,
			     "the helper that asks for Kerberos tickets failed");
	}
	explicit_bzero(&answer, sizeof(answer));
	close(helper->answer);
}

static void reap(struct broker *b)
{
	pid_t pid;
	size_t i;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (i = 0; i < b->helper_count; i++)
			if (b->helpers[i].pid == pid)
				break;
		if (i == b->helper_count)
			continue;
		finish_helper(&b->helpers[i]);
		b->helpers[i] = b->helpers[--b->helper_count];
	}
}

/* Return: how long to wait for the next one, in ms; -1: there is none. */
static int kill_late(struct broker *b)
{
	time_t present = now(), next = 0;
	struct helper *helper;

	for (helper = b->helpers; helper < b->helpers + b->helper_count;
	     helper++) {
		if (helper->late)
			continue;
		if (helper->deadline <= present) {
			kill(helper->pid, SIGKILL);
			helper->late = true;
		} else if (!next || helper->deadline < next) {
			next = helper->deadline;
		}
	}
	return next ? (next - present) * 1000 : -1;
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
	start_helper(b, fd, &request);
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
		if (poll(b->pfds, b->count, kill_late(b)) < 0)
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

/* Stays root by name, so that it can become anybody and end it, and no more. */
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
			      CAP_SETUID, CAP_SETGID, CAP_KILL, -1);
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
