# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
Reads and writes of one open file, many at a time.

They are made as bytes here, since a transfer makes thousands
(draft-ietf-secsh-filexfer-02, sections 3, 6.3 and 6.4), entered with the
client's router under their numbers, and sent several at once.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from paramiko._patched.sftp.router import (
    await_answers,
    begin,
    enter,
    log_packet,
    router_of,
)
from paramiko.sftp import (
    CMD_EXTENDED,
    CMD_READ,
    CMD_STATUS,
    CMD_WRITE,
    SFTPError,
)

#: What is read or written by one request, in bytes, where the server does not
#: say that it may be more.  With its head this fits one packet of a channel,
#: which all servers take; upstream's 32,768 are a few bytes too many.
USUAL_SIZE = 32_000

#: The most that one request reads or writes, in bytes, as OpenSSH has it.
LARGEST_SIZE = 255 * 1024

#: What a packet has besides the data, at the most: numbers and a handle.
HEAD_SIZE = 1024

#: The extension by which a server says how much it takes; its answer is four
#: numbers: for a packet, a read, a write, and open handles.
LIMITS = "limits@openssh.com"

_HEAD = struct.Struct(">IBI")
_LENGTH = struct.Struct(">I")
_EXTENT = struct.Struct(">QI")
_LIMITS = struct.Struct(">QQQQ")


def pack(kind: int, num: int, *fields: bytes) -> bytes:
    """
    Return a request as it is sent.
    """
    size = 5 + sum(map(len, fields))
    return b"".join((_HEAD.pack(size, kind, num), *fields))


def text(content: bytes) -> bytes:
    """
    Return a string as it stands in a request.
    """
    return _LENGTH.pack(len(content)) + content


class Limits:
    """
    How much the server reads and writes by one request.

    :ivar int read: in bytes
    :ivar int write: in bytes
    :ivar bool is_coming: whether the server is asked and has not answered
    """

    def __init__(self) -> None:
        self.read = self.write = USUAL_SIZE
        self.is_coming = False

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        self.is_coming = False
        numbers = msg.get_remainder()
        if t == CMD_STATUS or len(numbers) < _LIMITS.size:
            return
        packet, read, write, _ = _LIMITS.unpack_from(numbers)
        largest = LARGEST_SIZE
        if packet:
            largest = min(largest, packet - HEAD_SIZE)
        self.read = min(read or USUAL_SIZE, max(largest, USUAL_SIZE))
        self.write = min(write or USUAL_SIZE, max(largest, USUAL_SIZE))


def limits_of(client: Any, asks: bool = True) -> Limits:
    """
    Return how much a client's server takes.

    The first time, the server is asked if it can tell.  That is not waited
    for: until it has answered, requests are as long as is usual.

    :param bool asks: whether to ask now.
    """
    limits: Limits | None = client.__dict__.get("_limits")
    if limits is None:
        if not asks:
            return Limits()
        limits = client.__dict__.setdefault("_limits", Limits())
        if LIMITS.encode() in router_of(client).extensions:
            limits.is_coming = True
            client._async_request(limits, CMD_EXTENDED, LIMITS)
    return limits


class Stream:
    """
    The requests of one transfer.

    Answers are given to a method of each stream by whatever thread reads; one
    that nobody waits for any more is dropped with the stream.

    :ivar int unanswered: how many bytes are asked for, or sent, and not
        answered.
    """

    def __init__(self, client: Any, handle: bytes = b"") -> None:
        self._client = client
        self._handle = text(handle)
        self._asked: dict[int, tuple[int, int]] = {}
        self._packets: list[bytes] = []
        self.unanswered = 0

    def __len__(self) -> int:
        return len(self._asked)

    def ask_to_read(self, offset: int, length: int) -> None:
        """
        Prepare a request.
        """
        extent = _EXTENT.pack(offset, length)
        num = self._enter(offset, length)
        self._packets.append(pack(CMD_READ, num, self._handle, extent))

    def ask_to_write(self, offset: int, data: bytes) -> None:
        """
        Prepare a request.
        """
        head = _EXTENT.pack(offset, len(data))
        num = self._enter(offset, len(data))
        self._packets.append(pack(CMD_WRITE, num, self._handle, head, data))

    def prepare(self, asker: Any, kind: int, *fields: bytes) -> int:
        """
        Prepare a request whose answer somebody else gets.

        :param fields: as they are sent.
        :returns: its number.
        """
        num = enter(self._client, asker)
        self._packets.append(pack(kind, num, *fields))
        return num

    def send(self) -> None:
        """
        Send what is prepared.  Blocks and raises like `Router.send`.
        """
        if not self._packets:
            return
        packets, self._packets = self._packets, []
        begin(self._client)
        if self._client.ultra_debug:
            for packet in packets:
                log_packet(self._client, "OUT: ", packet)
        try:
            self._client._write_all(b"".join(packets))
        except BaseException:
            # Nobody waits for what was not asked.
            self._asked.clear()
            self.unanswered = 0
            raise

    def wait(self, is_done: Callable[[], bool]) -> None:
        """
        Block until something is so, and raise, like `await_answers`.
        """
        await_answers(self._client, is_done)

    def _enter(self, offset: int, length: int) -> int:
        num: int = enter(self._client, self)
        self._asked[num] = offset, length
        self.unanswered += length
        return num

    def _answered(self, num: int) -> tuple[int, int]:
        offset, length = self._asked.pop(num)
        self.unanswered -= length
        return offset, length


def refusal_in(client: Any, t: int, msg: Any) -> Exception | None:
    """
    Return what a server has refused, by an answer that should be a status.
    """
    try:
        if t != CMD_STATUS:
            raise SFTPError("Expected status")
        client._convert_status(msg)
    except Exception as e:
        # The traceback is about a call that has no part in it, and would keep
        # alive whom it mentions.
        return e.with_traceback(None)
    return None
