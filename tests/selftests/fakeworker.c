// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker that answers what a test wants, in place of the daemon.
 *
 * Owns one netlink socket and the events that came while it waited for the
 * kernel's verdict on a reply. One thread owns it.
 */
#include "fakeworker.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include <sockauth/genl.h>

#include "net.h"

#define MESSAGE_MAX	(SOCKAUTH_OUTPUT_MAX + 4096)

struct queued {
	struct queued	*next;
	struct fw_event	event;
};

struct fakeworker {
	struct sockauth_genl	*genl;
	struct queued		*first;
	struct queued		**last;
	char			text[256];
	char			buf[MESSAGE_MAX];
};

int fw_open(struct fakeworker **fw)
{
	struct fakeworker *new = calloc(1, sizeof(*new));
	int err;

	if (!new)
		return -ENOMEM;
	new->last = &new->first;
	err = sockauth_genl_open(&new->genl);
	if (err) {
		free(new);
		return err;
	}
	*fw = new;
	return 0;
}

void fw_close(struct fakeworker *fw)
{
	struct queued *q, *next;

	if (!fw)
		return;
	for (q = fw->first; q; q = next) {
		next = q->next;
		free(q);
	}
	sockauth_genl_close(fw->genl);
	free(fw);
}

static int fw_parse(struct fakeworker *fw, struct fw_event *event,
		    const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1], *attr;
	int cmd = sockauth_genl_cmd(fw->genl, nlh), err;

	err = cmd < 0 ? cmd : sockauth_genl_parse(nlh, tb);
	if (err)
		return err;
	memset(event, 0, sizeof(*event));
	event->cmd = cmd;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == SOCKAUTH_A_ID && !event->ids++)
			event->id = mnl_attr_get_u64(attr);
	}
	if (tb[SOCKAUTH_A_LEG])
		event->leg = mnl_attr_get_u32(tb[SOCKAUTH_A_LEG]);
	if (tb[SOCKAUTH_A_NETNS])
		event->netns = mnl_attr_get_u64(tb[SOCKAUTH_A_NETNS]);
	if (tb[SOCKAUTH_A_UID])
		event->uid = mnl_attr_get_u32(tb[SOCKAUTH_A_UID]);
	event->malformed = tb[SOCKAUTH_A_MALFORMED];
	if (tb[SOCKAUTH_A_PROFILE])
		strncpy(event->profile,
			mnl_attr_get_str(tb[SOCKAUTH_A_PROFILE]),
			sizeof(event->profile) - 1);
	attr = tb[SOCKAUTH_A_TOKEN];
	if (!attr)
		return 0;
	event->token_len = mnl_attr_get_payload_len(attr);
	if (event->token_len > sizeof(event->token))
		return -EMSGSIZE;
	memcpy(event->token, mnl_attr_get_payload(attr), event->token_len);
	return 0;
}

static int fw_keep(struct fakeworker *fw, const struct nlmsghdr *nlh)
{
	struct queued *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	err = fw_parse(fw, &q->event, nlh);
	if (err) {
		free(q);
		return err;
	}
	*fw->last = q;
	fw->last = &q->next;
	return 0;
}

/*
 * Read what is there and keep the events. Returns 1 once the answer to the
 * message SEQ is there, in *VERDICT; 0 if not.
 */
static int fw_receive(struct fakeworker *fw, uint32_t seq, int *verdict)
{
	const struct nlmsghdr *nlh = (void *)fw->buf;
	ssize_t n = sockauth_genl_recv(fw->genl, fw->buf, sizeof(fw->buf));
	int left = n, found = 0, err;

	if (n < 0)
		return n;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_type == NLMSG_ERROR ||
		    nlh->nlmsg_type == NLMSG_DONE) {
			uint32_t of;

			err = sockauth_genl_error(nlh, &of, fw->text,
						  sizeof(fw->text));
			if (of != seq)
				continue;
			*verdict = err;
			found = 1;
		} else if (!nlh->nlmsg_seq) {
			err = fw_keep(fw, nlh);
			if (err)
				return err;
		}
	}
	return found;
}

struct nlmsghdr *fw_begin(struct fakeworker *fw, uint8_t cmd)
{
	return sockauth_genl_begin(fw->genl, fw->buf, cmd, NLM_F_ACK);
}

int fw_transact(struct fakeworker *fw, struct nlmsghdr *nlh)
{
	uint32_t seq = nlh->nlmsg_seq;
	int err, verdict;

	fw->text[0] = 0;
	err = sockauth_genl_send(fw->genl, nlh);
	while (!err) {
		if (!net_wait(sockauth_genl_fd(fw->genl), POLLIN, PATIENCE_MS))
			return -ETIMEDOUT;
		err = fw_receive(fw, seq, &verdict);
	}
	return err < 0 ? err : verdict;
}

int fw_send(struct fakeworker *fw, const struct nlmsghdr *nlh)
{
	return sockauth_genl_send(fw->genl, nlh);
}

int fw_join(struct fakeworker *fw)
{
	return sockauth_genl_join(fw->genl);
}

int fw_limit(struct fakeworker *fw, uint16_t limit, uint32_t value)
{
	struct nlmsghdr *nlh = fw_begin(fw, SOCKAUTH_CMD_LIMITS_SET);

	mnl_attr_put_u32(nlh, limit, value);
	return fw_transact(fw, nlh);
}

int fw_room(struct fakeworker *fw, int bytes)
{
	return setsockopt(sockauth_genl_fd(fw->genl), SOL_SOCKET, SO_RCVBUF,
			  &bytes, sizeof(bytes)) ? -errno : 0;
}

const char *fw_text(const struct fakeworker *fw)
{
	return fw->text;
}

int fw_bind(struct fakeworker *fw, uint32_t window, const char *profile)
{
	struct nlmsghdr *nlh = fw_begin(fw, SOCKAUTH_CMD_WORKER_BIND);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, window);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_PROFILES);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "default");
	if (profile)
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, profile);
	mnl_attr_nest_end(nlh, nest);
	return fw_transact(fw, nlh);
}

/* The next event, oldest first; -ETIMEDOUT: none came. */
int fw_next(struct fakeworker *fw, struct fw_event *event, int timeout_ms)
{
	struct queued *q;
	int err, verdict;

	while (!fw->first) {
		if (!net_wait(sockauth_genl_fd(fw->genl), POLLIN, timeout_ms))
			return -ETIMEDOUT;
		err = fw_receive(fw, 0, &verdict);
		if (err < 0)
			return err;
	}
	q = fw->first;
	fw->first = q->next;
	if (!fw->first)
		fw->last = &fw->first;
	*event = q->event;
	free(q);
	return 0;
}

static void fw_put_key(struct nlmsghdr *nlh, uint16_t type,
		       enum net_keys which)
{
	uint8_t key[NET_KEY_LEN], iv[NET_IV_LEN];
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	net_key(which, key, iv);
	mnl_attr_put(nlh, SOCKAUTH_A_KEY, sizeof(key), key);
	mnl_attr_put(nlh, SOCKAUTH_A_IV, sizeof(iv), iv);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_SEQ, 0);
	mnl_attr_nest_end(nlh, nest);
}

static void fw_put_done(struct nlmsghdr *nlh, const struct fw_reply *reply)
{
	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x0304);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, NET_CIPHER);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS, 0);
	fw_put_key(nlh, SOCKAUTH_A_TX, NET_KEYS_TO_CLIENT);
	fw_put_key(nlh, SOCKAUTH_A_RX, NET_KEYS_TO_SERVER);
	if (reply->peer) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE,
				 SOCKAUTH_NAME_SUBJECT);
		mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, reply->peer);
	}
	if (reply->blob)
		mnl_attr_put(nlh, SOCKAUTH_A_BLOB, strlen(reply->blob),
			     reply->blob);
}

/* Answer an event; the result is the kernel's. */
int fw_reply(struct fakeworker *fw, const struct fw_reply *reply)
{
	struct nlmsghdr *nlh = fw_begin(fw, SOCKAUTH_CMD_STEP);

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, reply->id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, reply->leg);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATUS, reply->status);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CONSUMED, reply->consumed);
	if (reply->token)
		mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, strlen(reply->token),
			     reply->token);
	if (reply->status == SOCKAUTH_STEP_DONE)
		fw_put_done(nlh, reply);
	if (reply->status == SOCKAUTH_STEP_FAIL) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON, reply->reason);
		mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, reply->error);
		if (reply->text)
			mnl_attr_put_strz(nlh, SOCKAUTH_A_TEXT, reply->text);
	}
	return fw_transact(fw, nlh);
}

/* Let the peer of EVENT in; its token is consumed. */
int fw_done(struct fakeworker *fw, const struct fw_event *event)
{
	struct fw_reply reply = {
		.id = event->id,
		.leg = event->leg,
		.status = SOCKAUTH_STEP_DONE,
		.consumed = event->token_len,
	};

	return fw_reply(fw, &reply);
}

/* There is another leg to come; the token is consumed. */
int fw_continue(struct fakeworker *fw, const struct fw_event *event)
{
	struct fw_reply reply = {
		.id = event->id,
		.leg = event->leg,
		.status = SOCKAUTH_STEP_CONTINUE,
		.consumed = event->token_len,
	};

	return fw_reply(fw, &reply);
}

int fw_next_step(struct fakeworker *fw, struct fw_event *event, int timeout_ms)
{
	int err;

	do {
		err = fw_next(fw, event, timeout_ms);
		if (!err && event->cmd != SOCKAUTH_CMD_STEP)
			err = fw_command(fw, event->cmd, false);
	} while (!err && event->cmd != SOCKAUTH_CMD_STEP);
	return err;
}

int fw_admit(struct fakeworker *fw, struct fw_event *event)
{
	int err = fw_next_step(fw, event, PATIENCE_MS);

	return err ? err : fw_done(fw, event);
}

/* Answer a CLOSE event. */
int fw_closed(struct fakeworker *fw)
{
	return fw_command(fw, SOCKAUTH_CMD_CLOSE, false);
}

/* A message without attributes; the result is the kernel's. */
int fw_command(struct fakeworker *fw, uint8_t cmd, bool dump)
{
	return fw_transact(fw, sockauth_genl_begin(fw->genl, fw->buf, cmd,
						   dump ? NLM_F_DUMP :
						   NLM_F_ACK));
}

static int fw_stats_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1], *attr;
	uint64_t *counters = arg;
	int err = sockauth_genl_parse(nlh, tb);

	if (err)
		return err;
	if (!tb[SOCKAUTH_A_FAILED])
		return -ENODATA;
	mnl_attr_for_each_nested(attr, tb[SOCKAUTH_A_FAILED]) {
		if (mnl_attr_get_type(attr) < __SOCKAUTH_REASON_MAX)
			counters[mnl_attr_get_type(attr)] =
				mnl_attr_get_u64(attr);
	}
	return 0;
}

/* On a port of its own: a worker's has events in it. */
static int fw_query(uint8_t cmd, uint16_t flags, sockauth_genl_cb cb, void *arg)
{
	struct sockauth_genl *genl;
	char buf[64];
	int err;

	err = sockauth_genl_open(&genl);
	if (err)
		return err;
	err = sockauth_genl_transact(genl,
				     sockauth_genl_begin(genl, buf, cmd, flags),
				     cb, arg, NULL, 0);
	sockauth_genl_close(genl);
	return err;
}

int64_t fw_failed(enum sockauth_reason reason)
{
	uint64_t counters[__SOCKAUTH_REASON_MAX] = { 0 };
	int err = fw_query(SOCKAUTH_CMD_STATS_GET, 0, fw_stats_cb, counters);

	return err ? err : (int64_t)counters[reason];
}

struct fw_number {
	uint16_t	attr;
	int64_t		sum;
};

static int fw_number_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];
	struct fw_number *number = arg;
	int err = sockauth_genl_parse(nlh, tb);

	if (err)
		return err;
	if (!tb[number->attr])
		return -ENODATA;
	number->sum += mnl_attr_get_u32(tb[number->attr]);
	return 0;
}

int64_t fw_number(uint8_t cmd, uint16_t attr)
{
	bool dump = cmd >= SOCKAUTH_CMD_CONN_GET &&
		    cmd <= SOCKAUTH_CMD_WORKER_GET;
	struct fw_number number = { .attr = attr };
	int err = fw_query(cmd, dump ? NLM_F_DUMP : 0, fw_number_cb, &number);

	return err ? err : number.sum;
}

bool fw_counted(enum sockauth_reason reason, int64_t n)
{
	int tries;

	for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
		if (fw_failed(reason) == n)
			return true;
		usleep(10000);
	}
	return false;
}

int fw_hello(int fd)
{
	static const char record[] = "\x16\x03\x01\x00\x05hello";

	return net_write(fd, record, sizeof(record) - 1);
}

int fw_hello_to(int listener)
{
	int fd = net_connect_to(listener), err;

	if (fd < 0)
		return fd;
	err = fw_hello(fd);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int fw_ask(struct fakeworker **fw, struct fw_event **event, int *listener,
	   int *client)
{
	int err = net_enter_namespace();

	*event = calloc(1, sizeof(**event));
	if (!*event)
		return -ENOMEM;
	if (!err)
		err = fw_open(fw);
	if (!err)
		err = fw_bind(*fw, 8, NULL);
	if (err)
		return err;
	*listener = net_marked_listener(0, 8);
	if (*listener < 0)
		return *listener;
	*client = fw_hello_to(*listener);
	if (*client < 0)
		return *client;
	err = fw_next(*fw, *event, PATIENCE_MS);
	return err ? err : (*event)->cmd == SOCKAUTH_CMD_STEP ? 0 : -EPROTO;
}

int fw_let_in(struct fakeworker *fw, const struct fw_event *event, int listener)
{
	int err = fw_done(fw, event), fd;

	if (err)
		return err;
	if (!net_wait(listener, POLLIN, PATIENCE_MS))
		return -ETIMEDOUT;
	fd = accept(listener, NULL, NULL);
	return fd < 0 ? -errno : fd;
}

int fw_still_served(struct fakeworker *fw, const struct fw_event *event,
		    int listener)
{
	int fd;

	if (net_wait(listener, POLLIN, 0))
		return -EEXIST;
	fd = fw_let_in(fw, event, listener);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}
