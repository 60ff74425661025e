"""Batches as pages and numbers show them: on the dashboard, on a page of their own, on a job's."""
import json
import re
from urllib.parse import quote

import pytest

from client import Api
from test_pages import HOSTILE, page, page_saying
from waiting import eventually


def add(stack, name, jobs, *args):
    stack.run("distcompute-load", "--append", "--json", "-", "--batch", name, *args, stdin=json.dumps(jobs))


def pause(stack, name, why=""):
    assert stack.one("select tracker.pause_batch(b.batch, %s) from tracker.batch b where b.name = %s", why, name)


def batches(api):
    return json.loads(api.get("/api/stats.json").text)["batches"]


def through(worker, jobs):
    for _ in range(jobs):
        worker.get_job()
        worker.complete("r")


def test_one_delivery_is_no_news(fresh, api):
    """Who has loaded one file need not know what a batch is."""
    fresh.load(["x", "y"])
    assert 'id="batches"' not in page_saying(api, "/", "2 jobs wait for one").raw
    (only,) = batches(api)
    assert (only["done"], only["total"], only["state"], only["eta_s"]) == (0, 4, "idle", None)


def test_one_that_is_paused_is_news(fresh, api):
    fresh.load([])
    add(fresh, "March", ["x"])
    pause(fresh, "March", "the site is down until Monday")
    page_saying(api, "/", "March", "paused: the site is down until Monday")
    page_saying(api, "/batch/March", "paused: the site is down until Monday")


def test_two_deliveries_are_told_apart(fresh, api, worker):
    fresh.load([])
    add(fresh, "March", ["a", "b"])
    add(fresh, "April", ["c", "d", "e", "f"])
    through(worker("a"), 3)
    read = page_saying(api, "/", "March", "50.0%", "2.0", "April", "12.5%", "1.0")
    assert {"/batch/March", "/batch/April", "/batches"} <= set(read.addresses)
    march, april = batches(api)
    assert (march["name"], march["done"], march["total"], march["in_hand"]) == ("March", 2, 4, 0)
    assert (april["done"], april["total"], april["waiting"], april["first"], april["last"]) == (1, 8, 4, 3, 6)
    page_saying(api, "/batch/April", "1 of 8", "Jobs 4 3 to 6", "Completions a minute")
    page_saying(api, "/job/3", "Of the batch April")


def test_a_batchs_page_tells_stage_by_stage_where_its_jobs_are(fresh, api, worker):
    fresh.load([])
    add(fresh, "March", ["a", "b"])
    add(fresh, "April", ["x"] * 7)
    through(worker("a"), 2 + 3)
    worker("a").get_job()
    through(worker("b"), 2 + 1)
    read = page_saying(api, "/batch/April", "4 of 14")
    cells = [re.findall(r'<td class="n">(.*?)</td>', row) for row in re.findall(r"<tr><th scope=.row.>.*?</tr>", read.raw)]
    assert cells == [["3", "1", "3", "0"], ["2", "0", "1", "0"]]  # open, in hand, done, failed
    assert '<a href="/job/3">3</a> to <a href="/job/9">9</a>' in read.raw


def test_at_most_twenty_are_on_the_dashboard_and_all_in_pages_of_their_own(fresh, api):
    fresh.load([])
    fresh.sql("insert into tracker.job (number, data) select n, 'x' from generate_series(1, 230) n")
    fresh.sql("insert into tracker.batch (name, first, last) select 'open ' || n, n, n from generate_series(1, 230) n")
    fresh.sql("insert into tracker.ahead (batch, first, last) select batch, first, last from tracker.batch")
    fresh.sql("update tracker.stage set line = array(select batch from tracker.batch order by batch) where stage = 1")
    read = page_saying(api, "/", "open 20")
    assert "open 21 " not in read.text and len(batches(api)) == 20
    seen, address = [], "/batches"
    while address:
        read = page(api, address)
        seen += [a for a in read.addresses if a.startswith("/batch/")]
        address = next((a for a in read.addresses if a.startswith("/batches?after=")), None)
    assert seen == [f"/batch/open%20{n}" for n in range(1, 231)]


def test_those_that_are_over_are_listed_apart(fresh, api, worker):
    fresh.load([])
    add(fresh, "March", ["a"])
    add(fresh, "April", ["b"])
    through(worker("a"), 1)
    through(worker("b"), 1)
    fresh.sql("update tracker.tally set minute = minute - interval '1 minute' where slot >= 0")
    fresh.sql("select tracker.fold_tally()")

    def listed(path):
        return [a for a in page(api, path).addresses if a.startswith("/batch/")]
    eventually(lambda: listed("/batches?state=ended") == ["/batch/March"], what="March is over")
    eventually(lambda: listed("/batches") == ["/batch/April"], what="April is at work")
    page_saying(api, "/batch/March", "over", "100.0%", "2 of 2", "Over since")
    page_saying(api, "/batches?state=ended&after=0-0", "No batch is over.")


@pytest.mark.parametrize("query", ["after=1", "after=-1-1", "after=999999999999-1", "after=1-99999999999999", "state=%00",
                                   "after=300-1", "state=ended&after=253402300799999999-2147483647"])
def test_queries_that_nobody_means_are_answered(fresh, api, query):
    assert api.get(f"/batches?{query}").status_code == 200


@pytest.mark.parametrize("name", [*(n for n in HOSTILE.values() if "\u200d" not in n), "\U0001f98a", "a/b%41", "?range=1h", "#x", "..x", "ftp://x//y/", "ä" * 200],
                         ids=[*(k for k, n in HOSTILE.items() if "\u200d" not in n), "fox", "percent", "query", "fragment", "dots", "slashes", "longest"])
def test_a_name_may_be_anything(fresh, api, name):
    fresh.load([])
    add(fresh, "first", ["a"])
    add(fresh, name, ["b"])
    address = "/batch/" + quote(name, safe="")
    eventually(lambda: address in page(api, "/").addresses, what=f"the dashboard leads to {address}")
    page_saying(api, address, "All batches")
    head = api.call("HEAD", address)
    assert head.status_code == 200 and head.text == "" and head.headers["ETag"]
    assert api.get(address, headers={"If-None-Match": head.headers["ETag"]}).status_code in (200, 304)


@pytest.mark.parametrize("path", ["/batch/nope", "/batch/", "/batch/March/x", "/batch/march"])
def test_a_batch_that_is_not_there(fresh, api, path):
    fresh.load([])
    add(fresh, "March", ["a"])
    assert api.get(path).status_code == 404


def test_a_project_that_is_over_tells_what_was_cancelled(fresh, api, worker):
    fresh.load([])
    add(fresh, "March", ["a", "b", "c"])
    w = worker("a")
    for _ in range(2):
        w.get_job()
        w.complete("r")
    b = worker("b")
    b.get_job()
    b.complete("s")
    fresh.run("distcompute-admin", "batch", "cancel", "March")

    def said():
        meta = {a.get("name"): a.get("content") for t, a in page(api, "/").tags if t == "meta"}
        return meta["description"] == "Finished: 1 job done, 2 cancelled."
    eventually(said, what="what is done is told without what is cancelled")


def test_metrics_count_batches_and_do_not_name_them(fresh):
    fresh.load([])
    add(fresh, "March", ["a"])
    add(fresh, "April", ["b"])
    pause(fresh, "March")
    plain = Api(fresh, plain=True)

    def counted():
        text = plain.get("/metrics").text
        assert 'tracker_batches{state="open"} 2' in text and 'tracker_batches{state="paused"} 1' in text
        assert "March" not in text
        return True
    eventually(counted, what="the batches are counted")
    plain.close()


def test_a_thousand_open_ones_travel_in_thirty_kilobytes(fresh, api):
    fresh.load([])
    fresh.sql("insert into tracker.job (number, data) select n, 'x' from generate_series(1, 1000) n")
    fresh.sql("insert into tracker.batch (name, first, last)"
              " select repeat(md5(n::text), 6), n, n from generate_series(1, 1000) n")
    fresh.sql("insert into tracker.ahead (batch, first, last) select batch, first, last from tracker.batch")
    fresh.sql("update tracker.stage set line = array(select batch from tracker.batch order by batch) where stage = 1")
    for path in ("/", "/batches"):
        whole = int(api.call("HEAD", path, headers={"Accept-Encoding": "gzip"}).headers["Content-Length"])
        text = page(api, path).raw
        for file in set(re.findall(r'(/static/[^"]+)"', text)):
            whole += int(api.call("HEAD", file, headers={"Accept-Encoding": "gzip"}).headers.get("Content-Length", 0))
        assert whole < 30000, (path, whole)
