"""
Print what the doctor found: one line for each process, or JSON.

Role: last stage of the doctor. Decides nothing; understood without colour.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from paramiko_gate.doctor.activity import Activity
from paramiko_gate.doctor.census import Suspect
from paramiko_gate.doctor.diagnosis import HEALTHY, Finding
from paramiko_gate.doctor.proxies import Proxy

JSON_FORMAT = 1


@dataclass(frozen=True)
class Patient:
    """
    Hold everything about one process.
    """

    suspect: Suspect
    activity: Activity
    proxies: list[Proxy]
    findings: list[Finding]


@dataclass(frozen=True)
class Examination:
    """
    Hold everything that was found.

    :param list patients: the processes that were looked at
    :param list orphans: proxies without a program, and what is said of each
    :param list unreadable: pids of processes that this user may not read
    """

    patients: list[Patient]
    orphans: list[tuple[Proxy, Finding]]
    unreadable: list[int]

    @property
    def is_healthy(self) -> bool:
        """Tell whether nothing was found."""
        return not self.orphans and not any(patient.findings for patient in self.patients)


def print_report(examination: Examination, console: Console) -> None:
    """Print one line for each process, and what to do below it."""
    for patient in examination.patients:
        _print_line(console, patient)
        for finding in patient.findings:
            console.print(Text(f"    {finding.advice}", "dim"), soft_wrap=True)
    for proxy, finding in examination.orphans:
        line = Text(f"{proxy.pid} ", "bold").append(proxy.command, "default")
        console.print(line.append(f": {finding.what}", "red"), soft_wrap=True)
        console.print(Text(f"    {finding.advice}", "dim"), soft_wrap=True)
    if not examination.patients:
        console.print("no process here uses paramiko")
    if examination.unreadable:
        console.print(
            f"not readable by this user, and not looked at: {len(examination.unreadable)} "
            "(root sees more)",
            soft_wrap=True,
        )


def print_json(examination: Examination) -> None:
    """Print the same as JSON, for programs."""
    content: dict[str, Any] = {
        "format": JSON_FORMAT,
        "healthy": examination.is_healthy,
        "processes": [
            {
                **asdict(patient.suspect),
                "activity": asdict(patient.activity),
                "proxies": [
                    {**asdict(proxy), "age_s": round(proxy.age_s, 1)} for proxy in patient.proxies
                ],
                "findings": [asdict(finding) for finding in patient.findings],
            }
            for patient in examination.patients
        ],
        "orphans": [
            {**asdict(proxy), "finding": asdict(finding)} for proxy, finding in examination.orphans
        ],
        "unreadable": examination.unreadable,
    }
    print(json.dumps(content, indent=2))


def _print_line(console: Console, patient: Patient) -> None:
    suspect, activity = patient.suspect, patient.activity
    line = Text(f"{suspect.pid} ", "bold").append(suspect.command, "default").append(": ")
    if patient.findings:
        line.append("; ".join(finding.what for finding in patient.findings), "red")
    elif suspect.uses_paramiko:
        line.append(HEALTHY, "green")
    else:
        line.append("does not use paramiko", "yellow")
    # More than one can be imported, and which one was is not seen from outside.
    installed = " or ".join(map(str, suspect.installations)) or "paramiko unknown"
    if not suspect.uses_paramiko:
        installed = "no paramiko loaded"
    living = sum(not proxy.is_zombie for proxy in patient.proxies)
    facts = (
        f" [{installed}, CPU {activity.cpu_fraction:.0%}, {living} living "
        f"{'proxy' if living == 1 else 'proxies'}, {activity.descriptors} descriptors]"
    )
    console.print(line.append(facts, "default"), soft_wrap=True)
