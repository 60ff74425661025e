"""Stages, counts, folding, and what the operator does."""

import concurrent.futures
import contextlib
import time
import uuid

import psycopg2
import pytest

from house import Back, House, Item


def through(house, stage, count=1):
    w = house.worker(stage)
    jobs = house.take(w, count)
    house.complete([Item(w.token, j.job, j.lease, f"{stage}:{j.job}") for j in jobs])
    return w


# ---- stages

def test_the_stages_can_be_changed_while_no_jobs_are_loaded(house):
    house.settle("One", "Two", "Three")
    assert [(r.stage, r.letter, r.name) for r in house.rows("select * from tracker.read_counts()")] == [
        (1, "a", "One"), (2, "b", "Two"), (3, "c", "Three")]
    house.settle("Extract", "Filter")


def test_once_jobs_are_loaded_the_stages_are_the_databases(house):
    house.load(1)
    for names in (["Extract"], ["Filter", "Extract"], ["Extract", "Filter", "More"], [], ["Extract", ""]):
        assert house.value("select tracker.propose_stages(%s)", names) == ["Extract", "Filter"]
    assert [s.name for s in house.rows("select name from tracker.stage order by stage")] == ["Extract", "Filter"]


@pytest.mark.parametrize("names", [[], ["Extract", ""], ["Extract", None], ["1", "2", "3", "4", "5", "6"]])
def test_a_proposal_is_one_to_five_names(house, names):
    with pytest.raises(psycopg2.Error) as e:
        house.rows("select tracker.propose_stages(%s)", names)
    assert e.value.pgcode == "TR001"


@pytest.mark.parametrize("change", ["append_stage('Sort')", "rename_stage(1::int2, 'Get')"])
def test_what_an_operator_did_to_the_stages_no_settings_undo(house, change):
    house.rows(f"select tracker.{change}")
    now = [s.name for s in house.rows("select name from tracker.stage order by stage")]
    assert house.value("select tracker.propose_stages(%s)", ["Extract", "Filter"]) == now != ["Extract", "Filter"]


def test_a_renamed_stage_keeps_its_jobs_and_is_found_by_the_names_it_had(house):
    house.load(2)
    through(house, 1)
    for old, new in (("Filter", "Rank"), ("Rank", "Größe")):
        assert house.value("select tracker.rename_stage(2::int2, %s)", new) == old
    assert house.counts(2).name == "Größe" and house.counts(2).ready == 1
    for name in ("filter", "RANK", "GRÖSSE", "größe"):
        found = house.rows("select * from tracker.read_stage(%s)", name)
        assert [tuple(f) for f in found] == ([(2, "Größe")] if name != "GRÖSSE" else []), name
    # Another stage may have the name: then it is that one's.
    assert house.value("select tracker.rename_stage(1::int2, 'Filter')") == "Extract"
    assert house.value("select stage from tracker.read_stage('filter')") == 1
    acts = house.rows("select act, target, details->>'to' from tracker.audit where act = 'rename stage' order by id")
    assert [tuple(a) for a in acts] == [("rename stage", "Filter", "Rank"), ("rename stage", "Rank", "Größe"),
                                        ("rename stage", "Extract", "Filter")]


def test_a_stage_may_change_the_case_of_its_own_name(house):
    assert house.value("select tracker.rename_stage(2::int2, 'FILTER')") == "Filter"


@pytest.mark.parametrize("stage, name", [(2, ""), (2, None), (2, "extract"), (3, "More"), (0, "More")])
def test_a_renamed_stage_needs_to_be_there_and_a_name_of_its_own(house, stage, name):
    with pytest.raises(psycopg2.Error) as e:
        house.rows("select tracker.rename_stage(%s::int2, %s)", stage, name)
    assert e.value.pgcode == "TR001"


def test_an_appended_stage_gets_all_finished_jobs(house):
    house.load(3)
    through(house, 1, 3)
    through(house, 2, 2)
    assert house.value("select tracker.append_stage('Sort')") == 3
    assert house.counts(3).ready == 2
    w = house.worker(3)
    assert [(r.job, r.data) for r in house.take(w, 2)] == [(1, "2:1"), (2, "2:2")]
    through(house, 2)
    assert [r.job for r in house.take(w)] == [3]


@pytest.mark.parametrize("name", ["", "FILTER", None])
def test_an_appended_stage_needs_a_name_of_its_own(house, name):
    with pytest.raises(psycopg2.Error) as e:
        house.rows("select tracker.append_stage(%s)", name)
    assert e.value.pgcode == "TR001"


def test_there_are_five_stages_at_most(house):
    house.settle("1", "2", "3", "4", "5")
    with pytest.raises(psycopg2.Error) as e:
        house.rows("select tracker.append_stage('6')")
    assert e.value.pgcode == "TR001"


def test_five_stages_to_the_end(house):
    house.settle("1", "2", "3", "4", "5")
    house.load(4)
    for stage in range(1, 6):
        through(house, stage, 4)
    assert [r.done for r in house.rows("select * from tracker.read_counts()")] == [4] * 5


def test_jobs_that_are_appended_go_on(house):
    house.load(1)
    through(house, 1)
    house.load(2)
    assert [r.job for r in house.take(house.worker(), 2)] == [2, 3]


# ---- counts

def test_the_counts_follow_a_job(house):
    house.load(3)
    c = house.counts(1)
    assert (c.ready, c.retry, c.due, c.leased, c.done, c.failed) == (3, 0, 0, 0, 0, 0)
    w = house.worker()
    one, two = house.take(w, 2)
    house.done(w, one)
    house.back(w, two)
    c = house.counts(1)
    assert (c.ready, c.retry, c.due, c.leased, c.done, c.failed) == (1, 1, 0, 0, 1, 0)
    house.make_due()
    assert house.counts(1).due == 1
    assert house.counts(2).ready == 1


def test_folding_keeps_the_sums(house):
    house.load(6)
    through(house, 1, 4)
    through(house, 2, 2)
    before = house.rows("select * from tracker.read_counts()")
    assert house.fold() == (0, 0)
    house.end_minute()
    rows = tuple(house.value(f"select count(*) from tracker.{table} where minute > '-infinity'")
                 for table in ("tally", "credit"))  # two of each, unless the slot changed meanwhile
    assert house.fold() == rows
    assert house.rows("select * from tracker.read_counts()") == before
    assert house.rows("select stage, done from tracker.history order by 1") == [(1, 4), (2, 2)]
    assert house.rows("select done from tracker.person") == [(6,)]
    assert house.rows("select stage, done from tracker.person_day order by 1") == [(1, 4), (2, 2)]
    through(house, 1, 2)
    house.end_minute()
    house.fold()
    assert house.counts(1).done == 6


def test_only_one_folds_at_a_time(house, server):
    house.load(1)
    through(house, 1)
    house.end_minute()
    other = server.connect()
    other.autocommit = False
    other.cursor().execute("select tracker.fold_tally()")
    assert house.fold()[0] == 0
    other.rollback()
    other.close()
    assert house.fold()[0] == 2


def test_old_minutes_become_hours(house):
    house.rows("insert into tracker.history (stage, minute, done) select 1, date_trunc('hour', now())"
               " - interval '10 days' + n * interval '1 minute', 1 from generate_series(0, 119) n")
    house.fold()
    assert house.rows("select done from tracker.history") == [(60,), (60,)]
    house.fold()
    assert house.rows("select done from tracker.history") == [(60,), (60,)]
    house.rows("truncate tracker.history")


# ---- the operator

def fail_one(house, stage=1, reason="no"):
    house.max_attempts = 1
    w = house.worker(stage)
    (j,) = house.take(w)
    house.back(w, j, reason=reason)
    house.max_attempts = 10
    return j.job


def test_a_failed_job_can_be_put_back(house):
    house.load(3)
    jobs = [fail_one(house) for _ in range(3)]
    assert house.counts(1).failed == 3
    assert house.value("select tracker.requeue_failed(1::int2, %s::int8[])", [jobs[0], 99, -1]) == 1
    assert house.value("select tracker.requeue_failed(1::int2, null)") == 2
    assert house.value("select tracker.requeue_failed(1::int2, null)") == 0
    assert sorted((r.job, r.attempt) for r in house.take(house.worker(), 3)) == [(1, 1), (2, 1), (3, 1)]


def test_failed_jobs_are_listed_by_number_in_pages(house):
    house.load(3)
    for _ in range(3):
        fail_one(house, reason="disk full")
    page = house.rows("select * from tracker.list_failed(1::int2, 1, 1)")
    assert [(r.job, r.reason) for r in page] == [(2, "1 bad end by 1 worker of 1 person, at last: disk full")]


def test_flags_from_before_it_was_put_back_do_not_count(house):
    house.flag_limit = 2
    house.load(1)
    for _ in range(2):
        w = house.worker()
        house.make_due()
        house.flag(w, house.take(w)[0])
    assert house.counts(1).failed == 1
    house.rows("select tracker.requeue_failed(1::int2, null)")
    w = house.worker()
    house.flag(w, house.take(w)[0])
    assert house.counts(1).failed == 0


def send_back(house, job, stage):
    return house.value("select tracker.send_back_job(%s, %s::int2, 'wrong')", job, stage)


def three(house):
    house.settle("One", "Two", "Three")
    house.load(1)


def test_send_back_removes_the_output_of_the_stage_and_of_every_later_one(house):
    three(house)
    for stage in (1, 2, 3):
        through(house, stage)
    assert send_back(house, 1, 1)
    assert house.value("select count(*) from tracker.output") == 0
    assert house.rows("select stage, reason from tracker.refused_output order by stage") == [
        (1, "wrong"), (2, "wrong"), (3, "wrong")]
    assert house.value("select sum(done - withdrawn) from tracker.credit") == 0
    assert [(r.job, r.data) for r in house.take(house.worker(1))] == [(1, "input 1")]


def test_send_back_removes_the_row_of_a_job_that_waits_further_on(house):
    three(house)
    through(house, 1)
    through(house, 2)
    assert send_back(house, 1, 2)
    assert [house.counts(s).ready + house.counts(s).retry for s in (1, 2, 3)] == [0, 1, 0]


def test_send_back_takes_a_job_out_of_hand(house):
    three(house)
    through(house, 1)
    w = house.worker(2)
    (j,) = house.take(w)
    assert send_back(house, 1, 1)
    assert house.counts(2).leased == 0
    assert house.done(w, j) == "fenced"


@pytest.mark.parametrize("how", ["retry", "failed"])
def test_send_back_takes_a_job_out_of(house, how):
    three(house)
    through(house, 1)
    if how == "failed":
        fail_one(house, 2)
    else:
        w = house.worker(2)
        house.back(w, house.take(w)[0])
    assert send_back(house, 1, 1)
    assert (house.counts(2).retry, house.counts(2).failed) == (0, 0)


def test_send_back_takes_nothing_out_of_a_hand_that_it_has_not_locked(house, server):
    """The job is handed out after send_back has looked for its holder, and before it removes anything."""
    three(house)
    through(house, 1)
    w = house.worker(2)
    other, operator = server.connect(), House(server.connect())
    other.autocommit = False
    other.cursor().execute("select from tracker.output where job = 1 for update")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        sent = threads.submit(send_back, operator, 1, 1)
        try:
            until = time.monotonic() + 10
            while not house.value("select count(*) from pg_locks where not granted"):
                assert time.monotonic() < until
                time.sleep(0.01)
            (j,) = house.take(w)
        finally:
            other.rollback()
        with pytest.raises(psycopg2.errors.SerializationFailure):
            sent.result(60)
    other.close()
    operator.connection.close()
    assert send_back(house, 1, 1)
    assert house.done(w, j) == "fenced"


def test_send_back_of_what_is_not_done_does_nothing(house):
    house.load(1)
    assert not send_back(house, 1, 1)
    assert not send_back(house, 99, 1)
    assert not send_back(house, -1, 7)
    through(house, 1)
    assert not send_back(house, 1, 2)


def test_a_result_that_was_sent_back_and_comes_again_is_a_repeat(house):
    house.load(1)
    w = house.worker()
    (j,) = house.take(w)
    house.done(w, j)
    send_back(house, 1, 1)
    assert house.done(w, j) == "repeat"
    assert house.counts(1).done == 0


def test_reset_leaves_an_empty_project(house):
    house.load(3)
    w = through(house, 1, 2)
    house.rows("select tracker.reset_jobs()")
    assert house.counts(1).ready == 0
    house.load(1)
    assert house.new_job(w).job == 1


def test_reset_waits_for_a_reader_but_a_reader_never_for_half_a_reset(house, server):
    """The reader takes the tables one after another, the last first: each order must go."""
    house.load(3)
    tables = ["worker", "board", "tally", "output", "ready", "retry", "lease"]
    reader, resetter = server.connect(), House(server.connect())
    reader.autocommit = False
    read = reader.cursor()
    read.execute(f"select from tracker.{tables[0]}, tracker.{tables[1]}")
    with concurrent.futures.ThreadPoolExecutor() as threads:
        reset = threads.submit(resetter.rows, "select tracker.reset_jobs()")
        try:
            while not house.value("select count(*) from pg_stat_activity where state = 'active'"
                                  " and pid = %s", resetter.connection.info.backend_pid):
                assert not reset.done()
            for t in tables:
                time.sleep(0.1)
                read.execute(f"select from tracker.{t}")
                assert not reset.done()
        finally:
            reader.rollback()
        reset.result(timeout=20)
    assert house.value("select count(*) from tracker.job") == 0
    resetter.connection.close()
    reader.close()


def test_reset_says_who_was_in_its_way(house, server):
    house.load(3)
    reader = server.connect()
    reader.autocommit = False
    reader.cursor().execute("set application_name = 'a long export'; select from tracker.output")
    house.rows("set statement_timeout = '10s'")
    with pytest.raises(psycopg2.errors.LockNotAvailable, match=r"a long export \(pid \d+\)"):
        house.rows("select tracker.reset_jobs(0)")
    reader.close()
    assert house.value("select count(*) from tracker.job") == 3


def test_who_holds_is_who_has_a_lock_of_ours_and_neither_who_waits_nor_oneself_nor_who_is_elsewhere(house, server):
    """Each holds one thing until the end of its transaction."""
    holds = {"a holder": "lock table tracker.batch in share row exclusive mode", "past the barrier": "select tracker.pass_barrier()",
             "a reader of others": "select from pg_namespace", "with another lock": "select pg_advisory_xact_lock(7)"}
    sessions = []
    while house.value("select tracker.who_holds()"):  # a session of the test before has not ended quite
        time.sleep(0.05)
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(1) as pool:
        for name, sql in holds.items():
            c = stack.enter_context(contextlib.closing(server.connect()))
            c.autocommit = False
            c.cursor().execute(f"set application_name = '{name}'; {sql}")
            sessions.append(f"{name} (pid {c.info.backend_pid})")
        waiter = stack.enter_context(contextlib.closing(server.connect()))
        waiter.cursor().execute("set application_name = 'who waits'; set lock_timeout = '60s'")
        waits = pool.submit(waiter.cursor().execute, "begin; lock table tracker.batch in share row exclusive mode")
        try:
            while not house.value("select count(*) from pg_locks where not granted and pid = %s", waiter.info.backend_pid):
                assert not waits.done()
            assert house.value("select tracker.who_holds()") == ", ".join(sessions[:2])
            house.rows("begin; lock table tracker.worker in share mode")
            assert house.value("select tracker.who_holds()") == ", ".join(sessions[:2])
        finally:
            house.rows("rollback")
            waiter.cancel()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            waits.result(timeout=60)


def test_a_broken_law_is_told(house):
    house.load(2)
    through(house, 1)
    house.rows("delete from tracker.ready")
    broken = {(r.law, r.stage) for r in house.broken_laws()}
    assert ("ready is counted", 2) in broken
    house.rows("insert into tracker.ready (stage, batch, job) values (2, %s, 1)", house.batch())


def test_one_worker_reports_everything_in_one_go(house):
    house.load(4)
    w = house.worker()
    jobs = house.take(w, 4)
    assert [r.status for r in house.complete([Item(w.token, j.job, j.lease) for j in jobs[:2]])] == [
        "accepted"] * 2
    assert [r.status for r in house.give_back(
        [Back(w.token, j.job, j.lease) for j in jobs[2:]] + [Back(w.token, 1, uuid.uuid4())])] == [
            "accepted", "accepted", "unknown"]


# ---- trials of the tracker's own


def test_a_trial_of_a_result_and_of_room_leaves_nothing_behind(house):
    house.worker(1)
    before = house.rows("select * from tracker.read_counts()")
    assert house.rows("select tracker.probe_write(32), tracker.probe_room()") == [(True, True)]
    assert house.rows("select * from tracker.read_counts()") == before
    assert house.value("select count(*) from tracker.worker") == 1
    assert house.value("select count(*) from tracker.room") == 0
    assert house.value("select pg_relation_size('tracker.room')") == 0


def test_a_trial_of_room_waits_for_nobody_who_reads(house, server):
    dump = server.connect()
    dump.autocommit = False
    dump.cursor().execute("select from tracker.room")
    house.rows("set statement_timeout = '10s'")
    assert house.value("select tracker.probe_room()")
    dump.close()


# ---- an emptying that must wait


@pytest.mark.parametrize("held", ["lock table tracker.output in share mode", "select tracker.pass_barrier()",
                                  "select count(*) from tracker.output"])
def test_an_emptying_that_is_held_up_ends_and_says_by_whom(house, server, held):
    house.rows("set statement_timeout = '30s'")
    with contextlib.closing(server.connect()) as other:
        other.autocommit = False
        other.cursor().execute(f"set application_name = 'a long look'; {held}")
        with pytest.raises(psycopg2.Error) as e:
            house.rows("select tracker.reset_jobs(1)")
        assert e.value.pgcode == "55P03" and f"a long look (pid {other.get_backend_pid()})" in str(e.value)
    house.rows("select tracker.reset_jobs(1)")


def test_an_emptying_leaves_the_sessions_patience_as_it_was(house):
    house.rows("set lock_timeout = '7s'")
    assert house.rows("begin; select tracker.reset_jobs(); select current_setting('lock_timeout')") == [("7s",)]
    house.rows("commit")


@pytest.mark.parametrize("later", [0, 3, 1500])
@pytest.mark.parametrize("kind", ["plain", "paused", "cancelled"])
def test_what_may_be_taken_now_of_what_came_back_is_counted_either_way(house, later, kind):
    """Of a second batch, that is none of it when it is paused or cancelled; few are not due yet, or many."""
    house.load(2000)
    house.load(100, name="other")
    w = house.worker()
    house.rows("update tracker.worker set allowance = 3000")
    house.in_hand_most = 3000
    rows = house.take(w, 1000) + house.take(w, 1000) + house.take(w, 100)
    for at in range(0, 2100, 700):
        house.give_back([Back(w.token, r.job, r.lease, "released") for r in rows[at:at + 700]])
    house.rows("update tracker.retry set due = now() - interval '1 minute'")
    house.rows("update tracker.retry set due = now() + interval '1 hour' where job <= %s or job = 2001", later)
    if kind == "paused":
        house.rows("select tracker.pause_batch(%s)", house.value("select max(batch) from tracker.batch"))
    elif kind == "cancelled":
        house.rows("select tracker.cancel_batch(%s)", house.value("select max(batch) from tracker.batch"))
    assert house.counts(1).due == 2000 - later + (99 if kind == "plain" else 0)


def test_an_address_leads_to_the_stage_that_had_the_name_last(house):
    """And first of all to who has it now."""
    def leads_to(name):
        return house.value("select stage from tracker.read_stage(%s)", name)

    house.rows("select tracker.rename_stage(1::int2, 'Fetch')")
    assert (leads_to("extract"), leads_to("FETCH")) == (1, 1)
    house.rows("select tracker.rename_stage(2::int2, 'Extract')")
    assert (leads_to("extract"), leads_to("filter")) == (2, 2)
    house.rows("select tracker.rename_stage(2::int2, 'Sort')")
    assert (leads_to("extract"), leads_to("sort")) == (2, 2)


def test_a_stage_that_was_renamed_is_not_named_anew_by_settings(house):
    house.rows("select tracker.rename_stage(1::int2, 'Fetch')")
    assert house.value("select stages_kept from tracker.project")
    house.settle("Extract", "Filter")
    assert [r.name for r in house.rows("select name from tracker.stage order by stage")] == ["Fetch", "Filter"]


@pytest.mark.parametrize("held", [False, True])
def test_who_has_tried_the_barrier_waits_for_other_locks_as_long_as_before(house, server, held):
    other = server.connect()
    other.autocommit = False
    if held:
        other.cursor().execute("select tracker.pass_barrier()")
    try:
        house.rows("begin")
        house.rows("set local lock_timeout = '17s'")
        assert house.value("select tracker.try_barrier()") is not held
        assert house.value("show lock_timeout") == "17s"
    finally:
        house.rows("rollback")
        other.close()


def test_a_pipeline_has_five_stages_at_most(house):
    house.settle(*"abcde")
    assert [r.letter for r in house.rows("select letter from tracker.stage order by stage")] == list("abcde")
    house.settle("one")
    for n in range(2, 6):
        assert house.value("select tracker.append_stage(%s)", f"stage {n}") == n
    with pytest.raises(psycopg2.Error, match="five stages"):
        house.value("select tracker.append_stage('sixth')")
    assert house.value("select count(*) from tracker.stage") == 5
