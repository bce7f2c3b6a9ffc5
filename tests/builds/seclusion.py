"""
Run a program where it can reach no network and knows no index.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# What would name an index, a cache or a wheelhouse of the machine.
_TOOLS = ("PIP_", "UV_", "TOX_", "VIRTUALENV_", "PARAMIKO_PATCHED_", "PYTHONPATH", "SOURCE_DATE")

BUILD_LIMIT_S = 360


@functools.cache
def cut_off() -> tuple[str, ...]:
    """
    Return what runs a program in a network of its own, or nothing where that is not permitted.
    """
    prefix = ("unshare", "--user", "--map-root-user", "--net", "--")
    if shutil.which(prefix[0]) is None:
        return ()
    done = subprocess.run([*prefix, "true"], capture_output=True, timeout=30, check=False)
    return prefix if done.returncode == 0 else ()


def run(
    command: Sequence[str],
    folder: Path,
    *links: Path,
    check: bool = True,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """
    Run a program without a network, for at most six minutes.

    :param Path folder: where it runs; its caches and temporary files are in there
    :param links: directories that pip and uv may install from, in place of any index
    :param bool check: whether it has to succeed
    """
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_TOOLS)}
    environment = {
        **kept,
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "TMPDIR": str(temporary),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": " ".join(map(str, links)),
        "UV_NO_CONFIG": "1",
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": ",".join(map(str, links)),
        "UV_PYTHON_DOWNLOADS": "never",
        "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
        **(variables or {}),
    }
    done = subprocess.run(
        [*cut_off(), *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if check and done.returncode != 0:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}\n{told}")
    return done
