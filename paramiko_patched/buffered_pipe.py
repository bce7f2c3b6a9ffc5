# This module is part of paramiko-patched and takes the place of the module of
# the same name in paramiko.  It is distributed under the same licence, the GNU
# Lesser General Public License, version 2.1 or (at your option) any later one.

"""
What has arrived on a stream of a channel and has not been read yet.

The data is kept in the pieces in which it came, so that a reader who asks for
as much as a piece holds gets that piece and no copy.  Many small pieces are
joined, so that they take no more memory than a few large ones.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from paramiko._connection_end import raise_failure

#: Pieces are joined while they are no longer than this together, in bytes.
JOINED_SIZE = 4096


class PipeTimeout(OSError):
    """
    A `BufferedPipe` had nothing to read until the time limit of the read.
    """


class BufferedPipe:
    """
    Bytes that one thread feeds and others read.

    Thread-safety: any thread may call any method, also from a destructor that
    the garbage collector runs in the middle of another call.
    """

    #: Why the connection ended before the stream did.  Set before the pipe is
    #: closed, so that no reader sees the close without it.
    _failure: Exception | None = None

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        """
        Begin with nothing: also in a forked child, where nobody gives back
        the lock that a thread of the parent had.
        """
        # Reentrant: a destructor may wake who waits here.
        self._lock = threading.RLock()
        self._cv = threading.Condition(self._lock)
        self._event: Any = None
        self._closed = False
        self._pieces: deque[bytes | bytearray] = deque()
        # How much of the first piece has been read.
        self._start = 0
        # How much there is to read.  May be looked at without the lock.
        self._size = 0

    def __len__(self) -> int:
        """
        Return how many bytes there are to read.
        """
        return self._size

    @property
    def _buffer(self) -> bytearray:
        """
        A copy of all that there is to read.
        """
        with self._lock:
            data = bytearray().join(self._pieces)
            del data[: self._start]
            return data

    def set_event(self, event: Any) -> None:
        """
        Have an event set while there is data to read or the pipe is closed.

        :param event: what has ``set`` and ``clear``, or `None` for no event.
        """
        with self._lock:
            self._event = event
            if event is None:
                return
            if self._size or self._closed:
                event.set()
            else:
                event.clear()

    def feed(self, data: bytes | str) -> None:
        """
        Add data, and wake whoever waits for it.  Does not block.

        :param data: any bytes-like object; of a `str`, its UTF-8.
        """
        self.feed_all((data.encode() if isinstance(data, str) else data,))

    def feed_all(self, pieces: Sequence[bytes]) -> None:
        """
        Add the data of several pieces, and wake whoever waits, once.

        Does not block.  A piece that is `bytes` is not copied.
        """
        with self._lock:
            # First: who sees that there is data may also select on it.
            if self._event is not None and any(pieces):
                self._event.set()
            for piece in pieces:
                self._add(piece)
            self._cv.notify_all()

    def read_ready(self) -> bool:
        """
        Return whether there is data, so that `read` would not wait for it.

        ``False`` also at the end of the stream.
        """
        # Locked: who has selected on the event finds the data that set it.
        with self._lock:
            return self._size > 0

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        """
        Return data that has arrived; wait if there is none.

        :param int nbytes: return no more than so many bytes.
        :param float timeout:
            how long to wait, in seconds; 0 to wait not at all, `None` for as
            long as it takes.
        :returns: empty only at the end of the stream.
        :raises PipeTimeout: nothing has arrived in time.
        :raises SSHException:
            the connection has ended, and not the stream; all that had arrived
            has been read before.
        """
        with self._lock:
            if not self._size:
                self._await(timeout)
                if not self._size:
                    raise_failure(self)
                    return b""
            data = self._take(nbytes)
            if not (self._size or self._event is None or self._closed):
                self._event.clear()
            return data

    def empty(self) -> bytes:
        """
        Return all data that has arrived, which may be none.  Does not block.
        """
        with self._lock:
            data = bytes(self._buffer)
            self._pieces.clear()
            self._start = self._size = 0
            if not (self._event is None or self._closed):
                self._event.clear()
            return data

    def close(self) -> None:
        """
        End the stream, and wake all who wait.  What has arrived can be read.
        """
        with self._lock:
            self._closed = True
            if self._event is not None:
                self._event.set()
            self._cv.notify_all()

    def _await(self, timeout: float | None) -> None:
        """
        Wait for data, or for the end of the stream.  The lock is held.
        """
        if timeout is None:
            while not (self._size or self._closed):
                self._cv.wait()
            return
        deadline = time.monotonic() + timeout
        while not (self._size or self._closed):
            left = deadline - time.monotonic()
            if left <= 0:
                raise PipeTimeout()
            self._cv.wait(left)

    def _add(self, data: bytes) -> None:
        """
        Put data behind what there is.  The lock is held.
        """
        pieces = self._pieces
        size = len(data)
        if not pieces or len(pieces[-1]) + size > JOINED_SIZE:
            if not size:
                return
            pieces.append(bytes(data))
        else:
            if type(pieces[-1]) is bytes:
                pieces[-1] = bytearray(pieces[-1])
            pieces[-1] += data
        self._size += size

    def _take(self, nbytes: int) -> bytes:
        """
        Take data from the front, of which there is some.  The lock is held.
        """
        pieces = self._pieces
        left = min(nbytes, self._size)
        if not self._start and len(pieces[0]) == left:
            self._size -= left
            return bytes(pieces.popleft())
        if left < 0:
            left = max(0, self._size + left)  # counted from the end
        self._size -= left
        taken = []
        while left:
            first = pieces[0]
            end = self._start + left
            if end < len(first):
                taken.append(first[self._start : end])
                self._start = end
                break
            taken.append(first[self._start :] if self._start else first)
            left = end - len(first)
            self._start = 0
            pieces.popleft()
        return bytes(taken[0]) if len(taken) == 1 else b"".join(taken)
