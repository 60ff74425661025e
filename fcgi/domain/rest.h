/*
 * rest -- why a worker gets nothing for now, in words for whoever looks after it: what, until when, and what to do.
 *
 * Units	bad_row: ends in a row that brought nothing; 0: it has its address's rest (count_newcomers).
 * Errors	none; what has no room is cut.
 */
#ifndef DOMAIN_REST_H
#define DOMAIN_REST_H

#include <stddef.h>
#include <stdint.h>

#define REST_TEXT 400 /* bytes for any of these */

/* "its last 6 jobs failed, were flagged or were given back": why it rests, as a part of a sentence. */
void rest_cause(char *out, size_t size, int64_t bad_row);
/* What ends a rest of that kind sooner, as a sentence. */
const char *rest_remedy(int64_t bad_row);
/* All of it, to the worker itself. */
void rest_text(char *out, size_t size, int64_t rests_s, int64_t bad_row);
/* That it holds as many jobs as it may. */
void rest_full_text(char *out, size_t size, int allowance);

#endif
