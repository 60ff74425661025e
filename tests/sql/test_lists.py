"""What every list promises: its order, ties too; no more rows than were asked for, and one more where that tells of more; each page after the last."""

import itertools
import uuid

import pytest

from house import hash_of

NAMES = ("Fay", "Ben", "Eve", "Ada", "Dot", "Cy")
AGES = (2, 5, 2, 1, 5, 2)  # minutes: rows are written in no order, and some are of one moment
MOMENTS = len(AGES)


def at(age):
    return f"timestamptz '2026-03-01 12:00Z' - interval '{age} minutes'"


def person(house, name, **columns):
    names = "".join(f", {c}" for c in columns)
    return house.value(f"insert into tracker.person (nickname{names}) values (%s{', %s' * len(columns)}) returning id", name, *columns.values())


def worker(house, of, age=0, left=None, stage=1, **columns):
    """A row of one that came so many minutes ago, and left so many ago."""
    gone = "null, null" if left is None else f"{at(left)}, 'bye'"
    columns = {"token": uuid.uuid4(), "stage": stage, "name": uuid.uuid4().hex, "person": of, **columns}
    return house.value(
        f"insert into tracker.worker (created, seen, gone_at, gone_why, {', '.join(columns)}) values ({at(age)}, now(),"
        f" {gone}, {', '.join(['%s'] * len(columns))})"
        " returning id", *columns.values())


def lease(house, of, job, age=0, stage=1):
    house.rows(f"insert into tracker.lease (stage, job, id, worker, since, attempt, call, batch) values (%s, %s, %s, %s, {at(age)}, 1, 0, 1)",
               stage, job, uuid.uuid4(), of)


def strike(house, of, job, age=0, kind="failed", stage=1):
    return house.value(f"insert into tracker.strike (stage, job, worker, kind, reason, at) values (%s, %s, %s, %s, %s, {at(age)}) returning id",
                       stage, job, of, kind, f"reason {job}")


def output(house, of, whose, job, age=0, stage=1):
    house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
               f" values (%s, %s, %s, %s, 1, %s, {at(9)}, {at(age)}, 'made')", stage, job, of, whose, uuid.uuid4())


def merged(house, names=("Ada", "Bea")):
    """Somebody, and who was merged into them."""
    into = person(house, names[0])
    return into, person(house, names[1], merged_into=into)


def by(rows, *keys):
    """Their last elements, in the order of the keys (-n: downwards), of which the first is 1."""
    for key in reversed(keys):
        rows = sorted(rows, key=lambda r: r[abs(key) - 1], reverse=key < 0)
    return [r[-1] for r in rows]


# Each writes rows in no order, and gives the call, whose last %s is how many, the column that says which row, and the rows in their order.

def of_machines(house):
    mine = merged(house)
    rows = [(-age, worker(house, mine[n % 2], age)) for n, age in enumerate(AGES)]
    worker(house, mine[0], 3, left=1)
    worker(house, person(house, "Zoe"), 3)
    return f"own_machines({mine[0]}, null, null, %s)", "id", by(rows, 1, 2)


def of_a_persons_workers(house):
    call, key, rows = of_machines(house)
    return call.replace("own_machines", "read_person_workers"), key, rows


def of_machines_that_left(house):
    mine = merged(house)
    rows = [(-age, worker(house, mine[n % 2], 9, left=age)) for n, age in enumerate(AGES)]
    worker(house, mine[0], 3)
    worker(house, person(house, "Zoe"), 3, left=1)
    return f"own_left({mine[0]}, %s)", "id", by(rows, -1, -2)


def of_workers(house):
    who = person(house, "Ada")
    rows = [(-age, worker(house, who, age)) for age in AGES]
    worker(house, who, 3, left=1)
    return "read_workers(1::int2, null, null, null, null, %s, 900)", "id", by(rows, 1, 2)


def of_workers_of_somebody(house):
    call, key, rows = of_machines(house)
    return "read_workers(1::int2, 'Ada', null, null, null, %s, 900)", key, rows


def of_leases(house):
    w = worker(house, person(house, "Ada"))
    rows = [(-age, 1 + n % 2, job) for n, (job, age) in enumerate(zip((4, 1, 6, 2, 5, 3), AGES))]
    for age, stage, job in rows:
        lease(house, w, job, -age, stage)
    return "list_leases(60, null, %s)", "job", by(rows, 1, 2, 3)


def of_a_workers_leases(house):
    w, other = (worker(house, person(house, name)) for name in NAMES[:2])
    rows = [(-age, job) for job, age in zip((4, 1, 6, 2, 5, 3), AGES)]
    for age, job in rows:
        lease(house, w, job, -age)
    lease(house, other, 7, 3)
    return f"read_worker_leases({w}, %s)", "job", by(rows, 1, 2)


def of_a_workers_strikes(house):
    w = worker(house, person(house, "Ada"))
    rows = [(-age, strike(house, w, job, age), job) for job, age in zip((4, 1, 6, 2, 5, 3), AGES)]
    strike(house, w, 7, 3, "released")
    strike(house, w + 1, 7, 3)
    return f"read_worker_strikes({w}, %s)", "job", by(rows, -1, -2)


def of_own_failures(house):
    """Of each machine the last five."""
    workers = [worker(house, person(house, name)) for name in NAMES[:2]]
    rows = [(-age, strike(house, w, job + n, age), job + n)
            for n, w in enumerate(workers) for job, age in zip((40, 10, 60, 20, 50, 30), AGES)]
    strike(house, workers[0], 7, 3, "released")
    of_each = {job for n in range(2) for job in [j for j in by(rows, -1, -2) if j % 10 == n][:5]}
    return f"own_failures(array{workers}::int8[], %s)", "job", [job for job in by(rows, -1, -2) if job in of_each]


def of_a_jobs_events(house):
    """Of one moment too: they come in any order then."""
    rows = [(-age, strike(house, 1, 1, age, stage=1 + n % 2), None) for n, age in enumerate(AGES)]
    for age in (1.5, 4):
        refused(house, 1, 1, age)
        rows.append((-age, 0, None))
    strike(house, 1, 2, 3)
    moments = sorted((age for age, *_ in rows), reverse=True)
    return "read_job_events(1, %s)", "at", [house.value(f"select {at(-age)}") for age in moments]


def refused(house, whose, job, age):
    house.rows("insert into tracker.refused_output (stage, job, worker, person, attempt, lease, started, finished, refused, reason, data)"
               f" values (1, %s, 1, %s, 1, %s, now(), now(), {at(age)}, '', '')", job, whose, uuid.uuid4())


def of_what_was_refused(house):
    mine = merged(house)
    rows = [(-age, job) for job, age in zip((4, 1, 6, 2, 5, 3), (2, 5, 3, 1, 6, 4))]
    for n, (age, job) in enumerate(rows):
        refused(house, mine[n % 2], job, -age)
    refused(house, 99, 7, 3)
    return f"read_person_refused({mine[0]}, %s)", "job", by(rows, -1)


def of_the_latest(house):
    """Each of a moment of its own: of one moment any come where there is room for some."""
    who = person(house, "Ada")
    w = worker(house, who)
    rows = [(-age, 1 + n % 2, job) for n, (job, age) in enumerate(zip((4, 1, 6, 2, 5, 3), (2, 5, 3, 1, 6, 4)))]
    for age, stage, job in rows:
        output(house, w, who, job, -age, stage)
    house.rows(f"insert into tracker.history (stage, minute, done) values (1, {at(1)}, 6)")
    return "read_latest(%s)", "job", by(rows, -1, -2, -3)


def of_a_workers_latest(house):
    who = person(house, "Ada")
    w = worker(house, who)
    rows = [(-age, job) for job, age in zip((4, 1, 6, 2, 5, 3), AGES)]
    for age, job in rows:
        output(house, w, who, job, -age)
    output(house, w + 1, who, 7, 3)
    house.rows("update tracker.worker set recent = (select string_agg(int8send(n), '') from generate_series(1, 7) n)")
    return f"read_worker_recent({w}, %s)", "job", by(rows, -1, -2)


def of_trials(house):
    rows = [house.value("insert into tracker.trial (worker, stage, job, known) values (%s, 1, 1, '') returning id", n) for n in range(6)]
    return "list_trials(%s)", "trial", rows


def of_who_is_busy(house):
    """Workers of who was merged are theirs whom they were merged into."""
    people = [person(house, name) for name in NAMES]
    jobs = itertools.count(1)
    rows = []
    for who, name, (held, workers) in zip(people, NAMES, ((1, 1), (3, 1), (1, 2), (3, 1), (0, 1), (1, 2))):
        ids = [worker(house, who) for _ in range(workers)]
        for _ in range(held):
            lease(house, ids[0], next(jobs))
        rows.append((held, workers, who, name))
    worker(house, people[0], left=1)
    return "list_busy(%s)", "person", by(rows, -1, -2, 3)


def of_sizes(house):
    rows = house.rows("select bytes, \"table\" from tracker.list_sizes(100)")
    assert len(rows) > 30 and not any(r.table.startswith("output_") for r in rows)
    return "list_sizes(%s)", "table", by(rows, -1, 2)


def of_found_people(house):
    rows = [(name.lower(), person(house, name), name) for name in ("abe", "ABC", "Abd", "abd", "aBc", "ABD")]
    person(house, "abx", hidden=True)
    person(house, "aby", merged_into=rows[0][1])
    return "read_people('ab', null, 0, %s)", "nickname", by(rows, 1, 2)


def of_open_batches(house):
    rows = [(priority, batch(house, priority=priority)) for priority in (0, 5, -3, 5, 0, 0)]
    batch(house, priority=9, ended="now")
    return "read_open_batches(null, null, %s)", "batch", by(rows, -1, 2)


def of_batches_that_are_over(house):
    rows = [(-age, batch(house, ended=house.value(f"select {at(age)}"))) for age in AGES]
    batch(house)
    return "read_ended_batches(null, null, %s)", "batch", by(rows, -1, -2)


def batch(house, **columns):
    number = 1 + house.last_job()
    columns = {"name": f"b{number}", "first": number, "last": number, **columns}
    return house.value(f"insert into tracker.batch ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))}) returning batch", *columns.values())


LISTS = [of_a_jobs_events, of_a_persons_workers, of_a_workers_latest, of_a_workers_leases, of_a_workers_strikes, of_batches_that_are_over,
         of_found_people, of_leases, of_machines, of_machines_that_left, of_open_batches, of_own_failures, of_sizes, of_the_latest, of_trials,
         of_what_was_refused, of_who_is_busy, of_workers, of_workers_of_somebody]
ONE_MORE = {of_a_persons_workers, of_batches_that_are_over, of_found_people, of_machines, of_open_batches, of_workers, of_workers_of_somebody}
THE_LAST = {of_trials}  # the latest last


@pytest.mark.parametrize("of", LISTS, ids=lambda of: of.__name__)
def test_a_list_is_in_its_order_and_no_longer_than_was_asked(house, of):
    house.lawful = False
    call, key, whole = of(house)
    for most in [*range(0, len(whole) + 2)] if of is not of_sizes else [1, 3, 100]:
        told = [getattr(r, key) for r in house.rows(f'select "{key}" from tracker.{call}', most)]
        expected = whole[:most + (of in ONE_MORE)] if of not in THE_LAST else whole[max(0, len(whole) - most):]
        assert told == expected, most


# As above, but with what the call is to be given of the row after which a page begins.
AFTER = {of_machines: ("created", "id"), of_a_persons_workers: ("created", "id"), of_workers: ("created", "id"),
         of_workers_of_somebody: ("created", "id"), of_found_people: ("key", "id"), of_open_batches: ("priority", "batch"),
         of_batches_that_are_over: ("ended", "batch")}


@pytest.mark.parametrize("of", AFTER, ids=lambda of: of.__name__)
def test_a_page_begins_after_any_row_be_it_of_the_same_moment(house, of):
    house.lawful = False
    call, key, whole = of(house)
    rows = house.rows(f"select * from tracker.{call}", len(whole))
    onward = call.replace("null, null, %s", "%s, %s, %s").replace("null, 0, %s", "%s, %s, %s")
    for n, row in enumerate(rows):
        told = house.rows(f"select * from tracker.{onward}", *(getattr(row, column) for column in AFTER[of]), 2)
        assert [getattr(r, key) for r in told] == whole[n + 1:n + 4]


# ---- lists that are told whole

def test_batches_come_by_their_turn_and_those_that_are_over_last(house):
    a, b, c, d, e = (house.load(1) for _ in range(5))
    house.settle("One")
    house.rows("update tracker.batch set priority = case when batch = any (%s) then 5 else 0 end", [b, d])
    for number in (a, b, e):
        house.value("select tracker.cancel_batch(%s)", number)
    assert [r.batch for r in house.rows("select * from tracker.list_batches(true)")] == [d, c, b, a, e]


@pytest.mark.parametrize("function, column", [("list_labels", "label"), ("list_origins", "address")])
def test_who_ends_badly_most_often_comes_first_be_they_few_or_gone(house, function, column):
    house.lawful = False
    who = person(house, "Ada")
    into = person(house, "Bea", merged_into=who)
    names = {"label": ("c", "a", "b", "d"), "address": ("192.0.2.3", "192.0.2.1", "192.0.2.2", "192.0.2.4")}[column]
    for name, done, struck in zip(names, (9, 1, 9, 0), (1, 1, 1, 0)):
        worker(house, who, done=done, struck=struck, **{column: name})
        worker(house, into, left=1, done=done, struck=struck, **{column: name})
        worker(house, into, left=2, **{column: name})
    key = {"label": "label", "address": "origin"}[column]
    told = house.rows(f"select {key}, present, workers, people, done, bad from tracker.{function}()")
    assert told == [(names[1], 1, 3, 1, 2, 2), (names[2], 1, 3, 1, 18, 2), (names[0], 1, 3, 1, 18, 2), (names[3], 1, 3, 1, 0, 0)]


def test_who_is_locked_out_comes_by_what_they_did(house):
    house.lawful = False
    look, claimed = hash_of("look"), person(house, "Ada")
    house.rows("update tracker.person set claimed = now()")
    house.rows("insert into tracker.look (skeleton, person, claimed) values (%s, %s, true)", look, claimed)
    rows = []
    for n, done in enumerate((1, 5, 3) * 8):
        who = person(house, f"Ada{n}", done=done + 2, withdrawn=2)
        house.rows("insert into tracker.look (skeleton, person) values (%s, %s)", look, who)
        worker(house, who)
        rows.append((done, who, f"Ada{n}"))
    assert [r[0] for r in house.rows("select * from tracker.list_locked_out('Ada')")] == by(rows, -1, 2)[:20]


def test_keys_are_told_the_newest_first_those_of_a_name_of_before_too(house):
    house.lawful = False
    mine = merged(house)
    rows = [house.value("insert into tracker.person_key (person, hash) values (%s, %s) returning id", mine[n % 2], uuid.uuid4()) for n in range(4)]
    house.rows("insert into tracker.person_key (person, hash) values (%s, %s)", person(house, "Zoe"), uuid.uuid4())
    for name in ("Ada", "Bea"):
        assert [r.id for r in house.rows("select * from tracker.list_keys(%s)", name)] == rows[::-1]
