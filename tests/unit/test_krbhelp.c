// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A helper, and the file that is the user's credential cache: other users can
 * write to where it is, at any moment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "realm.h"

#define CACHE	UNIT_DIR "/krbhelp.ccache"
#define OTHER	UNIT_DIR "/krbhelp.other"
#define SOMEBODY "somebody@REALM.TEST"

static struct broker_answer answer;

krb5_error_code __real_krb5_cc_get_principal(krb5_context context,
					     krb5_ccache ccache,
					     krb5_principal *principal);
krb5_error_code __wrap_krb5_cc_get_principal(krb5_context context,
					     krb5_ccache ccache,
					     krb5_principal *principal);

/* The cache was looked at and is read now: the last moment for another one. */
krb5_error_code __wrap_krb5_cc_get_principal(krb5_context context,
					     krb5_ccache ccache,
					     krb5_principal *principal)
{
	rename(OTHER, CACHE);
	return __real_krb5_cc_get_principal(context, ccache, principal);
}

/* A cache with a ticket for the service. */
static void make_cache(const char *path, const char *client)
{
	krb5_creds creds;
	krb5_ccache ccache;

	unlink(path);
	issue(&good, &answer);
	credentials(&creds, &answer, client);
	assert_int_equal(krb5_cc_resolve(krb, path, &ccache), 0);
	assert_int_equal(krb5_cc_initialize(krb, ccache, creds.client), 0);
	assert_int_equal(krb5_cc_store_cred(krb, ccache, &creds), 0);
	krb5_cc_close(krb, ccache);
	krb5_free_principal(krb, creds.client);
	krb5_free_principal(krb, creds.server);
}

/* A process of its own, which leaves open and allocated what it has. */
static void help(void)
{
	const struct broker_request request = {
		.op = BROKER_TICKET, .uid = getuid(), .gid = getgid(),
		.name = SERVICE, .ccache = "FILE:" CACHE,
	};
	struct broker_answer *shared;
	int status;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	pid = fork();
	if (!pid) {
		/* Should it wait for somebody who writes. */
		alarm(20);
		broker_help(&request, shared);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	answer = *shared;
	munmap(shared, sizeof(*shared));
	unlink(CACHE);
	unlink(OTHER);
}

static void refused(const char *text)
{
	help();
	assert_int_equal(answer.verdict_reason, SOCKAUTH_REASON_NO_OWN_CRED);
	assert_int_equal(answer.ticket_len, 0);
	if (!strstr(answer.text, text))
		fail_msg("%s", answer.text);
}

static void test_cache(void **state)
{
	(void)state;
	make_cache(CACHE, USER);
	help();
	assert_int_equal(answer.verdict_reason, SOCKAUTH_REASON_NONE);
	assert_string_equal(answer.client, USER);
	assert_string_equal(answer.server, SERVICE);
}

/* There was none, and then there is. */
static void test_appears(void **state)
{
	(void)state;
	unlink(CACHE);
	make_cache(OTHER, SOMEBODY);
	refused("no Kerberos credentials for uid");
}

/* It was the user's, and then there is another one. */
static void test_replaced(void **state)
{
	(void)state;
	make_cache(CACHE, USER);
	make_cache(OTHER, SOMEBODY);
	help();
	assert_int_equal(answer.verdict_reason, SOCKAUTH_REASON_NONE);
	assert_string_equal(answer.client, USER);
}

static void test_no_file(void **state)
{
	(void)state;
	unlink(CACHE);
	assert_int_equal(mkfifo(CACHE, 0600), 0);
	refused("permissions incorrect");
	assert_int_equal(mkdir(CACHE, 0700), 0);
	refused("permissions incorrect");
	assert_int_equal(rmdir(CACHE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_appears),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_no_file),
	};

	/* No site's, and no plugins of it. */
	setenv("KRB5_CONFIG", "/dev/null", 1);
	return cmocka_run_group_tests_name("krbhelp", tests, setup_realm,
					   teardown_realm);
}
