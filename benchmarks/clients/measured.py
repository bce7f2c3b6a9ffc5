"""
What all measured clients share: one order is read, one work done, and its cost is answered.

Imported by the ``with_*.py`` beside it, each of which does the same works with one library. A work
takes the order and a `Meter`, logs in, runs what counts under the meter, and returns how much it
did, in bytes or times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
CHUNK_BYTES = 65536

Order = dict[str, Any]
Usage = tuple[float, int]


def own_usage() -> Usage:
    """
    Return CPU seconds and voluntary context switches of all threads of this process.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.process_time(), used.ru_nvcsw


class Meter:
    """
    Measure a block: wall time, CPU, voluntary context switches, and calls of Python functions.

    ``usage`` is asked for CPU and switches; a client whose child works puts in another one.
    """

    def __init__(self) -> None:
        self.usage: Callable[[], Usage] = own_usage
        self.figures: dict[str, float] = {}
        self._calls = itertools.count()
        self._counts_calls = False

    def count_calls(self) -> None:
        """
        Count calls in all threads that are started from now on; that slows everything down.
        """
        self._counts_calls = True
        threading.setprofile(self._count)
        sys.setprofile(self._count)

    def __enter__(self) -> Meter:
        self._calls_before = next(self._calls)
        self._before = self.usage()
        self._started = time.monotonic()
        return self

    def __exit__(self, *unused: object) -> None:
        seconds = time.monotonic() - self._started
        cpu_s, switches = self.usage()
        self.figures = {
            "seconds": seconds,
            "cpu_s": cpu_s - self._before[0],
            "switches": switches - self._before[1],
        }
        if self._counts_calls:
            self.figures["calls"] = next(self._calls) - self._calls_before

    def _count(self, frame: object, event: str, argument: object) -> None:
        if event == "call":
            next(self._calls)


def names_of(order: Order) -> list[str]:
    """
    Return the names of the small files, which both sides know.
    """
    return [str(number) for number in range(order["files"])]


def echo_limit(order: Order) -> Callable[[int], bool]:
    """
    Return what tells, for a number of round trips, whether there is one more.
    """
    deadline = time.monotonic() + order["echo_limit_s"]
    return lambda done: done < order["times"] and time.monotonic() < deadline


Work = Callable[[Order, Meter], Any]


def main(works: Sequence[Work], import_library: Callable[[], None]) -> None:
    """
    Import the library, do the one work that is asked for, answer, and stay until the input ends.

    :param works: each by its name, with hyphens
    """
    known = {work.__name__.replace("_", "-"): work for work in works}
    # Python puts the script's own directory first; a neighbour must not pass for the library.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    import_library()
    print(json.dumps({"pid": os.getpid()}), flush=True)
    order = json.loads(sys.stdin.readline())
    meter = Meter()
    if order.get("profile"):
        meter.count_calls()
    done = known[order["work"]](order, meter)
    if isinstance(done, Awaitable):
        done = asyncio.run(_result(done))
    print(json.dumps({**meter.figures, "amount": done}), flush=True)
    # Who gave the order ends this process, with the proxies that are its children still.
    sys.stdin.read()
    # Not a normal exit: threads of a library that hangs would keep the process for ever.
    os._exit(0)


async def _result(done: Awaitable[Any]) -> Any:
    return await done
