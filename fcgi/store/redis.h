/*
 * redis -- one connection to Redis, which may vanish at any moment.
 *
 * Commands are put into a pipeline and sent together; answers are read in order.
 *
 * Threads	a struct redis belongs to one thread at a time.
 * Ownership	redis_new/redis_free; replies are borrowed until the next redis_begin.
 * Errors	ERR_AWAY: gone, or it refuses (a replica, out of memory, loading, no right: whatever it says
 *		that is not about the one key); what was put may or may not have happened. The next use
 *		tries to connect again after a back-off (100 ms doubling to 5 s, jittered); connect and answers are bounded
 *		by 1 s. The program must ignore SIGPIPE. A NULL or empty address is a Redis that is always away.
 * Source	hiredis 0.14 (the only file that includes it).
 */
#ifndef STORE_REDIS_H
#define STORE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct redis;

enum redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_INT, REDIS_LIST, REDIS_ERROR };

struct redis_value {
	enum redis_kind kind;
	const char *s; /* text and error; NUL-ended */
	size_t len;
	int64_t n;
	const struct redis_value *items; /* of a list */
	size_t count;
};

/* "unix:/path?db=0", "redis://[[user]:password@]host:port/db" (port and db may be left out). */
struct redis *redis_new(const char *address);
void redis_free(struct redis *r); /* accepts NULL */
/* Checks an address without connecting. */
bool redis_check_address(const char *address, struct err *e);
/* How long until the next try to connect; 0 when connected or due. */
int64_t redis_retry_in_ms(const struct redis *r);
/* What the last ERR_AWAY was about in a word, "READONLY"; "" when Redis did not say anything. */
const char *redis_refusal(const struct redis *r);

/* Did the last ERR_AWAY come of a try? Not of waiting for the next one, nor of there being no Redis. */
bool redis_was_tried(const struct redis *r);

/* Starts a pipeline; put commands; flush sends all and reads all the answers. */
void redis_begin(struct redis *r);
void redis_put(struct redis *r, int argc, const char *const *argv, const size_t *lens);
/* NUL-ended words; ends with NULL. */
void redis_put_words(struct redis *r, ...) __attribute__((sentinel));
/* *values has one entry per put, in order; REDIS_ERROR among them only for a key of the wrong type. */
bool redis_flush(struct redis *r, const struct redis_value **values, size_t *count, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A connection used so is for nothing else. redis_next waits at most wait_ms; *message NULL when none,
 * else borrowed until the next call. After ERR_AWAY subscribe again.
 */
bool redis_subscribe(struct redis *r, const char *channel, struct err *e);
bool redis_next(struct redis *r, int64_t wait_ms, const char **message, size_t *len, struct err *e);

#endif
