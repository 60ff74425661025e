"""PgBouncer between the tracker and PostgreSQL: in session mode it works, in the others it is refused in words."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

from client import Client, Fleet, which
from stack import Stack, free_port
from waiting import eventually

pytestmark = pytest.mark.skipif(not shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin"), reason="no PgBouncer here")


class Pooler:
    def __init__(self, stack, folder, mode, **more):
        self.folder, self.port = folder, free_port()
        lines = {"listen_addr": "127.0.0.1", "listen_port": self.port, "auth_type": "any", "pool_mode": mode, "unix_socket_dir": "",
                 "default_pool_size": 40, "logfile": folder / "log", **more}
        path = folder / "pgbouncer.ini"
        path.write_text(f"[databases]\ntracker = host={stack.state}/run dbname=tracker user=tracker\n[pgbouncer]\n"
                        + "".join(f"{key} = {value}\n" for key, value in lines.items()))
        as_who = []
        if os.geteuid() == 0:  # which PgBouncer refuses to run as: the servers' user may open their sockets
            who = os.stat(os.path.join(stack.state, "run"))
            os.chown(folder, who.st_uid, who.st_gid)
            as_who = ["setpriv", f"--reuid={who.st_uid}", f"--regid={who.st_gid}", "--clear-groups"]
        self.process = subprocess.Popen([*as_who, shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin"), "-q", str(path)],
                                        stdin=subprocess.DEVNULL)
        eventually(self.listens, what="PgBouncer listens")

    def listens(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def conninfo(self):
        return f"host=127.0.0.1 port={self.port} dbname=tracker user=tracker"

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def pooled():
    """A way to make a pooler in front of a stack; all of them are stopped in the end."""
    made = []

    def make(stack, mode, **more):
        made.append(Pooler(stack, pathlib.Path(tempfile.mkdtemp(prefix="dct-pooler-", dir="/tmp")), mode, **more))
        return made[-1]

    yield make
    for pooler in made:
        pooler.stop()
        shutil.rmtree(pooler.folder)


@pytest.mark.parametrize("mode,more", [("transaction", {}), ("statement", {}), ("transaction", {"server_round_robin": 1}),
                                       ("transaction", {"default_pool_size": 1})])
def test_a_pooler_that_lends_for_less_than_a_session_is_refused_at_start(fresh, pooled, tmp_path, mode, more):
    flag = f"--postgres={pooled(fresh, mode, **more).conninfo}"
    for name, words in (("distcompute-tracker", [f"--listen=unix:{tmp_path}/socket"]), ("distcompute-admin", ["status"]),
                        ("distcompute-admin", ["migrate"]), ("distcompute-load", ["--txt", os.devnull])):
        done = fresh.run(name, flag, *words, check=False)
        said = done.stdout + done.stderr
        assert done.returncode != 0 and "pool_mode = session" in said, (name, words, said)


def test_a_pooler_in_session_mode_is_one_wire_more(pooled):
    stack = Stack("pooled", {"project": "Test Project", "stage_a": "Extract", "stage_b": "Filter", "processes": 2})
    stack.start()
    try:
        pooler = pooled(stack, "session")
        stack.quickstart("--down")
        stack.write_settings({**stack.settings, "postgres": pooler.conninfo})
        stack.up()
        with open(stack.config) as config:
            assert f"port={pooler.port}" in config.read()
        stack.load([f"job {i}" for i in range(60)])
        w, f = Client(stack), Fleet(stack)
        for _ in range(10):
            w.get_job()
            w.complete("r")
        f.sync(done=[{**which(j), "data": "r"} for j in f.take(50)])
        assert stack.counts()["a"]["done"] == 60
        assert len(stack.run("distcompute-export", "--stage", "a").stdout.splitlines()) == 60
        assert stack.broken_laws() == []
    finally:
        stack.stop()
