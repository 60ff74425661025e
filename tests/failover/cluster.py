"""
cluster -- three PostgreSQL hosts under Patroni and etcd, two Redis, HAProxy, and two pools behind one nginx: started from
the very files that are installed for that, bin/deploy/, with their addresses moved to this machine's loopback.

Quickstart's own PostgreSQL and Redis go on beside them, and nobody asks them any more. All that is started here is ended
by stop().
"""
import contextlib
import os
import re
import signal
import subprocess

import psycopg2
import redis
import requests
import yaml

from pair import ids_of, postgres_bin, second_pool_of
from stack import ROOT, Stack, children_of, free_port, process_is_alive
from waiting import eventually

HOSTS = {"postgres1": 21, "postgres2": 22, "postgres3": 23}
REDISES = {"redis1": 31, "redis2": 32}
PASSWORD = "CHANGE-ME"  # as the files say


def descendants(pid):
    return [pid, *(d for child in children_of(pid) for d in descendants(child))]


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


class Deployed:
    """The installed files, for addresses of this cluster's own."""

    def __init__(self):
        self.net = f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}."
        self.postgres_port, self.redis_port = free_port(), free_port()

    def text(self, name):
        with open(os.path.join(ROOT, "bin", "deploy", name), encoding="utf-8") as f:
            text = f.read()
        text = text.replace("192.0.2.0/24", "127.0.0.0/8").replace("192.0.2.", self.net)
        return text.replace("127.0.0.1:5000", f"127.0.0.1:{self.postgres_port}").replace(
            "127.0.0.1:6380", f"127.0.0.1:{self.redis_port}")

    def etcd(self, name):
        """The environment of one of the three."""
        lines = dict(re.findall(r"(?m)^(ETCD_\w+)=(.*)$", self.text("etcd.default")))
        own, first = f"{self.net}{HOSTS[name]}", f"{self.net}{HOSTS['postgres1']}"
        for key, value in lines.items():
            if key != "ETCD_INITIAL_CLUSTER":
                lines[key] = value.replace(first, own).replace(",http://127.0.0.1:2379", "")
        return {**lines, "ETCD_NAME": name}

    def pgbackrest(self, folder, repository):
        text = self.text("pgbackrest.conf").replace("/var/lib/pgbackrest", repository).replace("/var/run/postgresql", folder)
        return text.replace("/var/lib/postgresql/15/tracker", os.path.join(folder, "data"))

    def patroni(self, name, folder, binaries):
        own, first = f"{self.net}{HOSTS[name]}:", f"{self.net}{HOSTS['postgres1']}:"
        settings = yaml.safe_load(re.sub(r"# (archive_\w+:)", r"\1", self.text("patroni.yml")))
        settings["name"] = name
        for part in (settings["restapi"], settings["postgresql"]):
            for key in ("listen", "connect_address"):
                part[key] = part[key].replace(first, own)
        postgresql = settings["postgresql"]
        # Without certificates; and whoever may open the socket's folder is the test.
        postgresql["pg_hba"] = ["local all all trust", *(line.replace("hostssl", "host") for line in postgresql["pg_hba"])]
        postgresql.update(data_dir=os.path.join(folder, "data"), bin_dir=binaries, pgpass=os.path.join(folder, "pgpass"),
                          parameters={"unix_socket_directories": folder})
        return yaml.safe_dump(settings)


class Host:
    """One machine of the three: etcd, Patroni, and the PostgreSQL that Patroni starts."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.folder = cluster.folder(name)
        self.home = self.folder
        self.etcd = self.patroni = None
        # Where pgBackRest finds its settings, whoever calls it: PostgreSQL, or the operator.
        self.env = {**os.environ, "PGBACKREST_CONFIG": os.path.join(self.folder, "pgbackrest.conf"), "PGBACKREST_PG1_USER": "postgres",
                    **{f"PGBACKREST_{kind}_PATH": self.folder for kind in ("LOG", "LOCK", "SPOOL")}}

    def start(self):
        files = self.cluster.files
        conf = os.path.join(self.folder, "patroni.yml")
        write(conf, files.patroni(self.name, self.folder, self.cluster.binaries))
        write(self.env["PGBACKREST_CONFIG"], files.pgbackrest(self.folder, self.cluster.folder("repository")))
        env = {**os.environ, **files.etcd(self.name), "ETCD_DATA_DIR": os.path.join(self.cluster.folder(f"{self.name}-etcd"), "data")}
        self.etcd = self.cluster.launch(f"{self.name}-etcd", ["etcd"], env=env)
        self.patroni = self.cluster.launch(f"{self.name}-patroni", ["patroni", conf], env=self.env)

    def pgbackrest(self, *args):
        subprocess.run(["pgbackrest", "--stanza=tracker", *args], check=True, cwd="/", stdin=subprocess.DEVNULL, timeout=180,
                       env=self.env, **self.cluster.ids)

    def pids(self):
        return [pid for process in (self.etcd, self.patroni) if process and process.poll() is None for pid in descendants(process.pid)]

    def postgres_pids(self):
        """PostgreSQL is not Patroni's child: it goes on when that ends."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            with open(os.path.join(self.folder, "data", "postmaster.pid"), encoding="utf-8") as f:
                pid = int(f.readline())
            if process_is_alive(pid):
                return descendants(pid)
        return []

    def signal(self, signum):
        # PostgreSQL last when it goes on: its supervisor is to see it as it was.
        for pid in {*self.pids(), *self.postgres_pids()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)

    def kill(self):
        """As when the power fails."""
        pids = {*self.pids(), *self.postgres_pids()}
        self.signal(signal.SIGKILL)
        for process in (self.etcd, self.patroni):
            if process is not None:
                process.wait(30)
        eventually(lambda: not any(map(process_is_alive, pids)), timeout_s=30, what=f"{self.name} is off")

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def conninfo(self, user="postgres", database="tracker"):
        return f"host={self.folder} dbname={database} user={user} connect_timeout=3"

    def is_primary(self):
        with contextlib.suppress(psycopg2.Error):
            with contextlib.closing(psycopg2.connect(self.conninfo(database="postgres"))) as db, db.cursor() as cursor:
                cursor.execute("select not pg_is_in_recovery()")
                return cursor.fetchone()[0]
        return False


class Cluster(Stack):
    primary = None

    def start(self):
        super().start()
        self.ids = ids_of(self)
        self.binaries = postgres_bin(self)
        self.files = Deployed()
        self._launched = []
        self._start_redis()
        self.hosts = {name: Host(self, name) for name in HOSTS}
        for host in self.hosts.values():
            host.start()
        self._start_haproxy()
        self.wait_until_whole(timeout_s=180)
        self._make_database()
        self._reach_it()
        self.second = second_pool_of(self)
        return self

    def folder(self, name):
        path = os.path.join(self.state, name)
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            if self.ids:
                os.chown(path, self.ids["user"], self.ids["group"])
        return path

    def launch(self, name, argv, **kwargs):
        with open(os.path.join(self.state, "log", f"{name}.log"), "ab") as log:
            process = subprocess.Popen(argv, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.ids, **kwargs)
        self._launched.append(process)
        return process

    def _start_redis(self):
        first = f"{self.files.net}{REDISES['redis1']}"
        self.redises = {}
        for name, last in REDISES.items():
            text = self.files.text("redis.conf").replace(first, f"{self.files.net}{last}")
            if name != "redis1":
                text += f"\nreplicaof {first} 6379\nmasterauth {PASSWORD}\n"
            conf = os.path.join(self.folder(name), "redis.conf")
            write(conf, f"{text}\ndir {self.folder(name)}\n")
            self.redises[name] = self.launch(name, ["redis-server", conf])

    def _start_haproxy(self):
        conf = os.path.join(self.folder("haproxy"), "haproxy.cfg")
        write(conf, self.files.text("haproxy.cfg"))
        self.haproxy = self.launch("haproxy", ["haproxy", "-db", "-f", conf])

    def redis_of(self, name):
        return redis.Redis(host=f"{self.files.net}{REDISES[name]}", password=PASSWORD, decode_responses=True)

    @property
    def redis(self):
        """The one that leads."""
        if self._redis is None:
            self._redis = redis.Redis(port=self.files.redis_port, password=PASSWORD, decode_responses=True)
        return self._redis

    @property
    def conninfo(self):
        return self.primary.conninfo() if self.primary else super().conninfo

    def wait_for_primary(self, other_than, timeout_s=90):
        """The host that takes writes, and is not that one."""
        others = [host for host in self.hosts.values() if host is not other_than]
        self.primary = eventually(lambda: next((host for host in others if host.is_primary()), None), timeout_s=timeout_s,
                                  every_s=0.02, what="a primary")
        self.forget_db()

    def wait_until_whole(self, timeout_s=120):
        """One host leads and no other believes it does; by Patroni's own list, which decides who may lead next, another has
        all that was acknowledged, and the third follows."""
        def is_whole():
            primaries = [host for host in self.hosts.values() if host.is_primary()]
            if len(primaries) != 1:
                return False
            self.primary, = primaries
            return sorted(self._roles().values()) == ["leader", "replica", "sync_standby"] and len(self._standbys()) == len(HOSTS) - 1
        eventually(is_whole, timeout_s=timeout_s, every_s=0.5, what="a leader, a sync standby and a replica")
        self.forget_db()

    def synchronous(self):
        """The host that has all that was acknowledged, besides the primary."""
        name, = (name for name, role in self._roles().items() if role == "sync_standby")
        return self.hosts[name]

    def _roles(self):
        """As Patroni sees it."""
        with contextlib.suppress(requests.RequestException):
            members = requests.get(f"http://{self.files.net}{HOSTS[self.primary.name]}:8008/cluster", timeout=5).json()["members"]
            return {member["name"]: member["role"] for member in members}
        return {}

    def _standbys(self):
        """As PostgreSQL sees it."""
        with contextlib.suppress(psycopg2.OperationalError):  # Patroni may be restarting it
            with contextlib.closing(psycopg2.connect(self.primary.conninfo(database="postgres"))) as db, db.cursor() as cursor:
                cursor.execute("select application_name from pg_stat_replication where state = 'streaming'")
                return cursor.fetchall()
        return []

    def _make_database(self):
        with contextlib.closing(psycopg2.connect(self.primary.conninfo(database="postgres"))) as db:
            db.autocommit = True
            with db.cursor() as cursor:
                cursor.execute(f"create role distcompute login password '{PASSWORD}'")
                cursor.execute("create database tracker owner distcompute")

    def settings_with(self, **changed):
        """tracker.ini with some of its lines otherwise."""
        with open(self.config, encoding="utf-8") as f:
            text = f.read()
        for name, value in changed.items():
            text, found = re.subn(rf"(?m)^{name} *=.*$", f"{name} = {value}", text)
            assert found == 1, text
        return text

    def _reach_it(self):
        postgres = f"host=127.0.0.1 port={self.files.postgres_port} dbname=tracker user=distcompute password={PASSWORD}"
        write(self.config, self.settings_with(postgres=postgres, redis=f"redis://:{PASSWORD}@127.0.0.1:{self.files.redis_port}/0"))
        self.run("distcompute-admin", "migrate")
        before = set(self.responders())
        os.kill(self.pid("tracker"), signal.SIGHUP)
        eventually(lambda: (now := set(self.responders())) and not now & before, timeout_s=60, what="the pool reads it")

    def renew(self):
        """Every host is on and follows."""
        for host in self.hosts.values():
            host.thaw()
            if host.patroni.poll() is not None:
                host.start()
        self.wait_until_whole()

    def switchover(self):
        """As the operator would, by patronictl."""
        conf = os.path.join(self.primary.folder, "patroni.yml")
        subprocess.run(["patronictl", "-c", conf, "switchover", "--master", self.primary.name, "--force"], check=True, cwd="/",
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, **self.ids)

    @contextlib.contextmanager
    def restored(self, host, home):
        """A PostgreSQL of its own with what that host's repository has; its conninfo."""
        data = os.path.join(home, "data")
        os.mkdir(data, 0o700)
        if self.ids:
            os.chown(data, self.ids["user"], self.ids["group"])
        host.pgbackrest(f"--pg1-path={data}", "restore")
        server = self.launch("restored", [os.path.join(self.binaries, "postgres"), "-D", data, "-c", f"unix_socket_directories={home}",
                                          "-c", "listen_addresses=", "-c", "archive_mode=off", "-c", "synchronous_standby_names="],
                             env=host.env)
        conninfo = f"host={home} dbname=tracker user=postgres"

        def takes_writes():
            with contextlib.suppress(psycopg2.OperationalError):
                with contextlib.closing(psycopg2.connect(conninfo)) as db, db.cursor() as cursor:
                    cursor.execute("select not pg_is_in_recovery()")
                    return cursor.fetchone()[0]
        try:
            eventually(takes_writes, timeout_s=90, what="the copy takes writes")
            yield conninfo
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)

    def stop(self):
        if self.state is not None and getattr(self, "_launched", None):
            second = getattr(self, "second", None)
            for process in [*([second] if second else []), *self._launched]:
                for pid in descendants(process.pid) if process.poll() is None else []:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process.wait(30)
            for host in getattr(self, "hosts", {}).values():
                host.kill()
        super().stop()

