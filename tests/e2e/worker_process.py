"""
A Celery worker of the example as a process, watched from outside: its pool, its proxies, its CPU.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
from waiting import wait_until

START_S = 60.0
END_S = 30.0


class Worker:
    """
    Run one worker until it is shut down or the block is left.

    :param str python: interpreter of an environment with Celery, Fabric and a paramiko
    :param Path application: the folder with ``worker.py``
    :param str pool: ``prefork``, ``threads``, ``solo`` or ``gevent``
    :param int concurrency: how many tasks at the same time, except with ``solo``
    :param dict settings: more environment variables
    :param Path log: where it writes to
    """

    def __init__(
        self,
        python: str,
        application: Path,
        pool: str,
        concurrency: int,
        settings: dict[str, str],
        log: Path,
    ) -> None:
        self.log = log
        command = [python, "-m", "celery", "-A", "worker", "worker", "--pool", pool]
        command += ["--concurrency", str(concurrency), "--loglevel", "INFO"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=application,
                env={**kept, **settings, "SSH_AUTH_SOCK": ""},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid

    def wait_ready(self) -> None:
        """
        Return when it takes tasks; blocks for at most `START_S`.

        :raises AssertionError: it ended, or is not ready
        """

        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text("utf-8")[-2000:]
            return " ready." in self.log.read_text("utf-8")

        wait_until(ready, START_S, "a worker that is ready")

    def processes(self) -> list[psutil.Process]:
        """Return the worker and the processes of its pool, without their proxies."""
        top = psutil.Process(self.pid)
        found = [top, *top.children(recursive=True)]
        return [process for process in found if not _is_proxy(process)]

    def proxies(self) -> list[psutil.Process]:
        """Return all ``ssh`` of the worker, the dead ones included."""
        found = psutil.Process(self.pid).children(recursive=True)
        return [process for process in found if _is_proxy(process)]

    def living_proxies(self) -> list[psutil.Process]:
        """Return those that run."""
        return [proxy for proxy in self.proxies() if not _is_zombie(proxy)]

    def zombies(self) -> int:
        """Return how many have ended and were not reaped."""
        return len(self.proxies()) - len(self.living_proxies())

    def kill_proxies(self) -> int:
        """Do what the operator does, and return to how many."""
        living = self.living_proxies()
        for proxy in living:
            proxy.kill()
        return len(living)

    def cpu_fraction(self, window_s: float) -> float:
        """Return what the worker and its pool use of a core; blocks for ``window_s`` seconds."""
        before, started = self._cpu_s(), time.monotonic()
        time.sleep(window_s)
        return (self._cpu_s() - before) / (time.monotonic() - started)

    def shut_down(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit status; blocks for at most `END_S`."""
        self._process.send_signal(how)
        return self._process.wait(END_S)

    def end(self) -> None:
        """End whatever is left of it, pool and proxies included."""
        left = []
        with contextlib.suppress(psutil.NoSuchProcess):
            left = psutil.Process(self.pid).children(recursive=True)
        for process in (self._process, *left):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait()

    def _cpu_s(self) -> float:
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


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
