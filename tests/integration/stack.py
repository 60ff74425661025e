"""
stack -- one private PostgreSQL + Redis + nginx + tracker, started by bin/quickstart.

Tests see it from outside: over HTTPS with the certificate that quickstart made, by the programs,
and, for what no call can show, by SQL. Nothing here signals a process that it did not start.

Environment   TEST_BUILD_DIR  the build under test (default: build/ in the checkout)
              TEST_STATE      keep the state folders in here, instead of in a temporary place
"""
import contextlib
import glob
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import psycopg2
import redis

from waiting import eventually

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TEST_BUILD_DIR", os.path.join(ROOT, "build")))
HOST = "localhost"


def free_port():
    """Below the range from which the kernel takes the near end of connections: one of them may come between."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def program(name):
    return os.path.join(BUILD, name)


def is_sanitized():
    """A sanitizer's heap keeps what is freed: what a process takes in memory says nothing then."""
    with open(program("distcompute-tracker"), "rb") as f:
        return b"__asan_init" in f.read()


def process_is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid):
    out = set()
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(path) as f:
                out.update(int(child) for child in f.read().split())
    return sorted(out)


class Stack:
    """A stack with the given tracker settings; start() and stop() own its processes and folder."""

    def __init__(self, name, settings):
        self.name = name
        self.settings = dict(settings)
        self.state = None
        self._kept = False
        self._values = {}
        self._marks = {}
        self._db = None
        self._redis = None

    # --- life -----------------------------------------------------------------------------

    def start(self):
        base = os.environ.get("TEST_STATE")
        if base:
            self.state = os.path.join(base, self.name)
            self._kept = True
            os.makedirs(self.state, exist_ok=True)
        else:
            self.state = tempfile.mkdtemp(prefix=f"dct-{self.name}-", dir="/tmp")
        os.chmod(self.state, 0o755)
        self.ini = os.path.join(self.state, "given.ini")
        self.https_port, self.http_port = free_port(), free_port()
        self.write_settings(self.settings)
        self.up()
        self.hurry_postgres()
        return self

    def hurry_postgres(self):
        """Nothing here outlives the machine: processes are killed, the power never fails."""
        with contextlib.closing(psycopg2.connect(f"host={self.state}/run dbname=postgres user=postgres")) as admin:
            admin.autocommit = True
            with admin.cursor() as cursor:
                cursor.execute("alter system set fsync = off")
                cursor.execute("select pg_reload_conf()")

    def write_settings(self, settings):
        with open(self.ini, "w") as f:
            f.write("[tracker]\n")
            for key, value in settings.items():
                f.write(f"{key} = {value}\n")
        os.chmod(self.ini, 0o644)

    def up(self):
        """Starts whatever of the stack is down; quickstart run again is harmless."""
        self.quickstart("--empty", "--https", str(self.https_port), "--http", str(self.http_port),
                        "--tracker-ini", self.ini)
        self.read_status()

    def mend(self):
        """Starts it anew where a test left it broken."""
        if self.read_status().get("state") != "up":
            self.up()

    def quickstart(self, *args, check=True):
        # --build names the build under test; without it quickstart builds in build/.
        if "TEST_BUILD_DIR" in os.environ and "--tracker-ini" in args:
            args = ["--build", BUILD, *args]
        done = subprocess.run([os.path.join(ROOT, "bin", "quickstart"), "--state", self.state, *args],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120)
        if check and done.returncode != 0:
            raise RuntimeError(f"quickstart {' '.join(args)}: exit {done.returncode}\n{done.stdout}\n{self.logs()}")
        return done.stdout

    def read_status(self):
        lines = self.quickstart("--status", check=False).splitlines()
        self._values = dict(line.split("=", 1) for line in lines if "=" in line)
        return self._values

    def stop(self):
        self.forget_db()
        if self.state is None:
            return
        self.quickstart("--down", check=False)
        said = self.sanitizer_reports()
        if not self._kept:
            shutil.rmtree(self.state, ignore_errors=True)
        self.state = None
        assert not said, f"stack {self.name}: the sanitizers found\n{said}"

    def sanitizer_reports(self):
        """What a build with sanitizers said from first to last; empty for other builds."""
        text = self.tracker_log()
        found = re.search(r"^.*(ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:).*$", text, re.M)
        return text[found.start():found.start() + 8000] if found else ""

    def mark_logs(self):
        """From here on, logs() tells what is new."""
        self._marks = {path: os.path.getsize(path) for path in self._log_files()}

    def _log_files(self):
        return sorted(glob.glob(os.path.join(self.state, "log", "*.log"))) if self.state else []

    def logs(self, lines=40):
        """The tails of what the servers said since mark_logs, for a failure's report."""
        said = []
        for path in self._log_files():
            with open(path, errors="replace") as f:
                f.seek(self._marks.get(path, 0))
                tail = f.readlines()[-lines:]
            if tail:
                said.append(f"--- {self.name}: {os.path.basename(path)}\n{''.join(tail)}")
        return "\n".join(said)

    def tracker_log(self):
        path = os.path.join(self.state, "log", "tracker.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()

    # --- where things are -----------------------------------------------------------------

    @property
    def url(self):
        return f"https://{HOST}:{self.https_port}"

    @property
    def plain_url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def certificate(self):
        return os.path.join(self.state, "tls", "cert.pem")

    @property
    def config(self):
        return os.path.join(self.state, "tracker.ini")

    @property
    def conninfo(self):
        return f"host={self.state}/run dbname=tracker user=tracker"

    def pid(self, of):
        return int(self._values[f"{of}_pid"])

    def responders(self):
        """The processes of the pool, the master not among them."""
        return children_of(self.pid("tracker"))

    # --- programs -------------------------------------------------------------------------

    def installed(self, name):
        return os.path.join(self._values["bin"], name)

    def run(self, name, *args, check=True, stdin=None, timeout_s=60, config=True):
        """One of the programs against this stack; returns the finished process with its texts."""
        argv = [self.installed(name)]
        if config:
            argv += ["--config", self.config]
        done = subprocess.run([*argv, *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=timeout_s, text=not isinstance(stdin, bytes))
        if check:
            assert done.returncode == 0, f"{name} {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def load(self, jobs, append=False):
        """Makes the tracker anew with these jobs, or adds them with append."""
        if not append:
            self.empty()
        if jobs:
            self.run("distcompute-load", *(["--append"] if append else []), "--json", "-", stdin=json.dumps(jobs))

    def empty(self):
        """As on the first day: also the people and workers go, whom a --reset would keep."""
        self.sql("do $$ begin"
                 " perform tracker.reset_jobs(30);"
                 " delete from tracker.worker; delete from tracker.person; delete from tracker.audit;"
                 " delete from tracker.gate; delete from tracker.network;"
                 " update tracker.stage set paused = false, line = line;"
                 " end $$")
        if self.redis_is_up():
            self.redis.flushall()

    # --- the database ---------------------------------------------------------------------

    @property
    def db(self):
        if self._db is None or self._db.closed:
            # A statement that hangs would hold the test beyond its deadline: no signal reaches it in there.
            self._db = psycopg2.connect(self.conninfo, options="-c statement_timeout=60s")
            self._db.autocommit = True
        return self._db

    def forget_db(self):
        """The next statement is on a connection of its own: what is set for the database has changed."""
        if self._db is not None:
            self._db.close()
        self._db = None

    def sql(self, text, *args):
        """All rows of one statement; the connection is made anew when the server went away."""
        for last in (False, False, True):
            try:
                with self.db.cursor() as cursor:
                    cursor.execute(text, args or None)
                    return cursor.fetchall() if cursor.description is not None else []
            except psycopg2.errors.DeadlockDetected:
                if last:
                    raise
            except psycopg2.Error as error:
                if last or error.pgcode:  # a code: the server itself refuses; none: it went away
                    raise
                self._db = None

    def one(self, text, *args):
        rows = self.sql(text, *args)
        assert len(rows) == 1, rows
        return rows[0][0] if len(rows[0]) == 1 else rows[0]

    def broken_laws(self):
        return self.sql("select * from tracker.check_laws()")

    def counts(self):
        """{'A': {'ready': ..., 'leased': ..., 'done': ..., 'failed': ...}, ...}"""
        with self.db.cursor() as cursor:
            cursor.execute("select * from tracker.read_counts()")
            names = [c.name for c in cursor.description]
            rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        return {str(row["letter"]).strip().lower(): row for row in rows}

    def credit(self):
        """{nickname: results that count for this person}: what is folded and what is not yet."""
        return dict(self.sql(
            "select p.nickname, (p.done - p.withdrawn + coalesce(sum(c.done - c.withdrawn), 0))::int"
            " from tracker.person p left join tracker.credit c on c.person = p.id group by p.id"))

    @property
    def redis(self):
        if self._redis is None:
            self._redis = redis.Redis(unix_socket_path=os.path.join(self.state, "run", "redis.sock"),
                                      decode_responses=True)
        return self._redis

    # --- breaking things ------------------------------------------------------------------

    def kill(self, server, signum):
        """Ends one of the servers and waits until it is gone."""
        pid = self.pid(server)
        os.kill(pid, signum)
        eventually(lambda: not process_is_alive(pid), timeout_s=30, what=f"{server} ended")

    def kill_tracker(self):
        """The whole pool at once, as if the machine had crashed."""
        pids = [self.pid("tracker"), *self.responders()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(process_is_alive(pid) for pid in pids), timeout_s=30, what="the pool is gone")

    def stop_postgres(self, at_once=False):
        """At once is as if the machine had crashed: no checkpoint, recovery at the start."""
        self.kill("postgres", signal.SIGQUIT if at_once else signal.SIGINT)

    def start_postgres(self):
        self.up()

    def stop_redis(self):
        self.kill("redis", signal.SIGTERM)

    def start_redis(self):
        self.up()
        eventually(self.redis_is_up, what="Redis answers")

    def redis_is_up(self):
        try:
            return self.redis.ping()
        except redis.exceptions.ConnectionError:
            return False
