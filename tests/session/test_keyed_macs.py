"""
The key of a packet's authentication code is taken once, and the code is what it always was.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import random
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import pytest
from session.connection import Connection

Open = Callable[..., Connection]

PACKETS = 50
MACS = [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
]

#: Two that cryptography is asked for, and one that it is not.
ENGINES: list[Callable[..., Any]] = [hashlib.sha256, hashlib.sha1, hashlib.md5]

PARTS = [b"", b"\x00\x00\x00\x01", random.Random(7).randbytes(40_000)]


def prefer(transport: Any, mac: str) -> None:
    """
    Agree with the server on a code, by a key exchange.
    """
    transport.get_security_options().digests = [mac]
    # An authenticating cipher would need none.
    transport.get_security_options().ciphers = ["aes128-ctr"]
    transport.renegotiate_keys()


def calls_into_hmac(work: Callable[[], None]) -> int:
    """
    Return how many calls of this thread go into the standard library's `hmac`.
    """
    count = 0

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_globals.get("__name__") == "hmac"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("mac", MACS)
def test_packet_does_not_take_the_key_anew(open_connection: Open, mac: str) -> None:
    """
    A sender makes no HMAC object for each packet.
    """
    connection = open_connection()
    prefer(connection.transport, mac)
    assert connection.transport.local_mac == mac
    channel = connection.run("exec cat >/dev/null")

    def send() -> None:
        for _ in range(PACKETS):
            channel.sendall(b"x")

    assert calls_into_hmac(send) == 0
    channel.shutdown_write()
    assert channel.recv_exit_status() == 0


@pytest.mark.parametrize("mac", MACS)
def test_server_understands_what_is_sent_and_is_understood(open_connection: Open, mac: str) -> None:
    """
    What must not change: data arrives both ways, also under a second key.
    """
    connection = open_connection()
    for _ in range(2):
        prefer(connection.transport, mac)
        channel = connection.run("exec cat")
        channel.sendall(PARTS[-1])
        channel.shutdown_write()
        assert channel.makefile("rb").read() == PARTS[-1]


def test_code_is_that_of_the_standard_library(paramiko: ModuleType) -> None:
    """
    Of all hashes, of parts as of the whole, and again and again.
    """
    protection = importlib.import_module(paramiko.__name__ + "._patched.wire.protection")
    for engine in ENGINES:
        for key in (b"", b"k" * 20, b"k" * 200):
            mac = protection.make_mac(key, engine, engine().digest_size)
            for parts in ([], PARTS, PARTS[::-1], [b"".join(PARTS)]):
                expected = hmac.new(key, b"".join(parts), engine).digest()
                assert mac(*parts) == expected == mac(*parts)
