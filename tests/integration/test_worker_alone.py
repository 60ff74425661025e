"""distcompute-worker against a little tracker of the test's own: what it promises to its user."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
from unicodedata import east_asian_width

import pytest

from little import Jobs, LittleTracker, accept, job, self_signed
from stack import ROOT, process_is_alive, program
from waiting import eventually


def nowhere():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}"


# --- how it ends ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("flags", [("--exit-when-idle", "1"), ("--exit-when-idle", "1", "--v1")])
def test_a_tracker_that_was_never_reached_is_no_success(hands, flags):
    worker = hands(nowhere(), "cat", *flags)
    assert worker.ends() == 69
    assert "was never reached" in worker.said()


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_before_the_tracker_was_reached_is_no_success(hands, sign):
    worker = hands(nowhere())
    worker.says("cannot be reached")
    assert "127.0.0.1 port" in worker.said()  # which curl knows, and not only the kind of error
    worker.process.send_signal(sign)
    assert worker.ends() == 69


def test_idle_while_the_tracker_is_away_is_no_success(little, hands):
    tracker = little()
    worker = hands(tracker.url, "cat", "--exit-when-idle", "4")
    worker.says("working as")
    tracker.close()
    assert worker.ends() == 69
    assert "the tracker could not be reached at the end" in worker.said()


def test_the_goodbye_tells_what_the_tracker_took(little, hands):
    words = {1: "accepted", 2: "repeat", 3: "fenced", 4: "unknown", 5: "late", 6: "accepted", 7: "accepted"}
    jobs = Jobs([job(n, str(n)) for n in words], word=lambda item: words[item["job"]])
    worker = hands(little({"/api/sync": jobs}).url, "read n; [ $n != 6 ] || exit 3; [ $n != 7 ] || exit 65; echo $n", "--max-jobs", "7")
    assert worker.ends() == 0
    assert "goodbye: the tracker took 2 results, 1 confirmed what others sent sooner, 1 were too late, 1 refused, 1 failed, " \
           "1 flagged as bad input" in worker.said()


def test_a_command_that_is_not_there_is_told_before_anybody_is_called(little, hands, tmp_path):
    (tmp_path / "no-program").write_text("")
    tracker = little()
    for command in ("/no/such/command", "no-such-command-anywhere", str(tmp_path), str(tmp_path / "no-program")):
        worker = hands(tracker.url, None, command=[command])
        assert worker.ends() == 69 and f"cannot run {command}" in worker.said()
    assert tracker.calls == []


@pytest.mark.parametrize("command", ["/srv/proces.sh --fast", "no-such-command-anywhere < x", "./here;true"])
def test_a_command_of_a_settings_file_is_looked_for_as_well(little, hands, tmp_path, command):
    tracker = little()
    (tmp_path / "w.conf").write_text(f"url = {tracker.url}\ncommand = {command}\n")
    worker = hands(None, None, "--config", str(tmp_path / "w.conf"))
    assert worker.ends() == 69 and f"cannot run {command}: No such file" in worker.said()
    assert tracker.calls == []


@pytest.mark.parametrize("command", ["cat", "cd / && cat", "if true; then cat; fi", "x=1 cat", "'cat'", "{ cat; }", "$CAT", "cat|cat"])
def test_what_a_shell_takes_is_a_command(little, hands, tmp_path, monkeypatch, command):
    monkeypatch.setenv("CAT", "cat")
    jobs = Jobs([job(1, "x")])
    (tmp_path / "w.conf").write_text(f"url = {little({'/api/sync': jobs}).url}\nmax-jobs = 1\ncommand = {command}\n")
    worker = hands(None, None, "--config", str(tmp_path / "w.conf"))
    assert worker.ends() == 0, worker.said()
    assert [item["data"] for item in jobs.told["done"]] == ["x"]


@pytest.mark.parametrize("sign", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_who_started_it_ignores_stays_ignored(little, hands, sign):
    """nohup, and a shell that puts it in the background."""
    jobs = Jobs([job(1, "x")])
    before = signal.signal(sign, signal.SIG_IGN)
    try:
        worker = hands(little({"/api/sync": jobs}).url, "sleep 2; cat", "--max-jobs", "1")
    finally:
        signal.signal(sign, before)
    worker.says("working as")
    worker.process.send_signal(sign)
    assert worker.ends() == 0 and len(jobs.told["done"]) == 1


def test_whoever_presses_ctrl_c_again_and_again_still_says_goodbye(little, hands, tmp_path):
    """Its command hears no SIGTERM."""
    tracker = little({"/api/sync": Jobs([job(1, "x")])})
    worker = hands(tracker.url, "trap '' TERM INT; touch begun; while :; do sleep 0.1; done")
    eventually((tmp_path / "begun").exists, what="the command runs")
    for _ in range(4):
        worker.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    worker.ends()
    assert tracker.to("/api/bye"), worker.said()


# --- how much it asks for ------------------------------------------------------------------------------

def test_it_says_its_slots_and_asks_for_no_more_than_it_may_have(little, hands):
    jobs = Jobs([job(n) for n in range(1, 13)])

    def answer(call):
        return {**jobs(call), "allowance": 3}
    tracker = little({"/api/sync": answer})
    worker = hands(tracker.url, "cat", "--jobs", "5", "--max-jobs", "12")
    assert worker.ends() == 0
    (hello,) = tracker.to("/api/new")
    assert "slots=5" in hello.path.split("?")[1].split("&")
    calls = tracker.to("/api/sync")
    assert {c.json["slots"] for c in calls} == {5}
    # The first answer tells it.
    assert calls[0].json["want"] == 5 and all(c.json["want"] <= 3 for c in calls[1:])
    assert len(jobs.told["done"]) == 12


# --- commands do not outlive it ------------------------------------------------------------------------

@pytest.mark.parametrize("script", [
    "echo $$ >> pids; sleep 300",
    "echo $$ >> pids; trap '' TERM; while :; do sleep 0.1; done",
    "sh -c 'echo $$ >> pids; exec sleep 300' & wait",
    "(sh -c 'echo $$ >> pids; exec sleep 300' &) ; sleep 300",
    "env -i /bin/sh -c 'echo $$ >> pids; exec sleep 300' & wait",
    "setsid sh -c 'echo $$ >> pids; exec sleep 300' & wait",
    "setsid sh -c 'trap \"\" TERM HUP; echo $$ >> pids; while :; do sleep 0.1; done' & sleep 300",
], ids=["itself", "deaf", "child", "orphan", "no environment", "session", "deaf session"])
def test_what_a_worker_started_ends_when_it_is_killed_outright(little, hands, tmp_path, script):
    worker = hands(little({"/api/sync": Jobs([job(1), job(2)])}).url, script, "--jobs", "2")
    eventually(lambda: (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2, what="both run")
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    worker.process.kill()
    worker.process.wait()
    eventually(lambda: not any(process_is_alive(pid) for pid in pids), timeout_s=15, what="all of it ended")


def test_the_guard_ends_with_its_worker_and_touches_nobody_else(little, hands, tmp_path):
    bystander = subprocess.Popen(["sleep", "300"])
    try:
        worker = hands(little({"/api/sync": Jobs([job(1)])}).url,
                       "setsid sleep 301 >&2 & echo $! > left; until [ -e go ]; do sleep 0.05; done; echo r", "--max-jobs", "1")
        guard = eventually(lambda: [int(pid) for pid in open(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children").read().split()
                                    if open(f"/proc/{pid}/comm").read().strip() == "worker-guard"], what="its guard")[0]
        left = int(eventually(lambda: (tmp_path / "left").exists() and (tmp_path / "left").read_text().strip(), what="what it leaves"))
        eventually(lambda: os.getsid(left) == left, what="it has put itself out of reach")
        (tmp_path / "go").write_text("")
        assert worker.ends() == 0
        eventually(lambda: not process_is_alive(guard), what="the guard ended")
        # Said farewell to: what a command put out of reach on purpose is left alone.
        assert process_is_alive(left) and bystander.poll() is None
        os.kill(left, signal.SIGKILL)
    finally:
        bystander.kill()
        bystander.wait()


# --- leases in good hands ------------------------------------------------------------------------------

def test_a_worker_that_rests_gives_back_what_waits(little, hands):
    jobs = Jobs([job(n) for n in range(40)])
    tracker = little({"/api/sync": jobs})
    hands(tracker.url, "sleep 0.05; exit 1", "--jobs", "1")
    eventually(lambda: len(jobs.told["failed"]) >= 4, what="it rests")
    eventually(lambda: jobs.told["released"], what="what waited was given back")
    # While it rests, nothing is kept: every hand-out was told of.
    handed = 40 - len(jobs.left)
    eventually(lambda: 40 - len(jobs.left) - sum(len(items) for items in jobs.told.values()) <= 1, what="nothing is kept")
    assert handed >= 4


@pytest.mark.parametrize("idle,flags", [(2, ()), (2, ("--v1",)), (4, ())])
def test_silence_is_never_longer_than_half_of_what_the_tracker_allows(little, hands, idle, flags):
    new = {"token": "t", "display_name": "n", "project": "p", "stage_name": "s", "idle_timeout": idle}
    jobs = Jobs([job(1)])
    given = []

    def new_job(call):
        given.append(1)
        return {"data": "x", "number": 1} if len(given) == 1 else (403, {}, "None.")

    def patient(call):
        answer = jobs(call)
        if call.json.get("wait") and not answer["jobs"] and not answer["results"]:
            time.sleep(call.json["wait"])
        return answer
    tracker = little({"/api/new": new, "/api/sync": patient, "/api/newJob": new_job})
    worker = hands(tracker.url, f"sleep {2 * idle}; echo r", *flags)
    worker.says("job 1 done", timeout_s=2 * idle + 20)
    time.sleep(1.5 * idle)
    times = [c.at for c in tracker.calls]
    assert max(b - a for a, b in zip(times, times[1:])) < idle * 0.75 + 0.5


@pytest.mark.parametrize("idle", [0, -5, "7", None, 1e300, 10**30, [], {}])
def test_an_idle_timeout_that_is_none_changes_nothing(little, hands, idle):
    new = {"token": "t", "display_name": "n", "project": "p", "stage_name": "s", "idle_timeout": idle}
    jobs = Jobs([job(1)])
    worker = hands(little({"/api/new": new, "/api/sync": jobs}).url, "echo r", "--max-jobs", "1")
    assert worker.ends() == 0 and len(jobs.told["done"]) == 1


# --- outages -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path,flags", [("/api/sync", ()), ("/api/newJob", ("--v1",))])
def test_it_says_that_the_tracker_is_back_and_is_there_within_seconds(hands, tmp_path, path, flags):
    # It lets calls wait for work, as a tracker does; what says that it is back must not.
    def parks(call):
        if call.call == "/api/newJob" or call.json.get("wait"):
            time.sleep(30)
        return LittleTracker.usual(call)
    tracker = LittleTracker({"/api/newJob": (403, {}, "None.")})
    worker = hands(tracker.url, "cat", *flags)
    worker.says("working as")
    tracker.close()
    worker.says("cannot be reached")
    time.sleep(10)
    back = LittleTracker({path: parks, "/api/validateWorker": "True"}, port=tracker.port)
    try:
        began = time.monotonic()
        worker.says("the tracker answers again")
        assert time.monotonic() - began < 8
        assert worker.said().count("cannot be reached") == 1
    finally:
        back.close()


def test_why_it_waits_is_told_when_the_reason_changes_and_not_at_each_number(little, hands):
    told = []

    def sync(call):
        told.append(1)
        n = len(told)
        message = f"Stage B is waiting for stage A: 0 open, {1500 - n:,} in stage A." if n < 6 else "Stage B is paused."
        return {"results": accept(call), "jobs": [], "retry_after": 1, "message": message}
    worker = hands(little({"/api/sync": sync}).url)
    worker.says("is paused", timeout_s=30)
    assert worker.said().count("waiting:") == 2, worker.said()


# --- ways to the tracker -------------------------------------------------------------------------------

def test_a_proxy_is_used_where_the_environment_names_one(little, hands, tmp_path):
    pem = self_signed(tmp_path)
    jobs = Jobs([job(1, "through")])
    tracker = little({"/api/sync": jobs}, tls=pem)
    asked = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(a, b):
        try:
            while (got := a.recv(65536)):
                b.sendall(got)
        except OSError:
            pass
        finally:
            b.close()

    def proxy():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(4096)
            asked.append(head.split(b"\r\n")[0].decode())
            far = socket.create_connection(("127.0.0.1", tracker.port))
            peer.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            for pair in ((peer, far), (far, peer)):
                threading.Thread(target=pump, args=pair, daemon=True).start()
    threading.Thread(target=proxy, daemon=True).start()
    try:
        env = {"https_proxy": f"http://127.0.0.1:{listener.getsockname()[1]}", "no_proxy": ""}
        worker = hands(tracker.url, "cat", "--cacert", pem, "--max-jobs", "1", env=env)
        assert worker.ends() == 0
        assert jobs.told["done"][0]["data"] == "through"
        assert asked and asked[0].startswith(f"CONNECT 127.0.0.1:{tracker.port} ")
    finally:
        listener.close()


# --- options -------------------------------------------------------------------------------------------

STATS = {"stages": [{"stage": "a", "name": "Extract"}, {"stage": "b", "name": "Filter & Rank"}, {"stage": "c", "name": "a"}]}


@pytest.mark.parametrize("given,letter", [("b", "b"), ("B", "b"), ("Filter & Rank", "b"), ("extract", "a"), ("a", "a")])
def test_a_stage_is_given_by_letter_or_by_name(little, hands, given, letter):
    tracker = little({"/api/stats.json": STATS})
    worker = hands(tracker.url, "cat", "--stage", given)
    worker.says("working as")
    assert f"stage={letter}" in tracker.to("/api/new")[0].path.split("?")[1].split("&")


@pytest.mark.parametrize("stats,said", [(STATS, "it has Extract, Filter & Rank, a"), ((404, {}, "Not Found"), "give --stage a letter"),
                                        ("<html>", "give --stage a letter"), ({"stages": [5, {"stage": "zz", "name": "Rank"}]}, "give --stage a letter")])
def test_a_stage_of_an_unknown_name_ends_it_with_a_word(little, hands, stats, said):
    tracker = little({"/api/stats.json": stats})
    worker = hands(tracker.url, "cat", "--stage", "Rank")
    assert worker.ends() == 78 and said in worker.said()
    assert tracker.to("/api/new") == []


def test_a_settings_file_says_it_all_and_the_command_line_wins(little, hands, tmp_path):
    jobs = Jobs([job(n, "x") for n in range(3)])
    tracker = little({"/api/sync": jobs})
    (tmp_path / "w.conf").write_text(f"\ufeff# mine\n; and\n\nurl = {tracker.url}/\nnickname = Cluster = 2 \njobs=2\nchomp\njson = no\nmax-jobs = 1\n"
                                     "stage = b\ncommand = tr x y; echo \"$JOB_STAGE\"\n")
    worker = hands(None, None, "--max-jobs", "3", "--config", str(tmp_path / "w.conf"))
    assert worker.ends() == 0, worker.said()
    assert [item["data"] for item in jobs.told["done"]] == ["ya"] * 3
    assert "nickname=Cluster%20%3D%202&stage=b" in tracker.to("/api/new")[0].path


@pytest.mark.parametrize("text,said", [("jbos = 2\n", "2: there is no option 'jbos'"), ("\n\njobs = many\n", "4: --jobs wants a number"),
                                       ("json = perhaps\n", "2: json wants yes or no"), ("config = x\n", "2: there is no option 'config'"),
                                       ("url = ftp://x\n", "2: --url wants"),
                                       ("command =\n", "2: there is no command in it"), ("command = # to be filled in\n", "2: there is no command in it")])
def test_a_settings_file_that_is_wrong_is_told_by_its_line(hands, tmp_path, text, said):
    (tmp_path / "w.conf").write_text("url = http://127.0.0.1:1\n" + text)
    worker = hands(None, "cat", "--config", str(tmp_path / "w.conf"))
    assert worker.ends() == 64 and f"w.conf:{said}" in worker.said()


def test_a_settings_file_that_is_not_there_is_told(hands):
    worker = hands(nowhere(), "cat", "--config", "/no/such/file")
    assert worker.ends() == 64 and "/no/such/file: No such file" in worker.said()


def test_priority_and_memory_of_the_command_are_limited(little, hands):
    jobs = Jobs([job(1)])
    worker = hands(little({"/api/sync": jobs}).url, "ps -o ni= -p $$ | tr -d ' '; ulimit -d", "--nice", "7", "--max-memory", "64M",
                   "--max-jobs", "1")
    assert worker.ends() == 0
    assert jobs.told["done"][0]["data"].split() == [str(min(19, os.nice(0) + 7)), "65536"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_service_is_one_that_systemd_takes(tmp_path):
    with open(os.path.join(ROOT, "bin", "distcompute-worker@.service.in")) as f:
        unit = f.read()
    path = tmp_path / "distcompute-worker@cluster.service"
    path.write_text(unit.replace("@bindir@/distcompute-worker", program("distcompute-worker")).replace("@sysconfdir@", "/etc"))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and str(path) not in done.stderr, done.stderr


# --- data named for what it is -------------------------------------------------------------------------

@pytest.mark.parametrize("data,told", [
    ("<!json!>[1, 2.50]", 'json [1, 2.50]'), ('<!json!>{"a": 1}', 'json {"a": 1}'), ("plain", "text plain"), ("<!json!>5", "text <!json!>5"),
    ("<!json!>no", "text <!json!>no"), ("<!json!>", "text <!json!>"), ('<!json!>["\\u0000"]', 'text <!json!>["\\u0000"]'),
    ("<!json!>[NaN]", "text <!json!>[NaN]"), ('<!json!>{"a":1,"a":2}', 'text <!json!>{"a":1,"a":2}'), ("<!json!>\t5", "json 5")])
def test_data_of_the_older_api_is_named_for_what_it_is(little, hands, data, told):
    given = []

    def new_job(call):
        given.append(1)
        return {"data": data, "number": 1} if len(given) == 1 else (403, {}, "None.")
    tracker = little({"/api/newJob": new_job})
    worker = hands(tracker.url, 'printf "%s " "$JOB_FORMAT"; cat', "--v1", "--max-jobs", "1")
    assert worker.ends() == 0
    assert tracker.to("/api/completeJob")[0].json["data"] == told


@pytest.mark.parametrize("data,told", [([1, 2], "json [1, 2]"), ({"a": 1}, 'json {"a": 1}'), ("plain", "text plain"), ("<!json!>5", "text <!json!>5"),
                                       ("", "text "), (5, "json 5"), (None, "json null"), (True, "json true")])
def test_data_of_sync_is_named_for_what_it_is(little, hands, data, told):
    jobs = Jobs([job(1, data)])
    worker = hands(little({"/api/sync": jobs}).url, 'printf "%s " "$JOB_FORMAT"; cat', "--max-jobs", "1")
    assert worker.ends() == 0
    assert jobs.told["done"][0]["data"] == told


# --- who is not known any more -------------------------------------------------------------------------

NOT_FOUND = (404, {}, "Could not find this worker.")


class Forgetful(Jobs):
    """Knows each token until it has handed out a job under it; those of `known` it never forgets."""

    def __init__(self, jobs, known):
        super().__init__(jobs)
        self.known, self.tokens, self.refused = known, [], []

    def __call__(self, call):
        token = call.json["token"]
        if token not in self.tokens:
            self.tokens.append(token)
            if call.json.get("want") and not call.json.get("done"):
                return super().__call__(call)
        if self.tokens.index(token) in self.known:
            return super().__call__(call)
        self.refused += [(token, item["lease"]) for item in call.json.get("done", [])]
        return NOT_FOUND


def test_a_result_of_a_name_that_is_forgotten_is_told_once_more_under_the_next(little, hands):
    first = job(1)
    tracker_of = Forgetful([first], known={1})
    worker = hands(little({"/api/sync": tracker_of}).url, "cat", "--max-jobs", "1")
    assert worker.ends() == 0
    assert [item["lease"] for item in tracker_of.told["done"]] == [first["lease"]]
    assert "the tracker took 1 result" in worker.said()


def test_a_result_that_two_names_could_not_tell_is_let_go_and_said(little, hands):
    tracker_of = Forgetful([job(1)], known=set())
    worker = hands(little({"/api/sync": tracker_of}).url, "cat", "--max-jobs", "1")
    assert worker.ends() == 0
    assert "1 refused" in worker.said() and tracker_of.told["done"] == []
    tokens = [token for token, _ in tracker_of.refused]
    assert tokens and set(tokens) <= set(tracker_of.tokens[:2])


def test_by_the_older_api_who_is_forgotten_with_a_result_registers_again_and_works_on(little, hands):
    tokens = []

    def new_job(call):
        tokens.append(call.json["token"])
        return {"data": "x", "number": len(tokens)}
    tracker = little({"/api/newJob": new_job,
                      "/api/completeJob": lambda call: NOT_FOUND if call.json["token"] == tokens[0] else "200 OK"})
    worker = hands(tracker.url, "cat", "--v1", "--max-jobs", "2")
    assert worker.ends() == 0
    assert len(set(tokens)) == len(tokens) == 2 and len(tracker.to("/api/new")) == 2
    assert "the tracker took 1 result" in worker.said() and "1 refused" in worker.said()


# --- on a terminal -------------------------------------------------------------------------------------

@pytest.mark.parametrize("columns", [20, 60, 200])
def test_what_it_shows_on_a_terminal_fits_its_width(little, tmp_path, columns):
    """A line that went on in the next row would stay there for ever: only the last row is taken away."""
    message = "Stage 作業を待っています is waiting for stage もう少しお待ちください: 0 open, 1,500 in stage A."
    tracker = little({"/api/sync": lambda call: {"results": accept(call), "jobs": [], "retry_after": 1, "message": message}})
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([program("distcompute-worker"), "--url", tracker.url, "--spool", str(tmp_path / "spool"), "--", "cat"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    seen = b""
    try:
        deadline = time.monotonic() + 60
        while seen.count(b"0 done, ") < 4 and time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 65536)
        shown = [piece for line in seen.decode().split("\n") for piece in line.split("\r\x1b[K") if piece.startswith("0 done")]
        assert len(shown) >= 3
        wide = [piece for piece in shown if sum(2 if east_asian_width(c) in "WF" else 1 for c in piece) >= columns]
        assert wide == []
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        os.close(master)


def test_a_terminal_shows_how_things_are_on_its_last_line(little, tmp_path):
    jobs = Jobs([job(1), job(2)])
    tracker = little({"/api/sync": jobs})
    master, slave = pty.openpty()
    process = subprocess.Popen([program("distcompute-worker"), "--url", tracker.url, "--spool", str(tmp_path / "spool"), "--", "cat"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    seen = b""
    try:
        deadline = time.monotonic() + 20
        while b"2 done, " not in seen and time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 65536)
        assert re.search(rb"\r\x1b\[K2 done, [\d.]+ a minute, 0 in hand", seen) or b"2 done, " in seen, seen
        # What is said stands on a line of its own.
        assert all(line.count(b" job ") <= 1 for line in seen.split(b"\n"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        os.close(master)
