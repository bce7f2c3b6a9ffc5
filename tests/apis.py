"""
What upstream's API has gained since the oldest line, for the tests that need it.

A test marked ``needs_api`` is skipped where the library under test does not have that. `LACKING`
says exactly where this may happen, and ``session/test_apis.py`` holds it against the library: a
fork that lost an API, or an entry that is not true, fails.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from types import ModuleType

#: Name to whether a library has it.
APIS: Mapping[str, Callable[[ModuleType], bool]] = {
    # AuthStrategy, and SSHClient.connect takes one; from 3.2 on.
    "auth-strategy": lambda paramiko: (
        "auth_strategy" in inspect.signature(paramiko.SSHClient.connect).parameters
    ),
    # A transport that sends its service request by itself; from 3.2 on.
    "service-request": lambda paramiko: hasattr(paramiko, "ServiceRequestingTransport"),
    # A limit for how many requests a prefetch has open; from 3.3 on.
    "limited-prefetch": lambda paramiko: (
        "max_concurrent_requests" in inspect.signature(paramiko.SFTPFile.prefetch).parameters
    ),
    # Numbers of packets begin anew with new keys (CVE-2023-48795); from 3.4 on.
    "strict-key-exchange": lambda paramiko: (
        "strict_kex" in inspect.signature(paramiko.Transport).parameters
    ),
    # Ciphers that authenticate, of AES in Galois counter mode; from 3.5 on.
    "authenticating-ciphers": lambda paramiko: any(
        info.get("is_aead") for info in paramiko.Transport._cipher_info.values()
    ),
    # A key exchange that is half post-quantum; from 5.1 on.
    "hybrid-key-exchange": lambda paramiko: (
        importlib.util.find_spec(f"{paramiko.__name__}.kex_mlkem") is not None
    ),
}

#: Release to what it is without; a release that is not here has everything.
LACKING: Mapping[str, frozenset[str]] = {
    "4.0.0": frozenset({"hybrid-key-exchange"}),
    "3.5.1": frozenset({"hybrid-key-exchange"}),
    "2.12.0": frozenset(
        {
            "auth-strategy",
            "service-request",
            "limited-prefetch",
            "strict-key-exchange",
            "authenticating-ciphers",
            "hybrid-key-exchange",
        }
    ),
}

#: Release to the warnings filters for what its own imports cause in a new cryptography.
IMPORTS_WARN: Mapping[str, tuple[str, ...]] = {"2.12.0": ("ignore:TripleDES has been moved",)}


def lacking(paramiko: ModuleType) -> frozenset[str]:
    """
    Return the names of the APIs that a library is without.
    """
    return frozenset(name for name, has in APIS.items() if not has(paramiko))


def release(paramiko: ModuleType) -> str:
    """
    Return the upstream release that a library is, or was made from.
    """
    version: str = paramiko.__version__
    return ".".join(version.split(".")[:3])
