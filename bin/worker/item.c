#include "worker/item.h"

#include <stdlib.h>
#include <string.h>

struct item *
item_new(struct identity *who, int64_t job, const char *lease)
{
	struct item *i = calloc(1, sizeof(*i));

	if (!i)
		abort();
	i->who = who;
	i->job = job;
	i->lease = lease ? strdup(lease) : NULL;
	buf_init(&i->input, 0);
	buf_init(&i->result, 0);
	return i;
}

void
item_free(struct item *i)
{
	if (!i)
		return;
	if (i->run.loop)
		run_fini(&i->run);
	free(i->lease);
	free(i->spool_file);
	buf_fini(&i->input);
	buf_fini(&i->result);
	free(i);
}
