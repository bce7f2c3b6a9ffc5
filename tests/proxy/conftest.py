"""
Fixtures of the ProxyCommand tests: open a proxy, and check every test for leaks.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

#: A read that a test expects to succeed gives up after this, so that stock fails and never hangs.
READ_LIMIT_S = 5.0


@pytest.fixture(autouse=True)
def no_leaks(leak_check: Callable[[Callable[[], None]], None]) -> None:
    """
    Put every test of this folder under the leak check.
    """


@pytest.fixture
def failure(paramiko: ModuleType) -> Any:
    """
    Return the exception class that reports the death of a proxy.
    """
    return paramiko.ProxyCommandFailure


@pytest.fixture
def open_proxy(
    paramiko: ModuleType, leak_check: Callable[[Callable[[], None]], None]
) -> Iterator[Callable[..., Any]]:
    """
    Return a function that starts a ProxyCommand; what it started is closed after the test.

    Closing is all that happens here, as in a program. What that leaves is the leak check's.
    """
    opened: list[Any] = []

    def open_one(command: Any, timeout_s: float | None = READ_LIMIT_S, **options: Any) -> Any:
        proxy = paramiko.ProxyCommand(command, **options)
        opened.append(proxy)
        leak_check(lambda: rescue(proxy))
        proxy.settimeout(timeout_s)
        return proxy

    yield open_one
    for proxy in opened:
        proxy.close()


def rescue(proxy: Any) -> None:
    """
    End a proxy that its library has leaked, with everything that blocks or spins on it.
    """
    proxy.process.kill()
    with contextlib.suppress(Exception):
        proxy.process.wait(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for stream in (proxy.process.stdin, proxy.process.stdout, proxy.process.stderr):
            with contextlib.suppress(Exception):
                stream.close()
