"""
refusing -- ways to make a stack's servers refuse, each undone at the end of its `with`.
"""
import contextlib
import os
import shutil
import subprocess
import tempfile
import threading

import psycopg2
import redis


@contextlib.contextmanager
def superuser(stack):
    with contextlib.closing(psycopg2.connect(f"host={stack.state}/run dbname=tracker user=postgres")) as admin:
        admin.autocommit = True
        # Whatever is set for everybody must not stop the one who is to take it back.
        with admin.cursor() as cursor:
            cursor.execute("set default_transaction_read_only = off; set statement_timeout = 0; set lock_timeout = 0;"
                           " set default_tablespace = ''")
            yield cursor


@contextlib.contextmanager
def server_with(stack, setting, value):
    """A setting of the whole server, in force for sessions that are there and those to come."""
    with superuser(stack) as admin:
        admin.execute(f"alter system set {setting} = {value}")
        admin.execute("select pg_reload_conf()")
        try:
            yield admin
        finally:
            admin.execute(f"alter system reset {setting}")
            admin.execute("select pg_reload_conf()")


@contextlib.contextmanager
def without_time(stack):
    """Everything takes longer than a statement may."""
    with server_with(stack, "statement_timeout", "100") as admin:
        admin.execute("begin; lock table tracker.worker, tracker.probe")
        try:
            yield
        finally:
            admin.execute("rollback")


@contextlib.contextmanager
def without_room(stack, tables=("output_a",)):
    """What a full disk says, of these tables alone."""
    stack.sql("create or replace function tracker.no_room() returns trigger language plpgsql as $$ begin"
              " raise exception 'could not extend file' using errcode = '53100'; end $$")
    try:
        for table in tables:
            stack.sql(f"create trigger no_room before insert on tracker.{table} for each row execute function tracker.no_room()")
        yield
    finally:
        stack.sql("drop function tracker.no_room() cascade")


@contextlib.contextmanager
def refused_with(stack, code, tables=("worker", "output_a", "probe")):
    """What is written into these tables, by whomever, is refused with this code of PostgreSQL's."""
    stack.sql("create or replace function tracker.refuse() returns trigger language plpgsql as $$ begin"
              f" raise exception 'so it is' using errcode = '{code}'; end $$")
    try:
        for table in tables:
            stack.sql(f"create trigger refuse before insert or update on tracker.{table} for each row execute function tracker.refuse()")
        yield
    finally:
        stack.sql("drop function tracker.refuse() cascade")


def end_sessions(admin):
    """What is set for the database is heard of by those who connect."""
    admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name ~ '^tracker'")


def move_results(admin, tablespace):
    for letter in "ab":
        admin.execute(f"alter table tracker.output_{letter} set tablespace {tablespace}")


def small_disk(size):
    """A folder that is a file system of this size; None where none can be mounted."""
    where = tempfile.mkdtemp(prefix="dct-disk-", dir="/tmp")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", where]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        os.rmdir(where)
        return None
    return where


@contextlib.contextmanager
def disk_of_its_own(stack):
    """All results, and new tables, on a file system of 32 MiB; yields its folder, None where none can be mounted."""
    where = small_disk("32m")
    if where is None:
        yield None
        return
    home = os.path.join(where, "space")
    os.mkdir(home)
    server = os.stat(os.path.join(stack.state, "pg"))
    os.chown(home, server.st_uid, server.st_gid)
    try:
        with superuser(stack) as admin:
            admin.execute(f"create tablespace small location '{home}'")
            admin.execute("grant create on tablespace small to public")
            move_results(admin, "small")
            admin.execute("alter database tracker set default_tablespace = small")
            end_sessions(admin)
        try:
            yield where
        finally:
            with superuser(stack) as admin:
                admin.execute("alter database tracker reset default_tablespace")
                end_sessions(admin)
                stack.forget_db()
                move_results(admin, "pg_default")
                admin.execute("drop tablespace small")
    finally:
        subprocess.run(["umount", "-l", where], check=True)
        os.rmdir(where)


def fill(where):
    path = os.path.join(where, "filler")
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as f:
        while True:
            f.write(b"x" * 4096)
    return path


@contextlib.contextmanager
def log_on_a_small_disk(stack):
    """PostgreSQL's log of what it writes on a file system of 96 MiB; yields its folder, None where none can be mounted. Ends the stack."""
    where = small_disk("96m")
    if where is None:
        try:
            yield None
        finally:
            stack.stop()
        return
    try:
        with superuser(stack) as admin:
            admin.execute("alter system set max_wal_size = '64MB'")
            admin.execute("alter system set min_wal_size = '32MB'")
        stack.stop_postgres()
        log, there = os.path.join(stack.state, "pg", "pg_wal"), os.path.join(where, "pg_wal")
        server = os.stat(log)
        os.chown(where, server.st_uid, server.st_gid)
        subprocess.run(["cp", "-a", log, there], check=True)
        shutil.rmtree(log)
        os.symlink(there, log)
        stack.start_postgres()
        yield where
    finally:
        stack.stop()
        subprocess.run(["umount", "-l", where], check=True)
        os.rmdir(where)


# --- Redis ------------------------------------------------------------------------------------

@contextlib.contextmanager
def redis_told(stack, *begin, end):
    stack.redis.execute_command(*begin)
    try:
        yield
    finally:
        stack.redis.execute_command(*end)


def redis_replica(stack):
    """READONLY."""
    return redis_told(stack, "replicaof", "127.0.0.1", "1", end=("replicaof", "no", "one"))


def redis_full(stack):
    """OOM."""
    return redis_told(stack, "config", "set", "maxmemory", "1", end=("config", "set", "maxmemory", "256mb"))


def redis_forbidden(stack):
    """NOPERM."""
    return redis_told(stack, "acl", "setuser", "default", "-@write", end=("acl", "setuser", "default", "+@all"))


def redis_denies(stack, *rights):
    """NOPERM, of these rights alone."""
    return redis_told(stack, "acl", "setuser", "default", *(f"-{right}" for right in rights), end=("acl", "setuser", "default", "+@all"))


@contextlib.contextmanager
def redis_deaf(stack):
    """Who listened is cut off and may not listen again."""
    with redis_denies(stack, "subscribe", "psubscribe"):
        stack.redis.execute_command("client", "kill", "type", "pubsub")
        yield


def redis_denies_reading(stack):
    return redis_denies(stack, "hmget")


def redis_denies_copies(stack):
    return redis_denies(stack, "get")


def redis_denies_news(stack):
    return redis_denies(stack, "publish")


@contextlib.contextmanager
def redis_locked(stack):
    """NOAUTH, to whoever connects; and nobody is connected any more."""
    stack.redis.config_set("requirepass", "x")
    with contextlib.closing(redis.Redis(unix_socket_path=os.path.join(stack.state, "run", "redis.sock"), password="x")) as inside:
        for kind in ("normal", "pubsub"):
            inside.execute_command("client", "kill", "type", kind, "skipme", "yes")
        try:
            yield
        finally:
            inside.config_set("requirepass", "")


@contextlib.contextmanager
def redis_unsaved(stack):
    """MISCONF: it is to save, and cannot."""
    folder = os.path.join(stack.state, "redis")
    mode = os.stat(folder).st_mode & 0o7777
    with redis_told(stack, "config", "set", "save", "3600 1000000", end=("config", "set", "save", "")):
        os.chmod(folder, 0o500)
        try:
            stack.redis.bgsave()
            yield
        finally:
            os.chmod(folder, mode)


@contextlib.contextmanager
def redis_busy(stack):
    """BUSY: a script without an end."""
    def script():
        with contextlib.suppress(redis.exceptions.ResponseError):  # it is killed
            stack.redis.eval("while true do end", 0)
    with redis_told(stack, "config", "set", "busy-reply-threshold", "100", end=("config", "set", "busy-reply-threshold", "5000")):
        running = threading.Thread(target=script)
        running.start()
        try:
            yield
        finally:
            while running.is_alive():  # one that has only begun is not there to be killed
                with contextlib.suppress(redis.exceptions.ResponseError):
                    stack.redis.script_kill()
                running.join(0.2)
