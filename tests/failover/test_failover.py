"""
Each machine killed, frozen, or behind a hole in the network, and a switchover, under thirty workers who
remember every acknowledged result. The outage is printed: run with -s, or see the summary of -rP.
"""
import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
import requests

from stack import process_is_alive
from waiting import eventually

GOAL_S = 2.0   # from the moment a new primary takes writes
SLACK_S = 3.0  # of a busy machine


def tell(what, **seconds):
    print(f"{what}: " + ", ".join(f"{name.replace('_', ' ')} {value:.2f} s" for name, value in seconds.items()))


def kill(node):
    node.end()


def freeze(node):
    node.freeze()


def hole(node):
    node.relay.hole(True)


@pytest.mark.parametrize("lose", [kill, freeze, hole])
def test_a_primary_that_is_gone_costs_two_seconds_after_the_next_takes_writes(pair, workers, lose):
    workers.wait_for("a", 200)
    began = time.monotonic()
    lose(pair.primary)
    time.sleep(1.0)  # until somebody decides
    if lose is hole:
        # Cut off from the pools and from the standby: nobody may commit there.
        pair.primary.freeze()
    moment = pair.promote()
    outage = workers.first_after(moment)
    time.sleep(3)
    gap = workers.longest_gap(began)
    results = workers.end()
    tell(f"primary, {lose.__name__}, {results} results", after_promotion=outage, longest_gap=gap)
    assert outage < GOAL_S + SLACK_S


def test_a_switchover_costs_two_seconds(pair, workers):
    workers.wait_for("a", 200)
    began = time.monotonic()
    pair.primary.end(signal.SIGINT)
    moment = pair.promote()
    outage = workers.first_after(moment)
    time.sleep(3)
    gap = workers.longest_gap(began)
    results = workers.end()
    tell(f"switchover, {results} results", after_promotion=outage, longest_gap=gap)
    assert outage < GOAL_S + SLACK_S


def test_a_pool_that_is_killed_costs_no_result(pair, workers):
    workers.wait_for("a", 200)
    began = time.monotonic()
    for pid in pair.pools()[0][1:]:
        os.kill(pid, signal.SIGKILL)
    workers.first_after(time.monotonic())
    time.sleep(3)
    gap = workers.longest_gap(began)
    tell(f"pool, kill, {workers.end()} results", longest_gap=gap)
    assert gap < GOAL_S + SLACK_S


@contextlib.contextmanager
def frozen(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            if process_is_alive(pid):
                os.kill(pid, signal.SIGCONT)


def test_a_pool_that_is_frozen_costs_no_result_and_another_keeps(pair, workers):
    workers.wait_for("a", 200)
    for pool in pair.pools():
        before = eventually(pair.keeper, what="somebody keeps")
        began = time.monotonic()
        with frozen(pool):
            # It may have been the other pool's: then nothing is to be taken over.
            eventually(lambda: pair.primary.sql("select 1 from tracker.hearing where at > clock_timestamp() - interval '1.5 s'"),
                       timeout_s=10, what="somebody keeps within ten seconds")
            eventually(lambda: (pair.keeper() or before) != before or time.monotonic() > began + 10, timeout_s=12)
            assert pair.primary.sql("select 1 from tracker.hearing where at > clock_timestamp() - interval '3 s'")
            tell("pool, freeze", kept_again_after=time.monotonic() - began)
        workers.first_after(time.monotonic())
    tell(f"pools, freeze, {workers.end()} results")


@contextlib.contextmanager
def redis_killed(pair):
    pair.stop_redis()
    try:
        yield
    finally:
        pair.start_redis_again()


@pytest.mark.parametrize("lose", [lambda pair: frozen([pair.pid("redis")]), redis_killed], ids=["freeze", "kill"])
def test_a_redis_that_is_gone_costs_no_result(request, pair, workers, lose):
    workers.wait_for("a", 200)
    began = time.monotonic()
    with lose(pair):
        workers.first_after(time.monotonic() + 1)
        time.sleep(4)
        gap = workers.longest_gap(began)
        tell(f"Redis, {request.node.callspec.id}, {workers.end()} results", longest_gap=gap)
        assert gap < GOAL_S + SLACK_S


# --- the programs -----------------------------------------------------------------------------

def lines_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def test_load_export_and_admin_go_on_or_say_what_happened(pair, workers, tmp_path):
    """The primary freezes while one loads and one follows; each goes on, or ends at once, in words."""
    workers.wait_for("a", 100)
    exported = tmp_path / "out.jsonl"
    with open(exported, "wb") as out:
        follow = pair.begin("distcompute-export", "--stage", "a", "--follow", stdout=out)
    loading = pair.begin("distcompute-load", "--append", "--jsonl", "-", stdin=subprocess.PIPE)
    for i in range(2000):
        loading.stdin.write(f'"more {i}"\n'.encode())
    loading.stdin.flush()
    eventually(lambda: exported.stat().st_size > 0, what="the export has begun")
    pair.primary.freeze()
    time.sleep(1.0)
    moment = pair.promote()
    workers.first_after(moment)
    with contextlib.suppress(BrokenPipeError):
        loading.stdin.write(b'"last"\n')
        loading.stdin.flush()
    with contextlib.suppress(BrokenPipeError):
        loading.stdin.close()
    status = loading.wait(30)
    said = loading.stderr.read().decode()
    tell(f"load through a freeze: {said.strip() or 'loaded'}", ended_after=time.monotonic() - moment)
    loaded = pair.one("select count(*) from tracker.job where data like 'more %%' or data = 'last'")
    assert (status, loaded) == (0, 2001) or (status != 0 and loaded == 0 and "run it again" in said), (status, loaded, said)
    pair.run("distcompute-admin", "status", timeout_s=20)
    before = len(lines_of(exported))
    eventually(lambda: follow.poll() is not None or len(lines_of(exported)) > before, timeout_s=30,
               what="the export goes on, or ends")
    if follow.poll() is None:
        follow.terminate()
        follow.wait(20)
    else:
        assert follow.stderr.read().strip(), "ended without a word"
    workers.end()


def test_how_far_the_standby_is_behind_is_told_where_it_may_be_read(pair):
    """By who is a member of pg_monitor: an operator grants it (bin/doc/several-hosts.md)."""
    def lag():
        text = requests.get(pair.plain_url + "/metrics", timeout=30).text
        return {name: float(value) for name, value in re.findall(r'(?m)^(tracker_replication_lag_\w+)\{standby="[^"]+"\} (\S+)$', text)}
    assert lag() == {}
    pair.primary.sql("grant pg_monitor to tracker")
    try:
        told = eventually(lag, what="the standby is seen")
        assert set(told) == {"tracker_replication_lag_bytes", "tracker_replication_lag_seconds"}
        eventually(lambda: lag()["tracker_replication_lag_bytes"] == 0, timeout_s=60, what="nothing is left to apply")
    finally:
        pair.primary.sql("revoke pg_monitor from tracker")
