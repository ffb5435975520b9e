// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every allocation and every copy from and to the application fails once: each
 * call either does its work or says why not, with an errno that is documented,
 * and the same call without a fault then does it. The kernel's own checks, and
 * the module's count of its objects, tell what was not given back.
 *
 * Needs a kernel with fault injection: tests/vm/kernel. Each test has a network
 * namespace of its own.
 */
#include "harness.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define DEBUG	"/sys/kernel/debug/"
#define NTH_MAX	2000		/* more faults than any one call has room for */

FIXTURE(faults)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
};

static int put_number(const char *path, long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", number);
	return net_put(path, text);
}

/* Open before there are faults: /proc/thread-self/fail-nth. */
static int nth_fd = -1;

/* From here on the allocation or copy number NTH of this thread fails. */
static int arm(int nth)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%d", nth), tries;

	/* The last fault may be in here. */
	for (tries = 0; tries < 2; tries++)
		if (pwrite(nth_fd, text, len, 0) == len)
			return 0;
	return -errno;
}

/* Returns 1 if it has failed, 0 if there were fewer than NTH. */
static int disarm(void)
{
	char text[24] = { 0 };
	/* One that is left for this copy was not for the call. */
	int hit = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
	int err = arm(0);

	return err ? err : hit;
}

FIXTURE_SETUP(faults)
{
	static const char *const settings[][2] = {
		{ DEBUG "failslab/ignore-gfp-wait", "N" },
		{ DEBUG "failslab/verbose", "0" },
		{ DEBUG "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUG "fail_page_alloc/min-order", "0" },
		{ DEBUG "fail_page_alloc/verbose", "0" },
		{ DEBUG "fail_usercopy/verbose", "0" },
	};
	size_t i;

	memset(self, 0, sizeof(*self));
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_GE(nth_fd, 0);
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		ASSERT_EQ(0, net_put(settings[i][0], settings[i][1])) {
			TH_LOG("no %s: not a kernel for this test",
			       settings[i][0]);
		}
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 4, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_marked_listener(60000, 8);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(faults)
{
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

/* What may come of a call to which the kernel gave nothing. */
static bool documented(int err)
{
	switch (err) {
	case 0:
	case -ENOMEM:
	case -ENOBUFS:
	case -EFAULT:
	case -EAGAIN:
	case -ENFILE:
	case -EADDRINUSE:	/* bind(), whatever the reason */
	case -ETIMEDOUT:	/* the test's own poll(), at once */
		return true;
	default:
		return false;
	}
}

/*
 * Do CALL again and again, with one fault more each time, until there are fewer.
 * It sets "err"; AFTER follows without a fault.
 */
#define WITH_EVERY_FAULT(call, after) do {				\
	int nth, hit = 1, injected = 0;					\
									\
	for (nth = 1; hit && nth < NTH_MAX; nth++) {			\
		int err;						\
									\
		ASSERT_EQ(0, arm(nth));					\
		call;							\
		hit = disarm();						\
		ASSERT_GE(hit, 0);					\
		injected += hit;					\
		after;							\
	}								\
	EXPECT_LT(nth, NTH_MAX);					\
	EXPECT_GT(injected, 0);						\
	TH_LOG("%d faults", injected);					\
} while (0)

#define EXPECT_DOCUMENTED()						\
	EXPECT_TRUE(documented(err)) {					\
		TH_LOG("fault %d: %s", nth, strerror(-err));		\
	}

/* An open connection: pair[0] the peer's end, pair[1] ours. */
static int open_pair(struct fakeworker *fw, struct fw_event *event,
		     int listener, int pair[2])
{
	int err;

	pair[0] = fw_hello_to(listener);
	if (pair[0] < 0)
		return pair[0];
	err = fw_next_step(fw, event, PATIENCE_MS);
	if (!err)
		err = fw_done(fw, event);
	if (!err && !net_wait(listener, POLLIN, PATIENCE_MS))
		err = -ETIMEDOUT;
	pair[1] = err ? -1 : accept(listener, NULL, NULL);
	if (!err && pair[1] < 0)
		err = -errno;
	if (!err)
		err = net_ktls(pair[0], true);
	return err;
}

TEST_F(faults, mark)
{
	int fd;

	WITH_EVERY_FAULT({
		fd = net_tcp(AF_INET);
		err = fd < 0 ? fd : net_mark(fd, NULL, 0, 0);
	}, {
		EXPECT_DOCUMENTED();
		if (err && fd >= 0)
			EXPECT_EQ(0, net_mark(fd, NULL, 0, 0));
		if (fd >= 0)
			close(fd);
	});
}

TEST_F(faults, listen)
{
	int fd;

	fd = net_tcp(AF_INET);
	WITH_EVERY_FAULT({
		close(fd);
		fd = net_tcp(AF_INET);
		err = fd < 0 ? fd : net_mark(fd, NULL, 0, 0);
		if (!err)
			err = net_bind(fd);
		if (!err)
			err = net_listen(fd, 8);
	}, {
		EXPECT_DOCUMENTED();
	});
	close(fd);
}

/* What cannot be accepted now waits for the next accept(). */
TEST_F_TIMEOUT(faults, accept, 300)
{
	int client, server;

	WITH_EVERY_FAULT({
		arm(0);
		client = fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, fw_done(self->fw, self->event));
		ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
		arm(nth);
		server = accept(self->listener, NULL, NULL);
		err = server < 0 ? -errno : 0;
	}, {
		EXPECT_DOCUMENTED();
		if (err) {
			ASSERT_TRUE(net_wait(self->listener, POLLIN,
					     PATIENCE_MS));
			server = accept(self->listener, NULL, NULL);
			ASSERT_GE(server, 0);
		}
		close(server);
		close(client);
	});
}

/*
 * What LISTENER and its only CLIENT see within MS: 1 is a connection, which is
 * closed, 0 the client's end.
 */
static int outcome(int listener, int client, int ms)
{
	struct pollfd pfds[] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = client, .events = POLLIN },
	};
	char buf[64];
	int fd;

	while (poll(pfds, 2, ms) > 0) {
		if (pfds[0].revents) {
			fd = accept(listener, NULL, NULL);
			return fd < 0 ? -errno : close(fd) ? -errno : 1;
		}
		/* There may be an alert before it. */
		if (recv(client, buf, sizeof(buf), 0) <= 0)
			return 0;
	}
	return -ETIMEDOUT;
}

/*
 * A reply whose message the kernel could not take can be sent again; if it was
 * taken, the connection has ended or is ready.
 */
TEST_F_TIMEOUT(faults, reply, 600)
{
	int client;

	WITH_EVERY_FAULT({
		arm(0);
		client = fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next_step(self->fw, self->event, PATIENCE_MS));
		arm(nth);
		err = fw_done(self->fw, self->event);
	}, {
		EXPECT_DOCUMENTED();
		if (err) {
			err = fw_done(self->fw, self->event);
			EXPECT_TRUE(!err || err == -ESTALE || err == -ENOENT);
		}
		ASSERT_GE(outcome(self->listener, client, PATIENCE_MS), 0) {
			TH_LOG("fault %d: neither ready nor ended", nth);
		}
		close(client);
	});
}

/* An administrator's requests, and becoming a worker. */
TEST_F_TIMEOUT(faults, administration, 300)
{
	static const uint8_t dumps[] = {
		SOCKAUTH_CMD_CONN_GET, SOCKAUTH_CMD_LISTENER_GET,
		SOCKAUTH_CMD_WORKER_GET,
	};
	struct fakeworker *fw = NULL;
	size_t i;

	WITH_EVERY_FAULT({
		fw_close(fw);
		fw = NULL;
		err = fw_open(&fw);
		if (!err)
			err = fw_bind(fw, 8, "another");
	}, {
		EXPECT_DOCUMENTED();
	});
	for (i = 0; i < sizeof(dumps); i++) {
		WITH_EVERY_FAULT({
			arm(0);
			fw_close(fw);
			ASSERT_EQ(0, fw_open(&fw));
			arm(nth);
			err = fw_command(fw, dumps[i], true);
		}, {
			EXPECT_DOCUMENTED();
			EXPECT_EQ(0, fw_command(self->fw, dumps[i], true));
		});
	}
	fw_close(fw);
}

/* connect(), from the beginning until the worker is asked. */
TEST_F_TIMEOUT(faults, connect, 300)
{
	int plain = net_listener(AF_INET), fd, got;
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_EQ(0, net_address(plain, &addr, &len));
	WITH_EVERY_FAULT({
		arm(0);
		fd = net_tcp(AF_INET);
		ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
		ASSERT_EQ(0, net_mark(fd, NULL, 0, 60000));
		arm(nth);
		err = connect(fd, (struct sockaddr *)&addr, len) ? -errno : 0;
		err = err == -EINPROGRESS ? 0 : err;
	}, {
		EXPECT_TRUE(documented(err) || err == -ECONNABORTED ||
			    err == -EADDRNOTAVAIL || err == -ENETUNREACH) {
			TH_LOG("fault %d: %s", nth, strerror(-err));
		}
		if (!err) {
			got = fw_next_step(self->fw, self->event, PATIENCE_MS);
			EXPECT_TRUE(!got || net_wait(fd, POLLHUP, 0));
			if (!got)
				fw_done(self->fw, self->event);
			EXPECT_TRUE(net_wait(fd, POLLOUT, PATIENCE_MS));
		}
		close(fd);
	});
	close(plain);
}

/* Data, options and the end of an open connection. */
TEST_F_TIMEOUT(faults, open, 600)
{
	struct sockauth_status status;
	int pair[2];
	char buf[64];

	WITH_EVERY_FAULT({
		arm(0);
		ASSERT_EQ(0, open_pair(self->fw, self->event, self->listener,
				       pair));
		arm(nth);
		err = net_write(pair[1], "sockauth-marker-", 16);
		if (!err)
			err = net_status(pair[1], &status);
		if (!err && shutdown(pair[1], SHUT_WR))
			err = -errno;
	}, {
		EXPECT_DOCUMENTED();
		/* Nothing but the records that kTLS opens has arrived. */
		if (!err)
			EXPECT_EQ(0, net_read(pair[0], buf, 16));
		close(pair[0]);
		close(pair[1]);
	});
}

TEST_F_TIMEOUT(faults, receive, 600)
{
	int pair[2];
	char buf[4];

	WITH_EVERY_FAULT({
		arm(0);
		ASSERT_EQ(0, open_pair(self->fw, self->event, self->listener,
				       pair));
		ASSERT_EQ(0, net_write(pair[0], "abcd", 4));
		ASSERT_TRUE(net_wait(pair[1], POLLIN, PATIENCE_MS));
		arm(nth);
		err = recv(pair[1], buf, 4, 0) == 4 ? 0 : -errno;
	}, {
		/* kTLS gives a record up that it could not open. */
		EXPECT_TRUE(documented(err) || err == -EBADMSG) {
			TH_LOG("fault %d: %s", nth, strerror(-err));
		}
		if (err == -EFAULT || err == -EAGAIN)
			EXPECT_EQ(0, net_read(pair[1], buf, 4));
		close(pair[0]);
		close(pair[1]);
	});
}

/* close() has no memory to fail for. */
TEST_F_TIMEOUT(faults, close, 600)
{
	int pair[2];

	WITH_EVERY_FAULT({
		arm(0);
		ASSERT_EQ(0, open_pair(self->fw, self->event, self->listener,
				       pair));
		arm(nth);
		err = close(pair[1]) ? -errno : 0;
	}, {
		EXPECT_EQ(0, err);
		close(pair[0]);
	});
}

/* A connected socket is marked, as either side. */
TEST_F_TIMEOUT(faults, upgrade, 600)
{
	int pair[2], side;

	for (side = 0; side < 2; side++) {
		WITH_EVERY_FAULT({
			arm(0);
			ASSERT_EQ(0, net_pair(pair));
			fcntl(pair[0], F_SETFL, O_NONBLOCK);
			arm(nth);
			err = net_mark(pair[0], NULL, side ?
				       SOCKAUTH_REQ_CLIENT :
				       SOCKAUTH_REQ_SERVER, 60000);
			err = err == -EINPROGRESS ? 0 : err;
		}, {
			EXPECT_DOCUMENTED();
			if (!err) {
				if (!side)
					EXPECT_EQ(0, fw_hello(pair[1]));
				EXPECT_EQ(0, fw_next_step(self->fw,
							  self->event,
							  PATIENCE_MS));
				EXPECT_EQ(0, fw_done(self->fw, self->event));
			}
			close(pair[0]);
			close(pair[1]);
		});
	}
}

/* Have VALUE written to the file NAME of every kernel thread. */
static int mark_kernel_threads(const char *value)
{
	DIR *dir = opendir("/proc");
	char path[64], link[8];
	struct dirent *entry;
	int marked = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!isdigit(entry->d_name[0]))
			continue;
		/* Only they have no program. */
		snprintf(path, sizeof(path), "/proc/%.20s/exe", entry->d_name);
		if (readlink(path, link, sizeof(link)) >= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/make-it-fail",
			 entry->d_name);
		marked += !net_put(path, value);
	}
	closedir(dir);
	return marked;
}

/* Of threads that are marked, so that we do not fail to end it. */
static int fail_slab(long percent)
{
	int err = net_put(DEBUG "failslab/task-filter", "Y");

	if (!err)
		err = put_number(DEBUG "failslab/times", -1);
	return err ? err : put_number(DEBUG "failslab/probability", percent);
}

/*
 * Another process, which outlives this one and its group: however the test ends,
 * and be it by the harness's time-out, faults do not stay on. They end when the
 * descriptor that this returns is closed.
 */
static int limit_faults(pid_t *guard)
{
	int alive[2];
	char c;

	if (pipe2(alive, O_CLOEXEC))
		return -errno;
	*guard = fork();
	if (!*guard) {
		setpgid(0, 0);
		close(alive[1]);
		_exit(read(alive[0], &c, 1) || fail_slab(0) ||
		      mark_kernel_threads("0") < 0);
	}
	close(alive[0]);
	return *guard < 0 ? -errno : alive[1];
}

/*
 * A FIN or RST that TCP has no memory for is never sent, and CLIENT waits for
 * it: whoever says more gets a RST.  Only when nothing is pending any more, for
 * nobody should have to say more to get on.
 */
static void provoke_reset(int client)
{
	if (!fw_number(SOCKAUTH_CMD_STATS_GET, SOCKAUTH_A_PENDING))
		send(client, "?", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whoever asks is let in, until the client's fate is known: see outcome(). */
static int let_in(struct fakeworker *fw, struct fw_event *event, int listener,
		  int client)
{
	int64_t begin = net_now_ms();
	int ret;

	do {
		if (fw_next(fw, event, 10) == 0) {
			if (event->cmd == SOCKAUTH_CMD_STEP)
				fw_done(fw, event);
			else
				fw_command(fw, event->cmd, false);
		}
		ret = outcome(listener, client, 0);
		if (ret == -ETIMEDOUT && net_now_ms() - begin > 5 * QUIET_MS)
			provoke_reset(client);
	} while (ret == -ETIMEDOUT && net_now_ms() - begin < PATIENCE_MS);
	return ret;
}

/*
 * One allocation in twenty of all kernel threads fails: those of the work that
 * drains listeners, looks at what has come, and asks. A peer is served or sees
 * the end.
 */
TEST_F_TIMEOUT(faults, kernel_threads, 600)
{
	enum { N = 150 };
	int i, client, served = 0, ended = 0, faults, ret, status, pair[2];
	pid_t guard;

	/* What the crypto API makes once, in a thread of its own, is made. */
	ASSERT_EQ(0, open_pair(self->fw, self->event, self->listener, pair));
	close(pair[0]);
	close(pair[1]);
	faults = limit_faults(&guard);
	ASSERT_GE(faults, 0);
	EXPECT_GT(mark_kernel_threads("1"), 0);
	ASSERT_EQ(0, fail_slab(5));
	for (i = 0; i < N; i++) {
		client = fw_hello_to(self->listener);
		/* It was over before it could say anything. */
		ret = client < 0 ? 0 : let_in(self->fw, self->event,
					      self->listener, client);
		ASSERT_GE(ret, 0) {
			TH_LOG("client %d is neither served nor ended", i);
		}
		served += ret;
		ended += !ret;
		if (client >= 0)
			close(client);
	}
	close(faults);
	ASSERT_EQ(guard, waitpid(guard, &status, 0));
	ASSERT_EQ(0, status);
	TH_LOG("%d served, %d ended", served, ended);
	EXPECT_GT(served, 0);
	EXPECT_GT(ended, 0);
	EXPECT_EQ(0, open_pair(self->fw, self->event, self->listener, pair));
	close(pair[0]);
	close(pair[1]);
}

SOCKAUTH_HARNESS_MAIN
