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
        "per_minute": rows["urgent"]["per_minute"], "eta_s": rows["urgent"]["eta_s"], "needs": "", "rate": 0, "note": "for Ann", "stages": [
            {"stage": "a", "ready": 0, "retry": 0, "leased": 0, "done": 1, "failed": 0, "cancelled": 0},
            {"stage": "b", "ready": 1, "retry": 0, "leased": 0, "done": 0, "failed": 0, "cancelled": 0}]}
    assert rows["urgent"]["per_minute"] in (0, 1)  # one in a minute, or in nearly two
    assert (rows["March"]["waiting"], rows["March"]["in_hand"]) == (2, 1)
    assert rows["later"]["state"] == "paused"
    text = batch(fresh).stdout.splitlines()
    assert text[0].split()[:3] == ["name", "priority", "state"] and text[1].startswith("urgent")
    assert "A 1 B 0" in text[1]
    batch(fresh, "set", "later", "needs=gpu,ram32", "rate=600")
    later = listed(fresh)["later"]
    assert (later["needs"], later["rate"]) == ("gpu, ram32", 600)
    text = batch(fresh).stdout.splitlines()
    assert "at most" in text[0] and "gpu, ram32" in text[3] and "600" in text[3]
    (job,) = [json.loads(line) for line in fresh.run(ADMIN, "job", "5", "--json").stdout.splitlines()]
    assert job["batch"] == [{"name": "later", "priority": 0, "state": "paused", "needs": "gpu, ram32", "note": ""}]
    assert "later" in fresh.run(ADMIN, "job", "5").stdout


def test_what_takes_an_act_back_is_told_whole_however_long_a_name_is(fresh):
    load(fresh, "a\n", "--batch", "ü" * 200, "--note", "é" * 200)
    assert "note='" + "é" * 200 + "'" in batch(fresh, "set", "ü" * 200, "note=short").stdout
    was, back = batch(fresh, "rename", "ü" * 200, "one").stdout.split(" before; ")
    assert was == "renamed; it was " + "ü" * 200
    assert back.startswith("taken back by: ") and back.endswith(" batch rename -- 'one' '" + "ü" * 200 + "'\n")


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


def test_why_a_batch_is_cancelled_is_kept(fresh):
    load(fresh, "a\n", "--batch", "one")
    load(fresh, "b\n", "--batch", "two")
    batch(fresh, "cancel", "one", "--reason", "wrong inputs")
    batch(fresh, "cancel", "two")
    assert fresh.sql("select target, details from tracker.audit where act = 'cancel' order by id") == [
        ('batch "one"', {"why": "wrong inputs"}), ('batch "two"', {})]


def test_of_a_cancelled_batch_nothing_is_set_but_its_note(fresh):
    load(fresh, "a\n", "--batch", "one")
    batch(fresh, "cancel", "one")
    words = fresh.one("select count(*) from tracker.word")
    for wish in ("priority=5", "needs=gpu", "rate=3", "needs=", "rate=0"):
        done = batch(fresh, "set", "one", "note=why", wish, check=False)
        assert done.returncode == 1 and "it is cancelled: there is nothing to set but its note" in done.stderr
    batch(fresh, "set", "one", "note=for Ann")
    assert listed(fresh, "--all")["one"]["note"] == "for Ann"
    assert (fresh.one("select count(*) from tracker.word"), fresh.one("select count(*) from tracker.gate")) == (words, 0)


@pytest.mark.parametrize("words,status", [
    (["cancel", "nobody"], 1), (["cancel", ""], 1), (["cancel", "x" * 5000], 1), (["pause", "a\nb"], 1), (["pause", "\u202eabc"], 1),
    (["rename", "one", "two"], 1), (["rename", "one", ""], 1), (["rename", "one", "y" * 201], 1), (["rename", "one", "a\nb"], 64),
    (["rename", "one", "\u202eabc"], 64), (["set", "one", "priority=101"], 64), (["set", "one", "priority="], 64),
    (["set", "one", "colour=red"], 64), (["set", "one"], 64), (["set", "one", "priority=1", "note=x", "priority=2"], 64), (["set", "one", "note=a\nb"], 64), (["set", "one", "note=" + "z" * 201], 64), (["set", "one", "note=a\u202eb"], 64), (["set", "one", "rate=5", "note=a\x1b[31m"], 64),
    (["pause", "one", "--reason", "a\nb"], 64), (["pause", "one", "--reason", "x" * 201], 64), (["pause", "one", "--reason", "a\u202eb"], 64),
    (["rename", "one", " y"], 1), (["rename", "one", "\u00a0y"], 1), (["rename", "one", "y\u3000"], 1), (["rename", "one", "y "], 1), (["rename", "one", "../.."], 1),
    (["resume", "one"], 1), (["nonsense", "one"], 64), (["pause"], 64), (["cancel", "one", "two"], 64),
    (["cancel", "one", "--reason", "a\u202eb"], 64), (["rename", "one", "three", "--reason", "x"], 64), (["set", "one", "priority=1", "--reason", "x"], 64),
    (["resume", "one", "--reason", "x"], 64), (["--reason", "x"], 64)])
def test_what_cannot_be_is_said_in_a_line(fresh, words, status):
    load(fresh, "a\n", "--batch", "one")
    load(fresh, "b\n", "--batch", "two")
    done = batch(fresh, *words, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    assert done.stdout == "" and done.stderr.startswith("distcompute-admin")
    assert done.stderr.count("\n") == 1 and "\u202e" not in done.stderr
    assert [row["state"] for row in listed(fresh).values()] == ["open", "open"]
    assert fresh.one("select count(*) from tracker.audit") == fresh.one("select count(*) from tracker.gate") == 0


@pytest.mark.parametrize("words", [
    ["send-back", "1", "--stage", "a"], ["give-back", "1", "--stage", "a"], ["undo", "--person", "Ada"], ["ban", "--person", "Ada"]])
def test_a_reason_is_one_line_whoever_hears_it(fresh, words):
    for reason in ("x" * 201, "a\nb", "a\x1b[31mb", "a\u202eb"):
        done = fresh.run(ADMIN, *words, "--reason", reason, check=False)
        assert done.returncode == 64 and "one line of at most 200 characters" in done.stderr
        assert done.stderr.count("\n") == 1 and "\u202e" not in done.stderr and "\x1b" not in done.stderr


def test_jobs_are_hurried_wherever_they_wait(fresh, fleet):
    load(fresh, "a\nb\nc\n", "--batch", "first", "--priority", "50")
    load(fresh, "x\ny\nz\n", "--batch", "last")
    fresh.run(ADMIN, "hurry", "4")
    f = fleet()
    (job,) = f.sync(want=1)["jobs"]
    assert job["job"] == 4
    f.give("done", job, data="r")
    done = fresh.run(ADMIN, "hurry", "6", "4", "2", "99", "2", check=False)
    assert done.returncode == 1 and "1 of the 4 does not wait" in done.stderr
    assert done.stdout.splitlines()[0].startswith("stage A: 2 jobs go before every batch")
    assert done.stdout.splitlines()[1].startswith("stage B: 1 job goes before every batch")
    assert sorted(j["job"] for j in f.sync(want=2)["jobs"]) == [2, 6]
    page = fresh.run(ADMIN, "job", "4").stdout
    assert "infinity" not in page and "infinity" not in fresh.run(ADMIN, "job", "4", "--json").stdout


def test_a_whole_batch_is_sent_back_and_that_can_be_taken_back(fresh):
    load(fresh, "a\nb\n", "--batch", "one")
    load(fresh, "c\n", "--batch", "two")
    w = Client(fresh)
    for _ in range(3):
        w.complete("r" + w.get_job())
    for words in (["send-back", "--stage", "a"], ["send-back", "1", "--batch", "one", "--stage", "a"], ["send-back", "--batch", "one"]):
        assert fresh.run(ADMIN, *words, "--reason", "x", check=False).returncode == 64
    said = fresh.run(ADMIN, "send-back", "--batch", "one", "--stage", "a", "--reason", "wrong release").stdout
    assert "undo" in said
    assert fresh.sql("select job from tracker.output") == [(3,)]
    undo = fresh.one("select id::text from tracker.audit where act = 'undo'")
    fresh.run(ADMIN, "undo", "--back", undo)
    assert fresh.sql("select job from tracker.output order by 1") == [(1,), (2,), (3,)]


def test_an_undo_of_a_cancelled_batch_can_be_taken_back(fresh):
    load(fresh, "a\nb\nc\n", "--batch", "wrong")
    w, b = Client(fresh), Client(fresh, "b")
    for _ in range(2):
        w.complete("r" + w.get_job())
    b.complete("s" + b.get_job())
    batch(fresh, "cancel", "wrong")
    fresh.run(ADMIN, "undo", "--batch", "wrong", "--reason", "x")
    rows = listed(fresh, "--all")["wrong"]
    assert (rows["state"], rows["cancelled"], rows["waiting"]) == ("cancelled", 3, 0)
    fresh.run(ADMIN, "undo", "--back", fresh.one("select id::text from tracker.audit where act = 'undo'"))
    rows = listed(fresh, "--all")["wrong"]
    assert [stage["done"] for stage in rows["stages"]] == [2, 1] and rows["cancelled"] == 2
    assert fresh.broken_laws() == []
    with pytest.raises(NoJob):
        Client(fresh).get_job()


def test_a_batch_is_exported_alone_and_followed(fresh):
    load(fresh, "a\nb\n", "--batch", "one")
    load(fresh, "c\nd\n", "--batch", "two")
    w = Client(fresh)
    for _ in range(3):
        w.complete("r" + w.get_job())
    place = f"{fresh.state}/place"
    def export(*words, check=True):
        done = fresh.run("distcompute-export", "--stage", "a", *words, check=check)
        return [json.loads(line)["job"] for line in done.stdout.splitlines()] if check else done
    assert export("--batch", "one") == [1, 2]
    assert export("--batch", "two", "--state", place) == [3]
    assert export("--batch", "one", "--after", "1") == [2]
    fresh.run(ADMIN, "send-back", "1", "--stage", "a", "--reason", "x")
    for _ in range(2):
        w.complete("again " + w.get_job())
    batch(fresh, "rename", "two", "second")
    assert export("--batch", "second", "--state", place) == [4]
    refused = export("--batch", "one", "--state", place, check=False)
    assert refused.returncode == 1 and "another project, stage or batch" in refused.stderr
    assert export("--state", place, check=False).returncode == 1
    missing = export("--batch", "three", check=False)
    assert missing.returncode == 1 and 'there is no batch "three"' in missing.stderr


def test_the_stages_tell_their_rates(fresh):
    fresh.run(ADMIN, "stages", "rate", "b", "600")
    assert "(at most 600 a minute)" in fresh.run(ADMIN, "stages").stdout.splitlines()[1]


@pytest.mark.parametrize("options", [["--priority", "101"], ["--priority", "x"], ["--note", "a\nb"], ["--note", "x" * 201]])
def test_a_load_refuses_what_cannot_be_before_it_reads(fresh, options):
    done = fresh.run(LOAD, "--append", "-", *options, stdin="x\n", check=False)
    assert done.returncode == 64
    assert fresh.one("select count(*) from tracker.batch") == 0
