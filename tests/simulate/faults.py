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
import threading

import redis

from refusing import disk_of_its_own, fill, server_with, without_room, without_time

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

    @contextlib.contextmanager
    def _redis(self, *begin, end):
        self.stack.redis.execute_command(*begin)
        try:
            yield
        finally:
            self.stack.redis.execute_command(*end)

    def redis_replica(self):
        """READONLY."""
        return self._redis("replicaof", "127.0.0.1", "1", end=("replicaof", "no", "one"))

    @contextlib.contextmanager
    def redis_full(self):
        """OOM."""
        with self._redis("config", "set", "maxmemory-policy", "noeviction", end=("config", "set", "maxmemory-policy", "allkeys-lru")), \
                self._redis("config", "set", "maxmemory", "1", end=("config", "set", "maxmemory", "256mb")):
            yield

    @contextlib.contextmanager
    def redis_locked(self):
        """NOAUTH, to whoever connects; and nobody is connected any more."""
        self.stack.redis.config_set("requirepass", "x")
        with contextlib.closing(redis.Redis(unix_socket_path=os.path.join(self.stack.state, "run", "redis.sock"), password="x")) as inside:
            for kind in ("normal", "pubsub"):
                inside.execute_command("client", "kill", "type", kind, "skipme", "yes")
            try:
                yield
            finally:
                inside.config_set("requirepass", "")

    @contextlib.contextmanager
    def redis_unsaved(self):
        """MISCONF: it is to save, and cannot."""
        folder = os.path.join(self.stack.state, "redis")
        mode = os.stat(folder).st_mode & 0o7777
        with self._redis("config", "set", "save", "3600 1000000", end=("config", "set", "save", "")):
            os.chmod(folder, 0o500)
            try:
                self.stack.redis.bgsave()
                yield
            finally:
                os.chmod(folder, mode)

    @contextlib.contextmanager
    def redis_busy(self):
        """BUSY: a script without an end."""
        def script():
            with contextlib.suppress(redis.exceptions.ResponseError):  # it is killed
                self.stack.redis.eval("while true do end", 0)
        with self._redis("config", "set", "busy-reply-threshold", "100", end=("config", "set", "busy-reply-threshold", "5000")):
            running = threading.Thread(target=script)
            running.start()
            try:
                yield
            finally:
                self._end(running)

    def _end(self, script):
        """A script that has only begun is not there to be killed."""
        while script.is_alive():
            with contextlib.suppress(redis.exceptions.ResponseError):
                self.stack.redis.script_kill()
            script.join(0.2)

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
