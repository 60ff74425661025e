"""What is old and has been done since is purged, a bite at a time; the laws hold, for it is counted."""

import pytest

from house import Item

DAY = 86400


def make(house, worker, count):
    jobs = house.take(worker, count)
    house.complete([Item(worker.token, j.job, j.lease, "made") for j in jobs])


def purge(house, kind, older_s=30 * DAY, look=3):
    after, total = 0, 0
    while after is not None:
        (r,) = house.rows("select * from tracker.purge_old(%s, %s, %s, %s, null)", kind, older_s, after, look)
        after, total = r.last, total + r.purged
    return total


def age(house):
    house.rows("update tracker.strike set at = at - interval '40 days'")
    house.rows("update tracker.refused_output set refused = refused - interval '40 days'")
    house.rows("update tracker.worker set gone_at = gone_at - interval '2 days'")


def count(house, table):
    return house.value(f"select count(*) from tracker.{table}")


@pytest.fixture
def old(house):
    """Of ten jobs five failed once, five were refused once; all but 5 and 10 are done since."""
    house.load(10)
    ada, bob = house.worker(nickname="Ada"), house.worker(nickname="Bob")
    for job in house.take(ada, 5):
        house.back(ada, job)
    make(house, ada, 5)
    for job in range(6, 11):
        house.rows("select tracker.send_back_job(%s, 1::int2, 'wrong')", job)
    house.make_due()
    make(house, bob, 10)
    for job in (5, 10):
        house.rows("select tracker.send_back_job(%s, 1::int2, 'wrong')", job)
    age(house)
    return house


def test_what_was_done_since_goes_and_what_was_not_stays(old):
    assert purge(old, "strikes") == 8  # five failed once, five and two were requeued: less those of 5 and 10
    assert {r.job for r in old.rows("select job from tracker.strike")} == {5, 10}
    assert purge(old, "results") == 4
    assert {r.job for r in old.rows("select job from tracker.refused_output")} == {5, 10}
    assert old.broken_laws() == []
    assert old.value("select sum(results) from tracker.purged") == 4
    assert old.value("select sum(strikes) from tracker.purged") == 4
    assert purge(old, "strikes") == purge(old, "results") == 0


def test_what_was_let_go_is_no_bad_end_when_it_is_purged(house):
    """The laws say so."""
    house.load(1)
    a = house.worker()
    house.back(a, house.take(a)[0], "released")
    house.make_due()
    b = house.worker()
    house.done(b, house.take(b)[0])
    house.pass_time(2 * 86400)
    line = house.value("select tracker.audit_act('purge', '', 0, null, 'begun')")
    assert house.rows("select purged from tracker.purge_old('strikes', 86400, 0, 100, %s)", line) == [(1,)]
    assert house.value("select state from tracker.audit where id = %s", line) == "begun"  # results and workers are to come
    assert house.broken_laws() == []


def test_what_is_not_old_stays(old):
    assert purge(old, "strikes", 50 * DAY) == purge(old, "results", 50 * DAY) == 0


def test_the_laws_hold_between_bites(old):
    after = 0
    while after is not None:
        after = old.rows("select * from tracker.purge_old('strikes', 0, %s, 1, null)", after)[0].last
        assert old.broken_laws() == []


def test_credit_that_was_kept_is_counted_so(house):
    house.load(2)
    make(house, house.worker(nickname="Ada"), 2)
    number = house.value("select tracker.undo_begin('Ada', null, null, null, null, null, null, 'x', true)")
    house.rows("select * from tracker.undo_step(%s, 10)", number)
    make(house, house.worker(nickname="Bob"), 2)
    age(house)
    assert purge(house, "results") == 2
    assert house.rows("select results, kept from tracker.purged") == [(2, 2)]


def test_a_worker_without_a_result_is_forgotten_a_day_after_it_went(house):
    house.load(2)
    done, never, here, late = (house.worker() for _ in range(4))
    make(house, done, 1)
    (job,) = house.take(late)
    house.bye(done, never)
    house.rows("select * from tracker.reap_workers(array[%s]::uuid[], -1)", late.token)
    assert purge(house, "workers") == 0
    age(house)
    assert purge(house, "workers") == 1
    assert {r.id for r in house.rows("select id from tracker.worker")} == {done.id, here.id, late.id}
    assert house.done(late, job) == "accepted"


def test_a_worker_of_a_failed_job_is_kept_until_the_job_goes_on(house):
    house.load(1)
    house.max_attempts = 1
    w = house.worker()
    house.back(w, house.take(w)[0])
    house.bye(w)
    age(house)
    assert purge(house, "workers") == 0
    house.rows("select tracker.requeue_failed(1::int2, null)")
    assert purge(house, "workers") == 1


def test_a_banned_worker_is_kept(house):
    w = house.worker()
    house.rows("select * from tracker.ban_strangers(null, null, null, %s, 1::int2, 'go', null)", w.name)
    age(house)
    assert purge(house, "workers") == 0


def test_what_a_purge_would_do_is_counted_before(old):
    assert tuple(old.rows("select * from tracker.count_purge(%s)", 30 * DAY)[0]) == (8, 4, 0)


# ---- people

def visit(house, nickname="visitor", **more):
    w = house.newcomer(nickname=nickname, **more)
    house.bye(w)
    house.rows("update tracker.worker set gone_at = gone_at - interval '2 days' where id = %s", w.id)
    return w


def people(house):
    return {r.nickname for r in house.rows("select nickname from tracker.person")}


def test_who_registered_and_did_nothing_leaves_no_name_behind(house):
    """One address registers under thousands of names."""
    for n in range(7):
        visit(house, f"visitor {n}")
    house.rows("insert into tracker.look (skeleton, person) select gen_random_uuid(), id from tracker.person")
    assert purge(house, "workers") == 7
    assert people(house) == set() and count(house, "look") == 0


def test_a_name_stays_while_anything_is_left_of_it(house):
    house.load(3)
    worked, struck, here, keyed, main = (house.newcomer(nickname=n) for n in ("worked", "struck", "here", "keyed", "main"))
    house.done(worked, house.take(worked)[0])
    house.back(struck, house.take(struck)[0])
    house.rows("select tracker.claim_person(%s, '{}', 'mark', md5('key')::uuid, '')", house.row(keyed).person)
    house.bye(worked, struck, keyed, main)
    house.rows("update tracker.worker set gone_at = gone_at - interval '2 days'")
    visit(house, "here")
    visit(house, "another of main")
    house.rows("update tracker.person set merged_into = %s where nickname = 'another of main'", house.row(main).person)
    purge(house, "workers")
    assert people(house) == {"worked", "struck", "here", "keyed", "main", "another of main"}


def test_a_name_that_was_purged_is_given_anew(house):
    visit(house, "Ada")
    assert purge(house, "workers") == 1 and people(house) == set()
    house.newcomer(nickname="Ada")
    assert people(house) == {"Ada"}


@pytest.mark.parametrize("tie", [
    "update tracker.person set done = 1 where id = {}", "update tracker.person set withdrawn = 1 where id = {}",
    "update tracker.person set claimed = now() where id = {}", "update tracker.person set hidden = true where id = {}",
    "update tracker.person set erased = true where id = {}",
    "insert into tracker.credit (person, stage, minute, slot, done) values ({}, 1, now(), 0, 1)",
    "insert into tracker.invite (hash, until, used, person) values (gen_random_uuid(), now(), now(), {})",
    "insert into tracker.person_key (person, hash, revoked) values ({}, gen_random_uuid(), now())",
    "insert into tracker.refused_output (stage, job, worker, person, reason, data, lease, started, finished, attempt, refused)"
    " values (1, 1, 0, {}, '', '', gen_random_uuid(), now(), now(), 1, now())"])
def test_a_name_stays_while_one_thing_is_known_of_it(house, tie):
    house.lawful = False
    visit(house, "Ada")
    visit(house, "Bob")
    house.rows(tie.format("(select id from tracker.person where nickname = 'Ada')"))
    purge(house, "workers")
    assert people(house) == {"Ada"}


def test_what_kept_its_credit_is_not_counted_as_sent_back_when_it_is_purged(house):
    """Nor before."""
    def told():
        (label,) = house.rows("select done from tracker.list_labels()")
        return label.done, house.value("select tracker.count_sent_back(%s)", ada.id)

    house.load(3)
    ada = house.worker(nickname="Ada", label="1.5")
    make(house, ada, 3)
    undo = house.value("select tracker.undo_begin('Ada', null, null, null, null, null, null, 'no fault of theirs', true, null)")
    house.rows("select * from tracker.undo_step(%s, 10)", undo)
    assert told() == (3, 0)
    bob = house.worker(nickname="Bob", label="1.5")
    make(house, bob, 3)
    age(house)
    assert purge(house, "results") == 3
    assert told() == (6, 0)


def test_of_a_failure_that_would_be_purged_the_stage_must_be_done(house):
    house.load(1)
    ada = house.worker(nickname="Ada")
    make(house, ada, 1)
    bob = house.worker(2, nickname="Bob")
    house.back(bob, house.take(bob)[0])
    age(house)
    assert tuple(house.rows("select strikes, results from tracker.count_purge(%s)", 30 * DAY)[0]) == (0, 0)
    assert purge(house, "strikes") == 0


@pytest.mark.parametrize("kind, table", [("strikes", "strike"), ("results", "refused_output"), ("workers", "worker")])
@pytest.mark.parametrize("look", [3, 4, 5, 6])
def test_a_bite_that_finds_fewer_than_it_looked_for_is_the_last(house, kind, table, look):
    """Of four rows that are old; what is younger by a minute stays."""
    house.lawful = False
    house.load(5)
    house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
               " select 1, n, 99, 1, 1, gen_random_uuid(), now(), now(), '' from generate_series(1, 5) n")
    for n in range(1, 6):
        w = house.worker()
        house.rows("update tracker.worker set gone_at = now() - interval '1 day' - %s::interval where id = %s", "-1 minute" if n == 5 else "1 minute", w.id)
        house.rows("insert into tracker.strike (stage, job, kind, at) values (1, %s, 'requeued', now() - interval '1 day' - %s::interval)", n,
                   "-1 minute" if n == 5 else "1 minute")
        house.rows("insert into tracker.refused_output (stage, job, worker, person, attempt, lease, started, finished, refused, reason, data)"
                   " values (1, %s, 99, 1, 1, gen_random_uuid(), now(), now(), now() - interval '1 day' - %s::interval, '', '')", n,
                   "-1 minute" if n == 5 else "1 minute")
    (r,) = house.rows("select * from tracker.purge_old(%s, %s, 0, %s, null)", kind, DAY, look)
    assert (r.purged, house.value(f"select count(*) from tracker.{table}")) == (min(look, 4), 5 - min(look, 4))
    assert (r.last is not None) == (look <= (5 if kind == "workers" else 4))  # of workers those that stay are looked at, too
