"""
The Pythons of a line: read its range, and hold the one at work against it.

The range goes into the wheel's metadata as it is. A build outside it is refused
as well, before anything is fetched, since nobody has tried what it would make.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from vendoring.errors import Finding, StageError
from vendoring.pins import Line

__all__ = ["FORM", "check_python", "is_range"]

FORM = 'bounds like ">=3.9" or ">=3.9,<3.14"'

_BOUND = re.compile(r"(>=|<)([0-9]+)\.([0-9]+)")


def is_range(text: str) -> bool:
    """
    Say whether a text is bounds with commas between them, which `FORM` shows.
    """
    return all(_BOUND.fullmatch(bound) for bound in text.split(","))


def check_python(line: Line, running: Sequence[int] = sys.version_info[:2]) -> None:
    """
    Return if a line may be built on a Python.

    :param running: its version, of which two numbers count
    :raises StageError: it is outside the line's range
    """
    version = (running[0], running[1])
    for bound in line.python.split(","):
        match = _BOUND.fullmatch(bound)
        assert match, "`pinfile` lets nothing else through"
        limit = (int(match[2]), int(match[3]))
        if (version >= limit) != (match[1] == ">="):
            raise StageError(
                Finding(
                    f"paramiko {line.version} is not built on this Python",
                    wanted=line.python,
                    got=".".join(map(str, version)),
                    hint="run the build with another interpreter; the wheel is the same for all",
                )
            )
