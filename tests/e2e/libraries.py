"""
Environments with what examples and programs need, and one paramiko, stock or fork, of one line.
"""

from __future__ import annotations

import fcntl
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from building import PINS, Builder
from checkout import ROOT, filled_wheelhouse
from environment import Environment, interpreter

NEWEST = PINS.newest
#: The line of Fabric 1, which needs a Python that still has collections.Mapping.
OLDEST = "2.12.0"
OLDEST_PYTHON = (3, 9)

#: Fabric 3, and what else the programs of `programs/` use.
PROGRAMS = [
    "fabric==3.2.3",
    "netmiko==4.8.0; python_version >= '3.10'",
    "netmiko==4.6.0; python_version < '3.10'",
    "sshtunnel==0.5.1",
]
FABRIC_1 = ["Fabric3==1.14.post1", "six==1.17.0"]
REQUIREMENTS = Path(__file__).parent / "requirements.txt"


@dataclass
class Libraries:
    """
    Make environments, each when one of the workers of a run first asks for it.

    That takes half a minute; the other workers wait.

    :param Path kept: where they are, or go; those that are there already get the fork anew
    :param Path scratch: for what building wheels needs; new for each run, and all workers have it
    """

    kept: Path
    scratch: Path
    _made: dict[tuple[str, str], str] = field(default_factory=dict)
    _builder: Builder | None = None

    def python(self, library: str, line: str) -> str:
        """
        Return the interpreter of an environment with ``stock`` or ``fork`` of a line.
        """
        if (library, line) not in self._made:
            with (self.scratch / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                environment = self._make(library, line)
            self._made[library, line] = environment.python
        return self._made[library, line]

    def _make(self, library: str, line: str) -> Environment:
        """
        Return an environment, which is made unless another worker of this run has made it.
        """
        folder = self.kept / f"{library}-{line}"
        is_new = not folder.exists()
        environment = Environment(folder, _base(line))
        made = self.scratch / f"{library}-{line}.made"
        if made.exists():
            return environment
        if is_new:
            needs = [*(FABRIC_1 if line == OLDEST else PROGRAMS), f"paramiko==={line}"]
            environment.pip("install", "--quiet", "-r", str(REQUIREMENTS), *needs)
        if library == "fork":
            wheel = str(self._wheel(line))
            environment.pip("install", "--quiet", "--force-reinstall", "--no-deps", wheel)
        # The one can say what it is, and the other cannot.
        done = environment.run("-m", "paramiko._patched", check=False)
        assert (done.returncode == 0) == (library == "fork"), done.stdout + done.stderr
        made.touch()
        return environment

    def _wheel(self, line: str) -> Path:
        wheelhouse = filled_wheelhouse()
        if self._builder is None:
            self._builder = Builder(self.scratch / "builder", wheelhouse)
        settings = ("kind=dropin", f"upstream={line}", f"wheelhouse={wheelhouse}")
        return self._builder.wheel(ROOT, self.scratch / line, *settings)


def _base(line: str) -> str:
    if line != OLDEST:
        return sys.executable
    found = interpreter(OLDEST_PYTHON)
    if found is None:
        pytest.fail("Python 3.9 is missing: Fabric 1 runs on no later one", pytrace=False)
    return found
