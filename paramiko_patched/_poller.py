# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
``poll``, or what does as well where a program has lost it.

eventlet takes ``poll`` away, since it would stop all its threads at once, and
leaves a ``select`` that does not, and that has no limit of descriptors.
"""

from __future__ import annotations

import select
from typing import Any


def make_poller() -> Any:
    """
    Return a new object with the interface of ``select.poll()``.
    """
    return select.poll() if hasattr(select, "poll") else _SelectPoller()


def polls() -> bool:
    """
    Whether there is ``poll``: it lets two threads wait for one descriptor, and
    tells that the other end has hung up before all of it is read.
    """
    return hasattr(select, "poll")


class _SelectPoller:
    """
    Polls by ``select``.

    Thread-safety: one thread uses it.
    """

    def __init__(self) -> None:
        self._events: dict[int, int] = {}

    def register(self, fd: int, event: int) -> None:
        self._events[fd] = event

    def unregister(self, fd: int) -> None:
        del self._events[fd]

    def poll(self, milliseconds: int | None) -> list[tuple[int, int]]:
        wanted = self._events.items()
        ready = select.select(
            [fd for fd, event in wanted if event == select.POLLIN],
            [fd for fd, event in wanted if event == select.POLLOUT],
            [],
            None if milliseconds is None else milliseconds / 1000,
        )
        return [(fd, self._events[fd]) for fd in {*ready[0], *ready[1]}]
