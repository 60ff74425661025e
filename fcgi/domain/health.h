/*
 * health -- which parts of the pool can do their work, and since when not: /readyz, the metrics, two lines
 * in the log.
 *
 * Each process notes how its parts fare; whoever asks hears of the whole pool. A server is away from the first
 * part of any process that meets it so to the last that does not any more: one line in the log when it
 * begins, one when it is over.
 *
 * Threads	any, of any process. health_good costs two atomic words while all is well.
 * Ownership	struct shared's.
 * Units	*_us: monotonic microseconds, which all processes of a machine share.
 */
#ifndef DOMAIN_HEALTH_H
#define DOMAIN_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "domain/shared.h"
#include "store/redis.h"

/*
 * For a part of this process: it did its work; it cannot, for this reason. `code` is the reason in a word, of
 * which SHARED_WHY characters are kept: a sqlstate, or what Redis begins its errors with; may be "".
 */
void health_good(struct shared *s, enum health_part part);
void health_ill(struct shared *s, enum health_part part, const struct err *why, const char *code);
/*
 * A use of Redis came to this end: counted, and well or ill by it. That the connection is not tried yet (a back-off),
 * and that no Redis is set, is neither.
 */
void health_of_redis(
    struct shared *s, enum health_part part, const struct redis *r, bool good, const struct err *e);
/* Asks anew, as those parts of this process would that are ill and may not soon ask again themselves. `r` is the asker's alone. */
void health_ask_redis(struct shared *s, struct redis *r, const char *prefix, const char *channel);

struct health {
	int64_t good_us; /* when it last did its work, in any process; 0 = never yet */
	int64_t ill_us; /* since when it cannot, in the process where that is longest; 0 = it can */
	char why[SHARED_WHY + 1]; /* the code of that */
};

void health_read(const struct shared *s, enum health_part part, struct health *out);
/* Has any part of any process met this server so that it could not do its work, and none the contrary since? */
bool health_is_away(const struct shared *s, enum server server);
/* May workers be called silent? Not while a desk cannot take what they say. */
bool health_hears(const struct shared *s);
/* May jobs be handed out? Not while results could not be stored. */
bool health_stores_results(const struct shared *s);
/* Is it about Redis, without which the tracker still works? */
bool health_is_of_redis(enum health_part part);
const char *health_part_name(enum health_part part);

#endif
