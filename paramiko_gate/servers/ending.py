"""
End a server together with everything that logged in to it.

Role: called by `openssh` and `embedded` when a site is taken down, also after a failure. Signals
only the process it is given, its descendants, and processes that carry the site's own mark in
their environment.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterable

import psutil

MARK = "PARAMIKO_GATE_SITE"
END_GRACE_S = 2.0


def end_server(server: subprocess.Popen[bytes], mark: str) -> None:
    """
    Kill a server, its sessions, and commands that outlived their session.

    A command without a terminal is not told when its connection is gone; it is adopted by init
    and would run on, so it is found by the mark that the server put into its environment.
    Blocks at most twice `END_GRACE_S`; never raises because something is gone already.

    :param subprocess.Popen server: the listening process
    :param str mark: value of the variable `MARK` that its sessions were given
    """
    family = descendants(server.pid)
    server.kill()
    end_all(family)
    end_all(marked(mark))
    server.wait(timeout=END_GRACE_S)


def descendants(pid: int) -> list[psutil.Process]:
    """Return all living descendants of ``pid``; none when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def marked(mark: str) -> list[psutil.Process]:
    """Return the processes whose environment says that they belong to this site."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone, a zombie, or another user's: none of ours
    return found


def end_all(processes: Iterable[psutil.Process]) -> None:
    """
    Kill each process, then wait at most `END_GRACE_S` until all have ended.

    A zombie has ended: who adopted it may reap it late or, in a container, never.
    """
    left = list(processes)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline_s = time.monotonic() + END_GRACE_S
    while (left := [process for process in left if is_running(process)]) and (
        time.monotonic() < deadline_s
    ):
        time.sleep(0.01)


def is_running(process: psutil.Process) -> bool:
    """Tell whether a process still does anything; neither a zombie nor one that is gone does."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
