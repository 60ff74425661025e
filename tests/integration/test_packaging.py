"""
What a package's own scripts do, and what the units promise: without a machine to install on, which tests/deb has. The scripts are run
below a folder instead of /, with programs that only say how they were called.
"""
import os
import re
import stat
import subprocess

import pytest

from stack import ROOT

DEB = os.path.join(ROOT, "bin", "deb")
TRACKERS = ("distcompute-tracker.service", "distcompute-tracker@.service")
SAYS = '#!/bin/sh\necho "$(basename "$0") $*" >> "{calls}"\n'


class Machine:
    """A folder for /, and the users that there are."""

    def __init__(self, folder):
        self.root, self.bin, self.calls = folder / "root", folder / "bin", folder / "calls"
        self.bin.mkdir()
        self.root.mkdir()
        self.calls.write_text("")
        for name in ("adduser", "addgroup", "chown"):
            self.program(name, SAYS.format(calls=self.calls))
        self.users()

    def program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def users(self, *names):
        self.program("getent", f'#!/bin/sh\ncase " {" ".join(names)} " in *" $2 "*) ;; *) exit 2 ;; esac\n')

    def file(self, path, text=""):
        at = self.root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
        return at

    def run(self, script, *args):
        """What it printed; how it called others is in `called`."""
        with open(os.path.join(DEB, script), encoding="utf-8") as f:
            text = re.sub(r"(?<![\w/])/(etc|var|usr)/", rf"{self.root}/\1/", f.read())
        assert "#DEBHELPER#" in text
        done = subprocess.run(["sh", "-c", text.replace("#DEBHELPER#", ""), script, *args], capture_output=True, text=True,
                              env={"PATH": f"{self.bin}:/usr/bin:/bin"}, timeout=30)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        self.called = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return done.stdout


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# ---- the packages' scripts

def test_installing_makes_the_user_and_the_group_and_starts_nothing(machine):
    ini = machine.file("etc/distcompute-tracker/tracker.ini")
    ini.chmod(0o644)
    machine.users("www-data")
    said = machine.run("distcompute-tracker.postinst", "configure", "")
    assert machine.called == ["adduser --system --group --home /nonexistent --no-create-home --quiet distcompute",
                              "addgroup --system --quiet distcompute-web", "adduser --quiet www-data distcompute-web",
                              f"chown root:distcompute {ini}"]
    assert mode(ini) == 0o640
    assert "not started" in said and "README.Debian" in said


def test_who_is_there_is_not_made_again(machine):
    machine.users("distcompute", "distcompute-web")
    machine.run("distcompute-tracker.postinst", "configure", "")
    assert machine.called == []


def test_an_upgrade_says_what_is_left_to_do(machine):
    machine.users("distcompute", "distcompute-web")
    said = machine.run("distcompute-tracker.postinst", "configure", "1.0")
    assert "distcompute-admin migrate" in said and "systemctl restart distcompute-tracker" in said and "not started" not in said


@pytest.mark.parametrize("verb", ["abort-upgrade", "abort-remove"])
def test_an_installation_that_was_broken_off_changes_nothing(machine, verb):
    ini = machine.file("etc/distcompute-tracker/tracker.ini")
    ini.chmod(0o644)
    assert machine.run("distcompute-tracker.postinst", verb, "1.0") == "" and machine.called == [] and mode(ini) == 0o644


@pytest.fixture
def left(machine):
    """What is there after the package's own files have gone."""
    machine.kept = [machine.file(p) for p in ("var/cache/nginx/another/x", "var/log/nginx/access.log", "etc/nginx/sites-available/mine")]
    machine.own = [machine.file(p) for p in (
        "var/cache/nginx/tracker_main/a/b", "var/log/nginx/tracker_main-access.log", "var/log/nginx/tracker_main-access.log.1",
        "var/log/nginx/tracker_main-error.log", "var/log/nginx/tracker_main-error.log.2.gz")]
    sites = machine.root / "etc/nginx/sites-enabled"
    sites.mkdir()
    for name in ("tracker", "tracker-plain", "another"):
        (sites / name).symlink_to(machine.root / "etc/nginx/sites-available" / name)
    (sites / "mine").symlink_to(machine.root / "etc/nginx/sites-available/mine")
    machine.sites = sites
    return machine


def test_a_purge_takes_what_the_tracker_made_and_links_that_lead_nowhere(left):
    said = left.run("distcompute-tracker.postrm", "purge")
    assert not any(os.path.exists(p) for p in left.own) and not (left.root / "var/cache/nginx/tracker_main").exists()
    assert all(p.exists() for p in left.kept)
    assert sorted(os.listdir(left.sites)) == ["another", "mine"]
    assert said.count("reload nginx") == 2


def test_a_site_that_somebody_wrote_anew_stays(left):
    left.file("etc/nginx/sites-available/tracker")
    left.run("distcompute-tracker.postrm", "purge")
    assert sorted(os.listdir(left.sites)) == ["another", "mine", "tracker"]


@pytest.mark.parametrize("verb", ["remove", "upgrade", "failed-upgrade", "abort-install"])
def test_what_is_no_purge_takes_nothing(left, verb):
    waiting = left.file("var/lib/private/distcompute-worker/cluster/a.json")
    assert left.run("distcompute-tracker.postrm", verb) == left.run("distcompute-worker.postrm", verb) == ""
    assert all(p.exists() for p in left.own + left.kept + [waiting]) and len(os.listdir(left.sites)) == 4


def test_a_purged_worker_leaves_no_results_behind(left):
    for path in ("var/lib/private/distcompute-worker", "var/lib/distcompute-worker"):
        left.file(path + "/cluster/a.json")
    another = left.file("var/lib/another/x")
    left.run("distcompute-worker.postrm", "purge")
    assert os.listdir(left.root / "var/lib") in (["private", "another"], ["another", "private"]) and another.exists()
    assert os.listdir(left.root / "var/lib/private") == []


# ---- units

class Unit(dict):
    """Section and key: all that is said of it, in its order."""

    def __init__(self, name):
        section = None
        with open(os.path.join(ROOT, "bin", name + ".in"), encoding="utf-8") as f:
            for line in f:
                if line.startswith("["):
                    section = line.strip()[1:-1]
                elif line.strip() and not line.startswith("#"):
                    key, value = line.rstrip("\n").split("=", 1)
                    self.setdefault((section, key), []).append(value)

    def service(self, key):
        return " ".join(self.get(("Service", key), []))


def number_in(path, name):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return int(re.search(rf"#define {name} (\d+)", f.read())[1])


# Nothing of a service that strangers speak to can become more than it is, or touch more than its own.
NARROW = {"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "ProtectHome": "yes", "ProtectClock": "yes",
          "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes", "ProtectControlGroups": "yes",
          "PrivateTmp": "yes", "RestrictSUIDSGID": "yes", "LockPersonality": "yes"}
NARROWER = {"ProtectProc": "invisible", "ProtectHostname": "yes", "PrivateDevices": "yes", "RemoveIPC": "yes",
            "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
            "MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native",
            "SystemCallFilter": "@system-service ~@privileged @resources", "SystemCallErrorNumber": "EPERM"}


@pytest.mark.parametrize("name, narrow", [*((t, {**NARROW, **NARROWER}) for t in TRACKERS), ("distcompute-worker@.service", NARROW)])
def test_a_service_can_do_no_more_than_it_must(name, narrow):
    unit = Unit(name)
    assert {key: unit.service(key) for key in narrow if ("Service", key) in unit} == narrow


@pytest.mark.parametrize("name", TRACKERS)
def test_the_trackers_service_is_ready_when_it_says_so_and_is_let_finish(name):
    unit = Unit(name)
    # Its master speaks to systemd, and so may the one that a reload makes.
    assert (unit.service("Type"), unit.service("NotifyAccess")) == ("notify", "all")
    assert unit.service("ExecReload").endswith("kill -HUP $MAINPID")
    drain = number_in("fcgi/run/process.h", "DRAIN_S")
    assert int(unit.service("TimeoutStopSec")) >= drain + number_in("fcgi/run/process.h", "RETIRE_S") + 2
    assert unit.service("Restart") == "always" and int(unit.service("RestartSec")) >= 1
    assert int(unit.service("LimitNOFILE")) >= 65536
    for server in ("postgresql.service", "redis-server.service"):
        assert server in unit["Unit", "After"][0] and server in unit["Unit", "Wants"][0]
    assert unit["Install", "WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("name", TRACKERS)
def test_its_socket_is_for_nginx_and_its_settings_are_for_itself(name):
    unit = Unit(name)
    assert (unit.service("User"), unit.service("Group"), unit.service("SupplementaryGroups")) == (
        "distcompute", "distcompute-web", "distcompute")
    assert (unit.service("UMask"), unit.service("RuntimeDirectoryMode")) == ("0027", "0750")
    assert unit.service("RuntimeDirectory") in ("distcompute-tracker", "distcompute-tracker-%i")


def test_the_workers_service_ends_its_commands_itself_and_keeps_what_waits():
    unit = Unit("distcompute-worker@.service")
    with open(os.path.join(ROOT, "bin/worker/options.c"), encoding="utf-8") as f:
        grace = int(re.search(r"\.grace_s = (\d+),", f.read())[1])
    # Its commands hear of it from the worker, after their grace; systemd kills what is left of them then.
    assert unit.service("KillMode") == "mixed"
    assert int(unit.service("TimeoutStopSec")) >= grace + 15
    # Whoever asked wrongly, or is refused, is not helped by trying again.
    assert (unit.service("Restart"), unit.service("RestartPreventExitStatus")) == ("on-failure", f"{os.EX_USAGE} {os.EX_CONFIG}")
    state = "%S/" + unit.service("StateDirectory")
    assert state.endswith("/%i") and unit.service("WorkingDirectory") == state
    assert unit.service("Environment") == f"HOME={state} XDG_STATE_HOME={state}"
    assert unit.service("DynamicUser") == "yes"
    for key in ("Wants", "After"):
        assert unit["Unit", key] == ["network-online.target"]
