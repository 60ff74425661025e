"""An operator takes back what a cheat, or a broken release, has made: the story as it is lived."""
import fcntl
import json
import os
import pty
import random
import re
import signal
import socket
import struct
import subprocess
import termios
import time

import psycopg2
import pytest

from client import Api, Fleet, work
from stack import program
from test_edges import rendered
from waiting import Later, eventually

ADMIN = "distcompute-admin"


def undone(stack):
    return stack.sql("select count(*) from tracker.refused_output")[0][0]


@pytest.fixture
def spoilt(fresh):
    """Mallory made 300 of 400 in stage A, of which Bob used 200 in stage B."""
    fresh.load([f"job {n}" for n in range(400)])
    work(fresh, "a", "Mallory", 300)
    work(fresh, "a", "Ada", 100, "right")
    work(fresh, "b", "Bob", 200)
    return fresh


def test_a_cheat_is_counted_undone_and_done_anew(spoilt):
    dry = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--dry-run", "--json")
    assert [json.loads(line) for line in dry.stdout.splitlines()] == [
        {"stage": "a", "asked": 300, "made_of": 0, "cancelled": 0, "nickname": "Mallory"},
        {"stage": "b", "asked": 0, "made_of": 200, "cancelled": 0, "nickname": "Bob"}]
    assert undone(spoilt) == 0
    said = spoilt.run(ADMIN, "--as", "ann@desk", "undo", "--person", "Mallory", "--reason", "made up").stdout
    assert "500 results of 300 jobs" in said and "--back" in said
    work(spoilt, "a", "Ada", 300, "right")
    work(spoilt, "b", "Bob", 400)
    assert {d for (d,) in spoilt.sql("select distinct data from tracker.output where stage = 1")} == {"right"}
    (line,) = [json.loads(a) for a in spoilt.run(ADMIN, "audit", "--json").stdout.splitlines()
               if json.loads(a)["act"] == "undo"]
    assert (line["who"], line["count"], line["state"], line["details"]["person"]) == (
        "ann@desk", 500, "done", "Mallory")


def test_an_undo_is_taken_back(spoilt):
    before = spoilt.sql("select stage, job, data from tracker.output order by 1, 2")
    said = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "by mistake").stdout
    number = said.split()[1].rstrip(":")
    said = spoilt.run(ADMIN, "undo", "--back", number).stdout
    assert "500 results of 300 jobs live again" in said
    assert spoilt.sql("select stage, job, data from tracker.output order by 1, 2") == before


def test_an_undo_that_was_killed_goes_on_where_it_stopped(spoilt):
    # A job of the second step is locked, so that the program is in the middle when it dies.
    lock = psycopg2.connect(spoilt.conninfo)
    lock.cursor().execute("select from tracker.output where stage = 1 and job = 250 for update")
    p = subprocess.Popen([program(ADMIN), "--config", spoilt.config, "undo",
                          "--person", "Mallory", "--reason", "made up"], stderr=subprocess.DEVNULL)
    eventually(lambda: undone(spoilt) > 0, what="the first step")
    p.send_signal(signal.SIGKILL)
    p.wait()
    # What it had asked for last would go on without it.
    spoilt.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity"
               " where application_name = 'distcompute-admin'")
    lock.close()
    number, state = spoilt.one("select id, state from tracker.audit where act = 'undo'")
    assert state == "begun" and undone(spoilt) < 500
    now = 500 - undone(spoilt)
    said = spoilt.run(ADMIN, "undo", "--resume", str(number)).stdout
    assert said.startswith(f"undo {number}: 500 results of 300 jobs set aside, {now} of them now, to be done anew; taken back by: ")
    assert said.endswith(f" undo --back {number}\n")
    assert undone(spoilt) == 500
    assert spoilt.one("select state, count from tracker.audit where id = %s", number) == ("done", 500)


def test_an_undo_that_others_get_in_the_way_of_tries_again(spoilt):
    """Three times somebody else is quicker; sequences do not go back with what failed."""
    spoilt.sql("create sequence tracker.tries")
    spoilt.sql("create function tracker.clash() returns trigger language plpgsql as $$ begin"
               " if nextval('tracker.tries') <= 3 then raise 'quicker' using errcode = 'serialization_failure'; end if;"
               " return null; end $$")
    spoilt.sql("create trigger clash after insert on tracker.refused_output for each statement execute function tracker.clash()")
    try:
        spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up")
        assert spoilt.one("select last_value from tracker.tries") > 3
    finally:
        spoilt.sql("drop function tracker.clash() cascade")
        spoilt.sql("drop sequence tracker.tries")
    assert undone(spoilt) == 500
    assert spoilt.one("select state, count from tracker.audit where act = 'undo'") == ("done", 500)


@pytest.fixture
def steps(spoilt):
    """Steps of an undo as a test plays them: of the nth how many jobs it did, and how many are left."""
    spoilt.sql("alter function tracker.undo_step(int8, int4) rename to true_undo_step")
    spoilt.sql("create sequence tracker.steps")

    def play(jobs, left):
        spoilt.sql("create function tracker.undo_step(int8, int4) returns table (jobs int8, results int8, left_over int8, freed int8[],"
                   " all_jobs int8, all_results int8, all_off int8) language sql as $$ select x.jobs, x.jobs, x.left, '{0,0,0,0,0}'::int8[],"
                   f" 999::int8, 999::int8, 0::int8 from (select ({jobs})::int8 as jobs, ({left})::int8 as left"
                   " from (select nextval('tracker.steps') as n) s) x $$")
        done = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up", check=False)
        return done, spoilt.one("select last_value from tracker.steps")
    yield play
    spoilt.sql("drop function if exists tracker.undo_step(int8, int4)")
    spoilt.sql("drop sequence tracker.steps")
    spoilt.sql("alter function tracker.true_undo_step(int8, int4) rename to undo_step")


def test_an_undo_of_many_steps_is_never_given_up_while_it_gets_on(steps):
    done, count = steps("1", "250 - n")
    assert (done.returncode, count) == (0, 250), done.stderr
    assert "999 results of 999 jobs set aside, 250 of them now" in done.stdout


def test_an_undo_that_gets_nowhere_is_given_up_and_says_what_is_left(steps):
    """Others move the jobs; a step that did something begins the count anew."""
    done, count = steps("case when n = 10 then 1 else 0 end", "5")
    assert (done.returncode, count) == (1, 210), done
    assert "others keep moving the 5 jobs that are left" in done.stderr and "undo --resume" in done.stderr


@pytest.fixture
def slow_steps(faults):
    """Each step of an undo takes a little longer, so that it is in the middle of something when it dies."""
    faults.sql("create function tracker.dawdle() returns trigger language plpgsql as $$ begin"
               " perform pg_sleep(0.05); return null; end $$")
    faults.sql("create trigger dawdle after insert on tracker.refused_output for each statement execute function tracker.dawdle()")
    yield faults
    faults.sql("drop function tracker.dawdle() cascade")


def on_terminal(stack, columns, *words):
    """What an undo shows there, and what it says in the end; each drawing takes the one before it away."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([program(ADMIN), "--config", stack.config, "undo", *words], stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # it has ended
            break
        if not more:
            break
        shown += more
    os.close(ours)
    assert p.wait() == 0, shown
    first, *drawn, last = shown.decode().split("\r\x1b[K")
    assert first == "" and drawn, shown
    assert last.startswith("undo ") and last.endswith("\r\n") and "\x1b" not in last
    return drawn, last


@pytest.mark.parametrize("columns", [200, 80, 60, 30, 5, 1])
def test_an_undo_and_its_taking_back_draw_a_bar_that_fits_the_terminal(slow_steps, columns):
    slow_steps.load([f"job {n}" for n in range(400)])
    work(slow_steps, "a", "Mallory", 400)
    slow_steps.sql("create trigger dawdle_back after delete on tracker.refused_output for each statement"
                   " execute function tracker.dawdle()")
    drawn, last = on_terminal(slow_steps, columns, "--person", "Mallory", "--reason", "made up")
    back, _ = on_terminal(slow_steps, columns, "--back", last.split()[1].rstrip(":"))
    for shown in (drawn, back):
        assert all(len(line) < max(columns, 1) or line == "" for line in shown), shown
        whole = shown[len(shown) // 2]
        assert "[#" in whole and "results" in whole or columns < 80, whole
        assert re.search(r"\d%", whole) or columns < 5, whole


def test_an_undo_that_nobody_watches_draws_nothing(slow_steps):
    slow_steps.load([f"job {n}" for n in range(400)])
    work(slow_steps, "a", "Mallory", 400)
    said = slow_steps.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up")
    assert not set("\r\x1b[#") & set(said.stdout + said.stderr) and said.stdout.count("\n") == 1
    assert all(re.fullmatch(r"\d+%: [0-9,]+ results, [0-9,]+ a second.*", line) for line in said.stderr.splitlines())


def in_the_middle(stack, *words, **how):
    """An undo, or its taking back, that has done a part."""
    state, before = ("begun" if words[0] != "--back" else "part back"), stack.one("select count(*) from tracker.refused_output")
    p = subprocess.Popen([program(ADMIN), "--config", stack.config, "undo", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
    eventually(lambda: stack.one("select count(*) from tracker.refused_output") != before
               and stack.one("select state from tracker.audit where act = 'undo'") == state, timeout_s=60, what="some of it is done")
    return p


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_breaks_an_undo_off_hears_how_it_goes_on(slow_steps, signum):
    """A command to be pasted; and what the signal does to a program it does to this one."""
    slow_steps.load([f"job {n}" for n in range(500)])
    work(slow_steps, "a", "Mallory", 500)
    slow_steps.sql("create trigger dawdle_back after delete on tracker.refused_output for each statement"
                   " execute function tracker.dawdle()")
    words = ["--person", "Mallory", "--reason", "made up"]
    for left, state in ((0, "done"), (500, "taken back")):
        p = in_the_middle(slow_steps, *words)
        p.send_signal(signum)
        said, why = p.communicate(timeout=60)
        assert p.returncode == -signum and said == "", (said, why)
        slow_steps.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = 'distcompute-admin'")
        command = why.strip().splitlines()[-1].partition("; go on with: ")[2]
        ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True,
                             env={**os.environ, "PATH": slow_steps.read_status()["bin"] + ":" + os.environ["PATH"]})
        assert ran.returncode == 0, (command, ran.stderr)
        number, now = slow_steps.one("select id, state from tracker.audit where act = 'undo'")
        assert now == state and slow_steps.counts()["a"]["done"] == left
        words = ["--back", str(number)]


def test_an_undo_that_nohup_began_goes_on_when_its_terminal_is_gone(slow_steps):
    slow_steps.load([f"job {n}" for n in range(500)])
    work(slow_steps, "a", "Mallory", 500)
    p = in_the_middle(slow_steps, "--person", "Mallory", "--reason", "made up", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    p.send_signal(signal.SIGHUP)
    said, _ = p.communicate(timeout=60)
    assert p.returncode == 0 and "500 results of 500 jobs set aside" in said


def begin_undo(stack, line):
    args = ["--resume", str(line[0][0])] if line else ["--person", "Mallory", "--reason", "made up"]
    return subprocess.Popen([program(ADMIN), "--config", stack.config, "undo", *args],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_an_undo_that_dies_ten_times_ends_as_if_nothing_had_been(slow_steps):
    """Ten times -9 at a moment that nobody chose, five times of PostgreSQL under it; each time something was left to do."""
    stack = slow_steps
    stack.load([f"job {n}" for n in range(4000)])
    for _ in range(4):
        work(stack, "a", "Mallory", 1000)
    work(stack, "b", "Bob", 1000)
    killed = 0
    while killed < 10:
        line = stack.sql("select id from tracker.audit where act = 'undo' and state = 'begun'")
        before = undone(stack)
        assert before < 5000
        p = begin_undo(stack, line)
        # Somewhere in the first, second or third step from here, or before them.
        eventually(lambda p=p, past=before + random.choice([-1, 0, 60]): undone(stack) > past or p.poll() is not None,
                   what="it is at work")
        time.sleep(random.uniform(0, 0.1))
        in_the_middle = p.poll() is None
        if killed % 2:
            stack.stop_postgres(at_once=True)
            stack.start_postgres()
        p.kill()
        p.wait()
        # What it had asked for last would go on without it.
        stack.sql("select pg_terminate_backend(pid, 10000) from pg_stat_activity"
                  " where application_name = 'distcompute-admin'")
        killed += in_the_middle
        assert stack.broken_laws() == []
    (line,) = stack.sql("select id from tracker.audit where act = 'undo' and state = 'begun'")
    stack.sql("drop trigger dawdle on tracker.refused_output")
    stack.run(ADMIN, "undo", "--resume", str(line[0]))
    assert stack.sql("select stage, count(*), count(distinct job), min(job), max(job) from tracker.refused_output group by 1 order by 1") == [
        (1, 4000, 4000, 1, 4000), (2, 1000, 1000, 1, 1000)]
    assert stack.sql("select stage, count(*) from tracker.retry group by 1") == [(1, 4000)]
    assert stack.sql("select count(*) from tracker.output union all select count(*) from tracker.ready"
                     " union all select count(*) from tracker.undo_item") == [(0,), (0,), (0,)]
    assert stack.sql("select sum(count), count(*) filter (where state = 'done') from tracker.audit"
                     " where act = 'undo'") == [(5000, 1)]


@pytest.mark.parametrize("words, status, said", [
    ([], 64, "--person"),
    (["--person", "Mallory"], 64, "--reason"),
    (["--person", "Nobody", "--reason", "x"], 1, "no such worker or person"),
    (["--person", "Bob", "--stage", "a", "--reason", "x"], 1, "no such result"),
    (["--since", "when the moon was blue", "--reason", "x"], 64, "moon"),
    (["--resume", "4711"], 1, "there is no undo 4711"),
    (["--back", "4711"], 1, "there is no undo 4711"),
    (["--back", "x"], 64, "no number"),
    (["--resume", "1", "--back", "1"], 64, "not both"),
])
def test_what_cannot_be_undone_is_said_in_words(spoilt, words, status, said):
    answer = spoilt.run(ADMIN, "undo", *words, check=False)
    assert answer.returncode == status and said in answer.stderr, answer.stderr
    assert len(answer.stderr.splitlines()) == 1
    assert undone(spoilt) == 0


@pytest.mark.parametrize("beside", [
    ["--dry-run"], ["--person", "Mallory"], ["--worker", "w"], ["--label", "warc2tar"], ["--address", "192.0.2.7"], ["--batch", "one"],
    ["--stage", "a"], ["--since", "2026-01-01"], ["--until", "2026-01-01"], ["--keep-credit"], ["--reason", "x"], ["--person", ""]])
def test_an_undo_of_a_number_is_all_of_it(spoilt, beside):
    said = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--stage", "a", "--reason", "made up").stdout
    number, before = said.split()[1].rstrip(":"), undone(spoilt)
    for of in ("--back", "--resume"):
        answer = spoilt.run(ADMIN, "undo", of, number, *beside, check=False)
        assert answer.returncode == 64 and beside[0] in answer.stderr and of in answer.stderr, answer.stderr
        assert len(answer.stderr.splitlines()) == 1 and answer.stdout == ""
    assert undone(spoilt) == before > 0


def test_the_number_of_another_act_is_no_undo(spoilt):
    spoilt.run(ADMIN, "pause", "a")
    ((number,),) = spoilt.sql("select max(id) from tracker.audit")
    for of in ("--back", "--resume"):
        answer = spoilt.run(ADMIN, "undo", of, str(number), check=False)
        assert (answer.returncode, answer.stderr) == (1, f"distcompute-admin: there is no undo {number}\n")


def test_that_the_tracker_could_not_be_told_is_said_once(spoilt):
    answer = spoilt.run(ADMIN, "--redis", "unix:/nowhere/redis.sock", "undo", "--person", "Mallory", "--reason", "made up")
    assert answer.stderr.count("could not be told") == 1, answer.stderr
    back = spoilt.run(ADMIN, "--redis", "unix:/nowhere/redis.sock", "undo", "--back", answer.stdout.split()[1].rstrip(":"))
    assert back.stderr.count("could not be told") == 1, back.stderr


def test_who_takes_an_undo_back_is_written_down(spoilt):
    said = spoilt.run(ADMIN, "--as", "ann@desk", "undo", "--person", "Mallory", "--reason", "by mistake").stdout
    number = said.split()[1].rstrip(":")
    spoilt.run(ADMIN, "--as", "bob@desk", "undo", "--back", number)
    again = spoilt.run(ADMIN, "--as", "eve@desk", "undo", "--back", number, check=False)
    assert again.returncode == 1 and "nothing" in again.stderr and len(again.stderr.splitlines()) == 1
    lines = [json.loads(a) for a in spoilt.run(ADMIN, "audit", "--json").stdout.splitlines()]
    assert [(a["who"], a["act"], a["target"], a["count"], a["state"]) for a in lines[-2:]] == [
        ("ann@desk", "undo", "by mistake", 500, "taken back"), ("bob@desk", "take back", f"undo {number}", 500, "done")]


def test_an_undo_of_which_nothing_can_come_back_stays_done(spoilt):
    said = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up").stdout
    number = said.split()[1].rstrip(":")
    work(spoilt, "a", "Ada", 300, "right")
    answer = spoilt.run(ADMIN, "undo", "--back", number, check=False)
    assert answer.returncode == 1 and "nothing of it can come back" in answer.stderr and answer.stdout == ""
    assert spoilt.one("select state from tracker.audit where id = %s", number) == "done"
    assert spoilt.one("select count(*) from tracker.audit where act = 'take back'") == 0


@pytest.mark.parametrize("name", ["", " "])
def test_who_acts_has_a_name(spoilt, name):
    answer = spoilt.run(ADMIN, "--as", name, "undo", "--person", "Mallory", "--reason", "made up", check=False)
    assert answer.returncode == 64 and "--as" in answer.stderr and len(answer.stderr.splitlines()) == 1
    assert undone(spoilt) == 0


def test_who_waits_for_work_hears_of_an_undo_at_once(spoilt):
    waiting = Later(Fleet(spoilt, "a", "Ada").take, 1, wait=30)
    time.sleep(0.5)
    spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up")
    assert len(waiting.result()) == 1


def test_of_two_undos_of_a_job_it_is_said_which_is_taken_back_first(spoilt):
    first, second = (spoilt.run(ADMIN, "undo", "--person", who, "--reason", "x").stdout.split()[1].rstrip(":")
                     for who in ("Bob", "Mallory"))
    answer = spoilt.run(ADMIN, "undo", "--back", first, check=False)
    assert answer.returncode == 1 and answer.stderr.endswith(
        f"undo {first}: nothing of it can come back: undo {second} refused what 200 of its results were made of:"
        f" first undo --back {second}, then undo --back {first}\n"), answer.stderr
    assert "300 results of 300 jobs live again" in spoilt.run(ADMIN, "undo", "--back", second).stdout
    assert "200 results of 200 jobs live again" in spoilt.run(ADMIN, "undo", "--back", first).stdout
    assert undone(spoilt) == 0


def test_what_is_undone_of_a_cancelled_batch_is_not_said_to_be_done_anew(fresh):
    fresh.load([f"job {n}" for n in range(30)])
    fresh.run("distcompute-load", "--append", "--batch", "wrong", "--json", "-", stdin=json.dumps(["x"] * 10))
    fresh.sql("update tracker.policy set max_attempts = 1")
    work(fresh, "a", "Ada", 38)
    worker = Fleet(fresh, "a", "Ada")
    for job in worker.take(2):
        worker.give("failed", job, reason="disk full")
    fresh.sql("update tracker.policy set max_attempts = 10")
    fresh.run(ADMIN, "batch", "cancel", "wrong")
    assert "1 is" not in fresh.run(ADMIN, "requeue", "--all").stdout.splitlines()[1]
    dry = fresh.run(ADMIN, "undo", "--person", "Ada", "--dry-run").stdout
    assert "8 of these of cancelled batches, of which nothing is done anew" in dry
    said = fresh.run(ADMIN, "send-back", "31", "--stage", "a", "--reason", "x").stdout
    assert "nobody does it anew" in said and "waits" not in said
    said = fresh.run(ADMIN, "undo", "--batch", "wrong", "--reason", "x").stdout
    assert "7 results of 7 jobs set aside; the batch is cancelled, so nothing is done anew" in said
    fresh.run(ADMIN, "undo", "--back", said.split()[1].rstrip(":"))
    said = fresh.run(ADMIN, "undo", "--person", "Ada", "--reason", "x").stdout
    assert "37 results of 37 jobs set aside, to be done anew, but for 7 jobs of cancelled batches" in said


@pytest.mark.parametrize("words", [
    ["undo", "--person", "a", "--person", "b", "--dry-run"], ["undo", "--label", "a", "--label", "b"],
    ["undo", "--stage", "a", "--stage", "b"], ["undo", "--back", "1", "--back", "2"], ["ban", "--address", "192.0.2.1", "--address", "192.0.2.2"],
    ["requeue", "--reason", "a", "--reason", "b"], ["leases", "--older", "1h", "--older", "2h"], ["failed", "--batch", "a", "--batch", "b"],
    ["--as", "a", "--as", "b", "status"], ["settings", "--sample", "--markdown"]])
def test_of_an_option_that_is_said_twice_none_is_lost(fresh, words):
    answer = fresh.run(ADMIN, *words, check=False)
    assert answer.returncode == 64 and "one at a time" in answer.stderr and answer.stdout == ""
    assert fresh.one("select count(*) from tracker.audit") == 0


# ---- a bad day

def test_an_undo_whose_jobs_a_reset_deleted_says_so(spoilt):
    said = spoilt.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up").stdout
    number = said.split()[1].rstrip(":")
    spoilt.run("distcompute-load", "--reset", "--yes", "-", stdin="one\n")
    for of in ("--back", "--resume"):
        answer = spoilt.run(ADMIN, "undo", of, number, check=False)
        assert (answer.returncode, answer.stderr) == (
            1, f"distcompute-admin: undo {number} was of jobs that a reset has deleted since\n")


def test_an_undo_that_a_reset_ends_says_so_and_stands_as_cut_short(slow_steps):
    slow_steps.load([f"job {n}" for n in range(1000)])
    work(slow_steps, "a", "Mallory", 1000)
    p = subprocess.Popen([program(ADMIN), "--config", slow_steps.config, "undo", "--person", "Mallory", "--reason", "made up"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    eventually(lambda: undone(slow_steps) > 0, what="the first step")
    slow_steps.run("distcompute-load", "--reset", "--yes", "-", stdin="one\n")
    out, err = p.communicate(timeout=120)
    ((number, state, left),) = slow_steps.sql("select id, state, (details ->> 'left')::int from tracker.audit where act = 'undo'")
    if left == 0:  # it was quicker
        return
    assert (p.returncode, out, err) == (1, "", f"distcompute-admin: undo {number} was of jobs that a reset has deleted since\n")
    assert state == "cut short" and 0 < left < 1000
    line = [line for line in slow_steps.run(ADMIN, "audit").stdout.splitlines() if line.split()[0] == str(number)][0]
    assert "cut short" in line and f"jobs left {left}" in line
    assert slow_steps.broken_laws() == []


def test_status_says_what_is_not_done_and_what_goes_on(spoilt):
    """Whose terminal is gone was told nothing."""
    said = spoilt.run(ADMIN, "--as", "ann@desk", "undo", "--person", "Mallory", "--reason", "made up").stdout
    number = said.split()[1].rstrip(":")
    assert "go on with" not in spoilt.run(ADMIN, "status").stdout
    assert json.loads(spoilt.run(ADMIN, "status", "--json").stdout)["begun"] == []
    spoilt.sql("update tracker.audit set state = 'begun' where id = %s", int(number))  # as if it had died before its last step
    said = spoilt.run(ADMIN, "status").stdout
    (line,) = [line for line in said.splitlines() if "go on with: " in line]
    assert line.startswith(f"line {number} of audit, undo, by ann@desk, is not done; ")
    subprocess.run(line.partition("go on with: ")[2], shell=True, check=True, capture_output=True)
    assert "go on with" not in spoilt.run(ADMIN, "status").stdout
    assert spoilt.one("select state from tracker.audit where id = %s", int(number)) == "done"


@pytest.mark.parametrize("words", [
    ["undo", "--label", "", "--reason", "x"], ["undo", "--label", "  ", "--dry-run"], ["undo", "--since", "2026-01-01", "--person", "", "--reason", "x"],
    ["undo", "--batch", "", "--dry-run"], ["undo", "--worker", "", "--dry-run"], ["ban", "--label", "", "--reason", "x"],
    ["ban", "--label", " ", "--reason", "x"], ["ban", "--person", "", "--reason", "x"], ["requeue", "--label", ""],
    ["requeue", "--reason", ""], ["requeue", "--reason", "x", "--person", ""]])
def test_a_condition_that_is_empty_is_none(spoilt, words):
    """As of a script's variable that was not set."""
    spoilt.sql("update tracker.worker set label = ''")
    answer = spoilt.run(ADMIN, *words, check=False)
    assert answer.returncode == 64 and answer.stdout == "" and len(answer.stderr.splitlines()) == 1, answer.stderr
    assert "nothing to go by" in answer.stderr or "in every reason" in answer.stderr
    assert undone(spoilt) == 0 and spoilt.one("select count(*) from tracker.audit") == 0


def test_audit_has_titles_and_says_whose_results_were_undone(spoilt):
    spoilt.run(ADMIN, "--as", "ann@desk", "undo", "--person", "Mallory", "--stage", "a", "--keep-credit", "--reason", "made up")
    spoilt.run(ADMIN, "person", "rename", "Bob", "Bobby")
    titles, undo, rename = spoilt.run(ADMIN, "audit").stdout.splitlines()
    assert titles.split() == ["line", "at", "who", "act", "count", "state", "target", "details"]
    for column, word in (("who", "ann@desk"), ("act", "undo"), ("target", "made up"), ("details", "person Mallory, stage A, credit kept, jobs 300")):
        assert undo.index(word) == titles.index(column)
    assert rename.index("to Bobby") == titles.index("details") and rename.index("Bob ") == titles.index("target")


def test_pages_are_made_anew_after_an_undo_and_after_it_was_taken_back(limited):
    """A page is kept for ten minutes there."""
    limited.load([f"job {n}" for n in range(30)])
    work(limited, "a", "Mallory", 30)

    def are_kept(jobs):
        """By both processes: so many at once are no one's. Of the second after an act no page is kept."""
        before = rendered(limited)
        crowd = [Later(lambda: Api(limited).get("/person/Mallory", headers={"X-Tracker-Cache": "off"}).text) for _ in range(8)]
        return all(f"<dt>Jobs</dt><dd><b>{jobs}</b>" in one.result() for one in crowd) and rendered(limited) == before
    eventually(lambda: are_kept(30), what="pages of before")
    said = limited.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up").stdout
    eventually(lambda: are_kept(0), what="pages of after the undo")
    limited.run(ADMIN, "undo", "--back", said.split()[1].rstrip(":"))
    eventually(lambda: are_kept(30), what="pages of after it was taken back")


def test_an_undo_does_not_wait_for_a_redis_that_hangs_at_every_step(slow_steps):
    """It takes whoever connects, and never says a word."""
    slow_steps.load([f"job {n}" for n in range(1000)])
    work(slow_steps, "a", "Mallory", 1000)
    callers = []

    def hang(listener):
        while True:
            try:
                callers.append(listener.accept()[0])
            except OSError:
                return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = Later(hang, listener)
        began = time.monotonic()
        answer = slow_steps.run(ADMIN, "--redis", f"redis://127.0.0.1:{listener.getsockname()[1]}/0", "undo", "--person", "Mallory",
                                "--reason", "made up")
        took_s = time.monotonic() - began
        listener.shutdown(socket.SHUT_RDWR)
    silent.result()
    assert "1000 results of 1000 jobs" in answer.stdout and answer.stderr.count("could not be told") == 1
    assert 1 <= len(callers) <= 1 + took_s / 5, (len(callers), took_s)
    for caller in callers:
        caller.close()


def test_a_database_that_takes_no_writes_is_said_in_words(spoilt):
    for words in (["undo", "--person", "Mallory", "--reason", "x"], ["ban", "--person", "Mallory", "--reason", "x"], ["pause", "a"]):
        answer = spoilt.run(ADMIN, "--postgres", spoilt.conninfo + " options='-c default_transaction_read_only=on'", *words, check=False)
        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr == ("distcompute-admin: this database takes no writes: it is a standby, or read-only"
                                 " (default_transaction_read_only); nothing was changed\n")


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York"])
def test_a_time_without_a_zone_is_utc_as_all_that_is_shown(spoilt, zone):
    """Whatever the server's is, or its client's."""
    east = zone.startswith("Asia")
    hour = spoilt.one("select to_char(now() at time zone 'UTC' + %s * interval '1 hour', 'YYYY-MM-DD HH24:MI')", 1 if east else -1)
    there = spoilt.conninfo + f" options='-c timezone={zone}'"
    said = spoilt.run(ADMIN, "--postgres", there, "undo", "--since", hour, "--dry-run").stdout
    assert ("There is no such result" in said) == east, said
    spoilt.run(ADMIN, "--postgres", there, "ban", "--label", "miner", "--reason", "x", "--until", "2126-11-01 12:00")
    assert spoilt.one("select until = '2126-11-01 12:00 UTC' from tracker.ban order by id desc limit 1")
    assert "until 2126-11-01T12:00:00+00:00" in spoilt.run(ADMIN, "--postgres", there, "audit").stdout


@pytest.mark.parametrize("letters", [255, 256, 257, 600])
def test_of_what_is_longer_than_a_cell_it_is_seen_that_there_is_more(fresh, letters):
    for letter in ("x", "\u00e4", "\u4e2d"):
        text = (letter * letters)[:letters // len(letter.encode())]
        fresh.sql("select tracker.audit_act('banner', %s, 1, '{}')", text)
        said = fresh.run(ADMIN, "audit").stdout.splitlines()[-1].split("done", 1)[1].strip()
        if len(text.encode()) <= 256:
            assert said == text
        else:
            assert said.endswith("...") and said[:-3] == text[:len(said) - 3] and 240 < len(said.encode()) <= 256
