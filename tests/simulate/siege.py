"""
siege -- the same honest crowd with and without strangers among it, and what that costs it.

All arrive; for some seconds what honest workers bring is measured; the work runs out, all but v1's loops go home, and
these share what is left with the strangers. What strangers hold then, an operator takes from them by one ban, and
what they made is set aside by one undo.
"""
import asyncio
import contextlib
import dataclasses
import json
import os
import random
import subprocess
import sys
import time

from honest import Farm, Loop, given, input_of, is_good, right
from judge import credit_is_completions, nothing_is_left, no_honest_worker_died, the_laws
from ledger import Ledger
from stack import Stack
from strangers import NETWORKS
from world import World

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = {"project": "Siege", "stage_a": "Extract", "stage_b": "Filter", "retry_backoff": 1, "retry_backoff_max": 4,
            "idle_timeout": 20, "v1_patience": 5, "page_cache": 1}
ARRIVE_S = 3.0
AT_THE_END = 50         # jobs that the loops share
STUCK_S = 8.0           # without a result so long, or
END_S = 12.0            # when the end takes longer, strangers have what is left
PACE_S, SLOW_PACE_S = 1.0, 5.0


@dataclasses.dataclass
class Crowd:
    """How many of each: a cluster of one nickname behind one address, a farm's slots, slow ones, loops from all over."""
    cluster: int = 60
    slots: int = 64
    slow: int = 19
    loops: int = 100
    window_s: float = 30.0
    means: tuple = (256, 50)    # a hoarder's slots, a parker's calls
    hoarded: int = 1400     # jobs that strangers may have taken before the measuring is over

    def results_a_second(self):
        return (self.cluster + self.slots + self.loops) / PACE_S + self.slow / SLOW_PACE_S

    def jobs(self):
        """More than they can do while they are measured, each in two stages, whatever strangers hold."""
        return int(self.results_a_second() * (ARRIVE_S + self.window_s) * 1.1 / 2) + self.hoarded


FULL = Crowd()
SMALL = Crowd(cluster=12, slots=16, slow=4, loops=24, window_s=8.0, means=(24, 5), hoarded=100)


class Promises(Ledger):
    def __init__(self, inputs):
        super().__init__(inputs)
        self.measuring = False
        self.brought = 0

    def is_input(self, stage, job, data):
        """Of stage B anything may come: strangers have made some of it."""
        return stage == 2 or data == given(job)

    def answered(self, actor, job, data, status):
        super().answered(actor, job, data, status)
        self.brought += self.measuring and status == "accepted"


class Siege(World):
    def __init__(self, stack, seed, crowd, limit_s):
        super().__init__(stack, seed, 0, crowd.jobs(), crowd.window_s, SETTINGS["idle_timeout"], limit_s)
        self.crowd, self.key = crowd, None
        self.calm, self.at_the_end, self.banned = True, False, ""
        self.ledger = Promises(self.inputs)
        self.latencies = {}
        self.last_result = (0, 0.0)     # how many, and when the last was new
        self.ends = float("inf")

    @staticmethod
    def _input(n):
        return given(n)

    def took(self, path, seconds):
        if self.ledger.measuring:
            self.latencies.setdefault(path, []).append(seconds)

    def p99_ms(self, path):
        all_of_it = sorted(self.latencies.get(path, [0.0]))
        return 1000 * all_of_it[int(0.99 * (len(all_of_it) - 1))]

    # --- who lives in it ----------------------------------------------------------------------

    def _people(self):
        """(class, how it is settled) of each."""
        yield Farm, {"nickname": "farm", "source": "127.21.0.1", "slots": self.crowd.slots}
        for _ in range(self.crowd.cluster):
            yield Loop, {"nickname": "cluster", "source": "127.20.0.1"}
        for n in range(self.crowd.slow):
            yield Loop, {"nickname": f"slow {n}", "source": f"127.22.{n}.1", "pace_s": SLOW_PACE_S, **(
                {"nickname": "Ada", "headers": f"Authorization: Bearer {self.key}\r\n"} if n == 0 else {})}
        for n in range(self.crowd.loops):
            yield Loop, {"nickname": f"person {n}", "source": f"127.{30 + n // 200}.{n % 200}.1", "stays": True}

    def _begin(self, number, kind, how):
        """Whoever was told that all is done is started again by hand, as long as it is not."""
        actor = kind(self, number, random.Random(f"{self.seed}/{number}/{time.monotonic() if self.born > number else 0}"))
        actor.stage = 1 + number % 2
        actor.settle(**how)
        self.born = max(self.born, number + 1)
        task = asyncio.get_running_loop().create_task(actor.live())
        self.tasks.add(task)
        task.add_done_callback(lambda done: self._left(done, number, kind, how))

    def _left(self, task, number, kind, how):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.ledger.complain(f"an actor broke: {task.exception()!r}")
        if how.get("stays") and not self.over:
            self._begin(number, kind, how)

    # --- the course of it ---------------------------------------------------------------------

    async def _look(self):
        age = time.monotonic() - self.began
        self.ledger.measuring = ARRIVE_S < age < ARRIVE_S + self.chaos_s
        left, waiting, done = await self._ask(
            "select coalesce(sum(ready + retry + leased), 0)::int, coalesce(sum(ready + retry), 0)::int, coalesce(sum(done), 0)::int"
            " from tracker.read_counts()")
        if done != self.last_result[0]:
            self.last_result = (done, age)
        if not self.at_the_end and age > ARRIVE_S + self.chaos_s and waiting <= AT_THE_END:
            self.at_the_end, self.ends = True, age + END_S
            self.tell(f"the end: {waiting} wait, {left} are left")
        stuck = age > ARRIVE_S + self.chaos_s and (age - self.last_result[1] > STUCK_S or age > self.ends)
        if stuck and not self.banned:
            await self._ban(left)
        self.over = left == 0 or age > self.limit_s
        if left and self.over:
            self.ledger.complain(f"after {self.limit_s} s {left} were left to do, {done} done")

    async def _ban(self, left):
        self.at_the_end = True
        self.tell(f"strangers hold what is left ({left}): banned")
        self.banned = (await asyncio.to_thread(self.stack.run, "distcompute-admin", "ban", "--address", NETWORKS,
                                               "--reason", "you do no work")).stdout.strip()

    def run(self, besiegers):
        """besiegers: begin with the crowd, in a `with`."""
        self._deliver(self.jobs, append=False)
        self.key = self.stack.run("distcompute-admin", "person", "key", "add", "Ada").stdout.strip()
        with besiegers:
            asyncio.run(self._run())

    async def _run(self):
        self.began = time.monotonic()
        self.arrive_s = ARRIVE_S / 2
        for number, (kind, how) in enumerate(self._people()):
            self._begin(number, kind, how)
        await self._watch_and_part()


@contextlib.contextmanager
def strangers_at(stack, seed, means, got):
    """What their machines do is not ours to pay: they get what the servers leave. got is filled when they are gone."""
    process = subprocess.Popen(["nice", "-n", "19", sys.executable, os.path.join(HERE, "strangers.py"),
                                *map(str, (stack.http_port, seed, *means))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield
        said, _ = process.communicate("", timeout=60)
        got.update(json.loads(said))
    finally:
        process.kill()
        process.wait()


# --- what came of it --------------------------------------------------------------------------

def promises_are_kept(stack, world):
    have = set(stack.sql("select stage::int, job, data from tracker.output union select stage::int, job, data from tracker.refused_output"))
    for promise in sorted(world.ledger.promised - have)[:5]:
        yield f"acknowledged and not there: {promise}"


def no_job_is_lost(stack, world):
    for stage, job, reason in stack.sql("select stage::int, job, reason from tracker.failed order by job"):
        if is_good(job):
            yield f"stage {stage} job {job} failed, which honest workers could do: {reason}"


def no_good_result_is_withdrawn(stack, world):
    for stage, job, data, reason in stack.sql("select stage::int, job, data, reason from tracker.refused_output order by job"):
        if data == right(stage, job) and is_good(job):
            yield f"stage {stage} job {job}: a good result was set aside: {reason}"


def wrong_results(stack):
    return sum(not is_good(job) or data != right(stage, job) for stage, job, data in stack.sql("select stage::int, job, data from tracker.output"))


@dataclasses.dataclass
class Course:
    """One run: what honest workers brought a second, how long their calls took, and what strangers did."""
    seed: int
    with_strangers: bool
    wrong: list
    brought: float
    p99_ms: dict
    deaths: int
    lost: int
    withdrawn: int
    wrong_results: int
    wrong_after_undo: int
    got: dict
    story: list


def undo(stack):
    stack.run("distcompute-admin", "undo", "--address", NETWORKS, "--reason", "made by strangers", stdin="yes\n")


def besiege(seed, crowd, with_strangers, limit_s=240):
    """The course of one run on a stack of its own."""
    stack = Stack("siege", SETTINGS)
    try:
        stack.start()
        stack.mark_logs()
        world, got = Siege(stack, seed, crowd, limit_s), {}
        world.run(strangers_at(stack, seed, crowd.means, got) if with_strangers else contextlib.nullcontext())
        lost, withdrawn = list(no_job_is_lost(stack, world)), list(no_good_result_is_withdrawn(stack, world))
        wrong = [*world.ledger.wrong, *lost[:5], *withdrawn[:5]]
        for look in (the_laws, no_honest_worker_died, promises_are_kept, credit_is_completions, nothing_is_left):
            wrong += [f"{look.__name__}: {sentence}" for sentence in look(stack, world)]
        wrong += got.pop("broke", [])
        if got.get("impostor", {}).get("works as Ada"):
            wrong.append(f"somebody worked as Ada {got['impostor']['works as Ada']} times")
        before = wrong_results(stack)
        if before:
            undo(stack)
            wrong += [f"after the undo: {row}" for row in stack.broken_laws()]
        if wrong:
            wrong.append(stack.logs(20))
        return Course(seed, with_strangers, wrong, world.ledger.brought / crowd.window_s,
                      {path: world.p99_ms(path) for path in ("/api/newJob", "/api/completeJob", "/api/sync")},
                      len(world.ledger.honest_deaths), len(lost), len(withdrawn), before, wrong_results(stack), got,
                      [*world.story, (world.took_s, "over"), (world.stood_still_s, "stood still at most")])
    finally:
        stack.stop()


def tell(course):
    print(f"seed {course.seed}, {'with' if course.with_strangers else 'without'} strangers: honest workers brought {course.brought:.0f} results/s; p99 "
          + ", ".join(f"{path[5:]} {ms:.0f} ms" for path, ms in course.p99_ms.items()))
    print(f"  honest deaths {course.deaths}; jobs lost for good {course.lost}; good results withdrawn {course.withdrawn};"
          f" wrong results in the export {course.wrong_results}, after the undo {course.wrong_after_undo}")
    print("  " + ", ".join(f"{at:.1f} s {what}" for at, what in course.story))
    for kind, what in course.got.items():
        print(f"  {kind:14} " + ", ".join(f"{name} {count}" for name, count in sorted(what.items()) if count))
    for sentence in course.wrong:
        print(f"WRONG {sentence}")
