"""claim_fresh, claim_held and claim_fleet: who gets what."""

import itertools
import uuid

import psycopg2
import pytest

from house import Ask, Item


@pytest.fixture(autouse=True, params=["quick", "long"])
def way(request, house):
    """v1's calls both ways: by claim_fresh, and by claim_held alone."""
    house.quick = request.param == "quick"


def statuses(rows):
    return sorted((r.item, r.status) for r in rows)


def test_stage_a_gets_the_original_input(house):
    house.load(1)
    job = house.new_job(house.worker())
    assert (job.status, job.stage, job.job, job.data, job.attempt) == ("job", 1, 1, "input 1", 1)


def test_stage_b_gets_the_output_of_stage_a(house):
    house.load(1)
    a, b = house.worker(1), house.worker(2)
    house.new_job(a)
    house.done(a, data="<!json!>[1, 2]")
    job = house.new_job(b)
    assert (job.stage, job.job, job.data) == (2, 1, "<!json!>[1, 2]")


def test_nothing_is_there_to_take(house):
    assert house.new_job(house.worker()).status == "none"
    assert house.new_job(house.worker(2)).status == "none"


def test_an_unknown_token_is_an_unknown_worker(house):
    house.load(1)
    rows = house.claim([Ask(uuid.uuid4(), v1=True), Ask(None), Ask(house.worker().token, v1=True)])
    assert statuses(rows) == [(1, "unknown"), (2, "unknown"), (3, "job")]


def test_a_paused_stage_hands_out_nothing(house):
    house.load(2)
    w = house.worker()
    assert house.value("select tracker.set_paused(1::int2, true)")
    assert house.new_job(w).status == "paused"
    assert house.value("select tracker.set_paused(1::int2, false)")
    assert house.new_job(w).status == "job"
    assert not house.value("select tracker.set_paused(5::int2, true)")


def test_a_bundle_of_strange_numbers_is_answered(house):
    house.load(1)
    a, b, c = (house.worker() for _ in range(3))
    rows = house.claim([Ask(a.token, -5), Ask(b.token, None, -10), Ask(c.token, 2**31 - 1, 2**62)])
    assert statuses(rows) == [(1, "none"), (2, "none"), (3, "job")]


def test_no_items_at_all(house):
    assert house.claim([]) == []


# ---- newJob is safe to repeat

def test_newjob_right_after_newjob_hears_the_same_job_three_times_at_most(house):
    house.load(5)
    w = house.worker()
    first = house.new_job(w)
    for _ in range(3):
        again = house.new_job(w)
        assert (again.job, again.lease, again.attempt) == (first.job, first.lease, 1)
    other = house.new_job(w)
    assert other.job == 2
    assert house.value("select kind from tracker.strike where job = 1") == "abandoned"


def test_newjob_hears_the_same_job_three_times_at_most_when_the_clock_is_set_back(house):
    house.load(5)
    w = house.worker()
    first = house.new_job(w)
    house.pass_time(-3000)
    assert [house.new_job(w).job for _ in range(4)] == [first.job] * 3 + [2]


def test_newjob_more_than_60_seconds_later_abandons_the_job(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.pass_time(61)
    assert house.new_job(w).job == 2
    (retry,) = house.rows("select * from tracker.retry")
    assert (retry.job, retry.attempt) == (1, 2)


def test_a_call_between_two_newjobs_makes_the_second_a_new_question(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.touch(w)
    assert house.new_job(w).job == 2


def test_a_newjob_that_arrived_before_the_lease_was_given_is_the_same_question(house):
    house.load(2)
    w = house.worker()
    first = house.new_job(w)
    house.touch(w)
    assert house.new_job(w, age_us=5_000_000).lease == first.lease


@pytest.mark.parametrize("v1", [True, False])
def test_a_worker_that_asks_twice_in_one_bundle_is_the_callers_mistake(house, v1):
    """The committer puts the two into two bundles, and halves one that is refused."""
    house.load(3)
    w = house.worker()
    with pytest.raises(psycopg2.errors.CardinalityViolation):
        house.claim([Ask(w.token, v1=v1), Ask(w.token, v1=v1)])
    assert house.counts(1).ready == 3


def test_two_newjobs_of_one_worker_hear_the_same_job(house):
    house.load(3)
    w = house.worker()
    rows = [house.new_job(w, age_us=n) for n in (1, 2)]
    assert [r.status for r in rows] == ["job", "job"]
    assert rows[0].lease == rows[1].lease
    assert house.counts(1).leased == 1


def test_a_held_job_that_timed_out_is_not_abandoned_again(house):
    house.load(2)
    w = house.worker()
    house.new_job(w)
    house.pass_time(100)
    house.expire(10)
    assert house.new_job(w).job == 2
    assert [r.kind for r in house.rows("select kind from tracker.strike")] == ["timed_out"]


# ---- sync: rerun, holding, drop

def test_a_rerun_of_the_same_call_gets_its_leases_first(house):
    house.load(5)
    w = house.worker()
    given = house.want(w, 2, call=77)
    again = house.want(w, 3, call=77, rerun=True, age_us=10**6)
    assert {r.lease for r in given} < {r.lease for r in again}
    assert len(again) == 3
    assert house.counts(1).leased == 3


def test_another_call_does_not_get_them(house):
    house.load(5)
    w = house.worker()
    given = house.want(w, 2, call=77)
    again = house.want(w, 2, call=78, rerun=True)
    assert not {r.lease for r in given} & {r.lease for r in again}


def test_a_lease_that_holding_does_not_list_is_sent_again(house):
    house.load(5)
    w = house.worker()
    one, two = house.take(w, 2)
    rows = house.want(w, 1, holding=[one.job])
    assert [(r.status, r.job, r.lease) for r in rows] == [("job", two.job, two.lease)]


def test_a_lease_given_after_the_call_arrived_is_not_sent_again(house):
    house.load(5)
    w = house.worker()
    house.take(w, 2)
    rows = house.want(w, 1, holding=[], age_us=60_000_000)
    assert [(r.status, r.job) for r in rows] == [("job", 3)]


def test_without_holding_nothing_is_sent_again(house):
    house.load(5)
    w = house.worker()
    house.take(w, 2)
    assert [r.job for r in house.want(w, 1)] == [3]


def test_a_job_that_holding_lists_and_the_worker_does_not_own_is_dropped(house):
    house.load(5)
    w, other = house.worker(), house.worker()
    (mine,) = house.take(w)
    (theirs,) = house.take(other)
    rows = house.want(w, 0, holding=[mine.job, theirs.job, 99, -1])
    assert sorted((r.status, r.job) for r in rows if r.status == "drop") == [
        ("drop", -1), ("drop", theirs.job), ("drop", 99)]
    assert [r.status for r in rows if r.status != "drop"] == ["none"]


def test_what_is_sent_again_is_weighed_by_the_input_of_its_own_stage(house):
    house.load(3, data="x" * 50)
    a, b = house.worker(), house.worker(2)
    house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 3)])
    house.answer_limit = 10
    jobs = house.take(b, 2) + house.take(b)
    assert [r.job for r in house.want(b, 3, holding=[jobs[0].job]) if r.status == "job"] == [j.job for j in jobs[1:]]


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_each_of_a_bundle_hears_of_what_it_does_not_list_itself_whoever_lists_it(house, order):
    """The lists of all stand in one, and one of before may be longer, or of higher numbers."""
    house.load(12)
    fleets = [(w, [j.job for j in house.take(w, n)]) for n in (2, 6, 4) for w in (house.worker(),)]
    asking = [fleets[n] for n in order]
    rows = house.claim([Ask(w.token, 0, holding=[*jobs[:-1], *(other[-1] for _, other in asking if other != jobs)]) for w, jobs in asking])
    assert {(r.worker, r.job) for r in rows if r.status == "job"} == {(w.id, jobs[-1]) for w, jobs in fleets}
    assert sum(r.status == "job" for r in rows) == 3


def test_what_is_sent_again_counts_within_want(house):
    house.load(9)
    w = house.worker()
    house.take(w, 6)
    assert [r.job for r in house.want(w, 2, holding=[])] == [1, 2]
    assert [r.job for r in house.want(w, 7, holding=[1, 2, 3, 4])] == [5, 6, 7, 8, 9]


def test_who_wants_none_and_says_what_it_holds_hears_of_all_that_it_lost(house):
    house.load(3)
    w = house.worker()
    house.take(w, 3)
    assert sorted(r.job for r in house.want(w, 0, holding=[2])) == [1, 3]


# ---- how much one answer may hold

LONG = "é" * 200  # 400 bytes: half as many letters would fit


@pytest.mark.parametrize("stage", [1, 2])
def test_an_answer_has_no_more_data_than_its_limit_and_the_rest_comes_with_the_next_call(house, stage):
    house.load(6, LONG)
    if stage == 2:
        maker = house.worker()
        house.complete([Item(maker.token, r.job, r.lease, LONG) for r in house.take(maker, 6)])
    house.answer_limit = 1000
    w = house.worker(stage)
    assert [[r.job for r in house.want(w, 6)] for _ in range(3)] == [[1, 2], [3, 4], [5, 6]]


def test_an_answer_has_one_job_at_least_however_long(house):
    house.load(3, LONG)
    house.answer_limit = 100
    w = house.worker()
    assert [[(r.job, r.data) for r in house.want(w, 3)] for _ in range(3)] == [
        [(n, None)] for n in (1, 2, 3)]


def test_each_answer_of_a_bundle_has_its_own_limit(house):
    house.load(9, LONG)
    house.answer_limit = 1000
    rows = house.claim([Ask(house.worker().token, 3, age_us=9 - n) for n in range(3)])
    assert sorted((r.item, r.job) for r in rows) == [(1, 1), (1, 4), (2, 2), (2, 5), (3, 3), (3, 6)]


def test_what_has_no_room_waits_as_if_it_had_come_back_with_no_attempt_counted(house):
    house.load(4, LONG)
    house.answer_limit = 1000
    a = house.worker()
    house.want(a, 4)
    assert [(r.job, r.attempt) for r in house.rows("select * from tracker.retry order by job")] == [(3, 1), (4, 1)]
    assert house.rows("select * from tracker.strike") == []


def test_what_came_back_and_has_no_room_stays_as_it_was(house):
    house.load(4, LONG)
    a, b = house.worker(), house.worker()
    for job in house.take(a, 4):
        house.back(a, job)
    house.make_due()
    house.answer_limit = 1000
    before = house.rows("select * from tracker.retry order by due, job")
    assert [r.job for r in house.want(b, 4)] == [r.job for r in before[:2]]
    assert house.rows("select * from tracker.retry order by due, job") == before[2:]


def test_what_is_sent_again_is_within_the_limit_too(house):
    house.load(6, LONG)
    w = house.worker()
    house.take(w, 4)
    house.answer_limit = 1000
    assert [r.job for r in house.want(w, 6, holding=[])] == [1, 2]
    assert [r.job for r in house.want(w, 6, holding=[1, 2, 3])] == [4, 5]


def test_many_v1_questions_for_long_data_are_answered_without_it(house):
    house.load(4, LONG)
    workers = [house.worker() for _ in range(4)]
    house.answer_limit = 1000
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert {(r.status, r.data) for r in rows} == {("job", None)}
    assert [house.value("select data from tracker.fetch_inputs(1::int2, %s)", [r.job]) for r in rows] == [LONG] * 4


def test_a_want_of_nothing_is_answered_with_nothing(house):
    house.load(1)
    assert [r.status for r in house.want(house.worker(), 0)] == ["none"]


# ---- who goes first

def test_everyone_gets_a_first_job_before_anyone_gets_a_second(house):
    house.load(5)
    workers = [house.worker() for _ in range(3)]
    rows = house.claim([Ask(w.token, 4, age_us=9 - n) for n, w in enumerate(workers)])
    got = {}
    for r in rows:
        got[r.item] = got.get(r.item, 0) + 1
    assert got == {1: 2, 2: 2, 3: 1}


def test_what_came_back_goes_before_fresh_work(house):
    house.load(3)
    a, b = house.worker(), house.worker()
    (job,) = house.take(a)
    house.back(a, job)
    house.make_due()
    assert [(r.job, r.attempt) for r in house.take(b)] == [(1, 2)]


def test_what_came_back_takes_at_most_half_of_a_bundle_while_there_is_fresh_work(house):
    house.load(20)
    a, b = house.worker(), house.worker()
    for job in house.take(a, 8):
        house.back(a, job)
    house.make_due()
    got = sorted(r.job for r in house.take(b, 5))
    assert len([j for j in got if j <= 8]) == 3
    assert got[-2:] == [9, 10]


def test_without_fresh_work_what_came_back_fills_the_bundle(house):
    house.load(8)
    a, b = house.worker(), house.worker()
    for job in house.take(a, 8):
        house.back(a, job)
    house.make_due()
    assert sorted(r.job for r in house.take(b, 8)) == list(range(1, 9))


def test_what_came_back_waits_until_it_is_due(house):
    house.load(1)
    a, b = house.worker(), house.worker()
    (job,) = house.take(a)
    house.back(a, job)
    assert house.new_job(b).status == "none"
    house.pass_time(31)
    assert house.new_job(b).job == 1


def test_a_worker_is_passed_over_for_a_job_that_it_just_gave_back(house):
    house.load(3)
    w = house.worker()
    (job,) = house.take(w)
    house.back(w, job)
    house.make_due()
    assert [r.job for r in house.take(w)] == [2]


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("kind", ["flagged", "failed", "released"])
def test_a_worker_is_passed_over_for_a_job_that_it_struck_before_somebody_else_had_it(house, kind, quick):
    house.quick = quick
    house.load(3)
    a, b = house.worker(), house.worker()
    (job,) = house.take(a)
    house.back(a, job, kind)
    house.make_due()
    (job,) = house.take(b)
    assert job.job == 1
    house.back(b, job)
    house.make_due()
    assert [r.job for r in house.take(a)] == [2]


def test_others_get_it_in_the_same_call_and_who_struck_it_another(house):
    house.load(2)
    a, b, c = house.worker(), house.worker(), house.worker()
    (job,) = house.take(a)
    house.back(a, job)
    house.make_due()
    house.back(b, house.take(b)[0])
    house.make_due()
    got = {r.worker: r.job for r in house.claim([Ask(a.token, 1), Ask(c.token, 1)]) if r.status == "job"}
    assert got == {a.id: 2, c.id: 1}


def test_it_is_passed_over_for_other_work_that_came_back_too(house):
    house.load(2)
    a, b, c = house.worker(), house.worker(), house.worker()
    (one,) = house.take(a)
    (two,) = house.take(b)
    house.back(a, one)
    house.back(b, two)
    house.make_due()
    assert [r.job for r in house.take(a)] == [2]
    assert [r.job for r in house.take(c)] == [1]


def test_what_came_back_does_not_wait_behind_what_nobody_here_may_have(house):
    """Everybody who asks has failed the first of it: the others are had all the same, though there is fresh work."""
    house.load(6)
    a, b, c = house.worker(), house.worker(), house.worker()
    for w in a, b:
        house.make_due()
        (one,) = house.take(w)
        assert one.job == 1
        house.back(w, one)
    for job in house.take(c, 2):
        house.back(c, job)
    house.make_due()
    house.rows("update tracker.retry set due = due - interval '1 minute' where job = 1")
    assert {house.take(w)[0].job for w in (a, b)} == {2, 3}
    assert [r.job for r in house.take(a)] == [4]
    assert house.take(house.worker())[0].job == 1


def test_when_nothing_else_is_left_it_may_get_it(house):
    house.load(1)
    w = house.worker()
    (job,) = house.take(w)
    house.flag(w, job)
    house.make_due()
    assert [(r.job, r.attempt) for r in house.take(w)] == [(1, 2)]


def test_two_who_failed_each_others_neighbour_swap(house):
    house.load(2)
    a, b = house.worker(), house.worker()
    one, two = house.take(a)[0], house.take(b)[0]
    house.back(a, one)
    house.back(b, two)
    house.make_due()
    rows = house.claim([Ask(a.token), Ask(b.token)])
    assert {(r.worker, r.job) for r in rows} == {(a.id, 2), (b.id, 1)}


def test_a_job_that_comes_late_into_the_line_is_found_behind_the_hint(house):
    house.load(3)
    a, b = house.worker(), house.worker(2)
    for job in house.take(a, 2):
        house.done(a, job)
    house.hints[1], house.hints[6] = 10**9, house.batch()
    assert [r.job for r in house.take(b)] == [1]
    assert house.hints[1] < 10**9
    assert [r.job for r in house.take(b)] == [2]


def test_a_claim_is_being_heard_from(house):
    w = house.worker()
    house.pass_time(5000)
    house.new_job(w)
    assert house.silent(4000) == []


@pytest.mark.parametrize("stage", [1, 2])
def test_when_there_is_too_little_who_waits_longest_gets_it(house, stage):
    house.load(2)
    if stage == 2:
        maker = house.worker()
        for _ in range(2):
            house.new_job(maker)
            house.done(maker)
    workers = [house.worker(stage) for _ in range(8)]
    rows = house.claim([Ask(w.token, age_us=(9 - n) * 1000, v1=True) for n, w in enumerate(workers)])
    assert statuses(rows) == [(n, "job" if n < 3 else "none") for n in range(1, 9)]
    assert sorted(r.job for r in rows if r.status == "job") == [1, 2]
    assert {house.row(w).held_job for w in workers[2:]} == {None}


@pytest.mark.parametrize("stage", [1, 2])
def test_many_v1_questions_at_once_hear_a_job_each_with_its_input(house, stage):
    house.load(20)
    if stage == 2:
        fleet = house.worker()
        house.complete([Item(fleet.token, r.job, r.lease, f"made of {r.data}")
                        for r in house.take(fleet, 20)])
    workers = [house.worker(stage) for _ in range(16)]
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert statuses(rows) == [(n, "job") for n in range(1, 17)]
    assert len({r.job for r in rows}) == len({r.lease for r in rows}) == 16
    for r in rows:
        held = house.row(workers[r.item - 1])
        assert (held.held_job, held.held_lease, held.id) == (r.job, r.lease, r.worker)
        assert r.data == (f"input {r.job}" if stage == 1 else f"made of input {r.job}")
        assert house.value("select worker from tracker.lease where stage = %s and job = %s and id = %s",
                           stage, r.job, r.lease) == r.worker


@pytest.mark.parametrize("came_back", [1, 2, 3, 8])
@pytest.mark.parametrize("stage", [1, 2])
def test_what_came_back_goes_to_who_waits_longest_and_sends_the_others_no_longer_way(house, stage, came_back):
    """Eight of v1 in one bundle; some jobs are due again: each gets one, of what came back half of them at most."""
    house.load(30)
    if stage == 2:
        a = house.worker()
        house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 30)])
    failing = house.worker(stage, nickname="Mallory")
    back = {r.job for r in house.take(failing, came_back)}
    for lease in house.rows("select stage, job, id as lease from tracker.lease where worker = %s", failing.id):
        house.back(failing, lease)
    house.make_due()
    workers = [house.worker(stage) for _ in range(8)]
    ages = [1000 * (n * 5 % 8) for n in range(8)]
    rows = {r.item: r for r in house.claim([Ask(w.token, 1, age, v1=True) for w, age in zip(workers, ages)])}
    assert sorted(rows) == list(range(1, 9)) and {r.status for r in rows.values()} == {"job"}
    assert len({r.job for r in rows.values()}) == 8
    longest = sorted(range(8), key=lambda n: -ages[n])[:min(came_back, 4)]
    assert {n for n in range(8) if rows[n + 1].attempt == 2} == set(longest)
    assert all(rows[n + 1].job in back for n in longest)
    for n, w in enumerate(workers):
        row = house.row(w)
        assert (rows[n + 1].worker, row.held_job, row.held_lease, row.holds) == (w.id, rows[n + 1].job, rows[n + 1].lease, 1)
        assert rows[n + 1].data == (f"input {row.held_job}" if stage == 1 else "made")


def to_be_done_anew(house, stage, count):
    """So many jobs of that stage are undone, of thirty; the others are fresh work there. Their numbers."""
    house.load(30)
    if stage == 2:
        a = house.worker()
        house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 30)])
    cheat = house.worker(stage, nickname="Mallory")
    if count:
        house.complete([Item(cheat.token, j.job, j.lease, "made up") for j in house.take(cheat, count)])
        undo = house.value("select tracker.undo_begin('Mallory', null, null, null, null, null, null, 'made up', false)")
        house.rows("select * from tracker.undo_step(%s, 1000)", undo)
    return set(house.value("select coalesce(array_agg(job), '{}') from tracker.retry"))


@pytest.mark.parametrize("undone, asking, fresh_first, anew", [
    (1, 8, False, 1), (12, 8, False, 8), (12, 1, False, 1), (28, 8, False, 8), (30, 8, False, 8), (3, 8, False, 3),
    (12, 8, True, 0), (12, 4, True, 0), (12, 3, True, 0), (12, 1, True, 0), (28, 8, True, 6), (30, 8, True, 8), (1, 8, True, 0)])
@pytest.mark.parametrize("stage", [1, 2])
def test_a_bundle_has_what_was_undone_or_fresh_work_and_the_other_when_that_is_too_little(
        house, stage, undone, asking, fresh_first, anew):
    jobs = to_be_done_anew(house, stage, undone)
    assert len(jobs) == undone
    house.fresh_first = fresh_first
    workers = [house.worker(stage) for _ in range(asking)]
    rows = {r.item: r for r in house.claim([Ask(w.token, age_us=n, v1=True) for n, w in enumerate(workers)])}
    assert sorted(rows) == list(range(1, asking + 1)) and {r.status for r in rows.values()} == {"job"}
    assert len({r.job for r in rows.values()}) == len({r.lease for r in rows.values()}) == asking
    if house.quick:  # the long way has half of each
        assert len(jobs & {r.job for r in rows.values()}) == anew
    assert {r.attempt for r in rows.values()} == {1}
    for n, w in enumerate(workers):
        held = house.row(w)
        assert (held.id, held.held_job, held.held_lease, held.holds) == (rows[n + 1].worker, rows[n + 1].job, rows[n + 1].lease, 1)
        assert rows[n + 1].data == (f"input {held.held_job}" if stage == 1 else "made")
        assert house.done(w) == "accepted"
    assert house.counts(stage).retry == len(jobs - {r.job for r in rows.values()})


@pytest.mark.parametrize("asking, share", [(1, 2), (3, 2), (4, 8), (64, 8)])
def test_whose_turn_it_is_has_nothing_to_do_with_the_order_of_the_ids(house, asking, share):
    """Of a bundle's ids, which come in ascending order, the first is the smallest: that is nothing to go by."""
    turns = [house.value("select tracker.is_turn_of_anew(%s, %s)", asking, min(uuid.uuid4() for _ in range(16))) for _ in range(400)]
    assert 400 / share / 2 < turns.count(True) < 400 / share * 1.5


@pytest.mark.parametrize("v1", [True, False])
def test_leases_of_all_stages_have_the_ids_that_the_claim_brought(house, v1):
    """Which ascend from call to call, so that what is inserted lies together."""
    house.load(8)
    a = house.worker()
    house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 3)])
    workers = [house.worker(stage) for stage in (2, 2, 2, 1, 1)]
    given, tokens = house.ids(5), [w.token for w in workers]
    if v1:
        rows = house.rows("select * from tracker.claim_held(%s::uuid[], %s::int8[], %s::int8[], %s::int8[], %s::uuid[], 1000000)",
                          tokens, [0] * 5, [1] * 5, house.hints, given)
    else:
        rows = house.rows("select * from tracker.claim_fleet(%s::uuid[], %s::int4[], %s::int8[], %s::int8[], %s::bool[], %s::bool[],"
                          " %s::int4[], '{}', %s::int8[], %s::uuid[], 1000000)",
                          tokens, [1] * 5, [0] * 5, [1] * 5, [False] * 5, [False] * 5, [0] * 5, house.hints, given)
    assert sorted(r.lease for r in rows if r.status == "job") == sorted(given)


@pytest.mark.parametrize("due", ["now() - interval '1 day'", "'-infinity'"])
def test_what_is_to_be_done_anew_is_of_its_own_stage_and_batch(house, due):
    to_be_done_anew(house, 1, 3)
    other = house.load(3, name="other")
    house.rows(f"update tracker.retry set due = {due}")
    first = house.value("select batch from tracker.retry limit 1")

    def anew(stage, batch):
        return house.value("select tracker.is_to_be_anew(%s::int2, %s, %s)", stage, batch, house.hints)

    assert (anew(1, first), anew(1, other), anew(2, first)) == (True, None, None)
    house.rows("update tracker.retry set due = now() + interval '1 day'")
    assert anew(1, first) is None
    house.rows("update tracker.retry set due = now(), lease = gen_random_uuid()")
    assert anew(1, first) is False


@pytest.mark.parametrize("fresh_first", [True, False])
def test_what_came_back_to_another_batch_keeps_nobody_from_what_is_done_anew(house, fresh_first):
    """What is due longest is of a batch that stands behind; in the first one the turns go on."""
    jobs = to_be_done_anew(house, 1, 12)
    other = house.load(4, name="other")
    house.rows("insert into tracker.retry (stage, batch, job, due, attempt)"
               " select 1, batch, last, '2000-01-01', 1 from tracker.batch where batch = %s", other)
    house.lawful = False
    house.fresh_first = fresh_first
    rows = house.claim([Ask(house.worker().token, v1=True) for _ in range(8)])
    assert {r.status for r in rows} == {"job"}
    if house.quick:
        assert len(jobs & {r.job for r in rows}) == (0 if fresh_first else 8)


@pytest.mark.parametrize("stage", [1, 2])
def test_of_too_little_that_is_done_anew_who_waits_longest_gets_it(house, stage):
    to_be_done_anew(house, stage, 28)
    others = house.worker(stage)
    house.take(others, 28)
    workers = [house.worker(stage) for _ in range(8)]
    rows = house.claim([Ask(w.token, age_us=n * 1000, v1=True) for n, w in enumerate(workers)])
    assert statuses(rows) == [(n, "none" if n < 7 else "job") for n in range(1, 9)]


@pytest.mark.parametrize("stage", [1, 2])
def test_what_is_done_anew_is_not_for_who_failed_it_before(house, stage):
    house.load(4)
    if stage == 2:
        a = house.worker()
        house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 4)])
    failing, cheat = house.worker(stage), house.worker(stage, nickname="Mallory")
    house.back(failing, house.take(failing)[0])
    house.make_due()
    (job,) = house.take(cheat)
    assert job.job == 1 and house.done(cheat, job) == "accepted"
    undo = house.value("select tracker.undo_begin('Mallory', null, null, null, null, null, null, 'x', false)")
    house.rows("select * from tracker.undo_step(%s, 10)", undo)
    assert house.new_job(failing).job == 2
    assert house.new_job(house.worker(stage)).job == 1


def test_what_failed_and_is_due_longer_goes_before_what_was_undone(house):
    to_be_done_anew(house, 1, 12)
    failing = house.worker()
    house.back(failing, house.take(failing)[0])
    house.rows("update tracker.retry set due = '2000-01-01' where worker is not null")
    house.forget_due()
    workers = [house.worker() for _ in range(4)]
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert {r.status for r in rows} == {"job"}
    assert [r.attempt for r in rows if r.attempt > 1] == [2]


def test_long_data_of_what_is_done_anew_is_left_for_later(house):
    to_be_done_anew(house, 2, 8)
    house.rows("update tracker.output set data = repeat('é', 500) where stage = 1")
    house.answer_limit = 2000
    workers = [house.worker(2) for _ in range(4)]
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert [(r.status, r.data) for r in rows] == [("job", None)] * 4 or not house.quick


def test_so_many_go_the_long_way_as_what_came_back_to_their_batch_and_stage_is_due(house):
    """And as many again, for a job may not be for who comes first; those who have waited least stay."""
    def going(stage, batch):
        return house.value("select tracker.who_goes_long(%s::int2, %s, 5, array[1, 5, 2, 4, 3]::int8[])", stage, batch)

    one, other = house.load(4), house.load(4, name="other")
    for job in house.take(house.worker(), 2):
        house.rows("select * from tracker.take_lease(1::int2, %s, '')", job.job)
    assert going(1, one) == [2, 4, 5, 3]
    assert going(1, other) == going(2, one) == []
    house.rows("update tracker.retry set due = now() + interval '1 minute' where job = 1")
    assert going(1, one) == [2, 4]


def test_only_what_nobody_has_had_is_handed_out_as_if_it_were_fresh(house):
    house.lawful = False  # what is taken here goes to nobody
    batch, w = house.load(3), house.worker()

    def anew():
        return house.value("select jobs from tracker.take_anew(1::int2, %s, 5, '-infinity', 'infinity', '{}'::tid[])", batch)

    house.back(w, house.take(w)[0])
    assert house.value("select tracker.hurry_jobs(1::int2, array[3])") == [3]
    assert anew() == []  # job 1 has had its attempt
    house.rows("delete from tracker.retry where job = 1")
    assert anew() == [3]


def test_who_gets_what_is_done_anew_has_asked_anew(house):
    to_be_done_anew(house, 1, 8)
    w = house.worker()
    house.rows("update tracker.worker set repeats = 7 where id = %s", w.id)
    assert house.new_job(w).status == "job"
    assert house.row(w).repeats == 0


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_what_is_done_anew_has_the_input_of_its_own_stage(house, stage):
    house.rows("select tracker.append_stage('Sort')")
    house.load(6)
    for before in range(1, stage):
        w = house.worker(before)
        house.complete([Item(w.token, j.job, j.lease, f"of stage {before}") for j in house.take(w, 6)])
    cheat = house.worker(stage, nickname="Mallory")
    house.complete([Item(cheat.token, j.job, j.lease, "made up") for j in house.take(cheat, 6)])
    undo = house.value("select tracker.undo_begin('Mallory', null, null, null, null, null, null, 'made up', false)")
    house.rows("select * from tracker.undo_step(%s, 1000)", undo)
    got = house.new_job(house.worker(stage))
    assert got.data == (f"input {got.job}" if stage == 1 else f"of stage {stage - 1}")


def test_a_hint_of_another_batch_hides_no_fresh_work_beside_what_is_done_anew(house):
    house.load(30)
    a = house.worker()
    house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 30)])
    cheat = house.worker(2, nickname="Mallory")
    house.complete([Item(cheat.token, j.job, j.lease, "made up") for j in house.take(cheat, 3)])
    undo = house.value("select tracker.undo_begin('Mallory', null, null, null, null, null, null, 'made up', false)")
    house.rows("select * from tracker.undo_step(%s, 1000)", undo)
    house.hints[1], house.hints[6] = 10**12, house.batch() + 1
    rows = house.claim([Ask(house.worker(2).token, v1=True) for _ in range(8)])
    assert [r.status for r in rows] == ["job"] * 8
    assert house.hints[1] < 10**12


@pytest.mark.parametrize("wants", [(1, 0), (0, 1), (2, 0, 0), (0, 0)])
def test_who_wants_nothing_is_answered_beside_those_who_get_all_that_they_want(house, wants):
    house.load(9)
    workers = [house.worker() for _ in wants]
    rows = house.claim_fleet([Ask(w.token, want) for w, want in zip(workers, wants)])
    assert sorted((r.item, r.status) for r in rows if r.item and r.status in ("job", "none")) == [
        (n, "job" if want else "none") for n, want in enumerate(wants, 1) for _ in range(max(want, 1))]


def test_what_is_ready_is_looked_for_ahead_of_the_hint_and_then_behind_it(house):
    """And the hint never goes back while there is something ahead."""
    house.lawful = False  # what is taken here goes to nobody
    house.load(6)
    a = house.worker()
    for job in house.take(a, 6):
        house.done(a, job)
    position = [r.position for r in house.rows("select position from tracker.ready order by position")]

    def take(want, hint):
        (r,) = house.rows("select * from tracker.take_fresh(2::int2, %s, %s, %s)", house.batch(), want, hint)
        house.rows("select set_config('tracker.rescan_2', '', false)")  # so that the next one looks behind, too
        return r.jobs, r.hint

    assert take(1, position[3]) == ([5], position[4])
    assert take(3, position[3]) == ([1, 2, 6], position[5])
    assert take(1, position[5]) == ([3], position[2])
    assert take(5, 0) == ([4], position[3])
    assert take(1, position[5]) == ([], None)


@pytest.mark.parametrize("undone", [0, 3, 12])
@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize("stage", [1, 2])
def test_a_batch_of_which_nothing_is_left_sends_nobody_the_long_way(house, stage, late, undone):
    """It stands in line while some of it is due soon; from the one behind it everybody has a job, as from the first."""
    first, second = house.load(8), house.load(40, name="second")
    if stage == 2:
        a = house.worker()
        house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 48)])
    failing, cheat = house.worker(stage, nickname="Mallory"), house.worker(stage, nickname="Trudy")
    jobs = house.take(failing, 8)
    assert {j.job for j in jobs} == set(range(1, 9))
    for job in jobs[:3]:
        house.back(failing, job)
    house.rows("update tracker.retry set due = clock_timestamp() + interval '30 s'")
    if undone:
        house.complete([Item(cheat.token, j.job, j.lease, "made up") for j in house.take(cheat, undone)])
        undo = house.value("select tracker.undo_begin('Trudy', null, null, null, null, null, null, 'made up', false)")
        house.rows("select * from tracker.undo_step(%s, 1000)", undo)
    for job in house.take(failing, late) if late else []:
        house.back(failing, job)
    house.rows("update tracker.retry set due = '2000-01-01' where job > 8")
    house.forget_due()
    assert house.value("select line from tracker.stage where stage = %s", stage) == [first, second]
    workers, before = [house.worker(stage) for _ in range(8)], house.called("claim_held")
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert [r.status for r in rows] == ["job"] * 8 and len({r.job for r in rows}) == 8
    assert min(r.job for r in rows) > 8
    assert {house.row(w).holds for w in workers} == {1}
    if house.quick and not late:
        assert house.called("claim_held") == before
    assert {house.done(w) for w in workers} == {"accepted"}


def test_behind_a_batch_of_which_nothing_is_left_needs_are_looked_at(house):
    house.load(1)
    second = house.load(8, name="second")
    house.rows("select tracker.set_batch_needs(%s, 'gpu')", second)
    assert house.new_job(house.worker()).job == 1
    assert house.new_job(house.worker()).status == "none"


def test_behind_a_batch_of_which_nothing_is_left_are_as_many_jobs_as_all_others_have(house):
    house.load(1)
    house.load(3, name="second")
    house.load(2, name="third")
    assert house.new_job(house.worker()).job == 1
    rows = house.claim([Ask(house.worker().token, age_us=n * 1000, v1=True) for n in range(6)])
    assert sorted(r.status for r in rows) == ["job"] * 5 + ["none"]
    assert {r.job for r in rows if r.status == "job"} == {2, 3, 4, 5, 6}


def two_of_four_came_back(house):
    house.load(4)
    failing = house.worker(nickname="Mallory")
    for job in house.take(failing, 2):
        house.back(failing, job)
    house.make_due()


@pytest.mark.parametrize("v1", [True, False])
def test_what_is_due_behind_the_hint_is_found_when_there_is_no_other_work(house, v1):
    two_of_four_came_back(house)

    def ask():
        (r,) = house.claim([Ask(house.worker().token, v1=v1)])
        return r.job

    assert ask() in (1, 2)
    assert 0 < house.value("select extract(epoch from clock_timestamp()) * 1e6 - %s", house.hints[10]) < 60e6
    house.rows("update tracker.retry set due = '2000-01-01'")
    assert {ask(), ask()} == {3, 4}
    assert ask() in (1, 2)


@pytest.mark.parametrize("v1", [True, False])
def test_what_is_due_behind_the_hint_is_found_when_the_hint_is_forgotten(house, v1):
    two_of_four_came_back(house)
    house.claim([Ask(house.worker().token, v1=v1)])
    house.rows("update tracker.retry set due = '2000-01-01'")
    house.forget_due()
    assert house.claim([Ask(house.worker().token, v1=v1)])[0].job in (1, 2)


@pytest.mark.parametrize("limit, told", [(30, 3), (29, 2), (20, 2), (19, 1), (10, 1), (9, 1), (1, 1)])
def test_what_is_told_again_fills_an_answer_to_the_byte(house, limit, told):
    """Of jobs of ten bytes; one is told whatever its length."""
    house.load(3, data="éééé {}")
    w = house.worker()
    assert [r.status for r in house.want(w, 3, call=5)] == ["job"] * 3
    house.answer_limit = limit
    again = house.want(w, 3, call=5, rerun=True)
    assert [r.job for r in again if r.status == "job"] == [1, 2, 3][:told]


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("limit, comes", [(20, True), (19, False)])
def test_what_fits_into_its_part_of_an_answer_comes_with_it_to_the_byte(house, stage, limit, comes):
    """Of v1 in a bundle of two, of a fleet that asks for two, and of what is done anew; else it is read by key."""
    data = "é" * 5  # ten bytes
    house.load(5, data)
    if stage == 2:
        maker = house.worker()
        house.complete([Item(maker.token, r.job, r.lease, data) for r in house.take(maker, 5)])
    house.new_job(house.worker(stage))  # begins it
    house.answer_limit = limit
    workers = [house.worker(stage) for _ in range(2)]
    rows = house.claim([Ask(w.token, v1=True) for w in workers])
    assert [(r.status, r.data) for r in rows] == [("job", data if comes else None)] * 2
    for w in workers:
        house.done(w)
    for job in (2, 3):
        house.value("select tracker.send_back_job(%s, %s::int2, '')", job, stage)
    others = [house.worker(stage) for _ in range(2)]
    rows = house.claim([Ask(w.token, v1=True) for w in others])
    assert [(r.status, r.data) for r in rows] == [("job", data if comes else None)] * 2
    assert [r.data for r in house.want(house.worker(stage), 2)] == ([data] * 2 if comes else [None])


@pytest.mark.parametrize("repeats, again", [(2, True), (3, False)])
def test_v1_that_asks_anew_and_anew_is_told_three_times(house, repeats, again):
    house.load(2)
    w = house.worker()
    job = house.new_job(w)
    house.rows("update tracker.worker set repeats = %s", repeats)
    told = house.new_job(w)
    assert (told.lease == job.lease) == again


@pytest.mark.parametrize("quick", [True, False])
def test_ten_results_are_remembered_and_an_allowance_grows_to_a_thousand(house, quick):
    house.load(12)
    house.quick = quick
    w = house.worker()
    house.rows("update tracker.worker set allowance = 990")
    for n in range(12):
        house.new_job(w)
        house.done(w)
        assert house.row(w).allowance == min(991 + n, 1000)
    assert bytes(house.row(w).recent) == b"".join(n.to_bytes(8, "big") for n in range(12, 2, -1))
