"""
Measure for a moment what processes do: CPU, and reads that return nothing.

A thread that spins on a dead proxy reads an end of file again and again, tens of thousands of times
a second; a thread that works reads bytes, or does not read. What it reads is not seen from outside;
`proxies` says whether there is a dead proxy to read from. Role: third stage of the doctor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

#: A thread that does more empty reads than this in a second does nothing else.
SPINNING_READS_PER_S = 1_000.0
#: In such reads there is less than one byte in so many calls.
READS_PER_BYTE = 10.0


@dataclass(frozen=True)
class Activity:
    """
    Say what a process did in a while.

    :param float cpu_fraction: 1.0 is one core for the whole time
    :param int spinning_threads: how many did nothing but read nothing
    :param float empty_reads_per_s: of all those threads
    :param int descriptors: open at the end
    :param int threads: at the end; greenlets are none
    """

    cpu_fraction: float
    spinning_threads: int
    empty_reads_per_s: float
    descriptors: int
    threads: int


@dataclass(frozen=True)
class _Reading:
    time_s: float
    cpu_s: float
    #: Read calls and bytes read, by thread.
    reads: dict[int, tuple[int, int]]


def measure(pids: list[int], window_s: float) -> dict[int, Activity]:
    """
    Watch processes for ``window_s`` seconds, all at once; those that end meanwhile are left out.

    Blocks for that long.
    """
    before = {pid: reading for pid in pids if (reading := _read(pid)) is not None}
    if before:
        time.sleep(window_s)
    done = {}
    for pid, first in before.items():
        last = _read(pid)
        if last is None:
            continue
        try:
            process = psutil.Process(pid)
            done[pid] = _compare(first, last, process.num_fds(), process.num_threads())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return done


def _compare(first: _Reading, last: _Reading, descriptors: int, threads: int) -> Activity:
    length_s = last.time_s - first.time_s
    spinning, empty = 0, 0.0
    for thread, (calls, size) in last.reads.items():
        calls_before, size_before = first.reads.get(thread, (calls, size))
        more = calls - calls_before
        if more / length_s > SPINNING_READS_PER_S and (size - size_before) * READS_PER_BYTE < more:
            spinning += 1
            empty += more / length_s
    return Activity((last.cpu_s - first.cpu_s) / length_s, spinning, empty, descriptors, threads)


def _read(pid: int) -> _Reading | None:
    try:
        times = psutil.Process(pid).cpu_times()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    reads = {}
    for counters in Path(f"/proc/{pid}/task").glob("*/io"):
        try:
            said = dict(line.split(": ") for line in counters.read_text("ascii").splitlines())
        except OSError:
            continue  # the thread has ended, or may not be read
        reads[int(counters.parent.name)] = int(said["syscr"]), int(said["rchar"])
    return _Reading(time.monotonic(), times.user + times.system, reads)
