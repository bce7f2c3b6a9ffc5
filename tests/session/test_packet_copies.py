"""
A packet on its way out is joined once, and is on the wire what it always was.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from session.connection import RAISES_S, Connection
from waiting import Call

Open = Callable[..., Connection]

CIPHER_KEY = b"k" * 16
COUNTER = b"c" * 16
MAC_KEY = b"m" * 32
MAC_BYTES = 32

#: Large beside everything else that the calls allocate.
PAYLOAD_BYTES = 8_000_000

#: The packet as it is encrypted, and as it is joined with its code.
COPIES_AT_ONCE = 2

CIPHERS = ["aes128-ctr", "aes128-gcm@openssh.com"]
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"]


def encryptor() -> CipherContext:
    """
    Return the cipher of one direction, at its beginning.
    """
    return Cipher(algorithms.AES(CIPHER_KEY), modes.CTR(COUNTER)).encryptor()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """
    Yield the two ends of a connection.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def packetizer(paramiko: ModuleType, sock: socket.socket, etm: bool) -> Any:
    """
    Return a packetizer that encrypts with AES-CTR, and authenticates before or after that.
    """
    made = paramiko.Packetizer(sock)
    made.set_outbound_cipher(
        encryptor(), 16, hashlib.sha256, MAC_BYTES, MAC_KEY, sdctr=True, etm=etm
    )
    return made


def fill(sock: socket.socket, memory: bytearray) -> None:
    """
    Receive as many bytes as there is room for.
    """
    left = memoryview(memory)
    while left:
        left = left[sock.recv_into(left) :]


def copies_at_once(call: Callable[[], Any]) -> float:
    """
    Return how often the memory of a payload is taken at the same time during a call.
    """
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (peak - before) / PAYLOAD_BYTES


def wire_size(payload_bytes: int, etm: bool) -> int:
    """
    Return the bytes of a packet with its code: four of length, and whole blocks of 16.
    """
    padded = 1 + payload_bytes + 4 + (0 if etm else 4)
    return padded + -padded % 16 + (4 if etm else 0) + MAC_BYTES


@pytest.mark.parametrize("etm", [True, False], ids=["encrypt-then-mac", "mac-and-encrypt"])
def test_packet_is_joined_once(
    paramiko: ModuleType, ends: tuple[socket.socket, socket.socket], etm: bool
) -> None:
    """
    The memory that a packet takes while it is made is that of the copies that it needs.
    """
    sending = packetizer(paramiko, ends[0], etm)
    message = paramiko.Message(b"x" * PAYLOAD_BYTES)
    message.asbytes()
    memory = bytearray(wire_size(PAYLOAD_BYTES, etm))
    receiving = Call(fill, ends[1], memory)

    copies = copies_at_once(lambda: sending.send_message(message))
    receiving.result(RAISES_S)
    assert copies == pytest.approx(COPIES_AT_ONCE, abs=0.1)


def test_payload_is_copied_once_when_it_is_padded(
    paramiko: ModuleType, ends: tuple[socket.socket, socket.socket]
) -> None:
    """
    Head and padding go around it in one step.
    """
    sending = packetizer(paramiko, ends[0], True)
    payload = b"x" * PAYLOAD_BYTES
    assert copies_at_once(lambda: sending._build_packet(payload)) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("etm", [True, False], ids=["encrypt-then-mac", "mac-and-encrypt"])
def test_packet_is_what_the_rfc_says(
    paramiko: ModuleType, ends: tuple[socket.socket, socket.socket], etm: bool
) -> None:
    """
    Two packets in a row: length, padding, encryption and code, with the number of the packet.

    RFC 4253, section 6; what is different with ``-etm`` is in OpenSSH's PROTOCOL, section 1.5.
    """
    sending = packetizer(paramiko, ends[0], etm)
    decryptor = encryptor()  # in counter mode the same
    for number, payload in enumerate([b"\x5e" + b"one" * 1000, b"\x02"]):
        sending.send_message(paramiko.Message(payload))
        wire = bytearray(wire_size(len(payload), etm))
        fill(ends[1], wire)
        body, code = wire[:-MAC_BYTES], wire[-MAC_BYTES:]
        plain = body[:4] + decryptor.update(body[4:]) if etm else decryptor.update(body)
        length, padding = struct.unpack(">IB", plain[:5])
        assert length == len(plain) - 4
        assert padding >= 4
        assert plain[5 : len(plain) - padding] == payload
        covered = struct.pack(">I", number) + (body if etm else plain)
        assert hmac.digest(MAC_KEY, covered, "sha256") == code


def test_every_kind_of_packet_is_understood_by_the_server(
    open_connection: Open, paramiko: ModuleType
) -> None:
    """
    Whatever cipher and code are agreed upon, a server takes what is sent.
    """
    known = paramiko.Transport._preferred_ciphers
    for cipher in [name for name in CIPHERS if name in known]:
        for mac in MACS:
            connection = open_connection(
                disabled_algorithms={
                    "ciphers": [name for name in known if name != cipher],
                    "macs": [name for name in paramiko.Transport._preferred_macs if name != mac],
                }
            )
            assert connection.transport.local_cipher == cipher
            channel = connection.run("cat")
            data = bytes(range(256)) * 400
            sending = Call(channel.sendall, data)
            assert channel.makefile("rb").read(len(data)) == data
            sending.wait(RAISES_S)
