/*
 * call -- what a worker of the bench says, and whether the answer is right.
 *
 * A plan is a list of steps that each worker walks round and round. A step that waits (pause,
 * barrier) makes no request; all others write one HTTP/1.1 request and judge its answer.
 *
 * Ownership	plan_parse's text must outlive the plan. A worker's leases are its own; worker_fini.
 * Errors	verdicts; `blind` plans (for a no-op) take any 200 with a body for right.
 */
#ifndef BENCH_CALL_H
#define BENCH_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum call {
	CALL_NEW,
	CALL_NEW_JOB,
	CALL_COMPLETE,
	CALL_PROGRESS,
	CALL_VALIDATE,
	CALL_COUNT,
	CALL_SYNC,
	CALL_PAGE,
	CALL_BYE,
	CALL_KINDS,
	STEP_PAUSE,
	STEP_BARRIER
};

enum verdict {
	VERDICT_RIGHT,
	VERDICT_EMPTY, /* right, and it says that there is no work now */
	VERDICT_GONE,  /* the worker is unknown: it registers again */
	VERDICT_BUSY,  /* an honest 503 or 429: it says when to come back */
	VERDICT_WRONG
};

enum { STEPS_MAX = 16, TOKEN_SIZE = 40 };

struct step {
	enum call call;
	int want;         /* sync: jobs asked for; pause: milliseconds */
	int wait_s;       /* sync: how long to be parked */
	const char *path; /* page */
};

struct plan {
	struct step steps[STEPS_MAX];
	size_t count;
	const char *host;   /* of the Host header */
	const char *header; /* one more header line, ended by CR LF; or empty */
	char stage;
	const char *nickname;
	size_t data_bytes; /* a result is padded to this length */
	bool blind;
	FILE *journal; /* acknowledged results: stage, job, data, tab-separated; may be NULL */
};

struct lease {
	int64_t job;
	char id[TOKEN_SIZE];
};

struct worker {
	char token[TOKEN_SIZE]; /* empty: it has to register */
	unsigned id;
	uint64_t serial;      /* of the results it made, so that no two are alike */
	int64_t job;          /* v1's job in hand; -1 none */
	struct lease *leases; /* sync's jobs in hand */
	size_t lease_count, lease_size;
};

/* Bytes of a request; grown, never shrunk. */
struct text {
	char *bytes;
	size_t len, size;
};

extern const char *const call_names[CALL_KINDS];

/* "cycle", "cycle+progress", or steps joined by commas; see README.md. */
bool plan_parse(struct plan *plan, char *mix);
void call_write(
    const struct plan *plan, const struct step *step, struct worker *w, struct text *out);
/* `body` is followed by a NUL. Counts the results that this answer acknowledged into *done. */
enum verdict call_judge(const struct plan *plan, const struct step *step, struct worker *w,
    int status, const char *body, size_t len, uint64_t *done);
void worker_fini(struct worker *w);

#endif
