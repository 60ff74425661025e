#include "report.h"

#include "options.h"
#include "watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

struct stats stats;

static struct watch_sample before[WATCH_MAX], after[WATCH_MAX];
static struct rusage own_before, own_after;

void
report_begin(void)
{
	watch_read(&options.watch, before);
	getrusage(RUSAGE_SELF, &own_before);
}

void
report_end(void)
{
	getrusage(RUSAGE_SELF, &own_after);
	watch_read(&options.watch, after);
}

static double
own_cpu_s(const struct rusage *r)
{
	return (double)r->ru_utime.tv_sec + (double)r->ru_stime.tv_sec +
	    ((double)r->ru_utime.tv_usec + (double)r->ru_stime.tv_usec) / 1e6;
}

static void
print_json(double setup_s, double seconds)
{
	const char *comma = "";

	printf("{\"label\": \"%s\", \"mix\": \"%s\", \"connections\": %u, \"tls\": %s,\n",
	    options.label ? options.label : "", options.mix, options.connections,
	    options.tls ? "true" : "false");
	printf(" \"seconds\": %.3f, \"setup_s\": %.3f, \"requests\": %" PRIu64
	       ", \"rate\": %.1f,\n",
	    seconds, setup_s, stats.right, (double)stats.right / seconds);
	printf(" \"done\": %" PRIu64 ", \"done_rate\": %.1f, \"cycles\": %" PRIu64
	       ", \"all_requests\": %" PRIu64 ", \"all_done\": %" PRIu64 ",\n",
	    stats.done, (double)stats.done / seconds, stats.cycles, stats.all_requests,
	    stats.all_done);
	printf(" \"empty\": %" PRIu64 ", \"gone\": %" PRIu64 ", \"busy\": %" PRIu64
	       ", \"wrong\": %" PRIu64 ", \"dropped\": %" PRIu64 ",\n \"calls\": {",
	    stats.empty, stats.gone, stats.busy, stats.all_wrong, stats.all_dropped);
	for (int i = 0; i < CALL_KINDS; i++) {
		const struct histogram *h = &stats.calls[i];

		if (h->count == 0)
			continue;
		printf("%s\n  \"%s\": {\"count\": %" PRIu64 ", \"p50_us\": %" PRIu64
		       ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64
		       ", \"mean_us\": %.1f, \"bytes\": %" PRIu64 "}",
		    comma, call_names[i], h->count, histogram_at(h, 0.5), histogram_at(h, 0.99),
		    h->max_us, histogram_mean(h), stats.bytes[i] / h->count);
		comma = ",";
	}
	printf("},\n \"statuses\": {");
	comma = "";
	for (int i = 0; i < 600; i++)
		if (stats.statuses[i] > 0) {
			printf("%s\"%d\": %" PRIu64, comma, i, stats.statuses[i]);
			comma = ", ";
		}
	printf("},\n \"cpu\": {\"drive\": {\"s\": %.3f}",
	    own_cpu_s(&own_after) - own_cpu_s(&own_before));
	for (size_t i = 0; i < options.watch.count; i++)
		printf(",\n  \"%s\": {\"s\": %.3f, \"switches\": %" PRId64 ", \"rss_kib\": %" PRIu64
		       "}",
		    options.watch.of[i].name, after[i].cpu_s - before[i].cpu_s,
		    (int64_t)(after[i].switches - before[i].switches), after[i].rss_kib);
	printf("}}\n");
}

static void
print_text(double setup_s, double seconds)
{
	printf("%-16s %10s %9s %9s %9s %9s %8s\n", options.mix, "count", "p50 ms", "p99 ms",
	    "max ms", "mean ms", "bytes");
	for (int i = 0; i < CALL_KINDS; i++) {
		const struct histogram *h = &stats.calls[i];

		if (h->count > 0)
			printf("%-16s %10" PRIu64 " %9.2f %9.2f %9.2f %9.2f %8" PRIu64 "\n",
			    call_names[i], h->count, (double)histogram_at(h, 0.5) / 1e3,
			    (double)histogram_at(h, 0.99) / 1e3, (double)h->max_us / 1e3,
			    histogram_mean(h) / 1e3, stats.bytes[i] / h->count);
	}
	printf("%u connections, %.1f s: %.0f requests/s, %.0f results/s; registering took %.2f s\n",
	    options.connections, seconds, (double)stats.right / seconds,
	    (double)stats.done / seconds, setup_s);
	printf("no work %" PRIu64 ", worker gone %" PRIu64 ", told to wait %" PRIu64
	       ", wrong %" PRIu64 ", connections lost %" PRIu64 "\n",
	    stats.empty, stats.gone, stats.busy, stats.all_wrong, stats.all_dropped);
	for (size_t i = 0; i < options.watch.count; i++)
		printf(
		    "%-12s %8.3f s CPU a 1,000 requests, %.2f context switches a request, %" PRIu64
		    " KiB\n",
		    options.watch.of[i].name,
		    (after[i].cpu_s - before[i].cpu_s) * 1e3 / (double)(stats.right + 1),
		    (double)(after[i].switches - before[i].switches) / (double)(stats.right + 1),
		    after[i].rss_kib);
}

void
report_print(uint64_t setup_us, uint64_t measured_us)
{
	double setup_s = (double)setup_us / 1e6, seconds = (double)measured_us / 1e6;

	if (options.json)
		print_json(setup_s, seconds);
	else
		print_text(setup_s, seconds);
}
