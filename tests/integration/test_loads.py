"""distcompute-load where options meet, and where it ends in the middle: what it says then is so."""
import contextlib
import json
import select
import signal
import socket
import subprocess
import threading

import psycopg2
import pytest

from beside import PostgresWay
from waiting import Later

LOAD = "distcompute-load"
NOTHING, DOUBT = "Nothing was loaded", "This came during the commit"


def test_all_that_is_said_of_a_batch_is_kept_together(fresh):
    fresh.run(LOAD, "-", "--batch", "one", "--priority", "-100", "--note", "n" * 200, "--needs", "gpu,ram32", "--rate", "6000000",
              "--paused", stdin="x\n")
    told = json.loads(fresh.run("distcompute-admin", "batch", "--json").stdout)
    assert [told[k] for k in ("name", "priority", "note", "state", "rate", "needs")] == ["one", -100, "n" * 200, "paused", 6000000, "gpu, ram32"]


@pytest.mark.parametrize("form", ["--txt", "--jsonl"])
def test_blank_lines_are_passed_over_when_that_is_asked_for(fresh, form):
    assert fresh.run(LOAD, form, "-", stdin='"x"\n\n  \n"y"\n', check=False).returncode == 1
    assert fresh.run(LOAD, form, "-", "--skip-blank", stdin='"x"\n\n  \n"y"\n').stdout.startswith("Loaded 2 jobs, number 1 to 2, in ")


@pytest.mark.parametrize("words", [["jobs.txt", "--json", "other"], ["jobs.txt", "other.txt"], ["--append", "--reset", "jobs.txt"],
                                   ["--priority", "101", "jobs.txt"], ["--rate", "6000001", "jobs.txt"], ["--note", "n" * 201, "jobs.txt"]])
def test_what_cannot_be_meant_is_refused_and_nothing_is_loaded(fresh, tmp_path, words):
    (tmp_path / "jobs.txt").write_text("x\n")
    answer = fresh.run(LOAD, *[str(tmp_path / w) if w == "jobs.txt" else w for w in words], check=False)
    assert answer.returncode == 64 and fresh.one("select count(*) from tracker.job") == 0


def test_jobs_that_are_there_are_deleted_by_nobody_who_did_not_say_so(fresh):
    """One job is asked for as well as many; who loads quietly, and who only checks, has said nothing."""
    fresh.load(["x"])
    for words in (["--reset"], ["--reset", "--quiet"]):
        answer = fresh.run(LOAD, *words, "-", stdin="y\n", check=False)
        assert answer.returncode == 1 and "needs --yes" in answer.stderr and NOTHING in answer.stderr
    done = fresh.run(LOAD, "--reset", "--yes", "--dry-run", "-", stdin="y\n")
    assert done.stdout.startswith("Checked 1 job, in ") and NOTHING not in done.stderr
    assert fresh.sql("select data from tracker.job") == [("x",)]


@pytest.mark.parametrize("words", [[], ["--append"], ["--dry-run"]])
def test_an_empty_input_is_a_mistake(fresh, words):
    answer = fresh.run(LOAD, *words, "-", stdin="", check=False)
    assert answer.returncode == 1 and "no jobs in it" in answer.stderr


def test_a_reset_may_leave_an_empty_project(fresh):
    fresh.load(["x"])
    assert fresh.run(LOAD, "--reset", "--yes", "-", stdin="").stdout.startswith("Loaded 0 jobs, in ")
    assert fresh.one("select count(*) from tracker.job") == 0
    assert fresh.run(LOAD, "-", stdin="y\n").stdout.startswith("Loaded 1 job, number 1, in ")


def test_a_batch_is_called_after_its_file_however_long_its_name_is(fresh, tmp_path):
    path = tmp_path / ("n" * 240 + ".txt")
    path.write_text("x\n")
    fresh.run(LOAD, str(path))
    name = fresh.one("select name from tracker.batch")
    assert name.startswith("n" * 100 + " 20") and len(name) == 121


COMMIT = b"Q\0\0\0\x0bcommit\0"


class CommitWay(PostgresWay):
    """Cuts the conversation at its commit: before it is heard, after it was done, or holds it up."""

    def __init__(self, stack, when):
        self.when, self.reached, self.go = when, threading.Event(), threading.Event()
        super().__init__(stack)

    def _one(self, name, tracker, postgres):
        ready = select.select([tracker, postgres], [], [])[0]
        if tracker in ready and tracker.recv(1 << 20, socket.MSG_PEEK).startswith(COMMIT):
            self.reached.set()
            if self.when == "held":
                self.go.wait(60)
                return False
            self.cuts[name] = self.when
        return super()._one(name, tracker, postgres)


@pytest.fixture(params=["before", "after", "held"])
def way(fresh, request):
    way = CommitWay(fresh, request.param)
    yield way
    way.go.set()
    way.close()


def test_a_load_that_ends_during_its_commit_says_that_it_may_be_there(fresh, way):
    """Nobody can know; it is whole, or nothing."""
    load = subprocess.Popen([fresh.installed(LOAD), "--config", fresh.config, "--postgres", f"host={way.folder} dbname=tracker user=tracker",
                             "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    load.stdin.write(json.dumps(["x", "y"]))
    load.stdin.close()
    assert way.reached.wait(60)
    if way.when == "held":
        load.terminate()
    assert load.wait(60) == (-signal.SIGTERM if way.when == "held" else 1)
    said = load.stderr.read()
    load.stdout.close(), load.stderr.close()
    assert DOUBT in said and NOTHING not in said and "Stopped" not in said
    way.go.set()
    assert fresh.one("select count(*) from tracker.job") == (2 if way.when == "after" else 0)


def test_of_two_loads_the_second_waits_and_says_so(fresh):
    with contextlib.closing(psycopg2.connect(fresh.conninfo)) as other, other.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(x'64636c64'::int)")
        load = subprocess.Popen([fresh.installed(LOAD), "--config", fresh.config, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        load.stdin.write("x\n")
        load.stdin.close()
        assert Later(load.stderr.readline).result(30) == "Another load is running; waiting for its end.\n"
        assert fresh.one("select count(*) from tracker.job") == 0
        other.rollback()
    assert load.wait(60) == 0 and load.stderr.read() == "" and "Loaded 1 job" in load.stdout.read()
    load.stdout.close(), load.stderr.close()
