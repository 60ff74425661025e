"""What somebody does on their own page, and who gets a name on /join."""

import json
import uuid

import psycopg2
import pytest

from house import hash_of
from test_keys import MARK, ask, claim, look


def enter(house, key):
    session = uuid.uuid4()
    assert house.value("select tracker.open_session(%s, %s, '192.0.2.1', 60)", key, session) == "in"
    return session


@pytest.fixture
def ada(house):
    house.key = claim(house, "Ada", "laptop")
    return enter(house, house.key)


def call(house, function, *args):
    return house.value(f"select tracker.{function}({', '.join(['%s'] * len(args))})", *args)


def rename(house, session, name, before=None, mark=MARK):
    return house.rows("select * from tracker.own_rename(%s, %s, %s, %s::uuid[], %s, null)", session, name, before or name,
                      [look(name or "")] * 2, mark)[0]


def sign_up(house, name, token=None, address="192.0.2.9"):
    row, = house.rows("select * from tracker.sign_up(%s, %s, %s::uuid[], %s, gen_random_uuid(), 'the first one', %s::inet, %s, null, false)",
                      name, name, [look(name)] * 2, MARK, address, token)
    return row


def acts(house):
    return house.rows("select who, act from tracker.audit order by id")


def worked(house, name, network, done=1, gone=False, age="1 day"):
    """A worker of that name and network, and its token's hash."""
    assert ask(house, name) == [("opened", name)]
    token = house.value("update tracker.worker set network = %s, done = %s, seen = now() - %s::interval,"
                        " gone_at = case when %s then now() - %s::interval end"
                        " where id = (select max(id) from tracker.worker) returning token", network, done, age, gone, age)
    house.rows("update tracker.person set done = done + %s where nickname = %s", done, name)
    return token


# ---- sessions

def test_wrong_keys_are_counted_by_origin_and_never_hold_up_the_right_one(house):
    house.lawful = False
    key = claim(house, "Ada")
    said = [house.value("select tracker.open_session(gen_random_uuid(), gen_random_uuid(), '192.0.2.1', 60)") for _ in range(42)]
    assert said == ["wrong"] * 40 + ["limited"] * 2
    assert house.value("select count(*) from tracker.signup") == 40
    assert house.value("select tracker.open_session(gen_random_uuid(), gen_random_uuid(), '192.0.2.2', 60)") == "wrong"
    enter(house, key)
    assert sign_up(house, "Bob", address="192.0.2.1").status == "made"
    house.rows("update tracker.signup set at = at - interval '2 hours'")
    assert house.value("select tracker.open_session(gen_random_uuid(), gen_random_uuid(), '192.0.2.1', 60)") == "wrong"
    assert house.value("select count(*) from tracker.signup") == 1


@pytest.mark.parametrize("ends", [
    "update tracker.person_key set revoked = now()", "delete from tracker.person_key", "delete from tracker.person",
    "select tracker.revoke_keys('Ada', null)", "select * from tracker.erase_person('Ada')"])
def test_a_session_is_gone_with_its_key(house, ada, ends):
    assert house.rows("select nickname from tracker.find_session(%s)", ada) == [("Ada",)]
    house.rows(ends)
    assert house.value("select count(*) from tracker.session") == 0
    assert house.rows("select * from tracker.find_session(%s)", ada) == []


def test_a_key_that_is_used_ends_no_session(house, ada):
    house.rows("update tracker.person_key set used = now(), label = 'x'")
    assert house.rows("select nickname from tracker.find_session(%s)", ada) == [("Ada",)]


def test_who_was_made_one_with_another_is_them(house, ada):
    ask(house, "Bob")
    house.value("select tracker.merge_people('Ada', 'Bob')")
    assert house.rows("select nickname from tracker.find_session(%s)", ada) == [("Bob",)]


@pytest.mark.parametrize("session", ["none", "over"])
def test_without_a_session_nothing_is_done(house, ada, session):
    before = acts(house)
    house.rows("update tracker.session set until = now()")
    session = ada if session == "over" else uuid.uuid4()
    assert house.rows("select status, token from tracker.own_end_rest(%s, 1)", session) == [("out", None)]
    assert call(house, "own_hide", session, True) == "out"
    assert call(house, "own_add_key", session, uuid.uuid4(), "") == "out"
    assert call(house, "own_revoke_key", session, house.value("select id from tracker.person_key"), True) == "out"
    assert rename(house, session, "Eve").status == "out"
    assert house.rows("select status from tracker.own_erase(%s, 'Ada')", session) == [("out",)]
    assert acts(house) == before and house.value("select count(*) from tracker.person_key where revoked is null") == 1


def test_who_rests_of_ones_own_goes_on_and_nobody_elses(house, ada):
    mine, gone, bobs = house.worker(), house.worker(), house.worker(nickname="Bob")
    house.rows("update tracker.worker set rest_until = now() + interval '1 hour'")
    house.rows("update tracker.worker set person = (select id from tracker.person where nickname = 'Ada') where name = any (%s)",
               [mine.name, gone.name])
    house.rows("update tracker.worker set gone_at = now(), gone_why = 'bye' where name = %s", gone.name)
    said = [tuple(house.rows("select status, token from tracker.own_end_rest(%s, %s)", ada, house.row(w).id)[0])
            for w in (bobs, gone, mine)]
    assert said == [("unknown", None), ("unknown", None), ("done", mine.token)]
    assert house.rows("select name from tracker.worker where rest_until > now() order by id") == [(gone.name,), (bobs.name,)]


def test_who_did_it_stands_in_audit_by_number(house, ada):
    person = house.value("select id from tracker.person")
    call(house, "own_hide", ada, True)
    call(house, "own_hide", ada, True)
    assert acts(house)[1:] == [(f"person {person}, on their page", "hide machines")]
    house.rows("select tracker.own_hide(%s, false)", uuid.uuid4())
    call(house, "revoke_keys", "Ada", None)
    assert acts(house)[-1] == ("tracker", "key revoke")  # what the connection does next is not theirs


def test_the_last_key_is_ended_by_who_is_sure(house, ada):
    mine = house.value("select id from tracker.person_key")
    bobs = house.value("select k.id from tracker.person_key k where k.hash = %s", claim(house, "Bob"))
    assert call(house, "own_revoke_key", ada, bobs, True) == "unknown"
    assert call(house, "own_revoke_key", ada, None, True) == "unknown"
    assert call(house, "own_revoke_key", ada, mine, False) == "last"
    assert call(house, "own_add_key", ada, uuid.uuid4(), "second") == "done"
    assert call(house, "own_revoke_key", ada, mine, False) == "done"
    assert call(house, "own_hide", ada, True) == "out"
    assert house.rows("select revoked is null from tracker.person_key order by id") == [(False,), (True,), (True,)]


def test_twenty_keys_are_had_at_once_those_of_a_name_of_before_too(house, ada):
    """And what is revoked gives room."""
    for n in range(18):
        assert call(house, "own_add_key", ada, uuid.uuid4(), str(n)) == "done"
    before = claim(house, "Countess")
    house.rows("update tracker.person set merged_into = (select id from tracker.person where nickname = 'Ada') where nickname = 'Countess'")
    assert call(house, "own_add_key", ada, uuid.uuid4(), "one too many") == "many"
    house.rows("update tracker.person_key set revoked = now() where hash = %s", before)
    assert call(house, "own_add_key", ada, uuid.uuid4(), "the last") == "done"
    assert call(house, "own_add_key", ada, uuid.uuid4(), "one too many") == "many"


# ---- names

def test_a_new_name_and_the_old_one_are_guarded_at_once(house, ada):
    assert rename(house, ada, "Countess").status == "done"
    assert ask(house, "countess", "ADA", "Ada", "Countess", keys=[None, None, house.key, house.key]) == [
        ("no_key", None), ("no_key", None), ("opened", "Countess"), ("opened", "Countess")]
    assert house.rows("select * from tracker.list_unlooked(%s, 10)", MARK) == []
    assert rename(house, ada, "Ada").status == "done"  # and back
    assert rename(house, ada, "Ada").status == "done"  # as it is
    assert ask(house, "countess", "ada") == [("no_key", None)] * 2
    assert house.rows("select * from tracker.list_unlooked(%s, 10)", MARK) == []
    assert house.value("select count(*) from tracker.look where not claimed") == 0


def test_names_of_others_and_what_looks_like_them_are_not_theirs(house, ada):
    claim(house, "Bob")
    worked(house, "Work", 1)
    ask(house, "idle")
    for name, status in (("Bob", "taken"), ("BOB", "alike"), ("Work", "taken"), ("WORK", "alike"), ("idle", "taken"), (None, "no_name")):
        assert rename(house, ada, name).status == status, name
    assert rename(house, ada, "IDLE")[:2] == ("alike", "idle")  # somebody is at work under it
    house.rows("update tracker.worker set gone_at = now() where person ="
               " (select p.id from tracker.person p where p.nickname = 'idle')")
    assert rename(house, ada, "IDLE").status == "done"  # nobody's, and nothing was ever done by it
    house.lawful = False


def test_an_operator_gives_no_name_that_looks_like_somebodys(house, ada):
    ask(house, "Bob")
    with pytest.raises(psycopg2.Error, match="looks like 'Ada'"):
        house.rows("select tracker.rename_person('Bob', 'ADA', %s::uuid[], %s)", [look("ADA")], MARK)
    house.rows("select tracker.rename_person('Bob', 'Rob', %s::uuid[], %s)", [look("Rob")], MARK)
    assert house.value("select count(*) from tracker.look where skeleton = %s", look("rob")) == 1


def test_a_ban_of_any_of_their_names_stays_one(house, ada):
    house.rows("select * from tracker.ban_strangers('Ada', null, null, null, null, 'go', null)")
    assert rename(house, ada, "Eve") == ("banned", "Eve", "go")


# ---- who gets a name on /join

def test_who_takes_a_name_has_a_line_in_audit(house):
    assert sign_up(house, "Ada").status == "made"
    assert sign_up(house, "Ada").status == "taken"
    assert acts(house) == [("visitor of /join", "key add")]


@pytest.mark.parametrize("others, status", [
    ([], "made"),
    ([dict(network=1)], "made"),
    ([dict(network=2)], "several"),
    ([dict(network=2, done=0)], "several"),  # at work now
    ([dict(network=2, done=0, gone=True)], "several"),  # lately
    ([dict(network=2, done=0, gone=True, age="31 days")], "made"),  # never brought anything
    ([dict(network=2, gone=True)], "several"),
    ([dict(network=2, gone=True, age="400 days")], "several"),  # it was somebody's for months
    ([dict(network=None, gone=True, age="400 days")], "several"),  # from where is not known
    ([dict(network=1, gone=True, age="400 days"), dict(network=1)], "made")])
def test_a_name_that_worked_goes_to_whom_all_of_it_may_be(house, others, status):
    house.lawful = False
    for other in others:
        worked(house, "Ada", **other)
    token = worked(house, "Ada", network=1, done=0)
    if not others:
        house.rows("update tracker.person set done = 0")
    assert sign_up(house, "Ada").status == "worked"
    assert sign_up(house, "Ada", hash_of("another")).status == "no_token"
    assert sign_up(house, "Ada", token).status == status


def test_two_of_whom_nobody_knows_where_they_are_may_be_two(house):
    house.lawful = False
    worked(house, "Ada", network=None)
    assert sign_up(house, "Ada", worked(house, "Ada", network=None)).status == "several"


def test_one_machine_alone_is_enough_wherever_it_is(house):
    house.lawful = False
    assert sign_up(house, "Ada", worked(house, "Ada", network=None)).status == "made"


def test_results_of_nobody_known_are_an_operators_to_give(house):
    house.lawful = False
    token = worked(house, "Ada", network=1, done=0)
    house.rows("update tracker.person set done = 1000")
    assert sign_up(house, "Ada", token).status == "several"


# ---- data

@pytest.mark.parametrize("most", [1, 2, 3, 5, 100])
def test_all_is_told_once_however_long_a_part_is(house, most):
    house.lawful = False
    ids = [house.value("select id from tracker.worker where token = %s", worked(house, "Ada", 1)) for _ in range(4)]
    worked(house, "Bob", 1)
    person = house.value("select id from tracker.person where nickname = 'Ada'")
    for worker, strikes in zip(ids, (3, 0, 5, 1)):
        house.rows("insert into tracker.strike (stage, job, worker, person, kind, reason, at)"
                   " select 1, n, %s, %s, 'failed', 'why ' || n, now() from generate_series(1, %s) n", worker, person, strikes)
    house.rows("insert into tracker.refused_output (stage, job, worker, person, reason, data, lease, started, finished, attempt, refused)"
               " select 1, n, %s, %s, 'back ' || n, '', gen_random_uuid(), now(), now(), 1, now() from generate_series(1, 4) n", ids[0], person)
    after, parts = (0, 0), []
    while after:
        parts.append(json.loads(house.value("select tracker.own_data(%s, %s, %s, %s)", person, *after, most)))
        after = tuple(int(n) for n in (parts[-1]["next"] or "").split("-") if n)
        assert sum(len(parts[-1][what]) for what in ("machines", "failures", "sent_back")) <= most
        assert len(parts) <= 20  # seventeen rows
    told = {what: [row for part in parts for row in part[what]] for what in ("machines", "failures", "sent_back")}
    assert [len(rows) for rows in told.values()] == [4, 9, 4]
    assert len({m["name"] for m in told["machines"]}) == 4 and {r["reason"] for r in told["sent_back"]} == {f"back {n}" for n in range(1, 5)}
    assert ["person" in part for part in parts] == [True] + [False] * (len(parts) - 1)
    assert house.value("select tracker.own_data(0, 0, 0, 5)") is None


def test_machines_that_left_are_told_the_latest_first_and_nobody_elses(house):
    house.lawful = False
    names = []
    for age in ("3 days", "1 hour", "2 days"):
        worked(house, "Carol", 1, gone=True, age=age)
        names.append(house.value("update tracker.worker set gone_why = 'bye' where id = (select max(id) from tracker.worker) returning name"))
    worked(house, "Carol", 1)
    worked(house, "Bob", 1, gone=True)
    person = house.value("select id from tracker.person where nickname = 'Carol'")
    told = house.rows("select name, why from tracker.own_left(%s, 2)", person)
    assert told == [(names[1], "bye"), (names[2], "bye")]
    house.rows("update tracker.worker set gone_at = '2026-01-01' where gone_at is not null")
    assert [r.name for r in house.rows("select name from tracker.own_left(%s, 3)", person)] == names[::-1]


def test_of_a_machine_that_left_what_was_sent_back_does_not_count(house):
    house.load(3)
    w = house.worker(1, "Ada")
    for job in house.take(w, 3):
        house.done(w, job)
    house.rows("select tracker.send_back_job(1, 1::int2, '')")
    person = house.value("select id from tracker.person")
    here = house.rows("select done, struck from tracker.own_machines(%s, null, null, 9)", person)
    house.bye(w)
    assert here == house.rows("select done, struck from tracker.own_left(%s, 9)", person) == [(2, 0)]


def test_who_types_another_name_erases_nobody(house, ada):
    claim(house, "Bob")
    assert house.rows("select status from tracker.own_erase(%s, 'Bob')", ada) == [("other",)]
    assert house.value("select count(*) from tracker.person where erased") == 0
    assert house.rows("select status from tracker.own_erase(%s, 'Ada')", uuid.uuid4()) == [("out",)]
    assert house.value("select count(*) from tracker.person where erased") == 0
    assert {r.status for r in house.rows("select status from tracker.own_erase(%s, 'Ada')", ada)} == {"done"}
    assert house.value("select count(*) from tracker.person where erased") == 1


def test_somebody_has_twenty_keys_at_most(house, ada):
    for _ in range(19):
        assert call(house, "own_add_key", ada, uuid.uuid4(), "another") == "done"
    assert call(house, "own_add_key", ada, uuid.uuid4(), "one more") == "many"
    house.rows("update tracker.person_key set revoked = now() where id = (select max(id) from tracker.person_key)")
    assert call(house, "own_add_key", ada, uuid.uuid4(), "one more") == "done"


def test_a_session_is_whose_key_opened_it(house, ada):
    bob = enter(house, claim(house, "Bob"))
    found = [house.rows("select nickname, key from tracker.find_session(%s)", session) for session in (ada, bob)]
    keys = [r.id for r in house.rows("select id from tracker.person_key order by id")]
    assert found == [[("Ada", keys[0])], [("Bob", keys[1])]]
    house.rows("update tracker.person_key set revoked = now() where id = %s", keys[0])
    assert house.rows("select nickname from tracker.find_session(%s)", ada) == []
    assert house.rows("select nickname from tracker.find_session(%s)", bob) == [("Bob",)]


def test_a_key_has_ten_sessions_and_the_oldest_gives_way(house, ada):
    sessions = [ada] + [enter(house, house.key) for _ in range(9)]
    assert all(house.rows("select * from tracker.find_session(%s)", s) for s in sessions)
    other = enter(house, claim(house, "Bob"))
    sessions.append(enter(house, house.key))
    assert [bool(house.rows("select * from tracker.find_session(%s)", s)) for s in sessions] == [False] + [True] * 10
    assert house.rows("select nickname from tracker.find_session(%s)", other) == [("Bob",)]


def test_somebody_takes_twenty_other_names_and_goes_back_to_any(house, ada):
    for n in range(20):
        assert rename(house, ada, f"Countess {n}").status == "done"
    assert rename(house, ada, "Countess 20").status == "many"
    assert rename(house, ada, "Countess 3").status == "done"


def test_a_session_ends_with_its_time_and_goes_with_the_next(house, ada):
    house.rows("update tracker.session set until = now() - interval '1 second'")
    assert house.rows("select * from tracker.find_session(%s)", ada) == []
    enter(house, house.key)
    assert house.value("select count(*) from tracker.session") == 1
