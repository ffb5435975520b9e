/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads and processes of the tests: where they sleep, and how they ended.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Wait until the thread TID sleeps in the system call NR; false if it is gone. */
bool process_sleeps(pid_t tid, long nr);

/* Wait for the end of a child; its exit code, minus the signal, or -errno. */
int process_exit_code(pid_t pid);

#endif /* PROCESS_H */
