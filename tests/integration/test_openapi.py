"""
The OpenAPI document: served, sound, complete, and true.

Every path and method of it is called, every status that can be had without breaking the stack is
heard, and every answer is held against what the document says of it.
"""
import json
import os
import re
import subprocess

import jsonschema
import pytest
import requests

from client import Api, nobody, which
from stack import ROOT

DOCUMENT = json.load(open(os.path.join(ROOT, "templates", "static", "openapi.json"), encoding="utf-8"))
OPERATIONS = {op["operationId"]: (method.upper(), path, op)
              for path, item in DOCUMENT["paths"].items() for method, op in item.items()}
# These need a server to be away or a storm of calls: test_faults.py and test_load.py.
NOT_HERE = {"429", "503"}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        at = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


def check(value, schema):
    """Against a schema of the document, whose $refs point into the document."""
    jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]},
                                    format_checker=jsonschema.FormatChecker()).validate(value)


def nodes(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from nodes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from nodes(value, f"{path}/{i}")


# --- sound --------------------------------------------------------------------------------------

def test_it_is_served_as_it_lies_in_the_tree(api):
    answer = api.get("/static/openapi.json")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert answer.json() == DOCUMENT


def test_every_reference_leads_somewhere():
    refs = [node["$ref"] for _, node in nodes(DOCUMENT) if isinstance(node, dict) and "$ref" in node]
    assert refs and all(resolve({"$ref": ref}) for ref in refs)
    used = {name for _, _, op in OPERATIONS.values() for way in op.get("security", []) for name in way}
    assert used == set(DOCUMENT["components"]["securitySchemes"])
    components = {f"#/components/{kind}/{name}" for kind, all_ in DOCUMENT["components"].items() for name in all_
                  if kind != "securitySchemes"}
    assert components <= set(refs), "a component that nothing refers to"


def test_its_schemas_are_schemas_and_its_examples_follow_them():
    for path, node in nodes(DOCUMENT):
        if isinstance(node, dict) and "schema" in node:
            jsonschema.Draft202012Validator.check_schema({**resolve(node["schema"])})
            if "example" in node:
                check(node["example"], resolve(node["schema"]))


def test_every_operation_says_what_it_is():
    assert DOCUMENT["openapi"].startswith("3.1.")
    ids = [op["operationId"] for item in DOCUMENT["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for method, path, op in OPERATIONS.values():
        assert op["summary"].endswith((".", "?")) and set(op["tags"]) <= tags, path
        named = {p["name"] for p in op.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path
        assert all(resolve(r)["description"] for r in op["responses"].values()), path


def test_every_route_of_the_tracker_is_in_it():
    """The table of routes, where a path that ends in a slash has parts after it."""
    source = open(os.path.join(ROOT, "fcgi", "web", "routes.c"), encoding="utf-8").read()
    routes = set(re.findall(r'^\s*{(GET|POST)(?: \| HEAD)?, "([^"]+)"', source, re.M))
    assert len(routes) > 15
    documented = {(method, re.sub(r"{.*", "", path)) for method, path, _ in OPERATIONS.values()}
    assert routes == documented


# --- true -----------------------------------------------------------------------------------------

class Asker:
    """Makes calls by operationId and holds the answers against the document."""

    def __init__(self, stack):
        self.stack = stack
        self.api = Api(stack)
        self.heard = set()

    def ask(self, operation, status, body=None, query=None, headers=None, plain=False, **parts):
        method, path, op = OPERATIONS[operation]
        for name, value in parts.items():
            path = path.replace("{%s}" % name, requests.utils.quote(str(value), safe=""))
        caller = Api(self.stack, plain=True) if plain else self.api
        answer = caller.call(method, path, body, params=query, headers=headers or {})
        assert answer.status_code == status, (operation, answer.status_code, answer.text[:300])
        assert str(status) in op["responses"], f"{operation}: {status} is not documented"
        self._hold(answer, resolve(op["responses"][str(status)]))
        self.heard.add((operation, str(status)))
        return answer

    @staticmethod
    def _hold(answer, said):
        content = said.get("content")
        if content is None:
            assert answer.content == b""
            return
        kind = answer.headers["Content-Type"]
        assert kind in content, (kind, list(content))
        schema = resolve(content[kind]["schema"])
        check(answer.json() if kind == "application/json" else answer.text, schema)


@pytest.fixture
def asker(fresh):
    fresh.load([f"s3://bucket/{i}.tar" for i in range(12)] + [{"list": [1, 2]}])
    return Asker(fresh)


def test_every_documented_answer_is_heard(asker):
    ask = asker.ask
    worker = ask("registerWorker", 200, query={"stage": "a", "nickname": "Ada L."}).json()
    token = {"token": worker["token"]}
    gone = {"token": nobody()}
    ask("registerWorker", 400, query={"stage": "e", "nickname": "Ada L."})
    ask("registerWorker", 422, query={"stage": "a"})
    key = asker.stack.run("distcompute-admin", "person", "key", "add", "Grace").stdout.strip()
    ask("registerWorker", 401, query={"stage": "a", "nickname": "Grace"})
    ask("registerWorker", 200, query={"stage": "a", "nickname": "Grace"}, headers={"Authorization": f"Bearer {key}"})
    asker.stack.sql("insert into tracker.ban (person, words) values ('Mallory', 'your results were made up')")
    ask("registerWorker", 403, query={"stage": "a", "nickname": "Mallory", "label": "warc2tar 1.4"})
    asker.stack.sql("delete from tracker.ban")
    ask("countJobs", 200, query={"stage": "a"})
    ask("countJobs", 400, query={"stage": "x"})
    ask("countJobs", 422)
    large = {**token, "data": "x" * (17 << 20), "progress": "x"}
    for call in ("validateWorker", "newJob", "updateProgress", "completeJob", "flagInvalidData", "sayBye", "sync"):
        ask(call, 422, {"data": "x", "progress": "x"})
        ask(call, 413, large)
    for call in ("newJob", "updateProgress", "completeJob", "flagInvalidData", "sayBye", "sync"):
        ask(call, 404, {**gone, "data": "x", "progress": "x"})

    assert ask("validateWorker", 200, token).text == "True"
    ask("completeJob", 403, {**token, "data": "x"})
    ask("flagInvalidData", 403, token)
    job = ask("newJob", 200, {**token, "wait": 1}).json()
    ask("updateProgress", 200, {**token, "progress": "12 / 100"})
    ask("completeJob", 200, {**token, "data": "the result"})
    ask("newJob", 200, token)
    ask("flagInvalidData", 200, token)

    fleet = {"token": ask("registerWorker", 200, query={"stage": "a", "nickname": "Ada L.", "slots": 20}).json()["token"]}
    first = ask("sync", 200, {**fleet, "want": 20, "progress": "begun"}).json()["jobs"]
    assert len(first) == 11 and {type(j["data"]) for j in first} == {str, dict}
    answer = ask("sync", 200, {**fleet, "done": [{**which(first[0]), "data": {"any": "JSON"}}, {"job": 1}],
                               "failed": [{**which(first[1]), "reason": "exit 3: disk full"}],
                               "flagged": [which(first[2])], "released": [which(first[3])],
                               "holding": [j["job"] for j in first[4:]] + [999], "want": 0}).json()
    assert [r["status"] for r in answer["results"]] == ["accepted", "unknown", "accepted", "accepted", "accepted"]
    assert answer["drop"] == [999]
    late = {"token": ask("registerWorker", 200, query={"stage": "b", "nickname": "Ada L."}).json()["token"]}
    for _ in range(2):
        (it,) = ask("sync", 200, {**late, "want": 1}).json()["jobs"]
        ask("sync", 200, {**late, "done": [{**which(it), "data": 1.5}]})
    assert ask("sync", 200, {**late, "want": 1}).json()["message"]
    ask("newJob", 403, {"token": ask("registerWorker", 200, query={"stage": "b", "nickname": "x"}).json()["token"]})

    stats = ask("readStats", 200)
    ask("readStats", 304, headers={"If-None-Match": stats.headers["ETag"]})
    ask("drawBadge", 200)
    ask("drawPersonBadge", 200, nickname="Ada L.")
    ask("drawPersonBadge", 404, nickname="Nobody at all")
    ask("dashboard", 200, query={"all": "true", "stage": "a", "state": "working", "range": "24h"})
    ask("leaderboard", 200, query={"period": "week", "q": "a"})
    ask("showWorker", 200, stage=worker["stage_name"].lower(), name=worker["display_name"])
    ask("showWorker", 400, stage="no such stage", name="x")
    ask("showWorker", 404, stage=worker["stage_name"].lower(), name="nobody-here-1")
    ask("showPerson", 200, nickname="Ada L.")
    ask("showPerson", 404, nickname="Nobody at all")
    ask("showJob", 200, number=job["number"])
    ask("showJob", 404, number=10 ** 9)
    ask("showBatch", 200, name=stats.json()["batches"][0]["name"], query={"range": "1h"})
    ask("showBatch", 404, name="no such batch")
    ask("showBatches", 200, query={"state": "ended"})
    ask("showJoin", 200)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    ask("takeName", 200, "nickname=Hypatia", headers=form)
    ask("takeName", 422, "nickname=Grace", headers=form)
    ask("takeName", 403, "nickname=Emmy", headers=form, plain=True)
    ask("showOwn", 200)
    ask("actOwn", 422, "act=in&key=x", headers=form)
    ask("actOwn", 403, "act=hide", headers=form)
    came = ask("actOwn", 303, f"act=in&key={key}", headers=form)
    cookie = {"Cookie": came.headers["Set-Cookie"].split(";")[0]}
    shown = re.search(r'name="form" value="(\w+)"', ask("showOwn", 200, headers=cookie).text).group(1)
    ask("actOwn", 200, f"act=data&form={shown}", headers={**form, **cookie})
    ask("actOwn", 200, f"act=key&form={shown}", headers={**form, **cookie})
    for call in ("isAlive", "isReady", "readMetrics"):
        ask(call, 200, plain=True)
    assert ask("sayBye", 200, token).text == "200 OK"
    assert ask("validateWorker", 200, token).text == "False"

    documented = {(name, status) for name, (_, _, op) in OPERATIONS.items() for status in op["responses"]}
    assert {d for d in documented - asker.heard if d[1] not in NOT_HERE} == set()


def test_the_curl_lines_of_the_document_run(asker):
    """Those of its description, with the tracker and the certificate put in."""
    text = DOCUMENT["info"]["description"]
    v1, fleet = re.findall(r"```sh\n(.*?)```", text, re.S)
    setting = "curl() { command curl --fail -s --cacert \"$CA\" \"$@\"; echo; }\n" \
              "jq() { /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[\"token\"])'; }\n"
    env = {**os.environ, "CA": asker.stack.certificate}
    put = v1.replace("https://tracker.example", asker.stack.url)
    done = subprocess.run(["sh", "-ec", setting + put + 'echo "$token"'], env=env, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "the result" in [data for (data,) in asker.stack.sql("select data from tracker.output")]
    said = [line for line in done.stdout.splitlines() if line]
    assert json.loads(said[0])["number"] == 1 and said[1:4] == ["200 OK"] * 3

    new = Api(asker.stack).new("a", "Ada")
    env.update(T=asker.stack.url, token=new["token"])
    take, give = fleet.strip().splitlines()
    run = lambda line: json.loads(subprocess.run(["sh", "-ec", setting + line], env=env, capture_output=True, text=True,
                                                 timeout=60, check=True).stdout)
    first, second = run(take)["jobs"]
    env["lease"] = first["lease"]
    answer = run(give.replace('"job": 17', f'"job": {first["job"]}'))
    assert answer["results"] == [{"job": first["job"], "status": "accepted"}]
    assert len(answer["jobs"]) == 1 and second["job"] != first["job"]
