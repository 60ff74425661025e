#include "../test.h"

#include "web/origin.h"

static bool
is_elsewhere(const char *site, const char *origin, const char *host, const char *base_url)
{
	return origin_is_elsewhere(&(struct origin_headers){site, origin, host}, base_url);
}

static void
who_sends_neither_header_is_no_browser(void **state)
{
	(void)state;
	assert_false(is_elsewhere("", "", "tracker.example", ""));
	assert_false(is_elsewhere("", "", "", ""));
}

static void
the_browser_says_whose_page_it_is(void **state)
{
	(void)state;
	assert_true(is_elsewhere("cross-site", "", "tracker.example", ""));
	assert_true(is_elsewhere("Cross-Site", "https://tracker.example", "tracker.example", ""));
	assert_false(is_elsewhere("same-origin", "", "tracker.example", ""));
	assert_false(is_elsewhere("none", "", "tracker.example", ""));
	assert_true(is_elsewhere("same-site", "https://www.example", "tracker.example", ""));
	assert_true(is_elsewhere("none", "https://evil.example", "tracker.example", ""));
}

static void
an_origin_is_ours_by_its_host(void **state)
{
	static const char *const ours[] = {"https://tracker.example", "https://Tracker.Example",
	    "http://tracker.example", "https://tracker.example:443", "http://tracker.example:80"};
	static const char *const others[] = {"https://evil.example", "https://tracker.example.evil",
	    "https://eviltracker.example", "null", "https://", "tracker.example", "file://",
	    "https://tracker.exampl"};

	(void)state;
	for (size_t i = 0; i < COUNT(ours); i++)
		assert_false(is_elsewhere("", ours[i], "tracker.example", ""));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_true(is_elsewhere("", others[i], "tracker.example", ""));
	assert_false(is_elsewhere("", "https://tracker.example:8443", "tracker.example", ""));
	assert_false(is_elsewhere("", "https://tracker.example", "tracker.example:8443", ""));
	assert_false(is_elsewhere("", "https://[::1]:8443", "[::1]", ""));
	assert_true(is_elsewhere("", "https://[::2]", "[::1]", ""));
}

static void
behind_a_proxy_the_public_address_is_ours_too(void **state)
{
	(void)state;
	assert_false(is_elsewhere(
	    "", "https://tracker.example", "10.0.0.7:8080", "https://tracker.example/of/mine"));
	assert_true(is_elsewhere(
	    "", "https://evil.example", "10.0.0.7:8080", "https://tracker.example/of/mine"));
}

static void
a_name_that_another_site_lets_lead_to_us_is_not_ours(void **state)
{
	const char *base_url = "https://tracker.example";

	(void)state;
	assert_true(is_elsewhere("", "http://evil.example", "evil.example", base_url));
	assert_true(is_elsewhere("same-origin", "http://evil.example", "evil.example", base_url));
	assert_true(
	    is_elsewhere("same-origin", "http://1.2.3.4.example", "1.2.3.4.example", base_url));
	assert_false(is_elsewhere("same-origin", "https://tracker.example", "10.0.0.7", base_url));
}

static void
who_came_by_a_number_is_of_this_site(void **state)
{
	const char *base_url = "https://tracker.example";

	(void)state;
	assert_false(is_elsewhere("", "http://127.0.0.1:8080", "127.0.0.1", base_url));
	assert_false(is_elsewhere("", "http://[::1]:8080", "[::1]", base_url));
	assert_false(is_elsewhere("", "http://localhost:8080", "localhost", base_url));
	assert_true(is_elsewhere("", "http://127.0.0.2", "127.0.0.1", base_url));
	assert_true(is_elsewhere("", "http://evil.example", "127.0.0.1", base_url));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_sends_neither_header_is_no_browser),
	    cmocka_unit_test(the_browser_says_whose_page_it_is),
	    cmocka_unit_test(an_origin_is_ours_by_its_host),
	    cmocka_unit_test(behind_a_proxy_the_public_address_is_ours_too),
	    cmocka_unit_test(a_name_that_another_site_lets_lead_to_us_is_not_ours),
	    cmocka_unit_test(who_came_by_a_number_is_of_this_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
