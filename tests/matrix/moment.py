"""
What a row of the matrix is, and a call that is seen to block before the fault comes.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matrix.faults import ALL, Fault
from waiting import Call, wait_until

#: The time limit a caller sets where the proxy stalls. More than the time between two drips.
LIMIT_S = 0.5

#: How late that limit may be honoured, on a loaded machine.
LATE_S = 2.0

#: Until a call must have begun to block.
BLOCKS_S = 10.0

#: A stack that does not change for so long belongs to a thread that waits in C.
STILL_S = 0.2


def anything(_: Any) -> bool:
    """Accept whatever a call returned."""
    return True


@dataclass(frozen=True)
class Moment:
    """
    Describe one moment at which a proxy can fail: a row of the matrix.

    :param str name: row of the table, part of test ids
    :param reach: brings the `Scene` there and returns what the call acts on; of a list, each
        element gets a call of its own
    :param call: blocks then, because the proxy holds the answer back; `None` if nobody waits
    :param value: what it returns if the proxy goes on after all; a function is asked
    :param limited: the same call under a limit of `LIMIT_S`; `None` if it cannot be limited
    :param str on_limit: what that raises: ``socket.timeout``, a name in the library, or ``None``
        for a return value of `None`
    :param tuple faults: the columns that have a cell in this row
    :param bool answered: whether something of the server's waits at the proxy by then
    :param bytes partial: what a file-like read has taken when it raises, and what is read later
    :param str refusal: class of what the server's answer raises, if it is no
    :param bool real: also tested with a real ``ssh -W``
    :param str needs_api: what of upstream's API it is about, if not every line has that
    """

    name: str
    reach: Callable[[Any], Any]
    call: Callable[[Any], Any] | None
    value: Any = anything
    limited: Callable[[Any], Any] | None = None
    on_limit: str = "socket.timeout"
    faults: tuple[Fault, ...] = ALL
    answered: bool = True
    partial: bytes = b""
    refusal: str = ""
    real: bool = False
    needs_api: str = ""


def within(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the same call on a channel, or what has one, with the channel's time limit set."""

    def limited(subject: Any) -> Any:
        channel = subject
        for name in ("sftp", "channel", "sock"):
            channel = getattr(channel, name, channel)
        channel.settimeout(LIMIT_S)
        return call(subject)

    return limited


class Watched(Call):
    """
    A call in a thread of its own that knows when it began, blocked and ended.

    Thread-safety: as `Call`.
    """

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.started_s = self.ended_s = 0.0
        super().__init__(self._measure, function, args)

    def _measure(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self.started_s = time.monotonic()
        try:
            return function(*args)
        finally:
            self.ended_s = time.monotonic()

    def wait_blocked(self, or_done: bool = False) -> None:
        """
        Return when the call waits for something.

        :param bool or_done: it may also have reached its time limit already
        :raises AssertionError: it returned or raised, or ran for `BLOCKS_S`
        """
        last: list[Any] = [None, 0.0]

        def waits() -> bool:
            stack = self._stack()
            if stack != last[0]:
                last[:] = stack, time.monotonic()
            # The innermost frame of whoever waits for a lock, an event or a condition.
            in_wait = bool(stack) and stack[0][:2] == (threading.__file__, "wait")
            still = bool(stack) and time.monotonic() - last[1] >= STILL_S
            return self._done.is_set() or in_wait or still

        wait_until(waits, BLOCKS_S, "a call that blocks")
        if self._done.is_set() and not or_done:
            raise AssertionError(f"it does not block: {self.outcome(0)}")

    def _stack(self) -> list[tuple[str, str, int]]:
        stack = []
        # Python 3.11 crashes if the thread returns from a frame while we go from it to the next.
        switched_s = sys.getswitchinterval()
        sys.setswitchinterval(BLOCKS_S)
        try:
            frame = sys._current_frames().get(self._thread.ident or 0)
            while frame is not None:
                stack.append((frame.f_code.co_filename, frame.f_code.co_name, frame.f_lasti))
                frame = frame.f_back
        finally:
            sys.setswitchinterval(switched_s)
        return stack

    def outcome(self, timeout_s: float) -> str:
        """Return what came of it in words: ``no answer``, a value or an exception."""
        try:
            error = self.error(timeout_s)
        except AssertionError:
            return "no answer"
        if error is not None:
            return type(error).__name__
        return f"returns {self.result(0)!r:.40}"
