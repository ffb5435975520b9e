// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions of kTLS, of the crypto API and of the socket layer, on which an
 * authentication depends, fail: each call of each, one at a time. The connection
 * ends, once, with an errno that is documented; the next one is served. The
 * kernel's own checks, and the module's count of its objects, tell what was not
 * given back.
 *
 * Needs a kernel with kprobes and the module of failfn/. Each test has a network
 * namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define LEFT	"/sys/module/failfn/parameters/left"
#define CALLS	20		/* more than one authentication makes of any */

static const struct {
	const char	*name;
	int		error;
} functions[] = {
	{ "sock_create_lite", -ENOMEM },
	{ "tcp_set_ulp", -ENOENT },
	{ "tls_init", -ENOMEM },
	{ "tls_set_sw_offload", -EINVAL },
	{ "tls_strp_init", -ENOMEM },
	{ "crypto_alloc_aead", -ENOENT },
	{ "crypto_aead_setkey", -ENOMEM },
	{ "crypto_aead_setauthsize", -EINVAL },
};

#define FUNCTIONS	(sizeof(functions) / sizeof(*functions))

FIXTURE(functions)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;	/* marked */
	int			plain;		/* not marked */
	bool			hit;		/* a function has failed */
};

/* What came of an authentication. */
enum outcome { NOTHING, SERVED, ENDED };

static int load(const char *name, int error)
{
	const char *kernel = getenv("SOCKAUTH_VM");
	char path[256], parameters[128];
	int fd, err = 0;

	snprintf(path, sizeof(path), "build/failfn-%s/failfn.ko",
		 kernel ? kernel : "");
	snprintf(parameters, sizeof(parameters), "function=%s error=%d", name,
		 error);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, parameters, 0))
		err = -errno;
	close(fd);
	return err;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "failfn", 0) ? -errno : 0;
}

static int set_left(int number)
{
	int fd = open(LEFT, O_WRONLY | O_CLOEXEC), err = 0;

	if (dprintf(fd, "%d", number) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Calls until one fails; 0: one has. */
static int get_left(void)
{
	char text[16] = "";
	int fd = open(LEFT, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 ? atoi(text) : -1;
}

FIXTURE_SETUP(functions)
{
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 4, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_tcp(AF_INET);
	ASSERT_EQ(0, net_mark(self->listener, NULL, 0, 60000));
	ASSERT_EQ(0, net_bind(self->listener));
	ASSERT_EQ(0, net_listen(self->listener, 8));
	self->plain = net_listener(AF_INET);
	ASSERT_GE(self->plain, 0);
}

FIXTURE_TEARDOWN(functions)
{
	unload();
	close(self->plain);
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

/* How many connections have ended, for whatever reason. */
static int64_t all_failed(void)
{
	int64_t sum = 0;
	int reason;

	for (reason = 0; reason < __SOCKAUTH_REASON_MAX; reason++)
		sum += fw_failed(reason);
	return sum;
}

/* Let in who asks, until @served can be had or @ended is over. */
static enum outcome wait_for(FIXTURE_DATA(functions) *self, int served,
			     short events, int ended)
{
	int tries;
	char c;

	for (tries = 0; tries < PATIENCE_MS / 20; tries++) {
		if (!fw_next(self->fw, self->event, 20)) {
			if (self->event->cmd == SOCKAUTH_CMD_STEP)
				fw_done(self->fw, self->event);
			else
				fw_command(self->fw, self->event->cmd, false);
		}
		if (net_wait(ended, POLLIN, 0) &&
		    recv(ended, &c, 1, MSG_DONTWAIT) <= 0)
			return ENDED;
		if (net_wait(served, events, 0))
			return SERVED;
	}
	return NOTHING;
}

/* A client says hello, and the listener shows it, or the client sees the end. */
static enum outcome accept_one(FIXTURE_DATA(functions) *self)
{
	int client = net_connect_to(self->listener), server;
	enum outcome outcome = NOTHING;

	if (client >= 0 && !fw_hello(client))
		outcome = wait_for(self, self->listener, POLLIN, client);
	/* What fails in close() has nobody to be told to. */
	self->hit = !get_left();
	if (outcome == SERVED) {
		server = accept(self->listener, NULL, NULL);
		outcome = server < 0 ? NOTHING : SERVED;
		close(server);
	}
	close(client);
	return outcome;
}

/* connect(): what SO_ERROR says is the result; its peer does not say a word. */
static enum outcome connect_one(FIXTURE_DATA(functions) *self)
{
	int fd = net_tcp(AF_INET), peer, err = 0;
	enum outcome outcome = NOTHING;
	struct sockaddr_in6 addr;
	socklen_t len;

	if (net_mark(fd, NULL, 0, 60000) || fcntl(fd, F_SETFL, O_NONBLOCK) ||
	    net_address(self->plain, &addr, &len) ||
	    (connect(fd, (struct sockaddr *)&addr, len) &&
	     errno != EINPROGRESS))
		goto out;
	peer = accept(self->plain, NULL, NULL);
	outcome = wait_for(self, fd, POLLOUT, peer);
	self->hit = !get_left();
	close(peer);
	len = sizeof(err);
	if (!net_wait(fd, POLLOUT, PATIENCE_MS) ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		outcome = NOTHING;
	else if (err)
		outcome = err == ENOBUFS || err == EPROTO ? ENDED : NOTHING;
	else if (outcome == ENDED)
		outcome = NOTHING;
out:
	close(fd);
	return outcome;
}

/* Each call of each function fails, until one more than there are would. */
static void fail_each(struct __test_metadata *_metadata,
		      FIXTURE_DATA(functions) *self,
		      enum outcome (*authenticate)(FIXTURE_DATA(functions) *))
{
	enum outcome outcome;
	int64_t failed;
	size_t i;
	int nth;

	for (i = 0; i < FUNCTIONS; i++) {
		ASSERT_EQ(0, load(functions[i].name, functions[i].error)) {
			TH_LOG("no failfn for %s", functions[i].name);
		}
		for (nth = 1; nth < CALLS; nth++) {
			failed = all_failed();
			ASSERT_EQ(0, set_left(nth));
			outcome = authenticate(self);
			if (!self->hit)
				break;
			EXPECT_EQ(ENDED, outcome) {
				TH_LOG("%s, call %d", functions[i].name, nth);
			}
			EXPECT_EQ(failed + 1, all_failed());
			EXPECT_EQ(SERVED, authenticate(self));
		}
		EXPECT_EQ(SERVED, outcome);
		EXPECT_EQ(failed, all_failed());
		EXPECT_GT(nth, 1) {
			TH_LOG("nobody has called %s", functions[i].name);
		}
		EXPECT_LT(nth, CALLS);
		TH_LOG("%s: %d failed", functions[i].name, nth - 1);
		ASSERT_EQ(0, set_left(0));
		ASSERT_EQ(0, unload());
	}
}

TEST_F_TIMEOUT(functions, accept, 600)
{
	fail_each(_metadata, self, accept_one);
}

TEST_F_TIMEOUT(functions, connect, 600)
{
	fail_each(_metadata, self, connect_one);
}

SOCKAUTH_HARNESS_MAIN
