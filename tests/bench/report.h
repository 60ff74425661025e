/*
 * report -- what a run has counted, and how it is told.
 *
 * "Measured" is the window between the warm-up and the end; what starts with `all_` counts from
 * the first connection to the last.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "call.h"
#include "histogram.h"

#include <stdint.h>

struct stats {
	struct histogram calls[CALL_KINDS];
	uint64_t bytes[CALL_KINDS];
	uint64_t statuses[600];
	uint64_t right, empty, gone, busy, wrong, dropped; /* in the measured window */
	uint64_t all_requests, all_wrong, all_dropped, all_done, cycles;
	uint64_t done; /* results acknowledged in the window */
};

extern struct stats stats;

void report_begin(void); /* the measured window begins */
void report_end(void);
/* Prints it, as text or as one JSON object. */
void report_print(uint64_t setup_us, uint64_t measured_us);

#endif
