"""
The command line: ``paramiko-gate run`` and ``paramiko-gate doctor``.

Role: reads the options, refuses what cannot work before anything is started, and turns every
outcome into an exit code: 0 pass, 1 fail, 2 wrong usage, 3 unknown. Imports the standard library
alone until it knows that the extra ``gate`` is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from paramiko_gate.errors import EXIT_UNKNOWN, EXIT_USAGE, GateError
from paramiko_gate.output import checked_stdout, complain, refuse_bad_reports

NEEDED = ("pytest", "psutil", "rich", "packaging")


class Parser(argparse.ArgumentParser):
    """Parse options; a wrong one is refused in the same form as everything else."""

    def error(self, message: str) -> NoReturn:
        """
        Refuse the command line.

        :raises GateError: always
        """
        raise GateError(message, hint=f"{self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Carry out one command and return its exit code.

    :param list arguments: the command line without the program's name; ``sys.argv`` when None
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        complain(f"paramiko-gate needs {', '.join(missing)}: pip install 'paramiko-patched[gate]'")
        return EXIT_USAGE
    options = argparse.Namespace(json=None)
    try:
        with checked_stdout():
            options = build_parser().parse_args(arguments)
            return carry_out(options)
    except GateError as error:
        complain(error)
        if isinstance(getattr(options, "json", None), Path) and error.exit_code == EXIT_UNKNOWN:
            from paramiko_gate.report import write_unknown

            # Otherwise the report of an earlier run would stay and pass for this one's.
            try:
                write_unknown(options.json, error)
            except GateError as another:
                complain(another)
        return error.exit_code
    except KeyboardInterrupt:
        complain("interrupted: nothing is known about the target")
        return EXIT_UNKNOWN


def carry_out(options: argparse.Namespace) -> int:
    """
    Carry out the command that the options name, and return its exit code.

    :raises GateError: there is none, or it cannot be carried out
    """
    if options.command is None:
        raise GateError(
            "no command", wanted="paramiko-gate run or doctor", hint="paramiko-gate --help"
        )
    if options.command == "doctor":
        from paramiko_gate.doctor.command import run_doctor

        return run_doctor(options)
    from paramiko_gate.run import list_cases, run_gate

    if options.list:
        return list_cases(options.select)
    refuse_bad_reports([options.junitxml, options.json])
    return run_gate(options)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="paramiko-gate",
        description="Judge whether a paramiko survives the death of its proxy command, and find "
        "the programs that do not.",
        epilog="exit codes: 0 pass, 1 fail, 2 wrong usage, 3 unknown",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="kill real proxies under a paramiko and measure what it does",
        description="Kill real proxies under a paramiko and measure what it does.",
        epilog="exit codes: 0 pass, 1 fail, 2 wrong usage, 3 unknown",
    )
    run.add_argument(
        "--target",
        metavar="MODULE",
        help="import name to judge (default: paramiko; where none is installed, the "
        "paramiko_patched that came with the gate)",
    )
    run.add_argument(
        "--python",
        metavar="INTERPRETER",
        help="interpreter that imports it (default: the one that runs the gate)",
    )
    run.add_argument(
        "--compare",
        metavar="REQUIREMENT",
        help="also judge a stock release, such as paramiko===5.1.0, which must fail",
    )
    run.add_argument(
        "--server",
        choices=("auto", "openssh", "embedded"),
        default="auto",
        help="servers to connect to (default: OpenSSH where it is installed)",
    )
    run.add_argument("--junitxml", metavar="F", type=Path, help="write pytest's JUnit XML to F")
    run.add_argument("--json", metavar="F", type=Path, help="write everything measured to F")
    run.add_argument("--list", action="store_true", help="list the cases and run none")
    run.add_argument("-k", dest="select", metavar="EXPR", help="run the cases that match EXPR only")
    doctor = commands.add_parser(
        "doctor",
        help="find processes that spin on, or keep, dead proxies",
        description="Find the processes of this machine that use paramiko and spin on a dead proxy "
        "(paramiko#1277), keep zombies, or leak proxies. Attaches to nothing and changes nothing.",
        epilog="exit codes: 0 nothing found, 1 something found, 2 wrong usage",
    )
    # Needs psutil, whose absence has been told by now.
    from paramiko_gate.doctor.command import add_options

    add_options(doctor)
    return parser
