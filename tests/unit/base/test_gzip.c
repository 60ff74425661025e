#include "../test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gzip.h"

/* What gzip(1), which is everywhere, makes of it again. */
static size_t
unpack(const struct buf *packed, char *out, size_t size)
{
	char path[] = "/tmp/test_gzip.XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *pipe;
	size_t len;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, packed->data, packed->len), packed->len);
	close(fd);
	snprintf(command, sizeof(command), "gzip -dc <%s", path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(out, 1, size, pipe);
	assert_int_equal(pclose(pipe), 0);
	unlink(path);
	return len;
}

static void
what_is_packed_unpacks_to_itself(void **state)
{
	static const size_t lens[] = {0, 1, 511, 65536, 300000};
	char *text = malloc(300000), *again = malloc(300001);

	(void)state;
	for (size_t i = 0; i < 300000; i++)
		text[i] = (char)(i % 251 * (i / 1000));
	for (size_t i = 0; i < COUNT(lens); i++) {
		struct buf b;

		buf_init(&b, 0);
		assert_true(gzip_put(&b, text, lens[i]));
		assert_int_equal(unpack(&b, again, 300001), lens[i]);
		assert_memory_equal(again, text, lens[i]);
		buf_fini(&b);
	}
	free(text);
	free(again);
}

static void
what_cannot_be_packed_still_fits(void **state)
{
	uint32_t noise[4096], n = 1;
	char again[sizeof(noise) + 1];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(noise); i++)
		noise[i] = n = n * 1664525 + 1013904223;
	buf_init(&b, 0);
	assert_true(gzip_put(&b, noise, sizeof(noise)));
	assert_int_equal(unpack(&b, again, sizeof(again)), sizeof(noise));
	assert_memory_equal(again, noise, sizeof(noise));
	buf_fini(&b);
}

static void
it_stands_behind_what_the_buffer_held(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	buf_puts(&b, "head\n");
	assert_true(gzip_put(&b, "text", 4));
	assert_memory_equal(b.data, "head\n\x1f\x8b", 7);
	assert_int_equal(b.data[b.len], 0);
	buf_fini(&b);
}

static void
the_same_bytes_are_packed_the_same(void **state)
{
	struct buf a, b;

	(void)state;
	buf_init(&a, 0);
	buf_init(&b, 0);
	assert_true(gzip_put(&a, "again and again and again", 25));
	assert_true(gzip_put(&b, "again and again and again", 25));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	buf_fini(&a);
	buf_fini(&b);
}

static void
a_buffer_that_is_full_is_said(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	assert_false(gzip_put(&b, "text", 4));
	assert_true(b.failed);
	buf_fini(&b);
}

static void
assert_wanted(bool wanted, const char *header)
{
	if (gzip_is_wanted(header) != wanted)
		fail_msg("\"%s\" is %s", header, wanted ? "refused" : "taken");
}

static void
who_names_gzip_gets_it(void **state)
{
	static const char *const headers[] = {"gzip", "GZip", "x-gzip", "gzip, deflate, br, zstd",
	    "br,gzip", "\t deflate ,\t gzip ", "gzip;q=1", "gzip;q=0.001", "gzip ; q=0.5",
	    "gzip; Q=1.0", "gzip;q=1.000, *;q=0", ",,gzip,", "deflate;q=0, gzip",
	    "identity;q=0.5, gzip;q=1.0"};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		assert_wanted(true, headers[i]);
}

static void
who_does_not_name_it_does_not(void **state)
{
	static const char *const headers[] = {"", " ", ",", ";", "identity", "br", "deflate, br",
	    "gzipped", "xgzip", "gzi", "notgzip", "br;gzip"};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		assert_wanted(false, headers[i]);
}

static void
a_weight_of_nought_is_a_no(void **state)
{
	static const char *const headers[] = {"gzip;q=0", "gzip; q=0.0", "gzip;q=0.000",
	    "gzip;q=0, *", "*, gzip;q=0", "br, gzip ;q=0 , deflate", "*;q=0",
	    "identity;q=1, *;q=0"};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		assert_wanted(false, headers[i]);
}

static void
a_star_stands_for_what_is_not_named(void **state)
{
	(void)state;
	assert_wanted(true, "*");
	assert_wanted(true, "br, *;q=0.1");
	assert_wanted(true, "identity;q=0.1, *");
	assert_wanted(true, "*;q=0, gzip");
}

static void
who_likes_it_as_it_is_better_gets_it_so(void **state)
{
	(void)state;
	assert_wanted(false, "identity, gzip;q=0.5");
	assert_wanted(false, "gzip;q=0.1, identity;q=0.2");
	assert_wanted(true, "identity, gzip");
	assert_wanted(true, "gzip;q=0.1, identity;q=0");
}

static void
what_is_no_weight_is_a_no(void **state)
{
	static const char *const headers[] = {"gzip;q=", "gzip;q=x", "gzip;q", "gzip;",
	    "gzip;level=1", "gzip;q=2", "gzip;q=1.5", "gzip;q=-1", "gzip;q=0.5x", "gzip q=1",
	    "gzip;q=.5", "gzip;q =1"};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		assert_wanted(false, headers[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_packed_unpacks_to_itself),
	    cmocka_unit_test(what_cannot_be_packed_still_fits),
	    cmocka_unit_test(it_stands_behind_what_the_buffer_held),
	    cmocka_unit_test(the_same_bytes_are_packed_the_same),
	    cmocka_unit_test(a_buffer_that_is_full_is_said),
	    cmocka_unit_test(who_names_gzip_gets_it),
	    cmocka_unit_test(who_does_not_name_it_does_not),
	    cmocka_unit_test(a_weight_of_nought_is_a_no),
	    cmocka_unit_test(a_star_stands_for_what_is_not_named),
	    cmocka_unit_test(who_likes_it_as_it_is_better_gets_it_so),
	    cmocka_unit_test(what_is_no_weight_is_a_no),
	};

	return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
