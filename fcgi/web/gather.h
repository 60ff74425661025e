/*
 * gather -- a request that does not come in one piece, put together without a thread that waits for it.
 *
 * Ownership	gather_new/_free; the body can be taken out.
 * Threads	one at a time.
 * Errors	RECORDS_BROKEN also when the other end is gone, or there is no memory.
 */
#ifndef WEB_GATHER_H
#define WEB_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "web/records.h"

/* Of a body that is gathered no more is kept than is of use. */
struct fcgx_limits {
	size_t body_most; /* of any */
	size_t (*body_of)(const struct fcgx_limits *limits, const char *uri, size_t len);
};

struct gather {
	struct records records;
	struct buf params; /* as they were sent, without their records */
	struct buf body;
	const struct fcgx_limits *limits;
	size_t body_most; /* what comes beyond is not kept */
	int64_t since_us; /* monotonic */
};

struct gather *gather_new(const struct fcgx_limits *limits);
void gather_free(struct gather *g); /* accepts NULL */
/* Reads what there is by now, 128 KiB at most, or a MiB of a long one: others wait too. */
enum records_state gather_read(struct gather *g, int fd, bool is_long);
/* Writes the request without its body, as libfcgi reads it. */
bool gather_write_head(const struct gather *g, int fd);

#endif
