"""
Stand-ins for a socket, which say exactly how much is taken and given at once.

They have no descriptor, and nothing in them blocks: a packetizer asks them again and again, as it
does with any object that is no socket.
"""

from __future__ import annotations

import errno
import random
import socket
from collections import deque
from collections.abc import Iterable

#: What one call of `Endless.recv` gives at most.
CHUNK_BYTES = 65536


class Carrier:
    """
    What every carrier has.
    """

    closed = False

    def close(self) -> None:
        self.closed = True

    def settimeout(self, seconds: float | None) -> None:
        pass

    def gettimeout(self) -> float | None:
        return 0.1

    def recv(self, size: int) -> bytes:
        raise AssertionError("nothing is read from here")

    def send(self, data: bytes) -> int:
        raise AssertionError("nothing is written here")


class Sink(Carrier):
    """
    Takes what is written; `wire` is all of it.

    :param bool reluctant: takes parts, nothing for a while, or says that it would block
    """

    def __init__(self, reluctant: bool = False) -> None:
        self.wire = bytearray()
        self._reluctant = reluctant

    def send(self, data: bytes) -> int:
        # `len` of a view need not be bytes.
        data = bytes(data)
        if self._reluctant:
            how = random.randrange(8)
            if how == 0:
                raise socket.timeout
            if how == 1:
                raise BlockingIOError(errno.EAGAIN, "would block")
            if how < 6:
                data = data[: random.randint(1, len(data))]
        self.wire += data
        return len(data)


class Pieces(Carrier):
    """
    Gives one piece at a time, then end of file.

    :param bool hesitant: nothing is there for now, between two pieces, every now and then
    :param bool idle: after the last piece nothing is there for now, in place of end of file
    """

    def __init__(self, pieces: Iterable[bytes], hesitant: bool = False, idle: bool = False) -> None:
        self._pieces = deque(piece for piece in pieces if piece)
        self._hesitant = hesitant
        self._idle = idle
        self.given = 0

    def recv(self, size: int) -> bytes:
        if self._hesitant and random.randrange(3) == 0:
            raise socket.timeout
        if not self._pieces:
            if self._idle:
                raise socket.timeout
            return b""
        piece = self._pieces.popleft()
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        self.given += len(piece)
        return piece


class Endless(Pieces):
    """
    Gives some pieces, and then goes on for ever with bytes that mean nothing.

    :param int most: bytes, after which whoever still asks fails
    """

    def __init__(self, pieces: Iterable[bytes], most: int) -> None:
        super().__init__(pieces)
        self._most = most
        self._noise = random.randbytes(CHUNK_BYTES)

    def recv(self, size: int) -> bytes:
        if self._pieces:
            return super().recv(size)
        assert self.given < self._most, f"{self.given} bytes were taken, and more is asked for"
        piece = self._noise[:size]
        self.given += len(piece)
        return piece


def cut(wire: bytes, pieces: int) -> list[bytes]:
    """
    Return a text in about so many parts, whose lengths are left to chance.
    """
    places = sorted({0, len(wire), *(random.randrange(len(wire)) for _ in range(pieces - 1))})
    return [wire[begin:end] for begin, end in zip(places, places[1:])]
