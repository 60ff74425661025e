"""How much one worker may have in hand: allowances, and the count of what is held."""

import pytest

from house import Ask, Back, Item


def taken(house, worker, want=1000, **more):
    return [r for r in house.want(worker, want, **more) if r.status == "job"]


def test_a_newcomer_that_asks_for_a_thousand_gets_eight(house):
    house.load(100)
    w = house.newcomer()
    assert len(taken(house, w)) == 8
    assert house.allowances[w.id] == 8 and house.row(w).holds == 8


def test_who_holds_as_many_as_they_may_gets_none_and_is_told(house):
    house.load(100)
    w = house.newcomer()
    taken(house, w)
    assert [r.status for r in house.want(w, 3)] == ["full"]
    assert house.row(w).holds == 8


def test_one_token_that_asks_over_and_over_leaves_the_work_to_others(house):
    house.load(100)
    hoarder, honest = house.newcomer(), house.newcomer()
    for _ in range(20):
        taken(house, hoarder)
    assert house.row(hoarder).holds == 8
    assert len(taken(house, honest, 5)) == 5


def test_each_result_is_one_more(house):
    house.load(100)
    w = house.newcomer()
    jobs = taken(house, w)
    house.complete([Item(w.token, j.job, j.lease) for j in jobs[:3]])
    assert house.row(w).allowance == 11 and house.row(w).holds == 5
    assert len(taken(house, w)) == 6


@pytest.mark.parametrize("quick", [True, False])
def test_a_result_of_v1_is_one_more_both_ways(house, quick):
    house.quick = quick
    house.load(3)
    w = house.newcomer()
    house.new_job(w)
    assert house.row(w).holds == 1
    assert house.done(w) == "accepted"
    assert house.row(w).allowance == 9 and house.row(w).holds == 0


@pytest.mark.parametrize("quick", [True, False])
def test_the_allowance_ends_at_a_thousand(house, quick):
    house.quick = quick
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.done(w)
    assert house.row(w).allowance == 1000


@pytest.mark.parametrize("kind, allowance", [("failed", 7), ("flagged", 7), ("released", 8), ("undelivered", 8)])
def test_an_end_that_is_bad_is_one_less(house, kind, allowance):
    house.load(3)
    w = house.newcomer()
    (job,) = house.take(w)
    call = house.value("select call from tracker.lease")
    house.back(w, job, kind, str(call))
    assert house.row(w).allowance == allowance and house.row(w).holds == 0


def test_a_thousand_bad_ends_leave_one(house):
    house.load(10)
    w = house.newcomer(slots=10)
    house.give_back([Back(w.token, j.job, j.lease, "failed") for j in house.take(w, 10)])
    assert house.row(w).allowance == 1
    house.make_due()
    assert len(taken(house, w)) == 1


def test_one_that_is_silent_loses_what_timed_out(house):
    house.load(10)
    w = house.newcomer()
    house.take(w, 5)
    house.time_out(w)
    assert house.row(w).allowance == 3 and house.row(w).holds == 0


def test_bye_costs_nothing(house):
    house.load(10)
    w = house.newcomer()
    house.take(w, 5)
    house.bye(w)
    assert house.row(w).allowance == 8 and house.row(w).holds == 0


def test_a_late_result_is_one_more_though_nothing_is_held(house):
    house.load(10)
    w = house.newcomer()
    (job,) = house.take(w)
    house.time_out(w)
    assert house.done(w, job) == "accepted"
    assert house.row(w).allowance == 8 and house.row(w).holds == 0


def test_the_same_result_twice_in_one_bundle_is_one(house):
    house.load(10)
    w = house.newcomer()
    (job,) = house.take(w)
    house.complete([Item(w.token, job.job, job.lease), Item(w.token, job.job, job.lease)])
    assert house.row(w).allowance == 9 and house.row(w).holds == 0


# ---- slots

@pytest.mark.parametrize("slots, allowance", [(0, 8), (3, 8), (8, 8), (64, 64), (256, 256), (100000, 256), (None, 8), (-5, 8)])
def test_an_allowance_begins_with_the_slots_that_are_said(house, slots, allowance):
    w = house.newcomer(slots=slots)
    assert house.row(w).allowance == allowance


def test_a_farm_of_250_slots_is_at_work_on_all_with_its_first_call(house):
    house.load(1000)
    farm = house.newcomer(slots=250)
    assert len(taken(house, farm, 250)) == 250


def test_a_farm_that_says_so_later_is_at_work_on_all_with_that_call(house):
    house.load(1000)
    farm = house.newcomer()
    assert len(taken(house, farm, 250, slots=250)) == 250
    assert house.allowances[farm.id] == 250


def test_saying_it_again_adds_nothing_and_wins_back_nothing(house):
    house.load(100)
    w = house.newcomer(slots=20)
    for _ in range(3):
        jobs = taken(house, w, 5, slots=20)
        house.give_back([Back(w.token, j.job, j.lease, "failed") for j in jobs])
    assert house.row(w).allowance == 5
    assert len(taken(house, w, 50, slots=20)) == 5


def test_more_slots_than_were_said_before_add_the_difference(house):
    house.load(100)
    w = house.newcomer(slots=20)
    (job,) = house.take(w)
    house.done(w, job)
    assert len(taken(house, w, 100, slots=30)) == 31
    assert house.row(w).allowance == 31


def test_nobody_holds_more_than_the_settings_allow(house):
    house.load(100)
    house.in_hand_most = 30
    w = house.worker()
    assert len(taken(house, w)) == 30
    assert house.allowances[w.id] == 30
    house.in_hand_most = 40
    assert len(taken(house, w)) == 10


def test_what_is_sent_again_counts_within_want_and_is_held_already(house):
    house.load(100)
    w = house.newcomer()
    taken(house, w, 6)
    rows = [r for r in house.want(w, 8, holding=[]) if r.status == "job"]
    assert len(rows) == 8 and house.row(w).holds == 8  # six of them again
    rows = [r for r in house.want(w, 20, holding=[]) if r.status == "job"]
    assert len(rows) == 8 and house.row(w).holds == 8


def test_an_earlier_tracker_says_no_slots(house):
    house.load(20)
    w = house.newcomer()
    rows = house.rows(
        "select * from tracker.claim_fleet(array[%s]::uuid[], array[20], array[0]::int8[], array[1]::int8[], '{f}', '{f}',"
        " '{0}', '{}', %s::int8[], '{}', 1000000)", w.token, house.hints)
    assert [r.status for r in rows].count("job") == 8 == house.row(w).holds == house.row(w).allowance


def test_two_fleets_in_one_bundle_are_each_cut_alone(house):
    house.load(100)
    one, other = house.newcomer(), house.newcomer(slots=16)
    rows = house.claim([Ask(one.token, 50), Ask(other.token, 50)])
    assert [sum(r.item == n for r in rows if r.status == "job") for n in (1, 2)] == [8, 16]
    assert (house.row(one).holds, house.row(other).holds) == (8, 16)


# ---- what is taken out of hands

def test_what_an_operator_takes_is_held_no_more(house):
    house.load(10)
    a, b = house.newcomer(1), house.newcomer(2)
    jobs = house.take(a, 4)
    house.complete([Item(a.token, j.job, j.lease) for j in jobs])
    house.take(b, 4)
    house.rows("select tracker.send_back_job(%s, 1::int2, 'wrong')", jobs[0].job)
    assert house.row(b).holds == 3
    house.rows("select tracker.take_lease(2::int2, %s, '')", jobs[1].job)
    assert house.row(b).holds == 2 and house.row(b).allowance == 8
    assert house.broken_laws() == []
