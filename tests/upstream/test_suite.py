"""
Whatever passes with stock passes with the fork, under either name, test by test.
"""

from __future__ import annotations

import json

import pytest
from building import PINS
from upstream_suite import Line, compare, suspects
from upstream_yardstick import YARDSTICKS

from vendoring import pins

# All three suites of a line are run as part of the first test that asks for them.
pytestmark = [pytest.mark.timeout(3000), pytest.mark.slow]

LATER = pytest.mark.ci("the same code under another name")
KINDS = ["dropin", pytest.param("namespaced", marks=LATER)]


def test_stock_passes_its_own_suite(line: Line) -> None:
    """
    The yardstick is whole: stock runs every test of its line and fails none for good.
    """
    stock, expected = line.runs["stock"], YARDSTICKS[line.version]
    again = line.suites["stock"].passes_alone(stock.of("failed"))
    line.notes.extend(f"stock: {test} failed once, not again" for test in again if again[test])
    assert [test for test, passes in again.items() if not passes] == []
    assert len(stock.statuses) == expected.passed + expected.skipped
    assert len(stock.of("passed") | set(again)) >= expected.passed


def test_no_suite_is_run_that_no_test_asks_for(line: Line, request: pytest.FixtureRequest) -> None:
    """
    Tests of the wheels stand in the same run of pytest, and are about both kinds.
    """
    names = {item.name for item in request.session.items if item.path == request.path}
    asked = {kind for kind in pins.KINDS if any(name.endswith(f"-{kind}]") for name in names)}
    assert line.suites.keys() == {"stock", *asked}


@pytest.mark.parametrize("kind", KINDS)
def test_suite_tests_the_installed_package(line: Line, kind: str) -> None:
    """
    The tests import the wheel's package and not one that lies beside them.
    """
    suite, made = line.suites[kind], pins.KINDS[kind]
    code = (
        f"import importlib.metadata, json, {made.import_name} as package; "
        f"version = importlib.metadata.version({made.distribution!r}); "
        "print(json.dumps([package.__file__, version]))"
    )
    file, version = json.loads(suite.environment.run("-c", code, cwd=suite.folder).stdout)
    assert file == str(suite.environment.package(made.import_name) / "__init__.py")
    assert version == made.version(line.version, PINS.patch_level)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_suite_is_renamed_in_as_many_places_as_were_counted(line: Line, kind: str) -> None:
    """
    A renamed test that still imported stock's name would fail for no reason of ours.
    """
    assert line.suites[kind].renamed == YARDSTICKS[line.version].renamed


@pytest.mark.parametrize("kind", KINDS)
def test_fork_passes_what_stock_passes(line: Line, kind: str) -> None:
    """
    A failure of ours is listed with a reason, or passes without the others.
    """
    ours, stock = line.runs[kind], line.runs["stock"]
    tests = suspects(ours, line.deviations_of(kind))
    with_us = line.suites[kind].passes_alone(tests)
    with_stock = line.suites["stock"].passes_alone(tests)
    again = {test: (with_us[test], with_stock[test]) for test in tests}
    verdict = compare(ours, stock, line.deviations_of(kind), again)
    line.notes.extend(f"{kind}: {test} failed once, not again" for test in verdict.unsteady)
    told = [f"{test}: {ours.said.get(test, ours.statuses.get(test))}" for test in verdict.ours]
    assert told == []
    assert verdict.idle == []


@pytest.mark.parametrize("kind", KINDS)
def test_listed_failure_is_one_without_the_other_tests_too(line: Line, kind: str) -> None:
    """
    A deviation is no matter of chance or order: it fails alone, and passes with stock.
    """
    tests = {deviation.test for deviation in line.deviations_of(kind)}
    with_us = line.suites[kind].passes_alone(tests)
    with_stock = line.suites["stock"].passes_alone(tests)
    assert [test for test in sorted(tests) if with_us[test]] == []
    assert [test for test in sorted(tests) if not with_stock[test]] == []
