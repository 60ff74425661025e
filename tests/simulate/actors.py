"""
actors -- workers with a temper.

Every actor draws its decisions from its own generator, seeded by the run's seed and its number, so a
seed gives the same crowd again; only the interleaving is the machine's. Vices rest when the world is
calm, so that every run comes to its end.
"""
import asyncio
import json
import time
from urllib.parse import quote

from steering import HAS
from wire import HungUp, Line

MARK = "<!json!>"
NO_WORKER = 404

# vice: chance at each occasion
TEMPERS = {
    "steady": {},
    "slow": {"slow": 0.7},
    "mortal": {"die": 0.15},
    "clumsy": {"hang": 0.25},
    "parrot": {"repeat": 0.5, "hang": 0.05},
    "sleeper": {"late": 0.2},
    "grumbler": {"flag": 0.3, "fail": 0.2},
    "restless": {"leave": 0.15, "abandon": 0.15, "release": 0.3},
}
CROWD = ["steady"] * 8 + ["slow"] * 3 + ["mortal"] * 2 + ["clumsy"] * 3 + ["parrot"] * 2 + ["sleeper"] * 2 + \
    ["grumbler"] + ["restless"] * 2
HONEST = ["steady"] * 6 + ["slow"] * 2 + ["grumbler"]


class Died(Exception):
    """The machine is gone, without a word."""


class Ended(Exception):
    """Nothing is left to do for it."""


class Actor:
    TEMPERS = CROWD

    def __init__(self, world, number, rng):
        self.world = world
        self.ledger = world.ledger
        self.number = number
        self.rng = rng
        self.temper = rng.choice(self.TEMPERS)
        self.stage = 1 if rng.random() < 0.5 else 2
        self.nickname = f"person {number % 20}"
        self.line = Line(world.host, world.port)
        self.token = None
        self.says = rng.choice(["", "", f"&label=simulated%201.{number % 3}&slots={rng.choice([1, 8])}"])
        self.has = rng.choice(HAS) if world.steering is not None else ""
        self.with_has = f"&has={self.has}" if self.has else ""
        self.says += self.with_has
        self.heard = 0.0        # when the last call was begun that was answered
        self.silences = 0       # gaps in which the tracker may have timed it out
        self.spoke = time.monotonic()   # when its last call ended, answered or not
        self.was_quiet = False  # before the call that was answered last it said nothing for too long, by its own doing
        self.serial = 0

    def __str__(self):
        return f"{type(self).__name__} {self.number} ({self.temper})"

    def does(self, vice):
        chance = 0 if self.world.calm else TEMPERS[self.temper].get(vice, 0)
        return chance > 0 and self.rng.random() < chance

    def is_over(self):
        return self.world.over

    def is_alive_for_sure(self):
        """Heard so lately that the tracker cannot have timed it out."""
        return time.monotonic() - self.heard < self.world.idle_s - 1

    async def pause(self, low, high):
        await asyncio.sleep(self.rng.uniform(low, high))

    async def call(self, path, body=None, method="POST"):
        """Until it is answered, as the published client does; may hang up on the way."""
        quiet = False
        while True:
            manners = self.rng.choice(["torn", "left", "left"]) if self.does("hang") else "good"
            began = time.monotonic()
            quiet = quiet or began - self.spoke > self.world.idle_s - 1
            try:
                status, answer = await self.line.call(method, path, body, manners, self.rng.uniform(0, 0.3))
            except HungUp:
                self.spoke = time.monotonic()
                self.ledger.calls[(path.split("?")[0], "hung up" if manners != "good" else "cut")] += 1
                self.after_hang_up()
                await self.pause(0.05, 0.3)
                if self.world.over:
                    raise Died from None
                continue
            if time.monotonic() - self.heard > self.world.idle_s - 1:
                self.silences += 1
            self.heard, self.spoke, self.was_quiet = began, time.monotonic(), quiet
            self.ledger.calls[(path.split("?")[0], status)] += 1
            if status >= 500 or status == 429:
                # A fleet is told to come back; the published client dies of any status that it does not know.
                if not (self.world.faults is not None and status == 503 and path == "/api/sync"):
                    self.ledger.complain(f"{self}: {path} heard {status} {answer[:80]!r}")
                self.after_hang_up()
                await self.pause(0.2, 0.5)
                continue
            return status, answer

    def after_hang_up(self):
        """What an unanswered call changes in how the next one is made."""

    async def register(self):
        status, answer = await self.call(f"/api/new?nickname={quote(self.nickname)}&stage={'ab'[self.stage - 1]}{self.says}",
                                         method="GET")
        if status != 200:
            self.ledger.complain(f"{self}: /api/new heard {status} {answer[:80]!r}")
            raise Died
        self.token = json.loads(answer)["token"]

    async def bye(self):
        await self.call("/api/bye", {"token": self.token})

    def make(self, job):
        """A result that nobody else will make, as it is stored."""
        self.serial += 1
        name = f"{'ab'[self.stage - 1]}{job} by {self.number}/{self.serial}"
        return name if self.rng.random() < 0.7 else MARK + json.dumps({"result": name, "n": [job, None, 1.5]})

    async def think(self):
        if self.does("slow"):
            await self.pause(0.5, 1.5)
        else:
            await self.pause(0.0, self.world.think_s)

    async def live(self):
        try:
            await self.pause(0, self.world.arrive_s)
            await self.register()
            while not self.is_over():
                await self.turn()
            await self.bye()
        except Died:
            self.ledger.deeds["died"] += 1
        except Ended:
            self.ledger.deeds["ended"] += 1
        finally:
            self.line.hang_up()


class V1Actor(Actor):
    """One job at a time, by the published API; as with its client, any status but 200 ends it."""

    async def turn(self):
        await self.work(*await self.ask())

    async def insist(self, path, heard=lambda status: None, **fields):
        """The answer, or the end: the published client raises, and nothing catches it."""
        status, answer = await self.call(path, {"token": self.token, **fields})
        heard(status)
        if status == 200:
            return answer
        if path == "/api/newJob" and status == 403:
            await self.world.told_that_it_is_over(self)
            raise Ended
        raise self.death(f"{path} heard {status} {answer[:80]!r}")

    def death(self, of):
        """Of who is honest and kept in touch, it is the tracker's doing."""
        self.ledger.deeds["v1 deaths"] += 1
        if self.is_honest() and not self.was_quiet:
            self.ledger.honest_deaths.append(f"{self}: {of}")
        return Died()

    def is_honest(self):
        return set(TEMPERS[self.temper]) <= {"slow", "flag", "fail"}

    async def ask(self):
        answer = await self.insist("/api/newJob")
        job = json.loads(answer)
        self.ledger.handed(self, job["number"], job["data"])
        return job["number"], job["data"]

    async def work(self, job, data):
        await self.think()
        if self.does("die"):
            raise Died
        if self.does("late"):
            self.ledger.deeds["late"] += 1
            await asyncio.sleep(self.world.idle_s + self.rng.uniform(0.5, 2.5))
        if self.does("repeat"):
            job = await self.ask_again(job)
        if self.does("slow"):
            await self.insist("/api/updateProgress", progress="half")
        await self.give(job)

    async def ask_again(self, job):
        """newJob right after a newJob is the same question."""
        self.ledger.letting_go(self, job)
        again = await self.ask()
        if again[0] != job and self.is_alive_for_sure() and not TEMPERS[self.temper].get("hang"):
            self.ledger.complain(f"{self}: newJob repeated heard job {again[0]} instead of {job}")
        return again[0]

    async def give(self, job):
        if self.does("leave"):
            self.ledger.letting_go(self, job)
            await self.bye()
            await self.register()
        elif self.does("abandon"):
            await self.insist("/api/updateProgress", progress="no more")
            self.ledger.letting_go(self, job)
        elif self.does("flag") or self.does("fail"):
            self.ledger.letting_go(self, job)
            await self.insist("/api/flagInvalidData")
        else:
            await self.complete(job)

    async def complete(self, job):
        await self.send(job, self.make(job))

    async def send(self, job, data):
        self.ledger.sending(self, job, data)
        for _ in range(2 if self.does("repeat") else 1):
            await self.insist("/api/completeJob", data=data, heard=lambda status: self.ledger.answered(
                self, job, data, "accepted" if status == 200 else f"v1 {status}"))


class Reference(V1Actor):
    """The loop that is published with the client, to the letter but for the length of its nap (30 s)."""
    TEMPERS = HONEST

    async def turn(self):
        if await self.insist("/api/validateWorker") != b"True":
            raise self.death("is told that it is nobody")
        if await self.count() == 0:
            await self.pause(0.3, 1.0)
            return
        job, data = await self.ask()
        await self.think()
        await self.insist("/api/updateProgress", progress=f"at {data[:20]}")
        await self.end(job, data)

    async def end(self, job, data):
        await self.give(job)

    async def count(self):
        status, answer = await self.call(f"/api/jobCount?stage={'ab'[self.stage - 1]}{self.with_has}", method="GET")
        if status != 200:
            raise self.death(f"/api/jobCount heard {status} {answer[:80]!r}")
        return int(answer)


class SyncActor(Actor):
    """Several jobs at a time, by /api/sync."""

    def __init__(self, world, number, rng):
        super().__init__(world, number, rng)
        self.slots = rng.choice([1, 2, 4, 8])
        self.hand = {}          # lease: job
        self.told = set()       # leases that are over
        self.recount = False

    def after_hang_up(self):
        self.recount = True

    async def turn(self):
        fields = self.report()
        fields["want"] = max(0, self.slots - len(self.hand))
        fields["wait"] = self.rng.choice([0, 1, 3])
        if self.recount or self.world.calm or self.rng.random() < 0.1:
            # What is told in this very call is in hand no more.
            fields["holding"] = list(self.hand.values())
        answer = await self.sync(fields)
        if answer is None:
            return
        if self.does("repeat"):
            await self.say_again(fields)
        if not answer["jobs"] and not self.hand:
            await self.pause(0.05, 0.4)
        await self.think()
        if self.does("die"):
            raise Died
        if self.does("late"):
            self.ledger.deeds["late"] += 1
            await asyncio.sleep(self.world.idle_s + self.rng.uniform(0.5, 2.5))

    def report(self):
        """Empties part of the hand into the lists of a call."""
        fields = {"token": self.token, "progress": f"{len(self.hand)} in hand"}
        for lease, job in list(self.hand.items()):
            if self.rng.random() < 0.2:
                continue
            kind = self.choose()
            item = {"job": job, "lease": lease}
            if kind == "done":
                stored = self.make(job)
                item["data"] = json.loads(stored[len(MARK):]) if stored.startswith(MARK) else stored
                self.ledger.sending(self, job, stored)
            elif kind != "released":
                item["reason"] = "no mood for it"
            self.ledger.letting_go(self, job)
            fields.setdefault(kind, []).append(item)
            del self.hand[lease]
            self.told.add(lease)
        return fields

    def choose(self):
        for vice, kind in (("flag", "flagged"), ("fail", "failed"), ("release", "released"), ("abandon", "failed")):
            if self.does(vice):
                return kind
        return "done"

    async def sync(self, fields):
        status, raw = await self.call("/api/sync", fields)
        if status == NO_WORKER:
            # What was in hand is lost to others, or finished late by nobody.
            for job in self.hand.values():
                self.ledger.letting_go(self, job)
            self.hand.clear()
            await self.register()
            return None
        if status != 200:
            self.ledger.complain(f"{self}: /api/sync heard {status} {raw[:80]!r}")
            return None
        answer = json.loads(raw)
        if "holding" in fields:
            self.recount = False
        self.take_results(fields, answer)
        for job in answer["drop"]:
            self.hand = {lease: j for lease, j in self.hand.items() if j != job}
        for job in answer["jobs"]:
            self.take(job)
        return answer

    def take(self, job):
        lease, data = job["lease"], job["data"]
        if lease in self.hand or lease in self.told:
            return
        self.hand[lease] = job["job"]
        stored = data if isinstance(data, str) else MARK + json.dumps(data)
        self.ledger.handed(self, job["job"], stored, lease)

    def take_results(self, fields, answer):
        sent = [item for kind in ("done", "failed", "flagged", "released") for item in fields.get(kind, [])]
        if [r["job"] for r in answer["results"]] != [i["job"] for i in sent]:
            self.ledger.complain(f"{self}: sent {[i['job'] for i in sent]}, heard {answer['results']}")
            return
        for item, result in zip(sent, answer["results"]):
            if "data" in item:
                data = item["data"]
                stored = data if isinstance(data, str) else MARK + json.dumps(data)
                self.ledger.answered(self, item["job"], stored, result["status"])
            else:
                self.ledger.deeds[f"returned {result['status']}"] += 1

    async def say_again(self, fields):
        """The same call once more: everything that was taken is a repeat now."""
        again = {key: value for key, value in fields.items() if key != "holding"}
        again.update(want=0, wait=0)
        status, raw = await self.call("/api/sync", again)
        if status != 200:
            return
        answer = json.loads(raw)
        for result in answer["results"]:
            self.ledger.deeds[f"again {result['status']}"] += 1
            if result["status"] == "accepted":
                self.ledger.complain(f"{self}: job {result['job']} was accepted twice")
