"""
What two ends of a connection may agree upon, and how a packetizer is told of it.

A `Suite` names it, a `Secret` is what a key exchange would give for one direction. Both are the
same for every library, so that one can write what another reads.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hmac import digest
from types import ModuleType
from typing import Any

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.ciphers import Cipher
from wire.carriers import Pieces, Sink

#: A message whose sender goes on with new keys behind it (RFC 4253, section 7.3).
NEWKEYS = b"\x15"

#: The number of the first message that belongs to a channel.
DATA = 94


@dataclass(frozen=True)
class Suite:
    """
    A cipher, what authenticates packets, and compression, by the names that the protocol has.

    :param str mac: empty where the cipher does it
    """

    cipher: str
    mac: str
    compression: str

    def __str__(self) -> str:
        return "+".join(filter(None, [self.cipher, self.mac, self.compression]))


@dataclass(frozen=True)
class Secret:
    """
    The keys of one direction, each as long as any algorithm wants it.
    """

    key: bytes
    iv: bytes
    mac_key: bytes


def draw_secret() -> Secret:
    """
    Return one that this test has not seen yet.
    """
    return Secret(random.randbytes(64), random.randbytes(64), random.randbytes(64))


def suites(library: ModuleType) -> list[Suite]:
    """
    Return everything that a library can agree upon; what has two names is there under one.
    """
    transport = library.Transport
    compressions = {pair: name for name, pair in transport._compression_info.items()}.values()
    return [
        Suite(cipher, mac, compression)
        for cipher, info in transport._cipher_info.items()
        for mac in ([""] if info.get("is_aead") else transport._mac_info)
        for compression in compressions
    ]


def uncompressed(library: ModuleType) -> list[Suite]:
    """
    Return those without compression.
    """
    return [suite for suite in suites(library) if suite.compression == "none"]


def set_outbound(library: ModuleType, packetizer: Any, suite: Suite, secret: Secret) -> None:
    """
    Have a packetizer write with this suite and these keys from now on.
    """
    arguments = _arguments(library, suite, secret, "encryptor")
    if "aead" in arguments:
        arguments["iv_out"] = arguments.pop("iv")
    packetizer.set_outbound_cipher(sdctr=suite.cipher.endswith("-ctr"), **arguments)
    compressor = library.Transport._compression_info[suite.compression][0]
    packetizer.set_outbound_compressor(compressor and compressor())


def set_inbound(library: ModuleType, packetizer: Any, suite: Suite, secret: Secret) -> None:
    """
    Have a packetizer read with this suite and these keys from now on.
    """
    arguments = _arguments(library, suite, secret, "decryptor")
    if "aead" in arguments:
        arguments["iv_in"] = arguments.pop("iv")
    packetizer.set_inbound_cipher(**arguments)
    decompressor = library.Transport._compression_info[suite.compression][1]
    packetizer.set_inbound_compressor(decompressor and decompressor())


def _arguments(library: ModuleType, suite: Suite, secret: Secret, way: str) -> dict[str, Any]:
    """
    Return what upstream's transport hands to both setters.
    """
    info = library.Transport._cipher_info[suite.cipher]
    key = secret.key[: info["key-size"]]
    if info.get("is_aead"):
        return {
            "block_engine": info["class"](key),
            "block_size": info["block-size"],
            "mac_engine": None,
            "mac_size": 16,
            "mac_key": None,
            "aead": True,
            "iv": secret.iv[: info["iv-size"]],
        }
    mode = info["mode"](secret.iv[: info["block-size"]])
    mac = library.Transport._mac_info[suite.mac]
    return {
        # Releases of cryptography before 3.1 want to be told the backend.
        "block_engine": getattr(Cipher(info["class"](key), mode, default_backend()), way)(),
        "block_size": info["block-size"],
        "mac_engine": mac["class"],
        "mac_size": mac["size"],
        "mac_key": secret.mac_key[: mac["class"]().digest_size],
        "etm": "etm@openssh.com" in suite.mac,
    }


class Sealer:
    """
    Encrypts packets that no library would make: a peer that has the keys, and lies.

    :param library: where the algorithms are looked up
    """

    def __init__(self, library: ModuleType, suite: Suite, secret: Secret) -> None:
        self._arguments = _arguments(library, suite, secret, "encryptor")
        self._sequence = 0

    def seal(self, length: int, rest: bytes) -> bytes:
        """
        Return what is on the wire of a packet.

        :param int length: what it claims for itself
        :param bytes rest: what comes behind that: the padding's length, payload and padding
        """
        head = struct.pack(">I", length)
        number = struct.pack(">I", self._sequence)
        self._sequence += 1
        engine = self._arguments["block_engine"]
        if self._arguments.get("aead"):
            sealed: bytes = engine.encrypt(self._arguments["iv"], rest, head)
            return head + sealed
        if self._arguments["etm"]:
            body: bytes = head + engine.update(rest)
            return body + self._code(number + body)
        return bytes(engine.update(head + rest)) + self._code(number + head + rest)

    def _code(self, text: bytes) -> bytes:
        name = self._arguments["mac_engine"]().name
        code: bytes = digest(self._arguments["mac_key"], text, name)[: self._arguments["mac_size"]]
        return code


def write(library: ModuleType, packetizer: Any, payloads: Iterable[bytes]) -> None:
    """
    Send messages of these contents, number included.
    """
    for payload in payloads:
        packetizer.send_message(library.Message(payload))


def read(packetizer: Any) -> bytes:
    """
    Return the content of the next message, number included.
    """
    number, message = packetizer.read_message()
    content: bytes = message.asbytes()
    return bytes([number]) + content


def payload(size: int) -> bytes:
    """
    Return the content of a message: half of it can be compressed.
    """
    return (bytes([DATA]) + random.randbytes(size // 2)).ljust(size, b"x")[:size]


def written(library: ModuleType, suite: Suite, secret: Secret, payloads: list[bytes]) -> bytes:
    """
    Return what a library puts on the wire.
    """
    sink = Sink()
    writer = library.Packetizer(sink)
    set_outbound(library, writer, suite, secret)
    write(library, writer, payloads)
    return bytes(sink.wire)


def reader(library: ModuleType, suite: Suite, secret: Secret, carrier: Pieces) -> Any:
    """
    Return a packetizer that reads from a carrier.
    """
    made = library.Packetizer(carrier)
    set_inbound(library, made, suite, secret)
    return made
