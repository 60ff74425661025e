/*
 * stage -- the letter of the stage to work in, when the user gave its name: the tracker is asked, once,
 * before registering.
 *
 * Units	stage_tick: monotonic microseconds.
 */
#ifndef WORKER_STAGE_H
#define WORKER_STAGE_H

#include <stdint.h>

#include "worker/worker.h"

struct stage;

/* Sets the worker's stage at once where a letter was given. */
struct stage *stage_new(struct worker *w);
void stage_free(struct stage *s);
/* Asks while the letter is not known; returns when to call again. */
int64_t stage_tick(struct stage *s, int64_t now_us);

#endif
