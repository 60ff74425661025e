"""Who is different from whom: when a flag or a failure is believed."""

import pytest

from house import Back


def crowd(house, stage, count, done=True):
    """So many others are about, each a person of their own network, with a result in the stage."""
    workers = [house.worker(stage, f"honest {n}", address=f"198.51.{n}.1") for n in range(count)]
    for w in workers:
        (job,) = house.take(w)
        if done:
            house.done(w, job)
    house.rows("select tracker.count_crowd()")
    return workers


def mob(house, stage, count, nickname="Mallory", address="192.0.2.1"):
    return [house.worker(stage, nickname, address=address) for _ in range(count)]


def made(house, count):
    """Stage A has made so many."""
    maker = house.worker(nickname="maker", address="203.0.113.1")
    for job in house.take(maker, count):
        house.done(maker, job)


def flag(house, workers, job):
    """Each flags this job, whatever it takes to get it."""
    for w in workers:
        lease_to(house, w, job)


def lease_to(house, worker, job, kind="flagged", reason=""):
    house.make_due()
    rows = house.take(worker, house.counts(worker.stage).ready + house.counts(worker.stage).retry)
    (it,) = [r for r in rows if r.job == job]
    others = [r for r in rows if r.job != job]
    house.give_back([Back(worker.token, r.job, r.lease, "undelivered",
                          str(house.value("select call from tracker.lease where stage = %s and job = %s",
                                          worker.stage, r.job))) for r in others])
    return house.back(worker, it, kind, reason=reason)


# ---- how many are about

def test_the_crowd_is_counted_up_to_five(house):
    house.load(8)
    crowd(house, 1, 7)
    assert house.rows("select workers, people, networks from tracker.stage order by stage") == [(5, 5, 5), (0, 0, 0)]
    assert house.value("select tracker.count_crowd()") == 0


def test_who_made_something_two_hours_ago_is_not_about(house):
    house.load(3)
    crowd(house, 1, 2)
    house.pass_time(2 * 3600)
    assert house.value("select tracker.count_crowd()") == 1
    assert house.rows("select workers, people, networks from tracker.stage where stage = 1") == [(0, 0, 0)]


def test_who_only_holds_a_lease_is_about_too(house):
    house.load(3)
    crowd(house, 1, 2, done=False)
    assert house.rows("select workers, people, networks from tracker.stage where stage = 1") == [(2, 2, 2)]


def test_one_cluster_is_one_person_of_one_network(house):
    house.load(6)
    for w in mob(house, 1, 6, "anonymous"):
        house.take(w)
    house.rows("select tracker.count_crowd()")
    assert house.rows("select workers, people, networks from tracker.stage where stage = 1") == [(5, 1, 1)]


def test_who_left_long_ago_is_not_about(house):
    house.load(3)
    crowd(house, 1, 3)
    house.pass_time(2 * 3600)
    house.rows("select tracker.count_crowd()")
    assert house.rows("select workers, people, networks from tracker.stage where stage = 1") == [(0, 0, 0)]


# ---- flags

def test_five_machines_of_a_cluster_that_works_alone_send_an_input_back(house):
    house.load(1)
    made(house, 1)
    for w in mob(house, 2, 5, "anonymous"):
        lease_to(house, w, 1)
    assert house.counts(1).retry == 1 and house.value("select count(*) from tracker.refused_output") == 1


def test_five_tokens_of_one_person_withdraw_nothing_while_others_are_about(house):
    house.load(4)
    made(house, 4)
    crowd(house, 2, 3)
    for w in mob(house, 2, 5):
        lease_to(house, w, 4)
    assert house.value("select count(*) from tracker.refused_output") == 0


def test_five_tokens_of_one_person_at_five_addresses_withdraw_nothing_either(house):
    house.load(4)
    made(house, 4)
    crowd(house, 2, 3)
    for n in range(5):
        lease_to(house, house.worker(2, "Mallory", address=f"192.0.{n}.1"), 4)
    assert house.value("select count(*) from tracker.refused_output") == 0


def test_five_nicknames_behind_one_address_withdraw_nothing_either(house):
    house.load(4)
    made(house, 4)
    crowd(house, 2, 3)
    for n in range(5):
        (w,) = mob(house, 2, 1, f"Mallory {n}")
        lease_to(house, w, 4)
    assert house.value("select count(*) from tracker.refused_output") == 0


@pytest.mark.parametrize("people, networks, believed", [(3, 3, 1), (2, 3, 0), (3, 2, 0)])
def test_five_of_three_people_and_networks_are_believed(house, people, networks, believed):
    """However many more are about."""
    house.load(6)
    made(house, 6)
    crowd(house, 2, 5)
    for n in range(5):
        (w,) = mob(house, 2, 1, f"honest {n % people}", f"198.51.{n % networks}.9")
        lease_to(house, w, 6)
    assert house.value("select count(*) from tracker.refused_output") == believed


def test_a_second_flag_of_one_input_by_the_same_worker_counts_nothing(house):
    house.load(1)
    made(house, 1)
    w = house.worker(2)
    lease_to(house, w, 1)
    lease_to(house, w, 1, reason="still no tar")
    assert house.rows("select kind, chosen, reason from tracker.strike order by id") == [
        ("flagged", False, ""), ("released", True, "still no tar")]
    assert house.rows("select attempt from tracker.retry where stage = 2") == [(2,)]
    assert house.row(w).struck == 1


def test_ten_flags_by_one_token_leave_the_job_alive(house):
    house.load(1)
    made(house, 1)
    w = house.worker(2)
    for _ in range(10):
        lease_to(house, w, 1)
    assert house.counts(2).failed == 0


# ---- failures

def test_one_failer_alone_fails_no_job_that_others_could_do(house):
    house.load(6)
    crowd(house, 1, 5)
    (w,) = mob(house, 1, 1)
    for _ in range(19):
        lease_to(house, w, 6, "failed", "exit 1")
    assert house.counts(1).failed == 0
    lease_to(house, w, 6, "failed", "exit 1")
    (f,) = house.rows("select * from tracker.list_failed(1::int2, 0, 10)")
    assert (f.job, f.reason) == (6, "20 bad ends by 1 worker of 1 person, at last: exit 1")


def test_a_poison_input_fails_after_max_attempts_by_different_ones(house):
    house.load(6)
    workers = crowd(house, 1, 5)
    for n in range(10):
        lease_to(house, workers[n % 5], 6, "failed", "exit 1")
    assert house.value("select reason from tracker.failed") == "10 bad ends by 5 workers of 5 people, at last: exit 1"


@pytest.mark.parametrize("workers, people, networks", [(5, 1, 5), (5, 5, 1), (3, 3, 3)])
def test_ten_failures_by_too_few_of_a_kind_fail_no_job_while_others_are_about(house, workers, people, networks):
    """Five workers, three people and three networks are asked for, and each of them for itself."""
    house.load(6)
    crowd(house, 1, 5)
    failers = [house.worker(1, f"Mallory {n % people}", address=f"192.0.{n % networks}.1") for n in range(workers)]
    for n in range(10):
        lease_to(house, failers[n % workers], 6, "failed", "exit 1")
    assert house.counts(1).failed == 0


def test_a_machine_that_is_alone_gives_a_poison_input_up_after_max_attempts(house):
    house.load(1)
    w = house.worker()
    for _ in range(10):
        lease_to(house, w, 1, "failed")
    assert house.counts(1).failed == 1


def test_time_outs_alone_fail_a_job_only_at_the_hard_limit(house):
    house.load(1)
    w = house.worker()
    for n in range(20):
        assert house.counts(1).failed == 0, n
        house.make_due()
        house.take(w)
        house.pass_time(100)
        house.expire(10)
    assert house.counts(1).failed == 1


# ---- releases

def test_a_release_waits_twice_as_long_each_time(house):
    house.load(1)
    w, waits = house.worker(), []
    for _ in range(3):
        lease_to(house, w, 1, "released")
        waits.append(round(house.value("select extract(epoch from due - clock_timestamp()) from tracker.retry")))
    assert waits == [30, 60, 120]
    assert house.rows("select attempt from tracker.retry") == [(1,)]


def test_who_releases_over_and_over_meets_the_hard_limit(house):
    house.load(1)
    w = house.worker()
    for n in range(20):
        assert house.counts(1).failed == 0, n
        lease_to(house, w, 1, "released")
    assert house.counts(1).failed == 1


@pytest.mark.parametrize("how", ["bye", "drop", "undelivered"])
def test_what_nobody_chose_counts_nothing(house, how):
    house.load(1)
    for _ in range(25):
        w = house.worker()
        (job,) = house.take(w)
        if how == "bye":
            house.bye(w)
        elif how == "drop":
            house.rows("select * from tracker.drop_worker(1::int2, %s)", w.name)
        else:
            house.back(w, job, "undelivered", str(house.value("select call from tracker.lease")))
    assert house.counts(1).failed == 0 and house.counts(1).due == 1


def test_an_operators_requeue_begins_the_count_anew(house):
    house.load(1)
    w = house.worker()
    for _ in range(10):
        lease_to(house, w, 1, "failed")
    house.rows("select tracker.requeue_failed(1::int2, null)")
    for _ in range(9):
        lease_to(house, w, 1, "failed")
    assert house.counts(1).failed == 0


def test_after_a_requeue_one_release_fails_no_job_for_what_was_before(house):
    """A release asks at once who is to blame: those of before the operator's act are not."""
    house.load(1)
    w = house.worker()
    for _ in range(10):
        lease_to(house, w, 1, "failed")
    assert house.counts(1).failed == 1
    house.rows("select tracker.requeue_failed(1::int2, null)")
    lease_to(house, w, 1, "released")
    assert house.counts(1).failed == 0


def test_the_network_of_who_struck_is_kept(house):
    house.load(1)
    w = house.worker(address="192.0.2.1")
    lease_to(house, w, 1, "failed")
    assert house.value("select s.network = w.network from tracker.strike s join tracker.worker w on w.id = s.worker")
