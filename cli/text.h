/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as people read them.  What strangers chose goes through
 * text_escape() before it reaches a terminal.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include <sockauth/names.h>

/* Long enough for every fixed form here. */
#define TEXT_SIZE	128

char *text_escape(const char *s, const char *also);
size_t text_width(const char *s);
const char *text_word(const struct sockauth_names *names, uint32_t value,
		      char buf[TEXT_SIZE]);
const char *text_hex(uint32_t value, char buf[TEXT_SIZE]);
const char *text_number(uint64_t value, char buf[TEXT_SIZE]);
int text_to_number(const char *s, uint64_t *value);
const char *text_age(uint64_t ms, char buf[TEXT_SIZE]);
const char *text_time(const struct timespec *ts, char buf[TEXT_SIZE]);
const char *text_host(const struct sockaddr_storage *address,
		      char buf[TEXT_SIZE]);
unsigned int text_port(const struct sockaddr_storage *address);
const char *text_address(const struct sockaddr_storage *address,
			 char buf[TEXT_SIZE]);

#endif /* CLI_TEXT_H */
