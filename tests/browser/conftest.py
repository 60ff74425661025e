"""
Fixtures: the stack of the integration suite with a project in full swing, and Debian's Chromium.

Environment   TEST_SCREENSHOTS  folder for the screenshots (default: screenshots/ in the build dir)
"""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))

from client import Client, Fleet, which  # noqa: E402
from stack import BUILD, Stack  # noqa: E402

QUIET = ["--headless=new", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--no-first-run", "--disable-default-apps", "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--force-color-profile=srgb", "--lang=en"]


@pytest.fixture(scope="session")
def stack():
    running = Stack("browser", {"project": "Web of Manuals", "stage_a": "Extract", "stage_b": "Filter & Rank", "page_cache": 1,
                                "retry_backoff": 1})
    try:
        yield running.start()
    finally:
        running.stop()


def remember(stack, nickname):
    """Somebody of a time when one could still be called so; names of before keep working."""
    stack.sql("insert into tracker.person (nickname) values (%s)", nickname)


@pytest.fixture(scope="session")
def lively(stack):
    """Jobs done, in hand and failed, workers of several people, and one who tries his luck with names."""
    stack.load([f"job {i}" for i in range(500)])
    people = [("Ada Lovelace", 60), ("Grace", 31), ("anonymous", 12), ("<script>alert(1)</script>", 3), ("\u202eevil\u202c שלום 🦊", 1)]
    remember(stack, people[-1][0])
    for nickname, jobs in people:
        fleet = Fleet(stack, "a", nickname)
        taken = fleet.take(jobs + 2, progress="37 / 99 (37%)")
        fleet.sync(done=[{**which(j), "data": {"n": j["job"]}} for j in taken[:jobs]])
    fleet = Fleet(stack, "b", "Grace")
    taken = fleet.take(40)
    fleet.sync(done=[{**which(j), "data": "shard"} for j in taken[:30]], progress="scoring <b>4</b>")
    holder = Client(stack, "a", "Ada Lovelace")
    holder.get_job()
    holder.log("<img src=x onerror=alert(1)>")
    stack.holder = holder
    return stack


def browser_for(stack, *flags, script=True):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    profile = tempfile.TemporaryDirectory(prefix="dct-chromium-")
    for flag in [*QUIET, *flags, f"--user-data-dir={profile.name}", f"--ignore-certificate-errors-spki-list={key_hash(stack)}"]:
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(30)
    return driver, profile


def key_hash(stack):
    """The hash of the private certificate's key: this browser trusts that key and no other."""
    key = subprocess.run(["openssl", "x509", "-in", stack.certificate, "-noout", "-pubkey"], check=True, stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True, stdout=subprocess.PIPE).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


@pytest.fixture(scope="session")
def chromium(stack):
    driver, profile = browser_for(stack)
    yield driver
    driver.quit()
    profile.cleanup()


@pytest.fixture(scope="session")
def scriptless(stack):
    driver, profile = browser_for(stack, script=False)
    yield driver
    driver.quit()
    profile.cleanup()


@pytest.fixture(scope="session")
def screenshots():
    folder = os.environ.get("TEST_SCREENSHOTS", os.path.join(BUILD, "screenshots"))
    os.makedirs(folder, exist_ok=True)
    return folder


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    stack = item.funcargs.get("stack") or item.funcargs.get("lively")
    if report.failed and stack is not None:
        report.sections.append(("servers", stack.logs()))
