"""
Find the proxy commands: relays that share pipes with whoever started them.

A proxy that lost its other end, because the program dropped it or is gone, is told apart from one
in use by who holds the pipes. So is a program that has kept the pipes of a proxy that is gone.
Role: second stage of the doctor; reads only.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import dataclass

import psutil

from paramiko_gate.doctor.census import shorten

#: What relays for an SSH client, as far as the name of a process tells once it is a zombie.
RELAYS = frozenset(
    ["ssh", "nc", "ncat", "netcat", "socat", "connect", "connect-proxy", "corkscrew", "cloudflared"]
)


@dataclass(frozen=True)
class Proxy:
    """
    Describe one proxy command.

    :param int pid: the process
    :param float started: when, in seconds since the epoch
    :param int parent: whose child it is
    :param str command: its command line, or its name where it is a zombie
    :param bool is_zombie: it has ended and nobody has asked for its status
    :param bool is_held: somebody has the other ends of its input and output
    """

    pid: int
    started: float
    parent: int
    command: str
    is_zombie: bool
    is_held: bool

    @property
    def age_s(self) -> float:
        """Return for how many seconds it has been there."""
        return max(0.0, time.time() - self.started)


class Pipes:
    """
    Remember who has which pipe open, in one look at all processes.

    ``ssh`` moves its input and output away from the descriptors 0 and 1, so pipes are told by
    themselves and not by number.
    """

    def __init__(self) -> None:
        self._by_pid: dict[int, set[str]] = {}
        self._holders: dict[str, set[int]] = {}
        self._read: dict[int, set[str]] = {}
        self._written: dict[int, set[str]] = {}
        for process in psutil.process_iter():
            pid = process.pid
            self._read[pid], self._written[pid] = _read_pipes(pid)
            self._by_pid[pid] = self._read[pid] | self._written[pid]
            for pipe in self._by_pid[pid]:
                self._holders.setdefault(pipe, set()).add(pid)

    def shared(self, one: int, other: int) -> int:
        """Return how many pipes two processes have in common."""
        return len(self._by_pid.get(one, set()) & self._by_pid.get(other, set()))

    def is_cut_off(self, pid: int) -> bool:
        """Tell whether a process has pipes, and nobody else has any of them."""
        pipes = self._by_pid.get(pid, set())
        return bool(pipes) and all(self._holders[pipe] == {pid} for pipe in pipes)

    def dead_ends(self, pid: int) -> DeadEnds:
        """Return the pipes of a process whose other end nobody has any more."""
        return DeadEnds(
            self._read.get(pid, set()) - set().union(*self._written.values()),
            self._written.get(pid, set()) - set().union(*self._read.values()),
        )


@dataclass(frozen=True)
class DeadEnds:
    """
    Name pipes of one process whose other end is gone.

    :param set to_read: a read of these returns nothing, at once
    :param set to_write: a write to these fails
    """

    to_read: set[str]
    to_write: set[str]

    def of_dead_proxy(self, later: DeadEnds, proxies: list[Proxy]) -> bool:
        """
        Tell whether a proxy has left them: its output has ended, and its input too, or it lives.

        A program that runs a command and reads its output keeps no input.

        :param DeadEnds later: those of the same process when it was measured
        :param list proxies: what the process still has
        """
        return bool(self.to_read & later.to_read) and bool(
            self.to_write & later.to_write or proxies
        )


def proxies_of(pid: int, pipes: Pipes) -> list[Proxy]:
    """
    Return the proxy commands that a process has started, the dead ones included.

    Zombies count where their name is that of a relay.
    """
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        found = [_read_proxy(child, pid, pipes) for child in psutil.Process(pid).children()]
        return [proxy for proxy in found if proxy is not None]
    return []


def find_orphans(pipes: Pipes) -> list[Proxy]:
    """
    Return each ``ssh -W`` that has outlived its program: nobody holds the other ends of its pipes.
    """
    orphans = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            is_forwarder = process.name() == "ssh" and _forwards(process)
            if is_forwarder and pipes.is_cut_off(process.pid):
                orphans.append(_describe(process, is_held=False))
    return orphans


def _read_proxy(child: psutil.Process, parent: int, pipes: Pipes) -> Proxy | None:
    try:
        if child.status() == psutil.STATUS_ZOMBIE:
            return _describe(child, is_held=True) if child.name() in RELAYS else None
        shared = pipes.shared(child.pid, parent)
        if _is_relay(child):
            if shared >= 2:
                return _describe(child, is_held=True)
            # Of a script in front of a relay nothing tells what it was, once its pipes are gone.
            return _describe(child, is_held=False) if pipes.is_cut_off(child.pid) else None
        if shared >= 3 and any(_is_relay(below) for below in child.children(recursive=True)):
            return _describe(child, is_held=True)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return None


def _is_relay(process: psutil.Process) -> bool:
    """
    Tell whether a process relays: an ``ssh`` may just as well run a command.
    """
    name = process.name()
    if name != "ssh":
        return name in RELAYS
    return _forwards(process) or not RELAYS.isdisjoint(" ".join(process.cmdline()[1:]).split())


def _forwards(ssh: psutil.Process) -> bool:
    return any(word.startswith("-W") for word in ssh.cmdline())


def _describe(process: psutil.Process, is_held: bool) -> Proxy:
    is_zombie = process.status() == psutil.STATUS_ZOMBIE
    command = process.name() if is_zombie else shorten(process.cmdline())
    started = process.create_time()
    return Proxy(process.pid, started, process.ppid(), command, is_zombie, is_held)


def _read_pipes(pid: int) -> tuple[set[str], set[str]]:
    """
    Return the pipes that a process can read, and those that it can write.

    None where that may not be seen.
    """
    read: set[str] = set()
    written: set[str] = set()
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                path = f"/proc/{pid}/fd/{number}"
                name = os.readlink(path)
                if name.startswith("pipe:"):
                    # Of the link itself: it says how the pipe was opened.
                    mode = os.lstat(path).st_mode
                    if mode & stat.S_IRUSR:
                        read.add(name)
                    if mode & stat.S_IWUSR:
                        written.add(name)
    return read, written
