/*
 * histogram -- latencies in buckets whose width grows with the value.
 *
 * Exact below 128 µs, then within 1/64 of the value: p50 and p99 of millions of calls in 8 KiB.
 *
 * Units	microseconds; values over 2^32 count as 2^32.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 128 + 25 * 64 };

struct histogram {
	uint64_t count, sum_us, max_us;
	uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t us);
/* The value that `share` (0 to 1) of all values do not exceed; 0 when there are none. */
uint64_t histogram_at(const struct histogram *h, double share);
double histogram_mean(const struct histogram *h);

#endif
