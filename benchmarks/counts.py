"""
Counts that a busy machine hardly changes, beside those of a committed reference.

System calls, voluntary context switches and calls of Python functions: for each megabyte of a
transfer, for each packet of 32 KiB, for each round trip.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figures import short
from benchmarks.program import Broken
from benchmarks.speed import Place, measure, run_place
from benchmarks.subjects import Contestant
from benchmarks.works import MEGABYTE, WORKS, Extent, Work

REFERENCE = Path(__file__).with_name("counts.json")
COUNTED = ("cat", "get", "put", "echo")
#: Small enough for a minute, and what a client does once is not in the difference of the two.
SMALLER = Extent(size=10, echoes=500)
LARGER = Extent(size=30, echoes=1500)
PACKET_BYTES = 32768
#: So many times the reference are worth a word; switches depend on the machine most.
TOLERANCE = {"calls": 1.2, "system calls": 1.4, "switches": 2.0}


def run(
    contestants: list[Contestant],
    options: argparse.Namespace,
    directory: Path,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """
    Count, print what there is more of than in the reference, and return all counts.

    :param options: those of the command line: ``cipher``, ``carrier``, ``renew``
    :param Path directory: for servers and data; made
    :param tell: is told what is done next
    :raises GateError: there is no OpenSSH, or it cannot be started
    """
    found: dict[str, dict[str, float]] = {}
    works = [work for work in WORKS if work.name in COUNTED]
    with run_place(options.cipher, LARGER, directory) as place:
        for contestant in contestants:
            if contestant.name == "openssh":
                tell("openssh is left out: it is a child of the program that is looked at")
                continue
            for carrier in options.carrier:
                for work in works:
                    case = f"{contestant.name}, {options.cipher}, {carrier}, {work.name}"
                    tell(f"counting {case}")
                    try:
                        found[case] = _count(place, work, carrier, contestant)
                    except Broken as error:
                        tell(f"{case}: {error}")
    reference = json.loads(REFERENCE.read_text("utf-8")) if REFERENCE.exists() else {}
    _show(found, reference)
    if options.renew:
        REFERENCE.write_text(json.dumps({**reference, **found}, indent=1) + "\n", "utf-8")
    return found


def _count(place: Place, work: Work, carrier: str, contestant: Contestant) -> dict[str, float]:
    """
    Return what more is counted with the larger extent, for each unit of work that it has more.

    :raises Broken: the client could not do it
    """
    answers = []
    for extent in (SMALLER, LARGER):
        place.extent = extent
        answer = measure(place, work, carrier, contestant)
        profiled = measure(place, work, carrier, contestant, {"profile": True})
        answer["calls"] = profiled["calls"]
        if shutil.which("strace"):
            # Without the proxy, which is another program.
            report = place.data / "strace"
            prefix = ("strace", "-f", "-c", "-b", "execve", "-o", str(report))
            measure(place, work, carrier, contestant, prefix=prefix)
            answer["system calls"] = _read_total(report.read_text("ascii"))
        answers.append(answer)
    smaller, larger = answers
    amount = larger["amount"] - smaller["amount"]
    units = dict.fromkeys(TOLERANCE, (1, "round trip"))
    if work.moves_bytes:
        units = dict.fromkeys(TOLERANCE, (MEGABYTE, "MB"))
        units["calls"] = (PACKET_BYTES, "packet")
    return {
        f"{name}/{unit}": round((larger[name] - smaller[name]) / amount * size, 2)
        for name, (size, unit) in units.items()
        if name in larger
    }


def _read_total(report: str) -> int:
    """
    Return the number of calls in the last line of what strace sums up.
    """
    last = report.strip().splitlines()[-1].split()
    return int(last[3])


def _show(found: dict[str, dict[str, float]], reference: dict[str, dict[str, float]]) -> None:
    """
    Print each count beside its reference, and a warning for what is much more.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", "now", "reference")
    warnings = []
    for case, counts in found.items():
        for name, now in counts.items():
            before = reference.get(case, {}).get(name)
            table.add_row(case, name, short(now), "-" if before is None else short(before))
            if before and now > before * TOLERANCE[name.partition("/")[0]]:
                warnings.append(f"warning: {case}: {short(now)} {name}, not {short(before)}")
    console = Console()
    console.print(table)
    for warning in warnings:
        console.print(warning, markup=False, highlight=False, soft_wrap=True)
