// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that began before the socket was marked, and go on after that. A page
 * that is not there yet (userfaultfd) holds them where they read their argument.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net.h"

#define PATIENCE_MS	20000

/* A setsockopt() whose argument comes when the test gives it. */
struct late_call {
	int		fd;
	int		level;
	int		option;
	void		*page;
	socklen_t	len;
	int		result;
};

FIXTURE(late)
{
	struct late_call	call;
	pthread_t		thread;
	long			page_size;
	int			faults;
	int			pair[2];
};

static void *late_run(void *arg)
{
	struct late_call *call = arg;

	call->result = setsockopt(call->fd, call->level, call->option,
				  call->page, call->len) ? errno : 0;
	return NULL;
}

FIXTURE_SETUP(late)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {};

	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, net_pair(self->pair));
	self->page_size = sysconf(_SC_PAGESIZE);
	self->call.page = mmap(NULL, self->page_size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->call.page);
	self->faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ASSERT_GE(self->faults, 0);
	ASSERT_EQ(0, ioctl(self->faults, UFFDIO_API, &api));
	range.range.start = (uintptr_t)self->call.page;
	range.range.len = self->page_size;
	range.mode = UFFDIO_REGISTER_MODE_MISSING;
	ASSERT_EQ(0, ioctl(self->faults, UFFDIO_REGISTER, &range));
}

FIXTURE_TEARDOWN(late)
{
	close(self->faults);
	close(self->pair[0]);
	close(self->pair[1]);
}

/* Begin the call, and wait until it wants its argument. */
static bool late_begin(FIXTURE_DATA(late) *self, int level, int option,
		       socklen_t len)
{
	struct pollfd fault = { .fd = self->faults, .events = POLLIN };
	struct uffd_msg message;

	self->call.fd = self->pair[0];
	self->call.level = level;
	self->call.option = option;
	self->call.len = len;
	return !pthread_create(&self->thread, NULL, late_run, &self->call) &&
	       poll(&fault, 1, PATIENCE_MS) == 1 &&
	       read(self->faults, &message, sizeof(message)) ==
	       sizeof(message) && message.event == UFFD_EVENT_PAGEFAULT;
}

/* Give it its argument. What the call returned. */
static int late_end(FIXTURE_DATA(late) *self, const void *argument)
{
	char page[self->page_size];
	struct uffdio_copy copy = {
		.dst = (uintptr_t)self->call.page,
		.src = (uintptr_t)page,
		.len = self->page_size,
	};

	memset(page, 0, sizeof(page));
	memcpy(page, argument, self->call.len);
	if (ioctl(self->faults, UFFDIO_COPY, &copy) ||
	    pthread_join(self->thread, NULL))
		return -1;
	return self->call.result;
}

/* Mark it as a server's; nobody answers, and the call does not wait. */
static int late_mark(FIXTURE_DATA(late) *self)
{
	if (fcntl(self->pair[0], F_SETFL, O_NONBLOCK))
		return errno;
	if (!net_mark(self->pair[0], NULL, SOCKAUTH_REQ_SERVER, 60000))
		return 0;
	return errno;
}

/* Another kTLS must not take our place: not a byte would be gated then. */
TEST_F(late, tls)
{
	struct sockauth_status st;

	ASSERT_TRUE(late_begin(self, SOL_TCP, TCP_ULP, 3));
	ASSERT_EQ(EINPROGRESS, late_mark(self));
	EXPECT_EQ(EEXIST, late_end(self, "tls"));
	EXPECT_EQ(0, net_status(self->pair[0], &st));
	EXPECT_EQ(SOCKAUTH_STATE_WAIT_PEER, st.state);
	EXPECT_EQ(-1, send(self->pair[0], "clear", 5, MSG_NOSIGNAL));
	EXPECT_EQ(EAGAIN, errno);
}

/* What the place is taken by is what ss(8) and TCP_ULP tell. */
TEST_F(late, name)
{
	char name[16] = "";
	socklen_t len = sizeof(name);

	ASSERT_EQ(EINPROGRESS, late_mark(self));
	ASSERT_EQ(0, getsockopt(self->pair[0], SOL_TCP, TCP_ULP, name, &len));
	EXPECT_STREQ("sockauth", name);
}

SOCKAUTH_HARNESS_MAIN
