"""
A person's desk: a folder with a virtual environment, and nobody else's configuration.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from index.servers import PASSWORD, USER
from index.tools import FOLDER

COMMAND_LIMIT_S = 120.0

# Everything else of the environment could change what a resolver chooses: PIP_*, UV_*,
# POETRY_*, TWINE_*, proxies, somebody's virtual environment.
KEPT = ("LANG", "LC_ALL", "LC_CTYPE", "TMPDIR")


class Workplace:
    """
    A folder to work in, with a fresh virtual environment in ``.venv``.

    Making one blocks for a second or two.

    :param folder: must not exist
    :param caches: where tools may keep what does not decide anything
    :param installs: whether it has the environment
    """

    def __init__(self, folder: Path, caches: Path, installs: bool = True) -> None:
        self.folder = folder
        self.venv = folder / ".venv"
        home = folder / ".home"
        home.mkdir(parents=True)
        self.variables = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.variables.update(
            HOME=str(home),
            XDG_CACHE_HOME=str(home / "cache"),
            XDG_CONFIG_HOME=str(home / "config"),
            XDG_DATA_HOME=str(home / "data"),
            PATH=os.pathsep.join([str(self.venv / "bin"), str(FOLDER), os.defpath]),
            # Not even the machine's own configuration: it may name other indexes.
            PIP_CONFIG_FILE=os.devnull,
            PIP_DISABLE_PIP_VERSION_CHECK="1",
            PIP_NO_INPUT="1",
            PIP_NO_COMPILE="1",
            XDG_CONFIG_DIRS=str(home / "none"),
            # Keyed by the address of an index, so no test sees what another was served.
            UV_CACHE_DIR=str(caches / "uv"),
            UV_NO_MANAGED_PYTHON="1",
            UV_PYTHON_DOWNLOADS="never",
            POETRY_NO_INTERACTION="1",
            PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
            TWINE_USERNAME=USER,
            TWINE_PASSWORD=PASSWORD,
            NO_COLOR="1",
            COLUMNS="200",
        )
        if installs:
            self.variables["VIRTUAL_ENV"] = str(self.venv)
            # pip is linked from there, so that its byte code is made once and not once a test.
            cache = ["--symlink-app-data", f"--app-data={caches / 'virtualenv'}"]
            self.run("virtualenv", "--quiet", "--no-download", *cache, str(self.venv))
        else:
            # Not for a place that installs: there it would be the environment of the tests.
            self.variables["UV_PYTHON"] = sys.executable

    def run(
        self, *command: str, check: bool = True, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """
        Run a program in the folder, for at most `COMMAND_LIMIT_S`.

        Its standard error is part of its output, as on a terminal.

        :raises AssertionError: it failed, unless ``check`` is false
        """
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.variables, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        if check and done.returncode != 0:
            tail = "\n".join(done.stdout.splitlines()[-40:])
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n{tail}")
        return done

    def write(self, name: str, text: str) -> Path:
        """
        Write a file into the folder and return its path.
        """
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> str:
        """
        Return the text of a file of the folder.
        """
        return (self.folder / name).read_text(encoding="utf-8")

    @property
    def packages(self) -> Path:
        """
        The directory into which the environment's packages are installed.
        """
        return next(self.venv.glob("lib/python3.*/site-packages"))

    def installed(self, name: str = "paramiko") -> str | None:
        """
        Return the version of a distribution that is installed, or nothing.
        """
        for found in metadata.distributions(name=name, path=[str(self.packages)]):
            return found.version
        return None
