"""
The rules that need time to pass, on a stack where an idle worker is gone after two seconds and a
lease of stage B is too old after two.
"""
import time

import pytest

from client import Api, Client, Fleet, NoJob, WorkerTimedOut
from waiting import Later, eventually

IDLE_S = 2
LATE_S = IDLE_S + 12  # the keeper looks every few seconds


def is_gone(stack, name):
    return stack.one("select gone_at is not null from tracker.worker where name = %s", name)


def wait_until_gone(stack, name):
    eventually(lambda: is_gone(stack, name), timeout_s=LATE_S, what=f"{name} is gone")


def keep_calling(call, for_s):
    """Calls now and again, well within the time-out."""
    end = time.monotonic() + for_s
    while time.monotonic() < end:
        call()
        time.sleep(0.3)


def test_a_silent_worker_is_gone_and_its_job_goes_back(quick):
    quick.load(["x"])
    silent = Client(quick)
    silent.get_job()
    wait_until_gone(quick, silent.name)
    assert quick.one("select count(*) from tracker.strike where kind = 'timed_out'") == 1
    assert quick.counts()["a"]["leased"] == 0
    other = Client(quick)
    eventually(lambda: other.job_count() == 1, what="the job is open again")
    assert other.get_job() == "x"
    assert not silent.is_valid()
    with pytest.raises(WorkerTimedOut):
        silent.log("still here")


def test_every_call_with_a_token_counts_as_being_seen(quick):
    """Each worker makes calls of one kind only, for longer than the time-out; nobody is gone."""
    quick.load(["job for the completer"])
    callers = {
        "validateWorker": lambda w: w.is_valid(),
        "updateProgress": lambda w: w.log("1%"),
        "newJob": lambda w: pytest.raises(NoJob, w.get_job),
        "completeJob": lambda w: w.complete("same"),
        "flagInvalidData": lambda w: pytest.raises(NoJob, w.flag),
    }
    workers = {}
    for kind in callers:
        workers[kind] = Client(quick, "b" if kind == "flagInvalidData" else "a")
    workers["completeJob"].get_job()
    fleet = Fleet(quick, "b")
    silent = Client(quick)
    runs = [Later(keep_calling, lambda k=kind: callers[k](workers[k]), IDLE_S + 3) for kind in callers]
    runs.append(Later(keep_calling, fleet.sync, IDLE_S + 3))
    for run in runs:
        run.result()
    for kind, w in workers.items():
        assert not is_gone(quick, w.name), kind
    assert not is_gone(quick, fleet.name)
    wait_until_gone(quick, silent.name)


def test_a_worker_whose_calls_are_always_parked_stays(quick):
    """A parked call ends in time for the next one, however long it asked to wait."""
    fleet = Fleet(quick, "b")
    end = time.monotonic() + 2 * IDLE_S + 1
    while time.monotonic() < end:
        assert fleet.take(1, wait=30) == []
    assert not is_gone(quick, fleet.name)


def test_redis_emptied_reaps_nobody_who_was_heard_from(quick):
    talker = Client(quick)
    beats = Later(keep_calling, lambda: talker.log("x"), IDLE_S + 3)
    while beats.is_alive():
        quick.redis.flushall()
        beats.join(0.3)
    beats.result()
    assert not is_gone(quick, talker.name)


def test_of_whom_redis_knows_nothing_an_eighth_more_of_silence_is_borne(fresh):
    """Redis may have been emptied since they were heard. On a stack whose time-out is hours: nothing here is close."""
    allowed_s = int(fresh.settings.get("idle_timeout", 7200))
    near, past, heard = Client(fresh), Client(fresh), Client(fresh)
    heard.log("here")
    eventually(lambda: list(fresh.redis.scan_iter("*:w:*")) != [], what="Redis has heard of one")
    fresh.sql("update tracker.worker set seen = now() - make_interval(secs => %s * case name when %s then 1.06 else 1.25 end)",
              allowed_s, near.name)
    wait_until_gone(fresh, past.name)
    assert not is_gone(fresh, near.name) and not is_gone(fresh, heard.name)


def test_a_late_result_not_handed_on_is_accepted_and_its_worker_is_welcome_again(quick):
    quick.load(["x", "y"])
    late = Client(quick)
    late.get_job()
    wait_until_gone(quick, late.name)
    late.complete("late but good")
    late.complete("late but good")
    assert quick.sql("select data from tracker.output") == [("late but good",)]
    assert quick.credit() == {"anonymous": 1}
    assert late.is_valid()
    assert late.get_job() == "y"


def until_due(stack):
    """Asked by nobody in particular: a worker who waited so long would be gone."""
    api = Api(stack)
    eventually(lambda: api.get("/api/jobCount?stage=a").text == "1", timeout_s=LATE_S, what="the job is due")


def test_a_late_result_of_a_failed_time_out_is_accepted(quick):
    """Twice max_attempts time-outs make the job failed; the last holder's result is still worth having."""
    quick.load(["x"])
    for _ in range(2 * 2):
        until_due(quick)
        holder = Client(quick)
        holder.get_job()
        wait_until_gone(quick, holder.name)
    assert quick.counts()["a"]["failed"] == 1
    holder.complete("at last")
    counts = quick.counts()["a"]
    assert (counts["failed"], counts["done"]) == (0, 1)


def test_a_job_that_was_handed_on_is_fenced(quick):
    quick.load(["x"])
    slow = Client(quick)
    slow.get_job()
    wait_until_gone(quick, slow.name)
    other = Client(quick)
    eventually(lambda: other.job_count() == 1, what="the job is due")
    other.get_job()
    with pytest.raises((NoJob, WorkerTimedOut)):
        slow.complete("stale")
    assert quick.sql("select data from tracker.output") == []
    other.complete("right")
    with pytest.raises((NoJob, WorkerTimedOut)):
        slow.complete("stale")
    assert quick.sql("select data from tracker.output") == [("right",)]


def test_a_sync_result_of_a_job_that_was_handed_on_hears_fenced(quick):
    quick.load(["x"])
    slow = Fleet(quick)
    (old,) = slow.take(1)
    wait_until_gone(quick, slow.name)
    other = Fleet(quick)
    (new,) = eventually(lambda: other.take(1), what="the job is due")
    assert new["job"] == old["job"] and new["lease"] != old["lease"] and new["attempt"] == 2
    returned = Api(quick).post("/api/sync", {"token": slow.token, "done": [
        {"job": old["job"], "lease": old["lease"], "data": "stale"}]})
    if returned.status_code == 200:
        assert returned.json()["results"][0]["status"] == "fenced"
    else:
        assert returned.status_code == 404
    assert other.done(new, "right") == "accepted"
    assert quick.sql("select data from tracker.output") == [("right",)]


def test_a_lease_older_than_job_timeout_goes_back_even_if_its_worker_talks(quick):
    quick.load(["x"])
    a = Client(quick)
    a.get_job()
    a.complete("y")
    talker = Client(quick, "b")
    talker.get_job()
    talk = Later(keep_calling, lambda: talker.log("busy"), 6)
    eventually(lambda: quick.counts()["b"]["leased"] == 0, timeout_s=LATE_S, what="the lease ran out")
    assert not is_gone(quick, talker.name)
    assert quick.one("select kind from tracker.strike") == "timed_out"
    talk.result()


def test_stage_a_has_no_job_timeout_here(quick):
    quick.load(["x"])
    talker = Client(quick)
    talker.get_job()
    keep_calling(lambda: talker.log("busy"), 4)
    assert quick.counts()["a"]["leased"] == 1


def test_a_job_that_only_times_out_becomes_failed_after_twice_max_attempts(quick):
    quick.load(["x"])
    for n in range(2 * 2):
        assert quick.counts()["a"]["failed"] == 0, n
        until_due(quick)
        holder = Client(quick)
        holder.get_job()
        wait_until_gone(quick, holder.name)
    assert quick.counts()["a"]["failed"] == 1
    assert quick.one("select kind from tracker.failed") == "timed_out"
    assert "timed_out" in quick.run("distcompute-admin", "failed", "--stage", "a").stdout


def test_a_worker_that_was_gone_and_registers_again_gets_a_new_token(quick):
    first = Client(quick, nickname="Ada")
    wait_until_gone(quick, first.name)
    second = Client(quick, nickname="Ada")
    assert second.token != first.token and second.is_valid() and not first.is_valid()
