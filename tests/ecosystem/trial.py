"""
One dependant in an environment of its own: installed with a paramiko, and its suite run in time.
"""

from __future__ import annotations

import glob
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ecosystem.dependants import Dependant
from environment import Environment
from upstream_suite import Run, read_report

# Of one test of theirs, where the runner can end a single test.
TEST_LIMIT_S = 120
INSTALL_LIMIT_S = 240

#: Stands for the suite's own folder in the id of a test.
HERE = "{suite}"


def find_interpreter(version: str) -> str:
    """
    Return the path of one version's interpreter, from PATH or among pyenv's.

    :raises AssertionError: there is none
    """
    if "{}.{}".format(*sys.version_info) == version:
        return sys.executable
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    candidates = [shutil.which(f"python{version}"), *versions.glob(f"{version}.*/bin/python3")]
    code = "import sys, venv; print('{}.{}'.format(*sys.version_info))"
    for candidate in filter(None, candidates):
        # A shim of pyenv's may stand on PATH for a version that is not switched on.
        done = subprocess.run(
            [str(candidate), "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
        if done.stdout.strip() == version:
            return str(candidate)
    raise AssertionError(f"Python {version} is missing: neither on PATH nor among pyenv's")


def build_wheel(dependant: Dependant, sdist: Path, folder: Path) -> Path:
    """
    Build the dependant once, so that both environments get the same files.

    Blocks for at most four minutes.
    """
    builder = Environment(folder / "builder", find_interpreter(dependant.python))
    wheels = folder / "wheels"
    builder.pip("wheel", "--quiet", "--use-pep517", "--no-deps", "-w", str(wheels), str(sdist))
    return next(wheels.glob("*.whl"))


def install(dependant: Dependant, folder: Path, *wheels: Path) -> Environment:
    """
    Make an environment with a paramiko, the dependant, and what its suite needs.

    One call of pip gets everything, so that it refuses a paramiko that the
    dependant does not accept. Blocks for some minutes at most.
    """
    environment = Environment(folder, find_interpreter(dependant.python))
    install = ("install", "--quiet", "--use-pep517")
    if dependant.old:
        constraints = folder / "old-build.txt"
        constraints.write_text("\n".join(dependant.old_build), encoding="utf-8")
        done = subprocess.run(
            [*environment.pip_command, *install, *dependant.old],
            env={**os.environ, "PIP_CONSTRAINT": str(constraints)},
            capture_output=True,
            text=True,
            timeout=INSTALL_LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    environment.pip(*install, *dependant.requirements, *map(str, wheels))
    environment.pip("check")
    return environment


@dataclass(frozen=True)
class Trial:
    """
    A dependant's suite in one of its environments.

    :param Path folder: holds the copy of the tests and nothing of the packages
    :param variables: what the set-up around it has to tell the suite
    """

    name: str
    dependant: Dependant
    environment: Environment
    folder: Path
    variables: Mapping[str, str]

    def run(self, tests: Collection[str] = ()) -> Run:
        """
        Run the suite, or some of its tests, within its time limit.

        :param tests: ids; none means all
        :raises AssertionError: it did not end in time, or did not run
        """
        name = f"{self.name}-again" if tests else self.name
        report = self.folder.parent / f"{name}.xml"
        ids = sorted(test.replace(HERE, str(self.folder)) for test in tests)
        begin = time.monotonic()
        status, said = run_bounded(
            [self.environment.python, *self._words(report, ids)],
            self.folder,
            self.dependant.limit_s,
            {**_own_environment(self), **self.variables},
        )
        # 1 is said when tests failed.
        if status not in (0, 1) or not report.is_file():
            told = "\n".join(said.splitlines()[-30:])
            raise AssertionError(f"{self.dependant.name}: {name}: no suite: {status}\n{told}")
        read = read_report(report, name)
        return replace(
            read,
            statuses={self._known_as(test): how for test, how in read.statuses.items()},
            said={self._known_as(test): words for test, words in read.said.items()},
            seconds=time.monotonic() - begin,
        )

    def _known_as(self, test: str) -> str:
        # A parameter may be a path into the suite, which has one folder in each environment.
        return test.replace(str(self.folder), HERE)

    def _words(self, report: Path, tests: Sequence[str]) -> list[str]:
        if self.dependant.runner == "nose":
            chosen = sorted({nose_address(test, self.dependant.tests[0]) for test in tests})
            return [
                *("-m", "nose", "--with-xunit", f"--xunit-file={report}"),
                *self.dependant.options,
                *(chosen or self.dependant.tests),
            ]
        return [
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"),
            *(f"--junitxml={report}", f"--timeout={TEST_LIMIT_S}"),
            *self.dependant.options,
            *(tests or self.dependant.tests),
        ]

    def passes_alone(self, tests: Collection[str]) -> dict[str, bool]:
        """
        Say which of some tests pass when they are run without the others.
        """
        if not tests:
            return {}
        passed = self.run(tests).of("passed")
        return {test: test in passed for test in tests}


def nose_address(test: str, folder: str) -> str:
    """
    Return what nose calls a test; one of a generator's is run with its siblings.
    """
    module, *names = test.split("(")[0].split("::")
    return f"{folder}/{module}.py:{'.'.join(names)}"


def _own_environment(trial: Trial) -> dict[str, str]:
    # Nothing of the person's: their agent, their CI's name or their colours decide nothing.
    home, temporary = trial.folder.parent / "home", trial.folder.parent / "tmp"
    for folder in (home, temporary):
        folder.mkdir(exist_ok=True)
    programs = trial.environment.folder / "bin"
    return {
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run_bounded(
    command: list[str], folder: Path, limit_s: float, variables: Mapping[str, str]
) -> tuple[int, str]:
    """
    Run a program for a limited time, then end it with everything it has started.

    :returns: its status and what it said
    :raises AssertionError: it did not end in time
    """
    with (folder.parent / "said.txt").open("w+", encoding="utf-8", errors="replace") as said:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = child.wait(limit_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            # Also after a regular end: workers that are left would serve the next run's ports.
            _kill_group(child.pid)
            child.wait()
        said.seek(0)
        text = said.read()
    if status is None:
        told = "\n".join(text.splitlines()[-30:])
        raise AssertionError(f"no end within {limit_s:g} s: {' '.join(command)}\n{told}")
    return status, text


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def nothing_left(patterns: Sequence[str]) -> Iterator[None]:
    """
    Remove what has come to be at some places while the block ran.
    """

    def found() -> set[str]:
        return {path for pattern in patterns for path in glob.glob(pattern)}

    before = found()
    try:
        yield
    finally:
        for path in found() - before:
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)
