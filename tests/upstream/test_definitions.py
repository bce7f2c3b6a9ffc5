"""
What the comparison rests on is written down for every line, and for no other.

A list that only the run of its line would look at could be wrong for long.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from building import PINS
from upstream_suite import Deviation, missing_replacements
from upstream_yardstick import YARDSTICKS

HERE = Path(__file__).parent


def test_every_line_has_yardstick_and_requirements_and_no_other_has() -> None:
    """
    A new line is compared from its first day, and a dropped one leaves nothing.
    """
    assert set(YARDSTICKS) == set(PINS.lines)
    assert {path.stem for path in HERE.glob("*.txt")} == set(PINS.lines)
    assert {path.stem for path in HERE.glob("*.ini")} <= set(PINS.lines)


def test_requirements_are_pinned_to_one_version_each() -> None:
    """
    Stock and fork meet the same dependencies, today and in a year.
    """
    for path in HERE.glob("*.txt"):
        rows = [row.partition(";")[0].strip() for row in path.read_text("utf-8").splitlines()]
        loose = [row for row in rows if row and row[0] != "#" and "==" not in row]
        assert loose == [], path.name


def test_deviations_concern_pinned_lines_and_each_test_once(deviations: list[Deviation]) -> None:
    """
    No entry is out of reach of the run that would find it stale.
    """
    listed = Counter((line, entry.test) for entry in deviations for line in entry.lines)
    assert [entry.test for entry in deviations if not entry.lines] == []
    assert {line for line, _ in listed} - set(PINS.lines) == set()
    assert [place for place, times in listed.items() if times > 1] == []


def test_deviations_name_tests_of_ours_that_exist(deviations: list[Deviation]) -> None:
    """
    What a test of theirs checked, one of ours checks on the new behaviour.
    """
    assert missing_replacements(deviations) == []
