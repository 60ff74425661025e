"""distcompute-worker against the real stack: commands as workers, on both stages."""
import os
import re
import signal
import subprocess
import time

import pytest

from client import Client, Fleet
from stack import process_is_alive
from waiting import eventually


class Worker:
    """A running distcompute-worker with a shell command a job."""

    def __init__(self, stack, stage, script, *flags, cacert=True, url=None):
        self.log = os.path.join(stack.state, f"worker-test-{os.urandom(4).hex()}.log")
        argv = [os.path.join(stack.read_status()["bin"], "distcompute-worker"), "--url", url or stack.url, "--stage", stage]
        if cacert:
            argv += ["--cacert", stack.certificate]
        if "--spool" not in flags:
            argv += ["--spool", os.path.join(stack.state, "spool")]
        self.file = open(self.log, "wb")
        self.argv = [*argv, *flags, "--", "sh", "-c", script]
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL,
                                        stdout=self.file, stderr=subprocess.STDOUT, cwd=stack.state)

    def said(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def name(self):
        """How the tracker calls it."""
        return eventually(lambda: re.search(r"working as (\S+) ", self.said()), what="it registered").group(1)

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

    def begin(stage, script, *flags, stack=None, **kwargs):
        worker = Worker(stack or fresh, stage, script, *flags, **kwargs)
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
    # rev ends the last line that lacks an end; the result is what the command wrote.
    assert [o.rstrip("\n") for o in outputs(fresh, "b")] == [f"WORD{i}"[::-1] for i in range(20)]


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
    eventually(lambda: fresh.sql("select 1 from tracker.strike where kind = 'flagged'"), what="the flag")
    worker.stop()


def test_any_other_exit_fails_the_attempt_and_is_reported(fresh, start):
    fresh.load(["x"])
    worker = start("a", "echo disk full >&2; exit 3")
    reason = eventually(lambda: fresh.sql("select reason from tracker.strike where kind = 'failed'"), what="the failure")[0][0]
    worker.stop()
    assert "3" in reason


def test_lines_on_descriptor_3_become_the_progress(fresh, start, api):
    fresh.load(["x"])
    worker = start("a", 'echo "step 1 of 2" >&3; while [ ! -e go ]; do sleep 0.05; done; printf done')
    try:
        eventually(lambda: "step 1 of 2" in api.get(f"/worker/extract/{worker.name()}").text, what="the progress is shown")
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
    assert fresh.one("select gone_why::text from tracker.worker where name = %s", worker.name()) == "bye"
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
    before = fresh.one("select count(*) from tracker.worker")
    worker = start("a", "cat", cacert=False)
    eventually(lambda: "certificate" in worker.said().lower() or "ssl" in worker.said().lower(), what="it says why")
    assert eventually(lambda: worker.process.poll() is not None, what="it ended")
    assert worker.process.returncode == 69
    assert fresh.one("select count(*) from tracker.worker") == before


def test_over_http_it_is_led_to_https(fresh, start):
    fresh.load(["x"])
    worker = start("a", "tr x y", "--max-jobs", "1", url=fresh.url.replace("https:", "http:"))
    wait_done(fresh, "a", 1)
    assert f"the tracker is at {fresh.url} now" in worker.said() and outputs(fresh, "a") == ["y"]


def test_a_stage_may_be_named(fresh, start):
    fresh.load(["x"])
    start("extract", "tr x y", "--max-jobs", "1")
    wait_done(fresh, "a", 1)


def test_data_keeps_its_type_and_name_through_the_stages(fresh, start):
    """Of what v1 marks only lists and objects are JSON; what sync gives keeps its type."""
    fresh.load([f"j{i}" for i in range(4)])
    for data in ("<!json!>5", "<!json!>[NaN]", [1, 2], "plain"):
        a = Client(fresh)
        a.get_job()
        a.complete(data)
        a.bye()
    start("b", 'printf "%s:" "$JOB_FORMAT"; cat')
    wait_done(fresh, "b", 4)
    assert sorted(outputs(fresh, "b")) == ["json:[1, 2]", "text:<!json!>5", "text:<!json!>[NaN]", "text:plain"]


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


# --- results and what becomes of them -----------------------------------------------------------

def said_of(stack, kind):
    return eventually(lambda: stack.sql("select reason from tracker.strike where kind::text = %s", kind), what=kind)[0][0]


@pytest.mark.parametrize("script,flags,reason", [
    ("echo noise >&2; echo disk full >&2; exit 3", (), "exit 3: disk full"),
    ("kill -9 $$", (), "killed by signal 9 (Killed)"),
    ("printf '{'", ("--json",), "the output is no valid JSON"),
    ("true", ("--json",), "the output is no valid JSON: it is empty"),
    ("head -c 5000 /dev/zero | tr '\\0' x", ("--max-result", "4K"), "the output is over 4096 bytes (--max-result)"),
    ("head -c 5 /dev/zero", (), "the output holds a NUL character: only text can be sent"),
    ("printf '\\377'", (), "the output is no UTF-8 text"),
    ("sleep 30 & sleep 30", ("--timeout", "1"), "no end after 1 s (--timeout)")])
def test_a_failed_run_is_reported_with_its_reason(fresh, start, script, flags, reason):
    fresh.load(["x"])
    start("a", script, "--max-jobs", "1", *flags)
    assert said_of(fresh, "failed").startswith(reason)


def test_a_flag_carries_the_last_line_of_standard_error(fresh, start):
    fresh.load(["x"])
    start("a", "printf 'first\\nnot a tar file' >&2; exit 65", "--max-jobs", "1")
    assert said_of(fresh, "flagged") == "not a tar file"


def test_a_number_keeps_its_writing_through_a_json_worker(fresh, start):
    fresh.load([{"big": 12345678901234567890, "float": 1.5}])
    start("a", """cat >/dev/null; printf ' {"big": 12345678901234567890, "float": 1.10} '""", "--json")
    wait_done(fresh, "a", 1)
    (data,) = outputs(fresh, "a")
    assert data.startswith("<!json!>") and '{"big": 12345678901234567890, "float": 1.10}' in data


def test_a_command_that_reads_nothing_is_well(fresh, start):
    fresh.load(["x" * 500_000])
    start("a", "printf ok")
    wait_done(fresh, "a", 1)
    assert outputs(fresh, "a") == ["ok"]


def test_what_a_command_leaves_behind_dies_with_its_run(fresh, start):
    fresh.load(["x"])
    start("a", "sleep 300 >&2 & echo $!", "--chomp")
    wait_done(fresh, "a", 1)
    (left,) = outputs(fresh, "a")
    eventually(lambda: not process_is_alive(int(left)), what="the process in the background ended")


def test_a_command_that_cannot_be_run_ends_the_worker_and_harms_no_job(fresh, start):
    worker = start("a", "")
    worker.stop()
    fresh.load(["x"])  # now, or the first one might have done it
    argv = [*worker.argv[:worker.argv.index("--")], "--", "/no/such/command"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode == 69 and "/no/such/command: No such file or directory" in done.stderr
    assert fresh.counts()["a"]["failed"] == 0
    assert fresh.sql("select 1 from tracker.strike where reason like '%%such%%'") == []


# --- slots ----------------------------------------------------------------------------------------

def test_slots_share_one_worker_and_run_side_by_side(fresh, start):
    fresh.load([f"j{i}" for i in range(8)])
    worker = start("a", 'echo "$WORKER_SLOT"; touch "slot-$WORKER_SLOT"; until [ -e slot-1 ] && [ -e slot-2 ] && '
                   '[ -e slot-3 ] && [ -e slot-4 ]; do sleep 0.05; done', "--jobs", "4", "--chomp")
    wait_done(fresh, "a", 8)
    for slot in range(1, 5):
        os.unlink(os.path.join(fresh.state, f"slot-{slot}"))
    assert set(outputs(fresh, "a")) <= {"1", "2", "3", "4"}
    assert fresh.sql("select distinct w.name from tracker.output o join tracker.worker w on w.id = o.worker") == [(worker.name(),)]


def test_max_jobs_and_exit_when_idle_end_the_worker(fresh, start):
    fresh.load([f"j{i}" for i in range(5)])
    few = start("a", "cat", "--jobs", "2", "--max-jobs", "3")
    assert eventually(lambda: few.process.poll() is not None, what="it ended") and few.process.returncode == 0
    assert fresh.counts()["a"]["done"] == 3 and fresh.counts()["a"]["leased"] == 0
    rest = start("a", "cat", "--exit-when-idle", "1")
    assert eventually(lambda: rest.process.poll() is not None, what="it ended") and rest.process.returncode == 0
    assert fresh.counts()["a"]["done"] == 5


def test_until_done_ends_the_worker_when_the_stage_is_finished(fresh, start):
    fresh.load(["x", "y"])
    later = start("b", "cat", "--until-done", "--wait", "2")
    first = start("a", "cat", "--until-done", "--wait", "1")
    assert eventually(lambda: first.process.poll() is not None, what="A's worker ended") and first.process.returncode == 0
    assert eventually(lambda: later.process.poll() is not None, what="B's worker ended") and later.process.returncode == 0
    assert [fresh.counts()[s]["done"] for s in "ab"] == [2, 2]


def test_a_lease_that_is_dropped_stops_its_command(fresh, start):
    """As job_timeout does it: the job goes to others, the worker hears of it and ends the command."""
    fresh.load(["x"])
    worker = start("a", "echo $$ > pid; echo on >&3; while sleep 0.2; do echo $((n=n+1)) >&3; done")
    pid_file = os.path.join(fresh.state, "pid")
    try:
        eventually(lambda: os.path.exists(pid_file) and open(pid_file).read().strip(), what="the command runs")
        pid = int(open(pid_file).read())
        eventually(lambda: fresh.sql("select * from tracker.expire_leases(array[1, 0, 0, 0, 0])"), what="the time-out")
        eventually(lambda: not process_is_alive(pid), timeout_s=40, what="the command was stopped")
        assert "not ours any more" in worker.said()
        assert fresh.one("select count(*) from tracker.strike") == 1
    finally:
        os.unlink(pid_file)


# --- outages --------------------------------------------------------------------------------------

def test_a_result_that_was_not_delivered_waits_in_the_spool_for_the_next_run(faults):
    faults.load(["x", "y"])
    spool = os.path.join(faults.state, "spool-kept")
    first = Worker(faults, "a", "touch begun; while [ ! -e go ]; do sleep 0.05; done; printf kept", "--spool", spool)
    begun, go = (os.path.join(faults.state, name) for name in ("begun", "go"))
    try:
        eventually(lambda: os.path.exists(begun), what="the command runs")
        faults.kill("nginx", signal.SIGTERM)
        open(go, "w").close()
        # What ends in .new is not whole yet: killed there, the worker has told nobody that it has a result.
        eventually(lambda: [name for name in os.listdir(spool) if not name.endswith(".new")], what="the result is in the spool")
        assert os.stat(spool).st_mode & 0o077 == 0
        first.process.kill()
        first.process.wait()
        faults.up()
        second = Worker(faults, "a", "printf new", "--spool", spool, "--exit-when-idle", "1")
        assert eventually(lambda: second.process.poll() is not None, timeout_s=30, what="it ended")
        assert second.process.returncode == 0, second.said()
        assert sorted(outputs(faults, "a")) == ["kept", "new"]
        assert os.listdir(spool) == []
        assert faults.sql("select name from tracker.worker where gone_at is null and name in (%s, %s)",
                          first.name(), second.name()) == []
    finally:
        first.stop()
        for path in (begun, go):
            if os.path.exists(path):
                os.unlink(path)


def test_a_worker_that_the_tracker_forgot_registers_again_and_goes_on(fresh, start):
    fresh.load([f"j{i}" for i in range(3)])
    worker = start("a", "touch begun; while [ ! -e go ]; do sleep 0.05; done; cat")
    begun, go = (os.path.join(fresh.state, name) for name in ("begun", "go"))
    try:
        eventually(lambda: os.path.exists(begun), what="the command runs")
        fresh.run("distcompute-admin", "worker", "drop", "a", worker.name())
        open(go, "w").close()
        wait_done(fresh, "a", 3)
        assert "registering again" in worker.said()
        assert outputs(fresh, "a") == ["j0", "j1", "j2"]
    finally:
        for path in (begun, go):
            if os.path.exists(path):
                os.unlink(path)


# --- the older job API ----------------------------------------------------------------------------

def test_the_older_api_serves_a_worker_as_well(fresh, start):
    fresh.load([{"n": 1}, "plain", "bad", "flag"])
    start("a", """in=$(cat); echo "half of $in" >&3
        case $in in bad) echo no >&2; exit 3;; flag) exit 65;; '{'*) echo '[2]';; *) echo '"text"';; esac""",
          "--v1", "--json", "--jobs", "2")
    eventually(lambda: fresh.counts()["a"]["done"] == 2, what="two are done")
    assert sorted(outputs(fresh, "a")) == ["<!json!>[2]\n", "text"]
    said_of(fresh, "flagged")


def test_misuse_is_told_at_once(fresh):
    program = os.path.join(fresh.read_status()["bin"], "distcompute-worker")
    for argv in (["--stage", "f"], ["--url", "ftp://x"], ["--url", "https://x"], ["--url", "https://x", "--jobs", "0", "--", "x"],
                 ["--url", "https://x", "--max-result", "many", "--", "x"], ["--url", "https://x", "--no-such", "--", "x"]):
        done = subprocess.run([program, *argv], capture_output=True, text=True, timeout=10)
        assert done.returncode == 64, (argv, done.returncode, done.stderr)
        assert "--help" in done.stderr


# --- why it has nothing to do ------------------------------------------------------------------

def says(worker, *texts):
    """One line with all of these."""
    return eventually(lambda: [line for line in worker.said().splitlines() if all(text in line for text in texts)],
                      timeout_s=60, what=f"{worker.log} says {texts}")[0]


def test_whose_command_always_fails_is_told_that_it_rests_why_and_what_to_do(fresh, start):
    fresh.load(["x"] * 30)
    worker = start("a", "echo no space left >&2; exit 3", "--quiet")
    line = says(worker, "waiting: This worker rests for ", " jobs failed, were flagged or given back. Look why")
    assert "warning: " in line and line.endswith("A result ends it, and so can the operator, or who has a key of its name, on /me.")
    assert "no space left" in worker.said()


def test_a_rest_is_told_while_other_jobs_run(fresh, start):
    """A farm with most of its slots idle must not look as if all were well until the last of its jobs ends."""
    fresh.load(["slow", *["x"] * 30])
    worker = start("a", 'read what; [ "$what" = slow ] && exec sleep 100; exit 3', "--jobs", "4", "--no-prefetch")
    says(worker, "waiting: This worker rests for ")
    worker.process.send_signal(signal.SIGINT)
    worker.process.send_signal(signal.SIGINT)


def test_who_inherits_a_rest_is_told_why_and_what_to_do(fresh, start):
    fresh.load(["x"] * 60)
    for f in [Fleet(fresh) for _ in range(24)]:  # all are here before the first one fails
        (job,) = f.take(1)
        f.tell("failed", job, reason="segmentation fault")
    eventually(lambda: fresh.sql("select bad from tracker.network") == [(24,)], what="the keeper has counted them")
    line = says(start("a", "cat"), "waiting: This worker rests for ", "those that came from its address before it failed")
    assert line.endswith("A result from there ends it for all, and who has a key of its name does not wait.")


def test_a_newcomer_that_has_to_wait_is_told_why_and_comes_in_by_itself(crowded, start):
    crowded.load(["x"])
    others = [Client(crowded) for _ in range(31)]
    eventually(lambda: crowded.sql("select newcomers from tracker.network") == [(31,)], what="the keeper has counted them")
    for flags in ((), ("--v1",)):
        line = says(start("a", "cat", *flags, stack=crowded), "the tracker lets this worker wait")
        assert "Many workers of your address have brought no result yet." in line and "trying again in " in line
        assert "under a name with a key, at once" in line and "cannot be reached" not in line
    assert len(others) == 31


def test_who_is_banned_at_its_work_is_told_so_and_asks_again(fresh, start):
    fresh.load(["x"] * 3)
    worker = start("a", "exec sleep 100", "--nickname", "Mallory", "--label", "warc2tar 1.4")
    worker.name()
    fresh.run("distcompute-admin", "ban", "--label", "warc2tar 1.4", "--reason", "it cuts records", "--until", "2036-01-01 UTC")
    try:
        line = says(worker, "the tracker will not have this worker")
        assert "You are banned: it cuts records (until 2036-01-01 00:00 UTC)" in line and "trying again in 3" in line
        newcomer = start("a", "cat", "--label", "warc2tar 1.4")
        says(newcomer, "the tracker refused to register this worker (answer 403: You are banned: it cuts records")
        assert newcomer.process.wait(30) == 78
    finally:
        fresh.sql("delete from tracker.ban")
        worker.process.send_signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGINT)


def test_slots_that_the_allowance_leaves_idle_are_told(fresh, start):
    fresh.load(["x"] * 30)
    worker = start("a", "exit 3", "--jobs", "4")
    name = worker.name()
    fresh.sql("update tracker.worker set allowance = 3 where name = %s", name)
    line = says(worker, "the tracker lets this worker have ")
    assert "slots are idle: each result is one more, each failure one less" in line or "slots is idle" in line
