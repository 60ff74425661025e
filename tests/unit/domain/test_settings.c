#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/settings.h"

static struct settings settings;
static struct config config;
static struct err e;
static char path[64];
static int loads;
static const struct argp *flags; /* those of a program */

static int
begin(void **state)
{
	(void)state;
	e = ERR_INIT;
	loads = 0;
	flags = &settings_argp;
	strcpy(path, "/tmp/test_settings.XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	if (loads > 0)
		config_fini(&config);
	unlink(path);
	return 0;
}

static error_t
parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

/* As a program does it: words of the command line, "--config" with this test's file before them. */
static bool
load(const char *file, const char *const *words, int n)
{
	const struct argp_child children[] = {{.argp = flags}, {0}};
	const struct argp argp = {.parser = parse, .children = children};
	struct settings_input input = {0};
	char *argv[40] = {(char[]){"test"}, (char[]){"--config"}, path};
	FILE *to = fopen(path, "w");

	fprintf(to, "[tracker]\n%s", file);
	fclose(to);
	for (int i = 0; i < n; i++)
		argv[3 + i] = strdup(words[i]);
	assert_int_equal(
	    argp_parse(&argp, 3 + n, argv, ARGP_NO_EXIT | ARGP_NO_ERRS, NULL, &input), 0);
	if (loads++ > 0)
		config_fini(&config);
	err_clear(&e);
	n += 3;
	bool ok = settings_load(&settings, &config, &input, &e);

	while (--n >= 3)
		free(argv[n]);
	return ok;
}

static bool
load_file(const char *file)
{
	return load(file, NULL, 0);
}

static void
refused(const char *file, const char *words)
{
	if (load_file(file))
		fail_msg("taken: %s", file);
	assert_int_equal(e.kind, ERR_INPUT);
	if (!strstr(e.why, words))
		fail_msg("'%s' has no '%s'", e.why, words);
}

static void
the_defaults_are_those_of_the_specification(void **state)
{
	(void)state;
	assert_true(load_file(""));
	assert_string_equal(settings.project, "Distributed Compute");
	assert_string_equal(settings.stage[0], "A");
	assert_string_equal(settings.stage[1], "");
	assert_int_equal(settings.stages.n, 1);
	assert_string_equal(settings.postgres, "postgresql:///tracker");
	assert_string_equal(settings.redis, "redis://127.0.0.1:6379/0");
	assert_int_equal(settings.idle_timeout_s, 7200);
	assert_int_equal(settings.job_timeout_s[4], 0);
	assert_int_equal(settings.flag_limit, 5);
	assert_int_equal(settings.max_attempts, 10);
	assert_int_equal(settings.retry_backoff_s, 30);
	assert_int_equal(settings.retry_backoff_max_s, 3600);
	assert_int_equal(settings.eta_interval_s, 900);
	assert_int_equal(settings.eta_samples, 10);
	assert_int_equal(settings.page_cache_s, 30);
	assert_int_equal(settings.body_limit, 16 << 20);
	assert_int_equal(settings.processes, 1);
	assert_int_equal(settings.acceptors, 2);
	assert_int_equal(settings.parked_limit, 10000);
	assert_false(settings.public_data);
	assert_string_equal(settings.listen, "");
	assert_string_equal(settings.user, "");
}

static void
five_stages_may_be_named(void **state)
{
	(void)state;
	assert_true(load_file("stage_a=Get it\nstage_b=Ä\nstage_c=c\nstage_d=d\nstage_e=e\n"));
	assert_int_equal(settings.stages.n, 5);
	assert_string_equal(settings.stage[0], "Get it");
	assert_string_equal(settings.stage[4], "e");
}

static void
stage_a_must_be_there(void **state)
{
	(void)state;
	refused("stage_a =\nstage_b = x\n", "stage_a may not be empty");
}

static void
stages_may_not_have_a_hole(void **state)
{
	char want[100];

	(void)state;
	refused("stage_a = x\nstage_c = y\n", "stage_c is named, but the stage before it is not");
	snprintf(want, sizeof(want), "%s:3: ", path);
	assert_memory_equal(e.why, want, strlen(want));
}

static void
stage_names_differ_whatever_their_case(void **state)
{
	(void)state;
	refused("stage_a = Filter\nstage_b = fILTER\n", "stage_b has the name of another stage");
}

static void
a_stage_name_is_fit_for_an_address(void **state)
{
	(void)state;
	refused("stage_a = a/b\n", "slash");
	refused("stage_a = ..\n", ". or ..");
	refused("stage_a = .\n", ". or ..");
	refused("stage_a = a\xe2\x80\xae"
		"b\n",
	    "invisible");
	refused("stage_a = 12345678901234567890123456789012345678901234567890123456789012345\n",
	    "64 characters");
	assert_true(load_file(
	    "stage_a = 1234567890123456789012345678901234567890123456789012345678901234"));
	assert_true(load_file("stage_a = What? & why #1 100%\n"));
}

static void
an_address_loses_the_slash_at_its_end(void **state)
{
	(void)state;
	assert_true(load_file("base_url = https://tracker.example/x//\n"));
	assert_string_equal(settings.base_url, "https://tracker.example/x");
	refused("base_url = tracker.example\n", "https:// or http://");
	refused("base_url = https://x/?a\n", "character");
}

static void
a_command_for_events_is_a_path_with_thirty_one_words_after_it(void **state)
{
	char text[300] = "on_event = /bin/tell";

	(void)state;
	assert_true(load_file("on_event =\n"));
	assert_true(load_file("on_event = /bin/tell --all\n"));
	refused("on_event = tell\n", "path from the root");
	for (int i = 0; i < 31; i++)
		strcat(text, " w");
	strcat(text, "\n");
	assert_true(load_file(text));
	text[strlen(text) - 1] = '\0';
	strcat(text, " w\n");
	refused(text, "over 32 words");
}

static void
a_listening_place_is_checked(void **state)
{
	char text[200] = "listen = unix:/";

	(void)state;
	assert_true(load_file("listen = unix:/run/x.sock\n"));
	assert_true(load_file("listen = tcp:127.0.0.1:9000\n"));
	assert_true(load_file("listen = tcp:[::1]:9000\n"));
	assert_true(load_file("listen = tcp-open:0.0.0.0:9000\n"));
	refused("listen = tcp-open:9000\n", "tcp:ADDRESS:PORT");
	refused("listen = 9000\n", "listen");
	refused("listen = tcp:9000\n", "tcp:ADDRESS:PORT");
	refused("listen = tcp::9000\n", "tcp:ADDRESS:PORT");
	refused("listen = tcp:1.2.3.4:0\n", "tcp:ADDRESS:PORT");
	refused("listen = tcp:1.2.3.4:99999\n", "tcp:ADDRESS:PORT");
	refused("listen = unix:x.sock\n", "path from the root");
	memset(text + strlen(text), 'x', 110);
	refused(text, "107 bytes");
}

static void
addresses_of_stores_are_checked(void **state)
{
	(void)state;
	assert_true(load_file("redis =\n"));
	assert_true(load_file("redis = unix:/run/redis.sock?db=3\n"));
	assert_true(load_file("postgres = host=/tmp/run dbname=tracker user=tracker\n"));
	refused("redis = localhost\n", "redis is no address");
	refused("redis = redis://host:port/0\n", "port");
	refused("postgres = what is this\n", "postgres is not a connection string");
}

static void
a_body_is_no_longer_than_postgresql_can_take(void **state)
{
	(void)state;
	assert_true(load_file("body_limit = 256M\n"));
	refused("body_limit = 257M\n", "body_limit must be between");
	refused("body_limit = 1G\n", "body_limit must be between");
}

static void
a_password_is_not_repeated_in_an_error(void **state)
{
	(void)state;
	refused("postgres = host=x password=hush hush\n", "postgres");
	assert_null(strstr(e.why, "hush"));
}

static void
the_longest_back_off_is_not_less_than_the_first(void **state)
{
	(void)state;
	refused("retry_backoff = 60\nretry_backoff_max = 30\n", "retry_backoff_max");
}

static void
flags_win_over_environment_over_file(void **state)
{
	const char *const words[] = {"--idle-timeout=30", "--public-data"};

	(void)state;
	setenv("TRACKER_IDLE_TIMEOUT", "20", 1);
	setenv("TRACKER_PROCESSES", "4", 1);
	assert_true(load("idle_timeout = 10\nprocesses = 3\nacceptors = 7\n", words, 2));
	unsetenv("TRACKER_IDLE_TIMEOUT");
	unsetenv("TRACKER_PROCESSES");
	assert_int_equal(settings.idle_timeout_s, 30);
	assert_int_equal(settings.processes, 4);
	assert_int_equal(settings.acceptors, 7);
	assert_true(settings.public_data);
}

static void
a_flag_of_a_switch_may_say_no(void **state)
{
	const char *const words[] = {"--public-data=no"};

	(void)state;
	assert_true(load("public_data = yes\n", words, 1));
	assert_false(settings.public_data);
}

static void
a_wrong_flag_is_named_as_it_was_written(void **state)
{
	const char *const words[] = {"--idle-timeout=soon"};

	(void)state;
	assert_false(load("", words, 1));
	assert_memory_equal(e.why, "--idle-timeout: ", strlen("--idle-timeout: "));
}

static void
check_that_every_setting_has_a_flag(void)
{
	for (int i = 0; settings_items[i].name; i++) {
		char word[200];
		const char *words[] = {word};

		snprintf(word, sizeof(word), "--%s=%s", settings_items[i].name,
		    settings_items[i].preset);
		for (char *p = word; *p && *p != '='; p++)
			if (*p == '_')
				*p = '-';
		if (!load("", words, 1))
			fail_msg("%s: %s", word, e.why);
	}
}

static void
every_setting_has_a_flag_in_each_program(void **state)
{
	const struct argp *const of[] = {&settings_argp, &settings_argp_few, &settings_argp_hidden};

	(void)state;
	for (size_t i = 0; i < COUNT(of); i++) {
		flags = of[i];
		check_that_every_setting_has_a_flag();
	}
}

/* The names that --help lists, a blank behind each. */
static void
help_lists(const struct argp *of, const char *names)
{
	char listed[2000] = "";

	for (const struct argp_option *o = of->options; o->name; o++)
		if (!(o->flags & OPTION_HIDDEN))
			strcat(strcat(listed, o->name), " ");
	assert_string_equal(listed, names);
}

static void
help_lists_all_settings_or_what_programs_need_to_be_told_or_none(void **state)
{
	char all[2000] = "config ";
	size_t len = strlen(all);

	(void)state;
	for (int i = 0; settings_items[i].name; i++)
		strcat(strcat(all, settings_items[i].name), " ");
	for (; all[len]; len++)
		if (all[len] == '_')
			all[len] = '-';
	help_lists(&settings_argp, all);
	help_lists(&settings_argp_few, "config postgres redis sql-dir ");
	help_lists(&settings_argp_hidden, "");
}

static void
a_named_file_must_be_there(void **state)
{
	struct settings_input input = {.config_file = "/nowhere/tracker.ini"};

	(void)state;
	loads++;
	assert_false(settings_load(&settings, &config, &input, &e));
	assert_non_null(strstr(e.why, "/nowhere/tracker.ini: No such file"));
}

static void
the_sample_file_equals_the_defaults(void **state)
{
	char *sample = NULL, *defaults = NULL, *again = NULL, *line, *rest;
	char body[20000] = "";
	size_t len;
	FILE *to;

	(void)state;
	assert_true(load_file(""));
	to = open_memstream(&defaults, &len);
	config_print(&config, to, false);
	fclose(to);
	to = open_memstream(&sample, &len);
	config_sample(settings_items, to);
	fclose(to);
	for (line = strtok_r(sample, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (line[0] == '#' && line[1] != ' ')
			strcat(strcat(body, line + 1), "\n");
	assert_non_null(strstr(body, "idle_timeout = 7200\n"));
	if (!load_file(body))
		fail_msg("%s", e.why);
	to = open_memstream(&again, &len);
	config_print(&config, to, false);
	fclose(to);
	assert_string_equal(again, defaults);
	free(sample);
	free(defaults);
	free(again);
}

/* What each number may be, as it is promised; `beside`: what it does not go without. */
static const struct {
	const char *name, *beside;
	int64_t least, most;
} edges[] = {
    {"idle_timeout", "", 1, 31536000},
    {"keep_addresses", "", 0, 31536000},
    {"purge_after", "", 0, 315360000},
    {"v1_patience", "", 0, 60},
    {"job_timeout_a", "", 0, 31536000},
    {"job_timeout_b", "", 0, 31536000},
    {"job_timeout_c", "", 0, 31536000},
    {"job_timeout_d", "", 0, 31536000},
    {"job_timeout_e", "", 0, 31536000},
    {"flag_limit", "", 1, 1000},
    {"max_attempts", "", 1, 1000000},
    {"in_hand_most", "", 1, 1000},
    {"newcomers_most", "", 1, 1000000},
    {"retry_backoff", "retry_backoff_max=31536000\n", 0, 31536000},
    {"retry_backoff_max", "retry_backoff=0\n", 0, 31536000},
    {"eta_interval", "", 1, 31536000},
    {"eta_samples", "", 2, 1000},
    {"page_cache", "", 0, 86400},
    {"body_limit", "", 1024, 256 << 20},
    {"answer_limit", "", 1024, 1 << 30},
    {"processes", "", 1, 64},
    {"acceptors", "", 1, 64},
    {"parked_limit", "", 0, 1000000},
};

static bool
load_number(size_t i, int64_t value)
{
	char file[128];

	snprintf(
	    file, sizeof(file), "%s%s=%lld\n", edges[i].beside, edges[i].name, (long long)value);
	return load_file(file);
}

static void
each_number_is_taken_to_its_edges_and_no_further(void **state)
{
	size_t numbers = 0;

	(void)state;
	for (const struct config_item *item = settings_items; item->name; item++)
		numbers += item->type != CONFIG_TEXT && item->type != CONFIG_BOOL;
	assert_int_equal(numbers, sizeof(edges) / sizeof(*edges));
	for (size_t i = 0; i < numbers; i++) {
		if (!load_number(i, edges[i].least) || !load_number(i, edges[i].most))
			fail_msg("%s: %s", edges[i].name, e.why);
		if (load_number(i, edges[i].least - 1) || load_number(i, edges[i].most + 1))
			fail_msg("%s: what is beyond its edge is taken", edges[i].name);
	}
}

static bool
load_text(const char *name, size_t len)
{
	char file[8192];
	int n = snprintf(file, sizeof(file), "%s=", name);

	memset(file + n, 'x', len);
	strcpy(file + n + len, "\n");
	return load_file(file);
}

static void
each_text_may_be_so_long_and_no_longer(void **state)
{
	static const struct {
		const char *name;
		size_t most;
	} texts[] = {{"project", 400}, {"about", 4000}, {"reserved_names", 4000}, {"banner", 1000},
	    {"user", 64}, {"stage_a", 64}};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!load_text(texts[i].name, texts[i].most))
			fail_msg("%s: %s", texts[i].name, e.why);
		if (load_text(texts[i].name, texts[i].most + 1))
			fail_msg("%s: one byte more is taken", texts[i].name);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_defaults_are_those_of_the_specification),
	    TEST(five_stages_may_be_named),
	    TEST(stage_a_must_be_there),
	    TEST(stages_may_not_have_a_hole),
	    TEST(stage_names_differ_whatever_their_case),
	    TEST(a_stage_name_is_fit_for_an_address),
	    TEST(an_address_loses_the_slash_at_its_end),
	    TEST(a_command_for_events_is_a_path_with_thirty_one_words_after_it),
	    TEST(a_listening_place_is_checked),
	    TEST(addresses_of_stores_are_checked),
	    TEST(a_body_is_no_longer_than_postgresql_can_take),
	    TEST(a_password_is_not_repeated_in_an_error),
	    TEST(the_longest_back_off_is_not_less_than_the_first),
	    TEST(each_number_is_taken_to_its_edges_and_no_further),
	    TEST(each_text_may_be_so_long_and_no_longer),
	    TEST(flags_win_over_environment_over_file),
	    TEST(a_flag_of_a_switch_may_say_no),
	    TEST(a_wrong_flag_is_named_as_it_was_written),
	    TEST(every_setting_has_a_flag_in_each_program),
	    TEST(help_lists_all_settings_or_what_programs_need_to_be_told_or_none),
	    TEST(a_named_file_must_be_there),
	    TEST(the_sample_file_equals_the_defaults),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
