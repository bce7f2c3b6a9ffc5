"""
The PEP 517 face of the build: a thin wrapper around ``setuptools.build_meta``.

It asks the front end for upstream's release unless that is at hand, makes the
fork of the line and kind that ``-C upstream=`` and ``-C kind=`` name, and runs
setuptools in a fresh copy of the tree, so that no build can leak into another
or into the checkout. Front ends call the hooks, some by position and some by
keyword: their parameters are named exactly as the standard names them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Optional

from vendoring.acquire import PRISTINE, Upstream, acquire, is_at_hand
from vendoring.errors import Finding, PatchedError, StageError
from vendoring.pinfile import read_pins
from vendoring.pins import Kind, Line, Pins, kind_named
from vendoring.pythons import check_python
from vendoring.series import read_series
from vendoring.stage import Package, assemble
from vendoring.target import TARGET, read_target

__all__ = [
    "Build",
    "build_editable",
    "build_sdist",
    "build_wheel",
    "current_build",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
]

ConfigSettings = Optional[Mapping[str, Any]]

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = ("upstream", "kind", "wheelhouse")

# Everything a source distribution holds; what is not here is no part of a build.
PROJECT = (
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "benchmarks",
    "docs",
    "examples",
    "paramiko_gate",
    "paramiko_patched",
    "patches",
    PRISTINE,
    "pyproject.toml",
    "setup.py",
    TARGET,
    "tests",
    "tox.ini",
    "toxfile.py",
    "upstream.toml",
    "vendoring",
)
_LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", "*.egg-info")

NO_EDITABLE = (
    "paramiko-patched has no editable install: the package is made from upstream's release "
    "at build time; use `pip install .`, or `python -m vendoring stage DIR` and put DIR on "
    "PYTHONPATH"
)


@dataclass(frozen=True)
class Build:
    """
    What ``setup.py`` packs: the finished fork, and what it was made of.
    """

    package: Package
    line: Line
    kind: Kind
    upstream: Upstream


@dataclass(frozen=True)
class _Request:
    pins: Pins
    line: Line
    kind: Kind
    wheelhouse: Path | None
    rest: Mapping[str, Any]


_current: Build | None = None


def current_build() -> Build:
    """
    Return the build that is under way; ``setup.py`` calls this.

    :raises SystemExit: there is none, since ``setup.py`` was run by hand
    """
    if _current is None:
        raise SystemExit("setup.py is run by the build backend: use `pip install .`")
    return _current


def get_requires_for_build_wheel(config_settings: ConfigSettings = None) -> list[str]:
    """
    Return upstream's release as a requirement, unless it is at hand.

    Three equals signs: ``==5.1.0`` would admit our own ``5.1.0+patched.1``.
    """
    with _errors_as_text():
        request = _request(config_settings)
        if is_at_hand(ROOT, request.wheelhouse):
            return []
        return [f"paramiko==={request.line.version}"]


def get_requires_for_build_sdist(config_settings: ConfigSettings = None) -> list[str]:
    """
    Return the same as for a wheel: a source distribution carries upstream.
    """
    return get_requires_for_build_wheel(config_settings)


def build_wheel(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> str:
    """
    Build the wheel and return its file name.

    There is no hook for the metadata alone: it would have to make the whole
    fork as well, and front ends keep the wheel they build in its place.
    """
    directory = os.path.abspath(wheel_directory)
    with _workspace(config_settings) as (backend, rest):
        return str(backend.build_wheel(directory, rest))


def build_sdist(sdist_directory: str, config_settings: ConfigSettings = None) -> str:
    """
    Build the source distribution, upstream's files inside; return its name.
    """
    directory = os.path.abspath(sdist_directory)
    with _workspace(config_settings) as (backend, rest):
        return str(backend.build_sdist(directory, rest))


def get_requires_for_build_editable(config_settings: ConfigSettings = None) -> NoReturn:
    """
    Refuse: there is nothing in the checkout that could be imported in place.
    """
    raise SystemExit(NO_EDITABLE)


def build_editable(
    wheel_directory: str,
    config_settings: ConfigSettings = None,
    metadata_directory: str | None = None,
) -> NoReturn:
    """
    Refuse, for front ends that do not ask for the requirements first.
    """
    raise SystemExit(NO_EDITABLE)


def _request(config_settings: ConfigSettings) -> _Request:
    settings = dict(config_settings or {})
    # Options for setuptools itself start with two hyphens; anything else is a slip.
    unknown = sorted(key for key in settings if key not in SETTINGS and not key.startswith("--"))
    if unknown:
        raise StageError(
            Finding(
                "there is no such build setting",
                wanted="one of " + ", ".join(SETTINGS),
                got=", ".join(unknown),
            )
        )
    for key, value in settings.items():
        # Front ends make a list of a setting that is given twice.
        if key in SETTINGS and not isinstance(value, str):
            raise StageError(
                Finding(
                    f"the build setting {key} is given more than once",
                    wanted=f"one -C {key}=...",
                    got=", ".join(map(str, value)) if isinstance(value, list) else repr(value),
                )
            )
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch and not (epoch.isascii() and epoch.isdigit()):
        raise StageError(
            Finding(
                "SOURCE_DATE_EPOCH is not usable",
                wanted="whole seconds since 1970, or nothing",
                got=epoch,
            )
        )
    frozen = read_target(ROOT)
    for key, value in frozen.items():
        if settings.get(key, value) != value:
            raise StageError(
                Finding(
                    f"this source distribution is for one {key} only",
                    wanted=value,
                    got=str(settings[key]),
                )
            )
        settings[key] = value
    pins = read_pins(ROOT)
    wheelhouse = settings.pop("wheelhouse", None)
    line = pins.line(settings.pop("upstream", None))
    check_python(line)
    return _Request(
        pins=pins,
        line=line,
        kind=kind_named(settings.pop("kind", None)),
        wheelhouse=Path(wheelhouse).absolute() if wheelhouse else None,
        rest=settings,
    )


@contextlib.contextmanager
def _workspace(config_settings: ConfigSettings) -> Iterator[tuple[Any, dict[str, Any]]]:
    """
    Enter a fresh copy of the tree and yield setuptools' backend to be run there.
    """
    # Not needed, and so not imported, when a front end only asks for requirements.
    from setuptools import build_meta

    global _current
    with _errors_as_text(), tempfile.TemporaryDirectory(prefix="paramiko-patched-") as folder:
        request = _request(config_settings)
        upstream = acquire(request.line, ROOT, request.wheelhouse)
        series = read_series(ROOT, request.pins.lines)
        package = assemble(ROOT, request.pins, request.line, request.kind, upstream, series)
        before = os.getcwd()
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        # Modes go into the archives, and setuptools takes them from the files it writes.
        umask = os.umask(0o022)
        try:
            _copy_project(Path(folder))
            os.chdir(folder)
            if not epoch:
                os.environ["SOURCE_DATE_EPOCH"] = str(request.pins.source_date_epoch)
            _current = Build(package, request.line, request.kind, upstream)
            yield build_meta, dict(request.rest)
        finally:
            _current = None
            os.chdir(before)
            os.umask(umask)
            if not epoch:
                os.environ.pop("SOURCE_DATE_EPOCH", None)


def _copy_project(folder: Path) -> None:
    for name in PROJECT:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFTOVERS)
        elif source.is_file():
            shutil.copy2(source, target)
    for path in folder.rglob("*"):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)


@contextlib.contextmanager
def _errors_as_text() -> Iterator[None]:
    try:
        yield
    except PatchedError as error:
        # Front ends print what a hook leaves on standard error; a traceback helps nobody.
        print(file=sys.stderr)
        raise SystemExit(str(error)) from None
