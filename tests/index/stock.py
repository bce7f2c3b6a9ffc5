"""
What the loopback indexes serve as stock, fetched once through the person's own pip.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from vendoring.errors import Finding, PatchedError

PINNED = Path(__file__).with_name("stock.txt")
FETCH_LIMIT_S = 240.0


class FetchError(PatchedError):
    """
    The files could not be had.
    """


def fetch(folder: Path, pinned: Path = PINNED) -> list[Path]:
    """
    Return the pinned wheels for this interpreter, from a folder that is filled if need be.

    Asks pip, with whatever index the person has configured, unless all are in the folder
    already. Blocks for at most twice `FETCH_LIMIT_S`, and as long again behind another worker.

    :raises FetchError: pip does not get them
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Two workers must not fill it at the same time.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _fill(folder, pinned)
    hashes = set(re.findall(r"--hash=sha256:(\w{64})", pinned.read_text(encoding="utf-8")))
    # A file of an earlier pin may still lie there.
    return [wheel for wheel in sorted(folder.glob("*.whl")) if _digest(wheel) in hashes]


def default_folder() -> Path:
    """
    Return the folder in the person's cache, one for each Python.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "paramiko-patched")
    return cache / f"index-{sys.implementation.cache_tag}"


def _fill(folder: Path, pinned: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--only-binary=:all:", "--requirement", str(pinned), "--dest", str(folder)]
    here = _pip([*command, "--no-index", "--find-links", str(folder)], isolated=True)
    if here.returncode != 0:
        done = _pip(command, isolated=False)
        if done.returncode != 0:
            raise FetchError(
                Finding(
                    "pip does not get the files that the loopback index is to serve",
                    wanted=f"the wheels pinned in {pinned}",
                    got="\n".join((done.stdout + done.stderr).splitlines()[-4:]),
                    hint="configure pip's index, or fill the folder elsewhere: " + str(folder),
                )
            )


def _pip(command: list[str], isolated: bool) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if isolated:
        environment = {k: v for k, v in environment.items() if not k.startswith("PIP_")}
        environment["PIP_CONFIG_FILE"] = os.devnull
    return subprocess.run(
        command,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=FETCH_LIMIT_S,
        check=False,
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
