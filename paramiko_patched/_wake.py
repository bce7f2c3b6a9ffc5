# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
A descriptor by which one thread ends the ``poll`` of another.

Used by ``_proxy_pipes``, whose lock guards it.
"""

from __future__ import annotations

import os


class Wake:
    """
    A descriptor that becomes readable when another thread wants attention.

    Thread-safety: none; the owner's lock guards it, but for `set`.
    """

    __slots__ = ("_writer", "reader")

    def __init__(self) -> None:
        self.reader = self._writer = -1

    def open(self) -> None:
        """
        Make the descriptors, unless they are there.

        :raises OSError: the system gives none; says what for.
        """
        if self.reader >= 0:
            return
        try:
            self._open()
        except OSError as e:
            text = "cannot be waited for, no file descriptor was left: {}"
            raise OSError(e.errno, text.format(e.strerror)) from e

    def _open(self) -> None:
        if hasattr(os, "eventfd"):
            flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
            self.reader = self._writer = os.eventfd(0, flags)
            return
        self.reader, self._writer = os.pipe()
        for descriptor in (self.reader, self._writer):
            os.set_blocking(descriptor, False)

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
        descriptors = {self.reader, self._writer} - {-1}
        self.reader = self._writer = -1
        for descriptor in descriptors:
            os.close(descriptor)
