"""
Fixtures: the stacks, a fresh project for each test, and what the servers said when a test fails.

A stack lives for the session and is started when the first test asks for it. `tracker` is the main
one, emptied before each test that asks for `fresh`; stacks with other settings are in STACKS.
"""
import os
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from client import Api, Client, Fleet  # noqa: E402
from little import Hands, LittleTracker  # noqa: E402
from stack import Stack  # noqa: E402

TEST_DEADLINE_S = int(os.environ.get("TEST_DEADLINE_S", "120"))

COMMON = {
    "project": "Test Project",
    "processes": 2,
    "page_cache": 1,
    "retry_backoff": 1,
    "retry_backoff_max": 4,
    "v1_patience": 0,  # as the original: who gets no job is told at once
    "pause_on_failures": "no",  # many tests fail all that they get
}
EVENTS = os.path.join(tempfile.gettempdir(), f"dct-events-{os.getpid()}")  # made by who uses it
STACKS = {
    # The stage names are hostile to URLs and to HTML on purpose.
    "main": {"stage_a": "Extract", "stage_b": "Filter & Rank"},
    # Time passes quickly here.
    "quick": {"stage_a": "Extract", "stage_b": "Filter", "idle_timeout": 2, "job_timeout_b": 2,
              "max_attempts": 2, "page_cache": 1, "eta_interval": 1, "purge_after": "1d"},
    "five": {"stage_a": "One", "stage_b": "Two", "stage_c": "Three", "stage_d": "Four", "stage_e": "Five",
             "page_cache": 5, "public_data": "yes", "answer_limit": "1M"},
    # Three calls may wait, no more. Pages are kept for ten minutes.
    "limited": {"stage_a": "Extract", "stage_b": "Filter", "parked_limit": 3, "page_cache": 600},
    "patient": {"stage_a": "Extract", "stage_b": "Filter", "v1_patience": 2},
    # Whose servers go away under scripts with the published client; who is silent for long is gone.
    "scripted": {"stage_a": "Extract", "stage_b": "Filter", "v1_patience": 5, "idle_timeout": 30},
    # Thirty newcomers of an address are as many as there may be.
    "crowded": {"stage_a": "Extract", "newcomers_most": 30, "v1_patience": 8},
    # Nobody registers without a key.
    "keyed": {"stage_a": "Extract", "join": "key", "reserved_names": "admin, root", "signup": "closed",
              "about": "We read old books. See https://books.example/why?a=1&b=2, (http://a.example/) <b>now</b>"},
    # A command hears of events; it writes each into a file of its own.
    "told": {"stage_a": "Extract", "stage_b": "Filter", "on_event": f"{EVENTS}/note {EVENTS}",
             "pause_on_failures": "yes"},
    # Whoever uses it breaks it, and mends it again.
    "faults": {"stage_a": "Extract", "stage_b": "Filter"},
}

# The words, the environment and standard input, as they came.
NOTE = """#!/bin/sh
f=$(mktemp "$1/.XXXXXXXX")
{ echo "$# $2"; env | sort | tr '\\n' ' '; echo; cat; } >"$f"
mv "$f" "$1/event$(basename "$f")"
"""

_running = {}


def running_stack(name):
    if name not in _running:
        stack = Stack(name, {**COMMON, **STACKS[name]})
        _running[name] = stack
        try:
            stack.start()
        except Exception as error:
            pytest.exit(f"stack {name} does not start: {error}", 3)
    return _running[name]


@pytest.fixture(scope="session", autouse=True)
def _stop_stacks():
    yield
    found = []
    for stack in _running.values():
        try:
            stack.stop()
        except AssertionError as error:
            found.append(str(error))
    assert not found, "\n".join(found)


def pytest_sessionfinish(session, exitstatus):
    """Also when the session was interrupted: nothing of ours stays behind."""
    for stack in list(_running.values()):
        stack.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for name, stack in _running.items():
            if stack.state and any(name == n or n in STACK_FIXTURES.get(name, ()) for n in item.fixturenames):
                report.sections.append((f"servers of stack {name}", stack.logs()))


@pytest.fixture(autouse=True)
def _deadline(request):
    """No test hangs the suite: past the deadline it fails where it stands."""
    def ring(signum, frame):
        raise TimeoutError(f"test ran longer than {TEST_DEADLINE_S} s")
    for stack in _running.values():
        stack.mark_logs()
    before = signal.signal(signal.SIGALRM, ring)
    marker = request.node.get_closest_marker("slow")
    signal.alarm(TEST_DEADLINE_S * (10 if marker else 1))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


STACK_FIXTURES = {
    "main": ("tracker", "fresh", "api", "worker", "fleet"),
    "quick": ("quick",),
    "five": ("five",),
    "patient": ("patient",),
    "scripted": ("scripted",),
    "limited": ("limited",),
    "keyed": ("keyed",),
    "told": ("told",),
    "faults": ("faults",),
}


@pytest.fixture
def tracker():
    """The main stack, as the test before left it."""
    return running_stack("main")


@pytest.fixture
def fresh(tracker):
    """The main stack without jobs or workers; load(...) gives it jobs."""
    tracker.load([])
    return tracker


@pytest.fixture
def quick():
    """Short time-outs: idle 2 s, stage B's jobs 2 s, two attempts."""
    stack = running_stack("quick")
    stack.load([])
    return stack


@pytest.fixture
def patient():
    """newJob waits while work may still come, two seconds."""
    stack = running_stack("patient")
    stack.load([])
    return stack


@pytest.fixture
def scripted():
    """newJob waits five seconds; whoever uses it breaks it, and mends it again."""
    stack = running_stack("scripted")
    stack.mend()
    stack.load([])
    return stack


@pytest.fixture
def crowded():
    """More than thirty newcomers of one address are too many; v1 waits eight seconds."""
    stack = running_stack("crowded")
    stack.load([])
    return stack


@pytest.fixture
def five():
    stack = running_stack("five")
    stack.load([])
    return stack


@pytest.fixture
def limited():
    """At most three calls wait for work; pages are kept for ten minutes."""
    stack = running_stack("limited")
    stack.load([])
    return stack


@pytest.fixture
def keyed():
    """Nobody registers without a key."""
    stack = running_stack("keyed")
    stack.load([])
    return stack


@pytest.fixture
def told():
    """Its command may be replaced; what it wrote is gone before each test."""
    os.makedirs(EVENTS, exist_ok=True)
    os.chmod(EVENTS, 0o777)
    note = os.path.join(EVENTS, "note")
    with open(note, "w", encoding="utf-8") as f:
        f.write(NOTE)
    os.chmod(note, 0o755)
    stack = running_stack("told")
    stack.mend()
    stack.load([])
    stack.events = EVENTS
    yield stack
    shutil.rmtree(EVENTS)


@pytest.fixture
def faults():
    stack = running_stack("faults")
    stack.mend()
    stack.load([])
    return stack


@pytest.fixture
def api(tracker):
    connection = Api(tracker)
    yield connection
    connection.close()


@pytest.fixture
def worker(tracker):
    """worker("b", "Nick"): a published client on the main stack."""
    return lambda stage="a", nickname="anonymous": Client(tracker, stage, nickname)


@pytest.fixture
def fleet(tracker):
    return lambda stage="a", nickname="anonymous": Fleet(tracker, stage, nickname)


@pytest.fixture(autouse=True)
def _laws(request):
    """After every test that loaded jobs, the laws of the counts must hold."""
    yield
    names = request.fixturenames
    for name, fixtures in STACK_FIXTURES.items():
        stack = _running.get(name)
        if stack and stack.state and any(f in names for f in fixtures if f not in ("tracker", "api")):
            assert stack.broken_laws() == []


@pytest.fixture
def little():
    """Trackers of the test's own, with answers as it wishes."""
    made = []

    def make(answers=None, **kwargs):
        made.append(LittleTracker(answers or {}, **kwargs))
        return made[-1]
    yield make
    for tracker in made:
        tracker.close()


@pytest.fixture
def hands(tmp_path):
    """Runs of distcompute-worker against them."""
    made = []

    def begin(url, script="cat", *flags, **kwargs):
        made.append(Hands(tmp_path, url, script, *flags, **kwargs))
        return made[-1]
    yield begin
    for worker in made:
        worker.stop()
