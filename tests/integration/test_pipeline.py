"""From the first load to the last export: whole lives of jobs, by both protocols."""
import json

import pytest

from client import Client, Fleet, NoJob
from waiting import Later


def run_worker(stack, stage, work, nickname="anonymous"):
    """A published client's main loop until nothing is left; returns what it did."""
    client = Client(stack, stage, nickname)
    did = 0
    while True:
        try:
            data = client.get_job()
        except NoJob:
            return did
        client.complete(work(data))
        did += 1


def exported(stack, stage):
    return [json.loads(line) for line in stack.run("distcompute-export", "--stage", stage).stdout.splitlines()]


def test_two_stage_life_to_the_end(fresh):
    fresh.load([{"n": i} for i in range(40)])
    first = [Later(run_worker, fresh, "a", lambda d: [d["n"], d["n"] ** 2], "Ada") for _ in range(3)]
    assert sum(w.result() for w in first) == 40
    assert fresh.counts()["a"]["done"] == 40
    second = [Later(run_worker, fresh, "b", lambda d: f"{d[0]} squared is {d[1]}", "Bob") for _ in range(3)]
    assert sum(w.result() for w in second) == 40
    rows = exported(fresh, "b")
    assert [r["job"] for r in rows] == list(range(1, 41))
    assert [r["output"] for r in rows] == [f"{i} squared is {i * i}" for i in range(40)]
    counts = fresh.counts()
    for stage in "ab":
        assert {k: int(counts[stage][k]) for k in ("ready", "retry", "leased", "done", "failed")} == {
            "ready": 0, "retry": 0, "leased": 0, "done": 40, "failed": 0}


def test_five_stage_life_to_the_end(five):
    five.load([str(i) for i in range(10)])
    for stage in "abcde":
        assert run_worker(five, stage, lambda d, s=stage: d + s) == 10
    assert [r["output"] for r in exported(five, "e")] == [f"{i}abcde" for i in range(10)]
    assert {stage: int(row["done"]) for stage, row in five.counts().items()} == dict.fromkeys("abcde", 10)


def test_five_stages_have_their_names(five):
    names = [Client(five, stage).stage_name for stage in "abcde"]
    assert names == ["One", "Two", "Three", "Four", "Five"]


def test_a_refusal_at_the_last_stage_walks_back_one_stage_at_a_time(five):
    five.load(["x"])
    for stage in "abcd":
        assert run_worker(five, stage, lambda d: d + stage) == 1
    for _ in range(5):
        five.sql("update tracker.retry set due = now()")
        flagger = Client(five, "e")
        flagger.get_job()
        flagger.flag()
    done = {stage: int(row["done"]) for stage, row in five.counts().items()}
    assert done == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 0}
    five.sql("update tracker.retry set due = now()")
    assert run_worker(five, "d", lambda d: d + "D") == 1
    assert run_worker(five, "e", lambda d: d + "E") == 1
    assert [r["output"] for r in exported(five, "e")] == ["xabcDE"]


def test_both_protocols_share_one_pipeline(fresh):
    fresh.load([f"j{i}" for i in range(20)])
    fleet = Fleet(fresh, "a")
    client = Client(fresh, "a")
    seen = []
    for _ in range(5):
        jobs = fleet.take(3)
        fleet.sync(done=[{"job": j["job"], "lease": j["lease"], "data": {"by": "fleet"}} for j in jobs])
        client.get_job()
        seen.append(client.number)
        client.complete({"by": "client"})
    by = [r["output"]["by"] if isinstance(r["output"], dict) else json.loads(r["output"][len("<!json!>"):])["by"]
          for r in exported(fresh, "a")]
    assert by.count("fleet") == 15 and by.count("client") == 5


def test_an_idle_worker_gets_work_that_is_appended(fresh):
    client = Client(fresh, "a")
    with pytest.raises(NoJob):
        client.get_job()
    fresh.load(["later"], append=True)
    assert client.get_job() == "later"
