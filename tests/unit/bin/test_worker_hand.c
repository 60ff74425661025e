/* The jobs in hand and the spool together: what is taken in, what is kept, what is let go. */
#include "../test.h"

#include <dirent.h>
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
	    cmocka_unit_test(what_is_said_cannot_move_a_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
