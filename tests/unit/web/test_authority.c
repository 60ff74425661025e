#include "../test.h"

#include <string.h>

#include "domain/key.h"
#include "web/authority.h"

#define KEY "dct_0123456789abcdef0123456789abcdef"

static bool
is_the_key(const char *header)
{
	struct uuid hash, of_key;

	assert_true(key_hash(KEY, strlen(KEY), &of_key));
	return authority_key(header, &hash) && uuid_equal(&hash, &of_key);
}

static void
bearer_is_the_key(void **state)
{
	(void)state;
	assert_true(is_the_key("Bearer " KEY));
	assert_true(is_the_key("bearer   " KEY));
	assert_false(is_the_key("Bearer"));
	assert_false(is_the_key("Bearers " KEY));
	assert_false(is_the_key(KEY));
}

static void
of_basic_the_password_is_the_key(void **state)
{
	(void)state;
	assert_true(is_the_key("Basic eDpkY3RfMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
	assert_true(is_the_key("basic OmRjdF8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="));
	assert_true(
	    is_the_key("Basic Wm/DqyBMLjpkY3RfMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
	assert_false(is_the_key("Basic eDp5OmRjdF8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="));
	assert_false(is_the_key("Basic ZGN0XzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmOng="));
	assert_false(is_the_key("Basic ZGN0XzAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm"));
}

/* "Basic " and the base 64 of so many bytes in all, of which the last are the key. */
static bool
is_the_key_behind(size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char both[2048], header[4096] = "Basic ", *out = header + strlen(header);

	memset(both, 'x', len);
	memcpy(both + len - strlen(":" KEY), ":" KEY, strlen(":" KEY));
	for (size_t bit = 0; bit < 8 * len; bit += 6) {
		unsigned two = (unsigned)(unsigned char)both[bit / 8] << 8 |
		    (bit / 8 + 1 < len ? (unsigned char)both[bit / 8 + 1] : 0);

		*out++ = digits[two >> (10 - bit % 8) & 63];
	}
	*out = '\0';
	return is_the_key(header);
}

static void
a_user_may_be_long_and_not_longer_than_there_is_room_for(void **state)
{
	(void)state;
	for (size_t len = 40; len < 1000; len += 97)
		assert_true(is_the_key_behind(len));
	for (size_t len = 1025; len < 1030; len++)
		assert_false(is_the_key_behind(len));
	assert_false(is_the_key("BasicOmRjdF8wMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="));
}

static void
what_is_broken_is_no_key(void **state)
{
	static const char *const bad[] = {"", " ", "Basic", "Basic ", "Basic !!!!", "Basic eDp",
	    "Basic ====", "Digest username=x", "Bearer dct_"};
	struct uuid hash;
	char flood[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(authority_key(bad[i], &hash));
	memset(flood, 'A', sizeof(flood));
	memcpy(flood, "Basic ", 6);
	flood[sizeof(flood) - 1] = '\0';
	assert_false(authority_key(flood, &hash));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bearer_is_the_key),
	    cmocka_unit_test(of_basic_the_password_is_the_key),
	    cmocka_unit_test(a_user_may_be_long_and_not_longer_than_there_is_room_for),
	    cmocka_unit_test(what_is_broken_is_no_key),
	};

	random_open();
	return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
