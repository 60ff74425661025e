"""
Batches as an operator steers them: what distcompute-admin says and does, and what workers then get.
"""
import json
import time

import pytest

from client import Client, NoJob
from waiting import Later, eventually

ADMIN, LOAD = "distcompute-admin", "distcompute-load"


def load(stack, text, *options):
    return stack.run(LOAD, "--append", "--quiet", "-", *options, stdin=text)


def batch(stack, *words, check=True):
    return stack.run(ADMIN, "batch", *words, check=check)


def listed(stack, *options):
    rows = [json.loads(line) for line in batch(stack, "--json", *options).stdout.splitlines()]
    return {row["name"]: row for row in rows}


def test_the_list_tells_whose_turn_it_is_and_how_far_each_is(fresh):
    load(fresh, "a\nb\nc\n", "--batch", "March")
    load(fresh, "u\n", "--batch", "urgent", "--priority", "10", "--note", "for Ann")
    load(fresh, "p\n", "--batch", "later", "--paused")
    w = Client(fresh)
    assert w.get_job() == "u"
    w.complete("r")
    assert w.get_job() == "a"
    rows = listed(fresh)
    assert list(rows) == ["urgent", "March", "later"]
    assert rows["urgent"] == {
        "name": "urgent", "priority": 10, "state": "open", "jobs": 1, "waiting": 1, "in_hand": 0, "failed": 0, "cancelled": 0,
        "per_minute": rows["urgent"]["per_minute"], "eta_s": rows["urgent"]["eta_s"], "note": "for Ann", "stages": [
            {"stage": "a", "ready": 0, "retry": 0, "leased": 0, "done": 1, "failed": 0, "cancelled": 0},
            {"stage": "b", "ready": 1, "retry": 0, "leased": 0, "done": 0, "failed": 0, "cancelled": 0}]}
    assert rows["urgent"]["per_minute"] in (0, 1)  # one in a minute, or in nearly two
    assert (rows["March"]["waiting"], rows["March"]["in_hand"]) == (2, 1)
    assert rows["later"]["state"] == "paused"
    text = batch(fresh).stdout.splitlines()
    assert text[0].split()[:3] == ["name", "priority", "state"] and text[1].startswith("urgent")
    assert "A 1 B 0" in text[1]


def test_an_urgent_batch_goes_first_and_a_cancelled_one_no_more(fresh):
    load(fresh, "a\nb\nc\n", "--batch", "slow")
    load(fresh, "x\ny\n", "--batch", "quick")
    w, other = Client(fresh), Client(fresh)
    assert w.get_job() == "a"
    assert "before" in batch(fresh, "set", "quick", "priority=5", "note=at once").stdout
    assert other.get_job() == "x"
    assert "2 jobs are cancelled, for good" in batch(fresh, "cancel", "slow").stdout
    w.complete("r")  # in hand: taken, and counted
    assert w.get_job() == "y"
    rows = listed(fresh, "--all")
    assert (rows["slow"]["state"], rows["slow"]["cancelled"], rows["slow"]["stages"][0]["done"]) == ("cancelled", 3, 1)
    assert (rows["quick"]["priority"], rows["quick"]["note"]) == (5, "at once")
    said = fresh.run(ADMIN, "audit").stdout
    assert 'batch "slow"' in said and "cancel" in said and "set" in said


def test_a_resumed_batch_wakes_who_waits_for_work(fresh, fleet):
    load(fresh, "a\n", "--batch", "one")
    batch(fresh, "pause", "one", "--reason", "the site is down")
    assert listed(fresh)["one"]["state"] == "paused: the site is down"
    f = fleet()
    assert f.sync(want=1, wait=0)["jobs"] == []
    call = Later(f.beside().sync, want=1, wait=30)
    eventually(lambda: "1" in fresh.one("select count(*)::text from tracker.worker where asked_at > now() - interval '5 s'"),
               what="it asks")
    began = time.monotonic()
    batch(fresh, "resume", "one")
    assert len(call.result(30)["jobs"]) == 1
    assert time.monotonic() - began < 20


def test_a_stage_of_which_all_is_cancelled_is_over_for_v1(fresh):
    load(fresh, "a\nb\n", "--batch", "wrong")
    w, other = Client(fresh), Client(fresh)
    assert w.get_job() == "a"
    batch(fresh, "cancel", "wrong")
    w.complete("r")
    with pytest.raises(NoJob):
        other.get_job()
    assert other.job_count() == 0
    with pytest.raises(NoJob):
        Client(fresh, "b").get_job()


def test_failed_and_requeue_of_one_batch(fresh, fleet):
    load(fresh, "a\n", "--batch", "one")
    load(fresh, "b\n", "--batch", "two")
    fresh.sql("update tracker.policy set max_attempts = 1")
    try:
        f = fleet()
        jobs = f.take_all(2)
        for job in jobs:
            f.give("failed", job, reason="disk full")
    finally:
        fresh.sql("update tracker.policy set max_attempts = 10")
    said = fresh.run(ADMIN, "failed", "--batch", "two", "--json").stdout.splitlines()
    assert [json.loads(line)["job"] for line in said] == [2]
    assert "1 put back" in fresh.run(ADMIN, "requeue", "--stage", "a", "--batch", "two").stdout
    assert listed(fresh)["two"]["waiting"] == 1
    for words in (["failed", "--batch", "three"], ["requeue", "--batch", "three"]):
        done = fresh.run(ADMIN, *words, check=False)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and 'there is no batch "three"' in done.stderr


@pytest.mark.parametrize("words,status", [
    (["cancel", "nobody"], 1), (["cancel", ""], 1), (["cancel", "x" * 5000], 1), (["pause", "a\nb"], 1), (["pause", "\u202eabc"], 1),
    (["rename", "one", "two"], 1), (["rename", "one", ""], 1), (["rename", "one", "y" * 201], 1), (["rename", "one", "a\nb"], 64),
    (["rename", "one", "\u202eabc"], 64), (["set", "one", "priority=101"], 64), (["set", "one", "priority="], 64),
    (["set", "one", "colour=red"], 64), (["set", "one"], 64), (["set", "one", "note=a\nb"], 64), (["set", "one", "note=" + "z" * 201], 1),
    (["resume", "one"], 1), (["nonsense", "one"], 64), (["pause"], 64), (["cancel", "one", "two"], 64)])
def test_what_cannot_be_is_said_in_a_line(fresh, words, status):
    load(fresh, "a\n", "--batch", "one")
    load(fresh, "b\n", "--batch", "two")
    done = batch(fresh, *words, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    assert done.stdout == "" and done.stderr.startswith("distcompute-admin")
    assert done.stderr.count("\n") == 1 and "\u202e" not in done.stderr
    assert [row["state"] for row in listed(fresh).values()] == ["open", "open"]


@pytest.mark.parametrize("options", [["--priority", "101"], ["--priority", "x"], ["--note", "a\nb"], ["--note", "x" * 201]])
def test_a_load_refuses_what_cannot_be_before_it_reads(fresh, options):
    done = fresh.run(LOAD, "--append", "-", *options, stdin="x\n", check=False)
    assert done.returncode == 64
    assert fresh.one("select count(*) from tracker.batch") == 0
