"""distcompute-load, -export and -admin from end to end."""
import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time

import psycopg2
import pytest

from beside import answer, question
from client import Api, Client, Fleet, NoJob, WorkerTimedOut, which
from stack import Stack
from waiting import Later, eventually

LOAD, EXPORT, ADMIN = "distcompute-load", "distcompute-export", "distcompute-admin"


def data_of(stack):
    rows = stack.sql("select number, data from tracker.job order by number")
    assert [number for number, _ in rows] == list(range(1, len(rows) + 1))
    return [data for _, data in rows]


def load(stack, *args, stdin=None, check=True, **kwargs):
    return stack.run(LOAD, *args, stdin=stdin, check=check, **kwargs)


# --- load: where jobs come from ---------------------------------------------------------------

def test_load_json_takes_strings_lists_and_objects(fresh, tmp_path):
    path = tmp_path / "jobs.json"
    path.write_text('["one", ["two", 2.50], {"three": 3}, "é\\u00e9\\n"]')
    load(fresh, "--json", str(path))
    assert data_of(fresh) == ["one", '<!json!>["two", 2.50]', '<!json!>{"three": 3}', "éé\n"] or \
        data_of(fresh) == ["one", '<!json!>["two",2.50]', '<!json!>{"three":3}', "éé\n"]


def test_load_jsonl_takes_a_value_a_line(fresh, tmp_path):
    path = tmp_path / "jobs.jsonl"
    path.write_bytes(b'"one"\n[1, 2]\r\n{"k": "v"}\n"last without end"')
    load(fresh, "--jsonl", str(path))
    assert [d.replace(" ", "") for d in data_of(fresh)] == ["one", "<!json!>[1,2]", '<!json!>{"k":"v"}', "lastwithoutend"]


def test_load_txt_takes_a_job_a_line_without_its_end(fresh, tmp_path):
    path = tmp_path / "jobs.txt"
    path.write_bytes("first\r\nsecond\n  spaced \ntab\there\nback\\slash \\N\nlast é".encode())
    load(fresh, "--txt", str(path))
    assert data_of(fresh) == ["first", "second", "  spaced ", "tab\there", "back\\slash \\N", "last é"]


@pytest.mark.parametrize("pattern", ["s3://b/{00..12}.{tar,zip}", "{a..e}{1..3}", "x{1..10..3}y", "{a,b{1,2},c}", "{003..1}", "plain"])
def test_load_brace_expands_as_bash_does(fresh, pattern):
    load(fresh, "--brace", pattern)
    oracle = subprocess.run(["bash", "-c", f"printf '%s\\n' {pattern}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert data_of(fresh) == oracle.splitlines()


def test_load_reads_standard_input(fresh):
    load(fresh, "--txt", "-", stdin="a\nb\n")
    assert data_of(fresh) == ["a", "b"]


# --- load: what it refuses --------------------------------------------------------------------

def test_load_takes_a_line_up_to_the_limit_and_none_over_it(fresh):
    """Two lines as long as they may be; then one without an end."""
    most = 16 << 20
    load(fresh, "--txt", "-", stdin=f"{'x' * most}\n{'y' * most}\n")
    assert [len(d) for d in data_of(fresh)] == [most] * 2
    done = load(fresh, "--append", "--txt", "-", stdin="x" * (64 << 20), check=False)
    assert (done.returncode, len(data_of(fresh))) == (1, 2)
    assert "line 1: longer than 16777216 bytes (setting body_limit)" in done.stderr


def test_load_refuses_a_tracker_that_has_jobs(fresh):
    fresh.load(["x"])
    done = load(fresh, "--txt", "-", stdin="y\n", check=False)
    assert done.returncode != 0 and "--append" in done.stderr and "--reset" in done.stderr
    assert data_of(fresh) == ["x"]


def test_load_append_goes_on_with_the_numbers(fresh):
    fresh.load(["x", "y"])
    load(fresh, "--append", "--txt", "-", stdin="z\n")
    assert data_of(fresh) == ["x", "y", "z"]
    w = Client(fresh)
    assert [w.get_job()] == ["x"]


def test_each_load_is_a_batch_with_a_name_of_its_own(fresh, tmp_path):
    (tmp_path / "urls.txt").write_text("a\nb\n")
    load(fresh, str(tmp_path / "urls.txt"))
    load(fresh, "--append", "--brace", "{c..e}", "--batch", "March, second delivery")
    load(fresh, "--append", "-", stdin="f\n")
    rows = fresh.sql("select name, first, last from tracker.batch order by batch")
    assert [tuple(map(int, r[1:])) for r in rows] == [(1, 2), (3, 5), (6, 6)]
    assert rows[1][0] == "March, second delivery"
    for name, source in ((rows[0][0], "urls.txt"), (rows[2][0], "standard input")):
        assert re.fullmatch(source + r" \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z", name), name


def test_load_refuses_a_name_that_another_batch_has_before_it_reads(fresh):
    load(fresh, "--brace", "{1..3}", "--batch", "same")
    done = load(fresh, "--append", "--brace", "{4..6}", "--batch", "same", check=False)
    assert done.returncode == 1 and 'there is a batch "same" already' in done.stderr
    assert load(fresh, "--append", "--brace", "x", "--batch", "two\nlines", check=False).returncode == 64
    assert len(data_of(fresh)) == 3


def test_load_reset_asks_and_takes_no_for_an_answer(fresh):
    fresh.load(["x"])
    done = load(fresh, "--reset", "--txt", os.devnull, stdin="", check=False)
    assert done.returncode != 0
    assert data_of(fresh) == ["x"]


def test_load_reset_starts_the_project_anew(fresh):
    fresh.load(["x", "y"])
    w = Client(fresh)
    w.get_job()
    w.complete("r")
    load(fresh, "--reset", "--yes", "--txt", "-", stdin="z\n")
    assert data_of(fresh) == ["z"]
    ((who, count),) = fresh.sql("select who, count from tracker.audit where act = 'reset'")
    assert "@" in who and count == 2
    assert fresh.sql("select count(*) from tracker.output") == [(0,)]
    counts = fresh.counts()
    assert (counts["a"]["ready"], counts["a"]["done"], counts["b"]["ready"]) == (1, 0, 0)
    assert Client(fresh).get_job() == "z"


def test_load_reset_under_workers_at_work_leaves_a_whole_project(fresh):
    fresh.load(["old"] * 500)
    stop = []

    def work(stage):
        """Does jobs until told to stop; how many calls heard a 5xx that is no honest 503."""
        f, bad = Fleet(fresh, stage), 0
        jobs = []
        while not stop:
            answer = f.raw(done=[{**which(j), "data": "r"} for j in jobs], want=7)
            bad += answer.status_code >= 500 and answer.status_code != 503
            jobs = answer.json().get("jobs", []) if answer.status_code == 200 else []
        f.sync(released=[which(j) for j in jobs])
        return bad

    working = [Later(work, stage) for stage in "aabb"]
    try:
        for _ in range(5):
            load(fresh, "--reset", "--yes", "--txt", "-", stdin="new\n" * 300)
    finally:
        stop.append(True)
    assert [w.result() for w in working] == [0] * 4
    fresh.run(ADMIN, "check")
    assert data_of(fresh) == ["new"] * 300
    counts = fresh.counts()["a"]
    assert counts["ready"] + counts["retry"] + counts["done"] == 300


@pytest.mark.parametrize("kind,text,names", [
    ("--jsonl", '"a"\n"b"\n{"c": \n"d"\n', "3"), ("--jsonl", '"a"\nNaN\n', "2"), ("--jsonl", '"a"\n5\n', "2"),
    ("--jsonl", '"a"\n"nul \\u0000"\n', "2"), ("--txt", b"a\nb\n\xff\xfe\n", "3"), ("--txt", b"a\nnul\x00\n", "2"),
    ("--json", '["a", "b"', ""), ("--json", '{"a": 1}', ""), ("--json", '["a", 5]', "2"),
    ("--txt", "<!json!>nonsense\n", "1")])
def test_a_bad_line_names_itself_and_nothing_is_loaded(fresh, kind, text, names):
    stdin = text if isinstance(text, bytes) else text.encode()
    done = load(fresh, kind, "-", stdin=stdin, check=False)
    said = done.stderr.decode()
    assert done.returncode != 0 and names in said, said
    assert data_of(fresh) == []
    assert fresh.counts()["a"]["ready"] == 0


def test_a_bad_line_leaves_the_jobs_of_before(fresh):
    fresh.load(["x"])
    lines = "".join(f'"{i}"\n' for i in range(30000)) + "nonsense\n"
    done = load(fresh, "--append", "--jsonl", "-", stdin=lines, check=False)
    assert done.returncode != 0 and "30001" in done.stderr
    assert data_of(fresh) == ["x"]
    assert fresh.counts()["a"]["ready"] == 1


def test_load_killed_half_way_leaves_nothing(fresh):
    loader = subprocess.Popen([os.path.join(fresh.read_status()["bin"], LOAD), "--config", fresh.config, "--txt", "-"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    loader.stdin.write(b"line\n" * 200_000)
    loader.stdin.flush()
    loader.send_signal(signal.SIGKILL)
    loader.wait()
    loader.stdin.close()
    assert data_of(fresh) == []
    fresh.load(["x"], append=True)
    assert data_of(fresh) == ["x"]


def test_two_loads_at_once_do_not_mix(fresh):
    first = Later(fresh.load, [f"a{i}" for i in range(2000)], append=True)
    second = Later(fresh.load, [f"b{i}" for i in range(2000)], append=True)
    first.result(), second.result()
    data = data_of(fresh)
    assert len(data) == 4000
    assert len({d[0] for d in data[:2000]}) == 1 and len({d[0] for d in data[2000:]}) == 1


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv"])
def test_export_to_a_terminal_leaves_out_what_would_steer_it_and_nothing_elsewhere(fresh, worker, form):
    data = "red \x1b[31m, C1 \u009b2J, turned \u202e, bell \x07 end"
    fresh.load(["x"])
    w = worker()
    w.get_job()
    w.complete(data)
    args = [os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, "--stage", "a", "--format", form]
    master, slave = pty.openpty()
    done = Later(subprocess.run, args, stdout=slave, stderr=subprocess.PIPE, check=True)
    shown = b""
    while b" end" not in shown:
        assert select.select([master], [], [], 30)[0], shown
        shown += os.read(master, 4096)
    os.close(slave)
    done.result()
    os.close(master)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", shown.decode())
    piped = subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout.decode()
    assert data in (json.loads(piped)["output"] if form == "jsonl" else piped)


def test_load_on_a_terminal_shows_a_bar_and_elsewhere_plain_lines(fresh):
    master, slave = pty.openpty()
    loader = subprocess.Popen([os.path.join(fresh.read_status()["bin"], LOAD), "--config", fresh.config, "--brace", "{1..200000}"],
                              stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        if not select.select([master], [], [], 30)[0]:
            break
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    assert loader.wait() == 0
    assert b"\r" in shown and b"200" in shown
    plain = load(fresh, "--append", "--brace", "{1..1000}")
    assert "\r" not in plain.stdout + plain.stderr and "\x1b" not in plain.stdout + plain.stderr


# --- export -----------------------------------------------------------------------------------

def rows_of(done):
    # Not splitlines: U+2028 ends a line for Python, and not for JSON.
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def test_export_tells_job_input_output_who_when_and_attempts(fresh):
    fresh.load(["in 1", {"in": 2}])
    w = Client(fresh, "a", "Ada")
    for out in ("out 1", {"out": 2}):
        w.get_job()
        w.complete(out)
    first, second = rows_of(fresh.run(EXPORT, "--stage", "a"))
    assert (first["job"], first["input"], first["output"]) == (1, "in 1", "out 1")
    assert (second["job"], second["input"], second["output"]) == (2, {"in": 2}, {"out": 2})
    text = json.dumps(first)
    assert "Ada" in text and w.name in text
    assert first.get("attempts", first.get("attempt")) == 1


def test_export_of_a_later_stage_has_the_stage_befores_output_as_input(fresh):
    fresh.load(["raw"])
    for stage, out in (("a", "cooked"), ("b", "served")):
        w = Client(fresh, stage)
        w.get_job()
        w.complete(out)
    (row,) = rows_of(fresh.run(EXPORT, "--stage", "b"))
    assert (row["input"], row["output"]) == ("cooked", "served")


def test_export_after_a_number(fresh):
    fresh.load(["x"] * 5)
    f = Fleet(fresh)
    f.sync(done=[{**which(j), "data": "r"} for j in f.take(5)])
    assert [r["job"] for r in rows_of(fresh.run(EXPORT, "--stage", "a", "--after", "3"))] == [4, 5]


def test_export_of_exactly_a_page_and_of_one_more_has_each_result_once(fresh):
    """A page has 4,000 results; news have pages of their own."""
    fresh.load(["x"] * 4001)
    f = Fleet(fresh)
    fresh.sql("update tracker.worker set allowance = 1000")
    for _ in range(4):
        assert f.sync(done=[{**which(j), "data": "r"} for j in f.take(1000)])
    assert [r["job"] for r in rows_of(fresh.run(EXPORT, "--stage", "a"))] == list(range(1, 4001))
    f.sync(done=[{**which(j), "data": "r"} for j in f.take(1)])
    assert [r["job"] for r in rows_of(fresh.run(EXPORT, "--stage", "a"))] == list(range(1, 4002))


def test_export_follow_goes_on_as_results_come(fresh):
    fresh.load(["x", "y"])
    w = Client(fresh)
    w.get_job()
    w.complete("first")
    follower = subprocess.Popen([os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, "--stage", "a", "--follow"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert json.loads(follower.stdout.readline())["output"] == "first"
        w.get_job()
        w.complete("second")
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "second"
    finally:
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()
        follower.stderr.close()


def test_export_of_hostile_data_is_json_lines_all_the_same(fresh):
    hostile = ["a\nb\r\n", "\"", "\\", "\u2028", "<!json!>nonsense", "\u0001"]
    fresh.load([f"job {i}" for i in range(len(hostile))])
    w = Client(fresh)
    for data in hostile:
        w.get_job()
        w.complete(data)
    assert [r["output"] for r in rows_of(fresh.run(EXPORT, "--stage", "a"))] == hostile


def test_export_names_data_for_what_it_is_and_keeps_it_byte_for_byte(fresh):
    kept = ['<!json!>["\\u0000"]', "<!json!>[NaN]", '<!json!>["\\ud800"]', '<!json!>{"a": 1, "a": 2}', "<!json!>5", "5",
            "<!json!>" + "[" * 65 + "]" * 65]
    fresh.load([f"job {i}" for i in range(len(kept) + 1)])
    api, token = Api(fresh), Client(fresh).token
    for data in [*kept, '<!json!>{"a": 1}']:
        api.post("/api/newJob", {"token": token})
        assert api.post("/api/completeJob", {"token": token, "data": data}).status_code == 200
    *texts, last = rows_of(fresh.run(EXPORT, "--stage", "a"))
    assert [(r["output"], r["format"]) for r in texts] == [(data, "text") for data in kept]
    assert (last["output"], last["format"], last["input_format"]) == ({"a": 1}, "json", "text")


def test_export_keeps_lists_and_objects_on_one_line_and_raw_keeps_the_mark(fresh):
    fresh.load(["x"])
    f = Fleet(fresh)
    (job,) = f.take(1)
    f.sync(done=[{**which(job), "data": {"a": [1, 2.50]}}])
    fresh.sql("update tracker.output set data = %s", '<!json!>{"a":\n [1, 2.50]}')
    assert '"output":{"a":  [1, 2.50]}' in fresh.run(EXPORT, "--stage", "a").stdout
    assert fresh.run(EXPORT, "--stage", "a", "--output-only").stdout == '{"a":  [1, 2.50]}\n'
    (row,) = rows_of(fresh.run(EXPORT, "--stage", "a", "--raw"))
    assert row["output"] == '<!json!>{"a":\n [1, 2.50]}'


def test_export_with_a_state_file_goes_on_where_it_stopped(fresh, tmp_path):
    state = str(tmp_path / "place")
    fresh.load(["x"] * 4)
    f = Fleet(fresh)
    jobs = f.take(4)

    def give_and_export(job):
        f.sync(done=[{**which(job), "data": "r"}])
        return [r["job"] for r in rows_of(fresh.run(EXPORT, "--stage", "a", "--state", state))]

    assert [give_and_export(jobs[i]) for i in (2, 0, 3, 1)] == [[3], [1], [4], [2]]
    assert rows_of(fresh.run(EXPORT, "--stage", "a", "--state", state)) == []
    assert fresh.run(EXPORT, "--stage", "b", "--state", state, check=False).returncode == 1


def connect_with_own_slot(stack):
    """A connection that shares no row of the counts with the tracker's: it would wait for our commit."""
    tried = []
    while True:
        tried.append(psycopg2.connect(stack.conninfo))
        mine = tried[-1].get_backend_pid()
        if all(pid % 16 != mine % 16 for (pid,) in stack.sql("select pid from pg_stat_activity where pid <> %s", mine)
               if pid not in [c.get_backend_pid() for c in tried]):
            for unused in tried[:-1]:
                unused.close()
            return tried[-1]


def test_export_follow_misses_nothing_that_is_committed_late(fresh):
    fresh.load(["x"] * 3)
    f, second = Fleet(fresh), Fleet(fresh)
    first, late = f.take(2)
    (later,) = second.take(1)
    assert f.done(first) == "accepted"
    follower = subprocess.Popen([os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, "--stage", "a", "--follow"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    other = connect_with_own_slot(fresh)
    try:
        assert json.loads(Later(follower.stdout.readline).result(15))["job"] == first["job"]
        with other.cursor() as cursor:
            cursor.execute("select status from tracker.complete_jobs((select array[w.token] from tracker.lease l"
                           " join tracker.worker w on w.id = l.worker where l.job = %s), array[%s]::int8[],"
                           " array[%s]::uuid[], array['late'], array[gen_random_uuid()], array[0]::int8[])",
                           (late["job"], late["job"], late["lease"]))
            assert cursor.fetchone()[0] == "accepted"
        # The second worker's result is finished later and committed earlier.
        assert second.done(later) == "accepted"
        assert json.loads(Later(follower.stdout.readline).result(15))["job"] == later["job"]
        other.commit()
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "late"
    finally:
        other.close()
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()


# --- admin ------------------------------------------------------------------------------------

def failed_job(stack, reason="exit 3: disk full"):
    """One job with all its attempts used up."""
    f = Fleet(stack)
    while stack.counts()["a"]["failed"] == 0:
        stack.sql("update tracker.retry set due = now()")
        (job,) = f.take(1)
        f.give("failed", job, reason=reason)
    return f


def test_admin_status_tells_the_stages(fresh):
    fresh.load([f"j{i}" for i in range(7)])
    Client(fresh).get_job()
    shown = fresh.run(ADMIN, "status").stdout
    assert "Extract" in shown and "Filter & Rank" in shown and "6" in shown
    json.loads(fresh.run(ADMIN, "status", "--json").stdout)


def test_admin_failed_lists_reasons_and_requeue_puts_back(fresh):
    fresh.load(["x"])
    f = failed_job(fresh)
    listed = [json.loads(line) for line in fresh.run(ADMIN, "failed", "--stage", "a", "--json").stdout.splitlines()]
    assert [(r["stage"], r["job"]) for r in listed] == [("a", 1)] and "disk full" in listed[0]["reason"]
    call = Later(f.take, 1, wait=20)
    fresh.run(ADMIN, "requeue", "--stage", "a", "1")
    (job,) = call.result(15)
    assert job["attempt"] == 1
    assert f.done(job) == "accepted"
    assert fresh.run(ADMIN, "failed", "--stage", "a").stdout.strip() == ""


def test_admin_requeue_all(fresh):
    fresh.load(["x"])
    failed_job(fresh)
    fresh.run(ADMIN, "requeue", "--stage", "a", "--all")
    assert fresh.counts()["a"]["failed"] == 0
    assert Client(fresh).get_job() == "x"


def test_admin_failed_quotes_what_could_play_with_the_terminal(fresh):
    fresh.load(["x"])
    failed_job(fresh, reason="\x1b[31mred\x07\nsecond line")
    shown = fresh.run(ADMIN, "failed", "--stage", "a").stdout
    assert "\x1b" not in shown and "\x07" not in shown and "red" in shown
    assert len(shown.strip().splitlines()) == 1


def test_admin_send_back_refuses_a_result_and_all_later_ones(fresh):
    fresh.load(["raw"])
    for stage, out in (("a", "bad"), ("b", "worse")):
        w = Client(fresh, stage)
        w.get_job()
        w.complete(out)
    fresh.run(ADMIN, "send-back", "1", "--stage", "a", "--reason", "wrong version")
    assert fresh.sql("select count(*) from tracker.output") == [(0,)]
    assert sorted(fresh.sql("select data from tracker.refused_output")) == [("bad",), ("worse",)]
    assert set(fresh.credit().values()) == {0}
    w = Client(fresh)
    eventually(lambda: w.job_count() == 1, what="stage A does it anew")
    assert w.get_job() == "raw"


def test_admin_worker_drop_sends_a_worker_away(fresh):
    fresh.load(["x"])
    w = Client(fresh)
    w.get_job()
    for _ in range(8):  # so that every process knows it to be here
        w.log("here")

    def hears_that_it_is_gone():
        try:
            w.log("still here")
        except WorkerTimedOut:
            return True

    fresh.run(ADMIN, "worker", "drop", "a", w.name)
    eventually(hears_that_it_is_gone, timeout_s=3)
    assert Client(fresh).get_job() == "x"


def test_admin_pause_hands_out_nothing_and_still_takes_results(fresh):
    fresh.load(["x", "y"])
    w, other = Client(fresh), Client(fresh)
    w.get_job()
    fresh.run(ADMIN, "pause", "a")
    with pytest.raises(NoJob):
        other.get_job()
    w.complete("r")
    assert fresh.counts()["a"]["done"] == 1
    fresh.run(ADMIN, "resume", "a")
    assert other.get_job() == "y"


def test_admin_check_is_content_and_tells_a_broken_law(fresh):
    fresh.load(["x", "y"])
    fresh.run(ADMIN, "check")
    fresh.sql("insert into tracker.tally (stage, batch, minute, slot, done) select 1, max(batch), date_trunc('minute', now()), 15, 1 from tracker.batch"
              " on conflict (stage, batch, minute, slot) do update set done = tracker.tally.done + 1")
    done = fresh.run(ADMIN, "check", check=False)
    fresh.load([])
    assert done.returncode != 0 and "1" in done.stdout + done.stderr


def test_admin_migrate_is_harmless_when_repeated(fresh):
    fresh.load(["x"])
    fresh.run(ADMIN, "migrate")
    assert data_of(fresh) == ["x"]


@pytest.mark.parametrize("words", [["pause", "z"], ["requeue", "--stage", "a", "nine"], ["worker", "drop", "a", "no-such-1"],
                                   ["send-back", "1", "--stage", "a"], ["requeue", "--stage", "a", "77"]])
def test_admin_says_what_is_wrong(fresh, words):
    done = fresh.run(ADMIN, *words, check=False)
    assert done.returncode != 0 and done.stderr.startswith("distcompute-admin"), (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("words", [["nonsense"], ["pause"], ["status", "extra"]])
def test_admin_misused_exits_64(fresh, words):
    assert fresh.run(ADMIN, *words, check=False).returncode == 64


def test_programs_on_a_database_that_is_away_say_so(fresh):
    for name, words in ((LOAD, ["--txt", os.devnull]), (EXPORT, ["--stage", "a"]), (ADMIN, ["status"])):
        done = fresh.run(name, f"--postgres=host={fresh.state}/nowhere dbname=tracker", *words, check=False)
        assert done.returncode not in (0, 64) and name in done.stderr, (name, done.stderr)


# --- what is said when it goes wrong ------------------------------------------------------------

def alone(stack, name, *args, stdin="", **env):
    """A program without --config, as somebody types it first."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "PG"))}
    return subprocess.run([os.path.join(stack.read_status()["bin"], name), *args], input=stdin, env={**clean, **env},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


@pytest.mark.parametrize("name,words", [(LOAD, ["--txt", "-"]), (EXPORT, ["--stage", "a"]), (ADMIN, ["status"]), (ADMIN, ["migrate"])])
def test_without_settings_a_program_says_which_file_it_looked_for_and_what_to_type(fresh, name, words):
    done = alone(fresh, name, *words, stdin="x\n")
    assert done.returncode == 1
    assert "/distcompute-tracker/tracker.ini" in done.stderr and "--config" in done.stderr and "socket" not in done.stderr


def test_a_load_that_ended_early_says_that_nothing_was_loaded(fresh):
    done = load(fresh, "--jsonl", "-", stdin='"a"\nnonsense\n', check=False)
    assert "Nothing was loaded" in done.stderr and "run it again" in done.stderr
    assert "Nothing was loaded" not in load(fresh, "--dry-run", "--jsonl", "-", stdin="nonsense\n", check=False).stderr
    assert "Nothing was loaded" not in load(fresh, "--txt", "-", stdin="a\n").stderr


def test_a_load_that_was_stopped_says_that_nothing_was_loaded(fresh):
    loader = subprocess.Popen([os.path.join(fresh.read_status()["bin"], LOAD), "--config", fresh.config, "--txt", "-"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    loader.stdin.write("line\n" * 200_000)
    loader.stdin.flush()
    loader.send_signal(signal.SIGINT)
    said = loader.communicate(timeout=30)[1]
    assert loader.returncode == -signal.SIGINT and "Nothing was loaded" in said
    assert data_of(fresh) == []


class Wire:
    """A TCP way to the stack's PostgreSQL, which a test can make a hole in: nothing passes, and nobody is told."""

    def __init__(self, stack):
        self.stack, self.hole, self.ends = stack, threading.Event(), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} dbname=tracker user=tracker"

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(os.path.join(self.stack.state, "run", ".s.PGSQL.5432"))
                self.ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=(one, other), daemon=True).start()

    def carry(self, one, other):
        with contextlib.suppress(OSError):
            while True:
                data = one.recv(65536)
                while self.hole.is_set():
                    time.sleep(0.05)
                if not data:
                    return other.shutdown(socket.SHUT_WR)
                other.sendall(data)

    def close(self):
        self.hole.clear()
        for end in [self.listener, *self.ends]:
            end.close()


@pytest.fixture
def wire(fresh):
    wire = Wire(fresh)
    yield wire
    wire.close()


def test_export_follow_through_a_hole_in_the_network_goes_on_in_words(fresh, wire):
    fresh.load(["x", "y"])
    w = Client(fresh)
    w.get_job()
    w.complete("first")
    follower = subprocess.Popen(
        [os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, f"--postgres={wire.conninfo}", "--stage", "a",
         "--follow", "--patience", "1"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "first"
        wire.hole.set()
        assert "trying until it is back" in Later(follower.stderr.readline).result(30)
        w.get_job()
        w.complete("second")
        wire.hole.clear()
        assert "going on" in Later(follower.stderr.readline).result(30)
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "second"
    finally:
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()
        follower.stderr.close()


@pytest.mark.parametrize("name,words", [(ADMIN, ["status"]), (ADMIN, ["batch", "--json"]), (ADMIN, ["settings"]), (ADMIN, ["workers"]),
                                        (EXPORT, ["--stage", "a"])])
def test_what_could_not_be_printed_is_no_success(fresh, name, words):
    fresh.load(["x"])
    w = Client(fresh)
    w.get_job()
    w.complete("first")
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([fresh.installed(name), "--config", fresh.config, *words], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60)
    assert done.returncode == 1 and "No space left on device" in done.stderr, (done.returncode, done.stderr)


CLOSED = {"output": ">&-", "output and errors": ">&- 2>&-", "all": "<&- >&- 2>&-"}


def run_without(stack, how, name, *words):
    """Started with standard descriptors closed, as some who start programs do."""
    return subprocess.run(["bash", "-c", f'exec "$@" {CLOSED[how]}', "bash", stack.installed(name), "--config", stack.config, *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


@pytest.mark.parametrize("how", CLOSED)
@pytest.mark.parametrize("name,words", [(ADMIN, ["status"]), (ADMIN, ["batch", "--json"]), (ADMIN, ["settings"]), (ADMIN, ["check"]),
                                        (ADMIN, ["person", "key", "add", "Ada"]), (EXPORT, ["--stage", "a"])])
def test_what_is_printed_to_nobody_is_no_success_and_goes_nowhere_else(fresh, how, name, words):
    """A connection in the place of a closed descriptor would be sent it: a result could be the server's next statement."""
    fresh.load(["x"])
    w = Client(fresh)
    w.get_job()
    w.complete("r" * 100000)
    done = run_without(fresh, how, name, *words)
    assert done.returncode == 1 and done.stdout == ""
    assert ("standard output: " in done.stderr) == (how == "output"), done.stderr
    assert fresh.one("select count(*) from tracker.output") == 1


@pytest.mark.parametrize("how", CLOSED)
def test_who_is_started_without_standard_descriptors_does_its_work(fresh, tmp_path, how):
    fresh.load(["x"])
    jobs = tmp_path / "jobs.txt"
    jobs.write_text("y\nz\n")
    os.chmod(tmp_path, 0o755)
    assert run_without(fresh, how, "distcompute-load", "--append", "--txt", str(jobs)).returncode == 0
    assert fresh.one("select count(*) from tracker.job") == 3
    out = tmp_path / "out"
    out.mkdir()
    os.chmod(out, 0o777)
    where = os.path.join(fresh.state, "run", "without.sock")
    tracker = subprocess.Popen(["bash", "-c", f'exec "$@" {CLOSED[how]}', "bash", fresh.installed("distcompute-tracker"), "--config",
                                fresh.config, f"--listen=unix:{where}", "--processes=1"], stdin=subprocess.DEVNULL)
    try:
        def ask(method, uri, body=None):
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(where)
                    s.sendall(question(method, uri, body))
                    return answer(s)
            except OSError:
                return None, ""
        eventually(lambda: ask("GET", "/healthz")[0] == 200, timeout_s=60, what="the tracker is ready")
        token = json.loads(ask("GET", "/api/new?nickname=Ada&stage=a")[1])["token"]
        assert ask("POST", "/api/newJob", {"token": token})[0] == 200
        assert ask("POST", "/api/completeJob", {"token": token, "data": "r"}) == (200, "200 OK")
        assert ask("GET", "/person/Ada")[0] == 200
    finally:
        tracker.terminate()
        tracker.wait(30)
    assert fresh.one("select data from tracker.output") == "r"
    worker = subprocess.run(["bash", "-c", f'exec "$@" {CLOSED[how]}', "bash", fresh.installed("distcompute-worker"), "--url", fresh.url,
                             "--cacert", fresh.certificate, "--stage", "a", "--nickname", "Bob", "--max-jobs", "2", "--", "cat"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert worker.returncode == 0, worker
    assert sorted(d for d, in fresh.sql("select data from tracker.output")) == ["r", "y", "z"]


@pytest.mark.parametrize("code", ["40001", "57014", "53100"])
def test_export_follow_goes_on_when_it_was_refused_for_now(fresh, code):
    """As a standby does that must get on, or a server out of time or room."""
    fresh.load(["x", "y"])
    w = Client(fresh)
    w.get_job()
    w.complete("first")
    follower = subprocess.Popen([os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, "--stage", "a", "--follow"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "first"
        body = fresh.one("select pg_get_functiondef('tracker.mark_export'::regproc)")
        fresh.sql(body[:body.index("LANGUAGE")] + f" LANGUAGE plpgsql AS $$ begin raise exception 'for now' using errcode = '{code}'; end $$")
        try:
            said = Later(follower.stderr.readline).result(30)
            assert "for now" in said and "trying until it is back" in said
        finally:
            fresh.sql(body)
        w.get_job()
        w.complete("second")
        assert "going on" in Later(follower.stderr.readline).result(30)
        assert json.loads(Later(follower.stdout.readline).result(15))["output"] == "second"
    finally:
        follower.terminate()
        follower.wait(10)
        follower.stdout.close()
        follower.stderr.close()


@pytest.mark.parametrize("name,words", [(EXPORT, ["--stage", "a"]), (LOAD, ["--txt", "-"]), (ADMIN, ["status"])])
def test_a_program_that_meets_a_hole_in_the_network_ends_in_words(fresh, wire, name, words):
    wire.hole.set()
    began = time.monotonic()
    done = fresh.run(name, f"--postgres={wire.conninfo}", *words, stdin="x\n", check=False)
    assert done.returncode == 1 and "PostgreSQL" in done.stderr, done.stderr
    assert time.monotonic() - began < 30


def test_a_state_file_of_an_earlier_version_is_taken_by_its_time_and_that_is_said(fresh, tmp_path):
    state = tmp_path / "place"
    fresh.load(["x", "y"])
    f = Fleet(fresh)
    first, second = f.take(2)
    f.done(first)
    fresh.run(EXPORT, "--stage", "a", "--state", str(state))
    lines = [line for line in state.read_text().splitlines(keepends=True) if not line.startswith("cluster ")]
    state.write_text("".join(["distcompute-export 1\n", *lines[1:]]))
    f.done(second)
    done = fresh.run(EXPORT, "--stage", "a", "--state", str(state))
    assert second["job"] in [r["job"] for r in rows_of(done)] and "earlier version" in done.stderr
    assert fresh.run(EXPORT, "--stage", "a", "--state", str(state)).stderr == ""


def test_an_export_of_a_database_that_was_restored_elsewhere_says_so_and_misses_nothing(fresh, tmp_path):
    state = str(tmp_path / "place")
    fresh.load([f"job {i}" for i in range(20)])
    for _ in range(3000):  # so that the other cluster is far behind in transactions
        fresh.sql("select pg_current_xact_id()")
    f = Fleet(fresh)
    f.sync(done=[{**which(j), "data": "before"} for j in f.take(8)])
    assert len(rows_of(fresh.run(EXPORT, "--stage", "a", "--state", state))) == 8
    dump = subprocess.run(["pg_dump", "-n", "tracker", "-d", fresh.conninfo], stdout=subprocess.PIPE, check=True).stdout
    other = Stack("restored", {"stage_a": "Extract", "stage_b": "Filter & Rank", "project": "Test Project"})
    other.start()
    try:
        other.sql("drop schema tracker cascade")
        subprocess.run(["psql", "-qX1", "-v", "ON_ERROR_STOP=1", "-d", other.conninfo], input=dump, stdout=subprocess.DEVNULL, check=True)
        f = Fleet(other)
        f.sync(done=[{**which(j), "data": "after"} for j in f.take(12)])
        done = other.run(EXPORT, "--stage", "a", "--state", state)
        assert "restored" in done.stderr and "last line counts" in done.stderr
        assert {r["job"] for r in rows_of(done) if r["output"] == "after"} == set(range(9, 21))
        again = other.run(EXPORT, "--stage", "a", "--state", state)
        assert (again.stdout, again.stderr) == ("", "")
    finally:
        other.stop()


# --- export: forms, and numbered files ----------------------------------------------------------

def results_of(stack, n, output="r"):
    """So many jobs done in stage a."""
    stack.load([f"job {i}" for i in range(n)])
    f = Fleet(stack)
    done = 0
    while done < n:
        jobs = f.take(min(1000, n - done))
        f.sync(done=[{**which(j), "data": output} for j in jobs])
        done += len(jobs)


def test_export_writes_csv_and_tsv_with_the_columns_that_are_asked_for(fresh):
    hostile = 'a,"b"\nc\td\\'
    results_of(fresh, 2, hostile)
    done = fresh.run(EXPORT, "--stage", "a", "--format", "csv", "--columns", "job,output,input_format")
    assert list(csv.reader(io.StringIO(done.stdout))) == [
        ["job", "output", "input_format"], ["1", hostile, "text"], ["2", hostile, "text"]]
    done = fresh.run(EXPORT, "--stage", "a", "--format", "tsv", "--columns", "output,stage")
    assert done.stdout == "output\tstage\n" + 'a,"b"\\nc\\td\\\\\ta\n' * 2
    for words in (["--columns", "job,nonsense"], ["--format", "xml"], ["--compress", "rar"], ["--output-only", "--format", "csv"]):
        assert fresh.run(EXPORT, "--stage", "a", *words, check=False).returncode == 64


@pytest.mark.parametrize("kind,tool", [("gzip", "gzip"), ("zstd", "zstd")])
def test_export_compressed_is_what_the_tools_read(fresh, kind, tool):
    results_of(fresh, 5000)
    plain = fresh.run(EXPORT, "--stage", "a", stdin=b"").stdout
    packed = fresh.run(EXPORT, "--stage", "a", "--compress", kind, stdin=b"").stdout
    assert len(packed) < len(plain) / 4
    assert subprocess.run([tool, "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout == plain


def manifest_of(folder):
    if not (folder / "manifest.jsonl").exists():
        return []
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def check_files(folder, suffix):
    """What the manifest says of each file is so; the lines of all of them."""
    lines = []
    for number, entry in enumerate(manifest_of(folder), 1):
        data = (folder / entry["name"]).read_bytes()
        assert entry["name"] == f"a-{number:06}{suffix}" and entry["bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        if suffix.endswith(".gz"):
            data = gzip.decompress(data)
        own = data.decode().splitlines()
        assert len(own) == entry["results"]
        lines += own
    return [json.loads(line) for line in lines]


def test_export_into_files_numbers_them_and_tells_of_them(fresh, tmp_path):
    results_of(fresh, 9000)
    folder = tmp_path / "out"
    fresh.run(EXPORT, "--stage", "a", "--files", str(folder), "--file-results", "4000", "--compress", "gzip")
    assert [r["job"] for r in check_files(folder, ".jsonl.gz")] == list(range(1, 9001))
    assert [e["results"] for e in manifest_of(folder)] == [4000, 4000, 1000]
    fresh.run(EXPORT, "--stage", "a", "--files", str(folder), "--compress", "gzip")
    assert len(manifest_of(folder)) == 3
    assert fresh.run(EXPORT, "--stage", "a", "--files", str(folder), check=False).returncode == 1


def test_export_into_files_goes_on_after_a_crash_without_a_result_twice(fresh, tmp_path):
    results_of(fresh, 5000)
    folder = tmp_path / "out"
    words = ["--stage", "a", "--files", str(folder), "--file-results", "4000"]
    fresh.run(EXPORT, *words)
    # As a crash leaves it: a named file that the manifest does not tell of, one under way, a torn line.
    entries = (folder / "manifest.jsonl").read_text().splitlines(keepends=True)
    (folder / "manifest.jsonl").write_text(entries[0] + entries[1][:50])
    (folder / "unfinished").write_text("half of a fi")
    fresh.run(EXPORT, *words)
    assert [r["job"] for r in check_files(folder, ".jsonl")] == list(range(1, 5001))


def test_export_into_files_follows_and_ends_a_file_when_it_is_told_to_stop(fresh, tmp_path):
    fresh.load(["x"] * 6)
    f, folder = Fleet(fresh), tmp_path / "out"
    jobs = f.take(6)
    give = lambda some: f.sync(done=[{**which(j), "data": "r"} for j in some])  # noqa: E731
    give(jobs[:2])
    follower = subprocess.Popen([os.path.join(fresh.read_status()["bin"], EXPORT), "--config", fresh.config, "--stage", "a",
                                 "--follow", "--files", str(folder), "--file-seconds", "1"], stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: len(manifest_of(folder)) == 1, timeout_s=20, what="a file ends by its age")
        give(jobs[2:4])
        eventually(lambda: (folder / "unfinished").exists() or len(manifest_of(folder)) == 2, timeout_s=20, what="the next file")
    finally:
        follower.terminate()
        assert follower.wait(20) == 0
    give(jobs[4:])
    fresh.run(EXPORT, "--stage", "a", "--files", str(folder))
    assert sorted(r["job"] for r in check_files(folder, ".jsonl")) == list(range(1, 7))


def test_a_restored_copy_gets_an_identity_of_its_own(fresh, tmp_path):
    """By dump and restore, as bin/doc/operate.md tells; the original's stays."""
    fresh.load(["one", "two"])
    dump, place = str(tmp_path / "tracker.dump"), os.path.join(fresh.state, "run")
    server = ["-h", place, "-U", "postgres"]
    config = ["--postgres", f"host={place} dbname=copy user=tracker"]

    def run(*command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == 0, done.stdout
    run("pg_dump", *server, "-Fc", "-n", "tracker", "-d", "tracker", "-f", dump)
    run("createdb", *server, "--encoding", "UTF8", "--locale", "C.UTF-8", "--template", "template0", "--owner", "tracker", "copy")
    try:
        run("pg_restore", *server, "--exit-on-error", "-d", "copy", dump)
        assert "Every law holds" in fresh.run("distcompute-admin", *config, "check").stdout
        before = fresh.one("select id from tracker.project")
        said = fresh.run("distcompute-admin", *config, "new-identity").stdout
        audit = fresh.run("distcompute-admin", *config, "audit").stdout
        assert before not in said and "new identity" in audit
        assert fresh.one("select id from tracker.project") == before
    finally:
        run("dropdb", *server, "--force", "copy")
