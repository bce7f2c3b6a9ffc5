# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
A descriptor by which one thread ends the ``poll`` of another.

Used by ``_proxy_pipes`` and ``_socket_wait``, whose locks guard it.
"""

from __future__ import annotations

import itertools
import os
from typing import Any


class Wake:
    """
    A descriptor that becomes readable when another thread wants attention.

    Thread-safety: none; the owner's lock guards it, but for `set`.
    """

    __slots__ = ("_made", "_writer", "reader")

    def __init__(self) -> None:
        self.reader = self._writer = -1
        self._made: list[Any] = []

    def open(self) -> None:
        """
        Make the descriptors, unless they are there.
        """
        if self.reader >= 0:
            return
        if not self._made:
            # Made and stored by one call into C: between two calls a signal
            # handler's exception could cut in, and nobody would close them.
            self._made.extend(itertools.starmap(*_maker()))
        made = self._made[0]
        pair = made if isinstance(made, tuple) else (made, made)
        for descriptor in pair:
            os.set_blocking(descriptor, False)
        self._writer, self.reader = pair[1], pair[0]

    def set(self) -> None:
        """
        Make it readable.  Does nothing while nobody has opened it.
        """
        if self.reader < 0:
            return
        try:
            # 8 bytes: what an eventfd takes, and a pipe does not mind.
            os.write(self._writer, (1).to_bytes(8, "little"))
        except BlockingIOError:
            pass  # full: it has been readable for long

    def clear(self) -> None:
        """
        Make it unreadable again.
        """
        try:
            os.read(self.reader, 4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """
        Close the descriptors; may be repeated.
        """
        self.reader = self._writer = -1
        while self._made:
            made = self._made.pop()
            for descriptor in made if isinstance(made, tuple) else (made,):
                os.close(descriptor)


def _maker() -> tuple[Any, list[tuple[int, ...]]]:
    """
    Return a function that makes descriptors, and the one list of arguments.
    """
    if hasattr(os, "eventfd"):
        return os.eventfd, [(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)]
    return os.pipe, [()]
