// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A table: rows are kept until the end, since only then is known how wide the
 * columns are.  Owns copies of all cells, harmless to a terminal.
 */
#include <errno.h>
#include <stdlib.h>

#include "table.h"
#include "text.h"

#define GAP	2

struct table {
	const char *const *heads;
	size_t columns;
	size_t rows;
	char **cells;
};

/**
 * table_new - an empty table
 * @heads: what stands above each column, not copied; NULL: nothing
 * @columns: how many columns, at most TABLE_COLUMNS
 *
 * Return: the table, which the caller frees, or NULL: no memory.
 */
struct table *table_new(const char *const *heads, size_t columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->heads = heads;
	table->columns = columns;
	return table;
}

/**
 * table_clear - take all rows out
 * @table: the table
 */
void table_clear(struct table *table)
{
	size_t i;

	for (i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->rows = 0;
}

/**
 * table_free - free a table
 * @table: may be NULL
 */
void table_free(struct table *table)
{
	if (!table)
		return;
	table_clear(table);
	free(table);
}

static int copy_row(char **row, const char *const *cells, size_t columns)
{
	size_t i;

	for (i = 0; i < columns; i++) {
		row[i] = text_escape(cells[i], "");
		if (row[i])
			continue;
		while (i--)
			free(row[i]);
		return -ENOMEM;
	}
	return 0;
}

/**
 * table_add - append a row
 * @table: the table
 * @cells: one text for each column; copied, and escaped
 *
 * Return: 0 or -ENOMEM.
 */
int table_add(struct table *table, const char *const *cells)
{
	size_t used = table->rows * table->columns;
	char **new;
	int err;

	new = reallocarray(table->cells, used + table->columns, sizeof(*new));
	if (!new)
		return -ENOMEM;
	table->cells = new;
	err = copy_row(new + used, cells, table->columns);
	if (!err)
		table->rows++;
	return err;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t max = table->heads ? text_width(table->heads[column]) : 0;
	size_t row, width;

	for (row = 0; row < table->rows; row++) {
		width = text_width(table->cells[row * table->columns + column]);
		if (width > max)
			max = width;
	}
	return max;
}

static void print_row(const char *const *row, const size_t *widths,
		      size_t columns, FILE *out)
{
	size_t i, pad = 0;

	for (i = 0; i < columns; i++) {
		/* No spaces at the end of a line. */
		if (*row[i])
			fprintf(out, "%*s%s", (int)pad, "", row[i]);
		pad = widths[i] - text_width(row[i]) + GAP;
	}
	fputc('\n', out);
}

/**
 * table_print - print the heads and all rows
 * @table: the table
 * @out: where; the caller looks at ferror()
 */
void table_print(const struct table *table, FILE *out)
{
	const char *const *row = (const char *const *)table->cells;
	size_t widths[TABLE_COLUMNS], i;

	for (i = 0; i < table->columns; i++)
		widths[i] = column_width(table, i);
	if (table->heads)
		print_row(table->heads, widths, table->columns, out);
	for (i = 0; i < table->rows; i++, row += table->columns)
		print_row(row, widths, table->columns, out);
}
