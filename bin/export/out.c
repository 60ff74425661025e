#include "export/out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

bool
out_open(
    struct out *o, struct place *p, const char *columns, bool *found, bool *moved, struct err *e)
{
	static const char *const kinds[] = {
	    [RESULT_JSONL] = ".jsonl", [RESULT_CSV] = ".csv", [RESULT_TSV] = ".tsv"};

	buf_init(&o->text, 0);
	buf_init(&o->packed, 0);
	*found = *moved = false;
	o->shown = !o->dir && isatty(STDOUT_FILENO);
	if (!o->dir)
		return true;
	snprintf(o->extension, sizeof(o->extension), "%s%s", kinds[o->form->kind],
	    pack_extension(o->pack));
	o->files = (struct files){.dir = o->dir,
	    .extension = o->extension,
	    .columns = columns ? columns : "",
	    .stage = p->stage};
	return files_open(&o->files, p, found, moved, e);
}

void
out_close(struct out *o)
{
	if (o->files.manifest)
		files_close(&o->files);
	buf_fini(&o->text);
	buf_fini(&o->packed);
}

static bool
print(const char *bytes, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_INPUT, NULL, "standard output: %s", strerror(errno));
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
begin(struct out *o, struct err *e)
{
	bool begun = !o->headed;

	if (o->dir && !files_begin(&o->files, &begun, e))
		return false;
	o->headed = true;
	buf_clear(&o->text);
	if (begun)
		result_put_head(&o->text, o->form);
	return true;
}

/* A page goes out whole, so that whoever is stopped has ended a line. */
bool
out_page(struct out *o, const struct result *results, int n, struct err *e)
{
	if (!begin(o, e))
		return false;
	for (int i = 0; i < n; i++)
		result_put(&o->text, &results[i], o->form);
	if (o->shown && !o->text.failed)
		o->text.len = text_clean(o->text.data, o->text.len, true);
	buf_clear(&o->packed);
	if (o->text.failed || !pack_page(&o->packed, o->text.data, o->text.len, o->pack))
		return err_set(e, ERR_BUG, NULL, "out of memory");
	if (o->dir)
		return files_put(&o->files, o->packed.data, o->packed.len, n, e);
	return print(o->packed.data, o->packed.len, e);
}

bool
out_mark(struct out *o, const struct place *p, bool last, struct err *e)
{
	const struct files *fs = &o->files;

	if (!o->dir || fs->fd < 0)
		return true;
	if (!last && fs->results < o->results_most &&
	    clock_us() - fs->begun_us < o->age_most_s * INT64_C(1000000))
		return true;
	return files_finish(&o->files, p, e);
}
