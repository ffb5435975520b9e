/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_WORKER_H
#define SOCKAUTHD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sockauth/genl.h>

#include "context.h"
#include "step.h"

/* Longest event: a token, names, and headers. */
#define WORKER_RX_MAX	(64 * 1024)

/**
 * struct sent - a reply, until we know that the kernel took it
 * @seq: its sequence number
 * @cmd: what it was
 * @id: of the connection
 * @leg: likewise
 * @last: it says already that an earlier one was refused
 */
struct sent {
	uint32_t seq;
	uint8_t cmd;
	uint64_t id;
	uint32_t leg;
	bool last;
};

/**
 * struct worker - a netlink port that the module asks, and its thread
 * @genl: the port; the main thread sends on it too
 * @thread: who receives
 * @running: whether there is a thread
 * @stop: the thread shall end
 * @next: a newer snapshot for the thread to take; or NULL
 * @bind_seq: of the message that binds
 * @bind_error: what came of it: 0, -EINPROGRESS or -errno
 * @bind_text: why
 * @overruns: how often the kernel lost messages for us
 * @contexts: authentications in progress
 * @sent: the last replies, by sequence number
 * @sent_count: a power of two
 * @reply: the one that is being made
 * @answer: of the broker, that is being handled
 * @rx: received messages
 * @tx: the reply as a message
 *
 * From @bind_error on everything belongs to the thread once it runs, and to
 * the main thread before.
 */
struct worker {
	struct sockauth_genl *genl;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	_Atomic(struct snapshot *) next;
	atomic_uint bind_seq;
	int bind_error;
	char bind_text[256];
	unsigned long overruns;
	struct contexts contexts;
	struct sent *sent;
	size_t sent_count;
	struct reply reply;
	struct broker_answer answer;
	_Alignas(struct nlmsghdr) char rx[WORKER_RX_MAX];
	_Alignas(struct nlmsghdr) char tx[STEP_MESSAGE_MAX];
};

int worker_ciphers(struct ciphers *ciphers, char *text, size_t size);
int worker_new(struct snapshot *snapshot, const struct ticket_seed *seed,
	       struct sessions *sessions, struct worker **worker);
void worker_free(struct worker *worker);
int worker_bind(struct worker *worker, const struct snapshot *snapshot,
		uint32_t window);
int worker_wait_bound(struct worker *worker, int timeout_ms);
int worker_receive(struct worker *worker);
int worker_start(struct worker *worker, pthread_barrier_t *barrier);
void worker_update(struct worker *worker, struct snapshot *snapshot);
void worker_stop(struct worker *worker);

#endif /* SOCKAUTHD_WORKER_H */
