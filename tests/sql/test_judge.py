"""A batch that fails whoever tries it pauses itself, and nobody rests for it; nobody's own failures pause a good one."""

import pytest

from house import Item


@pytest.fixture(autouse=True)
def _rests(house):
    house.rests = True
    yield
    house.rests = False


def judge(house):
    return house.rows("select batch, name, why from tracker.judge_batches()")


def crowd(house, count, **more):
    """Different people, each of a network of its own, who are about."""
    return [house.newcomer(nickname=f"person {i}", address=f"198.51.{i}.1", slots=64, **more) for i in range(count)]


def count_about(house, *workers):
    """As the keeper would, while they work."""
    held = [house.take(w)[0] for w in workers]
    house.rows("select tracker.count_crowd()")
    return dict(zip(workers, held))


def bad(house, worker, count=1, kind="failed"):
    for _ in range(count):
        house.end_rests()
        house.back(worker, house.take(worker)[0], kind)


def good(house, worker, count=1):
    for _ in range(count):
        house.end_rests()
        assert house.done(worker, house.take(worker)[0]) == "accepted"


def paused(house, name):
    return house.value("select paused from tracker.batch where name = %s", name)


@pytest.mark.parametrize("kind", ["failed", "abandoned", "flagged", "released"])
def test_a_malformed_batch_among_good_ones_pauses_itself_and_makes_no_worker_rest(house, kind):
    house.load(1000, name="bad")
    house.load(1000, name="good")
    workers = crowd(house, 6)
    for w in workers:
        bad(house, w, 4, kind)
    house.rows("update tracker.worker set rest_until = clock_timestamp() + interval '8 hours'")
    (row,) = judge(house)
    assert (row.name, row.why) == ("bad", "6 of 6 workers fail it: 24 bad ends and 0 results lately")
    assert paused(house, "bad") and not paused(house, "good")
    for w in workers:
        assert (house.row(w).bad_row, house.row(w).soft_row) == (0, 0)
    # They get work of the good one, at once.
    assert all(house.value("select tracker.batch_of(%s)", house.take(w)[0].job) != row.batch for w in workers)
    assert house.value("select paused_why from tracker.batch where name = 'bad'") == row.why
    assert judge(house) == []
    assert house.broken_laws() == []


def test_it_takes_twenty_ends(house):
    house.load(1000)
    workers = crowd(house, 5)
    for w in workers[:4]:
        bad(house, w, 4)
    bad(house, workers[4], 3)
    assert judge(house) == []
    bad(house, workers[4])
    assert len(judge(house)) == 1


def test_two_who_fail_everything_do_not_pause_a_good_one(house):
    house.load(1000)
    *honest, one, other = crowd(house, 6)
    for w in honest:
        good(house, w, 6)
    for w in (one, other):
        bad(house, w, 12)
    assert judge(house) == []
    assert house.row(one).bad_row == 12


def test_three_quarters_of_the_workers_is_not_nearly_all_of_them(house):
    house.load(1000)
    workers = crowd(house, 8)
    for w in workers[:2]:
        good(house, w, 2)
    for w in workers[2:]:
        bad(house, w, 5)
    assert judge(house) == []
    nine, = crowd(house, 1)
    bad(house, nine, 5)
    assert len(judge(house)) == 1


def test_who_is_at_work_and_has_brought_nothing_yet_has_not_failed_it(house):
    """The first ends of a batch are those of whoever fails at once."""
    house.load(1000)
    *honest, a, b, c, d = crowd(house, 6)
    held = {w: house.take(w)[0] for w in honest}
    for w in (a, b, c, d):
        bad(house, w, 6)
    assert judge(house) == []
    for w in honest:
        house.back(w, held[w], "failed")
    assert len(judge(house)) == 1


def test_who_has_mostly_results_does_not_fail_it(house):
    house.load(1000)
    for w in crowd(house, 6):
        good(house, w, 4)
        bad(house, w, 4)
    assert judge(house) == []


@pytest.mark.parametrize("same", ["nickname", "address"])
def test_one_man_with_many_tokens_does_not_pause_it_while_others_are_about(house, same):
    house.load(1000)
    honest = crowd(house, 3)
    count_about(house, *honest)
    assert tuple(house.rows("select people, networks from tracker.stage where stage = 1")[0]) == (3, 3)
    for i in range(12):  # more than three quarters of all who are about
        w = house.newcomer(nickname="Mallory" if same == "nickname" else f"Mallory {i}",
                           address="203.0.113.1" if same == "address" else f"203.0.{i}.1")
        bad(house, w, 2)
    assert judge(house) == []


def test_alone_one_cluster_pauses_it(house):
    house.load(1000)
    cluster = [house.newcomer(nickname="Ada") for _ in range(5)]
    count_about(house, *cluster)
    for w in cluster:
        bad(house, w, 5)
    assert len(judge(house)) == 1


def test_silence_is_not_the_works_fault(house):
    house.load(1000)
    for w in crowd(house, 6):
        house.take(w, 8)
        house.time_out(w)
    assert judge(house) == []


def test_what_is_a_quarter_of_an_hour_ago_is_forgotten(house):
    house.load(1000)
    for w in crowd(house, 6):
        bad(house, w, 4)
    house.pass_time(901)
    assert judge(house) == []


def test_a_batch_that_an_operator_resumes_is_judged_by_what_comes_then(house):
    batch = house.load(1000)
    workers = crowd(house, 6)
    for w in workers:
        bad(house, w, 4)
    assert len(judge(house)) == 1
    assert house.value("select tracker.resume_batch(%s)", batch)
    assert judge(house) == []
    for w in workers:
        bad(house, w, 4)
    assert len(judge(house)) == 1


def test_few_who_fail_beside_many_results_do_not_stop_the_work(house):
    """Nearly all of the workers, but what one does outweighs it."""
    house.load(1000)
    one, *others = crowd(house, 5)
    for w in others:
        bad(house, w, 5)
    good(house, one, 81)
    assert judge(house) == []


def test_what_is_left_of_a_rest_is_of_other_ends(house):
    """A failure in another batch stays with its worker; those in the bad one go."""
    house.load(1, name="first")
    workers = crowd(house, 6)
    house.backoff_s = house.backoff_max_s = 3600
    house.back(workers[0], house.take(workers[0])[0], "failed")
    house.load(1000, name="bad")
    for w in workers:
        bad(house, w, 4)
    assert [row.name for row in judge(house)] == ["bad"]
    assert [house.row(w).bad_row for w in workers] == [1, 0, 0, 0, 0, 0]
    assert house.value("select rest_until < clock_timestamp() + interval '2 seconds' from tracker.worker where id = %s", workers[0].id)


def test_a_cancelled_or_paused_one_is_not_judged(house):
    batch = house.load(1000)
    for w in crowd(house, 6):
        bad(house, w, 4)
    house.rows("select tracker.pause_batch(%s, 'by hand')", batch)
    assert judge(house) == []
    assert house.value("select paused_why from tracker.batch") == "by hand"


def test_results_of_another_batch_excuse_none(house):
    house.load(1000, name="bad")
    good_one = house.load(1000, name="good")
    workers = crowd(house, 6)
    for w in workers:
        bad(house, w, 4)
    house.rows("select tracker.set_batch(%s, 9, null)", good_one)
    for w in workers:
        good(house, w, 6)
    (row,) = judge(house)
    assert (row.name, row.why) == ("bad", "6 of 6 workers fail it: 24 bad ends and 0 results lately")


def test_what_an_operator_took_is_no_bad_end(house):
    house.load(1000)
    for w in crowd(house, 6):
        bad(house, w, 2)
        house.end_rests()
        for job in house.take(w, 2):
            house.rows("select * from tracker.take_lease(1::int2, %s, 'asleep')", job.job)
    assert judge(house) == []


def test_some_results_beside_many_failures_do_not_save_it(house):
    """Up to four for each bad end, when nearly all of the workers have none."""
    house.load(1000)
    one, *others = crowd(house, 5)
    for w in others:
        bad(house, w, 5)
    good(house, one, 40)
    (row,) = judge(house)
    assert row.why == "4 of 5 workers fail it: 20 bad ends and 40 results lately"


def test_who_was_made_to_fail_may_hold_as_many_as_before(house):
    house.load(1000)
    workers = crowd(house, 6)
    for w in workers:
        bad(house, w, 4)
    assert {house.row(w).allowance for w in workers} == {60}
    assert len(judge(house)) == 1
    assert {house.row(w).allowance for w in workers} == {64}


@pytest.mark.parametrize("people, networks", [(2, 3), (3, 2)])
def test_two_people_or_networks_alone_in_a_batch_do_not_pause_it_while_others_are_about(house, people, networks):
    """Of a batch that few can do, say, all ends may be theirs."""
    house.load(1000, name="for all")
    count_about(house, *crowd(house, 3))
    batch = house.load(1000, name="for few")
    house.rows("select tracker.set_batch(%s, 9, null)", batch)
    for i in range(3):
        bad(house, house.newcomer(nickname=f"Mallory {i % people}", address=f"203.0.{i % networks}.1"), 8)
    assert judge(house) == []
    bad(house, house.newcomer(nickname="Mallory 2", address="203.0.2.1"), 8)
    assert len(judge(house)) == 1


@pytest.mark.parametrize("long", [True, False])
def test_tokens_that_never_brought_a_result_are_not_asked_while_some_are_about_that_have(house, long):
    """A new token for each failure, from forty addresses, with forty names, beside ten who work; whose results may be of
    another batch, when jobs take long."""
    house.load(10 if long else 1000)
    workers = crowd(house, 10)
    for w in workers:
        good(house, w)
    if long:
        house.load(1000)
    for w in workers:
        house.take(w)
    for i in range(200):
        bad(house, house.newcomer(nickname=f"Mallory {i % 40}", address=f"203.{i % 40}.113.1"))
    assert judge(house) == []


@pytest.mark.parametrize("known", [True, False])
def test_who_makes_garbage_of_all_saves_no_malformed_batch(house, known):
    """Two of them, among twenty whose work fails, whether these had results before or the project is new."""
    workers = crowd(house, 22)
    if known:
        house.load(100, name="before")
        for w in workers:
            good(house, w)
        house.rows("select tracker.set_batch(%s, 0, null)", house.load(1000, name="bad"))
        house.rows("select tracker.cancel_batch(batch) from tracker.batch where name = 'before'")
    else:
        house.load(1000, name="bad")
    *honest, one, other = workers
    for w in (one, other):
        good(house, w, 3)
    for w in honest:
        bad(house, w, 3)
    assert [row.name for row in judge(house)] == ["bad"]


# ---- as time goes by

def live(house, does, seconds):
    """One-job-at-a-time workers, who ask once a second: does is {worker: what becomes of a job in its hands, None: a
    result}. The keeper looks every five. Yields the second that begins."""
    for second in range(seconds):
        yield second
        for w, what in does.items():
            r = house.new_job(w)
            if r.status == "job" and (kind := what(r.job)):
                house.back(w, r, kind)
            elif r.status == "job":
                house.done(w)
        if second % 5 == 4:
            house.rows("select tracker.count_crowd()")
            judge(house)
        house.pass_time(1)
        house.rows("update tracker.worker set rest_until = rest_until - interval '1 second' where rest_until > '-infinity'")


@pytest.mark.parametrize("kind", ["failed", "flagged"])
@pytest.mark.parametrize("count", [2, 3, 5, 40])
def test_however_many_they_are_a_malformed_batch_does_not_keep_them_from_good_ones(house, count, kind):
    house.load(1000, name="bad")
    house.load(1000, name="good")
    house.backoff_s = 30
    workers = crowd(house, count)
    for second in live(house, dict.fromkeys(workers, lambda job: kind if job <= 1000 else None), 90):
        if paused(house, "bad") and all(house.row(w).done for w in workers):
            break
    assert paused(house, "bad") and not paused(house, "good") and second < 60
    assert [(house.row(w).bad_row, house.row(w).soft_row, house.rest_s(w)) for w in workers] == [(0, 0, 0)] * count


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_two_who_fail_everything_never_pause_what_a_few_honest_ones_do(house, count):
    house.load(3000)
    *honest, one, other = crowd(house, count + 2)
    for _ in live(house, {**dict.fromkeys(honest, lambda job: None), **dict.fromkeys((one, other), lambda job: "failed")}, 120):
        pass
    assert not paused(house, "load")
    assert all(house.row(w).done > 110 for w in honest)


@pytest.mark.parametrize("tokens, nicknames, addresses", [(100, 100, 1), (100, 1, 20), (100, 20, 20)])
def test_however_many_tokens_strangers_have_they_do_not_pause_what_ten_honest_ones_do(house, tokens, nicknames, addresses):
    house.load(1000)
    honest = crowd(house, 10)
    count_about(house, *honest)
    for i in range(tokens):
        w = house.newcomer(nickname=f"Mallory {i % nicknames}", address=f"203.{i % addresses}.113.1")
        bad(house, w, 2)
    assert judge(house) == []
    assert not paused(house, "load")


def test_results_of_a_stage_are_its_own(house):
    house.load(2)
    a, b = house.worker(), house.worker(2)
    house.complete([Item(a.token, j.job, j.lease, "made") for j in house.take(a, 2)])
    house.complete([Item(b.token, j.job, j.lease, "made of it") for j in house.take(b)])
    for stage, workers in ((1, [a.id] * 2), (2, [b.id])):
        (r,) = house.rows("select workers from tracker.read_results(%s::int2, now() - interval '1 hour', 100)", stage)
        assert r.workers == workers


def test_bad_ends_behind_a_batch_and_before_its_time_are_not_of_it(house):
    house.load(9)
    w = house.worker()
    for job in house.take(w, 9):
        house.back(w, job, "failed" if job.job % 2 else "flagged")

    def ends(first, last, since="now() - interval '1 hour'"):
        return [(r.worker, r.ends, r.hard, r.soft) for r in house.rows(
            f"select * from tracker.read_bad_ends(1::int2, array[{first}]::int8[], array[{last}]::int8[], array[{since}], 100)")]

    assert ends(1, 9) == [(w.id, 9, 5, 4)]
    assert ends(2, 4) == [(w.id, 3, 1, 2)]
    assert ends(1, 9, "now() + interval '1 hour'") == []
    assert house.rows("select n, ends from tracker.read_bad_ends(1::int2, '{1,6}', '{3,7}', array[now() - interval '1 hour',"
                      " now() - interval '1 hour'], 100) order by n") == [(1, 3), (2, 2)]


# ---- each number that decides, at its edge

def ends(house, *people):
    """Somebody each, of a network of their own where none is said, who has brought something before: bad ends and results of the batch."""
    house.lawful = False
    batch, job = house.load(1000), iter(range(1, 1001))
    for n, (bads, goods, *where) in enumerate(people):
        who, network = where or (n, n)
        w = house.newcomer(nickname=f"person {who}", address=f"198.51.{network}.{n + 1}")
        house.rows("update tracker.worker set done = 1 where id = %s", w.id)
        house.rows("insert into tracker.strike (stage, job, worker, person, network, kind, at) select 1, n, w.id, w.person, w.network, 'failed', now()"
                   " from tracker.worker w, unnest(%s::int8[]) n where w.id = %s", [next(job) for _ in range(bads)], w.id)
        house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data) select 1, n, w.id, w.person, 1,"
                   " gen_random_uuid(), now(), now(), '' from tracker.worker w, unnest(%s::int8[]) n where w.id = %s",
                   [next(job) for _ in range(goods)], w.id)
    house.rows("update tracker.stage set workers = 5, people = 5, networks = 5")
    return batch


@pytest.mark.parametrize("people, pauses", [
    ([(7, 0)] * 3, True), ([(5, 0)] * 3, True), ([(5, 0), (5, 0), (4, 0)], False),  # five each, up to twenty
    ([(4, 0)] * 5, True), ([(4, 0)] * 4 + [(3, 0)], False), ([(3, 0)] * 7, True),
    ([(20, 0)] * 2, False),  # three people, and networks
    ([(7, 0, 1, 1), (7, 0, 2, 2), (7, 0, 2, 3)], False), ([(7, 0, 1, 1), (7, 0, 2, 2), (7, 0, 3, 2)], False),
    ([(9, 0, 1, 1), (9, 0, 2, 2), (9, 0, 3, 3), (9, 0, 3, 3)], True),
    ([(6, 0)] * 3 + [(1, 1)], False), ([(5, 0)] * 4 + [(1, 1)], True),  # more than three quarters of them
    ([(5, 4)] * 4, True), ([(5, 5)] * 4, False),  # who fails it has more bad ends than results
    ([(1, 0)] * 5 + [(0, 15)], True), ([(1, 0)] * 4 + [(0, 16)], False),  # five bad ends at the least
    ([(3, 0)] * 7 + [(0, 84)], True), ([(3, 0)] * 7 + [(0, 85)], False)])  # not four times as many results as bad ends
def test_a_batch_is_judged_by_numbers(house, people, pauses):
    batch = ends(house, *people)
    assert [r.batch for r in judge(house)] == ([batch] if pauses else [])


@pytest.mark.parametrize("holding, pauses", [(2, False), (1, True)])
def test_who_holds_some_of_it_is_one_more_who_does_not_fail_it(house, holding, pauses):
    """Four of five are more than three quarters, six of eight are not."""
    batch = ends(house, *[(7, 0)] * (6 if holding == 2 else 4))
    for n in range(holding):
        w = house.newcomer(nickname=f"other {n}", address=f"203.0.{n}.1")
        house.take(w)
        house.rows("update tracker.worker set done = 1 where id = %s", w.id)
    assert [r.batch for r in judge(house)] == ([batch] if pauses else [])


@pytest.mark.parametrize("bads, pauses", [(19, False), (20, True)])
def test_one_that_is_alone_needs_twenty(house, bads, pauses):
    ends(house, (bads, 0))
    house.rows("update tracker.stage set workers = 1, people = 1, networks = 1")
    assert bool(judge(house)) == pauses


def test_what_was_before_it_was_resumed_is_not_judged_again(house):
    batch = ends(house, *[(7, 0)] * 3)
    house.rows("update tracker.strike set at = (select max(at) from tracker.strike)")
    house.rows("update tracker.batch set judged_from = (select max(at) from tracker.strike)")
    assert judge(house) == []
    house.rows("update tracker.batch set judged_from = judged_from - interval '1 us'")
    assert [r.batch for r in judge(house)] == [batch]
