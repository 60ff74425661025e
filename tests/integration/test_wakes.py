"""
What wakes a parked call, measured: behind every wake-up there is a look once a second, so that a wake-up which is
lost is seen by no test that only waits for an answer.
"""
import re
import time

import pytest

from beside import Beside
from client import Api, Client, Fleet, which
from waiting import Later, eventually

SERIES, ROUNDS, LATE_MOST = 4, 6, 2
SOON_S = 0.1  # by the look alone a tenth is so quick: four of six by chance once in eight hundred times


def parked(stack, fleet, **says):
    before = stack.one("select asked_at from tracker.worker where name = %s", fleet.name)
    call = Later(fleet.beside().sync, want=1, wait=30, **says)
    eventually(lambda: stack.one("select asked_at from tracker.worker where name = %s", fleet.name) != before,
               every_s=0.01, what="the call has arrived")
    return call


def wakes(stack, stage, prepare, act, says=lambda n: {}):
    """
    prepare(n) makes all ready for act(what it returned), which makes work: a parked call of the stage is answered
    soon after, four times of six, of four series one. Each in turn, for the machine may be busy otherwise.
    """
    took = []
    for series in range(SERIES):
        late = soon = 0
        for n in range(ROUNDS):
            what = prepare(ROUNDS * series + n)
            f = Fleet(stack, stage)
            call = parked(stack, f, **says(ROUNDS * series + n))
            act(what)
            acted = time.monotonic()
            jobs = call.result(20)["jobs"]
            assert len(jobs) == 1
            took.append(call.began + call.took_s - acted)
            f.sync(done=[{**which(jobs[0]), "data": "r"}])
            soon += took[-1] <= SOON_S
            late += took[-1] > SOON_S
            if soon == ROUNDS - LATE_MOST:
                return
            if late > LATE_MOST:
                break
    raise AssertionError(f"a parked call waits for the look: {[round(t, 3) for t in took]} s")


def load_one(stack):
    stack.load(["x"], append=True)


def test_a_result_wakes_the_next_stage(fresh, fleet):
    a = fleet()

    def job(_):
        load_one(fresh)
        return a.take()[0]
    wakes(fresh, "b", job, a.done)


def test_a_v1_result_wakes_the_next_stage(fresh):
    a = Client(fresh)

    def job(_):
        load_one(fresh)
        a.get_job()
    wakes(fresh, "b", job, lambda _: a.complete("y"))


def test_jobs_that_are_appended_wake(fresh):
    wakes(fresh, "a", lambda _: None, lambda _: load_one(fresh))


def test_a_goodbye_wakes(fresh):
    def holder(_):
        load_one(fresh)
        w = Client(fresh)
        w.get_job()
        return w
    wakes(fresh, "a", holder, lambda w: w.bye())


def test_a_worker_that_is_dropped_wakes(fresh):
    def holder(_):
        load_one(fresh)
        w = Client(fresh)
        w.get_job()
        return w
    wakes(fresh, "a", holder, lambda w: fresh.run("distcompute-admin", "worker", "drop", "a", w.name))


def test_flags_that_send_a_job_back_wake_the_stage_before(fresh):
    maker = Fleet(fresh)

    def flagged_by_four(_):
        load_one(fresh)
        maker.done(maker.take()[0])
        for _ in range(4):
            f = Fleet(fresh, "b")
            f.give("flagged", f.take()[0])
            fresh.sql("update tracker.retry set due = now()")
        last = Fleet(fresh, "b")
        return last, last.take()[0]
    wakes(fresh, "a", flagged_by_four, lambda last: last[0].give("flagged", last[1]))


def test_a_resumed_stage_wakes(fresh):
    def paused(_):
        load_one(fresh)
        fresh.run("distcompute-admin", "pause", "a")
    wakes(fresh, "a", paused, lambda _: fresh.run("distcompute-admin", "resume", "a"))


def test_a_job_that_is_put_back_wakes(fresh):
    def failed(_):
        load_one(fresh)
        for _ in range(10):
            f = Fleet(fresh)
            f.give("failed", f.take()[0])
            fresh.sql("update tracker.retry set due = now()")
    wakes(fresh, "a", failed, lambda _: fresh.run("distcompute-admin", "requeue", "--all"))


def test_a_job_that_is_sent_back_wakes(fresh):
    f = Fleet(fresh)

    def done(_):
        load_one(fresh)
        job = f.take()[0]
        f.done(job)
        return str(job["job"])
    wakes(fresh, "a", done, lambda job: fresh.run("distcompute-admin", "send-back", job, "--stage", "a", "--reason", "wrong"))


def admin(stack, *words):
    return stack.run("distcompute-admin", *words)


def held_by(stack, nickname):
    """A job in the hand of somebody of that name."""
    load_one(stack)
    w = Client(stack, nickname=nickname)
    w.get_job()
    return w


def one_of_batch(stack, n, *options):
    """Its name; nothing else is in line."""
    stack.run("distcompute-load", "--append", "--quiet", "-", "--batch", f"batch {n}", *options, stdin="x\n")
    return f"batch {n}"


ACTS = {
    "a ban": (lambda s, n: held_by(s, f"Mallory {n}"),
              lambda s, w, n: admin(s, "ban", "--person", f"Mallory {n}", "--reason", "go")),
    "an erasure": (lambda s, n: held_by(s, f"Ada {n}"),
                   lambda s, w, n: admin(s, "person", "erase", f"Ada {n}", "--yes")),
    "a job given back": (lambda s, n: held_by(s, "Ada"),
                         lambda s, w, n: admin(s, "give-back", str(number_in_hand(s)), "--stage", "a")),
    "a job that is hurried": (lambda s, n: failed_once(s),
                              lambda s, job, n: admin(s, "hurry", str(job), "--stage", "a")),
    "an undo": (lambda s, n: done_by(s, f"Carol {n}"),
                lambda s, w, n: admin(s, "undo", "--person", f"Carol {n}", "--reason", "wrong")),
    "a batch that goes on": (lambda s, n: one_of_batch(s, n, "--paused"),
                             lambda s, batch, n: admin(s, "batch", "resume", batch)),
    "a rate that is taken off": (lambda s, n: one_has_had_its_turn(s, n),
                                 lambda s, batch, n: admin(s, "batch", "set", batch, "rate=0")),
    "a rate that is raised": (lambda s, n: one_has_had_its_turn(s, n),
                              lambda s, batch, n: admin(s, "batch", "set", batch, "rate=6000")),
    "a batch that needs less": (lambda s, n: one_of_batch(s, n, "--needs", "gpu"),
                                lambda s, batch, n: admin(s, "batch", "set", batch, "needs=")),
}


def one_has_had_its_turn(stack, n):
    """Of two of a batch that has one a minute."""
    stack.run("distcompute-load", "--append", "--quiet", "-", "--batch", f"batch {n}", "--rate", "1", stdin="x\ny\n")
    f = Fleet(stack)
    f.done(f.take()[0])
    return f"batch {n}"


def number_in_hand(stack):
    return stack.one("select job from tracker.lease where stage = 1")


def failed_once(stack):
    load_one(stack)
    f = Fleet(stack)
    job = f.take()[0]
    f.give("failed", job)
    return job["job"]


def done_by(stack, nickname):
    load_one(stack)
    w = Client(stack, nickname=nickname)
    w.get_job()
    w.complete("made up")


@pytest.mark.parametrize("what", ACTS)
def test_what_an_operator_does_wakes(fresh, what):
    prepare, act = ACTS[what]
    turn = {}

    def ready(n):
        turn["n"] = n
        return prepare(fresh, n)
    wakes(fresh, "a", ready, lambda it: act(fresh, it, turn["n"]))


def test_the_first_work_that_needs_a_word_wakes_who_has_said_it_all_along(fresh):
    """Not who has waited longest and may not have it, though nothing in line has needed a word so far."""
    def who_waits_longer(n):
        fresh.sql("update tracker.stage set line = '{}' where stage = 1")
        time.sleep(1.2)  # the look has read the counts anew
        parked(fresh, Fleet(fresh))
        return n
    wakes(fresh, "a", who_waits_longer,
          lambda n: fresh.run("distcompute-load", "--append", "--quiet", "-", "--batch", f"batch {n}", "--needs", f"word{n}", stdin="x\n"),
          lambda n: {"has": f"word{n}"})


def test_a_pause_is_told_at_once(fresh, fleet):
    """Counts are believed for a while: what an operator has done meanwhile makes them old."""
    fresh.load(["x", "y"])
    f = fleet()
    for _ in range(5):
        f.sync(want=0)
        assert Api(fresh).get("/api/jobCount?stage=a").text == "2"
        fresh.run("distcompute-admin", "pause", "a")
        reply = f.sync(want=1)
        assert reply["jobs"] == [] and "paused" in reply["message"]
        fresh.run("distcompute-admin", "resume", "a")


def test_a_pause_makes_counts_old_at_once(fresh):
    """A count is believed for a quarter of a second, unless there is news; of four in a row, for the machine may be busy."""
    fresh.load(["x", "y"])
    api = Api(fresh)
    told = []
    for _ in range(4 * SERIES):
        assert {api.get("/api/jobCount?stage=a").text for _ in range(6)} == {"2"}
        fresh.run("distcompute-admin", "pause", "a")
        time.sleep(0.03)
        told.append(api.get("/api/jobCount?stage=a").text)
        fresh.run("distcompute-admin", "resume", "a")
        eventually(lambda: {api.get("/api/jobCount?stage=a").text for _ in range(6)} == {"2"}, what="it goes on")
        if told[-4:] == ["0"] * 4:
            return
    raise AssertionError(f"of a paused stage counts say {told}")


def number(beside, what):
    return int(re.search(rf"^{what} (\d+)$", beside.ask("GET", "/metrics")[1], re.M).group(1))


def test_a_process_that_hears_its_own_news_wakes_nobody_for_it(fresh):
    """It has woken who is to have the job; whoever else waits would ask PostgreSQL in vain."""
    beside = Beside(fresh)
    try:
        extra = []
        for _ in range(4):
            fresh.load(["x"])
            a, waiting = beside.new()["token"], [beside.new("b")["token"] for _ in range(4)]
            (job,) = beside.sync(a, want=1)["jobs"]
            calls = [Later(beside.sync, b, want=1, wait=2) for b in waiting]
            eventually(lambda: number(beside, "tracker_parked_calls") == 4, every_s=0.01, what="four calls wait")
            before = number(beside, "tracker_bundled_ops_total")
            beside.sync(a, done=[{**which(job), "data": "r"}])
            eventually(lambda: any(c.took_s for c in calls), every_s=0.01, what="one has the job")
            time.sleep(0.1)  # Redis tells of it within milliseconds
            extra.append(number(beside, "tracker_bundled_ops_total") - before)
            assert sum(len(c.result(20)["jobs"]) for c in calls) == 1
            if extra[-1] == 2:  # the result, and the claim of who was woken; the look once a second may come between
                return
        raise AssertionError(f"a result and the claim that it wakes are two ops, not {extra}")
    finally:
        beside.close()


def test_without_redis_a_process_wakes_its_own_calls(fresh):
    """One process and no news from outside: what is left is the wake-up within, and the look once a second."""
    beside = Beside(fresh, redis="")
    try:
        took = []
        for _ in range(SERIES):
            fresh.load(["x"] * 6)
            a = beside.new()["token"]
            for job in beside.sync(a, want=6)["jobs"]:
                b = beside.new("b")
                call = Later(beside.sync, b["token"], want=1, wait=30)
                eventually(lambda: fresh.one("select asked_kind from tracker.worker where name = %s",
                                             b["display_name"]) == "sync", every_s=0.01, what="the call has arrived")
                beside.sync(a, done=[{**which(job), "data": "r"}])
                acted = time.monotonic()
                assert len(call.result(20)["jobs"]) == 1
                took.append(call.began + call.took_s - acted)
            if sum(t > SOON_S for t in took[-6:]) <= LATE_MOST:
                return
        raise AssertionError(f"a parked call waits for the look: {[round(t, 3) for t in took]} s")
    finally:
        beside.close()
