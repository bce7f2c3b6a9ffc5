"""
The Pythons: which we test on, and whether the one at work is in the range of a line.

The range goes into the wheel's metadata as it is. A build outside it is refused
as well, before anything is fetched, since nobody has tried what it would make.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from vendoring.errors import Finding, StageError
from vendoring.pins import Line

__all__ = ["FORM", "TESTED", "check_python", "is_range"]

#: The Pythons that we test on, oldest first. What else names one is compared with this by
#: `tests/vendoring/test_environments.py`; the classifiers of the wheels are made from it.
TESTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")

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
