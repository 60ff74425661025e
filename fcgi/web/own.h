/*
 * own -- the page /me, as it is asked for and as it answers who did something there.
 *
 * Ownership	all text is the caller's.
 */
#ifndef WEB_OWN_H
#define WEB_OWN_H

#include "web/page.h"
#include "web/session.h"

#define OWN_PATH "/me"

struct own_said {
	const char *sorry;  /* what hinders, in words that say what to do; NULL: nothing */
	const char *done;   /* what was done; NULL: nothing */
	const char *key;    /* a new one, shown once; NULL: none */
	const char *erased; /* who they are now; NULL: they are there still */
};

struct own_visit {
	bool by_https;
	const struct session *session; /* NULL: none, or one that is over */
	struct own_said said;
};

bool own_render(struct page *p, const struct own_visit *visit, struct err *e)
    __attribute__((warn_unused_result));

#endif
