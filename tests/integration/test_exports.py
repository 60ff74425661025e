"""distcompute-export where options meet, where it goes on, and where its output or PostgreSQL fails it."""
import contextlib
import csv
import io
import json
import os
import signal
import subprocess

import psycopg2
import pytest

from client import Fleet, which
from test_programs import EXPORT, check_files, manifest_of, results_of, rows_of
from waiting import Later, eventually

LOAD = "distcompute-load"


def give(fleet, count, data="r"):
    assert fleet.sync(done=[{**which(j), "data": data} for j in fleet.take_all(count)])


def jobs_of(stack, *words):
    return [row["job"] for row in rows_of(stack.run(EXPORT, "--stage", "a", *words))]


@contextlib.contextmanager
def following(stack, *words):
    """A follower whose first result was heard."""
    follower = subprocess.Popen([stack.installed(EXPORT), "--config", stack.config, "--stage", "a", "--follow", *words],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert Later(follower.stdout.readline).result(15)
        yield follower
    finally:
        follower.kill()
        follower.wait(10)
        follower.stdout.close()
        follower.stderr.close()


@contextlib.contextmanager
def refused_for_now(stack):
    body = stack.one("select pg_get_functiondef('tracker.mark_export'::regproc)")
    stack.sql(body[:body.index("LANGUAGE")] + " LANGUAGE plpgsql AS $$ begin raise exception 'for now' using errcode = '57014'; end $$")
    try:
        yield
    finally:
        stack.sql(body)


# --- which results --------------------------------------------------------------------------------

def test_a_batch_and_a_number_hold_together(fresh):
    for name in "one", "two", "three":
        fresh.run(LOAD, *(["--append"] if name != "one" else []), "--batch", name, "--json", "-", stdin='["x", "y", "z"]')
    give(Fleet(fresh), 9)
    assert jobs_of(fresh, "--batch", "two") == [4, 5, 6]
    assert jobs_of(fresh, "--batch", "two", "--after", "1") == [4, 5, 6] == jobs_of(fresh, "--batch", "two", "--after", "3")
    assert jobs_of(fresh, "--batch", "two", "--after", "4") == [5, 6] and jobs_of(fresh, "--batch", "two", "--after", "6") == []


def test_results_that_fill_a_page_by_their_bytes_are_followed_by_the_others(fresh):
    fresh.load(["x"] * 4)
    fleet = Fleet(fresh)
    for _ in range(4):
        give(fleet, 1, "r" * (3 << 20))
    assert jobs_of(fresh) == [1, 2, 3, 4]


@pytest.mark.parametrize("words", [["--output-only", "--columns", "output"], ["--files", "out", "--state", "place"], ["--patience", "0"],
                                   ["--file-results", "0"], ["--after", "-1"]])
def test_options_that_exclude_each_other_are_refused(fresh, tmp_path, words):
    answer = fresh.run(EXPORT, "--stage", "a", *[str(tmp_path / w) if w in ("out", "place") else w for w in words], check=False)
    assert answer.returncode == 64 and os.listdir(tmp_path) == []


# --- going on -------------------------------------------------------------------------------------

def test_a_table_that_goes_on_has_its_head_once(fresh, tmp_path):
    fresh.load(["x"] * 3)
    words = ["--format", "csv", "--columns", "job,stage", "--state", str(tmp_path / "place")]
    fleet, text = Fleet(fresh), ""
    for _ in range(3):
        give(fleet, 1)
        text += fresh.run(EXPORT, "--stage", "a", *words).stdout
    assert list(csv.reader(io.StringIO(text))) == [["job", "stage"], ["1", "a"], ["2", "a"], ["3", "a"]]


def test_each_file_of_tables_has_its_head_once_also_where_a_folder_goes_on(fresh, tmp_path):
    results_of(fresh, 4001)
    words = ["--stage", "a", "--files", str(tmp_path / "out"), "--format", "csv", "--columns", "job"]
    fresh.run(EXPORT, *words)
    fresh.sql("update tracker.worker set allowance = 1000")
    fresh.run(LOAD, "--append", "--json", "-", stdin='["x"]')
    give(Fleet(fresh), 1)
    fresh.run(EXPORT, *words)
    files = [(tmp_path / "out" / entry["name"]).read_text().splitlines() for entry in manifest_of(tmp_path / "out")]
    assert files == [["job", *map(str, range(1, 4002))], ["job", "4002"]]
    assert [entry["results"] for entry in manifest_of(tmp_path / "out")] == [4001, 1]
    for other in (["--columns", "job,stage"], ["--format", "tsv"]):
        answer = fresh.run(EXPORT, *words, *other, check=False)
        assert answer.returncode == 1 and "go on with those, or name another folder" in answer.stderr


def test_a_place_is_that_of_its_project_stage_and_batch_alone(fresh, tmp_path):
    """Two batches that begin with the same job are none, so the end is changed in the file."""
    place = tmp_path / "place"
    for name in "one", "two":
        fresh.run(LOAD, *(["--append"] if name != "one" else []), "--batch", name, "--json", "-", stdin='["x", "y"]')
    give(Fleet(fresh), 4)
    words = ["--stage", "a", "--state", str(place)]
    assert [row["job"] for row in rows_of(fresh.run(EXPORT, *words, "--batch", "one"))] == [1, 2]
    was = place.read_text()
    assert was.startswith("distcompute-export 3\n")  # which a program that knows no batches refuses
    project = fresh.one("select id::text from tracker.project")
    for text, more in ((was, []), (was, ["--batch", "two"]), (was.replace("jobs 1 2", "jobs 1 3"), ["--batch", "one"]),
                       (was.replace(project, project[::-1]), ["--batch", "one"]), (was.replace("stage a", "stage b"), ["--batch", "one"])):
        place.write_text(text)
        answer = fresh.run(EXPORT, *words, *more, check=False)
        assert answer.returncode == 1 and answer.stdout == "" and "belongs to another project, stage or batch" in answer.stderr
        assert place.read_text() == text
    place.unlink()
    place.symlink_to(place)
    answer = fresh.run(EXPORT, *words, check=False)
    assert answer.returncode == 1 and answer.stdout == "" and "symbolic links" in answer.stderr


def test_a_database_that_was_set_back_is_another_one(fresh, tmp_path):
    """Its transactions have not come as far as the place says."""
    place = tmp_path / "place"
    fresh.load(["x", "y"])
    give(Fleet(fresh), 1)
    assert jobs_of(fresh, "--state", str(place)) == [1]
    (line,) = [line for line in place.read_text().splitlines() if line.startswith("snapshot ")]
    place.write_text(place.read_text().replace(line, "snapshot 900000000:900000001:"))
    give(Fleet(fresh), 1)
    done = fresh.run(EXPORT, "--stage", "a", "--state", str(place))
    assert "the last line counts" in done.stderr and 2 in [row["job"] for row in rows_of(done)]
    assert fresh.run(EXPORT, "--stage", "a", "--state", str(place)).stderr == ""


# --- what fails -----------------------------------------------------------------------------------

def test_a_place_is_whole_at_each_moment_and_kept_or_said_not_to_be(fresh, tmp_path):
    """A new one takes the place of the one before: who holds that still reads it."""
    place, held = tmp_path / "place", tmp_path / "held"
    fresh.load(["x"] * 3)
    fleet = Fleet(fresh)
    give(fleet, 1)
    assert jobs_of(fresh, "--state", str(place)) == [1]
    os.link(place, held)
    before = held.read_text()
    give(fleet, 1)
    assert jobs_of(fresh, "--state", str(place)) == [2]
    assert held.read_text() == before != place.read_text()
    kept = place.read_text()
    os.symlink("/dev/full", f"{place}.new")
    give(fleet, 1)
    answer = fresh.run(EXPORT, "--stage", "a", "--state", str(place), check=False)
    assert answer.returncode == 1 and str(place) in answer.stderr and place.read_text() == kept


def test_files_that_could_not_be_written_are_in_no_manifest(fresh, tmp_path):
    results_of(fresh, 10)
    folder = tmp_path / "out"
    words = ["--stage", "a", "--files", str(folder)]
    (folder / "a-000001.jsonl" / "in the way").mkdir(parents=True)
    answer = fresh.run(EXPORT, *words, check=False)
    assert answer.returncode == 1 and "Is a directory" in answer.stderr and manifest_of(folder) == []
    (folder / "a-000001.jsonl" / "in the way").rmdir()
    (folder / "a-000001.jsonl").rmdir()
    (folder / "unfinished").unlink(missing_ok=True)
    os.symlink("/dev/full", folder / "unfinished")
    answer = fresh.run(EXPORT, *words, check=False)
    assert answer.returncode == 1 and "No space left on device" in answer.stderr and manifest_of(folder) == []
    (folder / "unfinished").unlink()
    (folder / "unfinished").write_text("longer than what comes\n" * 1000)
    fresh.run(EXPORT, *words)
    assert [row["job"] for row in check_files(folder, ".jsonl")] == list(range(1, 11))


def test_of_two_exports_into_a_folder_one_is_refused(fresh, tmp_path):
    results_of(fresh, 1)
    folder = tmp_path / "out"
    words = ["--stage", "a", "--follow", "--files", str(folder)]
    first = subprocess.Popen([fresh.installed(EXPORT), "--config", fresh.config, *words], stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: (folder / "unfinished").exists(), timeout_s=30, what="the first is at work")
        answer = fresh.run(EXPORT, *words[:2], *words[3:], check=False)
        assert answer.returncode == 1 and "another export writes into it" in answer.stderr
    finally:
        first.terminate()
        assert first.wait(30) == 0
    assert [row["job"] for row in check_files(folder, ".jsonl")] == [1]


def test_a_follower_says_once_that_it_waits_and_once_that_it_goes_on_and_stops_when_it_is_told_to(fresh, tmp_path):
    """Nothing is written while nothing comes; told to stop while it waits, it has kept all, and that is a success."""
    place = tmp_path / "place"
    fresh.load(["x"] * 3)
    fleet = Fleet(fresh)
    give(fleet, 1)
    with following(fresh, "--state", str(place)) as follower:
        looks = "select state_change from pg_stat_activity where application_name = 'distcompute-export'"
        with refused_for_now(fresh):
            assert "trying until it is back" in Later(follower.stderr.readline).result(30)
        assert "going on" in Later(follower.stderr.readline).result(30)
        give(fleet, 1)
        assert json.loads(Later(follower.stdout.readline).result(30))["job"] == 2

        def looks_again():
            before = fresh.one(looks)
            eventually(lambda: fresh.one(looks) != before, timeout_s=30, what="it looks again")
        looks_again(), looks_again()
        kept = os.stat(place).st_ino, os.stat(place).st_mtime_ns
        looks_again(), looks_again()
        assert (os.stat(place).st_ino, os.stat(place).st_mtime_ns) == kept
        with refused_for_now(fresh):
            assert "trying until it is back" in Later(follower.stderr.readline).result(30)
            follower.terminate()
            assert follower.wait(30) == 0
        assert follower.stderr.read() == ""
    give(fleet, 1)
    assert jobs_of(fresh, "--state", str(place)) == [3]


def test_a_second_signal_ends_an_export_that_waits_for_an_answer(fresh):
    fresh.load(["x"])
    give(Fleet(fresh), 1)
    with contextlib.closing(psycopg2.connect(fresh.conninfo)) as other, other.cursor() as cursor:
        cursor.execute("lock table tracker.output in access exclusive mode")
        export = subprocess.Popen([fresh.installed(EXPORT), "--config", fresh.config, "--stage", "a"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

        def catches_term():
            with open(f"/proc/{export.pid}/status", encoding="ascii") as f:
                (caught,) = [line.split()[1] for line in f if line.startswith("SigCgt")]
            return int(caught, 16) & 1 << signal.SIGTERM - 1
        eventually(lambda: fresh.one("select count(*) from pg_stat_activity where application_name = 'distcompute-export'"
                                     " and wait_event_type = 'Lock'"), timeout_s=30, what="it waits for the lock")
        assert catches_term()
        export.terminate()
        eventually(lambda: not catches_term(), what="the first is heard")
        assert export.poll() is None
        export.terminate()
        assert export.wait(30) == -signal.SIGTERM
