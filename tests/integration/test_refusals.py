"""Servers that are there and refuse: PostgreSQL read-only, full, out of time; Redis a replica, full.

What PostgreSQL refuses for a reason that is no call's own is as if it were away: v1 waits and is answered
after, sync hears 503. Time in which nobody could be heard is nobody's silence.
"""
import contextlib
import os
import re
import signal
import time

import psycopg2
import pytest
import requests

from client import Api, Client, Fleet, which
from conftest import COMMON
from refusing import (disk_of_its_own, end_sessions, fill, log_on_a_small_disk, redis_busy, redis_deaf, redis_denies, redis_denies_copies,
                      redis_denies_news, redis_denies_reading, redis_forbidden, redis_full, redis_locked, redis_replica,
                      redis_unsaved, refused_with, server_with, superuser, without_room, without_time)
from stack import Stack, process_is_alive
from test_names import make_key
from test_own_page import Visitor
from waiting import Later, eventually


def log_since(stack, mark):
    return stack.tracker_log()[mark:]


def log_with(stack, mark, words):
    """What was logged since, once it has these words; "" before. The keeper, looking once a second, may be the last to be well."""
    said = log_since(stack, mark)
    return said if words in said else ""


def metric(stack, name):
    (value,) = re.findall(rf"(?m)^{re.escape(name)} (\S+)$", Api(stack, plain=True).get("/metrics").text)
    return float(value)


def what_readyz_says(stack, status, begin=""):
    """The text once it has this status and beginning; "" before."""
    answer = Api(stack, plain=True).get("/readyz")
    return answer.text if answer.status_code == status and answer.text.startswith(begin) else ""


def is_ready(stack):
    return what_readyz_says(stack, 200, "ready\n") != ""


def held(stack):
    client = Client(stack)
    client.get_job()
    return client


def assert_v1_waits_and_sync_hears_503(stack, refuse, said):
    """The whole of it, for one way in which PostgreSQL refuses everybody."""
    stack.load([str(i) for i in range(6)])
    client, fleet, mark = held(stack), Fleet(stack), len(stack.tracker_log())
    (job,) = fleet.take()
    eventually(lambda: is_ready(stack), what="it is ready before")
    with refuse():
        completing = Later(Api(stack).text, "/api/completeJob", {"token": client.token, "data": "y"})
        opening = Later(Api(stack).get, "/api/new?nickname=N&stage=a")
        answer = fleet.raw(done=[{**which(job), "data": "r"}], want=1)
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        ready = eventually(lambda: what_readyz_says(stack, 503), what="readyz says so")
        assert said in ready, ready
        assert metric(stack, "tracker_postgres_up") == 0
        assert metric(stack, 'tracker_part_up{part="complete"}') == 0
        completing.join(1.0)
        assert completing.is_alive() and opening.is_alive(), "answered while PostgreSQL refused"
    assert completing.result(40) == (200, "200 OK")
    assert opening.result(40).status_code == 200
    eventually(lambda: fleet.raw().status_code == 200, timeout_s=20, what="sync works again")
    assert fleet.done(job, "r") in ("accepted", "repeat")
    eventually(lambda: is_ready(stack), timeout_s=20, what="it is ready again")
    said = eventually(lambda: log_with(stack, mark, "event=postgres_back"), what="the log says so")
    assert (said.count("event=postgres_away"), said.count("event=postgres_back")) == (1, 1), said
    assert "event=request_failed" not in said


# --- PostgreSQL refuses everybody -------------------------------------------------------------

def test_a_read_only_server_is_away(faults):
    assert_v1_waits_and_sync_hears_503(faults, lambda: server_with(faults, "default_transaction_read_only", "on"), "25006")


def test_a_server_that_gives_no_time_is_away(faults):
    assert_v1_waits_and_sync_hears_503(faults, lambda: without_time(faults), "57014")


@contextlib.contextmanager
def without_functions(stack):
    """What a half-made upgrade, or a right that was taken away, looks like to the desks."""
    with superuser(stack) as admin:
        admin.execute("select p.oid::regprocedure::text, p.proname from pg_proc p where p.pronamespace = 'tracker'::regnamespace"
                      " and p.proname ~ '^(claim|complete|open)_'")
        functions = admin.fetchall()
        admin.execute("; ".join(f"alter function {face} rename to {name}_elsewhere" for face, name in functions))
        try:
            yield
        finally:
            admin.execute("; ".join(f"alter function {face.replace(name, name + '_elsewhere', 1)} rename to {name}"
                                    for face, name in functions))


@contextlib.contextmanager
def no_room_for_the_role(stack):
    """The server takes no more connections of the tracker's; who looks on from the test is of the same role, and goes first."""
    with superuser(stack) as admin:
        admin.execute("alter role tracker connection limit 0")
        stack.forget_db()
        end_sessions(admin)
        try:
            yield
        finally:
            admin.execute("alter role tracker connection limit -1")


@contextlib.contextmanager
def functions_not_allowed(stack):
    with superuser(stack) as admin:
        admin.execute("select string_agg(p.oid::regprocedure::text, ', ') from pg_proc p"
                      " where p.pronamespace = 'tracker'::regnamespace and p.proname in ('complete_held', 'open_workers', 'complete_jobs')")
        functions = admin.fetchone()[0]
        admin.execute(f"revoke execute on function {functions} from public, tracker")
        try:
            yield
        finally:
            admin.execute(f"grant execute on function {functions} to public, tracker")


def test_a_server_that_has_no_connection_for_us_is_away(faults):
    assert_v1_waits_and_sync_hears_503(faults, lambda: no_room_for_the_role(faults), "PostgreSQL is away")


def test_a_right_that_was_taken_away_is_no_calls_fault(faults):
    assert_v1_waits_and_sync_hears_503(faults, lambda: functions_not_allowed(faults), "42501")


def test_a_function_that_is_missing_is_no_calls_fault(faults):
    assert_v1_waits_and_sync_hears_503(faults, lambda: without_functions(faults), "42883")


@pytest.mark.parametrize("code", ["0A000", "23514", "40001", "40002", "53200", "54000", "57P03", "58030", "P0001", "XX001", "99999"])
def test_whatever_code_it_is_refused_with_who_is_refused_like_everybody_is_not_to_blame(faults, code):
    assert_v1_waits_and_sync_hears_503(faults, lambda: refused_with(faults, code), code)


def test_a_page_that_nobody_may_read_is_shown_as_it_was(faults):
    pages = Api(faults)
    eventually(lambda: pages.get("/").status_code == 200, what="the page")
    before = [pages.get("/").text for _ in range(8)]  # of both processes
    with superuser(faults) as admin:
        admin.execute("revoke execute on function tracker.read_eta from public, tracker")
        try:
            time.sleep(1.5)  # it is to be rendered anew
            assert {pages.get("/").status_code for _ in range(8)} == {200} and before
        finally:
            admin.execute("grant execute on function tracker.read_eta to public, tracker")


def test_pages_are_read_while_the_server_is_read_only_and_readyz_asks_for_it(faults):
    """Whoever asks whether it can be written to spoils no page that nobody has a copy of."""
    faults.load([str(i) for i in range(400)])
    eventually(lambda: is_ready(faults), what="it is ready before")
    with server_with(faults, "default_transaction_read_only", "on"):
        eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        plain, api = Api(faults, plain=True), Api(faults)
        until, job, asked = time.monotonic() + 5, 0, 0
        while time.monotonic() < until and job < 400:
            asked += plain.get("/readyz").status_code == 503
            job += 1
            assert api.get(f"/job/{job}").status_code == 200, (job, asked)
        assert asked > 5


def test_a_connection_that_was_made_to_a_read_only_server_is_not_kept(faults):
    faults.load(["x"])
    client = held(faults)
    with superuser(faults) as admin:
        admin.execute("alter database tracker set default_transaction_read_only = on")
        try:
            end_sessions(admin)
            late = Later(Api(faults).text, "/api/completeJob", {"token": client.token, "data": "y"})
            eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
            late.join(0.5)
            assert late.is_alive()
        finally:
            admin.execute("alter database tracker reset default_transaction_read_only")
    assert late.result(40) == (200, "200 OK")


def test_a_reload_goes_on_while_postgresql_has_no_time_to_be_asked(faults):
    before = set(faults.responders())
    with server_with(faults, "statement_timeout", "100") as admin:
        admin.execute("begin; lock table tracker.migration")
        os.kill(faults.pid("tracker"), signal.SIGHUP)
        eventually(lambda: len(now := faults.responders()) == 2 and not before & set(now), timeout_s=30, what="all are new")
        admin.execute("rollback")
    assert Client(faults).is_valid()


def test_who_was_replaced_while_it_could_not_work_keeps_nobody_from_work(faults):
    """Its word that results cannot be stored ends with it."""
    faults.load(["x", "y"])
    fleet, asker, before = Fleet(faults), Client(faults), faults.responders()
    (job,) = fleet.take()
    with without_time(faults):
        assert fleet.raw(done=[{**which(job), "data": "r"}], want=1).status_code == 503
        eventually(lambda: metric(faults, 'tracker_part_up{part="complete"}') == 0, what="results cannot be stored")
        os.kill(faults.pid("tracker"), signal.SIGHUP)
        eventually(lambda: not any(process_is_alive(pid) for pid in before), timeout_s=80, what="the old ones are gone")
    asking = Later(Api(faults).text, "/api/newJob", {"token": asker.token})
    assert asking.result(40)[0] == 200
    eventually(lambda: all(metric(faults, f'tracker_part_up{{part="{part}"}}') for part in ("claim", "complete", "workers", "keeper")),
               timeout_s=30, what="all are well")


# --- a full disk ------------------------------------------------------------------------------

def test_on_a_full_disk_results_wait_and_no_job_is_handed_out(faults):
    faults.load([str(i) for i in range(50)])
    with disk_of_its_own(faults) as where:
        if where is None:
            pytest.skip("no file system can be mounted here")
        workers = [held(faults) for _ in range(4)]
        asker, mark = Client(faults), len(faults.tracker_log())
        filler = fill(where)
        long = "".join(chr(97 + (i * i) % 26) for i in range(65536))
        late = [Later(Api(faults).text, "/api/completeJob", {"token": w.token, "data": f"{w.number}{os.urandom(40000).hex()}{long}"})
                for w in workers]
        ready = eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert "53100" in ready, ready
        asking = Later(Api(faults).text, "/api/newJob", {"token": asker.token})
        asking.join(2.0)
        assert asking.is_alive() and all(call.is_alive() for call in late), "answered while the disk was full"
        assert faults.one("select count(*) from tracker.lease") == 4
        os.unlink(filler)
        assert [call.result(40) for call in late] == [(200, "200 OK")] * 4
        assert asking.result(40)[0] == 200
    assert faults.counts()["a"]["done"] == 4
    said = eventually(lambda: log_with(faults, mark, "event=postgres_back"), what="the log says so")
    assert not re.findall("event=op_refused.*", said)


def test_a_disk_without_room_for_results_alone_is_no_results_fault(faults):
    """Our own write goes elsewhere and passes: it says nothing of the table that has no room."""
    faults.load(["one", "two"])
    worker = held(faults)
    with without_room(faults):
        late = Later(Api(faults).text, "/api/completeJob", {"token": worker.token, "data": "x"})
        ready = eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert "53100" in ready, ready
        asking = Later(Api(faults).text, "/api/newJob", {"token": Client(faults).token})
        asking.join(3.0)
        assert late.is_alive() and asking.is_alive(), "answered while there was no room"
    assert late.result(40) == (200, "200 OK") and asking.result(40)[0] == 200


def test_what_kept_a_result_off_and_has_ended_is_no_reason_to_give_it_up(faults):
    """Refused thrice alone, and then our own write passes, as it does when the lock is gone by then."""
    faults.load(["one"])
    worker, mark = held(faults), len(faults.tracker_log())
    faults.sql("create sequence tracker.tries")  # which counts those that are rolled back too
    faults.sql("create or replace function tracker.locked() returns trigger language plpgsql as $$ begin"
               " if new.job > 0 and nextval('tracker.tries') <= 4 then raise exception 'lock timeout' using errcode = '55P03'; end if;"
               " return new; end $$")
    faults.sql("create trigger locked before insert on tracker.output_a for each row execute function tracker.locked()")
    try:
        assert Api(faults).text("/api/completeJob", {"token": worker.token, "data": "x"}) == (200, "200 OK")
    finally:
        faults.sql("drop function tracker.locked() cascade; drop sequence tracker.tries")
    assert "event=op_refused" not in log_since(faults, mark)


@contextlib.contextmanager
def results_locked(stack):
    """One stage's results alone, by somebody who has no end; who waits for them is refused soon."""
    with server_with(stack, "lock_timeout", "100") as admin:
        admin.execute("begin; lock table tracker.output_a")
        try:
            yield
        finally:
            admin.execute("rollback")


@contextlib.contextmanager
def results_not_allowed(stack):
    with superuser(stack) as admin:
        admin.execute("revoke insert on tracker.output from tracker")
        try:
            yield
        finally:
            admin.execute("grant insert on tracker.output to tracker")


@pytest.mark.parametrize("refuse, code", [(results_locked, "55P03"), (results_not_allowed, "42501")])
def test_when_results_alone_are_refused_they_wait_and_no_job_is_handed_out(faults, refuse, code):
    """Our own write goes where theirs go, so it is not taken for a sign that all is well."""
    faults.load([str(i) for i in range(20)])
    workers, asker, mark = [held(faults) for _ in range(3)], Client(faults), len(faults.tracker_log())
    with refuse(faults):
        late = [Later(Api(faults).text, "/api/completeJob", {"token": w.token, "data": "x"}) for w in workers]
        ready = eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert code in ready, ready
        asking = Later(Api(faults).text, "/api/newJob", {"token": asker.token})
        began = metric(faults, "tracker_postgres_errors_total")
        eventually(lambda: metric(faults, "tracker_postgres_errors_total") > began + 4, timeout_s=30, what="it has tried")
        assert asking.is_alive() and all(call.is_alive() for call in late), "answered while results were refused"
        assert what_readyz_says(faults, 503)
    assert [call.result(40) for call in late] == [(200, "200 OK")] * 3
    assert asking.result(40)[0] == 200
    eventually(lambda: is_ready(faults), timeout_s=20, what="it is ready again")
    assert not re.findall("event=op_refused.*", log_since(faults, mark))


def test_a_full_disk_under_its_log_ends_postgresql_and_no_result():
    stack = Stack("log", {**COMMON, "stage_a": "Extract", "stage_b": "Filter"}).start()
    with log_on_a_small_disk(stack) as where:
        if where is None:
            pytest.skip("no file system can be mounted here")
        stack.load([str(i) for i in range(20)])
        workers, fleet, mark = [held(stack) for _ in range(6)], Fleet(stack), len(stack.tracker_log())
        (job,) = fleet.take()
        filler = fill(where)
        late = [Later(w.complete, os.urandom(2_000_000).hex()) for w in workers]
        eventually(lambda: stack.read_status().get("state") != "up", timeout_s=60, what="PostgreSQL gave up")
        assert fleet.raw(done=[{**which(job), "data": "r"}]).status_code == 503 and any(call.is_alive() for call in late)
        os.unlink(filler)
        stack.forget_db()
        stack.up()
        for call in late:
            call.result(90)  # v1 was cut at the most, and asked again
        assert fleet.done(job, "r") == "accepted" and stack.counts()["a"]["done"] == 7 and stack.broken_laws() == []
        said = eventually(lambda: log_with(stack, mark, "event=postgres_back"), timeout_s=30, what="the log says so")
        assert "event=request_failed" not in said and "event=op_refused" not in said


# --- while nobody calls -----------------------------------------------------------------------


@contextlib.contextmanager
def results_locked_for_ever(stack):
    with superuser(stack) as admin:
        admin.execute("begin; lock table tracker.output_a")
        try:
            yield
        finally:
            admin.execute("rollback")


def role_without_time(stack):
    """For whom even what is small takes too long."""
    return server_with(stack, "statement_timeout", "1")


@pytest.mark.parametrize("refuse, said", [
    (results_not_allowed, "42501"), (without_functions, "42883"), (results_locked_for_ever, "PostgreSQL is away"),
    (lambda stack: server_with(stack, "default_transaction_read_only", "on"), "25006"), (role_without_time, "57014"),
])
def test_readyz_tells_that_results_would_not_be_stored_though_nobody_brings_any(faults, refuse, said):
    eventually(lambda: is_ready(faults), what="it is ready before")
    with refuse(faults):
        ready = eventually(lambda: what_readyz_says(faults, 503), timeout_s=45, what="readyz says so")
        assert said in ready, ready
    eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready again")


def test_readyz_tells_that_results_wait_for_a_lock_while_they_are_brought(faults):
    """The desks are all busy, and PostgreSQL neither takes what they bring nor refuses it."""
    faults.load([str(i) for i in range(9)])
    eventually(lambda: is_ready(faults), what="it is ready before")
    held(faults).complete("r")
    clients = [held(faults) for _ in range(8)]
    mark = len(faults.tracker_log())
    with results_locked_for_ever(faults):
        began = [Later(client.complete, "r") for client in clients]
        ready = eventually(lambda: what_readyz_says(faults, 503), timeout_s=22, what="readyz says so")
        assert "PostgreSQL is away" in ready, ready
        eventually(lambda: log_with(faults, mark, "event=postgres_away"), timeout_s=40, what="one line tells of it")
    for call in began:
        call.result(60)
    eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready again")
    assert faults.counts()["a"]["done"] == 9 and faults.broken_laws() == []


def test_readyz_tells_of_a_full_disk_though_nobody_brings_results(faults):
    """A few bytes find room on a full one, so more is asked for."""
    with disk_of_its_own(faults) as where:
        if where is None:
            pytest.skip("no file system can be mounted here")
        eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready before")
        filler = fill(where)
        ready = eventually(lambda: what_readyz_says(faults, 503), timeout_s=45, what="readyz says so")
        assert "53100" in ready, ready
        os.unlink(filler)
        eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready again")


# --- it says nothing --------------------------------------------------------------------------

def test_readyz_tells_of_a_postgresql_that_says_nothing_and_soon(faults):
    """As a commit does that waits for a standby which is gone."""
    with superuser(faults) as admin:
        admin.execute("begin; lock table tracker.probe, tracker.hearing")
        began = time.monotonic()
        assert eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert time.monotonic() - began < 10
        admin.execute("rollback")
    eventually(lambda: is_ready(faults), timeout_s=20, what="it is ready again")


# --- one op is to blame -----------------------------------------------------------------------

def test_a_result_that_postgresql_refuses_is_given_up_alone_and_the_others_pass(faults):
    faults.load([str(i) for i in range(12)])
    workers, mark = [held(faults) for _ in range(12)], len(faults.tracker_log())
    faults.sql("alter table tracker.output add constraint none_such check (data <> 'poison')")
    try:
        late = [Later(Api(faults).text, "/api/completeJob", {"token": w.token, "data": "poison" if i == 5 else f"good {i}"})
                for i, w in enumerate(workers)]
        for i, call in enumerate(late):
            if i != 5:
                assert call.result(40) == (200, "200 OK")
        # v1's client dies of any status, so it is told nothing.
        with pytest.raises(requests.exceptions.ConnectionError):
            late[5].result(40)
        assert Api(faults).get("/api/jobCount?stage=a").text == "0"
    finally:
        faults.sql("alter table tracker.output drop constraint none_such")
    said = log_since(faults, mark)
    assert said.count("event=op_refused") == 1 and "23514" in said
    assert "none_such" in said and "poison" not in said and "Failing row" not in said  # what it is about; not what somebody sent
    assert "event=postgres_away" not in said
    assert metric(faults, "tracker_ops_refused_total") >= 1
    assert Api(faults).text("/api/completeJob", {"token": workers[5].token, "data": "better"}) == (200, "200 OK")


@pytest.mark.parametrize("poison", [0, 519])
def test_a_long_call_part_of_which_is_refused_is_no_success(faults, poison):
    """Its results go in several parts; whichever is refused, the worker is told, and nothing of the others is lost."""
    faults.load([str(i) for i in range(520)])
    fleet = Fleet(faults)
    fleet.earn()
    done = [{"job": job["job"], "lease": job["lease"], "data": "poison" if i == poison else f"good {i}"}
            for i, job in enumerate(fleet.take(520))]
    faults.sql("alter table tracker.output add constraint none_such check (data <> 'poison')")
    try:
        assert fleet.raw(done=done).status_code >= 500
    finally:
        faults.sql("alter table tracker.output drop constraint none_such")
    assert {r["status"] for r in fleet.sync(done=done)["results"]} == {"accepted", "repeat"}
    assert faults.sql("select count(*) from tracker.output") == [(520,)]


@pytest.mark.parametrize("table", ["strike", "retry"])
@pytest.mark.parametrize("code", ["23514", "22003", "P0001"])
def test_what_refuses_every_bad_end_for_a_reason_of_values_is_no_bad_ends_fault(faults, code, table):
    """Results pass, so it is not everything that is refused; but no worker can help it."""
    faults.load([str(i) for i in range(6)])
    client, result, fleet, mark = held(faults), held(faults), Fleet(faults), len(faults.tracker_log())
    (job,) = fleet.take()
    eventually(lambda: is_ready(faults), what="it is ready before")
    with refused_with(faults, code, (table,)):
        flagging = Later(Api(faults).text, "/api/flagInvalidData", {"token": client.token})
        answer = fleet.raw(failed=[{**which(job), "reason": "exit 1"}])
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
        ready = eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert code in ready, ready
        assert Api(faults).text("/api/completeJob", {"token": result.token, "data": "y"}) == (200, "200 OK")
        flagging.join(1.0)
        assert flagging.is_alive(), "answered while PostgreSQL refused"
    assert flagging.result(40) == (200, "200 OK")
    eventually(lambda: fleet.raw().status_code == 200, timeout_s=20, what="sync works again")
    assert fleet.tell("failed", job, reason="exit 1") in ("accepted", "repeat")
    eventually(lambda: is_ready(faults), timeout_s=20, what="it is ready again")
    said = eventually(lambda: log_with(faults, mark, "event=postgres_back"), what="the log says so")
    assert (said.count("event=postgres_away"), said.count("event=postgres_back")) == (1, 1), said
    assert "event=request_failed" not in said and "event=op_refused" not in said
    assert faults.broken_laws() == []


@pytest.mark.parametrize("table, call", [("person", lambda s: Api(s).get("/api/new?nickname=Somebody%20new&stage=a")),
                                         ("frontier", lambda s: Api(s).post("/api/newJob", {"token": Client(s).token}))],
                         ids=["newcomers", "claims"])
def test_what_refuses_everybody_who_comes_or_asks_is_no_ones_fault(faults, table, call):
    faults.load([str(i) for i in range(6)])
    mark = len(faults.tracker_log())
    with refused_with(faults, "23514", (table,)):
        asking = Later(call, faults)
        ready = eventually(lambda: what_readyz_says(faults, 503), what="readyz says so")
        assert "23514" in ready and asking.is_alive()
    assert asking.result(40).status_code == 200
    eventually(lambda: is_ready(faults), timeout_s=20, what="it is ready again")
    assert "event=op_refused" not in log_since(faults, mark)


def test_a_bad_end_that_postgresql_refuses_is_given_up_alone_and_the_others_pass(faults):
    faults.load([str(i) for i in range(4)])
    eventually(lambda: is_ready(faults), timeout_s=30, what="what the test before has refused is over")
    fleets, mark = [Fleet(faults) for _ in range(4)], len(faults.tracker_log())
    jobs = [f.take(1)[0] for f in fleets]
    faults.sql("alter table tracker.strike add constraint none_such check (reason <> 'poison')")
    try:
        late = [Later(f.raw, failed=[{**which(job), "reason": "poison" if i == 2 else "exit 1"}])
                for i, (f, job) in enumerate(zip(fleets, jobs))]
        assert [call.result(40).status_code for call in late] == [200, 200, 500, 200]
    finally:
        faults.sql("alter table tracker.strike drop constraint none_such")
    said = log_since(faults, mark)
    assert said.count("event=op_refused") == 1 and "event=postgres_away" not in said


def test_a_worker_whose_row_is_locked_keeps_nobody_from_work(faults):
    """A lock time-out is the server's affair as a rule; here everybody else passes."""
    faults.load([str(i) for i in range(8)])
    client, others, mark = held(faults), [held(faults) for _ in range(3)], len(faults.tracker_log())
    with server_with(faults, "lock_timeout", "50"), contextlib.closing(psycopg2.connect(faults.conninfo)) as other:
        with other.cursor() as cursor:
            cursor.execute("set lock_timeout = 0; select from tracker.worker where name = %s for update", (client.name,))
            late = Later(Api(faults).text, "/api/completeJob", {"token": client.token, "data": "y"})
            for w in others:
                assert Api(faults).text("/api/completeJob", {"token": w.token, "data": "z"}) == (200, "200 OK")
                w.get_job()
            with pytest.raises(requests.exceptions.ConnectionError):
                late.result(40)
            other.commit()
    assert "event=postgres_away" not in log_since(faults, mark)
    assert Api(faults).text("/api/completeJob", {"token": client.token, "data": "y"}) == (200, "200 OK")


# --- Redis refuses ----------------------------------------------------------------------------

@pytest.mark.parametrize("refuse, word", [
    (redis_replica, "READONLY"), (redis_full, "OOM"), (redis_forbidden, "NOPERM"), (redis_locked, "NOAUTH"), (redis_unsaved, "MISCONF"),
    (redis_busy, "BUSY"),
])
def test_a_redis_that_refuses_is_away_and_what_was_said_meanwhile_is_kept(faults, refuse, word):
    faults.load([str(i) for i in range(60)])
    client, busy, mark = held(faults), [Client(faults) for _ in range(4)], len(faults.tracker_log())
    eventually(lambda: is_ready(faults), what="it is ready before")
    with refuse(faults):
        client.log("half way")
        ready = eventually(lambda: word in (told := what_readyz_says(faults, 200, "ready; Redis is away")) and told, what="readyz says so")
        assert metric(faults, "tracker_redis_up") == 0 and metric(faults, "tracker_redis_refused_total") > 0
        for worker in busy * 10:  # news of which is published, as it may be by a replica
            worker.get_job()
            worker.complete("y")
        assert client.is_valid()
    worker = faults.one("select id from tracker.worker where name = %s", client.name)
    eventually(lambda: any(faults.redis.hget(key, "progress") == "half way" for key in faults.redis.keys(f"tracker:*:w:{worker}")),
               what="the progress is there")
    eventually(lambda: is_ready(faults), what="it is ready again")
    said = eventually(lambda: log_with(faults, mark, "event=redis_back"), what="the log says so")
    assert (said.count("event=redis_away"), said.count("event=redis_back")) == (1, 1), said


@pytest.mark.parametrize("refuse, part", [
    (redis_denies_reading, "redis_progress"), (redis_denies_copies, "redis_copies"), (redis_denies_news, "redis_news"),
    (redis_deaf, "redis_listen"),
])
def test_whatever_redis_refuses_is_told_as_long_as_it_lasts_and_once(faults, refuse, part):
    """All else is granted, and goes on meanwhile: that makes nothing well of what is refused."""
    faults.load([str(i) for i in range(5000)])
    client, mark = held(faults), len(faults.tracker_log())
    eventually(lambda: is_ready(faults), what="it is ready before")
    refused = metric(faults, "tracker_redis_refused_total")
    pages = Api(faults)

    def everything():
        client.log("on")
        client.get_job()
        client.complete("y")
        pages.get(f"/worker/extract/{client.name}?{time.time()}")
    with refuse(faults):
        eventually(lambda: everything() or what_readyz_says(faults, 200, "ready; Redis is away"), what="readyz says so")
        for _ in range(8):
            everything()
            told = what_readyz_says(faults, 200, "ready; Redis is away")
            assert re.search(rf"(?m)^{part}: ill .*NOPERM", told), told
            assert metric(faults, "tracker_redis_up") == 0
        assert metric(faults, "tracker_redis_refused_total") > refused
    eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready again, without anybody's asking")
    said = eventually(lambda: log_with(faults, mark, "event=redis_back"), what="the log says so")
    assert (said.count("event=redis_away"), said.count("event=redis_back")) == (1, 1), said


def denied(right):
    return lambda stack: redis_denies(stack, right)


class Somebody:
    """Uses Redis in every way that there is: beats, news, what is listened to, progress, copies of pages, /me, an erasure, the keeper."""

    def __init__(self, stack):
        self.stack, self.pages, self.client = stack, Api(stack), held(stack)
        Client(stack, nickname="Me")
        self.me = Visitor(stack, make_key(stack, "Me"))
        self.round = 0

    def uses_it_all(self, erases=False):
        self.round += 1
        self.client.log("on")
        self.client.complete("y")
        self.client.get_job()
        self.pages.get(f"/worker/extract/{self.client.name}?{self.round}").raise_for_status()
        self.me.look()
        self.me.does("hide" if self.round % 2 else "show")
        self.stack.sql("update tracker.worker set seen = now() - interval '1 day' where name = %s", Client(self.stack).name)  # whom the keeper asks for
        if erases:
            name = f"Other {self.round}"
            Client(self.stack, nickname=name)
            other = Visitor(self.stack, make_key(self.stack, name))
            other.look()
            assert other.send("erase", name=name, again=name).status_code == 200

    def ill(self):
        """{part: why} of what readyz says of Redis."""
        text = what_readyz_says(self.stack, 200, "ready")
        return dict(re.findall(r"(?m)^(redis\w*): ill .*?\((\w+)\)", text))


WRITES = {"redis", "redis_copying", "redis_erase"}
ANY = None  # whoever connects is refused, so which use met it, and which did without for a moment, is chance


@pytest.mark.parametrize("refuse, word, parts", [
    (redis_replica, "READONLY", WRITES), (redis_full, "OOM", {"redis", "redis_copying"}), (redis_unsaved, "MISCONF", ANY),
    (redis_locked, "NOAUTH", ANY), (redis_busy, "BUSY", ANY),
    (denied("hget"), "NOPERM", {"redis_presence", "redis_erase"}), (denied("hset"), "NOPERM", {"redis"}), (denied("pexpire"), "NOPERM", {"redis"}), (denied("set"), "NOPERM", {"redis_copying"}),
    (denied("del"), "NOPERM", {"redis_copying", "redis_erase"}), (denied("scan"), "NOPERM", {"redis_erase"}),
    (denied("publish"), "NOPERM", {"redis_news", "redis_tell", "redis_erase"}),
], ids=["READONLY", "OOM", "MISCONF", "NOAUTH", "BUSY", "hget", "hset", "pexpire", "set", "del", "scan", "publish"])
def test_each_use_of_redis_that_is_refused_is_told_and_degrades(faults, refuse, word, parts):
    """Every call is answered as ever, and which use is refused is told, no more and no less."""
    faults.load([str(i) for i in range(3000)])
    somebody = Somebody(faults)
    eventually(lambda: is_ready(faults) and not somebody.ill(), timeout_s=30, what="it is ready before")
    mark = len(faults.tracker_log())
    with refuse(faults):
        somebody.uses_it_all(erases=True)

        def told():
            # One whose connection has just been refused waits for its next try, and says nothing by it: so again.
            somebody.uses_it_all(erases="redis_erase" in (parts or ()) and "redis_erase" not in somebody.ill())
            ill = somebody.ill()
            assert set(ill.values()) == {word} and (set(ill) == parts if parts else "redis" in ill and len(ill) > 1), ill
            return True
        eventually(told, timeout_s=40, what=f"{parts} are told")
    eventually(lambda: is_ready(faults) and not somebody.ill(), timeout_s=30, what="all is well again, without anybody's asking")
    said = eventually(lambda: log_with(faults, mark, "event=redis_back"), what="the log says so")
    assert (said.count("event=redis_away"), said.count("event=redis_back")) == (1, 1), said
    assert faults.one("select count(*) from tracker.person where nickname like 'Other%'") == 0
    assert faults.broken_laws() == []


@pytest.mark.parametrize("refuse", [redis_locked, redis_denies_news], ids=["NOAUTH", "NOPERM"])
def test_what_an_operator_did_is_done_though_redis_could_not_be_told(faults, refuse):
    faults.load(["x"])
    for name in ("Ada", "Bob"):
        Client(faults, nickname=name)
    with refuse(faults):
        paused = faults.run("distcompute-admin", "pause", "a")
        assert "stage A is paused" in paused.stdout and "the tracker could not be told, and will find out itself" in paused.stderr
        erased = faults.run("distcompute-admin", "person", "erase", "Ada", "--yes", check=False)
        assert erased.returncode != 0 and erased.stdout.startswith("erased; ") and "what it keeps of them is gone within minutes" in erased.stderr
    faults.run("distcompute-admin", "resume", "a")
    assert faults.sql("select nickname from tracker.person where nickname in ('Ada', 'Bob')") == [("Bob",)]
    eventually(lambda: is_ready(faults), timeout_s=30, what="it is ready again")


# --- nobody could be heard --------------------------------------------------------------------

def is_gone(stack, client):
    return stack.one("select gone_at is not null from tracker.worker where name = %s", client.name)


def kept_for_a_moment(stack):
    """The keeper has noted that it hears, so that it knows when it stopped."""
    eventually(lambda: stack.one("select count(*) from tracker.hearing where at > now() - interval '2 seconds'"),
               what="somebody keeps")


def test_while_the_tracker_is_down_nobody_falls_silent(quick):
    clients = [Client(quick) for _ in range(5)]
    kept_for_a_moment(quick)
    master = quick.pid("tracker")
    os.kill(master, signal.SIGTERM)
    eventually(lambda: not process_is_alive(master), timeout_s=20, what="the tracker ended")
    asking = [Later(c.is_valid) for c in clients]
    time.sleep(5)  # longer than idle_timeout
    quick.up()
    assert [call.result() for call in asking] == [True] * 5
    eventually(lambda: all(is_gone(quick, c) for c in clients), timeout_s=25, what="then silence counts again")


def test_while_postgresql_is_away_nobody_falls_silent(quick):
    clients = [Client(quick) for _ in range(5)]
    kept_for_a_moment(quick)
    quick.stop_postgres()
    try:
        asking = [Later(c.is_valid) for c in clients]
        time.sleep(5)
    finally:
        quick.start_postgres()
    assert [call.result() for call in asking] == [True] * 5
    eventually(lambda: all(is_gone(quick, c) for c in clients), timeout_s=25, what="then silence counts again")


def test_a_clock_that_is_put_forward_drops_nobody(quick):
    """As PostgreSQL sees it: everything that was noted is suddenly an hour old."""
    clients = [Client(quick) for _ in range(5)]
    kept_for_a_moment(quick)
    quick.sql("do $$ begin"
              " update tracker.hearing set at = at - interval '1 hour';"
              " update tracker.worker set seen = seen - interval '1 hour';"
              " end $$")
    eventually(lambda: quick.one("select count(*) from tracker.deaf"), what="the gap is found")
    assert [c.is_valid() for c in clients] == [True] * 5


def test_metrics_and_readyz_tell_of_the_keeper(faults):
    kept_for_a_moment(faults)
    eventually(lambda: 0 <= metric(faults, "tracker_keeper_age_seconds") < 5, what="the age of its last round")
    eventually(lambda: re.search(r"(?m)^keeper: well ", Api(faults, plain=True).get("/readyz").text), what="the keeper is well")
