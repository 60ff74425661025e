/*
 * op -- one thing asked of the database, on its way to a bundle.
 *
 * A handler makes an op and puts it into the queue of its kind; a committer sends all that wait
 * in ONE call, writes each op's result into it and calls `answer`, after the commit.
 *
 * Threads	an op belongs to one thread at a time: its maker until op_submit, its committer until
 *		answer is called, then whoever answer gives it to.
 * Ownership	an op lives in its owner's arena (usually a request's) and dies with it. What a result
 *		borrows from PostgreSQL's rows (job.data) is valid only while `answer` runs.
 * Units	*_us: monotonic microseconds.
 * Errors	`err` is set when the op could not be done at all: ERR_AWAY, ERR_BUSY, ERR_BUG.
 */
#ifndef DOMAIN_OP_H
#define DOMAIN_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/queue.h"
#include "base/random.h"
#include "domain/nickname.h"
#include "domain/settings.h"

enum op_kind {
	OP_OPEN,     /* a worker arrives */
	OP_TOUCH,    /* who is this token, and: it was heard */
	OP_CLAIM,    /* give me jobs */
	OP_COMPLETE, /* results */
	OP_RETURN,   /* failed, flagged, released */
	OP_SAY,      /* what a worker has */
	OP_CLOSE,    /* bye */
	OP_FETCH,    /* a claim whose jobs have long data: their data */
	OP_COUNT,    /* the stages' counts */
	OP_RENDER,   /* a page */
	OP_ACT,      /* the form of a page: it writes, and may take a minute */
	OP_KINDS
};

/* What the database said of an item; the words are those of sql/functions. */
enum op_status {
	ST_NONE,   /* claim: nothing now */
	ST_PAUSED, /* claim: the stage is paused */
	ST_JOB,    /* claim: jobs came */
	ST_ACCEPTED,
	ST_REPEAT,  /* had exactly this already */
	ST_FENCED,  /* handed to somebody else */
	ST_UNKNOWN, /* of an item: never heard of; of a claim: no such worker */
	ST_NO_WORKER,
	ST_NO_JOB,      /* v1: holds no job */
	ST_DONE_BEFORE, /* v1: the job is done already */
	ST_OPENED,
	ST_NAME_TAKEN,
	ST_NO_STAGE, /* open: the stage is not in the database */
	ST_BANNED,   /* open: not welcome */
	ST_NO_NAME,  /* open: may be no new name */
	ST_NO_KEY,   /* open: the name is somebody's */
	ST_CROWDED,  /* open: too many newcomers where it comes from */
	ST_CLOSED,
	ST_HELD,    /* claim: what it has of the jobs that it lists */
	ST_HINT,    /* claim: the last position taken from ready */
	ST_DUE,     /* claim: since when what came back may be due */
	ST_ALLOWED, /* claim: how many jobs it may hold */
	ST_FULL,    /* claim: it holds as many */
	ST_GATE,    /* claim: work waits for its turn, because of a rate */
	ST_REST,    /* claim: nothing before it has rested */
	ST_BAD      /* a word that this tracker does not know */
};

enum op_status op_status_of(const char *word);
const char *op_status_word(enum op_status status);

struct reader;
struct stage_counts;

struct worker_id {
	int64_t id;
	int stage;     /* 1..5; 0 = not known */
	uint64_t has;  /* of a claim that got nothing: bits of the words that it has */
	int unneeded;  /* of such a claim: how many of its words no batch has needed yet */
	uint64_t said; /* hash of its words, as it said them last; 0 = not known */
};

struct job {
	struct job *next;
	int64_t number;
	struct uuid lease;
	int stage, attempt;
	const char *data; /* borrowed from the rows; NULL until it is read, when it is long */
	size_t len;
};

/* A result or a job that comes back. */
struct item {
	bool
	    held; /* v1: the job in hand, whose lease it does not know; `job` is 0, or what it must be */
	int64_t job; /* the first is 1 */
	struct uuid lease;
	const char *data; /* complete: the result, UTF-8 without NUL; return: the reason */
	size_t len;
	struct uuid hash;      /* complete: of data */
	const char *kind;      /* return: "failed", "flagged", "released", "undelivered" */
	enum op_status status; /* result */
	int stage;             /* result */
};

struct op {
	struct queue_entry entry; /* first: queues hold ops by it */
	enum op_kind kind;
	bool rerun; /* sent before, and its commit may have happened */
	int64_t arrived_us;
	int64_t give_up_us; /* while PostgreSQL is away: answered with ERR_AWAY after this */
	int64_t again_us;   /* run/parked's: not before */
	struct uuid token;  /* hash of the token, never the token */
	void (*answer)(struct op *op);
	void *owner;
	struct arena *arena; /* for results */
	struct err err;
	enum op_status status;
	struct worker_id worker; /* result, where the database says it */
	uint32_t
	    generation; /* presence: read before the op was made; a claim's: before it was sent */

	union {
		struct {
			const char *name, *nickname, *label;
			const char *before;  /* as it was sent; NULL: as nickname is */
			const char *address; /* NULL: not known */
			size_t name_len, nickname_len, label_len, before_len;
			int stage, slots;
			struct nickname_look look;
			const struct uuid *key; /* its hash; NULL: none came */
			const char *words;      /* result, of ST_BANNED; borrowed from the rows */
			const char *has;        /* tidy words; "" = nothing */
		} open;
		struct {
			const char *has;   /* tidy words; NULL = it says nothing of that */
			const char *label; /* what it runs; NULL = it says nothing of that */
			size_t label_len;
		} say;
		struct {
			int want;
			int slots; /* how many jobs it can work on at a time; 0 = it does not say */
			int allowance; /* result: of a fleet, how many it may hold; 0 = not known */
			int rests_s;   /* result, of ST_REST: for how long */
			int bad_row; /* result, of ST_REST: how many ends in a row brought nothing */
			int64_t rest_until_us; /* the same, by the clock */
			bool v1;
			bool patient; /* v1: waits while work may still come, whatever the answer */
			int64_t call; /* random: recognises a rerun */
			int64_t wait_until_us; /* parked until then; 0 = not at all */
			int fd;                /* watched for hang-ups while parked; -1 = none */
			bool has_holding;
			const int64_t *holding;      /* job numbers, ascending, each once */
			bool *held;                  /* result, beside these: still its own */
			size_t n_holding, n_dropped; /* result: how many are not */
			uint64_t wake_seen;          /* run/parked's */
			uint64_t
			    ticket; /* run/parked's: superseded by a newer call of the worker */
			struct op *later; /* run/parked's: a chain that leaves together */
			bool crowded;     /* it would have waited, had there been room */
			struct job *jobs, **last_job; /* result */
			int n_jobs;
			int n_new;   /* result: of these, that were not told before */
			bool asked;  /* whether its worker owes, which is asked once */
			bool owes;   /* its worker, for this call; see shared.h */
			bool unread; /* the jobs are its own, their data is still to be read */
		} claim;
		struct {
			struct item *items;
			size_t n;
		} items; /* complete and return */
		struct {
			void (*render)(struct op *op, struct reader *reader); /* on its thread */
			void *page;
			uint32_t from;      /* whose it is, see base/turns.h */
		} render;                   /* of an act too */
		struct stage_counts *count; /* result, in the caller's arena */
	};
};

/* Of two job numbers, as qsort and bsearch ask; holding is in this order. */
int op_compare_jobs(const void *a, const void *b);
/* Whether it came by one of v1's calls; ops of the two protocols go in bundles apart. */
bool op_is_v1(const struct op *op);
/* Bytes that an op adds to a bundle: bounds what one call to PostgreSQL carries. */
size_t op_bytes(const struct op *op);
/* Rows that an op adds to a bundle. */
size_t op_items(const struct op *op);

#endif
