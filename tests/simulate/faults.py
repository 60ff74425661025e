"""
faults -- what goes wrong with the servers while the crowd is at work: one fault at a time, each mended.

Processes die, Redis forgets, PostgreSQL takes no writes, has no room or no time, Redis refuses in every way that it
has, and all is started anew. Each holds for some seconds; the same seed gives the same row of them.
"""
import asyncio
import contextlib
import os
import random
import signal

from refusing import (disk_of_its_own, fill, redis_busy, redis_full, redis_locked, redis_replica, redis_told, redis_unsaved, server_with,
                      without_room, without_time)

AT_ONCE = ("responder_killed", "redis_emptied", "all_started_anew")
ALL_OF_IT = ("read_only",)  # it holds as long as a fault may: v1's calls are cut and come again
ROW = ("responder_killed", "redis_emptied", "read_only", "no_time", "no_room", "redis_replica", "redis_full", "redis_locked",
       "redis_unsaved", "redis_busy", "all_started_anew")
NAMES = {name.replace("_", " ") for name in ROW}


class Faults:
    def __init__(self, stack, seed, longest_s):
        self.stack = stack
        self.rng = random.Random(f"{seed}/faults")
        self.longest_s = longest_s
        self._disk = None
        self._left = []

    @contextlib.contextmanager
    def prepared(self):
        """The results live on a disk that can be filled."""
        with disk_of_its_own(self.stack) as self._disk:
            yield self

    # --- the faults, each a `with` ------------------------------------------------------------

    @contextlib.contextmanager
    def responder_killed(self):
        responders = self.stack.responders()
        if responders:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.rng.choice(responders), signal.SIGKILL)
        yield

    @contextlib.contextmanager
    def redis_emptied(self):
        self.stack.redis.flushall()
        yield

    def read_only(self):
        return server_with(self.stack, "default_transaction_read_only", "on")

    def no_time(self):
        return without_time(self.stack)

    @contextlib.contextmanager
    def no_room(self):
        """Only root can give the results a disk; without one the tables say what a full one says."""
        if self._disk is None:
            with without_room(self.stack, ("output_a", "output_b")):
                yield
            return
        filler = fill(self._disk)
        try:
            yield
        finally:
            os.unlink(filler)

    def redis_replica(self):
        return redis_replica(self.stack)

    @contextlib.contextmanager
    def redis_full(self):
        """Which makes room by forgetting, until it is told not to."""
        with redis_told(self.stack, "config", "set", "maxmemory-policy", "noeviction", end=("config", "set", "maxmemory-policy", "allkeys-lru")), \
                redis_full(self.stack):
            yield

    def redis_locked(self):
        return redis_locked(self.stack)

    def redis_unsaved(self):
        return redis_unsaved(self.stack)

    def redis_busy(self):
        return redis_busy(self.stack)

    @contextlib.contextmanager
    def all_started_anew(self):
        for server, signum in (("nginx", signal.SIGTERM), ("tracker", signal.SIGTERM), ("postgres", signal.SIGINT), ("redis", signal.SIGTERM)):
            self.stack.kill(server, signum)
        yield
        self.stack.up()

    # --- their row ----------------------------------------------------------------------------

    def _next(self):
        """Each once before any comes again."""
        if not self._left:
            self._left = list(ROW)
            self.rng.shuffle(self._left)
        return self._left.pop()

    def _how_long(self, name):
        if name in AT_ONCE:
            return 0.1
        return self.longest_s if name in ALL_OF_IT else self.rng.uniform(self.longest_s / 3, self.longest_s)

    async def go_on(self, world):
        while not (world.calm or world.over):
            await asyncio.sleep(self.rng.uniform(0.3, 1.0))
            name = self._next()
            world.tell(name)
            fault = getattr(self, name)()
            await asyncio.to_thread(fault.__enter__)
            try:
                await asyncio.sleep(self._how_long(name))
            finally:
                await asyncio.to_thread(fault.__exit__, None, None, None)
            world.tell(f"{name}: mended")
            world.ledger.deeds[name.replace("_", " ")] += 1
