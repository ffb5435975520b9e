/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of text in aligned columns, for people.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdio.h>

#define TABLE_COLUMNS	16

struct table;

struct table *table_new(const char *const *heads, size_t columns);
void table_free(struct table *table);
void table_clear(struct table *table);
int table_add(struct table *table, const char *const *cells);
void table_print(const struct table *table, FILE *out);

#endif /* CLI_TABLE_H */
