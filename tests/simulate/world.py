"""
world -- a crowd of simulated workers on a running tracker, from the first call to the last job.

Chaos first: every temper as it is, the dead replaced by newcomers. When most is done, or time is up,
calm: vices rest until every job is done or failed. With faults, the servers have vices too.
"""
import asyncio
import json
import random
import time

import psycopg2

from actors import SyncActor, V1Actor
from ledger import Ledger


class World:
    def __init__(self, stack, seed, workers, jobs, chaos_s, idle_s, limit_s, faults=None):
        self.stack = stack
        self.host, self.port = "127.0.0.1", stack.http_port
        self.seed, self.workers, self.jobs = seed, workers, jobs
        self.chaos_s, self.idle_s, self.limit_s = chaos_s, idle_s, limit_s
        self.faults = faults
        self.arrive_s = min(2.0, workers / 1000)
        self.think_s = 0.2
        self.calm = self.over = False
        self.inputs = {n: self._input(n) for n in range(1, jobs + 1)}
        self.ledger = Ledger(self.inputs)
        self.born = 0
        self.tasks = set()
        self.took_s = 0.0

    @staticmethod
    def _input(n):
        return f"input {n}" if n % 3 else "<!json!>" + json.dumps({"input": n})

    def load(self):
        self.stack.load([v if not v.startswith("<!json!>") else json.loads(v[8:]) for v in self.inputs.values()])

    def _spawn(self):
        rng = random.Random(f"{self.seed}/{self.born}")
        actor = (V1Actor if rng.random() < 0.5 else SyncActor)(self, self.born, rng)
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

    def _counts(self):
        return self.stack.sql("select coalesce(sum(ready + retry + leased), 0), coalesce(sum(done), 0) from tracker.read_counts()")[0]

    async def _watch(self):
        began = time.monotonic()
        while not self.over:
            await asyncio.sleep(0.3)
            age = time.monotonic() - began
            try:
                left, done = await asyncio.to_thread(self._counts)
            except psycopg2.Error:
                if self.faults is None:
                    raise
                self.over = age > self.limit_s
                continue
            self.calm = self.calm or age > self.chaos_s or done > 1.9 * self.jobs
            self.over = left == 0 or age > self.limit_s
        self.took_s = time.monotonic() - began

    async def _run(self):
        for _ in range(self.workers):
            self._spawn()
        breaking = []
        if self.faults is not None:
            breaking.append(asyncio.get_running_loop().create_task(
                self.faults.go_on(lambda: self.calm or self.over, self.ledger.deeds)))
        await self._watch()
        await asyncio.gather(*breaking)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=15)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def run(self):
        self.load()
        asyncio.run(self._run())
        return self.ledger
