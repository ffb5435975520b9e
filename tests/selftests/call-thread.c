// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A call that sleeps in another thread, see call-thread.h. The thread writes
 * to its structure, the test reads it after call_thread_end().
 */
#include "call-thread.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"
#include "process.h"

/* More than any buffers hold. */
#define FILL_LEN	(16 << 20)

static void announce(struct call_thread *t)
{
	__atomic_store_n(&t->tid, gettid(), __ATOMIC_RELEASE);
}

void *call_thread_connect(void *arg)
{
	struct call_thread *t = arg;

	announce(t);
	t->ret = call_connect(t->fd, t->listener);
	return NULL;
}

void *call_thread_read(void *arg)
{
	struct call_thread *t = arg;

	announce(t);
	t->ret = read(t->fd, t->buf, CALL_THREAD_LEN);
	t->error = errno;
	return NULL;
}

/* All of it. */
void *call_thread_recv(void *arg)
{
	struct call_thread *t = arg;

	announce(t);
	t->ret = recv(t->fd, t->buf, CALL_THREAD_LEN, MSG_WAITALL);
	t->error = errno;
	return NULL;
}

void *call_thread_write(void *arg)
{
	struct call_thread *t = arg;

	call_text(t->buf, CALL_THREAD_LEN, 0, t->marked);
	announce(t);
	t->ret = write(t->fd, t->buf, CALL_THREAD_LEN);
	t->error = errno;
	return NULL;
}

void *call_thread_fill(void *arg)
{
	struct call_thread *t = arg;
	void *zeros = mmap(NULL, FILL_LEN, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	announce(t);
	t->ret = write(t->fd, zeros, FILL_LEN);
	t->error = errno;
	munmap(zeros, FILL_LEN);
	return NULL;
}

void *call_thread_poll(void *arg)
{
	struct call_thread *t = arg;
	struct pollfd pfd = { .fd = t->fd, .events = POLLIN };

	announce(t);
	t->ret = poll(&pfd, 1, PATIENCE_MS);
	t->error = pfd.revents;
	return NULL;
}

bool call_thread_begin(struct call_thread *t, void *(*fn)(void *), int fd,
		       long nr)
{
	t->fd = fd;
	t->tid = 0;
	if (pthread_create(&t->thread, NULL, fn, t))
		return false;
	while (!__atomic_load_n(&t->tid, __ATOMIC_ACQUIRE))
		usleep(100);
	return process_sleeps(t->tid, nr);
}

void call_thread_end(struct call_thread *t)
{
	pthread_join(t->thread, NULL);
}
