#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/run.h"

#define PATIENCE_MS 10000

static struct loop loop;
static struct run run;
static bool over;
static struct run_how how;

static void
on_ended(struct run *r)
{
	assert_ptr_equal(r->owner, &over);
	over = true;
}

static int
open_all(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	over = false;
	how = (struct run_how){.quiet = true};
	return loop_open(&loop, &e) ? 0 : -1;
}

static int
close_all(void **state)
{
	(void)state;
	run_fini(&run);
	loop_fini(&loop);
	return 0;
}

static void
start(const char *script, const char *input, size_t len, size_t limit)
{
	char shell[] = "sh", flag[] = "-c", *argv[] = {shell, flag, strdup(script), NULL};
	const struct run_env env[] = {{"JOB_NUMBER", "17"}, {NULL, NULL}};
	struct err e = ERR_INIT;

	run_init(&run, &loop, limit, on_ended, &over);
	assert_true(run_start(&run, argv, env, input, len, &how, &e));
	free(argv[2]);
}

static void
wait_until_over(void)
{
	int64_t end_us = clock_us() + PATIENCE_MS * 1000;

	while (!over && clock_us() < end_us) {
		struct pollfd fd = {.fd = loop.fd, .events = POLLIN};

		poll(&fd, 1, 20);
		loop_run(&loop);
		run_tick(&run, clock_us());
	}
	assert_true(over);
	assert_int_equal(run.pid, 0);
}

static void
says(const char *script, const char *result)
{
	start(script, "", 0, 1 << 20);
	wait_until_over();
	assert_int_equal(WEXITSTATUS(run.status), 0);
	assert_int_equal(run.result.len, strlen(result));
	assert_memory_equal(run.result.data, result, strlen(result));
}

static void
a_line_is_known_when_it_has_ended(void **state)
{
	struct run_line l = {.open_len = 0};
	size_t len;

	(void)state;
	assert_false(run_line_put(&l, "ha", 2));
	assert_true(run_line_put(&l, "lf\r\n\n  \nnext", 12));
	assert_int_equal(l.last_len, 4);
	assert_memory_equal(l.last, "half", 4);
	assert_memory_equal(run_line_last(&l, &len), "next", 4);
	assert_int_equal(len, 4);
}

static void
a_line_without_end_is_cut(void **state)
{
	struct run_line l = {.open_len = 0};
	size_t len;

	(void)state;
	for (int i = 0; i < 5000; i++)
		run_line_put(&l, "x", 1);
	run_line_last(&l, &len);
	assert_int_equal(len, RUN_LINE);
}

static void
input_goes_in_and_output_comes_out(void **state)
{
	size_t len = (size_t)3 << 20;
	char *input = malloc(len);

	(void)state;
	memset(input, 'x', len);
	start("cat", input, len, len);
	wait_until_over();
	assert_int_equal(run.fault, RUN_WELL);
	assert_int_equal(run.result.len, len);
	assert_memory_equal(run.result.data, input, len);
	free(input);
}

static void
a_command_may_leave_its_input_unread(void **state)
{
	size_t len = (size_t)1 << 20;
	char *input = calloc(1, len);

	(void)state;
	start("exec 0<&-; printf ok", input, len, 100);
	wait_until_over();
	assert_int_equal(run.status, 0);
	assert_memory_equal(run.result.data, "ok", 2);
	free(input);
}

static void
the_environment_names_the_job(void **state)
{
	(void)state;
	says("printf %s \"$JOB_NUMBER\"", "17");
}

static void
only_four_descriptors_are_open(void **state)
{
	(void)state;
	/* ls itself opens the folder. */
	says("ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 4 ");
}

/* Nor what the worker, or a library of its, has opened without a word on exec. */
static void
no_descriptor_of_the_worker_is_a_commands(void **state)
{
	int open_to_all = fcntl(STDIN_FILENO, F_DUPFD, 20);

	(void)state;
	assert_true(open_to_all >= 20);
	says("ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 4 ");
	close(open_to_all);
}

static void
the_command_leads_its_own_group(void **state)
{
	(void)state;
	says("[ \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ ] && printf own", "own");
}

static void
a_command_can_be_held_to_a_priority_and_to_memory(void **state)
{
	char nice[16];

	(void)state;
	how.nice = 1;
	snprintf(nice, sizeof(nice), "%d", getpriority(PRIO_PROCESS, 0) + 1);
	says("ps -o ni= -p $$ | tr -d ' \\n'", getpriority(PRIO_PROCESS, 0) < 19 ? nice : "19");
#ifndef __SANITIZE_ADDRESS__ /* which needs more than that, between fork and exec */
	run_fini(&run);
	over = false;
	how.memory = 64 << 20;
	says("ulimit -d", "65536\n");
#endif
}

static void
sigpipe_is_as_it_should_be(void **state)
{
	(void)state;
	says("trap 'printf caught; exit 0' PIPE; kill -PIPE $$", "caught");
}

/* Whatever signals the worker keeps from itself, so that it may look for them in its time. No shell: it would clear them, too. */
static void
a_command_hears_the_signals_that_the_worker_has_blocked(void **state)
{
	char grep[] = "grep", what[] = "SigBlk", where[] = "/proc/self/status",
	     *argv[] = {grep, what, where, NULL};
	const struct run_env env[] = {{NULL, NULL}};
	struct err e = ERR_INIT;
	sigset_t term, was;

	(void)state;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &was);
	run_init(&run, &loop, 100, on_ended, &over);
	assert_true(run_start(&run, argv, env, "", 0, &how, &e));
	sigprocmask(SIG_SETMASK, &was, NULL);
	wait_until_over();
	assert_string_equal(run.result.data, "SigBlk:\t0000000000000000\n");
}

static void
wait_for_note(void)
{
	for (int i = 0; i < PATIENCE_MS / 10 && run.notes.last_len == 0; i++) {
		errno = EAGAIN; /* of something that is long over */
		loop_run(&loop);
		clock_sleep_ms(10);
	}
	assert_true(run.notes.last_len > 0);
}

static bool
all_closed(void)
{
	return run.in.fd < 0 && run.out.fd < 0 && run.complaint.fd < 0;
}

/* What it closed, or will not read, is not asked for again and again while it goes on. */
static void
a_pipe_that_the_command_has_closed_is_closed_here(void **state)
{
	static char input[1 << 20];

	(void)state;
	for (size_t len = 0; len <= sizeof(input); len += sizeof(input)) {
		start("exec 0<&- 1>&- 2>&-; echo done >&3; sleep 100", input, len, 100);
		wait_for_note();
		for (int i = 0; i < PATIENCE_MS / 10 && !all_closed(); i++) {
			errno = EAGAIN;
			loop_run(&loop);
			clock_sleep_ms(10);
		}
		assert_true(all_closed());
		assert_true(run.exit.fd >= 0);
		run_fini(&run);
	}
}

/* More than is read at a time was in each pipe when the command ended, and its end is found in the same look. */
static void
what_was_said_last_is_heard_however_much_it_was(void **state)
{
	siginfo_t info;
	size_t len;

	(void)state;
	start("read go; head -c 300000 /dev/zero | tr '\\0' x; { head -c 300000 /dev/zero | tr "
	      "'\\0' y; echo; printf 'last word'; } >&2;"
	      " { head -c 300000 /dev/zero | tr '\\0' z; echo; echo 'last note'; } >&3",
	    "go\n", 3, 1 << 20);
	assert_true(fcntl(run.out.fd, F_SETPIPE_SZ, 1 << 20) > 300000);
	assert_true(fcntl(run.complaint.fd, F_SETPIPE_SZ, 1 << 20) > 300000);
	assert_true(fcntl(run.note.fd, F_SETPIPE_SZ, 1 << 20) > 300000);
	assert_int_equal(write(run.in.fd, "go\n", 3), 3);
	assert_int_equal(waitid(P_PID, (id_t)run.pid, &info, WEXITED | WNOWAIT), 0);
	wait_until_over();
	assert_int_equal(run.result.len, 300000);
	assert_memory_equal(run_line_last(&run.complaints, &len), "last word", 9);
	assert_memory_equal(run.notes.last, "last note", 9);
}

static void
notes_and_complaints_are_heard(void **state)
{
	size_t len;

	(void)state;
	start("echo first >&3; echo second >&3; echo oh >&2; printf dear >&2; exit 3", "", 0, 100);
	wait_until_over();
	assert_int_equal(WEXITSTATUS(run.status), 3);
	assert_true(run.notes_changed);
	assert_memory_equal(run.notes.last, "second", 6);
	assert_memory_equal(run_line_last(&run.complaints, &len), "dear", 4);
}

static void
an_output_over_the_limit_ends_the_run(void **state)
{
	(void)state;
	start("while :; do echo more; done", "", 0, 1000);
	wait_until_over();
	assert_int_equal(run.fault, RUN_TOO_BIG);
	assert_true(WIFSIGNALED(run.status));
}

/* Its parent is gone: whoever adopted it may not have reaped it yet, so a zombie is fine too. */
static bool
is_alive(pid_t pid)
{
	char path[32], state = 'X';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	if (fscanf(stat, "%*d %*s %c", &state) != 1)
		state = 'X';
	fclose(stat);
	return state != 'Z' && state != 'X';
}

/* Soon. */
static bool
ends(pid_t pid)
{
	for (int i = 0; i < 500 && is_alive(pid); i++)
		clock_sleep_ms(10);
	return !is_alive(pid);
}

static void
stopping_reaches_the_whole_group(void **state)
{
	pid_t left;

	(void)state;
	start("sleep 100 & echo $! >&3; wait", "", 0, 100);
	wait_for_note();
	left = (pid_t)strtol(run.notes.last, NULL, 10);
	assert_true(left > 0);
	run_stop(&run, RUN_UNWANTED, 5000);
	wait_until_over();
	assert_int_equal(run.fault, RUN_UNWANTED);
	assert_true(ends(left));
}

/* Not only its first process, which need not tell the others. */
static void
each_process_of_the_group_is_asked_to_end(void **state)
{
	(void)state;
	start(
	    "trap : TERM; sh -c 'trap \"echo heard >&3; exit 0\" TERM; echo ready >&3; while :; do "
	    "sleep 0.02; done' & "
	    "while kill -0 $!; do wait $!; done 2>&-",
	    "", 0, 100);
	wait_for_note();
	run_stop(&run, RUN_UNWANTED, 5000);
	wait_until_over();
	assert_memory_equal(run.notes.last, "heard", 5);
}

static void
who_hears_has_the_grace_to_end_well(void **state)
{
	(void)state;
	start("trap 'sleep 0.3; printf bye; exit 0' TERM; echo ready >&3; while :; do sleep 0.02; "
	      "done",
	    "", 0, 100);
	wait_for_note();
	run_stop(&run, RUN_UNWANTED, 60000);
	wait_until_over();
	assert_int_equal(run.result.len, 3);
	assert_true(WIFEXITED(run.status));
}

static void
what_ended_it_first_is_what_is_said(void **state)
{
	(void)state;
	start("trap '' TERM; while :; do sleep 0.1; done", "", 0, 100);
	run_stop(&run, RUN_TOO_LONG, 60000);
	run_stop(&run, RUN_UNWANTED, 0);
	wait_until_over();
	assert_int_equal(run.fault, RUN_TOO_LONG);
}

static void
who_will_not_hear_is_killed_after_the_grace(void **state)
{
	(void)state;
	start("trap '' TERM; while :; do sleep 0.1; done", "", 0, 100);
	clock_sleep_ms(100);
	run_stop(&run, RUN_TOO_LONG, 100);
	wait_until_over();
	assert_int_equal(run.fault, RUN_TOO_LONG);
	assert_int_equal(WTERMSIG(run.status), SIGKILL);
}

/* Each word to stop that follows gives it no more time. */
static void
who_is_told_to_stop_again_and_again_has_its_grace_once(void **state)
{
	int64_t kill_us;

	(void)state;
	start("trap '' TERM; while :; do sleep 0.1; done", "", 0, 100);
	run_stop(&run, RUN_TOO_LONG, 300);
	kill_us = run.kill_us;
	clock_sleep_ms(5);
	run_stop(&run, RUN_TOO_LONG, 60000);
	assert_int_equal(run.kill_us, kill_us);
	wait_until_over();
}

static void
a_command_that_is_held_hears_that_it_is_to_end(void **state)
{
	(void)state;
	start(
	    "trap 'printf bye; exit 0' TERM; echo ready >&3; kill -STOP $$; sleep 100", "", 0, 100);
	wait_for_note();
	clock_sleep_ms(50);
	run_stop(&run, RUN_UNWANTED, 60000);
	wait_until_over();
	assert_int_equal(run.result.len, 3);
}

/* What it left in its group when it ended, too. */
static void
nothing_of_a_command_outlives_it(void **state)
{
	pid_t left;

	(void)state;
	start("sleep 100 >&- 2>&- 3>&- & echo $! >&3", "", 0, 100);
	wait_until_over();
	left = (pid_t)strtol(run.notes.last, NULL, 10);
	assert_true(left > 0);
	assert_true(ends(left));
}

static void
a_command_that_is_not_there_is_told_at_once(void **state)
{
	char name[] = "/no/such/command", *argv[] = {name, NULL};
	const struct run_env env[] = {{NULL, NULL}};
	struct err e = ERR_INIT;

	(void)state;
	run_init(&run, &loop, 100, on_ended, &over);
	assert_false(run_start(&run, argv, env, "", 0, &how, &e));
	assert_true(run.no_command);
	assert_string_equal(e.why, "No such file or directory");
	assert_false(over);
}

/* So no other job is spent on it. */
static void
what_may_not_be_run_is_no_command(void **state)
{
	static char folder[] = "/",
		    through_a_file[] = "/etc/passwd/x", *const names[] = {folder, through_a_file};
	const struct run_env env[] = {{NULL, NULL}};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char *argv[] = {names[i], NULL};
		struct err e = ERR_INIT;

		run_init(&run, &loop, 100, on_ended, &over);
		assert_false(run_start(&run, argv, env, "", 0, &how, &e));
		assert_true(run.no_command);
		run_fini(&run);
	}
}

#define RUNS(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_is_known_when_it_has_ended),
	    cmocka_unit_test(a_line_without_end_is_cut),
	    RUNS(input_goes_in_and_output_comes_out),
	    RUNS(a_command_may_leave_its_input_unread),
	    RUNS(the_environment_names_the_job),
	    RUNS(only_four_descriptors_are_open),
	    RUNS(no_descriptor_of_the_worker_is_a_commands),
	    RUNS(the_command_leads_its_own_group),
	    RUNS(a_command_can_be_held_to_a_priority_and_to_memory),
	    RUNS(sigpipe_is_as_it_should_be),
	    RUNS(a_command_hears_the_signals_that_the_worker_has_blocked),
	    RUNS(a_pipe_that_the_command_has_closed_is_closed_here),
	    RUNS(what_was_said_last_is_heard_however_much_it_was),
	    RUNS(notes_and_complaints_are_heard),
	    RUNS(an_output_over_the_limit_ends_the_run),
	    RUNS(stopping_reaches_the_whole_group),
	    RUNS(each_process_of_the_group_is_asked_to_end),
	    RUNS(who_hears_has_the_grace_to_end_well),
	    RUNS(what_ended_it_first_is_what_is_said),
	    RUNS(who_will_not_hear_is_killed_after_the_grace),
	    RUNS(who_is_told_to_stop_again_and_again_has_its_grace_once),
	    RUNS(a_command_that_is_held_hears_that_it_is_to_end),
	    RUNS(nothing_of_a_command_outlives_it),
	    RUNS(a_command_that_is_not_there_is_told_at_once),
	    RUNS(what_may_not_be_run_is_no_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
