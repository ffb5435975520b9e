/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kselftest harness, with a main() that takes names of tests:
 *
 *	PROGRAM			run all tests
 *	PROGRAM --list		print their names
 *	PROGRAM NAME...		run these; "fixture.test" or "test"
 *
 * Include it once, in the file of a test program, and end that file with
 * SOCKAUTH_HARNESS_MAIN.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <kselftest_harness.h>

static inline bool harness_wanted(const struct __fixture_metadata *f,
				  const struct __test_metadata *t,
				  char **names)
{
	size_t len = strlen(f->name);

	for (; *names; names++) {
		const char *name = *names;

		if (!strncmp(name, f->name, len) && name[len] == '.')
			name += len + 1;
		if (!strcmp(name, t->name))
			return true;
	}
	return false;
}

/* Take the tests out of the harness's lists that nobody asked for. */
static inline void harness_filter(char **names)
{
	struct __fixture_metadata *f;
	struct __test_metadata **link;

	for (f = __fixture_list; f; f = f->next) {
		link = &f->tests;
		while (*link) {
			if (harness_wanted(f, *link, names))
				link = &(*link)->next;
			else
				*link = (*link)->next;
		}
	}
}

static inline void harness_list(void)
{
	const struct __fixture_metadata *f;
	const struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next)
		for (t = f->tests; t; t = t->next)
			printf("%s.%s\n", f->name, t->name);
}

#define SOCKAUTH_HARNESS_MAIN						\
	int main(int argc, char **argv)					\
	{								\
		if (argc == 2 && !strcmp(argv[1], "--list")) {		\
			harness_list();					\
			return 0;					\
		}							\
		if (argc > 1)						\
			harness_filter(argv + 1);			\
		return test_harness_run(argc, argv);			\
	}

#endif /* HARNESS_H */
