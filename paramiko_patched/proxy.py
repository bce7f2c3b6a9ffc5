# This module is part of paramiko-patched and takes the place of the module of
# the same name in paramiko.  It is distributed under the same licence, the GNU
# Lesser General Public License, version 2.1 or (at your option) any later one.

"""
A proxy command as a socket, whose death is told at once and leaves nothing.

Who owns what
=============

The three pipes, and the processes at their other end, meet more than one
thread.  These are the parties and what each of them may touch:

Reader
    One thread, in practice the transport's, in `ProxyCommand.recv`.  It alone
    learns of the proxy's death: from end of file on the pipe, never from an
    exit status, so that the last bytes are delivered first.  It waits in one
    ``poll`` for output, for stderr and for a descriptor by which `close` wakes
    it; there is no timer.
Sender
    Any thread, in `ProxyCommand.send`.  It reports what the pipe accepted.  A
    failed write says nothing about what can still be read, so it leaves the
    reader alone.
Closer
    Any thread, also several, also a signal handler.  It marks the pipes as
    closed, wakes reader and sender, and the *last of them to leave* closes
    the descriptors: a number is never closed while somebody polls it, since
    another thread might get the same number from the system a moment later.
The drain of stderr
    Has no thread: whoever waits in `recv` or `send`, or asks for `closed`,
    empties stderr as well, and a transport always has somebody in `recv`.
    Nobody waits for its end of file, which an OpenSSH master connection may
    withhold for hours.
Reaper
    Whoever first asks for the exit status after the process has ended: reader,
    closer, `closed`, or the thread that waits for a stubborn process.  Reaping
    and signalling exclude each other by a lock, so that a process that was
    reaped is never signalled; a status that another part of the program took
    is reported as unknown.
Background thread
    Exists only for a process that did not end by itself within the few
    milliseconds that `close` may take, and until that process is reaped.
Forked child
    Shares the pipes but not the process: it closes its copies of the
    descriptors and never signals, waits for or wakes anybody.
Garbage collector
    Collects the `ProxyCommand` alone.  Pipes and process are held by a
    registry until the process is reaped, so they outlive a dropped proxy and
    are ended from there, in the background, whatever the collector does first.
Log
    The start and the end of the process are told at DEBUG on
    ``paramiko.proxy``.  Of the end a background thread tells, since whoever
    learns of it may be a destructor, or a closer, which must not wait for
    whatever handlers of the program do.
Interpreter exit
    Ends all that the registry still holds, all at once, in bounded time.

The first two parts live in ``_proxy_pipes``, all about the process in
``_proxy_process``; this module joins them to a socket.  On Windows, where no
pipe can be polled, ``_proxy_pipes_threaded`` takes the place of the former: it
has a thread for each pipe, and reader, sender and closer meet that thread.
"""

from __future__ import annotations

import copy
import errno
import os
import shlex
import signal  # noqa: F401
import socket
import threading
import time  # noqa: F401
import weakref
from collections.abc import Mapping, Sequence

# This, `signal` and `time` are for test suites alone, which put something of
# theirs in the place of upstream's names.
from select import select  # noqa: F401
from typing import TYPE_CHECKING, Any, cast

# Upstream's name for a platform without processes; kept, since programs and
# upstream's own tests look at it.
subprocess_import_error: ImportError | None = None
try:
    import subprocess
except ImportError as e:
    subprocess = None  # type: ignore[assignment]
    subprocess_import_error = e

from paramiko._one_by_one import taking_turns
from paramiko._proxy_pipes import PipeError
from paramiko._proxy_process import ProxyProcess, status_text
from paramiko.ssh_exception import ProxyCommandFailure
from paramiko.util import ClosingContextManager

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: How long, in seconds, a proxy whose pipe has ended may take to have an exit
#: status.  The pipe ends a moment before the status is there.
STATUS_GRACE_S = 0.1

#: How much of the proxy's stderr goes into an error's text: lines, and
#: characters of each.
STDERR_LINES = 5
STDERR_LINE_LENGTH = 300

_adoption_lock = threading.Lock()


class ProxyCommand(ClosingContextManager):
    """
    Runs a proxy command and gives its two pipes the interface of a socket.

    Give an instance to `.Transport`, or as ``sock`` to `.SSHClient.connect`.
    The process starts at once and belongs to this object: `close` ends it, as
    leaving a ``with`` block does.  When it dies by itself, everything it wrote
    is still delivered, and then every call raises `.ProxyCommandFailure`,
    which carries its exit status and the end of its stderr.

    Thread-safety: one reader and any number of senders at a time; every other
    method may be called by any thread at any time.
    """

    #: The command as a list, as given to `subprocess.Popen`.
    cmd: list[str]
    #: The process (`subprocess.Popen`) with its pipes.
    process: Any
    #: See `settimeout`.
    timeout: float | None

    _adopted: ProxyProcess | None = None
    _own_session: bool = False
    _death: ProxyCommandFailure | None = None
    _gave_up = "is not read any more"

    def __init__(
        self,
        command_line: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        start_new_session: bool = False,
        shell: bool = False,
    ) -> None:
        """
        Start the proxy command.  Does not wait for it.

        :param command_line:
            the command; a `str` is split into words as a POSIX shell would,
            but no shell runs it; a sequence of words is taken as it is.
        :param dict env:
            the environment of the process, instead of the program's own.
        :param bool start_new_session:
            run it in a session of its own: Ctrl-C in the terminal does not
            reach it, `close` also ends what it started, and it cannot ask for
            a passphrase on the terminal.
        :param bool shell:
            run ``command_line`` by ``$SHELL -c "exec ..."``, as OpenSSH does.

        :raises ValueError: there is no command in ``command_line``.
        :raises OSError: the system could not start the process.
        """
        if subprocess is None:
            assert subprocess_import_error is not None
            raise subprocess_import_error
        self.cmd = _command(command_line, shell)
        options: dict[str, Any] = {}
        if env is not None:
            options["env"] = env
        if start_new_session:
            options["start_new_session"] = self._own_session = True
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            self.cmd,
            bufsize=0,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            **options,
        )
        self.timeout = None
        self._adopt().log_start(self._command_text())

    def __del__(self) -> None:
        # A subclass that never called __init__, dropped before its first use:
        # nobody looks after its process yet.
        process = self.__dict__.get("process")
        if process is not None and self._adopted is None:
            ProxyProcess(process, False).abandon(self._command_text())

    # reading and writing

    def recv(self, size: int) -> bytes:
        """
        Return what the proxy has written: at least one byte, at most ``size``.

        Blocks until there is something, for as long as `settimeout` allows.

        :param int size: the most bytes to return.
        :returns:
            the bytes; ``b""`` only after `close`, or for a ``size`` of 0.

        :raises socket.timeout: nothing came in time.
        :raises BlockingIOError: nothing is there and the timeout is 0.
        :raises ProxyCommandFailure:
            the proxy is dead and all it wrote has been returned.  This call
            and each later one say why.

        Thread-safety: one reader at a time; `close` in another thread makes it
        return ``b""``.
        """
        if size < 0:
            raise ValueError("negative number of bytes to receive")
        if size == 0:
            return b""
        if self._death is not None:
            # A copy each time: one instance that several threads raise gathers
            # the traceback of all.
            raise copy.copy(self._death)
        child = self._adopt()
        try:
            data = self._read(child, size)
        except PipeError as e:
            raise self._failure(_pipe_text(e)) from e.__cause__
        if data is None:
            return b""
        if not data:
            self._death = self._explain(
                "closed its output" if child.pipes.eof else self._gave_up
            )
            raise copy.copy(self._death)
        return data

    def _read(self, child: ProxyProcess, size: int) -> bytes | None:
        if not child.pipes.at_end:
            return child.pipes.read(size, self.timeout)
        # Nothing in here waits.
        with taking_turns():
            child.exited()
            return child.pipes.read(size, self.timeout)

    def send(self, content: Buffer) -> int:
        """
        Write to the proxy and return how many bytes it has really accepted.

        Blocks until at least one byte is accepted, for as long as `settimeout`
        allows.

        :param content: any bytes-like object.
        :returns: the number of bytes, which may be less than given.

        :raises socket.timeout: nothing was accepted in time.
        :raises BlockingIOError: nothing is accepted now and the timeout is 0.
        :raises ProxyCommandFailure: the proxy takes no more input; it is dead.
        :raises OSError: the proxy was closed by `close`, or `shutdown`.

        Thread-safety: any thread; writes of several threads may interleave.
        """
        sent = self._send_within(self.timeout, content)
        if sent is not None:
            return sent
        pipes = self._adopt().pipes
        if pipes.write_closed and not pipes.closed:
            raise BrokenPipeError(errno.EPIPE, "was shut down")
        raise OSError(errno.EBADF, "ProxyCommand is closed")

    def _send_within(
        self, timeout: float | None, content: Buffer
    ) -> int | None:
        """
        Do what `send` does, within so many seconds.

        :returns: how many bytes; `None` if the program has closed the proxy.
        """
        data = content if type(content) is bytes else _byte_view(content)
        if not data:
            return 0
        child = self._adopt()
        if self._death is not None:
            raise copy.copy(self._death)
        try:
            return child.pipes.write(data, timeout)
        except PipeError as e:
            if isinstance(e.__cause__, BrokenPipeError):
                raise self._explain("closed its input") from e.__cause__
            raise self._failure(_pipe_text(e)) from e.__cause__

    # the rest of a socket

    def close(self) -> None:
        """
        Close the pipes and end the process.  Never raises; may be repeated.

        Whoever is blocked in `recv` or `send` returns.  The process gets end
        of input, then SIGTERM, then SIGKILL; what takes longer than a few
        milliseconds of this goes on in the background.  Blocks for 50 ms at
        the most, unless the process is well-behaved and even quicker.

        Thread-safety: any thread, any number of them.
        """
        child = self._adopt()
        child.pipes.close()
        child.end()

    @property
    def closed(self) -> bool:
        """
        Whether `close` was called or the proxy is dead.  Never blocks.

        Looks at the pipe itself, so it is true without a `recv`; bytes written
        before the death can be received all the same.
        """
        child = self._adopt()
        if child.pipes.closed or self._death is not None:
            return True
        if not child.pipes.hung_up():
            return False
        child.exited()
        return True

    @property
    def _closed(self) -> bool:
        # the name by which Transport asks a socket
        return self.closed

    def fileno(self) -> int:
        """
        Return the descriptor of the proxy's output, or -1 once closed.
        """
        return self._adopt().pipes.fileno()

    def settimeout(self, timeout: float | None) -> None:
        """
        Limit how long each `recv` and `send` may block.

        :param float timeout:
            seconds, measured by the monotonic clock; 0 never to block, `None`
            for no limit.
        """
        if timeout is not None and timeout < 0:
            raise ValueError("Timeout value out of range")
        self.timeout = timeout

    def gettimeout(self) -> float | None:
        """
        Return what `settimeout` set, in seconds; `None` at first.
        """
        return self.timeout

    def shutdown(self, how: int) -> None:
        """
        Close one half of the connection, or both, and keep the process.

        :param int how:
            `socket.SHUT_WR` gives the proxy end of input; after
            `socket.SHUT_RD`, `recv` returns ``b""``.  Never blocks.
        """
        pipes = self._adopt().pipes
        if how in (socket.SHUT_WR, socket.SHUT_RDWR):
            pipes.close_write()
        if how in (socket.SHUT_RD, socket.SHUT_RDWR):
            pipes.close_read()

    # internals

    def _adopt(self) -> ProxyProcess:
        """
        Return what looks after `process`; from now on, if nothing did so yet.

        Not done by ``__init__`` alone, because there are subclasses that never
        call it and only set `cmd`, `process` and `timeout`, or that put
        another process in the place of the one it started.
        """
        child = self._adopted
        if child is not None and child.process is self.process:
            return child
        with _adoption_lock:
            child = self._adopted
            if child is None or child.process is not self.process:
                if child is not None:
                    child.abandon(self._command_text())
                child = ProxyProcess(self.process, self._own_session)
                self._adopted = child
                finalizer = weakref.finalize(
                    self, child.abandon, self._command_text()
                )
                # At exit the registry ends all processes together.
                finalizer.atexit = False
        return child

    def _wait_readable(self, timeout: float | None) -> bool:
        """
        Wait until `recv` returns or raises at once, or for `_wake_reader`.

        :returns: ``False`` if ``timeout`` seconds went by first.
        """
        if self._death is not None:
            return True
        try:
            return self._adopt().pipes.wait_readable(timeout)
        except PipeError as e:
            raise self._failure(_pipe_text(e)) from e.__cause__

    def _untaken(self) -> int:
        """
        Return how many bytes the proxy has not taken of what was sent.
        """
        return self._adopt().pipes.untaken()

    def _wake_reader(self) -> None:
        """
        End the `_wait_readable` that is under way, or else the next one.
        """
        self._adopt().pipes.wake_reader()

    def _limit_reading(self, seconds: float, reason: str) -> None:
        """
        Let `recv` deliver what is left for so many seconds, then fail.

        For a connection that is over but for what the proxy has read from the
        server and not passed on yet: worth a moment, not more.

        :param str reason: said then, unless the proxy has told a better one.
        """
        if self._gave_up is ProxyCommand._gave_up:
            self._gave_up = reason  # the first, as for the time
        self._adopt().pipes.limit_reading(seconds)

    def _ends_at_once(self) -> bool:
        """
        Whether `close` has nothing to wait for.
        """
        child = self._adopt()
        return not self._own_session and child.returncode is not None

    def _closed_by_us(self) -> bool:
        """
        Whether the program has closed this, or a part of it.
        """
        return self._adopt().pipes.closed_by_us()

    def _command_text(self) -> str:
        return self.cmd if isinstance(self.cmd, str) else " ".join(self.cmd)

    def _explain(self, otherwise: str) -> ProxyCommandFailure:
        """
        Return the failure with the best reason there is within 100 ms.

        :param str otherwise: what is known if the process has not ended.
        """
        child = self._adopt()
        if child.wait(STATUS_GRACE_S):
            reason = status_text(child.returncode)
        elif child.owned:
            reason = otherwise + "; process still running"
        else:
            reason = otherwise
        return self._describe(reason, child.returncode)

    def _describe(
        self, reason: str, returncode: int | None = None
    ) -> ProxyCommandFailure:
        """
        Return the failure with what the proxy has said on stderr until now.
        """
        # Only now: words written just before the exit are in the pipe.
        stderr = self._adopt().pipes.stderr_tail()
        words = printable(stderr.decode("utf-8", "replace"))
        if words:
            reason = "{}: {}".format(reason, words)
        return self._failure(reason, returncode, stderr)

    def _failure(
        self, reason: str, returncode: int | None = None, stderr: bytes = b""
    ) -> ProxyCommandFailure:
        failure: Any = ProxyCommandFailure(self._command_text(), reason)
        failure.returncode = returncode
        failure.stderr = stderr
        return cast(ProxyCommandFailure, failure)


def _after_fork_in_child() -> None:
    global _adoption_lock
    _adoption_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _command(command_line: str | Sequence[str], shell: bool) -> list[str]:
    """
    Return the words to execute, or raise `ValueError` if there are none.
    """
    if command_line is None:
        raise ValueError("ProxyCommand is None: there is no command to run")
    if isinstance(command_line, str):
        words = shlex.split(command_line)
        text = command_line
    else:
        words = [os.fspath(word) for word in command_line]
        text = shlex.join(words)
    if not words:
        raise ValueError("ProxyCommand is empty: there is no command to run")
    if shell:
        # exec: otherwise the shell would get the signals, not the proxy.
        program = os.environ.get("SHELL") or "/bin/sh"
        return [program, "-c", "exec " + text]
    return words


def _byte_view(content: Buffer) -> memoryview:
    """
    Return what is counted in bytes, whatever the buffer counts in.

    :raises TypeError: it is no buffer.
    """
    view = memoryview(content)
    if view.c_contiguous and view.nbytes:
        return view.cast("B")
    return memoryview(view.tobytes())


def _pipe_text(error: PipeError) -> str:
    """
    Say what the system has said of a pipe.
    """
    cause = error.__cause__
    return getattr(cause, "strerror", None) or str(cause)


def printable(words: str) -> str:
    """
    Return the last lines of a stranger's words as text that is safe to log.

    The words come from the other side of the network: nothing in them may
    forge a line of a log or move a terminal's cursor.
    """
    lines = []
    for line in words.splitlines():
        line = line.strip()
        if line:
            lines.append(line)
    shown = []
    for line in lines[-STDERR_LINES:]:
        if len(line) > STDERR_LINE_LENGTH:
            line = line[:STDERR_LINE_LENGTH] + "..."
        shown.append(
            "".join(
                c if c.isprintable() else c.encode("unicode_escape").decode()
                for c in line
            )
        )
    return " | ".join(shown)
