"""Private stacks to be measured: the tracker's own, and a no-op behind a copy of its nginx."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


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


def wait_for(what, is_true, limit_s=30):
    end = time.monotonic() + limit_s
    while not is_true():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s} s in vain for {what}")
        time.sleep(0.05)


def connects(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def as_user(status, command):
    """The command as the user that quickstart runs its servers as, with as many descriptors."""
    if os.geteuid() == 0:
        user = status["user"]
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]
    return ["bash", "-c", 'ulimit -n $(ulimit -Hn); exec "$@"', "bash", *command]


class Stack:
    """A tracker with its PostgreSQL, Redis and nginx, started by bin/quickstart."""

    def __init__(self, state, **settings):
        self.state = state
        os.makedirs(state, exist_ok=True)
        os.chmod(state, 0o755)
        self.http, self.https = free_port(), free_port()
        # All workers come from one address.
        ini = {"stage_a": "Extract", "stage_b": "Filter", "newcomers_most": "1000000", **settings}
        self.ini_given = os.path.join(state, "bench.ini")
        with open(self.ini_given, "w") as f:
            f.write("[tracker]\n" + "".join(f"{k} = {v}\n" for k, v in ini.items()))
        self.quickstart("--empty", "--https", str(self.https), "--http", str(self.http),
                        "--tracker-ini", self.ini_given)
        self.status = dict(line.split("=", 1) for line in
                           self.quickstart("--status").splitlines() if "=" in line)
        self.conninfo = self.status["postgres"]
        wait_for("the tracker", self.answers)

    def quickstart(self, *args):
        r = subprocess.run([os.path.join(ROOT, "bin/quickstart"), "--state", self.state, *args],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode != 0:
            raise SystemExit(f"bench: quickstart {' '.join(args)}:\n{r.stdout[-3000:]}")
        return r.stdout

    def answers(self):
        r = subprocess.run(["curl", "-sf", f"http://127.0.0.1:{self.http}/api/jobCount?stage=a"],
                           stdout=subprocess.PIPE, text=True)
        return r.returncode == 0 and r.stdout.strip().isdigit()

    def program(self, name, *args, **more):
        """One of ours, on this stack; its largest resident set in MiB, its seconds."""
        began = time.monotonic()
        p = subprocess.Popen([os.path.join(self.status["bin"], name), "--config",
                              self.status["config"], *args],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **more)
        said = p.stderr.read()
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode != 0:
            raise SystemExit(f"bench: {name} {' '.join(args)}: {said[-2000:]}")
        return used.ru_maxrss / 1024, time.monotonic() - began

    def setting(self, name):
        """What the tracker says that it runs with."""
        r = subprocess.run([os.path.join(self.status["bin"], "distcompute-tracker"), "--config",
                            self.status["config"], "--print-config"], stdout=subprocess.PIPE,
                           text=True, check=True)
        return next(line.split("=", 1)[1].strip() for line in r.stdout.splitlines()
                    if line.split("=", 1)[0].strip() == name)

    def load(self, count, append=False):
        """That many jobs, numbered texts of some 50 bytes."""
        lines = subprocess.Popen(["seq", "-f", "https://example.org/archive/part-%.0f.tar.gz",
                                  str(count)], stdout=subprocess.PIPE)
        result = self.program("distcompute-load", "--txt", "-",
                              *(["--append"] if append else []), stdin=lines.stdout)
        lines.stdout.close()
        lines.wait()
        return result

    def open_jobs(self):
        """Of stage A: not handed out yet."""
        return int(self.sql("select coalesce(sum(jobs), 0) from tracker.count_ahead()")[0][0])

    def sql(self, text, user="tracker"):
        """Rows as lists of texts."""
        r = subprocess.run(["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
                            self.conninfo.replace("user=tracker", f"user={user}")],
                           input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if r.returncode != 0:
            raise SystemExit(f"bench: {r.stderr[-2000:]}\n{text[:500]}")
        return [line.split("\t") for line in r.stdout.splitlines()]

    def check_laws(self):
        """The conservation laws, counted from the tables; the broken ones."""
        return self.sql("select * from tracker.check_laws()")

    def check_journal(self, *files):
        """How many acknowledged results are not in the database as they were sent."""
        copies = "".join(f"\\copy said from '{f}'\n" for f in files)
        return int(self.sql(f"""
            create temp table said (stage text, job bigint, data text);
            {copies}
            select count(*) from said left join tracker.output o
            on o.job = said.job and o.stage = ascii(said.stage) - 96 and o.data = said.data
            where o.job is null;""")[-1][0])

    def watch(self):
        """drive's flags that count what each server costs."""
        flags = []
        for name in ("nginx", "tracker", "postgres", "redis"):
            pid = self.status.get(f"{name}_pid", "")
            if pid.isdigit():
                flags += ["--watch", f"{name}={pid}"]
        return flags

    def stop(self):
        self.quickstart("--down")


class Noop:
    """A no-op behind the same nginx configuration as a stack's. WAYS: libfcgi's loop, a connection a
    request (which needs keep_conn off, or its few threads would each hang on one idle peer), closed
    quickly or as libfcgi closes by itself; or at the tracker's gate, with connections kept."""

    WAYS = {"noop": [], "untouched": ["--untouched"], "gate": ["--gate"]}

    def __init__(self, build, stack, state, way):
        self.build, self.stack, self.state, self.way = build, stack, state, way
        # As many processes and threads as the pool has: where others want the cores too, each
        # thread gets a share of them.
        self.shape = [stack.setting(name) for name in ("processes", "acceptors")]
        self.http, self.https = free_port(), free_port()
        self.responder = None
        for folder in ("nginx", "tls"):
            source = os.path.join(stack.state, folder)
            if os.path.isdir(source):
                shutil.copytree(source, os.path.join(state, folder), symlinks=True,
                                ignore=shutil.ignore_patterns("tmp", "cache"))
        for folder in ("run", "log"):
            os.makedirs(os.path.join(state, folder), exist_ok=True)
        self.rewrite()
        for folder in ("tmp", "cache"):
            os.makedirs(os.path.join(state, "nginx", folder), exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rwX", state], check=True)
        self.answer({})
        conf = os.path.join(state, "nginx", "nginx.conf")
        self.nginx = subprocess.Popen(as_user(stack.status, [
            "nginx", "-p", state, "-e", state + "/log/nginx.log", "-c", conf]))
        wait_for("the no-op's nginx", lambda: connects(self.http))

    def rewrite(self):
        """The stack's nginx files with this folder, these ports and this way to the responder."""
        for folder, _, names in os.walk(os.path.join(self.state, "nginx")):
            for name in names:
                path = os.path.join(folder, name)
                with open(path) as f:
                    text = f.read()
                for old, new in ((self.stack.state, self.state),
                                 (f":{self.stack.http}", f":{self.http}"),
                                 (f":{self.stack.https}", f":{self.https}"),
                                 (f" {self.stack.http}", f" {self.http}"),
                                 (f" {self.stack.https}", f" {self.https}")):
                    text = text.replace(old, new)
                if self.way != "gate":
                    text = text.replace("fastcgi_keep_conn on", "fastcgi_keep_conn off")
                with open(path, "w") as f:
                    f.write(text)

    def answer(self, bytes_of):
        """From now on that many bytes for each path (the tracker's own answers were as long)."""
        if self.responder is not None:
            self.responder.terminate()
            self.responder.wait()
        flags = []
        for path, count in bytes_of.items():
            flags += ["--bytes", f"{path}={count}"]
        self.responder = subprocess.Popen(
            [os.path.join(self.build, "tests/bench/noop"), *self.WAYS[self.way], "--listen",
             os.path.join(self.state, "run", "tracker.sock"), "--processes", str(self.shape[0]),
             "--threads", str(self.shape[1]), "--bytes", "6", *flags], stdout=subprocess.PIPE)
        self.responder.stdout.readline()

    def watch(self):
        return ["--watch", f"nginx={self.nginx.pid}", "--watch", f"noop={self.responder.pid}"]

    def stop(self):
        for p in (self.responder, self.nginx):
            p.send_signal(signal.SIGTERM)
            p.wait()
