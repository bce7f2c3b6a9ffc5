"""
Signal handlers that raise or act, at a moment that a test chooses. Imports no paramiko of any name.
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


def run_around(
    modules: list[ModuleType], line: int, act: Callable[[], object], work: Callable[[], object]
) -> bool:
    """
    Have something done before the modules' `line`-th line runs, in the midst of `work`.

    A handler may come there, and so may another thread.

    :returns: whether it has come to that
    :raises Exception: what `work` raises
    """
    files = {module.__file__ for module in modules}
    lines = itertools.count(1)
    done = False

    def within(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal done
        if event == "line" and not done and next(lines) == line:
            done = True
            act()
        return within

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return within if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        work()
    finally:
        sys.settrace(before)
    return done
