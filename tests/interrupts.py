"""
Signal handlers that raise or act, at a moment that a test chooses. Imports no paramiko of any name.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Callable
from pathlib import Path
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


class Intrusion:
    """
    Something that is done before a certain line of a thread runs: a handler may come there, and so
    may another thread.

    The thread must have `trace` as its trace function, which `threading.settrace` gives to threads
    yet to be started. Only lines of the given modules count.
    """

    def __init__(self, modules: list[ModuleType], act: Callable[[], object]) -> None:
        """
        :param act: called once, with no trace function, on top of the frame whose line is next
        """
        self._files = {module.__file__ for module in modules}
        self._act = act
        self._thread: threading.Thread | None = None
        self._line = 0
        #: How many lines the thread has run since `plan`.
        self.lines = 0
        #: Where it came in: file, line and the function's name; empty if it did not.
        self.came_at = ""

    def plan(self, thread: threading.Thread | None, line: int = 0) -> None:
        """
        Come before the thread's `line`-th line from now on, or, for 0, only count them.
        """
        self._thread, self._line, self.lines = thread, line, 0

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        """
        Be the trace function of a thread.
        """
        return self._within if frame.f_code.co_filename in self._files else None

    def _within(self, frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and threading.current_thread() is self._thread:
            self.lines += 1
            if self.lines == self._line:
                code = frame.f_code
                self.came_at = f"{Path(code.co_filename).name}:{frame.f_lineno} ({code.co_name})"
                self._act()
        return self._within


def run_around(
    modules: list[ModuleType], line: int, act: Callable[[], object], work: Callable[[], object]
) -> bool:
    """
    Have something done before the modules' `line`-th line runs, in the midst of `work`.

    :returns: whether it has come to that
    :raises Exception: what `work` raises
    """
    intrusion = Intrusion(modules, act)
    intrusion.plan(threading.current_thread(), line)
    before = sys.gettrace()
    sys.settrace(intrusion.trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return bool(intrusion.came_at)
