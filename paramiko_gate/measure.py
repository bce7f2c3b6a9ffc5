"""
Measure a process from outside: CPU, wake-ups, and what it holds.

Role: used by the cases on the client under test, and by nothing that runs inside it: a process
that spins would falsify its own clock. Reads the kernel's accounting; changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.01


@dataclass(frozen=True)
class Holdings:
    """
    Count what a process holds.

    :param int children: living descendants
    :param int zombies: descendants that ended and were not reaped
    :param int descriptors: open file descriptors
    :param int threads: all threads of the process
    """

    children: int
    zombies: int
    descriptors: int
    threads: int

    def beyond(self, before: Holdings) -> Holdings:
        """Return what there is more of than before; never less than zero."""
        return Holdings(
            max(0, self.children - before.children),
            max(0, self.zombies - before.zombies),
            max(0, self.descriptors - before.descriptors),
            max(0, self.threads - before.threads),
        )

    @property
    def total(self) -> int:
        """Return the sum; zero means that nothing is left over."""
        return self.children + self.zombies + self.descriptors + self.threads

    def __str__(self) -> str:
        parts = (
            (self.children, "child", "children"),
            (self.zombies, "zombie", "zombies"),
            (self.descriptors, "descriptor", "descriptors"),
            (self.threads, "thread", "threads"),
        )
        said = [f"{count} {one if count == 1 else many}" for count, one, many in parts if count]
        return ", ".join(said) or "nothing"


def count_holdings(pid: int) -> Holdings:
    """Return what process ``pid`` holds now."""
    process = psutil.Process(pid)
    zombies = 0
    descendants = process.children(recursive=True)
    for descendant in descendants:
        try:
            zombies += descendant.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            pass
    return Holdings(
        children=len(descendants) - zombies,
        zombies=zombies,
        descriptors=process.num_fds(),
        threads=process.num_threads(),
    )


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll until ``condition`` holds; tell whether it did within ``timeout_s`` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def wait_until_released(pid: int, before: Holdings, timeout_s: float) -> Holdings:
    """
    Wait until a process holds no more than before.

    :param float timeout_s: seconds, >= 0
    :returns: what it still held beyond that when time was up
    """
    wait_for(lambda: count_holdings(pid).beyond(before).total == 0, timeout_s)
    return count_holdings(pid).beyond(before)


class Window:
    """
    Measure CPU and wake-ups of one process between two moments.

    ``cpu_fraction``: user and system time of all threads, also of those that ended meanwhile,
    over wall time; 1.0 is one core for the whole window. The kernel counts in steps of 10 ms, so
    a window of 2 s resolves 0.005.

    ``wakeups``: voluntary context switches of the threads that were still there at the end; each
    is one wait that ended. What a thread did before it ended within the window is not in it.
    """

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._cpu_s = self._read_cpu_s()
        self._switches = read_switches(pid)
        self._opened = time.monotonic()
        self.length_s = 0.0
        self.cpu_fraction = 0.0
        self.wakeups = 0

    def close(self, length_s: float) -> None:
        """
        Wait until the window is ``length_s`` seconds long, then read its figures.

        A window that is longer already is closed at once; ``length_s`` says how long it was.
        """
        time.sleep(max(0.0, self._opened + length_s - time.monotonic()))
        self.length_s = time.monotonic() - self._opened
        self.cpu_fraction = (self._read_cpu_s() - self._cpu_s) / self.length_s
        now = read_switches(self._process.pid)
        self.wakeups = sum(count - self._switches.get(tid, 0) for tid, count in now.items())

    def _read_cpu_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


def read_switches(pid: int) -> dict[int, int]:
    """
    Return voluntary context switches by thread.

    :returns: empty on a system that has no /proc
    """
    switches = {}
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        try:
            text = status.read_text("ascii", errors="replace")
        except OSError:
            continue  # the thread ended while we looked
        for line in text.splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                switches[int(status.parent.name)] = int(line.split()[1])
    return switches


def wait_until_asleep(pid: int, thread: int, timeout_s: float) -> bool:
    """
    Tell whether a thread has come to rest, which for a caller means that it is blocked.

    At rest: asleep at two looks with no wake-up in between. Blocks at most ``timeout_s`` seconds.
    """
    seen = -1

    def at_rest() -> bool:
        nonlocal seen
        try:
            stat = Path(f"/proc/{pid}/task/{thread}/stat").read_text("ascii", errors="replace")
        except OSError:
            return False
        before, seen = seen, read_switches(pid).get(thread, -1)
        return stat.rpartition(")")[2].split()[0] == "S" and seen == before

    return wait_for(at_rest, timeout_s)
