# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
How the transport thread waits for its socket without looking at the clock.

Upstream gives each socket a timeout of a tenth of a second and looks ten times
a second whether there is anything else to do.  `for_socket` returns what waits
in its place, by the kind of the socket:

- a ``ProxyCommand`` is waited for by its pipes, without limit;
- a channel of another connection is waited for by its buffer, without limit;
- a plain socket is waited for with one look a second, because a program may
  close it behind the library's back and ``poll`` does not tell;
- an object that hands on the ``recv`` and ``send`` of one of these two is
  waited for as that is;
- any other object keeps upstream's polling: what ``poll`` says of its
  descriptor is not what its ``recv`` would say (a TLS socket has a buffer).

Everything that the transport thread must attend to, apart from input, has to
`SocketWait.wake` it: a re-key that a sender finds due, a keepalive that was
just ordered, a packet that its sender left behind.  It takes up to `CHECK_S`
on a plain socket, for which no descriptor is spent; a close takes no time.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import time
from typing import Any

from paramiko._carrier import describe_end
from paramiko._patched.wire.outbound import Ended
from paramiko._proxy_pipes import untaken
from paramiko.channel import Channel
from paramiko.proxy import ProxyCommand
from paramiko.ssh_exception import ProxyCommandFailure

#: How often, in seconds, a plain socket is looked at: the longest for which
#: its being closed behind our back, or a wake, goes unnoticed.
CHECK_S = 1.0

#: How long, in seconds, a sender waits at a time for the connection that
#: carries its own to write what is queued there.
QUEUE_LIMIT_S = 0.1


class SocketWait:
    """
    Waits for no socket in particular: returns, so that ``recv`` polls.

    Thread-safety: one thread waits and one sends; any may call the rest.
    """

    def __init__(self, sock: Any) -> None:
        self._socket = sock

    def wait_readable(self, seconds: float | None) -> bool:
        """
        Wait for input, or its end, or `wake`.

        :param float seconds: at most so long; `None` for no limit.
        :returns: ``False`` if the time was over first.
        """
        return True

    def send(self, data: bytes, seconds: float | None = None) -> int | None:
        """
        Send what is accepted, and return how many bytes; may block.

        :param float seconds:
            at most so long, or a tenth of a second; `None` for as long as it
            takes.
        :returns: `None` if none are for a while.
        :raises Ended, ProxyCommandFailure: none ever will be.
        """
        try:
            sent: int = self._socket.send(data)
        except (socket.timeout, BlockingIOError):
            return None
        except ProxyCommandFailure:
            raise
        except Exception as e:
            # Upstream does not look closer, not even whether a signal handler
            # has raised it.
            if e.args and e.args[0] == errno.EAGAIN:
                return None
            raise Ended() from e
        return sent

    def send_now(self, data: bytes) -> int | None:
        """
        Send what is accepted at once.  Returns and raises as `send` does.
        """
        return self.send(data)

    def untaken(self) -> int:
        """
        Return how many bytes were sent that the other side has not taken yet.

        Does not block.  0 where nobody knows: then what is sent counts as
        taken.
        """
        return 0

    def wake(self) -> None:
        """
        End the `wait_readable` that is under way, or else the next one.
        """

    def close(self) -> None:
        """
        End every wait, now and from now on.
        """


class _ProxyWait(SocketWait):
    """
    Waits for a `.ProxyCommand`, which its own `close` wakes.
    """

    _socket: ProxyCommand

    def wait_readable(self, seconds: float | None) -> bool:
        return self._socket._wait_readable(seconds)

    def send_now(self, data: bytes) -> int | None:
        return self.send(data, 0)

    def send(self, data: bytes, seconds: float | None = None) -> int | None:
        # Perhaps for as long as it takes: `close` wakes it.
        try:
            sent = self._socket._send_within(seconds, data)
        except (BlockingIOError, socket.timeout):
            if seconds is None:
                raise  # a signal handler's
            return None
        if sent is None:
            raise Ended()  # closed by us
        return sent

    def untaken(self) -> int:
        return self._socket._untaken()

    def wake(self) -> None:
        self._socket._wake_reader()


class _ChannelWait(SocketWait):
    """
    Waits for a channel of another connection, which feeds its buffer.

    What is sent is put into the queue of that connection and not waited for:
    a sender that waited in there could not be woken by the end of this one.
    Only one packet at a time, so that the queue stays short; nobody waits for
    those that others go on to put there.
    """

    def __init__(self, channel: Any) -> None:
        super().__init__(channel)
        channel._is_carrier = True
        self._buffer = channel.in_buffer
        self._is_woken = False
        #: Down to where that queue had to be written after the last packet.
        self._position = 0

    def wait_readable(self, seconds: float | None) -> bool:
        with self._buffer._cv:
            is_ready = self._buffer._cv.wait_for(self._is_ready, seconds)
            self._is_woken = False
        return is_ready

    def _is_ready(self) -> bool:
        buffer = self._buffer
        return bool(len(buffer) or buffer._closed or self._is_woken)

    def send(self, data: bytes, seconds: float | None = None) -> int | None:
        seconds = QUEUE_LIMIT_S if seconds is None else seconds
        if not self._has_turn(seconds):
            return None
        sent = self._post(data)
        # Now rather than by the thread of the other connection.
        self._has_turn(seconds)
        return sent

    def send_now(self, data: bytes) -> int | None:
        channel = self._socket
        # Whoever reads from a closed one is told, after the last bytes.
        if channel.closed or channel.out_window_size <= 0:
            return None
        return self._post(data) if self._has_turn(0) else None

    def _has_turn(self, seconds: float) -> bool:
        """
        Wait until the last packet is written and no keys are exchanged.

        :param float seconds: at most twice so long.
        :returns: whether that is so, or never will be.
        """
        connection = self._socket.transport
        if not connection.clear_to_send.wait(seconds) and connection.active:
            return False
        written: bool
        written = connection.packetizer.flush_within(seconds, self._position)
        return written

    def _post(self, data: bytes) -> int | None:
        try:
            sent = super().send(data)
            self._position = self._socket.transport.packetizer.queued()
            return sent
        except Ended:
            failure = describe_end(self._socket)
            if isinstance(failure, ProxyCommandFailure):
                raise failure from None
            raise

    def wake(self) -> None:
        with self._buffer._cv:
            self._is_woken = True
            self._buffer._cv.notify_all()


class _PlainWait(SocketWait):
    """
    Waits for a plain socket by its descriptor, and has none of its own.

    So `wake` is seen at the next look, which is not urgent: stock looks after
    up to a tenth of a second, and here whatever comes in ends the wait as
    well.  `close` is, and shuts the socket down, which ends the ``poll``.
    """

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self._woken = self._closed = False
        # The process whose thread waits.
        self._waiting_in: int | None = None

    def wait_readable(self, seconds: float | None) -> bool:
        self._waiting_in = os.getpid()
        try:
            return self._poll(seconds)
        finally:
            self._waiting_in = None

    def _poll(self, seconds: float | None) -> bool:
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        poller = select.poll()
        watched = self._socket.fileno()
        if watched >= 0:
            poller.register(watched, select.POLLIN)
        while self._socket.fileno() >= 0 and not self._closed:
            if self._woken:
                self._woken = False
                break
            left = max(0.0, deadline - time.monotonic())
            if poller.poll(math.ceil(min(left, CHECK_S) * 1000)):
                break
            if time.monotonic() >= deadline:
                return False
        return True  # recv will say what a closed socket says

    def send_now(self, data: bytes) -> int | None:
        # Asked first, since ``send`` would wait for the socket's timeout.
        poller = select.poll()
        descriptor = self._socket.fileno()
        if descriptor >= 0:
            poller.register(descriptor, select.POLLOUT)
            if not poller.poll(0):
                return None
        return super().send_now(data)

    def untaken(self) -> int:
        return untaken(self._socket, "TIOCOUTQ")

    def wake(self) -> None:
        self._woken = True

    def close(self) -> None:
        self._closed = True
        # A forked child has a copy of this, and of the socket, but no thread
        # that waits; its parent goes on to use the connection.
        if self._waiting_in == os.getpid():
            with contextlib.suppress(OSError):
                # Of what nobody reads any more: the peer is told nothing yet.
                self._socket.shutdown(socket.SHUT_RD)


def for_socket(sock: Any) -> SocketWait:
    """
    Return what waits for this socket.
    """
    # Its own, or of what it hands all attributes on from.
    owner = getattr(sock.recv, "__self__", None)
    methods = [getattr(m, "__func__", None) for m in (sock.recv, sock.send)]
    if methods == [ProxyCommand.recv, ProxyCommand.send]:
        return _ProxyWait(owner)
    if methods == [Channel.recv, Channel.send]:
        return _ChannelWait(owner)
    if type(sock) is socket.socket and _polls_cooperatively():
        return _PlainWait(sock)
    return SocketWait(sock)


def _polls_cooperatively() -> bool:
    """
    Whether ``poll`` exists and blocks no more than ``recv`` does.

    gevent may have patched the sockets alone: then it would stop all.
    """
    if not hasattr(select, "poll"):
        return False
    patched = [
        not module.startswith(("socket", "select"))
        for module in (socket.socket.__module__, select.poll.__module__)
    ]
    return patched[0] == patched[1]
