"""
Stage 2: compare what was acquired with what ``upstream.toml`` pins.

Contents are compared, never a RECORD: an installer rewrites that file, and
whoever tampers with a module can write a matching one. Nothing is patched
before this has passed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from vendoring.acquire import Upstream
from vendoring.errors import Finding, IntegrityError
from vendoring.pins import FILE_NAME, Artefact, Line

__all__ = ["artefact_of", "sha256", "tree_hash", "verify", "verify_artefact"]


def verify(upstream: Upstream, line: Line) -> None:
    """
    Return if and only if the release is exactly the pinned one.

    :raises IntegrityError: with one finding per file or fact that differs
    """
    findings: list[Finding] = []
    if upstream.artefact is not None:
        findings += _artefact_findings(upstream.artefact, line.wheel)
        if findings and not upstream.files:
            # Not even an archive: forty lines of "missing" would hide the one that counts.
            raise IntegrityError(*findings)
    got = {path: sha256(data) for path, data in upstream.files.items()}
    findings += _file_findings(got, line, upstream.found_in)
    if tree_hash(line.files) != line.tree:
        findings.append(
            Finding(
                f'{FILE_NAME}: line."{line.version}".tree does not belong to its own files',
                wanted=tree_hash(line.files),
                got=line.tree,
            )
        )
    if sha256(upstream.license) != line.license_sha256:
        findings.append(
            Finding(
                f"the LICENSE of paramiko {line.version} is not the pinned one",
                wanted=f"sha256 {line.license_sha256}",
                got=f"sha256 {sha256(upstream.license)}" if upstream.license else "none",
            )
        )
    if upstream.dependencies != line.dependencies:
        findings.append(
            Finding(
                f"the dependencies of paramiko {line.version} are not the pinned ones",
                wanted=", ".join(line.dependencies),
                got=", ".join(upstream.dependencies) or "none",
            )
        )
    if findings:
        raise IntegrityError(*findings)


def verify_artefact(path: Path, pinned: Artefact) -> None:
    """
    Return if and only if a file has the size and sha256 that are pinned.

    :raises IntegrityError: it does not, or cannot be read
    """
    findings = _artefact_findings(path, pinned)
    if findings:
        raise IntegrityError(*findings)


def artefact_of(path: Path) -> Artefact:
    """
    Return the name, size and sha256 of a file.
    """
    data = path.read_bytes()
    return Artefact(path.name, len(data), sha256(data))


def sha256(data: bytes) -> str:
    """
    Return the SHA-256 of some bytes in hex.
    """
    return hashlib.sha256(data).hexdigest()


def tree_hash(files: Mapping[str, str]) -> str:
    """
    Return one hash for a set of files: sha256 over sorted ``sha256  path`` lines.

    :param files: path to the sha256 of its content
    """
    rows = sorted(f"{digest}  {path}\n" for path, digest in files.items())
    return sha256("".join(rows).encode())


def _artefact_findings(path: Path, pinned: Artefact) -> list[Finding]:
    try:
        got = artefact_of(path)
    except OSError as error:
        return [Finding(f"{path.name} cannot be read", got=str(error))]
    if got == pinned:
        return []
    return [
        Finding(
            f"{path.name} is not the pinned file",
            wanted=f"{pinned.size_bytes} bytes, sha256 {pinned.sha256}",
            got=f"{got.size_bytes} bytes, sha256 {got.sha256}",
            hint="delete it and fetch it again; if that gives the same, trust neither",
        )
    ]


def _file_findings(got: Mapping[str, str], line: Line, found_in: str) -> list[Finding]:
    findings = []
    for path in sorted(set(got) | set(line.files)):
        wanted, found = line.files.get(path), got.get(path)
        if wanted == found:
            continue
        if found is None:
            what = f"paramiko/{path} is missing from {found_in}"
        elif wanted is None:
            what = f"paramiko/{path} of {found_in} is not part of paramiko {line.version}"
        else:
            what = f"paramiko/{path} of {found_in} is not the pinned file"
        findings.append(
            Finding(
                what,
                wanted=f"sha256 {wanted}" if wanted else "no such file",
                got=f"sha256 {found}" if found else "no such file",
            )
        )
    return findings
