"""
Every page with nobody, three and ten thousand workers, narrow and wide, light and dark.

Each visit looks at the console, the width, the accessibility (axe-core, fetched from npm once into the
build folder; without npm that test alone is skipped) and takes a picture. HTML is read by a strict parser.

Environment   TEST_AXE  the file axe.min.js, where there is one already
"""
import base64
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import urllib.request
from urllib.parse import quote

import html5lib
import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from client import Api, Client, Fleet, which
from conftest import browser_for, remember
from stack import BUILD, Stack
from waiting import eventually

PLAIN = {"dashboard": "/", "all": "/?all=true", "filtered": "/?owner=nobody&state=working", "leaderboard": "/leaderboard",
         "week": "/leaderboard?period=week", "search": "/leaderboard?q=zo", "join": "/join", "batches": "/batches"}
SOMEBODYS = ["worker", "person", "job", "failed job", "batch"]  # pages that need somebody
VISITS = [(crowd, page) for crowd in (0, 3, 10000) for page in [*PLAIN, *(SOMEBODYS if crowd else [])]]
LOOKS = [(width, mode) for width in (360, 1440) for mode in ("light", "dark")]
MORE_THAN_A_PAGE = 200  # workers a stage
NAMES = ["Zoë Ångström", "محمد بن موسى الخوارزمي", "שלום עולם", "長い名前", "👩‍🚀🛰️", "W" * 128, "<script>alert(1)</script>",
         "\u202eevil\u202c", "O'Brien & \"Söhne\""]


SYLLABLES = "an bel cor dra el fen gal hu is jo ka lor mi no or pel qua ri sa tu ul ven wil xa yor ze".split()


def put_to_work(stack, per_stage):
    """Workers as they come: named by the tracker, of people who share no name, each at a job and telling where it is."""
    dice = random.Random(7)
    feeder = Fleet(stack, "a", "Feeder")
    feeder.sync(done=[{**which(j), "data": "r"} for j in feeder.take_all(per_stage)])
    for stage in "ab":
        for _ in range(per_stage):
            owner = " ".join("".join(dice.choices(SYLLABLES, k=dice.randint(2, 3))).title() for _ in range(dice.randint(1, 2)))
            fleet = Fleet(stack, stage, owner)
            said = f"{dice.randint(1, 249)} / 250 ({dice.randint(1, 99)}%) s3://bucket/{dice.randint(0, 99999):05}.tar"
            assert fleet.take(1, progress=said)
            fleet.api.close()


def populate(stack, crowd):
    """Jobs in every state, and a crowd; the many come by the same function that the tracker calls."""
    if crowd == 0:
        return
    stack.load([f"job {i}" for i in range(300 if crowd < 1000 else 3000)])
    for n, nickname in enumerate(NAMES[:crowd]):
        if "\u202e" in nickname:
            remember(stack, nickname)
        fleet = Fleet(stack, "a", nickname)
        taken = fleet.take(20 + 2 * n, progress="37 / 99 (37%) " + nickname[:40])
        fleet.sync(done=[{**which(j), "data": {"n": j["job"]}} for j in taken[:-3]],
                   failed=[{**which(taken[-1]), "reason": "exit 3: <b>disk</b> full " + "x" * 300}])
        stack.fleet = fleet
    stack.client = Client(stack, "b", NAMES[0])
    stack.client.get_job()
    stack.client.complete("r")
    if crowd >= 1000:
        put_to_work(stack, MORE_THAN_A_PAGE)
        crowd -= 2 * MORE_THAN_A_PAGE + 1
    stack.sql("select count(*) from tracker.open_workers("
              " (select array_agg(gen_random_uuid()) from generate_series(1, %s)),"
              " (select array_agg('quiet-otter-' || n) from generate_series(1, %s) n),"
              " (select array_agg((1 + n %% 2)::int2) from generate_series(1, %s) n),"
              " (select array_agg('person ' || n) from generate_series(1, %s) n),"
              " (select array_agg(null::text) from generate_series(1, %s) n),"
              " (select array_agg(''::text) from generate_series(1, %s) n))", *[max(crowd - 9, 0)] * 6)


@pytest.fixture(scope="session")
def crowds():
    """crowds(3): a tracker with three workers, started when first asked for."""
    running = {}

    def get(crowd):
        if crowd not in running:
            stack = Stack(f"looks-{crowd}", {"project": "Web of Manuals", "stage_a": "Extract", "stage_b": "Filter & Rank",
                                             "page_cache": 1, "retry_backoff": 1, "public_data": "yes",
                                             "banner": "Maintenance on Sunday, see https://example.org/news."})
            running[crowd] = stack
            stack.start()
            stack.crowd = crowd
            populate(stack, crowd)
        return running[crowd]
    try:
        yield get
    finally:
        for stack in running.values():
            stack.stop()


@pytest.fixture
def crowded(crowds, crowd):
    return crowds(crowd)


@pytest.fixture(scope="session")
def browser(crowds):
    driver, profile = browser_for(crowds(3))
    yield driver
    driver.quit()
    profile.cleanup()


@pytest.fixture(scope="session")
def scriptless_browser(crowds):
    driver, profile = browser_for(crowds(3), script=False)
    yield driver
    driver.quit()
    profile.cleanup()


@pytest.fixture(scope="session")
def axe():
    """The checker's own script."""
    path = os.environ.get("TEST_AXE", os.path.join(BUILD, "node_modules", "axe-core", "axe.min.js"))
    if not os.path.exists(path):
        if shutil.which("npm") is None:
            pytest.skip("no npm to get axe-core with, and no TEST_AXE")
        got = subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", BUILD, "axe-core"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
        if not os.path.exists(path):
            pytest.skip("npm cannot be reached: " + got.stdout[-200:])
    with open(path) as f:
        return f.read()


def path_of(stack, page):
    if page in PLAIN:
        return PLAIN[page]
    name = NAMES[min(stack.crowd, len(NAMES)) - 1]
    return {"worker": lambda: "/worker/extract/" + quote(stack.fleet.name), "person": lambda: "/person/" + quote(name, safe=""),
            "batch": lambda: "/batch/" + quote(stack.one("select name from tracker.batch order by batch limit 1"), safe=""),
            "job": lambda: "/job/1", "failed job": lambda: f"/job/{stack.one('select min(job) from tracker.strike')}"}[page]()


def fetch(stack, path, **headers):
    with urllib.request.urlopen(urllib.request.Request(stack.plain_url + path, headers=headers), timeout=30) as answer:
        return answer.read()


def look(driver, width, mode):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": mode}]})


def picture(driver, path, width):
    height = min(2000, driver.execute_script("return document.documentElement.scrollHeight"))
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {
        "captureBeyondViewport": True, "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}})
    with open(path, "wb") as f:
        f.write(base64.b64decode(shot["data"]))


@pytest.mark.parametrize("crowd, page", VISITS)
def test_a_page_is_quiet_and_fits_at_every_size_and_colour(crowded, browser, screenshots, page):
    path = path_of(crowded, page)
    browser.get_log("browser")
    browser.get(crowded.plain_url + path)
    for width, mode in LOOKS:
        look(browser, width, mode)
        wide = browser.execute_script("return document.documentElement.scrollWidth")
        picture(browser, os.path.join(screenshots, f"{page.replace(' ', '-')}-{crowded.crowd}-{width}-{mode}.png"), width)
        assert wide <= width
    assert [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []


@pytest.fixture(scope="session")
def delivered():
    """Batches in every state, with names of every kind."""
    stack = Stack("looks-batches", {"stage_a": "Extract", "stage_b": "Filter", "page_cache": 1})
    try:
        stack.start()
        for n, name in enumerate(["urgent", *NAMES[:6], "2026-03 crawl of example.org, second delivery of three"]):
            stack.run("distcompute-load", "--append", "--batch", name.replace("\u200d", ""), "--priority", str(-n), "--brace", "j{1..40}",
                      *(["--paused"] if n == 2 else ["--needs", "gpu,ram32"] if n == 3 else ["--rate", "600"] if n == 4 else []))
        stack.run("distcompute-admin", "batch", "cancel", NAMES[0])
        fleet = Fleet(stack, "a", "Ada")
        taken = fleet.take(10)
        fleet.sync(done=[{**which(j), "data": "r"} for j in taken], failed=[])
        yield stack
    finally:
        stack.stop()


@pytest.mark.parametrize("path", ["/", "/batches", "/batches?state=ended", "/batch/urgent", "/batch/" + quote(NAMES[0])])
def test_batches_fit_every_window_and_are_in_nobodys_way(delivered, browser, screenshots, axe, path):
    browser.get(delivered.plain_url + path)
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    for width, mode in LOOKS:
        look(browser, width, mode)
        picture(browser, os.path.join(screenshots, f"batches{re.sub('[^a-z]', '-', path)}-{width}-{mode}.png"), width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        cut = browser.execute_script("""
            return [...document.querySelectorAll(".batches")].filter(t => t.parentElement.scrollWidth > t.parentElement.clientWidth
                || t.querySelector("tbody th").getBoundingClientRect().width < 100).length""")
        assert cut == 0, width
        told = browser.execute_cdp_cmd("Runtime.evaluate", {
            "expression": "axe.run().then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes[0].html])))",
            "awaitPromise": True, "returnByValue": True})
        assert [v for v in json.loads(told["result"]["value"]) if v[0] in ("serious", "critical")] == []


@pytest.fixture(scope="session")
def five_stages():
    names = dict(zip("abcde", ["Download", "Extract text & images from the documents", "Deduplicate", "Score", "Pack"]))
    stack = Stack("looks-five", {f"stage_{letter}": name for letter, name in names.items()})
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.mark.parametrize("width", [360, 700, 768, 1024, 1440])
def test_millions_fit_into_each_of_five_stages(five_stages, browser, width):
    look(browser, width, "light")
    browser.get(five_stages.plain_url + "/")
    outside = browser.execute_script("""
        return [...document.querySelectorAll(".stage dd")].filter(dd => {
            dd.textContent = "1,234,567";
            const card = dd.closest(".stage").getBoundingClientRect(), name = dd.previousElementSibling.getBoundingClientRect();
            const range = document.createRange();
            range.selectNodeContents(dd);
            const at = range.getBoundingClientRect();
            return at.right > card.right || at.left < card.left || (at.left < name.left && at.top < name.bottom);
        }).length""")
    assert outside == 0
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("crowd, page", [visit for visit in VISITS if visit != (10000, "all")])  # as (3, "all"), a minute longer
def test_nothing_serious_is_in_the_way_of_anybody(crowded, browser, axe, page):
    path = path_of(crowded, page)
    browser.get(crowded.plain_url + path)
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    for width, mode in ((360, "dark"), (1440, "light")):
        look(browser, width, mode)
        assert grave(browser) == []


def grave(driver):
    """What axe, which is there already, finds serious or critical."""
    told = driver.execute_cdp_cmd("Runtime.evaluate", {
        "expression": "axe.run().then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes[0].html])))",
        "awaitPromise": True, "returnByValue": True})
    return [v for v in json.loads(told["result"]["value"]) if v[0] in ("serious", "critical")]


# --- pages that are one's own: by https, with a name that was taken on /join and its key -------------------

def press(driver, text, then):
    """Sends the form; the next page says `then`, which this one did not."""
    driver.find_element(By.XPATH, f"//button[normalize-space()='{text}']").click()
    eventually(lambda: is_said(driver, then), what=f"{text}: {then}")


def is_said(driver, words):
    try:
        return words in driver.find_element(By.TAG_NAME, "body").text and driver.find_elements(By.TAG_NAME, "footer")
    except WebDriverException:  # one page goes, the next comes
        return False


def work_and_fail(stack, key, nickname):
    """Machines of somebody who has a key: one at work, one that rests after failures, and one that left."""
    for label, failed in (("warc2tar 1.4", 0), ("warc2tar 1.3-rc", 3), ("left " * 12, 0)):
        fleet = Fleet.__new__(Fleet)
        fleet.stack, fleet.api = stack, Api(stack)
        opened = fleet.api.get("/api/new", params={"stage": "a", "nickname": nickname, "label": label, "slots": 12},
                               headers={"Authorization": f"Bearer {key}"}).json()
        fleet.token, fleet.name = opened["token"], opened["display_name"]
        taken = fleet.take(5, progress="3 / 9")
        fleet.sync(done=[] if failed else [{**which(j), "data": "r"} for j in taken[:2]])
        for job in taken[:failed]:
            fleet.sync(failed=[{**which(job), "reason": "exit 3: cannot write /srv/scratch/tmp.tar: No space left on device"}])
        if label.startswith("left"):
            fleet.api.post("/api/bye", {"token": fleet.token})
        fleet.api.close()
    stack.sql("update tracker.worker set rest_until = now() + interval '1 hour' where bad_row > 0")  # of the test's own time


@pytest.fixture(scope="session")
def keyed(crowds):
    """(stack, key): of a name that was taken by a form."""
    stack = crowds(3)
    stack.load([f"more {n}" for n in range(60)], append=True)
    name = "Zofia Ångström-Özdemir of the Long Name"
    with Api(stack).session.post(stack.url + "/join", data={"nickname": name}) as answer:
        (key,) = set(re.findall("dct_[0-9a-f]{32}", answer.text))
    work_and_fail(stack, key, name)
    return stack, key


def enter(driver, stack, key):
    driver.delete_all_cookies()
    driver.get(stack.url + "/me")
    driver.find_element(By.NAME, "key").send_keys(key)
    press(driver, "Show my page", "Make another key")


OWN_LOOKS = [(width, mode) for width in (360, 1200) for mode in ("light", "dark")]


@pytest.mark.parametrize("page", ["me", "me-stranger", "me-wrong", "me-new-key", "join-taken"])
def test_what_is_ones_own_fits_and_is_in_nobodys_way(keyed, browser, axe, screenshots, page):
    stack, key = keyed
    browser.get_log("browser")
    if page in ("me", "me-new-key"):
        enter(browser, stack, key)
        assert "Machines that left lately" in browser.find_element(By.TAG_NAME, "body").text
    else:
        browser.delete_all_cookies()
        browser.get(stack.url + ("/join" if page == "join-taken" else "/me"))
    if page == "me-new-key":
        browser.find_element(By.NAME, "label").send_keys("cluster in the basement")
        press(browser, "Make another key", "Your new key")
    if page == "me-wrong":
        browser.find_element(By.NAME, "key").send_keys("dct_wrong")
        press(browser, "Show my page", "no key of anybody")
        assert browser.find_elements(By.CSS_SELECTOR, "[role=alert]")
    if page == "join-taken":
        browser.find_element(By.NAME, "nickname").send_keys(f"Newcomer {random.random()}")
        press(browser, "Take the name", "Start a machine")
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": axe})
    for width, mode in OWN_LOOKS:
        look(browser, width, mode)
        picture(browser, os.path.join(screenshots, f"{page}-{width}-{mode}.png"), width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert grave(browser) == []
    refused = ("422", "status of 4")  # the console tells of an answer that is no 200, which me-wrong asks for
    assert [e for e in browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")
            and not any(word in e["message"] for word in refused)] == []


def test_ones_own_page_travels_in_under_30_kb_too(keyed, browser):
    stack, key = keyed
    enter(browser, stack, key)
    page = browser.page_source
    files = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', page))
    assert files
    assert len(page.encode()) + sum(len(fetch(stack, f, **{"Accept-Encoding": "gzip"})) for f in files) < 30_000


def test_all_that_one_can_do_works_without_script(keyed, scriptless_browser):
    stack, key = keyed
    driver = scriptless_browser
    enter(driver, stack, key)
    assert "No space left on device" in driver.find_element(By.TAG_NAME, "main").text
    press(driver, "I fixed it", "The rest is over")
    press(driver, "Hide my machines", "Nobody but you")
    press(driver, "Show my machines", "Everybody sees your machines")
    driver.find_element(By.NAME, "nickname").send_keys("Zofia")
    press(driver, "Rename me", "This is your name now")
    assert driver.find_element(By.TAG_NAME, "h1").text == "Zofia"
    press(driver, "Sign out", "You are signed out")
    assert driver.get_cookies() == []
    enter(driver, stack, key)
    for name in ("name", "again"):
        driver.find_element(By.NAME, name).send_keys("Zofia")
    press(driver, "Erase me for good", "You are erased")
    assert stack.one("select count(*) from tracker.person where nickname like 'Zofia%%'") == 0


@pytest.mark.parametrize("crowd, page", [visit for visit in VISITS if visit[0] == 3])
def test_a_page_says_the_same_without_script(crowded, browser, scriptless_browser, page):
    """But for what time and polling change: digits, and words that tell how long ago."""
    def words(driver):
        driver.get(crowded.plain_url + path_of(crowded, page))
        said = driver.find_element(By.TAG_NAME, "main").text
        return re.sub(r"just now|[\d.,]+ ?(s|min|h)? ?ago|[\d.,]+", "#", said)
    eventually(lambda: words(browser) == words(scriptless_browser), timeout_s=20, what="the same words")


@pytest.mark.parametrize("crowd, page", VISITS)
def test_the_html_is_valid(crowded, page):
    path = path_of(crowded, page)
    text = fetch(crowded, path).decode()
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(text)
    assert [(at, code) for at, code, _ in parser.errors] == []
    ids = re.findall(r'\sid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("crowd, page", VISITS)
def test_a_page_with_all_its_files_travels_in_under_30_kb(crowded, page):
    def travels(path):
        return fetch(crowded, path, **{"Accept-Encoding": "gzip"})
    packed = travels(path_of(crowded, page))
    files = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', gzip.decompress(packed).decode()))
    assert files
    assert len(packed) + sum(len(travels(f)) for f in files) < 30_000


@pytest.mark.parametrize("crowd", [0])
def test_an_empty_tracker_tells_how_to_begin(crowded, browser):
    browser.get(crowded.plain_url + "/")
    said = browser.find_element(By.TAG_NAME, "main").text
    assert "distcompute-load" in said and "distcompute-worker" in said
    browser.get(crowded.plain_url + "/leaderboard")
    assert "distcompute-worker" in browser.find_element(By.TAG_NAME, "main").text


@pytest.mark.parametrize("crowd", [3])
def test_numbers_move_without_a_reload(crowded, browser):
    browser.get(crowded.plain_url + "/")
    before = browser.find_element(By.CSS_SELECTOR, "[data-live='done']").text
    browser.execute_script("window.same = true")
    crowded.client.get_job()
    crowded.client.complete("r")
    eventually(lambda: browser.find_element(By.CSS_SELECTOR, "[data-live='done']").text != before, timeout_s=30, what="the count moves")
    assert browser.execute_script("return window.same")
    told = browser.find_element(By.CSS_SELECTOR, ".stage:last-child svg").get_attribute("aria-label")
    done = browser.find_element(By.CSS_SELECTOR, "[data-live='stages.1.done']").text
    jobs = json.loads(fetch(crowded, "/api/stats.json"))["jobs"]
    assert told.startswith(f"{done} done, ") and told.endswith(f" failed of {jobs}") and done != "1"
    assert "live" in browser.find_element(By.ID, "fresh").text or "old" in browser.find_element(By.ID, "fresh").text


@pytest.mark.parametrize("crowd", [3])
def test_numbers_that_nginx_kept_are_not_called_live(crowded, browser):
    """While the tracker is down nginx goes on to show what it has."""
    browser.get(crowded.plain_url + "/")
    eventually(lambda: browser.find_element(By.ID, "fresh").text == "Numbers are live.", timeout_s=30, what="the first poll")
    crowded.kill("tracker", signal.SIGTERM)
    try:
        eventually(lambda: "These numbers are" in browser.find_element(By.ID, "fresh").text, timeout_s=40, what="their age is told")
        assert fetch(crowded, "/api/stats.json", **{"Accept-Encoding": "gzip"})
    finally:
        crowded.up()


@pytest.mark.parametrize("crowd", [3])
def test_the_keyboard_finds_the_content_first_and_its_focus_is_seen(crowded, browser):
    browser.get(crowded.plain_url + "/")
    browser.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
    focused = browser.switch_to.active_element
    assert focused.get_attribute("href").endswith("#main")
    assert focused.value_of_css_property("outline-style") == "solid"


@pytest.mark.parametrize("crowd", [10000])
def test_ten_thousand_workers_are_reached_page_by_page(crowded, browser):
    browser.get(crowded.plain_url + "/?all=true")
    first = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#workers-a ~ table tbody th, [aria-labelledby=workers-a] tbody th")]
    browser.find_element(By.CSS_SELECTOR, "[aria-labelledby=workers-a] .pager a:last-child").click()
    second = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "[aria-labelledby=workers-a] tbody th")]
    assert first and second and not set(first) & set(second)


@pytest.mark.parametrize("crowd", [3])
def test_a_badge_is_a_picture(crowded, browser):
    browser.get(crowded.plain_url + "/badge.svg")
    assert browser.find_element(By.TAG_NAME, "svg").size["height"] == 20
