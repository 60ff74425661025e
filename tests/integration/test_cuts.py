"""
A call cut at each point of its life: on the way to PostgreSQL (before it is asked, in the middle of the question,
after the commit) and on the way back (the peer hangs up before, or in the middle of, the answer). Not only
results are counted but leases, strikes and attempts: what leaks is seen hours later by nobody else.
"""
import json
import re
import time

import psycopg2
import pytest

from beside import Beside, question
from client import which
from waiting import Later, eventually

WHEN = pytest.mark.parametrize("when", ["before", "middle", "after"])


@pytest.fixture(scope="module")
def _beside():
    running = []

    def start(stack):
        if not running:
            running.append(Beside(stack))
        return running[0]
    yield start
    for b in running:
        b.close()


@pytest.fixture
def beside(fresh, _beside):
    b = _beside(fresh)
    b.way.cuts.clear()
    # Each conversation has asked each kind of question: what is cut next is the question itself.
    fresh.load(["x", "y", "z"])
    v1, fleet = b.new()["token"], b.new()["token"]
    b.post("/api/newJob", token=v1)
    b.post("/api/completeJob", token=v1, data="r")
    jobs = b.sync(fleet, want=2)["jobs"]
    b.sync(fleet, done=[{**which(jobs[0]), "data": "r"}], failed=[which(jobs[1])])
    b.post("/api/bye", token=v1)
    fresh.load([f"j{n}" for n in range(20)])
    return b


def cut(beside, whose, when):
    beside.way.cuts[f"tracker {whose}"] = when


def leases(stack):
    return stack.sql("select job::int, id::text from tracker.lease order by job")


def strikes(stack):
    return stack.sql("select kind from tracker.strike order by kind")


@WHEN
def test_newjob_cut_on_its_way_gives_one_job_and_tells_of_it(fresh, beside, when):
    token = beside.new()["token"]
    cut(beside, "claim", when)
    status, text = beside.post("/api/newJob", token=token)
    assert status == 200 and not beside.way.cuts
    assert [job for job, _ in leases(fresh)] == [json.loads(text)["number"]]
    assert strikes(fresh) == []
    assert beside.post("/api/completeJob", token=token, data="r") == (200, "200 OK")
    assert leases(fresh) == []


@WHEN
def test_a_fleets_claim_cut_on_its_way_gives_what_it_tells_of_and_no_more(fresh, beside, when):
    token = beside.new()["token"]
    cut(beside, "claim", when)
    jobs = beside.sync(token, want=5)["jobs"]
    assert len(jobs) == 5 and not beside.way.cuts
    assert leases(fresh) == sorted((j["job"], j["lease"]) for j in jobs)
    assert strikes(fresh) == []


@WHEN
def test_a_result_cut_on_its_way_counts_once(fresh, beside, when):
    token = beside.new(nickname="Ada")["token"]
    beside.post("/api/newJob", token=token)
    cut(beside, "complete", when)
    assert beside.post("/api/completeJob", token=token, data="r") == (200, "200 OK")
    assert not beside.way.cuts
    assert beside.post("/api/completeJob", token=token, data="r") == (200, "200 OK")
    assert fresh.sql("select data from tracker.output") == [("r",)]
    assert leases(fresh) == [] and strikes(fresh) == [] and fresh.credit()["Ada"] == 1


@WHEN
def test_a_fleets_results_cut_on_their_way_count_once_each(fresh, beside, when):
    token = beside.new(nickname="Ada")["token"]
    jobs = beside.sync(token, want=4)["jobs"]
    cut(beside, "complete", when)
    results = beside.sync(token, done=[{**which(j), "data": f"r{j['job']}"} for j in jobs[:3]])["results"]
    assert {r["status"] for r in results} <= {"accepted", "repeat"} and len(results) == 3 and not beside.way.cuts
    assert fresh.sql("select data from tracker.output order by job") == [("r1",), ("r2",), ("r3",)]
    assert leases(fresh) == [(4, jobs[3]["lease"])] and fresh.credit()["Ada"] == 3


@WHEN
@pytest.mark.parametrize("kind", ["failed", "flagged", "released"])
def test_a_return_cut_on_its_way_counts_one_attempt_at_most(fresh, beside, when, kind):
    token = beside.new()["token"]
    (job,) = beside.sync(token, want=1)["jobs"]
    cut(beside, "workers", when)
    (result,) = beside.sync(token, **{kind: [which(job)]})["results"]
    assert result["status"] in ("accepted", "repeat") and not beside.way.cuts
    assert strikes(fresh) == [(kind,)] and leases(fresh) == []
    assert fresh.one("select attempt from tracker.retry") == (1 if kind == "released" else 2)


@WHEN
def test_a_v1_flag_cut_on_its_way_is_one_strike(fresh, beside, when):
    token = beside.new()["token"]
    beside.post("/api/newJob", token=token)
    cut(beside, "workers", when)
    assert beside.post("/api/flagInvalidData", token=token) == (200, "200 OK") and not beside.way.cuts
    assert strikes(fresh) == [("flagged",)] and leases(fresh) == []


@WHEN
def test_a_registration_cut_on_its_way_makes_one_worker(fresh, beside, when):
    before = fresh.one("select count(*) from tracker.worker")
    cut(beside, "workers", when)
    opened = beside.new()
    assert not beside.way.cuts
    assert fresh.one("select count(*) from tracker.worker") == before + 1
    assert beside.post("/api/validateWorker", token=opened["token"]) == (200, "True")


@WHEN
def test_a_goodbye_cut_on_its_way_is_heard(fresh, beside, when):
    token = beside.new()["token"]
    beside.post("/api/newJob", token=token)
    cut(beside, "workers", when)
    assert beside.post("/api/bye", token=token) == (200, "200 OK") and not beside.way.cuts
    assert strikes(fresh) == [("released",)] and leases(fresh) == []


# --- the way back -----------------------------------------------------------------------------

def hang_up(beside, stack, said, name, read=0):
    """Asks while the worker's row is locked (None: while none is let in), and is gone before, or in the middle of, the answer."""
    held = psycopg2.connect(stack.conninfo)
    try:
        if name:
            held.cursor().execute("select from tracker.worker where name = %s for update", (name,))
        else:
            held.cursor().execute("lock table tracker.ban in exclusive mode")
        s = beside.connect()
        s.sendall(said)
        eventually(lambda: stack.one("select count(*) from pg_locks where not granted") > 0, what="the call waits")
        if read:
            held.rollback()
            s.recv(read)
        s.close()
    finally:
        held.close()


def nothing_is_in_hand(stack):
    eventually(lambda: leases(stack) == [], what="no lease is left")
    assert {kind for kind, in strikes(stack)} == {"released"}
    assert stack.sql("select distinct attempt from tracker.retry") == [(1,)]


def test_a_job_for_a_v1_worker_that_has_hung_up_goes_back_at_once(fresh, beside):
    worker = beside.new()
    hang_up(beside, fresh, question("POST", "/api/newJob", {"token": worker["token"]}), worker["display_name"])
    eventually(lambda: strikes(fresh) != [], what="the job was handed out, and came back")
    nothing_is_in_hand(fresh)


def test_jobs_for_a_fleet_that_has_hung_up_go_back_at_once(fresh, beside):
    fleet = beside.new()
    hang_up(beside, fresh, question("POST", "/api/sync", {"token": fleet["token"], "want": 5}), fleet["display_name"])
    eventually(lambda: len(strikes(fresh)) == 5, what="the jobs were handed out, and came back")
    nothing_is_in_hand(fresh)


def test_jobs_whose_answer_was_cut_in_the_middle_go_back_at_once(fresh, beside):
    fresh.load(["x" * 200_000] * 8)
    fleet = beside.new()
    hang_up(beside, fresh, question("POST", "/api/sync", {"token": fleet["token"], "want": 8}), fleet["display_name"], read=1000)
    eventually(lambda: len(strikes(fresh)) == 8, what="the jobs came back")
    nothing_is_in_hand(fresh)


def test_jobs_whose_answer_nobody_had_taken_when_the_tracker_stopped_go_back(fresh):
    """A long answer is taken by and by: who has read its beginning has no job."""
    fresh.load(["x" * 200_000] * 8)
    tracker = Beside(fresh)
    try:
        asks = tracker.connect()
        asks.sendall(question("POST", "/api/sync", {"token": tracker.new()["token"], "want": 8}))
        assert asks.recv(1000) and len(leases(fresh)) == 8
    finally:
        tracker.close()
    asks.close()
    nothing_is_in_hand(fresh)


def test_a_worker_that_never_heard_of_itself_is_gone_at_once(fresh, beside):
    """Who registers and has hung up asks anew: a ghost would be counted as here until its silence is noticed."""
    before = fresh.one("select count(*) from tracker.worker")
    hang_up(beside, fresh, question("GET", "/api/new?stage=a&nickname=Ada"), None)
    eventually(lambda: fresh.sql("select gone_why from tracker.worker offset %s", before) == [("bye",)], what="it was made, and is gone")


def test_a_goodbye_whose_answer_was_lost_is_heard_again(fresh, beside):
    worker = beside.new()
    token = worker["token"]
    beside.post("/api/newJob", token=token)
    hang_up(beside, fresh, question("POST", "/api/bye", {"token": token}), worker["display_name"])
    eventually(lambda: strikes(fresh) == [("released",)] and leases(fresh) == [], what="it is gone")
    assert beside.post("/api/bye", token=token) == (200, "200 OK")
    assert beside.post("/api/validateWorker", token=token) == (200, "False")


def test_a_result_whose_answer_was_lost_is_there_and_a_second_one_is_a_repeat(fresh, beside):
    worker = beside.new()
    token = worker["token"]
    beside.post("/api/newJob", token=token)
    hang_up(beside, fresh, question("POST", "/api/completeJob", {"token": token, "data": "r"}), worker["display_name"])
    eventually(lambda: fresh.one("select count(*) from tracker.output") == 1, what="the result is there")
    assert beside.post("/api/completeJob", token=token, data="r") == (200, "200 OK")
    assert fresh.counts()["a"]["done"] == 1 and leases(fresh) == []


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_call_of_which_only_a_part_came_does_nothing(fresh, beside, share):
    token = beside.new()["token"]
    said = question("POST", "/api/newJob", {"token": token})
    before = fresh.one("select asked_at from tracker.worker where asked_kind = 'none' order by id desc limit 1")
    with beside.connect() as s:
        s.sendall(said[:int(len(said) * share)])
    assert beside.post("/api/validateWorker", token=token) == (200, "True")
    assert leases(fresh) == []
    assert fresh.one("select asked_at from tracker.worker order by id desc limit 1") == before
    assert not re.search(r"event=request_failed", open(beside.log.name, encoding="utf-8").read())


# --- company ----------------------------------------------------------------------------------

def all_at_once(stack, locked, calls):
    """Starts the first, which waits for a lock, and then the others: these wait together, for one bundle."""
    held = psycopg2.connect(stack.conninfo)
    try:
        held.cursor().execute(locked)
        first = Later(calls[0])
        eventually(lambda: stack.one("select count(*) from pg_locks where not granted") > 0, what="the first call waits")
        others = [Later(call) for call in calls[1:]]
        time.sleep(0.3)  # until they are in line; sooner or later they are answered all the same
    finally:
        held.close()
    return [call.result(60) for call in [first, *others]]


@pytest.mark.parametrize("bad", [1, 3, 5])
def test_of_calls_that_are_committed_together_only_the_one_that_is_refused_fails(fresh, beside, bad):
    fresh.sql("alter table tracker.person add constraint none_such check (nickname !~ 'poison')")
    try:
        names = ["Ada", "Bob", "Eve", "Fay", "Gus", "Hal"]
        names[bad] = "poison"
        statuses = all_at_once(fresh, "lock table tracker.person in exclusive mode", [
            lambda n=n: beside.ask("GET", f"/api/new?stage=a&nickname={n}")[0] for n in names])
    finally:
        fresh.sql("alter table tracker.person drop constraint none_such")
    assert statuses.pop(bad) in (500, None)  # v1 hears no 500: its connection is closed
    assert statuses == [200] * 5


def test_two_newjobs_of_one_worker_in_one_bundle_give_one_job(fresh, beside):
    other, twin = beside.new(), beside.new()

    def refused():
        return re.search(r"tracker_postgres_errors_total (\d+)", beside.ask("GET", "/metrics")[1]).group(1)
    before = refused()
    answers = all_at_once(
        fresh, f"select from tracker.worker where name = '{other['display_name']}' for update",
        [lambda t=w["token"]: beside.post("/api/newJob", token=t) for w in (other, twin, twin)])
    assert [status for status, _ in answers] == [200] * 3
    assert answers[1] == answers[2]
    assert len(leases(fresh)) == 2 and strikes(fresh) == []
    assert refused() == before  # PostgreSQL takes no bundle with both, and they would be asked one by one


def test_long_data_that_could_not_be_read_takes_its_job_back(fresh, beside):
    """It is read apart, after the job was handed out: who cannot read it gives it back, and nobody has lost an attempt."""
    fresh.load(["x" * 9_000_000] * 2)  # each over its share of an answer
    token = beside.new()["token"]
    body = fresh.one("select pg_get_functiondef('tracker.fetch_inputs'::regproc)")
    fresh.sql(body[:body.index("LANGUAGE")] + " LANGUAGE plpgsql AS $$ begin raise exception 'for now' using errcode = '57014'; end $$")
    try:
        assert beside.post("/api/sync", token=token, want=2)[0] == 503
        eventually(lambda: leases(fresh) == [], timeout_s=30, what="it goes back")
    finally:
        fresh.sql(body)
    (job,) = beside.sync(token, want=1, wait=20)["jobs"]
    assert job["attempt"] == 1 and len(job["data"]) == 9_000_000


def test_an_older_call_that_waits_at_its_desk_gets_nothing_once_there_is_a_newer(fresh, beside):
    """Both go to PostgreSQL when it is free again, the older one without a wish: else a job would be in nobody's hand."""
    other, fleet = beside.new(), beside.new()
    answers = all_at_once(
        fresh, f"select from tracker.worker where name = '{other['display_name']}' for update",
        [lambda: beside.post("/api/newJob", token=other["token"]),
         *[lambda: beside.sync(fleet["token"], want=1, wait=20)] * 2])
    jobs = [answer["jobs"] for answer in answers[1:] if answer.get("jobs")]
    assert len(jobs) == 1 and len(leases(fresh)) == 2 and strikes(fresh) == []
