/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A setsockopt() whose argument is in a page that is not there yet
 * (userfaultfd): it waits for that page, with whatever it has locked.
 */
#ifndef FAULT_H
#define FAULT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

struct fault {
	int		faults;		/* userfaultfd */
	void		*page;
	size_t		page_size;
	pthread_t	thread;
	int		fd;
	int		level;
	int		option;
	socklen_t	len;
	int		result;
};

/* 0 or -errno. */
int fault_open(struct fault *fault);
void fault_close(struct fault *fault);

/* Begin the call, and wait until it wants its argument of LEN bytes. */
bool fault_begin(struct fault *fault, int fd, int level, int option,
		 socklen_t len);

/* Give it its argument. What the call returned: 0 or errno, or -1. */
int fault_end(struct fault *fault, const void *argument);

#endif /* FAULT_H */
