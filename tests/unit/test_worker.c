// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workers against a fake module.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "kernel.h"
#include "worker.h"

#define PLAIN "[daemon]\nwindow = 8\n[profile default]\n" \
	      "certificate = @/server.pem\nkey = @/server.key\n"
#define MORE  PLAIN "[profile web]\ncertificate = @/a.pem\nkey = @/a.key\n"

static const struct request acceptor = { .role = SOCKAUTH_ROLE_ACCEPTOR };

/* What the module does with messages, and what it has seen. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int bind_error, step_error;
	bool event_before_bind;
	uint32_t window;
	char profiles[64];
	unsigned int binds, steps, closes, records;
	char reply[STEP_MESSAGE_MAX] __attribute__((aligned(8)));
} module = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
};

static struct worker *worker;
static struct sessions *sessions;
static uint8_t hello[8192];
static size_t hello_len;

static void reset(void)
{
	module.bind_error = 0;
	module.step_error = 0;
	module.event_before_bind = false;
	module.binds = 0;
	module.steps = 0;
	module.closes = 0;
	module.records = 0;
}

static void send_step(struct kernel_port *port, uint64_t id, uint32_t leg,
		      const void *token, size_t len)
{
	char buf[16384] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh;

	nlh = kernel_begin(port, buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, id);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, leg);
	if (leg == 1) {
		mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, acceptor.role);
		mnl_attr_put_u64(nlh, SOCKAUTH_A_NETNS,
				 worker->contexts.netns);
	}
	mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, len, token);
	kernel_send(port, nlh);
}

static void handle_bind(struct kernel_port *port, const struct nlmsghdr *nlh)
{
	static const uint16_t ciphers[] = { 0x1302, 0x1301 };
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1], *attr;
	char buf[256] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *reply;

	assert_int_equal(sockauth_genl_parse(nlh, tb), 0);
	module.window = mnl_attr_get_u32(tb[SOCKAUTH_A_WINDOW]);
	module.profiles[0] = '\0';
	if (tb[SOCKAUTH_A_PROFILES])
		mnl_attr_for_each_nested(attr, tb[SOCKAUTH_A_PROFILES]) {
			strcat(module.profiles, mnl_attr_get_str(attr));
			strcat(module.profiles, " ");
		}
	if (module.bind_error) {
		kernel_error(port, nlh, module.bind_error, "we are full");
		return;
	}
	if (module.event_before_bind)
		send_step(port, 77, 1, hello, hello_len);
	reply = kernel_begin(port, buf, SOCKAUTH_CMD_WORKER_BIND,
			     nlh->nlmsg_seq, 0);
	mnl_attr_put_u32(reply, SOCKAUTH_A_WINDOW, module.window);
	mnl_attr_put(reply, SOCKAUTH_A_CIPHERS, sizeof(ciphers), ciphers);
	kernel_send(port, reply);
	if (nlh->nlmsg_flags & NLM_F_ACK)
		kernel_error(port, nlh, 0, NULL);
}

static void handle(struct kernel_port *port, const struct nlmsghdr *nlh,
		   uint8_t cmd)
{
	pthread_mutex_lock(&module.lock);
	if (cmd == SOCKAUTH_CMD_WORKER_BIND) {
		module.binds++;
		handle_bind(port, nlh);
	} else if (cmd == SOCKAUTH_CMD_CLOSE) {
		module.closes++;
	} else if (cmd == SOCKAUTH_CMD_RECORD) {
		module.records++;
	} else {
		module.steps++;
		memcpy(module.reply, nlh, nlh->nlmsg_len);
		if (module.step_error)
			kernel_error(port, nlh, module.step_error, NULL);
	}
	pthread_cond_broadcast(&module.changed);
	pthread_mutex_unlock(&module.lock);
}

static void new_worker(const char *config)
{
	struct snapshot *snapshot = load_config(config);
	struct ticket_seed seed;

	assert_int_equal(ticket_seed_init(&seed), 0);
	assert_int_equal(sessions_new(8, &sessions), 0);
	assert_int_equal(worker_new(snapshot, &seed, sessions, &worker), 0);
	assert_int_equal(worker_bind(worker, snapshot,
				     snapshot->config->window), 0);
	snapshot_put(snapshot);
}

static struct kernel_port *port(void)
{
	return kernel_port(worker->genl);
}

static int setup(void **state)
{
	SSL_CTX *ctx = new_client(NULL);
	SSL *client = new_peer(ctx, false);

	(void)state;
	hello_len = peer_output(client, hello, sizeof(hello));
	SSL_free(client);
	SSL_CTX_free(ctx);
	reset();
	kernel_set(handle);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (worker)
		worker_stop(worker);
	worker_free(worker);
	worker = NULL;
	sessions_free(sessions);
	sessions = NULL;
	return 0;
}

static uint32_t reply_number(int attr)
{
	const struct nlattr *tb[SOCKAUTH_A_MAX + 1];

	assert_int_equal(sockauth_genl_parse((void *)module.reply, tb), 0);
	return tb[attr] ? mnl_attr_get_u32(tb[attr]) : UINT32_MAX;
}

/* Wait for the thread, ten seconds at most. */
static void await(unsigned int *counter, unsigned int value)
{
	struct timespec deadline;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 10;
	pthread_mutex_lock(&module.lock);
	while (*counter < value && !err)
		err = pthread_cond_timedwait(&module.changed, &module.lock,
					     &deadline);
	pthread_mutex_unlock(&module.lock);
	assert_int_equal(err, 0);
}

static void test_ciphers(void **state)
{
	struct ciphers ciphers = { 0 };
	char text[64];

	(void)state;
	assert_int_equal(worker_ciphers(&ciphers, text, sizeof(text)), 0);
	assert_int_equal(module.window, 0);
	assert_int_equal(ciphers.count, 2);
	assert_int_equal(ciphers.list[0], 0x1302);
	module.bind_error = -EPERM;
	assert_int_equal(worker_ciphers(&ciphers, text, sizeof(text)), -EPERM);
	assert_string_equal(text, "we are full");
	kernel_set(NULL);
	assert_int_equal(worker_ciphers(&ciphers, text, sizeof(text)),
			 -ENOENT);
}

static void test_bind(void **state)
{
	(void)state;
	/* The module may ask at once. */
	module.event_before_bind = true;
	new_worker(MORE);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	assert_int_equal(module.window, 8);
	assert_string_equal(module.profiles, "default web ");
	assert_int_equal(module.steps, 1);
	assert_int_equal(reply_number(SOCKAUTH_A_STATUS),
			 SOCKAUTH_STEP_CONTINUE);
	assert_int_equal(worker->contexts.count, 1);
}

static void test_bind_refused(void **state)
{
	(void)state;
	module.bind_error = -EUSERS;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), -EUSERS);
	assert_string_equal(worker->bind_text, "we are full");
}

static void test_bind_timeout(void **state)
{
	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	assert_int_equal(worker_wait_bound(worker, 1), -ETIMEDOUT);
}

static void test_stale(void **state)
{
	static const int errors[] = { -ESTALE, -ENOENT };
	size_t i;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	for (i = 0; i < 2; i++) {
		module.step_error = errors[i];
		send_step(port(), 5, 1, hello, hello_len);
		module.step_error = errors[i];
		assert_int_equal(worker_receive(worker), 0);
		assert_int_equal(worker->contexts.count, 1);
		/* Now the worker hears of it. */
		assert_int_equal(worker_receive(worker), 0);
		assert_int_equal(worker->contexts.count, 0);
		assert_int_equal(module.steps, i + 1);
	}
}

/* A reply that the module does not understand is followed by one it does. */
static void test_refused_reply(void **state)
{
	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	module.step_error = -EINVAL;
	send_step(port(), 5, 1, hello, hello_len);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 2);
	assert_int_equal(reply_number(SOCKAUTH_A_STATUS), SOCKAUTH_STEP_FAIL);
	assert_int_equal(reply_number(SOCKAUTH_A_LEG), 1);
	assert_int_equal(reply_number(SOCKAUTH_A_REASON),
			 SOCKAUTH_REASON_BAD_REPLY);
	assert_int_equal(worker->contexts.count, 0);
	/* And if that is refused too, there is an end. */
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 2);
}

static void test_close(void **state)
{
	char buf[256] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh;
	int i;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	for (i = 1; i <= 3; i++) {
		send_step(port(), i, 1, hello, hello_len);
		assert_int_equal(worker_receive(worker), 0);
	}
	assert_int_equal(worker->contexts.count, 3);
	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_CLOSE, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 1);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 99);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 3);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(worker->contexts.count, 1);
	assert_non_null(context_find(&worker->contexts, 2));
	assert_int_equal(module.closes, 1);
}

static void test_record(void **state)
{
	char buf[256] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_RECORD, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.records, 1);
	assert_int_equal(module.steps, 0);
}

/* A ticket, and what the module has kept of the connection that it is of. */
static void send_ticket(const struct tls_blob *blob, size_t blob_len)
{
	static const uint8_t ticket[] = {
		4, 0, 0, 14, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 1, 'x', 0, 0,
	};
	char buf[1024] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh;

	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_RECORD, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	mnl_attr_put(nlh, SOCKAUTH_A_BLOB, blob_len, blob);
	mnl_attr_put(nlh, SOCKAUTH_A_TOKEN, sizeof(ticket), ticket);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
}

static void test_ticket(void **state)
{
	struct tls_blob blob = {
		.version = TLS_BLOB_VERSION,
		.origin = {
			.proof.since = time(NULL),
			.cipher = 0x1301,
			.secret_len = 32,
		},
	};

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	/* Another daemon's: nobody knows what it means. */
	send_ticket(&blob, sizeof(blob) - 1);
	assert_int_equal(sessions_count(sessions), 0);
	assert_int_equal(module.records, 1);
	send_ticket(&blob, sizeof(blob));
	assert_int_equal(sessions_count(sessions), 1);
	assert_int_equal(module.records, 2);
	/* One that cannot resume, such as an acceptor's. */
	blob.origin.secret_len = 0;
	send_ticket(&blob, sizeof(blob));
	assert_int_equal(sessions_count(sessions), 1);
	assert_int_equal(module.records, 3);
}

static void test_senseless_event(void **state)
{
	char buf[256] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *nlh;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	/* The module waits for an answer, whatever it has asked. */
	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 5);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, 1);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, 17);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 1);
	assert_int_equal(reply_number(SOCKAUTH_A_STATUS), SOCKAUTH_STEP_FAIL);
	/* Whose it is cannot be read: nobody else's connection is answered. */
	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_STEP, 0, 0);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ID, 5);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 1);
	/* Of commands that are none of its business it says nothing. */
	nlh = kernel_begin(port(), buf, SOCKAUTH_CMD_CONN_EVENT, 0, 0);
	kernel_send(port(), nlh);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 1);
}

static void test_overrun(void **state)
{
	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	kernel_lose_messages(port());
	assert_int_equal(worker_receive(worker), -ENOBUFS);
	assert_int_equal(worker->overruns, 1);
	send_step(port(), 5, 1, hello, hello_len);
	assert_int_equal(worker_receive(worker), 0);
	assert_int_equal(module.steps, 1);
}

/* What has begun goes on under what it began with. */
static void test_reload(void **state)
{
	struct snapshot *before, *after = load_config(MORE);
	pthread_barrier_t barrier;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	before = worker->contexts.snapshot;
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(worker_start(worker, &barrier), 0);
	pthread_barrier_wait(&barrier);
	send_step(port(), 5, 1, hello, hello_len);
	await(&module.steps, 1);
	worker_update(worker, after);
	await(&module.binds, 2);
	assert_string_equal(module.profiles, "default web ");
	send_step(port(), 6, 1, hello, hello_len);
	await(&module.steps, 2);
	worker_stop(worker);
	assert_ptr_equal(worker->contexts.snapshot, after);
	assert_ptr_equal(context_find(&worker->contexts, 5)->snapshot, before);
	assert_ptr_equal(context_find(&worker->contexts, 6)->snapshot, after);
	snapshot_put(after);
	pthread_barrier_destroy(&barrier);
}

/* Nothing comes, and yet the thread ends when it is told to. */
static void test_stop(void **state)
{
	pthread_barrier_t barrier;

	(void)state;
	new_worker(PLAIN);
	assert_int_equal(worker_wait_bound(worker, 1000), 0);
	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(worker_start(worker, &barrier), 0);
	pthread_barrier_wait(&barrier);
	worker_stop(worker);
	assert_false(worker->running);
	pthread_barrier_destroy(&barrier);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ciphers),
		TEST(test_bind),
		TEST(test_bind_refused),
		TEST(test_bind_timeout),
		TEST(test_stale),
		TEST(test_refused_reply),
		TEST(test_close),
		TEST(test_record),
		TEST(test_ticket),
		TEST(test_senseless_event),
		TEST(test_overrun),
		TEST(test_reload),
		TEST(test_stop),
	};

	return cmocka_run_group_tests_name("worker", tests, setup_openssl,
					   teardown_openssl);
}
