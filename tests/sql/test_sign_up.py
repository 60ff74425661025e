"""Who gets a name by /join, and why not: each reason, and its exact edges."""

import uuid

import pytest

from house import hash_of

MARK = "72.1 15.0"


def look(name):
    """Names are alike here when they are so in lower case."""
    return hash_of(name.lower())


def ask(house, name, *, before=None, address="192.0.2.1", token=None, invite=None, must_invite=False, tidy=True):
    """(status, the name, words)"""
    (r,) = house.rows(
        "select * from tracker.sign_up(%s, %s, %s::uuid[], %s, %s, 'the first one', %s::inet, %s, %s, %s)",
        name if tidy else None, before or name, [look(name)] * 2, MARK, uuid.uuid4(), address, token, invite, must_invite)
    return r.status, r.name, r.words


def status(house, name, **more):
    return ask(house, name, **more)[0]


def works(house, worker):
    """One job done, whose credit is not folded yet."""
    house.load(1)
    assert house.done(worker, house.take(worker)[0]) == "accepted"


def keys(house):
    return house.value("select count(*) from tracker.person_key")


def test_a_new_name_is_made_and_is_somebodys_from_then_on(house):
    assert ask(house, "Ada") == ("made", "Ada", None)
    assert status(house, "Ada") == "taken"
    assert house.rows("select k.label, p.nickname, p.claimed is not null from tracker.person_key k"
                      " join tracker.person p on p.id = k.person") == [("the first one", "Ada", True)]


def test_who_was_merged_into_somebody_with_a_key_is_taken(house):
    house.newcomer(nickname="Bob")
    assert status(house, "Ada") == "made"
    house.value("select tracker.merge_people('Bob', 'Ada')")
    assert status(house, "Bob") == "taken"


def test_of_the_two_ways_to_write_it_the_one_that_is_somebodys_counts(house):
    house.rows("insert into tracker.person (nickname, claimed) values ('Ada', null), ('Ada ', clock_timestamp())")
    assert status(house, "Ada", before="Ada ") == "taken"


def test_what_may_be_no_new_name_is_one_only_of_somebody_who_was_here(house):
    assert status(house, "A\u200bda", tidy=False) == "no_name"
    house.rows("insert into tracker.person (nickname) values (E'A\\u200bda')")
    assert ask(house, "A\u200bda", tidy=False) == ("made", "A\u200bda", None)


def test_with_a_key_the_names_of_before_are_guarded_too(house):
    """Whatever looks like one of them is nobody else's."""
    ada = house.row(house.newcomer(nickname="Ada")).person
    house.rows("insert into tracker.person (nickname, merged_into) values ('Adah', %s)", ada)
    house.rows("insert into tracker.look (skeleton, person) select md5('adah')::uuid, id from tracker.person where nickname = 'Adah'")
    whose = "select tracker.name_of('Aclah', array[md5('adah')::uuid], null, false)"
    assert house.value(whose) == "Aclah"
    assert house.value("select tracker.claim_person(%s, array[md5('ada')::uuid], 'mark', md5('key')::uuid, '')", ada) is None
    assert house.value(whose) is None


def test_who_worked_shows_the_token_of_a_worker_of_that_name(house):
    ada, bob = house.newcomer(nickname="Ada"), house.newcomer(nickname="Bob")
    works(house, ada)
    assert status(house, "Ada") == "worked"
    assert status(house, "Ada", token=uuid.uuid4()) == "no_token"
    assert status(house, "Ada", token=bob.token) == "no_token"
    assert keys(house) == 0
    assert status(house, "Ada", token=ada.token) == "made"


def test_a_worker_that_left_proves_nothing_and_its_results_are_still_somebodys(house):
    ada = house.newcomer(nickname="Ada")
    works(house, ada)
    house.bye(ada)
    assert status(house, "Ada", token=ada.token) == "no_token"
    house.end_minute()
    house.fold()
    assert status(house, "Ada") == "worked"


def test_who_is_at_work_for_the_first_time_has_the_name_already(house):
    ada = house.newcomer(nickname="Ada")
    assert status(house, "Ada") == "worked"
    house.bye(ada)
    assert status(house, "Ada") == "made"


def test_a_name_of_several_networks_is_for_an_operator(house):
    ada = house.newcomer(nickname="Ada", address="192.0.2.1")
    beside = house.newcomer(nickname="Ada", address="192.0.2.77")
    assert beside and house.value("select count(distinct network) from tracker.worker") == 1
    other = house.newcomer(nickname="Ada", address="198.51.100.1")
    assert status(house, "Ada", token=ada.token) == "several"
    house.bye(other)
    assert status(house, "Ada", token=ada.token) == "several"  # for thirty days
    house.rows("update tracker.worker set seen = seen - interval '31 days' where token = %s", other.token)
    assert status(house, "Ada", token=ada.token) == "made"


@pytest.mark.parametrize("nickname, address, now, said", [
    ("Ada", "198.51.100.1", "seen = seen", "several"), ("Bob", "198.51.100.1", "done = 1", "made"), ("Ada", "192.0.2.77", "done = 1", "made"),
    ("Ada", None, "seen = seen", "several"), ("Ada", "198.51.100.1", "seen = seen - interval '31 days'", "several"),
    ("Ada", "198.51.100.1", "gone_at = seen, gone_why = 'bye', seen = seen - interval '29 days'", "several"),
    ("Ada", "198.51.100.1", "gone_at = seen, gone_why = 'bye', seen = seen - interval '31 days'", "made"),
    ("Ada", "198.51.100.1", "gone_at = seen, gone_why = 'bye', seen = seen - interval '31 days', done = 1", "several")])
def test_a_name_is_of_one_place_with_all_who_work_or_did_lately_or_brought_results(house, nickname, address, now, said):
    house.newcomer(nickname="Cyd", address="203.0.113.9")  # and did much, and has nothing to do with it
    house.rows("update tracker.person set done = 7 where nickname = 'Cyd'")
    ada = house.newcomer(nickname="Ada", address="192.0.2.1")
    other = house.newcomer(nickname=nickname, address=address)
    house.rows(f"update tracker.worker set {now} where id = %s", other.id)
    house.lawful = False
    assert status(house, "Ada", token=ada.token) == said


def test_who_works_alone_from_nobody_knows_where_is_of_one_place(house):
    ada = house.newcomer(nickname="Ada", address=None)
    assert status(house, "Ada", token=ada.token) == "made"


@pytest.mark.parametrize("beside", [False, True])
def test_who_brought_the_results_of_a_name_must_be_known_and_is_nobody_of_another(house, beside):
    ada = house.newcomer(nickname="Ada")
    house.rows("update tracker.person set done = 3 where nickname = 'Ada'")  # of machines that are no more
    house.lawful = False
    if beside:
        works(house, house.newcomer(nickname="Bob"))
    assert status(house, "Ada", token=ada.token) == "several"
    works(house, ada)
    assert status(house, "Ada", token=ada.token) == "made"


@pytest.mark.parametrize("folded", [False, True])
def test_what_looks_like_somebody_who_worked_is_refused_by_that_name(house, folded):
    ada = house.newcomer(nickname="Ada")
    house.rows("update tracker.person set looked = %s", MARK)
    house.rows("insert into tracker.look (skeleton, person, claimed) select %s, id, false from tracker.person", look("Ada"))
    works(house, ada)
    if folded:
        house.end_minute()
        house.fold()
    assert ask(house, "ADA") == ("alike", "Ada", None)
    assert house.rows("select from tracker.person where nickname = 'ADA'") == []


def test_what_looks_like_somebody_with_a_key_is_refused(house):
    assert status(house, "Ada") == "made"
    assert ask(house, "ADA") == ("alike", "Ada", None)
    assert keys(house) == 1


@pytest.mark.parametrize("there, asked", [("Ada", "ADA"), ("ADA", "Ada")])
def test_what_looks_like_somebody_at_work_for_the_first_time_is_refused_until_they_leave(house, there, asked):
    at_work = house.newcomer(nickname=there)
    house.rows("insert into tracker.look (skeleton, person, claimed) select %s, id, false from tracker.person", look("Ada"))
    assert ask(house, asked) == ("alike", there, None)
    assert keys(house) == 0
    house.bye(at_work)
    assert status(house, asked) == "made"


def test_who_is_at_work_under_a_name_merged_into_theirs_is_protected_by_both(house):
    house.newcomer(nickname="Bob")
    house.rows("insert into tracker.person (nickname) values ('Ada')")
    house.value("select tracker.merge_people('Bob', 'Ada')")
    house.rows("insert into tracker.look (skeleton, person, claimed)"
               " select v.skeleton, p.id, false from (values (%s, 'Bob'), (%s, 'Ada')) v(skeleton, nickname)"
               " join tracker.person p using (nickname)", look("Bob"), look("Ada"))
    assert [ask(house, name)[:2] for name in ("BOB", "ADA")] == [("alike", "Ada")] * 2


def test_who_is_at_work_may_take_the_name_that_only_they_look_like(house):
    ada = house.newcomer(nickname="Ada")
    house.rows("insert into tracker.look (skeleton, person, claimed) select %s, id, false from tracker.person", look("Ada"))
    assert status(house, "Ada", token=ada.token) == "made"


def test_who_is_banned_hears_the_words_by_name_and_by_address(house):
    house.rows("select * from tracker.ban_strangers('Ada', null, null, null, null, 'go', null)")
    house.rows("select * from tracker.ban_strangers(null, '198.51.100.0/24', null, null, null, 'away', null)")
    assert ask(house, "Ada")[::2] == ("banned", "go")
    assert ask(house, "Bob", address="198.51.100.9")[::2] == ("banned", "away")
    assert status(house, "Bob") == "made"


# ---- how often

def try_often(house, count, **more):
    """As if it had been tried so often."""
    for _ in range(count):
        assert status(house, "no\u200bbody", tidy=False, **more) == "no_name"


def test_forty_tries_an_hour_from_one_origin_and_not_one_more(house):
    try_often(house, 39)
    assert status(house, "Ada") == "made"  # the fortieth
    assert status(house, "Bob") == "limited"
    assert status(house, "Bob", address="192.0.2.2") == "made"
    house.rows("update tracker.signup set at = at - interval '61 minutes'")
    assert status(house, "Cyd") == "made"
    assert house.value("select count(*) from tracker.signup where at < clock_timestamp() - interval '1 hour'") == 0


def test_the_addresses_of_one_ipv6_network_are_one_origin(house):
    try_often(house, 40, address="2001:db8:1:2::1")
    assert status(house, "Ada", address="2001:db8:1:2:ffff::9") == "limited"
    assert status(house, "Ada", address="2001:db8:1:3::1") == "made"


# ---- invitations

def invite(house, days=7):
    secret = uuid.uuid4()
    house.value("select tracker.add_invite(%s, 'for Ann', %s)", secret, days)
    return secret


def test_where_one_must_be_invited_an_invitation_is_good_once(house):
    one = invite(house)
    for nothing in (None, uuid.uuid4()):
        assert status(house, "Ada", invite=nothing, must_invite=True) == "no_invite"
    assert status(house, "Ada", invite=one, must_invite=True) == "made"
    assert status(house, "Bob", invite=one, must_invite=True) == "no_invite"
    assert house.rows("select p.nickname from tracker.invite i join tracker.person p on p.id = i.person"
                      " where i.used is not null") == [("Ada",)]


def test_an_invitation_that_did_not_help_is_still_good(house):
    one = invite(house)
    assert status(house, "Eve") == "made"
    assert status(house, "Eve", invite=one, must_invite=True) == "taken"
    assert status(house, "Ada", invite=one, must_invite=True) == "made"


def test_an_invitation_runs_out(house):
    old = invite(house)
    house.rows("update tracker.invite set until = clock_timestamp() - interval '1 second'")
    assert status(house, "Ada", invite=old, must_invite=True) == "no_invite"
    assert status(house, "Ada", invite=old) == "made"  # where none is needed none is asked for
