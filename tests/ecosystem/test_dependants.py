"""
Whatever passes with stock passes with the drop-in, in the suites of those who depend on it.
"""

from __future__ import annotations

import pytest
from building import PINS
from ecosystem.dependants import stale, unexplained
from ecosystem.outcome import Outcome
from upstream_suite import compare, missing_replacements, suspects

from vendoring import pins

# A test waits for its dependant's suite, and for those that are before it.
pytestmark = [pytest.mark.timeout(3000), pytest.mark.slow]


def test_suite_runs_with_the_paramiko_that_is_meant(outcome: Outcome) -> None:
    """
    Stock is stock, the drop-in is the drop-in, and nothing beside the tests hides it.
    """
    line = outcome.dependant.line
    dropin = pins.KINDS["dropin"].version(line, PINS.patch_level)
    assert outcome.installed == {"stock": line, "dropin": dropin}
    for file, package in outcome.files.values():
        assert file == package / "__init__.py"


def test_stock_passes_as_many_tests_as_are_pinned(outcome: Outcome) -> None:
    """
    The yardstick is whole: a suite that runs fewer tests, or none, compares nothing.
    """
    passed = outcome.runs["stock"].of("passed")
    passed |= {test for test, (_, with_stock) in outcome.alone.items() if with_stock}
    assert len(passed) >= outcome.dependant.passes


def test_what_stock_fails_or_skips_is_listed_with_a_reason(outcome: Outcome) -> None:
    """
    No test is left out unnoticed, and no entry outlives what it excuses.
    """
    stock = outcome.runs["stock"]
    steady = {test for test, (_, with_stock) in outcome.alone.items() if with_stock}
    tests = unexplained(stock, outcome.dependant) - steady
    assert {test: stock.said.get(test, stock.statuses[test]) for test in tests} == {}
    assert stale(stock, outcome.dependant) == []


def test_drop_in_passes_what_stock_passes(outcome: Outcome) -> None:
    """
    A failure of ours is listed with a reason, or passes without the others.
    """
    ours, stock = outcome.runs["dropin"], outcome.runs["stock"]
    deviations = outcome.dependant.deviations
    # What stock is known to fail was not run again.
    again = {test: outcome.alone.get(test, (False, False)) for test in suspects(ours, deviations)}
    verdict = compare(ours, stock, deviations, again)
    told = [f"{test}: {ours.said.get(test, ours.statuses.get(test))}" for test in verdict.ours]
    assert told == []
    assert verdict.idle == []
    assert missing_replacements(deviations) == []
