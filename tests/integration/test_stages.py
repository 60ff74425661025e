"""The stages are the database's: settings propose them, an operator changes them under trackers at work."""
import os
import re
import signal
import subprocess

import pytest

from client import Api, Client
from stack import Stack, children_of, program
from waiting import Later, eventually

SETTINGS = {"project": "Stages", "stage_a": "Extract", "stage_b": "Filter", "processes": 2, "page_cache": 0, "retry_backoff": 1}


@pytest.fixture(scope="module")
def _stack():
    stack = Stack("stages", SETTINGS)
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.fixture
def stack(_stack):
    """Two finished stages' worth of nothing: stages as the settings propose them."""
    _stack.load(["0"])
    _stack.sql("delete from tracker.former_stage; update tracker.project set stages_kept = false;"
               "delete from tracker.stage; insert into tracker.stage (stage, letter, name) values (1, 'a', 'Extract'), (2, 'b', 'Filter');"
               "delete from tracker.ready where stage > 2")
    eventually(lambda: names_of(_stack) == ["Extract", "Filter"], what="all know")
    _stack.load(["1", "2", "3"])
    return _stack


@pytest.fixture
def beside(stack):
    """A tracker with a tracker.ini of another mind, as on another host: beside(FLAG...) -> (process, what it logged)."""
    begun = []

    def start(*flags):
        path = os.path.join(stack.state, "run", f"beside{len(begun)}.sock")
        log = os.path.join(stack.state, "log", f"beside{len(begun)}.log")
        with open(log, "wb") as out:
            process = subprocess.Popen([program("distcompute-tracker"), "--config", stack.config, f"--listen=unix:{path}", *flags],
                                       cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        begun.append(process)

        def said():
            with open(log, encoding="utf-8") as f:
                return f.read()
        eventually(lambda: "event=ready" in said() or process.poll() is not None, timeout_s=60, what="it is up")
        return process, said
    yield start
    for process in begun:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def names_of(stack):
    return [stage["name"] for stage in Api(stack).get("/api/stats.json").json()["stages"]]


def stages(stack, *words, check=True):
    return stack.run("distcompute-admin", "stages", *words, check=check)


def finish(stack, stage, count):
    worker = Client(stack, stage)
    for _ in range(count):
        worker.get_job()
        worker.complete("done")


def test_an_appended_stage_is_worked_on_at_once_and_no_ini_is_edited(stack, beside):
    _, said = beside()
    for stage in "ab":
        finish(stack, stage, 3)
    pid = stack.pid("tracker")
    before = set(stack.responders())
    assert "3 jobs are ready" in stages(stack, "append", "Sort").stdout
    finish(stack, "c", 3)  # no patience with who is told that stage c is disabled
    eventually(lambda: 'names=["Extract", "Filter", "Sort"]' in said(), what="the tracker beside knows")
    assert (stack.pid("tracker"), set(stack.responders())) == (pid, before), "nothing was started anew"
    assert Api(stack).get("/api/jobCount?stage=c").text == "0"


def test_whoever_waits_in_the_stage_before_feeds_the_appended_one(stack):
    finish(stack, "a", 3)
    stages(stack, "append", "Sort")
    eventually(lambda: names_of(stack) == ["Extract", "Filter", "Sort"], what="pages know")
    eventually(lambda: all("Sort" in line for line in re.findall(r"event=stages .*", stack.tracker_log())[-2:]), what="both know")
    worker = Client(stack, "c")
    asked = Later(worker.get_job)
    finish(stack, "b", 1)
    assert asked.result() == "done"


def test_a_renamed_stage_has_its_new_name_everywhere_and_answers_to_the_old_one(stack, beside):
    _, said = beside()
    worker = Client(stack, "b")
    said_before = len(stack.tracker_log())
    told = stages(stack, "rename", "b", "Rank & File").stdout
    assert "was Filter and is Rank & File" in told and " stages rename -- b 'Filter'" in told
    eventually(lambda: 'names=["Extract", "Rank & File"]' in said(), what="the tracker beside knows")
    eventually(lambda: stack.tracker_log()[said_before:].count('"Rank & File"') >= 2, what="both processes know")
    assert names_of(stack) == ["Extract", "Rank & File"]
    assert "Rank &amp; File" in Api(stack).get("/").text
    assert Api(stack).get("/api/new?nickname=n&stage=b").json()["stage_name"] == "Rank & File"
    for name in ("rank%20%26%20file", "filter"):
        assert Api(stack).get(f"/worker/{name}/{worker.name}").status_code == 200, name
    assert "Rank & File" in stack.run("distcompute-admin", "status").stdout
    stages(stack, "rename", "rank & file", "Filter")
    eventually(lambda: names_of(stack) == ["Extract", "Filter"], what="renamed back")


@pytest.mark.parametrize("words", [("append", "a/b"), ("append", " x"), ("append", ""), ("append", "extract"), ("rename", "b", ".."),
                                   ("rename", "b", "EXTRACT"), ("rename", "d", "More"), ("rename", "b"), ("remove", "b")])
def test_no_stage_gets_a_name_that_the_settings_would_refuse(stack, words):
    before = stages(stack).stdout
    done = stages(stack, *words, check=False)
    assert done.returncode != 0 and done.stderr
    assert stages(stack).stdout == before


@pytest.mark.parametrize("flags", [["--stage-a=Other"], ["--stage-c=More"], ["--stage-b="]])
def test_settings_that_name_other_stages_are_told_and_the_databases_count(stack, beside, flags):
    process, said = beside(*flags)
    assert process.poll() is None
    assert 'event=stages_differ' in said() and 'database=["Extract", "Filter"]' in said()
    assert len(children_of(process.pid)) == 2
    done = stack.run("distcompute-admin", *flags, "stages")
    assert done.stdout == "a Extract\nb Filter\n" and "the settings name others" in done.stderr
    assert names_of(stack) == ["Extract", "Filter"]


def test_a_reload_with_other_stages_is_told_too(stack):
    with open(stack.config) as f:
        text = f.read()
    before, said = set(stack.responders()), len(stack.tracker_log())
    try:
        with open(stack.config, "w") as f:
            f.write(re.sub(r"(?m)^stage_b.*$", "stage_b = Filter\nstage_c = Extra", text))
        os.kill(stack.pid("tracker"), signal.SIGHUP)
        eventually(lambda: "event=reloaded" in stack.tracker_log()[said:], timeout_s=40, what="the reload is over")
        assert "event=stages_differ" in stack.tracker_log()[said:]
        answer = Api(stack).get("/api/new?nickname=n&stage=c")
        assert (answer.status_code, answer.text) == (400, "The worker stage 'c' is disabled.")
    finally:
        with open(stack.config, "w") as f:
            f.write(text)
    os.kill(stack.pid("tracker"), signal.SIGHUP)
    eventually(lambda: len(now := stack.responders()) == 2 and not before & set(now), timeout_s=40, what="all are new")


def test_an_empty_database_takes_what_the_settings_say(stack, beside):
    stack.sql("select tracker.reset_jobs()")
    _, said = beside("--stage-b=Sort", "--stage-c=Keep")
    assert "stages_differ" not in said()
    eventually(lambda: names_of(stack) == ["Extract", "Sort", "Keep"], what="the others follow")
