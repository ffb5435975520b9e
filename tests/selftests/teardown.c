// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What goes away in the middle of everything: namespaces, applications, workers,
 * descriptors. Nothing is left behind, and others do not notice.
 *
 *	HOSTILE_KILLS		workers that are killed under load (default 30)
 *	HOSTILE_ESTABLISHED	connections that are open at once (default 100)
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "fakeworker.h"
#include "net.h"

#define NOBODY	65534

FIXTURE(teardown)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			listener;
};

FIXTURE_SETUP(teardown)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->listener = net_marked_listener(60000, 4);
	ASSERT_GE(self->listener, 0);
}

FIXTURE_TEARDOWN(teardown)
{
	close(self->listener);
	free(self->event);
	fw_close(self->fw);
}

/* What nobody else may see gets from one end to the other. */
static int say(int from, int to)
{
	char text[sizeof(CAPTURE_MARKER) - 1];
	int err = net_write(from, CAPTURE_MARKER, sizeof(text));

	if (!err)
		err = net_read(to, text, sizeof(text));
	if (err)
		return err;
	return memcmp(text, CAPTURE_MARKER, sizeof(text)) ? -EBADMSG : 0;
}

/* A new client of LISTENER is served, from the first packet to data. */
static int served(struct fakeworker *fw, struct fw_event *event, int listener)
{
	int client = fw_hello_to(listener), server = -1, err;

	if (client < 0)
		return client;
	err = fw_admit(fw, event);
	if (!err && !net_wait(listener, POLLIN, PATIENCE_MS))
		err = -ETIMEDOUT;
	if (!err) {
		server = accept(listener, NULL, NULL);
		err = server < 0 ? -errno : net_ktls(client, true);
	}
	if (!err)
		err = say(client, server);
	if (!err)
		err = say(server, client);
	if (server >= 0)
		close(server);
	close(client);
	return err;
}

/*
 * In a process of its own: connections of both sides in every state, then word
 * to the parent. Never returns.
 */
static void everything(int ready)
{
	struct fw_event *event = malloc(sizeof(*event));
	struct fakeworker *fw;
	int listener, plain, i;

	if (fw_open(&fw) || fw_bind(fw, 5, NULL))
		_exit(1);
	listener = net_marked_listener(60000, 8);
	plain = net_listener(AF_INET);
	/* Open, of both sides: the fake handshake of one needs no other. */
	if (fw_hello_to(listener) < 0 || fw_admit(fw, event) ||
	    accept(listener, NULL, NULL) < 0)
		_exit(2);
	if (net_marked_client(plain) < 0 || fw_admit(fw, event))
		_exit(3);
	/* Ready; between two legs; asked about; waiting for credit; silent. */
	if (fw_hello_to(listener) < 0 || fw_admit(fw, event))
		_exit(4);
	if (fw_hello_to(listener) < 0 || fw_next(fw, event, PATIENCE_MS) ||
	    fw_continue(fw, event))
		_exit(5);
	for (i = 0; i < 12; i++)
		if ((i % 2 ? fw_hello_to(listener) :
			     net_marked_client(plain)) < 0)
			_exit(6);
	if (fw_next(fw, event, PATIENCE_MS) || net_connect_to(listener) < 0)
		_exit(7);
	if (write(ready, "!", 1) != 1)
		_exit(8);
	for (;;)
		pause();
}

/*
 * The process dies, and with it its namespace: a veth whose other end was there
 * tells that it is really gone, held by no connection.
 */
TEST_F_TIMEOUT(teardown, namespace, 180)
{
	int ready[2], go[2];
	char command[128], c;
	pid_t pid;

	ASSERT_EQ(0, system("modprobe veth"));
	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (net_enter_namespace() || write(ready[1], "!", 1) != 1 ||
		    read(go[0], &c, 1) != 1)
			_exit(1);
		everything(ready[1]);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	snprintf(command, sizeof(command),
		 "ip link add outer type veth peer name inner netns %d", pid);
	ASSERT_EQ(0, system(command));
	ASSERT_EQ(1, write(go[1], "!", 1));
	EXPECT_TRUE(net_wait(ready[0], POLLIN, 3 * PATIENCE_MS));
	ASSERT_EQ(0, waitpid(pid, NULL, WNOHANG));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(net_interface_gone("outer"));
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
}

/* A worker serves its own namespace only. */
TEST_F(teardown, other_namespace)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		int listener, tries;

		if (net_enter_namespace())
			_exit(1);
		listener = net_marked_listener(1000, 4);
		if (listener < 0 || fw_hello_to(listener) < 0)
			_exit(2);
		for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
			if (fw_failed(SOCKAUTH_REASON_NO_WORKER) == 1)
				_exit(net_wait(listener, POLLIN, 0) ? 3 : 0);
			usleep(10000);
		}
		_exit(4);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ETIMEDOUT, fw_next(self->fw, self->event, 0));
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_NO_WORKER));
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
}

/* The root of a container serves its own namespace, and not ours. */
TEST_F(teardown, container)
{
	struct fakeworker *outside;
	int status;
	pid_t pid;

	ASSERT_EQ(0, fw_open(&outside));
	pid = fork();
	if (!pid) {
		struct fakeworker *inside;
		int listener;

		if (setgid(NOBODY) || setuid(NOBODY) || unshare(CLONE_NEWUSER))
			_exit(1);
		if (fw_bind(outside, 8, NULL) != -EPERM)
			_exit(2);
		if (net_enter_namespace() || fw_open(&inside) ||
		    fw_bind(inside, 8, NULL))
			_exit(3);
		if (fw_bind(outside, 8, NULL) != -EPERM)
			_exit(4);
		listener = net_marked_listener(60000, 4);
		_exit(listener < 0 ? 5 :
		      served(inside, self->event, listener) ? 6 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	fw_close(outside);
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
}

/* An application that sleeps on a full ready queue is its own affair. */
TEST_F_TIMEOUT(teardown, stopped_application, 120)
{
	enum { READY = 5 };
	int other = net_marked_listener(60000, 8), client[READY], i, status, fd;
	pid_t pid;

	ASSERT_GE(other, 0);
	pid = fork();
	if (!pid) {
		for (i = 0; i < READY; i++) {
			fd = accept(self->listener, NULL, NULL);
			if (fd < 0)
				_exit(1);
			close(fd);
		}
		_exit(0);
	}
	ASSERT_EQ(0, kill(pid, SIGSTOP));
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	for (i = 0; i < READY; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
	}
	EXPECT_EQ(0, served(self->fw, self->event, other));
	ASSERT_EQ(0, kill(pid, SIGCONT));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	for (i = 0; i < READY; i++)
		close(client[i]);
	close(other);
}

/* accept() without a descriptor to spare loses no connection. */
TEST_F(teardown, no_descriptors)
{
	struct rlimit none, files;
	int client, i;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &files));
	client = fw_hello_to(self->listener);
	ASSERT_GE(client, 0);
	ASSERT_EQ(0, fw_admit(self->fw, self->event));
	none = files;
	none.rlim_cur = 0;
	ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-1, accept(self->listener, NULL, NULL));
		EXPECT_EQ(EMFILE, errno);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	i = accept(self->listener, NULL, NULL);
	EXPECT_GE(i, 0);
	close(i);
	close(client);
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
}

/*
 * One of two workers is stopped: whoever it was asked about waits, all others
 * are served; and if it then dies, the other one serves those too.
 */
TEST_F_TIMEOUT(teardown, stopped_worker, 120)
{
	enum { N = 20 };
	int other = net_marked_listener(60000, N);
	int client[N], i, got = 0, stuck, fd;
	struct fakeworker *stopped;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, fw_open(&stopped));
	ASSERT_EQ(0, fw_bind(stopped, 8, NULL));
	for (i = 0; i < N; i++) {
		client[i] = fw_hello_to(other);
		ASSERT_GE(client[i], 0);
		if (fw_next(self->fw, self->event, 10 * QUIET_MS))
			continue;
		ASSERT_EQ(0, fw_done(self->fw, self->event));
		got++;
	}
	stuck = N - got;
	EXPECT_LE(stuck, 1);
	fw_close(stopped);
	for (; stuck > 0; stuck--)
		EXPECT_EQ(0, fw_admit(self->fw, self->event));
	for (i = 0; i < N; i++) {
		ASSERT_TRUE(net_wait(other, POLLIN, PATIENCE_MS));
		fd = accept(other, NULL, NULL);
		ASSERT_GE(fd, 0);
		close(fd);
		close(client[i]);
	}
	close(other);
}

/* Buffers of the namespace's new sockets: no token fits. */
static int small_buffers(void)
{
	return system("for f in r w; do echo 4096 4096 4096 "
		      ">/proc/sys/net/ipv4/tcp_${f}mem || exit; done");
}

/* CONTINUE, with a token that is as long as any. */
static int continue_big(struct fakeworker *fw, const struct fw_event *event)
{
	struct fw_reply big = {
		.id = event->id,
		.leg = event->leg,
		.status = SOCKAUTH_STEP_CONTINUE,
		.consumed = event->token_len,
	};
	char *token = malloc(SOCKAUTH_OUTPUT_MAX);
	int err;

	if (!token)
		return -ENOMEM;
	memset(token, 'x', SOCKAUTH_OUTPUT_MAX - 1);
	token[SOCKAUTH_OUTPUT_MAX - 1] = 0;
	big.token = token;
	err = fw_reply(fw, &big);
	free(token);
	return err;
}

/* Every state in which a worker can leave a connection of ours. */
TEST_F_TIMEOUT(teardown, worker_dies_everywhere, 120)
{
	struct fakeworker *fw;
	int plain, fd[8], i;

	ASSERT_EQ(0, small_buffers());
	plain = net_listener(AF_INET);
	close(self->listener);
	self->listener = net_marked_listener(60000, 4);
	ASSERT_EQ(0, fw_open(&fw));
	fw_close(self->fw);
	self->fw = fw;
	ASSERT_EQ(0, fw_bind(fw, 5, NULL));

	/* Sending: nobody reads, and the send buffer is small. */
	for (i = 0; i < 2; i++) {
		fd[i] = i ? net_marked_client(plain) :
			    fw_hello_to(self->listener);
		ASSERT_GE(fd[i], 0);
		ASSERT_EQ(0, fw_next(fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, continue_big(fw, self->event));
	}
	EXPECT_TRUE(net_reaches(fd[1], SOCKAUTH_STATE_SENDING));
	/* Between two legs, of both sides. */
	for (; i < 4; i++) {
		fd[i] = i % 2 ? net_marked_client(plain) :
				fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next(fw, self->event, PATIENCE_MS));
		ASSERT_EQ(0, fw_continue(fw, self->event));
	}
	/* Asked about, of both sides. */
	for (; i < 6; i++) {
		fd[i] = i % 2 ? net_marked_client(plain) :
				fw_hello_to(self->listener);
		ASSERT_EQ(0, fw_next(fw, self->event, PATIENCE_MS));
	}
	/* Two that are over, which it is to be told. */
	close(fd[2]);
	close(fd[3]);

	fw_close(fw);
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	/* Those that were asked about only once begin anew; others end. */
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_EQ(0, fw_admit(self->fw, self->event));
	EXPECT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
	EXPECT_TRUE(net_wait(fd[5], POLLOUT, PATIENCE_MS));
	EXPECT_TRUE(net_wait(fd[1], POLLHUP, PATIENCE_MS));
	close(fd[0]);
	close(fd[1]);
	close(fd[4]);
	close(fd[5]);
	close(accept(self->listener, NULL, NULL));
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
	close(plain);
}

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? atol(text) : otherwise;
}

/* A worker that lets everybody in, in two legs, until it is killed. */
static pid_t fork_worker(void)
{
	struct fw_event *event;
	struct fakeworker *fw;
	pid_t pid = fork();

	if (pid)
		return pid;
	event = malloc(sizeof(*event));
	if (!event || fw_open(&fw) || fw_bind(fw, 4, NULL))
		_exit(1);
	for (;;) {
		if (fw_next(fw, event, PATIENCE_MS))
			continue;
		if (event->cmd != SOCKAUTH_CMD_STEP)
			fw_command(fw, event->cmd, false);
		else if (event->leg == 1)
			fw_continue(fw, event);
		else
			fw_done(fw, event);
	}
}

/* Peers and applications that go on whatever happens; GOT_IN is shared. */
static pid_t fork_load(int listener, unsigned long *got_in)
{
	static const struct timeval brief = { .tv_usec = 50000 };
	pid_t pid = fork();
	char buf[64];
	int fd, server;

	if (pid)
		return pid;
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (;;) {
		fd = fw_hello_to(listener);
		if (fd >= 0) {
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief,
				   sizeof(brief));
			fw_hello(fd);
			if (recv(fd, buf, sizeof(buf), 0) < 0)
				fw_hello(fd);
		}
		while ((server = accept(listener, NULL, NULL)) >= 0) {
			__atomic_add_fetch(got_in, 1, __ATOMIC_RELAXED);
			close(server);
		}
		if (fd >= 0)
			close(fd);
	}
}

TEST_F_TIMEOUT(teardown, kills, 3600)
{
	long n = number_of("HOSTILE_KILLS", 30), i;
	unsigned long *got_in;
	pid_t load[3], worker[2];
	int64_t ended;
	int status;

	got_in = mmap(NULL, sizeof(*got_in), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, got_in);
	fw_close(self->fw);
	self->fw = NULL;
	for (i = 0; i < 3; i++)
		load[i] = fork_load(self->listener, got_in);
	worker[0] = fork_worker();
	worker[1] = fork_worker();
	for (i = 0; i < n; i++) {
		usleep(rand() % 60000);
		ASSERT_EQ(0, kill(worker[i % 2], SIGKILL));
		ASSERT_EQ(worker[i % 2], waitpid(worker[i % 2], &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		worker[i % 2] = fork_worker();
	}
	for (i = 0; i < 3; i++) {
		kill(load[i], SIGKILL);
		waitpid(load[i], NULL, 0);
	}
	for (i = 0; i < 2; i++) {
		kill(worker[i], SIGKILL);
		waitpid(worker[i], NULL, 0);
	}
	/* Some were served between the kills, and some kills cut one short. */
	ended = fw_failed(SOCKAUTH_REASON_WORKER_DIED);
	TH_LOG("%ld kills: %lu served, %lld ended", n, *got_in,
	       (long long)ended);
	EXPECT_GT(*got_in, 0);
	EXPECT_GT(ended, 0);
	munmap(got_in, sizeof(*got_in));
	close(self->listener);
	self->listener = net_marked_listener(60000, 4);
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 8, NULL));
	EXPECT_EQ(0, served(self->fw, self->event, self->listener));
}

/* So many at once, each of which carries data in the end. */
TEST_F_TIMEOUT(teardown, established, 3600)
{
	int n = number_of("HOSTILE_ESTABLISHED", 100), i, said;
	struct rlimit files = { 2 * n + 100, 2 * n + 100 };
	int *client = calloc(n, sizeof(int)), *server = calloc(n, sizeof(int));

	ASSERT_TRUE(client && server);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	for (i = 0; i < n; i++) {
		client[i] = fw_hello_to(self->listener);
		ASSERT_GE(client[i], 0);
		ASSERT_EQ(0, fw_admit(self->fw, self->event));
		ASSERT_TRUE(net_wait(self->listener, POLLIN, PATIENCE_MS));
		server[i] = accept(self->listener, NULL, NULL);
		ASSERT_GE(server[i], 0);
		ASSERT_EQ(0, net_ktls(client[i], true));
	}
	TH_LOG("%d connections at once", n);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, net_write(client[i], &i, sizeof(i)));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, net_read(server[i], &said, sizeof(said)));
		ASSERT_EQ(i, said);
		ASSERT_EQ(0, say(server[i], client[i]));
	}
	for (i = 0; i < n; i++) {
		close(i % 2 ? client[i] : server[i]);
		close(i % 2 ? server[i] : client[i]);
	}
	free(client);
	free(server);
}

SOCKAUTH_HARNESS_MAIN
