// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Telling systemd how we are (sd_notify(3)).  The library's function opens a
 * socket for each message; ours is opened once, before the system call filter
 * forbids every socket().  Belongs to the main thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

static int notify_fd = -1;

/**
 * notify_open - connect to systemd, if it has started us
 *
 * Return: 0 or -errno.
 */
int notify_open(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;
	int err;

	if (!path)
		return 0;
	len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	/* A name that begins with "@" is an abstract one. */
	if (*path == '@')
		addr.sun_path[0] = '\0';
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd < 0)
		return -errno;
	if (connect(notify_fd, (struct sockaddr *)&addr,
		    offsetof(struct sockaddr_un, sun_path) + len) < 0) {
		err = -errno;
		notify_close();
		return err;
	}
	return 0;
}

/**
 * notify_close - close the connection
 */
void notify_close(void)
{
	if (notify_fd >= 0)
		close(notify_fd);
	notify_fd = -1;
}

/**
 * notify_send - tell systemd something
 * @fmt: lines such as "READY=1"
 */
void notify_send(const char *fmt, ...)
{
	char text[512];
	va_list args;
	int len;

	if (notify_fd < 0)
		return;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	/* That nobody listens is nothing that we could mend. */
	if (send(notify_fd, text, len, MSG_NOSIGNAL) < 0)
		return;
}
