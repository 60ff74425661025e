"""The setting on_event: what its command hears of, once, and that nobody waits for it whatever it does."""
import glob
import json
import os
import re
import signal
import time

import pytest

from client import Api, Client, Fleet
from stack import process_is_alive
from waiting import eventually

HOSTILE = 'Eve"; touch /tmp/x; $(id) `id` \\ <b>'


def heard(stack):
    """[(words, environment, event)], oldest first."""
    out = []
    for path in sorted(glob.glob(f"{stack.events}/event*"), key=os.path.getmtime):
        with open(path, encoding="utf-8") as f:
            words, environment, said = f.read().split("\n", 2)
        out.append((words, environment.split(), json.loads(said)))
    return out


def wait_for(stack, event, timeout_s=40, **fields):
    """The first with these fields."""
    def look():
        found = [e for _, _, e in heard(stack) if e["event"] == event and all(e.get(k) == v for k, v in fields.items())]
        return found[:1]
    return eventually(look, timeout_s=timeout_s, what=f"{event} {fields} is told")[0]


def begun(stack):
    eventually(lambda: stack.one("select count(*) from tracker.event where key = ''"), timeout_s=30, what="it listens")


def test_an_act_is_told_once_with_what_strangers_wrote_as_data_only(told):
    begun(told)
    Client(told, nickname=HOSTILE)
    told.run("distcompute-admin", "ban", "--person", HOSTILE, "--reason", HOSTILE)
    event = wait_for(told, "act", act="ban")
    assert HOSTILE in event["target"] and event["project"] == told.one("select id::text from tracker.project")
    told.run("distcompute-admin", "pause", "a")
    wait_for(told, "act", act="pause")
    told.run("distcompute-admin", "resume", "a")
    wait_for(told, "act", act="resume")
    assert [e["act"] for _, _, e in heard(told) if e.get("act") in ("ban", "pause")] == ["ban", "pause"]
    words, environment, _ = heard(told)[0]
    assert words == "2 act"  # the folder, which is of the setting, and the event's name
    assert {v.split("=")[0] for v in environment} <= {"TRACKER_EVENT", "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    assert "TRACKER_EVENT=act" in environment
    told.run("distcompute-admin", "unban", str(told.one("select max(id) from tracker.ban")))


def test_a_stage_that_fails_and_recovers_is_told(told):
    begun(told)
    told.load([str(i) for i in range(30)])
    fleet = Fleet(told)
    for job in fleet.take_all(6):
        fleet.give("failed", job, reason=HOSTILE)
    event = wait_for(told, "stage_failing", stage="a")
    assert (event["failed"], event["reason"], event["kind"]) == (6, HOSTILE, "failed")
    time.sleep(6)
    assert len([e for _, _, e in heard(told) if e["event"] == "stage_failing"]) == 1
    told.sql("update tracker.strike set at = at - interval '10 minutes'")
    wait_for(told, "stage_recovered", stage="a")


def test_a_batch_that_fails_whoever_tries_it_pauses_itself_and_is_told(told):
    begun(told)
    told.load([str(i) for i in range(60)])
    crowd = [Fleet(told, nickname=f"person {i}") for i in range(3)]
    for fleet in crowd:
        for job in fleet.take_all(8):
            fleet.give("failed", job, reason=HOSTILE)
    name, why = eventually(lambda: told.sql("select name, paused_why from tracker.batch where paused"), timeout_s=30, what="it pauses")[0]
    assert why == "3 of 3 workers fail it: 24 bad ends and 0 results lately"
    assert wait_for(told, "act", act="pause")["target"] == f'batch "{name}"'
    assert "event=batch_paused" in told.tracker_log()
    assert why in Api(told).get("/").text
    assert told.one("select max(w.bad_row) from tracker.worker w join tracker.person p on p.id = w.person where p.nickname like 'person%'") == 0
    told.run("distcompute-admin", "batch", "resume", name)
    # What was before does not count again.
    time.sleep(6)
    assert not told.one("select paused from tracker.batch")


def test_a_batch_and_all_jobs_that_are_done_are_told(told):
    begun(told)
    told.load(["x", "y"])
    for stage in "ab":
        worker = Client(told, stage)
        for _ in range(2):
            worker.get_job()
            worker.complete("done")
    assert wait_for(told, "project_done")["done"] == 2
    assert wait_for(told, "batch_done")["jobs"] == 2


def test_a_stage_whose_workers_have_nothing_to_do_is_told_when_it_lasts(told):
    begun(told)
    told.load(["x"])
    Client(told, "b")
    eventually(lambda: told.one("select count(*) from tracker.event where event = 'stage_starved'"), timeout_s=30, what="it is seen")
    assert not [e for _, _, e in heard(told) if e["event"] == "stage_starved"]
    told.sql("update tracker.event set since = since - interval '2 minutes' where key <> ''")
    assert wait_for(told, "stage_starved")["before"] == 1
    worker = Client(told, "a")
    worker.get_job()
    worker.complete("y")
    wait_for(told, "stage_fed")


def test_postgresql_away_and_back_is_told_once_by_the_pool(told):
    begun(told)
    began = time.monotonic()
    told.stop_postgres()
    try:
        wait_for(told, "postgres_away")
    finally:
        told.start_postgres()
    away_s = wait_for(told, "postgres_back")["seconds"]
    assert 5 <= away_s <= time.monotonic() - began + 1
    assert [e["event"] for _, _, e in heard(told) if e["event"].startswith("postgres")] == ["postgres_away", "postgres_back"]


@pytest.mark.parametrize("command, said", [
    ("#!/bin/sh\nexit 7\n", "exit=7"),
    ("#!/bin/sh\nkill -9 $$\n", "signal=9"),
    ("not a program\n", "event_"),
    (None, "event_not_told"),
])
def test_a_command_that_fails_is_logged_and_the_next_event_is_told(told, command, said):
    begun(told)
    mark, note = len(told.tracker_log()), f"{told.events}/note"
    os.rename(note, note + ".kept")
    if command is not None:
        with open(note, "w", encoding="utf-8") as f:
            f.write(command)
        os.chmod(note, 0o755)
    told.run("distcompute-admin", "pause", "a")
    eventually(lambda: said in told.tracker_log()[mark:], timeout_s=30, what="it is logged")
    os.rename(note + ".kept", note)
    told.run("distcompute-admin", "resume", "a")
    wait_for(told, "act", act="resume")


def test_a_command_that_never_ends_holds_up_no_call_and_is_ended_with_all_that_it_started(told):
    begun(told)
    with open(f"{told.events}/note", "w", encoding="utf-8") as f:
        f.write('#!/bin/sh\nsleep 3000 &\necho $! >"$1/child"\nsleep 3000\n')
    told.run("distcompute-admin", "pause", "a")
    eventually(lambda: os.path.exists(f"{told.events}/child") and os.path.getsize(f"{told.events}/child"), timeout_s=30, what="it runs")
    with open(f"{told.events}/child", encoding="utf-8") as f:
        child = int(f.read())
    told.run("distcompute-admin", "resume", "a")
    told.load(["x"])
    worker = Client(told)
    worker.get_job()
    worker.complete("y")
    assert Api(told, plain=True).get("/readyz").status_code == 200
    eventually(lambda: not process_is_alive(child), timeout_s=60, what="its time is over")


def write_command(stack, text):
    """In the place of the one that notes; it takes its words from there."""
    path = f"{stack.events}/note"
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def test_what_a_command_says_is_logged_in_a_line_however_much_it_is(told):
    begun(told)
    mark = len(told.tracker_log())
    write_command(told, "#!/bin/sh\nprintf 'no such\\nroom\\033[2J' >&2; head -c 5000000 /dev/zero | tr '\\0' x >&2; exit 7\n")
    told.run("distcompute-admin", "pause", "a")
    eventually(lambda: "exit=7" in told.tracker_log()[mark:], timeout_s=60, what="it is logged")
    log = told.tracker_log()[mark:]
    (line,) = [one for one in log.split("\n") if "exit=7" in one]
    assert 'said="no such\\x0aroom\\x1b[2Jxxx' in line and len(log) < 20000 and "\x1b" not in log


def test_what_a_command_leaves_behind_in_a_session_of_its_own_is_ended_too(told):
    begun(told)
    write_command(told, '#!/bin/sh\nsetsid sh -c \'echo $$ >"$1/child.new"; mv "$1/child.new" "$1/child"; sleep 3000\' x "$1" &\n'
                        'while ! [ -e "$1/child" ]; do sleep 0.05; done\n')
    mark = len(told.tracker_log())
    told.run("distcompute-admin", "pause", "a")
    eventually(lambda: "event_told" in told.tracker_log()[mark:], timeout_s=30, what="it has ended")
    with open(f"{told.events}/child", encoding="utf-8") as f:
        assert not process_is_alive(int(f.read()))


def test_what_waits_is_told_when_the_processes_are_replaced(told):
    begun(told)
    with open(f"{told.events}/note", encoding="utf-8") as f:
        note = f.read()
    write_command(told, note.replace("\n", "\nuntil [ -e $1/go ]; do sleep 0.05; done\n", 1))
    for act in ("pause", "resume") * 3:
        told.run("distcompute-admin", act, "a")
    eventually(lambda: told.one("select count(*) from tracker.audit where not told") == 0, timeout_s=30, what="all are brought")
    mark = len(told.tracker_log())
    os.kill(told.pid("tracker"), signal.SIGHUP)
    eventually(lambda: "event=reloaded" in told.tracker_log()[mark:], timeout_s=60, what="the reload is over")
    open(f"{told.events}/go", "w", encoding="utf-8").close()
    eventually(lambda: len(heard(told)) == 6, timeout_s=60, what="all are told")


def test_a_command_without_a_path_is_refused_at_start(told):
    done = told.run("distcompute-tracker", "--on-event=note it", "--check-config", check=False)
    assert done.returncode != 0 and "on_event needs a path from the root" in done.stderr


def descriptors(stack):
    """Of each process, what it has open; a connection may come and go by itself."""
    return {pid: sorted(os.readlink(f"/proc/{pid}/fd/{fd}").split(":")[0] for fd in os.listdir(f"/proc/{pid}/fd")
                        if "socket" not in os.readlink(f"/proc/{pid}/fd/{fd}")) for pid in stack.responders()}


def test_a_command_has_nothing_that_is_the_trackers_and_leaves_nothing_with_it(told):
    """Neither descriptors nor signals that it would ignore or never hear; twelve of them cost no descriptor, also where there is no command."""
    begun(told)
    write_command(told, '#!/bin/sh\n{ ls -l /proc/$$/fd; grep -hE "Sig(Blk|Ign)" /proc/$$/status; } >"$1/had.new"\nmv "$1/had.new" "$1/had"\n')
    told.run("distcompute-admin", "pause", "a")
    eventually(lambda: os.path.exists(f"{told.events}/had"), timeout_s=30, what="it is told")
    with open(f"{told.events}/had", encoding="utf-8") as f:
        had = f.read()
    assert "socket:" not in had and "anon_inode" not in had and had.count("memfd") == 1, had
    # But for two signals that a C library keeps for itself.
    assert [int(s, 16) & ~(3 << 31) for s in re.findall(r"Sig\w+:\t(\w+)", had)] == [0, 0], had
    told_all = "select count(*) from tracker.audit where not told"
    before, mark = descriptors(told), len(told.tracker_log())
    told.sql("select tracker.audit_act('act', n::text, 0, null, 'done') from generate_series(1, 12) n")
    eventually(lambda: told.one(told_all) == 0 and told.tracker_log()[mark:].count("event=event_told") == 12, timeout_s=40, what="all are told")
    os.rename(f"{told.events}/note", f"{told.events}/away")
    told.sql("select tracker.audit_act('act', n::text, 0, null, 'done') from generate_series(1, 12) n")
    eventually(lambda: told.tracker_log()[mark:].count("event=event_not_told") == 12, timeout_s=40, what="all are tried")
    assert descriptors(told) == before


def test_of_more_events_than_may_wait_the_first_are_told_and_that_some_are_lost_is_said_once(told):
    begun(told)
    write_command(told, '#!/bin/sh\nuntil [ -e "$1/go" ]; do sleep 0.05; done\nread -r event; echo "$event" >>"$1/all"\n')
    told.sql("select tracker.audit_act('act', n::text, 0, null, 'done') from generate_series(1, 300) n")
    mark = len(told.tracker_log())
    eventually(lambda: "event=event_lost" in told.tracker_log()[mark:], timeout_s=40, what="it is said")
    open(f"{told.events}/go", "w", encoding="utf-8").close()

    def all_told():
        if not os.path.exists(f"{told.events}/all"):
            return None
        with open(f"{told.events}/all", encoding="utf-8") as f:
            targets = [json.loads(line)["target"] for line in f]
        return targets if len(targets) >= 256 else None
    targets = eventually(all_told, timeout_s=100, what="what waited is told")
    assert targets == [str(n) for n in range(1, len(targets) + 1)] and len(targets) <= 258
    assert told.tracker_log()[mark:].count("event=event_lost") == 1
