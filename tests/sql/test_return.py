"""return_jobs: failed, flagged, released; what a job goes through when it comes back."""

import uuid

import pytest

from house import Ask, Back


def due_in(house, job=1):
    return round(float(house.value("select extract(epoch from due - clock_timestamp())"
                                   " from tracker.retry where job = %s", job)))


def test_the_back_off_doubles_up_to_an_hour(house):
    house.load(1)
    w = house.worker()
    waits = []
    for _ in range(9):
        (j,) = house.take(w)
        house.back(w, j)
        waits.append(due_in(house))
        house.make_due()
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_after_max_attempts_a_job_is_failed_with_its_reason(house):
    house.max_attempts = 3
    house.load(1)
    w = house.worker()
    for n in range(3):
        (j,) = house.take(w)
        assert j.attempt == n + 1
        house.back(w, j, reason=f"exit {n}")
        house.make_due()
    (f,) = house.rows("select * from tracker.list_failed(1::int2, 0, 10)")
    assert (f.stage, f.job, f.kind, f.reason, f.attempt, f.worker) == (
        1, 1, "failed", "3 bad ends by 1 worker of 1 person, at last: exit 2", 3, w.name)
    assert house.want(w)[0].status == "none"


@pytest.mark.parametrize("how", ["failed", "flagged", "abandoned", "timed_out"])
def test_an_attempt_counts_when_it_ends_as(house, how):
    house.load(2)
    w = house.worker()
    j = house.new_job(w)
    if how == "abandoned":
        house.touch(w)
        house.new_job(w)
    elif how == "timed_out":
        house.pass_time(100)
        house.expire(10)
    else:
        house.back(w, j, how)
    assert house.rows("select job, attempt from tracker.retry") == [(1, 2)]
    assert house.row(w).struck == 1


@pytest.mark.parametrize("how", ["bye", "dropped"])
def test_no_attempt_counts_and_there_is_no_wait_after(house, how):
    house.load(1)
    w, other = house.worker(), house.worker()
    (j,) = house.take(w)
    if how == "bye":
        (r,) = house.bye(w)
        assert (r.status, r.stage, r.freed) == ("closed", 1, 1)
    else:
        (r,) = house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
        assert (r.worker, r.token, r.freed) == (w.id, w.token, 1)
    assert [(r.job, r.attempt) for r in house.take(other)] == [(1, 1)]
    assert house.row(w).struck == 0


def test_what_is_given_back_with_a_wait_frees_nothing_now(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    r = house.back(w, j)
    assert (r.status, r.freed_stage) == ("accepted", None)


def test_a_repeated_return_is_a_repeat(house):
    house.load(3)
    w = house.worker()
    for j, kind in zip(house.take(w, 3), ("failed", "flagged", "released")):
        assert house.back(w, j, kind).status == "accepted"
        assert house.back(w, j, kind).status == "repeat"
    assert house.value("select count(*) from tracker.strike") == 3


def test_the_same_return_twice_in_a_bundle_counts_once(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    b = Back(w.token, j.job, j.lease)
    assert [r.status for r in house.give_back([b, b])] == ["accepted", "repeat"]
    assert house.row(w).struck == 1


def test_a_return_of_a_lease_that_never_was_is_unknown(house):
    house.load(1)
    w = house.worker()
    rows = house.give_back([Back(w.token, 1, uuid.uuid4()), Back(w.token, -7, uuid.uuid4()),
                            Back(w.token, None, uuid.uuid4()), Back(uuid.uuid4(), 1, uuid.uuid4())])
    assert [r.status for r in rows] == ["unknown", "unknown", "unknown", "no_worker"]


@pytest.mark.parametrize("first, second, status", [
    ("flagged", "failed", "fenced"), ("failed", "flagged", "fenced"), ("released", "failed", "fenced"),
    ("failed", "released", "repeat"), ("failed", "failed", "repeat")])
def test_a_return_of_another_kind_is_fenced_but_for_a_release(house, first, second, status):
    """What is wrong with a job is said once a lease; that it is not in hand may be said again."""
    house.load(1)
    w = house.worker()
    (job,) = house.take(w)
    assert house.back(w, job, first).status == "accepted"
    assert house.back(w, job, second).status == status
    assert house.value("select count(*) from tracker.strike") == 1


def test_a_return_after_the_result_is_fenced(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.done(w, j)
    assert house.back(w, j).status == "fenced"


def test_reasons_and_kinds_may_be_missing(house):
    house.load(2)
    w = house.worker()
    one, two = house.take(w, 2)
    rows = house.give_back([Back(w.token, one.job, one.lease, "flagged", None),
                            Back(w.token, two.job, two.lease, None, None)])
    assert [r.status for r in rows] == ["accepted"] * 2
    assert [r.kind for r in house.rows("select kind from tracker.strike order by job")] == [
        "flagged", "failed"]


# ---- v1's flagInvalidData

def test_v1_flags_the_job_in_hand(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    assert house.flag(w).status == "accepted"
    assert house.rows("select job, kind, worker from tracker.strike") == [(1, "flagged", w.id)]


def test_v1_a_repeated_flag_hears_ok_and_counts_once(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.flag(w)
    assert house.flag(w).status == "repeat"
    assert house.value("select count(*) from tracker.strike") == 1


def test_v1_without_a_job_there_is_nothing_to_flag(house):
    w = house.worker()
    assert house.flag(w).status == "no_job"
    house.load(1)
    house.new_job(w)
    house.done(w)
    assert house.flag(w).status == "no_job"


def test_v1_a_flag_that_arrived_before_the_lease_was_given_never_touches_it(house):
    house.load(1)
    w = house.worker()
    house.new_job(w)
    assert house.flag(w, age_us=5_000_000).status == "no_job"
    assert house.counts(1).leased == 1


def test_v1_what_is_in_hand_can_be_flagged_when_the_clock_is_set_back(house):
    house.load(1)
    w = house.worker()
    house.new_job(w)
    house.pass_time(-3000)
    assert house.flag(w, age_us=1000).status == "accepted"


def test_v1_a_flag_of_nobody(house):
    w = house.worker()
    house.bye(w)
    assert house.flag(w).status == "no_worker"


# ---- the flag limit

def make_input(house, maker):
    """Job 1 through stage A."""
    (j,) = house.take(maker)
    house.done(maker, j, data="made")


def flag_by(house, *workers):
    for w in workers:
        house.make_due()
        (j,) = house.take(w)
        r = house.flag(w, j, reason="not a tar file")
    return r


def test_five_different_workers_send_the_job_back_one_stage(house):
    house.load(1)
    maker = house.worker(1, "Ada")
    make_input(house, maker)
    workers = [house.worker(2) for _ in range(5)]
    assert flag_by(house, *workers[:4]).freed_stage is None
    assert house.counts(1).done == 1
    assert flag_by(house, workers[4]).freed_stage == 1
    assert (house.counts(1).done, house.counts(1).retry, house.counts(2).retry) == (0, 1, 0)
    (o,) = house.rows("select * from tracker.refused_output")
    assert (o.stage, o.job, o.data, o.worker) == (1, 1, "made", maker.id)
    assert "not a tar file" in o.reason
    assert house.value("select sum(c.done - c.withdrawn) from tracker.credit c join tracker.person p"
                       " on p.id = c.person where p.nickname = 'Ada'") == 0


def test_the_job_is_due_in_the_stage_before_at_once(house):
    house.flag_limit = 1
    house.load(1)
    a, b = house.worker(1), house.worker(2)
    make_input(house, a)
    flag_by(house, b)
    assert [(r.stage, r.job, r.data) for r in house.take(a)] == [(1, 1, "input 1")]


def test_one_worker_that_flags_five_times_is_one_strike(house):
    house.load(1)
    make_input(house, house.worker(1))
    flag_by(house, *[house.worker(2)] * 5)
    assert house.counts(1).done == 1


def test_strikes_before_the_input_was_made_no_longer_count(house):
    house.flag_limit = 2
    house.load(1)
    a, b, c = house.worker(1), house.worker(2), house.worker(2)
    make_input(house, a)
    flag_by(house, b, c)
    make_input(house, a)
    assert flag_by(house, b).freed_stage is None
    assert house.counts(1).done == 1
    assert flag_by(house, c).freed_stage == 1


def test_at_stage_a_the_job_becomes_failed_with_the_reason(house):
    house.load(1)
    assert flag_by(house, *[house.worker() for _ in range(5)]).freed_stage is None
    (f,) = house.rows("select * from tracker.list_failed(1::int2, 0, 10)")
    assert (f.kind, f.job) == ("flagged", 1)
    assert "flagged by 5 workers" in f.reason and "not a tar file" in f.reason


def test_a_job_flagged_at_its_last_attempt_tells_who_flagged_it(house):
    house.flag_limit, house.max_attempts = 2, 2
    house.load(1)
    first, last = house.worker(), house.worker()
    flag_by(house, first, last)
    (f,) = house.rows("select * from tracker.list_failed(1::int2, 0, 10)")
    assert (f.kind, f.attempt, f.worker) == ("flagged", 2, last.name)


def test_one_worker_is_enough_where_one_flag_is_the_limit(house):
    house.flag_limit = 1
    house.load(1)
    w = house.worker()
    flag_by(house, w)
    (f,) = house.rows("select * from tracker.list_failed(1::int2, 0, 10)")
    assert (f.reason, f.worker) == ("flagged by 1 worker, at last: not a tar file", w.name)
    assert house.counts(1).failed == 1


def test_flags_up_to_max_attempts_send_back_all_the_same(house):
    house.max_attempts, house.flag_limit = 2, 2
    house.load(1)
    make_input(house, house.worker(1))
    assert flag_by(house, house.worker(2), house.worker(2)).freed_stage == 1
    assert (house.counts(2).failed, house.counts(1).retry) == (0, 1)


def test_nothing_goes_round_for_ever(house):
    house.max_attempts, house.flag_limit = 3, 1
    house.load(1)
    a, b = house.worker(1), house.worker(2)
    for _ in range(3):
        assert house.counts(1).failed == 0
        make_input(house, a)
        flag_by(house, b)
    assert house.counts(1).failed == 1
    assert house.value("select count(*) from tracker.refused_output") == 3


def test_many_kinds_in_one_bundle(house):
    house.flag_limit = 1
    house.load(4)
    a = house.worker(1)
    for j in house.take(a, 4):
        house.done(a, j)
    b = house.worker(2)
    jobs = house.take(b, 4)
    kinds = ["failed", "flagged", "released", "flagged"]
    rows = house.give_back([Back(b.token, j.job, j.lease, k) for j, k in zip(jobs, kinds)])
    assert [(r.status, r.freed_stage) for r in rows] == [
        ("accepted", None), ("accepted", 1), ("accepted", None), ("accepted", 1)]
    assert (house.counts(1).retry, house.counts(2).retry, house.counts(1).done) == (2, 2, 2)


def test_what_an_answer_could_not_deliver_is_released(house):
    house.load(1)
    w = house.worker()
    (j,) = house.want(w, call=77)
    r = house.back(w, j, "undelivered", reason="77")
    assert (r.status, r.freed_stage) == ("accepted", 1)
    (again,) = house.take(house.worker())
    assert (again.job, again.attempt) == (1, 1)
    assert house.value("select reason from tracker.strike") == "the answer could not be delivered"


def test_what_a_later_call_was_told_again_is_not_taken_back(house):
    house.load(1)
    w = house.worker()
    (j,) = house.want(w, call=77)
    (told,) = house.want(w, holding=[])
    assert told.lease == j.lease
    assert house.back(w, j, "undelivered", reason="77").status == "unknown"
    assert house.counts(1).leased == 1
    assert house.done(w, told) == "accepted"


@pytest.mark.parametrize("quick", [True, False])
def test_who_was_sent_away_and_registers_anew_is_passed_over_for_what_it_had(house, quick):
    """Not so somebody else, who gets it before fresh work; and at last, when there is nothing else, it may try again."""
    house.load(4)
    house.quick = quick
    w = house.newcomer(nickname="Mallory", address="192.0.2.7")
    assert house.new_job(w).job == 1
    house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
    again = house.newcomer(nickname="Mallory", address="192.0.2.7")
    assert house.new_job(again).job == 2
    other = house.newcomer(nickname="Ada", address="192.0.2.7")
    assert house.new_job(other).job == 1
    house.rows("select * from tracker.drop_worker(1::int2, %s)", again.name)
    house.done(other)
    assert house.new_job(other).job == 2
    house.rows("select * from tracker.drop_worker(1::int2, %s)", other.name)
    third = house.newcomer(nickname="Mallory", address="192.0.2.7")
    assert [house.take(third)[0].job for _ in range(3)] == [3, 4, 2]


def test_nor_does_it_get_that_with_others_in_one_call(house):
    house.load(3)
    w = house.newcomer(nickname="Mallory")
    house.new_job(w)
    house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
    again, other = house.newcomer(nickname="Mallory"), house.newcomer(nickname="Ada")
    rows = house.claim([Ask(again.token, v1=True), Ask(other.token, v1=True)])
    assert {r.worker: r.job for r in rows} == {again.id: 2, other.id: 1}


@pytest.mark.parametrize("kind, chosen, bad", [
    ("failed", False, True), ("abandoned", False, True), ("flagged", False, True), ("released", True, True),
    ("released", False, False), ("timed_out", False, False), ("timed_out", True, False), ("undelivered", True, False)])
def test_the_end_of_an_attempt_is_bad_when_somebody_chose_it_or_it_failed(house, kind, chosen, bad):
    assert house.value("select tracker.is_bad_end(%s, %s)", kind, chosen) == bad


def test_only_the_same_person_at_the_same_place_was_sent_away(house):
    house.load(1)
    w = house.newcomer(nickname="Mallory", address="192.0.2.7")
    house.new_job(w)
    house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
    same, moved, neighbour = (house.newcomer(nickname=name, address=address) for name, address in (
        ("Mallory", "192.0.2.7"), ("Mallory", "198.51.100.7"), ("Ada", "192.0.2.7")))
    ids = {house.row(x).id: x for x in (same, moved, neighbour)}
    assert [ids[n] for n in house.value("select tracker.sent_away(1::int2, 1, %s::int8[])", list(ids))] == [same]


def test_who_was_sent_away_was_so_of_what_it_had_then(house):
    """Not of another job, nor of the job's next stage, nor of what it had let go or failed before; nor is somebody who left by themselves."""
    house.load(5)
    w = house.newcomer(nickname="Mallory", address="192.0.2.7")
    had, failed, let_go = house.take(w, 3)
    house.back(w, failed)
    house.back(w, let_go, "released")
    left = house.newcomer(nickname="Ada", address="192.0.2.8")
    house.make_due()
    house.back(left, house.take(left)[0], "released")
    house.bye(left)
    house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
    again = [house.newcomer(nickname=n, address=a).id for n, a in (("Mallory", "192.0.2.7"), ("Ada", "192.0.2.8"))]
    told = {(stage, job): house.value("select tracker.sent_away(%s::int2, %s, %s::int8[])", stage, job, again)
            for stage in (1, 2) for job in range(1, 6)}
    assert {place for place, who in told.items() if who} == {(1, had.job)} and told[1, had.job] == again[:1]


def test_only_an_operators_act_takes_a_job_away(house):
    """An answer that was lost, a goodbye and what a worker did itself do not."""
    house.load(4)
    taken, lost, let_go, failed = (house.worker() for _ in range(4))
    jobs = [house.take(w)[0] for w in (taken, lost, let_go, failed)]
    house.rows("select * from tracker.take_lease(1::int2, %s, '')", jobs[0].job)
    call = house.value("select call from tracker.lease where job = %s", jobs[1].job)
    house.back(lost, jobs[1], "undelivered", str(call))
    house.back(let_go, jobs[2], "released")
    house.back(failed, jobs[3], "failed")
    assert [house.value("select tracker.is_taken(1::int2, %s, %s)", j.job, j.lease) for j in jobs] == [True, False, False, False]


@pytest.mark.parametrize("kind", ["failed", "released", "flagged"])
def test_that_an_input_was_flagged_is_known_however_the_next_attempt_ends(house, kind):
    """So who flagged it is not given it again before others."""
    house.load(1)
    first, second = house.worker(), house.worker(2, nickname="another")
    house.done(first, house.take(first)[0])
    house.flag(second, house.take(second)[0])
    house.make_due()
    third = house.worker(2, nickname="a third")
    house.back(third, house.take(third)[0], kind)
    assert house.rows("select job, flagged from tracker.retry") == [(1, True)]


@pytest.mark.parametrize("v1", [False, True])
def test_what_is_due_brings_nothing_along_that_is_not(house, v1):
    house.load(3)
    w = house.worker()
    for job in house.take(w, 3):
        house.back(w, job)
    house.rows("update tracker.retry set due = now() - interval '1 second' where job = 2")
    others = [house.worker() for _ in range(3)]
    rows = house.claim([Ask(o.token, v1=v1) for o in others])
    assert [r.job for r in rows if r.status == "job"] == [2]
    assert house.counts(1).retry == 2
