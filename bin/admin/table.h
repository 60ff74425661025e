/*
 * table -- rows on their way to people: columns under their titles, or a JSON object a row.
 *
 * Column i of a table shows column i of the rows. Text from outside is cleaned for a terminal, and
 * escaped in JSON.
 *
 * Ownership	nothing is kept; table_json appends to the caller's buffer.
 */
#ifndef ADMIN_TABLE_H
#define ADMIN_TABLE_H

#include <stdbool.h>

#include "base/buf.h"
#include "store/pg.h"

enum cell {
	CELL_NUMBER,
	CELL_WORDS, /* text */
	CELL_WHEN,  /* timestamptz */
	CELL_STAGE, /* int2, shown as its letter */
	CELL_YES,   /* boolean */
	CELL_BYTES  /* int8; a terminal sees 1.5 MiB */
};

/* `name` is the title, and the member's name in JSON; an underscore is a blank in the title. */
struct column {
	const char *name;
	enum cell kind;
};

/* The rows under their titles, or with `as_json` an object a line; without `titles` the rows alone. */
void table_print(
    const struct pg_rows *rows, const struct column *columns, int n, bool titles, bool as_json);
/* [{...},{...}] */
void table_json(struct buf *b, const struct pg_rows *rows, const struct column *columns, int n);
/* One row as {...}. */
void table_json_row(
    struct buf *b, const struct pg_rows *rows, int row, const struct column *columns, int n);
/* One row, a line a column: title and cell; what is null is left out. */
void table_print_row(const struct pg_rows *rows, int row, const struct column *columns, int n);

#endif
