"""Who brings nothing but bad ends rests, as v1, fleets, people and operators hear of it."""
import time

from client import Client, Fleet, which
from waiting import Later

ADMIN = "distcompute-admin"


def fail(fleet, count):
    """So many bad ends in a row."""
    jobs = fleet.take(count)
    fleet.sync(failed=[{**which(j), "reason": "disk full"} for j in jobs])


def test_a_fleet_hears_at_once_how_long_and_why_and_is_not_parked(fresh):
    fresh.load(["x"] * 30)
    f = Fleet(fresh)
    fail(f, 6)
    began = time.monotonic()
    answer = f.sync(want=3, wait=60)
    assert time.monotonic() - began < 25
    assert answer["jobs"] == [] and 1 <= answer["retry_after"] <= 32
    assert answer["resting"] is True
    assert answer["message"].startswith("This worker rests for ")
    assert ": its last 6 jobs failed, were flagged or given back. Look why" in answer["message"]


def test_a_result_ends_a_rest_and_jobs_come_with_its_answer(fresh):
    fresh.load(["x"] * 30)
    f = Fleet(fresh)
    (good,) = f.take(1)
    fail(f, 8)
    assert len(f.sync(done=[{**which(good), "data": "r"}], want=3)["jobs"]) == 3


def test_v1_waits_while_it_rests_and_then_has_its_job(fresh):
    fresh.load(["x"] * 30)
    c = Client(fresh)
    for _ in range(4):
        c.get_job()
        c.flag()  # the third and fourth make it rest: 1 s, then 2 s
    began = time.monotonic()
    assert c.get_job() == "x"
    assert time.monotonic() - began > 0.5 and c.resent == 0


def test_v1_that_rests_longer_than_it_may_wait_is_cut_and_told_nothing(patient):
    """To the published client that is a lost connection, and it asks again; it never hears 403, 429 or 5xx."""
    patient.load(["x"] * 30)
    c = Client(patient)
    patient.sql("update tracker.worker set bad_row = 9, rest_until = now() + interval '5 seconds' where name = %s", c.name)
    began = time.monotonic()
    assert c.get_job() == "x"
    assert time.monotonic() - began >= 4 and c.resent >= 1


def test_who_abandons_a_job_has_another_a_second_later(fresh):
    fresh.load(["x"] * 30)
    c = Client(fresh)
    c.get_job()
    first = c.number
    fresh.sql("update tracker.worker set asked_at = now() - interval '2 minutes'")
    c.get_job()
    assert c.number != first and c.resent == 0


def test_work_that_appears_wakes_nobody_who_rests(fresh):
    fresh.load([])
    resting, ready = Client(fresh), Fleet(fresh)
    fresh.sql("update tracker.worker set bad_row = 6, rest_until = now() + interval '8 seconds' where name = %s", resting.name)
    later = Later(resting.get_job)
    fresh.load(["x"], append=True)
    assert len(ready.take(1, wait=30)) == 1
    fresh.load(["x"], append=True)
    assert later.result(60) == "x" and later.took_s > 4


def test_the_page_of_a_worker_says_why_it_rests(fresh):
    fresh.load(["x"] * 30)
    f = Fleet(fresh)
    fail(f, 9)
    page = f.api.get(f"/worker/extract/{f.name}").text
    assert "It rests, and gets no work for " in page and "its last 9 jobs failed, were flagged or given back. A result ends it" in page


def test_an_operator_ends_a_rest(fresh):
    fresh.load(["x"] * 30)
    f = Fleet(fresh)
    fail(f, 10)
    said = fresh.run(ADMIN, "worker", "end-rest", "a", f.name).stdout
    assert f"{f.name} rests no more; it would have for " in said
    assert f.take(1)
    assert fresh.run(ADMIN, "worker", "end-rest", "a", f.name).stdout == f"{f.name} did not rest\n"


def test_ending_the_rest_of_nobody_is_an_error(fresh):
    done = fresh.run(ADMIN, "worker", "end-rest", "a", "nobody-here-1", check=False)
    assert done.returncode != 0 and "no worker 'nobody-here-1' is present in stage A" in done.stderr


def test_a_call_of_v1_that_waits_has_its_job_when_an_operator_ends_the_rest(fresh):
    fresh.load(["x"] * 30)
    c = Client(fresh)
    fresh.sql("update tracker.worker set bad_row = 12, rest_until = now() + interval '10 minutes' where name = %s", c.name)
    later = Later(c.get_job)
    time.sleep(1)
    assert later.is_alive()
    fresh.run(ADMIN, "worker", "end-rest", "a", c.name)
    assert later.result(60) == "x" and c.resent == 0 and later.took_s < 45
