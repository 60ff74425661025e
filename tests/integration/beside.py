"""
beside -- a tracker of one process beside the stack's, spoken to in FastCGI without a web server between, on a
way to PostgreSQL that can be cut at each point of a call's life.
"""
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import urllib.parse

import json

from stack import program
from waiting import eventually

PARAMS, STDIN, STDOUT, END = 4, 5, 6, 3


class Way(threading.Thread):
    """
    A socket before a server's, of the same name in a folder of its own. Who comes talks to the server by `talk`, until it
    answers False; `cuts` says whose conversation is to be cut, and when.
    """

    def __init__(self, there):
        super().__init__(daemon=True)
        self.there, self.cuts = there, {}
        self.folder = tempfile.mkdtemp(prefix="dct-way-")
        os.chmod(self.folder, 0o755)
        self.path = os.path.join(self.folder, os.path.basename(there))
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listening.listen(64)
        self.start()

    def run(self):
        while True:
            try:
                tracker, _ = self.listening.accept()
            except OSError:
                return
            self.welcome(tracker)

    def welcome(self, tracker):
        threading.Thread(target=self._pass_on, args=(tracker,), daemon=True).start()

    def _pass_on(self, tracker):
        with tracker, socket.socket(socket.AF_UNIX) as server:
            try:
                server.connect(self.there)
                self.talk(tracker, server)
            except OSError:
                return

    def close(self):
        self.listening.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresWay(Way):
    """
    Passes on what tracker and PostgreSQL say, until it is told to cut one conversation, at the next question:
    before (PostgreSQL hears nothing of it), middle (it hears half), after (it has answered, and so committed; the answer is lost).
    """

    def __init__(self, stack):
        super().__init__(os.path.join(stack.state, "run", ".s.PGSQL.5432"))

    def talk(self, tracker, postgres):
        first = tracker.recv(65536)
        words = first[8:].split(b"\0")
        name = words[words.index(b"application_name") + 1].decode() if b"application_name" in words else ""
        postgres.sendall(first)
        while self._one(name, tracker, postgres):
            pass

    def _one(self, name, tracker, postgres):
        for side in select.select([tracker, postgres], [], [])[0]:
            data = side.recv(1 << 20)
            if not data:
                return False
            when = self.cuts.pop(name, None) if side is tracker else None
            if side is postgres or when is None:
                (tracker if side is postgres else postgres).sendall(data)
                continue
            if when == "middle":
                postgres.sendall(data[:len(data) // 2])
            elif when == "after":
                postgres.sendall(data)
                self._hear_out(postgres)
            return False
        return True

    @staticmethod
    def _hear_out(postgres):
        """Until it is ready for the next question: what it was asked is committed then."""
        heard = b""
        while True:
            while len(heard) >= 5 and len(heard) >= (size := 1 + struct.unpack("!I", heard[1:5])[0]):
                if heard[:1] == b"Z":
                    return
                heard = heard[size:]
            more = postgres.recv(1 << 20)
            if not more:
                return
            heard += more


def record(kind, content=b""):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def question(method, uri, body=None):
    """A whole request as a web server sends it."""
    data = b"" if body is None else json.dumps(body).encode()
    params = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "CONTENT_LENGTH": str(len(data)) if body is not None else ""}
    pairs = b"".join(struct.pack("!BB", len(k), len(v)) + k.encode() + v.encode() for k, v in params.items())
    said = record(1, bytes([0, 1, 0, 0, 0, 0, 0, 0])) + record(PARAMS, pairs) + record(PARAMS)
    for at in range(0, len(data), 32768):
        said += record(STDIN, data[at:at + 32768])
    return said + record(STDIN)


class Beside:
    def __init__(self, stack, **settings):
        self.stack, self.way = stack, PostgresWay(stack)
        self.path = os.path.join(self.way.folder, "tracker.sock")
        flags = {"listen": f"unix:{self.path}", "postgres": f"host={self.way.folder} dbname=tracker user=tracker",
                 "processes": 1, **settings}
        self.log = open(os.path.join(self.way.folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [program("distcompute-tracker"), "--config", stack.config,
             *(f"--{key.replace('_', '-')}={value}" for key, value in flags.items())],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: self.ask("GET", "/healthz")[0] == 200, timeout_s=60, what="the tracker beside is ready")
        except AssertionError:
            self.close()
            raise

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.way.close()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(60)
        s.connect(self.path)
        return s

    def ask(self, method, uri, body=None):
        """(status, text); (None, '') when the connection was closed without an answer."""
        try:
            with self.connect() as s:
                s.sendall(question(method, uri, body))
                return answer(s)
        except (ConnectionError, FileNotFoundError):
            return None, ""

    def post(self, uri, **body):
        return self.ask("POST", uri, body)

    def new(self, stage="a", nickname="anonymous"):
        status, text = self.ask("GET", f"/api/new?{urllib.parse.urlencode({'nickname': nickname, 'stage': stage})}")
        assert status == 200, (status, text)
        return json.loads(text)

    def sync(self, token, **fields):
        status, text = self.post("/api/sync", token=token, **fields)
        assert status == 200, (status, text)
        return json.loads(text)


def answer(s):
    heard, out = b"", b""
    while True:
        while len(heard) >= 8 and len(heard) >= (size := 8 + struct.unpack("!HB", heard[4:7])[0] + heard[6]):
            kind, length = heard[1], struct.unpack("!H", heard[4:6])[0]
            if kind == STDOUT:
                out += heard[8:8 + length]
            elif kind == END:
                head, _, text = out.partition(b"\r\n\r\n")
                return (int(head.split()[1]), text.decode()) if head else (None, "")
            heard = heard[size:]
        more = s.recv(65536)
        if not more:
            return None, ""
        heard += more
