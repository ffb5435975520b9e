// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an application calls: accept() in all its forms, poll() and epoll, and
 * the order of its calls before that. A listener stands for the main job, the
 * worker is fake: it says yes when the test wants it to.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

FIXTURE(calls)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
};

FIXTURE_SETUP(calls)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 64, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_tcp(AF_INET);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(calls)
{
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

/* The usual order: option, bind, listen. */
static int listen_marked(int fd)
{
	int err = net_mark(fd, NULL, 0, 0);

	if (!err)
		err = net_bind(fd);
	return err ? err : net_listen(fd, 128);
}

/* Both directions carry data, encrypted; the client is not kTLS yet. */
static int talk(int client, int server)
{
	char buf[16];
	int err = net_ktls(client, true);

	if (!err)
		err = net_write(client, "to server", 10);
	if (!err)
		err = net_read(server, buf, 10);
	if (!err && strcmp(buf, "to server"))
		err = -EBADMSG;
	if (!err)
		err = net_write(server, "to client", 10);
	if (!err)
		err = net_read(client, buf, 10);
	if (!err && strcmp(buf, "to client"))
		err = -EBADMSG;
	return err;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Neither poll() nor accept() knows of anybody. */
static bool nobody(int listener)
{
	int flags = fcntl(listener, F_GETFL), fd;

	if (net_wait(listener, POLLIN, 0))
		return false;
	fcntl(listener, F_SETFL, flags | O_NONBLOCK);
	fd = accept(listener, NULL, NULL);
	fcntl(listener, F_SETFL, flags);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EAGAIN;
}

/* In a child process: accept(), echo one byte, exit with 0. */
static pid_t fork_acceptor(int listener)
{
	pid_t pid = fork();
	char c;
	int fd;

	if (pid)
		return pid;
	alarm(PATIENCE_MS / 1000);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		_exit(1);
	if (read(fd, &c, 1) != 1 || write(fd, &c, 1) != 1)
		_exit(2);
	_exit(close(fd) ? 3 : 0);
}

/* True once the process PID sleeps in accept() (43) or accept4() (288). */
static bool sleeps_in_accept(pid_t pid)
{
	int64_t end = now_ms() + PATIENCE_MS;
	char path[64], line[128];
	int call;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	while (now_ms() < end) {
		FILE *file = fopen(path, "r");

		if (!file)
			return false;
		call = fgets(line, sizeof(line), file) ? atoi(line) : 0;
		fclose(file);
		if (call == 43 || call == 288)
			return true;
		usleep(1000);
	}
	return false;
}

static int exit_code(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST_F(calls, accept_blocking)
{
	int client;
	pid_t pid;

	ASSERT_EQ(0, listen_marked(self->listener));
	pid = fork_acceptor(self->listener);
	ASSERT_TRUE(sleeps_in_accept(pid));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));

	/* TCP has a child, the application must not know. */
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_TRUE(sleeps_in_accept(pid));

	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_EQ(0, net_ktls(client, true));
	ASSERT_EQ(0, net_write(client, "x", 1));
	EXPECT_EQ(0, exit_code(pid));
	close(client);
}

TEST_F(calls, accept_nonblocking)
{
	int client, server;

	ASSERT_EQ(0, listen_marked(self->listener));
	EXPECT_TRUE(nobody(self->listener));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_TRUE(nobody(self->listener));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, fcntl(self->listener, F_SETFL, O_NONBLOCK));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	EXPECT_TRUE(nobody(self->listener));
	EXPECT_EQ(0, talk(client, server));
	close(server);
	close(client);
}

/* accept4() sets the flags of the new descriptor and tells the address. */
TEST_F(calls, accept_address_and_flags)
{
	struct sockaddr_in6 peer, self_addr;
	socklen_t len = sizeof(peer), self_len;
	int client, server;

	ASSERT_EQ(0, listen_marked(self->listener));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	server = accept4(self->listener, (struct sockaddr *)&peer, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	ASSERT_GE(server, 0);
	ASSERT_EQ(0, net_address(client, &self_addr, &self_len));
	ASSERT_EQ(sizeof(struct sockaddr_in), len);
	EXPECT_EQ(0, memcmp(&peer, &self_addr, len));
	EXPECT_EQ(O_NONBLOCK, fcntl(server, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(FD_CLOEXEC, fcntl(server, F_GETFD));
	close(server);
	close(client);
}

TEST_F(calls, accept_time_out)
{
	struct timeval tv = { .tv_usec = 300000 };
	int client, server;
	int64_t start;

	ASSERT_EQ(0, listen_marked(self->listener));
	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	start = now_ms();
	ASSERT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(now_ms() - start, 290);

	/* The handshake goes on; the next accept() gets it. */
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	tv.tv_sec = PATIENCE_MS / 1000;
	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	EXPECT_EQ(0, talk(client, server));
	close(server);
	close(client);
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST_F(calls, accept_interrupted)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval tick = {
		.it_value.tv_usec = 100000,
		.it_interval.tv_usec = 100000,
	}, off = { 0 }, saved;

	ASSERT_EQ(0, listen_marked(self->listener));
	/* The harness has its own alarm running, in the parent. */
	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &tick, &saved));
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EINTR, errno);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
}

/* As plain TCP does: shutdown() of the listener ends a waiting accept(). */
TEST_F(calls, accept_listener_shut_down)
{
	pid_t pid;

	ASSERT_EQ(0, listen_marked(self->listener));
	pid = fork_acceptor(self->listener);
	ASSERT_TRUE(sleeps_in_accept(pid));
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RDWR));
	EXPECT_EQ(1, exit_code(pid));
}

TEST_F(calls, poll)
{
	int client, server;

	ASSERT_EQ(0, listen_marked(self->listener));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_FALSE(net_wait(self->listener, POLLIN, QUIET_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	/* Level: it stays so until accept(). */
	EXPECT_TRUE(net_wait(self->listener, POLLIN, 0));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	EXPECT_FALSE(net_wait(self->listener, POLLIN, 0));
	close(server);
	close(client);
}

/* A poll() that sleeps already is woken. */
TEST_F(calls, poll_woken)
{
	int client;
	pid_t pid;

	ASSERT_EQ(0, listen_marked(self->listener));
	pid = fork();
	if (!pid)
		_exit(!net_wait(self->listener, POLLIN, PATIENCE_MS));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_EQ(0, exit_code(pid));
	close(client);
}

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev)) {
		close(ep);
		return -errno;
	}
	return ep;
}

static int epoll_count(int ep, int timeout_ms)
{
	struct epoll_event ev;

	return epoll_wait(ep, &ev, 1, timeout_ms);
}

TEST_F(calls, epoll_level)
{
	int ep, client, server;

	ASSERT_EQ(0, listen_marked(self->listener));
	ep = epoll_of(self->listener, EPOLLIN);
	ASSERT_GE(ep, 0);
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	EXPECT_EQ(0, epoll_count(ep, QUIET_MS));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_EQ(1, epoll_count(ep, PATIENCE_MS));
	EXPECT_EQ(1, epoll_count(ep, 0));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	EXPECT_EQ(0, epoll_count(ep, 0));
	close(server);
	close(client);
	close(ep);
}

TEST_F(calls, epoll_edge)
{
	int ep, client[2], server, i;

	ASSERT_EQ(0, listen_marked(self->listener));
	ep = epoll_of(self->listener, EPOLLIN | EPOLLET);
	ASSERT_GE(ep, 0);
	for (i = 0; i < 2; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
		/* A TCP child is no edge; an authenticated one is. */
		EXPECT_EQ(0, epoll_count(ep, QUIET_MS));
		ASSERT_EQ(0, fw_done(self->fw, self->event));
		EXPECT_EQ(1, epoll_count(ep, PATIENCE_MS));
		EXPECT_EQ(0, epoll_count(ep, 0));
	}
	for (i = 0; i < 2; i++) {
		server = accept(self->listener, NULL, NULL);
		ASSERT_GE(server, 0);
		close(server);
		close(client[i]);
	}
	EXPECT_TRUE(nobody(self->listener));
	close(ep);
}

/* A connection that waits already is an edge for who comes later. */
TEST_F(calls, epoll_edge_late)
{
	int ep, client;

	ASSERT_EQ(0, listen_marked(self->listener));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	ep = epoll_of(self->listener, EPOLLIN | EPOLLET);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(1, epoll_count(ep, PATIENCE_MS));
	EXPECT_EQ(0, epoll_count(ep, 0));
	close(client);
	close(ep);
}

/* Epoll that was armed before the option and listen() were called. */
TEST_F(calls, epoll_before_option)
{
	int ep, client;

	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	ep = epoll_of(self->listener, EPOLLIN | EPOLLET);
	ASSERT_GE(ep, 0);
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	epoll_count(ep, QUIET_MS);	/* TCP's own wake-up may show */
	EXPECT_TRUE(nobody(self->listener));
	ASSERT_EQ(0, fw_done(self->fw, self->event));
	EXPECT_EQ(1, epoll_count(ep, PATIENCE_MS));
	close(client);
	close(ep);
}

/* Every process gets exactly one of as many connections. */
TEST_F(calls, processes)
{
	enum { N = 4 };
	int client[N], i;
	pid_t pid[N];
	char c;

	ASSERT_EQ(0, listen_marked(self->listener));
	for (i = 0; i < N; i++) {
		pid[i] = fork_acceptor(self->listener);
		ASSERT_TRUE(sleeps_in_accept(pid[i]));
	}
	for (i = 0; i < N; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
		ASSERT_EQ(0, net_ktls(client[i], true));
		ASSERT_EQ(0, net_write(client[i], "x", 1));
		ASSERT_EQ(0, net_read(client[i], &c, 1));
	}
	for (i = 0; i < N; i++) {
		EXPECT_EQ(0, exit_code(pid[i]));
		close(client[i]);
	}
	EXPECT_TRUE(nobody(self->listener));
}

static int bind_like(int fd, int other)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	int err = net_address(other, &addr, &len);

	if (err)
		return err;
	return bind(fd, (struct sockaddr *)&addr, len) ? -errno : 0;
}

/* Two listeners on one port; the kernel shares the connections out. */
TEST_F(calls, reuseport)
{
	enum { N = 24 };
	int second = net_tcp(AF_INET), one = 1, i, got[2] = { 0 };
	int client[N], server;

	ASSERT_EQ(0, setsockopt(self->listener, SOL_SOCKET, SO_REUSEPORT, &one,
				sizeof(one)));
	ASSERT_EQ(0, setsockopt(second, SOL_SOCKET, SO_REUSEPORT, &one,
				sizeof(one)));
	ASSERT_EQ(0, listen_marked(self->listener));
	ASSERT_EQ(0, net_mark(second, NULL, 0, 0));
	ASSERT_EQ(0, bind_like(second, self->listener));
	ASSERT_EQ(0, net_listen(second, 128));

	for (i = 0; i < N; i++) {
		struct pollfd pfd[2] = {
			{ .fd = self->listener, .events = POLLIN },
			{ .fd = second, .events = POLLIN },
		};
		int which;

		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
		ASSERT_EQ(1, poll(pfd, 2, PATIENCE_MS));
		which = !pfd[0].revents;
		server = accept(pfd[which].fd, NULL, NULL);
		ASSERT_GE(server, 0);
		ASSERT_EQ(0, talk(client[i], server));
		got[which]++;
		close(server);
	}
	/* 24 hashes that all fall on one side: once in 8 million runs. */
	EXPECT_GT(got[0], 0);
	EXPECT_GT(got[1], 0);
	for (i = 0; i < N; i++)
		close(client[i]);
	close(second);
}

TEST_F(calls, option_before_bind)
{
	int client, server;

	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, talk(client, server));
	close(server);
	close(client);
}

TEST_F(calls, option_before_listen)
{
	int client, server;

	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, talk(client, server));
	close(server);
	close(client);
}

TEST_F(calls, option_after_listen)
{
	int client, server;

	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	server = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, talk(client, server));
	close(server);
	close(client);
}

/* An application that is slow to accept() loses nobody. */
TEST_F(calls, backlog)
{
	enum { N = 6 };
	int client[N], server, i;

	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, N));
	for (i = 0; i < N; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
	}
	for (i = 0; i < N; i++) {
		server = accept(self->listener, NULL, NULL);
		ASSERT_GE(server, 0);
		EXPECT_EQ(0, talk(client[i], server));
		close(server);
		close(client[i]);
	}
	EXPECT_TRUE(nobody(self->listener));
}

/* A descriptor that is passed on is the same socket. */
TEST_F(calls, forked_connection)
{
	int client, server;
	char buf[4];
	pid_t pid;

	ASSERT_EQ(0, listen_marked(self->listener));
	client = fw_hello_to(self->listener);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	server = accept(self->listener, NULL, NULL);
	ASSERT_GE(server, 0);
	ASSERT_EQ(0, net_ktls(client, true));
	pid = fork();
	if (!pid)
		_exit(write(server, "abc", 3) != 3);
	close(server);
	EXPECT_EQ(0, net_read(client, buf, 3));
	EXPECT_EQ(0, exit_code(pid));
	close(client);
}

SOCKAUTH_HARNESS_MAIN
