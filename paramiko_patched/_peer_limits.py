# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
What a peer may ask of us: counts, sizes and numbers of things.

A peer may be a stranger, who has not even shown a host key.  Whatever one
message says, it costs no more than its own length or what was negotiated; the
message that asks for more ends its connection.  Nothing here blocks or takes a
lock, but for `refuse_channel`.
"""

from __future__ import annotations

from typing import Any

from paramiko.common import (
    DEBUG,
    OPEN_FAILED_RESOURCE_SHORTAGE,
    cMSG_CHANNEL_OPEN_FAILURE,
)
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

#: The largest message, in bytes, unless the peer was told that it may send
#: more.  OpenSSH takes and sends a quarter of it.
MESSAGE_LIMIT_SIZE = 1024 * 1024

#: What a message may have, in bytes, beyond the data of a channel: its head,
#: its padding, and what compression adds to what cannot be compressed.
MESSAGE_ROOM_SIZE = 64 * 1024

#: The longest line, in bytes, that may come before the first message, as
#: OpenSSH has it.
LINE_LIMIT_SIZE = 8192

#: How many open channels may wait to be accepted.
UNACCEPTED_CHANNELS = 1024


def read_count(
    message: Any,
    name: str,
    least: int,
    error: type[Exception] = SSHException,
) -> int:
    """
    Return the next field of a message: the number of things that follow it.

    :param message: a `.Message`, which is read up to behind the field.
    :param str name: what kind of message it is, for the error.
    :param int least: the least room, in bytes, that one of the things takes.
    :raises error: the rest of the message has no room for so many.
    """
    count: int = message.get_int()
    left = message.packet.getbuffer().nbytes - message.packet.tell()
    if count * least > left:
        text = "{} message counts {} things in {} bytes"
        raise error(text.format(name, count, left))
    return count


def raise_limit(packetizer: Any, packet_size: int) -> None:
    """
    Let messages be as long as a peer is told that its packets may be.

    :param packetizer: the `.Packetizer` of the connection.
    :param int packet_size: the most data, in bytes, in one packet.
    """
    packetizer.message_limit = max(
        packetizer.message_limit, packet_size + MESSAGE_ROOM_SIZE
    )


def check_line(line: bytes) -> bytes:
    """
    Return the beginning of a line, unless it is no line of text any more.

    :raises SSHException: it is longer than `LINE_LIMIT_SIZE`.
    """
    if len(line) > LINE_LIMIT_SIZE and b"\n" not in line:
        text = ": no end of line in {} bytes"
        raise SSHException(text.format(len(line)))
    return line


def inflate(stream: Any, data: bytes, limit: int) -> bytes:
    """
    Return what a compressed message says.

    :param stream: a ``zlib`` decompressor, which goes on where it was.
    :param int limit: the most bytes that the message may become.
    :raises SSHException: it becomes more.
    """
    inflated: bytes = stream.decompress(data, limit + 1)
    if len(inflated) > limit:
        text = "Message of {} bytes inflates to more than {}"
        raise SSHException(text.format(len(data), limit))
    return inflated


def refuse_channel(transport: Any, request: Any) -> bool:
    """
    Refuse a new channel if too many wait to be accepted, and say whether.

    Channels that their peer has closed again do not count, and are forgotten
    then: there are servers that accept nothing and serve all the same.

    :param transport: the `.Transport`, whose lock is taken.
    :param request: the `.Message` that asks for a channel, not read yet.
    """
    waiting = transport.server_accepts
    if len(waiting) < UNACCEPTED_CHANNELS:
        return False
    with transport.lock:
        waiting[:] = [channel for channel in waiting if not channel.closed]
        if len(waiting) < UNACCEPTED_CHANNELS:
            return False
    kind = request.get_text()
    answer = Message()
    answer.add_byte(cMSG_CHANNEL_OPEN_FAILURE)
    answer.add_int(request.get_int())
    answer.add_int(OPEN_FAILED_RESOURCE_SHORTAGE)
    answer.add_string("too many channels wait to be accepted")
    answer.add_string("en")
    transport._send_message(answer)
    text = 'Refusing a "{}" channel: {} wait to be accepted'
    transport._log(DEBUG, text.format(kind, len(waiting)))
    return True


def one_line(text: Any) -> Any:
    """
    Return a line of a log in which a peer's words can do no harm.

    They could forge another line, or move the cursor of a terminal.
    """
    if not isinstance(text, str) or text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text
    )
