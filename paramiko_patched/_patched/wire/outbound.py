# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The packets on their way out, so that a stuck sender holds no lock.

A packet gets its place in the order under `Outbound.lock`, which takes no
time, and is written later, without the lock, by whoever is there:

Sender
    Becomes the writer if nobody is, and writes until its own packet is out;
    otherwise it waits for its turn, or for its packet to be written by others.
Transport thread, closer, destructor
    Put their packet down and write what the carrier accepts at once.  What is
    left is for the writer that there is, or for the transport thread's next
    look.

A packet may be written by another thread than its sender's.  So each sender
goes by the position of its own packet: once that is written it was sent,
whatever becomes of those behind it.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from typing import Callable

from paramiko.ssh_exception import ProxyCommandFailure

#: Writes a part of some packets and returns how many bytes.
Write = Callable[[bytes], int]

#: How many bytes may pile up before nobody is allowed to leave a packet
#: behind: a peer that asks and never reads an answer must not fill memory.
BACKLOG_LIMIT = 4 * 1024 * 1024

#: How many bytes are written by one call, where packets pile up: what the pipe
#: to a proxy holds once it was full.
JOINED_LIMIT = 256 * 1024

#: How long, in seconds, a packet is held back that can go with the next one.
HOLD_S = 0.05


class Ended(EOFError):
    """
    Nothing will ever be written; callers get a plain `EOFError`.

    A signal handler may raise that as well, but not this.
    """


class Outbound:
    """
    Packets in their order, and at most one thread that writes them.

    Thread-safety: any thread may call any method but `put`, also from a
    destructor or a signal handler that interrupts another call.

    :ivar lock: held by whoever gives packets their places.
    """

    def __init__(self) -> None:
        # Reentrant, for those that interrupt.
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._parts: list[bytes] = []
        #: How many bytes were put, ever: the position of the last packet.
        self.accepted = 0
        #: How many of these were written.
        self.written = 0
        self._writer: int | None = None
        #: How many wait for a turn, or for their packets to be written.
        self._waiting = 0
        self._failure: Exception | None = None
        #: Until when the last packet waits for the next one; 0 if it does not.
        self._held_until = 0.0

    def put(self, *parts: bytes, is_held: bool = False) -> int:
        """
        Give a packet its place in the order.  The lock is held.

        :param parts: of the packet, as they follow each other.
        :param bool is_held:
            it may wait `HOLD_S` for a packet that it can be written with.
        :returns: its position.
        """
        for part in parts:
            self.accepted += len(part)
        if self._failure is None:
            self._parts.extend(parts)
        self._held_until = time.monotonic() + HOLD_S if is_held else 0.0
        return self.accepted

    def end(self, error: Exception) -> None:
        """
        Write nothing from now on, but raise the error.
        """
        with self.lock:
            self._failure = error
            self._parts.clear()
            self._wake()

    def is_empty(self) -> bool:
        """
        Return whether all is written.
        """
        return not self._parts

    def is_over(self, position: int | None) -> bool:
        """
        Return whether all down to there is written, or nothing will be.
        """
        return self._failure is not None or self._is_written(position)

    def held_for(self) -> float:
        """
        Return for how many seconds packets still wait for another one.
        """
        if not self._held_until:
            return 0.0
        return max(0.0, self._held_until - time.monotonic())

    def is_left_behind(self) -> bool:
        """
        Return whether there are packets and nobody who writes them.
        """
        return bool(self._parts) and self._writer is None

    def flush(
        self,
        write: Write,
        try_to_write: Write,
        position: int | None,
        deadline: float = math.inf,
    ) -> None:
        """
        Write packets, or have them written.

        :param write:
            writes a part of them; may block until it can.  After `Ended` or
            `.ProxyCommandFailure` nothing more is written.
        :param try_to_write: the same, but returns 0 where it would block.
        :param int position:
            return when all is written that was put down to here; `None` to
            write what is accepted at once, and leave the rest to others.
        :param float deadline:
            return when the monotonic clock says so, whatever is written; 0 to
            write what is accepted at once.

        :raises: why it will never be written.
        """
        with self.lock:
            backlog = self.accepted - self.written
            if position is None and backlog > BACKLOG_LIMIT:
                position = self.accepted
            is_writer = self._take_turn(position, deadline)
        if is_writer:
            try:
                while position is not None and self.written < position:
                    if self._failure is not None or (
                        deadline != math.inf and time.monotonic() >= deadline
                    ):
                        break
                    self._advance(write)
                # What others have put down, who need not wait for it then.
                while self._parts and self._advance(try_to_write):
                    pass
            finally:
                with self.lock:
                    self._writer = None
                    self._wake()
        failure = self._failure
        if failure is not None and not self._is_written(position):
            raise copy.copy(failure) from failure.__cause__

    def _is_written(self, position: int | None) -> bool:
        return position is not None and self.written >= position

    def _wake(self) -> None:
        """
        Have all look who wait for a turn.  The lock is held.
        """
        if self._waiting:
            self._changed.notify_all()

    def _take_turn(self, position: int | None, deadline: float) -> bool:
        """
        Become the writer, unless that is not needed.  The lock is held.
        """
        me = threading.get_ident()
        while not self.is_over(position):
            if self._writer is None:
                self._writer = me
                return True
            # Whoever interrupts the writer itself must not wait for it.
            if position is None or self._writer == me:
                return False
            seconds = None
            if deadline != math.inf:
                seconds = deadline - time.monotonic()
            self._waiting += 1
            try:
                if not self._changed.wait(seconds):
                    return False
            finally:
                self._waiting -= 1
        return False

    def _join_first(self) -> bytes:
        """
        Return what is written by one call, in one piece.  The lock is held.
        """
        parts = self._parts
        if len(parts) > 1 and len(parts[0]) < JOINED_LIMIT:
            size = count = 0
            for part in parts:
                size += len(part)
                if size > JOINED_LIMIT and count:
                    break
                count += 1
            parts[:count] = [b"".join(parts[:count])]
        return parts[0]

    def _advance(self, write: Write) -> int:
        """
        Write a part of what is first, and return how many bytes.  Only the
        writer calls this.
        """
        with self.lock:
            if not self._parts:
                return 0  # another thread has ended all
            data = self._join_first()
        try:
            count = write(data)
        # Anything else is a signal handler's, and ends nothing.
        except ProxyCommandFailure as e:
            self.end(e.with_traceback(None))
            return 0
        except Ended as e:
            failure = EOFError()
            failure.__cause__ = e.__cause__
            self.end(failure)
            return 0
        with self.lock:
            self.written += count
            # Somebody else's packet may be out, though this writer goes on.
            self._wake()
            if self._failure is None and count:
                if count < len(data):
                    self._parts[0] = data[count:]
                else:
                    del self._parts[0]
        return count
