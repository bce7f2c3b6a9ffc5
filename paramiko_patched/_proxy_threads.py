# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The threads that make the calls on a proxy's pipes which block: one for a pipe.

Used by ``_proxy_pipes_threaded`` alone, which says what they promise.
"""

from __future__ import annotations

import _thread
import errno
import os
import threading
import time
from typing import Any

from paramiko._proxy_pipes import (
    STDERR_REST_S,
    STDERR_TAIL,
    PipeError,
    _close,
)

#: How much unread output is held, in bytes.
READ_AHEAD = 32 * 1024

#: How much is taken from a sender at a time, in bytes.
WRITE_AHEAD = 32 * 1024

#: One read of stderr, in bytes: all that a pipe holds.
STDERR_READ = 64 * 1024

#: How long, in seconds, the main thread waits before it looks for Ctrl-C.
INTERRUPT_S = 0.5


class Waiters:
    """
    Those who wait for something to change.

    Neither waking nor waiting needs a lock: a signal handler or the garbage
    collector may wake whoever they have interrupted.
    """

    def __init__(self) -> None:
        self._tickets: set[Any] = set()

    def register(self) -> Any:
        """
        Return a ticket for `wait`; to be taken *before* looking at the state.
        """
        ticket = _thread.allocate_lock()
        ticket.acquire()
        self._tickets.add(ticket)
        return ticket

    def forget(self, ticket: Any) -> None:
        self._tickets.discard(ticket)

    def wait(self, ticket: Any, deadline: float | None) -> None:
        """
        Return once something has changed since the ticket, or at the deadline.

        May also return before.
        """
        seconds = threading.TIMEOUT_MAX
        if deadline is not None:
            seconds = min(seconds, max(0.0, deadline - time.monotonic()))
        if threading.get_ident() == threading.main_thread().ident:
            seconds = min(seconds, INTERRUPT_S)
        ticket.acquire(True, seconds)

    def wake(self) -> None:
        for ticket in list(self._tickets):
            try:
                ticket.release()
            except RuntimeError:
                pass  # somebody else has woken it
            self._tickets.discard(ticket)


class _Worker:
    """
    A pipe, and the thread that makes the blocking calls on it.

    The thread has a reference to this object, and this object has none to who
    uses it.  All methods but `_main` and `_work` are called by other threads.
    """

    def __init__(self, pipe: Any, changed: Waiters) -> None:
        """
        :param pipe: the file object; `None` if there is no such pipe.
        :param changed: who shall know when there is news.
        """
        self.pipe = pipe
        #: Nothing will pass through the pipe any more.
        self.ended = pipe is None
        #: That is because the program has closed the file itself.
        self.taken_away = False
        self._changed = changed
        self._called = Waiters()
        self._finishing = False
        self.after_fork_in_child()

    def after_fork_in_child(self) -> None:
        """
        Forget the thread, which does not exist in a forked child.
        """
        # Reentrant: a signal handler may close what its thread is using.
        self._lock = threading.RLock()
        self._started = False
        self._at_work = False

    def start(self) -> bool:
        """
        Start the thread unless it is there, and say whether it is new.

        :raises PipeError: no thread can be started.
        """
        if self._started or self.ended or self._finishing:
            return False
        with self._lock:
            if self._started or self._finishing:
                return False
            try:
                _thread.start_new_thread(self._main, ())
            except RuntimeError as e:
                raise PipeError from OSError(errno.ENOMEM, str(e))
            self._started = True
            return True

    def finish(self) -> None:
        """
        Close the pipe, or have the thread close it when it leaves it.
        """
        with self._lock:
            self._finishing = True
            if not self.busy():
                _close(self.pipe)
        self._called.wake()

    def busy(self) -> bool:
        """
        Whether the pipe may not be closed by another thread.
        """
        return self._at_work

    def _main(self) -> None:
        with self._lock:
            if self._at_work or (self._finishing and not self.busy()):
                return
            self._at_work = True
        try:
            self._work()
        except (OSError, ValueError) as e:
            # OSError: on Windows some ends of a pipe are errors.
            self.taken_away = isinstance(e, ValueError)
        with self._lock:
            self.ended = True
            self._at_work = False
            if self._finishing:
                _close(self.pipe)
        self._changed.wake()

    def _work(self) -> None:
        """
        Move bytes until the pipe ends or `finish` was called.
        """
        raise NotImplementedError


class Output(_Worker):
    """
    What the proxy writes to its output, read ahead.
    """

    def __init__(self, pipe: Any, changed: Waiters) -> None:
        super().__init__(pipe, changed)
        self._data = bytearray()

    def ready(self) -> bool:
        return bool(self._data) or self.ended

    def take(self, size: int) -> bytes:
        """
        Return what is there, at most ``size`` bytes; ``b""`` if nothing is.
        """
        # No lock: there is one reader, and the thread does nothing but append.
        data = bytes(self._data[:size])
        del self._data[: len(data)]
        if len(self._data) <= READ_AHEAD // 2:
            # Not for every byte: the thread shall read large pieces.
            self._called.wake()
        return data

    def _work(self) -> None:
        while True:
            room = self._wait_for_room()
            if not room:
                return
            data = os.read(self.pipe.fileno(), room)
            if not data or self._finishing:
                return
            self._data += data
            del data  # or it would stay for as long as the next read blocks
            self._changed.wake()

    def _wait_for_room(self) -> int:
        while not self._finishing:
            ticket = self._called.register()
            try:
                room = READ_AHEAD - len(self._data)
                if room > 0:
                    return room
                if not self._finishing:
                    self._called.wait(ticket, None)
            finally:
                self._called.forget(ticket)
        return 0


class Stderr(_Worker):
    """
    The last that the proxy has written to stderr.
    """

    tail = b""

    def _work(self) -> None:
        while not self._finishing:
            words = os.read(self.pipe.fileno(), STDERR_READ)
            if not words:
                return
            self.tail = (self.tail + words)[-STDERR_TAIL:]
            del words  # or they would stay for as long as the next read blocks
            time.sleep(STDERR_REST_S)


class Piece:
    """
    Bytes that were taken from a sender.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.written = False


class Input(_Worker):
    """
    The proxy's input, and at most one piece on its way into it.
    """

    _piece: Piece | None = None

    def offer(self, data: bytes | memoryview) -> Piece | None:
        """
        Take a piece off the beginning of ``data``.

        :returns: `None` if there is no room for it, or never will be.
        :raises PipeError: no thread can be started.
        """
        with self._lock:
            if self._piece is not None or self.ended or self._finishing:
                # Whoever has left it there may have been cut short here.
                self._called.wake()
                return None
            # The thread starts before there is anything for it, and waits: if
            # it cannot start nothing was taken.
            self.start()
            piece = self._piece = Piece(bytes(data[:WRITE_AHEAD]))
        self._called.wake()
        return piece

    def after_fork_in_child(self) -> None:
        super().after_fork_in_child()
        self._piece = None

    def held(self) -> int:
        """
        Return the size of the piece that is on its way.
        """
        piece = self._piece
        return 0 if piece is None or self.ended else len(piece.data)

    def busy(self) -> bool:
        """
        Whether a piece is on its way; there is no room for another then.
        """
        return self._piece is not None and not self.ended

    def _work(self) -> None:
        while True:
            piece = self._wait_for_piece()
            if piece is None:
                return
            left = memoryview(piece.data)
            while left:
                left = left[os.write(self.pipe.fileno(), left) :]
            with self._lock:
                piece.written = True
                self._piece = None
            self._changed.wake()

    def _wait_for_piece(self) -> Piece | None:
        while True:
            ticket = self._called.register()
            try:
                piece = self._piece
                if piece is not None or self._finishing:
                    return piece
                self._called.wait(ticket, None)
            finally:
                self._called.forget(ticket)
