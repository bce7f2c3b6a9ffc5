"""
The programs that the tests run, and what to say when one of them is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vendoring.errors import Finding, PatchedError

#: Beside the interpreter that runs the tests, since the environment pins their versions.
FOLDER = Path(sys.executable).parent
PROGRAMS = (
    "devpi",
    "devpi-init",
    "devpi-server",
    "pip",
    "pip-audit",
    "pip-compile",
    "poetry",
    "pypi-server",
    "twine",
    "uv",
    "virtualenv",
)

#: What a person has set for these programs must not decide what a test sees.
FOREIGN = ("DEVPI", "PIP_", "PYPISERVER", "TWINE_", "UV_")


class ToolError(PatchedError):
    """
    A program that the tests run is not installed.
    """


def command_of(program: str, folder: Path = FOLDER) -> str:
    """
    Return the path of a program.

    :raises ToolError: it is not installed
    """
    require([program], folder)
    return str(folder / program)


def require(programs: list[str] | tuple[str, ...] = PROGRAMS, folder: Path = FOLDER) -> None:
    """
    Check that programs are installed.

    :raises ToolError: names all that are missing
    """
    missing = [program for program in programs if not (folder / program).is_file()]
    if missing:
        raise ToolError(
            Finding(
                f"missing: {', '.join(missing)}",
                wanted=f"in {folder}, in the versions of tests/index/tools.txt",
                hint="run `tox -e index`, or `pip install -r tests/index/tools.txt`",
            )
        )


def environment() -> dict[str, str]:
    """
    Return the variables for a program that talks to loopback.
    """
    variables = {name: os.environ[name] for name in os.environ if not name.startswith(FOREIGN)}
    # A proxy that the person needs for the outside does not know our loopback.
    return {**variables, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def run(
    program: str, *arguments: str, limit_s: float, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """
    Run a program, with its standard error among its output.

    :raises ToolError: it is not installed
    :raises AssertionError: it failed, unless ``check`` is false
    """
    done = subprocess.run(
        [command_of(program), *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert not check or done.returncode == 0, f"{program}: {done.stdout}"
    return done
