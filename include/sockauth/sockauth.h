/* SPDX-License-Identifier: MIT */
/*
 * sockauth for applications: a header, no library.
 *
 *	fd = socket(AF_INET6, SOCK_STREAM, 0);
 *	if (sockauth_request(fd, NULL, "db1.example", 0) ||
 *	    connect(fd, addr, len)) {
 *		fprintf(stderr, "%s\n", sockauth_error(fd, text, sizeof(text)));
 *		...
 *	}
 *
 * See sockauth(7) for the options themselves.
 */
#ifndef SOCKAUTH_SOCKAUTH_H
#define SOCKAUTH_SOCKAUTH_H

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/sockauth.h>

/**
 * sockauth_request - from here on the socket carries authenticated records only
 * @fd: TCP socket, before listen() or connect(), or connected (see @flags)
 * @profile: of the administrator; NULL: "default"
 * @target: client: whom the peer must prove to be; NULL: as the profile says
 * @flags: enum sockauth_req_flags
 *
 * Return: 0, or -1 with errno.
 */
static inline int sockauth_request(int fd, const char *profile,
				   const char *target, unsigned int flags)
{
	struct sockauth_request r;

	memset(&r, 0, sizeof(r));
	r.flags = flags;
	if ((profile && strlen(profile) >= sizeof(r.profile)) ||
	    (target && strlen(target) >= sizeof(r.target))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (profile)
		strcpy(r.profile, profile);
	if (target)
		strcpy(r.target, target);
	return setsockopt(fd, IPPROTO_IP, SOCKAUTH_REQUEST, &r, sizeof(r));
}

/**
 * sockauth_status - what is known about the socket
 * @fd: marked socket
 * @status: set
 *
 * Return: 0, or -1 with errno; ENOENT: the socket is not marked.
 */
static inline int sockauth_status(int fd, struct sockauth_status *status)
{
	socklen_t len = sizeof(*status);

	memset(status, 0, sizeof(*status));
	return getsockopt(fd, IPPROTO_IP, SOCKAUTH_STATUS, status, &len);
}

/**
 * sockauth_peer_name - who the peer proved to be
 * @fd: authenticated socket
 * @name: set to the name with its type
 *
 * Return: 0, or -1 with errno; ENODATA: the peer is anonymous.
 */
static inline int sockauth_peer_name(int fd, struct sockauth_peer_name *name)
{
	socklen_t len = sizeof(*name);

	return getsockopt(fd, IPPROTO_IP, SOCKAUTH_PEER_NAME, name, &len);
}

/**
 * sockauth_error - why authentication failed, in words
 * @fd: marked socket
 * @text: room for SOCKAUTH_TEXT_MAX bytes
 * @size: of @text
 *
 * Call it where strerror() would be called; errno stays as it is.
 *
 * Return: @text; strerror(errno) is in it if the kernel knows no more.
 */
static inline const char *sockauth_error(int fd, char *text, size_t size)
{
	socklen_t len = size;
	int err = errno;

	if (getsockopt(fd, IPPROTO_IP, SOCKAUTH_ERROR, text, &len) < 0)
		snprintf(text, size, "%s", strerror(err));
	errno = err;
	return text;
}

#endif /* SOCKAUTH_SOCKAUTH_H */
