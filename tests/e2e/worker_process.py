"""
A program as a process, watched from outside: its proxies, its CPU; and the example's Celery worker.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
from waiting import GONE_S, wait_until

from paramiko_gate.servers.ending import MARK, end_all, marked

START_S = 60.0
END_S = 30.0


class Watched:
    """
    Run a program until it ends or the block is left, and see what it does with its proxies.

    :param list command: what runs
    :param Path folder: where
    :param dict settings: more environment variables
    :param streams: its standard streams, as `subprocess.Popen` takes them
    """

    def __init__(
        self, command: list[str], folder: Path, settings: dict[str, str], **streams: Any
    ) -> None:
        # Also finds a proxy whose process was killed, and that nobody is parent of.
        self._mark = secrets.token_hex(16)
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, **settings, "SSH_AUTH_SOCK": "", MARK: self._mark},
            start_new_session=True,
            **streams,
        )
        self.pid = self._process.pid

    def processes(self) -> list[psutil.Process]:
        """Return the process and those that it started, without their proxies."""
        top = psutil.Process(self.pid)
        found = [top, *top.children(recursive=True)]
        return [process for process in found if not _is_proxy(process)]

    def proxies(self) -> list[psutil.Process]:
        """Return all ``ssh`` of it, the dead ones included."""
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.pid).children(recursive=True)
            return [process for process in found if _is_proxy(process)]
        return []

    def living_proxies(self) -> list[psutil.Process]:
        """Return those that run."""
        return [proxy for proxy in self.proxies() if not _is_zombie(proxy)]

    def zombies(self) -> int:
        """Return how many have ended and were not reaped; none when it has ended itself."""
        return len(self.proxies()) - len(self.living_proxies())

    def left(self) -> tuple[int, int]:
        """Return how many proxies run, also when it has ended itself, and how many are dead."""
        running = [process for process in marked(self._mark) if _is_proxy(process)]
        return len([proxy for proxy in running if not _is_zombie(proxy)]), self.zombies()

    def kill_proxies(self) -> int:
        """Do what the operator does, and return to how many."""
        living = self.living_proxies()
        for proxy in living:
            proxy.kill()
        return len(living)

    def cpu_fractions(self, window_s: float) -> list[float]:
        """
        Return what it, and each process that it started, uses of a core.

        Blocks for ``window_s`` seconds.
        """
        before, started = self.cpu_s(), time.monotonic()
        time.sleep(window_s)
        after, took_s = self.cpu_s(), time.monotonic() - started
        return [(used - before.get(pid, 0.0)) / took_s for pid, used in after.items()]

    def wait_proxies(self, count: int, limit_s: float = GONE_S) -> None:
        """Return when so many run, those without a parent included, and no dead one is kept."""

        def as_wanted() -> bool:
            return self.left() == (count, 0)

        wait_until(as_wanted, limit_s, f"exactly {count} proxies: {self.proxies()}")

    def end(self) -> None:
        """End whatever is left of it, proxies included."""
        self._process.kill()
        self._process.wait()
        end_all(marked(self._mark))

    def cpu_s(self) -> dict[int, float]:
        """Return the CPU seconds until now of it and each process that it started, by pid."""
        used = {}
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[process.pid] = times.user + times.system
        return used


class Worker(Watched):
    """
    Run one worker until it is shut down or the block is left.

    :param list command: of Celery, except for what is the same for all
    :param Path application: the folder with the modules of the example
    :param dict settings: more environment variables
    :param Path log: where it writes to
    """

    def __init__(
        self, command: list[str], application: Path, settings: dict[str, str], log: Path
    ) -> None:
        self.log = log
        command = [*command, "--loglevel", "INFO"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with log.open("wb") as output:
            super().__init__(
                command,
                application,
                settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """
        Return when it takes tasks; blocks for at most `START_S`.

        :raises AssertionError: it ended, or is not ready
        """

        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text("utf-8")[-2000:]
            return " ready." in self.log.read_text("utf-8")

        wait_until(ready, START_S, "a worker that is ready")

    def pool(self) -> list[psutil.Process]:
        """Return the processes that run tasks in a prefork pool."""
        return [
            process for process in psutil.Process(self.pid).children() if not _is_proxy(process)
        ]

    def shut_down(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit status; blocks for at most `END_S`."""
        self._process.send_signal(how)
        return self._process.wait(END_S)

    def shuts_down(self, how: signal.Signals, limit_s: float) -> bool:
        """Tell whether it ends within so many seconds when it is asked to."""
        self._process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(limit_s)
            return True
        return False

    def kill(self) -> None:
        """Kill it and its pool, but not the proxies."""
        end_all(self.processes())
        self._process.wait()


def _is_proxy(process: psutil.Process) -> bool:
    try:
        return bool(process.name() == "ssh")
    except psutil.NoSuchProcess:
        return False


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
