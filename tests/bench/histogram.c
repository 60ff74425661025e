#include "histogram.h"

/* Bucket of a value: itself below 128, else 64 buckets for each doubling. */
static unsigned
place(uint64_t us)
{
	unsigned shift;

	if (us < 128)
		return (unsigned)us;
	if (us > UINT32_MAX)
		us = UINT32_MAX;
	shift = 63U - (unsigned)__builtin_clzll(us) - 6U;
	return 128 + (shift - 1) * 64 + (unsigned)((us >> shift) - 64);
}

/* The largest value that falls into a bucket. */
static uint64_t
upper(unsigned bucket)
{
	unsigned shift;

	if (bucket < 128)
		return bucket;
	shift = (bucket - 128) / 64 + 1;
	return (((uint64_t)(bucket - 128) % 64 + 64 + 1) << shift) - 1;
}

void
histogram_add(struct histogram *h, uint64_t us)
{
	h->count++;
	h->sum_us += us;
	if (us > h->max_us)
		h->max_us = us;
	h->bucket[place(us)]++;
}

uint64_t
histogram_at(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)h->count + 0.5), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > 0 && seen >= wanted)
			return upper(i) < h->max_us ? upper(i) : h->max_us;
	}
	return h->max_us;
}

double
histogram_mean(const struct histogram *h)
{
	return h->count == 0 ? 0 : (double)h->sum_us / (double)h->count;
}
