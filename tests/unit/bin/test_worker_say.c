#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "worker/say.h"

/* What a terminal of so many columns shows of a status; the last column stays free. */
static void
shows(unsigned short columns, const char *text, const char *shown)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	int ours = posix_openpt(O_RDWR | O_NOCTTY), before = dup(STDERR_FILENO), terminal;
	char seen[512];
	ssize_t n;

	assert_true(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
	terminal = open(ptsname(ours), O_RDWR | O_NOCTTY);
	assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
	say_open(SAY_INFO);
	say_status(text);
	n = read(ours, seen, sizeof(seen) - 1);
	say_status("");
	dup2(before, STDERR_FILENO);
	close(before);
	close(terminal);
	close(ours);
	assert_true(n >= 0);
	seen[n] = '\0';
	assert_string_equal(seen, shown);
}

static void
a_status_is_cut_at_the_width_of_the_terminal(void **state)
{
	(void)state;
	shows(11, "twelve words", "twelve wor");
	shows(13, "twelve words", "twelve words");
}

static void
a_wide_character_takes_two_columns(void **state)
{
	(void)state;
	shows(6, "ééééééé", "ééééé");
	shows(6, "字字字", "字字");
	shows(6, "👨👨👨", "👨👨");
	shows(6, "\xe1\x84\x80\xe1\x84\x80\xe1\x84\x80", "\xe1\x84\x80\xe1\x84\x80");
	shows(6, "\xe1\x83\xbf\xe1\x83\xbf\xe1\x83\xbf", "\xe1\x83\xbf\xe1\x83\xbf\xe1\x83\xbf");
}

static void
no_status_steers_the_terminal(void **state)
{
	(void)state;
	shows(40, "job\x1b[2J\r\n17", "job  17");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_status_is_cut_at_the_width_of_the_terminal),
	    cmocka_unit_test(a_wide_character_takes_two_columns),
	    cmocka_unit_test(no_status_steers_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
