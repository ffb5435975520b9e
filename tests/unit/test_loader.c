// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that the configuration names: how they come to the daemon, and what
 * is said about those that are of no use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "fixture.h"
#include "loader.h"

#define PLAIN	"[profile default]\n" \
		"certificate = @/server.pem\nkey = @/server.key\n"
#define CONFIG	UNIT_DIR "/loader.conf"

static const struct {
	const char *config, *text;
} wrong[] = {
	{ "[profile a]\ncertificate = /nowhere.pem\n",
	  ":2: [profile a] certificate: /nowhere.pem: No such file or directory" },
	{ "[profile a]\ncertificate = @\n",
	  "/pki: Is a directory" },
	{ "[profile a]\ncertificate = @/server.key\n",
	  "/server.key has no certificate in PEM form (no start line)" },
	{ "[profile a]\ncertificate = @/server.pem\n",
	  "/server.pem has no unencrypted key in PEM form" },
	{ "[profile a]\ncertificate = @/server.pem\nkey = @/a.key\n",
	  "/a.key is not the key of " },
	{ "[profile a]\ncertificate = @/server.pem\nkey = @/locked.key\n",
	  "/locked.key has no unencrypted key in PEM form" },
	{ "[profile a]\ntrust = @/ca.pem\ntrust = @/ca.key\n",
	  ":3: [profile a] trust: " },
	{ PLAIN "crl = @/ca.pem\n",
	  "/ca.pem has no revocation list in PEM form" },
	{ PLAIN "groups = X25519, P-257\n",
	  ":4: [profile default] groups: OpenSSL does not know all of them" },
	{ PLAIN "users = root, nobody-at-all\n",
	  ":4: [profile default] users: there is no user nobody-at-all" },
	{ "[profile a]\n",
	  ":1: [profile a] neither a server's certificate nor trust" },
	{ "[profile a]\ncertificate = @/good.pem\nkey = @/good.key\n",
	  ":1: [profile a] neither a server's certificate nor trust" },
};

static void test_errors(void **state)
{
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		text = load_error(wrong[i].config);
		if (!strstr(text, wrong[i].text))
			fail_msg("\"%s\" is not in \"%s\"", wrong[i].text,
				 text);
		free(text);
	}
}

/* All certificates of a directory; what is no certificate does no harm. */
static void test_directory(void **state)
{
	const struct request request = {
		.role = SOCKAUTH_ROLE_INITIATOR, .target = "localhost",
	};
	struct contexts *table = new_table("[profile default]\ntrust = @\n", 8);
	struct leg *leg = calloc(1, sizeof(*leg));
	SSL_CTX *ctx = new_server("server");
	SSL *server = new_peer(ctx, true);

	(void)state;
	assert_int_equal(authenticate(table, leg, 1, &request, server),
			 SOCKAUTH_STEP_DONE);
	SSL_free(server);
	SSL_CTX_free(ctx);
	free(leg);
	free_table(table);
}

static void write_config(const char *trust, const char *more)
{
	char *absolute = realpath(PKI, NULL);
	FILE *file = fopen(CONFIG, "w");

	assert_non_null(file);
	fprintf(file, "[profile a]\ntrust = %s/%s\n%s", absolute, trust, more);
	fclose(file);
	free(absolute);
}

/* What the kernel cannot do is not offered. */
static void test_ciphers(void **state)
{
	static const struct ciphers ciphers = { { 0x1301, 0x1304 }, 2 };
	struct files files = { 0 };
	struct snapshot *snapshot;
	char text[CONFIG_TEXT_MAX];

	(void)state;
	write_config("ca.pem", "ciphers = TLS_AES_256_GCM_SHA384\n");
	assert_int_equal(loader_collect(&files, CONFIG), 0);
	assert_int_equal(snapshot_new(CONFIG, &files, &ciphers, true,
				      &snapshot, text, sizeof(text)), -EINVAL);
	assert_string_equal(text, CONFIG ":1: [profile a] ciphers: the kernel can do none of them");
	/* Not strict: the profile is off, and says why. */
	assert_int_equal(snapshot_new(CONFIG, &files, &ciphers, false,
				      &snapshot, text, sizeof(text)), 0);
	assert_null(snapshot->profiles[0].cred);
	assert_string_equal(snapshot->profiles[0].off, text);
	snapshot_put(snapshot);
	files_clear(&files);
}

static void expect_same(const struct files *a, const struct files *b)
{
	size_t i;

	assert_int_equal(a->count, b->count);
	for (i = 0; i < a->count; i++) {
		assert_string_equal(a->list[i].name, b->list[i].name);
		assert_int_equal(a->list[i].err, b->list[i].err);
		assert_int_equal(a->list[i].len, b->list[i].len);
		assert_memory_equal(a->list[i].data, b->list[i].data,
				    a->list[i].len);
	}
}

/* The other process sends what we would read ourselves, each time anew. */
static void test_process(void **state)
{
	static const char *const more[] = {
		"users = root, 4294967294\n", "certificate = /nowhere\n", "!\n",
	};
	struct files files = { 0 }, expected = { 0 };
	size_t i;
	uid_t uid;
	int fd;

	(void)state;
	write_config("ca.pem", "");
	assert_int_equal(loader_start(CONFIG, getuid(), getgid(), &fd), 0);
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		write_config("ca.pem", more[i]);
		assert_int_equal(loader_collect(&expected, CONFIG), 0);
		assert_int_equal(loader_fetch(&fd, &files), 0);
		expect_same(&files, &expected);
		if (!i) {
			assert_int_equal(loader_uid(&files, "root", &uid), 0);
			assert_int_equal(uid, 0);
			assert_int_equal(loader_uid(&files, "4294967294",
						    &uid), 0);
			assert_int_equal(uid, 4294967294);
			assert_int_equal(loader_uid(&files, "x", &uid),
					 -ENOENT);
		}
		files_clear(&files);
		files_clear(&expected);
	}
	/* It reads what it was started with, and nothing else. */
	unlink(CONFIG);
	assert_int_equal(loader_fetch(&fd, &files), 0);
	assert_int_equal(files.count, 1);
	assert_int_equal(files.list[0].err, -ENOENT);
	files_clear(&files);
	close(fd);
}

/* A loader that hangs is waited for, but not for ever, and never again. */
static void test_hangs(void **state)
{
	const struct timeval soon = { .tv_usec = 100000 };
	struct timeval patience = { 0 };
	struct files files = { 0 };
	socklen_t len = sizeof(patience);
	int fd, pair[2];

	(void)state;
	assert_int_equal(loader_start(CONFIG, getuid(), getgid(), &fd), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    &len), 0);
	assert_in_range(patience.tv_sec, 1, 89);
	close(fd);
	/* In the middle of a header. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon,
				    sizeof(soon)), 0);
	assert_int_equal(write(pair[1], "\0\0\0", 3), 3);
	assert_int_equal(loader_fetch(&pair[0], &files), -ETIMEDOUT);
	assert_int_equal(pair[0], -1);
	assert_int_equal(loader_fetch(&pair[0], &files), -EBADF);
	assert_int_equal(files.count, 0);
	close(pair[1]);
}

static void test_odd_files(void **state)
{
	struct files files = { 0 };

	(void)state;
	unlink(UNIT_DIR "/fifo");
	assert_int_equal(mkfifo(UNIT_DIR "/fifo", 0600), 0);
	assert_int_equal(files_read(&files, UNIT_DIR "/fifo", false), 0);
	assert_int_equal(files.list[0].err, -EINVAL);
	assert_int_equal(files_read(&files, "/dev/null", true), 0);
	assert_int_equal(files.list[1].err, -EINVAL);
	/* Twice the same is read once. */
	assert_int_equal(files_read(&files, "/dev/null", true), 0);
	assert_int_equal(files.count, 2);
	assert_null(files_find(&files, "/dev/zero"));
	files_clear(&files);
	unlink(UNIT_DIR "/fifo");
}

/* What is said about CONFIG with @text that may be read as @mode says. */
static void said_of(const char *text, mode_t mode, char *said, size_t size)
{
	int to = dup(STDERR_FILENO), pair[2];
	struct files files = { 0 };
	FILE *file = fopen(CONFIG, "w");
	ssize_t n;

	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(CONFIG, mode), 0);
	assert_int_equal(pipe2(pair, O_NONBLOCK), 0);
	dup2(pair[1], STDERR_FILENO);
	assert_int_equal(loader_collect(&files, CONFIG), 0);
	dup2(to, STDERR_FILENO);
	n = read(pair[0], said, size - 1);
	said[n < 0 ? 0 : n] = '\0';
	close(to);
	close(pair[0]);
	close(pair[1]);
	files_clear(&files);
	unlink(CONFIG);
}

/* Who has put a key into the configuration should keep it there. */
static void test_open_psk(void **state)
{
	static const char psk[] = "[profile a]\nmechanisms = psk\n"
				  "psk = me:00112233445566778899aabbccddeeff\n";
	char said[1000];

	(void)state;
	said_of(psk, 0644, said, sizeof(said));
	assert_non_null(strstr(said, CONFIG " has a psk, and everybody can read it\n"));
	said_of(psk, 0640, said, sizeof(said));
	assert_string_equal(said, "");
	said_of("[profile a]\ntrust = system\n", 0644, said, sizeof(said));
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_hangs),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_open_psk),
	};

	return cmocka_run_group_tests_name("loader", tests, setup_openssl,
					   teardown_openssl);
}
