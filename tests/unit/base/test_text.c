#include "../test.h"

#include <string.h>

#include "base/text.h"

struct piece {
	const char *s;
	size_t len;
};
#define PIECE(text)                                                                                \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static void
well_formed_utf8_is_seen(void **state)
{
	static const struct piece good[] = {
	    PIECE(""),
	    PIECE("a"),
	    PIECE("plain ascii that is longer than eight bytes"),
	    PIECE("häßlich"),
	    PIECE("\xc2\x80"),
	    PIECE("\xdf\xbf"),
	    PIECE("\xe0\xa0\x80"),
	    PIECE("\xed\x9f\xbf"),
	    PIECE("\xee\x80\x80"),
	    PIECE("\xef\xbf\xbf"),
	    PIECE("\xf0\x90\x80\x80"),
	    PIECE("\xf4\x8f\xbf\xbf"),
	    PIECE("1234567\xe2\x82\xac"
		  "89"),
	    PIECE("a\0b"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(text_is_utf8(good[i].s, good[i].len));
}

static void
ill_formed_utf8_is_refused(void **state)
{
	static const struct piece bad[] = {
	    PIECE("\x80"),
	    PIECE("\xbf"),
	    PIECE("\xc0\x80"),
	    PIECE("\xc1\xbf"),
	    PIECE("\xc2"),
	    PIECE("\xe0\x9f\xbf"),
	    PIECE("\xe2\x82"),
	    PIECE("\xed\xa0\x80"),
	    PIECE("\xed\xbf\xbf"),
	    PIECE("\xf0\x8f\xbf\xbf"),
	    PIECE("\xf4\x90\x80\x80"),
	    PIECE("\xf5\x80\x80\x80"),
	    PIECE("\xf0\x90\x80"),
	    PIECE("\xff"),
	    PIECE("\xfe"),
	    PIECE("abcdefgh\x80"),
	    PIECE("\xc3("),
	    PIECE("\xe2(\x82"),
	    PIECE("\xf8\x88\x80\x80\x80"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_is_utf8(bad[i].s, bad[i].len));
}

/* Byte by byte against the definition, all texts of one to three bytes. */
static void
every_short_sequence_is_judged_as_rfc_3629_does(void **state)
{
	(void)state;
	for (unsigned a = 0x80; a < 0x100; a++) {
		for (unsigned b = 0; b < 0x100; b++) {
			unsigned char s[3] = {(unsigned char)a, (unsigned char)b, 0x80};
			unsigned code = (a & 0x1f) << 6 | (b & 0x3f);
			unsigned three = (a & 0x0f) << 12 | (b & 0x3f) << 6;
			int tail = (b & 0xc0) == 0x80;
			int two_good = (a & 0xe0) == 0xc0 && tail && code >= 0x80;
			int three_good = (a & 0xf0) == 0xe0 && tail && three >= 0x800 &&
			    (three < 0xd800 || three > 0xdfff);

			assert_int_equal(text_is_utf8((const char *)s, 2), two_good);
			assert_int_equal(text_is_utf8((const char *)s, 3), three_good);
		}
	}
}

static void
characters_are_counted_and_cut_whole(void **state)
{
	const char *s = "aä€\xf0\x9f\x98\x80z";
	size_t len = strlen(s);

	(void)state;
	assert_int_equal(text_chars(s, len), 5);
	assert_int_equal(text_cut(s, len, 0), 0);
	assert_int_equal(text_cut(s, len, 1), 1);
	assert_int_equal(text_cut(s, len, 2), 3);
	assert_int_equal(text_cut(s, len, 3), 6);
	assert_int_equal(text_cut(s, len, 4), 10);
	assert_int_equal(text_cut(s, len, 5), len);
	assert_int_equal(text_cut(s, len, 99), len);
	assert_int_equal(text_chars("", 0), 0);
}

static void
controls_and_line_ends_of_every_kind_are_seen(void **state)
{
	static const struct piece bad[] = {
	    PIECE("a\nb"),
	    PIECE("\r"),
	    PIECE("\t"),
	    PIECE("\0"),
	    PIECE("\x1b[31m"),
	    PIECE("\x7f"),
	    PIECE("\xc2\x80"),
	    PIECE("\xc2\x85"),
	    PIECE("\xc2\x9f"),
	    PIECE("\xe2\x80\xa8"),
	    PIECE("\xe2\x80\xa9"),
	};
	static const struct piece good[] = {
	    PIECE(""),
	    PIECE(" "),
	    PIECE("\xc2\xa0"),
	    PIECE("\xe2\x80\xa7"),
	    PIECE("\xe2\x80\xaa"),
	    PIECE("~"),
	    PIECE("ä"),
	    PIECE("\xe2\x80"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(text_has_control(bad[i].s, bad[i].len));
	for (size_t i = 0; i < COUNT(good); i++)
		assert_false(text_has_control(good[i].s, good[i].len));
}

static void
invisible_and_turning_characters_are_seen(void **state)
{
	static const struct piece bad[] = {
	    PIECE("\xe2\x80\x8b"),
	    PIECE("\xe2\x80\x8f"),
	    PIECE("\xe2\x80\xaa"),
	    PIECE("\xe2\x80\xae"),
	    PIECE("\xe2\x81\xa0"),
	    PIECE("\xe2\x81\xa6"),
	    PIECE("\xe2\x81\xa9"),
	    PIECE("\xef\xbb\xbf"),
	    PIECE("\xe2\x81\xaa"),
	    PIECE("\xd8\x9c"),
	    PIECE("\xc2\xad"),
	    PIECE("\xf3\xa0\x81\x81"),
	    PIECE("abc\xe2\x80\xae"
		  "fed"),
	};
	static const struct piece good[] = {
	    PIECE(""),
	    PIECE("\xe2\x80\x8a"),
	    PIECE("\xe2\x80\x90"),
	    PIECE("\xe2\x80\xaf"),
	    PIECE("\xe2\x81\x9f"),
	    PIECE("\xe2\x81\xb0"),
	    PIECE("❤\xef\xb8\x8f"),
	    PIECE("שלום"),
	    PIECE("€"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_true(text_has_invisible(bad[i].s, bad[i].len));
	for (size_t i = 0; i < COUNT(good); i++)
		assert_false(text_has_invisible(good[i].s, good[i].len));
}

static void
what_people_read_has_no_control_and_turns_no_direction(void **state)
{
	static const struct {
		struct piece dirty;
		const char *clean;
	} cases[] = {
	    {PIECE(""), ""},
	    {PIECE("plain, ä €"), "plain, ä €"},
	    {PIECE("a\nb\tc\0d\x7f"), "a b c d "},
	    {PIECE("\xc2\x85next\xe2\x80\xa8line\xe2\x80\xa9"), " next line "},
	    {PIECE("\x1b[31mred\x1b[0m"), "red"},
	    {PIECE("\xc2\x9b"
		   "2Jcleared"),
		"cleared"},
	    {PIECE("\x1b[12"), ""},
	    {PIECE("\x1b[1;2\x7fx"), " x"},
	    {PIECE("\x1b[1\x1b[2mx"), "x"},
	    {PIECE("\x1b[1\xc3\xa9"), "\xc3\xa9"},
	    {PIECE("\x1b[@a\x1b[~b\x1b[?25hc"), "abc"},
	    {PIECE("\x1b]0;title\x07"), " ]0;title "},
	    {PIECE("\xe2\x80\xaegnp.exe"), "gnp.exe"},
	    {PIECE("\xe2\x81\xa6x\xe2\x81\xa9\xd8\x9c"), "x"},
	    {PIECE("a\xe2\x80\x8b"
		   "b\xe2\x80\x8d"
		   "c\xef\xbb\xbf"),
		"abc"},
	    {PIECE("tag\xf3\xa0\x81\x81\xf3\xa0\x81\xbf"), "tag"},
	    {PIECE("x\xef\xb8\x8f"), "x"},
	    {PIECE("bad\xff\xc3"), "bad??"},
	    {PIECE("שלום"), "שלום"},
	    /* What the exceptions are for: a family, a heart, Persian. */
	    {PIECE("👨\xe2\x80\x8d👩"), "👨\xe2\x80\x8d👩"},
	    {PIECE("❤\xef\xb8\x8f"), "❤\xef\xb8\x8f"},
	    {PIECE("می\xe2\x80\x8cخواهم"), "می\xe2\x80\x8cخواهم"},
	    {PIECE("👨\xe2\x80\x8d"), "👨"},
	    {PIECE("👨\xe2\x80\x8d\xe2\x80\xae👩"), "👨👩"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t len = cases[i].dirty.len;

		memcpy(out, cases[i].dirty.s, len);
		out[text_clean(out, len, false)] = '\0';
		assert_string_equal(out, cases[i].clean);
	}
}

static void
lines_stay_where_they_are_wanted(void **state)
{
	char out[] = "a\n\tb\r\x1b[1mc";

	(void)state;
	out[text_clean(out, sizeof(out) - 1, true)] = '\0';
	assert_string_equal(out, "a\n\tb c");
}

static void
numbers_are_whole_and_within_bounds(void **state)
{
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1x", "0x10", "1.0", "--1",
	    "9223372036854775808", "-9223372036854775809", "99999999999999999999", "١"};
	int64_t n = 0;

	(void)state;
	assert_true(text_to_int("0", 1, 0, 10, &n));
	assert_int_equal(n, 0);
	assert_true(text_to_int("007", 3, 0, 10, &n));
	assert_int_equal(n, 7);
	assert_true(text_to_int("-5", 2, -5, 10, &n));
	assert_int_equal(n, -5);
	assert_true(text_to_int("9223372036854775807", 19, INT64_MIN, INT64_MAX, &n));
	assert_true(n == INT64_MAX);
	assert_true(text_to_int("-9223372036854775808", 20, INT64_MIN, INT64_MAX, &n));
	assert_true(n == INT64_MIN);
	assert_false(text_to_int("11", 2, 0, 10, &n));
	assert_false(text_to_int("-1", 2, 0, 10, &n));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_to_int(bad[i], strlen(bad[i]), INT64_MIN, INT64_MAX, &n));
	assert_false(text_to_int("1\0", 2, 0, 10, &n));
}

static void
bytes_have_units(void **state)
{
	static const struct {
		const char *s;
		int64_t n;
	} good[] = {{"0", 0}, {"90", 90}, {"1K", 1024}, {"1k", 1024}, {"16M", 16 << 20},
	    {"2G", INT64_C(2) << 30}, {"1T", INT64_C(1) << 40},
	    {"8388607T", INT64_C(8388607) << 40}};
	static const char *const bad[] = {
	    "", "M", "-1", "1B", "1MB", "16 M", "8388608T", "9223372036854775807K", "1\x0d", "1+"};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(text_to_bytes(good[i].s, strlen(good[i].s), &n));
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_to_bytes(bad[i], strlen(bad[i]), &n));
}

static void
a_time_is_a_number_and_perhaps_a_unit(void **state)
{
	static const struct {
		const char *s;
		int64_t n;
	} good[] = {
	    {"0", 0}, {"90", 90}, {"90s", 90}, {"15m", 900}, {"2h", 7200}, {"30d", 2592000}};
	static const char *const bad[] = {"", "h", "1 h", "1w", "1hh", "999999999999999999d"};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(text_to_seconds(good[i].s, strlen(good[i].s), &n));
		assert_true(n == good[i].n);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(text_to_seconds(bad[i], strlen(bad[i]), &n));
}

static void
durations_read_as_people_say_them(void **state)
{
	static const struct {
		int64_t seconds;
		const char *said;
	} cases[] = {
	    {0, "0 seconds"},
	    {1, "1 second"},
	    {59, "59 seconds"},
	    {60, "1 minute"},
	    {61, "1 minute and 1 second"},
	    {599, "9 minutes and 59 seconds"},
	    {600, "10 minutes"},
	    {629, "10 minutes"},
	    {630, "11 minutes"},
	    {3599, "1 hour"},
	    {3600, "1 hour"},
	    {3661, "1 hour and 1 minute"},
	    {86399, "1 day"},
	    {93784, "1 day and 2 hours"},
	    {172800, "2 days"},
	    {86401, "1 day"},
	    {863999, "10 days"},
	    {864000, "10 days"},
	    {203181765, "6 years"},
	    {63115199, "730 days"},
	    {63115200, "2 years"},
	    {INT64_C(31557600000), "1000 years"},
	    {INT64_C(31557600001), "more than 1,000 years"},
	    {INT64_MAX, "more than 1,000 years"},
	    {-5, "0 seconds"},
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text_duration(out, sizeof(out), cases[i].seconds);
		assert_string_equal(out, cases[i].said);
	}
}

static void
a_duration_stays_in_its_room(void **state)
{
	char out[64];

	(void)state;
	for (size_t size = 0; size < sizeof(out); size++) {
		memset(out, '#', sizeof(out));
		text_duration(out, size, INT64_MAX);
		for (size_t i = size; i < sizeof(out); i++)
			assert_int_equal(out[i], '#');
		if (size > 0)
			assert_non_null(memchr(out, '\0', size));
	}
}

static void
thousands_are_grouped(void **state)
{
	static const struct {
		int64_t n;
		const char *said;
	} cases[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"},
	    {-999, "-999"}, {-1000, "-1,000"}, {100000, "100,000"},
	    {INT64_MAX, "9,223,372,036,854,775,807"}, {INT64_MIN, "-9,223,372,036,854,775,808"}};
	char out[28];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text_thousands(out, cases[i].n);
		assert_string_equal(out, cases[i].said);
	}
}

static void
only_ascii_letters_become_lower(void **state)
{
	char text[] = "STAGE B [Ä] @Z";

	(void)state;
	text_lower(text, text, strlen(text));
	assert_string_equal(text, "stage b [Ä] @z");
}

static void
a_text_starts_with_its_prefix(void **state)
{
	(void)state;
	assert_true(text_starts("unix:/x", "unix:"));
	assert_true(text_starts("x", ""));
	assert_false(text_starts("uni", "unix:"));
	assert_false(text_starts("", "x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(well_formed_utf8_is_seen),
	    cmocka_unit_test(ill_formed_utf8_is_refused),
	    cmocka_unit_test(every_short_sequence_is_judged_as_rfc_3629_does),
	    cmocka_unit_test(characters_are_counted_and_cut_whole),
	    cmocka_unit_test(controls_and_line_ends_of_every_kind_are_seen),
	    cmocka_unit_test(invisible_and_turning_characters_are_seen),
	    cmocka_unit_test(what_people_read_has_no_control_and_turns_no_direction),
	    cmocka_unit_test(lines_stay_where_they_are_wanted),
	    cmocka_unit_test(numbers_are_whole_and_within_bounds),
	    cmocka_unit_test(bytes_have_units),
	    cmocka_unit_test(a_time_is_a_number_and_perhaps_a_unit),
	    cmocka_unit_test(durations_read_as_people_say_them),
	    cmocka_unit_test(a_duration_stays_in_its_room),
	    cmocka_unit_test(thousands_are_grouped),
	    cmocka_unit_test(only_ascii_letters_become_lower),
	    cmocka_unit_test(a_text_starts_with_its_prefix),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
