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

Counts = dict[str, float]

REFERENCE = Path(__file__).with_name("counts.json")
COUNTED = ("cat", "get", "put", "echo")
#: Small enough for a minute.
SMALLER = Extent(size=1, echoes=100)
LARGER = Extent(size=30, echoes=1500)
TIMES = 3
#: All round trips of an echo, however long they take.
WHOLE = {"echo_limit_s": 60.0}
PACKET_BYTES = 32768
#: So many times the reference are worth a word. Calls hardly vary; how much a read finds does.
TOLERANCE = {"calls": 1.2, "system calls": 2.0, "switches": 2.0}


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
    found: dict[str, Counts] = {}
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


def _count(place: Place, work: Work, carrier: str, contestant: Contestant) -> Counts:
    """
    Return what is counted for each unit of the work.

    Of what chance makes more, never less, the least of several times is taken.

    :raises Broken: the client could not do it
    """
    place.extent = LARGER
    counts = {
        "calls": measure(place, work, carrier, contestant, {**WHOLE, "profile": True})["calls"],
        "switches": min(
            measure(place, work, carrier, contestant, WHOLE)["switches"] for _ in range(TIMES)
        ),
    }
    amount = work.amount(LARGER)
    per_unit = {name: count / amount for name, count in counts.items()}
    if shutil.which("strace"):
        larger = min(_trace(place, work, carrier, contestant) for _ in range(TIMES))
        # What it does once, such as importing its modules, is in both.
        place.extent = SMALLER
        once = _trace(place, work, carrier, contestant)
        per_unit["system calls"] = (larger - once) / (amount - work.amount(SMALLER))
    units = dict.fromkeys(TOLERANCE, (1, "round trip"))
    if work.moves_bytes:
        units = dict.fromkeys(TOLERANCE, (MEGABYTE, "MB"))
        units["calls"] = (PACKET_BYTES, "packet")
    return {
        f"{name}/{unit}": round(per_unit[name] * size, 2)
        for name, (size, unit) in units.items()
        if name in per_unit
    }


def _trace(place: Place, work: Work, carrier: str, contestant: Contestant) -> int:
    """
    Return all system calls of a client, without those of its proxy, which is another program.
    """
    report = place.data / "strace"
    prefix = ("strace", "-f", "-c", "-b", "execve", "-o", str(report))
    measure(place, work, carrier, contestant, WHOLE, prefix)
    return _read_total(report.read_text("ascii"))


def _read_total(report: str) -> int:
    """
    Return the number of calls in the last line of what strace sums up.
    """
    last = report.strip().splitlines()[-1].split()
    return int(last[3])


def growth(found: dict[str, Counts], reference: dict[str, Counts]) -> list[str]:
    """
    Return a sentence for each count that is far above its reference, if it has one.
    """
    return [
        f"{case}: {short(now)} {name}; the reference is {short(reference[case][name])}"
        for case, counts in found.items()
        for name, now in counts.items()
        if name in reference.get(case, {})
        and now > reference[case][name] * TOLERANCE[name.partition("/")[0]]
    ]


def _show(found: dict[str, Counts], reference: dict[str, Counts]) -> None:
    """
    Print each count beside its reference, and a warning for what has grown.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", "now", "reference")
    for case, counts in found.items():
        for name, now in counts.items():
            before = reference.get(case, {}).get(name)
            table.add_row(case, name, short(now), "-" if before is None else short(before))
    Console().print(table)
    for sentence in growth(found, reference):
        print(f"warning: {sentence}")
