#!/usr/bin/python3
"""
strangers -- hostile and broken workers, two of each kind, in a process of their own.

usage: strangers.py PORT SEED SLOTS PARKED

SLOTS is how many a hoarder says that it has, PARKED how many calls a parker has waiting. Each calls from an address of its own (127.66.KIND.1, 127.67.KIND.1), and knows no pause but its own. When standard
input is closed they end, and what each kind got is printed as JSON: {kind: {what: how often}}.
"""
import asyncio
import collections
import itertools
import json
import os
import random
import sys
import uuid
from urllib.parse import quote

from wire import HungUp, Line

HOST = "127.0.0.1"
NETWORKS = "127.66.0.0/15"
LOOK_ALIKES = ["Ada", "\u0410da", "ADA", "A\u200dda"]
MIB = 1 << 20
GARBAGE_EVERY_S = 1.0


class Stranger:
    """One of them, with as many tokens and connections as it likes."""

    def __init__(self, port, means, address, stages, rng, got):
        self.port, self.address, self.rng, self.got = port, address, rng, got
        self.slots, self.parked = means
        self.stages = itertools.cycle(stages)
        self.line = self.another()

    def another(self, headers=""):
        return Line(HOST, self.port, self.address, headers)

    async def say(self, path, body=None, method="POST", line=None):
        """(status, what was answered as JSON, else None); (0, None) when it was hung up on."""
        try:
            status, answer = await (line or self.line).call(method, path, body)
        except HungUp:
            self.got["hung up on"] += 1
            await asyncio.sleep(0.05)
            return 0, None
        self.got[f"heard {status}"] += 1
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, None

    async def register(self, nickname, says="", line=None):
        """A token; None when it is not welcome."""
        status, answer = await self.say(f"/api/new?nickname={quote(nickname)}&stage={next(self.stages)}{says}", None, "GET", line)
        self.got["registered"] += status == 200
        return answer["token"] if status == 200 else None

    async def surely(self, nickname, says="", line=None):
        while True:
            token = await self.register(nickname, says, line)
            if token:
                return token
            await asyncio.sleep(0.5)

    async def sync(self, token, line=None, **fields):
        """The jobs that came."""
        _, answer = await self.say("/api/sync", {"token": token, **fields}, line=line)
        if not isinstance(answer, dict):
            await asyncio.sleep(0.3)
            return []
        self.got["jobs"] += len(answer["jobs"])
        self.got["results taken"] += sum(r["status"] == "accepted" for r in answer["results"] if "done" in fields)
        return answer["jobs"]


def which(jobs, **more):
    return [{"job": j["job"], "lease": j["lease"], **more} for j in jobs]


# --- the kinds: each a loop without an end ----------------------------------------------------

async def hoarder(s):
    token = await s.surely("hoarder", f"&slots={s.slots}")
    while True:
        await s.sync(token, want=1000)
        await asyncio.sleep(0.1)


async def give_all_back(s, nickname, kind):
    line = s.another()
    token, jobs = await s.surely(nickname, line=line), []
    while True:
        jobs = await s.sync(token, line, want=8, **({kind: which(jobs, reason="no")} if jobs else {}))
        await asyncio.sleep(0.02)


async def failer(s):
    await give_all_back(s, "failer", "failed")


async def releaser(s):
    await give_all_back(s, "releaser", "released")


async def flagger(s):
    """Five tokens, a nickname each."""
    await asyncio.gather(*[give_all_back(s, f"honest {s.rng.randrange(10**6)}", "flagged") for _ in range(5)])


async def impostor(s):
    """Ada's name, names that look like hers, her key by guessing; other people's jobs and tokens by guessing."""
    wrong_key = s.another("Authorization: Bearer AAAAAAAAAAAAAAAAAAAAAA\r\n")
    own = await s.surely("nobody in particular")
    while True:
        for line in (None, wrong_key):
            s.got["works as Ada"] += await s.register(s.rng.choice(LOOK_ALIKES), line=line) is not None
        guesses = [{"job": s.rng.randrange(1, 2000), "lease": str(uuid.UUID(int=s.rng.getrandbits(128))), "data": "mine"} for _ in range(20)]
        await s.sync(own, done=guesses)
        await s.say("/api/completeJob", {"token": str(uuid.UUID(int=s.rng.getrandbits(128), version=4)), "data": "mine"})
        await asyncio.sleep(0.1)


async def registrar(s):
    while True:
        await s.register(f"visitor {s.rng.randrange(10**9)}")


async def bomber(s):
    """Megabytes of empty objects, on four connections."""
    body = b'{"token":"x","z":[' + b",".join([b"{}"] * (6 * MIB // 3)) + b"]}"

    async def throw(line):
        while True:
            for path in ("/api/sync", "/api/completeJob", "/api/bye"):
                await s.say(path, body, line=line)
    await asyncio.gather(*[throw(s.another()) for _ in range(4)])


async def parker(s):
    """As many calls that wait as it is let have; what comes is dropped."""
    async def park():
        line = s.another()
        token = await s.surely("parker", line=line)
        while True:
            await s.sync(token, line, want=1, wait=60)
            await asyncio.sleep(0.1)
    await asyncio.gather(*[park() for _ in range(s.parked)])


async def garbage_maker(s):
    """As fast as an honest one."""
    token, jobs = await s.surely("garbage maker"), []
    while True:
        jobs = await s.sync(token, want=4, **({"done": which(jobs, data="garbage")} if jobs else {}))
        await asyncio.sleep(GARBAGE_EVERY_S)


async def never_reader(s):
    """Asks on some connections again and again, and takes no answer."""
    async def ask():
        line = s.another()
        token = await s.surely("never reader", line=line)
        while True:
            try:
                await line.deafly("/api/sync", {"token": token, "want": 100, "wait": 1}, 200)
                s.got["asked deafly"] += 200
                await asyncio.sleep(5)
            except HungUp:
                s.got["hung up on"] += 1
                await asyncio.sleep(0.2)
            line.hang_up()
    await asyncio.gather(*[ask() for _ in range(s.parked // 5)])


KINDS = [hoarder, failer, flagger, releaser, impostor, registrar, bomber, parker, garbage_maker, never_reader]


async def until_closed(reader):
    while await asyncio.to_thread(reader.read, 1):
        pass


def one(kind, n, copy, port, seed, means, got):
    return kind(Stranger(port, means, f"127.{66 + copy}.{n}.1", ("ab", "ba")[copy], random.Random(f"{seed}/{n}/{copy}"), got[kind.__name__]))


async def main(port, seed, *means):
    got = {kind.__name__: collections.Counter() for kind in KINDS}
    tasks = [asyncio.create_task(one(kind, n, copy, port, seed, means, got)) for n, kind in enumerate(KINDS) for copy in (0, 1)]
    ended = asyncio.create_task(until_closed(sys.stdin.buffer))
    await ended
    broke = [repr(task.exception()) for task in tasks if task.done()]
    print(json.dumps({**got, **({"broke": broke} if broke else {})}), flush=True)
    os._exit(0)  # nobody of them says good-bye


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
