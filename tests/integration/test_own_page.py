"""The page /me: who gets in, what they see and do there, and that nobody else does."""
import concurrent.futures
import hashlib
import html
import http.cookies
import json
import re
from collections import Counter
from urllib.parse import urlencode

import pytest

from client import Api, Client, Fleet, which
from test_bounds import held_up
from test_edges import rendered
from test_join import FORM, KEY, forget_tries, register
from test_names import ADMIN, everything_kept, make_key, names, works_as
from test_pages import Page, page, page_saying
from waiting import Later, eventually

COOKIE = "__Host-me"


class Visitor:
    """A browser as far as this page needs one: it keeps the cookie, and knows what its forms hold."""

    def __init__(self, stack, key=None, cookie=None):
        self.api = Api(stack)
        self.cookie = cookie
        self.read = None
        if key:
            answer = self.send("in", key=key)
            assert answer.status_code == 303 and answer.headers["Location"] == "/me", answer.text
            self.look()

    def headers(self):
        return {"Cookie": f"theme=dark; {COOKIE}={self.cookie}; x=y"} if self.cookie else {}

    def call(self, method, body=None, path="/me", headers=None, plain=False):
        base = self.api.stack.plain_url if plain else self.api.base
        answer = self.api.session.request(method, base + path, data=body, headers={**self.headers(), **(headers or {})},
                                          timeout=60, allow_redirects=False)
        if answer.headers.get("Content-Type", "").startswith("text/html") and answer.status_code != 303:
            self.read = Page(answer.text)
            assert self.read.wrong == [] and self.read.open == [] and self.read.handlers == []
        assert answer.headers.get("Cache-Control") == "no-store" and "X-Cache" not in answer.headers
        if "Set-Cookie" in answer.headers:
            morsel = http.cookies.SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
            assert morsel["secure"] and morsel["httponly"] and morsel["samesite"] == "Strict" and morsel["path"] == "/"
            assert not morsel["domain"]
            self.cookie = morsel.value if int(morsel["max-age"]) > 0 else None
        self.api.session.cookies.clear()
        return answer

    def look(self, path="/me"):
        answer = self.call("GET", path=path)
        assert answer.status_code == 200
        return self.read

    @property
    def form(self):
        found = set(re.findall(r'name="form" value="([0-9a-f]{32})"', self.read.raw)) if self.read else set()
        return found.pop() if found else ""

    def send(self, act, form=None, headers=None, plain=False, **fields):
        body = urlencode({"act": act, "form": self.form if form is None else form, **fields})
        return self.call("POST", body, headers={**FORM, **(headers or {})}, plain=plain)

    def does(self, act, **fields):
        answer = self.send(act, **fields)
        assert answer.status_code == 303, self.read.text
        return self.look(answer.headers["Location"].split("#")[0])

    def hears(self, status, words, act, **fields):
        answer = self.send(act, **fields)
        assert answer.status_code == status and words in self.read.text, (answer.status_code, self.read.text)
        return self.read

    def is_in(self):
        return "Sign out" in self.look().text


@pytest.fixture
def own(fresh):
    fresh.sql("delete from tracker.signup")
    return fresh


@pytest.fixture
def ada(own):
    own.key = make_key(own, "Ada", "--label", "laptop")
    visitor = Visitor(own, own.key)
    yield visitor
    visitor.api.close()


def failed_worker(stack, key=None, reason="exit 3: /home/ada/disk full", name="Ada", holds=0):
    """A machine that rests after four failures, and may have more in hand."""
    stack.load([f"j{n}" for n in range(8 + holds)], append=True)
    fleet = Fleet.__new__(Fleet)
    fleet.stack, fleet.api = stack, Api(stack)
    opened = fleet.api.get("/api/new", params={"stage": "a", "nickname": name, "label": "warc2tar 1.4", "slots": 12},
                           headers={"Authorization": f"Bearer {key}"} if key else {}).json()
    fleet.token, fleet.name = opened["token"], opened["display_name"]
    for job in fleet.take(4 + holds)[:4]:
        fleet.sync(failed=[{**which(job), "reason": reason}])
    assert stack.one("select rest_until > now() from tracker.worker where name = %s", fleet.name)
    return fleet


def worker_id(stack, name):
    return stack.one("select id from tracker.worker where name = %s", name)


def audit(stack):
    return [(who, act) for who, act in stack.sql("select who, act from tracker.audit order by id")]


# --- who gets in ------------------------------------------------------------------------------

def test_a_key_opens_a_page_and_is_asked_for_once(own):
    key = make_key(own, "Ada")
    visitor = Visitor(own)
    assert "Show your key" in visitor.look().text and not visitor.form
    visitor = Visitor(own, f" {key}\n")
    assert visitor.read.text.count("Ada") and visitor.is_in()
    assert re.fullmatch("[0-9a-f]{32}", visitor.cookie)
    assert own.one("select used is not null from tracker.person_key")


@pytest.mark.parametrize("key", ["", "x", "dct_" + "0" * 32, "dct_" + "g" * 32, "'; drop table tracker.session; --", "k" * 5000, "\u200b"])
def test_a_wrong_key_is_answered_calmly(own, key):
    make_key(own, "Ada")
    visitor = Visitor(own)
    visitor.hears(422, "no key of anybody", "in", key=key)
    assert visitor.cookie is None and own.one("select count(*) from tracker.session") == 0
    assert len(key) < 4 or key not in visitor.read.raw


def test_the_page_is_kept_by_no_cache(ada, own):
    stranger = Visitor(own)
    for _ in range(3):
        assert ada.is_in() and not stranger.is_in()
    assert [k for k in own.redis.keys("*") if "/me" in k] == []
    assert stranger.call("HEAD").status_code == 200


def test_it_goes_by_https_only(ada, own):
    visitor = Visitor(own)
    visitor.call("GET", plain=True)
    assert "By https only" in visitor.read.text and f"{own.url}/me" in visitor.read.text
    answer = visitor.send("in", key=own.key, plain=True)
    assert answer.status_code == 403 and "Set-Cookie" not in answer.headers
    ada.call("GET", plain=True)
    assert "By https only" in ada.read.text and "Sign out" not in ada.read.text
    # A balancer took TLS off before us.
    ada.call("GET", plain=True, headers={"X-Forwarded-Proto": "https"})
    assert "Sign out" in ada.read.text


def test_wrong_keys_are_bounded_by_origin_and_the_right_one_gets_in(own):
    key = make_key(own, "Ada")
    own.sql("insert into tracker.signup (what, origin)"
            " select 'key', tracker.hash_address('127.0.0.1', 32) from generate_series(1, 39)")
    visitor = Visitor(own)
    visitor.hears(422, "no key of anybody", "in", key="dct_" + "1" * 32)
    visitor.hears(429, "too many wrong keys", "in", key="dct_" + "2" * 32)
    assert visitor.send("in", key="dct_" + "2" * 32).headers["Retry-After"] == "3600"
    assert own.one("select count(*) from tracker.signup") == 40
    assert Visitor(own, key).is_in()
    answer = Api(own).call("POST", "/join", urlencode({"nickname": "Bob"}), headers=FORM)
    assert answer.status_code == 200  # who takes a name is counted apart


@pytest.mark.slow
def test_ten_thousand_tries_cost_nothing_but_time(own):
    key = make_key(own, "Ada")

    def guess(part):
        visitor = Visitor(own)
        said = {visitor.send("in", key=f"dct_{part:04x}{n:028x}").status_code for n in range(1250)}
        visitor.api.close()
        return said
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(guess, range(8))) == {422, 429}
    assert own.one("select count(*) from tracker.signup where what = 'key'") == 40
    assert own.one("select (select count(*) from tracker.session), (select count(*) from tracker.audit)"
                   " = (select count(*) from tracker.audit where act = 'key add')") == (0, True)
    assert Visitor(own, key).is_in()


# --- a session --------------------------------------------------------------------------------

def test_a_session_ends_when_signed_out(ada, own):
    thief = Visitor(own, cookie=ada.cookie)
    assert thief.is_in()
    ada.does("out")
    assert ada.cookie is None and "signed out" in ada.read.text
    assert not thief.is_in() and not ada.is_in()
    assert own.one("select count(*) from tracker.session") == 0


def test_a_session_ends_by_itself(ada, own):
    assert own.one("select until between now() + interval '11 hours' and now() + interval '13 hours' from tracker.session")
    own.sql("update tracker.session set until = now()")
    assert not ada.is_in()
    for act, fields in EVERY_ACT.items():
        if act != "out":  # who is out already is so
            ada.hears(403, "not signed in", act, form=ada.form or form_of(ada.cookie), **fields)
    again = Visitor(own, own.key)
    assert own.one("select count(*) from tracker.session") == 1 and again.is_in()  # what is over is removed


def form_of(cookie):
    return hashlib.blake2b(b"form " + cookie.encode(), digest_size=16).hexdigest()


EVERY_ACT = {"out": {}, "rest": {"worker": "1"}, "hide": {}, "show": {}, "key": {"label": "x"}, "revoke": {"key": "1", "sure": "yes"},
             "rename": {"nickname": "Eve"}, "data": {}, "erase": {"name": "Ada", "again": "Ada"}}


def test_what_the_database_holds_opens_nothing(ada, own):
    kept = own.one("select hash::text from tracker.session").replace("-", "")
    assert kept != ada.cookie and not Visitor(own, cookie=kept).is_in()
    assert hashlib.blake2b(ada.cookie.encode(), digest_size=16).hexdigest() == kept
    assert ada.form not in (kept, ada.cookie)


@pytest.mark.parametrize("change", [lambda c: c[:-1], lambda c: c + "0", lambda c: c.upper() if c.upper() != c else "A" * 32,
                                    lambda c: "0" * 32, lambda c: "", lambda c: f'"{c}"', lambda c: "'" + c])
def test_no_other_cookie_is_a_session(ada, own, change):
    assert not Visitor(own, cookie=change(ada.cookie)).is_in()


def test_ten_sessions_of_a_key_and_the_oldest_goes(ada, own):
    later = [Visitor(own, own.key) for _ in range(10)]
    assert not ada.is_in() and all(v.is_in() for v in later)
    assert own.one("select count(*) from tracker.session") == 10


@pytest.mark.parametrize("act", EVERY_ACT)
@pytest.mark.parametrize("form", ["", "0" * 32, "another's", "the cookie"])
def test_a_form_of_another_session_does_nothing(ada, own, act, form):
    make_key(own, "Bob")
    bob = Visitor(own, make_key(own, "Bob"))
    before = audit(own)
    sent = {"another's": bob.form, "the cookie": ada.cookie}.get(form, form)
    answer = ada.send(act, form=sent, **EVERY_ACT[act])
    assert answer.status_code == 403 and "another session" in ada.read.text
    assert audit(own) == before and ada.is_in()


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}])
def test_pages_of_other_sites_may_not_ask(ada, own, headers):
    for act, fields in {**EVERY_ACT, "in": {"key": own.key}}.items():
        answer = ada.api.session.post(ada.api.base + "/me", data=urlencode({"act": act, "form": ada.form, **fields}),
                                      headers={**FORM, **ada.headers(), **headers}, timeout=20)
        assert answer.status_code == 403 and "other sites" in answer.text, act
    assert ada.is_in()
    ada.does("hide", headers={"Origin": own.url, "Sec-Fetch-Site": "same-origin"})


@pytest.mark.parametrize("act", EVERY_ACT)
def test_nothing_is_done_by_looking(ada, own, act):
    before = audit(own)
    ada.look("/me?" + urlencode({"act": act, "form": ada.form, **EVERY_ACT[act]}))
    assert audit(own) == before and ada.is_in()


@pytest.mark.parametrize("body", ["", "act", "act=", "act=nonsense", "act=%", "act=%00", "act=out%FF", "{}", "&&==", "act=data&part=x",
                                  "act=data&part=-1-0", "act=rest&worker=-1", "act=rest&worker=9999999999999999999", "act=revoke&key=0x1",
                                  "act=rename&nickname=%FF", "act=rename&nickname=", "act=erase&name=&again=", "act=key&label=" + "x" * 65,
                                  "act=key&label=a%0Ab"])
def test_bodies_that_no_form_sends(ada, own, body):
    before = audit(own)
    answer = ada.call("POST", f"{body}&form={ada.form}", headers=FORM)
    assert answer.status_code == 422, (answer.status_code, answer.text)
    assert audit(own) == before


def test_other_methods_are_none(ada):
    answer = ada.api.call("PUT", "/me", b"x")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_revoked_key_ends_its_sessions(ada, own):
    other = Visitor(own, make_key(own, "Ada", "--label", "cluster"))
    own.run(ADMIN, "person", "key", "revoke", "Ada", str(own.one("select id from tracker.person_key where label = 'laptop'")))
    assert own.one("select count(*) from tracker.session") == 1
    assert not ada.is_in() and other.is_in()
    ada.hears(403, "not signed in", "hide", form=form_of(ada.cookie))
    own.run(ADMIN, "person", "key", "revoke", "Ada", "--all")
    assert not other.is_in()


def test_who_is_erased_by_an_operator_is_out(ada, own):
    own.run(ADMIN, "person", "erase", "Ada", "--yes")
    assert not ada.is_in() and own.one("select count(*) from tracker.session") == 0
    ada.hears(403, "not signed in", "rename", form=form_of(ada.cookie), nickname="Ada")


def test_neither_key_nor_session_is_kept_or_shown_anywhere(ada, own):
    api = Api(own)
    ada.send("in", key=own.key)
    ada.look()
    answer = ada.send("key", label="new one")
    new = set(KEY.findall(answer.text)) - {own.key}
    assert len(new) == 1 and own.key not in answer.text
    ada.look()
    pages = [ada.read.raw, *(api.get(path, headers=ada.headers()).text for path in ("/", "/me?x=" + ada.cookie, "/person/Ada", "/metrics"))]
    secrets = [own.key, *new, ada.cookie]
    for where, kept in [*everything_kept(own), *(("page", text.encode()) for text in pages)]:
        for secret in secrets:
            assert secret.encode() not in kept, where


def test_who_misses_a_machine_sees_how_it_left_and_why_it_failed(ada, own):
    """Mostly one comes here because it is not there any more. What it gave back when it left says nothing of that."""
    gone, dropped = failed_worker(own, own.key, holds=7), failed_worker(own, own.key, reason="exit 9: killed")
    others = failed_worker(own, name="Bob", reason="exit 1: of no concern")
    gone.api.post("/api/bye", {"token": gone.token})
    others.api.post("/api/bye", {"token": others.token})
    own.run("distcompute-admin", "worker", "drop", "a", dropped.name)
    text = ada.look().text
    assert "None is here now." in text and "Machines that left lately" in text
    assert re.search(rf"{gone.name} said goodbye", text) and re.search(rf"{dropped.name} sent away by the operator", text), text
    assert "exit 3: /home/ada/disk full" in text and "exit 9: killed" in text
    assert others.name not in text and "of no concern" not in text


# --- machines ---------------------------------------------------------------------------------

def test_machines_say_how_they_are_and_why_one_rests(ada, own):
    fleet = failed_worker(own, own.key)
    text = ada.look().text
    assert fleet.name in text and "warc2tar 1.4" in text and "12" in text
    assert "exit 3: /home/ada/disk full" in text and "jobs failed, were flagged or given back" in text
    assert "/home/ada" not in page(Api(own), "/job/1").text


def test_i_fixed_it_ends_the_rest(ada, own):
    fleet = failed_worker(own, own.key)
    ada.look()
    read = ada.does("rest", worker=worker_id(own, fleet.name))
    assert "The rest is over" in read.text and "were flagged or given back" not in read.text
    assert len(fleet.take(1)) == 1
    who, act = audit(own)[-1]
    assert act == "end rest" and who == f"person {own.one('select id from tracker.person')}, on their page"


def test_i_fixed_it_wakes_the_call_that_waits(own):
    own.load(["x"] * 30)
    script = Client(own, nickname="Ada")
    ada = Visitor(own, make_key(own, "Ada"))
    own.sql("update tracker.worker set bad_row = 12, rest_until = now() + interval '10 minutes' where name = %s", script.name)
    waiting = Later(script.get_job)
    metrics = Api(own, plain=True)
    eventually(lambda: "tracker_parked_calls 1" in metrics.get("/metrics").text, what="the call is parked")
    ada.does("rest", worker=worker_id(own, script.name))
    assert waiting.result(60) == "x" and script.resent == 0 and waiting.took_s < 45


def test_a_machine_of_somebody_else_is_none_of_theirs(ada, own):
    fleet = failed_worker(own, name="Bob")
    before = audit(own)
    text = ada.look().text
    assert fleet.name not in text and "disk full" not in text
    ada.hears(422, "no machine of yours", "rest", worker=worker_id(own, fleet.name))
    assert own.one("select rest_until > now() from tracker.worker where name = %s", fleet.name) and audit(own) == before


def test_hidden_machines_are_on_no_page_but_their_own(ada, own):
    fleet = failed_worker(own, own.key)
    job = fleet_job(own, fleet)
    api = Api(own)
    paths = ["/", "/?all=true", "/?owner=Ada", "/person/Ada", f"/job/{job}", "/api/stats.json"]
    path = f"/worker/extract/{fleet.name}"
    page_saying(api, "/", fleet.name)
    page_saying(api, f"/job/{job}", fleet.name)
    assert api.get(path).status_code == 200
    read = ada.does("hide")
    assert fleet.name in read.text and "Nobody but you" in read.text and "on no page but this one" in read.text
    for public in paths:
        eventually(lambda: fleet.name not in api.get(public).text, what=f"{public} does not name it")
    eventually(lambda: api.get(path).status_code == 404, what="its own page is gone")
    page_saying(api, "/person/Ada", "They are not shown")
    assert "on the pages again" in ada.does("show").text
    page_saying(api, "/person/Ada", fleet.name)
    assert [act for _, act in audit(own)][-2:] == ["hide machines", "show machines"]


def fleet_job(own, fleet):
    return own.one("select min(job) from tracker.strike where worker = %s", worker_id(own, fleet.name))


def test_many_machines_come_page_by_page(ada, own):
    own.sql("select count(*) from tracker.open_workers((select array_agg(gen_random_uuid()) from generate_series(1, 120)),"
            " (select array_agg('quiet-otter-' || n) from generate_series(1, 120) n), array_fill(1::int2, array[120]),"
            " array_fill('Ada'::text, array[120]), array_fill(null::text, array[120]), array_fill(''::text, array[120]),"
            " keys => array_fill((select hash from tracker.person_key), array[120]))")
    seen, path = set(), "/me"
    while path:
        read = ada.look(path)
        found = set(re.findall(r"quiet-otter-\d+", read.text))
        assert found and not found & seen and len(found) <= 50
        seen |= found
        more = re.search(r'rel="next" href="([^"#]+)', read.raw)
        path = html.unescape(more.group(1)) if more else None
    assert len(seen) == 120


# --- keys -------------------------------------------------------------------------------------

def test_keys_are_made_and_ended(ada, own):
    api = Api(own)
    assert ada.read.text.count("laptop") and "my last one" in ada.read.text
    answer = ada.send("key", label="cluster <b>")
    (key,) = KEY.findall(answer.text)
    assert register(api, "Ada", key).status_code == 200
    read = ada.look()
    assert "cluster <b>" in read.text and "my last one" not in read.text and key not in read.raw
    first, second = (n for (n,) in own.sql("select id from tracker.person_key order by id"))
    ada.does("revoke", key=second)
    assert register(api, "Ada", key).status_code == 401
    ada.hears(422, "no key of yours", "revoke", key=second)
    ada.hears(422, "last key", "revoke", key=first)
    assert ada.is_in()
    answer = ada.send("revoke", key=first, sure="yes")
    assert answer.status_code == 303 and not ada.is_in()
    assert register(api, "Ada").status_code == 401  # the name stays theirs
    assert Counter(act for _, act in audit(own)) == {"key add": 2, "key revoke": 2}


def test_a_key_of_somebody_else_is_none_of_theirs(ada, own):
    make_key(own, "Bob")
    bobs = own.one("select k.id from tracker.person_key k join tracker.person p on p.id = k.person where nickname = 'Bob'")
    ada.hears(422, "no key of yours", "revoke", key=bobs, sure="yes")
    assert own.one("select revoked is null from tracker.person_key where id = %s", bobs)


@pytest.mark.parametrize("label", [b"a%00b", b"%00", b"%FF"])
def test_a_label_that_is_no_text_makes_no_key(ada, own, label):
    answer = ada.call("POST", b"act=key&form=" + ada.form.encode() + b"&label=" + label, headers=FORM)
    assert answer.status_code == 422 and "in one line" in ada.read.text and not KEY.search(answer.text)
    assert own.one("select count(*) from tracker.person_key") == 1


def test_keys_are_bounded(ada, own):
    own.sql("insert into tracker.person_key (person, hash) select person, gen_random_uuid() from tracker.person_key, generate_series(1, 18)")
    assert ada.send("key", label="").status_code == 200
    ada.look()
    ada.hears(422, "as many keys", "key", label="")


# --- a name -----------------------------------------------------------------------------------

def test_a_new_name_is_guarded_at_once_and_the_old_one_stays(ada, own):
    api = Api(own)
    read = ada.does("rename", nickname="  Countess   Ada ")
    assert "Countess Ada" in read.text and "your name now" in read.text
    for name in ("Countess Ada", "COUNTESS ADA", "Ada", "ADA"):
        assert register(api, name).status_code == 401, name
    assert works_as(own, register(api, "Ada", own.key)) == "Countess Ada"
    page_saying(api, "/person/Countess%20Ada", "Countess Ada")
    ada.does("rename", nickname="Ada")
    assert register(api, "COUNTESS ADA").status_code == 401 and register(api, "ada").status_code == 401
    assert [act for _, act in audit(own)][-2:] == ["rename person"] * 2


@pytest.mark.parametrize("name, words", [
    ("Bob", "Somebody has this name"), ("BOB", "looks like Bob"), ("B\u043eb", "looks like Bob"), ("Work", "Somebody has"),
    ("W\u03bfrk", "looks like Work"), ("anonymous", "belongs to nobody"), ("erased-1", "belongs to nobody"), ("A\u200bda", "cannot be seen"),
    ("Adi\u0307", "cannot be seen"), ("..", "may not be"), ("x" * 129, "1 to 128"), ("", "1 to 128"), ("a\nb", "1 to 128")])
def test_names_that_are_not_for_them(ada, own, worker, name, words):
    make_key(own, "Bob")
    own.load(["x"], append=True)
    work = worker("a", "Work")
    work.get_job()
    work.complete("r")
    ada.hears(422, words, "rename", nickname=name)
    assert own.one("select nickname from tracker.person where claimed is not null and nickname <> 'Bob'") == "Ada"


def test_another_name_is_no_way_out_of_a_ban(ada, own):
    own.run(ADMIN, "ban", "--person", "Ada", "--reason", "made up results")
    try:
        ada.hears(422, "made up results", "rename", nickname="Eve")
    finally:
        own.sql("update tracker.ban set lifted = now()")


def test_names_are_bounded(ada, own):
    own.sql("insert into tracker.person (nickname, merged_into) select 'old ' || n, p.id from tracker.person p, generate_series(1, 20) n")
    ada.hears(422, "as many names", "rename", nickname="Eve")
    ada.does("rename", nickname="old 7")


# --- data -------------------------------------------------------------------------------------

def test_their_data_is_taken_out_whole_part_by_part(ada, own):
    fleet = failed_worker(own, own.key)
    failed_worker(own, name="Bob", reason="of Bob")
    own.sql("insert into tracker.strike (stage, job, worker, person, kind, reason, at)"
            " select 1, 1, w.id, w.person, 'failed', 'reason ' || n, now() from tracker.worker w, generate_series(1, 4500) n"
            " where w.name = %s", fleet.name)
    parts, after = [], ""
    while after is not None:
        answer = ada.send("data", part=after)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
        assert "attachment" in answer.headers["Content-Disposition"]
        parts.append(answer.json())
        after = parts[-1]["next"]
    assert len(parts) == 3
    assert parts[0]["person"]["name"] == "Ada" and [k["label"] for k in parts[0]["person"]["keys"]] == ["laptop"]
    machines = [m for part in parts for m in part["machines"]]
    assert [(m["name"], m["label"], m["slots"], m["address"]) for m in machines] == [(fleet.name, "warc2tar 1.4", 12, "127.0.0.1")]
    reasons = [f["reason"] for part in parts for f in part["failures"]]
    assert len(reasons) == 4504 and len(set(reasons)) == 4501 and "of Bob" not in reasons
    assert own.key not in json.dumps(parts)
    own.sql("delete from tracker.strike where reason like 'reason %%'")


# --- erased -----------------------------------------------------------------------------------

def test_who_is_banned_is_not_erased_by_themselves(ada, own):
    own.run("distcompute-admin", "ban", "--person", "Ada", "--reason", "made up")
    ada.hears(403, "You are banned. Nothing was erased", "erase", name="Ada", again="Ada")
    assert names(own) == {"Ada"}
    own.sql("delete from tracker.ban")


def test_who_types_their_name_twice_is_erased(ada, own):
    failed_worker(own, own.key)
    api = Api(own)
    page_saying(api, "/person/Ada", "Ada")
    for name, again, words in (("Ada", "Adaa", "not the same"), ("Bob", "Bob", "not your name"), ("", "", "not your name")):
        ada.hears(422, words, "erase", name=name, again=again)
    assert names(own) == {"Ada"}
    answer = ada.send("erase", name="Ada", again="Ada")
    assert answer.status_code == 200 and "You are erased" in ada.read.text and ada.cookie is None
    (who, act, target) = own.one("select who, act, target from tracker.audit order by id desc limit 1")
    assert act == "erase person" and target.startswith("erased-") and who.endswith("on their page") and target in ada.read.text
    assert names(own) == {target}
    eventually(lambda: api.get("/person/Ada").status_code == 404, what="the page is gone")
    assert own.one("select count(*) from tracker.session") == own.one("select count(*) from tracker.person_key") == 0
    assert own.one("select count(*) from tracker.worker where gone_at is null") == 0
    for where, kept in everything_kept(own):
        if where in ("person", "worker", "strike", "audit", "look", "ban", "failed") or isinstance(where, bytes):
            assert b"Ada" not in kept and b"/home/ada" not in kept, where


def test_of_many_acts_at_once_none_spoils_another(own):
    key = make_key(own, "Ada")
    visitors = [Visitor(own, key) for _ in range(6)]

    def one(n):
        v = visitors[n]
        return [v.send("rename", nickname=f"Ada {n}").status_code, v.send("key", label=str(n)).status_code,
                v.send("hide" if n % 2 else "show").status_code]
    forms = [v.form for v in visitors]
    assert len(set(forms)) == 6
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert list(pool.map(one, range(6))) == [[303, 200, 303]] * 6
    assert names(own) == {"Ada", *(f"Ada {n}" for n in range(6))}
    assert own.one("select count(*) from tracker.person where merged_into is null") == 1
    assert own.one("select count(*) from tracker.person_key") == 7


def test_of_two_who_erase_at_once_one_does(own):
    key = make_key(own, "Ada")
    visitors = [Visitor(own, key) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = sorted(pool.map(lambda v: v.send("erase", name="Ada", again="Ada").status_code, visitors))
    assert said == [200, 403, 403, 403]


def test_neither_workers_nor_readers_wait_for_an_erasure(ada, own):
    """It searches all texts, which takes long where there are many; whichever process has it."""
    with held_up(own, "own_erase"):
        erased = Later(ada.send, "erase", name="Ada", again="Ada")
        eventually(lambda: own.one("select count(*) from pg_locks where locktype = 'advisory' and not granted") == 1,
                   what="the erasure is under way")
        asked = [Later(lambda n=n: [Api(own).get("/api/jobCount", params={"stage": "a"}).status_code,
                                    Api(own).get(f"/job/{10 ** 9 + n}").status_code]) for n in range(12)]  # at both processes
        assert [a.result() for a in asked] == [[200, 404]] * 12
        assert erased.is_alive()
    erased.result()  # the function that it waited in is gone


def test_public_pages_lead_there(own, api, worker):
    worker("a", "Ada")
    eventually(lambda: api.get("/person/Ada").status_code == 200, what="the page")  # that there was none is known for a second
    assert "/me" in page(api, "/person/Ada").addresses
    assert "/me" in page(api, "/join").addresses
    worker("a", "anonymous")
    assert "/me" not in page(api, "/person/anonymous").addresses


# --- what is done here, and the others ------------------------------------------------------------

PAST_NGINX = {"X-Tracker-Cache": "off"}


def test_what_is_done_here_is_on_all_pages_at_once_however_long_they_are_kept(limited):
    forget_tries(limited)
    key = make_key(limited, "Ada")
    ada, fleet = Visitor(limited, key), failed_worker(limited, key)
    path = f"/worker/extract/{fleet.name}"

    def shown(where):
        """By both processes: so many at once are no one's."""
        crowd = [Later(lambda: Api(limited).get(where, headers=PAST_NGINX).text) for _ in range(8)]
        return [one.result() for one in crowd]

    def all_say(where, words, yes=True):
        eventually(lambda: all((words in text) == yes for text in shown(where)), what=f"{where}: {words}, {yes}")

    def does(act, kept=(path, "/person/Ada"), **fields):
        """Once the pages that there are now are kept: of those of the second after an act none is."""
        def are_kept():
            before = rendered(limited)
            return [shown(where) for where in kept] and rendered(limited) == before
        eventually(are_kept, what="the pages are kept")
        return ada.send(act, **fields)
    all_say(path, "It rests")
    all_say("/person/Ada", fleet.name)
    does("rest", worker=worker_id(limited, fleet.name))
    all_say(path, "It rests", False)
    does("hide")
    all_say("/person/Ada", fleet.name, False)
    all_say(path, "Worker not found.")
    does("show", kept=["/person/Ada"])
    all_say("/person/Ada", fleet.name)
    all_say(path, ">Ada<")
    does("rename", nickname="Countess")
    all_say(path, ">Countess<")
    for name in ("Countess", "Ada"):  # whose old links go on
        all_say(f"/person/{name}", "<h1><bdi>Countess</bdi></h1>")
    does("erase", name="Countess", again="Countess")
    all_say("/person/Ada", "Person not found.")
    all_say(path, "Countess", False)


def test_whatever_is_shown_for_a_key_counts_as_a_try(own):
    visitor = Visitor(own)
    for n, key in enumerate(("", "x", "dct_" + "g" * 32), 1):
        visitor.hears(422, "no key of anybody", "in", key=key)
        assert own.one("select count(*) from tracker.signup where what = 'key'") == n


def test_a_browser_keeps_the_session_for_as_long_as_it_is_good(own):
    answer = Visitor(own).send("in", key=make_key(own, "Ada"))
    assert re.search(r"\bMax-Age=43200\b", answer.headers["Set-Cookie"])
    assert own.one("select round(extract(epoch from until - now()) / 3600) from tracker.session") == 12


def test_a_label_of_64_letters_of_any_script_is_taken(ada, own):
    for label in ("\u05e9" * 64, "\U0001f98a" * 64):
        assert ada.send("key", label=label).status_code == 200
        ada.look()
    assert own.one("select count(*) from tracker.person_key where char_length(label) = 64") == 2
    ada.hears(422, "64 characters", "key", label="\u05e9" * 65)


@pytest.mark.parametrize("sure", ["no", "YES", "yes ", "on"])
def test_only_yes_is_sure(ada, own, sure):
    ada.hears(422, "last key", "revoke", key=own.one("select id from tracker.person_key"), sure=sure)
    assert ada.is_in()


@pytest.mark.parametrize("part, named", [("", "0-0"), ("5-7", "5-7"), ("0-0", "0-0")])
def test_a_file_of_data_is_called_by_where_it_begins(ada, part, named):
    answer = ada.send("data", part=part)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="my-data-{named}.json"'


@pytest.mark.parametrize("part", ["-", "5", "5-", "-7", "x"])
def test_a_part_that_is_none_is_no_file(ada, part):
    ada.hears(422, "two numbers", "data", part=part)

