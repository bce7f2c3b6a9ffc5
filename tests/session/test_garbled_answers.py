"""
SFTP answers that are not what they promise: an error that is documented, and at once.
"""

from __future__ import annotations

import errno
import shlex
import struct
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection
from waiting import Call

Open = Callable[..., Connection]
Serve = Callable[..., Any]

VERSION, STATUS, HANDLE, DATA, NAME, ATTRS = 2, 101, 102, 103, 104, 105

#: As many as no packet has room for; upstream makes them all up, within a second.
MANY = 100_000

#: Answers requests in turn: each argument is a packet, in which `NNNN` is the request's number.
SERVER = """
import struct, sys
for answer in map(bytes.fromhex, sys.argv[1:]):
    size = struct.unpack(">I", sys.stdin.buffer.read(4))[0]
    number = sys.stdin.buffer.read(size)[1:5]
    sys.stdout.buffer.write(answer.replace(b"NNNN", number))
    sys.stdout.buffer.flush()
sys.stdin.buffer.read()
"""


def packet(kind: int, *fields: int | bytes) -> bytes:
    """
    Return a packet with its length before it: numbers of four bytes, and bytes as they are.
    """
    parts = (struct.pack(">I", field) if isinstance(field, int) else field for field in fields)
    body = bytes([kind]) + b"".join(parts)
    return struct.pack(">I", len(body)) + body


def text(content: bytes) -> bytes:
    """
    Return a string as it stands in a packet.
    """
    return struct.pack(">I", len(content)) + content


HELLO = packet(VERSION, 3)
OPENED = packet(HANDLE, b"NNNN", text(b"handle"))


@pytest.fixture
def serve(paramiko: ModuleType, open_connection: Open) -> Serve:
    """
    Return a function that connects an SFTP client to a server with such answers.
    """

    def connect_sftp(*answers: bytes) -> Any:
        words = [sys.executable, "-c", SERVER, *(answer.hex() for answer in answers)]
        channel = open_connection().run(shlex.join(words))
        return paramiko.SFTPClient(channel)

    return connect_sftp


@pytest.mark.fault
@pytest.mark.parametrize("version", [b"", b"\0\0\3"], ids=["none", "cut"])
def test_short_version_is_an_sftp_error(paramiko: ModuleType, serve: Serve, version: bytes) -> None:
    """
    The first packet of all has nothing but a number.
    """
    assert type(Call(serve, packet(VERSION, version)).error(10)) is paramiko.SFTPError


def list_all(sftp: Any) -> Any:
    return list(sftp.listdir_iter())


def stat(sftp: Any) -> Any:
    return sftp.stat(".")


def read(sftp: Any) -> Any:
    return sftp.open("file").read(8)


GARBLED = {
    "names-iterated": (list_all, [OPENED, packet(NAME, b"NNNN", MANY)]),
    "names": (lambda sftp: sftp.listdir(), [OPENED, packet(NAME, b"NNNN", MANY)]),
    "no-names": (lambda sftp: sftp.readlink("link"), [packet(NAME, b"NNNN")]),
    "extensions": (stat, [packet(ATTRS, b"NNNN", 0x80000000, MANY)]),
    "attributes": (stat, [packet(ATTRS, b"NNNN", 1, b"\0\0\0\0")]),
    "data": (read, [OPENED, packet(DATA, b"NNNN", 8, b"data")]),
    "handle": (read, [packet(HANDLE, b"NNNN", 6, b"ha")]),
    "status": (lambda sftp: sftp.mkdir("folder"), [packet(STATUS, b"NNNN")]),
    "empty-packets": (stat, [packet(ATTRS, b"NNNN", 0).rjust(80, b"\0")]),
    "no-number": (stat, [packet(ATTRS, b"\0\0")]),
}


@pytest.mark.fault
@pytest.mark.parametrize("garbled", list(GARBLED))
def test_answer_that_lacks_something_is_an_sftp_error(
    paramiko: ModuleType, serve: Serve, garbled: str
) -> None:
    """
    Nothing is made up in its place: no names, no zeros, no success.
    """
    call, answers = GARBLED[garbled]
    sftp = serve(HELLO, *answers)
    sftp.get_channel().settimeout(10)

    assert type(Call(call, sftp).error(RAISES_S)) is paramiko.SFTPError


@pytest.mark.fault
def test_undecodable_name_is_an_sftp_error_and_what_it_was(
    paramiko: ModuleType, serve: Serve
) -> None:
    """
    Programs that know the error of the decoder go on knowing it.
    """
    names = packet(NAME, b"NNNN", 1, text(b"caf\xe9"), text(b""), 0)
    error = Call(serve(HELLO, OPENED, names).listdir).error(RAISES_S)

    assert isinstance(error, paramiko.SFTPError)
    assert isinstance(error, UnicodeDecodeError)
    assert error.object == b"caf\xe9"
    assert "invalid continuation byte" in str(error) or "unexpected end of data" in str(error)


@pytest.mark.parametrize("words", [b"", text(b"gone")], ids=["none", "some"])
def test_status_may_lack_its_text(serve: Serve, words: bytes) -> None:
    """
    What must not change: servers of the protocol's second version send a code alone.
    """
    error = Call(stat, serve(HELLO, packet(STATUS, b"NNNN", 2, words))).error(RAISES_S)

    assert isinstance(error, FileNotFoundError)
    assert error.errno == errno.ENOENT
    assert error.strerror == words[4:].decode("ascii")


def test_answers_are_read_as_ever(serve: Serve) -> None:
    """
    What must not change: answers to nobody are skipped, and what follows the last field is.
    """
    attributes = packet(ATTRS, b"NNNN", 1, b"\0\0\0\0\0\0\0\7", b"and so on")
    names = packet(NAME, b"NNNN", 2, *(text(b"a"), text(b""), 0, text("ä".encode()), text(b""), 0))
    end = packet(STATUS, b"NNNN", 1, text(b"end"))
    done = packet(STATUS, b"NNNN", 0, text(b""), text(b""))
    to_nobody = packet(ATTRS, b"\xff\xff\xff\xff")
    sftp = serve(HELLO, to_nobody + attributes, OPENED, names, end, done)

    assert Call(stat, sftp).result(10).st_size == 7
    assert Call(sftp.listdir).result(10) == ["a", "ä"]
