/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All tests of the program, and what they share: messages as the kernel would
 * send them (message.c), and text that was printed.
 */
#ifndef UNIT_CLI_TESTS_H
#define UNIT_CLI_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <libmnl/libmnl.h>
#include <linux/sockauth.h>

/* A message and room for it. */
struct message {
	char buf[8192] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *nlh;
};

void message_begin(struct message *message, uint8_t cmd);
void message_ipv4(struct message *message, int attr, const char *host,
		  uint16_t port);
void message_ipv6(struct message *message, int attr, const char *host,
		  uint16_t port, uint32_t scope);

/* A stream into memory; printed_end() gives what was printed, to free(). */
struct printed {
	FILE *out;
	char *text;
	size_t len;
};

void printed_begin(struct printed *printed);
char *printed_end(struct printed *printed);

void assert_json(json_t *value, const char *text);

void text_escapes_controls(void **state);
void text_escapes_invalid_utf8(void **state);
void text_escapes_direction_marks(void **state);
void text_escapes_by_locale(void **state);
void text_ages(void **state);
void text_addresses(void **state);
void text_times(void **state);
void text_numbers(void **state);
void text_words(void **state);
void table_aligns(void **state);
void table_aligns_wide_characters(void **state);
void table_has_no_trailing_spaces(void **state);
void json_is_ascii(void **state);
void json_replaces_invalid_utf8(void **state);

void conn_pending(void **state);
void conn_open(void **state);
void conn_anonymous_is_not_unknown(void **state);
void conn_name_cannot_forge_a_row(void **state);
void conn_refuses_malformed(void **state);
void conn_event_opened(void **state);
void conn_event_failed(void **state);
void conn_event_ended(void **state);
void conn_event_name_cannot_forge_a_line(void **state);

void listener_shown(void **state);
void listener_refuses_malformed(void **state);
void worker_shown(void **state);
void worker_refuses_malformed(void **state);
void limits_shown(void **state);
void limits_refuse_missing(void **state);
void limits_by_exact_name(void **state);
void stats_shown(void **state);
void stats_without_failures(void **state);
void stats_of_a_newer_kernel(void **state);
void stats_refuse_malformed(void **state);

#endif /* UNIT_CLI_TESTS_H */
