"""What the command of on_event is told, and how often: by the tables alone, without waiting for its time."""

import json

import pytest

from house import Item


def told(house):
    """What a look of the keeper tells, [(event, details), ...]."""
    return [(r.event, json.loads(r.details)) for r in house.rows("select * from tracker.take_events()")]


def names(house):
    return [event for event, _ in told(house)]


def conditions(house):
    return {r.key for r in house.rows("select key from tracker.list_conditions()")}


def waits(house, seconds):
    house.rows("update tracker.event set since = since - make_interval(secs => %s)", seconds)


def fail(house, count, workers=1):
    house.max_attempts = 100
    for w in [house.worker() for _ in range(workers)]:
        for job in house.take(w, count // workers):
            house.back(w, job, "failed", "no disk")


@pytest.fixture
def begun(house):
    """The first look is behind us."""
    assert told(house) == []
    return house


def test_the_first_look_tells_nothing_of_what_was_before_and_a_start_anew_neither(house):
    house.load(5)
    fail(house, 5)
    assert told(house) == []
    assert told(house) == []


def test_what_was_so_at_the_first_look_is_told_when_it_is_over(house):
    house.load(9)
    fail(house, 5)
    assert told(house) == []
    house.pass_time(86500)
    house.rows("update tracker.history set minute = minute - interval '2 days'")
    assert names(house) == ["stage_recovered"]


def test_a_stage_that_starved_at_the_first_look_is_told_to_be_fed(house):
    """Whoever was there before has told that it starves."""
    house.load(2)
    w = house.worker(2)
    assert told(house) == []
    waits(house, 61)
    assert told(house) == []
    house.bye(w)
    assert names(house) == ["stage_fed"]


@pytest.mark.parametrize("bad, failing", [(2, False), (3, True)])
def test_a_stage_fails_from_the_third_bad_end_on(begun, bad, failing):
    begun.load(20)
    fail(begun, bad)
    assert names(begun) == (["stage_failing"] if failing else [])
    assert names(begun) == []


@pytest.mark.parametrize("bad, failing", [(4, False), (5, True)])
def test_a_stage_fails_when_a_fifth_of_its_ends_are_bad(begun, bad, failing):
    begun.load(40)
    w = begun.worker()
    jobs = begun.take(w, 20)
    begun.complete([Item(w.token, j.job, j.lease, "r") for j in jobs])
    fail(begun, bad)
    assert ("stage_failing 1" in conditions(begun)) == failing


def test_how_it_fails_is_told_in_words(begun):
    begun.load(20)
    fail(begun, 6, workers=2)
    ((event, said),) = told(begun)
    assert event == "stage_failing"
    assert {k: said[k] for k in ("event", "stage", "failed", "done", "workers", "kind", "reason")} == {
        "event": "stage_failing", "stage": "a", "failed": 6, "done": 0, "workers": 2, "kind": "failed", "reason": "no disk"}
    assert said["project"] == begun.value("select id from tracker.project")


def test_a_stage_starves_when_it_lasts_a_minute_and_is_told_once(begun):
    begun.load(2)
    w = begun.worker(2)
    assert conditions(begun) == {"stage_starved 2"}
    assert names(begun) == []
    waits(begun, 50)
    assert names(begun) == []
    waits(begun, 10)
    assert names(begun) == ["stage_starved"]
    waits(begun, 100)
    assert names(begun) == []
    begun.bye(w)
    assert names(begun) == ["stage_fed"]


def test_what_never_lasted_is_not_told_to_be_over(begun):
    begun.load(2)
    w = begun.worker(2)
    assert names(begun) == []
    begun.bye(w)
    assert names(begun) == []
    assert begun.value("select count(*) from tracker.event where key <> ''") == 0


def test_nobody_starves_where_the_stage_is_paused_or_nothing_is_before_it(begun):
    begun.worker(2)
    assert conditions(begun) == set()
    begun.load(2)
    begun.rows("select tracker.set_paused(2::int2, true)")
    assert conditions(begun) == set()


def finish(house, stage, count):
    w = house.worker(stage)
    jobs = house.take(w, count)
    house.complete([Item(w.token, j.job, j.lease, "r") for j in jobs])
    house.bye(w)
    house.end_minute()
    house.fold()


def test_a_batch_and_the_project_are_done_once(begun):
    assert conditions(begun) == set()  # an empty project is not done
    begun.load(2, name="one")
    finish(begun, 1, 2)
    assert names(begun) == []
    finish(begun, 2, 2)
    assert sorted(names(begun)) == ["batch_done", "project_done"]
    assert names(begun) == []


def test_a_cancelled_batch_is_not_done(begun):
    batch = begun.load(2)
    begun.load(1)
    begun.value("select tracker.cancel_batch(%s)", batch)
    assert begun.value("select ended is not null from tracker.batch where batch = %s", batch)
    assert names(begun) == ["act"]


def test_an_act_is_told_once_and_one_under_way_when_it_is_done(begun):
    begun.load(1)
    line = begun.value("select tracker.audit_act('undo', 'wrong', 1, null, 'begun')")
    begun.value("select tracker.audit_act('pause', 'stage a', null, null)")
    (event, said), = told(begun)
    assert (event, said["act"], said["target"]) == ("act", "pause", "stage a")
    assert names(begun) == []
    begun.rows("update tracker.audit set state = 'done' where id = %s", line)
    (event, said), = told(begun)
    assert (said["act"], said["count"]) == ("undo", 1)


def test_who_takes_an_undo_back_is_told_when_it_is_over(begun):
    begun.load(2)
    worker = begun.worker(nickname="cheat")
    begun.complete([Item(worker.token, j.job, j.lease, "x") for j in begun.take(worker, 2)])
    undo = begun.value("select tracker.undo_begin('cheat', null, null, null, null, null, null, 'spoilt', false)")
    begun.rows("select tracker.undo_step(%s, 1000)", undo)
    assert [said["act"] for event, said in told(begun) if event == "act"] == ["undo"]
    begun.rows("select set_config('tracker.who', 'bob@desk', false)")
    (step,) = begun.rows("select * from tracker.undo_take_back(%s, 0, 1000)", undo)
    assert "act" not in names(begun)
    begun.rows("select tracker.undo_take_back(%s, %s, 1000)", undo, step.last)
    (said,) = [said for event, said in told(begun) if event == "act"]
    assert (said["who"], said["act"], said["target"], said["count"]) == ("bob@desk", "take back", f"undo {undo}", 2)


@pytest.mark.parametrize("end, state", [("step", "done"), ("reset", "cut short")])
def test_an_undo_that_took_hours_is_told_when_it_is_over(begun, end, state):
    """As one that was broken off in the evening, and gone on with in the morning."""
    begun.load(2)
    worker = begun.worker(nickname="cheat")
    begun.complete([Item(worker.token, j.job, j.lease, "x") for j in begun.take(worker, 2)])
    undo = begun.value("select tracker.undo_begin('cheat', null, null, null, null, null, null, 'spoilt', false)")
    begun.rows("select tracker.undo_step(%s, 1)", undo)
    begun.rows("update tracker.audit set at = at - interval '9 hours', changed = changed - interval '9 hours'")
    assert "act" not in names(begun)
    begun.rows("select tracker.reset_jobs()" if end == "reset" else f"select tracker.undo_step({undo}, 1)")
    (said,) = [said for event, said in told(begun) if event == "act" and said["act"] == "undo"]
    assert (said["audit"], said["state"]) == (undo, state)
    assert said["at"] == begun.value("select to_char(changed at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from tracker.audit"
                                     " where id = %s", undo)


def test_an_act_of_an_hour_ago_is_no_news(begun):
    begun.value("select tracker.audit_act('pause', 'stage a', null, null)")
    begun.rows("update tracker.audit set at = at - interval '61 minutes', changed = changed - interval '61 minutes'")
    assert names(begun) == []


def test_a_hundred_acts_are_told_at_once_and_then_the_rest(begun):
    lines = [begun.value("select tracker.audit_act('pause', 'stage a', null, null)") for _ in range(101)]
    assert [sorted(d["audit"] for _, d in told(begun)) for _ in range(3)] == [lines[:100], lines[100:], []]


def test_an_act_is_news_for_an_hour(begun):
    begun.value("select tracker.audit_act('pause', 'stage a', null, null)")
    begun.rows("update tracker.audit set at = at - interval '59 minutes', changed = changed - interval '59 minutes'")
    assert names(begun) == ["act"]
