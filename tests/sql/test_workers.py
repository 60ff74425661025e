"""Workers come, are heard from, and go."""

import datetime
import uuid

import psycopg2
import pytest

from house import Ask, Worker


def test_a_worker_is_opened_and_its_person_made_once(house):
    a = Worker(uuid.uuid4(), "calm-fox-1", 1, "Ada")
    b = Worker(uuid.uuid4(), "calm-fox-2", 1, "Ada")
    assert [r.status for r in house.open([a, b])] == ["opened"] * 2
    assert house.rows("select nickname from tracker.person") == [("Ada",)]


def test_the_same_token_again_is_the_same_worker(house):
    w = Worker(uuid.uuid4(), "calm-fox-1", 1, "Ada")
    (first,), (again,) = house.open([w]), house.open([w])
    assert (again.status, again.worker) == ("opened", first.worker)
    assert [r.worker for r in house.open([w, w])] == [first.worker] * 2


def test_a_name_is_given_once_a_stage_even_when_its_worker_is_gone(house):
    w = house.worker(1, name="calm-fox-1")
    house.bye(w)
    rows = house.open([Worker(uuid.uuid4(), "calm-fox-1", 1, "x"),
                       Worker(uuid.uuid4(), "calm-fox-1", 2, "x")])
    assert [r.status for r in rows] == ["name_taken", "opened"]


def test_two_of_one_name_in_one_bundle(house):
    rows = house.open([Worker(uuid.uuid4(), "calm-fox-1", 1, "x") for _ in range(2)])
    assert sorted(r.status for r in rows) == ["name_taken", "opened"]


def test_a_disabled_stage_opens_nobody(house):
    (r,) = house.open([Worker(uuid.uuid4(), "calm-fox-1", 3, "x")])
    assert (r.status, r.worker) == ("no_stage", None)


def test_touch_finds_present_workers_only(house):
    a, b = house.worker(), house.worker(2)
    house.bye(b)
    stranger = Worker(uuid.uuid4(), "x", 1, "x")
    rows = house.touch(stranger, a, b)
    assert [(r.item, r.worker, r.stage, r.name) for r in rows] == [(2, a.id, 1, a.name)]


def test_touch_writes_seen_only_when_it_is_old(house):
    w = house.worker()
    house.pass_time(100)
    before = house.row(w).seen
    house.touch(w, refresh_s=900)
    assert house.row(w).seen == before
    house.touch(w, refresh_s=50)
    assert house.row(w).seen > before


def test_bye_opens_the_jobs_again_and_a_repeated_bye_is_as_good(house):
    house.load(3)
    w = house.worker()
    house.take(w, 3)
    assert [(r.status, r.stage, r.freed) for r in house.bye(w, w)] == [
        ("closed", 1, 3), ("closed", None, 0)]
    assert house.bye(w)[0].status == "closed"
    assert house.claim([Ask(w.token)])[0].status == "unknown"
    assert house.counts(1).due == 3


# ---- the keeper

def test_a_silent_worker_is_gone_and_its_jobs_go_back(house):
    house.load(2)
    w = house.worker()
    house.take(w, 2)
    house.pass_time(7300)
    assert [(r.worker, r.token) for r in house.silent(7200)] == [(w.id, w.token)]
    assert [(r.token, r.stage, r.freed) for r in house.reap(w)] == [(w.token, 1, 2)]
    assert house.row(w).gone_why == "idle"
    assert (house.counts(1).leased, house.counts(1).retry, house.counts(1).due) == (0, 2, 0)
    assert house.value("select count(*) from tracker.strike where kind = 'timed_out'") == 2


def test_reap_looks_again(house):
    w = house.worker()
    house.pass_time(7300)
    assert len(house.silent(7200)) == 1
    house.touch(w, refresh_s=1)
    assert house.reap(w) == []
    assert house.row(w).gone_at is None


def test_the_silent_are_listed_a_bounded_number_at_a_time_until_all_had_their_turn(house):
    workers = [house.worker(1 + i % 2) for i in range(7)]
    house.pass_time(7300)
    house.touch(workers[3], refresh_s=1)
    found, calls, after = set(), 0, (0, "epoch", 0)
    while rows := house.looked(7200, after, look=2):
        assert len(rows) <= 2
        found |= {r.worker for r in rows if r.token is not None}
        after, calls = (rows[-1].stage, rows[-1].created, rows[-1].worker), calls + 1
    assert found == {w.id for w in workers if w is not workers[3]}
    assert calls == 4


def test_silence_is_told_beside_what_would_be_in_order(house):
    house.worker()
    house.pass_time(7300)
    (row,) = house.silent(7200)
    assert 7299e6 < row.silent_us < 7400e6
    assert 7199e6 < row.allowed_us < 7201e6


# ---- time in which nobody could be heard

def last_heard(house, seconds_ago):
    house.rows("insert into tracker.hearing (at) values (clock_timestamp() - make_interval(secs => %s))"
               " on conflict (one) do update set at = excluded.at", seconds_ago)


def test_time_in_which_nobody_could_be_heard_is_nobodys_silence(house):
    w = house.worker()
    house.pass_time(7300)
    last_heard(house, 200)
    assert 199 < house.hear() < 210
    assert house.silent(7200) == [] and house.reap(w) == []
    assert len(house.silent(7000)) == 1
    assert len(house.reap(w, idle_s=7000)) == 1


def test_after_it_there_is_time_to_find_the_way_back(house):
    w = house.worker()
    house.pass_time(8)
    last_heard(house, 4)
    house.hear(grace_s=60)
    house.rows("update tracker.worker set seen = seen - interval '3 seconds'")
    assert house.silent(8) == [] and house.reap(w, idle_s=8) == []


def test_several_outages_are_forgiven_each_and_what_lies_between_is_not(house):
    house.worker()
    house.pass_time(1000)
    house.rows("insert into tracker.deaf select clock_timestamp() - make_interval(secs => b),"
               " clock_timestamp() - make_interval(secs => e) from (values (900, 800), (850, 700), (300, 200)) v(b, e)")
    assert house.silent(710) == []          # 1000 - (900 .. 700) - (300 .. 200) = 700
    assert len(house.silent(690)) == 1


def test_who_was_silent_before_the_outage_is_not_forgiven_that(house):
    w = house.worker()
    house.pass_time(7300)
    last_heard(house, 50)
    house.hear()
    assert len(house.silent(7200)) == 1 and len(house.reap(w)) == 1


def test_a_pause_of_the_keepers_own_is_no_outage(house):
    house.worker()
    last_heard(house, 2)
    assert house.hear(gap_s=3) == 0
    assert house.value("select count(*) from tracker.deaf") == 0


def test_a_clock_that_was_put_back_makes_nobody_immortal(house):
    w = house.worker()
    house.rows("update tracker.worker set seen = clock_timestamp() + interval '2 hours'")
    house.rows("insert into tracker.deaf values (clock_timestamp() + interval '1 hour', clock_timestamp() + interval '2 hours')")
    last_heard(house, -7200)
    assert house.hear() == 0
    assert house.value("select seen <= clock_timestamp() from tracker.worker where id = %s", w.id)
    assert house.value("select count(*) from tracker.deaf") == 0


def test_a_lease_does_not_grow_old_while_nobody_could_be_heard(house):
    house.load(1)
    w = house.worker()
    house.take(w)
    house.rows("update tracker.lease set since = since - interval '100 seconds'")
    last_heard(house, 50)
    house.hear()
    assert house.expire(60) == []
    assert len(house.expire(45)) == 1


def test_a_write_of_the_trackers_own_leaves_nothing_but_its_row(house):
    tables = [name for (name,) in house.rows("select relname from pg_class where relnamespace = 'tracker'::regnamespace"
                                             " and relkind = 'r' and relname <> 'probe'")]
    house.load(3)
    before = {t: house.rows(f"select md5(t::text) from tracker.{t} t order by 1") for t in tables}
    assert house.value("select tracker.probe_write(0)") and house.value("select tracker.probe_write(300000)")
    assert {t: house.rows(f"select md5(t::text) from tracker.{t} t order by 1") for t in tables} == before
    assert house.value("select count(*) from tracker.probe") >= 1
    house.rows("insert into tracker.probe (slot, at) select n, '2000-01-01' from generate_series(0, 255) n on conflict (slot) do update set at = '2000-01-01'")
    house.value("select tracker.probe_write(0)")
    assert house.value("select max(at) > now() - interval '1 minute' from tracker.probe")


def test_a_write_of_the_trackers_own_with_room_goes_where_results_go(house):
    """Each stage's: so that a table without room, or without a right, is met by it."""
    house.rows("create function tracker.full_up() returns trigger language plpgsql as $$ begin"
               " raise exception 'could not extend file, %% bytes', length(new.data) using errcode = '53100'; end $$")
    for letter in "ab":
        house.rows(f"create trigger full_up before insert on tracker.output_{letter} for each row execute function tracker.full_up()")
        with pytest.raises(psycopg2.errors.DiskFull, match="3000.. bytes"):
            house.value("select tracker.probe_write(300000)")
        assert house.value("select tracker.probe_write(0)")
        house.rows(f"drop trigger full_up on tracker.output_{letter}")
    assert house.value("select tracker.probe_write(300000)")
    house.rows("drop function tracker.full_up()")


def test_whom_redis_has_heard_is_not_reaped(house):
    w = house.worker()
    house.pass_time(7300)
    now = datetime.datetime.now(datetime.timezone.utc)
    house.rows("select tracker.see_workers(%s::uuid[], %s::timestamptz[])", [w.token, uuid.uuid4()],
               [now, now])
    assert house.silent(7200) == []
    assert house.reap(w) == []


@pytest.mark.parametrize("ago_s", [(500, 100), (100, 500)])
def test_who_is_heard_twice_in_one_call_was_heard_the_later_time(house, ago_s):
    w = house.worker()
    house.pass_time(1000)
    house.rows("select tracker.see_workers(%s::uuid[], array(select clock_timestamp() - s * interval '1 s' from unnest(%s) as s))",
               [w.token] * 2, list(ago_s))
    assert house.silent(300) == []


def test_who_is_gone_is_seen_no_more(house):
    w = house.worker()
    house.bye(w)
    house.pass_time(60)
    before = house.row(w).seen
    house.rows("select tracker.see_workers(%s::uuid[], array[clock_timestamp()])", [w.token])
    assert house.row(w).seen == before


def test_seen_never_goes_back_nor_into_the_future(house):
    w = house.worker()
    before = house.row(w).seen
    now = datetime.datetime.now(datetime.timezone.utc)
    for heard in (now - datetime.timedelta(hours=1), None, now + datetime.timedelta(hours=1)):
        house.rows("select tracker.see_workers(%s::uuid[], %s::timestamptz[])", [w.token], [heard])
        assert before <= house.row(w).seen <= datetime.datetime.now(datetime.timezone.utc)


def test_a_lease_older_than_the_job_timeout_goes_back_even_if_its_worker_talks(house):
    house.load(2)
    w = house.worker()
    house.take(w)
    house.pass_time(100)
    (young,) = house.take(w)
    house.touch(w)
    assert [(r.stage, r.job, r.worker) for r in house.expire(60)] == [(1, 1, w.token)]
    assert house.counts(1).leased == 1
    assert house.row(w).gone_at is None
    assert house.done(w, young) == "accepted"


def test_without_a_job_timeout_nothing_expires(house):
    house.load(1)
    house.take(house.worker())
    house.pass_time(10**6)
    assert house.expire(0, 60) == []


def test_a_dropped_worker_is_no_longer_here(house):
    w = house.worker()
    assert len(house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)) == 1
    assert house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name) == []
    assert house.touch(w) == []


def test_who_said_bye_may_say_it_again_and_nobody_else_who_is_gone(house):
    here, dropped, never = house.worker(), house.worker(), house.stranger()
    house.rows("select * from tracker.drop_worker(1::int2, %s)", dropped.name)
    assert [[r.status for r in house.bye(w)] for w in (here, here, dropped, never)] == [
        ["closed"], ["closed"], ["no_worker"], ["no_worker"]]
