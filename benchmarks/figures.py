"""
Rounds, what they come to, and how that is shown.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.works import WORKS

#: What all others are compared with, if it takes part.
YARDSTICK = "stock"


@dataclass(frozen=True)
class Round:
    """
    Hold what one client of one subject did, once.

    :param str case: what was done; rounds of a case are compared
    :param str subject: who did it
    :param int number: of the round; those with the same number were neighbours in time
    :param dict figures: numbers by their name with unit; empty after an error
    :param dict facts: what else is worth keeping
    :param str error: why it could not be done
    """

    case: str
    subject: str
    number: int
    figures: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Spread:
    """
    Hold the median of some values, their quartiles, their range and their number.
    """

    median: float
    lower: float
    upper: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Line:
    """
    Sum up one figure of one case and subject.

    :param Spread value: None if no round has it
    :param Spread ratio: to stock, round by round; None for stock itself, or without it
    :param int failed: rounds that have it not
    :param str error: the first one, if there was one
    """

    case: str
    subject: str
    figure: str
    value: Spread | None
    ratio: Spread | None
    failed: int
    error: str | None


def compare(rounds: list[Round]) -> list[Line]:
    """
    Return a line for each figure of each case and subject.

    Cases come in the order of the works, whatever the order of the rounds was.
    """
    lines = []
    for case in sorted(dict.fromkeys(one.case for one in rounds), key=_place):
        of_case = [one for one in rounds if one.case == case]
        figures = list(dict.fromkeys(name for one in of_case for name in one.figures)) or ["all"]
        for subject in dict.fromkeys(one.subject for one in of_case):
            own = [one for one in of_case if one.subject == subject]
            error = next((one.error for one in own if one.error is not None), None)
            for figure in figures:
                values = _values(own, figure)
                stock = _values([one for one in of_case if one.subject == YARDSTICK], figure)
                ratios = [values[n] / stock[n] for n in values if stock.get(n)]
                ratio = None if subject == YARDSTICK else _spread(ratios)
                value = _spread(list(values.values()))
                failed = len(own) - len(values)
                lines.append(Line(case, subject, figure, value, ratio, failed, error))
    return lines


def show(lines: list[Line], order: list[str]) -> None:
    """
    Print a table for each case: medians, and ratios to stock with their quartiles.

    A star marks a median that not all rounds are in; what went wrong is said below.

    :param list order: of the subjects
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for case in dict.fromkeys(line.case for line in lines):
        of_case = [line for line in lines if line.case == case]
        cells = {(line.subject, line.figure): _cell(line) for line in of_case}
        subjects = [name for name in order if any(line.subject == name for line in of_case)]
        figures = list(dict.fromkeys(line.figure for line in of_case))
        # The longer side goes down.
        down = len(figures) > len(subjects)
        rows, columns = (figures, subjects) if down else (subjects, figures)
        table = Table("", *columns, title=case, title_justify="left")
        for row in rows:
            pairs = [(column, row) if down else (row, column) for column in columns]
            table.add_row(row, *(cells.get(pair, "-") for pair in pairs))
        console.print(table)
        for subject, error in {line.subject: line.error for line in of_case}.items():
            if error is not None:
                console.print(f"{case}, {subject}: {error}", markup=False, highlight=False)


def to_json(rounds: list[Round]) -> dict[str, Any]:
    """
    Return rounds and comparison as plain values.
    """
    return {
        "summary": [asdict(line) for line in compare(rounds)],
        "rounds": [asdict(one) for one in rounds],
    }


def short(value: float) -> str:
    """
    Return a number with three digits that count.
    """
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def _place(case: str) -> int:
    names = [work.name for work in WORKS]
    name = case.partition(",")[0]
    return names.index(name) if name in names else len(names)


def _cell(line: Line) -> str:
    if line.value is None:
        return "cannot" if line.error else "never"
    text = short(line.value.median) + (" *" if line.failed else "")
    if line.ratio is not None:
        ratio = line.ratio
        text += f"  x{ratio.median:.2f} ({ratio.lower:.2f}-{ratio.upper:.2f})"
    return text


def _values(rounds: list[Round], figure: str) -> dict[int, float]:
    return {one.number: one.figures[figure] for one in rounds if figure in one.figures}


def _spread(values: list[float]) -> Spread | None:
    if not values:
        return None
    lower = upper = values[0]
    if len(values) > 1:
        lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(statistics.median(values), lower, upper, min(values), max(values), len(values))
