"""
Measure stock, the fork and other SSH clients in rounds of random order; print tables, write JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import platform
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks import counts, cycles, death, figures, idle, plot, speed
from benchmarks.subjects import (
    NAMES,
    NEWEST_LINE,
    ROOT,
    allow_descriptors,
    find_contestants,
)
from benchmarks.works import QUICK, WORKS, Extent
from paramiko_gate.errors import EXIT_PASS, EXIT_USAGE, GateError

EXIT_INTERRUPTED = 130
SPEED_WORKS = tuple(work.name for work in WORKS)
#: These have programs and figures of their own, and know paramiko's names alone.
OTHER_WORKS = ("death", "idle", "cycles")
QUICK_WORKS = ("cat", "get", "put", "get-small", "put-small", "echo", "connect")
#: How often the others are done at the most: they hardly differ from round to round.
OTHER_ROUNDS = 3


def some_of(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """
    Return what reads a list with commas of these names.
    """

    def read(text: str) -> list[str]:
        given = text.split(",")
        if unknown := [name for name in given if name not in names]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(names)}")
        return list(dict.fromkeys(given))

    return read


def read_counts(text: str) -> list[int]:
    """
    Return the different numbers of a list with commas, each at least 1.
    """
    return list(dict.fromkeys(read_positive(word) for word in text.split(",")))


def read_positive(text: str) -> int:
    """
    Return a whole number of at least 1.
    """
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of at least 1 is wanted, not {text!r}")
    return int(text)


def read_python(text: str) -> tuple[str, str]:
    """
    Return name and interpreter of ``NAME=PYTHON``.
    """
    name, _, python = text.partition("=")
    if not python:
        raise argparse.ArgumentTypeError(f"NAME=PYTHON is wanted, not {text!r}")
    return name, python


def read_options(arguments: list[str]) -> argparse.Namespace:
    """
    Return the options of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.strip())
    add = parser.add_argument
    works = (*SPEED_WORKS, *OTHER_WORKS)
    add("--works", type=some_of(works), metavar="NAMES", help=f"some of {','.join(works)}")
    add("--subjects", type=some_of(NAMES), metavar="NAMES", help=f"some of {','.join(NAMES)}")
    add("--fork", action="append", metavar="PATH_OR_REQUIREMENT", help="default: the checkout")
    add("--line", default=NEWEST_LINE, metavar="X.Y.Z", help="upstream's (default: %(default)s)")
    add(
        "--python",
        type=read_python,
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="an interpreter that has a subject already; no environment is made for it",
    )
    add("--carrier", type=some_of(speed.CARRIERS), default=["relay"], metavar="relay,direct")
    add("--cipher", choices=speed.CIPHERS, default="ctr")
    add("--rounds", type=read_positive, metavar="N", help="default: 7")
    add("--size", type=read_positive, metavar="MB", help="of a transfer (default: 200)")
    add("--seed", type=int, default=secrets.randbelow(10**6), help="of the order of the rounds")
    add("--quick", action="store_true", help="fewer and smaller works, in two minutes")
    add("--connections", type=read_counts, metavar="N,...", help="idle (default: 1,200,1000,2000)")
    add("--window", type=float, metavar="S", help="idle: seconds that are counted (default: 10)")
    add("--cycles", type=read_positive, metavar="N", help="cycles of the fork (default: 2000)")
    add("--counts", action="store_true", help="count instead, and compare with counts.json")
    add("--renew", action="store_true", help="with --counts: write counts.json")
    add("--json", type=Path, metavar="FILE", help="write every round there")
    add("--svg", type=Path, metavar="FILE", help="draw speed and CPU there")
    options = parser.parse_args(arguments)
    quick = options.quick
    usual = {
        "works": list(QUICK_WORKS if quick else works),
        "subjects": ["fork"] if options.counts else list(NAMES),
        "fork": [str(ROOT)],
        "rounds": 2 if quick else 7,
        "connections": [1, 50] if quick else [1, 200, 1000, 2000],
        "window": 2.0 if quick else 10.0,
        "cycles": 20 if quick else 2000,
    }
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.extent = QUICK if quick else Extent()
    if options.size:
        options.extent = dataclasses.replace(options.extent, size=options.size)
    return options


def tell(what: str) -> None:
    """
    Say on standard error what is done next.
    """
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace, directory: Path, found: dict[str, Any]) -> None:
    """
    Run what was asked for; print each table, and draw, when it is done.

    :param Path directory: an empty one, for environments, servers and data
    :param dict found: gets all figures, also those of a run that is interrupted
    :raises GateError: a subject or a server is missing
    """
    found["machine"] = describe_machine()
    contestants = find_contestants(
        options.subjects,
        options.fork,
        options.line,
        dict(options.python),
        directory / "environments",
        tell,
    )
    found["options"] = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
        if name != "extent"
    }
    found["extent"] = dataclasses.asdict(options.extent)
    found["subjects"] = {one.name: one.facts for one in contestants}
    if options.counts:
        found["counts"] = counts.run(contestants, options, directory / "counts", tell)
        return
    order = [one.name for one in contestants]
    chance = random.Random(options.seed)
    tell(f"rounds in the order of --seed {options.seed}")
    works = [work for work in WORKS if work.name in options.works]
    if works:
        with (
            speed.run_place(options.cipher, options.extent, directory / "speed") as place,
            shown("speed", found, order) as rounds,
        ):
            speed.run(
                contestants, works, options.carrier, options.rounds, chance, place, tell, rounds
            )
        if options.svg:
            plot.draw(figures.compare(rounds), order, options.svg)
    own = {one.name: one.library for one in contestants if one.has_paramikos_names}
    number = min(options.rounds, OTHER_ROUNDS)
    for name in options.works:
        if name not in OTHER_WORKS:
            continue
        where = directory / name
        where.mkdir()
        with shown(name, found, order) as rounds:
            if name == "death":
                death.run(own, number, chance, where, tell, rounds)
            elif name == "idle":
                wanted = options.connections
                idle.run(own, wanted, number, options.window, chance, where, tell, rounds)
            else:
                cycles.run(own, options.cycles, where, tell, rounds)
    found["machine"]["load_after"] = os.getloadavg()


@contextlib.contextmanager
def shown(name: str, found: dict[str, Any], order: list[str]) -> Iterator[list[figures.Round]]:
    """
    Give a list for rounds; print and keep what is in it when the block is left.

    Also when it is interrupted: what was measured until then is true.
    """
    rounds: list[figures.Round] = []
    try:
        yield rounds
    finally:
        found[name] = figures.to_json(rounds)
        figures.show(figures.compare(rounds), order)


def describe_machine() -> dict[str, Any]:
    """
    Return what a reader of the figures has to know of the machine.
    """
    model = ""
    with contextlib.suppress(OSError, IndexError):
        text = Path("/proc/cpuinfo").read_text("utf-8")
        (model,) = {line.partition(": ")[2] for line in text.splitlines() if "model name" in line}
    return {
        "system": platform.platform(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total // 10**6,
        "python": platform.python_version(),
        "time": time.strftime("%Y-%m-%d %H:%M %z"),
        "load_before": os.getloadavg(),
    }


def main() -> int:
    """
    Measure; exit status 0 also when a subject could not do something, since that is a figure.
    """
    options = read_options(sys.argv[1:])
    # A clean end, with everything taken down, also when somebody else ends the run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = EXIT_PASS
    found: dict[str, Any] = {}
    try:
        for path in (options.json, options.svg):
            if path and not path.parent.is_dir():
                raise GateError(f"there is no directory {path.parent} for {path.name}")
        allow_descriptors()
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as directory:
            run(options, Path(directory), found)
    except GateError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except OSError as error:
        print(f"the benchmark cannot run\n  got: {error}", file=sys.stderr)
        return EXIT_USAGE
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
