"""
Signal handlers that raise, at a moment that a test chooses. Imports no paramiko of any name.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any


class CutIn(Exception):
    """
    Raised by a signal handler, such as that of a time limit.
    """


def run_until(modules: list[ModuleType], cut: int, work: Callable[[], object]) -> bool:
    """
    Raise `CutIn` as soon as the modules' `cut`-th call of a built-in function has returned.

    That is where the interpreter lets the handlers of signals run.

    :returns: whether it has come to that
    """
    files = {module.__file__ for module in modules}
    calls = itertools.count(1)

    def interrupt(frame: FrameType, event: str, _: Any) -> None:
        inside = event == "c_return" and frame.f_code.co_filename in files
        if inside and next(calls) == cut:
            raise CutIn

    sys.setprofile(interrupt)
    try:
        work()
    except CutIn:
        return True
    finally:
        sys.setprofile(None)
    return False
