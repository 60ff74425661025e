"""
What the lists of distcompute-admin say: each column is what the tables have of it, in both forms; each option leaves
what it names and nothing else; a list longer than a page is whole.
"""
import itertools
import json
import re

import pytest

from client import Client, Fleet, which
from conftest import running_stack

ADMIN, LOAD = "distcompute-admin", "distcompute-load"
PEOPLE = (("Ada", "tool 1", 7, 3), ("Bob", "tool 2", 4, 1), ("Cyd", "tool 1", 2, 5))  # and their results, and bad ends
REASON = {"Ada": "disk full", "Bob": "no route", "Cyd": "disk full"}


def lines(stack, *words):
    return [json.loads(line) for line in stack.run(ADMIN, *words, "--json").stdout.splitlines()]


def said(stack, *words):
    """(lines as data, the text) of one command in its two forms."""
    return lines(stack, *words), stack.run(ADMIN, *words).stdout


@pytest.fixture(scope="module")
def lived():
    """A project in which no two numbers of a list are alike: 40 jobs and smaller batches, three people, everything that can be."""
    stack = running_stack("main")
    stack.empty()
    stack.run(LOAD, "--batch", "one", "--json", "-", stdin=json.dumps([f"job {n}" for n in range(40)]))
    crowd = {name: Fleet(stack, "a", name, label) for name, label, _, _ in PEOPLE}
    for name, _, results, bad in PEOPLE:
        jobs = crowd[name].take_all(results + bad)
        crowd[name].sync(done=[{**which(j), "data": "x" * 1024} for j in jobs[:results]])
        for job in jobs[results:]:
            stack.sql("update tracker.policy set max_attempts = %s", 10 if job is jobs[-1] else 1)
            crowd[name].give("failed", job, reason=REASON[name])
    stack.sql("update tracker.policy set max_attempts = 10")
    stack.sql("update tracker.retry set due = now() + interval '1 hour' where job > 20")
    stack.sql("update tracker.retry set due = now() where job <= 20")
    beside = Fleet(stack, "b", "Bob", "tool 2")
    beside.take(2)
    done = Fleet(stack, "b", "Ada", "tool 3")
    (job,) = done.take(1)
    done.sync(done=[{**which(job), "data": "y"}])
    crowd["Ada"].take(3)
    stack.sql("update tracker.lease set since = since - interval '2 hours' where job = (select min(job) from tracker.lease where stage = 1)")
    stack.sql("update tracker.lease set since = since - interval '3 hours' where job = (select min(job) from tracker.lease where stage = 2)")
    gone = Client(stack, nickname="Dee")
    gone.bye()
    for name, jobs, options in (("two", 5, ["--priority", "7", "--note", "for Ann", "--needs", "gpu", "--rate", "30"]),
                                ("three", 7, []), ("four", 2, ["--paused"])):
        stack.run(LOAD, "--append", "--batch", name, *options, "--json", "-", stdin=json.dumps(["z"] * jobs))
    for act in (["batch", "cancel", "three", "--reason", "twice"], ["pause", "b"], ["person", "hide", "Cyd"], ["trial", "a", crowd["Cyd"].name, "1"]):
        stack.run(ADMIN, *act)
    stack.run(ADMIN, "trial", "--back", str(stack.one("select max(id) from tracker.trial")))
    stack.sql("update tracker.trial set ended = asked + interval '90 seconds'")
    stack.run(ADMIN, "trial", "a", crowd["Ada"].name, "12")
    assert stack.broken_laws() == []
    return stack


# --- columns --------------------------------------------------------------------------------------

# Each command that lists, and what its columns are, by the tables alone.
LISTS = {
    "leases": "select s.letter as stage, l.job, w.name as worker, p.nickname as person, l.since, l.attempt, w.seen, w.label"
              " from tracker.lease l join tracker.worker w on w.id = l.worker join tracker.person p on p.id = w.person"
              " join tracker.stage s on s.stage = l.stage order by l.since, l.stage, l.job",
    "workers": "select s.letter as stage, w.name, p.nickname as person, w.label, host(w.address) as address, w.created, w.seen,"
               " (select count(*) from tracker.lease l where l.worker = w.id) as in_hand,"
               " (select count(*) from tracker.output o where o.worker = w.id) as done,"
               " (select count(*) from tracker.strike k where k.worker = w.id) as bad"
               " from tracker.worker w join tracker.person p on p.id = w.person join tracker.stage s on s.stage = w.stage"
               " where w.gone_at is null order by w.id",
    "failed": "select s.letter as stage, f.job, f.attempt, f.kind, f.reason, w.name as worker, f.at from tracker.failed f"
              " join tracker.worker w on w.id = f.worker join tracker.stage s on s.stage = f.stage order by f.stage, f.job",
    "labels": "select count(*) filter (where w.gone_at is null) as present, count(*) as workers, count(distinct w.person) as people,"
              " sum((select count(*) from tracker.output o where o.worker = w.id))::int8 as done,"
              " sum((select count(*) from tracker.strike k where k.worker = w.id))::int8 as bad, w.label as what"
              " from tracker.worker w group by w.label",
    "trials": "select t.id as trial, t.asked, s.letter as stage, w.name as worker, p.nickname as person, t.job, t.state, t.ended,"
              " octet_length(t.known) as known, coalesce(t.said, '') as said from tracker.trial t join tracker.worker w on w.id = t.worker"
              " join tracker.person p on p.id = w.person join tracker.stage s on s.stage = t.stage order by t.id",
    "audit": "select id, at, count, who, act, target, state, details from tracker.audit order by id",
}


def as_told(value):
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else value


def expected(stack, query):
    with stack.db.cursor() as cursor:
        cursor.execute("set time zone 'UTC'")
        cursor.execute(query)
        names = [c.name for c in cursor.description]
        return [dict(zip(names, map(as_told, row))) for row in cursor.fetchall()]


@pytest.mark.parametrize("command", LISTS)
def test_a_list_tells_programs_what_the_tables_have(lived, command):
    told = lines(lived, command)
    rows = expected(lived, LISTS[command])
    order = (lambda row: row["what"]) if command == "labels" else (lambda row: 0)
    assert sorted(told, key=order) == sorted(rows, key=order) and len(told) >= 2


def table_of(text, heads):
    """The lines below the head that has these words; the text has other tables, too."""
    lines = text.split("\n")
    (at,) = [i for i, line in enumerate(lines) if line.split()[:3] == " ".join(heads).replace("_", " ").split()[:3]]
    return lines[at + 1:]


SHOWN_OTHERWISE = ("eta_s", "per_minute", "stages", "rate", "input", "output", "known", "needs")


@pytest.mark.parametrize("command, member", [("leases", None), ("workers", None), ("batch --all", None), ("trials", None),
                                             ("job 1", "stages"), ("job 1", "batch"), ("person Ada", "stages"), ("person Ada", "machines")])
def test_a_table_tells_people_what_the_list_tells_programs(lived, command, member):
    """Each value stands in the line of its row, in the order of the columns."""
    told, text = said(lived, *command.split())
    rows = told[0][member] if member else told
    assert rows
    for row, rest in zip(rows, table_of(text, list(rows[0]))):
        line = rest
        for name, value in row.items():
            if name in SHOWN_OTHERWISE or value in (None, ""):
                continue
            word = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value).upper() if name == "stage" else str(value)
            _, found, rest = rest.partition(word)
            assert found, (name, word, line)


def test_status_tells_where_the_jobs_are(lived):
    """Each number is another one; bad ends are those of five minutes."""
    ((status,), text) = said(lived, "status")
    counts = {row["letter"].strip(): row for row in expected(lived, "select * from tracker.read_counts()")}
    for stage in status["stages"]:
        assert {k: stage[k] for k in ("ready", "retry", "due", "leased", "done", "failed", "cancelled", "paused", "name")} == {
            k: counts[stage["stage"]][k] for k in ("ready", "retry", "due", "leased", "done", "failed", "cancelled", "paused", "name")}
        assert stage["workers"] == lived.one("select count(*) from tracker.worker w join tracker.stage s on s.stage = w.stage"
                                             " where s.letter = %s and w.gone_at is null", stage["stage"])
    a = status["stages"][0]
    assert len({a[k] for k in ("ready", "retry", "due", "leased", "done", "failed", "cancelled")}) == 7, a
    assert {k: a["failing"][k] for k in ("attempts", "done", "workers", "kind", "reason")} == {
        "attempts": 9, "done": 13, "workers": 3, "kind": "failed", "reason": "disk full"}
    line = next(line for line in text.splitlines() if line.startswith("A "))
    assert [int(n) for n in line.split()[2:]] == [a[k] for k in ("ready", "retry", "leased", "done", "failed", "cancelled", "workers")]
    assert next(line for line in text.splitlines() if line.startswith("B ")).endswith("  paused")
    since = f", since {a['failing']['since']}" if a["failing"]["since"] else ""
    assert f"A fails: 9 of 22 attempts in five minutes, of 3 workers{since}; mostly failed, at last: " in text
    small = lived.one("select (max(total) - sum(bytes)) / 1048576.0 from tracker.list_sizes(5)")
    assert small > 0.2 and abs(float(re.search(r"and ([0-9.]+) MiB in smaller ones", text)[1]) - float(small)) < 0.2


def test_sizes_are_told_in_their_units(lived):
    (told,), text = said(lived, "job", "1")
    assert told["stages"][0]["output"] == 1024 and "1.0 KiB" in text and "5 B" in text
    waiting = lines(lived, "job", "39")[0]["stages"][0]
    assert waiting["worker"] is None and waiting["output"] is None and waiting["finished"] is None


# --- options --------------------------------------------------------------------------------------

OPTIONS = {
    "workers": {"stage": ("stage", ["a", "b"]), "person": ("person", ["Ada", "Bob"]), "label": ("label", ["tool 1", "tool 2"]),
                "address": ("address", ["127.0.0.0/8", "10.0.0.0/8"])},
    "leases": {"stage": ("stage", ["a", "b"]), "older": ("since", ["1h", "1d"])},
    "failed": {"stage": ("stage", ["a", "b"]), "batch": ("job", ["one", "two"])},
}


def keeps(stack, option, field, value, row):
    if option == "address":
        return value.startswith("127")
    if option == "older":
        return value == "1h" and stack.one("select %s::timestamptz < now() - interval '1 hour'", row[field])
    return row[field] <= 40 if value == "one" else value != "two" and row[field] == value


@pytest.mark.parametrize("command", OPTIONS)
def test_options_of_a_list_leave_what_they_name_alone_and_together(lived, command):
    everything = lines(lived, command)
    one = [(option, field, value) for option, (field, values) in OPTIONS[command].items() for value in values]
    for chosen in [(o,) for o in one] + list(itertools.combinations(one[::2], 2)):
        words = [word for option, _, value in chosen for word in (f"--{option}", value)]
        assert lines(lived, command, *words) == [row for row in everything if all(keeps(lived, *o, row) for o in chosen)], words


def test_what_is_over_is_listed_when_it_is_asked_for(lived):
    for words, names in ([], {"one", "two", "four"}), (["--all"], {"one", "two", "three", "four"}):
        told, text = said(lived, "batch", *words)
        assert {row["name"] for row in told} == {line.split()[0] for line in text.splitlines()[1:]} == names


def test_a_list_longer_than_a_page_is_whole(fresh):
    """A page has a thousand; of what is in hand that is all, and it is said."""
    fresh.load(["x"] * 2005)
    crowd = [Fleet(fresh, "a", name) for name in ("Ada", "Bob")]
    fresh.sql("update tracker.policy set max_attempts = 1")
    try:
        for fleet, count in zip(crowd, (1000, 1)):
            fleet.sync(failed=[{**which(j), "reason": "x"} for j in fleet.take_all(count)])
    finally:
        fresh.sql("update tracker.policy set max_attempts = 10")
    fresh.sql("update tracker.worker set rest_until = '-infinity'")
    jobs = crowd[0].take_all(1000) + crowd[1].take_all(1)
    Fleet(fresh, "a", "Cyd")
    fresh.sql("select tracker.audit_act('act', n::text, 0, null, 'done') from generate_series(1, 1001) n")
    fresh.sql("do $$ declare w tracker.worker; begin"
              " select * into w from tracker.worker order by id desc limit 1;"
              " for n in 1 .. 1001 loop"
              "  w.id := w.id + 1; w.token := gen_random_uuid(); w.name := 'copy-' || n;"
              "  insert into tracker.worker overriding system value select w.*;"
              " end loop; end $$")
    assert [row["job"] for row in lines(fresh, "failed")] == list(range(1, 1002))
    assert [row["target"] for row in lines(fresh, "audit")] == [str(n) for n in range(1, 1002)]
    assert len(fresh.run(ADMIN, "workers").stdout.splitlines()) == 1005 and len({row["name"] for row in lines(fresh, "workers")}) == 1004
    told, text = said(fresh, "leases")
    assert [row["job"] for row in told] == sorted(job["job"] for job in jobs)[:1000] and text.endswith("(the 1000 oldest)\n")


# --- acts by condition ----------------------------------------------------------------------------

def test_what_is_put_back_meets_all_that_is_asked_for(fresh):
    """Each pair of conditions has one job of its own in both stages."""
    fresh.run(LOAD, "--batch", "one", "--json", "-", stdin=json.dumps(["x"] * 3))
    fresh.run(LOAD, "--append", "--batch", "two", "--json", "-", stdin=json.dumps(["x"] * 5))
    first = Fleet(fresh, "a", "Zoe")
    first.sync(done=[{**which(j), "data": "y"} for j in first.take_all(8)])
    fresh.sql("update tracker.policy set max_attempts = 1")
    try:
        for number in range(1, 9):
            fleet = Fleet(fresh, "b", "Ada" if number in (1, 4, 6) else "Bob", "old" if number in (2, 4, 5) else "new")
            (job,) = fleet.take(1)
            assert job["job"] == number
            fleet.give("failed", job, reason="disk full" if number in (1, 2, 3, 7) else "no route")
    finally:
        fresh.sql("update tracker.policy set max_attempts = 10")

    assert [(row["stage"], row["job"]) for row in lines(fresh, "failed")] == [("b", number) for number in range(1, 9)]

    def back(*words):
        before = {row["job"] for row in lines(fresh, "failed", "--stage", "b")}
        told = lines(fresh, "requeue", *words)
        gone = before - {row["job"] for row in lines(fresh, "failed", "--stage", "b")}
        assert sum(line["back"] for line in told) == len(gone) and sum(line["cancelled"] for line in told) == 0
        return gone
    assert back("--all", "--stage", "a") == set()
    assert back("--reason", "DISK", "--person", "Ada") == {1}
    assert back("--reason", "disk", "--label", "old") == {2}
    assert back("--reason", "disk", "--batch", "one") == {3}
    assert back("--person", "Ada", "--label", "old") == {4}
    assert back("--label", "old", "--batch", "two") == {5}
    fresh.run(ADMIN, "batch", "cancel", "two")
    told = lines(fresh, "requeue", "--all")
    assert [(line["stage"], line["back"], line["cancelled"]) for line in told] == [("a", 0, 0), ("b", 0, 3)]


def test_what_is_done_to_some_of_those_that_are_named_is_no_success(fresh):
    """The rest is done; who names a job twice means one."""
    fresh.load(["x", "y", "z"])
    fleet = Fleet(fresh)
    fresh.sql("update tracker.policy set max_attempts = 1")
    try:
        fleet.give("failed", fleet.take(1)[0], reason="x")
    finally:
        fresh.sql("update tracker.policy set max_attempts = 10")
    for words, status in ((["hurry", "1", "3"], 1), (["hurry", "--stage", "b", "2"], 1), (["hurry", "2", "2"], 0),
                          (["requeue", "--stage", "a", "1", "2"], 1)):
        answer = fresh.run(ADMIN, *words, check=False)
        assert (answer.returncode, answer.stderr.count("\n")) == (status, status), (words, answer)
    assert fresh.one("select count(*) from tracker.failed") == 0
    jobs = [fleet.take(1)[0] for _ in range(2)]
    assert [job["job"] for job in jobs] == [3, 2]
    again = fresh.run(ADMIN, "requeue", "--stage", "a", "2", "2", check=False)
    assert again.returncode == 1 and again.stderr.endswith("1 of the 1 had not failed in stage A\n")
    assert fleet.done(jobs[0]) == "accepted"  # and waits in the next stage
    assert fresh.run(ADMIN, "hurry", "--stage", "a", "3", check=False).returncode == 1
    assert fresh.run(ADMIN, "hurry", "--stage", "b", "3").stdout.startswith("stage B: 1 job goes before every batch")
