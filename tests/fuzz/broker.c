// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "broker": what the broker of Kerberos tickets, or a helper in bad
 * hands, may send to a worker that has asked for a ticket.
 *
 * Input: a few answers, each a byte of flags, a length in two bytes,
 * and as many bytes, which are the answer, or the end of a good one's header
 * and its ticket.
 */
#include <string.h>
#include <sys/socket.h>

#include "broker.h"
#include "fixture.h"
#include "fuzz.h"

#define CONFIG "[profile default]\nmechanisms = krb5\n"

#define FLAG_RAW	0x01	/* the bytes are the whole message */
#define FLAG_LENGTH	0x02	/* ticket_len is what the bytes say */
#define FLAG_ENCTYPE	0x04	/* likewise, with enctype and key_len */
#define FLAG_REFUSE	0x08	/* there is no ticket */

#define ANSWERS_MAX	8		/* of an input; none hears of the last */
#define ANSWER_MAX	(16 * 1024)	/* longest */

/* A Ticket (RFC 4120 5.3) for demo/host.test, of nonsense. */
static const uint8_t ticket[] = {
	0x61, 0x45, 0x30, 0x43, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1,
	0x0c, 0x1b, 0x0a, 'R', 'E', 'A', 'L', 'M', '.', 'T', 'E', 'S',
	'T', 0xa2, 0x1c, 0x30, 0x1a, 0xa0, 0x03, 0x02, 0x01, 0x03,
	0xa1, 0x13, 0x30, 0x11, 0x1b, 0x04, 'd', 'e', 'm', 'o', 0x1b,
	0x09, 'h', 'o', 's', 't', '.', 't', 'e', 's', 't', 0xa3, 0x10,
	0x30, 0x0e, 0xa0, 0x03, 0x02, 0x01, 0x12, 0xa2, 0x07, 0x04,
	0x05, 1, 2, 3, 4, 5,
};

static struct contexts *table;
static struct reply reply;

/* What has been sent through the worker's socket, and not been received. */
static struct broker_request asked;
static struct broker_answer answer;
static size_t asked_len, answer_len;

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	(void)fd;
	(void)flags;
	fuzz_check(len == sizeof(asked), "a request has its length");
	memcpy(&asked, data, len);
	asked_len = len;
	return len;
}

/* A message that is too long is cut. */
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	size_t len = answer_len < size ? answer_len : size;

	(void)fd;
	(void)flags;
	memcpy(data, &answer, len);
	answer_len = 0;
	return len;
}

static void ask(void)
{
	const struct event ev = {
		.id = 1, .leg = 1, .begins = true, .uid = 1000, .gid = 100,
		.role = SOCKAUTH_ROLE_INITIATOR, .profile = "default",
		.target = "demo@host.test",
	};

	random_reset();
	asked_len = 0;
	step_run(table, &ev, &reply);
	fuzz_check(reply.wait, "an event waits for the broker");
	fuzz_check(asked_len && asked.id == ev.id && asked.uid == ev.uid &&
		   !strcmp(asked.name, "demo@host.test"),
		   "the broker is asked");
}

static size_t make(uint8_t how, struct input *bytes)
{
	memset(&answer, 0, offsetof(struct broker_answer, ticket));
	if (how & FLAG_RAW) {
		memcpy(&answer, bytes->data, bytes->len);
		return bytes->len;
	}
	answer.id = 1;
	answer.uid = UINT32_MAX;
	answer.enctype = 18; /* aes256-cts-hmac-sha1-96 */
	answer.endtime = INT32_MAX;
	answer.key_len = 32;
	strcpy(answer.client, "user@REALM.TEST");
	strcpy(answer.server, "demo/host.test@REALM.TEST");
	if (how & FLAG_ENCTYPE) {
		answer.enctype = input_number(bytes, 2);
		answer.key_len = input_number(bytes, 1);
		memset(answer.client, input_number(bytes, 1),
		       sizeof(answer.client));
	}
	if (how & FLAG_REFUSE)
		answer.verdict_reason = SOCKAUTH_REASON_NO_OWN_CRED;
	memset(answer.text, 'x', sizeof(answer.text));
	answer.ticket_len = how & FLAG_LENGTH ? input_number(bytes, 4) :
						 bytes->len;
	memcpy(answer.ticket, bytes->data, bytes->len);
	return offsetof(struct broker_answer, ticket) + bytes->len;
}

static void check_reply(void)
{
	if (reply.status == SOCKAUTH_STEP_FAIL)
		fuzz_check(reply.verdict.reason != SOCKAUTH_REASON_NONE &&
			   *reply.verdict.text, "a refusal says why");
	else
		fuzz_check(reply.status == SOCKAUTH_STEP_CONTINUE &&
			   reply.out.len, "with a ticket there is a token");
}

static void run_answer(struct input *in)
{
	static struct broker_answer received;
	uint8_t how = input_number(in, 1);
	struct input bytes = input_take(in, input_number(in, 2) % ANSWER_MAX);
	struct event ev;

	if (!context_find(table, 1))
		ask();
	answer_len = make(how, &bytes);
	memset(&received, 0xa5, sizeof(received));
	if (broker_receive(table->broker, &received))
		return;
	if (step_resume(table, &received, &ev, &reply))
		check_reply();
	context_forget(table, 1);
}

void fuzz_one(struct input *in)
{
	int i;

	for (i = 0; in->len && i < ANSWERS_MAX; i++)
		run_answer(in);
	context_forget(table, 1);
	fuzz_check(table->asking <= 1 && !table->count, "nobody waits");
	/* A worker that gets an answer without sense gives the broker up. */
	table->asking = 0;
}

static struct seed seed_of(uint8_t how)
{
	struct seed seed = { .len = 0 };

	seed_number(&seed, how, 1);
	seed_number(&seed, sizeof(ticket), 2);
	seed_bytes(&seed, ticket, sizeof(ticket));
	return seed;
}

void fuzz_setup(void)
{
	struct seed good;
	struct input in;

	fuzz_check(!setup_openssl(NULL), "OpenSSL begins");
	random_init();
	table = new_table(CONFIG, 8);
	table->broker = 0; /* any descriptor: nobody uses it */
	good = seed_of(0);
	in = (struct input) { good.data, good.len };
	fuzz_one(&in);
	fuzz_check(reply.status == SOCKAUTH_STEP_CONTINUE && reply.out.len,
		   "a good answer is accepted");
}

void fuzz_seeds(void)
{
	static const uint8_t flags[] = {
		0, FLAG_RAW, FLAG_LENGTH, FLAG_ENCTYPE, FLAG_REFUSE,
	};
	struct seed seed;
	size_t i;

	for (i = 0; i < sizeof(flags); i++) {
		seed = seed_of(flags[i]);
		fuzz_seed(seed.data, seed.len);
	}
}
