"""A private PostgreSQL for the session, and an empty tracker in it for each test.

The server listens on a unix socket in a folder of its own, without fsync: nothing outlives the tests.
When a test fails, what the server said meanwhile is printed with it.
"""

import glob
import os
import shutil
import subprocess
import tempfile

import psycopg2
import pytest

from house import House

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def programs():
    """The folder of the newest installed initdb."""
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
        self.dir = tempfile.mkdtemp(prefix="tracker-sql-")
        self.log = os.path.join(self.dir, "log")
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
                    "log_min_messages = warning\n")
        self.ctl = lambda *verb: as_server(f"{bin_}/pg_ctl", "-D", data, "-l", self.log, "-w", *verb)
        self.ctl("start")

    def fill(self):
        c = self.connect("postgres")
        c.cursor().execute("create database tracker")
        c.close()
        c = self.connect()
        for folder in ("schema", "functions"):
            for path in sorted(glob.glob(os.path.join(ROOT, "sql", folder, "*.sql"))):
                with open(path) as f:
                    c.cursor().execute(f.read())
        c.close()

    def connect(self, dbname="tracker"):
        c = psycopg2.connect(host=self.dir, user="tracker", dbname=dbname)
        c.autocommit = True
        return c

    def said(self, since=0):
        with open(self.log, errors="replace") as f:
            f.seek(since)
            return f.read()

    def stop(self):
        self.ctl("-m", "immediate", "stop")
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def server():
    s = Server()
    try:
        s.fill()
        yield s
    finally:
        s.stop()


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
