"""
Redis cut off at each point of a call's life: when it is told of news, of a beat, when it is asked for a page, when it
is listened to; before it heard, in the middle, after it heard and before it was heard. And when it refuses, or says
nothing at all. Calls about jobs answer as ever, leases are counted; what was to be told is told in the end.
"""
import os
import select
import socket
import time

import pytest

from beside import Beside, Way
from client import Fleet, which
from waiting import Later, eventually

WHEN = pytest.mark.parametrize("when", ["before", "middle", "after"])


class RedisWay(Way):
    """Passes on what a tracker and Redis say, but for what `cuts` has: {a word of the tracker's: when}."""

    def __init__(self, stack):
        self.mode = "pass"  # or refuse (who connects is hung up on), silent (nobody is answered), loading (nobody yet)
        self.open = set()
        super().__init__(os.path.join(stack.state, "run", "redis.sock"))

    def welcome(self, tracker):
        if self.mode == "refuse":
            tracker.close()
        else:
            super().welcome(tracker)

    def turn(self, mode):
        """From now on; who is connected is hung up on."""
        self.mode = mode
        for tracker in list(self.open):
            tracker.shutdown(socket.SHUT_RDWR)

    def talk(self, tracker, redis):
        self.open.add(tracker)
        try:
            while self._one(tracker, redis):
                pass
        finally:
            self.open.discard(tracker)

    def _one(self, tracker, redis):
        for side in select.select([tracker, redis], [], [])[0]:
            data = side.recv(1 << 20)
            if not data:
                return False
            word = next((w for w in self.cuts if w.encode() in data), None) if side is tracker else None
            if word:
                return self._cut(self.cuts.pop(word), data, redis)
            if self.mode == "loading" and side is tracker:
                tracker.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")
            elif self.mode != "silent":
                (tracker if side is redis else redis).sendall(data)
        return True

    @staticmethod
    def _cut(when, data, redis):
        if when == "middle":
            redis.sendall(data[:len(data) // 2])
        elif when == "after":
            redis.sendall(data)
            redis.recv(1 << 20)
        return False


@pytest.fixture(scope="module")
def _beside():
    running = []

    def start(stack):
        if not running:
            way = RedisWay(stack)
            running.append((way, Beside(stack, redis=f"unix:{way.path}")))
        return running[0]
    yield start
    for way, beside in running:
        beside.close()
        way.close()


@pytest.fixture
def way(fresh, _beside):
    w, _ = _beside(fresh)
    w.cuts.clear()
    yield w
    if w.mode != "pass":
        w.turn("pass")


@pytest.fixture
def beside(fresh, way, _beside):
    _, b = _beside(fresh)
    eventually(lambda: 'tracker_redis_up 1' in b.ask("GET", "/metrics")[1], what="Redis is there")
    fresh.load([f"j{n}" for n in range(8)])
    return b


def in_hand(stack):
    return [job for job, in stack.sql("select job::int from tracker.lease order by job")]


def kept_of(stack, name):
    """The progress that Redis has of a worker."""
    worker = stack.one("select id from tracker.worker where name = %s", name)
    return stack.redis.hget(f"tracker:{stack.one('select id from tracker.project')}:w:{worker}", "progress")


@WHEN
@pytest.mark.parametrize("word", ["HSET", "PEXPIRE"])
def test_a_beat_that_is_cut_on_its_way_is_kept_in_the_end(fresh, beside, way, word, when):
    worker = beside.new()
    way.cuts[word] = when
    for n in range(3):
        assert beside.post("/api/updateProgress", token=worker["token"], progress=f"step {n}") == (200, "200 OK")
    eventually(lambda: not way.cuts and kept_of(fresh, worker["display_name"]) == "step 2", timeout_s=30, what="Redis has the beat")


def test_the_last_beats_before_a_stop_are_told(fresh):
    """What was answered is in Redis when the process has ended, be it a millisecond before the stop."""
    for _ in range(3):
        own = Beside(fresh)
        try:
            worker = own.new()
            said = stopped_at = 0
            while own.post("/api/updateProgress", token=worker["token"], progress=str(said + 1))[0] == 200:
                said += 1
                if said == 50:
                    own.process.terminate()
                    stopped_at = said
            own.process.wait(30)
            assert said >= stopped_at > 0
            assert int(kept_of(fresh, worker["display_name"])) >= said  # one more, if only its answer was lost
        finally:
            own.close()


@WHEN
def test_news_of_work_that_is_cut_on_its_way_costs_a_look_and_no_job(fresh, beside, way, when):
    """The stack's own processes hear nothing of what the one beside has committed, and look."""
    there = Fleet(fresh, "b")
    call = Later(there.beside().sync, want=1, wait=30)
    eventually(lambda: fresh.one("select asked_at > '-infinity' from tracker.worker where name = %s", there.name),
               what="the call has arrived")
    maker = beside.new()["token"]
    (job,) = beside.sync(maker, want=1)["jobs"]
    way.cuts["PUBLISH"] = when
    assert beside.sync(maker, done=[{**which(job), "data": "r"}])["results"][0]["status"] == "accepted"
    (got,) = call.result(30)["jobs"]
    eventually(lambda: not way.cuts, what="the news was cut")
    assert (got["job"], got["data"]) == (job["job"], "r")
    assert in_hand(fresh) == [job["job"]] and fresh.sql("select * from tracker.strike") == []


@WHEN
def test_who_listens_and_is_cut_off_listens_again(fresh, beside, way, when):
    channel = fresh.redis.pubsub_channels()[0]
    before = dict(fresh.redis.pubsub_numsub(channel))[channel]
    way.cuts["SUBSCRIBE"] = when
    way.turn("pass")
    eventually(lambda: not way.cuts and dict(fresh.redis.pubsub_numsub(channel))[channel] == before, timeout_s=30,
               what="all listen")


def shown_until_it_was_cut(beside, way, path):
    """A page that says Ada, asked for until the way has cut what it was to cut, each time by another address: a reader that
    was cut off before does without Redis for a moment."""
    asked = 0

    def is_cut():
        nonlocal asked
        asked += 1
        status, text = beside.ask("GET", path(asked))
        assert status == 200 and "Ada" in text
        return not way.cuts
    eventually(is_cut, what="it was cut")


@WHEN
@pytest.mark.parametrize("word", ["page2", "page-lock", "DEL"])
def test_a_page_is_shown_though_its_copy_is_cut_on_its_way(fresh, beside, way, word, when):
    beside.new(nickname="Ada")
    way.cuts[word] = when
    shown_until_it_was_cut(beside, way, lambda asked: f"/person/Ada?range={asked}{when}")


@WHEN
def test_a_workers_page_is_shown_though_the_question_for_its_progress_is_cut(fresh, beside, way, when):
    worker = beside.new(nickname="Ada")
    way.cuts["HMGET"] = when
    shown_until_it_was_cut(beside, way, lambda asked: f"/worker/extract/{worker['display_name']}?{asked}{when}")


@WHEN
@pytest.mark.parametrize("word", ["PUBLISH", "DEL", "SCAN"])
def test_an_erasure_that_redis_did_not_hear_of_is_done_and_told(fresh, beside, way, word, when):
    beside.new(nickname="Ada")
    way.cuts[word] = when
    erased = fresh.run("distcompute-admin", "--redis", f"unix:{way.path}", "person", "erase", "Ada", "--yes", check=False)
    assert erased.stdout.startswith("erased; ") and fresh.sql("select from tracker.person where nickname = 'Ada'") == []
    assert erased.returncode != 0 and "what it keeps of them is gone within minutes" in erased.stderr and not way.cuts


@WHEN
def test_what_an_operator_did_is_done_though_the_news_of_it_was_cut(fresh, beside, way, when):
    way.cuts["PUBLISH"] = when
    paused = fresh.run("distcompute-admin", "--redis", f"unix:{way.path}", "pause", "a")
    assert "stage A is paused" in paused.stdout and "could not be told, and will find out itself" in paused.stderr and not way.cuts
    assert beside.post("/api/newJob", token=beside.new()["token"])[0] == 403
    fresh.run("distcompute-admin", "resume", "a")


@pytest.mark.parametrize("mode", ["refuse", "silent", "loading"])
def test_without_redis_each_call_of_a_jobs_life_is_answered(fresh, beside, way, mode):
    way.turn(mode)
    worker = beside.new(nickname="Ada")
    token = worker["token"]
    assert beside.post("/api/newJob", token=token)[0] == 200
    assert beside.post("/api/updateProgress", token=token, progress="half") == (200, "200 OK")
    assert beside.post("/api/validateWorker", token=token) == (200, "True")
    assert in_hand(fresh) == [1]
    # A call that waits in the same process is woken by the result.
    waits = beside.new("b")
    call = Later(beside.sync, waits["token"], want=1, wait=30)
    eventually(lambda: fresh.one("select asked_at > '-infinity' from tracker.worker where name = %s", waits["display_name"]),
               what="the call has arrived")
    assert beside.post("/api/completeJob", token=token, data="r") == (200, "200 OK")
    assert [j["job"] for j in call.result(20)["jobs"]] == [1]
    assert beside.post("/api/newJob", token=token)[0] == 200
    assert beside.post("/api/flagInvalidData", token=token) == (200, "200 OK")
    took = []
    for n in range(4):
        asked = time.monotonic()
        status, text = beside.ask("GET", f"/person/Ada?range={n}{mode}")
        took.append(time.monotonic() - asked)
        assert status == 200 and "Ada" in text
    assert min(took) < 0.8, took  # nobody waits a second for another process to render it
    assert in_hand(fresh) == [1] and fresh.sql("select kind from tracker.strike") == [("flagged",)]
    assert fresh.credit()["Ada"] == 1
    # And back again: what was last said is there.
    way.turn("pass")
    eventually(lambda: kept_of(fresh, worker["display_name"]) == "half", timeout_s=30, what="Redis has the beat")
    assert beside.post("/api/bye", token=token) == (200, "200 OK")
