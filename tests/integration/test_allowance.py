"""How much one worker may have in hand, as it hears of it: /api/new?slots=, /api/sync, distcompute-worker."""
import time

import pytest

from client import Fleet, which


def newcomer(stack, slots=None):
    return Fleet(stack, slots=slots)


def test_a_newcomer_gets_eight_of_a_thousand_and_is_told(fresh):
    fresh.load(["x"] * 100)
    answer = newcomer(fresh).sync(want=1000)
    assert len(answer["jobs"]) == 8 and answer["allowance"] == 8


def test_who_is_full_is_not_parked_and_hears_why(fresh):
    fresh.load(["x"] * 100)
    f = newcomer(fresh)
    f.take(8)
    began = time.monotonic()
    answer = f.sync(want=1, wait=60)
    assert time.monotonic() - began < 30
    assert answer["jobs"] == [] and answer["allowance"] == 8 and answer["retry_after"] > 0
    assert answer["message"] == "This worker holds 8 jobs, as many as it may for now: each result is one more."
    assert "finished" not in answer


def test_a_result_and_what_follows_go_in_one_call(fresh):
    fresh.load(["x"] * 100)
    f = newcomer(fresh)
    jobs = f.take(8)
    answer = f.sync(done=[{**which(j), "data": "r"} for j in jobs], want=1000)
    assert len(answer["jobs"]) == 16 and answer["allowance"] == 16


def test_a_hoarder_leaves_the_work_to_others(fresh):
    fresh.load(["x"] * 100)
    hoarder, honest = newcomer(fresh), newcomer(fresh)
    for _ in range(20):
        hoarder.sync(want=1000)
    assert fresh.sql("select count(*) from tracker.lease") == [(8,)]
    assert len(honest.take(5)) == 5


@pytest.mark.parametrize("slots, count", [(64, 64), (300, 256), (-1, 8), ("many", 8), ("", 8), (10 ** 30, 8)])
def test_slots_are_said_when_registering(fresh, slots, count):
    fresh.load(["x"] * 300)
    assert len(newcomer(fresh, slots).take(1000)) == count


def test_slots_are_said_with_any_call(fresh):
    fresh.load(["x"] * 300)
    f = newcomer(fresh)
    assert len(f.take(1000, slots=100)) == 100
    assert f.sync(want=1)["allowance"] == 100


@pytest.mark.parametrize("slots", [-1, "x", 1.5, None, True, []])
def test_slots_that_are_no_number_are_refused(fresh, slots):
    assert newcomer(fresh).raw(want=1, slots=slots).status_code == 422


def test_v1_goes_on_with_one_job_at_a_time(fresh, worker):
    fresh.load(["x"] * 30)
    c = worker()
    for _ in range(20):
        c.get_job()
        c.complete("r")
    assert fresh.sql("select holds, allowance from tracker.worker") == [(0, 28)]


@pytest.mark.parametrize("slots, first", [(1, 8), (5000, 256), (1000000, 256), (1000001, 8), ("1e3", 8)])
def test_slots_are_said_up_to_a_million(fresh, slots, first):
    """More is no number of slots, and says nothing."""
    assert fresh.one("select slots from tracker.worker where name = %s", newcomer(fresh, slots).name) == first
