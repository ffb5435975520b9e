// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of tests.
 */
#include <locale.h>

#include "tests.h"

static int utf8(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_escapes_controls),
		cmocka_unit_test(text_escapes_invalid_utf8),
		cmocka_unit_test(text_escapes_direction_marks),
		cmocka_unit_test(text_escapes_by_locale),
		cmocka_unit_test(text_ages),
		cmocka_unit_test(text_addresses),
		cmocka_unit_test(text_times),
		cmocka_unit_test(text_numbers),
		cmocka_unit_test(text_words),
		cmocka_unit_test(table_aligns),
		cmocka_unit_test(table_aligns_wide_characters),
		cmocka_unit_test(table_has_no_trailing_spaces),
		cmocka_unit_test(json_is_ascii),
		cmocka_unit_test(json_replaces_invalid_utf8),
		cmocka_unit_test(conn_pending),
		cmocka_unit_test(conn_open),
		cmocka_unit_test(conn_anonymous_is_not_unknown),
		cmocka_unit_test(conn_name_cannot_forge_a_row),
		cmocka_unit_test(conn_refuses_malformed),
		cmocka_unit_test(conn_event_opened),
		cmocka_unit_test(conn_event_failed),
		cmocka_unit_test(conn_event_ended),
		cmocka_unit_test(conn_event_name_cannot_forge_a_line),
		cmocka_unit_test(listener_shown),
		cmocka_unit_test(listener_refuses_malformed),
		cmocka_unit_test(worker_shown),
		cmocka_unit_test(worker_refuses_malformed),
		cmocka_unit_test(limits_shown),
		cmocka_unit_test(limits_refuse_missing),
		cmocka_unit_test(limits_by_exact_name),
		cmocka_unit_test(stats_shown),
		cmocka_unit_test(stats_without_failures),
		cmocka_unit_test(stats_of_a_newer_kernel),
		cmocka_unit_test(stats_refuse_malformed),
	};

	return cmocka_run_group_tests_name("cli", tests, utf8, NULL);
}
