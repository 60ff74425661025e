"""Bundles of several workers, people and a history; and the exact edges of what is counted."""

import psycopg2
import pytest

from house import Ask, Back, Item


def through(house, stage, count=1, nickname="anonymous", data="{}:{}"):
    w = house.worker(stage, nickname)
    jobs = house.take(w, count)
    house.complete([Item(w.token, j.job, j.lease, data.format(stage, j.job)) for j in jobs])
    return w


def history(house, stage, minutes_ago, done):
    house.rows("insert into tracker.history (stage, minute, done) values"
               " (%s, date_trunc('minute', clock_timestamp()) - make_interval(mins => %s), %s)",
               stage, minutes_ago, done)


# ---- newJob, told again

@pytest.mark.parametrize("quick", [True, False])
def test_after_a_finished_job_newjob_is_again_told_three_times(house, quick):
    """A history of repeats does not eat up those of the next job."""
    house.quick = quick
    house.load(5)
    w = house.worker()
    for job in (1, 2):
        assert [house.new_job(w).job for _ in range(4)] == [job] * 4
        house.done(w)
    assert house.value("select count(*) from tracker.strike") == 0


def test_a_question_that_waited_long_may_be_repeated_for_a_minute_from_its_answer(house):
    house.load(3)
    w = house.worker()
    first = house.new_job(w, age_us=50_000_000)
    house.pass_time(30)
    assert house.new_job(w).lease == first.lease


def test_a_minute_of_repeating_ends_with_the_minute(house):
    house.load(3)
    w = house.worker()
    house.new_job(w)
    house.pass_time(59)
    assert house.new_job(w).job == 1
    house.pass_time(61)
    assert house.new_job(w).job == 2


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("stage", [1, 2])
def test_when_there_is_too_little_each_gets_its_own_jobs_data(house, quick, stage):
    """Turns go by who waits longest, items by token: what one is told is of the job that it got."""
    house.load(2)
    for _ in range(stage - 1):
        through(house, 1, 2)
    house.quick = quick
    workers = sorted((house.worker(stage) for _ in range(4)), key=lambda w: w.token.bytes)
    rows = house.claim([Ask(w.token, 1, 1000 * n, v1=True) for n, w in enumerate(workers)])
    text = "input {}" if stage == 1 else "1:{}"
    told = {r.item: (r.job, r.data) for r in rows if r.status == "job"}
    assert told == {4: (1, text.format(1)), 3: (2, text.format(2))}


@pytest.mark.parametrize("stage", [1, 2])
def test_whoever_goes_which_way_each_of_a_bundle_is_answered_as_itself(house, stage):
    """Two have waited longest and go the long way, for one job came back; of the other three one finds nothing left."""
    house.load(4)
    for _ in range(stage - 1):
        through(house, 1, 4)
    w = house.worker(stage)
    house.back(w, house.take(w)[0], "released")
    house.make_due()
    workers = sorted((house.worker(stage) for _ in range(5)), key=lambda w: w.token.bytes)
    rows = house.claim([Ask(w.token, 1, 5000 - 1000 * n, v1=True) for n, w in enumerate(workers)])
    assert {r.item: (r.worker, r.status) for r in rows} == {
        n: (w.id, "job" if n < 5 else "none") for n, w in enumerate(workers, 1)}
    assert len(rows) == 5 and {r.job for r in rows if r.status == "job"} == {1, 2, 3, 4}


@pytest.mark.parametrize("quick", [True, False])
def test_a_v1_result_does_not_end_a_newer_lease_of_the_same_job(house, quick):
    """The first one ran out, and the same worker has the job again by sync: that lease is not v1's."""
    house.quick = quick
    house.load(1)
    w = house.worker()
    house.new_job(w)
    house.pass_time(100)
    house.expire(50)
    house.make_due()
    (again,) = house.take(w)
    assert house.done(w) == "no_job"
    assert [r.id for r in house.rows("select id from tracker.lease")] == [again.lease]


@pytest.mark.parametrize("quick", [True, False])
def test_of_v1_too_the_last_ten_results_are_remembered(house, quick):
    house.quick = quick
    house.load(12)
    w = house.worker()
    for _ in range(12):
        house.new_job(w)
        house.done(w)
    recent = house.rows("select * from tracker.read_worker_recent(%s, 10)", w.id)
    assert [r.job for r in recent] == list(range(12, 2, -1))


def test_a_v1_workers_job_is_not_sent_to_its_own_sync_call(house):
    """One token that speaks both: what newJob gave is newJob's to tell again."""
    house.load(2)
    w = house.worker()
    held = house.new_job(w)
    assert held.job == 1
    assert [r.job for r in house.want(w, 2, holding=[])] == [2]


# ---- many at once

def test_a_dropped_worker_costs_its_jobs_no_attempt_and_the_kind_is_told(house):
    house.load(2)
    w = house.worker()
    house.take(w, 2)
    assert [r.freed for r in house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)] == [2]
    assert house.rows("select attempt, due <= clock_timestamp() from tracker.retry") == [(1, True), (1, True)]
    assert {r.kind for r in house.rows("select kind from tracker.strike")} == {"released"}


def test_of_several_that_leave_together_each_frees_its_own(house):
    house.load(9)
    workers = [house.worker() for _ in range(3)]
    for n, w in enumerate(workers):
        house.take(w, n + 1)
    assert [(r.item, r.status, r.freed) for r in house.bye(*workers)] == [
        (1, "closed", 1), (2, "closed", 2), (3, "closed", 3)]
    assert house.counts(1).leased == 0
    assert house.value("select count(*) from tracker.worker where gone_at is null") == 0


def test_a_goodbye_that_is_said_again_is_heard_again(house):
    """Its first answer was lost. Who went in another way has no such word."""
    house.load(1)
    w, silent = house.worker(), house.worker()
    house.take(w, 1)
    assert [(r.item, r.status, r.freed) for r in house.bye(w, w)] == [(1, "closed", 1), (2, "closed", 0)]
    assert [(r.status, r.freed) for r in house.bye(w)] == [("closed", 0)]
    house.pass_time(10000)
    house.reap(silent)
    assert [r.status for r in house.bye(silent)] == ["no_worker"]


def test_of_several_that_are_silent_all_are_reaped_and_told(house):
    house.load(9)
    workers = [house.worker() for _ in range(3)]
    for n, w in enumerate(workers):
        house.take(w, n + 1)
    house.pass_time(10000)
    assert sorted(r.freed for r in house.reap(*workers)) == [1, 2, 3]
    assert house.reap(*workers) == []


def test_leases_expire_one_by_one_and_name_their_workers(house):
    """A late lease takes neither its worker's fresh ones nor those of another stage along."""
    house.load(6)
    a, b = house.worker(), house.worker()
    house.take(a, 1)
    house.take(b, 1)
    house.pass_time(100)
    house.take(a, 2)
    assert sorted((r.job, r.worker) for r in house.expire(50)) == [(1, house.row(a).token), (2, house.row(b).token)]
    assert house.counts(1).leased == 2


def test_a_stage_without_a_time_out_keeps_its_leases_when_another_has_one(house):
    house.load(2)
    through(house, 1)
    house.take(house.worker(1))
    house.take(house.worker(2))
    house.pass_time(1000)
    assert [r.stage for r in house.expire(0, 10)] == [2]


def test_several_that_are_heard_are_all_moved_forward(house):
    workers = [house.worker() for _ in range(3)]
    house.pass_time(1000)
    house.rows("select tracker.see_workers(%s::uuid[], array(select now() - n * interval '1 s' from"
               " generate_series(1, 3) n))", [w.token for w in workers])
    assert house.silent(100) == []
    house.pass_time(1000)
    house.touch(*workers, refresh_s=100)
    assert house.silent(100) == []


def test_several_failures_of_one_worker_in_one_call_all_count(house):
    house.load(3)
    w = house.worker()
    house.give_back([Back(w.token, j.job, j.lease) for j in house.take(w, 3)])
    assert house.row(w).struck == 3


def test_a_job_that_was_flagged_stays_marked_when_it_fails_otherwise(house):
    house.load(3)
    a, b, c = (house.worker() for _ in range(3))
    house.flag(a, house.take(a)[0])
    for w in (b, c):
        house.make_due()
        (j,) = house.take(w)
        assert j.job == 1
        house.back(w, j)
    house.make_due()
    assert [r.job for r in house.take(a)] == [2]


def test_who_finds_some_fresh_work_ahead_looks_behind_the_hint_for_the_rest(house):
    house.load(4)
    through(house, 1, 4)
    house.hints[1] = house.value("select position from tracker.ready where stage = 2 and job = 2")
    last = house.value("select max(position) from tracker.ready where stage = 2")
    w = house.worker(2)
    assert sorted(j.job for j in house.take(w, 4)) == [1, 2, 3, 4]
    assert house.hints[1] == last  # it stays ahead, where the line goes on


# ---- flags

def flag_by(house, *workers):
    for w in workers:
        house.make_due()
        r = house.flag(w, house.take(w)[0], reason="bad")
    return r


def test_credit_is_withdrawn_from_who_made_it_at_the_stage_that_made_it(house):
    house.settle("One", "Two", "Three")
    house.flag_limit = 1
    house.load(2)
    through(house, 1, 2, "Ada")
    through(house, 2, 2, "Bob")
    w = house.worker(3, "Eve")
    house.give_back([Back(w.token, j.job, j.lease, "flagged") for j in house.take(w, 2)])
    assert house.rows("select p.nickname::text, c.stage::int, sum(c.done)::int as done, sum(c.withdrawn)::int as gone"
                      " from tracker.credit c join tracker.person p on p.id = c.person group by 1, 2 order by 1, 2") == [
        ("Ada", 1, 2, 0), ("Bob", 2, 2, 2)]
    assert [house.counts(s).done for s in (1, 2, 3)] == [2, 0, 0]


def test_what_is_withdrawn_and_what_failed_is_kept_minute_by_minute_fold_after_fold(house):
    """The second fold of one minute adds to the first, in every column."""
    house.flag_limit = house.max_attempts = 1
    house.load(8)
    for _ in range(2):
        through(house, 1, 2, "Ada")
        flag_by(house, house.worker(2), house.worker(2))
        w = house.worker()
        house.back(w, house.take(w)[0])
        for table in ("tally", "credit"):
            house.rows(f"update tracker.{table} set minute = '2020-01-01 00:00Z' where slot >= 0")
        house.fold()
    assert house.rows("select sum(done)::int as a, sum(withdrawn)::int as b, sum(failed)::int as c from tracker.history"
                      " where stage = 1") == [(4, 4, 6)]
    assert house.rows("select done, withdrawn from tracker.person where nickname = 'Ada'") == [(4, 4)]
    assert house.rows("select sum(d.done)::int as a, sum(d.withdrawn)::int as b from tracker.person_day d"
                      " join tracker.person p on p.id = d.person where p.nickname = 'Ada'") == [(4, 4)]


def test_an_hour_that_is_old_keeps_what_was_withdrawn_and_what_failed(house):
    house.lawful = False
    house.rows("insert into tracker.history (stage, minute, done, withdrawn, failed) select 1, date_trunc('hour', now())"
               " - interval '10 days' + n * interval '1 minute', 3, 2, 1 from generate_series(0, 59) n")
    house.fold()
    assert house.rows("select done, withdrawn, failed from tracker.history") == [(180, 120, 60)]


def test_flags_from_before_a_job_was_sent_back_do_not_count(house):
    house.flag_limit = 2
    house.load(1)
    through(house, 1)
    flag_by(house, house.worker(2))
    house.make_due()
    through(house, 2)
    assert house.value("select tracker.send_back_job(1, 2::int2, 'wrong')")
    assert flag_by(house, house.worker(2)).freed_stage is None
    assert house.counts(1).done == 1


def test_an_input_refused_at_its_last_attempt_is_given_up(house):
    house.max_attempts, house.flag_limit = 2, 1
    house.load(1)
    for n in range(2):
        assert house.counts(1).failed == 0
        through(house, 1)
        assert flag_by(house, house.worker(2)).freed_stage == (None if n else 1)
    assert house.counts(1).failed == 1


def test_putting_back_one_stages_failed_jobs_leaves_the_others(house):
    house.max_attempts = 1
    house.load(2)
    through(house, 1)
    for stage in (1, 2):
        w = house.worker(stage)
        house.back(w, house.take(w)[0])
    assert house.value("select tracker.requeue_failed(2::int2, null)") == 1
    assert [house.counts(s).failed for s in (1, 2)] == [1, 0]


def test_a_pause_is_of_one_stage(house):
    house.rows("select tracker.set_paused(2::int2, true)")
    assert [house.counts(s).paused for s in (1, 2)] == [False, True]


# ---- time left, and other numbers

def test_three_samples_widen_a_range_and_two_do_not(house):
    house.lawful = False
    house.load(10**6)
    for minutes in range(1, 31):
        history(house, 1, minutes, 1000 if minutes > 10 else 100)
    three, two = (house.rows("select * from tracker.read_eta(%s, %s)", s, 10)[0] for s in (600, 800))
    assert three.sampled == 3 and three.high_s > 2 * three.eta_s
    assert two.sampled == 2 and two.high_s < 1.1 * two.eta_s


def test_what_failed_before_a_stage_is_not_expected_in_it(house):
    house.max_attempts = 1
    house.load(3)
    w = house.worker()
    house.back(w, house.take(w)[0])
    assert house.rows("select remaining from tracker.read_eta(900, 10)") == [(4,)]


def test_a_stage_began_when_it_began(house):
    house.lawful = False
    history(house, 1, 50, 1)
    history(house, 2, 20, 1)
    one, two = house.rows("select extract(epoch from now() - first_at)::int / 60 as ago from tracker.read_ends()")
    assert one.ago in (50, 51) and two.ago in (20, 21)


@pytest.mark.parametrize("folded", [True, False])
def test_what_people_share_the_pace_and_the_chart_are_net_of_what_was_withdrawn(house, folded):
    house.load(4)
    through(house, 1, 4)
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    if folded:
        for table in ("tally", "credit"):
            house.rows(f"update tracker.{table} set minute = date_trunc('minute', now()) - interval '1 minute'"
                       " where slot >= 0")
        house.fold()
    assert house.value("select tracker.read_period('week')") == house.value("select tracker.read_period('all')") == 3
    assert house.rows("select done_1h from tracker.read_pace() where stage = 1") == [(3,)]
    assert house.value("select sum(done) from tracker.read_series(3600, 60)") == 3


def test_a_week_has_seven_days(house):
    house.lawful = False
    house.load(4)
    through(house, 1, 1, "Ada")
    house.end_minute()
    house.rows("update tracker.credit set minute = now() - interval '1 minute'")
    house.fold()
    for days, counted in ((6, 1), (7, 0)):
        house.rows("update tracker.history set minute = (date_trunc('day', now() at time zone 'UTC')"
                   " - make_interval(days => %s) + interval '1 hour') at time zone 'UTC'", days)
        house.rows("update tracker.person_day set day = (now() at time zone 'UTC')::date - %s", days)
        assert house.value("select tracker.read_period('week')") == counted, days
        assert house.value("select week from tracker.read_person('Ada')") == counted, days


def test_a_fleet_with_ten_jobs_is_one_worker(house):
    house.load(10)
    house.take(house.worker(), 10)
    assert house.rows("select present, working from tracker.read_present() where stage = 1") == [(1, 1)]


def test_who_has_gone_is_nobodys_peer(house):
    house.lawful = False
    here, gone = house.worker(), house.worker()
    house.bye(gone)
    house.rows("update tracker.worker set done = case when gone_at is null then 10 else 1000 end,"
               " created = seen - interval '1 hour'")
    (r,) = house.rows("select * from tracker.read_worker(1::int2, %s)", here.name)
    assert (round(r.peers_rate), r.peers) == (10, 1)


def test_equal_numbers_of_a_person_folded_and_fresh_both_count(house):
    house.load(4)
    through(house, 1, 2, "Ada")
    house.end_minute()
    house.fold()
    through(house, 1, 2, "Ada")
    person = house.value("select id from tracker.person where nickname = 'Ada'")
    assert house.rows("select done::int from tracker.read_person_stages(%s)", person) == [(4,)]


def test_a_job_of_stage_c_shows_what_b_made_as_its_input(house):
    house.settle("One", "Two", "Three")
    house.load(1)
    through(house, 1)
    through(house, 2)
    assert [r.input for r in house.rows("select input from tracker.read_job(1, 100)")] == ["input 1", "1:1", "2:1"]
    assert house.new_job(house.worker(3)).data == "2:1"


def test_the_latest_completions_are_as_many_as_asked_for(house):
    house.load(5)
    for _ in range(5):
        through(house, 1)
    house.rows("update tracker.output set finished = finished - (6 - job) * interval '1 minute'")
    assert [r.job for r in house.rows("select job from tracker.read_latest(4)")] == [5, 4, 3, 2]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("listed", [
    "read_person_workers({person}, %s, %s, %s)", "own_machines({person}, %s, %s, %s)",
    "read_workers(null, null, null, %s, %s, %s, 60)", "read_workers(1::int2, 'Ada', null, %s, %s, %s, 60)",
    "read_workers(null, null, 'waiting', %s, %s, %s, 60)"])
def test_workers_of_one_moment_come_once_each_however_long_a_page_is(house, listed, rows, ties):
    workers = [house.worker(1, "Ada") for _ in range(5)]
    if ties:
        house.rows("update tracker.worker set created = date_trunc('minute', created)")
    listed = listed.format(person=house.value("select id from tracker.person"))
    found, after = [], (None, 0)
    while len(found) < 9:
        page = [r for r in house.rows(f"select * from tracker.{listed}", *after, rows) if r.name]
        found += page[:rows]
        if len(page) <= rows:
            break
        after = (page[rows - 1].created, page[rows - 1].id)
    assert [r.name for r in found] == [w.name for w in workers]


@pytest.mark.parametrize("first, second", [(3, 5), (5, 3)])
def test_what_is_left_is_of_all_batches(house, first, second):
    house.load(first)
    house.load(second, name="second")
    through(house, 1, 2)
    assert house.value("select sum(remaining) from tracker.read_eta(900, 10)") == (first + second) * 2 - 2


# ---- exports

def mark(house):
    return house.rows("select * from tracker.mark_export()")[0]


def export(house, after=0, rows=100, size=10**9, stage=1):
    m = mark(house)
    return house.rows("select * from tracker.export_jobs(%s::int2, %s, %s::pg_snapshot, %s, %s, %s, %s)",
                      stage, after, m.snapshot, m.since, m.till, rows, size)


def news(house, before, after, job=0, rows=9, size=1_000_000):
    now = mark(house)
    return house.rows("select * from tracker.export_news(1::int2, %s::pg_snapshot, %s, %s, %s::pg_snapshot, %s, %s, %s, %s)",
                      before.snapshot, before.since, before.till, now.snapshot, after, job, rows, size)


def test_a_page_of_an_export_follows_its_last_job_and_ends_where_it_grows_too_large(house):
    """In bytes, of what went in and what came out."""
    house.load(5, "ïnput {}")
    before = mark(house)
    through(house, 1, 5, data="{} ö {}")
    assert [r.job for r in export(house, 2, 2)] == [3, 4]
    pair = len("ïnput 1".encode()) + len("1 ö 1".encode())
    for page in (lambda size: export(house, size=size), lambda size: news(house, before, before.since, size=size)):
        assert [r.job for r in page(1)] == [1]
        assert [r.job for r in page(2 * pair)] == [1, 2]
        assert [r.job for r in page(2 * pair + 1)] == [1, 2, 3]


@pytest.mark.parametrize("finished, seen, was_there", [
    ("now() - interval '1 us'", False, True), ("now()", False, False), ("now()", True, True),
    ("now() + interval '1 minute'", True, True), ("now() + interval '61 s'", True, False)])
def test_a_result_was_there_if_it_is_older_or_not_too_new_and_its_transaction_was_over(house, finished, seen, was_there):
    """The moments themselves: since is not before since, till is within."""
    assert house.value(f"select tracker.ended_by('100'::xid, {finished}, %s::pg_snapshot, now(), now() + interval '1 minute')",
                       "1000:1000:" if seen else "100:1000:100") == was_there


def test_news_of_one_moment_are_lost_at_no_pages_end(house):
    house.load(3)
    before = mark(house)
    through(house, 1, 3)
    house.rows("update tracker.output set finished = (select max(finished) from tracker.output)")
    first = news(house, before, before.since, rows=2)
    rest = news(house, before, first[-1].finished, first[-1].job, rows=2)
    assert [(r.job, r.input, r.output) for r in first + rest] == [(n, f"input {n}", f"1:{n}") for n in (1, 2, 3)]


def test_a_claim_for_nobody_leaves_the_hint_as_it_was(house):
    house.load(2)
    through(house, 1, 2)
    house.take(house.worker(2), 2)
    before = house.hints[1]
    assert before > 0
    assert house.claim([Ask(house.worker(2).token)])[0].status == "none"
    assert house.hints[1] == before


@pytest.mark.parametrize("quick", [True, False])
def test_a_claim_tells_how_far_into_the_line_it_went(house, quick):
    """Else each claim walks past all that was taken before."""
    house.quick = quick
    house.load(3)
    through(house, 1, 3)
    for _ in range(3):
        told = house.hints[1]
        house.new_job(house.worker(2))
        assert house.hints[1] > told


def test_news_are_of_the_stage_that_was_asked_for(house):
    house.load(2)
    before = mark(house)
    through(house, 1, 2)
    through(house, 2, 1)
    now = mark(house)
    for stage, jobs in ((1, [(1, "input 1", "1:1"), (2, "input 2", "1:2")]), (2, [(1, "1:1", "2:1")])):
        assert [(r.job, r.input, r.output) for r in house.rows(
            "select * from tracker.export_news(%s::int2, %s::pg_snapshot, %s, %s, %s::pg_snapshot, %s, 0, 9, 1000000)",
            stage, before.snapshot, before.since, before.till, now.snapshot, before.since)] == jobs


def test_what_was_done_before_midnight_and_is_not_folded_yet_is_not_todays(house):
    house.load(2)
    through(house, 1, 2, "Ada")
    house.rows("update tracker.credit set minute = minute - interval '1 day'")
    assert house.rows("select * from tracker.read_board('today', null, 0, 9)") == []
    assert [r.jobs for r in house.rows("select * from tracker.read_board('all', null, 0, 9)")] == [2]
    assert house.rows("select jobs, today from tracker.read_person('Ada')") == [(2, 0)]
    for spark in (house.value("select spark from tracker.read_person('Ada')"),
                  house.value("select spark from tracker.read_board('all', null, 0, 9)"),
                  house.value("select spark from tracker.read_people('ada', null, 0, 9)")):
        assert spark[-2:] == [2, 0]


def test_a_result_that_is_taken_back_is_no_sign_of_life(house):
    house.load(1)
    through(house, 1, 1, "Ada")
    house.rows("update tracker.credit set minute = minute - interval '9 days'")
    house.fold()
    house.rows("delete from tracker.person_hour")
    last = "select tracker.read_last((select id from tracker.person))"
    before = house.value(last)
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    assert house.value(last) == before
    house.end_minute()
    house.fold()
    house.rows("delete from tracker.person_hour")
    assert house.value(last) == before


def test_a_result_that_is_taken_back_leaves_when_its_maker_was_here_last(house):
    """It counts in the hour in which it was made, which began before."""
    house.load(2)
    through(house, 1, 2, "Ada")
    made = "date_trunc('hour', now()) - interval '90 minutes'"
    house.rows(f"update tracker.credit set minute = {made}")
    house.rows(f"update tracker.output set finished = {made}")
    house.fold()
    last = "select tracker.read_last((select id from tracker.person))"
    assert house.value(f"{last} = {made}")
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    house.fold()
    assert house.value(f"{last} = {made}")


def test_nobody_stands_above_the_first_and_one_stands_above_the_second(house):
    house.load(6)
    for nickname, jobs in (("Ada", 3), ("Bob", 2), ("Eve", 1)):
        through(house, 1, jobs, nickname)
    for _ in range(2):  # not folded yet, and folded
        assert [house.value("select rank from tracker.read_person(%s)", n) for n in ("Ada", "Bob", "Eve")] == [1, 2, 3]
        house.end_minute()
        house.fold()


def test_a_mark_reaches_back_to_the_oldest_transaction_that_may_still_bring_a_result(house, server):
    began = []
    open_ = [server.connect() for _ in range(3)]
    for c in open_:
        c.autocommit = False
        cursor = c.cursor()
        cursor.execute("select now(), pg_current_xact_id()")
        began.append(cursor.fetchone()[0])
    since = mark(house).since
    for c in open_:
        c.close()
    assert (min(began) - since).total_seconds() == 10
    assert min(began) < max(began)


def test_the_series_of_a_short_life_has_a_bar_a_minute(house):
    house.lawful = False
    house.load(9)
    for ago in (0, 5, 9):
        history(house, 1, ago, 1)
    rows = house.rows("select * from tracker.read_series(0, 0)")
    assert {(r.bucket_s, r.buckets) for r in rows} == {(60, 30)}
    assert [r.bucket for r in rows] == [20, 24, 29]


def test_before_the_first_result_there_is_nothing_to_show(house):
    house.load(1)
    assert house.rows("select * from tracker.read_latest(5)") == []
    assert house.rows("select * from tracker.read_series(0, 0)") == []


def test_a_pipeline_without_stages_has_none_to_append_to(house):
    house.rows("delete from tracker.stage")
    with pytest.raises(psycopg2.Error, match="no stage yet") as e:
        house.rows("select tracker.append_stage('More')")
    assert e.value.pgcode == "TR001"
    house.settle("Extract", "Filter")


def test_only_one_folds_credit_at_a_time(house, server):
    house.load(1)
    through(house, 1)
    house.end_minute()
    other = server.connect()
    other.autocommit = False
    other.cursor().execute("select tracker.fold_credit()")
    assert house.value("select tracker.fold_credit()") == 0
    other.rollback()
    other.close()
    assert house.value("select tracker.fold_credit()") == 1


@pytest.mark.parametrize("quick", [True, False])
def test_what_the_same_worker_was_given_by_another_call_is_not_what_its_newjob_holds(house, quick):
    """Its v1 job timed out, and its fleet's call got that very job: newJob neither tells of it nor abandons it."""
    house.quick = quick
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.pass_time(100)
    house.expire(10)
    house.load(0)
    house.rows("update tracker.frontier set next = last + 1")
    house.make_due()
    (again,) = house.take(w)
    assert again.job == 1
    house.rows("update tracker.frontier set next = 2")
    assert house.new_job(w).job == 2
    assert house.value("select id from tracker.lease where job = 1") == again.lease
    assert house.done(w, again) == "accepted"


def test_who_is_passed_over_for_one_job_gets_no_more_than_it_wants_of_others(house):
    """What comes in place of the job that it had takes no seat from the fresh one."""
    house.load(6)
    a, c = house.worker(), house.worker()
    house.back(a, house.take(a)[0])
    for job in house.take(c, 4):
        house.back(c, job)
    house.rows("update tracker.retry set due = now() - make_interval(secs => 10 - job)")
    got = sorted(r.job for r in house.take(a, 3))
    assert len(set(got)) == 3 and 1 not in got and 6 in got


@pytest.mark.parametrize("quick", [True, False])
def test_of_what_came_back_the_longest_due_goes_first(house, quick):
    house.quick = quick
    house.load(3)
    a = house.worker()
    for job in house.take(a, 3):
        house.back(a, job)
    house.rows("update tracker.retry set due = now() - make_interval(secs => 10 * case job when 2 then 3 else 1 end)")
    assert house.new_job(house.worker()).job == 2


@pytest.mark.parametrize("names", [["One", "", "Three"], ["", "Two"], ["One", None, "Three"], [], list("123456")])
def test_stages_have_names_and_are_one_to_five(house, names):
    with pytest.raises(psycopg2.Error) as e:
        house.settle(*names)
    assert e.value.pgcode == "TR001"


# ---- of several batches, one

def rates(house):
    return house.rows("select stage, batch, rate from tracker.gate order by 1, 2")


def test_a_rate_that_is_taken_off_takes_no_other_with_it(house):
    one, other = house.load(1), house.load(1)
    for batch in (one, other):
        house.value("select tracker.set_batch_rate(%s, 60)", batch)
    house.value("select tracker.set_stage_rate(1::int2, 600)")
    house.value("select tracker.set_batch_rate(%s, 0)", one)
    assert rates(house) == [(1, 0, 600), (1, other, 60)]
    house.value("select tracker.set_stage_rate(1::int2, 0)")
    assert rates(house) == [(1, other, 60)]


def test_what_is_said_at_the_load_holds_from_the_first_claim_on(house):
    for n in (1, 2):
        house.rows("insert into tracker.job (number, data) values (%s, 'x')", n)
    batch = house.value("select tracker.open_batch('a', true, 2, 7, false, 'for Ann', 'gpu', 1)")
    assert rates(house) == [(1, batch, 1)]
    assert house.rows("select priority, note, tracker.mask_words(needs) as needs from tracker.batch") == [(7, "for Ann", "gpu")]
    w = house.worker()
    house.says(w, "gpu")
    assert [r.status for r in house.want(w, 2)] == ["job"]
    assert house.want(house.worker())[0].status == "none"


def test_those_that_are_over_are_listed_when_they_are_asked_for(house):
    over, open_ = house.load(1, name="over"), house.load(1, name="open")
    house.value("select tracker.cancel_batch(%s)", over)
    def listed(ended, of=None):
        return [r.name for r in house.rows("select name from tracker.list_batches(%s, %s)", ended, of)]
    assert listed(False) == ["open"]
    assert listed(True) == ["open", "over"]
    assert listed(False, over) == ["over"]
    assert open_


def test_a_paused_batch_promises_no_time_however_quick_it_was(house):
    batch = house.load(10)
    a = house.worker()
    house.complete([Item(a.token, j.job, j.lease, "r") for j in house.take(a, 5)])
    house.end_minute()
    house.rows("update tracker.tally set minute = date_trunc('minute', now()) - interval '2 minutes' where slot >= 0")
    eta = "select eta_s from tracker.read_batch_rows(array[%s])"
    assert house.value(eta, batch) > 0
    house.value("select tracker.pause_batch(%s)", batch)
    assert house.value(eta, batch) is None


def test_who_has_one_word_of_two_keeps_no_batch_from_standing_still(house):
    batch = house.load(1)
    house.value("select tracker.set_batch_needs(%s, 'gpu,ram32')", batch)
    w = house.worker()
    house.says(w, "gpu")
    assert [r.why for r in house.rows("select why from tracker.read_still(null)")] == ["no worker here has gpu, ram32"]
    house.says(w, "ram32,gpu")
    assert house.rows("select why from tracker.read_still(null)") == []


def test_a_batch_counts_no_result_that_was_taken_back(house):
    batch = house.load(2)
    a = house.worker()
    for job in house.take(a, 2):
        house.done(a, job)
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    def done():
        return house.value("select done from tracker.read_batches(array[%s]) where stage = 1", batch)
    assert done() == 1
    house.end_minute()
    house.fold()
    assert done() == 1


@pytest.mark.parametrize("ago_s, status", [(30, "job"), (60.5, "none")])
def test_the_same_question_is_the_same_for_a_minute(house, ago_s, status):
    """From when it was asked first; later the job of before is abandoned, and waits."""
    house.load(1)
    w = house.worker()
    first = house.new_job(w)
    house.pass_time(ago_s)
    again = house.new_job(w)
    assert (again.status, again.job) == (status, first.job if status == "job" else None)


@pytest.mark.parametrize("quick", [True, False])
def test_one_that_abandons_its_job_fills_nobodys_hands(house, quick):
    """Neither its own nor its neighbours' in the bundle: who is full is not parked, and comes again at once."""
    house.quick = quick
    house.load(1)
    a, b = house.worker(), house.worker()
    house.new_job(a)
    house.pass_time(62)
    assert sorted((r.item, r.status) for r in house.claim([Ask(w.token, v1=True) for w in (a, b)])) == [(1, "none"), (2, "none")]


@pytest.mark.parametrize("v1", [True, False])
def test_of_what_came_back_no_more_is_taken_than_there_are_seats(house, v1):
    """Two are passed over for what they had; nobody else's is touched."""
    for _ in range(3):
        house.load(2)
    a, b = house.worker(), house.worker()
    held = [(w, job) for w in (a, b) for job in house.take(w, 3)]
    for w, job in held:
        house.back(w, job, "undelivered", str(house.value("select call from tracker.lease where job = %s", job.job)))
    rows = house.claim([house_ask(w, v1) for w in (a, b)])
    assert len([r for r in rows if r.status == "job"]) == 2
    assert house.value("select count(*) from tracker.lease") == 2
    assert house.value("select count(*) from tracker.retry") == 4


def house_ask(worker, v1):
    return Ask(worker.token, 1, v1=v1)


def test_stage_a_has_no_count_of_what_is_ready_that_a_claim_could_take_from(house):
    """It is counted by its stretches; with rates and several batches, too."""
    house.rows("insert into tracker.gate (stage, batch, rate) values (1, 0, 6000)")
    for _ in range(2):
        house.load(2)
    house.rows("update tracker.stage set line = line")
    house.take(house.worker(), 3)
    assert house.rows("select stage, ready from tracker.tally where ready <> 0") == []


# ---- what pages read, at its edges

def batch_history(house, batch, minutes_ago, done, hourly=False):
    house.lawful = False
    house.rows("insert into tracker.batch_history (batch, stage, minute, hourly, done) values"
               " (%s, 1, date_trunc('minute', now()) - make_interval(mins => %s), %s, %s)", batch, minutes_ago, hourly, done)


def test_the_pace_of_a_batch_is_of_five_minutes_and_of_no_row_of_an_hour(house):
    batch = house.load(100)
    for minutes_ago, done in ((1, 1), (3, 10), (5, 100)):
        batch_history(house, batch, minutes_ago, done)
    batch_history(house, batch, 3, 1000, hourly=True)
    pace = house.rows("select done_5m, done_1h from tracker.read_batch_pace(array[%s]) where stage = 1", batch)
    assert pace == [(11, 111)]


def test_a_minute_in_which_more_was_taken_back_than_done_is_on_no_chart(house):
    batch = house.load(100)
    batch_history(house, batch, 2, -3)
    assert [r.done for r in house.rows("select done from tracker.read_batch_series(%s, 3600, 60)", batch)] == []


def test_who_has_one_job_works_and_does_not_wait(house):
    house.load(1)
    one, none = house.worker(), house.worker()
    house.take(one)
    def of(kind):
        return [r.name for r in house.rows("select name from tracker.read_workers(null, null, %s, null, null, 10, 900)", kind)]
    assert (of("working"), of("waiting")) == ([one.name], [none.name])


def test_in_a_new_days_first_minutes_yesterday_is_not_today(house):
    house.load(1)
    a = house.worker(nickname="Ada")
    house.done(a, house.take(a)[0])
    house.end_minute()
    house.fold()
    house.rows("update tracker.board set today = 1")
    house.rows("update tracker.board_day set day = day - 1")
    assert house.rows("select nickname from tracker.read_board('today', null, null, 10)") == []
    house.lawful = False


# ---- workers, at their edges

@pytest.mark.parametrize("quick", [True, False])
def test_a_result_for_another_job_leaves_the_one_in_hand(house, quick):
    house.quick = quick
    house.load(2)
    a, b = house.worker(), house.worker()
    mine, other = house.new_job(a).job, house.new_job(b).job
    (r,) = house.complete([Item(a.token, other, None, "r")])
    assert r.status != "accepted"
    assert {(r.job, r.worker) for r in house.rows("select job, worker from tracker.lease")} == {(mine, a.id), (other, b.id)}


def test_of_two_workers_of_one_name_the_one_of_the_stage_is_sent_away(house):
    a, b = house.worker(1, name="quiet-otter-1"), house.worker(2, name="quiet-otter-1")
    assert [r.worker for r in house.rows("select * from tracker.drop_worker(2::int2, 'quiet-otter-1')")] == [b.id]
    assert house.row(a).gone_at is None


@pytest.mark.parametrize("ended", ["-20 seconds", "60 seconds"])
def test_a_time_in_which_nobody_could_be_heard_is_no_silence_nor_its_grace(house, ended):
    """Of a hundred seconds of silence: what is over of them since, and the rest before it began."""
    house.rows("insert into tracker.deaf (began, ended) values (now() - interval '30 seconds', now() + %s::interval)", ended)
    since = house.value("select extract(epoch from now() - tracker.silent_since(100))")
    assert abs(float(since) - (110 if ended == "-20 seconds" else 130)) < 5


def test_behind_those_who_are_heard_the_keeper_looks_on(house):
    workers = [house.worker() for _ in range(3)]
    house.rows("update tracker.worker set seen = seen - interval '3 hours' where id = %s", workers[2].id)
    (row,) = house.looked(7200, look=2)
    assert (row.worker, row.token) == (workers[1].id, None)
    (row,) = house.looked(7200, after=(row.stage, row.created, row.worker), look=2)
    assert (row.worker, row.token) == (workers[2].id, workers[2].token)


def test_who_is_let_go_on_begins_anew(house):
    """The next failure is the first, and no rest."""
    house.rests = True
    house.load(9)
    w = house.worker()
    for _ in range(4):
        house.end_rests()
        house.back(w, house.take(w)[0])
    assert house.value("select seconds from tracker.end_rest(1::int2, %s)", w.name) > 0
    assert (house.row(w).bad_row, house.row(w).soft_row) == (0, 0)
    house.back(w, house.take(w)[0])
    assert house.want(w)[0].status == "job"


def test_two_batches_promise_no_more_than_the_rate_of_their_stage(house):
    for _ in range(2):
        house.load(5)
    house.value("select tracker.set_stage_rate(1::int2, 60)")
    assert [(r.now, r.later) for r in house.rows("select * from tracker.read_work()")] == [(1, 9)]


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("jobs", [0, 1])
def test_who_asks_for_a_job_is_heard_whether_it_gets_one_or_not(house, quick, jobs):
    house.quick = quick
    house.load(jobs)
    w = house.worker()
    house.rows("update tracker.worker set seen = seen - interval '1 hour'")
    assert house.new_job(w).status == ("job" if jobs else "none")
    assert house.value("select seen > clock_timestamp() - interval '1 minute' from tracker.worker")


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("how", ["abandons", "holds by sync"])
def test_newjob_is_never_told_to_be_full_after_a_minute_or_at_all(house, quick, how):
    """It would not be parked: whoever may hold one job alone, or holds as many as it may by the other protocol."""
    house.quick = quick
    house.load(1)
    w = house.worker()
    if how == "abandons":
        house.new_job(w)
        house.pass_time(62)
    else:
        house.take(w)
    house.rows("update tracker.worker set allowance = 1")
    (r,) = house.claim([Ask(w.token, v1=True)])
    assert r.status == "none"


def test_an_export_up_to_a_job_has_that_job_and_none_behind_it(house):
    house.load(4)
    through(house, 1, 4)
    m = mark(house)
    assert [r.job for r in house.rows("select * from tracker.export_jobs(1::int2, 1, %s::pg_snapshot, %s, %s, 100, 1000000, 3)",
                                      m.snapshot, m.since, m.till)] == [2, 3]


@pytest.mark.parametrize("dbname, writes, waited_for", [("tracker", True, True), ("tracker", False, False), ("postgres", True, False)])
def test_an_export_looks_back_to_the_first_who_writes_here(house, server, dbname, writes, waited_for):
    with server.connect(dbname) as other:
        other.autocommit = False
        other.cursor().execute("select pg_current_xact_id()" if writes else "select 1")
        now = house.value("select clock_timestamp()")
        looks_back_to = house.value("select %s + interval '10 seconds'", mark(house).since)
        other.rollback()
    other.close()
    assert (looks_back_to < now) == waited_for


def test_the_job_of_a_v1_worker_is_its_own_and_not_the_first_of_its_stage(house):
    house.load(3)
    first, second = house.worker(), house.worker()
    assert [house.new_job(w).job for w in (first, second, second, first)] == [1, 2, 2, 1]


def test_twice_as_many_ends_as_there_are_attempts_end_a_job_whoever_brought_them(house):
    house.keep_policy()
    assert [house.value("select tracker.is_over(p, s, 12, %s, 0, 0, 0, 0) from tracker.policy p, tracker.stage s where s.stage = 1", n)
            for n in (7, 8, 9)] == [False, True, True]


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_each_row_of_an_export_has_its_own_input(house, stage):
    house.rows("select tracker.append_stage('Third')")
    house.load(3)
    for n in (1, 2, 3):
        through(house, n, 3)
    told = [(r.job, r.input, r.output) for r in export(house, stage=stage)]
    assert told == [(job, f"{stage - 1}:{job}" if stage > 1 else f"input {job}", f"{stage}:{job}") for job in (1, 2, 3)]


def test_what_was_sent_back_of_one_worker_is_not_taken_from_another(house):
    house.lawful = False
    house.load(6)
    ada, bob = through(house, 1, 3, "Ada"), through(house, 1, 3, "Bob")
    house.value("select tracker.send_back_job(1, 1::int2, '')")
    house.rows("insert into tracker.purged (worker, person, stage, results, kept) values (%s, 1, 1, 7, 1)", ada.id)
    assert [house.value("select tracker.count_sent_back(%s)", house.row(w).id) for w in (ada, bob)] == [7, 0]
    house.rows("update tracker.refused_output set kept = true")
    assert house.value("select tracker.count_sent_back(%s)", house.row(ada).id) == 6
