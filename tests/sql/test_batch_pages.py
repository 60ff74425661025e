"""What pages say of batches: their order, pace and time, and what holds them up."""

import pytest

from test_batches import through


def shown(house, *batches):
    return {r.batch: r for r in house.rows("select * from tracker.read_batch_rows(%s)", list(batches))}


def opened(house, priority=None, batch=None, rows=20):
    return [r.batch for r in house.rows("select * from tracker.read_open_batches(%s, %s, %s)", priority, batch, rows)]


def over(house, ended=None, batch=None, rows=20):
    return house.rows("select * from tracker.read_ended_batches(%s, %s, %s)", ended, batch, rows)


def age(house, minutes):
    """What was counted in this minute was so long ago."""
    house.rows("update tracker.tally set minute = minute - make_interval(mins => %s) where slot >= 0", minutes)


def fold(house):
    age(house, 1)
    house.value("select tracker.fold_tally()")


def pace(house, batch):
    return [(r.stage, r.done_5m, r.done_1h) for r in house.rows(
        "select * from tracker.read_batch_pace(array[%s]) order by stage", batch)]


def series(house, batch, span_s=3600, bar_s=60):
    return [(r.bucket, r.stage, r.done) for r in house.rows(
        "select * from tracker.read_batch_series(%s, %s, %s)", batch, span_s, bar_s)]


def test_open_ones_come_by_priority_then_age_a_page_at_a_time(house):
    a, b, c, d = (house.load(1) for _ in range(4))
    house.rows("update tracker.batch set priority = case batch when %s then 5 when %s then -100 else 0 end", c, a)
    house.rows("update tracker.stage set line = tracker.sort_line(line)")
    assert opened(house) == [c, b, d, a]
    assert opened(house, rows=1) == [c, b]  # one more tells that there are more
    assert opened(house, 5, c) == [b, d, a]
    assert opened(house, 0, b) == [d, a]
    assert opened(house, -100, a) == []


def test_those_that_are_over_come_the_last_one_first(house):
    a, b, c = house.load(1), house.load(1), house.load(1)
    house.rows("update tracker.batch set ended = now() - interval '1 day' where batch = any (%s)", [a, c])
    assert opened(house) == [b]
    assert [r.batch for r in over(house)] == [c, a]
    last = over(house)[0]
    assert [r.batch for r in over(house, last.ended, last.batch)] == [a]


def test_a_batch_says_how_far_it_is_over_all_stages(house):
    house.load(2)
    batch = house.load(3)
    through(house, 1, 5)
    through(house, 2, 4)
    house.rows("update tracker.stage set paused = false")
    house.want(house.worker(2), 1)
    row = shown(house, batch)[batch]
    assert (row.first, row.last, row.done, row.total, row.leased, row.waiting) == (3, 5, 5, 6, 1, 0)
    assert row.why is None and row.per_minute > 0


def test_what_failed_is_not_waited_for(house):
    house.max_attempts = 1
    batch = house.load(2)
    worker = house.worker()
    job, other = house.take(worker, 2)
    house.back(worker, job, "failed")
    row = shown(house, batch)[batch]
    if row.failed == 1:
        assert (row.done, row.total) == (0, 2)


def test_the_time_left_is_that_of_the_slowest_stage(house):
    batch = house.load(60)
    through(house, 1, 40)
    through(house, 2, 2)
    age(house, 10)
    row = shown(house, batch)[batch]
    # 58 are left in the second stage, which did 2 in eleven minutes at most: 319 minutes, and 290 at least.
    assert 58 / 2 * 10 * 60 <= row.eta_s <= 58 / 2 * 11 * 60 + 1
    assert row.per_minute == 0  # in the last five minutes


@pytest.mark.parametrize("of_stage", [False, True])
def test_the_time_left_is_no_less_than_rates_let_it_be(house, of_stage):
    batch = house.load(60)
    through(house, 1, 20)
    through(house, 2, 20)
    age(house, 1)
    assert shown(house, batch)[batch].eta_s < 40 * 60
    house.rows("select tracker.set_stage_rate(1::int2, 1)" if of_stage else f"select tracker.set_batch_rate({batch}, 1)")
    assert shown(house, batch)[batch].eta_s == 40 * 60


def test_the_pace_of_the_first_minute_is_no_less_than_what_was_done_in_it(house):
    batch = house.load(60)
    through(house, 1, 20)
    row = shown(house, batch)[batch]
    assert 10 <= row.per_minute <= 20
    age(house, 1)
    row = shown(house, batch)[batch]
    assert 100 / 20 * 60 <= row.eta_s <= 100 / 20 * 121 and row.low_s < row.eta_s < row.high_s and row.shown_s % 30 == 0


def test_no_time_is_told_while_what_waits_is_paused_or_nobody_is_heard(house):
    batch = house.load(60)
    through(house, 1, 20)
    age(house, 5)
    assert shown(house, batch)[batch].eta_s > 0
    house.rows("update tracker.stage set paused = true where stage = 1")
    assert shown(house, batch)[batch].eta_s is None
    house.rows("update tracker.stage set paused = false")
    house.rows("update tracker.worker set seen = seen - interval '1 hour'")
    assert shown(house, batch)[batch].eta_s is None
    assert house.rows("select * from tracker.read_batch_rows(%s, 7200)", [batch])[0].eta_s > 0
    assert house.rows("select left_text from tracker.list_batches(true)")[0].left_text is None


@pytest.mark.parametrize("s, text", [(0, "0 s"), (59, "59 s"), (90, "1 min 30 s"), (600, "10 min"), (3600, "1 h"), (7500, "2 h 5 min"),
                                     (86400, "1 day"), (172800, "2 days"), (3 * 31557600, "3 years"), (10**12, "1,000 years and more")])
def test_a_time_is_in_the_words_of_the_pages(house, s, text):
    assert house.value("select tracker.span_text(%s)", s) == text


def test_nobody_promises_a_time_where_nothing_was_done_for_an_hour(house):
    batch = house.load(4)
    through(house, 1, 2)
    age(house, 61)
    row = shown(house, batch)[batch]
    assert (row.eta_s, row.why) == (None, "idle")


def test_why_a_batch_stands_still(house):
    first, second, third = house.load(2), house.load(2), house.load(2)
    assert {b: r.why for b, r in shown(house, first, second, third).items()} == {
        first: "idle", second: "turn", third: "turn"}
    house.value("select tracker.set_paused(1::int2, true)")  # it is nobody's turn
    assert {r.why for r in shown(house, first, second, third).values()} == {"idle"}
    house.value("select tracker.set_paused(1::int2, false)")
    house.value("select tracker.pause_batch(%s, 'the site is down')", first)
    rows = shown(house, first, second, third)
    assert (rows[first].why, rows[first].paused_why, rows[first].eta_s) == ("paused", "the site is down", None)
    assert rows[second].why == "idle"
    house.want(house.worker(), 1)
    assert shown(house, second)[second].why is None
    house.value("select tracker.cancel_batch(%s)", third)
    house.rows("update tracker.stage set line = tracker.sort_line(line)")
    assert shown(house, third)[third].why == "cancelled"


def test_what_nobody_has_and_a_rate_hold_a_batch_up(house):
    first, second = house.load(2), house.load(2)
    house.value("select tracker.set_batch_needs(%s, 'gpu,ram32')", first)
    house.value("select tracker.set_batch_rate(%s, 1)", second)
    row = shown(house, first)[first]
    assert (row.why, row.needs, row.rate) == ("needs", "gpu, ram32", None)
    house.want(house.worker(), 1)
    row = shown(house, second)[second]
    assert (row.why, row.needs, row.rate) == ("rate", "", 1)


def test_a_sentence_has_eight_words_at_most(house):
    batch = house.load(1)
    house.value("select tracker.set_batch_needs(%s, %s)", batch, ",".join(f"w{n:02}" for n in range(10)))
    still = "select why from tracker.read_still(array[%s])"
    assert house.value(still, batch) == "no worker here has w00, w01, w02, w03, w04, w05, w06, w07 and 2 more"
    house.value("select tracker.set_batch_needs(%s, %s)", batch, ",".join(f"w{n:02}" for n in range(8)))
    assert house.value(still, batch) == "no worker here has w00, w01, w02, w03, w04, w05, w06, w07"


@pytest.mark.parametrize("how", ["send back", "undo", "requeue"])
def test_one_that_was_over_is_open_as_soon_as_there_is_work_in_it_again(house, how):
    house.max_attempts = 1
    batch = house.load(3)
    through(house, 1, 2)
    through(house, 2, 2)
    worker = house.worker()
    house.back(worker, house.take(worker)[0], "failed")
    fold(house)
    assert [r.batch for r in over(house)] == [batch]
    if how == "send back":
        assert house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    elif how == "requeue":
        assert house.value("select tracker.requeue_failed(1::int2, null)") == 1
    else:
        undo = house.value("select tracker.undo_begin('anonymous', null, null, null, null, null, null, 'x', false)")
        house.rows("select * from tracker.undo_step(%s, 100)", undo)
    assert opened(house) == [batch] and over(house) == []


def test_a_cancelled_one_is_as_far_as_it_came(house):
    batch = house.load(4)
    through(house, 1, 1)
    house.value("select tracker.cancel_batch(%s)", batch)
    row = shown(house, batch)[batch]
    assert (row.why, row.done, row.total, row.cancelled, row.waiting, row.eta_s) == ("cancelled", 1, 1, 4, 0, None)


def test_one_that_is_done_is_held_up_by_nothing(house):
    batch = house.load(1)
    through(house, 1, 1)
    through(house, 2, 1)
    assert shown(house, batch)[batch].why is None


def test_one_that_is_done_has_no_time_left(house):
    house.settle("One")
    batch, w = house.load(20), house.worker()
    for job in house.take(w, 20):
        house.done(w, job)
    age(house, 10)
    assert shown(house, batch)[batch].eta_s is None


def test_a_batch_that_is_not_there_has_no_row(house):
    assert shown(house, 12345) == {} and shown(house) == {}


def test_the_pace_is_the_same_before_and_after_folding(house):
    first, second = house.load(3), house.load(3)
    through(house, 1, 5)
    assert pace(house, first) == [(1, 3, 3), (2, 0, 0)]
    assert pace(house, second) == [(1, 2, 2), (2, 0, 0)]
    assert [n for _, _, n in series(house, first)] == [3]
    fold(house)
    assert pace(house, second) == [(1, 2, 2), (2, 0, 0)]
    assert series(house, second) == [(58, 1, 2)]
    assert series(house, second, 0, 0)[-1][1:] == (1, 2)
    through(house, 1, 1)
    assert pace(house, second) == [(1, 3, 3), (2, 0, 0)]


def test_what_is_older_than_eight_days_is_kept_by_the_hour(house):
    batch = house.load(4)
    through(house, 1, 2)
    age(house, 9 * 24 * 60)
    house.value("select tracker.fold_tally()")
    through(house, 1, 2)
    age(house, 9 * 24 * 60 + 1)
    house.value("select tracker.fold_tally()")
    rows = house.rows("select minute = date_trunc('hour', minute, 'UTC') as whole, hourly, sum(done)::int as done"
                      " from tracker.batch_history where batch = %s group by 1, 2", batch)
    assert [(r.whole, r.hourly, r.done) for r in rows] == [(True, True, 4)]
    assert pace(house, batch) == [(1, 0, 0), (2, 0, 0)]


def test_the_chart_of_one_that_is_over_ends_where_it_ended(house):
    batch = house.load(1)
    assert series(house, batch, 0, 0) == []
    through(house, 1, 1)
    through(house, 2, 1)
    age(house, 300)
    house.value("select tracker.fold_tally()")
    assert shown(house, batch)[batch].ended is not None
    assert {n for n, _, _ in series(house, batch, 0, 0)} == {29}


def test_a_fold_of_nothing_looks_at_those_that_are_open(house):
    """One of a database of before batches may be over long since; those that are over are not looked at again."""
    house.lawful = False
    batch, other = house.load(1), house.load(1)
    through(house, 1, 2)
    through(house, 2, 2)
    fold(house)
    assert opened(house) == []
    house.rows("update tracker.batch set ended = null where batch = %s", batch)
    house.rows("update tracker.batch_count set done = 0 where batch = %s", other)
    house.value("select tracker.fold_tally()")
    assert opened(house) == []


def test_a_reset_empties_it(house):
    house.load(1)
    through(house, 1, 1)
    fold(house)
    house.rows("select tracker.reset_jobs()")
    assert house.value("select count(*) from tracker.batch_history") == 0


@pytest.mark.parametrize("name", [".", "..", "../..", "a/./b"])
def test_no_batch_has_a_name_that_no_address_can_have(house, name):
    with pytest.raises(Exception, match="part of an address"):
        house.value("select tracker.check_batch_name(%s, true)", name)


def test_ten_thousand_that_are_over_cost_nothing(house):
    """By the plan: the first twenty are found by the index, whatever is behind them."""
    house.lawful = False
    house.rows("insert into tracker.batch (name, first, last, ended) select 'b' || n, n, n, now()"
               " from generate_series(1, 10000) n")
    house.rows("insert into tracker.batch (name, first, last) select 'b' || n, n, n from generate_series(10001, 11000) n")
    house.rows("analyze tracker.batch")
    for call in ("tracker.read_open_batches(null, null, 20)", "tracker.read_ended_batches(null, null, 20)"):
        plan = "\n".join(r[0] for r in house.rows(f"explain (analyze, costs off, timing off) select * from {call}"))
        assert "rows=21" in plan, plan
    names = [r.indexname for r in house.rows("select indexname from pg_indexes where tablename = 'batch'")]
    assert {"batch_open", "batch_ended"} <= set(names)


def test_the_chart_of_a_batch_begins_and_ends_with_its_own(house):
    """Whatever was done of another before it and since; and what was all sent back is nothing."""
    first, second, third = house.load(1), house.load(1), house.load(1)
    for minutes, batch in ((300, first), (200, second), (100, third)):
        through(house, 1, 1)
        house.rows("update tracker.tally set minute = now() - make_interval(mins => %s) where batch = %s and slot >= 0", minutes, batch)
        house.rows("update tracker.output set finished = now() - make_interval(mins => %s) where job = %s", minutes, batch - first + 1)
    for folded in (False, True):
        if folded:
            house.value("select tracker.fold_tally()")
        for batch, minutes in ((first, 300), (second, 200), (third, 100)):
            rows = house.rows("select extract(epoch from now() - start) / 60 as began, bucket, stage, done from tracker.read_batch_series(%s, 0, 0)", batch)
            assert [(r.stage, r.done) for r in rows] == [(1, 1)] and rows[0].bucket <= 1
            assert minutes - 1 <= rows[0].began <= minutes + 30
    assert house.value("select tracker.send_back_job(1, 1::int2, '')")
    assert series(house, first, 0, 0) == [] and len(series(house, second, 0, 0)) == 1
