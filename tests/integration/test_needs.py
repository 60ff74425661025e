"""What batches need and workers have, and rates, on the wire: who gets what, who is woken, and what the others hear."""
import functools
import json
import os
import time

import pytest

from beside import Beside
from client import Api, Fleet
from waiting import Later, eventually


def load(stack, count, needs="", rate=0):
    """A batch; its number."""
    stack.run("distcompute-load", "--append", "--needs", needs, "--rate", str(rate), "--json", "-",
              stdin=json.dumps(["x"] * count))
    return stack.one("select max(batch) from tracker.batch")


class Worker:
    """v1, by hand: what it has it says at registration."""

    def __init__(self, stack, has=None, stage="a"):
        self.api = Api(stack)
        self.token = self.api.new(stage, has=has)["token"]

    def new_job(self, **fields):
        return self.api.post("/api/newJob", {"token": self.token, **fields})


def count(stack, has=None):
    return int(Api(stack).get("/api/jobCount", params={"stage": "a", "has": has}).text)


def asked_last(stack):
    return stack.one("select max(asked_at) from tracker.worker")


def test_who_has_what_is_needed_gets_it_and_the_others_hear_why(fresh):
    load(fresh, 1200, "GPU,ram32")
    plain, some, able = Worker(fresh), Worker(fresh, "gpu"), Worker(fresh, "ram32, x y;z, GPU")
    assert (plain.new_job().status_code, some.new_job().status_code) == (403, 403)
    assert able.new_job().status_code == 200
    f = Fleet(fresh)
    answer = f.sync(want=1)
    assert (answer["jobs"], answer["message"]) == ([], "Stage A: 1,199 jobs wait, but they need gpu, ram32.")
    assert "finished" not in answer
    assert f.sync(want=1, has="gpu")["message"] == answer["message"]
    assert len(f.sync(want=2, has="gpu,ram32,more")["jobs"]) == 2
    assert len(f.sync(want=1)["jobs"]) == 1  # what is not said again still holds
    assert f.sync(want=1, has="")["jobs"] == []
    assert eventually(lambda: count(fresh, "ram32,gpu") == 1196)
    assert (count(fresh), count(fresh, "gpu"), count(fresh, "\x1b[31m,,'")) == (0, 0, 0)


@pytest.mark.parametrize("has", [7, ["gpu"], None, {"gpu": True}])
def test_what_is_no_text_is_refused_by_sync(fresh, has):
    answer = Fleet(fresh).raw(want=1, has=has)
    assert answer.status_code == 422
    assert answer.text == "The field 'has' must be a string of words with commas between."


def test_hostile_words_are_harmless(fresh):
    load(fresh, 3, "gpu")
    for has in ("'; drop table tracker.word; --", ",".join(f"w{n}" for n in range(300)),
                "\u202egpu", "{gpu}", "\"gpu\""):
        f = Fleet(fresh)
        assert f.sync(want=1, has=has)["jobs"] == [], has
        assert Worker(fresh, has).new_job().status_code == 403, has
    assert len(Fleet(fresh).sync(want=1, has="gpu," + "x," * 200)["jobs"]) == 1


def test_v1_waits_while_only_what_it_does_not_fit_is_left(patient):
    load(patient, 2, "gpu")
    w = Worker(patient)
    call = Later(w.new_job)
    time.sleep(1.5)
    assert call.is_alive()
    load(patient, 1)
    assert call.result(20).status_code == 200


def test_work_that_needs_more_wakes_nobody_without(fresh):
    load(fresh, 1)
    fleets = [Fleet(fresh) for _ in range(30)]
    able = Fleet(fresh)
    assert len(fleets[0].sync(want=1, has="odd")["jobs"]) == 1
    calls = [Later(f.beside().sync, want=1, wait=20, has="ram32") for f in fleets]
    last = Later(able.beside().sync, want=1, wait=20, has="gpu")
    eventually(lambda: fresh.one("select count(*) from tracker.worker where asked_kind = 'sync' and words is not null") == 31)
    time.sleep(0.3)
    before = asked_last(fresh)
    load(fresh, 1200, "gpu")
    assert len(last.result(10)["jobs"]) == 1
    # The look once a second is behind all wake-ups.
    time.sleep(2.5)
    assert fresh.one("select count(*) from tracker.worker where words = '{ram32}' and asked_at > %s", before) == 0
    load(fresh, 30, "ram32")
    assert [len(c.result(15)["jobs"]) for c in calls] == [1] * 30


def test_results_wake_who_has_what_the_next_stage_needs(fresh):
    load(fresh, 2, "gpu")
    a = Fleet(fresh)
    jobs = a.sync(want=2, has="gpu")["jobs"]
    plain, able = Fleet(fresh, "b"), Fleet(fresh, "b")
    first = Later(plain.beside().sync, want=1, wait=6)
    time.sleep(0.3)
    second = Later(able.beside().sync, want=1, wait=20, has="gpu")
    time.sleep(0.7)
    a.done(jobs[0])
    assert len(second.result(15)["jobs"]) == 1
    assert first.result(15)["jobs"] == []


def test_needs_that_are_taken_away_wake_who_waits(fresh):
    batch = load(fresh, 1, "gpu")
    call = Later(Fleet(fresh).beside().sync, want=1, wait=20)
    time.sleep(0.5)
    fresh.sql("select tracker.set_batch_needs(%s, '')", batch)
    assert len(call.result(15)["jobs"]) == 1


def test_a_rate_holds_over_two_pools_and_wakes_in_time(fresh):
    """600 a minute, of twenty who ask: a burst of one second, then ten a second."""
    load(fresh, 1000, rate=600)
    fresh.sql("update tracker.gate set free_at = clock_timestamp() + interval '1 s'")  # no burst
    beside = Beside(fresh)
    stop = time.monotonic() + 6
    fleets = [Fleet(fresh) for _ in range(10)]
    asks = [f.sync for f in fleets] + [functools.partial(beside.sync, beside.new()["token"]) for _ in range(10)]
    try:
        got = [Later(drain, ask, stop) for ask in asks]
        total = sum(g.result(60) for g in got)
        took = time.monotonic() - stop + 6
        per_s = total / took
    finally:
        beside.close()
    assert total <= 10 * took + 2, total
    assert per_s >= 6, (total, took)  # more than nine when the machine has time for it


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("TEST_FULL") != "1", reason="three minutes on a quiet machine: TEST_FULL=1")
def test_a_rate_of_600_holds_within_two_percent_of_64_workers_over_two_pools(fresh):
    load(fresh, 3000, rate=600)
    fresh.sql("update tracker.gate set free_at = clock_timestamp() + interval '1 s'")  # no burst
    beside = Beside(fresh)
    asks = [Fleet(fresh).sync for _ in range(32)] + [
        functools.partial(beside.sync, beside.new()["token"]) for _ in range(32)]
    fresh.sql("update tracker.worker set allowance = 1000")
    stop = time.monotonic() + 185
    try:
        got = [Later(drain, ask, stop) for ask in asks]
        for g in got:
            g.result(300)
    finally:
        beside.close()
    in_time = fresh.one("select count(*) from tracker.lease l, (select min(since) as first from tracker.lease) f"
                        " where l.since < f.first + interval '180 s'")
    print(f"{in_time} jobs in three minutes at 600 a minute")
    assert abs(in_time - 1800) <= 36, in_time


def drain(ask, stop):
    total = 0
    while time.monotonic() < stop:
        total += len(ask(want=3, wait=1)["jobs"])
    return total


def test_who_waits_for_its_turn_hears_it_and_is_woken_then(fresh):
    load(fresh, 5, rate=20)
    f = Fleet(fresh)
    assert len(f.sync(want=5)["jobs"]) == 1
    answer = f.sync(want=1)
    assert answer["message"].startswith("Stage A: 4 jobs wait for their turn, because of a rate: the next has it in 2.")
    began = time.monotonic()
    assert len(f.sync(want=1, wait=20)["jobs"]) == 1
    assert time.monotonic() - began < 10
    assert count(fresh) == 0


# ---- distcompute-worker

def work(stack, *args, check=True):
    return stack.run("distcompute-worker", "--url", stack.url, "--cacert", stack.certificate, "--exit-when-idle", "3",
                     "--wait", "1", *args, "--", "cat", config=False, check=check)


@pytest.mark.parametrize("way", [[], ["--v1"]])
def test_the_worker_says_what_it_has(fresh, way):
    load(fresh, 3, "gpu,ram32")
    load(fresh, 2)
    work(fresh, *way)
    assert fresh.counts()["a"]["done"] == 2
    work(fresh, *way, "--has", "RAM32, gpu,other")
    assert fresh.counts()["a"]["done"] == 5
    assert fresh.one("select words from tracker.worker order by id desc limit 1") == ["gpu", "other", "ram32"]


@pytest.mark.parametrize("words", ["gpu;x", "-x", "x" * 33, "a\nb", "größer", ""])
def test_the_worker_refuses_what_is_no_word_in_one_line(fresh, words):
    said = work(fresh, "--has", words, check=False)
    assert said.returncode == 64
    assert said.stderr.startswith("distcompute-worker: --has wants ")


# ---- distcompute-load, distcompute-admin

def test_an_operator_says_what_a_batch_needs_and_how_fast_it_may_go(fresh):
    fresh.run("distcompute-load", "--append", "--batch", "march", "--json", "-", stdin='["x", "y"]')
    f = Fleet(fresh)
    said = fresh.run("distcompute-admin", "batch", "set", "march", "needs=GPU, ram32", "rate=1").stdout
    assert said.startswith("set; it was priority=0 note='' needs= rate=0 before; taken back by: ")
    assert said.endswith(" batch set -- 'march' needs= rate=0\n")
    assert f.sync(want=1)["message"] == "Stage A: 2 jobs wait, but they need gpu, ram32."
    assert len(f.sync(want=2, has="gpu,ram32")["jobs"]) == 1
    said = fresh.run("distcompute-admin", "batch", "set", "march", "needs=", "rate=0").stdout
    assert said.startswith("set; it was priority=0 note='' needs=gpu,ram32 rate=1 before; taken back by: ")
    assert said.endswith(" batch set -- 'march' needs=gpu,ram32 rate=1\n")
    assert len(f.sync(want=2, has="")["jobs"]) == 1
    assert fresh.sql("select act, details from tracker.audit order by id desc limit 2") == [
        ("set", {"needs": "", "rate": 0}), ("set", {"needs": "gpu,ram32", "rate": 1})]


@pytest.mark.parametrize("words", [["needs=b@d"], ["needs=" + "x" * 33], ["rate=-1"], ["rate=6000001"], ["rate=x"],
                                   ["rate="], ["speed=1"], ["needs=" + ",".join(f"w{n}" for n in range(65))]])
def test_what_cannot_be_is_refused_in_one_line(fresh, words):
    load(fresh, 1)
    name = fresh.one("select name from tracker.batch")
    said = fresh.run("distcompute-admin", "batch", "set", name, *words, check=False)
    assert (said.returncode != 0, said.stderr.count("\n"), said.stdout) == (True, 1, ""), said
    assert fresh.one("select count(*) from tracker.gate") == fresh.one("select max(needs) from tracker.batch") == 0


@pytest.mark.parametrize("words", [["--needs", "b@d"], ["--rate", "-1"], ["--rate", "many"]])
def test_a_load_of_what_cannot_be_loads_nothing(fresh, words):
    said = fresh.run("distcompute-load", "--append", *words, "--json", "-", stdin='["x"]', check=False)
    assert said.returncode == 64 and said.stderr.startswith("distcompute-load: " + words[0])
    assert fresh.one("select count(*) from tracker.batch") == 0


def test_the_65th_word_is_refused_by_a_load_in_one_line(fresh):
    load(fresh, 1, ",".join(f"w{n}" for n in range(64)))
    said = fresh.run("distcompute-load", "--append", "--needs", "gpu", "--json", "-", stdin='["x"]', check=False)
    assert said.returncode == 1
    assert 'open batches need 64 words already, which is the most: none is left for "gpu"' in said.stderr
    assert fresh.one("select count(*) from tracker.batch") == 1


def test_a_stage_has_a_rate(fresh):
    load(fresh, 10)
    said = fresh.run("distcompute-admin", "stages", "rate", "Extract", "1").stdout
    assert said.startswith("stage A hands out 1 job a minute, retries not counted; taken back by: ") and said.endswith(" stages rate a 0\n")
    f = Fleet(fresh)
    assert len(f.sync(want=5)["jobs"]) == 1
    assert fresh.run("distcompute-admin", "stages", "rate", "a", "1", check=False).stderr.strip().endswith(
        "that is its rate already")
    call = Later(f.beside().sync, want=5, wait=30)
    time.sleep(0.5)
    fresh.run("distcompute-admin", "stages", "rate", "a", "0")
    assert len(call.result(20)["jobs"]) == 5
    for bad in ("-1", "x", "6000001"):
        assert fresh.run("distcompute-admin", "stages", "rate", "a", bad, check=False).returncode != 0
