"""
Build wheels and source distributions the way a front end does.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection
from pathlib import Path

import pytest
from checkout import ROOT, filled_wheelhouse
from environment import Environment
from made_once import made_once

from vendoring import pins
from vendoring.backend import PROJECT
from vendoring.pinfile import read_pins

KINDS = ("namespaced", "dropin")
PINS = read_pins(ROOT)
VERSIONS = {name: pins.KINDS[name].version(PINS.newest, PINS.patch_level) for name in KINDS}
SETUPTOOLS = "setuptools==82.0.1"
HOOK = ROOT / "tests" / "builds" / "hook.py"
EVERY_BUILD_LIMIT_S = 900

#: Wheels by line and kind.
Wheels = dict[tuple[str, str], Path]


class Builder:
    """
    An interpreter that can build, with the build requirements and nothing else.
    """

    def __init__(self, folder: Path, wheelhouse: Path, python: str = sys.executable) -> None:
        is_new = not folder.exists()
        self.environment = Environment(folder, python)
        if is_new:
            self.environment.pip("install", "--quiet", SETUPTOOLS, "tomli")
        self.wheelhouse = wheelhouse

    def wheel(self, source: Path, output: Path, *settings: str, **variables: str) -> Path:
        """
        Build a wheel of a checkout or an sdist, without any index, and return it.
        """
        done = self.build(source, output, *settings, check=True, **variables)
        assert done == 0
        wheels = list(output.glob("*.whl"))
        assert len(wheels) == 1
        return wheels[0]

    def build(
        self, source: Path, output: Path, *settings: str, check: bool = False, **variables: str
    ) -> int:
        """
        Run ``pip wheel`` and return its status; what it said is in `said`.
        """
        command = ["wheel", "--no-deps", "--no-index", "--no-build-isolation"]
        command += [f"--config-settings={setting}" for setting in settings]
        command += ["--wheel-dir", str(output), str(source)]
        done = self.environment.pip(*command, check=check, variables=variables)
        self.said = done.stdout + done.stderr
        return done.returncode

    def sdist(self, source: Path, output: Path, kind: str) -> Path:
        """
        Build a source distribution through the backend's hook and return it.
        """
        output.mkdir(exist_ok=True)
        code = (
            "import sys; from vendoring import backend; "
            "backend.build_sdist(sys.argv[1], {'kind': sys.argv[2], 'wheelhouse': sys.argv[3]})"
        )
        arguments = ["-c", code, str(output), kind, str(self.wheelhouse)]
        self.environment.run(*arguments, cwd=source, limit_s=120)
        return next(output.glob("*.tar.gz"))


def build_all(
    environment: Environment,
    checkout: Path,
    wheelhouse: Path,
    output: Path,
    umask: str = "022",
    lines: Collection[str] = tuple(PINS.lines),
    **variables: str,
) -> Wheels:
    """
    Build the wheels of every line, or of some, and kind by one process of an environment's Python.

    Blocks for at most a quarter of an hour.

    :param Environment environment: has `SETUPTOOLS`
    """
    environment.run(
        *[str(HOOK), str(output), str(wheelhouse), umask, *lines],
        cwd=checkout,
        limit_s=EVERY_BUILD_LIMIT_S,
        variables=variables,
    )
    return found_wheels(output)


def shared_builder(factory: pytest.TempPathFactory) -> Builder:
    """
    Return a builder on the interpreter at hand, which all tests of a run share.
    """
    wheelhouse = filled_wheelhouse()
    return Builder(made_once(factory, "builder", lambda new: Builder(new, wheelhouse)), wheelhouse)


def shared_project(factory: pytest.TempPathFactory) -> Path:
    """
    Return a copy of the checkout that all tests of a run share; none may change it.
    """
    return made_once(factory, "project", copy_project)


def shared_wheels(
    factory: pytest.TempPathFactory, builder: Builder, lines: Collection[str]
) -> Wheels:
    """
    Return the wheels of each kind of some lines, which all tests of a run share.
    """
    project = shared_project(factory)
    found: Wheels = {}
    for line in lines:

        def build(output: Path, line: str = line) -> None:
            build_all(builder.environment, project, builder.wheelhouse, output, lines=[line])

        found |= found_wheels(made_once(factory, f"wheels-{line}", build))
    return found


def found_wheels(output: Path) -> Wheels:
    """
    Return what `build_all` has put into a directory.
    """
    return {
        (wheel.parent.parent.name, wheel.parent.name): wheel
        for wheel in sorted(output.glob("*/*/*.whl"))
    }


def copy_project(target: Path, origin: Path = ROOT) -> Path:
    """
    Copy everything of a checkout that is part of the project, as a clone holds it.
    """
    target.mkdir(parents=True)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache")
    for name in PROJECT:
        source = origin / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        elif source.is_file():
            shutil.copy2(source, target / name)
    return target
