"""Names that are somebody's: who may work under them, and what looks like them."""

import uuid

import psycopg2
import pytest

from house import Worker, hash_of

MARK = "72.1 15.0"


def look(name):
    """Names are alike here when they are so in lower case: what C would see is its own matter."""
    return hash_of(name.lower())


def newcomer(name):
    return Worker(uuid.uuid4(), f"calm-fox-{uuid.uuid4().hex[:8]}", 1, name)


def ask(house, *names, keys=None, before=None, must_key=False, tidy=True):
    """The statuses of one bundle, and under which names they work."""
    workers = [newcomer(name) for name in names]
    rows = sorted(house.rows(
        "select * from tracker.open_workers(%s::uuid[], %s::text[], %s::int2[], %s::text[], %s::text[], %s::text[],"
        " %s::text[], %s::uuid[], %s::uuid[], %s, %s::uuid[], %s)",
        [w.token for w in workers], [w.name for w in workers], [1 for w in workers],
        [w.nickname if tidy else None for w in workers], [None for w in workers], ["" for w in workers],
        before or [None for w in workers], [look(w.nickname) for w in workers], [look(w.nickname) for w in workers],
        MARK, keys or [None for w in workers], must_key), key=lambda r: r.item)
    names = dict(house.rows("select w.token, p.nickname from tracker.worker w join tracker.person p on p.id = w.person"))
    return [(r.status, names.get(w.token)) for r, w in zip(rows, workers)]


def claim(house, name, label=""):
    key = uuid.uuid4()
    house.value("select tracker.add_key(%s, %s, %s::uuid[], %s, %s, %s)", name, name, [look(name)] * 2, MARK, key, label)
    return key


def test_a_name_that_is_nobodys_is_anybodys(house):
    assert ask(house, "Ada", "Ada") == [("opened", "Ada")] * 2
    key = claim(house, "Bob")
    assert ask(house, "Ada", "ADA", keys=[None, key]) == [("opened", "Ada"), ("opened", "ADA")]


def test_a_name_with_a_key_needs_it(house):
    ask(house, "Ada")
    key = claim(house, "Ada")
    other = claim(house, "Bob")
    assert ask(house, "Ada", "Ada", "Ada", "Ada", keys=[None, key, other, uuid.uuid4()]) == [
        ("no_key", None), ("opened", "Ada"), ("no_key", None), ("no_key", None)]


def test_what_looks_like_a_name_with_a_key_is_its_own_too(house):
    ask(house, "ADA")
    key = claim(house, "Ada")
    assert ask(house, "ada", "ADA", "aDa", keys=[None, None, key]) == [
        ("no_key", None), ("no_key", None), ("opened", "Ada")]
    assert house.value("select count(*) from tracker.person where nickname = 'aDa'") == 0


def test_a_second_name_that_looks_like_it_gets_no_key(house):
    claim(house, "Ada")
    with pytest.raises(psycopg2.Error, match="looks like 'Ada'"):
        claim(house, "ADA")
    assert house.value("select count(*) from tracker.person where nickname = 'ADA'") == 0


def test_several_keys_each_ends_alone_and_the_name_stays(house):
    one, two = claim(house, "Ada", "laptop"), claim(house, "Ada", "cluster")
    listed = house.rows("select * from tracker.list_keys('Ada')")
    assert [k.label for k in listed] == ["cluster", "laptop"]
    assert house.value("select tracker.revoke_keys('Ada', %s)", listed[1].id) == 1
    assert house.value("select tracker.revoke_keys('Ada', %s)", listed[1].id) is None
    assert ask(house, "Ada", "Ada", keys=[one, two]) == [("no_key", None), ("opened", "Ada")]
    house.value("select tracker.revoke_keys('Ada', %s)", listed[0].id)
    assert ask(house, "Ada", "Ada", keys=[two, None]) == [("no_key", None)] * 2
    assert ask(house, "Ada", keys=[claim(house, "Ada")]) == [("opened", "Ada")]


def test_without_all_keys_a_name_is_nobodys_again(house):
    claim(house, "Ada")
    assert house.value("select tracker.revoke_keys('Ada', null)") == 1
    assert ask(house, "Ada", "ADA") == [("opened", "Ada"), ("opened", "ADA")]
    assert house.value("select tracker.revoke_keys('Nobody', null)") is None


def test_where_all_need_a_key(house):
    key = claim(house, "Ada")
    assert ask(house, "Bob", "Ada", "ada", keys=[key, key, key], must_key=True) == [
        ("no_key", None), ("opened", "Ada"), ("opened", "Ada")]


def test_names_of_before_stay_as_they_are(house):
    house.rows("insert into tracker.person (nickname) values (' Ada '), (E'B\\u200bob')")
    assert ask(house, "Ada", before=[" Ada "]) == [("opened", " Ada ")]
    assert ask(house, "Bob", before=["B\u200bob"], tidy=False) == [("opened", "B\u200bob")]
    assert ask(house, "Cyd", before=["C\u200byd"], tidy=False) == [("no_name", None)]
    assert ask(house, "Eve", before=["Eve "]) == [("opened", "Eve")]
    assert house.value("select count(*) from tracker.person") == 3


def test_a_ban_is_of_the_name_under_which_one_would_work(house):
    house.value("select count(*) from tracker.ban_strangers('Ada', null, null, null, null, 'go', null)")
    assert ask(house, "Ada", before=["Ada "]) == [("banned", None)]
    key = claim(house, "Ada")
    assert ask(house, "ada", "Ada", keys=[key, None]) == [("banned", None)] * 2


def test_a_key_is_noted_as_used_to_the_hour(house):
    key = claim(house, "Ada")
    ask(house, "Ada", keys=[key])
    used = house.value("select used from tracker.person_key")
    ask(house, "Ada", keys=[key])
    assert used is not None
    assert house.value("select used from tracker.person_key") == used
    house.rows("update tracker.person_key set used = used - interval '2 hours'")
    ask(house, "Ada", keys=[key])
    assert house.value("select used from tracker.person_key") > used


def test_another_name_looks_otherwise_and_stays_theirs(house):
    key = claim(house, "Ada")
    house.rows("update tracker.person set nickname = 'Countess' where nickname = 'Ada'")
    assert house.rows("select p.nickname, looked from tracker.person p") == [("Countess", None)]
    assert ask(house, "Countess", "Countess", keys=[None, key]) == [("no_key", None), ("opened", "Countess")]
    assert [r.nickname for r in house.rows("select * from tracker.list_unlooked(%s, 10)", MARK)] == ["Countess"]


def test_who_is_gone_looks_like_nobody(house):
    claim(house, "Ada")
    house.rows("delete from tracker.person")
    assert house.value("select count(*) from tracker.look") == house.value(
        "select count(*) from tracker.person_key") == 0


def put_looks(house, rows, mark=MARK):
    return house.value("select tracker.put_looks(%s, %s, %s::uuid[], %s::uuid[], %s)", [r.person for r in rows],
                       [r.nickname for r in rows], [look(r.nickname) for r in rows],
                       [look(r.nickname) for r in rows], mark)


@pytest.mark.parametrize("new", ["71.0 14.0", "73.0 16.0"])
def test_another_version_makes_all_anew(house, new):
    ask(house, "Ada", "ADA", "Bob")
    key = claim(house, "Ada")
    house.rows("insert into tracker.person (nickname) values ('Cyd')")
    house.rows("update tracker.look set skeleton = gen_random_uuid()")
    assert ask(house, "aDA") == [("opened", "aDA")]
    rows = house.rows("select * from tracker.list_unlooked(%s, 10)", new)
    assert sorted(r.nickname for r in rows) == ["ADA", "Ada", "Bob", "Cyd", "aDA"]
    assert put_looks(house, rows, new) == 5
    assert house.rows("select * from tracker.list_unlooked(%s, 10)", new) == []
    assert ask(house, "adA", "adA", keys=[None, key]) == [("no_key", None), ("opened", "Ada")]


def test_who_has_another_name_meanwhile_is_left(house):
    ask(house, "Ada")
    house.rows("update tracker.person set looked = null")
    rows = house.rows("select * from tracker.list_unlooked(%s, 10)", MARK)
    house.rows("update tracker.person set nickname = 'Countess'")
    assert put_looks(house, rows) == 0
    assert house.value("select looked from tracker.person") is None


def test_look_alikes_stand_together(house):
    ask(house, "Ada", "ADA", "Bob", "Eve", "EVE")
    claim(house, "EVE")
    rows = house.rows("select kind, nickname, claimed from tracker.list_look_alikes()")
    assert rows == [(1, "EVE", True), (1, "Eve", False), (2, "Ada", False), (2, "ADA", False)] or \
        rows == [(1, "EVE", True), (1, "Eve", False), (2, "ADA", False), (2, "Ada", False)]


def test_what_is_done_with_keys_is_written_down(house):
    key = claim(house, "Ada", "laptop")
    house.value("select tracker.revoke_keys('Ada', null)")
    rows = house.rows("select act, target, details from tracker.audit order by id")
    assert rows == [("key add", "person Ada", {"label": "laptop"}), ("key revoke", "person Ada", {})]
    assert str(key) not in str(house.rows("select * from tracker.audit"))


def test_a_name_that_they_had_before_is_theirs_as_well(house):
    key = claim(house, "Ada")
    house.value("select tracker.rename_person('Ada', 'Countess')")
    assert ask(house, "Ada", "Ada", "Countess", "Countess", keys=[None, key, None, key]) == [
        ("no_key", None), ("opened", "Countess"), ("no_key", None), ("opened", "Countess")]
    assert put_looks(house, house.rows("select * from tracker.list_unlooked(%s, 10)", MARK)) == 1  # the old one was
    assert ask(house, "ada", "ada", "COUNTESS", keys=[None, key, key]) == [
        ("no_key", None), ("opened", "Countess"), ("opened", "Countess")]
    second = claim(house, "Ada")
    assert ask(house, "Countess", keys=[second]) == [("opened", "Countess")]
    assert len(house.rows("select * from tracker.list_keys('Ada')")) == 2
    assert house.value("select tracker.revoke_keys('Ada', null)") == 2
    assert ask(house, "Ada", "countess") == [("opened", "Countess"), ("opened", "countess")]


def test_of_people_who_were_made_one_each_name_keeps_its_key(house):
    ask(house, "Bob")
    key = claim(house, "Ada")
    line = house.value("select tracker.merge_people('Ada', 'Bob')")
    assert line > 0
    assert ask(house, "Ada", "Ada", "Bob", keys=[None, key, None]) == [
        ("no_key", None), ("opened", "Bob"), ("opened", "Bob")]


def test_who_took_a_name_with_a_key_in_gets_another_for_it(house):
    """What looks like it is their own."""
    claim(house, "Ada")
    ask(house, "Bob")
    house.value("select tracker.merge_people('Ada', 'Bob')")
    assert ask(house, "Ada", keys=[claim(house, "Ada")]) == [("opened", "Bob")]


def test_keys_of_a_name_that_was_taken_in_end_with_the_others(house):
    key = claim(house, "Ada")
    ask(house, "Bob")
    house.value("select tracker.merge_people('Ada', 'Bob')")
    second = claim(house, "Bob")
    assert house.value("select tracker.revoke_keys('Bob', null)") == 2
    house.rows("update tracker.person set claimed = now() where nickname = 'Bob'")
    assert ask(house, "Bob", "Ada", keys=[second, key]) == [("no_key", None)] * 2


def test_who_is_erased_has_no_key(house):
    key = claim(house, "Ada")
    house.rows("select * from tracker.erase_person('Ada')")
    assert house.value("select count(*) from tracker.person_key") == 0
    assert ask(house, "Ada", keys=[key]) == [("opened", "Ada")]


def test_a_second_key_leaves_the_name_as_old_as_it_was(house):
    claim(house, "Ada")
    before = house.value("select claimed from tracker.person")
    claim(house, "Ada", "another")
    assert house.value("select claimed from tracker.person") == before


def test_who_will_be_refused_is_told_before(house):
    """Who looks like it, is here, and has no key of its own; those with most results first."""
    house.load(1)
    ask(house, "Ada")
    workers = {name: newcomer(name) for name in ("ADA", "aDa", "adA", "Bob")}
    for w in workers.values():
        house.rows("select * from tracker.open_workers(%s::uuid[], %s, array[1]::int2[], %s, array[null], array[''],"
                   " array[null]::text[], %s::uuid[], %s::uuid[], %s)", [w.token], [w.name], [w.nickname],
                   [look(w.nickname)], [look(w.nickname)], MARK)
    house.done(workers["aDa"], house.take(workers["aDa"])[0])
    house.end_minute()
    house.fold()
    house.bye(workers["adA"])
    assert [r.nickname for r in house.rows("select * from tracker.list_locked_out('Ada')")] == ["aDa", "ADA"]
    house.rows("update tracker.person set claimed = now() where nickname = 'ADA'")
    assert [r.nickname for r in house.rows("select * from tracker.list_locked_out('Ada')")] == ["aDa"]


def test_keys_of_a_name_of_before_are_listed_with_those_of_the_name_that_it_is_now(house):
    claim(house, "Ada", "laptop")
    house.rows("insert into tracker.person (nickname) values ('Countess')")
    number = house.value("select tracker.merge_people('Ada', 'Countess')")
    while house.value("select tracker.merge_step(%s, 10)", number):
        pass
    for name in ("Ada", "Countess"):
        assert [k.label for k in house.rows("select * from tracker.list_keys(%s)", name)] == ["laptop"]


def test_what_looks_like_a_name_of_before_is_as_little_free(house):
    """Of somebody with a key, who was called so."""
    claim(house, "Countess")
    house.rows("insert into tracker.person (nickname, merged_into) select 'Ada', id from tracker.person where nickname = 'Countess'")
    house.rows("insert into tracker.person (nickname) values ('Bob')")
    put_looks(house, house.rows("select * from tracker.list_unlooked(%s, 10)", MARK))
    assert house.rows("select p.nickname, bool_and(k.claimed) from tracker.look k join tracker.person p on p.id = k.person"
                      " group by 1 order by 1") == [("Ada", True), ("Bob", False), ("Countess", True)]


def test_who_looks_like_nobody_else_is_no_kind(house):
    house.lawful = False
    for skeleton, names in (("a", ["Ada", "ADA"]), ("b", ["Bob"]), ("c", ["Cy", "CY", "cy"])):
        for name in names:
            who = house.value("insert into tracker.person (nickname, done, withdrawn) values (%s, 5, 2) returning id", name)
            house.rows("insert into tracker.look (skeleton, person) values (%s, %s)", hash_of(skeleton), who)
    told = "select kind, nickname, claimed, done from tracker.list_look_alikes()"
    assert house.rows(told) == [(1, "Ada", False, 3), (1, "ADA", False, 3), (2, "Cy", False, 3), (2, "CY", False, 3), (2, "cy", False, 3)]
    house.rows("update tracker.look set claimed = true where person = (select id from tracker.person where nickname = 'CY')")
    house.rows("update tracker.person set claimed = now() where nickname = 'CY'")
    assert house.rows(told) == [(1, "CY", True, 3), (1, "Cy", False, 3), (1, "cy", False, 3), (2, "Ada", False, 3), (2, "ADA", False, 3)]
