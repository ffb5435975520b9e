// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See process.h.
 */
#include "process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

bool process_sleeps(pid_t tid, long nr)
{
	char path[64], line[128];
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	for (tries = 0; tries < PATIENCE_MS; tries++) {
		FILE *file = fopen(path, "r");
		bool there;

		if (!file)
			return false;
		/* "running" is no number. */
		there = fgets(line, sizeof(line), file) &&
			line[0] >= '0' && line[0] <= '9' && atol(line) == nr;
		fclose(file);
		if (there)
			return true;
		usleep(1000);
	}
	return false;
}

int process_exit_code(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
