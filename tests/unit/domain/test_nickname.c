#include "../test.h"

#include <string.h>

#include "domain/nickname.h"

static struct arena arena;

static const char *
tidied(const char *s)
{
	struct err e = ERR_INIT;
	const char *out;
	size_t len;

	return nickname_tidy(&arena, s, strlen(s), &out, &len, &e) ? arena_dup(&arena, out, len)
								   : NULL;
}

static bool
same(const char *a, const char *b)
{
	struct nickname_look x = nickname_look(&arena, a, strlen(a)),
			     y = nickname_look(&arena, b, strlen(b));

	return uuid_equal(&x.folded, &y.folded) || uuid_equal(&x.written, &y.written);
}

static bool
reserved(const char *name, const char *list)
{
	return nickname_is_reserved(&arena, name, strlen(name), list);
}

static void
a_name_that_is_well_stays_as_it_is(void **state)
{
	static const char *const good[] = {"Ada", "Ada L.", "a", "...", "Jürgen", "李小龍", "عمر",
	    "क्षत्रिय", "@home/7", "Ω", "👍", "O'Brien", "葛\xf3\xa0\x84\x80城"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_string_equal(tidied(good[i]), good[i]);
}

static void
white_space_is_cut_and_folded(void **state)
{
	(void)state;
	assert_string_equal(tidied("  Ada   Lovelace "), "Ada Lovelace");
	assert_string_equal(tidied(" Ada"), "Ada");
	assert_string_equal(tidied("Ada "), "Ada");
	assert_string_equal(tidied("Ada  L."), "Ada L.");
	assert_string_equal(tidied("\xc2\xa0"
				   "Ada\xe3\x80\x80\xe2\x80\x89L."),
	    "Ada L.");
	assert_null(tidied(" "));
	assert_null(tidied("\xe3\x80\x80"));
	assert_null(tidied(""));
}

static void
another_normal_form_is_the_same_name(void **state)
{
	(void)state;
	assert_string_equal(tidied("Zo\x65\xcc\x88"), "Zo\xc3\xab");
	assert_string_equal(tidied("\xe2\x84\xab"), "\xc3\x85"); /* the sign of Angstrom */
}

static void
marks_that_cannot_be_seen_are_refused_and_make_no_other_name(void **state)
{
	/* Each beside the name that it looks like. */
	static const char *const bad[][2] = {{"Ali\xcc\x87", "Ali"}, {"ALi\xcc\x87", "ali"},
	    {"Bj\xcc\x87orn", "Bjorn"}, {"Al\xc4\xb1\xcc\x87", "Ali"},
	    {"Ali\xcc\xa3\xcc\x87", "Ali\xcc\xa3"}, {"Zoe\xcc\x88\xcc\x88", "Zo\xc3\xab"},
	    {"A\xf0\x96\xbf\xa4"
	     "da",
		"Ada"},
	    {"Ada\xe2\xa0\x80", "Ada"},
	    {"\xe2\xa0\x80"
	     "Ada",
		"Ada"},
	    {"Ada\xf0\x93\x91\x81", "Ada"}, {"Ada\xf0\x9b\xb2\x9d", "Ada"},
	    {"A\xe2\xb5\xbf"
	     "da",
		"Ada"},
	    {"Ada\xf0\x9d\xa9\xa1", NULL}, {"Ada\xe0\xb8\xb4", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(tidied(bad[i][0]));
		assert_true(!bad[i][1] || same(bad[i][0], bad[i][1]));
	}
	assert_true(same("\xc4\xb0stanbul", "istanbul")); /* with a dot, as in Turkish */
	assert_false(same("Zo\xc3\xab", "Zoe"));
	assert_false(same("A\xe2\xa0\x80"
			  "da",
	    "Ada")); /* it has room */
}

static void
marks_that_can_be_seen_stay(void **state)
{
	static const char *const good[] = {"\xc4\xb0stanbul",
	    "\xc5\xbb"
	    "aba",
	    "Nguy\xe1\xbb\x85n", "\xd7\xa9\xd6\xb8\xd7\x81\xd7\x9c\xd7\x95\xd6\xb9\xd7\x9d",
	    "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7\xe0\xa4\xbf",
	    "\xe0\xb8\x81\xe0\xb8\xb4\xe0\xb9\x88",
	    "\xd9\x85\xd9\x8f\xd8\xad\xd9\x8e\xd9\x85\xd9\x91\xd9\x8e\xd8\xaf",
	    "\xe3\x81\x8b\xe3\x82\x99"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_non_null(tidied(good[i]));
}

static void
what_cannot_be_seen_is_refused(void **state)
{
	static const char *const bad[] = {"A\xe2\x80\x8b"
					  "da", /* zero width space */
	    "Ada\xe2\x80\x8f",
	    "A\xc2\xad"
	    "da", /* a mark of direction, a soft hyphen */
	    "A\xe2\x80\x8d"
	    "da", /* a joiner between Latin letters */
	    "A\xe2\x80\x8c"
	    "da",
	    "\xef\xbb\xbf"
	    "Ada",
	    "Ada\xe3\x85\xa4",
	    "A\xcd\x8f"
	    "da",                  /* a Hangul filler, a grapheme joiner */
	    "Ada\xef\xb8\x8f",     /* the look of what is no emoji */
	    "Ada\xf3\xa0\x81\xa7", /* a tag without a flag */
	    "A\ada", "A\nda", "A\x7f",
	    "A\xe2\x80\xa8"
	    "da"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(tidied(bad[i]));
}

static void
joiners_stay_where_words_need_them(void **state)
{
	static const char *const good[] = {
	    "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7", /* ka, virama, joiner, ssa */
	    "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8c\xe0\xa4\xb7",
	    "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae\xd9\x88\xd8\xa7\xd9\x87\xd9\x85", /* Persian */
	    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",                         /* a coder */
	    "\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbd\xe2\x80\x8d\xf0\x9f\x92\xbb", /* of some colour */
	    "\xe2\x9d\xa4\xef\xb8\x8f",
	    "\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xa2\xf3\xa0\x81\xbf"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_string_equal(tidied(good[i]), good[i]);
	assert_null(tidied("\xf0\x9f\x91\xa9\xe2\x80\x8d"));
	assert_null(tidied("\xe2\x80\x8d\xf0\x9f\x92\xbb"));
}

static void
something_must_be_seen(void **state)
{
	(void)state;
	assert_null(tidied("\xcc\x88"));
	assert_null(tidied("\xe2\xa0\x80"));
	assert_null(tidied("."));
	assert_null(tidied(".."));
	assert_null(tidied(" .. "));
}

/* Browsers and proxies take such parts out of an address, also where the slash is written otherwise. */
static void
no_part_between_slashes_is_a_way_up(void **state)
{
	static const char *const bad[] = {"../x", "x/..", "x/../y", "./x", "x/.", "x/./y", "/..",
	    "../..", " ../x", "\xc3\xa4/../y"};
	static const char *const good[] = {
	    "...", "x/.../y", "..x", "x..", "x/..y", "a/b", ".x/y.", "x../y"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_null(tidied(bad[i]));
		assert_true(nickname_was_allowed(bad[i], strlen(bad[i])));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_string_equal(tidied(good[i]), good[i]);
}

static void
nobody_new_looks_like_who_was_erased(void **state)
{
	static const char *const bad[] = {"erased-5", "Erased-5", "ERASED-x", " erased-5",
	    "\xd0\xb5rased-5", "er\xd0\xb0sed-5",
	    "erased\xe2\x80\x90"
	    "5",
	    "\xef\xbd\x85rased-5"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_null(tidied(bad[i]));
	assert_string_equal(tidied("erased"), "erased");
	assert_string_equal(tidied("I erased-5"), "I erased-5");
	assert_true(nickname_was_allowed("Erased-5", 8)); /* who had it before */
}

static void
what_unicode_does_not_know_is_refused(void **state)
{
	(void)state;
	assert_null(tidied("A\xef\xbf\xbf"));              /* no character */
	assert_null(tidied("A\xf3\xb0\x80\x80z\xcd\xb8")); /* U+0378 */
}

static void
its_length_is_that_of_its_form(void **state)
{
	char name[4 * NICKNAME_CHARS] = "";

	(void)state;
	for (int i = 0; i < NICKNAME_CHARS; i++)
		strcat(name, "e\xcc\x88");
	assert_non_null(tidied(name));
	strcat(name, "x");
	assert_null(tidied(name));
	assert_true(nickname_was_allowed("e\xcc\x88", 3));
	assert_false(nickname_was_allowed(name, strlen(name)));
}

static void
names_that_look_the_same_are_seen(void **state)
{
	(void)state;
	assert_true(same("Ada", "ADA"));
	assert_true(same("Ada",
	    "\xd0\x90"
	    "da"));                                                       /* a Cyrillic A */
	assert_true(same("Ada", "\xef\xbc\xa1\xef\xbd\x84\xef\xbd\x81")); /* full width */
	assert_true(same("Ada",
	    "A\xe2\x80\x8b"
	    "da"));
	assert_true(same("Ada", " ada "));
	assert_true(same("Paul", "PauI"));
	assert_true(same("Paul", "pau1"));
	assert_true(same("Paul", "PAUL"));
	assert_true(same("Zo\xc3\xab", "Zoe\xcc\x88"));
	assert_true(same("Stra\xc3\x9f"
			 "e",
	    "STRASSE"));
	assert_false(same("Ada", "Ida"));
	assert_false(same("Eli", "Ell"));
	assert_false(same("Ada L.", "AdaL."));
}

static void
some_names_are_nobodys(void **state)
{
	(void)state;
	assert_true(reserved("anonymous", ""));
	assert_true(reserved(" Anonym\xd0\xbe"
			     "us",
	    ""));
	assert_true(reserved("erased-17", ""));
	assert_true(reserved("Erased-x", ""));
	assert_true(reserved("admin", "root, Admin ,x"));
	assert_true(reserved("r\xd0\xbe\xd0\xbet", "root, Admin ,x"));
	assert_true(reserved("admln", "admIn")); /* as it is written, not as it is said */
	assert_false(reserved("Ada", "root, Admin ,x"));
	assert_false(reserved("erased", ""));
	assert_false(reserved("Ada", ",, ,"));
}

static void
of_before_is_what_had_its_length_and_no_control_and_was_not_erased(void **state)
{
	char long_one[4 * 129 + 1] = "";

	(void)state;
	assert_true(nickname_was_allowed(" Ada ", 5));
	assert_false(nickname_was_allowed("", 0));
	assert_false(nickname_was_allowed("A\nb", 3));
	assert_false(nickname_was_allowed("erased-17", 9));
	for (int i = 0; i < 128; i++)
		strcat(long_one, "\xc3\xa4");
	assert_true(nickname_was_allowed(long_one, strlen(long_one)));
	strcat(long_one, "x");
	assert_false(nickname_was_allowed(long_one, strlen(long_one)));
}

static void
the_mark_names_a_version(void **state)
{
	char mark[NICKNAME_MARK];

	(void)state;
	assert_non_null(strchr(nickname_mark(mark), ' '));
}

static int
open_arena(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
close_arena(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_that_is_well_stays_as_it_is),
	    cmocka_unit_test(white_space_is_cut_and_folded),
	    cmocka_unit_test(another_normal_form_is_the_same_name),
	    cmocka_unit_test(marks_that_cannot_be_seen_are_refused_and_make_no_other_name),
	    cmocka_unit_test(marks_that_can_be_seen_stay),
	    cmocka_unit_test(what_cannot_be_seen_is_refused),
	    cmocka_unit_test(joiners_stay_where_words_need_them),
	    cmocka_unit_test(something_must_be_seen),
	    cmocka_unit_test(what_unicode_does_not_know_is_refused),
	    cmocka_unit_test(its_length_is_that_of_its_form),
	    cmocka_unit_test(names_that_look_the_same_are_seen),
	    cmocka_unit_test(some_names_are_nobodys),
	    cmocka_unit_test(no_part_between_slashes_is_a_way_up),
	    cmocka_unit_test(nobody_new_looks_like_who_was_erased),
	    cmocka_unit_test(of_before_is_what_had_its_length_and_no_control_and_was_not_erased),
	    cmocka_unit_test(the_mark_names_a_version),
	};

	random_open();
	return cmocka_run_group_tests_name("nickname", tests, open_arena, close_arena);
}
