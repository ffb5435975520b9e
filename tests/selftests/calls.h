/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of a listener's calls begin with: the fixture "calls", whose
 * worker is fake and says yes when the test wants it to.
 *
 * Each test has a network namespace of its own. Include it once, in the file of
 * a test program, behind harness.h.
 */
#ifndef CALLS_H
#define CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
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
static inline int listen_marked(int fd)
{
	int err = net_mark(fd, NULL, 0, 0);

	if (!err)
		err = net_bind(fd);
	return err ? err : net_listen(fd, 128);
}

/* Neither poll() nor accept() knows of anybody. */
static inline bool nobody(int listener)
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

#endif /* CALLS_H */
