/* The worker's options: the command line, the settings file, the key. Each is read in a process of its own, for misuse ends it. */
#include "../test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "worker/options.h"

#define ARGS_MOST 16
#define YEAR "31557600"

static char folder[] = "/tmp/dct-options-XXXXXX";
static char conf[64], key[64];
static char said[4096]; /* by the process that read them, on standard error */

static int
begin(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(conf, sizeof(conf), "%s/conf", folder);
	snprintf(key, sizeof(key), "%s/key", folder);
	return unsetenv("DISTCOMPUTE_KEY");
}

static int
end(void **state)
{
	(void)state;
	(void)unlink(conf);
	(void)unlink(key);
	return rmdir(folder);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* ---- reading them ------------------------------------------------------------------------------- */

/* A command line: words with a | between, for some have blanks. What it is made of stays, as argv does. */
static int
split(const char *line, char *argv[ARGS_MOST + 1])
{
	char *text = strdup(line);
	int n = 0;

	argv[n++] = strdup("distcompute-worker");
	for (char *word = strtok(text, "|"); word && n < ARGS_MOST; word = strtok(NULL, "|"))
		argv[n++] = word;
	argv[n] = NULL;
	return n;
}

static void
read_line(struct options *o, const char *line)
{
	static char *argv[ARGS_MOST + 1]; /* the command stays a part of it */

	options_read(o, split(line, argv), argv);
}

/* Says whether they are as they should be; NULL: whatever they are. */
typedef bool (*look)(const struct options *o);

/* Exit status of a process that reads a line; EX_SOFTWARE: they are not what `is` wants. */
static int
status_of(const char *line, look is)
{
	struct options o;
	int ends[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		read_line(&o, line);
		_exit(is && !is(&o) ? EX_SOFTWARE : EX_OK);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
takes(const char *line, look is)
{
	int status = status_of(line, is);

	if (status != EX_OK)
		fail_msg("%s: exit %d, %s", line, status, said);
}

/* Ends with the status of misuse, and these words. */
static void
refuses(const char *line, const char *words)
{
	int status = status_of(line, NULL);

	if (status != EX_USAGE || !strstr(said, words))
		fail_msg("%s: exit %d, not '%s' but '%s'", line, status, words, said);
}

static void
takes_conf(const char *text, look is)
{
	char line[128];

	write_file(conf, text);
	snprintf(line, sizeof(line), "--config=%s|-u|https://t|--|cat", conf);
	takes(line, is);
}

static void
refuses_conf(const char *text, const char *words)
{
	char line[128];

	write_file(conf, text);
	snprintf(line, sizeof(line), "--config=%s|-u|https://t|--|cat", conf);
	refuses(line, words);
}

/* ---- the command line --------------------------------------------------------------------------- */

static bool
are_defaults(const struct options *o)
{
	return strcmp(o->nickname, "anonymous") == 0 && strcmp(o->stage, "a") == 0 && !*o->has &&
	    !*o->label && !o->spool_dir && o->max_input == 128 << 20 && o->wait_s == 30 &&
	    o->grace_s == 60 && o->exit_idle_s == 0 && !o->until_done && !o->v1 &&
	    o->hand.slots == 1 && o->hand.max_result == 16 << 20 && o->hand.timeout_s == 0 &&
	    o->hand.max_jobs == 0 && !o->hand.json && !o->hand.chomp && o->hand.prefetch &&
	    !o->hand.how.quiet && o->hand.how.nice == 0 && o->hand.how.memory == 0 &&
	    strcmp(o->hand.url, "https://t") == 0 && strcmp(o->http.url, "https://t") == 0 &&
	    !o->http.cacert && !o->http.insecure && !o->http.key &&
	    o->http.most == (size_t)2 * (128 << 20) && strcmp(o->hand.command[0], "cat") == 0 &&
	    strcmp(o->hand.command[1], "-n") == 0 && !o->hand.command[2];
}

static void
what_is_not_said_is_as_the_manual_says(void **state)
{
	(void)state;
	takes("-u|https://t|--|cat|-n", are_defaults);
}

static bool
is_all_said(const struct options *o)
{
	return strcmp(o->nickname, "Ada") == 0 && strcmp(o->stage, "Extract") == 0 &&
	    strcmp(o->has, "gpu,ram32") == 0 && strcmp(o->label, "warc2tar 1.4") == 0 &&
	    strcmp(o->spool_dir, "/s") == 0 && strcmp(o->http.cacert, "/c") == 0;
}

static bool
is_all_limited(const struct options *o)
{
	return o->hand.max_result == 1 && o->max_input == 2 << 10 && o->http.most == 4 << 10 &&
	    o->hand.how.memory == INT64_C(3) << 30 && o->hand.how.nice == 4 &&
	    o->hand.timeout_s == 5 && o->wait_s == 6 && o->hand.max_jobs == 7 &&
	    o->exit_idle_s == 8 && o->grace_s == 9 && o->hand.slots == 10;
}

static bool
is_all_switched(const struct options *o)
{
	return o->hand.json && o->hand.chomp && o->http.insecure && !o->hand.prefetch && !o->v1 &&
	    o->until_done && o->hand.how.quiet;
}

static bool
is_v1(const struct options *o)
{
	return o->v1 && !o->hand.prefetch && !o->hand.json && !o->hand.chomp && !o->http.insecure &&
	    !o->until_done && !o->hand.how.quiet;
}

static void
each_option_has_its_place(void **state)
{
	(void)state;
	takes("-u|https://t|-s|Extract|-n|Ada|--has=ram32, gpu|--label=warc2tar 1.4|--spool=/s|"
	      "--cacert=/c|--|x",
	    is_all_said);
	takes_conf(
	    "max-result=1\nmax-input=2K\nmax-memory=3G\nnice=4\ntimeout=5\nwait=6\nmax-jobs=7\n"
	    "exit-when-idle=8\ngrace=9\njobs=10\n",
	    is_all_limited);
	takes(
	    "-u|https://t|-Jq|--chomp|--insecure|--no-prefetch|--until-done|--|x", is_all_switched);
	takes("-u|https://t|--v1|--|x", is_v1);
}

static void
each_number_is_taken_to_its_edges_and_no_further(void **state)
{
	static const struct {
		const char *name, *least, *below, *most, *above;
	} edges[] = {
	    {"max-result", "1", "0", "1G", "1073741825"},
	    {"max-input", "1", "0", "1G", "1073741825"},
	    {"max-memory", "1", "0", "1024T", "1125899906842625"},
	    {"nice", "0", "-1", "19", "20"},
	    {"timeout", "1", "0", YEAR, "31557601"},
	    {"wait", "0", "-1", "60", "61"},
	    {"max-jobs", "1", "0", "2147483647", "2147483648"},
	    {"exit-when-idle", "1", "0", YEAR, "31557601"},
	    {"grace", "0", "-1", YEAR, "31557601"},
	    {"jobs", "1", "0", "1000", "1001"},
	};
	char line[128];

	(void)state;
	for (size_t i = 0; i < COUNT(edges); i++) {
		const char *good[] = {edges[i].least, edges[i].most};
		const char *bad[] = {edges[i].below, edges[i].above, "", "x", "1 2"};

		for (size_t j = 0; j < COUNT(good); j++) {
			snprintf(line, sizeof(line), "-u|https://t|--%s=%s|--|x", edges[i].name,
			    good[j]);
			takes(line, NULL);
		}
		for (size_t j = 0; j < COUNT(bad); j++) {
			snprintf(
			    line, sizeof(line), "-u|https://t|--%s=%s|--|x", edges[i].name, bad[j]);
			refuses(line, edges[i].name);
		}
	}
}

static void
each_text_may_be_so_long_and_no_longer(void **state)
{
	static const struct {
		const char *name;
		int most;
	} texts[] = {{"stage", 128}, {"nickname", 128}, {"label", 64}};
	char text[512], line[640];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		for (int n = texts[i].most; n <= texts[i].most + 1; n++) {
			text[0] = '\0';
			for (int at = 0; at < n; at++) /* characters, not bytes */
				snprintf(text + 2 * at, sizeof(text) - 2 * (size_t)at, "\xc3\xab");
			snprintf(
			    line, sizeof(line), "-u|https://t|--%s=%s|--|x", texts[i].name, text);
			if (n == texts[i].most)
				takes(line, NULL);
			else
				refuses(line, texts[i].name);
		}
		snprintf(line, sizeof(line), "-u|https://t|--%s=|--|x", texts[i].name);
		refuses(line, texts[i].name);
		snprintf(line, sizeof(line), "-u|https://t|--%s=a\tb|--|x", texts[i].name);
		refuses(line, texts[i].name);
		snprintf(line, sizeof(line), "-u|https://t|--%s=\xff|--|x", texts[i].name);
		refuses(line, texts[i].name);
	}
	refuses("-u|https://t|--has=gpu;ram|--|x", "--has wants words with commas between");
}

static bool
is_bare_address(const struct options *o)
{
	return strcmp(o->url, "https://t/under") == 0 && o->hand.url == o->url &&
	    o->http.url == o->url;
}

static void
an_address_loses_the_slashes_at_its_end_and_has_no_key(void **state)
{
	(void)state;
	takes("-u|https://t/under///|--|x", is_bare_address);
	takes("-u|https://t/under|--|x", is_bare_address);
	takes("-u|http://t|--|x", NULL);
	refuses("-u|ftp://t|--|x", "--url wants https://HOST");
	refuses("-u|t|--|x", "--url wants https://HOST");
	refuses("-u|https://ada:dct_x@t|--|x", "use --key-file");
}

static void
what_must_be_said_is_asked_for(void **state)
{
	(void)state;
	refuses("--|x", "--url is missing");
	refuses("-u|https://t", "no command: give it after --");
	refuses("-u|https://t|--nonsense|--|x", "nonsense");
}

/* ---- the key ------------------------------------------------------------------------------------ */

static bool
is_key_of_file(const struct options *o)
{
	return o->http.key && strcmp(o->http.key, "dct_file") == 0;
}

static bool
is_key_of_environment(const struct options *o)
{
	return o->http.key && strcmp(o->http.key, "dct_environment") == 0;
}

static bool
has_no_key(const struct options *o)
{
	return !o->http.key;
}

static bool
has_long_key(const struct options *o)
{
	return o->http.key && strlen(o->http.key) == KEY_MOST - 1;
}

static void
key_is(const char *text, look is)
{
	char line[128];

	write_file(key, text);
	snprintf(line, sizeof(line), "-u|https://t|--key-file=%s|--|x", key);
	if (is)
		takes(line, is);
	else
		refuses(line, "holds no key");
}

static void
a_key_is_a_word_alone_in_its_file(void **state)
{
	char text[2 * KEY_MOST];

	(void)state;
	key_is("dct_file", is_key_of_file);
	key_is(" \n\tdct_file \r\n\n", is_key_of_file);
	key_is("", NULL);
	key_is(" \n", NULL);
	key_is("dct_ file", NULL);
	key_is("dct_\nfile", NULL);
	key_is("dct_\x01", NULL);
	memset(text, 'k', sizeof(text));
	text[KEY_MOST - 1] = '\0';
	key_is(text, has_long_key);
	text[KEY_MOST - 1] = 'k';
	text[KEY_MOST] = '\0';
	key_is(text, NULL);
	refuses("-u|https://t|--key-file=/nowhere/key|--|x", "No such file");
}

static void
a_file_goes_before_the_environments_key(void **state)
{
	(void)state;
	assert_int_equal(setenv("DISTCOMPUTE_KEY", " dct_environment\n", 1), 0);
	takes("-u|https://t|--|x", is_key_of_environment);
	key_is("dct_file", is_key_of_file);
	assert_int_equal(setenv("DISTCOMPUTE_KEY", "", 1), 0);
	takes("-u|https://t|--|x", has_no_key);
	assert_int_equal(setenv("DISTCOMPUTE_KEY", "two words", 1), 0);
	refuses("-u|https://t|--|x", "holds no key");
	assert_int_equal(unsetenv("DISTCOMPUTE_KEY"), 0);
}

static char *in_memory; /* where the environment had the key */

/* Whoever looks at the process sees the memory that it was started with, not its list. */
static bool
is_key_hidden(const struct options *o)
{
	return strcmp(o->key, "dct_environment") == 0 && !getenv("DISTCOMPUTE_KEY") &&
	    !strstr(in_memory, "environment");
}

static void
the_environments_key_is_not_left_where_others_look(void **state)
{
	(void)state;
	assert_int_equal(setenv("DISTCOMPUTE_KEY", "dct_environment", 1), 0);
	in_memory = getenv("DISTCOMPUTE_KEY");
	takes("-u|https://t|--|x", is_key_hidden);
	assert_int_equal(unsetenv("DISTCOMPUTE_KEY"), 0);
}

/* ---- the settings file -------------------------------------------------------------------------- */

static bool
has_three_jobs(const struct options *o)
{
	return o->hand.slots == 3;
}

static void
a_file_may_have_comments_blanks_and_a_mark(void **state)
{
	(void)state;
	takes_conf("# jobs = 5\n; jobs = 6\n\n \t jobs  =  3 \r\n", has_three_jobs);
	takes_conf("\xef\xbb\xbfjobs = 3", has_three_jobs);
	refuses_conf("jobs = 3\n\xef\xbb\xbfjobs = 3\n", "conf:2: there is no option");
}

static bool
is_json(const struct options *o)
{
	return o->hand.json;
}

static bool
is_text(const struct options *o)
{
	return !o->hand.json;
}

static bool
takes_ahead(const struct options *o)
{
	return o->hand.prefetch;
}

static bool
takes_none_ahead(const struct options *o)
{
	return !o->hand.prefetch;
}

static void
a_switch_of_a_file_says_yes_or_no(void **state)
{
	static const char *const yes[] = {
	    "json", "json =", "json = yes", "json = On", "json = true", "json = 1"};
	static const char *const no[] = {"json = no", "json = OFF", "json = false", "json = 0"};

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		takes_conf(yes[i], is_json);
	for (size_t i = 0; i < COUNT(no); i++)
		takes_conf(no[i], is_text);
	refuses_conf("json = perhaps", "conf:1: json wants yes or no, not 'perhaps'");
	takes_conf("no-prefetch = yes", takes_none_ahead);
	takes_conf("no-prefetch = no", takes_ahead);
}

static void
a_wrong_line_is_named(void **state)
{
	(void)state;
	refuses_conf("json\n\njobs = 0\n", "conf:3: --jobs wants a number from 1 to 1000, not '0'");
	refuses_conf("speed = 3\n", "conf:1: there is no option 'speed'");
	refuses_conf("config = other\n", "conf:1: there is no option 'config'");
	refuses_conf("command =\n", "conf:1: there is no command in it");
	refuses_conf("command = # nothing\n", "conf:1: there is no command in it");
	refuses("--config=/nowhere/conf|-u|https://t|--|x", "No such file");
}

static bool
is_shell(const struct options *o)
{
	return strcmp(o->hand.command[0], "/bin/sh") == 0 &&
	    strcmp(o->hand.command[1], "-c") == 0 &&
	    strcmp(o->hand.command[2], "tr a b | sort") == 0 && !o->hand.command[3] &&
	    strcmp(o->url, "https://of-file") == 0 && strcmp(o->nickname, "Of the line") == 0 &&
	    o->hand.slots == 3;
}

static bool
is_of_line(const struct options *o)
{
	return strcmp(o->hand.command[0], "cat") == 0 && strcmp(o->url, "https://t") == 0;
}

static void
the_command_line_wins_over_a_file_wherever_that_is_named(void **state)
{
	char line[128];

	(void)state;
	write_file(conf,
	    "url = https://of-file/\nnickname = Of the file\njobs = 3\ncommand = tr a b | sort\n");
	snprintf(line, sizeof(line), "-n|Of the line|--config=%s", conf);
	takes(line, is_shell);
	snprintf(line, sizeof(line), "--config=%s|-n|Of the line", conf);
	takes(line, is_shell);
	snprintf(line, sizeof(line), "-u|https://t|--config=%s|--|cat", conf);
	takes(line, is_of_line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_not_said_is_as_the_manual_says),
	    cmocka_unit_test(each_option_has_its_place),
	    cmocka_unit_test(each_number_is_taken_to_its_edges_and_no_further),
	    cmocka_unit_test(each_text_may_be_so_long_and_no_longer),
	    cmocka_unit_test(an_address_loses_the_slashes_at_its_end_and_has_no_key),
	    cmocka_unit_test(what_must_be_said_is_asked_for),
	    cmocka_unit_test(a_key_is_a_word_alone_in_its_file),
	    cmocka_unit_test(a_file_goes_before_the_environments_key),
	    cmocka_unit_test(the_environments_key_is_not_left_where_others_look),
	    cmocka_unit_test(a_file_may_have_comments_blanks_and_a_mark),
	    cmocka_unit_test(a_switch_of_a_file_says_yes_or_no),
	    cmocka_unit_test(a_wrong_line_is_named),
	    cmocka_unit_test(the_command_line_wins_over_a_file_wherever_that_is_named),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
