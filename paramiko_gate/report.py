"""
What people read and what machines read: progress, table, failures, JSON.

Role: called by `paramiko_gate.run`. Decides nothing; understood without colour.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from paramiko_gate import budgets
from paramiko_gate.errors import GateError
from paramiko_gate.output import write_report
from paramiko_gate.target import Subject
from paramiko_gate.verdict import FAIL, PASS, UNKNOWN, Finding, Record

WIDTH_WITHOUT_TERMINAL = 120
WORDS = {PASS: Text("pass", "green"), FAIL: Text("FAIL", "red"), UNKNOWN: Text("?", "yellow")}
SHOWN_VALUES = 3
JSON_FORMAT = 1


@dataclass(frozen=True)
class Outcome:
    """
    Hold everything that is known at the end of a run.

    :param dict subjects: by role
    :param str kind: of the servers
    :param list records: one for each case and subject
    :param dict abouts: what each case checks, by its name
    :param str verdict: pass, fail or unknown
    :param str reason: why, in one line
    :param float duration_s: of the whole command
    """

    subjects: dict[str, Subject]
    kind: str
    records: list[Record]
    abouts: dict[str, str]
    verdict: str
    reason: str
    duration_s: float


def make_console() -> Console:
    """Return the console for standard output; ``NO_COLOR`` and pipes are honoured by rich."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, soft_wrap=False)


class Progress:
    """
    Show that something is going on: a bar on a terminal, otherwise one line for each case.

    Used as a context manager around the run.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._total = 0
        self._ended = 0
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("reading cases", total=None)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, total: int) -> None:
        """Learn how many cases there are."""
        self._total = total
        self._bar.update(self._task, total=total)

    def start_case(self, record: Record) -> None:
        """Show which case is under way."""
        self._bar.update(self._task, description=escape(f"{record.case} {record.role}"))

    def end_case(self, record: Record) -> None:
        """Count a case that has ended."""
        self._ended += 1
        self._bar.update(self._task, completed=self._ended)
        if not self._console.is_terminal:
            width = len(str(self._total))
            self._console.print(
                f"{self._ended:{width}}/{self._total} {record.case} {record.role}: "
                f"{record.verdict}",
                markup=False,
            )


def print_list(abouts: dict[str, str]) -> None:
    """Print each case and what it checks."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for case, about in abouts.items():
        table.add_row(Text(case), Text(about))
    make_console().print(table)


def print_subjects(console: Console, subjects: dict[str, Subject], kind: str) -> None:
    """Print what is judged, what it is compared with, and over what."""
    target = subjects["target"]
    line = f"target   {describe(target)}"
    if target.is_fallback:
        line = f"{line}\n         the gate tests its own copy, not your paramiko: there is none"
    console.print(line, markup=False, soft_wrap=True)
    if "control" in subjects:
        console.print(f"control  {describe(subjects['control'])}", markup=False, soft_wrap=True)
    servers = "sshd and ssh -W (OpenSSH)" if kind == "openssh" else "embedded (asyncssh)"
    console.print(f"servers  {servers}, on loopback", markup=False)


def describe(subject: Subject) -> str:
    """Return a subject in one line."""
    identity = subject.identity
    state = "patched" if identity["provenance"] is not None else "stock"
    if not identity["distribution"]:
        state += ", not an installed distribution"
    return (
        f"{subject.title} ({state}), {identity['implementation']} {identity['python']}, "
        f"{subject.interpreter[0]}"
    )


def print_outcome(console: Console, outcome: Outcome) -> None:
    """Print the table, what failed, and the verdict."""
    console.print()
    console.print(make_table(outcome))
    console.print(
        f"told: seconds from the fault to the error, never = none within {budgets.GIVE_UP_S:g} s\n"
        f"CPU: cores, over {budgets.WINDOW_S:g} s or more from the fault "
        f"(idle: {budgets.IDLE_WINDOW_S:g} s); wakes: wake-ups in that time\n"
        "left: after close(), z zombies, p processes, d descriptors, t threads",
        style="dim",
        markup=False,
    )
    for text in describe_failures(outcome.records):
        console.print()
        console.print(text, markup=False, soft_wrap=True)
    console.print()
    line = Text.assemble("verdict  ", WORDS[outcome.verdict], f"  {outcome.reason}")
    if outcome.verdict == UNKNOWN:
        line = Text.assemble("verdict  ", ("unknown", "yellow"), f"  {outcome.reason}")
    console.print(line, soft_wrap=True)
    if outcome.subjects["target"].is_fallback:
        console.print("         tested its own copy, not your paramiko", markup=False)
    console.print(f"took     {outcome.duration_s:.0f} s", markup=False)


def make_table(outcome: Outcome) -> Table:
    """Return one line for each case, with the target and the control side by side."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("\ncase", no_wrap=True)
    roles = list(outcome.subjects)
    for role in roles:
        table.add_column(f"{role}\nresult")
        for heading in ("told", "CPU", "wakes", "left"):
            table.add_column(f"\n{heading}", justify="right", no_wrap=True)
    by_case: dict[str, dict[str, Record]] = {}
    for record in outcome.records:
        by_case.setdefault(record.case, {})[record.role] = record
    for case, records in by_case.items():
        cells: list[Text] = [Text(case)]
        for role in roles:
            cells += make_cells(records.get(role))
        table.add_row(*cells)
    return table


def make_cells(record: Record | None) -> list[Text]:
    """Return the five cells of one subject."""
    if record is None:
        return [Text("")] * 5
    measured = record.measured
    told = Text("-")
    if "detect_s" in measured:
        detect_s = measured["detect_s"]
        told = Text("never", "red") if detect_s is None else Text(f"{detect_s:.3f}")
    cpu = Text(f"{measured['cpu_fraction']:.2f}" if "cpu_fraction" in measured else "-")
    wakes = Text(str(measured.get("wakeups", "-")))
    left = Text(shorten(measured["left_over"]) if "left_over" in measured else "-")
    return [WORDS[record.verdict], told, cpu, wakes, left]


def shorten(left_over: dict[str, int]) -> str:
    """Return what is left over in a few letters; 0 for nothing."""
    letters = {"zombies": "z", "children": "p", "descriptors": "d", "threads": "t"}
    said = [f"{left_over[name]}{letter}" for name, letter in letters.items() if left_over[name]]
    return " ".join(said) or "0"


def describe_failures(records: list[Record]) -> list[str]:
    """
    Return one block for each thing the target did wrong, with the cases in which it did.

    The control's findings are wanted and stand in the JSON; what is unknown is told of both.
    """
    every = list(dict.fromkeys(record.case for record in records))
    unknown: dict[tuple[str, str], list[str]] = {}
    for record in records:
        if record.verdict == UNKNOWN:
            unknown.setdefault((record.role, record.reason), []).append(record.case)
    texts = [
        f"the {role} could not be judged\n  got: {reason}\n  cases: {abbreviate(cases, every)}"
        for (role, reason), cases in unknown.items()
    ]
    groups: dict[tuple[str, str, str], list[tuple[Finding, str]]] = {}
    for record in records:
        if record.role == "target":
            for finding in record.findings:
                key = (finding.what, finding.wanted, finding.hint)
                groups.setdefault(key, []).append((finding, record.case))
    for (what, wanted, hint), members in groups.items():
        values = list(dict.fromkeys(finding.got for finding, _ in members))
        shown = "; ".join(values[:SHOWN_VALUES])
        more = f"; and {len(values) - SHOWN_VALUES} more" if len(values) > SHOWN_VALUES else ""
        cases = list(dict.fromkeys(case for _, case in members))
        finding = Finding(what, wanted, shown + more, hint)
        texts.append(f"{finding}\n  cases: {abbreviate(cases, every)}")
    return texts


def abbreviate(cases: list[str], every: list[str]) -> str:
    """Return case names in one line, with ``moment[*]`` where all faults of a moment are meant."""
    said = []
    for case in cases:
        moment, bracket, _ = case.partition("[")
        siblings = [name for name in every if name.startswith(f"{moment}[")]
        whole = bracket and len(siblings) > 1 and set(siblings) <= set(cases)
        said.append(f"{moment}[*]" if whole else case)
    return ", ".join(dict.fromkeys(said))


def write_json(path: Path, outcome: Outcome) -> None:
    """Write everything that was measured and found; see `write_report`."""
    cases: dict[str, dict[str, Any]] = {}
    for record in outcome.records:
        case = cases.setdefault(record.case, {"about": outcome.abouts[record.case]})
        case[record.role] = {
            "verdict": record.verdict,
            "reason": record.reason,
            "measured": record.measured,
            "findings": [asdict(finding) for finding in record.findings],
        }
    content = {
        "format": JSON_FORMAT,
        "verdict": outcome.verdict,
        "reason": outcome.reason,
        "duration_s": round(outcome.duration_s, 1),
        "tested_own_copy": outcome.subjects["target"].is_fallback,
        "servers": outcome.kind,
        "machine": {"system": platform.platform(), "cores": os.cpu_count()},
        "budgets": {
            name.lower(): value
            for name, value in vars(budgets).items()
            if name.isupper() and isinstance(value, (int, float))
        },
        **{
            role: {
                "module": subject.module,
                "interpreter": subject.interpreter[0],
                **subject.identity,
            }
            for role, subject in outcome.subjects.items()
        },
        "cases": cases,
    }
    _write(path, content)


def write_unknown(path: Path, error: GateError) -> None:
    """Write that nothing is known, and why; see `write_report`."""
    _write(
        path,
        {
            "format": JSON_FORMAT,
            "verdict": UNKNOWN,
            "reason": error.what,
            "wanted": error.wanted,
            "got": error.got,
            "hint": error.hint,
            "cases": {},
        },
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    write_report(path, json.dumps(content, indent=2) + "\n")
