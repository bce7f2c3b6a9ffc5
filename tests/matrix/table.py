"""
The matrix as a markdown table: written by a test run, and two of them side by side.

A pytest plugin, registered by ``--matrix-table FILE``, that reads what each test has recorded of
its cell. As a program it merges two tables: ``table.py STOCK.md FORK.md > BOTH.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

CORNER = "moment"
SEPARATOR = " | "


class Table:
    """
    Collect cells from the reports of a test run, and write them as they come.

    :param Path path: the file that is written
    :param str target: the library under test, named above the table
    """

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._target = target
        self._cells: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """
        Note what a test has recorded of its cell, and whether it failed.
        """
        recorded = dict(report.user_properties)
        if "matrix-row" not in recorded:
            return
        row = self._cells.setdefault(recorded["matrix-row"], {})
        column = recorded["matrix-column"]
        if report.when == "call":
            told = recorded.get("matrix-outcome", "not reached")
            row[column] = told if report.passed else f"✗ {told}"
        elif report.failed and column in row:
            row[column] += f" ✗ {'leaks' if report.when == 'teardown' else 'setup'}"
        if report.when == "teardown":
            # Each time: a run against stock takes an hour, and may be cut short.
            self._write()

    def _write(self) -> None:
        self._path.write_text(render(self._target, self._cells), "utf-8")


def render(target: str, cells: dict[str, dict[str, str]]) -> str:
    """
    Return a markdown table of cells by row and column.
    """
    columns = list(dict.fromkeys(column for row in cells.values() for column in row))
    lines = [[CORNER, *columns], ["---"] * (len(columns) + 1)]
    for name, row in cells.items():
        lines.append([name, *(row.get(column, "") for column in columns)])
    table = "\n".join(f"| {SEPARATOR.join(line)} |" for line in lines)
    return f"{target} (✗: not what the test wants)\n\n{table}\n"


def read(text: str) -> tuple[str, dict[str, dict[str, str]]]:
    """
    Return the library's name and the cells of a table that `render` wrote.
    """
    target = text.split(" ", 1)[0]
    table = [line for line in text.splitlines() if line.startswith("| ")]
    split = [line[2:-2].split(SEPARATOR) for line in table]
    columns = split[0][1:]
    cells = {
        row[0]: {column: cell for column, cell in zip(columns, row[1:]) if cell}
        for row in split[2:]
    }
    return target, cells


def merge(first: str, second: str) -> str:
    """
    Return one table with the cells of two, one above the other.
    """
    tables = [read(first), read(second)]
    rows = dict.fromkeys(name for _, cells in tables for name in cells)
    merged: dict[str, dict[str, str]] = {}
    for row in rows:
        columns = dict.fromkeys(column for _, cells in tables for column in cells.get(row, {}))
        for column in columns:
            told = [cells.get(row, {}).get(column, "not run") for _, cells in tables]
            merged.setdefault(row, {})[column] = "<br>".join(told)
    return render(f"{tables[0][0]}, below it {tables[1][0]}", merged)


if __name__ == "__main__":
    print(merge(*(Path(name).read_text("utf-8") for name in sys.argv[1:3])), end="")
