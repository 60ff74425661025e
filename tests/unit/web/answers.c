#include "../test.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/clock.h"
#include "base/random.h"
#include "domain/health.h"
#include "store/pg_array.h"
#include "store/redis.h"

#define COLUMNS 40
#define NAME_BYTES 64

struct pg_rows {
	char of[NAME_BYTES];
	char column[COLUMNS][NAME_BYTES];
	int columns, rows;
	const char *cells; /* as its answer has them */
};

static const struct answer *answers;
static struct buf asked;
static struct arena texts;
static int64_t passed_us;
static bool without_redis;

int64_t __wrap_clock_us(void);
int64_t __wrap_clock_wall_us(void);

int64_t
__wrap_clock_us(void)
{
	return INT64_C(5000000000) + passed_us;
}

int64_t
__wrap_clock_wall_us(void)
{
	return ANSWERS_NOW_S * 1000000 + passed_us;
}

void
answers_pass_us(int64_t us)
{
	passed_us += us;
}

void
answers_begin(const struct answer *list)
{
	answers = list;
	buf_init(&asked, 0);
	arena_init(&texts);
}

const char *
answers_asked(void)
{
	const char *text = buf_text(&asked);

	return text ? text : "";
}

void
answers_without_redis(void)
{
	without_redis = true;
}

void
answers_end(void)
{
	without_redis = false;
	buf_fini(&asked);
	arena_fini(&texts);
}

/* ---- a statement ------------------------------------------------------------------------------- */

static void
copy(char out[NAME_BYTES], const char *from, size_t len)
{
	snprintf(out, NAME_BYTES, "%.*s", (int)(len < NAME_BYTES ? len : NAME_BYTES - 1), from);
}

/* Where this word stands outside of all brackets; the end when it does not. */
static const char *
find_outside(const char *at, const char *word)
{
	int depth = 0;

	for (; *at != 0; at++) {
		if (depth == 0 && strncmp(at, word, strlen(word)) == 0)
			return at;
		depth += (*at == '(') - (*at == ')');
	}
	return at;
}

static size_t
ident_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

/* What an expression is called: a function of ours by its name, else what stands behind its last dot, else all of it. */
static void
name_column(char out[NAME_BYTES], const char *expression, size_t len)
{
	const char *name = NULL;

	for (size_t i = 0; i + 1 < len; i++)
		if (expression[i] == '.' && ident_len(expression + i + 1) > 0)
			name = expression + i + 1;
	if (strncmp(expression, "tracker.", strlen("tracker.")) == 0)
		name = expression + strlen("tracker.");
	if (*expression == '(')
		copy(out, "inner", strlen("inner"));
	else if (name)
		copy(out, name, ident_len(name));
	else
		copy(out, expression, len);
}

/* "select r.done, r.held from tracker.read_worker($1, $2) r" */
static void
read_statement(struct pg_rows *rows, const char *sql)
{
	const char *at = sql + strlen("select "), *from = find_outside(at, " from "), *of;

	while (at < from) {
		const char *end = find_outside(at, ",");
		size_t len = (size_t)((end < from ? end : from) - at);

		at += strspn(at, " ");
		len = (size_t)((end < from ? end : from) - at);
		assert_true(rows->columns < COLUMNS);
		name_column(rows->column[rows->columns++], at, len);
		at = end + 1;
	}
	of = strstr(*from ? from : sql, "tracker.");
	if (!of)
		fail_msg("of nothing in the schema: %s", sql);
	of += strlen("tracker.");
	copy(rows->of, of, ident_len(of));
}

static int64_t
big_endian(const struct pg_param *param)
{
	const unsigned char *bytes = (const unsigned char *)param->bytes;
	uint64_t n = bytes[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < param->len; i++)
		n = n << 8 | bytes[i];
	return (int64_t)n;
}

static void
note_param(const struct pg_param *param)
{
	if (!param->bytes)
		buf_puts(&asked, "null");
	else if (param->oid == PG_TEXT)
		buf_printf(&asked, "'%.*s'", (int)param->len, param->bytes);
	else if (param->len <= sizeof(int64_t))
		buf_put_int(&asked, big_endian(param));
	else
		buf_printf(&asked, "%u bytes", (unsigned)param->len);
}

/* What it asks of whom, and under which condition. */
static void
note_statement(const char *sql, const struct pg_param *params)
{
	const char *from = find_outside(sql, " from ");

	for (const char *at = *from ? from + strlen(" from ") : sql; *at != 0; at++)
		if (*at == '$')
			note_param(&params[*++at - '1']);
		else
			buf_putc(&asked, *at);
	buf_putc(&asked, '\n');
}

bool
pg_call(struct pg *pg, const char *sql, const struct pg_param *params, int n, struct pg_rows **out,
    struct err *e)
{
	struct pg_rows *rows = arena_calloc(&texts, 1, sizeof(*rows));

	(void)pg, (void)n, (void)e;
	note_statement(sql, params);
	read_statement(rows, sql);
	rows->rows = 1;
	for (const struct answer *a = answers; a->of; a++)
		if (strcmp(a->of, rows->of) == 0) {
			rows->rows = a->rows;
			rows->cells = a->cells;
		}
	*out = rows;
	return true;
}

/* ---- cells --------------------------------------------------------------------------------------- */

/* What was said of this cell; NULL when nothing was. */
static const char *
find_said(const struct pg_rows *rows, int row, const char *column)
{
	size_t len = strlen(column);

	for (const char *at = rows->cells; at && *at;) {
		const char *end = at + strcspn(at, ";");

		if (strncmp(at, column, len) == 0 && at[len] == '=') {
			at += len + 1;
			for (; row > 0 && at + strcspn(at, "|;") < end; row--)
				at += strcspn(at, "|") + 1;
			return arena_dup(&texts, at, strcspn(at, "|;"));
		}
		at = *end ? end + 1 + strspn(end + 1, " ") : end;
	}
	return NULL;
}

static const char *
said(const struct pg_rows *rows, int row, int column)
{
	assert_true(row >= 0 && row < rows->rows && column >= 0 && column < rows->columns);
	return find_said(rows, row, rows->column[column]);
}

/* The number of a cell of which nothing was said: by function, column and row. */
static int64_t
number_of(const struct pg_rows *rows, int row, int column)
{
	const char *parts[] = {rows->of, rows->column[column]};
	uint32_t sum = 2166136261U + (uint32_t)row * 97U;

	for (size_t i = 0; i < COUNT(parts); i++)
		for (const char *c = parts[i]; *c != 0; c++)
			sum = (sum ^ (unsigned char)*c) * 16777619U;
	return 1000 + sum % 99000;
}

static void
expect_no_other(const struct pg_rows *rows, int row, int column)
{
	for (int i = 0; i < rows->columns; i++)
		if (i != column && !said(rows, row, i) &&
		    strcmp(rows->column[i], rows->column[column]) != 0 &&
		    number_of(rows, row, i) == number_of(rows, row, column))
			fail_msg("%s: %s and %s are one number", rows->of, rows->column[i],
			    rows->column[column]);
}

int
pg_rows_count(const struct pg_rows *rows)
{
	return rows->rows;
}

void
pg_rows_free(struct pg_rows *rows)
{
	(void)rows;
}

bool
pg_is_null(const struct pg_rows *rows, int row, int column)
{
	const char *text = said(rows, row, column);

	return text && strcmp(text, "null") == 0;
}

int64_t
pg_int(const struct pg_rows *rows, int row, int column)
{
	const char *text = said(rows, row, column);

	if (text)
		return atoll(text);
	expect_no_other(rows, row, column);
	return number_of(rows, row, column);
}

double
pg_double(const struct pg_rows *rows, int row, int column)
{
	const char *text = said(rows, row, column);

	return text ? atof(text) : (double)number_of(rows, row, column) / 1000;
}

bool
pg_bool(const struct pg_rows *rows, int row, int column)
{
	const char *text = said(rows, row, column);

	return text && strcmp(text, "yes") == 0;
}

const char *
pg_text(const struct pg_rows *rows, int row, int column, size_t *len)
{
	const char *text = said(rows, row, column);

	if (pg_is_null(rows, row, column))
		text = "";
	else if (!text)
		text = arena_printf(&texts, "%s<%d>&\"'", rows->column[column], row);
	if (len)
		*len = strlen(text);
	return text;
}

const char *
pg_dup(struct arena *a, const struct pg_rows *rows, int row, int column)
{
	size_t len;
	const char *text = pg_text(rows, row, column, &len);

	return arena_dup(a, text, len);
}

int64_t
pg_time_us(const struct pg_rows *rows, int row, int column)
{
	const char *text = said(rows, row, column);
	int64_t ago_s = text ? atoll(text) : number_of(rows, row, column);

	if (pg_is_null(rows, row, column))
		return 0;
	return (ANSWERS_NOW_S - ago_s) * 1000000;
}

/* ---- Redis --------------------------------------------------------------------------------------- */

/* Each worker was heard a number of seconds ago, and said something. */
#define HEARD_MOST 200
static struct redis_value heard[HEARD_MOST];
static size_t n_heard;

void
redis_begin(struct redis *r)
{
	(void)r;
	n_heard = 0;
}

void
redis_put_words(struct redis *r, ...)
{
	const char *word;
	va_list words;

	(void)r;
	if (n_heard++ > 0)
		return;
	va_start(words, r);
	buf_puts(&asked, "redis:");
	while ((word = va_arg(words, const char *)))
		buf_printf(&asked, " %s", word);
	va_end(words);
}

bool
redis_flush(struct redis *r, const struct redis_value **values, size_t *count, struct err *e)
{
	(void)r, (void)e;
	assert_true(n_heard <= HEARD_MOST);
	buf_printf(&asked, ", and so on: %u\n", (unsigned)n_heard);
	for (size_t i = 0; i < n_heard; i++) {
		struct redis_value *items = arena_calloc(&texts, 2, sizeof(*items));
		const char *at = arena_printf(
		    &texts, "%lld", (long long)(ANSWERS_NOW_S - 7 - (int64_t)i) * 1000);
		const char *progress = arena_printf(&texts, "<%d> of 99%%", (int)i);

		items[0] = (struct redis_value){.kind = REDIS_TEXT, .s = at, .len = strlen(at)};
		items[1] = (struct redis_value){
		    .kind = REDIS_TEXT, .s = progress, .len = strlen(progress)};
		heard[i] = (struct redis_value){.kind = REDIS_LIST, .items = items, .count = 2};
	}
	*values = heard;
	*count = n_heard;
	return !without_redis;
}

void
health_of_redis(
    struct shared *s, enum health_part part, const struct redis *r, bool good, const struct err *e)
{
	(void)s, (void)part, (void)r, (void)good, (void)e;
}

/* ---- what settings.c asks of both, which no page does ------------------------------------------- */

bool
pg_check_conninfo(const char *conninfo, struct err *e)
{
	(void)conninfo, (void)e;
	return true;
}

bool
redis_check_address(const char *address, struct err *e)
{
	(void)address, (void)e;
	return true;
}
