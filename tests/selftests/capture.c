// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes through a network namespace, looked at for what nobody may see.
 *
 * The looking is done by a process that is nobody's child and has no descriptor
 * of the test: that may die, by whatever signal, and what it has sent until then
 * is looked at all the same.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netinet/in.h>

#include "net.h"

#define BUFFER	(64 << 20)	/* of packets that wait */
#define FILES	1024		/* that a test has when it begins */

struct capture {
	int		report;
	int		packets;
	int		end;		/* readable: it is over */
	char		text[64];	/* that it sends itself */
	unsigned long	seen;
	unsigned long	control;
	unsigned long	marker;
};

static unsigned long count(const char *data, size_t len, const char *text)
{
	const char *end = data + len;
	unsigned long n = 0;

	while ((data = memmem(data, end - data, text, strlen(text)))) {
		data += strlen(text);
		n++;
	}
	return n;
}

/* All packets that are there. */
static void look(struct capture *c)
{
	static char packet[1 << 17];
	ssize_t n;

	while ((n = recv(c->packets, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		c->seen++;
		c->control += count(packet, n, c->text);
		c->marker += count(packet, n, CAPTURE_MARKER);
	}
}

/*
 * In the clear, on purpose; each must be seen. What is sent is seen at once, what
 * comes once a softirq has it: only a text that was read has been seen twice.
 */
static int send_control(const struct capture *c)
{
	char text[sizeof(c->text)];
	int pair[2], err = net_pair(pair);

	if (err)
		return err;
	err = net_write(pair[0], c->text, strlen(c->text));
	if (!err)
		err = net_read(pair[1], text, strlen(c->text));
	close(pair[0]);
	close(pair[1]);
	return err;
}

static int open_packets(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	int size = BUFFER;

	if (fd < 0)
		return -errno;
	/* The root of a container may have less. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

/* Of the test's process, which we come from. */
static const char *own_name(void)
{
	static char name[64] = "?";
	int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0)
		strtok(name, "\n");
	close(fd);
	return name;
}

/* Until the end; then the report. */
static int run(struct capture *c)
{
	struct pollfd pfds[] = {
		{ .fd = c->packets, .events = POLLIN },
		{ .fd = c->end, .events = POLLIN },
	};
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);
	char line[160];
	int err;

	while (!pfds[1].revents) {
		if (poll(pfds, 2, -1) < 0)
			return -errno;
		look(c);
	}
	err = send_control(c);
	if (err)
		return err;
	look(c);
	if (getsockopt(c->packets, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		return -errno;
	snprintf(line, sizeof(line),
		 "%s: %lu packets, %u dropped, %lu control, %lu marker\n",
		 own_name(), c->seen, stats.tp_drops, c->control, c->marker);
	return write(c->report, line, strlen(line)) < 0 ? -errno : 0;
}

/* A capture has no other descriptor than its own. */
static void let_go(const struct capture *c)
{
	int fd;

	for (fd = 0; fd < FILES; fd++)
		if (fd != c->report && fd != c->packets && fd != c->end)
			close(fd);
}

/* Once the packets can come, the process that began it may go on. */
static void begin(struct capture *c, int ready)
{
	int err;

	snprintf(c->text, sizeof(c->text), CAPTURE_CONTROL "%d.", getpid());
	/* Whoever kills the test's process group does not end us, from here on. */
	setsid();
	signal(SIGPIPE, SIG_IGN);
	if (write(c->report, "begun\n", 6) != 6)
		_exit(1);
	err = send_control(c);
	if (!err) {
		/* Should nobody wait for that any more, it is over at once. */
		(void)!write(ready, "!", 1);
		let_go(c);
		err = run(c);
	}
	if (err)
		dprintf(c->report, "failed (%s, %s)\n", own_name(),
			strerror(-err));
	_exit(err != 0);
}

/* CAPTURE_FILE, locked; -ENOENT: nobody has asked for it. */
static int open_report(void)
{
	const char *dir = getenv("SOCKAUTH_TEST_DIR");
	char path[256];
	int fd, err;

	if (!dir)
		return -ENOENT;
	snprintf(path, sizeof(path), "%s/" CAPTURE_FILE, dir);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || !flock(fd, LOCK_SH))
		return fd < 0 ? -errno : fd;
	err = -errno;
	close(fd);
	return err;
}

/* By a child that ends at once: nobody is to wait for the capture. */
static int start(struct capture *c)
{
	int ready[2], err = 0;
	pid_t child;
	char byte;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	child = fork();
	if (!child) {
		if (!fork())
			begin(c, ready[1]);
		_exit(0);
	}
	close(ready[1]);
	if (child < 0)
		err = -errno;
	else if (waitpid(child, NULL, 0) < 0 || read(ready[0], &byte, 1) != 1)
		err = -EIO;
	close(ready[0]);
	return err;
}

int capture_until(int end)
{
	struct capture c = { .end = end };
	int err;

	c.report = open_report();
	if (c.report < 0)
		return c.report == -ENOENT ? 0 : c.report;
	c.packets = open_packets();
	err = c.packets;
	if (c.packets >= 0) {
		err = start(&c);
		close(c.packets);
	}
	close(c.report);
	return err;
}

int capture_namespace(void)
{
	int end = syscall(SYS_pidfd_open, getpid(), 0), err;

	if (end < 0)
		return -errno;
	err = capture_until(end);
	close(end);
	return err;
}
