/*
 * fuzz_scan -- any bytes as a call's body: what is taken strictly is taken leniently, what is found is JSON, and
 * decoding in place and elsewhere agree.
 *
 * Strictly, a text is taken when the tree of json-c would be, and is an object. Leniently, whatever is refused within
 * the lenient field is found again by looking at its items one by one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scan.h"
#include "base/text.h"

enum { STRICT, LENIENT, FIELDS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool so)
{
	if (!so)
		abort();
}

static bool
look(const char *text, size_t len, bool lenient, struct scan_field field[FIELDS])
{
	struct err e = ERR_INIT;
	bool taken;

	field[STRICT] = (struct scan_field){.name = "a"};
	field[LENIENT] = (struct scan_field){.name = "b", .lenient = lenient};
	taken = scan_fields(text, len, field, FIELDS, &e);
	must(taken == (e.kind == ERR_NONE));
	return taken;
}

/* Into another place, and where it stands, of a copy of its own. */
static void
decode(struct json_span value)
{
	char *room = malloc(value.len + 1), *place = malloc(value.len + 1);
	struct json_text apart = {"", 0}, there = {"", 0};
	bool good;

	memcpy(place, value.s, value.len);
	good = scan_as_text(value, room, &apart);
	must(scan_as_text((struct json_span){place, value.len}, place, &there) == good);
	if (good) {
		must(apart.len == there.len && memcmp(apart.s, there.s, apart.len + 1) == 0);
		must(text_is_utf8(apart.s, apart.len) && strlen(apart.s) == apart.len);
	}
	free(room);
	free(place);
}

/* The faults among the items; a list that is none is looked at as one. */
static size_t
count_faults(struct json_span list)
{
	size_t faults = 0, items = 0, at;
	struct json_span item;
	int64_t n;

	if (!scan_is_list(list))
		return scan_fault(list.s, list.len, JSON_DEPTH_AROUND, &at) ? 1 : 0;
	while (scan_next(&list, &item)) {
		struct scan_field field = {.name = "a"};

		items++;
		(void)scan_as_int(item, &n);
		decode(item);
		if (scan_members(item, &field, 1) && field.value.s)
			decode(field.value);
		faults += scan_fault(item.s, item.len, JSON_DEPTH_AROUND - 2, &at) ? 1 : 0;
	}
	must(!scan_next(&list, &item));
	return faults;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct scan_field strict[FIELDS], lenient[FIELDS];
	struct err e = ERR_INIT;
	json *tree = json_parse(text, size, &e);
	bool taken = look(text, size, false, strict);

	must(taken == (tree && json_type(tree) == JSON_IS_OBJECT));
	must(!taken || look(text, size, true, lenient));
	if (look(text, size, true, lenient) && lenient[LENIENT].value.s) {
		must(lenient[LENIENT].doubtful == !taken);
		must((count_faults(lenient[LENIENT].value) > 0) == lenient[LENIENT].doubtful);
	}
	if (taken && strict[STRICT].value.s)
		decode(strict[STRICT].value);
	json_free(tree);
	return 0;
}
