#include "domain/op.h"

#include <string.h>

static const char *const words[] = {
    [ST_NONE] = "none",
    [ST_PAUSED] = "paused",
    [ST_JOB] = "job",
    [ST_ACCEPTED] = "accepted",
    [ST_REPEAT] = "repeat",
    [ST_FENCED] = "fenced",
    [ST_UNKNOWN] = "unknown",
    [ST_NO_WORKER] = "no_worker",
    [ST_NO_JOB] = "no_job",
    [ST_DONE_BEFORE] = "done_before",
    [ST_OPENED] = "opened",
    [ST_NAME_TAKEN] = "name_taken",
    [ST_NO_STAGE] = "no_stage",
    [ST_BANNED] = "banned",
    [ST_NO_NAME] = "no_name",
    [ST_NO_KEY] = "no_key",
    [ST_CROWDED] = "crowded",
    [ST_CLOSED] = "closed",
    [ST_HELD] = "held",
    [ST_HINT] = "hint",
    [ST_DUE] = "due",
    [ST_ALLOWED] = "allowed",
    [ST_FULL] = "full",
    [ST_GATE] = "gate",
    [ST_REST] = "rest",
};

enum op_status
op_status_of(const char *word)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(word, words[i]) == 0)
			return (enum op_status)i;
	return ST_BAD;
}

const char *
op_status_word(enum op_status status)
{
	return status < sizeof(words) / sizeof(*words) ? words[status] : "bad";
}

int
op_compare_jobs(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool
op_is_v1(const struct op *op)
{
	switch (op->kind) {
	case OP_CLAIM:
		return op->claim.v1;
	case OP_COMPLETE:
	case OP_RETURN:
		/* One that names its job goes the long way, which looks at it. */
		return op->items.items[0].held && op->items.items[0].job == 0;
	default:
		return false;
	}
}

size_t
op_bytes(const struct op *op)
{
	size_t bytes = 0;

	if (op->kind == OP_CLAIM)
		bytes = op->claim.n_holding * 12; /* of an int8[] on the wire */
	if (op->kind == OP_COMPLETE || op->kind == OP_RETURN)
		for (size_t i = 0; i < op->items.n; i++)
			bytes += op->items.items[i].len + 64;
	return bytes;
}

size_t
op_items(const struct op *op)
{
	switch (op->kind) {
	case OP_COMPLETE:
	case OP_RETURN:
		return op->items.n;
	case OP_CLAIM:
		return (size_t)op->claim.want + op->claim.has_holding;
	default:
		return 1;
	}
}
