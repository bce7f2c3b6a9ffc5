"""
Rounds, what they come to, and how that is shown.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Round:
    """
    Hold what one client of one library did, once.

    :param str case: what was done; rounds of a case are compared
    :param str library: ``stock`` or ``fork``
    :param int number: of the round; those with the same number were neighbours in time
    :param dict figures: numbers by their name with unit; empty after an error
    :param dict facts: what else is worth keeping
    :param str error: why it could not be done
    """

    case: str
    library: str
    number: int
    figures: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True)
class Spread:
    """
    Hold the median of some values, their range and their number.
    """

    median: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if self.low == self.high:
            return _short(self.median)
        return f"{_short(self.median)} ({_short(self.low)} to {_short(self.high)})"


@dataclass(frozen=True)
class Line:
    """
    Compare the libraries in one figure of one case.

    :param Spread stock: None if no round of stock has it; likewise ``fork``
    :param Spread ratio: fork by stock, round by round
    :param dict errors: the first error of a library that has one
    """

    case: str
    figure: str
    stock: Spread | None
    fork: Spread | None
    ratio: Spread | None
    errors: dict[str, str]


def compare(rounds: list[Round]) -> list[Line]:
    """
    Return a line for each figure of each case, in the order they came.
    """
    lines = []
    for case in dict.fromkeys(one.case for one in rounds):
        of_case = [one for one in rounds if one.case == case]
        errors: dict[str, str] = {}
        for one in of_case:
            if one.error is not None:
                errors.setdefault(one.library, one.error)
        names = list(dict.fromkeys(name for one in of_case for name in one.figures))
        for name in names or ["all"]:
            values = {
                library: {
                    one.number: one.figures[name]
                    for one in of_case
                    if one.library == library and name in one.figures
                }
                for library in ("stock", "fork")
            }
            stock, fork = values["stock"], values["fork"]
            ratios = [fork[number] / stock[number] for number in fork if stock.get(number)]
            lines.append(
                Line(
                    case,
                    name,
                    _spread(list(stock.values())),
                    _spread(list(fork.values())),
                    _spread(ratios),
                    errors,
                )
            )
    return lines


def show(title: str, lines: list[Line]) -> None:
    """
    Print the lines as a table: medians, and of the ratios their range too.

    A star marks a median that not all rounds are in; what went wrong is said below.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", "stock", "fork", "fork / stock", title=title, title_justify="left")
    case = None
    for line in lines:
        if case not in (None, line.case):
            table.add_section()
        table.add_row(
            "" if line.case == case else line.case,
            line.figure,
            _cell(line.stock, "stock" in line.errors),
            _cell(line.fork, "fork" in line.errors),
            str(line.ratio or "-"),
        )
        case = line.case
    console = Console()
    console.print(table)
    for case, errors in {line.case: line.errors for line in lines}.items():
        for library, error in errors.items():
            console.print(f"{case}, {library}: {error}", markup=False, highlight=False)


def to_json(rounds: list[Round]) -> dict[str, Any]:
    """
    Return rounds and comparison as plain values.
    """
    return {
        "summary": [asdict(line) for line in compare(rounds)],
        "rounds": [asdict(one) for one in rounds],
    }


def _cell(spread: Spread | None, has_error: bool) -> str:
    if spread is None:
        return "cannot" if has_error else "-"
    return f"{_short(spread.median)} *" if has_error else _short(spread.median)


def _spread(values: list[float]) -> Spread | None:
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))


def _short(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
