"""
crowd -- many workers at once, who remember what they were promised.

Each worker runs in a thread and stops when its stage is done. promised[(stage, job)] is the data
of every result that heard a 200: whatever broke meanwhile, that very row must be in the tables.
"""
import threading
import time

import requests

from client import Client, Fleet, NoJob, WorkerTimedOut, which


class Crowd:
    """keep_alive: no. Then each call has a connection of its own, as the published client's have: who reloads nginx may end
    an idle one as it is used again, of which HTTP lets no server tell."""

    def __init__(self, stack, jobs, stages="ab", keep_alive=True):
        self.stack = stack
        self.keep_alive = keep_alive
        self.jobs = jobs
        self.stages = stages
        self.promised = {}
        self.wrong = []
        self.refused = 0
        self.dropped = 0
        self.resent = 0  # v1's calls that ended without an answer
        self.unavailable = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = []

    def start(self, v1=4, fleets=2, want=5):
        for i in range(v1):
            self._spawn(self._be_client, self.stages[i % len(self.stages)], f"client {i}")
        for i in range(fleets):
            self._spawn(self._be_fleet, self.stages[i % len(self.stages)], f"fleet {i}", want)
        return self

    def _spawn(self, run, *args):
        thread = threading.Thread(target=self._guarded, args=(run, *args), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, run, *args):
        try:
            run(*args)
        except Exception as error:  # told by finish()
            with self._lock:
                self.wrong.append(f"{run.__name__}{args}: {type(error).__name__}: {error}")

    def _promise(self, stage, job, data):
        with self._lock:
            self.promised[(stage, job)] = data

    def promised_at(self, stage):
        with self._lock:
            return sum(1 for s, _ in self.promised if s == stage)

    def _over(self, stage):
        return self._stop.is_set() or self.promised_at(stage) >= self.jobs

    def _be_client(self, stage, nickname):
        client = self._begin(Client(self.stack, stage, nickname))
        while not self._over(stage):
            try:
                data = client.get_job()
                number = client.number
                client.complete(f"{data}>{stage}{number}")
                self._promise(stage, number, f"{data}>{stage}{number}")
                with self._lock:
                    self.resent += client.resent
                client.resent = 0
            except NoJob:
                self._stop.wait(0.05)
            except WorkerTimedOut:
                client = self._begin(Client(self.stack, stage, nickname))

    def _begin(self, worker):
        if not self.keep_alive:
            worker.api.session.headers["Connection"] = "close"
        return worker

    def _be_fleet(self, stage, nickname, want):
        fleet = self._begin(Fleet(self.stack, stage, nickname))
        done, held = [], []
        while not self._over(stage):
            try:
                answer = fleet.raw(done=done, holding=held, want=want, wait=1)
            except requests.exceptions.ConnectionError:
                with self._lock:
                    self.dropped += 1
                self._stop.wait(0.1)
                continue
            if answer.status_code == 503:
                with self._lock:
                    self.unavailable.append(dict(answer.headers))
                self._stop.wait(0.2)
                continue
            if answer.status_code != 200:
                raise AssertionError(f"sync heard {answer.status_code}: {answer.text}")
            reply = answer.json()
            kept = {d["job"]: d["data"] for d in done}
            for result in reply.get("results", []):
                if result["status"] in ("accepted", "repeat"):
                    self._promise(stage, result["job"], kept[result["job"]])
                else:
                    with self._lock:
                        self.refused += 1
            done = [{**which(j), "data": f"{j['data']}>{stage}{j['job']}"} for j in reply.get("jobs", [])]
            held = [d["job"] for d in done]

    def wait_for(self, stage, count, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while self.promised_at(stage) < count:
            assert not self.wrong, self.wrong
            assert time.monotonic() < deadline, f"stage {stage}: {self.promised_at(stage)} of {count} after {timeout_s} s"
            time.sleep(0.02)

    def stop(self):
        """Whoever waits for more ends; for a test that failed."""
        self._stop.set()

    def finish(self, timeout_s=90):
        """Waits until all is done, then checks every promise against the tables."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        late = [t for t in self._threads if t.is_alive()]
        self._stop.set()
        assert self.wrong == []
        done = {stage: self.promised_at(stage) for stage in self.stages}
        if late:
            # A result whose 200 was lost is done in the tables though nobody was promised it.
            rows = dict(self.stack.sql("select stage, count(*) from tracker.output group by 1"))
            for thread in late:
                thread.join(10)
            assert all(rows.get(i + 1) == self.jobs for i in range(len(self.stages))), (done, rows)
        self.check()

    def check(self):
        stored = {("abcde"[stage - 1], job): data for stage, job, data in self.stack.sql("select stage, job, data from tracker.output")}
        lost = {k: (v, stored.get(k)) for k, v in self.promised.items() if stored.get(k) != v}
        assert lost == {}, f"{len(lost)} promised results are not in the tables: {list(lost.items())[:5]}"
        assert len(stored) == self.jobs * len(self.stages)
        assert self.stack.broken_laws() == []
        for stage, row in self.stack.counts().items():
            if stage in self.stages:
                assert (int(row["done"]), int(row["leased"]), int(row["failed"])) == (self.jobs, 0, 0), (stage, row)
