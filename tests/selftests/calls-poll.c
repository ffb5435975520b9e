// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting for a listener: poll() and epoll know of no connection that is not
 * authenticated yet, and miss none that is.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "fakeworker.h"
#include "net.h"
#include "process.h"

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
	EXPECT_EQ(0, process_exit_code(pid));
	close(client);
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
	ep = net_epoll(self->listener, EPOLLIN);
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
	ep = net_epoll(self->listener, EPOLLIN | EPOLLET);
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
	ep = net_epoll(self->listener, EPOLLIN | EPOLLET);
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
	ep = net_epoll(self->listener, EPOLLIN | EPOLLET);
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

/* `ss -K` of the listener: no connection, but not nothing either. */
TEST_F(calls, epoll_destroyed)
{
	struct epoll_event ev = { 0 };
	int ep, err;

	ASSERT_EQ(0, listen_marked(self->listener));
	ep = net_epoll(self->listener, EPOLLIN);
	ASSERT_GE(ep, 0);
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	err = net_destroy(self->listener);
	if (err == -EOPNOTSUPP)
		SKIP(return, "this kernel has no SOCK_DESTROY");
	ASSERT_EQ(0, err);
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, PATIENCE_MS));
	EXPECT_NE(0, ev.events & EPOLLHUP);
	close(ep);
}

SOCKAUTH_HARNESS_MAIN
