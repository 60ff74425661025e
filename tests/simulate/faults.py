"""
faults -- what goes wrong with the servers while the crowd is at work: one fault at a time, each mended.

Processes die, Redis forgets, PostgreSQL takes no writes, has no room or no time, Redis is a replica, and all is
started anew. Each holds for some seconds; the same seed gives the same row of them.
"""
import asyncio
import contextlib
import os
import random
import signal

from refusing import disk_of_its_own, fill, server_with, without_time


AT_ONCE = ("responder_killed", "redis_emptied")


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
        if self._disk is None:
            yield
            return
        filler = fill(self._disk)
        try:
            yield
        finally:
            os.unlink(filler)

    @contextlib.contextmanager
    def redis_replica(self):
        self.stack.redis.execute_command("replicaof", "127.0.0.1", "1")
        try:
            yield
        finally:
            self.stack.redis.execute_command("replicaof", "no", "one")

    @contextlib.contextmanager
    def all_started_anew(self):
        for server, signum in (("tracker", signal.SIGTERM), ("postgres", signal.SIGINT), ("redis", signal.SIGTERM)):
            self.stack.kill(server, signum)
        yield
        self.stack.up()

    # --- their row ----------------------------------------------------------------------------

    def _next(self):
        """Each once before any comes again."""
        if not self._left:
            self._left = ["responder_killed", "redis_emptied", "read_only", "no_time", "no_room", "redis_replica",
                          "responder_killed", "all_started_anew"]
            self.rng.shuffle(self._left)
        return self._left.pop()

    async def go_on(self, is_over, deeds):
        while not is_over():
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            name = self._next()
            fault = getattr(self, name)()
            await asyncio.to_thread(fault.__enter__)
            try:
                await asyncio.sleep(0.1 if name in AT_ONCE else self.rng.uniform(1, self.longest_s))
            finally:
                await asyncio.to_thread(fault.__exit__, None, None, None)
            deeds[name.replace("_", " ")] += 1
