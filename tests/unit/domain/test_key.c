#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "domain/key.h"

static void
a_new_key_is_another_one_each_time(void **state)
{
	char one[KEY_TEXT], other[KEY_TEXT];
	struct uuid of_one, of_other;

	(void)state;
	key_new(one, &of_one);
	key_new(other, &of_other);
	assert_int_equal(strlen(one), KEY_TEXT - 1);
	assert_string_not_equal(one, other);
	assert_false(uuid_equal(&of_one, &of_other));
}

static void
a_key_as_it_is_shown_has_the_hash_that_was_kept(void **state)
{
	char key[KEY_TEXT], pasted[KEY_TEXT + 8];
	struct uuid kept, shown;

	(void)state;
	key_new(key, &kept);
	assert_true(key_hash(key, strlen(key), &shown));
	assert_true(uuid_equal(&kept, &shown));
	snprintf(pasted, sizeof(pasted), " %s\r\n", key);
	assert_true(key_hash(pasted, strlen(pasted), &shown));
	assert_true(uuid_equal(&kept, &shown));
}

static void
what_is_no_key_has_no_hash(void **state)
{
	static const char *const bad[] = {"", " ", "dct_", "secret",
	    "dct_0123456789abcdef0123456789abcde", "dct_0123456789abcdef0123456789abcdef0",
	    "dct_0123456789ABCDEF0123456789abcdef", "xct_0123456789abcdef0123456789abcdef",
	    "dct_0123456789abcdef 123456789abcdef"};
	struct uuid hash;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(key_hash(bad[i], strlen(bad[i]), &hash));
	assert_false(key_hash("dct_0123456789abcdef0123456789abcde\0", 36, &hash));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_key_is_another_one_each_time),
	    cmocka_unit_test(a_key_as_it_is_shown_has_the_hash_that_was_kept),
	    cmocka_unit_test(what_is_no_key_has_no_hash),
	};

	random_open();
	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
