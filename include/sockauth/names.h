/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that people read and write for the numbers of <linux/sockauth.h>:
 * one table for each enumeration, the same for the daemon and the command
 * line.
 */
#ifndef SOCKAUTH_NAMES_H
#define SOCKAUTH_NAMES_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct sockauth_name - a number and its word
 * @value: the number
 * @word: the word
 */
struct sockauth_name {
	uint32_t value;
	const char *word;
};

/**
 * struct sockauth_names - the words of one enumeration
 * @list: numbers and words, in the order of the enumeration
 * @count: how many
 */
struct sockauth_names {
	const struct sockauth_name *list;
	size_t count;
};

extern const struct sockauth_names sockauth_state_names;
extern const struct sockauth_names sockauth_reason_names;
extern const struct sockauth_names sockauth_mech_names;
extern const struct sockauth_names sockauth_role_names;
extern const struct sockauth_names sockauth_name_type_names;
extern const struct sockauth_names sockauth_req_flag_names;
extern const struct sockauth_names sockauth_sec_flag_names;
extern const struct sockauth_names sockauth_cipher_names;

const char *sockauth_word(const struct sockauth_names *names, uint32_t value);
int sockauth_value(const struct sockauth_names *names, const char *word,
		   uint32_t *value);

#endif /* SOCKAUTH_NAMES_H */
