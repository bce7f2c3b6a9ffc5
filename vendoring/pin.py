"""
Write the entry of a new upstream release; `fit` says what of ours still fits it.

The one place that trusts a download it has no hash for: whoever runs it
compares the printed hashes with the index before committing them. Called by
``python -m vendoring pin`` alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tokenize
from collections.abc import Mapping
from pathlib import Path

from vendoring.acquire import FETCH_LIMIT_S, PACKAGE, Upstream, read_wheel
from vendoring.errors import Finding, IntegrityError, StageError
from vendoring.pinfile import parse_pins
from vendoring.pins import FILE_NAME, Artefact, Line, Pins, release_key
from vendoring.rename import count
from vendoring.verify import artefact_of, sha256, tree_hash

__all__ = ["download", "new_line", "refuse_pinned", "write_line"]

PYTHON = ">=3.9"


def download(version: str, folder: Path) -> None:
    """
    Get a release's wheel and sdist with pip, unverified.

    Blocks for at most 10 minutes. pip runs upstream's build backend to read
    the sdist's metadata, in an environment of its own.

    :raises IntegrityError: pip could not get one of them
    """
    for source in ("--only-binary", "--no-binary"):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += [source, PACKAGE, "-d", str(folder), f"{PACKAGE}==={version}"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False
            )
            status, told = done.returncode, done.stderr.strip()
        except subprocess.TimeoutExpired:
            status, told = 1, f"no answer within {FETCH_LIMIT_S} s"
        if status != 0:
            raise IntegrityError(
                Finding(
                    f"pip could not download paramiko {version}",
                    wanted="a wheel and a source distribution",
                    got="\n".join(told.splitlines()[-5:]),
                )
            )


def refuse_pinned(pins: Pins, version: str) -> None:
    """
    Return if a release can be pinned: a plain number that is not there yet.

    :raises StageError: it is none, or is pinned already
    """
    release_key(version)
    if version in pins.lines:
        raise StageError(
            Finding(
                f"{FILE_NAME} has a line {version} already",
                wanted="a release that is not pinned",
                got=version,
                hint="delete its entry first if it really has to be taken again",
            )
        )


def new_line(pins: Pins, version: str, folder: Path) -> tuple[Line, Upstream]:
    """
    Return the entry for a release whose two artefacts are in a directory.

    :raises StageError: the line is pinned already
    :raises IntegrityError: an artefact is missing, or their modules differ
    """
    refuse_pinned(pins, version)
    sdist = folder / f"{PACKAGE}-{version}.tar.gz"
    wheels = sorted(folder.glob(f"{PACKAGE}-{version}-*.whl"))
    if len(wheels) != 1 or not sdist.is_file():
        raise IntegrityError(
            Finding(
                f"paramiko {version} is not complete",
                wanted=f"one wheel and {sdist.name}",
                got=", ".join(sorted(path.name for path in folder.glob("*"))) or "nothing",
                hint=f"in {folder}; without --wheelhouse, pip downloads both",
            )
        )
    upstream = read_wheel(wheels[0], version)
    if not upstream.files or not upstream.license:
        raise IntegrityError(
            Finding(
                f"{wheels[0].name} cannot be pinned",
                wanted=f"a wheel with the package {PACKAGE} and its LICENSE",
                got="no LICENSE" if upstream.files else "a file that cannot be unpacked",
            )
        )
    files = {path: sha256(data) for path, data in upstream.files.items()}
    _compare(files, sdist, version)
    try:
        counts = count({path: data.decode() for path, data in upstream.files.items()}, pins.edits)
    except (UnicodeDecodeError, SyntaxError, tokenize.TokenError) as error:
        raise IntegrityError(
            Finding(
                f"paramiko {version} cannot be patched",
                wanted="modules that this Python can read",
                got=str(error),
            )
        ) from error
    line = Line(
        version=version,
        python=PYTHON,
        wheel=artefact_of(wheels[0]),
        sdist=artefact_of(sdist),
        tree=tree_hash(files),
        license_sha256=sha256(upstream.license),
        dependencies=upstream.dependencies,
        files=files,
        counts=counts,
        advisories=(),
        advisories_checked="",
    )
    return line, upstream


def write_line(root: Path, line: Line) -> None:
    """
    Append an entry to ``upstream.toml``, all of it or nothing.

    :raises IntegrityError: the file would not be readable any more, or cannot be
        written
    """
    path = root / FILE_NAME
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + _entry(line)
    parse_pins(text)
    fresh = path.with_name(f".{FILE_NAME}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(path.stat().st_mode)
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise IntegrityError(
            Finding(f"{path} cannot be written", got=error.strerror or str(error))
        ) from error


def _compare(files: Mapping[str, str], sdist: Path, version: str) -> None:
    prefix = f"{PACKAGE}-{version}/{PACKAGE}/"
    carried = {}
    try:
        with tarfile.open(sdist) as archive:
            for member in archive:
                data = archive.extractfile(member) if member.isfile() else None
                if data is not None and member.name.startswith(prefix):
                    carried[member.name[len(prefix) :]] = sha256(data.read())
    except (OSError, tarfile.TarError, EOFError) as error:
        raise IntegrityError(Finding(f"{sdist.name} cannot be read", got=str(error))) from error
    different = sorted(
        path for path in set(files) | set(carried) if files.get(path) != carried.get(path)
    )
    if different:
        raise IntegrityError(
            *[
                Finding(
                    f"paramiko/{path} is not the same in the wheel and the sdist",
                    wanted=f"sha256 {files.get(path, 'none')}, as in the wheel",
                    got=f"sha256 {carried.get(path, 'none')} in the sdist",
                )
                for path in different
            ]
        )


def _entry(line: Line) -> str:
    def artefact(item: Artefact) -> str:
        return f'{{ file = "{item.file}", size = {item.size_bytes}, sha256 = "{item.sha256}" }}'

    at = f'line."{line.version}"'
    rows = [
        f"[{at}]",
        f'python = "{line.python}"',
        f'tree = "{line.tree}"',
        f'license = "{line.license_sha256}"',
        "dependencies = [",
        # JSON's strings are TOML's as well; markers hold quotes of both kinds.
        *[f"    {json.dumps(text)}," for text in line.dependencies],
        "]",
        f"wheel = {artefact(line.wheel)}",
        f"sdist = {artefact(line.sdist)}",
        "",
        f"[{at}.counts]",
        *[f"{name} = {number}" for name, number in line.counts.items()],
        "",
        f"[{at}.files]",
        *[f'"{path}" = "{digest}"' for path, digest in sorted(line.files.items())],
    ]
    return "\n".join(rows) + "\n"
