/*
 * cells -- texts on their way to the database that may be absent, and cells on their way to people.
 *
 * Text from outside reaches a terminal cleaned, and JSON escaped.
 *
 * Ownership	cell_text fills the caller's room; cell_json appends to the caller's buffer.
 */
#ifndef ADMIN_CELLS_H
#define ADMIN_CELLS_H

#include <stddef.h>

#include "base/buf.h"
#include "store/pg.h"

#define CELL_TEXT 257

/* NULL becomes SQL's null. */
struct pg_param text_or_null(const char *text);
/* As a terminal may show it, cut to the room, which is seen. Returns room. */
const char *cell_text(const struct pg_rows *rows, int row, int column, char room[CELL_TEXT]);
/* ,"name":"text" */
void cell_json(struct buf *b, const char *name, const struct pg_rows *rows, int row, int column);
/* A time to the second, "" for null. Returns room. */
const char *cell_time(const struct pg_rows *rows, int row, int column, char room[32]);

#endif
