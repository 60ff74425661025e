"""
ledger -- what all workers together were told, and what may never be true of it.

made      {(stage, job): {data}}: every result that was ever sent
promised  {(stage, job, data)}: results that heard that they were taken
refused   {(stage, job, data)}: results that heard for certain that they were not
leases    {(stage, job, lease)}: hand-outs that came with a lease
honest_deaths   of v1 workers that did nothing wrong, and what they heard
holders   who has a job for all that the workers know; firmly, until its holder begins a call that may
          give it back, or is silent so long that the tracker may take it
"""
import collections
import time


class Holding:
    __slots__ = ("actor", "kept", "silences")

    def __init__(self, actor):
        self.actor = actor
        self.kept = True
        self.silences = actor.silences

    def is_firm(self):
        return self.kept and self.silences == self.actor.silences and self.actor.is_alive_for_sure()


class Ledger:
    def __init__(self, inputs):
        self.inputs = inputs            # {job: data} of stage 1
        self.made = collections.defaultdict(set)
        self.promised = set()
        self.refused = set()
        self.leases = set()
        self.holders = {}
        self.honest_deaths = []
        self.wrong = []
        self.suspects = []      # (stage, job) whose history the judge should tell
        self.calls = collections.Counter()      # (path, status)
        self.deeds = collections.Counter()

    def complain(self, what):
        if len(self.wrong) < 50:
            self.wrong.append(what)

    def handed(self, actor, job, data, lease=None):
        key = (actor.stage, job)
        before = self.holders.get(key)
        if before is not None and before.actor is not actor and before.is_firm():
            self.complain(f"stage {actor.stage} job {job}: handed to {actor} while {before.actor} holds it, "
                          f"heard {time.monotonic() - before.actor.heard:.1f} s ago")
            self.suspects.append(key)
        if not self.is_input(actor.stage, job, data):
            self.complain(f"stage {actor.stage} job {job}: its input is nobody's output: {data[:60]!r}")
        if lease is not None:
            self.leases.add((actor.stage, job, lease))
        self.holders[key] = Holding(actor)
        self.deeds["handed"] += 1

    def is_input(self, stage, job, data):
        return data == self.inputs.get(job) if stage == 1 else data in self.made[(stage - 1, job)]

    def letting_go(self, actor, job):
        """Before a call is sent that may end the holding."""
        holding = self.holders.get((actor.stage, job))
        if holding is not None and holding.actor is actor:
            holding.kept = False

    def sending(self, actor, job, data):
        self.letting_go(actor, job)
        self.made[(actor.stage, job)].add(data)

    def answered(self, actor, job, data, status):
        if status in ("accepted", "repeat"):
            self.promised.add((actor.stage, job, data))
        elif status == "fenced":
            self.refused.add((actor.stage, job, data))
        self.deeds[status] += 1
