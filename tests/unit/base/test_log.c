#include "../test.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static int real_stderr, reader;
static char said[1 << 20];

/* From here on, what is logged goes into a pipe… */
static void
listen_begin(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fcntl(ends[1], F_SETPIPE_SZ, sizeof(said));
	real_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	reader = ends[0];
}

/* What is there by now. */
static ssize_t
recv_now(int fd, char *out, size_t size)
{
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, out, size);
	fcntl(fd, F_SETFL, 0);
	return n;
}

/* …and here is what was. */
static const char *
listen_end(void)
{
	size_t len = 0;
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	while ((n = recv_now(reader, said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	close(reader);
	said[len] = '\0';
	return said;
}

static size_t
lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

static void
an_event_is_one_line_of_fields(void **state)
{
	const char *line;

	(void)state;
	log_open(LOG_INFO_);
	listen_begin();
	log_event(LOG_WARN_, "pg_away", "tries=%d", 3);
	line = listen_end();
	assert_int_equal(lines(line), 1);
	assert_memory_equal(line, "ts=20", 5);
	assert_non_null(strstr(line, " level=warn pid="));
	assert_non_null(strstr(line, " event=pg_away tries=3\n"));
}

static void
an_event_may_have_no_fields(void **state)
{
	(void)state;
	listen_begin();
	log_event(LOG_INFO_, "started", NULL);
	assert_non_null(strstr(listen_end(), " event=started\n"));
}

static void
what_is_below_the_level_is_not_written(void **state)
{
	(void)state;
	log_open(LOG_WARN_);
	listen_begin();
	log_event(LOG_INFO_, "chatter", NULL);
	assert_string_equal(listen_end(), "");
	log_open(LOG_INFO_);
}

static void
under_the_journal_a_line_begins_with_its_priority(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "8:1", 1);
	log_open(LOG_INFO_);
	listen_begin();
	log_event(LOG_ERROR_, "bad", NULL);
	assert_memory_equal(listen_end(), "<3>ts=", 6);
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_INFO_);
}

static void
a_value_cannot_begin_a_line_or_a_field(void **state)
{
	const char evil[] = "x\" level=error event=forged\nts=1 event=forged\r\x1b[31m\x7f";
	char quoted[200];
	const char *line;

	(void)state;
	listen_begin();
	log_event(
	    LOG_INFO_, "name", "name=%s", log_quote(quoted, sizeof(quoted), evil, strlen(evil)));
	line = listen_end();
	assert_int_equal(lines(line), 1);
	assert_non_null(strstr(line, "name=\"x\\x22 level=error event=forged\\x0ats=1"));
	assert_null(strchr(line, '\x1b'));
	assert_null(strchr(line, '\r'));
}

static void
even_an_unquoted_value_stays_on_its_line(void **state)
{
	(void)state;
	listen_begin();
	log_event(LOG_INFO_, "name", "name=%s", "a\nb\rc\x7f d\x1b[2J");
	assert_int_equal(lines(listen_end()), 1);
	for (const char *c = said; c[0] && c[1]; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void
a_long_line_is_cut_and_ends(void **state)
{
	char *big = malloc(100001);
	const char *line;

	(void)state;
	memset(big, 'x', 100000);
	big[100000] = '\0';
	listen_begin();
	log_event(LOG_INFO_, "big", "text=%s", big);
	line = listen_end();
	assert_int_equal(lines(line), 1);
	assert_true(strlen(line) <= 2048);
	assert_true(strlen(line) > 2000);
	free(big);
}

static void
quotes_keep_good_utf8_and_show_the_bad(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(
	    log_quote(out, sizeof(out), "häßlich", strlen("häßlich")), "\"häßlich\"");
	assert_string_equal(log_quote(out, sizeof(out), "\xc3(", 2), "\"\\xc3(\"");
	assert_string_equal(log_quote(out, sizeof(out), "\xff\xfe", 2), "\"\\xff\\xfe\"");
	assert_string_equal(log_quote(out, sizeof(out), "a\\b", 3), "\"a\\x5cb\"");
	assert_string_equal(log_quote(out, sizeof(out), "\xe2\x80\xa8", 3), "\"\\xe2\\x80\\xa8\"");
	/* A direction mark would turn what follows it in a terminal. */
	assert_string_equal(
	    log_quote(out, sizeof(out), "\xe2\x80\xae!", 4), "\"\\xe2\\x80\\xae!\"");
	assert_string_equal(log_quote(out, sizeof(out), "a\0b", 3), "\"a\\x00b\"");
}

static void
quotes_are_closed_however_small_the_room(void **state)
{
	char out[16];

	(void)state;
	for (size_t size = 3; size <= sizeof(out); size++) {
		size_t len;

		memset(out, '#', sizeof(out));
		log_quote(out, size, "ä\n\x01 long enough to be cut", 24);
		len = strlen(out);
		assert_true(len < size);
		assert_int_equal(out[0], '"');
		assert_int_equal(out[len - 1], '"');
	}
	assert_string_equal(log_quote(out, 2, "abc", 3), "");
	assert_string_equal(log_quote(out, 1, "abc", 3), "");
}

static void
an_error_is_logged_with_its_place(void **state)
{
	struct err e = ERR_INIT;
	const char *line;

	(void)state;
	err_set(&e, ERR_AWAY, NULL, "said \"no\"\nand left");
	listen_begin();
	log_err(LOG_ERROR_, "claim", &e);
	line = listen_end();
	assert_non_null(strstr(line, " event=claim kind=away at="));
	assert_non_null(strstr(line, "test_log.c:"));
	assert_non_null(strstr(line, "why=\"said \\x22no\\x22\\x0aand left\"\n"));
}

static void
an_sql_error_shows_its_state(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_SQL, NULL, "duplicate");
	strcpy(e.sqlstate, "23505");
	listen_begin();
	log_err(LOG_ERROR_, "claim", &e);
	assert_non_null(strstr(listen_end(), " kind=sql sqlstate=23505 "));
}

static void
a_reminder_is_due_once_in_its_time(void **state)
{
	_Atomic(long) last = 0;

	(void)state;
	assert_true(log_due(&last, 60));
	assert_false(log_due(&last, 60));
	last -= 60;
	assert_true(log_due(&last, 60));
}

static void *
log_much(void *letter)
{
	char text[300];

	memset(text, *(const char *)letter, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < LOG_KIND_MOST / 4; i++)
		log_event(LOG_INFO_, "many", "text=%s", text);
	return NULL;
}

static void
lines_of_many_threads_do_not_mix(void **state)
{
	const char letters[] = "abcd";
	pthread_t threads[4];
	char *line, *rest;
	size_t n = 0;

	(void)state;
	listen_begin();
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, log_much, (void *)(uintptr_t)&letters[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	listen_end();
	for (line = strtok_r(said, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *text = strstr(line, "text=") + 5;

		assert_int_equal(strspn(text, (char[]){text[0], '\0'}), 299);
		assert_int_equal(strlen(text), 299);
		n++;
	}
	assert_int_equal(n, LOG_KIND_MOST);
}

/* The linker puts these in the clocks' place (--wrap): time goes on when a test says so. */
static int64_t later_us;

int64_t __real_clock_us(void);
int64_t __wrap_clock_us(void);

int64_t
__wrap_clock_us(void)
{
	return __real_clock_us() + later_us;
}

static void
of_one_kind_only_so_many_lines_are_written_and_the_rest_counted(void **state)
{
	const char *all;

	(void)state;
	listen_begin();
	for (int i = 0; i < LOG_KIND_MOST + 50; i++)
		log_event(LOG_INFO_, "noisy", "i=%d", i);
	log_event(LOG_INFO_, "quiet", NULL);
	log_tell_left_out(); /* not yet due */
	later_us += LOG_KIND_S * 1000000;
	log_tell_left_out();
	log_tell_left_out(); /* told once */
	log_event(LOG_INFO_, "noisy", "again=1");
	all = listen_end();
	assert_int_equal(lines(all), LOG_KIND_MOST + 3);
	assert_non_null(strstr(all, " event=quiet\n"));
	assert_non_null(strstr(all, " event=log_left_out of=noisy lines=50\n"));
	assert_non_null(strstr(all, " event=noisy again=1\n"));
}

/* Standard error into something that nobody reads; its other end. */
static int
nobody_reads(bool socket)
{
	int ends[2];

	assert_int_equal(socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
	if (!socket)
		fcntl(ends[1], F_SETPIPE_SZ, 4096);
	real_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static void
a_log_that_nobody_reads_holds_up_nobody(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	char text[1500];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int socket = 0; socket < 2; socket++) {
		ssize_t n = 1;

		reader = nobody_reads(socket);
		alarm(20); /* it would wait for ever */
		for (int i = 0; i < 1000; i++)
			log_event(LOG_INFO_, names[i % 10], "text=%s", text);
		alarm(0);
		/* Somebody reads again: what was lost is told. */
		while (n > 0)
			n = recv_now(reader, said, sizeof(said) - 1);
		later_us += LOG_KIND_S * 1000000;
		log_tell_left_out();
		assert_non_null(strstr(listen_end(), " event=log_left_out of="));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_event_is_one_line_of_fields),
	    cmocka_unit_test(an_event_may_have_no_fields),
	    cmocka_unit_test(what_is_below_the_level_is_not_written),
	    cmocka_unit_test(under_the_journal_a_line_begins_with_its_priority),
	    cmocka_unit_test(a_value_cannot_begin_a_line_or_a_field),
	    cmocka_unit_test(even_an_unquoted_value_stays_on_its_line),
	    cmocka_unit_test(a_long_line_is_cut_and_ends),
	    cmocka_unit_test(quotes_keep_good_utf8_and_show_the_bad),
	    cmocka_unit_test(quotes_are_closed_however_small_the_room),
	    cmocka_unit_test(an_error_is_logged_with_its_place),
	    cmocka_unit_test(an_sql_error_shows_its_state),
	    cmocka_unit_test(a_reminder_is_due_once_in_its_time),
	    cmocka_unit_test(of_one_kind_only_so_many_lines_are_written_and_the_rest_counted),
	    cmocka_unit_test(a_log_that_nobody_reads_holds_up_nobody),
	    cmocka_unit_test(lines_of_many_threads_do_not_mix),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
