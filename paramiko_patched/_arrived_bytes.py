# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What has arrived for a reader who has not come yet.

Upstream keeps it in one array.  Whoever reads a little of a long array moves
all that is left of it, and that for each packet; and the faster packets come
in, the longer it is.
"""

from __future__ import annotations

from typing import Any

#: What comes is added to what came last until that is so long, in bytes: a
#: peer that sends one byte at a time must not make a million objects.
PIECE_SIZE_BYTES = 16 * 1024


class ArrivedBytes:
    """
    Stands in for the array of a ``BufferedPipe``, in what that does with it.

    Taking from the front costs what is taken.  Where something cuts in, such
    as a signal handler's exception, each byte is still in one place.

    Thread-safety: none; the pipe holds its lock.
    """

    __slots__ = ("_pieces", "kept")

    def __init__(self) -> None:
        #: What was dropped since somebody set this to ``b""``, or `None`.
        self.kept: bytes | None = None
        # A list: of most pipes it stays empty, and it is short in the rest.
        self._pieces: list[bytearray] = []

    def __len__(self) -> int:
        # Not counted along: an exception could come between byte and count.
        return sum(map(len, self._pieces))

    def frombytes(self, data: bytes) -> None:
        """
        Add to the end.
        """
        if self._pieces and len(self._pieces[-1]) < PIECE_SIZE_BYTES:
            self._pieces[-1] += data
        elif data:
            self._pieces.append(bytearray(data))

    def __getitem__(self, front: Any) -> memoryview:
        """
        Return what is at the front.  Not to be kept: it is no copy.

        :param slice front: without a start; without a stop for everything.
        """
        size = count = 0
        for piece in self._pieces:
            size += len(piece)
            count += 1
            if front.stop is not None and size >= front.stop:
                break
        if count == 1:
            return memoryview(self._pieces[0])[front]
        return memoryview(b"".join(self._pieces[:count]))[front]

    def __delitem__(self, front: Any) -> None:
        """
        Drop what is at the front.

        :param slice front: as for ``[]``.
        """
        left = len(self) if front.stop is None else front.stop
        kept = self.kept
        if kept is not None:
            self._keep(left, kept)
            return
        while left > 0 and self._pieces:
            piece = self._pieces[0]
            if len(piece) > left:
                del piece[:left]
                return
            left -= len(piece)
            del self._pieces[0]

    def _keep(self, size: int, kept: bytes) -> None:
        """
        Move what is at the front to the end of what is `kept`.
        """
        kept += self[:size].tobytes()
        pieces = list(self._pieces)
        while size > 0 and pieces:
            piece = pieces[0]
            if len(piece) > size:
                pieces[0] = piece[size:]
                break
            size -= len(piece)
            del pieces[0]
        # In one step, as above.
        self._pieces, self.kept = pieces, kept


def arrived_for(channel: Any) -> ArrivedBytes | None:
    """
    Return what has arrived on a channel, if it is kept here.

    :param channel: a `.Channel` or what stands in for one, such as a socket.
    """
    pipe = getattr(channel, "in_buffer", None)
    arrived = getattr(pipe, "_buffer", None)
    return arrived if isinstance(arrived, ArrivedBytes) else None
