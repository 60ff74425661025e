/* Long answers told over a socket pair, whose other end reads as the test likes. */
#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "web/records.h"
#include "web/tell.h"

#define SECOND INT64_C(1000000)
#define KIB 1024

struct teller {
	struct tell *t;
	int peer, fd;
	int told, lost;
};

static void
ended(void *arg, bool told)
{
	struct teller *who = arg;

	if (told)
		who->told++;
	else
		who->lost++;
}

/* An answer of so many bytes, each the low byte of its place. */
static void
teller_open(struct teller *who, size_t len)
{
	struct buf answer;
	int ends[2];

	*who = (struct teller){.told = 0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	who->fd = ends[0];
	who->peer = ends[1];
	buf_init(&answer, 0);
	for (size_t i = 0; i < len; i++)
		buf_putc(&answer, (char)i);
	who->t = tell_new(7, &answer, who->fd);
	who->t->ended = ended;
	who->t->arg = who;
	buf_fini(&answer);
}

static void
teller_close(struct tellers *ts, struct teller *who)
{
	tellers_leave(ts, who->t);
	tell_free(who->t);
	close(who->fd);
	close(who->peer);
}

static bool
is_hung_up_on(const struct teller *who)
{
	char byte;

	return recv(who->peer, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

/* Reads what there is, at most so much. */
static size_t
read_some(const struct teller *who, char *to, size_t most)
{
	ssize_t n = recv(who->peer, to, most, MSG_DONTWAIT);

	return n > 0 ? (size_t)n : 0;
}

/* All records' content, as the web server puts it together. */
static size_t
content_of(const unsigned char *wire, size_t len, char *out, bool *ends)
{
	size_t n = 0;

	*ends = false;
	for (size_t at = 0; at + RECORDS_HEAD <= len;) {
		size_t content = (size_t)wire[at + 4] << 8 | wire[at + 5];

		assert_int_equal(wire[at], RECORDS_VERSION);
		assert_int_equal(wire[at + 2] << 8 | wire[at + 3], 7);
		assert_false(*ends);
		if (wire[at + 1] == RECORDS_STDOUT) {
			memcpy(out + n, wire + at + RECORDS_HEAD, content);
			n += content;
		} else {
			assert_int_equal(wire[at + 1], RECORDS_END);
			*ends = true;
		}
		at += RECORDS_HEAD + content + wire[at + 6];
	}
	return n;
}

static void
every_length_is_told_whole_however_it_is_taken(void **state)
{
	static const size_t lengths[] = {
	    0, 1, 0xfff7, 0xfff8, 0xfff9, 2 * 0xfff8, 2 * 0xfff8 + 1, 8 * 0xfff8, 900 * KIB};
	char *wire = malloc(KIB * KIB), *content = malloc(KIB * KIB);

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct teller who;
		struct tellers ts;
		enum tell_state is = TELL_MORE;
		size_t len = 0;
		bool ends;

		tellers_init(&ts, 16 * KIB * KIB);
		teller_open(&who, lengths[i]);
		for (int round = 0; is == TELL_MORE && round < 100000; round++) {
			is = tell_more(who.t, 1);
			len += read_some(&who, wire + len, 3001);
		}
		assert_int_equal(is, TELL_DONE);
		for (size_t n; (n = read_some(&who, wire + len, 3001)) > 0;)
			len += n;
		assert_int_equal(
		    content_of((unsigned char *)wire, len, content, &ends), lengths[i]);
		assert_true(ends);
		for (size_t k = 0; k < lengths[i]; k += 997)
			assert_int_equal(content[k], (char)k);
		assert_int_equal(who.told, 1);
		teller_close(&ts, &who);
		assert_int_equal(who.lost, 0);
		tellers_fini(&ts);
	}
	free(wire);
	free(content);
}

static void
who_hangs_up_has_lost_it_and_is_told_of_once(void **state)
{
	struct tellers ts;
	struct teller who;

	(void)state;
	tellers_init(&ts, KIB * KIB);
	teller_open(&who, 900 * KIB);
	assert_int_equal(tell_more(who.t, 3), TELL_MORE);
	close(who.peer);
	assert_int_equal(tell_more(who.t, 3), TELL_LOST);
	who.peer = dup(who.fd);
	teller_close(&ts, &who);
	assert_int_equal(who.lost, 1);
	assert_int_equal(who.told, 0);
	tellers_fini(&ts);
}

static void
exactly_as_much_as_may_be_is_held_and_one_byte_more_costs_somebody(void **state)
{
	struct tellers ts;
	struct teller first, second, third;

	(void)state;
	tellers_init(&ts, 200 * KIB);
	teller_open(&first, 100 * KIB);
	teller_open(&second, 100 * KIB);
	teller_open(&third, 1);
	tellers_enter(&ts, first.t);
	tellers_enter(&ts, second.t);
	assert_false(first.t->given_up || second.t->given_up);
	tellers_enter(&ts, third.t);
	assert_true(first.t->given_up);
	assert_false(second.t->given_up || third.t->given_up);
	assert_int_equal(ts.held, 100 * KIB + 1);
	assert_true(is_hung_up_on(&first));
	teller_close(&ts, &first);
	teller_close(&ts, &second);
	teller_close(&ts, &third);
	assert_int_equal(ts.held, 0);
	tellers_fini(&ts);
}

static void
it_costs_who_has_taken_nothing_for_the_longest(void **state)
{
	struct tellers ts;
	struct teller reads, stands, new;
	char bytes[128 * KIB];

	(void)state;
	tellers_init(&ts, 2000 * KIB);
	teller_open(&reads, 900 * KIB);
	teller_open(&stands, 900 * KIB);
	tellers_enter(&ts, reads.t);
	tellers_enter(&ts, stands.t);
	(void)tell_more(stands.t, 100);
	clock_sleep_ms(2);
	for (size_t taken = 0; taken < 400 * KIB;) {
		(void)tell_more(reads.t, 1);
		taken += read_some(&reads, bytes, sizeof(bytes));
	}
	teller_open(&new, 900 * KIB);
	tellers_enter(&ts, new.t);
	assert_true(stands.t->given_up);
	assert_false(reads.t->given_up || new.t->given_up);
	teller_close(&ts, &reads);
	teller_close(&ts, &stands);
	teller_close(&ts, &new);
	tellers_fini(&ts);
}

/* Less than 64 KiB is none: who takes a little now and then reads nothing. */
static void
a_little_is_no_reading(void **state)
{
	struct tellers ts;
	struct teller who;
	int64_t moved_us;
	size_t at;
	char bytes[KIB];

	(void)state;
	tellers_init(&ts, KIB * KIB);
	teller_open(&who, 900 * KIB);
	tellers_enter(&ts, who.t);
	assert_int_equal(tell_more(who.t, 100), TELL_MORE); /* as much as the socket takes */
	who.t->marked = at = who.t->at;
	moved_us = who.t->moved_us;
	clock_sleep_ms(2);
	while (who.t->at == at) {
		assert_true(read_some(&who, bytes, sizeof(bytes)) > 0);
		assert_int_equal(tell_more(who.t, 1), TELL_MORE);
	}
	if (who.t->at - at < 64 * KIB)
		assert_int_equal(who.t->moved_us, moved_us);
	while (who.t->at - at < 64 * KIB) {
		(void)read_some(&who, bytes, sizeof(bytes));
		assert_int_equal(tell_more(who.t, 1), TELL_MORE);
	}
	assert_true(who.t->moved_us > moved_us);
	teller_close(&ts, &who);
	tellers_fini(&ts);
}

/* A minute, and a second for each 16,000 bytes, from the beginning: however it is taken meanwhile. */
static void
an_answer_has_its_time_and_no_more(void **state)
{
	struct tellers ts;
	struct teller who;
	int64_t most_us = (60 + 32000 / 16000) * SECOND;

	(void)state;
	tellers_init(&ts, KIB * KIB);
	teller_open(&who, 32000);
	tellers_enter(&ts, who.t);
	who.t->moved_us = who.t->since_us + most_us;
	tellers_sweep(&ts, who.t->since_us + most_us);
	assert_false(who.t->given_up);
	tellers_sweep(&ts, who.t->since_us + most_us + 1);
	assert_true(who.t->given_up);
	assert_int_equal(ts.held, 0);
	tellers_sweep(&ts, who.t->since_us + 2 * most_us); /* once */
	assert_int_equal(ts.held, 0);
	teller_close(&ts, &who);
	assert_int_equal(ts.held, 0);
	assert_int_equal(who.lost, 1);
	tellers_fini(&ts);
}

static void
what_is_not_there_may_be_freed(void **state)
{
	(void)state;
	tell_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_is_told_whole_however_it_is_taken),
	    cmocka_unit_test(who_hangs_up_has_lost_it_and_is_told_of_once),
	    cmocka_unit_test(exactly_as_much_as_may_be_is_held_and_one_byte_more_costs_somebody),
	    cmocka_unit_test(it_costs_who_has_taken_nothing_for_the_longest),
	    cmocka_unit_test(a_little_is_no_reading),
	    cmocka_unit_test(an_answer_has_its_time_and_no_more),
	    cmocka_unit_test(what_is_not_there_may_be_freed),
	};

	return cmocka_run_group_tests_name("tell", tests, NULL, NULL);
}
