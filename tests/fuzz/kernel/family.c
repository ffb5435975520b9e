// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages to the netlink family: valid ones, nearly valid ones and garbage,
 * from workers, administrators and people who are neither.
 *
 * A world is a process with a network namespace, a marked listener, and peers
 * that keep the workers busy, so that there always are ids and legs to lie
 * about. Each message is made out of what the world knows, then damaged: see
 * message.h. Its sockets are workers, privileged and unprivileged senders, and
 * one that belongs to another namespace; they are closed and opened again all
 * the time.
 *
 * Whatever is sent:
 *   - nobody but a worker has a CLOSE or RECORD taken, and a STEP only the one
 *     that was asked about that connection;
 *   - nobody without privilege binds, sets, kills or dumps;
 *   - accept() gives no more connections than DONE replies were taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sockauth/genl.h>

#include "../../selftests/net.h"
#include "message.h"
#include "world.h"

#define OPERATIONS	20000
#define WORLDS		2
#define EVENTS		32
#define ASKED		4096		/* far more ids than are ever pending */
#define TIMEOUT_MS	2000

enum sender_kind { WORKER, PRIVILEGED, UNPRIVILEGED, FOREIGN, SENDERS };

/* A netlink socket; @bound: the kernel has taken a WORKER_BIND from it. */
struct sender {
	struct sockauth_genl	*genl;
	enum sender_kind	kind;
	bool			bound;
};

/* Who was asked last about a connection, until a later id needs the place. */
struct asked {
	uint64_t		id;
	unsigned int		sender;
};

struct world {
	struct fuzz_random	random;
	struct sender		senders[2 * SENDERS];
	struct event		events[EVENTS];
	struct asked		asked[ASKED];
	int			listener;
	int			peers[PEERS];
	uint64_t		sent;
	uint64_t		taken;		/* DONE replies */
	uint64_t		accepted;
	bool			dumped;		/* the answer was that of a dump */
	char			buf[MESSAGE_MAX];
	char			answer[MESSAGE_MAX];
};

/* Of this thread, raise or lower what netlink asks for. */
static int set_privilege(bool on)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	if (on)
		data[0].effective |= 1u << CAP_NET_ADMIN;
	else
		data[0].effective &= ~(1u << CAP_NET_ADMIN);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

static bool privileged(const struct sender *sender)
{
	return sender->kind != UNPRIVILEGED;
}

static int sender_open(struct sender *sender)
{
	int err;

	if (!privileged(sender))
		set_privilege(false);
	err = sockauth_genl_open(&sender->genl);
	set_privilege(true);
	if (err)
		return err;
	sender->bound = false;
	fcntl(sockauth_genl_fd(sender->genl), F_SETFL, O_NONBLOCK);
	return 0;
}

/* A socket of the namespace that the world came from cannot be replaced. */
static int sender_reopen(struct world *w, unsigned int number)
{
	struct sender *sender = &w->senders[number];
	unsigned int i;

	if (sender->kind == FOREIGN)
		return 0;
	for (i = 0; i < EVENTS; i++)
		if (w->events[i].sender == number)
			w->events[i].open = false;
	for (i = 0; i < ASKED; i++)
		if (w->asked[i].sender == number)
			w->asked[i].id = 0;
	sockauth_genl_close(sender->genl);
	sender->genl = NULL;
	return sender_open(sender);
}

static void remember(struct world *w, unsigned int sender,
		     const struct nlmsghdr *nlh)
{
	struct event *event = &w->events[fuzz_below(&w->random, EVENTS)];
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	unsigned int i;

	if (sockauth_genl_parse(nlh, tb))
		return;
	for (i = 0; i < EVENTS && event->open; i++)
		event = &w->events[i];
	*event = (struct event) {
		.open = true,
		.cmd = ((struct genlmsghdr *)mnl_nlmsg_get_payload(nlh))->cmd,
		.sender = sender,
	};
	if (tb[SOCKAUTH_A_ID])
		event->id = mnl_attr_get_u64(tb[SOCKAUTH_A_ID]);
	if (tb[SOCKAUTH_A_LEG])
		event->leg = mnl_attr_get_u32(tb[SOCKAUTH_A_LEG]);
	if (tb[SOCKAUTH_A_TOKEN])
		event->len = mnl_attr_get_payload_len(tb[SOCKAUTH_A_TOKEN]);
	if (event->cmd == SOCKAUTH_CMD_STEP)
		w->asked[event->id % ASKED] = (struct asked) {
			.id = event->id, .sender = sender,
		};
}

/*
 * Read what a socket has, up to the verdict on the message SEQ, which comes
 * behind the events of before. Returns the verdict, or 1 if there is none.
 */
static int receive(struct world *w, unsigned int number, uint32_t seq)
{
	struct sender *sender = &w->senders[number];
	const struct nlmsghdr *nlh;
	int verdict = 1, err, left;
	uint32_t of;
	ssize_t n;

	w->dumped = false;
	while (verdict == 1 &&
	       (n = sockauth_genl_recv(sender->genl, w->answer,
				       sizeof(w->answer))) > 0) {
		left = n;
		for (nlh = (void *)w->answer; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				err = sockauth_genl_error(nlh, &of, NULL, 0);
				if (of == seq)
					verdict = err;
			} else if (!nlh->nlmsg_seq) {
				remember(w, number, nlh);
			} else if (nlh->nlmsg_seq == seq) {
				w->dumped |= nlh->nlmsg_flags & NLM_F_MULTI;
			}
		}
	}
	return verdict;
}

/* An event, preferably one that the sender NUMBER has to answer. */
static struct event *choose(struct world *w, unsigned int number)
{
	struct fuzz_random *r = &w->random;
	unsigned int i, start = fuzz_below(r, EVENTS);
	struct event *event;

	for (i = 0; i < EVENTS && fuzz_chance(r, 99); i++) {
		event = &w->events[(start + i) % EVENTS];
		if (event->open && event->sender == number)
			return event;
	}
	return &w->events[start];
}

/*
 * Is it the sender NUMBER that was asked about what the reply NLH is about?  As
 * in the kernel the last ID counts, whatever the library thinks of the others.
 */
static bool was_asked(const struct world *w, unsigned int number,
		      const struct nlmsghdr *nlh)
{
	const struct asked *asked;
	const struct nlattr *attr;
	uint64_t id = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == SOCKAUTH_A_ID)
			id = mnl_attr_get_u64(attr);
	asked = &w->asked[id % ASKED];
	if (asked->id == id && asked->sender == number)
		return true;
	printf("# connection %llu: %llu was asked of %u\n",
	       (unsigned long long)id, (unsigned long long)asked->id,
	       asked->sender);
	return false;
}

/* Did the kernel take what it must not, or tell what it must not? */
static int judge(struct world *w, unsigned int number,
		 const struct nlmsghdr *nlh, int verdict)
{
	const struct genlmsghdr *genlh = mnl_nlmsg_get_payload(nlh);
	struct sender *sender = &w->senders[number];
	uint8_t cmd = genlh->cmd;

	/* A dump ends without a verdict. */
	if (verdict && !w->dumped)
		return 0;
	switch (cmd) {
	case SOCKAUTH_CMD_WORKER_BIND:
		if (!privileged(sender) && !sender->bound)
			break;
		sender->bound = true;
		return 0;
	case SOCKAUTH_CMD_STEP:
		if (!was_asked(w, number, nlh))
			break;
		return 0;
	case SOCKAUTH_CMD_CLOSE:
	case SOCKAUTH_CMD_RECORD:
		if (!sender->bound)
			break;
		return 0;
	case SOCKAUTH_CMD_CONN_GET:
	case SOCKAUTH_CMD_LISTENER_GET:
	case SOCKAUTH_CMD_WORKER_GET:
	case SOCKAUTH_CMD_LIMITS_SET:
	case SOCKAUTH_CMD_CONN_KILL:
		if (!privileged(sender))
			break;
		return 0;
	default:
		return 0;
	}
	printf("# sender %u, kind %d: command %u was taken\n", number,
	       sender->kind, cmd);
	return -EPERM;
}

static bool is_done(const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];

	return !sockauth_genl_parse(nlh, tb) && tb[SOCKAUTH_A_STATUS] &&
	       mnl_attr_get_u32(tb[SOCKAUTH_A_STATUS]) == SOCKAUTH_STEP_DONE;
}

static int send_one(struct world *w, unsigned int number)
{
	struct sender *sender = &w->senders[number];
	struct fuzz_random *r = &w->random;
	struct event *event = choose(w, number);
	struct nlmsghdr *nlh = message_compose(r, sender->genl, sender->bound,
					       event, w->buf);
	const struct genlmsghdr *genlh = mnl_nlmsg_get_payload(nlh);
	unsigned int times = fuzz_chance(r, 10) ? 2 : 1;
	int err, verdict;

	if (fuzz_chance(r, 30))
		message_damage(r, nlh);
	for (; times; times--) {
		if (!privileged(sender))
			set_privilege(false);
		err = sockauth_genl_send(sender->genl, nlh);
		if (!privileged(sender))
			set_privilege(true);
		if (err && err != -EAGAIN && err != -ENOBUFS)
			return err;
		w->sent++;
		verdict = receive(w, number, nlh->nlmsg_seq);
		err = nlh->nlmsg_len < sizeof(*nlh) + sizeof(*genlh) ? 0 :
		      judge(w, number, nlh, verdict);
		if (err)
			return err;
		/* That connection is over, or so it may be. */
		if ((verdict == -ESTALE || verdict == -ENOENT) &&
		    fuzz_chance(r, 50))
			event->open = false;
		if (verdict || nlh->nlmsg_len < sizeof(*nlh) + sizeof(*genlh))
			continue;
		if (genlh->cmd == SOCKAUTH_CMD_STEP && is_done(nlh))
			w->taken++;
		if (genlh->cmd == event->cmd)
			event->open = false;
	}
	return 0;
}

/* A peer says something, or goes, or comes. */
static void move_peer(struct world *w)
{
	static const char record[] = "\x16\x03\x01\x00\x05hello\x16\x03\x03";
	struct fuzz_random *r = &w->random;
	int *peer = &w->peers[fuzz_below(r, PEERS)];
	struct linger off = { .l_onoff = 1 };

	if (*peer < 0) {
		*peer = net_connect_to(w->listener);
		if (*peer >= 0)
			fcntl(*peer, F_SETFL, O_NONBLOCK);
		return;
	}
	if (fuzz_chance(r, 75) &&
	    !net_write(*peer, record, fuzz_chance(r, 80) ? 10 :
		       1 + fuzz_below(r, sizeof(record) - 1)))
		return;
	if (fuzz_chance(r, 50))
		setsockopt(*peer, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	close(*peer);
	*peer = -1;
}

/* The application takes what there is, and uses it a little. */
static int accept_some(struct world *w)
{
	char c;
	int fd;

	while ((fd = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		w->accepted++;
		if (recv(fd, &c, 1, 0) < 0)
			send(fd, "x", 1, MSG_NOSIGNAL);
		close(fd);
	}
	if (w->accepted <= w->taken)
		return 0;
	printf("# %llu connections accepted, %llu replies DONE\n",
	       (unsigned long long)w->accepted, (unsigned long long)w->taken);
	return -EPERM;
}

static int world_open(struct world *w, unsigned int number)
{
	unsigned int i;
	int err;

	for (i = 0; i < PEERS; i++)
		w->peers[i] = -1;
	/* Not the initial one, whose limits others depend on. */
	err = net_enter_namespace();
	if (err)
		return err;
	/* Two of each kind; those of the old namespace come first. */
	for (i = 0; i < 2 * SENDERS; i++) {
		w->senders[i].kind = i % SENDERS;
		if (i % SENDERS == FOREIGN) {
			err = sender_open(&w->senders[i]);
			if (err)
				return err;
		}
	}
	err = net_enter_namespace();
	for (i = 0; i < 2 * SENDERS && !err; i++)
		if (!w->senders[i].genl)
			err = sender_open(&w->senders[i]);
	if (err)
		return err;
	w->listener = net_tcp(number % 2 ? AF_INET6 : AF_INET);
	if (w->listener < 0)
		return w->listener;
	fcntl(w->listener, F_SETFL, O_NONBLOCK);
	err = net_mark(w->listener, NULL, 0, TIMEOUT_MS);
	if (!err)
		err = net_bind(w->listener);
	return err ? err : net_listen(w->listener, 8);
}

/* Sockets and peers go, with all that is open. */
static void world_close(struct world *w)
{
	unsigned int i;

	for (i = 0; i < 2 * SENDERS; i++)
		sockauth_genl_close(w->senders[i].genl);
	for (i = 0; i < PEERS; i++)
		if (w->peers[i] >= 0)
			close(w->peers[i]);
	close(w->listener);
}

static int world_step(struct world *w)
{
	struct fuzz_random *r = &w->random;
	unsigned int number = fuzz_below(r, 2 * SENDERS);
	int err;

	/* Workers do most of the talking. */
	if (fuzz_chance(r, 60))
		number = fuzz_chance(r, 50) ? WORKER : SENDERS + WORKER;
	if (fuzz_below(r, 400) == 0)
		err = sender_reopen(w, number);
	else
		err = send_one(w, number);
	if (!err && fuzz_chance(r, 15))
		move_peer(w);
	if (!err && fuzz_chance(r, 3))
		err = accept_some(w);
	return err;
}

static int64_t world(const struct fuzz_plan *plan, unsigned int number)
{
	struct world *w = calloc(1, sizeof(*w));
	int64_t start = fuzz_now();
	int err;

	if (!w)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	w->random = fuzz_random(plan->seed, number);
	err = world_open(w, number);
	while (!err && !fuzz_enough(plan, start, w->sent))
		err = world_step(w);
	world_close(w);
	if (err)
		printf("# after %llu messages: %s\n",
		       (unsigned long long)w->sent, strerror(-err));
	else
		printf("# world %u: %llu messages, %llu DONE, %llu accepted\n",
		       number, (unsigned long long)w->sent,
		       (unsigned long long)w->taken,
		       (unsigned long long)w->accepted);
	err = err ? err : !w->accepted ? -ENODATA : 0;
	return err ? err : (int64_t)w->sent;
}

int main(int argc, char **argv)
{
	return fuzz_main(argc, argv, "family", world, WORLDS, OPERATIONS);
}
