"""
The queue of packets that wait to be written, where an exception cuts into it.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType, ModuleType
from typing import Any

import pytest

#: Longer than what is written together, and what is written by one call.
PACKETS = [bytes([letter]) * size for letter, size in zip(b"abcd", (70_000, 70_000, 5, 9))]
WRITTEN_AT_ONCE = 50_000

#: More calls than the queue makes for these.
MOST_CALLS = 200


class CutIn(Exception):
    """
    Raised by a signal handler, such as that of a time limit.
    """


def run_until(module: ModuleType, cut: int, work: Callable[[], None]) -> bool:
    """
    Raise `CutIn` as soon as the module's `cut`-th call of a built-in function has returned.

    That is where the interpreter lets the handlers of signals run.

    :returns: whether it has come to that
    """
    calls = itertools.count(1)

    def interrupt(frame: FrameType, event: str, _: Any) -> None:
        inside = event == "c_return" and frame.f_code.co_filename == module.__file__
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


def test_interrupted_sender_leaves_the_queue_in_order(paramiko: ModuleType) -> None:
    """
    Wherever it is interrupted: what follows is written to the end, and nothing is written twice.
    """
    module = importlib.import_module(paramiko.__name__ + "._output_queue")
    for cut in range(1, MOST_CALLS):
        queue = module.OutputQueue()
        written = bytearray()

        def write(packet: bytes, written: bytearray = written) -> int:
            written.extend(packet[:WRITTEN_AT_ONCE])
            return len(packet[:WRITTEN_AT_ONCE])

        def send(packets: list[bytes], queue: Any = queue, write: Any = write) -> None:
            for packet in packets:
                queue.put(packet)
            queue.flush(write, write, wait=True)

        was_cut = run_until(module, cut, partial(send, PACKETS[:-1]))
        send(PACKETS[-1:])
        assert queue.empty()
        # One that had no place in the queue yet, and those behind it, are not written at all.
        accepted = [packet for packet in PACKETS[:-1] if packet in written]
        assert accepted == PACKETS[: len(accepted)]
        assert bytes(written) == b"".join([*accepted, PACKETS[-1]])
        if not was_cut:
            assert accepted == PACKETS[:-1]
            assert cut > len(PACKETS)
            return
    pytest.fail("the queue makes more calls than are tried")
