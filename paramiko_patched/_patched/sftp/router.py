# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
The requests of one SFTP session on their way out, and the way back.

A request gets its number, and whoever is to have the answer is entered under
it, before it is sent.  So no answer comes to nobody, and each goes to the call
that has asked, whichever thread reads it.

There is no thread that reads.  A call that waits for an answer reads for all,
if nobody does, and hands on what is not its own; when it has its answer, one
of those that still wait reads on.

On the way out requests are sent whole, one after the other.  One is longer
than a packet of the channel, or than its window, and goes out in pieces;
whatever came between them, the server would take for a part of it.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from paramiko._connection_end import raise_failure
from paramiko._patched.sftp.answers import Answer, parse_answer
from paramiko._patched.wire.channel_data import send_some
from paramiko.channel import Channel
from paramiko.common import DEBUG
from paramiko.message import Message
from paramiko.sftp import (
    _VERSION,
    CMD_INIT,
    CMD_STATUS,
    CMD_VERSION,
    SFTPError,
)
from paramiko.ssh_exception import SSHException
from paramiko.util import format_binary

#: How much is read at a time, in bytes.
READ_SIZE = 256 * 1024

#: The first byte of a packet's length is zero (upstream takes any other for
#: garbage), which makes this the limit, in bytes.
LENGTH_LIMIT = 1 << 24

#: What a packet of a channel holds beside its data, as upstream counts it.
HEAD_SIZE = 64

#: How many answers are kept that a program asked for and has not fetched yet.
MOST_UNFETCHED = 16 * 1024

#: How often, in seconds, a reader of a bare socket looks whether that was
#: closed, which nothing else would tell it.
CHECK_S = 0.1

_LENGTH = struct.Struct(">I")


class Answers:
    """
    The answers to some requests of one call, which are forgotten with it.

    The reader delivers, and the call that has asked takes.
    """

    def __init__(self) -> None:
        self._arrived: dict[int, tuple[int, Any]] = {}

    def __contains__(self, num: int) -> bool:
        return num in self._arrived

    def take(self, num: int) -> tuple[int, Any]:
        """
        Return the answer to a request that has come: its kind and its fields.
        """
        return self._arrived.pop(num)

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        # The name is the one under which upstream delivers.
        self._arrived[num] = t, msg


class Nobody:
    """
    Gets the answers that no call waits for.
    """

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        pass


#: For requests that are sent and forgotten.
NOBODY = Nobody()


class _Waiter:
    """
    A thread that waits while another one reads.
    """

    __slots__ = ("is_done", "lock")

    def __init__(self, is_done: Callable[[], bool]) -> None:
        self.is_done = is_done
        self.lock = threading.Lock()
        self.lock.acquire()


class Router:
    """
    What one SFTP client sends and receives.

    Thread-safety: any thread may call any method, also from a signal handler
    that interrupts another call.

    :ivar int arrivals: how many answers have come.
    :ivar dict extensions: what the server has announced, by name.
    :param client: the `.SFTPClient`, which has this.
    """

    def __init__(self, client: Any) -> None:
        self._client = weakref.ref(client)
        self.arrivals = 0
        self.extensions: dict[bytes, bytes] = {}
        # For the lists of who waits, and of who reads.  Never held for long.
        self._lock = threading.Lock()
        self._reader: int | None = None
        self._waiters: list[_Waiter] = []
        self._last_arrival = 0.0
        # What has arrived of the next packet.
        self._unread = bytearray()
        self._unfetched: dict[int, tuple[int, Any]] = {}
        self._garbage: str | None = None
        self._sending = threading.Lock()
        self._sender: int | None = None
        # What is left of a request whose sender was cut short.
        self._rest = b""
        self._is_cut = False

    # -- out ----------------------------------------------------------------

    def send(self, packet: bytes) -> None:
        """
        Send requests behind those of others, and behind what they left.

        Blocks like `.Channel.sendall`.

        :param bytes packet: one request, or several.
        :raises socket.timeout:
            the channel's time limit is over.  If a part was sent, the rest
            will be, in front of the next request.
        :raises SFTPError:
            nothing is sent: this interrupts a request of its own thread, or
            one was cut in the middle.
        """
        sock = self._end()
        with self._turn(_time_limit(sock)):
            if self._is_cut:
                raise SFTPError("A request was cut off; the session is over")
            if self._rest:
                self._send_pieces(sock, self._rest, is_begun=True)
            self._send_pieces(sock, packet, is_begun=False)

    def is_free(self, timeout: float) -> bool:
        """
        Return whether a destructor can send: nobody does, and it interrupts
        no reader.  Wait for others to be done, but not for this thread.

        :param float timeout: how long to wait, in seconds.
        """
        if threading.get_ident() in (self._sender, self._reader):
            return False
        if not self._sending.acquire(timeout=timeout):
            return False
        self._sending.release()
        return True

    @contextmanager
    def _turn(self, limit: float | None) -> Iterator[None]:
        me = threading.get_ident()
        if self._sender == me:
            raise SFTPError("This call interrupts one that sends a request")
        if not self._sending.acquire(timeout=-1 if limit is None else limit):
            raise socket.timeout()
        try:
            self._sender = me
            yield
        finally:
            self._sender = None
            self._sending.release()

    def _send_pieces(self, sock: Any, packet: bytes, is_begun: bool) -> None:
        """
        Send a request, or the rest of one that is begun.
        """
        rest: Any = packet
        is_channel = isinstance(sock, Channel)
        is_one = is_channel and len(packet) <= min(
            sock.out_max_packet_size - HEAD_SIZE, sock.out_window_size
        )
        try:
            while rest:
                if is_channel:
                    sock._is_handing_over = False
                    count = send_some(sock, rest, "send")
                else:
                    count = sock.send(rest)
                if count == len(rest):
                    break
                rest = memoryview(rest)[count:]
            self._rest = b""
        except BaseException as e:
            is_first = not is_begun and len(rest) == len(packet)
            if not is_channel or not sock._is_handing_over:
                # It came while there was no room for the next piece.
                self._rest = b"" if is_first else bytes(rest)
            elif is_first and is_one:
                pass  # in one piece, it is sent or it is not
            elif not sock.closed:
                # Nobody knows whether the piece was sent.  Whatever is sent
                # now, the server might misread.
                self._is_cut = True
                sock.close()
            if isinstance(e, EOFError):
                raise OSError("Socket is closed") from e
            raise

    # -- in -----------------------------------------------------------------

    def wait(self, is_done: Callable[[], bool]) -> None:
        """
        Return when something is so; until then, read, or have others read.

        Blocks for as long as the channel's time limit lets a read block.

        :param is_done:
            says whether it is so.  May be called by any thread, so it must be
            quick, and neither block nor raise.
        :raises EOFError: the session is at its end.
        :raises socket.timeout: nothing has come in time.
        :raises SFTPError: what has come makes no sense.
        """
        started = time.monotonic()
        while not is_done():
            if self._begin_reading():
                try:
                    while not is_done():
                        self._read_some()
                finally:
                    self._end_reading()
            else:
                self._stand_by(is_done, started)
        if self._waiters and self._reader is None:
            with self._lock:
                self._wake_next()

    def poll(self) -> None:
        """
        Take the answers that are there, without waiting for any.
        """
        if is_readable(self._end()) and self._begin_reading():
            try:
                self._read_some()
            finally:
                self._end_reading()

    def fetch(self, num: int) -> tuple[int, Any]:
        """
        Return the answer to a request that nobody was entered for, once.

        Blocks and raises like `wait`.
        """
        self.wait(lambda: num in self._unfetched)
        return self._unfetched.pop(num)

    def wait_for_any(self) -> None:
        """
        Return when any answer has come.  Blocks and raises like `wait`.
        """
        before = self.arrivals
        self.wait(lambda: self.arrivals != before)

    def read_exactly(self, size: int) -> bytes:
        """
        Return the next bytes as they come, for whoever reads packets himself.

        :raises EOFError: there are no more.
        """
        while len(self._unread) < size:
            self._receive()
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def _end(self) -> Any:
        client = self._client()
        return None if client is None else client.sock

    def _begin_reading(self) -> bool:
        with self._lock:
            if self._reader is not None:
                if self._reader != threading.get_ident():
                    return False
                raise SFTPError("This call interrupts one that reads answers")
            self._reader = threading.get_ident()
            return True

    def _end_reading(self) -> None:
        with self._lock:
            self._reader = None
            self._wake_next()

    def _wake_next(self) -> None:
        if self._waiters:
            self._waiters.pop(0).lock.release()

    def _stand_by(self, is_done: Callable[[], bool], started: float) -> None:
        """
        Wait until it is so, or this thread has to read for itself.
        """
        waiter = _Waiter(is_done)
        with self._lock:
            if self._reader is None or is_done():
                return
            self._waiters.append(waiter)
        try:
            while True:
                limit = _time_limit(self._end())
                if limit is None:
                    waiter.lock.acquire()
                    return
                since = max(started, self._last_arrival)
                left = since + limit - time.monotonic()
                if waiter.lock.acquire(timeout=max(left, 0)):
                    return
                if max(started, self._last_arrival) == since:
                    raise socket.timeout()
        except BaseException:
            with self._lock:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                elif self._reader is None:
                    self._wake_next()
            raise

    def _read_some(self) -> None:
        """
        Wait for something to arrive, and deliver all that has.
        """
        if self._garbage is not None:
            raise SFTPError(self._garbage)
        client = self._client()
        if client is None:
            raise EOFError()
        if _reads_itself(client):
            kind, content = client._read_packet()
            self._deliver(client, kind, content)
        else:
            self._receive()
            self._parse(client)
        self._wake_done()

    def _receive(self) -> None:
        sock = self._end()
        if isinstance(sock, socket.socket):
            while not is_readable(sock, CHECK_S):
                pass
        data = sock.recv(READ_SIZE)
        if not data:
            raise EOFError()
        self._unread += data
        self._last_arrival = time.monotonic()

    def _parse(self, client: Any) -> None:
        unread, start = self._unread, 0
        try:
            while len(unread) - start >= _LENGTH.size:
                (size,) = _LENGTH.unpack_from(unread, start)
                if size >= LENGTH_LIMIT:
                    self._fail("Garbage packet received")
                begin = start + _LENGTH.size
                if len(unread) - begin < size:
                    break
                # What cannot be delivered is not met again.
                start = begin + size
                if not size:
                    self._fail("Incomplete packet received")
                content = bytes(memoryview(unread)[begin + 1 : start])
                self._deliver(client, unread[begin], content)
        finally:
            del unread[:start]

    def _fail(self, reason: str) -> None:
        self._garbage = reason
        raise SFTPError(reason)

    def _deliver(self, client: Any, kind: int, content: bytes) -> None:
        """
        Hand an answer to who has asked for it.
        """
        if client.ultra_debug:
            log_packet(client, "IN: ", bytes([kind]) + content)
        try:
            msg = parse_answer(kind, content)
        except SFTPError as e:
            self._fail(str(e))
        num = msg.get_int()
        self.arrivals += 1
        expecting = client._expecting
        if num not in expecting:
            return  # of a call that was given up, or a file that is no more
        asker = expecting.pop(num, None)
        if asker is type(None):
            self._keep(num, kind, msg)
        elif asker is not None:
            asker._async_response(kind, msg, num)

    def _keep(self, num: int, kind: int, msg: Any) -> None:
        unfetched = self._unfetched
        unfetched[num] = kind, msg
        if len(unfetched) > MOST_UNFETCHED:
            del unfetched[next(iter(unfetched))]

    def _wake_done(self) -> None:
        if not self._waiters:
            return
        with self._lock:
            for waiter in [w for w in self._waiters if w.is_done()]:
                self._waiters.remove(waiter)
                waiter.lock.release()


def router_of(client: Any) -> Router:
    """
    Return the router of a client, the same every time.

    :param client: an `.SFTPClient`, also of a class that does not call ours.
    """
    router: Router | None = client.__dict__.get("_router")
    if router is None:
        # Two threads at once get the same.
        router = client.__dict__.setdefault("_router", Router(client))
    return router


def is_readable(sock: Any, timeout: float = 0) -> bool:
    """
    Return whether a read of a channel, or of a socket, would not block.

    :param float timeout: how long to wait for that on a socket, in seconds.
    """
    if isinstance(sock, socket.socket):
        return bool(select.select([sock], [], [], timeout)[0])
    ready: Any = getattr(sock, "recv_ready", None)
    return bool(ready and ready())


def log_packet(client: Any, prefix: str, packet: bytes) -> None:
    """
    Write a packet to the log, as upstream does where that is asked for.
    """
    client._log(DEBUG, format_binary(packet, prefix))


# What a program may have replaced by its own, as upstream has it.
_own: dict[str, Any] = {}


def know_own(client_class: Any) -> bool:
    """
    Remember the methods in whose place a program may put its own.
    """
    for name in dir(client_class):
        if not name.startswith("__"):
            _own[name] = getattr(client_class, name)
    return True


def is_own(client: Any, *names: str) -> bool:
    """
    Tell whether a client does something the way the library does it.
    """
    return all(
        getattr(getattr(client, name), "__func__", None) is _own.get(name)
        for name in names
    )


def _reads_itself(client: Any) -> bool:
    return not is_own(client, "_read_packet", "_read_all")


def _time_limit(sock: Any) -> float | None:
    limit: float | None = getattr(sock, "gettimeout", lambda: None)()
    return limit


def begin(client: Any) -> None:
    """
    Raise at once what would keep a request from being sent.

    Before any lock is asked for: in a forked child, a thread that is not there
    may hold that.
    """
    raise_failure(client.sock)
    client._close_dropped_files()


def enter(client: Any, asker: Any) -> int:
    """
    Return the number of a request that is going to be sent.

    :param asker:
        has the ``_async_response`` that gets the answer, and is forgotten
        when nobody else knows it; or ``type(None)``, for `Router.fetch`.
    """
    with client._lock:
        num: int = client.request_number
        client._expecting[num] = asker
        client.request_number += 1
    return num


def await_answers(client: Any, is_done: Callable[[], bool]) -> None:
    """
    Do what `Router.wait` does, and tell of the end of the session as upstream.

    :raises SSHException: the session is at its end.
    """
    try:
        router_of(client).wait(is_done)
    except EOFError as e:
        raise SSHException("Server connection dropped: {}".format(e)) from e


def read_response(client: Any, num: int | None) -> tuple[Any, Any]:
    """
    Do what upstream's ``_read_response`` does.

    :param int num: of a request that nobody is entered for; or none, to wait
        for any answer to anybody.
    """
    router = router_of(client)
    try:
        if num is None:
            router.wait_for_any()
            return None, None
        t, msg = router.fetch(num)
    except EOFError as e:
        raise SSHException("Server connection dropped: {}".format(e)) from e
    if t == CMD_STATUS:
        client._convert_status(msg)
    return t, msg


def negotiate(client: Any) -> int:
    """
    Agree on a version of the protocol, and keep what the server announces.

    :returns: the server's version.
    """
    hello = Message()
    hello.add_int(_VERSION)
    client._send_packet(CMD_INIT, hello)
    kind, content = client._read_packet()
    if kind != CMD_VERSION:
        raise SFTPError("Incompatible sftp protocol")
    answer = Answer(content)
    version: int = answer.get_int()
    extensions = router_of(client).extensions
    try:
        while answer.get_remainder():
            name = answer.get_string()
            extensions[name] = answer.get_string()
    except SFTPError:
        pass  # what some servers add is none of our business
    return version
