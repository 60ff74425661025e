/* Who did what. */
#include "admin/admin.h"
#include "admin/cells.h"
#include "admin/table.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/pg_array.h"

#define PAGE 1000 /* lines a query */

static const struct column columns[] = {{"line", CELL_NUMBER}, {"at", CELL_WHEN},
    {"who", CELL_WORDS}, {"act", CELL_WORDS}, {"count", CELL_NUMBER}, {"state", CELL_WORDS},
    {"target", CELL_WORDS}, {"details", CELL_WORDS}};
#define N_COLUMNS ((int)(sizeof(columns) / sizeof(*columns)))

/* For programs: the state as it is kept, and all details. */
static void
print_json(const struct pg_rows *rows, int i)
{
	static const struct {
		const char *name;
		int column;
	} texts[] = {{"who", 2}, {"act", 3}, {"target", 6}, {"state", 8}};
	const char *details;
	struct buf b;
	size_t len;
	char at[32];

	buf_init(&b, 0);
	clock_iso(at, pg_time_us(rows, i, 1));
	buf_printf(&b, "{\"id\":%lld,\"at\":\"%s\",\"count\":%lld", (long long)pg_int(rows, i, 0),
	    at, (long long)pg_int(rows, i, 4));
	for (size_t n = 0; n < sizeof(texts) / sizeof(*texts); n++)
		cell_json(&b, texts[n].name, rows, i, texts[n].column);
	buf_puts(&b, ",\"details\":");
	details = pg_text(rows, i, 9, &len);
	json_put_value_shown(&b, details, len);
	buf_putc(&b, '}');
	tool_print(&b, "");
	buf_fini(&b);
}

/* Of an undo of which a part came back its state says how many of how many. */
bool
admin_audit(struct ask *ask, struct err *e)
{
	int64_t after = 0;
	int n = PAGE;

	for (bool titles = true; n == PAGE; titles = false) {
		struct pg_scalar room[2];
		struct pg_param params[] = {
		    pg_int8_param(&room[0], after), pg_int4_param(&room[1], PAGE)};
		struct pg_rows *rows = NULL;

		if (!pg_call(ask->tool->pg,
			"select id, at, who, act, count,"
			" case state when 'part back'"
			" then format('%s of %s back', details ->> 'taken_back', count)"
			" else state end, target, told, state, details::text"
			" from tracker.list_audit($1, $2)",
			params, 2, &rows, e))
			return false;
		n = pg_rows_count(rows);
		if (!ask->json)
			table_print(rows, columns, N_COLUMNS, titles, false);
		for (int i = 0; ask->json && i < n; i++)
			print_json(rows, i);
		if (n > 0)
			after = pg_int(rows, n - 1, 0);
		pg_rows_free(rows);
	}
	return true;
}
