/* What a long run of a program tells of itself where nobody watches a bar: plain lines, now and then. */
#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/progress.h"

#define LONG_AGO_US 11000000

static char said[512];
static FILE *heard;
static int stderr_was;

static int
listen_to_stderr(void **state)
{
	(void)state;
	heard = tmpfile();
	fflush(stderr);
	stderr_was = dup(STDERR_FILENO);
	return heard && stderr_was >= 0 && dup2(fileno(heard), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int
let_stderr_go(void **state)
{
	(void)state;
	dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	return fclose(heard);
}

static const char *
what_was_said(void)
{
	size_t n;

	fflush(stderr);
	rewind(heard);
	n = fread(said, 1, sizeof(said) - 1, heard);
	said[n] = '\0';
	return said;
}

/* Begun `us` ago, and nothing told since. */
static struct progress
begun(int64_t us, bool quiet)
{
	struct progress p;

	progress_begin(&p, "jobs", quiet);
	p.start_us -= us;
	p.told_us -= us;
	return p;
}

static void
a_line_tells_share_count_and_pace(void **state)
{
	struct progress p = begun(LONG_AGO_US, false);

	(void)state;
	progress_tell(&p, 4500000, 0.5);
	assert_ptr_equal(strstr(what_was_said(), "50%: 4,500,000 jobs, "), said);
	assert_non_null(strstr(said, " a second, "));
	assert_non_null(strstr(said, " left\n"));
}

static void
while_the_whole_is_not_known_there_is_no_share(void **state)
{
	struct progress p = begun(LONG_AGO_US, false);

	(void)state;
	progress_tell(&p, 1000, -1);
	assert_ptr_equal(strstr(what_was_said(), "1,000 jobs, "), said);
	assert_null(strchr(said, '%'));
	assert_null(strstr(said, "left"));
	assert_non_null(strstr(said, " a second\n"));
}

static void
the_next_line_comes_after_ten_seconds_only(void **state)
{
	struct progress p = begun(LONG_AGO_US, false);

	(void)state;
	progress_tell(&p, 1, 0.1);
	progress_tell(&p, 2, 0.2);
	what_was_said();
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	p.told_us = clock_us() - LONG_AGO_US;
	progress_tell(&p, 3, 0.3);
	assert_non_null(strstr(what_was_said(), "30%: 3 jobs"));
}

static void
who_asked_for_quiet_hears_nothing(void **state)
{
	struct progress p = begun(LONG_AGO_US, true);

	(void)state;
	progress_tell(&p, 1, 0.5);
	progress_end(&p);
	assert_string_equal(what_was_said(), "");
}

static void
no_bar_is_wiped_where_none_was_drawn(void **state)
{
	struct progress p = begun(0, false);

	(void)state;
	progress_end(&p);
	assert_string_equal(what_was_said(), "");
}

#define HEARD(test) cmocka_unit_test_setup_teardown(test, listen_to_stderr, let_stderr_go)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HEARD(a_line_tells_share_count_and_pace),
	    HEARD(while_the_whole_is_not_known_there_is_no_share),
	    HEARD(the_next_line_comes_after_ten_seconds_only),
	    HEARD(who_asked_for_quiet_hears_nothing),
	    HEARD(no_bar_is_wiped_where_none_was_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
