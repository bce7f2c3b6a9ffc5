"""
The verdict on a run follows from those on its cases.
"""

from __future__ import annotations

import pytest

from paramiko_gate.verdict import FAIL, PASS, UNKNOWN, Record, judge


def record(role: str, verdict: str) -> Record:
    """
    Return a record that ended with a verdict.
    """
    return Record(case="idle[killed]", role=role, verdict=verdict)


@pytest.mark.parametrize(
    ("target", "control", "verdict"),
    [
        (PASS, FAIL, PASS),
        (FAIL, FAIL, FAIL),
        (PASS, PASS, UNKNOWN),
        (FAIL, PASS, UNKNOWN),
        (UNKNOWN, FAIL, UNKNOWN),
        (PASS, UNKNOWN, UNKNOWN),
        (FAIL, UNKNOWN, FAIL),
        (PASS, None, PASS),
        (FAIL, None, FAIL),
        (UNKNOWN, None, UNKNOWN),
    ],
)
def test_judge_passes_only_what_passed_where_the_control_failed(
    target: str, control: str | None, verdict: str
) -> None:
    """A pass takes a target that passed and, where there is one, a control that failed."""
    records = [record("target", target)]
    if control is not None:
        records.append(record("control", control))
    assert judge(records, [], control is not None)[0] == verdict


def test_judge_is_unknown_when_no_case_was_run() -> None:
    """Nothing that was looked at is no pass."""
    assert judge([], [], False)[0] == UNKNOWN
    assert judge([record("target", PASS)], [], True)[0] == UNKNOWN


def test_judge_is_unknown_when_something_went_wrong_outside_the_cases() -> None:
    """A problem of the run itself wins over everything, and is the reason."""
    assert judge([record("target", PASS)], ["interrupted"], False) == (UNKNOWN, "interrupted")


def test_conclude_makes_findings_a_failure() -> None:
    """A record is unknown until it is concluded, then it fails for any finding."""
    good, bad = Record("idle", "target"), Record("idle", "target")
    assert good.verdict == UNKNOWN
    bad.require(False, "it burns", "at most 1", "2")
    good.require(True, "it burns", "at most 1", "0")
    for each in (good, bad):
        each.conclude()
    assert (good.verdict, bad.verdict) == (PASS, FAIL)
    assert str(bad.findings[0]) == "it burns\n  wanted: at most 1\n  got: 2"
