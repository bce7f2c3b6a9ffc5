# This module is part of paramiko-patched and takes the place of the module of
# the same name in paramiko.  It is distributed under the same licence, the GNU
# Lesser General Public License, version 2.1 or (at your option) any later one.

"""
A descriptor that is readable or not, as the program wants it.

``Channel.fileno`` gives such a descriptor to ``select`` and the like.  It is
set while one of the two streams of the channel has something to read: each
stream has an `OrPipe`, and both of them share one pipe.

The transport thread, the readers of both streams and whoever closes the
channel change a pipe at the same time.  One of them does so at a time, so that
a descriptor which `close` has given up is never written to, and the one stream
does not clear what the other has set.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


class _Pipe:
    """
    What a `PosixPipe` and a `WindowsPipe` have in common.

    Thread-safety: any thread may call any method, also from a destructor that
    the garbage collector runs in the middle of another call.  None blocks.
    """

    def __init__(self) -> None:
        # Reentrant, for destructors.
        self._lock = threading.RLock()
        self._set = False
        self._forever = False
        self._closed = False

    def set(self) -> None:
        """
        Make the descriptor readable.
        """
        with self._lock:
            if not (self._set or self._closed):
                self._set = True
                self._put()

    def clear(self) -> None:
        """
        Make it not readable, unless `set_forever` was called.
        """
        with self._lock:
            if self._set and not (self._forever or self._closed):
                self._take()
                self._set = False

    def set_forever(self) -> None:
        """
        Make it readable for as long as it exists.
        """
        with self._lock:
            self._forever = True
            self.set()

    def close(self) -> None:
        """
        Give up the descriptor.
        """
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def _put(self) -> None:
        raise NotImplementedError

    def _take(self) -> None:
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError


class PosixPipe(_Pipe):
    """
    A pipe of the system's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rfd, self._wfd = os.pipe()

    def fileno(self) -> int:
        """
        Return the descriptor.
        """
        return self._rfd

    def _put(self) -> None:
        os.write(self._wfd, b"*")

    def _take(self) -> None:
        os.read(self._rfd, 1)

    def _release(self) -> None:
        os.close(self._rfd)
        os.close(self._wfd)


class WindowsPipe(_Pipe):
    """
    A pair of sockets, since ``select`` takes nothing else on Windows.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rsock, self._wsock = socket.socketpair()

    def fileno(self) -> int:
        """
        Return the descriptor.
        """
        return self._rsock.fileno()

    def _put(self) -> None:
        self._wsock.send(b"*")

    def _take(self) -> None:
        self._rsock.recv(1)

    def _release(self) -> None:
        self._rsock.close()
        self._wsock.close()


class OrPipe:
    """
    One of two parties that set a pipe: it is set while either wants it.

    `make_or_pipe` makes both.
    """

    _partner: OrPipe

    def __init__(self, pipe: PosixPipe | WindowsPipe) -> None:
        self._set = False
        self._pipe = pipe

    def set(self) -> None:
        """
        Set the pipe.
        """
        with self._pipe._lock:
            self._set = True
            self._pipe.set()

    def clear(self) -> None:
        """
        Clear the pipe, unless the other party wants it to be set.
        """
        with self._pipe._lock:
            self._set = False
            if not self._partner._set:
                self._pipe.clear()


def make_or_pipe(
    pipe: PosixPipe | WindowsPipe,
) -> tuple[OrPipe, OrPipe]:
    """
    Return two parties that set this pipe.
    """
    first, second = OrPipe(pipe), OrPipe(pipe)
    first._partner, second._partner = second, first
    return first, second


def make_pipe() -> PosixPipe | WindowsPipe:
    """
    Return a new pipe, of the kind that this system can ``select``.
    """
    if sys.platform.startswith("win"):
        return WindowsPipe()
    return PosixPipe()
