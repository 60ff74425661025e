"""
pair -- a primary, a synchronous standby that pg_basebackup made, and two pools behind one nginx.

The pools reach PostgreSQL through a relay a server, which can be a hole: connections stay, new ones are taken, and
nothing passes. The first server and pool are quickstart's; what is started besides is ended by stop().
"""
import asyncio
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import psycopg2

from crowd import Crowd
from stack import Stack, children_of, free_port, process_is_alive, program
from waiting import eventually


class Relay(threading.Thread):
    """From a TCP port to a unix socket."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.port = path, free_port()
        self._loop = asyncio.new_event_loop()
        self._writers = set()
        self._open = None
        self._ready = threading.Event()
        self.start()
        self._ready.wait()

    def run(self):
        asyncio.set_event_loop(self._loop)
        self._open = asyncio.Event()
        self._open.set()
        self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            await self._open.wait()
            to_reader, to_writer = await asyncio.open_unix_connection(self.path)
            self._writers.add(to_writer)
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))
        except OSError:
            writer.close()
        finally:
            self._writers.discard(writer)

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def hole(self, is_one):
        """When it is none any more, what was caught in it is cut off."""
        def change():
            if is_one:
                self._open.clear()
                return
            for writer in list(self._writers):
                writer.transport.abort()
            self._writers.clear()
            self._open.set()
        self._loop.call_soon_threadsafe(change)


class Node:
    """A PostgreSQL of the pair."""

    def __init__(self, stack, name, data, home):
        self.stack, self.name, self.data, self.home = stack, name, data, home
        self.relay = Relay(os.path.join(home, ".s.PGSQL.5432"))
        self.process = None

    @property
    def pid(self):
        with open(os.path.join(self.data, "postmaster.pid")) as f:
            return int(f.readline())

    def pids(self):
        pid = self.pid
        return [pid, *children_of(pid)]

    def conninfo(self, user="tracker"):
        return f"host={self.home} dbname=tracker user={user}"

    def sql(self, text):
        with contextlib.closing(psycopg2.connect(self.conninfo("postgres"))) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description else []

    def end(self, signum=signal.SIGKILL):
        """The server and all its processes; a frozen one too."""
        pids = self.pids()
        for pid in pids if signum == signal.SIGKILL else pids[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        if self.process is not None:
            self.process.wait(30)
        eventually(lambda: not any(map(process_is_alive, pids)), timeout_s=30, what=f"{self.name} ended")

    def freeze(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)


def ids_of(stack):
    """Who the servers run as, for subprocess."""
    owner = os.stat(os.path.join(stack.state, "pg"))
    return {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}


def tracker_of(stack, tracker, path, log, *flags):
    """A pool of this program with the stack's settings, on the socket `path`; once it takes calls."""
    log = os.path.join(stack.state, "log", log)
    known = os.path.getsize(log) if os.path.exists(log) else 0
    with open(log, "ab") as out:
        pool = subprocess.Popen([tracker, "--config", stack.config, f"--listen=unix:{path}", *flags], cwd="/", stdin=subprocess.DEVNULL,
                                stdout=out, stderr=out, start_new_session=True, **ids_of(stack))

    def is_ready():
        with open(log, encoding="utf-8") as f:
            f.seek(known)
            said = f.read()
        assert pool.poll() is None, said
        return "event=ready" in said
    eventually(is_ready, timeout_s=60, what="the pool is up")
    return pool


def second_pool_of(stack):
    """Another pool of the same settings, behind the same nginx."""
    path = os.path.join(stack.state, "run", "second.sock")
    pool = tracker_of(stack, program("distcompute-tracker"), path, "second.log")
    line = f"server unix:{stack.state}/run/tracker.sock"
    for name in glob.glob(os.path.join(stack.state, "**", "*.conf"), recursive=True):
        with open(name) as f:
            text = f.read()
        if line in text:
            with open(name, "w") as f:
                f.write(text.replace(f"{line};", f"{line} max_fails=0;\n\tserver unix:{path} max_fails=0;"))
    os.kill(stack.pid("nginx"), signal.SIGHUP)
    return pool


def postgres_bin(stack):
    """Where the programs of the running PostgreSQL are."""
    return os.path.dirname(os.path.realpath(f"/proc/{stack.pid('postgres')}/exe"))


class Pair(Stack):
    _redis_process = None  # once it was killed

    def start(self):
        super().start()
        self._begun = []
        self.ids = ids_of(self)
        self.bin = postgres_bin(self)
        self.primary = self._node("one", "pg", "run")
        self.standby = self._node("two", "pg2", "run2")
        self._make_standby()
        self._reach_both()
        self.second = second_pool_of(self)
        return self

    def _node(self, name, data, home):
        home = os.path.join(self.state, home)
        if not os.path.isdir(home):
            os.mkdir(home, 0o700)
            if self.ids:
                os.chown(home, self.ids["user"], self.ids["group"])
        return Node(self, name, os.path.join(self.state, data), home)

    @property
    def conninfo(self):
        return self.primary.conninfo() if getattr(self, "primary", None) else super().conninfo

    def _make_standby(self):
        """The standby anew, from the primary, which from then on commits nothing without it."""
        node = self.standby
        shutil.rmtree(node.data, ignore_errors=True)
        self.primary.sql("alter system reset synchronous_standby_names")
        self.primary.sql("select pg_reload_conf()")
        # Into the folder's parent, which belongs to root: so the folder is made first.
        os.mkdir(node.data, 0o700)
        if self.ids:
            os.chown(node.data, self.ids["user"], self.ids["group"])
        subprocess.run([os.path.join(self.bin, "pg_basebackup"), "-h", self.primary.home, "-U", "postgres", "-D", node.data,
                        "-R", "-X", "stream", "-c", "fast"], check=True, cwd="/", stdin=subprocess.DEVNULL, **self.ids)
        with open(os.path.join(self.state, "log", f"{node.name}.log"), "ab") as log:
            node.process = subprocess.Popen(
                [os.path.join(self.bin, "postgres"), "-D", node.data, "-c", f"unix_socket_directories={node.home}"],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.ids)
        self.primary.sql("alter system set synchronous_standby_names = '*'")
        self.primary.sql("select pg_reload_conf()")
        eventually(lambda: self.primary.sql("select 1 from pg_stat_replication where sync_state = 'sync'"), timeout_s=30,
                   what="the standby is synchronous")

    def promote(self):
        """The standby takes over; when it takes writes."""
        self.standby.sql("select pg_promote(true, 30)")
        eventually(lambda: self.standby.sql("select not pg_is_in_recovery()") == [(True,)], every_s=0.01, what="it is promoted")
        self.primary, self.standby = self.standby, self.primary
        self.forget_db()
        return time.monotonic()

    def renew(self):
        """What a test broke is whole again: both servers and the relays."""
        for node in (self.primary, self.standby):
            node.relay.hole(False)
        if not self._standby_is_well():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                self.standby.end()
            self._make_standby()

    def _standby_is_well(self):
        return bool(self.primary.sql("select 1 from pg_stat_replication where sync_state = 'sync'"))

    def _reach_both(self):
        """Both pools read one tracker.ini, which names the relays."""
        one, two = self.primary.relay.port, self.standby.relay.port
        with open(self.config) as f:
            text = f.read()
        with open(self.config, "w") as f:
            f.write(re.sub(r"(?m)^postgres *=.*$",
                           f"postgres = host=127.0.0.1,127.0.0.1 port={one},{two} dbname=tracker user=tracker", text))
        before = set(self.responders())
        os.kill(self.pid("tracker"), signal.SIGHUP)
        eventually(lambda: (now := set(self.responders())) and not now & before, timeout_s=40, what="the pool reads it")

    def begin(self, name, *args, **kwargs):
        """One of the programs, as a process that goes on."""
        kwargs = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **kwargs}
        process = subprocess.Popen([program(name), "--config", self.config, *args], stderr=subprocess.PIPE, **kwargs)
        self._begun.append(process)
        return process

    def end_programs(self):
        """What a test that failed has left at work."""
        while self._begun:
            process = self._begun.pop()
            process.kill()
            process.wait(20)

    def start_redis_again(self):
        """As quickstart does, which would look after the first PostgreSQL too, and that may be gone for good."""
        with open(os.path.join(self.state, "log", "redis.log"), "ab") as log:
            self._redis_process = subprocess.Popen(["redis-server", os.path.join(self.state, "redis.conf")], cwd=self.state,
                                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.ids)
        eventually(self.redis_is_up, what="Redis answers")

    def pools(self):
        """The processes of each pool, its master first."""
        return [[master, *children_of(master)] for master in (self.pid("tracker"), self.second.pid)]

    def keeper(self):
        """The PostgreSQL session that leads, or None."""
        rows = self.primary.sql("select l.pid from pg_locks l join pg_stat_activity a using (pid)"
                                " where l.locktype = 'advisory' and l.granted and a.application_name = 'tracker keeper'"
                                " and l.objid = (hashtext('tracker.keeper')::bigint & 4294967295)::oid")
        assert len(rows) <= 1, f"two keep: {rows}"
        return rows[0][0] if rows else None

    def stop(self):
        if self.state is not None and getattr(self, "primary", None):
            with contextlib.suppress(ProcessLookupError):
                for pid in [self.second.pid, *children_of(self.second.pid)]:
                    os.kill(pid, signal.SIGKILL)
            self.second.wait(30)
            for node in (self.primary, self.standby):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    node.end()
            if self._redis_process is not None:
                self._redis_process.terminate()
                self._redis_process.wait(30)
        super().stop()


class Fleet30(Crowd):
    """Thirty workers who go on until they are told to stop, and know when they heard what."""

    def __init__(self, stack):
        super().__init__(stack, 10**9)
        self.heard = []

    def begin(self):
        return self.start(v1=20, fleets=10, want=3)

    def _promise(self, stage, job, data):
        super()._promise(stage, job, data)
        self.heard.append(time.monotonic())

    def first_after(self, moment, timeout_s=40):
        """How long after the moment the next result was acknowledged."""
        return eventually(lambda: next((t for t in list(self.heard) if t > moment), None), timeout_s=timeout_s, every_s=0.01,
                          what="results are acknowledged again") - moment

    def longest_gap(self, since):
        times = [since, *sorted(t for t in self.heard if t > since)]
        return max((b - a for a, b in zip(times, times[1:])), default=0.0)

    def end(self):
        """No honest death; each acknowledged result is there, once; the laws hold."""
        self._stop.set()
        for thread in self._threads:
            thread.join(80)
        assert not any(t.is_alive() for t in self._threads), "a worker hangs"
        assert self.wrong == []
        stored = {("abcde"[stage - 1], job): data for stage, job, data in self.stack.sql("select stage, job, data from tracker.output")}
        lost = {k: (v, stored.get(k)) for k, v in self.promised.items() if stored.get(k) != v}
        assert lost == {}, f"{len(lost)} acknowledged results are not there: {list(lost.items())[:5]}"
        assert self.stack.broken_laws() == []
        return len(self.promised)
