"""Who is not welcome hears so, and only they; where a worker comes from, and what it says that it runs."""
import json

import pytest

from client import Api, Client, Fleet, WorkerTimedOut, which

ADMIN = "distcompute-admin"


def admin(stack, *words, **how):
    return stack.run(ADMIN, *words, **how)


@pytest.fixture(autouse=True)
def _no_bans(fresh):
    fresh.sql("delete from tracker.ban")
    yield
    fresh.sql("delete from tracker.ban")


def register(stack, nickname="Ada", **more):
    headers = more.pop("headers", {})
    return Api(stack).get("/api/new", params={"stage": "a", "nickname": nickname, **more}, headers=headers)


def last_worker(stack, column):
    return stack.sql(f"select {column} from tracker.worker order by id desc limit 1")[0][0]


@pytest.mark.parametrize("said, label", [
    ({"label": "warc2tar 1.4"}, "warc2tar 1.4"),
    ({"label": "x" * 100}, "x" * 64),
    ({"label": "a\u202eb\x1b[31mc\u200bd"}, "abcd"),
    ({"label": ""}, ""),
    ({"headers": {"User-Agent": "python-requests/2.31.0"}}, "python-requests/2.31.0"),
])
def test_a_worker_says_what_it_runs(fresh, said, label):
    assert register(fresh, **said).status_code == 200
    assert last_worker(fresh, "label") == label


@pytest.mark.parametrize("said, label", [("warc2tar 1.5", "warc2tar 1.5"), ("y" * 100, "y" * 64), ("a\u202eb", "ab"), ("", "")])
def test_a_fleet_says_anew_what_it_runs(fresh, said, label):
    f = Fleet(fresh, label="warc2tar 1.4")
    f.sync(label=said)
    assert last_worker(fresh, "label") == label
    f.sync(want=1)
    f.sync(has="gpu")
    assert (last_worker(fresh, "label"), last_worker(fresh, "words")) == (label, ["gpu"])
    f.sync(label="warc2tar 1.6")
    assert (last_worker(fresh, "label"), last_worker(fresh, "words")) == ("warc2tar 1.6", ["gpu"])


@pytest.mark.parametrize("ended", ["done", "failed"])
def test_who_has_brought_something_keeps_the_label_under_which_it_did(fresh, ended):
    """Else one call would hide what a broken release made, and blame the next one for it."""
    fresh.load(["x", "y", "z"])
    f = Fleet(fresh, label="warc2tar 1.4")
    (job,) = f.take(1)
    f.sync(**{ended: [{**which(job), **({"data": "r"} if ended == "done" else {"reason": "exit 1"})}]})
    f.sync(label="warc2tar 1.5")
    assert last_worker(fresh, "label") == "warc2tar 1.4"


@pytest.mark.parametrize("label", [1, None, ["x"], {}])
def test_a_label_in_sync_that_is_no_string_is_told(fresh, label):
    answer = Fleet(fresh).raw(label=label)
    assert (answer.status_code, answer.text) == (422, "The field 'label' must be a string.")


def test_distcompute_worker_says_what_it_runs(fresh):
    fresh.load(["x"])
    how = ["--url", fresh.url, "--cacert", fresh.certificate, "--exit-when-idle", "1", "--wait", "1"]
    fresh.run("distcompute-worker", *how, "--label", "warc2tar 1.4", "--", "cat", config=False)
    assert last_worker(fresh, "label") == "warc2tar 1.4"
    said = fresh.run("distcompute-worker", *how, "--label", "x" * 65, "--", "cat", config=False, check=False)
    assert said.returncode == 64 and "--label wants 1 to 64 characters" in said.stderr


def test_a_label_that_is_no_text_is_no_reason_to_refuse(fresh):
    answer = Api(fresh).get("/api/new?stage=a&nickname=Ada&label=%ff%00")
    assert answer.status_code == 200


def test_an_address_is_the_one_that_nginx_saw(fresh):
    assert register(fresh, headers={"X-Forwarded-For": "198.51.100.9", "X-Real-IP": "198.51.100.9"}).status_code == 200
    assert last_worker(fresh, "host(address)") in ("127.0.0.1", "::1")
    assert last_worker(fresh, "origin is not null and network is not null") is True


def test_who_is_banned_hears_the_words_and_others_work_on(fresh):
    fresh.load(["one", "two"])
    mallory, ada = Client(fresh, nickname="Mallory"), Client(fresh, nickname="Ada")
    mallory.get_job()
    said = admin(fresh, "ban", "--person", "Mallory", "--reason", "your results were made up").stdout
    assert "1 worker is gone" in said
    number = fresh.one("select max(id) from tracker.ban")
    assert said.startswith(f"ban {number};") and said.endswith(f" unban {number}\n")
    with pytest.raises(WorkerTimedOut):
        mallory.log("still here")
    answer = register(fresh, "Mallory")
    assert (answer.status_code, answer.text) == (403, "You are banned: your results were made up")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert ada.get_job() in ("one", "two")
    assert Fleet(fresh, "a", "Ada").take(1)


def test_a_ban_holds_from_the_call_on_that_names_it(fresh):
    """A label that is first said in sync: what the call brings is taken, its other jobs go to others, and who registers
    again hears why."""
    fresh.load(["one", "two", "three"])
    admin(fresh, "ban", "--label", "warc2tar 1.4", "--reason", "it cuts records", "--until", "2036-01-01 UTC")
    f, ada = Fleet(fresh, nickname="Mallory"), Fleet(fresh, nickname="Ada", label="warc2tar 1.5")
    (first, *others) = f.take(3)
    answer = f.raw(done=[{**which(first), "data": "r"}], label="warc2tar 1.4", want=5)
    assert (answer.status_code, [r["status"] for r in answer.json()["results"]]) == (200, ["accepted"])
    assert answer.json()["jobs"] == [] and answer.json()["message"] == "This worker is gone. Register again."
    for more in ({"want": 1}, {}, {"label": "warc2tar 1.5", "want": 1}):
        assert f.raw(**more).status_code == 404
    assert register(fresh, "Mallory", label="warc2tar 1.4").text == "You are banned: it cuts records (until 2036-01-01 00:00 UTC)"
    assert sorted(j["job"] for j in ada.take(2, wait=30, label="warc2tar 1.5")) == sorted(j["job"] for j in others)


def test_a_ban_is_listed_and_lifted(fresh):
    admin(fresh, "ban", "--label", "warc2tar 1.4", "--reason", "it cuts records", "--until", "2036-01-01 UTC")
    (ban,) = [json.loads(line) for line in admin(fresh, "bans", "--json").stdout.splitlines()]
    assert (ban["whom"], ban["words"], ban["until"]) == (
        "label warc2tar 1.4", "it cuts records", "2036-01-01T00:00:00Z")
    assert register(fresh, label="warc2tar 1.4").status_code == 403
    assert admin(fresh, "unban", str(ban["ban"])).stdout.endswith(
        " ban --label 'warc2tar 1.4' --reason 'it cuts records' --until '2036-01-01 00:00:00 UTC'\n")
    assert admin(fresh, "bans").stdout == ""
    assert register(fresh, label="warc2tar 1.4").status_code == 200
    acts = [json.loads(line)["act"] for line in admin(fresh, "audit", "--json").stdout.splitlines()]
    assert acts[-2:] == ["ban", "unban"]


def test_a_network_is_banned(fresh):
    admin(fresh, "ban", "--address", "127.0.0.0/8", "--reason", "a flood")
    admin(fresh, "ban", "--address", "::1", "--reason", "a flood")
    assert register(fresh).status_code == 403


@pytest.mark.parametrize("words, status, said", [
    (["ban"], 64, "whom?"),
    (["ban", "--person", "a", "--label", "b", "--reason", "x"], 64, "whom?"),
    (["ban", "--person", "a"], 64, "--reason"),
    (["ban", "--worker", "nobody", "--reason", "x"], 64, "--stage"),
    (["ban", "--worker", "nobody", "--stage", "a", "--reason", "x"], 1, "no such worker"),
    (["ban", "--address", "192.0.2.7/33", "--reason", "x"], 64, "192.0.2.7/33"),
    (["ban", "--person", "a", "--reason", "x", "--until", "2001-01-01"], 1, "that time is over"),
    (["unban", "x"], 64, "no number"),
    (["unban", "4711"], 1, "no ban 4711"),
])
def test_what_cannot_be_banned_is_said_in_words(fresh, words, status, said):
    answer = admin(fresh, *words, check=False)
    assert (answer.returncode, answer.stdout) == (status, "") and said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_labels_and_origins_are_tables(fresh):
    register(fresh, label="warc2tar\x1b[2J 1.4")
    for what in ("labels", "origins"):
        lines = admin(fresh, what).stdout.splitlines()
        assert lines[0].split()[1:] == ["present", "workers", "people", "done", "bad"]
        assert len(lines) == 2 and "\x1b" not in lines[1]
        (row,) = [json.loads(line) for line in admin(fresh, what, "--json").stdout.splitlines()]
        assert (row["present"], row["workers"], row["people"]) == (1, 1, 1)


def test_nothing_that_an_operator_is_shown_turns_the_text(fresh):
    """Whoever made a label or a file's name chose its characters, and an operator copies them."""
    evil = "e\u202egnp\u2066\u200b\x9b31m\u2028x"
    for words in (["--label", evil, "--reason", "x"], ["--label", "x", "--reason", evil]):
        refused = admin(fresh, "ban", *words, check=False)
        assert refused.returncode == 64 and "each can be seen" in refused.stderr
    admin(fresh, "ban", "--label", "as it was", "--reason", "as it was")
    fresh.sql("update tracker.ban set label = %s, words = %s where label = 'as it was'", evil, evil)
    fresh.sql("update tracker.audit set target = %s, details = jsonb_set(details, '{words}', to_jsonb(%s::text))", evil, evil)
    told = admin(fresh, "audit", "--json").stdout
    said = [told, admin(fresh, "audit").stdout, admin(fresh, "bans").stdout,
            admin(fresh, "person", evil, check=False).stderr,
            fresh.run("distcompute-export", "--stage", evil, check=False).stderr,
            fresh.run("distcompute-load", "/none/" + evil, check=False).stderr]
    assert all(said)
    assert [(text, c) for text in said for c in text if c in evil and not c.isascii()] == []
    assert any(json.loads(line)["details"].get("words") == evil for line in told.splitlines())


@pytest.mark.parametrize("acts, banned, welcome", [
    ([("ban", "--person", "Aud1", "--reason", "go"), ("person", "rename", "Aud1", "Aud2")], ["Aud1", "Aud2"], ["Ada"]),
    ([("person", "rename", "Mallory", "Malory2"), ("ban", "--person", "Mallory", "--reason", "go")],
     ["Mallory", "Malory2"], ["Ada"]),
    ([("person", "merge", "Sock1", "Sock2", "--yes"), ("ban", "--person", "Sock1", "--reason", "go")],
     ["Sock1", "Sock2"], ["Ada"]),
])
def test_a_ban_of_a_person_holds_for_all_their_names(fresh, acts, banned, welcome):
    for nickname in {n for act in acts for n in act[2:] if n in ("Aud1", "Mallory", "Sock1", "Sock2")}:
        assert register(fresh, nickname).status_code == 200
    for act in acts:
        admin(fresh, *act)
    assert [n for n in banned + welcome if register(fresh, n).status_code == 200] == welcome


def test_a_banned_and_a_clean_person_are_not_made_one(fresh):
    for nickname in ("Foul", "Clean"):
        assert register(fresh, nickname).status_code == 200
    admin(fresh, "ban", "--person", "Foul", "--reason", "go")
    said = admin(fresh, "person", "merge", "Foul", "Clean", "--yes", check=False)
    assert said.returncode != 0 and "one of them is banned and the other is not" in said.stderr
    assert register(fresh, "Clean").status_code == 200
