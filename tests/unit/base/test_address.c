#include "base/address.h"

#include "../test.h"

static void
an_address_is_written_in_one_way(void **state)
{
	static const struct {
		const char *said, *text;
	} cases[] = {{"192.0.2.7", "192.0.2.7"}, {"::ffff:192.0.2.7", "192.0.2.7"},
	    {"::FFFF:c000:207", "192.0.2.7"}, {"2001:DB8:0:0::1", "2001:db8::1"}, {"::1", "::1"}};
	char out[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(address_text(out, cases[i].said));
		assert_string_equal(out, cases[i].text);
	}
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const cases[] = {"", "unix:", "192.0.2", "192.0.2.256", "192.0.2.7 ",
	    "fe80::1%eth0", "192.0.2.7/24", "0x7f.1", "1.2.3.4.5", "::g", "example.org"};
	char out[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_false(address_text(out, cases[i]));
		assert_string_equal(out, "");
	}
}

static void
a_network_of_ipv6_is_one(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {{"192.0.2.7", "::ffff:192.0.2.7", true}, {"192.0.2.7", "192.0.2.8", false},
	    {"2001:db8::1", "2001:db8::2:1", true}, {"2001:db8::1", "2001:db8:0:1::1", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t one = address_network(cases[i].one);

		assert_int_not_equal(one, 0);
		assert_int_equal(one == address_network(cases[i].other), cases[i].same);
	}
	assert_int_equal(address_network("unix:"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_is_written_in_one_way),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(a_network_of_ipv6_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
