// SPDX-License-Identifier: MIT
/*
 * An echo server whose peers are authenticated and whose bytes are encrypted:
 * SOCKAUTH_REQUEST before listen(), everything else as ever.
 *
 * Try it with: openssl s_client -connect localhost:PORT
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockauth.h>

static int listen_on(int port, const char *profile)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	struct sockauth_request req = { 0 };
	int fd, off = 0, on = 1;

	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	/* IPv4 too, and a port that was in use a moment ago. */
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

	if (strlen(profile) >= sizeof(req.profile))
		errx(2, "a profile's name is shorter than that");
	strcpy(req.profile, profile);
	if (setsockopt(fd, IPPROTO_IPV6, SOCKAUTH_REQUEST, &req, sizeof(req)))
		err(1, "SOCKAUTH_REQUEST, profile \"%s\"", profile);

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 128))
		err(1, "port %d", port);
	return fd;
}

/* Who it is: known, and proven, before accept() returns. */
static void print_peer(int fd)
{
	struct sockauth_peer_name peer;
	socklen_t len = sizeof(peer);
	char *c;

	if (getsockopt(fd, IPPROTO_IPV6, SOCKAUTH_PEER_NAME, &peer, &len)) {
		puts(errno == ENODATA ? "anonymous" : "?");
		return;
	}
	for (c = peer.name; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	puts(peer.name);
}

static void echo(int fd)
{
	char buf[4096];
	ssize_t n, done, ret;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (done = 0; done < n; done += ret) {
			ret = write(fd, buf + done, n - done);
			if (ret < 0)
				err(1, "write");
		}
	if (n < 0)
		err(1, "read");
}

int main(int argc, char **argv)
{
	int fd, conn;

	if (argc < 2 || argc > 3)
		errx(2, "usage: echo-server PORT [PROFILE]");
	fd = listen_on(atoi(argv[1]), argc == 3 ? argv[2] : "");
	setlinebuf(stdout);
	signal(SIGCHLD, SIG_IGN);
	while ((conn = accept(fd, NULL, NULL)) >= 0) {
		print_peer(conn);
		if (fork() == 0) {
			echo(conn);
			return 0;
		}
		close(conn);
	}
	err(1, "accept");
}
