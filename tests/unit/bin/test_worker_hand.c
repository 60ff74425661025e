/* The jobs in hand and the spool together: what is taken in, what is kept, what is let go. */
#include "../test.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "worker/hand.h"
#include "worker/say.h"

static char dir[64];
static char program[] = "/bin/false";
static char *command[] = {program, NULL};
static struct loop loop;
static struct spool spool;
static struct guard guard; /* none: nothing is told */
static struct hand hand;
static struct identity me, found;

static int
open_all(void **state)
{
	const struct hand_options o = {.command = command,
	    .slots = 2,
	    .max_result = 1000,
	    .max_jobs = 5,
	    .prefetch = true,
	    .how = {.quiet = true},
	    .url = "https://tracker.example"};
	struct err e = ERR_INIT;

	(void)state;
	say_open(SAY_ERROR);
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/test-hand-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	me = (struct identity){
	    .token = strdup("the token"), .name = "quiet-river-12", .present = true};
	found = (struct identity){.token = strdup("the token")};
	if (!loop_open(&loop, &e) || !spool_open(&spool, dir, "https://tracker.example", &e))
		return -1;
	hand_init(&hand, &o, &loop, &spool, &guard);
	return 0;
}

static int
close_all(void **state)
{
	char remove[128];

	(void)state;
	hand_fini(&hand);
	spool_fini(&spool);
	loop_fini(&loop);
	free(me.token);
	free(found.token);
	snprintf(remove, sizeof(remove), "rm -r %s", dir);
	return system(remove);
}

static struct item *
take(int64_t job, const char *lease)
{
	struct item *i = item_new(&me, job, lease);

	return hand_add(&hand, i) ? i : NULL;
}

static struct item *
finish(int64_t job, const char *lease, const char *value)
{
	struct item *i = item_new(&me, job, lease);

	i->state = ITEM_ENDED;
	i->outcome = OUT_DONE;
	buf_puts(&i->result, value);
	i->ended_us = clock_us() - 3000000;
	assert_true(hand_add(&hand, i));
	return i;
}

static int
files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *entry; (entry = readdir(d));)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
it_wants_a_job_a_slot_and_one_ahead_while_runs_are_short(void **state)
{
	(void)state;
	assert_int_equal(hand_wants(&hand, clock_us()), 2);
	hand.average_ms = 100;
	assert_int_equal(hand_wants(&hand, clock_us()), 4);
	hand.average_ms = 3600000;
	assert_int_equal(hand_wants(&hand, clock_us()), 2);
	take(1, "one");
	assert_int_equal(hand_wants(&hand, clock_us()), 1);
}

static void
it_never_wants_more_than_max_jobs(void **state)
{
	(void)state;
	hand.average_ms = 1;
	hand.begun = 4;
	assert_int_equal(hand_wants(&hand, clock_us()), 1);
	take(1, "one");
	assert_int_equal(hand_wants(&hand, clock_us()), 0);
}

static void
a_lease_is_taken_once(void **state)
{
	struct item *i = take(1, "one");

	(void)state;
	assert_non_null(i);
	assert_null(take(1, "one"));
	assert_non_null(take(1, "another"));
	hand_forget(&hand, i);
	/* An answer that was slow brings it once more. */
	assert_null(take(1, "one"));
}

static void
what_is_not_begun_is_given_back_at_the_close(void **state)
{
	struct item *i = take(1, "one"), *late;

	(void)state;
	hand_close(&hand);
	assert_int_equal(i->state, ITEM_ENDED);
	assert_int_equal(i->outcome, OUT_RELEASED);
	late = take(2, "two");
	assert_int_equal(late->outcome, OUT_RELEASED);
	assert_int_equal(hand_wants(&hand, clock_us()), 0);
}

static void
a_hand_that_rests_wants_nothing_and_keeps_nothing(void **state)
{
	struct item *i;

	(void)state;
	hand.rest_us = clock_us() + 60000000;
	assert_int_equal(hand_wants(&hand, clock_us()), 0);
	/* Its answer was under way already. */
	i = take(1, "one");
	assert_int_equal(i->outcome, OUT_RELEASED);
	hand.rest_us = clock_us() - 1;
	assert_int_equal(hand_wants(&hand, clock_us()), 2);
	assert_int_equal(take(2, "two")->state, ITEM_QUEUED);
}

static void
a_lost_job_that_was_not_begun_is_gone(void **state)
{
	(void)state;
	hand_lose(&hand, take(1, "one"));
	assert_null(hand.items);
	assert_int_equal(hand.queued, 0);
}

static struct identity *
who(const char *token, void *ctx)
{
	(void)ctx;
	assert_string_equal(token, "the token");
	return &found;
}

static void
take_kept(struct item *i, void *ctx)
{
	*(struct item **)ctx = i;
}

static void
a_result_that_nobody_takes_goes_to_disk_and_comes_back(void **state)
{
	struct item *i = finish(17, "a lease", "{\"big\": 12345678901234567890}"), *kept = NULL;
	struct stat st;

	(void)state;
	hand_tick(&hand, clock_us());
	assert_int_equal(files(), 1);
	assert_int_equal(stat(i->spool_file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	spool_read(&spool, who, take_kept, &kept);
	assert_non_null(kept);
	assert_int_equal(kept->job, 17);
	assert_string_equal(kept->lease, "a lease");
	assert_string_equal(kept->result.data, "{\"big\": 12345678901234567890}");
	assert_string_equal(found.name, "quiet-river-12");
	item_free(kept);

	hand_forget(&hand, i);
	assert_int_equal(files(), 0);
}

static void
a_fresh_result_is_not_written(void **state)
{
	struct item *i = finish(17, "a lease", "1");
	int64_t now_us = clock_us();

	(void)state;
	i->ended_us = now_us;
	assert_true(hand_tick(&hand, now_us) <= now_us + 2000000);
	assert_int_equal(files(), 0);
}

static void
another_trackers_results_and_strangers_are_left_alone(void **state)
{
	struct spool other;
	struct item *kept = NULL;
	struct err e = ERR_INIT;
	char path[128];
	FILE *f;

	(void)state;
	finish(17, "a lease", "1");
	hand_tick(&hand, clock_us());
	assert_true(spool_open(&other, dir, "https://elsewhere.example", &e));
	spool_read(&other, who, take_kept, &kept);
	assert_null(kept);
	snprintf(path, sizeof(path), "%s/%s-bad.json", dir, other.tracker);
	f = fopen(path, "w");
	fputs("{\"token\": \"the token\", \"job\": 1", f);
	fclose(f);
	spool_read(&other, who, take_kept, &kept);
	assert_null(kept);
	assert_int_equal(files(), 2);
	spool_fini(&other);
}

static void
runs(int64_t job, const char *lease, const char *note)
{
	struct item *i = take(job, lease);

	i->state = ITEM_RUNNING;
	i->run.notes.last_len = strlen(note);
	memcpy(i->run.notes.last, note, strlen(note));
}

static void
each_that_runs_has_its_number_before_its_note(void **state)
{
	char out[64];

	(void)state;
	hand_progress(&hand, out, sizeof(out));
	assert_string_equal(out, "");
	runs(7, "one", "half");
	runs(8, "two", "begun");
	take(9, "three");
	hand_progress(&hand, out, sizeof(out));
	assert_true(strcmp(out, "7: half; 8: begun") == 0 || strcmp(out, "8: begun; 7: half") == 0);
	hand.items->state = hand.items->next->state = hand.items->next->next->state = ITEM_QUEUED;
}

/* ---- commands that run ------------------------------------------------------------------------ */

static void
does(const char *script)
{
	static char shell[] = "/bin/sh", flag[] = "-c", text[512];
	static char *argv[] = {shell, flag, text, NULL};

	snprintf(text, sizeof(text), "%s", script);
	hand.o.command = argv;
	hand.o.max_jobs = 0;
}

static void
turn(void)
{
	struct pollfd fd = {.fd = loop.fd, .events = POLLIN};

	hand_tick(&hand, clock_us());
	poll(&fd, 1, 20);
	loop_run(&loop);
}

static struct item *
run_one(const char *lease)
{
	struct item *i = take(1, lease);
	int64_t end_us = clock_us() + 10000000;

	assert_non_null(i);
	while (i->state != ITEM_ENDED && clock_us() < end_us)
		turn();
	assert_int_equal(i->state, ITEM_ENDED);
	return i;
}

static void
comes_to(const char *script, const char *result)
{
	struct item *i;

	does(script);
	i = run_one(NULL);
	assert_int_equal(i->outcome, OUT_DONE);
	assert_string_equal(i->result.data, result);
	hand_forget(&hand, i);
}

static void
a_command_is_told_what_its_job_is(void **state)
{
	struct item *i;

	(void)state;
	/* By version 1 there is neither lease nor attempt: it is the first. */
	comes_to("printf '%s %s %s' \"$JOB_NUMBER\" \"$JOB_ATTEMPT\" \"$JOB_LEASE\"", "\"1 1 \"");
	comes_to("printf '%s %s %s' \"$WORKER_NAME\" \"$WORKER_SLOT\" \"$WORKER_URL\"",
	    "\"quiet-river-12 1 https://tracker.example\"");
	comes_to("printf %s \"$JOB_FORMAT\"", "\"text\"");
	does("printf '%s %s %s' \"$JOB_ATTEMPT\" \"$JOB_LEASE\" \"$JOB_STAGE\"");
	i = item_new(&me, 7, "a lease");
	i->attempt = 3;
	strcpy(i->stage, "b");
	assert_true(hand_add(&hand, i));
	while (i->state != ITEM_ENDED)
		turn();
	assert_string_equal(i->result.data, "\"3 a lease b\"");
}

static void
a_line_end_goes_only_when_that_is_asked(void **state)
{
	(void)state;
	comes_to("echo a", "\"a\\n\"");
	hand.o.chomp = true;
	comes_to("echo a", "\"a\"");
	comes_to("echo a; echo", "\"a\\n\"");
	comes_to(":", "\"\"");
}

static void
each_slot_is_used_again_and_again(void **state)
{
	(void)state;
	does(":");
	for (int n = 0; n < 5; n++)
		hand_forget(&hand, run_one(NULL));
	assert_int_equal(hand.done, 5);
	assert_false(hand.slot_busy[0] || hand.slot_busy[1]);
	assert_int_equal(hand.queued + hand.running + hand.ended, 0);
}

static void
spend(int times)
{
	does("exit 1");
	for (int n = 0; n < times; n++)
		hand_forget(&hand, run_one(NULL));
}

static void
rests_for_about(int64_t s)
{
	int64_t left_us = hand.rest_us - clock_us();

	assert_in_range(left_us, s * 500000, s * 1250000);
	assert_int_equal(hand_wants(&hand, clock_us()), 0);
	hand.rest_us = 0; /* as if it were over */
}

static void
whose_jobs_all_fail_rests_longer_each_time(void **state)
{
	(void)state;
	spend(2);
	assert_int_equal(hand_wants(&hand, clock_us()), 4);
	spend(1);
	rests_for_about(1);
	spend(1);
	rests_for_about(2);
	spend(1);
	rests_for_about(4);
	hand.fails_in_row = 100;
	spend(1);
	rests_for_about(60);
}

static void
a_success_ends_a_row_of_failures(void **state)
{
	(void)state;
	spend(2);
	comes_to("exit 0", "\"\"");
	spend(2);
	assert_int_equal(hand.rest_us, 0);
	assert_int_equal(hand.fails_in_row, 2);
}

/* Its number may be somebody else's a moment later. */
static void
the_guard_hears_of_each_run_and_of_its_end(void **state)
{
	struct {
		pid_t group;
		bool ours;
	} word; /* as guard.c writes it */
	pid_t group;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	guard = (struct guard){.pid = getpid(), .pipe = ends[1]};
	comes_to("exit 0", "\"\"");
	guard.pid = 0;
	assert_int_equal(read(ends[0], &word, sizeof(word)), sizeof(word));
	group = word.group;
	assert_true(group > 0 && word.ours);
	assert_int_equal(read(ends[0], &word, sizeof(word)), sizeof(word));
	assert_int_equal(word.group, group);
	assert_false(word.ours);
	close(ends[0]);
	close(ends[1]);
}

static void
a_result_of_a_lost_job_is_told_all_the_same(void **state)
{
	struct item *i = finish(1, "one", "1");

	(void)state;
	hand_lose(&hand, i);
	hand_tick(&hand, clock_us());
	assert_ptr_equal(hand.items, i);
	assert_false(i->lost);
	assert_int_equal(i->outcome, OUT_DONE);
}

static void
who_gives_back_stops_what_runs_and_takes_no_more(void **state)
{
	struct item *i = take(1, "one");

	(void)state;
	does("sleep 100");
	turn();
	assert_int_equal(i->state, ITEM_RUNNING);
	hand_give_back(&hand);
	assert_int_equal(hand_wants(&hand, clock_us()), 0);
	assert_int_equal(take(2, "two")->outcome, OUT_RELEASED);
	for (int n = 0; n < 500 && i->state != ITEM_ENDED; n++)
		turn();
	assert_int_equal(i->state, ITEM_ENDED);
	assert_int_equal(i->outcome, OUT_RELEASED);
}

/* What waits has been asked for already. */
static void
of_few_jobs_that_are_left_none_is_asked_for_twice(void **state)
{
	(void)state;
	hand.o.max_jobs = 3;
	hand.begun = 1;
	hand.o.slots = 9;
	assert_int_equal(hand_wants(&hand, clock_us()), 2);
	take(1, "one");
	assert_int_equal(hand_wants(&hand, clock_us()), 1);
}

static void
what_is_said_cannot_move_a_cursor(void **state)
{
	char out[64];

	(void)state;
	assert_string_equal(
	    say_clean(out, sizeof(out), " \033[2Jred\tx\xff\xe2\x80\xae ", 15), "red x?");
	assert_string_equal(say_clean(out, 4, "a\xc3\xa9\xc3\xa9", 5), "a\xc3\xa9");
}

#define HAND(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HAND(it_wants_a_job_a_slot_and_one_ahead_while_runs_are_short),
	    HAND(it_never_wants_more_than_max_jobs),
	    HAND(a_lease_is_taken_once),
	    HAND(what_is_not_begun_is_given_back_at_the_close),
	    HAND(a_hand_that_rests_wants_nothing_and_keeps_nothing),
	    HAND(a_lost_job_that_was_not_begun_is_gone),
	    HAND(a_result_that_nobody_takes_goes_to_disk_and_comes_back),
	    HAND(a_fresh_result_is_not_written),
	    HAND(another_trackers_results_and_strangers_are_left_alone),
	    HAND(each_that_runs_has_its_number_before_its_note),
	    HAND(a_command_is_told_what_its_job_is),
	    HAND(a_line_end_goes_only_when_that_is_asked),
	    HAND(each_slot_is_used_again_and_again),
	    HAND(whose_jobs_all_fail_rests_longer_each_time),
	    HAND(a_success_ends_a_row_of_failures),
	    HAND(the_guard_hears_of_each_run_and_of_its_end),
	    HAND(a_result_of_a_lost_job_is_told_all_the_same),
	    HAND(who_gives_back_stops_what_runs_and_takes_no_more),
	    HAND(of_few_jobs_that_are_left_none_is_asked_for_twice),
	    cmocka_unit_test(what_is_said_cannot_move_a_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
