// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cli/text.c, cli/table.c and cli/json.c: nothing that a stranger
 * chose may reach a terminal raw, and columns are aligned as one sees them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../../cli/json.h"
#include "../../cli/table.h"
#include "../../cli/text.h"
#include "tests.h"

static void assert_escaped(const char *raw, const char *expect)
{
	char *text = text_escape(raw, "\"");

	assert_non_null(text);
	assert_string_equal(text, expect);
	free(text);
}

void text_escapes_controls(void **state)
{
	(void)state;
	assert_escaped("", "");
	assert_escaped("CN=host.example, O=x y", "CN=host.example, O=x y");
	assert_escaped("\033[2Jx", "\\x1b[2Jx");
	assert_escaped("a\nb\tc\rd\177", "a\\x0ab\\x09c\\x0dd\\x7f");
	assert_escaped("a\\x1b", "a\\\\x1b");
	assert_escaped("say \"no\"", "say \\\"no\\\"");
	/* U+009B, the other way to begin a terminal's command. */
	assert_escaped("\xc2\x9b" "2J", "\\xc2\\x9b2J");
}

void text_escapes_invalid_utf8(void **state)
{
	(void)state;
	assert_escaped("\xc3\xbc\xe4\xb8\xad", "\xc3\xbc\xe4\xb8\xad");
	assert_escaped("x\xfcy", "x\\xfcy");
	assert_escaped("\xe4\xb8", "\\xe4\\xb8");
	assert_escaped("\x9b" "2J", "\\x9b2J");
}

void text_escapes_direction_marks(void **state)
{
	(void)state;
	/* U+202E would show what follows from right to left. */
	assert_escaped("a\xe2\x80\xae" "b", "a\\xe2\\x80\\xaeb");
	assert_escaped("a\xe2\x81\xa6" "b", "a\\xe2\\x81\\xa6b");
	/* U+2028 ends a line. */
	assert_escaped("a\xe2\x80\xa8" "b", "a\\xe2\\x80\\xa8b");
}

void text_escapes_by_locale(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	assert_escaped("\xc3\xbc", "\\xc3\\xbc");
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static void assert_age(uint64_t ms, const char *expect)
{
	char buf[TEXT_SIZE];

	assert_string_equal(text_age(ms, buf), expect);
}

void text_ages(void **state)
{
	(void)state;
	assert_age(0, "0ms");
	assert_age(999, "999ms");
	assert_age(1000, "1s");
	assert_age(59999, "59s");
	assert_age(125 * 1000, "2m05s");
	assert_age(3600 * 1000, "1h00m");
	assert_age((23 * 3600 + 59 * 60 + 59) * 1000ull, "23h59m");
	assert_age((5 * 86400 + 3 * 3600) * 1000ull, "5d03h");
	assert_age(UINT64_MAX, "213503982334d14h");
}

static void assert_address(const char *host, uint32_t scope, uint16_t port,
			   const char *expect)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };
	struct sockaddr_in6 *sin6 = (void *)&address;
	struct sockaddr_in *sin = (void *)&address;
	char buf[TEXT_SIZE];

	sin->sin_port = htons(port);
	if (inet_pton(AF_INET, host, &sin->sin_addr) != 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_scope_id = scope;
		assert_int_equal(inet_pton(AF_INET6, host, &sin6->sin6_addr),
				 1);
	}
	assert_string_equal(text_address(&address, buf), expect);
}

void text_addresses(void **state)
{
	const struct sockaddr_storage none = { .ss_family = AF_UNSPEC };
	char buf[TEXT_SIZE];

	(void)state;
	assert_address("192.0.2.1", 0, 443, "192.0.2.1:443");
	assert_address("0.0.0.0", 0, 0, "0.0.0.0:0");
	assert_address("::", 0, 8443, "[::]:8443");
	assert_address("2001:db8::1", 0, 65535, "[2001:db8::1]:65535");
	assert_address("::ffff:192.0.2.1", 0, 1, "[::ffff:192.0.2.1]:1");
	assert_address("fe80::1", 1, 443, "[fe80::1]%lo:443");
	/* An interface that is gone has only its number left. */
	assert_address("fe80::1", 4000000000, 443,
		       "[fe80::1]%4000000000:443");
	assert_string_equal(text_address(&none, buf), "-");
}

void text_times(void **state)
{
	const struct timespec ts = { 951782400, 7999999 };
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_time(&ts, buf), "2000-02-29T00:00:00.007Z");
}

void text_numbers(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(text_to_number("", &value), -EINVAL);
	assert_int_equal(text_to_number("-1", &value), -EINVAL);
	assert_int_equal(text_to_number("+1", &value), -EINVAL);
	assert_int_equal(text_to_number(" 1", &value), -EINVAL);
	assert_int_equal(text_to_number("1k", &value), -EINVAL);
	assert_int_equal(text_to_number("18446744073709551616", &value),
			 -ERANGE);
	assert_int_equal(value, 7);
	assert_int_equal(text_to_number("18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(text_to_number("010", &value), 0);
	assert_int_equal(value, 10);
}

void text_words(void **state)
{
	char buf[TEXT_SIZE];

	(void)state;
	assert_string_equal(text_word(&sockauth_state_names,
				      SOCKAUTH_STATE_OPEN, buf), "open");
	assert_string_equal(text_word(&sockauth_state_names, 99, buf), "99");
	assert_string_equal(text_hex(0x1301, buf), "0x1301");
}

static char *print_table(const char *const *heads, const char *const *cells,
			 size_t columns, size_t rows)
{
	struct table *table = table_new(heads, columns);
	struct printed printed;
	size_t i;

	assert_non_null(table);
	for (i = 0; i < rows; i++)
		assert_int_equal(table_add(table, cells + i * columns), 0);
	printed_begin(&printed);
	table_print(table, printed.out);
	table_free(table);
	return printed_end(&printed);
}

void table_aligns(void **state)
{
	static const char *const heads[] = { "ID", "NAME" };
	static const char *const cells[] = { "1", "a", "1000", "b\033" };
	char *text = print_table(heads, cells, 2, 2);

	(void)state;
	assert_string_equal(text,
			    "ID    NAME\n"
			    "1     a\n"
			    "1000  b\\x1b\n");
	free(text);
	text = print_table(heads, NULL, 2, 0);
	assert_string_equal(text, "ID  NAME\n");
	free(text);
}

void table_aligns_wide_characters(void **state)
{
	/* One of two columns, one of one, and two of which one takes none. */
	static const char *const cells[] = {
		"\xe4\xb8\xad", "x", "\xc3\xbc", "x", "u\xcc\x88", "x",
	};
	char *text = print_table(NULL, cells, 2, 3);

	(void)state;
	assert_string_equal(text, "\xe4\xb8\xad  x\n"
			    "\xc3\xbc   x\n"
			    "u\xcc\x88   x\n");
	free(text);
}

void table_has_no_trailing_spaces(void **state)
{
	static const char *const cells[] = { "a", "b", "cc", "" };
	char *text = print_table(NULL, cells, 2, 2);

	(void)state;
	assert_string_equal(text, "a   b\ncc\n");
	free(text);
}

void json_is_ascii(void **state)
{
	struct printed printed;
	char *text;

	(void)state;
	printed_begin(&printed);
	assert_int_equal(json_print(json_pack("[o]", json_text(
				    "\033[2J\xc3\xbc\n\x7f.\x7f", 10)),
				    printed.out), 0);
	text = printed_end(&printed);
	assert_string_equal(text, "[\"\\u001B[2J\\u00FC\\n\\u007F.\\u007F\"]\n");
	free(text);
	assert_int_equal(json_print(NULL, NULL), -ENOMEM);
}

void json_replaces_invalid_utf8(void **state)
{
	(void)state;
	assert_json(json_text("a\xff\xc3\xbc\xe4\xb8", 6),
		    "\"a\\uFFFD\\u00FC\\uFFFD\\uFFFD\"");
	assert_json(json_text("\xff", 1), "\"\\uFFFD\"");
	assert_json(json_text("", 0), "\"\"");
}
