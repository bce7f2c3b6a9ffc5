"""
The words of ``python -m vendoring``: its commands, and what a person is told of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from vendoring.pins import KINDS

__all__ = ["Command", "parser"]

Command = Callable[[argparse.Namespace], int]

ABOUT = """\
The stages of the build, for a person at work: look at the fork, check it, and
move it to another release of upstream.

Upstream's releases are taken from --wheelhouse DIR, or else from a cache of the
user's (XDG_CACHE_HOME), which pip fills once and by the pinned hashes; pip's own
configuration says from which index.
"""

EXAMPLES = """\
examples:
  python -m vendoring check                 is everything that is pinned in order?
  python -m vendoring stage /tmp/fork       PYTHONPATH=/tmp/fork python -m paramiko_patched
  python -m vendoring diff --patch 0005-close-joins
  python -m vendoring wheelhouse wheels     then, without a network:
  python -m vendoring --wheelhouse wheels check
  python -m vendoring pin 5.1.1             upstream has released: what fits, what does not?

Exit status: 0 done, 1 refused or not in order, 2 wrong usage. What is refused is
said on standard error as one line of what, then wanted, got and a hint.
"""


def parser(root: Path, commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """
    Return the parser; `run` of what it parses is the command that was chosen.

    :param Path root: the checkout that is worked on unless another is named
    :param commands: what each command does, by its name
    """
    whole = argparse.ArgumentParser(
        prog="python -m vendoring",
        description=ABOUT,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--traceback", action="store_true", help="show where an error was raised")
    whole.add_argument("--root", type=Path, default=root, help=argparse.SUPPRESS)
    whole.add_argument(
        "--wheelhouse",
        type=Path,
        metavar="DIR",
        help="directory with upstream's wheels; nothing is downloaded then",
    )
    adder = _Adder(
        whole.add_subparsers(required=True, metavar="COMMAND", title="commands"), commands
    )

    command = adder.add(
        "check",
        "verify, splice, compile and import every line and kind",
        "Makes the package of every pinned line, of both kinds, in memory, and imports it.\n"
        "Writes nothing. All that is wrong with all lines is said in one go.",
    )
    command.add_argument(
        "--no-import",
        dest="imports",
        action="store_false",
        help="stop before the imports, which need what upstream's releases depend on",
    )
    _upstream(command, "only this line (default: all)")

    command = adder.add(
        "stage",
        "write the finished package below a directory",
        "Writes the package as a build would pack it. The directory can be put on PYTHONPATH.\n"
        "A package that was staged there before is replaced, in one step.",
    )
    command.add_argument("directory", type=Path)
    command.add_argument("--kind", help="one of {} (default: the first)".format(", ".join(KINDS)))
    _upstream(command)

    command = adder.add(
        "diff",
        "print the unified diff from upstream to fork",
        "Prints what the series and the overlays change, before anything is renamed; with\n"
        "--patch, what one patch changes; with --from, what upstream itself changed.",
    )
    _upstream(command)
    command.add_argument("--patch", metavar="NAME", help="only what this one patch changes")
    command.add_argument(
        "--from", dest="before", metavar="X.Y.Z", help="upstream's own changes since that line"
    )
    command.add_argument("--module", metavar="NAME", help="only this module, e.g. packet")

    command = adder.add(
        "guards",
        "list the guards of a definition and of its parts",
        "Prints line, guard, the guard that ignores comments and layout, and the text each of\n"
        "them stands for: what an entry of a patch can hold on to. See patches/README.md.",
    )
    command.add_argument("name", metavar="MODULE[.NAME]", help="e.g. transport.Transport.run")
    _upstream(command)
    command.add_argument("--patch", metavar="NAME", help="as this patch finds it (default: all)")

    command = adder.add(
        "wheelhouse",
        "fill a directory with upstream's pinned wheels, for builds without a network",
        "Downloads what is not there, checks the hash of everything, what was there included,\n"
        "and puts nothing in place that is not what upstream.toml pins. Builds take their\n"
        "source from the directory if PARAMIKO_PATCHED_WHEELHOUSE or -C wheelhouse= names it.",
    )
    command.add_argument("directory", type=Path)
    command.add_argument("--sdist", action="store_true", help="the source distributions as well")
    _upstream(command, "only this line (default: all)")

    command = adder.add(
        "pin",
        "write the entry of a new upstream release, and say what of ours fits it",
        "Downloads wheel and sdist of a release (or takes them from --wheelhouse), compares\n"
        "one with the other, appends the entry to upstream.toml, and says patch by patch what\n"
        "applies as it is, what needs new entries and what waits for another patch: all of it\n"
        "at once. Exit status 1 if there is something to do before the line can be built.",
    )
    command.add_argument("version", metavar="X.Y.Z")
    return whole


class _Adder:
    """
    Adds commands that are told apart by name and described at length.
    """

    def __init__(
        self,
        adder: argparse._SubParsersAction[argparse.ArgumentParser],
        commands: Mapping[str, Command],
    ) -> None:
        self._adder = adder
        self._commands = commands

    def add(self, name: str, short: str, long: str) -> argparse.ArgumentParser:
        """
        Return the parser of one command, for its arguments.
        """
        command = self._adder.add_parser(
            name,
            help=short,
            description=long,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=self._commands[name])
        return command


def _upstream(
    command: argparse.ArgumentParser, told: str = "default: the newest pinned line"
) -> None:
    command.add_argument("--upstream", metavar="X.Y.Z", help=told)
