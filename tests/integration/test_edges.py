"""
One layer at a time, where two hide each other (nginx's cache and the tracker's own); and the exact edges of what
is taken.
"""
import re
import time

import pytest

from client import Api, Client

# --- one cache at a time ----------------------------------------------------------------------

PAST_NGINX = {"X-Tracker-Cache": "off"}


def somebody():
    """A nickname that no page kept by a cache has seen."""
    return f"n{time.monotonic_ns()}"


def rendered(stack):
    text = Api(stack, plain=True).get("/metrics").text
    return int(re.search(r"^tracker_pages_rendered_total (\d+)$", text, re.M).group(1))


def test_past_nginx_the_trackers_own_cache_renders_a_page_once_a_period(five):
    plain = Api(five, plain=True)
    path = f"/leaderboard?q=n{time.monotonic_ns()}"
    before = rendered(five)
    answers = [plain.get(path, headers=PAST_NGINX) for _ in range(12)]
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    assert rendered(five) - before <= 2  # two, when a period ends meanwhile


def test_the_trackers_own_cache_keeps_a_page_for_longer_than_it_takes_to_look_again(five):
    """Who asks again within a quarter of a second gets the same in any case; the period here is five seconds."""
    plain = Api(five, plain=True)
    path = f"/leaderboard?q=o{time.monotonic_ns()}"
    before = rendered(five)
    for _ in range(6):
        assert plain.get(path, headers=PAST_NGINX).status_code == 200
        time.sleep(0.3)
    assert rendered(five) - before <= 4  # two in each process, when a period ends meanwhile


def test_nginx_asks_the_tracker_once_a_second_for_a_page(five):
    plain = Api(five, plain=True)
    path = f"/leaderboard?q=m{time.monotonic_ns()}"
    plain.get(path)
    kept = [plain.get(path).headers["X-Cache"] for _ in range(20)]
    assert "HIT" in kept


@pytest.mark.parametrize("headers", [{}, PAST_NGINX], ids=["nginx", "tracker"])
def test_two_people_who_look_at_their_workers_within_one_period_see_their_own(five, headers):
    plain = Api(five, plain=True)
    workers = {nickname: Client(five, "a", nickname).name for nickname in (somebody(), somebody())}
    for path, own in [(f"/?owner={nickname}", nickname) for nickname in workers] * 2:
        text = plain.get(path, headers=headers).text
        assert workers[own] in text
        assert not any(name in text for nickname, name in workers.items() if nickname != own)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_page_of_another_site_gets_nothing_that_is_kept(five, headers):
    plain = Api(five, plain=True)
    until = time.monotonic() + 20
    while plain.get("/api/stats.json").headers["X-Cache"] != "HIT":
        assert time.monotonic() < until
    refused = plain.get("/api/stats.json", headers=headers)
    assert refused.status_code == 403 and not refused.text.startswith("{")
    assert plain.get("/api/stats.json").status_code == 200


@pytest.mark.parametrize("parameter", ["state=working", "state=waiting", "stage=b"])
def test_lists_that_differ_in_one_word_are_kept_apart(five, parameter):
    plain = Api(five, plain=True)
    five.load(["x", "y"])
    ada = somebody()
    busy, idle = Client(five, "a", ada), Client(five, "a", somebody())
    busy.get_job()
    whole = plain.get(f"/?all=true&owner={ada}", headers=PAST_NGINX).text
    part = plain.get(f"/?all=true&owner={ada}&{parameter}", headers=PAST_NGINX).text
    assert busy.name in whole and idle.name not in whole
    assert (busy.name in part) == (parameter == "state=working")


@pytest.mark.parametrize("first, second", [("HEAD", "GET"), ("GET", "HEAD")])
def test_head_and_get_within_a_second_each_get_their_own(five, first, second):
    plain = Api(five, plain=True)
    path = f"/leaderboard?q={first}{time.monotonic_ns()}"
    answers = {method: plain.call(method, path) for method in (first, second)}
    assert {a.status_code for a in answers.values()} == {200}
    assert answers["HEAD"].content == b"" and b"</html>" in answers["GET"].content
    assert answers["HEAD"].headers["Content-Length"] == answers["GET"].headers["Content-Length"]


def test_a_path_with_a_part_too_many_is_no_page(five):
    five.load(["x"])
    worker = Client(five, "a", "Ada")
    plain = Api(five, plain=True)
    for path in (f"/worker/one/{worker.name}", "/person/Ada", "/job/1", "/leaderboard"):
        assert plain.get(path, headers=PAST_NGINX).status_code == 200, path
        assert plain.get(f"{path}/more", headers=PAST_NGINX).status_code == 404, path


# --- exact edges ------------------------------------------------------------------------------

@pytest.mark.parametrize("part", ["done", "failed", "flagged", "released"])
def test_a_list_of_2000_items_is_taken_and_one_more_is_not(fresh, fleet, part):
    f = fleet()
    item = {"job": 1, "lease": f.token, "data": 1}
    assert len(f.sync(**{part: [item] * 2000})["results"]) == 2000
    assert f.raw(**{part: [item] * 2001}).status_code == 422


def test_a_call_gets_a_thousand_jobs_and_not_one_more(fresh, fleet):
    fresh.load(["x"] * 2002)
    for number, count in ((1000, 1000), (1001, 1000), (1001, 2)):
        f = fleet()
        f.earn()
        assert len(f.take(number)) == count


@pytest.mark.parametrize("length, kept", [(499, 499), (500, 500), (501, 500)])
def test_a_reason_is_kept_up_to_500_characters(fresh, fleet, length, kept):
    fresh.load(["x"])
    f = fleet()
    f.give("failed", f.take()[0], reason="ü" * length)
    assert fresh.one("select reason from tracker.strike") == "ü" * kept


def test_a_body_at_the_limit_is_taken_by_sync_too_and_one_byte_more_is_not(fresh, fleet):
    fresh.load(["x"])
    f = fleet()
    (job,) = f.take()
    empty = f'{{"token": "{f.token}", "done": [{{"job": 1, "lease": "{job["lease"]}", "data": ""}}]}}'
    limit = 16 * 1024 * 1024
    assert f.api.call("POST", "/api/sync", empty.replace('""', f'"{"x" * (limit - len(empty) + 1)}"')).status_code == 413
    answer = f.api.call("POST", "/api/sync", empty.replace('""', f'"{"x" * (limit - len(empty))}"'))
    assert (answer.status_code, answer.json()["results"]) == (200, [{"job": 1, "status": "accepted"}])


def test_the_count_follows_each_hand_out_at_once(fresh, fleet):
    """What one process has counted is old as soon as any process has committed something."""
    fresh.load(["x"] * 12)
    f = fleet()
    for left in range(12, 0, -1):
        assert f.api.get("/api/jobCount?stage=a").text == str(left)
        assert len(f.take()) == 1
