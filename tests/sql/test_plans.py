"""What a call costs does not depend on how many jobs there are, nor on statistics."""

import json
import re

import pytest

from house import Ask, Back, House, Item

K = 256


class Measured(House):
    """Counts the buffers that claims and complete_jobs touch."""

    buffers = None

    def rows(self, sql, *args):
        found = re.fullmatch(r"select \* from (tracker\.(?:claim_fleet|claim_fresh|complete_jobs)\(.*\))", sql)
        if not found:
            return super().rows(sql, *args)
        # The rows go to a table first, so that EXPLAIN can run the call for us.
        super().rows("drop table if exists pg_temp.answer")
        with self.connection.cursor() as c:
            c.execute("explain (analyze, buffers, format json) create temp table answer as " + sql, args)
            plan = c.fetchone()[0]
        plan = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
        self.buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return super().rows("select * from pg_temp.answer")


@pytest.fixture
def measured(house, server):
    """On a connection of its own, whose plans are made while the tables are empty."""
    house.lawful = False
    c = server.connect()
    yield Measured(c)
    c.close()


def cycle(m, stage, workers):
    """K workers claim and complete: the buffers of both."""
    rows = m.claim([Ask(w.token) for w in workers])
    assert len(rows) == len(workers)
    claimed = m.buffers
    done = m.complete([Item(workers[r.item - 1].token, r.job, r.lease, "out") for r in rows])
    assert {r.status for r in done} == {"accepted"}
    return claimed, m.buffers


def fill(m, jobs, ahead=None):
    """Jobs that are done in stage A and ready for B; `ahead` more (or as many) in stage A."""
    ahead = ahead or jobs
    last = m.last_job()
    m.rows("insert into tracker.job (number, data) select n, 'input' from generate_series(%s::int8, %s) n",
           last + 1, last + jobs + ahead)
    m.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished,"
           " data) select 1, n, 0, 0, 1, gen_random_uuid(), now(), now(), 'made'"
           " from generate_series(%s::int8, %s) n", last + 1, last + jobs)
    batch = m.value("select tracker.open_batch('filled', false, %s)", last + jobs + ahead)
    m.rows("insert into tracker.ready (stage, batch, job) select 2, %s, n from generate_series(%s::int8, %s) n",
           batch, last + 1, last + jobs)
    m.rows("select tracker.join_line(array[2::int2], array[%s])", batch)
    m.rows("update tracker.ahead set first = %s where batch = %s", last + jobs + 1, batch)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_million_jobs_cost_a_claim_and_a_completion_no_more_than_a_thousand(measured, stage):
    workers = [measured.worker(stage) for _ in range(K)]
    fill(measured, 2000)
    for _ in range(3):  # until the index of leases, which grows with the cycles, has its levels
        cycle(measured, stage, workers)
    few = cycle(measured, stage, workers)
    fill(measured, *{1: (1, 1_000_000), 2: (200_000, 1)}[stage])
    cycle(measured, stage, workers)
    many = cycle(measured, stage, workers)
    # One more level of each of the indexes that a job is looked up in or put into, and some splits.
    assert many[0] <= few[0] + 2 * K
    assert many[1] <= few[1] + 3 * K
    # Per job: some dozens of pages, mostly the inner pages of indexes.
    assert max(many) < 40 * K


def test_what_is_listed_and_not_held_costs_no_look_at_each(measured):
    w = measured.worker(1)
    fill(measured, 100)
    mine = min(r.job for r in measured.claim([Ask(w.token, 5)]))
    buffers = {}
    for name, strange in (("few", [7]), ("many", [7, *range(1000, 11000)]), ("few again", [7])):
        rows = measured.claim([Ask(w.token, 0, holding=[mine, *strange])])
        assert [r.job for r in rows if r.status == "drop"] == strange and sum(r.status == "job" for r in rows) == 4
        buffers[name] = measured.buffers
    assert buffers["many"] <= buffers["few"] + 20


def test_who_holds_much_and_wants_one_costs_a_look_at_the_leases_only(measured):
    w = measured.worker(1)
    fill(measured, 4000)
    measured.claim([Ask(w.token, 2000)])
    for _ in range(2):
        rows = measured.claim([Ask(w.token, 1, holding=[])])
        assert [r.status for r in rows] == ["job"]
        assert measured.buffers < 1500  # the leases' pages; not those of 2,000 inputs


class Notices:
    """Keeps all of them; psycopg2's own list keeps the last fifty."""

    def __init__(self):
        self.said = []
        self.append = self.said.append


@pytest.fixture
def explained(house, server):
    """On a connection of its own that explains every statement inside the functions."""
    house.lawful = False
    c = server.connect()
    h = House(c)
    h.rows("load 'auto_explain'")
    h.rows("set auto_explain.log_nested_statements = on")
    h.rows("set client_min_messages = log")

    def explain(call):
        h.rows("set auto_explain.log_min_duration = 0")
        c.notices = Notices()
        answer = call()
        said = "".join(c.notices.said)
        h.rows("set auto_explain.log_min_duration = -1")
        return answer, said
    h.explain = explain
    yield h
    c.close()


def only_probes(said):
    """Only the five rows of stage, and those of deaf, a row an outage, are read from end to end."""
    assert "Query Text" in said
    for scan in re.findall(r"Seq Scan on (\w+)", said):
        assert scan in ("stage", "deaf"), said
    for plan in re.findall(r"Index (?:Only )?Scan using (?!stage_pkey).*\n(.*)", said):
        assert "Index Cond" in plan, plan


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("v1", [True, False])
def test_without_statistics_claims_and_completions_only_probe_indexes(explained, stage, v1):
    h = explained
    workers = [h.worker(stage) for _ in range(K)]
    fill(h, 2 * K)
    rows, said = h.explain(lambda: h.claim([Ask(w.token, v1=v1) for w in workers]))
    assert {r.status for r in rows} == {"job"}
    only_probes(said)
    items = [Item(workers[r.item - 1].token, *((None, None) if v1 else (r.job, r.lease))) for r in rows]
    for status in ("accepted", "repeat"):
        done, said = h.explain(lambda: h.complete(items))
        assert {r.status for r in done} == {status}
        only_probes(said)


@pytest.mark.parametrize("kind", ["failed", "flagged", "released"])
def test_without_statistics_returns_only_probe_indexes(explained, kind):
    h = explained
    h.flag_limit = 1
    workers = [h.worker(2) for _ in range(K)]
    fill(h, 2 * K)
    rows = h.claim([Ask(w.token) for w in workers])
    items = [Back(workers[r.item - 1].token, r.job, r.lease, kind) for r in rows]
    for status in ("accepted", "repeat"):
        back, said = h.explain(lambda: h.give_back(items))
        assert {r.status for r in back} == {status}
        only_probes(said)
    h.make_due()
    h.end_rests()
    rows, said = h.explain(lambda: h.claim([Ask(w.token, 2) for w in workers]))
    assert "job" in {r.status for r in rows}
    only_probes(said)


def test_without_statistics_the_rest_only_probes_indexes(explained):
    h = explained
    workers = [h.worker(1) for _ in range(K)]
    fill(h, 2 * K)
    h.claim([Ask(w.token) for w in workers])
    only_probes(h.explain(lambda: h.touch(*workers, refresh_s=0))[1])
    only_probes(h.explain(lambda: h.claim([Ask(w.token, 0, rerun=True, holding=[5]) for w in workers]))[1])
    h.pass_time(7300)
    gone, said = h.explain(lambda: h.reap(*workers[:K // 2]))
    assert len(gone) == K // 2
    only_probes(said)
    gone, said = h.explain(lambda: h.bye(*workers))
    assert sum(r.freed for r in gone) == K // 2
    only_probes(said)


def test_the_pages_of_a_job_and_of_a_worker_only_probe_indexes(explained):
    """As in a tracker: everything has statistics, but for the few rows of stage, too few to be analyzed."""
    h, many = explained, 20000
    fill(h, many, 1)
    h.rows("insert into tracker.person (nickname) select 'p' || n from generate_series(1, %s) n", many)
    h.rows("insert into tracker.worker (token, stage, name, person, created, seen, recent)"
           " select gen_random_uuid(), 1, p.nickname, p.id, now(), now(), int8send(p.n)"
           " from (select *, row_number() over (order by id) as n from tracker.person) p")
    h.rows("update tracker.output o set worker = w.id, person = w.person from tracker.worker w"
           " where w.name = 'p' || o.job")
    h.rows("insert into tracker.failed (stage, job, kind, reason, attempt, at)"
           " select 2, n, 'failed', '', 1, now() from generate_series(1, %s) n", many)
    h.rows("analyze tracker.person, tracker.worker, tracker.output, tracker.job, tracker.failed")
    w = h.value("select id from tracker.worker where name = 'p777'")
    rows, said = h.explain(lambda: h.rows("select * from tracker.read_job(777, 100)"))
    assert [(r.state, r.person) for r in rows] == [("done", "p777"), ("failed", None)]
    only_probes(said)
    rows, said = h.explain(lambda: h.rows("select * from tracker.read_worker_recent(%s, 10)", w))
    assert [r.job for r in rows] == [777]
    only_probes(said)


@pytest.mark.parametrize("stage", [1, 2])
def test_without_statistics_v1_only_probes_indexes_the_quick_way(explained, stage):
    h = explained
    workers = [h.worker(stage) for _ in range(K)]
    fill(h, 2 * K)
    for _ in range(2):
        rows, said = h.explain(lambda: h.claim([Ask(w.token, v1=True) for w in workers]))
        assert len([r for r in rows if r.status == "job"]) == K
        assert "claim_held" not in said
        only_probes(said)
        done, said = h.explain(lambda: h.complete([Item(w.token) for w in workers]))
        assert {r.status for r in done} == {"accepted"} and "complete_jobs" not in said
        only_probes(said)


def test_dead_rows_at_the_head_of_the_line_cost_nothing_behind_the_hint(measured, server):
    pin = server.connect()
    pin.autocommit = False
    pin.set_session(isolation_level="REPEATABLE READ")
    pin.cursor().execute("select count(*) from tracker.job")
    (w,) = [measured.worker(2)]
    fill(measured, 1000)
    measured.rows("insert into tracker.ready (stage, batch, position, job) overriding system value"
                  " select 2, %s, -n, n from generate_series(1, 40000) n", measured.batch())
    measured.rows("delete from tracker.ready where position < 0")

    measured.hints[1], measured.hints[6] = -10**6, measured.batch()
    cycle(measured, 2, [w])
    first = measured.hints[1]
    assert first > 0
    behind = cycle(measured, 2, [w])[0]
    measured.hints[1], measured.hints[6] = -10**6, measured.batch()
    before = cycle(measured, 2, [w])[0]
    pin.rollback()
    pin.close()
    assert before > 200, "no dead rows to pass: the test shows nothing"
    assert behind < 120


@pytest.mark.parametrize("v1", [True, False])
def test_what_came_back_and_was_handed_out_costs_claims_nothing_until_a_vacuum(measured, server, v1):
    """While what was undone is done anew thousands of dead entries are the head of its index."""
    pin = server.connect()
    pin.autocommit = False
    pin.set_session(isolation_level="REPEATABLE READ")
    pin.cursor().execute("select count(*) from tracker.job")
    workers = [measured.worker() for _ in range(4)]
    fill(measured, 1, 60000)
    measured.rows("insert into tracker.retry (stage, batch, job, due, attempt)"
                  " select 1, %s, n, now() - (60002 - n) * interval '1 s', 1 from generate_series(10002, 60001) n", measured.batch())
    measured.rows("delete from tracker.retry where job < 60000")
    costs = []
    for w in workers:
        (r,) = measured.claim([Ask(w.token, v1=v1)])
        assert r.status == "job"
        costs.append((measured.buffers, r.job))
    pin.rollback()
    pin.close()
    assert {job for _, job in costs[:2]} == {60000, 60001} and max(job for _, job in costs[2:]) < 10002
    assert costs[0][0] > 300, "no dead rows to pass: the test shows nothing"
    assert costs[1][0] < costs[0][0] - 150


def buffers_of(h, call):
    """How many pages a call reads, in a session that has made it before."""
    h.rows(f"select {call}")
    with h.connection.cursor() as c:
        c.execute(f"explain (analyze, buffers, format json) select {call}")
        plan = c.fetchone()[0]
    plan = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("call", [
    "tracker.read_latest(20)", "tracker.count_crowd()", "tracker.read_results(1::int2, now() - interval '1 hour', 20000)"])
def test_what_was_finished_last_costs_the_same_wherever_it_is_put(house, server, call, statistics):
    """After an undo new results are put where old ones were, all over the table."""
    w, many = house.worker(), 40000
    house.lawful = False
    insert = ("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
              " select 1, n, %s, 1, 1, gen_random_uuid(), now(), now() - %s * interval '1 minute' + n * interval '1 ms', 'result'"
              " from generate_series(1, %s) n where n %% %s = 0")
    house.rows("truncate tracker.output")  # no room is left by other tests
    house.rows(insert, w.id, 600, many, 1)
    house.rows("delete from tracker.output where mod(job, 400) = 0")
    house.rows("vacuum tracker.output")
    if statistics:
        house.rows("analyze tracker.output")
    house.rows(insert, w.id, 2, many, 400)
    assert house.value("select count(distinct (ctid::text::point)[0]) from tracker.output where mod(job, 400) = 0") > 90
    assert buffers_of(house, call) < 300 < house.value("select pg_relation_size('tracker.output_a') / 8192")


@pytest.mark.parametrize("which", [
    "'Ada', null, null, null, null", "null, 'old machine', null, null, null", "null, null, null, null, null, '198.51.100.7'",
    "null, null, null, null, null, null, 'release 7'", "null, null, 1::int2, now() - interval '50 hours', now() - interval '49 hours'",
    "null, null, null, null, null, null, null, 'small'"])
def test_an_undo_reads_what_was_done_while_its_workers_were_here(house, which):
    """They were here for an hour, and again for another; what others did in the days between is not looked at."""
    house.lawful = False
    other, ada = house.worker(), [house.worker(nickname="Ada") for _ in range(2)]
    first = house.load(3, name="small")
    house.rows("update tracker.batch set first = 39900, last = 40000 where batch = %s", first)
    house.rows("update tracker.worker set name = case hours when 50 then 'old machine' else 'new machine' end, label = 'release 7', address = '198.51.100.7', done = 1,"
               " created = now() - hours * interval '1 hour', gone_at = now() - (hours - 1) * interval '1 hour'"
               " from unnest(%s::int8[], array[50, 2]) as u(worker, hours) where id = u.worker", [w.id for w in ada])
    house.rows("truncate tracker.output")
    house.rows("vacuum full tracker.worker")  # which is looked through; without what other tests left
    house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
               " select 1, n, case when n % 100 = 0 and n between 1000 and 2000 then %s else %s end, 1, 1, gen_random_uuid(), now(),"
               " now() - interval '51 hours' + n * interval '4.5 s', 'result' from generate_series(1, 40000) n"
               .replace("n % 100", "mod(n, 100)"), ada[0].id, other.id)
    house.rows("analyze tracker.output")
    pages = house.value("select pg_relation_size('tracker.output_a') / 8192")
    found = house.value(f"select count(*) from tracker.find_results({which})")
    assert found > 0 and buffers_of(house, f"count(*) from tracker.find_results({which})") < 200 < pages
    # A dry run looks besides for what was made of each.
    assert buffers_of(house, f"count(*) from tracker.undo_count({which})") < 250 + 8 * found


def thrown_away(said):
    """The rows that any one node of these plans read and then did not want."""
    return max(map(int, re.findall(r"Rows Removed by (?:Join Filter|Filter|Index Recheck): (\d+)", said)), default=0)


@pytest.mark.parametrize("over", [1, 2])
def test_an_undo_planned_while_tables_were_empty_looks_at_its_own_jobs_only(explained, over):
    """What a step puts into retry and refused_output, the next one does not go through for each of its jobs."""
    h, many, most = explained, 3000, 500
    ada = h.worker(nickname="Ada")
    h.rows("update tracker.worker set done = 1, created = now() - interval '1 hour' where id = %s", ada.id)
    batch = h.load(many)
    h.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
           " select s, j, w.id, w.person, 1, gen_random_uuid(), now(), now(), 'made' from tracker.worker w,"
           " tracker.batch b, generate_series(1, %s) s, generate_series(b.first, b.last) j where w.id = %s and b.batch = %s",
           over, ada.id, batch)
    line = ("insert into tracker.ready (stage, batch, job) select 2, b.batch, j from tracker.batch b,"
            " generate_series(b.first, b.last) j where b.batch = %s")
    h.rows("insert into tracker.ready (stage, batch, job) select 3, %s, j from generate_series(1, 60000) j", batch)
    h.rows("delete from tracker.ready")
    h.rows("vacuum (analyze, truncate off) tracker.ready")  # pages without rows, as far as statistics know
    for table in ("lease", "retry", "failed", "refused_output", "undo_item"):
        h.rows(f"vacuum (analyze, truncate) tracker.{table}")
    h.rows("insert into tracker.ready (stage, batch, job) select 3, %s, j from generate_series(-60000, -1) j", batch)
    if over == 1:
        h.rows(line, batch)
    h.rows("set auto_explain.log_analyze = on")
    number, said = h.explain(lambda: h.value(
        "select tracker.undo_begin('Ada', null, null, null, null, null, null, 'made up', false, null)"))
    assert thrown_away(said) <= most
    step = lambda: h.rows("select * from tracker.undo_step(%s, %s)", number, most)[0]
    step()
    last, said = h.explain(step)
    while last.left_over > 0:
        last, said = h.explain(step)
        assert thrown_away(said) <= most
    after = h.rows("select * from tracker.undo_take_back(%s, 0, %s)", number, most)[0].last
    for _ in range(many // most - 1):
        back, said = h.explain(lambda: h.rows("select * from tracker.undo_take_back(%s, %s, %s)", number, after, most)[0])
        assert back.jobs == most and thrown_away(said) <= most
        after = back.last


@pytest.mark.parametrize("call", [
    "tracker.read_counts()", "tracker.read_batches(null)", "tracker.read_ends()", "tracker.read_pace()", "tracker.read_eta(60, 3)",
    "tracker.read_batch_pace(array[1])", "tracker.read_series(86400, 600)", "tracker.read_series(0, 600)", "tracker.read_period('today')",
    "tracker.read_fresh('all')", "tracker.read_failing()"])
def test_how_many_minutes_an_undo_went_over_costs_pages_nothing_when_they_are_folded(house, call):
    """It leaves a row in tally for each, and in history what is done and withdrawn; the table stays as long as it was."""
    house.lawful = False
    house.load(3)
    many = 30000
    minute = "date_trunc('minute', now()) - n * interval '1 minute'"
    before = buffers_of(house, call)
    house.rows(f"insert into tracker.tally (stage, batch, minute, slot) select 1, 0, {minute}, 0 from generate_series(1, %s) n", many)
    house.rows(f"insert into tracker.credit (person, stage, minute, slot) select 1, 1, {minute}, 0 from generate_series(1, %s) n", many)
    house.rows(f"insert into tracker.history (stage, minute, done, withdrawn) select 1, {minute}, 5, 5"
               " from generate_series(1500, %s) n", many)
    house.rows("delete from tracker.tally where minute > '-infinity'")
    house.rows("delete from tracker.credit where minute > '-infinity'")
    house.rows("vacuum analyze tracker.tally, tracker.credit, tracker.history")
    assert house.value("select min(pg_relation_size(t)) / 8192 from unnest(array['tracker.tally', 'tracker.credit']::regclass[]) t") > 300
    assert buffers_of(house, call) < before + 60
    house.rows("truncate tracker.credit")
    house.rows("vacuum full tracker.tally")  # not for others


def test_registrations_beside_bans_only_probe_indexes(explained):
    h = explained
    h.rows("insert into tracker.person (nickname) select 'one of many ' || n from generate_series(1, 2000) n")
    h.rows("select tracker.rename_person('one of many 7', 'renamed')")
    for who in ("one of many 9", "renamed", "nobody"):
        h.rows("select * from tracker.ban_strangers(%s, null, null, null, null, 'go', null)", who)
    people = [h.stranger(nickname=n) for n in ("one of many 7", "renamed", "one of many 8", "somebody new")]
    answer, said = h.explain(lambda: h.open(people))
    assert [r.status for r in answer] == ["banned", "banned", "opened", "opened"]
    assert "b.words" in said
    assert not re.search(r"Seq Scan on (person|worker|look|network)\b", said)
