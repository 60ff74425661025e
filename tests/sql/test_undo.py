"""Results set aside by the thousand, with what was made of them, and taken back; who did it."""

import datetime
import json
import threading
import uuid

import psycopg2
import pytest

from house import House, Item


def make(house, worker, count, data="made {}"):
    jobs = house.take(worker, count)
    house.complete([Item(worker.token, j.job, j.lease, data.format(j.job)) for j in jobs])
    return [j.job for j in jobs]


def begin(house, person=None, worker=None, stage=None, since=None, until=None, address=None, label=None,
          reason="spoilt", keep=False, batch=None):
    return house.value("select tracker.undo_begin(%s, %s, %s::int2, %s, %s, %s::cidr, %s, %s, %s, %s)", person, worker,
                       stage, since, until, address, label, reason, keep, batch)


def count(house, person=None, worker=None, stage=None, since=None, until=None):
    return [tuple(r) for r in house.rows("select stage, nickname, asked, made_of from tracker.undo_count(%s, %s, %s::int2, %s, %s)",
                                         person, worker, stage, since, until)]


def step(house, undo, most=1000):
    return house.rows("select * from tracker.undo_step(%s, %s)", undo, most)[0]


def undo(house, most=1000, **which):
    number = begin(house, **which)
    while number and step(house, number, most).left_over > 0:
        pass
    return number


def take_back(house, number, most=1000):
    after, results = 0, 0
    while True:
        r = house.rows("select * from tracker.undo_take_back(%s, %s, %s)", number, after, most)[0]
        if r.last is None:
            return results
        after, results = r.last, results + r.results


def places(house):
    """Where each job is: the stage and what it is there."""
    return {r.job: (r.stage, r.what) for r in house.rows(
        "select job, stage, what from ("
        " select job, stage, 'ready' as what from tracker.ready union all"
        " select job, stage, 'retry' from tracker.retry union all"
        " select job, stage, 'lease' from tracker.lease union all"
        " select job, stage, 'failed' from tracker.failed union all"
        " select job, stage, 'end' from tracker.output where stage = 2) x order by 1")}


@pytest.fixture
def spoilt(house):
    """Ten jobs by a cheat and two by Ada in stage A; of the cheat's one is each: ready, in hand, back, failed
    and done in stage B (by Bob, but one by the cheat)."""
    house.load(12)
    house.max_attempts = 1
    cheat, ada, bob = house.worker(nickname="cheat"), house.worker(nickname="Ada"), \
        house.worker(2, nickname="Bob")
    make(house, cheat, 10)
    make(house, ada, 2)
    done = house.take(bob, 3)
    house.complete([Item(bob.token, j.job, j.lease, "by Bob") for j in done])
    lost = house.take(bob, 1)
    house.back(bob, lost[0])  # failed at once
    house.max_attempts = 10
    came_back = house.take(bob, 1)
    house.back(bob, came_back[0])
    house.bob, house.cheat = bob, cheat
    house.in_hand = house.take(bob, 1)
    make(house, house.worker(2, nickname="cheat"), 1)
    return house


def test_an_undo_takes_what_was_made_of_it_too(spoilt):
    undo(spoilt, person="cheat")
    assert places(spoilt) == {**{job: (1, "retry") for job in range(1, 11)}, 11: (2, "ready"), 12: (2, "ready")}
    assert spoilt.rows("select stage, job from tracker.output order by 1, 2") == [(1, 11), (1, 12)]
    assert spoilt.value("select count(*) from tracker.refused_output") == 14
    assert spoilt.rows("select nickname, score + coalesce((select sum(done - withdrawn) from tracker.credit c"
                       " where c.person = p.id), 0) from tracker.person p order by 1") == [
        ("Ada", 2), ("Bob", 0), ("cheat", 0)]


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_an_undo_in_small_steps_ends_the_same(spoilt, most):
    undo(spoilt, person="cheat", most=most)
    assert places(spoilt) == {**{job: (1, "retry") for job in range(1, 11)}, 11: (2, "ready"), 12: (2, "ready")}


def test_the_laws_hold_after_each_step(spoilt):
    number = begin(spoilt, person="cheat")
    while step(spoilt, number, 1).left_over > 0:
        assert spoilt.broken_laws() == []


def test_who_has_it_in_hand_is_fenced(spoilt):
    undo(spoilt, person="cheat")
    assert spoilt.done(spoilt.bob, spoilt.in_hand[0]) == "fenced"


def test_the_count_says_what_an_undo_will_do(spoilt):
    assert count(spoilt, person="cheat") == [(1, "cheat", 10, 0), (2, "cheat", 1, 0), (2, "Bob", 0, 3)]
    assert spoilt.value("select count(*) from tracker.refused_output") == 0


def test_only_one_stage_may_be_undone(spoilt):
    undo(spoilt, person="cheat", stage=2)
    assert spoilt.rows("select stage, job from tracker.refused_output") == [(2, 7)]
    assert places(spoilt)[7] == (2, "retry")


def test_a_worker_is_named_within_its_stage(spoilt):
    undo(spoilt, worker=spoilt.row(spoilt.bob).name, stage=2)
    assert spoilt.value("select array_agg(job order by job) from tracker.refused_output") == [1, 2, 3]


def test_a_time_bounds_an_undo(spoilt):
    now = spoilt.value("select clock_timestamp()")
    spoilt.pass_time(3600)
    make(spoilt, spoilt.bob, 1)
    undo(spoilt, since=now)
    assert spoilt.rows("select stage, job from tracker.refused_output") == [(2, 8)]
    assert undo(spoilt, person="cheat", until=now - datetime.timedelta(days=1)) is None


def test_a_release_and_a_network_are_undone_by_label_and_address(house):
    house.load(3)
    make(house, house.worker(label="warc2tar 1.4", address="192.0.2.7"), 1)
    make(house, house.worker(label="warc2tar 1.5", address="192.0.2.8"), 1)
    make(house, house.worker(label="warc2tar 1.5", address="198.51.100.1"), 1)
    undo(house, label="WARC2tar 1.4")
    assert house.value("select array_agg(job) from tracker.refused_output") == [1]
    undo(house, address="192.0.2.0/24")
    assert house.value("select array_agg(job) from tracker.refused_output") == [1, 2]


def test_a_condition_must_be_given(house):
    for which in ({}, {"stage": 1}, {"until": datetime.datetime.now(datetime.timezone.utc)}):
        with pytest.raises(psycopg2.Error) as e:
            begin(house, **which)
        assert e.value.pgcode == "TR002"


@pytest.mark.parametrize("which", [{"person": "nobody"}, {"worker": "no-such-worker"},
                                   {"person": "Ada", "worker": "no-such-worker"}])
def test_an_unknown_name_is_refused_and_leaves_no_line(spoilt, which):
    with pytest.raises(psycopg2.Error) as e:
        begin(spoilt, **which)
    assert e.value.pgcode == "TR002"
    assert spoilt.value("select count(*) from tracker.audit where act = 'undo'") == 0


def test_nothing_to_undo_leaves_no_line(house):
    house.worker(nickname="Ada")
    assert begin(house, person="Ada") is None
    assert house.value("select count(*) from tracker.audit where act = 'undo'") == 0


def test_credit_can_be_kept(spoilt):
    undo(spoilt, person="cheat", keep=True)
    assert spoilt.rows("select p.nickname, sum(c.done - c.withdrawn)::int8 as score,"
                       " sum(c.kept)::int8 as kept from tracker.person p"
                       " join tracker.credit c on c.person = p.id group by 1 order by 1") == [
        ("Ada", 2, 0), ("Bob", 3, 3), ("cheat", 11, 11)]
    spoilt.end_minute()
    spoilt.fold()
    assert spoilt.rows("select nickname, score, kept from tracker.person order by 1") == [
        ("Ada", 2, 0), ("Bob", 3, 3), ("cheat", 11, 11)]
    assert spoilt.broken_laws() == []
    assert make(spoilt, spoilt.cheat, 10) == list(range(1, 11))


def test_an_undo_is_written_down(spoilt):
    spoilt.rows("select set_config('tracker.who', 'ann@desk', false)")
    number = undo(spoilt, person="cheat", reason="a cheat", most=4)
    (a,) = spoilt.rows("select * from tracker.audit where id = %s", number)
    assert (a.who, a.act, a.count, a.state) == ("ann@desk", "undo", 14, "done")
    assert (a.details["person"], a.details["reason"], a.details["jobs"], a.details["left"]) == (
        "cheat", "a cheat", 10, 0)


def act_as(house, who):
    house.rows("select set_config('tracker.who', %s, false)", who)


def test_who_goes_on_with_an_undo_of_another_is_written_down(spoilt):
    act_as(spoilt, "ann@desk")
    number = begin(spoilt, person="cheat")
    for who in ("ann@desk", "bob@desk", "bob@desk", "eve@desk"):
        act_as(spoilt, who)
        step(spoilt, number, 2)
    (a,) = spoilt.rows("select * from tracker.audit where id = %s", number)
    assert (a.who, a.details["resumed_by"]) == ("ann@desk", ["bob@desk", "eve@desk"])


def test_an_undo_that_goes_on_by_whose_it_is_has_no_other_name(spoilt):
    number = undo(spoilt, person="cheat", most=3)
    assert "resumed_by" not in spoilt.value("select details from tracker.audit where id = %s", number)


def backs(house):
    return house.rows("select who, target, count, details ->> 'jobs', state from tracker.audit where act = 'take back' order by id")


def test_who_takes_it_back_has_a_line_whatever_the_steps(spoilt):
    number = undo(spoilt, person="cheat")
    act_as(spoilt, "bob@desk")
    assert take_back(spoilt, number, most=3) == 14
    assert backs(spoilt) == [("bob@desk", f"undo {number}", 14, "10", "done")]


def test_a_taking_back_that_was_broken_off_is_one_of_two_people(spoilt):
    """Each has what they did; one that goes on is not told of before it is over."""
    number = undo(spoilt, person="cheat")
    act_as(spoilt, "bob@desk")
    first = spoilt.rows("select * from tracker.undo_take_back(%s, 0, 4)", number)[0]
    assert backs(spoilt) == [("bob@desk", f"undo {number}", first.results, "4", "begun")]
    act_as(spoilt, "eve@desk")
    rest = take_back(spoilt, number, most=4)
    assert first.results + rest == 14
    assert backs(spoilt) == [("bob@desk", f"undo {number}", first.results, "4", "done"),
                             ("eve@desk", f"undo {number}", rest, "6", "done")]


def test_a_taking_back_that_died_before_its_end_is_ended_by_the_next(spoilt):
    number = undo(spoilt, person="cheat")
    spoilt.rows("select * from tracker.undo_take_back(%s, 0, 1000)", number)
    assert take_back(spoilt, number) == 0
    assert [(b.count, b.state) for b in backs(spoilt)] == [(14, "done")]
    assert spoilt.value("select state from tracker.audit where id = %s", number) == "taken back"


def test_an_undo_tells_the_whole_of_itself_and_what_of_it_nobody_does_anew(house):
    for n in range(2):
        house.load(4, name=f"batch {n}")
    make(house, house.worker(nickname="cheat"), 8)
    house.value("select tracker.cancel_batch((select min(batch) from tracker.batch))")
    (counted,) = house.rows("select asked, made_of, off from tracker.undo_count('cheat', null, null, null, null)")
    assert counted == (8, 0, 4)
    number = begin(house, person="cheat")
    first = step(house, number, 3)
    assert (first.jobs, first.all_jobs, first.all_results, first.all_off) == (3, 3, 3, 3)
    last = step(house, number, 100)
    assert (last.jobs, last.all_jobs, last.all_results, last.all_off) == (5, 8, 8, 4)


def test_a_done_undo_has_no_further_step(spoilt):
    number = undo(spoilt, person="cheat")
    with pytest.raises(psycopg2.Error) as e:
        step(spoilt, number)
    assert e.value.pgcode == "TR002"


def test_an_untouched_undo_is_taken_back_whole(spoilt):
    before = spoilt.rows("select stage, job, worker, person, lease, data, finished from tracker.output order by 1, 2")
    credit = "select person, sum(done - withdrawn) from tracker.credit group by 1 order by 1"
    people = spoilt.rows(credit)
    number = undo(spoilt, person="cheat", most=3)
    assert take_back(spoilt, number, most=4) == 14
    assert spoilt.rows("select stage, job, worker, person, lease, data, finished from tracker.output"
                       " order by 1, 2") == before
    assert spoilt.rows(credit) == people
    assert {job: (stage, what) for job, (stage, what) in places(spoilt).items() if stage == 2 and what == "end"} == {
        1: (2, "end"), 2: (2, "end"), 3: (2, "end"), 7: (2, "end")}
    assert spoilt.value("select state from tracker.audit where id = %s", number) == "taken back"


def test_kept_credit_is_counted_once_when_it_is_taken_back(spoilt):
    number = undo(spoilt, person="cheat", keep=True)
    take_back(spoilt, number)
    assert spoilt.value("select sum(kept) from tracker.credit") == 0


def test_a_job_begun_anew_keeps_its_new_life(spoilt):
    number = undo(spoilt, person="cheat")
    worker = spoilt.worker(nickname="Ada")
    jobs = make(spoilt, worker, 2) + [j.job for j in spoilt.take(worker, 2)]
    assert take_back(spoilt, number) == 14 - sum(
        {1: 2, 2: 2, 3: 2, 7: 2}.get(job, 1) for job in jobs)
    assert spoilt.value("select count(*) from tracker.output where stage = 1 and person = (select id from"
                        " tracker.person where nickname = 'Ada')") == 4


def test_a_job_that_failed_since_is_not_taken_back(spoilt):
    number = undo(spoilt, person="cheat")
    worker = spoilt.worker(nickname="Ada")
    (job,) = spoilt.take(worker)
    spoilt.back(worker, job)
    spoilt.make_due()
    take_back(spoilt, number)
    assert places(spoilt)[job.job] == (1, "retry")


def test_a_job_refused_twice_comes_back_by_the_second_undo_alone(house):
    house.load(1)
    make(house, house.worker(nickname="one"), 1)
    first = undo(house, person="one")
    make(house, house.worker(nickname="two"), 1)
    second = undo(house, person="two")
    assert take_back(house, first) == 0
    assert house.value("select state from tracker.audit where id = %s", first) == "done" and backs(house) == []
    assert take_back(house, second) == 1
    assert house.value("select p.nickname from tracker.output o join tracker.person p on p.id = o.person") == "two"


def over(house, number):
    return [tuple(r) for r in house.rows("select * from tracker.undo_over(%s)", number)]


@pytest.fixture
def twice(house):
    """Four jobs, done in both stages: Bob's results of stage B are refused, then Ada's of stage A that they were made of."""
    house.load(4)
    make(house, house.worker(nickname="Ada"), 4)
    make(house, house.worker(2, nickname="Bob"), 4)
    house.live = house.rows("select stage, job, person, lease, data from tracker.output order by 1, 2")
    house.first = undo(house, person="Bob")
    return house


def test_of_two_undos_of_a_job_the_later_is_taken_back_and_then_the_earlier(twice):
    second = undo(twice, person="Ada")
    assert take_back(twice, twice.first) == 0 and over(twice, twice.first) == [(second, 4)]
    assert take_back(twice, second) == 4
    assert places(twice) == {job: (2, "retry") for job in range(1, 5)}
    assert twice.broken_laws() == [] and over(twice, twice.first) == []
    assert take_back(twice, twice.first) == 4
    assert twice.rows("select stage, job, person, lease, data from tracker.output order by 1, 2") == twice.live
    assert places(twice) == {job: (2, "end") for job in range(1, 5)}


def test_what_waits_after_two_undos_is_done_anew_when_nothing_more_is_taken_back(twice):
    take_back(twice, undo(twice, person="Ada"))
    b = twice.worker(2)
    assert make(twice, b, 4) == [1, 2, 3, 4]
    assert take_back(twice, twice.first) == 0 and over(twice, twice.first) == []


def test_what_was_begun_anew_between_two_undos_comes_back_by_the_second_alone(twice):
    new = make(twice, twice.worker(2, nickname="Eve"), 1)
    second = undo(twice, person="Ada")
    assert over(twice, twice.first) == [(second, 3)]
    assert take_back(twice, second) == 5
    assert take_back(twice, twice.first) == 3
    assert places(twice) == {job: (2, "end") for job in range(1, 5)}
    assert twice.value("select nickname from tracker.person p join tracker.output o on o.person = p.id and o.stage = 2"
                       " where o.job = %s", new[0]) == "Eve"


def test_a_result_does_not_come_back_beside_another_that_it_was_not_made_of(twice):
    undo(twice, person="Ada")
    make(twice, twice.worker(nickname="Eve"), 4, "another {}")
    twice.rows("with d as (delete from tracker.ready where stage = 2 returning *)"  # as when an answer had no room for them
               " insert into tracker.retry (stage, batch, job, due, attempt) select stage, batch, job, now(), 1 from d")
    twice.rows("select tracker.add_tally(array[2]::int2[], array[%s], array[-4]::int8[], array[4]::int8[], null, null, null)",
               twice.batch())
    assert take_back(twice, twice.first) == 0


def test_an_undo_over_another_is_taken_back_in_steps_beside_what_was_never_refused(house):
    house.load(5)
    make(house, house.worker(nickname="Ada"), 5)
    bob = house.worker(2, nickname="Bob")
    make(house, bob, 2)
    first = undo(house, person="Bob")
    second = undo(house, person="Ada")
    assert take_back(house, second, most=2) == 5
    assert places(house) == {1: (2, "retry"), 2: (2, "retry"), 3: (2, "ready"), 4: (2, "ready"), 5: (2, "ready")}
    assert take_back(house, first) == 2


def test_what_cannot_be_taken_back_yet_says_so(spoilt):
    number = begin(spoilt, person="cheat")
    with pytest.raises(psycopg2.Error) as e:
        take_back(spoilt, number)
    assert e.value.pgcode == "TR002"


def test_an_undo_among_many_workers_loses_and_doubles_nothing(house, server):
    """Workers of both stages go on while the cheat's results are undone and taken back, by turns."""
    house.load(400)
    house.worker(nickname="cheat")
    stop, faults = threading.Event(), []

    def work(stage, nickname):
        c = server.connect()
        h = House(c)
        w = h.worker(stage, nickname)
        try:
            while not stop.is_set():
                rows = [r for r in h.want(w, 5) if r.status == "job"]
                h.complete([Item(w.token, r.job, r.lease, "x") for r in rows])
        except psycopg2.errors.DeadlockDetected:
            faults.append("deadlock")
        except Exception as e:  # pylint: disable=broad-except
            faults.append(repr(e))
        finally:
            c.close()

    crowd = [threading.Thread(target=work, args=(stage, who)) for stage in (1, 2) for who in ("cheat", "Ada")]
    for thread in crowd:
        thread.start()
    try:
        for _ in range(6):
            number = begin(house, person="cheat")
            while number and step(house, number, 20).left_over > 0:
                pass
            if number:
                take_back(house, number, 20)
    finally:
        stop.set()
        for thread in crowd:
            thread.join()
    assert faults == []


def test_two_who_go_on_with_one_undo_do_it_once(spoilt, server):
    number = begin(spoilt, person="cheat")
    other = House(server.connect())

    def go_on():
        try:
            while step(other, number, 1).left_over > 0:
                pass
        except psycopg2.Error as e:
            assert e.pgcode == "TR002"
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        while step(spoilt, number, 1).left_over > 0:
            pass
    except psycopg2.Error as e:
        assert e.pgcode == "TR002"
    thread.join()
    other.connection.close()
    assert spoilt.value("select count from tracker.audit where id = %s", number) == 14


def test_a_step_that_waits_for_a_reset_has_nothing_that_a_reset_waits_for(spoilt, server):
    """Else the two end by a deadlock, for which everybody who hands out or takes in has waited as long."""
    number = begin(spoilt, person="cheat")
    other, resetter = House(server.connect()), House(server.connect())
    resetter.rows("begin; set local lock_timeout = '5s'; select tracker.raise_barrier()")
    faults = []

    def go_on():
        try:
            step(other, number)
        except psycopg2.Error as e:
            faults.append(e)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        while not spoilt.value("select exists (select from pg_locks where not granted and pid = %s)", other.connection.info.backend_pid):
            assert thread.is_alive()
        resetter.rows("update tracker.audit set details = details || '{\"resumed_by\": [\"a reset\"]}' where id = %s", number)
    finally:
        resetter.rows("rollback")
        thread.join()
        other.connection.close()
        resetter.connection.close()
    assert faults == []


@pytest.mark.parametrize("way", ["undo", "taking back"])
def test_what_a_reset_ended_was_cut_short(spoilt, way):
    number = begin(spoilt, person="cheat")
    step(spoilt, number, 3)
    if way == "taking back":
        step(spoilt, number)
        spoilt.rows("select * from tracker.undo_take_back(%s, 0, 4)", number)
    done = spoilt.value("select count from tracker.audit where id = %s", number)
    spoilt.rows("select tracker.reset_jobs()")
    told = spoilt.rows("select act, count, state from tracker.audit order by id")
    assert told[0] == ("undo", done, "cut short" if way == "undo" else "part back")
    assert [t.state for t in told if t.act == "take back"] == (["cut short"] if way == "taking back" else [])
    assert spoilt.rows("select * from tracker.list_begun()") == []
    for call in ("undo_step(%s, 10)", "undo_take_back(%s, 0, 10)"):
        with pytest.raises(psycopg2.Error, match=f"undo {number} was of jobs that a reset has deleted since") as e:
            spoilt.rows(f"select * from tracker.{call}", number)
        assert e.value.pgcode == "TR002"


def test_an_undo_of_after_a_reset_is_like_any(spoilt):
    spoilt.rows("select tracker.reset_jobs()")
    spoilt.load(4)
    make(spoilt, spoilt.cheat, 4)
    number = undo(spoilt, person="cheat", most=3)
    assert take_back(spoilt, number) == 4


def test_what_is_not_done_yet_says_what_comes_first(spoilt):
    number = begin(spoilt, person="cheat")
    with pytest.raises(psycopg2.Error, match=f"undo {number} is not done yet: first undo --resume {number}"):
        take_back(spoilt, number)
    while step(spoilt, number).left_over > 0:
        pass
    with pytest.raises(psycopg2.Error, match=f"undo {number} is done already"):
        step(spoilt, number)


def test_long_acts_that_are_not_over_are_listed_with_what_goes_on(spoilt):
    act_as(spoilt, "ann@desk")
    first, second = begin(spoilt, person="cheat"), begin(spoilt, person="Ada")
    step(spoilt, first, 4)
    while step(spoilt, second).left_over > 0:
        pass
    spoilt.rows("select * from tracker.undo_take_back(%s, 0, 1)", second)
    merge = spoilt.value("select tracker.merge_people('Bob', 'Ada')")
    spoilt.rows("select tracker.audit_act('purge', 'older than 1y', 0, null, 'begun')")
    found = spoilt.rows("select line, act, who, jobs, undo, back, person, \"into\" from tracker.list_begun()")
    back = spoilt.value("select id from tracker.audit where act = 'take back'")
    assert found == [(first, "undo", "ann@desk", 6, first, False, None, None), (back, "take back", "ann@desk", None, second, True, None, None),
                     (merge, "merge people", "ann@desk", None, None, False, "Bob", "Ada")]
    while spoilt.value("select tracker.merge_step(%s, 100)", merge) > 0:
        pass
    assert [r.act for r in spoilt.rows("select act from tracker.list_begun()")] == ["undo", "take back"]


def begun_merges(house):
    return house.rows('select person, "into" from tracker.list_begun() where act = \'merge people\'')


def test_a_merge_that_is_not_done_goes_on_by_the_names_of_now(house):
    for name in ("ada", "Ada"):
        house.worker(nickname=name)
    house.value("select tracker.merge_people('ada', 'Ada')")
    assert begun_merges(house) == [("ada", "Ada")]
    house.rows("select tracker.rename_person('Ada', 'Countess')")
    assert begun_merges(house) == [("ada", "Countess")]
    house.rows("select tracker.rename_person('Countess', 'ada')")  # names that they have change places
    ((person, into),) = begun_merges(house)
    number = house.value("select tracker.merge_people(%s, %s)", person, into)
    assert number == house.value("select id from tracker.audit where act = 'merge people'")
    house.rows("select tracker.erase_person('ada')")
    assert begun_merges(house) == []


# ---- every act has its line

def test_a_job_that_moved_on_in_line_is_found(house):
    house.settle("1", "2", "3")
    house.load(4)
    make(house, house.worker(nickname="cheat"), 4)
    number = begin(house, person="cheat")
    make(house, house.worker(2), 2)
    assert step(house, number).left_over == 0
    assert house.value("select count(*) from tracker.retry where stage = 1") == 4
    assert house.value("select count(*) from tracker.ready") == 0


def test_a_result_made_anew_by_another_is_left_alone(house):
    house.load(1)
    make(house, house.worker(nickname="cheat"), 1)
    number = begin(house, person="cheat")
    house.rows("select tracker.send_back_job(1, 1::int2, 'seen by hand')")
    make(house, house.worker(nickname="Ada"), 1)
    r = step(house, number)
    assert (r.jobs, r.left_over) == (0, 0)
    assert house.value("select p.nickname from tracker.output o join tracker.person p on p.id = o.person") == "Ada"


@pytest.mark.parametrize("act, count, call", [
    ("pause", 0, "select tracker.set_paused(1::int2, true)"),
    ("resume", 0, "select tracker.set_paused(1::int2, true); select tracker.set_paused(1::int2, false)"),
    ("requeue", 1, "select tracker.requeue_failed(2::int2, null)"),
    ("send back", 1, "select tracker.send_back_job(11, 1::int2, 'why')"),
    ("append stage", 4, "select tracker.append_stage('More')"),
    ("reset", 12, "select tracker.reset_jobs()"),
    ("key add", 1, "select tracker.add_key('Zoe', 'Zoe', '{}', '1', gen_random_uuid(), 'laptop')"),
    ("key revoke", 1, "select tracker.add_key('Zoe', 'Zoe', '{}', '1', gen_random_uuid(), 'laptop');"
                      " select tracker.revoke_keys('Zoe', max(k.id)) from tracker.person_key k"),
    ("invite", 1, "select tracker.add_invite(gen_random_uuid(), 'a friend', 3)"),
    ("hide person", 1, "select tracker.hide_person('Bob', true)"),
    ("rename person", 1, "select tracker.rename_person('Bob', 'Rob')"),
    ("trial", 1, "select tracker.ask_trial(w.stage, w.name, 11) from tracker.worker w where w.stage = 1 and w.gone_at is null limit 1"),
    ("ban", 1, "select tracker.ban_strangers('Bob', null, null, null, null, 'go', null)"),
])
def test_an_act_is_written_down_with_how_many_it_was_of(spoilt, act, count, call):
    spoilt.rows("select set_config('tracker.who', 'ann@desk', false)")
    spoilt.rows(call)
    assert spoilt.rows("select who, state, count from tracker.audit where act = %s", act) == [("ann@desk", "done", count)]


def test_a_worker_sent_away_is_written_down(spoilt):
    spoilt.rows("select * from tracker.drop_worker(2::int2, %s)", spoilt.row(spoilt.bob).name)
    assert spoilt.rows("select target, count from tracker.audit where act = 'drop worker'") == [
        (f"{spoilt.bob.name} of stage b", 1)]


@pytest.mark.parametrize("call", ["tracker.set_paused(5::int2, true)", "tracker.requeue_failed(1::int2, null)",
                                  "tracker.send_back_job(4711, 1::int2, 'why')",
                                  "tracker.drop_worker(1::int2, 'nobody')"])
def test_what_did_nothing_is_not_written_down(house, call):
    house.rows(f"select {call}")
    assert house.value("select count(*) from tracker.audit") == 0


def test_a_batch_is_undone_by_its_name(house):
    house.load(3, name="good")
    house.load(3, name="broken")
    make(house, house.worker(), 6)
    undo(house, batch="broken")
    assert house.value("select array_agg(job order by job) from tracker.refused_output") == [4, 5, 6]
    assert house.value("select details ->> 'batch' from tracker.audit where act = 'undo'") == "broken"
    with pytest.raises(psycopg2.Error) as e:
        begin(house, batch="no such")
    assert e.value.pgcode == "TR002" and "no such" in str(e.value)


def test_a_batch_and_a_person_together_bound_an_undo(house):
    house.load(2, name="one")
    house.load(2, name="two")
    make(house, house.worker(nickname="Ada"), 3)
    make(house, house.worker(nickname="Bob"), 1)
    undo(house, person="Ada", batch="two")
    assert house.value("select array_agg(job) from tracker.refused_output") == [3]


@pytest.mark.parametrize("address, asked, found", [
    ("192.0.2.7", "192.0.2.7", True), ("192.0.2.7", "192.0.2.0/24", True), ("192.0.2.7", "192.0.2.8", False),
    ("192.0.2.7", "192.0.3.0/24", False), ("192.0.2.7", "192.0.0.0/16", False),
    ("2001:db8:1:203::5", "2001:db8:1:203::/64", True), ("2001:db8:1:203::5", "2001:db8:1:200::/56", True),
    ("2001:db8:1:203::5", "2001:db8:1:203::6", False), ("2001:db8:1:203::5", "2001:db8:1:204::/64", False),
])
def test_a_network_is_undone_also_when_addresses_are_forgotten(house, address, asked, found):
    house.load(1)
    make(house, house.worker(address=address), 1)
    house.rows("update tracker.worker set address = null")
    if found:
        undo(house, address=asked)
    else:
        with pytest.raises(psycopg2.Error):
            begin(house, address=asked)
    assert house.value("select count(*) from tracker.refused_output") == found


# ---- what is easily overlooked

def test_whose_job_was_undone_holds_it_no_more(spoilt):
    before = spoilt.row(spoilt.bob).holds
    undo(spoilt, person="cheat")
    assert spoilt.row(spoilt.bob).holds == before - 1 == 0


def test_flags_of_before_an_undo_do_not_count_after_it(house):
    house.load(1)
    house.flag_limit = 2
    make(house, house.worker(), 1)
    first, mallory, second = (house.worker(2, nickname=n) for n in ("Ada", "Mallory", "Bob"))
    house.flag(first, house.take(first)[0])
    house.make_due()
    make(house, mallory, 1)
    undo(house, person="Mallory")
    house.flag(second, house.take(second)[0])
    assert places(house) == {1: (2, "retry")}


def test_what_is_undone_of_a_batch_that_was_through_is_in_line_again(house):
    batch = house.load(2)
    house.load(1)
    mallory = house.worker(nickname="Mallory")
    make(house, mallory, 2)
    make(house, house.worker(2), 2)
    house.rows("select tracker.tidy_line()")
    assert house.value("select line from tracker.stage where stage = 1") != [batch]
    undo(house, person="Mallory")
    assert house.value("select line[1] from tracker.stage where stage = 1") == batch
    assert sorted(j.job for j in house.take(house.worker(), 2)) == [1, 2]


def test_a_time_is_taken_to_the_moment(house):
    """since: that moment and later; until: before it."""
    house.load(3)
    w = house.worker(nickname="Ada")
    make(house, w, 3)
    at = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone.utc)
    second = datetime.timedelta(seconds=1)
    for n in range(3):
        house.rows("update tracker.output set finished = %s where job = %s", at + n * second, n + 1)
    found = house.rows("select job from tracker.find_results(null, null, null, %s, %s)", at + second, at + 2 * second)
    assert found == [(2,)]


def test_a_worker_is_looked_for_by_its_name_in_all_stages_or_in_the_one_that_is_said(house):
    house.load(3)
    both = [house.worker(stage, name="otter") for stage in (1, 2)]
    alone = house.worker(name="weasel")
    for w, jobs in ((both[0], 2), (alone, 1), (both[1], 1)):
        make(house, w, jobs)

    def found(name, stage):
        return sorted((r.stage, r.job) for r in house.rows("select * from tracker.find_results(null, %s, %s::int2, null, null)", name, stage))
    assert found("otter", None) == [(1, 1), (1, 2), (2, 1)] and found("weasel", None) == found("weasel", 1) == [(1, 3)]
    assert found("otter", 1) == [(1, 1), (1, 2)] and found("otter", 2) == [(2, 1)]
    with pytest.raises(psycopg2.Error, match="no such worker"):
        found("weasel", 2)


def test_results_of_long_after_a_worker_went_are_not_its_own_by_its_name(house):
    """A worker's time bounds what is looked at."""
    house.load(1)
    w = house.worker(nickname="Ada")
    make(house, w, 1)
    house.bye(w)
    assert count(house, person="Ada") == [(1, "Ada", 1, 0)]
    house.rows("update tracker.output set finished = finished + interval '1 hour'")
    assert house.rows("select job from tracker.find_results('Ada', null, null, null, null)") == []


def test_an_undo_of_another_job_is_not_over_this_one(house):
    house.load(2)
    for nickname in ("Ada", "Cyd"):
        make(house, house.worker(nickname=nickname), 1)
    make(house, house.worker(2, nickname="Bea"), 1)
    number = undo(house, person="Bea", stage=2)
    undo(house, person="Cyd", stage=1)
    assert house.rows("select * from tracker.undo_over(%s)", number) == []
    later = undo(house, person="Ada", stage=1)
    assert house.rows("select * from tracker.undo_over(%s)", number) == [(later, 1)]


@pytest.mark.parametrize("way", ["undo", "send back", "flags"])
def test_what_is_withdrawn_is_counted_in_the_minute_in_which_it_was_made(house, way):
    """Of the stage and of the person."""
    house.load(1)
    ada = house.worker(nickname="Ada")
    make(house, ada, 1)
    house.rows("update tracker.output set finished = finished - interval '10 minutes'")
    house.rows("update tracker.worker set created = created - interval '1 hour'")
    made = house.value("select date_trunc('minute', finished) from tracker.output")
    if way == "undo":
        undo(house, person="Ada")
    elif way == "send back":
        house.rows("select tracker.send_back_job(1, 1::int2, 'wrong')")
    else:
        for n in range(house.flag_limit):
            w = house.newcomer(2, nickname=f"person {n}", address=f"10.{n}.0.1")
            job = house.take(w)
            house.flag(w, job[0])
            house.make_due()
    assert house.rows("select minute, sum(withdrawn) from tracker.tally where withdrawn <> 0 group by 1") == [(made, 1)]
    assert house.rows("select minute, sum(withdrawn) from tracker.credit where withdrawn <> 0 group by 1") == [(made, 1)]


def test_an_undo_of_before_does_not_lie_over_a_later_one(house):
    house.load(1)
    cheat, ada, b, carol = house.worker(nickname="Mallory"), house.worker(nickname="Ada"), house.worker(2, nickname="Bob"), house.worker(2)
    make(house, cheat, 1)
    first = undo(house, person="Mallory")
    make(house, ada, 1)
    make(house, b, 1)
    second = undo(house, person="Bob")
    assert house.rows("select * from tracker.undo_over(%s)", second) == []
    assert house.rows("select * from tracker.undo_over(%s)", first) == []
    make(house, carol, 1)


def test_who_takes_an_undo_back_hears_what_each_stage_is_fed_with(house):
    """Of the last one, too; and what was made of the last one's feeds nobody."""
    house.rows("select tracker.append_stage('Third')")
    house.load(3)
    cheat, bob, eve = (house.worker(stage, nickname) for stage, nickname in ((1, "cheat"), (2, "cheat"), (3, "cheat")))
    make(house, cheat, 3)
    make(house, bob, 2)
    make(house, eve, 1)
    number = undo(house, person="cheat")
    (r,) = house.rows("select * from tracker.undo_take_back(%s, 0, 100)", number)
    assert (r.jobs, r.results, r.fed) == (3, 6, [0, 1, 1, 0, 0])


def test_what_an_undo_would_do_is_told_by_stage_then_the_most_first(house):
    house.load(9)
    for nickname, jobs in (("one", 1), ("three", 3), ("also one", 1)):
        make(house, house.worker(nickname=nickname), jobs)
    make(house, house.worker(2, "one"), 4)
    assert count(house, since="2000-01-01") == [(1, "three", 3, 0), (1, "also one", 1, 0), (1, "one", 1, 0), (2, "one", 4, 0)]
    made_of = house.worker(2, "made")
    make(house, made_of, 1)
    assert count(house, stage=1, since="2000-01-01")[-2:] == [(2, "one", 0, 4), (2, "made", 0, 1)]


# ---- what a line of audit says to people

def told(house):
    return [(r.act, r.target, r.told) for r in house.rows("select act, target, told from tracker.list_audit(0, 100)")]


def test_whose_results_were_undone_is_told(spoilt):
    undo(spoilt, person="cheat", stage=1, keep=True, since=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc))
    assert told(spoilt) == [("undo", "spoilt", "person cheat, stage A, since 2026-01-01T00:00:00+00:00, credit kept, jobs 10")]


@pytest.mark.parametrize("act, target, details, words", [
    ("undo", "made up", {"label": "miner 9", "reason": "made up", "keep_credit": False, "jobs": 3, "left": 0, "mark": 7, "cancelled": 0},
     "label miner 9, jobs 3"),
    ("undo", "made up", {"batch": "June", "until": "2026-06-01T00:00:00+00:00", "reason": "made up", "keep_credit": True, "jobs": 3,
                         "left": 2, "resumed_by": ["bob@desk", "eve@desk"]},
     "batch June, until 2026-06-01T00:00:00+00:00, credit kept, jobs 3, resumed by bob@desk, eve@desk"),
    ("take back", "undo 7", {"undo": 7, "jobs": 3}, None),
    ("rename person", "Ada", {"to": "Ada L."}, "to Ada L."),
    ("merge people", "ada", {"into": "Ada", "person": 17}, "into Ada"),
    ("set", 'batch "June"', {"note": "", "priority": 5}, 'note "", priority 5'),
    ("set needs", 'batch "June"', {"needs": "gpu,ram32"}, "needs gpu,ram32"),
    ("requeue", "stage a", {"jobs": "all", "reason": "disk full"}, "jobs all, reason disk full"),
    ("hurry", "2 jobs, stage a", {"jobs": [7, 5]}, "jobs 7, 5"),
    ("ban", "label miner 9", {"ban": 3, "words": "made up"}, "ban 3, words made up"),
    ("key add", "person Ada", {"label": None}, None),
    ("pause", "stage a", {}, None)])
def test_what_an_act_changed_is_told_in_words(house, act, target, details, words):
    house.rows("select tracker.audit_act(%s, %s, 1, %s::jsonb)", act, target, json.dumps(details))
    assert told(house) == [(act, target, words)]


def test_an_undo_that_was_cut_short_tells_what_it_had_left(spoilt):
    number = begin(spoilt, person="cheat")
    step(spoilt, number, 4)
    spoilt.rows("select tracker.reset_jobs()")
    assert told(spoilt)[0] == ("undo", "spoilt", "person cheat, jobs 4, jobs left 6")


@pytest.mark.parametrize("whom, words", [("'Ada', null, null", "person Ada"), ("null, '192.0.2.0/24', null", "address 192.0.2.0/24"),
                                         ("null, null, 'miner 9'", "label miner 9")])
def test_of_whom_a_ban_was_is_told_when_it_is_lifted(house, whom, words):
    house.worker(nickname="Ada")
    house.rows(f"select tracker.ban_strangers({whom}, null, null, 'rude', null)")
    house.rows("select tracker.lift_ban(max(id)) from tracker.ban")
    assert told(house)[-1][0] == "unban" and told(house)[-1][2] == words
