"""
Two hosts behind the balancer's files, upgraded one after the other under load, with a migration: from the commit that
tests/oldest-beside names to this tree. No call is refused, none dies, nothing acknowledged is lost.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from crowd import Crowd  # noqa: E402
from earlier import unpack  # noqa: E402
from pair import tracker_of  # noqa: E402
from stack import ROOT, Stack, program  # noqa: E402
from test_edge import Site  # noqa: E402
from waiting import eventually  # noqa: E402

SETTINGS = {"project": "Rolling", "stage_a": "Extract", "stage_b": "Filter", "processes": 2, "retry_backoff": 1}
HOST = """server {{
	listen 127.0.0.1:{port};
	server_name tracker.example.org;
	set_real_ip_from 127.0.0.1;
	real_ip_header X-Forwarded-For;
	include snippets/tracker-locations.conf;
}}
"""


class Earlier(Stack):
    """A stack of an earlier tree, with its programs and by its own quickstart."""

    def __init__(self, tree):
        super().__init__("rolling", SETTINGS)
        self.tree = tree

    def empty(self):
        """It was made just now, and has other tables than this tree."""

    def quickstart(self, *args, check=True):
        if "--tracker-ini" in args:
            args = ["--build", os.path.join(self.tree, "build"), *args]
        done = subprocess.run([os.path.join(self.tree, "bin", "quickstart"), "--state", self.state, *args], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
        assert done.returncode == 0 or not check, done.stdout
        return done.stdout


class Host:
    """An nginx and a tracker, with the files of nginx/; the first one's tracker is quickstart's."""

    def __init__(self, stack, name):
        self.stack, self.name, self.process = stack, name, None
        self.socket = os.path.join(stack.state, "run", f"{name}.sock")
        self.site = Site(stack).install()
        self.port = self.site.plain
        with open(os.path.join(self.site.dir, "sites-enabled", "host.conf"), "w") as f:
            f.write(HOST.format(port=self.port))
        path = os.path.join(self.site.dir, "conf.d", "tracker.conf")
        with open(path) as f:
            text = f.read()
        assert "/run/tracker.sock" in text
        with open(path, "w") as f:
            f.write(text.replace("/run/tracker.sock", f"/run/{name}.sock"))

    def start(self, tracker, *flags):
        self.process = tracker_of(self.stack, tracker, self.socket, f"{self.name}.log", *flags)
        if self.site.process is None:
            self.site.start(self.port)

    def stop(self):
        """As systemctl stop."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


class Balancer(Site):
    def __init__(self, stack, hosts):
        super().__init__(stack)
        self.install("tracker-balancer.conf")
        self.hosts = hosts
        self.say_hosts(())
        self.start(self.tls)

    def say_hosts(self, down):
        path = os.path.join(self.dir, "sites-enabled", "tracker-balancer.conf")
        with open(path) as f:
            text = f.read()
        lines = "".join(f"\tserver 127.0.0.1:{h.port} max_fails=2 fail_timeout=2s{' down' if h in down else ''};\n" for h in self.hosts)
        text = re.sub(r"(?:\tserver (?:192\.0\.2|127\.0\.0)\.\S+ max_fails.*\n)+", lines, text, count=1)
        assert lines in text
        with open(path, "w") as f:
            f.write(text)

    def take_out(self, *down):
        """`down` behind its address, and a reload; its new processes know when they serve."""
        self.say_hosts(down)
        os.kill(self.master(), signal.SIGHUP)
        time.sleep(1)

    def master(self):
        with open(os.path.join(self.dir, "run", "nginx.pid")) as f:
            return int(f.read())


@pytest.fixture(scope="module")
def tree():
    """The earlier tree, built where the servers' user can read it."""
    place = tempfile.mkdtemp(prefix="dct-earlier-", dir="/tmp")
    os.chmod(place, 0o755)
    try:
        folder = unpack(os.path.join(place, "tree"))
        os.mkdir(os.path.join(folder, "build"))
        done = subprocess.run("./autogen.sh && cd build && ../configure --quiet && make --silent -j2 && chmod -R a+rX ../..", shell=True,
                              cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:]
        yield folder
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def earlier(tree):
    stack = Earlier(tree)
    try:
        yield stack.start()
    finally:
        stack.stop()


def next_version(folder):
    """This tree's SQL and a migration more, so that there is one whatever lies between the two commits."""
    shutil.copytree(os.path.join(ROOT, "sql"), folder)
    with open(os.path.join(folder, "schema", "999_next.sql"), "w") as f:
        f.write("alter table tracker.worker add column next_version int;")
    for path, folders, files in os.walk(folder):
        for name in (path, *(os.path.join(path, n) for n in folders + files)):
            os.chmod(name, 0o755)
    return str(folder)


def test_two_hosts_are_upgraded_one_after_the_other_and_no_call_is_refused(earlier, tree):
    sql_dir = next_version(os.path.join(os.path.dirname(tree), "next-sql"))
    new = [f"--sql-dir={sql_dir}", f"--templates-dir={ROOT}/templates"]
    hosts = [Host(earlier, "one"), Host(earlier, "two")]
    balancer = crowd = None
    try:
        for host in hosts:
            host.start(os.path.join(tree, "build", "distcompute-tracker"))
        balancer = Balancer(earlier, hosts)
        earlier.https_port = balancer.tls
        jobs = 4000
        earlier.load([str(i) for i in range(jobs)])
        crowd = Crowd(earlier, jobs, keep_alive=False).start(v1=10, fleets=6, want=2)
        crowd.wait_for("a", 100)
        began = crowd.promised_at("a")

        # bin/doc/operate.md: migrate once, then host by host.
        said = subprocess.run([program("distcompute-admin"), "--config", earlier.config, *new[:1], "migrate"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100, check=False)
        assert said.returncode == 0 and "999_next.sql" in said.stdout, said.stdout
        # A load of before, whose jobs would be in no batch, hears why not, and nothing of it is left.
        late = earlier.run("distcompute-load", "--append", "--json", "-", stdin='["late"]', check=False)
        assert late.returncode == 1 and "the database is newer than this program" in late.stderr, late.stderr
        assert earlier.one("select max(number) from tracker.job") == jobs
        crowd.wait_for("a", crowd.promised_at("a") + 100)  # by the two of before
        for host in hosts:
            balancer.take_out(host)
            host.stop()
            host.start(program("distcompute-tracker"), *new)
            balancer.take_out()
            crowd.wait_for("a", crowd.promised_at("a") + 100)  # one of before and one of now, then two of now
        assert crowd.promised_at("a") < jobs, f"over too soon to be under load: {began} at its begin"
        crowd.finish(timeout_s=200)
        assert (crowd.unavailable, crowd.dropped, crowd.resent) == ([], 0, 0)
    finally:
        if crowd is not None:
            crowd.stop()
        for host in hosts:
            host.stop()
        for site in (balancer, *(h.site for h in hosts)):
            if site is not None:
                site.stop()
