#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "servers.h"
#include "store/redis.h"

static struct redis *redis;
static struct err e;

static int64_t ahead_us; /* what has passed, as far as the clock says, beside what has */

int64_t __real_clock_us(void);
int64_t __wrap_clock_us(void);

int64_t
__wrap_clock_us(void)
{
	return __real_clock_us() + ahead_us;
}

static int
begin(void **state)
{
	(void)state;
	e = ERR_INIT;
	redis = redis_new(servers_redis());
	return 0;
}

static int
end(void **state)
{
	(void)state;
	redis_free(redis);
	return 0;
}

/* Flushes; there must be `n` answers. */
static const struct redis_value *
flush(size_t n)
{
	const struct redis_value *values;
	size_t count;

	if (!redis_flush(redis, &values, &count, &e))
		fail_msg("%s", e.why);
	assert_int_equal(count, n);
	return values;
}

static void
answers_come_in_the_order_of_the_commands(void **state)
{
	const struct redis_value *v;

	(void)state;
	redis_begin(redis);
	redis_put_words(redis, "SET", "k", "v", NULL);
	redis_put_words(redis, "GET", "k", NULL);
	redis_put_words(redis, "GET", "absent", NULL);
	redis_put_words(redis, "INCR", "n", NULL);
	redis_put_words(redis, "RPUSH", "l", "a", "b", NULL);
	redis_put_words(redis, "LRANGE", "l", "0", "-1", NULL);
	redis_put_words(redis, "LPUSH", "k", "x", NULL);
	v = flush(7);
	assert_int_equal(v[0].kind, REDIS_TEXT);
	assert_string_equal(v[0].s, "OK");
	assert_int_equal(v[1].kind, REDIS_TEXT);
	assert_string_equal(v[1].s, "v");
	assert_int_equal(v[1].len, 1);
	assert_int_equal(v[2].kind, REDIS_NIL);
	assert_string_equal(v[2].s, "");
	assert_int_equal(v[3].kind, REDIS_INT);
	assert_int_equal(v[3].n, 1);
	assert_int_equal(v[5].kind, REDIS_LIST);
	assert_int_equal(v[5].count, 2);
	assert_string_equal(v[5].items[1].s, "b");
	assert_int_equal(v[6].kind, REDIS_ERROR);
	assert_non_null(strstr(v[6].s, "WRONGTYPE"));
}

static void
bytes_of_every_value_are_kept(void **state)
{
	char bytes[256];
	const char *argv[] = {"SET", "all", bytes};
	const size_t lens[] = {3, 3, sizeof(bytes)};
	const struct redis_value *v;

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	redis_begin(redis);
	redis_put(redis, 3, argv, lens);
	redis_put_words(redis, "GET", "all", NULL);
	v = flush(2);
	assert_int_equal(v[1].len, sizeof(bytes));
	assert_memory_equal(v[1].s, bytes, sizeof(bytes));
}

static void
thousands_of_commands_go_together(void **state)
{
	const struct redis_value *v;

	(void)state;
	redis_begin(redis);
	for (int i = 0; i < 5000; i++)
		redis_put_words(redis, "INCR", "many", NULL);
	v = flush(5000);
	assert_int_equal(v[4999].n, 5000);
}

static void
nothing_put_is_nothing_answered(void **state)
{
	(void)state;
	redis_begin(redis);
	flush(0);
}

static void
a_flush_without_a_begin_starts_anew(void **state)
{
	(void)state;
	redis_begin(redis);
	redis_put_words(redis, "ECHO", "one", NULL);
	flush(1);
	redis_put_words(redis, "ECHO", "two", NULL);
	assert_string_equal(flush(1)->s, "two");
}

static void
too_many_words_fail_the_flush(void **state)
{
	(void)state;
	redis_begin(redis);
	redis_put_words(redis, "DEL", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
	    "13", "14", "15", "16", NULL);
	assert_false(redis_flush(redis, NULL, NULL, &e));
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	redis_begin(redis);
	redis_put_words(redis, "ECHO", "fine", NULL);
	flush(1);
}

static void
another_database_is_chosen_by_the_address(void **state)
{
	char address[200];
	struct redis *other;

	(void)state;
	snprintf(address, sizeof(address), "%s?db=3", servers_redis());
	other = redis_new(address);
	redis_begin(other);
	redis_put_words(other, "SET", "only here", "1", NULL);
	assert_true(redis_flush(other, NULL, NULL, &e));
	redis_free(other);
	redis_begin(redis);
	redis_put_words(redis, "EXISTS", "only here", NULL);
	assert_int_equal(flush(1)->n, 0);
}

/* Whether it is there at this moment. */
static bool
answers(struct redis *r, struct err *away)
{
	redis_begin(r);
	redis_put_words(r, "PING", NULL);
	return redis_flush(r, NULL, NULL, away);
}

/* What it says of its next try to connect; 0 when it is connected. */
static int64_t
next_try_ms(struct redis *r)
{
	struct err away = ERR_INIT;
	long long ms = 0;

	if (!answers(r, &away))
		assert_int_equal(sscanf(away.why, "Redis is away, next try in %lld ms", &ms), 1);
	return ms;
}

static void
without_an_address_it_is_always_away(void **state)
{
	static const char *const none[] = {NULL, ""};

	(void)state;
	for (size_t i = 0; i < COUNT(none); i++) {
		struct redis *other = redis_new(none[i]);

		err_clear(&e);
		assert_false(answers(other, &e));
		assert_int_equal(e.kind, ERR_AWAY);
		redis_begin(other);
		redis_put_words(other, "PING", NULL);
		assert_false(redis_flush(other, NULL, NULL, &e));
		assert_false(redis_subscribe(other, "c", &e));
		redis_free(other);
	}
	redis_free(NULL);
}

static void
a_restart_while_idle_is_not_noticed(void **state)
{
	(void)state;
	assert_true(answers(redis, &e));
	servers_do("redis-stop");
	servers_do("redis-start");
	redis_begin(redis);
	redis_put_words(redis, "ECHO", "back", NULL);
	assert_string_equal(flush(1)->s, "back");
}

static void
a_server_that_is_down_is_away_with_growing_back_off(void **state)
{
	int64_t first, before;

	(void)state;
	assert_true(answers(redis, &e));
	servers_do("redis-stop");
	redis_begin(redis);
	redis_put_words(redis, "PING", NULL);
	assert_false(redis_flush(redis, NULL, NULL, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	first = next_try_ms(redis);
	assert_in_range(first, 50, 125);
	before = clock_us();
	assert_false(answers(redis, &e));
	assert_true(clock_us() - before < 20000);
	clock_sleep_ms(first + 1);
	assert_false(answers(redis, &e));
	assert_in_range(next_try_ms(redis), 140, 250);
	servers_do("redis-start");
	clock_sleep_ms(next_try_ms(redis) + 1);
	err_clear(&e);
	assert_true(answers(redis, &e));
}

/* Not without end, and anew when there was an answer. */
static void
a_back_off_ends_at_five_seconds_and_with_an_answer(void **state)
{
	int64_t ms = 0;

	(void)state;
	assert_true(answers(redis, &e));
	servers_do("redis-stop");
	for (int i = 0; i < 10; i++) {
		err_clear(&e);
		assert_false(answers(redis, &e));
		ms = next_try_ms(redis);
		assert_in_range(ms, 1, 6250);
		ahead_us += (ms + 1) * 1000;
	}
	assert_in_range(ms, 3750, 6250);
	servers_do("redis-start");
	err_clear(&e);
	assert_true(answers(redis, &e));
	servers_do("redis-stop");
	assert_false(answers(redis, &e));
	assert_in_range(next_try_ms(redis), 50, 125);
	servers_do("redis-start");
	err_clear(&e);
}

static void
a_server_that_hangs_is_away_after_a_second(void **state)
{
	int pid = servers_redis_pid();
	int64_t before;

	(void)state;
	assert_true(answers(redis, &e));
	kill(pid, SIGSTOP);
	redis_begin(redis);
	redis_put_words(redis, "PING", NULL);
	before = clock_us();
	assert_false(redis_flush(redis, NULL, NULL, &e));
	kill(pid, SIGCONT);
	assert_int_equal(e.kind, ERR_AWAY);
	assert_in_range(clock_us() - before, 900000, 2500000);
}

static void
a_subscriber_hears_what_is_published(void **state)
{
	struct redis *listener = redis_new(servers_redis());
	const char *message;
	size_t len;

	(void)state;
	assert_true(redis_subscribe(listener, "wake", &e));
	assert_true(redis_next(listener, 10, &message, &len, &e));
	assert_null(message);
	redis_begin(redis);
	redis_put_words(redis, "PUBLISH", "wake", "one", NULL);
	redis_put_words(redis, "PUBLISH", "other", "no", NULL);
	redis_put_words(redis, "PUBLISH", "wake", "two", NULL);
	flush(3);
	assert_true(redis_next(listener, 1000, &message, &len, &e));
	assert_string_equal(message, "one");
	assert_int_equal(len, 3);
	assert_true(redis_next(listener, 1000, &message, &len, &e));
	assert_string_equal(message, "two");
	assert_true(redis_next(listener, 0, &message, &len, &e));
	assert_null(message);
	redis_free(listener);
}

static void
a_subscriber_is_told_when_redis_goes(void **state)
{
	struct redis *listener = redis_new(servers_redis());
	const char *message;
	size_t len;

	(void)state;
	assert_true(redis_subscribe(listener, "wake", &e));
	servers_do("redis-stop");
	assert_false(redis_next(listener, 1000, &message, &len, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_false(redis_next(listener, 1000, &message, &len, &e));
	servers_do("redis-start");
	clock_sleep_ms(next_try_ms(listener) + 1);
	err_clear(&e);
	assert_true(redis_subscribe(listener, "wake", &e));
	redis_free(listener);
}

static void
a_wrong_password_is_away_and_not_repeated(void **state)
{
	char address[200];
	struct redis *other;

	(void)state;
	/* Over TCP there is nobody, but the address is well-formed. */
	snprintf(address, sizeof(address), "redis://user:sec%%72et@127.0.0.1:1/2");
	other = redis_new(address);
	assert_false(answers(other, &e));
	assert_int_equal(e.kind, ERR_AWAY);
	assert_null(strstr(e.why, "secret"));
	redis_free(other);
}

/* Answers four commands with OK, and writes what they were to a pipe. */
static void
answer_four(int listening, int out)
{
	char said[512];
	int fd;

	alarm(20); /* nobody may come */
	fd = accept(listening, NULL, NULL);
	for (int i = 0; i < 4; i++) {
		ssize_t n = read(fd, said, sizeof(said));

		if (n <= 0 || write(out, said, (size_t)n) != n || write(fd, "+OK\r\n", 5) != 5)
			_exit(1);
	}
	_exit(0);
}

static void
a_user_a_password_and_a_database_are_told_in_this_order(void **state)
{
	static const char expected[] = "*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$7\r\nse@cret\r\n"
				       "*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"
				       "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n";
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int listening = socket(AF_INET, SOCK_STREAM, 0), out[2], status;
	char address[200], said[512] = "";
	size_t len = 0;
	ssize_t n;
	struct redis *other;
	pid_t child;

	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &size), 0);
	assert_int_equal(pipe(out), 0);
	child = fork();
	if (child == 0)
		answer_four(listening, out[1]);
	close(out[1]);
	snprintf(
	    address, sizeof(address), "redis://user:se@c%%72et@127.0.0.1:%d/2", ntohs(at.sin_port));
	other = redis_new(address);
	assert_true(answers(other, &e));
	while ((n = read(out[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)n;
	assert_string_equal(said, expected);
	assert_int_equal(waitpid(child, &status, 0), child);
	redis_free(other);
	close(out[0]);
	close(listening);
}

/* Each way in which Redis says that it will not, the word for it, and how that ends. */
static const struct {
	const char *begin[4], *word, *end[4];
} refusals[] = {
    {{"REPLICAOF", "127.0.0.1", "1"}, "READONLY", {"REPLICAOF", "NO", "ONE"}},
    {{"CONFIG", "SET", "maxmemory", "1"}, "OOM", {"CONFIG", "SET", "maxmemory", "0"}},
    {{"CONFIG", "SET", "min-replicas-to-write", "1"}, "NOREPLICAS",
	{"CONFIG", "SET", "min-replicas-to-write", "0"}},
    {{"ACL", "SETUSER", "default", "-set"}, "NOPERM", {"ACL", "SETUSER", "default", "+set"}},
};

static bool
four_words(struct redis *r, const char *const words[4])
{
	int n = words[3] ? 4 : 3;

	redis_begin(r);
	redis_put(r, n, words, NULL);
	return redis_flush(r, NULL, NULL, &e);
}

static void
a_refusal_is_as_good_as_absence_and_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct redis *other = redis_new(servers_redis());
		static const char *const set[4] = {"SET", "k", "v"};

		assert_true(four_words(other, set));
		assert_true(four_words(redis, refusals[i].begin));
		assert_false(four_words(other, set));
		assert_int_equal(e.kind, ERR_AWAY);
		assert_string_equal(redis_refusal(other), refusals[i].word);
		assert_in_range(redis_retry_in_ms(other), 1, 125);
		err_clear(&e);
		/* It answers a PING all the while, so only the back-off keeps us from asking for ever. */
		clock_sleep_ms(redis_retry_in_ms(other) + 1);
		assert_false(four_words(other, set));
		assert_in_range(redis_retry_in_ms(other), 126, 250);
		err_clear(&e);
		assert_true(four_words(redis, refusals[i].end));
		clock_sleep_ms(redis_retry_in_ms(other) + 1);
		assert_true(four_words(other, set));
		redis_free(other);
	}
}

static void
whichever_command_is_refused_all_of_a_flush_is(void **state)
{
	(void)state;
	redis_begin(redis);
	redis_put_words(redis, "PING", NULL);
	redis_put_words(redis, "NOSUCHCOMMAND", NULL);
	redis_put_words(redis, "PING", NULL);
	assert_false(redis_flush(redis, NULL, NULL, &e));
	assert_string_equal(redis_refusal(redis), "ERR");
	/* Who says nothing any more refuses nothing. */
	servers_do("redis-stop");
	ahead_us += 10000000;
	err_clear(&e);
	assert_false(answers(redis, &e));
	assert_string_equal(redis_refusal(redis), "");
	servers_do("redis-start");
}

static void
a_key_of_the_wrong_type_is_that_keys_trouble(void **state)
{
	const struct redis_value *v;

	(void)state;
	redis_begin(redis);
	redis_put_words(redis, "SET", "text", "v", NULL);
	redis_put_words(redis, "HGET", "text", "field", NULL);
	redis_put_words(redis, "GET", "text", NULL);
	v = flush(3);
	assert_int_equal(v[1].kind, REDIS_ERROR);
	assert_string_equal(v[2].s, "v");
}

static void
addresses_are_checked(void **state)
{
	static const char *const good[] = {"", "unix:/a", "unix:/a?db=0", "redis://h",
	    "redis://h:1", "redis://h:1/", "redis://h/5", "redis://:p@h:1/0", "redis://u:p@h",
	    "redis://[::1]:6379/0", "redis://[::1]", "redis://:p%40:x@h/1"};
	static const char *const bad[] = {"h", "h:1", "unix:a", "unix:", "unix:/a?x=1",
	    "unix:/a?db=", "unix:/a?db=x", "unix:/a?db=-1", "redis:/h", "redis://", "redis://:1",
	    "redis://h:0", "redis://h:65536", "redis://h:x", "redis://h/x", "redis://p@h",
	    "redis://:%zz@h", "redis://h/1?x", "rediss://h", "redis://[::1]x", "redis://h:"};

	(void)state;
	assert_true(redis_check_address(NULL, &e));
	for (size_t i = 0; i < COUNT(good); i++)
		if (!redis_check_address(good[i], &e))
			fail_msg("refused: %s: %s", good[i], e.why);
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (redis_check_address(bad[i], &e))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.kind, ERR_INPUT);
		err_clear(&e);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(answers_come_in_the_order_of_the_commands),
	    TEST(bytes_of_every_value_are_kept),
	    TEST(thousands_of_commands_go_together),
	    TEST(nothing_put_is_nothing_answered),
	    TEST(a_flush_without_a_begin_starts_anew),
	    TEST(too_many_words_fail_the_flush),
	    TEST(another_database_is_chosen_by_the_address),
	    TEST(without_an_address_it_is_always_away),
	    TEST(a_restart_while_idle_is_not_noticed),
	    TEST(a_server_that_is_down_is_away_with_growing_back_off),
	    TEST(a_back_off_ends_at_five_seconds_and_with_an_answer),
	    TEST(a_server_that_hangs_is_away_after_a_second),
	    TEST(a_subscriber_hears_what_is_published),
	    TEST(a_subscriber_is_told_when_redis_goes),
	    TEST(a_wrong_password_is_away_and_not_repeated),
	    TEST(a_user_a_password_and_a_database_are_told_in_this_order),
	    TEST(a_refusal_is_as_good_as_absence_and_named),
	    TEST(whichever_command_is_refused_all_of_a_flush_is),
	    TEST(a_key_of_the_wrong_type_is_that_keys_trouble),
	    TEST(addresses_are_checked),
	};

	signal(SIGPIPE, SIG_IGN);
	random_open();
	return cmocka_run_group_tests_name("redis", tests, servers_begin, servers_end);
}
