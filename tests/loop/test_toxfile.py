"""
What ``toxfile.py`` adds to tox: how far it is, and at the end what failed and how to repeat it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INI = """
[tox]
env_list = first, second, third
no_package = true
[testenv]
commands = python -c "{posargs}"
[testenv:first]
description = is this the first?
[testenv:second]
commands = python -c "import sys; sys.exit(3)"
[testenv:third]
commands =
    python -c "import os, pathlib; \\
        pathlib.Path(os.environ['TOX_ENV_DIR'], 'red.txt').write_text('test_x: was slow\\n')"
    python -c "import sys; sys.exit(1)"
"""


def tox(folder: Path, *arguments: str) -> tuple[int, list[str]]:
    """
    Run tox in a project of three environments, and return its status and what it printed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOX")}
    done = subprocess.run(
        [sys.executable, "-m", "tox", "--colored", "no", *arguments],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """
    Return a directory with our ``toxfile.py`` and environments that fail on purpose.
    """
    shutil.copy(ROOT / "toxfile.py", tmp_path)
    (tmp_path / "tox.ini").write_text(INI, encoding="utf-8")
    return tmp_path


def test_run_says_what_comes_and_at_its_end_what_failed(project: Path) -> None:
    """
    Below all that tox itself says, where a person looks.
    """
    status, said = tox(project)
    assert status != 0
    assert "environment 1 of 3, first: is this the first?" in said
    assert "still to come: second, third" in said
    assert "still to come: nothing" in said
    assert any(re.fullmatch(r"took \d+ s: first \d+ s, second \d+ s, third \d+ s", s) for s in said)
    *_, empty, second, status_line, again, another, third, slow = said
    assert (empty, second, another, third) == ("", "second failed:", "", "third failed:")
    assert status_line.startswith("exit status 3: ")
    assert status_line.endswith("python -c 'import sys; sys.exit(3)'")
    assert again == "  repeat: tox -e second"
    assert slow == "test_x: was slow"


def test_green_run_says_nothing_of_an_earlier_one(project: Path) -> None:
    """
    What failed yesterday is not told today.
    """
    tox(project, "-e", "third")
    ini = (project / "tox.ini").read_text(encoding="utf-8")
    (project / "tox.ini").write_text(ini.partition("[testenv:third]")[0], encoding="utf-8")
    status, said = tox(project, "-e", "first,third")
    assert status == 0
    assert not [line for line in said if "failed" in line]


def test_runs_add_up_what_they_took(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    `.ci/run` runs tox twice, and says at its end what took how long in both.
    """
    times = project / "times"
    monkeypatch.setenv("CI_TIMES", str(times))
    tox(project, "-e", "first")
    tox(project, "-e", "second,third")
    first, then = times.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"took \d+ s: first \d+ s", first)
    assert re.fullmatch(r"took \d+ s: second \d+ s, third \d+ s", then)
