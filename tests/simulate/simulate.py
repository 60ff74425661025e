#!/usr/bin/python3
"""
simulate -- thousands of simulated workers against the real stack, then the tables are judged.

Some are slow, die, hang up in the middle of a call, repeat calls, report late, flag wrongly; some speak
the older API, some /api/sync. The same seed gives the same crowd.

    tests/simulate/simulate.py                                  # 1,000 workers, 5,000 jobs
    tests/simulate/simulate.py --workers 3000 --jobs 50000 --chaos 120 --seed 7
    tests/simulate/simulate.py --workers 500 --faults --chaos 600   # and so do the servers: faults.py
    tests/simulate/simulate.py --workers 100 --steered              # an operator steers batches: steering.py
    tests/simulate/simulate.py --hostile --seeds 3                  # what strangers cost the others: siege.py
"""
import argparse
import contextlib
import dataclasses
import json
import os
import resource
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from faults import NAMES, Faults  # noqa: E402
import siege  # noqa: E402
from judge import judge  # noqa: E402
from stack import Stack  # noqa: E402
from steering import Steering  # noqa: E402
from world import World  # noqa: E402

SETTINGS = {"project": "Simulation", "stage_a": "Extract", "stage_b": "Filter", "processes": 2,
            "newcomers_most": 1000000, "retry_backoff": 1, "retry_backoff_max": 2, "max_attempts": 30, "flag_limit": 3}


# What a run must have seen to be worth it.
VICES = {"died", "late", "accepted", "fenced", "handed"}


def all_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def simulate(seed, workers, jobs, chaos_s, limit_s, faults=False, steered=False):
    """(what is wrong, the world) of one run on a stack of its own."""
    all_files()
    # Long enough that on a busy machine only those are timed out who mean to be.
    idle_s = max(6 if faults else 4, workers // 100)
    stack = Stack("simulate", {**SETTINGS, "idle_timeout": idle_s})
    try:
        stack.start()
        with contextlib.ExitStack() as mended:
            # Of ten minutes of chaos, a minute at a time.
            row = mended.enter_context(Faults(stack, seed, min(60, max(3, chaos_s / 10))).prepared()) if faults else None
            steering = Steering(stack, seed) if steered else None
            wanted = (NAMES if faults else VICES) | (steering.deeds if steered else set())
            world = World(stack, seed, workers, jobs, chaos_s, idle_s, limit_s, row, wanted, steering)
            world.run()
        wrong = judge(stack, world)
        if wrong:
            wrong += [f"what happened: {', '.join(f'{at:.1f} s {what}' for at, what in world.story)}", stack.logs(20)]
        return wrong, world
    finally:
        stack.stop()


def tell(world):
    ledger = world.ledger
    print(f"seed {world.seed}: {world.born} workers, {sum(ledger.calls.values())} calls in {world.took_s:.1f} s")
    for (path, status), count in sorted(ledger.calls.items(), key=str):
        print(f"  {count:8} {path} {status}")
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(ledger.deeds.items())))
    print(f"  honest v1 workers that died: {len(ledger.honest_deaths)}; the crowd itself stood still for {world.stood_still_s:.1f} s"
          f" at most, load {os.getloadavg()[0]:.1f}")


LEAST = 0.8     # of what honest workers bring without strangers


def hostile(seeds, to):
    """Each seed without strangers and with them, in turn; all figures as JSON into the file `to`."""
    all_files()
    pairs = []
    for seed in seeds:
        quiet, beside = [siege.besiege(seed, siege.FULL, with_strangers) for with_strangers in (False, True)]
        siege.tell(quiet)
        siege.tell(beside)
        print(f"seed {seed}: with strangers {beside.brought / quiet.brought:.2f} of without", flush=True)
        pairs.append((quiet, beside))
    ratio = statistics.median(beside.brought / quiet.brought for quiet, beside in pairs)
    wrong = sum(len(course.wrong) for pair in pairs for course in pair)
    print(f"median {ratio:.2f}, goal {LEAST}; {wrong} things are wrong")
    if to:
        with open(to, "w") as f:
            json.dump([[dataclasses.asdict(course) for course in pair] for pair in pairs], f)
    return 1 if wrong or ratio < LEAST else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--chaos", type=float, default=30, metavar="SECONDS", help="until vices rest")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="until the run has failed")
    parser.add_argument("--faults", action="store_true", help="meanwhile the servers die, refuse and forget")
    parser.add_argument("--steered", action="store_true", help="meanwhile an operator delivers, sets, pauses, cancels: steering.py")
    parser.add_argument("--hostile", action="store_true",
                        help="instead, 200 workers of which 20 are hostile, beside the same without them: siege.py")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="with --hostile: so many, from --seed on; the median counts")
    parser.add_argument("--json", metavar="FILE", help="with --hostile: write all figures there")
    args = parser.parse_args()
    if args.hostile:
        return hostile(range(args.seed, args.seed + args.seeds), args.json)
    wrong, world = simulate(args.seed, args.workers, args.jobs, args.chaos, args.limit, args.faults, args.steered)
    tell(world)
    for sentence in wrong:
        print(f"WRONG {sentence}")
    print("everything holds" if not wrong else f"{len(wrong)} things are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
