"""
newJob waits rather than kill: the published client raises at a 403, and the loop that is published with it
catches nothing. On this stack it waits two seconds, then the call is closed.
"""
import threading
import time

import pytest
import requests

from client import Api, Client, NoJob
from waiting import Later, eventually


def new_job(stack, token):
    """The status, or "closed"."""
    try:
        return Api(stack).post("/api/newJob", {"token": token}, timeout_s=30).status_code
    except requests.exceptions.ConnectionError:
        return "closed"


def test_with_nothing_to_come_it_hears_403_at_once(patient):
    w = Client(patient)
    began = time.monotonic()
    with pytest.raises(NoJob):
        w.get_job()
    assert time.monotonic() - began < 1.5


def test_while_another_has_the_last_job_it_waits_and_is_closed(patient):
    patient.load(["x"])
    Client(patient).get_job()
    asked = Later(new_job, patient, Client(patient).token)
    assert asked.result() == "closed"
    assert asked.took_s >= 1.8


def test_while_the_stage_before_has_work_it_waits_and_gets_what_comes(patient):
    patient.load(["x"])
    a, b = Client(patient), Client(patient, "b")
    a.get_job()
    asked = Later(b.get_job)
    eventually(lambda: Api(patient).get("/api/jobCount?stage=b").text == "0")
    a.complete("made of x")
    assert asked.result() == "made of x"


def test_while_its_stage_is_paused_it_waits_and_goes_on_with_it(patient):
    patient.load(["x"])
    patient.sql("select tracker.set_paused(1::int2, true)")
    try:
        asked = Later(Client(patient).get_job)
        time.sleep(0.5)
        assert asked.is_alive()
    finally:
        patient.sql("select tracker.set_paused(1::int2, false)")
    assert asked.result() == "x"


def test_when_the_last_job_is_done_who_waits_for_it_is_told(patient):
    """Before its patience is over."""
    patient.load(["x"])
    last, waits = Client(patient), Client(patient)
    last.get_job()
    asked = Later(new_job, patient, waits.token)
    time.sleep(0.2)
    last.complete("done")
    heard = asked.result()
    assert heard in (403, "closed")
    assert heard == 403 or new_job(patient, waits.token) == 403


def test_an_unknown_worker_hears_404_at_once(patient):
    patient.load(["x"])
    Client(patient).get_job()
    assert new_job(patient, "5b3f0b62-2d3f-4d64-8f6c-8d1f6c1c0a11") == 404


JOBS = 400


class Loop(threading.Thread):
    """The reference loop: alive? a job about? newJob, progress, complete. It catches nothing, so a 403 ends it."""

    def __init__(self, stack, stage):
        super().__init__(daemon=True)
        self.stack, self.stage, self.died, self.done = stack, stage, None, 0
        self.start()

    def is_over(self):
        return self.stack.counts()[self.stage]["done"] == JOBS

    def work(self):
        w = Client(self.stack, self.stage)
        while w.is_valid() and not self.is_over():
            if w.job_count() == 0:
                time.sleep(0.1)  # the published one: 30 s
                continue
            data = w.get_job()
            w.log("working")
            w.complete(data + "!")
            self.done += 1

    def run(self):
        try:
            self.work()
        except NoJob as error:
            # Who asks when nothing is left is told so: the end of the work, and no death.
            self.died = None if self.is_over() else repr(error)
        except Exception as error:  # pylint: disable=broad-except
            self.died = repr(error)


def test_of_eighty_reference_loops_on_400_jobs_in_two_stages_none_dies(patient):
    patient.load([str(n) for n in range(JOBS)])
    loops = [Loop(patient, "ab"[n % 2]) for n in range(80)]
    for loop in loops:
        loop.join(100)
    assert [loop.died for loop in loops if loop.died] == []
    assert sum(loop.done for loop in loops) == 2 * JOBS
