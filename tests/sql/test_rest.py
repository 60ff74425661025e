"""Who brings nothing but bad ends rests: how long, what counts, what ends it, who is not held up by it."""

import uuid

import pytest

from house import Ask, Back, Item


@pytest.fixture(autouse=True)
def _rests(house):
    house.rests = True
    yield
    house.rests = False


def end(house, worker, kind="failed", count=1):
    """One bad end after another, each after the rest before."""
    for _ in range(count):
        house.rows("update tracker.worker set rest_until = '-infinity' where id = %s", worker.id)
        house.make_due()
        house.back(worker, house.take(worker)[0], kind)


@pytest.mark.parametrize("hard, soft, seconds", [(0, 2, 0), (0, 3, 1), (1, 2, 0), (1, 3, 2), (2, 2, 2), (0, 13, 1024), (0, 50, 3600), (0, 51, 3600),
                                                 (0, 52, 28800), (1, 50, 3600), (1, 51, 28800), (49, 2, 3600), (50, 2, 28800)])
def test_flags_and_what_is_let_go_count_beyond_the_second(house, hard, soft, seconds):
    assert house.value("select extract(epoch from tracker.rest_after(%s, %s))::int", hard, soft) == seconds


@pytest.mark.parametrize("count, seconds", [(0, 0), (1, 0), (2, 2), (3, 4), (8, 128), (12, 2048), (13, 3600), (49, 3600), (50, 28800), (99, 28800)])
def test_one_failure_is_no_rest_then_it_doubles_up_to_an_hour_and_is_eight_after_fifty(house, count, seconds):
    assert house.value("select extract(epoch from tracker.rest_after(%s, 0))::int", count) == seconds


def test_each_failure_in_a_row_but_the_first_doubles_the_rest(house):
    house.load(20)
    w = house.worker()
    for seconds in (0, 2, 4, 8):
        end(house, w)
        assert house.rest_s(w) == seconds


@pytest.mark.parametrize("kind", ["flagged", "released"])
def test_flags_and_releases_count_from_the_third_on(house, kind):
    house.load(20)
    w = house.worker()
    for seconds in (0, 0, 1, 2, 4):
        end(house, w, kind)
        assert house.rest_s(w) == seconds


def test_who_rests_gets_nothing_and_hears_how_long_and_after_how_many(house):
    house.load(20)
    w = house.worker()
    end(house, w, count=5)
    (r,) = house.want(w, 3)
    assert (r.status, r.job, r.attempt, r.lease) == ("rest", 16, 5, None)


@pytest.mark.parametrize("quick", [True, False])
def test_so_does_v1_both_ways(house, quick):
    house.quick = quick
    house.load(20)
    w = house.worker()
    end(house, w, count=5)
    r = house.new_job(w)
    assert (r.item, r.status, r.worker, r.stage, r.job, r.attempt) == (1, "rest", w.id, 1, 16, 5)
    assert house.row(w).holds == 0


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("v1", [True, False])
def test_a_result_ends_it(house, quick, v1):
    house.quick = quick
    house.load(20)
    w = house.worker()
    held = house.new_job(w) if v1 else house.take(w)[0]
    for job in house.take(w, 6):
        house.back(w, job)
    assert house.rest_s(w) == 32
    assert house.done(w, None if v1 else held) == "accepted"
    row = house.row(w)
    assert house.rest_s(w) == 0 and (row.bad_row, row.soft_row) == (0, 0)
    assert house.want(w)[0].status == "job"


def test_a_refused_result_ends_nothing(house):
    house.load(20)
    w = house.worker()
    end(house, w, count=3)
    house.complete([Item(w.token, 1, uuid.uuid4(), "made up")])
    assert house.rest_s(w) == 4


def test_ten_at_once_are_ten(house):
    house.load(20)
    w = house.worker()
    house.give_back([Back(w.token, j.job, j.lease, "failed") for j in house.take(w, 10)])
    assert house.rest_s(w) == 512


def test_a_shorter_rest_shortens_none(house):
    house.load(20)
    w = house.worker()
    jobs = house.take(w, 8)
    for job in jobs[:6]:
        house.back(w, job)
    house.rows("update tracker.worker set bad_row = 0")
    house.back(w, jobs[6])
    assert house.rest_s(w) == 32


@pytest.mark.parametrize("undone", ["bye", "undelivered", "silence", "job time-out"])
def test_what_is_nobodys_fault_makes_nobody_rest(house, undone):
    house.load(20)
    w = house.worker()
    jobs = house.take(w, 10)
    if undone == "bye":
        house.bye(w)
    elif undone == "silence":
        house.time_out(w)
    elif undone == "job time-out":
        house.pass_time(100)
        assert len(house.expire(50)) == 10
    else:
        call = str(house.value("select min(call) from tracker.lease"))
        house.give_back([Back(w.token, j.job, j.lease, "undelivered", call) for j in jobs])
    row = house.row(w)
    assert (row.bad_row, row.soft_row, house.rest_s(w), row.holds) == (0, 0, 0, 0)


def test_who_abandons_a_job_rests_before_the_next(house):
    house.load(20)
    w = house.worker()
    end(house, w)
    house.new_job(w)
    house.pass_time(100)
    r = house.new_job(w)
    assert (r.status, r.job, r.attempt) == ("rest", 2, 2)
    assert house.row(w).holds == 0 and house.row(w).held_lease is None


def test_one_that_rests_hears_its_own_job_again(house):
    house.load(20)
    w = house.worker()
    held = house.new_job(w)
    house.rows("update tracker.worker set rest_until = clock_timestamp() + interval '1 hour'")
    again = house.new_job(w)
    assert (again.status, again.job, again.lease) == ("job", held.job, held.lease)
    assert house.row(w).holds == 1


def test_what_was_lost_on_the_way_is_sent_again_to_one_that_rests(house):
    house.load(20)
    w = house.worker()
    jobs = house.take(w, 3)
    house.rows("update tracker.worker set rest_until = clock_timestamp() + interval '1 hour'")
    assert sorted(r.job for r in house.want(w, 5, holding=[])) == sorted(j.job for j in jobs)


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("stage", [1, 2])
def test_neighbours_of_one_that_rests_get_their_jobs(house, quick, stage):
    house.load(20)
    if stage == 2:
        a = house.worker()
        house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 20)])
    house.quick = quick
    workers = [house.worker(stage) for _ in range(6)]
    for w in workers[1::2]:
        end(house, w, count=6)
    rows = {r.item: r for r in house.claim([Ask(w.token, v1=True) for w in workers])}
    assert [rows[n + 1].status for n in range(6)] == ["job", "rest"] * 3
    assert [rows[n + 1].worker for n in range(6)] == [w.id for w in workers]
    for w, r in list(zip(workers, (rows[n + 1] for n in range(6))))[::2]:
        row = house.row(w)
        assert (row.held_job, row.held_lease, row.holds) == (r.job, r.lease, 1)


def test_one_that_rests_sends_nobody_the_long_way(house):
    house.load(20)
    workers = [house.worker() for _ in range(4)]
    end(house, workers[1], count=3)
    # None of the others would get a job by it.
    house.rows("alter function tracker.claim_held rename to claim_held_away")
    try:
        house.rows("delete from tracker.retry")
        rows = {r.item: r.status for r in house.claim([Ask(w.token, v1=True) for w in workers])}
    finally:
        house.rows("alter function tracker.claim_held_away rename to claim_held")
        house.lawful = False
    assert rows == {1: "job", 2: "rest", 3: "job", 4: "job"}


def test_a_bundle_of_those_who_rest_gets_nothing(house):
    house.load(20)
    workers = [house.worker() for _ in range(3)]
    for w in workers:
        end(house, w, count=2)
    assert {r.status for r in house.claim([Ask(w.token, v1=True) for w in workers])} == {"rest"}


def test_a_failer_takes_a_hundredth_of_the_hand_outs_and_not_four_fifths(house):
    """It fails what it gets, at once, for ten minutes, beside one that needs a second a job."""
    house.load(2000)
    house.backoff_s = house.backoff_max_s = 0
    failer, honest = house.worker(nickname="Mallory"), house.worker(nickname="Ada", address="198.51.100.1")
    got = {failer: 0, honest: 0}
    for _ in range(600):
        for w in (failer, honest):
            r = house.new_job(w)
            while r.status == "job":
                got[w] += 1
                if w is honest:
                    house.done(w)
                    break
                house.flag(w) if got[w] % 2 else house.back(w, r, "failed")
                r = house.new_job(w)
        house.rows("update tracker.worker set rest_until = rest_until - interval '1 second' where rest_until > '-infinity'")
    assert got[honest] == 600 and got[failer] <= 12


def test_who_lets_go_all_that_it_gets_has_few_hand_outs_and_leaves_few_rows(house):
    """A scraper's bug, for twelve seconds, two jobs: 462 hand-outs before there were back-offs and rests."""
    house.load(2)
    house.backoff_s = house.backoff_max_s = 0  # what it let go is there for others at once: only its own rest is in the way
    w = house.worker()
    handed = 0
    for _ in range(462):
        (r,) = house.want(w)
        if r.status == "job":
            handed += 1
            house.back(w, r, "released")
        house.rows("update tracker.worker set rest_until = rest_until - interval '26 ms' where rest_until > '-infinity'")
    assert handed <= 8
    assert house.value("select count(*) from tracker.strike") == handed


def test_an_operator_ends_a_rest(house):
    house.load(20)
    w = house.worker()
    end(house, w, count=7)
    assert 60 <= house.value("select seconds from tracker.end_rest(1::int2, %s)", w.name) <= 64
    assert house.want(w)[0].status == "job"
    assert house.value("select seconds from tracker.end_rest(1::int2, %s)", w.name) == 0
    assert house.rows("select tracker.end_rest(2::int2, %s)", w.name) == []
    assert house.value("select count(*) from tracker.audit where act = 'end rest'") == 1  # the second changed nothing


# ---- honest ones

def test_a_farm_with_one_bad_input_in_a_hundred_hardly_rests(house):
    """250 slots, a job takes 40 s, every hundredth fails: it is at work on 95 % of its slots."""
    house.load(5000)
    house.max_attempts = 1
    farm = house.newcomer(slots=250)
    running, busy, tick = [], 0, 0
    for tick in range(200):
        over = [j for j, until in running if until <= tick]
        running = [(j, until) for j, until in running if until > tick]
        bad = [j for j in over if j.job % 100 == 0]
        if bad:
            house.give_back([Back(farm.token, j.job, j.lease, "failed") for j in bad])
        good = [j for j in over if j.job % 100 != 0]
        if good:
            house.complete([Item(farm.token, j.job, j.lease) for j in good])
        if len(running) < 250:
            took = [r for r in house.want(farm, 250 - len(running)) if r.status == "job"]
            # Those of the first call are as far as they would be in the middle of things.
            running += [(j, tick + (1 + n % 40 if tick == 0 else 40)) for n, j in enumerate(took)]
        busy += len(running)
        house.rows("update tracker.worker set rest_until = rest_until - interval '1 second' where rest_until > '-infinity'")
    assert busy / (200 * 250) >= 0.95


def test_one_machine_alone_with_poison_among_its_inputs_finishes(house):
    """Every tenth input kills it: the others are all done, those fail for good, and it never rests for long."""
    house.load(50)
    house.backoff_s = house.backoff_max_s = 0
    w = house.worker()
    waited = 0
    for _ in range(2000):
        house.rows("select tracker.count_crowd()")
        r = house.new_job(w)
        if r.status == "rest":
            waited += r.job * (house.row(w).done < 45)
            house.end_rests()
        elif r.status == "none":
            break
        elif r.job % 10 == 0:
            house.back(w, r)
        else:
            house.done(w)
    c = house.counts(1)
    assert (c.done, c.failed) == (45, 5)
    # Alone with the poison in the end, it rests longer and longer; before that hardly ever.
    assert waited < 60


def test_six_hours_without_power_and_all_results_late(house):
    house.load(300)
    site = [house.newcomer(slots=64) for _ in range(4)]
    jobs = {w: house.take(w, 64) for w in site}
    for w in site:
        house.time_out(w)
    for w in site:
        rows = house.complete([Item(w.token, j.job, j.lease, "late") for j in jobs[w]])
        assert {r.status for r in rows} == {"accepted"}
        row = house.row(w)
        assert row.gone_at is None and row.allowance == 65 and house.rest_s(w) == 0
    assert house.want(site[0], 1)[0].status == "job"


def test_six_hours_without_power_and_all_was_handed_on(house):
    house.load(64)
    site, other = house.newcomer(slots=64), house.newcomer(slots=64, address="198.51.100.1")
    jobs = house.take(site, 64)
    house.time_out(site)
    house.make_due()
    house.take(other, 64)
    assert {r.status for r in house.complete([Item(site.token, j.job, j.lease, "late") for j in jobs])} == {"fenced"}
    again = house.newcomer(slots=64)
    assert house.want(again, 1)[0].status == "none" and house.rest_s(site) == 0


@pytest.mark.parametrize("left_us, seconds", [(1, 1), (1_000_000, 1), (1_000_001, 2), (0, 0), (-5, 0)])
def test_a_rest_is_told_in_whole_seconds_and_never_as_none(house, left_us, seconds):
    assert house.value("select tracker.left_to_rest(now() + %s * interval '1 us', now())", left_us) == seconds


@pytest.mark.parametrize("quick", [True, False])
def test_who_rests_is_heard_of_all_the_same(house, quick):
    house.quick = quick
    house.load(9)
    w = house.worker()
    for _ in range(3):
        house.end_rests()
        house.back(w, house.take(w)[0])
    house.rows("update tracker.worker set seen = seen - interval '1 hour'")
    assert house.new_job(w).status == "rest"
    assert house.value("select seen > clock_timestamp() - interval '1 minute' from tracker.worker where id = %s", w.id)
