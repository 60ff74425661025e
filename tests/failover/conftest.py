"""The pair, for the whole session; each test finds it whole."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "integration")]

from pair import Fleet30, Pair  # noqa: E402

SETTINGS = {"project": "Failover", "stage_a": "Extract", "stage_b": "Filter", "processes": 2, "retry_backoff": 1,
            "retry_backoff_max": 4}


@pytest.fixture(scope="session")
def _pair():
    pair = Pair("failover", SETTINGS)
    try:
        yield pair.start()
    finally:
        pair.stop()


@pytest.fixture
def pair(_pair):
    _pair.renew()
    _pair.load([str(i) for i in range(20000)])
    yield _pair
    _pair.end_programs()


@pytest.fixture
def workers(pair):
    return Fleet30(pair).begin()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    pair = item.funcargs.get("_pair")
    if report.failed and pair is not None and pair.state:
        report.sections.append(("what the servers said", pair.logs(60)))
