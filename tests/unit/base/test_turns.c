#include "../test.h"

#include <string.h>

#include "base/turns.h"

#define MANY 400

struct thing {
	struct queue_entry entry; /* first, so that an entry is a thing */
	char name;
};

/* Puts one of each name; its letter says whose it is, a dash is nobody's. */
static void
put_all(struct turns *t, struct thing *things, const char *names)
{
	for (size_t i = 0; names[i]; i++) {
		things[i].name = names[i];
		turns_put(t, &things[i].entry, names[i] == '-' ? TURNS_NOBODY : (uint32_t)names[i]);
	}
}

/* In which order so many are taken. */
static void
expect(struct turns *t, const char *names)
{
	char taken[MANY + 1] = "";

	for (size_t i = 0; i < strlen(names); i++) {
		struct thing *thing = (struct thing *)turns_take(t);

		taken[i] = thing ? thing->name : '!';
	}
	assert_string_equal(taken, names);
}

static void
one_alone_is_served_in_order(void **state)
{
	struct thing things[MANY];
	struct turns t;

	(void)state;
	turns_init(&t);
	assert_null(turns_take(&t));
	put_all(&t, things, "aaaa");
	for (int i = 0; i < 4; i++)
		assert_ptr_equal(turns_take(&t), &things[i].entry);
	assert_null(turns_take(&t));
}

static void
who_has_few_waits_for_one_of_each_only(void **state)
{
	struct thing things[MANY], late[MANY];
	struct turns t;

	(void)state;
	turns_init(&t);
	put_all(&t, things, "aaaaaabb");
	expect(&t, "a");
	put_all(&t, late, "c");
	expect(&t, "bcabaaaa");
	assert_null(turns_take(&t));
}

static void
who_comes_again_at_once_is_not_before_who_waits(void **state)
{
	struct thing things[MANY], again[MANY];
	struct turns t;

	(void)state;
	turns_init(&t);
	put_all(&t, things, "ab");
	expect(&t, "a");
	put_all(&t, again, "aa");
	expect(&t, "baa");
}

/* Many rounds ago: neither is its place of then another round's now, nor is it before those who wait. */
static void
who_comes_again_after_a_while_comes_as_anybody(void **state)
{
	struct thing old, others[MANY], things[MANY];
	struct turns t;

	(void)state;
	for (int rounds = 2; rounds < 3 * TURNS_AHEAD; rounds++) {
		turns_init(&t);
		turns_put(&t, &old.entry, 'a');
		assert_ptr_equal(turns_take(&t), &old.entry);
		for (int i = 0; i < rounds; i++) {
			turns_put(&t, &others[i].entry, 'b');
			assert_ptr_equal(turns_take(&t), &others[i].entry);
		}
		put_all(&t, things, "ccac");
		expect(&t, "cacc");
		assert_null(turns_take(&t));
	}
}

static void
what_is_nobodys_waits_for_one_round(void **state)
{
	struct thing things[MANY], late[MANY];
	struct turns t;

	(void)state;
	turns_init(&t);
	put_all(&t, things, "aaaa");
	expect(&t, "a");
	put_all(&t, late, "--");
	expect(&t, "--aaa");
}

/* More than there are rounds for: none is lost, and who comes then waits for two of theirs at most. */
static void
more_than_there_are_rounds_for_are_kept(void **state)
{
	static struct thing things[3 * TURNS_AHEAD];
	struct thing late;
	struct turns t;

	(void)state;
	turns_init(&t);
	for (int i = 0; i < 3 * TURNS_AHEAD; i++)
		turns_put(&t, &things[i].entry, 7);
	assert_ptr_equal(turns_take(&t), &things[0].entry);
	turns_put(&t, &late.entry, 8);
	assert_ptr_equal(turns_take(&t), &late.entry);
	for (int i = 1; i < 3 * TURNS_AHEAD; i++)
		assert_ptr_equal(turns_take(&t), &things[i].entry);
	assert_null(turns_take(&t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_alone_is_served_in_order),
	    cmocka_unit_test(who_has_few_waits_for_one_of_each_only),
	    cmocka_unit_test(who_comes_again_at_once_is_not_before_who_waits),
	    cmocka_unit_test(who_comes_again_after_a_while_comes_as_anybody),
	    cmocka_unit_test(what_is_nobodys_waits_for_one_round),
	    cmocka_unit_test(more_than_there_are_rounds_for_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
