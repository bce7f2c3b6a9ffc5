"""
What is said in the end: pass, fail or unknown, for a case and for a run.

Role: the checks record findings here, the plugin collects them, the report prints them. Three
values, because a check that could not be made has shown nothing: an exception is unknown, and
unknown is red.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paramiko_gate.errors import EXIT_FAIL, EXIT_PASS, EXIT_UNKNOWN, block

PASS = "pass"
FAIL = "fail"
UNKNOWN = "unknown"

EXIT_CODES = {PASS: EXIT_PASS, FAIL: EXIT_FAIL, UNKNOWN: EXIT_UNKNOWN}


@dataclass(frozen=True)
class Finding:
    """Hold one thing that was not as the contract wants it, for people."""

    what: str
    wanted: str
    got: str
    hint: str = ""

    def __str__(self) -> str:
        return block(self.what, self.wanted, self.got, self.hint)


@dataclass
class Record:
    """
    Collect what one case measured and found on one subject.

    :param str case: pytest's name of it, without the subject
    :param str role: ``target`` or ``control``
    :param dict measured: numbers by name, with their unit in the name; None means no answer
    :param list findings: empty when the case passed
    :param str verdict: unknown until `conclude` was reached
    """

    case: str
    role: str
    measured: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    verdict: str = UNKNOWN
    reason: str = ""

    def find(self, what: str, wanted: str, got: str, hint: str = "") -> None:
        """Note something that is not as it should be; the case goes on and fails at its end."""
        self.findings.append(Finding(what, wanted, got, hint))

    def require(self, holds: bool, what: str, wanted: str, got: str, hint: str = "") -> None:
        """Note it when a condition does not hold."""
        if not holds:
            self.find(what, wanted, got, hint)

    def conclude(self) -> None:
        """Turn the findings into the verdict; reached only when every check could be made."""
        self.verdict = FAIL if self.findings else PASS


def judge(records: list[Record], problems: list[str], compared: bool) -> tuple[str, str]:
    """
    Return the verdict on the whole run and the reason for it.

    A gate that has not proved that it can fail knows nothing, whatever the target did. Otherwise
    fail wins over unknown: one case that failed is enough, whatever the others would have shown.

    :param list records: one for each case and subject
    :param list problems: what went wrong outside any case
    :param bool compared: whether a control was asked for
    """
    targets = [record for record in records if record.role == "target"]
    controls = [record for record in records if record.role == "control"]
    if problems:
        return UNKNOWN, problems[0]
    if not targets or (compared and not controls):
        return UNKNOWN, "no case was run"
    failed = [record for record in targets if record.verdict == FAIL]
    harmless = [record.case for record in controls if record.verdict == PASS]
    if harmless:
        return UNKNOWN, (
            f"the control does not fail {len(harmless)} of {len(controls)} cases, which therefore "
            f"prove nothing: {', '.join(harmless)}"
        )
    if failed:
        return FAIL, f"{len(failed)} of {len(targets)} cases failed"
    unknown = [record for record in records if record.verdict == UNKNOWN]
    if unknown:
        return UNKNOWN, f"{len(unknown)} of {len(records)} checks could not be made"
    reason = f"{len(targets)} of {len(targets)} cases passed"
    if controls:
        reason += f", the control failed {len(controls)} of {len(controls)}"
    return PASS, reason
