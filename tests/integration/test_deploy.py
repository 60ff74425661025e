"""What is installed for other servers: a balancer, Prometheus, HAProxy, units; each is seen by the server it is for."""
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest
import requests

from client import Api, Client
from stack import ROOT
from test_edge import Site, connect, is_ours, post, read_all, say

DEPLOY = os.path.join(ROOT, "bin", "deploy")


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout


class ApplicationHost:
    """A socket that takes one request, as a host behind the balancer would, and answers 200."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.heard = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        s, _ = self.listener.accept()
        with s:
            self.heard = s.recv(65536).decode()
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Request-Id: theirs\r\n"
                      b"Content-Security-Policy: theirs\r\nConnection: close\r\n\r\nok")


@pytest.fixture
def balancer(fresh):
    """balancer(PORT...): the balancer's nginx before hosts on these ports."""
    sites = []

    def start(*ports):
        site = Site(fresh).install("tracker-balancer.conf")
        path = os.path.join(site.dir, "sites-enabled", "tracker-balancer.conf")
        with open(path) as f:
            text = re.sub(r"\tserver 192\.0\.2\.12:.*\n", "", f.read())
        hosts = "".join(f"\tserver 127.0.0.1:{port} max_fails=2 fail_timeout=2s;\n" for port in ports)
        with open(path, "w") as f:
            f.write(re.sub(r"\tserver 192\.0\.2\.11:.*\n", hosts, text, count=1))
        sites.append(site.start(site.tls))
        return site
    yield start
    for site in sites:
        site.stop()


def test_a_job_goes_through_the_balancer_to_a_host_and_back(fresh, balancer):
    fresh.load(["one"])
    site = balancer(fresh.http_port)
    client = Client(fresh)
    client.api.base = f"https://localhost:{site.tls}"
    assert client.get_job() == "one"
    client.complete("done")
    assert fresh.one("select data from tracker.output") == "done"
    page = client.api.get("/")
    assert page.status_code == 200
    for name in ("Content-Security-Policy", "X-Request-Id", "Strict-Transport-Security"):
        assert "," not in page.headers[name] or name == "Content-Security-Policy", "each header is there once"


def test_the_host_is_told_the_visitors_own_address_whatever_he_says(balancer):
    host = ApplicationHost()
    site = balancer(host.port)
    heard = say(site.tls, post("/api/bye", b"{}", "198.51.100.7", more="Connection: close\r\n"), True)
    assert heard.status == 200
    assert heard.headers["x-request-id"] == "theirs"  # by which it is found in the logs of both hosts
    assert re.findall(r"(?mi)^x-forwarded-for: (.*?)\r$", host.heard) == ["127.0.0.1"]


def test_ones_own_page_goes_through_the_balancer_which_took_tls_off(fresh, balancer):
    key = fresh.run("distcompute-admin", "person", "key", "add", "Ada").stdout.strip()
    api = Api(fresh)
    api.base = f"https://localhost:{balancer(fresh.http_port).tls}"
    came = api.call("POST", "/me", f"act=in&key={key}", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert came.status_code == 303 and came.headers["Location"] == "/me"
    assert "Sign out" in api.get("/me", headers={"Cookie": came.headers["Set-Cookie"].split(";")[0]}).text


def test_operators_pages_are_not_to_be_had_through_the_balancer(fresh, balancer):
    site = balancer(fresh.http_port)
    for path in ("/metrics", "/readyz", "/healthz"):
        is_ours(say(site.tls, f"GET {path} HTTP/1.0\r\nHost: a\r\n\r\n".encode(), True), 404)


def test_while_no_host_is_there_a_v1_call_hears_nothing_and_all_else_503(balancer):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    site = balancer(port)
    with connect(site.tls, True) as s:
        s.sendall(post("/api/newJob", b"{}"))
        assert read_all(s) == b""
    is_ours(say(site.tls, post("/api/sync", b"{}", more="Connection: close\r\n"), True), 503)
    is_ours(say(site.tls, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", True), 503)


def test_a_host_that_is_gone_is_passed_over(fresh, balancer):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    site = balancer(port, fresh.http_port)
    for _ in range(6):
        heard = say(site.tls, post("/api/validateWorker", b'{"token":"x"}', more="Connection: close\r\n"), True)
        assert (heard.status, heard.body) == (200, b"False")


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_each_alert_fires_when_it_should_and_not_when_all_is_well(tmp_path):
    shutil.copy(os.path.join(DEPLOY, "alerts.yml"), tmp_path)
    shutil.copy(os.path.join(ROOT, "tests", "integration", "alerts.test.yml"), tmp_path)
    output_of("promtool", "check", "rules", str(tmp_path / "alerts.yml"))
    assert "SUCCESS" in output_of("promtool", "test", "rules", str(tmp_path / "alerts.test.yml"))
    with open(tmp_path / "alerts.yml") as rules, open(tmp_path / "alerts.test.yml") as tests:
        names, tried = re.findall(r"- alert: (\w+)", rules.read()), tests.read()
    assert [name for name in names if f'alertname="{name}"' not in tried] == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_the_lines_for_prometheus_are_taken_by_it(tmp_path):
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(os.path.join(DEPLOY, name), tmp_path)
    output_of("promtool", "check", "config", str(tmp_path / "prometheus.yml"))


def test_alerts_and_dashboard_ask_only_for_numbers_that_the_tracker_gives(fresh):
    fresh.load(["one"])
    given = set(re.findall(r"(?m)^(tracker_\w+)", requests.get(fresh.plain_url + "/metrics", timeout=30).text))
    given |= {"tracker_replication_lag_bytes"}  # of a standby: tests/failover/test_failover.py sees it
    with open(os.path.join(DEPLOY, "dashboard.json")) as f:
        panels = json.load(f)["panels"]
    with open(os.path.join(DEPLOY, "alerts.yml")) as f:
        asked = f.read()
    asked += " ".join(target["expr"] for panel in panels for target in panel["targets"])
    assert set(re.findall(r"tracker_\w+", asked)) - given == set()


@pytest.mark.skipif(not shutil.which("haproxy"), reason="no haproxy")
def test_haproxy_takes_its_file():
    output_of("haproxy", "-c", "-f", os.path.join(DEPLOY, "haproxy.cfg"))


def test_each_of_several_trackers_has_a_folder_of_its_own_for_its_socket():
    """systemd removes that folder when the service stops."""
    with open(os.path.join(ROOT, "bin", "distcompute-tracker@.service.in")) as f:
        unit = f.read()
    (folder,) = re.findall(r"(?m)^RuntimeDirectory=(.*)$", unit)
    assert "%i" in folder and f"--listen unix:/run/{folder}/" in unit
