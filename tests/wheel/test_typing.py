"""
Type checkers: upstream's stubs serve for the fork as well, but for the names that are new.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

PROGRAM = ROOT / "tests" / "typing" / "public_api.py"

#: What mypy may take when it has nothing cached.
CHECK_LIMIT_S = 120

pytestmark = [
    pytest.mark.timeout(CHECK_LIMIT_S + 30),
    pytest.mark.skipif(sys.version_info < (3, 10), reason="these stubs need Python 3.10"),
]


def expected_refusals() -> dict[int, str]:
    """
    Return, by line, the words that the program expects of a checker.
    """
    marks = enumerate(PROGRAM.read_text().splitlines(), 1)
    found = {number: line.partition("  # new: ")[2] for number, line in marks}
    return {number: words for number, words in found.items() if words}


def test_stubs_of_upstream_know_all_but_the_new_names(tmp_path: Path) -> None:
    """
    Each use of the public API passes, and each new name is refused: none is listed in vain.

    Needs `types-paramiko` of this release; without it every name is unknown.
    """
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--show-traceback"]
    done = subprocess.run(
        [*command, f"--cache-dir={tmp_path}", str(PROGRAM)],
        # Not the checkout, where a staged or half-built paramiko might lie.
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=CHECK_LIMIT_S,
        check=False,
    )
    refusals: dict[int, str] = {}
    for line in done.stdout.splitlines():
        refusal = re.fullmatch(r".*public_api\.py:(\d+): error: (.*)", line)
        if refusal:
            number = int(refusal[1])
            refusals[number] = f"{refusals.get(number, '')}{refusal[2]}\n"
    expected = expected_refusals()
    assert expected
    assert refusals.keys() == expected.keys(), done.stdout + done.stderr
    for number, words in expected.items():
        assert words in refusals[number], done.stdout
        assert refusals[number].count("\n") == 1, done.stdout
