#include "admin/table.h"

#include <stdio.h>
#include <string.h>

#include "admin/cells.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "domain/stage.h"
#include "store/pg_array.h"
#include "tool/tool.h"

#define COLUMNS_MAX 24
#define WIDTH_MAX 48 /* characters: a longer cell pushes its line to the right, alone */

static void
write_bytes(char room[CELL_TEXT], int64_t n)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	snprintf(room, CELL_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static const char *
write_cell(const struct pg_rows *rows, int row, int column, enum cell kind, char room[CELL_TEXT])
{
	*room = '\0';
	if (pg_is_null(rows, row, column))
		return room;
	switch (kind) {
	case CELL_NUMBER:
		snprintf(room, CELL_TEXT, "%lld", (long long)pg_int(rows, row, column));
		break;
	case CELL_WORDS:
		cell_text(rows, row, column, room);
		break;
	case CELL_WHEN:
		clock_iso(room, pg_time_us(rows, row, column));
		break;
	case CELL_STAGE:
		snprintf(room, CELL_TEXT, "%c", stage_capital((int)pg_int(rows, row, column)));
		break;
	case CELL_YES:
		snprintf(room, CELL_TEXT, "%s", pg_bool(rows, row, column) ? "yes" : "no");
		break;
	case CELL_BYTES:
		write_bytes(room, pg_int(rows, row, column));
		break;
	}
	return room;
}

static bool
is_number(enum cell kind)
{
	return kind == CELL_NUMBER || kind == CELL_BYTES;
}

static void
write_title(const char *name, char room[CELL_TEXT])
{
	size_t i;

	for (i = 0; name[i] && i + 1 < CELL_TEXT; i++)
		room[i] = name[i] == '_' ? ' ' : name[i];
	room[i] = '\0';
}

/* Padded to its column, by characters and not by bytes; the last of a line is not. */
static void
print_cell(const char *text, enum cell kind, int width, bool is_last)
{
	int pad = width - (int)text_chars(text, strlen(text));

	if (pad < 0)
		pad = 0;
	if (is_number(kind))
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, is_last ? 0 : pad, "");
	fputs(is_last ? "\n" : "  ", stdout);
}

static void
fit(int *width, const char *text)
{
	int chars = (int)text_chars(text, strlen(text));

	if (chars > *width && chars <= WIDTH_MAX)
		*width = chars;
}

static void
print_table(const struct pg_rows *rows, const struct column *columns, int n, bool titles)
{
	int width[COLUMNS_MAX] = {0};
	char room[CELL_TEXT];

	for (int c = 0; c < n; c++) {
		fit(&width[c], columns[c].name);
		for (int i = 0; i < pg_rows_count(rows); i++)
			fit(&width[c], write_cell(rows, i, c, columns[c].kind, room));
	}
	for (int c = 0; titles && c < n; c++) {
		write_title(columns[c].name, room);
		print_cell(room, columns[c].kind, width[c], c + 1 == n);
	}
	for (int i = 0; i < pg_rows_count(rows); i++)
		for (int c = 0; c < n; c++)
			print_cell(write_cell(rows, i, c, columns[c].kind, room), columns[c].kind,
			    width[c], c + 1 == n);
}

static void
put_value(struct buf *b, const struct pg_rows *rows, int row, int column, enum cell kind)
{
	char at[32];
	size_t len;
	const char *text;

	if (pg_is_null(rows, row, column)) {
		buf_puts(b, "null");
		return;
	}
	switch (kind) {
	case CELL_NUMBER:
	case CELL_BYTES:
		buf_put_int(b, pg_int(rows, row, column));
		break;
	case CELL_WORDS:
		text = pg_text(rows, row, column, &len);
		json_put_shown(b, text, len);
		break;
	case CELL_WHEN:
		clock_iso(at, pg_time_us(rows, row, column));
		buf_printf(b, "\"%s\"", at);
		break;
	case CELL_STAGE:
		buf_printf(b, "\"%c\"", stage_letter((int)pg_int(rows, row, column)));
		break;
	case CELL_YES:
		buf_puts(b, pg_bool(rows, row, column) ? "true" : "false");
		break;
	}
}

void
table_json_row(
    struct buf *b, const struct pg_rows *rows, int row, const struct column *columns, int n)
{
	for (int c = 0; c < n; c++) {
		buf_printf(b, "%s\"%s\":", c == 0 ? "{" : ",", columns[c].name);
		put_value(b, rows, row, c, columns[c].kind);
	}
	buf_putc(b, '}');
}

void
table_json(struct buf *b, const struct pg_rows *rows, const struct column *columns, int n)
{
	buf_putc(b, '[');
	for (int i = 0; i < pg_rows_count(rows); i++) {
		if (i > 0)
			buf_putc(b, ',');
		table_json_row(b, rows, i, columns, n);
	}
	buf_putc(b, ']');
}

static void
print_json(const struct pg_rows *rows, const struct column *columns, int n)
{
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < pg_rows_count(rows); i++) {
		buf_clear(&b);
		table_json_row(&b, rows, i, columns, n);
		tool_print(&b, "");
	}
	buf_fini(&b);
}

void
table_print(
    const struct pg_rows *rows, const struct column *columns, int n, bool titles, bool as_json)
{
	if (as_json)
		print_json(rows, columns, n);
	else
		print_table(rows, columns, n, titles);
}

void
table_print_row(const struct pg_rows *rows, int row, const struct column *columns, int n)
{
	char title[CELL_TEXT], room[CELL_TEXT];

	for (int c = 0; c < n; c++) {
		if (pg_is_null(rows, row, c))
			continue;
		write_title(columns[c].name, title);
		printf("%-18s  %s\n", title, write_cell(rows, row, c, columns[c].kind, room));
	}
}
