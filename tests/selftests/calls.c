// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an application calls on a listener: accept() in all its forms, and the
 * order of its calls before that.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "fakeworker.h"
#include "net.h"
#include "process.h"

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

TEST_F(calls, accept_blocking)
{
	int client;
	pid_t pid;

	ASSERT_EQ(0, listen_marked(self->listener));
	pid = fork_acceptor(self->listener);
	ASSERT_TRUE(process_sleeps(pid, SYS_accept));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));

	/* TCP has a child, the application must not know. */
	usleep(QUIET_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_TRUE(process_sleeps(pid, SYS_accept));

	ASSERT_EQ(0, fw_done(self->fw, self->event));
	ASSERT_EQ(0, net_ktls(client, true));
	ASSERT_EQ(0, net_write(client, "x", 1));
	EXPECT_EQ(0, process_exit_code(pid));
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
	start = net_now_ms();
	ASSERT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_GE(net_now_ms() - start, 290);

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

/* As plain TCP does: shutdown() of the listener ends whatever accept() waits. */
TEST_F(calls, accept_listener_shut_down)
{
	pid_t pids[2];
	int i;

	ASSERT_EQ(0, listen_marked(self->listener));
	for (i = 0; i < 2; i++) {
		pids[i] = fork_acceptor(self->listener);
		ASSERT_TRUE(process_sleeps(pids[i], SYS_accept));
	}
	ASSERT_EQ(0, shutdown(self->listener, SHUT_RDWR));
	EXPECT_EQ(1, process_exit_code(pids[0]));
	EXPECT_EQ(1, process_exit_code(pids[1]));
}

/* And so does an administrator: nobody who had come is accepted any more. */
TEST_F(calls, accept_listener_destroyed)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct sockauth_status st;
	int clients[3], i;
	pid_t pids[2];
	char c;

	ASSERT_EQ(0, listen_marked(self->listener));
	for (i = 0; i < 2; i++) {
		pids[i] = fork_acceptor(self->listener);
		ASSERT_TRUE(process_sleeps(pids[i], SYS_accept));
	}
	for (i = 0; i < 2; i++) {
		clients[i] = fw_hello_to(self->listener);
		ASSERT_GE(clients[i], 0);
		ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	}
	i = net_destroy(self->listener);
	if (i == -EOPNOTSUPP)
		SKIP(return, "this kernel has no SOCK_DESTROY");
	ASSERT_EQ(0, i);
	EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(1, process_exit_code(pids[0]));
	EXPECT_EQ(1, process_exit_code(pids[1]));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_CANCELLED, 2));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, read(clients[i], &c, 1));
		EXPECT_EQ(ECONNRESET, errno);
		close(clients[i]);
	}
	EXPECT_EQ(0, net_status(self->listener, &st));
	EXPECT_EQ(SOCKAUTH_STATE_MARKED, st.state);

	/* The socket itself is as good as before, once TCP has forgotten. */
	ASSERT_EQ(0, connect(self->listener, &nowhere, sizeof(nowhere)));
	ASSERT_EQ(0, net_listen(self->listener, 128));
	clients[2] = fw_hello_to(self->listener);
	ASSERT_GE(clients[2], 0);
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	close(clients[2]);
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
		ASSERT_TRUE(process_sleeps(pid[i], SYS_accept));
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
		EXPECT_EQ(0, process_exit_code(pid[i]));
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

/* One client, from its hello to data. */
static int serve(struct fakeworker *fw, struct fw_event *event, int listener)
{
	int client = fw_hello_to(listener), server, err;

	if (client < 0)
		return client;
	err = fw_next(fw, event, PATIENCE_MS);
	server = err ? err : fw_let_in(fw, event, listener);
	err = server < 0 ? server : talk(client, server);
	if (server >= 0)
		close(server);
	close(client);
	return err;
}

TEST_F(calls, option_before_bind)
{
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener));
}

TEST_F(calls, option_before_listen)
{
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener));
}

TEST_F(calls, option_after_listen)
{
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 0));
	EXPECT_EQ(0, serve(self->fw, self->event, self->listener));
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
	EXPECT_EQ(0, process_exit_code(pid));
	close(client);
}

SOCKAUTH_HARNESS_MAIN
