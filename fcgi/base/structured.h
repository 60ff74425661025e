/*
 * structured -- data as the tracker keeps it: a text, or JSON behind a mark.
 *
 *	any text	as it is
 *	list, object	"<!json!>" and its exact bytes
 *	other JSON	"<!json!>", a TAB, and its exact bytes
 *
 * The published client knows the mark and parses what follows it, the TAB included. It marks lists and
 * objects only, so what it calls "<!json!>5" is a text of nine characters and no number; the TAB is
 * how a number, true, false, null from /api/sync stays what it was, and likewise a string that would
 * be read as JSON if it were kept as it is. Where no JSON follows the mark, all of it is a text.
 *
 * Threads	any.
 * Ownership	borrows everything.
 * Source	distcompute-client 1.0.0.
 */
#ifndef BASE_STRUCTURED_H
#define BASE_STRUCTURED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define STRUCTURED_MARK "<!json!>"
#define STRUCTURED_HEAD_MAX (sizeof(STRUCTURED_MARK)) /* bytes: the mark and the TAB */

/* What is kept is JSON: *value is its text. False: it is a text, *value is left alone. */
bool structured_read(const char *data, size_t len, struct json_span *value);
/* It claims to be JSON, truly or not. */
bool structured_is_marked(const char *data, size_t len);
/*
 * What is kept before the bytes of a valid JSON value, which begin with no space. NULL: it is a string,
 * `text` its characters, and kept as these.
 */
const char *structured_head(const char *value, const struct json_text *text);

#endif
