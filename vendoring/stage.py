"""
Last stage: run the others in their order and write the finished package.

`assemble` keeps everything in memory, so that a build that is refused leaves
nothing behind; `write` puts a finished package into a directory in one step.
Called by ``setup.py`` and ``python -m vendoring``.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vendoring import provenance
from vendoring.acquire import Upstream
from vendoring.errors import Finding, StageError
from vendoring.names import check_names
from vendoring.overlay import overlay, read_overlays
from vendoring.pins import Kind, Line, Pins
from vendoring.rename import check_counts, rename
from vendoring.series import Patch
from vendoring.splice import splice
from vendoring.verify import verify

__all__ = ["Package", "assemble", "write", "write_metadata"]

# The last clause of a marker, where build tools put it.
_EXTRA = re.compile(r"""(?:(?<=;)|\s+and)\s*extra\s*==\s*["']([^"']+)["']\s*$""")


@dataclass(frozen=True)
class Package:
    """
    The fork of one line and kind, finished, in memory.

    :param files: path inside the package to content
    :param sbom: the bill of materials, as it is shipped
    :param dependencies: upstream's requirements, extras in their markers
    """

    kind: Kind
    version: str
    python: str
    files: Mapping[str, bytes]
    sbom: bytes
    dependencies: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def requirements(self) -> tuple[str, ...]:
        """
        What is needed in any case, as requirement strings.
        """
        return tuple(text for text in self.dependencies if not _EXTRA.search(text))

    @property
    def extras(self) -> dict[str, list[str]]:
        """
        Upstream's extras: name to requirement strings, other markers kept.
        """
        found: dict[str, list[str]] = {}
        for text in self.dependencies:
            match = _EXTRA.search(text)
            if match:
                requirement, _, marker = text.partition(";")
                rest = _EXTRA.sub("", ";" + marker).lstrip("; ").strip()
                bare = requirement.strip()
                found.setdefault(match[1], []).append(f"{bare}; {rest}" if rest else bare)
        return found


def assemble(
    root: Path, pins: Pins, line: Line, kind: Kind, upstream: Upstream, series: Sequence[Patch]
) -> Package:
    """
    Make the fork of one release: verify, splice, overlay, rename, describe.

    :param Path root: checkout or unpacked sdist, for the overlays
    :param series: all patches in order, or the first few of them; those that
        are not for this line are left out
    :raises PatchedError: the first stage that refuses says why
    """
    verify(upstream, line)
    series = [patch for patch in series if patch.is_for(line.version)]
    pristine = {path: data.decode("utf-8") for path, data in upstream.files.items()}
    check_counts(pristine, pins.edits, line)
    spliced = splice(pristine, series, line.version)
    check_names(pristine, spliced)
    overlays = read_overlays(root)
    patched = {module for patch in series for module in patch.entries}
    whole = overlay(spliced, pristine, overlays, pins.overlays, patched, line.version)
    named = rename(whole, kind, pins.edits, line)
    noticed = provenance.add_notices(named, pristine, pins, kind, series)
    _compile(noticed)
    files = {path: text.encode() for path, text in sorted(noticed.items())}
    described = provenance.describe(files, overlays, pins, kind, line, series)
    return Package(
        kind=kind,
        version=described["version"],
        python=line.python,
        files={**files, provenance.FILE_NAME: provenance.to_json(described)},
        sbom=provenance.to_json(provenance.sbom(described)),
        dependencies=upstream.dependencies,
        provenance=described,
    )


def write(package: Package, directory: Path) -> Path:
    """
    Write the package below a directory, all of it or nothing.

    A package that was staged there before is replaced; anything else in its
    place is left alone and refused.

    :param Path directory: made if need be; may be put on ``sys.path``
    :returns: the package's own directory
    :raises StageError: something that was not staged is in the way, or the
        directory cannot be written
    """
    name = package.kind.import_name
    target = directory / name
    if target.exists() and not (target / provenance.FILE_NAME).is_file():
        raise StageError(
            Finding(
                f"{target} is in the way",
                wanted="no such directory, or one that was staged before",
                got=f"no {provenance.FILE_NAME} in it",
            )
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".staging-", dir=directory) as temporary:
            fresh = Path(temporary, name)
            for path, data in package.files.items():
                file = fresh / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            before = Path(temporary, "before")
            if target.exists():
                os.replace(target, before)
            try:
                os.replace(fresh, target)
            except OSError:
                if before.exists():
                    os.replace(before, target)
                raise
    except OSError as error:
        raise StageError(Finding(f"{directory} cannot be written", got=str(error))) from error
    return target


def write_metadata(package: Package, directory: Path) -> None:
    """
    Write the least metadata with which the package imports from a directory.

    Upstream asks for its own version when imported. For working on the fork
    only: wheels get theirs from setuptools.
    """
    distribution = package.kind.distribution.replace("-", "_")
    for old in directory.glob(f"{distribution}-*.dist-info"):
        shutil.rmtree(old)
    info = directory / f"{distribution}-{package.version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package.kind.distribution}\nVersion: {package.version}\n",
        encoding="utf-8",
    )


def _compile(files: Mapping[str, str]) -> None:
    findings = []
    for path, text in files.items():
        try:
            compile(text, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            findings.append(
                Finding(
                    f"{path} of the finished package does not compile",
                    got=f"line {line}: {error}",
                )
            )
    if findings:
        raise StageError(*findings)
