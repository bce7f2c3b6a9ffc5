"""
Bounded waiting for the tests: poll a condition, run a call that may block, read a proxy dry.

Every test that waits does it through this module, so that nothing waits without a limit and no
test sleeps for a fixed time in the hope that something has happened. Imports no paramiko of any
name. Called by the tests and by `leaks`.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import psutil

#: An answer for which nobody has to wait: a death that is reported, a reader that is woken. The
#: contract says "at once"; a second is what a loaded two-core machine may make of that.
PROMPT_S = 1.0

#: `close()` of a proxy that ends when its input ends. The contract says milliseconds.
QUICK_CLOSE_S = 0.3

#: `close()` of any proxy, however stubborn.
CLOSE_S = 1.0

#: Until the process of a closed, dropped or orphaned proxy is gone, even when it ignores SIGTERM.
GONE_S = 5.0

#: How long a call is watched before a test believes that it blocks.
BLOCKED_S = 0.2


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str) -> None:
    """
    Return as soon as ``condition()`` is true; it is polled with a growing interval.

    :param float timeout_s: seconds, > 0; the longest this blocks
    :param str what: names the condition in the failure
    :raises AssertionError: the condition was still false after ``timeout_s``
    """
    deadline = time.monotonic() + timeout_s
    interval_s = 0.001
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(interval_s)
        interval_s = min(interval_s * 1.5, 0.05)


def is_running(pid: int) -> bool:
    """
    Tell whether a process exists and has not ended; a zombie has ended.
    """
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_ended(pid: int, timeout_s: float = GONE_S) -> None:
    """
    Return when a process has ended, whether or not somebody has reaped it.

    This asks the system and never the `Popen` object, whose ``poll()`` would reap the child and
    so do the library's work for it.
    """
    wait_until(lambda: not is_running(pid), timeout_s, f"the end of process {pid}")


def wait_reaped(pid: int, timeout_s: float = GONE_S) -> None:
    """
    Return when a child of ours is gone from the process table: ended and reaped.
    """
    wait_until(lambda: not psutil.pid_exists(pid), timeout_s, f"process {pid} to be reaped")


class Call:
    """
    A call that runs in a thread of its own, so that a test can watch it block.

    Thread-safety: any thread may ask for the outcome.
    """

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._value: Any = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            self._value = function(*args)
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()

    def blocks(self, watched_s: float = BLOCKED_S) -> bool:
        """
        Tell whether the call has still not returned after ``watched_s`` seconds.
        """
        return not self._done.wait(watched_s)

    def wait(self, timeout_s: float) -> None:
        """
        Return when the call has returned or raised.

        :raises AssertionError: it is still running after ``timeout_s`` seconds
        """
        if not self._done.wait(timeout_s):
            raise AssertionError(f"the call still blocks after {timeout_s:g} s\n{self._place()}")
        self._thread.join(timeout_s)

    def _place(self) -> str:
        frame = sys._current_frames().get(self._thread.ident or 0)
        return "".join(traceback.format_stack(frame)[-5:]) if frame else ""

    def result(self, timeout_s: float = PROMPT_S) -> Any:
        """
        Return what the call returned, or raise what it raised; see `wait`.
        """
        self.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return self._value

    def error(self, timeout_s: float = PROMPT_S) -> BaseException | None:
        """
        Return what the call raised, or ``None``; see `wait`.
        """
        self.wait(timeout_s)
        return self._error


def timed(function: Callable[..., Any], *args: Any, limit_s: float = 20.0) -> float:
    """
    Return how many seconds a call took; what it raises is raised here.

    :raises AssertionError: it is still running after ``limit_s`` seconds
    """
    started = time.monotonic()
    Call(function, *args).result(limit_s)
    return time.monotonic() - started


def read_exactly(proxy: Any, size: int, timeout_s: float = 10.0) -> bytes:
    """
    Return the next ``size`` bytes from a proxy, in as many reads as it takes.

    :raises AssertionError: the proxy gave an empty read, or took longer than ``timeout_s``
    """

    def read() -> bytes:
        received = bytearray()
        while len(received) < size:
            piece = proxy.recv(size - len(received))
            assert piece, f"empty read after {len(received)} of {size} bytes"
            received += piece
        return bytes(received)

    data: bytes = Call(read).result(timeout_s)
    return data


def read_to_failure(proxy: Any, failure: Any, timeout_s: float = 10.0) -> tuple[bytes, Any]:
    """
    Return everything a proxy still delivers and the failure that follows it.

    :param failure: the exception class that reports the proxy's death
    :raises AssertionError: the proxy gave an empty read, or took longer than ``timeout_s``
    """

    def read() -> tuple[bytes, Any]:
        received = bytearray()
        while True:
            try:
                piece = proxy.recv(65536)
            except failure as error:
                return bytes(received), error
            assert piece, f"empty read after {len(received)} bytes"
            received += piece

    result: tuple[bytes, Any] = Call(read).result(timeout_s)
    return result
