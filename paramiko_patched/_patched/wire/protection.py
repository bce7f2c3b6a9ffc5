# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
Packets as bytes: framed, encrypted and authenticated, and back again.

One object protects one direction from one NEWKEYS to the next.  There are four
kinds, each of which can seal packets or open them:

- `Clear`, before there are keys (RFC 4253, section 6);
- `EncryptAndMac`, where the code is that of the packet in clear (the same);
- `EncryptThenMac`, where the length is in clear, and the code is that of what
  is sent (OpenSSH's PROTOCOL, section 1.5);
- `Aead`, a cipher that authenticates by itself (RFC 5647).

Nothing here blocks.  An object belongs to one thread at a time: sealing to
whoever holds the lock that orders packets, opening to the transport thread.
"""

from __future__ import annotations

import hmac
import os
import struct
from typing import Any, Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from paramiko.ssh_exception import SSHException

#: The least padding, in bytes, and what packets are padded to a multiple of.
LEAST_PADDING = 4
LEAST_BLOCK_SIZE = 8

_LENGTH_SIZE = 4
#: The length of a packet, and of its padding.
_HEAD = struct.Struct(">IB")
#: How much of a nonce counts packets; the rest stays (RFC 5647, section 7.1).
_FIXED_SIZE = 4

#: Those that ``cryptography`` knows, by the names that `hashlib` has for them.
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}

#: Takes the parts of a message, and returns its code.
Mac = Callable[..., bytes]


def frame(
    payload: bytes, block_size: int, is_length_padded: bool, is_random: bool
) -> bytes:
    """
    Return a packet in clear: length, length of padding, payload, padding.

    :param int block_size: what the packet is padded to a multiple of.
    :param bool is_length_padded: whether the length counts for that.
    :param bool is_random: zeros will do under a key stream.
    """
    size = 1 + len(payload)
    padding = -(size + _LENGTH_SIZE * is_length_padded) % block_size
    if padding < LEAST_PADDING:
        padding += block_size
    fill = os.urandom(padding) if is_random else bytes(padding)
    return b"".join((_HEAD.pack(size + padding, padding), payload, fill))


def make_mac(key: bytes, engine: Callable[[], Any], size: int) -> Mac:
    """
    Return what computes the code of a message under one key (RFC 2104).

    The key is scheduled once, and not for each packet.

    :param engine: the hash, such as `hashlib.sha256`.
    :param int size: of the code, in bytes, if that is to be cut.
    """
    algorithm = _HASHES.get(getattr(engine(), "name", ""))
    keyed: Any
    if algorithm is None:
        keyed = hmac.new(key, digestmod=engine)
    else:
        # Releases before 3.1 want to be told the backend.
        keyed = HMAC(key, algorithm(), backend=default_backend())

    def compute(*parts: Any) -> bytes:
        mac = keyed.copy()
        for part in parts:
            mac.update(part)
        code: bytes = mac.digest() if algorithm is None else mac.finalize()
        return code[:size]

    return compute


class Clear:
    """
    Packets before there are keys; what the others have in common.

    :ivar int block_size: of the cipher, in bytes.
    """

    is_length_padded = True
    is_random = False

    def __init__(self, block_size: int = LEAST_BLOCK_SIZE) -> None:
        self.block_size = max(block_size, LEAST_BLOCK_SIZE)
        #: Of what authenticates a packet, in bytes.
        self._code_size = 0
        #: Of the packet that is received, with its code; 0 if not known yet.
        self._size = 0

    def frame(self, payload: bytes) -> bytes:
        """
        Return a packet with this payload as it has to be for `seal`.
        """
        return frame(
            payload, self.block_size, self.is_length_padded, self.is_random
        )

    def seal(self, packet: bytes, number: int) -> tuple[bytes, ...]:
        """
        Return what is sent of a packet, in parts that follow each other.

        :param int number: of the packet: 0 for the first.
        """
        return (packet,)

    def open(
        self, received: bytearray, number: int, limit: int
    ) -> tuple[memoryview, int] | None:
        """
        Take the next packet out of what was received.

        :param received: is left as it is if a part of the packet is missing.
        :param int limit: the most that the packet may claim to be, in bytes.
        :returns:
            its payload, and how many bytes it took; `None` if more of it has
            to be received.
        :raises SSHException: this is no packet, or not the peer's.
        """
        size = self._size or self._begin(received, limit)
        if not size or len(received) < size:
            return None
        packet = self._open(received, size, number)
        del received[:size]
        self._size = 0
        # Not sliced: what is long is copied when its reader is known.
        last = len(packet) - packet[_LENGTH_SIZE]
        if last <= _LENGTH_SIZE + 1:
            raise SSHException("Packet without a message")
        return memoryview(packet)[_LENGTH_SIZE + 1 : last], size

    def _begin(self, received: bytearray, limit: int) -> int:
        """
        Return how many bytes the packet takes; 0 if that is not known yet.
        """
        if len(received) < _LENGTH_SIZE:
            return 0
        return self._take_length(received[:_LENGTH_SIZE], limit)

    def _take_length(self, head: bytes | bytearray, limit: int) -> int:
        length = int.from_bytes(head, "big")
        if length > limit:
            raise SSHException("Message of {} bytes: garbage".format(length))
        padded = length + _LENGTH_SIZE * self.is_length_padded
        if not length or padded % self.block_size:
            raise SSHException("Invalid packet blocking")
        self._size = _LENGTH_SIZE + length + self._code_size
        return self._size

    def _open(self, received: bytearray, size: int, number: int) -> bytes:
        """
        Return the packet in clear, which begins with its length.
        """
        return bytes(received[:size])


class _WithMac(Clear):
    """
    :param engine: a cipher context, which goes on from packet to packet.
    :param mac: computes codes of ``mac_size`` bytes.
    :param bool is_stream: whether the cipher makes a key stream.
    """

    def __init__(
        self,
        engine: Any,
        block_size: int,
        mac: Mac,
        mac_size: int,
        is_stream: bool = False,
    ) -> None:
        super().__init__(block_size)
        self._update = engine.update
        self._mac = mac
        self._code_size = mac_size
        self.is_random = not is_stream

    def _check(self, code: bytes | bytearray, *parts: Any) -> None:
        if not hmac.compare_digest(self._mac(*parts), bytes(code)):
            raise SSHException("Mismatched MAC")


class EncryptAndMac(_WithMac):
    """
    The length is encrypted as well, and the code is that of the clear packet.
    """

    #: The first block in clear, of a packet that is not here as a whole.
    _head = b""

    def seal(self, packet: bytes, number: int) -> tuple[bytes, ...]:
        code = self._mac(number.to_bytes(4, "big"), packet)
        return self._update(packet), code

    def _begin(self, received: bytearray, limit: int) -> int:
        if len(received) < self.block_size:
            return 0
        self._head = self._update(bytes(received[: self.block_size]))
        return self._take_length(self._head[:_LENGTH_SIZE], limit)

    def _open(self, received: bytearray, size: int, number: int) -> bytes:
        code_at = size - self._code_size
        with memoryview(received) as view:
            rest = self._update(view[self.block_size : code_at])
        packet = self._head + rest
        self._check(received[code_at:size], number.to_bytes(4, "big"), packet)
        return packet


class EncryptThenMac(_WithMac):
    """
    The length is in clear, and the code is that of what is sent.
    """

    is_length_padded = False

    def seal(self, packet: bytes, number: int) -> tuple[bytes, ...]:
        length = packet[:_LENGTH_SIZE]
        body = self._update(memoryview(packet)[_LENGTH_SIZE:])
        code = self._mac(number.to_bytes(4, "big"), length, body)
        return length, body, code

    def _open(self, received: bytearray, size: int, number: int) -> bytes:
        code_at = size - self._code_size
        code = received[code_at:size]
        with memoryview(received) as view:
            # Before anything is decrypted.
            self._check(code, number.to_bytes(4, "big"), view[:code_at])
            body: bytes = self._update(view[_LENGTH_SIZE:code_at])
        return bytes(received[:_LENGTH_SIZE]) + body


class Aead(Clear):
    """
    :param engine: encrypts and decrypts a whole packet, such as ``AESGCM``.
    :param bytes nonce: of the first packet.
    """

    is_length_padded = False
    is_random = True

    def __init__(
        self, engine: Any, block_size: int, nonce: bytes, tag_size: int
    ) -> None:
        super().__init__(block_size)
        self._engine = engine
        self._fixed = nonce[:_FIXED_SIZE]
        self._counter = int.from_bytes(nonce[_FIXED_SIZE:], "big")
        self._counter_size = len(nonce) - _FIXED_SIZE
        self._code_size = tag_size

    def _nonce(self) -> bytes:
        counter = self._counter.to_bytes(self._counter_size, "big")
        # It wraps around (RFC 5647, section 7.1).
        self._counter = (self._counter + 1) % (1 << 8 * self._counter_size)
        return self._fixed + counter

    def seal(self, packet: bytes, number: int) -> tuple[bytes, ...]:
        length = packet[:_LENGTH_SIZE]
        body = packet[_LENGTH_SIZE:]
        return length, self._engine.encrypt(self._nonce(), body, length)

    def _open(self, received: bytearray, size: int, number: int) -> bytes:
        length = bytes(received[:_LENGTH_SIZE])
        with memoryview(received) as view:
            body = bytes(view[_LENGTH_SIZE:size])
        try:
            body = self._engine.decrypt(self._nonce(), body, length)
        except InvalidTag as e:
            raise SSHException("Mismatched MAC") from e
        return length + body
