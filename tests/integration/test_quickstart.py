"""
quickstart: what it promises to whoever runs it, and to whoever has servers of his own on the machine.
"""
import os
import pwd
import shutil
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
    folder = f"/tmp/{os.getpid()}{100 * 'x'}"  # one that nobody has left there
    code, said = run(folder, "--empty")
    assert code == 1
    assert "too long" in said
    assert not os.path.exists(folder)


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


# --- root, and servers' users who mean it ill --------------------------------------------------------

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose")


def as_servers(state, *command, **more):
    """A command as the user of that folder's servers."""
    return subprocess.run(["setpriv", f"--reuid={owner_of(state)}", f"--regid={owner_of(state)}", "--clear-groups", "--",
                           *command], capture_output=True, text=True, timeout=30, **more)


def owner_of(state):
    with open(os.path.join(state, "quickstart.conf")) as f:
        return dict(line.strip().split("=", 1) for line in f)["user"]


def forge_mark(state, name, pid, program):
    """A mark of quickstart's as it would be for that process."""
    with open(f"/proc/{pid}/stat") as f:
        start = f.read().rsplit(")", 1)[1].split()[19]
    with open("/proc/sys/kernel/random/boot_id") as f:
        boot = f.read().strip()
    with open(os.path.join(state, "marks", name), "w") as f:
        f.write(f"{pid} {start} {boot} {program}\n")


@pytest.fixture
def victim():
    """A file of root's that nobody may read, and that nothing may have touched in the end."""
    with tempfile.TemporaryDirectory(prefix="dct-victim-", dir="/tmp") as folder:
        path = os.path.join(folder, "secret")
        with open(path, "w") as f:
            f.write("as it was")
        os.chmod(path, 0o600)
        yield path
        seen = os.stat(path)
        assert (seen.st_uid, stat.S_IMODE(seen.st_mode)) == (0, 0o600)
        with open(path) as f:
            assert f.read() == "as it was"


@pytest.fixture
def own():
    """A stack that may be spoilt."""
    stack = Stack("own", STAGES).start()
    yield stack
    stack.stop()


@root_only
def test_root_writes_nothing_where_the_servers_may_write(first):
    """Of each folder: either root alone changes it, or nothing in it is root's."""
    them = pwd.getpwnam(owner_of(first.state))
    for folder, folders, files in os.walk(first.state):
        it = os.lstat(folder)
        theirs = it.st_uid == them.pw_uid or it.st_mode & stat.S_IWOTH or \
            (it.st_gid == them.pw_gid and it.st_mode & stat.S_IWGRP)
        inside = {os.lstat(os.path.join(folder, name)).st_uid for name in folders + files}
        assert not theirs or 0 not in inside, folder
        for name in files:
            if not theirs and not os.path.islink(os.path.join(folder, name)):
                mode = os.lstat(os.path.join(folder, name)).st_mode
                assert not mode & 0o022, os.path.join(folder, name)


@root_only
def test_settings_and_logs_are_not_for_everybody(first):
    paths = [os.path.join(first.state, name) for name in ("tracker.ini", "extra.ini", "redis.conf", "quickstart.conf")]
    for folder in ("log", "marks", "nginx/conf.d", "nginx/snippets"):
        paths += [os.path.join(first.state, folder, name) for name in os.listdir(os.path.join(first.state, folder))]
    assert {p: oct(os.stat(p).st_mode & 0o137) for p in paths if os.stat(p).st_mode & 0o137} == {}


@root_only
@pytest.mark.parametrize("folder", ["", "log", "marks", "tls", "nginx", "app", "app/bin", "app/demo"])
def test_the_servers_user_puts_nothing_where_root_looks(first, folder):
    assert as_servers(first.state, "ln", "-s", "/etc/shadow", os.path.join(first.state, folder, "x")).returncode != 0


IN_WAIT = ("log/nginx.log", "log/postgres.log", "log/build.log", "tls/cert.pem", "tls/key.pem", "marks/tracker", "marks/nginx",
           "demo/jobs.jsonl", "demo/extract", "run/x.mark", "run/tracker.mark")


@root_only
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_what_lies_in_wait_is_neither_followed_nor_read(own, victim, kind):
    """Also in a folder that was the servers' own once, as log/ and tls/ were."""
    own.quickstart("--down")
    for name in IN_WAIT:
        path = os.path.join(own.state, name)
        os.chown(os.path.dirname(path), pwd.getpwnam(owner_of(own.state)).pw_uid, -1)
        as_servers(own.state, "rm", "-f", path)
        made = as_servers(own.state, *(["ln", "-s", victim] if kind == "link" else ["mkfifo"]), path)
        assert made.returncode == 0, made.stderr
    own.up()
    own.quickstart("--down")


@root_only
@pytest.mark.parametrize("program", ["sleep", "nginx"])
def test_down_ends_no_process_that_is_not_the_servers(first, program):
    """Even a mark that is right in everything: root's own process is not theirs to end."""
    bystander = subprocess.Popen(["sleep", "60"])
    mark = os.path.join(first.state, "marks", "worker-a1")
    try:
        forge_mark(first.state, "worker-a1", bystander.pid, program)
        code, said = run(first.state, "--down")
        assert code == 0, said
        assert bystander.poll() is None
        assert not os.path.exists(mark)
    finally:
        bystander.kill()
        bystander.wait()
        first.up()


@root_only
def test_a_servers_process_of_another_program_is_not_taken_for_it(first):
    with subprocess.Popen(["setpriv", f"--reuid={owner_of(first.state)}", "--clear-groups", "sleep", "60"]) as bystander:
        try:
            os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOHANG)
            forge_mark(first.state, "worker-a1", bystander.pid, "distcompute-worker")
            assert run(first.state, "--down")[0] == 0
            assert bystander.poll() is None
        finally:
            bystander.kill()
            first.up()


@root_only
def test_a_cluster_does_not_tell_root_which_program_to_run(own):
    own.quickstart("--down")
    path = os.path.join(own.state, "pg", "PG_VERSION")
    for version in ("../../../../tmp/evil", "a[$(touch /tmp/evil)]"):
        with open(path, "w") as f:
            f.write(version + "\n")
        code, said = run(own.state, "--empty")
        assert (code, "PG_VERSION" in said, "evil" in said) == (1, True, False)
    assert not os.path.exists("/tmp/evil")
    os.remove(path)
    os.symlink("/dev/zero", path)
    assert run(own.state, "--empty")[0] in (0, 1), "it comes to an end"


@root_only
def test_the_servers_do_not_get_roots_environment(own, monkeypatch):
    own.quickstart("--down")
    monkeypatch.setenv("SECRET_OF_ROOT", "tell nobody")
    monkeypatch.setenv("TRACKER_PAGE_CACHE", "3")
    own.up()
    for name in PIDS:
        with open(f"/proc/{own.read_status()[name]}/environ", "rb") as f:
            environment = f.read()
        assert b"SECRET_OF_ROOT" not in environment
        assert name != "tracker_pid" or b"TRACKER_PAGE_CACHE=3" in environment


@root_only
@pytest.mark.parametrize("option", ["--empty", "--down", "--purge", "--status"])
@pytest.mark.parametrize("how", ["another's", "everybody's", "in another's", "in everybody's"])
def test_a_folder_that_others_may_change_is_refused(how, option):
    base = tempfile.mkdtemp(prefix="dct-not-ours-", dir="/tmp")
    try:
        state = os.path.join(base, "state")
        os.mkdir(state)
        os.mkdir(os.path.join(state, "marks"))
        os.chmod(base, 0o755)
        folder = base if how.startswith("in") else state
        if "another" in how:
            os.chown(folder, 65534, 65534)
        else:
            os.chmod(folder, 0o777)
        code, said = run(state, option)
        assert code == 1
        assert "belongs to" in said or "others may write" in said or "may be written by others" in said
        assert os.listdir(state) == ["marks"]
    finally:
        shutil.rmtree(base)


def test_what_a_database_says_is_a_number_before_the_shell_computes_with_it(tmp_path):
    """Arithmetic of bash runs what stands in an index."""
    script = f"""
        source {ROOT}/bin/quickstart
        sql() {{ echo 'a[$(touch {tmp_path}/ran)]'; }}
        if left=$(demo_open) && ((left > 0)); then echo counted; fi
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert "counted" not in done.stdout
    assert not os.path.exists(tmp_path / "ran")


def test_it_names_itself_by_its_address(first):
    with open(first.config) as f:
        assert f"base_url = https://localhost:{first.https_port}\n" in f.read()


# ---- its functions alone: no server, and a process that sleeps for each

def in_quickstart(folder, script):
    """In a shell that has them, with what main() sets; exit code and what was said."""
    start = (f'source "{ROOT}/bin/quickstart"; set +e; STATE="{folder}" FILES=1024 RUN_AS=$(id -un) RUN_GROUP=$(id -gn);'
             ' choose_environment; mkdir -p "$STATE/marks"; ')
    done = subprocess.run(["bash", "-c", start + script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60)
    return done.returncode, done.stdout


def starts(*names):
    return "".join(f'start_detached {name} "$STATE/log" sleep 1000; ' for name in names)


EVERYTHING = ("worker-a1", "worker-a2", "worker-b1", "worker-b2", "nginx", "tracker", "redis", "postgres")


@pytest.fixture
def folder():
    """Its processes end with it, whatever a test has found."""
    path = tempfile.mkdtemp(prefix="dct-quickstart-")
    yield path
    in_quickstart(path, "for m in $(ls $STATE/marks); do p=$(pid_of $m) && kill -KILL $p; done")
    shutil.rmtree(path)


def running(folder):
    said = in_quickstart(folder, "for m in $(ls $STATE/marks); do pid_of $m >/dev/null && echo $m; done")[1]
    return set(said.split())


def test_down_ends_all_that_was_started_and_forgets_it(folder):
    in_quickstart(folder, starts(*EVERYTHING))
    assert running(folder) == set(EVERYTHING)
    assert in_quickstart(folder, "down") == (0, "")
    assert os.listdir(os.path.join(folder, "marks")) == []


def test_an_interrupt_ends_the_demos_workers_and_leaves_the_servers(folder):
    in_quickstart(folder, starts(*EVERYTHING))
    code, said = in_quickstart(folder, "interrupted")
    assert code == 130 and "run it again to continue" in said
    assert running(folder) == {"nginx", "tracker", "redis", "postgres"}


def test_who_does_not_end_when_asked_is_killed_and_that_is_said(folder):
    in_quickstart(folder, "start_detached redis \"$STATE/log\" bash -c 'trap : TERM; while :; do sleep 0.05; done'")
    assert running(folder) == {"redis"}
    assert in_quickstart(folder, "stop redis TERM 1") == (0, "quickstart: redis did not stop within 1 s, so it is killed\n")
    assert running(folder) == set()


@pytest.mark.parametrize("changed", ["the start", "the boot", "the program"])
def test_a_number_that_is_another_processs_by_now_is_left_alone(folder, changed):
    in_quickstart(folder, starts("redis"))
    mark = os.path.join(folder, "marks", "redis")
    with open(mark, encoding="utf-8") as f:
        was = f.read().split()
    words = list(was)
    words[{"the start": 1, "the boot": 2, "the program": 3}[changed]] = "1"
    with open(mark, "w", encoding="utf-8") as f:
        f.write(" ".join(words) + "\n")
    assert running(folder) == set()
    assert in_quickstart(folder, "down") == (0, "")
    assert process_is_alive(int(was[0]))
    with open(mark, "w", encoding="utf-8") as f:
        f.write(" ".join(was) + "\n")
    assert running(folder) == {"redis"}


def test_status_of_what_is_down_is_no_success(folder):
    os.makedirs(os.path.join(folder, "marks"))
    code, said = run(folder, "--status")
    assert code == 1 and "state=down" in said.split("\n") and "tracker_pid=" in said.split("\n")


def test_a_folder_of_somebody_elses_is_not_purged(folder):
    os.makedirs(os.path.join(folder, "marks"))
    with open(os.path.join(folder, "precious"), "w", encoding="utf-8"):
        pass
    code, said = run(folder, "--purge")
    assert code == 1 and "no folder of quickstart's" in said and os.path.exists(os.path.join(folder, "precious"))
    with open(os.path.join(folder, "quickstart.conf"), "w", encoding="utf-8"):
        pass
    assert run(folder, "--purge")[0] == 0 and not os.path.exists(folder)
    os.makedirs(folder)
