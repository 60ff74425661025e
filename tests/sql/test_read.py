"""What the pages read: boards, pace, time left, workers, people and the lives of jobs."""

import datetime

import pytest

from house import Item


def do(house, nickname, count, stage=1, worker=None):
    """Somebody finishes `count` jobs."""
    w = worker or house.worker(stage, nickname)
    jobs = house.take(w, count)
    house.complete([Item(w.token, j.job, j.lease, "r") for j in jobs])
    return w


def minute_passes(house):
    """What is counted so far is folded; as if it had been today's first minute."""
    house.fold()  # what was withdrawn of earlier minutes
    minute = house.value("select date_trunc('minute', clock_timestamp())")
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = minute - interval '1 minute' where minute >= %s", minute)
    house.rows("update tracker.output set finished = finished - interval '1 minute' where finished >= %s", minute)
    house.fold()


def board(house, period="all", after=(None, 0), rows=50):
    return house.rows("select * from tracker.read_board(%s, %s, %s, %s)", period, *after, rows)


def eta(house, interval_s=900, samples=10):
    return house.rows("select * from tracker.read_eta(%s, %s)", interval_s, samples)[0]


def history(house, stage, minutes_ago, done):
    house.rows("insert into tracker.history (stage, minute, done) values"
               " (%s, date_trunc('minute', clock_timestamp()) - make_interval(mins => %s), %s)"
               " on conflict (stage, minute) do update set done = excluded.done",
               stage, minutes_ago, done)


# ---- boards

def test_the_board_is_by_jobs_and_ties_stand_in_the_order_of_coming(house):
    house.load(20)
    for nickname, jobs in (("first", 2), ("second", 5), ("third", 2)):
        do(house, nickname, jobs)
    expected = [(1, "second", 5), (2, "first", 2), (3, "third", 2)]
    assert [(r.rank, r.nickname, r.jobs) for r in board(house)] == expected
    minute_passes(house)
    assert [(r.rank, r.nickname, r.jobs) for r in board(house)] == expected


def test_the_board_adds_what_is_not_folded_yet(house):
    house.load(20)
    slow, fast = do(house, "slow", 3), do(house, "fast", 2)
    minute_passes(house)
    do(house, "fast", 2, worker=fast)
    for period in ("all", "week", "today"):
        assert [(r.nickname, r.jobs) for r in board(house, period)] == [("fast", 4), ("slow", 3)]
    assert slow.nickname == "slow"


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("period", ["all", "week", "today"])
def test_the_pages_of_a_board_join_without_gap_or_double(house, folded, period):
    house.load(60)
    for n in range(11):
        do(house, f"p{n}", 1 + n // 3)
    if folded:
        minute_passes(house)
    whole = [(r.rank, r.id, r.jobs) for r in board(house, period)]
    assert [r[0] for r in whole] == list(range(1, 12))
    pieces, after = [], (None, 0)
    while True:
        rows = board(house, period, after, 2)
        pieces += [(r.rank, r.id, r.jobs) for r in rows[:2]]
        if len(rows) <= 2:
            break
        after = (rows[1].jobs, rows[1].id)
    assert pieces == whole


def test_a_new_day_starts_todays_board_anew_and_keeps_the_weeks(house):
    house.load(20)
    early = do(house, "early", 4)
    minute_passes(house)
    house.rows("update tracker.person_day set day = day - 1")
    house.rows("update tracker.board_day set day = day - 1")
    assert board(house, "today") == []
    do(house, "late", 1)
    minute_passes(house)
    assert [(r.nickname, r.jobs) for r in board(house, "today")] == [("late", 1)]
    assert [(r.nickname, r.jobs) for r in board(house, "week")] == [("early", 4), ("late", 1)]
    assert early.nickname == "early"


def test_what_is_older_than_seven_days_is_not_in_the_week(house):
    house.load(20)
    do(house, "old", 4)
    minute_passes(house)
    house.rows("update tracker.person_day set day = day - 7")
    house.rows("update tracker.board_day set day = day - 7")
    do(house, "new", 1)
    minute_passes(house)
    assert [r.nickname for r in board(house, "week")] == ["new"]
    assert [r.nickname for r in board(house, "all")] == ["old", "new"]


def test_a_week_ends_when_nobody_finishes_anything(house):
    house.load(20)
    do(house, "old", 4)
    minute_passes(house)
    house.rows("set session_replication_role = replica")  # the boards stay as they were
    house.rows("update tracker.person_day set day = day - 7")
    house.rows("set session_replication_role = origin")
    house.rows("update tracker.board_day set day = day - 7")
    house.fold()
    assert board(house, "week") == []
    assert [r.nickname for r in board(house, "all")] == ["old"]


def test_a_withdrawn_result_leaves_every_board(house):
    house.load(5)
    do(house, "maker", 2)
    minute_passes(house)
    assert house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    for period in ("all", "week", "today"):
        assert [r.jobs for r in board(house, period)] == [1]
    minute_passes(house)
    for period in ("all", "week", "today"):
        assert [r.jobs for r in board(house, period)] == [1]


def test_a_reset_empties_the_boards(house):
    house.load(5)
    do(house, "gone", 2)
    minute_passes(house)
    house.rows("select tracker.reset_jobs()")
    for period in ("all", "week", "today"):
        assert board(house, period) == []
    house.load(5)
    do(house, "gone", 1)
    minute_passes(house)
    assert [r.jobs for r in board(house, "week")] == [1]


def test_the_board_tells_the_last_day_and_the_days_before(house):
    house.load(5)
    do(house, "x", 3)
    minute_passes(house)
    do(house, "x", 1)  # not folded yet
    (r,) = board(house)
    assert (r.by_hour24, r.spark[-1], len(r.spark)) == (4, 4, 14)
    assert r.last_at is not None
    (found,) = house.rows("select * from tracker.read_people('x', null, 0, 10)")
    assert found.spark == r.spark
    (person,) = house.rows("select * from tracker.read_person('x')")
    assert (person.spark[-1], len(person.spark)) == (4, 30)


@pytest.mark.parametrize("prefix, found", [
    ("an", ["Ann", "anna"]), ("ANNA", ["anna"]), ("%", ["%wild"]), ("zoë", ["Zoë"]), ("nobody", []), ("\\", ["\\"])])
def test_people_are_found_by_how_their_names_begin(house, prefix, found):
    for nickname in ("Ann", "anna", "%wild", "_w", "Zoë", "\\", "Hanna"):
        house.worker(1, nickname)
    rows = house.rows("select * from tracker.read_people(%s, null, 0, 10)", prefix)
    assert [r.nickname for r in rows] == found


def test_the_pages_of_a_search_join_without_gap_or_double(house):
    names = sorted([f"Ab{n}" for n in range(7)] + [f"aB{n}" for n in range(3)], key=str.lower)
    for nickname in names:
        house.worker(1, nickname)
    found, key, last = [], None, 0
    while True:
        rows = house.rows("select * from tracker.read_people('ab', %s, %s, 3)", key, last)
        found += [r.nickname for r in rows[:3]]
        if len(rows) <= 3:
            break
        key, last = rows[2].key, rows[2].id
    assert sorted(found) == sorted(names) and [f.lower() for f in found] == [n.lower() for n in names]


def test_a_persons_page_sums_folded_and_fresh(house):
    house.load(9)
    w = do(house, "me", 3)
    minute_passes(house)
    do(house, "me", 2, worker=w)
    do(house, "other", 4)
    (r,) = house.rows("select * from tracker.read_person('me')")
    assert (r.jobs, r.today, r.week, r.by_hour24, r.machines, r.rank) == (5, 5, 5, 5, 1, 1)
    assert [(s.stage, s.done) for s in house.rows("select * from tracker.read_person_stages(%s)", r.id)] == [(1, 5)]
    assert house.rows("select * from tracker.read_person('nobody')") == []


# ---- pace and time left

def test_an_empty_project_has_no_time_left(house):
    assert eta(house).state == "empty"


def test_nothing_is_known_before_a_minute_of_work(house):
    house.load(5)
    assert (eta(house).state, eta(house).remaining) == ("calculating", 10)
    do(house, "x", 1)
    assert (eta(house).state, eta(house).eta_s) == ("calculating", None)


def test_the_first_interval_is_measured_while_it_runs(house):
    house.lawful = False
    house.load(1000)
    history(house, 1, 5, 100)
    r = eta(house)
    assert r.state == "moving" and 300 <= 100 / (r.per_minute / 60) <= 360
    assert r.low_s < r.eta_s < r.high_s < 1.4 * r.eta_s


@pytest.mark.parametrize("minutes, sampled", [(14, 0), (15, 1), (29, 1), (30, 2)])
def test_an_interval_counts_as_soon_as_it_is_over(house, minutes, sampled):
    house.lawful = False
    house.load(1000)
    history(house, 1, minutes, 100)
    assert eta(house).sampled == sampled


def test_the_time_left_is_what_remains_at_the_pace_of_the_samples(house):
    house.lawful = False
    house.load(1000)
    for minutes in range(1, 61):
        history(house, 1, minutes, 5)
        history(house, 2, minutes, 5)
    r = eta(house, 600, 6)
    assert (r.sampled, r.remaining) == (6, 2000)
    assert abs(r.eta_s - 2000 / 10 * 60) <= 2
    assert r.low_s <= r.eta_s <= r.high_s


def test_the_slowest_stage_sets_the_time(house):
    house.lawful = False
    house.load(1000)
    for minutes in range(1, 61):
        history(house, 1, minutes, 99)
        history(house, 2, minutes, 1)
    assert eta(house, 600, 6).eta_s >= 1000 * 60 - 60


def test_a_stage_that_began_later_is_measured_from_its_beginning(house):
    house.lawful = False
    house.load(1000)
    for minutes in range(1, 61):
        history(house, 1, minutes, 10)
    for minutes in range(1, 11):
        history(house, 2, minutes, 10)
    assert eta(house, 600, 6).eta_s < 2000 / 10 * 60


def test_uneven_samples_give_an_honest_range(house):
    house.lawful = False
    house.load(100000)
    for minutes in range(1, 61):
        history(house, 1, minutes, 100 if minutes > 30 else 10)
    r = eta(house, 600, 6)
    assert r.high_s > 2 * r.eta_s and r.low_s < r.eta_s


def test_what_stands_still_is_called_stalled(house):
    house.lawful = False
    house.load(10)
    history(house, 1, 300, 5)
    r = eta(house, 900, 10)
    assert (r.state, r.eta_s) == ("stalled", None)


def test_failed_jobs_do_not_keep_a_project_from_ending(house):
    house.max_attempts = 1
    house.load(2)
    w = house.worker(1)
    good, bad = house.take(w, 2)
    house.done(w, good)
    house.back(w, bad)
    assert eta(house).remaining == 1
    do(house, "x", 1, stage=2)
    r = eta(house)
    assert (r.state, r.remaining, r.done, r.total) == ("finished", 0, 2, 2)


def test_the_pace_counts_what_is_folded_and_what_is_not(house):
    house.load(9)
    w = do(house, "x", 2)
    minute_passes(house)
    do(house, "x", 3, worker=w)
    a, b = house.rows("select * from tracker.read_pace()")
    assert (a.done_5m, a.done_1h, a.done_24h, b.done_24h) == (5, 5, 5, 0)
    assert a.first_at <= a.last_at and b.first_at is None


@pytest.mark.parametrize("table", ["history", "tally"])
def test_each_pace_counts_its_own_time_alone(house, table):
    house.lawful = False
    house.load(1)
    do(house, "x", 1)
    if table == "history":
        minute_passes(house)
    house.rows(f"delete from tracker.{table} where done = 0")
    for minutes, counted in ((4.5, (1, 1, 1)), (5.1, (0, 1, 1)), (59.5, (0, 1, 1)), (60.1, (0, 0, 1)), (1439.5, (0, 0, 1)), (1440.1, (0, 0, 0))):
        house.rows(f"update tracker.{table} set minute = now() - %s * interval '1 minute' where minute > '-infinity'", minutes)
        a, b = house.rows("select * from tracker.read_pace()")
        assert (a.done_5m, a.done_1h, a.done_24h) == counted, minutes
        assert (a.stage, b.stage, b.done_24h) == (1, 2, 0)


@pytest.mark.parametrize("table", ["batch_history", "tally"])
def test_each_pace_of_a_batch_counts_its_own_time_alone(house, table):
    house.lawful = False
    batch, other = house.load(1), house.load(1)
    do(house, "x", 1)
    if table == "batch_history":
        minute_passes(house)
    house.rows(f"delete from tracker.{table} where done = 0")
    for minutes, counted in ((1, (1, 1)), (4.5, (1, 1)), (5.1, (0, 1)), (59, (0, 1)), (60.1, (0, 0))):
        house.rows(f"update tracker.{table} set minute = now() - %s * interval '1 minute' where minute > '-infinity'", minutes)
        rows = house.rows("select stage, done_5m, done_1h, since is not null from tracker.read_batch_pace(array[%s, %s]) where batch = %s or done_1h > 0"
                          " order by batch, stage", batch, other, batch)
        assert rows == [(1, *counted, counted[1] > 0), (2, 0, 0, False)], minutes


@pytest.mark.parametrize("table", ["history", "tally"])
@pytest.mark.parametrize("period, days", [("today", 0), ("week", 6)])
def test_a_period_ends_with_its_first_day_and_counts_every_stage(house, table, period, days):
    house.lawful = False
    house.load(1)
    do(house, "x", 1)
    do(house, "x", 1, stage=2)
    if table == "history":
        minute_passes(house)
    house.rows(f"delete from tracker.{table} where done = 0")
    for back, counted in ((days, 2), (days + 1, 0)):
        house.rows(f"update tracker.{table} set minute = (date_trunc('day', now() at time zone 'UTC')"
                   " - make_interval(days => %s) + interval '1 hour') at time zone 'UTC' where minute > '-infinity'", back)
        assert house.value("select tracker.read_period(%s)", period) == counted, back


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("period", ["today", "week", "all"])
def test_what_people_share_is_the_sum_of_what_each_has_also_when_they_kept_credit(house, period, folded):
    house.load(6)
    do(house, "x", 4)
    do(house, "y", 2)
    do(house, "z", 3, stage=2)
    (undo,) = house.rows("select tracker.undo_begin('x', null, null, null, null, null, null, 'a release', true) as number")
    house.rows("select * from tracker.undo_step(%s, 100)", undo.number)
    if folded:
        minute_passes(house)
    assert house.value("select tracker.read_period(%s)", period) == sum(r.jobs for r in board(house, period)) == 9
    (x,) = house.rows("select jobs, withdrawn, kept from tracker.read_person('x')")
    assert x == (4, 0, 4)


@pytest.mark.parametrize("period, days", [("today", 0), ("week", 6)])
def test_credit_that_was_kept_is_of_its_day(house, period, days):
    house.lawful = False
    house.load(1)
    do(house, "x", 1)
    (undo,) = house.rows("select tracker.undo_begin('x', null, null, null, null, null, null, 'a release', true) as number")
    house.rows("select * from tracker.undo_step(%s, 100)", undo.number)
    minute_passes(house)
    for back, counted in ((days, 1), (days + 1, 0)):
        house.rows("update tracker.person_day set day = (now() at time zone 'UTC')::date - %s", back)
        assert house.value("select tracker.read_period(%s)", period) == counted, back


def test_when_somebody_worked_last_is_known_though_it_was_undone_and_taken_back(house):
    """Within the minute: what is folded of it is a sum of nothing."""
    house.load(2)
    do(house, "x", 2)
    minute = house.value("select max(minute) from tracker.credit")
    (undo,) = house.rows("select tracker.undo_begin('x', null, null, null, null, null, null, 'by mistake', false) as number")
    house.rows("select * from tracker.undo_step(%s, 100)", undo.number)
    house.rows("update tracker.credit set minute = minute - interval '2 minutes'")
    house.fold()
    house.rows("select * from tracker.undo_take_back(%s, 0, 100)", undo.number)
    house.rows("update tracker.credit set minute = minute - interval '2 minutes'")
    house.fold()
    (x,) = board(house, "all")
    assert x.jobs == x.by_hour24 == 2
    assert house.value("select tracker.read_last(id) from tracker.person where nickname = 'x'") == minute - datetime.timedelta(minutes=2)


def lately(house):
    """What is said of the last five minutes, hour and day, of the whole, the batch and the person."""
    a = house.rows("select done_5m, done_1h, done_24h from tracker.read_pace()")[0]
    b = house.rows("select done_5m, done_1h from tracker.read_batch_pace(%s) order by stage", [house.batch()])[0]
    p = house.rows("select jobs, today, week, by_hour24, spark[30] from tracker.read_person('x')")[0]
    said = {"pace": a, "batch's pace": b, "person": p, "period": (house.value("select tracker.read_period('today')"),)}
    for chart in ("read_series(3600, 60)", f"read_batch_series({house.batch()}, 3600, 60)"):
        said[chart] = (sum(r.done for r in house.rows(f"select * from tracker.{chart}")),)
    for period in ("today", "week", "all"):
        said[period] = [n for r in board(house, period) for n in (r.jobs, r.by_hour24, r.spark[-1])]
    return said


def says_all(house, n):
    said = {what: set(numbers) for what, numbers in lately(house).items()}
    assert said == {what: {n} for what in said}


@pytest.mark.parametrize("folded", [False, True])
def test_what_was_sent_back_is_done_in_no_time(house, folded):
    """Whoever adds up what was done lately has what is done."""
    house.load(9)
    w = do(house, "x", 3)
    says_all(house, 3)
    if folded:
        minute_passes(house)
    for left in (2, 1):
        assert house.value("select tracker.send_back_job(%s, 1::int2, 'x')", left)
        says_all(house, left)
        minute_passes(house)
        says_all(house, left)
    assert house.value("select done from tracker.read_worker(1::int2, %s)", w.name) == 1


def test_nothing_stands_of_what_was_all_sent_back(house):
    """As on the first day: no first minute, no pace and no time left."""
    house.load(9)
    do(house, "x", 2)
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = minute - interval '10 minutes' where slot >= 0")
    house.rows("update tracker.output set finished = finished - interval '10 minutes'")
    assert eta(house, 900).state == "moving"
    for job in (1, 2):
        assert house.value("select tracker.send_back_job(%s, 1::int2, 'x')", job)
    for _ in range(2):
        assert [(r.first_at, r.last_at) for r in house.rows("select * from tracker.read_ends()")] == [(None, None)] * 2
        assert eta(house, 900).state == "calculating"
        assert house.rows("select * from tracker.read_batch_rows(%s)", [house.batch()])[0].eta_s is None
        assert house.rows("select * from tracker.read_series(0, 0)") == []
        minute_passes(house)


def test_an_old_result_that_is_sent_back_is_taken_from_its_own_day(house):
    house.load(9)
    do(house, "x", 3)
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = minute - interval '2 days' where slot >= 0")
    house.rows("update tracker.output set finished = finished - interval '2 days'")
    house.fold()
    do(house, "x", 2)
    assert house.value("select tracker.send_back_job(1, 1::int2, 'x')")
    for _ in range(2):
        p = house.rows("select * from tracker.read_person('x')")[0]
        assert (p.jobs, p.today, p.week, p.by_hour24, p.spark[-3:]) == (4, 2, 4, 2, [2, 0, 2])
        assert house.rows("select * from tracker.read_pace()")[0].done_24h == 2
        minute_passes(house)


@pytest.mark.parametrize("days, week", [(5, 2), (6, 2), (7, 0)])
def test_the_week_is_seven_days_when_something_of_them_is_taken_away(house, days, week):
    house.load(9)
    do(house, "x", 3)
    house.rows("update tracker.output set finished = finished - make_interval(days => %s)", days)
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = minute - make_interval(days => %s) where slot >= 0", days)
    house.fold()
    assert [r.jobs for r in board(house, "week")] == ([3] if week else [])
    assert house.value("select tracker.send_back_job(1, 1::int2, 'x')")
    minute_passes(house)
    assert [r.jobs for r in board(house, "week")] == ([week] if week else [])


def test_nobody_did_less_than_nothing_lately(house):
    """What was made two days ago is sent back today."""
    house.load(9)
    do(house, "x", 3)
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = minute - interval '2 days' where slot >= 0")
    house.fold()
    for job in (1, 2):
        assert house.value("select tracker.send_back_job(%s, 1::int2, 'x')", job)
    for _ in range(2):
        r = house.rows("select * from tracker.read_person('x')")[0]
        assert (r.jobs, r.today, r.week, r.by_hour24, r.withdrawn) == (1, 0, 1, 0, 2)
        assert [b.by_hour24 for b in board(house)] == [0]
        assert [b.by_hour24 for b in house.rows("select * from tracker.read_people('x', null, 0, 9)")] == [0]
        assert board(house, "today") == []
        minute_passes(house)


@pytest.mark.parametrize("span_s, bar_s, buckets", [(3600, 60, 60), (86400, 900, 96), (604800, 7200, 84)])
def test_a_series_ends_now_and_holds_everything_of_its_span(house, span_s, bar_s, buckets):
    house.lawful = False
    house.load(9)
    history(house, 1, 0, 7)
    history(house, 2, span_s // 60 - 1, 3)
    history(house, 1, span_s // 60 + 2, 100)
    rows = house.rows("select * from tracker.read_series(%s, %s)", span_s, bar_s)
    assert {(r.bucket, r.stage, r.done) for r in rows} == {(buckets - 1, 1, 7), (0, 2, 3)}
    assert {(r.bucket_s, r.buckets) for r in rows} == {(bar_s, buckets)}


def test_the_series_of_all_time_has_at_most_120_buckets(house):
    house.lawful = False
    house.load(9)
    history(house, 1, 1_000_000, 3)
    history(house, 1, 0, 4)
    rows = house.rows("select * from tracker.read_series(0, 0)")
    assert sum(r.done for r in rows) == 7
    assert 0 < rows[0].buckets <= 120 and all(0 <= r.bucket < r.buckets for r in rows)


def test_the_latest_completions_come_newest_first_however_long_ago(house):
    house.load(9)
    w = house.worker(1, "me")
    for job in house.take(w, 3):
        house.done(w, job)
    minute_passes(house)
    rows = house.rows("select * from tracker.read_latest(2)")
    assert [(r.job, r.person, r.worker) for r in rows] == [(3, "me", w.name), (2, "me", w.name)]
    house.lawful = False
    house.rows("update tracker.output set finished = finished - interval '20 days'")
    house.rows("update tracker.history set minute = minute - interval '20 days'")
    assert [r.job for r in house.rows("select * from tracker.read_latest(2)")] == [3, 2]


# ---- workers

def test_workers_come_by_first_seen_page_by_page(house):
    names = [house.worker(1).name for _ in range(5)]
    found, after = [], (None, 0)
    while True:
        rows = house.rows("select * from tracker.read_workers(1::int2, null, null, %s, %s, 2, 1800)", *after)
        found += [r.name for r in rows[:2]]
        if len(rows) <= 2:
            break
        after = (rows[1].created, rows[1].id)
    assert found == names


def test_workers_are_filtered_by_owner_and_by_state(house):
    house.load(5)
    mine, other = house.worker(1, "me"), house.worker(1, "other")
    idle = house.worker(2, "me")
    house.take(mine, 2)
    def read(owner, kind):
        return [r.name for r in house.rows("select * from tracker.read_workers(null, %s, %s, null, 0, 9, 1800)", owner, kind)]
    assert read("me", None) == [mine.name, idle.name]
    assert read(None, "working") == [mine.name]
    assert read("me", "waiting") == [idle.name]
    assert read("nobody", None) == []
    assert read(None, "stale") == []
    house.rows("update tracker.worker set seen = seen - interval '31 minutes' where token = %s", other.token)
    assert read(None, "stale") == [other.name]
    assert [(r.present, r.working) for r in house.rows("select * from tracker.read_present()")] == [(2, 1), (1, 0)]


def test_a_filter_looks_at_so_many_and_says_where_to_go_on(house):
    """Whoever asks for a rare kind among very many does not have them all read."""
    house.lawful = False
    house.load(1)
    mine = house.worker(1, "me")
    house.rows("insert into tracker.worker (token, stage, name, person, created, seen)"
               " select gen_random_uuid(), 1, 'w-' || g, w.person, w.created + g * interval '1 ms', w.seen"
               " from tracker.worker w, generate_series(1, 4500) g where w.token = %s", mine.token)
    last = house.value("select max(id) from tracker.worker")
    house.rows("update tracker.worker set seen = seen - interval '1 hour' where id = %s", last)
    for owner in (None, "me"):
        found, after, looks = [], (None, 0), 0
        while True:
            rows = house.rows("select * from tracker.read_workers(1::int2, %s, 'stale', %s, %s, 5, 1800)", owner, *after)
            looks += 1
            found += [r.id for r in rows if r.name]
            if not rows or rows[-1].name:
                break
            assert len(rows) == 1
            after = (rows[-1].created, rows[-1].id)
        assert (found, looks) == ([last], 3)
    rows = house.rows("select * from tracker.read_workers(1::int2, 'me', 'waiting', null, 0, 5, 1800)")
    assert len(rows) == 6 and all(r.name for r in rows)


def test_a_worker_is_compared_with_those_who_came_about_when_it_did(house):
    house.lawful = False
    w = house.worker(1)
    house.rows("insert into tracker.worker (token, stage, name, person, created, seen, done)"
               " select gen_random_uuid(), 1, 'w-' || g, w.person, w.created - interval '3 hours' + g * interval '1 s',"
               " w.created - interval '2 hours' + g * interval '1 s', case when abs(g - 700) <= 250 then 60 else 1000 end"
               " from tracker.worker w, generate_series(1, 1400) g where w.token = %s", w.token)
    (r,) = house.rows("select * from tracker.read_worker(1::int2, 'w-700')")
    assert (r.peers, round(r.peers_rate)) == (501, 60)


def test_a_worker_that_is_gone_is_in_no_list_and_keeps_its_page(house):
    w = house.worker(1)
    house.bye(w)
    assert house.rows("select * from tracker.read_workers(null, null, null, null, 0, 9, 1800)") == []
    (r,) = house.rows("select * from tracker.read_worker(1::int2, %s)", w.name)
    assert r.gone_why == "bye"


def test_a_worker_is_measured_against_the_median_of_its_stage(house):
    house.lawful = False
    workers = [house.worker(1) for _ in range(3)]
    for w, jobs in zip(workers, (10, 20, 90)):
        house.rows("update tracker.worker set done = %s, created = seen - interval '1 hour' where token = %s", jobs, w.token)
    (r,) = house.rows("select * from tracker.read_worker(1::int2, %s)", workers[0].name)
    assert (r.done, round(r.peers_rate), r.peers) == (10, 20, 3)
    house.bye(workers[1])
    (r,) = house.rows("select * from tracker.read_worker(1::int2, %s)", workers[2].name)
    assert (r.done, round(r.peers_rate), r.peers) == (90, 50, 2)


def test_where_nothing_was_done_there_is_no_latest_result(house):
    house.load(1)
    assert house.rows("select * from tracker.read_latest(5)") == []


def test_a_workers_last_ten_results_are_remembered(house):
    house.load(20)
    w = house.worker(1)
    for job in house.take(w, 12):
        house.done(w, job)
    recent = house.rows("select * from tracker.read_worker_recent(%s, 10)", w.id)
    assert [r.job for r in recent] == list(range(12, 2, -1))


def test_a_result_that_was_sent_back_is_no_recent_result(house):
    house.load(2)
    w = house.worker(1, "me")
    house.done(w, house.take(w)[0])
    house.value("select tracker.send_back_job(1, 1::int2, 'bad tar')")
    assert house.rows("select * from tracker.read_worker_recent(%s, 10)", w.id) == []
    (r,) = house.rows("select * from tracker.read_person_refused((select person from tracker.worker where id = %s), 5)", w.id)
    assert (r.job, r.worker, r.reason) == (1, w.name, "bad tar")


def test_a_workers_failures_come_with_their_reasons(house):
    house.load(2)
    w = house.worker(1)
    house.back(w, house.take(w)[0], reason="exit 3: disk full")
    (r,) = house.rows("select * from tracker.read_worker_strikes(%s, 5)", w.id)
    assert (r.job, r.kind, r.reason) == (1, "failed", "exit 3: disk full")


@pytest.mark.parametrize("asked", ["filter", "FILTER", "Filter"])
def test_a_stage_is_found_whatever_the_case(house, asked):
    assert house.value("select stage from tracker.read_stage(%s)", asked) == 2


def test_a_stage_is_found_in_any_script(house):
    house.settle("ÉTAPE", "Ścieżka")
    assert house.value("select stage from tracker.read_stage('étape')") == 1
    assert house.value("select stage from tracker.read_stage('ścieżka')") == 2
    assert house.rows("select * from tracker.read_stage('etape')") == []


# ---- a job's life

def life(house, job, chars=0):
    return house.rows("select * from tracker.read_job(%s, %s)", job, chars)


def states(house, job):
    return [r.state for r in life(house, job)]


def test_a_job_is_followed_through_its_life(house):
    house.load(1)
    assert states(house, 1) == ["waiting", "later"]
    w = house.worker(1, "me")
    (job,) = house.take(w)
    assert states(house, 1) == ["leased", "later"]
    house.back(w, job, reason="oops")
    assert states(house, 1) == ["retry", "later"]
    house.make_due()
    house.done(w, house.take(w)[0])
    assert states(house, 1) == ["done", "waiting"]
    do(house, "you", 1, stage=2)
    a, b = life(house, 1)
    assert (a.state, a.person, a.attempt, b.state, b.person, b.attempt) == ("done", "me", 2, "done", "you", 1)
    assert [(e.kind, e.reason, e.worker) for e in house.rows("select * from tracker.read_job_events(1, 9)")] == [
        ("failed", "oops", w.name)]


def test_of_a_jobs_events_the_last_come_first_and_no_more_than_asked(house):
    house.lawful = False
    house.load(1)
    w = house.worker(1)
    for reason in ("first", "second"):
        house.back(w, house.take(w)[0], reason=reason)
        house.make_due()
        house.pass_time(60)
    do(house, "x", 1)
    house.rows("select tracker.send_back_job(1, 1::int2, 'third')")
    house.rows("delete from tracker.strike where kind = 'requeued'")  # of the same moment as the refusal

    def told(most):
        return [(e.kind, e.reason) for e in house.rows("select * from tracker.read_job_events(1, %s)", most)]
    assert told(9) == [("refused", "third"), ("failed", "second"), ("failed", "first")]
    assert told(2) == [("refused", "third"), ("failed", "second")]
    house.rows("delete from tracker.refused_output")
    assert told(1) == [("failed", "second")]


def test_a_job_that_failed_says_why(house):
    house.max_attempts = 1
    house.load(1)
    w = house.worker(1)
    house.back(w, house.take(w)[0], reason="exit 9")
    a, b = life(house, 1)
    assert (a.state, a.reason, b.state) == (
        "failed", "1 bad end by 1 worker of 1 person, at last: exit 9", "later")


def test_there_is_no_job_beyond_the_last(house):
    house.load(1)
    assert life(house, 2) == [] and life(house, 0) == []


def test_data_is_shown_only_when_asked_for_and_only_its_beginning(house):
    house.load(1, data="höher {}")
    w = house.worker(1)
    house.done(w, house.take(w)[0], data="tiefer 23é")
    a, b = life(house, 1)
    assert (a.input, a.output, a.input_size, a.output_size, b.input_size) == (None, None, 8, 11, 11)
    a, b = life(house, 1, 4)
    assert (a.input, a.output, b.input, b.output) == ("höhe", "tief", "tief", None)


# ---- attempts that fail

def failing(house):
    return house.rows("select * from tracker.read_failing()")


def strikes(house, stage, count, kind="failed", ago="0 s", worker=1, reason="exit 1"):
    house.lawful = False
    house.rows("insert into tracker.strike (stage, job, worker, kind, reason, at)"
               " select %s, g, %s, %s, %s, clock_timestamp() - %s::interval from generate_series(1, %s) g",
               stage, worker, kind, reason, ago, count)


def test_nothing_fails_until_something_does(house):
    strikes(house, 1, 3, "released")
    strikes(house, 1, 3, "requeued")
    strikes(house, 1, 3, ago="6 minutes")
    assert failing(house) == []


def test_what_fails_is_told_stage_by_stage(house):
    strikes(house, 1, 2, "timed_out", worker=7, reason="idle")
    strikes(house, 1, 3, "failed", worker=8)
    strikes(house, 2, 1, "flagged", worker=9, reason="no tar")
    assert [(r.stage, r.bad, r.workers, r.kind, r.reason) for r in failing(house)] == [
        (1, 5, 2, "failed", "exit 1"), (2, 1, 1, "flagged", "no tar")]


def test_it_fails_since_the_last_minute_in_which_more_was_done(house):
    house.load(1)
    strikes(house, 1, 1, ago="2 hours")
    strikes(house, 1, 2, ago="50 minutes")
    strikes(house, 1, 1, ago="20 minutes")
    strikes(house, 1, 1)
    def since():
        return house.value("select round(extract(epoch from clock_timestamp() - since) / 60) from tracker.read_failing()")
    assert since() == 120
    history(house, 1, 90, 5)
    assert since() == 50
    history(house, 1, 50, 1)    # less than failed then
    assert since() == 50
    history(house, 1, 30, 1)
    assert since() == 20


def test_a_flood_of_failures_is_read_in_part_and_told_whole(house):
    strikes(house, 1, 3000, ago="90 s")
    strikes(house, 1, 5000, ago="30 s")
    (r,) = failing(house)
    assert r.since is None
    assert 4 * 60 / 30 * 5000 * 0.8 <= r.bad <= 5 * 60 / 30 * 5000 * 1.2


# ---- page by page

def all_pages(house, function, key, rows):
    """Every row, asked for so many at once, each page after the last one's last row."""
    found, after = [], 0
    while page := house.rows(f"select * from tracker.{function}", after, rows):
        assert len(page) <= rows and len(found) < 100
        found += [getattr(r, key) for r in page]
        after = found[-1]
    return found


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("function, key", [
    ("list_audit(%s, %s)", "id"), ("list_failed(1::int2, %s, %s)", "job"),
    ("list_workers(null, null, null, null, %s, %s)", "id")])
def test_what_is_listed_page_by_page_comes_once_each_and_in_order(house, function, key, rows):
    house.lawful = False
    house.load(5)
    w = [house.worker() for _ in range(5)][0]
    for job in house.take(w, 5):
        house.rows("select tracker.audit_act('try', 'job', 1, '{}')")
        house.rows("insert into tracker.failed (stage, job, lease, worker, since, kind, reason, attempt, at)"
                   " values (1, %s, %s, %s, now(), 'failed', '', 1, now())", job.job, job.lease, w.id)
    whole = all_pages(house, function, key, 100)
    assert len(whole) == 5 and whole == sorted(whole)
    assert all_pages(house, function, key, rows) == whole


# ---- what is long

def test_of_a_long_reason_the_first_five_hundred_characters_are_shown(house):
    house.load(2)
    w = do(house, "Ada", 1)
    reason = "é" * 400 + "x" * 600
    house.rows("select tracker.send_back_job(1, 1::int2, '')")
    house.max_attempts = 1
    for job in house.take(w, 2):
        house.back(w, job, reason=reason)
    for table in ("strike", "refused_output", "failed"):
        house.rows(f"update tracker.{table} set reason = %s", reason)
    who = house.value("select id from tracker.person")
    shown = [r.reason for call in ("read_job(1, 0) where stage = 1", "read_job_events(1, 9)",
                                   f"read_worker_strikes({w.id}, 9)", f"read_person_refused({who}, 9)")
             for r in house.rows(f"select reason from tracker.{call}")]
    assert len(shown) == 7 and set(shown) == {reason[:500]}


# ---- what a second look finds

def test_who_fails_ten_times_is_one_and_the_reason_is_the_last(house):
    for n in range(10):
        strikes(house, 1, 1, worker=7, reason=f"exit {n}")
    assert [(r.bad, r.workers, r.reason) for r in failing(house)] == [(10, 1, "exit 9")]


def test_what_was_cancelled_is_not_waited_for(house):
    house.load(4)
    do(house, "x", 1)
    house.rows("select tracker.cancel_batch(%s)", house.batch())
    assert (eta(house).remaining, eta(house).done) == (0, 1)


def test_a_stage_of_which_nothing_came_does_not_spoil_the_time(house):
    house.lawful = False
    house.load(1000)
    for minutes in range(1, 61):
        history(house, 1, minutes, 5)
        history(house, 2, minutes, 0)
    r = eta(house, 600, 6)
    assert (r.state, r.remaining) == ("moving", 2000)
    assert abs(r.eta_s - 2000 / 5 * 60) <= 2


def test_a_range_is_as_wide_as_what_it_is_known_by(house):
    """One result says next to nothing of the time that is left; a thousand, or samples that differ, say how much."""
    house.lawful = False
    house.load(100000)
    history(house, 1, 10, 1)
    r = eta(house, 900, 10)
    assert 0.2 < r.low_s / r.eta_s < 0.3 and 9 < r.high_s / r.eta_s < 11 and r.shown_s % 86400 == 0
    history(house, 1, 10, 1000)
    history(house, 1, 1, 1)
    r = eta(house, 900, 10)
    assert 0.9 < r.low_s / r.eta_s < 1 < r.high_s / r.eta_s < 1.1
    house.rows("delete from tracker.history")
    for minutes in range(1, 31):
        history(house, 1, minutes, 500 if minutes % 10 < 5 else 100 * minutes)
    r = eta(house, 600, 10)
    assert r.sampled == 3 and r.low_s / r.eta_s < 0.8 and r.high_s / r.eta_s > 1.2


def test_a_range_reaches_as_far_as_nothing_was_heard(house):
    house.lawful = False
    house.load(2000)
    for minutes in range(10, 15):
        history(house, 1, minutes, 300)
    r = eta(house, 900, 10)
    assert r.high_s >= r.eta_s + 500


@pytest.mark.parametrize("eta_s, low_s, high_s, shown_s", [
    (509, 130, 5170, 480), (509, 488, 530, 510), (509, 509, 509, 509), (509, 500, None, 480), (6111, 5357, 6991, 6000),
    (90061, 80000, 100000, 90000), (0, 0, 0, 0), (1, 0, 10, 1), (100, 0, 4000, 90), (None, None, None, None)])
def test_a_time_is_told_as_precisely_as_it_is_known(house, eta_s, low_s, high_s, shown_s):
    assert house.value("select tracker.as_known(%s, %s, %s)", eta_s, low_s, high_s) == shown_s


@pytest.mark.parametrize("results, low, high", [(1, 0.26, 10.1), (10, 0.65, 1.61), (100, 0.88, 1.14), (10**6, 0.998, 1.002)])
def test_how_sure_a_pace_is(house, results, low, high):
    got = house.rows("select * from tracker.as_sure(%s)", results)[0]
    assert abs(got.low - low) < 0.01 * low and abs(got.high - high) < 0.01 * high


def test_what_was_all_cancelled_is_not_finished(house):
    batch = house.load(3)
    w = house.worker(1, "x")
    assert house.value("select tracker.cancel_batch(%s)", batch) == 3
    assert (eta(house).state, eta(house).total) == ("cancelled", 0)
    other = house.load(1)
    do(house, "x", 1, worker=w)
    do(house, "x", 1, stage=2)
    assert other and (eta(house).state, eta(house).done, eta(house).total) == ("finished", 2, 2)


def test_of_a_workers_jobs_the_oldest_is_shown(house):
    house.load(3)
    w = house.worker()
    jobs = house.take(w, 3)
    for job, ago in zip(jobs, (2, 9, 4)):
        house.rows("update tracker.lease set since = now() - make_interval(mins => %s) where job = %s", ago, job.job)
    (r,) = house.rows("select job, jobs from tracker.read_workers(1::int2, null, null, null, null, 10, 900)")
    assert (r.job, r.jobs) == (2, 3)


def test_an_ipv6_origin_is_its_network_of_64(house):
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:3::9", "2001:db8:1:3::1", "192.0.2.7"):
        house.newcomer(address=address)
    rows = {r.origin: r.workers for r in house.rows("select * from tracker.list_origins()")}
    assert rows == {"2001:db8:1:2::/64": 2, "2001:db8:1:3::/64": 1, "192.0.2.7": 1}


def test_long_data_of_a_third_stage_is_what_the_second_made(house):
    house.rows("select tracker.append_stage('Third')")
    house.load(1)
    for stage in (1, 2):
        w = house.worker(stage)
        house.done(w, house.take(w)[0], data=f"made in {stage}")
    assert [r.data for r in house.rows("select * from tracker.fetch_inputs(3::int2, array[1::int8])")] == ["made in 2"]
    assert house.value("select tracker.input_of(3::int2, 1, 100)") == "made in 2"
    assert house.value("select tracker.input_of(3::int2, 1, 8)") is None
    assert house.value("select tracker.input_of(3::int2, 1, 9)") == "made in 2"


def test_what_went_back_because_a_worker_left_does_not_hide_why_it_failed(house):
    house.load(12)
    w = house.worker()
    (job,) = house.take(w, 1)
    house.back(w, job, reason="exit 3: disk full")
    house.take(w, 8)
    house.bye(w)
    for function in ("read_worker_strikes(%s, 5)", "own_failures(array[%s]::int8[], 5)"):
        assert [(r.kind, r.reason) for r in house.rows(f"select kind, reason from tracker.{function}", w.id)] == [("failed", "exit 3: disk full")]


def test_what_was_refused_comes_newest_first_whoever_they_were_then(house):
    house.load(3)
    w = house.worker(1, "me")
    for job in house.take(w, 3):
        house.done(w, job)
    for n in (2, 1, 3):
        house.value("select tracker.send_back_job(%s, 1::int2, 'bad')", n)
    for most, jobs in ((5, [3, 1, 2]), (2, [3, 1])):
        assert [r.job for r in house.rows("select * from tracker.read_person_refused("
                                          "(select person from tracker.worker where id = %s), %s)", house.row(w).id, most)] == jobs


def test_what_is_in_hand_is_as_old_as_the_oldest_of_it(house):
    house.load(3)
    jobs = house.take(house.worker(), 3)
    for n, job in enumerate(jobs):
        house.rows("update tracker.lease set since = now() - make_interval(secs => %s) where job = %s", (100, 500, 10)[n], job.job)
    told = {r.stage: r for r in house.rows("select * from tracker.read_work_in_hand()")}
    assert 499 < told[1].oldest_s < 560 and told[2].oldest_s == 0 and told[1].working == 1


def test_a_workers_page_shows_what_it_has_had_longest(house):
    house.load(4)
    w = house.worker()
    for n, job in enumerate(house.take(w, 4)):
        house.rows("update tracker.lease set since = now() - make_interval(secs => %s) where job = %s", (10, 500, 100, 500)[n], job.job)
    assert [r.job for r in house.rows("select * from tracker.read_worker_leases(%s, 3)", w.id)] == [2, 4, 3]


def test_a_result_that_somebody_else_made_anew_is_theirs(house):
    house.load(2)
    ada = do(house, "Ada", 2)
    house.rows("select tracker.send_back_job(1, 1::int2, 'wrong')")
    house.make_due()
    bob = do(house, "Bob", 1)
    assert [r.job for r in house.rows("select * from tracker.read_worker_recent(%s, 10)", ada.id)] == [2]
    assert [r.job for r in house.rows("select * from tracker.read_worker_recent(%s, 10)", bob.id)] == [1]


def test_what_a_worker_chose_to_let_go_came_back_and_what_was_taken_from_it_did_not(house):
    house.load(4)
    w = house.worker()
    jobs = house.take(w, 4)
    house.back(w, jobs[0], "released", "no room")
    house.back(w, jobs[1], "failed", "exit 1")
    house.rows("select * from tracker.take_lease(1::int2, %s, '')", jobs[2].job)
    house.bye(w)
    assert [(r.job, r.kind) for r in house.rows("select * from tracker.read_worker_strikes(%s, 10)", w.id)] == [(2, "failed"), (1, "released")]


@pytest.mark.parametrize("another_is_paused", [False, True])
def test_what_waits_for_its_back_off_is_not_there_yet(house, another_is_paused):
    """Counted the quick way, and one by one where a batch is paused."""
    house.load(2)
    w = house.worker()
    if another_is_paused:
        assert house.value("select tracker.pause_batch(%s)", house.load(1, name="another"))
    for job in house.take(w, 2):
        house.back(w, job)
    house.rows("update tracker.retry set due = now() - interval '1 second' where job = 1")
    assert (house.counts(1).retry, house.counts(1).due) == (2, 1)
    house.make_due()
    assert (house.counts(1).retry, house.counts(1).due) == (2, 2)


# ---- the last day, and what of this moment is not over

@pytest.mark.parametrize("ago, since_h", [("24 hours 2 minutes", 1), ("23 hours 58 minutes", 24)])
def test_what_failed_more_than_a_day_ago_says_nothing_of_since_when(house, ago, since_h):
    strikes(house, 1, 1, ago=ago)
    strikes(house, 1, 1, ago="1 hour")
    strikes(house, 1, 1)
    assert house.value("select round(extract(epoch from clock_timestamp() - since) / 3600) from tracker.read_failing()") == since_h


def test_a_good_minute_of_another_stage_or_of_long_before_is_not_this_ones(house):
    house.load(1)
    strikes(house, 2, 1, ago="20 minutes")
    strikes(house, 2, 1)
    strikes(house, 1, 1)
    history(house, 1, 10, 5)
    since = dict(house.rows("select stage, round(extract(epoch from clock_timestamp() - since) / 60) from tracker.read_failing()"))
    assert since == {1: 0, 2: 20}
    house.rows("update tracker.history set stage = 2")
    assert house.value("select round(extract(epoch from clock_timestamp() - since) / 60) from tracker.read_failing() where stage = 2") == 0


def test_the_minute_that_runs_is_no_part_of_the_pace(house):
    house.lawful = False
    house.load(100000)
    for minutes in range(1, 31):
        history(house, 1, minutes, 5)
    before = eta(house, 600, 3)
    history(house, 1, 0, 90000)
    assert eta(house, 600, 3).per_minute == before.per_minute == 5


def test_what_is_left_is_counted_over_all_batches(house):
    for jobs in (2, 3, 4):
        house.load(jobs)
    assert (eta(house).total, eta(house).remaining) == (18, 18)


@pytest.mark.parametrize("period, days", [("today", 0), ("week", 6)])
def test_a_periods_first_minute_is_of_it_and_the_one_before_is_not(house, period, days):
    """Of what is not folded yet."""
    house.lawful = False
    house.load(1)
    do(house, "x", 1)
    for before, told in (("0", [("x", 1)]), ("1 minute", [])):
        house.rows("update tracker.credit set minute = (date_trunc('day', now() at time zone 'UTC') - make_interval(days => %s)"
                   " - %s::interval) at time zone 'UTC'", days, before)
        assert [(r.nickname, r.jobs) for r in board(house, period)] == told


@pytest.mark.parametrize("rows", [1999, 2000, 2001])
def test_a_look_that_ends_with_the_last_it_may_find_says_so(house, rows):
    """A filter looks at 2,000; when it found as many as were asked for and one more, that one tells of more."""
    house.lawful = False
    mine = house.worker(1, "me")
    house.rows("insert into tracker.worker (token, stage, name, person, created, seen)"
               " select gen_random_uuid(), 1, 'w-' || g, w.person, w.created + g * interval '1 ms', w.seen"
               " from tracker.worker w, generate_series(1, 2100) g where w.token = %s", mine.token)
    told = house.rows("select id, name from tracker.read_workers(1::int2, null, 'waiting', null, null, %s, 1800)", rows)
    assert len([r for r in told if r.name]) == min(rows + 1, 2000)
    assert (told[-1].name is None) == (rows >= 2000)


# ---- each by itself, among neighbours

@pytest.fixture
def street(house):
    """Nine jobs, each in another place, by Ada in stage A and by Bob in stage B; the last is of a batch that is cancelled."""
    house.max_attempts = 1
    house.load(8, data="in {}")
    house.ada, house.bob = house.worker(1, "Ada", "twin"), house.worker(2, "Bob", "twin")
    jobs = house.take(house.ada, 8)
    for j in (0, 4, 5, 6, 7):
        house.done(house.ada, jobs[j], f"made of {j + 1}")
    house.back(house.ada, jobs[2], "released", "no room")
    house.back(house.ada, jobs[3], "failed", "exit 4")
    held = house.take(house.bob, 5)
    house.done(house.bob, held[0], "end of 1")
    house.back(house.bob, held[3], "released", "no space")
    house.back(house.bob, held[4], "failed", "exit 8")
    house.rows("with l as (delete from tracker.lease where stage = 2 and job = 5 returning *)"
               " insert into tracker.ready (stage, batch, job) select l.stage, l.batch, l.job from l")
    house.off = house.load(1, data="in {}")
    house.value("select tracker.cancel_batch(%s)", house.off)
    house.lawful = False
    return house


def test_each_job_is_told_by_itself(street):
    told = {n: [(r.state, r.worker, r.person, r.reason, r.input, r.output) for r in life(street, n, 99)] for n in range(1, 10)}
    ada, bob = ("twin", "Ada"), ("twin", "Bob")
    nobody = (None, None, None)

    def made(n):
        return ("done", *ada, None, f"in {n}", f"made of {n}")

    def fed(n, state, *more):
        return (state, *more, f"made of {n}", None)
    later = ("later", None, None, None, None, None)
    assert told[1] == [made(1), ("done", *bob, None, "made of 1", "end of 1")]
    assert told[2] == [("leased", *ada, None, "in 2", None), later]
    assert told[3] == [("retry", *ada, None, "in 3", None), later]
    assert told[4] == [("failed", *ada, "1 bad end by 1 worker of 1 person, at last: exit 4", "in 4", None), later]
    assert told[5] == [made(5), fed(5, "waiting", *nobody)]
    assert told[6] == [made(6), fed(6, "leased", *bob, None)]
    assert told[7] == [made(7), fed(7, "retry", *bob, None)]
    assert told[8] == [made(8), fed(8, "failed", *bob, "1 bad end by 1 worker of 1 person, at last: exit 8")]
    assert [r[0] for r in told[9]] == ["cancelled", "cancelled"]


def test_lists_of_one_stage_or_batch_have_no_others(street):
    def jobs(call):
        return [r.job for r in street.rows(f"select job from tracker.{call}")]
    assert [jobs(f"list_failed({stage}::int2, 0, 9)") for stage in (1, 2)] == [[4], [8]]
    assert [jobs(f"list_failed(1::int2, 0, 9, {batch})") for batch in (street.off - 1, street.off)] == [[4], []]
    assert [jobs(f"list_failed(1::int2, {after}, 9)") for after in (3, 4)] == [[4], []]
    assert [jobs(f"list_leases(0, {stage}, 9)") for stage in ("1::int2", "2::int2", "null")] == [[2], [6], [2, 6]]
    street.rows("update tracker.lease set since = since - interval '1 hour' where job = 6")
    assert [jobs(f"list_leases({s}, null, 9)") for s in (3500, 3700)] == [[6], []]
    assert jobs("list_leases(3500, 1::int2, 9)") == []


def test_a_worker_is_told_by_itself_though_another_stage_has_one_of_its_name(street):
    gone = street.worker(1, "Gus")
    street.bye(gone)
    told = {stage: street.rows("select * from tracker.read_worker(%s::int2, 'twin')", stage)[0] for stage in (1, 2)}
    assert [(r.person, r.done, r.struck, r.held) for r in told.values()] == [("Ada", 5, 1, 1), ("Bob", 1, 1, 1)]
    street.rows("update tracker.worker set seen = created + interval '1 hour'")
    assert [street.value("select peers from tracker.read_worker(%s::int2, 'twin')", stage) for stage in (1, 2)] == [1, 1]
    assert street.rows("select * from tracker.read_worker(3::int2, 'twin')") == []
    for stage, w, jobs in ((1, street.ada, [2]), (2, street.bob, [6])):
        assert [(r.stage, r.job) for r in street.rows("select * from tracker.read_worker_leases(%s, 9)", w.id)] == [(stage, *jobs)]
    assert sorted(r.job for r in street.rows("select * from tracker.read_worker_recent(%s, 9)", street.ada.id)) == [1, 5, 6, 7, 8]
    assert [r.job for r in street.rows("select * from tracker.read_worker_recent(%s, 9)", street.bob.id)] == [1]


def test_what_is_in_hand_and_who_is_here_is_told_by_stage(street):
    gone, stale = street.worker(1, "Gus"), street.worker(2, "Hal")
    street.bye(gone)
    street.rows("update tracker.worker set seen = now() - interval '1 hour' where id = %s", stale.id)
    assert [(r.stage, r.present, r.working, r.heard) for r in street.rows("select * from tracker.read_present(1800)")] == [
        (1, 1, 1, True), (2, 2, 1, True)]
    street.rows("update tracker.worker set seen = now() - interval '1 hour' where gone_at is null")
    assert [[r.heard for r in street.rows("select heard from tracker.read_present(%s)", s)] for s in (3500, 3700)] == [[False] * 2, [True] * 2]
    assert [(r.stage, r.present, r.working) for r in street.rows("select * from tracker.read_work_in_hand()")] == [(1, 1, 1), (2, 2, 1)]


def test_a_person_is_told_by_themselves(street):
    machines = {name: street.rows("select jobs, today, week, machines, rank from tracker.read_person(%s)", name)[0] for name in ("Ada", "Bob")}
    assert machines == {"Ada": (5, 5, 5, 1, 1), "Bob": (1, 1, 1, 1, 2)}
    ids = {r.nickname: r.id for r in street.rows("select id, nickname from tracker.person")}
    assert [[(r.stage, r.done) for r in street.rows("select * from tracker.read_person_stages(%s)", ids[name])] for name in ("Ada", "Bob")] == [
        [(1, 5)], [(2, 1)]]
    last = {name: street.value("select tracker.read_last(%s)", ids[name]) for name in ("Ada", "Bob")}
    street.rows("update tracker.credit set minute = minute - interval '1 hour' where person = %s", ids["Bob"])
    assert street.value("select tracker.read_last(%s)", ids["Ada"]) == last["Ada"] and street.value("select tracker.read_last(%s)", ids["Bob"]) < last["Bob"]
    street.bye(street.bob)
    assert [street.value("select machines from tracker.read_person(%s)", name) for name in ("Ada", "Bob")] == [1, 0]
