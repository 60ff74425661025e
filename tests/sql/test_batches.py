"""Batches: whose turn it is, what is in line, and counts of their own."""

import concurrent.futures
import itertools
import time

import psycopg2
import pytest

from house import Ask, House, Item


@pytest.fixture(autouse=True, params=["quick", "long"])
def way(request, house):
    house.quick = request.param == "quick"


def through(house, stage, count, worker=None):
    """Work of a stage done, in the order of the line."""
    w = worker or house.worker(stage)
    jobs = house.take(w, count)
    assert {r.status for r in house.complete([Item(w.token, j.job, j.lease, "made") for j in jobs])} == {"accepted"}
    return [j.job for j in jobs]


def line(house, stage):
    return house.value("select line from tracker.stage where stage = %s", stage)


def counts(house, batch):
    return {r.stage: (r.ready, r.retry, r.leased, r.done, r.failed)
            for r in house.rows("select * from tracker.read_batches(array[%s])", batch)}


def tidy(house):
    return house.value("select tracker.tidy_line()")


# ---- whose turn it is

@pytest.mark.parametrize("stage", [1, 2])
def test_the_older_batch_has_its_turn_first_and_one_call_goes_on_to_the_next(house, stage):
    for size in (2, 3, 4):
        house.load(size)
    if stage == 2:
        through(house, 1, 9)
    assert [j.job for j in house.take(house.worker(stage), 7)] == [1, 2, 3, 4, 5, 6, 7]
    asks = [Ask(house.worker(stage).token, v1=True, age_us=10**6 * (9 - n)) for n in range(3)]
    rows = sorted(house.claim(asks))
    assert [(r.status, r.job) for r in rows] == [("job", 8), ("job", 9), ("none", None)]


@pytest.mark.parametrize("stage", [1, 2])
def test_newjobs_of_one_moment_get_the_rest_of_a_batch_and_the_next_one(house, stage):
    house.load(1)
    second = house.load(2)
    third = house.load(2)
    if stage == 2:
        through(house, 1, 5)
    workers = [house.worker(stage) for _ in range(4)]
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert sorted(r.job for r in rows) == [1, 2, 3, 4]
    assert [house.value("select batch from tracker.lease where job = %s", n) for n in (2, 4)] == [second, third]
    assert [house.done(w) for w in workers] == ["accepted"] * 4
    assert counts(house, third)[stage] == (1, 0, 0, 1, 0)


def test_what_came_back_goes_first_within_its_batch_not_before_an_older_one(house):
    first, second = house.load(4), house.load(4)
    a, b = house.worker(), house.worker()
    jobs = house.take(a, 6)
    for job in jobs:
        house.back(a, job, "undelivered", str(house.value("select call from tracker.lease where job = %s", job.job)))
    # Half of what is wanted comes from retry while there is fresh work: the first batch has none.
    assert sorted(j.job for j in house.take(b, 4)) == [1, 2, 3, 4]
    assert sorted(j.job for j in house.take(b, 3)) == [5, 6, 7]
    assert counts(house, first)[1] == (0, 0, 4, 0, 0)
    assert counts(house, second)[1] == (1, 0, 3, 0, 0)


def test_what_is_passed_over_gives_way_to_another_batch(house):
    house.load(1)
    house.load(1)
    a = house.worker()
    job = house.take(a)[0]
    house.back(a, job, "undelivered", str(house.value("select call from tracker.lease")))
    assert [j.job for j in house.take(a)] == [2]
    assert [j.job for j in house.take(house.worker())] == [1]


def test_a_position_of_one_batch_is_no_hint_for_another(house):
    """The older batch comes to stage B last, so its positions are the higher ones."""
    first, second = house.load(2), house.load(3)
    a, w = house.worker(), house.worker(2)
    jobs = house.take(a, 5)
    for job in jobs[2:] + jobs[:2]:
        house.done(a, job)
    assert [house.new_job(w, age_us=0).job] == [1]
    assert house.hints[6] == first
    assert house.done(w) == "accepted"
    b = house.worker(2)
    assert [j.job for j in house.take(b, 4)] == [2, 3, 4, 5]
    assert house.hints[6] == second


def test_a_stretch_with_a_hole_is_dealt_whole(house):
    batch = house.load(9)
    house.rows("update tracker.ahead set last = 3")
    house.rows("insert into tracker.ahead (batch, first, last) values (%s, 5, 9)", batch)
    house.rows("insert into tracker.retry (stage, batch, job, due, attempt) values (1, %s, 4, now() + interval '1 h', 1)",
               batch)
    house.rows("select tracker.add_tally(array[1::int2], array[%s], null, array[1::int8], null, null, null)", batch)
    workers = [house.worker() for _ in range(5)]
    assert sorted(r.job for r in house.claim([Ask(w.token, v1=True) for w in workers])) == [1, 2, 3, 5, 6]
    assert sorted(j.job for j in house.take(house.worker(), 3)) == [7, 8, 9]
    assert house.want(house.worker())[0].status == "none"


# ---- what is in line

def test_a_batch_joins_the_line_of_a_stage_when_it_has_work_there(house):
    batch = house.load(3)
    assert (line(house, 1), line(house, 2)) == ([batch], [])
    w = house.worker()
    assert house.new_job(w).job == 1
    house.done(w)
    assert line(house, 2) == [batch]


def test_results_of_several_batches_in_one_bundle_are_counted_for_each(house):
    batches = [house.load(2) for _ in range(3)]
    workers = [house.worker() for _ in range(6)]
    house.claim([Ask(w.token, v1=True) for w in workers])
    assert {r.status for r in house.complete([Item(w.token) for w in workers])} == {"accepted"}
    assert line(house, 2) == batches
    assert [counts(house, b)[2] for b in batches] == [(2, 0, 0, 0, 0)] * 3
    workers = [house.worker(2) for _ in range(6)]
    house.claim([Ask(w.token, v1=True) for w in workers])
    assert {r.status for r in house.complete([Item(w.token) for w in workers])} == {"accepted"}
    assert [counts(house, b)[2] for b in batches] == [(0, 0, 0, 2, 0)] * 3


def test_a_late_result_counts_for_its_batch(house):
    house.load(1)
    second = house.load(1)
    a = house.worker()
    jobs = house.take(a, 2)
    house.time_out(a)
    assert counts(house, second)[1] == (0, 1, 0, 0, 0)
    assert house.done(a, jobs[1]) == "accepted"
    assert counts(house, second) == {1: (0, 0, 0, 1, 0), 2: (1, 0, 0, 0, 0)}


def test_who_has_no_work_leaves_the_line_when_somebody_behind_has(house):
    batches = [house.load(1) for _ in range(3)]
    assert tidy(house) == 0
    through(house, 1, 2)
    assert line(house, 1) == batches
    assert tidy(house) == 2
    assert line(house, 1) == batches[2:]
    assert house.rows("select batch from tracker.frontier") == []
    assert [j.job for j in house.take(house.worker())] == [3]


def test_of_those_without_work_the_first_eight_may_stay(house):
    batches = [house.load(1) for _ in range(11)]
    through(house, 1, 11)
    assert tidy(house) == 3
    assert line(house, 1) == batches[:8]


def test_what_left_the_line_comes_back_with_a_job(house):
    first, second = house.load(1), house.load(1)
    a = house.worker()
    jobs = house.take(a, 2)
    assert tidy(house) == 0 and line(house, 1) == [first, second]
    house.load(1)
    assert tidy(house) == 2
    house.back(a, jobs[0])
    assert line(house, 1)[0] == first
    # A long back-off leaves it again, until it is due soon.
    house.rows("update tracker.retry set due = now() + interval '10 minutes'")
    assert tidy(house) == 1
    house.rows("update tracker.retry set due = now() + interval '30 seconds'")
    assert tidy(house) == 0
    assert line(house, 1)[0] == first


def test_who_tidies_does_not_wait_for_the_barrier(house, server):
    for _ in range(2):
        house.load(1)
    through(house, 1, 1)
    other = server.connect()
    other.autocommit = False
    other.cursor().execute("select tracker.pass_barrier()")
    assert tidy(house) == 0
    assert house.value("show lock_timeout") == "0"
    other.rollback()
    other.close()
    assert tidy(house) == 1


def test_a_paused_batch_joins_no_line(house):
    batch = house.load(2)
    w = house.worker()
    jobs = house.take(w, 2)
    house.rows("update tracker.batch set paused = true")
    house.rows("update tracker.stage set line = '{}'")
    assert house.done(w, jobs[0]) == "accepted"
    house.back(w, jobs[1])
    assert (line(house, 1), line(house, 2)) == ([], [])
    assert counts(house, batch) == {1: (0, 1, 0, 1, 0), 2: (1, 0, 0, 0, 0)}


def test_a_batch_that_moves_back_in_line_meanwhile_is_not_dealt_twice(house, server):
    """Another one joins the line before it, while a claim waits for its row of frontier."""
    older, batch = house.load(1), house.load(3)
    house.value("select tracker.pause_batch(%s)", older)
    a, b = house.worker(), house.worker()
    for job in house.take(a, 2):
        house.back(a, job, "undelivered", str(house.value("select call from tracker.lease where job = %s", job.job)))
    other = server.connect()
    other.autocommit = False
    other.cursor().execute("select from tracker.frontier where batch = %s for update", (batch,))
    second = House(server.connect())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            claim = pool.submit(house.want, b, 9)
            until = time.monotonic() + 60
            while not second.rows("select pid from pg_stat_activity where wait_event_type = 'Lock'"
                                  " and query ~ 'claim_fleet' and datname = current_database()"):
                assert time.monotonic() < until
                time.sleep(0.01)
            second.rows("update tracker.batch set paused = false")
            second.value("select tracker.join_line(array[1::int2], array[%s])", older)
        finally:
            other.close()
        assert sorted(r.job for r in claim.result(60) if r.status == "job") == [2, 3, 4]
    second.connection.close()


def test_two_batches_that_come_into_line_at_once_both_stand_there(house, server):
    """The second waits for the stage's row, and its statement is older than the first one's batch."""
    older = house.load(1)
    house.rows("update tracker.stage set line = '{}'")
    other = server.connect()
    other.autocommit = False
    second = House(server.connect())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            with other.cursor() as cursor:
                cursor.execute("insert into tracker.job (number, data) values (2, 'x'); select tracker.open_batch('new', true, 2)")
            joined = pool.submit(second.value, "select tracker.join_line(array[1::int2], array[%s])", older)
            until = time.monotonic() + 60
            while not house.rows("select pid from pg_stat_activity where wait_event_type = 'Lock'"
                                 " and query ~ 'join_line' and datname = current_database()"):
                assert time.monotonic() < until
                time.sleep(0.01)
            other.commit()
        finally:
            other.close()
        assert joined.result(60)
    second.connection.close()
    assert line(house, 1) == [older, older + 1]
    assert [j.job for j in house.take(house.worker(), 2)] == [1, 2]


def test_the_keeper_puts_in_line_what_stage_a_has_not_come_to_the_end_of(house):
    begun, new, paused = house.load(2), house.load(1), house.load(1)
    house.take(house.worker())
    house.value("select tracker.pause_batch(%s)", paused)
    house.rows("update tracker.stage set line = '{}'")
    tidy(house)
    assert line(house, 1) == [begun, new]


# ---- what an operator does

def audit(house):
    return [(r.act, r.target, r.details) for r in house.rows("select * from tracker.audit order by id")]


def in_use(server):
    """Somebody past the barrier, for as long as this is open."""
    other = server.connect()
    other.autocommit = False
    other.cursor().execute("select tracker.pass_barrier()")
    return other


@pytest.mark.parametrize("stage", [1, 2])
def test_of_a_paused_batch_nothing_is_handed_out_and_what_is_in_hand_may_finish(house, stage):
    first, second = house.load(4, name="first"), house.load(2)
    if stage == 2:
        through(house, 1, 6)
    a, b = house.worker(stage), house.worker(stage)
    jobs = house.take(a, 2)
    assert house.value("select tracker.pause_batch(%s, 'the site is down')", first)
    assert house.done(a, jobs[0]) == "accepted"
    house.back(a, jobs[1])
    house.make_due()
    assert [j.job for j in house.take(b, 2)] == [5, 6]
    assert house.want(b)[0].status == "none"
    assert house.rows("select paused_why from tracker.batch where batch = %s", first)[0].paused_why == "the site is down"
    assert not house.value("select tracker.pause_batch(%s)", first)
    assert audit(house) == [("pause", 'batch "first"', {"why": "the site is down"})]
    assert house.value("select tracker.resume_batch(%s)", first)
    assert not house.value("select tracker.resume_batch(%s)", first)
    assert line(house, stage)[0] == first
    assert sorted(j.job for j in house.take(b, 3)) == [2, 3, 4]
    assert audit(house)[1:] == [("resume", 'batch "first"', {})]
    assert not house.value("select tracker.pause_batch(%s)", second + 1)


def test_who_pauses_waits_for_the_barrier_and_lets_others_pass(house, server):
    batch = house.load(1)
    other = in_use(server)
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        house.value("select tracker.pause_batch(%s, '', 0)", batch)
    assert house.value("show lock_timeout") == "0"
    other.rollback()
    other.close()
    assert house.value("select tracker.pause_batch(%s, '', 0)", batch)


def cancelled(house, batch):
    return [r.cancelled for r in house.rows("select * from tracker.read_batches(array[%s])", batch)]


def cancel(house, batch):
    return house.value("select tracker.cancel_batch(%s)", batch)


def sweep(house):
    return house.value("select tracker.sweep_cancelled(1000)")


@pytest.mark.parametrize("folded", [False, True])
def test_what_waits_of_a_cancelled_batch_is_cancelled_at_once_in_every_stage(house, folded):
    first, second = house.load(6, name="wrong"), house.load(1)
    through(house, 1, 3)
    a, b = house.worker(), house.worker(2)
    house.back(a, house.take(a)[0])
    house.back(b, house.take(b)[0])
    held = house.take(house.worker())
    if folded:
        house.end_minute()
        house.fold()
    # In stage A: one in retry, one in hand, one not begun; in stage B: one in retry, two ready.
    assert cancel(house, first) == 5
    assert counts(house, first) == {1: (0, 0, 1, 3, 0), 2: (0, 0, 0, 0, 0)}
    assert cancelled(house, first) == [2, 3]
    assert [(c.ready, c.retry, c.leased, c.cancelled) for c in (house.counts(1), house.counts(2))] == [
        (1, 0, 1, 2), (0, 0, 0, 3)]
    assert house.broken_laws() == []
    house.make_due()
    assert [r.job for r in house.want(a, 9) if r.status == "job"] == [7]
    assert house.want(b)[0].status == "none"
    assert cancel(house, first) is None
    assert cancel(house, second + 1) is None
    assert not house.value("select tracker.pause_batch(%s)", first)
    assert audit(house)[-1] == ("cancel", 'batch "wrong"', {})
    house.end_minute()
    house.fold()
    assert house.broken_laws() == []
    assert sweep(house) == 0  # what was in hand of late stays, and what a repair would look for
    house.pass_time(90000)
    assert sweep(house) == 1 and sweep(house) == 0
    assert held and cancelled(house, first) == [2, 3]
    assert house.broken_laws() == []


def test_what_comes_back_of_a_cancelled_batch_is_cancelled_and_what_is_done_counts(house):
    batch = house.load(6)
    through(house, 1, 1)
    a = house.worker()
    jobs = house.take(a, 5)
    house.max_attempts = 1
    house.back(a, jobs[4])
    cancel(house, batch)
    house.max_attempts = 10
    assert house.done(a, jobs[0]) == "accepted"
    house.back(a, jobs[1])
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    house.value("select tracker.requeue_failed(1::int2, null)")
    assert counts(house, batch) == {1: (0, 0, 2, 1, 0), 2: (0, 0, 0, 0, 0)}
    assert cancelled(house, batch) == [3, 1]
    house.time_out(a)
    # Its time-out made it a job that came back; the result that comes all the same counts.
    assert house.done(a, jobs[2]) == "accepted"
    assert counts(house, batch) == {1: (0, 0, 0, 2, 0), 2: (0, 0, 0, 0, 0)}
    assert cancelled(house, batch) == [4, 2]
    house.make_due()
    assert house.want(house.worker(), 9)[0].status == "none"
    house.end_minute()
    house.fold()
    assert house.value("select ended is not null from tracker.batch")


def test_a_v1_result_after_a_cancel_counts(house):
    batch = house.load(2)
    a, b = house.worker(), house.worker()
    assert [house.new_job(w).job for w in (a, b)] == [1, 2]
    cancel(house, batch)
    assert house.done(a) == "accepted"
    house.time_out(b)
    assert house.done(b) == "accepted"
    assert (counts(house, batch)[1], cancelled(house, batch)) == ((0, 0, 0, 2, 0), [0, 2])


def test_a_batch_with_nothing_in_hand_has_ended_when_it_is_cancelled_and_is_swept_a_day_later(house):
    batch = house.load(3)
    through(house, 1, 2)
    cancel(house, batch)
    assert house.value("select ended is not null and not swept from tracker.batch")
    house.rows("update tracker.batch set ended = ended - interval '2 days'")
    assert sweep(house) == 0
    assert house.value("select swept from tracker.batch")
    assert house.broken_laws() == []
    assert house.rows("select state, total, done, remaining from tracker.read_eta(60, 3)") == [("finished", 2, 2, 0)]


def test_what_an_undo_put_back_of_a_cancelled_batch_is_left_however_long_ago_for_the_undo_may_be_taken_back(house):
    batch = house.load(3)
    w = house.worker(nickname="Mallory")
    for job in house.take(w, 2):
        house.done(w, job)
    undo = house.value("select tracker.undo_begin('Mallory', null, null, null, null, null, null, 'x', false)")
    house.rows("select * from tracker.undo_step(%s, 10)", undo)
    cancel(house, batch)
    house.rows("update tracker.retry set due = due - interval '2 days', since = since - interval '2 days'")
    house.rows("update tracker.batch set ended = ended - interval '2 days'")
    assert sweep(house) == 0
    assert house.rows("select jobs, results from tracker.undo_take_back(%s, 0, 10)", undo) == [(2, 2)]


def test_what_waits_for_its_time_of_a_cancelled_batch_is_not_missing_from_the_others(house):
    off = house.load(1)
    house.load(2, name="kept")
    w = house.worker()
    for job in house.take(w, 3):
        house.back(w, job)
    cancel(house, off)
    house.rows("update tracker.retry set due = now() where job = 2")
    assert (house.counts(1).retry, house.counts(1).due) == (2, 1)


def test_a_result_of_a_cancelled_batch_can_be_sent_back_after_it_was_swept(house):
    batch = house.load(3)
    through(house, 1, 2)
    cancel(house, batch)
    house.pass_time(90000)
    house.rows("update tracker.batch set ended = ended - interval '2 days'")
    sweep(house)
    assert house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    assert (counts(house, batch)[1], cancelled(house, batch)) == ((0, 0, 0, 1, 0), [2, 1])
    assert house.broken_laws() == []


def test_a_stage_that_is_appended_has_nothing_of_a_cancelled_batch_to_hand_out(house):
    batch = house.load(2)
    through(house, 1, 2)
    through(house, 2, 2)
    cancel(house, batch)
    house.value("select tracker.append_stage('Third')")
    assert cancelled(house, batch) == [0, 0, 2]
    assert house.want(house.worker(3))[0].status == "none"


def test_what_waits_of_a_paused_batch_is_held(house):
    batch = house.load(5)
    house.load(1)
    through(house, 1, 3)
    a = house.worker(2)
    house.back(a, house.take(a)[0], "undelivered", str(house.value("select call from tracker.lease")))
    house.value("select tracker.pause_batch(%s)", batch)
    for _ in range(2):
        assert [(c.ready, c.retry, c.due, c.held) for c in (house.counts(1), house.counts(2))] == [
            (3, 0, 0, 2), (2, 1, 0, 2)]
        assert [house.counts(s).held_retry for s in (1, 2)] == [0, 1]
        house.end_minute()
        house.fold()
    house.value("select tracker.resume_batch(%s)", batch)
    assert [(c.due, c.held) for c in (house.counts(1), house.counts(2))] == [(0, 0), (1, 0)]


@pytest.mark.parametrize("stage", [1, 2])
def test_the_next_claims_are_the_urgent_batch(house, stage):
    first, urgent = house.load(8), house.load(3, name="urgent")
    if stage == 2:
        through(house, 1, 11)
    a = house.worker(stage)
    for job in house.take(a, 3):
        house.back(a, job, "undelivered", str(house.value("select call from tracker.lease where job = %s", job.job)))
    assert house.rows("select * from tracker.set_batch(%s, 5, 'for Ann')", urgent) == [(0, "", "", 0)]
    assert line(house, stage) == [urgent, first]
    b = house.worker(stage)
    assert [r.job for r in house.claim([Ask(house.worker(stage).token, v1=True) for _ in range(2)])] == [9, 10]
    assert [j.job for j in house.take(b)] == [11]
    assert house.rows("select * from tracker.set_batch(%s, null, null)", urgent) == [(5, "for Ann", "", 0)]
    assert audit(house)[0] == ("set", 'batch "urgent"', {"priority": 5, "note": "for Ann"})


def test_all_that_is_set_at_once_is_set_or_nothing(house):
    batch = house.load(1)
    said = "select * from tracker.set_batch(%s, 5, 'for Ann', 60, %s, %s)"
    for words, rate in (("no word!", 600), ("gpu", 6000001)):
        with pytest.raises(psycopg2.Error):
            house.rows(said, batch, words, rate)
    assert house.rows("select priority, note, needs from tracker.batch") == [(0, "", 0)]
    assert house.value("select count(*) from tracker.gate") == house.value("select count(*) from tracker.audit") == 0
    assert house.rows(said, batch, "gpu", 600) == [(0, "", "", 0)]
    assert house.rows("select * from tracker.set_batch(%s, null, null, 60, '', 0)", batch) == [(5, "for Ann", "gpu", 600)]
    assert house.rows("select * from tracker.set_batch(%s, null, null)", batch) == [(5, "for Ann", "", 0)]


ODD = ("a\nb", "x" * 201, "a\x1b[31m", "a\u202eb", "a\u200bb", "\u2028")


@pytest.mark.parametrize("act", [
    "set_batch({0}, null, %s)", "pause_batch({0}, %s)", "send_back_job(1, 1::int2, %s)", "take_lease(1::int2, 1, %s)",
    "undo_begin('anonymous', null, 1::int2, null, null, null, null, %s, false)", "ban_strangers('Mallory', null, null, null, null, %s, null)"])
def test_what_an_operator_says_is_one_line_that_can_be_seen(house, act):
    batch = house.load(1)
    through(house, 1, 1)
    for said in ODD:
        with pytest.raises(psycopg2.Error, match="one line of at most 200 characters") as e:
            house.rows("select tracker." + act.format(batch), said)
        assert e.value.pgcode == "TR003"
    assert house.value("select count(*) from tracker.audit") == 0
    house.rows("select tracker." + act.format(batch), "für Ännchen \U0001f469\u200d\U0001f52c" + "x" * 180)


def test_what_cannot_be_said_of_a_batch_is_refused_in_words(house):
    batch = house.load(1, name="one")
    house.load(1, name="two")
    for sql, values in (("set_batch(%s, %s, null)", (101, -101)),
                        ("rename_batch(%s, %s)", ("two", "", "a\tb", "x" * 201, " a", "a ", "\u3000a", "../..", "a/./b", "..", "x/.."))):
        for value in values:
            with pytest.raises(psycopg2.Error) as e:
                house.rows(f"select tracker.{sql}", batch, value)
            assert e.value.pgcode == "TR003"
    with pytest.raises(psycopg2.Error) as e:
        house.value("select tracker.batch_named('three')")
    assert e.value.pgcode == "TR003"
    for name in ("ftp://x/{1..5}/", "/a", "..x/.y"):
        house.value("select tracker.rename_batch(%s, %s)", batch, name)
    house.value("select tracker.rename_batch(%s, 'one')", batch)
    assert house.value("select tracker.rename_batch(%s, 'three')", batch) == "one"
    assert house.value("select tracker.rename_batch(%s, 'three')", batch) == "three"
    assert house.value("select tracker.batch_named('three')") == batch
    assert house.rows("select from tracker.set_batch(%s, 1, null)", batch + 2) == []
    assert house.value("select tracker.rename_batch(%s, 'four')", batch + 2) is None


def test_failed_jobs_of_one_batch_are_listed_and_put_back(house):
    house.max_attempts = 1
    first, second = house.load(2), house.load(2)
    a = house.worker()
    for job in house.take(a, 4):
        house.back(a, job)
    assert [r.job for r in house.rows("select * from tracker.list_failed(1::int2, 0, 9, %s)", second)] == [3, 4]
    assert house.value("select tracker.requeue_failed(1::int2, null, null, null, %s)", first) == 2
    assert (counts(house, first)[1], counts(house, second)[1]) == ((0, 2, 0, 0, 0), (0, 0, 0, 0, 2))


def test_a_load_of_before_batches_is_refused_in_words(house):
    house.load(2)
    through(house, 1, 1)
    with pytest.raises(psycopg2.Error) as e:
        house.rows("update tracker.frontier set last = 9 returning 1")
    assert e.value.pgcode == "TR003" and "distcompute-load" in str(e.value)


def hurry(house, stage, *jobs):
    return house.value("select tracker.hurry_jobs(%s::int2, %s::int8[])", stage, list(jobs))


def drawn(house, stage=1, call="v1"):
    """All that can be had, one a call."""
    rows = iter(lambda: house.want(house.worker(stage))[0] if call == "fleet" else house.new_job(house.worker(stage)), None)
    return [r.job for r in itertools.takewhile(lambda r: r.status == "job", rows)]


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("job", [2, 4, 6])
def test_a_job_that_nobody_has_had_is_hurried_in_stage_a(house, begun, job):
    """The first, the last and one between of what is left."""
    batch = house.load(6)
    house.load(1)
    if begun:
        through(house, 1, 1)
    assert hurry(house, 1, job) == [job]
    assert counts(house, batch)[1] == (4 if begun else 5, 1, 0, int(begun), 0)
    left = [n for n in range(1 + begun, 7) if n != job]
    assert drawn(house) == [job, *left, 7]


def test_a_job_that_is_ready_is_hurried_in_a_later_stage(house):
    batch = house.load(4)
    through(house, 1, 4)
    assert hurry(house, 2, 3) == [3]
    assert counts(house, batch)[2] == (3, 1, 0, 0, 0)
    assert drawn(house, 2) == [3, 1, 2, 4]
    for stage, job in ((1, 3), (2, 3), (2, 99), (1, 0)):
        assert hurry(house, stage, job) == []
    cancel(house, house.load(2))
    assert hurry(house, 1, 5) == []


@pytest.mark.parametrize("call", ["v1", "fleet"])
@pytest.mark.parametrize("stage", [1, 2])
def test_hurried_jobs_go_before_every_batch_in_the_order_in_which_they_were_said(house, stage, call):
    first, last = house.load(3), house.load(4)
    if stage == 2:
        through(house, 1, 7)
    house.rows("select * from tracker.set_batch(%s, 100, null)", first)
    assert hurry(house, stage, 7, 5, 7) == [7, 5]
    assert hurry(house, stage, 6) == [6]
    assert drawn(house, stage, call) == [7, 5, 6, 1, 2, 3, 4]
    assert audit(house)[1] == ("hurry", f"2 jobs, stage {'ab'[stage - 1]}", {"jobs": [7, 5]})
    assert counts(house, last)[stage][2] == 4


def test_only_the_hurried_jobs_of_a_batch_go_first(house):
    house.load(3)
    later = house.load(4)
    hurry(house, 1, 6)
    assert [j.job for j in house.take(house.worker(), 5)] == [6, 1, 2, 3, 4]
    assert counts(house, later)[1] == (2, 0, 2, 0, 0)


def test_a_hurried_job_does_not_pass_a_pause_a_need_or_its_own_worker(house):
    first, second = house.load(2), house.load(3)
    ada = house.worker()
    house.value("select tracker.pause_batch(%s)", second)
    hurry(house, 1, 5)
    assert house.take(ada)[0].job == 1
    house.value("select tracker.resume_batch(%s)", second)
    assert house.value("select tracker.set_batch_needs(%s, 'gpu')", second)
    assert house.take(ada)[0].job == 2
    gpu = house.worker()
    house.says(gpu, "gpu")
    (job,) = house.take(gpu)
    assert job.job == 5
    # Who has just let it go is passed over for it, while there is something else.
    house.back(gpu, job)
    hurry(house, 1, 5)
    assert [j.job for j in house.take(gpu, 2)] == [3, 4]
    assert [j.job for j in house.take(gpu)] == [5]


def test_a_stage_is_dealt_as_before_when_no_job_is_hurried_any_more(house):
    batch, paused = house.load(3), house.load(1)
    hurry(house, 1, 3, 4)
    house.value("select tracker.pause_batch(%s)", paused)

    def is_hurried():
        house.rows("update tracker.stage set hurried = hurried - interval '2 minutes'")
        tidy(house)
        return house.value("select hurried is not null from tracker.stage where stage = 1")
    assert house.new_job(house.worker()).job == 3
    assert is_hurried()  # it may go on
    house.value("select tracker.resume_batch(%s)", paused)
    assert house.new_job(house.worker()).job == 4
    hurry(house, 1, 2)
    tidy(house)
    assert house.value("select hurried is not null from tracker.stage where stage = 1")
    cancel(house, batch)
    assert not is_hurried()


def test_a_hurried_job_waits_for_no_rate(house):
    batch = house.load(3)
    house.value("select tracker.set_batch_rate(%s, 1)", batch)
    assert house.take(house.worker())[0].job == 1
    assert house.new_job(house.worker()).status == "none"
    hurry(house, 1, 3)
    assert house.new_job(house.worker()).job == 3
    assert house.new_job(house.worker()).status == "none"


# ---- a batch's life

def test_a_batch_has_ended_when_nothing_of_it_is_left_to_do(house):
    batch = house.load(2)
    house.max_attempts = 1

    def ended():
        house.end_minute()
        house.fold()
        return house.value("select ended is not null from tracker.batch where batch = %s", batch)

    through(house, 1, 2)
    assert not ended()
    b = house.worker(2)
    jobs = house.take(b, 2)
    house.done(b, jobs[0])
    assert not ended()
    house.back(b, jobs[1])
    assert ended()
    house.value("select tracker.requeue_failed(2::int2, null)")
    assert not ended()


def test_names_are_taken_once_and_made_different_when_nobody_chose_them(house):
    assert [house.load(1, name="urls.txt"), house.load(1, name="urls.txt"), house.load(1, name="urls.txt")]
    assert [r.name for r in house.rows("select name from tracker.batch order by batch")] == [
        "urls.txt", "urls.txt (2)", "urls.txt (3)"]
    for name in ("urls.txt", "", " ", "two\nlines", "x" * 201):
        with pytest.raises(psycopg2.Error) as e:
            house.value("select tracker.open_batch(%s, true, 4)", name)
        assert e.value.pgcode == "TR003"


def test_no_jobs_are_no_batch(house):
    assert house.load(0) is None
    assert house.rows("select from tracker.batch") == []


def test_an_appended_stage_has_the_work_of_each_batch(house):
    batches = [house.load(2), house.load(3), house.load(1)]
    through(house, 1, 5)
    through(house, 2, 5)
    house.value("select tracker.append_stage('Third')")
    assert line(house, 3) == batches[:2]
    assert [counts(house, b)[3][0] for b in batches] == [2, 3, 0]
    assert through(house, 3, 5) == [1, 2, 3, 4, 5]


def test_a_reset_leaves_no_batch(house):
    house.load(3)
    through(house, 1, 2)
    house.rows("select tracker.reset_jobs()")
    for table in ("batch", "batch_count", "ahead", "frontier"):
        assert house.rows(f"select from tracker.{table}") == []
    assert (house.counts(1).ready, line(house, 1), line(house, 2)) == (0, [], [])
    house.load(2)
    assert [j.job for j in house.take(house.worker(), 2)] == [1, 2]


# ---- exact edges of what an operator may say, and acts on a batch that another act was on before

def test_the_longest_and_the_most_is_taken(house):
    long = "x" * 200
    batch = house.load(1, name=long)
    assert house.value("select tracker.batch_named(%s)", long) == batch
    for priority in (-100, 100):
        house.rows("select * from tracker.set_batch(%s, %s, %s)", batch, priority, "n" * 200)
        assert house.rows("select priority, note from tracker.batch") == [(priority, "n" * 200)]
    assert house.value("select tracker.set_batch_rate(%s, 6000000)", batch)


def test_names_that_differ_in_case_are_two(house):
    one, other = house.load(1, name="March"), house.load(1, name="march")
    assert [house.value("select tracker.batch_named(%s)", name) for name in ("March", "march")] == [one, other]
    with pytest.raises(psycopg2.Error):
        house.value("select tracker.batch_named('MARCH')")


def test_what_is_put_behind_goes_behind(house):
    one, other = house.load(1), house.load(1, name="other")
    house.rows("select * from tracker.set_batch(%s, -5, null)", one)
    assert line(house, 1) == [other, one]
    assert [j.job for j in house.take(house.worker(), 2)] == [2, 1]


def test_a_new_priority_leaves_the_note_and_a_new_note_the_priority(house):
    batch = house.load(1)
    house.rows("select * from tracker.set_batch(%s, 5, 'for Ann')", batch)
    house.rows("select * from tracker.set_batch(%s, 7, null)", batch)
    house.rows("select * from tracker.set_batch(%s, null, '')", batch)
    assert house.rows("select priority, note from tracker.batch") == [(7, "")]


def test_a_paused_batch_that_is_cancelled_is_paused_no_more_and_has_ended_when_nothing_is_in_hand(house):
    batch = house.load(2)
    a = house.worker()
    job, _ = house.take(a, 2)
    house.value("select tracker.pause_batch(%s, 'late')", batch)
    cancel(house, batch)
    assert house.rows("select cancelled, paused, paused_why, ended is null from tracker.batch") == [(True, False, "", True)]
    house.done(a, job)
    house.bye(a)
    house.end_minute()
    house.fold()
    assert house.value("select ended is not null from tracker.batch")


def test_what_is_due_later_is_in_line_again_when_its_batch_goes_on(house):
    batch = house.load(1)
    a = house.worker()
    house.back(a, house.take(a)[0])
    house.value("select tracker.pause_batch(%s)", batch)
    tidy(house)
    house.value("select tracker.resume_batch(%s)", batch)
    assert line(house, 1) == [batch]


def test_a_job_of_a_cancelled_batch_that_came_back_is_hurried_by_nobody(house):
    batch = house.load(1)
    a = house.worker()
    house.back(a, house.take(a)[0])
    cancel(house, batch)
    assert not hurry(house, 1, 1)


def test_the_last_job_of_a_stretch_is_hurried_and_leaves_none_behind(house):
    batch = house.load(3)
    through(house, 1, 1)
    assert hurry(house, 1, 3)
    assert house.rows("select first, last from tracker.ahead") == []
    assert [j.job for _ in range(2) for j in house.take(house.worker())] == [3, 2]
    assert counts(house, batch)[1] == (0, 0, 2, 1, 0)


def test_hurrying_the_neighbour_of_a_stretch_of_one_loses_nothing(house):
    house.load(5)
    for job in (2, 4, 3):
        assert hurry(house, 1, job)
    assert sorted(j.job for j in house.take(house.worker(), 5)) == [1, 2, 3, 4, 5]


# ---- the line, closely

def written(house, stage=1):
    """Whether the stage's row is another one than before is told by this."""
    return house.value("select xmin::text from tracker.stage where stage = %s", stage)


def test_what_comes_back_to_a_paused_batch_writes_no_line(house):
    batch = house.load(2)
    a = house.worker()
    jobs = house.take(a, 2)
    house.value("select tracker.pause_batch(%s)", batch)
    before = written(house)
    for job in jobs:
        house.back(a, job)
    assert written(house) == before


def test_of_two_batches_that_come_into_line_at_once_both_are_in_it(house):
    one, other = house.load(1), house.load(1)
    through(house, 1, 1)
    house.value("select tracker.join_line(array[2, 2]::int2[], array[%s, %s])", one, other)
    assert line(house, 2) == [one, other]


def test_what_is_due_within_a_minute_is_put_in_line_before_it_is(house):
    """Of two batches in a row, both."""
    batches = [house.load(1), house.load(1)]
    a = house.worker()
    for job in house.take(a, 2):
        house.back(a, job)
    house.rows("update tracker.stage set line = '{}'")
    house.rows("update tracker.retry set due = clock_timestamp() + interval '50 seconds'")
    assert tidy(house) == 0
    assert line(house, 1) == batches
    house.rows("update tracker.stage set line = '{}'")
    house.rows("update tracker.retry set due = clock_timestamp() + interval '70 seconds'")
    tidy(house)
    assert line(house, 1) == []


def test_a_hint_of_one_batch_is_none_for_the_next(house):
    """A call that goes on to the batch behind looks at its head, whatever the hint of the first says."""
    first, second = house.load(1), house.load(2)
    a = house.worker()
    jobs = house.take(a, 3)
    for job in (jobs[1], jobs[2], jobs[0]):  # the first batch's position is the last one
        house.done(a, job)
    house.hints[1], house.hints[6] = 10**6, first
    assert sorted(j.job for j in house.take(house.worker(2), 3)) == [1, 2, 3]
    assert second


def test_of_the_batch_behind_all_that_came_back_is_given_when_nothing_else_is_left(house):
    first, second = house.load(4), house.load(4)
    a = house.worker()
    for job in house.take(a, 8):
        house.back(a, job, "undelivered", str(house.value("select call from tracker.lease where job = %s", job.job)))
    assert sorted(j.job for j in house.take(house.worker(), 5))[:4] == [1, 2, 3, 4]
    assert [counts(house, batch)[1][1:3] for batch in (first, second)] == [(0, 4), (3, 1)]
    assert len(house.take(house.worker(), 3)) == 3


def test_a_clock_that_was_set_back_lets_look_behind_the_eighth_all_the_same(house):
    set_look = "select set_config('tracker.look_on_1', (clock_timestamp() + interval '%s')::text, false)"
    house.rows(set_look % "1 hour")
    assert house.value("select tracker.may_look_on(1::int2)")
    house.rows(set_look % "500 ms")
    assert not house.value("select tracker.may_look_on(1::int2)")


def test_a_sweep_takes_so_many_of_all_and_not_of_each(house):
    batches = [house.load(2), house.load(2)]
    a = house.worker()
    house.take(a, 4)
    for batch in batches:
        cancel(house, batch)
    house.time_out(a)
    house.pass_time(90000)
    assert [house.value("select tracker.sweep_cancelled(3)") for _ in range(3)] == [3, 1, 0]


def test_who_flagged_a_job_gets_another_batchs_even_when_it_comes_behind(house):
    house.load(1)
    second = house.load(1)
    through(house, 1, 2)
    b = house.worker(2)
    (job,) = house.take(b)
    house.flag(b, job)
    house.make_due()
    assert [j.job for j in house.take(b)] == [2]
    assert house.value("select batch from tracker.lease where stage = 2") == second


def test_what_is_ahead_is_counted_for_each_batch_that_was_begun(house):
    batches = [house.load(4) for _ in range(4)]
    w = house.worker()
    for n, batch in enumerate(batches[:3]):
        house.rows("update tracker.stage set line = array[%s]", batch)
        house.take(w, n + 1)
    house.rows("update tracker.stage set line = %s", batches)
    assert dict(house.rows("select * from tracker.count_ahead()")) == dict(zip(batches, (3, 2, 1, 4)))


def test_a_name_that_nobody_chose_is_made_different_a_thousand_times(house):
    house.lawful = False
    house.rows("insert into tracker.batch (name, first, last) select 'load' || case when n > 1 then format(' (%%s)', n) else '' end, n, n"
               " from generate_series(1, 999) n")
    batch = house.load(1)
    assert house.value("select name from tracker.batch where batch = %s", batch) == "load (1000)"
    with pytest.raises(psycopg2.errors.UniqueViolation):
        house.load(1)


def test_what_is_not_cancelled_is_never_swept(house):
    """Nor once more what was; of what is, what came back more than a day ago."""
    kept, off = house.load(3), house.load(3)
    w = house.worker()
    for job in house.take(w, 5):
        house.back(w, job)
    cancel(house, off)
    house.rows("update tracker.retry set since = now() - interval '1 day' + interval '10 minutes'")
    assert sweep(house) == 0
    house.rows("update tracker.retry set since = since - interval '11 minutes'")
    assert [house.value("select tracker.sweep_cancelled(1)") for _ in range(3)] == [1, 1, 0]
    assert house.rows("select batch, count(*) from tracker.retry group by 1") == [(kept, 3)]
    house.rows("update tracker.batch set swept = true")
    house.rows("insert into tracker.retry (stage, batch, job, due, attempt, lease, since)"
               " values (1, %s, 6, now(), 1, gen_random_uuid(), now() - interval '2 days')", off)
    assert house.value("select tracker.sweep_cancelled(9)") == 0
    house.lawful = False


def test_work_is_that_of_its_stage_and_batch(house):
    first, second = house.load(1), house.load(1)
    has = "select tracker.has_work(%s::int2, %s, now())"

    def where():
        return [(stage, batch) for stage in (1, 2) for batch in (first, second) if house.value(has, stage, batch)]
    assert where() == [(1, first), (1, second)]
    w = house.worker()
    job = house.take(w)[0]
    assert where() == [(1, second)]
    house.back(w, job)
    assert where() == [(1, second)]
    house.make_due()
    assert where() == [(1, first), (1, second)]
    through(house, 1, 2)
    assert where() == [(2, first), (2, second)]
    house.take(house.worker(2))
    assert where() in ([(2, first)], [(2, second)])


def test_what_is_hurried_is_written_down_by_number_when_it_is_few(house):
    house.load(205)
    for first, last in ((2, 2), (3, 4), (5, 104), (105, 205)):
        assert len(house.value("select tracker.hurry_jobs(1::int2, array(select n from generate_series(%s, %s) n))", first, last)) == last - first + 1
    told = house.rows("select target, count, jsonb_array_length(details -> 'jobs') as named from tracker.audit where act = 'hurry' order by id")
    assert told == [("job 2, stage a", 1, None), ("2 jobs, stage a", 2, 2), ("100 jobs, stage a", 100, 100), ("101 jobs, stage a", 101, None)]
