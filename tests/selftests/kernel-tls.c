// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's own self-tests of kTLS (tools/testing/selftests/net/tls.c), on
 * sockets that sockauth authenticated.
 *
 * That file is taken from the kernel's source when this one is compiled. Where
 * its fixtures install keys, setsockopt() below replaces the two sockets by the
 * ends of an authenticated connection with that cipher: the first one that gets
 * keys by the client, the second one by the server. All that follows is theirs.
 *
 * kernel-tls.cases lists what cannot apply, with the reasons.
 */
#include "harness.h"

#include <errno.h>
#include <linux/tls.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call-net.h"
#include "net.h"

#define CASES	"tests/selftests/kernel-tls.cases"

/* The server's end, until the second socket gets its keys. */
static int other_end = -1;
static int first_socket = -1;

/* Our profiles for the ciphers; NULL: there is none. */
static const char *profile_of(unsigned int cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return "aes128";
	case TLS_CIPHER_AES_GCM_256:
		return "aes256";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "chacha";
	default:
		return NULL;
	}
}

/*
 * Their tests wait 20 ms for what a fresh connection sends. On ours the last
 * token of the handshake may not be acknowledged yet, and Nagle's algorithm
 * holds a small first write back until it is.
 */
static int replace(int fd, int by)
{
	int one = 1, ret;

	setsockopt(by, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ret = dup2(by, fd);

	close(by);
	return ret < 0 ? -1 : 0;
}

static int install(int fd, const struct tls_crypto_info *info)
{
	const char *profile = profile_of(info->cipher_type);
	int client, err, by = other_end;

	/* The other direction of sockets that are authenticated already. */
	if (first_socket >= 0 && by < 0)
		return 0;
	if (by >= 0) {
		other_end = -1;
		return replace(fd, by);
	}
	err = profile ? call_pair_profile(profile, "request", &client,
					  &other_end) : -EPROTONOSUPPORT;
	if (err) {
		errno = -err;
		return -1;
	}
	first_socket = fd;
	return replace(fd, client);
}

static int authenticated_setsockopt(int fd, int level, int optname,
				    const void *optval, socklen_t optlen)
{
	if (level == IPPROTO_TCP && optname == TCP_ULP)
		return 0;
	if (level == SOL_TLS && (optname == TLS_TX || optname == TLS_RX))
		return install(fd, optval);
	return setsockopt(fd, level, optname, optval, optlen);
}

/* Theirs is for real machines; much cryptography takes an emulated one long. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define setsockopt authenticated_setsockopt
/* The rekeying tests of Debian's 6.1 call what only later kernels have. */
#define __test_passed(metadata)		((metadata)->passed)
#define tls_crypto_info_init(version, cipher, info, ...)		\
	tls_crypto_info_init(version, cipher, info)
#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN
#include <net/tls.c>
#undef setsockopt

/*
 * Take out what a line of the table names: "fixture.test", "fixture.*", or
 * "fixture:variant". False: there is no such thing.
 */
static bool leave_out(const char *name)
{
	struct __fixture_variant_metadata **v;
	struct __fixture_metadata *f;
	struct __test_metadata **t;
	bool found = false;

	for (f = __fixture_list; f; f = f->next) {
		size_t len = strlen(f->name);

		if (strncmp(name, f->name, len))
			continue;
		for (v = &f->variant; name[len] == ':' && *v; )
			if (strcmp(name + len + 1, (*v)->name)) {
				v = &(*v)->next;
			} else {
				*v = (*v)->next;
				found = true;
			}
		for (t = &f->tests; name[len] == '.' && *t; )
			if (strcmp(name + len + 1, (*t)->name) &&
			    strcmp(name + len + 1, "*")) {
				t = &(*t)->next;
			} else {
				*t = (*t)->next;
				found = true;
			}
	}
	return found;
}

/* The table's lines: a name, a blank, and the reason; '#' begins a comment. */
static int leave_out_cases(void)
{
	char line[256], *end;
	FILE *file = fopen(CASES, "r");

	if (!file) {
		perror(CASES);
		return 1;
	}
	while (fgets(line, sizeof(line), file)) {
		end = line + strcspn(line, " \t\n");
		if (line[0] == '#' || end == line)
			continue;
		*end = 0;
		if (!leave_out(line)) {
			fprintf(stderr, "%s: tls.c has no %s\n", CASES, line);
			fclose(file);
			return 1;
		}
	}
	fclose(file);
	return 0;
}

int main(int argc, char **argv)
{
	if (leave_out_cases())
		return 1;
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		harness_list();
		return 0;
	}
	if (argc > 1)
		harness_filter(argv + 1);
	return test_harness_run(argc, argv);
}
