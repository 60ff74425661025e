"""What breaks, and what must not: processes killed, PostgreSQL restarted, Redis gone, reloads."""
import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess
import time

import psycopg2
import pytest
import requests

from beside import Beside, PostgresWay
from client import Api, Client, Fleet, which
from crowd import Crowd
from stack import process_is_alive, program
from waiting import Later, eventually


def hold_job(stack, stage="a"):
    w = Client(stack, stage)
    w.get_job()
    return w


# --- processes --------------------------------------------------------------------------------

def test_a_killed_process_loses_nothing_and_is_replaced(faults):
    faults.load([str(i) for i in range(600)])
    crowd = Crowd(faults, 600).start(v1=6, fleets=4)
    for count in (40, 120, 240):
        crowd.wait_for("a", count)
        victim = faults.responders()[0]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in (pool := faults.responders()) and len(pool) == 2, what="the process is replaced")
    crowd.finish()


def test_what_waited_at_a_process_that_was_killed_is_counted_no_more(faults):
    """Else less and less could wait in the whole pool."""
    def parked():
        return int(re.search(r"(?m)^tracker_parked_calls (\d+)", Api(faults, plain=True).get("/metrics").text)[1])

    faults.load(["x"])
    hold_job(faults)
    for _ in range(6):
        Later(Fleet(faults).raw, want=1, wait=60)
    eventually(lambda: parked() >= 6, what="six calls are parked")
    for victim in faults.responders():
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in (pool := faults.responders()) and len(pool) == 2, what="the process is replaced")
    eventually(lambda: parked() == 0, what="nothing is parked")


def test_the_keeper_is_taken_over_when_its_process_is_killed(quick):
    """Every process of the pool is killed once, so the keeper is too; the next one still reaps."""
    for victim in quick.responders():
        os.kill(victim, signal.SIGKILL)
        eventually(lambda: victim not in (pool := quick.responders()) and len(pool) == 2, what="the process is replaced")
    quick.load(["x"])
    silent = hold_job(quick)
    eventually(lambda: quick.one("select gone_at is not null from tracker.worker where name = %s", silent.name),
               timeout_s=25, what="the silent worker is reaped")


def test_exactly_one_process_keeps(quick):
    """The keeper's lock is held by one session of the database, never by two."""
    held = eventually(lambda: quick.sql(
        "select distinct l.pid from pg_locks l join pg_stat_activity a using (pid)"
        " where l.locktype = 'advisory' and l.mode = 'ExclusiveLock'"  # not the barrier's share, which every call has
        " and l.granted and a.usename = 'tracker' and a.pid <> pg_backend_pid()"),
        what="somebody holds the keeper's lock")
    assert len(held) == 1, held


def test_sighup_replaces_every_process_without_a_failed_request(faults):
    faults.load([str(i) for i in range(400)])
    before = set(faults.responders())
    crowd = Crowd(faults, 400).start(v1=4, fleets=2)
    crowd.wait_for("a", 20)
    os.kill(faults.pid("tracker"), signal.SIGHUP)
    eventually(lambda: len(now := faults.responders()) == 2 and not before & set(now), timeout_s=30, what="all are new")
    crowd.finish()
    assert crowd.unavailable == [] and crowd.dropped == 0


def kept_connection(stack):
    """A web server's connection to the pool that has had an answer and is kept open."""
    def record(kind, content=b""):
        return bytes([1, kind, 0, 1]) + len(content).to_bytes(2, "big") + b"\0\0" + content

    params = b"".join(bytes([len(k), len(v)]) + k + v for k, v in
                      ((b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/healthz")))
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(os.path.join(stack.state, "run", "tracker.sock"))
    s.sendall(record(1, bytes([0, 1, 1, 0, 0, 0, 0, 0])) + record(4, params) + record(4) + record(5))
    assert b"200 OK" in s.recv(4096)
    return s


def test_what_postgres_repeats_of_a_client_is_quoted_in_the_log(faults):
    """The reason of a refusal may repeat what was sent: it is one field of the line, whatever is in it."""
    said = len(faults.tracker_log())
    faults.sql("create function tracker.none_such() returns trigger language plpgsql as $$ begin"
               " if new.nickname ~ 'forged' then raise 'no room for %', new.nickname using errcode = '23514'; end if;"
               " return new; end $$")
    faults.sql("create trigger none_such before insert on tracker.person for each row execute function tracker.none_such()")
    try:
        with pytest.raises(requests.exceptions.ConnectionError):
            Api(faults).get("/api/new?stage=a&nickname=x%22%20forged%3Dyes%20%22")
    finally:
        faults.sql("drop function tracker.none_such() cascade")
    lines = [line for line in faults.tracker_log()[said:].splitlines() if "event=request_failed" in line]
    assert lines and all("forged" in line for line in lines)  # nginx may have asked twice: it was a GET
    assert not any("forged" in re.sub(r'"[^"]*"', '""', line) for line in lines), lines


@contextlib.contextmanager
def settings_with(stack, line, instead):
    """The tracker's settings with one line replaced, for as long as it takes; who reads them is not told."""
    with open(stack.config) as f:
        good = f.read()
    try:
        with open(stack.config, "w") as f:
            f.write(re.sub(rf"(?m)^{line} *=.*$", instead, good))
        yield
    finally:
        with open(stack.config, "w") as f:
            f.write(good)


def test_a_reload_that_cannot_start_leaves_the_old_processes_at_work(faults):
    """Its templates do not parse, say: nobody is sent away before somebody else can answer."""
    before, said = set(faults.responders()), len(faults.tracker_log())
    with settings_with(faults, "templates_dir", "templates_dir = /nonexistent"):
        os.kill(faults.pid("tracker"), signal.SIGHUP)
        eventually(lambda: re.search(r"event=reload(ed|_failed)", faults.tracker_log()[said:]), what="the reload is over")
        assert "event=process_not_ready" in faults.tracker_log()[said:]
        # The first of the new says it for all of them.
        assert faults.tracker_log()[said:].count("event=process_not_ready") == 1
        with contextlib.closing(kept_connection(faults)):
            assert before <= set(faults.responders())
        assert before <= set(faults.responders())
    os.kill(faults.pid("tracker"), signal.SIGHUP)
    eventually(lambda: len(now := faults.responders()) == 2 and not before & set(now), timeout_s=30, what="all are new")
    assert Client(faults).is_valid()


def test_a_process_that_dies_of_its_start_is_started_ever_more_rarely(faults):
    said = len(faults.tracker_log())

    def pauses():
        return [int(ms) for ms in re.findall(r"event=process_died process=1 .*restart_ms=(\d+)", faults.tracker_log()[said:])]

    def killed_until_it_waits():
        for pid in faults.responders():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return max(pauses(), default=0) >= 400
    eventually(killed_until_it_waits, timeout_s=60, what="it waits longer each time")
    later = [ms for ms in pauses() if ms > 0]
    assert later == sorted(later)
    eventually(lambda: len(faults.responders()) == 2, timeout_s=60, what="both are at work again")


def test_a_process_that_waits_for_its_connections_ends_when_the_tracker_stops(faults):
    """A reload waits for who keeps a connection, for 20 s; a stop does not."""
    master, old = faults.pid("tracker"), set(faults.responders())
    with contextlib.closing(kept_connection(faults)):
        os.kill(master, signal.SIGHUP)

        def new_and_waiting():
            pool = set(faults.responders())
            return pool if len(pool - old) == 2 and len(pool & old) == 1 else None

        pool = eventually(new_and_waiting, timeout_s=15, what="the new are there, and the one that waits")
        os.kill(master, signal.SIGTERM)
        eventually(lambda: not any(map(process_is_alive, [master, *pool])), timeout_s=6, what="all have ended")
    faults.up()
    assert Client(faults).is_valid()


def test_sigterm_drains_and_ends_with_success(faults):
    """A call that waits is answered, not cut off, and the master goes when all are gone."""
    faults.load([])
    fleet = Fleet(faults)
    parked = Later(fleet.raw, want=1, wait=60)
    eventually(lambda: faults.one("select asked_at > '-infinity' from tracker.worker where name = %s", fleet.name),
               what="the call has arrived")
    master, pool = faults.pid("tracker"), faults.responders()
    os.kill(master, signal.SIGTERM)
    answer = parked.result(30)
    assert answer.status_code == 200 and answer.json().get("jobs", []) == []
    eventually(lambda: not any(map(process_is_alive, [master, *pool])), timeout_s=20, what="all have ended")
    faults.up()
    assert Client(faults).is_valid()


def test_sigterm_waits_for_what_is_under_way(faults):
    """A result that PostgreSQL has not taken yet when the stop comes is taken, and its worker hears so."""
    faults.load(["x"])
    client = hold_job(faults)
    with contextlib.closing(psycopg2.connect(faults.conninfo)) as other:
        with other.cursor() as cursor:
            cursor.execute("select from tracker.worker where name = %s for update", (client.name,))
            late = Later(Api(faults).text, "/api/completeJob", {"token": client.token, "data": "y"})
            eventually(lambda: faults.one("select count(*) from pg_locks where not granted"),
                       what="the result waits in PostgreSQL")
            master = faults.pid("tracker")
            os.kill(master, signal.SIGTERM)
            late.join(1.0)
            assert late.is_alive() and process_is_alive(master), "the stop did not wait"
            other.commit()
    assert late.result() == (200, "200 OK")
    eventually(lambda: not process_is_alive(master), timeout_s=20, what="the tracker ended")
    assert faults.sql("select data from tracker.output") == [("y",)]
    faults.up()


def test_while_the_tracker_is_down_answers_are_as_promised(faults):
    """v1: the connection is closed without an answer; sync and pages: 503 with Retry-After, never HTML for the API."""
    faults.load(["x"])
    client, fleet = hold_job(faults), Fleet(faults)
    assert Api(faults).get("/").status_code == 200
    master = faults.pid("tracker")
    os.kill(master, signal.SIGTERM)
    eventually(lambda: not process_is_alive(master), timeout_s=20, what="the tracker ended")
    for path, body in (("/api/newJob", {"token": client.token}), ("/api/completeJob", {"token": client.token, "data": "y"})):
        with pytest.raises(requests.exceptions.ConnectionError):
            Api(faults).post(path, body)
    with pytest.raises(requests.exceptions.ConnectionError):
        Api(faults).get("/api/new?nickname=N&stage=a")
    answer = fleet.raw(want=1)
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"].startswith("text/plain")
    page = Api(faults).get("/leaderboard?x=never-cached")
    assert page.status_code == 503 and int(page.headers["Retry-After"]) > 0
    late = Later(client.complete, "y")
    faults.up()
    late.result()
    assert client.resent > 0
    assert faults.counts()["a"]["done"] == 1


# --- PostgreSQL -------------------------------------------------------------------------------

@pytest.mark.parametrize("crash", [False, True])
def test_postgresql_restarted_under_load_loses_nothing(faults, crash):
    faults.load([str(i) for i in range(500)])
    crowd = Crowd(faults, 500).start(v1=6, fleets=4)
    crowd.wait_for("a", 50)
    faults.stop_postgres(at_once=crash)
    faults.start_postgres()
    crowd.finish()


def test_a_lease_that_the_keeper_takes_while_its_result_waits_is_counted_once(faults):
    """The quick way of SQL gives up there, and the tracker goes the long one: nobody hears of it."""
    faults.load(["x"])
    client = hold_job(faults)
    with contextlib.closing(psycopg2.connect(faults.conninfo)) as keeper:
        with keeper.cursor() as cursor:
            cursor.execute("update tracker.lease set since = since - interval '1 hour'")
            cursor.execute("select count(*) from tracker.expire_leases('{60,0,0,0,0}')")
            assert cursor.fetchone() == (1,)
        late = Later(Api(faults).text, "/api/completeJob", {"token": client.token, "data": "y"})
        eventually(lambda: faults.one("select count(*) from pg_locks where not granted"), what="the result waits")
        keeper.commit()
    assert late.result() == (200, "200 OK")
    assert faults.sql("select data from tracker.output") == [("y",)]
    assert faults.counts()["a"]["done"] == 1 and faults.counts()["a"]["retry"] == 0


def test_a_bundle_that_postgresql_refuses_goes_the_long_way(faults):
    """A result that is there already, against the laws: refused the quick way, answered the long one."""
    faults.load(["x"])
    client = hold_job(faults)
    faults.sql("insert into tracker.output (stage, job, worker, person, attempt, lease, started, finished, data)"
               " select l.stage, l.job, w.id, w.person, 1, gen_random_uuid(), now(), now(), 'there'"
               " from tracker.lease l join tracker.worker w on w.id = l.worker")
    answer = Api(faults).text("/api/completeJob", {"token": client.token, "data": "y"})
    assert answer == (403, "This job has already been marked as completed.")
    assert faults.sql("select data from tracker.output") == [("there",)]
    # The laws as they would be, had the result come as results do.
    faults.sql("update tracker.worker set done = done + 1 where name = %s", client.name)
    faults.sql("insert into tracker.ready (stage, batch, job) select 2, max(batch), 1 from tracker.batch")
    faults.sql("select tracker.join_line(array[2::int2], array(select max(batch) from tracker.batch))")
    faults.sql("insert into tracker.credit (person, stage, minute, slot, done)"
               " select person, 1, now(), 255, 1 from tracker.output")
    faults.sql("insert into tracker.tally (stage, batch, minute, slot, ready, done)"
               " select s, max(batch), now(), 255, s - 1, 2 - s from tracker.batch, generate_series(1, 2) s group by s")


def test_while_postgresql_is_away_v1_calls_wait_and_are_answered_after(faults):
    faults.load(["x"])
    client = hold_job(faults)
    faults.stop_postgres()
    try:
        waiting = Later(Api(faults).text, "/api/completeJob", {"token": client.token, "data": "y"})
        opening = Later(Api(faults).get, "/api/new?nickname=N&stage=a")
        waiting.join(1.0)
        assert waiting.is_alive() and opening.is_alive(), "answered while PostgreSQL was away"
    finally:
        faults.start_postgres()
    assert waiting.result(60) == (200, "200 OK")
    assert opening.result(60).status_code == 200


def test_while_postgresql_is_away_sync_hears_503_with_retry_after(faults):
    faults.load(["x"])
    fleet = Fleet(faults)
    (job,) = fleet.take()
    faults.stop_postgres()
    try:
        answer = fleet.raw(done=[{**which(job), "data": "r"}], want=1)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        page = Api(faults).get("/leaderboard?never=cached")
        assert page.status_code in (200, 503)
        if page.status_code == 503:
            assert int(page.headers["Retry-After"]) > 0
    finally:
        faults.start_postgres()
    eventually(lambda: fleet.raw().status_code == 200, timeout_s=20, what="sync works again")
    assert fleet.done(job, "r") in ("accepted", "repeat")


def test_while_postgresql_is_away_the_trackers_own_cache_shows_what_it_has(faults):
    """Without nginx and Redis, which keep old pages too; and what was never shown is told to be away."""
    beside = Beside(faults, redis="")
    try:
        paths = ["/", "/leaderboard", "/?range=7d", "/leaderboard?q=somebody"]
        assert [beside.ask("GET", path)[0] for path in paths] == [200] * 4
        faults.stop_postgres()
        try:
            time.sleep(1.1)  # page_cache is 1: what is shown from here on is old
            for path in paths:
                status, text = beside.ask("GET", path)
                assert status == 200 and "</html>" in text, path
            assert beside.ask("GET", "/leaderboard?q=never-shown")[0] == 503
        finally:
            faults.start_postgres()
    finally:
        beside.close()


def test_readyz_tells_of_postgresql_and_healthz_of_the_process(faults):
    plain = Api(faults, plain=True)
    assert plain.get("/readyz").status_code == 200
    faults.stop_postgres()
    try:
        eventually(lambda: plain.get("/readyz").status_code == 503, what="readyz says 503")
        assert plain.get("/healthz").status_code == 200
    finally:
        faults.start_postgres()
    eventually(lambda: plain.get("/readyz").status_code == 200, timeout_s=20, what="readyz says 200")


# --- Redis ------------------------------------------------------------------------------------

def test_a_part_that_has_done_nothing_yet_has_no_age(fresh):
    beside = Beside(fresh)
    try:
        _, said = beside.ask("GET", "/metrics")
        samples = [line.rsplit(" ", 1) for line in said.splitlines() if not line.startswith("#")]
        assert 'tracker_part_up{part="claim"} 1.000' in said.splitlines() and min(float(value) for _, value in samples) >= 0
        beside.new()
        assert 'tracker_part_worked_seconds{part="workers"}' in beside.ask("GET", "/metrics")[1]
    finally:
        beside.close()


def test_with_redis_gone_the_job_calls_go_on(faults):
    faults.load([str(i) for i in range(200)])
    crowd = Crowd(faults, 200).start(v1=4, fleets=2)
    crowd.wait_for("a", 20)
    before = len(faults.tracker_log())
    faults.stop_redis()
    try:
        crowd.finish()
        assert Api(faults).get("/").status_code == 200
        # Work of another process is found by looking, within a second or so.
        fleet = Fleet(faults)
        call = Later(fleet.take, 1, wait=30)
        faults.run("distcompute-load", "--append", "--json", "-", stdin='["late"]', check=False)
        assert len(call.result(15)) == 1
        said = re.findall(r"(?i)^.*redis.*$", faults.tracker_log()[before:], re.M)
        assert said, "the log tells that Redis is away"
        assert len(said) <= 8, f"it tells it once a minute a process, not {len(said)} times"
    finally:
        faults.start_redis()
    assert Api(faults).get("/").status_code == 200


def test_redis_flushed_under_load_loses_nothing(faults):
    faults.load([str(i) for i in range(200)])
    crowd = Crowd(faults, 200).start(v1=4, fleets=2)
    for count in (20, 60, 100):
        crowd.wait_for("a", count)
        faults.redis.flushall()
    crowd.finish()


def test_redis_gone_reaps_nobody_who_was_heard_from(quick):
    talker = Client(quick)
    quick.stop_redis()
    try:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            talker.log("still here")
            time.sleep(0.3)
        assert not quick.one("select gone_at is not null from tracker.worker where name = %s", talker.name)
    finally:
        quick.start_redis()


# --- starting ---------------------------------------------------------------------------------

def start_beside(stack, *flags, timeout_s=20):
    """A second tracker on the same database and another socket; it must give up by itself."""
    path = os.path.join(stack.state, "run", "beside.sock")
    argv = [program("distcompute-tracker"), "--config", stack.config, f"--listen=unix:{path}", *flags]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout_s)


def test_a_tracker_refuses_functions_or_schema_that_are_not_its_own(faults):
    faults.sql("update tracker.migration set checksum = 'changed' where number = (select min(number) from tracker.migration)")
    try:
        done = start_beside(faults)
        assert done.returncode != 0
        assert "migrat" in done.stdout.lower() or "schema" in done.stdout.lower(), done.stdout
    finally:
        faults.run("distcompute-admin", "migrate", check=False)
        rows = faults.sql("select 1 from tracker.migration where checksum = 'changed'")
        if rows:
            pytest.fail("the checksum is still wrong; the stack cannot be used on")


def test_after_a_reload_that_failed_who_dies_is_replaced_by_one_with_the_settings_of_before(faults):
    with settings_with(faults, "templates_dir", "templates_dir = /nonexistent"):
        mark = len(faults.tracker_log())
        os.kill(faults.pid("tracker"), signal.SIGHUP)
        eventually(lambda: "event=reload_failed" in faults.tracker_log()[mark:], timeout_s=30, what="the reload has failed")
        victim, other = faults.responders()
        os.kill(victim, signal.SIGKILL)
        pool = eventually(lambda: (pool := faults.responders()) and victim not in pool and len(pool) == 2 and pool, timeout_s=30, what="it is replaced")
        assert other in pool
    eventually(lambda: Api(faults, plain=True).get("/readyz").status_code == 200, timeout_s=30, what="all are ready")
    assert "event=process_not_ready" not in faults.tracker_log()[mark:].partition("event=reload_failed")[2]


def test_a_reload_has_as_many_processes_as_the_settings_say_then(faults):
    """Fewer, more, and the number of before; each answers, and none of the others is left."""
    for processes in (1, 3, 2):
        with settings_with(faults, "processes", f"processes = {processes}"):
            mark, before = len(faults.tracker_log()), set(faults.responders())
            os.kill(faults.pid("tracker"), signal.SIGHUP)
            eventually(lambda m=mark: "event=reloaded" in faults.tracker_log()[m:], timeout_s=60, what="the reload is over")
            eventually(lambda n=processes, b=before: len(now := faults.responders()) == n and not b & set(now), timeout_s=40,
                       what=f"{processes} are new, and nobody else is left")
            assert Client(faults).is_valid()


def test_processes_end_with_their_master_and_signals_of_log_rotation_end_nobody(faults):
    """Without it they would hold the socket against the next one."""
    master, pool = faults.pid("tracker"), faults.responders()
    for pid in (master, *pool):
        for signum in (signal.SIGUSR1, signal.SIGUSR2):
            os.kill(pid, signum)
    assert Client(faults).is_valid() and faults.responders() == pool
    os.kill(master, signal.SIGKILL)
    eventually(lambda: not any(process_is_alive(pid) for pid in pool), timeout_s=60, what="all have ended")
    faults.up()
    assert Client(faults).is_valid()


def test_a_process_may_open_what_the_system_allows_and_has_its_users_groups_alone(faults):
    for pid in (faults.pid("tracker"), *faults.responders()):
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            (soft, hard), = [line.split()[3:5] for line in f if line.startswith("Max open files")]
        assert soft == hard
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        user = pwd.getpwuid(int(fields["Uid"].split()[0]))
        assert set(map(int, fields["Groups"].split())) <= set(os.getgrouplist(user.pw_name, user.pw_gid)), fields["Groups"]


@pytest.mark.parametrize("flags, status, said", [
    (["--templates-dir=/nonexistent"], 78, "event=templates"),
    (["--templates-dir=/nonexistent", "--check-config"], 78, "/nonexistent"),
    (["--postgres=host=/nowhere dbname=tracker", "--check-config"], 0, ""),
    (["--listen=unix:/nonexistent/socket"], 78, "/nonexistent/socket"),
    (["--user=nobody-of-that-name"], 78, "there is no user"),
    (["more"], 64, "unexpected argument"),
])
def test_a_tracker_that_cannot_start_says_why_and_ends(faults, flags, status, said):
    """A status of its own for each: whoever starts it anew knows whether that is of use."""
    where = os.path.join(faults.state, "run", "cannot.sock")
    done = faults.run("distcompute-tracker", f"--listen=unix:{where}", "--processes=1", *flags, check=False)
    assert (done.returncode, said in done.stderr) == (status, True), done
    assert not os.path.exists(where)


def test_a_socket_goes_with_its_tracker_and_no_other(faults, tmp_path):
    """A reload does not move it, whatever the settings name by then: that may be another tracker's."""
    own, others, ini = (os.path.join(faults.state, "run", name) for name in ("own.sock", "others.sock", "own.ini"))
    with open(faults.config, encoding="utf-8") as f:
        text = re.sub(r"(?m)^listen *=.*$", "", f.read())

    def write(path):
        with open(ini, "w", encoding="utf-8") as f:
            f.write(text.replace("[tracker]", f"[tracker]\nlisten = unix:{path}", 1))
    write(own)
    with socket.socket(socket.AF_UNIX) as other, open(tmp_path / "log", "w+", encoding="utf-8") as log:
        other.bind(others)
        other.listen(1)
        tracker = subprocess.Popen([faults.installed("distcompute-tracker"), "--config", ini, "--processes=1"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            def says(what):
                log.seek(0)
                return what in log.read()
            eventually(lambda: says("event=ready"), timeout_s=60, what="it is ready")
            assert os.path.exists(own)
            write(others)
            tracker.send_signal(signal.SIGHUP)
            eventually(lambda: says("event=reloaded"), timeout_s=60, what="the reload is over")
        finally:
            tracker.terminate()
            assert tracker.wait(60) == 0
        assert not os.path.exists(own) and os.path.exists(others)
    os.unlink(others)


def test_a_tracker_that_is_there_before_postgresql_waits_for_it(faults):
    """As at a boot: it says so, and takes calls when it is there."""
    way = PostgresWay(faults)
    aside = way.path + ".aside"
    os.rename(way.path, aside)
    log = os.path.join(way.folder, "log")
    with open(log, "w", encoding="utf-8") as out:
        tracker = subprocess.Popen([faults.installed("distcompute-tracker"), "--config", faults.config, f"--listen=unix:{way.folder}/own.sock",
                                    f"--postgres=host={way.folder} dbname=tracker user=tracker", "--processes=1"],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        def says(what):
            with open(log, encoding="utf-8") as f:
                return what in f.read()
        eventually(lambda: says("event=waiting_for_postgres"), timeout_s=30, what="it waits")
        assert tracker.poll() is None and not says("event=ready")
        os.rename(aside, way.path)
        eventually(lambda: says("event=ready"), timeout_s=60, what="it is ready")
    finally:
        tracker.terminate()
        assert tracker.wait(60) == 0
        way.close()
