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

from vendoring import fit, pin, review, stage
from vendoring.acquire import Upstream, acquire, fetch, is_at_hand
from vendoring.arguments import parser
from vendoring.check import check_line
from vendoring.errors import Finding, IntegrityError, PatchedError, StageError
from vendoring.pinfile import read_pins
from vendoring.pins import FILE_NAME, Line, Pins, kind_named
from vendoring.pythons import check_python
from vendoring.series import read_series
from vendoring.target import read_target
from vendoring.verify import verify, verify_artefact

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run one command and return its exit status: 0 done, 1 refused, 2 wrong usage.
    """
    commands = {
        "check": _check,
        "stage": _stage,
        "diff": _diff,
        "guards": _guards,
        "wheelhouse": _wheelhouse,
        "pin": _pin,
    }
    options = parser(ROOT, commands).parse_args(arguments)
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


def _check(options: argparse.Namespace) -> int:
    pins = read_pins(options.root)
    series = read_series(options.root, pins.lines)
    findings: list[Finding] = []
    for line in _lines(pins, options):
        rows, wrong = check_line(
            options.root,
            pins,
            line,
            series,
            lambda line: _upstream(options, line),
            imports=options.imports,
        )
        for row in rows:
            print(row, flush=True)
        if wrong:
            print(f"{line.version}: NOT in order, {len(wrong)} findings", flush=True)
        findings += [each for each in wrong if each not in findings]
    if findings:
        raise StageError(*findings)
    return 0


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
    pins = read_pins(options.root)
    line = pins.line(options.upstream)
    if options.before is None:
        before, after = review.trees(
            options.root,
            _pristine(options, line),
            read_series(options.root, pins.lines),
            line,
            options.patch,
        )
    elif options.patch is None:
        before = _pristine(options, pins.line(options.before))
        after = _pristine(options, line)
    else:
        raise StageError(
            Finding(
                "--from and --patch ask for two different things",
                wanted="--from X.Y.Z for upstream's own changes, or --patch NAME for ours",
                got="both",
            )
        )
    if options.module is not None:
        old, new = (review.only_module(files, options.module) for files in (before, after))
        if not old and not new:
            raise StageError(
                Finding(
                    "there is no such module",
                    wanted="one of " + ", ".join(sorted(path[:-3] for path in {**before, **after})),
                    got=options.module,
                )
            )
        before, after = old, new
    sys.stdout.writelines(review.diff(before, after))
    return 0


def _guards(options: argparse.Namespace) -> int:
    pins = read_pins(options.root)
    line = pins.line(options.upstream)
    series = read_series(options.root, pins.lines)
    files, left_out = review.met_by(_pristine(options, line), series, line, options.patch)
    for row in review.guards(files, options.name):
        print(row)
    if left_out:
        print(
            "not wholly in this text, since they do not fit: " + ", ".join(left_out),
            file=sys.stderr,
        )
    return 0


def _wheelhouse(options: argparse.Namespace) -> int:
    findings: list[Finding] = []
    for line in _lines(read_pins(options.root), options):
        for artefact in (line.wheel, line.sdist) if options.sdist else (line.wheel,):
            try:
                path = fetch(artefact, line.version, options.directory)
                verify_artefact(path, artefact)
            except IntegrityError as error:
                # The others are of use all the same.
                findings += [each for each in error.findings if each not in findings]
            else:
                print(f"{path}: sha256 {artefact.sha256}", flush=True)
    if findings:
        raise IntegrityError(*findings)
    return 0


def _pin(options: argparse.Namespace) -> int:
    pins = read_pins(options.root)
    series = read_series(options.root, pins.lines)
    with tempfile.TemporaryDirectory(prefix="paramiko-patched-pin-") as temporary:
        folder = options.wheelhouse or Path(temporary)
        if not options.wheelhouse:
            pin.refuse_pinned(pins, options.version)
            pin.download(options.version, folder)
        line, upstream = pin.new_line(pins, options.version, folder)
    pin.write_line(options.root, line)
    print(f"{FILE_NAME}: line {line.version} added; compare the hashes with the index")
    for artefact in (line.wheel, line.sdist):
        print(f"  {artefact.file} {artefact.size_bytes} bytes sha256 {artefact.sha256}")
    rows, fits = fit.report(options.root, pins, line, upstream, series)
    print("\n".join(rows))
    return 0 if fits else 1


def _lines(pins: Pins, options: argparse.Namespace) -> list[Line]:
    # A source distribution of ours carries one release and is for that alone.
    version = options.upstream or read_target(options.root).get("upstream")
    return [pins.line(version)] if version else list(pins.lines.values())


def _pristine(options: argparse.Namespace, line: Line) -> dict[str, str]:
    upstream = _upstream(options, line)
    verify(upstream, line)
    return {path: data.decode() for path, data in upstream.files.items()}


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
