"""Where a worker comes from, and who is shown the door."""

import threading

import psycopg2
import pytest

from house import House, Item


def ban(house, person=None, address=None, label=None, worker=None, stage=None, words="not welcome", until=None):
    return house.rows("select * from tracker.ban_strangers(%s, %s::cidr, %s, %s, %s::int2, %s, %s)",
                      person, address, label, worker, stage, words, until)


def opens(house, nickname="Ada", address="192.0.2.7", label=""):
    """What a registration hears."""
    (r,) = house.open_from(house.stranger(1, nickname), address, label)
    return r.status, r.words


def origin_of(house, address):
    w = house.worker(address=address)
    r = house.row(w)
    return r.origin, r.network


# ---- origins

@pytest.mark.parametrize("one, other, origins, networks", [
    ("192.0.2.7", "192.0.2.7", True, True),
    ("192.0.2.7", "192.0.2.8", False, True),
    ("192.0.2.7", "192.0.3.7", False, False),
    ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True, True),
    ("2001:db8:0:1::1", "2001:db8:0:2::1", False, True),
    ("2001:db8:0:1::1", "2001:db8:0:101::1", False, False),
])
def test_addresses_are_told_apart_by_their_prefix(house, one, other, origins, networks):
    a, b = origin_of(house, one), origin_of(house, other)
    assert (a[0] == b[0], a[1] == b[1]) == (origins, networks)


def test_a_hash_needs_the_projects_secret(house):
    before = origin_of(house, "192.0.2.7")
    secret = house.value("select secret from tracker.project")
    house.rows("update tracker.project set secret = sha256(secret)")
    try:
        assert origin_of(house, "192.0.2.7") != before
    finally:
        house.rows("update tracker.project set secret = %s", secret)


def test_a_worker_without_an_address_has_no_origin(house):
    assert origin_of(house, None) == (None, None)


# ---- bans

def test_a_banned_person_is_told_so_and_leaves_no_row(house):
    ban(house, person="Mallory", words="you made it up")
    assert opens(house, "Mallory") == ("banned", "you made it up")
    assert opens(house, "Ada") == ("opened", None)
    assert house.value("select count(*) from tracker.person where nickname = 'Mallory'") == 0


@pytest.mark.parametrize("net, inside, outside", [
    ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
    ("192.0.2.7/32", "192.0.2.7", "192.0.2.8"),
    ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
])
def test_a_network_is_banned_whole(house, net, inside, outside):
    ban(house, address=net)
    assert opens(house, address=inside)[0] == "banned"
    assert opens(house, address=outside)[0] == "opened"
    assert opens(house, address=None)[0] == "opened"


def test_who_is_here_from_a_network_goes_with_it(house):
    inside, outside = house.newcomer(address="192.0.2.5"), house.newcomer(address="192.0.3.5")
    rows = house.rows("select * from tracker.ban_strangers(null, '192.0.2.0/24', null, null, null, 'go', null)")
    assert [r.token for r in rows] == [inside.token]
    assert house.row(outside).gone_at is None


def test_a_release_is_banned_by_its_label(house):
    ban(house, label="warc2tar 1.4")
    assert opens(house, label="WARC2tar 1.4")[0] == "banned"
    assert opens(house, label="warc2tar 1.5")[0] == "opened"
    assert opens(house, label="")[0] == "opened"


def test_a_ban_ends_workers_and_frees_their_jobs_at_once(house):
    house.load(3)
    mallory, ada = house.worker(nickname="Mallory"), house.worker(nickname="Ada")
    house.take(mallory, 2)
    kept = house.take(ada)[0]
    (gone,) = ban(house, person="Mallory")
    assert (gone.token, gone.freed) == (mallory.token, 2)
    assert house.row(mallory).gone_why == "banned"
    assert house.rows("select attempt, due <= clock_timestamp() from tracker.retry") == [(1, True)] * 2
    assert house.done(ada, kept) == "accepted"


def test_the_late_result_of_a_banned_worker_is_refused(house):
    house.load(1)
    mallory = house.worker(nickname="Mallory")
    job = house.take(mallory)[0]
    ban(house, person="Mallory")
    assert house.done(mallory, job) == "fenced"
    assert house.counts(1).done == 0


def test_one_worker_is_banned_by_its_name(house):
    one, other = house.worker(name="a-b-1"), house.worker(name="a-b-2")
    assert [r.token for r in ban(house, worker="a-b-1", stage=1)] == [one.token]
    assert house.row(other).gone_at is None


def test_a_ban_ends_by_itself(house):
    ban(house, person="Mallory", until="tomorrow")
    assert opens(house, "Mallory")[0] == "banned"
    assert len(house.rows("select from tracker.list_bans(false)")) == 1
    house.rows("update tracker.ban set until = clock_timestamp() - interval '1 second'")
    assert opens(house, "Mallory")[0] == "opened"
    assert house.rows("select whom from tracker.list_bans(false)") == []
    assert house.rows("select whom from tracker.list_bans(true)") == [("person Mallory",)]


def test_a_ban_is_lifted_once(house):
    ban(house, person="Mallory")
    number = house.value("select id from tracker.ban")
    assert house.value("select tracker.lift_ban(%s)", number) is True
    assert house.value("select tracker.lift_ban(%s)", number) is False
    assert opens(house, "Mallory")[0] == "opened"
    assert house.rows("select act from tracker.audit order by id") == [("ban",), ("unban",)]
    assert house.rows("select whom from tracker.list_bans(false)") == []
    assert house.rows("select whom from tracker.list_bans(true)") == [("person Mallory",)]


@pytest.mark.parametrize("which", [{}, {"person": "a", "label": "b"}, {"label": ""}, {"person": "a", "words": ""},
                                   {"person": "a", "words": None}, {"person": "a", "until": "yesterday"},
                                   {"worker": "nobody", "stage": 1}])
def test_half_a_ban_is_refused(house, which):
    with pytest.raises(psycopg2.Error) as e:
        ban(house, **which)
    assert e.value.pgcode == "TR002"
    assert house.value("select count(*) from tracker.ban") == 0


def test_who_registers_while_the_ban_is_made_does_not_slip_through(house, server):
    other = server.connect()
    other.autocommit = False
    slow = House(other)
    slow.worker(nickname="Mallory")  # not committed yet
    made = threading.Thread(target=lambda: ban(house, person="Mallory"))
    made.start()
    made.join(0.5)
    assert made.is_alive()
    other.commit()
    made.join()
    other.close()
    assert house.rows("select gone_why from tracker.worker") == [("banned",)]


# ---- addresses are forgotten

def test_the_address_of_who_is_gone_is_forgotten_in_time(house):
    here, gone, banned = (house.worker(nickname=n) for n in ("here", "gone", "banned"))
    house.bye(gone)
    ban(house, person="banned")
    house.rows("update tracker.worker set gone_at = gone_at - interval '8 days'")
    assert house.value("select tracker.forget_addresses(%s)", 7 * 86400) == 1
    assert [house.row(w).address is None for w in (here, gone, banned)] == [False, True, False]
    house.rows("update tracker.worker set gone_at = now() - interval '30 days' + interval '10 minutes' where gone_why = 'banned'")
    assert house.value("select tracker.forget_addresses(%s)", 7 * 86400) == 0
    house.rows("update tracker.worker set gone_at = gone_at - interval '11 minutes'")
    assert house.value("select tracker.forget_addresses(%s)", 7 * 86400) == 1
    assert house.row(gone).origin is not None


def test_labels_and_origins_are_listed_the_worst_first(house):
    house.load(4)
    good, bad = house.worker(label="1.5", address="192.0.2.1"), house.worker(label="1.4", address="2001:db8::1")
    for job in house.take(good, 2):
        house.done(good, job)
    for job in house.take(bad, 2):
        house.back(bad, job)
    assert [tuple(r) for r in house.rows("select * from tracker.list_labels()")] == [
        ("1.4", 1, 1, 1, 0, 2), ("1.5", 1, 1, 1, 2, 0)]
    house.bye(bad)
    house.worker(address="192.0.2.1", nickname="Bob")
    assert [tuple(r) for r in house.rows("select * from tracker.list_origins()")] == [
        ("2001:db8::/64", 0, 1, 1, 0, 2), ("192.0.2.1", 2, 2, 2, 2, 0)]


def test_who_was_merged_is_one_of_those_who_run_a_release(house):
    for name in ("Ada", "Countess", "Bob"):
        house.worker(nickname=name, label="1.5")
    house.rows("update tracker.person set merged_into = (select id from tracker.person where nickname = 'Ada') where nickname = 'Countess'")
    assert house.rows("select workers, people from tracker.list_labels()") == [(3, 2)]


# ---- a release, as sync says it

def says(house, *pairs):
    """The answer to workers who say what they run."""
    return house.rows("select * from tracker.say_words(%s::uuid[], %s::text[], %s::text[])",
                      [w.token for w, _ in pairs], [None] * len(pairs), [label for _, label in pairs])


@pytest.mark.parametrize("label", ["warc2tar 1.4", "WARC2tar 1.4"])
def test_who_says_that_it_runs_what_is_banned_is_gone_at_once(house, label):
    house.load(9)
    ban(house, label="warc2tar 1.4")
    one, other = house.newcomer(), house.newcomer()
    house.take(one, 3)
    house.take(other)
    rows = says(house, (one, label), (other, "warc2tar 1.5"))
    assert sorted((r.item, r.worker, r.gone, r.freed) for r in rows) == [(0, one.id, 1, 3), (2, other.id, None, None)]
    assert house.row(one).gone_why == "banned" and house.row(other).gone_at is None
    assert house.value("select count(*) from tracker.retry where due <= clock_timestamp()") == 3
    assert house.row(one).struck == 0
    assert says(house, (one, label)) == []


def test_so_is_who_keeps_the_label_under_which_it_brought_something(house):
    house.load(9)
    w = house.newcomer(label="warc2tar 1.3")
    house.done(w, house.take(w)[0])
    ban(house, label="warc2tar 1.4")
    assert [r.gone for r in says(house, (w, "warc2tar 1.4"))] == [1]
    assert house.row(w).label == "warc2tar 1.3"


@pytest.mark.parametrize("back", [True, False])
def test_a_ban_finds_who_has_said_the_label_since(house, back):
    house.load(9)
    w = house.newcomer(label="warc2tar 1.3")
    house.done(w, house.take(w)[0])
    says(house, (w, "warc2tar 1.4"))
    if back:
        says(house, (w, "warc2tar 1.3"))
    gone = [r.token for r in ban(house, label="Warc2tar 1.4")]
    assert gone == ([] if back else [w.token])


@pytest.mark.parametrize("how", ["lifted", "over", "of somebody", "of another"])
def test_a_ban_that_does_not_hold_ends_nobody(house, how):
    if how == "of somebody":
        ban(house, person="Mallory")
    else:
        ban(house, label="warc2tar 1.4 beta" if how == "of another" else "warc2tar 1.4")
    if how == "lifted":
        house.rows("update tracker.ban set lifted = now()")
    elif how == "over":
        house.rows("update tracker.ban set until = now() - interval '1 second'")
    w = house.newcomer()
    assert [(r.item, r.gone) for r in says(house, (w, "warc2tar 1.4"))] == [(1, None)]


def test_who_is_banned_hears_until_when(house):
    ban(house, person="Mallory", words="you made it up", until="2036-01-01 12:30 UTC")
    assert opens(house, "Mallory") == ("banned", "you made it up (until 2036-01-01 12:30 UTC)")


def test_of_the_workers_of_a_stage_the_one_that_is_named_is_banned(house):
    first, second, other = house.worker(), house.worker(), house.worker(2, name="there")
    assert [r.token for r in ban(house, worker=second.name, stage=1)] == [second.token]
    with pytest.raises(psycopg2.Error) as e:
        ban(house, worker=other.name, stage=1)
    assert e.value.pgcode == "TR002" and house.row(first).gone_at is None and house.row(other).gone_at is None
