/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call that sleeps in another thread, and what came of it.
 */
#ifndef CALL_THREAD_H
#define CALL_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define CALL_THREAD_LEN	64

/**
 * struct call_thread - the thread; the test owns it until call_thread_end()
 * @fd: what it calls something on
 * @listener: connect: where to
 * @marked: write: which text
 * @ret: what the call returned
 * @error: its errno; poll: the events
 * @buf: what was read
 */
struct call_thread {
	int		fd;
	int		listener;
	bool		marked;
	long		ret;
	int		error;
	char		buf[CALL_THREAD_LEN];
	/* private: */
	int		tid;
	pthread_t	thread;
};

/* To be started; each sleeps in the system call of the same name. */
void *call_thread_connect(void *arg);
void *call_thread_read(void *arg);
void *call_thread_recv(void *arg);
void *call_thread_write(void *arg);
void *call_thread_fill(void *arg);
void *call_thread_poll(void *arg);

/* Start it on FD; true once it sleeps in the system call NR. */
bool call_thread_begin(struct call_thread *t, void *(*fn)(void *), int fd,
		       long nr);
void call_thread_end(struct call_thread *t);

#endif /* CALL_THREAD_H */
