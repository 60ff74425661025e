/*
 * progress -- tells how a long piece of work goes: a bar on a terminal, a plain line now and then
 * elsewhere.
 *
 * Everything goes to standard error, so that standard output stays for answers.
 *
 * Units	done: things; share: 0 to 1, below 0 when the whole is not known.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *things; /* "jobs" */
	bool quiet, terminal, drawn;
	int64_t start_us, told_us;
};

void progress_begin(struct progress *p, const char *things, bool quiet);
/* Cheap enough for every few hundred things: it looks at the clock, and mostly that is all. */
void progress_tell(struct progress *p, uint64_t done, double share);
/* Takes the bar away. */
void progress_end(struct progress *p);
/* Since progress_begin. */
double progress_seconds(const struct progress *p);

#endif
