/*
 * err -- one error for everything that can go wrong.
 *
 * An error has two readers, so two texts: what is said to the client, and why, for the log.
 * The first cause is kept: err_set on an error that is already set does nothing.
 *
 * Ownership	struct err is the caller's, usually on its stack; start it with ERR_INIT.
 * Errors	none of its own; `why` is cut at its end.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_INPUT,     /* the client's request is wrong: 400 */
	ERR_FIELD,     /* a field or parameter is missing or of the wrong type: 422 */
	ERR_TOO_LARGE, /* the body is over the limit: 413 */
	ERR_METHOD,    /* the path exists, the method does not: 405 */
	ERR_MISSING,   /* no such thing: 404 */
	ERR_REFUSED,   /* understood and refused: 403 */
	ERR_KEY,       /* a key is missing, or another one is needed: 401 */
	ERR_AWAY,      /* PostgreSQL or Redis cannot be reached now: try again */
	ERR_BUSY,      /* a bound is reached: try again */
	ERR_SQL,       /* PostgreSQL answered with an error; sqlstate is set */
	ERR_BUG        /* ours: 500 */
};

struct err {
	enum err_kind kind; /* reply.c alone turns it into a status */
	const char *said;   /* to the client: static or arena text, nothing internal; may be NULL */
	const char *file;
	int line;
	char sqlstate[6]; /* of ERR_SQL, else empty */
	char why[256];    /* to the log: never a token */
};

#define ERR_INIT ((struct err){.kind = ERR_NONE})

/* Sets the error unless one is set already. Always returns false, so: return err_set(...). */
#define err_set(e, kind_, said_, ...)                                                              \
	err_false(err_set_at((e), __FILE__, __LINE__, (kind_), (said_), __VA_ARGS__))

/* So that compilers and analyzers know it too, and look no further down such a path. */
static inline bool
err_false(bool set)
{
	(void)set;
	return false;
}

bool err_set_at(struct err *e, const char *file, int line, enum err_kind kind, const char *said,
    const char *why_format, ...) __attribute__((format(printf, 6, 7)));

/* Forgets the error, so that the next one is kept. */
void err_clear(struct err *e);

const char *err_kind_name(enum err_kind kind);

#endif
