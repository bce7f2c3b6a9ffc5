"""
Which tests the first ring runs: pytest is asked, with the arguments that tox.ini gives it.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: The environment of the first ring that asks whether what is installed does what is promised.
ENVIRONMENT = "py"

#: Options that say by how many processes tests are run, and not which tests.
WORKERS = {"-n", "--dist"}

#: On a busy machine; as a rule it takes three seconds.
COLLECT_LIMIT_S = 60


def first_ring(root: Path) -> set[str]:
    """
    Return the tests that plain ``tox`` runs in `ENVIRONMENT`, as ``path::name`` without parameters.

    Blocks for some seconds, since pytest imports them all.

    :param Path root: directory of tox.ini
    :raises AssertionError: plain ``tox`` has no such environment, or pytest cannot collect
    """
    tox = configparser.ConfigParser(interpolation=None)
    tox.read_string((root / "tox.ini").read_text(encoding="utf-8"))
    assert ENVIRONMENT in re.split(r"[\s,]+", tox["tox"]["env_list"]), "not run by plain tox"
    section = f"testenv:{ENVIRONMENT}"
    commands = tox[section if section in tox else "testenv"]["commands"]
    # What a person may write in the place of something else; it may go over several lines.
    commands = re.sub(r"\{posargs:?|\}", "", commands)
    # A command may be for some environments only, whose names then stand in front of it.
    runs = re.findall(rf"^(?:{ENVIRONMENT}: +)?pytest +(.*)$", commands, re.MULTILINE)
    # pytest imports all tests for each command, which takes one core some seconds.
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda run: collected(root, selection(run)), runs)
        return set().union(*found)


def selection(run: str) -> list[str]:
    """
    Return those arguments of a command that say which tests are run.
    """
    words = shlex.split(run)
    workers = {at + step for at, word in enumerate(words) if word in WORKERS for step in (0, 1)}
    return [word for at, word in enumerate(words) if at not in workers]


def collected(root: Path, arguments: list[str]) -> set[str]:
    """
    Return the tests that pytest would run with these arguments.
    """
    environment = {name: value for name, value in os.environ.items() if name[:7] != "PYTEST_"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COLLECT_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split("[")[0] for line in done.stdout.splitlines() if "::" in line}
