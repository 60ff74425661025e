#include "export/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/structured.h"
#include "domain/stage.h"

/* Inside strings of valid JSON there are no bare line ends, so all of these stand between parts. */
static void
put_on_one_line(struct buf *b, const char *s, size_t len)
{
	size_t at = b->len;

	buf_put(b, s, len);
	for (; at < b->len; at++)
		if (b->data[at] == '\n' || b->data[at] == '\r')
			b->data[at] = ' ';
}

static void
put_data(struct buf *b, struct result_text t, bool raw)
{
	struct json_span value;

	if (!t.s)
		buf_puts(b, "null");
	else if (!raw && structured_read(t.s, t.len, &value))
		put_on_one_line(b, value.s, value.len);
	else
		json_put_text(b, t.s, t.len);
}

static void
put_name(struct buf *b, const char *name, struct result_text t)
{
	buf_printf(b, ",\"%s\":", name);
	put_data(b, t, true);
}

/* clock_iso ends in "Z"; the microseconds go before it. */
static void
put_time(struct buf *b, const char *name, int64_t wall_us)
{
	char iso[32];

	clock_iso(iso, wall_us);
	buf_printf(b, ",\"%s\":\"%.*s.%06" PRId64 "Z\"", name, (int)strcspn(iso, "Z"), iso,
	    wall_us % 1000000);
}

static void
put_whole(struct buf *b, const struct result *r, bool raw)
{
	buf_printf(
	    b, "{\"job\":%" PRId64 ",\"stage\":\"%c\",\"input\":", r->job, stage_letter(r->stage));
	put_data(b, r->input, raw);
	buf_puts(b, ",\"output\":");
	put_data(b, r->output, raw);
	put_name(b, "who", r->who);
	put_name(b, "worker", r->worker);
	put_time(b, "started", r->started_us);
	put_time(b, "finished", r->finished_us);
	buf_printf(b, ",\"attempts\":%" PRId64 "}", r->attempts);
}

void
result_put(struct buf *b, const struct result *r, struct result_form form)
{
	if (form.output_only)
		put_data(b, r->output, form.raw);
	else
		put_whole(b, r, form.raw);
	buf_putc(b, '\n');
}
