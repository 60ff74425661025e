"""
Many workers at once: every job is done exactly once at each stage, the laws hold, nobody hears 5xx.

The full size (64 workers, 20,000 jobs, two stages) runs with TEST_FULL=1; otherwise a smaller one.
"""
import os

import pytest

from crowd import Crowd

FULL = bool(os.environ.get("TEST_FULL"))


def life(stack, jobs, v1, fleets, timeout_s):
    stack.load([f"j{i}" for i in range(jobs)])
    crowd = Crowd(stack, jobs).start(v1=v1, fleets=fleets, want=10)
    crowd.finish(timeout_s=timeout_s)
    assert crowd.unavailable == [] and crowd.dropped == 0 and crowd.refused == 0
    assert stack.sql("select count(*) from tracker.strike") == [(0,)]
    credit = stack.credit()
    assert sum(credit.values()) == 2 * jobs and len(credit) == v1 + fleets


def test_many_workers_do_every_job_exactly_once(fresh):
    life(fresh, 1500, 24, 8, 90)


@pytest.mark.slow
@pytest.mark.skipif(not FULL, reason="the full size runs with TEST_FULL=1")
def test_64_workers_do_20000_two_stage_jobs_exactly_once(fresh):
    life(fresh, 20000, 56, 8, 900)
