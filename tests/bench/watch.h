/*
 * watch -- what trees of processes cost: CPU time, context switches, resident memory.
 *
 * A name stands for a process and all that it begot, found by parent ids in /proc. Children that
 * ended and were waited for are in their parent's sums, so a difference of two samples loses none.
 *
 * Units	CPU in seconds (the kernel counts hundredths), memory in KiB (RSS summed over the
 *		tree, so shared pages count as often as they are mapped; PSS where it can be read).
 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WATCH_MAX = 8 };

struct watch_sample {
	double cpu_s;
	uint64_t switches; /* voluntary and not, of all threads alive */
	uint64_t rss_kib;
};

struct watch {
	size_t count;
	struct {
		const char *name;
		int pid;
	} of[WATCH_MAX];
};

/* "NAME=PID"; false when it is no such text or there are too many. */
bool watch_add(struct watch *w, char *text);
/* One sample for each name, in the order added. */
void watch_read(const struct watch *w, struct watch_sample *samples);

#endif
