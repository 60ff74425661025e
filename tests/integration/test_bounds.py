"""No client takes more than its share: memory by what was sent, parked calls, malformed records, logs."""
import contextlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import time

import psycopg2
import pytest
import requests

from client import Api, Client, Fleet, NoJob, nobody, which
from stack import is_sanitized
from waiting import Later, eventually

KIB = 1024
MIB = 1024 * KIB

MEMORY = pytest.mark.skipif(is_sanitized(), reason="a sanitizer's heap")


def memory(pid, what):
    """VmRSS or VmHWM of a process, in bytes."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{what}:\s+(\d+) kB", f.read(), re.M).group(1)) * KIB


class Peaks:
    """How much more the pool's processes needed at their peaks than before; in bytes, all together."""

    def __init__(self, stack):
        self.before = {pid: memory(pid, "VmRSS") for pid in stack.responders()}
        for pid in self.before:
            with open(f"/proc/{pid}/clear_refs", "w") as f:
                f.write("5")  # the peak begins anew

    def grown(self):
        """Nothing under a sanitizer, whose heap keeps what is freed: tests of what is answered hold there too."""
        if is_sanitized():
            return 0
        return sum(memory(pid, "VmHWM") - before for pid, before in self.before.items())


def repeated(item, size):
    return ",".join([item] * (size // (len(item) + 1)))


def keys(size):
    out, at, n = [], 0, 0
    while at < size:
        out.append(f'"{n:x}":0')
        at += len(out[-1]) + 1
        n += 1
    return "{" + ",".join(out) + "}"


# What a body of so many bytes may look like: each costs a tree many times its own length.
SHAPES = {
    "empty objects": lambda size: '{"token":"x","z":[%s]}' % repeated("{}", size),
    "empty lists": lambda size: '{"token":"x","z":[%s]}' % repeated("[]", size),
    "numbers": lambda size: '{"token":"x","z":[%s]}' % repeated("1", size),
    "long numbers": lambda size: '{"token":"x","z":[%s]}' % repeated("-1.25e-300", size),
    "short strings": lambda size: '{"token":"x","z":[%s]}' % repeated('""', size),
    "escapes": lambda size: '{"token":"x","z":["%s"]}' % ("\\n" * (size // 2)),
    "one long field": lambda size: '{"token":"x","data":"%s"}' % ("a" * size),
    "one field of escapes": lambda size: '{"token":"x","data":"%s"}' % ("\\u00e9" * (size // 6)),
    "many keys": lambda size: '{"token":"x","z":%s}' % keys(size),
    "many keys of its own": lambda size: '{"token":"x",%s' % keys(size)[1:],
    "one key over and over": lambda size: '{"token":"x","z":{%s}}' % repeated('"k":0', size),
    "nested lists": lambda size: '{"token":"x","z":[%s]}' % repeated("[" * 60 + "]" * 60, size),
    "too deep": lambda size: '{"token":"x","z":%s%s}' % ("[" * (size // 2), "]" * (size // 2)),
    "done": lambda size: '{"token":"x","done":[%s]}' % repeated("{}", size),
    "failed": lambda size: '{"token":"x","failed":[%s]}' % repeated('{"job":1}', size),
    "flagged": lambda size: '{"token":"x","flagged":[%s]}' % repeated("1", size),
    "done with much in it": lambda size: '{"token":"x","done":[{"job":1,"z":[%s]}]}' % repeated("{}", size),
    "holding": lambda size: '{"token":"x","holding":[%s]}' % repeated("1", size),
}

# What is understood goes on to PostgreSQL: it is built once for it, and once more by libpq, one call at a time.
DATA = {
    "a list": lambda size: '[%s]' % repeated("{}", size),
    "a text": lambda size: '"%s"' % ("a" * size),
    "a text of escapes": lambda size: '"%s"' % ("\\n" * (size // 2)),
    "a text that claims to be JSON": lambda size: '"<!json!>[%s]"' % repeated("1", size),
}


def with_data(data):
    return '{"token":"%s","done":[{"job":1,"lease":"%s","data":%s}]}' % (nobody(), nobody(), data)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", ["/api/sync", "/api/completeJob"])
def test_a_body_costs_twice_its_length_at_most(tracker, api, path, shape):
    for size in (1 * MIB, 6 * MIB):
        body = SHAPES[shape](size)
        if path == "/api/sync":  # a token that could be one, so that all of it is read
            body = body.replace('"x"', f'"{nobody()}"', 1)
        body = body.encode()
        peaks = Peaks(tracker)
        answer = api.post(path, body)
        assert answer.status_code in (404, 422), answer.text
        # A process's own needs, such as a first stack of a thread, are allowed for once.
        assert peaks.grown() <= 2 * len(body) + 64 * KIB + MIB


@pytest.mark.parametrize("kind", DATA)
def test_data_costs_its_length_and_what_postgres_is_sent(tracker, api, kind):
    for size in (1 * MIB, 6 * MIB):
        body = with_data(DATA[kind](size)).encode()
        peaks = Peaks(tracker)
        assert api.post("/api/sync", body).status_code == 404
        assert peaks.grown() <= (2 + 3) * len(body) + 64 * KIB + MIB


ITEMS = {
    "lists": "[%s]" % ",".join(["1"] * 2000),
    "objects": '{"k":"%s"}' % ("v" * 4000),
    "texts": '"%s"' % ("t" * 4000),
    "texts of escapes": '"%s"' % ("\\u00e9" * 670),
}


@pytest.mark.parametrize("kind", ITEMS)
def test_many_results_cost_twice_their_length_at_most(fresh, fleet, kind):
    """Of a worker that is known, so that all of it goes to PostgreSQL: a part at a time."""
    f = fleet()
    item = '{"job":%d,"lease":"%s","data":%s}'
    body = '{"token":"%s","done":[%s]}' % (f.token, ",".join(item % (i, nobody(), ITEMS[kind]) for i in range(1, 2001)))
    peaks = Peaks(fresh)
    answer = Api(fresh).post("/api/sync", body.encode())
    assert [r["status"] for r in answer.json()["results"]] == ["unknown"] * 2000
    # Whatever there is of blocks of a part's length: each desk has two, and what libpq keeps.
    assert peaks.grown() <= 2 * len(body) + 64 * KIB + MIB


def test_many_results_are_all_taken_in_parts(fresh, fleet):
    """Data of every form, long enough that they go in several ops; kept byte for byte."""
    fresh.load([f"j{i}" for i in range(60)])
    f = fleet()
    forms = ['[1, 2,%s3]' % (" " * 60000), '{"a" : "%s"}' % ("x" * 60000), '"<!json!>[%s]"' % ("1," * 30000 + "1"),
             '"%s"' % ("t" * 60000), "-1.50", '"<!json!>"', '"\\u003c!json!>[]"', "[]", "{}"]
    jobs = [job for _ in range(3) for job in f.take(20)]
    done = [(job, forms[i % len(forms)]) for i, job in enumerate(jobs)]
    items = ",".join('{"data": %s , "lease":"%s","job":%d}' % (data, job["lease"], job["job"]) if i % 2 else
                     '{"job":%d,"lease":"%s","data":%s}' % (job["job"], job["lease"], data) for i, (job, data) in enumerate(done))
    for status in ("accepted", "repeat"):
        answer = Api(fresh).post("/api/sync", ('{"token":"%s","done":[%s]}' % (f.token, items)).encode())
        assert [r["status"] for r in answer.json()["results"]] == [status] * 60
    for job, data in done:
        kept = fresh.one("select data from tracker.output where job = %s", job["job"])
        if data[0] != '"':
            assert kept.removeprefix("<!json!>").removeprefix("\t") == data
        elif data.startswith('"t'):
            assert kept == json.loads(data)
        else:
            assert kept in (json.loads(data), "<!json!>\t" + data)


@MEMORY
def test_what_a_body_took_is_given_back(tracker, api):
    """Not kept for a next one: of twenty large bodies hardly anything is left."""
    body = with_data(DATA["a list"](4 * MIB)).encode()
    for _ in range(8):
        api.post("/api/sync", body)  # until every thread has seen one
    before = sum(memory(pid, "VmRSS") for pid in tracker.responders())
    for _ in range(20):
        api.post("/api/sync", body)
    assert sum(memory(pid, "VmRSS") for pid in tracker.responders()) - before <= 8 * MIB


@MEMORY
def test_a_call_is_parked_without_its_body(fresh, fleet):
    """Twenty calls with a megabyte each wait, and hold next to nothing."""
    fleets = [fleet() for _ in range(20)]
    pad = "x" * MIB
    before = sum(memory(pid, "VmRSS") for pid in fresh.responders())
    calls = [Later(f.sync, want=1, wait=30, z=[pad, []]) for f in fleets]
    metrics = Api(fresh, plain=True)
    eventually(lambda: "tracker_parked_calls 20" in metrics.get("/metrics").text, what="twenty calls are parked")
    assert sum(memory(pid, "VmRSS") for pid in fresh.responders()) - before <= 8 * MIB
    fresh.load([f"j{i}" for i in range(len(fleets))], append=True)
    assert [len(call.result()["jobs"]) for call in calls] == [1] * len(fleets)


@pytest.mark.parametrize("calls, kind, items", [(12, "done", 2000), (60, "done", 400), (12, "released", 2000)])
def test_one_item_does_not_wait_behind_everybodys_thousands(fresh, fleet, worker, calls, kind, items):
    """Many long calls are there before one of v1 comes: it is answered second in its process."""
    fresh.load(["x"])
    v1 = worker()
    v1.get_job()
    listed = [{"job": i, "lease": nobody(), "data": "r"} for i in range(1, items + 1)]
    ended = []

    def noted(name, call, *args, **kwargs):
        call(*args, **kwargs)
        ended.append(name)

    with contextlib.closing(psycopg2.connect(fresh.conninfo)) as held:
        with held.cursor() as cursor:
            cursor.execute("select tracker.raise_barrier()")
        bulk = [Later(noted, "bulk", f.raw, **{kind: listed}) for f in [fleet() for _ in range(calls)]]
        metrics = Api(fresh, plain=True)

        def there(count):
            eventually(lambda: f"tracker_requests_in_flight {count}" in metrics.get("/metrics").text, what="all are there")
        there(calls + 1)
        one = Later(noted, "one", *((v1.complete, "r") if kind == "done" else (v1.flag,)))
        there(calls + 2)
        held.rollback()
    for call in (one, *bulk):
        call.result()
    assert ended.index("one") <= calls * 2 / 3, ended  # the other process may be quicker


@contextlib.contextmanager
def held_up(stack, function):
    """The function waits for as long as this is open, and then does what it always did."""
    ((before, name, arguments, returns),) = stack.sql(
        "select pg_get_functiondef(oid), oid::regprocedure::text, pg_get_function_arguments(oid), pg_get_function_result(oid)"
        " from pg_proc where pronamespace = 'tracker'::regnamespace and proname = %s", function)
    lock = 4711
    with contextlib.closing(psycopg2.connect(stack.conninfo)) as held:
        with held.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", (lock,))
        numbers = ", ".join(f"${i}" for i in range(1, arguments.count(",") + 2))
        stack.sql(f"alter function {name} rename to {function}_before")
        stack.sql(f"create function tracker.{function}({arguments}) returns {returns} language plpgsql volatile as $f$ begin"
                  f" perform pg_advisory_lock_shared({lock}); return query select * from tracker.{function}_before({numbers}); end $f$")
        try:
            yield
        finally:
            held.rollback()
            held.close()
            stack.sql(f"drop function {name}; drop function {name.replace(function, function + '_before')}")
            stack.sql(before)


def test_a_count_does_not_wait_behind_long_jobs_data(five):
    """Two ask for a job over answer_limit, which is long in coming; how many there are is known at once, and pages go on."""
    five.load(["x" * (2 * MIB)] * 3)
    workers, api = [Client(five), Client(five)], Api(five)
    with held_up(five, "fetch_inputs"):
        asked = [Later(w.get_job) for w in workers]
        eventually(lambda: five.one("select count(*) from tracker.lease") == 2, what="both have their job")
        eventually(lambda: api.get("/api/jobCount", params={"stage": "a"}).text == "1", what="the count")
        assert api.get("/leaderboard").status_code == 200
        assert all(a.is_alive() for a in asked)
    assert [len(a.result()) for a in asked] == [2 * MIB] * 2


# --- malformed records: a peer at the tracker's own socket ---------------------------------------

def record(kind, content=b"", number=1, version=1):
    return bytes([version, kind]) + number.to_bytes(2, "big") + len(content).to_bytes(2, "big") + b"\0\0" + content


BEGIN = record(1, bytes([0, 1, 1, 0, 0, 0, 0, 0]))
HUGE = b"\xff\xff\xff\xff"


def pairs(**params):
    def length(text):
        return bytes([len(text)]) if len(text) < 128 else (len(text) | 1 << 31).to_bytes(4, "big")
    return b"".join(length(k) + length(v) + k.encode() + v.encode() for k, v in params.items())


HEALTH = BEGIN + record(4, pairs(REQUEST_METHOD="GET", REQUEST_URI="/healthz")) + record(4) + record(5)
MALFORMED = {
    "a huge name": BEGIN + record(4, HUGE + b"\1xx"),
    "a huge value": BEGIN + record(4, b"\1" + HUGE + b"xx"),
    "a huge pair": BEGIN + record(4, HUGE + HUGE),
    "lengths that add up to less than nothing": BEGIN + record(4, b"\xff\xff\xff\xfe\x80\0\0\4"),
    "parameters without end": BEGIN + record(4, b"\1\xff\1\0" + b"x" * 60000) * 3,
    "a pair that the parameters cut": BEGIN + record(4, b"\4\4NA") + record(4) + record(5),
    "a body before the parameters": BEGIN + record(5, b"x") + record(4),
    "no begin": record(4) + record(5),
    "two begins": BEGIN + BEGIN,
    "another version": record(1, bytes(8), version=7),
    "another request's body": BEGIN + record(4) + record(5, b"x", number=2),
    "aborted": BEGIN + record(2),
    "an unknown type": BEGIN + record(99, b"x" * 100),
    "noise": bytes(range(256)) * 16,
    "HTTP": b"POST /api/newJob HTTP/1.1\r\nHost: x\r\n\r\n",
    "two at once": HEALTH + HEALTH,
}


def peer(stack):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(os.path.join(stack.state, "run", "tracker.sock"))
    return s


def is_ended(s):
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        return s.recv(1) == b""
    return True


def seconds_of(calls, act):
    began = time.monotonic()
    for _ in range(calls):
        act()
    return time.monotonic() - began


def test_who_asks_in_vain_without_end_waits_between(fresh, fleet):
    """A call that brings nothing costs as much as one that does. After the first eight there are two a second."""
    fresh.load(["one"])
    asking = fleet()
    [job] = asking.take(1)

    def told_again():
        assert asking.take(1, holding=[]) == [job]

    assert seconds_of(16, told_again) > 3
    assert seconds_of(6, lambda: asking.take(1, holding=[job["job"]])) > 2  # nothing left


def test_v1_that_asks_in_vain_without_end_waits_between(fresh, worker):
    asking = worker()

    def ask():
        with pytest.raises(NoJob):
            asking.get_job(wait=0)

    assert seconds_of(16, ask) > 3


@pytest.mark.parametrize("kind", ["done", "released"])
def test_who_brings_thousands_of_no_use_waits_between(fresh, fleet, kind):
    """Sixty-four of them are as much as one call. Who brings them twice, because an answer was lost, does not wait."""
    asking = fleet()
    listed = [{"job": i, "lease": nobody(), "data": "r"} for i in range(1, 401)]

    def bring():
        assert {r["status"] for r in asking.sync(**{kind: listed})["results"]} == {"unknown"}

    assert seconds_of(5, bring) > 5


def bundled(stack):
    """How many ops have gone to PostgreSQL."""
    return int(re.search(r"^tracker_bundled_ops_total (\d+)", Api(stack, plain=True).get("/metrics").text, re.M).group(1))


def test_results_of_unknown_workers_are_not_looked_at_one_by_one(fresh, fleet):
    """Who calls with a new token each time owes nothing by it: its address does, and then of such calls sixteen items go first."""
    fresh.load([str(n) for n in range(60)])
    honest, api = fleet(), Api(fresh)
    jobs = honest.take_all(60)
    listed = [{"job": i, "lease": nobody(), "data": "r"} for i in range(1, 2001)]

    def bring():
        answer = api.post("/api/sync", {"token": nobody(), "done": listed, "released": listed})
        assert answer.status_code == 404

    bring()  # nothing is known of its address yet
    before = bundled(fresh)
    bring()
    assert bundled(fresh) - before < 4
    # Who is known is heard to the end.
    results = honest.sync(done=[{**which(job), "data": "x"} for job in jobs])["results"]
    assert [r["status"] for r in results] == ["accepted"] * 60


def test_who_works_never_waits_for_what_it_asked_in_vain(fresh, fleet):
    """Two hundred calls would take 100 s if they were counted; also of who has asked in vain as often as it may."""
    fresh.load([str(n) for n in range(201)])
    working = fleet()
    for _ in range(8):
        working.take(0, holding=[])
    jobs = working.take(1)

    def work():
        nonlocal jobs
        jobs = working.sync(done=[{**which(job), "data": "x"} for job in jobs], want=1)["jobs"]

    assert seconds_of(200, work) < 60
    assert len(jobs) == 1


@pytest.mark.parametrize("path", ["/api/newJob", "/api/bye", "/api/validateWorker", "/api/updateProgress", "/api/flagInvalidData"])
def test_a_call_without_data_is_refused_and_its_body_not_kept(tracker, path):
    """By the tracker itself; nginx would have refused it before."""
    size = 6 * MIB
    peaks = Peaks(tracker)
    with contextlib.closing(peer(tracker)) as s:
        s.sendall(BEGIN + record(4, pairs(REQUEST_METHOD="POST", REQUEST_URI=path, CONTENT_LENGTH=str(size))) + record(4))
        for _ in range(size // 32768):
            s.sendall(record(5, b"{" * 32768))
        s.sendall(record(5))
        said = s.recv(4096)
    assert b"Status: 413" in said and b"65536" in said
    assert peaks.grown() <= MIB


def test_half_a_body_is_not_taken_for_a_whole_one(tracker):
    """nginx waits for all of it; another web server may not."""
    body = b'{"token": "half"}'
    with contextlib.closing(peer(tracker)) as s:
        s.sendall(BEGIN + record(4, pairs(REQUEST_METHOD="POST", REQUEST_URI="/api/newJob", CONTENT_LENGTH=str(len(body) + 1)))
                  + record(4) + record(5, body) + record(5))
        said = s.recv(4096)
    assert b"Status: 422" in said and b"shorter" in said


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_record_ends_its_connection_only(tracker, api, kind):
    pool = tracker.responders()
    for _ in range(4):  # every process of the pool and more
        with contextlib.closing(peer(tracker)) as s:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(MALFORMED[kind])
            assert is_ended(s)
    assert api.get("/api/jobCount?stage=a").status_code == 200
    assert tracker.responders() == pool


def test_half_requests_hold_up_nobody(tracker, api):
    """As many as there are threads, and more, each stopped at another place."""
    with contextlib.ExitStack() as halves:
        for i in range(40):
            s = halves.enter_context(contextlib.closing(peer(tracker)))
            s.sendall(HEALTH[:1 + i * (len(HEALTH) - 2) // 40])
        token = api.new()["token"]
        began = time.monotonic()
        for _ in range(50):
            assert api.text("/api/validateWorker", {"token": token}) == (200, "True")
        assert time.monotonic() - began < 5


def test_a_request_that_trickles_is_answered_or_ended(tracker):
    with contextlib.closing(peer(tracker)) as s:
        for i in range(len(HEALTH)):
            s.sendall(HEALTH[i:i + 1])
        assert b"200 OK" in s.recv(4096)
    with contextlib.closing(peer(tracker)) as s:
        s.sendall(HEALTH[:-1])
        assert is_ended(s)  # after GATHER_S; recv is patient for 30 s


def test_a_crash_costs_parked_calls_only(faults):
    """The other process goes on, a call that was parked is asked again, and gets its job."""
    workers = [Fleet(faults) for _ in range(8)]
    before = faults.responders()

    def wait(f):
        while True:
            with contextlib.suppress(OSError):
                answer = f.raw(want=1, wait=60)
                if answer.status_code == 200 and answer.json()["jobs"]:
                    return answer.json()["jobs"]
            time.sleep(0.1)

    calls = [Later(wait, f) for f in workers]
    metrics = Api(faults, plain=True)
    eventually(lambda: "tracker_parked_calls 8" in metrics.get("/metrics").text, what="eight calls are parked")
    os.kill(before[0], signal.SIGABRT)
    eventually(lambda: len(now := faults.responders()) == 2 and before[0] not in now, what="it is replaced")
    faults.load(["x"] * 8, append=True)
    assert sorted(job["job"] for call in calls for job in call.result()) == list(range(1, 9))


def test_tcp_beyond_loopback_wants_a_word(tracker, tmp_path):
    ini = tmp_path / "tracker.ini"
    for listen, refused in (("tcp:0.0.0.0:0", False), ("tcp:0.0.0.0:1", True), ("tcp:[::]:1", True)):
        with open(tracker.config) as f:
            ini.write_text(re.sub(r"(?m)^listen *=.*$", f"listen = {listen}", f.read()))
        done = tracker.run("distcompute-tracker", "--config", str(ini), check=False, config=False)
        assert done.returncode != 0
        assert ("tcp-open:" in done.stderr) == refused, done.stderr


def test_a_crowd_that_comes_at_once_is_let_in(tracker):
    """Three thousand connections while nobody accepts: they wait in the backlog, and each is answered."""
    pool = tracker.responders()
    with contextlib.ExitStack() as crowd:
        for pid in pool:
            os.kill(pid, signal.SIGSTOP)
            crowd.callback(os.kill, pid, signal.SIGCONT)
        sockets = []
        for _ in range(3000):
            s = crowd.enter_context(contextlib.closing(socket.socket(socket.AF_UNIX)))
            s.setblocking(False)
            s.connect(os.path.join(tracker.state, "run", "tracker.sock"))
            s.send(HEALTH)
            sockets.append(s)
        for pid in pool:
            os.kill(pid, signal.SIGCONT)
        for s in sockets:
            s.settimeout(30)
            assert b"200 OK" in s.recv(4096)


def test_beyond_parked_limit_the_answer_is_honest(limited):
    """Three wait, wherever they arrived. A fleet hears when to come again, v1 is cut and asks again by itself."""
    waiting = [Later(Fleet(limited).sync, want=1, wait=60) for _ in range(3)]
    metrics = Api(limited, plain=True)
    eventually(lambda: "tracker_parked_calls 3" in metrics.get("/metrics").text, what="three calls are parked")
    began = time.monotonic()
    reply = Fleet(limited).sync(want=1, wait=60)
    assert reply["jobs"] == [] and reply["retry_after"] >= 2 and time.monotonic() - began < 20
    v1 = Api(limited)
    token = v1.new()["token"]
    with pytest.raises(requests.exceptions.ConnectionError):
        v1.post("/api/newJob", {"token": token, "wait": 60})
    limited.load(["x"] * 3, append=True)
    assert sorted(job["job"] for call in waiting for job in call.result()["jobs"]) == [1, 2, 3]


# --- logs --------------------------------------------------------------------------------------

@contextlib.contextmanager
def second_tracker(stack, tmp_path, stderr, **settings):
    """A tracker of its own on the stack's database; yields its process and its socket."""
    settings = {"listen": f"unix:{tmp_path}/second.sock", **settings}
    at, ini = str(tmp_path / "second.sock"), tmp_path / "tracker.ini"
    with open(stack.config) as f:
        text = re.sub(rf"(?m)^(user|{'|'.join(settings)}) *=.*\n", "", f.read())
    ini.write_text(text + "\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    tracker = subprocess.Popen([stack.installed("distcompute-tracker"), "--config", str(ini)], stderr=stderr)
    try:
        eventually(lambda: os.path.exists(at), what="the second tracker listens")
        yield tracker, at
    finally:
        tracker.terminate()
        tracker.wait(60)


def sent(at, uri, address):
    """A connection on which this was asked."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(at)
    s.sendall(BEGIN + record(4, pairs(REQUEST_METHOD="GET", REQUEST_URI=uri, REMOTE_ADDR=address)) + record(4) + record(5))
    return s


def ask(at, uri, address=""):
    with contextlib.closing(sent(at, uri, address)) as s:
        return s.recv(4096)


@pytest.mark.parametrize("uri, address", [("/person/somebody", "203.0.113.2"), ("/leaderboard", "203.0.113.1")],
                         ids=["another visitor's page", "a page of everybody's"])
def test_a_page_does_not_wait_behind_all_that_one_visitor_asked_for(faults, tmp_path, uri, address):
    """Twenty pages that nobody else asks for stand in line, and the first is long in coming."""
    with second_tracker(faults, tmp_path, subprocess.DEVNULL, processes=1) as (_, at), selectors.DefaultSelector() as answers:
        with held_up(faults, "read_person"):
            for n in range(20):
                answers.register(sent(at, f"/person/deep-{n}", "203.0.113.1"), selectors.EVENT_READ)
            eventually(lambda: faults.one("select count(*) from pg_locks where locktype = 'advisory' and not granted") == 1,
                       what="the first is being rendered")
            page = sent(at, uri, address)
            answers.register(page, selectors.EVENT_READ)
        order = []
        while len(order) < 21:
            for key, _ in answers.select():
                order.append(key.fileobj)
                answers.unregister(key.fileobj)
                assert key.fileobj.recv(4096)
    assert order.index(page) <= 3, order.index(page)
    for s in order:
        s.close()


def test_a_log_that_nobody_reads_holds_up_nobody(faults, tmp_path):
    faults.sql("alter table tracker.person add constraint none_such check (nickname !~ 'forged')")
    try:
        with second_tracker(faults, tmp_path, subprocess.PIPE) as (_, at):
            for _ in range(400):  # each is refused, and logged with what it was
                ask(at, "/api/new?stage=a&nickname=forged" + "x" * 110)
            assert b"200 OK" in ask(at, "/healthz")
    finally:
        faults.sql("alter table tracker.person drop constraint none_such")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_of_who_turns_logs_over_ends_nobody(faults, number):
    pool = faults.responders()
    for pid in [faults.pid("tracker"), *pool]:
        os.kill(pid, number)
    assert Api(faults).get("/api/jobCount?stage=a").status_code == 200
    assert faults.responders() == pool
