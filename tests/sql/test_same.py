"""The quick functions leave behind what the long ones do: several workers, people, stages and a history.

One random life is lived twice, once each way, and everything that it leaves is compared: the answers, the
workers' rows, results, strikes, counts by stage and credit by person and stage.
"""

import random
import uuid

import pytest

from house import Ask, Item, Worker

PEOPLE = ("Ada", "Bob", "Eve")


def settled(house):
    house.settle("One", "Two", "Three")
    house.load(40)
    house.backoff_s = house.backoff_max_s = 0
    # The quick way goes by token; so must the long one, or each gets another one's job.
    workers = [Worker(uuid.UUID(int=n + 1), f"quiet-otter-{n}", 1 + n % 3, PEOPLE[n % 2 + n % 5 // 4])
               for n in range(15)]
    for w, row in zip(workers, house.open(workers)):
        w.id = row.worker
    return workers


def turn(rnd, house, workers, told):
    """One bundle of one kind, and what was answered, by who they are (their number, not their id)."""
    stage = rnd.choice((1, 1, 2, 3))
    among = sorted(rnd.sample([n for n, w in enumerate(workers) if w.stage == stage], rnd.randint(1, 4)))
    what = rnd.choice(("claim", "claim", "claim", "complete", "complete", "complete", "again", "touch", "flag"))
    if what == "claim":
        rows = house.claim([Ask(workers[n].token, v1=True) for n in among])
        return [(what, among[r.item - 1], r.status, r.job, r.attempt, r.data) for r in sorted(rows)]
    if what == "complete":
        datas = {n: f"{rnd.choice('xyz')} of {n}" for n in among}
        told.update(datas)
        rows = house.complete([Item(workers[n].token, data=datas[n]) for n in among])
        return [(what, among[r.item - 1], r.status, r.stage) for r in rows]
    if what == "again":
        rows = house.complete([Item(workers[n].token, data=told.get(n, "")) for n in among])
        return [(what, among[r.item - 1], r.status, r.stage) for r in rows]
    if what == "flag":
        return [(what, among[0], house.flag(workers[among[0]]).status)]
    house.touch(*[workers[n] for n in among])
    return []


def left_behind(house, workers):
    number = {w.id: n for n, w in enumerate(workers)}
    rows = [house.row(w) for w in workers]
    return {
        "workers": [(r.done, r.struck, r.held_job, r.held_lease is None, r.asked_kind, r.repeats, r.last_kind,
                     r.last_job, r.last_hash, bytes(r.recent), r.claimed_at > r.created) for r in rows],
        "results": [(r.stage, r.job, number[r.worker], r.nickname, r.attempt, r.data) for r in house.rows(
            "select o.*, p.nickname from tracker.output o join tracker.person p on p.id = o.person order by 1, 2")],
        "hand": [(r.stage, r.job, number[r.worker], r.attempt, r.flagged)
                 for r in house.rows("select * from tracker.lease order by 1, 2")],
        "strikes": sorted((r.stage, r.job, number[r.worker], r.kind)
                          for r in house.rows("select * from tracker.strike")),
        "counts": [tuple(r) for r in house.rows("select * from tracker.read_counts()")],
        "credit": [tuple(r) for r in house.rows(
            "select p.nickname, c.stage, sum(c.done) as done, sum(c.withdrawn) as withdrawn from tracker.credit c"
            " join tracker.person p on p.id = c.person group by 1, 2 order by 1, 2")],
    }


@pytest.mark.parametrize("seed", range(4))
def test_one_life_lived_both_ways_leaves_the_same_behind(house, seed):
    left = []
    for quick in (True, False):
        house.rows("select tracker.reset_jobs()")
        house.empty()
        house.hints = [0] * 15
        house.quick = quick
        rnd, told = random.Random(seed), {}
        workers = settled(house)
        answers = [turn(rnd, house, workers, told) for _ in range(120)]
        left.append({"answers": answers, **left_behind(house, workers)})
        assert house.broken_laws() == []
    for what, quick in left[0].items():
        assert quick == left[1][what], what
    assert len(left[0]["results"]) > 10
