#include "admin/cells.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "store/pg_array.h"

#define CUT "..." /* there was more */

struct pg_param
text_or_null(const char *text)
{
	if (!text)
		return (struct pg_param){.bytes = NULL, .len = 0, .oid = PG_TEXT};
	return pg_text_param(text, strlen(text));
}

const char *
cell_text(const struct pg_rows *rows, int row, int column, char room[CELL_TEXT])
{
	size_t len;
	const char *text = pg_text(rows, row, column, &len);
	bool is_cut = len >= CELL_TEXT;

	if (is_cut) {
		len = CELL_TEXT - sizeof(CUT);
		while ((text[len] & 0xc0) == 0x80) /* no half of a character */
			len--;
	}
	memcpy(room, text, len);
	memcpy(room + text_clean(room, len, false), is_cut ? CUT : "", is_cut ? sizeof(CUT) : 1);
	return room;
}

void
cell_json(struct buf *b, const char *name, const struct pg_rows *rows, int row, int column)
{
	size_t len;
	const char *text = pg_text(rows, row, column, &len);

	buf_printf(b, ",\"%s\":", name);
	json_put_shown(b, text, len);
}

const char *
cell_time(const struct pg_rows *rows, int row, int column, char room[32])
{
	*room = '\0';
	if (!pg_is_null(rows, row, column))
		clock_iso(room, pg_time_us(rows, row, column));
	return room;
}
