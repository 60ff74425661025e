/*
 * sqlstate -- whose fault a refusal of PostgreSQL's is: the one place that knows its codes.
 *
 * What is not this call's own fault is for the caller as if the server were away: wait, and ask again.
 * A code says what kind of thing went wrong, never for certain whose fault it was (a result may be
 * too large for a disk that has room for all others), so who has an op that is refused alone looks whether
 * others pass.
 *
 * Source	PostgreSQL's errcodes.txt, class by class.
 */
#ifndef STORE_SQLSTATE_H
#define STORE_SQLSTATE_H

enum sqlstate_blame {
	BLAME_CALL,  /* this call's own: the same would be refused by any server */
	BLAME_CLASH, /* somebody came between: the same again at once is likely to pass */
	BLAME_SCHEMA, /* a table, a function or a right is missing: our SQL is literal, so no call can help it */
	BLAME_SERVER,  /* no room, no time, a lock, a fault: for everybody, for now */
	BLAME_SESSION, /* this connection is of no use any more, or goes to the wrong server */
};

/* Five characters; what is unknown, or empty, is the server's. */
enum sqlstate_blame sqlstate_blame(const char *state);

#endif
