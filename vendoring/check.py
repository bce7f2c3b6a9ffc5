"""
Go through every line and kind and say all that is wrong with any of them.

What a build does for one line and kind, done for all, up to the finished
package being imported. Called by ``python -m vendoring check``; changes
nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from vendoring.acquire import Upstream
from vendoring.errors import Finding, PatchedError, StageError
from vendoring.overlay import overlay, read_overlays
from vendoring.pins import KINDS, Kind, Line, Pins
from vendoring.pythons import check_python
from vendoring.rename import check_counts
from vendoring.series import Patch
from vendoring.splice import apply_series
from vendoring.stage import Package, assemble, write, write_metadata
from vendoring.verify import verify

__all__ = ["IMPORT_LIMIT_S", "check_line"]

IMPORT_LIMIT_S = 60

# What one operating system alone has; elsewhere such a module cannot be imported.
_FOR_WINDOWS = ("_winapi", "win_openssh", "win_pageant")

_IMPORT = """\
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
failed = {}
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
json.dump(failed, sys.stdout)
"""


def check_line(
    root: Path,
    pins: Pins,
    line: Line,
    series: Sequence[Patch],
    upstream: Callable[[Line], Upstream],
    imports: bool = True,
) -> tuple[list[str], list[Finding]]:
    """
    Return a row for each kind of a line that is in order, and what is wrong.

    Stages that do not need each other are all asked, so that a person has the
    whole list. Blocks for at most a minute per kind, for the imports.

    :param upstream: gives the release's files, or raises `PatchedError`
    :param bool imports: also import every module, in a process of its own; that
        needs what upstream's release depends on
    """
    try:
        release = upstream(line)
        verify(release, line)
    except PatchedError as error:
        return [], list(error.findings)
    rows = []
    findings: list[Finding] = []
    for kind in KINDS.values():
        try:
            package = assemble(root, pins, line, kind, release, series)
        except PatchedError as error:
            # The first stage that refuses hides the others.
            more = _of_every_stage(root, pins, line, series, release) or error.findings
        else:
            try:
                said = _imported(package, line) if imports else "not imported"
            except PatchedError as error:
                more = error.findings
            else:
                more = ()
                rows.append(_row(package, line, kind, said))
        # What is wrong with both kinds is said once.
        findings += [each for each in more if each not in findings]
    return rows, findings


def _of_every_stage(
    root: Path, pins: Pins, line: Line, series: Sequence[Patch], release: Upstream
) -> tuple[Finding, ...]:
    """
    Return what the stages say that are the same for both kinds and need not each other.
    """
    findings: list[Finding] = []
    pristine = {path: data.decode() for path, data in release.files.items()}
    ours = [patch for patch in series if patch.is_for(line.version)]
    patched = {module for patch in ours for module in patch.entries}
    spliced, failed = apply_series(pristine, ours, line.version)
    stages: tuple[Callable[[], object], ...] = (
        lambda: check_counts(pristine, pins.edits, line),
        lambda: overlay(
            spliced, pristine, read_overlays(root), pins.overlays, patched, line.version
        ),
    )
    for stage in stages:
        try:
            stage()
        except PatchedError as error:
            findings += error.findings
    findings += [finding for each in failed.values() for finding in each]
    return tuple(findings)


def _imported(package: Package, line: Line) -> str:
    try:
        check_python(line)
    except StageError:
        # No fault of the line's, and not left unsaid.
        return f"not imported: this Python is outside {line.python}"
    return _import(package)


def _import(package: Package) -> str:
    """
    Import every module of a package and say how many, or raise what they said.
    """
    name = package.kind.import_name
    modules = sorted(path[:-3] for path in package.files if path.endswith(".py"))
    if sys.platform != "win32":
        modules = [module for module in modules if module not in _FOR_WINDOWS]
    names = [f"{name}/{module}".removesuffix("/__init__").replace("/", ".") for module in modules]
    with tempfile.TemporaryDirectory(prefix="paramiko-patched-check-") as folder:
        write(package, Path(folder))
        write_metadata(package, Path(folder))
        try:
            done = subprocess.run(
                [sys.executable, "-B", "-c", _IMPORT, folder, *names],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=IMPORT_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _refusal(package, f"no end within {IMPORT_LIMIT_S} s") from None
    if done.returncode != 0:
        raise _refusal(package, done.stderr.strip() or f"exit status {done.returncode}")
    failed: dict[str, str] = json.loads(done.stdout)
    if failed:
        raise _refusal(package, *_grouped(failed))
    return f"{len(names)} modules imported"


def _grouped(failed: dict[str, str]) -> list[str]:
    """
    Return a row per error: one missing dependency fails many modules.
    """
    reasons: dict[str, list[str]] = {}
    for name, reason in failed.items():
        reasons.setdefault(reason, []).append(name)
    return [
        reason + " (" + ", ".join(names[:3]) + (", ..." if len(names) > 3 else "") + ")"
        for reason, names in reasons.items()
    ]


def _refusal(package: Package, *got: str) -> StageError:
    needed = " ".join(f"'{text}'" for text in package.requirements)
    return StageError(
        Finding(
            f"{package.kind.distribution} {package.version} cannot be imported",
            wanted="every module imports",
            got="\n".join(got),
            hint=f"it needs: pip install {needed}\n"
            "`check --no-import` leaves the imports out, and says so",
        )
    )


def _row(package: Package, line: Line, kind: Kind, said: str) -> str:
    patches = len(package.provenance["patches"])
    return (
        f"{line.version} {kind.name}: {len(line.files)} files as pinned, {patches} patches "
        f"applied, {package.version} compiled, {said}"
    )
