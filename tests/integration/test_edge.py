"""
nginx at the edge: what it says by itself, what one address may take, who is an operator, what is logged.

Two nginxes: quickstart's private one, whose plain port believes X-Forwarded-For and so lets a test be
many addresses, and `site`, the files for an nginx that one has, as bin/doc/operate.md says to install them.
"""
import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from client import Client, Fleet
from stack import ROOT, children_of, free_port, is_sanitized
from waiting import eventually

POLICY = {"content-security-policy", "x-content-type-options", "referrer-policy", "x-request-id",
          "cross-origin-opener-policy", "permissions-policy"}
SERVED = 1000  # workers behind one address, for whom all the limits are made
CALLS, WAITING, LARGE = 2500, 2000, 32  # the limits themselves, see nginx/tracker.conf


class Heard:
    """An answer read from a socket: its status, headers with small letters, and text."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else None
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}


def connect(port, tls=None, source=""):
    s = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
    return ssl._create_unverified_context().wrap_socket(s, server_hostname="localhost") if tls else s


def read_all(s):
    data = b""
    try:
        while piece := s.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def say(port, text, tls=False):
    """Sends these bytes on a connection of their own, and returns what comes until it is closed."""
    with connect(port, tls) as s:
        s.sendall(text)
        return Heard(read_all(s))


def post(path, body=b"", address="", length=None, more=""):
    """A request's bytes, as if it came from that address through a proxy."""
    forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
    size = f"Content-Length: {len(body) if length is None else length}\r\n" if length != "" else ""
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{forwarded}{size}{more}\r\n").encode() + body


def http2(stack, path, *args):
    """The answer over HTTP/2, by curl: (status, headers, text)."""
    done = subprocess.run(["curl", "-s", "-i", "--http2", "--cacert", stack.certificate, *args, stack.url + path],
                          stdout=subprocess.PIPE, timeout=60, check=True)
    assert done.stdout.startswith(b"HTTP/2 "), done.stdout[:100]
    return Heard(done.stdout)


def is_ours(heard, status, text=None):
    """In plain words, with the headers of all other answers, and silent about what runs here."""
    assert heard.status == status
    assert heard.headers["content-type"] == "text/plain; charset=utf-8"
    assert POLICY <= set(heard.headers)
    assert heard.headers["server"] == "nginx"
    assert b"<" not in heard.body and b"nginx" not in heard.body
    assert heard.body if text is None else heard.body.decode() == text


# --- what nginx says by itself ------------------------------------------------------------------

EARLY = {
    "no request line": (b"GARBAGE\r\n\r\n", 400),
    "bytes of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "a length that is none": (b"POST /api/sync HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
    "both kinds of length": (b"POST /api/sync HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                             b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "an encoding that nobody knows": (b"POST /api/sync HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n", 501),
    "a version to come": (b"GET / HTTP/9.1\r\nHost: a\r\n\r\n", 505),
    "a header too long": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
    "headers too many": (b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"x" * 15000 + b"\r\n") * 5 + b"\r\n", 431),
    "an address too long": (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "TRACE": (b"TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "CONNECT": (b"CONNECT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
    "a way out of the folder": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a range of nothing": (b"GET /static/tracker.css HTTP/1.1\r\nHost: a\r\nRange: bytes=99999999-\r\n"
                           b"Connection: close\r\n\r\n", 416),
    "a condition that fails": (b"GET /static/tracker.css HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\n"
                               b"Connection: close\r\n\r\n", 412),
    "a POST to a file": (b"POST /static/tracker.css HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                         b"Connection: close\r\n\r\n", 405),
    "no such file": (b"GET /static/none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("what", EARLY)
def test_an_early_error_is_plain_words_with_the_headers_of_the_rest(tracker, what, tls):
    text, status = EARLY[what]
    is_ours(say(tracker.https_port if tls else tracker.http_port, text, tls), status)


@pytest.mark.parametrize("args, path, status", [
    (["-X", "TRACE"], "/", 405),
    (["-X", "TRACE"], "/api/newJob", 405),
    (["-H", "Content-Length: x"], "/api/sync", 400),
    (["--data-binary", "x" * 70000], "/api/newJob", 413),
    ([], "/static/none", 404),
    (["-H", "X-Forwarded-For: 127.0.0.1"], "/metrics", 404),
])
def test_an_early_error_is_the_same_over_http_2(tracker, args, path, status):
    is_ours(http2(tracker, path, *args), status)


def test_a_method_that_is_refused_early_is_told_which_are_allowed(tracker):
    assert http2(tracker, "/api/newJob", "-X", "TRACE").headers["allow"] == "POST"
    assert http2(tracker, "/", "-X", "TRACE").headers["allow"] == "GET, HEAD"


def test_a_body_over_the_limit_hears_what_the_limit_is(tracker):
    def length(path, n):
        return say(tracker.http_port, post(path, length=n))
    is_ours(length("/api/completeJob", (16 << 20) + 1), 413, "The body is over the limit of 16M.")
    is_ours(length("/api/sync?x", 10 ** 12), 413, "The body is over the limit of 16M.")
    is_ours(length("/api/bye", 65537), 413, "The body is over the limit of 64k.")
    is_ours(length("/", 65537), 413, "The body is over the limit of 64k.")


def test_the_body_limit_of_the_settings_is_that_of_nginx(quick):
    quick.write_settings({**quick.settings, "body_limit": "3M"})
    quick.up()
    try:
        is_ours(say(quick.http_port, post("/api/completeJob", length=(3 << 20) + 1)), 413,
                "The body is over the limit of 3M.")
    finally:
        quick.write_settings(quick.settings)
        quick.up()


def test_request_ids_tell_nothing_of_counters(tracker):
    ids = [requests.get(f"{tracker.plain_url}/api/jobCount?stage=a", timeout=30).headers["X-Request-Id"] for _ in range(5)]
    assert len({i[:8] for i in ids}) == len({i[-8:] for i in ids}) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", i) for i in ids)


# --- http:// ------------------------------------------------------------------------------------

def test_a_script_of_the_first_version_that_says_http_works_through_the_redirect(fresh):
    """requests, as the published client uses it: a POST stays a POST."""
    fresh.load(["one"])
    base = f"http://localhost:{fresh.https_port}"
    with requests.Session() as s:
        s.trust_env = False
        s.verify = fresh.certificate
        token = s.get(base + "/api/new", params={"stage": "a", "nickname": "Ada"}, timeout=30).json()["token"]
        job = s.post(base + "/api/newJob", json={"token": token}, timeout=60)
        assert [r.status_code for r in job.history] == [308]
        assert job.json()["data"] == "one"
        assert s.post(base + "/api/completeJob", json={"token": token, "data": "r"}, timeout=30).text == "200 OK"
        assert s.post(base + "/api/bye", json={"token": token}, timeout=30).text == "200 OK"
        assert s.post(base + "/api/validateWorker", json={"token": token}, timeout=30).text == "False"
    assert fresh.one("select data from tracker.output") == "r"


class Site:
    """nginx with the files of nginx/ at the places that bin/doc/operate.md names, and Debian's own defaults."""

    MAIN = """
daemon off; worker_processes 2; pid run/nginx.pid; error_log stderr error;
events {{ worker_connections 768; }}
http {{
	types {{ text/css css; }}
	client_body_temp_path tmp/b; fastcgi_temp_path tmp/f; proxy_temp_path tmp/p; scgi_temp_path tmp/s; uwsgi_temp_path tmp/u;
	access_log log/access.log;
	include conf.d/*.conf;
	include sites-enabled/*;
	{more}
}}
"""

    # What wants a module, or is for an nginx with few connections only.
    WHERE_WANTED = {"tracker-body-time.conf", "tracker-few-connections.conf"}

    def __init__(self, stack, more="", wanted=()):
        self.stack, self.more, self.process, self.left_out = stack, more, None, self.WHERE_WANTED - set(wanted)
        self.dir = tempfile.mkdtemp(prefix="dct-site-", dir="/tmp")
        self.plain, self.tls = free_port(), free_port()

    def install(self, *sites):
        for folder in ("conf.d", "snippets", "sites-enabled", "run", "log", "tmp", "www", "cache"):
            os.makedirs(os.path.join(self.dir, folder), exist_ok=True)
        for name in os.listdir(os.path.join(ROOT, "nginx")):
            place = "conf.d" if name == "tracker.conf" else "sites-enabled" if name in sites else "snippets"
            if not name.startswith("tracker") or name in self.left_out:
                continue
            with open(os.path.join(ROOT, "nginx", name)) as f:
                text = f.read()
            for old, new in (("unix:/run/distcompute-tracker/", f"unix:{self.stack.state}/run/"),
                             ("/var/cache/nginx", self.dir + "/cache"), ("/var/log/nginx", self.dir + "/log"),
                             ("/var/www/tracker", self.dir + "/www"), ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
                             ("listen 443 ", f"listen 127.0.0.1:{self.tls} "),
                             ("/etc/letsencrypt/live/tracker.example.org/fullchain.pem", self.stack.certificate),
                             ("/etc/letsencrypt/live/tracker.example.org", os.path.dirname(self.stack.certificate)),
                             ("privkey.pem", "key.pem"), ('\t80 "";', f'\t{self.plain} ":{self.tls}";')):
                text = text.replace(old, new)
            if name in sites:
                text = re.sub(r"\n\tlisten \[::\]:.*", "", text)
            with open(os.path.join(self.dir, place, name), "w") as f:
                f.write(text)
        with open(os.path.join(self.dir, "nginx.conf"), "w") as f:
            f.write(self.MAIN.format(more=self.more))
        self.command = ["nginx", "-p", self.dir, "-e", "stderr", "-c", self.dir + "/nginx.conf"]
        if os.geteuid() == 0:
            user = self.stack.read_status()["user"]
            subprocess.run(["chown", "-R", user, self.dir], check=True)
            self.command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *self.command]
        return self

    def start(self, port):
        self.process = subprocess.Popen(self.command, stderr=open(os.path.join(self.dir, "log", "said"), "w"))

        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(self.read("said"))
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        eventually(answers, what="nginx listens")
        return self

    def read(self, name):
        path = os.path.join(self.dir, "log", name)
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as f:
            return f.read()

    def end(self):
        """nginx closes all connections at once; start() has it again."""
        self.process.terminate()
        self.process.wait(60)
        self.process = None

    def stop(self):
        if self.process:
            self.end()
        shutil.rmtree(self.dir)


@pytest.fixture
def site(tracker):
    site = Site(tracker).install("tracker-plain.conf", "tracker-site.conf")
    site.start(site.tls)
    yield site
    site.stop()


def test_port_80_serves_the_challenge_before_there_is_a_certificate(tracker):
    site = Site(tracker).install("tracker-plain.conf")
    os.makedirs(site.dir + "/www/.well-known/acme-challenge")
    with open(site.dir + "/www/.well-known/acme-challenge/word", "w") as f:
        f.write("word.thumbprint")
    site.start(site.plain)
    try:
        answer = requests.get(f"http://127.0.0.1:{site.plain}/.well-known/acme-challenge/word", timeout=30)
        assert (answer.status_code, answer.text) == (200, "word.thumbprint")
        is_ours(say(site.plain, b"GET /.well-known/acme-challenge/none HTTP/1.0\r\n\r\n"), 404)
    finally:
        site.stop()


@pytest.mark.parametrize("request_line", ["GET /api/new?stage=a&nickname=Ada%20L HTTP/1.0", "POST /api/newJob HTTP/1.0",
                                          "HEAD / HTTP/1.0"])
def test_port_80_sends_every_method_to_https_as_it_is(site, request_line):
    heard = say(site.plain, f"{request_line}\r\nHost: tracker.example.org\r\nContent-Length: 0\r\n\r\n".encode())
    assert heard.status == 308
    assert heard.headers["location"] == (
        f"https://tracker.example.org:{site.tls}{request_line.split()[1]}")
    assert heard.headers["content-type"] == "text/plain; charset=utf-8"
    assert POLICY <= set(heard.headers) and "strict-transport-security" not in heard.headers


# --- a second tracker ---------------------------------------------------------------------------

def lines_for_a_second(site):
    """As bin/doc/operate.md has them, for this folder instead of /etc/nginx; nginx is started by the test."""
    with open(os.path.join(ROOT, "bin", "doc", "operate.md")) as f:
        (lines,) = [b for b in re.findall(r"(?s)```sh\n(.*?)```", f.read()) if "snippets/books-" in b]
    run = site.stack.state + "/run/"
    for old, new in (("sudo ", ""), ("/etc/nginx", site.dir), ("/run/distcompute-tracker/", run), ("/run/distcompute-tracker-books/", run + "books/"),
                     (r"YOUR\.NAME", r"tracker\.example\.org"), ("OTHER.NAME", "books.example.org")):
        assert old in lines, old
        lines = lines.replace(old, new)
    return lines.replace("nginx -t && systemctl reload nginx\n", "")


def test_a_second_tracker_on_the_machine_has_files_of_its_own(tracker):
    """Side by side, in nothing mixed: the socket, the words, the cache, the log."""
    site = Site(tracker).install("tracker-plain.conf", "tracker-site.conf")
    try:
        available, enabled = os.path.join(site.dir, "sites-available"), os.path.join(site.dir, "sites-enabled")
        os.mkdir(available)
        for name, to in (("tracker-site.conf", "tracker"), ("tracker-plain.conf", "tracker-plain")):
            os.rename(os.path.join(enabled, name), os.path.join(available, to))
            os.symlink(f"../sites-available/{to}", os.path.join(enabled, to))
        subprocess.run(["bash", "-euc", lines_for_a_second(site)], check=True)
        os.symlink("../sites-available/books", os.path.join(enabled, "books"))
        mixed = [name for folder in ("conf.d", "snippets", "sites-available") for name in os.listdir(os.path.join(site.dir, folder))
                 if name.startswith("books") and "tracker_main" in open(os.path.join(site.dir, folder, name)).read()]
        assert mixed == []
        site.start(site.tls)

        def ask(name):
            return requests.get(f"https://localhost:{site.tls}/api/stats.json", headers={"Host": name}, verify=tracker.certificate, timeout=30)
        assert ask("tracker.example.org").status_code == 200
        # Nothing listens on its socket: it says so in its own words, and the first one goes on.
        answer = ask("books.example.org")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/plain; charset=utf-8"), answer.text
        assert "cannot be reached" in answer.text and answer.headers["Retry-After"]
        os.makedirs(f"{tracker.state}/run/books", exist_ok=True)
        os.symlink(f"{tracker.state}/run/tracker.sock", f"{tracker.state}/run/books/tracker.sock")
        os.chmod(f"{tracker.state}/run/books", 0o755)
        assert eventually(lambda: (a := ask("books.example.org")).status_code == 200 and a, what="it answers").json()
        log = eventually(lambda: (said := site.read("books-access.log")).count("/api/stats.json") >= 2 and said, what="its log")
        assert " 503 " in log and " 200 " in log
        assert " 503 " not in site.read("tracker_main-access.log")
    finally:
        site.stop()
        shutil.rmtree(f"{tracker.state}/run/books", ignore_errors=True)


# --- logs ---------------------------------------------------------------------------------------

def test_no_log_of_the_site_tells_names_tokens_or_addresses(site):
    secret = "Nobody-Knows-Me"
    token = "11111111-2222-4333-8444-555555555555"
    lines = [f"GET /api/new?stage=a&nickname={secret}", f"GET /person/{secret}", f"GET /badge/{secret}.svg",
             f"GET /worker/extract/{secret}", f"GET /?q={secret}", f"GET /{secret}", f"GET /api/{token}", f"GET /static/{secret}",
             f"GET /api/{token}/x", f"TRACE /person/{secret}", f"GET /person/{secret} HTTP/9.9 x"]
    for port, tls in ((site.plain, False), (site.tls, True)):
        for line in lines:
            say(port, f"{line} HTTP/1.0\r\nHost: a\r\nReferer: {secret}\r\nUser-Agent: {secret}\r\n\r\n".encode(), tls)
        say(port, post(f"/api/bye?{secret}", length=99999999), tls)
    site.stack.kill("tracker", 15)
    try:
        for line in lines:
            say(site.tls, f"{line} HTTP/1.0\r\nHost: a\r\n\r\n".encode(), True)
    finally:
        site.stack.up()

    def log():
        log = site.read("tracker_main-access.log")
        assert all(line in log for line in (" GET /api/new 200 ", " GET /person 200 ", " GET - 404 ", " GET /api/new 502 "))
        return log
    lines = eventually(log, what="all of it is in the log").splitlines()
    said = "".join(site.read(name) for name in os.listdir(site.dir + "/log"))
    assert secret not in said and token not in said and "127.0.0.1" not in said
    assert all(re.match(r"\S+ [0-9a-f]{32} ", line) for line in lines)


def logged_id(site, line):
    """The id of the only request in nginx's log whose line has this."""
    found = eventually(lambda: [at for at in site.read("tracker_main-access.log").splitlines() if line in at], what=line)
    assert len(found) == 1
    return found[0].split()[1]


@pytest.mark.parametrize("path, logged, status", [
    ("/api/jobCount?stage=a", "/api/jobCount", 200),
    ("/leaderboard", "/leaderboard", 200),
    ("/static/none", "/static", 404),  # nginx's own
])
def test_an_answer_and_its_line_in_the_log_have_one_id(site, path, logged, status):
    heard = say(site.tls, f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode(), True)
    assert heard.status == status
    assert heard.headers["x-request-id"] == logged_id(site, f" GET {logged} ")


def test_a_request_id_is_told_once(site):
    with connect(site.tls, True) as s:
        s.sendall(b"GET /api/jobCount?stage=a HTTP/1.0\r\nHost: a\r\n\r\n")
        assert read_all(s).lower().count(b"x-request-id") == 1


def test_a_call_that_was_cut_for_a_fault_has_one_id_in_both_logs(site):
    """Its client hears nothing, so by the time alone nobody would find it."""
    stack = site.stack
    said = len(stack.tracker_log())
    stack.sql("alter table tracker.person add constraint none_such check (nickname <> 'Faulty')")
    try:
        with connect(site.tls, True) as s:
            s.sendall(b"GET /api/new?stage=a&nickname=Faulty HTTP/1.0\r\nHost: a\r\n\r\n")
            assert read_all(s) == b""
    finally:
        stack.sql("alter table tracker.person drop constraint none_such")
    request_id = logged_id(site, " GET /api/new ")
    assert f"event=request_failed request={request_id} " in stack.tracker_log()[said:]


# --- what one address may take ------------------------------------------------------------------

class Crowd:
    """Connections of one address that are held open; gone when the block ends."""

    def __init__(self, port, source=""):
        self.port, self.source, self.open = port, source, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.open:
            s.close()

    def add(self, count, text):
        for _ in range(count):
            s = connect(self.port, source=self.source)
            with contextlib.suppress(OSError):  # hung up on already
                s.sendall(text)
            self.open.append(s)

    def ended(self):
        """How many were closed or answered."""
        n = 0
        for s in self.open:
            s.setblocking(False)
            try:
                s.recv(1, socket.MSG_PEEK)
                n += 1
            except BlockingIOError:
                pass
            except OSError:
                n += 1
        return n


def honest(stack, address):
    """How long a call from there takes, in seconds."""
    began = time.monotonic()
    answer = requests.get(f"{stack.plain_url}/api/jobCount?stage=a", timeout=30, headers={"X-Forwarded-For": address})
    assert answer.status_code == 200
    return time.monotonic() - began


def test_trickled_bodies_of_one_address_end_at_its_limit_and_others_notice_nothing(tracker):
    with Crowd(tracker.http_port) as crowd:
        crowd.add(CALLS + 300, post("/api/validateWorker", b"{", "203.0.113.1", length=60))
        assert eventually(lambda: crowd.ended() >= 300, what="those over the limit are hung up on")
        assert crowd.ended() == 300
        assert honest(tracker, "203.0.113.2") < 5


def test_where_nginx_has_768_connections_one_address_does_not_take_them_all(tracker):
    """Of 2,000 bodies that trickle 300 are let in; they are more than both processes have connections for."""
    port = free_port()
    site = Site(tracker, f"server {{ listen 127.0.0.1:{port}; include snippets/tracker-locations.conf; }}",
                wanted=["tracker-few-connections.conf"]).install("tracker-plain.conf").start(port)
    try:
        with Crowd(port, "127.0.0.9") as crowd:
            crowd.add(2000, post("/api/validateWorker", b"{", length=60))
            assert eventually(lambda: crowd.ended() >= 1700, what="those over the limit are hung up on")
            assert crowd.ended() == 1700
            for path in ("/", "/api/jobCount?stage=a", "/leaderboard"):
                with connect(port, source="127.0.0.10") as s:
                    s.sendall(f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode())
                    assert Heard(read_all(s)).status == 200
    finally:
        site.stop()


@pytest.mark.parametrize("path", ["/api", "/metrics", "/api/bye"])
def test_who_was_answered_is_not_listened_to_for_long(tracker, path):
    """No limit counts it, since it was answered before any was asked: by its path, or by the length that it told."""
    with connect(tracker.http_port) as s:
        s.settimeout(60)
        s.sendall(post(path, b"{", "203.0.113.9", length=10 ** 9))
        began = time.monotonic()
        with contextlib.suppress(OSError):
            for _ in range(60):
                time.sleep(0.5)
                s.sendall(b" ")
        assert 4 < time.monotonic() - began < 25


def test_a_body_may_pause_for_seconds_only(tracker):
    with connect(tracker.http_port) as s:
        s.settimeout(60)
        s.sendall(post("/api/validateWorker", b"{", "203.0.113.3", length=60))
        began = time.monotonic()
        assert read_all(s) == b""
        assert time.monotonic() - began < 40


def trickled(port, head, drop):
    """Says this, then a drop each second; how many seconds until the connection ends without an answer."""
    with connect(port) as s:
        s.sendall(head)
        began, ended = time.monotonic(), threading.Event()

        def trickle():
            while not ended.wait(1):
                try:
                    s.sendall(drop)
                except OSError:
                    return
        feeder = threading.Thread(target=trickle)
        feeder.start()
        try:
            s.settimeout(110)
            assert read_all(s) == b""
        finally:
            ended.set()
            feeder.join()
        return time.monotonic() - began


def test_a_header_has_seconds_for_the_whole_of_it(tracker):
    assert trickled(tracker.http_port, b"GET / HTTP/1.1\r\n", b"X-A: b\r\n") < 40


@pytest.mark.skipif(not os.path.exists("/usr/lib/nginx/modules/ngx_http_lua_module.so"), reason="nginx without Lua")
def test_a_body_has_a_minute_for_the_whole_of_it(tracker):
    head = post("/api/validateWorker", b"{", "203.0.113.8", length=900)
    assert 55 < trickled(tracker.http_port, head, b" ") < 100


@pytest.mark.parametrize("path, status, text", [("/api/validateWorker", 200, b"False"), ("/api/sync", 404, None)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_comes_in_pieces_is_taken_as_a_whole(tracker, path, status, text, chunked):
    body = b'{"token": "11111111-2222-4333-8444-555555555555"}'
    head = post(path, address="203.0.113.9", length="" if chunked else len(body),
                more="Connection: close\r\n" + ("Transfer-Encoding: chunked\r\n" if chunked else ""))
    if chunked:
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:30], body[30:])) + b"0\r\n\r\n"
    with connect(tracker.http_port) as s:
        s.sendall(head)
        for piece in (body[:10], body[10:25], body[25:]):
            time.sleep(0.1)
            s.sendall(piece)
        heard = Heard(read_all(s))
    assert heard.status == status and (text is None or heard.body == text)


@pytest.mark.parametrize("length", ["16000000", "1000000", None], ids=["16 MB", "1 MB", "untold"])
def test_few_large_bodies_of_one_address_are_under_way_at_a_time(tracker, length):
    """200 of them once filled 3.2 GB of temporary files."""
    told = post("/api/completeJob", address="203.0.113.4", length=length) if length else \
        post("/api/completeJob", address="203.0.113.4", length="", more="Transfer-Encoding: chunked\r\n")
    with Crowd(tracker.http_port) as crowd:
        crowd.add(200, told)
        assert eventually(lambda: crowd.ended() >= 200 - LARGE, what="the others are hung up on")
        assert crowd.ended() == 200 - LARGE
        assert honest(tracker, "203.0.113.4") < 5, "small calls of that address go on"


def test_over_a_limit_the_first_version_hears_nothing_and_sync_hears_429(tracker):
    with Crowd(tracker.http_port) as crowd:
        crowd.add(LARGE + 1, post("/api/sync", address="203.0.113.5", length=2000000))
        eventually(lambda: crowd.ended() == 1, what="the limit is reached")

        def one_more(path):
            return say(tracker.http_port, post(path, address="203.0.113.5", length=2000000))
        heard = one_more("/api/sync")
        is_ours(heard, 429)
        assert 1 <= int(heard.headers["retry-after"]) <= 60
        assert one_more("/api/completeJob").status is None


def test_keys_are_tried_as_slowly_as_forms_are_taken_and_looking_is_free(tracker):
    """Of an address five a second, forty of them at once."""
    def heard(method, count=60):
        return [requests.request(method, f"{tracker.plain_url}/me", timeout=30, headers={"X-Forwarded-For": "203.0.113.99"}).status_code
                for _ in range(count)]

    assert 429 not in heard("GET")
    began = time.monotonic()
    sent = heard("POST")
    taken = len(sent) - sent.count(429)
    assert 40 <= taken <= 42 + 5 * (time.monotonic() - began)
    assert 429 not in heard("GET", 5)


def test_an_address_of_ipv6_is_its_network(tracker):
    with Crowd(tracker.http_port) as crowd:
        for n in range(LARGE + 20):
            crowd.add(1, post("/api/completeJob", address=f"2001:db8::{n:x}:1", length=2000000))
        assert eventually(lambda: crowd.ended() >= 20, what="those over the limit are hung up on")
        assert crowd.ended() == 20
        assert honest(tracker, "2001:db8:0:1::1") < 5


def test_a_thousand_workers_of_one_address_start_within_seconds_and_park(fresh):
    fresh.load(["one"])
    Client(fresh).get_job()  # in hand, so that the others wait for it
    began = time.monotonic()

    def register(_):
        s = connect(fresh.http_port)
        s.sendall(b"GET /api/new?stage=a&nickname=crowd HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 203.0.113.6\r\n\r\n")
        data = b""
        while b"}" not in data:
            piece = s.recv(65536)
            assert piece, "a worker was refused"
            data += piece
        return s, re.search(rb'"token":\s*"([0-9a-f-]+)"', data).group(1)
    with Crowd(fresh.http_port) as crowd, ThreadPoolExecutor(64) as pool:
        for s, token in pool.map(register, range(SERVED)):
            s.sendall(post("/api/sync", b'{"token":"' + token + b'","want":1,"wait":50}', "203.0.113.6"))
            crowd.open.append(s)
        assert time.monotonic() - began < 30
        assert fresh.one("select count(*) from tracker.worker where gone_at is null") == SERVED + 1
        assert honest(fresh, "203.0.113.6") < 5
        assert crowd.ended() == 0, "all of them wait"


def on_disk(stack):
    """Bytes of nginx's temporary files, which have no name any more."""
    found, tmp = {}, os.path.join(stack.state, "nginx", "tmp")
    for pid in children_of(stack.pid("nginx")):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/{pid}/fd/{fd}").startswith(tmp):
                    status = os.stat(f"/proc/{pid}/fd/{fd}")
                    found[status.st_ino] = status.st_size
    return sum(found.values())


def resident(stack):
    """Bytes that the pool's processes have in memory."""
    found = 0
    for pid in stack.responders():
        with open(f"/proc/{pid}/status") as f:
            found += int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024
    return found


@pytest.mark.parametrize("call", ["sync", "v1"])
def test_answers_that_nobody_reads_are_on_no_disk_and_hold_up_nobody(fresh, call):
    """Sixty of 7 MB: what one address might have had on disk was 2,500 of 16 MB."""
    fresh.load(["x" * 7_000_000] * 64)
    tokens = [Fleet(fresh).token for _ in range(60)]
    before = resident(fresh)
    with Crowd(fresh.http_port) as crowd:
        for token in tokens:
            body = b'{"token":"%s","want":1}' % token.encode()
            crowd.add(1, post("/api/sync" if call == "sync" else "/api/newJob", body, "203.0.113.10"))
        assert eventually(lambda: crowd.ended() == 60, what="each is being answered, or was hung up on")
        assert on_disk(fresh) == 0
        if not is_sanitized():
            assert resident(fresh) - before < 2 * (4 + 4) * 16_000_000, "four of the longest a process, and what is under way"
        other = Fleet(fresh)
        began = time.monotonic()
        (job,) = other.take()
        assert len(job["data"]) == 7_000_000 and time.monotonic() - began < 20
        other.done(job)
    leased = "select count(*) from tracker.lease"
    eventually(lambda: fresh.one(leased) == 0, what="what nobody took is open again")
    assert fresh.one("select count(*) from tracker.strike where kind <> 'released'") == 0


# --- operators ----------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz"])
@pytest.mark.parametrize("header", ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: ::1",
                                    "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1", "Via: 1.1 a"])
def test_what_came_through_a_proxy_is_no_operator(tracker, path, header):
    for port, tls in ((tracker.http_port, False), (tracker.https_port, True)):
        text = f"GET {path} HTTP/1.1\r\nHost: a\r\n%sConnection: close\r\n\r\n"
        is_ours(say(port, (text % (header + "\r\n")).encode(), tls), 404, "Not Found")
        assert say(port, (text % "").encode(), tls).status == 200


def test_another_address_is_no_operator_until_it_is_on_the_list(tracker):
    """127.0.0.2 stands for the operator's own machine."""
    site = Site(tracker).install("tracker-plain.conf", "tracker-site.conf")
    operators = os.path.join(site.dir, "snippets", "tracker-operators.conf")

    def ask():
        s = socket.create_connection(("127.0.0.1", site.tls), timeout=30, source_address=("127.0.0.2", 0))
        with ssl._create_unverified_context().wrap_socket(s) as s:
            s.sendall(b"GET /metrics HTTP/1.0\r\nHost: a\r\n\r\n")
            return Heard(read_all(s)).status
    try:
        site.start(site.tls)
        assert ask() == 404
        site.process.terminate()
        site.process.wait(60)
        with open(operators, "a") as f:
            f.write("127.0.0.2 1;\n")
        site.start(site.tls)
        assert ask() == 200
    finally:
        site.stop()
