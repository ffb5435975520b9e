/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that answers what a test wants, in place of the daemon.
 *
 * It trusts every peer: its "handshake" is any one record, after which both
 * sides use the well-known keys of net.h. One thread owns it.
 */
#ifndef FAKEWORKER_H
#define FAKEWORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/sockauth.h>

struct fakeworker;

/**
 * struct fw_event - what the kernel asked
 * @cmd: STEP, CLOSE or RECORD
 * @id: the connection; CLOSE: the first one
 * @ids: CLOSE: how many there are
 * @leg: number of the event
 * @netns: cookie of the connection's namespace; later legs: 0
 * @uid: who asked, likewise
 * @malformed: the token is no record
 * @profile: empty: default
 * @token_len: length of @token
 * @token: what the peer sent
 */
struct fw_event {
	uint8_t		cmd;
	uint64_t	id;
	unsigned int	ids;
	uint32_t	leg;
	uint64_t	netns;
	uint32_t	uid;
	bool		malformed;
	char		profile[SOCKAUTH_PROFILE_MAX];
	uint32_t	token_len;
	uint8_t		token[SOCKAUTH_TOKEN_MAX];
};

/**
 * struct fw_reply - a STEP reply
 * @id: the connection
 * @leg: which event it answers
 * @status: enum sockauth_step_status; DONE comes with the well-known keys
 * @consumed: of the event's token
 * @token: for the peer, or NULL
 * @peer: DONE: name of the peer, or NULL
 * @blob: DONE: what comes back with each RECORD, or NULL
 * @reason: FAIL: enum sockauth_reason
 * @error: FAIL: positive errno
 * @text: FAIL: one line, or NULL
 */
struct fw_reply {
	uint64_t	id;
	uint32_t	leg;
	uint32_t	status;
	uint32_t	consumed;
	const char	*token;
	const char	*peer;
	const char	*blob;
	uint32_t	reason;
	uint32_t	error;
	const char	*text;
};

/* All return 0 or -errno. */
int fw_open(struct fakeworker **fw);
void fw_close(struct fakeworker *fw);
int fw_bind(struct fakeworker *fw, uint32_t window, const char *profile);
int fw_next(struct fakeworker *fw, struct fw_event *event, int timeout_ms);
int fw_reply(struct fakeworker *fw, const struct fw_reply *reply);
int fw_done(struct fakeworker *fw, const struct fw_event *event);
int fw_continue(struct fakeworker *fw, const struct fw_event *event);
int fw_closed(struct fakeworker *fw);
int fw_command(struct fakeworker *fw, uint8_t cmd, bool dump);

/* The next STEP, other events being answered; and the same, let in. */
int fw_next_step(struct fakeworker *fw, struct fw_event *event, int timeout_ms);
int fw_admit(struct fakeworker *fw, struct fw_event *event);

/*
 * A message of the test's own making: begin it, put attributes with libmnl, and
 * have the kernel's verdict; fw_text() is what the kernel said to the last one.
 * It can be longer than what is valid by 2 KiB.  fw_send() does not wait for it.
 */
struct nlmsghdr;
struct nlmsghdr *fw_begin(struct fakeworker *fw, uint8_t cmd);
int fw_transact(struct fakeworker *fw, struct nlmsghdr *nlh);
int fw_send(struct fakeworker *fw, const struct nlmsghdr *nlh);
const char *fw_text(const struct fakeworker *fw);

/* Set one limit of the namespace. */
int fw_limit(struct fakeworker *fw, uint16_t limit, uint32_t value);

/* Another receive buffer than the window was granted by; 1: for one event. */
int fw_room(struct fakeworker *fw, int bytes);

/* Be told of what happens in the namespace, as monitors are. */
int fw_join(struct fakeworker *fw);

/* How many connections ended for REASON in this namespace, or -errno. */
int64_t fw_failed(enum sockauth_reason reason);

/* A u32 out of the answer to CMD, summed up if that is a dump; or -errno. */
int64_t fw_number(uint8_t cmd, uint16_t attr);

/* Wait until there are N of them. */
bool fw_counted(enum sockauth_reason reason, int64_t n);

/* The peer's part: one record that the worker takes for a whole handshake. */
int fw_hello(int fd);

/* A connection to LISTENER that has said it; a descriptor or -errno. */
int fw_hello_to(int listener);

/*
 * What many tests begin with: a network namespace of one's own, a marked LISTENER
 * in it, and a CLIENT that the worker has been asked about in EVENT (malloc).
 */
int fw_ask(struct fakeworker **fw, struct fw_event **event, int *listener,
	   int *client);

/* Answer EVENT with DONE; the connection that LISTENER gives, or -errno. */
int fw_let_in(struct fakeworker *fw, const struct fw_event *event,
	      int listener);

/* Whatever was refused before: EVENT is unanswered, and the right answer counts. */
int fw_still_served(struct fakeworker *fw, const struct fw_event *event,
		    int listener);

#endif /* FAKEWORKER_H */
