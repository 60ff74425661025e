"""Acts of an operator on single jobs and leases, and what they look at first."""

import uuid

import psycopg2
import pytest

from house import Item


def one(house, worker):
    (job,) = house.take(worker)
    return job


def lines(house, act):
    return house.rows("select target, count, details from tracker.audit where act = %s order by id", act)


# ---- a lease given back

def give_back(house, stage, job, reason=None):
    return house.rows("select * from tracker.take_lease(%s::int2, %s, %s)", stage, job, reason)


def test_a_lease_that_is_given_back_is_due_at_once_and_nobody_is_blamed(house):
    house.load(1)
    ada = house.worker(nickname="Ada")
    job = one(house, ada)
    assert [tuple(r) for r in give_back(house, 1, job.job, "asleep")] == [(ada.name, "Ada")]
    assert house.row(ada).struck == 0
    assert [tuple(r) for r in house.rows("select attempt, due <= clock_timestamp() from tracker.retry")] == [(1, True)]
    (line,) = lines(house, "give back")
    assert (line.target, line.count, line.details) == ("job 1, stage a", 1, {"reason": "asleep"})
    assert one(house, house.worker()).job == 1


def test_a_result_of_a_lease_that_was_given_back_is_welcome_until_another_has_the_job(house):
    house.load(1)
    ada = house.worker(nickname="Ada")
    job = one(house, ada)
    give_back(house, 1, 1)
    assert house.done(ada, job) == "accepted"


def test_what_is_not_in_hand_is_not_given_back(house):
    house.load(1)
    assert give_back(house, 1, 1) == []
    assert lines(house, "give back") == []


# ---- v1's script survives what an operator does

def v1(house, worker, data="made"):
    (r,) = house.complete([Item(worker.token, data=data)])
    return r.status


@pytest.mark.parametrize("act", ["select tracker.send_back_job(1, 1::int2, 'wrong')",
                                 "select count(*) from tracker.take_lease(2::int2, 1, '')"])
@pytest.mark.parametrize("handed_on", [False, True])
def test_v1_whose_job_an_operator_took_hears_yes_and_nothing_is_stored(house, act, handed_on):
    house.load(1)
    ada, bob, eve = house.worker(), house.worker(2), house.worker(2)
    house.new_job(ada)
    assert v1(house, ada) == "accepted"
    assert house.new_job(bob).job == 1
    house.value(act)
    if "take_lease" in act:
        assert house.new_job(eve).job == 1  # or it were a late result, which is stored
        if handed_on:
            assert v1(house, eve) == "accepted"
    elif handed_on:
        assert house.new_job(house.worker()).job == 1
    made = house.value("select count(*) from tracker.output where stage = 2 and worker = %s", bob.id)
    assert v1(house, bob) == "repeat"
    assert v1(house, bob) == "repeat"
    assert house.value("select count(*) from tracker.output where stage = 2 and worker = %s", bob.id) == made


def test_v1_may_flag_a_job_that_an_operator_took(house):
    house.load(1)
    ada, bob = house.worker(), house.worker(2)
    house.new_job(ada)
    v1(house, ada)
    house.new_job(bob)
    house.value("select tracker.send_back_job(1, 1::int2, 'wrong')")
    assert house.flag(bob).status == "repeat"
    assert house.value("select count(*) from tracker.strike where kind = 'flagged'") == 0


def test_v1_without_a_job_is_still_told_so(house):
    house.load(1)
    assert v1(house, house.worker()) == "no_job"


# ---- a job that waits is hurried

def test_a_job_that_came_back_is_due_when_it_is_hurried(house):
    house.load(1)
    ada = house.worker()
    house.back(ada, one(house, ada))
    assert house.value("select tracker.hurry_jobs(1::int2, array[1, 1, 7])") == [1]
    assert house.value("select due <= clock_timestamp() from tracker.retry")
    assert house.value("select state || ': ' || (due <= clock_timestamp()) from tracker.read_job(1, 0) where stage = 1") == "retry: true"
    assert house.value("select tracker.hurry_jobs(1::int2, array[1])") == []
    assert len(lines(house, "hurry")) == 1


def test_a_job_that_is_due_already_goes_before_the_others_when_it_is_hurried(house):
    house.load(3)
    for job in house.take(house.worker(), 3):
        give_back(house, 1, job.job)
    assert house.value("select tracker.hurry_jobs(1::int2, array[3])") == [3]
    assert one(house, house.worker(nickname="Bob")).job == 3


# ---- requeue by what went wrong

@pytest.fixture
def failed(house):
    house.load(4)
    house.max_attempts = 1
    for label, reason in (("warc2tar 1.4", "exit 3: Disk full"), ("warc2tar 1.4", "segfault"),
                          ("warc2tar 1.5", "disk FULL"), ("", "timeout")):
        w = house.worker(label=label, nickname=f"runs {label}")
        house.back(w, one(house, w), reason=reason)
    return house


def requeue(house, reason=None, label=None):
    return house.value("select tracker.requeue_failed(1::int2, null, %s, %s)", reason, label)


def still(house):
    return house.value("select array_agg(job order by job) from tracker.failed")


def test_failed_jobs_are_requeued_by_reason(failed):
    assert requeue(failed, reason="disk full") == 2
    assert still(failed) == [2, 4]
    assert lines(failed, "requeue")[0].details == {"jobs": "all", "reason": "disk full"}


def test_failed_jobs_are_requeued_by_label(failed):
    assert requeue(failed, label="Warc2tar 1.4") == 2
    assert still(failed) == [3, 4]


def test_failed_jobs_are_requeued_by_whose_worker_had_them_last(failed):
    of = "select tracker.requeue_failed(1::int2, null, of_person => %s)"
    who = {j: p for j, p in failed.rows("select f.job, tracker.called(w.person) from tracker.failed f join tracker.worker w on w.id = f.worker")}
    person = sorted(set(who.values()))[0]
    failed.rows("select tracker.rename_person(%s, 'Renamed')", person)
    assert failed.value(of, person) == list(who.values()).count(person)
    assert set(still(failed) or []) == {j for j, p in who.items() if p != person}
    assert lines(failed, "requeue")[0].details == {"jobs": "all", "person": person}
    with pytest.raises(psycopg2.Error, match="no person"):
        failed.rows(of, "Nobody")


def test_all_conditions_of_a_requeue_hold(failed):
    assert requeue(failed, reason="disk", label="warc2tar 1.5") == 1
    assert requeue(failed, reason="%") == 0  # no pattern
    assert still(failed) == [1, 2, 4]


# ---- what an operator looks at

def test_leases_are_listed_by_age(house):
    house.load(3)
    ada, bob = house.worker(nickname="Ada", label="x 1"), house.worker(nickname="Bob")
    house.take(ada, 2)
    house.pass_time(3600)
    house.take(bob, 1)
    rows = house.rows("select * from tracker.list_leases(0, null, 10)")
    assert [(r.job, r.worker, r.person, r.label) for r in rows] == [
        (1, ada.name, "Ada", "x 1"), (2, ada.name, "Ada", "x 1"), (3, bob.name, "Bob", "")]
    assert [r.job for r in house.rows("select * from tracker.list_leases(3000, null, 10)")] == [1, 2]
    assert [r.job for r in house.rows("select * from tracker.list_leases(0, null, 1)")] == [1]
    assert house.rows("select * from tracker.list_leases(0, 2::int2, 10)") == []


def test_workers_are_listed_by_condition(house):
    house.load(2)
    ada = house.worker(nickname="Ada", label="x 1", address="192.0.2.7")
    bob = house.worker(2, nickname="Bob", label="x 2", address="198.51.100.1")
    gone = house.worker(nickname="Ada")
    house.bye(gone)
    house.take(ada, 2)

    def listed(**which):
        keys = ("person", "stage", "label", "address")
        return [r.name for r in house.rows(
            "select * from tracker.list_workers(%s, %s::int2, %s, %s::cidr, 0, 10)", *[which.get(k) for k in keys])]
    assert listed() == [ada.name, bob.name]
    assert listed(person="Ada") == listed(stage=1) == listed(label="X 1") == listed(address="192.0.2.0/24") == [ada.name]
    assert listed(person="nobody") == []
    (r,) = house.rows("select * from tracker.list_workers('Ada', null, null, null, 0, 10)")
    assert (r.jobs, r.done, r.bad, r.address) == (2, 0, 0, "192.0.2.7")


def test_who_works_is_told_those_with_most_in_hand_first(house):
    house.load(3)
    house.take(house.worker(nickname="Ada"), 1)
    house.take(house.worker(nickname="Bob"), 2)
    house.worker(nickname="Bob")
    house.bye(house.worker(nickname="Eve"))
    rows = house.rows("select * from tracker.list_busy(10)")
    assert [(r.person, r.workers, r.in_hand, r.people) for r in rows] == [("Bob", 2, 2, 2), ("Ada", 1, 1, 2)]
    assert [r.person for r in house.rows("select * from tracker.list_busy(1)")] == ["Bob"]


def test_of_those_with_as_much_in_hand_who_has_more_workers_is_first_then_who_was_here_first(house):
    house.load(3)
    for name in ("Ada", "Bob", "Cyd"):
        house.take(house.worker(nickname=name), 1)
    house.worker(nickname="Bob")
    for most, told in ((10, ["Bob", "Ada", "Cyd"]), (2, ["Bob", "Ada"]), (1, ["Bob"])):
        assert [r.person for r in house.rows("select * from tracker.list_busy(%s)", most)] == told


def test_sizes_of_tables_are_told_a_partitioned_one_as_a_whole(house):
    rows = {r.table: r for r in house.rows("select * from tracker.list_sizes(1000)")}
    assert "output" in rows and "output_a" not in rows
    assert {r.total for r in rows.values()} == {sum(r.bytes for r in rows.values())}
    assert len(house.rows("select * from tracker.list_sizes(2)")) == 2


# ---- acts that change nothing

@pytest.mark.parametrize("act", [
    "select tracker.set_paused(1::int2, true)", "select tracker.set_banner('closed')",
    "select * from tracker.set_batch({batch}, 5, 'for Ann', needs => 'gpu,ram32', rate => 60)",
    "select tracker.set_batch_needs({batch}, 'gpu')", "select tracker.set_batch_rate({batch}, 7)",
    "select tracker.set_stage_rate(1::int2, 7)", "select tracker.rename_batch({batch}, 'another')",
    "select tracker.rename_stage(1::int2, 'Another')", "select tracker.hide_person('Ada', true)",
    "select tracker.revoke_keys('Ada', null)", "select tracker.requeue_failed(1::int2, null)",
    "select tracker.pause_batch({batch}, 'why')", "select tracker.cancel_batch({batch})",
    "select * from tracker.end_rest(1::int2, '{worker}')", "select * from tracker.drop_worker(1::int2, '{worker}')"])
def test_an_act_that_changes_nothing_is_not_written_down(house, act):
    batch = house.load(2)
    ada = house.worker(nickname="Ada")
    house.max_attempts = 1
    house.back(ada, house.take(ada)[0])
    house.rows("update tracker.worker set bad_row = 3, rest_until = now() + interval '1 hour'")
    key = "select tracker.add_key('Ada', 'Ada', '{}', 'x', gen_random_uuid(), '')"
    house.rows(key)
    house.rows("delete from tracker.audit")
    said = act.format(batch=batch, worker=ada.name)
    house.rows(said)
    assert house.value("select count(*) from tracker.audit") == 1
    house.rows(said)
    assert house.value("select count(*) from tracker.audit") == 1


ALL = "select act, details from tracker.audit order by id"


def test_what_is_set_of_a_batch_at_once_is_one_line(house):
    batch = house.load(2)
    house.rows("select * from tracker.set_batch(%s, 5, 'for Ann', needs => 'ram32,gpu', rate => 60)", batch)
    house.rows("select * from tracker.set_batch(%s, 5, 'for Bob', needs => 'gpu,ram32', rate => 60)", batch)
    assert [(line.act, line.details) for line in house.rows(ALL)] == [
        ("set", {"priority": 5, "note": "for Ann", "needs": "gpu,ram32", "rate": 60}), ("set", {"note": "for Bob"})]


def test_a_purge_of_nothing_is_no_act(house):
    line = house.value("select tracker.audit_act('purge', 'older than 90d', 0, null, 'begun')")
    for kind in ("strikes", "results", "workers"):
        house.rows("select * from tracker.purge_old(%s, 7776000, 0, 1000, %s)", kind, line)
    assert house.rows(ALL) == []


def test_a_table_of_which_nothing_is_known_yet_has_no_number_of_rows(house):
    assert {r.rows for r in house.rows("select rows from tracker.list_sizes(1000)") if r.rows is not None and r.rows < 0} == set()
