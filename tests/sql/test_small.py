"""Small functions of which much depends: each at its edges, and one step beyond."""

import pytest

from house import hash_of

T = "timestamptz '2026-03-01 12:00Z'"
P, S = "(select p from tracker.policy p)", "(select s from tracker.stage s where s.stage = 1)"
NONE = None

# {function: {its parameters: what it answers}}
SMALL = {
    # allowance, slots, done, says: who has brought nothing keeps what a network of newcomers left it.
    "allow": {"8, 8, 0, null": 8, "8, 8, 0, 9": 9, "8, 8, 0, 7": 8, "8, 8, 0, 256": 256, "8, 8, 0, 257": 256, "4, 8, 0, 64": 4, "4, 8, 1, 64": 60,
              "7, 8, 0, 9": 7, "9, 8, 0, 9": 10, "8, 8, 1, 9": 9},
    "burst_of": {"1": 1.1, "66": 1.1, "67": 67 / 60, "60000": 1000, "6000000": 100000},
    # A rate of 60 lets one pass a second: rate, when it is free, now.
    "gate_behind": {f"60, {T} - interval '1 second', {T}": 0, f"60, {T}, {T}": 0, f"60, {T} + interval '1 second', {T}": 1,
                    f"60, {T} + interval '1.2 second', {T}": 1.1, f"60, {T} + interval '2.2 second', {T}": 1.1,
                    f"60, {T} + interval '2.3 second', {T}": 0, f"1, {T} + interval '132 second', {T}": 66, f"1, {T} + interval '133 second', {T}": 0},
    "gate_room": {f"60, {T}, {T}": 1, f"60, {T} + interval '100 ms', {T}": 1, f"60, {T} + interval '101 ms', {T}": 0,
                  f"120, {T}, {T}": 2, f"120, {T} + interval '500 ms', {T}": 1, f"120, {T} + interval '501 ms', {T}": 0},
    "gate_wait_us": {f"60, {T}, {T}": 0, f"60, {T} + interval '100 ms', {T}": 0, f"60, {T} + interval '101 ms', {T}": 1000,
                     f"60, {T} + interval '1 second', {T}": 900000, f"120, {T} + interval '1 second', {T}": 500000},
    "left_to_rest": {f"{T}, {T}": 0, f"{T} - interval '1 hour', {T}": 0, f"{T} + interval '1 us', {T}": 1, f"{T} + interval '1 second', {T}": 1,
                     f"{T} + interval '1001 ms', {T}": 2, f"'-infinity', {T}": 0},
    "letter_of": {"1::int2": "a", "2::int2": "b", "5::int2": "e"},
    "low_hint": {"'-infinity'": NONE, "null": NONE, "'1970-01-01 00:00:01Z'": 999990},
    "low_of": {"array_fill(0::int8, array[15]), 1::int2": NONE, "array_fill(0::int8, array[10]) || array[7, 8, 9, 10, 11]::int8[], 2::int2": "8 us"},
    "turns_of": {"array[5, 9, 1]::int8[], 3": [2, 1, 3], "array[1, 2, 3, 4]::int8[], 4": [4, 3, 2, 1], "array[5, 5, 5]::int8[], 3": [1, 2, 3],
                 "array[5, 9, 11]::int8[], 2": [2, 1]},
    "has_name": {"'by Ada', 'Ada', false": True, "'by ada', 'Ada', false": False, "'by ada', 'Ada', true": True, "'by ZOË', 'Zoë', true": True,
                 "'by', 'Ada', true": False},
    # of_text, name, instead, words: what is short is found as a word alone, and what is very short not at all.
    "without_name": {"'Ada', 'Ada', 'X', false": "X", "'by Ada.', 'Ada', 'X', false": "by X.", "'by ada.', 'Ada', 'X', false": "by ada.",
                     "'by ada.', 'Ada', 'X', true": "by X.", "'Adam', 'Ada', 'X', true": "Adam", "'by Al', 'Al', 'X', false": "by Al",
                     "'by Al', 'Al', 'X', true": "by X", "'Al', 'Al', 'X', false": "X", "'abcdefg', 'abcdef', 'X', false": "Xg",
                     "'ABCDEF g', 'abcdef', 'X', false": "X g", "'abcdefg', 'abcde', 'X', false": "abcdefg", "'ABCDE g', 'abcde', 'X', false": "ABCDE g",
                     "'(a+b)', 'a+b', 'X', true": "(X)"},
    "is_said": {"'failed', false": True, "'flagged', false": True, "'requeued', false": True, "'released', false": False, "'released', true": True,
                "'timed_out', false": False, "'abandoned', false": False},
    "split_words": {"'b, A,,a c'": ["a", "b", "c"], "''": [], "null": [], f"'{'x' * 32}'": ["x" * 32], "'0-._'": ["0-._"]},
    "span_text": {"59": "59 s", "60": "1 min", "61": "1 min 1 s", "599": "9 min 59 s", "600": "10 min", "601": "10 min", "3599": "59 min", "3600": "1 h",
                  "3659": "1 h", "3660": "1 h 1 min", "86399": "23 h 59 min", "86400": "1 day", "172799": "1 day", "172800": "2 days",
                  "63115199": "730 days", "63115200": "2 years", "31557599999": "999 years", "31557600000": "1,000 years and more"},
    "as_known": {"10, 0, 19": 10, "11, 0, 20": 10, "12, 0, 20": 10, "13, 0, 20": 15, "20, 0, 40": 20, "25, 0, 40": 30, "24, 0, 40": 20,
                 **{f"{2 * step + step // 2}, 0, {4 * step}": 3 * step for step in (10, 30, 60, 300, 600, 1800, 3600, 21600)},
                 **{f"{3 * step}, 0, {4 * step - 1}": 3 * step for step in (10, 30, 60, 300, 600, 1800, 3600, 21600)},
                 "43200, 0, 345600": 43200, "172800, 0, 345600": 172800, "172799, 0, 345600": 172800, "216000, 0, 345600": 259200},
    # stage, batch, batches, fits, how many came back, how many were dealt: batch, ready, retry of each.
    "count_dealt": {"2::int2, 7, null, array[true, true, false], 1, 3": "{7},{-2},{0}", "1::int2, 7, null, array[true, true, false], 1, 3": "{7},{0},{0}",
                    "1::int2, 7, null, array[true, false, true], 2, 3": "{7},{0},{-1}", "2::int2, 7, null, null, 1, 2": "{7},{-1},{-1}",
                    "2::int2, 7, array[7, 8, 8], array[true, true, true], 0, 3": "{7,8},{-1,-2},{0,0}", "2::int2, 7, null, null, 0, 0": "NULL,NULL,NULL"},
    # policy, stage (see below), bad, let go, own, by workers, people, networks.
    "is_over": {f"{P}, {S}, 10, 0, 1, 5, 3, 3": True, f"{P}, {S}, 9, 0, 1, 5, 3, 3": False, f"{P}, {S}, 10, 0, 0, 5, 3, 3": False,
                f"{P}, {S}, 10, 0, 1, 4, 3, 3": False, f"{P}, {S}, 10, 0, 1, 5, 2, 3": False, f"{P}, {S}, 10, 0, 1, 5, 3, 2": False,
                f"{P}, {S}, 9, 10, 0, 0, 0, 0": False, f"{P}, {S}, 9, 11, 0, 0, 0, 0": True, f"{P}, {S}, 20, 0, 0, 0, 0, 0": True},
    # how many ask, and an id, whose last byte says it: one in two of few, one in eight of four and more.
    "is_turn_of_anew": {f"{asking}, '00000000-0000-0000-0000-ffffffffff{last_byte:02x}'": turn for asking, last_byte, turn in (
        (1, 0, True), (3, 127, True), (3, 128, False), (4, 31, True), (4, 32, False), (4, 127, False), (100, 31, True), (100, 255, False))},
    "seat_jobs": {"1::int2, array[11, 12, 13]::int8[], array[1, 2, 3], 3, array[1, 2, 3]::int8[], array[null, null, null]::int8[]": [1, 2, 3],
                  "1::int2, array[11, 12, 13]::int8[], array[1, 2, 3], 2, array[1, 2, 3]::int8[], array[null, null, null]::int8[]": [1, 2, None],
                  "1::int2, array[11, 12, 13]::int8[], array[1, 2, 3], 3, array[1, 2, 3]::int8[], array[11, 12, 13]::int8[]": [2, 1, None],
                  "1::int2, array[11, 12, 13]::int8[], array[2, 3], 3, array[1, 2, 3]::int8[], array[12, null, null]::int8[]": [3, 2, None],
                  "1::int2, array[11, 12]::int8[], array[1, 2], 2, array[1, 2]::int8[], array[11, 11]::int8[]": [2, None]},
}


@pytest.mark.parametrize("function", SMALL)
def test_it_answers_at_its_edges(house, function):
    house.rows("select tracker.settle_policy(10, 5, 30, 3600, 1000)")
    house.policy = None
    house.rows("update tracker.stage set workers = 9, people = 9, networks = 9")
    for given, answer in SMALL[function].items():
        call = f"tracker.{function}({given})"
        if function == "count_dealt":
            call = f"(select concat_ws(',', coalesce(t_batch::text, 'NULL'), coalesce(t_ready::text, 'NULL'), coalesce(t_retry::text, 'NULL')) from {call})"
        if function == "low_of":
            call = f"case when {call} > '-infinity' then trim_scale(extract(epoch from {call}) * 1000000) || ' us' end"
        got = house.value(f"select {call}")
        assert got == (pytest.approx(answer) if isinstance(answer, float) else answer), given


def test_fewer_about_are_enough_of_them(house):
    """Of two people on one network with one worker each, two are all."""
    house.rows("select tracker.settle_policy(10, 5, 30, 3600, 1000)")
    house.policy = None
    house.rows("update tracker.stage set workers = 2, people = 2, networks = 1")
    over = f"select tracker.is_over({P}, {S}, 10, 0, 1, %s, %s, %s)"
    assert [house.value(over, *by) for by in ((2, 2, 1), (1, 2, 1), (2, 1, 1), (2, 2, 0))] == [True, False, False, False]


# ---- those that read tables

@pytest.mark.parametrize("limit, fit", [(10, [True, True, True, True]), (9, [True, True, False, True]), (8, [True, True, False, True]),
                                        (7, [True, False, False, True]), (0, [True, False, False, True])])
def test_an_answer_holds_what_it_may_to_the_byte_and_the_first_whatever_its_length(house, limit, fit):
    """Jobs of 4, 4, 2 and 4 bytes, the last one somebody else's."""
    house.lawful = False
    house.rows("insert into tracker.job (number, data) values (1, 'éé'), (2, 'öö'), (3, 'ü'), (4, 'ßß')")
    asked = "select tracker.fit_jobs(1::int2, array[1, 2, 3, 4]::int8[], array[1, 1, 1, 2], %s, %s)"
    assert house.value(asked, None, limit) == fit
    assert house.value(asked, [6, None], 10) == [True, False, False, True]
    assert house.value(asked, [7, 6], 10) == [False, False, False, True]
    assert house.value(asked, [0, 7], 10) == [True, True, True, False]


def test_who_struck_a_job_is_who_did_it_in_that_stage_and_by_its_own_doing(house):
    """Else each claim would take the long way, and read what others struck."""
    house.lawful = False
    house.rows("insert into tracker.strike (stage, job, worker, kind, chosen, reason, at) values (1, 1, 11, 'failed', false, '', now()),"
               " (2, 2, 11, 'failed', false, '', now()), (1, 3, 12, 'flagged', false, '', now()), (1, 4, 11, 'timed_out', false, '', now()),"
               " (1, 5, 11, 'released', false, '', now()), (1, 6, 11, 'released', true, '', now()), (1, 7, 11, 'abandoned', false, 'dropped', now()),"
               " (1, 8, 11, 'released', false, 'dropped', now()), (1, 9, null, 'requeued', false, '', now())")

    def struck(stage, worker):
        return [job for job in range(1, 10) if house.value("select tracker.has_struck(%s::int2, array[%s]::int8[], array[99, %s]::int8[])", stage, job, worker)]
    assert [struck(1, 11), struck(2, 11), struck(1, 12), struck(1, 13)] == [[1, 6], [2], [3], []]
    assert house.value("select tracker.has_struck(1::int2, array[2, 4, 1]::int8[], array[11]::int8[])")


def test_who_tries_is_counted_to_the_last_by_what_and_from_where(house):
    house.lawful = False
    tries = "select tracker.may_try(%s, %s, 3)"
    assert [house.value(tries, "join", "192.0.2.1") for _ in range(5)] == [True, True, True, False, False]
    assert house.value(tries, "key", "192.0.2.1") and house.value(tries, "join", "192.0.2.2")
    house.rows("update tracker.signup set at = now() - interval '59 minutes'")
    assert not house.value(tries, "join", "192.0.2.1")
    house.rows("update tracker.signup set at = now() - interval '60 minutes' - interval '1 second'")
    assert [house.value(tries, "join", "192.0.2.1") for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("one, other, origin, network", [
    ("192.0.2.1", "192.0.2.1", True, True), ("192.0.2.1", "192.0.2.2", False, True), ("192.0.2.1", "192.0.2.254", False, True),
    ("192.0.2.255", "192.0.3.0", False, False), ("192.0.2.1", "192.0.130.1", False, False),
    ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True, True), ("2001:db8:0:2::1", "2001:db8:0:3::1", False, True),
    ("2001:db8:0:0::1", "2001:db8:0:ff::1", False, True), ("2001:db8:0:7f::1", "2001:db8:0:80::1", False, True),
    ("2001:db8:0:ff::1", "2001:db8:0:100::1", False, False), ("192.0.2.1", "::ffff:c000:201", False, False)])
def test_an_origin_and_a_network_are_so_many_bits(house, one, other, origin, network):
    """32 and 24 of IPv4, 64 and 56 of IPv6."""
    same = "select tracker.hash_address(%s, {0}) = tracker.hash_address(%s, {0})"
    assert (house.value(same.format(32), one, other), house.value(same.format(24), one, other)) == (origin, network)


def test_of_which_results_much_was_sent_back_is_told_without_those_of_whom_nothing_was(house):
    house.lawful = False
    house.rows("insert into tracker.purged (worker, person, stage, results, kept) values (1, 1, 1, 3, 3), (2, 1, 1, 3, 2), (2, 1, 2, 1, 0)")
    assert house.rows("select * from tracker.all_sent_back()") == [(2, 2)]


def test_whose_name_looks_like_it_is_who_has_it_then_who_did_most(house):
    house.lawful = False
    look = hash_of("ada")
    for name, done, claimed in (("ada", 5, False), ("Ada", 9, False), ("ADA", 9, False), ("aDa", 1, True), ("adA", 0, False)):
        who = house.value("insert into tracker.person (nickname, done) values (%s, %s) returning id", name, done)
        house.rows("insert into tracker.look (skeleton, person, claimed) values (%s, %s, %s)", look, who, claimed)
    like = "select tracker.like_another(null, array[%s]::uuid[], %s)"
    assert [house.value(like, look, worked) for worked in (False, True)] == ["aDa", "aDa"]
    house.rows("update tracker.look set claimed = false")
    assert [house.value(like, look, worked) for worked in (False, True)] == [None, "Ada"]
    house.rows("update tracker.person set done = 0")
    assert house.value(like, look, True) is None
    for done, found in ((0, None), (1, "adA")):  # of what is not folded yet
        house.rows("insert into tracker.credit (person, stage, minute, slot, done, withdrawn) values (%s, 1, now(), %s, %s, 1)", who, done, done)
        assert house.value(like, look, True) == found


def test_a_stage_is_who_is_called_so_now_and_else_who_was(house):
    house.rows("select tracker.append_stage('Third')")
    for stage, name in ((3, "Last"), (1, "First"), (2, "Third")):
        house.rows("select tracker.rename_stage(%s::int2, %s)", stage, name)
    for name, found in (("third", [(2, "Third")]), ("Extract", [(1, "First")]), ("filter", [(2, "Third")]), ("LAST", [(3, "Last")]), ("none", [])):
        assert house.rows("select * from tracker.read_stage(%s)", name) == found


# ---- what is not said

# A parameter that is not said is the same wherever it may be said; what it means is told in each function's head.
UNSAID = {"patience_s": "60", "stale_s": "1800", "in_hand_most": "1000", "p_most": "200", "priority": "0", "rate": "0", "paused": "false",
          "others": "true", "words": "false", "tell": "true", "must_key": "false", "state": "'done'"}


def test_what_is_not_said_is_the_same_everywhere(house):
    rows = house.rows("select p.proname::text as name, pg_get_function_arguments(p.oid) as args from pg_proc p"
                      " where p.pronamespace = 'tracker'::regnamespace and p.pronargdefaults > 0")
    said = [(r.name, *part.split(" DEFAULT ")) for r in rows for part in r.args.split(", ") if " DEFAULT " in part]
    assert len(said) > 30
    for function, parameter, default in said:
        name = parameter.split()[0]
        assert default.split("::")[0] in ("NULL", "''", "'{}'", UNSAID.get(name)), (function, name, default)
