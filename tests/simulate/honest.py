"""
honest -- workers that do what they should, each from an address of its own or behind one with many, and the
answers that are right.

The right result of an input is known, so a worker of stage B flags what is no result of stage A, and all that is
stored can be told to be right or wrong.
"""
import time

from actors import Reference, SyncActor

BAD_EVERY = 200     # of the inputs, one in so many can be worked on by nobody


def given(job):
    return f"broken {job}" if job % BAD_EVERY == 0 else f"input {job}"


def is_good(job):
    return job % BAD_EVERY != 0


def input_of(stage, job):
    return given(job) if stage == 1 else right(1, job)


def right(stage, job):
    return f"{'AB'[stage - 1]}({input_of(stage, job)})"


class Honest:
    """What the v1 loop and the farm have in common. pace_s: how long a job takes it."""

    def settle(self, nickname, source, pace_s=1.0, headers="", stays=False, says=""):
        self.nickname, self.pace_s, self.stays, self.says = nickname, pace_s, stays, says
        self.temper = "steady"
        self.line.source, self.line.headers = (source, 0), headers
        return self

    def __str__(self):
        return f"{self.nickname} ({type(self).__name__} {self.number})"

    def is_over(self):
        """Near the end all go home but those who stay for the last jobs."""
        return self.world.over or (self.world.at_the_end and not self.stays)

    def can_be_done(self, job, data):
        return is_good(job) and data == input_of(self.stage, job)

    async def call(self, path, body=None, method="POST"):
        began = time.monotonic()
        answer = await super().call(path, body, method)
        self.world.took(path.split("?")[0], time.monotonic() - began)
        return answer


class Loop(Honest, Reference):
    """v1's published loop."""

    async def think(self):
        await self.pause(0.8 * self.pace_s, 1.2 * self.pace_s)

    async def end(self, job, data):
        if self.can_be_done(job, data):
            await self.send(job, right(self.stage, job))
        else:
            self.ledger.letting_go(self, job)
            await self.insist("/api/flagInvalidData")


class Farm(Honest, SyncActor):
    """One worker with many slots, by sync."""

    def settle(self, *args, slots=64, **how):
        super().settle(*args, says=f"&slots={slots}", **how)
        self.slots = slots
        self.ripe = {}      # lease: (when it is done, the input)
        return self

    def take(self, job):
        super().take(job)
        self.ripe.setdefault(job["lease"], (time.monotonic() + self.pace_s * self.rng.uniform(0.8, 1.2), job["data"]))

    def report(self):
        fields = {"token": self.token, "progress": f"{len(self.hand)} in hand", "done": [], "flagged": []}
        for lease, job in list(self.hand.items()):
            when, data = self.ripe[lease]
            if when > time.monotonic() and not self.is_over():
                continue
            item = {"job": job, "lease": lease}
            self.ledger.letting_go(self, job)
            if self.can_be_done(job, data):
                self.ledger.sending(self, job, right(self.stage, job))
                fields["done"].append({**item, "data": right(self.stage, job)})
            else:
                fields["flagged"].append({**item, "reason": "no input of mine"})
            del self.hand[lease]
        return fields

    async def turn(self):
        fields = self.report()
        await self.sync({**fields, "want": self.slots - len(self.hand), "wait": 0, "holding": list(self.hand.values())})
        await self.pause(0.1, 0.3)

    async def sync(self, fields):
        answer = await super().sync(fields)
        if answer is None and not self.was_quiet:
            self.ledger.honest_deaths.append(f"{self}: was told that it is nobody")
        return answer

    async def bye(self):
        while self.hand:
            await self.sync({**self.report(), "want": 0})
        await super().bye()
