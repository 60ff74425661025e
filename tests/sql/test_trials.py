"""A trial: a job whose result is known, given to one worker. It looks like any other, and counts nothing."""

import uuid

import psycopg2
import pytest

from house import Ask, Back


def ask(house, worker, job=1):
    return house.value("select tracker.ask_trial(%s::int2, %s, %s)", worker.stage, house.row(worker).name, job)


def state(house):
    """Of the only one: as it is listed, and what was said."""
    (r,) = house.rows("select * from tracker.list_trials(100)")
    return r.state, r.said


def numbers(house):
    """All that a trial must leave as it is."""
    return (house.rows("select * from tracker.read_counts()"), house.rows("select person, sum(done) from tracker.credit group by 1"),
            house.rows("select done, struck, holds, bad_row, soft_row, allowance from tracker.worker order by id"),
            house.value("select count(*) from tracker.strike"), house.value("select count(*) from tracker.output"),
            house.value("select count(*) from tracker.lease"))


@pytest.fixture
def tried(house):
    """Job 1 is done by Ada; nine more wait; Bob is to be tried."""
    house.load(10)
    ada = house.worker(nickname="Ada")
    house.done(ada, house.take(ada)[0], "right")
    house.bob = house.worker(nickname="Bob")
    return house


def refuses(house, sql, *args):
    with pytest.raises(psycopg2.Error) as e:
        house.rows(sql, *args)
    assert e.value.pgcode == "TR002"
    return str(e.value)


@pytest.mark.parametrize("brings, told", [("right", ("same", "")), ("wrong", ("other", "wrong"))])
@pytest.mark.parametrize("v1", [True, False])
def test_who_is_tried_gets_the_job_first_and_it_counts_nothing(tried, v1, brings, told):
    number, before = ask(tried, tried.bob), numbers(tried)
    job = tried.new_job(tried.bob) if v1 else tried.take(tried.bob)[0]
    assert (job.job, job.data, job.status) == (1, "input 1", "job")
    assert state(tried) == ("given", "")
    assert tried.row(tried.bob).trial is None  # or each claim of its bundle would go the long way
    assert tried.done(tried.bob, None if v1 else job, brings) == "accepted"
    assert state(tried) == told
    assert numbers(tried) == before
    assert tried.broken_laws() == []
    (line,) = tried.rows("select target, details from tracker.audit where act = 'trial'")
    assert line.details == {"trial": number, "job": 1}
    nxt = tried.new_job(tried.bob) if v1 else tried.take(tried.bob)[0]
    assert nxt.job == 2
    assert tried.done(tried.bob, None if v1 else nxt) == "accepted"


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("kind", ["failed", "flagged", "released"])
def test_a_bad_end_of_a_trial_is_told_and_no_strike(tried, kind, v1):
    if v1 and kind != "flagged":
        pytest.skip("v1 can only flag")
    ask(tried, tried.bob)
    before = numbers(tried)
    job = tried.new_job(tried.bob) if v1 else tried.take(tried.bob)[0]
    assert tried.back(tried.bob, None if v1 else job, kind, "my disk").status == "accepted"
    assert state(tried) == (kind, "my disk")
    assert numbers(tried) == before
    assert tried.new_job(tried.bob).job == 2


def test_only_who_is_tried_gets_it_and_the_neighbours_of_the_bundle_get_theirs(tried):
    ask(tried, tried.bob)
    others = [tried.worker() for _ in range(3)]
    rows = tried.claim([Ask(w.token, v1=True) for w in (others[0], tried.bob, *others[1:])])
    assert sorted((r.worker == tried.bob.id, r.job) for r in rows) == [(False, 2), (False, 3), (False, 4), (True, 1)]
    assert {r.status for r in rows} == {"job"}


def test_who_has_a_job_of_v1_in_hand_is_tried_after_it(tried):
    assert tried.new_job(tried.bob).job == 2
    ask(tried, tried.bob)
    assert tried.new_job(tried.bob).job == 2  # the same question once more
    assert tried.done(tried.bob) == "accepted"
    assert tried.new_job(tried.bob).job == 1


def test_a_fleet_gets_it_as_one_of_those_that_it_wants(tried):
    ask(tried, tried.bob)
    assert sorted(r.job for r in tried.want(tried.bob, 3)) == [1, 2, 3]


@pytest.mark.parametrize("v1", [True, False])
def test_who_rests_is_tried(tried, v1):
    tried.rests = True
    tried.rows("update tracker.worker set rest_until = clock_timestamp() + interval '1 hour' where id = %s", tried.bob.id)
    ask(tried, tried.bob)
    assert (tried.new_job(tried.bob) if v1 else tried.want(tried.bob)[0]).job == 1
    tried.done(tried.bob, None, "right")
    tried.rests = False


def test_v1_that_asks_again_hears_the_same_and_lets_it_go_at_last(tried):
    ask(tried, tried.bob)
    assert [tried.new_job(tried.bob).job for _ in range(5)] == [1, 1, 1, 1, 2]
    assert state(tried) == ("abandoned", "")
    assert tried.broken_laws() == []


def test_a_fleet_whose_answer_was_lost_hears_of_it_again(tried):
    ask(tried, tried.bob)
    (job,) = tried.want(tried.bob, call=71)
    (same,) = tried.want(tried.bob, call=71, rerun=True)
    assert (same.job, same.lease) == (job.job, job.lease)
    (same,) = tried.want(tried.bob, holding=[])
    assert (same.job, same.lease) == (job.job, job.lease)
    assert [r.status for r in tried.want(tried.bob, 0, holding=[1])] == ["none"]  # and is told to drop nothing
    assert tried.done(tried.bob, job, "right") == "accepted"
    assert tried.done(tried.bob, job, "right") == "repeat"


def test_v1_whose_yes_was_lost_hears_it_again(tried):
    ask(tried, tried.bob)
    tried.new_job(tried.bob)
    assert [tried.done(tried.bob, None, "right") for _ in range(2)] == ["accepted", "repeat"]


@pytest.mark.parametrize("v1", [True, False])
def test_an_answer_that_was_not_delivered_is_told_anew(tried, v1):
    ask(tried, tried.bob)
    (job,) = tried.claim([Ask(tried.bob.token, call=99, v1=v1)])
    tried.give_back([Back(tried.bob.token, job.job, job.lease, "undelivered", "99")])
    assert state(tried) == ("waiting", "")
    assert (tried.new_job(tried.bob) if v1 else tried.want(tried.bob)[0]).job == 1


@pytest.mark.parametrize("first", [True, False])
def test_a_trial_that_its_own_worker_does_not_list_is_told_again_whoever_lists_it(tried, first):
    ask(tried, tried.bob)
    assert tried.take(tried.bob)[0].job == 1
    beside = [Ask(tried.worker().token, 0, holding=listed) for listed in ([1, 7], [1])]
    rows = tried.claim([*(beside if first else []), Ask(tried.bob.token, 0, holding=[7]), *([] if first else beside)])
    assert [(r.worker, r.job) for r in rows if r.status == "job"] == [(tried.bob.id, 1)]


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("place", range(3))
def test_of_a_bundle_only_who_is_tried_gets_the_trial(tried, v1, place):
    ask(tried, tried.bob)
    workers = [tried.worker() for _ in range(2)]
    workers.insert(place, tried.bob)
    rows = tried.claim([Ask(w.token, 1, v1=v1) for w in workers])
    assert sorted((r.item, r.worker, r.job > 1) for r in rows if r.status == "job") == [
        (n, w.id, w is not tried.bob) for n, w in enumerate(workers, 1)]


def test_an_answer_that_was_not_delivered_takes_back_nothing_that_a_later_one_told(tried):
    ask(tried, tried.bob)
    (job,) = tried.want(tried.bob, call=71)
    (same,) = tried.want(tried.bob, call=72, holding=[])
    assert same.lease == job.lease
    before = state(tried)
    tried.give_back([Back(tried.bob.token, job.job, job.lease, "undelivered", "71")])
    assert state(tried) == before != ("waiting", "")
    tried.give_back([Back(tried.bob.token, job.job, job.lease, "undelivered", "72")])
    assert state(tried) == ("waiting", "")


def test_a_trial_is_taken_back(tried):
    number = ask(tried, tried.bob)
    tried.rows("select tracker.drop_trial(%s)", number)
    assert state(tried) == ("dropped", "") and tried.new_job(tried.bob).job == 2
    refuses(tried, "select tracker.drop_trial(%s)", number)
    assert tried.rows("select count, details from tracker.audit where act = 'drop trial'") == [(1, {"trial": number})]


@pytest.mark.parametrize("v1", [True, False])
def test_what_comes_of_one_that_was_taken_back_kills_no_script(tried, v1):
    number = ask(tried, tried.bob)
    job = tried.new_job(tried.bob) if v1 else tried.take(tried.bob)[0]
    tried.rows("select tracker.drop_trial(%s)", number)
    if not v1:
        assert [r.status for r in tried.want(tried.bob, 0, holding=[1])] == ["drop", "none"]
    assert tried.done(tried.bob, None if v1 else job, "right") == "repeat"
    assert state(tried) == ("dropped", "")


def test_whose_worker_goes_is_told_as_gone(tried):
    ask(tried, tried.bob)
    tried.new_job(tried.bob)
    tried.bye(tried.bob)
    assert state(tried) == ("gone", "")
    assert tried.broken_laws() == []


def test_the_job_of_a_trial_may_be_undone_meanwhile(house):
    house.load(3)
    ada = house.worker(nickname="Ada")
    house.done(ada, house.take(ada)[0], "made")
    b = house.worker(2, nickname="Ada")
    house.done(b, house.take(b)[0], "made of it")
    bob = house.worker(2, nickname="Bob")
    ask(house, bob)
    house.rows("select tracker.send_back_job(1, 1::int2, 'wrong')")
    for v1 in (True, False):
        assert [r.status for r in house.claim([Ask(bob.token, v1=v1)])] == ["none"]
    assert house.broken_laws() == []


@pytest.mark.parametrize("which", ["worker", "job", "twice", "gone"])
def test_what_cannot_be_tried_is_said(tried, which):
    call = "select tracker.ask_trial(%s::int2, %s, %s)"
    name = tried.row(tried.bob).name
    if which == "twice":
        ask(tried, tried.bob)
        assert "is not over" in refuses(tried, call, 1, name, 1)
    elif which == "gone":
        tried.bye(tried.bob)
        assert "is present" in refuses(tried, call, 1, name, 1)
    elif which == "worker":
        assert "is present" in refuses(tried, call, 2, name, 1)
    else:
        assert "no result" in refuses(tried, call, 1, name, 2)
    assert tried.value("select count(*) from tracker.audit where act = 'trial'") == (which == "twice")


def test_an_unknown_lease_is_no_trial(tried):
    ask(tried, tried.bob)
    job = tried.take(tried.bob)[0]
    assert tried.done(tried.bob, job._replace(lease=uuid.uuid4())) == "unknown"
    assert tried.done(tried.worker(), job) != "accepted"
    assert state(tried) == ("given", "")


def test_a_banner_is_written_down_with_the_one_before(house):
    house.rows("select tracker.set_banner('')")  # another test's
    house.rows("delete from tracker.audit")
    for words in ("Sunday", "Monday", "Monday", ""):
        house.rows("select tracker.set_banner(%s)", words)
    assert house.rows("select target, details from tracker.audit where act = 'banner' order by id") == [
        ("Sunday", {"before": ""}), ("Monday", {"before": "Sunday"}), ("", {"before": "Monday"})]
    house.rows("select tracker.set_banner(%s)", "é" * 1000)
    for words in ("x" * 1001, "a\nb", "a\u202eb", "a\u200bb", None):
        with pytest.raises(psycopg2.Error) as e:
            house.rows("select tracker.set_banner(%s)", words)
        assert e.value.pgcode == "TR003"
    house.rows("select tracker.set_banner('')")


def test_a_trial_has_ended_when_it_was_abandoned_and_not_while_it_is_in_hand(tried):
    ask(tried, tried.bob)
    seen = []
    for _ in range(6):
        tried.new_job(tried.bob)
        seen.append(tried.rows("select state, ended is not null from tracker.trial")[0])
    assert seen[0] == ("given", False) and seen[-1] == ("abandoned", True)
    assert set(seen) == {("given", False), ("abandoned", True)}


@pytest.mark.parametrize("v1", [True, False])
def test_whose_trial_was_taken_back_is_as_if_it_had_never_been_asked(tried, v1):
    tried.rows("select tracker.drop_trial(%s)", ask(tried, tried.bob))
    assert tried.row(tried.bob).trial is None
    assert (tried.new_job(tried.bob) if v1 else tried.take(tried.bob)[0]).job == 2
    ask(tried, tried.bob)


def test_a_trial_that_is_told_again_is_as_old_as_it_is_and_who_asks_is_heard(tried):
    ask(tried, tried.bob)
    assert tried.new_job(tried.bob).job == 1
    tried.rows("update tracker.trial set given = given - interval '1 hour'")
    tried.rows("update tracker.worker set seen = seen - interval '1 hour'")
    assert tried.new_job(tried.bob).job == 1
    assert tried.value("select given < now() - interval '50 minutes' from tracker.trial")
    assert tried.value("select seen > now() - interval '1 minute' from tracker.worker where id = %s", tried.bob.id)


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("room, told", [(0, True), (-1, False)])
def test_an_input_of_just_the_room_that_there_is_goes_with_a_trial(house, stage, room, told):
    house.load(2, "ïnput {}")
    ada = house.worker(nickname="Ada")
    house.done(ada, house.take(ada)[0], "made of ït")
    worker = house.worker(stage, nickname="Bob")
    if stage == 2:
        house.done(worker, house.take(worker)[0], "in the end")
    data = "ïnput 1" if stage == 1 else "made of ït"
    ask(house, worker)
    house.answer_limit = len(data.encode()) + room
    assert house.new_job(worker).data == (data if told else None)


def test_a_trial_is_there_as_long_as_what_it_is_fed_with(house):
    """Its own result may be sent back meanwhile, the result before it may not."""
    house.load(2)
    for stage in (1, 2):
        w = house.worker(stage, nickname="Ada")
        for job in house.take(w, 2):
            house.done(w, job, f"made in {stage}")
    bob, eve = house.worker(2, nickname="Bob"), house.worker(2, nickname="Eve")
    for w, job in ((bob, 1), (eve, 2)):
        ask(house, w, job)
    house.value("select tracker.send_back_job(1, 2::int2, 'wrong')")
    house.value("select tracker.send_back_job(2, 1::int2, 'wrong')")
    (told,) = house.take(bob)
    assert (told.job, told.data) == (1, "made in 1")
    assert house.value("select count(*) from tracker.lease") == 0
    assert house.take(eve)[0].job == 1


def test_who_wants_nothing_or_goes_on_is_given_no_trial_anew(tried):
    """Nor is it told once more to somebody who did not lose its answer."""
    ask(tried, tried.bob)
    assert [r.status for r in tried.want(tried.bob, 0)] != ["job"] and state(tried)[0] == "waiting"
    job = tried.claim([Ask(tried.bob.token, 1, call=7)])[0]
    assert job.job == 1 and state(tried)[0] == "given"
    again = [tried.claim([Ask(tried.bob.token, 1, call=call, rerun=rerun)])[0].job for call, rerun in ((8, False), (8, True), (7, True))]
    assert again[0] != 1 and again[1] != 1 and again[2] == 1
