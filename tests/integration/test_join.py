"""The page /join: what it says, who gets which name, and what is said to the others."""
import concurrent.futures
import html
import re
from urllib.parse import quote, urlencode

import pytest
import requests

from client import Api
from test_pages import HOSTILE, Page, page, page_saying

KEY = re.compile(r"dct_[0-9a-f]{32}")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(api, name, headers=None, **fields):
    """(status, the page) of the form."""
    answer = api.call("POST", "/join", urlencode({"nickname": name, **fields}), headers={**FORM, **(headers or {})})
    read = Page(answer.text)
    if answer.headers["Content-Type"].startswith("text/html"):
        assert read.wrong == [] and read.open == [] and read.handlers == []
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, read


def key_of(read):
    (key,) = set(KEY.findall(read.raw))
    return key


def take(api, name, **fields):
    status, read = ask(api, name, **fields)
    assert status == 200, read.text
    return key_of(read)


def register(api, name, key=None):
    return api.get("/api/new", params={"stage": "a", "nickname": name},
                   headers={"Authorization": f"Bearer {key}"} if key else {})


def forget_tries(stack):
    stack.sql("delete from tracker.signup")


@pytest.fixture
def joining(fresh):
    forget_tries(fresh)
    return fresh


@pytest.fixture
def keyed_api(keyed):
    forget_tries(keyed)
    api = Api(keyed)
    yield api
    api.close()


# --- the page ---------------------------------------------------------------------------------

def test_it_says_where_help_is_wanted(joining, api, worker):
    joining.load(["a", "b", "c"])
    text = page_saying(api, "/join", "Extract most wanted 3 jobs wait, 0 workers here", "Filter & Rank 0 jobs wait").text
    assert "Invitation" not in text


def test_every_page_leads_there(joining, api, worker):
    joining.load(["a"])
    w = worker("a", "Ada")
    for path in ("/", "/leaderboard", "/batches", "/person/Ada", "/job/1", f"/worker/extract/{w.name}"):
        assert "/join" in page(api, path).addresses, path


def test_what_the_project_is_stands_there_as_text_with_links(keyed, keyed_api):
    read = page_saying(keyed_api, "/join", "We read old books.", "<b>now</b>", "Invitation")
    assert {"https://books.example/why?a=1&b=2", "http://a.example/"} <= set(read.addresses)


def test_it_travels_in_thirty_kilobytes(joining, api):
    whole = int(api.call("HEAD", "/join", headers={"Accept-Encoding": "gzip"}).headers["Content-Length"])
    for file in set(re.findall(r'(/static/[^"]+)"', page(api, "/join").raw)):
        whole += int(api.call("HEAD", file, headers={"Accept-Encoding": "gzip"}).headers.get("Content-Length", 0))
    assert whole < 30000


# --- who gets a name --------------------------------------------------------------------------

def test_a_new_name_gets_its_key_and_lines_that_work(joining, api):
    status, read = ask(api, "Ada O'Brien \"x\" $HOME")
    key = key_of(read)
    assert status == 200 and joining.url in read.text
    assert register(api, "Ada O'Brien \"x\" $HOME").status_code == 401
    assert register(api, "Ada O'Brien \"x\" $HOME", key).status_code == 200
    (curl,) = re.findall(r"curl -H .*", html.unescape(read.raw))
    address = re.search(r'"(https://[^"]+)"', curl).group(1)
    answer = requests.get(address.replace("</code></pre>", ""), headers={"Authorization": f"Bearer {key}"},
                          verify=joining.certificate, timeout=20)
    assert answer.status_code == 200
    python = re.search(r"url\s+= \"(.*)\"", html.unescape(read.raw)).group(1)
    answer = requests.get(python + "/api/new", params={"stage": "a", "nickname": "Ada O'Brien \"x\" $HOME"},
                          verify=joining.certificate, timeout=20)
    assert answer.status_code == 200


def test_no_key_goes_in_the_clear(joining, api):
    def plain(**headers):
        return requests.post(joining.plain_url + "/join", data={"nickname": "Ada"}, headers=headers, timeout=30)
    answer = plain()
    assert answer.status_code == 403 and "By https only" in answer.text and f"{joining.url}/join" in answer.text
    assert not KEY.search(answer.text) and joining.one("select count(*) from tracker.person_key") == 0
    assert joining.one("select count(*) from tracker.signup") == 0
    assert requests.get(joining.plain_url + "/join", timeout=30).status_code == 200
    # A balancer took TLS off before us.
    assert KEY.search(plain(**{"X-Forwarded-Proto": "https"}).text)


def test_the_key_is_kept_nowhere(joining, api):
    key = take(api, "Ada")
    assert joining.one("select count(*) from tracker.person_key k where k::text like %s", f"%{key[4:]}%") == 0
    assert "Ada" not in page(api, "/join").text
    assert [k for k in joining.redis.keys("*") if key in k] == []


@pytest.mark.parametrize("other", ["Ada", " Ada ", "ada", "\u0410da", "Ａｄａ"], ids=["same", "blanks", "case", "cyrillic", "wide"])
def test_a_name_that_is_somebodys_is_nobody_elses(joining, api, other):
    take(api, "Ada")
    status, read = ask(api, other)
    assert status == 422 and not KEY.search(read.raw)
    assert "Somebody has this name" in read.text or "looks like Ada" in read.text


@pytest.mark.parametrize("name", ["", " ", "anonymous", "Anonymous", "erased-17", ".", "..", "a\u202eb", "x" * 129, "\u200b"])
def test_what_is_no_name_for_somebody(joining, api, name):
    status, read = ask(api, name)
    assert status == 422 and not KEY.search(read.raw) and len(read.text) > 50


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_text(joining, api, name):
    status, read = ask(api, name)
    assert status in (200, 422)
    assert not any(tag == "script" and "src" not in attrs for tag, attrs in read.tags)


def test_who_worked_shows_a_token(joining, api, worker):
    joining.load(["x"])
    ada, grace = worker("a", "Ada"), worker("a", "Grace")
    ada.get_job()
    ada.complete("r")
    status, read = ask(api, "Ada")
    assert status == 422 and "token" in read.text and not KEY.search(read.raw)
    for wrong in ("x", grace.token, "00000000-0000-0000-0000-000000000000"):
        assert ask(api, "Ada", token=wrong)[0] == 422
    key = take(api, "Ada", token=f" {ada.token} ")
    assert register(api, "Ada", key).status_code == 200 and register(api, "Ada").status_code == 401


def test_a_worker_that_left_proves_nothing(joining, api, worker):
    joining.load(["x"])
    ada = worker("a", "Ada")
    ada.get_job()
    ada.complete("r")
    token = ada.token
    ada.bye()
    assert ask(api, "Ada", token=token)[0] == 422


def test_whose_name_several_networks_use_an_operator_decides(joining, api, worker):
    ada = worker("a", "Ada")
    worker("a", "Ada")
    joining.sql("update tracker.worker set network = id")
    status, read = ask(api, "Ada", token=ada.token)
    assert status == 422 and "several networks" in read.text


def test_a_name_that_looks_like_one_that_worked_is_refused(joining, api, worker):
    joining.load(["x"])
    ada = worker("a", "Ada")
    ada.get_job()
    ada.complete("r")
    status, read = ask(api, "ADA")
    assert status == 422 and "looks like Ada" in read.text


@pytest.mark.parametrize("mine, theirs", [("Ada", "\u0410da"), ("\u0410da", "Ada"), ("Ada", "ADA")])
def test_a_name_that_looks_like_one_at_work_is_refused_and_the_worker_comes_again(joining, api, worker, mine, theirs):
    worker("a", mine)
    status, read = ask(api, theirs)
    assert status == 422 and f"looks like {mine}" in read.text and not KEY.search(read.raw)
    assert register(api, mine).status_code == 200


def test_who_is_banned_is_told_so(joining, api):
    joining.run("distcompute-admin", "ban", "--person", "Mallory", "--reason", "made up results")
    try:
        status, read = ask(api, "Mallory")
        assert status == 422 and "made up results" in read.text
    finally:
        joining.sql("update tracker.ban set lifted = now()")


def test_of_ten_at_once_one_gets_it(joining):
    def one(_):
        api = Api(joining)
        try:
            return ask(api, "Ada")[0]
        finally:
            api.close()
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        got = sorted(pool.map(one, range(10)))
    assert got == [200] + [422] * 9


def test_tries_are_bounded_by_origin(joining, api):
    joining.sql("insert into tracker.signup (origin) select tracker.hash_address('127.0.0.1', 32) from generate_series(1, 40)")
    status, read = ask(api, "Ada")
    assert status == 429 and "in an hour" in read.text and not KEY.search(read.raw)
    assert api.call("POST", "/join", "nickname=Ada", headers=FORM).headers["Retry-After"] == "3600"
    joining.sql("update tracker.signup set at = at - interval '61 minutes'")
    assert ask(api, "Ada")[0] == 200
    assert joining.one("select count(*) from tracker.signup") == 1


def test_pages_of_other_sites_may_not_ask(joining, api):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert ask(api, "Ada", headers=headers)[0] == 403
    # A name that somebody else lets lead to us: all headers agree, and it is not ours.
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}):
        assert ask(api, "Ada", headers={"Host": "evil.example", "Origin": "https://evil.example", **headers})[0] == 403
    assert ask(api, "Ada", headers={"Sec-Fetch-Site": "same-origin", "Origin": joining.url})[0] == 200


@pytest.mark.parametrize("body", [b"nickname=Ada\0m", b"nickname=Ada&token=x\0", b"\0", b"nickname=Ada\0&nickname=Bob"])
def test_a_nul_hides_nothing_of_a_form(joining, api, body):
    answer = api.call("POST", "/join", body, headers=FORM)
    assert (answer.status_code, answer.text) == (422, "The form has a NUL character.")
    assert joining.one("select count(*) from tracker.person_key") == 0


@pytest.mark.parametrize("body", [b"", b"nickname", b"nickname=%", b"nickname=%00", b"nickname=%FF", b"\xff\xfe", b"{}", b"&&&==",
                                  b"nickname=a" * 5000, b"nickname=" + b"%F0%9F%A6%8A" * 2000])
def test_bodies_that_no_form_sends(joining, api, body):
    answer = api.call("POST", "/join", body, headers=FORM)
    assert answer.status_code in (200, 422)


def test_a_body_has_a_limit(joining, api):
    assert api.call("POST", "/join", b"x" * (65 * 1024), headers=FORM).status_code == 413


# --- by invitation ----------------------------------------------------------------------------

def test_closed_sign_up_is_for_who_was_invited(keyed, keyed_api):
    keyed.sql("delete from tracker.person")
    assert ask(keyed_api, "Ada")[0] == 422
    done = keyed.run("distcompute-admin", "invite", "--label", "for Ada")
    invite = done.stdout.strip()
    assert KEY.fullmatch(invite) and f"{keyed.url}/join" in done.stderr
    assert ask(keyed_api, "Ada", invite=invite[:-1] + "x")[0] == 422
    assert ask(keyed_api, "admin", invite=invite)[0] == 422  # it is of use still
    key = take(keyed_api, "Ada", invite=invite)
    assert register(keyed_api, "Ada", key).status_code == 200
    status, read = ask(keyed_api, "Grace", invite=invite)
    assert status == 422 and "by invitation" in read.text
    keyed.sql("delete from tracker.invite")


def test_an_old_invitation_is_none(keyed, keyed_api):
    invite = keyed.run("distcompute-admin", "invite").stdout.strip()
    keyed.sql("update tracker.invite set until = now()")
    assert ask(keyed_api, "Newton", invite=invite)[0] == 422


def test_an_invitation_is_asked_for_once_by_many(keyed, keyed_api):
    keyed.sql("delete from tracker.person")
    invite = keyed.run("distcompute-admin", "invite").stdout.strip()

    def one(n):
        api = Api(keyed)
        try:
            return ask(api, f"Person {quote(str(n))}", invite=invite)[0]
        finally:
            api.close()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = sorted(pool.map(one, range(8)))
    assert got == [200] + [422] * 7



def test_what_stands_in_the_address_is_no_part_of_the_form(joining, api):
    answer = api.call("POST", "/join?nickname=Ada", urlencode({"nickname": ""}), headers=FORM)
    assert answer.status_code == 422 and "Which name?" in Page(answer.text).text
