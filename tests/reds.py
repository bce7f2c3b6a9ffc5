"""
What a red run says last: why each test failed, in one line, and the command that repeats them.

In tox it is written down for ``toxfile.py`` as well, which says it again at the end of all
environments.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Generator
from pathlib import Path

import pytest

#: What a repeat has to be told again, each with a value.
OPTIONS = ("--target", "--loops", "--pipes", "--extent", "--line", "--lines")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """
    Say it below everything but pytest's own last line.
    """
    yield
    reports = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
    if not reports:
        return
    reasons = {report.nodeid: reason(report) for report in reports}
    command = repeat(config, list(reasons))
    terminalreporter.section("to repeat just these")
    terminalreporter.write_line(command)
    folder = os.environ.get("TOX_ENV_DIR")
    if folder:
        with Path(folder, "red.txt").open("a", encoding="utf-8") as file:
            file.writelines(f"{test}: {why}\n" for test, why in reasons.items())
            file.write(f"  repeat: {command}\n")


def reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """
    Return the first line of what a test failed of.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else str(report.longrepr)
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def repeat(config: pytest.Config, tests: list[str]) -> str:
    """
    Return the command that runs some tests again as they were run.
    """
    words = [str(word) for word in config.invocation_params.args]
    options = ["--seed", str(config.getoption("seed"))]
    for place, word in enumerate(words):
        if word in OPTIONS:
            options += words[place : place + 2]
        elif word.partition("=")[0] in OPTIONS:
            options.append(word)
    environment = os.environ.get("TOX_ENV_NAME")
    command = ["tox", "-e", environment, "--"] if environment else ["pytest"]
    return shlex.join([*command, *options, *tests])
