"""complete_jobs and complete_held: what is taken in, and what is not."""

import threading
import time
import uuid

import psycopg2
import pytest

from house import Ask, House, Item, hash_of


@pytest.fixture(autouse=True, params=["quick", "long"])
def way(request, house):
    """v1's calls both ways: by complete_held, and by complete_jobs alone."""
    house.quick = request.param == "quick"


def fed_before(house):
    """As if the batch had fed the next stage before: the quick way is for such."""
    house.rows("select tracker.join_line(array[2::int2], array[%s])", house.batch())


def test_a_result_is_kept_with_who_made_it(house):
    house.load(1)
    w = house.worker(nickname="Ada")
    job = house.new_job(w)
    assert house.done(w, data="out") == "accepted"
    (o,) = house.rows("select o.*, p.nickname from tracker.output o join tracker.person p"
                      " on p.id = o.person")
    assert (o.stage, o.job, o.data, o.worker, o.nickname, o.attempt, o.lease) == (
        1, 1, "out", w.id, "Ada", 1, job.lease)
    assert o.started < o.finished
    assert house.row(w).done == 1


def test_the_input_stays(house):
    house.load(1)
    w = house.worker()
    house.new_job(w)
    house.done(w, data="out")
    assert house.value("select data from tracker.job") == "input 1"


def test_the_last_stage_feeds_nobody(house):
    house.load(1)
    a, b = house.worker(1), house.worker(2)
    house.new_job(a)
    house.done(a)
    house.new_job(b)
    house.done(b)
    assert house.value("select count(*) from tracker.ready") == 0
    assert house.counts(2).done == 1


def test_the_same_data_again_hears_ok_and_counts_once(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    assert [house.done(w), house.done(w)] == ["accepted", "repeat"]
    assert house.counts(1).done == 1


def test_other_data_for_a_completed_job_is_refused(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.done(w, data="one")
    assert house.done(w, data="two") == "done_before"


def test_the_same_data_with_a_newjob_between_is_no_repeat(house):
    house.load(1)
    w = house.worker()
    house.new_job(w)
    house.done(w)
    assert house.new_job(w).status == "none"
    assert house.done(w) == "no_job"


def test_equal_results_of_two_jobs_count_twice(house):
    house.load(2)
    w = house.worker()
    for _ in range(2):
        house.new_job(w)
        assert house.done(w, data="same") == "accepted"
    assert house.counts(1).done == 2


def test_a_result_that_arrived_before_the_lease_was_given_never_touches_it(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.done(w, data="one")
    house.pass_time(10)
    house.new_job(w)
    assert house.done(w, data="one", age_us=5_000_000) == "repeat"
    assert house.done(w, data="two", age_us=5_000_000) == "no_job"
    assert house.counts(1).leased == 1


@pytest.mark.parametrize("max_attempts", [1, 10])
def test_such_a_result_does_not_touch_the_lease_after_it_timed_out_either(house, max_attempts):
    house.max_attempts = max_attempts
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.done(w, data="one")
    house.new_job(w)
    house.pass_time(10)
    assert len(house.expire(5)) == 1
    assert house.done(w, data="one", age_us=20_000_000) == "repeat"
    assert house.done(w, data="two", age_us=20_000_000) == "no_job"
    assert house.counts(1).done == 1
    assert house.done(w, data="two", age_us=1_000_000) == "accepted"


def test_what_is_in_hand_can_be_completed_when_the_clock_is_set_back(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.pass_time(-3000)
    assert house.done(w, age_us=1000) == "accepted"
    assert house.done(w, age_us=500) == "repeat"


def test_without_a_job_there_is_nothing_to_complete(house):
    assert house.done(house.worker()) == "no_job"


def test_a_token_that_never_was_hears_so(house):
    rows = house.complete([Item(uuid.uuid4()), Item(uuid.uuid4(), 1, uuid.uuid4()), Item(None)])
    assert [r.status for r in rows] == ["no_worker"] * 3


def test_after_bye_the_token_is_unknown(house):
    house.load(1)
    w = house.worker()
    house.new_job(w)
    house.bye(w)
    assert house.done(w) == "no_worker"
    assert house.counts(1).done == 0


def complete_number(house, worker, number, data="result", age_us=0):
    (r,) = house.complete([Item(worker.token, number, None, data, age_us)])
    return r.status


def test_a_number_must_be_that_of_the_job_in_hand(house):
    house.load(3)
    w = house.worker()
    job = house.new_job(w).job
    assert complete_number(house, w, job + 1) == "no_job"
    assert complete_number(house, w, -1) == "no_job"
    assert house.counts(1).leased == 1
    assert complete_number(house, w, job) == "accepted"


def test_a_number_sent_again_is_a_repeat_of_that_job_only(house):
    house.load(3)
    w = house.worker()
    job = house.new_job(w).job
    assert complete_number(house, w, job) == "accepted"
    assert complete_number(house, w, job) == "repeat"
    assert complete_number(house, w, job + 1) == "no_job"
    assert complete_number(house, w, job, "other") == "done_before"
    assert house.done(w) == "repeat"
    assert house.counts(1).done == 1


def test_a_number_of_the_job_before_is_not_the_one_in_hand(house):
    house.load(3)
    w = house.worker()
    first = house.new_job(w).job
    house.done(w)
    second = house.new_job(w, age_us=-1).job
    assert second != first
    assert complete_number(house, w, first, "late") == "no_job"
    assert house.counts(1).leased == 1
    assert complete_number(house, w, second) == "accepted"


def test_a_number_without_a_job_of_v1_in_hand(house):
    assert complete_number(house, house.worker(), 1) == "no_job"
    house.load(1)
    fleet = house.worker()
    (job,) = house.take(fleet)
    assert complete_number(house, fleet, job.job) == "no_job"


# ---- sync

def test_many_results_of_one_worker_in_one_bundle(house):
    house.load(10)
    w = house.worker()
    rows = house.complete([Item(w.token, j.job, j.lease, f"r{j.job}") for j in house.take(w, 10)])
    assert [r.status for r in rows] == ["accepted"] * 10
    assert [r.data for r in house.rows("select data from tracker.output order by job")] == [
        f"r{n}" for n in range(1, 11)]
    assert house.row(w).done == 10


def test_the_same_item_twice_in_a_bundle_is_accepted_once(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    item = Item(w.token, j.job, j.lease, "x")
    assert [r.status for r in house.complete([item, item, item._replace(data="y")])] == [
        "accepted", "repeat", "fenced"]
    assert house.counts(1).done == 1


def test_a_resend_is_a_repeat(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    assert [house.done(w, j), house.done(w, j)] == ["accepted", "repeat"]


def test_a_lease_that_never_was_is_unknown(house):
    house.load(2)
    w = house.worker()
    (j,) = house.take(w)
    rows = house.complete([
        Item(w.token, j.job, uuid.uuid4()), Item(w.token, 99, j.lease), Item(w.token, -1, j.lease),
        Item(w.token, None, j.lease), Item(w.token, j.job, j.lease)])
    assert [r.status for r in rows] == ["unknown"] * 4 + ["accepted"]


def test_the_lease_of_somebody_else_is_unknown(house):
    house.load(1)
    a, b = house.worker(), house.worker()
    (j,) = house.take(a)
    assert house.done(b, j) == "unknown"
    assert house.done(a, j) == "accepted"


def test_one_bad_item_never_spoils_the_others(house):
    house.load(2)
    w = house.worker()
    one, two = house.take(w, 2)
    rows = house.complete([
        Item(w.token, one.job, one.lease, None), Item(uuid.uuid4(), 2**62, uuid.uuid4()),
        Item(w.token, two.job, two.lease, "x" * 100000)])
    assert [r.status for r in rows] == ["accepted", "no_worker", "accepted"]


def test_v1_and_sync_items_in_one_bundle(house):
    house.load(3)
    a, b = house.worker(), house.worker()
    house.new_job(a)
    (j,) = house.take(b)
    rows = house.complete([Item(a.token), Item(b.token, j.job, j.lease)])
    assert [r.status for r in rows] == ["accepted"] * 2


# ---- late results

def test_a_late_result_of_a_job_that_nobody_else_had_is_accepted(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.pass_time(100)
    house.expire(10)
    assert house.done(w, j) == "accepted"
    assert house.counts(1).retry == 0
    assert house.done(w, j) == "repeat"
    assert house.value("select attempt from tracker.output") == 1


@pytest.mark.parametrize("kind, attempt", [("released", 1), ("failed", 1)])
def test_a_result_of_what_was_given_back_is_of_the_attempt_that_it_had(house, kind, attempt):
    """A release costs no attempt, so it gives none back either."""
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.back(w, j, kind)
    assert house.done(w, j) == "accepted"
    assert house.value("select attempt from tracker.output") == attempt


def test_a_late_result_brings_an_idle_worker_back(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.time_out(w)
    assert house.touch(w) == []
    assert house.done(w) == "accepted"
    assert len(house.touch(w)) == 1
    assert house.new_job(w).job == 2


def test_an_idle_worker_without_a_late_result_stays_gone(house):
    house.load(1)
    a, b = house.worker(), house.worker()
    house.new_job(a)
    house.time_out(a)
    house.make_due()
    house.new_job(b)
    assert house.done(a) == "no_worker"


def test_once_handed_on_the_earlier_result_is_fenced(house):
    house.load(1)
    a, b = house.worker(), house.worker()
    (old,) = house.take(a)
    house.pass_time(100)
    house.expire(10)
    house.make_due()
    (new,) = house.take(b)
    assert house.done(a, old) == "fenced"
    assert house.done(b, new) == "accepted"
    assert house.done(a, old) == "fenced"


def test_v1_once_handed_on_there_is_no_open_job(house):
    house.load(1)
    a, b = house.worker(), house.worker()
    house.new_job(a)
    house.pass_time(100)
    house.expire(10)
    house.make_due()
    house.new_job(b)
    assert house.done(a) == "no_job"
    house.done(b)
    assert house.done(a) == "done_before"


def test_a_late_result_takes_a_timed_out_job_out_of_failed(house):
    house.max_attempts = 1
    house.load(1)
    w = house.worker()
    for _ in range(2):  # silence alone ends a job after twice as many
        assert house.counts(1).failed == 0
        house.make_due()
        (j,) = house.take(w)
        house.pass_time(100)
        house.expire(10)
    assert house.counts(1).failed == 1
    assert house.done(w, j) == "accepted"
    assert house.counts(1).failed == 0


def test_a_late_result_does_not_take_a_job_out_of_failed_that_it_gave_up(house):
    house.max_attempts = 1
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.back(w, j, reason="disk full")
    assert house.done(w, j) == "fenced"
    assert house.counts(1).failed == 1


def test_the_same_late_result_twice_in_a_bundle_counts_once(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.pass_time(100)
    house.expire(10)
    item = Item(w.token, j.job, j.lease, "x")
    assert [r.status for r in house.complete([item, item])] == ["accepted", "repeat"]


def test_credit_goes_to_the_person(house):
    house.load(3)
    a, b = house.worker(nickname="Ada"), house.worker(nickname="Ada")
    for w in (a, b, a):
        house.new_job(w)
        house.done(w)
    assert house.rows("select p.nickname, sum(c.done) from tracker.credit c join tracker.person p"
                      " on p.id = c.person group by 1") == [("Ada", 3)]


def test_a_completion_between_newjobs_ends_the_question(house):
    house.load(2)
    w = house.worker()
    first = house.new_job(w)
    house.done(w)
    assert house.new_job(w).job != first.job


def test_the_hash_decides_what_is_the_same(house):
    assert hash_of("a") != hash_of("b")
    house.load(1)
    w = house.worker()
    house.claim([Ask(w.token, v1=True)])
    assert house.done(w, data="") == "accepted"
    assert house.done(w, data="") == "repeat"


def test_a_lease_that_expires_while_its_worker_is_waited_for_counts_once(house, server):
    """The quick way reads the lease before it waits; it must not take what it read for true."""
    house.load(1)
    fed_before(house)
    w = house.worker()
    job = house.new_job(w)
    house.pass_time(100)
    keeper = House(server.connect())
    keeper.connection.autocommit = False
    assert len(keeper.expire(10)) == 1
    said = []

    def complete():
        try:
            said.append(house.done(w))
        except psycopg2.errors.SerializationFailure:
            house.quick = False  # as the tracker does
            said.append("again")
            said.append(house.done(w))

    thread = threading.Thread(target=complete)
    thread.start()
    watch = House(server.connect())
    end = time.monotonic() + 20
    while not watch.value("select count(*) from pg_locks where not granted") and time.monotonic() < end:
        time.sleep(0.01)
    way = house.quick
    keeper.connection.commit()
    thread.join(20)
    assert said == (["again", "accepted"] if way else ["accepted"])
    assert house.value("select lease from tracker.output where job = 1") == job.lease
    assert house.counts(1).done == 1 and house.counts(1).retry == 0
    keeper.connection.close()
    watch.connection.close()


def test_an_output_that_was_there_is_not_counted_twice(house):
    """Impossible while the laws hold; the quick way leaves it to the long one."""
    house.lawful = False
    house.load(1)
    fed_before(house)
    w = house.worker()
    house.new_job(w)
    house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished,"
               " data) values (1, 1, 0, 0, 1, gen_random_uuid(), now(), now(), 'there')")
    if house.quick:
        with pytest.raises(psycopg2.errors.UniqueViolation):
            house.done(w)
        house.quick = False
    house.done(w)
    assert house.rows("select data from tracker.output") == [("there",)]
    assert house.counts(1).done == 0


def test_a_lease_that_never_was_is_unknown_whatever_was_refused_in_its_stage(house):
    house.load(2)
    w = house.worker()
    one, other = house.take(w, 2)
    house.done(w, one)
    house.rows("select tracker.send_back_job(1, 1::int2, 'wrong')")
    assert house.done(w, one) == "repeat"
    assert house.done(w, other._replace(lease=uuid.uuid4())) == "unknown"


def test_of_a_bundle_that_was_too_late_only_those_are_taken_that_are_there(house):
    """By the lease, for a job may be done by somebody else."""
    house.load(2)
    w = house.worker()
    one, other = house.take(w, 2)
    house.complete([Item(w.token, one.job, one.lease, "made")])
    for look, told in ((True, ["accepted", None, None, None]), (False, ["accepted", "accepted", "accepted", None])):
        assert house.value("select tracker.which_accepted('{1,1,1,1}', array[%s,%s,%s,%s]::int8[], array[%s,%s,%s,%s]::uuid[], '{1,1,1,null}', %s)",
                           one.job, one.job, other.job, one.job, one.lease, other.lease, other.lease, one.lease, look) == told


def test_a_result_that_names_a_lease_is_of_that_one_also_where_v1_has_the_job_in_hand(house):
    house.load(1)
    w = house.worker()
    job = house.new_job(w)
    (r,) = house.complete([Item(w.token, job.job, uuid.uuid4(), "of another lease")])
    assert r.status == "unknown" and house.counts(1).leased == 1
    (r,) = house.complete([Item(w.token, job.job, job.lease, "its own")])
    assert r.status == "accepted"
