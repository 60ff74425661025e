/*
 * json -- RFC 8259, strictly, over json-c.
 *
 * json-c alone takes single quotes, NaN, duplicate keys and clamps big integers (tried); json_parse
 * looks at the text first (base/scan.h) and refuses them. A tree costs up to three hundred times its
 * text, so it is for what the programs read; what a stranger sends to the tracker is only scanned.
 *
 * Threads	one: no program has more.
 * Ownership	json_parse's value is the caller's: json_free. Values found inside are borrowed.
 *		Text is valid as long as the value.
 * Errors	ERR_FIELD with one plain sentence.
 * Source	the only file that includes json-c.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/scan.h"

struct json_object;
typedef struct json_object json;

enum json_type_of {
	JSON_IS_NULL,
	JSON_IS_BOOL,
	JSON_IS_INT,
	JSON_IS_DOUBLE,
	JSON_IS_TEXT,
	JSON_IS_LIST,
	JSON_IS_OBJECT
};

json *json_parse(const char *text, size_t len, struct err *e);
void json_free(json *value);
enum json_type_of json_type(const json *value);

/* A member of an object, borrowed; NULL when absent (null is a value: JSON_IS_NULL). */
json *json_get(const json *object, const char *key);
size_t json_list_len(const json *list);
json *json_list_at(const json *list, size_t i);
/* False when the value is of another type, or an integer that int64_t does not hold. */
bool json_as_text(const json *value, struct json_text *out);
bool json_as_int(const json *value, int64_t *out);

/*
 * The exact bytes, as they were sent, of the members `key` of the objects in a list under a top-level
 * member, in one pass: json_spans(text, len, "done", "data", spans, max) fills spans[i] for item i.
 * What json-c cannot keep (big integers, the writing of doubles) is thereby stored untouched. False
 * when there is no such list. The text must have been accepted by json_parse.
 */
bool json_spans(const char *text, size_t len, const char *list, const char *key,
    struct json_span *spans, size_t max);
/* True when text[0..len) is one valid RFC 8259 value by the rules above, and nothing else. */
bool json_is_valid(const char *text, size_t len);

/* Writing: puts `"text"`, escaped; UTF-8 is kept as it is, and `/` is not escaped. */
void json_put_text(struct buf *b, const char *text, size_t len);
/* For a terminal or a log as well: what text_clean would take is there as \uXXXX, and no byte less is told. */
void json_put_shown(struct buf *b, const char *text, size_t len);
/* The same of a whole value, on one line without tabs, as PostgreSQL writes jsonb. */
void json_put_value_shown(struct buf *b, const char *value, size_t len);

#endif
