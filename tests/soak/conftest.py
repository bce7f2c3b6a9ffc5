"""
How long the soak tests go on, from which seed, and what they have counted.

Every figure that a test hands to the fixture ``figure`` stands in the last lines of the report,
where a person looks for it, whether or not the test has passed.
"""

from __future__ import annotations

import random
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

#: What it is called on its way to a worker.
SEED = "soak_seed"


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
    group.addoption(
        "--seed",
        type=int,
        metavar="N",
        help=f"what all chance is drawn from (default: {SHORT_SEED} if short, else drawn)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """
    Draw the seed, once for all workers.
    """
    given = getattr(config, "workerinput", {}).get(SEED, config.getoption("seed", None))
    if given is None:
        full = config.getoption("extent", "short") == "full"
        given = random.SystemRandom().randrange(1 << 32) if full else SHORT_SEED
    config.option.seed = given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """
    Hand the seed to a worker of pytest-xdist.
    """
    node.workerinput[SEED] = node.config.getoption("seed")


def pytest_report_header(config: pytest.Config) -> str:
    """
    Say how to run the same again.
    """
    return f"again: --extent {config.getoption('extent')} --seed {config.getoption('seed')}"


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
