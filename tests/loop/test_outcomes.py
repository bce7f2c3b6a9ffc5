"""
What a run of the tests says of itself: repeats, seed, and what failed.

Each test here runs pytest on tests of its own, which fail as it orders.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

#: The plugins these tests are about.
OURS = ("seeds", "reds", "repeats")

#: Fails in each of the runs that are given, and counts how often its fixture was made.
MEASURED = """
import pathlib, pytest
RUNS = pathlib.Path(__file__).with_name("runs")

@pytest.fixture
def number():
    RUNS.open("a").write("x")
    return len(RUNS.read_text())

@pytest.mark.measured
def test_it(number):
    assert number not in {failing}, f"run {{number}} was slow"

def test_after():
    pass
"""


def run(folder: Path, source: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """
    Run pytest with our plugins on some tests, and return its status and what it wrote.
    """
    (folder / "test_sample.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = measured\n", encoding="utf-8")
    plugins = [word for name in ("pytest_timeout", *OURS) for word in ("-p", name)]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TOX_")}
    # To load the gate's takes longer than all that these tests do.
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-ra", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(TESTS), "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("failing", "runs", "closing"),
    [
        ((), 1, "2 passed in"),
        ((1,), 3, "1 passed, 1 flaky in"),
        ((2,), 1, "2 passed in"),
        ((1, 2), 2, "1 failed, 1 passed in"),
        ((1, 3), 3, "1 failed, 1 passed in"),
    ],
)
def test_two_of_three_runs_decide(
    tmp_path: Path, failing: tuple[int, ...], runs: int, closing: str
) -> None:
    """
    Each with a fixture of its own, and no more of them than it takes.
    """
    status, said = run(tmp_path, MEASURED.format(failing=failing))
    assert closing in said
    assert status == ("failed" in closing)
    assert (tmp_path / "runs").read_text() == "x" * runs


def test_every_outcome_is_printed_when_a_test_was_repeated(tmp_path: Path) -> None:
    """
    A flaky test is seen by name, with what its runs failed of.
    """
    _, said = run(tmp_path, MEASURED.format(failing=(1,)))
    assert "measured tests that were repeated: 1" in said
    first = "failed (AssertionError: run 1 was slow"
    assert re.search(rf"test_it: {re.escape(first)}.*\), passed, passed\n", said)
    _, said = run(tmp_path, MEASURED.format(failing=()))
    assert "repeated" not in said


def test_test_that_is_not_measured_is_never_repeated(tmp_path: Path) -> None:
    """
    What is not about time is red at once.
    """
    source = MEASURED.format(failing=(1,)).replace("@pytest.mark.measured\n", "")
    status, said = run(tmp_path, source)
    assert status == 1
    assert (tmp_path / "runs").read_text() == "x"
    assert "repeated" not in said


def test_repeated_test_has_the_time_limit_for_itself(tmp_path: Path) -> None:
    """
    One run that hangs is ended, and so is the next.
    """
    source = MEASURED.format(failing=()).replace("    assert", "    while True: pass\n    assert")
    status, said = run(tmp_path, source, "--timeout", "1")
    assert status == 1
    assert said.count("failed (Failed: Timeout") == 2


DRAWS = """
import random
def test_draws():
    assert random.random() > 2
"""


def test_same_seed_gives_the_same_chance_and_is_named(tmp_path: Path) -> None:
    """
    The head names the seed and so does the command that repeats what failed.
    """
    _, said = run(tmp_path, DRAWS)
    (seed,) = re.findall(r"^seed: (\d+)$", said, re.MULTILINE)
    drawn = re.findall(r"assert (0\.\d+) > 2", said)
    assert f"\npytest --seed {seed} test_sample.py::test_draws\n" in said
    _, again = run(tmp_path, DRAWS, "--seed", seed)
    assert re.findall(r"assert (0\.\d+) > 2", again) == drawn
    _, other = run(tmp_path, DRAWS, "--seed", "1")
    assert re.findall(r"assert (0\.\d+) > 2", other) != drawn


def test_red_run_names_what_failed_and_the_command_of_tox(tmp_path: Path) -> None:
    """
    In tox, with the options that decide what is tested, and once more in a file for the end.
    """
    (tmp_path / "env").mkdir()
    tox = {"TOX_ENV_NAME": "py", "TOX_ENV_DIR": str(tmp_path / "env")}
    source = 'import pytest\n@pytest.mark.parametrize("x", ["a b"])\ndef test_x(x): assert x == 1\n'
    _, said = run(tmp_path, source, "--seed", "5", **tox)
    command = "tox -e py -- --seed 5 'test_sample.py::test_x[a b]'"
    assert f"\n{command}\n" in said
    assert said.rstrip().splitlines()[-1].strip("= ").startswith("1 failed in")
    noted = (tmp_path / "env" / "red.txt").read_text()
    assert noted.startswith("test_sample.py::test_x[a b]: AssertionError: assert 'a b' == 1\n")
    assert noted.endswith(f"\n  repeat: {command}\n")


def test_green_run_says_nothing_of_repeating(tmp_path: Path) -> None:
    """
    Nothing is written down either.
    """
    _, said = run(tmp_path, "def test_it(): pass\n", TOX_ENV_DIR=str(tmp_path))
    assert "to repeat" not in said
    assert not (tmp_path / "red.txt").exists()
