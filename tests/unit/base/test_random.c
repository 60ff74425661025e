#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"

static void
a_new_uuid_is_version_4_and_reads_back(void **state)
{
	char text[UUID_TEXT];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct uuid u = uuid_new(), back;

		uuid_text(text, &u);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(text[14], '4');
		assert_non_null(strchr("89ab", text[19]));
		assert_true(uuid_parse(&back, text, 36));
		assert_true(uuid_equal(&u, &back));
	}
}

static void
two_uuids_differ(void **state)
{
	struct uuid a = uuid_new(), b = uuid_new();

	(void)state;
	assert_false(uuid_equal(&a, &b));
}

#define IDS 1000

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, RANDOM_ID);
}

static void
a_thousand_ids_are_hex_and_all_differ(void **state)
{
	static char id[IDS][RANDOM_ID];

	(void)state;
	for (int i = 0; i < IDS; i++) {
		random_id(id[i]);
		assert_int_equal(strspn(id[i], "0123456789abcdef"), RANDOM_ID - 1);
		assert_int_equal(id[i][RANDOM_ID - 1], '\0');
	}
	qsort(id, IDS, RANDOM_ID, compare_ids);
	for (int i = 1; i < IDS; i++)
		assert_string_not_equal(id[i - 1], id[i]);
}

/* Bits are fetched in advance: what the parent has in stock is not the child's, too. */
static void
a_forked_process_gives_other_bits(void **state)
{
	char ours[RANDOM_ID], theirs[RANDOM_ID];
	int fd[2], status;
	pid_t child;

	(void)state;
	random_id(ours);
	assert_int_equal(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		random_id(theirs);
		_exit(write(fd[1], theirs, RANDOM_ID) != RANDOM_ID);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(read(fd[0], theirs, RANDOM_ID), RANDOM_ID);
	random_id(ours);
	assert_string_not_equal(ours, theirs);
	close(fd[0]);
	close(fd[1]);
}

static void
a_uuid_is_read_in_either_case(void **state)
{
	struct uuid a, b;

	(void)state;
	assert_true(uuid_parse(&a, "0123abcd-EF45-6789-abCD-ef0123456789", 36));
	assert_true(uuid_parse(&b, "0123ABCD-ef45-6789-ABcd-EF0123456789", 36));
	assert_true(uuid_equal(&a, &b));
	assert_int_equal(a.b[0], 0x01);
	assert_int_equal(a.b[15], 0x89);
}

static void
what_is_no_uuid_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "0123abcd-ef45-6789-abcd-ef012345678",
	    "0123abcd-ef45-6789-abcd-ef01234567890",
	    "0123abcdef4567890abcdef01234567890ab",
	    "{123abcd-ef45-6789-abcd-ef012345678}",
	    "0123abcd-ef45-6789-abcd_ef0123456789",
	    "0123abcd-ef45-6789-abcd-ef012345678g",
	    " 123abcd-ef45-6789-abcd-ef0123456789",
	    "-0123abcd-ef45-6789-abcd-ef012345678",
	    "0123abcd-ef45-6789-abcd-ef01234567\xc3\xa4",
	};
	struct uuid u;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(uuid_parse(&u, bad[i], strlen(bad[i])));
	assert_false(uuid_parse(&u,
	    "0123abcd-ef45-6789-abcd-ef0123456\0"
	    "89",
	    36));
}

static void
below_stays_below_and_reaches_all(void **state)
{
	int seen[6] = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint32_t n = random_below(6);

		assert_in_range(n, 0, 5);
		seen[n]++;
	}
	for (int i = 0; i < 6; i++)
		assert_true(seen[i] > 0);
	assert_int_equal(random_below(1), 0);
}

static void
jitter_stays_within_its_share(void **state)
{
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t ms = random_jitter(1000, 25);

		assert_in_range(ms, 750, 1250);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_true(least < 800);
	assert_true(most > 1200);
	assert_int_equal(random_jitter(0, 25), 0);
	assert_int_equal(random_jitter(100, 0), 100);
}

static void
hashes_are_blake2b(void **state)
{
	struct uuid abc = hash_128("abc", 3), other = hash_128("abd", 3), empty = hash_128("", 0);
	char hex[65], text[UUID_TEXT];

	(void)state;
	/* b2sum --length=256 and 128 */
	hash_hex(hex, "abc", 3);
	assert_string_equal(
	    hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	uuid_text(text, &abc);
	assert_string_equal(text, "cf4ab791-c62b-8d2b-2109-c90275287816");
	assert_false(uuid_equal(&abc, &other));
	assert_false(uuid_equal(&abc, &empty));
}

static void
sha256_is_what_sha256sum_says(void **state)
{
	struct sha256 s;
	char text[SHA256_TEXT];

	(void)state;
	sha256_begin(&s);
	sha256_put(&s, "a", 1);
	sha256_put(&s, "bc", 2);
	sha256_end(&s, text);
	assert_string_equal(
	    text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void
bytes_are_filled_to_the_last(void **state)
{
	unsigned char bytes[64], any[64] = {0};

	(void)state;
	for (int i = 0; i < 50; i++) {
		random_bytes(bytes, sizeof(bytes));
		for (size_t j = 0; j < sizeof(bytes); j++)
			any[j] |= bytes[j];
	}
	for (size_t j = 0; j < sizeof(any); j++)
		assert_int_not_equal(any[j], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_new_uuid_is_version_4_and_reads_back),
	    cmocka_unit_test(two_uuids_differ),
	    cmocka_unit_test(a_thousand_ids_are_hex_and_all_differ),
	    cmocka_unit_test(a_forked_process_gives_other_bits),
	    cmocka_unit_test(a_uuid_is_read_in_either_case),
	    cmocka_unit_test(what_is_no_uuid_is_refused),
	    cmocka_unit_test(below_stays_below_and_reaches_all),
	    cmocka_unit_test(jitter_stays_within_its_share),
	    cmocka_unit_test(hashes_are_blake2b),
	    cmocka_unit_test(sha256_is_what_sha256sum_says),
	    cmocka_unit_test(bytes_are_filled_to_the_last),
	};

	random_open();
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
