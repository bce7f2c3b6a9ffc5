"""
The wheels that every way to build has to give, and what the ways may build from.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from building import SETUPTOOLS, Wheels, build_all, copy_project
from builds import seclusion
from checkout import ROOT, filled_wheelhouse
from environment import SUPPORTED, Environment, interpreter

from vendoring.pinfile import read_pins

PINS = read_pins(ROOT)


def pytest_report_header() -> list[str]:
    """
    Name the Pythons that are missing, and say how builds are kept from the network.
    """
    missing = ["{}.{}".format(*version) for version in SUPPORTED if interpreter(version) is None]
    return [
        "Pythons not at hand: " + (", ".join(missing) or "none"),
        "builds run " + ("without a network" if seclusion.cut_off() else "with no index alone"),
    ]


@pytest.fixture(scope="session")
def wheelhouse() -> Path:
    """
    Return a directory with the pinned wheels.
    """
    return filled_wheelhouse()


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a directory with what the builds require and nothing of upstream.
    """
    folder = tmp_path_factory.mktemp("tools")
    _download(folder, SETUPTOOLS)
    # Its wheel without compiled parts, which serves every Python.
    anywhere = ["--implementation", "py", "--abi", "none", "--platform", "any"]
    _download(folder, "tomli", "--no-deps", "--python-version", "3.9", *anywhere)
    return folder


@pytest.fixture(scope="session")
def dependencies(tmp_path_factory: pytest.TempPathFactory, wheelhouse: Path) -> Path:
    """
    Return a directory with what every pinned release depends on, and no paramiko.
    """
    folder = tmp_path_factory.mktemp("dependencies")
    # All lines depend on the same; six is for the oldest alone.
    _download(folder, f"paramiko==={PINS.newest}", "six", "--find-links", str(wheelhouse))
    (folder / PINS.line().wheel.file).unlink()
    assert not list(folder.glob("paramiko-*"))
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    Return a copy of the checkout that all tests share; none may change it.
    """
    return copy_project(tmp_path_factory.mktemp("project") / "checkout")


@pytest.fixture(scope="session")
def hooked(
    tmp_path_factory: pytest.TempPathFactory, tools: Path, wheelhouse: Path
) -> Callable[..., Wheels]:
    """
    Return a function that builds every wheel with one interpreter.
    """

    def build(python: str, checkout: Path, umask: str = "022", **variables: str) -> Wheels:
        folder = tmp_path_factory.mktemp("hooked")
        environment = Environment(folder / "env", python)
        required = [SETUPTOOLS, "tomli"]
        environment.pip("install", "--quiet", "--no-index", "--find-links", str(tools), *required)
        return build_all(environment, checkout, wheelhouse, folder / "wheels", umask, **variables)

    return build


@pytest.fixture(scope="session")
def wheels(hooked: Callable[..., Wheels], project: Path) -> Wheels:
    """
    Return the wheels of every line and kind, built by the interpreter at hand.
    """
    return hooked(sys.executable, project)


def _download(folder: Path, *arguments: str) -> None:
    """
    Download with pip and the user's own configuration, for at most four minutes.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    done = subprocess.run(
        [*command, "--dest", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
