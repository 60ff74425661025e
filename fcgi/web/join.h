/*
 * join -- the page /join, as it is asked for and as it answers who takes a name.
 *
 * Ownership	all text is the caller's.
 */
#ifndef WEB_JOIN_H
#define WEB_JOIN_H

#include "web/page.h"

struct join_said {
	const char *status; /* tracker.sign_up's word, or "refused" with words */
	const char *name;   /* whose it is now, or which other one it looks like; "" */
	const char *words;  /* "" */
	const char *key;    /* of "made": shown once */
	const char *typed;  /* what stood in the form */
	const char *url;    /* by which we were reached, where base_url does not say it */
};

/* said NULL: nobody has asked for anything yet. */
bool join_render(struct page *p, const struct join_said *said, struct err *e)
    __attribute__((warn_unused_result));

#endif
