"""
Whatever passes with stock passes with the fork, under either name, test by test.
"""

from __future__ import annotations

import json

import pytest
from building import PINS
from upstream_suite import Line, compare, missing_replacements, suspects

from vendoring import pins

# All three suites are run as part of the first test that asks for them.
pytestmark = [pytest.mark.timeout(1500), pytest.mark.slow]

KINDS = ["dropin", "namespaced"]

# Names, targets of patch() and look-ups of the version in the tests of each line.
RENAMED = {"5.1.0": (153, 61, 1)}


def test_stock_passes_its_own_suite(line: Line) -> None:
    """
    The yardstick is whole: stock runs hundreds of tests and fails none for good.
    """
    stock = line.runs["stock"]
    assert len(stock.of("passed")) > 500
    again = line.suites["stock"].passes_alone(stock.of("failed"))
    assert [test for test, passes in again.items() if not passes] == []


@pytest.mark.parametrize("kind", KINDS)
def test_suite_tests_the_installed_package(line: Line, kind: str) -> None:
    """
    The tests import the wheel's package and not one that lies beside them.
    """
    suite = line.suites[kind]
    name = "paramiko" if kind == "dropin" else "paramiko_patched"
    code = f"import json, {name} as p; print(json.dumps([p.__file__, p.__version__]))"
    file, version = json.loads(suite.environment.run("-c", code, cwd=suite.folder).stdout)
    assert file == str(suite.environment.package(name) / "__init__.py")
    assert version == pins.KINDS[kind].version(line.version, PINS.patch_level)


def test_suite_is_renamed_in_as_many_places_as_were_counted(line: Line) -> None:
    """
    A renamed test that still imported stock's name would fail for no reason of ours.
    """
    assert line.suites["namespaced"].renamed == RENAMED[line.version]


@pytest.mark.parametrize("kind", KINDS)
def test_fork_passes_what_stock_passes(line: Line, kind: str) -> None:
    """
    A failure of ours is listed with a reason, or passes without the others.
    """
    ours, stock = line.runs[kind], line.runs["stock"]
    tests = suspects(ours, line.deviations)
    with_us = line.suites[kind].passes_alone(tests)
    with_stock = line.suites["stock"].passes_alone(tests)
    again = {test: (with_us[test], with_stock[test]) for test in tests}
    verdict = compare(ours, stock, line.deviations, again)
    line.notes.extend(f"{kind}: {test} failed once, not again" for test in verdict.unsteady)
    told = [f"{test}: {ours.said.get(test, ours.statuses.get(test))}" for test in verdict.ours]
    assert told == []
    assert verdict.idle == []


def test_deviations_name_tests_of_ours_that_exist(line: Line) -> None:
    """
    What a test of theirs checked, one of ours checks on the new behaviour.
    """
    assert missing_replacements(line.deviations) == []
