/*
 * scan -- JSON (RFC 8259, strictly) looked at where it stands: nothing is copied and no tree is built.
 *
 * This is for what strangers send: a value costs nothing but its own bytes, whatever its shape. Only
 * the keys of the objects that are open are noted, 8 bytes each, so that one that stands twice is found.
 *
 *	struct scan_field field[] = {{.name = "token"}, {.name = "data"}};
 *	scan_fields(text, len, field, 2, e) && scan_as_text(field[0].value, room, &token)
 *
 * Refused, beside what is no JSON: a key twice, half a surrogate pair, a NUL character (PostgreSQL's text
 * has none), nesting over a depth.
 *
 * Threads	any.
 * Ownership	spans are borrowed from the text.
 * Errors	ERR_FIELD with one plain sentence. What takes a span believes that it was found in a text
 *		that was looked at before.
 * Units	depth: lists and objects, one in the other.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_DEPTH 64 /* of data, and of whatever else is one value */
#define JSON_DEPTH_AROUND                                                                          \
	(JSON_DEPTH + 3) /* of a call or an answer: data stands three levels down */

/* A value's bytes as they were sent; s NULL = absent. */
struct json_span {
	const char *s;
	size_t len;
};

struct json_text {
	const char *s; /* ends in NUL; has no NUL inside */
	size_t len;
};

/*
 * A member of an object that is looked for, by its decoded name.
 *
 * Where it is `lenient`, faults inside of it of which a single value can be blamed (a NUL, half a pair, a key
 * twice, nesting, NaN and Infinity) are let pass and make it `doubtful`: the caller then asks
 * scan_fault of each value in it.
 */
struct scan_field {
	const char *name;
	bool lenient, doubtful;
	struct json_span value;
};

/* What is wrong with a text, as a client hears it, and as a log or a loader names it. */
struct scan_fault {
	const char *said, *why;
};

/* Of a text that should be one value: the first fault, and where; NULL: there is none. */
const struct scan_fault *scan_fault(const char *text, size_t len, int depth, size_t *at);
/* The same as an error. */
bool scan_check(const char *text, size_t len, int depth, struct err *e);

/* Looks at the whole text, which must be one object, and notes where its fields are. */
bool scan_fields(const char *text, size_t len, struct scan_field *fields, size_t n, struct err *e);

/* The same within an object found before; false when the span is none. */
bool scan_members(struct json_span object, struct scan_field *fields, size_t n);

/* The next item of a list, and *rest is what follows; begin with the list itself. */
bool scan_next(struct json_span *rest, struct json_span *item);
bool scan_is_list(struct json_span value);
/* Counts up to `most` + 1 items. */
size_t scan_count(struct json_span list, size_t most);

/* False when the value is of another type, or is an integer that int64_t does not hold. */
bool scan_as_int(struct json_span value, int64_t *out);
/*
 * Decodes a string into room (of value.len bytes), which may be the very place where the value stands:
 * decoding never grows. Then the value can be read no more. False: no string, or no text (NUL, half a pair).
 */
bool scan_as_text(struct json_span value, char *room, struct json_text *out);

/* First byte from s on that a JSON string cannot hold as it is: a control, a quote, a backslash; or end. */
const char *scan_plain_run(const char *s, const char *end);

#endif
