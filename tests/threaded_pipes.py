"""
Forces the library onto its path for Windows: pipes through threads, processes without signals.

The switch is `POLLABLE_PIPES`, which is off on Windows. Beside it the modules of that path lose
the names that Windows does not have, so that a use of one of them is an error here as it is there.
What the tests, pytest and the standard library use is left alone. Used by ``--pipes threaded``, for
the library that the tests import and for the programs that they run. Imports no paramiko of any
name.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
from types import ModuleType
from typing import Any

#: Modules that run on Windows, as far as they are ours.
MODULES = (
    "proxy",
    "_connection_end",
    "_proxy_pipes",
    "_proxy_pipes_threaded",
    "_proxy_process",
    "_proxy_threads",
)

#: What the documentation of each module marks as "Unix" only, and a proxy command could want.
MISSING: dict[ModuleType, tuple[str, ...]] = {
    os: (
        "eventfd",
        "fork",
        "getpgid",
        "getsid",
        "killpg",
        "memfd_create",
        "pidfd_open",
        "register_at_fork",
        "set_blocking",
        "setsid",
        "wait",
        "wait3",
        "wait4",
        "waitid",
        "WNOHANG",
    ),
    # It exists there, but not for pipes.
    select: ("devpoll", "epoll", "kqueue", "poll", "select"),
    signal: ("SIGCHLD", "SIGHUP", "SIGKILL", "pidfd_send_signal", "pthread_kill", "setitimer"),
}


class Lacking(ModuleType):
    """
    A module as it is elsewhere: without some of its names.
    """

    def __init__(self, module: ModuleType, missing: tuple[str, ...]) -> None:
        super().__init__(module.__name__)
        self._module = module
        self._missing = missing

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"there is no {self._module.__name__}.{name} on this system")
        return getattr(self._module, name)


def force(target: str) -> None:
    """
    Make every `ProxyCommand` that is started from now on use threads.

    :param str target: import name of the library, which must be a fork with that path
    """
    process: Any = importlib.import_module(f"{target}._proxy_process")
    assert process.POLLABLE_PIPES, "the switch is on already, or nobody looks at it"
    process.POLLABLE_PIPES = False
    for name in MODULES:
        module = importlib.import_module(f"{target}.{name}")
        for real, missing in MISSING.items():
            if vars(module).get(real.__name__) is real:
                setattr(module, real.__name__, Lacking(real, missing))
