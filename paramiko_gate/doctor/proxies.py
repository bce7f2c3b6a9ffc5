"""
Find the proxy commands: relays that share pipes with whoever started them.

A proxy that lost its other end, because the program dropped it or is gone, is told apart from one
in use by who holds the pipes. Role: second stage of the doctor; reads only.
"""

from __future__ import annotations

import contextlib
import os
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
        self._by_pid = {process.pid: _read_pipes(process.pid) for process in psutil.process_iter()}
        self._holders: dict[str, set[int]] = {}
        for pid, pipes in self._by_pid.items():
            for pipe in pipes:
                self._holders.setdefault(pipe, set()).add(pid)

    def shared(self, one: int, other: int) -> int:
        """Return how many pipes two processes have in common."""
        return len(self._by_pid.get(one, set()) & self._by_pid.get(other, set()))

    def is_cut_off(self, pid: int) -> bool:
        """Tell whether a process has pipes, and nobody else has any of them."""
        pipes = self._by_pid.get(pid, set())
        return bool(pipes) and all(self._holders[pipe] == {pid} for pipe in pipes)


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
            is_relay = process.name() == "ssh" and any(
                word.startswith("-W") for word in process.cmdline()
            )
            if is_relay and pipes.is_cut_off(process.pid):
                orphans.append(_describe(process, is_held=False))
    return orphans


def _read_proxy(child: psutil.Process, parent: int, pipes: Pipes) -> Proxy | None:
    try:
        is_relay = child.name() in RELAYS
        if child.status() == psutil.STATUS_ZOMBIE:
            return _describe(child, is_held=True) if is_relay else None
        shared = pipes.shared(child.pid, parent)
        if shared >= 3 or (is_relay and shared >= 2):
            return _describe(child, is_held=True)
        # Of a script in front of a relay nothing tells what it was, once its pipes are gone.
        return _describe(child, False) if is_relay and pipes.is_cut_off(child.pid) else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _describe(process: psutil.Process, is_held: bool) -> Proxy:
    is_zombie = process.status() == psutil.STATUS_ZOMBIE
    command = process.name() if is_zombie else shorten(process.cmdline())
    started = process.create_time()
    return Proxy(process.pid, started, process.ppid(), command, is_zombie, is_held)


def _read_pipes(pid: int) -> set[str]:
    """Return the pipes that a process has open; none where that may not be read."""
    pipes: set[str] = set()
    with contextlib.suppress(OSError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/{pid}/fd/{number}")
                if name.startswith("pipe:"):
                    pipes.add(name)
    return pipes
