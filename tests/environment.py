"""
Virtual environments and other interpreters for tests that install something.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import checkout  # noqa: F401  # makes `vendoring` importable

from vendoring.pythons import TESTED

#: As a rule it takes ten seconds, and on a machine with ten others' work on it minutes.
INSTALL_LIMIT_S = 600
COMMAND_LIMIT_S = 60
SUPPORTED = [(int(major), int(minor)) for major, minor in (text.split(".") for text in TESTED)]

# What the test run's own environment, or the person's, must not lend to another one.
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PARAMIKO_PATCHED_WHEELHOUSE")


class Environment:
    """
    A virtual environment of its own, with nothing in it.

    It is served by the pip that runs the tests: to install another one takes longer than all else.
    Another Python has a pip of its own, which is known to work with it.

    :param Path folder: where it goes; one that is there already is taken as it is
    :param python: interpreter it is made with
    """

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        self.folder = folder
        is_ours = python == sys.executable
        if not folder.exists():
            words = ["-m", "venv", *["--without-pip"] * is_ours, str(folder)]
            _run([python, *words], limit_s=INSTALL_LIMIT_S, check=True)
        #: What pip is called by.
        self.pip_command = [self.python, "-m", "pip", "--disable-pip-version-check"]
        if is_ours:
            self.pip_command[:1] = [sys.executable]
            self.pip_command += ["--python", self.python]

    @property
    def python(self) -> str:
        """
        The path of its interpreter.
        """
        return str(self.folder / "bin" / "python")

    def pip(
        self, *arguments: str, check: bool = True, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """
        Run pip in it, for at most ten minutes.

        :raises AssertionError: it failed, unless ``check`` is false
        """
        command = [*self.pip_command, *arguments]
        return _run(
            command, limit_s=INSTALL_LIMIT_S, check=check, cwd=self.folder, variables=variables
        )

    def run(
        self,
        *arguments: str,
        cwd: Path | None = None,
        check: bool = True,
        limit_s: float = COMMAND_LIMIT_S,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run its interpreter with some arguments and more environment variables.

        :raises AssertionError: it failed, unless ``check`` is false
        """
        return _run(
            [self.python, *arguments],
            limit_s=limit_s,
            check=check,
            # Never the checkout, whose folders would be importable.
            cwd=cwd or self.folder,
            variables=variables,
        )

    def package(self, name: str) -> Path:
        """
        Return the directory of an installed package.
        """
        return next(self.folder.glob(f"lib/python3.*/site-packages/{name}"))


def other_interpreter() -> str:
    """
    Return another supported Python of this machine, or else this one.

    pyenv keeps its versions outside PATH, so they are looked for there as well.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    # The ends of the range first: they differ most.
    ends_first = (SUPPORTED[0], SUPPORTED[-1], *SUPPORTED[1:-1])
    for candidate in _candidates(versions, ends_first):
        if _version(candidate) in set(SUPPORTED) - {sys.version_info[:2]}:
            return candidate
    return sys.executable


def interpreter(version: tuple[int, int]) -> str | None:
    """
    Return a Python of one version, from PATH or pyenv, or ``None`` if there is none.
    """
    if version == sys.version_info[:2]:
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for candidate in _candidates(versions, [version]):
        if _version(candidate) == version:
            return candidate
    return None


def _candidates(versions: Path, wanted: Iterable[tuple[int, int]]) -> Iterator[str]:
    for major, minor in wanted:
        yield from map(str, sorted(versions.glob(f"{major}.{minor}.*/bin/python")))
        found = shutil.which(f"python{major}.{minor}")
        if found:
            yield found


def _version(python: str) -> tuple[int, ...]:
    command = [python, "-c", "import sys, venv; print(*sys.version_info[:2])"]
    done = _run(command, limit_s=COMMAND_LIMIT_S, check=False)
    # A shim of pyenv's may stand on PATH for a version that is not switched on.
    return tuple(map(int, done.stdout.split())) if done.returncode == 0 else ()


def _run(
    command: list[str],
    limit_s: float,
    check: bool,
    cwd: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    if check and done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-40:])
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n{told}")
    return done
