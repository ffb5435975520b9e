// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Usage: capture-until FIFO
 *
 * Look at what goes through this network namespace until somebody writes to FIFO:
 * see capture.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

int main(int argc, char **argv)
{
	int fifo, err;

	if (argc != 2) {
		fprintf(stderr, "Usage: capture-until FIFO\n");
		return 2;
	}
	fifo = open(argv[1], O_RDONLY | O_NONBLOCK);
	if (fifo < 0) {
		perror(argv[1]);
		return 1;
	}
	err = capture_until(fifo);
	if (err)
		fprintf(stderr, "capture-until: %s\n", strerror(-err));
	close(fifo);
	return !!err;
}
