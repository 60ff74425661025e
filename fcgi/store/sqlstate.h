/*
 * sqlstate -- whose fault a refusal of PostgreSQL's is: the one place that knows its codes.
 *
 * What is not this call's own fault is for the caller as if the server were away: wait, and ask again.
 * Some codes leave open whose fault it was (a time-out may be one huge result's, or everybody's): who has
 * an op that is refused alone looks whether others pass. All others are never an op's own, whatever passes.
 *
 * Source	PostgreSQL's errcodes.txt, class by class.
 */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

#include <stdbool.h>

enum sqlstate_blame {
	BLAME_CALL,  /* this call's own: the same would be refused by any server */
	BLAME_CLASH, /* somebody came between: the same again at once is likely to pass */
	BLAME_SCHEMA, /* a table, a function or a right is missing: our SQL is literal, so no call can help it */
	BLAME_EITHER, /* the server's for now, or this call's own by its size or the row that it needs */
	BLAME_SERVER,  /* no room, no connection, a fault: for everybody, for now */
	BLAME_SESSION, /* this connection is of no use any more, or goes to the wrong server */
};

/* Five characters; what is unknown, or empty, is the server's. */
enum sqlstate_blame sqlstate_blame(const char *state);
/* May one call meet this while all others pass? Only then is it ever given up. */
bool sqlstate_may_be_own(const char *state);

#endif
