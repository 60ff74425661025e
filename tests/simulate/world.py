"""
world -- a crowd of simulated workers on a running tracker, from the first call to the last job.

Chaos first: every temper as it is, the dead replaced by newcomers, more jobs delivered before they run out.
When time is up, and all that was to be seen has been seen, calm: vices rest until every job is done or failed.
With faults, the servers have vices too.
"""
import asyncio
import contextlib
import json
import random
import subprocess
import threading
import time

import psycopg2

from actors import Reference, SyncActor, V1Actor
from ledger import Ledger

KINDS = [SyncActor, SyncActor, V1Actor, Reference]
LOOK_S = 0.3


class World:
    """wanted: the deeds without which the run was not worth it; chaos goes on until all were done."""

    def __init__(self, stack, seed, workers, jobs, chaos_s, idle_s, limit_s, faults=None, wanted=(), steering=None):
        self.stack = stack
        self.host, self.port = "127.0.0.1", stack.http_port
        self.seed, self.workers, self.jobs = seed, workers, jobs
        self.chaos_s, self.idle_s, self.limit_s = chaos_s, idle_s, limit_s
        self.faults = faults
        self.steering = steering
        self.delivered_at = 0.0     # when the last delivery came to its end; inf: one is on its way
        self._delivery = threading.Lock()
        self.wanted = set(wanted)
        self.arrive_s = min(2.0, workers / 1000)
        self.think_s = 0.2
        self.calm = self.over = False
        self.inputs = {}
        self.ledger = Ledger(self.inputs)
        self.born = 0
        self.tasks = set()
        self.began = time.monotonic()
        self.took_s = 0.0
        self.stood_still_s = 0.0    # the longest that this very program was not let go on
        self.story = []             # (seconds, what happened), for whoever must find out why a run failed
        self._asking = asyncio.Lock()
        self._delivering = None

    @staticmethod
    def _input(n):
        return f"input {n}" if n % 3 else "<!json!>" + json.dumps({"input": n})

    def _deliver(self, count, append=True):
        if not append:
            self.stack.empty()
        self.deliver(count, [])

    def ask_alone(self, statement, *values):
        """On a connection of its own, for whoever is on a thread of its own."""
        with contextlib.closing(psycopg2.connect(self.stack.conninfo, options="-c statement_timeout=60s")) as c, c.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def deliver(self, count, options):
        """The first number of a delivery, or None. Whether it came in is asked of the tables: a server may die beneath it,
        before the end or after."""
        with self._delivery:
            self.delivered_at = float("inf")
            try:
                return self._load(count, options)
            except (AssertionError, subprocess.TimeoutExpired, psycopg2.Error):
                if self.faults is None:
                    raise
                return None
            finally:
                self.delivered_at = time.monotonic()

    def _load(self, count, options):
        ((last,),) = self.ask_alone("select coalesce(max(last), 0) from tracker.batch")
        numbers = range(last + 1, last + count + 1)
        self.inputs.update({n: self._input(n) for n in numbers})
        self.stack.run("distcompute-load", "--append", *options, "--json", "-",
                       stdin=json.dumps([json.loads(v[8:]) if v.startswith("<!json!>") else v for v in map(self._input, numbers)]))
        return last + 1

    def _settle_deliveries(self):
        (last,) = self.stack.sql("select coalesce(max(last), 0) from tracker.batch")[0]
        for n in [n for n in self.inputs if n > last]:
            del self.inputs[n]

    def tell(self, what):
        self.story.append((time.monotonic() - self.began, what))

    # --- who lives in it ----------------------------------------------------------------------

    def _spawn(self):
        rng = random.Random(f"{self.seed}/{self.born}")
        actor = rng.choice(KINDS)(self, self.born, rng)
        self.born += 1
        task = asyncio.get_running_loop().create_task(actor.live())
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.ledger.complain(f"an actor broke: {task.exception()!r}")
        if not self.over:
            self._spawn()

    # --- what is left to do -------------------------------------------------------------------

    async def _ask(self, statement):
        async with self._asking:
            return (await asyncio.to_thread(self.stack.sql, statement))[0]

    async def told_that_it_is_over(self, actor):
        """newJob says so when nothing of the stage is about or still to come. Results that are sent back come anew."""
        if self.delivered_at > actor.heard:
            return
        try:
            left, returned = await self._ask(
                f"select (select coalesce(sum(ready + retry + leased), 0) from tracker.read_counts() where stage <= {actor.stage}),"
                " (select count(*) from tracker.refused_output where refused > now() - interval '20 seconds')")
        except psycopg2.Error:
            if self.faults is None:
                raise
            return
        if left and not returned and self.delivered_at < actor.heard:
            self.ledger.complain(f"{actor}: was told that all is done while {left} jobs were left")

    async def _look(self):
        age = time.monotonic() - self.began
        try:
            left, fresh, done = await self._ask(
                "select coalesce(sum(ready + retry + leased), 0), coalesce(sum(ready) filter (where stage = 1), 0),"
                " coalesce(sum(done), 0) from tracker.read_counts()")
        except psycopg2.Error:
            if self.faults is None:
                raise
            self.over = age > self.limit_s
            return
        if not self.calm and age > self.chaos_s and self.wanted <= set(self.ledger.deeds):
            self.calm = True
            self.tell("calm")
        if not self.calm and fresh < self.jobs / 4:
            self._order_more()
        self.over = (left == 0 and self._delivering is None) or age > self.limit_s
        if left and self.over:
            self.ledger.complain(f"after {self.limit_s} s {left} were left to do, {done} done; not seen: "
                                 f"{sorted(self.wanted - set(self.ledger.deeds))}")

    def _order_more(self):
        if self._delivering is None:
            self._delivering = asyncio.get_running_loop().create_task(self._bring_more())

    async def _bring_more(self):
        try:
            async with self._asking:
                await asyncio.to_thread(self._deliver, self.jobs // 2)
            self.ledger.deeds["deliveries"] += 1
        except psycopg2.Error:
            if self.faults is None:
                raise
        finally:
            self._delivering = None

    async def _watch(self):
        while not self.over:
            slept = time.monotonic()
            await asyncio.sleep(LOOK_S)
            self.stood_still_s = max(self.stood_still_s, time.monotonic() - slept - LOOK_S)
            await self._look()
        self.took_s = time.monotonic() - self.began

    async def _break(self):
        try:
            await self.faults.go_on(self)
        except Exception as error:  # pylint: disable=broad-except
            self.ledger.complain(f"a server could not be broken, or mended: {error!r}")
            self.over = True

    async def _steer(self):
        try:
            await self.steering.go_on(self)
        except Exception as error:  # pylint: disable=broad-except
            self.ledger.complain(f"the operator broke: {error!r}")
            self.over = True

    async def _run(self):
        self.began = time.monotonic()
        for _ in range(self.workers):
            self._spawn()
        beside = [asyncio.get_running_loop().create_task(task) for task in (
            [self._break()] if self.faults is not None else []) + ([self._steer()] if self.steering is not None else [])]
        await self._watch_and_part(beside)

    async def _watch_and_part(self, beside=()):
        try:
            await self._watch()
        finally:
            self.over = True
        await asyncio.gather(*beside, *filter(None, [self._delivering]))
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=15)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def run(self):
        self._deliver(self.jobs, append=False)
        asyncio.run(self._run())
        self._settle_deliveries()
        return self.ledger
