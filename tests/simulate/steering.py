"""
steering -- an operator who delivers batches, and sets, pauses, resumes, cancels, hurries and renames them at random
while the crowd is at work, by the commands that an operator has.

After each act the batch is looked at. What was seen then holds until the next act begins (a `Spell`), and the judge
compares what was handed out meanwhile with it: of a paused or cancelled batch nothing, of one that needs something
nothing to who lacks it, of one with a rate no more than that. In the calm every pause ends and no need is left that
nobody has.
"""
import asyncio
import collections
import random
import subprocess
import time

import psycopg2

ADMIN = "distcompute-admin"
HAS = ["", "", "gpu", "gpu,ram32"]          # what workers have
NEEDS = ["", "", "gpu", "ram32", "gpu,ram32", "tape"]     # nobody has a tape
RATES = [0, 0, 300, 1200]
JOBS = (60, 300)        # of a delivery: a pause or a need must find some that were not handed out yet
PAUSE_S = (0.05, 0.3)   # between two acts
MURKY_S = 70            # an act that failed may still be waiting for the barrier
OPEN_MOST = 8           # the crowd should come round to all of them

# When what was seen held: seconds since 1970.
Spell = collections.namedtuple("Spell", "since until paused cancelled needs rate")


class Batch:
    def __init__(self, name, first, last):
        self.name, self.first, self.last = name, first, last
        self.spells = []
        self.seen = None        # (since, row), while it holds
        self.murky_until = 0.0
        self.cancelled = False

    def ends(self, now):
        """What was seen may change from now on."""
        if self.seen is not None:
            self.spells.append(Spell(self.seen[0], now, *self.seen[1]))
        self.seen = None


class Steering:
    def __init__(self, stack, seed):
        self.stack = stack
        self.rng = random.Random(f"{seed}/operator")
        self.world = None
        self.batches = []
        self.hurried = set()
        self.serial = 0
        self.acts = {"loaded": self.load, "set": self.set, "paused": self.pause, "resumed": self.resume,
                     "cancelled": self.cancel, "hurried": self.hurry, "renamed": self.rename}

    @property
    def deeds(self):
        return {f"batch {what}" for what in self.acts}

    # --- acts: answers whether it was done -------------------------------------------------------

    def _say(self, batch, *words):
        """One command; what comes of it is looked at."""
        batch.ends(time.time())
        try:
            done = self.stack.run(ADMIN, *words, check=False)
        except subprocess.TimeoutExpired:
            batch.murky_until = time.time() + MURKY_S
            return False
        if done.returncode != 0 and not self._is_refusal(done.stderr):
            batch.murky_until = time.time() + MURKY_S
            if self.world.faults is None:
                self.world.ledger.complain(f"distcompute-admin {words} ended with {done.returncode}: {done.stderr}")
        self._look(batch)
        return done.returncode == 0

    @staticmethod
    def _is_refusal(said):
        return any(words in said for words in ("paused already", "is not paused", "not wait", "is cancelled", "cancelled already"))

    def _look(self, batch):
        if time.time() < batch.murky_until:
            return
        try:
            ((name, *row),) = self.world.ask_alone(
                "select b.name, b.paused, b.cancelled, string_to_array(nullif(tracker.mask_words(b.needs), ''), ','),"
                " coalesce((select g.rate from tracker.gate g where g.stage = 1 and g.batch = b.batch), 0)"
                " from tracker.batch b where b.first = %s", batch.first)
        except psycopg2.Error:
            batch.murky_until = time.time() + MURKY_S
            return
        batch.name, batch.cancelled = name, row[1]
        row[2] = frozenset(row[2] or ())
        batch.seen = (time.time(), row)

    def _name(self):
        self.serial += 1
        return f"delivery {self.serial} {self.rng.choice(['', 'a/b', 'ü', '#?%41'])}".strip()

    def load(self, _):
        rng = self.rng
        try:
            ((waiting,),) = self.world.ask_alone("select count(*) from tracker.list_batches(false) l where l.waiting > 0")
        except psycopg2.Error:
            return False
        if waiting > OPEN_MOST:
            return False
        name, count = self._name(), rng.randint(*JOBS)
        # Mostly before what the world delivers by itself.
        options = ["--batch", name, "--priority", str(rng.randint(-20, 100)), "--needs", rng.choice(NEEDS),
                   "--rate", str(rng.choice(RATES)), *(["--paused"] if rng.random() < 0.2 else [])]
        first = self.world.deliver(count, options)
        if first is None:
            return False
        self.batches.append(Batch(name, first, first + count - 1))
        self._look(self.batches[-1])
        return True

    def set(self, batch):
        rng = self.rng
        words = [f"priority={rng.randint(-20, 100)}", f"needs={rng.choice(NEEDS)}", f"rate={rng.choice(RATES)}", "note=as it comes"]
        return self._say(batch, "batch", "set", batch.name, *rng.sample(words, rng.randint(1, len(words))))

    def pause(self, batch):
        return self._say(batch, "batch", "pause", batch.name, "--reason", "to see")

    def resume(self, batch):
        return self._say(batch, "batch", "resume", batch.name)

    def cancel(self, batch):
        return self.rng.random() < 0.4 and self._say(batch, "batch", "cancel", batch.name)

    def rename(self, batch):
        return self._say(batch, "batch", "rename", batch.name, self._name())

    def hurry(self, batch):
        jobs = [self.rng.randint(batch.first, batch.last) for _ in range(self.rng.randint(1, 3))]
        self.hurried.update(jobs)
        return self._say(batch, "hurry", *map(str, jobs))

    # --- all the time ----------------------------------------------------------------------------

    def _act(self):
        """Mostly to one of the latest, which have work."""
        name = self.rng.choice(list(self.acts))
        batch = self.rng.choice(self.batches[-3:] if self.rng.random() < 0.7 else self.batches) if self.batches else None
        if (batch is not None or name == "loaded") and self.acts[name](batch):
            self.world.ledger.deeds[f"batch {name}"] += 1

    def _let_go(self):
        """All that is held back may go on: what an act says, and what paused itself."""
        for (name,) in self.world.ask_alone("select name from tracker.batch where paused and not cancelled"):
            self.stack.run(ADMIN, "batch", "resume", name, check=False)
        for (name,) in self.world.ask_alone(
                "select distinct b.name from tracker.batch b left join tracker.gate g on g.batch = b.batch and g.stage = 1"
                " left join tracker.word w on w.word = 'tape' and b.needs >> w.bit & 1 = 1"
                " where not b.cancelled and (g.rate is not null or w.word is not null)"):
            self.stack.run(ADMIN, "batch", "set", name, "rate=0", "needs=", check=False)

    async def go_on(self, world):
        self.world = world
        while not (world.calm or world.over):
            await asyncio.sleep(self.rng.uniform(*PAUSE_S))
            await asyncio.to_thread(self._act)
        for batch in self.batches:
            batch.ends(time.time())
        while not world.over:
            try:
                await asyncio.to_thread(self._let_go)
            except (psycopg2.Error, subprocess.TimeoutExpired):
                if world.faults is None:
                    raise
            await asyncio.sleep(0.5)


# --- what must be true in the end ------------------------------------------------------------

def _begun(stack, batch):
    """(stage, job, begun, words of the worker) of each result of a batch, also of those that were refused since."""
    return stack.sql(
        "select o.stage, o.job, extract(epoch from o.started)::float8, coalesce(w.words, '{}')"
        " from (select stage, job, worker, started from tracker.output where job between %s and %s"
        "  union all select stage, job, worker, started from tracker.refused_output where job between %s and %s) o"
        " join tracker.worker w on w.id = o.worker",
        batch.first, batch.last, batch.first, batch.last)


def nothing_is_handed_out_against_the_operators_word(stack, world):
    for batch in world.steering.batches if world.steering else ():
        for stage, job, begun, words in _begun(stack, batch):
            for spell in batch.spells:
                if not spell.since < begun < spell.until:
                    continue
                if spell.paused or spell.cancelled:
                    yield f"{batch.name}: stage {stage} job {job} was handed out while it was {'paused' if spell.paused else 'cancelled'}"
                elif not spell.needs <= set(words):
                    yield f"{batch.name}: stage {stage} job {job} needs {set(spell.needs)}, and went to who has {words}"


def rates_hold(stack, world):
    """Of work that nobody had before: a burst of a second or one job, then one after the other."""
    for batch in world.steering.batches if world.steering else ():
        again = {job for (job,) in stack.sql("select job from tracker.strike where stage = 1 and job between %s and %s",
                                             batch.first, batch.last)} | world.steering.hurried
        begun = [at for stage, job, at, _ in _begun(stack, batch) if stage == 1 and job not in again]
        for spell in batch.spells:
            if spell.rate:
                count = sum(spell.since < at < spell.until for at in begun)
                most = max(1, spell.rate / 60) + (spell.until - spell.since) * spell.rate / 60 + 1
                if count > most:
                    yield (f"{batch.name}: {count} jobs in {spell.until - spell.since:.1f} s at {spell.rate} a minute")


def every_batch_is_counted(stack, world):
    """Its numbers, from the rows themselves: what is not done or failed of a cancelled one is cancelled, and of others nothing is."""
    rows = stack.sql("""
        select b.name, q.stage, q.ready + q.retry + q.leased, q.done, q.failed, q.cancelled, b.cancelled,
            (select count(*) from tracker.output o where o.stage = q.stage and o.job between b.first and b.last),
            (select count(*) from tracker.failed f where f.stage = q.stage and f.job between b.first and b.last),
            case when q.stage = 1 then b.last - b.first + 1 else (
                select count(*) from tracker.output o where o.stage = q.stage - 1 and o.job between b.first and b.last) end
        from tracker.read_batches(null) q join tracker.batch b on b.batch = q.batch""")
    for name, stage, left, done, failed, cancelled, is_cancelled, outputs, dead, fed in rows:
        if (done, failed) != (outputs, dead) or left or cancelled != (fed - outputs - dead if is_cancelled else 0):
            yield (f"{name}, stage {stage}: of {fed} it counts {left} left, {done} done, {failed} failed, {cancelled} cancelled;"
                   f" there are {outputs} done, {dead} failed")


LAWS = (nothing_is_handed_out_against_the_operators_word, rates_hold, every_batch_is_counted)
