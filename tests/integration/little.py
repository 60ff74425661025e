"""
little -- a tracker of the test's own, as strange as the test wants it, for distcompute-worker.

It answers /api/new and /api/bye as a tracker does, unless told otherwise, and remembers every call with
its time. An answer is a dict or list (JSON), bytes or str (200), a tuple (status, headers, body), a Raw
(bytes for the socket as they are, in pieces), or a function of the call that gives one of these.
"""
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
import uuid

from stack import is_sanitized, program
from waiting import eventually


class Raw:
    """Pieces that are written as they are; then the connection is closed."""

    def __init__(self, *pieces):
        self.pieces = pieces[0] if len(pieces) == 1 and not isinstance(pieces[0], bytes) else pieces


class Call:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.monotonic()
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:
            self.json = None

    @property
    def call(self):
        return self.path.split("?")[0]


class LittleTracker:
    def __init__(self, answers, tls=None, port=0):
        self.answers = answers
        self.calls = []
        self.over = threading.Event()
        self.tls = tls
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, ValueError), peer:
            if self.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.tls)
                peer = context.wrap_socket(peer, server_side=True)
            with peer, peer.makefile("rb") as said:
                while not self.over.is_set() and self._answer(peer, said):
                    pass

    def _answer(self, peer, said):
        words = said.readline().split()
        if len(words) < 3:
            return False
        headers = {}
        while (line := said.readline().strip()):
            name, _, value = line.partition(b":")
            headers[name.decode().lower()] = value.strip().decode()
        body = said.read(int(headers.get("content-length", 0)))
        call = Call(words[0].decode(), words[1].decode(), headers, body)
        self.calls.append(call)
        answer = self.answers.get(call.call, self.usual(call))
        while callable(answer):
            answer = answer(call)
        if answer is None:
            return False
        if isinstance(answer, Raw):
            for piece in answer.pieces:
                if self.over.is_set():
                    break
                peer.sendall(piece)
            return False
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        head = f"HTTP/1.1 {status} Word\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        peer.sendall(head.encode() + b"\r\n" + body)
        return True

    @staticmethod
    def usual(call):
        if call.call == "/api/new":
            return {"token": str(uuid.uuid4()), "display_name": "little-river-1", "project": "Little", "stage_name": "First"}
        if call.call == "/api/sync":
            return {"results": accept(call), "jobs": [], "drop": [], "retry_after": 1, "message": ""}
        return "200 OK"

    def to(self, call):
        return [c for c in list(self.calls) if c.call == call]


def accept(call, status="accepted"):
    """The word on everything that a sync call tells."""
    return [{"job": item["job"], "status": status} for kind in ("done", "failed", "flagged", "released")
            for item in call.json.get(kind, [])]


class Jobs:
    """/api/sync that hands out the given jobs as they are wanted, and takes everything that comes back."""

    def __init__(self, jobs, word=lambda item: "accepted"):
        self.left = list(jobs)
        self.word = word
        self.told = {"done": [], "failed": [], "flagged": [], "released": []}

    def __call__(self, call):
        results = []
        for kind, items in self.told.items():
            for item in call.json.get(kind, []):
                items.append(item)
                results.append({"job": item["job"], "status": self.word(item)})
        want = call.json.get("want", 0)
        now, self.left = self.left[:want], self.left[want:]
        return {"results": results, "jobs": now, "drop": [], "retry_after": 0 if now else 1, "message": ""}


def job(number, data="x", **fields):
    return {"job": number, "lease": str(uuid.uuid4()), "stage": "a", "data": data, "attempt": 1, **fields}


class Hands:
    """A running distcompute-worker; what it says is kept."""

    def __init__(self, folder, url, script, *flags, env=None, command=None):
        self.folder = str(folder)
        self.log = os.path.join(self.folder, f"worker-{os.urandom(4).hex()}.log")
        self.file = open(self.log, "wb")
        where = ["--url", url] if url else []
        argv = [program("distcompute-worker"), *where, "--spool", os.path.join(self.folder, "spool"), *flags]
        if command is not None or script is not None:
            argv += ["--", *(command or ["sh", "-c", script])]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.STDOUT,
                                        cwd=self.folder, env={**os.environ, **(env or {})})

    def said(self):
        with open(self.log, "rb") as f:
            return f.read().decode(errors="replace")

    def says(self, what, timeout_s=20):
        return eventually(lambda: what in self.said() and self.said(), timeout_s=timeout_s, what=f"it says {what!r}")

    def ends(self, timeout_s=90):
        self.process.wait(timeout_s)
        return self.process.returncode

    def is_up(self):
        return self.process.poll() is None

    def peak_mib(self):
        """The most memory that it has had at any time; nothing where that would be a sanitizer's."""
        if is_sanitized():
            return 0
        with open(f"/proc/{self.process.pid}/status") as f:
            line = next(line for line in f if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def stop(self):
        if self.is_up():
            self.process.kill()
        self.process.wait()
        self.file.close()
        found = re.search(r"ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:", self.said())
        assert not found, self.said()[-8000:]


def self_signed(folder):
    """One file with a key and a certificate for 127.0.0.1."""
    pem = os.path.join(str(folder), "self.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=little", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem + ".key", "-out", pem + ".crt"],
                   check=True, capture_output=True)
    with open(pem, "w") as out:
        for part in (".key", ".crt"):
            with open(pem + part) as f:
                out.write(f.read())
    return pem
