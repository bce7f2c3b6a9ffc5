"""
One seed, from which the tests draw all chance: ``--seed`` repeats a run.
"""

from __future__ import annotations

import random
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """
    Add the option.
    """
    parser.getgroup("paramiko-patched").addoption(
        "--seed",
        type=int,
        metavar="N",
        help="what all chance is drawn from (default: another one in each run)",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """
    Draw the seed, once for all workers, unless it is given.
    """
    given = getattr(config, "workerinput", {}).get("seed", config.getoption("seed"))
    config.option.seed = random.SystemRandom().randrange(1 << 32) if given is None else given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """
    Hand the seed to a worker of pytest-xdist.
    """
    node.workerinput["seed"] = node.config.getoption("seed")


def pytest_report_header(config: pytest.Config) -> str:
    """
    Name it.
    """
    return f"seed: {config.getoption('seed')}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """
    Begin with the same chance whatever has run before.
    """
    random.seed(f"{item.config.getoption('seed')}/{item.nodeid}")
