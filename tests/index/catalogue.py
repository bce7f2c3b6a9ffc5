"""
The indexes that the tests ask, and how files get onto them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from building import PINS
from index.servers import PASSWORD, USER
from index.tools import run

from vendoring.pins import KINDS

UPLOAD_LIMIT_S = 60.0

#: The line that everybody is on, and one that is older.
NEWEST, OLDER = LINES = (PINS.newest, "4.0.0")
PATCHED = {line: KINDS["dropin"].version(line, PINS.patch_level) for line in LINES}


@dataclass(frozen=True)
class Catalogue:
    """
    The addresses of the indexes, to be given to a resolver.

    :param stock: stands for the public index
    :param team: private, on devpi, over a mirror of stock: has both drop-ins
    :param alone: private, on pypiserver: has both drop-ins and nothing else
    :param old: private, on devpi: has the older drop-in and nothing else
    :param old_over: the same over the mirror
    :param old_open: the same, and lets the mirror's paramiko through
    """

    stock: str
    team: str
    alone: str
    old: str
    old_over: str
    old_open: str


def upload(
    url: str, wheels: Sequence[Path], check: bool = True, user: str = USER
) -> subprocess.CompletedProcess[str]:
    """
    Upload wheels with twine, for at most `UPLOAD_LIMIT_S`.

    :raises AssertionError: they were refused, unless ``check`` is false
    """
    options = ["--non-interactive", "--disable-progress-bar", "--username", user]
    options += ["--password", PASSWORD, "--repository-url", url]
    words = ["upload", *options, *map(str, wheels)]
    return run("twine", *words, limit_s=UPLOAD_LIMIT_S, check=check)
