// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The system call filter: what is in it suffices, and nothing else goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "files.h"
#include "loader.h"
#include "log.h"
#include "sandbox.h"

#define MANY	16	/* threads */

#define BOTH "[profile default]\ncertificate = @/server.pem\n" \
	     "key = @/server.key\ntrust = @/ca.pem\n"

static pid_t parent;

/* Run in a process of its own; returns how that ended. */
static int in_child(void (*fn)(void))
{
	int status;
	pid_t pid;

	parent = getpid();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_DUMPABLE, 0);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || sandbox_enter())
			_exit(2);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* What a thread does all day, and the main thread at a reload. */
static struct contexts *table;
static struct leg *leg;
static SSL_CTX *client_ctx, *server_ctx;
static struct files files;
static char *path;

static void handshake(enum sockauth_role role)
{
	const struct request request = { .role = role, .target = "localhost" };
	SSL *peer;

	peer = role == SOCKAUTH_ROLE_ACCEPTOR ? new_peer(client_ctx, false) :
						new_peer(server_ctx, true);
	if (authenticate(table, leg, 1, &request, peer) != SOCKAUTH_STEP_DONE)
		_exit(3);
	SSL_free(peer);
}

static void *work(void *arg)
{
	(void)arg;
	handshake(SOCKAUTH_ROLE_ACCEPTOR);
	handshake(SOCKAUTH_ROLE_INITIATOR);
	log_info("a message");
	return NULL;
}

static void reload(void)
{
	const struct ciphers any = { .count = 0 };
	struct snapshot *snapshot;
	char text[CONFIG_TEXT_MAX];

	if (snapshot_new(path, &files, &any, true, &snapshot, text,
			 sizeof(text)))
		_exit(4);
	snapshot_put(table->snapshot);
	table->snapshot = snapshot;
}

static void all_day(void)
{
	work(NULL);
	reload();
	work(NULL);
}

static void test_daily_work(void **state)
{
	char *absolute = realpath(PKI, NULL);
	FILE *file;

	(void)state;
	path = UNIT_DIR "/sandbox.conf";
	file = fopen(path, "w");
	fprintf(file, "[profile default]\ncertificate = %s/both.pem\n"
		"trust = %s\ncertificate = %s/server.pem\nkey = %s/server.key\n",
		absolute, absolute, absolute, absolute);
	fclose(file);
	assert_int_equal(loader_collect(&files, path), 0);
	table = new_table(BOTH, 8);
	leg = calloc(1, sizeof(*leg));
	client_ctx = new_client("good");
	server_ctx = new_server("server");
	assert_int_equal(in_child(all_day), 0);
	SSL_CTX_free(client_ctx);
	SSL_CTX_free(server_ctx);
	free(leg);
	free_table(table);
	files_clear(&files);
	free(absolute);
}

static void make_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx)
		_exit(3);
	SSL_CTX_free(ctx);
}

/* Where no profile could be loaded, it is made at a reload. */
static void test_first_context(void **state)
{
	(void)state;
	assert_int_equal(in_child(make_context), 0);
}

/* A build with AddressSanitizer has no filter, see daemon/sandbox.c. */
#ifndef __SANITIZE_ADDRESS__

static void open_internet(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void open_netlink(void)
{
	(void)!socket(AF_NETLINK, SOCK_RAW, 0);
}

static void open_unix(void)
{
	(void)!socket(AF_UNIX, SOCK_STREAM, 0);
}

static void start_program(void)
{
	execl("/bin/true", "true", NULL);
}

static void make_code(void)
{
	(void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void make_code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

/* Any process of the user's own, if the kernel had the say. */
static void signal_another(void)
{
	syscall(SYS_tgkill, parent, parent, 0);
}

static void fork_process(void)
{
	(void)!fork();
}

static void look_for_file(void)
{
	if (open("/etc/passwd", O_RDONLY) != -1 || errno != EACCES)
		_exit(3);
	if (access("/etc/passwd", F_OK) != -1 || errno != EACCES)
		_exit(4);
}

/* libkrb5 looks for plugins: it finds none, and goes on. */
static void test_no_files(void **state)
{
	(void)state;
	assert_int_equal(in_child(look_for_file), 0);
}

static void (*const forbidden[])(void) = {
	open_internet, open_netlink, open_unix, start_program,
	make_code, make_code_later, fork_process, signal_another,
};

static void test_forbidden(void **state)
{
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		status = in_child(forbidden[i]);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("number %zu ended with %x", i, status);
	}
}

static pthread_barrier_t barrier;

static void *wait_and_open(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	open_internet();
	return NULL;
}

/* The filter is for the threads that are there already, too. */
static void test_threads(void **state)
{
	pthread_t thread;
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		pthread_barrier_init(&barrier, NULL, 2);
		pthread_create(&thread, NULL, wait_and_open, NULL);
		if (sandbox_enter())
			_exit(2);
		pthread_barrier_wait(&barrier);
		pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* Each has an arena of malloc()'s own, whose number is asked for at the ninth. */
static void *wait_and_allocate(void *arg)
{
	char *volatile some;

	pthread_barrier_wait(&barrier);
	some = malloc(1000);
	free(some);
	/* An arena whose thread has ended is the next one's. */
	pthread_barrier_wait(&barrier);
	return arg;
}

static void test_many_threads(void **state)
{
	pthread_t threads[MANY];
	int i, status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		pthread_barrier_init(&barrier, NULL, MANY + 1);
		for (i = 0; i < MANY; i++)
			pthread_create(&threads[i], NULL, wait_and_allocate,
				       NULL);
		if (sandbox_enter())
			_exit(2);
		wait_and_allocate(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_abort(void **state)
{
	int status = in_child(abort);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_context),
		cmocka_unit_test(test_daily_work),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_abort),
#endif
	};

	return cmocka_run_group_tests_name("sandbox", tests, setup_openssl,
					   teardown_openssl);
}
