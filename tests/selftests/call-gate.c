// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every call before and while a socket is authenticated: the same result as on
 * a TCP socket that is not connected, or that is connecting; else the one that
 * the table below gives. Documentation/calls.rst explains the differences.
 *
 * Each call gets sockets of its own, since some change what they are called on.
 */
#include "harness.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "call-table.h"
#include "net.h"

FIXTURE(gate)
{
};

static void on_alarm(int sig)
{
	(void)sig;
}

FIXTURE_SETUP(gate)
{
	struct sigaction act = { .sa_handler = on_alarm };

	ASSERT_EQ(0, sigaction(SIGALRM, &act, NULL));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(gate)
{
}

static int gate_address(struct gate *g, int listener)
{
	return net_address(listener, &g->addr, &g->addr_len);
}

/* No call may wait; one that does is interrupted, and says EINTR. */
static long gate_call(const struct gate_call *c, struct gate *g)
{
	long ret;

	alarm(2);
	ret = c->call(g);
	alarm(0);
	return ret;
}

/* These return what the call says, or LONG_MIN: there were no sockets. */
static long call_unconnected(const struct gate_call *c, bool marked)
{
	struct gate g = { .fd = call_socket(marked) };
	int listener = call_listener(false);
	long ret = LONG_MIN;

	call_text(g.text, GATE_TEXT_LEN, 0, marked);
	if (g.fd >= 0 && listener >= 0 && !gate_address(&g, listener) &&
	    !call_nonblock(g.fd, true))
		ret = gate_call(c, &g);
	close(g.fd);
	close(listener);
	return ret;
}

static long call_pending(const struct gate_call *c, bool marked)
{
	struct call_silent silent;
	struct gate g = { .fd = -1 };
	long ret = LONG_MIN;

	call_text(g.text, GATE_TEXT_LEN, 0, marked);
	if (!call_silent(marked, &silent, &g.fd) &&
	    !gate_address(&g, silent.listener))
		ret = gate_call(c, &g);
	close(g.fd);
	call_silent_close(&silent);
	return ret;
}

/* On a connected socket that waits for its peer to begin. */
static long call_upgrading(const struct gate_call *c)
{
	struct sockauth_request req = { .flags = SOCKAUTH_REQ_SERVER };
	struct gate g = { .fd = -1 };
	long ret = LONG_MIN;
	int pair[2];

	call_text(g.text, GATE_TEXT_LEN, 0, true);
	if (net_pair(pair))
		return ret;
	g.fd = pair[1];
	if (!gate_address(&g, pair[0]) && !call_nonblock(g.fd, true) &&
	    setsockopt(g.fd, IPPROTO_IP, SOCKAUTH_REQUEST, &req, sizeof(req)) &&
	    errno == EINPROGRESS)
		ret = gate_call(c, &g);
	close(g.fd);
	close(pair[0]);
	return ret;
}

TEST_F(gate, unconnected)
{
	const struct gate_call *c = gate_calls;

	for (; c < gate_calls + gate_calls_count; c++) {
		long tcp = call_unconnected(c, false);
		long wanted = c->unconnected == GATE_AS_TCP ?
			      tcp : c->unconnected;

		EXPECT_NE(LONG_MIN, tcp);
		EXPECT_NE(-EINTR, tcp);
		EXPECT_EQ(wanted, call_unconnected(c, true))
			TH_LOG("%s, on TCP %ld", c->name, tcp);
	}
}

TEST_F(gate, connecting)
{
	const struct gate_call *c = gate_calls;

	for (; c < gate_calls + gate_calls_count; c++) {
		long tcp = call_pending(c, false);
		long wanted = c->pending == GATE_AS_TCP ? tcp : c->pending;

		EXPECT_NE(LONG_MIN, tcp);
		EXPECT_NE(-EINTR, tcp);
		EXPECT_EQ(wanted, call_pending(c, true))
			TH_LOG("%s, on TCP %ld", c->name, tcp);
	}
}

TEST_F(gate, upgrading)
{
	const struct gate_call *c = gate_calls;

	for (; c < gate_calls + gate_calls_count; c++) {
		long tcp = call_pending(c, false);
		long wanted = c->pending == GATE_AS_TCP ? tcp : c->pending;

		EXPECT_NE(LONG_MIN, tcp);
		EXPECT_NE(-EINTR, tcp);
		EXPECT_EQ(wanted, call_upgrading(c))
			TH_LOG("%s, on TCP %ld", c->name, tcp);
	}
}

SOCKAUTH_HARNESS_MAIN
