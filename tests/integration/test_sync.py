"""POST /api/sync: every status and field, parked calls and what wakes them."""
import json
import socket
import ssl
import uuid

import pytest

from client import Api, nobody, which
from waiting import Later, eventually

BACK_NOW = "update tracker.retry set due = now()"


def parked(stack, fleet, **fields):
    """A waiting call of this worker, known to have arrived: its question is on the worker's row."""
    before = stack.one("select asked_at from tracker.worker where name = %s", fleet.name)
    call = Later(fleet.beside().sync, **{"want": 1, "wait": 30, **fields})
    eventually(lambda: stack.one("select asked_at from tracker.worker where name = %s", fleet.name) != before,
               what="the call has arrived")
    return call


# --- the shape --------------------------------------------------------------------------------

def test_a_bare_call_answers_all_that_a_client_reads(fresh, fleet):
    reply = fleet().sync()
    assert reply.get("jobs", []) == [] and reply.get("results", []) == [] and reply.get("drop", []) == []


def test_an_unknown_token_hears_404(api):
    for token in (nobody(), "x"):
        answer = api.post("/api/sync", {"token": token, "want": 1})
        assert answer.status_code == 404
        assert answer.text == "The server could not find this worker. Did the worker time out?"
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("field,value", [
    ("done", {}), ("done", "x"), ("failed", 5), ("flagged", 1), ("released", True), ("progress", 5), ("progress", []),
    ("holding", 1), ("holding", ["1"]), ("holding", [1.5]), ("want", "1"), ("want", -1), ("want", 1.5), ("want", []),
    ("wait", "x"), ("wait", -1), ("wait", []), ("want", 10 ** 30)])
def test_a_field_of_the_wrong_kind_is_422_and_named(api, field, value):
    answer = api.post("/api/sync", {"token": api.new()["token"], field: value})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert field in answer.text and "\n" not in answer.text


@pytest.mark.parametrize("kind,item", [
    ("done", 1), ("done", None), ("done", {}), ("done", {"job": 1, "lease": "x"}), ("done", {"job": "1", "lease": "x", "data": 1}),
    ("done", {"job": 1, "lease": 2, "data": 1}), ("failed", {"job": 1}), ("failed", {"job": 1, "lease": "x", "reason": 5}),
    ("flagged", []), ("released", {"lease": "x"}), ("released", {"job": 10 ** 30, "lease": "x"})])
def test_an_item_that_cannot_be_understood_is_unknown_and_spoils_nothing(fresh, fleet, kind, item):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    reply = f.sync(**{kind: [item, {**which(job), "data": "r"}]})
    assert [r["status"] for r in reply["results"]] == ["unknown", "accepted"]
    said = item.get("job") if isinstance(item, dict) else None  # nobody is told of a job that was not named
    assert [r["job"] for r in reply["results"]] == [said if isinstance(said, int) and said < 2 ** 63 else None, job["job"]]


def test_want_and_wait_beyond_their_limits_are_the_limits(fresh, fleet):
    fresh.load(["x"] * 1100)
    f = fleet()
    f.earn()
    assert len(f.take(5000, wait=1000)) == 1000


def test_jobs_come_with_all_their_fields(fresh, fleet):
    fresh.load(["x", {"k": [1, None]}])
    first, second = fleet().take(2)
    assert {k: first[k] for k in ("job", "stage", "data", "attempt")} == {"job": 1, "stage": "a", "data": "x", "attempt": 1}
    assert second["data"] == {"k": [1, None]}
    assert first["lease"] != second["lease"] and isinstance(first["lease"], str)


def test_want_is_answered_up_to_what_there_is(fresh, fleet):
    fresh.load([f"j{i}" for i in range(800)])
    f = fleet()
    assert [j["job"] for j in f.take_all(800)] == list(range(1, 801))
    assert f.take(5) == []


def test_one_call_does_everything(fresh, fleet):
    fresh.load([f"j{i}" for i in range(6)])
    f = fleet()
    jobs = f.take(4)
    reply = f.sync(done=[{**which(jobs[0]), "data": "r"}], failed=[{**which(jobs[1]), "reason": "exit 3"}],
                   flagged=[{**which(jobs[2]), "reason": "no tar"}], released=[which(jobs[3])],
                   progress="1 / 4", want=2)
    assert {r["job"]: r["status"] for r in reply["results"]} == {j["job"]: "accepted" for j in jobs}
    assert len(reply["jobs"]) == 2
    counts = fresh.counts()["a"]
    assert (counts["done"], counts["leased"], counts["failed"]) == (1, 2, 0)
    kinds = dict(fresh.sql("select kind, reason from tracker.strike where kind <> 'released'"))
    assert kinds == {"failed": "exit 3", "flagged": "no tar"}


def test_the_answer_has_the_word_on_every_part_and_one_claim(fresh, fleet):
    """Results and returns go side by side; which is in first is chance, so many calls."""
    rounds = 40
    fresh.load([f"j{i}" for i in range(3 * rounds)])
    f, processes = fleet(), set(fresh.responders())
    held = f.take(2)
    for _ in range(rounds):
        done, failed = held
        reply = f.sync(done=[{**which(done), "data": "r"}], failed=[{**which(failed), "reason": "x"}], want=2)
        assert [r["status"] for r in reply["results"]] == ["accepted", "accepted"]
        held = reply["jobs"]
        assert len(held) == 2
        assert fresh.one("select count(*) from tracker.lease") == 2
    assert set(fresh.responders()) == processes


# --- statuses ---------------------------------------------------------------------------------

def test_accepted_and_then_repeat(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    assert f.done(job, "r") == "accepted"
    assert f.done(job, "r") == "repeat"
    assert fresh.counts()["a"]["done"] == 1


@pytest.mark.parametrize("kind", ["failed", "flagged"])
def test_a_failure_or_flag_repeated_is_counted_once(fresh, fleet, kind):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    assert f.give(kind, job, reason="r") == "accepted"
    assert f.give(kind, job, reason="r") == "repeat"
    assert fresh.one("select count(*) from tracker.strike") == 1


def test_fenced_when_somebody_else_has_it(fresh, fleet):
    fresh.load(["x"])
    f, g = fleet(), fleet()
    (old,) = f.take()
    assert f.give("failed", old, reason="r") == "accepted"
    fresh.sql(BACK_NOW)
    (new,) = g.take()
    assert f.done(old, "stale") in ("fenced", "unknown")
    assert g.done(new, "right") == "accepted"
    assert fresh.sql("select data from tracker.output") == [("right",)]


def test_unknown_for_a_lease_that_never_was(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    for job, lease in ((1, str(uuid.uuid4())), (999, str(uuid.uuid4())), (1, "no uuid"), (-5, str(uuid.uuid4()))):
        assert f.done({"job": job, "lease": lease}) == "unknown", (job, lease)


def test_one_workers_lease_is_nothing_in_anothers_hands(fresh, fleet):
    fresh.load(["x"])
    f, thief = fleet(), fleet()
    (job,) = f.take()
    assert thief.done(job, "stolen") != "accepted"
    assert thief.give("released", job) != "accepted"
    assert f.done(job, "mine") == "accepted"
    assert fresh.sql("select data from tracker.output") == [("mine",)]


def test_one_bad_item_never_spoils_the_others(fresh, fleet):
    fresh.load([f"j{i}" for i in range(3)])
    f = fleet()
    jobs = f.take(3)
    results = f.sync(done=[{**which(jobs[0]), "data": "r"}, {"job": 2, "lease": nobody(), "data": "r"},
                           {**which(jobs[2]), "data": "r"}])["results"]
    assert [r["status"] for r in results] == ["accepted", "unknown", "accepted"]


def test_a_thousand_results_in_one_call(fresh, fleet):
    fresh.load(["x"] * 1000)
    f = fleet()
    jobs = f.take_all(1000)
    results = f.sync(done=[{**which(j), "data": j["job"]} for j in jobs])["results"]
    assert [r["job"] for r in results] == [j["job"] for j in jobs]
    assert {r["status"] for r in results} == {"accepted"}
    assert fresh.counts()["a"]["done"] == 1000


def test_one_poisonous_item_in_a_shared_bundle_harms_no_neighbour(fresh, fleet):
    """Calls that arrive together are committed together; each is answered for itself."""
    fresh.load(["x"] * 40)
    fleets = [fleet() for _ in range(20)]
    jobs = [f.take(2) for f in fleets]
    calls = []
    for i, (f, (one, two)) in enumerate(zip(fleets, jobs)):
        other = {"job": 1, "lease": nobody(), "data": "x"} if i % 3 == 0 else {**which(two), "data": "r"}
        calls.append(Later(f.sync, done=[{**which(one), "data": "r"}, other]))
    for i, call in enumerate(calls):
        assert [r["status"] for r in call.result()["results"]] == ["accepted", "unknown" if i % 3 == 0 else "accepted"]


def test_the_same_item_twice_in_one_call_is_counted_once(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    item = {**which(job), "data": "r"}
    results = f.sync(done=[item, item])["results"]
    assert sorted(r["status"] for r in results) == ["accepted", "repeat"]
    assert fresh.counts()["a"]["done"] == 1


def test_done_and_failed_for_one_job_in_one_call_count_once(fresh, fleet):
    """They run side by side: either the failure finds nothing, or the result comes late and is welcome."""
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    results = f.sync(done=[{**which(job), "data": "r"}], failed=[{**which(job), "reason": "x"}])["results"]
    assert results[0] == {"job": 1, "status": "accepted"} and results[1]["status"] in ("accepted", "fenced")
    assert fresh.sql("select data from tracker.output") == [("r",)]


def test_released_counts_no_attempt_and_waits_a_back_off(fresh, fleet):
    fresh.load(["x"])
    f, g = fleet(), fleet()
    (job,) = f.take()
    assert f.give("released", job) == "accepted"
    assert fresh.one("select due > clock_timestamp() from tracker.retry")
    (again,) = g.take(wait=60)
    assert again["job"] == job["job"] and again["attempt"] == 1 and again["lease"] != job["lease"]


# --- holding ----------------------------------------------------------------------------------

def test_holding_sends_a_lease_again_whose_answer_was_lost(fresh, fleet):
    fresh.load(["x", "y"])
    f = fleet()
    jobs = f.take(2)
    again = f.sync(holding=[jobs[0]["job"]])["jobs"]
    assert again == [jobs[1]]
    assert f.sync(holding=[j["job"] for j in jobs]).get("jobs", []) == []


def test_without_holding_nothing_is_sent_again(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    f.take()
    assert f.sync().get("jobs", []) == []
    assert f.take() == []


def test_a_job_that_it_lists_but_no_longer_owns_comes_back_in_drop(fresh, fleet):
    fresh.load(["x", "y"])
    f = fleet()
    jobs = f.take(2)
    f.give("released", jobs[0])
    reply = f.sync(holding=[jobs[0]["job"], jobs[1]["job"], 4711])
    assert sorted(reply["drop"]) == [1, 4711]
    assert reply.get("jobs", []) == []


def test_each_of_ten_thousand_that_are_not_its_own_is_dropped_once(fresh, fleet):
    fresh.load(["x", "y"])
    f = fleet()
    (job,) = f.take()
    strange = [-2 ** 63, -1, 0, 2, *range(10 ** 9, 10 ** 9 + 4990), 2 ** 63 - 1]
    reply = f.sync(holding=[*strange, job["job"], *reversed(strange)])
    assert sorted(reply["drop"]) == strange and reply["jobs"] == []
    assert f.sync(holding=[job["job"]] * 2)["drop"] == []


def test_what_is_not_its_own_is_dropped_at_once_however_long_it_would_wait(fresh, fleet):
    f = fleet()
    reply = f.sync(holding=[4711], want=1, wait=60)
    assert reply["drop"] == [4711] and reply["jobs"] == []


def test_more_in_hand_than_anybody_has_is_refused(fresh, fleet):
    f = fleet()
    assert f.sync(holding=list(range(10000)))["drop"]
    answer = f.raw(holding=list(range(10001)))
    assert answer.status_code == 422 and "'holding' has over 10000 items" in answer.text


def test_a_worker_that_is_gone_hears_of_no_drop(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    reply = f.raw(holding=[job["job"], 5]).json()
    assert reply["drop"] == [5]
    Api(fresh).post("/api/bye", {"token": f.token})
    assert f.raw(holding=[5]).status_code == 404


def test_a_result_and_holding_in_one_call(fresh, fleet):
    """What is reported in the call is not sent again by it."""
    fresh.load(["x", "y"])
    f = fleet()
    jobs = f.take(2)
    reply = f.sync(done=[{**which(jobs[0]), "data": "r"}], holding=[jobs[1]["job"]])
    assert reply["results"] == [{"job": 1, "status": "accepted"}]
    assert reply.get("jobs", []) == [] and reply.get("drop", []) == []


# --- data -------------------------------------------------------------------------------------

EXACT = ['12345678901234567890123456789012345678901234567890', '-9223372036854775809', '18446744073709551616',
         '0.1000000000000000055511151231257827', '1e400', '-0.0', '1.10', '5e-324', '[]', '{}', 'null', 'true', '0',
         '[1, 2.50, {"b": 1, "a": [null]}]', '{"z": 1, "a": 2}', '"\\u00e9\\ud83e\\udd8a"', '"\\\\ \\" \\/ \\n"', '""']


def numbers_as_text(text):
    return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=list)


@pytest.mark.parametrize("text", EXACT)
def test_json_data_passes_exactly(fresh, fleet, text):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    body = f'{{"token": "{f.token}", "done": [{{"job": 1, "lease": "{job["lease"]}", "data": {text}}}]}}'
    assert f.api.post("/api/sync", body).json()["results"][0]["status"] == "accepted"
    b = fleet("b")
    answer = b.raw(want=1)
    got = numbers_as_text(answer.text)
    data = dict(dict(got)["jobs"][0])["data"]
    assert data == numbers_as_text(text)
    if text[0] not in '"':
        assert text.replace(" ", "") in answer.text.replace(" ", "")


def test_v1_sees_json_data_in_the_structured_form(fresh, fleet, worker):
    fresh.load(["x", "y"])
    f = fleet()
    one, two = f.take(2)
    f.done(one, {"k": [1, 2]})
    f.done(two, "plain")
    b = worker("b")
    assert b.get_job() == {"k": [1, 2]}
    b.complete("r")
    assert b.get_job() == "plain"


def test_sync_sees_structured_data_of_v1_as_json(fresh, fleet, worker):
    fresh.load(["x"])
    a = worker()
    a.get_job()
    a.complete([1, {"a": "é"}])
    (job,) = fleet("b").take()
    assert job["data"] == [1, {"a": "é"}]


@pytest.mark.parametrize("text", ["<!json!>", "<!json!>no", "<!json!>[1,]", "<!json!>[1] 2", "<!json!>{'a':1}", "<!json!>NaN", "<!json!>[NaN]",
                                  "<!json!>5", "<!json!>true", '<!json!>"x"', '<!json!>["\\u0000"]', '<!json!>{"a":1,"a":2}'])
def test_marked_data_that_is_no_list_and_no_object_reaches_sync_as_a_string(fresh, fleet, worker, text):
    fresh.load(["x"])
    a = worker()
    a.get_job()
    a.complete(text)
    (job,) = fleet("b").take()
    assert job["data"] == text


@pytest.mark.parametrize("data", ["<!json!>[1]", "<!json!>{}", "<!json!>5", "<!json!>no", "<!json!>\t5", 5, None, True])
def test_what_sync_sends_keeps_its_type_for_both_protocols(fresh, fleet, worker, data):
    fresh.load(["x", "y"])
    f = fleet()
    for job in f.take(2):
        f.done(job, data)
    (job,) = fleet("b").take()
    assert job["data"] == data
    w = worker("b")
    got = w.api.post("/api/newJob", {"token": w.token}).json()["data"]
    # As the published client reads it; a text that only looks marked would be the end of it either way.
    assert data in ("<!json!>5", "<!json!>no") or json.loads(got[len("<!json!>"):]) == data


NO_DATA = {
    "NUL": r'"a\u0000b"',
    "NUL in an object": r'{"k": "a\u0000"}',
    "NUL in a key": r'{"a\u0000": 1}',
    "NUL in a list": r'["\u0000"]',
    "NaN": "[NaN]",
    "Infinity": '{"a": [Infinity]}',
    "minus Infinity": "-Infinity",
    "first half of a pair": r'"\ud800"',
    "second half of a pair": r'["\udc00"]',
    "two second halves": r'"\udc00\udc00"',
    "half a pair in a key": r'{"\ud800": 1}',
    "a key twice": '{"a": 1, "a": 1}',
    "a key twice, written apart": r'[{"a": 1, "\u0061": 2}]',
    "a key twice among many": "{%s}" % ", ".join(f'"{i % 3999}": 0' for i in range(4000)),
    "65 lists": "[" * 65 + "]" * 65,
    "a thousand objects": '{"a":' * 1000 + "1" + "}" * 1000,
    "a hundred thousand lists": "[" * 100000 + "]" * 100000,
}


@pytest.mark.parametrize("kind", NO_DATA)
def test_data_that_is_no_json_is_refused_alone_and_in_words(fresh, fleet, kind):
    fresh.load(["x", "y", "z"])
    f = fleet()
    one, two, three = f.take(3)
    item = '{"job": %d, "lease": "%s", "data": %s}'
    items = [item % (job["job"], job["lease"], data)
             for job, data in ((one, '"good"'), (two, NO_DATA[kind]), (three, "[64]"))]
    answer = f.api.post("/api/sync", '{"token": "%s", "done": [%s]}' % (f.token, ", ".join(items)))
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [r["status"] for r in results] == ["accepted", "refused", "accepted"]
    assert results[1]["job"] == two["job"] and len(results[1]["why"].split()) > 3
    assert f.done(two, "clean") == "accepted"


def test_the_deepest_data_passes_to_the_next_worker(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    deep = []
    for _ in range(63):
        deep = [deep]
    assert f.done(job, deep) == "accepted"
    (job,) = fleet("b").take()
    assert job["data"] == deep


# --- why there is nothing ---------------------------------------------------------------------

def test_message_and_retry_after_when_there_is_nothing(fresh, fleet):
    reply = fleet().sync(want=1)
    assert reply.get("jobs", []) == []
    assert reply["retry_after"] > 0
    assert isinstance(reply["message"], str) and len(reply["message"]) > 10


def test_message_tells_what_stage_b_waits_for(fresh, fleet):
    fresh.load([f"j{i}" for i in range(412)])
    b = fleet("b")
    message = eventually(lambda: "412" in (m := b.sync(want=1)["message"]) and m, what="the message counts stage A's jobs")
    assert "stage" in message.lower()


def test_message_tells_of_a_pause(fresh, fleet):
    fresh.load(["x"])
    fresh.run("distcompute-admin", "pause", "a")
    reply = fleet().sync(want=1)
    assert reply.get("jobs", []) == [] and "pause" in reply["message"].lower()
    fresh.run("distcompute-admin", "resume", "a")
    assert len(fleet().take()) == 1


def test_a_pause_is_told_to_every_process(fresh, fleet):
    """Who pauses a stage says so, or what was counted just before would be believed for a while."""
    fresh.load(["x"])
    with fresh.redis.pubsub() as channel:
        channel.psubscribe("tracker:*:wake")
        eventually(lambda: channel.get_message(), what="we listen")
        for verb in ("pause", "resume"):
            fresh.run("distcompute-admin", verb, "a")
            eventually(lambda: (m := channel.get_message(ignore_subscribe_messages=True)) and m["data"] == "wake 1 0",
                       what=f"the {verb} is told")


def test_a_claim_that_met_a_pause_says_so_whatever_was_counted_before(fresh, fleet):
    fresh.load(["x"])
    worker = fleet()
    for _ in range(10):
        worker.sync(want=0)  # as a page would: the counts are fresh, and say that there is work
        assert worker.api.get("/api/jobCount?stage=a").text == "1"
        fresh.sql("update tracker.stage set paused = true where stage = 1")
        reply = worker.sync(want=1)
        fresh.sql("update tracker.stage set paused = false where stage = 1")
        assert reply.get("jobs", []) == [] and "pause" in reply["message"].lower(), reply


def test_retry_after_is_jittered(fresh, fleet):
    f = fleet()
    assert len({f.sync(want=1)["retry_after"] for _ in range(30)}) > 1


# --- parked calls -----------------------------------------------------------------------------

def test_a_wait_that_brings_nothing_lasts_as_long_as_asked(fresh, fleet):
    call = Later(fleet().sync, want=1, wait=2)
    assert call.result().get("jobs", []) == []
    assert 1.8 <= call.took_s < 6


def test_a_wait_ends_at_once_when_there_is_work(fresh, fleet):
    fresh.load(["x"])
    call = Later(fleet().take, 1, wait=30)
    assert len(call.result()) == 1 and call.took_s < 5


def test_a_completion_upstream_wakes_a_parked_call(fresh, fleet):
    fresh.load(["x"])
    a, b = fleet(), fleet("b")
    (job,) = a.take()
    call = parked(fresh, b)
    a.done(job, "y")
    assert [j["data"] for j in call.result(10)["jobs"]] == ["y"]


def test_a_v1_completion_upstream_wakes_a_parked_call(fresh, fleet, worker):
    fresh.load(["x"])
    a = worker()
    a.get_job()
    call = parked(fresh, fleet("b"))
    a.complete("y")
    assert [j["data"] for j in call.result(10)["jobs"]] == ["y"]


def test_load_append_wakes_a_parked_call(fresh, fleet):
    call = parked(fresh, fleet())
    fresh.load(["x"], append=True)
    assert [j["data"] for j in call.result(10)["jobs"]] == ["x"]


def test_work_given_back_wakes_a_parked_call(fresh, fleet, worker):
    fresh.load(["x"])
    holder = worker()
    holder.get_job()
    call = parked(fresh, fleet())
    holder.bye()
    assert [j["data"] for j in call.result(10)["jobs"]] == ["x"]


def test_a_job_whose_back_off_ends_wakes_a_parked_call(fresh, fleet):
    fresh.load(["x"])
    holder = fleet()
    (job,) = holder.take()
    call = parked(fresh, fleet())
    holder.give("failed", job, reason="r")
    assert [j["attempt"] for j in call.result(15)["jobs"]] == [2]


def test_resume_wakes_a_parked_call(fresh, fleet):
    fresh.load(["x"])
    fresh.run("distcompute-admin", "pause", "a")
    call = parked(fresh, fleet())
    fresh.run("distcompute-admin", "resume", "a")
    assert len(call.result(10)["jobs"]) == 1


def test_many_parked_calls_in_every_process_are_woken(fresh, fleet):
    """Sixteen calls over two processes, sixteen jobs in one load: all are served soon, each once."""
    calls = [parked(fresh, fleet()) for _ in range(16)]
    fresh.load([f"j{i}" for i in range(16)], append=True)
    got = [job["job"] for call in calls for job in call.result(10)["jobs"]]
    assert sorted(got) == list(range(1, 17))


def test_what_a_parked_call_reports_counts_at_once(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    call = parked(fresh, f, done=[{**which(job), "data": "r"}], wait=4)
    eventually(lambda: fresh.counts()["a"]["done"] == 1, timeout_s=3, what="the result counts while the call waits")
    assert call.result()["results"] == [{"job": 1, "status": "accepted"}]


def test_a_newer_call_of_the_same_worker_ends_the_older_one(fresh, fleet):
    """Whichever process either of them is in."""
    for _ in range(4):
        f = fleet()
        older = parked(fresh, f)
        newer = parked(fresh, f)
        assert older.result(10).get("jobs", []) == []
        assert newer.is_alive()
        assert f.sync().get("jobs", []) == []
        newer.result(10)


def test_bye_ends_a_waiting_call(fresh, fleet):
    for _ in range(4):
        f = fleet()
        waiting = parked(fresh, f)
        assert f.api.text("/api/bye", {"token": f.token}) == (200, "200 OK")
        assert waiting.result(10).get("jobs", []) == []


def test_a_newer_call_gets_the_work_not_the_older_one(fresh, fleet):
    f = fleet()
    older = parked(fresh, f)
    newer = parked(fresh, f)
    older.result(10)
    fresh.load(["x"], append=True)
    assert len(newer.result(10)["jobs"]) == 1


def hang_up_while_parked(stack, fleet):
    """The worker's process dies while its call waits."""
    body = json.dumps({"token": fleet.token, "want": 1, "wait": 30}).encode()
    before = stack.one("select asked_at from tracker.worker where name = %s", fleet.name)
    context = ssl.create_default_context(cafile=stack.certificate)
    with socket.create_connection(("127.0.0.1", stack.https_port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as s:
            s.sendall(b"POST /api/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            eventually(lambda: stack.one("select asked_at from tracker.worker where name = %s", fleet.name) != before,
                       what="the call has arrived")


def test_a_client_that_hung_up_gets_nothing_and_nothing_is_lost(fresh, fleet):
    """The dead caller waits longest, so work would go to it first."""
    for round_ in range(1, 4):
        hang_up_while_parked(fresh, fleet())
        alive = fleet()
        call = parked(fresh, alive)
        fresh.load([f"j{round_}"], append=True)
        (job,) = call.result(15)["jobs"]
        assert job["attempt"] == 1
        assert alive.done(job) == "accepted"
    assert fresh.counts()["a"]["done"] == 3


def test_parked_calls_hold_up_nobody(fresh, fleet, api):
    """Far more calls than threads wait, and the others are served meanwhile."""
    calls = [Later(fleet().sync, want=1, wait=6) for _ in range(60)]
    fresh.load(["x"], append=True)
    for _ in range(20):
        began = Later(api.get, "/api/jobCount?stage=a")
        assert began.result(10).status_code == 200
    assert sum(len(c.result(30).get("jobs", [])) for c in calls) == 1


# --- v1 and sync side by side -----------------------------------------------------------------

def test_bye_gives_back_every_job_of_a_fleet(fresh, fleet):
    fresh.load([f"j{i}" for i in range(5)])
    f = fleet()
    f.take(5)
    assert f.api.text("/api/bye", {"token": f.token}) == (200, "200 OK")
    jobs = fleet().take(5)
    assert len(jobs) == 5 and {j["attempt"] for j in jobs} == {1}


def test_a_v1_job_is_not_sent_again_by_holding(fresh, worker):
    fresh.load(["x"])
    w = worker()
    w.get_job()
    reply = Api(fresh).post("/api/sync", {"token": w.token, "holding": []}).json()
    assert reply.get("jobs", []) == []
    w.complete("r")
    assert fresh.counts()["a"]["done"] == 1


def test_v1_new_job_leaves_a_fleets_leases_alone(fresh, fleet):
    fresh.load(["x", "y", "z"])
    f = fleet()
    jobs = f.take(2)
    assert f.api.post("/api/newJob", {"token": f.token}).json()["number"] == 3
    assert [f.done(j) for j in jobs] == ["accepted", "accepted"]
