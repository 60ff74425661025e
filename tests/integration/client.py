"""
client -- both ways of speaking to the tracker, as workers do.

Api      one keep-alive HTTPS connection, the private certificate checked; answers as they came.
Client   behaves as distcompute-client 1.0.0: statuses become exceptions, any request is sent
         again for ever after a connection error (here until a deadline, and sooner than after 2.5 s).
Fleet    a worker that speaks /api/sync.
"""
import json
import time
import uuid

import requests

JSON = {"Content-Type": "application/json"}


class NoJob(Exception):
    """403: nothing to do now, or the call does not fit what the worker holds."""


class WorkerTimedOut(Exception):
    """404: the tracker does not know this worker."""


class ServerError(Exception):
    """Any status for which the published client has no name."""


class Api:
    def __init__(self, stack, plain=False, base=None, follow=False):
        """base: another way to the stack; follow: redirects, as requests does by itself."""
        self.stack = stack
        self.base = base or (stack.plain_url if plain else stack.url)
        self.follow = follow
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = stack.certificate

    def close(self):
        self.session.close()

    def call(self, method, path, body=None, timeout_s=70, **kwargs):
        """One request; a body that is not bytes travels as JSON."""
        headers = dict(kwargs.pop("headers", {}))
        if body is not None:
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode()
            headers = {**JSON, **headers}
        return self.session.request(method, self.base + path, data=body, headers=headers,
                                    timeout=timeout_s, allow_redirects=self.follow, **kwargs)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def post(self, path, body, **kwargs):
        return self.call("POST", path, body, **kwargs)

    def new(self, stage="a", nickname="anonymous", label=None, slots=None, has=None):
        """requests leaves out what is None."""
        answer = self.get("/api/new", params={"nickname": nickname, "stage": stage, "label": label, "slots": slots,
                                                 "has": has})
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def text(self, path, body):
        """(status, text) of a v1 call."""
        answer = self.post(path, body)
        return answer.status_code, answer.text


class Client:
    PATIENCE_S = 60.0
    PAUSE_S = 0.1

    def __init__(self, stack, stage="a", nickname="anonymous", api=None):
        self.api = api or Api(stack)
        self.stage = stage
        self.nickname = nickname
        self.resent = 0
        reply = self._send("GET", "/api/new", params={"nickname": nickname, "stage": stage}).json()
        self.token = reply["token"]
        self.name = reply["display_name"]
        self.project = reply["project"]
        self.stage_name = reply["stage_name"]
        self.number = None

    def _send(self, method, path, body=None, **kwargs):
        deadline = time.monotonic() + self.PATIENCE_S
        while True:
            try:
                answer = self.api.call(method, path, body, **kwargs)
                break
            except requests.exceptions.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                self.resent += 1
                time.sleep(self.PAUSE_S)
        if answer.status_code == 200:
            return answer
        if answer.status_code == 400:
            raise ValueError(answer.text)
        if answer.status_code == 403:
            raise NoJob(answer.text)
        if answer.status_code == 404:
            raise WorkerTimedOut(answer.text)
        raise ServerError(f"{answer.status_code}: {answer.text}")

    def _post(self, path, **fields):
        return self._send("POST", path, {"token": self.token, **fields})

    def job_count(self):
        return int(self._send("GET", "/api/jobCount", params={"stage": self.stage}).text)

    def is_valid(self):
        return self._post("/api/validateWorker").text == "True"

    def get_job(self, **fields):
        """The job's data, lists and objects unpacked; its number is kept in .number."""
        job = self._post("/api/newJob", **fields).json()
        self.number = job["number"]
        data = job["data"]
        return json.loads(data[len("<!json!>"):]) if data.startswith("<!json!>") else data

    def log(self, progress):
        self._post("/api/updateProgress", progress=progress)

    def complete(self, data):
        if not isinstance(data, str):
            data = "<!json!>" + json.dumps(data)
        self._post("/api/completeJob", data=data)

    def flag(self):
        self._post("/api/flagInvalidData")

    def bye(self):
        self._post("/api/bye")


class Fleet:
    """A worker with many jobs in hand, by /api/sync: as many slots as may be said."""

    def __init__(self, stack, stage="a", nickname="anonymous", label=None, slots=256):
        self.stack = stack
        self.api = Api(stack)
        opened = self.api.new(stage, nickname, label, slots)
        self.token = opened["token"]
        self.name = opened["display_name"]

    def raw(self, timeout_s=70, **fields):
        return self.api.post("/api/sync", {"token": self.token, **fields}, timeout_s=timeout_s)

    def sync(self, **fields):
        answer = self.raw(**fields)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    def take(self, want=1, **fields):
        """The jobs of one call."""
        return self.sync(want=want, **fields).get("jobs", [])

    def earn(self):
        """As if it had results enough for the largest allowance."""
        self.stack.sql("update tracker.worker set allowance = 1000 where name = %s", self.name)

    def take_all(self, count):
        """So many jobs, in as many calls as it takes: a call may get fewer than it wants."""
        self.earn()
        jobs = []
        while len(jobs) < count:
            more = self.take(min(1000, count - len(jobs)))
            assert more, f"{len(jobs)} of {count} jobs"
            jobs += more
        return jobs

    def done(self, job, data="result"):
        """The status of one result."""
        results = self.sync(done=[{**which(job), "data": data}])["results"]
        assert [r["job"] for r in results] == [job["job"]]
        return results[0]["status"]

    def give(self, kind, job, **fields):
        """And the time of the rest after a bad end has passed."""
        answer = self.tell(kind, job, **fields)
        self.stack.sql("update tracker.worker set rest_until = '-infinity' where name = %s", self.name)
        return answer

    def tell(self, kind, job, **fields):
        results = self.sync(**{kind: [{**which(job), **fields}]})["results"]
        assert [r["job"] for r in results] == [job["job"]]
        return results[0]["status"]

    def beside(self):
        """The same worker on a connection of its own, for calls at the same time."""
        other = object.__new__(Fleet)
        other.stack, other.api = self.stack, Api(self.stack)
        other.token, other.name = self.token, self.name
        return other


def which(job):
    return {"job": job["job"], "lease": job["lease"]}


def nobody():
    return str(uuid.uuid4())


def work(stack, stage, nickname, count, data="made up", label=None):
    """One of this nickname who has done so many jobs of the stage, and the jobs."""
    fleet = Fleet(stack, stage, nickname, label)
    jobs = []
    while len(jobs) < count:
        some = fleet.take_all(min(count - len(jobs), 1000))
        answer = fleet.sync(done=[{**which(j), "data": data} for j in some])
        assert {r["status"] for r in answer["results"]} == {"accepted"}
        jobs += some
    return fleet, jobs
