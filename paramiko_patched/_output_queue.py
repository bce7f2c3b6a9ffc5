# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The packets on their way out, so that a stuck sender holds no lock.

Upstream writes to the socket while it holds the locks that keep packets in
order.  When the peer takes no more, one stuck sender stops everybody: the
reader who only wants to enlarge a window, the transport thread that has to
answer a request, the closer.  Here a packet is put into its place in the order
under a lock, which takes no time, and is written later, by whoever is there:

Sender
    Becomes the writer if nobody is, and writes until its own packet is out;
    otherwise it waits for its turn, or for its packet to be written by others.
Transport thread, closer, destructor
    Put their packet down and write what the socket accepts at once.  What is
    left is for the writer that there is, or for the transport thread's next
    look.
"""

from __future__ import annotations

import copy
import threading
import weakref
from typing import Callable

from paramiko.ssh_exception import ProxyCommandFailure

#: See `OutputQueue.flush`.
Write = Callable[[bytes, "list[int]"], object]

#: How many bytes may pile up before nobody is allowed to leave a packet
#: behind: a peer that asks and never reads an answer must not fill memory.
BACKLOG_LIMIT = 4 * 1024 * 1024

#: How many bytes are written by one call, where packets pile up: what the pipe
#: to a proxy holds once it was full.
JOINED_LIMIT = 128 * 1024

#: How long, in seconds, it takes to notice a writer that an exception ended at
#: a moment when it could tell nobody.
LOST_TURN_S = 1.0


class Ended(EOFError):
    """
    Nothing will ever be written; callers get a plain `EOFError`.

    A signal handler may raise that as well, but not this.
    """


class Turn:
    """
    Stands for one call that writes, and lives in its frame.

    A signal handler's exception may cut in where no ``finally`` helps; then
    the turn ends with the frame.
    """

    __slots__ = ("__weakref__", "thread")

    thread: int


class OutputQueue:
    """
    Packets in their order, and at most one thread that writes them.

    Thread-safety: any thread may call any method but `put`, also from a
    destructor or a signal handler that interrupts another call.
    """

    def __init__(self) -> None:
        # Reentrant, for those that interrupt.
        self._lock = threading.RLock()
        # Made by the first that waits, and a list instead of a deque: of both
        # every idle connection would pay a kilobyte.
        self._changed: threading.Condition | None = None
        self._packets: list[bytes] = []
        #: How many bytes were put, ever.
        self.accepted = 0
        self._written = 0
        # How much of the first packet is written, until that is settled.
        self._noted: list[int] = []
        self._turn: weakref.ref[Turn] | None = None
        self._waiting = 0  # or more, if an exception cut in
        self._failure: Exception | None = None

    def put(self, packet: bytes) -> None:
        """
        Give a packet its place in the order.  Does not block.

        One thread at a time: whoever calls this holds the lock that keeps
        packets in order.
        """
        size = len(packet)
        try:
            if self._failure is None:
                self._packets.append(packet)
        finally:
            # Afterwards: whoever writes goes by this, and finds the packet
            # there.  And always, should a signal handler raise: otherwise
            # the packets that follow would be thought to be written.
            self.accepted += size

    def end(self, error: Exception) -> None:
        """
        Write nothing from now on, but raise the error.
        """
        self._failure = error
        self._packets.clear()

    def empty(self) -> bool:
        """
        Whether all is written.
        """
        return not self._packets

    def left_behind(self) -> bool:
        """
        Whether there are packets and nobody who writes them.
        """
        return bool(self._packets) and self._writer() is None

    def flush(
        self,
        write: Write,
        try_to_write: Write,
        wait: bool,
    ) -> None:
        """
        Write packets, or have them written.

        :param write:
            writes a part of a packet and adds to the list how many bytes; may
            block until it can.  After `Ended` or `.ProxyCommandFailure`
            nothing more is written.
        :param try_to_write: the same, but adds nothing where it would block.
        :param bool wait: return only when all is written that was put so far.

        :raises: what ``write`` raised, in whichever thread it did.
        """
        turn = Turn()
        turn.thread = threading.get_ident()
        reference = weakref.ref(turn)
        try:
            with self._lock:
                goal = self.accepted
                if goal - self._written > BACKLOG_LIMIT:
                    wait = True
                # Nearly always nobody else sends.
                alone = self._turn is None and self._failure is None
                if alone and self._written < goal:
                    self._turn = reference
                elif not self._take_turn(reference, goal, wait):
                    return
            while wait and self._written < goal:
                self._advance(write)
            # What others put down meanwhile, and need not wait for then.
            goal = self.accepted
            while self._written < goal:
                if not self._advance(try_to_write):
                    break
        finally:
            if self._turn is reference:
                with self._lock:
                    self._turn = None
                    if self._waiting and self._changed is not None:
                        self._changed.notify_all()

    def _take_turn(
        self, reference: weakref.ref[Turn], goal: int, wait: bool
    ) -> bool:
        """
        Become the writer, unless that is not needed.  The lock is held.
        """
        while True:
            if self._failure is not None:
                raise copy.copy(self._failure)
            if self._written >= goal:
                return False
            writer = self._writer()
            if writer is None:
                self._turn = reference
                return True
            # Whoever interrupts the writer itself must not wait for it.
            if not wait or writer.thread == threading.get_ident():
                return False
            del writer
            if self._changed is None:
                self._changed = threading.Condition(self._lock)
            self._waiting += 1
            try:
                # A limit for the case that it ends without a word.
                self._changed.wait(LOST_TURN_S)
            finally:
                self._waiting -= 1

    def _writer(self) -> Turn | None:
        turn = self._turn
        return None if turn is None else turn()

    def _join_first(self) -> bytes:
        """
        Return the first packet, joined with those behind it that are written
        by the same call.  Only the writer calls this.
        """
        count = size = 0
        for packet in self._packets:
            size += len(packet)
            if count and size > JOINED_LIMIT:
                break
            count += 1
        if count > 1:
            # In one step: whatever cuts in finds each byte in one place.
            self._packets[:count] = [b"".join(self._packets[:count])]
        return self._packets[0]

    def _advance(self, write: Write) -> int:
        """
        Write a part of what is first, and return how many bytes.  Only the
        writer calls this.
        """
        if not self._noted:
            packets = self._packets
            packet = packets[0] if len(packets) == 1 else self._join_first()
            try:
                write(packet, self._noted)
            # Anything else is a signal handler's, and ends nothing.
            except ProxyCommandFailure as e:
                self.end(e)
                raise
            except Ended as e:
                self.end(EOFError())
                raise EOFError() from e.__cause__
        # Or a handler has cut in behind the last write.
        return self._settle()

    def _settle(self) -> int:
        """
        Take off what is noted as written.
        """
        packets, noted = self._packets, self._noted
        if not noted:
            return 0
        packet, count = packets[0], noted[0]
        size = len(packet)
        # No call from here on: behind each a signal handler may cut in, and
        # what is written would be written again.
        self._written += count
        if count == size:
            del packets[0]
        else:
            packets[0] = packet[count:]
        del noted[0]
        return count
