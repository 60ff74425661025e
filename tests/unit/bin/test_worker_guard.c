/* The guard, with real processes: who ends with the worker, and who does not. */
#include "../test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/guard.h"

#define PATIENCE_MS 10000

static struct guard guard;
static struct {
	pid_t pid;
	int status;
} ended[16]; /* and buried: the guard waits for the dead, too */
static size_t n_ended;

static int
open_all(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	n_ended = 0;
	return guard_open(&guard, &e) ? 0 : -1;
}

/* A shell in a group of its own, with the mark or without. When this returns it has its environment, and has said so. */
static pid_t
process(const char *mark, const char *does)
{
	char shell[] = "sh", flag[] = "-c", script[256], text[80],
	     *argv[] = {shell, flag, script, NULL}, *env[] = {text, NULL};
	int ends[2];
	pid_t pid;
	char byte;

	snprintf(text, sizeof(text), "%s=%s", GUARD_MARK, mark);
	snprintf(script, sizeof(script), "%s", does);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		dup2(ends[1], 9);
		execve("/bin/sh", argv, env);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static pid_t
sleeper(const char *mark)
{
	return process(mark, "echo >&9; exec 9>&- sleep 100");
}

/* Its status, as of waitpid; -1: it goes on. */
static int
end_of(pid_t pid)
{
	int status;
	pid_t one;

	while (n_ended < COUNT(ended) && (one = waitpid(-1, &status, WNOHANG)) > 0) {
		ended[n_ended].pid = one;
		ended[n_ended++].status = status;
	}
	for (size_t i = 0; i < n_ended; i++)
		if (ended[i].pid == pid)
			return ended[i].status;
	return -1;
}

static bool
has_ended(pid_t pid)
{
	return end_of(pid) >= 0;
}

static void
bury(pid_t pid)
{
	if (has_ended(pid))
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* As if the worker had been killed: the pipe ends without a word. */
static void
leave_without_a_word(void)
{
	pid_t pid = guard.pid;

	close(guard.pipe);
	for (int i = 0; i < PATIENCE_MS / 10 && !has_ended(pid); i++)
		clock_sleep_ms(10);
	assert_true(has_ended(pid));
	guard.pid = 0;
}

static void
who_says_farewell_leaves_everybody_alone(void **state)
{
	pid_t group = sleeper("another"), marked = sleeper(guard.mark);

	(void)state;
	guard_add(&guard, group);
	guard_close(&guard); /* returns when the guard has ended */
	assert_false(has_ended(group));
	assert_false(has_ended(marked));
	bury(group);
	bury(marked);
}

static void
who_is_killed_takes_its_groups_and_all_that_is_marked_along(void **state)
{
	pid_t group = sleeper("another"), marked = sleeper(guard.mark),
	      stranger = sleeper("another");

	(void)state;
	guard_add(&guard, group);
	leave_without_a_word();
	assert_true(has_ended(group));
	assert_true(has_ended(marked));
	assert_false(has_ended(stranger));
	bury(group);
	bury(marked);
	bury(stranger);
}

static void
a_group_that_has_ended_is_nobodys_any_more(void **state)
{
	pid_t first = sleeper("another"), second = sleeper("another"), third = sleeper("another");

	(void)state;
	guard_add(&guard, first);
	guard_add(&guard, second);
	guard_add(&guard, third);
	guard_add(&guard, first);
	guard_remove(&guard, first);
	guard_remove(&guard, 99999999);
	leave_without_a_word();
	assert_false(has_ended(first));
	assert_true(has_ended(second));
	assert_true(has_ended(third));
	bury(first);
	bury(second);
	bury(third);
}

/* So it can put away what it has begun, held or not. */
static void
who_ends_with_the_worker_is_asked_first_and_has_time(void **state)
{
	static const char script[] =
	    "exec 2>&-; trap 'sleep 0.3; exit 7' TERM; echo >&9; while :; do sleep 0.02; done";
	pid_t one = process("another", script), held = process("another", script);

	(void)state;
	guard_add(&guard, one);
	guard_add(&guard, held);
	kill(held, SIGSTOP);
	leave_without_a_word();
	assert_int_equal(WEXITSTATUS(end_of(one)), 7);
	assert_int_equal(WEXITSTATUS(end_of(held)), 7);
}

static void
a_guard_that_was_told_farewell_is_no_more(void **state)
{
	pid_t pid = guard.pid;

	(void)state;
	guard_close(&guard);
	assert_int_equal(guard.pid, 0);
	assert_int_equal(waitpid(pid, NULL, 0), -1);
	guard_close(&guard);
}

#define GUARD(name) cmocka_unit_test_setup(name, open_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    GUARD(who_says_farewell_leaves_everybody_alone),
	    GUARD(who_is_killed_takes_its_groups_and_all_that_is_marked_along),
	    GUARD(a_group_that_has_ended_is_nobodys_any_more),
	    GUARD(who_ends_with_the_worker_is_asked_first_and_has_time),
	    GUARD(a_guard_that_was_told_farewell_is_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
