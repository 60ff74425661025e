"""The three pages in a real browser: nothing on the console, nobody else's address, with and without script."""
import json
import os
from urllib.parse import quote, urlsplit

import pytest
from selenium.webdriver.common.by import By

PAGES = ["dashboard", "all", "leaderboard", "worker", "worker-b"]


def address(stack, page):
    return stack.url + {
        "dashboard": "/",
        "all": "/?all=true",
        "leaderboard": "/leaderboard",
        "worker": f"/worker/extract/{quote(stack.holder.name)}",
        "worker-b": "/worker/" + quote("filter & rank", safe="") + "/"
                    + quote(stack.one("select name from tracker.worker where stage = 2 limit 1")),
    }[page]


def requests_of(driver):
    """Every address that the browser asked for since the last look."""
    asked = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.append(message["params"]["request"]["url"])
    return asked


def visit(driver, url):
    driver.get_log("browser")
    driver.get_log("performance")
    driver.get(url)
    driver.implicitly_wait(0)
    assert driver.find_elements(By.TAG_NAME, "h1"), driver.page_source[:500]


@pytest.mark.parametrize("page", PAGES)
def test_no_error_and_no_violation_on_the_console(lively, chromium, page):
    visit(chromium, address(lively, page))
    said = [e for e in chromium.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
    assert said == []


@pytest.mark.parametrize("page", PAGES)
def test_the_browser_asks_nobody_else(lively, chromium, page):
    visit(chromium, address(lively, page))
    here = urlsplit(lively.url).netloc
    asked = requests_of(chromium)
    assert asked
    assert [url for url in asked if not url.startswith("data:") and urlsplit(url).netloc != here] == []


@pytest.mark.parametrize("page", PAGES)
def test_names_are_text_and_nothing_runs(lively, chromium, page):
    visit(chromium, address(lively, page))
    assert chromium.execute_script("return document.querySelectorAll('img[src=x], [onerror], [onmouseover]').length") == 0
    scripts = chromium.execute_script("return [...document.scripts].filter(s => !s.src && s.type !== 'application/json').length")
    assert scripts == 0


def test_the_hostile_name_is_shown_as_it_is(lively, chromium):
    visit(chromium, address(lively, "leaderboard"))
    assert "<script>alert(1)</script>" in chromium.find_element(By.TAG_NAME, "body").text


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_is_in_force(lively, chromium, page):
    """A page on which this inline script runs has no policy."""
    visit(chromium, address(lively, page))
    chromium.execute_script("const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
                            "document.body.append(s);")
    assert chromium.execute_script("return window.ran === undefined")
    chromium.get_log("browser")  # the violation just made is ours


@pytest.mark.parametrize("page", PAGES)
def test_everything_is_there_without_script(lively, scriptless, page):
    visit(scriptless, address(lively, page))
    body = scriptless.find_element(By.TAG_NAME, "body").text
    expected = {"dashboard": ["Web of Manuals", "Extract", "Filter & Rank", "Ada Lovelace"], "all": ["Ada Lovelace", "Grace"],
                "leaderboard": ["Ada Lovelace", "Grace", "anonymous"], "worker": [lively.holder.name, "Ada Lovelace", "Extract"],
                "worker-b": ["Filter & Rank", "Grace"]}[page]
    assert [word for word in expected if word not in body] == [], body


def test_links_lead_from_page_to_page(lively, chromium):
    visit(chromium, address(lively, "dashboard"))
    chromium.find_element(By.PARTIAL_LINK_TEXT, lively.holder.name).click()
    assert lively.holder.name in chromium.find_element(By.TAG_NAME, "h1").text
    for link in chromium.find_elements(By.CSS_SELECTOR, "a[href]"):
        if urlsplit(link.get_attribute("href")).path == "/leaderboard":
            link.click()
            break
    assert urlsplit(chromium.current_url).path == "/leaderboard"


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)])
def test_no_page_is_wider_than_its_window(lively, chromium, screenshots, page, size):
    chromium.set_window_size(*size)
    visit(chromium, address(lively, page))
    # Screenshots are taken at both sizes; wide tables may scroll inside their own box.
    chromium.save_screenshot(os.path.join(screenshots, f"{page}-{size[0]}.png"))
    wide, window = chromium.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window + 1


@pytest.mark.parametrize("page", PAGES)
def test_dark_screenshot_and_readable_colours(lively, chromium, screenshots, page):
    chromium.set_window_size(1280, 900)
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    try:
        visit(chromium, address(lively, page))
        chromium.save_screenshot(os.path.join(screenshots, f"{page}-dark.png"))
        back, front = chromium.execute_script(
            "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    light = lambda colour: sum(float(n) for n in colour[colour.index("(") + 1:-1].split(",")[:3])
    assert light(front) - light(back) > 300, (front, back)


@pytest.mark.parametrize("page", PAGES)
def test_everything_that_can_be_pressed_can_be_reached_by_keyboard_and_has_a_name(lively, chromium, page):
    visit(chromium, address(lively, page))
    nameless = chromium.execute_script(
        "return [...document.querySelectorAll('a[href], button, input, select')].filter(e => e.tabIndex < 0 ||"
        " !(e.textContent.trim() || e.getAttribute('aria-label') || e.title || e.labels?.length)).map(e => e.outerHTML)")
    assert nameless == []
