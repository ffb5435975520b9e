// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workers: threads that wait for events of the module and answer them, each
 * with a netlink port, contexts and buffers of its own.  Nothing is shared but
 * the sessions of initiators, which have a lock, and snapshots, which are
 * constant: a newer one is left in worker->next, and a message whose answer
 * wakes the thread makes it look there.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <openssl/crypto.h>

#include "log.h"
#include "worker.h"

/* The module wants 40 KiB for each event of the window. */
#define RCVBUF	(8 << 20)

static int put_bind(struct nlmsghdr *nlh, const struct snapshot *snapshot,
		    uint32_t window, size_t size)
{
	const struct config *config = snapshot->config;
	struct nlattr *nest;
	size_t i;

	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, window);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_PROFILES);
	for (i = 0; i < config->profile_count; i++)
		if (!mnl_attr_put_strz_check(nlh, size, SOCKAUTH_A_PROFILE,
					     config->profiles[i].name))
			return -EMSGSIZE;
	mnl_attr_nest_end(nlh, nest);
	return 0;
}

static int read_ciphers(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct ciphers *ciphers = arg;
	const struct nlattr *attr;
	size_t len;

	if (sockauth_genl_parse(nlh, tb))
		return -EPROTO;
	attr = tb[SOCKAUTH_A_CIPHERS];
	if (!attr)
		return 0;
	len = mnl_attr_get_payload_len(attr);
	if (len > sizeof(ciphers->list))
		len = sizeof(ciphers->list);
	memcpy(ciphers->list, mnl_attr_get_payload(attr), len);
	ciphers->count = len / sizeof(ciphers->list[0]);
	return 0;
}

/**
 * worker_ciphers - ask the kernel what it can do
 * @ciphers: set
 * @text: set to the kernel's explanation, on failure
 * @size: of @text
 *
 * Only who becomes a worker is told.  This one is never asked anything, and ends
 * at once.
 *
 * Return: 0, -ENOENT: the module is not loaded, or another -errno.
 */
int worker_ciphers(struct ciphers *ciphers, char *text, size_t size)
{
	char buf[256] __attribute__((aligned(8)));
	struct sockauth_genl *genl;
	struct nlmsghdr *nlh;
	int err;

	err = sockauth_genl_open(&genl);
	if (err)
		return err;
	nlh = sockauth_genl_begin(genl, buf, SOCKAUTH_CMD_WORKER_BIND, 0);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 0);
	err = sockauth_genl_transact(genl, nlh, read_ciphers, ciphers, text,
				     size);
	sockauth_genl_close(genl);
	/* ENOENT is for the family that is not there. */
	return err == -ENOENT ? -EIO : err;
}

/**
 * worker_new - open a worker's port
 * @snapshot: what it begins with; it takes a reference
 * @seed: of the ticket keys, the same for all workers
 * @sessions: of initiators, likewise; outlives the worker
 * @worker: set; the caller frees it
 *
 * Return: 0 or -errno.
 */
int worker_new(struct snapshot *snapshot, const struct ticket_seed *seed,
	       struct sessions *sessions, struct worker **worker)
{
	const struct config *config = snapshot->config;
	struct worker *new = calloc(1, sizeof(*new));
	socklen_t len = sizeof(new->contexts.netns);
	int err, size = RCVBUF;

	if (!new)
		return -ENOMEM;
	new->sent_count = 16;
	/* An error comes after at most a window of other messages. */
	while (new->sent_count < 4 * config->window)
		new->sent_count *= 2;
	new->sent = calloc(new->sent_count, sizeof(*new->sent));
	err = new->sent ? 0 : -ENOMEM;
	if (!err)
		err = contexts_init(&new->contexts, config->contexts,
				    snapshot);
	if (!err)
		err = ticket_keys_init(&new->contexts.tickets, seed);
	new->contexts.sessions = sessions;
	if (!err)
		err = sockauth_genl_open(&new->genl);
	if (!err && getsockopt(sockauth_genl_fd(new->genl), SOL_SOCKET,
			       SO_NETNS_COOKIE, &new->contexts.netns, &len) < 0)
		err = -errno;
	if (err) {
		worker_free(new);
		return err;
	}
	if (setsockopt(sockauth_genl_fd(new->genl), SOL_SOCKET,
		       SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		log_warning("the receive buffer stays small: %s",
			    strerror(errno));
	*worker = new;
	return 0;
}

/**
 * worker_free - close the port and free everything
 * @worker: not running; may be NULL
 */
void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	sockauth_genl_close(worker->genl);
	contexts_clear(&worker->contexts);
	snapshot_put(atomic_exchange(&worker->next, NULL));
	OPENSSL_cleanse(worker->tx, sizeof(worker->tx));
	OPENSSL_cleanse(&worker->reply, sizeof(worker->reply));
	free(worker->sent);
	free(worker);
}

/**
 * worker_bind - tell the module that the worker serves these profiles
 * @worker: the worker; any thread
 * @snapshot: has the profiles
 * @window: how many events it may owe an answer; 0: it is not asked yet
 *
 * The answer comes to who receives.
 *
 * Return: 0 or -errno.
 */
int worker_bind(struct worker *worker, const struct snapshot *snapshot,
		uint32_t window)
{
	size_t size = 256 + snapshot->config->profile_count *
		      (SOCKAUTH_PROFILE_MAX + MNL_ATTR_HDRLEN + MNL_ALIGNTO);
	char *buf = calloc(1, size);
	struct nlmsghdr *nlh;
	int err;

	if (!buf)
		return -ENOMEM;
	nlh = sockauth_genl_begin(worker->genl, buf, SOCKAUTH_CMD_WORKER_BIND,
				  0);
	err = put_bind(nlh, snapshot, window, size);
	if (!err) {
		atomic_store(&worker->bind_seq, nlh->nlmsg_seq);
		err = sockauth_genl_send(worker->genl, nlh);
	}
	free(buf);
	return err;
}

/**
 * worker_wait_bound - wait until the module has answered worker_bind()
 * @worker: without a thread
 * @timeout_ms: for each message
 *
 * Events that come first, where there is a window, are answered.
 *
 * Return: 0, -ETIMEDOUT, or the kernel's -errno: see worker->bind_text.
 */
int worker_wait_bound(struct worker *worker, int timeout_ms)
{
	struct pollfd pfd = {
		.fd = sockauth_genl_fd(worker->genl), .events = POLLIN,
	};

	worker->bind_error = -EINPROGRESS;
	while (worker->bind_error == -EINPROGRESS) {
		if (poll(&pfd, 1, timeout_ms) <= 0)
			return -ETIMEDOUT;
		worker_receive(worker);
	}
	return worker->bind_error;
}

static void send_reply(struct worker *worker, struct nlmsghdr *nlh,
		       const struct event *ev, uint8_t cmd, bool last)
{
	struct sent *sent = &worker->sent[nlh->nlmsg_seq &
					  (worker->sent_count - 1)];
	int err;

	*sent = (struct sent) {
		.seq = nlh->nlmsg_seq,
		.cmd = cmd,
		.id = ev->id,
		.leg = ev->leg,
		.last = last,
	};
	err = sockauth_genl_send(worker->genl, nlh);
	if (err)
		log_warning("a reply was not sent: %s", strerror(-err));
}

static void answer(struct worker *worker, const struct event *ev, bool last)
{
	struct nlmsghdr *nlh;

	nlh = sockauth_genl_begin(worker->genl, worker->tx, SOCKAUTH_CMD_STEP,
				  0);
	step_write(ev, &worker->reply, nlh);
	send_reply(worker, nlh, ev, SOCKAUTH_CMD_STEP, last);
	if (worker->reply.status == SOCKAUTH_STEP_DONE) {
		step_wipe(&worker->reply);
		OPENSSL_cleanse(worker->tx, nlh->nlmsg_len);
	}
}

static void handle_event(struct worker *worker, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct event ev = { 0 };

	/* Whatever it is, it wants an answer: that gives the credit back. */
	if (sockauth_genl_parse(nlh, tb) || step_read(tb, &ev)) {
		log_warning("an event of the module makes no sense");
		if (!ev.id)
			return;
		context_forget(&worker->contexts, ev.id);
		step_fail(&worker->reply, SOCKAUTH_REASON_INTERNAL, EPROTO,
			  "the daemon does not understand the module");
	} else {
		step_run(&worker->contexts, &ev, &worker->reply);
	}
	if (!worker->reply.wait)
		answer(worker, &ev, false);
}

static void resume(struct worker *worker, struct broker_answer *from_broker)
{
	struct event ev;

	if (step_resume(&worker->contexts, from_broker, &ev, &worker->reply) &&
	    !worker->reply.wait)
		answer(worker, &ev, false);
	OPENSSL_cleanse(from_broker, sizeof(*from_broker));
}

/* Nobody will answer any more: say so to everyone who waits. */
static void lose_broker(struct worker *worker)
{
	const struct context *ctx;

	log_error("the broker of Kerberos tickets is gone");
	close(worker->contexts.broker);
	worker->contexts.broker = -1;
	while ((ctx = context_asking(&worker->contexts))) {
		worker->answer = (struct broker_answer) {
			.id = ctx->id,
			.verdict_reason = SOCKAUTH_REASON_INTERNAL,
			.error = EIO,
			.text = "the broker of Kerberos tickets is gone",
			.uid = UINT32_MAX,
		};
		resume(worker, &worker->answer);
	}
	worker->contexts.asking = 0;
}

static void handle_broker(struct worker *worker)
{
	int err = broker_receive(worker->contexts.broker, &worker->answer);

	if (!err)
		resume(worker, &worker->answer);
	else if (err != -EAGAIN && err != -EINTR)
		lose_broker(worker);
}

/*
 * Only while the broker owes us an answer is there more than one thing to wait
 * for.  Return: whether the netlink port is to be received from.
 */
static bool await(struct worker *worker)
{
	struct pollfd pfds[] = {
		{ .fd = sockauth_genl_fd(worker->genl), .events = POLLIN },
		{ .fd = worker->contexts.broker, .events = POLLIN },
	};

	if (!worker->contexts.asking)
		return true;
	if (poll(pfds, 2, -1) < 0)
		return false;
	if (pfds[1].revents)
		handle_broker(worker);
	return pfds[0].revents;
}

/* CLOSE and RECORD: no connection waits. */
static void give_credit_back(struct worker *worker, uint8_t cmd)
{
	const struct event none = { 0 };
	struct nlmsghdr *reply;

	reply = sockauth_genl_begin(worker->genl, worker->tx, cmd, 0);
	send_reply(worker, reply, &none, cmd, false);
}

/* An event that waits for the broker is still to be answered. */
static void forget(struct worker *worker, uint64_t id)
{
	const struct context *ctx = context_find(&worker->contexts, id);
	struct event ev = { .id = id };

	if (ctx && ctx->held) {
		ev.leg = ctx->leg;
		step_fail(&worker->reply, SOCKAUTH_REASON_CANCELLED,
			  ECANCELED, "the connection is closed");
		answer(worker, &ev, true);
	}
	context_forget(&worker->contexts, id);
}

static void handle_close(struct worker *worker, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == SOCKAUTH_A_ID &&
		    !mnl_attr_validate(attr, MNL_TYPE_U64))
			forget(worker, mnl_attr_get_u64(attr));
	give_credit_back(worker, SOCKAUTH_CMD_CLOSE);
}

static void learn(struct worker *worker, const struct nlattr *blob_attr,
		  const struct nlattr *record)
{
	size_t len = mnl_attr_get_payload_len(blob_attr);
	struct tls_blob blob;

	if (!tls_blob_read(mnl_attr_get_payload(blob_attr), len, &blob)) {
		if (sessions_learn(worker->contexts.sessions, &blob.origin,
				   mnl_attr_get_payload(record),
				   mnl_attr_get_payload_len(record),
				   time(NULL)))
			log_debug("a session ticket cannot be used");
		OPENSSL_cleanse(&blob, sizeof(blob));
	}
	OPENSSL_cleanse(mnl_attr_get_payload(blob_attr), len);
}

/* Tickets; a daemon of an earlier start may have made the blob. */
static void handle_record(struct worker *worker, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];

	if (!sockauth_genl_parse(nlh, tb) && tb[SOCKAUTH_A_BLOB] &&
	    tb[SOCKAUTH_A_TOKEN])
		learn(worker, tb[SOCKAUTH_A_BLOB], tb[SOCKAUTH_A_TOKEN]);
	give_credit_back(worker, SOCKAUTH_CMD_RECORD);
}

/* The kernel did not take a reply. */
static void handle_refusal(struct worker *worker, const struct sent *sent,
			   int err, const char *text)
{
	const struct event ev = { .id = sent->id, .leg = sent->leg };

	context_forget(&worker->contexts, sent->id);
	/* The connection is over, which nobody can help. */
	if (err == -ENOENT || err == -ESTALE)
		return;
	log_warning("the module refuses a reply: %s%s%s", strerror(-err),
		    *text ? ": " : "", text);
	if (sent->last || sent->cmd != SOCKAUTH_CMD_STEP)
		return;
	/* It still waits for one that it can understand. */
	step_fail(&worker->reply, SOCKAUTH_REASON_BAD_REPLY, EIO,
		  "the module refused the daemon's reply");
	answer(worker, &ev, true);
}

static void handle_error(struct worker *worker, const struct nlmsghdr *nlh)
{
	char text[sizeof(worker->bind_text)] = "";
	struct sent sent;
	uint32_t seq;
	int err;

	err = sockauth_genl_error(nlh, &seq, text, sizeof(text));
	if (!err)
		return;
	if (seq == atomic_load(&worker->bind_seq)) {
		worker->bind_error = err;
		memcpy(worker->bind_text, text, sizeof(text));
		if (worker->running)
			log_warning("the module does not take the profiles: %s%s%s",
				    strerror(-err), *text ? ": " : "", text);
		return;
	}
	sent = worker->sent[seq & (worker->sent_count - 1)];
	if (sent.seq == seq)
		handle_refusal(worker, &sent, err, text);
}

static void handle_message(struct worker *worker, const struct nlmsghdr *nlh)
{
	int cmd;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		handle_error(worker, nlh);
		return;
	}
	cmd = sockauth_genl_cmd(worker->genl, nlh);
	switch (cmd) {
	case SOCKAUTH_CMD_WORKER_BIND:
		worker->bind_error = 0;
		break;
	case SOCKAUTH_CMD_STEP:
		handle_event(worker, nlh);
		break;
	case SOCKAUTH_CMD_RECORD:
		handle_record(worker, nlh);
		break;
	case SOCKAUTH_CMD_CLOSE:
		handle_close(worker, nlh);
		break;
	}
}

static void take_snapshot(struct worker *worker)
{
	struct snapshot *next;

	/* The common case, without a locked instruction. */
	if (!atomic_load_explicit(&worker->next, memory_order_relaxed))
		return;
	next = atomic_exchange(&worker->next, NULL);
	snapshot_put(worker->contexts.snapshot);
	worker->contexts.snapshot = next;
}

static void note_receive_error(struct worker *worker, int err)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	if (err == -EINTR)
		return;
	worker->overruns++;
	log_warning("receiving failed (%lu times so far): %s",
		    worker->overruns, strerror(-err));
	/* ENOBUFS and ENOSPC are over once they are said. */
	if (err != -ENOBUFS && err != -ENOSPC)
		nanosleep(&pause, NULL);
}

/**
 * worker_receive - wait for messages and answer them
 * @worker: the worker; its thread, or the main thread if there is none
 *
 * Return: 0, or the -errno of the receiving, after which one can go on.
 */
int worker_receive(struct worker *worker)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	if (!await(worker))
		return 0;
	n = sockauth_genl_recv(worker->genl, worker->rx, sizeof(worker->rx));
	if (n < 0) {
		note_receive_error(worker, n);
		return n;
	}
	take_snapshot(worker);
	left = n;
	for (nlh = (void *)worker->rx; sockauth_genl_ok(nlh, left);
	     nlh = mnl_nlmsg_next(nlh, &left))
		handle_message(worker, nlh);
	return 0;
}

/* What a thread gets that begins. */
struct start {
	struct worker *worker;
	pthread_barrier_t *barrier;
};

static void *run(void *arg)
{
	struct start start = *(struct start *)arg;
	struct worker *worker = start.worker;

	free(arg);
	/* No stranger's byte before the system call filter is there. */
	pthread_barrier_wait(start.barrier);
	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed))
		worker_receive(worker);
	return NULL;
}

/**
 * worker_start - start the thread
 * @worker: bound
 * @barrier: where it waits before it begins
 *
 * Return: 0 or -errno.
 */
int worker_start(struct worker *worker, pthread_barrier_t *barrier)
{
	struct start *start = malloc(sizeof(*start));
	int err;

	if (!start)
		return -ENOMEM;
	*start = (struct start) { worker, barrier };
	worker->running = true;
	err = pthread_create(&worker->thread, NULL, run, start);
	if (err) {
		worker->running = false;
		free(start);
	}
	return -err;
}

/**
 * worker_update - give the thread a newer snapshot
 * @worker: running
 * @snapshot: the worker takes a reference
 */
void worker_update(struct worker *worker, struct snapshot *snapshot)
{
	int err;

	snapshot_put(atomic_exchange(&worker->next, snapshot_get(snapshot)));
	/* The answer to this wakes it up. */
	err = worker_bind(worker, snapshot, snapshot->config->window);
	if (err)
		log_warning("the module was not told of the profiles: %s",
			    strerror(-err));
}

/**
 * worker_stop - end the thread
 * @worker: may have none
 */
void worker_stop(struct worker *worker)
{
	if (!worker->running)
		return;
	atomic_store(&worker->stop, true);
	sockauth_genl_wake(worker->genl);
	pthread_join(worker->thread, NULL);
	worker->running = false;
}
