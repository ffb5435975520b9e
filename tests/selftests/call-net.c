// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pairs of sockets for the tests of calls, see call-net.h. Nothing is kept
 * here; the caller owns every descriptor.
 */
#include "call-net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

#define MARKER_SECRET	"sockauth-marker-"
#define MARKER_PLAIN	"sockauth-control"

static int mark(int fd, const char *profile, const char *target)
{
	struct sockauth_request req = { 0 };

	strncpy(req.profile, profile, sizeof(req.profile) - 1);
	strncpy(req.target, target, sizeof(req.target) - 1);
	if (setsockopt(fd, IPPROTO_IP, SOCKAUTH_REQUEST, &req, sizeof(req)))
		return -errno;
	return 0;
}

static int listener_of(const char *profile)
{
	int fd = net_tcp(AF_INET), err;

	if (fd < 0)
		return fd;
	err = profile ? mark(fd, profile, "") : 0;
	if (!err)
		err = net_bind(fd);
	if (!err)
		err = net_listen(fd, 128);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int socket_of(const char *profile)
{
	int fd = net_tcp(AF_INET), err;

	if (fd < 0)
		return fd;
	err = profile ? mark(fd, profile, "localhost") : 0;
	if (!err)
		return fd;
	close(fd);
	return err;
}

int call_listener(bool marked)
{
	return listener_of(marked ? "default" : NULL);
}

/* A client, not connected yet. "request" is a profile that trusts our CA. */
int call_socket(bool marked)
{
	return socket_of(marked ? "request" : NULL);
}

int call_connect(int fd, int listener)
{
	struct sockaddr_in6 addr;
	socklen_t len;
	int err = net_address(listener, &addr, &len);

	if (!err && connect(fd, (struct sockaddr *)&addr, len))
		err = -errno;
	return err;
}

static int pair_of(int listener, int client, int *server)
{
	int err;

	if (listener < 0 || client < 0)
		return listener < 0 ? listener : client;
	err = call_connect(client, listener);
	if (err)
		return err;
	if (!net_wait(listener, POLLIN, PATIENCE_MS))
		return -ETIMEDOUT;
	*server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return *server < 0 ? -errno : 0;
}

int call_pair_profile(const char *server, const char *client, int *fd,
		      int *peer)
{
	int listener = listener_of(server), c = socket_of(client), s = -1;
	int err = pair_of(listener, c, &s);

	if (listener >= 0)
		close(listener);
	if (err) {
		if (c >= 0)
			close(c);
		return err;
	}
	*fd = c;
	*peer = s;
	return 0;
}

int call_pair(bool marked, enum call_role role, int *fd, int *peer)
{
	const char *server = marked ? "default" : NULL;
	const char *client = marked ? "request" : NULL;

	if (role == CALL_CLIENT)
		return call_pair_profile(server, client, fd, peer);
	return call_pair_profile(server, client, peer, fd);
}

int call_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) ? -errno : 0;
}

/*
 * An unmarked listener: it completes TCP's handshake and says nothing, so a
 * marked client waits for the first record. A plain one has to be kept in
 * SYN_SENT, by a backlog that another connection fills.
 */
int call_silent(bool marked, struct call_silent *silent, int *fd)
{
	int err;

	silent->filler = -1;
	silent->listener = net_tcp(AF_INET);
	if (silent->listener < 0)
		return silent->listener;
	err = net_bind(silent->listener);
	if (!err)
		err = net_listen(silent->listener, marked ? 128 : 0);
	if (!err && !marked) {
		silent->filler = net_connect_to(silent->listener);
		err = silent->filler < 0 ? silent->filler : 0;
	}
	if (err)
		return err;
	*fd = call_socket(marked);
	if (*fd < 0)
		return *fd;
	err = call_nonblock(*fd, true);
	if (err)
		return err;
	err = call_connect(*fd, silent->listener);
	return err == -EINPROGRESS ? 0 : err ? err : -EISCONN;
}

void call_silent_close(struct call_silent *silent)
{
	if (silent->filler >= 0)
		close(silent->filler);
	close(silent->listener);
}

void call_text(char *buf, size_t len, size_t offset, bool marked)
{
	char block[CALL_BLOCK + 1];
	size_t i = 0, part;

	while (i < len) {
		size_t at = (offset + i) % CALL_BLOCK;

		snprintf(block, sizeof(block), "%s%016zx",
			 marked ? MARKER_SECRET : MARKER_PLAIN,
			 (offset + i) / CALL_BLOCK);
		part = CALL_BLOCK - at;
		if (part > len - i)
			part = len - i;
		memcpy(buf + i, block + at, part);
		i += part;
	}
}

int call_write(int fd, const char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = send(fd, buf, len, MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
		buf += n;
		len -= n;
	}
	return 0;
}

int call_expect(int fd, size_t len, size_t offset, bool marked)
{
	char *in = malloc(len), *wanted = malloc(len);
	int err = in && wanted ? net_read(fd, in, len) : -ENOMEM;

	if (!err) {
		call_text(wanted, len, offset, marked);
		err = memcmp(in, wanted, len) ? -EBADMSG : 0;
	}
	free(in);
	free(wanted);
	return err;
}

int call_expect_end(int fd)
{
	char c;
	ssize_t n;

	if (!net_wait(fd, POLLIN, PATIENCE_MS))
		return -ETIMEDOUT;
	n = read(fd, &c, 1);
	return n < 0 ? -errno : n ? -EBADMSG : 0;
}
