// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The broker, with helpers that do what the test says instead of asking
 * anybody.  It is a process; so is each helper.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"

#define PATIENCE_MS	40000
#define HELPER_FD	3
#define USER_LIMIT	32
#define GUEST_LIMIT	64

static struct broker_answer answer;

/* In the helper, whose descriptors are closed but for one. */
void __wrap_broker_help(const struct broker_request *request,
			struct broker_answer *out);

void __wrap_broker_help(const struct broker_request *request,
			struct broker_answer *out)
{
	int fd, open = 0;

	if (!strcmp(request->name, "die"))
		raise(SIGKILL);
	if (!strcmp(request->name, "mute"))
		_exit(EXIT_SUCCESS);
	if (!strcmp(request->name, "wait"))
		pause();
	if (!strcmp(request->name, "short"))
		send(HELPER_FD, out, 1, 0);
	for (fd = 0; fd < 256; fd++)
		open += dup2(fd, fd) == fd;
	/* As one that a user has taken over. */
	out->id = 4711;
	out->uid = open - !!(dup2(0, 0) == 0) - !!(dup2(1, 1) == 1) -
		   !!(dup2(2, 2) == 2);
	out->ticket_len = sizeof(out->ticket);
	memset(out->ticket, 'x', sizeof(out->ticket));
}

static int receive(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1);
	return broker_receive(fd, &answer);
}

static void ask(int fd, uint64_t id, uint32_t uid, const char *name)
{
	struct broker_request request = {
		.id = id, .op = BROKER_TICKET, .uid = uid, .gid = getgid(),
	};

	strcpy(request.name, name);
	assert_int_equal(broker_ask(fd, &request), 0);
}

/* Guests are limited together, whoever they are; so are look-ups. */
static void look_up(int fd, uint64_t id, bool guest, const char *name)
{
	struct broker_request request = {
		.id = id, .op = BROKER_MAP, .guest = guest,
	};

	strcpy(request.name, name);
	assert_int_equal(broker_ask(fd, &request), 0);
}

struct sockets {
	int broker, one, two;
};

static int setup(void **state)
{
	static struct sockets s;

	*state = &s;
	return broker_start(&s.broker) || broker_connect(s.broker, &s.one) ||
	       broker_connect(s.broker, &s.two);
}

static int teardown(void **state)
{
	struct sockets *s = *state;

	close(s->one);
	close(s->two);
	close(s->broker);
	return 0;
}

/* To who has asked, for the connection that he has named. */
static void test_answer(void **state)
{
	struct sockets *s = *state;
	char byte;

	ask(s->one, 1, getuid(), "");
	assert_int_equal(receive(s->one), 0);
	assert_int_equal(answer.id, 1);
	assert_int_equal(answer.verdict_reason, SOCKAUTH_REASON_NONE);
	assert_int_equal(answer.ticket_len, sizeof(answer.ticket));
	assert_int_equal(answer.ticket[sizeof(answer.ticket) - 1], 'x');
	/* It had one descriptor. */
	assert_int_equal(answer.uid, 1);
	assert_int_equal(recv(s->two, &byte, 1, MSG_DONTWAIT), -1);
}

static void expect_failure(int fd, uint64_t id, int reason, int error,
			   const char *text)
{
	assert_int_equal(receive(fd), 0);
	assert_int_equal(answer.id, id);
	assert_int_equal(answer.verdict_reason, reason);
	assert_int_equal(answer.error, error);
	if (!strstr(answer.text, text))
		fail_msg("%s", answer.text);
}

static void test_failures(void **state)
{
	static const char *const names[] = { "die", "mute", "short" };
	struct sockets *s = *state;
	size_t i;

	for (i = 0; i < 3; i++) {
		ask(s->two, 10 + i, getuid(), names[i]);
		expect_failure(s->two, 10 + i, SOCKAUTH_REASON_INTERNAL, EIO,
			       "the helper");
	}
	/* Not who it is, and not root by another number. */
	ask(s->two, 20, UINT32_MAX, "");
	expect_failure(s->two, 20, SOCKAUTH_REASON_NO_OWN_CRED, EPERM,
		       "cannot become that user");
	if (!geteuid())
		return;
	ask(s->two, 21, getuid() + 1, "");
	expect_failure(s->two, 21, SOCKAUTH_REASON_NO_OWN_CRED, EPERM,
		       "cannot become that user");
}

/* COUNT of them, in any order. */
static void expect_time_outs(int fd, uint64_t first, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		assert_int_equal(receive(fd), 0);
		assert_in_range(answer.id, first, first + count - 1);
		assert_int_equal(answer.error, ETIMEDOUT);
	}
}

/* Many that wait: one user's, guests' and look-ups are limited, and end in time. */
static void test_user_limit(void **state)
{
	struct sockets *s = *state;
	int i;

	for (i = 0; i < GUEST_LIMIT; i++)
		look_up(s->two, 400 + i, true, "wait");
	look_up(s->two, 500, true, "");
	expect_failure(s->two, 500, SOCKAUTH_REASON_LIMIT, EAGAIN,
		       "too many connections of other network namespaces");
	look_up(s->two, 502, false, "");
	expect_failure(s->two, 502, SOCKAUTH_REASON_LIMIT, EAGAIN,
		       "too many principals are looked up");
	for (i = 0; i < USER_LIMIT; i++)
		ask(s->one, 100 + i, getuid(), "wait");
	ask(s->one, 200, getuid(), "");
	expect_failure(s->one, 200, SOCKAUTH_REASON_LIMIT, EAGAIN,
		       "too many connections of this user");
	if (!geteuid()) {
		ask(s->two, 201, 1234, "");
		assert_int_equal(receive(s->two), 0);
		assert_int_equal(answer.id, 201);
	}
	/* After 25 seconds. */
	expect_time_outs(s->two, 400, GUEST_LIMIT);
	expect_time_outs(s->one, 100, USER_LIMIT);
	look_up(s->two, 501, true, "");
	assert_int_equal(receive(s->two), 0);
	assert_int_equal(answer.id, 501);
	ask(s->one, 300, getuid(), "");
	assert_int_equal(receive(s->one), 0);
	assert_int_equal(answer.id, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_user_limit),
	};

	return cmocka_run_group_tests_name("broker", tests, setup, teardown);
}
