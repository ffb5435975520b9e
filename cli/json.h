/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values as programs read them: the parts that JSON objects of several kinds
 * have in common.  The schema is in sockauth(8).
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <jansson.h>
#include <sockauth/names.h>

json_t *json_text(const char *s, size_t len);
json_t *json_word(const struct sockauth_names *names, uint32_t value);
json_t *json_flags(const struct sockauth_names *names, uint32_t flags);
json_t *json_address(const struct sockaddr_storage *address);
int json_put(json_t *object, const char *key, json_t *value);
int json_print(json_t *value, FILE *out);

#endif /* CLI_JSON_H */
