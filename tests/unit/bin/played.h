/*
 * played -- a worker whose tracker, clock and commands a test plays: calls are kept until the test answers them, time
 * passes when it says so, and a job ends as it says. What speaks to the tracker (sync, v1, late) is the real one.
 *
 * Ownership	played_open/_close, around each test. Calls belong to who made them.
 * Units	played_now_us: what clock_us says (the program is linked with --wrap=clock_us).
 * Source	stands in for bin/worker/http.c.
 */
#ifndef UNIT_PLAYED_H
#define UNIT_PLAYED_H

#include <stdint.h>

#include "worker/worker.h"

#define SECOND_US INT64_C(1000000)

extern struct worker played;
extern int64_t played_now_us;

int played_open(int slots);
int played_close(void);

/* The call under way to this path (what follows a ? aside); the test fails where there is none. */
struct http_call *played_call(const char *path);
/* The same, of the worker that says this token. */
struct http_call *played_call_of(const char *path, const char *token);
/* As played_call, and it is the only one. */
struct http_call *played_only_call(const char *path);
/* How many are under way. */
int played_calls(void);
/* Ends a call as a tracker, or what is between us and it, would; status 0: no answer. */
void played_answer(struct http_call *c, long status, const char *text);
/* Registers whoever asks first to be, under this token. */
void played_welcome(const char *token);
/* Ends a call as above, and its connection was closed instead of an answer. */
void played_cut(struct http_call *c);

/* What call says of a member: its JSON, or "" where it is not there. Good until the next one is asked. */
const char *played_says(const struct http_call *c, const char *member);
/*
 * Lets time pass, as tick says when it wants to be called again, until a call is under way: how long that took, in
 * seconds. And whether that is about the time wanted: what waits does so for a quarter more or less.
 */
double played_speaks_after_s(int64_t (*tick)(void));
bool played_is_about(double seconds, double wanted);
/* Everything that was said to the user since the last look. */
const char *played_said(void);

/* A job of `who` in hand, that has ended so; "r" is its result or reason. */
struct item *played_ended(
    struct identity *who, int64_t job, const char *lease, enum outcome outcome);
/* One that is queued begins; one that runs ends, with the result or reason. */
void played_begin(struct item *i);
void played_end(struct item *i, enum outcome outcome, const char *text);
/* The job in hand of this number; NULL: there is none. */
struct item *played_item(int64_t job);
int played_items(void);

#endif
