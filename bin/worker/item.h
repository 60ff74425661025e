/*
 * item -- a job in hand, from its arrival to the tracker's word on its result.
 *
 * QUEUED -> RUNNING -> ENDED -> (told) freed. An item that was taken from the spool starts as ENDED.
 *
 * Ownership	an item owns all its text; it belongs to the hand's list until hand_forget. Identities
 *		live as long as the program.
 */
#ifndef WORKER_ITEM_H
#define WORKER_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "worker/run.h"

/* Who a lease was given to: this worker now, or what it was before (another run, or timed out). */
struct identity {
	struct identity *next;
	char *token;
	char name[256]; /* "" when not known any more */
	bool present;   /* speaks for itself; else late speaks for it */
	bool thanked;   /* a late result of it was accepted, so the tracker holds it present */
};

enum item_state { ITEM_QUEUED, ITEM_RUNNING, ITEM_ENDED };
enum outcome { OUT_DONE, OUT_FAILED, OUT_FLAGGED, OUT_RELEASED };

struct hand;
struct http_call;

struct item {
	struct item *next;
	enum item_state state;
	struct identity *who;
	int64_t job;
	char *lease; /* NULL: by v1, where a worker has one job */
	char stage[8];
	int64_t attempt; /* 0 = not said */
	bool is_json;    /* the input is JSON text, else plain text */
	struct buf input;

	struct run run;
	struct hand *hand; /* whose slot it is in */
	int slot;
	pid_t group; /* of its run */
	bool lost;   /* stopped because the job is somebody else's now: nothing to report */
	int64_t ended_us;

	enum outcome outcome;
	struct buf result;         /* of OUT_DONE: a JSON value */
	char reason[1024];         /* of the others */
	struct http_call *told_by; /* the call under way that carries the outcome */
	bool last_try;             /* its own token was refused: offered with the present one */
	char *spool_file;          /* its copy on disk; NULL = none */
	bool unspoolable;
};

struct item *item_new(struct identity *who, int64_t job, const char *lease);
void item_free(struct item *i);

#endif
