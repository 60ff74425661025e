"""Acts of an operator that break in the middle: PostgreSQL killed or stopped at once under them, no room left on its disk.

Of an act that is one transaction nothing has happened; of one that goes on in steps each is whole, and the program tells how it goes on.
Then it is called again, and ends as if nothing had been.
"""
import itertools
import json
import os
import signal
import subprocess

import pytest

from client import work
from refusing import without_room
from stack import program
from waiting import eventually

ADMIN = "distcompute-admin"


CHEATS = (f"Mallory{n}" for n in itertools.count())


@pytest.fixture
def cheat():
    """Another one each time: what is done to people outlives a load."""
    return next(CHEATS)


@pytest.fixture
def peopled(faults, cheat):
    """The cheat has done, failed and had refused; Ada has done; both are here."""
    faults.load([f"job {n}" for n in range(60)])
    mallory, _ = work(faults, "a", cheat, 30)
    work(faults, "a", "Ada", 10, "right")
    for job in mallory.take_all(6):
        mallory.give("failed", job, reason=f"{cheat}'s disk")
    faults.run(ADMIN, "undo", "--person", cheat, "--reason", f"{cheat} made it up")
    work(faults, "a", cheat, 20)
    work(faults, "a", "Bob", 10)
    yield faults
    faults.sql("drop schema if exists halting cascade")


def halt_at(stack, table, event):
    """Whoever writes that table for an operator stops there, until they are killed. It is no function of the tracker's."""
    stack.sql("create schema halting")
    stack.sql("create function halting.halt() returns trigger language plpgsql as $$ begin"
              " if current_setting('application_name') = 'distcompute-admin' then perform pg_sleep(600); end if;"
              " return null; end $$")
    stack.sql(f"create trigger halt after {event} on tracker.{table} for each statement execute function halting.halt()")


def backend_at_halt(stack):
    return stack.sql("select pid from pg_stat_activity where application_name = 'distcompute-admin' and wait_event = 'PgSleep'")


def kill_backend(stack, pid):
    """As if it had crashed: PostgreSQL ends all others, and recovers."""
    os.kill(pid, signal.SIGKILL)
    stack.forget_db()


def stop_at_once(stack, _pid):
    stack.stop_postgres(at_once=True)
    stack.start_postgres()
    stack.forget_db()


def break_at(stack, table, event, how, *words):
    """Calls the program, breaks PostgreSQL where it halts, and answers with what the program said."""
    halt_at(stack, table, event)
    p = subprocess.Popen([program(ADMIN), "--config", stack.config, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ((pid,),) = eventually(lambda: backend_at_halt(stack), timeout_s=60, what="it is in the middle")
    how(stack, pid)
    said, why = p.communicate(timeout=60)
    assert p.returncode == 1 and "taken back" not in said and why.startswith(f"{ADMIN}: "), (p.returncode, said, why)
    eventually(lambda: answers(stack), timeout_s=60, what="PostgreSQL is back")
    stack.sql("drop schema halting cascade")
    assert stack.broken_laws() == []
    return why


def answers(stack):
    try:
        return stack.one("select not pg_is_in_recovery()")
    except Exception:  # pylint: disable=broad-except
        stack.forget_db()
        return False


def everything(stack):
    """All that an act might have changed, but for what the tracker itself goes on doing."""
    tables = {t: "*" for t in ("person", "person_key", "ban", "refused_output", "output", "strike", "retry", "lease", "failed", "purged")}
    tables["worker"] = "id, token, person, name, label, address, gone_at, gone_why, done"
    tables["audit"] = "id, act, target, count, state"
    tables["person"] = "id, nickname, merged_into, hidden, erased"
    tables["retry"] = "stage, job, attempt"
    return {t: sorted(map(repr, stack.sql(f"select {what} from tracker.{t}"))) for t, what in tables.items()}


@pytest.mark.parametrize("how", [kill_backend, stop_at_once])
@pytest.mark.parametrize("table, event, words", [
    ("person", "update", ["person", "erase", "Mallory", "--yes"]),
    ("strike", "update", ["person", "erase", "Mallory", "--yes"]),
    ("person", "update", ["person", "merge", "Mallory", "Ada", "--yes"]),
    ("ban", "insert", ["ban", "--person", "Mallory", "--reason", "made up"]),
    ("worker", "update", ["ban", "--person", "Mallory", "--reason", "made up"]),
    ("person", "update", ["person", "rename", "Mallory", "Eve of Mallory"])], ids=lambda x: "-".join(x[:2]) if isinstance(x, list) else None)
def test_of_an_act_under_which_postgresql_dies_nothing_has_happened(peopled, cheat, table, event, words, how):
    words = [w.replace("Mallory", cheat) for w in words]
    before = everything(peopled)
    break_at(peopled, table, event, how, *words)
    assert everything(peopled) == before
    peopled.run(ADMIN, *words)
    assert everything(peopled) != before and peopled.broken_laws() == []


@pytest.mark.parametrize("how", [kill_backend, stop_at_once])
def test_a_merge_under_which_postgresql_dies_goes_on(peopled, cheat, how):
    """The names are one already; some of the workers are not moved."""
    why = break_at(peopled, "worker", "update", how, "person", "merge", cheat, "Ada", "--yes")
    assert peopled.one("select state from tracker.audit where act = 'merge people'") == "begun"
    command = why.strip().splitlines()[0].partition("the merge is not done; go on with: ")[2]
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False,
                         env={**os.environ, "PATH": peopled.read_status()["bin"] + ":" + os.environ["PATH"]})
    assert ran.returncode == 0, (command, ran.stderr)
    assert peopled.sql("select count(*), max(state) from tracker.audit where act = 'merge people'") == [(1, "done")]
    assert peopled.one("select count(*) from tracker.worker w join tracker.person p on p.id = w.person where p.nickname = %s", cheat) == 0
    assert peopled.one("select count(*) from tracker.refused_output r join tracker.person p on p.id = r.person where p.nickname = %s", cheat) == 0
    assert peopled.broken_laws() == []


@pytest.mark.parametrize("how", [kill_backend, stop_at_once])
@pytest.mark.parametrize("table", ["strike", "refused_output"])
def test_a_purge_under_which_postgresql_dies_goes_on(peopled, table, how):
    work(peopled, "a", "Ada", 10, "right")
    peopled.sql("update tracker.strike set at = at - interval '9 days'")
    peopled.sql("update tracker.refused_output set refused = refused - interval '9 days'")
    before = everything(peopled)
    why = break_at(peopled, table, "delete", how, "purge", "--older", "1d", "--yes")
    assert "the purge is not done; go on with: " in why and why.splitlines()[0].endswith(" purge --older 1d --yes")
    assert everything(peopled)[table] == before[table]
    said = json.loads(peopled.run(ADMIN, "purge", "--older", "1d", "--yes", "--json").stdout)
    assert "deleted" in said["done"] and len(everything(peopled)[table]) < len(before[table])
    assert peopled.broken_laws() == []


def in_steps_until_it_fails(stack, *words):
    done = stack.run(ADMIN, "undo", *words, check=False, timeout_s=120)
    assert done.returncode == 1 and done.stdout == "", (done.stdout, done.stderr)
    return done.stderr.strip().splitlines()


def test_an_undo_for_which_there_is_no_room_goes_on_when_there_is(faults):
    """Some of its steps are done, and the rest as if they had not been begun."""
    faults.load([f"job {n}" for n in range(400)])
    work(faults, "a", "Mallory", 400)
    faults.sql("create sequence tracker.tries")
    faults.sql("create function tracker.no_room() returns trigger language plpgsql as $$ begin"
               " if nextval('tracker.tries') > 250 then raise exception 'could not extend file' using errcode = '53100'; end if;"
               " return new; end $$")
    faults.sql("create trigger no_room before insert on tracker.refused_output for each row execute function tracker.no_room()")
    try:
        lines = in_steps_until_it_fails(faults, "--person", "Mallory", "--reason", "made up")
    finally:
        faults.sql("drop function tracker.no_room() cascade")
        faults.sql("drop sequence tracker.tries")
    done = faults.one("select count(*) from tracker.refused_output")
    assert 0 < done <= 250 and faults.broken_laws() == []
    assert faults.one("select count(*) from tracker.output") == 400 - done
    assert any("no room" in line or "53100" in line or "could not extend" in line for line in lines), lines
    (command,) = [line.partition("is not done; go on with: ")[2] for line in lines if "go on with" in line]
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False,
                         env={**os.environ, "PATH": faults.read_status()["bin"] + ":" + os.environ["PATH"]})
    assert ran.returncode == 0 and "400 results of 400 jobs set aside" in ran.stdout, (command, ran.stderr)
    assert faults.one("select count(*) from tracker.output") == 0 and faults.broken_laws() == []


def test_an_undo_that_is_begun_on_a_full_disk_is_none(faults):
    faults.load([f"job {n}" for n in range(40)])
    work(faults, "a", "Mallory", 40)
    with without_room(faults, ("undo_item",)):
        done = faults.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up", check=False)
    assert done.returncode == 1 and "go on" not in done.stderr
    assert faults.sql("select count(*) from tracker.audit where act = 'undo'") == [(0,)]
    assert faults.one("select count(*) from tracker.output") == 40 and faults.broken_laws() == []
