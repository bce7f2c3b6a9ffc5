# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The three pipes to a proxy: reading, writing, waiting, and closing them once.

Used by ``proxy`` alone.  Knows nothing of the process at the other end.  See
``proxy`` for who may do what.
"""

from __future__ import annotations

import math
import os
import select
import socket
import sys
import threading
import time
from typing import Any

from paramiko._poller import make_poller, polls
from paramiko._wake import Wake

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None  # Windows

#: How much of the proxy's stderr is kept, in bytes.
STDERR_TAIL = 64 * 1024

#: One read of stderr, in bytes: all that a pipe holds as it comes.  And how
#: many of them take what the largest pipe holds: without an end to that, a
#: proxy that floods stderr would keep the reader for itself.
STDERR_READ = 64 * 1024
STDERR_READS = 16

#: How long, in seconds, nobody waits for stderr once it has been read: one
#: that never ends wakes us fifty times a second, not ten thousand times.  Its
#: pipe holds what comes meanwhile.
STDERR_REST_S = 0.02

#: What a pipe holds as it comes, in bytes, and what it is to hold once it was
#: full: then a bulk transfer moves many packets by one system call.
PIPE_SIZE = 64 * 1024
WIDE_PIPE_SIZE = 1024 * 1024

#: A C integer, for the system to fill in.
_ZERO = bytes(4)

#: The longest single wait, in seconds: ``poll`` takes 31 bits of milliseconds.
LONGEST_POLL_S = 1_000_000.0


class PipeError(Exception):
    """
    What the system says of a pipe, which is the cause of this.

    What a signal handler raises may be an `OSError` as well, and is never the
    cause of this.
    """


class _Side:
    """
    Who is at work on one direction, and how to wake them.
    """

    __slots__ = ("users", "wake", "woken")

    def __init__(self) -> None:
        #: A mark for each call, which its `finally` takes away.
        self.users: set[object] = set()
        self.wake: Wake | None = None
        #: Somebody wants attention, perhaps since before there was a wait.
        self.woken = False

    def wake_up(self) -> None:
        self.woken = True
        if self.wake is not None:
            self.wake.set()

    def release(self) -> None:
        wake, self.wake = self.wake, None
        if wake is not None:
            wake.close()


class ProxyPipes:
    """
    The pipes of one proxy process.

    Thread-safety: any thread may call any method; one reader at a time.
    """

    def __init__(self, process: Any) -> None:
        """
        :param process:
            a `subprocess.Popen` with pipes for all that is to be used; it is
            looked at when the first byte moves, not before.
        """
        self._process = process
        self._owner = os.getpid()
        # Reentrant: a signal handler may close what its thread is reading.
        self._lock = threading.RLock()
        self._readers = _Side()
        self._writers = _Side()
        self._prepared = False
        self._tail = b""
        self._stderr_open = process.stderr is not None
        self._stderr_rests_until = 0.0
        self._reading_ends: float | None = None
        #: `close` was called.
        self.closed = False
        #: The proxy takes no more bytes from us: `close` or `close_write`.
        self.write_closed = False
        self._read_closed = self._released = False
        # The sides whose pipes hold as much as the system allows.
        self._widened: set[_Side] = set()
        #: The end of the proxy's output was read.
        self.eof = False
        #: A wait has ended because nothing but that end is left to be read.
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
        :raises PipeError: it cannot be read.
        """
        deadline = _deadline(timeout)
        mark = object()
        try:
            if not self._enter(self._readers, mark):
                return None
            while True:
                if self._read_closed:
                    return None
                ends = self._reading_ends
                if ends is not None and time.monotonic() >= ends:
                    return b""
                stdout = self._process.stdout.fileno()
                try:
                    data = os.read(stdout, size)
                except BlockingIOError:
                    if timeout == 0:
                        raise
                except OSError as e:
                    if e.errno is None:
                        raise  # a signal handler's
                    if self._read_closed:
                        return None  # what our own close has brought
                    raise PipeError from e
                else:
                    if self._read_closed and not data:
                        return None  # the end that our own close has brought
                    self.eof = not data
                    if len(data) >= PIPE_SIZE:
                        self._widen(self._readers, stdout)
                    return data
                until = _earlier(deadline, ends)
                in_time = self._wait(
                    stdout, select.POLLIN, self._readers, until
                )
                if not in_time and until == deadline:
                    raise socket.timeout("timed out")
        except ValueError:
            if not self._process.stdout.closed:
                raise  # a signal handler's
            # If not by us, the program has closed the file itself.
            return None if self._read_closed else b""
        finally:
            self._leave(self._readers, mark)

    def write(
        self, data: bytes | memoryview, timeout: float | None
    ) -> int | None:
        """
        Write and return how many bytes the pipe accepted, at least one.

        :returns:
            the number of bytes; `None` if closed by us, or by `close_write`.
        :raises socket.timeout: it accepted nothing in ``timeout`` seconds.
        :raises BlockingIOError: it accepts nothing and ``timeout`` is 0.
        :raises PipeError:
            it cannot be written; by a `BrokenPipeError`, nobody will ever read
            what is.
        """
        deadline = _deadline(timeout)
        mark = object()
        try:
            if not self._enter(self._writers, mark):
                return None
            while True:
                if self.write_closed:
                    return None
                stdin = self._process.stdin.fileno()
                try:
                    written = os.write(stdin, data)
                except BlockingIOError:
                    if timeout == 0:
                        raise
                except OSError as e:
                    if e.errno is None:
                        raise  # a signal handler's
                    if self.write_closed:
                        return None  # what our own close has brought
                    raise PipeError from e
                else:
                    if written < len(data):
                        self._widen(self._writers, stdin)
                    return written
                in_time = self._wait(
                    stdin, select.POLLOUT, self._writers, deadline
                )
                if not in_time:
                    raise socket.timeout("timed out")
        except ValueError:
            if not self._process.stdin.closed:
                raise  # a signal handler's
            return None  # the program has closed the file itself
        finally:
            self._leave(self._writers, mark)

    def wait_readable(self, timeout: float | None) -> bool:
        """
        Wait until `read` has something to tell, or until `wake_reader`.

        Drains stderr meanwhile.

        :returns: ``False`` if ``timeout`` seconds went by first.
        :raises PipeError: it cannot be waited for.
        """
        deadline = _deadline(timeout)
        mark = object()
        try:
            if not self._enter(self._readers, mark):
                return True
            until = _earlier(deadline, self._reading_ends)
            stdout = self._process.stdout.fileno()
            in_time = self._wait(stdout, select.POLLIN, self._readers, until)
            return in_time or until != deadline
        except ValueError:
            return True  # the program has closed the file itself
        finally:
            self._leave(self._readers, mark)

    def wake_reader(self) -> None:
        """
        End the `wait_readable` that is under way, or else the next one.
        """
        with self._lock:
            self._readers.wake_up()

    def stderr_tail(self) -> bytes:
        """
        Return the last 64 KiB that the proxy wrote to stderr until now.

        Never blocks: it takes what is there and waits for no end of file.
        """
        mark = object()
        try:
            if self._enter(self._readers, mark):
                self._drain_stderr()
            return self._tail
        finally:
            self._leave(self._readers, mark)

    def hung_up(self) -> bool:
        """
        Whether nobody is left who could write to the proxy's output.

        Never blocks.  Bytes that were written before may still be in the pipe.
        """
        mark = object()
        try:
            if not self._enter(self._readers, mark):
                return True
            # For a program that only waits for the end by asking for it.
            self._drain_stderr()
            poller = make_poller()
            poller.register(self._process.stdout.fileno(), select.POLLIN)
            return any(event & select.POLLHUP for _, event in poller.poll(0))
        except ValueError:
            return True
        finally:
            self._leave(self._readers, mark)

    def untaken(self) -> int:
        """
        Return how many bytes the proxy has not read yet of what was written.

        Never blocks.  0 where the system does not tell.
        """
        mark = object()
        try:
            if not self._enter(self._writers, mark) or self.write_closed:
                return 0
            return untaken(self._process.stdin, "FIONREAD")
        finally:
            self._leave(self._writers, mark)

    def fileno(self) -> int:
        """
        Return the descriptor of the proxy's output, or -1 once it is closed.
        """
        with self._lock:
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
        Wake everybody; the last to leave closes the descriptors.
        """
        if self._released:
            return
        with self._lock:
            self.closed = self._read_closed = self.write_closed = True
            if os.getpid() == self._owner:
                # A forked child shares these: it would wake its parent.
                self._readers.wake_up()
                self._writers.wake_up()
            self._release()

    def close_write(self) -> None:
        """
        Give the proxy end of input, once no write is under way any more.
        """
        with self._lock:
            self.write_closed = True
            self._writers.wake_up()
            self._release()

    def close_read(self) -> None:
        """
        Make each `read` return `None`; the descriptors stay open.
        """
        with self._lock:
            self._read_closed = True
            self._readers.wake_up()

    def limit_reading(self, seconds: float) -> None:
        """
        Make each `read` that would block after so many seconds return ``b""``.
        """
        with self._lock:
            if self._reading_ends is None:
                self._reading_ends = time.monotonic() + seconds
                self._readers.wake_up()

    def after_fork_in_child(self) -> None:
        """
        Forget the parent's threads, which do not exist in a forked child.
        """
        self._lock = threading.RLock()
        self._readers.users.clear()
        self._writers.users.clear()

    # internals

    def _enter(self, side: _Side, mark: object) -> bool:
        with self._lock:
            if self.closed:
                return False
            side.users.add(mark)
            if not self._prepared:
                process = self._process
                for pipe in (process.stdin, process.stdout, process.stderr):
                    # A shutdown may come before the first read.
                    if pipe is not None and not pipe.closed:
                        # Our end alone: the proxy's has a mode of its own.
                        os.set_blocking(pipe.fileno(), False)
                self._prepared = True
            return True

    def _leave(self, side: _Side, mark: object) -> None:
        with self._lock:
            side.users.discard(mark)
            if self.write_closed:
                self._release()

    def _release(self) -> None:
        """
        Close what is due and what nobody uses.  The lock is held.
        """
        process = self._process
        writing = self._writers.users
        if self.write_closed and not writing:
            _close(process.stdin)
            self._writers.release()
        if self.closed and not writing and not self._readers.users:
            _close(process.stdout)
            _close(process.stderr)
            self._readers.release()
            self._released = True

    def _wait(
        self, fd: int, event: int, side: _Side, deadline: float | None
    ) -> bool:
        """
        Wait until ``fd`` is ready or somebody wants attention.

        :returns: ``False`` if the deadline came first.
        """
        with self._lock:
            if side.woken or self._ended(side):
                # since the caller looked, when there was nothing to wake it by
                side.woken = False
                return True
            if side.wake is None:
                side.wake = Wake()
            wake = side.wake
            try:
                wake.open()
            except OSError as e:
                raise PipeError from e
        poller = make_poller()
        poller.register(fd, event)
        poller.register(wake.reader, select.POLLIN)
        drains = polls() or side is self._readers
        stderr = None
        while True:
            until = deadline
            if drains and stderr is None:
                if self._stderr_rests_until > time.monotonic():
                    until = _earlier(deadline, self._stderr_rests_until)
                else:
                    stderr = self._stderr_fileno()
            if stderr is not None:
                poller.register(stderr, select.POLLIN)
            ready = dict(poller.poll(_remaining(until)))
            if ready.get(fd) == select.POLLHUP:
                self.at_end = True
                return True
            if stderr in ready:
                self._drain_stderr(1)
                self._stderr_rests_until = time.monotonic() + STDERR_REST_S
                # Nor is it waited for when it has ended: it would be ready
                # for ever.
                poller.unregister(stderr)
                stderr = None
            if wake.reader in ready:
                with self._lock:
                    if not self._ended(side):
                        side.woken = False
                        wake.clear()
                return True
            if fd in ready:
                return True
            if deadline is not None and time.monotonic() >= deadline:
                return False

    def _ended(self, side: _Side) -> bool:
        """
        Whether all who wait on this side are to leave, and not just look.
        """
        return (
            self.write_closed if side is self._writers else self._read_closed
        )

    def _widen(self, side: _Side, fd: int) -> None:
        """
        Let a pipe hold more from now on, where the system allows it.
        """
        if side in self._widened:
            return
        self._widened.add(side)
        if not hasattr(fcntl, "F_SETPIPE_SZ"):
            return  # neither Linux nor Python 3.10
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, WIDE_PIPE_SIZE)
        except OSError:
            pass  # not a pipe, or this user's pipes hold all that they may

    def _stderr_fileno(self) -> int | None:
        if not self._stderr_open:
            return None
        try:
            descriptor: int = self._process.stderr.fileno()
        except ValueError:
            self._stderr_open = False  # the program has closed the file itself
            return None
        return descriptor

    def _drain_stderr(self, reads: int = STDERR_READS) -> None:
        """
        Keep the tail of what is in stderr now.
        """
        with self._lock:
            for _ in range(reads):
                stderr = self._stderr_fileno()
                if stderr is None:
                    return
                try:
                    words = os.read(stderr, STDERR_READ)
                except BlockingIOError:
                    return
                except OSError as e:
                    if e.errno is None:
                        raise  # a signal handler's
                    words = b""
                if words:
                    self._tail = (self._tail + words)[-STDERR_TAIL:]
                else:
                    self._stderr_open = False


def untaken(file: Any, request: str) -> int:
    """
    Return how many bytes a pipe or socket holds that were written to it.

    :param file: our end of it.
    :param str request: the name of what the system is asked.
    :returns: 0 where it does not tell.
    """
    try:
        import termios

        answer = fcntl.ioctl(file.fileno(), getattr(termios, request), _ZERO)
    except (ImportError, AttributeError, OSError, ValueError):
        return 0  # neither a system that tells, nor open any more
    return int.from_bytes(answer, sys.byteorder)


def _is_taken_away(process: Any) -> bool:
    """
    Whether the program has closed a file that data goes through by itself.
    """
    return any(file.closed for file in (process.stdin, process.stdout))


def _deadline(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    return time.monotonic() + timeout


def _earlier(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _remaining(deadline: float | None) -> int | None:
    """
    Return what ``poll`` takes: milliseconds, rounded up so as not to spin.
    """
    if deadline is None:
        return None
    seconds = max(0.0, deadline - time.monotonic())
    return math.ceil(min(seconds, LONGEST_POLL_S) * 1000)


def _close(pipe: Any) -> None:
    """
    Close a file of the process; a failure to flush it is no news to anybody.
    """
    if pipe is None:
        return
    try:
        pipe.close()
    except (OSError, ValueError):
        pass
