"""
What each location of nginx's files must say, read from the files: a line that is left out of one of them is seen by no request but
the one in a thousand that needs it. What nginx makes of them is asked in test_edge.py and others.
"""
import os
import re

import pytest

from stack import ROOT

NGINX = os.path.join(ROOT, "nginx")
V1 = ("/api/new", "/api/validateWorker", "/api/jobCount", "/api/newJob", "/api/updateProgress", "/api/completeJob",
      "/api/flagInvalidData", "/api/bye")
WITH_BODY = {"/api/validateWorker", "/api/newJob", "/api/updateProgress", "/api/completeJob", "/api/flagInvalidData", "/api/bye",
             "/api/sync"}


def read(name):
    """Without comments."""
    with open(os.path.join(NGINX, name), encoding="utf-8") as f:
        return re.sub(r"(?m)(^|\s)#.*$", r"\1", f.read())


def locations(name):
    """{address: its lines}; of a pattern of names, each of them by itself."""
    found = {}
    for how, address, text in re.findall(r"(?m)^\t?location ([=~] )?(\S+) \{\n(.*?)^\t?\}", read(name), re.S):
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        names = re.fullmatch(r"\^(/(?:\w+/)?)\(\?:([\w|]+)\)\$", address) if how.startswith("~") else None
        assert names or not how.startswith("~"), address
        for one in [names[1] + word for word in names[2].split("|")] if names else [address]:
            assert one not in found
            found[one] = lines
    return found


OURS = locations("tracker-locations.conf")
BALANCER = locations("tracker-balancer.conf")
SENT_ON = {at: lines for at, lines in OURS.items() if "fastcgi_pass tracker_main;" in lines}


def numbers(lines, what):
    return {m[1]: int(m[2]) for line in lines if (m := re.fullmatch(rf"{what} (?:zone=)?tracker_main_(\w+)(?: burst=| )(\d+).*;", line))}


def test_every_call_and_page_has_a_location():
    assert set(V1) <= set(OURS) and set(V1) <= set(BALANCER)
    assert set(OURS) - set(V1) == {"/api/sync", "/api", "/api/", "/", "/me", "/static/", "/metrics", "/readyz", "/healthz",
                                   "@tracker_main_hang_up"}


@pytest.mark.parametrize("at", [at for at in OURS if not at.startswith("@")])
def test_every_location_has_the_headers_that_all_have(at):
    """A header of a location's own would take away those of the server, so each has them by itself."""
    assert OURS[at][0] == "include snippets/tracker-common.conf;"


@pytest.mark.parametrize("name", V1)
@pytest.mark.parametrize("of", [OURS, BALANCER], ids=["host", "balancer"])
def test_version_1_is_hung_up_on_where_others_hear_why(of, name):
    lines = of[name]
    assert "error_page 500 502 503 504 @tracker_main_hang_up;" in lines
    assert [line for line in lines if "_status " in line and not line.endswith(" 444;")] == []
    assert "limit_conn_status 444;" in lines and ("limit_req_status 444;" in lines) == any(x.startswith("limit_req ") for x in lines)
    assert of["@tracker_main_hang_up"] == ["return 444;"]


@pytest.mark.parametrize("at", sorted(set(SENT_ON) - set(V1)))
def test_all_others_hear_503_or_429(at):
    assert "error_page 500 502 503 504 =503 /_tracker_main/said;" in SENT_ON[at]
    limited = [line for line in SENT_ON[at] if re.match(r"limit_(conn|req) ", line)]
    for kind in {line.split()[0] for line in limited}:
        assert f"{kind}_status 429;" in SENT_ON[at]
    assert limited or at in ("/metrics", "/readyz", "/healthz")


@pytest.mark.parametrize("at", sorted(WITH_BODY))
def test_a_body_may_trickle_nowhere(at):
    for of in (OURS, BALANCER):
        assert any(line.startswith("include snippets/tracker-body-time") for line in of[at])


@pytest.mark.parametrize("at", ["/api/completeJob", "/api/sync"])
def test_what_takes_data_takes_as_much_as_the_setting_says_and_few_at_a_time(at):
    for of in (OURS, BALANCER):
        assert "client_max_body_size 16M;" in of[at]
        assert {"calls": 2500, "bodies": 256, "large": 32}.items() <= numbers(of[at], "limit_conn").items()
    assert [a for a in SENT_ON if "client_max_body_size 16M;" in SENT_ON[a]] == ["/api/completeJob", "/api/sync"]


def test_what_one_address_may_take():
    """The numbers are explained in tracker.conf, and a thousand workers of one address pass."""
    conn = {at: numbers(lines, "limit_conn") for at, lines in SENT_ON.items()}
    for at in (*V1, "/api/sync"):
        assert conn[at]["calls"] == 2500
    for at in ("/api/newJob", "/api/sync"):
        assert conn[at]["waiting"] == 2000
    for at in ("/", "/api/", "/me"):
        assert conn[at] == {"people": 64}
    assert numbers(SENT_ON["/api/new"], "limit_req") == {"new": 10000} and numbers(SENT_ON["/me"], "limit_req") == {"own": 40}
    for table, of in (("visitor", r"\$remote_addr"), ("network", r"\$binary_remote_addr")):
        assert re.search(rf"map {of} \$tracker_main_{table} ", read("tracker.conf"))
    (visitor,) = re.findall(r"(?s)map \$remote_addr \$tracker_main_visitor \{(.*?)\}", read("tracker.conf"))
    assert {'127.0.0.1 "";', '::1 "";', "default $tracker_main_network;"} == {x.strip() for x in visitor.strip().split("\n")}


@pytest.mark.parametrize("at", ["/", "/api/"])
def test_what_is_kept_is_kept_apart_by_all_that_makes_a_difference(at):
    lines = OURS[at]
    assert 'fastcgi_cache_key "$request_method $tracker_main_encoding $request_uri";' in lines
    uncached = {"$http_authorization", "$tracker_main_uncached"} | ({"$tracker_main_elsewhere"} if at == "/api/" else set())
    for what in ("fastcgi_cache_bypass", "fastcgi_no_cache"):
        (line,) = [x for x in lines if x.startswith(what + " ")]
        assert set(line.rstrip(";").split()[1:]) == uncached
    for line in ("fastcgi_cache tracker_main_pages;", "fastcgi_ignore_headers Vary;", "fastcgi_cache_lock on;", "gzip off;",
                 "fastcgi_cache_revalidate on;", "fastcgi_hide_header Cache-Control;", "add_header Cache-Control $tracker_main_kept always;",
                 "fastcgi_param HTTP_ACCEPT_ENCODING $tracker_main_encoding if_not_empty;"):
        assert line in lines
    # It knows no end; how long a copy may be shown says the answer. And of the API only what says so itself is kept.
    assert not any(line.startswith("fastcgi_cache_use_stale") for line in lines)
    assert ("fastcgi_cache_valid 200 1s;" in lines) == (at == "/")


def test_what_is_ones_own_is_kept_nowhere():
    for at in set(SENT_ON) - {"/", "/api/"}:
        assert not any(line.startswith("fastcgi_cache") for line in SENT_ON[at])


@pytest.mark.parametrize("at", ["/", "/me"])
def test_where_keys_are_shown_the_tracker_is_told_of_tls(at):
    assert "fastcgi_param HTTPS $https if_not_empty;" in OURS[at]


def test_an_operators_pages_are_nobody_elses():
    for at in ("/metrics", "/readyz", "/healthz"):
        assert 'if ($tracker_main_operator = "") {' in OURS[at]
    (who,) = re.findall(r'map "\$tracker_main_listed(\S*)" \$tracker_main_operator', read("tracker.conf"))
    assert set(re.findall(r"\$(\w+)", who)) == {"http_x_forwarded_for", "http_forwarded", "http_x_real_ip", "http_via"}


def test_a_host_behind_the_balancer_is_told_who_asks_and_says_each_header_once():
    balancer = read("tracker-balancer.conf")
    assert {m[1]: m[2] for m in re.finditer(r"proxy_set_header (\S+) (\S+);", balancer)} == {
        "Connection": '""', "Host": "$host", "X-Forwarded-For": "$remote_addr", "X-Forwarded-Proto": "$scheme"}
    ours = set(re.findall(r"(?m)^add_header (\S+) ", read("tracker-common.conf"))) - {"Strict-Transport-Security"}
    assert set(re.findall(r"proxy_hide_header (\S+);", balancer)) == ours
    assert {at: numbers(lines, "limit_conn") for at, lines in BALANCER.items() if at in ("/", "/me")} == {
        "/": {"people": 256}, "/me": {"people": 256}}


def test_the_headers_that_all_have_stand_on_errors_too():
    lines = [line for line in read("tracker-common.conf").split("\n") if line.startswith("add_header ")]
    assert len(lines) == 7 and all(line.endswith(" always;") for line in lines)


def test_the_tracker_is_told_what_was_asked_by_whom_and_under_which_name():
    told = dict(re.findall(r"(?m)^fastcgi_param (\w+) ([^\s;]+)", read("tracker-common.conf")))
    assert {"REQUEST_METHOD": "$request_method", "CONTENT_LENGTH": "$content_length", "REQUEST_URI": "$request_uri",
            "REMOTE_ADDR": "$remote_addr", "HTTP_HOST": "$host"}.items() <= told.items()
