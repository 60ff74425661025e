"""Names: how a new one is written, whose it is, and that a key is nowhere but in its owner's hand."""
import base64
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import unicodedata
import urllib.parse

import pytest
import redis
import requests

from client import Api, Client
from little import self_signed
from stack import HOST
from test_worker import Worker
from waiting import eventually

ADMIN = "distcompute-admin"
KEY = re.compile(r"dct_[0-9a-f]{32}")


def register(api, nickname, key=None, raw=False, **params):
    """raw: the nickname is written as it shall travel."""
    query = nickname if raw else urllib.parse.quote(nickname, safe="")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    extra = "".join(f"&{name}={value}" for name, value in params.items())
    return api.get(f"/api/new?stage=a&nickname={query}{extra}", headers=headers)


def names(stack):
    return {name for (name,) in stack.sql("select nickname from tracker.person")}


def works_as(stack, answer):
    assert answer.status_code == 200, answer.text
    return stack.one("select p.nickname from tracker.worker w join tracker.person p on p.id = w.person"
                     " where w.name = %s and w.stage = 1", answer.json()["display_name"])


def make_key(stack, name, *flags):
    return stack.run(ADMIN, "person", "key", "add", name, *flags).stdout.strip()


# --- a new name ----------------------------------------------------------------------------------

@pytest.mark.parametrize("sent, kept", [
    ("  Ada   Lovelace ", "Ada Lovelace"), ("Zoe\u0308", "Zoë"), ("\u00a0Ada\u3000L.", "Ada L."), ("...", "..."),
    ("می\u200cخواهم", "می\u200cخواهم"), ("👩\u200d💻", "👩\u200d💻"), ("क्\u200dष", "क्\u200dष")])
def test_a_new_name_has_one_form(fresh, api, sent, kept):
    assert works_as(fresh, register(api, sent)) == kept
    assert names(fresh) == {kept}
    assert works_as(fresh, register(api, sent)) == kept  # and finds itself again
    assert names(fresh) == {kept}


@pytest.mark.parametrize("name", [" ", ".", "..", " .. ", "A\u200bda", "Ada\u202e", "A\u00adda", "A\u200dda", "\u3164", "\u0308",
                                  "A\uffff", "A\u0378", "Ada\U000e0041", "x" * 129])
def test_what_may_be_no_new_name_is_said_in_words(fresh, api, name):
    answer = register(api, name)
    assert answer.status_code == 422 and answer.text.startswith("The parameter 'nickname' "), answer.text
    assert names(fresh) == set()


@pytest.mark.parametrize("name", [" Ada ", "A\u200bda", "Zoe\u0308", "..", "\u3164"])
def test_a_name_of_before_works_on_as_it_is(fresh, api, name):
    fresh.sql("insert into tracker.person (nickname) values (%s)", name)
    assert works_as(fresh, register(api, name)) == name
    assert names(fresh) == {name}


def test_a_hundred_thousand_names_of_before_work_on(fresh, api):
    """Their looks are made in bites beside the work, and then they are as well guarded as new ones."""
    fresh.sql("insert into tracker.person (nickname) select case n % 4 when 0 then ' Name ' || n when 1 then 'Näme ' || n"
              " when 2 then E'na\\u200bme ' || n else 'NAME' || n end from generate_series(1, 100000) n")
    for name in (" Name 4", "Näme 5", "na\u200bme 6", "NAME7"):
        assert works_as(fresh, register(api, name)) == name
    eventually(lambda: fresh.one("select count(*) from tracker.person where looked is null") == 0, timeout_s=100,
               what="all names were looked at")
    make_key(fresh, "NAME7")
    assert register(api, "name7").status_code == 401
    assert works_as(fresh, register(api, "NAME11")) == "NAME11"


@pytest.mark.parametrize("mark", ["1.0 1.0", "999.0 99.0"])
def test_another_version_of_icu_makes_all_anew(fresh, api, mark):
    for name in ("Ada", "Bob"):
        register(api, name)
    make_key(fresh, "Ada")
    now = fresh.one("select looked from tracker.person where nickname = 'Ada'")
    before = fresh.sql("select * from tracker.look order by 1, 2")
    fresh.sql("update tracker.person set looked = %s", mark)
    fresh.sql("update tracker.look set skeleton = gen_random_uuid(), claimed = false")
    eventually(lambda: fresh.sql("select * from tracker.look order by 1, 2") == before, timeout_s=40, what="made anew")
    assert {m for (m,) in fresh.sql("select looked from tracker.person")} == {now}
    assert register(api, "ADA").status_code == 401


# --- a name with a key ---------------------------------------------------------------------------

IMPOSTORS = {
    "the same": "Ada", "percent": "%41%64%61", "half percent": "A%64a", "plus": "+Ada+", "case": "ADA", "lower": "aDa",
    "full width": urllib.parse.quote("Ａｄａ"), "Cyrillic": urllib.parse.quote("Аdа"), "Greek": urllib.parse.quote("Αda"),
    "mathematical": urllib.parse.quote("𝐀𝐝𝐚"), "blanks": "%C2%A0Ada%E3%80%80"}


@pytest.mark.parametrize("how", IMPOSTORS)
def test_an_impostor_is_told_that_the_name_is_anothers(fresh, api, how):
    make_key(fresh, "Ada")
    answer = register(api, IMPOSTORS[how], raw=True)
    assert answer.status_code == 401 and "key" in answer.text, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Basic" in answer.headers["WWW-Authenticate"] and "Bearer" in answer.headers["WWW-Authenticate"]
    assert names(fresh) == {"Ada"}
    assert fresh.one("select count(*) from tracker.worker") == 0


@pytest.mark.parametrize("name", ["Ada\u2800", "\u2800Ada", "A\U00016fe4da", "Ada\U0001bc9d", "Ad\u200b\u0061", "A\u200bda", "\u2066Ada\u2069", "A\u00adda", "A\u034fda", "Ada\ufe0f"])
def test_what_hides_in_a_name_is_refused_or_the_same_name(fresh, api, name):
    make_key(fresh, "Ada")
    assert register(api, name).status_code in (401, 422)
    fresh.sql("insert into tracker.person (nickname) values (%s)", name)  # one of before
    assert register(api, name).status_code == 401


def test_another_normal_form_is_the_same_name(fresh, api):
    key = make_key(fresh, "Zoë")
    decomposed = unicodedata.normalize("NFD", "Zoë")
    assert register(api, decomposed).status_code == 401
    assert works_as(fresh, register(api, decomposed, key)) == "Zoë"


def test_the_holder_works_in_whatever_way_the_name_is_written(fresh, api):
    key = make_key(fresh, "Ada")
    for how in IMPOSTORS.values():
        assert works_as(fresh, register(api, how, key, raw=True)) == "Ada"
    assert names(fresh) == {"Ada"}


def test_others_work_on_without_a_key(fresh, api):
    key = make_key(fresh, "Ada")
    for name in ("anonymous", "Bob", "Adam"):
        assert works_as(fresh, register(api, name)) == name
    assert works_as(fresh, register(api, "Bob", key)) == "Bob"  # the query's nickname counts


def test_a_wrong_key_is_as_none(fresh, api):
    make_key(fresh, "Ada")
    other = make_key(fresh, "Bob")
    for key in (other, "dct_" + 32 * "0", "dct_", "x", "'; drop table tracker.person_key; --", "\u00ff"):
        assert register(api, "Ada", key.encode("latin-1").decode("latin-1")).status_code == 401


def test_the_key_of_the_address_is_the_published_clients_way(fresh):
    """requests takes user and password out of the URL, and sends them as HTTP Basic."""
    key = make_key(fresh, "Ada")
    client = Client.__new__(Client)
    client.api = Api(fresh)
    client.api.base = client.api.base.replace("https://", f"https://x:{key}@")
    answer = client.api.get("/api/new", params={"nickname": "Ada", "stage": "a"})
    assert works_as(fresh, answer) == "Ada"
    token = answer.json()["token"]
    assert client.api.text("/api/validateWorker", {"token": token}) == (200, "True")
    client.api.close()


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_the_key_of_the_address_with_both_versions_of_http(fresh, http):
    key = make_key(fresh, "Ada")
    config = f'url = "https://any:{key}@{HOST}:{fresh.https_port}/api/new?stage=a&nickname=Ada"\n'
    done = subprocess.run(["curl", "-sS", http, "--cacert", fresh.certificate, "-w", "%{http_version} %{http_code}", "-o", "/dev/null",
                           "-K", "-"], input=config, capture_output=True, text=True, check=True)
    assert done.stdout == ("2 200" if http == "--http2" else "1.1 200")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["another host", "by http"])
def test_requests_sends_no_key_to_where_it_is_sent_on(fresh, little, tmp_path, host):
    key = make_key(fresh, "Ada")
    pem = self_signed(tmp_path)
    other = little()
    first = little({"/api/new": lambda call: (302, {"Location": other.url.replace("127.0.0.1", host) + call.path}, "")}, tls=pem)
    with requests.Session() as session:
        session.trust_env = False
        session.verify = pem
        session.get(first.url.replace("://", f"://x:{key}@") + "/api/new?stage=a&nickname=Ada")
    assert first.calls[0].headers["authorization"] == "Basic " + base64.b64encode(f"x:{key}".encode()).decode()
    assert "authorization" not in other.calls[0].headers


def test_a_lost_key_is_made_anew_and_the_old_one_ends(fresh, api):
    lost = make_key(fresh, "Ada", "--label", "laptop")
    new = make_key(fresh, "Ada")
    listed = [json.loads(line) for line in fresh.run(ADMIN, "person", "key", "list", "Ada", "--json").stdout.splitlines()]
    assert [k["label"] for k in listed] == ["", "laptop"]
    fresh.run(ADMIN, "person", "key", "revoke", "Ada", str(listed[1]["key"]))
    assert register(api, "Ada", lost).status_code == 401
    assert works_as(fresh, register(api, "Ada", new)) == "Ada"
    fresh.run(ADMIN, "person", "key", "revoke", "Ada", "--all")
    assert works_as(fresh, register(api, "Ada")) == "Ada"


@pytest.mark.parametrize("words, why", [
    (("add", "anonymous"), "belongs to nobody"), (("add", "Anonymоus"), "belongs to nobody"), (("add", "erased-7"), "belongs to nobody"),
    (("add", "ADA"), "looks like 'Ada'"), (("add", "A\u200bda"), "may be no name"), (("revoke", "Ada", "99"), "no such key"),
    (("revoke", "Ada"), "which key"), (("list", "Nobody"), "no person 'Nobody'"), (("revoke", "Nobody", "1"), "no such key"), (("add",), "say add NAME"), (("forge", "Ada"), "say add NAME")])
def test_keys_that_are_not_given(fresh, words, why):
    make_key(fresh, "Ada")
    done = fresh.run(ADMIN, "person", "key", *words, check=False)
    assert done.returncode != 0 and why in done.stderr, done.stderr


def test_an_operator_renames_nobody_to_what_looks_like_a_name_with_a_key(fresh, api):
    make_key(fresh, "Ada")
    register(api, "Bob")
    for name in ("ADA", "\u0410da"):
        done = fresh.run(ADMIN, "person", "rename", "Bob", name, check=False)
        assert done.returncode != 0 and "looks like 'Ada'" in done.stderr
    assert names(fresh) == {"Ada", "Bob"}
    fresh.run(ADMIN, "person", "rename", "Ada", "Countess")
    assert register(api, "COUNTESS").status_code == 401 and register(api, "ADA").status_code == 401  # at once


def test_who_gives_a_key_hears_whose_scripts_will_be_refused(fresh, api):
    for name in ("Paul", "PauI", "PAUL", "Ringo"):
        assert register(api, name).status_code == 200
    token = register(api, "p\u0430ul").json()["token"]
    assert api.post("/api/bye", {"token": token}).status_code == 200
    eventually(lambda: fresh.one("select count(*) from tracker.person where looked is null") == 0, timeout_s=60, what="all are looked at")
    said = fresh.run(ADMIN, "person", "key", "add", "Paul").stderr
    assert {line.split(" looks")[0] for line in said.splitlines()[1:]} == {"PauI", "PAUL"}
    assert "will hear 401" in said


def test_names_that_look_the_same_are_listed(fresh, api):
    for name in ("Ada", "ADA", "Bob"):
        register(api, name)
    rows = [json.loads(line) for line in fresh.run(ADMIN, "look-alikes", "--json").stdout.splitlines()]
    assert {row["nickname"] for row in rows} == {"Ada", "ADA"}


@pytest.mark.slow
def test_ten_thousand_tries_cost_nothing_but_time(fresh):
    key = make_key(fresh, "Ada")
    before = fresh.one("select (select count(*) from tracker.worker), (select count(*) from tracker.person),"
                       " (select count(*) from tracker.look), (select count(*) from tracker.person_key)")

    def guess(part):
        api = Api(fresh)
        said = {register(api, "Ada", f"dct_{part:04x}{n:028x}").status_code for n in range(1250)}
        api.close()
        return said
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set().union(*pool.map(guess, range(8))) == {401}
    assert fresh.one("select (select count(*) from tracker.worker), (select count(*) from tracker.person),"
                     " (select count(*) from tracker.look), (select count(*) from tracker.person_key)") == before
    api = Api(fresh)
    assert works_as(fresh, register(api, "Ada", key)) == "Ada"
    api.close()


# --- where a key is ------------------------------------------------------------------------------

def everything_kept(stack):
    """All that is on disk and in both stores, and what the list of processes shows."""
    for path in glob.glob(os.path.join(stack.state, "**", "*.log"), recursive=True) + glob.glob(os.path.join(stack.state, "*.ini")):
        with open(path, "rb") as f:
            yield path, f.read()
    for (table,) in stack.sql("select tablename from pg_tables where schemaname = 'tracker'"):
        yield table, str(stack.sql(f'select t::text from tracker."{table}" t')).encode()
    raw = redis.Redis(unix_socket_path=os.path.join(stack.state, "run", "redis.sock"))
    for name in raw.scan_iter("*"):
        yield name, name + {b"string": raw.get, b"hash": lambda n: str(raw.hgetall(n)).encode()}.get(raw.type(name), raw.dump)(name)
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                yield path, f.read()
        except OSError:
            pass


def test_a_key_is_in_no_log_page_table_list_or_redis(fresh, api, tmp_path):
    fresh.load(["x", "y"])
    key = make_key(fresh, "Ada", "--label", "cluster")
    basic = base64.b64encode(f"x:{key}".encode())
    register(api, "Ada", key)
    api.get("/api/new?stage=a&nickname=Ada", auth=("x", key))
    api.get("/api/new?stage=a&nickname=Ada&stage=%zz", auth=("x", key))
    api.get("/nowhere", auth=("x", key))
    api.call("PUT", "/api/new", {}, auth=("x", key))
    pages = [api.get(path, auth=("x", key)).text for path in ("/", "/leaderboard", "/person/Ada", "/api/stats.json", "/metrics")]
    path = tmp_path / "key"
    path.write_text(key + "\n")
    worker = Worker(fresh, "a", "env; cat /proc/$PPID/environ /proc/$PPID/cmdline | tr '\\0' '\\n'", "--nickname", "Ada",
                    "--key-file", str(path), "--exit-when-idle", "1")
    worker.process.wait(60)
    said = worker.said()
    worker.stop()
    assert "working as" in said
    for where, bytes_ in [*everything_kept(fresh), ("pages", "".join(pages).encode()), ("worker", said.encode())]:
        assert key.encode() not in bytes_ and basic not in bytes_, where


# --- distcompute-worker --------------------------------------------------------------------------

@pytest.mark.parametrize("speech", [(), ("--v1",)])
def test_a_worker_shows_its_key(fresh, tmp_path, hands, speech):
    fresh.load(["x"])
    key = make_key(fresh, "Ada")
    path = tmp_path / "key"
    path.write_text(f"  {key}\n")
    flags = ("--cacert", fresh.certificate, "--nickname", "Ada", "--exit-when-idle", "1", *speech)
    without = hands(fresh.url, "cat", *flags)
    assert without.ends() == 78 and "key" in without.said()
    with_file = hands(fresh.url, "cat", *flags, "--key-file", str(path))
    assert with_file.ends() == 0
    with_variable = hands(fresh.url, "env >&2", *flags, env={"DISTCOMPUTE_KEY": key})
    assert with_variable.ends() == 0 and key not in with_variable.said() and "DISTCOMPUTE_KEY" not in with_variable.said()
    assert fresh.one("select count(*) from tracker.worker w join tracker.person p on p.id = w.person where nickname = 'Ada'") == 2


def test_a_worker_takes_no_key_on_its_command_line(hands, tmp_path):
    key = "dct_" + 32 * "0"
    worker = hands(f"https://x:{key}@localhost")
    assert worker.ends() == 64 and "--key-file" in worker.said()
    (tmp_path / "empty").write_text("\n")
    for flags in (("--key-file", str(tmp_path / "none")), ("--key-file", str(tmp_path / "empty"))):
        assert hands("https://localhost", "cat", *flags).ends() == 64


def test_a_worker_sends_its_key_nowhere_else(little, hands, tmp_path):
    """Only to register, only over TLS; not to another host, nor from https to http, whoever says so."""
    pem = self_signed(tmp_path)
    other, plain = little(), little()
    where = {}
    tracker = little({"/api/new": lambda call: (308, {"Location": where["to"] + call.path}, "")}, tls=pem)
    for to in (plain.url, other.url.replace("127.0.0.1", "localhost"), tracker.url.replace("127.0.0.1", "localhost")):
        where["to"] = to
        worker = hands(tracker.url, "cat", "--cacert", pem, "--exit-when-idle", "1", env={"DISTCOMPUTE_KEY": "secret-key"})
        worker.ends()
    assert {c.headers.get("authorization") for c in tracker.to("/api/new")} == {"Bearer secret-key"}
    assert not other.calls and not plain.calls
    calm = little(tls=pem)
    worker = hands(calm.url, "cat", "--cacert", pem, "--exit-when-idle", "1", env={"DISTCOMPUTE_KEY": "secret-key"})
    assert worker.ends() == 0
    assert [c.headers.get("authorization") for c in calm.to("/api/new")] == ["Bearer secret-key"]
    assert {c.headers.get("authorization") for c in calm.calls if c.call != "/api/new"} == {None}


# --- join = key ----------------------------------------------------------------------------------

def test_where_all_need_a_key(keyed, hands):
    api = Api(keyed)
    key = make_key(keyed, "Ada")
    for name, shown in (("Ada", None), ("anonymous", None), ("Bob", key)):
        assert register(api, name, shown).status_code == 401
    assert works_as(keyed, register(api, "Ada", key)) == "Ada"
    assert keyed.run(ADMIN, "person", "key", "add", "R00t", check=False).returncode == 1  # one of reserved_names
    api.close()


@pytest.mark.parametrize("name", ["../x", "a/../b", "a/.."])
def test_a_name_that_no_page_could_be_reached_by_is_refused_but_to_who_had_it(fresh, name):
    api = Api(fresh)
    assert register(api, name).status_code == 422
    fresh.sql("insert into tracker.person (nickname) values (%s)", name)
    assert register(api, name).status_code == 200


def test_where_a_key_must_be_shown_who_says_anonymous_is_led_to_a_name_of_their_own(keyed):
    api = Api(keyed)
    for name in ("anonymous", "Anonymous"):
        answer = register(api, name)
        assert answer.status_code == 401 and "take a name" in answer.text and f"{keyed.url}/join" in answer.text
        assert "A key of the name" not in answer.text
    assert "A key of the name" in register(api, "Somebody").text
