"""
``python -m vendoring``: the build's stages for a person at work.

Unlike a build it may download: a release that is not at hand is fetched once,
by pip and by its pinned hash, into a cache directory of the user.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vendoring import pin, review, stage
from vendoring.acquire import Upstream, acquire, fetch, is_at_hand
from vendoring.errors import PatchedError
from vendoring.pinfile import read_pins
from vendoring.pins import FILE_NAME, KINDS, Line, kind_named
from vendoring.pythons import check_python
from vendoring.series import read_series
from vendoring.verify import verify, verify_artefact

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit status: 0 done, 1 refused, 2 wrong usage.
    """
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except PatchedError as error:
        if options.traceback:
            raise
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader has seen enough, as in `... diff | head`; Python's own flush at exit
        # would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vendoring", description=__doc__)
    parser.add_argument("--traceback", action="store_true", help="show where an error was raised")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    parser.add_argument("--wheelhouse", type=Path, help="directory that holds upstream's wheels")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("stage", help="write the finished package below a directory")
    command.add_argument("directory", type=Path)
    command.add_argument("--kind", help="one of " + ", ".join(KINDS))
    command.add_argument("--upstream", metavar="X.Y.Z", help="default: the newest pinned line")
    command.set_defaults(run=_stage)

    command = commands.add_parser("diff", help="print the unified diff from upstream to fork")
    command.add_argument("--upstream", metavar="X.Y.Z", help="default: the newest pinned line")
    command.add_argument("--patch", metavar="NAME", help="only what this one patch changes")
    command.set_defaults(run=_diff)

    command = commands.add_parser("guards", help="list the guards of a definition's parts")
    command.add_argument("name", metavar="MODULE[.NAME]", help="e.g. transport.Transport.run")
    command.add_argument("--upstream", metavar="X.Y.Z", help="default: the newest pinned line")
    command.add_argument("--patch", metavar="NAME", help="as this patch finds it (default: all)")
    command.set_defaults(run=_guards)

    command = commands.add_parser("fetch", help="fill a wheelhouse with the pinned wheels")
    command.add_argument("directory", type=Path)
    command.add_argument("--sdist", action="store_true", help="the source distributions as well")
    command.set_defaults(run=_fetch)

    command = commands.add_parser("pin", help="write the entry of a new upstream release")
    command.add_argument("version", metavar="X.Y.Z")
    command.set_defaults(run=_pin)

    return parser


def _stage(options: argparse.Namespace) -> int:
    pins = read_pins(options.root)
    line = pins.line(options.upstream)
    check_python(line)
    kind = kind_named(options.kind)
    series = read_series(options.root, pins.lines)
    upstream = _upstream(options, line)
    package = stage.assemble(options.root, pins, line, kind, upstream, series)
    target = stage.write(package, options.directory)
    stage.write_metadata(package, options.directory)
    applied = len(package.provenance["patches"])
    print(f"{target}: {kind.distribution} {package.version}, {applied} patches")
    return 0


def _diff(options: argparse.Namespace) -> int:
    before, after = _trees(options)
    sys.stdout.writelines(review.diff(before, after))
    return 0


def _guards(options: argparse.Namespace) -> int:
    before, after = _trees(options)
    for row in review.guards(before if options.patch else after, options.name):
        print(row)
    return 0


def _fetch(options: argparse.Namespace) -> int:
    for version, line in read_pins(options.root).lines.items():
        for artefact in (line.wheel, line.sdist) if options.sdist else (line.wheel,):
            path = fetch(artefact, version, options.directory)
            verify_artefact(path, artefact)
            print(path)
    return 0


def _pin(options: argparse.Namespace) -> int:
    pins = read_pins(options.root)
    series = read_series(options.root, pins.lines)
    with tempfile.TemporaryDirectory(prefix="paramiko-patched-pin-") as temporary:
        folder = options.wheelhouse or Path(temporary)
        if not options.wheelhouse:
            pin.download(options.version, folder)
        line, upstream = pin.new_line(pins, options.version, folder)
    pin.write_line(options.root, line)
    print(f"{FILE_NAME}: line {line.version} added; compare the hashes with the index")
    for artefact in (line.wheel, line.sdist):
        print(f"  {artefact.file} {artefact.size_bytes} bytes sha256 {artefact.sha256}")
    rows, fits = pin.report(options.root, pins, line, upstream, series)
    print("\n".join(rows))
    return 0 if fits else 1


def _trees(options: argparse.Namespace) -> tuple[dict[str, str], dict[str, str]]:
    pins = read_pins(options.root)
    line = pins.line(options.upstream)
    upstream = _upstream(options, line)
    verify(upstream, line)
    pristine = {path: data.decode() for path, data in upstream.files.items()}
    series = read_series(options.root, pins.lines)
    return review.trees(options.root, pristine, series, line, options.patch)


def _upstream(options: argparse.Namespace, line: Line) -> Upstream:
    wheelhouse = options.wheelhouse
    if not is_at_hand(options.root, wheelhouse):
        wheelhouse = _cache()
        fetch(line.wheel, line.version, wheelhouse)
    return acquire(line, options.root, wheelhouse)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "paramiko-patched")


if __name__ == "__main__":
    sys.exit(main())
