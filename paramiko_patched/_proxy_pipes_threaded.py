# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The three pipes to a proxy where the system cannot wait for a pipe: Windows.

Offers what ``_proxy_pipes`` offers.  Instead of polling, one thread for each
pipe makes the calls that block, and everybody else waits for that thread with
a time limit:

Output and stderr
    are read ahead by a thread each, from the first call on that could want
    them.  Of the output at most `READ_AHEAD` bytes are held; then its thread
    waits until somebody has read, and the proxy meets a full pipe.
Input
    is written by a thread that starts with the first `write`.  It holds one
    piece at a time, of at most `WRITE_AHEAD` bytes.  A piece that it has taken
    counts as accepted: it reaches the proxy before end of input does, or the
    next `write` fails.

A thread that is blocked in a system call cannot be woken.  So it alone closes
its pipe when `close` comes meanwhile: as soon as the call returns, which is
when the proxy, and whoever else holds the other end of the pipe, has ended.
An OpenSSH master connection may hold stderr for hours: until then one sleeping
thread and one descriptor stay behind.  They hold no other object alive, delay
no call, and do not keep the interpreter from exiting.

What is unlike ``_proxy_pipes``, since nobody can ask a pipe how full it is:

- a call with a timeout of 0 may take `LOOK_S` to learn what the thread finds;
- `stderr_tail` gives the thread `STDERR_GRACE_S` to reach the end of stderr;
- `hung_up` cannot see an end of output behind more than `READ_AHEAD` unread
  bytes;
- what a signal handler raises in `write` does not take back the piece that the
  thread has;
- the main thread wakes up each `INTERRUPT_S`, since Windows lets Ctrl-C wait
  for as long as somebody waits for a lock.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any

from paramiko._proxy_pipes import (
    PipeError,
    _deadline,
    _earlier,
    _is_taken_away,
    untaken,
)
from paramiko._proxy_threads import Input, Output, Stderr, Waiters

#: How long, in seconds, a call that may not block waits for a thread to make a
#: system call that does not block either.  It nearly always takes less than 1
#: ms; this much it takes if that call does block, and under load.
LOOK_S = 0.05

#: How long, in seconds, the last words may take from the pipe to us.
STDERR_GRACE_S = 0.1


class ThreadedProxyPipes:
    """
    The pipes of one proxy process, each with a thread of its own.

    Thread-safety: any thread may call any method; one reader at a time.
    """

    def __init__(self, process: Any) -> None:
        """
        :param process:
            a `subprocess.Popen` with pipes for all that is to be used; no
            thread starts before the first byte is to move.
        """
        self._process = process
        self._readers = Waiters()
        self._writers = Waiters()
        self._output = Output(process.stdout, self._readers)
        self._stderr = Stderr(process.stderr, self._readers)
        self._input = Input(process.stdin, self._writers)
        self._reading_ends: float | None = None
        self._read_closed = self._reader_called = False
        #: `close` was called.
        self.closed = False
        #: The proxy takes no more bytes from us: `close` or `close_write`.
        self.write_closed = False
        #: The end of the proxy's output was read.
        self.eof = False
        #: See `ProxyPipes`; here nobody knows before the end is read.
        self.at_end = False

    # moving bytes

    def read(self, size: int, timeout: float | None) -> bytes | None:
        """
        Return 1 to ``size`` bytes of the proxy's output.

        :returns:
            ``b""`` at its end, or when `limit_reading` says that it is enough,
            or the program has closed the file itself; `None` if closed by us.
        :raises socket.timeout: nothing came in ``timeout`` seconds.
        :raises BlockingIOError: nothing is there and ``timeout`` is 0.
        """
        deadline = _deadline(timeout)
        if self._start_reading() and timeout == 0:
            deadline = _deadline(LOOK_S)
        while True:
            ticket = self._readers.register()
            try:
                if self._read_closed:
                    return None
                ends = self._reading_ends
                if ends is not None and time.monotonic() >= ends:
                    return b""
                ended = self._output.ended  # before the last bytes are taken
                data = self._output.take(size)
                if data:
                    return data
                if ended:
                    if self._read_closed:
                        return None
                    self.eof = not self._output.taken_away
                    return b""
                _raise_if_over(deadline, timeout)
                self._readers.wait(ticket, _earlier(deadline, ends))
            finally:
                self._readers.forget(ticket)

    def wait_readable(self, timeout: float | None) -> bool:
        """
        Wait until `read` would return at once, or for `wake_reader`.

        :returns: ``False`` if ``timeout`` seconds are over, ``True`` else.
        """
        deadline = _deadline(timeout)
        self._start_reading()
        while True:
            ticket = self._readers.register()
            try:
                if self._reader_called:
                    # Only now, so that no call gets lost: one that comes
                    # between these two lines is answered by this return.
                    self._reader_called = False
                    return True
                if self._read_closed or self._output.ready():
                    return True
                now = time.monotonic()
                ends = self._reading_ends
                if ends is not None and now >= ends:
                    return True
                if deadline is not None and now >= deadline:
                    return False
                self._readers.wait(ticket, _earlier(deadline, ends))
            finally:
                self._readers.forget(ticket)

    def wake_reader(self) -> None:
        """
        Make a `wait_readable` that is under way, or the next, return at once.
        """
        self._reader_called = True
        self._readers.wake()

    def write(
        self, data: bytes | memoryview, timeout: float | None
    ) -> int | None:
        """
        Write and return how many bytes were accepted, at least one.

        :returns:
            the number of bytes; `None` if closed by us, or by `close_write`.
        :raises socket.timeout: none were accepted in ``timeout`` seconds.
        :raises BlockingIOError: none are accepted now and ``timeout`` is 0.
        :raises PipeError: nobody will ever read it, or no thread can start.
        """
        deadline = _deadline(timeout)
        self._start_draining()
        piece = None
        while True:
            ticket = self._writers.register()
            try:
                if self.closed:
                    return None
                if piece is None:
                    if self.write_closed:
                        return None
                    piece = self._input.offer(data)
                    if piece is not None and timeout == 0:
                        deadline = _deadline(LOOK_S)
                if piece is not None and piece.written:
                    return len(piece.data)
                if self._input.taken_away:
                    return None
                if self._input.ended:
                    if self.write_closed:
                        return None  # the end that our own close has brought
                    raise PipeError from BrokenPipeError(
                        errno.EPIPE, "was closed"
                    )
                if piece is None:
                    _raise_if_over(deadline, timeout)
                elif self.write_closed or _is_over(deadline):
                    # The thread goes on with it, before it gives end of input.
                    return len(piece.data)
                self._writers.wait(ticket, deadline)
            finally:
                self._writers.forget(ticket)

    def stderr_tail(self) -> bytes:
        """
        Return the last 64 KiB that the proxy wrote to stderr until now.

        Blocks for `STDERR_GRACE_S` at the most.
        """
        self._start_draining()
        deadline = time.monotonic() + STDERR_GRACE_S
        while True:
            ticket = self._readers.register()
            try:
                if self.closed or self._stderr.ended or _is_over(deadline):
                    return self._stderr.tail
                self._readers.wait(ticket, deadline)
            finally:
                self._readers.forget(ticket)

    def hung_up(self) -> bool:
        """
        Whether nobody is left who could write to the proxy's output.

        Never blocks.  Bytes that were written before may still be unread.
        """
        try:
            self._start_reading()
        except PipeError:
            pass
        return self.closed or self._output.ended

    def untaken(self) -> int:
        """
        Return how many bytes the proxy has not read yet of what was written.

        Never blocks.  Where the system does not tell, as on Windows, that is
        what has not got into the pipe.
        """
        if self.write_closed:
            return 0
        return self._input.held() + untaken(self._process.stdin, "FIONREAD")

    def fileno(self) -> int:
        """
        Return the descriptor of the proxy's output, or -1 once it is closed.
        """
        if self.closed:
            return -1
        try:
            descriptor: int = self._process.stdout.fileno()
        except ValueError:
            return -1
        return descriptor

    def closed_by_us(self) -> bool:
        """
        Whether the program has closed any of this that data goes through.
        """
        if self._read_closed or self.write_closed:
            return True
        return _is_taken_away(self._process)

    # closing

    def close(self) -> None:
        """
        Wake everybody; each pipe is closed when its thread does not use it.
        """
        self.closed = self._read_closed = self.write_closed = True
        for worker in (self._input, self._output, self._stderr):
            worker.finish()
        self._readers.wake()
        self._writers.wake()

    def close_write(self) -> None:
        """
        Give the proxy end of input, after all that was accepted.
        """
        self.write_closed = True
        self._input.finish()
        self._writers.wake()

    def close_read(self) -> None:
        """
        Make each `read` return `None`; the descriptors stay open.
        """
        self._read_closed = True
        self._readers.wake()

    def limit_reading(self, seconds: float) -> None:
        """
        Make each `read` that would block after so many seconds return ``b""``.
        """
        if self._reading_ends is None:
            self._reading_ends = time.monotonic() + seconds
            self._readers.wake()

    def after_fork_in_child(self) -> None:
        """
        Forget the parent's threads, which do not exist in a forked child.
        """
        for worker in (self._input, self._output, self._stderr):
            worker.after_fork_in_child()

    # internals

    def _start_reading(self) -> bool:
        self._start_draining()
        return not self.closed and self._output.start()

    def _start_draining(self) -> None:
        try:
            self._stderr.start()
        except PipeError:
            pass  # the last words will be missing


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def _raise_if_over(deadline: float | None, timeout: float | None) -> None:
    """
    Raise what a socket raises when its time is over.
    """
    if not _is_over(deadline):
        return
    if timeout == 0:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    raise socket.timeout("timed out")
