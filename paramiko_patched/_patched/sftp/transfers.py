# This module is part of paramiko-patched, which adds it to paramiko.  It is
# distributed under the same licence, the GNU Lesser General Public License,
# version 2.1 or (at your option) any later one.

"""
Whole files over SFTP, as streams of requests.

As many requests are under way as keep the way to the server full, and no more.
What can go together goes together: the questions for size and handle of a file
that is fetched, the last write with the close and the look at what is stored.
A server processes requests about one file in their order, or as if it did
(draft-ietf-secsh-filexfer-02, section 3.1), and may answer in any.

A client whose class or program has methods of its own for this transfers as
upstream does, by those.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

from paramiko._patched.sftp.requests import (
    USUAL_SIZE,
    Stream,
    limits_of,
    refusal_in,
    text,
)
from paramiko._patched.sftp.router import (
    NOBODY,
    Answers,
    is_own,
    router_of,
)
from paramiko._patched.wire.channel_data import enlarge_window
from paramiko.channel import Channel
from paramiko.common import DEBUG, MSG_CHANNEL_WINDOW_ADJUST
from paramiko.message import Message
from paramiko.sftp import (
    CMD_ATTRS,
    CMD_CLOSE,
    CMD_DATA,
    CMD_HANDLE,
    CMD_OPEN,
    CMD_STAT,
    CMD_STATUS,
    SFTP_FLAG_READ,
    SFTPError,
)
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_file import SFTPFile

#: How many bytes may be written and not answered: twice the window of a
#: channel of OpenSSH, so that it never runs dry.
MOST_WRITTEN = 4 * 1024 * 1024

#: The window of a channel, in bytes, as upstream has it; and the one of a
#: session that fetches large files.  On a long way, no more than a window
#: comes in the time that it takes there and back.
USUAL_WINDOW = 2 * 1024 * 1024
LARGE_WINDOW = 8 * 1024 * 1024

#: How many bytes of a window are not asked for: then the server can always get
#: rid of its answers.
WINDOW_REST = 256 * 1024

# The flags to open a file, and no attributes.
_TO_READ = struct.pack(">II", SFTP_FLAG_READ, 0)

#: Of how many bytes upstream tells a callback at a time.
STEP = 32 * 1024

#: What a program may replace by its own that stands for all of a transfer.
_WAYS = (
    "_transfer_with_callback",
    "_async_request",
    "_read_response",
    "_request",
    "_send_packet",
)

_Callback = Callable[[int, int], Any]


class Progress:
    """
    Tells a callback how far a transfer is, in upstream's steps.
    """

    def __init__(self, callback: _Callback | None, total: Any) -> None:
        self._callback = callback
        self._total = total
        self._told = 0

    def tell(self, done: int, is_end: bool = False) -> None:
        """
        Tell of all steps up to there, and at the end of a last short one.
        """
        if self._callback is None:
            return
        while done - self._told >= STEP:
            self._told += STEP
            self._callback(self._told, self._total)
        if is_end and done > self._told:
            self._told = done
            self._callback(done, self._total)


class Upload(Stream):
    """
    The writes of one file.
    """

    refusal: Exception | None = None

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        self._answered(num)
        refusal = refusal_in(self._client, t, msg)
        self.refusal = self.refusal or refusal

    def check(self) -> None:
        """
        Raise what the server has refused, if anything.
        """
        if self.refusal is not None:
            raise self.refusal


def upload(
    client: Any,
    upstream: Callable[..., Any],
    source: Any,
    path: Any,
    size: int,
    callback: _Callback | None,
    confirm: bool,
) -> Any:
    """
    Do what `.SFTPClient.putfo` says.

    :param upstream: upstream's way to do it, with the same arguments.
    """
    if not is_own(client, "file", *_WAYS):
        return upstream(source, path, size, callback, confirm)
    limits_of(client, asks=size > MOST_WRITTEN // 4)
    file = client.file(path, "wb")
    try:
        sent, done = _write_all(client, file, source, size, callback)
        close, stat, answers = _close(client, done, file.handle, path, confirm)
        file._closed = True
    except BaseException:
        _abandon(client, file)
        raise
    done.wait(lambda: not len(done) and close in answers)
    done.check()
    if not confirm:
        return SFTPAttributes()
    attributes = None
    if stat is not None:
        done.wait(lambda: stat in answers)
        t, msg = answers.take(stat)
        if t == CMD_STATUS:
            client._convert_status(msg)
        if t != CMD_ATTRS:
            raise SFTPError("Expected attributes")
        attributes = SFTPAttributes._from_msg(msg)
    if attributes is None or attributes.st_size != sent:
        # Should a server answer before it has closed the file: ask again.
        attributes = client.stat(path)
    if attributes.st_size != sent:
        raise OSError(
            "size mismatch in put!  {} != {}".format(attributes.st_size, sent)
        )
    return attributes


def _write_all(
    client: Any,
    file: Any,
    source: Any,
    total: int,
    callback: _Callback | None,
) -> tuple[int, Upload]:
    """
    Write what a source has to give; the last of it is prepared only.
    """
    writing = Upload(client, file.handle)
    progress = Progress(callback, total)
    # Such a source gives less than it is asked for at its end alone.
    is_whole = isinstance(source, io.BufferedIOBase)
    sent = 0
    limits = limits_of(client, asks=False)
    while True:
        wanted = limits.write
        data = source.read(wanted)
        if not data:
            break
        if isinstance(data, str):
            data = data.encode("utf-8")
        if sent > MOST_WRITTEN // 4:
            limits = limits_of(client)
        for start in range(0, len(data), wanted):
            piece = bytes(data[start : start + wanted])
            writing.ask_to_write(sent + start, piece)
        sent += len(data)
        if not is_whole or len(data) >= wanted:
            writing.send()
        if writing.unanswered > MOST_WRITTEN:
            writing.wait(lambda: writing.unanswered <= MOST_WRITTEN * 3 // 4)
        elif limits.is_coming:
            router_of(client).poll()
        writing.check()
        progress.tell(sent)
    progress.tell(sent, is_end=True)
    return sent, writing


def _close(
    client: Any, writing: Upload, handle: bytes, path: Any, confirm: bool
) -> tuple[int, int | None, Answers]:
    """
    Send what is left, and with it the close and the look at the file.
    """
    answers = Answers()
    close = writing.prepare(answers, CMD_CLOSE, text(handle))
    stat = None
    if confirm and is_own(client, "stat"):
        adjusted = text(client._adjust_cwd(path))
        stat = writing.prepare(answers, CMD_STAT, adjusted)
    writing.send()
    return close, stat, answers


def _abandon(client: Any, file: Any) -> None:
    """
    Have a file closed that nobody uses any more, and do not wait for that.
    """
    if file._closed:
        return
    file._closed = True
    try:
        client._async_request(NOBODY, CMD_CLOSE, file.handle)
    except Exception:
        pass  # the call has something else to tell


class Download(Stream):
    """
    The reads of one file.
    """

    def __init__(self, client: Any, handle: bytes) -> None:
        super().__init__(client, handle)
        #: What has arrived and was not taken, by its offset.
        self.arrived: dict[int, bytes] = {}
        #: What was refused, by its offset; at its end a file refuses.
        self.refusals: dict[int, Exception] = {}
        #: Where the next byte is that is to be taken.
        self.position = 0
        #: What was asked for, and has come without its end.
        self.missing: list[tuple[int, int]] = []

    def _async_response(self, t: int, msg: Any, num: int) -> None:
        offset, length = self._answered(num)
        try:
            if t == CMD_STATUS:
                self._client._convert_status(msg)
            if t != CMD_DATA:
                raise SFTPError("Expected data")
            data = msg.get_string()
            if not data:
                raise EOFError()
        except Exception as e:
            self.refusals[offset] = e.with_traceback(None)
            return
        self.arrived[offset] = data[:length]
        if len(data) < length:
            self.missing.append((offset + len(data), length - len(data)))

    def can_go_on(self) -> bool:
        """
        Return whether an answer has come that has to do with what is next.
        """
        return bool(
            self.position in self.arrived
            or self.position in self.refusals
            or self.missing
        )


def download(
    client: Any,
    upstream: Callable[..., Any],
    path: Any,
    target: Any,
    callback: _Callback | None,
    prefetch: bool,
    *limit: int | None,
) -> int:
    """
    Do what `.SFTPClient.getfo` says.

    :param upstream: upstream's way to do it, with the same arguments.
    :param int limit: how many requests may be under way, if there is one.
    """
    if not prefetch or not is_own(client, "stat", "open", *_WAYS):
        result: int = upstream(path, target, callback, prefetch, *limit)
        return result
    size, file = _look_and_open(client, path)
    try:
        return _read_all(
            client, file, target, size, Progress(callback, size), *limit
        )
    finally:
        _abandon(client, file)


def _look_and_open(client: Any, path: Any) -> tuple[Any, Any]:
    """
    Return the size of a file, and the file, from one question.
    """
    adjusted = client._adjust_cwd(path)
    client._log(DEBUG, "stat({!r})".format(adjusted))
    client._log(DEBUG, "open({!r}, {!r})".format(adjusted, "rb"))
    answers, asking = Answers(), Stream(client)
    stat = asking.prepare(answers, CMD_STAT, text(adjusted))
    opened = asking.prepare(answers, CMD_OPEN, text(adjusted), _TO_READ)
    asking.send()
    asking.wait(lambda: stat in answers and opened in answers)
    file = error = None
    t, msg = answers.take(opened)
    try:
        if t == CMD_STATUS:
            client._convert_status(msg)
        if t != CMD_HANDLE:
            raise SFTPError("Expected handle")
        file = SFTPFile(client, msg.get_binary(), "rb")
    except Exception as e:
        error = e
    try:
        t, msg = answers.take(stat)
        if t == CMD_STATUS:
            client._convert_status(msg)
        if t != CMD_ATTRS:
            raise SFTPError("Expected attributes")
        size = SFTPAttributes._from_msg(msg).st_size
    except BaseException:
        if file is not None:
            _abandon(client, file)
        raise
    if error is not None:
        raise error
    return size, file


def _enlarge_window(channel: Any) -> int:
    """
    Have a channel take more at a time, unless its program has said how much.

    :returns: how much it may take, in bytes.
    """
    if not isinstance(channel, Channel):
        return USUAL_WINDOW
    with channel.lock:
        if channel.in_window_size == USUAL_WINDOW:
            channel.in_window_size = LARGE_WINDOW
            more = LARGE_WINDOW - USUAL_WINDOW
        else:
            more = 0
    if more:
        message = Message()
        message.add_byte(bytes([MSG_CHANNEL_WINDOW_ADJUST]))
        message.add_int(channel.remote_chanid)
        message.add_int(more)
        enlarge_window(channel, message)
    return min(max(channel.in_window_size, USUAL_WINDOW), LARGE_WINDOW)


def _read_all(
    client: Any,
    file: Any,
    target: Any,
    size: int | None,
    progress: Progress,
    most_requests: int | None = None,
) -> int:
    """
    Read a file to its end, wherever that is, and write it to the target.
    """
    reading = Download(client, file.handle)
    most_requests = most_requests or (1 << 30)
    size = size or 0
    limits = limits_of(client, asks=size > USUAL_WINDOW)
    most = USUAL_WINDOW
    if size > 2 * USUAL_WINDOW:
        most = _enlarge_window(client.sock)
    most -= WINDOW_REST
    asked = 0
    while True:
        # What has come short first: everything behind it waits for it.
        while reading.missing:
            reading.ask_to_read(*reading.missing.pop())
        while (
            asked <= size
            and reading.unanswered < most
            and len(reading) < most_requests
        ):
            # The last, at the end, finds that it is the end.
            length = min(limits.read, size - asked) or USUAL_SIZE
            reading.ask_to_read(asked, length)
            asked += length
        if not len(reading) and reading.position not in reading.refusals:
            # The file has grown, or never told its size.
            reading.ask_to_read(reading.position, limits.read)
        reading.send()
        reading.wait(reading.can_go_on)
        while reading.position in reading.arrived:
            data = reading.arrived.pop(reading.position)
            target.write(data)
            reading.position += len(data)
            progress.tell(reading.position)
        refusal = reading.refusals.pop(reading.position, None)
        if refusal is not None:
            if not isinstance(refusal, EOFError):
                raise refusal
            progress.tell(reading.position, is_end=True)
            return reading.position
