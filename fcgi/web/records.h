/*
 * records -- the FastCGI records of one request, looked at before libfcgi sees them.
 *
 * libfcgi reads from a connection until it has what it wants, however long that takes, and believes every
 * length that it is told: one of two gigabytes ends the process. So nothing is given to it that is
 * not whole and right: BEGIN_REQUEST of a responder, PARAMS to their end, STDIN to its end, one
 * request at a time, nothing else.
 *
 * Threads	one at a time.
 * Ownership	the caller's storage; pieces are borrowed from the bytes that were given.
 * Errors	RECORDS_BROKEN: the connection is of no use any more.
 * Source	FastCGI 1.0, sections 3 and 5. nginx sends all parameters in one record, at most 65,535 bytes.
 */
#ifndef WEB_RECORDS_H
#define WEB_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDS_HEAD 8
#define RECORDS_PARAMS_MOST (64 * 1024)

/* As they are on the wire; libfcgi's header has them too, and is fcgx.c's alone. */
enum { RECORDS_VERSION = 1 };
enum {
	RECORDS_BEGIN = 1,
	RECORDS_END = 3,
	RECORDS_PARAMS = 4,
	RECORDS_STDIN = 5,
	RECORDS_STDOUT = 6
};
enum { RECORDS_RESPONDER = 1, RECORDS_KEEP = 1, RECORDS_BEGIN_LEN = 8 };

enum records_state { RECORDS_NONE, RECORDS_MORE, RECORDS_WHOLE, RECORDS_BROKEN };

struct records {
	enum records_state state;
	size_t params, body; /* bytes so far */
	bool keep;           /* the connection, after this request */
	bool odd; /* right, but libfcgi loses its place by such padding (tried with 2.4.2) */

	unsigned char head[RECORDS_HEAD]; /* of the record that is being read */
	size_t head_len, content_left, padding_left;
	unsigned id;
	enum { AT_BEGIN, AT_PARAMS, AT_STDIN } at;
	size_t begin_len; /* how much of BEGIN_REQUEST's content was read */

	/* Within the parameters: a pair's two lengths of one or four bytes, then as many bytes. */
	uint32_t length, name_len;
	int length_left; /* bytes of this length to come; 0: none was begun */
	bool has_name_len;
	uint64_t pair_left;
};

/* What of the bytes is content. */
struct records_piece {
	enum { PIECE_NONE, PIECE_PARAMS, PIECE_BODY } kind;
	const char *s;
	size_t len;
};

void records_begin(struct records *r);
/* Reads on; how many bytes it took: all of them, when it is called until the state changes or none are left. */
size_t records_take(struct records *r, const char *bytes, size_t len, struct records_piece *piece);

#endif
