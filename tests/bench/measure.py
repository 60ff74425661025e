"""Ways to measure: the driver, pgbench, the disk; medians of interleaved rounds."""

import json
import os
import re
import statistics
import subprocess
import time


class Failed(Exception):
    """An answer was wrong, or the driver could not go on."""


def drive(build, target, mix, connections=64, seconds=3.0, tls=False, blind=False, flags=()):
    """One run of tests/bench/drive against a stack or a no-op; its report."""
    command = [os.path.join(build, "tests/bench/drive"), "--json", "--mix", mix,
               "--port", str(target.https if tls else target.http),
               "--connections", str(connections), "--seconds", str(seconds),
               "--host-name", "localhost", *target.watch(), *flags]
    command += ["--tls"] if tls else []
    command += ["--blind"] if blind else []
    r = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not r.stdout.startswith("{"):
        raise Failed(f"{' '.join(command)}: {r.stderr[-1000:]}")
    report = json.loads(r.stdout)
    report["said"] = r.stderr[-1000:]
    return report


def interleave(rounds, **runs):
    """A B C, A B C, ...: what each returned, in lists. Slow drifts of the machine hit all alike."""
    results = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            results[name].append(run())
    return results


def median(reports, *keys):
    values = []
    for r in reports:
        for key in keys:
            r = r.get(key, {}) if isinstance(r, dict) else {}
        if isinstance(r, (int, float)):
            values.append(r)
    return statistics.median(values) if values else 0.0


def cpu_per_1000(reports):
    """CPU seconds that each server spent for 1,000 right answers, medians."""
    names = {name for r in reports for name in r["cpu"]}
    return {name: statistics.median(r["cpu"].get(name, {}).get("s", 0) * 1000 /
                                    max(r["requests"], 1) for r in reports) for name in names}


def is_idle(report):
    """Nothing was answered, or, of a mix that works on jobs, nothing was done: its figures say nothing."""
    works = any(call.split(":")[0] in ("cycle", "completeJob") or call.startswith("sync:") and call.count(":") == 1
                for call in re.split("[,+]", report["mix"]))
    return report["all_requests"] + report["empty"] == 0 or (works and report["all_done"] == 0)


def wrong(reports):
    """Answers that must not be: wrong ones, lost connections, server errors but honest 503s."""
    return sum(r["wrong"] + r["dropped"] +
               sum(n for status, n in r["statuses"].items() if status >= "500" and status != "503")
               for r in reports)


def pgbench(stack, script, clients, seconds, folder, variables=()):
    """Transactions a second and the median latency in ms of a script for pgbench."""
    path = os.path.join(folder, "pgbench.sql")
    logs = os.path.join(folder, "pgbench_log")
    with open(path, "w") as f:
        f.write(script)
    for name in os.listdir(folder):
        if name.startswith("pgbench_log"):
            os.unlink(os.path.join(folder, name))
    command = ["pgbench", "-n", "-M", "prepared", "-f", path, "-c", str(clients), "-j", "1", "-T",
               str(max(1, round(seconds))), "-l", "--log-prefix", logs]
    for name, value in variables:
        command += ["-D", f"{name}={value}"]
    r = subprocess.run([*command, stack.conninfo], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
    rate = re.search(r"tps = ([0-9.]+)", r.stdout)
    if r.returncode != 0 or rate is None:
        raise Failed(f"pgbench: {r.stderr[:600]}")
    times = []
    for name in os.listdir(folder):
        if name.startswith("pgbench_log"):
            with open(os.path.join(folder, name)) as f:
                times += [int(line.split()[2]) for line in f]
    return {"rate": float(rate.group(1)), "p50_ms": statistics.median(times) / 1000 if times else 0}


def fsync_rate(folder, seconds=1.0):
    """Writes of 8 KiB with fdatasync a second, one after the other: what PostgreSQL's log does."""
    path = os.path.join(folder, "fsync.probe")
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(16 << 20))
    os.fsync(fd)
    count, end = 0, time.monotonic() + seconds
    began = time.monotonic()
    while time.monotonic() < end:
        os.pwrite(fd, bytes(8192), (count % 2048) * 8192)
        os.fdatasync(fd)
        count += 1
    took = time.monotonic() - began
    os.close(fd)
    os.unlink(path)
    return count / took


def pg_test_fsync(folder):
    """PostgreSQL's own look at the disk: open_datasync, fdatasync, fsync, one 8 KiB write each."""
    r = subprocess.run(["/usr/lib/postgresql/15/bin/pg_test_fsync", "-s", "1", "-f",
                        os.path.join(folder, "pg_test_fsync.probe")],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.findall(r"^\s+(\w+)\s+([0-9.]+) ops/sec", r.stdout, re.M)
    rates = {}
    for name, rate in found:
        rates.setdefault(name, float(rate))
    return rates


def tree(pid):
    """A process and all that it begot."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as f:
                    parents[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = [int(pid)]
    for p in found:
        found += [child for child, parent in parents.items() if parent == p]
    return found


def pool_state(pid):
    """Resident and proportional memory in MiB, threads and descriptors of a tree of processes."""
    state = {"rss_mib": 0.0, "pss_mib": 0.0, "threads": 0, "descriptors": 0}
    for p in tree(pid):
        try:
            with open(f"/proc/{p}/smaps_rollup") as f:
                text = f.read()
            state["rss_mib"] += int(re.search(r"^Rss:\s+(\d+)", text, re.M).group(1)) / 1024
            state["pss_mib"] += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) / 1024
            state["threads"] += len(os.listdir(f"/proc/{p}/task"))
            state["descriptors"] += len(os.listdir(f"/proc/{p}/fd"))
        except (OSError, AttributeError):
            pass
    return state
