"""The v1 calls as they look on the wire: one test a fact of the table in the protocol."""
import re
import socket
import ssl
import uuid

import pytest

from client import nobody
from waiting import eventually

TEXT = "text/plain; charset=utf-8"
GONE = "The server could not find this worker. Did the worker time out?"
NOTHING = ("Either there are no new jobs available, or there was an error whilst finding a job. "
           "Keep retrying, as jobs are dynamically created.")
POSTS = {
    "/api/validateWorker": {},
    "/api/newJob": {},
    "/api/updateProgress": {"progress": "1 / 2"},
    "/api/completeJob": {"data": "x"},
    "/api/flagInvalidData": {},
    "/api/bye": {},
}
GETS = ["/api/new?nickname=N&stage=a", "/api/jobCount?stage=a"]


def plain(answer, status, text=None):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == TEXT
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    if text is not None:
        assert answer.text == text
    return answer.text


def sentence(answer, status, naming=None):
    """An error is one bare sentence: no JSON, no HTML, no lines."""
    text = plain(answer, status)
    assert text and text.strip() == text and "\n" not in text, repr(text)
    assert not text.startswith(("{", "<", "[")), text
    if naming:
        assert naming in text, text


# --- /api/new ---------------------------------------------------------------------------------

def test_new_answers_token_name_project_and_stage(api):
    answer = api.get("/api/new?nickname=Ada&stage=a")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    reply = answer.json()
    assert set(reply) >= {"token", "display_name", "project", "stage_name"}
    assert reply["project"] == "Test Project"
    assert reply["stage_name"] == "Extract"
    assert reply["idle_timeout"] == 7200
    assert uuid.UUID(reply["token"]).version == 4
    assert reply["token"] == str(uuid.UUID(reply["token"]))
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]+", reply["display_name"]), reply


def test_new_on_stage_b_tells_its_name_exactly(api):
    assert api.new("b")["stage_name"] == "Filter & Rank"


def test_new_gives_every_worker_its_own_token_and_name(api):
    opened = [api.new() for _ in range(60)]
    assert len({w["token"] for w in opened}) == 60
    assert len({w["display_name"] for w in opened}) == 60


@pytest.mark.parametrize("stage", ["z", "f", "A", "ab", "1", "'", "<script>alert(1)</script>", "é", "a b"])
def test_new_on_a_stage_that_does_not_exist(api, stage):
    answer = api.get("/api/new", params={"nickname": "N", "stage": stage})
    plain(answer, 400, f"Invalid worker stage: '{stage}'. Choose from 'a'/'b'/'c'/'d'/'e'.")


@pytest.mark.parametrize("stage", "cde")
def test_new_on_a_disabled_stage(api, stage):
    plain(api.get(f"/api/new?nickname=N&stage={stage}"), 400, f"The worker stage '{stage}' is disabled.")


@pytest.mark.parametrize("query,field", [
    ("stage=a", "nickname"), ("nickname=N", "stage"), ("", "nickname"), ("nickname=&stage=a", "nickname")])
def test_new_without_a_parameter(api, query, field):
    sentence(api.get(f"/api/new?{query}"), 422, field if query else None)


@pytest.mark.parametrize("nickname", ["x" * 128, "é" * 128, "\U0001f680" * 128])
def test_new_takes_a_nickname_of_128_characters(tracker, api, nickname):
    api.new(nickname=nickname)
    assert tracker.sql("select 1 from tracker.person where nickname = %s", nickname)


@pytest.mark.parametrize("query", [
    "nickname=" + "x" * 129, "nickname=" + "%C3%A9" * 129, "nickname=%FF", "nickname=%C3", "nickname=%ED%A0%80",
    "nickname=%C0%80", "nickname=a%00b", "nickname=a%0Ab", "nickname=%1B", "nickname=%7F", "nickname=%C2%85"])
def test_new_refuses_a_nickname_too_long_or_no_clean_utf8(api, query):
    sentence(api.get(f"/api/new?{query}&stage=a"), 422, "nickname")


@pytest.mark.parametrize("encoded,meant", [
    ("Cluster+2", "Cluster 2"), ("Cluster%202", "Cluster 2"), ("a%2Bb", "a+b"), ("50%25", "50%"),
    ("O%27Brien%26Co", "O'Brien&Co"), ("%D7%A9%D7%9C%D7%95%D7%9D", "שלום"), ("%F0%9F%A6%8A", "🦊")])
def test_new_decodes_the_nickname(tracker, api, encoded, meant):
    assert api.get(f"/api/new?nickname={encoded}&stage=a").status_code == 200
    assert tracker.sql("select 1 from tracker.person where nickname = %s", meant)


def test_new_ignores_further_parameters(api):
    assert api.get("/api/new?utm=1&nickname=N&x=%FF&stage=a&&=&y").status_code == 200


# --- the calls with a token -------------------------------------------------------------------

def test_validate_worker_says_true_of_a_present_one(api):
    plain(api.post("/api/validateWorker", {"token": api.new()["token"]}), 200, "True")


@pytest.mark.parametrize("token", [nobody(), "", "abc", "x" * 5000, "' or 1=1 --", "é", "00000000-0000-0000-0000-00000000000g"])
def test_validate_worker_says_false_of_a_token_that_never_existed(api, token):
    plain(api.post("/api/validateWorker", {"token": token}), 200, "False")


def test_validate_worker_says_false_after_bye(api):
    token = api.new()["token"]
    plain(api.post("/api/bye", {"token": token}), 200, "200 OK")
    plain(api.post("/api/validateWorker", {"token": token}), 200, "False")


def test_job_count_is_the_number_that_a_worker_could_take_now(fresh, api, worker):
    eventually(lambda: api.get("/api/jobCount?stage=a").text == "0", timeout_s=2, what="an empty tracker is counted")
    fresh.load(["x", "y", "z"])
    eventually(lambda: api.get("/api/jobCount?stage=a").text == "3", timeout_s=2, what="a load is counted within a moment")
    plain(api.get("/api/jobCount?stage=b"), 200, "0")
    w = worker()
    w.get_job()
    assert api.get("/api/jobCount?stage=a").text == "2"
    w.complete("out")
    assert api.get("/api/jobCount?stage=a").text == "2"
    assert api.get("/api/jobCount?stage=b").text == "1"


@pytest.mark.parametrize("stage", "cde")
def test_job_count_of_a_disabled_stage_is_0(api, stage):
    plain(api.get(f"/api/jobCount?stage={stage}"), 200, "0")


def test_job_count_of_no_stage_at_all(api):
    plain(api.get("/api/jobCount?stage=q"), 400, "Invalid worker stage: 'q'. Choose from 'a'/'b'/'c'/'d'/'e'.")
    sentence(api.get("/api/jobCount"), 422, "stage")


def test_new_job_answers_data_and_number(fresh, api):
    fresh.load(["the input"])
    answer = api.post("/api/newJob", {"token": api.new()["token"]})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.json() == {"data": "the input", "number": 1}


def test_new_job_when_nothing_is_left(fresh, api):
    plain(api.post("/api/newJob", {"token": api.new()["token"]}), 403, NOTHING)


@pytest.mark.parametrize("path", [p for p in POSTS if p != "/api/validateWorker"])
@pytest.mark.parametrize("token", [nobody(), "not-a-uuid", ""])
def test_calls_with_an_unknown_token_hear_404(api, path, token):
    plain(api.post(path, {"token": token, **POSTS[path]}), 404, GONE)


@pytest.mark.parametrize("path", [p for p in POSTS if p not in ("/api/validateWorker", "/api/bye")])
def test_calls_after_bye_hear_404(fresh, api, path):
    token = api.new()["token"]
    plain(api.post("/api/bye", {"token": token}), 200, "200 OK")
    plain(api.post(path, {"token": token, **POSTS[path]}), 404, GONE)


def test_update_progress_answers_200_ok(api):
    plain(api.post("/api/updateProgress", {"token": api.new()["token"], "progress": "5 / 9 (55%)"}), 200, "200 OK")


def test_complete_job_without_a_job(api):
    plain(api.post("/api/completeJob", {"token": api.new()["token"], "data": "x"}), 403, "You do not have an open job.")


def test_complete_job_answers_200_ok(fresh, api):
    fresh.load(["x"])
    token = api.new()["token"]
    api.post("/api/newJob", {"token": token})
    plain(api.post("/api/completeJob", {"token": token, "data": "y"}), 200, "200 OK")


def test_flag_without_a_job(api):
    plain(api.post("/api/flagInvalidData", {"token": api.new()["token"]}), 403,
          "This worker is not currently working on a job.")


def test_flag_answers_200_ok(fresh, api):
    fresh.load(["x"])
    token = api.new()["token"]
    api.post("/api/newJob", {"token": token})
    plain(api.post("/api/flagInvalidData", {"token": token}), 200, "200 OK")


# --- what is wrong with a request -------------------------------------------------------------

@pytest.mark.parametrize("path", POSTS)
def test_a_missing_token_is_422_and_named(api, path):
    sentence(api.post(path, POSTS[path]), 422, "token")


@pytest.mark.parametrize("path,field", [("/api/updateProgress", "progress"), ("/api/completeJob", "data")])
def test_a_missing_field_is_422_and_named(api, path, field):
    sentence(api.post(path, {"token": api.new()["token"]}), 422, field)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", [None, 1, 1.5, True, [], {}, ["x"]])
def test_a_token_of_the_wrong_type_is_422_and_named(api, path, token):
    sentence(api.post(path, {**POSTS[path], "token": token}), 422, "token")


@pytest.mark.parametrize("path,field", [("/api/updateProgress", "progress"), ("/api/completeJob", "data")])
@pytest.mark.parametrize("value", [None, 1, True, [], {"a": 1}])
def test_a_field_of_the_wrong_type_is_422_and_named(api, path, field, value):
    sentence(api.post(path, {"token": api.new()["token"], field: value}), 422, field)


HOSTILE = {
    "empty": b"",
    "blank": b"  \n",
    "not JSON": b"token=abc",
    "cut short": b'{"token": "abc"',
    "trailing": b'{"token": "abc"} x',
    "two objects": b'{"token": "a"}{"token": "b"}',
    "list": b'["token"]',
    "null": b"null",
    "string": b'"token"',
    "number": b"1",
    "single quotes": b"{'token': 'abc'}",
    "NaN": b'{"token": "abc", "x": NaN}',
    "Infinity": b'{"token": "abc", "x": -Infinity}',
    "duplicate keys": b'{"token": "abc", "token": "abd"}',
    "duplicate keys inside": b'{"token": "abc", "x": {"y": 1, "y": 2}}',
    "comment": b'{"token": "abc" /* x */}',
    "trailing comma": b'{"token": "abc",}',
    "bad UTF-8": b'{"token": "\xff\xfe"}',
    "cut UTF-8": b'{"token": "\xc3"}',
    "overlong UTF-8": b'{"token": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"token": "\xed\xa0\x80"}',
    "raw NUL": b'{"token": "a\x00b"}',
    "NUL after the end": b'{"token": "abc"}\x00',
    "escaped NUL": b'{"token": "a\\u0000b"}',
    "raw newline in a string": b'{"token": "a\nb"}',
    "bad escape": b'{"token": "\\x41"}',
    "deep lists": b'{"token": "abc", "x": ' + b"[" * 100000 + b"]" * 100000 + b"}",
    "deep objects": b'{"x":' * 20000 + b"1" + b"}" * 20000,
    "BOM": b'\xef\xbb\xbf{"token": "abc"}',
    "UTF-16": '{"token": "abc"}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/api/newJob", "/api/completeJob", "/api/sync"])
def test_a_hostile_body_is_422(api, path, name):
    is_long = len(HOSTILE[name]) > 65536 and path == "/api/newJob"
    sentence(api.post(path, HOSTILE[name]), 413 if is_long else 422)


def test_a_hostile_body_costs_its_sender_only(tracker, api):
    """After all of them every process answers as before."""
    pool = tracker.responders()
    for body in HOSTILE.values():
        api.post("/api/completeJob", body)
    for _ in range(10):
        assert api.get("/api/jobCount?stage=a").status_code == 200
    assert tracker.responders() == pool


@pytest.mark.parametrize("json", [r'["\u0000"]', "[NaN]", r'["\ud800"]', r'["\udc00\udc00"]', '{"a": 1, "a": 2}',
                                  "[" * 100 + "]" * 100, "[1,]", "[ 1,  2 ]"])
def test_data_that_only_claims_to_be_json_is_kept_byte_for_byte(fresh, api, json):
    fresh.load(["x"])
    token = api.new()["token"]
    api.post("/api/newJob", {"token": token})
    plain(api.post("/api/completeJob", {"token": token, "data": "<!json!>" + json}), 200, "200 OK")
    b = api.new("b")["token"]
    assert api.post("/api/newJob", {"token": b}).json()["data"] == "<!json!>" + json


def test_a_number_is_checked_when_it_is_sent(fresh, api):
    fresh.load(["x", "y"])
    token = api.new()["token"]
    number = api.post("/api/newJob", {"token": token}).json()["number"]
    body = {"token": token, "data": "d"}
    for other in (number + 1, 0, -1):
        plain(api.post("/api/completeJob", {**body, "number": other}), 403, "You do not have an open job.")
    for wrong in ("1", 1.5, None, [], 10 ** 30):
        sentence(api.post("/api/completeJob", {**body, "number": wrong}), 422, "number")
    for _ in range(2):
        plain(api.post("/api/completeJob", {**body, "number": number}), 200, "200 OK")
    assert fresh.one("select count(*) from tracker.output") == 1


def test_nul_in_data_is_422_and_the_job_stays(fresh, api):
    fresh.load(["x"])
    token = api.new()["token"]
    api.post("/api/newJob", {"token": token})
    sentence(api.post("/api/completeJob", f'{{"token": "{token}", "data": "a\\u0000b"}}'), 422)
    plain(api.post("/api/completeJob", {"token": token, "data": "ab"}), 200, "200 OK")


@pytest.mark.parametrize("path", POSTS)
def test_further_fields_are_ignored(fresh, api, path):
    fresh.load(["x"])
    token = api.new()["token"]
    api.post("/api/newJob", {"token": token})
    body = {**POSTS[path], "token": token, "extra": {"deep": [1, None, 2.5]}, "job": 7, "": ""}
    assert api.post(path, body).status_code == 200


def test_any_content_type_will_do(api):
    token = api.new()["token"]
    for kind in ("text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded"):
        answer = api.post("/api/validateWorker", {"token": token}, headers={"Content-Type": kind})
        assert (answer.status_code, answer.text) == (200, "True")


def test_ten_megabytes_are_taken_and_handed_on(fresh, api, worker):
    fresh.load(["x"])
    big = "0123456789abcdéf" * 640_000
    w = worker()
    w.get_job()
    w.complete(big)
    assert worker("b").get_job() == big


def test_a_body_over_the_limit_is_413(api):
    token = api.new()["token"]
    answer = api.post("/api/completeJob", {"token": token, "data": "x" * (17 << 20)})
    sentence(answer, 413)


def test_exactly_the_limit_is_taken(api):
    """16 MiB, counted over the whole body; refused only because there is no job."""
    token = api.new()["token"]
    frame = f'{{"token": "{token}", "data": ""}}'
    body = frame[:-2] + "x" * ((16 << 20) - len(frame)) + frame[-2:]
    assert len(body) == 16 << 20
    plain(api.post("/api/completeJob", body), 403, "You do not have an open job.")
    sentence(api.post("/api/completeJob", body[:-2] + 'x"}'), 413)


@pytest.mark.parametrize("path", sorted(set(POSTS) - {"/api/completeJob"}))
def test_a_call_without_data_takes_64_kib(api, path):
    token = api.new()["token"]
    frame = '{"token": "%s", "progress": "p", "pad": "%s"}'
    body = frame % (token, "x" * (65536 - len(frame % (token, ""))))
    assert len(body) == 65536
    assert api.post(path, body).status_code in (200, 403)
    answer = api.post(path, body + " ")
    sentence(answer, 413)
    assert re.search("64k|65536", answer.text), answer.text  # as nginx says it, or the tracker


# --- methods, paths, connections --------------------------------------------------------------

@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/", "/api/New", "/api/new/", "/api/newjob", "/index.php", "/worker",
                                  "/leaderboard/", "/%F0%9F%A6%8A", "/static/../api/none", "/api/sync/x"])
def test_an_unknown_path_is_404(api, path):
    plain(api.get(path), 404, "Not Found")


@pytest.mark.parametrize("path", ["/worker/", "/worker/extract", "/worker/%FF/x", "/api/newJob%00", "/..%2f..%2fetc/passwd", "/worker/a/b/c/d/e/f",
                                  "/" + "x" * 9000, "/static/..%2f..%2ftracker.ini", "/static/"])
def test_a_strange_path_is_the_clients_fault(api, path):
    assert 400 <= api.get(path).status_code < 500


@pytest.mark.parametrize("path", [*POSTS, "/api/sync"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_post_call_refuses_other_methods(api, path, method):
    answer = api.call(method, path)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"] and "GET" not in answer.headers["Allow"]
    if method != "HEAD":
        plain(answer, 405, "Method Not Allowed")


@pytest.mark.parametrize("path", [*GETS, "/", "/leaderboard", "/worker/extract/no-one-1"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_get_call_refuses_other_methods(api, path, method):
    answer = api.call(method, path, body={} if method != "DELETE" else None)
    assert answer.status_code == 405
    allowed = answer.headers["Allow"]
    assert "GET" in allowed and "POST" not in allowed
    assert ("HEAD" in allowed) == (not path.startswith("/api/new"))


@pytest.mark.parametrize("path", ["/api/jobCount?stage=a", "/", "/leaderboard"])
def test_head_works_wherever_get_does(api, path):
    got, head = api.get(path), api.call("HEAD", path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert int(head.headers["Content-Length"]) > 0


def test_head_registers_nobody(fresh, api):
    answer = api.call("HEAD", GETS[0])
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert fresh.one("select count(*) from tracker.worker") == 0


ELSEWHERE = [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
             {"Sec-Fetch-Site": "same-site", "Origin": "https://www.localhost"}]


@pytest.mark.parametrize("headers", ELSEWHERE)
@pytest.mark.parametrize("method, path", [*(("GET", path) for path in GETS), *(("POST", path) for path in POSTS),
                                          ("POST", "/api/sync"), ("GET", "/api/stats.json"), ("HEAD", GETS[0]),
                                          ("OPTIONS", "/api/newJob"), ("PUT", "/api/bye"), ("GET", "/api/no")])
def test_a_page_of_another_site_may_not_speak_for_its_visitor(fresh, api, method, path, headers):
    api.get("/api/stats.json")  # what a cache has must not be handed out either
    token = api.new()["token"]
    answer = api.call(method, path, {**POSTS.get(path, {}), "token": token} if method == "POST" else None, headers=headers)
    assert answer.status_code == 403
    if method != "HEAD":
        sentence(answer, 403)
    assert fresh.one("select count(*) from tracker.worker where gone_at is null") == 1


def test_a_page_of_this_site_and_programs_may(fresh, api):
    ours = [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": fresh.url},
            {"Sec-Fetch-Site": "same-origin", "Origin": fresh.url}]
    for headers in ours:
        assert api.get("/api/stats.json", headers=headers).status_code == 200
        assert api.get(GETS[0], headers=headers).status_code == 200
    for headers in ELSEWHERE:
        assert api.get("/", headers=headers).status_code == 200, "a link from elsewhere"


@pytest.mark.parametrize("path", [*GETS, "/", "/?all=true", "/leaderboard", "/worker/extract/no-one-1", "/worker/no/no"])
def test_every_answer_has_a_content_length(api, path):
    answer = api.get(path, headers={"Accept-Encoding": "identity"})
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_one_connection_serves_many_calls(api):
    """The published client keeps one connection for its whole life."""
    api.get("/api/jobCount?stage=a")
    pool = api.session.get_adapter(api.base).poolmanager.connection_from_url(api.base)
    for _ in range(50):
        assert api.get("/api/jobCount?stage=a").status_code == 200
    assert pool.num_connections == 1 and pool.num_requests >= 51


def raw_exchange(tracker, text, wait_s=10):
    context = ssl.create_default_context(cafile=tracker.certificate)
    with socket.create_connection(("127.0.0.1", tracker.https_port), timeout=wait_s) as plain_socket:
        with context.wrap_socket(plain_socket, server_hostname="localhost") as s:
            s.sendall(text)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
    return got


def test_a_body_in_chunks_is_taken(tracker, api):
    token = api.new()["token"]
    body = f'{{"token": "{token}"}}'.encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:5], body[5:])) + b"0\r\n\r\n"
    got = raw_exchange(tracker, b"POST /api/validateWorker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                                b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"True")


def test_a_client_of_http_1_0_is_served(tracker):
    got = raw_exchange(tracker, b"GET /api/jobCount?stage=e HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert b" 200 " in got.split(b"\r\n")[0] and got.endswith(b"\r\n\r\n0")


def test_a_client_that_goes_away_in_the_middle_of_its_body_disturbs_nobody(tracker, api):
    context = ssl.create_default_context(cafile=tracker.certificate)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", tracker.https_port)) as plain_socket:
            with context.wrap_socket(plain_socket, server_hostname="localhost") as s:
                s.sendall(b"POST /api/newJob HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"tok")
    assert api.get("/api/jobCount?stage=a").status_code == 200


@pytest.mark.parametrize("path", ["/api/jobCount?stage=%1b%5b2J", "/api/new?nickname=x&stage=%E2%80%AEa"])
def test_a_stage_that_is_repeated_steers_nobodys_terminal(api, path):
    answer = api.get(path)
    assert answer.status_code == 400 and answer.text.startswith("Invalid worker stage: '")
    assert "\x1b" not in answer.text and "\u202e" not in answer.text


@pytest.mark.parametrize("said, agent, kept", [
    (None, "python-requests/2.31", "python-requests/2.31"), ("x 1.0", "curl", "x 1.0"), ("a\nb\x1b[31m", "curl", None), ("ü" * 70, "curl", "ü" * 64),
    (None, "y" * 70, "y" * 64)])
def test_a_worker_is_labelled_by_its_own_words_else_by_its_user_agent(fresh, api, said, agent, kept):
    name = api.get("/api/new", params={"stage": "a", "nickname": "Ada", "label": said}, headers={"User-Agent": agent}).json()["display_name"]
    label = fresh.one("select label from tracker.worker where name = %s", name)
    assert label == kept if kept else ("\n" not in label and "\x1b" not in label and label)


@pytest.mark.parametrize("stage", ["abc", "aa", "a ", "f", "A", "\x1b[31m", "a\x1b[31mb", "1"])
def test_what_is_no_stage_is_told_so_without_what_hides_in_it(api, stage):
    answer = api.get("/api/new", params={"stage": stage, "nickname": "Ada"})
    assert answer.status_code == 400 and answer.text.startswith("Invalid worker stage: '") and answer.text.endswith("Choose from 'a'/'b'/'c'/'d'/'e'.")
    assert "\x1b" not in answer.text
