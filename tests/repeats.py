"""
Repeat a test marked ``measured`` when it fails: alone, twice at most. Two of three decide.

Every outcome is printed. A test that passed in the end is counted as ``flaky``, beside those that
passed at once: it is seen and not hidden.
"""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from reds import reason

#: The key of the property that tells of all outcomes.
OUTCOMES = "outcomes"

_runs: pytest.StashKey[list[list[pytest.TestReport]]] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """
    Run a measured test until it is decided, and report its last run.
    """
    if item.get_closest_marker("measured") is None:
        return None
    if _runs in item.stash:
        # Asked for below. What has run before must not be seen in the fixtures.
        item._initrequest()  # type: ignore[attr-defined]
        item.stash[_runs].append(runtestprotocol(item, log=False, nextitem=nextitem))
        return True
    runs = item.stash[_runs] = []
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    while not is_decided([why(run) for run in runs]):
        # As a whole, so that each run has the time limit of a test for itself.
        item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
    told = [f"failed ({why(run)})" if why(run) else "passed" for run in runs]
    for report in runs[-1]:
        if len(told) > 1:
            report.user_properties.append((OUTCOMES, ", ".join(told)))
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def is_decided(failures: list[str]) -> bool:
    """
    Say whether it is known what a test is, by what each run failed of: empty where it passed.
    """
    failed = sum(map(bool, failures))
    return len(failures) - failed >= (2 if failed else 1) or failed >= 2


def why(run: list[pytest.TestReport]) -> str:
    """
    Return what a run failed of, or nothing if it passed.
    """
    return next((reason(report) for report in run if report.failed), "")


def outcomes(report: Any) -> str:
    """
    Return all outcomes of a test that was repeated.
    """
    return str(dict(getattr(report, "user_properties", ())).get(OUTCOMES, ""))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """
    Count a test that passed only when it was repeated as flaky.
    """
    if report.when == "call" and report.passed and outcomes(report):
        return "flaky", "f", "FLAKY"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """
    Print every outcome of each test that was repeated.
    """
    reports = [report for group in terminalreporter.stats.values() for report in group]
    told = {report.nodeid: text for report in reports if (text := outcomes(report))}
    if told:
        terminalreporter.section(f"measured tests that were repeated: {len(told)}")
    for test, text in told.items():
        terminalreporter.write_line(f"{test}: {text}")
