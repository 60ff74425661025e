"""
quickstart: what it promises to whoever runs it, and to whoever has servers of his own on the machine.
"""
import os
import socket
import stat
import subprocess
import tempfile

import pytest

from stack import BUILD, ROOT, Stack, free_port, process_is_alive

PIDS = ("postgres_pid", "redis_pid", "tracker_pid", "nginx_pid")
STAGES = {"stage_a": "Extract", "processes": 1}


@pytest.fixture(scope="module")
def first():
    stack = Stack("first", STAGES).start()
    yield stack
    stack.stop()


def run(state, *args):
    """quickstart on a folder, its exit code and what it said."""
    build = ["--build", BUILD] if "TEST_BUILD_DIR" in os.environ else []
    done = subprocess.run([os.path.join(ROOT, "bin", "quickstart"), "--state", state, *build, *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120)
    return done.returncode, done.stdout


def pids(stack):
    values = stack.read_status()
    assert values["state"] == "up"
    return [int(values[name]) for name in PIDS]


def test_running_it_again_touches_nothing(first):
    before = pids(first)
    first.up()
    assert pids(first) == before


def test_changed_settings_restart_the_tracker_alone(first):
    before = dict(zip(PIDS, pids(first)))
    first.write_settings({**STAGES, "project": "Another name"})
    first.up()
    after = dict(zip(PIDS, pids(first)))
    assert [name for name in PIDS if before[name] != after[name]] == ["tracker_pid"]


def test_two_run_side_by_side_and_down_stops_its_own(first):
    before = pids(first)
    second = Stack("second", STAGES).start()
    others = pids(second)
    second.quickstart("--down")
    state = second.read_status()["state"]
    second.stop()
    assert state == "down"
    assert not any(process_is_alive(pid) for pid in others)
    assert pids(first) == before


def test_down_leaves_a_process_alone_that_has_got_the_number(first):
    """A mark whose start time is not the process's is somebody else's process."""
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        with tempfile.TemporaryDirectory(prefix="dct-mark-", dir="/tmp") as state:
            os.mkdir(os.path.join(state, "marks"))
            with open("/proc/sys/kernel/random/boot_id") as f:
                boot = f.read().strip()
            with open(os.path.join(state, "marks", "tracker"), "w") as f:
                f.write(f"{bystander.pid} 1 {boot} sleep\n")
            code, said = run(state, "--down")
            assert code == 0, said
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_port_in_use_is_named_and_nothing_starts():
    with socket.socket() as taken, tempfile.TemporaryDirectory(prefix="dct-port-", dir="/tmp") as state:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = run(state, "--empty", "--https", str(port), "--http", str(free_port()))
        assert code == 1
        assert f"port {port} is in use" in said
        assert not os.path.exists(os.path.join(state, "pg"))


def test_a_folder_too_deep_for_sockets_is_refused():
    code, said = run("/tmp/" + 100 * "x", "--empty")
    assert code == 1
    assert "too long" in said
    assert not os.path.exists("/tmp/" + 100 * "x")


def test_an_unknown_option_is_misuse():
    code, said = run("/tmp/dct-none", "--emtpy")
    assert code == 64
    assert "--emtpy" in said


def test_a_wrong_setting_is_named_with_its_line(first):
    good = pids(first)
    first.write_settings({**STAGES, "idle_timout": 3})
    code, said = run(first.state, "--empty", "--tracker-ini", first.ini)
    first.write_settings(STAGES)
    assert code == 1
    assert "idle_timout" in said
    assert "tracker.ini:" in said
    assert pids(first)[0] == good[0]
    first.up()
    assert pids(first)


def test_nobody_else_may_enter_where_the_sockets_and_the_key_are(first):
    run_folder = os.stat(os.path.join(first.state, "run"))
    key = os.stat(os.path.join(first.state, "tls", "key.pem"))
    assert stat.S_IMODE(run_folder.st_mode) == 0o700
    assert stat.S_IMODE(key.st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has users to choose from")
def test_no_server_runs_as_root(first):
    for pid in pids(first):
        assert os.stat(f"/proc/{pid}").st_uid != 0
