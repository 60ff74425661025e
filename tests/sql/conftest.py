"""A private PostgreSQL for the session, and an empty tracker in it for each test.

The server listens on a unix socket in a folder of its own, without fsync: nothing outlives the tests.
When a test fails, what the server said meanwhile is printed with it.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import pytest

from house import House

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = os.environ.get("TEST_SQL_SERVER")  # a folder: its server is used, or made there, and left at work
CALLS = os.environ.get("TEST_SQL_CALLS")  # a file: which test calls which functions, see tests/mutants
FIRST = os.environ.get("TEST_SQL_FIRST")  # a file: the tests that are run, in their order
WHOLE = "whole"  # the database that a kept server copies for each run
COVERAGE = os.environ.get("TEST_SQL_COVERAGE")  # a file: what was run of each function, see tests/coverage
TEST_DEADLINE_S = int(os.environ.get("TEST_DEADLINE_S", "120"))


def programs():
    """The folder of the newest installed initdb, or the one that TEST_PG_BIN names."""
    if os.environ.get("TEST_PG_BIN"):
        return os.environ["TEST_PG_BIN"]
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if found:
        return os.path.dirname(found[-1])
    return os.path.dirname(shutil.which("initdb"))


def as_server(*command):
    """initdb and postgres refuse root."""
    if os.geteuid() == 0:
        command = ("runuser", "-u", "postgres", "--") + command
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


class Server:
    def __init__(self):
        self.dir = KEPT or tempfile.mkdtemp(prefix="tracker-sql-")
        self.log = os.path.join(self.dir, "log")
        if KEPT and os.path.exists(os.path.join(KEPT, "data", "postmaster.pid")):
            return
        os.makedirs(self.dir, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres")
        bin_ = programs()
        data = os.path.join(self.dir, "data")
        as_server(f"{bin_}/initdb", "-D", data, "-U", "tracker", "-A", "trust", "--no-sync",
                  "--locale=C.UTF-8", "-E", "UTF8")
        with open(os.path.join(data, "postgresql.conf"), "a") as f:
            f.write(f"listen_addresses = ''\nunix_socket_directories = '{self.dir}'\n"
                    "fsync = off\nfull_page_writes = off\njit = off\nmax_connections = 60\n"
                    "shared_buffers = 128MB\ndeadlock_timeout = 100ms\nautovacuum = off\n"
                    f"log_min_messages = warning\nstatement_timeout = '{TEST_DEADLINE_S}s'\n")
            if CALLS:
                f.write("track_functions = all\n")
            if COVERAGE:
                f.write("shared_preload_libraries = 'plpgsql,plpgsql_check'\nplpgsql_check.profiler = on\n")
        self.ctl = lambda *verb: as_server(f"{bin_}/pg_ctl", "-D", data, "-l", self.log, "-w", *verb)
        self.ctl("start")

    def fill(self, dbname="tracker", tree=ROOT):
        """
        A database with the tree's schema and functions in it. A server that is kept copies the one that it made before, and is
        told only what has changed of the functions since.
        """
        texts = {}
        for folder in ("schema", "functions"):
            for path in sorted(glob.glob(os.path.join(tree, "sql", folder, "*.sql"))):
                with open(path) as f:
                    texts[os.path.relpath(path, tree)] = f.read()
        made = self.made_before(texts) if KEPT and dbname == "tracker" else None
        self.create(dbname, f" template {WHOLE}" if made else "")
        self.tell(dbname, [text for path, text in texts.items() if not made or text != made[path]])
        if KEPT and dbname == "tracker" and not made:
            self.create(WHOLE, f" template {dbname}")
            with open(os.path.join(KEPT, WHOLE), "w") as f:
                json.dump(texts, f)

    def made_before(self, texts):
        """{path: text} of what WHOLE was made of; None when other migrations or files make it useless."""
        path = os.path.join(KEPT, WHOLE)
        if not os.path.exists(path):
            return None
        with open(path) as f:
            made = json.load(f)
        same = made.keys() == texts.keys() and all(made[p] == text for p, text in texts.items() if p.startswith("sql/schema/"))
        return made if same else None

    def create(self, dbname, how):
        c = self.connect("postgres")
        c.cursor().execute(f"drop database if exists {dbname} with (force)")
        c.cursor().execute(f"create database {dbname}{how}")
        c.close()

    def tell(self, dbname, texts):
        c = self.connect(dbname)
        cursor = c.cursor()
        # As migrate does it: a server may have been built without lz4.
        cursor.execute("select 'lz4' = any (enumvals) from pg_settings where name = 'default_toast_compression'")
        clause = "" if cursor.fetchone()[0] else " compression lz4"
        for text in texts:
            cursor.execute(text.replace(clause, "") if clause else text)
        c.close()

    def connect(self, dbname="tracker"):
        c = psycopg2.connect(host=self.dir, user="tracker", dbname=dbname)
        c.autocommit = True
        return c

    def said(self, since=0):
        if not os.path.exists(self.log):  # the last test of all failed in its teardown
            return ""
        with open(self.log, errors="replace") as f:
            f.seek(since)
            return f.read()

    def covered(self):
        """What was run of each function in PL/pgSQL: a line for each that was not run wholly."""
        c = self.connect().cursor()
        c.execute("create extension plpgsql_check")
        c.execute("select p.proname::text, 100 * plpgsql_coverage_statements(p.oid)::float8,"
                  " 100 * plpgsql_coverage_branches(p.oid)::float8 from pg_proc p"
                  " join pg_language l on l.oid = p.prolang"
                  " where p.pronamespace = 'tracker'::regnamespace and l.lanname = 'plpgsql' order by 1")
        functions = c.fetchall()
        yield f"SQL: {len(functions)} functions in PL/pgSQL; not wholly run: statements, branches, lines"
        for name, statements, branches in functions:
            if min(statements, branches) < 100:
                c.execute("select lineno from plpgsql_profiler_function_statements_tb("
                          "(select oid from pg_proc where proname = %s and pronamespace = 'tracker'::regnamespace))"
                          " where exec_stmts = 0 order by 1", (name,))
                lines = " ".join(str(n) for n in sorted({n for n, in c.fetchall()}))
                yield f"  {name:28} {statements:5.1f}% {branches:5.1f}%  {lines}"

    def stop(self):
        if KEPT:
            return
        self.ctl("-m", "immediate", "stop")
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def server():
    s = Server()
    try:
        s.fill()
        yield s
        if COVERAGE:
            with open(COVERAGE, "w") as f:
                f.writelines(f"{line}\n" for line in s.covered())
    finally:
        s.stop()


called = {}  # test: [seconds, [function, ...]]


def learn_calls(connection, test):
    """What was called since this was last asked; what other connections called may be told of later."""
    cursor = connection.cursor()
    cursor.execute("select pg_stat_force_next_flush()")
    cursor.execute("select array_agg(distinct funcname) from pg_stat_user_functions where schemaname = 'tracker'"
                   " and calls > 0")
    called.setdefault(test, [0, []])[1] = cursor.fetchone()[0] or []
    cursor.execute("select pg_stat_reset()")


def pytest_runtest_logreport(report):
    if report.when == "call":
        called.setdefault(report.nodeid, [0, []])[0] = report.duration


def pytest_sessionfinish(session):
    if CALLS:
        with open(CALLS, "w", encoding="utf-8") as f:
            json.dump(called, f)


def pytest_collection_modifyitems(items):
    if FIRST:
        with open(FIRST, encoding="utf-8") as f:
            place = {test: n for n, test in enumerate(json.load(f))}
        of = {item: place.get(item.nodeid, place.get(item.nodeid.split("[")[0])) for item in items}
        items[:] = sorted((item for item in items if of[item] is not None), key=of.get)


def wait_for_the_day(first_s=240, last_s=20):
    """Tests let minutes pass and count what is today's: not in a day's first minutes (UTC), nor in its last seconds."""
    past = time.time() % 86400
    if past > 86400 - last_s:
        time.sleep(86400 - past + first_s)
    elif past < first_s:
        time.sleep(first_s - past)


@pytest.fixture(autouse=True)
def _deadline():
    """No test hangs the suite: past the deadline it fails where it stands, and PostgreSQL's statement with it."""
    wait_for_the_day()
    def ring(signum, frame):
        raise TimeoutError(f"test ran longer than {TEST_DEADLINE_S} s")
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(TEST_DEADLINE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def house(server, request):
    """An empty tracker with the stages A and B; the laws must hold after each test."""
    request.node.server = server
    request.node.said_before = os.path.getsize(server.log)
    c = server.connect()
    h = House(c)
    h.empty()
    h.settle("Extract", "Filter")
    yield h
    if CALLS:
        learn_calls(c, request.node.nodeid)
    broken = h.broken_laws() if h.lawful else []
    c.close()
    assert broken == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    server = getattr(item, "server", None)
    if report.failed and server is not None:
        said = server.said(item.said_before)
        report.sections.append(("PostgreSQL said", said or "nothing"))
