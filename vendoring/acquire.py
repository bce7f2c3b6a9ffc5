"""
Stage 1: find the pinned release, without judging it.

Looked for in this order: the pristine files an sdist of ours carries, a
wheelhouse directory, the ``paramiko`` installed in this environment (which the
build backend asks for as ``paramiko===X``). A build never downloads; `fetch`
is for ``python -m vendoring`` alone. Nothing found here may be used before
`verify.verify` has passed it.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path

from vendoring.errors import Finding, IntegrityError
from vendoring.pins import Artefact, Line

__all__ = [
    "FETCH_LIMIT_S",
    "PACKAGE",
    "PRISTINE",
    "WHEELHOUSE_VARIABLE",
    "Upstream",
    "acquire",
    "fetch",
    "is_at_hand",
    "read_wheel",
]

PACKAGE = "paramiko"
PRISTINE = "pristine"
WHEELHOUSE_VARIABLE = "PARAMIKO_PATCHED_WHEELHOUSE"
FETCH_LIMIT_S = 300


@dataclass(frozen=True)
class Upstream:
    """
    A release as it was found: unverified until `verify.verify` returns.

    :param files: path inside the package to content, byte code left out
    :param artefact: the wheel it came from, where there was one
    :param str found_in: where, in words for a message
    """

    version: str
    files: Mapping[str, bytes]
    license: bytes
    metadata: bytes
    artefact: Path | None
    found_in: str

    @property
    def dependencies(self) -> tuple[str, ...]:
        """
        The requirements its metadata declares, in one canonical spelling.
        """
        message = BytesParser().parsebytes(self.metadata, headersonly=True)
        return tuple(
            sorted(" ".join(str(value).split()) for value in message.get_all("Requires-Dist", []))
        )


def acquire(line: Line, root: Path, wheelhouse: Path | None = None) -> Upstream:
    """
    Return the files of one release from the first place that has it.

    Reads local files only.

    :param Path root: checkout or unpacked sdist
    :param wheelhouse: directory that holds the wheel; ``None`` means the one
        named by ``PARAMIKO_PATCHED_WHEELHOUSE``, if any
    :raises IntegrityError: it is in none of the places, or cannot be read
    """
    wheelhouse = wheelhouse or wheelhouse_from_environment()
    if (root / PRISTINE).is_dir():
        return _from_folder(line, root / PRISTINE)
    if wheelhouse is not None:
        return read_wheel(wheelhouse / line.wheel.file, line.version)
    installed = _installed(line)
    if installed is not None:
        return installed
    raise IntegrityError(
        Finding(
            f"upstream's release {line.version} is not at hand",
            wanted=f"{line.wheel.file} in a wheelhouse, or {PACKAGE}==={line.version} installed",
            got="neither",
            hint=f"`pip install .` gets it by itself; without build isolation name a directory\n"
            f"in {WHEELHOUSE_VARIABLE} or with -C wheelhouse=DIR",
        )
    )


def is_at_hand(root: Path, wheelhouse: Path | None = None) -> bool:
    """
    Say whether the release comes with the tree or from a wheelhouse.

    The build backend asks its front end to install upstream only if not.
    """
    return (root / PRISTINE).is_dir() or (wheelhouse or wheelhouse_from_environment()) is not None


def wheelhouse_from_environment() -> Path | None:
    """
    Return the directory that the environment names, if it names one.
    """
    value = os.environ.get(WHEELHOUSE_VARIABLE)
    return Path(value) if value else None


def fetch(artefact: Artefact, version: str, wheelhouse: Path, package: str = PACKAGE) -> Path:
    """
    Download one pinned artefact with pip, which checks its hash.

    Blocks for at most 5 minutes. pip's own configuration decides the index.

    :param Path wheelhouse: where it goes; made if need be
    :returns: the file's path
    :raises IntegrityError: pip could not get a file of that hash, or the
        directory cannot be written
    """
    target = wheelhouse / artefact.file
    if target.is_file():
        return target
    # Before the download, which may take minutes.
    _writable(wheelhouse)
    source = ["--no-binary" if artefact.file.endswith(".tar.gz") else "--only-binary", package]
    with tempfile.TemporaryDirectory(prefix="paramiko-patched-fetch-") as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text(
            f"{package}==={version} --hash=sha256:{artefact.sha256}\n", encoding="utf-8"
        )
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", *source, "-d", folder, "-r", str(requirements)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_LIMIT_S, check=False
            )
            told = done.stderr.strip() or done.stdout.strip()
        except subprocess.TimeoutExpired:
            told = f"no answer within {FETCH_LIMIT_S} s"
        downloaded = Path(folder, artefact.file)
        if not downloaded.is_file():
            raise IntegrityError(
                Finding(
                    f"pip could not download {artefact.file}",
                    wanted=f"sha256 {artefact.sha256}",
                    got="\n".join(told.splitlines()[-5:]) or "another file",
                )
            )
        # Into place in one step, so that an interrupted run leaves no half file.
        partial = wheelhouse / f".{artefact.file}.{os.getpid()}"
        try:
            partial.write_bytes(downloaded.read_bytes())
            os.replace(partial, target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise _unwritable(wheelhouse, error) from error
    return target


def _writable(wheelhouse: Path) -> None:
    try:
        wheelhouse.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wheelhouse):
            pass
    except OSError as error:
        raise _unwritable(wheelhouse, error) from error


def _unwritable(wheelhouse: Path, error: OSError) -> IntegrityError:
    return IntegrityError(
        Finding(
            f"{wheelhouse} cannot be written",
            wanted="a directory for upstream's files",
            got=error.strerror or str(error),
        )
    )


def _from_folder(line: Line, folder: Path) -> Upstream:
    try:
        return Upstream(
            version=line.version,
            files=_read_package(folder / PACKAGE),
            license=(folder / "LICENSE").read_bytes(),
            metadata=(folder / "METADATA").read_bytes(),
            artefact=None,
            found_in=f"{PRISTINE}/ of this source distribution",
        )
    except OSError as error:
        raise IntegrityError(
            Finding(f"{PRISTINE}/ of this source distribution is incomplete", got=str(error))
        ) from error


def read_wheel(wheel: Path, version: str) -> Upstream:
    """
    Return what a wheel file holds; nothing if it cannot be unpacked.

    :raises IntegrityError: there is no such file
    """
    info = f"{PACKAGE}-{version}.dist-info/"
    if not wheel.is_file():
        raise IntegrityError(
            Finding(
                f"the wheelhouse has no {wheel.name}",
                got="no such file",
                hint=f"`python -m vendoring wheelhouse {wheel.parent}` fills it",
            )
        )
    content: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = {
                name: archive.read(name) for name in archive.namelist() if not name.endswith("/")
            }
    except (OSError, zipfile.BadZipFile, zlib.error):
        # No verdict here: verify compares the file's own hash and says which is wanted.
        content = {}
    license_names = [
        name for name in content if name.startswith(info) and name.rsplit("/", 1)[-1] == "LICENSE"
    ]
    return Upstream(
        version=version,
        files={
            name[len(PACKAGE) + 1 :]: data
            for name, data in content.items()
            if name.startswith(PACKAGE + "/")
        },
        license=content[license_names[0]] if license_names else b"",
        metadata=content.get(info + "METADATA", b""),
        artefact=wheel,
        found_in=wheel.name,
    )


def _installed(line: Line) -> Upstream | None:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    # `==5.1.0` is satisfied by our own 5.1.0+patched.1, so only equality will do.
    if distribution.version != line.version:
        return None
    package = Path(str(distribution.locate_file(PACKAGE)))
    if not package.is_dir():
        return None
    texts = {
        name: (distribution.read_text(name) or "").encode()
        for name in ("METADATA", "licenses/LICENSE", "LICENSE")
    }
    return Upstream(
        version=line.version,
        files=_read_package(package),
        license=texts["licenses/LICENSE"] or texts["LICENSE"],
        metadata=texts["METADATA"],
        artefact=None,
        found_in=f"{PACKAGE} {line.version} installed beside the build",
    )


def _read_package(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise FileNotFoundError(f"no directory {folder.name}")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        # Byte code is written by installers and by every import.
        if path.is_file() and path.suffix != ".pyc"
    }
