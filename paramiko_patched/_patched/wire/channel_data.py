# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The messages of channels on their way out and in, above all their data.

On the way out each message of a channel passes `_queue`, which puts it into
its place in the order under the lock for that, ``clear_to_send_lock``.  There,
and nowhere else, is decided what comes behind an EOF or a CLOSE of the channel
and is not sent.  A sender holds no lock while it waits: neither for room in
the window, nor for the end of a key exchange, nor for the peer to take what it
has queued.  Many packets of one call are queued together and written together.

On the way in `ShortWay` takes data and windows from the transport thread's
hand, and wakes the reader of each channel once for all that was there to read.

A program may have a method of its own in the place of one of upstream's, in a
subclass or on an instance.  Then messages go the way that upstream made for
them, one by one, so that it sees them all.
"""

from __future__ import annotations

import math
import struct
import threading
import time
import weakref
from typing import Any, Callable

from paramiko._connection_end import explain, raise_failure
from paramiko.buffered_pipe import BufferedPipe
from paramiko.common import (
    DEBUG,
    MSG_CHANNEL_CLOSE,
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_EOF,
    MSG_CHANNEL_EXTENDED_DATA,
    MSG_CHANNEL_WINDOW_ADJUST,
)
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

#: How many bytes are queued by one call before they are written.  More keep
#: nobody busier, and would lie in memory twice.
TOGETHER_SIZE = 256 * 1024

#: How many characters of a text are sent at a time, if it is no ASCII.
TEXT_SIZE = 4096

#: How often, in seconds, a sender that waits for the end of a key exchange
#: looks whether the connection goes on.
CHECK_S = 0.1

_DATA = struct.Struct(">BI")
_STDERR = struct.Struct(">BII")
_LENGTH = struct.Struct(">I")
_HEAD = struct.Struct(">BII")
_EXTENDED_HEAD = struct.Struct(">BIII")

#: The only kind of extended data that there is, by RFC 4254, section 5.2.
_STDERR_CODE = 1

_DATA_KINDS = (MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA)
_ENDS = (MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE)

# What the classes have unless a program puts its own in that place.
_own: dict[str, Any] = {}


def know_own(channel_class: type, transport_class: Any) -> bool:
    """
    Remember the methods in whose place a program may put its own.
    """
    for owner, names in (
        (channel_class, ("send", "send_stderr", "_feed")),
        (transport_class, ("_send_message", "_send_user_message")),
    ):
        _own.update({name: getattr(owner, name) for name in names})
    _own["handlers"] = _short_handlers(transport_class)
    return True


def _short_handlers(transport: Any) -> list[Any]:
    """
    Return the handlers that `ShortWay` takes the place of.
    """
    table = transport._channel_handler_table
    return [
        table.get(MSG_CHANNEL_DATA),
        table.get(MSG_CHANNEL_EXTENDED_DATA),
        table.get(MSG_CHANNEL_WINDOW_ADJUST),
    ]


def _is_own(holder: Any, name: str) -> bool:
    method = getattr(holder, name, None)
    return getattr(method, "__func__", None) is _own[name]


def _closed() -> OSError:
    return OSError("Socket is closed")


def send(channel: Any, data: Any, head: bytes) -> int:
    """
    Send as much of some data as one packet holds and the peer has room for.

    Blocks like `.Channel.send`; a channel that carries another connection
    waits for room alone.

    :param data: any bytes-like object, or a `str`, which goes out as UTF-8.
    :param bytes head: how the message begins, down to its length.
    :returns:
        how many bytes were sent, or characters of a `str`; 0 if the program
        has ended its input.
    """
    if isinstance(data, str) and not data.isascii():
        return _send_text(channel, data[:TEXT_SIZE], head)
    limit = TOGETHER_SIZE if channel._is_carrier else 0
    return _send(channel, _view(data), head, limit)


def _send_text(channel: Any, text: str, head: bytes) -> int:
    """
    Send a text that one packet holds: no character of it in part.
    """
    rest = _view(text)
    while rest:
        sent = _send(channel, rest, head, 0)
        if not sent:
            return 0
        rest = rest[sent:]
    return len(text)


def send_some(channel: Any, data: Any, name: str) -> int:
    """
    Send some of the data, in one packet or many.  Blocks like `send`.

    :param str name: of the method that sends to the stream that is meant.
    :returns: how much was sent, which is something.
    :raises OSError: the program has closed the channel, or ended its input.
    """
    if _is_own(channel, name):
        head = _head(channel, name)
        sent = _send(channel, _view(data), head, TOGETHER_SIZE)
    else:
        sent = getattr(channel, name)(data)
    if not sent:
        raise _closed()
    return sent


def send_all(
    channel: Any,
    data: Any,
    name: str,
    one_by_one: Callable[[Any], None],
) -> None:
    """
    Send all of some data, as `.Channel.sendall` says.

    :param str name: as for `send_some`.
    :param one_by_one: does the same by calls of the program's own method.
    """
    if not _is_own(channel, name):
        one_by_one(data)
        return
    rest = _view(data)
    head = _head(channel, name)
    while rest:
        sent = _send(channel, rest, head, TOGETHER_SIZE)
        if not sent:
            raise _closed()
        rest = rest[sent:]


def _view(data: Any) -> memoryview:
    """
    Return bytes that can be cut into pieces without a copy.
    """
    if isinstance(data, (bytes, str)):
        return memoryview(data.encode() if isinstance(data, str) else data)
    if not isinstance(data, memoryview):
        # Whatever the program does to it meanwhile.
        return memoryview(bytes(memoryview(data)))
    return data if data.format == "B" else data.cast("B")


def _head(channel: Any, name: str) -> bytes:
    number = channel.remote_chanid
    if name == "send":
        return _DATA.pack(MSG_CHANNEL_DATA, number)
    return _STDERR.pack(MSG_CHANNEL_EXTENDED_DATA, number, _STDERR_CODE)


def _send(channel: Any, data: memoryview, head: bytes, limit: int) -> int:
    """
    Send one packet, and more if that is less than ``limit`` bytes.
    """
    end = channel
    try:
        with channel.lock:
            if channel.closed:
                raise _closed()
            size: int = channel._wait_for_send_window(len(data))
            packet_size = size
            more = min(limit, len(data)) - size
            if more > 0 and size:
                more = min(more, channel.out_window_size)
                channel.out_window_size -= more
                size += more
        if not size:
            if channel._failure is not None:
                raise_failure(channel)
            return 0
        channel._is_handing_over = True
        end = channel.transport
        if not _hand_over(channel, _packets(head, data, size, packet_size)):
            raise_failure(end)
            raise _closed()
        channel._is_handing_over = False
        return size
    except Exception as e:
        explain(end, e)
        explain(channel, e)
        raise


def _packets(
    head: bytes, data: memoryview, size: int, packet_size: int
) -> list[bytes]:
    """
    Return the messages that hold the first bytes of the data.
    """
    packets = []
    for start in range(0, size, packet_size):
        body = data[start : min(start + packet_size, size)]
        packets.append(b"".join((head, _LENGTH.pack(len(body)), body)))
    return packets


def _hand_over(channel: Any, packets: list[bytes]) -> bool:
    """
    Queue data, and wait until it is written, unless nobody may wait here.

    :returns: ``False`` if it came too late, or the connection has ended.
    """
    transport = channel.transport
    if not _sends_plainly(transport):
        if _is_too_late(channel, packets[0][0]):
            return False
        post, wait = transport._post_message, transport._send_user_message
        for packet in packets:
            (post if channel._is_carrier else wait)(Message(packet))
        return True
    if channel._is_carrier or threading.get_ident() == transport.ident:
        return _post(channel, packets)
    return _send_in_order(channel, packets)


def send_message(channel: Any, message: Any) -> None:
    """
    Send a message of a channel, unless it would be behind its CLOSE.

    Blocks until it is written, but not in the transport thread.

    :param message: a `.Message`.
    """
    transport = channel.transport
    if not _sends_plainly(transport):
        _send_visibly(channel, message, transport._send_user_message)
        return
    packets = [message.asbytes()]
    try:
        if threading.get_ident() == transport.ident:
            _post(channel, packets)
        elif not _send_in_order(channel, packets):
            raise_failure(transport)
    except Exception as e:
        explain(transport, e)
        raise


def post_message(channel: Any, message: Any) -> None:
    """
    Send a message of a channel as soon as possible, without waiting for that.

    What is pointless without connection is dropped without one.
    """
    transport = channel.transport
    try:
        if _sends_plainly(transport):
            _post(channel, [message.asbytes()])
        else:
            _send_visibly(channel, message, transport._post_message)
    except (SSHException, EOFError):
        if transport._failure is None:
            raise


def enlarge_window(channel: Any, message: Any) -> None:
    """
    Tell the peer of room.  Whatever comes of that, the data is returned.
    """
    try:
        post_message(channel, message)
    except EOFError:
        pass  # the next call is told


def _sends_plainly(transport: Any) -> bool:
    """
    Return whether the transport sends by methods of its own alone.
    """
    try:
        return (
            transport._send_user_message.__func__ is _own["_send_user_message"]
            and transport._send_message.__func__ is _own["_send_message"]
        )
    except AttributeError:
        return False


def _send_visibly(
    channel: Any, message: Any, send: Callable[[Any], None]
) -> None:
    """
    Send a message by the methods that a program may have replaced.
    """
    kind = message.asbytes()[0]
    if not _is_too_late(channel, kind):
        if kind in _ENDS:
            _note_end(channel, kind)
        send(message)


def _is_too_late(channel: Any, kind: int) -> bool:
    """
    Return whether such a message may not be sent any more.
    """
    is_late: bool = channel._is_close_queued
    return is_late or (channel._is_eof_queued and kind in _DATA_KINDS)


def _note_end(channel: Any, kind: int) -> None:
    if kind == MSG_CHANNEL_EOF:
        channel._is_eof_queued = True
    else:
        channel._is_close_queued = True


def _queue(
    channel: Any, packets: list[bytes], put: Callable[[bytes], Any]
) -> tuple[bool, Any]:
    """
    Give messages of one kind their place in the order, which is locked.

    :returns: whether they are sent; and the position of the last.
    """
    kind = packets[0][0]
    if _is_too_late(channel, kind):
        return False, None
    for packet in packets:
        position = put(packet)
    if kind in _ENDS:
        _note_end(channel, kind)
    return True, position


def _send_in_order(channel: Any, packets: list[bytes]) -> bool:
    """
    Send messages when no keys are exchanged; return when they are written.

    :returns: ``False`` if they came too late, or the connection has ended.
    :raises SSHException: the key exchange takes too long.
    """
    transport = channel.transport
    is_clear = transport.clear_to_send.is_set
    started = None if is_clear() else time.monotonic()
    while True:
        if not is_clear():
            transport.clear_to_send.wait(CHECK_S)
        if not transport.active:
            transport._log(DEBUG, "Connection has ended; nothing is sent")
            return False
        with transport.clear_to_send_lock:
            if is_clear():
                is_sent, position = _queue(
                    channel, packets, transport.packetizer.queue_message
                )
                break
        if started is None:
            started = time.monotonic()
        if time.monotonic() > started + transport.clear_to_send_timeout:
            raise SSHException(
                "Key-exchange timed out waiting for key negotiation"
            )
    if is_sent:
        transport.packetizer.flush(position)
    return is_sent


def _post(channel: Any, packets: list[bytes]) -> bool:
    """
    Queue messages for now, or for after the key exchange, and return.

    :returns: as `_send_in_order` does.
    """
    transport = channel.transport
    if not transport.active:
        return False
    packetizer = transport.packetizer
    with transport.clear_to_send_lock:
        is_clear = transport.clear_to_send.is_set()
        put = packetizer.queue_message if is_clear else transport._put_off
        is_sent, _ = _queue(channel, packets, put)
    if not is_sent:
        return False
    # Whom other threads wait for is the program's business: they must not.
    on_loop = threading.get_ident() == transport.ident
    try:
        packetizer.flush(deadline=math.inf if on_loop else 0)
    except EOFError:
        # Closed by the program meanwhile: nobody is left to be sent to.
        if transport.active:
            raise
    return True


class _Taken:
    """
    What has been taken of one channel and is not delivered yet.
    """

    __slots__ = ("channel", "err", "out", "room", "window")

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        #: How much the peer may still send.
        self.room: int = channel._room_in_window()
        #: How much more we may send.
        self.window = 0


class ShortWay:
    """
    Takes data and windows of channels past upstream's dispatch.

    Thread-safety: the transport thread alone.
    """

    def __init__(self, transport: Any) -> None:
        # Weak, since that has this, by its packetizer.
        self._transport = weakref.ref(transport)
        self._is_own = _short_handlers(transport) == _own["handlers"]
        self._taken: dict[int, _Taken] = {}

    def take(self, payload: memoryview) -> bool:
        """
        Take a message of one of the three kinds.  Does not block.

        :param payload: the message, which is not kept.
        :returns: ``False`` if it has to go upstream's way.
        """
        if len(payload) < _HEAD.size:
            return False
        kind, number, count = _HEAD.unpack_from(payload)
        taken = self._taken.get(number) or self._begin(number)
        if taken is None:
            return False
        if kind == MSG_CHANNEL_WINDOW_ADJUST:
            taken.window += count
            return True
        if kind == MSG_CHANNEL_DATA:
            start = _HEAD.size
            stream = taken.out
        else:
            start = _EXTENDED_HEAD.size
            if len(payload) < start:
                return False
            code, count = _EXTENDED_HEAD.unpack_from(payload)[2:]
            if code != _STDERR_CODE:
                return False
            stream = taken.err
            if taken.channel.combine_stderr:
                # Upstream feeds it by a method that a program may have.
                if not _is_own(taken.channel, "_feed"):
                    return False
                stream = taken.out
        if len(payload) != start + count or count > taken.room:
            return False
        taken.room -= count
        stream.append(bytes(payload[start:]))
        return True

    def deliver(self) -> None:
        """
        Hand on what was taken, and wake each reader and sender once.
        """
        if not self._taken:
            return
        all_taken, self._taken = self._taken, {}
        for taken in all_taken.values():
            channel = taken.channel
            if taken.out:
                channel.in_buffer.feed_all(taken.out)
            if taken.err:
                # Locked, for `set_combine_stderr` at this moment.
                with channel.lock:
                    if channel.combine_stderr:
                        channel.in_buffer.feed_all(taken.err)
                    else:
                        channel.in_stderr_buffer.feed_all(taken.err)
            if taken.window:
                with channel.lock:
                    channel.out_window_size += taken.window
                    channel.out_buffer_cv.notify_all()

    def _begin(self, number: int) -> _Taken | None:
        """
        Return what takes the first message of a channel, if one may.
        """
        transport = self._transport()
        if transport is None or transport._expected_packet:
            return None
        channel = transport._channels.get(number)
        if (
            channel is None
            or not self._is_own
            or channel.ultra_debug
            or type(channel.in_buffer) is not BufferedPipe
            or type(channel.in_stderr_buffer) is not BufferedPipe
        ):
            return None
        taken = self._taken[number] = _Taken(channel)
        return taken
