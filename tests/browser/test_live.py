"""
A page left open: it follows the work without a reload, and takes nothing from who reads it.

Pages are asked for every 15 s; but for one test of that, a look at the tab brings it forward.
"""
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from client import Client, Fleet, which
from conftest import browser_for
from stack import Stack
from waiting import eventually

EVIL = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "evil {{PROJECT}} &amp; \"'"]
SETTINGS = {"project": "Web of Manuals", "stage_a": "Extract", "stage_b": "Filter & Rank", "retry_backoff": 1, "public_data": "yes"}


@pytest.fixture(scope="module")
def started():
    stack = Stack("live", {**SETTINGS, "page_cache": 1})
    try:
        yield stack.start()
    finally:
        stack.stop()


@pytest.fixture(scope="module")
def slow_pages():
    """Pages are kept for half a minute here, as they are where nobody sets it."""
    stack = Stack("live-slow", {**SETTINGS, "page_cache": 30})
    try:
        stack.start()
        stack.load([f"job {i}" for i in range(100)])
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def work(started):
    """A tracker with a hundred jobs, none of them done."""
    started.load([f"job {i}" for i in range(100)])
    return started


@pytest.fixture(scope="module")
def browser(started):
    driver, profile = browser_for(started)
    yield driver
    driver.quit()
    profile.cleanup()


@pytest.fixture(autouse=True)
def _same_page_and_quiet_console(request):
    """Whatever a test does, the page is never loaded again and says nothing on the console."""
    yield
    if "browser" in request.fixturenames:
        driver = request.getfixturevalue("browser")
        assert driver.execute_script("return window.same")
        assert [e for e in driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")] == []


def visit(driver, stack, path="/", entries=None):
    """Opens the page; with so many entries in its feed, for it may be as old as the cache period."""
    def opened():
        driver.get(stack.plain_url + path)
        return entries is None or len(feed(driver)) == entries
    driver.get_log("browser")
    eventually(opened, what=f"{path} with {entries} completions")
    driver.execute_script("window.same = true")


def feed(driver):
    return driver.execute_script("return [...document.querySelectorAll('.feed li')].map(li => li.innerText)")


def chart(driver):
    return driver.execute_script("return [...document.querySelectorAll('.chart .bar')].map(bar => bar.getAttribute('d')).join()")


def complete(stack, jobs=1, nickname="Ada", stage="a"):
    fleet = Fleet(stack, stage, nickname)
    fleet.sync(done=[{**which(j), "data": "r"} for j in fleet.take_all(jobs)])
    fleet.api.close()


def soon(driver, ask, what):
    def looked():
        driver.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
        return ask()
    return eventually(looked, every_s=0.5, what=what)


# --- what it shows ----------------------------------------------------------------------------

def test_chart_and_latest_completions_come_and_change_by_themselves(work, browser):
    visit(browser, work, entries=0)
    assert not browser.find_elements(By.CSS_SELECTOR, ".chart, .feed")
    complete(work, 2, "Ada Lovelace")
    eventually(lambda: len(feed(browser)) == 2, timeout_s=40, what="both are there")
    before = chart(browser), browser.find_element(By.CSS_SELECTOR, ".chart").text
    assert "M" in before[0] and "Ada Lovelace" in feed(browser)[0]
    complete(work, 30, "Grace")
    soon(browser, lambda: len(feed(browser)) == 8 and "Grace" in feed(browser)[0], "the latest are there")
    # The axis, too: the only bar there is may be as high as its axis both times.
    assert (chart(browser), browser.find_element(By.CSS_SELECTOR, ".chart").text) != before
    assert browser.execute_script("return document.querySelector('.chart svg').getBoundingClientRect().height") == 160


def test_who_works_and_what_holds_it_up_change_too(work, browser):
    visit(browser, work, entries=0)
    sentence = "has no worker"
    assert sentence in browser.find_element(By.CSS_SELECTOR, ".notes").text
    workers = [Client(work, stage, "Ada") for stage in "ab"]
    workers[0].get_job()
    workers[0].log("37 of 99")
    soon(browser, lambda: all(w.name in browser.find_element(By.ID, "main").text for w in workers), "both workers")
    soon(browser, lambda: "37 of 99" in browser.find_element(By.ID, "main").text, "what one says")
    assert sentence not in browser.find_element(By.ID, "main").text
    workers[0].bye()
    soon(browser, lambda: workers[0].name not in browser.find_element(By.ID, "main").text, "that it left")


@pytest.mark.parametrize("page", ["worker", "person", "job", "leaderboard"])
def test_other_pages_follow_as_well(work, browser, page):
    worker = Client(work, "a", "Ada")
    worker.get_job()
    worker.complete("r")
    worker.get_job()
    visit(browser, work, {"worker": f"/worker/extract/{worker.name}", "person": "/person/Ada", "job": f"/job/{worker.number}",
                          "leaderboard": "/leaderboard"}[page])
    told = {"worker": "Total jobs\n3", "person": "Jobs\n3", "job": "Finished", "leaderboard": "1 Ada 3"}[page]
    assert told not in browser.find_element(By.ID, "main").text
    for _ in range(2):
        worker.complete("r")
        worker.get_job()
    soon(browser, lambda: told in browser.find_element(By.ID, "main").text, "it is told")
    assert browser.find_element(By.ID, "fresh").text == "Numbers are live."


@pytest.mark.parametrize("name", EVIL)
def test_hostile_names_that_come_later_are_text(work, browser, name):
    visit(browser, work, entries=0)
    complete(work, 1, name)
    worker = Client(work, "a", name)
    worker.get_job()
    worker.log(name)
    soon(browser, lambda: feed(browser) and worker.name in browser.find_element(By.ID, "main").text, "the name is there")
    shown = browser.execute_script("return [...document.querySelectorAll('.feed bdi, tbody bdi, td.progress')].map(e => e.textContent)")
    assert shown.count(name) == 4  # who finished, two workers' owner, and what one says
    assert browser.execute_script("return document.querySelectorAll('main script, main img, [onerror]').length") == 0


def test_numbers_never_go_back_to_those_of_an_older_page(slow_pages, browser):
    """The page may be half a minute older than the numbers."""
    complete(slow_pages)
    visit(browser, slow_pages)
    browser.execute_script("""
        window.seen = [];
        const look = () => window.seen.push(+document.querySelector("[data-live='done']").textContent);
        new MutationObserver(look).observe(document.querySelector("main"), {subtree: true, childList: true, characterData: true});""")
    complete(slow_pages, 5)
    eventually(lambda: browser.execute_script("return window.seen.at(-1)") == 6, timeout_s=20, what="the new number")
    asked = "return performance.getEntriesByType('resource').filter(e => e.name === location.href).length"
    soon(browser, lambda: browser.execute_script(asked) > 0, what="the page is asked for again")
    complete(slow_pages, 1)
    eventually(lambda: browser.execute_script("return window.seen.at(-1)") == 7, timeout_s=20, what="one more")
    seen = browser.execute_script("return window.seen")
    assert seen == sorted(seen)


# --- what it leaves alone ---------------------------------------------------------------------

def test_focus_stays_on_its_link_even_when_that_leaves_the_list(work, browser):
    complete(work, 1, "Ada")
    visit(browser, work, entries=1)
    link = browser.find_element(By.CSS_SELECTOR, ".feed a")
    where = link.get_attribute("href")
    browser.execute_script("arguments[0].focus()", link)
    complete(work, 3, "Grace")
    soon(browser, lambda: "Grace" in feed(browser)[0], "others are there")
    complete(work, 12, "Hedy")
    soon(browser, lambda: "Hedy" in feed(browser)[0], "many others are there")
    assert browser.switch_to.active_element == link and link.get_attribute("href") == where
    browser.execute_script("arguments[0].blur()", link)
    complete(work, 1, "Mary")
    soon(browser, lambda: len(feed(browser)) == 8 and "Mary" in feed(browser)[0], "the left one goes")
    assert "Ada" not in "".join(feed(browser))


def test_what_is_selected_stays_selected(work, browser):
    complete(work, 2, "Ada")
    visit(browser, work, entries=2)
    browser.execute_script("""
        const r = document.createRange();
        r.setStart(document.querySelector("dt").firstChild, 2);
        r.setEnd(document.querySelectorAll(".feed bdi")[1].firstChild, 2);
        getSelection().removeAllRanges();
        getSelection().addRange(r);""")
    selected = browser.execute_script("return getSelection().toString()")
    assert "Completions a minute" in selected and selected.endswith("Ad")
    before = chart(browser)
    complete(work, 20, "Grace")
    soon(browser, lambda: chart(browser) != before, "the chart moves")
    now = browser.execute_script("return getSelection().toString()")
    assert now.startswith(selected[:8]) and now.endswith("Ad")  # what came between is selected with it
    browser.execute_script("getSelection().removeAllRanges()")
    complete(work, 1, "Mary")
    soon(browser, lambda: len(feed(browser)) == 8 and "Ada" not in "".join(feed(browser)), "then the list is as it should be")


def test_what_is_open_stays_open(work, browser):
    worker = Client(work, "a", "Ada")
    worker.get_job()
    visit(browser, work, f"/job/{worker.number}")
    browser.find_element(By.CSS_SELECTOR, "summary").click()
    summary = browser.switch_to.active_element
    worker.complete("the result")
    soon(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, ".life-done")) == 1, "the job is done")
    opened = browser.execute_script("return [...document.querySelectorAll('details')].map(d => d.innerText)")
    assert "job" in opened[0] and opened[1:] and set(opened[1:]) <= {"Input", "Output"}
    assert browser.switch_to.active_element == summary and summary.tag_name == "summary"


def test_scroll_and_what_is_typed_stay(work, browser):
    complete(work, 8, "Ada")
    workers = [Client(work, "a", f"person with a long name {n}") for n in range(20)]
    browser.set_window_size(500, 700)
    visit(browser, work, entries=8)
    box = browser.find_element(By.CSS_SELECTOR, ".filter input")
    box.send_keys("Ad")
    browser.execute_script("""
        document.querySelector(".filter").scrollIntoView({block: "center"});
        document.querySelector(".card.table").scrollLeft = 40;""")
    look = """const box = document.querySelector(".filter input");
        return [box.getBoundingClientRect().top, document.querySelector(".card.table").scrollLeft, box.value];"""
    before = browser.execute_script(look)
    assert browser.execute_script("return scrollY") > 0 and before[1:] == [40, "Ad"]
    workers[3].get_job()
    complete(work, 8, "Grace")
    soon(browser, lambda: "Grace" in feed(browser)[0], "others are there")
    assert browser.execute_script(look) == before
    assert browser.switch_to.active_element == box
    box.send_keys("a", Keys.HOME)
    assert box.get_attribute("value") == "Ada"


# --- what it costs ----------------------------------------------------------------------------

COUNTING = """
    window.asked = [], window.waits = [];
    const after = window.setTimeout;
    window.setTimeout = (call, ms) => { window.waits.push(ms); return after(call, Math.min(ms, 50)); };
    window.fetch = (url, how) => { window.asked.push(url); return ANSWER; };
    document.dispatchEvent(new Event("visibilitychange"));"""


def test_one_poll_at_a_time(work, browser):
    visit(browser, work)
    browser.execute_script(COUNTING.replace("ANSWER", "new Promise(() => {})"))
    for _ in range(5):
        browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
    assert browser.execute_script("return window.asked") == ["/api/stats.json"]


@pytest.mark.parametrize("answer", ["Promise.reject(new TypeError('away'))", "Promise.resolve(new Response('away', {status: 503}))"])
@pytest.mark.parametrize("path", ["/", "/leaderboard"])
def test_a_failing_tracker_is_asked_more_and_more_rarely(work, browser, path, answer):
    """Whether nobody answers, or nginx does in its place."""
    visit(browser, work, path)
    browser.execute_script(COUNTING.replace("ANSWER", answer))
    eventually(lambda: browser.execute_script("return window.asked.length") > 6, what="seven tries")
    waits = browser.execute_script("return window.waits")
    assert waits[0] > 5000 and max(waits) <= 120_000 * 1.2 and min(waits[5:]) >= 120_000 * 0.8
    assert "cannot be reached" in browser.find_element(By.ID, "fresh").text


def test_what_is_no_page_of_ours_changes_nothing(work, browser):
    """Such as what a network's own login page says in our place."""
    visit(browser, work, "/leaderboard")
    before = browser.find_element(By.ID, "main").text
    browser.execute_script(COUNTING.replace("ANSWER", "Promise.resolve(new Response('<p>Log in</p>', {status: 200}))"))
    eventually(lambda: browser.execute_script("return window.waits.length") > 2, what="three tries")
    assert browser.find_element(By.ID, "main").text == before
    assert "cannot be reached" in browser.find_element(By.ID, "fresh").text


def test_nobody_is_asked_while_the_tab_is_hidden(work, browser):
    visit(browser, work)
    browser.execute_script("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    browser.execute_script(COUNTING.replace("ANSWER", "Promise.reject(new TypeError('away'))"))
    browser.execute_async_script("const done = arguments[0]; setInterval(done, 8000)")
    assert browser.execute_script("return [window.asked, window.waits]") == [[], []]
    asked = browser.execute_script(  # at once: fifty milliseconds later it is asked again
        "delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); return window.asked.slice()")
    assert asked == ["/api/stats.json"]


def test_a_page_that_did_not_change_is_not_sent_again(work, browser):
    """One poll has the page and its tag; the next asks with it."""
    visit(browser, work)
    browser.execute_script("""
        window.statuses = [];
        const ask = window.fetch;
        window.fetch = (url, how) => ask(url, how).then(reply => { window.statuses.push([url, reply.status]); return reply; });""")
    soon(browser, lambda: ["/", 304] in browser.execute_script("return window.statuses"), "a 304")


def test_times_are_told_in_the_readers_zone(work, browser):
    """On a machine in Kolkata; what a page says without script is UTC, and it says so."""
    complete(work, 3)
    browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    try:
        visit(browser, work, "/?range=1h", entries=3)
        said = browser.execute_script("return [...document.querySelectorAll('time[data-tick]')].map(t => [t.dateTime, t.textContent])")
        assert len(said) > 2
        for iso, text in said:
            assert (int(iso[11:13]) * 60 + int(iso[14:16]) + 330) % 1440 == int(text[:2]) * 60 + int(text[3:])
        assert "GMT+5:30" in browser.execute_script("return document.querySelector('time[data-ago]').title")
        assert browser.find_element(By.ID, "zone").text.startswith("Times are of your zone, Asia/")
    finally:
        browser.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
