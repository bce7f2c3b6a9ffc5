# This module is part of paramiko-patched.  It is distributed under the same
# licence as paramiko, the GNU Lesser General Public License, version 2.1 or
# (at your option) any later one.

"""
The code that authenticates packets (RFC 4253, section 6.4), keyed once.

The standard library's takes the key anew for each packet, in half a dozen
calls.
"""

from __future__ import annotations

import hmac
from typing import Any, Callable

from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

#: By the name that `hashlib` has for them.
_ALGORITHMS: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha512": hashes.SHA512,
}


class KeyedMac:
    """
    HMAC (RFC 2104) under one key.

    Does not block.  One thread at a time may use it.

    :param bytes key: of any length.
    :param algorithm: from ``cryptography``.
    """

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes, algorithm: hashes.HashAlgorithm) -> None:
        # Releases before 3.1 want to be told the backend.
        self._keyed: Any = HMAC(key, algorithm, backend=default_backend())

    def digest(self, *parts: bytes) -> bytes:
        """
        Return the code of what the parts are together, which are not joined.
        """
        mac = self._keyed.copy()
        for part in parts:
            mac.update(part)
        code: bytes = mac.finalize()
        return code


class _StandardMac(KeyedMac):
    """
    The same by the standard library, for any other hash.

    :param engine: makes a hash object, such as `hashlib.md5`.
    """

    __slots__ = ()

    def __init__(self, key: bytes, engine: Callable[..., Any]) -> None:
        self._keyed = hmac.new(key, digestmod=engine)

    def digest(self, *parts: bytes) -> bytes:
        mac = self._keyed.copy()
        for part in parts:
            mac.update(part)
        code: bytes = mac.digest()
        return code


def keyed_mac(
    key: bytes | None, engine: Callable[..., Any] | None
) -> KeyedMac | None:
    """
    Return what authenticates the packets of one direction until a new key.

    :param bytes key: as negotiated.
    :param engine:
        the hash of the negotiated algorithm, such as `hashlib.sha256`; `None`
        where a cipher authenticates by itself.
    """
    if engine is None:
        return None
    algorithm = _ALGORITHMS.get(getattr(engine(), "name", ""))
    if algorithm is None:
        return _StandardMac(key or b"", engine)
    return KeyedMac(key or b"", algorithm())
