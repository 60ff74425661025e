"""distcompute-admin migrate under a tracker that is at work: the one of before goes on."""
import os
import re
import shutil
import signal
import threading

import pytest

from client import Api, Client
from crowd import Crowd
from stack import ROOT, Stack
from waiting import Later, eventually


@pytest.fixture
def older():
    """A stack of its own, for there is no way back from an upgrade."""
    stack = Stack("upgrade", {"project": "Test Project", "stage_a": "Extract", "stage_b": "Filter",
                              "processes": 2, "page_cache": 0})
    stack.start()
    yield stack
    stack.stop()


def next_version(folder):
    """Our own SQL with a column renamed: no function of before works with the table of after."""
    shutil.copytree(os.path.join(ROOT, "sql"), folder)
    renamed = 0
    for name in os.listdir(folder / "functions"):
        path = folder / "functions" / name
        text, count = re.subn(r"\brepeats\b", "told_again", path.read_text())
        path.write_text(text)
        renamed += count
    assert renamed > 0
    (folder / "schema" / "999_renamed.sql").write_text(
        "alter table tracker.worker rename column repeats to told_again;")
    # Between the two, long enough for every kind of call to come.
    (folder / "functions" / "aaa.sql").write_text("select pg_sleep(1);")


class Visitor(threading.Thread):
    """Looks at what everybody looks at, all the time; statuses has all that it heard."""

    def __init__(self, stack):
        super().__init__(daemon=True)
        self.stack, self.statuses, self.over = stack, set(), threading.Event()
        self.start()

    def run(self):
        api = Api(self.stack)
        while not self.over.is_set():
            for path in ("/?all=true", "/leaderboard", "/api/stats.json", "/api/jobCount?stage=a"):
                self.statuses.add(api.get(path).status_code)


def test_an_upgrade_under_load_is_not_noticed(older, tmp_path):
    next_version(tmp_path / "sql")
    older.load([str(i) for i in range(600)])
    visitor = Visitor(older)
    crowd = Crowd(older, 600).start(v1=4, fleets=3)
    crowd.wait_for("a", 60)
    said = older.run("distcompute-admin", "--sql-dir", str(tmp_path / "sql"), "migrate").stdout
    assert "999_renamed.sql" in said
    assert crowd.promised_at("a") < 600, "the upgrade came too late to be under load"
    crowd.finish()
    visitor.over.set()
    visitor.join(30)
    assert (crowd.unavailable, crowd.dropped, visitor.statuses) == ([], 0, {200})


def test_an_upgrade_that_fails_leaves_all_as_it_was(older, tmp_path):
    next_version(tmp_path / "sql")
    (tmp_path / "sql" / "functions" / "zzz.sql").write_text("select 1 / 0;")
    older.load([str(i) for i in range(400)])
    crowd = Crowd(older, 400).start(v1=4, fleets=3)
    crowd.wait_for("a", 40)
    done = older.run("distcompute-admin", "--sql-dir", str(tmp_path / "sql"), "migrate", check=False)
    assert done.returncode != 0 and "zzz.sql: division by zero" in done.stderr
    crowd.finish()
    assert (crowd.unavailable, crowd.dropped) == ([], 0)
    assert older.sql("select 1 from tracker.migration where number = 999") == []


def test_on_a_half_restored_database_nothing_starts_and_it_is_said_what_is_missing(older, tmp_path):
    older.sql("drop table tracker.strike")
    for name, words in (("distcompute-tracker", [f"--listen=unix:{tmp_path}/socket"]), ("distcompute-admin", ["status"]),
                        ("distcompute-admin", ["migrate"]), ("distcompute-load", ["--txt", os.devnull]),
                        ("distcompute-export", ["--stage", "a"])):
        done = older.run(name, *words, check=False)
        said = done.stdout + done.stderr
        assert done.returncode != 0 and "table strike" in said and "restore" in said, (name, words, said)
    os.kill(older.pid("tracker"), signal.SIGHUP)
    eventually(lambda: "table strike" in older.tracker_log(), what="the reload is refused")
    assert Api(older).get("/api/jobCount?stage=a").status_code == 200


def test_the_database_is_as_whole_for_another_role(older):
    """Who is no role of the schema's name has another search_path, and so other names of its types."""
    place = os.path.join(older.state, "run")
    for path in ("pg_catalog", "public", "tracker"):
        config = ["--postgres", f"host={place} dbname=tracker user=postgres options='-c search_path={path}'"]
        assert "Every law holds" in older.run("distcompute-admin", *config, "check").stdout


def as_versions_before_wrote_it(stack):
    stack.sql("delete from tracker.inventory where name like 'function %'")
    stack.sql("insert into tracker.inventory (name) select distinct 'function ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid)"
              " || ')' from pg_proc p where p.pronamespace = 'tracker'::regnamespace")
    assert stack.one("select count(*) from tracker.inventory where name like 'function claim_held(%bigint[]%'") == 1


def test_an_inventory_in_the_words_of_a_version_before_is_understood(older, tmp_path):
    """Else who upgrades hears that the database is not whole, and can neither migrate nor start."""
    next_version(tmp_path / "sql")
    as_versions_before_wrote_it(older)
    assert "Every law holds" in older.run("distcompute-admin", "check").stdout
    assert "999_renamed.sql" in older.run("distcompute-admin", "--sql-dir", str(tmp_path / "sql"), "migrate").stdout
    assert older.one("select count(*) from tracker.inventory where name like 'function %[]%'") == 0


def test_what_is_missing_is_found_by_an_inventory_of_before_too(older):
    as_versions_before_wrote_it(older)
    older.sql("drop function tracker.list_sizes")
    done = older.run("distcompute-admin", "status", check=False)
    assert done.returncode != 0 and "function list_sizes" in done.stderr, done.stderr


def test_a_call_whose_functions_are_gone_waits_for_the_tracker_that_knows_the_new_ones(older):
    older.load(["x"])
    worker = Client(older)
    for name in ("fresh", "held"):
        older.sql(f"alter function tracker.claim_{name} rename to later_{name}")
    asked = Later(worker.get_job)
    eventually(lambda: "postgres_away" in older.logs(), what="it says so")
    for name in ("fresh", "held"):
        older.sql(f"alter function tracker.later_{name} rename to claim_{name}")
    assert asked.result() == "x"
