"""distcompute-worker against trackers that are none, or hostile: it stays calm, bounded and polite."""
import re
import signal
import time
import unicodedata

import pytest

from little import Jobs, Raw, accept, job, self_signed
from waiting import eventually

LOOK_S = 3        # how long a strange tracker is watched
CALLS_MOST = 12   # in that time: 1 s, 2 s, ... apart, two kinds of call, and what went before
MEMORY_MOST = 150  # MiB, of a worker that was told nonsense


def hurry(worker):
    """Ctrl-C twice, the second when the first was heard: two that wait are one to the kernel."""
    def ended():
        if worker.is_up():
            worker.process.send_signal(signal.SIGINT)
        return not worker.is_up()
    eventually(ended, timeout_s=60, every_s=0.3, what="it ends")


def stays_calm(tracker, worker, path="/api/sync", most=CALLS_MOST, memory=MEMORY_MOST):
    """Watched for a while: it lives, calls seldom, takes little, and can be stopped."""
    eventually(lambda: tracker.to(path), what=f"a call of {path}")
    before = len(tracker.calls)
    time.sleep(LOOK_S)
    assert worker.is_up(), worker.said()
    assert len(tracker.calls) - before <= most, [(c.call, round(c.at, 2)) for c in tracker.calls]
    assert worker.peak_mib() < memory
    hurry(worker)


@pytest.fixture
def all_calm(little, hands):
    """Watches a worker against each of the answers, all at the same time; `told` says what each must have said."""
    def watch(cases, *flags, script="cat", path="/api/sync", answering=None, most=CALLS_MOST, memory=MEMORY_MOST):
        pairs = {name: (tracker := little({(answering or path): answer}), hands(tracker.url, script, *flags))
                 for name, answer in cases.items()}
        for name, (tracker, _) in pairs.items():
            eventually(lambda: tracker.to(path), timeout_s=30, what=f"a call of {path}: {name}")
        before = {name: len(tracker.calls) for name, (tracker, _) in pairs.items()}
        time.sleep(LOOK_S)
        wrong = {}
        for name, (tracker, worker) in pairs.items():
            calls = len(tracker.calls) - before[name]
            if not worker.is_up():
                wrong[name] = f"exit {worker.process.returncode}: {worker.said()[-500:]}"
            elif calls > most or worker.peak_mib() >= memory:
                wrong[name] = f"{calls} calls, {worker.peak_mib():.0f} MiB"
            worker.process.send_signal(signal.SIGTERM)
        assert not wrong
        for name, (_, worker) in pairs.items():
            worker.ends(40)
        return {name: worker.said() for name, (_, worker) in pairs.items()}
    return watch


# --- when to come again --------------------------------------------------------------------------------

RETRY_AFTER = ["999999999999999999", "9223372036854775807", "99999999999999999999999999", "-5", "0", "1e9", "soon", "", "5; 5", "0x10",
               "Wed, 21 Oct 2099 07:28:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"]


def test_any_retry_after_is_obeyed_within_reason(all_calm):
    for said in all_calm({after: (503, {"Retry-After": after}, "Busy.") for after in RETRY_AFTER}).values():
        pause = float(re.search(r"trying again in ([\d.-]+) s", said).group(1))
        assert 0.7 <= pause <= 601, said


def test_any_retry_after_of_sync_is_obeyed_within_reason(all_calm):
    all_calm({after: f'{{"results": [], "jobs": [], "retry_after": {after}, "message": "no"}}'
              for after in ["1e400", "-1e400", "-7", "0.0000001", "1e-300", "99999999999999999999", '"soon"', "[]", "true", "1e9999999"]})


def test_no_status_makes_it_hurry(all_calm):
    all_calm({status: (status, {}, "" if status in (204, 304) else "What?")
              for status in (100, 201, 204, 299, 300, 304, 401, 402, 403, 407, 409, 418, 429, 451, 500, 501, 502, 504, 599, 999)})


# --- answers that are none -----------------------------------------------------------------------------

PAGE = "<!doctype html><html><body>Please log in</body></html>"
NO_ANSWERS = {
    "nothing": "", "an empty object": "{}", "a list": "[]", "null": "null", "a number": "5", "a string": '"jobs"', "a page": PAGE,
    "half an object": '{"results": [{"job": 1, "sta', "half a string": '{"message": "abc', "two values": "{} {}", "no utf-8": b'{"message": "\xff"}',
    "keys twice": '{"jobs": [], "jobs": [{}]}', "a comment": "{/* */}", "nul": b'{"a": "\x00"}', "NaN": '{"retry_after": NaN}',
    "wrong types": '{"results": 5, "jobs": "x", "drop": {"a": 1}, "retry_after": [], "message": {}, "finished": "true"}',
    "wrong types in lists": '{"results": [1, null, "x", [], {}], "jobs": [1, null, "x", [], {}], "drop": ["x", null, {}, 1e99, -1]}',
    "jobs that lack something": '{"jobs": [{"job": 1}, {"lease": "x"}, {"job": 1, "lease": "y"}, {"job": 1, "data": "z"}]}',
    "jobs with wrong types": '{"jobs": [{"job": "1", "lease": "a", "data": "x"}, {"job": 1, "lease": 5, "data": "x"},'
                             ' {"job": 1.5, "lease": "b", "data": "x"}, {"job": 99999999999999999999, "lease": "c", "data": "x"}]}',
    "leases that are none": '{"jobs": [{"job": 1, "lease": "", "data": "x"}, {"job": 2, "lease": "' + "l" * 5000 + '", "data": "x"},'
                            ' {"job": 3, "lease": "\\u0007\\u001b[2J", "data": "x"}]}',
}


def test_an_answer_that_cannot_be_used_slows_it_down(all_calm, tmp_path):
    all_calm(NO_ANSWERS, script="touch ran; cat")
    assert not (tmp_path / "ran").exists()


def jobs_then(answer):
    """Hands out one job, and from then on says the same."""
    handed = []

    def sync(call):
        if handed:
            return answer
        handed.append(job(1))
        return {"results": [], "jobs": handed, "retry_after": 0}
    return sync


def test_a_result_is_kept_while_the_word_on_it_cannot_be_used(little, hands, tmp_path):
    pairs = {}
    for name, answer in NO_ANSWERS.items():
        tracker = little({"/api/sync": jobs_then(answer)})
        pairs[name] = tracker, hands(tracker.url, "printf kept", "--spool", str(tmp_path / name.replace(" ", "-").replace("/", "")))

    def tells(tracker):
        return len([c for c in tracker.to("/api/sync") if c.json.get("done")])
    for name, (tracker, _) in pairs.items():
        eventually(lambda: tells(tracker), timeout_s=30, what=f"the result was told: {name}")
    before = {name: tells(tracker) for name, (tracker, _) in pairs.items()}
    time.sleep(LOOK_S)
    assert {name: n for name, (tracker, _) in pairs.items() if (n := tells(tracker) - before[name]) > 6} == {}
    for _, worker in pairs.values():
        worker.process.send_signal(signal.SIGINT)
    for name, (_, worker) in pairs.items():
        assert worker.ends(60) == 75, name + worker.said()
        assert list((tmp_path / name.replace(" ", "-").replace("/", "")).glob("*.json")), name


@pytest.mark.parametrize("name", ["nothing", "an empty object", "a list", "a page", "half an object", "nul", "wrong types"])
def test_an_answer_to_new_that_is_none_ends_it_with_a_word(little, hands, name):
    tracker = little({"/api/new": NO_ANSWERS[name]})
    worker = hands(tracker.url)
    assert worker.ends() == 78
    assert "there is no tracker at " + tracker.url in worker.said()


def test_what_is_no_http_is_an_outage(all_calm):
    all_calm({answer: lambda call, answer=answer: Raw(answer) for answer in (
        b"\x00\x01\x02garbage\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n{}", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}")})


def test_being_unknown_again_and_again_does_not_make_it_register_in_a_hurry(little, hands):
    tracker = little({"/api/sync": (404, {}, "The server could not find this worker. Did the worker time out?")})
    stays_calm(tracker, hands(tracker.url))
    assert 2 <= len(tracker.to("/api/new")) <= 6


# --- answers that are too much -------------------------------------------------------------------------

MANY = 15_000_000
HUGE = {
    "empty objects": lambda: b'{"results": [' + b"{}," * (MANY // 3) + b"{}]}",
    "empty objects as jobs": lambda: b'{"jobs": [' + b"{}," * (MANY // 3) + b"{}]}",
    "drops": lambda: b'{"drop": [' + b"1," * (MANY // 2) + b"1]}",
    "brackets": lambda: b"[" * MANY,
    "brackets in an object": lambda: b'{"a": ' + b"[" * (MANY // 2) + b"]" * (MANY // 2) + b"}",
    "an object in an object": lambda: b'{"a":' * (MANY // 5) + b"1" + b"}" * (MANY // 5),
    "a message": lambda: b'{"message": "' + b"m" * MANY + b'"}',
    "an escaped message": lambda: b'{"message": "' + b"\\u001b" * (MANY // 6) + b'"}',
    "keys": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(MANY // 12)) + b"}",
    "a number": lambda: b'{"retry_after": ' + b"9" * MANY + b"}",
    "an unknown member": lambda: b'{"x": [' + b"[]," * (MANY // 3) + b"1]}",
    "a page": lambda: b"<html>" + b"<p>" * (MANY // 3),
}


@pytest.mark.parametrize("first", range(0, len(HUGE), 4))
def test_a_huge_answer_costs_little_more_than_its_own_length(all_calm, first):
    all_calm({name: HUGE[name]() for name in list(HUGE)[first:first + 4]})


@pytest.mark.parametrize("path", ["/api/new", "/api/bye", "/api/stats.json"])
def test_an_answer_to_a_small_call_is_small(little, hands, path):
    tracker = little({path: b"{" + b" " * 50_000_000})
    worker = hands(tracker.url, "cat", "--stage", "Extract" if path.endswith("json") else "a")
    if path == "/api/bye":
        worker.says("working as")
        worker.process.send_signal(signal.SIGINT)
    eventually(lambda: tracker.to(path), what="the call")
    time.sleep(2)
    assert not worker.is_up() or worker.peak_mib() < 60


def endless(head, piece):
    yield head
    while True:
        yield piece


ENDLESS = {
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b'{"a": 1}' + b" " * 100_000),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    "refusal": (b"HTTP/1.1 503 No\r\n\r\n", b"x" * 100_000),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"h" * 1000 + b"\r\n"),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


def test_an_answer_without_end_is_cut(all_calm):
    all_calm({name: lambda call, parts=parts: Raw(endless(*parts)) for name, parts in ENDLESS.items()}, "--max-input", "32M", memory=120)


def test_a_trickle_neither_blocks_nor_keeps_it(little, hands):
    def slowly():
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        while True:
            time.sleep(0.3)
            yield b" "
    tracker = little({"/api/sync": lambda call: Raw(slowly())})
    stays_calm(tracker, hands(tracker.url))


# --- jobs that nobody asked for ------------------------------------------------------------------------

def test_jobs_that_nobody_asked_for_are_not_taken(little, hands):
    flood = [job(n, "d" * 1000) for n in range(5000)]
    tracker = little({"/api/sync": lambda call: {"results": accept(call), "jobs": flood, "retry_after": 0}})
    worker = hands(tracker.url, "sleep 60", "--jobs", "2")
    worker.says("nobody asked for")
    held = max(len(c.json["holding"]) for c in tracker.to("/api/sync") if "holding" in c.json)
    stays_calm(tracker, worker)
    assert held <= 12


def test_a_hand_out_that_comes_again_and_again_is_run_once(little, hands, tmp_path):
    same = job(7)
    tracker = little({"/api/sync": lambda call: {"results": accept(call), "jobs": [same, same], "retry_after": 0}})
    worker = hands(tracker.url, "echo >> runs; printf r")
    eventually(lambda: (tmp_path / "runs").exists(), what="it ran")
    stays_calm(tracker, worker)
    assert (tmp_path / "runs").read_text() == "\n"


def test_the_same_number_under_another_lease_is_another_hand_out(little, hands):
    jobs = Jobs([job(7, "first"), job(7, "second")])
    tracker = little({"/api/sync": jobs})
    hands(tracker.url, "cat")
    eventually(lambda: len(jobs.told["done"]) == 2, what="both came back")
    assert {item["data"] for item in jobs.told["done"]} == {"first", "second"}


# --- what is shown -------------------------------------------------------------------------------------

EVIL = "a\u001b[2J\u001b]0;title\u0007b\u202ec\u2066d\u200be\ufefff\u009b31mg\u0000h\rI\nJ\u2028k\u007f"


def harmless(text):
    return [c for c in text.replace("\n", "") if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")] == []


def answers_that_show(where, evil):
    new = {"token": "t", "display_name": "n", "project": "p", "stage_name": "s"}
    if where in new:
        return {"/api/new": {**new, where: evil}}
    return {"refusal": {"/api/new": (400, {}, evil)},
            "location": {"/api/new": lambda call: Raw(b"HTTP/1.1 302 x\r\nLocation: http://elsewhere/\x1b[2J\xe2\x80\xae\r\n"
                                                      b"Content-Length: 0\r\n\r\n")},
            "message": {"/api/sync": {"results": [], "jobs": [], "retry_after": 1, "message": evil}},
            "why": {"/api/sync": (503, {}, evil)},
            "status": {"/api/sync": Jobs([job(1)], word=lambda item: evil[:60])},
            "reason": {"/api/sync": Jobs([job(1)])}}[where]


def test_nothing_that_it_shows_moves_a_cursor_or_turns_the_text(little, hands):
    workers = {}
    for where in ("message", "display_name", "project", "stage_name", "refusal", "status", "reason", "why", "location"):
        tracker = little(answers_that_show(where, EVIL if where == "refusal" else EVIL.replace("\0", "")))
        script = r"printf 'a\033[2Jb\342\200\256c\233\n' >&2; exit 3" if where == "reason" else "cat"
        workers[where] = tracker, hands(tracker.url, script, "--quiet" if where == "reason" else "--verbose")
    for where, (tracker, _) in workers.items():
        eventually(lambda: len(tracker.calls) > (0 if where in ("refusal", "location") else 2), what=f"the calls: {where}")
    time.sleep(1)
    for where, (_, worker) in workers.items():
        assert worker.said().strip() != "" and harmless(worker.said()), (where, worker.said())


# --- where it is sent ----------------------------------------------------------------------------------

def moved(status, to):
    return lambda call: (status, {"Location": to(call)}, "")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_it_follows_to_https_and_a_post_stays_a_post(little, hands, tmp_path, status):
    pem = self_signed(tmp_path)
    jobs = Jobs([job(1, "over tls")])
    safe = little({"/api/sync": jobs}, tls=pem)
    plain = little({path: moved(status, lambda call: safe.url + call.path) for path in ("/api/new", "/api/sync", "/api/bye")})
    worker = hands(plain.url, "cat", "--cacert", pem, "--max-jobs", "1")
    assert worker.ends() == 0, worker.said()
    assert jobs.told["done"][0]["data"] == "over tls"
    assert f"the tracker is at {safe.url} now" in worker.said()
    assert {c.method for c in safe.to("/api/sync")} == {"POST"}
    # Once is enough: it does not ask at the old door each time.
    assert len(plain.calls) == 1


def test_it_takes_its_token_nowhere_else(little, all_calm):
    other = little({})
    places = ["http://localhost:{port}{path}", "http://127.0.0.1:1{path}", "http://127.0.0.1:{port}/login", "ftp://127.0.0.1{path}",
              "http://user:pw@127.0.0.1:{own}{path}", "https://localhost:{port}{path}", "http://localhost:{own}{path}", "file:///etc/passwd", "//localhost:{port}{path}", "http://127.0.0.1:{port}"]
    said = all_calm({(status, to): moved(status, lambda call, to=to: to.format(port=other.port, path=call.path, own=call.headers["host"].split(":")[1]))
                     for status in (301, 302, 303, 307, 308) for to in places if status in (302, 308) or to == places[0]})
    for case, text in said.items():
        assert "sends us to" in text and "--url" in text, case
    assert other.calls == []


def test_it_never_goes_from_https_to_http(little, hands, tmp_path):
    pem = self_signed(tmp_path)
    other = little({})
    tracker = little({"/api/sync": moved(308, lambda call: other.url + call.path)}, tls=pem)
    worker = hands(tracker.url, "cat", "--cacert", pem)
    worker.says("sends us to")
    stays_calm(tracker, worker)
    assert other.calls == []


def test_a_circle_of_redirects_ends(little, hands):
    tracker = little({"/api/sync": lambda call: (308, {"Location": f"http://127.0.0.1:{tracker.port}/api/sync"}, "")})
    worker = hands(tracker.url)
    stays_calm(tracker, worker, most=30)


def test_a_tracker_that_sends_it_elsewhere_from_the_start_is_named(little, hands):
    tracker = little({"/api/new": moved(302, lambda call: "https://elsewhere.example/login")})
    worker = hands(tracker.url)
    assert worker.ends() == 78 and "https://elsewhere.example/login (see --url)" in worker.said()


# --- the older job API ---------------------------------------------------------------------------------

def test_an_answer_to_new_job_that_is_none_slows_it_down(all_calm):
    cases = {name: answer for name, answer in NO_ANSWERS.items() if "jobs" not in name and "lists" not in name}
    cases |= {str(fields): fields for fields in (
        {"data": 5, "number": 1}, {"data": "x", "number": "1"}, {"data": "x"}, {"number": 1}, {"data": {}, "number": 1},
        {"data": "x", "number": 1e300}, {"data": None, "number": None})}
    all_calm(cases, "--v1", path="/api/newJob")


def test_a_page_instead_of_200_ok_is_not_taken_for_a_promise(little, hands, tmp_path):
    given = []

    def new_job(call):
        given.append(1)
        return {"data": "x", "number": 1} if len(given) == 1 else (403, {}, "No job.")
    tracker = little({"/api/newJob": new_job, "/api/completeJob": PAGE})
    worker = hands(tracker.url, "printf kept", "--v1")
    eventually(lambda: len(tracker.to("/api/completeJob")) >= 2, what="the result is told again")
    worker.process.send_signal(signal.SIGINT)
    assert worker.ends(40) == 75 and list((tmp_path / "spool").glob("*.json"))


def test_a_connection_closed_at_once_instead_of_a_job_slows_it_down(little, hands):
    tracker = little({"/api/newJob": lambda call: None})
    stays_calm(tracker, hands(tracker.url, "cat", "--v1"), "/api/newJob")


def test_all_slots_together_are_bounded(little, hands):
    tracker = little({"/api/newJob": lambda call: Raw(endless(*ENDLESS["body"]))})
    worker = hands(tracker.url, "cat", "--v1", "--jobs", "20", "--max-input", "16M")
    stays_calm(tracker, worker, "/api/newJob", most=60, memory=90)
