/* Who did what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/cells.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "store/pg_array.h"

#define PAGE 1000 /* lines a query */

/* ---- the list -------------------------------------------------------------------------------- */

static void
print_json(const struct pg_rows *rows, int i)
{
	static const char *const names[] = {"who", "act", "target", "state"};
	const char *details;
	struct buf b;
	size_t len;
	char at[32];

	buf_init(&b, 0);
	clock_iso(at, pg_time_us(rows, i, 5));
	buf_printf(&b, "{\"id\":%lld,\"at\":\"%s\",\"count\":%lld", (long long)pg_int(rows, i, 0),
	    at, (long long)pg_int(rows, i, 6));
	for (int n = 0; n < 4; n++)
		cell_json(&b, names[n], rows, i, n + 1);
	buf_puts(&b, ",\"details\":");
	details = pg_text(rows, i, 7, &len);
	json_put_value_shown(&b, details, len);
	buf_putc(&b, '}');
	tool_print(&b, "");
	buf_fini(&b);
}

/* How it stands; of an undo of which a part came back, how many of how many. */
static const char *
state_text(const struct pg_rows *rows, int i, char room[64])
{
	const char *state = pg_text(rows, i, 4, NULL);

	if (strcmp(state, "part back") != 0)
		return state;
	snprintf(room, 64, "%lld of %lld back", (long long)pg_int(rows, i, 8),
	    (long long)pg_int(rows, i, 6));
	return room;
}

static void
print_line(const struct pg_rows *rows, int i)
{
	char at[32], who[CELL_TEXT], target[CELL_TEXT], state[64];

	clock_iso(at, pg_time_us(rows, i, 5));
	printf("%6lld  %s  %-20s  %-10s %9lld  %-10s %s\n", (long long)pg_int(rows, i, 0), at,
	    cell_text(rows, i, 1, who), pg_text(rows, i, 2, NULL), (long long)pg_int(rows, i, 6),
	    state_text(rows, i, state), cell_text(rows, i, 3, target));
}

bool
admin_audit(struct ask *ask, struct err *e)
{
	int64_t after = 0;
	int n = PAGE;

	while (n == PAGE) {
		struct pg_scalar room[2];
		struct pg_param params[] = {
		    pg_int8_param(&room[0], after), pg_int4_param(&room[1], PAGE)};
		struct pg_rows *rows = NULL;

		if (!pg_call(ask->tool->pg,
			"select id, who, act, target, state, at, count, details::text,"
			" coalesce((details ->> 'taken_back')::bigint, 0)"
			" from tracker.list_audit($1, $2)",
			params, 2, &rows, e))
			return false;
		n = pg_rows_count(rows);
		for (int i = 0; i < n; i++)
			(ask->json ? print_json : print_line)(rows, i);
		if (n > 0)
			after = pg_int(rows, n - 1, 0);
		pg_rows_free(rows);
	}
	return true;
}
