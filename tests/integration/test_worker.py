"""distcompute-worker against the real stack: commands as workers, on both stages."""
import os
import signal
import subprocess
import time

import pytest

from client import Client, Fleet
from stack import process_is_alive
from waiting import eventually


class Worker:
    """A running distcompute-worker with a shell command a job."""

    def __init__(self, stack, stage, script, *flags, cacert=True):
        self.log = os.path.join(stack.state, f"worker-test-{os.urandom(4).hex()}.log")
        argv = [os.path.join(stack.read_status()["bin"], "distcompute-worker"), "--url", stack.url, "--stage", stage]
        if cacert:
            argv += ["--cacert", stack.certificate]
        self.file = open(self.log, "wb")
        self.process = subprocess.Popen([*argv, *flags, "--", "sh", "-c", script], stdin=subprocess.DEVNULL,
                                        stdout=self.file, stderr=subprocess.STDOUT, cwd=stack.state)

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def stop(self, timeout_s=15):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.file.close()
        return self.process.returncode


@pytest.fixture
def start(fresh):
    started = []

    def begin(stage, script, *flags, **kwargs):
        worker = Worker(fresh, stage, script, *flags, **kwargs)
        started.append(worker)
        return worker
    yield begin
    for worker in started:
        worker.stop()


def wait_done(stack, stage, count, timeout_s=30):
    eventually(lambda: stack.counts()[stage]["done"] == count, timeout_s=timeout_s, what=f"{count} done in stage {stage}")


def outputs(stack, stage):
    return [data for (data,) in stack.sql("select data from tracker.output where stage = %s order by job", "abcde".index(stage) + 1)]


def test_worker_runs_a_command_a_job_on_two_stages(fresh, start):
    fresh.load([f"word{i}" for i in range(20)])
    start("a", "tr a-z A-Z", "--nickname", "Upper", "--jobs", "2")
    start("b", "rev", "--nickname", "Reverser")
    wait_done(fresh, "b", 20)
    assert outputs(fresh, "a") == [f"WORD{i}" for i in range(20)]
    assert outputs(fresh, "b") == [f"WORD{i}"[::-1] for i in range(20)] or \
        outputs(fresh, "b") == [f"WORD{i}"[::-1] + "\n" for i in range(20)]


def test_worker_tells_its_command_number_and_stage(fresh, start):
    fresh.load(["x", "y"])
    start("a", 'printf "%s/%s" "$JOB_NUMBER" "$JOB_STAGE"')
    wait_done(fresh, "a", 2)
    assert [o.lower() for o in outputs(fresh, "a")] == ["1/a", "2/a"]


def test_worker_with_json_takes_and_gives_json(fresh, start):
    fresh.load([{"n": 7}])
    start("a", "cat", "--json")
    wait_done(fresh, "a", 1)
    assert Client(fresh, "b").get_job() == {"n": 7}


def test_exit_65_flags_the_input(fresh, start):
    fresh.load(["x"])
    worker = start("a", "exit 65")
    eventually(lambda: fresh.sql("select 1 from tracker.strike where kind::text = 'flagged'"), what="the flag")
    worker.stop()


def test_any_other_exit_fails_the_attempt_and_is_reported(fresh, start):
    fresh.load(["x"])
    worker = start("a", "echo disk full >&2; exit 3")
    reason = eventually(lambda: fresh.sql("select reason from tracker.strike where kind::text = 'failed'"), what="the failure")[0][0]
    worker.stop()
    assert "3" in reason


def test_lines_on_descriptor_3_become_the_progress(fresh, start, api):
    fresh.load(["x"])
    worker = start("a", 'echo "step 1 of 2" >&3; while [ ! -e go ]; do sleep 0.05; done; printf done')
    name = eventually(lambda: fresh.sql("select name from tracker.worker where gone_at is null"), what="the worker")[0][0]
    try:
        eventually(lambda: "step 1 of 2" in api.get(f"/worker/extract/{name}").text, what="the progress is shown")
    finally:
        open(os.path.join(fresh.state, "go"), "w").close()
    wait_done(fresh, "a", 1)
    os.unlink(os.path.join(fresh.state, "go"))
    worker.stop()


def test_first_interrupt_finishes_the_job_in_hand_and_says_goodbye(fresh, start):
    fresh.load(["x", "y", "z"])
    worker = start("a", "touch begun; sleep 1; printf done")
    eventually(lambda: os.path.exists(os.path.join(fresh.state, "begun")), what="the command runs")
    assert worker.stop() == 0
    os.unlink(os.path.join(fresh.state, "begun"))
    assert fresh.counts()["a"]["done"] == 1 and fresh.counts()["a"]["leased"] == 0
    assert fresh.one("select gone_why::text from tracker.worker") == "bye"
    assert fresh.sql("select 1 from tracker.strike") == []


def test_second_interrupt_gives_the_job_back_at_once(fresh, start):
    fresh.load(["x"])
    worker = start("a", "touch begun; exec sleep 60")
    eventually(lambda: os.path.exists(os.path.join(fresh.state, "begun")), what="the command runs")
    os.unlink(os.path.join(fresh.state, "begun"))
    worker.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    worker.process.send_signal(signal.SIGINT)
    worker.process.wait(10)
    (job,) = Fleet(fresh).take(1, wait=5)
    assert job["attempt"] == 1


def test_tls_is_checked(fresh, start):
    worker = start("a", "cat", cacert=False)
    eventually(lambda: "certificate" in worker.said().lower() or "ssl" in worker.said().lower(), what="it says why")
    assert fresh.sql("select 1 from tracker.worker") == []


def test_worker_tells_why_it_waits(fresh, start):
    worker = start("b", "cat")
    eventually(lambda: "stage" in worker.said().lower(), what="it says what it waits for")


def test_worker_on_a_stage_that_is_disabled_says_so_and_ends(fresh, start):
    worker = start("c", "cat")
    assert eventually(lambda: worker.process.poll() is not None, what="it ended")
    assert worker.process.returncode != 0 and "disabled" in worker.said()


def test_large_data_passes_through_a_command(fresh, start):
    big = "0123456789abcdef" * 100_000
    fresh.load([big])
    start("a", "cat")
    wait_done(fresh, "a", 1)
    assert outputs(fresh, "a") == [big]


def test_worker_survives_an_outage_without_losing_a_finished_result(faults):
    """The tracker goes away while the command runs; the result is delivered when it is back."""
    faults.load(["x"])
    worker = Worker(faults, "a", "touch begun; while [ ! -e go ]; do sleep 0.05; done; printf kept")
    try:
        eventually(lambda: os.path.exists(os.path.join(faults.state, "begun")), what="the command runs")
        master = faults.pid("tracker")
        os.kill(master, signal.SIGTERM)
        eventually(lambda: not process_is_alive(master), timeout_s=30, what="the tracker ended")
        open(os.path.join(faults.state, "go"), "w").close()
        time.sleep(1)
        faults.up()
        wait_done(faults, "a", 1, timeout_s=60)
        assert outputs(faults, "a") == ["kept"]
    finally:
        worker.stop()
        for name in ("begun", "go"):
            if os.path.exists(os.path.join(faults.state, name)):
                os.unlink(os.path.join(faults.state, name))
