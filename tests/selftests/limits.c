// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What strangers can hold, and local users with them: each limit with its
 * counter, and a second listener that an attack on the first one costs nothing.
 *
 * Each test has a network namespace of its own.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakeworker.h"
#include "net.h"

#define NOBODY		65534

#define FLOOD	40

FIXTURE(limits)
{
	struct fakeworker	*fw;
	struct fw_event		*event;
	int			attacked;	/* listener */
	int			other;		/* listener */
	int			honest;		/* its client, between legs */
	uint64_t		id;		/* of that connection */
	int			flood[FLOOD];
};

FIXTURE_SETUP(limits)
{
	int i;

	memset(self, 0, sizeof(*self));
	for (i = 0; i < FLOOD; i++)
		self->flood[i] = -1;
	ASSERT_EQ(0, net_enter_namespace());
	ASSERT_EQ(0, fw_open(&self->fw));
	ASSERT_EQ(0, fw_bind(self->fw, 64, NULL));
	self->event = malloc(sizeof(*self->event));
	ASSERT_NE(NULL, self->event);
	self->attacked = net_marked_listener(SOCKAUTH_TIMEOUT_MAX, 8);
	ASSERT_GE(self->attacked, 0);
	self->other = net_marked_listener(SOCKAUTH_TIMEOUT_MAX, 8);
	ASSERT_GE(self->other, 0);
	self->honest = net_connect_to(self->other);
	ASSERT_GE(self->honest, 0);
	ASSERT_EQ(0, fw_hello(self->honest));
	ASSERT_EQ(0, fw_next(self->fw, self->event, PATIENCE_MS));
	self->id = self->event->id;
	ASSERT_EQ(0, fw_continue(self->fw, self->event));
}

FIXTURE_TEARDOWN(limits)
{
	int i;

	for (i = 0; i < FLOOD; i++)
		if (self->flood[i] >= 0)
			close(self->flood[i]);
	close(self->honest);
	close(self->attacked);
	close(self->other);
	free(self->event);
	fw_close(self->fw);
}

/* Wait until N connections of the namespace are pending. */
static bool pending_within(int64_t n, int ms)
{
	int tries;

	for (tries = 0; tries < ms / 10; tries++) {
		if (fw_number(SOCKAUTH_CMD_STATS_GET, SOCKAUTH_A_PENDING) == n)
			return true;
		usleep(10000);
	}
	return false;
}

static bool pending(int64_t n)
{
	return pending_within(n, PATIENCE_MS);
}

/* An event of the attack gets some answer, for a worker has little credit. */
static int answer_other(struct fakeworker *fw, const struct fw_event *event)
{
	int err;

	if (event->cmd != SOCKAUTH_CMD_STEP)
		return fw_command(fw, event->cmd, false);
	err = fw_continue(fw, event);
	return err == -ESTALE || err == -ENOENT ? 0 : err;
}

/*
 * The honest client, which was there before the attack, says its second word and
 * is let in.
 */
static int honest_served(struct fakeworker *fw, struct fw_event *event,
			 int client, int listener_fd, uint64_t id)
{
	int err, fd;

	err = fw_hello(client);
	while (!err) {
		err = fw_next(fw, event, PATIENCE_MS);
		if (!err && event->cmd == SOCKAUTH_CMD_STEP && event->id == id)
			break;
		if (!err)
			err = answer_other(fw, event);
	}
	if (err)
		return err;
	fd = fw_let_in(fw, event, listener_fd);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

#define EXPECT_HONEST_SERVED()						\
	EXPECT_EQ(0, honest_served(self->fw, self->event, self->honest,	\
				   self->other, self->id))

TEST_F(limits, defaults)
{
	static const struct {
		uint16_t attr;
		uint32_t value, low, high;
	} limits[] = {
		{ SOCKAUTH_A_LIMIT_PENDING, 1024, 0, 1048577 },
		{ SOCKAUTH_A_LIMIT_PENDING_NET, 16384, 0, 1048577 },
		{ SOCKAUTH_A_LIMIT_TIMEOUT_MS, 30000, 0,
		  SOCKAUTH_TIMEOUT_MAX + 1 },
		{ SOCKAUTH_A_LIMIT_BYTES, 262144, SOCKAUTH_TOKEN_MAX - 1,
		  (16 << 20) + 1 },
		{ SOCKAUTH_A_LIMIT_LEGS, 64, 1, 4097 },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		uint16_t attr = limits[i].attr;

		EXPECT_EQ(limits[i].value,
			  fw_number(SOCKAUTH_CMD_LIMITS_GET, attr));
		EXPECT_EQ(-ERANGE, fw_limit(self->fw, attr, limits[i].low));
		EXPECT_EQ(-ERANGE, fw_limit(self->fw, attr, limits[i].high));
		EXPECT_EQ(limits[i].value,
			  fw_number(SOCKAUTH_CMD_LIMITS_GET, attr));
		EXPECT_EQ(0, fw_limit(self->fw, attr, limits[i].low + 1));
		EXPECT_EQ(limits[i].low + 1,
			  fw_number(SOCKAUTH_CMD_LIMITS_GET, attr));
	}
}

/* Silent peers beyond the listener's limit: its own oldest go. */
TEST_F(limits, per_listener)
{
	int i;

	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING, 4));
	for (i = 0; i < FLOOD; i++) {
		self->flood[i] = net_connect_to(self->attacked);
		ASSERT_GE(self->flood[i], 0);
	}
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_EVICTED, FLOOD - 4));
	EXPECT_TRUE(pending(4 + 1));
	EXPECT_HONEST_SERVED();
	EXPECT_EQ(FLOOD - 4, fw_failed(SOCKAUTH_REASON_EVICTED));
}

/* Beyond the namespace's: the listener that holds the most pays. */
TEST_F(limits, per_namespace)
{
	int i;

	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, 6));
	for (i = 0; i < FLOOD; i++) {
		self->flood[i] = net_connect_to(self->attacked);
		ASSERT_GE(self->flood[i], 0);
	}
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_EVICTED, FLOOD - 5));
	EXPECT_TRUE(pending(6));
	EXPECT_HONEST_SERVED();
	EXPECT_EQ(FLOOD - 5, fw_failed(SOCKAUTH_REASON_EVICTED));
}

/*
 * A local user opens clients that never get on: they are the user's, not the
 * strangers', and evict nobody. There is an end to them, too.
 */
TEST_F(limits, clients_evict_nobody)
{
	int plain = net_listener(AF_INET), i, client;
	struct sockaddr_in6 addr;
	socklen_t len;

	ASSERT_GE(plain, 0);
	ASSERT_EQ(0, net_address(plain, &addr, &len));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, FLOOD));
	for (i = 0; i < FLOOD; i++) {
		self->flood[i] = net_tcp(AF_INET);
		ASSERT_EQ(0, fcntl(self->flood[i], F_SETFL, O_NONBLOCK));
		ASSERT_EQ(0, net_mark(self->flood[i], NULL, 0, 60000));
		ASSERT_EQ(-1, connect(self->flood[i],
				      (struct sockaddr *)&addr, len));
		ASSERT_EQ(EINPROGRESS, errno);
	}
	EXPECT_TRUE(pending(FLOOD + 1));
	client = net_tcp(AF_INET);
	ASSERT_EQ(0, net_mark(client, NULL, 0, 60000));
	ASSERT_EQ(-1, connect(client, (struct sockaddr *)&addr, len));
	ASSERT_EQ(EAGAIN, errno);
	close(client);
	client = net_connect_to(self->other);
	ASSERT_GE(client, 0);
	EXPECT_TRUE(pending(FLOOD + 2));
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_EVICTED));
	EXPECT_HONEST_SERVED();
	close(client);
	close(plain);
}

/* One user, who is not root, has half of that. */
TEST_F(limits, clients_of_a_user)
{
	int plain = net_listener(AF_INET), i, client;

	ASSERT_GE(plain, 0);
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, FLOOD));
	ASSERT_EQ(0, seteuid(NOBODY));
	for (i = 0; i < FLOOD / 2; i++) {
		self->flood[i] = net_marked_client(plain);
		ASSERT_GE(self->flood[i], 0);
	}
	EXPECT_EQ(-EAGAIN, net_marked_client(plain));
	ASSERT_EQ(0, seteuid(0));
	client = net_marked_client(plain);
	EXPECT_GE(client, 0);
	EXPECT_TRUE(pending(FLOOD / 2 + 2));
	/* Another user has his own. */
	ASSERT_EQ(0, seteuid(NOBODY - 1));
	close(client);
	client = net_marked_client(plain);
	EXPECT_GE(client, 0);
	ASSERT_EQ(0, seteuid(0));
	/* What has ended is not counted. */
	close(self->flood[0]);
	ASSERT_EQ(0, seteuid(NOBODY));
	self->flood[0] = net_marked_client(plain);
	EXPECT_GE(self->flood[0], 0);
	ASSERT_EQ(0, seteuid(0));
	close(client);
	close(plain);
}

/*
 * An application that does not accept(): its ready queue is as long as its
 * backlog, then TCP says no, and nobody else notices.
 */
TEST_F(limits, ready_queue)
{
	int i, clients = 0, ready = 0, fd;
	struct fw_event *event = self->event;

	for (i = 0; i < FLOOD; i++) {
		self->flood[i] = net_connect_to(self->attacked);
		ASSERT_GE(self->flood[i], 0);
		ASSERT_EQ(0, fw_hello(self->flood[i]));
		if (fw_next(self->fw, event, i < 8 ? PATIENCE_MS : QUIET_MS))
			break;
		ASSERT_EQ(0, fw_done(self->fw, event));
		clients++;
	}
	/* One more than the backlog, as with TCP. */
	EXPECT_EQ(9, clients);
	EXPECT_EQ(0, fw_failed(SOCKAUTH_REASON_EVICTED));
	EXPECT_HONEST_SERVED();
	/* None of them is lost, and what waited in TCP's queue goes on. */
	while (ready < clients && net_wait(self->attacked, POLLIN, 0)) {
		fd = accept(self->attacked, NULL, NULL);
		ASSERT_GE(fd, 0);
		close(fd);
		ready++;
	}
	EXPECT_EQ(clients, ready);
	EXPECT_EQ(0, fw_next(self->fw, event, PATIENCE_MS));
}

/* A handshake that never ends, in many legs or in many bytes. */
static bool refused_for_ever(struct fakeworker *fw, struct fw_event *event,
			     int client, size_t size, unsigned int legs)
{
	static char record[SOCKAUTH_RECORD_MAX];
	unsigned int i;

	memset(record, 0, sizeof(record));
	memcpy(record, "\x16\x03\x03", 3);
	record[3] = (size - 5) >> 8;
	record[4] = size - 5;
	for (i = 0; i < legs; i++) {
		if (net_write(client, record, size))
			return true;
		if (fw_next(fw, event, PATIENCE_MS))
			return false;
		/* The last one is not even asked about. */
		if (event->cmd == SOCKAUTH_CMD_CLOSE)
			return i + 1 == legs && !fw_closed(fw);
		if (fw_continue(fw, event))
			return false;
	}
	return false;
}

TEST_F(limits, legs)
{
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_LEGS, 5));
	self->flood[0] = net_connect_to(self->attacked);
	ASSERT_GE(self->flood[0], 0);
	EXPECT_TRUE(refused_for_ever(self->fw, self->event, self->flood[0], 10,
				     6));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_LIMIT, 1));
	EXPECT_HONEST_SERVED();
}

TEST_F(limits, bytes)
{
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_BYTES,
			       4 * SOCKAUTH_RECORD_MAX));
	self->flood[0] = net_connect_to(self->attacked);
	ASSERT_GE(self->flood[0], 0);
	EXPECT_TRUE(refused_for_ever(self->fw, self->event, self->flood[0],
				     SOCKAUTH_RECORD_MAX, 5));
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_LIMIT, 1));
	EXPECT_HONEST_SERVED();
}

/* The namespace's time is for those whose request names none. */
TEST_F(limits, time)
{
	int fd = net_marked_listener(0, 8);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_TIMEOUT_MS, 200));
	self->flood[0] = net_connect_to(fd);
	self->flood[1] = net_connect_to(self->attacked);
	EXPECT_TRUE(fw_counted(SOCKAUTH_REASON_TIMEOUT, 1));
	EXPECT_TRUE(pending(2));
	EXPECT_HONEST_SERVED();
	close(fd);
}

/*
 * A time-out that is over before the connection is on any list: it is not
 * forgotten there. The listener's count comes back to nothing while it lives.
 */
TEST_F_TIMEOUT(limits, no_time_at_all, 300)
{
	int fd = net_marked_listener(1, 128), i, j;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, 2));
	for (i = 0; i < 10; i++) {
		for (j = 0; j < FLOOD; j++) {
			self->flood[j] = net_connect_to(fd);
			ASSERT_GE(self->flood[j], 0);
			fw_hello(self->flood[j]);
		}
		for (j = 0; j < FLOOD; j++) {
			close(self->flood[j]);
			self->flood[j] = -1;
		}
	}
	/* The honest one is left. */
	EXPECT_TRUE(pending(1));
	close(fd);
}

/* KASAN keeps what is freed for a while: memory says nothing there. */
static bool memory_tells(void)
{
	return system("grep -qw kasan_report /proc/kallsyms");
}

/* Kernel memory that is not given back on demand, in bytes. */
static int64_t kernel_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	int64_t sum = 0, kb;
	char line[128];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "SUnreclaim: %ld", &kb) == 1 ||
		    sscanf(line, "Percpu: %ld", &kb) == 1 ||
		    sscanf(line, "VmallocUsed: %ld", &kb) == 1)
			sum += kb * 1024;
	}
	fclose(file);
	return sum;
}

/*
 * Connections that the module has, or -errno.  Its cache may be shared with
 * others, and counts what a CPU has at hand: a few more or less mean nothing.
 */
static int64_t objects(void)
{
	FILE *file = fopen("/sys/kernel/slab/sockauth_conn/objects", "r");
	long n;

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &n) != 1)
		n = -ENODATA;
	fclose(file);
	return n;
}

/* Let what is freed after a grace period be freed. */
static void settle(void)
{
	usleep(QUIET_MS * 5000);
}

/* What each of N silent connections to FD costs. */
static int64_t cost_of(int fd, int *clients, int n)
{
	int64_t before;
	int i;

	settle();
	before = kernel_memory();
	for (i = 0; i < n; i++) {
		clients[i] = net_connect_to(fd);
		if (clients[i] < 0)
			return clients[i];
	}
	settle();
	return (kernel_memory() - before) / n;
}

static int sysctl_set(const char *path, int n)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return -errno;
	fprintf(file, "%d\n", n);
	return fclose(file) ? -errno : 0;
}

/* The same, and they go again, with the listener. */
static int64_t cost_once(int fd, int *clients, int n)
{
	int64_t cost = cost_of(fd, clients, n);
	int i;

	for (i = 0; i < n; i++)
		close(clients[i]);
	close(fd);
	return cost;
}

/* How long they take to come to a marked listener, in milliseconds, or -errno. */
static int time_of(int *clients, int n)
{
	int fd = net_marked_listener(SOCKAUTH_TIMEOUT_MAX, n);
	int64_t begin = net_now_ms(), cost;

	if (fd < 0)
		return fd;
	cost = cost_once(fd, clients, n);
	return cost < 0 ? cost : net_now_ms() - begin + 1000;
}

/* A plain listener for N, and what N silent connections to it cost. */
static int64_t cost_of_tcp(int *clients, int n)
{
	int fd = net_tcp(AF_INET);

	if (net_bind(fd) || net_listen(fd, n))
		return -errno;
	return cost_once(fd, clients, n);
}

struct usage {
	int64_t	bytes;
	int64_t	objects;
};

static struct usage usage(void)
{
	return (struct usage) { kernel_memory(), objects() };
}

/*
 * What is LEFT of what has been used since BEFORE, after a while: of N that are
 * gone less than an object for each in memory, beside what the rest of the
 * machine has come to need in between, which is more than a few have.  So there
 * must not be an object for every other one, either.
 */
static bool given_back(const struct usage *before, struct usage *left, int n)
{
	struct usage now;
	int i;

	/* A busy machine takes its time for a grace period. */
	for (i = 0; i < 10; i++) {
		settle();
		now = usage();
		left->bytes = now.bytes - before->bytes;
		left->objects = now.objects - before->objects;
		if (left->bytes <= 384 * 1024 + 64 * n && left->objects < n / 2)
			return true;
	}
	return false;
}

/*
 * HOSTILE_SILENT connections (1,000 if nobody says) that say nothing: what they
 * cost beyond TCP's own, and that all of it is given back after the time-out.
 */
TEST_F_TIMEOUT(limits, silent, 900)
{
	const char *text = getenv("HOSTILE_SILENT");
	int n = text ? atoi(text) : 1000, timeout, marked, i;
	int *clients = calloc(n, sizeof(int));
	struct rlimit files = { n + 100, n + 100 };
	struct usage before, left;
	int64_t tcp, ours;

	ASSERT_NE(NULL, clients);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	ASSERT_EQ(0, sysctl_set("/proc/sys/net/core/somaxconn", n + 1));
	/* What TCP remembers of connections that are over is not ours. */
	ASSERT_EQ(0, sysctl_set("/proc/sys/net/ipv4/tcp_max_tw_buckets", 0));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING, n + 1));
	ASSERT_EQ(0, fw_limit(self->fw, SOCKAUTH_A_LIMIT_PENDING_NET, n + 2));
	/* The first round fills caches that stay. */
	ASSERT_LT(0, cost_of_tcp(clients, n));
	tcp = cost_of_tcp(clients, n);
	ASSERT_LT(0, tcp);

	/* All are to be there before the first is over, on a slow kernel too. */
	timeout = 3 * time_of(clients, n);
	ASSERT_LT(0, timeout);
	timeout += 15000;

	marked = net_marked_listener(timeout, n);
	ASSERT_GE(marked, 0);
	settle();
	before = usage();
	ASSERT_GE(before.objects, 0);
	ours = cost_of(marked, clients, n);
	ASSERT_LT(0, ours);
	EXPECT_TRUE(pending(n + 1));
	EXPECT_GE(objects() - before.objects, n / 2);
	TH_LOG("%d silent connections: %lld bytes each, %lld of plain TCP", n,
	       (long long)ours, (long long)tcp);
	EXPECT_TRUE(ours - tcp <= 4096 || !memory_tells());
	EXPECT_HONEST_SERVED();

	EXPECT_TRUE(pending_within(0, timeout + PATIENCE_MS));
	EXPECT_EQ(n, fw_failed(SOCKAUTH_REASON_TIMEOUT));
	for (i = 0; i < n; i++)
		close(clients[i]);
	EXPECT_TRUE(given_back(&before, &left, n) || !memory_tells());
	TH_LOG("%lld bytes and %lld objects are not given back",
	       (long long)left.bytes, (long long)left.objects);
	close(marked);
	free(clients);
}

SOCKAUTH_HARNESS_MAIN
