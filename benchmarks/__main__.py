"""
Measure stock and fork in one interleaved run, print tables, and write JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import cycles, death, figures, idle, transfer
from benchmarks.subjects import allow_descriptors, describe, find_subjects
from paramiko_gate.errors import EXIT_PASS, EXIT_USAGE, GateError

EXIT_INTERRUPTED = 130
BENCHMARKS = ("death", "idle", "transfer", "cycles")


def read_names(text: str) -> list[str]:
    """
    Return the names of a list with commas.
    """
    names = text.split(",")
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise argparse.ArgumentTypeError(f"no such benchmark: {', '.join(unknown)}")
    return names


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


def read_options(arguments: list[str]) -> argparse.Namespace:
    """
    Return the options of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.strip())
    parser.add_argument(
        "--only",
        type=read_names,
        default=list(BENCHMARKS),
        metavar="NAMES",
        help=f"some of {','.join(BENCHMARKS)}; all without it",
    )
    parser.add_argument(
        "--death-rounds",
        type=read_positive,
        metavar="N",
        help="death: at most so many rounds of each measurement",
    )
    parser.add_argument(
        "--connections",
        type=read_counts,
        default=[1, 200, 1000],
        metavar="N,...",
        help="idle: how many (default: 1,200,1000)",
    )
    parser.add_argument(
        "--window",
        type=float,
        default=10.0,
        metavar="S",
        help="idle: seconds that are counted (default: %(default)s)",
    )
    parser.add_argument(
        "--idle-rounds",
        type=read_positive,
        default=3,
        metavar="N",
        help="idle: rounds (default: %(default)s)",
    )
    parser.add_argument(
        "--megabytes",
        type=read_positive,
        default=200,
        metavar="N",
        help="transfer: size of each (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        type=read_positive,
        default=5,
        metavar="N",
        help="transfer: rounds (default: %(default)s)",
    )
    parser.add_argument(
        "--cycles",
        type=read_positive,
        default=2000,
        metavar="N",
        help="cycles: how many of the fork (default: %(default)s)",
    )
    parser.add_argument(
        "--stock-python",
        metavar="PYTHON",
        help="an interpreter with stock paramiko; otherwise the one beside the fork, or a "
        "throw-away environment",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    return parser.parse_args(arguments)


def tell(what: str) -> None:
    """
    Say on standard error what is done next.
    """
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace, directory: Path, found: dict[str, Any]) -> None:
    """
    Run what was asked for, and print each table when it is done.

    :param Path directory: an empty one, for servers and data
    :param dict found: gets all figures, also those of a run that is interrupted
    :raises GateError: a library or a server is missing
    """
    subjects = find_subjects(options.stock_python, directory / "stock")
    found["machine"] = {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    found["libraries"] = {name: describe(subject) for name, subject in subjects.items()}
    for name in options.only:
        place = directory / name
        place.mkdir()
        if name == "death":
            found[name] = death.run_all(list(subjects.values()), place, options.death_rounds)
            death.show(found[name])
            continue
        rounds: list[figures.Round] = []
        try:
            if name == "idle":
                counts, number = options.connections, options.idle_rounds
                idle.run(subjects, counts, number, options.window, place, tell, rounds)
            elif name == "cycles":
                cycles.run(subjects, options.cycles, place, tell, rounds)
            else:
                transfer.run(subjects, options.megabytes, options.rounds, place, tell, rounds)
        finally:
            # Also of a run that is interrupted: what was measured until then is true.
            found[name] = figures.to_json(rounds)
            figures.show(name, figures.compare(rounds))
    found["machine"]["load_after"] = os.getloadavg()


def main() -> int:
    """
    Measure; exit status 0 also when a library could not do something, since that is a figure.
    """
    options = read_options(sys.argv[1:])
    # A clean end, with everything taken down, also when somebody else ends the run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = EXIT_PASS
    found: dict[str, Any] = {}
    try:
        if options.json and not options.json.parent.is_dir():
            raise GateError(f"there is no directory {options.json.parent} for the JSON file")
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
