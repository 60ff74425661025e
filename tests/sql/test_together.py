"""Many connections at once, some of them killed: nothing is lost, nothing counts twice.

Everybody works on the same workers and jobs with random bundles; a killer ends backends in the middle
of it. Like the tracker, a call is made again after a deadlock, and made again as a rerun after a lost
connection. What was acknowledged is remembered and looked for at the end.
"""

import os
import random
import threading
import time
import uuid

import psycopg2

from house import Ask, Back, House, Item, Worker

SECONDS = float(os.environ.get("TEST_TOGETHER_S", "8"))
SEED = int(os.environ.get("TEST_SEED", "1"))
JOBS = 4000


class Crowd:
    """What the threads share."""

    def __init__(self, server):
        self.server = server
        self.lock = threading.Lock()
        self.workers = []
        self.hand = []  # (worker, stage, job row)
        self.acknowledged = {}  # (stage, job, lease) -> data
        self.stop = threading.Event()
        self.wrong = []
        self.retries = {}

    def some_workers(self, rnd, most):
        with self.lock:
            return rnd.sample(self.workers, min(len(self.workers), rnd.randint(1, most)))

    def some_jobs(self, rnd, most):
        with self.lock:
            rnd.shuffle(self.hand)
            n = rnd.randint(1, most)
            taken, self.hand = self.hand[:n], self.hand[n:]
            return taken


class Caller(threading.Thread):
    """A thread with its own connection that makes calls until it is told to stop."""

    def __init__(self, crowd, number):
        super().__init__(daemon=True)
        self.crowd, self.rnd = crowd, random.Random(SEED * 1000 + number)
        self.house = House(crowd.server.connect())
        self.house.backoff_s = 0
        self.house.backoff_max_s = 0
        self.house.flag_limit = 2
        self.house.max_attempts = 6

    def again(self, call):
        """call(rerun), as often as deadlocks and killed connections ask for it."""
        rerun = False
        while True:
            try:
                return call(rerun)
            except psycopg2.Error as e:
                code = e.pgcode or "lost"
                self.crowd.retries[code] = self.crowd.retries.get(code, 0) + 1
                if code not in ("40P01", "40001", "57P01", "lost"):
                    raise
                if self.house.connection.closed or code in ("57P01", "lost"):
                    self.house.connection.close()
                    self.house.connection = self.crowd.server.connect()
                    rerun = True

    def replace(self, gone):
        """Workers that are gone come again under other names."""
        for w in gone:
            name = f"calm-fox-{self.rnd.getrandbits(40)}"
            token = uuid.uuid4()
            new = Worker(token, name, w.stage, self.rnd.choice(("Ada", "Bob", "anonymous")))
            self.again(lambda rerun: self.house.open([new]))  # pylint: disable=cell-var-from-loop
            with self.crowd.lock:
                self.crowd.workers = [o for o in self.crowd.workers if o is not w] + [new]

    def run(self):
        try:
            while not self.crowd.stop.is_set():
                self.step()
        except Exception as e:  # pylint: disable=broad-except
            self.crowd.wrong.append(e)
            self.crowd.stop.set()
        finally:
            self.house.connection.close()


class Committer(Caller):
    def step(self):
        self.rnd.choice([self.claim, self.claim, self.complete, self.complete, self.complete,
                         self.give_back, self.come_and_go, self.touch])()

    def claim(self):
        workers = self.crowd.some_workers(self.rnd, 12)
        calls = [self.rnd.getrandbits(60) for _ in workers]
        wants = [self.rnd.choice((1, 1, 3, 20)) for _ in workers]
        holding = [self.rnd.choice((None, None, ())) for _ in workers]
        rows = self.again(lambda rerun: self.house.claim([
            Ask(w.token, n, 1000, call, False, rerun, h)
            for w, n, call, h in zip(workers, wants, calls, holding)]))
        seen = set()
        with self.crowd.lock:
            for r in rows:
                if r.status == "job":
                    if (r.stage, r.job) in seen:
                        raise AssertionError(f"{r} was handed out twice in a bundle")
                    seen.add((r.stage, r.job))
                    self.crowd.hand.append((workers[r.item - 1], r))

    def complete(self):
        jobs = self.crowd.some_jobs(self.rnd, 40)
        items = [Item(w.token, r.job, r.lease, f"{r.stage}/{r.job}/{r.lease}") for w, r in jobs]
        items += self.rnd.sample(items, min(len(items), 2))  # twins
        rows = self.again(lambda rerun: self.house.complete(items))
        with self.crowd.lock:
            for row, item in zip(rows, items):
                if row.status in ("accepted", "repeat"):
                    self.crowd.acknowledged[(row.stage, row.job, item.lease)] = item.data
            # some are sent again later
            self.crowd.hand += [j for j in jobs if self.rnd.random() < 0.05]

    def give_back(self):
        jobs = self.crowd.some_jobs(self.rnd, 6)
        kinds = [self.rnd.choice(("failed", "flagged", "released")) for _ in jobs]
        self.again(lambda rerun: self.house.give_back([
            Back(w.token, r.job, r.lease, k) for (w, r), k in zip(jobs, kinds)]))

    def come_and_go(self):
        if self.rnd.random() < 0.7:
            return
        gone = self.crowd.some_workers(self.rnd, 1)
        self.again(lambda rerun: self.house.bye(*gone))
        self.replace(gone)

    def touch(self):
        workers = self.crowd.some_workers(self.rnd, 12)
        self.again(lambda rerun: self.house.touch(*workers, refresh_s=0))


class VersionOne(Caller):
    """Four v1 workers of its own, each asking and completing, with every call repeated now and then."""

    def __init__(self, crowd, number):
        super().__init__(crowd, number)
        self.mine = [self.house.worker(1 + n % 2, "Eve", f"old-hen-{number}-{n}") for n in range(4)]
        self.data = {}

    def step(self):
        rows = self.again(lambda rerun: self.house.claim([
            Ask(w.token, 1, 1000, v1=True) for w in self.mine]))
        busy = [(self.mine[r.item - 1], r) for r in rows if r.status == "job"]
        if self.rnd.random() < 0.1:
            return  # abandons, or asks again
        for w, r in busy:
            data = f"{r.stage}/{r.job}/{r.lease}"
            for _ in range(self.rnd.randint(1, 2)):
                (row,) = self.again(lambda rerun: self.house.complete([Item(w.token, data=data)]))
                if row.status in ("accepted", "repeat"):
                    with self.crowd.lock:
                        self.crowd.acknowledged[(r.stage, r.job, r.lease)] = data


class Keeper(Caller):
    def step(self):
        what = self.rnd.randrange(7)
        if what == 0:
            self.again(lambda rerun: self.house.fold())
        elif what == 1:
            # as if minutes passed: each time to another day, so that no two rows meet
            days = self.rnd.randrange(1, 10**5)
            for table in ("tally", "credit"):
                self.again(lambda rerun: self.house.rows(
                    f"with l as materialized (select ctid as tid from tracker.{table} where minute >"
                    f" now() - interval '1 hour' order by {'person, ' * (table == 'credit')}stage,"
                    f" {'batch, ' * (table == 'tally')}minute, slot for update) update tracker." + table +
                    f" set minute = minute - interval '{days} days' where ctid = any (array("
                    "select tid from l))"))
        elif what == 2:
            workers = self.crowd.some_workers(self.rnd, 3)
            self.again(lambda rerun: self.house.reap(*workers, idle_s=0))
            self.replace(workers)
        elif what == 3 and self.rnd.random() < 0.2:
            self.again(lambda rerun: self.house.expire(1, 1))
        elif what == 4:
            job, stage = self.rnd.randint(1, JOBS), self.rnd.randint(1, 3)
            self.again(lambda rerun: self.house.value(
                "select tracker.send_back_job(%s, %s::int2, 'because')", job, stage))
        elif what == 5:
            self.again(lambda rerun: self.house.value("select tracker.tidy_line()"))
        else:
            self.again(lambda rerun: self.house.value(
                "select tracker.requeue_failed(%s::int2, null)", self.rnd.randint(1, 3)))
        time.sleep(0.02)


class Killer(Caller):
    def step(self):
        time.sleep(0.15)
        self.house.rows(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'tracker'"
            " and pid <> pg_backend_pid() and application_name <> 'spared' order by random() limit 1")


def finish(house, crowd):
    """Everything that is left is done by fresh workers, one for each stage."""
    house.rows("update tracker.worker set seen = seen - interval '1 day'")
    house.rows("select tracker.settle_policy(1000, 5, 0, 0)")
    house.rows("select * from tracker.reap_workers(array(select token from tracker.worker"
               " where gone_at is null), 60)")
    for stage in (1, 2, 3):
        house.rows("select tracker.requeue_failed(%s::int2, null)", stage)
    for stage in (1, 2, 3):
        house.make_due()
        w = house.worker(stage, "Zoe")
        while True:
            jobs = [r for r in house.want(w, 500) if r.status == "job"]
            if not jobs:
                break
            items = [Item(w.token, r.job, r.lease, f"{r.stage}/{r.job}/{r.lease}") for r in jobs]
            assert {r.status for r in house.complete(items)} == {"accepted"}


def test_together_nothing_is_lost_and_nothing_counts_twice(house, server):
    house.rows("set application_name = 'spared'")
    house.settle("One", "Two", "Three")
    for _ in range(8):
        house.load(JOBS // 8)
    crowd = Crowd(server)
    for n in range(30):
        crowd.workers.append(house.worker(1 + n % 3, random.Random(n).choice(("Ada", "Bob"))))
    threads = [Committer(crowd, n) for n in range(4)] + [VersionOne(crowd, n) for n in (10, 11)]
    threads += [Keeper(crowd, 20), Killer(crowd, 30)]
    threads[-1].house.rows("set application_name = 'spared'")
    for t in threads:
        t.start()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not crowd.stop.is_set():
        time.sleep(0.25)
    crowd.stop.set()
    for t in threads:
        t.join(60)
    print("made again:", crowd.retries, "acknowledged:", len(crowd.acknowledged),
          [(r.ready, r.retry, r.leased, r.done, r.failed)
           for r in house.rows("select * from tracker.read_counts()")])
    assert crowd.wrong == []
    assert house.broken_laws() == []

    finish(house, crowd)
    assert house.broken_laws() == []
    assert [house.counts(s).done for s in (1, 2, 3)] == [JOBS] * 3
    kept = {(r.stage, r.job, r.lease): r.data for r in house.rows(
        "select stage, job, lease, data from tracker.output union all"
        " select stage, job, lease, data from tracker.refused_output")}
    assert {k: v for k, v in crowd.acknowledged.items() if kept.get(k) != v} == {}
    house.end_minute()
    house.fold()
    assert house.broken_laws() == []


class Pump(Caller):
    """Carries jobs through the stages A and B as fast as it can."""

    def __init__(self, crowd, number):
        super().__init__(crowd, number)
        self.mine = [self.house.worker(stage) for stage in (1, 2)]

    def step(self):
        rows = self.house.claim([Ask(w.token, 5) for w in self.mine])
        jobs = [r for r in rows if r.status == "job"]
        if not jobs:
            self.crowd.stop.set()
        self.house.complete([Item(self.mine[r.item - 1].token, r.job, r.lease) for r in jobs])


def test_a_stage_can_be_appended_while_jobs_are_being_done(house, server):
    house.load(20000)
    crowd = Crowd(server)
    threads = [Pump(crowd, n) for n in range(3)]
    for t in threads:
        t.start()
    for name in ("Third", "Fourth", "Fifth"):
        time.sleep(0.3)
        house.rows("select tracker.append_stage(%s)", name)
    time.sleep(0.3)
    crowd.stop.set()
    for t in threads:
        t.join(60)
    assert crowd.wrong == []
    assert house.counts(2).done > 0
    assert house.counts(3).ready == house.counts(2).done
