"""What an operator looks at and does, by distcompute-admin, on a stack at work."""
import contextlib
import gzip
import json
import os
import re
import shlex
import signal
import subprocess

import pytest
import redis
import requests

from client import Api, Client, Fleet, which, work
from waiting import eventually

ADMIN = "distcompute-admin"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def lines(stack, *args):
    return [json.loads(line) for line in stack.run(ADMIN, *args, "--json").stdout.splitlines()]


# --- what is looked at ----------------------------------------------------------------------------

def test_a_job_tells_its_life(fresh):
    fresh.load(["one"])
    _, (job,) = work(fresh, "a", "Ada", 1)
    bad = Fleet(fresh, "b", "Bob")
    (taken,) = bad.take(1)
    bad.sync(failed=[{**which(taken), "reason": "exit 3\x1b[2J: disk full"}])
    (told,) = lines(fresh, "job", str(job["job"]))
    assert [(s["stage"], s["state"], s["person"]) for s in told["stages"]] == [("a", "done", "Ada"), ("b", "retry", "Bob")]
    assert [(e["stage"], e["kind"], e["person"]) for e in told["events"]] == [("b", "failed", "Bob")]
    assert told["events"][0]["reason"] == "exit 3\x1b[2J: disk full"
    said = fresh.run(ADMIN, "job", "1").stdout
    assert "disk full" in said and "\x1b" not in said
    answer = fresh.run(ADMIN, "job", "4711", check=False)
    assert answer.returncode == 1 and "there is no job 4711" in answer.stderr


def test_a_person_is_shown_with_machines_and_what_was_refused(fresh):
    fresh.load(["one", "two"])
    work(fresh, "a", "Mallory", 2)
    fresh.run(ADMIN, "send-back", "1", "--stage", "a", "--reason", "wrong")
    (told,) = lines(fresh, "person", "Mallory")
    assert (told["nickname"], told["jobs"], told["withdrawn"], told["workers"], told["banned"]) == ("Mallory", 1, 1, 1, False)
    assert [m["in_hand"] for m in told["machines"]] == [0]
    assert [(r["job"], r["reason"]) for r in told["refused"]] == [(1, "wrong")]
    assert "Mallory" in fresh.run(ADMIN, "person", "Mallory").stdout
    answer = fresh.run(ADMIN, "person", "Nobody", check=False)
    assert answer.returncode == 1 and "there is no person" in answer.stderr
    answer = fresh.run(ADMIN, "person", "erased-7", check=False)
    assert answer.returncode == 1 and "undo --person finds the results" in answer.stderr


def test_a_person_of_whom_much_was_refused_is_still_seen_on_a_terminal(fresh):
    fresh.load([f"job {n}" for n in range(30)])
    work(fresh, "a", "Mallory", 30)
    fresh.run(ADMIN, "undo", "--person", "Mallory", "--reason", "made up")
    said = fresh.run(ADMIN, "person", "Mallory").stdout.splitlines()
    assert len([line for line in said if line.endswith("made up")]) == 20 and said[-1] == "(20 are shown; --json tells more)"
    (told,) = lines(fresh, "person", "Mallory")
    assert len(told["refused"]) == 30


def test_credit_that_is_kept_is_told_at_once_and_shared_among_all(fresh):
    fresh.load([f"job {n}" for n in range(40)])
    work(fresh, "a", "Ada", 30)
    work(fresh, "a", "Cid", 10)
    work(fresh, "b", "Bob", 20)
    fresh.run(ADMIN, "undo", "--person", "Ada", "--keep-credit", "--reason", "release 1.4")
    people = {name: lines(fresh, "person", name)[0] for name in ("Ada", "Bob", "Cid")}
    assert [(p["jobs"], p["withdrawn"]) for p in people.values()] == [(30, 0), (20, 0), (10, 0)]
    made_of = people["Bob"]["kept"]
    assert people["Ada"]["kept"] == 30 and people["Cid"]["kept"] == 0 and 0 < made_of <= 20

    def shares():
        board = Api(fresh).get("/leaderboard").text
        return [float(share) for share in re.findall(r">([\d.]+)%<", board)]
    eventually(lambda: shares() == [50.0, 33.3, 16.7], timeout_s=60, what="the shares of all, of a leaderboard of now")
    page = Api(fresh).get("/person/Ada").text
    assert "<b>30</b> <span>50.0% of all</span>" in page
    assert "<dt>Results sent back</dt><dd><b>30</b> <span>30 count all the same</span>" in page
    assert "count all the same" not in Api(fresh).get("/person/Cid").text


def test_leases_and_workers_are_listed(fresh):
    fresh.load(["one"])
    ada = Fleet(fresh, "a", "Ada")
    ada.take(1)
    Fleet(fresh, "b", "Bob")
    assert [(r["stage"], r["job"], r["person"]) for r in lines(fresh, "leases")] == [("a", 1, "Ada")]
    assert lines(fresh, "leases", "--older", "1h") == []
    assert [(r["stage"], r["person"], r["in_hand"]) for r in lines(fresh, "workers")] == [("a", "Ada", 1), ("b", "Bob", 0)]
    assert [r["person"] for r in lines(fresh, "workers", "--person", "Bob")] == ["Bob"]
    table = fresh.run(ADMIN, "workers").stdout.splitlines()
    assert table[0].split()[:3] == ["stage", "name", "person"] and len(table) == 3
    assert len({line.index(who) for line, who in zip(table, ("person", "Ada", "Bob"))}) == 1  # columns stand
    answer = fresh.run(ADMIN, "leases", "--older", "soon", check=False)
    assert answer.returncode == 64 and "soon" in answer.stderr


def test_status_tells_who_works_and_how_large_the_tables_are(fresh):
    fresh.load(["one"])
    Fleet(fresh, "a", "Ada").take(1)
    status = json.loads(fresh.run(ADMIN, "status", "--json").stdout)
    assert [(p["person"], p["workers"], p["in_hand"]) for p in status["people"]] == [("Ada", 1, 1)]
    assert {"output", "job", "worker"} <= {t["table"] for t in status["tables"]}
    said = fresh.run(ADMIN, "status").stdout
    assert "Ada" in said and "MiB in smaller ones" in said


# --- what is done, and how it is taken back -------------------------------------------------------

def test_a_lease_is_given_back_and_whoever_waits_gets_it(fresh):
    fresh.load(["one"])
    v1 = Client(fresh)
    assert v1.get_job() == "one"
    said = fresh.run(ADMIN, "give-back", "1", "--stage", "a", "--reason", "asleep").stdout
    assert "job 1 of stage A" in said
    (job,) = Fleet(fresh, "a", "Ada").take(1, wait=10)
    assert job["job"] == 1
    v1.complete("late")  # 200 OK, or the client raises
    assert fresh.sql("select count(*) from tracker.output") == [(0,)]


FOREVER = "; this cannot be taken back"


def done(stack, *words, stdin=None):
    """What an act says in its one line, and the command that takes it back, as it stands: None, where there is none."""
    said = stack.run(ADMIN, *words, stdin=stdin).stdout
    assert said.endswith("\n") and said.count("\n") == 1, said
    line, found, back = said[:-1].partition("; taken back by: ")
    return line, (back if found else None)


def pasted(stack, line, where):
    """In a shell that knows the programs, in an empty folder, which it leaves empty."""
    environment = {**os.environ, "PATH": stack.read_status()["bin"] + ":" + os.environ["PATH"]}
    ran = subprocess.run(["sh", "-c", line], cwd=where, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0 and os.listdir(where) == [], (line, ran.stdout, ran.stderr)
    return ran.stdout


def batches(stack):
    return stack.sql("select name, priority, note, paused, paused_why, needs, coalesce(g.rate, 0) from tracker.batch b"
                     " left join tracker.gate g on g.batch = b.batch and g.stage = 1 order by b.batch")


def test_every_act_says_how_it_is_taken_back(fresh, tmp_path):
    """In a line that can be pasted, or that it cannot be; with its number, where it has one."""
    fresh.load(["one", "two"])
    work(fresh, "a", "Ada", 1)

    def there_and_back(state, *words):
        before = state()
        said, back = done(fresh, *words)
        assert state() != before, said
        pasted(fresh, back, tmp_path)
        assert state() == before, back
        return said

    def stages():
        return fresh.sql("select name, paused, coalesce(g.rate, 0) from tracker.stage s"
                         " left join tracker.gate g on g.stage = s.stage and g.batch = 0 order by s.stage")
    there_and_back(stages, "pause", "a")
    there_and_back(stages, "stages", "rename", "a", "Other")
    there_and_back(stages, "stages", "rate", "a", "7")
    fresh.run(ADMIN, "stages", "rate", "a", "5")
    there_and_back(stages, "stages", "rate", "a", "0")
    fresh.run(ADMIN, "stages", "rate", "a", "0")
    was = fresh.one("select name from tracker.batch")
    there_and_back(lambda: batches(fresh), "batch", "rename", was, "March")
    there_and_back(lambda: batches(fresh), "batch", "pause", was)
    fresh.run(ADMIN, "batch", "pause", was, "--reason", "it's for Ann")
    there_and_back(lambda: batches(fresh), "batch", "resume", was)
    fresh.run(ADMIN, "batch", "resume", was)
    there_and_back(lambda: batches(fresh), "batch", "set", was, "priority=3", "note=it's; \"new\"", "needs=gpu", "rate=60")
    fresh.run(ADMIN, "banner", "it's\\now")
    there_and_back(lambda: fresh.one("select banner from tracker.project"), "banner", "")
    fresh.run(ADMIN, "banner", "")

    def bans():
        return fresh.sql("select person, address, label, worker, words, until from tracker.ban where lifted is null")
    worker = name_of(fresh, "Ada")
    for whom in (["--address", "192.0.2.0/24"], ["--label", "it's"], ["--person", "Eve"], ["--worker", worker, "--stage", "a"]):
        said = there_and_back(bans, "ban", *whom, "--reason", "it's you", "--until", "2099-01-02 03:04:05 UTC")
        fresh.run(ADMIN, "ban", *whom, "--reason", "it's you", "--until", "2099-01-02 03:04:05 UTC")
        there_and_back(bans, "unban", str(fresh.one("select max(id) from tracker.ban")))
        fresh.run(ADMIN, "unban", str(fresh.one("select max(id) from tracker.ban")))

    def hidden():
        return fresh.sql("select nickname, hidden from tracker.person order by 1")
    there_and_back(hidden, "person", "hide", "Ada")
    fresh.run(ADMIN, "person", "rename", "Ada", "Eve")
    there_and_back(lambda: fresh.sql("select nickname from tracker.person where merged_into is null"), "person", "rename", "Eve", "Ada")

    def keys():
        return fresh.sql("select p.claimed is null, (select count(*) from tracker.person_key k where k.revoked is null)"
                         " from tracker.person p where nickname = 'Eve'")
    for _ in range(2):  # the first makes the name theirs
        said = fresh.run(ADMIN, "person", "key", "add", " Eve ")
        assert re.fullmatch("dct_[a-z0-9]{32}\n", said.stdout) and said.stderr.count("\n") == 1
        fresh.keys = getattr(fresh, "keys", []) + [said.stderr.strip().partition("; taken back by: ")[2]]
    assert keys() == [(False, 2)]
    pasted(fresh, fresh.keys.pop(), tmp_path)
    assert keys() == [(False, 1)]
    pasted(fresh, fresh.keys.pop(), tmp_path)
    assert keys() == [(True, 0)]
    work(fresh, "a", "Bob", 1)
    Fleet(fresh, "a", "Cyd")
    there_and_back(lambda: fresh.sql("select worker from tracker.trial where state = 'waiting'"), "trial", "a", name_of(fresh, "Cyd"), "1")
    number = done(fresh, "trial", "a", name_of(fresh, "Cyd"), "1")[0].split()[1].rstrip(":")
    there_and_back(lambda: fresh.sql("select worker from tracker.trial where state = 'waiting'"), "trial", "--back", number)
    there_and_back(lambda: fresh.counts()["a"]["done"], "undo", "--person", "Bob", "--reason", "x")


def test_what_cannot_be_taken_back_says_so(fresh):
    fresh.load(["one", "two"])
    fresh.run("distcompute-load", "--append", "--batch", "wrong", "--json", "-", stdin='["x"]')
    work(fresh, "a", "Ada", 1)
    for words in (["send-back", "1", "--stage", "a", "--reason", "x"], ["hurry", "1"], ["batch", "cancel", "wrong"],
                  ["worker", "drop", "a", name_of(fresh, "Ada")]):
        said, back = done(fresh, *words)
        assert said.endswith(FOREVER) and back is None, said
    fleet = Fleet(fresh, "a", "Ada")
    fleet.take(1)
    assert done(fresh, "give-back", "1", "--stage", "a")[0].endswith(FOREVER)
    (job,) = fleet.take(1)
    fleet.sync(failed=[{**which(job), "reason": "x", "final": True}])
    for words in (["person", "merge", "Ada", "Bob", "--yes"], ["person", "erase", "Bob", "--yes"], ["purge", "--older", "1d", "--yes"]):
        Fleet(fresh, "a", "Ada"), Fleet(fresh, "a", "Bob")
        assert done(fresh, *words)[0].endswith(FOREVER), words
    fresh.run(ADMIN, "person", "key", "add", "Ada")
    assert done(fresh, "person", "key", "revoke", "Ada", "--all")[0].endswith(FOREVER)
    assert fresh.run(ADMIN, "invite").stderr.strip().endswith(FOREVER)


NAMES = ["x'; touch pwned; echo 'y", "$(touch pwned)`touch pwned`", "a\\'b", "''", "--help", "--", " a  b ", "*", "# ~;&|>",
         "-%s!!\u202e'evil\\n", "\u043f\u0440\u0438\u0432\u0435\u0442", "x" * 128]


@pytest.mark.parametrize("name", NAMES)
def test_the_line_that_takes_an_act_back_can_be_pasted_into_a_shell(fresh, tmp_path, name):
    """The name is a stranger's choice; some were before there were rules for names."""
    fresh.load(["one"])
    work(fresh, "a", "Somebody", 1)
    fresh.sql("update tracker.person set nickname = %s where nickname = 'Somebody'", name)
    batch = name if name.isprintable() and name.strip() == name else "April's"  # which were always looked at
    fresh.sql("update tracker.batch set name = %s", batch)

    def state():
        return fresh.sql("select nickname, hidden from tracker.person where merged_into is null"), batches(fresh)
    before = state()
    for words in (["person", "hide", "--", name], ["person", "rename", "--", name, "Mallory"], ["batch", "rename", "--", batch, "April"],
                  ["batch", "pause", "--", batch], ["batch", "set", "--", batch, "note=x"]):
        _, back = done(fresh, *words)
        assert state() != before
        assert not re.search("[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]", back)
        pasted(fresh, back, tmp_path)
        assert state() == before, (words, back)
    pasted(fresh, done(fresh, "ban", "--person", name, "--reason", "x")[1], tmp_path)
    if name.isprintable():
        fresh.run(ADMIN, "banner", "--", name)
        pasted(fresh, done(fresh, "banner", "")[1], tmp_path)
        assert fresh.one("select banner from tracker.project") == name
        fresh.run(ADMIN, "banner", "")


def test_the_line_that_takes_an_act_back_means_the_tracker_that_was_meant(fresh, tmp_path):
    """Whatever words named it, and wherever they stood; a password among them is not told on."""
    config = fresh.read_status()["config"]
    odd = tmp_path / "it's mine.ini"
    odd.write_text(open(config, encoding="utf-8").read())
    empty = tmp_path / "empty"
    empty.mkdir()
    program = os.path.join(fresh.read_status()["bin"], ADMIN)
    for words in (["--config", str(odd), "pause", "a"], ["pause", "a", f"--config={odd}"]):
        said = subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout
        assert fresh.one("select paused from tracker.stage where stage = 1")
        back = said.strip().partition("; taken back by: ")[2]
        subprocess.run(["sh", "-c", back], cwd=empty, check=True, capture_output=True)
        assert not fresh.one("select paused from tracker.stage where stage = 1"), back
    said = subprocess.run([program, "--config", config, "--postgres", fresh.conninfo + " password=hush-hush", "pause", "a"],
                          capture_output=True, text=True, check=True).stdout
    assert "hush" not in said and "--postgres=... resume a" in said
    assert subprocess.run(["sh", "-c", said.strip().partition("; taken back by: ")[2]], capture_output=True).returncode == 1
    fresh.run(ADMIN, "resume", "a")


@pytest.mark.parametrize("words", [["person", "key", "add", "Ada"], ["person", "key", "add", "Ada", "--json"], ["invite"], ["invite", "--json"]])
def test_a_secret_that_nobody_saw_is_none(fresh, words):
    def made():
        return fresh.sql("select (select count(*) from tracker.person_key), (select count(*) from tracker.invite),"
                         " (select count(*) from tracker.audit), (select count(*) from tracker.person)")
    before = made()
    with open("/dev/full", "w", encoding="utf-8") as full:
        ran = subprocess.run([os.path.join(fresh.read_status()["bin"], ADMIN), "--config", fresh.config, *words],
                             stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 1 and "nothing is made that nobody saw" in ran.stderr
    assert made() == before
    shown = fresh.run(ADMIN, *words).stdout
    secret = list(json.loads(shown)[name] for name in ("key", "invitation") if name in json.loads(shown))[0] if "--json" in words else shown.strip()
    assert len(secret) == 36 and fresh.one("select count(*) from tracker.audit") == 1


def test_every_act_tells_programs_the_same_as_people(fresh):
    """One object a line, with the same words, and the numbers that are in them."""
    fresh.load(["one", "two", "three"])
    was = fresh.one("select name from tracker.batch")
    work(fresh, "a", "Ada", 2)
    Fleet(fresh, "a", "Cyd")
    worker = name_of(fresh, "Cyd")
    for words in (["pause", "a"], ["resume", "a"], ["resume", "a"], ["banner", "x"], ["batch", "pause", was], ["batch", "resume", was],
                  ["batch", "set", was, "priority=3"], ["batch", "rename", was, "May"], ["stages", "rate", "a", "7"], ["stages", "rate", "a", "0"],
                  ["ban", "--label", "never said", "--reason", "x"], ["person", "hide", "Ada"], ["person", "hide", "Ada"], ["person", "rename", "Ada", "Bob"],
                  ["trial", "a", worker, "1"], ["hurry", "3"], ["undo", "--person", "Bob", "--reason", "x"], ["requeue", "--all"],
                  ["worker", "end-rest", "a", worker], ["worker", "drop", "a", worker], ["person", "erase", "Bob", "--yes"],
                  ["batch", "cancel", "May"], ["purge", "--older", "1d", "--yes"], ["banner", ""]):
        for line in fresh.run(ADMIN, *words, "--json").stdout.splitlines():
            told = json.loads(line)
            assert told["done"] and (told["taken_back_by"] or told["done"].endswith(FOREVER) or "already" in told["done"]
                                     or "0 put back" in told["done"] or "not rest" in told["done"] or "not paused" in told["done"]), told
        if words[0] in ("ban", "undo", "trial"):
            assert isinstance(told[words[0]], int) and f"{words[0]} {told[words[0]]}" in told["done"]
    Fleet(fresh, "a", "Ada"), Fleet(fresh, "a", "Bob")
    for words in (["person", "erase", "Ada"], ["person", "merge", "Ada", "Bob"], ["purge", "--older", "1d"]):
        ran = fresh.run(ADMIN, *words, "--json", check=False)
        assert ran.returncode == 1 and "--yes" in json.loads(ran.stdout)["would"]
    assert [json.loads(line)["stage"] for line in fresh.run(ADMIN, "stages", "--json").stdout.splitlines()] == ["a", "b"]


def test_an_undo_of_which_a_part_came_back_says_how_much(fresh):
    fresh.load([f"job {n}" for n in range(4)])
    work(fresh, "a", "Ada", 4)
    number = fresh.run(ADMIN, "undo", "--person", "Ada", "--reason", "x").stdout.split()[1].rstrip(":")
    Fleet(fresh, "a", "Bob").take(1)
    fresh.run(ADMIN, "undo", "--back", number)
    (line,) = [line for line in fresh.run(ADMIN, "audit").stdout.splitlines() if line.split()[0] == number]
    assert " 3 of 4 back " in line
    (told,) = [told for told in lines(fresh, "audit") if told["id"] == int(number)]
    assert (told["state"], told["count"], told["details"]["taken_back"]) == ("part back", 4, 3)


def test_what_a_person_did_is_one_number_by_one_name(fresh):
    """`done` of a stage is net, as jobs are, and as pages have it."""
    fresh.load(["one", "two", "three"])
    work(fresh, "a", "Ada", 3)
    fresh.run(ADMIN, "send-back", "1", "--stage", "a", "--reason", "x")
    (told,) = lines(fresh, "person", "Ada")
    assert told["stages"] == [{"stage": "a", "done": 2, "withdrawn": 1}] and told["jobs"] == 2
    assert [m["done"] for m in told["machines"]] == [2]
    fresh.run(ADMIN, "person", "rename", "Ada", "Ada L.")
    for name in "Ada", "Ada L.":
        (told,) = lines(fresh, "person", name)
        assert told["nickname"] == "Ada L." and told["stages"] == [{"stage": "a", "done": 2, "withdrawn": 1}]
        assert [r["job"] for r in told["refused"]] == [1]


def test_a_name_that_somebody_has_already_is_said(fresh):
    fresh.load(["one"])
    work(fresh, "a", "Bob", 1)
    ran = fresh.run(ADMIN, "person", "rename", "Bob", "Bob", check=False)
    assert ran.returncode == 1 and ran.stdout == "" and "Bob is their name already" in ran.stderr
    assert fresh.sql("select count(*) from tracker.audit") == [(0,)]


def trial(stack, stage, worker, job):
    said = stack.run(ADMIN, "trial", stage, worker, str(job)).stdout
    assert "nothing of it counts" in said and "trial --back" in said and len(said.splitlines()) == 1
    return said.split()[1].rstrip(":")


def name_of(stack, person):
    return stack.one("select w.name from tracker.worker w join tracker.person p on p.id = w.person where p.nickname = %s", person)


@pytest.mark.parametrize("brings, state", [("made up", "same"), ("something else", "other")])
def test_a_worker_is_tried_with_a_job_whose_result_is_known(fresh, brings, state):
    """Both protocols, in a stage that has nothing else to do; nothing of it is counted, exported or handed on."""
    fresh.load(["one"])
    work(fresh, "a", "Ada", 1)
    v1, fleet = Client(fresh, "a", "Bob"), Fleet(fresh, "a", "Eve")
    for person in ("Bob", "Eve"):
        trial(fresh, "a", name_of(fresh, person), 1)
    assert v1.get_job() == "one"
    v1.complete(brings)
    (job,) = fleet.take(1, wait=10)
    assert (job["job"], job["data"]) == (1, "one")
    fleet.sync(done=[{**which(job), "data": brings}])
    assert [(t["person"], t["job"], t["state"], t["said"]) for t in lines(fresh, "trials")] == [
        (who, 1, state, "" if state == "same" else brings) for who in ("Bob", "Eve")]
    assert state in fresh.run(ADMIN, "trials").stdout
    assert fresh.counts()["a"]["done"] == 1 and lines(fresh, "person", "Bob")[0]["jobs"] == 0
    assert [json.loads(line)["output"] for line in fresh.run("distcompute-export", "--stage", "a").stdout.splitlines()] == ["made up"]
    assert fresh.broken_laws() == []


def test_a_trial_is_taken_back(fresh):
    fresh.load(["one", "two"])
    work(fresh, "a", "Ada", 1)
    bob = Client(fresh, "a", "Bob")
    number = trial(fresh, "a", name_of(fresh, "Bob"), 1)
    assert f"trial {number} is taken back" in fresh.run(ADMIN, "trial", "--back", number).stdout
    assert bob.get_job() == "two"


def test_a_banner_is_put_up_and_taken_away(fresh):
    said = "Maintenance on Sunday <b>, see https://example.org/"
    assert done(fresh, "banner", said)[1].endswith(" banner -- ''")
    for path in ("/", "/leaderboard", "/batches", "/join"):
        text = page(fresh, path).text
        assert "Maintenance on Sunday &lt;b&gt;" in text and 'href="https://example.org/"' in text, path
    assert done(fresh, "banner", "")[1].endswith(f" banner -- '{said}'")
    assert "Maintenance" not in page(fresh, "/").text


@pytest.mark.parametrize("words, status, said", [
    (["trial", "a", "nobody", "1"], 1, "no worker 'nobody'"), (["trial", "a", "nobody"], 64, "STAGE WORKER JOB"),
    (["trial", "x", "nobody", "1"], 1, "x"), (["trial", "a", "nobody", "0"], 64, "no job number"),
    (["trial", "--back", "17"], 1, "not under way"), (["trial", "--back", "x"], 64, "no number"),
    (["banner", "x" * 1001], 64, "1000 characters"), (["banner", "a\nb"], 64, "one line"), (["banner", "a\u202eb"], 64, "each can be seen"),
    (["banner", "a\u200bb"], 64, "each can be seen")])
def test_what_cannot_be_tried_or_put_up_is_said_in_a_line(fresh, words, status, said):
    answer = fresh.run(ADMIN, *words, check=False)
    assert answer.returncode == status and said in answer.stderr and len(answer.stderr.splitlines()) == 1, answer.stderr


@pytest.mark.parametrize("words, said", [
    (["give-back", "1", "--stage", "a"], "not in hand"),
    (["hurry", "2", "--stage", "a"], "does not wait"),
])
def test_what_cannot_be_done_is_said(fresh, words, said):
    fresh.load(["one"])
    answer = fresh.run(ADMIN, *words, check=False)
    assert answer.returncode == 1 and said in answer.stderr
    assert fresh.sql("select count(*) from tracker.audit where act in ('give back', 'hurry')") == [(0,)]


# --- people -------------------------------------------------------------------------------------

def page(stack, path):
    """Past nginx, which keeps a page for a second."""
    return Api(stack).get(path, headers={"X-Tracker-Cache": "off"})


def test_a_person_is_renamed_merged_hidden_and_shown(fresh):
    fresh.load([f"job {n}" for n in range(6)])
    work(fresh, "a", "Ada", 2)
    work(fresh, "a", "ada", 1)
    assert done(fresh, "person", "rename", "Ada", " Eve ")[1].endswith(" person rename -- 'Eve' 'Ada'")
    work(fresh, "a", "Ada", 1)  # a script that says the old name
    fresh.run(ADMIN, "ban", "--person", "ada", "--reason", "x")
    told = fresh.run(ADMIN, "person", "merge", "ada", "Eve", check=False)
    assert told.returncode == 1 and told.stdout == "" and "one of them is banned" in told.stderr
    (ban,) = [line["ban"] for line in lines(fresh, "bans") if line["whom"] == "person ada"]
    fresh.run(ADMIN, "unban", str(ban))
    told = fresh.run(ADMIN, "person", "merge", "ada", "Eve", check=False)
    assert told.returncode == 1 and "ada has 1 result;" in told.stdout and "--yes" in told.stdout
    assert [p["nickname"] for p in lines(fresh, "person", "Eve")] == ["Eve"]
    fresh.run(ADMIN, "person", "merge", "ada", "Eve", "--yes")
    (told,) = lines(fresh, "person", "ada")
    assert (told["nickname"], told["jobs"]) == ("Eve", 4)
    fresh.run(ADMIN, "person", "hide", "Eve")
    assert "Eve" not in page(fresh, "/leaderboard").text
    fresh.run(ADMIN, "person", "show", "Eve")
    assert "Eve" in page(fresh, "/leaderboard").text


@pytest.mark.parametrize("words, said", [
    (["undo", "--since", "yesterdayish", "--reason", "x"], "--since: 'yesterdayish' is no time"),
    (["undo", "--person", "Ada", "--until", "2026-13-45", "--reason", "x"], "--until: '2026-13-45' is no time"),
    (["undo", "--address", "192.0.2.1/99", "--dry-run"], "--address: '192.0.2.1/99' is no address"),
    (["workers", "--address", "here"], "--address: 'here' is no address"),
    (["ban", "--address", "192.0.2.77/24", "--reason", "x"], "--address: '192.0.2.77/24' is no address"),
    (["ban", "--person", "Ada", "--reason", "x", "--until", "soon"], "--until: 'soon' is no time"),
    (["ban", "--person", "Ada\udcff", "--reason", "x"], "is not UTF-8"),
    (["person", "Ada\udcff"], "is not UTF-8"),
    (["--as", "\udcff", "pause", "a"], "is not UTF-8"),
    (["batch", "pause", "\udcff\udcfe"], "is not UTF-8")])
def test_what_is_no_time_network_or_text_is_said_in_words_of_ours(fresh, words, said):
    told = fresh.run(ADMIN, *words, check=False)
    assert told.returncode == 64 and said in told.stderr and told.stdout == ""
    assert "syntax" not in told.stderr and "encoding" not in told.stderr


@pytest.mark.parametrize("words, status, said", [
    (["rename", "Nobody", "Eve"], 1, "no person"), (["rename", "Ada"], 64, "NEW-NAME"), (["slap", "Ada"], 64, "rename"),
    (["erase", "Nobody"], 1, "no person"), (["erase", "Nobody", "--yes"], 1, "no person"),
    (["merge", "Ada", "Nobody", "--yes"], 1, "no such person"), (["rename", "Ada", "erased-9"], 1, "belongs to nobody"),
    (["rename", "Ada", "anonymous"], 1, "belongs to nobody"), (["rename", "Ada", "A\u2800da"], 1, "cannot be seen"),
    (["rename", "Ada", "\u200b"], 1, "cannot be seen"), (["rename", "Ada", "E\u202eve"], 1, "character")])
def test_what_cannot_be_done_to_a_person_is_said(fresh, words, status, said):
    fresh.load(["one"])
    work(fresh, "a", "Ada", 1)
    answer = fresh.run(ADMIN, "person", *words, check=False)
    assert answer.returncode == status and said in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_an_erased_person_is_nowhere_any_more(fresh):
    """No byte of the name: in tables and their statistics, in Redis, on pages, in exports."""
    name = "Zebulon Example"
    fresh.load([f"job {n}" for n in range(4)])
    _, jobs = work(fresh, "a", name, 2)
    fleet = Fleet(fresh, "a", name)
    fleet.take(1)
    fleet.sync(progress=f"{name} at 7 %")
    other = Fleet(fresh, "b", "Other")
    (job,) = other.take(1)
    other.sync(progress=f"as fast as {name}")
    neighbour = Fleet(fresh, "a", "Another")
    neighbour.sync(progress="at 9 %")
    fresh.sql("analyze tracker.person")
    for path in ("/", "/leaderboard", f"/person/{name}", f"/badge/{name}.svg", "/api/stats.json"):
        page(fresh, path)
    eventually(lambda: all(any(words in str(value) for value in redis_values(fresh)) for words in (
        f"{name} at 7", f"as fast as {name}", "at 9 %")), what="progress in Redis")
    told = fresh.run(ADMIN, "person", "erase", name, check=False)
    assert told.returncode == 1 and "--yes" in told.stdout
    said = fresh.run(ADMIN, "person", "erase", name, "--yes").stdout
    number = fresh.one("select id from tracker.audit where act = 'erase person'")
    assert f"erased-{number}" in said
    assert not [value for value in redis_values(fresh) if "Zebulon" in str(value)]
    assert [value for value in redis_values(fresh) if "at 9 %" in str(value)]
    assert page(fresh, f"/person/{name}").status_code == 404
    assert page(fresh, f"/person/erased-{number}").status_code == 404
    for path in ("/", "/leaderboard", "/api/stats.json", "/?all=true", f"/job/{jobs[0]['job']}"):
        assert "Zebulon" not in page(fresh, path).text, path
    exported = fresh.run("distcompute-export", "--stage", "a").stdout
    assert "Zebulon" not in exported and f"erased-{number}" in exported
    assert fresh.sql("select count(*) from pg_stats where schemaname = 'tracker' and"
                     " (most_common_vals::text ~ 'Zebulon' or histogram_bounds::text ~ 'Zebulon')") == [(0,)]
    assert fresh.counts()["a"]["done"] == 2
    assert Fleet(fresh, "a", "Third").take(1)  # what they had in hand is open again


NAMED = "Zebulon Q"  # as an address has it there are no blanks, so in a file of nginx it stands in a page alone


def pages_of(stack, **words):
    """Pages that name somebody, through nginx, in both forms; nothing where no answer comes."""
    out = []
    worker = words.get("worker")
    for path in ("/", "/leaderboard", "/?all=true", f"/person/{NAMED}", f"/badge/{NAMED}.svg", "/api/stats.json", "/job/1",
                 *([f"/worker/extract/{worker}"] if worker else [])):
        for form in ("gzip", "identity"):
            try:
                out.append((path, Api(stack).get(path, headers={"Accept-Encoding": form}, timeout_s=words.get("timeout_s", 30))))
            except requests.exceptions.Timeout:
                pass
    return out


def copies_that_name(stack, name):
    """Files of nginx's cache with a page of this name in it, packed or not."""
    found = []
    for at, _, names in os.walk(f"{stack.state}/nginx/cache"):
        for file in names:
            with contextlib.suppress(FileNotFoundError), open(os.path.join(at, file), "rb") as f:
                data = f.read()
                packed = data.find(b"\x1f\x8b\x08")
                if name.encode() in data or packed >= 0 and name.encode() in gzip.decompress(data[packed:]):
                    found.append(data.partition(b"KEY: ")[2].partition(b"\n")[0].decode())
    return found


def somebody_is_erased(stack, **words):
    work(stack, "a", NAMED, 1)
    worker = name_of(stack, NAMED)
    eventually(lambda: {path for path, answer in pages_of(stack, worker=worker) if NAMED in answer.text} >= {
        "/", "/leaderboard", f"/person/{NAMED}", f"/badge/{NAMED}.svg", f"/worker/extract/{worker}"}, what="pages with the name")
    stack.run(ADMIN, "person", "erase", NAMED, "--yes")
    return worker


@pytest.mark.parametrize("how", ["gone", "frozen"])
def test_nginx_shows_no_copy_of_before_an_erasure_for_long_while_the_tracker_is_away(faults, how):
    """Half a minute is what a copy outlives: of a tracker that is gone, and of one whose answer others wait for already."""
    faults.load(["one"])
    somebody_is_erased(faults)
    pids = [faults.pid("tracker"), *faults.responders()]
    try:
        if how == "gone":
            faults.kill_tracker()
        else:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
        eventually(lambda: not [path for path, answer in pages_of(faults, timeout_s=2) if NAMED in answer.text],
                   timeout_s=80, every_s=1, what="no copy is shown")
    finally:
        if how == "frozen":
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        faults.up()
    assert not [path for path, answer in pages_of(faults) if NAMED in answer.text]


def test_the_next_look_takes_the_place_of_what_nginx_kept_of_an_erased_person(faults):
    """Also where there is no page any more: else the copy would lie there for as long as somebody looks now and then."""
    faults.load(["one"])
    worker = somebody_is_erased(faults)
    assert copies_that_name(faults, NAMED)

    def looked_at():
        pages_of(faults, worker=worker)
        return copies_that_name(faults, NAMED) == []
    eventually(looked_at, timeout_s=90, every_s=1, what="copies without the name")
    answers = [answer for path, answer in pages_of(faults) if path.startswith(("/person", "/badge"))]
    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("path", ["/", "/api/stats.json"])
def test_how_long_nginx_may_show_a_copy_is_between_it_and_the_tracker(tracker, path):
    """A browser would show what is old, too, where it was told the same."""
    for _ in range(2):
        assert Api(tracker).get(path).headers["Cache-Control"] == "public, max-age=1"


def test_what_an_erasure_leaves_is_said_before_it_is_asked_for(fresh):
    fresh.load(["one"])
    fresh.run("distcompute-load", "--append", "--batch", "of Al", "--json", "-", stdin='["x"]')
    work(fresh, "a", "Al", 1)
    fresh.run(ADMIN, "batch", "set", "of Al", "note=Al asked for it")
    for progress in ("Also", "8 of 9, says Al", "Al"):
        Fleet(fresh, "b", "Other").sync(progress=progress)
    said = lambda: {words for words in ("Also", "8 of 9, says Al", "Al") if any(  # noqa: E731
        f"'{words}'" in str(value) for value in redis_values(fresh))}
    eventually(lambda: len(said()) == 3, what="progress in Redis")
    for words in ([], ["--yes"]):
        told = fresh.run(ADMIN, "person", "erase", "Al", *words, check=False).stdout
        assert "The name of batch 'of Al' has it in it, and stays" in told
        assert "'Al' is short: where it is a word of what others wrote (2 texts), it stays, unless you say --words." in told
    note = "select note from tracker.batch where name = 'of Al'"
    assert fresh.one(note) == "Al asked for it"
    assert said() == {"Also"}
    work(fresh, "a", "Al", 1)
    told = fresh.run(ADMIN, "person", "erase", "Al", "--yes", "--words").stdout
    assert "is short" not in told and "erased;" in told
    assert fresh.one(note).startswith("erased-") and fresh.one(note).endswith(" asked for it")


@pytest.mark.parametrize("name", ["erased-1", "Erased-5", "\u0435rased-5", "er\u0430sed-x"])
def test_nobody_registers_as_erased(fresh, name):
    answer = Api(fresh).get("/api/new", params={"nickname": name, "stage": "a"})
    assert answer.status_code == 422 and "erased-" in answer.text


def redis_values(stack):
    """What Redis keeps: a page is in it compressed, and as it is."""
    pool = stack.redis.connection_pool
    raw = redis.Redis(connection_pool=redis.ConnectionPool(
        connection_class=pool.connection_class, **{**pool.connection_kwargs, "decode_responses": False}))
    for key in raw.scan_iter("*"):
        read = {b"hash": raw.hgetall, b"string": raw.get}.get(raw.type(key))
        yield key, read and read(key)


# --- what is old ----------------------------------------------------------------------------------

def test_what_is_old_is_purged_when_it_is_asked_for(fresh):
    fresh.load(["one", "two"])
    work(fresh, "a", "Ada", 2)
    fresh.run(ADMIN, "send-back", "1", "--stage", "a", "--reason", "wrong")
    work(fresh, "a", "Bob", 1)
    fresh.sql("update tracker.refused_output set refused = refused - interval '91 days'")
    told = fresh.run(ADMIN, "purge", "--older", "90d", check=False)
    assert told.returncode == 1 and "1 refused result and" in told.stdout
    assert fresh.sql("select count(*) from tracker.refused_output") == [(1,)]
    assert "1 refused result " in fresh.run(ADMIN, "purge", "--older", "90d", "--yes").stdout
    assert fresh.sql("select count(*) from tracker.refused_output") == [(0,)]
    assert fresh.sql("select state, count, target from tracker.audit where act = 'purge'") == [("done", 1, "older than 90d")]
    assert fresh.run(ADMIN, "purge", check=False).returncode == 64


def test_the_keeper_purges_by_itself(quick):
    quick.load(["one"])
    quick.sql("insert into tracker.strike (stage, job, kind, at) values (2, 1, 'requeued', now() - interval '9 days')")
    work(quick, "a", "Ada", 1)
    work(quick, "b", "Ada", 1)
    went = quick.one("insert into tracker.worker (token, stage, name, person, created, seen, gone_at, gone_why)"
                     " select gen_random_uuid(), 1, 'went-long-ago', id, now(), now(), now() - interval '2 days', 'bye'"
                     " from tracker.person limit 1 returning id")
    os.kill(quick.pid("tracker"), signal.SIGHUP)  # a new keeper looks at once, else once an hour
    eventually(lambda: quick.sql("select count(*) from tracker.worker where id = %s", went) == [(0,)],
               timeout_s=60, what="the worker is forgotten")
    eventually(lambda: quick.sql("select count(*) from tracker.strike where kind = 'requeued'") == [(0,)],
               timeout_s=60, what="the strike goes")


# --- the story of a cheat, and of a broken release -------------------------------------------------

def told_by_operate(words):
    """The commands of the block that has these words, as they stand on the page; each is a list."""
    with open(os.path.join(ROOT, "bin", "doc", "operate.md"), encoding="utf-8") as f:
        (block,) = [body for body in re.findall(r"```sh\n(.*?)```", f.read(), re.S) if words in body]
    return [shlex.split(line)[1:] for line in block.splitlines() if not line.startswith("#")]


class Story:
    """The page's commands, each given when its turn has come; what they say and leave behind."""

    def __init__(self, stack):
        self.stack, self.commands, self.said = stack, told_by_operate("miner 9"), ""

    def go_on(self, *begins):
        """The next command, which begins with these words."""
        command = self.commands.pop(0)
        assert command[:len(begins)] == list(begins), command
        if command[:2] == ["undo", "--back"]:
            command[2] = undo_number(self.said)
        self.said = self.stack.run(ADMIN, "--as", "ann@desk", *command).stdout
        assert self.stack.broken_laws() == []
        return self.said

    def counts(self):
        """done and retry of stage A, done of stage B"""
        counts = self.stack.counts()
        return counts["a"]["done"], counts["a"]["retry"], counts["b"]["done"]


def test_the_story_of_a_cheat_a_broken_release_and_a_wrong_delivery(fresh):
    """As operate.md tells it, on one tracker at work."""
    fresh.load([f"job {n}" for n in range(6000)])
    for nickname, count in (("Mallory", 2000), ("Mallory2", 2000), ("M4llory", 1000)):
        work(fresh, "a", nickname, count, label="miner 9")
    work(fresh, "a", "Ada", 1000, "right", label="warc2tar 1.5")
    work(fresh, "b", "Bob", 3000)  # made of what the cheat made
    story = Story(fresh)

    # A cheat: 5,000 results of stage A, of which 3,000 are used.
    assert re.search(r"^miner 9 .* 3 .* 5000 ", story.go_on("labels"), re.M)
    story.go_on("ban")
    assert lines(fresh, "workers", "--label", "miner 9") == []
    dry = story.go_on("undo", "--label", "miner 9", "--dry-run")
    assert [int(n) for n in re.findall(r"(\d+) made of them", dry)] == [0, 0, 0, 3000] and story.counts() == (6000, 0, 3000)
    story.go_on("undo", "--person", "Mallory")
    story.go_on("undo", "--person", "Mallory2")
    assert "1000 results of 1000 jobs set aside, to be done anew" in story.go_on("undo", "--person", "M4llory")
    assert story.counts() == (1000, 5000, 0)
    assert "1000 results of 1000 jobs live again" in story.go_on("undo", "--back")
    work(fresh, "a", "Ada", 4000, "right", label="warc2tar 1.5")
    work(fresh, "b", "Bob", 6000, "right")
    assert story.counts() == (6000, 0, 6000)
    assert fresh.one("select count(*) from tracker.output where stage = 1 and data = 'made up'") == 1000  # M4llory's

    # A broken release, by whose people nothing wrong was done.
    fresh.run("distcompute-load", "--append", "--batch", "of May", "--json", "-", stdin=json.dumps(["x"] * 300))
    work(fresh, "a", "Eve", 200, "broken", label="warc2tar 1.4")
    work(fresh, "b", "Bob", 100)
    assert "300 results of 200 jobs set aside, to be done anew" in story.go_on("undo", "--label", "warc2tar 1.4")
    assert lines(fresh, "person", "Eve")[0]["jobs"] == 200
    work(fresh, "a", "Eve", 300, "right", label="warc2tar 1.5")
    work(fresh, "b", "Bob", 300, "right")
    assert fresh.one("select count(*) from tracker.output where data = 'broken'") == 0 and story.counts() == (6300, 0, 6300)

    # A delivery that was wrong.
    fresh.run("distcompute-load", "--append", "--batch", "of June", "--json", "-", stdin=json.dumps(["y"] * 100))
    work(fresh, "a", "Eve", 60, "useless")
    work(fresh, "b", "Bob", 30, "useless")
    assert "jobs are cancelled, for good" in story.go_on("batch", "cancel")
    assert "90 results of 60 jobs set aside; the batch is cancelled, so nothing is done anew" in story.go_on("undo", "--batch")
    assert lines(fresh, "person", "Eve")[0]["jobs"] == 560
    assert fresh.one("select count(*) from tracker.output where data = 'useless'") == 0
    assert Fleet(fresh, "a", "Eve").take(1) == Fleet(fresh, "b", "Eve").take(1) == []

    story.go_on("audit")
    told = [(line["who"], line["act"]) for line in lines(fresh, "audit")][-8:]
    assert told == [("ann@desk", act) for act in ("ban", "undo", "undo", "undo", "take back", "undo", "cancel", "undo")]
    story.go_on("check")
    assert story.commands == []


def undo_number(said):
    return said.split()[1].rstrip(":")


def test_a_cheat_under_three_names_is_found_banned_undone_and_done_anew(fresh):
    fresh.load([f"job {n}" for n in range(6000)])
    for nickname, count in (("Mallory", 2000), ("Mallory2", 2000), ("M4llory", 1000)):
        work(fresh, "a", nickname, count, label="miner 8")
    work(fresh, "a", "Ada", 1000, "right", label="warc2tar 1.4")
    work(fresh, "b", "Bob", 3000)  # made of what the cheat made

    # Found: one label, three people.
    (found,) = [r for r in lines(fresh, "labels") if r["what"] == "miner 8"]
    assert (found["people"], found["done"]) == (3, 5000)
    assert lines(fresh, "person", "M4llory")[0]["jobs"] == 1000

    # Banned, counted, undone.
    fresh.run(ADMIN, "--as", "ann@desk", "ban", "--label", "miner 8", "--reason", "results were made up")
    assert lines(fresh, "workers", "--label", "miner 8") == []
    dry = lines(fresh, "undo", "--label", "miner 8", "--dry-run")
    assert sum(r["asked"] for r in dry) == 5000 and sum(r["made_of"] for r in dry) == 3000
    assert fresh.counts()["a"]["done"] == 6000
    said = fresh.run(ADMIN, "--as", "ann@desk", "undo", "--label", "miner 8", "--reason", "results were made up").stdout
    assert "8000 results of 5000 jobs" in said
    counts = fresh.counts()
    assert (counts["a"]["done"], counts["a"]["retry"], counts["b"]["done"]) == (1000, 5000, 0)
    assert fresh.broken_laws() == []

    # One part is begun anew; the rest of it is taken back, and undone once more.
    work(fresh, "a", "Ada", 2000, "right", label="warc2tar 1.4")
    said = fresh.run(ADMIN, "undo", "--back", undo_number(said)).stdout
    assert "live again" in said
    assert fresh.counts()["a"]["done"] == 6000
    fresh.run(ADMIN, "undo", "--label", "miner 8", "--reason", "they were, all of them")
    work(fresh, "a", "Ada", 3000, "right", label="warc2tar 1.4")
    work(fresh, "b", "Bob", 6000)
    assert fresh.sql("select distinct data from tracker.output where stage = 1") == [("right",)]
    assert (fresh.counts()["a"]["done"], fresh.counts()["b"]["done"]) == (6000, 6000)
    assert fresh.broken_laws() == []
    told = [(a["who"], a["act"], a["state"]) for a in lines(fresh, "audit") if a["act"] in ("ban", "undo")]
    assert told[:2] == [("ann@desk", "ban", "done"), ("ann@desk", "undo", "part back")]
    assert [t[1:] for t in told[2:]] == [("undo", "done")]


def test_a_broken_release_is_undone_and_its_people_keep_their_credit(fresh):
    fresh.load([f"job {n}" for n in range(300)])
    work(fresh, "a", "Ada", 200, label="warc2tar 1.4")
    work(fresh, "a", "Bob", 100, "right", label="warc2tar 1.5")
    work(fresh, "b", "Eve", 100)
    before = lines(fresh, "person", "Ada")[0]["jobs"]
    fresh.run(ADMIN, "undo", "--label", "warc2tar 1.4", "--reason", "release 1.4 is broken", "--keep-credit")
    (told,) = lines(fresh, "person", "Ada")
    assert told["jobs"] == before == 200
    assert {r["reason"] for r in told["refused"]} == {"release 1.4 is broken"}
    work(fresh, "a", "Bob", 200, "right", label="warc2tar 1.5")
    work(fresh, "b", "Eve", 300)
    assert {d for (d,) in fresh.sql("select distinct data from tracker.output where stage = 1")} == {"right"}
    assert fresh.broken_laws() == []


def test_a_delivery_that_was_wrong_is_cancelled_and_undone_and_nobody_pays_for_it(fresh):
    fresh.load([f"may {n}" for n in range(100)])
    wrong = [f"wrong {n}" for n in range(200)]
    fresh.run("distcompute-load", "--append", "--batch", "of June", "--priority", "5", "--json", "-", stdin=json.dumps(wrong))
    work(fresh, "a", "Ada", 150)
    work(fresh, "b", "Bob", 100)
    in_hand = Fleet(fresh, "a", "Eve")
    held = in_hand.take(2)
    assert fresh.counts()["a"]["done"] == 150 and fresh.counts()["b"]["done"] == 100 and len(held) == 2

    # No more of it; then what was made of it, and by no fault of theirs.
    fresh.run(ADMIN, "batch", "cancel", "of June")
    dry = lines(fresh, "undo", "--batch", "of June", "--dry-run")
    assert sum(r["asked"] for r in dry) == 250
    fresh.run(ADMIN, "undo", "--batch", "of June", "--reason", "the list was of another year", "--keep-credit")
    counts = fresh.counts()
    assert (counts["a"]["done"], counts["b"]["done"], fresh.broken_laws()) == (0, 0, [])
    assert [lines(fresh, "person", name)[0]["jobs"] for name in ("Ada", "Bob")] == [150, 100]

    # What is right goes on as if it had never been; nothing of the wrong one is handed out or taken out.
    in_hand.sync(done=[{**which(job), "data": "late"} for job in held])
    _, right = work(fresh, "a", "Ada", 100, "right")
    assert {job["data"].split()[0] for job in right} == {"may"}
    work(fresh, "b", "Bob", 100, "right")
    assert in_hand.sync(want=1)["jobs"] == []
    out = [json.loads(line) for line in fresh.run("distcompute-export", "--stage", "b", "--format", "jsonl").stdout.splitlines()]
    assert {r["output"] for r in out} == {"right"} and len(out) == 100
    assert fresh.broken_laws() == []
    assert [a["act"] for a in lines(fresh, "audit")][-2:] == ["cancel", "undo"]
