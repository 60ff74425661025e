"""
Scripts with the published client as people run them: register, is it alive, a job, progress, complete or skip, bye; started anew by
a supervisor; over http:// and over https://, by the site's files. Meanwhile nginx, the tracker and PostgreSQL go away, and come back.
"""
import itertools
import random
import signal
import threading
import time

import pytest

from client import Api, Client, NoJob
from test_edge import Site
from waiting import eventually

JOBS = 240
SHIFT = 10  # jobs, then it says goodbye and is started again
SHOULD_SKIP = "spoilt"


class Script(threading.Thread):
    """The reference loop. It catches nothing, so whatever the client raises is its death."""

    def __init__(self, crowd, scheme, stage, seed):
        super().__init__(daemon=True)
        self.crowd, self.scheme, self.stage, self.rng = crowd, scheme, stage, random.Random(seed)
        self.nickname = f"{scheme} {stage} {seed}"
        self.died, self.resent = None, 0

    def run(self):
        try:
            while not self.crowd.is_over(self.stage):
                self.shift()
        except Exception as error:  # pylint: disable=broad-except
            self.died = f"{self.nickname}: {type(error).__name__}: {error}"

    def shift(self):
        site = self.crowd.site
        base = f"http://localhost:{site.plain}" if self.scheme == "http" else f"https://localhost:{site.tls}"
        w = Client(site.stack, self.stage, self.nickname, Api(site.stack, base=base, follow=True))
        try:
            for _ in range(SHIFT):
                if not self.turn(w):
                    break
            w.bye()
        finally:
            self.resent += w.resent
            w.api.close()

    def turn(self, w):
        """False: its stage is done."""
        while w.job_count() == 0:
            if self.crowd.is_over(self.stage):
                return False
            time.sleep(0.1)  # the published one: 30 s
        if not w.is_valid():
            raise AssertionError("is told that it is nobody")
        try:
            data = w.get_job()
        except NoJob as error:
            # The end of the work, and no death: whoever brought the last result may hear of it later than we do.
            eventually(lambda: self.crowd.is_over(self.stage), timeout_s=60, what=f"its stage is done, as it heard: {error}")
            return False
        w.log(f"at {data}")
        time.sleep(self.rng.uniform(0.01, 0.08))
        if self.crowd.is_first_to_skip(data):
            w.flag()
        else:
            w.complete(data + self.stage)
            self.crowd.note(self.stage, w.number, data + self.stage)
        return True


class Scripts:
    """Three of each kind, and what they were promised."""

    def __init__(self, site):
        self.site = site
        self.promised = {}
        self._skipped = set()
        self._lock = threading.Lock()
        self.all = [Script(self, scheme, stage, n) for n, scheme, stage in itertools.product(range(3), ("http", "https"), "ab")]
        for script in self.all:
            script.start()

    def note(self, stage, number, data):
        with self._lock:
            self.promised[(stage, number)] = data

    def is_over(self, stage):
        return sum(at == stage for at, _ in list(self.promised)) == JOBS

    def is_first_to_skip(self, data):
        with self._lock:
            if SHOULD_SKIP not in data or data in self._skipped:
                return False
            self._skipped.add(data)
            return True

    def deaths(self):
        return [script.died for script in self.all if script.died]

    def go_on_for(self, count):
        """Until so many more results are promised, or all are."""
        wanted = min(2 * JOBS, len(self.promised) + count)
        eventually(lambda: len(self.promised) >= wanted or self.deaths(), timeout_s=300, what=f"{wanted} results")
        assert self.deaths() == []

    def finish(self):
        for script in self.all:
            script.join(300)
        assert self.deaths() == [] and not any(script.is_alive() for script in self.all)


def without(site, what):
    """A second without one of the servers, or without all."""
    stack = site.stack
    if what in ("nginx", "all"):
        site.end()
    if what in ("tracker", "all"):
        stack.kill("tracker", signal.SIGTERM)
    if what == "tracker killed":
        stack.kill_tracker()
    if what in ("PostgreSQL", "all"):
        stack.stop_postgres()
    if what == "PostgreSQL killed":
        stack.stop_postgres(at_once=True)
    time.sleep(1)
    stack.up()
    if site.process is None:
        site.start(site.tls)


@pytest.mark.slow
def test_real_scripts_over_http_and_https_live_through_every_outage(scripted):
    """All jobs are done, every result that was promised is there, and nobody died or is left as a ghost."""
    scripted.load([f"{SHOULD_SKIP} {n}" if n % 20 == 7 else str(n) for n in range(JOBS)])
    site = Site(scripted).install("tracker-plain.conf", "tracker-site.conf")
    site.start(site.tls)
    try:
        scripts = Scripts(site)
        for what in ("nginx", "tracker", "PostgreSQL", "tracker killed", "nginx", "PostgreSQL killed", "all"):
            scripts.go_on_for(40)
            without(site, what)
        scripts.finish()
    finally:
        site.stop()
    for scheme in ("http", "https"):
        assert sum(script.resent for script in scripts.all if script.scheme == scheme) > 0, f"{scheme}: no outage was felt"
    stored = {("ab"[stage - 1], job): data for stage, job, data in scripted.sql("select stage, job, data from tracker.output")}
    assert stored == scripts.promised and len(stored) == 2 * JOBS
    eventually(lambda: scripted.sql("select name from tracker.worker where gone_at is null") == [], timeout_s=120,
               what="whoever registered, and never heard that it did, is gone")
    assert scripted.one("select count(*) from tracker.lease") == 0
