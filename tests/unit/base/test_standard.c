#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/standard.h"

/* 0 when the next file does not get the place of a missing one, which can neither be read nor written; run in a child. */
static int
look_without(int missing)
{
	char byte = 0;
	int next;

	for (int fd = 0; fd <= 2; fd++)
		if (missing & (1 << fd))
			close(fd);
	standard_open();
	next = open("/dev/zero", O_RDWR);
	if (next <= 2)
		return 1;
	if ((missing & 1) && (read(0, &byte, 1) >= 0 || errno != EBADF))
		return 2;
	for (int fd = 1; fd <= 2; fd++)
		if ((missing & (1 << fd)) && (write(fd, &byte, 1) >= 0 || errno != EBADF))
			return 3;
	return 0;
}

static void
nothing_is_opened_in_the_place_of_a_standard_descriptor(void **state)
{
	(void)state;
	for (int missing = 0; missing < 8; missing++) {
		pid_t child = fork();
		int status;

		if (child == 0)
			_exit(look_without(missing));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void
those_that_are_there_stay(void **state)
{
	int pipe_fds[2];
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	child = fork();
	if (child == 0) {
		dup2(pipe_fds[1], 1);
		close(2);
		standard_open();
		_exit(write(1, "x", 1) == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_opened_in_the_place_of_a_standard_descriptor),
	    cmocka_unit_test(those_that_are_there_stay),
	};

	return cmocka_run_group_tests_name("standard", tests, NULL, NULL);
}
