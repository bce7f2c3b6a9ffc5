"""
Snapshots of what a test may leave behind: processes, descriptors and threads.

A snapshot before a test and one after it must be the same. Zombies count, because they are still
children; so do orphans, which carry the test's mark in their environment; so do threads that
`threading` has never heard of. Looks at the process from outside the library under test: it
imports no paramiko of any name. Called by the fixture ``leak_check``.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

#: Environment variable that every process started during a test inherits.
MARK = "PROXY_TEST_MARK"


@dataclass(frozen=True)
class Process:
    """
    One process, told apart from a later one with the same number by its start.
    """

    pid: int
    started_s: float
    # A process that is seen between fork and exec has its parent's words for a moment.
    text: str = field(compare=False)


@dataclass(frozen=True)
class Snapshot:
    """
    What this process holds at one moment; the parts compare as sets.

    :param frozenset processes: direct children, and whatever carries the mark
    :param frozenset descriptors: pairs of number and target, ``(5, "pipe:[12345]")``
    :param frozenset threads: pairs of native thread number and name
    """

    processes: frozenset[Process]
    descriptors: frozenset[tuple[int, str]]
    threads: frozenset[tuple[int, str]]

    def added_since(self, before: Snapshot) -> Snapshot:
        """
        Return what is here now and was not there before.
        """
        return Snapshot(
            self.processes - before.processes,
            self.descriptors - before.descriptors,
            self.threads - before.threads,
        )

    def __bool__(self) -> bool:
        return bool(self.processes or self.descriptors or self.threads)

    def __str__(self) -> str:
        lines = [f"process {process.pid}: {process.text}" for process in self.processes]
        lines += [f"descriptor {number}: {target}" for number, target in self.descriptors]
        lines += [f"thread {number}: {name}" for number, name in self.threads]
        return "\n".join(sorted(lines))


#: What an earlier test has leaked and been told of. Its late end is not the next test's doing.
_told: set[tuple[int, str]] = set()


def snapshot(mark: str) -> Snapshot:
    """
    Return what this process holds now; a few milliseconds, blocks on nothing.

    :param str mark: value of `MARK` that tells this test's processes from all others; empty when
        none of them can be there yet
    """
    return Snapshot(
        frozenset(own_processes(mark)),
        frozenset(_descriptors()),
        frozenset(_threads()),
    )


def difference(before: Snapshot, mark: str) -> str:
    """
    Return what a test left behind or took away, one line each; empty when nothing.

    Garbage is collected first: an object that only waits for the collector is no leak.
    """
    gc.collect()
    now = snapshot(mark)
    added = now.added_since(before)
    parts = [f"left behind:\n{added}"] if added else []
    # A descriptor that was here before and is closed now belonged to somebody else. Processes and
    # threads of others may end when they like.
    lost = before.descriptors - now.descriptors - _told
    if lost:
        closed = "\n".join(f"descriptor {number}: {target}" for number, target in sorted(lost))
        parts.append(f"closed, but not this test's:\n{closed}")
    return "\n".join(parts)


def end_leaked(before: Snapshot, mark: str) -> None:
    """
    Kill and reap what a failed test left behind, so that the next test can start.

    Its descriptors stay: their numbers belong to objects that will close them one day.
    """
    leaked = snapshot(mark).added_since(before)
    _told.update(leaked.descriptors)
    for process in leaked.processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process.pid, 0)


def own_processes(mark: str) -> Iterator[Process]:
    """
    Yield every direct child, and every process that inherited the mark, whoever its parent is.

    A zombie has no environment any more; ours are found as children, others are not ours.
    """
    wanted = f"{MARK}={mark}".encode()
    own = str(os.getpid()).encode()
    # All tests ask for this, twice: hence one walk, and without psutil.
    for name in os.listdir("/proc"):
        if name.isdigit() and name.encode() != own:
            with contextlib.suppress(OSError, psutil.Error):
                parent = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()[1]
                if parent == own or (
                    mark and wanted in _read(f"/proc/{name}/environ").split(b"\0")
                ):
                    yield _describe(psutil.Process(int(name)))


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _describe(process: psutil.Process) -> Process:
    if process.status() == psutil.STATUS_ZOMBIE:
        return Process(process.pid, process.create_time(), f"{process.name()} (zombie)")
    return Process(process.pid, process.create_time(), " ".join(process.cmdline()))


def _descriptors() -> Iterator[tuple[int, str]]:
    for name in os.listdir("/proc/self/fd"):
        # The descriptor that lists the folder is itself in the list and gone by now.
        with contextlib.suppress(FileNotFoundError):
            yield int(name), os.readlink(f"/proc/self/fd/{name}")


def _threads() -> Iterator[tuple[int, str]]:
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    for task in os.listdir("/proc/self/task"):
        yield int(task), names.get(int(task), "unknown to threading")
