// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into the daemon, for privileges.py: says on standard error when the
 * system call filter is there, and when OpenSSL is given what a peer has sent.
 */
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>
#include <seccomp.h>

static int (*do_handshake)(SSL *ssl);
static int (*load)(const scmp_filter_ctx ctx);

/* Before the filter: looking up a symbol can take system calls. */
__attribute__((constructor)) static void look_up(void)
{
	do_handshake = dlsym(RTLD_NEXT, "SSL_do_handshake");
	load = dlsym(RTLD_NEXT, "seccomp_load");
}

static void say(const char *line)
{
	(void)!write(STDERR_FILENO, line, strlen(line));
}

int SSL_do_handshake(SSL *ssl)
{
	say("witness: handshake\n");
	return do_handshake(ssl);
}

int seccomp_load(const scmp_filter_ctx ctx)
{
	int err = load(ctx);

	if (!err)
		say("witness: filter\n");
	return err;
}
