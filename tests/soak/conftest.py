"""
How long the soak tests go on, from which seed, and what they have counted.

Every figure that a test hands to the fixture ``figure`` stands in the last lines of the report,
where a person looks for it, whether or not the test has passed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Test modules import `soak.program` and its like from here.
sys.path.insert(0, str(Path(__file__).parent.parent))
# `benchmarks` is not installed. Last, so that what is wins over the folders of the checkout.
sys.path.append(str(Path(__file__).parents[2]))

from soak.extent import EXTENTS, Extent

#: The short form is for every change: it fails because of the change, not because of the day.
SHORT_SEED = 1277


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the options of this folder.
    """
    group = parser.getgroup("paramiko-patched")
    group.addoption(
        "--extent",
        choices=tuple(EXTENTS),
        default="short",
        help="how long and how often: for every change, or for a release (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """
    Draw the same chance for every change, unless another seed is given.
    """
    if config.getoption("seed") is None and config.getoption("extent", "short") == "short":
        config.option.seed = SHORT_SEED


def pytest_report_header(config: pytest.Config) -> str:
    """
    Say how long they go on.
    """
    return f"extent: {config.getoption('extent')}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """
    Write what was counted.
    """
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture(autouse=True)
def no_leaks(leak_check: Callable[[Callable[[], None]], None]) -> None:
    """
    Put every test of this folder under the leak check.
    """


@pytest.fixture(scope="session")
def extent(pytestconfig: pytest.Config) -> Extent:
    """
    Return how long and how often.
    """
    return EXTENTS[pytestconfig.getoption("extent")]


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """
    Return what all chance is drawn from.
    """
    chosen: int = pytestconfig.getoption("seed")
    return chosen


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """
    Return a function that takes a line for the end of the report.
    """
    return lambda line: record_property("figure", line)
