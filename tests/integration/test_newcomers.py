"""Where many come from who have brought nothing yet, as the next ones hear of it."""
import time

import requests

from client import Api, Client, Fleet
from waiting import Later, eventually

LIMIT = 30


def fill(stack):
    """One more than may be there, and the keeper has counted them."""
    workers = [Client(stack) for _ in range(LIMIT + 1)]
    eventually(lambda: stack.sql("select newcomers from tracker.network") == [(LIMIT + 1,)])
    return workers


def register(stack, **says):
    """The status, or "closed"."""
    try:
        return Api(stack).get("/api/new", params={"stage": "a", "nickname": "visitor", **says}).status_code
    except requests.exceptions.ConnectionError:
        return "closed"


def test_v1_waits_for_room_then_the_call_is_closed_and_leaves_nothing(crowded):
    fill(crowded)
    later = Later(register, crowded)
    assert later.result(60) == "closed" and later.took_s > 4
    assert crowded.sql("select count(*) from tracker.worker") == [(LIMIT + 1,)]
    assert crowded.sql("select count(*) from tracker.person where nickname = 'visitor'") == [(0,)]


def test_v1_that_waits_comes_in_when_there_is_room(crowded):
    workers = fill(crowded)
    later = Later(Client, crowded)
    time.sleep(1)
    assert later.is_alive()
    for w in workers[:5]:
        w.bye()
    newcomer = later.result(100)  # its client asks again when it is closed
    assert newcomer.is_valid()


def test_who_says_more_than_v1_hears_it_in_words_at_once(crowded):
    fill(crowded)
    for says in ({"slots": 8}, {"label": "x 1"}, {"has": "gpu"}):
        answer = Api(crowded).get("/api/new", params={"stage": "a", "nickname": "visitor", **says})
        assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 30
        assert answer.text.startswith("Many workers of your address have brought no result yet.")


def test_who_is_here_already_goes_on(crowded):
    crowded.load(["x"] * 40)
    workers = fill(crowded)
    assert workers[0].get_job() == "x"
    workers[0].complete("r")


def test_a_thousand_workers_of_one_nickname_and_address_start_within_seconds(fresh):
    """One after the other on a few connections; what they wait for is the machine alone."""
    fresh.load(["x"] * 1000)

    def start(many):
        api = Api(fresh)
        tokens = [api.new(nickname="anonymous")["token"] for _ in range(many)]
        return [api.post("/api/newJob", {"token": t}).status_code for t in tokens]

    began = time.monotonic()
    parts = [Later(start, 125) for _ in range(8)]
    assert [s for part in parts for s in part.result(100)] == [200] * 1000
    assert time.monotonic() - began < 100
    assert fresh.sql("select count(*), sum(holds) from tracker.worker where gone_at is null") == [(1000, 1000)]
    eventually(lambda: fresh.sql("select newcomers from tracker.network") == [(1000,)])
    assert register(fresh) == 200


def test_who_comes_after_twenty_bad_ones_rests_and_hears_why(fresh):
    fresh.load(["x"] * 60)
    for f in [Fleet(fresh) for _ in range(26)]:  # all are here before the first one fails
        (job,) = f.take(1)
        f.sync(failed=[{"job": job["job"], "lease": job["lease"], "reason": "segmentation fault"}])
    eventually(lambda: fresh.sql("select bad from tracker.network") == [(26,)])
    f = Fleet(fresh)
    answer = f.sync(want=1, wait=30)
    assert answer["jobs"] == [] and answer["retry_after"] > 60
    assert answer["message"].startswith("This worker rests for ")
    assert ": those that came from its address before it failed, flagged or gave back all that they got. " in answer["message"]
    page = f.api.get(f"/worker/extract/{f.name}").text
    assert "those that came from its address before it failed, flagged or gave back all that they got. A result from there" in page
