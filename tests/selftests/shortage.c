// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An application whose control group has no memory left, and gets one page for
 * each call that fails: so they fail here and there. Each does its work, or fails
 * with an errno that is documented; and once there is memory again all goes on,
 * with nothing lost.
 *
 * Only the application is in the group; worker and peers are outside. Each test
 * has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "fakeworker.h"
#include "net.h"

#define ROOT	"/sys/fs/cgroup/"
#define GROUP	ROOT "sockauth-shortage/"

#define N	64		/* sockets: more than there is room for */
#define TRIES	(2 * N)		/* calls without memory */
#define CHUNK	1000
#define BYTES	(100 * CHUNK)

/* What the application has seen, where the test can see it. */
struct record {
	int		result[TRIES];	/* of the calls without memory */
	unsigned int	calls;
	int		later;		/* the first failure once there is some */
	size_t		sent;
};

FIXTURE(shortage)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	struct record		*record;
	int			listener;
	int			plain;		/* listener, not marked */
	int			sockets[N];
	int			max;		/* memory.max of the group */
	int			current;	/* its memory.current */
};

FIXTURE_SETUP(shortage)
{
	int i;

	memset(self, 0, sizeof(*self));
	for (i = 0; i < N; i++)
		self->sockets[i] = -1;
	self->record = mmap(NULL, sizeof(*self->record),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_NE(MAP_FAILED, self->record);
	ASSERT_EQ(0, net_put(ROOT "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, mkdir(GROUP, 0755));
	self->max = open(GROUP "memory.max", O_WRONLY | O_CLOEXEC);
	ASSERT_GE(self->max, 0);
	self->current = open(GROUP "memory.current", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->current, 0);
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 16, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_marked_listener(60000, 2 * N);
	ASSERT_GE(self->listener, 0);
	self->plain = net_listener(AF_INET);
	ASSERT_GE(self->plain, 0);
}

FIXTURE_TEARDOWN(shortage)
{
	int i;

	for (i = 0; i < N; i++)
		if (self->sockets[i] >= 0)
			close(self->sockets[i]);
	close(self->listener);
	close(self->plain);
	close(self->max);
	close(self->current);
	free(self->event);
	fw_close(self->fw);
	EXPECT_EQ(0, rmdir(GROUP));
	EXPECT_EQ(0, net_put(ROOT "cgroup.subtree_control", "-memory"));
}

static void set_memory(FIXTURE_DATA(shortage) *self, const char *text)
{
	if (pwrite(self->max, text, strlen(text), 0) < 0)
		_exit(10);
}

/* What the group has now, in bytes. */
static long memory(FIXTURE_DATA(shortage) *self)
{
	char text[24] = { 0 };

	if (pread(self->current, text, sizeof(text) - 1, 0) <= 0)
		_exit(11);
	return atol(text);
}

/* None is left; what the group has set aside goes as well. */
static void take_memory(FIXTURE_DATA(shortage) *self)
{
	/* The file has a buffer from its first reading on. */
	memory(self);
	set_memory(self, "0");
}

static void give_memory(FIXTURE_DATA(shortage) *self)
{
	set_memory(self, "max");
}

static void give_page(FIXTURE_DATA(shortage) *self)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld",
		 memory(self) + sysconf(_SC_PAGESIZE));
	set_memory(self, text);
}

/* What a call has returned. */
static void note(FIXTURE_DATA(shortage) *self, ssize_t result)
{
	struct record *record = self->record;
	int err = result < 0 ? -errno : 0;

	if (record->calls < TRIES)
		record->result[record->calls++] = err;
	if (err && err != -EINPROGRESS)
		give_page(self);
}

static bool documented(int err)
{
	switch (err) {
	case 0:
	case -ENOMEM:
	case -ENOBUFS:
	case -ENFILE:		/* socket() and accept(), of their inode */
	case -EAGAIN:		/* of send(), and of connect() */
	case -EINPROGRESS:
		return true;
	default:
		return false;
	}
}

/* How many of the calls failed; all as documented. */
static int failures(struct __test_metadata *_metadata,
		    const struct record *record)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < record->calls; i++) {
		EXPECT_TRUE(documented(record->result[i])) {
			TH_LOG("call %u: %s", i, strerror(-record->result[i]));
		}
		n += record->result[i] && record->result[i] != -EINPROGRESS;
	}
	TH_LOG("%u calls, %d failed", record->calls, n);
	return n;
}

/* The application: APPLY() in a process of its own, in the group. */
static pid_t start(FIXTURE_DATA(shortage) *self,
		   void (*apply)(FIXTURE_DATA(shortage) *self))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	/* It is not killed for want of memory, and needs none of its own. */
	if (net_put("/proc/self/oom_score_adj", "-1000") ||
	    net_put(GROUP "cgroup.procs", "0") ||
	    mlockall(MCL_CURRENT | MCL_FUTURE))
		_exit(12);
	apply(self);
	_exit(0);
}

/* It has done all that it was to do, and calls have failed meanwhile. */
static bool finish(struct __test_metadata *_metadata,
		   const struct record *record, pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	TH_LOG("exit status %#x, later %s", status, strerror(-record->later));
	return !status && !record->later && failures(_metadata, record);
}

static void apply_mark(FIXTURE_DATA(shortage) *self)
{
	int i;

	take_memory(self);
	for (i = 0; i < N; i++) {
		note(self, net_mark(self->sockets[i], NULL, 0, 0));
		note(self, net_listen(self->sockets[i], 8));
	}
	give_memory(self);
	for (i = 0; i < N; i++) {
		if (net_mark(self->sockets[i], NULL, 0, 0) ||
		    net_listen(self->sockets[i], 8))
			self->record->later = -errno;
	}
}

TEST_F_TIMEOUT(shortage, mark, 120)
{
	int i;

	for (i = 0; i < N; i++) {
		self->sockets[i] = net_tcp(AF_INET);
		ASSERT_GE(self->sockets[i], 0);
	}
	EXPECT_TRUE(finish(_metadata, self->record, start(self, apply_mark)));
}

static void apply_accept(FIXTURE_DATA(shortage) *self)
{
	int i, accepted = 0;

	take_memory(self);
	for (i = 0; i < TRIES && accepted < N; i++) {
		int fd = accept(self->listener, NULL, NULL);

		note(self, fd);
		accepted += fd >= 0;
	}
	give_memory(self);
	while (accepted < N && accept(self->listener, NULL, NULL) >= 0)
		accepted++;
	if (accepted < N)
		self->record->later = -errno;
}

/* Nobody who is authenticated is lost. */
TEST_F_TIMEOUT(shortage, accept, 120)
{
	int i;

	for (i = 0; i < N; i++) {
		self->sockets[i] = fw_hello_to(self->listener);
		ASSERT_GE(self->sockets[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
	}
	fcntl(self->listener, F_SETFL, O_NONBLOCK);
	EXPECT_TRUE(finish(_metadata, self->record, start(self, apply_accept)));
}

static void apply_connect(FIXTURE_DATA(shortage) *self)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	int i;

	if (net_address(self->plain, &addr, &len))
		_exit(13);
	take_memory(self);
	for (i = 0; i < N; i++)
		note(self, connect(self->sockets[i], (struct sockaddr *)&addr,
				   len));
	give_memory(self);
	for (i = 0; i < N; i++) {
		if (self->record->result[i] == -EINPROGRESS)
			continue;
		if (!connect(self->sockets[i], (struct sockaddr *)&addr, len) ||
		    errno != EINPROGRESS)
			self->record->later = -errno;
	}
}

TEST_F_TIMEOUT(shortage, connect, 120)
{
	int i;

	for (i = 0; i < N; i++) {
		self->sockets[i] = net_tcp(AF_INET);
		ASSERT_GE(self->sockets[i], 0);
		ASSERT_EQ(0, net_mark(self->sockets[i], NULL, 0, 60000));
		fcntl(self->sockets[i], F_SETFL, O_NONBLOCK);
	}
	EXPECT_TRUE(finish(_metadata, self->record,
			   start(self, apply_connect)));
	for (i = 0; i < N; i++)
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
	for (i = 0; i < N; i++)
		EXPECT_TRUE(net_wait(self->sockets[i], POLLOUT, PATIENCE_MS));
}

/* Byte number N of what is sent. */
static char byte(size_t n)
{
	return CAPTURE_MARKER[n % (sizeof(CAPTURE_MARKER) - 1)];
}

/* Some of the bytes that are next; the socket is charged to the group. */
static ssize_t send_next(struct record *record, int fd, int flags)
{
	char chunk[CHUNK];
	ssize_t n;

	for (n = 0; n < CHUNK; n++)
		chunk[n] = byte(record->sent + n);
	n = send(fd, chunk, CHUNK, flags);
	record->sent += n < 0 ? 0 : n;
	return n;
}

static void apply_send(FIXTURE_DATA(shortage) *self)
{
	struct record *record = self->record;
	struct sockaddr_in6 addr;
	int fd = net_tcp(AF_INET), i;
	socklen_t len;

	if (net_mark(fd, NULL, 0, 60000) ||
	    net_address(self->plain, &addr, &len) ||
	    connect(fd, (struct sockaddr *)&addr, len))
		_exit(14);
	take_memory(self);
	for (i = 0; i < TRIES && record->sent < BYTES; i++)
		note(self, send_next(record, fd, MSG_DONTWAIT));
	give_memory(self);
	while (record->sent < BYTES)
		if (send_next(record, fd, 0) < 0)
			record->later = -errno;
}

/* What was sent arrives, and nothing else does. */
TEST_F_TIMEOUT(shortage, send, 120)
{
	pid_t pid = start(self, apply_send);
	char buf[CHUNK];
	size_t n = 0;
	ssize_t got;
	int peer, i;

	peer = accept(self->plain, NULL, NULL);
	ASSERT_GE(peer, 0);
	self->sockets[0] = peer;
	ASSERT_EQ(0, net_ktls(peer, true));
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	while ((got = read(peer, buf, sizeof(buf))) > 0)
		for (i = 0; i < got; i++, n++)
			ASSERT_EQ(byte(n), buf[i]);
	EXPECT_TRUE(finish(_metadata, self->record, pid));
	EXPECT_EQ(self->record->sent, n);
	EXPECT_GE(n, BYTES);
}

SOCKAUTH_HARNESS_MAIN
