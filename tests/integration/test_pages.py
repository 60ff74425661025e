"""The three pages: what they say, what hostile people can write into them, headers, caching."""
import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from client import Api, Client, Fleet, which
from waiting import Later, eventually

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": "\" onmouseover=\"alert(1)\" x='",
    "quotes": "O'Brien \"Bob\" `x` & Söhne <&amp;>",
    "template": "{{PROJECT}} {{%AUTOESCAPE}} %s %n ${x}",
    "rtl": "evil שלום",
    "emoji": "\U0001f98a\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "long": "W" * 128,
    "url": "javascript:alert(1)",
    "closing": "</title></td></table></body>",
    "comment": "<!-- --> ]]>",
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SVG_EMPTY_OK = {"path", "rect", "line", "circle", "polyline", "polygon", "use", "stop"}


class Page(HTMLParser):
    """Reads a page as a browser would, and minds that what was opened is closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.raw = text
        self.open, self.tags, self.addresses, self.handlers, self.words = [], [], [], [], []
        self.wrong = []
        self.feed(text)
        self.close()
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        for key, value in attrs:
            if key.startswith("on") or key == "style":
                self.handlers.append((tag, key))
            if key in ("href", "src", "action", "srcset", "data"):
                self.addresses.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.wrong.append((tag, self.open[-4:]))
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)


def page(api, path, status=200):
    answer = api.get(path)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    read = Page(answer.text)
    assert read.wrong == [] and read.open == []
    assert read.handlers == [], "inline handlers and styles break the content security policy"
    inline = [attrs for tag, attrs in read.tags if tag == "script" and "src" not in attrs
              and attrs.get("type") not in ("application/json",)]
    assert inline == []
    assert not any(tag == "style" for tag, _ in read.tags)
    return read


def page_saying(api, path, *words):
    """The page once it says these words: it may be as old as the cache period."""
    def ask():
        read = page(api, path)
        missing = [w for w in words if w not in read.text]
        assert not missing, f"{path} does not say {missing}: {read.text[:600]}"
        return read
    return eventually(ask, what=f"{path} says {words}")


def worker_path(stage_name, name):
    return f"/worker/{quote(stage_name.lower(), safe='')}/{quote(name, safe='')}"


# --- what they say ----------------------------------------------------------------------------

def test_dashboard_of_an_empty_tracker_says_what_to_do_next(fresh, api):
    words = page_saying(api, "/", "Test Project", "distcompute-load").text.split()
    assert not {"NaN", "nan", "inf", "-1", "null", "(null)"} & set(words)


def test_dashboard_shows_stages_workers_and_counts(fresh, api, worker):
    fresh.load([f"j{i}" for i in range(12345)])
    w = worker("a", "Ada Lovelace")
    w.get_job()
    w.complete("x")
    w.get_job()
    w.log("halfway there")
    page_saying(api, "/", "Test Project", "Extract", "Filter & Rank", w.name, "Ada Lovelace", "halfway there")


def test_dashboard_links_every_worker_to_its_page(fresh, api, worker):
    for stage, stage_name in (("a", "Extract"), ("b", "Filter & Rank")):
        w = worker(stage)
        path = worker_path(stage_name, w.name)
        read = eventually(lambda: w.name in (r := page(api, "/")).text and r, what="the worker is listed")
        links = [a for a in read.addresses if w.name in a]
        assert path in [a.split("://localhost", 1)[-1] for a in links] or any(
            api.get(a if a.startswith("/") else "/" + a).status_code == 200 for a in links), links
        page_saying(api, path, w.name, stage_name)


def test_dashboard_shows_the_first_fifty_workers_and_all_when_asked(fresh, api, worker):
    names = [worker().name for _ in range(60)]
    def listed(path, count):
        text = page(api, path).text
        return sum(name in text for name in names) == count
    eventually(lambda: listed("/?all=true", 60), what="all sixty")
    eventually(lambda: listed("/", 50), what="the first fifty")
    first = page(api, "/").text
    assert all(name in first for name in names[:50])


def test_a_worker_that_said_bye_is_no_longer_listed(fresh, api, worker):
    w = worker()
    page_saying(api, "/", w.name)
    w.bye()
    eventually(lambda: w.name not in page(api, "/").text, what="the worker is no longer listed")


def test_dashboard_says_finished_at_the_end(fresh, api, worker):
    fresh.load(["x"])
    for stage in "ab":
        w = worker(stage)
        w.get_job()
        w.complete("r")
    page_saying(api, "/", "100", "Finished")


def test_dashboard_asks_nobody_to_come_where_nothing_is_left_to_do(fresh, api, worker):
    fresh.load(["x"])
    for stage in "ab":
        w = worker(stage)
        w.get_job()
        w.complete("r")
        w.bye()
    read = page_saying(api, "/", "Finished", "Nobody works here, and nothing is left to do.")
    assert "Nobody works here now" not in read.text


def test_dashboard_explains_itself_to_a_newcomer(fresh, api):
    page_saying(api, "/", "What is a stage?", "What can I do?", "Why is my machine not here?", "silent for 2 h")


def test_dashboard_says_calculating_before_it_can_know(fresh, api):
    fresh.load(["x"] * 10)
    page_saying(api, "/", "Calculating...")


def test_dashboard_tells_the_remaining_time_in_words(fresh, api):
    """As if work had begun twenty minutes ago: one interval of the estimate, 15 minutes, is over."""
    fresh.load(["x"] * 500)
    fleet = Fleet(fresh, "a", "Ada")
    for ago in ("15 minutes", "5 minutes"):
        fleet.sync(done=[{**which(j), "data": "r"} for j in fleet.take(50)])
        fresh.sql("update tracker.tally set minute = minute - %s::interval where slot >= 0", ago)
    unit = r"\d+ (day|hour|minute|second)s?"
    eventually(lambda: re.search(rf"ETA\s+({unit}(, | and ))*{unit}", page(api, "/").text), what="an ETA")


def test_leaderboard_ranks_people_by_jobs_done(fresh, api, worker):
    fresh.load([f"j{i}" for i in range(6)])
    for nickname, jobs in (("Bronze", 1), ("Gold", 3), ("Silver", 2)):
        w = worker("a", nickname)
        for _ in range(jobs):
            w.get_job()
            w.complete("r")
    text = page_saying(api, "/leaderboard", "Gold", "Silver", "Bronze").text
    assert text.index("Gold") < text.index("Silver") < text.index("Bronze")


def test_a_banner_stands_on_every_page_and_its_addresses_are_links(quick):
    """The text is the operator's, and is text all the same; what ends a sentence belongs to no address."""
    said = "Away on Friday (https://status.example/a?b=1&c=2). <b>Ask</b> at http://x.example, not xhttp://y.example!"

    def bare(text):
        """Without blanks, for the parts of a line are elements of their own."""
        return text.replace(" ", "")
    quick.write_settings({**quick.settings, "banner": said})
    quick.up()
    try:
        for path in PAGES:
            shown = eventually(lambda: bare(said) in bare((p := page(Api(quick), path)).text) and p, what="the banner is there")
            assert {a for a in shown.addresses if ".example" in a} == {"https://status.example/a?b=1&c=2", "http://x.example"}
    finally:
        quick.write_settings(quick.settings)
        quick.up()


@pytest.mark.parametrize("query", ["", "?q=Person"])
def test_a_board_goes_on_behind_its_last_row_and_has_everybody_once(fresh, api, query):
    people = 101
    fresh.load([f"j{i}" for i in range(people)])
    for n in range(people):
        f = Fleet(fresh, nickname=f"Person {n:03}")
        assert f.done(f.take()[0]) == "accepted"
    page_saying(api, f"/leaderboard{query}", "Person 0")
    seen, path = [], f"/leaderboard{query}"
    while path:
        shown = page(api, path)
        seen += re.findall(r"Person \d{3}", shown.text)
        path = next((a for a in shown.addresses if "after=" in a), None)
        assert len(seen) <= people
    assert sorted(seen) == [f"Person {n:03}" for n in range(people)]


def test_worker_page_shows_owner_job_progress_and_total(fresh, api, worker):
    fresh.load(["x", "y"])
    w = worker("a", "Ada Lovelace")
    w.get_job()
    w.complete("r")
    w.get_job()
    w.log("37 of 99")
    page_saying(api, worker_path("Extract", w.name), w.name, "Extract", "Ada Lovelace", "37 of 99", "2")


def test_the_address_that_the_published_client_prints_is_the_workers_page(api, worker):
    """url + /worker/ + stage name in lower case + / + display name, quoted by nobody but requests."""
    w = worker("a")
    page(api, f"/worker/{w.stage_name.lower()}/{w.name}")


def test_worker_page_stays_after_the_worker_is_gone(fresh, api, worker):
    w = worker()
    w.bye()
    page_saying(api, worker_path("Extract", w.name), w.name)


@pytest.mark.parametrize("path", ["/worker/nostage/x-y-1", "/worker/%3Cscript%3E/x-y-1", "/worker/a/x-y-1"])
def test_worker_page_of_an_unknown_stage(api, path):
    answer = api.get(path)
    assert (answer.status_code, answer.text) == (400, "Invalid worker stage.")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["no-such-1", "%3Cscript%3E", "%27%20or%201%3D1", "x" * 3000, "%F0%9F%A6%8A"])
def test_worker_page_of_an_unknown_worker(api, name):
    answer = api.get(f"/worker/extract/{name}")
    assert (answer.status_code, answer.text) == (404, "Worker not found.")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_stage_names_in_addresses_are_case_insensitive_as_given(api, worker):
    w = worker("b")
    assert api.get(f"/worker/filter%20%26%20rank/{w.name}").status_code == 200


# --- hostile names and data -------------------------------------------------------------------

@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_and_data_are_text_on_every_page(fresh, api, worker, kind):
    evil = HOSTILE[kind]
    fresh.load([evil, [evil], {evil: evil}, evil])
    w = worker("a", evil)
    w.get_job()
    w.complete(evil)
    w.get_job()
    w.log(evil)
    shown = re.sub(r"\s+", " ", evil)
    page_saying(api, "/", shown)
    page_saying(api, "/?all=true", shown)
    page_saying(api, "/leaderboard", shown)
    page_saying(api, worker_path("Extract", w.name), shown)


UNREADABLE = {
    "override": "\u202egnp.exe\u202c", "isolate": "\u2066x\u2069", "mark": "\u200fx\u061c", "zero-width": "a\u200bb\u2060c\ufeff",
    "joiner": "a\u200db", "escape": "\x1b[31mred\x1b[0m", "c1": "\x9b2Jx\x85", "lines": "one\r\ntwo\u2028three",
    "tags": "x\U000e0041\U000e007f", "soft": "so\u00adft", "filler": "\u3164x", "bell": "x\x07\x08\x7f",
}
SEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\U000e0000-\U000e0fff]")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_turns_or_hides_text_is_shown_to_nobody(fresh, api, worker, kind):
    """Names that were given before such names were refused are in the database for ever."""
    evil = "N" + UNREADABLE[kind] + "M"
    fresh.load(["x", "y"])
    w = worker("a", "Plain")
    w.get_job()
    w.complete("r")
    w.get_job()
    w.log(evil)
    fresh.sql("update tracker.person set nickname = %s", evil)
    part = quote(evil, safe="")
    eventually(lambda: f"/person/{part}" in page(api, "/leaderboard").addresses, what="the link leads to who it is about")
    eventually(lambda: json.loads(api.get("/api/stats.json").text)["done"] == 1, what="the numbers")
    for path in ("/", "/?all=true", "/leaderboard", worker_path("Extract", w.name), f"/person/{part}", f"/badge/{part}.svg", "/job/1",
                 f"/?owner={part}", f"/leaderboard?q={part}"):
        answer = api.get(path)
        assert answer.status_code == 200, path
        assert not SEEN.search(answer.text), (path, SEEN.findall(answer.text))
    latest = json.loads(api.get("/api/stats.json").text)["latest"][0]
    assert not SEEN.search(latest["person"]) and "\n" not in latest["person"]


def test_no_script_of_theirs_reaches_any_page(fresh, api, worker):
    fresh.load(["<script>alert(1)</script>", "x"])
    w = worker("a", "<script>alert(1)</script>")
    w.get_job()
    w.complete("<script>alert(1)</script>")
    w.get_job()
    w.log("<script>alert(1)</script>")
    for path in ("/", "/?all=true", "/leaderboard", worker_path("Extract", w.name)):
        page_saying(api, path, "<script>alert(1)</script>")
        raw = api.get(path).text
        assert "<script>alert" not in raw and "alert(1)</script>" not in raw
        assert html.escape("<script>", quote=False) in raw


# --- headers ----------------------------------------------------------------------------------

PAGES = ["/", "/?all=true", "/leaderboard"]
CSP = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
       "base-uri": "'none'", "form-action": "'self'", "frame-ancestors": "'none'"}


@pytest.mark.parametrize("path", PAGES + ["/worker/extract/no-one-1", "/nothing", "/api/jobCount?stage=a", "/me", "/static/icon.svg", "/api",
                                  "/api/stats.json"])
def test_strict_headers_on_every_answer(api, path):
    headers = api.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";") if part.strip())
    assert {k: policy.get(k) for k in CSP} == CSP
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert {"camera=()", "geolocation=()", "microphone=()"} <= set(headers["Permissions-Policy"].split(", "))
    assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-Id"].replace("-", ""))


@pytest.mark.parametrize("path", PAGES)
def test_no_address_of_a_third_party(api, path):
    read = page(api, path)
    ours = ("/", "#", "?", f"{api.base}/", "data:image/")
    assert [a for a in read.addresses if not a.startswith(ours) or a.startswith("//")] == []


def test_static_files_are_there_and_may_be_kept(api):
    read = page(api, "/")
    static = [a for a in read.addresses if "/static/" in a]
    assert any(".css" in a for a in static)
    for address in static:
        answer = api.get(address if address.startswith("/") else address[len(api.base):])
        assert answer.status_code == 200
        assert "max-age" in answer.headers["Cache-Control"]
        assert not re.search(r"(https?:)?//(?!www\.w3\.org)[a-z0-9.-]+\.[a-z]{2,}", answer.text) or "svg" in address


def test_a_page_has_title_language_and_viewport(api):
    for path in PAGES:
        tags = page(api, path).tags
        assert ("html", True) in [(t, bool(a.get("lang"))) for t, a in tags]
        assert any(t == "title" for t, _ in tags)
        assert any(t == "meta" and a.get("name") == "viewport" for t, a in tags)


# --- health, numbers --------------------------------------------------------------------------

def test_health_and_metrics_are_for_loopback(tracker):
    plain = Api(tracker, plain=True)
    assert plain.get("/healthz").status_code == 200
    assert plain.get("/readyz").status_code == 200
    metrics = plain.get("/metrics")
    assert metrics.status_code == 200
    assert re.search(r'^tracker_jobs\{[^}]*stage="?[aA1]', metrics.text, re.M), metrics.text[:1500]
    assert re.search(r"^tracker_claims_total", metrics.text, re.M)


# --- caching ----------------------------------------------------------------------------------

def test_a_page_is_rendered_once_a_period_whatever_the_crowd(five):
    """The cache period here is five seconds; the same page is shown to everybody within it."""
    five.load(["x"])
    w = Client(five, "a", "Early")
    api = Api(five)
    eventually(lambda: "Early" in api.get("/leaderboard").text or "Early" in api.get("/").text, what="the first is shown")
    first = api.get("/").text
    late = Client(five, "a", "Latecomer")
    crowd = [Later(lambda: Api(five).get("/").text) for _ in range(12)]
    texts = {c.result() for c in crowd}
    assert len(texts) <= 2
    eventually(lambda: "Latecomer" in api.get("/").text, timeout_s=15, what="the next period shows the latecomer")
    assert first != api.get("/").text
    assert w.name and late.name


PAST_NGINX = {"X-Tracker-Cache": "off"}


@pytest.mark.parametrize("one, other", [
    ("/?owner=Ada", "/?owner=Bob"), ("/?state=working", "/?state=waiting"), ("/?all=true", "/"), ("/?range=1h", "/?range=7d"),
    ("/?stage=a&after=0-0", "/?stage=b&after=0-0"), ("/?stage=a&after=0-0", "/?stage=a&after=9999999999999999-1"),
    ("/leaderboard?period=week", "/leaderboard?period=today"), ("/leaderboard?q=Ada", "/leaderboard?q=Bob"),
    ("/leaderboard?q=&after=9-1", "/leaderboard?q=&after=0-1"), ("/leaderboard?q=a&from=a&after=0-0", "/leaderboard?q=a&from=z&after=0-0"),
    ("/person/Ada", "/person/Bob")])
def test_whoever_asks_for_something_else_gets_it_within_the_same_period(five, one, other):
    """The tracker's own cache, of five seconds here: nginx, which keys by the whole address, is passed by."""
    five.load(["x", "y"])
    ada = Client(five, "a", "Ada")
    for i in range(51):
        Client(five, "b" if i == 0 else "a", "Bob")
    ada.get_job()
    ada.complete("r")
    ada.get_job()
    api = Api(five)
    main = [re.search("<main.*</main>", api.get(path, headers=PAST_NGINX).text, re.S).group() for path in (one, other)]
    assert main[0] != main[1]


def test_the_trackers_own_cache_keeps_a_page_for_its_period(five):
    """Past nginx too a page is rendered once in five seconds, whatever changes meanwhile, and then anew."""
    five.load(["x"])
    api = Api(five)
    path = "/?state=waiting"
    before = api.get(path, headers=PAST_NGINX)
    assert before.headers["X-Cache"] == "BYPASS"
    late = Client(five, "a", "Nobody-yet")
    same = api.get(path, headers=PAST_NGINX)
    assert same.headers["ETag"] == before.headers["ETag"] and late.name not in same.text
    eventually(lambda: late.name in api.get(path, headers=PAST_NGINX).text, what="the next period shows it")


def test_an_old_link_of_a_page_number_shows_the_first_page(five):
    """Pages go by key; the original's went by number. All such links are one page for the cache."""
    five.load(["x"])
    api = Api(five)
    Client(five, "a", "Ada")
    eventually(lambda: "Ada" in api.get("/").text, what="the worker is listed")
    tags = {api.get(f"/?page={n}").headers["ETag"] for n in ("1", "2", "999999999", "-1", "x")}
    assert len(tags) <= 2  # two when a period ends between them


def test_a_path_that_looks_like_anothers_query_is_another_page(five):
    """Anybody may be called "x&all=1"; /person/x?all=1 is still x's page, and theirs is theirs."""
    five.load(["x"])
    api = Api(five)
    for nickname in ("twin", "twin&all=1"):
        Client(five, "a", nickname)
    for path, title in (("/person/twin?all=1", "twin"), ("/person/twin&all=1", "twin&all=1")):
        heading = re.search(r"<h1><bdi>(.*?)</bdi>", api.get(path).text).group(1)
        assert html.unescape(heading) == title, path


def test_what_somebody_asks_in_words_of_their_own_does_not_fill_redis(fresh, api):
    """A copy for everybody is kept there for minutes; so many could be asked for."""
    asked = ["/?owner=Nobody", "/?stage=a&after=1-1", "/leaderboard?q=x", "/leaderboard?q=x&from=x&after=1-1"]
    for path in [*asked, "/leaderboard?period=week"]:
        assert api.get(path).status_code == 200
    keys = [key for key in fresh.redis.scan_iter("*") if ":page" in key]
    assert [key for key in keys if "period=week" in key]
    assert not [key for key in keys if re.search("owner=|after=|q=|from=", key)], keys


def test_rendered_pages_are_kept_in_redis_under_the_projects_id_and_expire(fresh, api):
    project = fresh.one("select id from tracker.project")
    assert api.get("/").status_code == 200
    keys = list(fresh.redis.scan_iter("*"))
    assert keys and all(k.startswith(f"tracker:{project}:") for k in keys), keys
    assert all(fresh.redis.ttl(k) > 0 for k in keys)



@pytest.mark.parametrize("path", ["/person/nobody", "/job/99", "/worker/extract/no-one-1", "/worker/nostage/x", "/batch/none", "/badge/nobody.svg"])
def test_nobody_waits_for_the_rendering_of_a_page_that_there_is_not(fresh, api, path):
    """Who renders says so in Redis, and the others wait for the copy, on the reader: of such a page there never is one."""
    fresh.redis.flushall()
    assert api.get(path, headers=PAST_NGINX).status_code in (400, 404)
    assert list(fresh.redis.scan_iter("*page-lock*")) == []


# --- where links lead ---------------------------------------------------------------------------

LINK = re.compile(r'<a (?:[^>]* )?href="([^"]*)"[^>]*>(.*?)</a>', re.S)


def links_of(read):
    """[(address, the words that stand there)]."""
    return [(html.unescape(where), " ".join(html.unescape(re.sub("<[^>]*>", "", words)).split())) for where, words in LINK.findall(read.raw)]


def test_every_link_leads_to_a_page_that_is_about_it(fresh, api, worker):
    """From the dashboard on: whatever is named in a link to a person, a worker, a job or a batch is the other page's heading."""
    for name, jobs in (("first/one?", 1100), ("second & last", 5)):
        fresh.run("distcompute-load", "--append", "--batch", name, "--json", "-", stdin=json.dumps(["x"] * jobs))
    fresh.sql("update tracker.ahead set first = 1050 where batch = 1")
    for stage, nickname in (("a", "a/b?c#d"), ("a", "Ada & <Grace>"), ("b", "Ada & <Grace>")):
        w = worker(stage, nickname)
        w.get_job()
        w.complete("r")
        if stage == "a":
            w.get_job()
    page_saying(api, "/", "Ada & <Grace>", "second & last", "by a/b?c#d")
    known, todo = set(), ["/"]
    while todo:
        path = todo.pop(0)
        read = page(api, path)
        for where, words in links_of(read):
            assert where.startswith(("/", "#")) and not where.startswith("//"), (path, where)
            target = where.split("#")[0]
            if where.startswith("#") or target.startswith("/api/") or target.endswith(".svg"):
                continue
            if target not in known:
                known.add(target)
                todo.append(target)
            if "?" not in target and re.match("/(person|worker|job|batch)/", target):
                there = re.search("<h1>(.*?)</h1>", page(api, target).raw, re.S).group(1)
                assert words.removeprefix("Job ") in html.unescape(there), (path, where, words, there)
    kinds = {re.match("/(?:[a-z]+/)?", p).group() for p in known}
    assert {"/person/", "/worker/", "/job/", "/batch/"} <= kinds and len(known) > 20, known
    assert any(re.fullmatch(r"/job/1\d\d\d", p) for p in known), known


@pytest.mark.parametrize("query", ["owner=Ada", "state=waiting", "all=true", "owner=Ada&state=waiting&all=true"])
def test_what_was_asked_of_the_workers_holds_on_each_page_of_them(fresh, api, query):
    """Who follows the links has everybody who was asked for once, and nobody else."""
    people = {"Ada": 120, "Bob": 330}
    asked = {name for name, _ in ((f"Ada-{n}", 0) for n in range(120))} if "owner" in query else {
        f"{who}-{n}" for who, count in people.items() for n in range(count)}
    fresh.load([])
    for who, count in people.items():
        first = Fleet(fresh, nickname=who)
        fresh.sql("do $$ declare w tracker.worker; begin"
                  f" select * into w from tracker.worker where name = '{first.name}';"
                  f" update tracker.worker set name = '{who}-0' where id = w.id;"
                  f" for n in 1 .. {count - 1} loop"
                  f"  w.id := (select max(id) + 1 from tracker.worker); w.token := gen_random_uuid(); w.name := '{who}-' || n;"
                  "  w.created := w.created + interval '1 millisecond';"
                  "  insert into tracker.worker overriding system value select w.*;"
                  " end loop; end $$")
        fresh.sql("select setval(pg_get_serial_sequence('tracker.worker', 'id'), (select max(id) from tracker.worker))")
    seen, path, pages = [], f"/?{query}", 0
    while path:
        shown = api.get(path, headers={"X-Tracker-Cache": "off"})
        seen += re.findall(r"<bdi>((?:Ada|Bob)-\d+)</bdi>", shown.text)
        pages += 1
        path = next((a.replace("#workers-a", "") for a in Page(shown.text).addresses if "after=" in a), None)
        assert len(seen) <= 450
    assert sorted(seen) == sorted(asked)
    assert pages == {"owner=Ada": 3, "all=true": 2}.get(query, pages)


def test_a_state_or_stage_that_there_is_not_is_as_if_nothing_was_asked(fresh, api):
    here = Fleet(fresh, "b", nickname="Ada")
    page_saying(api, "/", here.name)
    for query in ("state=asleep", "stage=bees", "stage=%62%00"):
        assert here.name in api.get(f"/?{query}").text, query
