"""Where many come from who have brought nothing yet: what the next ones from there may have, and what they wait for."""

import pytest

from house import Item

HERE, THERE = "192.0.2.1", "198.51.100.1"


@pytest.fixture(autouse=True)
def _rests(house):
    house.rests = True
    yield
    house.rests = False


def count(house):
    return house.value("select tracker.count_newcomers()")


def network(house, worker):
    return (house.rows("select n.* from tracker.network n join tracker.worker w on w.origin = n.origin where w.id = %s", worker.id) or [None])[0]


def come(house, many, address=HERE, **more):
    """So many at once."""
    strangers = [house.stranger(nickname=more.pop("nickname", "anonymous")) for _ in range(many)]
    rows = house.open(strangers, [address] * many, **more)
    for w, r in zip(strangers, rows):
        w.id = r.worker
    return strangers, [r.status for r in rows]


def arrive(house, most=1000, nickname="anonymous", address=HERE, key=None):
    """The status of one more."""
    w = house.stranger(nickname=nickname)
    house.newcomers_most = most
    house.keep_policy()
    (r,) = house.rows("select * from tracker.open_workers(%s::uuid[], %s, %s::int2[], %s, %s, array[''], keys => %s::uuid[])",
                      [w.token], [w.name], [w.stage], [w.nickname], [address], [key])
    w.id = r.worker
    return r.status, w


def bad(house, worker, kind="failed"):
    house.end_rests()
    house.make_due()
    house.back(worker, house.take(worker)[0], kind)


def good(house, worker):
    house.end_rests()
    assert house.done(worker, house.take(worker)[0]) == "accepted"


# ---- too many

def test_a_thousand_of_one_nickname_and_address_come_at_once(house):
    _, statuses = come(house, 1000)
    assert set(statuses) == {"opened"}
    count(house)
    assert arrive(house)[0] == "opened"


def test_over_the_limit_the_next_one_waits_and_leaves_no_row(house):
    come(house, 31)
    count(house)
    assert arrive(house, 30, nickname="visitor 7")[0] == "crowded"
    assert house.value("select count(*) from tracker.worker") == 31
    assert house.value("select count(*) from tracker.person where nickname = 'visitor 7'") == 0


def test_at_the_limit_it_comes_in(house):
    come(house, 30)
    count(house)
    assert arrive(house, 30)[0] == "opened"


def test_from_another_address_it_comes_in(house):
    come(house, 31)
    count(house)
    assert arrive(house, 30, address=THERE)[0] == "opened"
    assert arrive(house, 30, address=None)[0] == "opened"


def test_who_brings_a_result_is_no_newcomer_and_makes_room(house):
    house.load(40)
    workers, _ = come(house, 31)
    good(house, workers[0])
    count(house)
    assert arrive(house, 30)[0] == "opened"


@pytest.mark.parametrize("how", ["bye", "silence"])
def test_who_goes_or_is_not_heard_again_makes_room(house, how):
    workers, _ = come(house, 31)
    if how == "bye":
        house.bye(*workers)
    else:
        house.pass_time(601)
    count(house)
    assert arrive(house, 30)[0] == "opened"


def test_who_has_a_key_is_not_held_up_by_neighbours(house):
    ada = house.newcomer(nickname="Ada", address=THERE)
    house.rows("select tracker.claim_person(%s, '{}', 'mark', md5('key')::uuid, 'laptop')", house.row(ada).person)
    come(house, 31)
    count(house)
    key = house.value("select md5('key')::uuid")
    status, w = arrive(house, 30, nickname="Ada", key=key)
    assert status == "opened" and house.row(w).allowance == 8
    assert arrive(house, 30, nickname="Ada")[0] == "no_key"


def test_the_same_token_again_is_opened_though_all_is_full(house):
    workers, _ = come(house, 31)
    count(house)
    assert arrive(house, 30)[0] == "crowded"
    assert house.open([workers[3]], [HERE])[0].status == "opened"


def test_an_earlier_tracker_that_starts_leaves_the_limit_as_it_is(house):
    come(house, 31)
    count(house)
    assert arrive(house, 30)[0] == "crowded"
    house.rows("select tracker.settle_policy(10, 5, 30, 3600)")
    assert house.value("select newcomers_most from tracker.policy") == 30


# ---- many

@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("before, slots, allowance", [(20, 0, 8), (21, 0, 4), (21, 64, 32), (21, 1, 4), (21, 1000, 128)])
def test_with_more_than_twenty_newcomers_the_next_begin_with_half(house, before, slots, allowance, counted):
    come(house, before)
    if counted:
        count(house)
    w = house.newcomer(slots=slots)
    assert house.row(w).allowance == allowance
    assert house.row(house.newcomer(address=THERE)).allowance == 8


def test_those_who_come_at_once_are_counted_as_they_come(house):
    """Fifty tokens of one address in one moment, and some of another."""
    house.newcomers_most = 60
    house.keep_policy()
    workers, _ = come(house, 50)
    there, _ = come(house, 5, THERE)
    assert [house.row(w).allowance for w in workers] == [8] * 21 + [4] * 20 + [1] * 9
    assert {house.row(w).allowance for w in there} == {8}
    _, statuses = come(house, 20)
    assert statuses == ["opened"] * 11 + ["crowded"] * 9


def test_who_comes_beside_many_of_other_places_is_counted_with_its_own(house):
    strangers = [house.stranger() for _ in range(60)]
    house.open(strangers, [f"198.51.100.{n}" for n in range(30)] + [HERE] * 30)
    assert [house.row(w).allowance for w in strangers] == [8] * 51 + [4] * 9


def test_who_began_with_half_gets_around_it_by_no_word(house):
    house.load(300)
    come(house, 21)
    count(house)
    w = house.newcomer()
    assert len([r for r in house.want(w, 300, slots=256) if r.status == "job"]) == 4
    assert house.row(w).slots == 8


def test_results_double_it_back(house):
    """As many as it held bring it back to where others begin, and what it says then holds."""
    house.load(300)
    come(house, 21)
    count(house)
    w = house.newcomer()
    jobs = house.take(w, 4)
    house.complete([Item(w.token, j.job, j.lease) for j in jobs])
    assert house.row(w).allowance == 8
    assert len([r for r in house.want(w, 300, slots=64) if r.status == "job"]) == 64


def test_a_thousand_tokens_of_one_address_do_not_have_all_the_work(house):
    """Each says that it has 256 slots, and asks for all; it had 130,000 jobs, and could keep them."""
    house.load(20000)
    workers, _ = come(house, 1000, slots=[256] * 1000)
    for w in workers[::7]:
        house.want(w, 1000, slots=256)
    assert house.value("select sum(allowance) from tracker.worker") == 21 * 256 + 20 * 128 + 959
    assert max(house.row(w).holds for w in workers[42::7]) == 1


def test_who_began_with_one_is_taken_at_its_word_after_its_first_result(house):
    house.load(300)
    come(house, 41)
    count(house)
    w = house.newcomer(slots=64)
    (job,) = [r for r in house.want(w, 300, slots=64) if r.status == "job"]
    assert [r.status for r in house.want(w, 300, slots=64)] == ["full"]
    assert house.done(w, job) == "accepted"
    assert len([r for r in house.want(w, 300, slots=64) if r.status == "job"]) == 64


# ---- bad ones

def spoil(house, many, kind="failed", address=HERE):
    """So many in a row bring nothing but one bad end each."""
    workers = []
    for _ in range(many):
        w = house.newcomer(address=address)
        bad(house, w, kind)
        workers.append(w)
    house.end_rests()
    return workers


def test_after_twenty_bad_newcomers_in_a_row_the_next_ones_rest(house):
    house.load(100)
    spoil(house, 19)
    count(house)
    assert house.rest_s(house.newcomer()) == 0
    spoil(house, 1)
    count(house)
    assert house.rest_s(house.newcomer()) == 2
    assert house.rest_s(house.newcomer(address=THERE)) == 0
    spoil(house, 5)
    count(house)
    w = house.newcomer()
    assert house.rest_s(w) == 64
    (r,) = house.want(w)
    assert (r.status, r.attempt) == ("rest", 0)


def test_the_rest_of_an_origin_begins_with_its_last_bad_end(house):
    house.load(100)
    spoil(house, 25)
    house.rows("update tracker.strike set at = at - interval '50 minutes' where id < (select max(id) from tracker.strike)")
    count(house)
    assert house.rest_s(house.newcomer()) == 64


def test_the_rest_of_an_origin_ends_at_an_hour(house):
    house.load(100)
    spoil(house, 60)
    count(house)
    assert 3590 <= house.rest_s(house.newcomer()) <= 3600


def test_counting_again_makes_it_no_longer(house):
    house.load(100)
    spoil(house, 24)
    count(house)
    house.rows("update tracker.strike set at = at - interval '20 seconds'")
    count(house)
    assert house.rest_s(house.newcomer()) == 12


def test_a_result_from_there_ends_it_for_all_who_had_it_from_there(house):
    house.load(100)
    old = house.newcomer()
    (held,) = house.take(old)
    spoil(house, 25)
    count(house)
    heir = house.newcomer()
    own = house.newcomer()
    house.rows("update tracker.worker set bad_row = 5 where id = %s", own.id)
    assert house.rest_s(heir) == 64
    assert house.done(old, held) == "accepted"
    count(house)
    assert house.rest_s(heir) == 0 and house.rest_s(own) > 0
    assert house.rest_s(house.newcomer()) == 0


def test_only_those_since_the_last_result_are_in_a_row(house):
    house.load(100)
    spoil(house, 15)
    good(house, house.newcomer())
    spoil(house, 15)
    count(house)
    assert house.rest_s(house.newcomer()) == 0


def test_who_has_a_key_has_no_rest_from_neighbours(house):
    house.load(100)
    ada = house.newcomer(nickname="Ada", address=THERE)
    house.rows("select tracker.claim_person(%s, '{}', 'mark', md5('key')::uuid, 'laptop')", house.row(ada).person)
    spoil(house, 25)
    count(house)
    status, w = arrive(house, nickname="Ada", key=house.value("select md5('key')::uuid"))
    assert status == "opened" and house.rest_s(w) == 0


@pytest.mark.parametrize("kind", ["undelivered", "bye", "silence"])
def test_what_is_nobodys_fault_makes_no_bad_newcomer(house, kind):
    house.load(100)
    for _ in range(25):
        w = house.newcomer()
        (job,) = house.take(w)
        if kind == "bye":
            house.bye(w)
        elif kind == "silence":
            house.time_out(w)
        else:
            house.back(w, job, kind, str(house.value("select max(call) from tracker.lease")))
        house.make_due()
    count(house)
    assert house.rest_s(house.newcomer()) == 0


def test_where_the_work_is_to_blame_no_origin_rests(house):
    house.load(1000, name="bad")
    workers = [house.newcomer() for _ in range(25)]
    house.rows("select tracker.count_crowd()")
    for w in workers:
        bad(house, w)
    assert len(house.rows("select * from tracker.judge_batches()")) == 1
    count(house)
    assert network(house, workers[0]).bad == 0
    house.load(100, name="good")
    assert house.want(house.newcomer())[0].status == "job"


def test_an_operator_who_ends_the_rest_of_an_heir_ends_it(house):
    house.load(100)
    spoil(house, 25)
    count(house)
    heir = house.newcomer()
    assert house.value("select seconds from tracker.end_rest_of(%s)", heir.id) > 0
    assert house.want(heir)[0].status == "job"


# ---- honest ones

def test_a_node_that_crash_loops_beside_sixty_good_ones_of_its_campus(house):
    """It registers, takes a job, fails it and dies, over and over: nobody else has to wait or to rest."""
    house.load(3000)
    house.backoff_s = house.backoff_max_s = 0
    nodes = [house.newcomer(nickname="campus") for _ in range(60)]
    for turn in range(30):
        crashing = house.newcomer(nickname="campus")
        house.back(crashing, house.take(crashing)[0], "failed", "exit 139")
        for w in nodes[turn % 3::3]:
            assert house.want(w)[0].status == "job"
            (job,) = house.rows("select stage, job, id as lease from tracker.lease where worker = %s limit 1", w.id)
            assert house.done(w, job) == "accepted"
        count(house)
    assert all(house.rest_s(w) == 0 for w in nodes)
    fresh = house.newcomer(nickname="campus")
    assert house.rest_s(fresh) == 0 and house.want(fresh)[0].status == "job"
    # Of each hundred jobs that were handed out the node that crashes got a few, and failed none for good.
    assert house.counts(1).failed == 0


def test_rows_of_origins_that_tell_nothing_are_not_kept(house):
    house.load(100)
    workers, _ = come(house, 25)
    come(house, 3, THERE)
    assert count(house) == 1
    house.bye(*workers)
    assert count(house) == 0
    assert house.value("select count(*) from tracker.network") == 0


def test_a_site_that_starts_anew_is_no_crowd_of_strangers(house):
    """Thirty fleets with results say bye, and come again within the hour: each begins with all of its slots."""
    house.load(100)
    fleets = [house.newcomer(slots=64) for _ in range(30)]
    for f in fleets:
        good(house, f)
    count(house)
    house.bye(*fleets)
    for _ in range(6):
        count(house)
    assert {house.row(house.newcomer(slots=64)).allowance for _ in range(30)} == {64}


@pytest.mark.parametrize("gone", [True, False])
def test_those_who_have_results_make_room_for_as_many_newcomers(house, gone):
    """Beside the newcomers of a cluster whose jobs are long, machines that have shown that they work start anew."""
    house.load(100)
    fleets = [house.newcomer(slots=64) for _ in range(12)]
    for f in fleets:
        good(house, f)
    come(house, 31)
    count(house)
    if gone:
        house.bye(*fleets)
    statuses = [arrive(house, 30)[0] for _ in range(14)]
    assert statuses.count("opened") == 12 and statuses[12:] == ["crowded"] * 2


def test_those_who_went_are_forgotten_in_about_an_hour(house):
    house.load(100)
    fleets = [house.newcomer() for _ in range(12)]
    for f in fleets:
        good(house, f)
    count(house)
    house.bye(*fleets)
    house.rows("select setseed(0.5)")
    calls = next(n for n in range(5000) if not count(house))
    assert 30 < calls < 720


# ---- what is written of a network, at its edges

@pytest.mark.parametrize("here, good, told", [(9, 0, None), (10, 0, (10, 0)), (9, 10, (9, 10)), (0, 9, None), (0, 10, (0, 10))])
def test_ten_are_enough_to_be_counted(house, here, good, told):
    """Newcomers, or those who have brought something, of whom one may be forgotten."""
    house.lawful = False
    workers, _ = come(house, here + good)
    house.rows("update tracker.worker set done = 1 where id = any (%s)", [w.id for w in workers[:good]])
    count(house)
    row = network(house, workers[0])
    assert (row and (row.newcomers, row.good)) == told


@pytest.mark.parametrize("silent, counted", [("9 minutes", True), ("10 minutes 1 second", False)])
def test_a_newcomer_counts_while_it_was_heard_within_ten_minutes(house, silent, counted):
    house.lawful = False
    workers, _ = come(house, 12)
    house.rows("update tracker.worker set seen = seen - %s::interval", silent)
    count(house)
    assert bool(network(house, workers[0])) == counted


@pytest.mark.parametrize("ends, age, rests", [(19, "0", False), (20, "0", True), (20, "59 minutes", True), (20, "61 minutes", False)])
def test_twenty_bad_ones_within_an_hour_make_their_network_rest(house, ends, age, rests):
    house.lawful = False
    workers, _ = come(house, 20)
    house.rows("update tracker.worker set bad_row = 1 where id = any (%s)", [w.id for w in workers[:ends]])
    house.rows("insert into tracker.strike (stage, job, worker, person, kind, at) select 1, 1, w.id, w.person, 'failed', now() - %s::interval"
               " from tracker.worker w where w.bad_row > 0", age)
    count(house)
    row = network(house, workers[0])
    assert (row.bad, row.newcomers) == (20 if rests else 0, 20)
    assert house.value("select rest_until > '-infinity' from tracker.network") == rests
    if rests:
        good_one = house.worker(address=HERE)
        house.rows("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data) select 1, 1, w.id, w.person, 1,"
                   " gen_random_uuid(), now(), now(), '' from tracker.worker w where w.id = %s", good_one.id)
        count(house)
        assert network(house, workers[0]).bad == 0


@pytest.mark.parametrize("before, allowance, slots", [(20, 8, 8), (21, 4, 8), (40, 4, 8), (41, 1, 2)])
def test_what_the_next_one_begins_with_is_by_how_many_there_are(house, before, allowance, slots):
    come(house, before)
    w = house.row(house.newcomer())
    assert (w.allowance, w.slots) == (allowance, slots)
