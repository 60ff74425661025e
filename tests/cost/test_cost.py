"""Instructions that PostgreSQL executes for one claim and one completion, beside those of instructions.txt.

A quick path grows by a statement at a time, each too small for a bench on a noisy machine to see. Instructions
are counted by callgrind, in one backend without a server, and hardly differ from run to run: more than 2 % above
the file is red, until the file is changed, and says why.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "sql"))

from conftest import Server, programs  # noqa: E402  pylint: disable=wrong-import-position

BOUND = 1.02
WARM, COUNTED = 3, 9  # rounds; the median of the counted ones: every four seconds a row of tally is a new one
LIMIT = 16 << 20
HINTS = "'{0,0,0,0,0}'"


def known():
    """{what: instructions} and the major version of PostgreSQL that they are of."""
    with open(os.path.join(HERE, "instructions.txt"), encoding="utf-8") as f:
        text = f.read()
    return ({what: int(n) for n, what in re.findall(r"^ +(\d+)  (\w.+)$", text, re.M)},
            re.search(r"PostgreSQL (\d+)", text).group(1))


def array(values, of):
    return "'{" + ",".join(str(v) for v in values) + "}'::" + of + "[]"


def token(stage, n):
    return f"{stage:08d}-0000-4000-8000-{n:012d}"


def tokens(stage, count):
    return array([token(stage, n) for n in range(count)], "uuid")


class Ids:
    """Of leases: none is given twice. Their last byte says whose turn it is: of what is done anew, or of fresh work (see is_turn_of_anew)."""
    given = 0

    @classmethod
    def take(cls, count, fresh=False):
        cls.given += count
        last = "c0" if fresh else "00"
        return array([token(99, n)[:-12] + f"{n:010d}{last}" for n in range(cls.given - count, cls.given)], "uuid")


def claim_v1(stage, count, ids=None):
    return ("select item, status, worker, stage, job, lease, attempt, data from tracker.claim_fresh("
            f"{tokens(stage, count)}, {array([5] * count, 'int8')}, {array(range(count), 'int8')}, {HINTS},"
            f" {ids or Ids.take(count)}, {LIMIT})")


def complete_v1(stage, count):
    return ("select item, status, worker, stage from tracker.complete_held("
            f"{tokens(stage, count)}, {array(['result'] * count, 'text')}, {tokens(stage, count)},"
            f" {array([5] * count, 'int8')})")


def claim_fleet(count, want):
    no = array(["f"] * count, "bool")
    return ("select item, status, worker, stage, job, lease, attempt, data from tracker.claim_fleet("
            f"{tokens(1, count)}, {array([want] * count, 'int4')}, {array([5] * count, 'int8')},"
            f" {array(range(count), 'int8')}, {no}, {no}, '{{}}', '{{}}', {HINTS}, {Ids.take(count * want)}, {LIMIT})")


def complete_fleet(count):
    """All that these workers hold."""
    return ("select x.item, x.status, x.worker, x.stage from (select array_agg(w.token) as tokens,"
            " array_agg(l.job) as jobs, array_agg(l.id) as leases, array_agg('result'::text) as datas,"
            " array_agg(5::int8) as ages from tracker.lease l join tracker.worker w on w.id = l.worker"
            f" where w.token = any ({tokens(1, count)})) y,"
            " tracker.complete_jobs(y.tokens, y.jobs, y.leases, y.datas, y.tokens, y.ages) x")


# What was undone, and what a worker failed that does not ask now; both have been due for long.
BACK = ("insert into tracker.retry (stage, batch, job, due, attempt, lease, worker) select 1, 1, n, '2000-01-01', {attempt},"
        " {lease}, {worker} from generate_series({first}, {first} + {count} - 1) n")


class Back:
    """Jobs that came back: their numbers are from the end, which no fresh work comes to."""
    first = 20000

    @classmethod
    def put(cls, count, anew):
        cls.first -= count
        of = {"attempt": 1, "lease": "null", "worker": "null"} if anew else \
            {"attempt": 2, "lease": f"'{token(98, cls.first)}'", "worker": -1}
        return BACK.format(first=cls.first, count=count, **of)


def claims_of_what_came_back():
    """Bundles as long as those of 64 connections; what is no claim has no name, and is not compared."""
    count, at = 13, "13 a bundle, stage A"
    for what, before, ids, after in (
            ("4 came back", Back.put(4, False), None, None),
            ("the turn of what is done anew", Back.put(count, True), None, None),
            ("the turn of fresh work", Back.put(1, True), Ids.take(count, fresh=True), "delete from tracker.retry"),
            ("the first in line has none left", "update tracker.stage set line = '{2,1}' where stage = 1", None,
             "update tracker.stage set line = '{1}' where stage = 1")):
        yield None, before
        yield f"v1 claims, {at}, {what}", claim_v1(1, count, ids)
        if after:
            yield None, after
        yield None, complete_v1(1, count)
    yield None, Back.put(32, False)
    yield "fleet claims, 8 a bundle with 8 each, half came back", claim_fleet(8, 8)
    yield None, complete_fleet(8)


def one_round():
    for count in (1, 64):
        for stage in (1, 2):
            at = f"{count} a bundle, stage {'AB'[stage - 1]}"
            yield f"v1 claims, {at}", claim_v1(stage, count)
            yield f"v1 completes, {at}", complete_v1(stage, count)
    for count, want in ((1, 1), (1, 64), (8, 8)):
        at = f"{count} a bundle with {want} each"
        yield f"fleet claims, {at}", claim_fleet(count, want)
        yield f"fleet completes, {at}", complete_fleet(count)


def fill(server):
    c = server.connect()
    run = c.cursor().execute
    run("select tracker.propose_stages(array['One', 'Two'])")
    run("insert into tracker.job (number, data) select n, 'https://example.org/' || n"
        " from generate_series(1, 20000) n; select tracker.open_batch('all', true, 20000)")
    # Another batch, of which nothing is left, stands in no line.
    run("insert into tracker.job (number, data) values (20001, 'the last'); select tracker.open_batch('over', true, 20001);"
        " delete from tracker.ahead where batch = 2; update tracker.stage set line = '{1}' where stage = 1;"
        " insert into tracker.frontier (batch, epoch, next, last, previous)"
        " values (2, tracker.now_epoch(), 20002, 20001, 20001)")
    run("insert into tracker.person (nickname) values ('anonymous')")
    for stage in (1, 2):
        run("insert into tracker.worker (token, stage, name, person, created, seen)"
            " select u.token, %s, 'quiet-otter-' || u.token, p.id, now(), now()"
            " from unnest(%s::uuid[]) u(token), tracker.person p", (stage, [token(stage, n) for n in range(64)]))
    c.close()


def count(server, statements):
    """The instructions of each: what PortalRun and all below it execute, one dump a statement."""
    folder = os.path.join(server.dir, "counted")
    os.mkdir(folder)
    as_server = ()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_server = ("runuser", "-u", "postgres", "--")
    out = os.path.join(folder, "out")
    done = subprocess.run(
        [*as_server, "valgrind", "--tool=callgrind", "--toggle-collect=PortalRun", "--dump-after=PortalRun",
         "--combine-dumps=yes", f"--callgrind-out-file={out}", os.path.join(programs(), "postgres"), "--single",
         "-D", os.path.join(server.dir, "data"), "tracker"],
        input="\n".join(statements) + "\n", text=True, capture_output=True, cwd="/", check=True)
    with open(out, encoding="utf-8") as f:
        counted = [int(n) for n in re.findall(r"^totals: (\d+)", f.read(), re.M)][:len(statements)]
    assert len(counted) == len(statements), done.stderr[-2000:]
    # Each did what it is there for.
    assert " ERROR: " not in done.stderr, done.stderr[-2000:]
    assert done.stdout.count('status = "job"') == done.stdout.count('status = "accepted"') > 0
    return counted


@pytest.fixture(scope="session")
def measured():
    server = Server()
    try:
        server.fill()
        fill(server)
        server.ctl("-m", "fast", "stop")
        # Not in turn: what these leave dead in retry would cost the others.
        rounds = [said for part in (one_round, claims_of_what_came_back) for _ in range(WARM + COUNTED) for said in part()]
        found = {}
        for (what, _), n in zip(rounds, count(server, [sql for _, sql in rounds])):
            found.setdefault(what, []).append(n)
        return {what: statistics.median(ns[WARM:]) for what, ns in found.items() if what}
    finally:
        shutil.rmtree(server.dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def _can_count():
    if not shutil.which("valgrind"):
        pytest.skip("no valgrind")
    version = subprocess.run([os.path.join(programs(), "postgres"), "--version"], capture_output=True, text=True,
                             check=True).stdout
    if re.search(r"(\d+)\.", version).group(1) != known()[1]:
        pytest.skip(f"counted with PostgreSQL {known()[1]}, here is {version.strip()}")


@pytest.mark.parametrize("what", list(known()[0]))
def test_a_call_costs_no_more_instructions_than_the_file_says(measured, what):
    limit = known()[0][what] * BOUND
    assert measured[what] <= limit, "".join(f"\n{n:10.0f}  {w}" for w, n in measured.items())


def test_everything_that_is_counted_is_in_the_file(measured):
    assert list(measured) == list(known()[0])
