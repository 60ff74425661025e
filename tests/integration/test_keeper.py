"""
What the keeper does by itself, whoever looks; whom it tells of those who are gone; what the herald leaves in Redis; and what a
process holds: as many descriptors and connections after what went wrong as before.
"""
import json
import os
import re
import signal
import time
from collections import Counter

import pytest

from beside import Beside
from client import Api, Client, Fleet, WorkerTimedOut, which
from waiting import eventually

LOAD = "distcompute-load"


# --- by itself ------------------------------------------------------------------------------------

def test_everything_that_the_keeper_is_for_happens(fresh):
    """All of it is made ready first, and waited for together. What only a new keeper looks at, a new keeper is started for."""
    fresh.run(LOAD, "--batch", "wrong", "--json", "-", stdin=json.dumps(["x"] * 2500))
    for name in "Bob", "Cyd", "Dee":
        fleet = Fleet(fresh, "a", name)
        fleet.sync(failed=[{**which(job), "reason": "x"} for job in fleet.take_all(800)])
    fresh.run(LOAD, "--append", "--batch", "open", "--priority", "5", "--json", "-", stdin='["x", "x"]')
    fleet = Fleet(fresh, "a", "Ada")
    (job,) = fleet.take(1)
    assert job["job"] == 2501 and fleet.done(job) == "accepted"
    fresh.run("distcompute-admin", "batch", "cancel", "wrong")
    went = [number for number, in fresh.sql(
        "insert into tracker.worker (token, stage, name, person, created, seen, gone_at, gone_why)"
        " select gen_random_uuid(), 1, 'went-' || n, p.id, now() - interval '3 days', now() - interval '3 days', now() - interval '2 days', 'bye'"
        " from tracker.person p, generate_series(1, 1200) n where p.nickname = 'Bob' returning id")]
    ada = fresh.one("update tracker.worker set address = '192.0.2.7', gone_why = 'bye', gone_at = now() - interval '1000 days' where name = %s"
                    " returning id", fleet.name)
    fresh.sql("insert into tracker.strike (stage, job, kind, at) select 1, 2502, 'requeued', now() - interval '9000 days' from generate_series(1, 3)")
    fresh.sql("update tracker.tally set minute = minute - interval '5 minutes' where slot >= 0")
    fresh.sql("update tracker.credit set minute = minute - interval '5 minutes'")
    fresh.sql("update tracker.retry set since = since - interval '2 days'")
    fresh.sql("update tracker.person set looked = null where nickname = 'Ada'")
    mark = len(fresh.tracker_log())
    os.kill(fresh.pid("tracker"), signal.SIGHUP)
    for what, query in {
        "credit is folded": "select not exists (select from tracker.credit)",
        "counts are folded": "select not exists (select from tracker.tally where slot >= 0)",
        "a cancelled batch is swept whole": "select not exists (select from tracker.retry)",
        "workers that brought nothing are forgotten": f"select not exists (select from tracker.worker where id between {min(went)} and {max(went)})",
        "addresses are forgotten": f"select address is null from tracker.worker where id = {ada}",
        "names are looked at": "select looked is not null from tracker.person where nickname = 'Ada'",
    }.items():
        eventually(lambda q=query: fresh.one(q), timeout_s=60, what=what)
    # Without purge_after nothing else is purged; without on_event nothing is told, or taken to be told.
    assert fresh.one("select count(*) from tracker.strike where kind = 'requeued'") == 3
    assert fresh.one("select count(*) from tracker.event") == 0 and not fresh.one("select bool_or(told) from tracker.audit")
    assert set(re.findall(r"event=purged kind=(\w+)", fresh.tracker_log()[mark:])) <= {"workers"}
    eventually(lambda: "event=reloaded" in fresh.tracker_log()[mark:], timeout_s=60, what="the reload is over")


# --- who is gone ----------------------------------------------------------------------------------

@pytest.fixture
def beside(fresh):
    beside = Beside(fresh)
    yield beside
    beside.close()


def hears_that_it_is_gone(worker):
    try:
        worker.log("still here")
    except WorkerTimedOut:
        return True
    return False


def copied(stack, count):
    """So many workers more, like the last one."""
    stack.sql("do $$ declare w tracker.worker; begin"
              " select * into w from tracker.worker order by id desc limit 1;"
              f" for n in 1 .. {count} loop"
              "  w.id := w.id + 1; w.token := gen_random_uuid(); w.name := 'copy-' || w.id;"
              "  insert into tracker.worker overriding system value select w.*;"
              " end loop; end $$")
    stack.sql("select setval(pg_get_serial_sequence('tracker.worker', 'id'), (select max(id) from tracker.worker))")


def reaped(stack):
    def gone():
        stack.redis.flushall()
        stack.sql("update tracker.worker set seen = now() - interval '10 days' where gone_at is null")
        return stack.one("select count(*) from tracker.worker where gone_at is null") == 0
    eventually(gone, timeout_s=60, every_s=0.3, what="all are reaped")


def test_all_who_are_reaped_hear_so_in_every_pool(fresh, beside):
    """
    Whose token is known to be good is believed for ten seconds where nobody tells: within nine all have heard, of four
    times once, for the machine may be busy.
    """
    took = []
    for _ in range(4):
        crowd = [Client(fresh, nickname="Ada") for _ in range(3)]
        there = [beside.new(nickname="Bob")["token"] for _ in range(3)]
        copied(fresh, 100)
        began = time.monotonic()
        for worker in crowd * 8:  # in whichever process
            worker.log("here")
        for token in there:
            assert beside.post("/api/updateProgress", token=token, progress="here")[0] == 200
        reaped(fresh)
        for worker in crowd:
            eventually(lambda w=worker: hears_that_it_is_gone(w), timeout_s=30, what="it hears of it")
        for token in there:
            eventually(lambda t=token: beside.post("/api/updateProgress", token=t, progress="here")[0] == 404, timeout_s=30, what="it hears of it beside")
        took.append(time.monotonic() - began)
        if took[-1] < 9:
            return
    raise AssertionError(f"who is gone hears of it when it is not believed any more: {took}")


def test_more_that_are_reaped_at_once_than_there_is_room_for_in_the_news_harm_nobody(fresh, beside):
    before = fresh.responders()
    worker = Client(fresh)
    copied(fresh, 600)
    reaped(fresh)
    eventually(lambda: hears_that_it_is_gone(worker), timeout_s=30, what="it hears of it")
    assert fresh.responders() == before and beside.process.poll() is None
    assert Client(fresh).is_valid() and beside.new()["token"]


# --- Redis ----------------------------------------------------------------------------------------

def test_whatever_is_kept_in_redis_is_the_projects_own_and_has_an_end(fresh):
    project = fresh.one("select id::text from tracker.project")
    fresh.load(["x", "y"])
    fresh.redis.flushall()
    worker = Client(fresh)
    worker.get_job()
    worker.log("half of it")
    key = eventually(lambda: [k for k in fresh.redis.scan_iter("*:w:*") if fresh.redis.hget(k, "progress")], what="the beat is told")[0]
    seen = fresh.redis.hget(key, "seen")
    worker.is_valid()
    Api(fresh).get("/")

    def told():
        return fresh.redis.hget(key, "seen") != seen and any(k.endswith(":probed") for k in fresh.redis.scan_iter("*"))
    eventually(lambda: worker.is_valid() and told(), timeout_s=30, what="a beat without a progress, and a probe")
    assert fresh.redis.hget(key, "progress") == "half of it"
    ends = {k: fresh.redis.pttl(k) for k in fresh.redis.scan_iter("*")}
    assert len(ends) >= 3 and all(project in k for k in ends)
    assert all(end == -2 or end > 0 for end in ends.values()), ends


def test_news_is_told_once_to_whom_it_concerns(five):
    """A wake of the stage that has work, the last one too, and no other; with the next news none of the last."""
    five.load(["x"])
    fleets = {stage: Fleet(five, stage) for stage in "abcde"}
    heard = five.redis.pubsub(ignore_subscribe_messages=True)
    heard.psubscribe("*")
    assert eventually(lambda: five.redis.pubsub_numpat(), what="we listen")

    def news():
        out = []
        while message := heard.get_message(timeout=0.3):
            if message.get("type") == "pmessage":
                out.append(message["data"])
        return out
    news()
    for stage in "abcd":
        (job,) = fleets[stage].take(1)
        assert fleets[stage].done(job) == "accepted"
        assert len(told := news()) == 1, (stage, told)
    heard.close()


# --- what a process holds -------------------------------------------------------------------------

def held(stack):
    """Of each process of the pool: how many descriptors it has open, by what they are."""
    return {pid: Counter(re.sub(r"[:\[].*| \(deleted\)", "", os.readlink(f"/proc/{pid}/fd/{fd}")) if os.path.lexists(f"/proc/{pid}/fd/{fd}") else "gone"
                         for fd in os.listdir(f"/proc/{pid}/fd")) for pid in stack.responders()}


def connections(stack):
    return Counter(name for name, in stack.sql("select application_name from pg_stat_activity where application_name like 'tracker %'"))


def test_a_process_holds_no_more_after_what_went_wrong_than_before(fresh):
    """Answers that nobody reads, calls cut in the middle, connections that PostgreSQL and Redis end under us."""
    fresh.load([str(n) for n in range(40)])

    def go_wrong():
        fleet = Fleet(fresh)
        for job in fleet.take(4):
            fleet.tell("failed", job, reason="x")
        for path, body in (("/api/sync", b"{"), ("/api/newJob", b'{"token": 5}'), ("/api/completeJob", b"x" * 100000), ("/nowhere", b"")):
            assert fleet.api.post(path, body).status_code >= 400
        hung = fleet.api.session
        try:
            fleet.raw(timeout_s=0.05, want=1, wait=20)
        except OSError:
            hung.close()
        fresh.sql("select pg_terminate_backend(pid, 30000) from pg_stat_activity where application_name like 'tracker %'")
        fresh.redis.client_kill_filter(_type="normal", skipme=True)
        eventually(lambda: Api(fresh, plain=True).get("/readyz").status_code == 200, timeout_s=30, what="it is ready again")
        assert Api(fresh).get("/").status_code == 200
    go_wrong()
    before = held(fresh)
    for _ in range(5):
        go_wrong()

    def no_more():
        now = held(fresh)
        assert now.keys() == before.keys(), "a process died"
        # What nginx keeps open to us comes and goes by itself; it, and each server's, are a few.
        return all(now[pid][kind] - before[pid][kind] <= (4 if kind == "socket" else 0) for pid in now for kind in now[pid])
    eventually(no_more, timeout_s=30, what="it holds no more")
    assert all(count <= 2 for count in connections(fresh).values()), connections(fresh)
