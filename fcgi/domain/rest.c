#include "domain/rest.h"

#include <stdio.h>

#include "base/text.h"

void
rest_cause(char *out, size_t size, int64_t bad_row)
{
	if (bad_row == 0)
		snprintf(out, size,
		    "those that came from its address before it failed, flagged or gave back all "
		    "that they got");
	else
		snprintf(out, size, "its last %lld %s failed, %s flagged or given back",
		    (long long)bad_row, text_plural(bad_row, "job", "jobs"),
		    text_plural(bad_row, "was", "were"));
}

const char *
rest_remedy(int64_t bad_row)
{
	return bad_row == 0
	    ? "A result from there ends it for all, and who has a key of its name does not wait."
	    : "A result ends it, and so can the operator, or who has a key of its name, on /me.";
}

void
rest_text(char *out, size_t size, int64_t rests_s, int64_t bad_row)
{
	char how_long[64], cause[160];

	text_duration(how_long, sizeof(how_long), rests_s);
	rest_cause(cause, sizeof(cause), bad_row);
	snprintf(out, size,
	    "This worker rests for %s: %s. Look why, for each rest is longer than the one before. "
	    "%s",
	    how_long, cause, rest_remedy(bad_row));
}

void
rest_full_text(char *out, size_t size, int allowance)
{
	snprintf(out, size,
	    "This worker holds %d %s, as many as it may for now: each result is one more.",
	    allowance, text_plural(allowance, "job", "jobs"));
}
