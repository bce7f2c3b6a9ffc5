"""
What the scenarios measured, as one table: ``--figures FILE``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("seconds to error", "CPU, % of a core", "ssh -W left", "zombies")


@dataclass
class Figures:
    """
    Collect rows, and write them as a markdown table.
    """

    rows: list[dict[str, str]] = field(default_factory=list)

    def note(
        self,
        scenario: str,
        where: tuple[str, str, str],
        *,
        told_s: float | None = None,
        cpu: float | None = None,
        left: tuple[int, int] | None = None,
    ) -> None:
        """
        Add a row.

        :param tuple where: library, line and pool
        :param float told_s: infinite if nobody was told while the test looked
        :param float cpu: of the worker with all processes of its pool, 1.0 is a core
        :param tuple left: proxies that run, and dead ones that are kept: what `Worker.left` counts
        """
        told = "" if told_s is None else "nobody" if told_s == float("inf") else f"{told_s:.2f}"
        used = "" if cpu is None else f"{cpu * 100:.1f}"
        counts = ("", "") if left is None else tuple(map(str, left))
        values = (scenario, *where, told, used, *counts)
        self.rows.append(dict(zip(("scenario", "library", "line", "pool", *NAMES), values)))

    def write(self, path: Path) -> None:
        """
        Write what there is.
        """
        heads = ("scenario", "library", "line", "pool", *NAMES)
        lines = [heads, ("---",) * len(heads), *(tuple(row.values()) for row in self.rows)]
        path.write_text("".join(f"| {' | '.join(line)} |\n" for line in lines), "utf-8")
