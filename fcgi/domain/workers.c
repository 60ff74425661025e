/* Workers who arrive, are heard of and leave, as the arrays of sql/functions. */
#include <string.h>

#include "domain/bundle.h"
#include "domain/presence.h"

static void
put_text_or_null(struct pg_array *array, const char *s, size_t len)
{
	if (s)
		pg_array_text(array, s, len);
	else
		pg_array_null(array);
}

static bool
open_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*names = bundle_array(b, 1, PG_TEXT_ARRAY),
			*stages = bundle_array(b, 2, PG_INT2_ARRAY),
			*nicknames = bundle_array(b, 3, PG_TEXT_ARRAY),
			*addresses = bundle_array(b, 4, PG_TEXT_ARRAY),
			*labels = bundle_array(b, 5, PG_TEXT_ARRAY),
			*before = bundle_array(b, 6, PG_TEXT_ARRAY),
			*folded = bundle_array(b, 7, PG_UUID_ARRAY),
			*written = bundle_array(b, 8, PG_UUID_ARRAY),
			*keys = bundle_array(b, 9, PG_UUID_ARRAY),
			*slots = bundle_array(b, 10, PG_INT4_ARRAY),
			*said = bundle_array(b, 11, PG_TEXT_ARRAY);
	struct pg_scalar must_key;
	struct pg_param params[14];
	char mark[NICKNAME_MARK];

	for (int i = 0; i < b->n; i++) {
		const struct op *op = b->ops[i];
		const char *address = op->open.address;

		bundle_add_item(b, b->ops[i], 0);
		pg_array_uuid(tokens, &op->token);
		pg_array_text(names, op->open.name, op->open.name_len);
		pg_array_int2(stages, (int16_t)op->open.stage);
		put_text_or_null(nicknames, op->open.nickname, op->open.nickname_len);
		put_text_or_null(addresses, address, address ? strlen(address) : 0);
		pg_array_text(labels, op->open.label, op->open.label_len);
		put_text_or_null(before, op->open.before, op->open.before_len);
		pg_array_uuid(folded, &op->open.look.folded);
		pg_array_uuid(written, &op->open.look.written);
		if (op->open.key)
			pg_array_uuid(keys, op->open.key);
		else
			pg_array_null(keys);
		pg_array_int4(slots, op->open.slots);
		pg_array_text(said, op->open.has, strlen(op->open.has));
	}
	for (int i = 0; i < 10; i++)
		params[i] = pg_array_param(&b->array[i]);
	params[10] = pg_text_param(mark, strlen(nickname_mark(mark)));
	params[11] = pg_bool_param(&must_key, settings_must_key(t->settings));
	params[12] = pg_array_param(slots);
	params[13] = pg_array_param(said);
	return pg_send(pg,
	    "select item, status, worker, words"
	    " from tracker.open_workers($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $10, $12, $13, "
	    "$14)",
	    params, 14, e);
}

static void
open_read(struct tracker *t, struct bundle *b)
{
	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		struct bundle_item *item = bundle_item_of(b, row);
		struct op *op;

		if (!item)
			continue;
		op = item->op;
		op->status = op_status_of(pg_text(b->rows, row, 1, NULL));
		op->open.words = pg_text(b->rows, row, 3, NULL);
		if (op->status != ST_OPENED)
			continue;
		op->worker.id = pg_int(b->rows, row, 2);
		op->worker.stage = op->open.stage;
		op->worker.said = presence_words(op->open.has, op->open.label, op->open.label_len);
		presence_put(t->presence, &op->token, op->generation, &op->worker);
		stat_add(STAT_OPENED, 1);
	}
}

const struct bundle_kind bundle_open = {open_send, open_read};

static bool
touch_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY);
	struct pg_scalar refresh;
	struct pg_param params[2];

	for (int i = 0; i < b->n; i++) {
		bundle_add_item(b, b->ops[i], 0);
		pg_array_uuid(tokens, &b->ops[i]->token);
	}
	params[0] = pg_array_param(tokens);
	params[1] = pg_int4_param(&refresh, (int32_t)(t->settings->idle_timeout_s / 8));
	return pg_send(
	    pg, "select item, worker, stage from tracker.touch_workers($1, $2)", params, 2, e);
}

/* A row is a worker who is here: item, worker, stage. `said`: it told its words, and they are stored. */
static void
read_present(struct tracker *t, struct bundle *b, bool said)
{
	for (int i = 0; i < b->n; i++)
		b->ops[i]->status = ST_NO_WORKER;
	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		struct bundle_item *item = bundle_item_of(b, row);
		struct op *op;

		if (!item)
			continue;
		op = item->op;
		op->status = ST_ACCEPTED;
		op->worker.id = pg_int(b->rows, row, 1);
		op->worker.stage = (int)pg_int(b->rows, row, 2);
		if (said)
			op->worker.said =
			    presence_words(op->say.has, op->say.label, op->say.label_len);
		presence_put(t->presence, &op->token, op->generation, &op->worker);
	}
}

static void
touch_read(struct tracker *t, struct bundle *b)
{
	read_present(t, b, false);
}

const struct bundle_kind bundle_touch = {touch_send, touch_read};

static bool
say_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY),
			*said = bundle_array(b, 1, PG_TEXT_ARRAY),
			*labels = bundle_array(b, 2, PG_TEXT_ARRAY);
	struct pg_param params[3];

	(void)t;
	for (int i = 0; i < b->n; i++) {
		const struct op *op = b->ops[i];

		bundle_add_item(b, b->ops[i], 0);
		pg_array_uuid(tokens, &op->token);
		put_text_or_null(said, op->say.has, op->say.has ? strlen(op->say.has) : 0);
		put_text_or_null(labels, op->say.label, op->say.label_len);
	}
	params[0] = pg_array_param(tokens);
	params[1] = pg_array_param(said);
	params[2] = pg_array_param(labels);
	return pg_send(pg,
	    "select item, worker, stage, gone, freed from tracker.say_words($1, $2, $3)", params, 3,
	    e);
}

/* What is cached of it is wrong from now on, here and on other hosts; its jobs wait for others. */
static void
note_gone(struct tracker *t, const struct uuid *token, int stage, int64_t freed)
{
	shared_bump(t->shared, token);
	t->worker_changed(t, token);
	if (freed > 0) {
		tracker_counts_changed(t);
		t->work_appeared(t, stage, freed);
	}
}

static void
say_read(struct tracker *t, struct bundle *b)
{
	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		int64_t gone = pg_int(b->rows, row, 3);

		if (gone >= 1 && gone <= (int64_t)b->n_items)
			note_gone(t, &b->items[gone - 1].op->token, (int)pg_int(b->rows, row, 2),
			    pg_int(b->rows, row, 4));
	}
	read_present(t, b, true);
}

const struct bundle_kind bundle_say = {say_send, say_read};

static bool
close_send(struct tracker *t, struct bundle *b, struct pg *pg, struct err *e)
{
	struct pg_array *tokens = bundle_array(b, 0, PG_UUID_ARRAY);
	struct pg_param param;

	(void)t;
	for (int i = 0; i < b->n; i++) {
		bundle_add_item(b, b->ops[i], 0);
		pg_array_uuid(tokens, &b->ops[i]->token);
	}
	param = pg_array_param(tokens);
	return pg_send(
	    pg, "select item, status, stage, freed from tracker.close_workers($1)", &param, 1, e);
}

static void
close_read(struct tracker *t, struct bundle *b)
{
	for (int row = 0; row < pg_rows_count(b->rows); row++) {
		struct bundle_item *item = bundle_item_of(b, row);
		struct op *op;

		if (!item)
			continue;
		op = item->op;
		op->status = op_status_of(pg_text(b->rows, row, 1, NULL));
		if (op->status != ST_CLOSED)
			continue;
		stat_add(STAT_CLOSED, 1);
		note_gone(t, &op->token, (int)pg_int(b->rows, row, 2), pg_int(b->rows, row, 3));
	}
}

const struct bundle_kind bundle_close = {close_send, close_read};
