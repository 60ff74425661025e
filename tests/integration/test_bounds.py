"""No client takes more than its share: memory by what was sent, parked calls, malformed records, logs."""
import re

import pytest

from client import Api, nobody
from waiting import Later, eventually

KIB = 1024
MIB = 1024 * KIB


def memory(pid, what):
    """VmRSS or VmHWM of a process, in bytes."""
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{what}:\s+(\d+) kB", f.read(), re.M).group(1)) * KIB


class Peaks:
    """How much more the pool's processes needed at their peaks than before; in bytes, all together."""

    def __init__(self, stack):
        self.before = {pid: memory(pid, "VmRSS") for pid in stack.responders()}
        for pid in self.before:
            with open(f"/proc/{pid}/clear_refs", "w") as f:
                f.write("5")  # the peak begins anew

    def grown(self):
        return sum(memory(pid, "VmHWM") - before for pid, before in self.before.items())


def repeated(item, size):
    return ",".join([item] * (size // (len(item) + 1)))


def keys(size):
    out, at, n = [], 0, 0
    while at < size:
        out.append(f'"{n:x}":0')
        at += len(out[-1]) + 1
        n += 1
    return "{" + ",".join(out) + "}"


# What a body of so many bytes may look like: each costs a tree many times its own length.
SHAPES = {
    "empty objects": lambda size: '{"token":"x","z":[%s]}' % repeated("{}", size),
    "empty lists": lambda size: '{"token":"x","z":[%s]}' % repeated("[]", size),
    "numbers": lambda size: '{"token":"x","z":[%s]}' % repeated("1", size),
    "long numbers": lambda size: '{"token":"x","z":[%s]}' % repeated("-1.25e-300", size),
    "short strings": lambda size: '{"token":"x","z":[%s]}' % repeated('""', size),
    "escapes": lambda size: '{"token":"x","z":["%s"]}' % ("\\n" * (size // 2)),
    "one long field": lambda size: '{"token":"x","data":"%s"}' % ("a" * size),
    "one field of escapes": lambda size: '{"token":"x","data":"%s"}' % ("\\u00e9" * (size // 6)),
    "many keys": lambda size: '{"token":"x","z":%s}' % keys(size),
    "many keys of its own": lambda size: '{"token":"x",%s' % keys(size)[1:],
    "one key over and over": lambda size: '{"token":"x","z":{%s}}' % repeated('"k":0', size),
    "nested lists": lambda size: '{"token":"x","z":[%s]}' % repeated("[" * 60 + "]" * 60, size),
    "too deep": lambda size: '{"token":"x","z":%s%s}' % ("[" * (size // 2), "]" * (size // 2)),
    "done": lambda size: '{"token":"x","done":[%s]}' % repeated("{}", size),
    "failed": lambda size: '{"token":"x","failed":[%s]}' % repeated('{"job":1}', size),
    "flagged": lambda size: '{"token":"x","flagged":[%s]}' % repeated("1", size),
    "done with much in it": lambda size: '{"token":"x","done":[{"job":1,"z":[%s]}]}' % repeated("{}", size),
    "holding": lambda size: '{"token":"x","holding":[%s]}' % repeated("1", size),
    "data": lambda size: '{"token":"x","done":[{"job":1,"lease":"%s","data":[%s]}]}' % (nobody(), repeated("{}", size)),
    "text data": lambda size: '{"token":"x","done":[{"job":1,"lease":"%s","data":"<!json!>%s"}]}' % (nobody(), "\\n" * (size // 2)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("path", ["/api/sync", "/api/completeJob"])
def test_a_body_costs_twice_its_length_at_most(tracker, api, path, shape):
    for size in (1 * MIB, 6 * MIB):
        body = SHAPES[shape](size).encode()
        peaks = Peaks(tracker)
        answer = api.post(path, body)
        assert answer.status_code in (404, 422), answer.text
        # A process's own needs, such as a first stack of a thread, are allowed for once.
        assert peaks.grown() <= 2 * len(body) + 64 * KIB + MIB


@pytest.mark.parametrize("path", ["/api/newJob", "/api/bye", "/api/validateWorker", "/api/updateProgress", "/api/flagInvalidData"])
def test_a_call_without_data_is_refused_before_its_body_is_read(tracker, api, path):
    body = SHAPES["empty objects"](6 * MIB).encode()
    peaks = Peaks(tracker)
    answer = api.post(path, body)
    assert answer.status_code == 413 and "65536" in answer.text
    assert peaks.grown() <= MIB


def test_what_a_body_took_is_given_back(tracker, api):
    """Not kept for a next one: of twenty large bodies hardly anything is left."""
    body = SHAPES["data"](4 * MIB).encode()
    for _ in range(8):
        api.post("/api/sync", body)  # until every thread has seen one
    before = sum(memory(pid, "VmRSS") for pid in tracker.responders())
    for _ in range(20):
        api.post("/api/sync", body)
    assert sum(memory(pid, "VmRSS") for pid in tracker.responders()) - before <= 8 * MIB


def test_a_call_is_parked_without_its_body(fresh, fleet):
    """Twenty calls with a megabyte each wait, and hold next to nothing."""
    fleets = [fleet() for _ in range(20)]
    pad = "x" * MIB
    before = sum(memory(pid, "VmRSS") for pid in fresh.responders())
    calls = [Later(f.sync, want=1, wait=30, z=[pad, []]) for f in fleets]
    metrics = Api(fresh, plain=True)
    eventually(lambda: "tracker_parked_calls 20" in metrics.get("/metrics").text, what="twenty calls are parked")
    assert sum(memory(pid, "VmRSS") for pid in fresh.responders()) - before <= 8 * MIB
    fresh.load([f"j{i}" for i in range(len(fleets))], append=True)
    assert [len(call.result()["jobs"]) for call in calls] == [1] * len(fleets)
