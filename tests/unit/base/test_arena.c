#include "../test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

static void
what_it_gives_is_aligned_and_does_not_overlap(void **state)
{
	struct arena a;
	unsigned char *parts[2000];

	(void)state;
	arena_init(&a);
	for (size_t i = 0; i < COUNT(parts); i++) {
		parts[i] = arena_alloc(&a, i % 61);
		assert_int_equal((uintptr_t)parts[i] % _Alignof(max_align_t), 0);
		memset(parts[i], (int)(i & 0xff), i % 61);
	}
	for (size_t i = 0; i < COUNT(parts); i++)
		for (size_t j = 0; j < i % 61; j++)
			assert_int_equal(parts[i][j], i & 0xff);
	arena_fini(&a);
}

static void
a_large_piece_leaves_the_small_room_in_use(void **state)
{
	struct arena a;
	char *small, *next;

	(void)state;
	arena_init(&a);
	small = arena_alloc(&a, 16);
	memset(arena_alloc(&a, 1 << 20), 'x', 1 << 20);
	next = arena_alloc(&a, 16);
	assert_ptr_equal(next, small + 16);
	arena_fini(&a);
}

static void
a_large_piece_may_be_the_first(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	memset(arena_alloc(&a, 100000), 'x', 100000);
	memset(arena_alloc(&a, 10), 'y', 10);
	arena_fini(&a);
	assert_null(a.blocks);
}

static void
calloc_clears_memory_that_was_used(void **state)
{
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a);
	p = arena_calloc(&a, 33, 3);
	for (int i = 0; i < 99; i++)
		assert_int_equal(p[i], 0);
	arena_fini(&a);
}

static void
dup_copies_bytes_and_ends_in_nul(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(arena_dup(&a, "abcdef", 3), "abc");
	assert_string_equal(arena_dup(&a, NULL, 0), "");
	arena_fini(&a);
}

static void
printf_writes_texts_of_any_length(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_string_equal(arena_printf(&a, "%d-%s", 42, "x"), "42-x");
	assert_int_equal(strlen(arena_printf(&a, "%50000d", 1)), 50000);
	arena_fini(&a);
}

static void
a_count_that_overflows_ends_the_process(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct arena a;

		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		arena_init(&a);
		arena_calloc(&a, SIZE_MAX / 2, 3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_it_gives_is_aligned_and_does_not_overlap),
	    cmocka_unit_test(a_large_piece_leaves_the_small_room_in_use),
	    cmocka_unit_test(a_large_piece_may_be_the_first),
	    cmocka_unit_test(calloc_clears_memory_that_was_used),
	    cmocka_unit_test(dup_copies_bytes_and_ends_in_nul),
	    cmocka_unit_test(printf_writes_texts_of_any_length),
	    cmocka_unit_test(a_count_that_overflows_ends_the_process),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
