"""
A packet whose authentication code is wrong ends the connection, and the check costs one call.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

import pytest
from session.connection import RAISES_S, Connection, raised
from waiting import Call, wait_until

Open = Callable[..., Connection]

#: Codes of what is encrypted, and of what is not yet.
MACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"]

SIZE_BYTES = 1_000_000


def connect_with(open_connection: Open, paramiko: ModuleType, mac: str) -> Connection:
    """
    Return a connection whose packets all have a code of this kind.
    """
    others = [name for name in paramiko.Transport._preferred_macs if name != mac]
    connection = open_connection(disabled_algorithms={"macs": others})
    assert connection.transport.remote_mac == mac
    return connection


@pytest.mark.parametrize("mac", MACS)
@pytest.mark.parametrize("place", [-1, -32], ids=["last-byte", "first-byte"])
def test_wrong_code_ends_the_connection(
    open_connection: Open, paramiko: ModuleType, mac: str, place: int
) -> None:
    connection = connect_with(open_connection, paramiko, mac)
    channel = connection.run("while printf ab && sleep 0.05; do :; done")
    receive = connection.proxy.recv

    def spoil(size: int) -> bytes:
        # What has arrived ends with a whole packet, and a packet with its code.
        data = bytearray(receive(size))
        data[place] ^= 1
        return bytes(data)

    connection.proxy.recv = spoil
    wait_until(lambda: not connection.transport.is_active(), RAISES_S, "an inactive transport")

    assert "Mismatched MAC" in str(raised(Call(channel.makefile("rb").read), RAISES_S))


@pytest.mark.parametrize("mac", MACS)
def test_check_of_a_code_does_not_look_at_each_byte(
    open_connection: Open, paramiko: ModuleType, mac: str
) -> None:
    """
    Upstream's makes four calls for each byte of each code.
    """
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1

    threading.setprofile(count)
    try:
        connection = connect_with(open_connection, paramiko, mac)
    finally:
        threading.setprofile(None)
    # Before the command starts: its output arrives while `run` returns.
    calls.clear()
    channel = connection.run(f"head -c {SIZE_BYTES} /dev/zero")

    received = Call(channel.makefile("rb").read).result(20)

    assert received == bytes(SIZE_BYTES)
    packets = calls["_check"]
    assert packets >= SIZE_BYTES / 32768
    assert calls["byte_ord"] < 8 * packets
