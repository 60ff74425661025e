"""People renamed, merged, hidden and erased: who did what stays right, and of whom nothing shall stay, nothing does."""

import collections
import threading
import time
import uuid

import psycopg2
import pytest

from house import House, Item


def make(house, worker, count, data="made {}"):
    jobs = house.take(worker, count)
    house.complete([Item(worker.token, j.job, j.lease, data.format(j.job)) for j in jobs])
    return [j.job for j in jobs]


def fold(house):
    house.end_minute()
    house.fold()


def rename(house, old, new):
    return house.value("select tracker.rename_person(%s, %s)", old, new)


def merge(house, old, new, most=2):
    number = house.value("select tracker.merge_people(%s, %s)", old, new)
    while house.value("select tracker.merge_step(%s, %s)", number, most):
        pass
    return number


def hide(house, who, yes=True):
    return house.value("select tracker.hide_person(%s, %s)", who, yes)


def erase(house, who):
    return house.rows("select * from tracker.erase_person(%s)", who)


def board(house, period="all"):
    return [(r.nickname, r.jobs) for r in house.rows("select * from tracker.read_board(%s, null, null, 10)", period)]


def person(house, name):
    rows = house.rows("select * from tracker.read_person(%s)", name)
    return rows[0] if rows else None


def stages_of(house, name):
    """Jobs that their stages say together."""
    return house.value("select sum(done - withdrawn)::int8 from tracker.read_person_stages(tracker.find_person(%s))", name)


def refuses(house, call, *args):
    with pytest.raises(psycopg2.Error) as e:
        house.rows(call, *args)
    assert e.value.pgcode == "TR002"
    return str(e.value)


@pytest.fixture
def crowd(house):
    """Ada made 3 in stage A (one refused) and 1 in B; ada 2 in A; Bob 1 in A. The first half of it is folded."""
    house.load(12)
    house.ada, house.small, house.bob = (house.worker(nickname=n, label=f"runs at {n}'s") for n in ("Ada", "ada", "Bob"))
    make(house, house.ada, 2)
    make(house, house.small, 1)
    fold(house)
    make(house, house.ada, 1)
    make(house, house.small, 1)
    make(house, house.bob, 1)
    make(house, house.worker(2, nickname="Ada"), 1)
    house.rows("select tracker.send_back_job(2, 1::int2, 'wrong')")
    return house


# ---- rename

def test_a_renamed_person_keeps_everything_and_the_old_name_still_counts_for_them(crowd):
    rename(crowd, "Ada", "Ada Lovelace")
    assert person(crowd, "Ada Lovelace").jobs == 3
    assert person(crowd, "Ada").nickname == "Ada Lovelace"
    make(crowd, crowd.worker(nickname="Ada"), 2)
    assert person(crowd, "Ada Lovelace").jobs == 5
    fold(crowd)
    assert board(crowd) == [("Ada Lovelace", 5), ("ada", 2), ("Bob", 1)]
    (line,) = crowd.rows("select act, target, details from tracker.audit where act like 'rename%%'")
    assert (line.target, line.details) == ("Ada", {"to": "Ada Lovelace"})


def test_a_renaming_is_taken_back_by_another(crowd):
    rename(crowd, "Ada", "Eve")
    rename(crowd, "Eve", "Ada")
    assert person(crowd, "Eve").nickname == "Ada"
    assert crowd.value("select count(*) from tracker.person where merged_into is not null") == 1


def test_a_name_of_before_and_the_name_of_now_change_places(crowd):
    rename(crowd, "Ada", "Eve")
    rename(crowd, "Eve", "Ada")
    assert crowd.rows("select p.nickname, m.nickname as of from tracker.person p"
                      " left join tracker.person m on m.id = p.merged_into where p.nickname in ('Ada', 'Eve')"
                      " or p.nickname like 'erased-%%' order by 1") == [("Ada", None), ("Eve", "Ada")]


def test_who_was_erased_is_not_renamed(crowd):
    number = crowd.value("select id from tracker.person where nickname = 'Ada'")
    erase(crowd, "Ada")
    gone = crowd.value("select nickname from tracker.person where id = %s", number)
    refuses(crowd, "select tracker.rename_person(%s, 'Eve')", gone)
    assert crowd.value("select nickname from tracker.person where id = %s", number) == gone


@pytest.mark.parametrize("old, new", [("Ada", "Bob"), ("nobody", "Eve"), ("Ada", ""), ("Ada", "a\nb"), ("Ada", "x" * 129),
                                      ("Ada", "erased-17"), ("Ada", None)])
def test_what_is_no_new_name_is_refused(crowd, old, new):
    refuses(crowd, "select tracker.rename_person(%s, %s)", old, new)
    assert board(crowd)[0][0] == "Ada"


def test_a_name_that_was_taken_in_by_another_is_theirs(crowd):
    merge(crowd, "ada", "Ada")
    refuses(crowd, "select tracker.rename_person('Bob', 'ada')")
    assert person(crowd, "ada").nickname == "Ada"


# ---- merge

@pytest.mark.parametrize("folded", [False, True])
def test_merged_people_are_one_everywhere(crowd, folded):
    if folded:
        fold(crowd)
    merge(crowd, "ada", "Ada", most=1)
    assert crowd.broken_laws() == []
    assert (person(crowd, "Ada").jobs, board(crowd)) == (5, [("Ada", 5), ("Bob", 1)])
    assert stages_of(crowd, "Ada") == 5
    fold(crowd)
    assert stages_of(crowd, "Ada") == 5
    assert crowd.broken_laws() == []
    assert board(crowd) == board(crowd, "week") == [("Ada", 5), ("Bob", 1)]
    p = person(crowd, "ada")
    assert (p.nickname, p.jobs, p.machines) == ("Ada", 5, 3)
    assert {r.person for r in crowd.rows("select * from tracker.read_latest(20)")} == {"Ada", "Bob"}
    assert crowd.value("select count(distinct person) from tracker.export_jobs(1::int2, 0, pg_current_snapshot(),"
                       " '-infinity', 'infinity', 100, 1000000)") == 2
    make(crowd, crowd.small, 1)
    make(crowd, crowd.worker(nickname="ada"), 1)
    assert person(crowd, "Ada").jobs == 7


def test_results_of_before_a_merge_are_undone_by_either_name(crowd):
    merge(crowd, "ada", "Ada")
    number = crowd.value("select tracker.undo_begin('ada', null, null, null, null, null, null, 'x', false)")
    while crowd.rows("select * from tracker.undo_step(%s, 10)", number)[0].left_over > 0:
        pass
    fold(crowd)
    assert board(crowd) == [("Bob", 1)]
    crowd.rows("select * from tracker.undo_take_back(%s, 0, 100)", number)
    fold(crowd)
    assert board(crowd) == [("Ada", 5), ("Bob", 1)]


def test_only_a_merge_that_is_under_way_has_steps(crowd):
    before = merge(crowd, "Bob", "Ada")
    undo = crowd.value("select tracker.undo_begin('Ada', null, null, null, null, null, null, 'made up', false)")
    begun = crowd.value("select tracker.merge_people('ada', 'Ada')")
    crowd.rows("update tracker.audit set state = 'begun' where id = %s", undo)
    for other in (before, undo, 0):
        refuses(crowd, "select tracker.merge_step(%s, 1)", other)
    assert crowd.value("select tracker.merge_step(%s, 1)", begun) == 1


def test_a_merge_of_the_merged_goes_on_to_the_last(crowd):
    merge(crowd, "ada", "Ada")
    merge(crowd, "Ada", "Bob")
    fold(crowd)
    assert board(crowd) == [("Bob", 6)]
    assert person(crowd, "ada").nickname == "Bob"


def test_a_merge_adds_nothing_to_what_was_done_in_the_last_24_hours(crowd):
    fold(crowd)
    before = person(crowd, "Ada").by_hour24 + person(crowd, "ada").by_hour24
    merge(crowd, "ada", "Ada")
    assert person(crowd, "Ada").by_hour24 == before


def test_a_merge_that_was_broken_off_goes_on(crowd):
    first = crowd.value("select tracker.merge_people('ada', 'Ada')")
    assert crowd.value("select tracker.merge_people('ada', 'Ada')") == first
    assert merge(crowd, "ada", "Ada") == first
    assert crowd.value("select state from tracker.audit where id = %s", first) == "done"
    refuses(crowd, "select tracker.merge_people('ada', 'Ada')")


@pytest.mark.parametrize("old, new", [("Ada", "Ada"), ("nobody", "Ada"), ("Ada", "nobody")])
def test_who_cannot_be_merged_is_refused(crowd, old, new):
    refuses(crowd, "select tracker.merge_people(%s, %s)", old, new)


def test_who_is_banned_is_so_by_an_old_name_too(crowd):
    rename(crowd, "Ada", "Eve")
    crowd.rows("select * from tracker.ban_strangers('Eve', null, null, null, null, 'go', null)")
    (r,) = crowd.open([crowd.stranger(nickname="Ada")])
    assert (r.status, r.words) == ("banned", "go")


def ban(house, who):
    return house.rows("select * from tracker.ban_strangers(%s, null, null, null, null, 'go', null)", who)


def opens(house, who):
    (r,) = house.open([house.stranger(nickname=who)])
    return r.status


def test_who_is_banned_is_so_by_a_name_of_later(crowd):
    ban(crowd, "Ada")
    rename(crowd, "Ada", "Eve")
    assert [opens(crowd, n) for n in ("Ada", "Eve", "Bob")] == ["banned", "banned", "opened"]


def test_a_ban_by_a_name_of_before_holds_for_all_names(crowd):
    for old, new in (("Ada", "Eve"), ("Eve", "Eva")):
        rename(crowd, old, new)
    assert {r.token for r in ban(crowd, "Eve")} >= {crowd.ada.token}
    assert [opens(crowd, n) for n in ("Ada", "Eve", "Eva", "ada")] == ["banned", "banned", "banned", "opened"]


@pytest.mark.parametrize("by", ["Ada", "ada"])
def test_a_ban_of_merged_people_holds_for_the_names_of_both(crowd, by):
    merge(crowd, "ada", "Ada")
    assert {r.token for r in ban(crowd, by)} >= {crowd.ada.token, crowd.small.token}
    assert [opens(crowd, n) for n in ("Ada", "ada", "Bob")] == ["banned", "banned", "opened"]


@pytest.mark.parametrize("who", ["ada", "Ada"])
def test_who_is_banned_and_who_is_not_are_not_made_one(crowd, who):
    ban(crowd, who)
    assert "one of them is banned" in refuses(crowd, "select tracker.merge_people('ada', 'Ada')")
    ban(crowd, {"ada": "Ada", "Ada": "ada"}[who])
    merge(crowd, "ada", "Ada")
    assert opens(crowd, "ada") == opens(crowd, "Ada") == "banned"


def test_nobody_is_merged_into_who_was_erased(crowd):
    gone = f"erased-{erase(crowd, 'Ada')[0].line}"
    for asked in ("merge_people", "check_merge"):
        assert "no such person" in refuses(crowd, f"select tracker.{asked}('ada', %s)", gone)
        assert "no such person" in refuses(crowd, f"select tracker.{asked}(%s, 'ada')", gone)
    assert person(crowd, "ada").nickname == "ada"
    assert len(erase(crowd, "ada")) == 1


@pytest.fixture
def merging(crowd):
    """ada is merged into Ada, and no worker of ada has been moved yet."""
    crowd.number = crowd.value("select tracker.merge_people('ada', 'Ada')")
    assert crowd.row(crowd.small).person != crowd.row(crowd.ada).person
    return crowd


@pytest.mark.parametrize("by", ["Ada", "ada"])
def test_while_a_merge_goes_on_the_machines_of_both_are_found(merging, by):
    both = {merging.ada.id, merging.small.id}
    assert {r.id for r in merging.rows("select id from tracker.list_workers(%s, null, null, null, 0, 100)", by)} >= both
    assert merging.value("select workers from tracker.weigh_person(%s)", by) == 3
    assert merging.value("select sum(asked) from tracker.undo_count(%s, null, null, null, null)", by) == 5
    number = merging.value("select tracker.undo_begin(%s, null, null, null, null, null, null, 'x', false)", by)
    assert merging.value("select count(*) from tracker.undo_item where undo = %s", number) == 4  # of the five results one was made of another
    assert {r.token for r in ban(merging, by)} >= {merging.ada.token, merging.small.token}


@pytest.mark.parametrize("by", ["Ada", "ada"])
def test_while_a_merge_goes_on_pages_and_lists_show_the_machines_of_both_as_one_persons(merging, by):
    both = {merging.ada.id, merging.small.id}
    them = person(merging, by)
    assert them.nickname == "Ada" and them.machines == len(
        merging.rows("select id from tracker.read_person_workers(%s, null, null, 100)", them.id))
    shown = merging.rows("select id, person from tracker.read_workers(null, %s, null, null, null, 100, 60)", by)
    assert {r.id for r in shown} >= both and {r.person for r in shown if r.id} == {"Ada"}
    for sql in ("select id from tracker.read_person_workers(%s, null, null, 100)",
                "select id from tracker.own_machines(%s, null, null, 100)"):
        assert {r.id for r in merging.rows(sql, them.id)} >= both
    merging.bye(merging.ada, merging.small)
    assert {r.id for r in merging.rows("select id from tracker.own_left(%s, 100)", them.id)} == both
    assert {r.person for r in merging.rows("select * from tracker.list_workers(%s, null, null, null, 0, 100)", by)} == {"Ada"}
    assert merging.value("select person from tracker.read_worker(1::int2, %s)", merging.small.name) == "Ada"
    assert "ada" not in {r.person for r in merging.rows("select person from tracker.list_busy(100)")}
    assert [r.people for r in merging.rows("select * from tracker.list_busy(100)")][0] == len(
        {merging.value("select tracker.called(%s)", r.person) for r in merging.rows(
            "select distinct person from tracker.worker where gone_at is null")})


def test_while_a_merge_goes_on_who_hides_their_machines_hides_both(merging):
    merging.rows("update tracker.person set machines_hidden = true where nickname = 'Ada'")
    assert merging.rows("select id from tracker.read_workers(null, 'ada', null, null, null, 100, 60)") == []
    assert merging.rows("select id from tracker.read_worker(1::int2, %s)", merging.small.name) == []
    assert merging.value("select tracker.public_name('x', %s)", merging.row(merging.small).person) is None


def test_while_a_merge_goes_on_results_of_both_that_were_sent_back_are_shown(merging):
    for job, in merging.rows("select job from tracker.output where stage = 1 order by job"):
        merging.value("select tracker.send_back_job(%s, 1::int2, 'bad')", job)
    of = "select count(*) from tracker.refused_output r where tracker.called(r.person) = 'Ada'"
    assert len(merging.rows("select job from tracker.read_person_refused(%s, 100)", person(merging, "ada").id)) == merging.value(of) > 0


def test_a_merge_that_will_be_refused_is_told_of_before(crowd):
    check = "select tracker.check_merge('ada', 'Ada')"
    crowd.rows(check)
    ban(crowd, "ada")
    assert "one of them is banned" in refuses(crowd, check)
    assert "one person already" in refuses(crowd, "select tracker.check_merge('Ada', 'Ada')")
    assert "no such person" in refuses(crowd, "select tracker.check_merge('nobody', 'Ada')")
    assert crowd.value("select count(*) from tracker.person where merged_into is not null") == 0


def test_who_was_erased_gets_no_key(crowd):
    gone = f"erased-{erase(crowd, 'Ada')[0].line}"
    key = "select tracker.add_key(null, '%s', '{}', 'x', gen_random_uuid(), '')"
    assert "no name" in refuses(crowd, key % gone)
    assert crowd.value("select tracker.revoke_keys(%s, null)", gone) is None
    assert crowd.value("select count(*) from tracker.person_key") == 0


def test_while_a_merge_goes_on_the_failed_jobs_of_both_are_put_back(crowd):
    crowd.max_attempts = 1
    for w in (crowd.ada, crowd.small):
        (job,) = crowd.take(w)
        crowd.back(w, job, "failed", "disk full")
    assert crowd.counts(1).failed == 2
    crowd.value("select tracker.merge_people('ada', 'Ada')")
    crowd.rows("select tracker.requeue_failed(1::int2, null, null, null, null, 'Ada')")
    assert crowd.counts(1).failed == 0


def test_a_reset_ends_undos_and_leaves_other_acts_under_way(merging):
    merging.value("select tracker.undo_begin('Bob', null, null, null, null, null, null, 'x', false)")
    merging.rows("select tracker.audit_act('purge', 'older than 1y', 0, null, 'begun')")
    merging.rows("select tracker.reset_jobs()")
    assert dict(merging.rows("select act, state from tracker.audit where act in ('undo', 'merge people', 'purge')")) == {
        "undo": "cut short", "merge people": "begun", "purge": "begun"}
    assert merge(merging, "ada", "Ada") == merging.number
    assert merging.row(merging.small).person == merging.row(merging.ada).person


def test_people_are_merged_and_renamed_among_many_workers(crowd, server):
    crowd.load(600)
    stop, faults, here = threading.Event(), [], threading.Barrier(5)

    def work(nickname):
        c = server.connect()
        h = House(c)
        try:
            w = h.worker(nickname=nickname)
            here.wait(60)
            while not stop.is_set():
                rows = [r for r in h.want(w, 3) if r.status == "job"]
                h.complete([Item(w.token, r.job, r.lease, "x") for r in rows])
        except Exception as e:  # pylint: disable=broad-except
            faults.append(repr(e))
        finally:
            c.close()
    threads = [threading.Thread(target=work, args=(n,)) for n in ("Ada", "ada", "Bob", "bob")]
    for thread in threads:
        thread.start()
    try:
        here.wait(60)
        merge(crowd, "ada", "Ada")
        fold(crowd)
        rename(crowd, "Ada", "Ada Lovelace")
        merge(crowd, "bob", "Bob")
        fold(crowd)
        hide(crowd, "Bob")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert faults == []
    fold(crowd)
    assert [who for who, _ in board(crowd)] == ["Ada Lovelace"]


# ---- hide

def test_who_is_hidden_is_on_no_board_and_counts_as_before(crowd):
    fold(crowd)
    assert hide(crowd, "Ada")
    assert not hide(crowd, "Ada")
    for period in ("all", "week"):
        assert board(crowd, period) == [("ada", 2), ("Bob", 1)]
    assert person(crowd, "ada").rank == 1
    assert crowd.rows("select * from tracker.read_people('A', null, null, 10)")[0].nickname == "ada"
    make(crowd, crowd.ada, 1)
    assert board(crowd) == [("ada", 2), ("Bob", 1)]
    fold(crowd)
    assert board(crowd, "week") == [("ada", 2), ("Bob", 1)]
    assert person(crowd, "Ada").jobs == 4
    assert crowd.broken_laws() == []
    assert hide(crowd, "Ada", False)
    assert board(crowd) == board(crowd, "week") == [("Ada", 4), ("ada", 2), ("Bob", 1)]
    assert [r.act for r in crowd.rows("select act from tracker.audit where act like '%% person' order by id")] == [
        "hide person", "show person"]


def test_a_day_that_begins_shows_nobody_who_is_hidden(crowd):
    hide(crowd, "Ada")
    crowd.rows("update tracker.board_day set day = day - 1")
    fold(crowd)
    assert board(crowd, "week") == [("ada", 2), ("Bob", 1)]


# ---- erase

NAME = "Zebulon Q. Äxample"


def texts(house):
    """Every text of every row of every table but results and jobs."""
    found = []
    for (table,) in house.rows("select c.relname::text from pg_class c where c.relnamespace = 'tracker'::regnamespace"
                               " and c.relkind = 'r'"):
        if table not in ("job", "migration") and not table.startswith("output"):
            column = "to_jsonb(t) - 'data'" if table == "refused_output" else "to_jsonb(t)"
            found += [f"{table}: {text}" for (text,) in house.rows(f"select ({column})::text from tracker.{table} t")]
    return found


@pytest.fixture
def told(house):
    """Somebody who left their name wherever one can."""
    house.load(20)
    house.flag_limit = 1
    house.max_attempts = 1
    house.them = house.worker(nickname=NAME, label=f"box of {NAME}", address="203.0.113.77")
    other = house.worker(nickname="Other", label="x")
    make(house, house.them, 6)
    make(house, other, 2)
    b = house.worker(2, nickname=NAME, address="203.0.113.77")
    (job,) = house.take(b)
    house.back(b, job, "failed", f"{NAME}: disk full")
    (job,) = house.take(b)
    house.back(b, job, "flagged", f"{NAME} says it is bad")
    house.max_attempts = 10
    (job,) = house.take(b)
    house.back(b, job, "released", f"{NAME} goes home")
    house.rows("select tracker.send_back_job(4, 1::int2, %s)", f"seen by {NAME}")
    house.rows("select tracker.rename_person(%s, %s)", NAME, NAME + " II")
    house.rows("select * from tracker.ban_strangers(%s, null, null, null, null, %s, null)", NAME, f"go, {NAME}")
    house.value("select tracker.undo_begin(%s, null, null, null, null, null, null, %s, false)", NAME, f"by {NAME}")
    house.rows("select tracker.hide_person(%s, true)", NAME)
    house.rows("select tracker.requeue_failed(2::int2, null, %s)", NAME)
    house.says(house.them, f"gpu,{NAME}".split(","))
    house.rows("select tracker.set_batch(%s, null, %s)", house.batch(), f"for {NAME}")
    house.rows("update tracker.batch set paused_why = %s", f"{NAME} asked for it")
    house.rows("select tracker.set_banner(%s)", f"Thanks to {NAME}!")
    house.rows("insert into tracker.invite (hash, label, until) values (gen_random_uuid(), %s, now())", f"for {NAME}")
    other_key = "insert into tracker.person_key (person, label, hash) select id, %s, gen_random_uuid() from tracker.person where nickname = 'Other'"
    house.rows(other_key, f"shared with {NAME}")
    trial = "insert into tracker.trial (worker, stage, job, state, known, said) values (%s, 1, 5, 'failed', '', %s)"
    house.rows(trial, house.them.id, "their own words, xample")
    house.rows(trial, other.id, f"what {NAME} has")
    return house


def test_of_an_erased_person_no_byte_of_the_name_is_left(told):
    before = told.value("select sum(done) from tracker.worker")
    assert any("Zebulon" in t for t in texts(told)) and any("203.0.113.77" in t for t in texts(told))
    rows = erase(told, NAME)
    assert len(rows) == 2
    left = [t for t in texts(told) if "Zebulon" in t or "xample" in t or "203.0.113.77" in t]
    assert left == []
    line = rows[0].line
    assert told.rows("select act, target, count from tracker.audit where id = %s", line) == [
        ("erase person", f"erased-{line}", 2)]
    assert told.value("select sum(done) from tracker.worker") == before
    fold(told)
    assert board(told) == [("Other", 2)]
    assert person(told, NAME) is None and person(told, f"erased-{line}") is None
    assert told.value("select array_agg(distinct person order by person) from tracker.export_jobs(1::int2, 0,"
                      " pg_current_snapshot(), '-infinity', 'infinity', 100, 1000000)") == ["Other", f"erased-{line}"]


def test_who_was_erased_is_a_new_person_when_they_come_again(told):
    erase(told, NAME)
    w = told.worker(nickname=NAME)
    make(told, w, 1)
    assert person(told, NAME).jobs == 1


def test_an_erased_person_is_gone_with_their_jobs(house):
    house.load(2)
    ada = house.worker(nickname="Ada")
    house.take(ada, 2)
    (r,) = erase(house, "Ada")
    assert (r.worker, r.freed, r.stage) == (ada.id, 2, 1)
    assert [j.job for j in house.take(house.worker(), 2)] == [1, 2]


def test_while_an_erasure_reads_what_is_long_people_register(told, server):
    reading = server.connect()
    reading.autocommit = False
    reading.cursor().execute("lock table tracker.strike")
    other = server.connect()
    erasing = threading.Thread(target=lambda: other.cursor().execute("select * from tracker.erase_person(%s)", (NAME,)))
    erasing.start()
    try:
        while not told.value("select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'erase_person')"):
            time.sleep(0.02)
        told.rows("set statement_timeout = '10s'")
        told.worker(nickname="Newcomer", label=f"friend of {NAME}")
    finally:
        reading.rollback()
        erasing.join(60)
    assert [t for t in texts(told) if "Zebulon" in t or "203.0.113.77" in t] == []


def test_a_person_without_a_worker_is_erased(house):
    house.rows("insert into tracker.person (nickname) values ('Ada')")
    (r,) = erase(house, "Ada")
    assert r.worker is None and r.line is not None


def test_a_short_name_is_replaced_only_where_it_is_all(house):
    house.load(1)
    w = house.worker(nickname="a")
    (job,) = house.take(house.worker(nickname="Other"))
    house.back(house.rows("select 1") and w, job)
    house.rows("select tracker.hide_person('a', true)")
    house.rows("select tracker.set_paused(1::int2, true)")
    (r,) = erase(house, "a")
    assert house.rows("select act, target from tracker.audit order by id") == [
        ("hide person", f"erased-{r.line}"), ("pause", "stage a"), ("erase person", f"erased-{r.line}")]


@pytest.mark.parametrize("name, text, words, after", [
    ("Ann", "seen by Ann, twice: Ann", False, "seen by {new}, twice: {new}"), ("Ann", "the Annual report, by Joann", False, None),
    ("disk", "disks", False, None), ("Zoë", "Zoë's", False, "{new}'s"), ("Zebulon", "xZebulon2", False, "x{new}2"),
    ("Al", "Al", False, "{new}"), ("Al", "Al says hi", False, None), ("Al", "Al says hi, Also Al", True, "{new} says hi, Also {new}"),
    ("a", "pause stage a", False, None), ("王伟", "王伟说", False, "{new}说"), ("李", "李", False, "{new}"),
    ("Zebulon", "ZEBULON'S box, zebulons, zebulon", False, "{new}'S box, zebulons, {new}"),
    ("Жанна", "для жанна, ЖАННА и жаннами", False, "для {new}, {new} и жаннами"),
    ("Νίκος", "ΝΊΚΟΣ, Νίκοσ και νίκος, Νίκοση", False, "{new}, {new} και {new}, Νίκοση"),
    ("Νίκοσ", "νίκος, ΝΊΚΟΣ", False, "{new}, {new}"), ("Σίσυφος", "σίςυϕος", False, "{new}"), ("βασιλιάς", "ϐαςιλιάσ!", False, "{new}!"),
    ("Will", "Will will", False, "{new} will"), ("Will", "Will will, willing", True, "{new} {new}, willing"),
    ("Will", "will", False, None), ("Al", "al says hi", True, "{new} says hi"),
    ("(x)", "by (x)y", False, "by {new}y"), ("A.B", "AxB and A.B", False, "AxB and {new}"), ("\\1", "a \\1 b", True, "a {new} b")])
def test_a_name_goes_from_a_text_where_it_is_one(house, name, text, words, after):
    """And nothing else of the text: neither of a word that the name is a part of, nor of what only looks like it."""
    house.load(1)
    house.worker(nickname=name)
    other = house.worker(nickname="Other")
    (job,) = house.take(other)
    house.back(other, job, reason=text)
    (line,) = house.rows("select line from tracker.erase_person(%s, %s)", name, words)
    assert house.value("select reason from tracker.strike") == (after or text).format(new=f"erased-{line.line}")


def test_of_an_erased_person_no_letter_is_left_in_another_case(told):
    told.rows("select * from tracker.ban_strangers(null, null, %s, null, null, %s, null)", NAME.upper(), f"go, {NAME.lower()}")
    told.rows("select tracker.set_batch(%s, null, %s)", told.batch(), f"for {NAME.swapcase()}'s")
    told.rows("select tracker.add_invite(gen_random_uuid(), %s, 14)", NAME.lower())
    erase(told, NAME)
    assert [t for t in texts(told) if "zebulon" in t.lower()] == []


def erase_themselves(house, name):
    """As on /me."""
    session, key = uuid.uuid4(), uuid.uuid4()
    house.rows("insert into tracker.person_key (person, label, hash) select id, '', %s from tracker.person where nickname = %s", key, name)
    assert house.value("select tracker.open_session(%s, %s, '192.0.2.1', 60)", key, session) == "in"
    return {r.status for r in house.rows("select status from tracker.own_erase(%s, %s)", session, name)}


def test_who_erases_themselves_changes_nothing_that_others_wrote(house):
    """A stranger may be called like a release, or like a reason."""
    name = "warc2tar 1.4"
    house.load(9)
    other = house.worker(nickname="Other", label=name)
    house.rows("select tracker.rename_person('Other', %s)", "of " + name)
    good, bad = house.take(other, 2)
    house.done(other, good)
    house.back(other, bad, reason=f"{name} says no")
    house.rows("select tracker.set_batch(%s, null, %s)", house.batch(), f"for {name}")
    house.rows("select tracker.set_banner(%s)", name)
    house.rows("select * from tracker.ban_strangers(null, null, 'x', null, null, %s, null)", f"not {name}")
    house.rows("select tracker.rename_stage(2::int2, %s)", "warc2tar")
    def told():
        return collections.Counter(t.split(":")[0] for t in texts(house) for _ in range(t.count(name)))
    before = told()
    assert {"audit", "ban", "batch", "person", "project", "strike", "worker"} <= set(before)
    mine = house.worker(nickname=name, label="x y")
    house.back(mine, house.take(mine)[0], reason=f"{name} again")
    house.rows("select tracker.hide_person(%s, true)", name)
    assert erase_themselves(house, name) == {"done"}
    assert told() == before
    assert house.value("select count(*) from tracker.undo_count(null, null, null, null, null, null, %s)", name) == 1


@pytest.mark.parametrize("banned", ["Ada", "Ada I"])
def test_who_is_banned_erases_themselves_after_the_ban(house, banned):
    """Else what they did could be found by nothing any more."""
    house.worker(nickname="Ada I")
    house.rows("select tracker.rename_person('Ada I', 'Ada')")
    house.rows("select * from tracker.ban_strangers(%s, null, null, null, null, 'go', null)", banned)
    assert erase_themselves(house, "Ada") == {"banned"}
    assert house.value("select count(*) from tracker.ban where lifted is null") == 1
    house.rows("select tracker.lift_ban(id) from tracker.ban")
    assert erase_themselves(house, "Ada") == {"done"}


def test_who_erases_themselves_is_in_no_line_of_audit_about_them(house):
    house.worker(nickname="Zebulon")
    house.worker(nickname="Zeb")
    house.rows("select tracker.rename_person('Zebulon', 'Zebulon II')")
    house.rows("select tracker.rename_person('Zebulon II', 'Zebulon III')")
    merge(house, "Zeb", "Zebulon III")
    house.rows("select * from tracker.ban_strangers('Zebulon', null, null, null, null, 'go', null)")
    house.rows("select tracker.lift_ban(id) from tracker.ban")
    house.rows("select tracker.hide_person('Zebulon', true)")
    assert erase_themselves(house, "Zebulon III") == {"done"}
    assert [t for t in texts(house) if "Zeb" in t] == []


@pytest.mark.parametrize("name", ["dropped", "banned", "person", "batch", "stage", "the answer could not be delivered", "load"])
def test_an_erasure_changes_no_word_of_the_trackers_own(house, name):
    house.load(4)
    other, third = house.worker(nickname="Other"), house.worker(nickname="Third")
    house.take(other), house.take(third)
    house.rows("select tracker.drop_worker(1::int2, %s)", other.name)
    house.rows("select * from tracker.ban_strangers('Third', null, null, null, null, 'go', null)")
    house.rows("insert into tracker.strike (stage, job, worker, person, kind, reason, at) select 1, 3, id, person, 'released',"
               " 'the answer could not be delivered', now() from tracker.worker where id = %s", third.id)
    house.rows("select tracker.hide_person('Other', true)")
    house.rows("select tracker.pause_batch(%s)", house.batch())
    house.rows("select tracker.set_paused(1::int2, true)")
    logic = "select kind, reason from tracker.strike order by id", "select act, target from tracker.audit where act <> 'erase person' order by id"
    before = [house.rows(sql) for sql in logic]
    house.worker(nickname=name)
    erase(house, name)
    after = [house.rows(sql) for sql in logic]
    if name == "load":  # which is the batch's name: its own
        after[1] = [(act, target.replace(house.value("select 'erased-' || max(id) from tracker.audit"), "load")) for act, target in after[1]]
    assert after == before


@pytest.mark.parametrize("names", [("Ada Lovelace", "Ada"), ("Adalovelace Byron-King", "Adalov")])
def test_of_two_names_of_which_one_is_a_part_of_the_other_neither_is_left(house, names):
    house.load(1)
    house.worker(nickname=names[0])
    other = house.worker(nickname="Other")
    house.back(other, house.take(other)[0], reason=f"seen by {names[0]}, {names[1]}")
    house.rows("select tracker.rename_person(%s, %s)", *names)
    (line,) = {r.line for r in erase(house, names[1])}
    assert house.value("select reason from tracker.strike") == f"seen by erased-{line}, erased-{line}"


def test_in_how_many_texts_of_others_a_name_stands_is_told_before(house):
    house.load(2)
    other = house.worker(nickname="Other")
    for job in house.take(other, 2):
        house.back(other, job, reason=f"of Zebulon {job.job}")
    house.worker(nickname="Zebulon")
    assert weigh_name(house, "Zebulon") == [("long", "Zebulon", 2)]


def test_whose_labels_an_erasure_changes_is_told_before(house):
    house.worker(nickname="Ada", label="Ada")
    assert weigh_name(house, "Ada") == []
    house.worker(nickname="Other", label="Ada 1.4")
    assert weigh_name(house, "Ada") == [("label", "Ada", 1)]


def test_who_is_called_the_same_in_other_letters_is_somebody_else(house):
    """What was done to them is told of them after the other is gone."""
    for name in ("Zebulon", "zebulon"):
        house.worker(nickname=name)
    house.rows("select * from tracker.ban_strangers('zebulon', null, null, null, null, 'go', null)")
    house.rows("select tracker.rename_person('zebulon', 'Eve')")
    house.rows("select tracker.hide_person('zebulon', true)")
    (line,) = {r.line for r in erase(house, "Zebulon")}
    assert house.rows("select act, target from tracker.audit order by id") == [
        ("ban", "person zebulon"), ("rename person", "zebulon"), ("hide person", "zebulon"), ("erase person", f"erased-{line}")]
    assert house.rows("select person from tracker.ban") == [("zebulon",)]


def test_who_acted_for_the_project_stays_written_down_whoever_takes_their_name(house):
    """And it is told before."""
    house.rows("set tracker.who = 'Ann@host'")
    house.rows("select tracker.set_paused(1::int2, true)")
    house.worker(nickname="Ann@host")
    assert weigh_name(house, "Ann@host") == [("acts", "Ann@host", 1)]
    erase(house, "Ann@host")
    assert house.value("select who from tracker.audit where act = 'pause'") == "Ann@host"


def test_a_short_name_in_other_letters_is_told_before(house):
    house.load(1)
    house.worker(nickname="Will")
    assert weigh_name(house, "Will") == []
    other = house.worker(nickname="Other", label="Will's friend")
    house.back(other, house.take(other)[0], reason="it will be full, and I am willing")
    assert weigh_name(house, "Will") == [("case", "Will", 1), ("label", "Will", 1)]


def test_a_name_that_is_theirs_already_is_no_renaming(crowd):
    assert rename(crowd, "Ada", "Eve") is not None
    assert rename(crowd, "Ada", "Eve") is None and rename(crowd, "Eve", "Eve") is None
    assert crowd.value("select count(*) from tracker.audit") == 2
    assert {n for n, in crowd.rows("select nickname from tracker.person")} == {"Ada", "Eve", "ada", "Bob"}


def weigh_name(house, name):
    return [tuple(r) for r in house.rows("select * from tracker.weigh_name(%s)", name)]


def test_what_an_erasure_leaves_is_told_before(house):
    house.load(1, name="for Ann")
    house.load(1, name="Annual")
    house.rows("select tracker.rename_stage(2::int2, 'Ann and Al')")
    for name in ("Ann", "Al"):
        house.worker(nickname=name)
    other = house.worker(nickname="Other", label="box of Al")
    house.back(other, house.take(other)[0], reason="Also Al")
    assert weigh_name(house, "Ann") == [("batch", "for Ann", None), ("stage", "Ann and Al", None)]
    assert weigh_name(house, "Al") == [("stage", "Ann and Al", None), ("name", "Al", 3)]  # with the line of the stage's new name
    assert weigh_name(house, "nobody") == []


def test_a_former_name_of_a_stage_goes_with_who_is_named_in_it(house):
    for name in ("Ann's", "Annual", "Extract"):
        house.rows("select tracker.rename_stage(1::int2, %s)", name)
    house.worker(nickname="Ann")
    erase(house, "Ann")
    assert {n for n, in house.rows("select name from tracker.former_stage")} == {"extract", "annual"}


def test_what_others_sent_stays(told):
    other = told.worker(nickname="Other")
    (job,) = told.take(other)
    told.back(other, job, "failed", "my own words")
    erase(told, NAME)
    assert told.value("select count(*) from tracker.strike where reason = 'my own words'") == 1


@pytest.mark.parametrize("call", ["select * from tracker.erase_person('nobody')", "select tracker.hide_person('nobody', true)"])
def test_nobody_can_be_neither_erased_nor_hidden(house, call):
    refuses(house, call)
    assert house.value("select count(*) from tracker.audit") == 0


def test_an_erasure_is_weighed_before(told):
    (r,) = told.rows("select * from tracker.weigh_person(%s)", NAME)
    assert (r.nickname, r.names, r.workers, r.present) == (NAME + " II", 2, 2, 0)
    assert told.rows("select * from tracker.weigh_person('nobody')") == []


def test_who_was_merged_into_somebody_hidden_is_on_no_board(crowd):
    merge(crowd, "ada", "Ada")
    hide(crowd, "Ada")
    assert board(crowd) == [("Bob", 1)]


# ---- what a second look finds

def test_a_merge_adds_what_was_withdrawn_of_a_day_and_keeps_the_older_birth(crowd):
    crowd.rows("select tracker.send_back_job(3, 1::int2, 'wrong')")  # one of ada's
    fold(crowd)
    crowd.rows("update tracker.person set created = created + interval '1 hour' where nickname = 'Ada'")
    born = crowd.value("select created from tracker.person where nickname = 'ada'")
    days = "select sum(d.done)::int8 as done, sum(d.withdrawn)::int8 as withdrawn from tracker.person_day d join tracker.person p on p.id = d.person" \
           " where p.nickname in ('Ada', 'ada')"
    before = crowd.rows(days)
    assert before[0].withdrawn == 2
    merge(crowd, "ada", "Ada")
    assert crowd.rows(days) == before
    assert crowd.value("select created from tracker.person where nickname = 'Ada'") == born


def test_a_merge_takes_what_was_refused_with_it(crowd):
    merge(crowd, "Ada", "Bob", most=1)
    assert crowd.rows("select distinct p.nickname from tracker.refused_output r join tracker.person p on p.id = r.person") == [("Bob",)]
    assert crowd.value("select count(*) from tracker.worker w join tracker.person p on p.id = w.person"
                       " where p.nickname = 'Ada'") == 0


def test_what_is_not_folded_yet_of_an_old_name_is_on_the_persons_page(crowd):
    merge(crowd, "Ada", "Bob")
    jobs = crowd.take(crowd.ada, 1)
    crowd.rows("update tracker.worker set person = (select id from tracker.person where nickname = 'Ada') where id = %s",
               crowd.ada.id)  # one that the merge has not come to
    before = person(crowd, "Bob").jobs
    crowd.done(crowd.ada, jobs[0])
    assert person(crowd, "Bob").jobs == before + 1
    crowd.rows("update tracker.worker set person = (select id from tracker.person where nickname = 'Bob') where id = %s",
               crowd.ada.id)


def test_a_board_that_is_settled_counts_seven_days_and_nobody_hidden(crowd):
    fold(crowd)
    crowd.lawful = False
    crowd.rows("update tracker.person_day d set day = (select day from tracker.board_day) - 7"
               " from tracker.person p where p.id = d.person and p.nickname = 'Bob'")
    crowd.rows("update tracker.person set hidden = true where nickname = 'ada'")
    crowd.rows("select tracker.settle_board(array(select id from tracker.person))")
    assert crowd.rows("select p.nickname from tracker.board b join tracker.person p on p.id = b.person order by 1") == [("Ada",)]


def test_of_an_erased_person_no_hash_of_an_address_is_left_nor_a_ban_that_stands(told):
    rows = erase(told, NAME)
    workers = [r.worker for r in rows]
    assert told.rows("select from tracker.worker where id = any (%s) and num_nonnulls(address, origin, network) > 0", workers) == []
    assert told.rows("select from tracker.strike where worker = any (%s) and network is not null", workers) == []
    assert told.value("select count(*) from tracker.ban where lifted is null") == 0
    assert told.value("select bool_and(hidden) from tracker.person where erased")


def test_an_erasure_sends_away_who_works_under_an_old_name(crowd):
    """And finds what was written of it long ago."""
    crowd.rows("select tracker.merge_people('ada', 'Ada')")  # no step of it: ada's worker is still ada's
    assert {r.worker for r in erase(crowd, "Ada") if r.freed is not None} >= {crowd.ada.id, crowd.small.id}
    assert crowd.value("select bool_and(gone_at is not null) from tracker.worker where id = any (%s)",
                       [crowd.ada.id, crowd.small.id])


def test_a_name_in_an_old_refusal_is_found(crowd):
    crowd.rows("select tracker.send_back_job(5, 1::int2, 'Zebulon made it')")
    crowd.worker(nickname="Zebulon")
    crowd.rows("select setval(pg_get_serial_sequence('tracker.refused_output', 'id'), 100000)")
    crowd.rows("select tracker.send_back_job(6, 1::int2, 'wrong')")
    erase(crowd, "Zebulon")
    assert crowd.rows("select from tracker.refused_output where reason like '%%Zebulon%%'") == []


def test_who_is_banned_twice_hears_the_newest_words(house):
    for words in ("first", "second"):
        house.rows("select * from tracker.ban_strangers('Ada', null, null, null, null, %s, null)", words)
    (r,) = house.open([house.stranger(nickname="Ada")])
    assert r.words == "second"


def test_a_label_is_banned_whatever_its_case(house):
    house.rows("select * from tracker.ban_strangers(null, null, 'Bad/1.0', null, null, 'go', null)")
    (r,) = house.open_from(house.stranger(), "192.0.2.1", "bad/1.0")
    assert r.status == "banned"


@pytest.mark.parametrize("label", ["run by Zebulon", "RUN BY Zebulon", "Zebulon"])
def test_a_ban_of_a_label_with_an_erased_name_goes_on(house, label):
    house.worker(nickname="Zebulon")
    house.rows("select * from tracker.ban_strangers(null, null, %s, null, null, 'go', null)", label)
    (line,) = {r.line for r in erase(house, "Zebulon")}
    assert house.rows("select label from tracker.ban") == [(label.replace("Zebulon", f"erased-{line}"),)]
    for says, hears in ((label, "banned"), (label.swapcase(), "banned"), ("run by Ada", "opened"), ("", "opened")):
        (r,) = house.open_from(house.stranger(), "192.0.2.1", says)
        assert r.status == hears, says


@pytest.mark.parametrize("text, name, words, left", [
    ("go, Ada!", "Ada", False, "go, *!"), ("Adam and Ada", "Ada", False, "Adam and *"), ("go, Al!", "Al", False, "go, Al!"),
    ("go, Al!", "Al", True, "go, *!"), ("Al", "Al", False, "*"), ("byRobert-", "Robert", False, "by*-"), ("byPetra-", "Petra", False, "byPetra-")])
def test_a_name_is_taken_out_of_a_text_when_it_is_long_enough_to_be_meant(house, text, name, words, left):
    assert house.value("select tracker.without_name(%s, %s, '*', %s)", text, name, words) == left


def test_a_machine_is_known_by_its_stage_and_name_unless_its_owner_shows_none(house):
    one, other = house.worker(1, "Ada", "twin"), house.worker(2, "Bob", "twin")
    third = house.worker(1, "Bob", "single")
    house.rows("update tracker.person set machines_hidden = true where nickname = 'Bob'")
    public = "select tracker.public_of_stage(%s::int2, %s)"
    assert [house.value(public, w.stage, w.name) for w in (one, other, third)] == ["twin", None, None]
    assert house.rows("select tracker.public_of_stage(2::int2, 'single') as name") == [(None,)]
    house.rows("update tracker.person set machines_hidden = nickname = 'Ada'")
    assert [house.value(public, w.stage, w.name) for w in (one, other, third)] == [None, "twin", "single"]


@pytest.mark.parametrize("name, taken", [("x" * 128, True), ("é" * 128, True), ("x" * 129, False), ("x", True), ("", False), ("a\x01b", False), ("a\x7fb", False)])
def test_a_new_name_has_one_to_a_hundred_and_twenty_eight_characters(house, name, taken):
    house.worker(1, "Bob")
    if taken:
        rename(house, "Bob", name)
        assert house.value("select nickname from tracker.person where merged_into is null") == name
    else:
        refuses(house, "select tracker.rename_person('Bob', %s)", name)


def test_who_is_still_to_be_looked_at_is_who_another_version_saw_or_none(house):
    for name, looked in (("a", None), ("b", "63"), ("c", "64"), ("d", "65"), ("e", "64")):
        house.rows("insert into tracker.person (nickname, looked) values (%s, %s)", name, looked)
    assert {r.nickname for r in house.rows("select * from tracker.list_unlooked('64', 9)")} == {"a", "b", "d"}
    assert [len(house.rows("select * from tracker.list_unlooked('64', %s)", most)) for most in (0, 1, 2, 3)] == [0, 1, 2, 3]


@pytest.mark.parametrize("days, told", [(1, True), (6, True), (7, False)])
def test_who_is_shown_again_has_the_week_that_they_had(house, days, told):
    house.lawful = False
    house.load(1)
    make(house, house.worker(1, "Ada"), 1)
    for table in ("tally", "credit"):
        house.rows(f"update tracker.{table} set minute = (date_trunc('day', now() at time zone 'UTC') - make_interval(days => %s)) at time zone 'UTC'"
                   " where slot >= 0", days)
    house.fold()
    before = board(house, "week")
    hide(house, "Ada")
    assert board(house, "week") == board(house) == []
    hide(house, "Ada", False)
    assert board(house, "week") == before == ([("Ada", 1)] if told else [])
    assert board(house) == [("Ada", 1)]
