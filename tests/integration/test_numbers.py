"""Numbers as data, badges, and the pages of people and jobs: from the calls that make them to what they say."""
import json
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from urllib.parse import quote

import pytest

from client import Api, Client
from test_pages import page, page_saying, worker_path
from waiting import eventually

SVG = "{http://www.w3.org/2000/svg}"


def stats(api):
    answer = api.get("/api/stats.json")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
    return json.loads(answer.text)


def stats_with(api, **expected):
    """The numbers once these are among them."""
    def ask():
        got = stats(api)
        assert {k: got[k] for k in expected} == expected
        return got
    return eventually(ask, what=f"stats.json says {expected}")


def through(w, jobs):
    for _ in range(jobs):
        w.get_job()
        w.complete("r")


# --- stats.json -------------------------------------------------------------------------------

def test_stats_of_an_empty_tracker(fresh, api):
    got = stats_with(api, state="empty", jobs=0, done=0, total=0, workers=0)
    assert got["eta_s"] is None and got["latest"] == [] and got["percent"] == 0


def test_stats_count_jobs_stage_by_stage(fresh, api, worker):
    fresh.load([f"j{i}" for i in range(10)])
    a, b = worker("a", "Ada"), worker("b", "Bob")
    through(a, 3)
    through(b, 1)
    a.get_job()
    got = stats_with(api, done=4, total=20, remaining=16, in_hand=1, workers=2, workers_at_work=1)
    first, second = got["stages"]
    assert (first["name"], first["open"], first["in_hand"], first["done"], first["failed"]) == ("Extract", 6, 1, 3, 0)
    assert (second["name"], second["open"], second["in_hand"], second["done"], second["remaining"]) == ("Filter & Rank", 2, 0, 1, 9)
    assert [(e["stage"], e["person"]) for e in got["latest"]][0] == ("b", "Bob")
    assert len(got["latest"]) == 4 and got["percent"] == 20


def test_stats_say_when_it_is_finished(fresh, api, worker):
    fresh.load(["x"])
    through(worker("a"), 1)
    through(worker("b"), 1)
    stats_with(api, state="finished", eta_text="Finished", remaining=0, percent=100)


def test_stats_are_safe_to_poll(five):
    api = Api(five)
    first = api.get("/api/stats.json")
    same = api.get("/api/stats.json", headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code in (200, 304)
    if same.status_code == 304:
        assert same.text == ""
    else:
        assert same.headers["ETag"] != first.headers["ETag"]
    api.close()


def test_why_nothing_moves_is_said_in_words(fresh, api):
    fresh.load(["x", "y"])
    sentence = "Stage A (Extract) has no worker: 2 jobs wait for one."
    eventually(lambda: sentence in stats(api)["notes"], what="the note")
    page_saying(api, "/", sentence)
    fresh.run("distcompute-admin", "pause", "a")
    try:
        page_saying(api, "/", "Stage A (Extract) is paused by the operator")
    finally:
        fresh.run("distcompute-admin", "resume", "a")


# --- attempts that fail ------------------------------------------------------------------------

def test_a_stage_in_which_every_attempt_fails_does_not_look_idle(fresh, api, fleet):
    fresh.load([f"j{i}" for i in range(20)])
    fleets = [fleet("a", "Ada") for _ in range(3)]
    for f in fleets:
        for job in f.take(4):
            assert f.give("failed", job, reason="exit 1: /home/ada\x1b[31m") == "accepted"
    got = eventually(lambda: (g := stats(api))["failing_per_minute"] and g, what="the failures are told")
    first, second = got["stages"]
    assert (first["failing_workers"], first["failing_share"], first["failing_how"]) == (3, 1, "failed")
    assert (second["failing_workers"], second["failing_share"], second["failing_since"]) == (0, 0, None)
    assert 0 < first["failing_per_minute"] <= 12 and first["failing_since"].startswith("20")
    (note,) = [n for n in got["notes"] if "fails" in n]
    assert re.fullmatch(r"Stage A \(Extract\): every attempt fails, [\d.]+ a minute, of 3 workers"
                        r", since \d+ \w+, \d\d:\d\d UTC; mostly: failed\.", note), note
    read = page_saying(api, "/", note, "Attempts that fail")
    assert "/home/ada" not in read.text and "exit 1" not in read.text
    metrics = Api(fresh, plain=True).get("/metrics").text.splitlines()
    assert {'tracker_failing_attempts{stage="a"} 12', 'tracker_failing_workers{stage="a"} 3', 'tracker_failing_attempts{stage="b"} 0'} <= set(metrics)
    said = fresh.run("distcompute-admin", "status").stdout
    assert "A fails: 12 of 12 attempts in five minutes, of 3 workers, since 20" in said
    assert "mostly failed, at last: " in said and "exit 1: /home/ada" in said and "\x1b" not in said
    failing = json.loads(fresh.run("distcompute-admin", "status", "--json").stdout)["stages"][0]["failing"]
    assert (failing["attempts"], failing["done"], failing["workers"], failing["kind"]) == (12, 0, 3, "failed")


def test_what_is_given_back_untouched_is_no_failure(fresh, api, fleet):
    fresh.load(["x", "y"])
    f = fleet("a", "Ada")
    for job in f.take(2):
        f.give("released", job)
    got = stats_with(api, in_hand=0, workers=1)
    assert got["failing_per_minute"] == 0 and not [n for n in got["notes"] if "fail" in n]


def test_one_failure_among_many_results_is_no_note(fresh, api, fleet):
    fresh.load([f"j{i}" for i in range(10)])
    f = fleet("a", "Ada")
    bad, *good = f.take(10)
    f.give("failed", bad)
    for job in good:
        f.done(job)
    got = stats_with(api, done=9)
    assert got["stages"][0]["failing_share"] == 0.1 and not [n for n in got["notes"] if "fail" in n]


def test_what_failed_before_a_good_minute_has_no_since(fresh, fleet):
    fresh.load([f"j{i}" for i in range(10)])
    f = fleet("a", "Ada")
    bad, *good = f.take(10)
    f.give("failed", bad, reason="exit 3")
    for job in good:
        f.done(job)
    fresh.sql("update tracker.strike set at = at - interval '2 minutes'")
    fresh.sql("update tracker.tally set minute = minute - interval '1 minute' where minute > '-infinity'")
    said = fresh.run("distcompute-admin", "status").stdout
    assert 'A fails: 1 of 10 attempts in five minutes, of 1 worker; mostly failed, at last: "exit 3"' in said, said


# --- numbers that are rare --------------------------------------------------------------------

def every_page(api, *more):
    """What all pages, pictures and numbers say now: (address, text)."""
    paths = ["/", "/?range=all", "/leaderboard", "/leaderboard?period=today", "/leaderboard?period=week", "/leaderboard?q=a",
             "/badge.svg", "/api/stats.json", *more]
    return [(path, api.get(path).text) for path in paths]


def numbers_in(data):
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        return [n for item in data for n in numbers_in(item)]
    return [data] if isinstance(data, (int, float)) else []


def assert_nothing_negative(api, *more):
    for path, text in every_page(api, *more):
        found = re.search(r".{30}[\s>\",:][-−]\d", re.sub(r"<path[^>]*>|tabindex=\"-1\"", "", text))
        assert not found, (path, found.group())
        if path.endswith(".json"):
            assert min(numbers_in(json.loads(text))) >= 0


def test_nothing_is_negative_after_old_results_were_sent_back(fresh, api, worker):
    """Twelve results of two days ago are taken back today, and one of today stands."""
    fresh.load([f"j{i}" for i in range(20)])
    w = worker("a", "Ada")
    through(w, 12)
    for table in ("tally", "credit"):
        fresh.sql(f"update tracker.{table} set minute = minute - interval '2 days' where slot >= 0")
    fresh.sql("update tracker.output set finished = finished - interval '2 days'")
    eventually(lambda: fresh.one("select count(*) from tracker.credit where minute > '-infinity'") == 0, what="all is folded")
    through(w, 1)
    for job in range(1, 13):
        fresh.run("distcompute-admin", "send-back", str(job), "--stage", "a", "--reason", "a broken release")
    stats_with(api, done=1, done_24h=1)
    page_saying(api, "/person/Ada", "Results sent back 12")
    for _ in range(2):  # as it is, and once it is folded
        assert_nothing_negative(api, "/person/Ada", "/badge/Ada.svg", worker_path("Extract", w.name))
        fresh.sql("update tracker.tally set minute = minute - interval '1 minute' where slot >= 0")
        fresh.sql("update tracker.credit set minute = minute - interval '1 minute' where slot >= 0")
        eventually(lambda: fresh.one("select count(*) from tracker.credit where minute > '-infinity'") == 0, what="all is folded")
        eventually(lambda: stats(api)["done"] == 1, what="fresh numbers")


def assert_the_numbers_agree(got):
    """What is said of all is the sum of what is said of the stages; and of each stage it adds up."""
    stages = got["stages"]
    for key in ("in_hand", "done", "failed", "cancelled", "remaining", "workers", "workers_at_work", "done_1h", "done_24h"):
        assert got[key] == sum(s[key] for s in stages), (key, got)
    assert got["waiting"] == sum(s["open"] for s in stages) and got["total"] == got["done"] + got["remaining"]
    for s in stages:
        assert s["jobs"] == s["done"] + s["failed"] + s["remaining"] and s["open"] + s["in_hand"] <= s["remaining"], s
        assert sum(s["bar"]) <= 1000 and (s["remaining"] > 0 or s["jobs"] == 0 or sum(s["bar"]) > 990), s
    assert got["jobs"] >= max(s["jobs"] for s in stages) and min(numbers_in(got)) >= 0
    assert (got["percent"] == 100) == (got["done"] > 0 and got["remaining"] == 0)
    assert (got["state"] in ("finished", "cancelled", "empty")) == (got["remaining"] == 0) and (got["eta_s"] is not None) == (got["state"] == "moving")
    assert (got["last_completion"] is None) == (got["done"] == 0) == (got["latest"] == [])


def assert_all_was_done_today(fresh, api, people, batches):
    """All results are of the last minutes: so each number of a time is that of the whole, wherever it stands."""
    got = stats(api)
    assert_the_numbers_agree(got)
    done = got["done"]
    assert done == got["done_1h"] == got["done_24h"] and (sum(got["per_minute_1h"]) > 0) == (done > 0), got
    told = json.loads(fresh.run("distcompute-admin", "status", "--json").stdout)["stages"]
    for s, t in zip(got["stages"], told):
        assert [s[k] for k in ("done", "failed", "cancelled", "in_hand", "open")] == [*(t[k] for k in ("done", "failed", "cancelled", "leased")), t["ready"] + t["retry"]]
    of_batches = [json.loads(line) for line in fresh.run("distcompute-admin", "batch", "--all", "--json").stdout.splitlines()]
    assert sum(s["done"] for b in of_batches for s in b["stages"]) == done
    assert sum(b["cancelled"] for b in of_batches) == got["cancelled"]
    for b in of_batches:
        mine = sum(s["done"] for s in b["stages"])
        text = page_saying(api, "/batch/" + quote(b["name"], safe=""), f"Completed {mine} of ").text
        assert (" complete" in text) == (b["state"] != "cancelled") and (f"Cancelled {b['cancelled']}" in text) == (b["cancelled"] > 0)
        assert ("Rate now 0 a minute" in text) == (mine == 0), text[:600]
    metrics = Api(fresh, plain=True).get("/metrics").text
    for s in got["stages"]:
        assert f'tracker_jobs{{stage="{s["stage"]}",state="done"}} {s["done"]}\n' in metrics
    assert sum(n for n, _ in people.values()) == done
    for name, (jobs, workers) in people.items():
        text = page_saying(api, f"/person/{name}", f"Jobs {jobs}").text
        assert f"Last 24 hours {jobs} Today {jobs} 7 days {jobs} " in text, text[:600]
        picture = api.get(f"/badge/{name}.svg").text
        assert re.search(rf">{jobs} jobs?(, rank \d+)?<", picture) and (", rank" in picture) == (jobs > 0), picture
        for period in ("today", "week", "all"):
            row = re.search(rf"{name} (\d+) ", page(api, f"/leaderboard?period={period}").text)
            assert (int(row.group(1)) if row else 0) == jobs, (name, period)
        by_worker = 0
        for stage, w in workers:
            mine = int(re.search(r"Total jobs (\d+)", page(api, worker_path(stage, w.name)).text).group(1))
            by_worker += mine
            assert re.search(rf"{re.escape(w.name)} .{{0,80}}? {mine} \d+ (just now|\d+ (s|min) ago)", text), (w.name, mine, text)
            listed = [json.loads(line) for line in fresh.run("distcompute-admin", "workers", "--json").stdout.splitlines()]
            assert [x["done"] for x in listed if x["name"] == w.name] == [mine]
        assert by_worker == jobs
    return True


def test_the_numbers_agree_whatever_became_of_the_jobs(fresh, api, fleet):
    """Two batches half way; one is cancelled, one worker's results are taken back, some attempts fail, and so on to the end."""
    fresh.empty()
    for batch in ("one", "two"):
        fresh.run("distcompute-load", "--append", "--batch", batch, "--json", "-", stdin=json.dumps([f"{batch} {i}" for i in range(20)]))
    ada, mallory, bob = fleet("a", "Ada"), fleet("a", "Mallory"), fleet("b", "Bob")
    workers = {"Ada": [("Extract", ada)], "Mallory": [("Extract", mallory)], "Bob": [("Filter & Rank", bob)]}

    def agree(**people):
        def ask():
            return assert_all_was_done_today(fresh, api, {name: (n, workers[name]) for name, n in people.items()}, 2)
        eventually(ask, timeout_s=30, what=f"the numbers agree: {people}")
    for f in (ada, mallory):
        for job in f.take_all(14):
            f.done(job)
    for job in bob.take_all(16):
        bob.done(job)
    agree(Ada=14, Mallory=14, Bob=16)
    fresh.run("distcompute-admin", "batch", "cancel", "two", "--reason", "the wrong data")
    got = stats_with(api, done=44, cancelled=20)
    assert [s["remaining"] for s in got["stages"]] == [0, 4] and [s["cancelled"] for s in got["stages"]] == [12, 8]
    for name, text in (("40", "Job 40 stage A: cancelled"), ("25", "stage B: cancelled")):
        page_saying(api, f"/job/{name}", text)
    agree(Ada=14, Mallory=14, Bob=16)
    fresh.run("distcompute-admin", "undo", "--person", "Mallory", "--reason", "made up")
    page_saying(api, worker_path("Extract", mallory.name), "Total jobs 0 14 sent back")
    left = fresh.one("select sum(done) from tracker.read_counts() where stage = 2")
    agree(Ada=14, Mallory=0, Bob=left)
    for job in ada.take(3):
        ada.give("failed", job, reason="exit 1")
    agree(Ada=14, Mallory=0, Bob=left)
    undo = fresh.one("select max(id) from tracker.audit where act = 'undo'")
    fresh.run("distcompute-admin", "undo", "--back", str(undo))
    back = dict(fresh.sql("select p.nickname, count(*)::int from tracker.output o join tracker.person p on p.id = o.person group by 1"))
    assert back["Mallory"] > 0
    agree(**{"Mallory": 0, **back})
    fresh.run("distcompute-admin", "batch", "cancel", "one")
    agree(**{"Mallory": 0, **back})
    for name in ("Ada", "Mallory"):  # and with theirs goes what Bob made of it
        fresh.run("distcompute-admin", "undo", "--person", name, "--reason", "all of it")
    agree(Ada=0, Mallory=0, Bob=0)
    stats_with(api, state="cancelled", done=0, per_minute=0, last_completion=None)
    fresh.run("distcompute-load", "--append", "--batch", "three", "--json", "-", stdin='["x", "y"]')
    stats_with(api, state="calculating", total=4)
    agree(Ada=0, Mallory=0, Bob=0)


def test_a_finished_project_tells_what_was_cancelled_apart(fresh, api, worker):
    fresh.empty()
    for batch in ("one", "two"):
        fresh.run("distcompute-load", "--append", "--batch", batch, "--json", "-", stdin=json.dumps(["x"] * 3))
    through(worker("a"), 3)
    through(worker("b"), 3)
    fresh.run("distcompute-admin", "batch", "cancel", "two", "--reason", "no use")
    stats_with(api, state="finished", remaining=0, cancelled=3, percent=100)
    meta = {a.get("name"): a.get("content") for t, a in page(api, "/").tags if t == "meta"}
    assert meta["description"] == "Finished: 3 jobs done, 3 cancelled."
    page_saying(api, "/", "100.0% complete", "6 of 6 , 3 cancelled")


def test_a_project_that_was_all_cancelled_is_not_finished(fresh, api):
    fresh.load(["x"] * 3)
    (batch,) = stats_with(api, jobs=3)["batches"]
    fresh.run("distcompute-admin", "batch", "cancel", batch["name"])
    got = stats_with(api, state="cancelled", eta_text="Cancelled", done=0, total=0, cancelled=3, percent=0)
    assert_the_numbers_agree(got)
    read = page_saying(api, "/", "0.0% complete", "ETA Cancelled", "0 of 0 , 3 cancelled", "nothing is left to do")
    assert "inished" not in read.text
    meta = {a.get("name"): a.get("content") for t, a in read.tags if t == "meta"}
    assert meta["description"] == "Cancelled: 3 jobs."
    assert "cancelled" in eventually(lambda: "finished" not in (t := api.get("/badge.svg").text) and t, what="the badge")
    read = page_saying(api, "/batch/" + quote(batch["name"], safe=""), "cancelled", "Cancelled 3", "Completed 0 of 0")
    assert "%" not in read.text and "progress" not in [t for t, _ in read.tags]
    assert "%" not in page_saying(api, "/batches?state=ended", "cancelled").text
    status = json.loads(fresh.run("distcompute-admin", "status", "--json").stdout)
    assert [s["cancelled"] for s in status["stages"]] == [3, 0]
    assert re.search(r"^A Extract +0 +0 +0 +0 +0 +3 +0$", fresh.run("distcompute-admin", "status").stdout, re.M)


def test_a_batch_is_as_quick_for_the_operator_as_on_its_page(fresh, api, fleet):
    fresh.load([f"j{i}" for i in range(40)])
    f = fleet("a", "Ada")
    for job in f.take_all(20):
        f.done(job)
    fresh.sql("update tracker.tally set minute = minute - interval '3 minutes' where slot >= 0")
    def both():
        told = json.loads(fresh.run("distcompute-admin", "batch", "--json").stdout)
        (shown,) = stats_with(api, jobs=40)["batches"]
        assert abs(told["per_minute"] - shown["per_minute"]) <= 1 and shown["per_minute"] > 5
        assert shown["eta_s"] and abs(told["eta_s"] - shown["eta_s"]) <= 10, (told, shown)
        return True
    eventually(both, what="one pace, one time left")


def test_one_is_one_everywhere(fresh, api, worker):
    fresh.load(["x", "y"])
    w = worker("a", "Ada")
    through(w, 1)
    stats_with(api, done=1, workers=1)
    page_saying(api, "/person/Ada", "rank 1")
    for path, text in every_page(api, "/person/Ada", "/badge/Ada.svg", worker_path("Extract", w.name), "/job/1"):
        found = re.search(r".{30}(?<![\d,.])1 (jobs|workers|completions|bytes|seconds|minutes|hours|days|times|machines)\b", text)
        assert not found, (path, found.group())


def test_the_last_completion_is_the_latest_one(fresh, api, worker):
    fresh.load(["x", "y"])
    through(worker("a"), 2)
    got = stats_with(api, done=2)
    assert got["last_completion"] == got["latest"][0]["finished"]


def test_a_result_that_was_sent_back_is_no_last_completion(fresh, api, worker):
    fresh.load(["x", "y"])
    through(worker("a"), 2)
    fresh.sql("update tracker.output_a set finished = finished - interval '1 hour' where job = 1")
    fresh.run("distcompute-admin", "send-back", "2", "--stage", "a", "--reason", "wrong")
    got = stats_with(api, done=1)
    assert got["last_completion"] == got["latest"][0]["finished"]
    fresh.run("distcompute-admin", "send-back", "1", "--stage", "a", "--reason", "wrong")
    got = stats_with(api, done=0)
    assert (got["last_completion"], got["latest"]) == (None, [])


def test_a_project_whose_jobs_all_failed_has_nothing_left_to_do(quick):
    from client import Fleet
    api = Api(quick)
    quick.load(["x"])
    def fail():
        fleet = Fleet(quick, "a")
        return [fleet.give("failed", job) for job in fleet.take(1)]
    for _ in range(2):
        eventually(fail, what="the job is due again")
    got = stats_with(api, state="finished", failed=1, done=0, percent=0, eta_text="Finished")
    assert got["notes"][1:] == ["1 job failed for good; the operator can look at it with distcompute-admin failed."]
    meta = {a.get("name"): a.get("content") for t, a in page(api, "/").tags if t == "meta"}
    assert meta["description"] == "Finished: 0 jobs done, 1 failed."


def test_the_time_left_is_told_as_precisely_as_it_is_known(fresh, api, worker):
    """One result in ten minutes, and two hundred thousand to come: some years."""
    fresh.load(["x"] * 200000)
    through(worker("a"), 1)
    fresh.sql("update tracker.tally set minute = minute - interval '10 minutes' where slot >= 0")
    got = eventually(lambda: (g := stats(api))["eta_s"] and g, what="an ETA")
    assert re.fullmatch(r"\d+ years", got["eta_text"]), got["eta_text"]
    assert re.fullmatch(r"between (\d+ days|[23] years) and [\d,]+ years", got["eta_range_text"]), got["eta_range_text"]


def test_one_result_tells_no_seconds_of_the_time_that_is_left(fresh, api, worker):
    """The same is said on the dashboard, of the batch, and to the operator."""
    fresh.load(["x"] * 5)
    through(worker("a"), 1)
    fresh.sql("update tracker.tally set minute = minute - interval '2 minutes' where slot >= 0")
    got = eventually(lambda: (g := stats_with(api, jobs=5))["eta_s"] and g, what="an ETA")
    (batch,) = got["batches"]
    assert re.fullmatch(r"\d+ minutes", got["eta_text"]) and got["eta_low_s"] < got["eta_s"] / 2 < 4 * got["eta_s"] < got["eta_high_s"]
    assert re.fullmatch(r"\d+ min", batch["eta_text"]) and batch["eta_low_s"] < batch["eta_s"] / 2 < 4 * batch["eta_s"] < batch["eta_high_s"]

    def told():
        (batch,) = stats_with(api, jobs=5)["batches"]
        assert f" {batch['eta_text']} " in fresh.run("distcompute-admin", "batch").stdout
        assert batch["eta_text"] in page(api, "/batch/" + quote(batch["name"], safe="")).text
        return True
    eventually(told, what="one time left")


def test_what_is_paused_before_anything_was_done_is_not_calculated(fresh, api):
    fresh.load(["x"] * 3)
    (batch,) = stats_with(api, jobs=3, state="calculating")["batches"]
    fresh.run("distcompute-admin", "batch", "pause", batch["name"])
    stats_with(api, state="paused", eta_text="Paused")


def test_no_time_is_told_while_nobody_is_heard_or_all_is_paused(fresh, api, worker):
    """All that is left is in the hands of one that fell silent."""
    fresh.load(["x"] * 3)
    w = worker("a")
    through(w, 1)
    w.get_job()
    fresh.sql("update tracker.tally set minute = minute - interval '2 minutes' where slot >= 0")
    eventually(lambda: stats_with(api, jobs=3)["eta_s"], what="an ETA")
    fresh.run("distcompute-admin", "pause", "a")
    fresh.run("distcompute-admin", "pause", "b")
    got = stats_with(api, state="paused", eta_s=None, eta_text="Paused", eta_range_text="")
    assert got["batches"][0]["eta_text"] == ""
    for stage in "ab":
        fresh.run("distcompute-admin", "resume", stage)
    eventually(lambda: stats(api)["eta_s"], what="an ETA")
    fresh.sql("update tracker.worker set seen = seen - interval '31 minutes'")
    got = stats_with(api, state="stalled", eta_s=None, eta_text="Unknown")
    assert got["batches"][0]["eta_s"] is None
    page_saying(api, "/", "ETA Unknown")


# --- badges -----------------------------------------------------------------------------------

def test_the_badge_shows_the_progress(fresh, api, worker):
    fresh.load(["x", "y"])
    through(worker("a"), 1)
    def ask():
        answer = api.get("/badge.svg")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/svg+xml"
        words = [t.text for t in ElementTree.fromstring(answer.text).iter(SVG + "text")]
        assert words[0] == "Test Project" and words[1].startswith("25.0%")
        return words
    eventually(ask, what="the badge")


@pytest.mark.parametrize("name", ["Ada Lovelace", "<script>&\"'", "שלום", "🦊" * 64, "a/b.svg"], ids=["plain", "script", "rtl", "emoji", "path"])
def test_a_persons_badge_is_well_formed_whatever_the_name(fresh, api, worker, name):
    fresh.load(["x", "y"])
    through(worker("a", name), 2)
    def ask():
        answer = api.get(f"/badge/{quote(name, safe='')}.svg")
        assert answer.status_code == 200
        badge = ElementTree.fromstring(answer.text)
        words = [t.text for t in badge.iter(SVG + "text")]
        assert words[0] == (name if len(name) <= 32 else name[:31] + "…") and words[1] == "2 jobs, rank 1"
        assert badge.attrib["aria-label"] == badge.find(SVG + "title").text == ": ".join(words)
        return words
    eventually(ask, what="the badge")


@pytest.mark.parametrize("name", ["Ada Lovelace", "<script>&\"'", "a) [b](c"])
def test_a_person_can_copy_the_lines_that_show_their_badge(fresh, api, worker, name):
    fresh.load(["x"])
    through(worker("a", name), 1)
    part = quote(name, safe="")
    here, picture = f"{fresh.url}/person/{part}", f"{fresh.url}/badge/{part}.svg"
    page_saying(api, f"/person/{part}", f'<a href="{here}"><img src="{picture}" alt="Jobs done"></a>', f"[![Jobs done]({picture})]({here})")


def test_there_is_no_badge_of_nobody(api):
    assert api.get("/badge/nobody-at-all.svg").status_code == 404
    assert api.get("/badge/nobody-at-all").status_code == 404


# --- people -----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["Ada Lovelace", "a/b", "<b>x</b>", "..", "?q=1#x", "W" * 128])
def test_the_board_leads_to_a_persons_page(fresh, api, worker, name):
    fresh.load(["x", "y"])
    if name == "..":  # of a time when one could still be called so
        fresh.sql("insert into tracker.person (nickname) values ('..')")
    w = worker("a", name)
    through(w, 2)
    path = "/person/" + quote(name, safe="")
    read = page_saying(api, "/leaderboard", name)
    if name != "..":  # a browser takes dots in a path for itself, however they are written
        assert path in read.addresses
        page_saying(api, path, name, w.name, "Extract")


def test_a_person_that_nobody_is(api):
    answer = api.get("/person/nobody-at-all")
    assert (answer.status_code, answer.text) == (404, "Person not found.")


def test_people_are_found_by_how_their_names_begin(fresh, api, worker):
    for name in ("Grace Hopper", "grace", "Ada"):
        worker("a", name)
    text = page_saying(api, "/leaderboard?q=GRACE", "Grace Hopper", "grace").text
    assert "Ada" not in text
    page_saying(api, "/leaderboard?q=%25", "begins so")


# --- workers ----------------------------------------------------------------------------------

def test_workers_are_filtered_by_owner_and_state(fresh, api, worker):
    fresh.load(["x"])
    busy, idle, other = worker("a", "Ada"), worker("a", "Ada"), worker("a", "Grace")
    busy.get_job()
    text = page_saying(api, "/?owner=Ada&state=waiting", idle.name).text
    assert busy.name not in text and other.name not in text
    assert busy.name in page_saying(api, "/?state=working", busy.name).text


def test_a_workers_page_tells_what_came_back_but_its_words_to_nobody(fresh, api, fleet):
    """The last line of a command's errors has paths of somebody's disk."""
    fresh.load(["x", "y", "z"])
    f = fleet("a", "Ada")
    failed, flagged, done = f.take(3)
    f.give("failed", failed, reason="exit 3: /home/ada/<full>")
    f.give("flagged", flagged, reason="no tar: /home/ada/x")
    f.done(done)
    page_saying(api, worker_path("Extract", f.name), "failed", "input flagged as invalid", "Recent jobs")
    for path in (worker_path("Extract", f.name), f"/job/{failed['job']}", f"/job/{flagged['job']}", "/person/Ada"):
        assert "/home/ada" not in api.get(path).text, path


def test_why_an_input_was_given_up_is_told_without_the_workers_words(fresh, api, fleet):
    fresh.load(["x"])
    for i in range(5):
        f = fleet("a", f"P{i}")
        job = eventually(lambda: (f.take(1) or [None])[0], what="the job is due again")
        f.give("flagged", job, reason="/home/ada/x")
    read = page_saying(api, "/job/1", "input flagged as invalid: flagged by 5 workers")
    assert "/home/ada" not in read.text


def test_with_public_data_a_workers_words_are_shown(five):
    from client import Fleet
    api = Api(five)
    five.load(["x"])
    f = Fleet(five, "a", "Ada")
    (job,) = f.take(1)
    f.give("failed", job, reason="exit 3: disk <full>")
    page_saying(api, worker_path("One", f.name), "exit 3: disk <full>", "failed")
    page_saying(api, "/job/1", "exit 3: disk <full>")


def test_numbers_stand_in_their_own_columns(fresh, api, worker):
    """Each is another number, so that none can stand for its neighbour."""
    fresh.load(["x"] * 9)
    a, b = worker("a", "Ada"), worker("a", "Ada")
    through(a, 5)
    fresh.sql("select tracker.send_back_job(1, 1::int2, 'wrong')")
    fresh.sql("update tracker.retry set due = now() + interval '1 hour'")
    fresh.sql("insert into tracker.person_day (person, day, stage, done) select id, (now() at time zone 'UTC')::date - 3, 1, 7"
              " from tracker.person where nickname = 'Ada'")
    fresh.sql("update tracker.person set done = done + 7 where nickname = 'Ada'")
    b.get_job()
    fresh.sql("update tracker.lease set attempt = 2")
    read = page_saying(api, "/person/Ada", "Machines here 2", "Results sent back 1")
    told = {name: int(n) for name, n in re.findall(r"(Jobs|Last 24 hours|Today|7 days|Machines here|Results sent back) (\d+)", read.text)}
    assert told == {"Jobs": 11, "Last 24 hours": 4, "Today": 4, "7 days": 11, "Machines here": 2, "Results sent back": 1}
    (cells,) = [re.findall(r'<td class="n">(?:<b>)?(.*?)(?:</b>)?</td>', row) for row in re.findall(r"(?s)<tr>.*?</tr>", page(api, "/leaderboard").raw)
                if "/person/Ada" in row]
    assert (cells[0], cells[-1]) == ("11", "4")
    (job,) = re.findall(r'(?s)<tr><th scope="row"><a href="/job/(\d+)">\d+</a></th><td class="n">2</td>', page(api, worker_path("Extract", b.name)).raw)
    assert int(job) == fresh.one("select job from tracker.lease")
    fresh.sql("update tracker.person_day set done = 0 where done = 7")
    fresh.sql("update tracker.person set done = done - 7 where nickname = 'Ada'")


def test_with_public_data_inputs_and_outputs_are_text_whatever_they_are(five):
    api = Api(five)
    hostile = '<script>alert(1)</script><b title="x">'
    five.load([hostile, "y"])
    w = Client(five, "a", "Ada")
    w.get_job()
    w.complete(hostile + "out")
    read = page_saying(api, "/job/1", hostile, hostile + "out")
    assert "<script>alert" not in read.raw and "<b title" not in read.raw
    w.get_job()
    w.flag()
    page_saying(api, "/job/2", "y")


# --- jobs -------------------------------------------------------------------------------------

def test_a_jobs_page_tells_its_life(fresh, api, worker):
    fresh.load(["secret input"])
    page_saying(api, "/job/1", "waits for a worker", "not there yet")
    a = worker("a", "Ada")
    a.get_job()
    page_saying(api, "/job/1", "in hand", a.name)
    a.complete("secret result")
    through(worker("b", "Bob"), 1)
    read = page_saying(api, "/job/1", "done in all stages", "Ada", "Bob", "12 bytes", "13 bytes")
    assert "secret" not in read.text


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "1x", "99999999999999999999", "%C3%BC", ""])
def test_a_job_that_is_not_there(fresh, api, number):
    fresh.load(["x"])
    answer = api.get(f"/job/{number}")
    assert answer.status_code in (400, 404) and answer.headers["Content-Type"] == "text/plain; charset=utf-8"


# --- what a link shows ------------------------------------------------------------------------

def test_a_shared_link_tells_the_progress(fresh, api, worker):
    fresh.load(["x"] * 4)
    through(worker("a"), 1)
    def ask():
        meta = {a.get("property") or a.get("name"): a.get("content") for t, a in page(api, "/").tags if t == "meta"}
        assert "12.5%" in meta["og:description"] and meta["og:title"] == "Test Project"
        return meta
    eventually(ask, what="the description")
    links = [a for t, a in page(api, "/").tags if t == "link" and a.get("rel") == "alternate"]
    assert [a["href"] for a in links] == ["/api/stats.json"]


@pytest.mark.parametrize("path", ["/?after=x", "/?stage=z&after=1-2", "/?stage=a&after=-5--9", "/?range=nonsense",
                                  "/leaderboard?after=1", "/leaderboard?period=%FF", "/leaderboard?q=" + "x" * 500,
                                  "/?owner=%00", "/?stage=a&after=9223372036854775807-9223372036854775807"])
def test_a_query_that_makes_no_sense_is_no_error(api, path):
    assert api.get(path).status_code in (200, 400)


def test_a_page_with_many_readers_is_rendered_in_milliseconds(fresh, api):
    """Not a benchmark: a page that scans would take seconds here."""
    fresh.load([f"j{i}" for i in range(20000)])
    began = time.monotonic()
    page(api, "/?range=all")
    assert time.monotonic() - began < 5


def test_metrics_tell_who_is_here_what_is_paused_how_long_work_is_in_hand_and_what_runs(fresh):
    fresh.load(["x", "y"])
    Client(fresh).get_job()
    Client(fresh)
    fresh.sql("update tracker.lease set since = since - interval '1 hour'")
    fresh.sql("select tracker.set_paused(2::int2, true)")

    def numbers():
        text = Api(fresh, plain=True).get("/metrics").text
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    try:
        got = eventually(lambda: (n := numbers())['tracker_stage_paused{stage="b"}'] == "1" and n, what="the pause is told")
    finally:
        fresh.sql("select tracker.set_paused(2::int2, false)")
    assert got['tracker_workers{stage="a",state="working"}'] == "1" and got['tracker_workers{stage="a",state="waiting"}'] == "1"
    assert got['tracker_workers{stage="b",state="working"}'] == got['tracker_workers{stage="b",state="waiting"}'] == "0"
    assert got['tracker_stage_paused{stage="a"}'] == "0"
    assert 3600 <= float(got['tracker_oldest_lease_seconds{stage="a"}']) < 3900
    assert float(got['tracker_oldest_lease_seconds{stage="b"}']) == 0
    version = fresh.run("distcompute-admin", "--version", config=False).stdout.split()[-1]
    assert got[f'tracker_build_info{{version="{version}"}}'] == "1"
    assert 0 < time.time() - float(got["tracker_start_time_seconds"]) < 24 * 3600
    # Nobody stands by here, or it is not for this role to see.
    assert not [name for name in got if "replication" in name]


def test_metrics_tell_of_each_standby_how_far_it_is_behind(fresh):
    """Which are played here; tests/failover has a true one."""
    fresh.sql("alter function tracker.read_standbys() rename to true_standbys")
    try:
        fresh.sql("create function tracker.read_standbys() returns table (name text, bytes int8, seconds float8) language sql as"
                  " $$ values ('db2', 5::int8, 0.25::float8), (E'a\"b\\\\c\\nd', 0, 0), ('db4', null, 7200.5) $$")
        text = Api(fresh, plain=True).get("/metrics").text
    finally:
        fresh.sql("drop function if exists tracker.read_standbys()")
        fresh.sql("alter function tracker.true_standbys() rename to read_standbys")
    assert re.findall(r"(?m)^tracker_replication_lag_.*$", text) == [
        'tracker_replication_lag_bytes{standby="db2"} 5', r'tracker_replication_lag_bytes{standby="a\"b\\c\nd"} 0',
        'tracker_replication_lag_bytes{standby="db4"} 0', 'tracker_replication_lag_seconds{standby="db2"} 0.250000',
        r'tracker_replication_lag_seconds{standby="a\"b\\c\nd"} 0.000000', 'tracker_replication_lag_seconds{standby="db4"} 7200.500000']


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_metrics_are_what_prometheus_reads(fresh):
    fresh.load(["x"])
    text = Api(fresh, plain=True).get("/metrics").text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3) and "error" not in done.stderr, done.stderr  # 3: it would name some differently


def metrics_of(stack):
    """({name with its labels: number}, {name: type})."""
    lines = Api(stack, plain=True).get("/metrics").text.splitlines()
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    return {name: float(n) for name, n in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}, types


def test_counters_count_each_call_once_and_under_its_own_name(fresh, fleet):
    fresh.load(["x"] * 30)
    stayed = fleet("a", "Ada")
    before, types = metrics_of(fresh)
    began = time.monotonic()
    api = Api(fresh)
    for gone in [fleet("a", "Ada") for _ in range(2)]:
        assert gone.api.post("/api/bye", {"token": gone.token}).status_code == 200
    come = [fleet("b", "Ada") for _ in range(3)]
    jobs = stayed.take_all(13)
    for job in jobs[:7]:
        stayed.done(job)
    for job in jobs[7:9]:
        stayed.give("failed", job)
    for _ in range(6):
        assert api.post("/api/updateProgress", {"token": stayed.token, "progress": "x"}).status_code == 200
    for _ in range(11):
        assert api.get("/person/nobody-at-all?" + str(time.monotonic_ns()), headers={"X-Tracker-Cache": "off"}).status_code == 404
    after, _ = metrics_of(fresh)
    took_s = time.monotonic() - began
    grown = {name: after[name] - before[name] for name in before if name in after}
    assert len(come) == 3
    for name, n in (("claims", 13), ("completions", 7), ("returns", 2), ("workers_opened", 5), ("workers_closed", 2), ("beats", 6)):
        assert grown[f"tracker_{name}_total"] == n, (name, grown)
    assert grown['tracker_replies_total{code="4xx"}'] == 11 and grown['tracker_replies_total{code="5xx"}'] == 0 == grown['tracker_replies_total{code="3xx"}']
    assert grown['tracker_replies_total{code="2xx"}'] >= 2 + 5 + 1 + 9 + 6 and grown["tracker_requests_total"] >= 11 + 23
    # What is under way: this call, and what is answered and not yet ended.
    assert 1 <= after["tracker_requests_in_flight"] <= 3 and after["tracker_parked_calls"] == 0
    for name, kind in types.items():
        assert kind == ("counter" if name.endswith("_total") else "histogram" if name == "tracker_request_seconds" else "gauge"), name
    assert 0 < grown["tracker_request_seconds_sum"] <= took_s
    assert after["tracker_start_time_seconds"] == before["tracker_start_time_seconds"]


def test_the_histogram_of_requests_adds_up(fresh):
    got, _ = metrics_of(fresh)
    buckets = [(float(name.split('"')[1]), n) for name, n in got.items() if name.startswith("tracker_request_seconds_bucket")]
    assert buckets[0][0] == 0.00025 and all(b[0] == 2 * a[0] for a, b in zip(buckets, buckets[1:-1])) and buckets[-1][0] == float("inf")
    counts = [n for _, n in buckets]
    assert counts == sorted(counts) and counts[-1] == got["tracker_request_seconds_count"] > 0


def test_gauges_of_jobs_are_what_the_tables_say_and_parts_are_well(fresh, fleet):
    fresh.load(["x"] * 40)
    f = fleet("a", "Ada")
    jobs = f.take_all(12)
    for job in jobs[:5]:
        f.done(job)
    for job in jobs[5:9]:
        f.give("failed", job)
    fresh.sql("update tracker.retry set due = now() + interval '1 hour'")
    fresh.run("distcompute-load", "--append", "--batch", "more", "--json", "-", stdin='["x"]')
    fresh.sql("update tracker.batch set ended = now() where name = 'more'")

    def agree():
        got, _ = metrics_of(fresh)
        for letter, row in fresh.counts().items():
            assert {state: got[f'tracker_jobs{{stage="{letter}",state="{state}"}}'] for state in ("ready", "retry", "leased", "done", "failed")} \
                == {state: row[state] for state in ("ready", "retry", "leased", "done", "failed")}
        return got
    got = eventually(agree, what="the gauges are those of the tables")
    of_a = [got[f'tracker_jobs{{stage="a",state="{state}"}}'] for state in ("ready", "retry", "leased", "done")]
    assert of_a == [29, 4, 3, 5]
    assert got['tracker_batches{state="open"}'] == 1
    parts = {re.search('part="(.*?)"', name).group(1) for name in got if name.startswith("tracker_part_up")}
    assert {"complete", "redis"} <= {p.split("_")[0] for p in parts} or len(parts) > 5, parts
    for name, n in got.items():
        if name.startswith("tracker_part_up") or name in ("tracker_postgres_up", "tracker_redis_up"):
            assert n == 1, name
        if name.startswith("tracker_part_ill"):
            assert n == 0, name
        if name.startswith("tracker_part_worked"):
            assert 0 <= n <= time.time() - got["tracker_start_time_seconds"] + 5, (name, n)
    fresh.sql("update tracker.batch set ended = null where name = 'more'")
