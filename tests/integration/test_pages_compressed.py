"""Pages travel as gzip to who asks for it, and as they are to others, through nginx's cache too, which keeps both apart."""
import contextlib
import gzip
import http.client
import signal
import ssl

import pytest
import redis

from stack import HOST
from waiting import eventually

PATHS = ["/", "/?all=true", "/leaderboard", "/leaderboard?period=week", "/api/stats.json", "/badge.svg"]
WANT = ["gzip", "GZIP", "x-gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "gzip;q=0.001", "*", "deflate,*;q=0.5",
        "gzip, *;q=0", "identity, gzip"]
WANT_NOT = [None, "", "identity", "br", "deflate, br", "gzip;q=0", "gzip; q=0.000, deflate", "*, gzip;q=0", "*;q=0", "identity;q=1, *;q=0",
            "gzipped", "not-gzip", "gzip;q=x"]
PAST_NGINX = {"X-Tracker-Cache": "off"}


class Answer:
    """An answer as it came over the wire, nothing unpacked."""

    def __init__(self, reply):
        self.status, self.headers, self.bytes = reply.status, reply.headers, reply.read()
        self.packed = self.headers["Content-Encoding"] == "gzip"
        self.tag, self.cache = self.headers["ETag"], self.headers["X-Cache"]

    @property
    def page(self):
        """What was rendered; the tag's stem stands for it."""
        return self.tag.strip('"').removesuffix("-gzip")

    @property
    def text(self):
        return (gzip.decompress(self.bytes) if self.packed else self.bytes).decode()


def ask(stack, path, accept=None, method="GET", headers=None):
    context = ssl.create_default_context(cafile=stack.certificate)
    with contextlib.closing(http.client.HTTPSConnection(HOST, stack.https_port, context=context, timeout=30)) as connection:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**({} if accept is None else {"Accept-Encoding": accept}), **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return Answer(connection.getresponse())


def as_promised(answer, packed):
    """One form or the other, and every header true of it."""
    assert answer.status == 200 and answer.packed == packed
    assert int(answer.headers["Content-Length"]) == len(answer.bytes) > 0
    assert answer.headers.get_all("Vary") == ["Accept-Encoding"]
    assert answer.headers.get_all("Content-Encoding") == (["gzip"] if packed else None)
    assert answer.headers["Transfer-Encoding"] is None
    assert answer.tag.startswith('"') and answer.tag.endswith('-gzip"') == packed
    assert "</html>" in answer.text or answer.text.startswith(("{", "<svg"))
    return answer


@pytest.mark.parametrize("past", [{}, PAST_NGINX], ids=["cached", "uncached"])
@pytest.mark.parametrize("accept", WANT)
def test_who_asks_for_gzip_gets_it(tracker, accept, past):
    for path in PATHS:
        as_promised(ask(tracker, path, accept, headers=past), packed=True)


@pytest.mark.parametrize("past", [{}, PAST_NGINX], ids=["cached", "uncached"])
@pytest.mark.parametrize("accept", WANT_NOT)
def test_who_does_not_gets_the_page_as_it_is(tracker, accept, past):
    for path in PATHS:
        as_promised(ask(tracker, path, accept, headers=past), packed=False)


def both(stack, path, method="GET", headers=None):
    """The two forms of one and the same page."""
    def same():
        forms = [ask(stack, path, accept, method, headers) for accept in ("gzip", None)]
        return forms[0].page == forms[1].page and forms
    return eventually(same, what="both forms of one page")


@pytest.mark.parametrize("path", PATHS)
def test_both_forms_are_the_same_page_under_different_tags(tracker, path):
    packed, plain = both(tracker, path)
    assert packed.text == plain.text
    assert packed.tag != plain.tag
    assert len(packed.bytes) < len(plain.bytes)


@pytest.mark.parametrize("past", [{}, PAST_NGINX], ids=["cached", "uncached"])
@pytest.mark.parametrize("path", PATHS)
def test_head_tells_of_the_form_that_get_would_send(five, path, past):
    def same():
        got, heads = both(five, path, headers=past), both(five, path, "HEAD", headers=past)
        return got[0].page == heads[0].page and zip(got, heads)
    for get, head in eventually(same, what="GET and HEAD of one page"):
        assert head.bytes == b"" and head.status == 200
        for name in ("Content-Length", "Content-Encoding", "Content-Type", "ETag", "Vary"):
            assert head.headers[name] == get.headers[name], name


@pytest.mark.parametrize("past", [{}, PAST_NGINX], ids=["cached", "uncached"])
@pytest.mark.parametrize("path", PATHS)
def test_a_tag_is_known_again_for_the_form_that_it_was_given_with(five, path, past):
    def asked():
        packed, plain = both(five, path, headers=past)
        again = {(accept, form): ask(five, path, accept, headers={**past, "If-None-Match": form.tag})
                 for accept in ("gzip", None) for form in (packed, plain)}
        weak = ask(five, path, "gzip", headers={**past, "If-None-Match": f'"x", W/{packed.tag}'})
        return len({a.page for a in [packed, *again.values(), weak]}) == 1 and (packed, plain, again, weak)
    packed, plain, again, weak = eventually(asked, what="all answers of one page")
    assert [again["gzip", packed].status, again[None, plain].status, weak.status] == [304, 304, 304]
    assert [again["gzip", plain].status, again[None, packed].status] == [200, 200]
    for answer in (again["gzip", packed], again[None, plain], weak):
        assert answer.bytes == b"" and answer.headers["Vary"] == "Accept-Encoding" and not answer.packed
    assert again["gzip", packed].tag == packed.tag and again[None, plain].tag == plain.tag


@pytest.mark.parametrize("path", ["/", "/api/stats.json"])
def test_nginx_keeps_both_forms_and_never_mixes_them(five, path):
    """Every wording of the header in turn; each form is seen coming out of the cache and being checked anew."""
    seen = set()

    def all_seen():
        for accept in (*WANT, *WANT_NOT):
            answer = as_promised(ask(five, path, accept), packed=accept in WANT)
            seen.add((answer.packed, answer.cache))
        return {(packed, how) for packed in (True, False) for how in ("HIT", "REVALIDATED")} <= seen
    eventually(all_seen, timeout_s=30, what="both forms from the cache")


def test_nginx_keeps_one_entry_a_form_whatever_the_wording(tracker):
    def hits():
        path = f"/?owner={next(names)}"
        first, *others = [ask(tracker, path, accept) for accept in WANT]
        return first.cache == "MISS" and {a.cache for a in others} == {"HIT"}
    names = iter(f"nobody-{n}" for n in range(1000))
    eventually(hits, what="all wordings within the second that an entry lives")


def test_while_the_tracker_is_down_both_forms_are_still_shown(faults):
    path = "/leaderboard?period=today"
    before = both(faults, path)
    faults.kill("tracker", signal.SIGTERM)
    try:
        for accept, form in (("gzip, br", before[0]), ("br", before[1])):
            answer = eventually(lambda: (a := ask(faults, path, accept)).cache == "STALE" and a, what="a stale page")
            as_promised(answer, packed=form.packed)
            assert "</html>" in answer.text
    finally:
        faults.up()


def test_redis_has_both_forms_so_that_no_other_process_compresses_again(five):
    raw = redis.Redis(unix_socket_path=f"{five.state}/run/redis.sock")
    page = ask(five, "/leaderboard", "gzip", headers=PAST_NGINX)
    key, = [k for k in raw.scan_iter("*/leaderboard") if b"lock" not in k]
    head, kept = raw.get(key).split(b"\n", 1)
    length = int(head.split()[1])
    assert gzip.decompress(kept[:length]) == kept[length:]
    assert page.text.startswith("<!doctype html>") and kept[length:].startswith(b"<!doctype html>")
